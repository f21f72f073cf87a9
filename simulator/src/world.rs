//! The world of a run: one store, one node that serves, maybe one that was taken over, clients, and what connects them.

use crate::bank::Bank;
use crate::broken::{Broken, Invariant, hold};
use crate::chain::Chain;
use crate::client::Client;
use crate::network::{Answer, Letter, Network, Reply, Request};
use crate::node::{Committed, Died, Input, Keys, Node, Projections, Stood};
use crate::setup::{Kind, Setup};
use crate::stats::Stats;
use crate::story::{DiskFault, Story};
use crate::watch::Watch;
use bandex_engine::Refusal;
use bandex_journal::{Fault, MemoryStore};
use bandex_tradechain::body::{Change, MarketState};
use bandex_tradechain::{Keypair, Scores, SignedBlock, Verified};
use bandex_types::{AccountId, BlockId, Hash, MarketId, Timestamp};
use std::collections::BTreeMap;
use std::rc::Rc;

/// When every story begins, in microseconds.
const START: u64 = 1_777_000_000_000_000;
/// How many markets there can be.
pub(crate) const MARKETS: u8 = 4;
/// The market that is paid on the Bitcoin chain, the last of them.
pub(crate) const ON_CHAIN: u8 = 3;

/// Everything there is.
pub(crate) struct World<'a> {
    pub setup: &'a Setup,
    pub now: u64,
    /// How far the node's clock is from the others.
    pub skew_us: i64,
    pub store: MemoryStore,
    pub keys: Keys,
    pub node: Option<Node>,
    /// A node that was taken over and does not know yet.
    pub old: Option<Node>,
    pub network: Network,
    pub clients: Vec<Client>,
    pub connections: u64,
    pub watch: Watch,
    pub projections: Projections,
    pub bank: Bank,
    /// The Bitcoin chain.
    pub chain: Chain,
    /// What happens to the next batch.
    pub armed: Option<DiskFault>,
    pub stood: Vec<Stood>,
    pub stats: Stats,
    pub seed: u64,
    /// Batch blocks whose signatures were checked.
    pub proven: BTreeMap<BlockId, SignedBlock>,
    /// Scores by what they follow from: the checkpoint's key and how many accounts there were.
    pub walked: BTreeMap<(Hash, u32), Scores>,
    /// The last record at which the engine was compared with the watch.
    pub compared: u64,
}

impl<'a> World<'a> {
    /// A world in which everybody who is not late is registered and has tokens.
    pub fn new(story: &'a Story) -> Result<Self, Broken> {
        let key = |role: u64| {
            let mut seed = [0; 32];
            for (bytes, part) in seed.chunks_exact_mut(8).zip([story.seed, u64::MAX, role, 0]) {
                bytes.copy_from_slice(&part.to_le_bytes());
            }
            Keypair::from_seed(&seed)
        };
        let clients = story.setup.clients.iter().enumerate();
        let mut world = Self {
            setup: &story.setup,
            now: START,
            skew_us: 0,
            store: MemoryStore::new(),
            keys: Keys { node: key(1), operator: key(2) },
            node: None,
            old: None,
            network: Network::default(),
            clients: clients.map(|(index, kind)| Client::new(index, *kind, story.seed)).collect(),
            connections: 0,
            watch: Watch::default(),
            projections: Projections::default(),
            bank: Bank::default(),
            chain: Chain::default(),
            armed: None,
            stood: Vec::new(),
            stats: Stats::default(),
            seed: story.seed,
            proven: BTreeMap::new(),
            walked: BTreeMap::new(),
            compared: 0,
        };
        // Who colludes shares all accounts.
        let owner = story.setup.clients.iter().position(|kind| *kind == Kind::Colluder);
        for client in world.clients.iter_mut().filter(|client| client.kind == Kind::Colluder) {
            client.owner = owner.unwrap_or(client.index);
        }
        world.begin()?;
        Ok(world)
    }

