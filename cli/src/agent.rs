//! `bandex agent`: settles an account's deals by itself.

use crate::account::Account;
use crate::bitcoin::Node;
use crate::wallet::Place;
use crate::{output, serve};
use anyhow::{Context, Result};
use bandex_agent::{Agent, ChannelSource, Event, Keeper, Notary, OnChain, Policy};
use bandex_rails::Client as BitcoinClient;
use bandex_sdk::api::Channel;
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::types::Amount;
use bandex_sdk::{AccountRest, AssetInfo, Client, Markets, Options as ClientOptions, Rest, StoredOrders};
use bandex_spv::Network;
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How `bandex agent` is called.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    /// The lane files of the keys that place the account's orders, where they are not this key's own. A deal over an
    /// order in none of them is not paid.
    #[arg(long, value_name = "FILE")]
    orders: Vec<PathBuf>,
    /// The largest tranche it pays, in BTC.
    #[arg(long, value_name = "AMOUNT")]
    largest_tranche: Option<String>,
    /// The most that a counterparty may owe in one deal, in BTC.
    #[arg(long, value_name = "AMOUNT")]
    largest_exposure: Option<String>,
    #[command(flatten)]
    coins: Coins,
    /// Print every event as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// The wallet for deals that are paid on the Bitcoin chain, and what it may do unasked.
#[derive(Debug, Args)]
struct Coins {
    /// The folder of a wallet that `bandex wallet new` made; without it deals on the chain run into their deadlines.
    #[arg(long, value_name = "DIR", env = "BANDEX_WALLET")]
    wallet: Option<PathBuf>,
    /// A file with the wallet's passphrase; it is asked for otherwise.
    #[arg(long, value_name = "FILE", env = "BANDEX_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    node: Node,
    /// The most that is paid on the chain in 24 hours, in satoshi.
    #[arg(long, value_name = "SAT")]
    per_day: Option<u64>,
    /// The most that is paid on the chain to one counterparty: what is not final, and what was paid in 24 hours.
    #[arg(long, value_name = "SAT")]
    per_counterparty: Option<u64>,
    /// The largest fee rate, in satoshi per 1,000 virtual bytes.
    #[arg(long, value_name = "SAT", default_value_t = bandex_wallet::Policy::default().largest_fee_rate)]
    largest_fee_rate: u64,
    /// How many seconds before its deadline a payment is no longer begun.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    payment_margin_s: u64,
    /// Take a payment back that is in no block so shortly before its deadline.
    #[arg(long)]
    give_up: bool,
}

/// How often the wallet looks at the chain and at its fees.
const WALLET_LOOK: Duration = Duration::from_secs(5);

impl Coins {
    /// The wallet at work, if there is one.
    async fn open(&self, network: Option<Network>) -> Result<Option<Keeper<BitcoinClient>>> {
        let Some(folder) = &self.wallet else { return Ok(None) };
        let network = network.context("the exchange follows no Bitcoin chain, so no wallet is needed")?;
        let policy = bandex_wallet::Policy {
            per_counterparty: self.per_counterparty,
            per_day: self.per_day,
            largest_fee_rate: self.largest_fee_rate,
            margin_us: self.payment_margin_s.saturating_mul(1_000_000),
            gives_up: self.give_up,
            ..bandex_wallet::Policy::default()
        };
        let passphrase_file = self.passphrase_file.clone();
        let place = Place { wallet: folder.clone(), network, passphrase_file };
        Ok(Some(Keeper::new(place.open(&self.node, policy).await?)))
    }
}

fn amount(markets: &Markets, text: Option<&String>) -> Result<Option<Amount>> {
    let Some(text) = text else { return Ok(None) };
    let btc: &AssetInfo = markets.asset("BTC").context("BTC is not listed")?;
    Ok(Some(btc.scale.parse(text)?))
}

/// By what right the agent reads for as long as it works: each request is signed. The token of a login would end after a
/// day, and with the server, and an agent that cannot ask for evidence does not pay, which is a default in the end.
async fn reads(rest: &Rest, keypair: &Keypair, markets: &Markets) -> Result<AccountRest> {
    Ok(rest.signed(keypair, markets).await?)
}

