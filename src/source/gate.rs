//! The hour gate: records of all lanes in step of record time (decision 6).
//!
//! A lane is a Kafka partition or a file source. A record whose hour of record time is later than the gate's hour
//! waits until every lane that is not at its end has come to that hour; then the boundary is announced and the gate
//! moves on. So a replay at any speed and in any order of partitions evaluates the rules on the same states.

use crate::item::RawRecord;
use std::collections::VecDeque;

pub const HOUR_MS: i64 = 3_600_000;
/// A jump over more hours than this is announced as its last boundary only: nothing was heard in between.
const MAX_BOUNDARIES_PER_JUMP: i64 = 24 * 400;

/// What leaves the gate, in order.
#[derive(Debug, Clone)]
pub enum Entry {
    Record(RawRecord),
    /// Start of an hour of record time, ms: all records of earlier hours have left.
    Boundary(i64),
    /// Every lane was at its end and empty.
    CaughtUp,
}

#[derive(Debug, Default)]
struct Lane {
    queue: VecDeque<RawRecord>,
    at_end: bool,
    closed: bool,
}

impl Lane {
    fn is_idle(&self) -> bool {
        self.closed || (self.at_end && self.queue.is_empty())
    }
}

#[derive(Debug, Default)]
pub struct Gate {
    lanes: Vec<Lane>,
    /// Start of the hour that is being read, ms.
    hour_ms: Option<i64>,
    caught_up: bool,
    next_lane: usize,
}

pub fn hour_of(record_time_ms: i64) -> i64 {
    record_time_ms.div_euclid(HOUR_MS) * HOUR_MS
}

impl Gate {
    /// Continues in the hour of the checkpoint.
    pub fn new(hour_ms: Option<i64>) -> Self {
        Self {
            hour_ms,
            ..Self::default()
        }
    }

    /// A new lane holds everybody back until its first record or its end.
    pub fn add_lane(&mut self) -> usize {
        self.lanes.push(Lane::default());
        self.caught_up = false;
        self.lanes.len() - 1
    }

    pub fn push(&mut self, lane: usize, record: RawRecord) {
        let lane = &mut self.lanes[lane];
        lane.at_end = false;
        lane.queue.push_back(record);
        self.caught_up = false;
    }

    pub fn set_at_end(&mut self, lane: usize) {
        self.lanes[lane].at_end = true;
    }

    /// Forgets a lane: it was refused or will never have another record.
    pub fn close(&mut self, lane: usize) {
        self.lanes[lane].closed = true;
        self.lanes[lane].queue.clear();
    }

    pub fn queued(&self, lane: usize) -> usize {
        self.lanes[lane].queue.len()
    }

