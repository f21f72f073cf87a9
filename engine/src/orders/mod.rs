//! Operations on orders: which there are, and what they have in common.

mod ahead;
mod amend;
mod arrive;
mod cancel;
mod fill;
mod gather;
mod means;
mod place;
mod protect;
mod quotes;
mod terms;
mod wake;

pub(crate) use arrive::cancel_reason;

use crate::Refusal;
use crate::accounts::{AccountIndex, Role};
use crate::admission::{Bar, Draws};
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::open::OrderIndex;
use crate::refusal::not_served;
use bandex_matching as matching;
use bandex_tradechain::body::{MarketState, Operation};
use bandex_types::{Amount, MarketId, OrderRef, Price};

/// What a step needs for its trades and what it leaves to be done after them. Empty between commands, kept for its
/// memory.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub draws: Draws,
    pub events: Vec<matching::Event<Bar>>,
    /// The lowest and the highest price of the step's trades.
    pub range: Option<(Price, Price)>,
    /// Whose protection was tripped.
    pub tripped: Vec<AccountIndex>,
    /// The open orders that a block names.
    named: Vec<OrderIndex>,
}

impl Engine {
    pub(crate) fn operation(
        &mut self,
        signer: Signer<'_>,
        number: u8,
        operation: &Operation,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let reference = OrderRef { key: signer.block.author, seq: signer.block.seq, op: number };
        match operation {
            Operation::Place(place) => self.place(signer, reference, place, effects),
            Operation::Cancel { order } => {
                let index = self.find_order(signer, order)?;
                self.cancel_requested(signer, index, effects)
            }
            Operation::CancelClient { market, client_id } => {
                let found = self.orders.find_client_id(signer.lane, *market, client_id);
                self.cancel_requested(signer, found.ok_or(Refusal::UnknownOrder)?, effects)
            }
            Operation::Amend { .. } if !self.serves_trading() => not_served("amend"),
            Operation::CancelAll { .. } if !self.serves_trading() => not_served("cancel_all"),
            Operation::Quote(_) if !self.serves_trading() => not_served("quote"),
            Operation::Protect { .. } if !self.serves_trading() => not_served("protect"),
            Operation::Amend { order, price, quantity } => {
                let index = self.find_order(signer, order)?;
                self.amend(signer, index, *price, *quantity, effects)
            }
            Operation::CancelAll { market, side } => {
                self.cancel_all(signer, *market, *side, effects);
                Ok(())
            }
            Operation::Quote(quotes) => self.quote(signer, reference, quotes, effects),
            Operation::Protect { market, protection } => self.protect(signer, *market, *protection, effects),
        }
    }

    /// The open order with this reference, whoever's it is.
    fn find_order(&self, signer: Signer<'_>, order: &OrderRef) -> Result<OrderIndex, Refusal> {
        // Nearly always it is one of the signer's own lane.
        let own = order.key == signer.block.author;
        let lane = if own { Some(signer.lane) } else { self.accounts.find_lane(&order.key) };
        lane.and_then(|lane| self.orders.find(lane, order)).ok_or(Refusal::UnknownOrder)
    }

    /// What a session key may do on a market.
    fn check_grant(&self, signer: Signer<'_>, market: MarketId, notional: Amount) -> Result<(), Refusal> {
        let Role::Session(grant) = &self.accounts.lane_at(signer.lane).role else { return Ok(()) };
        if !grant.markets.is_empty() && !grant.markets.contains(&market) {
            return Err(Refusal::MarketNotGranted);
        }
        match grant.largest_notional.filter(|largest| notional > *largest) {
            Some(largest) => Err(Refusal::AboveGrant { notional, largest }),
            None => Ok(()),
        }
    }

    /// Before anything trades on a market: no trade may happen far from the last one, and quotes are protected by what
    /// was filled within their window.
    fn begin_trading(&mut self, market: MarketId) {
        self.guards.pass(market, self.time);
        if let Some(market) = self.markets.get_mut(&market) {
            market.set_band();
        }
    }

    fn market_state(&self, market: MarketId) -> MarketState {
        self.markets.get(&market).map_or(MarketState::Halted, |market| market.state)
    }
}

fn bad_terms<T>(rule: &str) -> Result<T, Refusal> {
    Err(Refusal::BadTerms { rule: rule.to_owned() })
}

/// What the book refuses, in the engine's words.
fn from_book(refusal: matching::Refusal) -> Refusal {
    match refusal {
        matching::Refusal::ZeroQuantity => Refusal::ZeroQuantity,
        matching::Refusal::WouldTrade => Refusal::WouldTrade,
        matching::Refusal::FokUnfilled => Refusal::FokUnfilled,
        matching::Refusal::MinimumUnfilled => Refusal::MinimumUnfilled,
        matching::Refusal::NotInAuction => Refusal::NotInAuction,
        matching::Refusal::UnknownOrder => Refusal::UnknownOrder,
        matching::Refusal::BadDisplay | matching::Refusal::BadMinimum | matching::Refusal::BookFull => {
            Refusal::BadTerms { rule: refusal.to_string() }
        }
    }
}
