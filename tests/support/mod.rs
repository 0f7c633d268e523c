//! What the tests of this folder share.
#![allow(dead_code)] // each test binary uses a part of it

pub mod broker;
pub mod judge;
pub mod oracle;
pub mod process;
pub mod random;
pub mod stage;
pub mod texts;

use std::io::Write;
use std::path::PathBuf;

/// Says that a promise is not tested here, and why. `make test` lists it and fails unless `ALLOW_SKIP` names it.
pub fn skip(promise: &str, reason: &str) {
    let line = format!("skipped: {promise}: {reason}\n");
    print!("{line}");
    if let Some(path) = std::env::var_os("QINGTING_SKIP_LOG") {
        let mut log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("the skip log opens");
        // one write a line: tests of several processes append to the same file
        log.write_all(line.as_bytes()).expect("the skip log takes a line");
    }
}

/// Bootstrap address of the real Kafka that `make test` starts; without one the promise is skipped.
pub fn kafka(promise: &str) -> Option<String> {
    let address = std::env::var("QINGTING_KAFKA").ok().filter(|value| !value.is_empty());
    if address.is_none() {
        skip(promise, "no Kafka: QINGTING_KAFKA is not set");
    }
    address
}

/// The shared data beside the repository; without it the promise is skipped.
pub fn shared(promise: &str) -> Option<PathBuf> {
    let path = std::env::var_os("QINGTING_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if path.join("data/raw").is_dir() {
        return Some(path);
    }
    skip(promise, "shared data missing");
    None
}

/// Progress that libtest does not capture.
pub fn say(line: impl AsRef<str>) {
    // a closed standard error only loses the progress
    let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
}
