//! The checksums by which a client finds out whether its book is the exchange's.
//!
//! Each is the CRC-32 of zlib, gzip and PNG over an ASCII text made of what the exchange sent, joined by colons. An
//! empty book's is that of the empty text, 0.

use crc32fast::Hasher;

/// The levels of each side that a checksum covers.
pub const LEVELS: usize = 10;

/// Of a book by levels: `price:quantity` of the best ten bids, best first, then of the best ten asks, as they are on the
/// wire. What lies behind the tenth level is not looked at.
///
/// ```
/// let (bids, asks) = ([("99", "1.5"), ("98", "2")], [("101", "0.25")]);
/// let whole = crc32fast::hash(b"99:1.5:98:2:101:0.25");
/// assert_eq!(bandex_api::checksum::levels(bids, asks), whole);
/// ```
pub fn levels<'a>(
    bids: impl IntoIterator<Item = (&'a str, &'a str)>,
    asks: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> u32 {
    let mut text = Joined::default();
    for (price, quantity) in bids.into_iter().take(LEVELS).chain(asks.into_iter().take(LEVELS)) {
        text.push(price);
        text.push(quantity);
    }
    text.checksum()
}

/// Of a book by orders: `order:price:quantity` of each order at the best ten prices of the bids in queue order, best
/// price first, then of the asks, as they are on the wire. What lies behind the tenth price is not looked at.
///
/// ```
/// let bids = [("a:1:0", "99", "1"), ("b:7:2", "99", "2")];
/// let whole = crc32fast::hash(b"a:1:0:99:1:b:7:2:99:2");
/// assert_eq!(bandex_api::checksum::orders(bids, []), whole);
/// ```
pub fn orders<'a>(
    bids: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
    asks: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>,
) -> u32 {
    let mut text = Joined::default();
    best_prices(&mut text, bids);
    best_prices(&mut text, asks);
    text.checksum()
}

fn best_prices<'a>(text: &mut Joined, side: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) {
    let (mut last, mut prices) = (None, 0);
    for (order, price, quantity) in side {
        if last.replace(price) != Some(price) {
            prices += 1;
        }
        if prices > LEVELS {
            return;
        }
        text.push(order);
        text.push(price);
        text.push(quantity);
    }
}

/// A text of parts with colons between them, of which only the checksum is kept.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    hasher: Hasher,
    is_begun: bool,
}

impl Joined {
    /// Adds a part.
    pub fn push(&mut self, part: &str) {
        self.separate();
        self.hasher.update(part.as_bytes());
    }

    /// Adds all parts of another text.
    pub fn append(&mut self, other: &Self) {
        if other.is_begun {
            self.separate();
            self.hasher.combine(&other.hasher);
        }
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.is_begun, true) {
            self.hasher.update(b":");
        }
    }

    /// The checksum of the whole text.
    #[must_use]
    pub fn checksum(self) -> u32 {
        self.hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_book_has_none_and_what_lies_deep_does_not_count() {
        assert_eq!((levels([], []), orders([], [])), (0, 0));
        let prices: Vec<String> = (0..12).map(|at| (100 - at).to_string()).collect();
        let side = |count: usize| prices.iter().take(count).map(|price| (price.as_str(), "1"));
        let one = [("7", "1")];
        assert_eq!(levels(side(10), one), levels(side(12), one));
        assert_ne!(levels(side(9), one), levels(side(10), one));
        let two = |count: usize| side(count).flat_map(|(price, one)| [("a", price, one), ("b", price, one)]);
        assert_eq!(orders(two(10), []), orders(two(11), []));
        assert_ne!(orders(two(10), []), orders(two(9), []));
    }

    #[test]
    fn a_known_text() {
        // The check value of CRC-32: of the text 123456789.
        let mut text = Joined::default();
        text.push("123456789");
        assert_eq!(text.checksum(), 0xcbf4_3926);
    }

    #[test]
    fn texts_can_be_put_together_from_pieces() {
        let text = |parts: &[&str]| {
            let mut text = Joined::default();
            parts.iter().for_each(|part| text.push(part));
            text
        };
        let mut whole = text(&["a", "b"]);
        whole.append(&text(&[]));
        whole.append(&text(&["c"]));
        assert_eq!(whole.checksum(), text(&["a", "b", "c"]).checksum());
    }
}
