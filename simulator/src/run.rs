//! Runs a story from its first action to the calm at its end.

use crate::broken::{Broken, Failure, Invariant};
use crate::random::Random;
use crate::stats::Stats;
use crate::story::{Action, DiskFault, Story};
use crate::world::World;
use bandex_tradechain::body::{Admission, Change, TrustTerms};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The most times that everything is delivered before nothing new may come of it.
const ROUNDS_MAX: u32 = 200;
/// The same where blocks have to be waited for.
const ROUNDS_ON_CHAIN_MAX: u32 = 4_000;
/// The most deadlines that the calm at the end waits for.
const DEADLINES_MAX: u32 = 2_000;

/// Runs a story. The same story always ends the same way.
///
/// # Errors
/// The first invariant that did not hold; an assertion that failed in the exchange counts as one.
pub fn run(story: &Story) -> Result<Stats, Failure> {
    let mut step = Some(0);
    let ran = catch_unwind(AssertUnwindSafe(|| run_steps(story, &mut step)));
    let broken = match ran {
        Ok(Ok(stats)) => return Ok(stats),
        Ok(Err(broken)) => broken,
        Err(panic) => Broken::new(Invariant::Panic, panic_text(panic.as_ref())),
    };
    Err(Failure { step, invariant: broken.invariant, what: broken.what })
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}

fn run_steps(story: &Story, step: &mut Option<usize>) -> Result<Stats, Broken> {
    let mut world = World::new(story)?;
    for (index, action) in story.actions.iter().enumerate() {
        *step = Some(index);
        world.step(action)?;
        world.check()?;
    }
    *step = None;
    world.calm()?;
    world.end()?;
    world.stats.steps = world.stats.steps.saturating_add(story.actions.len() as u64);
    Ok(world.stats)
}

