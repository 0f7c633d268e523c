//! The append-only state log: `{length, crc, seq, kind, bytes}` frames, flushed before the commit that names its length.

use super::{CheckpointError, LogPosition};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub const STATE_LOG_FILE: &str = "state.log";
/// length u32, crc u32, seq u64, kind u8.
const HEADER_BYTES: usize = 17;
const MAX_FRAME_BYTES: u32 = 16 << 20;

/// What a frame holds. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// An `AlertRecord` as JSON: a transition of an episode.
    Alert = 1,
    /// An outbox row as JSON: to be delivered once the commit is durable.
    Outbox = 2,
    /// The seq of an outbox row (u64, little endian) that was acknowledged.
    Delivered = 3,
    /// A notice as JSON: a feed is new, silent or back; the model, zone or key changed.
    Annotation = 4,
}

impl FrameKind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Alert, Self::Outbox, Self::Delivered, Self::Annotation]
            .into_iter()
            .find(|kind| *kind as u8 == number)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub seq: u64,
    pub kind: FrameKind,
    pub bytes: Vec<u8>,
}

/// Frames of the open commit gather in memory; `append` and `sync` make them durable, the payload makes them true.
pub struct StateLog {
    path: PathBuf,
    file: File,
    position: LogPosition,
    pending: Vec<u8>,
}

