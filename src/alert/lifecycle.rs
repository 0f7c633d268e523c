//! How an episode lives: pending → firing → resolved, boundary by boundary.

use serde::{Deserialize, Serialize};

/// What a rule says about the life of its episodes.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Boundaries that the condition must hold before it fires, at least 1.
    pub for_boundaries: u32,
    /// Boundaries below the lower bound before it resolves, at least 1.
    pub resolve_boundaries: u32,
    /// A firing episode is told again after so long.
    pub repeat_ms: i64,
}

/// What a boundary says about a key. Between the lower bound and the condition an episode stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    Holds,
    Between,
    Below,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    Fired,
    /// Still firing, told again.
    Repeated,
    Resolved,
    /// Was pending and never fired.
    Lapsed,
}

/// Life of one episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    /// Boundary at which it began to fire, or would.
    pub starts_at_ms: i64,
    pub firing: bool,
    held: u32,
    below: u32,
    told_at_ms: i64,
}

const HOUR_MS: i64 = 3_600_000;

impl Life {
    /// At the first boundary at which the condition holds: firing at once, or pending until it has held long enough.
    pub fn begin(boundary_ms: i64, policy: Policy) -> Self {
        let wait = i64::from(policy.for_boundaries.max(1) - 1);
        Self {
            starts_at_ms: boundary_ms + wait * HOUR_MS,
            firing: wait == 0,
            held: 1,
            below: 0,
            told_at_ms: boundary_ms,
        }
    }

    /// At each later boundary.
    pub fn step(&mut self, boundary_ms: i64, observation: Observation, policy: Policy) -> Option<Transition> {
        if !self.firing {
            if observation != Observation::Holds {
                return Some(Transition::Lapsed);
            }
            self.held += 1;
            if self.held < policy.for_boundaries {
                return None;
            }
            self.firing = true;
            self.starts_at_ms = boundary_ms;
            self.told_at_ms = boundary_ms;
            return Some(Transition::Fired);
        }
        if observation == Observation::Below {
            self.below += 1;
            if self.below >= policy.resolve_boundaries.max(1) {
                return Some(Transition::Resolved);
            }
            return None;
        }
        self.below = 0;
        if policy.repeat_ms > 0 && boundary_ms - self.told_at_ms >= policy.repeat_ms {
            self.told_at_ms = boundary_ms;
            return Some(Transition::Repeated);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Observation::{Below, Between, Holds};

    const POLICY: Policy = Policy {
        for_boundaries: 3,
        resolve_boundaries: 2,
        repeat_ms: 4 * HOUR_MS,
    };

    #[test]
    fn a_condition_must_hold_at_every_boundary_of_for() {
        let mut life = Life::begin(0, POLICY);
        assert!(!life.firing);
        assert_eq!(life.step(HOUR_MS, Holds, POLICY), None);
        let expected = life.starts_at_ms;
        assert_eq!(life.step(2 * HOUR_MS, Holds, POLICY), Some(Transition::Fired));
        assert_eq!(
            life.starts_at_ms, expected,
            "the id of the pending episode is that of the firing one"
        );
        let mut other = Life::begin(0, POLICY);
        assert_eq!(other.step(HOUR_MS, Between, POLICY), Some(Transition::Lapsed));
    }

    #[test]
    fn it_resolves_only_after_staying_below() {
        let once = Policy {
            for_boundaries: 1,
            ..POLICY
        };
        let mut life = Life::begin(0, once);
        assert!(life.firing);
        assert_eq!(life.step(HOUR_MS, Below, once), None);
        assert_eq!(life.step(2 * HOUR_MS, Between, once), None);
        assert_eq!(life.step(3 * HOUR_MS, Below, once), None);
        assert_eq!(life.step(4 * HOUR_MS, Below, once), Some(Transition::Resolved));
    }

    #[test]
    fn it_is_told_again_after_the_repeat_interval() {
        let once = Policy {
            for_boundaries: 1,
            ..POLICY
        };
        let mut life = Life::begin(0, once);
        let told: Vec<_> = (1..10)
            .filter(|hour| life.step(hour * HOUR_MS, Holds, once).is_some())
            .collect();
        assert_eq!(told, [4, 8]);
    }
}
