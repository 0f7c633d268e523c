//! One key at one boundary: its current count against its clean reference windows, feed by feed.

use super::calendar::{Calendar, hour_of};
use super::dispersion::Scatter;
use super::store::{Cells, ON_TIME};
use super::view::ViewKey;
use super::window::{Chosen, Plan, Plans, first_bits};
use std::borrow::Cow;

/// So many firing windows in a row are the new normal.
const NEW_NORMAL_WINDOWS: u32 = 8;

/// Half-open intervals of hours in which a key was firing; the last may be open.
pub(super) type Firing = [(u32, u32)];

/// What is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Comparison {
    pub current: u64,
    /// Items per reference window.
    pub mean: f64,
    /// 1 / number of reference windows behind the mean; a fraction where feeds or hours have different numbers.
    pub inverse_n: f64,
    /// The window one stride before, if nothing in it was left out.
    pub last: Option<u64>,
    pub first_hour: u32,
    pub end_hour: u32,
    /// Most distant reference window used.
    pub furthest: u32,
}

impl Comparison {
    pub fn passes_effect(&self, increase: f64) -> bool {
        self.mean > 0.0 && self.current as f64 >= (1.0 + increase) * self.mean
    }
}

/// Sums while feeds are gone through.
#[derive(Default)]
struct Sums {
    current: u64,
    mean: f64,
    /// Σ of each count divided by the square of its number of windows.
    spread: f64,
    last: u64,
    last_is_whole: bool,
    /// Places used and Σ 1/n over them, for keys without a count in the reference.
    places: f64,
    inverse: f64,
    furthest: u32,
}

pub(super) fn compare(
    key: &ViewKey,
    plans: &Plans,
    references: u32,
    firing: &Firing,
    calendar: &Calendar,
) -> Comparison {
    let mut sums = Sums {
        last_is_whole: true,
        ..Sums::default()
    };
    let (mut first_hour, mut end_hour) = (u32::MAX, 0);
    for (feed, split) in &key.feeds {
        if let Some(plan) = plans.hours.get(usize::from(*feed)).and_then(Option::as_ref)
            && !split.hours.all().is_empty()
        {
            let plan = without_firing(plan, references, firing, &|hour| hour);
            sums.add(&split.hours, &plan);
            first_hour = first_hour.min(plan.start());
            end_hour = end_hour.max(plan.end);
        }
        if let Some(plan) = plans.days.get(usize::from(*feed)).and_then(Option::as_ref)
            && !split.days.all().is_empty()
        {
            let hour_of_day = |day: u32| hour_of(calendar.day_start(day));
            let plan = without_firing(plan, references, firing, &hour_of_day);
            sums.add(&split.days, &plan);
            first_hour = first_hour.min(hour_of_day(plan.start()));
            end_hour = end_hour.max(hour_of_day(plan.end));
        }
    }
    let inverse_n = if sums.mean > 0.0 {
        sums.spread / sums.mean
    } else {
        sums.inverse / sums.places.max(1.0)
    };
    Comparison {
        current: sums.current,
        mean: sums.mean,
        inverse_n: if inverse_n > 0.0 { inverse_n } else { 1.0 },
        last: sums.last_is_whole.then_some(sums.last),
        first_hour: first_hour.min(end_hour),
        end_hour,
        furthest: sums.furthest,
    }
}

impl Sums {
    fn add(&mut self, cells: &Cells, plan: &Plan) {
        self.last_is_whole &= plan.whole & 0b10 != 0;
        self.last += on_time_and_late(cells, plan.reference_start(1), plan.length);
        match &plan.chosen {
            Chosen::Everywhere(0) => {}
            Chosen::Everywhere(bits) => self.add_everywhere(cells, plan, *bits),
            Chosen::ByPlace(places) => self.add_by_place(cells, plan, places),
        }
    }

    fn add_everywhere(&mut self, cells: &Cells, plan: &Plan, bits: u64) {
        let n = f64::from(bits.count_ones());
        self.current += on_time(cells, plan.start(), plan.length);
        let mut left = bits;
        while left != 0 {
            let i = left.trailing_zeros();
            left &= left - 1;
            let count = on_time_and_late(cells, plan.reference_start(i), plan.length) as f64;
            self.mean += count / n;
            self.spread += count / (n * n);
        }
        self.places += f64::from(plan.length);
        self.inverse += f64::from(plan.length) / n;
        self.furthest = self.furthest.max(63 - bits.leading_zeros());
    }

