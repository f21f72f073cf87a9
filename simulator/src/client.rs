//! A client: keys, a lane file that every block is kept in before it is sent, and a private channel.

use crate::agent::{Agent, Job};
use crate::network::{Answer, Letter, Network, News, Reader, Request};
use crate::setup::Kind;
use bandex_engine::{CommandResult, Event, Outcome, Refusal};
use bandex_tradechain::body::{Grant, Register, Scopes, possession_statement};
use bandex_tradechain::{Block, Body, Domain, Keypair, Verified, verify};
use bandex_types::{AccountId, BlockId, OrderRef, Price, PublicKey, Quantity, Timestamp};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The network that all blocks are for.
pub(crate) const NETWORK: u32 = 77;
/// How many blocks of a lane are sent again at a time.
const WINDOW: usize = 8;

/// One key's chain of blocks.
#[derive(Debug)]
pub(crate) struct Lane {
    pub keypair: Keypair,
    /// None: a root key.
    pub grant: Option<Grant>,
    /// What its first block points at.
    made_by: BlockId,
    pub entries: Vec<Entry>,
    /// The client itself ended it.
    pub ended: bool,
    /// The head behind which a gap was filled last: every late block of a pipeline is answered with the same gap.
    pub filled: Option<u64>,
}

impl Lane {
    /// What its next block points at.
    pub fn head(&self) -> BlockId {
        self.entries.last().map_or(self.made_by, |entry| entry.verified.id())
    }
}

/// A signed block, and whether it was acknowledged.
#[derive(Debug)]
pub(crate) struct Entry {
    pub verified: Rc<Verified>,
    pub answered: bool,
}

/// What outlives the client's memory.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    pub lanes: Vec<Lane>,
    /// The lane of the root key.
    pub root: usize,
    pub account: Option<AccountId>,
    /// What the private channel told, by record.
    pub stream: Vec<(u64, Rc<Vec<Event>>)>,
    /// The orders it placed, each with the price and quantity last asked for.
    pub orders: Vec<(OrderRef, Price, Quantity)>,
    /// What the agent signed: not to be signed twice.
    pub jobs: BTreeMap<Job, bool>,
    keys: u64,
}

/// The end of a private channel. Its memory is lost in a crash.
#[derive(Debug, Default)]
pub(crate) struct Channel {
    pub connection: u64,
    number: u64,
}

impl Channel {
    /// Whether this is the next news of this connection.
    pub fn takes(&mut self, news: &News) -> bool {
        let next = self.number.saturating_add(1);
        if self.connection == 0 || (news.connection, news.number) != (self.connection, next) {
            return false;
        }
        self.number = next;
        true
    }

    pub fn connect(&mut self, connection: u64) {
        (self.connection, self.number) = (connection, 0);
    }
}

/// A client with its settlement agent.
#[derive(Debug)]
pub(crate) struct Client {
    pub index: usize,
    pub kind: Kind,
    /// The client whose account this is another one of; itself for most.
    pub owner: usize,
    /// Whether it has begun to take all it can.
    pub busted: bool,
    seed: u64,
    pub disk: Disk,
    pub trader: Channel,
    pub agent: Agent,
}

impl Client {
    pub fn new(index: usize, kind: Kind, seed: u64) -> Self {
        let (disk, trader, agent) = (Disk::default(), Channel::default(), Agent::default());
        Self { index, kind, owner: index, busted: false, seed, disk, trader, agent }
    }

    /// A key nobody else has: the same for the same story.
    pub fn new_key(&mut self) -> Keypair {
        self.disk.keys = self.disk.keys.saturating_add(1);
        let mut seed = [0; 32];
        let parts = [self.seed, self.index as u64, self.disk.keys, 1];
        for (bytes, part) in seed.chunks_exact_mut(8).zip(parts) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        Keypair::from_seed(&seed)
    }

