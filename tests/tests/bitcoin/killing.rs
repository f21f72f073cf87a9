//! The payer's agent is killed again and again while it pays.

use bandex_sdk::{Durability, FileLane, now};
use bandex_tests::on_chain::{Chain, Party, Terms, Venue, WalletTerms, World, open_wallet};
use bandex_wallet::Status;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// How often it is killed.
const KILLS: u32 = 100;
/// What is paid, in satoshi: forty payments.
const TOTAL: u64 = 1_000_000;
/// The longest that it lives between two kills, in milliseconds: as long as it takes to start and to pay once or twice.
const LIFE_MS: u32 = 320;

/// The agent's process. It goes with the test.
struct Payer(Child);

impl Payer {
    /// Kills it with SIGKILL and waits for its end.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(world: &World, orders: &Path, wallet: &Path) -> Payer {
    let (node, cookie) = world.chain.place();
    let child = Command::new(env!("CARGO_BIN_EXE_payer"))
        .arg("--url")
        .arg(world.venue.url())
        .arg("--account")
        .arg(world.buyer.account().to_string())
        .args(["--seed", "2", "--orders"])
        .arg(orders)
        .arg("--wallet")
        .arg(wallet)
        .args(["--node", &node, "--cookie", &cookie])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    Payer(child.unwrap())
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
    let made = world.trade(TOTAL).await;
    let script = world.script(made).await;

    let killed = AtomicU32::new(0);
    let killing = async {
        let mut left: BTreeMap<String, u32> = BTreeMap::new();
        for kill in 0..KILLS {
            let mut child = start(&world, &orders, &wallet);
            // Each time it lives for another while, so that the end comes at every step of its work.
            tokio::time::sleep(Duration::from_millis(u64::from(kill * 37 % LIFE_MS))).await;
            assert_eq!(child.0.try_wait().unwrap(), None, "it ends by nobody's hand but ours");
            child.kill();
            killed.store(kill + 1, Ordering::SeqCst);
            *left.entry(left_at(&world, &wallet).await).or_default() += 1;
        }
        (left, start(&world, &orders, &wallet))
    };
    let mining = world.mine_until("the deal to settle", made, |deal| deal.state == "settled");
    let ((left, mut child), _) = tokio::join!(killing, mining);
    child.kill();
    assert_eq!(killed.load(Ordering::SeqCst), KILLS);
    println!("where it was killed: {left:?}");
    assert!(left.len() > 1, "{left:?}");

    // Every demand was paid once: to the satoshi what is due, in outputs that are each a demand's.
    assert_eq!(world.chain.paid_to(&script).await, TOTAL);
    let mut opened = open_wallet(&wallet, world.chain.wallet_client(), WalletTerms::default()).await;
    opened.sync(now()).await.unwrap();
    let history = opened.history();
    let paid: Vec<_> = history.payments.iter().map(|payment| (payment.demand, payment.round)).collect();
    let demands: Vec<_> = (1..=40).map(|demand| (demand, 0)).collect();
    assert_eq!(paid, demands);
    for payment in &history.payments {
        assert!(matches!(payment.status, Status::Confirmed { .. }), "{payment:?}");
        assert_eq!((payment.satoshi, payment.transactions.len()), (TOTAL / 40, 1), "{payment:?}");
    }
    let fees: u64 = history.movements.iter().map(|movement| movement.fee).sum();
    assert_eq!(history.balance.total(), begun - TOTAL - fees);
    assert_eq!(world.seller.gained().await, i64::try_from(TOTAL).unwrap());
    assert_eq!(world.buyer.tokens().await.0, 200_000_000 + TOTAL * 1_000, "all tokens are delivered");
    let audited = world.end().await;
    assert_eq!(audited.payments, 40);
}
