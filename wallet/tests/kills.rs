//! A process that pays from a wallet is killed a hundred times, on a node with Bitcoin Core's consensus code, while
//! blocks come and are undone: afterwards the script holds exactly what was asked for.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_rails::{Auth, Client, NodeOptions, regtest};
use bandex_regtest::Node;
use bandex_spv::{Network, address};
use bandex_types::Timestamp;
use bandex_wallet::bitcoin::Txid;
use bandex_wallet::{History, KeyCost, Passphrase, Policy, Status, Wallet, create};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const KILLS: u32 = 100;
const TRANCHE: u64 = 25_000;
const COINS: u32 = 24;
/// How long the last process may take to finish.
const WAIT: Duration = Duration::from_secs(120);

struct Rig {
    node: Node,
    client: Client,
    folder: tempfile::TempDir,
    script: Vec<u8>,
    /// Where blocks pay to when they are nobody's matter.
    elsewhere: String,
}

fn client(node: &Node) -> Client {
    Client::new(NodeOptions {
        url: node.url().to_owned(),
        auth: Auth::Cookie(node.cookie().to_owned()),
        network: Network::Regtest,
        timeout: NodeOptions::TIMEOUT,
    })
    .unwrap()
}

impl Rig {
    /// A wallet with mined coins that can be spent.
    async fn new() -> Self {
        let node = Node::any().unwrap();
        let client = client(&node);
        let folder = tempfile::tempdir().unwrap();
        // A pay-to-witness script of a hash that is this test's alone: an outside node may hold older payments.
        let fresh: [u8; 20] = rand_bytes(folder.path());
        let script = [&[0x00, 0x14], fresh.as_slice()].concat();
        let elsewhere = address(Network::Regtest, &[&[0x00, 0x14], [9; 20].as_slice()].concat()).unwrap();
        create(folder.path(), Network::Regtest, &Passphrase::new("test"), KeyCost::for_tests()).unwrap();
        let rig = Self { node, client, folder, script, elsewhere };
        let mut wallet = rig.wallet().await;
        let own = wallet.new_address().await.unwrap().to_string();
        drop(wallet);
        regtest::generate(&rig.client, COINS, &own).await.unwrap();
        regtest::generate(&rig.client, 100, &rig.elsewhere).await.unwrap();
        rig
    }

    async fn wallet(&self) -> Wallet<Client> {
        let passphrase = Passphrase::new("test");
        let node = client(&self.node);
        Wallet::open(self.folder.path(), Network::Regtest, &passphrase, node, Policy::default())
            .await
            .unwrap()
    }

