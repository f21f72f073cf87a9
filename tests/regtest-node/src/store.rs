//! What the node keeps on disk: every block in the order it came, and what an operator declared about blocks.
//!
//! The kernel has no call to declare a block invalid, so the node must be able to build its chain state anew without
//! that block; with the blocks kept here, a start and a rebuild are one and the same thing.

use bitcoin::consensus::{deserialize, serialize};
use bitcoin::{Block, BlockHash, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// What is declared of blocks by invalidateblock and pruneblockchain.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Declared {
    /// Blocks declared invalid; their descendants are invalid with them.
    pub(crate) invalid: BTreeSet<BlockHash>,
    /// Blocks of a height up to this are not given out; none if nothing is pruned.
    pub(crate) pruned_height: Option<u32>,
}

pub(crate) struct Store {
    folder: PathBuf,
    log: File,
}

impl Store {
    /// Opens the store in `folder`, made if it is not there, and reads the blocks in the order they came.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Vec<Block>, Declared)> {
        fs::create_dir_all(folder)?;
        let path = folder.join("blocks.dat");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (blocks, whole) = read_blocks(&bytes)?;
        let mut log = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
        // A process killed while writing leaves a block cut short, which the next one would otherwise be appended to.
        log.set_len(whole)?;
        log.seek(SeekFrom::End(0))?;
        let declared = match fs::read(folder.join("declared.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Declared::default(),
            Err(error) => return Err(error),
        };
        Ok((Self { folder: folder.to_owned(), log }, blocks, declared))
    }

    /// Appends a block.
    pub(crate) fn append(&mut self, block: &Block) -> io::Result<()> {
        let block = serialize(block);
        let length = u32::try_from(block.len()).map_err(io::Error::other)?;
        let mut record = length.to_le_bytes().to_vec();
        record.extend_from_slice(&block);
        self.log.write_all(&record)
    }

    /// Writes what is declared, whole or not at all.
    pub(crate) fn declare(&self, declared: &Declared) -> io::Result<()> {
        self.replace("declared.json", &serde_json::to_vec(declared)?)
    }

    /// Keeps the transactions of the mempool for the next start, parents first.
    pub(crate) fn save_mempool(&self, transactions: &[Transaction]) -> io::Result<()> {
        let hex: Vec<String> = transactions.iter().map(bitcoin::consensus::encode::serialize_hex).collect();
        self.replace("mempool.json", &serde_json::to_vec(&hex)?)
    }

    /// Takes the transactions that [`Store::save_mempool`] kept; a second call finds none.
    pub(crate) fn take_mempool(&self) -> io::Result<Vec<Transaction>> {
        let path = self.folder.join("mempool.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        fs::remove_file(&path)?;
        let hex: Vec<String> = serde_json::from_slice(&bytes)?;
        hex.iter()
            .map(|hex| bitcoin::consensus::encode::deserialize_hex(hex).map_err(io::Error::other))
            .collect()
    }

    /// An empty folder for a fresh chain state of the kernel.
    pub(crate) fn kernel_folder(&self) -> io::Result<PathBuf> {
        let folder = self.folder.join("kernel");
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, bytes)?;
        fs::rename(new, self.folder.join(name))
    }
}

/// The blocks of a log, and how many bytes of it are whole blocks.
fn read_blocks(mut bytes: &[u8]) -> io::Result<(Vec<Block>, u64)> {
    let mut blocks = Vec::new();
    let mut whole = 0_u64;
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        let Some((block, rest)) = usize::try_from(length).ok().and_then(|at| rest.split_at_checked(at))
        else {
            break;
        };
        blocks.push(deserialize(block).map_err(io::Error::other)?);
        whole += 4 + u64::from(length);
        bytes = rest;
    }
    Ok((blocks, whole))
}
