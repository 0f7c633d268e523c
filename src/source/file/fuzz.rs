//! What must hold for the readers of any file; `format/fuzz.rs` asks it near seeds.

use super::{FileOptions, FileReader};
use std::io::Write;

const NAMES: [&str; 4] = [".csv", ".json", ".jsonl", ""];

/// The first byte chooses the ending, the rest is the file: it is read to its end, twice alike, with numbered records
/// that are JSON where the reader made them.
pub fn file(bytes: &[u8]) {
    let Some((choice, content)) = bytes.split_first() else {
        return;
    };
    let ending = NAMES[*choice as usize % NAMES.len()];
    let Ok(mut file) = tempfile::Builder::new().suffix(ending).tempfile() else {
        return;
    };
    if file.write_all(content).is_err() {
        return;
    }
    let path = file.path().to_string_lossy().into_owned();
    assert_eq!(records(&path, ending), records(&path, ending));
}

fn records(path: &str, ending: &str) -> Option<Vec<String>> {
    let mut options = FileOptions::new(0);
    options.limits.record_bytes = 64 * 1024;
    options.limits.expanded_bytes = 1024 * 1024;
    let mut reader = FileReader::open(path, &options).ok()?;
    let mut out = Vec::new();
    while let Some(record) = reader.next_record().ok()? {
        let payload = record.payload.unwrap_or_default();
        // a row is an object, a record that is counted and skipped an empty list; one too long was cut
        let is_row = ending == ".csv" && record.unreadable.is_none() && payload.len() <= options.limits.record_bytes;
        assert!(!is_row || serde_json::from_slice::<serde_json::Value>(&payload).is_ok());
        out.push(format!("{} {:?} {}", record.position, record.unreadable, payload.len()));
    }
    Some(out)
}
