//! A client that keeps the rules and trusts nobody: it sends what was not answered again, byte for byte, as often as it
//! takes, and remembers every answer with its proof.

use super::connection::{Answer, Broken, Connection, Manner};
use super::random::Random;
use super::traffic::Traffic;
use super::world::World;
use bandex_api::{BlockReply, Problem};
use bandex_engine::Outcome;
use bandex_sdk::{check_reply, receipt_from_wire};
use bandex_tradechain::{Leaf, SignedBlock};
use bandex_types::{AccountId, BlockId, PublicKey};
use borsh::BorshDeserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How many blocks a WebSocket client leaves unanswered.
const WINDOW: usize = 48;
/// How many answered blocks are remembered, to be sent once more.
const REMEMBERED: usize = 64;
/// The pause before another connection is tried.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// What the clients shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make new blocks.
    Load,
    /// Only get answers to those that have none.
    Drain,
    /// Leave at once.
    Stop,
}

/// What a block must be answered.
#[derive(Debug, Clone)]
pub enum Expected {
    /// It is new: it gets a record.
    Sequenced,
    /// As it was the first time.
    Same(Box<Answer>),
    /// It is no block of anybody and never gets a record.
    Rejected,
}

/// A block that was sent and not answered yet.
#[derive(Debug, Clone)]
pub struct Sent {
    req_id: u64,
    signed: SignedBlock,
    expected: Expected,
}

/// What the exchange has promised about a block.
#[derive(Debug, Clone)]
pub struct Told {
    /// The block.
    pub id: BlockId,
    /// The record that holds it.
    pub seq: u64,
    /// What its receipt proves; a refusal carries none.
    pub leaf: Option<Leaf>,
    /// The code of its refusal.
    pub refusal: Option<String>,
}

/// Where the clients go, and whom they believe.
#[derive(Debug, Clone)]
pub struct Address {
    /// Of the traders' listener.
    pub url: String,
    /// The node's key.
    pub node: PublicKey,
    /// The network.
    pub network: u32,
}

/// A client with its keys.
#[derive(Debug)]
pub struct Client {
    manner: Manner,
    traffic: Traffic,
    random: Random,
    next_id: u64,
    outstanding: VecDeque<Sent>,
    answered: VecDeque<(SignedBlock, Answer)>,
    made: Vec<BlockId>,
    told: Vec<Told>,
}

/// What a client has to tell after some time.
#[derive(Debug, Default)]
pub struct Diary {
    /// The ids of new blocks.
    pub made: Vec<BlockId>,
    /// What was acknowledged.
    pub told: Vec<Told>,
    /// Blocks that wait for an answer.
    pub unanswered: Vec<BlockId>,
}

impl Client {
    /// A client that has not said anything yet, but will register first.
    pub fn new(manner: Manner, mut traffic: Traffic, random: Random) -> Self {
        let first_words = traffic.first_words();
        let mut this = Self {
            manner,
            traffic,
            random,
            next_id: 1,
            outstanding: VecDeque::new(),
            answered: VecDeque::new(),
            made: Vec::new(),
            told: Vec::new(),
        };
        for signed in first_words {
            this.add(signed, Expected::Sequenced);
        }
        this
    }

