//! The trial: the true store passes the audit, and a copy with one flipped byte is convicted.

use super::board::{self, Shared};
use crate::audit::{Claims, Conviction, Report, Verdict, audit};
use anyhow::{Context, Result, bail};
use bandex_journal::{JournalReader, SqliteJournal};
use std::fs;
use std::path::Path;

/// The journal's file in a store, and what SQLite keeps beside it.
const FILES: [&str; 2] = ["journal.sqlite", "journal.sqlite-wal"];

/// What both audits found.
pub(crate) struct Trial {
    pub truth: Verdict,
    pub forgery: Verdict,
    /// The record in which the byte was flipped.
    pub flipped: u64,
}

/// Audits the store, then a copy of it with one byte flipped in the middle of its history.
pub(crate) async fn hold(data: &Path, scratch: &Path, board: &Shared) -> Result<Trial> {
    board::lock(board).phase = "the audit";
    let reader = SqliteJournal::open_read_only(data).await?;
    let records = reader.head().await?.context("the journal is empty")?.seq;
    let truth = audit(&reader, &Claims::default(), &mut |_| {}).await?;
    board::lock(board).note("the true store passes the audit");
    board::lock(board).phase = "a forged copy";
    let forged = scratch.join("forged");
    copy(data, &forged)?;
    // A byte of the write-ahead log would only cut the log there: fold it into the file first.
    SqliteJournal::open(&forged).await?.close().await?;
    let flipped = records / 2;
    flip(&reader, &forged, flipped).await?;
    let forgery =
        audit(&SqliteJournal::open_read_only(&forged).await?, &Claims::default(), &mut |_| {}).await?;
    if let Verdict::Fail(conviction) = &forgery {
        board::lock(board).note(format!("one byte flipped in record {flipped}: {}", conviction.why));
    }
    Ok(Trial { truth, forgery, flipped })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in FILES.iter().filter(|name| from.join(name).exists()) {
        fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}

/// Flips one byte of a record's command, wherever the files hold it.
async fn flip(reader: &dyn JournalReader, folder: &Path, seq: u64) -> Result<()> {
    let record = reader.records(seq, 1).await?.into_iter().next().context("no such record")?;
    // The end of the command is a signature, which stands nowhere else.
    let tail = record.command.len().saturating_sub(32);
    let needle = record.command.get(tail..).context("a command is longer")?.to_vec();
    let mut found = 0;
    for name in FILES {
        let path = folder.join(name);
        let Ok(mut bytes) = fs::read(&path) else { continue };
        let places: Vec<usize> = bytes
            .windows(needle.len())
            .enumerate()
            .filter(|(_, window)| *window == needle)
            .map(|(at, _)| at)
            .collect();
        for at in &places {
            if let Some(byte) = bytes.get_mut(*at) {
                *byte ^= 1;
            }
        }
        found += places.len();
        fs::write(&path, bytes)?;
    }
    if found == 0 { bail!("the record's bytes are in no file of the copy") } else { Ok(()) }
}

impl Trial {
    /// What the audit of the true store counted, if it passed.
    pub fn report(&self) -> Option<&Report> {
        match &self.truth {
            Verdict::Pass(report) => Some(report),
            Verdict::Fail(_) => None,
        }
    }

    /// What the forgery was convicted of, if it was.
    pub fn conviction(&self) -> Option<&Conviction> {
        match &self.forgery {
            Verdict::Fail(conviction) => Some(conviction),
            Verdict::Pass(_) => None,
        }
    }

    /// Whether truth passed and forgery was convicted, of that very record.
    pub fn is_good(&self) -> bool {
        self.report().is_some() && self.conviction().is_some_and(|it| it.record == self.flipped)
    }
}
