//! Proofs of every place in blocks of every shape, real ones and damaged ones.

use super::*;
use crate::NetworkRules;
use crate::regtest::{block, payment};
use crate::{Network, hash_of};
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::{BlockHash, ScriptBuf, TxMerkleNode, Witness};
use proptest::prelude::*;

/// A chain of the first header and a block with so many transactions, the coinbase among them.
fn chain_with(count: usize) -> (Headers, Block) {
    let transactions: Vec<Transaction> = (1..count).map(pays).collect();
    let time = 1_300_000_000;
    let block = block(Network::Regtest.genesis_hash(), 1, time, 0, transactions);
    (headers_with(&block), block)
}

fn headers_with(block: &Block) -> Headers {
    let mut headers =
        Headers::begin(Network::Regtest, 0, Network::Regtest.genesis_header()).expect("the first header");
    headers.extend(&[crate::headers::bytes_of(&block.header)]).expect("a header on it");
    headers
}

fn pays(index: usize) -> Transaction {
    let byte = u8::try_from(index).expect("a small block");
    payment(([byte; 32], 0), &[(vec![0x51; 34], 1000 + u64::from(byte)), (vec![byte], 5)])
}

#[test]
fn every_place_of_every_block_is_proven() {
    for count in 1..=40 {
        let (headers, block) = chain_with(count);
        for (position, transaction) in block.txdata.iter().enumerate() {
            let proof = prove(&block, position).expect("it is there");
            let proven = check_proof(&headers, &proof, &strip(transaction)).expect("a valid proof");
            assert_eq!((proven.block, proven.height), (headers.tip().1, 1));
            assert_eq!(proven.txid, transaction.compute_txid().to_byte_array());
            if position > 0 {
                let byte = u8::try_from(position).unwrap();
                let first = Paid { output: 0, script: vec![0x51; 34], satoshi: 1000 + u64::from(byte) };
                let second = Paid { output: 1, script: vec![byte], satoshi: 5 };
                assert_eq!(proven.outputs, [first, second]);
            }
            let other = block.txdata.get((position + 1) % count).filter(|other| *other != transaction);
            if let Some(other) = other {
                let refused = check_proof(&headers, &proof, &strip(other));
                assert!(matches!(refused, Err(ProofError::OtherTransaction { .. })), "{refused:?}");
            }
        }
        assert_eq!(prove(&block, count), None);
    }
}

#[test]
fn a_proof_of_mainnet_holds() {
    // Block 80,000 with its second transaction, and what gettxoutproof says of it.
    let block: Block = deserialize_hex(
        "01000000ba8b9cda965dd8e536670f9ddec10e53aab14b20bacad27b9137190000000000190760b278fe7b8565fda3b968b918d5fd997f993b23674c0af3b6fde300b38f33a5914ce6ed5b1b01e32f5702010000000100000000000000000000000000000000000000000000000000\
         00000000000000ffffffff0704e6ed5b1b014effffffff0100f2052a01000000434104b68a50eaa0287eff855189f949c1c6e5f58b37c88231373d8a59809cbae83059cc6469d65c665ccfd1cfeb75c6e8e19413bba7fbff9bc762419a76d87b16086eac00000000\
         0100000001a6b97044d03da79c005b20ea9c0e1a6d9dc12d9f7b91a5911c9030a439eed8f5000000004948304502206e21798a42fae0e854281abd38bacd1aeed3ee3738d9e1446618c4571d1090db022100e2ac980643b0b82c0e88ffdfec6b64e3e6ba35e7ba5fdd7d5d6cc8d25c6b241501ffffffff\
         0100f2052a010000001976a914404371705fa9bd789a2fcd52d2c580b65d35549d88ac00000000",
    )
    .expect("a block");
    let proof = hex::decode(
        "01000000ba8b9cda965dd8e536670f9ddec10e53aab14b20bacad27b9137190000000000190760b278fe7b8565fda3b968b918d5fd997f993b23674c0af3b6fde300b38f33a5914ce6ed5b1b01e32f57\
         0200000002252bf9d75c4f481ebb6278d708257d1f12beb6dd30301d26c623f789b2ba6fc0e2d32adb5f8ca820731dff234a84e78ec30bce4ec69dbd562d0b2b8266bf4e5a0105",
    )
    .expect("hex");
    assert_eq!(prove(&block, 1), Some(proof.clone()));
    let header = crate::headers::bytes_of(&block.header);
    let headers = Headers::begin(Network::Mainnet, 80_000, header).expect("its header");
    let proven = check_proof(&headers, &proof, &strip(&block.txdata[1])).expect("a valid proof");
    assert_eq!(
        crate::shown(&proven.txid),
        "5a4ebf66822b0b2d56bd9dc64ece0bc38ee7844a23ff1d7320a88c5fdb2ad3e2"
    );
    assert_eq!((proven.height, proven.outputs[0].satoshi, proven.outputs.len()), (80_000, 5_000_000_000, 1));
}

