//! The operating system's lock on a folder: one server, one folder.

use crate::port::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// Held as long as it lives; the operating system gives it back even if the process is killed.
#[derive(Debug)]
pub(super) struct FolderLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl FolderLock {
    /// Makes the folder if it is missing and locks it.
    ///
    /// # Errors
    /// Somebody else holds it, or folder or lock file cannot be made.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        std::fs::create_dir_all(dir).map_err(|error| OpenError::folder(dir, error))?;
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| OpenError::folder(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(OpenError::folder(&path, error)),
        }
    }
}
