//! A record with what came of it, and the levels of books that a batch may have changed.

use bandex_engine::{CommandResult, Engine, Event, LevelView, Outcome};
use bandex_tradechain::body::Pay;
use bandex_tradechain::{Body, Decoded, Leaf};
use bandex_types::{BlockId, DealId, MarketId, Price, PublicKey, Side, Timestamp};
use std::collections::BTreeSet;

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
    /// The deal that it pays in or acknowledges a payment of.
    pub deal: Option<DealId>,
}

/// A level of a book after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// The market.
    pub market: MarketId,
    /// The side of its book.
    pub side: Side,
    /// The level's price, in ticks.
    pub price: Price,
    /// None: the level is gone.
    pub level: Option<LevelView>,
}

impl AppliedBlock {
    pub(crate) fn of(decoded: &Decoded, outcome: &Outcome) -> Option<Self> {
        let (block, id) = decoded.block()?;
        // A refused register has no account and so no lane to stand in.
        if matches!((&block.body, &outcome.result), (Body::Register(_), CommandResult::Refused(_))) {
            return None;
        }
        let deal = match &block.body {
            Body::Pay(Pay { deal, .. }) => Some(*deal),
            Body::Acknowledge(_) => outcome.events.iter().find_map(|event| match event {
                Event::Proposal(proposal) => proposal.deal,
                _ => None,
            }),
            _ => None,
        };
        Some(Self { id: *id, author: block.author, lane_seq: block.seq, deal })
    }
}

/// The levels that the outcomes of a batch may have changed.
#[derive(Debug, Default)]
pub(crate) struct Touched(BTreeSet<(MarketId, Side, Price)>);

impl Touched {
    pub fn take(&mut self, outcome: &Outcome, left: &[(MarketId, Side, Price)]) {
        self.0.extend(left);
        for event in &outcome.events {
            if let Event::Order(order) = event {
                self.0.insert((order.market, order.side, order.price));
            }
        }
    }

    /// The same levels as they are now.
    pub fn levels(self, engine: &Engine) -> Vec<LevelChange> {
        let now = |(market, side, price)| {
            let level = engine.level(market, side, price);
            LevelChange { market, side, price, level }
        };
        self.0.into_iter().map(now).collect()
    }
}
