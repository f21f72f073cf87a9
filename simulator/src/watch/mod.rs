//! The second opinion: follows the journal record by record and keeps its own, simpler books, to hold the engine's
//! state and every event against them.

mod deals;
mod lanes;
mod orders;
mod tokens;

use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{
    AccountState, CommandResult, Engine, Event, OperationResult, OrderState, OrderStatus, Refusal,
};
use bandex_sequencer::Applied;
use bandex_tradechain::body::MarketListing;
use bandex_tradechain::{Block, Body, Command, Decoded, Leaf, Record};
use bandex_types::{AccountId, AssetId, BlockId, MarketId, Rail, Rounding, Side, Timestamp, quote_amount};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use deals::{Deals, Reckoned};
use lanes::Lanes;
use orders::Orders;
use tokens::Tokens;

/// A market, as far as it must be known here.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub listing: MarketListing,
    pub base_rail: Rail,
    pub quote_rail: Rail,
}

/// Everything that follows from the committed records.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Who keeps to the rules.
    pub honest: BTreeSet<AccountId>,
    /// The sequenced time at which the calm at the end began.
    pub calm_since: Option<Timestamp>,
    pub deals: Deals,
    /// Each sequenced block and its record.
    pub blocks: BTreeMap<BlockId, u64>,
    /// What was committed, by seq from 1.
    leaves: Vec<Leaf>,
    rails: BTreeMap<AssetId, Rail>,
    markets: BTreeMap<MarketId, Market>,
    accounts: BTreeMap<AccountId, AccountState>,
    bid_multiple: u128,
    lanes: Lanes,
    orders: Orders,
    tokens: Tokens,
}

/// One record on its way through the watch.
pub(crate) struct Seen<'a> {
    pub seq: u64,
    pub time: Timestamp,
    pub block: Option<(&'a Block, BlockId)>,
    pub result: &'a CommandResult,
    pub events: &'a [Event],
}

impl Seen<'_> {
    /// Whether the operation at `index` of the block took effect.
    pub fn is_done(&self, index: usize) -> bool {
        match self.result {
            CommandResult::Done(operations) => operations.get(index) == Some(&OperationResult::Done),
            CommandResult::Refused(_) => false,
        }
    }
}

impl Watch {
    /// How many records were seen.
    pub fn seq(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// What was committed at `seq`.
    pub fn leaf(&self, seq: u64) -> Option<&Leaf> {
        let position = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.leaves.get(position)
    }

    /// Takes in the next committed record.
    pub fn take(&mut self, record: &Record, applied: &Applied) -> Result<(), Broken> {
        let seq = self.seq().saturating_add(1);
        hold(record.seq == seq && applied.seq == seq, Invariant::Published, || {
            format!("record {} is told in the place of record {seq}", record.seq)
        })?;
        hold(record.leaf() == applied.leaf, Invariant::Published, || {
            format!("record {seq} is not what was applied")
        })?;
        let decoded = Decoded::from_bytes(&record.command)
            .map_err(|error| Broken::new(Invariant::Replay, format!("record {seq}: {error}")))?;
        let seen = Seen {
            seq,
            time: record.time,
            block: decoded.block().map(|(block, id)| (block, *id)),
            result: &applied.outcome.result,
            events: &applied.outcome.events,
        };
        self.leaves.push(applied.leaf);
        self.see_listings(&seen);
        self.lanes.take(&seen, &mut self.blocks)?;
        self.orders.take(&seen)?;
        self.deals.take(&seen, &self.honest, self.calm_since, &self.orders, &self.markets)?;
        self.tokens.take(&seen, &decoded, &self.deals, &self.accounts)?;
        self.see_limits(&seen)?;
        self.see_bids(&seen)?;
        self.see_forks(&seen, decoded.command())?;
        self.see_honest(&seen)
    }

    fn see_listings(&mut self, seen: &Seen<'_>) {
        for event in seen.events {
            match event {
                Event::Asset(asset) => {
                    self.rails.insert(asset.id, asset.rail);
                }
                Event::Market { listing, .. } => {
                    let rail = |asset| self.rails.get(asset).copied().unwrap_or(Rail::Attested);
                    let (base_rail, quote_rail) = (rail(&listing.base), rail(&listing.quote));
                    let market = Market { listing: listing.clone(), base_rail, quote_rail };
                    self.markets.insert(listing.id, market);
                }
                Event::Parameters(parameters) => self.bid_multiple = u128::from(parameters.bid_multiple),
                Event::Account(account) => {
                    self.accounts.insert(account.account, account.clone());
                }
                _ => {}
            }
        }
    }

    /// Whoever traded has reserved no more than its limit.
    fn see_limits(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Trade(trade) = event else { continue };
            if self.deals.settles_at_once(&trade.deal) {
                continue;
            }
            for account in [trade.taker_account, trade.maker_account] {
                let Some(state) = self.accounts.get(&account) else { continue };
                hold(state.reserved <= state.limit, Invariant::Limit, || {
                    format!("record {}: {account} reserves {} of {}", seen.seq, state.reserved, state.limit)
                })?;
            }
        }
        Ok(())
    }