    /// Registers, unless it has.
    pub fn register(&mut self, home: PublicKey, now: Timestamp) -> Option<Rc<Verified>> {
        if self.disk.account.is_some() {
            return None;
        }
        let keypair = self.new_key();
        let lane = Lane {
            keypair,
            grant: None,
            made_by: BlockId::ZERO,
            entries: Vec::new(),
            ended: false,
            filled: None,
        };
        self.disk.root = self.disk.lanes.len();
        self.disk.lanes.push(lane);
        let signed = self.sign(self.disk.root, Register { home, nonce: 0 }.into(), None, now)?;
        self.disk.account = Some(AccountId::from(signed.id()));
        Some(signed)
    }

    /// Signs the next block of a lane, and keeps it. None: no node would take it.
    pub fn sign(
        &mut self,
        lane: usize,
        body: Body,
        expiry: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Rc<Verified>> {
        let lane = self.disk.lanes.get_mut(lane)?;
        let seq = lane.entries.len() as u64;
        let previous = lane.head();
        let verified = signed(&lane.keypair, seq.saturating_add(1), previous, body, expiry, now)?;
        lane.entries.push(Entry { verified: Rc::clone(&verified), answered: false });
        Some(verified)
    }

    /// Adds the lane of a new key that the root key admits by what `body` makes of the key and its proof of possession;
    /// gives the block.
    pub fn admit(
        &mut self,
        body: impl FnOnce(PublicKey, bandex_types::SignatureBytes) -> (Option<Grant>, Body),
        now: Timestamp,
    ) -> Option<Rc<Verified>> {
        let keypair = self.new_key();
        let root = self.disk.lanes.get(self.disk.root)?.keypair.public();
        let statement = possession_statement(NETWORK, &root, &keypair.public());
        let (grant, body) = body(keypair.public(), keypair.sign(Domain::Possession, &statement));
        let signed = self.sign(self.disk.root, body, None, now)?;
        let lane =
            Lane { keypair, grant, made_by: signed.id(), entries: Vec::new(), ended: false, filled: None };
        self.disk.lanes.push(lane);
        Some(signed)
    }

    /// The lanes whose keys may sign what needs `scope`, the likeliest first.
    pub fn lanes_for(&self, scope: Scopes, now: Timestamp) -> Vec<usize> {
        let fits = |(_, lane): &(usize, &Lane)| match &lane.grant {
            _ if lane.ended => false,
            Some(grant) => grant.scopes.covers(scope) && grant.expires.is_none_or(|expires| expires > now),
            None => true,
        };
        let mut lanes: Vec<usize> =
            self.disk.lanes.iter().enumerate().filter(fits).map(|(index, _)| index).collect();
        if self.kind == Kind::Bot {
            lanes.reverse();
        }
        lanes
    }

    /// Sends what was not answered again, byte for byte.
    pub fn resend(&mut self, network: &mut Network) {
        for lane in &mut self.disk.lanes {
            lane.filled = None;
            let open = lane.entries.iter().filter(|entry| !entry.answered);
            for entry in open.take(WINDOW) {
                let request = Request::Submit(Rc::clone(&entry.verified));
                network.send(Letter::ToNode(self.index, request));
            }
        }
    }

    pub fn submit(&self, verified: &Rc<Verified>, network: &mut Network) {
        network.send(Letter::ToNode(self.index, Request::Submit(Rc::clone(verified))));
    }

    /// Opens the private channels anew: the trader's behind what its disk holds, the agent's behind what it remembers.
    pub fn connect(&mut self, connections: &mut u64, network: &mut Network) {
        let Some(key) = self.disk.lanes.get(self.disk.root).map(|lane| lane.keypair.public()) else { return };
        for reader in [Reader::Trader, Reader::Agent] {
            *connections = connections.saturating_add(1);
            let connection = *connections;
            let (channel, from) = match reader {
                Reader::Trader => {
                    (&mut self.trader, self.disk.stream.last().map_or(0, |(record, _)| *record))
                }
                Reader::Agent => (&mut self.agent.channel, self.agent.seen),
            };
            channel.connect(connection);
            let request = Request::Follow { reader, connection, key, from };
            network.send(Letter::ToNode(self.index, request));
        }
    }

    /// Takes in what became of a block. Gives true if it is new that the block is acknowledged.
    pub fn answered(&mut self, id: &BlockId, answer: &Answer, network: &mut Network) -> bool {
        match answer {
            Answer::Receipt(receipt) => self.acknowledged(id, &receipt.outcome),
            Answer::Gap(key, head) => {
                self.fill_gap(key, head.seq, network);
                false
            }
            Answer::Fork | Answer::Refused(_) | Answer::Later => false,
        }
    }

    fn acknowledged(&mut self, id: &BlockId, outcome: &[u8]) -> bool {
        let entries = self.disk.lanes.iter_mut().flat_map(|lane| &mut lane.entries);
        let Some(entry) = entries.into_iter().find(|entry| entry.verified.id() == *id) else { return false };
        if std::mem::replace(&mut entry.answered, true) {
            return false;
        }
        let (author, body) = (entry.verified.block().author, entry.verified.block().body.clone());
        let root = self.disk.lanes.get(self.disk.root).map(|lane| lane.keypair.public());
        if root != Some(author)
            && let Ok(outcome) = borsh::from_slice::<Outcome>(outcome)
            && let CommandResult::Refused(refusal) = outcome.result
        {
            self.job_refused(&body, &refusal);
        }
        true
    }

    /// A payment whose block did not count because of its key must be reported with another one.
    fn job_refused(&mut self, body: &Body, refusal: &Refusal) {
        let job = match body {
            Body::Pay(pay) => Job::Pay(pay.deal, pay.tranche),
            Body::Acknowledge(acknowledge) => Job::Acknowledge(acknowledge.proposal),
            Body::Receive(receive) => Job::Name(receive.deal),
            _ => return,
        };
        let by_key = matches!(
            refusal,
            Refusal::KeyRevoked | Refusal::GrantExpired { .. } | Refusal::OutOfScope | Refusal::KeyForked
        );
        if by_key {
            self.disk.jobs.insert(job, false);
        }
    }

    /// Sends what the node says is missing, and what comes after it.
    fn fill_gap(&mut self, key: &PublicKey, head: u64, network: &mut Network) {
        let from = usize::try_from(head).unwrap_or(usize::MAX);
        let lanes = self.disk.lanes.iter_mut();
        let Some(lane) = lanes.into_iter().find(|lane| lane.keypair.public() == *key) else { return };
        if lane.filled.replace(head) == Some(head) {
            return;
        }
        for entry in lane.entries.iter().skip(from).take(WINDOW).filter(|entry| !entry.answered) {
            let request = Request::Submit(Rc::clone(&entry.verified));
            network.send(Letter::ToNode(self.index, request));
        }
    }

    /// Takes in news of its account; gives how many events were new.
    pub fn hear(&mut self, news: &News) -> usize {
        match news.reader {
            Reader::Trader if self.trader.takes(news) => {
                self.disk.stream.push((news.record, Rc::clone(&news.events)));
                news.events.len()
            }
            Reader::Agent if self.agent.channel.takes(news) => {
                self.agent.hear(news);
                0
            }
            Reader::Trader | Reader::Agent => 0,
        }
    }
}

/// A block as no client keeps it: for those who break the rules, and for [`Client::sign`].
pub(crate) fn signed(
    keypair: &Keypair,
    seq: u64,
    previous: BlockId,
    body: Body,
    expiry: Option<Timestamp>,
    time: Timestamp,
) -> Option<Rc<Verified>> {
    let block = Block { network: NETWORK, author: keypair.public(), seq, previous, time, expiry, body };
    verify(block.sign(keypair), NETWORK).ok().map(Rc::new)
}
