//! A chain in memory whose miner takes whatever is valid, replaced transactions too, and a wallet on it that can be
//! opened again and again. For tests of this crate only.

use crate::build::Step;
use crate::key::{KeyCost, Passphrase};
use crate::node::{Node, NodeError, Sent};
use crate::pay::Payment;
use crate::policy::Policy;
use crate::wallet::{Wallet, create};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_types::{AccountId, DealId, Timestamp};
use bdk_wallet::bitcoin::absolute::LockTime;
use bdk_wallet::bitcoin::block::{Header, Version};
use bdk_wallet::bitcoin::constants::genesis_block;
use bdk_wallet::bitcoin::hashes::Hash as _;
use bdk_wallet::bitcoin::{
    Amount, Block, BlockHash, CompactTarget, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode,
    TxOut, Txid, WPubkeyHash, Witness, transaction,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tempfile::TempDir;

/// How the node fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// It does not answer.
    Down,
    /// It takes what it is sent, but the answer is lost.
    LoseAnswers,
}

#[derive(Debug)]
pub(crate) struct World {
    blocks: BTreeMap<BlockHash, Block>,
    active: Vec<BlockHash>,
    pub(crate) mempool: Vec<Transaction>,
    /// All that was ever sent: a miner may have kept it.
    pub(crate) ever: Vec<Transaction>,
    pub(crate) fee_rate: Option<u64>,
    pub(crate) fault: Fault,
    /// What it relays at the least, in satoshi per vB.
    pub(crate) least_fee_rate: u64,
    salt: u32,
}

/// The node. Clones are the same node.
#[derive(Debug, Clone)]
pub(crate) struct Net(Arc<Mutex<World>>);

