//! Properties of a block's bytes, signatures and proofs, for every kind and arbitrary values.

mod proofs;
mod strategies;

use bandex_tradechain::{Block, Command, Decoded, ForkProof, Kind, SignedBlock, verify, verify_batch};
use bandex_types::SignatureBytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use strategies::{NETWORK, block, block_of};

/// One block of `kind`, always the same.
fn example(kind: Kind) -> (bandex_tradechain::Keypair, Block) {
    let mut runner = TestRunner::deterministic();
    block_of(kind).new_tree(&mut runner).expect("no strategy here filters").current()
}

/// Whether the verifier that is meant for the block takes it.
fn verifies(block: &Block, signed: SignedBlock) -> bool {
    match block.body.kind() {
        Kind::Batch => verify_batch(&signed, &block.author, NETWORK).is_ok_and(|read| read == *block),
        _ => verify(signed, NETWORK).is_ok_and(|verified| verified.block() == block),
    }
}

fn flipped(signed: &SignedBlock, bit: usize) -> SignedBlock {
    let mut payload = signed.payload.clone();
    let mut signature = *signed.signature.as_bytes();
    let (byte, mask) = (bit / 8, 1 << (bit % 8));
    if let Some(byte) = payload.get_mut(byte) {
        *byte ^= mask;
    } else {
        signature[byte - payload.len()] ^= mask;
    }
    SignedBlock { payload, signature: SignatureBytes::new(signature) }
}

proptest! {
    #[test]
    fn bytes_and_json_round_trip((_, block) in block()) {
        let payload = block.encode();
        prop_assert_eq!(Block::decode(&payload), Ok(block.clone()));
        let json = serde_json::to_string(&block).expect("a block is plain data");
        prop_assert_eq!(serde_json::from_str::<Block>(&json).expect("what was written is read"), block);
    }

    #[test]
    fn a_sound_signed_block_verifies_and_keeps_its_id((pair, block) in block()) {
        let signed = block.sign(&pair);
        prop_assert_eq!(signed.author(), Some(block.author));
        let id = if block.body.kind() == Kind::Batch { signed.batch_id() } else { signed.id() };
        prop_assert_eq!(id, block.id());
        prop_assert!(verifies(&block, signed));
    }

    #[test]
    fn one_flipped_bit_is_noticed((pair, block) in block(), at in any::<prop::sample::Index>()) {
        let signed = block.sign(&pair);
        let bits = 8 * (signed.payload.len() + 64);
        prop_assert!(!verifies(&block, flipped(&signed, at.index(bits))));
    }

    #[test]
    fn truncated_and_trailed_bytes_are_refused((_, block) in block(), extra in any::<u8>()) {
        let mut payload = block.encode();
        for length in 0..payload.len() {
            prop_assert!(Block::decode(&payload[..length]).is_err(), "{length} bytes");
        }
        payload.push(extra);
        prop_assert_eq!(Block::decode(&payload).map_err(|error| error.code()), Err("malformed"));
    }

    #[test]
    fn hostile_bytes_never_have_two_spellings(
        (_, block) in block(),
        tail in prop::collection::vec(any::<u8>(), 0..300),
        kind in 0..20u16,
    ) {
        // A good header, so that the bodies are reached; then anything.
        let mut payload = Block { expiry: None, ..block }.encode();
        payload.truncate(86);
        payload.extend_from_slice(&kind.to_le_bytes());
        payload.extend_from_slice(&tail);
        if let Ok(read) = Block::decode(&payload) {
            prop_assert_eq!(read.encode(), payload);
        }
    }

    #[test]
    fn commands_round_trip((pair, first) in block(), (_, second) in block(), rules in any::<u32>()) {
        let (first, second) = (first.sign(&pair), second.sign(&pair));
        let fork = ForkProof { first: first.clone(), second };
        for command in [Command::Block(first), Command::Fork(fork), Command::Tick, Command::Upgrade { rules }] {
            let mut bytes = command.encode();
            let read = Decoded::from_bytes(&bytes);
            prop_assert_eq!(read.as_ref().map(Decoded::command), Ok(&command));
            bytes.push(0);
            prop_assert!(Decoded::from_bytes(&bytes).is_err());
        }
    }
}

#[test]
fn every_bit_of_every_kind_is_signed() {
    for kind in Kind::ALL {
        let (pair, block) = example(*kind);
        let signed = block.sign(&pair);
        assert!(verifies(&block, signed.clone()), "{kind:?}");
        for bit in 0..8 * (signed.payload.len() + 64) {
            assert!(!verifies(&block, flipped(&signed, bit)), "{kind:?}: bit {bit}");
        }
    }
}

#[test]
fn no_other_bytes_are_the_same_block() {
    for kind in Kind::ALL {
        let (_, block) = example(*kind);
        let payload = block.encode();
        for at in 0..payload.len() {
            for value in (0..=u8::MAX).filter(|value| *value != payload[at]) {
                let mut other = payload.clone();
                other[at] = value;
                if let Ok(read) = Block::decode(&other) {
                    assert_ne!(read, block, "{kind:?}: byte {at} as {value}");
                    assert_eq!(read.encode(), other, "{kind:?}: byte {at} as {value}");
                }
            }
        }
    }
}

#[test]
fn kinds_are_numbered_without_gaps_and_stand_at_a_fixed_place() {
    for (number, kind) in (1..).zip(Kind::ALL) {
        assert_eq!(kind.number(), number);
        let (_, block) = example(*kind);
        let payload = Block { expiry: None, ..block }.encode();
        assert_eq!(payload[86..88], number.to_le_bytes(), "{}", kind.name());
    }
}
