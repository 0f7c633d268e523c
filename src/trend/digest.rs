//! A small fingerprint of all exact counts: goes into each commit's payload, `verify` recomputes it from the index.

use super::store::{DEDUPLICATED, RAW, Store, Values};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fingerprint of the counts of all closed dimensions. It depends on nothing but the alive documents: not on the
/// configuration, the zone or the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendDigest {
    /// Sum over (key, hour) of weight × count, modulo 2^64, in hex.
    pub sum: String,
    /// `dimension=value` → (raw, deduplicated) over all time; the key `total` is every counted item.
    pub totals: BTreeMap<String, (u64, u64)>,
}

/// What `raw` and `deduplicated` at one key and hour add to the sum: linear, so that counts can be taken back.
pub(super) fn term(key_hash: u64, event_hour: u32, day_precise: bool, n: [i32; 2]) -> u64 {
    let weight =
        mix(key_hash ^ (u64::from(event_hour) << 1 | u64::from(day_precise)).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let raw = weight.wrapping_mul(i64::from(n[RAW]) as u64);
    let deduplicated = weight.rotate_left(23).wrapping_mul(i64::from(n[DEDUPLICATED]) as u64);
    raw.wrapping_add(deduplicated)
}

/// Finalizer of splitmix64.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

impl TrendDigest {
    pub(super) fn of(sum: u64, store: &Store, values: &Values) -> Self {
        let totals = (0..store.len())
            .filter_map(|id| {
                let counts = store.get(id as u32)?;
                if counts.total == [0, 0] {
                    return None;
                }
                let (dimension, value) = values.name(id as u32);
                let key = match dimension {
                    Some(dimension) => format!("{}={value}", dimension.name()),
                    None => "total".to_owned(),
                };
                Some((key, (counts.total[RAW], counts.total[DEDUPLICATED])))
            })
            .collect();
        Self {
            sum: format!("{sum:016x}"),
            totals,
        }
    }

    /// One line per difference, most telling first; empty when equal.
    pub(super) fn differences(expected: &Self, recomputed: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let keys: std::collections::BTreeSet<_> = expected.totals.keys().chain(recomputed.totals.keys()).collect();
        for key in keys {
            let committed = expected.totals.get(key).copied().unwrap_or_default();
            let found = recomputed.totals.get(key).copied().unwrap_or_default();
            if committed != found {
                lines.push(format!(
                    "trend counts of {key}: committed raw {} deduplicated {}, the index has raw {} deduplicated {}",
                    committed.0, committed.1, found.0, found.1
                ));
            }
        }
        if lines.is_empty() && expected.sum != recomputed.sum {
            lines.push(format!(
                "trend counts by hour: committed sum {}, the index has {}; all totals agree",
                expected.sum, recomputed.sum
            ));
        }
        lines
    }
}
