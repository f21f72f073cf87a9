//! Who follows a topic, and what was seen of it: gaps are noticed here.
//!
//! Channels that tell of records go on from the last seq that every follower has, so that nobody misses anything; a
//! follower passes over what it has already. Channels that tell of a state are resumed if all followers stand at the
//! same place, and begin anew with a snapshot for all of them otherwise.

use super::OnFull;
use super::subscription::Mark;
use super::topic::Nature;
use bandex_api::{Push, PushKind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc::{self, error::TrySendError};

/// One who follows.
#[derive(Debug)]
pub(super) struct Sink {
    pub pushes: mpsc::Sender<Arc<Push>>,
    pub mark: Mark,
    pub on_full: OnFull,
    /// What it was told up to; none if only a snapshot is of use to it.
    told: Option<u64>,
    /// What it was told last and has no room for: nothing more is read until it has.
    held: Option<Arc<Push>>,
}

/// A topic that somebody follows.
#[derive(Debug)]
pub(super) struct Followed {
    nature: Nature,
    sinks: Vec<Sink>,
    /// The seq of the last push, once a subscription has begun on this connection.
    seen: Option<u64>,
    /// Whether a subscription was asked for and has not begun.
    asked: bool,
}

/// What to do after a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Fine,
    /// Something was missed: ask for it, or for a new snapshot.
    Gap,
    /// Nobody listens any more.
    Unheard,
}

impl Followed {
    pub const fn new(nature: Nature) -> Self {
        Self { nature, sinks: Vec::new(), seen: None, asked: false }
    }

    pub fn add(&mut self, sink: Sink) {
        self.sinks.push(sink);
    }

    /// A subscription is being asked for: what comes before it begins belongs to the one before. Gives the seq to
    /// resume from; none if somebody who can take a snapshot needs one.
    pub fn ask(&mut self) -> Option<u64> {
        (self.seen, self.asked) = (None, true);
        // Whoever has no room would be given nothing, and hold up the others; it is asked for when it has read.
        let (able, unable): (Vec<&Sink>, Vec<&Sink>) =
            self.sinks.iter().partition(|sink| sink.has_room(self.nature));
        unable.iter().for_each(|sink| sink.mark.store(true, Ordering::Release));
        if self.nature == Nature::Beat {
            return None;
        }
        let asking = if able.is_empty() { unable } else { able };
        // Whoever needs a snapshot is the least of all.
        asking.iter().map(|sink| sink.told).min().flatten()
    }

    /// The exchange resumes from here.
    pub const fn resumed(&mut self, from: u64) {
        (self.seen, self.asked) = (Some(from), false);
    }

    /// What was told is of no use any more: everybody needs a snapshot.
    pub fn forget(&mut self) {
        self.sinks.iter_mut().for_each(|sink| sink.told = None);
    }

    /// One follower does not believe what it was told.
    pub fn forget_one(&mut self, mark: &Mark) {
        let one = self.sinks.iter_mut().find(|sink| Arc::ptr_eq(&sink.mark, mark));
        one.into_iter().for_each(|sink| sink.told = None);
    }

    /// The connection broke.
    pub const fn lose(&mut self) {
        (self.seen, self.asked) = (None, false);
    }

    /// Takes a push and hands it to those it is of use to.
    pub fn take(&mut self, push: Push) -> Verdict {
        if push.kind == PushKind::Update && self.nature != Nature::Beat {
            match self.seen {
                None => return Verdict::Fine,
                Some(seen) if seen != push.prev_seq => return Verdict::Gap,
                Some(_) => {}
            }
        }
        // From here the push is the next one.
        (self.seen, self.asked) = (Some(push.seq), false);
        let (nature, push) = (self.nature, Arc::new(push));
        self.sinks.retain_mut(|sink| sink.take(nature, &push));
        // Of records a snapshot is for newcomers; the others have yet to be told what lies between.
        let passed_over = nature == Nature::Records && push.kind == PushKind::Snapshot && self.waits();
        match self.sinks.is_empty() {
            true => Verdict::Unheard,
            false if passed_over => Verdict::Gap,
            false => Verdict::Fine,
        }
    }

    /// Whether something can be done for a follower that misses something.
    fn waits(&self) -> bool {
        let behind = |sink: &Sink| self.nature == Nature::Records && sink.told < self.seen;
        let misses = |sink: &Sink| sink.told.is_none() || behind(sink);
        self.nature != Nature::Beat
            && self.sinks.iter().any(|sink| misses(sink) && sink.has_room(self.nature))
    }

    /// Whether nothing more may be read until a follower has read.
    pub fn is_held_up(&self) -> bool {
        self.sinks.iter().any(|sink| sink.held.is_some())
    }

