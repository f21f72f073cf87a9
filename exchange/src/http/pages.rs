//! Lists that come in pages: how many items, and cursors that only the list that gave them can read.

use super::problem::Fault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Display;
use std::str::FromStr;

/// The most items of a page.
const PAGE_MAX: u32 = 1_000;
/// The items of a page if the request does not say.
const PAGE: u32 = 100;

/// Which list, in the first byte of its cursors. The numbers are never given to another list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Orders = 1,
    Fills = 2,
    Deals = 3,
    Trades = 4,
    Candles = 5,
    Auctions = 6,
    Lane = 7,
    Forks = 8,
    Defaults = 9,
    Grants = 10,
    Tranches = 11,
}

/// A page of a list that is being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    kind: Kind,
    /// What the list is of: places of one market mean nothing on another.
    of: String,
    limit: usize,
}

impl Page {
    /// A page of `limit` items, or as many as are usual.
    ///
    /// # Errors
    /// A limit that no page has.
    pub fn new(kind: Kind, of: impl Display, limit: Option<u32>) -> Result<Self, Fault> {
        match limit.unwrap_or(PAGE) {
            limit @ 1..=PAGE_MAX => Ok(Self { kind, of: of.to_string(), limit: limit as usize }),
            _ => Err(Fault::bad_request(format!("limit: 1 to {PAGE_MAX}"))),
        }
    }

    /// How many rows to ask for: one more than the page holds, which says whether another page follows.
    pub const fn rows(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// The place where the page before ended.
    ///
    /// # Errors
    /// `bad_cursor`: no list gave this cursor, or another did.
    pub fn place<P: FromStr>(&self, cursor: Option<&str>) -> Result<Option<P>, Fault> {
        cursor.map(|cursor| self.read(cursor).ok_or_else(Fault::bad_cursor)).transpose()
    }

    fn read<P: FromStr>(&self, cursor: &str) -> Option<P> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (kind, text) = bytes.split_first()?;
        let (of, place) = std::str::from_utf8(text).ok()?.split_once(' ')?;
        if *kind != self.kind as u8 || of != self.of {
            return None;
        }
        place.parse().ok()
    }

    /// Takes the row that only says that another page follows, and gives that page's cursor.
    pub fn end<T, P: Display>(&self, rows: &mut Vec<T>, place: impl Fn(&T) -> P) -> Option<String> {
        if rows.len() <= self.limit {
            return None;
        }
        rows.truncate(self.limit);
        rows.last().map(|last| self.cursor(place(last)))
    }

    fn cursor(&self, place: impl Display) -> String {
        let mut bytes = vec![self.kind as u8];
        bytes.extend_from_slice(format!("{} {place}", self.of).as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_journal::Cursor;

    #[test]
    fn a_cursor_serves_the_list_that_gave_it_and_no_other() {
        let page = |kind, of: &str| Page::new(kind, of, Some(2)).unwrap();
        let (orders, at) = (page(Kind::Orders, ""), Cursor { seq: 12, index: 3 });
        let mut rows = vec![Cursor { seq: 13, index: 0 }, at, Cursor { seq: 11, index: 0 }];
        let cursor = orders.end(&mut rows, |row| *row).unwrap();
        assert_eq!((rows.len(), orders.place(Some(&cursor))), (2, Ok(Some(at))));
        assert_eq!(orders.end(&mut rows, |row| *row), None, "nothing follows");
        assert_eq!(orders.place::<Cursor>(None), Ok(None));
        let refused = |page: &Page, cursor: &str| {
            let fault = page.place::<Cursor>(Some(cursor)).unwrap_err();
            assert_eq!((fault.0.status, fault.0.code.as_str()), (400, "bad_cursor"), "{cursor}");
        };
        refused(&page(Kind::Fills, ""), &cursor);
        refused(&page(Kind::Orders, "BWT-BTC"), &cursor);
        let longer = format!("{cursor}A");
        for wrong in ["", "A", "12-3", "====", "AQ", longer.as_str(), "\u{e9}"] {
            refused(&orders, wrong);
        }
        // The right list, but no place in it.
        refused(&orders, &orders.cursor("12"));
        assert!(Page::new(Kind::Orders, "", Some(0)).is_err());
        assert!(Page::new(Kind::Orders, "", Some(1_001)).is_err());
    }
}
