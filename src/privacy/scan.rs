//! What an index, the files beside it, or any file still holds of personal data.

use super::PrivacyError;
use super::places::{covered_strings, holds_a_name};
use crate::checkpoint::StateLog;
use crate::index::{IndexError, open_for_reading};
use crate::normalize::mask;
use crate::pipeline::index_directory;
use base64::Engine;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use tantivy::TantivyDocument;
use tantivy::schema::Value as _;

/// Places that a report names; all are counted.
const MOST_PLACES: usize = 1_000;

/// What was found. Never the data itself: a place shows it masked.
#[derive(Debug, Default, Serialize)]
pub struct ScanReport {
    pub ok: bool,
    /// Documents, frames and lines that were read.
    pub scanned: u64,
    /// How often, by kind.
    pub found: BTreeMap<&'static str, u64>,
    pub places: Vec<Place>,
}

#[derive(Debug, Serialize)]
pub struct Place {
    /// `index`, `state.log`, `dead_letters.ndjson`, or the file.
    pub place: String,
    /// Item id, seq or line number.
    pub at: String,
    /// Path of the field; empty for a line that is no JSON.
    pub field: String,
    pub kind: &'static str,
    pub masked: String,
}

impl ScanReport {
    fn document(&mut self, place: &str, at: &str, document: &Value) {
        self.scanned += 1;
        covered_strings(document, &mut String::new(), &mut |field, text| {
            self.text(place, at, field, text);
            if holds_a_name(field) && !text.is_empty() && !text.contains('*') {
                self.add(place, at, field, "name", mask::mask_name(text));
            }
        });
    }

    fn text(&mut self, place: &str, at: &str, field: &str, text: &str) {
        for finding in mask::find(text) {
            let mut masked = text[finding.from..finding.to].to_owned();
            // what a label gave away is no longer recognised without it
            if !mask::mask(&mut masked) {
                masked = mask::mask_name(&masked);
            }
            self.add(place, at, field, finding.kind.name(), masked);
        }
    }

    fn add(&mut self, place: &str, at: &str, field: &str, kind: &'static str, masked: String) {
        *self.found.entry(kind).or_default() += 1;
        if self.places.len() < MOST_PLACES {
            self.places.push(Place {
                place: place.to_owned(),
                at: at.to_owned(),
                field: field.to_owned(),
                kind,
                masked,
            });
        }
    }

    fn line(&mut self, place: &str, number: u64, line: &str) {
        let at = number.to_string();
        match serde_json::from_str::<Value>(line) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => {
                self.document(place, &at, &value);
                if let Some(bytes) = dead_bytes(&value) {
                    self.text(place, &at, "bytes_b64", &String::from_utf8_lossy(&bytes));
                }
            }
            _ => {
                self.scanned += 1;
                self.text(place, &at, "", line);
            }
        }
    }

    fn lines(&mut self, place: &str, path: &Path) -> Result<(), PrivacyError> {
        let mut reader = open(path)?;
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(PrivacyError::io(path))? == 0 {
                break;
            }
            self.line(place, number, String::from_utf8_lossy(&line).trim_end());
        }
        Ok(())
    }

    fn finish(mut self) -> Self {
        self.ok = self.found.is_empty();
        self
    }
}

/// Reads the alive documents of the index, the committed state log and the dead letters of a data directory.
pub fn scan_data_dir(data_dir: &Path) -> Result<ScanReport, PrivacyError> {
    let mut report = ScanReport::default();
    let (index, fields, payload) = open_for_reading(&index_directory(data_dir))?;
    let searcher = index.reader().map_err(IndexError::from)?.searcher();
    for (ordinal, segment) in searcher.segment_readers().iter().enumerate() {
        for doc in segment.doc_ids_alive() {
            let address = tantivy::DocAddress::new(ordinal as u32, doc);
            let stored: TantivyDocument = searcher.doc(address).map_err(IndexError::from)?;
            // a tombstone has no record
            let Some(json) = stored.get_first(fields.json).and_then(|value| value.as_bytes()) else {
                continue;
            };
            let record: Value = serde_json::from_slice(json)
                .map_err(|error| IndexError::Corrupt(format!("a stored record does not parse: {error}")))?;
            let id = record["id"].as_str().unwrap_or_default().to_owned();
            report.document("index", &id, &record);
        }
    }
    if let Some(payload) = payload {
        for frame in StateLog::read(data_dir, &payload.state_log)? {
            if let Ok(value) = serde_json::from_slice::<Value>(&frame.bytes) {
                report.document("state.log", &frame.seq.to_string(), &value);
            }
        }
    }
    let letters = data_dir.join("dead_letters.ndjson");
    if letters.exists() {
        report.lines("dead_letters.ndjson", &letters)?;
    }
    Ok(report.finish())
}

/// Reads files line by line, JSON or not, gzipped or not; `-` is standard input.
pub fn scan_files(files: &[PathBuf]) -> Result<ScanReport, PrivacyError> {
    let mut report = ScanReport::default();
    for path in files {
        report.lines(&path.display().to_string(), path)?;
    }
    Ok(report.finish())
}

/// What a dead letter keeps of its record.
fn dead_bytes(letter: &Value) -> Option<Vec<u8>> {
    let bytes = letter["bytes_b64"].as_str()?;
    base64::engine::general_purpose::STANDARD.decode(bytes).ok()
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, PrivacyError> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let mut reader = BufReader::new(std::fs::File::open(path).map_err(PrivacyError::io(path))?);
    let gzipped = reader
        .fill_buf()
        .map_err(PrivacyError::io(path))?
        .starts_with(&[0x1f, 0x8b]);
    let inner: Box<dyn Read> = if gzipped {
        Box::new(flate2::read::MultiGzDecoder::new(reader))
    } else {
        Box::new(reader)
    };
    Ok(Box::new(BufReader::new(inner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_scanned_as_json_or_as_text_and_nothing_found_is_shown_plainly() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("items.ndjson");
        let lines = "{\"id\":\"13800138000\",\"text\":\"打13800138000\",\"author\":{\"name\":\"张三丰\"}}\n微信：abc_12345\n138****8000\n";
        std::fs::write(&path, lines).unwrap();
        let report = scan_files(std::slice::from_ref(&path)).unwrap();
        assert!(!report.ok);
        assert_eq!(report.scanned, 3);
        assert_eq!(
            report.found,
            BTreeMap::from([("account", 1), ("mobile", 1), ("name", 1)])
        );
        let shown = serde_json::to_string(&report.places).unwrap();
        for secret in ["13800138000", "张三丰", "abc_12345"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(report.places[1].field, "author.name");
    }

    /// `[dead_letter] file` may lie anywhere: named as a file, the bytes in it are looked at too.
    #[test]
    fn the_bytes_of_a_dead_letter_are_scanned_wherever_it_lies() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("set-aside.ndjson");
        let bytes = base64::engine::general_purpose::STANDARD.encode("{\"text\": \"打13800138000");
        std::fs::write(
            &path,
            format!("{{\"code\":\"invalid_json\",\"bytes_b64\":\"{bytes}\"}}\n"),
        )
        .unwrap();
        let report = scan_files(std::slice::from_ref(&path)).unwrap();
        assert_eq!(report.found, BTreeMap::from([("mobile", 1)]));
        assert_eq!(report.places[0].field, "bytes_b64");
    }
}