impl Net {
    pub(crate) fn new() -> Self {
        let genesis = genesis_block(Network::Regtest.bitcoin());
        let hash = genesis.block_hash();
        let world = World {
            blocks: BTreeMap::from([(hash, genesis)]),
            active: vec![hash],
            mempool: Vec::new(),
            ever: Vec::new(),
            fee_rate: Some(2_000),
            fault: Fault::None,
            least_fee_rate: 1,
            salt: 0,
        };
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl World {
    pub(crate) fn height(&self) -> u32 {
        u32::try_from(self.active.len() - 1).unwrap()
    }

    fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.active.iter().flat_map(|hash| &self.blocks[hash].txdata)
    }

    fn coins(&self) -> BTreeMap<OutPoint, TxOut> {
        let mut coins = BTreeMap::new();
        self.transactions().for_each(|transaction| spend(&mut coins, transaction));
        coins
    }

    /// What the chain holds for a script.
    pub(crate) fn paid_to(&self, script: &[u8]) -> u64 {
        let outputs = self.transactions().flat_map(|transaction| &transaction.output);
        outputs.filter(|output| output.script_pubkey.as_bytes() == script).map(|out| out.value.to_sat()).sum()
    }

    pub(crate) fn is_mined(&self, txid: Txid) -> bool {
        self.transactions().any(|transaction| transaction.compute_txid() == txid)
    }

    /// A block of those candidates that are valid, in their order.
    pub(crate) fn mine(&mut self, candidates: &[Transaction]) {
        let mut coins = self.coins();
        let mut chosen = vec![self.gift_to(ScriptBuf::new_op_return([]), 0)];
        for candidate in candidates {
            let known = self.is_mined(candidate.compute_txid()) || chosen.contains(candidate);
            if !known && candidate.input.iter().all(|input| coins.contains_key(&input.previous_output)) {
                spend(&mut coins, candidate);
                chosen.push(candidate.clone());
            }
        }
        self.push(chosen);
    }

    /// A block of all that waits.
    pub(crate) fn mine_all(&mut self) {
        let waiting = self.mempool.clone();
        self.mine(&waiting);
    }

    pub(crate) fn mine_empty(&mut self, count: u32) {
        (0..count).for_each(|_| self.mine(&[]));
    }

    /// Puts coins into a block of their own.
    pub(crate) fn deposit(&mut self, script: &[u8], satoshi: u64) -> Txid {
        let gift = self.gift_to(ScriptBuf::from_bytes(script.to_vec()), satoshi);
        let txid = gift.compute_txid();
        let first = self.gift_to(ScriptBuf::new_op_return([]), 0);
        self.push(vec![first, gift]);
        txid
    }

    /// Takes blocks off the chain; what they held waits again.
    pub(crate) fn cut(&mut self, depth: u32) {
        let keep = self.active.len().saturating_sub(depth as usize).max(1);
        for hash in self.active.split_off(keep) {
            let dropped = self.blocks[&hash].txdata.clone();
            self.mempool.extend(dropped.into_iter().filter(|one| self.ever.contains(one)));
        }
        self.clean();
    }

    fn gift_to(&mut self, script_pubkey: ScriptBuf, satoshi: u64) -> Transaction {
        self.salt += 1;
        let previous_output = OutPoint { txid: Txid::from_byte_array([7; 32]), vout: self.salt };
        let input = TxIn {
            previous_output,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        };
        let output = TxOut { value: Amount::from_sat(satoshi), script_pubkey };
        Transaction {
            version: transaction::Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![output],
        }
    }

    fn push(&mut self, txdata: Vec<Transaction>) {
        let previous = *self.active.last().unwrap();
        let header = Header {
            version: Version::TWO,
            prev_blockhash: previous,
            merkle_root: TxMerkleNode::all_zeros(),
            time: self.salt,
            bits: CompactTarget::from_consensus(0x207f_ffff),
            nonce: 0,
        };
        let mut block = Block { header, txdata };
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        self.active.push(block.block_hash());
        self.blocks.insert(block.block_hash(), block);
        self.clean();
    }

    /// Drops from the mempool what is mined, or spends what is gone.
    fn clean(&mut self) {
        let mut coins = self.coins();
        let mut kept: Vec<Transaction> = Vec::new();
        for waiting in std::mem::take(&mut self.mempool) {
            if waiting.input.iter().all(|input| coins.contains_key(&input.previous_output)) {
                spend(&mut coins, &waiting);
                kept.push(waiting);
            }
        }
        self.mempool = kept;
    }

    fn take(&mut self, transaction: &Transaction) -> Sent {
        let txid = transaction.compute_txid();
        if self.mempool.contains(transaction) || self.is_mined(txid) {
            return Sent::Taken;
        }
        let shares = |other: &Transaction| {
            other
                .input
                .iter()
                .any(|input| transaction.input.iter().any(|own| own.previous_output == input.previous_output))
        };
        let coins = self.coins();
        let (conflicts, mut kept): (Vec<_>, Vec<_>) = self.mempool.iter().cloned().partition(shares);
        let mut all = coins;
        kept.iter().for_each(|waiting| {
            waiting.output.iter().zip(0..).for_each(|(output, vout)| {
                all.insert(OutPoint { txid: waiting.compute_txid(), vout }, output.clone());
            });
        });
        let fee_of = |one: &Transaction| {
            let spent: Option<u64> =
                one.input.iter().map(|input| Some(all.get(&input.previous_output)?.value.to_sat())).sum();
            let made: u64 = one.output.iter().map(|output| output.value.to_sat()).sum();
            spent.map(|spent| spent - made)
        };
        let Some(fee) = fee_of(transaction) else {
            return Sent::Refused("bad-txns-inputs-missingorspent".to_owned());
        };
        let size = u64::try_from(transaction.vsize()).unwrap();
        if fee < size * self.least_fee_rate {
            return Sent::Refused("min relay fee not met".to_owned());
        }
        let outbid: u64 = conflicts.iter().filter_map(fee_of).sum();
        if !conflicts.is_empty() && fee < outbid + size {
            return Sent::Refused("insufficient fee, rejecting replacement".to_owned());
        }
        kept.push(transaction.clone());
        self.mempool = kept;
        self.clean();
        if !self.ever.contains(transaction) {
            self.ever.push(transaction.clone());
        }
        Sent::Taken
    }
}

fn spend(coins: &mut BTreeMap<OutPoint, TxOut>, transaction: &Transaction) {
    for input in &transaction.input {
        coins.remove(&input.previous_output);
    }
    for (output, vout) in transaction.output.iter().zip(0..) {
        coins.insert(OutPoint { txid: transaction.compute_txid(), vout }, output.clone());
    }
}

impl Net {
    fn answering(&self) -> Result<MutexGuard<'_, World>, NodeError> {
        let world = self.world();
        if world.fault == Fault::Down { Err(NodeError("it is down".to_owned())) } else { Ok(world) }
    }
}

