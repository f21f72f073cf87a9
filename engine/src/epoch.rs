//! Epochs of the trust graph: what was honoured goes into it, older value fades, and the scores that follow come back as
//! a command.
//!
//! The engine never computes scores by itself: that takes longer than a command may. Whoever writes the journal computes
//! them from the [`Checkpoint`] beside it, and everybody else can do the same.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::outcome::{Event, FreezeReason};
use crate::refusal::check_serves;
use crate::timers::Timer;
use bandex_reputation::{Graph, Honoured, Score, checkpoint_key, decayed, personal, scores};
use bandex_tradechain::Scores;
use bandex_types::{Amount, Hash, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;

/// Fewer exposures than these are not summed up by pair.
const FEW: usize = 1_024;

/// The trust graph and where its epochs stand.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Epochs {
    /// The epoch that runs, counted from 1970 on.
    running: u64,
    /// When it ends.
    ends: Option<Timestamp>,
    /// What was honoured in it; the first `summed` are by pair, each once.
    honoured: Vec<Honoured>,
    summed: u32,
    /// At the end of the last epoch.
    graph: Arc<Graph>,
    last: Option<Closed>,
    /// For how many epochs fees decay when the scores come that are due.
    due: Option<u32>,
}

/// The end of an epoch.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Closed {
    epoch: u64,
    key: Hash,
    seeds: Vec<u32>,
    accounts: u32,
}

/// All that the scores of an epoch follow from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The epoch whose end it is, counted from 1970 on.
    pub epoch: u64,
    /// What the walks are drawn with.
    pub key: Hash,
    /// Who honoured how much towards whom.
    pub graph: Arc<Graph>,
    /// Where the walks begin, by position.
    pub seeds: Vec<u32>,
    /// How many accounts there were, the issuance account among them.
    pub accounts: u32,
}

impl Checkpoint {
    /// The scores that follow, as a command brings them in. Takes as long as its walks: up to a second for a million
    /// accounts.
    pub fn scores(&self) -> Scores {
        let found = scores(&self.graph, &self.seeds, &self.key, self.accounts);
        let scores = found.into_iter().map(|(account, score)| (account, score.ppb())).collect();
        Scores { epoch: self.epoch, checkpoint: self.key, scores }
    }

    /// The scores as seen from the account at one position.
    pub fn personal(&self, from: u32) -> Vec<(u32, Score)> {
        personal(&self.graph, from, &self.key)
    }
}

impl Epochs {
    fn push(&mut self, honoured: Honoured) {
        self.honoured.push(honoured);
        // Grown to twice as many as there were pairs: summed up again, so that they take room by pair and not by payment.
        let summed = usize::try_from(self.summed).unwrap_or(usize::MAX);
        if self.honoured.len() >= FEW.max(summed.saturating_mul(2)) {
            self.honoured = sum_up(std::mem::take(&mut self.honoured));
            self.summed = u32::try_from(self.honoured.len()).unwrap_or(u32::MAX);
        }
    }

    fn take(&mut self) -> Vec<Honoured> {
        self.summed = 0;
        std::mem::take(&mut self.honoured)
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        let Closed { epoch, key, seeds, accounts } = self.last.clone()?;
        Some(Checkpoint { epoch, key, graph: Arc::clone(&self.graph), seeds, accounts })
    }
}

/// Each pair once, with all that was honoured between the two.
fn sum_up(mut all: Vec<Honoured>) -> Vec<Honoured> {
    all.sort_unstable();
    let mut sums: Vec<Honoured> = Vec::new();
    for one in all {
        match sums.last_mut().filter(|last| (last.from, last.to) == (one.from, one.to)) {
            Some(last) => last.value = last.value.saturating_add(one.value),
            None => sums.push(one),
        }
    }
    sums
}

impl Engine {
    /// Notes that `to` honoured `value`, in the unit of account, while `from` was exposed to it.
    pub(crate) fn honour(&mut self, from: AccountIndex, to: AccountIndex, value: Amount) {
        if self.serves_trust() && !value.is_zero() && from != to {
            let (from, to) = (from.get(), to.get());
            self.trust.epochs.push(Honoured { from, to, value: value.get() });
        }
    }

