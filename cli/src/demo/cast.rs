//! The traders: half of them buyers, half sellers, each with an account, a lane, tokens and an agent.
//!
//! Tokens flow as they would: the issuance account grants them to downloaders, who pay uploaders for bandwidth by
//! blocks that both sides sign. The downloaders ran out and will buy; the uploaders earned and will sell.

use super::board::{self, Shared};
use super::chain::Purse;
use super::{Flow, Stage, trust};
use anyhow::{Context, Result};
use bandex_agent::{Agent, ChannelSource, Event, Notary, OnChain, Policy};
use bandex_flow::{self as flow, Action, VenueTrade};
use bandex_sdk::api::{Channel, Trade};
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::tradechain::body::{Bandwidth, Change, Payer, Scopes};
use bandex_sdk::types::{Amount, DealId, OrderRef, Side};
use bandex_sdk::{Allowance, Client, MemoryLane, Options, Trader, generate_keypair, now};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// What a bonded account puts at stake, in bytes: worth 300,000,000 millisatoshi at [`super::trust::RATE`], of which half
/// counts. The share of that limit which one deal may draw is more than any deal of the recorded flow is worth.
const BOND: Amount = Amount::new(7_660_878_447_396);
/// What every seller keeps beside its offers in the file, in bytes: 10 BWT.
const SPARE_BYTES: u64 = 10_000_000_000;
/// In how many sittings a downloader takes what it pays for.
const SITTINGS: u64 = 4;

/// One trader.
pub(crate) struct Member {
    pub trader: Trader,
    pub keypair: Keypair,
    /// The wallet, where deals are paid on a chain.
    pub purse: Option<Purse>,
}

/// How the traders are equipped.
pub(crate) struct Casting {
    /// What tokens are worth, in millisatoshi for bytes.
    pub rate: (u64, u64),
    /// What a bonded account puts at stake, in bytes.
    pub bond: Amount,
    /// Whether all sellers post bonds and no buyer does, rather than every other account.
    pub sellers_first: bool,
    /// The largest limit that can be earned, and what all scores together may be worth.
    pub budget: Amount,
}

impl Default for Casting {
    fn default() -> Self {
        Self { rate: trust::RATE, bond: BOND, sellers_first: false, budget: trust::LOSS_BUDGET }
    }
}

/// All of them, and who placed which order of the file.
pub(crate) struct Cast {
    pub members: Vec<Member>,
    /// What all scores together may be worth.
    pub budget: Amount,
    numbers: Mutex<BTreeMap<OrderRef, u64>>,
    scale: bandex_sdk::api::Scale,
}

impl Cast {
    /// The account that signs an order of the file.
    pub fn member_for(&self, order: u64, side: Side) -> Option<(u32, &Member)> {
        let count = u32::try_from(self.members.len()).ok()?;
        let number = flow::trader_for(order, side, count);
        self.members.get(number as usize).map(|member| (number, member))
    }

    /// A seller without a history; every other account has none.
    pub fn strange_seller(&self) -> Option<&Member> {
        let buyers = flow::buyers(u32::try_from(self.members.len()).ok()?) as usize;
        self.members.get(buyers.next_multiple_of(2))
    }

    /// Remembers under which reference an order of the file was placed.
    pub fn placed(&self, order: OrderRef, number: u64) {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).insert(order, number);
    }

    /// A trade in the venue's terms, if both its orders are of the file.
    pub fn venue_trade(&self, trade: &Trade) -> Option<VenueTrade> {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |reference: &str| numbers.get(&reference.parse().ok()?).copied();
        Some(VenueTrade {
            taker: number(&trade.taker)?,
            maker: number(&trade.maker)?,
            side: if trade.taker_side == "buy" { Side::Buy } else { Side::Sell },
            price: self.scale.parse_price(&trade.price).ok()?,
            quantity: self.scale.parse_quantity(&trade.quantity).ok()?,
        })
    }
}

