//! Starts without a commit, and the record that ends the process (decision 9).

use super::CheckpointError;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Starts without a commit after which records are read one by one.
pub const STARTS_BEFORE_PROBE: u32 = 3;

/// Counts process starts since the last commit, in `<data_dir>/starts`.
pub struct StartCounter {
    path: PathBuf,
    starts: u32,
    /// Commits do not count until the records that may be guilty have been read.
    probing: bool,
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
        Ok(Self {
            path,
            starts,
            probing: starts > STARTS_BEFORE_PROBE,
        })
    }

    /// True when this start should look for the record that ends the process.
    pub fn probes(&self) -> bool {
        self.probing
    }

    /// What was read when the process ended before has been read one by one.
    pub fn end_probe(&mut self) {
        self.probing = false;
    }

    /// A commit came: forget the starts, unless the record that ends the process is still looked for. Else a commit before
    /// that record would send the next start into it at full speed.
    pub fn reset(&mut self) -> Result<(), CheckpointError> {
        if self.starts > 0 && !self.probing {
            fs::remove_file(&self.path).map_err(CheckpointError::io(&self.path))?;
            self.starts = 0;
        }
        Ok(())
    }
}

/// Times that the process must have ended on one record, read alone, until that record is set aside: one end may be
/// somebody's `kill -9` of a service that restarts again and again.
pub const ENDS_OF_A_SUSPECT: u32 = 2;

/// `<data_dir>/probe`: the record being processed and how often it ended the process before, flushed before it is touched.
pub struct ProbeFile(PathBuf);

/// The record that a former start did not survive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    position: String,
    /// Starts that ended on it.
    ends: u32,
}

impl Suspect {
    /// Whether this record is to be set aside.
    pub fn is_guilty(&self, position: &str) -> bool {
        self.position == position && self.ends >= ENDS_OF_A_SUSPECT
    }
}

impl ProbeFile {
    pub fn new(directory: &Path) -> Self {
        Self(directory.join("probe"))
    }

    /// What the last start left behind, this end counted.
    pub fn suspect(&self) -> Option<Suspect> {
        let text = fs::read_to_string(&self.0).ok()?;
        let (ends, position) = text.split_once(' ')?;
        Some(Suspect {
            position: position.to_owned(),
            ends: ends.parse::<u32>().ok()? + 1,
        })
    }

    pub fn enter(&self, position: &str, suspect: Option<&Suspect>) -> Result<(), CheckpointError> {
        let ends = suspect
            .filter(|suspect| suspect.position == position)
            .map_or(0, |suspect| suspect.ends);
        write_durably(&self.0, format!("{ends} {position}").as_bytes())
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

/// The search for the record that ends the process: what the threads of a session share of it.
pub struct Probe {
    pub file: ProbeFile,
    /// As the last start left it: read once, before the first record of this one is entered.
    pub suspect: Option<Suspect>,
    on: AtomicBool,
}

impl Probe {
    pub fn new(directory: &Path, on: bool) -> Result<Self, CheckpointError> {
        let file = ProbeFile::new(directory);
        let suspect = file.suspect().filter(|_| on);
        if !on {
            file.clear()?;
        }
        Ok(Self {
            file,
            suspect,
            on: AtomicBool::new(on),
        })
    }

    /// True while records are read one by one.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    pub fn end(&self) {
        self.on.store(false, Ordering::Release);
    }

    /// Whether the record at `position` is to be set aside.
    pub fn condemns(&self, position: &str) -> bool {
        self.suspect.as_ref().is_some_and(|suspect| suspect.is_guilty(position))
    }
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let mut file = fs::File::create(path).map_err(CheckpointError::io(path))?;
    std::io::Write::write_all(&mut file, bytes).map_err(CheckpointError::io(path))?;
    file.sync_data().map_err(CheckpointError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Broke: kills at a commit while records were read one by one made a good record a dead letter.
    #[test]
    fn one_end_on_a_record_does_not_condemn_it() {
        let directory = tempfile::tempdir().unwrap();
        let probe = ProbeFile::new(directory.path());
        assert_eq!(probe.suspect(), None);
        probe.enter("topic/0/7", None).unwrap();
        let once = probe.suspect().unwrap();
        assert!(!once.is_guilty("topic/0/7"));
        probe.enter("topic/0/6", Some(&once)).unwrap();
        assert!(
            !probe.suspect().unwrap().is_guilty("topic/0/6"),
            "another record begins anew"
        );
        probe.enter("topic/0/7", Some(&once)).unwrap();
        let twice = probe.suspect().unwrap();
        assert!(twice.is_guilty("topic/0/7"));
        assert!(!twice.is_guilty("topic/0/6"));
        probe.clear().unwrap();
        assert_eq!(probe.suspect(), None);
    }
}
