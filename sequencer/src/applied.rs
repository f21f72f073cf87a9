//! A record with what came of it, and what a batch may have changed of books and markets.

use bandex_engine::{CommandResult, Engine, Event, Indicative, LevelView, Outcome, ShownOrder};
use bandex_tradechain::body::{Cure, MarketState, Operation, Pay, Resolve, WriteOff};
use bandex_tradechain::{Block, Body, Decoded, Leaf};
use bandex_types::{BlockId, DealId, MarketId, OrderRef, Price, PublicKey, Side, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A record that was applied. As long as its batch is not committed it cannot be told to anybody.
#[derive(Debug)]
pub struct Applied {
    /// Its place in the journal.
    pub seq: u64,
    /// Its sequenced time.
    pub time: Timestamp,
    /// What the batch's tree holds of it.
    pub leaf: Leaf,
    /// Its block, if it is one that stands in a lane.
    pub block: Option<AppliedBlock>,
    /// Of a block of orders: what each operation is about.
    pub operations: Vec<Subject>,
    /// What came of it.
    pub outcome: Outcome,
    /// The same as bytes.
    pub outcome_bytes: Vec<u8>,
}

/// What is kept of a record's block for lookups.
#[derive(Debug, Clone, Copy)]
pub struct AppliedBlock {
    /// Its id.
    pub id: BlockId,
    /// Whose lane it is in.
    pub author: PublicKey,
    /// Its place there.
    pub lane_seq: u64,
    /// The deal that it pays in, ends, or acknowledges a payment or an end of.
    pub deal: Option<DealId>,
}

/// What an operation on orders is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The order that it places.
    Placed(OrderRef),
    /// The order that it amends.
    Amended(OrderRef),
    /// The quotes that it places.
    Quoted {
        /// The first one.
        first: OrderRef,
        /// How many.
        count: usize,
    },
    /// No order whose state it could be answered with.
    Other,
}

impl Subject {
    /// Of each operation of a block; empty if it is no block of orders.
    pub fn all(block: &Block) -> Vec<Self> {
        let Body::Orders(orders) = &block.body else { return Vec::new() };
        let subject = |(op, operation): (u8, &Operation)| {
            let order = OrderRef { key: block.author, seq: block.seq, op };
            match operation {
                Operation::Place(_) => Self::Placed(order),
                Operation::Amend { order, .. } => Self::Amended(*order),
                Operation::Quote(quotes) => Self::Quoted { first: order, count: quotes.quotes.len() },
                _ => Self::Other,
            }
        };
        orders.numbered().map(subject).collect()
    }
}

/// A market after a batch that touched its book or its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarketChange {
    /// The market.
    pub market: MarketId,
    /// What it does.
    pub state: MarketState,
    /// When its state changes by itself.
    pub ends: Option<Timestamp>,
    /// What an auction would give if it ended now.
    pub indicative: Option<Indicative>,
}

impl MarketChange {
    /// As the engine has it now; none if there is no such market.
    pub fn of(engine: &Engine, market: MarketId) -> Option<Self> {
        let (state, ends) = engine.state_of(market)?;
        Some(Self { market, state, ends, indicative: engine.indicative(market) })
    }
}

/// A level of a book after a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChange {
    /// The market.
    pub market: MarketId,
    /// The side of its book.
    pub side: Side,
    /// The level's price, in ticks.
    pub price: Price,
    /// None: the level is gone.
    pub level: Option<LevelView>,
    /// The orders that rest there, in the order in which they would trade; none if the level is gone.
    pub orders: Arc<[ShownOrder]>,
}

impl LevelChange {
    /// As the engine has it now.
    pub fn of(engine: &Engine, market: MarketId, side: Side, price: Price) -> Self {
        let level = engine.level(market, side, price);
        let orders = engine.orders_at(market, side, price).into();
        Self { market, side, price, level, orders }
    }
}

impl AppliedBlock {
    pub(crate) fn of(decoded: &Decoded, outcome: &Outcome) -> Option<Self> {
        let (block, id) = decoded.block()?;
        // A refused register has no account and so no lane to stand in.
        if matches!((&block.body, &outcome.result), (Body::Register(_), CommandResult::Refused(_))) {
            return None;
        }
        let deal = match &block.body {
            Body::Pay(Pay { deal, .. })
            | Body::Resolve(Resolve { deal, .. })
            | Body::WriteOff(WriteOff { deal })
            | Body::Cure(Cure { deal, .. }) => Some(*deal),
            Body::Acknowledge(_) => outcome.events.iter().find_map(|event| match event {
                Event::Proposal(proposal) => proposal.deal,
                _ => None,
            }),
            _ => None,
        };
        Some(Self { id: *id, author: block.author, lane_seq: block.seq, deal })
    }
}

/// What the commands of a batch may have changed.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    levels: BTreeSet<(MarketId, Side, Price)>,
    markets: BTreeSet<MarketId>,
}

impl Touched {
    /// Takes in what a command did; `left` are the levels that orders left without an event that names them.
    pub fn take(&mut self, outcome: &Outcome, left: &[(MarketId, Side, Price)]) {
        self.levels.extend(left);
        for event in &outcome.events {
            match event {
                Event::Order(order) => {
                    self.levels.insert((order.market, order.side, order.price));
                }
                Event::Market { listing, .. } => {
                    self.markets.insert(listing.id);
                }
                _ => {}
            }
        }
    }

    /// The levels as they are now.
    pub fn levels(&self, engine: &Engine) -> Vec<LevelChange> {
        let now =
            |(market, side, price): &(MarketId, Side, Price)| LevelChange::of(engine, *market, *side, *price);
        self.levels.iter().map(now).collect()
    }

    /// The markets as they are now.
    pub fn markets(mut self, engine: &Engine) -> Vec<MarketChange> {
        self.markets.extend(self.levels.iter().map(|(market, ..)| *market));
        self.markets.into_iter().filter_map(|market| MarketChange::of(engine, market)).collect()
    }
}
