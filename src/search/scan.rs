//! One pass over the documents that a query selects: their number, the best of them, facets and a histogram.
//!
//! Own collectors over fast fields instead of tantivy's aggregations: counts are exact, days and weeks are those of
//! the configured zone, and the deadline is looked at every few thousand documents.

use super::SearchError;
use super::buckets::{BucketUnit, Buckets};
use super::columns::{FacetColumn, FacetField};
use super::cursor::Place;
use crate::clock::Stopwatch;
use chrono_tz::Tz;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;
use tantivy::columnar::Column;
use tantivy::query::{EnableScoring, Query};
use tantivy::{DateTime, DocAddress, DocId, Score, Searcher, SegmentReader, TERMINATED};

/// Order of hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortOrder {
    Relevance,
    /// Newest event time first.
    Time,
    /// P0 first.
    Priority,
    /// Most engagement first.
    Engagement,
}

impl SortOrder {
    pub const NAMES: [&'static str; 4] = ["relevance", "time", "priority", "engagement"];

    pub fn named(name: &str) -> Option<Self> {
        match name {
            "relevance" => Some(Self::Relevance),
            "time" => Some(Self::Time),
            "priority" => Some(Self::Priority),
            "engagement" => Some(Self::Engagement),
            _ => None,
        }
    }
}

/// Distinct values of a facet, cells of a histogram: what one search may hold in memory.
pub const MAX_CELLS: usize = 100_000;
/// Documents between two looks at the clock.
const DEADLINE_STEP: u64 = 4_096;

/// What to find out about the selected documents.
pub(super) struct Scan<'a> {
    pub order: SortOrder,
    pub after: Option<Place>,
    pub limit: usize,
    pub facets: &'a [FacetField],
    pub histogram: Option<(BucketUnit, Option<FacetField>)>,
    pub zone: Tz,
    pub deadline: Deadline,
}

/// Time that a search may take from `started`.
#[derive(Clone, Copy)]
pub struct Deadline {
    pub started: Stopwatch,
    pub limit: Duration,
}

impl Deadline {
    pub fn check(&self) -> Result<(), SearchError> {
        if self.started.elapsed() > self.limit {
            return Err(SearchError::Deadline {
                deadline_ms: self.limit.as_millis(),
            });
        }
        Ok(())
    }
}

pub(super) struct ScanHit {
    pub place: Place,
    pub score: Score,
    pub address: DocAddress,
}

/// Bucket start → count and counts by value.
pub(super) type Histogram = BTreeMap<i64, (u64, BTreeMap<String, u64>)>;

#[derive(Default)]
pub(super) struct Scanned {
    pub total: u64,
    /// In order.
    pub hits: Vec<ScanHit>,
    /// More hits follow the last one.
    pub more: bool,
    /// One map a facet field.
    pub facets: Vec<FxHashMap<String, u64>>,
    pub histogram: Histogram,
}

impl Scan<'_> {
    pub fn run(&self, searcher: &Searcher, query: &dyn Query) -> Result<Scanned, SearchError> {
        let scoring = self.order == SortOrder::Relevance && self.limit > 0;
        let weight = query.weight(if scoring {
            EnableScoring::enabled_from_searcher(searcher)
        } else {
            EnableScoring::disabled_from_searcher(searcher)
        })?;
        let mut out = Scanned {
            facets: self.facets.iter().map(|_| FxHashMap::default()).collect(),
            ..Scanned::default()
        };
        let mut best = Best {
            limit: self.limit,
            after: self.after,
            heap: BinaryHeap::new(),
            more: false,
        };
        let mut buckets = self.histogram.map(|(unit, _)| Buckets::new(self.zone, unit));
        for (ordinal, reader) in searcher.segment_readers().iter().enumerate() {
            self.deadline.check()?;
            let mut segment = SegmentScan::open(self, reader, ordinal as u32)?;
            let alive = reader.alive_bitset();
            let mut scorer = weight.scorer(reader, 1.0)?;
            let mut doc = scorer.doc();
            let mut seen = 0u64;
            while doc != TERMINATED {
                if alive.is_none_or(|alive| alive.is_alive(doc)) {
                    out.total += 1;
                    let score = if scoring { scorer.score() } else { 0.0 };
                    segment.take(doc, score, &mut best, buckets.as_mut());
                }
                seen += 1;
                if seen.is_multiple_of(DEADLINE_STEP) {
                    self.deadline.check()?;
                    segment.check_size()?;
                }
                doc = scorer.advance();
            }
            segment.finish(&mut out)?;
        }
        out.more = best.more;
        out.hits = best.heap.into_sorted_vec().into_iter().map(|entry| entry.0).collect();
        Ok(out)
    }
}