    /// Its accounts.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.traffic.accounts()
    }

    /// What happened since the last time this was asked.
    pub fn diary(&mut self) -> Diary {
        let new = self.outstanding.iter().filter(|sent| matches!(sent.expected, Expected::Sequenced));
        let unanswered = new.map(|sent| sent.signed.id()).collect();
        Diary { made: std::mem::take(&mut self.made), told: std::mem::take(&mut self.told), unanswered }
    }

    /// Queues some answered blocks to be sent once more.
    pub fn doubt(&mut self) {
        for _ in 0..4 {
            self.repeat();
        }
    }

    fn add(&mut self, signed: SignedBlock, expected: Expected) {
        if matches!(expected, Expected::Sequenced) {
            self.made.push(signed.id());
        }
        self.outstanding.push_back(Sent { req_id: self.next_id, signed, expected });
        self.next_id += 1;
    }

    fn repeat(&mut self) -> bool {
        let all = self.answered.make_contiguous();
        let Some((signed, answer)) = self.random.one_of(all).cloned() else { return false };
        self.add(signed, Expected::Same(Box::new(answer)));
        true
    }

    /// Makes the next block.
    fn make(&mut self, world: &Mutex<World>) {
        match self.random.below(100) {
            0..5 if self.repeat() => {}
            5..7 => {
                let forged = self.traffic.forged();
                self.add(forged, Expected::Rejected);
            }
            _ => {
                let signed = self.traffic.next(&mut self.random, &mut world.lock().unwrap());
                self.add(signed, Expected::Sequenced);
            }
        }
    }

    /// Talks to the exchange, on as many connections as it takes, until `mode` lets it go.
    pub async fn drive(
        mut self,
        to: Address,
        world: Arc<Mutex<World>>,
        mut mode: watch::Receiver<Mode>,
    ) -> Self {
        loop {
            let opened = tokio::select! {
                _ = mode.wait_for(|mode| *mode == Mode::Stop) => return self,
                opened = Connection::open(self.manner, &to.url) => opened,
            };
            if let Ok(connection) = opened
                && self.converse(connection, &to, &world, &mut mode).await.is_ok()
            {
                return self;
            }
            world.lock().unwrap().tally.broken += 1;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Talks on one connection; its end is good if there is nothing left to do.
    async fn converse(
        &mut self,
        mut connection: Connection,
        to: &Address,
        world: &Mutex<World>,
        mode: &mut watch::Receiver<Mode>,
    ) -> Result<(), Broken> {
        let window = if self.manner == Manner::Socket { WINDOW } else { 1 };
        // What earlier connections left open comes first, in order.
        let mut unsent: VecDeque<u64> = self.outstanding.iter().map(|sent| sent.req_id).collect();
        loop {
            let now = *mode.borrow_and_update();
            if now == Mode::Stop || (now == Mode::Drain && self.outstanding.is_empty()) {
                return Ok(());
            }
            let waiting = self.outstanding.len() - unsent.len();
            if unsent.is_empty() && now == Mode::Load && waiting < window {
                self.make(world);
                unsent.extend(self.outstanding.back().map(|sent| sent.req_id));
            }
            tokio::select! {
                biased;
                _ = mode.changed() => {}
                answer = connection.answer() => {
                    let (req_id, answer) = answer?;
                    self.take(req_id, answer, to, world)?;
                }
                () = std::future::ready(()), if waiting < window && !unsent.is_empty() => {
                    let req_id = unsent.pop_front().unwrap();
                    let sent = self.outstanding.iter().find(|sent| sent.req_id == req_id).unwrap();
                    connection.send(req_id, &sent.signed).await?;
                }
            }
        }
    }

    /// Takes an answer. After one that leaves a block's fate open, nothing behind it on this connection counts.
    fn take(
        &mut self,
        req_id: u64,
        answer: Answer,
        to: &Address,
        world: &Mutex<World>,
    ) -> Result<(), Broken> {
        let at = self.outstanding.iter().position(|sent| sent.req_id == req_id).expect("a block was sent");
        let mut world = world.lock().unwrap();
        if let Answer::Problem(problem) = &answer
            && problem.status >= 500
        {
            assert!(problem.retryable, "{problem:?}");
            world.tally.unknown += 1;
            return Err(Broken);
        }
        let Sent { signed, expected, .. } = self.outstanding.remove(at).unwrap();
        match expected {
            Expected::Same(first) => {
                assert_eq!(answer, *first, "a block sent again is answered as it was then");
                world.tally.repeated += 1;
                return Ok(());
            }
            Expected::Rejected => {
                let rejected = matches!(&answer, Answer::Problem(problem) if problem.code == "bad_signature");
                assert!(rejected, "{answer:?}");
                world.tally.rejected += 1;
                return Ok(());
            }
            Expected::Sequenced => {}
        }
        world.tally.acknowledged += 1;
        match &answer {
            Answer::Done(reply) => self.told.push(proven(reply, &signed, to, &mut world)),
            Answer::Problem(problem) => {
                world.tally.refused += 1;
                self.told.push(refused(problem, &signed));
            }
        }
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back((signed, answer));
        Ok(())
    }
}

/// A reply whose receipt proves all it says.
fn proven(reply: &BlockReply, signed: &SignedBlock, to: &Address, world: &mut World) -> Told {
    check_reply(reply, signed, &to.node, to.network).unwrap();
    let receipt = receipt_from_wire(reply.receipt.as_ref().expect("a receipt was asked for")).unwrap();
    world.observe(reply.seq, &Outcome::try_from_slice(&receipt.outcome).unwrap());
    Told { id: signed.id(), seq: reply.seq, leaf: Some(receipt.leaf), refusal: None }
}

/// A refusal that consumed its place. Anything else would mean that the exchange has forgotten or invented something.
fn refused(problem: &Problem, signed: &SignedBlock) -> Told {
    assert_eq!(problem.outcome.as_deref(), Some("accepted"), "{problem:?}");
    let seq = problem.details.as_ref().and_then(|details| details["seq"].as_u64()).unwrap();
    Told { id: signed.id(), seq, leaf: None, refusal: Some(problem.code.clone()) }
}