/// Runs `bandex agent` until it is interrupted.
///
/// # Errors
/// The exchange cannot be reached, does not know the key, or the lane is broken.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let markets = Arc::new(session.markets);
    let policy = Policy {
        largest_tranche: amount(&markets, options.largest_tranche.as_ref())?,
        largest_exposure: amount(&markets, options.largest_exposure.as_ref())?,
        ..Policy::default()
    };
    let client = Client::connect(&session.rest.socket_url(), ClientOptions::default()).await?;
    client.login(&session.keypair).await?;
    let deals = client.subscribe(Channel::Deals).await?;
    let reads = reads(&session.rest, &session.keypair, &markets).await?;
    let notary = Notary { node: markets.node, network: markets.network };
    let (hand, account) = (session.trader.clone(), session.trader.account());
    let agent = if options.orders.is_empty() {
        Agent::new(hand, session.trader, account, markets)
    } else {
        let orders: Vec<_> = options.orders.into_iter().map(StoredOrders::new).collect();
        Agent::new(hand, orders, account, markets)
    };
    let network = session.rest.bitcoin().await?.network.map(|name| name.parse()).transpose()?;
    let keeper = options.coins.open(network).await?;
    let evidence = Arc::new(reads.clone());
    let agent = match &keeper {
        Some(keeper) => agent.with_coins(OnChain { coins: Arc::new(keeper.clone()), evidence, notary }),
        None => agent,
    };
    let (events, mut news) = mpsc::unbounded_channel();
    let source = ChannelSource::new(deals).with_rest(reads);
    let working = tokio::spawn(agent.with_policy(policy).run(source, events));
    let _keeping = keeper.as_ref().map(|keeper| {
        let keeper = keeper.clone();
        AbortOnDrop(tokio::spawn(async move { keeper.keep(WALLET_LOOK).await }))
    });
    let coins = if keeper.is_some() { "on the Bitcoin chain coins move" } else { "no coin moves" };
    eprintln!("settling the deals of {account}; attested payments are signed only, {coins}");
    loop {
        let event = tokio::select! {
            event = news.recv() => event,
            () = serve::wait_for_signal() => return Ok(ExitCode::SUCCESS),
        };
        match event {
            Some(event) if options.json => output::json(&as_json(&event))?,
            Some(event) => println!("{}", as_text(&event)),
            None => break,
        }
    }
    working.await??;
    Ok(ExitCode::SUCCESS)
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn as_text(event: &Event) -> String {
    match event {
        Event::Paid { deal, tranche, asset, amount, .. } => {
            format!("{deal}  paid tranche {tranche}: {amount} smallest units of {asset}")
        }
        Event::Acknowledged { deal, tranche, asset, amount, .. } => {
            format!("{deal}  acknowledged tranche {tranche}: {amount} smallest units of {asset}")
        }
        Event::Named { deal, script } => format!("{deal}  is to be paid to script {script}"),
        Event::Settled { deal } => format!("{deal}  settled"),
        Event::Defaulted { deal, by_us, loss } => {
            let who = if *by_us { "this account" } else { "the counterparty" };
            format!("{deal}  default by {who}; the victim lost {loss} smallest units")
        }
        Event::Netted { deal } => format!("{deal}  netted with one the other way"),
        Event::Ended { deal, state } => format!("{deal}  {state}"),
        Event::Closed { deal } => format!("{deal}  closed while nobody looked"),
        Event::Disagreement { deal, what } => {
            format!("{deal}  the exchange says otherwise than it should: {what}")
        }
        Event::Declined { deal, tranche, why } => format!("{deal}  tranche {tranche} declined: {why}"),
        Event::Failed { deal, tranche, why } => format!("{deal}  tranche {tranche} failed: {why}"),
        Event::Stopped => "stopped".to_owned(),
    }
}

fn as_json(event: &Event) -> Value {
    match event {
        Event::Paid { deal, tranche, asset, amount, cumulative, reference } => json!({
            "event": "paid", "deal": deal, "tranche": tranche, "asset": asset, "amount": amount,
            "cumulative": cumulative, "reference": reference,
        }),
        Event::Acknowledged { deal, tranche, asset, amount, proposal } => json!({
            "event": "acknowledged", "deal": deal, "tranche": tranche, "asset": asset, "amount": amount,
            "proposal": proposal,
        }),
        Event::Named { deal, script } => json!({ "event": "named", "deal": deal, "script": script }),
        Event::Settled { deal } => json!({ "event": "settled", "deal": deal }),
        Event::Defaulted { deal, by_us, loss } => {
            json!({ "event": "defaulted", "deal": deal, "by_us": by_us, "loss": loss })
        }
        Event::Netted { deal } => json!({ "event": "netted", "deal": deal }),
        Event::Ended { deal, state } => json!({ "event": "ended", "deal": deal, "state": state.to_string() }),
        Event::Closed { deal } => json!({ "event": "closed", "deal": deal }),
        Event::Disagreement { deal, what } => {
            json!({ "event": "disagreement", "deal": deal, "what": what.to_string() })
        }
        Event::Declined { deal, tranche, why } => {
            json!({ "event": "declined", "deal": deal, "tranche": tranche, "why": why.to_string() })
        }
        Event::Failed { deal, tranche, why } => {
            json!({ "event": "failed", "deal": deal, "tranche": tranche, "why": why })
        }
        Event::Stopped => json!({ "event": "stopped" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_sdk::types::DealId;
    use bandex_sdk::{MemoryLane, Trader, generate_keypair};
    use bandex_tests::{Server, Setup};

    /// What the agent asks for it can ask for after a restart of the server too, which remembers no login.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_agent_reads_on_after_a_restart_of_the_server() {
        let server = Server::start(Setup { embedded: true, ..Setup::default() }).await;
        let (rest, keypair) = (server.rest().clone(), generate_keypair().unwrap());
        let markets = rest.markets().await.unwrap();
        let client = Client::connect(&rest.socket_url(), ClientOptions::default()).await.unwrap();
        Trader::register(&client, &rest, &markets, keypair.clone(), MemoryLane).await.unwrap();
        let (reads, login) =
            (reads(&rest, &keypair, &markets).await.unwrap(), rest.login(&keypair, &markets).await.unwrap());
        let (_server, ()) = server.restart_in_place(async {}).await;
        let code = |error: bandex_sdk::RestError| error.code().map(str::to_owned);
        assert_eq!(login.open_deals().await.map_err(code), Err(Some("not_logged_in".to_owned())));
        assert_eq!(reads.open_deals().await.map_err(code), Ok(Vec::new()));
        let unknown = reads.evidence(DealId::new([9; 32])).await.map_err(code);
        assert_eq!(unknown.map(|_| ()), Err(Some("not_found".to_owned())));
    }
}
