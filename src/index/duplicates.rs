//! The duplicate window: which text was seen first. A cache of the index, rebuilt by a scan at start.
//!
//! Decided once, at first sight, and stored in the document. Texts under 15 characters have no signature and are never
//! folded together: 「闪退」 from ten people are ten voices.

use super::IndexError;
use super::lookup::id_of;
use rustc_hash::FxHashMap;
use std::time::Duration;
use tantivy::Searcher;

const HOUR_MS: i64 = 3_600_000;
/// Old groups are dropped once a day of record time.
const SWEEP_HOURS: u32 = 24;

/// Bits of a group's second word: what 80 bits of an id have over 64, the hour (until the year 2209), the size.
const ID_BITS: u32 = 16;
const HOUR_BITS: u32 = 21;
const SIZE_BITS: u32 = 27;

/// A text that was seen, in two words: there are as many as the window has texts.
#[derive(Debug, Clone, Copy)]
struct Group {
    low: u64,
    /// The rest of the id, the hour of record time of the first one, the size.
    rest: u64,
}

impl Group {
    fn new(first: u128, hour: u32) -> Self {
        let id = (first >> 64) as u64 & mask(ID_BITS);
        Self {
            low: first as u64,
            rest: id | (u64::from(hour) & mask(HOUR_BITS)) << ID_BITS | 1 << (ID_BITS + HOUR_BITS),
        }
    }

    fn first(self) -> u128 {
        u128::from(self.rest & mask(ID_BITS)) << 64 | u128::from(self.low)
    }

    fn hour(self) -> u32 {
        (self.rest >> ID_BITS & mask(HOUR_BITS)) as u32
    }

    fn size(self) -> u32 {
        (self.rest >> (ID_BITS + HOUR_BITS)) as u32
    }

    fn resize(&mut self, size: u32) {
        let size = u64::from(size.max(1)).min(mask(SIZE_BITS));
        self.rest = self.rest & mask(ID_BITS + HOUR_BITS) | size << (ID_BITS + HOUR_BITS);
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Texts first seen within the window before the newest record time of all documents. The age of a group is compared
/// where it is looked up, so that it does not matter when the old ones are dropped.
#[derive(Debug)]
pub struct DuplicateWindow {
    groups: FxHashMap<u64, Group>,
    window_hours: u32,
    newest_hour: u32,
    /// When old groups were last dropped.
    swept_hour: u32,
}

/// What a text with a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    First,
    /// `first` is the id hash of the first item, `size` counts this one.
    Again {
        first: u128,
        size: u32,
    },
}

impl DuplicateWindow {
    pub fn new(window: Duration) -> Self {
        Self {
            groups: FxHashMap::default(),
            window_hours: (window.as_secs() / 3600).min(mask(HOUR_BITS)) as u32,
            newest_hour: 0,
            swept_hour: 0,
        }
    }

    /// Scans signature, duplicate and record time of the alive documents.
    pub fn rebuild(window: Duration, searcher: &Searcher) -> Result<Self, IndexError> {
        let mut rebuilt = Self::new(window);
        let mut copies: FxHashMap<u64, u32> = FxHashMap::default();
        let mut columns = Vec::new();
        for segment in searcher.segment_readers() {
            let time = segment.fast_fields().date("record_time")?;
            let newest = segment
                .doc_ids_alive()
                .filter_map(|doc| time.first(doc))
                .map(|time| hour_number(time.into_timestamp_millis()))
                .max();
            rebuilt.newest_hour = rebuilt.newest_hour.max(newest.unwrap_or(0));
            columns.push(time);
        }
        for (segment, time) in searcher.segment_readers().iter().zip(columns) {
            let fast = segment.fast_fields();
            let (signature, duplicate) = (fast.u64("signature")?, fast.bool("duplicate")?);
            let (hi, lo) = (fast.u64("id_hi")?, fast.u64("id_lo")?);
            for doc in segment.doc_ids_alive() {
                let Some(text) = signature.first(doc).filter(|signature| *signature != 0) else {
                    continue;
                };
                if duplicate.first(doc) == Some(true) {
                    *copies.entry(text).or_default() += 1;
                    continue;
                }
                let hour = hour_number(time.first(doc).map_or(0, |time| time.into_timestamp_millis()));
                let group = Group::new(id_of(&hi, &lo, doc), hour);
                if !rebuilt.is_open(group) {
                    continue;
                }
                rebuilt
                    .groups
                    .entry(text)
                    .and_modify(|known| {
                        if known.hour() < hour {
                            *known = group;
                        }
                    })
                    .or_insert(group);
            }
        }
        for (text, count) in copies {
            if let Some(group) = rebuilt.groups.get_mut(&text) {
                group.resize(group.size() + count);
            }
        }
        rebuilt.swept_hour = rebuilt.newest_hour;
        Ok(rebuilt)
    }

