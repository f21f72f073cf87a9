//! Client and follower on a regtest node: our own, or the real one that `BANDEX_TEST_BITCOIND_URL` names.
//!
//! Each test watches scripts of its own and begins at the tip it finds, so a node that has a past will do too. Tests that
//! stop a node or prune it always start one of their own.

use bandex_rails::{
    Auth, Client, Exchange, Follower, FollowerOptions, Health, NodeError, NodeOptions, Observation, OutPoint,
    RpcError, SubmitError, check, regtest,
};
use bandex_regtest::{Node, Settings};
use bandex_spv::NetworkRules as _;
use bandex_spv::{Headers, Network, Proven, address, check_proof, prove, strip};
use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute, transaction};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch::Receiver;

const WAIT: Duration = Duration::from_secs(60);

fn options(node: &Node, network: Network) -> NodeOptions {
    let auth = Auth::Cookie(node.cookie().to_path_buf());
    NodeOptions { url: node.url().to_owned(), auth, network, timeout: Duration::from_secs(20) }
}

fn client(node: &Node) -> Client {
    Client::new(options(node, Network::Regtest)).expect("a client")
}

/// A script that anybody can spend who knows what it is a hash of, which differs by `tag` and by process.
fn open_script(tag: &str) -> (ScriptBuf, ScriptBuf) {
    let unique = format!("{tag} {}", std::process::id());
    let mut inner = vec![0x20];
    inner.extend(sha256::Hash::hash(unique.as_bytes()).to_byte_array());
    inner.extend([0x75, 0x51]);
    let inner = ScriptBuf::from_bytes(inner);
    (inner.to_p2wsh(), inner)
}

fn text(script: &ScriptBuf) -> String {
    address(Network::Regtest, script.as_bytes()).expect("a payable script")
}

/// Spends a coinbase of `from` to `to`, for a fee.
fn spend(coinbase: &Transaction, inner: &ScriptBuf, to: &ScriptBuf, fee_satoshi: u64) -> Transaction {
    let value = coinbase.output[0].value - Amount::from_sat(fee_satoshi);
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: bitcoin::OutPoint { txid: coinbase.compute_txid(), vout: 0 },
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::from_slice(&[inner.as_bytes()]),
        }],
        output: vec![TxOut { value, script_pubkey: to.clone() }],
    }
}

/// What an engine would have, begun at the node's tip.
struct Engine {
    headers: Headers,
    watched: Arc<BTreeMap<Vec<u8>, u32>>,
    payments: Vec<Proven>,
    disconnected: usize,
}

#[derive(Clone)]
struct Desk(Arc<Mutex<Engine>>);

impl Desk {
    async fn begin(client: &Client) -> Self {
        let hash = client.best_block_hash().await.expect("the tip");
        let header = client.block_header(&hash).await.expect("its header");
        let height = client.block_header_verbose(&hash).await.expect("its place").height;
        let height = u32::try_from(height).expect("a height");
        let headers = Headers::begin(Network::Regtest, height, header).expect("a valid header");
        Self(Arc::new(Mutex::new(Engine {
            headers,
            watched: Arc::default(),
            payments: vec![],
            disconnected: 0,
        })))
    }

    fn watch(&self, script: &ScriptBuf) {
        let mut engine = self.engine();
        let from = engine.headers.tip().0 + 1;
        let mut watched = BTreeMap::clone(&engine.watched);
        watched.insert(script.to_bytes(), from);
        engine.watched = Arc::new(watched);
    }

    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.0.lock().expect("no test panics while it holds it")
    }

    fn tip(&self) -> [u8; 32] {
        self.engine().headers.tip().1
    }

    fn payments(&self) -> usize {
        self.engine().payments.len()
    }
}

impl Exchange for Desk {
    fn headers<R>(&self, read: impl FnOnce(&Headers) -> R) -> R {
        read(&self.engine().headers)
    }

    fn watched(&self) -> Arc<BTreeMap<Vec<u8>, u32>> {
        Arc::clone(&self.engine().watched)
    }

