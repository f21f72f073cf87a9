//! Snapshots of the engine in the data folder: where a start begins instead of the first record.
//!
//! A snapshot is a shortcut and never an authority. It is used only if its bytes have the digest noted in it and the
//! journal holds the very record it was made after; otherwise it is refused and the journal is replayed. Losing all of
//! them costs time, nothing else.

use bandex_engine::{Engine, SNAPSHOT_VERSION};
use bandex_types::Hash;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder within the data folder.
const FOLDER: &str = "snapshots";
/// How a file's name ends; before it stands the seq.
const SUFFIX: &str = "snapshot";
/// How the name of one that is being written ends.
const UNFINISHED: &str = "unfinished";
/// The first bytes of every file.
const MAGIC: [u8; 8] = *b"bandexSN";
/// How many are kept: the newest, and one behind it in case that is damaged.
const KEPT: usize = 2;

/// What a file says before the state's bytes. Its last 32 bytes are the SHA-256 of all before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Header {
    magic: [u8; 8],
    version: u32,
    record_hash: Hash,
}

/// An engine after the record `seq`, and that record's hash.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub engine: Engine,
    pub record_hash: Hash,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is of another version of this program")]
    Version,
    #[error("its bytes do not have the digest at its end")]
    Digest,
    #[error(transparent)]
    Restore(#[from] bandex_engine::RestoreError),
    #[error("its name has another seq than its state")]
    Seq,
}

/// The folder of snapshots.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
}

impl Snapshots {
    /// Those of a data folder.
    pub fn of(data: &Path) -> Self {
        Self { folder: data.join(FOLDER) }
    }

    /// The seqs of all files, newest first.
    pub fn seqs(&self) -> Vec<u64> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut seqs: Vec<u64> = entries.filter_map(|entry| seq_of(&entry.ok()?.path())).collect();
        seqs.sort_unstable_by(|one, other| other.cmp(one));
        seqs
    }

    /// Reads one.
    pub fn read(&self, seq: u64) -> Result<Snapshot, SnapshotError> {
        let bytes = fs::read(self.path(seq))?;
        let (content, digest) = bytes.split_last_chunk().ok_or(SnapshotError::Digest)?;
        if digest_of(&[content]) != *digest {
            return Err(SnapshotError::Digest);
        }
        let mut state = content;
        let header = Header::deserialize(&mut state)?;
        if header.magic != MAGIC || header.version != SNAPSHOT_VERSION {
            return Err(SnapshotError::Version);
        }
        let engine = Engine::restore(state)?;
        if engine.seq() != seq {
            return Err(SnapshotError::Seq);
        }
        Ok(Snapshot { engine, record_hash: header.record_hash })
    }

    /// Writes one in whole or not at all, and removes those it makes superfluous.
    pub fn save(&self, engine: &Engine, record_hash: Hash) -> io::Result<()> {
        let header = borsh::to_vec(&Header { magic: MAGIC, version: SNAPSHOT_VERSION, record_hash })?;
        let state = engine.snapshot();
        fs::create_dir_all(&self.folder)?;
        self.remove_unfinished()?;
        let path = self.path(engine.seq());
        let unfinished = path.with_extension(UNFINISHED);
        let parts = [header.as_slice(), &state, &digest_of(&[&header, &state])];
        if let Err(error) = write(&unfinished, &parts) {
            // What is half there must not take the last room from the journal.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        fs::rename(&unfinished, &path)?;
        for old in self.seqs().into_iter().skip(KEPT) {
            fs::remove_file(self.path(old))?;
        }
        Ok(())
    }

    /// Before a start on a journal that ends at the record `journal_end`: removes what a killed server left unfinished,
    /// and snapshots of records that the journal does not have.
    pub fn tidy(&self, journal_end: u64) {
        let removed = if self.folder.is_dir() { self.remove_unfinished() } else { Ok(()) };
        if let Err(error) = removed {
            tracing::warn!(%error, "an unfinished snapshot cannot be removed");
        }
        self.seqs().into_iter().filter(|seq| *seq > journal_end).for_each(|seq| self.remove(seq));
    }

    /// Removes one that is of no use: it would pass for the newest for ever.
    pub fn remove(&self, seq: u64) {
        if let Err(error) = fs::remove_file(self.path(seq)) {
            tracing::warn!(seq, %error, "a useless snapshot cannot be removed");
        }
    }

    /// Removes what a server that was killed has left behind: nobody will ever finish it.
    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == UNFINISHED) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, seq: u64) -> PathBuf {
        self.folder.join(format!("{seq}.{SUFFIX}"))
    }
}

fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = File::create(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()
}

fn seq_of(path: &Path) -> Option<u64> {
    let ours = path.extension().is_some_and(|suffix| suffix == SUFFIX);
    path.file_stem().filter(|_| ours)?.to_str()?.parse().ok()
}

fn digest_of(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), |hasher, part| hasher.chain_update(part)).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_tradechain::{Command, Decoded, Genesis, Keypair};
    use bandex_types::{Amount, Timestamp};

    const HASH: Hash = Hash::new([7; 32]);

    fn ticked(ticks: u64) -> Engine {
        let keys = [1, 2].map(|seed| Keypair::from_seed(&[seed; 32]).public());
        let genesis = Genesis::new(1, keys[0], keys[1], Amount::new(1_000));
        let mut engine = Engine::new();
        engine.apply(Timestamp::from_micros(1), &Decoded::new(Command::Genesis(genesis)).expect("a genesis"));
        for tick in 0..ticks {
            let decoded = Decoded::new(Command::Tick).expect("a tick");
            engine.apply(Timestamp::from_micros(2 + tick), &decoded);
        }
        engine
    }

    #[test]
    fn what_was_saved_is_read_and_the_oldest_make_room() {
        let data = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::of(data.path());
        assert!(snapshots.seqs().is_empty());
        for ticks in [9, 0, 19] {
            snapshots.save(&ticked(ticks), HASH).expect("it is written");
        }
        assert_eq!(snapshots.seqs(), [20, 10]);
        let read = snapshots.read(20).expect("it is read");
        assert_eq!((read.engine.digest(), read.record_hash), (ticked(19).digest(), HASH));
        assert!(matches!(snapshots.read(1), Err(SnapshotError::Io(_))));
    }

    #[test]
    fn what_was_never_finished_goes_with_the_next_one() {
        let data = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::of(data.path());
        snapshots.save(&ticked(3), HASH).expect("it is written");
        let left = snapshots.path(9).with_extension(UNFINISHED);
        fs::write(&left, "half of it").expect("it is written");
        assert_eq!(snapshots.seqs(), [4]);
        snapshots.save(&ticked(9), HASH).expect("it is written");
        assert!(!left.exists());
        assert_eq!(snapshots.seqs(), [10, 4]);
    }

    #[test]
    fn a_file_with_any_byte_changed_is_refused() {
        let data = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::of(data.path());
        snapshots.save(&ticked(3), HASH).expect("it is written");
        let path = snapshots.path(4);
        let bytes = fs::read(&path).expect("it is there");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).expect("it is written");
            assert!(snapshots.read(4).is_err(), "byte {at}");
        }
        fs::write(&path, &bytes[..bytes.len() - 1]).expect("it is written");
        assert!(matches!(snapshots.read(4), Err(SnapshotError::Digest)));
    }
}
