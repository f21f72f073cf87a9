//! A market's book by levels.

use super::{BookError, Progress, PushedBook, check_sum, malformed};
use crate::Topic;
use bandex_api::{Book, Channel, Depth, Level, Push, PushKind, Scale, ScaleError, checksum};
use bandex_types::{Price, Quantity, Side};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One price of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookLevel {
    /// In ticks.
    pub price: Price,
    /// What rests there, in lots.
    pub quantity: Quantity,
    /// How many orders rest there.
    pub orders: u64,
}

/// A book that is whole or empty, never wrong.
///
/// ```
/// use bandex_sdk::{LocalBook, api::Scale};
/// let scale = Scale::new(9, 11, 1_000, 1, 200_000_000)?;
/// let book = LocalBook::new("BWT-BTC", scale);
/// assert!(!book.is_live() && book.best_bid().is_none());
/// # Ok::<(), bandex_sdk::api::ScaleError>(())
/// ```
#[derive(Debug, Clone)]
pub struct LocalBook {
    progress: Progress,
    scale: Scale,
    bids: BTreeMap<Price, (Quantity, u64)>,
    asks: BTreeMap<Price, (Quantity, u64)>,
}

impl LocalBook {
    /// An empty book of all levels that waits for its snapshot.
    pub fn new(market: impl Into<String>, scale: Scale) -> Self {
        let progress = Progress::new(Topic::of(Channel::Book, market));
        Self { progress, scale, bids: BTreeMap::new(), asks: BTreeMap::new() }
    }

    /// The same with so many of the best levels of each side only.
    #[must_use]
    pub fn with_depth(mut self, depth: Depth) -> Self {
        self.progress.topic = self.progress.topic.deep(depth);
        self
    }

    /// What it is kept true by.
    pub const fn topic(&self) -> &Topic {
        &self.progress.topic
    }

