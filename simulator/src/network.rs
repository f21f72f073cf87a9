//! The network: letters on their way, which may be lost, doubled and overtaken.

use crate::random::Random;
use crate::setup::Setup;
use crate::stats::Stats;
use bandex_engine::{Event, Refusal};
use bandex_tradechain::{Head, Receipt, Verified};
use bandex_types::{BlockId, PublicKey};
use std::collections::VecDeque;
use std::rc::Rc;

/// Which of a client's two programs reads a private channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reader {
    Trader,
    Agent,
}

/// What clients send.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Submit(Rc<Verified>),
    /// Opens a private channel: everything of the key's account behind the record `from`.
    Follow {
        reader: Reader,
        connection: u64,
        key: PublicKey,
        from: u64,
    },
}

/// What the node sends.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer { id: BlockId, answer: Answer },
    News(News),
}

/// What became of a block.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Receipt(Rc<Receipt>),
    Fork,
    Gap(PublicKey, Head),
    Refused(Refusal),
    /// The queue is full, or the journal did not say: the same bytes must be sent again.
    Later,
}

/// One record's events of one account, on one connection.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub reader: Reader,
    pub connection: u64,
    /// Counts the news of a connection from 1.
    pub number: u64,
    pub record: u64,
    pub events: Rc<Vec<Event>>,
}

/// Something on its way, with the client that sends or receives it.
#[derive(Debug, Clone)]
pub(crate) enum Letter {
    ToNode(usize, Request),
    ToClient(usize, Reply),
}

/// All letters on their way.
#[derive(Debug, Default)]
pub(crate) struct Network {
    waiting: VecDeque<Letter>,
    /// Counts all that was ever sent.
    pub sent: u64,
}

impl Network {
    pub fn send(&mut self, letter: Letter) {
        self.sent = self.sent.saturating_add(1);
        self.waiting.push_back(letter);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The oldest letter, in a calm network.
    pub fn oldest(&mut self) -> Option<Letter> {
        self.waiting.pop_front()
    }

    /// What arrives next, if it is not lost.
    pub fn arrive(&mut self, setup: &Setup, random: &mut Random, stats: &mut Stats) -> Option<Letter> {
        let at = if setup.reordering { random.below(self.waiting.len() as u64) } else { 0 };
        let letter = self.waiting.remove(usize::try_from(at).ok()?)?;
        stats.reordered = stats.reordered.saturating_add(u64::from(at > 0));
        if random.percent(setup.loss_percent.min(30)) {
            stats.lost = stats.lost.saturating_add(1);
            return None;
        }
        if random.percent(setup.doubling_percent.min(50)) {
            stats.doubled = stats.doubled.saturating_add(1);
            self.waiting.push_back(letter.clone());
        }
        stats.delivered = stats.delivered.saturating_add(1);
        Some(letter)
    }
}
