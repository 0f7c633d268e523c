//! The queue of one receiver: rows in order, one at a time, each until the receiver takes or refuses it.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{ATTEMPT, Delivered, DeliveryError, DeliveryOutcome, FAILED, OutboxRow, Report, STOP, backoff};
use crate::clock::{Clock, Stopwatch};
use crate::telemetry::{Metrics, Stage, StageTimer};

/// How a receiver is talked to.
pub(super) trait Transport: Send {
    /// One try to deliver, within `limit`; returns early when `stop` is set where it can.
    fn deliver(&mut self, alert: &serde_json::Value, limit: Duration, stop: &StopSignal) -> Result<(), DeliveryError>;

    /// Takes an alert that was delivered before this start and still fires.
    fn keep_firing(&mut self, _alert: &serde_json::Value) {}

    /// How often the receiver must hear of what still fires; `None`: it remembers, or nothing fires.
    fn refresh_every(&self) -> Option<Duration> {
        None
    }

    /// Tells the receiver of all that still fires, within `limit`.
    fn refresh(&mut self, _limit: Duration) -> Result<(), DeliveryError> {
        Ok(())
    }
}

pub(super) enum Command {
    Deliver(OutboxRow),
    KeepFiring(serde_json::Value),
}

/// Set once when delivery is to end; knows for how long it has been set.
#[derive(Clone, Default)]
pub(super) struct StopSignal(Arc<OnceLock<Stopwatch>>);

impl StopSignal {
    pub(super) fn set(&self) {
        self.0.get_or_init(Stopwatch::start);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// What is left of the time to stop.
    pub(super) fn time_left(&self) -> Duration {
        self.0.get().map_or(STOP, |since| STOP.saturating_sub(since.elapsed()))
    }
}

pub(super) struct ReceiverQueue {
    name: String,
    transport: Box<dyn Transport>,
    inbox: Receiver<Command>,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    report: Report,
    stop: StopSignal,
    rows: VecDeque<OutboxRow>,
    /// Failed tries in a row.
    failures: u32,
    since_failure: Stopwatch,
    /// `None`: due now.
    since_refresh: Option<Stopwatch>,
}

impl ReceiverQueue {
    pub(super) fn new(
        name: &str,
        transport: Box<dyn Transport>,
        inbox: Receiver<Command>,
        metrics: Metrics,
        clock: Arc<dyn Clock>,
        report: Report,
        stop: StopSignal,
    ) -> Self {
        Self {
            name: name.to_owned(),
            transport,
            inbox,
            metrics,
            clock,
            report,
            stop,
            rows: VecDeque::new(),
            failures: 0,
            since_failure: Stopwatch::start(),
            since_refresh: Some(Stopwatch::start()),
        }
    }

    /// Until the dispatcher hangs up.
    pub(super) fn run(mut self) {
        loop {
            match self.next_command() {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.stop.is_set() {
                // The dispatcher hangs up next; what it still hands over comes first.
                continue;
            }
            if self.retry_in().is_some_and(|wait| wait.is_zero()) {
                self.try_first_row(ATTEMPT);
            } else if self.refresh_in().is_some_and(|wait| wait.is_zero()) {
                self.refresh();
            }
        }
        self.deliver_the_rest();
    }

    fn next_command(&self) -> Result<Command, RecvTimeoutError> {
        let wait = if self.stop.is_set() { None } else { self.next_wait() };
        match wait {
            Some(wait) => self.inbox.recv_timeout(wait),
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn next_wait(&self) -> Option<Duration> {
        [self.retry_in(), self.refresh_in()].into_iter().flatten().min()
    }

    /// Time until the first row is to be tried; `None` without a row.
    fn retry_in(&self) -> Option<Duration> {
        self.rows.front()?;
        match self.failures {
            0 => Some(Duration::ZERO),
            failures => Some(backoff::pause(failures).saturating_sub(self.since_failure.elapsed())),
        }
    }

    /// Time until the receiver is to hear of what fires. Waits for the rows, which may say that an episode has ended.
    fn refresh_in(&self) -> Option<Duration> {
        if !self.rows.is_empty() {
            return None;
        }
        let every = self.transport.refresh_every()?;
        Some(
            self.since_refresh
                .map_or(Duration::ZERO, |since| every.saturating_sub(since.elapsed())),
        )
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Deliver(row) => self.rows.push_back(row),
            Command::KeepFiring(alert) => {
                self.transport.keep_firing(&alert);
                self.since_refresh = None;
            }
        }
    }

    /// One try for the row that waits longest. True if the next one may be tried at once.
    fn try_first_row(&mut self, limit: Duration) -> bool {
        let Some(row) = self.rows.pop_front() else { return false };
        let timer = StageTimer::start(Stage::Notify);
        let result = self.transport.deliver(&row.alert, limit, &self.stop);
        timer.finish(&self.metrics, 1);
        match result {
            Ok(()) => self.finish(row, DeliveryOutcome::Delivered),
            Err(error) if error.is_final() => {
                tracing::error!(
                    receiver = self.name,
                    seq = row.seq,
                    code = error.code(),
                    "alert given up: {error}"
                );
                self.finish(row, DeliveryOutcome::GivenUp);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.since_failure = Stopwatch::start();
                self.count(FAILED);
                tracing::warn!(
                    receiver = self.name,
                    seq = row.seq,
                    code = error.code(),
                    tries = self.failures,
                    waiting = self.rows.len() + 1,
                    "alert not delivered yet: {error}"
                );
                self.rows.push_front(row);
                return false;
            }
        }
        true
    }

    fn finish(&mut self, row: OutboxRow, outcome: DeliveryOutcome) {
        self.failures = 0;
        self.count(outcome.label());
        let at_ms = self.clock.now_ms();
        (self.report)(Delivered {
            seq: row.seq,
            receiver: row.receiver,
            at_ms,
            outcome,
        });
    }

    /// A refresh that fails is not repeated before the next one is due: the receiver forgets only after several.
    fn refresh(&mut self) {
        self.since_refresh = Some(Stopwatch::start());
        if let Err(error) = self.transport.refresh(ATTEMPT) {
            self.count(FAILED);
            tracing::warn!(
                receiver = self.name,
                code = error.code(),
                "cannot say again what fires: {error}"
            );
        }
    }

    fn count(&self, outcome: &str) {
        self.metrics
            .notifications_total
            .with_label_values(&[self.name.as_str(), outcome])
            .inc();
    }

    /// The rows that are here at a stop, as far as the receiver answers and time is left.
    fn deliver_the_rest(mut self) {
        // Also when the channel of rows was closed without a stop: the time to end starts here then.
        self.stop.set();
        if self.failures == 0 {
            while !self.stop.time_left().is_zero() && self.try_first_row(self.stop.time_left().min(ATTEMPT)) {}
        }
        if !self.rows.is_empty() {
            tracing::info!(
                receiver = self.name,
                rows = self.rows.len(),
                "rows stay in the outbox until the next start"
            );
        }
    }
}
