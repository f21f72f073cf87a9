//! A journal's moment, taken without touching its folder.
//!
//! SQLite itself cannot read a file with a write-ahead log and leave the folder alone: it makes or rewrites an index
//! beside it. So such a file is copied, database first, log second. As long as the log was not restarted meanwhile
//! (its header carries salts that change then), every page that a checkpoint may have changed in the database during
//! the copy is also in the log, and the log's copy wins: the pair is the journal at one commit, even of a live server.

use super::FILE;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The size of the log's header in SQLite's file format.
const LOG_HEADER_BYTES: u64 = 32;
/// How often a copy that a restart of the log spoiled is taken again.
const ATTEMPTS: u32 = 8;

/// Copies database and log to a private folder; none if there is no log, since the database is then complete.
///
/// # Errors
/// There is no database, it cannot be copied, or it changes faster than it can be copied; in words.
pub(super) fn take(path: &Path) -> Result<Option<TempDir>, String> {
    if !path.is_file() {
        return Err("there is no such file".to_owned());
    }
    let log = beside(path);
    for _ in 0..ATTEMPTS {
        let before = log_header(&log)?;
        if before.is_empty() {
            return Ok(None);
        }
        let copy = tempfile::Builder::new().prefix("bandex-journal-").tempdir().map_err(words)?;
        let target = copy.path().join(FILE);
        std::fs::copy(path, &target).map_err(words)?;
        match std::fs::copy(&log, beside(&target)) {
            Ok(_) if log_header(&log)? == before => return Ok(Some(copy)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(words(error)),
        }
    }
    Err("it is being written too fast to copy; stop the server or copy the folder first".to_owned())
}

/// The log's path: SQLite's own naming.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// The log's header, empty if there is no log or nothing in it.
fn log_header(log: &Path) -> Result<Vec<u8>, String> {
    let file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(words(error)),
    };
    let mut header = Vec::new();
    file.take(LOG_HEADER_BYTES).read_to_end(&mut header).map_err(words)?;
    Ok(header)
}

fn words(error: std::io::Error) -> String {
    error.to_string()
}
