//! A Bitcoin chain whose miner is the test: blocks on demand, coins that anybody can spend, reorganisations.

use super::{BURST, within};
use bandex_exchange::{BitcoinAuth, BitcoinNode, FollowerOptions};
use bandex_rails::{Auth, Client, NodeOptions, RpcError, regtest};
use bandex_regtest::{Node, Settings};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_wallet::bitcoin::hashes::Hash as _;
use bandex_wallet::bitcoin::{
    Address, Amount, Block, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute,
    consensus, opcodes, transaction,
};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;

/// What a transaction made here pays as its fee, in satoshi: for some 300 virtual bytes at 10 satoshi each.
const FEE_SAT: u64 = 3_000;
/// After how many further blocks what was mined can be spent.
pub const MATURITY: u32 = 100;

/// A node, and what is known of its chain since the test began.
pub struct Chain {
    node: Node,
    client: Client,
    /// The height when the test began: somebody else's node may be at any.
    begun: u32,
    /// Coins that anybody can spend, the oldest first.
    free: Mutex<VecDeque<(OutPoint, u64)>>,
    /// Only one test at a time works on somebody else's node.
    _alone: Option<OwnedMutexGuard<()>>,
}

/// The script that lets anybody spend: one that is true.
fn anybody() -> ScriptBuf {
    ScriptBuf::builder().push_opcode(opcodes::OP_TRUE).into_script()
}

fn address(script: &ScriptBuf) -> String {
    Address::from_script(script, Network::Regtest.bitcoin()).unwrap().to_string()
}

impl Chain {
    /// The node that the environment names, or one of our own.
    pub async fn any() -> Self {
        Self::of(tokio::task::spawn_blocking(Node::any).await.unwrap().unwrap()).await
    }

    /// A node of our own, whatever the environment says: it can be stopped, reset, and told what to say of fees.
    pub async fn own(settings: Settings) -> Self {
        Self::of(tokio::task::spawn_blocking(move || Node::start(settings)).await.unwrap().unwrap()).await
    }

    async fn of(node: Node) -> Self {
        static TURN: Mutex<Option<std::sync::Arc<tokio::sync::Mutex<()>>>> = Mutex::new(None);
        let turn = TURN.lock().unwrap().get_or_insert_default().clone();
        let alone = if node.is_own() { None } else { Some(turn.lock_owned().await) };
        let client = Client::new(options(&node, Network::Regtest)).unwrap();
        let begun = u32::try_from(client.blockchain_info().await.unwrap().blocks).unwrap();
        let free = Mutex::default();
        Self { node, client, begun, free, _alone: alone }
    }

    /// Whether the node can be stopped and told what to say.
    pub const fn is_own(&self) -> bool {
        self.node.is_own()
    }

    /// The node as a process.
    pub const fn node(&mut self) -> &mut Node {
        &mut self.node
    }

    /// Asks the node.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// A client of the node for a wallet.
    pub fn wallet_client(&self) -> Client {
        Client::new(options(&self.node, Network::Regtest)).unwrap()
    }

    /// Where the node is, and its cookie.
    pub fn place(&self) -> (String, String) {
        (self.node.url().to_owned(), self.node.cookie().to_string_lossy().into_owned())
    }

    /// How an exchange follows the node in a test: it looks often.
    pub fn followed(&self) -> BitcoinNode {
        BitcoinNode {
            timeout: Duration::from_secs(10),
            follow: FollowerOptions {
                poll: BURST,
                backoff_max: Duration::from_millis(200),
                stalled_after: None,
                fee_every: BURST,
            },
            ..BitcoinNode::new(self.node.url(), BitcoinAuth::Cookie(self.node.cookie().to_owned()))
        }
    }

    /// The height when the test began, and that block's header.
    pub async fn beginning(&self) -> (u32, [u8; 80]) {
        let hash = self.client.block_hash(self.begun).await.unwrap();
        (self.begun, self.client.block_header(&hash).await.unwrap())
    }

    /// The height now.
    pub async fn height(&self) -> u32 {
        u32::try_from(self.client.blockchain_info().await.unwrap().blocks).unwrap()
    }

    /// The last block.
    pub async fn tip(&self) -> [u8; 32] {
        self.client.best_block_hash().await.unwrap()
    }

    /// Mines so many blocks with what waits; gives their hashes. What they earn anybody can spend.
    pub async fn mine(&self, blocks: u32) -> Vec<[u8; 32]> {
        let hashes = self.mine_to(blocks, &address(&anybody().to_p2wsh())).await;
        for hash in &hashes {
            let block = self.client.block(hash).await.unwrap();
            let coinbase = &block.txdata[0];
            let coin =
                (OutPoint { txid: coinbase.compute_txid(), vout: 0 }, coinbase.output[0].value.to_sat());
            self.free.lock().unwrap().push_back(coin);
        }
        hashes
    }

    /// The same, earning for somebody.
    pub async fn mine_to(&self, blocks: u32, address: &str) -> Vec<[u8; 32]> {
        regtest::generate(&self.client, blocks, address).await.unwrap()
    }

    /// Mines a block with just these transactions, whatever waits.
    pub async fn mine_only(&self, transactions: &[Transaction]) -> [u8; 32] {
        let to = address(&anybody().to_p2wsh());
        regtest::generate_block(&self.client, &to, transactions).await.unwrap()
    }