    /// Looks after the followers between pushes.
    pub fn tend(&mut self) -> Verdict {
        self.sinks.retain_mut(Sink::release);
        match self.sinks.is_empty() {
            true => Verdict::Unheard,
            false if !self.asked && self.seen.is_some() && self.waits() => Verdict::Gap,
            false => Verdict::Fine,
        }
    }
}

impl Sink {
    pub const fn new(pushes: mpsc::Sender<Arc<Push>>, mark: Mark, on_full: OnFull) -> Self {
        Self { pushes, mark, on_full, told: None, held: None }
    }

    /// The same with what it was told before, if that is known.
    pub const fn told(mut self, seq: Option<u64>) -> Self {
        self.told = seq;
        self
    }

    /// Whether it is worth while to ask for what it misses: a snapshot is one push, what is made up for may be many.
    fn has_room(&self, nature: Nature) -> bool {
        let least = match nature {
            Nature::Records => self.pushes.max_capacity() / 2,
            Nature::State | Nature::Beat => 0,
        };
        let room = self.pushes.capacity();
        self.on_full == OnFull::Wait || room > least || room == self.pushes.max_capacity()
    }

    /// Takes a push that is of use to this follower; false once nobody listens.
    fn take(&mut self, nature: Nature, push: &Arc<Push>) -> bool {
        let is_next = match (push.kind, nature) {
            (PushKind::Snapshot, Nature::Records) => self.told.is_none(),
            (PushKind::Snapshot, Nature::State) | (_, Nature::Beat) => true,
            (PushKind::Update, Nature::Records) => {
                self.told.is_some_and(|told| push.prev_seq <= told && told < push.seq)
            }
            (PushKind::Update, Nature::State) => self.told.is_some(),
        };
        if is_next { self.give(nature, push) } else { !self.pushes.is_closed() }
    }

    fn give(&mut self, nature: Nature, push: &Arc<Push>) -> bool {
        let given = match self.pushes.try_send(Arc::clone(push)) {
            Err(TrySendError::Full(push)) => {
                self.mark.store(true, Ordering::Release);
                // Whoever has read everything before it could see this would wait for ever: then there is room now.
                self.pushes.try_send(push)
            }
            given => given,
        };
        match (given, self.on_full, nature) {
            (Ok(()), ..) => self.told = Some(push.seq),
            (Err(TrySendError::Closed(_)), ..) => return false,
            (Err(TrySendError::Full(push)), OnFull::Wait, _) => {
                self.told = Some(push.seq);
                self.held = Some(push);
            }
            // It goes on where it stood.
            (Err(TrySendError::Full(_)), OnFull::Resync, Nature::Records | Nature::Beat) => {}
            (Err(TrySendError::Full(_)), OnFull::Resync, Nature::State) => self.told = None,
        }
        true
    }