    /// The state of the graph whose scores are due; none if they came, or if no epoch has ended yet.
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.trust.epochs.due.and_then(|_| self.trust.epochs.checkpoint())
    }

    /// The state of the graph at the end of the last epoch, whether its scores came or not.
    pub fn last_checkpoint(&self) -> Option<Checkpoint> {
        self.trust.epochs.checkpoint()
    }

    /// Begins to count epochs as the terms have it now; the one that runs is cut short.
    pub(crate) fn begin_epochs(&mut self) {
        let epochs = &mut self.trust.epochs;
        if let Some(ends) = epochs.ends.take() {
            self.timers.clear(ends, Timer::Epoch);
        }
        let Some(running) = self.time.as_micros().checked_div(self.trust.terms.epoch_us) else { return };
        epochs.running = running;
        self.set_epoch_timer();
    }

    fn set_epoch_timer(&mut self) {
        let next = self.trust.epochs.running.saturating_add(1);
        let at = Timestamp::from_micros(next.saturating_mul(self.trust.terms.epoch_us));
        self.trust.epochs.ends = Some(at);
        self.timers.set(at, Timer::Epoch);
    }

    /// The epoch that ran has ended, and maybe more with nothing in them.
    pub(crate) fn end_epoch(&mut self, effects: &mut Effects) {
        let keep_ppm = self.trust.terms.keep_ppm;
        let Some(now) = self.time.as_micros().checked_div(self.trust.terms.epoch_us) else { return };
        let epochs = &mut self.trust.epochs;
        let passed = u32::try_from(now.saturating_sub(epochs.running)).unwrap_or(u32::MAX);
        let honoured = epochs.take();
        let fallen: Vec<u32> = std::mem::take(&mut self.trust.fallen).into_iter().collect();
        let graph = epochs.graph.close(honoured, keep_ppm, passed, &fallen);
        let epoch = now.saturating_sub(1);
        let seeds: Vec<u32> = self.trust.seeds.iter().map(|seed| seed.get()).collect();
        let genesis = self.genesis.as_ref().map_or(Hash::ZERO, |genesis| Hash::new(*genesis.id().as_bytes()));
        let key = checkpoint_key(&genesis, epoch, &graph, &seeds);
        let edges = u64::try_from(graph.edge_count()).unwrap_or(u64::MAX);
        let accounts = u32::try_from(self.accounts.iter().count()).unwrap_or(u32::MAX);
        let epochs = &mut self.trust.epochs;
        epochs.graph = Arc::new(graph);
        epochs.last = Some(Closed { epoch, key, seeds, accounts });
        // Scores that never came are made up for: fees decay for their epochs too.
        epochs.due = Some(epochs.due.unwrap_or(0).saturating_add(passed));
        epochs.running = now;
        self.set_epoch_timer();
        effects.push(Event::Epoch { epoch, checkpoint: key, edges });
    }

    /// Takes in the scores that are due. That they are the right ones is for the audit to judge.
    pub(crate) fn take_scores(&mut self, scores: &Scores, effects: &mut Effects) -> Result<(), Refusal> {
        check_serves(self.serves_trust(), "scores")?;
        let epochs = &self.trust.epochs;
        let fits = |last: &&Closed| (last.epoch, last.key) == (scores.epoch, scores.checkpoint);
        let (Some(last), Some(passed)) = (epochs.last.as_ref().filter(fits), epochs.due) else {
            return Err(Refusal::Misplaced);
        };
        let ascending = scores.scores.is_sorted_by(|one, next| one.0 < next.0);
        let known = |(account, ppb): &(u32, u32)| {
            (1..last.accounts).contains(account) && (1..=Score::MAX.ppb()).contains(ppb)
        };
        if !ascending || !scores.scores.iter().all(known) {
            return Err(Refusal::Misplaced);
        }
        // From here they hold.
        self.trust.epochs.due = None;
        let mut given = scores.scores.iter().copied().peekable();
        for index in self.accounts.indices() {
            let ppb = given.next_if(|(account, _)| *account == index.get()).map_or(0, |(_, ppb)| ppb);
            self.score(index, ppb, passed, effects);
        }
        effects.push(Event::Scored { epoch: scores.epoch });
        Ok(())
    }

    /// Gives an account its score, and lets its fees decay. Whoever has defaulted, since the epoch's end or before and
    /// without making up for it, has none.
    fn score(&mut self, index: AccountIndex, ppb: u32, passed: u32, effects: &mut Effects) {
        let keep_ppm = self.trust.terms.keep_ppm;
        let fallen = self.trust.fallen.contains(&index.get());
        let account = self.accounts.get_mut(index);
        let defaulted = account.frozen.iter().any(|reason| matches!(reason, FreezeReason::Default(_)));
        let score_ppb = if fallen || defaulted { 0 } else { ppb };
        let stake = &mut account.stake;
        let fees = Amount::new(decayed(stake.fees.get(), keep_ppm, passed));
        if (stake.score_ppb, stake.fees) != (score_ppb, fees) {
            (stake.score_ppb, stake.fees) = (score_ppb, fees);
            self.stake_changed(index, effects);
        }
    }
}
