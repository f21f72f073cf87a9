//! Where an agent hears of its deals.

use bandex_sdk::api::{Deal, PushKind};
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::{AccountRest, Markets, Rest, RestError, Subscription, parse};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// News of deals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// Whether these are all open deals, or only those that changed.
    pub whole: bool,
    /// The deals.
    pub deals: Vec<Deal>,
}

/// Why there are no more news.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The channel has ended.
    #[error("the news of deals have ended")]
    Ended,
    /// The exchange could not be asked.
    #[error(transparent)]
    Rest(#[from] RestError),
}

/// A source of news.
pub trait DealSource: Send {
    /// The next news.
    ///
    /// # Errors
    /// There will be no more.
    fn next(&mut self) -> impl Future<Output = Result<News, SourceError>> + Send;
}

/// The `deals` channel of a connection that is logged in as the account.
#[derive(Debug)]
pub struct ChannelSource {
    deals: Subscription,
    rest: Option<AccountRest>,
}

/// No more replaced deals than this are asked for at a time.
const REPLACED_MOST: usize = 256;

/// Adds the deals whose place open ones took, if they are not told too: what is left of two deals can only be checked
/// against those. They are told when it happens, and not to those who come later.
async fn add_replaced(rest: &AccountRest, deals: &mut Vec<Deal>) -> Result<(), RestError> {
    let mut known: BTreeSet<String> = deals.iter().map(|deal| deal.deal.clone()).collect();
    let open = deals.iter().filter(|deal| matches!(deal.state.as_str(), "open" | "disputed"));
    let mut missing: Vec<String> = open.flat_map(|deal| deal.replaces.clone()).collect();
    let most = deals.len().saturating_add(REPLACED_MOST);
    while let Some(id) = missing.pop().filter(|_| deals.len() < most) {
        if known.insert(id.clone()) {
            let deal = rest.deal(parse("replaces", &id)?).await?;
            // Those may have taken the place of others in turn.
            missing.extend(deal.replaces.clone());
            deals.push(deal);
        }
    }
    Ok(())
}

/// A snapshot of the channel holds no more deals than this.
const SNAPSHOT_MOST: usize = 1_000;

impl ChannelSource {
    /// From a subscription to [`bandex_sdk::api::Channel::Deals`].
    pub const fn new(deals: Subscription) -> Self {
        Self { deals, rest: None }
    }

    /// The same for accounts that may have more than a thousand open deals, or deals that took the place of others before
    /// this agent began: what the channel's snapshot does not hold is asked for. Signed requests ([`Rest::signed`]) serve
    /// as long as the key does; the token of a login ends after a day, and with the server.
    #[must_use]
    pub fn with_rest(self, rest: AccountRest) -> Self {
        Self { rest: Some(rest), ..self }
    }

    async fn complete(&self, deals: Vec<Deal>) -> News {
        if deals.len() < SNAPSHOT_MOST {
            return News { whole: true, deals };
        }
        match &self.rest {
            Some(rest) => match rest.open_deals().await {
                Ok(deals) => return News { whole: false, deals },
                Err(error) => tracing::warn!(%error, "older open deals could not be asked for"),
            },
            None => tracing::warn!("there may be older open deals than the channel tells"),
        }
        News { whole: false, deals }
    }
}

impl DealSource for ChannelSource {
    async fn next(&mut self) -> Result<News, SourceError> {
        loop {
            let push = self.deals.next().await.ok_or(SourceError::Ended)?;
            let mut news = match serde_json::from_value(push.data) {
                Ok(deals) if push.kind == PushKind::Snapshot => self.complete(deals).await,
                Ok(deals) => News { whole: false, deals },
                Err(error) => {
                    tracing::warn!(%error, "a push of deals cannot be read");
                    continue;
                }
            };
            if let Some(rest) = &self.rest
                && let Err(error) = add_replaced(rest, &mut news.deals).await
            {
                tracing::warn!(%error, "deals that others took the place of could not be asked for");
            }
            return Ok(news);
        }
    }
}

/// Asks for open deals again and again: for accounts without a connection of their own.
#[derive(Debug)]
pub struct PollingSource {
    rest: Rest,
    markets: Arc<Markets>,
    keypair: Keypair,
    every: Duration,
    session: Option<AccountRest>,
    open: BTreeSet<String>,
}

/// A session is renewed this long before it ends.
const RENEW_BEFORE_US: u64 = 60_000_000;

impl PollingSource {
    /// Asks as the account of `keypair`, waiting `every` between questions.
    pub const fn new(rest: Rest, markets: Arc<Markets>, keypair: Keypair, every: Duration) -> Self {
        Self { rest, markets, keypair, every, session: None, open: BTreeSet::new() }
    }

    async fn ask(&mut self) -> Result<News, RestError> {
        let session = match self.session.take().filter(|session| !session.expires_within(RENEW_BEFORE_US)) {
            Some(session) => session,
            None => self.rest.login(&self.keypair, &self.markets).await?,
        };
        let mut deals = session.open_deals().await?;
        let open: BTreeSet<String> = deals.iter().map(|deal| deal.deal.clone()).collect();
        // Those that are open no more are told once in their last state.
        for closed in self.open.difference(&open) {
            deals.push(session.deal(parse("deal", closed)?).await?);
        }
        add_replaced(&session, &mut deals).await?;
        self.open = open;
        self.session = Some(session);
        Ok(News { whole: false, deals })
    }
}

impl DealSource for PollingSource {
    async fn next(&mut self) -> Result<News, SourceError> {
        loop {
            if self.session.is_some() {
                sleep(self.every).await;
            }
            match self.ask().await {
                Ok(news) => return Ok(news),
                Err(error @ (RestError::OtherNode | RestError::Wire(_))) => return Err(error.into()),
                Err(error) => {
                    // The session was dropped with the question; the wait is made up for here.
                    tracing::warn!(%error, "deals could not be asked for");
                    sleep(self.every).await;
                }
            }
        }
    }
}

/// News by hand.
impl DealSource for mpsc::UnboundedReceiver<News> {
    async fn next(&mut self) -> Result<News, SourceError> {
        self.recv().await.ok_or(SourceError::Ended)
    }
}
