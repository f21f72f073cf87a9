//! Follows the channels that a connection asked for.

use super::Message;
use super::channels::Subscription;
use super::messages::{failed, succeeded, text};
use super::out::Out;
use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::sessions::Who;
use crate::shared::Shared;
use crate::view::MarketInfo;
use axum::extract::ws::{CloseFrame, close_code};
use bandex_api::{Push, PushKind, Subscribe};
use bandex_journal::ReadError;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

/// What a connection asks of its news task, with the request's id.
pub(super) enum Wish {
    LoggedIn(u64, Who),
    Subscribe(u64, Subscribe),
    Unsubscribe(u64, Subscribe),
}

/// Why a follower hears nothing more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the key that logged in was ended or ran out; connect and log in with another")]
    Key,
    #[error("too slow: {0} batches missed; subscribe again, private channels with resume_from")]
    TooSlow(u64),
    #[error("the node cannot read its own store; connect again and resume")]
    Store(#[from] ReadError),
    /// The server is stopping, or the peer has gone: no word is needed.
    #[error("the end")]
    Quiet,
}

pub(super) struct Follower {
    pub shared: Arc<Shared>,
    pub subscriptions: Vec<Subscription>,
    /// Every record behind this is still to come as news.
    pub heard: u64,
    /// Whoever is behind has been told all that the projections held: it is a matter of moments.
    pub is_near: bool,
    out: Out,
    who: Option<Who>,
}

pub(super) async fn follow(shared: Arc<Shared>, mut wishes: mpsc::Receiver<Wish>, out: Out) {
    let mut news = shared.news.subscribe();
    let mut checkpoint = shared.checkpoint.clone();
    let mut follower =
        Follower { shared, subscriptions: Vec::new(), heard: 0, is_near: false, out, who: None };
    loop {
        let waits_past = follower.waits_past();
        let done = tokio::select! {
            wish = wishes.recv() => match wish {
                Some(wish) => {
                    follower.grant(wish).await;
                    Ok(())
                }
                None => Err(Ended::Quiet),
            },
            heard = news.recv(), if waits_past.is_none() || !follower.is_near => follower.hear(heard).await,
            moved = ready(&mut checkpoint, &follower.out, waits_past) => match moved {
                Ok(()) => follower.catch_up().await,
                Err(ended) => Err(ended),
            },
        };
        if let Err(ended) = done {
            follower.end(&ended).await;
            return;
        }
    }
}

/// Waits until the projections are past the record and the peer has taken most of what waits for it, so that wishes are
/// heard before more is read for a peer that reads nothing; for ever if nobody waits for that.
async fn ready(checkpoint: &mut watch::Receiver<u64>, out: &Out, seq: Option<u64>) -> Result<(), Ended> {
    let Some(seq) = seq else { return std::future::pending().await };
    checkpoint.wait_for(|at| *at > seq).await.map(drop).map_err(|_| Ended::Quiet)?;
    out.drained().await;
    Ok(())
}

impl Follower {
    pub async fn say(&self, message: Message) {
        // A peer that is gone is noticed by the reader.
        let _ = self.out.say(message).await;
    }

    async fn end(&self, why: &Ended) {
        let code = match why {
            Ended::Key | Ended::TooSlow(_) => close_code::POLICY,
            Ended::Store(error) => {
                tracing::error!(%error, "a channel cannot be resumed");
                close_code::ERROR
            }
            Ended::Quiet => return,
        };
        let close = CloseFrame { code, reason: why.to_string().into() };
        self.say(Message::Close(Some(close))).await;
    }

    /// Who logged in, for what belongs to the account.
    pub fn reader(&self) -> Result<Who, Fault> {
        let who = self.who.ok_or_else(Fault::not_logged_in)?;
        match self.shared.may_read(&who.key) {
            true => Ok(who),
            false => Err(Fault::login_failed("the key that logged in was ended; log in with another")),
        }
    }

    fn keys(&self) -> impl Iterator<Item = Who> {
        self.who.into_iter().chain(self.subscriptions.iter().filter_map(|subscription| subscription.who))
    }

    /// Whether no key that something is told to was ended, or ran out.
    pub fn may_hear(&self) -> bool {
        self.keys().all(|who| self.shared.may_read(&who.key))
    }

    async fn hear(&mut self, heard: Result<Arc<Publication>, RecvError>) -> Result<(), Ended> {
        match heard {
            Ok(publication) => {
                self.heard = self.heard.max(publication.last_seq());
                self.tell(&publication).await?;
                // A key that was ended, or whose time is over, hears nothing more.
                if self.may_hear() { Ok(()) } else { Err(Ended::Key) }
            }
            Err(RecvError::Closed) => Err(Ended::Quiet),
            Err(RecvError::Lagged(missed)) => self.fall_behind(missed),
        }
    }

