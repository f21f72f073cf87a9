//! A market's book on this side of the wire: a snapshot and the changes since.

use bandex_api::{Book, Channel, Level, Push, PushKind, Scale, ScaleError};
use bandex_types::{Price, Quantity, Side};
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

/// Why a push was not taken. The book is then empty and waits for a snapshot; a [`crate::Subscription`] brings one
/// by itself after a gap, in the other cases subscribe anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Not about this book.
    #[error("the push is about another channel or market")]
    Elsewhere,
    /// A change before any snapshot.
    #[error("a change came before the snapshot")]
    NoSnapshot,
    /// Changes in between are missing.
    #[error("the push follows record {found}; the book stands at {expected}")]
    Gap {
        /// Where the book stood.
        expected: u64,
        /// What the push follows.
        found: u64,
    },
    /// The best bid meets the best ask, which never happens while the market trades.
    #[error("the book is crossed: something was missed, or the exchange is at fault")]
    Crossed,
    /// A price or quantity cannot be read.
    #[error(transparent)]
    Scale(#[from] ScaleError),
    /// The data is no book.
    #[error("the push holds no book: {0}")]
    Malformed(String),
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
    market: String,
    scale: Scale,
    seq: Option<u64>,
    state: String,
    bids: BTreeMap<Price, (Quantity, u64)>,
    asks: BTreeMap<Price, (Quantity, u64)>,
}

impl LocalBook {
    /// An empty book that waits for its snapshot.
    pub fn new(market: impl Into<String>, scale: Scale) -> Self {
        let (market, state) = (market.into(), String::new());
        Self { market, scale, seq: None, state, bids: BTreeMap::new(), asks: BTreeMap::new() }
    }

    /// Takes a push of the book channel.
    ///
    /// # Errors
    /// The push does not follow, cannot be read, or leaves the book crossed. Pushes of other channels and markets are
    /// refused too, but leave the book as it is.
    pub fn apply(&mut self, push: &Push) -> Result<(), BookError> {
        if push.channel != Channel::Book || push.market.as_deref() != Some(self.market.as_str()) {
            return Err(BookError::Elsewhere);
        }
        let taken = self.take(push);
        if taken.is_err() {
            self.clear();
        }
        taken
    }

    fn take(&mut self, push: &Push) -> Result<(), BookError> {
        match (push.kind, self.seq) {
            (PushKind::Snapshot, _) => self.clear(),
            (PushKind::Update, None) => return Err(BookError::NoSnapshot),
            (PushKind::Update, Some(expected)) if expected != push.prev_seq => {
                return Err(BookError::Gap { expected, found: push.prev_seq });
            }
            (PushKind::Update, Some(_)) => {}
        }
        let book: Book = serde_json::from_value(push.data.clone())
            .map_err(|error| BookError::Malformed(error.to_string()))?;
        for (side, levels) in [(&mut self.bids, &book.bids), (&mut self.asks, &book.asks)] {
            for level in levels {
                let (price, quantity) = read(&self.scale, level)?;
                match quantity.is_zero() {
                    true => side.remove(&price),
                    false => side.insert(price, (quantity, level.orders)),
                };
            }
        }
        (self.seq, self.state) = (Some(push.seq), book.state);
        match (self.best_bid(), self.best_ask()) {
            // Orders that gather for an auction cross, and may still when the market was halted before it ended.
            (Some(bid), Some(ask)) if bid.price >= ask.price && self.trades() => Err(BookError::Crossed),
            _ => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.seq = None;
        self.state.clear();
        self.bids.clear();
        self.asks.clear();
    }

    /// Whether a snapshot came and nothing was missed since.
    pub const fn is_live(&self) -> bool {
        self.seq.is_some()
    }

    /// The record up to which the book is true.
    pub const fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// What the market does: `trading`, `cancel_only`, `halted` or `auction`; empty if that was not said.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Whether the market matches orders as they come; otherwise bids may be above asks.
    pub fn trades(&self) -> bool {
        matches!(self.state.as_str(), "trading" | "")
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

    fn live() -> LocalBook {
        let mut book = book();
        let snapshot =
            push(PushKind::Snapshot, 0, 7, &[("10", "1"), ("9.5", "2")], &[("11", "3"), ("12", "4")]);
        book.apply(&snapshot).unwrap();
        book
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
        book.apply(&update).unwrap();
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
        book.apply(&push(PushKind::Snapshot, 3, 4, &[("1", "1")], &[])).unwrap();
        assert_eq!((shown(&book, Side::Buy), shown(&book, Side::Sell)), (vec![(2, 10)], vec![]));
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
        let mut malformed = update(7, &[], &[]);
        malformed.data = serde_json::json!({"bids": 1});
        let refused = live().apply(&malformed);
        assert!(matches!(refused, Err(BookError::Malformed(_))), "{refused:?}");
    }

    #[test]
    fn orders_may_cross_unless_the_market_trades() {
        let with_state = |push: Push, state: &str| {
            let mut push = push;
            push.data["state"] = state.into();
            push
        };
        let check = |state: &str, expected: Result<(), BookError>| {
            let mut book = live();
            let crossing = push(PushKind::Update, 7, 9, &[("12", "1")], &[]);
            assert_eq!(book.apply(&with_state(crossing, state)), expected, "{state}");
            if expected.is_ok() {
                assert_eq!((book.state(), book.trades()), (state, false));
                let quiet = push(PushKind::Update, 9, 10, &[], &[]);
                assert_eq!(book.apply(&with_state(quiet, "trading")), Err(BookError::Crossed), "{state}");
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
        let other_market = Push { market: Some("BWT-XXX".to_owned()), ..good.clone() };
        let other_channel = Push { channel: Channel::Trades, ..good.clone() };
        assert_eq!(book.apply(&other_market), Err(BookError::Elsewhere));
        assert_eq!(book.apply(&other_channel), Err(BookError::Elsewhere));
        assert_eq!(book.apply(&good), Ok(()));
    }
}
