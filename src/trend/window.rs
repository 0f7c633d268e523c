//! Like for like: which hours of which reference windows each feed can be compared on.
//!
//! A feed's window ends its usual delay before the boundary, now as in the reference (equal maturity: both are taken when
//! 90 % of their items have arrived). For each place in the window the wanted number of earlier windows is chosen, latest
//! first; an hour in which the feed was silent against its own rate, or before it was first heard, stands out and an
//! earlier week's same hour stands in.

use super::calendar::{Calendar, DAY_HOURS, hour_of, hour_start};
use super::coverage::{Coverage, Feed};
use super::rules::{Rule, STAND_INS};

/// Feeds later than this would leave nothing of a window.
const MAX_SHIFT_HOURS: u32 = 7 * DAY_HOURS;

/// What is known about each feed at one boundary; shared by all rules.
#[derive(Debug)]
pub(super) struct Heard {
    pub boundary_hour: u32,
    pub feeds: Vec<FeedHeard>,
}

#[derive(Debug)]
pub(super) struct FeedHeard {
    pub first_hour: u32,
    pub shift_hours: u32,
    pub outages: Vec<(u32, u32)>,
}

impl Heard {
    pub fn at(boundary_hour: u32, horizon_hours: u32, coverage: &Coverage, lateness_hours: u32) -> Self {
        let from = boundary_hour.saturating_sub(horizon_hours);
        let feeds = coverage
            .feeds
            .iter()
            .map(|feed: &Feed| FeedHeard {
                first_hour: feed.first_hour,
                shift_hours: feed.usual_delay_hours(lateness_hours).min(MAX_SHIFT_HOURS),
                outages: feed.outages(from, boundary_hour),
            })
            .collect();
        Self { boundary_hour, feeds }
    }
}

impl FeedHeard {
    /// Whether counts of `[from, to)` say something.
    fn is_usable(&self, from: u32, to: u32) -> bool {
        from > self.first_hour && {
            let silent: u32 = self
                .outages
                .iter()
                .map(|&(start, end)| end.min(to).saturating_sub(start.max(from)))
                .sum();
            // A day counts while less than half of it is missing, an hour while none is.
            silent * 2 < (to - from).max(2)
        }
    }
}

/// How one feed is compared in one rule; `end`, `length` and `stride` are in hours or days.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub end: u32,
    pub length: u32,
    pub stride: u32,
    pub chosen: Chosen,
    /// Bit i: reference window i (1 = the latest) is usable as a whole.
    pub whole: u64,
}

/// Bit i: reference window i is used at this place; no bit: the place is left out, now as in the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chosen {
    Everywhere(u64),
    /// Chosen and usable windows of each place.
    ByPlace(Vec<(u64, u64)>),
}

impl Plan {
    pub fn start(&self) -> u32 {
        self.end.saturating_sub(self.length)
    }

    /// Start of reference window `i`.
    pub fn reference_start(&self, i: u32) -> u32 {
        self.start().saturating_sub(i * self.stride)
    }
}

/// Plans of all feeds for one rule at one boundary: hours, and days where the window is whole days.
#[derive(Debug)]
pub(super) struct Plans {
    pub hours: Vec<Option<Plan>>,
    pub days: Vec<Option<Plan>>,
}

impl Plans {
    pub fn of(rule: &Rule, heard: &Heard, calendar: &Calendar) -> Self {
        let hours = heard
            .feeds
            .iter()
            .map(|feed| hour_plan(rule, heard.boundary_hour, feed));
        let whole_days = rule.window_hours.is_multiple_of(DAY_HOURS) && rule.stride_hours.is_multiple_of(DAY_HOURS);
        let days = heard.feeds.iter().map(|feed| {
            whole_days
                .then(|| day_plan(rule, heard.boundary_hour, feed, calendar))
                .flatten()
        });
        Self {
            hours: hours.collect(),
            days: days.collect(),
        }
    }
}

fn hour_plan(rule: &Rule, boundary_hour: u32, feed: &FeedHeard) -> Option<Plan> {
    let plan = Plan {
        end: boundary_hour.saturating_sub(feed.shift_hours),
        length: rule.window_hours,
        stride: rule.stride_hours,
        chosen: Chosen::Everywhere(0),
        whole: 0,
    };
    let hour = |hour: u32| (hour, hour + 1);
    choose(plan, rule, feed, &hour)
}

