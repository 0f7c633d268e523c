//! Files as a source: NDJSON, JSON documents, CSV, plain, gzip or zstd, XLSX and XLS; paths, directories, globs and
//! standard input.
//!
//! Comes in: paths. Goes out: [`RawRecord`]s in order, numbered from 1 in each file. Can fail: with a
//! [`FileError`] for a file that cannot be opened or read at all; what is wrong inside a file is a record marked
//! [`Unreadable`] and the next one goes on. Metric: none of its own, the pipeline counts records.
//!
//! Blank lines and the CSV header do not count. A header repeated in mid-file and a row without values count as
//! records that are skipped (their payload is an empty array). The record time is the configured collect time,
//! else the file's modification time.

mod csv;
mod encoding;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
mod input;
mod json_stream;
mod layout;
mod sheet;
mod table;

use crate::item::{DeadLetterCode, RawRecord, RecordPosition, Unreadable};
use csv::Rows;
use input::Input;
use json_stream::JsonStream;
use layout::Layout;
use sheet::Sheets;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Name of standard input where a path is asked for.
pub const STDIN: &str = "-";

#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("bad pattern {pattern}: {message}")]
    Pattern { pattern: String, message: String },
    #[error("no file matches {pattern}")]
    NoMatch { pattern: String },
}

impl FileError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Read { .. } => "file_read",
            Self::Pattern { .. } => "file_pattern",
            Self::NoMatch { .. } => "file_missing",
        }
    }
}

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct FileOptions {
    /// Index into `Config::sources`, copied into every record.
    pub source: u16,
    /// Record time of all records, ms UTC; `None`: each file's modification time.
    pub collected_at_ms: Option<i64>,
    pub limits: FileLimits,
}