    /// Takes a push of the book channel.
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
        let book = Book::deserialize(&push.data).map_err(|error| malformed(&error))?;
        if push.kind == PushKind::Snapshot {
            self.clear();
        }
        for (side, levels) in [(&mut self.bids, &book.bids), (&mut self.asks, &book.asks)] {
            for level in levels {
                let (price, quantity) = read(&self.scale, level)?;
                match quantity.is_zero() {
                    true => side.remove(&price),
                    false => side.insert(price, (quantity, level.orders)),
                };
            }
        }
        (self.progress.seq, self.progress.state) = (Some(push.seq), book.state);
        self.check(book.checksum)
    }

    fn check(&self, expected: u32) -> Result<(), BookError> {
        let price = |level: BookLevel| level.price;
        self.progress.check_best(self.best_bid().map(price), self.best_ask().map(price))?;
        let most =
            self.progress.topic.depth.and_then(Depth::levels).and_then(|most| usize::try_from(most).ok());
        if let Some(most) = most
            && self.bids.len().max(self.asks.len()) > most
        {
            return Err(BookError::Malformed(format!("more than {most} levels on a side")));
        }
        check_sum(expected, self.checksum())
    }

    /// The checksum of the best ten levels of each side, as [`checksum::levels`] has it.
    pub fn checksum(&self) -> u32 {
        let text = |level: BookLevel| (self.scale.price(level.price), self.scale.quantity(level.quantity));
        let texts = |side| self.levels(side).take(checksum::LEVELS).map(text).collect::<Vec<_>>();
        let (bids, asks) = (texts(Side::Buy), texts(Side::Sell));
        checksum::levels(bids.iter().map(borrowed), asks.iter().map(borrowed))
    }

    fn clear(&mut self) {
        self.progress.clear();
        self.bids.clear();
        self.asks.clear();
    }

    /// Whether a snapshot came and nothing was missed since.
    pub const fn is_live(&self) -> bool {
        self.progress.seq.is_some()
    }

    /// The record up to which the book is true.
    pub const fn seq(&self) -> Option<u64> {
        self.progress.seq
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`; empty if that was not said.
    pub fn state(&self) -> &str {
        &self.progress.state
    }

    /// Whether the market matches orders as they come; otherwise bids may be above asks.
    pub fn trades(&self) -> bool {
        self.progress.trades()
    }

    /// The highest price somebody buys at.
    pub fn best_bid(&self) -> Option<BookLevel> {
        self.levels(Side::Buy).next()
    }

    /// The lowest price somebody sells at.
    pub fn best_ask(&self) -> Option<BookLevel> {
        self.levels(Side::Sell).next()
    }

    /// The levels of one side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> {
        let (bids, asks) = match side {
            Side::Buy => (Some(self.bids.iter().rev()), None),
            Side::Sell => (None, Some(self.asks.iter())),
        };
        let all = bids.into_iter().flatten().chain(asks.into_iter().flatten());
        all.map(|(price, (quantity, orders))| BookLevel {
            price: *price,
            quantity: *quantity,
            orders: *orders,
        })
    }

    /// How many lots an order on `side` could trade at once at `limit` or better. May be above 64 bits.
    pub fn available(&self, side: Side, limit: Price) -> u128 {
        let reaches = |level: &BookLevel| match side {
            Side::Buy => level.price <= limit,
            Side::Sell => level.price >= limit,
        };
        self.levels(side.opposite()).take_while(reaches).map(|level| u128::from(level.quantity.get())).sum()
    }

    /// How prices and quantities of this market are written.
    pub const fn scale(&self) -> &Scale {
        &self.scale
    }
}

fn read(scale: &Scale, level: &Level) -> Result<(Price, Quantity), ScaleError> {
    Ok((scale.parse_price(&level.price)?, scale.parse_quantity(&level.quantity)?))
}

fn borrowed((price, quantity): &(String, String)) -> (&str, &str) {
    (price, quantity)
}

impl PushedBook for LocalBook {
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

    const MARKET: &str = "BWT-BTC";

    /// One tick is 0.5, one lot is 0.1.
    fn book() -> LocalBook {
        LocalBook::new(MARKET, Scale::from_steps("0.5", "0.1").unwrap())
    }

    type Levels<'a> = &'a [(&'a str, &'a str)];

    fn push(kind: PushKind, prev_seq: u64, seq: u64, bids: Levels<'_>, asks: Levels<'_>) -> Push {
        let levels = |levels: Levels<'_>| {
            let level = |(price, quantity): &(&str, &str)| Level {
                price: (*price).to_owned(),
                quantity: (*quantity).to_owned(),
                orders: 1,
            };
            levels.iter().map(level).collect()
        };
        let (market, state) = (MARKET.to_owned(), "trading".to_owned());
        let book = Book { market, seq, state, bids: levels(bids), asks: levels(asks), checksum: 0 };
        let (market, data) = (Some(MARKET.to_owned()), serde_json::to_value(book).unwrap());
        Push { channel: Channel::Book, market, depth: None, interval: None, kind, prev_seq, seq, data }
    }

    /// The push with the checksum of the book after it.
    fn summed(mut push: Push, bids: Levels<'_>, asks: Levels<'_>) -> Push {
        let sum = checksum::levels(bids.iter().copied(), asks.iter().copied());
        push.data["checksum"] = sum.into();
        push
    }

    fn live() -> LocalBook {
        let mut book = book();
        let (bids, asks): (Levels<'_>, Levels<'_>) =
            (&[("10", "1"), ("9.5", "2")], &[("11", "3"), ("12", "4")]);
        book.apply(&summed(push(PushKind::Snapshot, 0, 7, bids, asks), bids, asks)).unwrap();
        book
    }

    /// Applies a push that leaves a book of these levels.
    fn apply(book: &mut LocalBook, push: Push, bids: Levels<'_>, asks: Levels<'_>) -> Result<(), BookError> {
        book.apply(&summed(push, bids, asks))
    }

    fn shown(book: &LocalBook, side: Side) -> Vec<(u64, u64)> {
        book.levels(side).map(|level| (level.price.get(), level.quantity.get())).collect()
    }

    #[test]
    fn a_snapshot_and_changes_add_up() {
        let mut book = live();
        assert_eq!(shown(&book, Side::Buy), [(20, 10), (19, 20)]);
        assert_eq!(shown(&book, Side::Sell), [(22, 30), (24, 40)]);
        let update =
            push(PushKind::Update, 7, 9, &[("10", "0"), ("9", "0.5")], &[("10", "0.3"), ("11", "0")]);
        apply(&mut book, update, &[("9.5", "2"), ("9", "0.5")], &[("10", "0.3"), ("12", "4")]).unwrap();
        assert_eq!(shown(&book, Side::Buy), [(19, 20), (18, 5)]);
        assert_eq!(shown(&book, Side::Sell), [(20, 3), (24, 40)]);
        assert_eq!(book.seq(), Some(9));
        assert_eq!(book.best_ask().map(|level| level.price), Some(Price::new(20)));
        let available = |side, limit| book.available(side, Price::new(limit));
        assert_eq!(
            [available(Side::Buy, 19), available(Side::Buy, 20), available(Side::Buy, 30)],
            [0, 3, 43]
        );
        assert_eq!(
            [available(Side::Sell, 20), available(Side::Sell, 19), available(Side::Sell, 0)],
            [0, 20, 25]
        );
        // A snapshot replaces everything, whatever it follows.
        let snapshot = push(PushKind::Snapshot, 3, 4, &[("1", "1")], &[]);
        apply(&mut book, snapshot, &[("1", "1")], &[]).unwrap();
        assert_eq!((shown(&book, Side::Buy), shown(&book, Side::Sell)), (vec![(2, 10)], vec![]));
        // The empty book's checksum is 0.
        apply(&mut book, push(PushKind::Update, 4, 5, &[("1", "0")], &[]), &[], &[]).unwrap();
        assert!(book.is_live() && book.checksum() == 0);
    }

    #[test]
    fn what_does_not_fit_empties_the_book() {
        let check = |push: Push, expected: BookError| {
            let mut book = live();
            assert_eq!(book.apply(&push), Err(expected));
            assert!(!book.is_live() && book.best_bid().is_none() && book.best_ask().is_none());
            let late = super::tests::push(PushKind::Update, push.seq, push.seq + 1, &[], &[]);
            assert_eq!(book.apply(&late), Err(BookError::NoSnapshot));
        };
        let update = |prev_seq, bids, asks| push(PushKind::Update, prev_seq, 9, bids, asks);
        check(update(8, &[], &[]), BookError::Gap { expected: 7, found: 8 });
        check(update(6, &[], &[]), BookError::Gap { expected: 7, found: 6 });
        check(update(7, &[("11", "1")], &[]), BookError::Crossed);
        check(update(7, &[], &[("9", "1")]), BookError::Crossed);
        check(push(PushKind::Snapshot, 0, 9, &[("2", "1")], &[("1", "1")]), BookError::Crossed);
        let odd = Scale::from_steps("0.5", "0.1").unwrap().parse_price("1.2").unwrap_err();
        check(update(7, &[("1.2", "1")], &[]), BookError::Scale(odd));
        let (bids, asks): (Levels<'_>, Levels<'_>) =
            (&[("10", "1"), ("9.5", "2")], &[("11", "3"), ("12", "4")]);
        let expected = checksum::levels(bids[..1].iter().copied(), asks.iter().copied());
        let found = checksum::levels(bids.iter().copied(), asks.iter().copied());
        check(summed(update(7, &[], &[]), &bids[..1], asks), BookError::Checksum { expected, found });
        let mut malformed = update(7, &[], &[]);
        malformed.data = serde_json::json!({"bids": 1});
        let refused = live().apply(&malformed);
        assert!(matches!(refused, Err(BookError::Malformed(_))), "{refused:?}");
    }

    #[test]
    fn a_book_of_the_best_levels_is_told_apart_and_never_deeper() {
        let mut book = book().with_depth(Depth::Ten);
        let prices: Vec<String> = (1..=11).map(|price| price.to_string()).collect();
        let levels: Vec<(&str, &str)> = prices.iter().map(|price| (price.as_str(), "1")).collect();
        let ten = |push: Push| Push { depth: Some(Depth::Ten), ..push };
        let whole = push(PushKind::Snapshot, 0, 7, &[], &levels[..10]);
        assert_eq!(apply(&mut book, whole.clone(), &[], &levels[..10]), Err(BookError::Elsewhere));
        assert_eq!(apply(&mut book, ten(whole), &[], &levels[..10]), Ok(()));
        // The eleventh level enters only as another leaves.
        let moved = push(PushKind::Update, 7, 8, &[], &[("1", "0"), ("11", "1")]);
        assert_eq!(apply(&mut book, ten(moved), &[], &levels[1..]), Ok(()));
        let entered = push(PushKind::Update, 8, 9, &[], &[("1", "1")]);
        let refused = apply(&mut book, ten(entered), &[], &levels);
        assert!(matches!(refused, Err(BookError::Malformed(_))), "{refused:?}");
    }

    #[test]
    fn orders_may_cross_unless_the_market_trades() {
        let with_state = |push: Push, state: &str| {
            let mut push = push;
            push.data["state"] = state.into();
            push
        };
        let bids: Levels<'_> = &[("12", "1"), ("10", "1"), ("9.5", "2")];
        let asks: Levels<'_> = &[("11", "3"), ("12", "4")];
        let check = |state: &str, expected: Result<(), BookError>| {
            let mut book = live();
            let crossing = push(PushKind::Update, 7, 9, &[("12", "1")], &[]);
            assert_eq!(apply(&mut book, with_state(crossing, state), bids, asks), expected, "{state}");
            if expected.is_ok() {
                assert_eq!((book.state(), book.trades()), (state, false));
                let quiet = with_state(push(PushKind::Update, 9, 10, &[], &[]), "trading");
                assert_eq!(apply(&mut book, quiet, bids, asks), Err(BookError::Crossed), "{state}");
            }
        };
        check("auction", Ok(()));
        check("halted", Ok(()));
        check("cancel_only", Ok(()));
        check("trading", Err(BookError::Crossed));
        check("", Err(BookError::Crossed));
    }

    #[test]
    fn pushes_about_other_things_leave_the_book() {
        let mut book = live();
        let good = push(PushKind::Update, 7, 9, &[], &[]);
        let good = summed(good, &[("10", "1"), ("9.5", "2")], &[("11", "3"), ("12", "4")]);
        let other_market = Push { market: Some("BWT-XXX".to_owned()), ..good.clone() };
        let other_channel = Push { channel: Channel::Trades, ..good.clone() };
        let other_depth = Push { depth: Some(Depth::Ten), ..good.clone() };
        assert_eq!(book.apply(&other_market), Err(BookError::Elsewhere));
        assert_eq!(book.apply(&other_channel), Err(BookError::Elsewhere));
        assert_eq!(book.apply(&other_depth), Err(BookError::Elsewhere));
        assert_eq!(book.apply(&good), Ok(()));
    }
}