/// Registers the accounts, lets tokens flow to the sellers, has bonds posted, and starts the agents.
pub(crate) async fn assemble(stage: &Stage, traders: u32, flow: &Flow, casting: Casting) -> Result<Cast> {
    board::lock(&stage.board).phase = "traders register";
    let mut members = try_join_all((0..traders).map(|_| enlist(stage))).await?;
    let buyers = flow::buyers(traders) as usize;
    if let Some(chain) = &stage.chain {
        board::lock(&stage.board).phase = "coins are mined";
        for (number, member) in members.iter_mut().enumerate() {
            member.purse = Some(chain.purses.open(number).await?);
        }
        let purses: Vec<&Purse> =
            members.iter().take(buyers).filter_map(|member| member.purse.as_ref()).collect();
        chain.purses.fill(&purses).await?;
    }
    let market = stage.markets.market("BWT-BTC").context("the market is not listed")?;
    let cast =
        Cast { members, budget: casting.budget, numbers: Mutex::new(BTreeMap::new()), scale: market.scale };
    board::lock(&stage.board).phase = "tokens are earned";
    earn(stage, &cast, flow).await?;
    board::lock(&stage.board).phase = "bonds are posted";
    // Every other account posts a bond; the rest are strangers with the dust that anybody gets.
    let bonded: Vec<&Member> = match casting.sellers_first {
        true => cast.members.iter().skip(buyers).collect(),
        false => cast.members.iter().skip(1).step_by(2).collect(),
    };
    trust::begin(stage, &bonded, &casting).await?;
    try_join_all(bonded.iter().map(|member| post(stage, member, casting.bond))).await?;
    board::lock(&stage.board).phase = "agents start";
    for member in &cast.members {
        hire(stage, member, Policy::default()).await?;
    }
    Ok(cast)
}

/// A new account.
pub(crate) async fn enlist(stage: &Stage) -> Result<Member> {
    let keypair = generate_keypair()?;
    let trader =
        Trader::register(&stage.client, &stage.rest, &stage.markets, keypair.clone(), MemoryLane).await?;
    Ok(Member { trader, keypair, purse: None })
}

/// Has an account put tokens at stake that it was granted for that.
pub(crate) async fn post(stage: &Stage, member: &Member, amount: Amount) -> Result<()> {
    stage.configure(vec![Change::Issue { to: member.trader.account(), amount }]).await?;
    member.trader.bond(amount).await?;
    Ok(())
}

/// The most that each seller ever has on offer or has sold, in bytes: what it must have earned before.
fn needs(flow: &Flow, traders: u32) -> BTreeMap<u32, u64> {
    let mut offers: BTreeMap<u64, (u32, u64)> = BTreeMap::new();
    let (mut open, mut most): (BTreeMap<u32, u64>, BTreeMap<u32, u64>) = (BTreeMap::new(), BTreeMap::new());
    for command in &flow.commands {
        match command.action {
            Action::Place { id, side: Side::Sell, quantity, .. } => {
                let seller = flow::trader_for(id, Side::Sell, traders);
                let bytes = quantity.get() * 1_000;
                offers.insert(id, (seller, bytes));
                let sum = open.entry(seller).or_default();
                *sum += bytes;
                let peak = most.entry(seller).or_default();
                *peak = (*peak).max(*sum);
            }
            Action::Place { .. } => {}
            Action::Cancel { id } => {
                if let Some((seller, bytes)) = offers.remove(&id) {
                    *open.entry(seller).or_default() -= bytes;
                }
            }
        }
    }
    // What was sold stays gone when the rest of its order is cancelled.
    for trade in &flow.trades {
        let sold = if trade.side == Side::Sell { trade.taker } else { trade.maker };
        *most.entry(flow::trader_for(sold, Side::Sell, traders)).or_default() += trade.quantity.get() * 1_000;
    }
    most.into_iter().map(|(seller, peak)| (seller, peak + SPARE_BYTES)).collect()
}

