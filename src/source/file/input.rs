//! Bytes of a file: decompressed by magic number within limits, line by line or byte by byte.

use super::{FileLimits, STDIN};
use crate::item::DeadLetterCode;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

const BUFFER_BYTES: usize = 256 * 1024;

/// Modification time in ms UTC; of standard input that of what is behind it.
pub fn modified_ms(path: &str) -> std::io::Result<i64> {
    let path = if path == STDIN { "/dev/stdin" } else { path };
    let modified = std::fs::metadata(path)?.modified()?;
    Ok(modified
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as i64))
}

pub struct Input {
    reader: BufReader<Box<dyn Read + Send>>,
    limits: FileLimits,
    compression: Option<&'static str>,
    is_bomb: Arc<AtomicU64>,
    /// Lines put back, the next one last.
    returned: Vec<Vec<u8>>,
}

impl Input {
    pub fn open(path: &str, limits: FileLimits) -> std::io::Result<Self> {
        let raw: Box<dyn Read + Send> = if path == STDIN {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path)?)
        };
        Self::of(raw, limits)
    }

    pub fn of(raw: Box<dyn Read + Send>, limits: FileLimits) -> std::io::Result<Self> {
        let taken = Arc::new(AtomicU64::new(0));
        let is_bomb = Arc::new(AtomicU64::new(0));
        let mut raw = BufReader::with_capacity(
            BUFFER_BYTES,
            Counted {
                inner: raw,
                taken: Arc::clone(&taken),
            },
        );
        let magic = raw.fill_buf()?;
        let compression = match magic {
            [0x1F, 0x8B, ..] => Some("gzip"),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some("zstd"),
            _ => None,
        };
        let plain: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(flate2::bufread::MultiGzDecoder::new(raw)),
            Some(_) => Box::new(zstd::stream::read::Decoder::with_buffer(raw)?),
            None => Box::new(raw),
        };
        let plain: Box<dyn Read + Send> = match compression {
            Some(_) => Box::new(Capped {
                inner: plain,
                taken,
                given: 0,
                limits,
                is_bomb: Arc::clone(&is_bomb),
            }),
            None => plain,
        };
        Ok(Self {
            reader: BufReader::with_capacity(BUFFER_BYTES, plain),
            limits,
            compression,
            is_bomb,
            returned: Vec::new(),
        })
    }

    /// What is in the buffer, without taking it; empty at the end and where the stream is broken.
    pub fn peek(&mut self) -> &[u8] {
        self.reader.fill_buf().unwrap_or_default()
    }

    /// After an error: what is wrong with a compressed stream. `None`: the machine's trouble, not the file's.
    pub fn broken(&self) -> Option<(DeadLetterCode, String)> {
        let compression = self.compression?;
        let expanded = self.is_bomb.load(Ordering::Relaxed);
        Some(if expanded > 0 {
            (
                DeadLetterCode::Bomb,
                format!("{compression} stream expands beyond {expanded} bytes, the rest was left out"),
            )
        } else {
            (
                DeadLetterCode::Encoding,
                format!("{compression} stream is broken, the rest cannot be had"),
            )
        })
    }

    /// The next line without its end; of a longer one than the limit only the first bytes. `None` at the end.
    pub fn line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.returned.pop() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let mut any = false;
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(any.then_some(line));
            }
            any = true;
            let end = memchr::memchr(b'\n', buffer);
            let piece = &buffer[..end.unwrap_or(buffer.len())];
            let room = (self.limits.record_bytes + 1).saturating_sub(line.len());
            line.extend_from_slice(&piece[..piece.len().min(room)]);
            let taken = piece.len() + usize::from(end.is_some());
            self.reader.consume(taken);
            if end.is_some() {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
        }
    }

    /// All that is left, or as much of it as is asked for.
    pub fn rest(&mut self, most: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let taken = u64::try_from(most).unwrap_or(u64::MAX);
        self.reader.by_ref().take(taken).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Puts lines back so that they are read again, in this order.
    pub fn put_back(&mut self, lines: Vec<Vec<u8>>) {
        self.returned.extend(lines.into_iter().rev());
    }

    pub fn record_bytes(&self) -> usize {
        self.limits.record_bytes
    }

    /// The bytes at hand, for readers that go byte by byte.
    pub fn buffer(&mut self) -> std::io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    pub fn consume(&mut self, bytes: usize) {
        self.reader.consume(bytes);
    }
}

/// Counts what is read from the compressed side.
struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.taken.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// Stops a decompressor that gives too much for what it takes.
struct Capped {
    inner: Box<dyn Read + Send>,
    taken: Arc<AtomicU64>,
    given: u64,
    limits: FileLimits,
    is_bomb: Arc<AtomicU64>,
}

impl Read for Capped {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let allowed = self.limits.allowed(self.taken.load(Ordering::Relaxed));
        if self.given > allowed {
            self.is_bomb.store(allowed, Ordering::Relaxed);
            return Err(std::io::Error::other("decompression bomb"));
        }
        let n = self.inner.read(buffer)?;
        self.given += n as u64;
        Ok(n)
    }
}