    /// News were lost: what is private is made up for from the projections, what is public is not kept there.
    fn fall_behind(&mut self, missed: u64) -> Result<(), Ended> {
        // Among what was lost may be the end of the key.
        if !self.may_hear() {
            return Err(Ended::Key);
        }
        if self.subscriptions.iter().any(|subscription| !subscription.channel.is_private()) {
            return Err(Ended::TooSlow(missed));
        }
        // From here it goes on. What the view holds was news before, so all behind it is kept or yet to come.
        self.heard = self.heard.max(self.shared.view().seq);
        self.is_near = false;
        for subscription in &mut self.subscriptions {
            subscription.is_behind = subscription.seen < self.heard;
        }
        Ok(())
    }

    async fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::LoggedIn(id, who) => {
                self.who = Some(who);
                self.say(succeeded(id, &json!({ "account": who.account }))).await;
            }
            Wish::Subscribe(id, wanted) => {
                let done = match wanted.resume_from {
                    Some(from) => self.resume(id, &wanted, from).await,
                    None => self.subscribe(id, &wanted).await,
                };
                if let Err(fault) = done {
                    self.say(failed(id, fault)).await;
                }
            }
            Wish::Unsubscribe(id, wanted) => {
                let market = wanted.market.as_deref();
                self.subscriptions
                    .retain(|one| one.channel != wanted.channel || one.market_symbol() != market);
                self.say(succeeded(id, &json!({}))).await;
            }
        }
    }

    pub fn market_of(&self, wanted: &Subscribe) -> Result<Option<Arc<MarketInfo>>, Fault> {
        if wanted.channel.is_private() && wanted.market.is_some() {
            let detail =
                "orders, fills, deals and protections are of the whole account; leave the market out";
            return Err(Fault::bad_request(detail));
        }
        let missing =
            |name: &str| Fault::not_found(format!("there is no market {name}; /v1/markets lists them"));
        let market = wanted.market.as_deref();
        market.map(|name| self.shared.market(name).ok_or_else(|| missing(name))).transpose()
    }

    async fn subscribe(&mut self, id: u64, wanted: &Subscribe) -> Result<(), Fault> {
        let market = self.market_of(wanted)?;
        let symbol = market.as_ref().map(|info| info.symbol.clone());
        let channel = wanted.channel;
        let who = if channel.is_private() { Some(self.reader()?) } else { None };
        let mut subscription = Subscription { channel, market, who, seq: 0, seen: 0, is_behind: false };
        let data = subscription.snapshot(&self.shared).await?;
        // From here it is followed.
        let seq = subscription.seq;
        self.follow(subscription);
        self.say(succeeded(id, &json!({ "seq": seq }))).await;
        let push = Push {
            channel,
            market: symbol,
            depth: None,
            interval: None,
            kind: PushKind::Snapshot,
            prev_seq: 0,
            seq,
            data,
        };
        self.say(text(&push)).await;
        Ok(())
    }

    /// Takes up a subscription; a second one replaces the first.
    pub fn follow(&mut self, subscription: Subscription) {
        self.subscriptions.retain(|one| {
            one.channel != subscription.channel || one.market_symbol() != subscription.market_symbol()
        });
        self.subscriptions.push(subscription);
    }

    /// Tells the news.
    ///
    /// # Errors
    /// The key that logged in was ended or ran out: what is private is not told any more.
    async fn tell(&mut self, publication: &Publication) -> Result<(), Ended> {
        let seq = publication.last_seq();
        let mut pushes = Vec::new();
        for subscription in &mut self.subscriptions {
            if subscription.is_behind || seq <= subscription.seen {
                continue;
            }
            let data = subscription.update(&self.shared, publication);
            subscription.seen = seq;
            let Some(data) = data else { continue };
            let prev_seq = std::mem::replace(&mut subscription.seq, seq);
            let market = subscription.market_symbol().map(str::to_owned);
            let channel = subscription.channel;
            pushes.push(Push {
                channel,
                market,
                depth: None,
                interval: None,
                kind: PushKind::Update,
                prev_seq,
                seq,
                data,
            });
        }
        for push in pushes {
            // A slow peer may have kept this waiting since the news came.
            if push.channel.is_private() && !self.may_hear() {
                return Err(Ended::Key);
            }
            self.say(text(&push)).await;
        }
        Ok(())
    }
}
