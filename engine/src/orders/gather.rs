//! Orders that wait for an auction.

use super::from_book;
use crate::Refusal;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::open::{OpenOrder, OrderIndex, Spot};
use bandex_matching::{NewOrder, OrderId};
use bandex_types::{Amount, PostOnly, Quantity, TimeInForce};

impl Engine {
    /// Takes in an order that waits for the auction on its market.
    pub(super) fn gather(
        &mut self,
        order: OpenOrder,
        paying: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let market = self.markets.get(&order.market).ok_or(Refusal::UnknownMarket)?;
        let legs = market.legs();
        if legs.expose() {
            self.check_limit(order.account, &legs)?;
        }
        let id = order.market;
        let index = self.orders.add(order);
        let (arriving, own) = (waiting(&self.orders.get(index).arriving()), self.own_across(index));
        self.scratch.draws.clear();
        self.scratch.events.clear();
        let entered = match self.markets.get_mut(&id) {
            Some(market) => market.book.enter(&arriving, &own, &mut self.scratch.events),
            None => Err(bandex_matching::Refusal::NotInAuction),
        };
        let placed = match entered {
            Ok(placed) => placed,
            Err(refusal) => {
                self.orders.remove(index);
                return Err(from_book(refusal));
            }
        };
        // From here the order is accepted.
        self.next_order += 1;
        self.promise(index, paying, effects);
        self.tell_terms(index, effects);
        self.carry_out(index, &placed, effects);
        Ok(())
    }

    /// The names of the orders of an order's account on the other side of its market: those it might trade with.
    pub(super) fn own_across(&self, index: OrderIndex) -> Vec<OrderId> {
        let order = self.orders.get(index);
        let across = |other: OrderIndex| {
            let other = self.orders.get(other);
            match other.spot {
                Spot::Book(id) if other.market == order.market && other.side != order.side => Some(id),
                _ => None,
            }
        };
        self.orders.of_account(order.account).filter_map(across).collect()
    }
}

/// A market order waits at its protection price until the auction ends, and nothing arrives there post-only.
pub(super) fn waiting(arriving: &NewOrder) -> NewOrder {
    NewOrder {
        time_in_force: TimeInForce::Gtc,
        post_only: PostOnly::Off,
        minimum: Quantity::ZERO,
        ..*arriving
    }
}
