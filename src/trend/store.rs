//! Sparse counts: sorted cells per key, hours for recent times and days for older ones.

use super::calendar::{Calendar, hour_start};
use super::dims::Dimension;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// A number of a value of a dimension; [`TOTAL`] is the key without dimensions.
pub(super) type ValueId = u32;
pub(super) const TOTAL: ValueId = 0;
/// In a key of several dimensions: the item has no value there.
pub(super) const NO_VALUE: ValueId = u32::MAX;

/// Which of a cell's two counts: every alive item, and what rules use.
pub(super) const RAW: usize = 0;
pub(super) const DEDUPLICATED: usize = 1;
/// The same in the series of rules: items in time, and items later than `lateness`.
pub(super) const ON_TIME: usize = 0;
pub(super) const LATE: usize = 1;

/// Two counts at one hour or day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub at: u32,
    pub n: [u32; 2],
}

impl Cell {
    pub fn sum(&self) -> u64 {
        u64::from(self.n[0]) + u64::from(self.n[1])
    }
}

/// Cells sorted by `at`, none of them empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cells(Vec<Cell>);

impl Cells {
    pub fn add(&mut self, at: u32, n: [i32; 2]) {
        let index = match self.0.last() {
            Some(last) if last.at == at => self.0.len() - 1,
            Some(last) if last.at > at => match self.0.binary_search_by_key(&at, |cell| cell.at) {
                Ok(index) => index,
                Err(index) => self.insert(index, at),
            },
            _ => self.insert(self.0.len(), at),
        };
        let cell = &mut self.0[index];
        cell.n = [cell.n[0].wrapping_add_signed(n[0]), cell.n[1].wrapping_add_signed(n[1])];
        if cell.n == [0, 0] {
            self.0.remove(index);
        }
    }

    fn insert(&mut self, index: usize, at: u32) -> usize {
        if self.0.len() == self.0.capacity() {
            // A quarter at a time: most keys stay small and there are many of them.
            self.0.reserve_exact(self.0.len() / 4 + 4);
        }
        self.0.insert(index, Cell { at, n: [0, 0] });
        index
    }

    pub fn range(&self, from: u32, to: u32) -> &[Cell] {
        let start = self.0.partition_point(|cell| cell.at < from);
        let end = start + self.0[start..].partition_point(|cell| cell.at < to);
        &self.0[start..end]
    }

    pub fn all(&self) -> &[Cell] {
        &self.0
    }

    /// Takes out what is before `cut`.
    pub fn take_before(&mut self, cut: u32) -> Vec<Cell> {
        let end = self.0.partition_point(|cell| cell.at < cut);
        let taken = self.0.drain(..end).collect();
        if end > 0 {
            self.0.shrink_to(self.0.len() + self.0.len() / 4);
        }
        taken
    }

    pub fn sum(&self, from: u32, to: u32) -> u64 {
        self.range(from, to).iter().map(Cell::sum).sum()
    }

    pub fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Cell>()
    }
}

/// Values of all dimensions, numbered in the order of their first appearance.
#[derive(Debug)]
pub(super) struct Values {
    by_name: [FxHashMap<Arc<str>, ValueId>; Dimension::COUNT],
    names: Vec<(Option<Dimension>, Arc<str>)>,
    /// Stable over restarts and versions: the digest is made of it.
    hashes: Vec<u64>,
}

impl Values {
    pub fn new() -> Self {
        Self {
            by_name: std::array::from_fn(|_| FxHashMap::default()),
            names: vec![(None, Arc::from(""))],
            hashes: vec![xxh3_64(b"")],
        }
    }

    pub fn id(&mut self, dimension: Dimension, name: &str) -> ValueId {
        if let Some(&id) = self.by_name[dimension as usize].get(name) {
            return id;
        }
        let id = self.names.len() as ValueId;
        let shared: Arc<str> = Arc::from(name);
        self.by_name[dimension as usize].insert(Arc::clone(&shared), id);
        self.names.push((Some(dimension), shared));
        self.hashes
            .push(xxh3_64(format!("{}={name}", dimension.name()).as_bytes()));
        id
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The dimension (`None` for the total) and the value.
    pub fn name(&self, id: ValueId) -> (Option<Dimension>, &str) {
        let (dimension, name) = &self.names[id as usize];
        (*dimension, name)
    }

    pub fn hash(&self, id: ValueId) -> u64 {
        self.hashes[id as usize]
    }
}

/// Counts of one key.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyCounts {
    /// Hours at or after the store's cut.
    pub hours: Cells,
    /// Day-precise items, and hours before the cut.
    pub days: Cells,
    pub total: [u64; 2],
}

/// The series of every value of every closed dimension, and of the total.
#[derive(Debug, Default)]
pub(super) struct Store {
    keys: Vec<KeyCounts>,
    /// Hours before this one are counted by day.
    cut_hour: u32,
}

impl Store {
    pub fn add(&mut self, id: ValueId, bucket: Bucket, n: [i32; 2]) {
        if self.keys.len() <= id as usize {
            self.keys.resize_with(id as usize + 1, KeyCounts::default);
        }
        let key = &mut self.keys[id as usize];
        match bucket {
            Bucket::Hour(hour) => key.hours.add(hour, n),
            Bucket::Day(day) => key.days.add(day, n),
        }
        for (total, n) in key.total.iter_mut().zip(n) {
            *total = total.wrapping_add_signed(i64::from(n));
        }
    }

    pub fn cut_hour(&self) -> u32 {
        self.cut_hour
    }

    /// Moves the cut forward: older hours are added up to days.
    pub fn roll_up(&mut self, cut_hour: u32, calendar: &Calendar) {
        if cut_hour <= self.cut_hour {
            return;
        }
        self.cut_hour = cut_hour;
        for key in &mut self.keys {
            for cell in key.hours.take_before(cut_hour) {
                let day = calendar.day_of(hour_start(cell.at));
                key.days.add(day, [cell.n[0] as i32, cell.n[1] as i32]);
            }
        }
    }

    pub fn get(&self, id: ValueId) -> Option<&KeyCounts> {
        self.keys.get(id as usize)
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn heap_bytes(&self) -> usize {
        self.keys.capacity() * size_of::<KeyCounts>()
            + self
                .keys
                .iter()
                .map(|key| key.hours.heap_bytes() + key.days.heap_bytes())
                .sum::<usize>()
    }
}

/// Where an item is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bucket {
    Hour(u32),
    Day(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stay_sorted_and_lose_what_is_taken_back() {
        let mut cells = Cells::default();
        for at in [5, 3, 9, 3, 7] {
            cells.add(at, [1, 1]);
        }
        cells.add(9, [-1, -1]);
        let kept: Vec<_> = cells.all().iter().map(|cell| (cell.at, cell.n[RAW])).collect();
        assert_eq!(kept, [(3, 2), (5, 1), (7, 1)]);
        assert_eq!(cells.range(4, 7).len(), 1);
    }

    #[test]
    fn rolled_up_hours_can_still_be_subtracted() {
        let calendar = Calendar::new(chrono_tz::Asia::Shanghai);
        let mut store = Store::default();
        let hour = 480_000;
        store.add(TOTAL, Bucket::Hour(hour), [1, 1]);
        store.add(TOTAL, Bucket::Hour(hour + 1), [1, 0]);
        store.roll_up(hour + 100, &calendar);
        let day = calendar.day_of(hour_start(hour));
        store.add(TOTAL, Bucket::Day(day), [-1, -1]);
        let key = store.get(TOTAL).cloned().unwrap_or_default();
        assert!(key.hours.all().is_empty());
        assert_eq!(key.total, [1, 0]);
    }
}
