//! One session: from a start (or a recovery) to a stop or the first error. Recovery *is* another session.

use super::PipelineError;
use super::intake::{BATCH_RECORDS, Intake, WorkBatch};
use super::keeper::Keeper;
use super::outbox::Outbox;
use super::projection::Projection;
use super::shared::{Live, Shared};
use super::stages::{ProcessedRecord, Stages, Worker};
use crate::checkpoint::{FrameKind, INDEX_FORMAT, Identities, LineFile, Payload, Probe, StartCounter, StateLog};
use crate::clock::Stopwatch;
use crate::dead_letter::TopicSender;
use crate::index::{DuplicateWindow, IndexError, IndexStore};
use crate::notify::{Notifier, NotifierHandle};
use crate::privacy::{Erasures, apply};
use crate::source::gate::Entry;
use crate::telemetry::Stage;
use crate::trend::TrendEngine;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const WORK_BATCHES: usize = 4;
const DONE_BATCHES: usize = 12;
/// How far the workers stand back behind the other threads.
#[cfg(target_os = "linux")]
const WORKER_NICE: libc::c_int = 5;
/// How often the index thread looks at the stop flag and the commit's deadline.
const TICK: Duration = Duration::from_millis(20);
/// How long a stop waits for receivers to acknowledge.
const LAST_DELIVERIES: Duration = Duration::from_secs(5);

enum DoneEntry {
    Record(ProcessedRecord),
    Boundary(i64),
    CaughtUp,
}

struct DoneBatch {
    number: u64,
    entries: Result<Vec<DoneEntry>, PipelineError>,
}

/// Runs until `stop` is set (`Ok`) or anything fails.
pub fn run(
    shared: &Arc<Shared>,
    stages: &Arc<Stages>,
    starts: StartCounter,
    stop: &Arc<AtomicBool>,
) -> Result<(), PipelineError> {
    let probe = Arc::new(Probe::new(&shared.config.data_dir, starts.probes())?);
    let (committed_sender, committed) = bounded(1);
    let (mut keeper, notifier, payload) = open(shared, stages, starts, committed_sender)?;
    keeper.resume_evaluation()?;
    let (work_sender, work) = bounded(WORK_BATCHES);
    let (done_sender, done) = bounded(DONE_BATCHES);
    let (applied_sender, applied) = bounded(1);
    let ended = Arc::new(AtomicBool::new(false));
    let intake = Intake {
        config: shared.config.clone(),
        shared: shared.clone(),
        stop: ended.clone(),
        work: work_sender,
        committed,
        newest_record_time_ms: keeper.newest_record_time_ms.clone(),
        probe: probe.is_on().then_some(applied),
    };
    let workers = start_workers(shared, stages, &work, &done_sender, &probe)?;
    drop((work, done_sender));
    let intake = std::thread::Builder::new()
        .name("source".to_owned())
        .spawn(move || intake.run(&payload))
        .map_err(PipelineError::Io)?;
    let mut applied_sender = probe.is_on().then_some(applied_sender);
    let outcome = keep(&mut keeper, &done, &ended, stop, &intake, &probe, &mut applied_sender);
    // in this order: a source that sees the channel closed and no end goes on at full speed
    ended.store(true, Ordering::Release);
    drop(applied_sender);
    // empties the queue, so that no worker waits to hand over
    while done.recv().is_ok() {}
    for worker in workers {
        worker.join().map_err(|_| PipelineError::Panicked("worker"))?;
    }
    // the process lives: no record ended it
    probe.file.clear()?;
    let outcome = outcome.and_then(|()| finish(&mut keeper));
    drop(keeper);
    let source_outcome = intake.join().unwrap_or(Err(PipelineError::Panicked("source")));
    outcome?;
    if let Err(error) = source_outcome
        && !matches!(error, PipelineError::Stopped)
    {
        return Err(error);
    }
    notifier.stop();
    Ok(())
}

