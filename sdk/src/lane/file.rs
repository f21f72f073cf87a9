//! A lane in a file: one JSON line an entry, only ever added to.

use super::{Entry, LaneState, LaneStore, OwnOrder, StoreError, Version};
use crate::wire::{signed_from_wire, signed_to_wire};
use bandex_tradechain::Head;
use bandex_types::{BlockId, OrderRef, PublicKey};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a stored entry survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, but not of the machine: entries are written at once and flushed by the system later.
    Process,
    /// A power cut: every block is flushed to the disk before it is sent, which takes as long as the disk takes.
    #[default]
    Disk,
}

/// Keeps a lane in a file that this process alone uses.
///
/// A write that a crash cut short is recognised by its missing line end and dropped: that block was never sent.
/// Writing blocks the calling thread, under [`Durability::Disk`] for the time of a flush.
#[derive(Debug)]
pub struct FileLane {
    file: File,
    durability: Durability,
    /// Where the last whole entry ends; past a failed write it is the place to go on from.
    end: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Start { key: PublicKey, seq: u64, id: BlockId },
    Block(bandex_api::SignedBlock),
    Confirmed(u64),
}

impl FileLane {
    /// Opens the file, or makes it, and locks it for this process.
    ///
    /// # Errors
    /// The file system refuses, or another process holds the file.
    pub fn open(path: impl AsRef<Path>, durability: Durability) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse,
            TryLockError::Error(error) => StoreError::Io(error),
        })?;
        // From here the file is ours. Its name must survive a power cut as its contents do.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if durability == Durability::Disk {
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        let mut lane = Self { file, durability, end: 0 };
        lane.read()?;
        Ok(lane)
    }

    fn write(&mut self, line: &[u8], flush: bool) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(line)?;
        if flush && self.durability == Durability::Disk { self.file.sync_data() } else { Ok(()) }
    }
}

fn line_of(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let line = match entry {
        Entry::Start { key, head } => Line::Start { key: *key, seq: head.seq, id: head.id },
        Entry::Block(signed) => Line::Block(signed_to_wire(signed)),
        Entry::Confirmed(seq) => Line::Confirmed(*seq),
    };
    let mut bytes = serde_json::to_vec(&line).map_err(std::io::Error::from)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn entry_of(line: &[u8]) -> Result<Entry, String> {
    match serde_json::from_slice(line).map_err(|error| error.to_string())? {
        Line::Start { key, seq, id } => Ok(Entry::Start { key, head: Head { seq, id } }),
        Line::Block(signed) => signed_from_wire(&signed).map(Entry::Block).map_err(|error| error.to_string()),
        Line::Confirmed(seq) => Ok(Entry::Confirmed(seq)),
    }
}

/// The whole entries of a file's bytes, and where the last of them ends.
fn entries_of(bytes: &[u8]) -> Result<(Vec<Entry>, usize), StoreError> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
    let entries = lines
        .zip(1..)
        .map(|(line, number)| entry_of(line).map_err(|why| StoreError::Damaged { line: number, why }));
    Ok((entries.collect::<Result<Vec<_>, _>>()?, whole))
}

/// The orders in the lane file of another process, which may be adding to it.
///
/// Every question reads the file anew, since the answer may have been written a moment ago.
#[derive(Debug, Clone)]
pub struct StoredOrders {
    path: PathBuf,
}

impl StoredOrders {
    /// Of the lane file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// An order of that lane as it was signed.
    ///
    /// # Errors
    /// The file cannot be read, or is no lane.
    pub fn order(&self, order: &OrderRef) -> Result<Option<OwnOrder>, StoreError> {
        Ok(self.state()?.and_then(|state| state.own.order(order)))
    }

    /// The amendments that lane signed to an order, whoever placed it.
    ///
    /// # Errors
    /// As [`StoredOrders::order`].
    pub fn amendments(&self, order: &OrderRef) -> Result<Vec<Version>, StoreError> {
        Ok(self.state()?.map_or_else(Vec::new, |state| state.own.amendments(order).to_vec()))
    }