#[test]
fn a_block_off_the_active_chain_proves_nothing() {
    let (mut headers, block) = chain_with(3);
    let proof = prove(&block, 1).unwrap();
    let transaction = strip(&block.txdata[1]);
    let first = crate::regtest::mine(Network::Regtest.genesis_hash(), [1; 32], 1_300_000_000);
    let second = crate::regtest::mine(hash_of(&first), [2; 32], 1_300_000_001);
    headers.extend(&[first]).expect("a branch");
    assert!(check_proof(&headers, &proof, &transaction).is_ok());
    headers.extend(&[second]).expect("a longer one");
    let refused = check_proof(&headers, &proof, &transaction);
    assert_eq!(refused, Err(ProofError::Inactive(block.block_hash().to_byte_array())));
}

#[test]
fn transactions_have_one_form() {
    let mut signed = pays(1);
    signed.input[0].witness = Witness::from_slice(&[[7_u8; 64]]);
    let block = block(Network::Regtest.genesis_hash(), 1, 1_300_000_000, 0, vec![signed.clone()]);
    let headers = headers_with(&block);
    let proof = prove(&block, 1).unwrap();
    assert!(check_proof(&headers, &proof, &strip(&signed)).is_ok());
    let refused = |bytes: &[u8]| {
        let found = check_proof(&headers, &proof, bytes);
        assert!(matches!(found, Err(ProofError::Transaction(_))), "{found:?}");
    };
    refused(&serialize(&signed));
    refused(&[strip(&signed), vec![0]].concat());
    refused(&strip(&signed)[1..]);
    refused(&[]);
    let too_much = payment(([3; 32], 0), &[(vec![1], 1), (vec![2], 2_100_000_000_000_001)]);
    let (headers, proof) = alone(&too_much);
    assert_eq!(check_proof(&headers, &proof, &strip(&too_much)), Err(ProofError::Value(1)));
}

/// A chain whose block holds just this transaction, and the proof.
fn alone(transaction: &Transaction) -> (Headers, Vec<u8>) {
    let block = block(Network::Regtest.genesis_hash(), 1, 1_300_000_000, 0, vec![transaction.clone()]);
    (headers_with(&block), prove(&block, 1).unwrap())
}

#[test]
fn a_pair_of_hashes_passes_for_no_transaction() {
    // The smallest transaction there is has 60 bytes and an empty script; with four more it has 64.
    let mut small = payment(([3; 32], 0), &[(vec![1, 2, 3, 4], 1)]);
    small.input[0].script_sig = ScriptBuf::new();
    assert_eq!(strip(&small).len(), 64);
    let (headers, proof) = alone(&small);
    assert_eq!(check_proof(&headers, &proof, &strip(&small)), Err(ProofError::InnerNode));
    let mut larger = small;
    larger.output[0].script_pubkey = ScriptBuf::from_bytes(vec![1, 2, 3, 4, 5]);
    let (headers, proof) = alone(&larger);
    assert!(check_proof(&headers, &proof, &strip(&larger)).is_ok());
}

