//! What is told of an episode: the record, its window, its words, and whether it is paged.

use super::calendar::{HOUR_MS, WEEK_HOURS, hour_start};
use super::compare::Comparison;
use super::engine::TrendEngine;
use super::episodes::Episode;
use super::evaluate::Looked;
use super::evidence::{Scope, Showing, Support};
use super::rules::Rule;
use super::stats;
use super::store::NO_VALUE;
use crate::alert::{ALERT_SCHEMA, AlertRecord, AlertState, CountPair, Interval, Life, Wording, episode_id, summarize};

/// So many episodes of a day are paged, the strongest of each boundary first; the rest is for the digest.
const PAGES_PER_DAY: u32 = 20;

impl TrendEngine {
    pub(super) fn scope(&self, rule: &Rule, looked: &Looked) -> Scope<'_> {
        let view = &self.views[rule.view];
        let key = view.by.iter().zip(&looked.values).map(|(&dimension, &value)| {
            let name = (value != NO_VALUE).then(|| self.values.name(value).1.to_owned());
            (dimension, name)
        });
        let (window, reference_windows) = windows(rule, &looked.comparison);
        Scope {
            key: key.collect(),
            filter: self.filters[rule.view].as_ref(),
            where_query: view.where_query.as_deref(),
            window,
            reference_windows,
            lateness_ms: self.lateness_ms,
        }
    }

    #[allow(clippy::too_many_arguments)] // the parts of one record, each from its own place
    pub(super) fn record(
        &self,
        rule: &Rule,
        turn: &Turn<'_>,
        life: &Life,
        state: AlertState,
        q: f64,
        support: &Support,
        showing: Showing,
    ) -> AlertRecord {
        let Looked {
            comparison, phi, ln_p, ..
        } = turn.key;
        let key = self.names_of(rule, turn.key);
        let (window, reference_windows) = windows(rule, comparison);
        let scope = self.scope(rule, turn.key);
        let ratio = (comparison.mean > 0.0).then(|| comparison.current as f64 / comparison.mean);
        let priority = showing.priority.unwrap_or_else(|| "P2".to_owned());
        let windows = reference_windows.len().max(1) as f64;
        let mut record = AlertRecord {
            schema: ALERT_SCHEMA.to_owned(),
            id: episode_id(&rule.config.name, &key, life.starts_at_ms),
            rule: rule.config.name.clone(),
            kind: "spike".to_owned(),
            key,
            state,
            starts_at: life.starts_at_ms,
            ends_at: None,
            evaluated_at: turn.boundary_ms,
            current: comparison.current,
            reference: comparison.mean,
            increase_pct: ratio.map(|ratio| (ratio - 1.0) * 100.0),
            ratio,
            ci95: stats::ratio_interval(comparison.current, comparison.mean, comparison.inverse_n, *phi),
            p: ln_p.exp(),
            q,
            phi: *phi,
            authors: support.authors,
            raw: CountPair {
                current: showing.raw.0,
                reference: showing.raw.1 as f64 / windows,
            },
            window,
            reference_window: Interval {
                from: reference_windows.last().map_or(window.from, |window| window.from),
                to: reference_windows.first().map_or(window.from, |window| window.to),
            },
            last_week: comparison.last,
            top_terms: showing.top_terms,
            split: showing.split,
            samples: showing.samples,
            search: scope.search(),
            annotation: None,
            owner: rule.config.owner.clone().or(showing.owner),
            due_at: life.starts_at_ms + hours_to_act(&priority) * HOUR_MS,
            priority,
            severity: rule.config.severity.clone(),
            summary: Default::default(),
            model_version: support.models.join(","),
            paged: true,
        };
        record.round();
        record.summary = summarize(&record, wording(rule, comparison));
        record
    }

    /// Only the strongest of a day are paged.
    pub(super) fn spend_pages(&mut self, boundary_ms: i64, told: &mut [AlertRecord]) {
        let day = self.calendar.day_of(boundary_ms);
        if self.episodes.pages.0 != day {
            self.episodes.pages = (day, 0);
        }
        let mut fresh: Vec<&mut AlertRecord> = told
            .iter_mut()
            .filter(|record| record.state == AlertState::Firing && record.starts_at == boundary_ms)
            .collect();
        fresh.sort_by(|a, b| a.p.total_cmp(&b.p).then_with(|| a.id.cmp(&b.id)));
        let mut muted = Vec::new();
        for record in fresh {
            if self.page_budget && self.episodes.pages.1 >= PAGES_PER_DAY {
                record.paged = false;
                muted.push(record.id.clone());
            } else {
                self.episodes.pages.1 += 1;
            }
        }
        for episode in self.episodes.active.values_mut() {
            if muted.contains(&episode.record.id) {
                episode.record.paged = false;
            }
        }
    }

    /// Pages every episode: for `rules test`, which asks what a rule finds and not what is delivered.
    pub fn without_page_budget(mut self) -> Self {
        self.page_budget = false;
        self
    }
}

/// One key of one rule at one boundary.
pub(super) struct Turn<'a> {
    pub index: usize,
    pub key: &'a Looked,
    pub boundary_ms: i64,
    pub historical: bool,
}

pub(super) fn ended(episode: Episode, boundary_ms: i64) -> AlertRecord {
    let mut record = episode.record;
    record.ends_at = Some(boundary_ms);
    record.evaluated_at = boundary_ms;
    if !episode.historical {
        record.state = AlertState::Resolved;
    }
    record
}

/// The counted window, and the reference windows that were looked at, latest first.
fn windows(rule: &Rule, comparison: &Comparison) -> (Interval, Vec<Interval>) {
    let window = Interval {
        from: hour_start(comparison.first_hour),
        to: hour_start(comparison.end_hour),
    };
    let references = (1..=comparison.furthest)
        .map(|i| {
            let shift = i64::from(i * rule.stride_hours) * HOUR_MS;
            Interval {
                from: window.from - shift,
                to: window.to - shift,
            }
        })
        .collect();
    (window, references)
}

pub(super) fn wording(rule: &Rule, comparison: &Comparison) -> Wording {
    Wording {
        window_hours: rule.window_hours,
        references: (1.0 / comparison.inverse_n).round().max(1.0),
        weekly: rule.stride_hours.is_multiple_of(WEEK_HOURS),
    }
}

/// Hours until something should have been done.
fn hours_to_act(priority: &str) -> i64 {
    match priority {
        "P0" => 4,
        "P1" => 24,
        "P2" => 72,
        _ => 168,
    }
}