    fn state(&self) -> Result<Option<LaneState>, StoreError> {
        let (entries, _) = entries_of(&std::fs::read(&self.path)?)?;
        LaneState::from_entries(&entries)
    }
}

impl LaneStore for FileLane {
    fn read(&mut self) -> Result<Vec<Entry>, StoreError> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut bytes)?;
        let (entries, whole) = entries_of(&bytes)?;
        // A write that was cut short lies past the end, where the next one covers it; what is left of it then still
        // lacks its line end.
        self.end = u64::try_from(whole).map_err(std::io::Error::other)?;
        Ok(entries)
    }

    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let line = line_of(entry)?;
        let end = self.end.saturating_add(u64::try_from(line.len()).map_err(std::io::Error::other)?);
        // A lost answer costs one needless repetition; only what may have been sent is worth the wait.
        let flush = !matches!(entry, Entry::Confirmed(_));
        if let Err(error) = self.write(&line, flush) {
            // What was written of it goes, so that it never comes back; if it cannot, the next write covers it.
            let _ = self.file.set_len(self.end);
            return Err(error.into());
        }
        self.end = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::LaneState;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place};
    use crate::{OwnBlock, Signer};

    fn entries() -> (Vec<Entry>, Vec<OwnBlock>) {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        let blocks: Vec<_> = (1..4).map(|lots| signer.orders(NOW, vec![place(lots)]).unwrap()).collect();
        let stored = |at: usize| Entry::Block(blocks[at].signed.clone());
        let start = Entry::Start { key: keypair(1).public(), head: ORIGIN };
        (vec![start, stored(0), stored(1), Entry::Confirmed(1), stored(2)], blocks)
    }

    #[test]
    fn a_lane_is_resumed_from_its_last_stored_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lane");
        let (entries, blocks) = entries();
        let mut lane = FileLane::open(&path, Durability::Disk).unwrap();
        assert!(matches!(FileLane::open(&path, Durability::Disk), Err(StoreError::InUse)));
        assert_eq!(lane.read().unwrap(), []);
        entries.iter().for_each(|entry| lane.append(entry).unwrap());
        drop(lane);
        let mut lane = FileLane::open(&path, Durability::Process).unwrap();
        assert_eq!(lane.read().unwrap(), entries);
        let state = LaneState::from_entries(&lane.read().unwrap()).unwrap().unwrap();
        assert_eq!(state.head, Head { seq: 3, id: blocks[2].id });
        assert_eq!(state.pending, &blocks[1..], "byte for byte, so that they can be sent again");
    }

    /// A crash at any byte of the last write loses that write only, and the file can be gone on with.
    #[test]
    fn a_write_cut_short_at_any_byte_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lane");
        let (entries, _) = entries();
        let mut lane = FileLane::open(&path, Durability::Process).unwrap();
        entries.iter().for_each(|entry| lane.append(entry).unwrap());
        drop(lane);
        let whole = std::fs::read(&path).unwrap();
        let (kept, last) = (&entries[..4], &entries[4]);
        let before: usize = kept.iter().map(|entry| line_of(entry).unwrap().len()).sum();
        for cut in before..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut lane = FileLane::open(&path, Durability::Process).unwrap();
            assert_eq!(lane.read().unwrap(), kept, "cut at {cut}");
            // Shorter than what was cut, so that the rest of that lies behind it.
            let short = Entry::Confirmed(2);
            lane.append(&short).unwrap();
            assert_eq!(lane.read().unwrap().last(), Some(&short), "cut at {cut}");
            lane.append(last).unwrap();
            let expected = [kept, &[short, last.clone()]].concat();
            assert_eq!(lane.read().unwrap(), expected, "cut at {cut}");
        }
    }

    #[test]
    fn damage_before_the_last_line_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lane");
        let good = line_of(&Entry::Confirmed(1)).unwrap();
        std::fs::write(&path, [good.as_slice(), b"{\"confirm\n", &good].concat()).unwrap();
        let refused = FileLane::open(&path, Durability::Process);
        assert!(matches!(refused, Err(StoreError::Damaged { line: 2, .. })), "{refused:?}");
    }
}
