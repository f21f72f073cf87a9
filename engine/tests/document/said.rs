//! What outcomes say, line by line, in the words of the examples.

use crate::exchange::state_word;
use crate::kit::refusal;
use crate::script::parse::Ticket;
use bandex_engine::{CancelReason, Event, OrderState, OrderStatus, Outcome, Trade};
use bandex_tradechain::body::MarketState;
use bandex_types::{OrderRef, Price, Quantity, Side};

/// The orders by name, as the outcomes so far have told them.
#[derive(Default)]
pub struct Told {
    orders: Vec<Order>,
}

struct Order {
    name: String,
    order: OrderRef,
    /// Whether it is sized by quote quantity.
    by_quote: bool,
    /// How it would rest if nothing came in between: the price, and what is open.
    as_written: Option<(Price, Quantity)>,
    /// As the last event says; none before the first.
    state: Option<OrderState>,
}

/// What is being done, of which no line needs to tell that it was done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doing {
    Cancel(OrderRef),
    Decide(MarketState),
    /// Anything that has no such part.
    Other,
}

type Lines = Result<Vec<String>, String>;

impl Told {
    /// The last order of this name.
    pub fn order(&self, name: &str) -> Option<OrderRef> {
        self.orders.iter().rev().find(|order| order.name == name).map(|order| order.order)
    }

    pub fn name(&self, order: OrderRef) -> &str {
        self.orders.iter().find(|other| other.order == order).map_or("nobody", |order| &order.name)
    }

    pub fn is_open(&self, name: &str) -> bool {
        let open = |order: &Order| {
            let status = order.state.as_ref().map(|state| state.status);
            matches!(status, Some(OrderStatus::Open | OrderStatus::Sleeping))
        };
        self.orders.iter().any(|order| order.name == name && open(order))
    }

    pub fn with_status(&self, status: OrderStatus) -> Vec<String> {
        let has = |order: &&Order| order.state.as_ref().is_some_and(|state| state.status == status);
        self.orders.iter().filter(has).map(|order| order.name.clone()).collect()
    }

    /// Gives an order its name, before what it did is told.
    pub fn expect(&mut self, name: String, order: OrderRef, by_quote: bool, as_written: (Price, Quantity)) {
        let as_written = Some(as_written);
        self.orders.push(Order { name, order, by_quote, as_written, state: None });
    }

    /// Takes back the names of orders that were refused.
    pub fn forget_unplaced(&mut self) {
        self.orders.retain(|order| order.state.is_some());
    }

    pub fn placed(&mut self, order: OrderRef, ticket: &Ticket, outcome: &Outcome) -> Lines {
        let whole = (Price::new(ticket.price), Quantity::new(ticket.quantity));
        self.expect(ticket.name.clone(), order, ticket.quote.is_some(), whole);
        self.tell(&ticket.name, outcome, Doing::Other)
    }

    pub fn cancelled(&mut self, name: &str, outcome: &Outcome) -> Lines {
        let order = self.order(name).ok_or("no such order")?;
        self.tell(name, outcome, Doing::Cancel(order))
    }

    pub fn amended(&mut self, name: &str, price: Price, quantity: Quantity, outcome: &Outcome) -> Lines {
        for order in self.orders.iter_mut().rev().filter(|order| order.name == name).take(1) {
            if let Some(state) = order.state.as_mut().filter(|_| refusal(outcome).is_none()) {
                let open = quantity.saturating_sub(state.filled);
                order.as_written = Some((price, open));
                if !open.is_zero() {
                    state.quantity = quantity;
                }
            }
        }
        self.tell(name, outcome, Doing::Other)
    }

    pub fn decided(&mut self, state: MarketState, outcome: &Outcome) -> Lines {
        self.tell("the operator", outcome, Doing::Decide(state))
    }

    /// What followed from anything else that `who` did.
    pub fn other(&mut self, who: &str, outcome: &Outcome) -> Lines {
        self.tell(who, outcome, Doing::Other)
    }