/// The first `limit` hits after a place.
struct Best {
    limit: usize,
    after: Option<Place>,
    /// The worst on top.
    heap: BinaryHeap<ByPlace>,
    /// A hit after the place was turned away.
    more: bool,
}

struct ByPlace(ScanHit);

impl PartialEq for ByPlace {
    fn eq(&self, other: &Self) -> bool {
        self.0.place == other.0.place
    }
}

impl Eq for ByPlace {}

impl PartialOrd for ByPlace {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByPlace {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.place.cmp(&other.0.place)
    }
}

impl Best {
    /// Whether a hit with this primary value certainly has no place among the best; spares reading the rest of it.
    fn turns_away(&mut self, primary: Reverse<i64>) -> bool {
        if self.limit == 0 || self.after.is_some_and(|after| primary < after.primary) {
            return true;
        }
        let full = self.heap.len() == self.limit;
        let worse = full && self.heap.peek().is_some_and(|worst| primary > worst.0.place.primary);
        self.more |= worse;
        worse
    }

    fn offer(&mut self, hit: ScanHit) {
        if self.after.is_some_and(|after| hit.place <= after) {
            return;
        }
        self.heap.push(ByPlace(hit));
        if self.heap.len() > self.limit {
            self.heap.pop();
            self.more = true;
        }
    }
}

struct SegmentScan {
    ordinal: u32,
    order: SortOrder,
    published_at: Option<Column<DateTime>>,
    engagement: Option<Column<u64>>,
    priority: FacetColumn,
    /// By number of the priority's value.
    priority_ranks: Vec<i64>,
    id_high: Option<Column<u64>>,
    id_low: Option<Column<u64>>,
    facets: Vec<(FacetColumn, Vec<u32>)>,
    by: Option<FacetColumn>,
    counts: FxHashMap<i64, u64>,
    counts_by: FxHashMap<(i64, u32), u64>,
    values: Vec<u32>,
}

impl SegmentScan {
    fn open(scan: &Scan<'_>, reader: &SegmentReader, ordinal: u32) -> Result<Self, SearchError> {
        let fast = reader.fast_fields();
        let facets = scan.facets.iter().map(|field| {
            let column = FacetColumn::open(reader, *field)?;
            let counts = vec![0; column.size()];
            Ok((column, counts))
        });
        let by = scan.histogram.and_then(|(_, by)| by);
        let priority = match (scan.order, FacetField::named("priority")) {
            (SortOrder::Priority, Some(field)) => FacetColumn::open(reader, field)?,
            _ => FacetColumn::Missing,
        };
        let ranks = (0..priority.size()).map(|value| Ok(-rank_of(&priority.name(value as u32)?)));
        Ok(Self {
            ordinal,
            order: scan.order,
            published_at: fast.column_opt("published_at")?,
            engagement: fast.column_opt("engagement")?,
            priority_ranks: ranks.collect::<Result<_, SearchError>>()?,
            priority,
            id_high: fast.column_opt("id_hi")?,
            id_low: fast.column_opt("id_lo")?,
            facets: facets.collect::<Result<_, SearchError>>()?,
            by: by.map(|field| FacetColumn::open(reader, field)).transpose()?,
            counts: FxHashMap::default(),
            counts_by: FxHashMap::default(),
            values: Vec::new(),
        })
    }