/// Grants to downloaders, who pay uploaders by acknowledged bandwidth blocks.
async fn earn(stage: &Stage, cast: &Cast, flow: &Flow) -> Result<()> {
    let traders = u32::try_from(cast.members.len())?;
    let buyers = flow::buyers(traders);
    let pairs: Vec<(&Member, &Member, u64)> = needs(flow, traders)
        .into_iter()
        .filter_map(|(seller, bytes)| {
            let downloader = cast.members.get(((seller - buyers) % buyers) as usize)?;
            Some((downloader, cast.members.get(seller as usize)?, bytes))
        })
        .collect();
    let grants = pairs.iter().map(|(downloader, _, bytes)| Change::Issue {
        to: downloader.trader.account(),
        amount: Amount::new(*bytes),
    });
    stage.configure(grants.collect()).await?;
    let total: u64 = pairs.iter().map(|(_, _, bytes)| bytes).sum();
    try_join_all(
        pairs.into_iter().map(|(downloader, uploader, bytes)| serve_bandwidth(downloader, uploader, bytes)),
    )
    .await?;
    let bwt = total / 1_000_000_000;
    board::lock(&stage.board).note(format!("uploaders earned {bwt} BWT for bandwidth, signed by both sides"));
    Ok(())
}

/// The uploader proposes what it gave; the downloader countersigns, and the tokens move.
async fn serve_bandwidth(downloader: &Member, uploader: &Member, bytes: u64) -> Result<()> {
    for sitting in 0..SITTINGS {
        let share = bytes / SITTINGS + u64::from(sitting < bytes % SITTINGS);
        if share == 0 {
            continue;
        }
        let bandwidth = Bandwidth {
            counterparty: downloader.trader.account(),
            sent_bytes: share,
            received_bytes: 0,
            payer: Payer::Counterparty,
            tokens: Amount::new(share),
        };
        let proposed = uploader.trader.submit(bandwidth).await?;
        let proposal = proposed.id;
        proposed.reply().await?;
        downloader.trader.acknowledge(proposal).await?;
    }
    Ok(())
}

/// Gives an account an agent with a session key of its own, which may settle and nothing else.
pub(crate) async fn hire(stage: &Stage, member: &Member, policy: Policy) -> Result<()> {
    let session = generate_keypair()?;
    let allowance = Allowance {
        scopes: Scopes::SETTLE,
        markets: Vec::new(),
        largest_notional: None,
        expires: Some(now().plus(24 * 3_600 * 1_000_000)),
    };
    member.trader.grant(&session, allowance).await?;
    let client = Client::connect(&stage.rest.socket_url(), Options::default()).await?;
    client.login(&session).await?;
    let deals = client.subscribe(Channel::Deals).await?;
    let hand = Trader::open(&client, &stage.rest, session.clone(), MemoryLane).await?;
    let agent = Agent::new(hand, member.trader.clone(), member.trader.account(), stage.markets.clone())
        .with_policy(policy);
    let agent = match &member.purse {
        None => agent,
        Some(purse) => {
            let evidence = Arc::new(stage.rest.login(&session, &stage.markets).await?);
            let notary = Notary { node: stage.markets.node, network: stage.markets.network };
            agent.with_coins(OnChain { coins: Arc::new(purse.clone()), evidence, notary })
        }
    };
    let (events, news) = mpsc::unbounded_channel();
    let mut agents = stage.agents.lock().unwrap_or_else(PoisonError::into_inner);
    agents.spawn(async move {
        if let Err(error) = agent.run(ChannelSource::new(deals), events).await {
            tracing::warn!(%error, "an agent ended");
        }
    });
    agents.spawn(keep_count(news, stage.board.clone()));
    Ok(())
}

async fn keep_count(mut news: mpsc::UnboundedReceiver<Event>, board: Shared) {
    while let Some(event) = news.recv().await {
        let mut board = board::lock(&board);
        match event {
            Event::Paid { .. } => board.payments += 1,
            Event::Acknowledged { .. } => board.acknowledgements += 1,
            Event::Settled { deal }
            | Event::Closed { deal }
            | Event::Netted { deal }
            | Event::Ended { deal, .. } => {
                board.settled.insert(deal);
            }
            Event::Defaulted { deal, .. } => {
                board.defaulted.insert(deal);
            }
            Event::Disagreement { deal, what } => board.note(format!("deal {deal}: {what}")),
            Event::Declined { deal, why, .. } => board.note(format!("deal {}: {why}", short(deal))),
            Event::Failed { deal, why, .. } => board.note(format!("deal {}: {why}", short(deal))),
            Event::Named { .. } | Event::Stopped => {}
        }
    }
}

/// The first digits of a deal's id.
pub(crate) fn short(deal: DealId) -> String {
    deal.to_string().chars().take(8).collect()
}
