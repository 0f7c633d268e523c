//! The index directory as the crash harness sees it: enters the steps that happen inside tantivy, and runs out of
//! space where it is asked to. Compiled with feature `crash-test` only.

use super::steps::{self, Step};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{DirectoryLock, FileHandle, Lock, MmapDirectory, WatchCallback, WatchHandle, WritePtr};

const META: &str = "meta.json";

/// [`MmapDirectory`] that calls [`steps::enter`] around the replacement of `meta.json`.
#[derive(Debug, Clone)]
pub struct WatchedDirectory {
    inner: MmapDirectory,
    /// A commit's `meta.json` was renamed and the directory not synchronized since.
    renamed: Arc<AtomicBool>,
}

impl WatchedDirectory {
    pub fn open(path: &Path) -> Result<Self, tantivy::directory::error::OpenDirectoryError> {
        Ok(Self {
            inner: MmapDirectory::open(path)?,
            renamed: Arc::new(AtomicBool::new(false)),
        })
    }

    /// A merge keeps the operation stamp and the payload of the commit before it; a commit has a new one.
    fn ends_merge(&self, new_meta: &[u8]) -> bool {
        let stamp = |bytes: &[u8]| {
            serde_json::from_slice::<serde_json::Value>(bytes)
                .ok()
                .and_then(|meta| meta.get("opstamp").and_then(serde_json::Value::as_u64))
        };
        match self.inner.atomic_read(Path::new(META)) {
            Ok(old_meta) => stamp(&old_meta).is_some() && stamp(&old_meta) == stamp(new_meta),
            Err(_) => false,
        }
    }
}

impl Directory for WatchedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        if steps::refuses_write() {
            return Err(OpenWriteError::wrap_io_error(
                io::Error::new(io::ErrorKind::StorageFull, "no space left (asked for by the test)"),
                path.to_path_buf(),
            ));
        }
        self.inner.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        if path != Path::new(META) {
            return self.inner.atomic_write(path, data);
        }
        let merge = self.ends_merge(data);
        steps::enter(if merge { Step::MergeEnd } else { Step::Rename });
        self.inner.atomic_write(path, data)?;
        if !merge {
            self.renamed.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        if self.renamed.swap(false, Ordering::AcqRel) {
            steps::enter(Step::DirectorySync);
        }
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(watch_callback)
    }
}
