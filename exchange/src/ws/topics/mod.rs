//! Public channels: each topic is made once and shared by all who follow it.
//!
//! A topic is what one subscription can ask for: a channel with its market, depth and interval. One task keeps its state
//! and writes each push as one text, which is handed to every follower; a snapshot is of the topic's own state, so that
//! the pushes behind it link up with it. A topic is made when it is first followed, and forgotten a while after the last
//! follower has left.

mod book;
mod content;
mod lists;
mod orders;
mod past;
mod run;
mod states;
mod topic;

use super::out::Out;
use crate::edge::Follows;
use crate::http::problem::Fault;
use crate::shared::Shared;
use axum::extract::ws::{CloseFrame, Message, close_code};
use bandex_api::Subscribe;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
use topic::{Join, Topic};

/// All topics that somebody follows, or followed a moment ago.
#[derive(Default)]
pub(crate) struct Topics {
    /// By what was asked for; a cell is empty while its topic is being made.
    topics: Mutex<BTreeMap<Subscribe, Arc<OnceCell<Arc<Topic>>>>>,
}

/// A topic that a connection follows; dropping this leaves it.
pub(super) struct Followed {
    topic: Arc<Topic>,
    id: u64,
    _counted: Follows,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.topic.leave(self.id);
    }
}

impl Topics {
    /// The topic of this name, made if there is none.
    async fn find(&self, shared: &Arc<Shared>, name: &Subscribe) -> Result<Arc<Topic>, Fault> {
        let cell = {
            let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(topics.entry(name.clone()).or_default())
        };
        let topic = cell.get_or_try_init(|| run::start(Arc::clone(shared), name.clone())).await;
        if topic.is_err() {
            let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
            if topics.get(name).is_some_and(|cell| cell.get().is_none()) {
                topics.remove(name);
            }
        }
        topic.map(Arc::clone)
    }

    /// Forgets a topic that has ended.
    fn forget(&self, name: &Subscribe) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.get(name).and_then(|cell| cell.get()).is_some_and(|topic| topic.has_ended()) {
            topics.remove(name);
        }
    }
}

/// Follows a public channel: the reply, then a snapshot or what was missed, then what comes. None if that failed when the
/// reply had gone: the connection is cut off then, since a second reply would answer nothing and the channel be silent.
///
/// # Errors
/// It cannot be had, or its store cannot be read.
pub(super) async fn follow(
    shared: &Arc<Shared>,
    out: &Out,
    wanted: Subscribe,
    reply: impl Fn(u64) -> Message + Sync,
) -> Result<Option<Followed>, Fault> {
    let mut is_answered = false;
    match join(shared, out, wanted, &reply, &mut is_answered).await {
        Ok(followed) => Ok(Some(followed)),
        Err(fault) if is_answered => {
            tracing::error!(detail = fault.0.detail, "a channel cannot be resumed");
            let reason = "the node cannot tell what was missed; connect again and resume";
            out.cut(CloseFrame { code: close_code::ERROR, reason: reason.into() });
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

async fn join(
    shared: &Arc<Shared>,
    out: &Out,
    wanted: Subscribe,
    reply: &(dyn Fn(u64) -> Message + Sync),
    is_answered: &mut bool,
) -> Result<Followed, Fault> {
    let mut from = wanted.resume_from;
    if let Some(from) = from {
        let head = shared.view().seq;
        if from > head {
            return Err(Fault::beyond_head(from, head));
        }
    }
    let name = Subscribe { resume_from: None, ..wanted };
    loop {
        let topic = shared.topics.find(shared, &name).await?;
        // A snapshot may be large: it is asked for when the one before has gone.
        out.drained().await;
        let answer = (!*is_answered).then_some(reply);
        match topic.join(out, from, answer) {
            Join::Followed(id) => {
                let _counted = shared.edge.metrics.follows(name.channel);
                return Ok(Followed { topic, id, _counted });
            }
            Join::Ended => shared.topics.forget(&name),
            Join::Behind { up_to } => {
                let asked = from.unwrap_or(0);
                if let Some(reply) = answer {
                    // A peer that is gone is noticed by the reader.
                    let _ = out.say(reply(asked)).await;
                    *is_answered = true;
                }
                past::tell(shared, out, &name, asked, up_to).await?;
                from = Some(up_to);
            }
        }
    }
}
