//! A miner on a regtest node, with coins to pay with.

use bandex_exchange::{BitcoinAuth, BitcoinNode, FollowerOptions};
use bandex_rails::{Client, regtest};
use bandex_regtest::{Node, Settings};
use bandex_spv::NetworkRules as _;
use bandex_spv::{Network, address, shown};
use bandex_tradechain::body::BitcoinTerms;
use bandex_types::BitcoinNetwork;
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute, transaction,
};
use std::time::Duration;
use tokio::task::block_in_place;

/// A coinbase can be spent after so many blocks.
const MATURITY: u32 = 100;
/// How many coins there are to pay with.
const COINS: u32 = 12;
const FEE: Amount = Amount::from_sat(1_000);

/// A node with a chain of its own, and coins that whoever knows `inner` can spend.
#[derive(Debug)]
pub struct Miner {
    node: Node,
    client: Client,
    inner: ScriptBuf,
    coins: Vec<(OutPoint, Amount)>,
}

/// How an exchange follows a node in a test: it looks often.
fn followed(node: &Node) -> BitcoinNode {
    let often = Duration::from_millis(50);
    let follow =
        FollowerOptions { poll: often, backoff_max: 4 * often, stalled_after: None, fee_every: often };
    let auth = BitcoinAuth::Cookie(node.cookie().to_path_buf());
    BitcoinNode { follow, timeout: Duration::from_secs(10), ..BitcoinNode::new(node.url(), auth) }
}

impl Miner {
    /// A new chain with coins that can be spent.
    ///
    /// # Panics
    /// There is no node; so for all below.
    pub async fn start() -> Self {
        let node = block_in_place(|| Node::start(Settings::default())).unwrap();
        let client = Client::new(followed(&node).options(Network::Regtest)).unwrap();
        // Whoever knows this preimage may spend: OP_DROP OP_TRUE behind 32 bytes.
        let inner = ScriptBuf::from_bytes([&[0x20][..], &[7; 32], &[0x75, 0x51]].concat());
        let mut miner = Self { node, client, inner, coins: Vec::new() };
        for hash in miner.mine(COINS).await {
            let block = miner.client.block(&hash).await.unwrap();
            let coinbase = block.txdata.first().unwrap();
            let coin = OutPoint { txid: coinbase.compute_txid(), vout: 0 };
            miner.coins.push((coin, coinbase.output.first().unwrap().value));
        }
        miner.mine(MATURITY).await;
        miner
    }

    /// A node of another network, with its first block alone.
    pub fn foreign(network: &str) -> (Node, BitcoinNode) {
        let settings = Settings { network: Some(network.to_owned()), ..Settings::default() };
        let node = block_in_place(|| Node::start(settings)).unwrap();
        let follow = followed(&node);
        (node, follow)
    }

    /// How an exchange follows the node.
    pub fn followed(&self) -> BitcoinNode {
        followed(&self.node)
    }

    /// The node's address and its cookie file, as a command line has them.
    pub fn options(&self) -> String {
        format!("--bitcoin-url {} --bitcoin-cookie {}", self.node.url(), self.node.cookie().display())
    }

    /// What an exchange begins its chain with.
    pub fn terms() -> BitcoinTerms {
        let header = Network::Regtest.genesis_header();
        BitcoinTerms { network: BitcoinNetwork::Regtest, height: 0, header }
    }

    /// Ends the node; its chain stays.
    pub fn stop(&mut self) {
        block_in_place(|| self.node.stop());
    }

    /// Starts it again where it was.
    pub fn start_again(&mut self) {
        block_in_place(|| self.node.start_again()).unwrap();
    }

    /// Mines blocks with all that waits; gives their hashes.
    pub async fn mine(&self, blocks: u32) -> Vec<[u8; 32]> {
        let own = address(Network::Regtest, self.inner.to_p2wsh().as_bytes()).unwrap();
        regtest::generate(&self.client, blocks, &own).await.unwrap()
    }

    /// Takes a block and all above it out of the chain, and puts so many empty ones in their place.
    pub async fn replace(&self, hash: &[u8; 32], blocks: u32) {
        regtest::invalidate_block(&self.client, hash).await.unwrap();
        let own = address(Network::Regtest, self.inner.to_p2wsh().as_bytes()).unwrap();
        for _ in 0..blocks {
            regtest::generate_block(&self.client, &own, &[]).await.unwrap();
        }
    }

    /// The height and hash of the last block, as people write it.
    pub async fn tip(&self) -> (u32, String) {
        let info = self.client.blockchain_info().await.unwrap();
        (u32::try_from(info.blocks).unwrap(), info.best_block_hash)
    }

    /// Says what the node estimates fees at from now on, in bitcoin for 1,000 virtual bytes.
    pub async fn set_fees(&self, rate: &str) {
        let rate: serde_json::Value = serde_json::from_str(rate).unwrap();
        self.client.call::<serde_json::Value>("setestimate", serde_json::json!([rate])).await.unwrap();
    }

    /// Sends a transaction that pays a script; gives its id as people write it. Some block has to take it.
    pub async fn pay(&mut self, script: &[u8], satoshi: u64) -> String {
        let (coin, value) = self.coins.pop().expect("there are coins for a test");
        let paid = Amount::from_sat(satoshi);
        let out = |value, script_pubkey| TxOut { value, script_pubkey };
        let transaction = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: coin,
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::from_slice(&[self.inner.as_bytes()]),
            }],
            output: vec![
                out(paid, ScriptBuf::from_bytes(script.to_vec())),
                out(value - paid - FEE, self.inner.to_p2wsh()),
            ],
        };
        shown(&self.client.send_raw_transaction(&transaction).await.unwrap())
    }
}
