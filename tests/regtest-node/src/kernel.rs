//! Bitcoin Core's consensus code: it judges every block and every script, and nothing here judges in its place.

use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{Block, BlockHash, Network, Transaction, TxOut};
use bitcoinkernel::prelude::*;
use bitcoinkernel::{
    BlockValidationStateRef, ChainType, ChainstateManager, ChainstateManagerBuilder, Context, KernelError,
    Log, Logger, PrecomputedTransactionData, ProcessBlockResult, ScriptPubkey, ValidationMode, verify,
};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What the kernel last logged. Its log is one for the whole process, hence a static; [`TURN`] keeps two nodes of one
/// process from reading each other's lines.
static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
static TURN: Mutex<()> = Mutex::new(());
static CONNECTED: OnceLock<Result<(), String>> = OnceLock::new();

/// Collects what the kernel logs, since its interface gives the class of a refusal but not the reason, and submitblock
/// answers with the reason.
struct Collector;

impl Log for Collector {
    fn log(&self, message: &str) {
        lock(&LINES).push(message.trim_end().to_owned());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why the kernel could not be started, or what it could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel itself says so.
    #[error("the kernel: {0}")]
    Kernel(#[from] KernelError),
    /// A path that is not UTF-8, which the kernel cannot take.
    #[error("not a path the kernel takes: {0}")]
    Path(String),
}

/// What the kernel said of one block in the course of taking a block in; a reorganisation can judge several.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) hash: BlockHash,
    /// The reason as Core words it, such as `bad-txns-inputs-missingorspent`; none if the block is valid.
    pub(crate) refusal: Option<String>,
}

/// What became of a block handed to the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Processed {
    /// The kernel keeps the block; it may still have turned out invalid when it was to be connected.
    pub(crate) kept: bool,
    pub(crate) new: bool,
    pub(crate) judged: Vec<Judged>,
}

/// A chain state of the kernel's, in a folder of its own.
pub(crate) struct Kernel {
    // Dropped before the context, which it needs.
    manager: ChainstateManager,
    _context: Context,
    judged: Arc<Mutex<Vec<(BlockHash, bool)>>>,
}

impl Kernel {
    /// Opens a fresh chain state with only the genesis block. The indexes live in memory and the blocks in `folder`,
    /// which must be empty: the node keeps every block itself and hands them in again.
    pub(crate) fn open(network: Network, folder: &Path) -> Result<Self, Error> {
        connect_log()?;
        let _turn = lock(&TURN);
        let judged = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&judged);
        let context = Context::builder()
            .chain_type(chain_type(network))
            .with_block_checked_validation(
                move |block: bitcoinkernel::Block, state: BlockValidationStateRef<'_>| {
                    lock(&seen).push((block_hash(&block.hash()), state.mode() == ValidationMode::Valid));
                },
            )
            .build()?;
        let path = |path: &Path| {
            path.to_str().map(str::to_owned).ok_or_else(|| Error::Path(path.display().to_string()))
        };
        let manager =
            ChainstateManagerBuilder::new(&context, &path(folder)?, &path(&folder.join("blocks"))?)?
                .block_tree_db_in_memory(true)
                .chainstate_db_in_memory(true)
                .build()?;
        manager.import_blocks()?;
        lock(&LINES).clear();
        Ok(Self { manager, _context: context, judged })
    }

    /// The last block of the chain with the most work, all of it valid.
    pub(crate) fn tip(&self) -> BlockHash {
        block_hash(&self.manager.active_chain().tip().block_hash().to_owned())
    }

    /// The genesis block.
    pub(crate) fn genesis(&self) -> Result<Block, Error> {
        let genesis = self
            .manager
            .active_chain()
            .at_height(0)
            .ok_or_else(|| KernelError::Internal("no genesis block".to_owned()))?;
        let bytes = self.manager.read_block_data(&genesis)?.consensus_encode()?;
        bitcoin::consensus::deserialize(&bytes)
            .map_err(|error| KernelError::Internal(format!("its genesis block: {error}")).into())
    }

    /// Hands a block to the kernel, which checks it, keeps it, and makes the chain of most work the active one.
    pub(crate) fn process(&self, block: &Block) -> Result<Processed, Error> {
        let block = bitcoinkernel::Block::new(&serialize(block))?;
        let _turn = lock(&TURN);
        lock(&LINES).clear();
        lock(&self.judged).clear();
        let result = self.manager.process_block(&block);
        let lines = std::mem::take(&mut *lock(&LINES));
        let judged = lock(&self.judged)
            .drain(..)
            .map(|(hash, valid)| Judged { hash, refusal: (!valid).then(|| refusal(&lines, hash)) })
            .collect();
        let (kept, new) = match result {
            ProcessBlockResult::NewBlock => (true, true),
            ProcessBlockResult::Duplicate => (true, false),
            ProcessBlockResult::Rejected => (false, false),
        };
        Ok(Processed { kept, new, judged })
    }
}

