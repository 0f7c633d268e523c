//! Episodes that are pending or firing, and when keys fired: what the index does not hold.

use super::engine::TrendEngine;
use super::store::{NO_VALUE, ValueId};
use crate::alert::{AlertRecord, Life};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An episode that is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Episode {
    pub life: Life,
    /// Decided long past: never delivered, not even when it resolves.
    pub historical: bool,
    /// What was told last.
    pub record: AlertRecord,
}

/// Index of a rule or view, and the key's values.
pub(super) type KeyOf = (usize, Box<[ValueId]>);

#[derive(Debug, Default)]
pub(super) struct Episodes {
    /// By rule.
    pub active: BTreeMap<KeyOf, Episode>,
    /// Of rules that are no longer configured: told as resolved at the next boundary.
    pub orphans: Vec<Episode>,
    /// By view: hours `[start, end)` in which the key was firing; the end of an open one is `u32::MAX`.
    firing: FxHashMap<KeyOf, Vec<(u32, u32)>>,
    /// Day and how many episodes were paged on it.
    pub pages: (u32, u32),
}

impl Episodes {
    pub fn firing(&self, view: usize, values: &[ValueId]) -> &[(u32, u32)] {
        if self.firing.is_empty() {
            return &[];
        }
        self.firing.get(&(view, values.into())).map_or(&[], Vec::as_slice)
    }

    pub fn start_firing(&mut self, view: usize, values: &[ValueId], hour: u32) {
        self.firing
            .entry((view, values.into()))
            .or_default()
            .push((hour, u32::MAX));
    }

    /// Ends the interval that began at `start`.
    pub fn stop_firing(&mut self, view: usize, values: &[ValueId], start: u32, end: u32) {
        if let Some(intervals) = self.firing.get_mut(&(view, values.into())) {
            let open = intervals.iter_mut().find(|interval| **interval == (start, u32::MAX));
            if let Some(interval) = open {
                interval.1 = end;
            }
        }
    }

    pub fn forget_before(&mut self, hour: u32) {
        self.firing.retain(|_, intervals| {
            intervals.retain(|(_, end)| *end > hour);
            !intervals.is_empty()
        });
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredEpisode {
    rule: String,
    #[serde(flatten)]
    episode: Episode,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredFiring {
    by: Vec<String>,
    #[serde(rename = "where")]
    where_query: Option<String>,
    key: BTreeMap<String, String>,
    intervals: Vec<(u32, u32)>,
}

/// Episodes as they stand in the commit's payload: by name, since numbers change with each start.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredEpisodes {
    active: Vec<StoredEpisode>,
    firing: Vec<StoredFiring>,
    pages: (u32, u32),
}

impl TrendEngine {
    pub(super) fn stored_episodes(&self) -> StoredEpisodes {
        let active = self.episodes.active.iter().map(|((rule, _), episode)| StoredEpisode {
            rule: self.rules[*rule].config.name.clone(),
            episode: episode.clone(),
        });
        let orphans = self.episodes.orphans.iter().map(|episode| StoredEpisode {
            rule: episode.record.rule.clone(),
            episode: episode.clone(),
        });
        let mut firing: Vec<_> = self
            .episodes
            .firing
            .iter()
            .map(|((view, values), intervals)| {
                let view = &self.views[*view];
                StoredFiring {
                    by: view.by.iter().map(|dimension| dimension.name().to_owned()).collect(),
                    where_query: view.where_query.clone(),
                    key: self.key_names(&view.by, values),
                    intervals: intervals.clone(),
                }
            })
            .collect();
        firing.sort_by(|a, b| (&a.by, &a.where_query, &a.key).cmp(&(&b.by, &b.where_query, &b.key)));
        StoredEpisodes {
            active: active.chain(orphans).collect(),
            firing,
            pages: self.episodes.pages,
        }
    }

    pub(super) fn restore_episodes(&mut self, stored: StoredEpisodes) {
        self.episodes = Episodes {
            pages: stored.pages,
            ..Episodes::default()
        };
        for StoredEpisode { rule, mut episode } in stored.active {
            episode.record.round();
            let index = self.rules.iter().position(|other| other.config.name == rule);
            let place =
                index.and_then(|index| Some((index, self.key_values(self.rules[index].view, &episode.record.key)?)));
            match place {
                Some(place) => {
                    self.episodes.active.insert(place, episode);
                }
                None => self.episodes.orphans.push(episode),
            }
        }
        for firing in stored.firing {
            let view = self.views.iter().position(|view| {
                view.where_query == firing.where_query
                    && view.by.iter().map(|dimension| dimension.name()).eq(&firing.by)
            });
            if let Some(view) = view
                && let Some(values) = self.key_values(view, &firing.key)
            {
                self.episodes.firing.insert((view, values), firing.intervals);
            }
        }
    }

    /// The key's values in the order of the view; `None` if it names a dimension that the view has not.
    fn key_values(&mut self, view: usize, key: &BTreeMap<String, String>) -> Option<Box<[ValueId]>> {
        let by = self.views[view].by.clone();
        if key
            .keys()
            .any(|name| !by.iter().any(|dimension| dimension.name() == name))
        {
            return None;
        }
        Some(
            by.iter()
                .map(|&dimension| match key.get(dimension.name()) {
                    Some(value) => self.values.id(dimension, value),
                    None => NO_VALUE,
                })
                .collect(),
        )
    }
}