    /// True when every lane is at its end and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.lanes.iter().all(Lane::is_idle)
    }

    /// Moves up to `limit` entries out, in order. Announces `CaughtUp` each time that idleness begins.
    pub fn release(&mut self, out: &mut Vec<Entry>, limit: usize) {
        while out.len() < limit {
            let before = out.len();
            self.release_hour(out, limit);
            if out.len() >= limit || !self.open_next_hour(out) && out.len() == before {
                break;
            }
        }
        if out.len() < limit && self.is_idle() && !self.caught_up {
            self.caught_up = true;
            out.push(Entry::CaughtUp);
        }
    }

    /// With the system clock: once all lanes are idle, record time follows the clock, so that silence is noticed.
    pub fn follow_clock(&mut self, now_ms: i64, out: &mut Vec<Entry>) {
        if self.is_idle() && self.hour_ms.is_some_and(|hour| hour_of(now_ms) > hour) {
            self.announce(hour_of(now_ms), out);
        }
    }

    fn release_hour(&mut self, out: &mut Vec<Entry>, limit: usize) {
        let Some(hour_ms) = self.hour_ms else { return };
        let lanes = self.lanes.len();
        for step in 0..lanes {
            let index = (self.next_lane + step) % lanes;
            let lane = &mut self.lanes[index];
            while lane
                .queue
                .front()
                .is_some_and(|record| hour_of(record.record_time_ms) <= hour_ms)
            {
                if out.len() >= limit {
                    self.next_lane = index;
                    return;
                }
                out.extend(lane.queue.pop_front().map(Entry::Record));
            }
        }
    }

    /// True when the gate moved to a later hour.
    fn open_next_hour(&mut self, out: &mut Vec<Entry>) -> bool {
        let waiting = self.lanes.iter().any(|lane| lane.queue.is_empty() && !lane.is_idle());
        let fronts = self
            .lanes
            .iter()
            .filter(|lane| !lane.closed)
            .filter_map(|lane| lane.queue.front());
        let Some(next_ms) = fronts.map(|record| hour_of(record.record_time_ms)).min() else {
            return false;
        };
        if waiting || self.hour_ms.is_some_and(|hour| next_ms <= hour) {
            return false;
        }
        self.announce(next_ms, out);
        true
    }

    fn announce(&mut self, next_ms: i64, out: &mut Vec<Entry>) {
        let first_ms = match self.hour_ms {
            Some(hour) if (next_ms - hour) / HOUR_MS <= MAX_BOUNDARIES_PER_JUMP => hour + HOUR_MS,
            _ => next_ms,
        };
        let mut boundary_ms = first_ms;
        while boundary_ms <= next_ms {
            out.push(Entry::Boundary(boundary_ms));
            boundary_ms += HOUR_MS;
        }
        self.hour_ms = Some(next_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::RecordPosition;

    fn record(lane: usize, offset: u64, hour: i64) -> RawRecord {
        RawRecord {
            source: 0,
            position: RecordPosition::File {
                file: format!("lane{lane}").into(),
                record: offset,
            },
            record_time_ms: hour * HOUR_MS + offset as i64,
            key: None,
            headers: Vec::new(),
            payload: Some(Vec::new()),
            unreadable: None,
        }
    }

    fn drain(gate: &mut Gate) -> Vec<String> {
        let mut out = Vec::new();
        gate.release(&mut out, 1000);
        out.iter()
            .map(|entry| match entry {
                Entry::Record(record) => format!("{}", record.position),
                Entry::Boundary(ms) => format!("b{}", ms / HOUR_MS),
                Entry::CaughtUp => "caught up".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_partition_ahead_waits_for_the_slowest() {
        let mut gate = Gate::new(None);
        let (slow, fast) = (gate.add_lane(), gate.add_lane());
        gate.push(fast, record(fast, 0, 10));
        gate.push(fast, record(fast, 1, 12));
        assert!(drain(&mut gate).is_empty(), "the slow lane has not spoken yet");
        gate.push(slow, record(slow, 0, 10));
        assert_eq!(drain(&mut gate), ["b10", "lane0/0", "lane1/0"]);
        gate.push(slow, record(slow, 1, 11));
        assert_eq!(drain(&mut gate), ["b11", "lane0/1"]);
        gate.set_at_end(slow);
        assert_eq!(drain(&mut gate), ["b12", "lane1/1"]);
    }

    #[test]
    fn an_idle_partition_holds_nobody_back_and_every_boundary_is_visited() {
        let mut gate = Gate::new(None);
        let (idle, busy) = (gate.add_lane(), gate.add_lane());
        gate.set_at_end(idle);
        gate.push(busy, record(busy, 0, 1));
        gate.push(busy, record(busy, 1, 4));
        gate.set_at_end(busy);
        assert_eq!(
            drain(&mut gate),
            ["b1", "lane1/0", "b2", "b3", "b4", "lane1/1", "caught up"]
        );
        assert!(drain(&mut gate).is_empty(), "caught up is said once");
    }

    #[test]
    fn a_late_record_passes_without_moving_the_gate_back() {
        let mut gate = Gate::new(Some(5 * HOUR_MS));
        let lane = gate.add_lane();
        gate.push(lane, record(lane, 0, 2));
        gate.set_at_end(lane);
        assert_eq!(drain(&mut gate), ["lane0/0", "caught up"]);
        let mut out = Vec::new();
        gate.follow_clock(7 * HOUR_MS + 5, &mut out);
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn a_small_limit_loses_nothing() {
        let mut gate = Gate::new(None);
        let lanes = [gate.add_lane(), gate.add_lane(), gate.add_lane()];
        for offset in 0..30 {
            for lane in lanes {
                gate.push(lane, record(lane, offset, offset as i64 / 3));
            }
        }
        lanes.iter().for_each(|lane| gate.set_at_end(*lane));
        let (mut records, mut last_hour) = (0, 0);
        for _ in 0..1000 {
            let mut out = Vec::new();
            gate.release(&mut out, 4);
            for entry in out {
                match entry {
                    Entry::Record(record) => {
                        records += 1;
                        assert_eq!(hour_of(record.record_time_ms), last_hour);
                    }
                    Entry::Boundary(ms) => last_hour = ms,
                    Entry::CaughtUp => {}
                }
            }
        }
        assert_eq!(records, 90);
    }
}