    /// Hands over what was held, if there is room now; false once nobody listens.
    fn release(&mut self) -> bool {
        if let Some(push) = self.held.take() {
            self.mark.store(true, Ordering::Release);
            self.held = match self.pushes.try_send(push) {
                Err(TrySendError::Full(push)) => Some(push),
                Ok(()) | Err(TrySendError::Closed(_)) => None,
            };
        }
        !self.pushes.is_closed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_api::Channel;

    fn push(kind: PushKind, prev_seq: u64, seq: u64) -> Push {
        let data = serde_json::Value::Null;
        let (market, depth, interval) = (None, None, None);
        Push { channel: Channel::Deals, market, depth, interval, kind, prev_seq, seq, data }
    }

    fn follow(topic: &mut Followed, unread: usize, on_full: OnFull) -> (mpsc::Receiver<Arc<Push>>, Mark) {
        let (sink, pushes) = mpsc::channel(unread);
        let mark = Mark::default();
        topic.add(Sink::new(sink, Arc::clone(&mark), on_full));
        (pushes, mark)
    }

    fn seqs(pushes: &mut mpsc::Receiver<Arc<Push>>) -> Vec<u64> {
        std::iter::from_fn(|| pushes.try_recv().ok()).map(|push| push.seq).collect()
    }

    #[test]
    fn whoever_has_no_room_holds_nobody_up() {
        use PushKind::{Snapshot, Update};
        let mut topic = Followed::new(Nature::Records);
        let (mut full, lost) = follow(&mut topic, 1, OnFull::Resync);
        let (mut other, _) = follow(&mut topic, 16, OnFull::Resync);
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(push(Snapshot, 0, 1)), Verdict::Fine);
        // Another login: both need a snapshot, and one cannot take it.
        topic.forget();
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(push(Snapshot, 0, 5)), Verdict::Fine);
        assert!(lost.load(Ordering::Acquire), "it says so when it has read");
        // A new connection: the other goes on, and nothing is asked for again and again.
        topic.lose();
        assert_eq!(topic.ask(), Some(5));
        topic.resumed(5);
        assert_eq!(topic.take(push(Update, 5, 7)), Verdict::Fine);
        assert_eq!(topic.tend(), Verdict::Fine);
        assert_eq!(seqs(&mut other), [1, 5, 7]);
        // Once it has read, it has its snapshot, and then the other what lies between.
        assert_eq!(seqs(&mut full), [1]);
        assert_eq!(topic.tend(), Verdict::Gap);
        assert_eq!(topic.ask(), None);
        assert_eq!(topic.take(push(Snapshot, 0, 9)), Verdict::Gap);
        assert_eq!(topic.ask(), Some(7));
        topic.resumed(7);
        assert_eq!(topic.take(push(Update, 7, 9)), Verdict::Fine);
        assert_eq!([seqs(&mut full), seqs(&mut other)], [vec![9], vec![9]]);
    }

    #[test]
    fn whoever_waits_holds_the_connection_up_until_it_reads_or_goes() {
        use PushKind::{Snapshot, Update};
        for nature in [Nature::Records, Nature::State] {
            let mut topic = Followed::new(nature);
            let (mut slow, mark) = follow(&mut topic, 1, OnFull::Wait);
            topic.ask();
            assert_eq!(topic.take(push(Snapshot, 0, 1)), Verdict::Fine);
            assert!(!topic.is_held_up());
            assert_eq!(topic.take(push(Update, 1, 2)), Verdict::Fine);
            assert!(topic.is_held_up() && mark.load(Ordering::Acquire));
            assert_eq!((topic.tend(), topic.is_held_up()), (Verdict::Fine, true));
            // What is held counts as told: a new connection goes on behind it.
            topic.lose();
            assert_eq!(topic.ask(), Some(2));
            topic.resumed(2);
            assert_eq!(slow.try_recv().unwrap().seq, 1);
            assert_eq!((topic.tend(), topic.is_held_up()), (Verdict::Fine, false));
            assert_eq!(seqs(&mut slow), [2]);
            topic.take(push(Update, 2, 3));
            topic.take(push(Update, 3, 4));
            assert!(topic.is_held_up());
            drop(slow);
            assert_eq!((topic.tend(), topic.is_held_up()), (Verdict::Unheard, false));
        }
    }

    #[test]
    fn signs_of_life_are_neither_resumed_nor_linked() {
        let mut topic = Followed::new(Nature::Beat);
        let (mut beats, _) = follow(&mut topic, 2, OnFull::Resync);
        topic.ask();
        for seq in [7, 7, 9, 9] {
            assert_eq!(topic.take(push(PushKind::Update, 0, seq)), Verdict::Fine);
        }
        assert_eq!(seqs(&mut beats), [7, 7], "there was no room for more, and nobody asks for them");
        assert_eq!((topic.tend(), topic.ask()), (Verdict::Fine, None));
        drop(beats);
        assert_eq!(topic.tend(), Verdict::Unheard);
    }

    #[test]
    fn a_state_is_resumed_unless_somebody_needs_it_whole() {
        use PushKind::{Snapshot, Update};
        let mut topic = Followed::new(Nature::State);
        let (mut first, mark) = follow(&mut topic, 16, OnFull::Resync);
        assert_eq!(topic.ask(), None);
        topic.take(push(Snapshot, 0, 4));
        topic.take(push(Update, 4, 6));
        topic.lose();
        assert_eq!(topic.ask(), Some(6));
        // The exchange still has what was missed ...
        topic.resumed(6);
        assert_eq!(topic.take(push(Update, 6, 9)), Verdict::Fine);
        topic.lose();
        assert_eq!(topic.ask(), Some(9));
        // ... or it has not, and a snapshot comes.
        topic.resumed(9);
        assert_eq!(topic.take(push(Snapshot, 0, 20)), Verdict::Fine);
        assert_eq!(topic.take(push(Update, 20, 21)), Verdict::Fine);
        assert_eq!(seqs(&mut first), [4, 6, 9, 20, 21]);
        // A follower that mistrusts its state, and a newcomer, make all begin anew.
        topic.forget_one(&mark);
        assert_eq!(topic.take(push(Update, 21, 22)), Verdict::Fine);
        assert_eq!(topic.ask(), None);
        topic.take(push(Snapshot, 0, 23));
        let (mut second, _) = follow(&mut topic, 16, OnFull::Resync);
        assert_eq!(topic.ask(), None);
        topic.take(push(Snapshot, 0, 24));
        assert_eq!([seqs(&mut first), seqs(&mut second)], [vec![23, 24], vec![24]]);
    }
}
