//! Who may trade how much: a judge that gives every answer there is, and writes down what it was asked.

use crate::command::OWNERS;
use bandex_matching::{Admission, Clearing, Cross, Crossing, NewOrder, OrderId, Owner, Pair, Verdict};
use bandex_types::{Price, Quantity, Side};
use std::collections::BTreeMap;

/// Why somebody may not trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    /// The arriving order's owner has no lots.
    Taker,
    /// The arriving order's owner has too few.
    TakerTooFew,
    /// The resting order's owner has none.
    Maker,
}

/// A question, with what tells it from others; orders by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Taker(Owner),
    Pair { maker: u64, price: Price, quantity: Quantity, verdict: Verdict<Short> },
    Cross { buy: u64, sell: u64, price: Price, quantity: Quantity, crossing: Crossing<Short> },
    TrialBegins,
    TrialEnds,
}

/// Lots that each owner may yet trade. A trade takes them from both; a trial gives them back.
#[derive(Debug, Clone)]
pub struct Limits {
    lots: Vec<u64>,
    before_trial: Option<Vec<u64>>,
    /// The numbers of the orders by the book's names.
    pub numbers: BTreeMap<OrderId, u64>,
    /// What was asked since this was last emptied.
    pub asked: Vec<Asked>,
}

impl Limits {
    pub fn new() -> Self {
        Self {
            lots: (0..OWNERS).map(|_| 100).collect(),
            before_trial: None,
            numbers: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    pub fn number(&self, id: OrderId) -> u64 {
        self.numbers.get(&id).copied().unwrap_or(0)
    }

    pub fn set(&mut self, owner: Owner, lots: u64) {
        if let Some(place) = self.lots.get_mut(owner.get() as usize) {
            *place = lots;
        }
    }

    fn of(&self, owner: Owner) -> u64 {
        self.lots.get(owner.get() as usize).copied().unwrap_or(0)
    }

    fn take(&mut self, owner: Owner, lots: u64) {
        let has = self.of(owner);
        self.set(owner, has - lots);
    }

    fn judge(&mut self, pair: &Pair) -> Verdict<Short> {
        let lots = pair.quantity.get();
        let (taker_has, maker_has) = (self.of(pair.taker_owner), self.of(pair.maker_owner));
        if maker_has == 0 {
            return Verdict::RemoveMaker(Short::Maker);
        }
        if maker_has < lots {
            return Verdict::Skip;
        }
        if taker_has < lots {
            return Verdict::RefuseTaker(Short::TakerTooFew);
        }
        self.take(pair.taker_owner, lots);
        self.take(pair.maker_owner, lots);
        Verdict::Admit
    }
}

impl Admission for Limits {
    type Reason = Short;

    fn taker(&mut self, taker: &NewOrder) -> Result<(), Short> {
        self.asked.push(Asked::Taker(taker.owner));
        if self.of(taker.owner) == 0 { Err(Short::Taker) } else { Ok(()) }
    }

    fn pair(&mut self, pair: &Pair) -> Verdict<Short> {
        assert_ne!(pair.taker_owner, pair.maker_owner, "nobody trades with himself");
        assert!(!pair.quantity.is_zero(), "a trade is of something");
        let verdict = self.judge(pair);
        let (maker, price, quantity) = (self.number(pair.maker), pair.price, pair.quantity);
        self.asked.push(Asked::Pair { maker, price, quantity, verdict });
        verdict
    }

    fn trial_begins(&mut self) {
        assert_eq!(self.before_trial, None, "trials do not nest");
        self.before_trial = Some(self.lots.clone());
        self.asked.push(Asked::TrialBegins);
    }

    fn trial_ends(&mut self) {
        self.lots = self.before_trial.take().expect("a trial has begun");
        self.asked.push(Asked::TrialEnds);
    }
}

impl Clearing for Limits {
    type Reason = Short;

    fn cross(&mut self, cross: &Cross) -> Crossing<Short> {
        assert_ne!(cross.buy_owner, cross.sell_owner, "nobody trades with himself");
        let lots = cross.quantity.get();
        let crossing = if self.of(cross.buy_owner) < lots {
            Crossing::RemoveBuy(Short::Maker)
        } else if self.of(cross.sell_owner) < lots {
            Crossing::RemoveSell(Short::Maker)
        } else {
            self.take(cross.buy_owner, lots);
            self.take(cross.sell_owner, lots);
            Crossing::Admit
        };
        let (buy, sell) = (self.number(cross.buy), self.number(cross.sell));
        let (price, quantity) = (cross.price, cross.quantity);
        self.asked.push(Asked::Cross { buy, sell, price, quantity, crossing });
        crossing
    }

    fn later(&self, buy: OrderId, sell: OrderId) -> Side {
        if self.number(buy) > self.number(sell) { Side::Buy } else { Side::Sell }
    }
}
