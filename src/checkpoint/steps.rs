//! Where in a commit the process is, for the crash harness.
//!
//! Comes in: the steps of the one commit, in their order. Goes out: nothing in a shipped build, where every function
//! here is empty and is compiled away; with feature `crash-test` the step goes to a shared file and the process
//! kills itself where the harness asks. Cannot fail. No metric moves.
//!
//! Environment, read once, only with feature `crash-test`:
//! - `QINGTING_STEP_FILE=FILE`: 16 bytes, little endian: the number of the commit (1 = first of this process), the
//!   ordinal of the step that was entered last.
//! - `QINGTING_KILL_AT=STEP:COMMIT`: SIGKILL on entering that step in that commit, or the first time after it.
//! - `QINGTING_FAIL_WRITE_AT=COMMIT[:TIMES]`: the index directory answers "no space left" to the next TIMES (default 1) new
//!   files from that commit on.
//! - `QINGTING_SEEDED_BUG=NAME`: makes one known mistake; the harness must notice it.
//! - `QINGTING_CRASH_ON_TEXT=TEXT`: a text that contains it ends the process, as a fault in a native library would.

/// A step of the one commit, in order; `MergeEnd` and `Send` happen on other threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// Start of every commit, also of one without frames: the frames are about to be appended to the state log.
    LogAppend,
    /// The frames are written but not yet on the disk.
    LogFsync,
    /// Before `prepare_commit`.
    Prepare,
    /// Before `commit` of what was prepared.
    Commit,
    /// Before `meta.json` is replaced (inside `commit`; entered by the watched directory).
    Rename,
    /// `meta.json` is replaced, the directory is not yet synchronized (entered by the watched directory).
    DirectorySync,
    /// A merge has ended and is about to replace `meta.json` (entered by the watched directory).
    MergeEnd,
    /// Durable; before the projection into SQLite.
    Project,
    /// Durable; before anything is sent outside: alerts, dead letters, analyzed records, group offsets.
    Send,
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::LogAppend,
        Self::LogFsync,
        Self::Prepare,
        Self::Commit,
        Self::Rename,
        Self::DirectorySync,
        Self::MergeEnd,
        Self::Project,
        Self::Send,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::LogAppend => "log_append",
            Self::LogFsync => "log_fsync",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Rename => "rename",
            Self::DirectorySync => "directory_sync",
            Self::MergeEnd => "merge_end",
            Self::Project => "project",
            Self::Send => "send",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// A mistake that the harness must notice, kept as a test of the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The payload's positions are one batch ahead of the documents.
    PayloadAhead,
    /// The overlay of the open commit is cleared before the searcher is reloaded.
    OverlayEarly,
    /// A failed `prepare_commit` is tried again instead of taking the recovery path.
    RetryPrepare,
    /// Frames are sent before the commit.
    SendEarly,
    /// Trend counts what arrives, not what the documents say.
    CountByArrival,
}

impl Bug {
    pub const ALL: [Self; 5] = [
        Self::PayloadAhead,
        Self::OverlayEarly,
        Self::RetryPrepare,
        Self::SendEarly,
        Self::CountByArrival,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::PayloadAhead => "payload_ahead",
            Self::OverlayEarly => "overlay_early",
            Self::RetryPrepare => "retry_prepare",
            Self::SendEarly => "send_early",
            Self::CountByArrival => "count_by_arrival",
        }
    }
}

#[cfg(not(feature = "crash-test"))]
mod recorder {
    use super::{Bug, Step};

    /// Says that the process is about to do this step.
    #[inline(always)]
    pub fn enter(_step: Step) {}

    /// Number of commits begun by this process.
    #[inline(always)]
    pub fn commit_count() -> u64 {
        0
    }

    /// Whether the process was asked to make this mistake.
    #[inline(always)]
    pub const fn seeded(_bug: Bug) -> bool {
        false
    }

    /// Ends the process if it was asked to on a text like this.
    #[inline(always)]
    pub fn crash_on_text(_text: &str) {}
}

