//! Follows the channels that a connection asked for: public topics are shared and reach it by themselves, private ones
//! are made here.

use super::Message;
use super::lists::{List, Part};
use super::messages::{Asked, Said, failed, raw, succeeded};
use super::out::Out;
use super::private::{Subscription, limits, value};
use super::topics::{self, Followed};
use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::ws::{CloseFrame, close_code};
use bandex_api::{Channel, PushKind, Subscribe, Subscribed};
use bandex_journal::ReadError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};

/// The most subscriptions of one connection.
const SUBSCRIPTIONS_MAX: usize = 64;

/// What a connection asks of its news task.
pub(super) enum Wish {
    LoggedIn(Asked, Who),
    Subscribe(Asked, Subscribe),
    Unsubscribe(Asked, Subscribe),
}

/// Why a wish was not granted.
enum NotGranted {
    /// It is answered so.
    Refused(Fault),
    /// It had been answered already.
    Ended(Ended),
}

impl From<Fault> for NotGranted {
    fn from(fault: Fault) -> Self {
        Self::Refused(fault)
    }
}

impl From<Ended> for NotGranted {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// Why a follower hears nothing more.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    #[error("the key that logged in was ended or ran out; connect and log in with another")]
    Key,
    #[error("the node cannot read its own store; connect again and resume")]
    Store(#[from] ReadError),
    /// The server is stopping, or the peer has gone: no word is needed.
    #[error("the end")]
    Quiet,
}

pub(super) struct Follower {
    pub shared: Arc<Shared>,
    pub subscriptions: Vec<Subscription>,
    /// Public topics, by what was asked for.
    topics: BTreeMap<Subscribe, Followed>,
    /// Every record behind this is still to come as news.
    pub heard: u64,
    /// Whoever is behind has been told all that the projections held: it is a matter of moments.
    pub is_near: bool,
    /// What is published, from the first login on: public topics need none of it.
    news: Option<broadcast::Receiver<Arc<Publication>>>,
    pub out: Out,
    who: Option<Who>,
}

pub(super) async fn follow(shared: Arc<Shared>, mut wishes: mpsc::Receiver<Wish>, out: Out) {
    let mut checkpoint = shared.checkpoint.clone();
    let (subscriptions, topics) = (Vec::new(), BTreeMap::new());
    let mut follower =
        Follower { shared, subscriptions, topics, heard: 0, is_near: false, news: None, out, who: None };
    loop {
        let waits_past = follower.waits_past();
        let listens = waits_past.is_none() || !follower.is_near;
        let done = tokio::select! {
            wish = wishes.recv() => match wish {
                Some(wish) => follower.grant(wish).await,
                None => Err(Ended::Quiet),
            },
            heard = next(&mut follower.news), if listens => follower.hear(heard).await,
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

/// The next publication; for ever if nobody listens.
async fn next(
    news: &mut Option<broadcast::Receiver<Arc<Publication>>>,
) -> Result<Arc<Publication>, RecvError> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
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
            Ended::Key => close_code::POLICY,
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
        self.who.into_iter().chain(self.subscriptions.iter().map(|subscription| subscription.who))
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
            Err(RecvError::Lagged(_)) => self.fall_behind(),
        }
    }

    /// News were lost: they are made up for from the projections.
    fn fall_behind(&mut self) -> Result<(), Ended> {
        // Among what was lost may be the end of the key.
        if !self.may_hear() {
            return Err(Ended::Key);
        }
        // From here it goes on. What the view holds was news before, so all behind it is kept or yet to come.
        self.heard = self.heard.max(self.shared.view().seq);
        self.is_near = false;
        for subscription in &mut self.subscriptions {
            subscription.is_behind = subscription.seen < self.heard;
        }
        Ok(())
    }

    /// Does what was asked for, or says why not.
    ///
    /// # Errors
    /// It failed when it had been answered: nothing more can be told.
    async fn grant(&mut self, wish: Wish) -> Result<(), Ended> {
        match wish {
            Wish::LoggedIn(asked, who) => {
                self.log_in(who);
                self.say(succeeded(asked, &json!({ "account": who.account }))).await;
            }
            Wish::Subscribe(asked, wanted) => match self.subscribe(asked, wanted).await {
                Ok(()) => {}
                Err(NotGranted::Refused(fault)) => self.say(failed(asked, fault)).await,
                Err(NotGranted::Ended(ended)) => return Err(ended),
            },
            Wish::Unsubscribe(asked, wanted) => {
                self.leave(&Subscribe { resume_from: None, ..wanted });
                self.say(succeeded(asked, &json!({}))).await;
            }
        }
        Ok(())
    }

    /// The connection speaks for a key from now on; another login takes the place of the one before.
    fn log_in(&mut self, who: Who) {
        self.who = Some(who);
        // The lock keeps state and news together: whoever holds it has yet to hear of what is published next.
        let view = self.shared.view();
        if self.news.is_none() {
            self.heard = self.heard.max(view.seq);
            self.news = Some(self.shared.news.subscribe());
        }
    }

    /// Ends a subscription, if there is one of this name.
    fn leave(&mut self, name: &Subscribe) {
        self.topics.remove(name);
        self.subscriptions.retain(|one| one.name() != *name);
    }

    async fn subscribe(&mut self, asked: Asked, wanted: Subscribe) -> Result<(), NotGranted> {
        let name = Subscribe { resume_from: None, ..wanted.clone() };
        // A second one replaces the first.
        self.leave(&name);
        if self.topics.len().saturating_add(self.subscriptions.len()) >= SUBSCRIPTIONS_MAX {
            return Err(Fault::too_many_subscriptions(SUBSCRIPTIONS_MAX).into());
        }
        if wanted.channel.is_private() {
            return self.subscribe_private(asked, &wanted).await;
        }
        let reply = |seq| succeeded(asked, &Subscribed { seq });
        let followed = topics::follow(&self.shared, &self.out, wanted, reply).await?;
        if let Some(followed) = followed {
            self.topics.insert(name, followed);
        }
        Ok(())
    }

    async fn subscribe_private(&mut self, asked: Asked, wanted: &Subscribe) -> Result<(), NotGranted> {
        let (of_market, of_book) =
            (wanted.market.is_some(), wanted.depth.is_some() || wanted.interval.is_some());
        if of_market || of_book {
            let detail =
                "private channels are of the whole account; leave the market out, and depth and interval";
            return Err(Fault::bad_request(detail).into());
        }
        let who = self.reader()?;
        if let Some(from) = wanted.resume_from {
            return Ok(self.resume(asked, wanted.channel, who, from).await?);
        }
        let mut subscription = Subscription::new(wanted.channel, who, &self.shared.edge.metrics);
        let (data, rest) = subscription.snapshot(&self.shared).await?;
        // From here it is followed.
        let (topic, seq) = (subscription.name(), subscription.seq);
        let (at, list) = (self.subscriptions.len(), List::of(wanted.channel, who.account));
        self.subscriptions.push(subscription);
        self.say(succeeded(asked, &Subscribed { seq })).await;
        let data = raw(&data);
        let push = Said { topic: &topic, kind: PushKind::Snapshot, prev_seq: 0, seq, data: &data };
        self.say(Message::Text(push.text())).await;
        if let Some(list) = list {
            self.tell_rest(at, list, rest).await?;
        }
        Ok(())
    }

    /// Tells what of a list did not go into the snapshot of the private channel at this place.
    ///
    /// # Errors
    /// As [`Follower::tell`], or a store cannot be read.
    async fn tell_rest(&mut self, at: usize, list: List, rest: VecDeque<Part>) -> Result<(), Ended> {
        for part in rest {
            self.out.drained().await;
            let data = list.items(&self.shared, part).await?;
            self.push(at, &data, part.seq).await?;
        }
        Ok(())
    }

    /// Says what changed on the private channel at this place in the list, which is true up to the record `seq` then.
    ///
    /// # Errors
    /// The key that logged in was ended or ran out: what is private is not told any more.
    pub async fn push(&mut self, at: usize, data: &Value, seq: u64) -> Result<(), Ended> {
        let Some(one) = self.subscriptions.get_mut(at) else { return Ok(()) };
        let prev_seq = std::mem::replace(&mut one.seq, seq);
        let (topic, data) = (one.name(), raw(data));
        let push = Said { topic: &topic, kind: PushKind::Update, prev_seq, seq, data: &data };
        // A slow peer may have kept this waiting since the news came.
        if !self.may_hear() {
            return Err(Ended::Key);
        }
        self.shared.edge.metrics.pushes(topic.channel).inc();
        self.say(Message::Text(push.text())).await;
        Ok(())
    }

    /// Tells the news.
    ///
    /// # Errors
    /// The key that logged in was ended or ran out: what is private is not told any more.
    async fn tell(&mut self, publication: &Publication) -> Result<(), Ended> {
        let seq = publication.last_seq();
        for at in 0..self.subscriptions.len() {
            let Some(one) = self.subscriptions.get_mut(at) else { continue };
            if one.is_behind || seq <= one.seen {
                continue;
            }
            if one.channel == Channel::Limits && one.is_about_limits(publication) {
                // The whole is read from the projections, once they hold this record.
                (one.is_behind, one.seen) = (true, seq.saturating_sub(1));
                continue;
            }
            let data = one.update(&self.shared, publication);
            one.seen = seq;
            if let Some(data) = data {
                self.push(at, &data, seq).await?;
            }
        }
        Ok(())
    }

    /// Tells the own limit as it stands, if it stands otherwise than was told.
    ///
    /// # Errors
    /// As [`Follower::tell`], or a store cannot be read.
    pub async fn tell_limits(&mut self, at: usize, up_to: u64) -> Result<(), Ended> {
        let Some(account) = self.subscriptions.get(at).map(|one| one.who.account) else { return Ok(()) };
        let now = value(limits(&self.shared, account).await?);
        let Some(one) = self.subscriptions.get_mut(at) else { return Ok(()) };
        let is_new = without_seq(one.told.as_ref()) != without_seq(Some(&now));
        one.told = Some(now.clone());
        if is_new { self.push(at, &now, up_to).await } else { Ok(()) }
    }
}

/// A limit without the record up to which it is true.
fn without_seq(limits: Option<&Value>) -> Option<Value> {
    let mut limits = limits.cloned();
    if let Some(limits) = limits.as_mut().and_then(Value::as_object_mut) {
        limits.remove("seq");
    }
    limits
}
