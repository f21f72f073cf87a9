//! The node goes away, is the wrong one, or does not know what the network knows.

use bandex_agent::{Agent, ChannelSource, Event};
use bandex_api::{Channel, Deal};
use bandex_rails::Client as NodeClient;
use bandex_regtest::Settings;
use bandex_sdk::{Client, MemoryLane, Options, Trader};
use bandex_spv::Network;
use bandex_spv::NetworkRules as _;
use bandex_tests::on_chain::{
    BURST, Chain, OTHER_MARKET, Party, Terms, Venue, WalletTerms, World, bring_blocks,
};
use bandex_tests::soon;
use bandex_tradechain::Keypair;
use bandex_tradechain::body::Place;
use bandex_types::{Price, Quantity, Side};
use bandex_wallet::{KeyCost, OpenError, Passphrase, Policy, Wallet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinSet;

fn is_settled(deal: &Deal) -> bool {
    deal.state == "settled"
}

fn included(deal: &Deal) -> u64 {
    bandex_tests::units(&deal.chain.as_ref().expect("it is paid on the chain").included) / 1_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_wait_for_a_node_that_is_started_again() {
    let chain = Chain::own(Settings::default()).await;
    let mut world = World::meet_on(chain, Terms::default(), WalletTerms::default()).await;
    world.attend().await;
    let made = world.trade(100_000).await;
    world.chain.until_waiting("the first payment").await;
    // An orderly end, then one by a power cut, each with a payment that no block has.
    for (payments, kill) in [(1, false), (2, true)] {
        if kill {
            world.chain.node().kill();
        } else {
            world.chain.node().stop();
        }
        world.venue.until_node("unreachable").await;
        let deal = world.deal(made).await;
        assert_eq!((deal.state.as_str(), deal.due.is_some()), ("open", true), "trading goes on");
        world.chain.node().start_again().unwrap();
        world.venue.until_node("ready").await;
        world.chain.until_waiting("the payment once more").await;
        let asked = |deal: &Deal| deal.due.is_some() && included(deal) == payments * 25_000;
        world.mine_until("the next demand", made, asked).await;
        world.chain.until_waiting("the next payment").await;
    }
    world.mine_until("the deal to settle", made, is_settled).await;
    world.must_be_settled(made).await;
    world.end().await;
}

async fn trader(venue: &Venue, seed: u8) -> (Trader, Keypair) {
    let client = Client::connect(&venue.rest().socket_url(), Options::default()).await.unwrap();
    let keypair = Keypair::from_seed(&[seed; 32]);
    let made = Trader::register(&client, venue.rest(), venue.markets(), keypair.clone(), MemoryLane).await;
    client.login(&keypair).await.unwrap();
    (made.unwrap(), keypair)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_another_network_is_told_and_stops_nothing_else() {
    let settings = Settings { network: Some("signet".to_owned()), ..Settings::default() };
    let chain = Chain::own(settings).await;
    let venue = Venue::begun_at(&chain, Terms::default(), 0, Network::Regtest.genesis_header()).await;
    let told = venue.until_node("wrong_network").await;
    assert_eq!(told.height, Some(0), "nothing of it was taken");
    assert!(told.node.detail.contains("signet") && told.node.detail.contains("regtest"), "{told:?}");

    // A wallet does not open with it, neither as it was made nor for that network.
    let (folder, passphrase) = (TempDir::new().unwrap(), Passphrase::new("p"));
    bandex_wallet::create(folder.path(), Network::Regtest, &passphrase, KeyCost::for_tests()).unwrap();
    for (network, is_node) in [(Network::Regtest, true), (Network::Signet, false)] {
        let node = chain.wallet_client();
        let opened = Wallet::open(folder.path(), network, &passphrase, node, Policy::default()).await;
        let error = opened.map(|_| ()).unwrap_err();
        let (right, text) = match &error {
            OpenError::Node(_) => (is_node, error.to_string()),
            OpenError::OtherNetwork { .. } => (!is_node, error.to_string()),
            _ => (false, error.to_string()),
        };
        assert!(right && text.contains("signet") && text.contains("regtest"), "{text}");
    }

    // What is not paid on the chain trades and settles.
    let (seller, _) = trader(&venue, 1).await;
    let (buyer, _) = trader(&venue, 2).await;
    venue.issue(seller.account(), 1_000_000).await;
    for account in [seller.account(), buyer.account()] {
        let change = serde_json::json!([{ "change": "set_limit", "account": account, "limit": "1000000" }]);
        venue.configure(change).await;
    }
    let mut agents = Vec::new();
    for trader in [&seller, &buyer] {
        let source = ChannelSource::new(trader.client().subscribe(Channel::Deals).await.unwrap());
        let (events, news) = unbounded_channel();
        let agent = Agent::new(trader.clone(), trader.clone(), trader.account(), Arc::clone(venue.markets()));
        tokio::spawn(agent.run(source, events));
        agents.push(news);
    }
    for (trader, side) in [(&seller, Side::Sell), (&buyer, Side::Buy)] {
        let order = Place::limit(OTHER_MARKET, side, Price::new(10), Quantity::new(100));
        trader.place(order).await.unwrap();
    }
    for mut news in agents {
        while !matches!(soon("the end", news.recv()).await, Some(Event::Settled { .. })) {}
    }
    assert_eq!(venue.bitcoin().await.node.state, "wrong_network");
    venue.close().await;
}

/// Brings the network's blocks to a node while it is connected.
fn connect(from: NodeClient, to: NodeClient, is_connected: Arc<AtomicBool>) -> JoinSet<()> {
    let mut task = JoinSet::new();
    task.spawn(async move {
        loop {
            if is_connected.load(Ordering::SeqCst) {
                // A node that is away is brought everything later.
                let _ = bring_blocks(&from, &to).await;
            }
            tokio::time::sleep(BURST).await;
        }
    });
    task
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_cut_off_from_the_longer_chain_delays_payments_and_loses_none() {
    // The network, where the traders are, and the exchange's own node.
    let network = Chain::own(Settings::default()).await;
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("node");
    let settings = Settings { folder: Some(data.clone()), ..Settings::default() };
    let mut own = Chain::own(settings).await;
    let is_connected = Arc::new(AtomicBool::new(true));
    let mut line = connect(network.wallet_client(), own.wallet_client(), Arc::clone(&is_connected));
    let venue = Venue::open(&own, Terms::default()).await;
    let seller = Party::join(&venue, &network, 1, WalletTerms::default()).await;
    let buyer = Party::join(&venue, &network, 2, WalletTerms::default()).await;
    let world = World::of(network, venue, seller, buyer).await;
    world.attend().await;
    let made = world.trade(100_000).await;
    world.chain.until_waiting("the first payment").await;

    // Alone it goes on with a block of its own, while the network has the payment three blocks deep.
    is_connected.store(false, Ordering::SeqCst);
    own.mine(1).await;
    world.venue.catches_up(&own).await;
    world.chain.mine(3).await;
    let deal = world.deal(made).await;
    assert_eq!((included(&deal), deal.due.is_some()), (0, true), "the exchange cannot know");
    is_connected.store(true, Ordering::SeqCst);
    world.venue.catches_up(&world.chain).await;
    let deal = world.until("the payment", made, |deal| included(deal) > 0).await;
    assert_eq!(included(&deal), 25_000);

    // A node that has lost its chain lies behind what the exchange knows already, and does not lead it back.
    let height = world.venue.bitcoin().await.height;
    is_connected.store(false, Ordering::SeqCst);
    own.node().stop();
    world.venue.until_node("unreachable").await;
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::create_dir(&data).unwrap();
    own.node().start_again().unwrap();
    let told = world.venue.until_node("behind").await;
    assert_eq!(told.height, height);
    is_connected.store(true, Ordering::SeqCst);
    world.venue.catches_up(&world.chain).await;
    world.mine_until("the deal to settle", made, is_settled).await;
    world.must_be_settled(made).await;
    line.shutdown().await;
    let audited = world.end().await;
    assert_eq!((audited.payments, audited.reorganisations), (4, 1));
}
