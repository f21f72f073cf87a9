//! Receipts, forks, records and logins: what is altered proves nothing.

use super::strategies::NETWORK;
use bandex_tradechain::body::{Acknowledge, Batch};
use bandex_tradechain::{
    Block, Body, Command, Domain, ForkProof, KeyError, Keypair, Leaf, Login, MerkleError, Receipt,
    ReceiptError, Record, RecordError, SignedBlock, inclusion_proofs, outcome_digest,
};
use bandex_types::{BlockId, Hash, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_micros(1_777_689_383_201_000);

fn trader() -> Keypair {
    Keypair::from_seed(&[1; 32])
}

fn node() -> Keypair {
    Keypair::from_seed(&[3; 32])
}

fn block(pair: &Keypair, seq: u64, proposal: u8) -> Block {
    Block {
        network: NETWORK,
        author: pair.public(),
        seq,
        previous: BlockId::new([9; 32]),
        time: NOW,
        expiry: None,
        body: Acknowledge { proposal: BlockId::new([proposal; 32]) }.into(),
    }
}

/// `count` records that follow each other, numbered from `first_seq`.
fn records(first_seq: u64, count: u8) -> Vec<Record> {
    let mut previous = Hash::ZERO;
    (0..count)
        .map(|number| {
            let command = Command::Block(block(&trader(), u64::from(number) + 1, number).sign(&trader()));
            let record = Record {
                seq: first_seq + u64::from(number),
                time: NOW.plus(u64::from(number)),
                rules: 1,
                command: command.encode(),
                outcome_digest: outcome_digest(&[number]),
                previous,
            };
            previous = record.hash();
            record
        })
        .collect()
}

/// The node's batch block over all of `records`, and the receipt of each; the outcome of record i is the byte i.
fn receipts(records: &[Record]) -> Vec<Receipt> {
    let leaves: Vec<Leaf> = records.iter().map(Record::leaf).collect();
    let hashes: Vec<Hash> = leaves.iter().map(Leaf::hash).collect();
    let (root, paths) = inclusion_proofs(&hashes);
    let batch = Batch {
        first_seq: leaves[0].seq,
        count: u32::try_from(leaves.len()).expect("few"),
        root,
        last_record_hash: records[records.len() - 1].hash(),
    };
    let batch = Block { body: batch.into(), ..block(&node(), 1, 0) }.sign(&node());
    let with = |((outcome, leaf), path)| Receipt { batch: batch.clone(), leaf, path, outcome: vec![outcome] };
    (0..).zip(leaves).zip(paths).map(with).collect()
}

/// Puts another batch into the receipt, signed by the node as it should be.
fn signed_anew(receipt: &mut Receipt, change: impl Fn(&mut Batch)) {
    let mut block = Block::decode(&receipt.batch.payload).expect("a batch block");
    let Body::Batch(batch) = &mut block.body else { unreachable!("a receipt holds a batch") };
    change(batch);
    receipt.batch = block.sign(&node());
}

fn altered(hash: Hash) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[31] ^= 1;
    Hash::new(bytes)
}

#[test]
fn a_receipt_proves_its_block_and_nothing_else() {
    let receipts = receipts(&records(40, 7));
    for (number, receipt) in (0..).zip(&receipts) {
        let mine = block(&trader(), u64::from(number) + 1, number).sign(&trader());
        let other = block(&trader(), u64::from(number) + 2, number).sign(&trader());
        assert_eq!(receipt.check_for(&mine, &node().public(), NETWORK), Ok(()), "{number}");
        assert_eq!(
            receipt.check_for(&other, &node().public(), NETWORK),
            Err(ReceiptError::OtherBlock),
            "{number}"
        );
    }
}

