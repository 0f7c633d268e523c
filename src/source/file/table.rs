//! A row under a header → one JSON object of strings; what CSV and spreadsheets have in common.

use super::Found;
use crate::item::DeadLetterCode;
use std::borrow::Cow;
use std::collections::HashSet;

/// No export has more; a file that does was split at the wrong places.
pub const MOST_COLUMNS: usize = 2_000;
/// Payload of a record that is counted and skipped.
pub const SKIPPED: &[u8] = b"[]";

/// The dead letter of a header with too many columns.
pub fn too_many(columns: usize, what: &str, line: usize) -> Option<Found> {
    (columns > MOST_COLUMNS).then(|| Found::Bad {
        code: DeadLetterCode::TooLarge,
        message: format!("line {line}: {what} of {columns} columns, want at most {MOST_COLUMNS}"),
        bytes: Vec::new(),
    })
}

/// Names of columns: trimmed, those without one numbered, none twice.
pub fn unique_names(names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let name = name.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            let mut unique = if name.is_empty() {
                format!("column{}", index + 1)
            } else {
                name.to_owned()
            };
            if seen.contains(&unique) {
                unique = format!("{unique}#{}", index + 1);
            }
            seen.insert(unique.clone());
            unique
        })
        .collect()
}

/// A short row leaves the rest of its columns out; what is beyond the header is named by its number.
pub fn object(names: &[String], values: &[Cow<'_, str>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.iter().map(|value| value.len() + 24).sum());
    out.push(b'{');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match names.get(index) {
            Some(name) => write_string(name, &mut out),
            None => write_string(&format!("column{}", index + 1), &mut out),
        }
        out.push(b':');
        write_string(value, &mut out);
    }
    out.push(b'}');
    out
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    // writing to memory does not fail
    let _ = serde_json::to_writer(out, text);
}
