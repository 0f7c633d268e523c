//! An append-only NDJSON file whose length is part of the checkpoint: each line once and no torn one.

use super::CheckpointError;
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

pub struct LineFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    pending: Vec<u8>,
}

impl LineFile {
    /// Opens the file and cuts it to `bytes`, the length in the checkpoint.
    pub fn open(path: &Path, bytes: u64) -> Result<Self, CheckpointError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(CheckpointError::io(path))?;
        let actual = file.metadata().map_err(CheckpointError::io(path))?.len();
        if actual < bytes {
            return Err(CheckpointError::Short {
                path: path.to_owned(),
                expected: bytes,
                actual,
            });
        }
        file.set_len(bytes).map_err(CheckpointError::io(path))?;
        file.seek(SeekFrom::End(0)).map_err(CheckpointError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
            pending: Vec::new(),
        })
    }

    /// Adds a line to the open commit; `line` holds no newline.
    pub fn push(&mut self, line: &[u8]) {
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
    }

    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes and flushes the pending lines; the payload makes them true.
    pub fn flush(&mut self) -> Result<(), CheckpointError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file
            .write_all(&self.pending)
            .map_err(CheckpointError::io(&self.path))?;
        self.file.sync_data().map_err(CheckpointError::io(&self.path))?;
        self.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