#[test]
fn an_altered_receipt_is_refused() {
    let receipts = receipts(&records(40, 7));
    let good = &receipts[2];
    let check = |what: &str, change: &dyn Fn(&mut Receipt), code: &str| {
        let mut receipt = good.clone();
        change(&mut receipt);
        let refused = receipt.check(&node().public(), NETWORK).expect_err(what);
        assert_eq!(refused.code(), code, "{what}");
        assert!(ReceiptError::CODES.iter().any(|(known, _)| *known == code), "{code}");
    };
    assert_eq!(good.check(&node().public(), NETWORK), Ok(()));
    check("another outcome", &|receipt| receipt.outcome.push(0), "other_outcome");
    check("an altered path", &|receipt| receipt.path[1] = altered(receipt.path[1]), "not_included");
    check("a swapped path", &|receipt| receipt.path.swap(0, 1), "not_included");
    check("a shortened path", &|receipt| receipt.path.truncate(1), "bad_path");
    check("a lengthened path", &|receipt| receipt.path.push(Hash::ZERO), "bad_path");
    check("another position", &|receipt| receipt.leaf.seq += 1, "not_included");
    check("before the batch", &|receipt| receipt.leaf.seq = 39, "not_included");
    check("behind the batch", &|receipt| receipt.leaf.seq = 47, "bad_path");
    check("another time", &|receipt| receipt.leaf.time = receipt.leaf.time.plus(1), "not_included");
    check("other rules", &|receipt| receipt.leaf.rules += 1, "not_included");
    check(
        "another command",
        &|receipt| receipt.leaf.command_hash = altered(receipt.leaf.command_hash),
        "not_included",
    );
    check(
        "outcome and digest altered alike",
        &|receipt| {
            receipt.outcome = vec![99];
            receipt.leaf.outcome_digest = outcome_digest(&[99]);
        },
        "not_included",
    );
    check("another leaf of the batch", &|receipt| receipt.leaf = receipts[3].leaf, "not_included");
    check("an altered batch", &|receipt| receipt.batch.payload.truncate(100), "bad_batch");
    check(
        "a batch by another key",
        &|receipt| {
            let body = Block::decode(&receipt.batch.payload).unwrap().body;
            receipt.batch = Block { body, ..block(&trader(), 1, 0) }.sign(&trader());
        },
        "bad_batch",
    );
    check(
        "a batch in the name of the node by another key",
        &|receipt| receipt.batch = Block::decode(&receipt.batch.payload).unwrap().sign(&trader()),
        "bad_batch",
    );
    check(
        "a batch signed by the node for another author",
        &|receipt| {
            let body = Block::decode(&receipt.batch.payload).unwrap().body;
            receipt.batch = Block { body, ..block(&trader(), 1, 0) }.sign(&node());
        },
        "bad_batch",
    );
    check(
        "a batch signed as a block",
        &|receipt| receipt.batch.signature = node().sign(Domain::Block, &receipt.batch.payload),
        "bad_batch",
    );
    check(
        "no batch at all",
        &|receipt| {
            let payload = block(&node(), 1, 0).encode();
            receipt.batch = SignedBlock { signature: node().sign(Domain::Batch, &payload), payload };
        },
        "bad_batch",
    );
    check("a batch of nothing", &|receipt| signed_anew(receipt, |batch| batch.count = 0), "bad_batch");
    check("a batch from 0", &|receipt| signed_anew(receipt, |batch| batch.first_seq = 0), "bad_batch");
    check(
        "a batch past the last seq",
        &|receipt| signed_anew(receipt, |batch| batch.first_seq = u64::MAX),
        "bad_batch",
    );
    check("a batch of another size", &|receipt| signed_anew(receipt, |batch| batch.count = 2), "bad_path");
}

#[test]
fn a_receipt_belongs_to_one_node_and_network() {
    let receipt = receipts(&records(1, 1)).remove(0);
    assert_eq!(receipt.check(&node().public(), NETWORK), Ok(()));
    assert_eq!(receipt.check(&trader().public(), NETWORK).map_err(|error| error.code()), Err("bad_batch"));
    assert_eq!(receipt.check(&node().public(), NETWORK + 1).map_err(|error| error.code()), Err("bad_batch"));
    let lone = Receipt { path: vec![Hash::ZERO], ..receipt };
    assert_eq!(
        lone.check(&node().public(), NETWORK),
        Err(ReceiptError::Path(MerkleError::WrongLength)),
        "the only leaf is the root"
    );
}

#[test]
fn a_batch_too_large_to_read_is_refused_before_it_is_hashed() {
    let payload = vec![0; bandex_tradechain::MAX_PAYLOAD_BYTES + 1];
    let unsigned = SignedBlock { payload, signature: bandex_types::SignatureBytes::new([0; 64]) };
    let refused = bandex_tradechain::verify_batch(&unsigned, &node().public(), NETWORK);
    assert_eq!(refused.map_err(|error| error.code()), Err("too_large"));
}