    async fn submit(&self, observation: Observation) -> Result<(), SubmitError> {
        let mut engine = self.engine();
        match observation {
            Observation::Headers { headers, .. } => {
                let extended = engine.headers.extend(&headers).expect("headers that hold");
                engine.disconnected += extended.disconnected.len();
            }
            Observation::Payment { proof, transaction } => {
                let proven = check_proof(&engine.headers, &proof, &transaction).expect("a proof that holds");
                engine.payments.push(proven);
            }
        }
        Ok(())
    }
}

fn follow(node: &Node, desk: &Desk) -> (Follower<Client, Desk>, Receiver<Health>) {
    let options = FollowerOptions {
        poll: Duration::from_millis(20),
        backoff_max: Duration::from_millis(100),
        stalled_after: None,
        fee_every: Duration::from_secs(1),
    };
    Follower::new(client(node), desk.clone(), options)
}

async fn mine(client: &Client, script: &ScriptBuf, blocks: u32) -> Vec<[u8; 32]> {
    regtest::generate(client, blocks, &text(script)).await.expect("blocks")
}

#[tokio::test]
async fn every_call_gives_what_it_says() {
    let node = Node::any().expect("a node");
    let client = client(&node);
    check(&client, Network::Regtest).await.expect("a node that will do");
    assert_eq!(client.block_hash(0).await, Ok(Network::Regtest.genesis_hash()));
    let (script, inner) = open_script("calls");
    let hashes = mine(&client, &script, 2).await;
    mine(&client, &open_script("maturity").0, 100).await;
    let info = client.blockchain_info().await.expect("info");
    assert_eq!((info.chain.as_str(), info.blocks >= 102, info.pruned), ("regtest", true, false));
    assert!(client.network_info().await.expect("info").version >= 280_000);
    // A block, its header and its coinbase, each way to them.
    let header = client.block_header(&hashes[0]).await.expect("a header");
    let block = client.block(&hashes[0]).await.expect("a block");
    assert_eq!((bandex_spv::hash_of(&header), block.block_hash().to_byte_array()), (hashes[0], hashes[0]));
    let coinbase = &block.txdata[0];
    let txid = coinbase.compute_txid().to_byte_array();
    assert_eq!(client.raw_transaction(&txid, Some(&hashes[0])).await.as_ref(), Ok(coinbase));
    let proof = client.tx_out_proof(&txid, &hashes[0]).await;
    assert_eq!(proof.ok(), prove(&block, 0), "the proof is the one that the node gives");
    let of = OutPoint { txid, output: 0 };
    assert!(client.tx_out(of, true).await.expect("an answer").is_some());
    // A payment: refused, accepted, replaced, mined.
    let other = client.block(&hashes[1]).await.expect("a block").txdata[0].clone();
    let (to, _) = open_script("paid");
    let paid = spend(coinbase, &inner, &to, 1000);
    let paid_id = paid.compute_txid().to_byte_array();
    let unsigned = {
        let mut bare = paid.clone();
        bare.input[0].witness = Witness::new();
        bare
    };
    let refused = client.test_mempool_accept(&unsigned).await.expect("an answer").0;
    assert_eq!((refused.len(), refused[0].allowed), (1, false));
    assert!(matches!(client.send_raw_transaction(&unsigned).await, Err(RpcError::Rpc { code: -26, .. })));
    assert_eq!(client.mempool_entry(&paid_id).await.map_err(|error| error.code()).err(), Some(Some(-5)));
    assert!(client.test_mempool_accept(&paid).await.expect("an answer").0[0].allowed);
    assert_eq!(client.send_raw_transaction(&paid).await, Ok(paid_id));
    assert!(client.mempool_entry(&paid_id).await.expect("an entry").vsize > 80);
    assert_eq!(client.raw_transaction(&paid_id, None).await, Ok(paid.clone()));
    assert!(client.tx_out(of, true).await.expect("an answer").is_none(), "the mempool spends it");
    assert!(client.tx_out(of, false).await.expect("an answer").is_some());
    let dearer = spend(coinbase, &inner, &to, 5000);
    let dearer_id = client.send_raw_transaction(&dearer).await.expect("a replacement");
    assert_eq!(client.mempool_entry(&paid_id).await.map_err(|error| error.code()).err(), Some(Some(-5)));
    let with = spend(&other, &inner, &to, 2000);
    let mined = regtest::generate_block(&client, &text(&to), &[dearer.clone(), with]).await.expect("a block");
    let block = client.block(&mined).await.expect("it");
    let proof = client.tx_out_proof(&dearer_id, &mined).await.expect("a proof");
    assert_eq!(prove(&block, 1), Some(proof.clone()));
    let headers = Headers::begin(Network::Regtest, 7, client.block_header(&mined).await.expect("a header"));
    let proven = check_proof(&headers.expect("a begin"), &proof, &strip(&dearer)).expect("it holds");
    assert_eq!((proven.txid, proven.outputs[0].satoshi), (dearer_id, dearer.output[0].value.to_sat()));
    client.estimate_fee(6).await.expect("an estimate or none");
    // What is not there.
    assert_eq!(client.block(&[7; 32]).await.map_err(|error| error.code()), Err(Some(-5)));
    assert_eq!(client.block_hash(9_999_999).await.map_err(|error| error.code()), Err(Some(-8)));
    let nonsense = client.call::<String>("nonsense", serde_json::json!([])).await;
    assert_eq!(nonsense.map_err(|error| error.code()), Err(Some(-32601)));
    let mistyped = client.call::<u32>("getbestblockhash", serde_json::json!([])).await;
    assert!(matches!(mistyped, Err(RpcError::Malformed { .. })), "{mistyped:?}");
}

