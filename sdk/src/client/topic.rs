//! What a subscription is about: a channel with its parameters.

use bandex_api::{Channel, Depth, Push, Subscribe};

/// A channel with its parameters. Two subscriptions of the same topic share what comes for it.
///
/// ```
/// use bandex_sdk::{Topic, api::{Channel, Depth}};
/// let fills = Topic::from(Channel::Fills);
/// let trades = Topic::of(Channel::Trades, "BWT-BTC");
/// assert!(fills.market.is_none() && trades.market.as_deref() == Some("BWT-BTC"));
/// let candles = Topic::of(Channel::Candles, "BWT-BTC").every("1m");
/// let best = Topic::of(Channel::Book, "BWT-BTC").deep(Depth::Ten);
/// assert!(candles.interval.is_some() && best.depth == Some(Depth::Ten));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// Which channel.
    pub channel: Channel,
    /// The market (BASE-QUOTE), of channels that are of one.
    pub market: Option<String>,
    /// How many levels of a book; none for all.
    pub depth: Option<Depth>,
    /// How long each candle is: `1m`, `5m`, `15m`, `1h`, `4h` or `1d`.
    pub interval: Option<String>,
}

/// How a channel goes on after something was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It tells of records, and can begin again behind any of them: nothing is ever missed.
    Records,
    /// It tells of a state. What was missed may be had if it is not long past; otherwise the state comes anew.
    State,
    /// It is a sign of life, and tells of nothing that could be missed.
    Beat,
}

impl Topic {
    /// A channel of a market.
    pub fn of(channel: Channel, market: impl Into<String>) -> Self {
        Self { market: Some(market.into()), ..channel.into() }
    }

    /// The same book, so deep only.
    #[must_use]
    pub fn deep(mut self, depth: Depth) -> Self {
        // All levels are asked for by naming no depth.
        self.depth = depth.levels().map(|_| depth);
        self
    }

    /// Candles of an interval.
    #[must_use]
    pub fn every(mut self, interval: impl Into<String>) -> Self {
        self.interval = Some(interval.into());
        self
    }

    /// What a push is about.
    pub fn of_push(push: &Push) -> Self {
        let Push { channel, market, depth, interval, .. } = push;
        let topic =
            Self { channel: *channel, market: market.clone(), depth: None, interval: interval.clone() };
        topic.deep(depth.unwrap_or_default())
    }

    pub(super) fn to_wire(&self, resume_from: Option<u64>) -> Subscribe {
        let Self { channel, market, depth, interval } = self.clone();
        Subscribe { channel, market, depth, interval, resume_from }
    }

    pub(super) const fn nature(&self) -> Nature {
        match self.channel {
            Channel::Heartbeat => Nature::Beat,
            Channel::Trades | Channel::Auction => Nature::Records,
            channel if channel.is_private() => Nature::Records,
            _ => Nature::State,
        }
    }
}

impl From<Channel> for Topic {
    fn from(channel: Channel) -> Self {
        Self { channel, market: None, depth: None, interval: None }
    }
}
