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

#[derive(Debug, Clone, Copy)]
struct Group {
    first: u128,
    /// Hour of record time of the first one.
    hour: u32,
    size: u32,
}

#[derive(Debug)]
pub struct DuplicateWindow {
    groups: FxHashMap<u64, Group>,
    window_hours: u32,
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
            window_hours: (window.as_secs() / 3600).min(u64::from(u32::MAX)) as u32,
        }
    }

    /// Scans signature, duplicate and record time of the alive documents.
    pub fn rebuild(window: Duration, searcher: &Searcher) -> Result<Self, IndexError> {
        let mut rebuilt = Self::new(window);
        let mut copies: FxHashMap<u64, u32> = FxHashMap::default();
        for segment in searcher.segment_readers() {
            let fast = segment.fast_fields();
            let (signature, duplicate, time) = (
                fast.u64("signature")?,
                fast.bool("duplicate")?,
                fast.date("record_time")?,
            );
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
                let group = Group {
                    first: id_of(&hi, &lo, doc),
                    hour,
                    size: 1,
                };
                rebuilt
                    .groups
                    .entry(text)
                    .and_modify(|known| {
                        if known.hour < hour {
                            *known = group;
                        }
                    })
                    .or_insert(group);
            }
        }
        for (text, count) in copies {
            if let Some(group) = rebuilt.groups.get_mut(&text) {
                group.size += count;
            }
        }
        Ok(rebuilt)
    }

    /// Looks a new text up and remembers it.
    pub fn see(&mut self, signature: u64, id: u128, record_time_ms: i64) -> Seen {
        if signature == 0 {
            return Seen::First;
        }
        let hour = hour_number(record_time_ms);
        let window_hours = self.window_hours;
        match self.groups.get_mut(&signature) {
            Some(group) if group.first != id && hour.saturating_sub(group.hour) <= window_hours => {
                group.size += 1;
                Seen::Again {
                    first: group.first,
                    size: group.size,
                }
            }
            _ => {
                self.groups.insert(
                    signature,
                    Group {
                        first: id,
                        hour,
                        size: 1,
                    },
                );
                Seen::First
            }
        }
    }

    /// A document is replaced or deleted: its text no longer counts.
    pub fn forget(&mut self, signature: u64, id: u128) {
        if let Some(group) = self.groups.get_mut(&signature) {
            if group.first == id {
                self.groups.remove(&signature);
            } else {
                group.size = group.size.saturating_sub(1).max(1);
            }
        }
    }
}

fn hour_number(record_time_ms: i64) -> u32 {
    record_time_ms.div_euclid(HOUR_MS).clamp(0, i64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_text_is_itself_and_later_ones_are_copies() {
        let mut window = DuplicateWindow::new(Duration::from_secs(30 * 86_400));
        assert_eq!(window.see(7, 1, 0), Seen::First);
        assert_eq!(window.see(7, 2, HOUR_MS), Seen::Again { first: 1, size: 2 });
        assert_eq!(
            window.see(7, 1, HOUR_MS),
            Seen::First,
            "the same item again is not its own copy"
        );
        assert_eq!(window.see(0, 3, 0), Seen::First);
        assert_eq!(
            window.see(0, 4, 0),
            Seen::First,
            "short texts are never folded together"
        );
    }

    #[test]
    fn a_text_older_than_the_window_is_new_again() {
        let mut window = DuplicateWindow::new(Duration::from_secs(86_400));
        window.see(7, 1, 0);
        assert_eq!(window.see(7, 2, 26 * HOUR_MS), Seen::First);
    }

    #[test]
    fn a_deleted_first_leaves_no_group_behind() {
        let mut window = DuplicateWindow::new(Duration::from_secs(86_400));
        window.see(7, 1, 0);
        window.forget(7, 1);
        assert_eq!(window.see(7, 2, 0), Seen::First);
    }
}