impl FileOptions {
    pub fn new(source: u16) -> Self {
        Self {
            source,
            collected_at_ms: None,
            limits: FileLimits::default(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct FileLimits {
    /// Longer records are handed over cut one byte above this, which the format stage refuses as too large.
    pub record_bytes: usize,
    /// A compressed file may always expand to this.
    pub expanded_bytes: u64,
    /// Beyond that it may expand to this many times its size; real text expands 3 to 20 times.
    pub expansion: u64,
}

impl FileLimits {
    /// Bytes that `taken` compressed ones may expand to.
    fn allowed(&self, taken: u64) -> u64 {
        self.expanded_bytes.max(taken.saturating_mul(self.expansion))
    }
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            record_bytes: 8 * 1024 * 1024,
            expanded_bytes: 64 * 1024 * 1024,
            expansion: 200,
        }
    }
}

/// What a reader of one layout found.
enum Found {
    Payload(Vec<u8>),
    Bad {
        code: DeadLetterCode,
        message: String,
        bytes: Vec<u8>,
    },
}

/// Reads the records of one file.
pub struct FileReader {
    name: Arc<str>,
    source: u16,
    record_time_ms: i64,
    layout: LayoutReader,
    input: Input,
    /// Number of the last record handed out.
    last: u64,
    ended: bool,
}

enum LayoutReader {
    Lines,
    Json(JsonStream),
    Rows(Rows),
    Sheets(Sheets),
}

impl FileReader {
    /// Opens a file, or standard input for `-`, and finds out how it is written.
    pub fn open(path: &str, options: &FileOptions) -> Result<Self, FileError> {
        let failed = |error| FileError::Read {
            path: path.to_owned(),
            error,
        };
        let modified_ms = input::modified_ms(path).map_err(failed)?;
        let mut input = Input::open(path, options.limits).map_err(failed)?;
        let layout = match layout::of(path, input.peek()) {
            Layout::Lines => LayoutReader::Lines,
            Layout::Json => LayoutReader::Json(JsonStream::default()),
            Layout::Rows => LayoutReader::Rows(Rows::default()),
            Layout::Workbook => match input.rest(Sheets::most_bytes()) {
                Ok(bytes) => LayoutReader::Sheets(Sheets::of(bytes, &options.limits)),
                // a broken stream around it is told like that of any other file
                Err(_) if input.broken().is_some() => LayoutReader::Lines,
                Err(error) => return Err(failed(error)),
            },
        };
        Ok(Self {
            name: path.into(),
            source: options.source,
            record_time_ms: options.collected_at_ms.unwrap_or(modified_ms),
            layout,
            input,
            last: 0,
            ended: false,
        })
    }

    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The next record; `None` at the end. Behind the place where a stream is broken there is nothing more.
    pub fn next_record(&mut self) -> Result<Option<RawRecord>, FileError> {
        if self.ended {
            return Ok(None);
        }
        let found = match &mut self.layout {
            LayoutReader::Lines => next_line(&mut self.input),
            LayoutReader::Json(stream) => stream.next(&mut self.input),
            LayoutReader::Rows(rows) => rows.next(&mut self.input),
            LayoutReader::Sheets(sheets) => Ok(sheets.next()),
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => match self.input.broken() {
                Some((code, message)) => {
                    self.ended = true;
                    Some(Found::Bad {
                        code,
                        message,
                        bytes: Vec::new(),
                    })
                }
                None => {
                    return Err(FileError::Read {
                        path: self.name.to_string(),
                        error,
                    });
                }
            },
        };
        let Some(found) = found else {
            self.ended = true;
            return Ok(None);
        };
        self.last += 1;
        let position = RecordPosition::File {
            file: Arc::clone(&self.name),
            record: self.last,
        };
        let (payload, unreadable) = match found {
            Found::Payload(payload) => (payload, None),
            Found::Bad { code, message, bytes } => (bytes, Some(Unreadable { code, message })),
        };
        Ok(Some(RawRecord {
            source: self.source,
            position,
            record_time_ms: self.record_time_ms,
            key: None,
            headers: Vec::new(),
            payload: Some(payload),
            unreadable,
        }))
    }

    /// Reads on until the next record is number `record` (the first of a file is 1), or to the end.
    pub fn skip_to(&mut self, record: u64) -> Result<(), FileError> {
        while self.last + 1 < record && self.next_record()?.is_some() {}
        Ok(())
    }
}

fn next_line(input: &mut Input) -> std::io::Result<Option<Found>> {
    loop {
        let Some(line) = input.line()? else {
            return Ok(None);
        };
        if !is_blank(&line) {
            return Ok(Some(Found::Payload(line)));
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    line.iter().all(u8::is_ascii_whitespace)
}

/// Reads the records of several files, one after the other.
pub struct FileSource {
    files: Vec<String>,
    options: FileOptions,
    next_file: usize,
    current: Option<FileReader>,
    /// File → number of the first record that is still to be read.
    resume: HashMap<String, u64>,
}

impl FileSource {
    /// `patterns`: paths, globs or `-`. The files of a glob are sorted by name; a path that is written out must
    /// exist. `collected_at_ms`: record time of all records, else each file's modification time.
    pub fn open(source: u16, patterns: &[String], collected_at_ms: Option<i64>) -> Result<Self, FileError> {
        let mut options = FileOptions::new(source);
        options.collected_at_ms = collected_at_ms;
        Ok(Self {
            files: expand(patterns)?,
            options,
            next_file: 0,
            current: None,
            resume: HashMap::new(),
        })
    }

    /// The files in the order in which they are read.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// `file` goes on with record number `record` (1 is its first). To be called before the first record is read.
    pub fn skip_to(&mut self, file: &str, record: u64) {
        self.resume.insert(file.to_owned(), record);
    }

    /// The next record of the current file, or the first one of the next.
    pub fn next_record(&mut self) -> Result<Option<RawRecord>, FileError> {
        loop {
            let mut reader = match self.current.take() {
                Some(reader) => reader,
                None => {
                    let Some(path) = self.files.get(self.next_file) else {
                        return Ok(None);
                    };
                    let mut reader = FileReader::open(path, &self.options)?;
                    self.next_file += 1;
                    if let Some(record) = self.resume.get(path) {
                        reader.skip_to(*record)?;
                    }
                    reader
                }
            };
            if let Some(record) = reader.next_record()? {
                self.current = Some(reader);
                return Ok(Some(record));
            }
        }
    }
}

/// Paths, directories and globs → paths, in the order given, those of a directory or glob sorted, none twice.
pub fn expand(patterns: &[String]) -> Result<Vec<String>, FileError> {
    let mut files: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for pattern in patterns {
        let is_plain = pattern == STDIN || PathBuf::from(pattern).exists() || !pattern.contains(['*', '?', '[']);
        let found = if pattern != STDIN && std::path::Path::new(pattern).is_dir() {
            files_below(pattern)?
        } else if is_plain {
            vec![pattern.clone()]
        } else {
            matches_of(pattern)?
        };
        for file in found {
            if seen.insert(file.clone()) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// Endings of files that hold records.
const ENDINGS: [&str; 7] = ["jsonl", "ndjson", "json", "csv", "tsv", "xlsx", "xls"];
/// Files of one directory.
const MOST_FILES: usize = 1_000_000;

/// The files of a directory and those below it that are named like records; hidden ones are left alone.
fn files_below(directory: &str) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(directory)];
    while let Some(folder) = open.pop() {
        let failed = |error| FileError::Read {
            path: folder.to_string_lossy().into_owned(),
            error,
        };
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // links are followed for files only, so that nothing goes in a circle
            let kind = entry.file_type().map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                open.push(path);
            } else if holds_records(&name) && path.is_file() && found.len() < MOST_FILES {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    if found.is_empty() {
        return Err(FileError::NoMatch {
            pattern: format!("{directory}/**/*.{{{}}}", ENDINGS.join(",")),
        });
    }
    found.sort();
    Ok(found)
}

fn holds_records(name: &str) -> bool {
    let name = layout::without_compression(name);
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

fn matches_of(pattern: &str) -> Result<Vec<String>, FileError> {
    let paths = glob::glob(pattern).map_err(|error| FileError::Pattern {
        pattern: pattern.to_owned(),
        message: error.msg.to_owned(),
    })?;
    let mut found: Vec<String> = paths
        .filter_map(Result::ok)
        .filter(|path| path.is_file())
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    if found.is_empty() {
        return Err(FileError::NoMatch {
            pattern: pattern.to_owned(),
        });
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests;