fn day_plan(rule: &Rule, boundary_hour: u32, feed: &FeedHeard, calendar: &Calendar) -> Option<Plan> {
    let plan = Plan {
        // The day that is not over is no whole day.
        end: calendar.day_of(hour_start(boundary_hour.saturating_sub(feed.shift_hours))),
        length: rule.window_hours / DAY_HOURS,
        stride: rule.stride_hours / DAY_HOURS,
        chosen: Chosen::Everywhere(0),
        whole: 0,
    };
    let day = |day: u32| (hour_of(calendar.day_start(day)), hour_of(calendar.day_start(day + 1)));
    choose(plan, rule, feed, &day)
}

/// Fills in which windows are used. `None` while the feed's windows are not covered: a new feed is no trend.
fn choose(mut plan: Plan, rule: &Rule, feed: &FeedHeard, hours_of: &dyn Fn(u32) -> (u32, u32)) -> Option<Plan> {
    let slots = rule.references + STAND_INS;
    let earliest = hours_of(plan.reference_start(1)).0;
    if earliest <= feed.first_hour {
        return None;
    }
    let reached = |i: u32| hours_of(plan.reference_start(i)).0 > feed.first_hour;
    if feed.outages.is_empty() {
        let whole = (1..=slots).filter(|&i| reached(i)).fold(0, |bits, i| bits | 1 << i);
        let all_reached = reached(rule.references);
        plan.whole = whole;
        if all_reached {
            plan.chosen = Chosen::Everywhere(first_bits(plan.whole, rule.references));
            return Some(plan);
        }
    }
    let mut whole: u64 = (1..=slots).fold(0, |bits, i| bits | 1 << i);
    let mut by_place = Vec::with_capacity(plan.length as usize);
    for place in 0..plan.length {
        let mut usable = 0_u64;
        for i in 1..=slots {
            let (from, to) = hours_of(plan.reference_start(i) + place);
            if feed.is_usable(from, to) {
                usable |= 1 << i;
            }
        }
        whole &= usable;
        let (from, to) = hours_of(plan.start() + place);
        let usable = if feed.is_usable(from, to) { usable } else { 0 };
        by_place.push((first_bits(usable, rule.references), usable));
    }
    plan.whole = whole;
    plan.chosen = if by_place.iter().all(|(chosen, _)| *chosen == by_place[0].0) {
        Chosen::Everywhere(by_place[0].0)
    } else {
        Chosen::ByPlace(by_place)
    };
    Some(plan)
}

/// The lowest `n` bits that are set.
pub(super) fn first_bits(bits: u64, n: u32) -> u64 {
    let mut left = bits;
    let mut kept = 0;
    for _ in 0..n {
        let lowest = left & left.wrapping_neg();
        kept |= lowest;
        left ^= lowest;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        let config = super::super::rules::builtin_rules(&crate::config::AlertingConfig {
            deliver_history: false,
            sensitivity: crate::config::Sensitivity::Balanced,
        })
        .remove(0);
        Rule {
            config,
            view: 0,
            window_hours: 168,
            stride_hours: 168,
            references: 8,
        }
    }

    fn feed(first_hour: u32, outages: Vec<(u32, u32)>) -> FeedHeard {
        FeedHeard {
            first_hour,
            shift_hours: 0,
            outages,
        }
    }

    #[test]
    fn a_feed_without_gaps_uses_the_latest_windows_everywhere() {
        let plan = hour_plan(&rule(), 100_000, &feed(10, vec![])).expect("covered");
        assert_eq!(plan.chosen, Chosen::Everywhere(0b1_1111_1110));
    }

    #[test]
    fn a_new_feed_is_left_out_until_both_windows_are_covered() {
        assert!(hour_plan(&rule(), 100_000, &feed(100_000 - 336, vec![])).is_none());
        assert!(hour_plan(&rule(), 100_000, &feed(100_000 - 337, vec![])).is_some());
    }

    #[test]
    fn an_earlier_week_stands_in_for_an_outage() {
        let last_week = (100_000 - 300, 100_000 - 200);
        let plan = hour_plan(&rule(), 100_000, &feed(10, vec![last_week])).expect("covered");
        let Chosen::ByPlace(places) = plan.chosen else {
            panic!("places differ")
        };
        assert_eq!(places[0].0, 0b1_1111_1110);
        assert_eq!(places[100].0, 0b11_1111_1100);
        assert_eq!(plan.whole & 0b10, 0);
    }

    #[test]
    fn hours_silent_now_are_left_out_of_the_reference_too() {
        let plan = hour_plan(&rule(), 100_000, &feed(10, vec![(99_990, 100_000)])).expect("covered");
        let Chosen::ByPlace(places) = plan.chosen else {
            panic!("places differ")
        };
        assert_eq!(places[167].0, 0);
        assert_ne!(places[100].0, 0);
    }
}
