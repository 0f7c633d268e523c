//! The notify stage: delivers outbox rows to their receivers, at least once, each with its episode id.
//!
//! Comes in: [`OutboxRow`]s that a finished commit holds, in the order of the state log. Goes out: the alert, to an
//! Alertmanager (API v2) or a Kafka topic, and a [`Delivered`] for each row that needs no further try. Can fail: each
//! try, with a [`DeliveryError`]; it is repeated with a growing pause until the receiver takes or refuses the row.
//! Moves `qingting_notifications_total` and the series of the stage `notify`; `qingting_outbox_items` is the outbox's own.
//!
//! Each receiver has a thread and a queue of its own: one that is down delays its own rows only. The queues are in
//! memory; the outbox in the state log is what survives, so rows that are not reported as [`Delivered`] before a stop
//! are to be sent in again at the next start. A receiver de-duplicates by the episode id and state.

mod alertmanager;
mod backoff;
mod error;
mod kafka;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, KafkaConfig, ReceiverConfig, ReceiverKind};
use crate::telemetry::Metrics;

pub use error::{DeliveryError, NotifyError};
use queue::{Command, ReceiverQueue, StopSignal};

/// One alert for one receiver, as it stands in the outbox.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// Position in the state log; names the row in [`Delivered`].
    pub seq: u64,
    /// Name of the `[[receiver]]`.
    pub receiver: String,
    /// The `alert` record as it was decided. A row may have been written by an earlier version of the program and is
    /// delivered as it stands, hence not a typed record.
    pub alert: serde_json::Value,
    /// ms UTC.
    pub created_at_ms: i64,
}

/// Says that a row needs no further try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    pub seq: u64,
    pub receiver: String,
    /// ms UTC, by the injected clock.
    pub at_ms: i64,
    pub outcome: DeliveryOutcome,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// The receiver said that it has it.
    Delivered,
    /// No further try can help: the receiver refused the content, or no receiver of that name is configured.
    GivenUp,
}

impl DeliveryOutcome {
    /// Value of the label `outcome`. A try that will be repeated counts as `failed`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }
}

/// Value of the label `outcome` for a try that will be repeated.
const FAILED: &str = "failed";

/// Where the worker threads report to.
type Report = Arc<dyn Fn(Delivered) + Send + Sync>;

/// Starts the delivery; see [`Notifier::start`].
pub struct Notifier;

impl Notifier {
    /// Starts delivery on threads of its own, with the machine's clock.
    ///
    /// `delivered` is called from several threads, one call at a time for each receiver, and should not block. The
    /// notifier ends when `rx` closes or [`NotifierHandle::stop`] is called.
    ///
    /// # Errors
    /// If a receiver cannot be set up (a Kafka receiver without `[kafka]`, a property librdkafka does not know) or a
    /// thread cannot be started. That a receiver is down is no error.
    pub fn start(
        config: &Config,
        metrics: Metrics,
        rx: Receiver<OutboxRow>,
        delivered: impl Fn(Delivered) + Send + Sync + 'static,
    ) -> Result<NotifierHandle, NotifyError> {
        Self::start_with_clock(
            &config.receivers,
            config.kafka.as_ref(),
            metrics,
            Arc::new(SystemClock),
            rx,
            delivered,
        )
    }

    /// As [`Notifier::start`], with the parts of the configuration it needs and a clock for `at_ms`.
    ///
    /// # Errors
    /// As [`Notifier::start`].
    pub fn start_with_clock(
        receivers: &[ReceiverConfig],
        kafka: Option<&KafkaConfig>,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        rx: Receiver<OutboxRow>,
        delivered: impl Fn(Delivered) + Send + Sync + 'static,
    ) -> Result<NotifierHandle, NotifyError> {
        let stop = StopSignal::default();
        let report: Report = Arc::new(delivered);
        let mut running = BTreeMap::new();
        for receiver in receivers {
            let transport = transport(receiver, kafka)?;
            let (sender, inbox) = unbounded();
            let queue = ReceiverQueue::new(
                &receiver.name,
                transport,
                inbox,
                metrics.clone(),
                clock.clone(),
                report.clone(),
                stop.clone(),
            );
            let thread = spawn(&receiver.name, move || queue.run())?;
            running.insert(receiver.name.clone(), Running { sender, thread });
        }
        let (control, commands) = bounded(64);
        let dispatcher = Dispatcher {
            receivers: running,
            rx,
            commands,
            metrics,
            clock,
            report,
        };
        let thread = spawn("notify", move || dispatcher.run())?;
        Ok(NotifierHandle {
            control,
            stop,
            thread: Some(thread),
        })
    }
}

