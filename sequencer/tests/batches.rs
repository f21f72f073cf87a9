//! Batches from outside: what is sequenced and what is only answered, how batches link, and that replay goes the same
//! way again or stops where a journal lies.

use bandex_engine::{Engine, Event, Refusal};
use bandex_sequencer::{Ends, Known, Replay, ReplayError, Sealed, Sequencer, Submitted};
use bandex_tradechain::body::{Bandwidth, Change, Guard, Parameters, Payer, Register, Transfer, TrustTerms};
use bandex_tradechain::{
    Block, Body, Command, Decoded, Disconnected, Genesis, Keypair, Record, RecordError, Scores, Verified,
    verify, verify_batch,
};
use bandex_types::{AccountId, Amount, AssetId, BlockId, Hash, Timestamp};

const NETWORK: u32 = 7;
const START: Timestamp = Timestamp::from_micros(1_777_000_000_000_000);

fn key(name: u8) -> Keypair {
    Keypair::from_seed(&[name; 32])
}

fn genesis() -> Genesis {
    Genesis::new(NETWORK, key(1).public(), key(2).public(), Amount::new(1_000))
}

fn no_work() -> Change {
    Change::SetParameters(Parameters { register_work_bits: 0, proposal_us: 1_000, ..Parameters::default() })
}

/// A sequencer with a journal in a list.
struct World {
    sequencer: Sequencer,
    journal: Vec<Sealed>,
}

impl World {
    fn new() -> Self {
        let mut sequencer = Sequencer::new(Engine::new(), Ends::EMPTY, key(1), key(2));
        let sealed = sequencer.begin(genesis(), &[no_work()], START);
        Self { sequencer, journal: vec![sealed] }
    }

    fn block(&self, author: u8, seq: u64, previous: BlockId, body: Body) -> Verified {
        let author = key(author);
        let block = Block {
            network: NETWORK,
            author: author.public(),
            seq,
            previous,
            time: START,
            expiry: None,
            body,
        };
        verify(block.sign(&author), NETWORK).expect("a good block")
    }

    fn register(&self, author: u8) -> Verified {
        let register = Register { home: key(1).public(), nonce: 0 };
        self.block(author, 1, BlockId::ZERO, register.into())
    }

    fn transfer(&self, author: u8, previous: BlockId, note: &str) -> Verified {
        let transfer = Transfer {
            to: AccountId::new([9; 32]),
            asset: AssetId::BWT,
            amount: Amount::new(1),
            note: note.to_owned(),
        };
        self.block(author, 2, previous, transfer.into())
    }

    /// One batch of these blocks; what became of each.
    fn batch(&mut self, blocks: Vec<Verified>) -> Vec<Submitted> {
        let mut making = self.sequencer.batch(START);
        let submitted = blocks.into_iter().map(|block| making.submit(block)).collect();
        self.journal.extend(making.seal());
        submitted
    }

    fn records(&self) -> Vec<Record> {
        self.journal.iter().flat_map(|sealed| sealed.batch.records.clone()).collect()
    }
}

