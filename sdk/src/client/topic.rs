//! What a subscription is about: a channel with its parameters.

use bandex_api::{Channel, Push, Subscribe};

/// A channel with its parameters. Two subscriptions of the same topic share what comes for it.
///
/// ```
/// use bandex_sdk::{Topic, api::Channel};
/// let fills = Topic::from(Channel::Fills);
/// let trades = Topic::of(Channel::Trades, "BWT-BTC");
/// assert!(fills.market.is_none() && trades.market.as_deref() == Some("BWT-BTC"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// Which channel.
    pub channel: Channel,
    /// The market (BASE-QUOTE), of channels that are of one.
    pub market: Option<String>,
}

/// How a channel goes on after something was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It tells of records, and can begin again behind any of them: nothing is ever missed.
    Records,
    /// It tells of a state. What was missed may be had if it is not long past; otherwise the state comes anew.
    State,
}

impl Topic {
    /// A channel of a market.
    pub fn of(channel: Channel, market: impl Into<String>) -> Self {
        Self { market: Some(market.into()), ..channel.into() }
    }

    /// What a push is about.
    pub fn of_push(push: &Push) -> Self {
        Self { channel: push.channel, market: push.market.clone() }
    }

    pub(super) fn to_wire(&self, resume_from: Option<u64>) -> Subscribe {
        Subscribe { channel: self.channel, market: self.market.clone(), resume_from }
    }

    pub(super) const fn nature(&self) -> Nature {
        match self.channel {
            Channel::Book => Nature::State,
            Channel::Trades | Channel::Auction => Nature::Records,
            Channel::Orders | Channel::Fills | Channel::Deals | Channel::Protections => Nature::Records,
        }
    }
}

impl From<Channel> for Topic {
    fn from(channel: Channel) -> Self {
        Self { channel, market: None }
    }
}
