//! The series that rules are evaluated on: one per key of the rule and feed, of deduplicated items only.

use super::dims::Dimension;
use super::store::{Bucket, Cells, NO_VALUE, ValueId};
use rustc_hash::FxHashMap;

/// An item with many aspects counts in at most this many keys of one view.
const MAX_KEYS_PER_ITEM: usize = 64;

/// Hours and days apart: day-precise items take part in windows of whole days only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Split {
    pub hours: Cells,
    pub days: Cells,
}

impl Split {
    fn add(&mut self, bucket: Bucket, n: [i32; 2]) {
        match bucket {
            Bucket::Hour(hour) => self.hours.add(hour, n),
            Bucket::Day(day) => self.days.add(day, n),
        }
    }

    fn drop_before(&mut self, hour: u32, day: u32) {
        self.hours.take_before(hour);
        self.days.take_before(day);
    }

    pub fn is_empty(&self) -> bool {
        self.hours.all().is_empty() && self.days.all().is_empty()
    }
}

/// One key of a view.
#[derive(Debug, Clone)]
pub(super) struct ViewKey {
    /// In the order of the view's `by`; `NO_VALUE` where the item has none.
    pub values: Box<[ValueId]>,
    /// Over all feeds: a first look that decides for nearly all keys.
    pub total: Split,
    /// Sorted by feed.
    pub feeds: Vec<(u16, Split)>,
}

/// All keys of one `by` and `where`; rules that share both share the view.
#[derive(Debug)]
pub(super) struct View {
    pub by: Vec<Dimension>,
    pub where_query: Option<String>,
    /// Place in `by` of the aspect's polarity, where only negative ones are looked at: an item that complains of one thing
    /// may praise another, and a rise in praise is no rise in complaints.
    pub negative_place: Option<usize>,
    /// Bit in `Contribution::filters`.
    pub filter_bit: Option<u32>,
    /// Hours before the newest record time that any of its rules looks at.
    pub horizon_hours: u32,
    ids: FxHashMap<Box<[ValueId]>, u32>,
    pub keys: Vec<ViewKey>,
}

impl View {
    pub fn new(by: Vec<Dimension>, where_query: Option<String>, filter_bit: Option<u32>) -> Self {
        let polarity = by.iter().position(|dimension| *dimension == Dimension::AspectPolarity);
        let wants_negative = where_query.as_deref().is_some_and(|text| {
            let mut terms = text.split_whitespace();
            !text.contains(" OR ") && terms.any(|term| term == "sentiment:negative")
        });
        Self {
            negative_place: polarity.filter(|_| wants_negative),
            by,
            where_query,
            filter_bit,
            horizon_hours: 0,
            ids: FxHashMap::default(),
            keys: Vec::new(),
        }
    }

    pub fn clear(&mut self) {
        self.ids.clear();
        self.keys.clear();
    }

    pub fn admits(&self, filters: u64) -> bool {
        self.filter_bit.is_none_or(|bit| filters & (1 << bit) != 0)
    }

    /// Counts an item under each of its keys: the product of its values. An item without a value in a dimension with
    /// many values has no key; without one in a single dimension it has a key that lacks this dimension.
    pub fn add(&mut self, ids: &[(Dimension, ValueId)], feed: u16, bucket: Bucket, n: [i32; 2]) {
        let mut combinations = [[NO_VALUE; 8]; MAX_KEYS_PER_ITEM];
        let width = self.by.len().min(8);
        let mut count = 1;
        for (place, &dimension) in self.by.iter().take(width).enumerate() {
            let first = ids.partition_point(|(other, _)| *other < dimension);
            let values = ids[first..].iter().take_while(|(other, _)| *other == dimension);
            let base = count;
            let mut seen = 0;
            for &(_, value) in values {
                let start = seen * base;
                if start + base > MAX_KEYS_PER_ITEM {
                    break;
                }
                for index in 0..base {
                    if seen > 0 {
                        combinations[start + index] = combinations[index];
                    }
                    combinations[start + index][place] = value;
                }
                seen += 1;
            }
            if seen == 0 && dimension.is_multi() {
                return;
            }
            count = base * seen.max(1);
        }
        for combination in &combinations[..count] {
            let key = &combination[..width];
            if width > 0 && key.iter().all(|&value| value == NO_VALUE) {
                continue;
            }
            self.add_key(key, feed, bucket, n);
        }
    }

    fn add_key(&mut self, values: &[ValueId], feed: u16, bucket: Bucket, n: [i32; 2]) {
        let index = match self.ids.get(values) {
            Some(&index) => index,
            None => {
                let index = self.keys.len() as u32;
                self.ids.insert(values.into(), index);
                self.keys.push(ViewKey {
                    values: values.into(),
                    total: Split::default(),
                    feeds: Vec::new(),
                });
                index
            }
        };
        let key = &mut self.keys[index as usize];
        key.total.add(bucket, n);
        let place = match key.feeds.binary_search_by_key(&feed, |(id, _)| *id) {
            Ok(place) => place,
            Err(place) => {
                key.feeds.insert(place, (feed, Split::default()));
                place
            }
        };
        key.feeds[place].1.add(bucket, n);
    }

    pub fn find(&self, values: &[ValueId]) -> Option<&ViewKey> {
        self.ids.get(values).map(|&index| &self.keys[index as usize])
    }

    /// Forgets what no rule looks at any more. Keys stay known.
    pub fn drop_before(&mut self, hour: u32, day: u32) {
        for key in &mut self.keys {
            key.total.drop_before(hour, day);
            for (_, split) in &mut key.feeds {
                split.drop_before(hour, day);
            }
            key.feeds.retain(|(_, split)| !split.is_empty());
        }
    }

    pub fn heap_bytes(&self) -> usize {
        let split = |split: &Split| split.hours.heap_bytes() + split.days.heap_bytes() + size_of::<Split>();
        self.keys
            .iter()
            .map(|key| 96 + split(&key.total) + key.feeds.iter().map(|(_, feed)| split(feed)).sum::<usize>())
            .sum()
    }
}
