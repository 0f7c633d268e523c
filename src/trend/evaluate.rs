//! At an hour boundary: what became unusual, and what that changes for its episodes.

use super::calendar::{HOUR_MS, hour_of, hour_start};
use super::compare::{Comparison, compare, scatter};
use super::dispersion::Dispersion;
use super::engine::TrendEngine;
use super::episodes::Episode;
use super::error::TrendError;
use super::evidence::{Evidence, Support};
use super::rules::Rule;
use super::stats;
use super::store::ValueId;
use super::tell::{Turn, ended, wording};
use super::window::{Heard, Plans};
use crate::alert::{AlertRecord, AlertState, Life, Observation, Policy, Transition, summarize};
use std::collections::BTreeMap;

/// Episodes decided so long before the newest record are history.
const HISTORICAL_MS: i64 = 6 * HOUR_MS;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Whether anything would move.
    Moves,
    /// All numbers of what may move.
    Decisions,
    /// Also every key whose counts are large enough to be tested.
    Everything,
}

/// One key that a rule must decide on.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    pub values: Box<[ValueId]>,
    pub comparison: Comparison,
    pub phi: f64,
    pub ln_p: f64,
    pub is_active: bool,
}

impl Rule {
    fn policy(&self) -> Policy {
        Policy {
            for_boundaries: self.config.for_boundaries,
            resolve_boundaries: self.config.resolve_boundaries,
            repeat_ms: i64::try_from(self.config.repeat.as_millis()).unwrap_or(i64::MAX),
        }
    }

    fn passes_counts(&self, comparison: &Comparison) -> bool {
        comparison.current >= self.config.min_current && comparison.passes_effect(self.config.increase)
    }

    fn observe(&self, looked: &Looked) -> Observation {
        let Comparison { current, mean, .. } = looked.comparison;
        let current = current as f64;
        if self.passes_counts(&looked.comparison) && looked.ln_p <= self.config.p.ln() {
            Observation::Holds
        } else if current < self.config.min_current as f64 / 2.0 || current < (1.0 + self.config.increase / 2.0) * mean
        {
            Observation::Below
        } else {
            Observation::Between
        }
    }
}

impl TrendEngine {
    /// Whether [`Self::evaluate`] would change anything at this boundary (ms UTC, a whole hour of record time): a key passes
    /// effect, support and significance and has no episode yet, or an episode would move. Reads counts only.
    pub fn wants_evaluation(&self, boundary_ms: i64) -> bool {
        let heard = self.heard(boundary_ms);
        if !self.episodes.orphans.is_empty() || self.has_notices(&heard) {
            return true;
        }
        (0..self.rules.len()).any(|index| {
            let rule = &self.rules[index];
            let plans = Plans::of(rule, &heard, &self.calendar);
            self.look(index, &plans, &heard, Depth::Moves).iter().any(|looked| {
                match self.episodes.active.get(&(index, looked.values.clone())) {
                    Some(episode) => {
                        let mut life = episode.life;
                        let moved = life.step(boundary_ms, rule.observe(looked), rule.policy());
                        moved.is_some() || life != episode.life
                    }
                    None => rule.observe(looked) == Observation::Holds,
                }
            })
        })
    }

    /// Transitions of episodes at this boundary, on committed state that holds no record later than the boundary: the
    /// caller holds such records back until the boundary is evaluated, so that any speed of reading gives the same episodes.
    /// `newest_record_time_ms` is the newest record time known (the end of the source while catching up): what is
    /// decided on a boundary more than six hours before it is historical.
    pub fn evaluate(
        &mut self,
        boundary_ms: i64,
        newest_record_time_ms: i64,
        evidence: &dyn Evidence,
    ) -> Result<Vec<AlertRecord>, TrendError> {
        let historical = newest_record_time_ms - boundary_ms > HISTORICAL_MS;
        let heard = self.heard(boundary_ms);
        let mut told: Vec<AlertRecord> = self.resolve_orphans(boundary_ms);
        for index in 0..self.rules.len() {
            let plans = Plans::of(&self.rules[index], &heard, &self.calendar);
            let looked = self.look(index, &plans, &heard, Depth::Decisions);
            let mut all: Option<Vec<Looked>> = None;
            for key in &looked {
                let mut turn = Turn {
                    index,
                    key,
                    boundary_ms,
                    historical,
                };
                if key.is_active {
                    told.extend(self.step(&mut turn, evidence)?);
                } else if self.rules[index].observe(key) == Observation::Holds {
                    let all = all.get_or_insert_with(|| self.look(index, &plans, &heard, Depth::Everything));
                    told.extend(self.begin(&turn, &false_discovery(all, key), evidence)?);
                }
            }
        }
        self.spend_pages(boundary_ms, &mut told);
        self.note(&heard);
        let longest = self.views.iter().map(|view| view.horizon_hours).max().unwrap_or(0);
        self.episodes
            .forget_before(hour_of(boundary_ms).saturating_sub(longest));
        Ok(told)
    }

