//! The key of author pseudonyms for commands that run beside the service: `analyze` and `ingest`.
//!
//! The configured key file if there is one; else the data directory's key, if `-c` names one that has it; else a key
//! of this user, made once, so that the same file gives the same ids again and nobody else can work them back.

use crate::config::Config;
use crate::pipeline::KEY_FILE;
use anyhow::Context;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const KEY_BYTES: usize = 32;
const KEY_BYTES_MIN: usize = 16;

/// Key of `config`, or of this user.
///
/// # Errors
/// If a key file cannot be read, is too short, or cannot be made.
pub fn author_key(config: &Config) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &config.privacy.key_file {
        return read(path);
    }
    let of_service = config.data_dir.join(KEY_FILE);
    if of_service.is_file() {
        return read(&of_service);
    }
    let path = user_key_path().context("no key: set privacy.key_file, QINGTING_PRIVACY__KEY_FILE or HOME")?;
    if !path.exists() {
        make(&path).with_context(|| format!("key file {}", path.display()))?;
    }
    read(&path)
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let key = std::fs::read(path).with_context(|| format!("key file {}", path.display()))?;
    anyhow::ensure!(
        key.len() >= KEY_BYTES_MIN,
        "key file {}: {} bytes, needs at least {KEY_BYTES_MIN}",
        path.display(),
        key.len()
    );
    Ok(key)
}

fn user_key_path() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let state = state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    Some(state.join("qingting/author.key"))
}

fn make(path: &Path) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut key = [0u8; KEY_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut key)?;
    // Whole or not at all: written aside and linked, so that a second process reads either nothing or all of it.
    let aside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(&key)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&aside, path);
    std::fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => {
            tracing::warn!(path = %path.display(), "made a key for author ids");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_only_its_user_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/qingting/author.key");
        make(&path).unwrap();
        let first = read(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        make(&path).unwrap();
        assert_eq!(read(&path).unwrap(), first);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_short_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, b"short").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("5 bytes"));
    }
}
