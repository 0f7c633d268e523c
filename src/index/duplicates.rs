//! The duplicate window: which text was seen first, exactly or nearly. A cache of the index, rebuilt by a scan of its
//! columns at start.
//!
//! Decided once, at first sight, and stored in the document. Near-duplicates are candidates by the bands of their
//! fingerprints ([`super::bands`]) and verified by the overlap of trigrams; what is looked at depends on which texts are
//! in the window and not on how they came in, so that a rebuilt window decides as the one that grew.

use super::IndexError;
use super::bands::{BandTable, Bands, MOST_TEXTS};
use super::lookup::{bands_of, id_of};
use crate::item::Fingerprint;
use hashbrown::HashTable;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::time::Duration;
use tantivy::{Searcher, SegmentReader};

const HOUR_MS: i64 = 3_600_000;
/// Old groups are dropped once a day of record time.
const SWEEP_HOURS: u32 = 24;
/// Candidates that are verified, those with the most in common first: each may be read from the disk.
const MOST_VERIFIED: usize = 3;

/// Bits of a group's second word: what 80 bits of an id have over 64, the hour (until the year 2209), the size.
const ID_BITS: u32 = 16;
const HOUR_BITS: u32 = 21;
const SIZE_BITS: u32 = 27;

/// A text that was seen first: there are as many as the window has texts.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// Of its fingerprint; 0 when it is gone.
    exact: u64,
    low: u64,
    /// The rest of the id, the hour of record time of the first one, the size.
    rest: u64,
}

impl Group {
    fn new(exact: u64, first: u128, hour: u32) -> Self {
        let id = (first >> 64) as u64 & mask(ID_BITS);
        Self {
            exact,
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

    /// `None` when it is gone.
    fn age(self) -> Option<(u32, u128)> {
        (self.exact != 0).then(|| (self.hour(), self.first()))
    }
}

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Texts first seen within the window before the newest record time of all documents, about 120 bytes each; of more than
/// a million the oldest go. The age of a group is compared where it is looked up, so that it does not matter when the
/// old ones are dropped.
#[derive(Debug)]
pub struct DuplicateWindow {
    groups: Vec<Group>,
    by_exact: HashTable<u32>,
    bands: BandTable,
    window_hours: u32,
    newest_hour: u32,
    /// When old groups were last dropped.
    swept_hour: u32,
    most_texts: usize,
}

/// What a text with a fingerprint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    First,
    /// `first` is the id hash of the first item, `size` counts this one.
    Again {
        first: u128,
        size: u32,
        near: bool,
    },
}

impl DuplicateWindow {
    pub fn new(window: Duration) -> Self {
        Self {
            groups: Vec::new(),
            by_exact: HashTable::new(),
            bands: BandTable::default(),
            window_hours: (window.as_secs() / 3600).min(mask(HOUR_BITS)) as u32,
            newest_hour: 0,
            swept_hour: 0,
            most_texts: MOST_TEXTS,
        }
    }

    /// Scans fingerprint, duplicate, group and record time of the alive documents.
    pub fn rebuild(window: Duration, searcher: &Searcher) -> Result<Self, IndexError> {
        let mut rebuilt = Self::new(window);
        for segment in searcher.segment_readers() {
            let time = segment.fast_fields().date("record_time")?;
            let newest = segment
                .doc_ids_alive()
                .filter_map(|doc| time.first(doc))
                .map(|time| hour_number(time.into_timestamp_millis()))
                .max();
            rebuilt.newest_hour = rebuilt.newest_hour.max(newest.unwrap_or(0));
        }
        rebuilt.swept_hour = rebuilt.newest_hour;
        let mut copies: FxHashMap<u64, u32> = FxHashMap::default();
        for segment in searcher.segment_readers() {
            rebuilt.read_segment(segment, &mut copies)?;
        }
        for group in &mut rebuilt.groups {
            if let Some(count) = copies.get(&group.low) {
                group.resize(group.size() + count);
            }
        }
        Ok(rebuilt)
    }

