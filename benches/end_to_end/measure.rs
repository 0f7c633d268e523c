//! What the kernel says about a process.

use super::memory::anon_bytes;
use super::support::process::get;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct Usage {
    pub user_seconds: f64,
    pub system_seconds: f64,
    pub max_anon_bytes: u64,
}

impl Usage {
    /// CPU of all children that have ended and were waited for.
    pub fn of_ended_children() -> Self {
        // SAFETY: an all-zero rusage is valid and the call only writes to it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage);
            usage
        };
        let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
        Self {
            user_seconds: seconds(usage.ru_utime),
            system_seconds: seconds(usage.ru_stime),
            max_anon_bytes: 0,
        }
    }

    pub fn since(&self, before: &Self) -> Self {
        Self {
            user_seconds: self.user_seconds - before.user_seconds,
            system_seconds: self.system_seconds - before.system_seconds,
            max_anon_bytes: 0,
        }
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.user_seconds + self.system_seconds
    }
}

/// Watches a process: its largest RssAnon and the last CPU seconds of its stages.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(u64, Vec<(String, f64)>)>,
}

impl Sampler {
    pub fn start(pid: u32, run_json: PathBuf) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut anon, mut stages, mut round) = (0, Vec::new(), 0u64);
            while !stopped.load(Ordering::Acquire) {
                anon = anon.max(anon_bytes(pid));
                // once a second, so that the look costs nothing
                if round.is_multiple_of(10)
                    && let Some(found) = stage_seconds(&run_json)
                {
                    stages = found;
                }
                round += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            (anon, stages)
        });
        Self { stop, thread }
    }

    pub fn stop(self) -> (u64, Vec<(String, f64)>) {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap_or_default()
    }
}

fn stage_seconds(run_json: &Path) -> Option<Vec<(String, f64)>> {
    let run: serde_json::Value = serde_json::from_slice(&fs::read(run_json).ok()?).ok()?;
    let (status, body) = get(&format!("{}/metrics", run["http"].as_str()?)).ok()?;
    let stages: Vec<(String, f64)> = body
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("qingting_stage_cpu_seconds_total{stage=\"")?;
            let (stage, value) = rest.split_once("\"} ")?;
            Some((stage.to_owned(), value.parse().ok()?))
        })
        .collect();
    (status == 200 && !stages.is_empty()).then_some(stages)
}

/// User and system time of a process so far.
pub fn cpu_seconds_of(pid: u32) -> f64 {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return 0.0;
    };
    // after the name in brackets: utime and stime are the 12th and 13th
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields
        .iter()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    // SAFETY: takes and gives a number.
    ticks / unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64
}

/// The process of this machine that listens on the port of `address`.
pub fn listener(address: &str) -> Option<u32> {
    let port: u16 = address.rsplit(':').next()?.parse().ok()?;
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| {
            table
                .lines()
                .filter_map(|line| {
                    let fields: Vec<&str> = line.split_whitespace().collect();
                    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
                    let listens = local.ends_with(&format!(":{port:04X}")) && *state == "0A";
                    listens.then(|| format!("socket:[{inode}]"))
                })
                .collect::<Vec<_>>()
        })
        .collect();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let holds = fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(|descriptor| {
            fs::read_link(descriptor.path())
                .is_ok_and(|target| inodes.iter().any(|inode| target.as_os_str() == inode.as_str()))
        });
        holds.then_some(pid)
    })
}

pub fn directory_bytes(directory: &Path) -> u64 {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => directory_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// The machine in words, without its name.
pub struct Machine {
    cores: usize,
    processor: String,
    memory_gb: f64,
}

impl Machine {
    pub fn describe() -> Self {
        let value = |file: &str, key: &str| {
            fs::read_to_string(file)
                .unwrap_or_default()
                .lines()
                .find(|line| line.starts_with(key))
                .and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
                .unwrap_or_default()
        };
        let kilobytes: f64 = value("/proc/meminfo", "MemTotal")
            .split_whitespace()
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0.0);
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor: value("/proc/cpuinfo", "model name"),
            memory_gb: kilobytes / 1024.0 / 1024.0,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} cores, {}, {:.0} GiB of memory, Linux",
            self.cores, self.processor, self.memory_gb
        )
    }
}
