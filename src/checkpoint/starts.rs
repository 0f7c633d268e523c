//! Starts without a commit, and the record that ends the process (decision 9).

use super::CheckpointError;
use std::fs;
use std::path::{Path, PathBuf};

/// Starts without a commit after which records are read one by one.
pub const STARTS_BEFORE_PROBE: u32 = 3;

/// Counts process starts since the last commit, in `<data_dir>/starts`.
pub struct StartCounter {
    path: PathBuf,
    starts: u32,
}

impl StartCounter {
    /// Reads the counter and adds this start if it is one of the process, not a recovery inside it.
    pub fn begin(directory: &Path, of_process: bool) -> Result<Self, CheckpointError> {
        let path = directory.join("starts");
        let before = fs::read_to_string(&path)
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0u32);
        let starts = before + u32::from(of_process);
        if of_process {
            write_durably(&path, starts.to_string().as_bytes())?;
        }
        Ok(Self { path, starts })
    }

    /// True when this start should look for the record that ends the process.
    pub fn probes(&self) -> bool {
        self.starts > STARTS_BEFORE_PROBE
    }

    /// A commit came: forget the starts.
    pub fn reset(&mut self) -> Result<(), CheckpointError> {
        if self.starts > 0 {
            fs::remove_file(&self.path).map_err(CheckpointError::io(&self.path))?;
            self.starts = 0;
        }
        Ok(())
    }
}

/// `<data_dir>/probe`: the record being processed, flushed before it is touched.
pub struct ProbeFile(PathBuf);

impl ProbeFile {
    pub fn new(directory: &Path) -> Self {
        Self(directory.join("probe"))
    }

    /// The record that a former start did not survive.
    pub fn suspect(&self) -> Option<String> {
        fs::read_to_string(&self.0).ok().filter(|text| !text.is_empty())
    }

    pub fn enter(&self, position: &str) -> Result<(), CheckpointError> {
        write_durably(&self.0, position.as_bytes())
    }

    pub fn clear(&self) -> Result<(), CheckpointError> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(CheckpointError::Io {
                path: self.0.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut file = fs::File::create(path).map_err(CheckpointError::io(path))?;
    std::io::Write::write_all(&mut file, bytes).map_err(CheckpointError::io(path))?;
    file.sync_data().map_err(CheckpointError::io(path))
}