    /// `copies`: how many there are by the lower half of the first one's key.
    fn read_segment(&mut self, segment: &SegmentReader, copies: &mut FxHashMap<u64, u32>) -> Result<(), IndexError> {
        let fast = segment.fast_fields();
        let (exact, duplicate) = (fast.u64("signature")?, fast.bool("duplicate")?);
        let (bands, group, time) = (fast.u64("bands")?, fast.u64("group")?, fast.date("record_time")?);
        let (hi, lo) = (fast.u64("id_hi")?, fast.u64("id_lo")?);
        for doc in segment.doc_ids_alive() {
            let Some(exact) = exact.first(doc).filter(|exact| *exact != 0) else {
                continue;
            };
            if duplicate.first(doc) == Some(true) {
                if let Some(first) = group.first(doc) {
                    *copies.entry(first).or_default() += 1;
                }
                continue;
            }
            let hour = hour_number(time.first(doc).map_or(0, |time| time.into_timestamp_millis()));
            let group = Group::new(exact, id_of(&hi, &lo, doc), hour);
            // of one text that was new again the newest counts
            let known = self.find(exact).and_then(|known| self.groups[known as usize].age());
            if self.is_open(group) && known < group.age() {
                self.insert(group, &bands_of(&bands, doc));
            }
        }
        Ok(())
    }

    /// Takes note of a document that is added, whatever its text: the window ends at the newest.
    pub fn hear(&mut self, record_time_ms: i64) {
        self.newest_hour = self.newest_hour.max(hour_number(record_time_ms));
        if self.newest_hour >= self.swept_hour + SWEEP_HOURS {
            self.swept_hour = self.newest_hour;
            let oldest = self.newest_hour.saturating_sub(self.window_hours);
            self.keep(|group| group.hour() >= oldest);
        }
    }

    /// Looks a new text up and remembers it; [`Self::hear`] comes first. `is_same` compares it with the text of the item
    /// with that key.
    pub fn see<E>(
        &mut self,
        fingerprint: &Fingerprint,
        id: u128,
        record_time_ms: i64,
        mut is_same: impl FnMut(u128) -> Result<bool, E>,
    ) -> Result<Seen, E> {
        if fingerprint.exact == 0 {
            return Ok(Seen::First);
        }
        let known = self.find(fingerprint.exact);
        if let Some(number) = known.filter(|number| self.is_candidate(*number, id)) {
            return Ok(self.again(number, false));
        }
        for number in self.candidates(&fingerprint.bands, id) {
            if is_same(self.groups[number as usize].first())? {
                return Ok(self.again(number, true));
            }
        }
        let group = Group::new(fingerprint.exact, id, hour_number(record_time_ms));
        self.insert(group, &fingerprint.bands);
        Ok(Seen::First)
    }

    fn again(&mut self, number: u32, near: bool) -> Seen {
        let group = &mut self.groups[number as usize];
        group.resize(group.size() + 1);
        Seen::Again {
            first: group.first(),
            size: group.size(),
            near,
        }
    }

    fn find(&self, exact: u64) -> Option<u32> {
        let is = |number: &u32| self.groups[*number as usize].exact == exact;
        self.by_exact.find(exact, is).copied()
    }

    fn is_open(&self, group: Group) -> bool {
        self.newest_hour.saturating_sub(group.hour()) <= self.window_hours
    }

    fn is_candidate(&self, number: u32, id: u128) -> bool {
        let group = self.groups[number as usize];
        group.exact != 0 && group.first() != id && self.is_open(group)
    }

    /// Texts of the window that have the most bands in common, of equals the oldest first.
    fn candidates(&self, bands: &Bands, id: u128) -> Vec<u32> {
        let mut candidates = self.bands.candidates(bands);
        candidates.retain(|(number, _)| self.is_candidate(*number, id));
        candidates.sort_unstable_by_key(|(number, common)| (Reverse(*common), self.groups[*number as usize].age()));
        candidates.truncate(MOST_VERIFIED);
        candidates.into_iter().map(|(number, _)| number).collect()
    }

