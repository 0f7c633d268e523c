//! Which feed was heard when, in record time, and how late its items usually come.
//!
//! A feed is (source, platform, topic, crawl keyword). "Heard" is a fact about arrival: a document that is replaced later
//! does not make the hour of its first arrival silent. So the bits are only ever set, and they are kept in the
//! stored state besides being set again from the record times of the index.

use super::calendar::{DAY_HOURS, HOUR_MS};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Delays are counted in hours up to two weeks.
const MAX_DELAY_HOURS: usize = 14 * 24;
/// Feeds beyond this number share the last one.
const MAX_FEEDS: usize = u16::MAX as usize;
/// Silence less likely than this by the feed's own rate is an outage.
const SILENCE_PROBABILITY: f64 = 1e-3;

#[derive(Debug, Clone)]
pub(super) struct Feed {
    /// Source, platform, topic, crawl keyword.
    pub name: [String; 4],
    /// First record hour ever.
    pub first_hour: u32,
    /// Bit b of word w: heard in record hour 64 w + b.
    heard: BTreeMap<u32, u64>,
    /// What was told of it.
    pub is_announced: bool,
    pub is_silent: bool,
    /// Alive items by delay in whole hours, rounded.
    delays: Vec<i64>,
}

impl Feed {
    fn hear(&mut self, hour: u32) {
        self.first_hour = self.first_hour.min(hour);
        *self.heard.entry(hour / 64).or_default() |= 1 << (hour % 64);
    }

    /// Hours within which 90 % of the items arrived that arrived within `lateness`.
    pub fn usual_delay_hours(&self, lateness_hours: u32) -> u32 {
        let considered = &self.delays[..self.delays.len().min(lateness_hours as usize + 1)];
        let total: i64 = considered.iter().sum();
        let mut seen = 0;
        for (hours, n) in considered.iter().enumerate() {
            seen += n;
            if seen * 10 >= total * 9 {
                return hours as u32;
            }
        }
        0
    }

    /// Silent runs in `[from, to)` that its own rate makes too unlikely. The rate is the share of hours heard, by hour of the
    /// day, over `[from, to)` itself since the feed began.
    pub fn outages(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let from = from.max(self.first_hour);
        if to <= from {
            return Vec::new();
        }
        let words: Vec<u64> = (from / 64..=to / 64)
            .map(|word| self.heard.get(&word).copied().unwrap_or(0))
            .collect();
        let heard = |hour: u32| words[(hour / 64 - from / 64) as usize] & (1 << (hour % 64)) != 0;
        let mut heard_by_hour_of_day = [(0.0_f64, 0.0_f64); DAY_HOURS as usize];
        let mut silent_hours = 0;
        for hour in from..to {
            let slot = &mut heard_by_hour_of_day[(hour % DAY_HOURS) as usize];
            slot.1 += 1.0;
            if heard(hour) {
                slot.0 += 1.0;
            } else {
                silent_hours += 1;
            }
        }
        if silent_hours == 0 {
            return Vec::new();
        }
        let silent = heard_by_hour_of_day.map(|(heard, all)| ((all - heard + 1.0) / (all + 2.0)).ln());
        let mut outages = Vec::new();
        let mut start = from;
        let mut log_probability = 0.0;
        for hour in from..=to {
            if hour < to && !heard(hour) {
                log_probability += silent[(hour % DAY_HOURS) as usize];
                continue;
            }
            if log_probability < SILENCE_PROBABILITY.ln() {
                outages.push((start, hour));
            }
            start = hour + 1;
            log_probability = 0.0;
        }
        outages
    }
}

/// What is stored of a feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FeedState {
    feed: [String; 4],
    first_hour: u32,
    first_word: u32,
    heard: String,
    #[serde(default)]
    is_announced: bool,
    #[serde(default)]
    is_silent: bool,
}

/// All feeds.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    ids: FxHashMap<Box<str>, u16>,
    pub feeds: Vec<Feed>,
    scratch: String,
}

