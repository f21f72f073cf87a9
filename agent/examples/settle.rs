//! Settles an account's deals by itself: pays and acknowledges tranches, and checks first.
//!
//! Run it beside a maker with a session key of its own (`bandex key grant --scope settle`), and show it the maker's lane
//! with `--orders`: a deal over an order that is in none of the lanes it knows is not paid. Payments are signed only; to
//! move coins, `bandex_agent::Agent::with_rails` and `with_coins` take what moves them.

#[path = "../../sdk/examples/common/mod.rs"]
mod common;

use bandex_agent::{Agent, AgentError, ChannelSource, Event, Policy};
use bandex_sdk::api::Channel;
use bandex_sdk::types::Amount;
use bandex_sdk::{MarketInfo, Options, StoredOrders};
use clap::Parser;
use common::{Common, Desk, Fallible, KeyFile};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Settles deals.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    key: KeyFile,
    /// The lane files of the keys that place the account's orders, where they are not this key's own.
    #[arg(long, value_name = "FILE")]
    orders: Vec<PathBuf>,
    /// The most that a counterparty may owe in one deal, in the quote of the market.
    #[arg(long, value_name = "AMOUNT")]
    largest_exposure: Option<String>,
}

fn policy(arguments: &Arguments, market: &MarketInfo) -> Fallible<Policy> {
    let parse = |text: &String| market.quote.scale.parse(text);
    let largest_exposure: Option<Amount> = arguments.largest_exposure.as_ref().map(parse).transpose()?;
    Ok(Policy { largest_exposure, ..Policy::default() })
}

/// Starts the agent; its events come out of the channel.
async fn start(
    arguments: &Arguments,
    desk: Desk,
) -> Fallible<(JoinHandle<Result<(), AgentError>>, mpsc::UnboundedReceiver<Event>)> {
    let policy = policy(arguments, &desk.market)?;
    let Desk { rest, markets, client, keypair, trader, .. } = desk;
    // Each request is signed: a login would end after a day, and with the server.
    let reads = rest.signed(&keypair, &markets).await?;
    let source = ChannelSource::new(client.subscribe(Channel::Deals).await?).with_rest(reads);
    let (account, markets) = (trader.account(), Arc::new(markets));
    let agent = if arguments.orders.is_empty() {
        Agent::new(trader.clone(), trader, account, markets)
    } else {
        let orders: Vec<_> = arguments.orders.iter().map(StoredOrders::new).collect();
        Agent::new(trader, orders, account, markets)
    };
    let (events, news) = mpsc::unbounded_channel();
    Ok((tokio::spawn(agent.with_policy(policy).run(source, events)), news))
}

/// What kind of thing happened.
const fn kind(event: &Event) -> &'static str {
    match event {
        Event::Paid { .. } => "paid",
        Event::Acknowledged { .. } => "acknowledged",
        Event::Named { .. } => "named",
        Event::Settled { .. } => "settled",
        Event::Defaulted { .. } => "defaulted",
        Event::Netted { .. } => "netted",
        Event::Ended { .. } => "ended",
        Event::Closed { .. } => "closed",
        Event::Disagreement { .. } => "disagreement",
        Event::Declined { .. } => "declined",
        Event::Failed { .. } => "failed",
        Event::Stopped => "stopped",
    }
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    common::log();
    let desk = arguments.common.desk(&arguments.key, Options::default()).await?;
    let (account, market) = (desk.trader.account(), desk.market.symbol.clone());
    let (working, mut news) = start(&arguments, desk).await?;
    let mut end = arguments.common.end()?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    loop {
        let event = tokio::select! {
            event = news.recv() => event,
            () = end.come() => break,
        };
        let Some(event) = event else {
            working.await??;
            return Err("the agent ended by itself".into());
        };
        *counts.entry(kind(&event)).or_default() += 1;
        match &event {
            Event::Disagreement { deal, what } => eprintln!("settle: {deal}: {what}"),
            Event::Declined { deal, why, .. } => eprintln!("settle: {deal}: {why}"),
            Event::Failed { deal, why, .. } => eprintln!("settle: {deal}: {why}"),
            _ => {}
        }
    }
    arguments.common.report(&json!({ "account": account, "market": market, "events": counts }))
}