    fn insert(&mut self, group: Group, bands: &Bands) {
        if let Some(old) = self.find(group.exact) {
            self.remove(old);
        }
        if self.groups.len() >= self.most_texts {
            self.drop_oldest();
        }
        let number = self.groups.len() as u32;
        if self.groups.len() == self.groups.capacity() {
            self.groups.reserve_exact(self.groups.len() / 4 + 64);
        }
        self.groups.push(group);
        let groups = &self.groups;
        let hash = |number: &u32| groups[*number as usize].exact;
        self.by_exact.insert_unique(group.exact, number, hash);
        let age = |number: u32| groups[number as usize].age();
        self.bands.insert(number, bands, groups.len(), age);
    }

    fn remove(&mut self, number: u32) {
        let exact = self.groups[number as usize].exact;
        if let Ok(entry) = self.by_exact.find_entry(exact, |known| *known == number) {
            entry.remove();
        }
        self.groups[number as usize].exact = 0;
    }

    /// Drops the oldest tenth.
    fn drop_oldest(&mut self) {
        let mut ages: Vec<_> = self.groups.iter().filter_map(|group| group.age()).collect();
        let tenth = ages.len() / 10;
        let (_, limit, _) = ages.select_nth_unstable(tenth);
        let limit = *limit;
        self.keep(|group| group.age() >= Some(limit));
    }

    /// Drops the others, and those that are gone.
    fn keep(&mut self, is_kept: impl Fn(&Group) -> bool) {
        const DROPPED: u32 = u32::MAX;
        let mut left = 0;
        let mut numbers: Vec<u32> = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let stays = group.exact != 0 && is_kept(group);
            numbers.push(if stays { left } else { DROPPED });
            left += u32::from(stays);
        }
        if left as usize == numbers.len() {
            return;
        }
        // in place: a second list would be ten megabytes a day of record time
        let mut number = numbers.iter();
        self.groups
            .retain(|_| number.next().is_some_and(|number| *number != DROPPED));
        if self.groups.len() < self.groups.capacity() / 2 {
            self.groups.shrink_to_fit();
        }
        let groups = &self.groups;
        let hash = |number: &u32| groups[*number as usize].exact;
        self.by_exact.clear();
        self.by_exact.shrink_to(groups.len() * 2, hash);
        for (number, group) in groups.iter().enumerate() {
            self.by_exact.insert_unique(group.exact, number as u32, hash);
        }
        self.bands
            .renumber(|number| Some(numbers[number as usize]).filter(|number| *number != DROPPED));
    }

    /// The first item of a text is replaced or deleted: its text no longer counts. `now` is the exact hash of what it
    /// says instead; the copies that name it stay with it.
    pub fn forget(&mut self, exact: u64, id: u128, now: Option<u64>) {
        let of = |window: &Self, exact| {
            let number = window.find(exact);
            number.filter(|number| window.groups[*number as usize].first() == id)
        };
        let Some(number) = of(self, exact) else { return };
        let size = self.groups[number as usize].size();
        self.remove(number);
        if let Some(number) = now.and_then(|exact| of(self, exact)) {
            self.groups[number as usize].resize(size);
        }
    }

    /// A copy is replaced or deleted. `exact` and `first` are those of the first item of its text.
    pub fn forget_copy(&mut self, exact: u64, first: u128) {
        if let Some(number) = self.find(exact) {
            let group = &mut self.groups[number as usize];
            if group.first() == first {
                group.resize(group.size() - 1);
            }
        }
    }
}

fn hour_number(record_time_ms: i64) -> u32 {
    record_time_ms.div_euclid(HOUR_MS).clamp(0, mask(HOUR_BITS) as i64) as u32
}

#[cfg(test)]
#[path = "duplicates_tests.rs"]
mod tests;
