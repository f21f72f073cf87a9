//! A book that keeps itself whole: it takes every push, and asks for a new snapshot if one does not fit.

use super::{BookError, LocalBook, LocalOrders};
use crate::{Client, ClientError, MarketInfo, Subscription};
use bandex_api::{Depth, Push};

/// A book that takes pushes.
pub trait PushedBook {
    /// Takes a push.
    ///
    /// # Errors
    /// It does not fit; the book is empty then, unless the push is about something else.
    fn apply(&mut self, push: &Push) -> Result<(), BookError>;

    /// Whether a snapshot came and nothing was missed since.
    fn is_live(&self) -> bool;
}

/// A book with the subscription that keeps it true.
///
/// ```no_run
/// # use bandex_sdk::api::Depth;
/// # async fn example(client: bandex_sdk::Client, market: &bandex_sdk::MarketInfo) -> Result<(), Box<dyn std::error::Error>> {
/// let mut feed = client.book(market, Depth::Ten).await?;
/// while let Some(book) = feed.next().await {
///     println!("{:?} {:?}", book.best_bid(), book.best_ask());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BookFeed<B> {
    subscription: Subscription,
    book: B,
    faults: u64,
}

impl<B: PushedBook> BookFeed<B> {
    /// Keeps `book` true by what `subscription` brings.
    pub const fn new(subscription: Subscription, book: B) -> Self {
        Self { subscription, book, faults: 0 }
    }

    /// The book, whole or empty.
    pub const fn book(&self) -> &B {
        &self.book
    }

    /// How often a push did not fit, so that the book was emptied and asked for anew.
    pub const fn faults(&self) -> u64 {
        self.faults
    }

    /// Waits until the book has changed and is whole; `None` once the exchange refuses the channel. May be dropped
    /// while it waits.
    pub async fn next(&mut self) -> Option<&B> {
        loop {
            self.next_push().await?;
            if self.book.is_live() {
                return Some(&self.book);
            }
        }
    }

    /// The next push, which the book has taken already or is empty of; for programs that keep what they hear. `None`
    /// once the exchange refuses the channel. May be dropped while it waits.
    pub async fn next_push(&mut self) -> Option<Push> {
        let push = self.subscription.next().await?;
        self.take(&push);
        Some(push)
    }

    /// Takes a push of the subscription.
    fn take(&mut self, push: &Push) {
        match self.book.apply(push) {
            // What comes between a fault and the snapshot is of no use.
            Ok(()) | Err(BookError::NoSnapshot | BookError::Elsewhere) => {}
            Err(error) => {
                tracing::warn!(%error, seq = push.seq, "a book is asked for anew");
                self.faults = self.faults.saturating_add(1);
                self.subscription.refresh();
            }
        }
    }
}

impl Client {
    /// Follows a market's book by levels: so many of the best of each side, or all of them.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    pub async fn book(&self, market: &MarketInfo, depth: Depth) -> Result<BookFeed<LocalBook>, ClientError> {
        let book = LocalBook::new(&market.symbol, market.scale).with_depth(depth);
        Ok(BookFeed::new(self.subscribe(book.topic().clone()).await?, book))
    }

    /// Follows a market's book order by order.
    ///
    /// # Errors
    /// See [`Client::subscribe`].
    pub async fn book_orders(&self, market: &MarketInfo) -> Result<BookFeed<LocalOrders>, ClientError> {
        let book = LocalOrders::new(&market.symbol, market.scale);
        Ok(BookFeed::new(self.subscribe(book.topic().clone()).await?, book))
    }
}