    fn tell(&mut self, who: &str, outcome: &Outcome, doing: Doing) -> Lines {
        let mut lines = Vec::new();
        let is_auction = outcome.events.iter().any(|event| matches!(event, Event::Auction { .. }));
        let mut gathered = is_auction;
        for event in &outcome.events {
            match event {
                Event::Trade(trade) => self.tell_trade(trade, gathered, &mut lines)?,
                Event::Order(state) => self.tell_order(state, doing, &mut lines)?,
                Event::Market { state, .. } if doing != Doing::Decide(*state) => {
                    lines.push(format!("the market is in state {}", state_word(*state)));
                }
                Event::Auction { price, volume, .. } => {
                    gathered = false;
                    lines.push(match price {
                        Some(price) => format!("auction: {volume} at {price}"),
                        None => "auction: nothing trades".to_owned(),
                    });
                }
                Event::Protection { tripped: true, .. } => lines.push("a protection is tripped".to_owned()),
                _ => {}
            }
        }
        if let Some(refusal) = refusal(outcome) {
            lines.push(format!("{who} refused: {}", refusal.code()));
        }
        Ok(lines)
    }

    fn find(&mut self, order: OrderRef) -> Result<&mut Order, String> {
        self.orders.iter_mut().find(|other| other.order == order).ok_or("an order nobody placed".to_owned())
    }

    fn tell_trade(&mut self, trade: &Trade, gathered: bool, lines: &mut Vec<String>) -> Result<(), String> {
        let taker = self.find(trade.taker)?;
        taker.wake(lines);
        let [taker, maker] = [trade.taker, trade.maker].map(|order| self.name(order).to_owned());
        let (price, quantity) = (trade.price, trade.quantity);
        lines.push(match (trade.taker_side, gathered) {
            (Side::Buy, _) => format!("{taker} buys {quantity} at {price} from {maker}"),
            // Of an auction's two orders none is the one that arrives: the buyer is named first.
            (Side::Sell, true) => format!("{maker} buys {quantity} at {price} from {taker}"),
            (Side::Sell, false) => format!("{taker} sells {quantity} at {price} to {maker}"),
        });
        Ok(())
    }

    fn tell_order(
        &mut self,
        state: &OrderState,
        doing: Doing,
        lines: &mut Vec<String>,
    ) -> Result<(), String> {
        let order = self.find(state.order)?;
        let ends_asleep = matches!(
            state.status,
            OrderStatus::Sleeping
                | OrderStatus::Cancelled(
                    CancelReason::Requested
                        | CancelReason::Expired
                        | CancelReason::AccountFrozen
                        | CancelReason::KeyEnded
                        | CancelReason::Timer
                        | CancelReason::Disconnected
                )
        );
        if !ends_asleep {
            order.wake(lines);
        }
        let name = &order.name;
        let left = state.quantity.saturating_sub(state.filled);
        let before = order.state.as_ref().map(|state| state.quantity);
        let before = before.or(order.as_written.map(|(_, quantity)| quantity)).unwrap_or_default();
        if !order.by_quote && state.quantity < before {
            lines.push(format!("{name} reduced by {}: self_trade", before.saturating_sub(state.quantity)));
        }
        match state.status {
            OrderStatus::Sleeping if order.state.is_none() => lines.push(format!("{name} sleeps")),
            OrderStatus::Sleeping | OrderStatus::Filled => {}
            OrderStatus::Open => {
                // Said once, when it comes to rest; a fill of one that rests is told by the trade.
                let rested = order.as_written.take();
                if rested.is_some_and(|as_written| as_written != (state.price, left)) {
                    lines.push(format!("{name} rests {left} at {}", state.price));
                }
            }
            OrderStatus::Cancelled(CancelReason::Requested) if doing == Doing::Cancel(state.order) => {}
            OrderStatus::Cancelled(reason) if order.by_quote => {
                lines.push(format!("{name} cancelled: {}", word(reason)));
            }
            OrderStatus::Cancelled(reason) => {
                lines.push(format!("{name} cancelled, {left} left: {}", word(reason)));
            }
        }
        order.state = Some(state.clone());
        Ok(())
    }
}

impl Order {
    /// Says that it wakes, if it sleeps.
    fn wake(&mut self, lines: &mut Vec<String>) {
        let Some(state) = self.state.as_mut().filter(|state| state.status == OrderStatus::Sleeping) else {
            return;
        };
        state.status = OrderStatus::Open;
        lines.push(format!("{} wakes", self.name));
        // Where it rests is always said.
        self.as_written = Some((Price::MAX, Quantity::MAX));
    }
}

/// The word of the API.
fn word(reason: CancelReason) -> String {
    serde_json::to_value(reason).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