impl StateLog {
    /// Opens the log of `directory` and cuts it to exactly `position`; returns every frame before it.
    pub fn open(directory: &Path, position: &LogPosition) -> Result<(Self, Vec<Frame>), CheckpointError> {
        let path = directory.join(STATE_LOG_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(CheckpointError::io(&path))?;
        let frames = read_frames(&path, &mut file, position)?;
        file.set_len(position.bytes).map_err(CheckpointError::io(&path))?;
        file.seek(SeekFrom::End(0)).map_err(CheckpointError::io(&path))?;
        let position = LogPosition {
            file: STATE_LOG_FILE.to_owned(),
            ..position.clone()
        };
        Ok((
            Self {
                path,
                file,
                position,
                pending: Vec::new(),
            },
            frames,
        ))
    }

    /// Reads the frames of a log without changing it.
    pub fn read(directory: &Path, position: &LogPosition) -> Result<Vec<Frame>, CheckpointError> {
        let path = directory.join(STATE_LOG_FILE);
        if position.bytes == 0 {
            return Ok(Vec::new());
        }
        let mut file = File::open(&path).map_err(CheckpointError::io(&path))?;
        read_frames(&path, &mut file, position)
    }

    /// Replaces the log by frames of the same lengths: written beside, made durable, renamed over it.
    pub fn replace(directory: &Path, frames: &[Frame], position: &LogPosition) -> Result<(), CheckpointError> {
        let path = directory.join(STATE_LOG_FILE);
        let beside = directory.join(format!("{STATE_LOG_FILE}.new"));
        let mut bytes = Vec::with_capacity(position.bytes as usize);
        for frame in frames {
            write_frame(&mut bytes, frame.seq, frame.kind, &frame.bytes);
        }
        if bytes.len() as u64 != position.bytes {
            return Err(CheckpointError::Damaged {
                path,
                offset: bytes.len() as u64,
                what: "a replaced frame has another length",
            });
        }
        let mut file = File::create(&beside).map_err(CheckpointError::io(&beside))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(CheckpointError::io(&beside))?;
        std::fs::rename(&beside, &path).map_err(CheckpointError::io(&path))?;
        File::open(directory)
            .and_then(|directory| directory.sync_all())
            .map_err(CheckpointError::io(directory))
    }

    /// Adds a frame to the open commit and returns its seq.
    pub fn push(&mut self, kind: FrameKind, bytes: &[u8]) -> u64 {
        let seq = self.position.next_seq;
        self.position.next_seq += 1;
        write_frame(&mut self.pending, seq, kind, bytes);
        seq
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes the pending frames; they are not durable before [`Self::sync`].
    pub fn append(&mut self) -> Result<(), CheckpointError> {
        self.file
            .write_all(&self.pending)
            .map_err(CheckpointError::io(&self.path))?;
        self.position.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub fn sync(&mut self) -> Result<(), CheckpointError> {
        self.file.sync_data().map_err(CheckpointError::io(&self.path))
    }

    /// Where the log ends, pending frames left out.
    pub fn position(&self) -> LogPosition {
        self.position.clone()
    }
}

fn write_frame(out: &mut Vec<u8>, seq: u64, kind: FrameKind, bytes: &[u8]) {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seq.to_le_bytes());
    hasher.update(&[kind as u8]);
    hasher.update(bytes);
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(&hasher.finalize().to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(bytes);
}

fn read_frames(path: &Path, file: &mut File, position: &LogPosition) -> Result<Vec<Frame>, CheckpointError> {
    let actual = file.metadata().map_err(CheckpointError::io(path))?.len();
    if actual < position.bytes {
        return Err(CheckpointError::Short {
            path: path.to_owned(),
            expected: position.bytes,
            actual,
        });
    }
    file.seek(SeekFrom::Start(0)).map_err(CheckpointError::io(path))?;
    let mut bytes = Vec::with_capacity(position.bytes as usize);
    file.take(position.bytes)
        .read_to_end(&mut bytes)
        .map_err(CheckpointError::io(path))?;
    let mut frames = Vec::new();
    let mut offset = 0usize;
    while offset < bytes.len() {
        let frame = parse_frame(&bytes[offset..], frames.len() as u64).map_err(|what| CheckpointError::Damaged {
            path: path.to_owned(),
            offset: offset as u64,
            what,
        })?;
        offset += HEADER_BYTES + frame.bytes.len();
        frames.push(frame);
    }
    if frames.len() as u64 != position.next_seq {
        return Err(CheckpointError::Damaged {
            path: path.to_owned(),
            offset: offset as u64,
            what: "frames are missing",
        });
    }
    Ok(frames)
}

fn parse_frame(bytes: &[u8], expected_seq: u64) -> Result<Frame, &'static str> {
    let header = bytes.get(..HEADER_BYTES).ok_or("torn header")?;
    let u32_at = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let length = u32_at(0);
    if length > MAX_FRAME_BYTES {
        return Err("impossible length");
    }
    let crc = u32_at(4);
    let seq = u64::from(u32_at(8)) | (u64::from(u32_at(12)) << 32);
    let body = bytes
        .get(HEADER_BYTES..HEADER_BYTES + length as usize)
        .ok_or("torn body")?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seq.to_le_bytes());
    hasher.update(&[header[16]]);
    hasher.update(body);
    if hasher.finalize() != crc {
        return Err("wrong checksum");
    }
    if seq != expected_seq {
        return Err("wrong sequence number");
    }
    let kind = FrameKind::from_number(header[16]).ok_or("unknown kind")?;
    Ok(Frame {
        seq,
        kind,
        bytes: body.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_beyond_the_checkpoint_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = StateLog::open(directory.path(), &LogPosition::default()).unwrap();
        log.push(FrameKind::Alert, b"one");
        log.append().unwrap();
        log.sync().unwrap();
        let durable = log.position();
        log.push(FrameKind::Outbox, b"torn");
        log.append().unwrap();
        drop(log);
        let (log, frames) = StateLog::open(directory.path(), &durable).unwrap();
        assert_eq!(
            frames,
            vec![Frame {
                seq: 0,
                kind: FrameKind::Alert,
                bytes: b"one".to_vec()
            }]
        );
        assert_eq!(log.position(), durable);
        assert_eq!(
            std::fs::metadata(directory.path().join(STATE_LOG_FILE)).unwrap().len(),
            durable.bytes
        );
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = StateLog::open(directory.path(), &LogPosition::default()).unwrap();
        log.push(FrameKind::Alert, b"a frame");
        log.append().unwrap();
        let position = log.position();
        drop(log);
        let path = directory.path().join(STATE_LOG_FILE);
        let clean = std::fs::read(&path).unwrap();
        for at in 0..clean.len() {
            let mut damaged = clean.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            assert!(StateLog::read(directory.path(), &position).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_log_shorter_than_the_checkpoint_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let position = LogPosition {
            file: STATE_LOG_FILE.to_owned(),
            bytes: 40,
            next_seq: 1,
        };
        let error = StateLog::open(directory.path(), &position).err().unwrap();
        assert_eq!(error.code(), "short");
    }
}