#[test]
fn two_signed_blocks_of_one_seq_are_a_fork_and_nothing_else_is() {
    let (root, other) = (trader(), Keypair::from_seed(&[2; 32]));
    let check = |what: &str, first: SignedBlock, second: SignedBlock, forks: bool| {
        let proof = ForkProof { first, second };
        let found = proof.check(NETWORK);
        assert_eq!(found.ok(), forks.then(|| (root.public(), 5)), "{what}");
        let swapped = ForkProof { first: proof.second, second: proof.first };
        assert_eq!(swapped.check(NETWORK).is_ok(), forks, "{what}, swapped");
    };
    let first = block(&root, 5, 1).sign(&root);
    check("another body", first.clone(), block(&root, 5, 2).sign(&root), true);
    let later = Block { time: NOW.plus(1), ..block(&root, 5, 1) };
    check("another header", first.clone(), later.sign(&root), true);
    check("the same block twice", first.clone(), first.clone(), false);
    check("another seq", first.clone(), block(&root, 6, 2).sign(&root), false);
    check("another lane", first.clone(), block(&other, 5, 2).sign(&other), false);
    check("not signed by the lane's key", first.clone(), block(&root, 5, 2).sign(&other), false);
    let elsewhere = Block { network: NETWORK + 1, ..block(&root, 5, 2) };
    check("another network", first.clone(), elsewhere.sign(&root), false);
    let torn = SignedBlock { payload: vec![1, 2, 3], ..first.clone() };
    check("torn bytes", first, torn, false);
}

#[test]
fn records_follow_each_other_without_gap_or_turn() {
    let chain = records(1, 3);
    let mut end = (0, Timestamp::ZERO, Hash::ZERO);
    for record in &chain {
        assert_eq!(record.follows(end.0, end.1, end.2), Ok(()));
        end = (record.seq, record.time, record.hash());
    }
    let (first, second) = (&chain[0], &chain[1]);
    let (time, hash) = (first.time, first.hash());
    assert_eq!(second.follows(2, time, hash), Err(RecordError::Sequence { expected: 3, found: 2 }));
    assert_eq!(second.follows(0, time, hash), Err(RecordError::Sequence { expected: 1, found: 2 }));
    assert_eq!(second.follows(1, time, altered(hash)), Err(RecordError::Link));
    assert_eq!(second.follows(1, second.time, hash), Ok(()), "the same moment is no turn");
    assert_eq!(second.follows(1, second.time.plus(1), hash), Err(RecordError::Time));
}

#[test]
fn a_records_hash_covers_all_of_it() {
    let good = records(1, 2).remove(1);
    let check = |what: &str, changed: Record, in_leaf: bool| {
        assert_ne!(changed.hash(), good.hash(), "{what}");
        assert_eq!(changed.leaf().hash() != good.leaf().hash(), in_leaf, "{what}");
    };
    check("seq", Record { seq: 9, ..good.clone() }, true);
    check("time", Record { time: NOW, ..good.clone() }, true);
    check("rules", Record { rules: 2, ..good.clone() }, true);
    check("command", Record { command: Command::Tick.encode(), ..good.clone() }, true);
    check("outcome", Record { outcome_digest: Hash::ZERO, ..good.clone() }, true);
    check("previous", Record { previous: Hash::ZERO, ..good.clone() }, false);
}

proptest! {
    #[test]
    fn a_login_is_good_for_one_key_node_network_and_challenge(
        seed in any::<[u8; 32]>(), nonce in any::<[u8; 32]>(), network in any::<u32>(),
    ) {
        let pair = Keypair::from_seed(&seed);
        let login = Login { network, node: node().public(), key: pair.public(), nonce: Hash::new(nonce) };
        let signature = login.sign(&pair);
        let refused = |other: Login| other.check(&signature) == Err(KeyError::BadSignature);
        prop_assert_eq!(login.check(&signature), Ok(()));
        prop_assert!(refused(Login { network: network ^ 1, ..login }), "altered");
        prop_assert!(refused(Login { node: trader().public(), ..login }), "altered");
        prop_assert!(refused(Login { key: node().public(), ..login }), "altered");
        prop_assert!(refused(Login { nonce: altered(login.nonce), ..login }), "altered");
        let as_block = pair.sign(Domain::Block, &login.statement());
        prop_assert!(login.check(&as_block).is_err(), "a signature for another purpose");
    }
}
