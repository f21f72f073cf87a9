//! A market's book order by order, with who stands before whom.

use super::{BookError, Progress, PushedBook, check_sum, malformed};
use crate::Topic;
use crate::wire::parse;
use bandex_api::{
    BookOrders, BookOrdersUpdate, Channel, OrderChange, Push, PushKind, RestingOrder, Scale, checksum,
};
use bandex_types::{OrderRef, Price, Quantity, Side};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An order as everybody sees it rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookOrder {
    /// Its reference.
    pub order: OrderRef,
    /// In ticks.
    pub price: Price,
    /// What it shows, in lots.
    pub quantity: Quantity,
}

/// Where an order stands in the queue of its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlace {
    /// Buy or sell.
    pub side: Side,
    /// In ticks.
    pub price: Price,
    /// What it shows, in lots.
    pub quantity: Quantity,
    /// How many orders at its price trade before it.
    pub orders_ahead: u64,
    /// What they show, in lots. Orders at better prices are not counted.
    pub quantity_ahead: u128,
}

/// The orders of one price: by number in the order of their coming.
type Queue = BTreeMap<u64, (OrderRef, Quantity)>;

/// Where an order is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    side: Side,
    price: Price,
    number: u64,
}

/// A book of orders that is whole or empty, never wrong.
#[derive(Debug, Clone)]
pub struct LocalOrders {
    progress: Progress,
    scale: Scale,
    bids: BTreeMap<Price, Queue>,
    asks: BTreeMap<Price, Queue>,
    found: BTreeMap<OrderRef, Found>,
    /// Numbers given to orders so far.
    numbers: u64,
}