    pub(super) fn heard(&self, boundary_ms: i64) -> Heard {
        let horizon = self.views.iter().map(|view| view.horizon_hours).max().unwrap_or(0);
        let lateness_hours = u32::try_from(self.lateness_ms / HOUR_MS).unwrap_or(u32::MAX);
        Heard::at(hour_of(boundary_ms), horizon, &self.coverage, lateness_hours)
    }

    /// Keys that pass effect and support, and those with an episode, the most significant first.
    pub(super) fn look(&self, index: usize, plans: &Plans, heard: &Heard, depth: Depth) -> Vec<Looked> {
        let all = depth == Depth::Everything;
        let rule = &self.rules[index];
        let view = &self.views[rule.view];
        let shift = heard.feeds.iter().map(|feed| feed.shift_hours).max().unwrap_or(0);
        let to = heard.boundary_hour;
        let from = to.saturating_sub(rule.window_hours + shift);
        let (first_day, end_day) = (
            self.calendar.day_of(hour_start(from)).saturating_sub(1),
            self.calendar.day_of(hour_start(to)) + 1,
        );
        let mut looked = Vec::new();
        for key in &view.keys {
            let praises = |place: usize| !self.values.name(key.values[place]).1.ends_with('-');
            if view.negative_place.is_some_and(praises) {
                continue;
            }
            let is_active =
                !self.episodes.active.is_empty() && self.episodes.active.contains_key(&(index, key.values.clone()));
            let most = || key.total.hours.sum(from, to) + key.total.days.sum(first_day, end_day);
            if !is_active && !all && most() < rule.config.min_current {
                continue;
            }
            let firing = self.episodes.firing(rule.view, &key.values);
            let comparison = compare(key, plans, rule.references, firing, &self.calendar);
            let sum = comparison.current as f64 + comparison.mean / comparison.inverse_n;
            let is_tested = all && sum >= rule.config.min_current as f64;
            if is_active || is_tested || rule.passes_counts(&comparison) {
                looked.push(Looked {
                    values: key.values.clone(),
                    comparison,
                    phi: 1.0,
                    ln_p: 0.0,
                    is_active,
                });
            }
        }
        self.look_for_lost_keys(index, &mut looked);
        let is_firing = |looked: &Looked| {
            looked.is_active
                && self
                    .episodes
                    .active
                    .get(&(index, looked.values.clone()))
                    .is_some_and(|one| one.life.firing)
        };
        // What fires moves by its counts alone.
        if looked.is_empty() || depth == Depth::Moves && looked.iter().all(is_firing) {
            return looked;
        }
        let scatters: Vec<_> = view
            .keys
            .iter()
            .filter_map(|key| {
                let firing = self.episodes.firing(rule.view, &key.values);
                scatter(key, plans, rule.references, firing, &self.calendar)
            })
            .collect();
        let dispersion = Dispersion::fit(&scatters);
        for looked in &mut looked {
            let firing = self.episodes.firing(rule.view, &looked.values);
            let key = view.find(&looked.values);
            let own = key.and_then(|key| scatter(key, plans, rule.references, firing, &self.calendar));
            let Comparison {
                current,
                mean,
                inverse_n,
                ..
            } = looked.comparison;
            looked.phi = dispersion.phi(mean, own);
            looked.ln_p = stats::ln_predictive(current, mean, inverse_n, looked.phi);
        }
        looked.sort_by(|a, b| {
            a.ln_p
                .total_cmp(&b.ln_p)
                .then_with(|| self.names_of(rule, a).cmp(&self.names_of(rule, b)))
        });
        looked
    }

    /// Active episodes whose key has no document left.
    fn look_for_lost_keys(&self, index: usize, looked: &mut Vec<Looked>) {
        for (rule, values) in self.episodes.active.keys() {
            if *rule == index && self.views[self.rules[index].view].find(values).is_none() {
                looked.push(Looked {
                    values: values.clone(),
                    comparison: Comparison {
                        inverse_n: 1.0,
                        ..Comparison::default()
                    },
                    phi: 1.0,
                    ln_p: 0.0,
                    is_active: true,
                });
            }
        }
    }

