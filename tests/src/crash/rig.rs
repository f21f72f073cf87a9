//! Server, clients and witness together: what a run of kills and a test of faults are made of.

use super::client::{Address, Client, Mode};
use super::connection::Manner;
use super::node::{NETWORK, Node};
use super::random::Random;
use super::traffic::Traffic;
use super::witness::Witness;
use super::world::{Tally, World};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long the clients may need to get every answer.
const DRAIN_WAIT: Duration = Duration::from_secs(120);
/// Tokens each account begins with, in bytes.
const TOKENS: u64 = 10_000_000_000_000;
/// How much others let the accounts owe, in millisatoshi, in turn: deals of one move, and of many.
const LIMITS: [u64; 4] = [1_000_000_000, 2_000_000, 1_000_000_000, 200_000];
/// Two keys a client.
const CLIENTS: [(Manner, [u8; 2]); 4] =
    [(Manner::Socket, [1, 2]), (Manner::Socket, [3, 4]), (Manner::Socket, [5, 6]), (Manner::Rest, [7, 8])];

/// All that takes part.
#[derive(Debug)]
pub struct Rig {
    /// The server.
    pub node: Node,
    /// What the clients see.
    pub world: Arc<Mutex<World>>,
    clients: Vec<Client>,
    witness: Witness,
    /// Different blocks that were made.
    made: u64,
}

/// Clients at work.
#[derive(Debug)]
pub struct Driving {
    mode: watch::Sender<Mode>,
    clients: JoinSet<Client>,
}

/// What came of the blocks that had no answer when the server was killed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unanswered {
    /// How many there were.
    pub blocks: u64,
    /// How many of them the journal held all the same.
    pub recorded: u64,
}

impl Rig {
    /// Clients of a server that runs for the first time: registered, with tokens and limits.
    ///
    /// # Panics
    /// The server does not run.
    pub async fn new(node: Node, random: &mut Random) -> Self {
        let mut world = World::default();
        let clients = CLIENTS.map(|(manner, seeds)| {
            let client = Client::new(manner, Traffic::new(&seeds, node.key()), random.split());
            world.accounts.extend(client.accounts());
            client
        });
        let witness = Witness::new(node.operator());
        let world = Arc::new(Mutex::new(world));
        let mut this = Self { node, world, clients: Vec::from(clients), witness, made: 0 };
        this.drain().await;
        let accounts = this.world.lock().unwrap().accounts.clone();
        let issue = |account| json!({ "change": "issue", "to": account, "amount": TOKENS.to_string() });
        let limit = |(account, limit): (_, &u64)| json!({ "change": "set_limit", "account": account, "limit": limit.to_string() });
        let mut changes: Vec<_> = accounts.iter().map(issue).collect();
        changes.extend(accounts.iter().zip(LIMITS.iter().cycle()).map(limit));
        this.node.configure(&changes).await;
        this
    }

    /// Lets the clients work.
    pub fn drive(&mut self, mode: Mode) -> Driving {
        let to = Address { url: self.node.url(), node: self.node.key(), network: NETWORK };
        let (mode, watched) = watch::channel(mode);
        let mut clients = JoinSet::new();
        for client in self.clients.drain(..) {
            clients.spawn(client.drive(to.clone(), Arc::clone(&self.world), watched.clone()));
        }
        Driving { mode, clients }
    }

    /// Waits until the clients have left, and takes down what they have to tell; gives the blocks without an answer.
    ///
    /// # Panics
    /// A client was answered what it must not be, or they do not leave in time.
    pub async fn leave(&mut self, driving: Driving, mode: Mode) -> Vec<bandex_types::BlockId> {
        let Driving { mode: sender, mut clients } = driving;
        sender.send_replace(mode);
        let deadline = tokio::time::Instant::now() + DRAIN_WAIT;
        let mut unanswered = Vec::new();
        while let Ok(next) = tokio::time::timeout_at(deadline, clients.join_next()).await {
            let Some(client) = next else { return unanswered };
            let mut client = client.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let mut diary = client.diary();
            self.made += diary.made.len() as u64;
            unanswered.append(&mut diary.unanswered);
            self.witness.hear(diary);
            self.clients.push(client);
        }
        panic!("the clients do not get their answers\n{}", self.node.log_end());
    }

    /// Lets the clients send what has no answer again, and some of what has, until everything is answered.
    pub async fn drain(&mut self) {
        self.doubt();
        let driving = self.drive(Mode::Drain);
        self.leave(driving, Mode::Drain).await;
    }

    /// Lets the clients doubt some answers: they will ask for them again.
    pub fn doubt(&mut self) {
        self.clients.iter_mut().for_each(Client::doubt);
    }

    /// Holds the journal against everything that was acknowledged, and the live state against a clean replay. The
    /// server runs, and nobody sends.
    pub async fn check(&mut self) {
        let reader = self.node.place.reader().await;
        {
            let mut world = World::default();
            std::mem::swap(&mut world, &mut self.world.lock().unwrap());
            self.witness.catch_up(reader.as_ref(), &mut world).await;
            world.release();
            *self.world.lock().unwrap() = world;
        }
        self.witness.compare(&self.node.digest().await);
    }

    /// The same once everything is answered: each block has exactly one record.
    pub async fn check_all(&mut self) {
        self.check().await;
        self.witness.all_answered();
    }

    /// What came of blocks without an answer, once the journal was read.
    pub fn fates(&self, unanswered: &[bandex_types::BlockId]) -> Unanswered {
        let recorded = unanswered.iter().filter(|id| self.witness.holds(id)).count() as u64;
        Unanswered { blocks: unanswered.len() as u64, recorded }
    }

    /// Different blocks that were made so far.
    pub const fn made(&self) -> u64 {
        self.made
    }

    /// The records that were replayed so far.
    pub const fn records(&self) -> u64 {
        self.witness.seq()
    }

    /// What was answered so far.
    pub fn tally(&self) -> Tally {
        self.world.lock().unwrap().tally
    }

    /// Waits until something is true of what was answered.
    ///
    /// # Panics
    /// It does not come true within `wait`, or a client has given up.
    pub async fn until(&self, driving: &mut Driving, wait: Duration, what: &str, is: impl Fn(Tally) -> bool) {
        let deadline = Instant::now() + wait;
        while !is(self.tally()) {
            if let Some(Err(error)) = driving.clients.try_join_next() {
                std::panic::resume_unwind(error.into_panic());
            }
            assert!(
                Instant::now() < deadline,
                "waited for {what}: {:?}\n{}",
                self.tally(),
                self.node.log_end()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