    fn add_by_place(&mut self, cells: &Cells, plan: &Plan, places: &[(u64, u64)]) {
        for cell in cells.range(plan.start(), plan.end) {
            if places[(cell.at - plan.start()) as usize].0 != 0 {
                self.current += u64::from(cell.n[ON_TIME]);
            }
        }
        let all = places.iter().fold(0, |all, (bits, _)| all | bits);
        let mut left: u64 = all;
        while left != 0 {
            let i = left.trailing_zeros();
            left &= left - 1;
            let start = plan.reference_start(i);
            for cell in cells.range(start, start + plan.length) {
                let (bits, _) = places[(cell.at - start) as usize];
                if bits & (1 << i) != 0 {
                    let n = f64::from(bits.count_ones());
                    self.mean += cell.sum() as f64 / n;
                    self.spread += cell.sum() as f64 / (n * n);
                }
            }
        }
        for (bits, _) in places.iter().filter(|(bits, _)| *bits != 0) {
            self.places += 1.0;
            self.inverse += 1.0 / f64::from(bits.count_ones());
        }
        if all != 0 {
            self.furthest = self.furthest.max(63 - all.leading_zeros());
        }
    }
}

fn on_time(cells: &Cells, from: u32, length: u32) -> u64 {
    let cells = cells.range(from, from + length);
    cells.iter().map(|cell| u64::from(cell.n[ON_TIME])).sum()
}

/// A late item fills history: it counts in references.
fn on_time_and_late(cells: &Cells, from: u32, length: u32) -> u64 {
    cells.sum(from, from + length)
}

/// The plan with reference hours left out in which the key was firing; after eight such weeks the level is the new normal.
fn without_firing<'a>(plan: &'a Plan, references: u32, firing: &Firing, hour_at: &dyn Fn(u32) -> u32) -> Cow<'a, Plan> {
    if firing.is_empty() {
        return Cow::Borrowed(plan);
    }
    let is_firing = |hour: u32| firing.iter().any(|&(start, end)| (start..end).contains(&hour));
    let by_place = (0..plan.length)
        .map(|place| {
            let candidates = match &plan.chosen {
                Chosen::Everywhere(0) => 0,
                Chosen::Everywhere(_) => plan.whole,
                Chosen::ByPlace(places) => places[place as usize].1,
            };
            let mut clean = 0_u64;
            let mut left = candidates;
            while left != 0 {
                let i = left.trailing_zeros();
                left &= left - 1;
                if !is_firing(hour_at(plan.reference_start(i) + place)) {
                    clean |= 1 << i;
                }
            }
            let newest = first_bits(candidates, NEW_NORMAL_WINDOWS);
            let new_normal = newest.count_ones() == NEW_NORMAL_WINDOWS && newest & clean == 0;
            let usable = if new_normal { candidates } else { clean };
            (first_bits(usable, references), usable)
        })
        .collect();
    Cow::Owned(Plan {
        chosen: Chosen::ByPlace(by_place),
        ..plan.clone()
    })
}

/// Counts of whole clean reference windows, over the feeds that have any; for the scatter of the key.
pub(super) fn scatter(
    key: &ViewKey,
    plans: &Plans,
    references: u32,
    firing: &Firing,
    calendar: &Calendar,
) -> Option<Scatter> {
    let hour_of_day = |day: u32| hour_of(calendar.day_start(day));
    let hour = |hour: u32| hour;
    let mut common = u64::MAX;
    let mut parts: Vec<(&Cells, &Plan)> = Vec::new();
    for (feed, split) in &key.feeds {
        let mut part = |cells: &'_ Cells, plans: &[Option<Plan>], hour_at: &dyn Fn(u32) -> u32| {
            let plan = plans.get(usize::from(*feed)).and_then(Option::as_ref)?;
            if cells.all().is_empty() || plan.whole == 0 {
                return None;
            }
            let mut bits = plan.whole;
            for i in 1..u64::BITS {
                let (from, to) = (
                    hour_at(plan.reference_start(i)),
                    hour_at(plan.reference_start(i) + plan.length),
                );
                if bits & (1 << i) != 0 && firing.iter().any(|&(start, end)| start < to && from < end) {
                    bits &= !(1 << i);
                }
            }
            common &= bits;
            Some(())
        };
        if part(&split.hours, &plans.hours, &hour).is_some() {
            parts.extend(
                plans.hours[usize::from(*feed)]
                    .as_ref()
                    .map(|plan| (&split.hours, plan)),
            );
        }
        if part(&split.days, &plans.days, &hour_of_day).is_some() {
            parts.extend(plans.days[usize::from(*feed)].as_ref().map(|plan| (&split.days, plan)));
        }
    }
    if parts.is_empty() {
        return None;
    }
    let mut windows = Vec::new();
    let mut left = first_bits(common, references);
    while left != 0 {
        let i = left.trailing_zeros();
        left &= left - 1;
        windows.push(
            parts
                .iter()
                .map(|(cells, plan)| on_time_and_late(cells, plan.reference_start(i), plan.length))
                .sum(),
        );
    }
    Scatter::of(&windows)
}