#[test]
fn a_proof_is_about_one_transaction_in_one_form() {
    let (headers, block) = chain_with(6);
    let transaction = strip(&block.txdata[2]);
    let txids: Vec<Txid> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let about = |which: &[usize]| {
        let merkle = MerkleBlock::from_header_txids_with_predicate(&block.header, &txids, |txid| {
            which.iter().any(|at| txids[*at] == *txid)
        });
        check_proof(&headers, &serialize(&merkle), &transaction)
    };
    assert!(about(&[2]).is_ok());
    assert_eq!(about(&[]), Err(ProofError::Matches(0)));
    assert_eq!(about(&[2, 3]), Err(ProofError::Matches(2)));
    let proof = prove(&block, 2).unwrap();
    let longer = [proof.clone(), vec![0]].concat();
    assert!(matches!(check_proof(&headers, &longer, &transaction), Err(ProofError::Malformed(_))));
    let mut padded = proof.clone();
    *padded.last_mut().unwrap() |= 0x80;
    assert!(matches!(check_proof(&headers, &padded, &transaction), Err(ProofError::Malformed(_))));
    let huge = vec![0; PROOF_BYTES_MAX + 1];
    assert!(matches!(check_proof(&headers, &huge, &transaction), Err(ProofError::Malformed(_))));
}

/// The same transaction proven with a way opened that leads nowhere.
#[test]
fn a_proof_with_more_than_it_needs_is_refused() {
    let (headers, block) = chain_with(4);
    let txids: Vec<[u8; 32]> = block.txdata.iter().map(|one| one.compute_txid().to_byte_array()).collect();
    let transaction = strip(&block.txdata[0]);
    // Root, left pair, first, second, right pair opened, third, fourth: 1 1 1 0 1 0 0, least bit first.
    let proof =
        [serialize(&block.header), serialize(&4_u32), vec![4], txids.concat(), vec![1, 0b001_0111]].concat();
    let merkle: MerkleBlock = deserialize(&proof).expect("a Merkle block");
    assert!(merkle.extract_matches(&mut vec![], &mut vec![]).is_ok(), "the library takes it");
    assert!(matches!(check_proof(&headers, &proof, &transaction), Err(ProofError::Malformed(_))));
}

#[test]
fn a_transaction_twice_in_a_block_has_no_proof() {
    let mut block = chain_with(2).1;
    block.txdata.push(block.txdata[1].clone());
    assert_eq!(prove(&block, 1), None);
    assert!(prove(&block, 0).is_some());
    let empty = Block { header: block.header, txdata: vec![] };
    assert_eq!(prove(&empty, 0), None);
    assert_ne!(block.header.prev_blockhash, BlockHash::all_zeros());
    assert_ne!(block.header.merkle_root, TxMerkleNode::all_zeros());
}

proptest! {
    #[test]
    fn damaged_evidence_is_refused(
        count in 1_usize..40, position in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1_u8..
    ) {
        let (headers, block) = chain_with(count);
        let position = position.index(count);
        let (proof, transaction) = (prove(&block, position).unwrap(), strip(&block.txdata[position]));
        let proven = check_proof(&headers, &proof, &transaction).unwrap();
        let at = at.index(proof.len() + transaction.len());
        let mut bytes = [proof.clone(), transaction].concat();
        bytes[at] ^= flip;
        let (damaged, paid) = bytes.split_at(proof.len());
        match check_proof(&headers, damaged, paid) {
            Err(_) => {}
            // How many transactions a block has is not in its header, so another number that gives the same way up shows
            // the same.
            Ok(found) => {
                prop_assert!((80..84).contains(&at), "byte {}", at);
                prop_assert_eq!(found, proven);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(proof in proptest::collection::vec(any::<u8>(), 0..300), paid in proptest::collection::vec(any::<u8>(), 0..100)) {
        let (headers, _) = chain_with(1);
        prop_assert!(check_proof(&headers, &proof, &paid).is_err());
    }
}