impl Node for Net {
    async fn check(&self, _network: Network) -> Result<(), NodeError> {
        self.answering().map(drop)
    }

    async fn tip(&self) -> Result<(u32, BlockHash), NodeError> {
        let world = self.answering()?;
        Ok((world.height(), *world.active.last().unwrap()))
    }

    async fn hash_at(&self, height: u32) -> Result<Option<BlockHash>, NodeError> {
        Ok(self.answering()?.active.get(height as usize).copied())
    }

    async fn block(&self, hash: BlockHash) -> Result<Block, NodeError> {
        Ok(self.answering()?.blocks[&hash].clone())
    }

    async fn fee_rate(&self) -> Result<Option<u64>, NodeError> {
        Ok(self.answering()?.fee_rate)
    }

    async fn send(&self, transaction: &Transaction) -> Result<Sent, NodeError> {
        let mut world = self.answering()?;
        let sent = world.take(transaction);
        if world.fault == Fault::LoseAnswers { Err(NodeError("the line broke".to_owned())) } else { Ok(sent) }
    }

    async fn is_waiting(&self, txid: Txid) -> Result<bool, NodeError> {
        Ok(self.answering()?.mempool.iter().any(|waiting| waiting.compute_txid() == txid))
    }
}

/// A time in 2026.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);
pub(crate) const HOUR: u64 = 60 * 60 * 1_000_000;

pub(crate) fn deal(number: u8) -> DealId {
    DealId::new([number; 32])
}

/// The script of somebody else, one for each number.
pub(crate) fn stranger(number: u8) -> Vec<u8> {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([number; 20])).into_bytes()
}

/// Demand `demand` of deal `number`, due a day from now.
pub(crate) fn payment(number: u8, demand: u32, cumulative: u64) -> Payment {
    Payment {
        deal: deal(number),
        demand,
        payee: AccountId::new([number; 32]),
        script: stranger(number),
        cumulative,
        deadline: NOW.plus(24 * HOUR),
    }
}

/// A wallet's folder and its node; the wallet is opened and dropped at will.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) net: Net,
    pub(crate) policy: Policy,
}

impl Rig {
    /// A wallet with this many coins of 200,000 satoshi, buried deep.
    pub(crate) async fn with_coins(count: u32) -> (Self, Wallet<Net>) {
        let folder = tempfile::tempdir().unwrap();
        create(folder.path(), Network::Regtest, &Passphrase::new("p"), KeyCost::for_tests()).unwrap();
        let policy = Policy { largest_fee_share_ppm: 200_000, ..Policy::default() };
        let rig = Self { folder, net: Net::new(), policy };
        let mut wallet = rig.open().await;
        for _ in 0..count {
            let script = wallet.new_address().await.unwrap().script_pubkey();
            rig.net.world().deposit(script.as_bytes(), 200_000);
        }
        rig.net.world().mine_empty(10);
        wallet.sync(NOW).await.unwrap();
        (rig, wallet)
    }

    pub(crate) async fn open(&self) -> Wallet<Net> {
        let passphrase = Passphrase::new("p");
        Wallet::open(self.folder.path(), Network::Regtest, &passphrase, self.net.clone(), self.policy.clone())
            .await
            .unwrap()
    }

    /// The wallet ends as by a kill, and is opened again.
    pub(crate) async fn reopen(&self, wallet: Wallet<Net>) -> Wallet<Net> {
        drop(wallet);
        self.open().await
    }

    pub(crate) fn paid_to(&self, number: u8) -> u64 {
        self.net.world().paid_to(&stranger(number))
    }
}

/// Every step at which a wallet can be killed.
pub(crate) const STEPS: [Step; 5] = [Step::Intended, Step::Built, Step::Stored, Step::Sent, Step::Noted];
