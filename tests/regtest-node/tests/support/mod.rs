//! A node in a process of its own, called over HTTP, and keys that pay.
//!
//! With `BANDEX_TEST_BITCOIND` set to the path of a real `bitcoind`, each test runs on that instead: the same test on
//! both is what says that this node answers as Core does.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::panic, reason = "what goes wrong here fails a test")]

pub mod http;
pub mod key;
pub mod plain;

use bitcoin::consensus::encode::{deserialize_hex, serialize_hex};
use bitcoin::{Block, OutPoint, Transaction, TxOut, Txid};
use http::Reply;
pub use key::Key;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running node.
pub struct Daemon {
    child: Child,
    pub address: String,
    pub cookie: PathBuf,
    pub credentials: String,
    folder: PathBuf,
    options: Vec<String>,
    _temporary: Option<tempfile::TempDir>,
}

/// An error of a call.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: i64,
    pub message: String,
}

/// Whether the tests run on a real bitcoind.
pub fn is_bitcoind() -> bool {
    std::env::var_os("BANDEX_TEST_BITCOIND").is_some()
}

impl Daemon {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a node in a fresh folder with options by their names here, such as `--prune`.
    pub fn with(options: &[&str]) -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut daemon = Self::on(temporary.path(), options);
        daemon._temporary = Some(temporary);
        daemon
    }

    /// Starts this node even where the tests run on a real bitcoind.
    pub fn own() -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut daemon = start_own(temporary.path(), Vec::new());
        daemon._temporary = Some(temporary);
        daemon
    }

    fn on(folder: &Path, options: &[&str]) -> Self {
        let options = options.iter().map(|one| (*one).to_owned()).collect();
        match std::env::var_os("BANDEX_TEST_BITCOIND") {
            Some(bitcoind) => start_bitcoind(&PathBuf::from(bitcoind), folder, options),
            None => start_own(folder, options),
        }
    }

    /// Ends the node in an orderly way and starts it again on the same folder.
    pub fn restart(mut self) -> Self {
        self.call("stop", json!([])).expect("stop");
        self.child.wait().expect("the end");
        self.again()
    }

    /// Kills the node and starts it again on the same folder.
    pub fn kill_and_restart(mut self) -> Self {
        self.child.kill().expect("kill");
        self.child.wait().expect("the end");
        self.again()
    }

    fn again(mut self) -> Self {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let mut next = Self::on(&self.folder, &options);
        next._temporary = self._temporary.take();
        next
    }

    pub fn post(&self, body: &str) -> Reply {
        http::request(&self.address, "POST", Some(&self.credentials), body)
    }

    pub fn call(&self, method: &str, params: Value) -> Result<Value, Refusal> {
        let reply = self.post(&json!({"id": 1, "method": method, "params": params}).to_string());
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("{reply:?}"));
        match &body["error"] {
            Value::Null => Ok(body["result"].clone()),
            error => Err(Refusal {
                status: reply.status,
                code: error["code"].as_i64().expect("a code"),
                message: error["message"].as_str().expect("a message").to_owned(),
            }),
        }
    }

    /// A call that must succeed.
    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.call(method, params.clone()).unwrap_or_else(|error| panic!("{method} {params}: {error:?}"))
    }

    /// The code and the message of a call that must fail.
    pub fn refusal(&self, method: &str, params: Value) -> (i64, String) {
        let refusal = match self.call(method, params.clone()) {
            Err(refusal) => refusal,
            Ok(result) => panic!("{method} {params}: {result}"),
        };
        (refusal.code, refusal.message)
    }

    /// Mines blocks that pay to a key; their hashes.
    pub fn mine(&self, count: u32, key: &Key) -> Vec<String> {
        let hashes = self.ask("generatetoaddress", json!([count, key.address().to_string()]));
        hashes
            .as_array()
            .expect("hashes")
            .iter()
            .map(|hash| hash.as_str().expect("a hash").to_owned())
            .collect()
    }

    pub fn height(&self) -> u64 {
        self.ask("getblockcount", json!([])).as_u64().expect("a height")
    }

    pub fn tip(&self) -> String {
        self.ask("getbestblockhash", json!([])).as_str().expect("a hash").to_owned()
    }

    pub fn block(&self, hash: &str) -> Block {
        deserialize_hex(self.ask("getblock", json!([hash, 0])).as_str().expect("hex")).expect("a block")
    }

    /// Mines `count` blocks to a key and 100 to another, so that `count` coins of the key may be spent.
    pub fn fund(&self, key: &Key, count: u32) -> Vec<(OutPoint, TxOut)> {
        let hashes = self.mine(count, key);
        self.mine(100, &Key::new(250));
        hashes
            .iter()
            .map(|hash| {
                let coinbase = self.block(hash).txdata.remove(0);
                (OutPoint::new(coinbase.compute_txid(), 0), coinbase.output[0].clone())
            })
            .collect()
    }

    pub fn send(&self, transaction: &Transaction) -> Result<Value, Refusal> {
        self.call("sendrawtransaction", json!([serialize_hex(transaction)]))
    }

    /// Sends a transaction that must be taken.
    pub fn sent(&self, transaction: &Transaction) -> Txid {
        let txid = self.send(transaction).unwrap_or_else(|error| panic!("{error:?}"));
        txid.as_str().expect("a txid").parse().expect("a txid")
    }

    pub fn mempool(&self) -> Vec<Txid> {
        let txids = self.ask("getrawmempool", json!([]));
        let mut txids: Vec<Txid> = serde_json::from_value(txids).expect("txids");
        txids.sort_unstable();
        txids
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_own(folder: &Path, options: Vec<String>) -> Daemon {
    let mut child = Command::new(env!("CARGO_BIN_EXE_bandex-regtest-node"))
        .args(["--end-with-stdin", "--datadir"])
        .arg(folder)
        .args(&options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the node starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("one JSON line");
    let cookie = PathBuf::from(ready["cookie"].as_str().expect("a cookie file"));
    let credentials = std::fs::read_to_string(&cookie).expect("a cookie");
    let address = format!("127.0.0.1:{}", ready["port"]);
    Daemon { child, address, cookie, credentials, folder: folder.to_owned(), options, _temporary: None }
}

fn start_bitcoind(bitcoind: &Path, folder: &Path, options: Vec<String>) -> Daemon {
    let network = options.windows(2).find(|pair| pair[0] == "--network").map_or("regtest", |pair| &pair[1]);
    let pruned = options.iter().any(|one| one == "--prune");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("a port").port();
    drop(socket);
    let child = Command::new(bitcoind)
        .arg(format!("-datadir={}", folder.display()))
        .arg(format!("-chain={network}"))
        .args(["-server", "-listen=0", "-connect=0", "-dnsseed=0", "-printtoconsole=0", "-fastprune"])
        .args(["-minrelaytxfee=0.00001", "-incrementalrelayfee=0.00001", "-blockmintxfee=0.00001"])
        .arg(if pruned { "-prune=1" } else { "-txindex=1" })
        .args(options.windows(2).filter(|pair| pair[0] == "--persist-mempool").map(|_| "-persistmempool=0"))
        .arg(format!("-rpcport={port}"))
        .spawn()
        .expect("bitcoind starts");
    let folder_of_network = if network == "main" { folder.to_owned() } else { folder.join(network) };
    let cookie = folder_of_network.join(".cookie");
    let address = format!("127.0.0.1:{port}");
    let mut daemon = Daemon {
        child,
        address,
        cookie,
        credentials: String::new(),
        folder: folder.to_owned(),
        options,
        _temporary: None,
    };
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < PATIENCE, "bitcoind does not answer");
        std::thread::sleep(Duration::from_millis(50));
        let Ok(credentials) = std::fs::read_to_string(&daemon.cookie) else { continue };
        daemon.credentials = credentials;
        if std::net::TcpStream::connect(&daemon.address).is_ok() && daemon.call("uptime", json!([])).is_ok() {
            return daemon;
        }
    }
}
