//! What is to leave the process, and the projection of what was decided.
//!
//! A row is a frame of the state log; it is handed to the notifier only after the commit that names the frame, and
//! stays until a `Delivered` frame says that it arrived. So every row leaves at least once, with its episode id.

use super::PipelineError;
use super::projection::Projection;
use crate::alert::{AlertRecord, AlertState};
use crate::checkpoint::{Frame, FrameKind};
use crate::config::Config;
use crate::notify::{Delivered, OutboxRow};
use crate::telemetry::{FiringAlert, Metrics};
use crossbeam_channel::{Receiver, Sender};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An outbox row as its frame holds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    pub receiver: String,
    pub alert: serde_json::Value,
}

pub struct Outbox {
    rows: BTreeMap<u64, Row>,
    /// First seq that was not handed to the notifier in this session.
    unsent_from: u64,
    /// Transitions of the open commit, for the projection.
    transitions: Vec<(u64, AlertRecord)>,
    firing: BTreeMap<String, AlertRecord>,
    projection: Arc<Mutex<Projection>>,
    to_notifier: Sender<OutboxRow>,
    delivered: Receiver<Delivered>,
    acknowledged: Vec<u64>,
    dead_letters_sent: Arc<AtomicU64>,
    /// Receivers of each rule; a rule without any goes to all.
    receivers: Vec<String>,
    by_rule: BTreeMap<String, Vec<String>>,
    deliver_history: bool,
    metrics: Metrics,
}

impl Outbox {
    pub fn new(
        config: &Config,
        metrics: Metrics,
        projection: Arc<Mutex<Projection>>,
        to_notifier: Sender<OutboxRow>,
        delivered: Receiver<Delivered>,
        dead_letters_sent: Arc<AtomicU64>,
    ) -> Self {
        Self {
            rows: BTreeMap::new(),
            unsent_from: 0,
            transitions: Vec::new(),
            firing: BTreeMap::new(),
            projection,
            to_notifier,
            delivered,
            acknowledged: Vec::new(),
            dead_letters_sent,
            receivers: config.receivers.iter().map(|receiver| receiver.name.clone()).collect(),
            by_rule: config
                .rules
                .iter()
                .map(|rule| (rule.name.clone(), rule.receivers.clone()))
                .collect(),
            deliver_history: config.alerting.deliver_history,
            metrics,
        }
    }

    /// Reads back what the state log says: episodes, and rows that no `Delivered` frame follows.
    pub fn restore(&mut self, frames: &[Frame]) -> Result<(), PipelineError> {
        for frame in frames {
            match frame.kind {
                FrameKind::Alert => {
                    let alert: AlertRecord = serde_json::from_slice(&frame.bytes).map_err(PipelineError::Serialize)?;
                    self.remember(frame.seq, &alert);
                }
                FrameKind::Outbox => {
                    let row = serde_json::from_slice(&frame.bytes).map_err(PipelineError::Serialize)?;
                    self.rows.insert(frame.seq, row);
                }
                FrameKind::Delivered => {
                    if let Ok(seq) = <[u8; 8]>::try_from(frame.bytes.as_slice()) {
                        self.rows.remove(&u64::from_le_bytes(seq));
                    }
                }
                FrameKind::Annotation => {}
            }
        }
        self.project()?;
        self.show_firing();
        Ok(())
    }

    /// Episodes that fire, to be kept alive at receivers that forget.
    pub fn firing(&self) -> impl Iterator<Item = (&str, &AlertRecord)> {
        self.firing
            .values()
            .flat_map(|alert| self.receivers_of(alert).into_iter().map(move |name| (name, alert)))
    }

    pub fn remember(&mut self, seq: u64, alert: &AlertRecord) {
        if alert.state == AlertState::Firing {
            self.firing.insert(alert.id.clone(), alert.clone());
        } else {
            self.firing.remove(&alert.id);
        }
        self.transitions.push((seq, alert.clone()));
    }

    /// The rows that a transition asks for: none for what is pending, none for history unless the config says so.
    pub fn rows_for(&self, alert: &AlertRecord) -> Vec<Row> {
        let leaves = match alert.state {
            AlertState::Firing | AlertState::Resolved => true,
            AlertState::Historical => self.deliver_history,
            AlertState::Pending => false,
        };
        if !leaves || !alert.paged {
            return Vec::new();
        }
        let Ok(value) = serde_json::to_value(alert) else {
            return Vec::new();
        };
        self.receivers_of(alert)
            .into_iter()
            .map(|name| Row {
                receiver: name.to_owned(),
                alert: value.clone(),
            })
            .collect()
    }

    fn receivers_of(&self, alert: &AlertRecord) -> Vec<&str> {
        let named = self
            .by_rule
            .get(&alert.rule)
            .filter(|receivers| !receivers.is_empty())
            .unwrap_or(&self.receivers);
        named.iter().map(String::as_str).collect()
    }

    pub fn queue(&mut self, seq: u64, row: Row) {
        self.rows.insert(seq, row);
    }

    /// Hands the notifier every row that it has not had from this session. Only after a commit.
    pub fn send(&mut self, now_ms: i64) {
        for (seq, row) in self.rows.range(self.unsent_from..) {
            let row = OutboxRow {
                seq: *seq,
                receiver: row.receiver.clone(),
                alert: row.alert.clone(),
                created_at_ms: now_ms,
            };
            // closed only while stopping: the row stays in the log and leaves at the next start
            let _ = self.to_notifier.send(row);
        }
        if let Some((last, _)) = self.rows.last_key_value() {
            self.unsent_from = self.unsent_from.max(last + 1);
        }
        self.metrics.outbox_items.set(self.rows.len() as i64);
    }

    pub fn has_deliveries(&mut self) -> bool {
        while let Ok(delivered) = self.delivered.try_recv() {
            if self.rows.remove(&delivered.seq).is_some() {
                self.acknowledged.push(delivered.seq);
            }
        }
        !self.acknowledged.is_empty()
    }

    /// True when rows were handed out and not yet acknowledged.
    pub fn is_waiting(&self) -> bool {
        !self.rows.is_empty()
    }

    pub fn take_delivered(&mut self) -> Vec<u64> {
        self.has_deliveries();
        std::mem::take(&mut self.acknowledged)
    }

    /// Writes the transitions of the commit to SQLite and shows what fires.
    pub fn project(&mut self) -> Result<(), PipelineError> {
        if self.transitions.is_empty() {
            return Ok(());
        }
        self.projection.lock().apply(&self.transitions)?;
        self.transitions.clear();
        self.show_firing();
        Ok(())
    }

    fn show_firing(&self) {
        let firing: Vec<FiringAlert> = self
            .firing
            .values()
            .map(|alert| FiringAlert {
                rule: alert.rule.clone(),
                episode: alert.id.clone(),
                owner: alert.owner.clone().unwrap_or_default(),
                priority: alert.priority.clone(),
                ratio: alert.ratio.unwrap_or(0.0),
            })
            .collect();
        self.metrics.set_firing(&firing);
    }

    /// The open commit holds decisions.
    pub fn has_transitions(&self) -> bool {
        !self.transitions.is_empty()
    }

    pub fn dead_letters_sent_bytes(&self) -> u64 {
        self.dead_letters_sent.load(Ordering::Acquire)
    }
}