/// Whether every input of `transaction` may spend the output given for it in `spent`, by the kernel's interpreter with
/// every consensus rule in force; the first input that may not.
///
/// # Errors
/// The kernel could not read the transaction, or `spent` is not as long as the inputs.
pub(crate) fn first_bad_input(transaction: &Transaction, spent: &[TxOut]) -> Result<Option<usize>, Error> {
    let judged = bitcoinkernel::Transaction::new(&serialize(transaction))?;
    let mut outputs = Vec::with_capacity(spent.len());
    for output in spent {
        let script = ScriptPubkey::new(output.script_pubkey.as_bytes())?;
        outputs.push((bitcoinkernel::TxOut::new(&script, sat(output)?), script));
    }
    let only_outputs: Vec<_> = outputs.iter().map(|(output, _)| output.clone()).collect();
    let precomputed = PrecomputedTransactionData::new(&judged, &only_outputs)?;
    for (index, (output, script)) in outputs.iter().enumerate() {
        match verify(script, Some(output.value()), &judged, index, None, &precomputed) {
            Ok(()) => {}
            Err(KernelError::ScriptVerify(_)) => return Ok(Some(index)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

fn sat(output: &TxOut) -> Result<i64, Error> {
    i64::try_from(output.value.to_sat()).map_err(|_| KernelError::OutOfBounds.into())
}

fn connect_log() -> Result<(), Error> {
    let connected = CONNECTED.get_or_init(|| {
        let logger = Logger::new(Collector).map_err(|error| error.to_string())?;
        // Its drop would end the connection, which is to last as long as the process.
        std::mem::forget(logger);
        Ok(())
    });
    connected.clone().map_err(|error| KernelError::Internal(error).into())
}

/// Finds the reason of a refusal in what the kernel logged: `… ConnectBlock HASH failed, REASON, …` for a block that
/// could not be connected, `… AcceptBlock FAILED (REASON, …)` for one not even kept.
fn refusal(lines: &[String], hash: BlockHash) -> String {
    let connect = format!("ConnectBlock {hash} failed, ");
    let reason = lines.iter().rev().find_map(|line| {
        let tail = line.split_once(&connect).map(|(_, tail)| tail);
        tail.or_else(|| line.split_once(" FAILED (").map(|(_, tail)| tail.trim_end_matches(')')))
    });
    reason.unwrap_or("rejected").to_owned()
}

fn block_hash(hash: &bitcoinkernel::BlockHash) -> BlockHash {
    BlockHash::from_byte_array(hash.to_bytes())
}

fn chain_type(network: Network) -> ChainType {
    match network {
        Network::Bitcoin => ChainType::Mainnet,
        Network::Testnet => ChainType::Testnet,
        Network::Testnet4 => ChainType::Testnet4,
        Network::Signet => ChainType::Signet,
        Network::Regtest => ChainType::Regtest,
    }
}
