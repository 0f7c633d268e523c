//! The oracle: a seeded stream of records whose right outcome is known without running anything.
//!
//! Ten weeks of record time over two topics of four partitions: reviews with re-sends, swapped orders, the same id
//! from both topics and twice in one batch, arrays of 0, 1 and 500 items, deletions, unreadable records, and two bursts
//! of complaints that must fire.

mod builder;
mod voice;

use super::broker::KafkaRecord;
use super::random::Random;
use builder::Builder;
use std::collections::{BTreeMap, HashMap, HashSet};

pub const PARTITIONS: usize = 4;
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Monday 2025-03-03, 00:00 in Shanghai.
pub const START_MS: i64 = 1_740_931_200_000;
pub const WEEKS: i64 = 10;
/// The products whose complaints rise: in the sixth and in the last week.
pub const BURSTS: [(&str, i64); 2] = [("云雀音箱", 5), ("山雀手环", 9)];

/// A record's place: index of the topic, partition, offset.
pub type Place = (usize, usize, i64);

/// What one item of a record does to the state.
#[derive(Debug, Clone)]
pub struct Effect {
    pub id: String,
    pub version: i64,
    pub delete: bool,
    /// Event time that trend can use.
    pub event_ms: Option<i64>,
    pub product: &'static str,
}

#[derive(Debug, Clone)]
pub struct OracleRecord {
    pub dead: bool,
    pub effects: Vec<Effect>,
}

/// The state of one id after some records.
#[derive(Debug, Clone)]
pub struct Winner {
    pub version: i64,
    pub deleted: bool,
    /// Records that may be the source of the winner: more than one when versions are equal.
    pub places: Vec<Place>,
    pub event_ms: Option<i64>,
    pub product: &'static str,
}

pub struct Oracle {
    /// By topic, by partition, in offset order; a place's offset is the index here.
    pub records: Vec<Vec<Vec<OracleRecord>>>,
    pub to_produce: Vec<Vec<KafkaRecord>>,
    pub items: usize,
    pub resends: usize,
    pub swapped: usize,
    pub from_both_topics: usize,
    pub twice_in_a_batch: usize,
    pub deletions: usize,
    pub dead: usize,
    pub arrays: [usize; 3],
}

/// What the state must be when the committed positions are these.
pub struct Expected {
    pub winners: HashMap<String, Winner>,
    pub good_records: u64,
    pub dead_records: u64,
    pub changes: u64,
    pub dead_ids: HashSet<String>,
}

impl Oracle {
    /// A stream of about `items` items.
    pub fn new(seed: u64, items: usize) -> Self {
        Builder::new(Random::new(seed)).build(items)
    }

    pub fn total_records(&self) -> usize {
        self.records.iter().flatten().map(Vec::len).sum()
    }

    pub fn ends(&self) -> Vec<Vec<i64>> {
        self.records
            .iter()
            .map(|topic| topic.iter().map(|partition| partition.len() as i64).collect())
            .collect()
    }

    /// The state after all records before these positions (by topic, by partition), in any order of the partitions.
    pub fn expected(&self, positions: &[Vec<i64>], topic_names: &[String]) -> Expected {
        let mut out = Expected {
            winners: HashMap::new(),
            good_records: 0,
            dead_records: 0,
            changes: 0,
            dead_ids: HashSet::new(),
        };
        for (topic, partitions) in self.records.iter().enumerate() {
            for (partition, records) in partitions.iter().enumerate() {
                let until = positions[topic][partition].clamp(0, records.len() as i64);
                for (offset, record) in records[..until as usize].iter().enumerate() {
                    let place = (topic, partition, offset as i64);
                    if record.dead {
                        out.dead_records += 1;
                        out.dead_ids
                            .insert(format!("{}/{partition}/{offset}", topic_names[topic]));
                    } else {
                        out.good_records += 1;
                    }
                    out.changes += record.effects.len() as u64;
                    for effect in &record.effects {
                        settle(&mut out.winners, effect, place);
                    }
                }
            }
        }
        out
    }
}

/// Highest version wins; a deletion wins over what is not newer; the order of arrival decides nothing.
fn settle(winners: &mut HashMap<String, Winner>, effect: &Effect, place: Place) {
    let candidate = || Winner {
        version: effect.version,
        deleted: effect.delete,
        places: vec![place],
        event_ms: effect.event_ms,
        product: effect.product,
    };
    match winners.get_mut(&effect.id) {
        None => {
            winners.insert(effect.id.clone(), candidate());
        }
        Some(winner) => {
            let order = (effect.version, effect.delete).cmp(&(winner.version, winner.deleted));
            if order == std::cmp::Ordering::Greater {
                *winner = candidate();
            } else if order == std::cmp::Ordering::Equal {
                winner.places.push(place);
            }
        }
    }
}

/// Raw trend counts by product over everything, as the oracle knows them.
pub fn raw_by_product(expected: &Expected) -> BTreeMap<&'static str, u64> {
    let mut out = BTreeMap::new();
    for winner in expected.winners.values() {
        if !winner.deleted && winner.event_ms.is_some() {
            *out.entry(winner.product).or_default() += 1;
        }
    }
    out
}