impl World<'_> {
    fn step(&mut self, action: &Action) -> Result<(), Broken> {
        match action {
            Action::Act { client, act } => self.act(*client, act),
            Action::Decide { decision } => self.decision(decision),
            Action::Deliver { count, salt } => return self.deliver(*count, *salt),
            Action::Work { old } => return self.work(*old),
            Action::Settle { client } => {
                return self.ring(self.client(*client)).into_iter().try_for_each(|index| self.settle(index));
            }
            Action::Score => self.score(),
            Action::Retry { client } => {
                self.ring(self.client(*client)).into_iter().for_each(|index| self.retry(index));
            }
            Action::HangUp { client } => self.hang_up(self.client(*client)),
            Action::Mine { empty, replaced } if self.setup.chain.is_some() => {
                self.chain.mine(*empty, *replaced);
                self.stats.blocks = self.stats.blocks.saturating_add(1);
            }
            Action::Reorganise { depth, later, replaced } => self.reorganise(*depth, *later, *replaced),
            Action::Fees { rate } => self.chain.fee_rate = Some(*rate),
            Action::Follow { behind } => {
                self.stats.lagging = self.stats.lagging.saturating_add(u64::from(*behind > 0));
                self.follow(*behind);
            }
            Action::Mine { .. } => {}
            Action::Pass { us } => self.now = self.now.saturating_add(*us),
            Action::PassToDeadline => self.pass_to_deadline(),
            Action::Jump { skew_us } => {
                self.skew_us = *skew_us;
                self.stats.jumps = self.stats.jumps.saturating_add(1);
            }
            Action::CrashNode { written } => self.crash(*written),
            Action::Start => return self.start(),
            Action::TakeOver => return self.take_over(),
            Action::CrashClient { client } => {
                let index = self.client(*client);
                if let Some(client) = self.clients.get_mut(index) {
                    client.trader = crate::client::Channel::default();
                    self.stats.client_crashes = self.stats.client_crashes.saturating_add(1);
                }
            }
            Action::CrashAgent { client } => {
                let index = self.client(*client);
                if let Some(client) = self.clients.get_mut(index) {
                    client.agent = crate::agent::Agent::default();
                    self.stats.agent_crashes = self.stats.agent_crashes.saturating_add(1);
                }
            }
            Action::Disk { fault: DiskFault::Decay } => self.store.decay(),
            Action::Disk { fault } => self.armed = Some(*fault),
        }
        Ok(())
    }

    fn reorganise(&mut self, depth: u8, later: bool, replaced: bool) {
        let Some(chain) = self.setup.chain else { return };
        let last = chain.final_confirmations.max(1);
        let done = self.chain.reorganise(depth, later, replaced, last);
        let (stats, any) = (&mut self.stats, u64::from(done > 0));
        stats.reorganisations = stats.reorganisations.saturating_add(any);
        stats.deep = stats.deep.saturating_add(u64::from(done >= usize::from(last)));
    }

    fn deliver(&mut self, count: u8, salt: u64) -> Result<(), Broken> {
        let mut random = Random::new(salt);
        for _ in 0..count {
            if self.network.is_empty() {
                break;
            }
            let to_old = random.percent(20);
            if let Some(letter) = self.network.arrive(self.setup, &mut random, &mut self.stats) {
                self.arrive(letter, to_old)?;
            }
        }
        Ok(())
    }

    fn retry(&mut self, index: usize) {
        if let Some(client) = self.clients.get_mut(index) {
            client.resend(&mut self.network);
            client.connect(&mut self.connections, &mut self.network);
        }
    }

    /// Time passes until the node's clock is where something happens by itself.
    fn pass_to_deadline(&mut self) {
        let deadline = self.node.as_ref().and_then(|node| node.sequencer.engine().next_deadline());
        if let Some(deadline) = deadline {
            let late = deadline.since(self.clock());
            self.now = self.now.saturating_add(late);
        }
    }

    /// How far everything has come: as long as this grows, something happens.
    fn progress(&self) -> (u64, usize, usize) {
        let answered = self.clients.iter().flat_map(|client| &client.disk.lanes);
        let answered = answered.flat_map(|lane| &lane.entries).filter(|entry| entry.answered).count();
        let heard = self.clients.iter().map(|client| client.disk.stream.len()).sum();
        (self.watch.seq(), answered, heard)
    }

    /// Everything is delivered, in order and once, and everybody does what there is to do, until nothing new comes of
    /// it. No time passes.
    pub fn settle_down(&mut self) -> Result<(), Broken> {
        for client in &mut self.clients {
            client.connect(&mut self.connections, &mut self.network);
        }
        let rounds = if self.setup.chain.is_some() { ROUNDS_ON_CHAIN_MAX } else { ROUNDS_MAX };
        for _ in 0..rounds {
            let before = self.progress();
            self.deliver_all()?;
            for index in 0..self.clients.len() {
                self.settle(index)?;
            }
            self.confirm();
            self.score();
            self.deliver_all()?;
            for client in &mut self.clients {
                client.resend(&mut self.network);
            }
            self.deliver_all()?;
            self.check()?;
            self.stats.steps = self.stats.steps.saturating_add(1);
            if self.progress() == before {
                return Ok(());
            }
        }
        let (records, answered, heard) = self.progress();
        let what =
            format!("after {records} records, {answered} answers and {heard} news still new things happen");
        Err(Broken::new(Invariant::Settled, what))
    }

    fn deliver_all(&mut self) -> Result<(), Broken> {
        let full = usize::from(self.setup.queue_max.max(1));
        loop {
            while let Some(letter) = self.network.oldest() {
                self.stats.delivered = self.stats.delivered.saturating_add(1);
                self.arrive(letter, false)?;
                if self.node.as_ref().is_some_and(|node| node.queue.len() >= full) {
                    self.work(false)?;
                }
            }
            let node = self.node.as_ref();
            let waits = node.is_some_and(|node| !node.queue.is_empty() || node.pending.is_some());
            self.work(false)?;
            if !waits && self.network.is_empty() {
                return Ok(());
            }
        }
    }

    /// There are no more epochs, so that what is left can come to an end.
    fn end_epochs(&mut self) -> Result<(), Broken> {
        let terms = TrustTerms { epoch_us: 0, admission: Admission::Work, ..self.watch.trust.terms.clone() };
        self.decide(vec![Change::SetTrust(terms)]);
        self.settle_down()
    }

    /// No more faults: clocks agree, nothing is lost, everybody is there; time passes only when nothing else is left to
    /// do.
    fn calm(&mut self) -> Result<(), Broken> {
        (self.armed, self.skew_us) = (None, 0);
        // Whoever was taken over must find out before it writes.
        self.work(true)?;
        self.work(true)?;
        self.old = None;
        self.start()?;
        self.work(false)?;
        let sequenced = self.node.as_ref().map(|node| node.sequencer.engine().time());
        self.watch.calm_since = sequenced.map(|time| time.max(self.clock()));
        // Twice, since a key may be admitted only while the first settles down.
        self.settle_down()?;
        self.settle_down()?;
        let epochs = self.watch.trust.epochs;
        for _ in 0..DEADLINES_MAX {
            if self.watch.trust.epochs > epochs && self.watch.trust.terms.epoch_us > 0 {
                self.end_epochs()?;
            }
            let deadline = self.node.as_ref().and_then(|node| node.sequencer.engine().next_deadline());
            if deadline.is_none() {
                return Ok(());
            }
            self.pass_to_deadline();
            self.work(false)?;
            self.settle_down()?;
        }
        Err(Broken::new(Invariant::Settled, "there is always another deadline"))
    }
}