#[tokio::test]
async fn payments_and_reorganisations_are_seen() {
    let node = Node::start(Settings::default()).expect("a node");
    let client = client(&node);
    let (script, _) = open_script("followed");
    let (elsewhere, _) = open_script("elsewhere");
    mine(&client, &elsewhere, 3).await;
    let desk = Desk::begin(&client).await;
    desk.watch(&script);
    let (mut follower, health) = follow(&node, &desk);
    assert!(follower.pass().await, "{:?}", *health.borrow());
    let paid = mine(&client, &script, 1).await[0];
    let last = mine(&client, &elsewhere, 2).await[1];
    assert!(follower.pass().await, "{:?}", *health.borrow());
    assert_eq!((desk.tip(), desk.payments()), (last, 1));
    assert_eq!(desk.engine().payments[0].block, paid);
    // The node gives the payment up and goes another way, in the end further.
    regtest::invalidate_block(&client, &paid).await.expect("gone");
    mine(&client, &elsewhere, 2).await;
    assert!(follower.pass().await, "{:?}", *health.borrow());
    assert_eq!((desk.tip(), health.borrow().clone()), (last, Health::Behind { blocks: 1 }));
    let again = mine(&client, &script, 2).await;
    assert!(follower.pass().await, "{:?}", *health.borrow());
    assert_eq!((desk.tip(), desk.engine().disconnected), (again[1], 3));
    let blocks: Vec<_> = desk.engine().payments.iter().map(|payment| payment.block).collect();
    assert_eq!(blocks, [paid, again[0], again[1]]);
    // And back.
    regtest::invalidate_block(&client, &again[0]).await.expect("gone");
    regtest::reconsider_block(&client, &paid).await.expect("back");
    mine(&client, &elsewhere, 3).await;
    assert!(follower.pass().await, "{:?}", *health.borrow());
    assert_eq!((desk.tip(), desk.payments()), (client.best_block_hash().await.expect("the tip"), 3));
    assert_eq!(*health.borrow(), Health::Ready);
}