    /// Whoever bid has no more bids and unsettled purchases than a multiple of its limit. Each trade may round up once.
    fn see_bids(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        let Some((block, _)) = seen.block else { return Ok(()) };
        let outside = |market| self.markets.get(market).filter(|market| market.quote_rail == Rail::Attested);
        let mut trades = 0_u128;
        let mut bidder = None;
        for event in seen.events {
            match event {
                Event::Trade(_) => trades = trades.saturating_add(1),
                Event::Order(order)
                    if (order.order.key, order.order.seq) == (block.author, block.seq)
                        && order.side == Side::Buy
                        && order.status == OrderStatus::Open
                        && outside(&order.market).is_some() =>
                {
                    bidder = Some(order.account);
                }
                _ => {}
            }
        }
        let Some(state) = bidder.and_then(|account| self.accounts.get(&account)) else { return Ok(()) };
        let own = |order: &&OrderState| order.account == state.account && order.side == Side::Buy;
        let bids = self.orders.open().filter(own).filter_map(|order| {
            let market = outside(&order.market)?;
            let left = order.quantity.saturating_sub(order.filled);
            quote_amount(left, order.price, market.listing.tick_value, Rounding::Up)
        });
        let bids: u128 = bids.map(|amount| u128::from(amount.get())).sum();
        let unsettled: u128 = self.deals.iter().map(|deal| deal.unsettled_by(&state.account)).sum();
        let bound = u128::from(state.limit.get()).saturating_mul(self.bid_multiple).saturating_add(trades);
        hold(bids.saturating_add(unsettled) <= bound, Invariant::Limit, || {
            format!("record {}: {} bids {bids} and owes {unsettled}, above {bound}", seen.seq, state.account)
        })
    }

    fn see_forks(&self, seen: &Seen<'_>, command: &Command) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Fork(fork) = event else { continue };
            hold(!self.honest.contains(&fork.account), Invariant::HonestFork, || {
                format!("record {}: key {} of {}", seen.seq, fork.key, fork.account)
            })?;
        }
        let refused = matches!(seen.result, CommandResult::Refused(_));
        hold(!(refused && matches!(command, Command::Fork(_))), Invariant::Lane, || {
            format!("record {}: a fork proof that proves nothing", seen.seq)
        })
    }

    /// What an honest agent pays or acknowledges counts, unless its deal had ended.
    fn see_honest(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        let (Some((block, _)), CommandResult::Refused(refusal)) = (seen.block, seen.result) else {
            return Ok(());
        };
        let account = self.lanes.account_of(&block.author);
        if account.is_none_or(|account| !self.honest.contains(&account)) {
            return Ok(());
        }
        let excused = match &block.body {
            // That the deal had not ended too soon is held elsewhere.
            Body::Pay(_) => matches!(
                refusal,
                Refusal::DealClosed
                    | Refusal::KeyRevoked
                    | Refusal::GrantExpired { .. }
                    | Refusal::OutOfScope
            ),
            Body::Acknowledge(acknowledge) => {
                !self.deals.is_payment(&acknowledge.proposal)
                    || matches!(
                        refusal,
                        Refusal::KeyRevoked | Refusal::GrantExpired { .. } | Refusal::OutOfScope
                    )
            }
            _ => true,
        };
        hold(excused, Invariant::HonestRefused, || {
            format!("record {}: {:?} is refused: {refusal}", seen.seq, block.body)
        })
    }

    /// Holds the engine against all this; it must have applied exactly what was seen.
    pub fn compare(&self, engine: &Engine) -> Result<(), Broken> {
        self.lanes.compare(engine)?;
        self.orders.compare(engine, &self.markets)?;
        self.deals.compare(engine, &self.accounts)?;
        self.tokens.compare(engine, &self.orders, &self.deals, &self.markets)
    }
}
