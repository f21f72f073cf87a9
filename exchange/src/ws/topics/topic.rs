//! A topic as its followers see it: a state with a seq, the pushes that led there, and who hears the next one.

use super::super::messages::{Said, raw};
use super::super::out::{NotPushed, Out};
use super::content::{Change, Content};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, close_code};
use bandex_api::{Channel, Heartbeat, PushKind, Subscribe};
use bandex_types::Timestamp;
use prometheus_client::metrics::counter::Counter;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many pushes are kept for those who resume, and how many bytes of them.
const KEPT_MAX: usize = 1_024;
const KEPT_BYTES_MAX: usize = 1024 * 1024;

/// A topic.
pub(super) struct Topic {
    name: Subscribe,
    /// For the metrics.
    pushes: Counter,
    state: Mutex<State>,
}

struct State {
    /// The seq of the last push, or of the beginning.
    seq: u64,
    content: Box<dyn Content>,
    kept: Kept,
    /// The snapshot at `seq`, once somebody has asked for it.
    snapshot: Option<Utf8Bytes>,
    followers: Vec<Follower>,
    last_id: u64,
    has_ended: bool,
}

struct Follower {
    id: u64,
    out: Out,
    /// Of heartbeats, which are counted for each: how many it heard, and the seq of the last.
    count: u64,
    seq: u64,
}

/// The last pushes, each with the seq that it follows.
#[derive(Default)]
struct Kept {
    pushes: VecDeque<(u64, Utf8Bytes)>,
    bytes: usize,
}

/// What came of joining.
pub(super) enum Join {
    /// It follows, under this number.
    Followed(u64),
    /// The topic has ended; find another.
    Ended,
    /// What lies between its place and here must be told from the projections first.
    Behind {
        /// Where the topic stands.
        up_to: u64,
    },
}

impl Kept {
    fn add(&mut self, prev_seq: u64, text: Utf8Bytes) {
        self.bytes = self.bytes.saturating_add(text.len());
        self.pushes.push_back((prev_seq, text));
        while self.pushes.len() > KEPT_MAX || (self.bytes > KEPT_BYTES_MAX && self.pushes.len() > 1) {
            let gone = self.pushes.pop_front();
            self.bytes = self.bytes.saturating_sub(gone.map_or(0, |(_, text)| text.len()));
        }
    }

    /// The pushes behind `seq`, if it is the seq of one that is still known.
    fn behind(&self, seq: u64) -> Option<impl Iterator<Item = &Utf8Bytes>> {
        let first = self.pushes.iter().position(|(prev_seq, _)| *prev_seq == seq)?;
        Some(self.pushes.iter().skip(first).map(|(_, text)| text))
    }
}