    pub(super) fn names_of(&self, rule: &Rule, looked: &Looked) -> BTreeMap<String, String> {
        self.key_names(&self.views[rule.view].by, &looked.values)
    }

    /// A key without an episode whose counts pass: asks the index for authors and models.
    fn begin(&mut self, turn: &Turn<'_>, q: &f64, evidence: &dyn Evidence) -> Result<Option<AlertRecord>, TrendError> {
        let rule = self.rules[turn.index].clone();
        let scope = self.scope(&rule, turn.key);
        let support = evidence.support(&scope)?;
        if support.authors < rule.config.min_authors || models_differ(&support) {
            return Ok(None);
        }
        let showing = evidence.showing(&scope)?;
        let life = Life::begin(turn.boundary_ms, rule.policy());
        let state = match (turn.historical, life.firing) {
            (true, _) => AlertState::Historical,
            (false, true) => AlertState::Firing,
            (false, false) => AlertState::Pending,
        };
        let record = self.record(&rule, turn, &life, state, *q, &support, showing);
        if life.firing {
            self.episodes
                .start_firing(rule.view, &turn.key.values, hour_of(turn.boundary_ms));
        }
        self.episodes.active.insert(
            (turn.index, turn.key.values.clone()),
            Episode {
                life,
                historical: turn.historical,
                record: record.clone(),
            },
        );
        Ok(Some(record))
    }

    /// An episode at a later boundary.
    fn step(&mut self, turn: &mut Turn<'_>, evidence: &dyn Evidence) -> Result<Option<AlertRecord>, TrendError> {
        let rule = self.rules[turn.index].clone();
        let place = (turn.index, turn.key.values.clone());
        let observation = rule.observe(turn.key);
        let Some(episode) = self.episodes.active.get_mut(&place) else {
            return Ok(None);
        };
        let transition = episode.life.step(turn.boundary_ms, observation, rule.policy());
        let Some(transition) = transition else {
            return Ok(None);
        };
        if transition == Transition::Fired {
            episode.historical = turn.historical;
        }
        let episode = episode.clone();
        turn.historical = episode.historical;
        let record = match transition {
            Transition::Fired | Transition::Repeated => {
                let scope = self.scope(&rule, turn.key);
                let support = evidence.support(&scope)?;
                let showing = evidence.showing(&scope)?;
                let state = if turn.historical {
                    AlertState::Historical
                } else {
                    AlertState::Firing
                };
                let q = episode.record.q;
                let mut record = self.record(&rule, turn, &episode.life, state, q, &support, showing);
                record.paged = episode.record.paged;
                if transition == Transition::Fired {
                    self.episodes
                        .start_firing(rule.view, &turn.key.values, hour_of(turn.boundary_ms));
                }
                if let Some(kept) = self.episodes.active.get_mut(&place) {
                    kept.record = record.clone();
                }
                record
            }
            Transition::Resolved | Transition::Lapsed => {
                self.episodes.active.remove(&place);
                let (start, end) = (hour_of(episode.life.starts_at_ms), hour_of(turn.boundary_ms));
                self.episodes.stop_firing(rule.view, &turn.key.values, start, end);
                let mut record = ended(episode, turn.boundary_ms);
                record.summary = summarize(&record, wording(&rule, &turn.key.comparison));
                record
            }
        };
        Ok(Some(record))
    }

    fn resolve_orphans(&mut self, boundary_ms: i64) -> Vec<AlertRecord> {
        let orphans = std::mem::take(&mut self.episodes.orphans);
        orphans.into_iter().map(|episode| ended(episode, boundary_ms)).collect()
    }
}

/// A change of model is not to look like a trend: both windows must be of one and the same.
fn models_differ(support: &Support) -> bool {
    let mut models = support.models.clone();
    models.extend(support.reference_models.iter().cloned());
    models.sort();
    models.dedup();
    models.len() > 1
}

fn false_discovery(all: &[Looked], key: &Looked) -> f64 {
    let p: Vec<f64> = all.iter().map(|looked| looked.ln_p.exp()).collect();
    let place = all.iter().position(|looked| looked.values == key.values);
    place.map_or(1.0, |place| stats::false_discovery(&p)[place])
}