    fn take(&mut self, doc: DocId, score: Score, best: &mut Best, buckets: Option<&mut Buckets>) {
        for (column, counts) in &mut self.facets {
            column.values(doc, &mut self.values);
            for value in &self.values {
                if let Some(count) = counts.get_mut(*value as usize) {
                    *count += 1;
                }
            }
        }
        if let Some(buckets) = buckets
            && let Some(at) = self.published_at(doc)
        {
            let start = buckets.start_of(at);
            *self.counts.entry(start).or_default() += 1;
            if let Some(by) = &self.by {
                by.values(doc, &mut self.values);
                for value in &self.values {
                    *self.counts_by.entry((start, *value)).or_default() += 1;
                }
            }
        }
        let primary = Reverse(self.primary(doc, score));
        if !best.turns_away(primary) {
            let place = Place {
                primary,
                secondary: Reverse(self.published_at(doc).unwrap_or(i64::MIN)),
                id: self.id(doc),
            };
            best.offer(ScanHit {
                place,
                score,
                address: DocAddress::new(self.ordinal, doc),
            });
        }
    }

    fn primary(&mut self, doc: DocId, score: Score) -> i64 {
        match self.order {
            // Rounded, so that what differs only in the order of summing is equal.
            SortOrder::Relevance => (f64::from(score) * 1e4).round() as i64,
            SortOrder::Time => self.published_at(doc).unwrap_or(i64::MIN),
            SortOrder::Priority => {
                self.priority.values(doc, &mut self.values);
                let value = self.values.first().map_or(usize::MAX, |value| *value as usize);
                self.priority_ranks.get(value).copied().unwrap_or(i64::MIN)
            }
            SortOrder::Engagement => {
                let engagement = self.engagement.as_ref().and_then(|column| column.first(doc));
                i64::try_from(engagement.unwrap_or(0)).unwrap_or(i64::MAX)
            }
        }
    }

    fn published_at(&self, doc: DocId) -> Option<i64> {
        let column = self.published_at.as_ref()?;
        column.first(doc).map(DateTime::into_timestamp_millis)
    }

    fn id(&self, doc: DocId) -> u128 {
        let half = |column: &Option<Column<u64>>| column.as_ref().and_then(|column| column.first(doc)).unwrap_or(0);
        (u128::from(half(&self.id_high)) << 64) | u128::from(half(&self.id_low))
    }

    fn check_size(&self) -> Result<(), SearchError> {
        cells_within(self.counts.len().max(self.counts_by.len()), "the histogram")
    }

    fn finish(self, out: &mut Scanned) -> Result<(), SearchError> {
        self.check_size()?;
        for ((column, counts), total) in self.facets.iter().zip(&mut out.facets) {
            for (value, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                *total.entry(column.name(value as u32)?).or_default() += u64::from(*count);
                cells_within(total.len(), "a facet")?;
            }
        }
        for (start, count) in self.counts {
            out.histogram.entry(start).or_default().0 += count;
        }
        let mut names: FxHashMap<u32, String> = FxHashMap::default();
        if let Some(by) = &self.by {
            for ((start, value), count) in self.counts_by {
                let name = match names.get(&value) {
                    Some(name) => name.clone(),
                    None => names.entry(value).or_insert(by.name(value)?).clone(),
                };
                *out.histogram.entry(start).or_default().1.entry(name).or_default() += count;
            }
        }
        let cells = out.histogram.values().map(|(_, by)| by.len().max(1)).sum();
        cells_within(cells, "the histogram")
    }
}

/// `P0` → 0; what is no priority comes last.
fn rank_of(priority: &str) -> i64 {
    priority
        .strip_prefix('P')
        .and_then(|rank| rank.parse().ok())
        .unwrap_or(99)
}

fn cells_within(cells: usize, what: &str) -> Result<(), SearchError> {
    if cells > MAX_CELLS {
        return Err(SearchError::TooManyBuckets {
            what: what.to_owned(),
            limit: MAX_CELLS,
        });
    }
    Ok(())
}
