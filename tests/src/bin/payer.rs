//! An agent that pays on the chain, as a process of its own for the tests to kill.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_agent::{Agent, ChannelSource, Hand, HandError, Keeper, Notary, OnChain, Policy};
use bandex_rails::{Auth, Client as NodeClient, NodeOptions};
use bandex_sdk::api::Channel;
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::tradechain::body::{Pay, Receive};
use bandex_sdk::types::{AccountId, BlockId, DealId};
use bandex_sdk::{Client, Options as ClientOptions, Rest, StoredOrders};
use bandex_spv::Network;
use bandex_tests::on_chain::{BURST, WalletTerms, open_wallet};
use clap::Parser;
use std::io::{Read, stdin};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Parser)]
struct Arguments {
    /// The exchange.
    #[arg(long)]
    url: String,
    /// The account that pays.
    #[arg(long)]
    account: AccountId,
    /// The byte that its key is made of.
    #[arg(long)]
    seed: u8,
    /// The lane of its orders.
    #[arg(long)]
    orders: PathBuf,
    /// The wallet's folder.
    #[arg(long)]
    wallet: PathBuf,
    /// The node.
    #[arg(long)]
    node: String,
    /// Its cookie.
    #[arg(long)]
    cookie: PathBuf,
}

/// Who pays on the chain signs nothing for it.
#[derive(Debug, Clone, Copy)]
struct NoHand;

fn nothing() -> HandError {
    HandError::Broken("nothing is signed here".to_owned())
}

impl Hand for NoHand {
    async fn pay(&self, _pay: Pay) -> Result<u64, HandError> {
        Err(nothing())
    }

    async fn acknowledge(&self, _proposal: BlockId) -> Result<u64, HandError> {
        Err(nothing())
    }

    async fn receive(&self, _receive: Receive) -> Result<u64, HandError> {
        Err(nothing())
    }

    fn last_pay(&self, _deal: &DealId) -> Option<Pay> {
        None
    }
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    std::thread::spawn(|| {
        // Whoever started it is gone.
        let _ = stdin().read(&mut [0]);
        std::process::exit(0);
    });
    // The wallet's steps, for whoever wants to end it at one.
    let filter = EnvFilter::new("bandex_wallet=debug");
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).without_time().init();
    let node = NodeClient::new(NodeOptions {
        url: arguments.node,
        auth: Auth::Cookie(arguments.cookie),
        network: Network::Regtest,
        timeout: Duration::from_secs(10),
    });
    let wallet = open_wallet(&arguments.wallet, node.unwrap(), WalletTerms::default()).await;
    let keeper = Keeper::new(wallet);
    let rest = Rest::new(arguments.url).unwrap();
    let markets = Arc::new(rest.markets().await.unwrap());
    let keypair = Keypair::from_seed(&[arguments.seed; 32]);
    let client = Client::connect(&rest.socket_url(), ClientOptions::default()).await.unwrap();
    let notary = Notary { node: markets.node, network: client.network() };
    client.login(&keypair).await.unwrap();
    let source = ChannelSource::new(client.subscribe(Channel::Deals).await.unwrap());
    let evidence = Arc::new(rest.signed(&keypair, &markets).await.unwrap());
    let coins = OnChain { coins: Arc::new(keeper.clone()), evidence, notary };
    let orders = vec![StoredOrders::new(arguments.orders)];
    let policy = Policy { margin: Duration::from_millis(200), recheck: BURST, ..Policy::default() };
    let agent = Agent::new(NoHand, orders, arguments.account, markets).with_policy(policy).with_coins(coins);
    let (events, mut news) = mpsc::unbounded_channel();
    tokio::spawn(async move { keeper.keep(BURST).await });
    tokio::spawn(agent.run(source, events));
    println!("ready");
    while let Some(event) = news.recv().await {
        println!("{event:?}");
    }
}
