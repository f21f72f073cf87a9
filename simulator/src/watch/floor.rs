//! What a market does: its state and when that ends, how far from the last price it may trade, and whom its trades woke.

use bandex_tradechain::body::{MarketRules, MarketState};
use bandex_types::{MarketId, OrderRef, Price, Timestamp};
use std::collections::VecDeque;

/// An auction that ends.
#[derive(Debug)]
pub(super) struct Uncrossing {
    /// The price and the volume that it should have.
    pub expected: Option<(Price, u128)>,
    /// Lots traded so far.
    pub traded: u64,
    /// Whether an order was taken off that could not trade.
    pub removed: bool,
}

/// One market.
#[derive(Debug)]
pub(super) struct Floor {
    pub state: MarketState,
    pub rules: MarketRules,
    pub last: Option<Price>,
    /// The last price before the operation that trades now.
    pub reference: Option<Price>,
    /// When its state changes by itself.
    pub until: Option<Timestamp>,
    /// Orders have gathered that no auction has matched yet.
    pub gathers: bool,
    pub uncrossing: Option<Uncrossing>,
    /// An order would have left the band just now.
    pub left_band: bool,
    /// The lowest and the highest price of the trades that have woken nobody yet.
    pub range: Option<(Price, Price)>,
    /// Who is to wake, in this order.
    pub reached: VecDeque<OrderRef>,
}

impl Floor {
    pub fn new() -> Self {
        Self {
            state: MarketState::Trading,
            rules: MarketRules::default(),
            last: None,
            reference: None,
            until: None,
            gathers: false,
            uncrossing: None,
            left_band: false,
            range: None,
            reached: VecDeque::new(),
        }
    }

    /// Whether a trade may happen at a price, as far from the last one as it is.
    pub fn in_band(&self, price: Price) -> bool {
        let Some(reference) = self.reference.filter(|_| self.rules.band_ppm > 0) else { return true };
        let far = u128::from(price.get().abs_diff(reference.get()));
        let most = u128::from(reference.get()).saturating_mul(u128::from(self.rules.band_ppm));
        far.saturating_mul(1_000_000) <= most
    }

    pub fn traded(&mut self, price: Price) {
        self.last = Some(price);
        self.range = Some(self.range.map_or((price, price), |(low, high)| (low.min(price), high.max(price))));
    }

    /// Takes in another state. It must have a reason: a trade beyond the band, the time, or the operator.
    pub fn change(&mut self, state: MarketState, now: Timestamp, operator: bool) -> Result<(), String> {
        let due = self.until.is_some_and(|until| until <= now);
        let expected = match self.state {
            _ if self.left_band => Some(MarketState::Halted),
            MarketState::Halted if due => Some(MarketState::Auction),
            MarketState::Auction if due => Some(MarketState::Trading),
            _ => None,
        };
        match expected {
            Some(expected) if expected != state => return Err(format!("is {state:?}, not {expected:?}")),
            None if !operator => return Err(format!("is {state:?} for no reason")),
            _ => {}
        }
        let lasts_us = match state {
            MarketState::Halted if self.left_band => self.rules.halt_us,
            MarketState::Auction => self.rules.auction_us,
            _ => 0,
        };
        self.until = (lasts_us > 0).then(|| now.plus(lasts_us));
        (self.state, self.left_band) = (state, false);
        self.gathers |= state == MarketState::Auction;
        // Those that were to wake sleep on.
        if state != MarketState::Trading {
            self.reached.clear();
        }
        Ok(())
    }

    /// What must be so once a record is over.
    pub fn at_rest(&self, market: MarketId, now: Timestamp) -> Result<(), String> {
        let late = self.until.is_some_and(|until| until <= now);
        if late || self.left_band || self.uncrossing.is_some() {
            return Err(format!("market {market} should have changed its state"));
        }
        self.woke_all(market)
    }

    pub fn woke_all(&self, market: MarketId) -> Result<(), String> {
        match self.reached.front() {
            Some(order) => Err(format!("order {order} on market {market} should have woken")),
            None => Ok(()),
        }
    }
}
