//! Real texts for the benches of single stages: every n-th row of the shared data, so that lengths are as they are.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;

/// Texts of one iteration.
pub const TEXTS: usize = 4_000;

fn folder() -> PathBuf {
    std::env::var_os("QINGTING_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    )
}

/// [`TEXTS`] texts spread over all files, or `None` where the shared data is missing.
pub fn load() -> Option<Vec<String>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("data/raw"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        // words cut apart, without punctuation: no text that a customer wrote
        .filter(|path| !path.to_string_lossy().contains("segmented"))
        .collect();
    files.sort();
    let mut texts = Vec::new();
    for path in files {
        let file = std::fs::File::open(path).ok()?;
        let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
        texts.extend(lines.map_while(Result::ok).step_by(41).filter_map(|line| {
            let row: serde_json::Value = serde_json::from_str(&line).ok()?;
            Some(row.get("text")?.as_str()?.to_owned())
        }));
    }
    let step = (texts.len() / TEXTS).max(1);
    let texts: Vec<String> = texts.into_iter().step_by(step).take(TEXTS).collect();
    (!texts.is_empty()).then_some(texts)
}

/// Says how long the texts are, and what an item of them costs against the budget.
pub fn report(what: &str, texts: &[String], budget_us: f64, mut run: impl FnMut()) {
    let chars: usize = texts.iter().map(|text| text.chars().count()).sum();
    run();
    let rounds = 5;
    let before = cpu_seconds();
    (0..rounds).for_each(|_| run());
    let us = (cpu_seconds() - before) * 1e6 / (rounds * texts.len()) as f64;
    println!(
        "{what}: {us:.2} µs of CPU an item (budget {budget_us}), {:.0} items/s, {} texts of {} characters on average",
        1e6 / us,
        texts.len(),
        chars / texts.len()
    );
}

/// CPU time of this process: what a stage costs, whoever else uses the machine.
fn cpu_seconds() -> f64 {
    // SAFETY: getrusage writes the structure that it is given
    let usage = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
