//! The payer's agent is killed again and again while it pays.

use bandex_sdk::{Durability, FileLane, now};
use bandex_tests::on_chain::{Chain, Party, Terms, Venue, WalletTerms, World, open_wallet, within};
use bandex_wallet::Status;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// How often it is killed.
const KILLS: usize = 100;
/// The most that is asked for at a time, in satoshi.
const CAP: u64 = 12_500;
const DEMANDS: u32 = 64;
const TOTAL: u64 = CAP * DEMANDS as u64;
/// What it says at the steps at which it is killed, in turn: as soon as it has begun, and at each step of a payment.
const STEPS: [&str; 6] = ["ready", "step=Intended", "step=Built", "step=Stored", "step=Sent", "step=Noted"];
/// How long it may live without coming to its step.
const LIFE: Duration = Duration::from_secs(30);

/// The agent's process. It goes with the test.
struct Payer {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Payer {
    fn start(world: &World, orders: &Path, wallet: &Path) -> Self {
        let (node, cookie) = world.chain.place();
        let mut child = Command::new(env!("CARGO_BIN_EXE_payer"))
            .args(["--url", &world.venue.url(), "--account", &world.buyer.account().to_string()])
            .args(["--seed", "2", "--orders"])
            .arg(orders)
            .arg("--wallet")
            .arg(wallet)
            .args(["--node", &node, "--cookie", &cookie])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Nobody listens any more to one that was killed.
            output.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        Self { child, lines }
    }

    /// Waits until it says something.
    async fn says(&mut self, what: &str) {
        let found = async { while !self.lines.recv().await.expect("it lives").contains(what) {} };
        assert!(timeout(LIFE, found).await.is_ok(), "it has come to {what}");
    }

    /// Kills it with SIGKILL and waits for its end.
    fn kill(&mut self) {
        assert_eq!(self.child.try_wait().unwrap(), None, "it ends by nobody's hand but ours");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the wallet had come to when it was killed.
async fn left_at(world: &World, wallet: &Path) -> String {
    let wallet = open_wallet(wallet, world.chain.wallet_client(), WalletTerms::default()).await;
    let payments = wallet.history().payments;
    let last = payments.iter().max_by_key(|payment| payment.demand);
    last.map_or("nothing", |last| match last.status {
        Status::Intent => "written down",
        Status::Signed => "signed",
        Status::Broadcast => "sent",
        Status::Confirmed { .. } => "in a block",
        _ => "else",
    })
    .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_killed_a_hundred_times_pays_every_demand_once() {
    let folder = TempDir::new().unwrap();
    let (orders, wallet) = (folder.path().join("orders.lane"), folder.path().join("wallet"));
    std::fs::create_dir(&wallet).unwrap();
    let chain = Chain::any().await;
    let venue = Venue::open(&chain, Terms::default()).await;
    let seller = Party::join(&venue, &chain, 1, WalletTerms::default()).await;
    let lane = FileLane::open(&orders, Durability::Process).unwrap();
    let buyer = Party::join_with(&venue, &chain, 2, WalletTerms::default(), lane).await;
    // The wallet that is killed is one of its own.
    let begun = {
        let mut opened = open_wallet(&wallet, chain.wallet_client(), WalletTerms::default()).await;
        let address = opened.new_address().await.unwrap();
        chain.mine_to(2, &address.to_string()).await;
        opened.sync(now()).await.unwrap();
        opened.balance().total()
    };
    let world = World::of(chain, venue, seller, buyer).await;
    world.seller.attend(&world.venue, None).await;
    let made = world.trade_within(TOTAL, Some(CAP)).await;
    let script = world.script(made).await;

    let is_settled = async || world.deal(made).await.state == "settled";
    let killing = async {
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        for kill in 0..KILLS {
            let mut payer = Payer::start(&world, &orders, &wallet);
            payer.says("ready").await;
            let step = STEPS[kill % STEPS.len()];
            if step != "ready" {
                tokio::select! {
                    () = payer.says(step) => {}
                    // There are no more steps.
                    () = within("the end", async || is_settled().await.then_some(())) => {}
                }
            }
            payer.kill();
            *left.entry(left_at(&world, &wallet).await).or_default() += 1;
        }
        (left, Payer::start(&world, &orders, &wallet))
    };
    let mining = world.mine_until("the deal to settle", made, |deal| deal.state == "settled");
    let ((left, mut payer), _) = tokio::join!(killing, mining);
    payer.kill();
    println!("where it was killed: {left:?}");
    assert_eq!(left.values().sum::<usize>(), KILLS);
    assert!(left.contains_key("sent") && left.len() > 1, "{left:?}");

    // Every demand was paid once: to the satoshi what is due, in outputs that are each a demand's.
    assert_eq!(world.chain.paid_to(&script).await, TOTAL);
    let mut opened = open_wallet(&wallet, world.chain.wallet_client(), WalletTerms::default()).await;
    opened.sync(now()).await.unwrap();
    let history = opened.history();
    let paid: Vec<_> = history.payments.iter().map(|payment| (payment.demand, payment.round)).collect();
    let demands: Vec<_> = (1..=DEMANDS).map(|demand| (demand, 0)).collect();
    assert_eq!(paid, demands);
    for payment in &history.payments {
        assert!(matches!(payment.status, Status::Confirmed { .. }), "{payment:?}");
        assert_eq!((payment.satoshi, payment.transactions.len()), (CAP, 1), "{payment:?}");
    }
    let fees: u64 = history.movements.iter().map(|movement| movement.fee).sum();
    assert_eq!(history.balance.total(), begun - TOTAL - fees);
    assert_eq!(world.seller.gained().await, i64::try_from(TOTAL).unwrap());
    assert_eq!(world.buyer.tokens().await.0, 200_000_000 + TOTAL * 1_000, "all tokens are delivered");
    let audited = world.end().await;
    assert_eq!(audited.payments, DEMANDS as usize);
}
