//! The pauses between tries.

use std::time::Duration;

/// Pause before the next try after `failures` failures in a row: 1, 2, 4, 8, 16, 32, 60, 60 … seconds. The same
/// schedule each time: a receiver has one queue here and nobody to collide with.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled.min(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let seconds: Vec<u64> = [1, 2, 3, 6, 7, 8, 64, 65, u32::MAX]
            .map(|n| pause(n).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60, 60, 60, 60]);
    }
}
