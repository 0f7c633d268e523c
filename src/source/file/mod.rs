//! Files as a source: NDJSON, JSON documents, CSV; plain, gzip or zstd; paths, globs and standard input.
//!
//! Comes in: paths. Goes out: [`FileRecord`]s in order, numbered from 1 in each file. Can fail: with a
//! [`FileError`] for a file that cannot be opened or read at all; what is wrong inside a file is an
//! [`Unreadable`] record and the next one goes on. Metric: none of its own, the pipeline counts records.
//!
//! Blank lines and the CSV header do not count. A header repeated in mid-file and a row without values count as
//! records that are skipped (their payload is an empty array). The record time is the configured collect time,
//! else the file's modification time.

mod csv;
mod input;
mod json_stream;
mod layout;

use crate::item::{DeadLetter, DeadLetterCode, RawRecord, RecordPosition};
use csv::Rows;
use input::Input;
use json_stream::JsonStream;
use layout::Layout;
use std::path::PathBuf;
use std::sync::Arc;

/// Name of standard input where a path is asked for.
pub const STDIN: &str = "-";

const STAGE: &str = "source";

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

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            record_bytes: 8 * 1024 * 1024,
            expanded_bytes: 64 * 1024 * 1024,
            expansion: 200,
        }
    }
}

/// One record of a file, or a place in it where none could be had.
#[derive(Debug, Clone)]
pub enum FileRecord {
    Record(RawRecord),
    Unreadable(Unreadable),
}

impl FileRecord {
    pub fn position(&self) -> &RecordPosition {
        match self {
            Self::Record(record) => &record.position,
            Self::Unreadable(unreadable) => &unreadable.position,
        }
    }
}

/// Counts as one record with the outcome "dead letter".
#[derive(Debug, Clone)]
pub struct Unreadable {
    pub source: u16,
    pub position: RecordPosition,
    pub record_time_ms: i64,
    pub code: DeadLetterCode,
    pub message: String,
    pub bytes: Vec<u8>,
}

impl Unreadable {
    pub fn into_dead_letter(self, source_name: &str) -> DeadLetter {
        DeadLetter::new(
            &self.position,
            None,
            source_name,
            STAGE,
            self.code,
            self.message,
            self.record_time_ms,
            &self.bytes,
        )
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

    /// The next record; `None` at the end. After an [`Unreadable`] of a broken stream there is nothing more.
    pub fn next_record(&mut self) -> Result<Option<FileRecord>, FileError> {
        if self.ended {
            return Ok(None);
        }
        let found = match &mut self.layout {
            LayoutReader::Lines => next_line(&mut self.input),
            LayoutReader::Json(stream) => stream.next(&mut self.input),
            LayoutReader::Rows(rows) => rows.next(&mut self.input),
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
        Ok(Some(match found {
            Found::Payload(payload) => FileRecord::Record(RawRecord {
                source: self.source,
                position,
                record_time_ms: self.record_time_ms,
                key: None,
                payload: Some(payload),
            }),
            Found::Bad { code, message, bytes } => FileRecord::Unreadable(Unreadable {
                source: self.source,
                position,
                record_time_ms: self.record_time_ms,
                code,
                message,
                bytes,
            }),
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
}

impl FileSource {
    /// `patterns`: paths, globs or `-`. The files of a glob are sorted by name; a path that is written out must
    /// exist.
    pub fn new(patterns: &[String], options: FileOptions) -> Result<Self, FileError> {
        Ok(Self {
            files: expand(patterns)?,
            options,
            next_file: 0,
            current: None,
        })
    }

    /// The files in the order in which they are read.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The next record of the current file, or the first one of the next.
    pub fn next_record(&mut self) -> Result<Option<FileRecord>, FileError> {
        loop {
            if self.current.is_none() {
                let Some(path) = self.files.get(self.next_file) else {
                    return Ok(None);
                };
                self.current = Some(FileReader::open(path, &self.options)?);
                self.next_file += 1;
            }
            if let Some(reader) = &mut self.current {
                if let Some(record) = reader.next_record()? {
                    return Ok(Some(record));
                }
            }
            self.current = None;
        }
    }

    /// Goes on in `file` with record number `record`; files before it are taken as read. A file that is not among
    /// ours leaves the source at its beginning.
    pub fn skip_to(&mut self, file: &str, record: u64) -> Result<(), FileError> {
        if let Some(index) = self.files.iter().position(|name| name == file) {
            let mut reader = FileReader::open(file, &self.options)?;
            reader.skip_to(record)?;
            self.next_file = index + 1;
            self.current = Some(reader);
        }
        Ok(())
    }
}

/// Paths and globs → paths, in the order given, those of a glob sorted, none twice.
pub fn expand(patterns: &[String]) -> Result<Vec<String>, FileError> {
    let mut files: Vec<String> = Vec::new();
    for pattern in patterns {
        let is_plain = pattern == STDIN || PathBuf::from(pattern).exists() || !pattern.contains(['*', '?', '[']);
        let found = if is_plain { vec![pattern.clone()] } else { matches_of(pattern)? };
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
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