    /// The time by all clocks but the node's.
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.now)
    }

    /// The node's clock.
    pub const fn clock(&self) -> Timestamp {
        Timestamp::from_micros(self.now.saturating_add_signed(self.skew_us))
    }

    /// The node loses the connections of a client, and knows when.
    pub fn hang_up(&mut self, index: usize) {
        let clock = self.clock();
        if let Some(node) = &mut self.node {
            node.hang_up(index, clock);
        }
        if let Some(client) = self.clients.get_mut(index) {
            client.trader = crate::client::Channel::default();
            client.agent.channel = crate::client::Channel::default();
        }
        self.stats.hung_up = self.stats.hung_up.saturating_add(1);
    }

    /// The client that a number means.
    pub fn client(&self, number: u8) -> usize {
        usize::from(number).checked_rem(self.clients.len()).unwrap_or(0)
    }

    pub fn account(&self, number: u8) -> Option<AccountId> {
        self.clients.get(self.client(number))?.disk.account
    }

    /// Sends a block that was signed just now.
    pub fn send(&mut self, index: usize, signed: Option<Rc<Verified>>) {
        let (Some(client), Some(signed)) = (self.clients.get(index), signed) else { return };
        self.stats.signed = self.stats.signed.saturating_add(1);
        client.submit(&signed, &mut self.network);
    }

    pub fn register(&mut self, index: usize) {
        let (home, now) = (self.keys.node.public(), self.time());
        let Some(client) = self.clients.get_mut(index) else { return };
        let signed = client.register(home, now);
        if client.kind.is_honest() {
            self.watch.honest.extend(client.disk.account);
        }
        self.send(index, signed);
    }

    /// The operator sits at the node: what it decides needs no network, and is lost if the node is down.
    pub fn decide(&mut self, changes: Vec<Change>) {
        if let Some(node) = &mut self.node
            && node.queue.len() < usize::from(self.setup.queue_max.max(1))
        {
            node.queue.push_back(Input::Configure(changes));
        }
    }

    /// The node works out the scores that are due, unless they wait for the writer already. What came of it is kept: a
    /// node that dies before it is written need not walk again.
    pub fn score(&mut self) {
        let Some(node) = &mut self.node else { return };
        let Some(due) = node.sequencer.engine().checkpoint() else { return };
        let waits = |input: &Input| matches!(input, Input::Scores(scores) if (scores.epoch, scores.checkpoint) == (due.epoch, due.key));
        if node.queue.iter().any(waits) {
            return;
        }
        let walked = &mut self.walked;
        let scores = walked.entry((due.key, due.accounts)).or_insert_with(|| due.scores());
        node.queue.push_back(Input::Scores(scores.clone()));
        self.stats.scored = self.stats.scored.saturating_add(1);
    }

    /// Opens the store, if nobody serves.
    pub fn start(&mut self) -> Result<(), Broken> {
        if self.node.is_some() {
            return Ok(());
        }
        self.stats.starts = self.stats.starts.saturating_add(1);
        let (node, committed) = Node::open(&self.store, &self.keys, &mut self.projections, &self.stood)?;
        self.node = Some(node);
        self.hold_journal(&committed)?;
        self.absorb(committed)
    }

    /// A second node opens the store.
    pub fn take_over(&mut self) -> Result<(), Broken> {
        if let Some(node) = self.node.take() {
            self.stats.take_overs = self.stats.take_overs.saturating_add(1);
            self.stood.push(node.stands());
            self.old = Some(node);
        }
        self.start()
    }

    pub fn crash(&mut self, written: bool) {
        if let Some(mut node) = self.node.take() {
            self.count_death(&node);
            self.stats.node_crashes = self.stats.node_crashes.saturating_add(1);
            self.stood.push(node.stands());
            node.die(written);
        }
    }

    /// Counts a node that dies in the middle of something.
    fn count_death(&mut self, node: &Node) {
        let mut markets = node.sequencer.engine().markets();
        let waits = markets.any(|view| matches!(view.state, MarketState::Auction | MarketState::Halted));
        let stats = &mut self.stats;
        stats.died_in_auction = stats.died_in_auction.saturating_add(u64::from(waits));
        let hides = self.watch.orders.hides();
        stats.died_asleep = stats.died_asleep.saturating_add(u64::from(hides));
    }

    /// The writer's turn.
    pub fn work(&mut self, old: bool) -> Result<(), Broken> {
        let slot = if old { &mut self.old } else { &mut self.node };
        let Some(mut node) = slot.take() else { return Ok(()) };
        let clock = self.clock();
        if node.pending.is_none() {
            node.project(&mut self.projections);
            let batch_max = usize::from(self.setup.batch_max);
            let waits = node.make_batch(clock, batch_max, &self.projections, &mut self.network);
            let slow = !old && self.armed == Some(DiskFault::Slow);
            if !waits || slow {
                if waits {
                    self.armed = None;
                    self.stats.slow = self.stats.slow.saturating_add(1);
                }
                *(if old { &mut self.old } else { &mut self.node }) = Some(node);
                return Ok(());
            }
        }
        let fault = if old { None } else { self.armed.take().and_then(fault_of) };
        if let Some((fault, _)) = fault {
            self.store.inject(fault);
        }
        match node.commit(&mut self.projections, &mut self.network) {
            Ok(committed) => {
                hold(!old, Invariant::Fencing, || "a writer that was taken over wrote a batch".to_owned())?;
                self.node = Some(node);
                self.absorb(committed)
            }
            Err(died) => {
                self.count_death(&node);
                self.stood.push(node.stands());
                self.died(old, &died, fault.map(|(_, kind)| kind))
            }
        }
    }

    fn died(&mut self, old: bool, died: &Died, fault: Option<DiskFault>) -> Result<(), Broken> {
        let stats = &mut self.stats;
        let count = match (died, fault) {
            (Died::Fenced, _) if old => &mut stats.fenced,
            (Died::Failed, Some(DiskFault::Fail)) => &mut stats.failed,
            (Died::Unknown, Some(DiskFault::UnknownLost)) => &mut stats.unknown_lost,
            (Died::Unknown, Some(DiskFault::UnknownKept)) => &mut stats.unknown_kept,
            (Died::Unknown, Some(DiskFault::Torn)) => &mut stats.torn,
            _ => {
                let what = if old { "was not fenced off" } else { "was refused though it is alone" };
                return Err(Broken::new(Invariant::Fencing, format!("the writer {what}")));
            }
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Has the watch look at what was committed and it has not seen.
    fn absorb(&mut self, committed: Committed) -> Result<(), Broken> {
        for (record, applied) in committed {
            if record.seq > self.watch.seq() {
                self.watch.take(&record, &applied)?;
            }
        }
        Ok(())
    }

    /// Everything that was committed before is still in the journal, as it was.
    fn hold_journal(&self, committed: &Committed) -> Result<(), Broken> {
        let seen = self.watch.seq();
        hold(committed.len() as u64 >= seen, Invariant::Published, || {
            format!("{seen} records were published, the journal has {}", committed.len())
        })?;
        for (record, _) in committed.iter().take(usize::try_from(seen).unwrap_or(usize::MAX)) {
            hold(self.watch.leaf(record.seq) == Some(&record.leaf()), Invariant::Published, || {
                format!("record {} is another than was published", record.seq)
            })?;
        }
        Ok(())
    }

    /// Carries a letter to whom it is for. `to_old`: to the node that was taken over, if there is one.
    pub fn arrive(&mut self, letter: Letter, to_old: bool) -> Result<(), Broken> {
        match letter {
            Letter::ToNode(client, request) => {
                let slot = if to_old && self.old.is_some() { &mut self.old } else { &mut self.node };
                let Some(node) = slot else {
                    self.stats.lost = self.stats.lost.saturating_add(1);
                    return Ok(());
                };
                match request {
                    Request::Submit(verified) => {
                        if node.queue.len() < usize::from(self.setup.queue_max.max(1)) {
                            node.queue.push_back(Input::Block(client, verified));
                        } else {
                            let reply = Reply::Answer { id: verified.id(), answer: Answer::Later };
                            self.network.send(Letter::ToClient(client, reply));
                        }
                    }
                    Request::Follow { reader, connection, key, from } => {
                        node.follow(client, reader, connection, &key, from, &mut self.network);
                    }
                }
                Ok(())
            }
            Letter::ToClient(client, Reply::News(news)) => {
                if let Some(client) = self.clients.get_mut(client) {
                    let events = client.hear(&news) as u64;
                    self.stats.streamed = self.stats.streamed.saturating_add(events);
                }
                Ok(())
            }
            Letter::ToClient(client, Reply::Answer { id, answer }) => self.answer(client, id, &answer),
        }
    }

    fn answer(&mut self, index: usize, id: BlockId, answer: &Answer) -> Result<(), Broken> {
        if let Answer::Receipt(receipt) = answer {
            self.check_receipt(index, id, receipt)?;
        }
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        let honest = client.kind.is_honest();
        match answer {
            Answer::Fork => hold(!honest, Invariant::HonestFork, || format!("client {index}: block {id}"))?,
            // A key may be used before the block that admits it has arrived.
            Answer::Refused(refusal) => {
                hold(!honest || *refusal == Refusal::UnknownKey, Invariant::HonestRefused, || {
                    format!("client {index}: block {id}: {refusal}")
                })?;
            }
            _ => {}
        }
        client.answered(&id, answer, &mut self.network);
        Ok(())
    }
}

/// The market that a number means.
pub(crate) fn market_id(market: u8) -> MarketId {
    MarketId::new(u32::from(market.checked_rem(MARKETS).unwrap_or(0)).saturating_add(1))
}

fn fault_of(fault: DiskFault) -> Option<(Fault, DiskFault)> {
    let injected = match fault {
        DiskFault::Fail => Fault::Fail,
        DiskFault::UnknownLost => Fault::UnknownLost,
        DiskFault::UnknownKept => Fault::UnknownKept,
        DiskFault::Torn => Fault::Torn,
        DiskFault::Slow | DiskFault::Decay => return None,
    };
    Some((injected, fault))
}
