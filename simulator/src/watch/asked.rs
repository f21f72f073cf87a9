//! What the operations of a block ask for, and which of them took effect.

use super::Seen;
use bandex_engine::OrderTerms;
use bandex_tradechain::Body;
use bandex_tradechain::body::{Operation, Place, Protection, Quote, Quotes};
use bandex_types::{
    Amount, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce,
};
use std::collections::BTreeMap;

/// An order as it was asked for.
#[derive(Debug, Clone)]
pub(super) struct Ordered {
    pub market: MarketId,
    pub side: Side,
    pub price: Price,
    pub quantity: Quantity,
    pub own_cap: Option<Amount>,
    pub least_score: Option<u32>,
    pub terms: OrderTerms,
    /// The number of its operation: quotes of one operation share it.
    pub operation: u8,
    pub done: bool,
}

/// What a block asks for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub placed: BTreeMap<OrderRef, Ordered>,
    /// Amendments that took effect.
    pub amends: Vec<(OrderRef, Price, Quantity)>,
    /// Protections that were set or ended.
    pub protects: Vec<(MarketId, Option<Protection>)>,
}

impl Asked {
    pub fn of(seen: &Seen<'_>) -> Self {
        let mut asked = Self::default();
        let Some((block, _)) = seen.block else { return asked };
        let Body::Orders(orders) = &block.body else { return asked };
        for (index, (number, operation)) in orders.numbered().enumerate() {
            let done = seen.is_done(index);
            let named = |op| OrderRef { key: block.author, seq: block.seq, op };
            match operation {
                Operation::Place(place) => {
                    asked.placed.insert(named(number), placed(named(number), place, done));
                }
                Operation::Quote(quotes) => {
                    for (op, one) in (number..=u8::MAX).zip(&quotes.quotes) {
                        asked.placed.insert(named(op), quoted(named(op), quotes, one, number, done));
                    }
                }
                Operation::Amend { order, price, quantity } if done => {
                    asked.amends.push((*order, *price, *quantity));
                }
                Operation::Protect { market, protection } if done => {
                    asked.protects.push((*market, *protection));
                }
                _ => {}
            }
        }
        asked
    }

    /// Whether some amendment may have moved an order from where it was, though nothing that is told of it says so.
    pub fn may_have_moved(&self, order: &OrderRef, price: Price, quantity: Quantity) -> bool {
        self.amends.iter().any(|amend| amend.0 == *order && (amend.1 != price || amend.2 > quantity))
    }

    pub fn amends(&self, order: &OrderRef) -> bool {
        self.amends.iter().any(|amend| amend.0 == *order)
    }
}

fn placed(order: OrderRef, place: &Place, done: bool) -> Ordered {
    Ordered {
        market: place.market,
        side: place.side,
        price: place.price,
        quantity: place.quantity,
        own_cap: place.own_cap,
        least_score: place.least_score,
        terms: OrderTerms {
            order,
            order_type: place.order_type,
            time_in_force: place.time_in_force,
            expires: place.expires,
            post_only: place.post_only,
            self_trade: place.self_trade,
            display: place.display,
            minimum: place.minimum,
            trigger: place.trigger,
            quote_quantity: place.quote_quantity,
            quote: false,
        },
        operation: order.op,
        done,
    }
}

fn quoted(order: OrderRef, quotes: &Quotes, quote: &Quote, operation: u8, done: bool) -> Ordered {
    let plain = Place::limit(quotes.market, quote.side, quote.price, quote.quantity);
    let post_only = if quotes.slide { PostOnly::Slide } else { PostOnly::Refuse };
    let mut ordered = placed(order, &Place { post_only, ..plain }, done);
    ordered.terms.quote = true;
    Ordered { operation, ..ordered }
}

/// Whether an order has none of the terms that are told.
pub(super) fn is_plain(terms: &OrderTerms) -> bool {
    let plain = OrderTerms {
        order: terms.order,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        expires: None,
        post_only: PostOnly::Off,
        self_trade: SelfTrade::CancelOldest,
        display: None,
        minimum: None,
        trigger: None,
        quote_quantity: None,
        quote: false,
    };
    *terms == plain
}