    /// Gives up the last `depth` blocks for as many empty ones and one more, so that all who follow see it.
    pub async fn reorganise(&self, depth: u32) {
        self.reorganise_with(depth, &[]).await;
    }

    /// The same with these transactions in the first new block.
    pub async fn reorganise_with(&self, depth: u32, transactions: &[Transaction]) {
        let from = self.height().await - depth + 1;
        let hash = self.client.block_hash(from).await.unwrap();
        regtest::invalidate_block(&self.client, &hash).await.unwrap();
        self.mine_only(transactions).await;
        for _ in 0..depth {
            self.mine_only(&[]).await;
        }
    }

    /// The ids of what waits for a block.
    pub async fn waiting(&self) -> Vec<Txid> {
        let ids: Vec<String> = self.client.call("getrawmempool", json!([])).await.unwrap();
        ids.iter().map(|id| id.parse().unwrap()).collect()
    }

    /// A transaction that waits.
    pub async fn transaction(&self, txid: Txid) -> Transaction {
        self.client.raw_transaction(&txid.to_byte_array(), None).await.unwrap()
    }

    /// What every output of the chain to a script comes to, in satoshi, spent or not.
    pub async fn paid_to(&self, script: &[u8]) -> u64 {
        self.outputs_to(script).await.iter().sum()
    }

    /// Each of them.
    pub async fn outputs_to(&self, script: &[u8]) -> Vec<u64> {
        let mut found = Vec::new();
        for height in self.begun + 1..=self.height().await {
            let hash = self.client.block_hash(height).await.unwrap();
            let block: Block = self.client.block(&hash).await.unwrap();
            let outputs = block.txdata.iter().flat_map(|transaction| &transaction.output);
            let to = outputs.filter(|output| output.script_pubkey.as_bytes() == script);
            found.extend(to.map(|output| output.value.to_sat()));
        }
        found
    }

    /// A transaction that pays these, out of coins that anybody can spend.
    ///
    /// # Panics
    /// None of them can be spent yet.
    pub fn gift(&self, outputs: &[(&[u8], u64)]) -> Transaction {
        let (coin, value) = self.free.lock().unwrap().pop_front().expect("a coin that anybody can spend");
        let mut output: Vec<TxOut> = outputs
            .iter()
            .map(|(script, satoshi)| TxOut {
                value: Amount::from_sat(*satoshi),
                script_pubkey: ScriptBuf::from_bytes(script.to_vec()),
            })
            .collect();
        let spent: u64 = outputs.iter().map(|(_, satoshi)| satoshi).sum();
        let change = Amount::from_sat(value - spent - FEE_SAT);
        output.push(TxOut { value: change, script_pubkey: anybody().to_p2wsh() });
        let mut witness = Witness::new();
        witness.push(anybody().into_bytes());
        let input = TxIn {
            previous_output: coin,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness,
        };
        Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![input],
            output,
        }
    }

    /// Sends a transaction into the mempool.
    pub async fn send(&self, transaction: &Transaction) -> Txid {
        Txid::from_byte_array(self.client.send_raw_transaction(transaction).await.unwrap())
    }

    /// What the node says of fees from now on, in satoshi for 1,000 virtual bytes. Only our own can be told.
    pub async fn set_fees(&self, estimate: u64, least: u64) {
        let btc = |satoshi: u64| json!(format!("{}.{:08}", satoshi / 100_000_000, satoshi % 100_000_000));
        self.client.call::<Value>("setestimate", json!([btc(estimate)])).await.unwrap();
        self.client.call::<Value>("setmempoolminfee", json!([btc(least)])).await.unwrap();
    }

    /// Waits until somebody's transaction waits for a block.
    pub async fn until_waiting(&self, what: &str) -> Vec<Txid> {
        within(what, async || Some(self.waiting().await).filter(|waiting| !waiting.is_empty())).await
    }
}

/// How a node is asked, as one of this network.
pub fn options(node: &Node, network: Network) -> NodeOptions {
    let auth = Auth::Cookie(node.cookie().to_owned());
    NodeOptions { url: node.url().to_owned(), auth, network, timeout: Duration::from_secs(10) }
}

/// Bitcoin Core's code for a block that it does not have.
const UNKNOWN: i64 = -5;

/// Brings the blocks that one node has and another has not to that one, as the network would.
///
/// # Errors
/// One of them does not answer.
///
/// # Panics
/// A block is refused.
pub async fn bring_blocks(from: &Client, to: &Client) -> Result<(), RpcError> {
    let mut hash = from.best_block_hash().await?;
    let mut missing = Vec::new();
    loop {
        match to.block_header(&hash).await {
            Ok(_) => break,
            Err(error) if error.code() == Some(UNKNOWN) => {}
            Err(error) => return Err(error),
        }
        let block: Block = from.block(&hash).await?;
        hash = block.header.prev_blockhash.to_byte_array();
        missing.push(block);
    }
    for block in missing.iter().rev() {
        let hex = consensus::encode::serialize_hex(block);
        let answer: Value = to.call("submitblock", json!([hex])).await?;
        assert!(matches!(answer.as_str(), None | Some("inconclusive" | "duplicate")), "{answer}");
    }
    Ok(())
}