    fn start(&self, last: u32) -> Child {
        Command::new(env!("CARGO_BIN_EXE_wallet_pays"))
            .args([self.folder.path(), Path::new(self.node.url()), self.node.cookie()])
            .arg(hex::encode(&self.script))
            .arg(last.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    async fn mine(&self, blocks: u32) {
        regtest::generate(&self.client, blocks, &self.elsewhere).await.unwrap();
    }

    /// Undoes the last blocks and makes one more in their place; what they held waits again.
    async fn reorganise(&self, depth: u32) {
        let (height, _) = self.tip().await;
        let first = self.client.block_hash(height - depth + 1).await.unwrap();
        regtest::invalidate_block(&self.client, &first).await.unwrap();
        // To another address at each depth: Core refuses the very block that was just declared invalid.
        let other = self.other_address(height);
        regtest::generate(&self.client, depth + 1, &other).await.unwrap();
    }

    /// An address that differs from block to block.
    fn other_address(&self, height: u32) -> String {
        let mut script = vec![0, 20];
        script.extend(height.to_be_bytes().repeat(5));
        bandex_spv::address(Network::Regtest, &script).unwrap()
    }

    async fn tip(&self) -> (u32, [u8; 32]) {
        let info = self.client.blockchain_info().await.unwrap();
        (u32::try_from(info.blocks).unwrap(), self.client.best_block_hash().await.unwrap())
    }

    /// What the active chain pays to the script, block by block, and in how many transactions.
    async fn paid(&self) -> (u64, BTreeSet<Txid>) {
        let (mut sum, mut transactions) = (0, BTreeSet::new());
        for height in 0..=self.tip().await.0 {
            let hash = self.client.block_hash(height).await.unwrap();
            for transaction in self.client.block(&hash).await.unwrap().txdata {
                for output in &transaction.output {
                    if output.script_pubkey.as_bytes() == self.script {
                        sum += output.value.to_sat();
                        transactions.insert(transaction.compute_txid());
                    }
                }
            }
        }
        (sum, transactions)
    }

    async fn history(&self) -> History {
        let mut wallet = self.wallet().await;
        wallet.sync(Timestamp::EARLIEST_PLAUSIBLE).await.unwrap();
        wallet.history()
    }
}

fn rand_bytes(seed: &Path) -> [u8; 20] {
    let mut bytes = [0; 20];
    // The folder's name is of chance, and no two tests share it.
    seed.to_string_lossy().bytes().rev().zip(&mut bytes).for_each(|(from, to)| *to = from);
    bytes
}

/// Xorshift (Marsaglia 2003), the same numbers every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[tokio::test]
async fn a_hundred_kills_pay_nothing_twice() {
    let rig = Rig::new().await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for kill in 0..KILLS {
        let mut child = rig.start(u32::MAX);
        let mut said = BufReader::new(child.stdout.take().unwrap());
        if dice.roll(4) > 0 {
            // Its first word: it goes on to the next tranche now.
            assert!(said.read_line(&mut String::new()).unwrap() > 0, "kill {kill}: it ended by itself");
        }
        // Chance, not synchronisation: any moment is as good.
        thread::sleep(Duration::from_millis(dice.roll(60)));
        child.kill().unwrap();
        child.wait().unwrap();
        match dice.roll(4) {
            0 => (),
            1 if kill > 10 => rig.reorganise(1 + u32::try_from(dice.roll(3)).unwrap()).await,
            _ => rig.mine(1).await,
        }
    }
    let killed = rig.history().await;
    let begun = killed.payments.iter().map(|payment| payment.demand).max().unwrap_or_default();
    assert!(begun > 20, "only {begun} demands were begun: the kills hit nothing");
    let last = begun + 3;
    let mut child = rig.start(last);
    // It must not wait for somebody to listen.
    let said = child.stdout.take().unwrap();
    thread::spawn(move || BufReader::new(said).lines().count());
    let until = Instant::now() + WAIT;
    let status = loop {
        rig.mine(1).await;
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("not done after {WAIT:?}: {:#?}", rig.history().await.payments);
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(status.success(), "{status}");
    let (sum, transactions) = rig.paid().await;
    assert_eq!(sum, u64::from(last) * TRANCHE, "{transactions:?}");
    explain(&rig.history().await, &transactions, last);
}

/// Every transaction that the chain holds is in the wallet's history, and the history is the balance.
fn explain(history: &History, transactions: &BTreeSet<Txid>, last: u32) {
    let mined = history.movements.iter().filter(|one| one.paid.is_some() && one.height.is_some());
    assert_eq!(&mined.clone().map(|one| one.txid).collect::<BTreeSet<_>>(), transactions);
    let demands: BTreeSet<u32> = mined.filter_map(|one| one.paid.map(|(_, demand, _)| demand)).collect();
    assert_eq!(demands, (1..=last).collect());
    let (mut received, mut sent) = (0, 0);
    history.movements.iter().for_each(|one| (received, sent) = (received + one.received, sent + one.sent));
    assert_eq!(received - sent, history.balance.total());
    let bumped = history.payments.iter().filter(|payment| payment.transactions.len() > 1).count();
    println!("{last} tranches in {} transactions, {bumped} of them raised", transactions.len());
    for payment in &history.payments {
        assert!(matches!(payment.status, Status::Confirmed { .. } | Status::Lapsed), "{payment:?}");
    }
}