fn check(submitted: &Submitted, expected: &str) {
    let found = match submitted {
        Submitted::Index(index) => format!("index {index}"),
        Submitted::Known(Known::Duplicate { record }) => format!("duplicate of {record}"),
        Submitted::Known(Known::Fork { record }) => format!("fork of {record}"),
        Submitted::Known(Known::Gap(head)) => format!("gap after {}", head.seq),
        Submitted::Known(Known::Refused(refusal)) => format!("refused: {}", refusal.code()),
        Submitted::Contradicts { record, .. } => format!("contradicts {record}"),
    };
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_next_is_answered_without_a_record() {
    let mut world = World::new();
    let (anna, bert) = (world.register(10), world.register(11));
    let far = world.transfer(10, BlockId::ZERO, "");
    let nobody = world.transfer(12, BlockId::ZERO, "");
    let submitted = world.batch(vec![anna.clone(), anna.clone(), bert, far, nobody]);
    for (submitted, expected) in
        submitted.iter().zip(["index 0", "index 0", "index 1", "gap after 1", "refused: unknown_key"])
    {
        check(submitted, expected);
    }
    assert_eq!(world.sequencer.engine().seq(), 5);
    // In a later batch the twin is known by its record.
    check(&world.batch(vec![anna])[0], "duplicate of 4");
    assert_eq!(world.journal.len(), 2, "a batch without records is none");
}

#[test]
fn a_fork_within_a_batch_goes_on_record_once() {
    let mut world = World::new();
    let anna = world.register(10);
    let one = world.transfer(10, anna.id(), "one");
    let two = world.transfer(10, anna.id(), "two");
    let submitted = world.batch(vec![anna, one, two.clone(), two]);
    for (submitted, expected) in submitted.iter().zip(["index 0", "index 1", "fork of 5", "fork of 5"]) {
        check(submitted, expected);
    }
    let records = world.records();
    assert_eq!(records.len(), 6, "genesis, upgrade, configure, register, transfer, fork");
    let last = Decoded::from_bytes(&records[5].command).unwrap();
    let Command::Fork(proof) = last.command() else { panic!("a fork") };
    proof.check(NETWORK).unwrap();
}

#[test]
fn a_fork_of_an_older_record_asks_for_it() {
    let mut world = World::new();
    let anna = world.register(10);
    let one = world.transfer(10, anna.id(), "one");
    let two = world.transfer(10, anna.id(), "two");
    world.batch(vec![anna, one]).into_iter().for_each(drop);
    let first = world.records()[4].clone();
    let tick = Record { command: Command::Tick.encode(), ..first.clone() };
    let mut making = world.sequencer.batch(START);
    let submitted = making.submit(two);
    check(&submitted, "contradicts 5");
    let Submitted::Contradicts { second, .. } = submitted else { panic!("a contradiction") };
    assert_eq!(making.fork(&tick, *second.clone()), None, "a tick is nothing to contradict");
    assert!(making.is_empty());
    assert_eq!(making.fork(&first, *second.clone()), Some(Known::Fork { record: 5 }));
    assert_eq!(making.fork(&first, *second), Some(Known::Fork { record: 5 }));
    let sealed = making.seal().unwrap();
    assert_eq!(sealed.batch.records.len(), 1);
    assert!(matches!(sealed.applied[0].outcome.events[0], Event::Fork(_)));
}

#[test]
fn time_passes_by_a_tick_only_if_nothing_else_carries_it() {
    let mut world = World::new();
    let (anna, bert) = (world.register(10), world.register(11));
    let bandwidth = Bandwidth {
        counterparty: AccountId::from(bert.id()),
        sent_bytes: 1,
        received_bytes: 0,
        payer: Payer::Counterparty,
        tokens: Amount::ZERO,
    };
    let proposal = world.block(10, 2, anna.id(), bandwidth.into());
    let carl = world.register(12);
    world.batch(vec![anna, bert, proposal]).into_iter().for_each(drop);
    let deadline = world.sequencer.engine().next_deadline().unwrap();
    let mut check = |now: Timestamp, block: Option<Verified>, records: usize| {
        let mut making = world.sequencer.batch(now);
        block.map(|block| making.submit(block)).into_iter().for_each(drop);
        making.tick_if_due();
        assert_eq!(making.seal().map_or(0, |sealed| sealed.batch.records.len()), records, "at {now}");
    };
    check(Timestamp::from_micros(deadline.as_micros() - 1), None, 0);
    check(deadline, Some(carl), 1);
    check(deadline, None, 0);
}

#[test]
fn the_clock_running_backwards_leaves_sequenced_time_where_it_is() {
    let mut world = World::new();
    let anna = world.register(10);
    let mut making = world.sequencer.batch(Timestamp::from_micros(START.as_micros() - 5));
    check(&making.submit(anna), "index 0");
    let sealed = making.seal().unwrap();
    assert_eq!(sealed.batch.records[0].time, START);
}

#[test]
fn the_node_signs_what_was_applied() {
    let mut world = World::new();
    let anna = world.register(10);
    world.batch(vec![anna]).into_iter().for_each(drop);
    for (index, sealed) in world.journal.iter().enumerate() {
        let block = verify_batch(&sealed.batch.block, &key(1).public(), NETWORK).unwrap();
        let Body::Batch(bound) = block.body else { panic!("a batch") };
        assert_eq!(block.seq, index as u64 + 1);
        assert_eq!(bound.count as usize, sealed.batch.records.len());
        assert_eq!(bound.last_record_hash, sealed.batch.records.last().unwrap().hash());
    }
    assert_eq!(world.sequencer.ends().node.id, world.journal[1].batch.block.batch_id());
}

/// Replays some records and gives where it stands, or why it stopped.
fn replayed(mut replay: Replay, records: &[Record]) -> Result<Replay, ReplayError> {
    for record in records {
        replay.again(record)?;
    }
    Ok(replay)
}

#[test]
fn a_replay_goes_the_same_way_from_the_start_and_from_the_middle() {
    let mut world = World::new();
    let (anna, bert) = (world.register(10), world.register(11));
    world.batch(vec![anna]).into_iter().for_each(drop);
    let half = world.records();
    world.batch(vec![bert]).into_iter().for_each(drop);
    let (records, last) = (world.records(), world.journal.last().map(|sealed| &sealed.batch.block));
    let (engine, ends) = replayed(Replay::new(), &records).unwrap().finish(last).unwrap();
    assert_eq!(engine.digest(), world.sequencer.engine().digest());
    assert_eq!(ends, world.sequencer.ends());
    let (engine, _) = replayed(Replay::new(), &half).unwrap().finish(None).unwrap();
    let middle = Replay::after(engine, half.last().unwrap().hash());
    let (engine, ends) = replayed(middle, &records[half.len()..]).unwrap().finish(last).unwrap();
    assert_eq!(engine.digest(), world.sequencer.engine().digest());
    assert_eq!(ends, world.sequencer.ends());
    assert_eq!(Replay::new().finish(None).unwrap().1, Ends::EMPTY);
}

#[test]
fn a_replay_stops_where_the_journal_lies() {
    let mut world = World::new();
    let anna = world.register(10);
    world.batch(vec![anna]).into_iter().for_each(drop);
    let check = |lie: &dyn Fn(&mut Vec<Record>), expected: ReplayError| {
        let mut records = world.records();
        lie(&mut records);
        assert_eq!(replayed(Replay::new(), &records).unwrap_err(), expected);
    };
    let link = |seq, source| ReplayError::Link { seq, source };
    check(&|records| drop(records.remove(1)), link(3, RecordError::Sequence { expected: 2, found: 3 }));
    check(&|records| records[2].previous = Hash::ZERO, link(3, RecordError::Link));
    check(&|records| records[2].time = Timestamp::ZERO, link(3, RecordError::Time));
    check(&|records| records[2].outcome_digest = Hash::ZERO, ReplayError::Outcome { seq: 3 });
    let spoil = |records: &mut Vec<Record>| records[2].command.push(0);
    let source = Decoded::from_bytes(&{
        let mut records = world.records();
        spoil(&mut records);
        records[2].command.clone()
    })
    .unwrap_err();
    check(&spoil, ReplayError::Command { seq: 3, source });
}

#[test]
fn a_refused_register_stands_in_no_lane() {
    let mut world = World::new();
    let register = Register { home: key(9).public(), nonce: 0 };
    let stranger = world.block(10, 1, BlockId::ZERO, register.into());
    check(&world.batch(vec![stranger.clone()])[0], "refused: other_home");
    // Only a dishonest journal holds one all the same.
    let mut replay = replayed(Replay::new(), &world.records()).unwrap();
    let mut engine = replayed(Replay::new(), &world.records()).unwrap().finish(None).unwrap().0;
    let decoded = Decoded::from(stranger);
    let outcome = engine.apply(START, &decoded);
    assert_eq!(outcome.result, bandex_engine::CommandResult::Refused(Refusal::OtherHome));
    let record = Record {
        seq: 4,
        time: START,
        rules: 2,
        command: decoded.command().encode(),
        outcome_digest: outcome.digest(),
        previous: world.records()[2].hash(),
    };
    assert!(replay.again(&record).unwrap().block.is_none());
}

#[test]
fn scores_are_sequenced_while_they_are_due_and_only_then() {
    const EPOCH_US: u64 = 1_000_000;
    let mut world = World::new();
    world.batch(vec![world.register(10)]);
    let account = world.sequencer.engine().at_position(1).expect("it is registered");
    let terms = TrustTerms { epoch_us: EPOCH_US, ..TrustTerms::default() };
    let mut making = world.sequencer.batch(START);
    making.configure(vec![Change::SetTrust(terms), Change::SetSeed { account, seed: true }]);
    world.journal.extend(making.seal());
    let due = |world: &World| world.sequencer.engine().checkpoint();
    let give = |world: &mut World, at: Timestamp, scores: Scores| {
        let mut making = world.sequencer.batch(at);
        making.scores(scores);
        let sealed = making.seal();
        let events = |sealed: &Sealed| -> Vec<Event> {
            sealed.applied.iter().flat_map(|applied| applied.outcome.events.clone()).collect()
        };
        let found = sealed.as_ref().map(events);
        world.journal.extend(sealed);
        found
    };
    assert_eq!(due(&world), None);
    let mut making = world.sequencer.batch(START.plus(EPOCH_US));
    making.tick_if_due();
    world.journal.extend(making.seal());
    let first = due(&world).expect("an epoch has ended").scores();
    // Of another epoch, or drawn with another key, they are not taken at all.
    let at = START.plus(EPOCH_US + 1);
    assert_eq!(give(&mut world, at, Scores { epoch: first.epoch + 1, ..first.clone() }), None);
    assert_eq!(give(&mut world, at, Scores { checkpoint: Hash::ZERO, ..first.clone() }), None);
    let events = give(&mut world, at, first.clone()).expect("they are due");
    assert!(events.contains(&Event::Scored { epoch: first.epoch }), "{events:?}");
    assert_eq!(due(&world), None);
    assert_eq!(give(&mut world, at, first.clone()), None, "once is enough");
    // Those that come when the next epoch has ended meanwhile only let the time pass: its own are due then.
    let mut making = world.sequencer.batch(START.plus(2 * EPOCH_US));
    making.tick_if_due();
    world.journal.extend(making.seal());
    let second = due(&world).expect("the second has ended").scores();
    let events = give(&mut world, START.plus(3 * EPOCH_US), second.clone()).expect("time has passed");
    assert!(!events.iter().any(|event| matches!(event, Event::Scored { .. })), "{events:?}");
    assert_eq!(due(&world).map(|third| third.epoch), Some(second.epoch + 1));
    let mut replay = Replay::new();
    for record in world.records() {
        replay.again(&record).expect("all of it replays");
    }
    assert_eq!(replay.engine().digest(), world.sequencer.engine().digest());
}

#[test]
fn a_key_that_is_gone_is_put_on_record_only_while_it_asks_for_that() {
    let mut world = World::new();
    let registered = world.register(5);
    let (root, key) = (registered.id(), key(5).public());
    let said = |since: Timestamp| Disconnected { key, since };
    let _ = world.batch(vec![registered]);
    let mut making = world.sequencer.batch(START.plus(60));
    assert_eq!(making.disconnected(said(START)), None, "it asked for nothing");
    assert!(making.seal().is_none());
    let guard = world.block(5, 2, root, Guard { cancel_after_us: 0, on_disconnect_us: Some(10) }.into());
    let id = guard.id();
    let _ = world.batch(vec![guard]);
    let off = world.block(5, 3, id, Guard::OFF.into());
    let mut making = world.sequencer.batch(START.plus(60));
    assert_eq!(making.disconnected(said(START.plus(51))), None, "its grace runs");
    assert_eq!(making.disconnected(said(START.plus(50))), Some(0));
    assert!(matches!(making.submit(off), Submitted::Index(1)));
    assert_eq!(making.disconnected(said(START)), None, "it asks no more");
    let sealed = making.seal().expect("two records");
    assert_eq!(sealed.applied.len(), 2);
}