/// Opens everything at the last commit and rebuilds the caches from the index.
fn open(
    shared: &Arc<Shared>,
    stages: &Arc<Stages>,
    starts: StartCounter,
    committed: Sender<Vec<crate::checkpoint::TopicPosition>>,
) -> Result<(Keeper, NotifierHandle, Payload), PipelineError> {
    let config = &shared.config;
    let (mut store, payload) = IndexStore::open(&config.data_dir.join("index"))?;
    let first = payload.is_none();
    let payload = payload.unwrap_or_default();
    let (identities, changes) = check_identities(shared, stages, &payload.identities, first)?;
    let erasures = Erasures::load(&config.data_dir)?;
    // an index restored from a backup of before an erasure
    let (payload, erased) = apply(&mut store, payload, &erasures)?;
    if !erased.is_empty() {
        tracing::warn!(
            items = erased.len(),
            "erased items were in the index again, and were taken out"
        );
    }
    store.set_epoch(identities.epoch);
    let (mut log, frames) = StateLog::open(&config.data_dir, &payload.state_log)?;
    for change in changes {
        log.push(FrameKind::Annotation, change.to_string().as_bytes());
    }
    let dead_letter_path = config
        .dead_letter
        .file
        .clone()
        .unwrap_or_else(|| config.data_dir.join("dead_letters.ndjson"));
    let dead_letters = LineFile::open(&dead_letter_path, payload.dead_letters_bytes)?;
    let projection = Arc::new(Mutex::new(Projection::open(
        &config.data_dir,
        payload.state_log.next_seq,
    )?));
    let (rows, to_deliver) = unbounded();
    let (report, delivered) = unbounded();
    let notifier = Notifier::start_with_clock(
        &config.receivers,
        config.kafka.as_ref(),
        shared.metrics.clone(),
        shared.clock.clone(),
        to_deliver,
        move |row| {
            // closed only while the session ends
            let _ = report.send(row);
        },
    )?;
    let dead_letters_sent = Arc::new(AtomicU64::new(payload.dead_letters_sent_bytes));
    let dead_letter_topic = match &config.dead_letter.topic {
        Some(topic) => {
            let durable = shared.durable_dead_letters.clone();
            Some(TopicSender::start(
                config,
                topic,
                &dead_letter_path,
                dead_letters_sent.clone(),
                durable,
            )?)
        }
        None => None,
    };
    let mut outbox = Outbox::new(
        config,
        shared.metrics.clone(),
        projection.clone(),
        rows,
        delivered,
        dead_letters_sent,
    );
    outbox.restore(&frames)?;
    for (receiver, alert) in outbox.firing() {
        notifier.keep_firing(receiver, serde_json::to_value(alert).map_err(PipelineError::Serialize)?);
    }
    let mut trend = TrendEngine::new(config, &stages.segmenter)?;
    if !payload.rule_state.is_null() {
        trend.restore(&payload.rule_state)?;
    }
    trend.rebuild(store.searcher(), store.fields())?;
    let trend = Arc::new(RwLock::new(trend));
    let duplicates = DuplicateWindow::rebuild(config.duplicates.window, store.searcher())?;
    let live = Live {
        searcher: store.searcher().clone(),
        fields: store.fields().clone(),
        trend: trend.clone(),
        projection,
        generation: payload.commit,
    };
    shared.started(live, &payload);
    shared
        .newest_record_time_ms
        .fetch_max(payload.newest_record_time_ms, Ordering::AcqRel);
    let keeper = Keeper {
        shared: shared.clone(),
        store,
        trend,
        duplicates,
        erasures,
        log,
        dead_letters,
        dead_letter_topic,
        outbox,
        starts,
        sources: config
            .sources
            .iter()
            .map(|source| source.name.as_str().into())
            .collect(),
        identities,
        positions: payload
            .positions
            .iter()
            .map(|p| ((p.topic.as_str().into(), p.partition), p.clone()))
            .collect(),
        files: payload
            .files
            .iter()
            .map(|p| ((p.source.clone(), p.file.clone()), p.clone()))
            .collect(),
        newest_record_time_ms: shared.newest_record_time_ms.clone(),
        committed,
        since_commit: Stopwatch::start(),
        open_items: 0,
        dirty: false,
        payload: payload.clone(),
    };
    Ok((keeper, notifier, payload))
}

