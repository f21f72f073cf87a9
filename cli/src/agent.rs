//! `bandex agent`: settles an account's deals by itself.

use crate::account::Account;
use crate::{output, serve};
use anyhow::{Context, Result};
use bandex_agent::{Agent, ChannelSource, Event, Policy};
use bandex_sdk::api::Channel;
use bandex_sdk::types::Amount;
use bandex_sdk::{AssetInfo, Client, Markets, Options as ClientOptions, StoredOrders};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
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
    /// Print every event as a line of JSON.
    #[arg(long)]
    json: bool,
}

fn amount(markets: &Markets, text: Option<&String>) -> Result<Option<Amount>> {
    let Some(text) = text else { return Ok(None) };
    let btc: &AssetInfo = markets.asset("BTC").context("BTC is not listed")?;
    Ok(Some(btc.scale.parse(text)?))
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
    let deals = client.subscribe(Channel::Deals, None).await?;
    let reads = session.rest.login(&session.keypair, &markets).await?;
    let (hand, account) = (session.trader.clone(), session.trader.account());
    let agent = if options.orders.is_empty() {
        Agent::new(hand, session.trader, account, markets)
    } else {
        let orders: Vec<_> = options.orders.into_iter().map(StoredOrders::new).collect();
        Agent::new(hand, orders, account, markets)
    };
    let (events, mut news) = mpsc::unbounded_channel();
    let source = ChannelSource::new(deals).with_rest(reads);
    let working = tokio::spawn(agent.with_policy(policy).run(source, events));
    eprintln!(
        "settling the deals of {account}; payments outside the exchange are signed only, no coin moves"
    );
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
