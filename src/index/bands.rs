//! Which texts have bands of their fingerprints in common: a table of fixed cost a text, without pointers.
//!
//! Buckets of eight places; a place is the number of a text and twelve bits of the band. A full bucket keeps its newest
//! texts, so that what is in it does not depend on the order of insertion, as long as nothing is removed.

use crate::item::FINGERPRINT_BANDS;

const PLACES: usize = 8;
const NUMBER_BITS: u32 = 20;
/// Texts that can be told apart.
pub(super) const MOST_TEXTS: usize = (1 << NUMBER_BITS) - 1;
const EMPTY: u32 = u32::MAX;
/// Bits of a band that choose the bucket of the smallest table; each doubling takes one of the other bits along.
const FIRST_BITS: u32 = 16;
const MOST_BITS: u32 = 21;
/// The table doubles where more than this share of its places would be taken.
const FULLEST: f64 = 0.66;
/// Bands that two texts have in common before one is looked at: one is chance.
const FEWEST_COMMON: usize = 2;

pub(super) type Bands = [u32; FINGERPRINT_BANDS];

#[derive(Debug)]
pub(super) struct BandTable {
    places: Vec<u32>,
    bits: u32,
}

impl Default for BandTable {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            bits: FIRST_BITS,
        }
    }
}

impl BandTable {
    /// `age` orders texts, newer ones are greater; `None` says that a text is gone.
    pub fn insert<A: Ord>(&mut self, number: u32, bands: &Bands, texts: usize, age: impl Fn(u32) -> Option<A>) {
        self.make_room(texts);
        let own = age(number);
        for band in bands {
            let place = place(number, *band);
            let bucket = self.bucket(*band);
            let bucket = &mut self.places[bucket..][..PLACES];
            // the age of another text is a look elsewhere in memory: only for a full bucket
            if let Some(empty) = bucket.iter_mut().find(|place| **place == EMPTY) {
                *empty = place;
                continue;
            }
            // one of a text that is gone is the oldest of all
            let oldest = bucket.iter_mut().min_by_key(|place| age(number_of(**place)));
            if let Some(oldest) = oldest.filter(|oldest| age(number_of(**oldest)) < own) {
                *oldest = place;
            }
        }
    }

    /// Numbers of the texts that have enough in common, and how many bands, in no order that means anything.
    pub fn candidates(&self, bands: &Bands) -> Vec<(u32, usize)> {
        let mut hits: Vec<u32> = Vec::new();
        if self.places.is_empty() {
            return Vec::new();
        }
        for band in bands {
            let places = &self.places[self.bucket(*band)..][..PLACES];
            let hit = |place: &&u32| **place != EMPTY && **place >> NUMBER_BITS == tag(*band);
            hits.extend(places.iter().filter(hit).map(|place| number_of(*place)));
        }
        hits.sort_unstable();
        let runs = hits.chunk_by(|a, b| a == b).filter(|run| run.len() >= FEWEST_COMMON);
        runs.map(|run| (run[0], run.len())).collect()
    }

    /// Texts got other numbers; `None` drops one.
    pub fn renumber(&mut self, new: impl Fn(u32) -> Option<u32>) {
        for place in self.places.iter_mut().filter(|place| **place != EMPTY) {
            *place = new(number_of(*place)).map_or(EMPTY, |number| *place >> NUMBER_BITS << NUMBER_BITS | number);
        }
    }

    fn bucket(&self, band: u32) -> usize {
        let first = band & mask(FIRST_BITS);
        let more = tag(band) & mask(self.bits - FIRST_BITS);
        (more << FIRST_BITS | first) as usize * PLACES
    }

    fn make_room(&mut self, texts: usize) {
        if self.places.is_empty() {
            self.places = vec![EMPTY; PLACES << FIRST_BITS];
        }
        while (texts * FINGERPRINT_BANDS) as f64 > self.places.len() as f64 * FULLEST && self.bits < MOST_BITS {
            let half = self.places.len();
            // where a bucket's texts go is told by the next bit of their tags
            self.places.resize(half * 2, EMPTY);
            let bit = 1 << (NUMBER_BITS + self.bits - FIRST_BITS);
            for at in 0..half {
                if self.places[at] != EMPTY && self.places[at] & bit != 0 {
                    self.places[half + at] = std::mem::replace(&mut self.places[at], EMPTY);
                }
            }
            self.bits += 1;
        }
    }
}

const fn mask(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// The upper twelve bits of a band.
fn tag(band: u32) -> u32 {
    band >> NUMBER_BITS
}

fn place(number: u32, band: u32) -> u32 {
    tag(band) << NUMBER_BITS | number
}

fn number_of(place: u32) -> u32 {
    place & mask(NUMBER_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn random_bands(seed: u32) -> Bands {
        std::array::from_fn(|at| {
            xxhash_rust::xxh3::xxh3_64(&[seed.to_le_bytes(), (at as u32).to_le_bytes()].concat()) as u32
        })
    }

    #[test]
    fn texts_are_found_again_while_the_table_grows_and_few_others_are() {
        let mut table = BandTable::default();
        for number in 0..200_000 {
            table.insert(number, &random_bands(number), number as usize + 1, Some);
        }
        assert!(table.bits > FIRST_BITS, "the table has doubled");
        let (mut found, mut others) = (0, 0);
        for number in (0..200_000).step_by(10) {
            let mut bands = random_bands(number);
            // three of twelve are left as they were
            for band in &mut bands[3..] {
                *band = band.wrapping_mul(0x9e37_79b1) ^ number;
            }
            let candidates = table.candidates(&bands);
            found += usize::from(candidates.iter().any(|(found, _)| *found == number));
            others += candidates.len();
        }
        assert!(found > 19_400, "{found} of 20,000");
        assert!(
            others - found < 2_000,
            "{} that have nothing to do with it",
            others - found
        );
    }

    proptest! {
        #[test]
        fn what_is_in_the_table_does_not_depend_on_the_order(mut order in Just((0..300u32).collect::<Vec<_>>()).prop_shuffle()) {
            let crowded = |number: u32| -> Bands { std::array::from_fn(|at| (number % 7) << 20 | at as u32) };
            let fill = |order: &[u32]| {
                let mut table = BandTable::default();
                order.iter().for_each(|number| table.insert(*number, &crowded(*number), 300, Some));
                (0..7).map(|of| table.candidates(&crowded(of))).collect::<Vec<_>>()
            };
            let shuffled = fill(&order);
            order.sort_unstable();
            prop_assert_eq!(fill(&order), shuffled);
        }
    }

    #[test]
    fn a_text_that_is_gone_gives_its_place_and_one_that_moved_is_found_by_its_new_number() {
        let mut table = BandTable::default();
        let bands = random_bands(1);
        for number in 0..8 {
            table.insert(number, &bands, 8, Some);
        }
        table.insert(9, &bands, 9, |number| (number != 7).then_some(number));
        let numbers = |table: &BandTable| {
            table
                .candidates(&bands)
                .iter()
                .map(|(number, _)| *number)
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&table), [0, 1, 2, 3, 4, 5, 6, 9]);
        table.renumber(|number| number.checked_sub(5));
        assert_eq!(numbers(&table), [0, 1, 4]);
    }
}