impl LocalOrders {
    /// An empty book that waits for its snapshot.
    pub fn new(market: impl Into<String>, scale: Scale) -> Self {
        Self {
            progress: Progress::new(Topic::of(Channel::BookOrders, market)),
            scale,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            found: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// What it is kept true by.
    pub const fn topic(&self) -> &Topic {
        &self.progress.topic
    }

    /// Takes a push of the channel of books of orders.
    ///
    /// # Errors
    /// The push does not follow, cannot be read, leaves the book crossed or with another checksum than the exchange's.
    /// Pushes of other topics are refused too, but leave the book as it is.
    pub fn apply(&mut self, push: &Push) -> Result<(), BookError> {
        self.progress.check_topic(push)?;
        let taken = self.take(push);
        if taken.is_err() {
            self.clear();
        }
        taken
    }

    fn take(&mut self, push: &Push) -> Result<(), BookError> {
        self.progress.check_place(push)?;
        let (state, expected) = match push.kind {
            PushKind::Snapshot => {
                let book = BookOrders::deserialize(&push.data).map_err(|error| malformed(&error))?;
                self.clear();
                for (side, orders) in [(Side::Buy, &book.bids), (Side::Sell, &book.asks)] {
                    orders.iter().try_for_each(|order| self.rest(side, order))?;
                }
                (book.state, book.checksum)
            }
            PushKind::Update => {
                let update = BookOrdersUpdate::deserialize(&push.data).map_err(|error| malformed(&error))?;
                update.changes.iter().try_for_each(|change| self.change(change))?;
                (update.state, update.checksum)
            }
        };
        (self.progress.seq, self.progress.state) = (Some(push.seq), state);
        self.check(expected)
    }

    fn rest(&mut self, side: Side, order: &RestingOrder) -> Result<(), BookError> {
        let name = parse("order", &order.order).map_err(|error| malformed(&error))?;
        if self.found.contains_key(&name) {
            return Err(BookError::Malformed(format!("order {name} rests twice")));
        }
        let (price, quantity) =
            (self.scale.parse_price(&order.price)?, self.scale.parse_quantity(&order.quantity)?);
        self.append(side, BookOrder { order: name, price, quantity });
        Ok(())
    }

    fn change(&mut self, change: &OrderChange) -> Result<(), BookError> {
        let order: OrderRef = parse("order", &change.order).map_err(|error| malformed(&error))?;
        let side = match change.side.as_str() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            other => return Err(BookError::Malformed(format!("{other:?} is no side"))),
        };
        let (price, quantity) =
            (self.scale.parse_price(&change.price)?, self.scale.parse_quantity(&change.quantity)?);
        match self.found.get(&order).copied() {
            Some(found) if (found.side, found.price) != (side, price) => {
                Err(BookError::Malformed(format!("order {order} moved without being told as gone")))
            }
            Some(found) => {
                self.set(order, found, quantity);
                Ok(())
            }
            None if quantity.is_zero() => {
                Err(BookError::Malformed(format!("order {order} is gone, and was never there")))
            }
            None => {
                self.append(side, BookOrder { order, price, quantity });
                Ok(())
            }
        }
    }

    const fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Queue> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    const fn side(&self, side: Side) -> &BTreeMap<Price, Queue> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn append(&mut self, side: Side, order: BookOrder) {
        self.numbers = self.numbers.saturating_add(1);
        let (number, BookOrder { order, price, quantity }) = (self.numbers, order);
        self.side_mut(side).entry(price).or_default().insert(number, (order, quantity));
        self.found.insert(order, Found { side, price, number });
    }

    /// Gives an order that rests another quantity; 0 takes it away.
    fn set(&mut self, order: OrderRef, found: Found, quantity: Quantity) {
        let Found { side, price, number } = found;
        let prices = self.side_mut(side);
        let Some(queue) = prices.get_mut(&price) else { return };
        if !quantity.is_zero() {
            queue.insert(number, (order, quantity));
            return;
        }
        queue.remove(&number);
        if queue.is_empty() {
            prices.remove(&price);
        }
        self.found.remove(&order);
    }

    fn check(&self, expected: u32) -> Result<(), BookError> {
        let best = |side| self.orders(side).next().map(|order| order.price);
        self.progress.check_best(best(Side::Buy), best(Side::Sell))?;
        check_sum(expected, self.checksum())
    }

    /// The checksum of the orders at the best ten prices of each side, as [`checksum::orders`] has it.
    pub fn checksum(&self) -> u32 {
        let texts = |side| {
            let text = |order: BookOrder| {
                let BookOrder { order, price, quantity } = order;
                [order.to_string(), self.scale.price(price), self.scale.quantity(quantity)]
            };
            // As many orders as stand at the prices that count.
            let count = self.queues(side).take(checksum::LEVELS).map(|(_, queue)| queue.len()).sum();
            self.orders(side).take(count).map(text).collect::<Vec<_>>()
        };
        let (bids, asks) = (texts(Side::Buy), texts(Side::Sell));
        checksum::orders(bids.iter().map(borrowed), asks.iter().map(borrowed))
    }

    fn clear(&mut self) {
        self.progress.clear();
        self.bids.clear();
        self.asks.clear();
        self.found.clear();
    }

    /// Whether a snapshot came and nothing was missed since.
    pub const fn is_live(&self) -> bool {
        self.progress.seq.is_some()
    }

    /// The record up to which the book is true.
    pub const fn seq(&self) -> Option<u64> {
        self.progress.seq
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`.
    pub fn state(&self) -> &str {
        &self.progress.state
    }

    fn queues(&self, side: Side) -> impl Iterator<Item = (&Price, &Queue)> {
        let (bids, asks) = match side {
            Side::Buy => (Some(self.bids.iter().rev()), None),
            Side::Sell => (None, Some(self.asks.iter())),
        };
        bids.into_iter().flatten().chain(asks.into_iter().flatten())
    }

    /// The orders of one side in the order in which they would trade: best price first, then by their queue.
    pub fn orders(&self, side: Side) -> impl Iterator<Item = BookOrder> {
        self.queues(side).flat_map(|(price, queue)| {
            queue.values().map(|(order, quantity)| BookOrder {
                order: *order,
                price: *price,
                quantity: *quantity,
            })
        })
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether none rests.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Where an order stands; `None` if it does not rest. Takes as long as the queue before it.
    pub fn place(&self, order: &OrderRef) -> Option<QueuePlace> {
        let Found { side, price, number } = *self.found.get(order)?;
        let queue = self.side(side).get(&price)?;
        let (_, quantity) = *queue.get(&number)?;
        let ahead = queue.range(..number);
        let (orders_ahead, quantity_ahead) =
            ahead.fold((0_u64, 0_u128), |(orders, lots), (_, (_, quantity))| {
                (orders.saturating_add(1), lots.saturating_add(u128::from(quantity.get())))
            });
        Some(QueuePlace { side, price, quantity, orders_ahead, quantity_ahead })
    }
}

fn borrowed([order, price, quantity]: &[String; 3]) -> (&str, &str, &str) {
    (order, price, quantity)
}

impl PushedBook for LocalOrders {
    fn apply(&mut self, push: &Push) -> Result<(), BookError> {
        self.apply(push)
    }

    fn is_live(&self) -> bool {
        self.is_live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::keypair;
    use serde_json::{Value, json};

    const MARKET: &str = "BWT-BTC";

    /// Order `number` of somebody.
    fn name(number: u64) -> OrderRef {
        OrderRef { key: keypair(1).public(), seq: number, op: 0 }
    }

    /// Order, price, quantity, in the order in which they would trade.
    type Orders<'a> = &'a [(u64, u64, u64)];

    /// One tick is 0.5, one lot is 0.1.
    fn scale() -> Scale {
        Scale::from_steps("0.5", "0.1").unwrap()
    }

    fn price(ticks: u64) -> String {
        scale().price(Price::new(ticks))
    }

    fn quantity(lots: u64) -> String {
        scale().quantity(Quantity::new(lots))
    }

    fn sum(bids: Orders<'_>, asks: Orders<'_>) -> u32 {
        let texts = |orders: Orders<'_>| -> Vec<[String; 3]> {
            let text = |(order, ticks, lots): &(u64, u64, u64)| {
                [name(*order).to_string(), price(*ticks), quantity(*lots)]
            };
            orders.iter().map(text).collect()
        };
        let (bids, asks) = (texts(bids), texts(asks));
        checksum::orders(bids.iter().map(borrowed), asks.iter().map(borrowed))
    }

    fn push(kind: PushKind, prev_seq: u64, seq: u64, data: Value) -> Push {
        let (channel, market) = (Channel::BookOrders, Some(MARKET.to_owned()));
        Push { channel, market, depth: None, interval: None, kind, prev_seq, seq, data }
    }

    fn snapshot(seq: u64, bids: Orders<'_>, asks: Orders<'_>) -> Push {
        let texts = |orders: Orders<'_>| -> Vec<Value> {
            let text = |(order, ticks, lots): &(u64, u64, u64)| json!({"order": name(*order), "price": price(*ticks), "quantity": quantity(*lots)});
            orders.iter().map(text).collect()
        };
        let checksum = sum(bids, asks);
        let data = json!({
            "market": MARKET, "seq": seq, "state": "trading", "bids": texts(bids), "asks": texts(asks),
            "checksum": checksum,
        });
        push(PushKind::Snapshot, 0, seq, data)
    }

    /// Changes as (order, side, price, quantity), and the checksum after them.
    fn update(prev_seq: u64, changes: &[(u64, Side, u64, u64)], checksum: u32) -> Push {
        let change = |(order, side, ticks, lots): &(u64, Side, u64, u64)| {
            let side = if *side == Side::Buy { "buy" } else { "sell" };
            json!({"order": name(*order), "side": side, "price": price(*ticks), "quantity": quantity(*lots)})
        };
        let changes: Vec<Value> = changes.iter().map(change).collect();
        let seq = prev_seq + 1;
        let data = json!({
            "market": MARKET, "seq": seq, "state": "trading", "changes": changes, "checksum": checksum,
        });
        push(PushKind::Update, prev_seq, seq, data)
    }

    fn live() -> LocalOrders {
        let mut book = LocalOrders::new(MARKET, scale());
        book.apply(&snapshot(7, &[(1, 20, 5), (2, 20, 6), (3, 19, 7)], &[(4, 22, 8)])).unwrap();
        book
    }

    fn shown(book: &LocalOrders, side: Side) -> Vec<(u64, u64, u64)> {
        book.orders(side).map(|one| (one.order.seq, one.price.get(), one.quantity.get())).collect()
    }

    fn ahead(book: &LocalOrders, order: u64) -> Option<(u64, u128)> {
        book.place(&name(order)).map(|place| (place.orders_ahead, place.quantity_ahead))
    }

    #[test]
    fn orders_keep_their_place_until_they_lose_it() {
        let mut book = live();
        assert_eq!(
            [1, 2, 3, 4].map(|order| ahead(&book, order)),
            [Some((0, 0)), Some((1, 5)), Some((0, 0)), Some((0, 0))]
        );
        assert_eq!(ahead(&book, 9), None);
        // A newcomer goes to the end; a fill changes what is ahead of those behind.
        let after: Orders<'_> = &[(1, 20, 2), (2, 20, 6), (5, 20, 1), (3, 19, 7)];
        let changes = [(5, Side::Buy, 20, 1), (1, Side::Buy, 20, 2)];
        book.apply(&update(7, &changes, sum(after, &[(4, 22, 8)]))).unwrap();
        assert_eq!(shown(&book, Side::Buy), after);
        assert_eq!((ahead(&book, 2), ahead(&book, 5)), (Some((1, 2)), Some((2, 8))));
        // Whoever loses its place is told as gone first.
        let after: Orders<'_> = &[(2, 20, 6), (5, 20, 1), (1, 20, 9), (3, 19, 7)];
        let changes = [(1, Side::Buy, 20, 0), (1, Side::Buy, 20, 9), (4, Side::Sell, 22, 0)];
        book.apply(&update(8, &changes, sum(after, &[]))).unwrap();
        assert_eq!((shown(&book, Side::Buy), shown(&book, Side::Sell)), (after.to_vec(), vec![]));
        assert_eq!((ahead(&book, 2), ahead(&book, 1)), (Some((0, 0)), Some((2, 7))));
        let place = book.place(&name(1)).unwrap();
        assert_eq!((place.side, place.price, place.quantity), (Side::Buy, Price::new(20), Quantity::new(9)));
        assert_eq!((book.len(), book.seq(), book.state()), (4, Some(9), "trading"));
    }

    #[test]
    fn what_does_not_fit_empties_the_book() {
        let check = |push: Push, fits: fn(&BookError) -> bool| {
            let mut book = live();
            let error = book.apply(&push).unwrap_err();
            assert!(fits(&error), "{error:?}");
            assert!(!book.is_live() && book.is_empty() && book.orders(Side::Buy).next().is_none());
            assert_eq!(book.apply(&update(7, &[], 0)), Err(BookError::NoSnapshot));
        };
        let whole = live().checksum();
        check(update(8, &[], whole), |error| *error == BookError::Gap { expected: 7, found: 8 });
        check(update(7, &[], whole + 1), |error| matches!(error, BookError::Checksum { .. }));
        check(update(7, &[(5, Side::Buy, 22, 1)], whole), |error| *error == BookError::Crossed);
        check(update(7, &[(5, Side::Buy, 20, 0)], whole), |error| matches!(error, BookError::Malformed(_)));
        check(update(7, &[(1, Side::Buy, 19, 5)], whole), |error| matches!(error, BookError::Malformed(_)));
        check(update(7, &[(1, Side::Sell, 20, 5)], whole), |error| matches!(error, BookError::Malformed(_)));
        check(snapshot(8, &[(1, 20, 5), (1, 20, 5)], &[]), |error| matches!(error, BookError::Malformed(_)));
    }

    #[test]
    fn the_checksum_covers_every_order_of_ten_prices() {
        let mut book = LocalOrders::new(MARKET, scale());
        let bids: Vec<(u64, u64, u64)> = (0..24).map(|at| (at + 1, 50 - at / 2, 3)).collect();
        book.apply(&snapshot(1, &bids, &[])).unwrap();
        let change = |at: usize, lots: u64| {
            let mut changed = bids.clone();
            changed[at].2 = lots;
            sum(&changed, &[])
        };
        assert_ne!(book.checksum(), change(19, 4), "the second order of the tenth price counts");
        assert_eq!(book.checksum(), change(20, 4), "the eleventh price does not");
    }

    proptest::proptest! {
        /// Whatever comes and goes: the book is the naive one, a list in the order of coming.
        #[test]
        fn a_book_of_orders_is_the_naive_one(steps in proptest::collection::vec((1_u64..12, 0_u64..3, 0_u64..4), 1..60)) {
            let mut book = LocalOrders::new(MARKET, scale());
            book.apply(&snapshot(1, &[], &[])).unwrap();
            let mut naive: Vec<(u64, u64, u64)> = Vec::new();
            for ((order, ticks, lots), seq) in steps.into_iter().zip(1..) {
                let at = naive.iter().position(|(known, ..)| *known == order);
                let changes = match at {
                    Some(at) if lots == 0 => {
                        let (_, ticks, _) = naive.remove(at);
                        vec![(order, Side::Sell, ticks, 0)]
                    }
                    Some(at) => {
                        naive[at].2 = lots;
                        vec![(order, Side::Sell, naive[at].1, lots)]
                    }
                    None if lots == 0 => vec![],
                    None => {
                        naive.push((order, ticks + 1, lots));
                        vec![(order, Side::Sell, ticks + 1, lots)]
                    }
                };
                let mut sorted = naive.clone();
                sorted.sort_by_key(|(_, ticks, _)| *ticks);
                book.apply(&update(seq, &changes, sum(&[], &sorted))).unwrap();
                proptest::prop_assert_eq!(shown(&book, Side::Sell), sorted);
                for (at, (order, ticks, _)) in naive.iter().enumerate() {
                    let before = naive[..at].iter().filter(|(_, other, _)| other == ticks);
                    let (count, lots) = before.fold((0, 0), |(count, sum), one| (count + 1, sum + u128::from(one.2)));
                    proptest::prop_assert_eq!(ahead(&book, *order), Some((count, lots)));
                }
            }
        }
    }
}