impl Topic {
    /// A topic that nobody follows yet, whose content is true up to the record `seq`.
    pub fn new(name: Subscribe, content: Box<dyn Content>, seq: u64, pushes: Counter) -> Self {
        let (kept, followers) = (Kept::default(), Vec::new());
        let state = State { seq, content, kept, snapshot: None, followers, last_id: 0, has_ended: false };
        Self { name, pushes, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub const fn name(&self) -> &Subscribe {
        &self.name
    }

    /// The seq of the last push.
    pub fn seq(&self) -> u64 {
        self.state().seq
    }

    pub fn has_ended(&self) -> bool {
        self.state().has_ended
    }

    /// Lets somebody follow: says `reply`, then a snapshot, or what it missed behind `from` if that is still known.
    pub fn join(
        &self,
        out: &Out,
        from: Option<u64>,
        reply: Option<&(dyn Fn(u64) -> Message + Sync)>,
    ) -> Join {
        let mut state = self.state();
        if state.has_ended {
            return Join::Ended;
        }
        let resumes = matches!(self.name.channel, Channel::Trades | Channel::Auction);
        let known = from.filter(|from| *from == state.seq || state.kept.behind(*from).is_some());
        if from.is_some() && known.is_none() && resumes && from < Some(state.seq) {
            return Join::Behind { up_to: state.seq };
        }
        // From here it follows. A peer that is gone is noticed by the reader.
        if let Some(reply) = reply {
            let _ = out.say_now(reply(known.unwrap_or(state.seq)));
        }
        match known {
            Some(from) => {
                for text in state.kept.behind(from).into_iter().flatten() {
                    let _ = out.say_now(Message::Text(text.clone()));
                }
            }
            None if self.name.channel == Channel::Heartbeat => {}
            None => {
                let text = self.snapshot(&mut state);
                let _ = out.say_now(Message::Text(text));
            }
        }
        state.last_id = state.last_id.saturating_add(1);
        let id = state.last_id;
        state.followers.push(Follower { id, out: out.clone(), count: 0, seq: 0 });
        Join::Followed(id)
    }

    fn snapshot(&self, state: &mut State) -> Utf8Bytes {
        let State { seq, content, snapshot, .. } = state;
        let make = || self.text(PushKind::Snapshot, 0, *seq, &content.snapshot(*seq));
        snapshot.get_or_insert_with(make).clone()
    }

    fn text(&self, kind: PushKind, prev_seq: u64, seq: u64, data: &serde_json::value::RawValue) -> Utf8Bytes {
        Said { topic: &self.name, kind, prev_seq, seq, data }.text()
    }

    /// Somebody follows no more.
    pub fn leave(&self, id: u64) {
        self.state().followers.retain(|follower| follower.id != id);
    }

    /// Whether nobody follows.
    pub fn is_left(&self) -> bool {
        self.state().followers.is_empty()
    }

    /// Ends the topic if nobody follows it.
    pub fn end_if_left(&self) -> bool {
        let mut state = self.state();
        state.has_ended = state.followers.is_empty();
        state.has_ended
    }

    /// Ends the topic and every connection that follows it: what was lost cannot be made up for.
    pub fn cut(&self) {
        let mut state = self.state();
        state.has_ended = true;
        for follower in state.followers.drain(..) {
            let reason = "the node cannot read its own store; connect again and resume";
            follower.out.cut(CloseFrame { code: close_code::ERROR, reason: reason.into() });
        }
    }

    /// Has the content look what is new, and tells it.
    pub fn tell(&self, look: impl FnOnce(&mut dyn Content, u64) -> Option<Change>) {
        let mut state = self.state();
        let seq = state.seq;
        if let Some(change) = look(state.content.as_mut(), seq) {
            self.push(&mut state, &change);
        }
    }

    fn push(&self, state: &mut State, change: &Change) {
        let prev_seq = std::mem::replace(&mut state.seq, change.seq);
        let text = self.text(PushKind::Update, prev_seq, change.seq, &change.data);
        state.snapshot = None;
        state.followers.retain(|follower| follower.hears(&text));
        self.pushes.inc_by(state.followers.len() as u64);
        state.kept.add(prev_seq, text);
    }

    /// Goes on with another content after news were lost: everybody is told the whole. Of heartbeats there is none: they
    /// are no news, and none was lost.
    pub fn begin_again(&self, content: Box<dyn Content>, seq: u64) {
        let mut state = self.state();
        (state.content, state.seq, state.snapshot) = (content, seq, None);
        state.kept = Kept::default();
        if self.name.channel == Channel::Heartbeat {
            return;
        }
        let text = self.snapshot(&mut state);
        state.followers.retain(|follower| follower.hears(&text));
    }

    /// Goes on with another content after news were lost: everybody is told what lay between.
    pub fn go_on(&self, content: Box<dyn Content>, missed: &[Change]) {
        let mut state = self.state();
        state.content = content;
        missed.iter().for_each(|change| self.push(&mut state, change));
    }

    /// A sign of life, counted for each follower.
    pub fn beat(&self, seq: u64, now: Timestamp) {
        self.state().followers.retain_mut(|follower| {
            follower.count = follower.count.saturating_add(1);
            let prev_seq = std::mem::replace(&mut follower.seq, seq);
            let kind = if follower.count == 1 { PushKind::Snapshot } else { PushKind::Update };
            let data = raw(&Heartbeat { count: follower.count, time_us: now.as_micros(), seq });
            self.pushes.inc();
            follower.hears(&self.text(kind, prev_seq, seq, &data))
        });
    }
}

impl Follower {
    /// Hands over a push; false once the follower is cut off, because it reads too slowly, or gone.
    fn hears(&self, text: &Utf8Bytes) -> bool {
        match self.out.push(text) {
            Ok(()) => true,
            Err(NotPushed::Gone) => false,
            Err(NotPushed::Full) => {
                let reason =
                    "too slow: more waits unread than is kept for a connection; connect again and resume";
                self.out.cut(CloseFrame { code: close_code::POLICY, reason: reason.into() });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::out;
    use super::*;
    use crate::publication::Publication;
    use crate::shared::Shared;
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    /// A content that says how often it was asked for the whole, and nothing else.
    struct Same;

    impl Content for Same {
        fn snapshot(&self, seq: u64) -> Box<RawValue> {
            raw(&json!({ "whole": seq }))
        }

        fn take(&mut self, _shared: &Shared, _publication: &Publication) -> Option<Change> {
            None
        }
    }

    /// What a follower is told when news were lost between two beats.
    async fn told(channel: Channel) -> Vec<Value> {
        let (out, mut messages) = out::queue(1024 * 1024);
        let topic = Topic::new(Subscribe::to(channel), Box::new(Same), 5, Counter::default());
        assert!(matches!(topic.join(&out, None, None), Join::Followed(_)));
        let is_beat = channel == Channel::Heartbeat;
        let now = Timestamp::EARLIEST_PLAUSIBLE;
        if is_beat {
            topic.beat(6, now);
        }
        topic.begin_again(Box::new(Same), 9);
        if is_beat {
            topic.beat(9, now);
        }
        let mut waiting = Vec::new();
        messages.recv_many(&mut waiting, 16).await.unwrap();
        let text = |queued: &out::Queued| queued.message.to_text().unwrap().to_owned();
        waiting.iter().map(|queued| serde_json::from_str(&text(queued)).unwrap()).collect()
    }

    #[tokio::test]
    async fn whoever_lost_news_is_told_the_whole_and_heartbeats_go_on() {
        let beats = told(Channel::Heartbeat).await;
        let seen: Vec<_> = beats.iter().map(|push| (&push["kind"], &push["data"]["count"])).collect();
        assert_eq!(seen, [(&json!("snapshot"), &json!(1)), (&json!("update"), &json!(2))]);
        let status = told(Channel::Status).await;
        let seen: Vec<_> = status.iter().map(|push| (&push["kind"], &push["data"]["whole"])).collect();
        assert_eq!(seen, [(&json!("snapshot"), &json!(5)), (&json!("snapshot"), &json!(9))]);
    }
}