#[tokio::test]
async fn a_node_that_ends_and_comes_back_is_followed_on() {
    let mut node = Node::start(Settings::default()).expect("a node");
    let client = client(&node);
    let (script, _) = open_script("restarted");
    let desk = Desk::begin(&client).await;
    desk.watch(&script);
    let (follower, mut health) = follow(&node, &desk);
    let running = tokio::spawn(follower.run());
    let mut until = async |wanted: fn(&Health) -> bool| {
        tokio::time::timeout(WAIT, health.wait_for(wanted)).await.expect("in time").expect("it runs").clone()
    };
    until(|health| *health == Health::Ready).await;
    for orderly in [true, false] {
        let before = std::fs::read_to_string(node.cookie()).expect("a cookie");
        if orderly {
            node.stop()
        } else {
            node.kill()
        }
        let found = until(|health| matches!(health, Health::Unreachable { .. })).await;
        assert!(found.to_string().contains("since"), "{found}");
        node.start_again().expect("the same node");
        assert_ne!(std::fs::read_to_string(node.cookie()).expect("a cookie"), before);
        // The client has the old cookie still.
        mine(&client, &script, 1).await;
        until(|health| *health == Health::Ready).await;
    }
    let told = async {
        while desk.payments() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    };
    tokio::time::timeout(WAIT, told).await.expect("both payments");
    running.abort();
}

#[tokio::test]
async fn a_node_that_will_not_do_is_refused() {
    let settings = Settings { network: Some("signet".to_owned()), ..Settings::default() };
    let node = Node::start(settings).expect("a node");
    let client = client(&node);
    let wrong = NodeError::WrongNetwork { expected: Network::Regtest, found: "signet".to_owned() };
    assert_eq!(check(&client, Network::Regtest).await, Err(wrong));
    assert_eq!(check(&client, Network::Signet).await, Ok(()));
    // A wrong password, no file, nobody there.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("password");
    std::fs::write(&file, "wrong\n").expect("a file");
    let with = |auth: Auth, url: &str| {
        let options = NodeOptions { auth, url: url.to_owned(), ..options(&node, Network::Signet) };
        Client::new(options).expect("a client")
    };
    let auth = Auth::Password { user: "somebody".to_owned(), file };
    let found = with(auth, node.url()).best_block_hash().await;
    assert!(matches!(found, Err(RpcError::Unauthorized(_))), "{found:?}");
    let auth = Auth::Cookie(folder.path().join("none"));
    let found = with(auth, node.url()).best_block_hash().await;
    assert!(matches!(found, Err(RpcError::Unauthorized(_))), "{found:?}");
    let auth = Auth::Cookie(node.cookie().to_path_buf());
    let found = with(auth.clone(), "http://127.0.0.1:1").best_block_hash().await;
    assert!(matches!(found, Err(RpcError::Unreachable(_))), "{found:?}");
    // The cookie's two halves do as user and password too.
    let cookie = std::fs::read_to_string(node.cookie()).expect("a cookie");
    let (user, password) = cookie.split_once(':').expect("two halves");
    let file = folder.path().join("right");
    std::fs::write(&file, format!("{password}\n")).expect("a file");
    let auth = Auth::Password { user: user.to_owned(), file };
    assert_eq!(with(auth, node.url()).best_block_hash().await, Ok(Network::Signet.genesis_hash()));
}

#[tokio::test]
async fn a_pruned_block_is_named() {
    let settings = Settings { prune_keep_blocks: Some(5), ..Settings::default() };
    let node = Node::start(settings).expect("a node");
    let client = client(&node);
    let (script, _) = open_script("pruned");
    let desk = Desk::begin(&client).await;
    desk.watch(&script);
    let paid = mine(&client, &script, 1).await[0];
    // Regtest prunes nothing below a thousand blocks.
    mine(&client, &open_script("above").0, 1000).await;
    let last = mine(&client, &script, 1).await[0];
    client.call::<u32>("pruneblockchain", serde_json::json!([10])).await.expect("pruned");
    let (mut follower, health) = follow(&node, &desk);
    assert!(follower.pass().await, "{:?}", *health.borrow());
    assert_eq!(*health.borrow(), Health::Pruned { block: paid });
    let blocks: Vec<_> = desk.engine().payments.iter().map(|payment| payment.block).collect();
    assert_eq!(blocks, [last], "what follows is seen all the same");
}