/// Decision 13: *rebuild* identities refuse the start, *epoch* identities raise the analysis epoch and are noted.
fn check_identities(
    shared: &Shared,
    stages: &Stages,
    known: &Identities,
    first: bool,
) -> Result<(Identities, Vec<serde_json::Value>), PipelineError> {
    let now = Identities {
        schema: INDEX_FORMAT,
        dictionary: stages.segmenter.dictionary_hash(),
        model: stages.model.reference().to_string(),
        zone: shared.config.time.zone.name().to_owned(),
        key: shared.key_fingerprint,
        epoch: known.epoch,
    };
    if first {
        return Ok((now, Vec::new()));
    }
    if now.dictionary != known.dictionary {
        return Err(IndexError::Rebuild {
            path: shared.config.data_dir.clone(),
            what: "segmentation dictionary",
        }
        .into());
    }
    let mut changes = Vec::new();
    let mut changed = |kind: &str, from: String, to: String| {
        if from != to {
            changes.push(serde_json::json!({"kind": kind, "from": from, "to": to, "at": shared.clock.now_ms()}));
        }
    };
    changed("model", known.model.clone(), now.model.clone());
    changed("zone", known.zone.clone(), now.zone.clone());
    changed("key", format!("{:016x}", known.key), format!("{:016x}", now.key));
    let epoch = known.epoch + u64::from(!changes.is_empty());
    for change in &changes {
        tracing::warn!(%change, epoch, "an identity changed: rules compare only what was analyzed alike");
    }
    Ok((Identities { epoch, ..now }, changes))
}

fn start_workers(
    shared: &Arc<Shared>,
    stages: &Arc<Stages>,
    work: &Receiver<WorkBatch>,
    done: &Sender<DoneBatch>,
    probe: &Arc<Probe>,
) -> Result<Vec<JoinHandle<()>>, PipelineError> {
    (0..shared.config.model.threads.max(1))
        .map(|index| {
            let worker = Worker::new(stages.clone())?;
            let (work, done) = (work.clone(), done.clone());
            let probe = probe.clone();
            std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || work_on(worker, &work, &done, &probe))
                .map_err(PipelineError::Io)
        })
        .collect()
}

fn work_on(mut worker: Worker, work: &Receiver<WorkBatch>, done: &Sender<DoneBatch>, probe: &Probe) {
    give_way();
    while let Ok(batch) = work.recv() {
        let entries = process(&mut worker, batch.entries, Some(probe).filter(|probe| probe.is_on()));
        if done
            .send(DoneBatch {
                number: batch.number,
                entries,
            })
            .is_err()
        {
            return;
        }
    }
}

/// Workers are as many as there are cores: where they get no less of them than the index thread and its writer, the
/// queue between is always full, and all wait while a commit writes its segment. A twentieth of all time was idle.
fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: no memory is involved; 0 is the calling thread, and a refusal changes nothing
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, WORKER_NICE);
    }
}

/// Records go through the stages together; boundaries keep their places between them.
fn process(worker: &mut Worker, entries: Vec<Entry>, probe: Option<&Probe>) -> Result<Vec<DoneEntry>, PipelineError> {
    let mut records = Vec::with_capacity(entries.len());
    let mut marks = Vec::new();
    for entry in entries {
        match entry {
            Entry::Record(record) => records.push(record),
            Entry::Boundary(at_ms) => marks.push((records.len(), DoneEntry::Boundary(at_ms))),
            Entry::CaughtUp => marks.push((records.len(), DoneEntry::CaughtUp)),
        }
    }
    let processed = match (probe, records.as_slice()) {
        (Some(probe), [record]) if probe.condemns(&record.position.to_string()) => {
            tracing::error!(position = %record.position, "this record ended the process: it goes to the dead letters");
            vec![worker.crashed(
                record,
                "the process ended three times running, and then twice on this record, read alone",
            )]
        }
        (Some(probe), [record]) => {
            probe.file.enter(&record.position.to_string(), probe.suspect.as_ref())?;
            worker.process(&records)?
        }
        _ => worker.process(&records)?,
    };
    let mut out = Vec::with_capacity(processed.len() + marks.len());
    let mut marks = marks.into_iter().peekable();
    for (index, record) in processed.into_iter().enumerate() {
        while let Some((_, mark)) = marks.next_if(|(at, _)| *at <= index) {
            out.push(mark);
        }
        out.push(DoneEntry::Record(record));
    }
    out.extend(marks.map(|(_, mark)| mark));
    Ok(out)
}

