//! Keys that are gone, keys that come back at the last moment, against the sequencer itself.

use super::*;
use crate::writer;
use bandex_sequencer::{Ends, Sequencer};
use bandex_tradechain::body::{Change, Guard, Parameters, Register, Rotate, possession_statement};
use bandex_tradechain::{Block, Body, Domain, Genesis, Head, Keypair, verify};
use bandex_types::{Amount, BlockId};

const NETWORK: u32 = 7;
const NODE: u8 = 1;

fn pair(name: u8) -> Keypair {
    Keypair::from_seed(&[name; 32])
}

/// A sequencer, and who is connected.
struct World {
    sequencer: Sequencer,
    presence: Arc<Presence>,
    heads: BTreeMap<u8, Head>,
}

impl World {
    /// Two accounts, whose root keys ask that their orders go as soon as they are gone.
    fn new() -> Self {
        let mut sequencer = Sequencer::new(Engine::new(), Ends::EMPTY, pair(NODE), pair(2));
        let genesis = Genesis::new(NETWORK, pair(NODE).public(), pair(2).public(), Amount::new(1_000));
        let no_work = Parameters { register_work_bits: 0, ..Parameters::default() };
        let _ = sequencer.begin(genesis, &[Change::SetParameters(no_work)], clock::now());
        let presence = Presence::of(sequencer.engine());
        let mut world = Self { sequencer, presence, heads: BTreeMap::new() };
        for name in [10, 11] {
            world.heads.insert(name, Head { seq: 0, id: BlockId::ZERO });
            world.sign(name, Register { home: pair(NODE).public(), nonce: 0 });
            world.sign(name, Guard { cancel_after_us: 0, on_disconnect_us: Some(0) });
        }
        world
    }

    /// Sequences the next block of a lane.
    fn sign(&mut self, name: u8, body: impl Into<Body>) {
        let Head { seq, id: previous } = self.heads[&name];
        let (author, time, seq) = (pair(name).public(), clock::now(), seq + 1);
        let block = Block { network: NETWORK, author, seq, previous, time, expiry: None, body: body.into() };
        let verified = verify(block.sign(&pair(name)), NETWORK).unwrap();
        self.heads.insert(name, Head { seq, id: verified.id() });
        let mut making = self.sequencer.batch(clock::now());
        let submitted = making.submit(verified);
        assert!(matches!(submitted, bandex_sequencer::Submitted::Index(_)), "{submitted:?}");
        self.presence.commit(&making.seal().unwrap().applied);
    }

    /// Hands an account over to another root key.
    fn rotate(&mut self, from: u8, to: u8) {
        let key = pair(to).public();
        let statement = possession_statement(NETWORK, &pair(from).public(), &key);
        self.sign(from, Rotate { key, possession: pair(to).sign(Domain::Possession, &statement) });
        self.heads.insert(to, Head { seq: 0, id: self.heads[&from].id });
    }

    /// Whether a key counts as gone.
    fn is_gone(&self, name: u8) -> bool {
        self.presence.absent().iter().any(|(_, gone)| gone.key == pair(name).public())
    }

    /// Whether the writer has the key's orders cancelled.
    fn takes(&mut self, gone: Disconnected) -> bool {
        let mut making = self.sequencer.batch(clock::now());
        let index = writer::disconnected(&mut making, &self.presence, gone);
        assert_eq!(making.seal().is_some(), index.is_some());
        index.is_some()
    }
}

/// The next word of those who are gone.
async fn next(queue: &mut mpsc::Receiver<Input>) -> (Disconnected, oneshot::Sender<Answer>) {
    match tokio::time::timeout(Duration::from_secs(10), queue.recv()).await {
        Ok(Some(Input::Gone(gone, reply))) => (gone, reply),
        _ => panic!("nobody is said to be gone"),
    }
}

#[tokio::test]
async fn a_key_that_came_back_while_the_writer_was_busy_keeps_its_orders() {
    let mut world = World::new();
    let (queue, mut inputs) = mpsc::channel(16);
    let watching = tokio::spawn(Arc::clone(&world.presence).watch(queue, Switch::new()));
    // Both are said to be gone before the writer has answered about either.
    let (one, of_one) = next(&mut inputs).await;
    let (other, of_other) = next(&mut inputs).await;
    assert_ne!(one.key, other.key);
    let here = world.presence.arrive(other.key);
    assert!(world.takes(one));
    assert!(!world.takes(other), "it has come back");
    // Gone once more, it is gone since then: what was said before does not count.
    drop(here);
    assert!(!world.takes(other), "that was another absence");
    of_one.send(Answer::Unknown).unwrap();
    of_other.send(Answer::Unknown).unwrap();
    let (first, _) = next(&mut inputs).await;
    let (second, _) = next(&mut inputs).await;
    let again = if first.key == other.key { first } else { second };
    assert!(again.since > other.since, "{again:?}");
    assert!(world.takes(again));
    watching.abort();
}

#[test]
fn the_root_key_behind_it_is_there_for_one_that_was_rotated_away() {
    let mut world = World::new();
    let old = world.presence.arrive(pair(10).public());
    world.rotate(10, 12);
    assert!(!world.is_gone(10), "the old connection has not ended yet");
    // Whoever is connected with the new key loses nothing when the connection of the old one is ended.
    let new = world.presence.arrive(pair(12).public());
    drop(old);
    assert!(!world.is_gone(10));
    drop(new);
    assert!(world.is_gone(10));
    let since = world.presence.absent()[0].1.since;
    // The same after a second rotation, and after a restart.
    world.rotate(12, 13);
    world.sign(13, Guard { cancel_after_us: 0, on_disconnect_us: Some(0) });
    for presence in [Arc::clone(&world.presence), Presence::of(world.sequencer.engine())] {
        world.presence = presence;
        assert!(world.is_gone(10) && world.is_gone(11) && world.is_gone(13));
        let newest = world.presence.arrive(pair(13).public());
        assert!(!world.is_gone(10) && world.is_gone(11) && !world.is_gone(13));
        drop(newest);
        assert!(world.is_gone(10) && world.is_gone(13));
        let absent = world.presence.absent();
        let again = absent.iter().find(|(_, gone)| gone.key == pair(10).public()).unwrap();
        assert!(again.1.since > since, "{again:?}");
    }
}