impl Coverage {
    pub fn feed(&mut self, name: [&str; 4]) -> u16 {
        self.scratch.clear();
        for part in name {
            self.scratch.push_str(part);
            self.scratch.push('\n');
        }
        if let Some(&id) = self.ids.get(self.scratch.as_str()) {
            return id;
        }
        let id = self.feeds.len().min(MAX_FEEDS) as u16;
        self.ids.insert(self.scratch.as_str().into(), id);
        if usize::from(id) == self.feeds.len() {
            self.feeds.push(Feed {
                name: name.map(str::to_owned),
                first_hour: u32::MAX,
                heard: BTreeMap::new(),
                is_announced: false,
                is_silent: false,
                delays: Vec::new(),
            });
        }
        id
    }

    pub fn hear(&mut self, feed: u16, record_hour: u32) {
        self.feeds[usize::from(feed)].hear(record_hour);
    }

    /// One alive item more or less with this delay.
    pub fn delay(&mut self, feed: u16, delay_ms: i64, unit: i32) {
        let hours = (delay_ms.max(0) + HOUR_MS / 2) / HOUR_MS;
        let hours = usize::try_from(hours).unwrap_or(usize::MAX);
        if hours > MAX_DELAY_HOURS {
            return;
        }
        let delays = &mut self.feeds[usize::from(feed)].delays;
        if delays.len() <= hours {
            delays.resize(hours + 1, 0);
        }
        delays[hours] += i64::from(unit);
    }

    /// Before a rebuild: delays are counted again, what was heard stays heard.
    pub fn clear_delays(&mut self) {
        for feed in &mut self.feeds {
            feed.delays.clear();
        }
    }

    /// First record hour of any feed.
    pub fn first_hour(&self) -> Option<u32> {
        self.feeds.iter().map(|feed| feed.first_hour).min()
    }

    /// The bits of all feeds; base64 of little-endian words, since a busy feed's bits are all ones.
    pub fn state(&self) -> Vec<FeedState> {
        self.feeds
            .iter()
            .filter(|feed| feed.first_hour != u32::MAX)
            .map(|feed| {
                let first_word = feed.heard.keys().next().copied().unwrap_or(0);
                let last_word = feed.heard.keys().next_back().copied().unwrap_or(0);
                let words = (first_word..=last_word).map(|word| feed.heard.get(&word).copied().unwrap_or(0));
                FeedState {
                    feed: feed.name.clone(),
                    first_hour: feed.first_hour,
                    first_word,
                    is_announced: feed.is_announced,
                    is_silent: feed.is_silent,
                    heard: BASE64.encode(words.flat_map(u64::to_le_bytes).collect::<Vec<u8>>()),
                }
            })
            .collect()
    }

    /// What was heard then was heard.
    pub fn restore(&mut self, states: &[FeedState]) {
        for state in states {
            let [source, platform, topic, keyword] = &state.feed;
            let id = self.feed([source, platform, topic, keyword]);
            let feed = &mut self.feeds[usize::from(id)];
            feed.first_hour = feed.first_hour.min(state.first_hour);
            feed.is_announced = state.is_announced;
            feed.is_silent = state.is_silent;
            let bytes = BASE64.decode(&state.heard).unwrap_or_default();
            for (place, word) in bytes.chunks_exact(8).enumerate() {
                let mut bits = [0; 8];
                bits.copy_from_slice(word);
                let bits = u64::from_le_bytes(bits);
                if bits != 0 {
                    *feed.heard.entry(state.first_word + place as u32).or_default() |= bits;
                }
            }
        }
    }

    /// Record times that are not believed say nothing.
    pub fn forget_after(&mut self, hour: u32) {
        for feed in &mut self.feeds {
            feed.heard.split_off(&(hour / 64 + 1));
        }
    }

    pub fn forget_before(&mut self, hour: u32) {
        for feed in &mut self.feeds {
            feed.heard = feed.heard.split_off(&(hour / 64));
        }
    }
}