#[cfg(feature = "crash-test")]
mod recorder {
    use super::{Bug, Step};
    use std::fs::File;
    use std::os::unix::fs::FileExt;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static COMMITS: AtomicU64 = AtomicU64::new(0);
    static SENT_EARLY: AtomicBool = AtomicBool::new(false);
    static LAST_STEP: AtomicU64 = AtomicU64::new(u64::MAX);
    static FAILED_WRITES: AtomicU64 = AtomicU64::new(0);
    static ORDERS: OnceLock<Orders> = OnceLock::new();

    /// What the environment asks for.
    struct Orders {
        step_file: Option<File>,
        kill_at: Option<(Step, u64)>,
        fail_write_at: Option<(u64, u64)>,
        bug: Option<String>,
        crash_on_text: Option<String>,
    }

    fn orders() -> &'static Orders {
        ORDERS.get_or_init(|| {
            let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
            Orders {
                step_file: variable("QINGTING_STEP_FILE")
                    .and_then(|path| File::options().create(true).truncate(false).write(true).open(path).ok()),
                kill_at: variable("QINGTING_KILL_AT").and_then(|order| {
                    let (step, commit) = order.split_once(':')?;
                    Some((Step::named(step)?, commit.parse().ok()?))
                }),
                fail_write_at: variable("QINGTING_FAIL_WRITE_AT").and_then(|order| match order.split_once(':') {
                    Some((commit, times)) => Some((commit.parse().ok()?, times.parse().ok()?)),
                    None => Some((order.parse().ok()?, 1)),
                }),
                bug: variable("QINGTING_SEEDED_BUG"),
                crash_on_text: variable("QINGTING_CRASH_ON_TEXT"),
            }
        })
    }

    pub fn enter(step: Step) {
        let commit = match step {
            Step::LogAppend => COMMITS.fetch_add(1, Ordering::AcqRel) + 1,
            _ => COMMITS.load(Ordering::Acquire),
        };
        LAST_STEP.store(step as u64, Ordering::Release);
        let orders = orders();
        if let Some(file) = &orders.step_file {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&commit.to_le_bytes());
            bytes[8..].copy_from_slice(&(step as u64).to_le_bytes());
            // A step file that cannot be written only makes the harness's table less exact.
            let _ = file.write_all_at(&bytes, 0);
        }
        let ordered = orders
            .kill_at
            .is_some_and(|(at, from)| at == step && commit >= from.max(1));
        if ordered && orders.bug.as_deref() == Some(Bug::SendEarly.name()) {
            // This mistake shows only where something was sent early, and once it has arrived.
            if !SENT_EARLY.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        if ordered {
            die();
        }
    }

    pub fn commit_count() -> u64 {
        COMMITS.load(Ordering::Acquire)
    }

    pub fn seeded(bug: Bug) -> bool {
        let seeded = orders().bug.as_deref() == Some(bug.name());
        if seeded && bug == Bug::SendEarly {
            SENT_EARLY.store(true, Ordering::Release);
        }
        seeded
    }

    pub fn crash_on_text(text: &str) {
        if orders()
            .crash_on_text
            .as_deref()
            .is_some_and(|needle| text.contains(needle))
        {
            die();
        }
    }

    /// Whether the index directory must refuse this new file.
    pub fn refuses_write() -> bool {
        let Some((from, times)) = orders().fail_write_at else {
            return false;
        };
        // This mistake shows only where the failed write is one of `prepare_commit`.
        let any_step = orders().bug.as_deref() != Some(Bug::RetryPrepare.name());
        if !any_step && LAST_STEP.load(Ordering::Acquire) != Step::Prepare as u64 {
            return false;
        }
        commit_count() >= from && FAILED_WRITES.fetch_add(1, Ordering::AcqRel) < times
    }

    /// No destructor, no buffer and no thread gets another chance: what a power cut leaves to the process.
    fn die() -> ! {
        // SAFETY: raise takes no pointers; SIGKILL cannot be caught.
        unsafe {
            libc::raise(libc::SIGKILL);
        }
        loop {
            std::thread::park();
        }
    }
}

#[cfg(feature = "crash-test")]
pub use recorder::refuses_write;
pub use recorder::{commit_count, crash_on_text, enter, seeded};
