//! Series for the API and for `inspect trends`.

use super::calendar::hour_start;
use super::dims::Dimension;
use super::engine::TrendEngine;
use super::error::TrendError;
use super::store::{Cells, DEDUPLICATED, NO_VALUE, RAW, TOTAL, ValueId};
use serde::Serialize;
use std::collections::BTreeMap;

/// Width of a point. Weeks begin on Monday in the configured zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bucketing {
    Hour,
    Day,
    Week,
}

/// What `GET /api/v1/trends` asks.
#[derive(Debug, Clone)]
pub struct SeriesRequest {
    /// Dimension names; empty = the total.
    pub by: Vec<String>,
    pub bucket: Bucketing,
    /// ms UTC, points that begin in `[from_ms, to_ms)`.
    pub from_ms: i64,
    pub to_ms: i64,
    /// What rules use (else every item with a usable event time).
    pub deduplicated: bool,
}

/// Points of one key, sorted by time, only those above zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySeries {
    pub key: BTreeMap<String, String>,
    /// Start of the bucket in ms UTC, count.
    pub points: Vec<(i64, u64)>,
}

/// One line of `inspect trends`. Each item is in exactly one bucket of each of its keys: in an hour, or in a day
/// where only the day is known or the hour is long past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountRow {
    pub key: BTreeMap<String, String>,
    /// `hour` `day`.
    pub bucket: &'static str,
    /// ms UTC.
    pub start: i64,
    pub raw: u64,
    pub deduplicated: u64,
}

impl TrendEngine {
    /// The series of each value of one closed dimension, of the total, or of the keys of a rule without `where`
    /// (deduplicated only). Days hold day-precise items too; with hours, those stand at the start of their day.
    pub fn series(&self, request: &SeriesRequest) -> Result<Vec<KeySeries>, TrendError> {
        let no_series = || TrendError::NoSeries {
            by: request.by.join(","),
        };
        let mut by = request
            .by
            .iter()
            .map(|name| Dimension::from_name(name).ok_or_else(no_series))
            .collect::<Result<Vec<_>, _>>()?;
        by.sort_unstable();
        by.dedup();
        let mut out = Vec::new();
        match by.as_slice() {
            [] => out.extend(self.key_series(TOTAL, request)),
            [dimension] if dimension.is_closed() => {
                for id in 0..self.store.len() as ValueId {
                    if self.values.name(id).0 == Some(*dimension) {
                        out.extend(self.key_series(id, request));
                    }
                }
            }
            _ => {
                let view = self
                    .views
                    .iter()
                    .find(|view| view.by == by && view.where_query.is_none() && request.deduplicated)
                    .ok_or_else(no_series)?;
                for key in &view.keys {
                    let mut points = BTreeMap::new();
                    self.add_points(&key.total.hours, &key.total.days, &[0, 1], request, &mut points);
                    if !points.is_empty() {
                        out.push(KeySeries {
                            key: self.key_names(&view.by, &key.values),
                            points: points.into_iter().collect(),
                        });
                    }
                }
            }
        }
        out.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(out)
    }

    /// Every count of every single closed dimension and of the total, sorted by key and time.
    pub fn rows(&self) -> impl Iterator<Item = CountRow> + '_ {
        let mut ids: Vec<ValueId> = (0..self.store.len() as ValueId).collect();
        ids.sort_by(|a, b| self.values.name(*a).cmp(&self.values.name(*b)));
        ids.into_iter().flat_map(move |id| self.rows_of(id))
    }

    fn rows_of(&self, id: ValueId) -> Vec<CountRow> {
        let Some(counts) = self.store.get(id) else {
            return Vec::new();
        };
        let row = |bucket, start, n: [u32; 2]| CountRow {
            key: self.single_key(id),
            bucket,
            start,
            raw: u64::from(n[RAW]),
            deduplicated: u64::from(n[DEDUPLICATED]),
        };
        let days = counts
            .days
            .all()
            .iter()
            .map(|cell| row("day", self.calendar.day_start(cell.at), cell.n));
        let hours = counts
            .hours
            .all()
            .iter()
            .map(|cell| row("hour", hour_start(cell.at), cell.n));
        days.chain(hours).collect()
    }

    fn key_series(&self, id: ValueId, request: &SeriesRequest) -> Option<KeySeries> {
        let counts = self.store.get(id)?;
        let which = if request.deduplicated { DEDUPLICATED } else { RAW };
        let mut points = BTreeMap::new();
        self.add_points(&counts.hours, &counts.days, &[which], request, &mut points);
        (!points.is_empty()).then(|| KeySeries {
            key: self.single_key(id),
            points: points.into_iter().collect(),
        })
    }

    fn add_points(
        &self,
        hours: &Cells,
        days: &Cells,
        which: &[usize],
        request: &SeriesRequest,
        points: &mut BTreeMap<i64, u64>,
    ) {
        let cells = (hours.all().iter().map(|cell| (hour_start(cell.at), None, cell))).chain(
            days.all()
                .iter()
                .map(|cell| (self.calendar.day_start(cell.at), Some(cell.at), cell)),
        );
        for (start_ms, day, cell) in cells {
            let day = || day.unwrap_or_else(|| self.calendar.day_of(start_ms));
            let bucket_ms = match request.bucket {
                Bucketing::Hour => start_ms,
                Bucketing::Day => self.calendar.day_start(day()),
                Bucketing::Week => self.calendar.day_start(self.calendar.week_start_day(day())),
            };
            let n: u64 = which.iter().map(|&which| u64::from(cell.n[which])).sum();
            if n > 0 && (request.from_ms..request.to_ms).contains(&bucket_ms) {
                *points.entry(bucket_ms).or_default() += n;
            }
        }
    }

    fn single_key(&self, id: ValueId) -> BTreeMap<String, String> {
        let (dimension, value) = self.values.name(id);
        dimension
            .map(|dimension| (dimension.name().to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    }

    pub(super) fn key_names(&self, by: &[Dimension], values: &[ValueId]) -> BTreeMap<String, String> {
        by.iter()
            .zip(values)
            .filter(|(_, value)| **value != NO_VALUE)
            .map(|(dimension, &value)| (dimension.name().to_owned(), self.values.name(value).1.to_owned()))
            .collect()
    }
}