    /// Takes note of a document that is added, whatever its text: the window ends at the newest.
    pub fn hear(&mut self, record_time_ms: i64) {
        self.newest_hour = self.newest_hour.max(hour_number(record_time_ms));
        if self.newest_hour >= self.swept_hour + SWEEP_HOURS {
            self.swept_hour = self.newest_hour;
            let oldest = self.newest_hour.saturating_sub(self.window_hours);
            self.groups.retain(|_, group| group.hour() >= oldest);
            if self.groups.len() < self.groups.capacity() / 4 {
                self.groups.shrink_to(self.groups.len() * 2);
            }
        }
    }

    /// Looks a new text up and remembers it; [`Self::hear`] comes first.
    pub fn see(&mut self, signature: u64, id: u128, record_time_ms: i64) -> Seen {
        if signature == 0 {
            return Seen::First;
        }
        let known = self.groups.get(&signature).copied();
        if let Some(mut group) = known.filter(|group| group.first() != id && self.is_open(*group)) {
            group.resize(group.size() + 1);
            self.groups.insert(signature, group);
            return Seen::Again {
                first: group.first(),
                size: group.size(),
            };
        }
        self.groups
            .insert(signature, Group::new(id, hour_number(record_time_ms)));
        Seen::First
    }

    fn is_open(&self, group: Group) -> bool {
        self.newest_hour.saturating_sub(group.hour()) <= self.window_hours
    }

    /// A document is replaced or deleted: its text no longer counts.
    pub fn forget(&mut self, signature: u64, id: u128) {
        if let Some(group) = self.groups.get_mut(&signature) {
            if group.first() == id {
                self.groups.remove(&signature);
            } else {
                group.resize(group.size() - 1);
            }
        }
    }
}

fn hour_number(record_time_ms: i64) -> u32 {
    record_time_ms.div_euclid(HOUR_MS).clamp(0, mask(HOUR_BITS) as i64) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the index thread does it.
    fn see(window: &mut DuplicateWindow, signature: u64, id: u128, record_time_ms: i64) -> Seen {
        window.hear(record_time_ms);
        window.see(signature, id, record_time_ms)
    }

    #[test]
    fn the_first_of_a_text_is_itself_and_later_ones_are_copies() {
        let mut window = DuplicateWindow::new(Duration::from_secs(30 * 86_400));
        assert_eq!(see(&mut window, 7, 1, 0), Seen::First);
        assert_eq!(see(&mut window, 7, 2, HOUR_MS), Seen::Again { first: 1, size: 2 });
        assert_eq!(
            see(&mut window, 7, 1, HOUR_MS),
            Seen::First,
            "the same item again is not its own copy"
        );
        assert_eq!(see(&mut window, 0, 3, 0), Seen::First);
        assert_eq!(
            see(&mut window, 0, 4, 0),
            Seen::First,
            "short texts are never folded together"
        );
    }

    #[test]
    fn a_text_older_than_the_window_is_new_again() {
        let mut window = DuplicateWindow::new(Duration::from_secs(86_400));
        see(&mut window, 7, 1, 0);
        assert_eq!(see(&mut window, 7, 2, 26 * HOUR_MS), Seen::First);
    }

    #[test]
    fn old_texts_take_no_memory() {
        let mut window = DuplicateWindow::new(Duration::from_secs(86_400));
        for hour in 0..1_000 {
            for text in 0..100 {
                let id = hour * 100 + text;
                see(&mut window, 1 + id as u64, id as u128, hour * HOUR_MS);
            }
        }
        assert!(window.groups.len() <= 4_900, "{} groups", window.groups.len());
        assert!(
            window.groups.capacity() < 20_000,
            "room for {}",
            window.groups.capacity()
        );
    }

    #[test]
    fn a_group_keeps_what_it_is_given() {
        let first = u128::MAX >> 48;
        let mut group = Group::new(first, 1_234_567);
        assert_eq!((group.first(), group.hour(), group.size()), (first, 1_234_567, 1));
        group.resize(98_765_432);
        assert_eq!(
            (group.first(), group.hour(), group.size()),
            (first, 1_234_567, 98_765_432)
        );
        group.resize(u32::MAX);
        assert_eq!(
            (group.first(), group.hour(), group.size()),
            (first, 1_234_567, (1 << 27) - 1)
        );
    }

    #[test]
    fn a_deleted_first_leaves_no_group_behind() {
        let mut window = DuplicateWindow::new(Duration::from_secs(86_400));
        see(&mut window, 7, 1, 0);
        window.forget(7, 1);
        assert_eq!(see(&mut window, 7, 2, 0), Seen::First);
    }
}