/// The index thread's loop: batches by number, commits by time and size.
fn keep(
    keeper: &mut Keeper,
    done: &Receiver<DoneBatch>,
    ended: &AtomicBool,
    stop: &AtomicBool,
    intake: &JoinHandle<Result<(), PipelineError>>,
    probe: &Probe,
    applied: &mut Option<Sender<()>>,
) -> Result<(), PipelineError> {
    let shared = keeper.shared.clone();
    let config = shared.config.clone();
    // all that may have been on its way when the process ended: an open commit and full queues
    let probe_records = (config.checkpoint.max_items + (WORK_BATCHES + DONE_BATCHES + 4) * BATCH_RECORDS) as u64;
    let (mut next, mut waiting, mut probed) = (0u64, BTreeMap::new(), 0u64);
    loop {
        if stop.load(Ordering::Acquire) {
            // what is already read is finished; nothing more is read
            ended.store(true, Ordering::Release);
        }
        let mut caught_up = false;
        match done.recv_timeout(TICK) {
            Ok(batch) => {
                waiting.insert(batch.number, batch.entries);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        let mut records = 0;
        while let Some(entries) = waiting.remove(&next) {
            next += 1;
            for entry in entries? {
                match entry {
                    DoneEntry::Record(record) => {
                        keeper.apply(record)?;
                        records += 1;
                        if applied.is_some() {
                            // survived; what ends the process from here on, such as a commit, is not this record
                            probe.file.clear()?;
                        }
                        if keeper.open_items >= config.checkpoint.max_items {
                            keeper.commit()?;
                        }
                    }
                    DoneEntry::Boundary(at_ms) => keeper.boundary(at_ms)?,
                    DoneEntry::CaughtUp => caught_up = true,
                }
            }
        }
        shared.metrics.stage(Stage::Index).queue_items.set(waiting.len() as i64);
        if caught_up && keeper.has_work()
            || keeper.commit_is_due(config.checkpoint.interval, config.checkpoint.max_items)
        {
            keeper.commit()?;
        }
        if caught_up {
            shared.set_caught_up();
        }
        shared.gauges.set_waiting(keeper.has_work());
        if applied.is_some() && (records > 0 || caught_up) {
            probed += records;
            if probed >= probe_records || caught_up {
                probe.end();
                *applied = None;
                keeper.starts.end_probe();
                if caught_up {
                    // all of it is committed
                    keeper.starts.reset()?;
                }
            } else if let Some(applied) = applied {
                // full only when the source has not taken the last one yet
                let _ = applied.try_send(());
            }
        }
        if intake.is_finished() && !stop.load(Ordering::Acquire) && done.is_empty() && waiting.is_empty() {
            return Ok(());
        }
    }
}

/// The last commit of a clean stop: what was read is in, what was delivered is noted.
fn finish(keeper: &mut Keeper) -> Result<(), PipelineError> {
    if keeper.has_work() {
        keeper.commit()?;
    }
    let watch = Stopwatch::start();
    while (keeper.outbox.is_waiting() || keeper.dead_letters_wait()) && watch.elapsed() < LAST_DELIVERIES {
        std::thread::sleep(TICK);
        keeper.outbox.has_deliveries();
    }
    if keeper.has_work() || keeper.payload.dead_letters_sent_bytes < keeper.outbox.dead_letters_sent_bytes() {
        keeper.commit()?;
    }
    keeper.starts.end_probe();
    keeper.starts.reset()?;
    Ok(())
}

/// Where the files of a data directory are.
pub fn index_directory(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("index")
}