fn transport(receiver: &ReceiverConfig, kafka: Option<&KafkaConfig>) -> Result<Box<dyn queue::Transport>, NotifyError> {
    match &receiver.kind {
        ReceiverKind::Alertmanager { url } => Ok(Box::new(alertmanager::Alertmanager::new(url))),
        ReceiverKind::Kafka { topic } => {
            let kafka = kafka.ok_or_else(|| NotifyError::NoBrokers {
                receiver: receiver.name.clone(),
            })?;
            Ok(Box::new(kafka::KafkaTopic::new(&receiver.name, topic, kafka)?))
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, NotifyError> {
    std::thread::Builder::new()
        .name(format!("notify {name}"))
        .spawn(run)
        .map_err(NotifyError::Thread)
}

/// A running notifier. Dropping it stops it.
pub struct NotifierHandle {
    control: Sender<Control>,
    stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

impl NotifierHandle {
    /// Says that `alert` is firing and was delivered to `receiver` before this start. Alertmanager resolves what it is
    /// not told again, so after a restart it must be told of the episodes whose rows are long gone from the outbox.
    pub fn keep_firing(&self, receiver: &str, alert: serde_json::Value) {
        // Fails only after the dispatcher has ended, when nothing is told to anyone.
        let _ = self.control.send(Control::KeepFiring {
            receiver: receiver.to_owned(),
            alert,
        });
    }

    /// Ends the delivery within 5 seconds. Rows that came in are tried once more where their receiver answers; the
    /// others are not reported and stay in the outbox.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.set();
            let _ = self.control.send(Control::Stop);
            if thread.join().is_err() {
                tracing::error!("the notify thread panicked");
            }
        }
    }
}

impl Drop for NotifierHandle {
    fn drop(&mut self) {
        self.end();
    }
}

enum Control {
    KeepFiring { receiver: String, alert: serde_json::Value },
    Stop,
}

struct Running {
    sender: Sender<Command>,
    thread: JoinHandle<()>,
}

/// Hands each row to the queue of its receiver.
struct Dispatcher {
    receivers: BTreeMap<String, Running>,
    rx: Receiver<OutboxRow>,
    commands: Receiver<Control>,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    report: Report,
}

impl Dispatcher {
    fn run(self) {
        loop {
            select! {
                recv(self.rx) -> row => match row {
                    Ok(row) => self.hand_over(row),
                    Err(_) => break,
                },
                recv(self.commands) -> command => match command {
                    Ok(Control::KeepFiring { receiver, alert }) => self.keep_firing(&receiver, alert),
                    Ok(Control::Stop) | Err(_) => break,
                },
            }
        }
        for row in self.rx.try_iter() {
            self.hand_over(row);
        }
        for (name, Running { sender, thread }) in self.receivers {
            // A queue whose sender is gone delivers what it can and ends.
            drop(sender);
            if thread.join().is_err() {
                tracing::error!(receiver = name, "the thread of the receiver panicked");
            }
        }
    }

    fn hand_over(&self, row: OutboxRow) {
        let Some(running) = self.receivers.get(&row.receiver) else {
            tracing::warn!(
                receiver = row.receiver,
                seq = row.seq,
                "no receiver of that name is configured any more"
            );
            let outcome = DeliveryOutcome::GivenUp;
            self.metrics
                .notifications_total
                .with_label_values(&[row.receiver.as_str(), outcome.label()])
                .inc();
            (self.report)(Delivered {
                seq: row.seq,
                receiver: row.receiver,
                at_ms: self.clock.now_ms(),
                outcome,
            });
            return;
        };
        if running.sender.send(Command::Deliver(row)).is_err() {
            tracing::error!("the thread of a receiver has ended; its rows stay in the outbox");
        }
    }

    fn keep_firing(&self, receiver: &str, alert: serde_json::Value) {
        if let Some(running) = self.receivers.get(receiver) {
            let _ = running.sender.send(Command::KeepFiring(alert));
        }
    }
}

/// Longest time of one try.
const ATTEMPT: Duration = Duration::from_millis(3_500);
/// Longest time from the stop signal to the end of the last try.
const STOP: Duration = Duration::from_millis(4_000);
