//! Follows the channels that a connection asked for.

use super::Message;
use super::channels::Subscription;
use super::messages::{failed, succeeded, text};
use crate::clock;
use crate::http::problem::Fault;
use crate::publication::Publication;
use crate::sessions::Who;
use crate::shared::Shared;
use axum::extract::ws::{CloseFrame, close_code};
use bandex_api::{Push, PushKind, Subscribe};
use bandex_engine::Event;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

/// What a connection asks of its news task, with the request's id.
pub(super) enum Wish {
    LoggedIn(u64, Who),
    Subscribe(u64, Subscribe),
    Unsubscribe(u64, Subscribe),
}

struct Follower {
    shared: Arc<Shared>,
    out: mpsc::Sender<Message>,
    who: Option<Who>,
    subscriptions: Vec<Subscription>,
}

pub(super) async fn follow(
    shared: Arc<Shared>,
    mut wishes: mpsc::Receiver<Wish>,
    out: mpsc::Sender<Message>,
) {
    let mut news = shared.news.subscribe();
    let mut follower = Follower { shared, out, who: None, subscriptions: Vec::new() };
    loop {
        tokio::select! {
            wish = wishes.recv() => {
                let Some(wish) = wish else { return };
                follower.grant(wish).await;
            }
            publication = news.recv() => match publication {
                Ok(publication) => {
                    follower.tell(&publication).await;
                    if follower.lost_its_key(&publication) {
                        let reason = "the key that logged in was ended; connect and log in with another";
                        let close = CloseFrame { code: close_code::POLICY, reason: reason.into() };
                        let _ = follower.out.send(Message::Close(Some(close))).await;
                        return;
                    }
                }
                Err(RecvError::Closed) => return,
                Err(RecvError::Lagged(missed)) => {
                    if !follower.subscriptions.is_empty() {
                        let reason = format!("too slow: {missed} updates were missed; connect and subscribe again");
                        let close = CloseFrame { code: close_code::POLICY, reason: reason.into() };
                        let _ = follower.out.send(Message::Close(Some(close))).await;
                        return;
                    }
                }
            },
        }
    }
}

impl Follower {
    async fn say(&self, message: Message) {
        // A peer that is gone is noticed by the reader.
        let _ = self.out.send(message).await;
    }

    /// Whether the key that logged in was ended by this publication: it must hear nothing more.
    fn lost_its_key(&self, publication: &Publication) -> bool {
        let Some(who) = self.who else { return false };
        let mut events = publication.records().iter().flat_map(|applied| &applied.outcome.events);
        events.any(|event| matches!(event, Event::Key(state) if state.key == who.key && !state.may_read(clock::now())))
    }

    async fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::LoggedIn(id, who) => {
                self.who = Some(who);
                self.say(succeeded(id, &json!({ "account": who.account }))).await;
            }
            Wish::Subscribe(id, wanted) => {
                if let Err(fault) = self.subscribe(id, &wanted).await {
                    self.say(failed(id, fault)).await;
                }
            }
            Wish::Unsubscribe(id, wanted) => {
                let market = wanted.market.as_deref();
                self.subscriptions.retain(|one| {
                    one.channel != wanted.channel
                        || one.market.as_ref().map(|info| info.symbol.as_str()) != market
                });
                self.say(succeeded(id, &json!({}))).await;
            }
        }
    }

    async fn subscribe(&mut self, id: u64, wanted: &Subscribe) -> Result<(), Fault> {
        let missing =
            |name: &str| Fault::not_found(format!("there is no market {name}; /v1/markets lists them"));
        let market = wanted.market.as_deref();
        let market = market.map(|name| self.shared.market(name).ok_or_else(|| missing(name))).transpose()?;
        let symbol = market.as_ref().map(|info| info.symbol.clone());
        let who = if wanted.channel.is_private() { self.who } else { None };
        let mut subscription = Subscription { channel: wanted.channel, market, who, seq: 0, seen: 0 };
        let data = subscription.snapshot(&self.shared).await?;
        // From here it is followed; a second subscription replaces the first.
        let (channel, seq) = (wanted.channel, subscription.seq);
        self.subscriptions.retain(|one| {
            one.channel != channel || one.market.as_ref().map(|info| &info.symbol) != symbol.as_ref()
        });
        self.subscriptions.push(subscription);
        self.say(succeeded(id, &json!({ "seq": seq }))).await;
        let push = Push { channel, market: symbol, kind: PushKind::Snapshot, prev_seq: 0, seq, data };
        self.say(text(&push)).await;
        Ok(())
    }

    async fn tell(&mut self, publication: &Publication) {
        let seq = publication.last_seq();
        let mut pushes = Vec::new();
        for subscription in &mut self.subscriptions {
            if seq <= subscription.seen {
                continue;
            }
            subscription.seen = seq;
            let Some(data) = subscription.update(&self.shared, publication) else { continue };
            let prev_seq = std::mem::replace(&mut subscription.seq, seq);
            let market = subscription.market.as_ref().map(|info| info.symbol.clone());
            let channel = subscription.channel;
            pushes.push(Push { channel, market, kind: PushKind::Update, prev_seq, seq, data });
        }
        for push in pushes {
            self.say(text(&push)).await;
        }
    }
}
