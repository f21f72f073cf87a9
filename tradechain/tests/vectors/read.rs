//! The files alone are enough: everything here starts from their JSON, as a client in another language would.

use crate::files::*;
use bandex_tradechain::body::{leading_zero_bits, possession_statement};
use bandex_tradechain::{
    Block, Command, Decoded, Domain, ForkProof, Genesis, Kind, Login, Receipt, Record, SignedBlock,
    inclusion_proof, outcome_digest, root, root_from_proof, verify, verify_batch,
};
use bandex_types::{DealId, Hash, SignatureBytes};

fn signed(payload: &Hex, signature: SignatureBytes) -> SignedBlock {
    SignedBlock { payload: payload.0.clone(), signature }
}

#[test]
fn blocks() {
    for kind in Kind::ALL {
        for case in cases::<BlockCase>(kind.name()) {
            let name = format!("{}: {}", kind.name(), case.name);
            assert_eq!(Hex(case.fields.encode()), case.payload, "{name}");
            assert_eq!(Block::decode(&case.payload.0).as_ref(), Ok(&case.fields), "{name}");
            assert_eq!(case.fields.id(), case.id, "{name}");
            let pair = keypair(&case.secret_seed);
            assert_eq!(pair.public(), case.fields.author, "{name}");
            assert_eq!(pair.sign(case.fields.domain(), &case.payload.0), case.signature, "{name}");
            let signed = signed(&case.payload, case.signature);
            let network = case.fields.network;
            let verified = match kind {
                Kind::Batch => verify_batch(&signed, &case.fields.author, network),
                _ => verify(signed, network).map(|verified| verified.block().clone()),
            };
            assert_eq!(verified, Ok(case.fields), "{name}");
        }
    }
}

#[test]
fn a_lane_links_register_grant_and_orders() {
    let first = |name: &str| cases::<BlockCase>(name).remove(0);
    let (register, grant, orders) = (first("register"), first("grant"), first("orders"));
    assert_eq!(grant.fields.previous, register.id);
    assert_eq!((orders.fields.previous, orders.fields.seq), (grant.id, 1));
    assert!(leading_zero_bits(&register.id) >= 8);
    let genesis = cases::<GenesisCase>("genesis").remove(0);
    assert_eq!(first("configure").fields.previous, genesis.id);
    assert_eq!(first("batch").fields.previous, genesis.id);
}

#[test]
fn refused_blocks() {
    for case in cases::<RefusedCase>("refused") {
        let refused = verify(signed(&case.payload, case.signature), case.network);
        assert_eq!(refused.map_err(|error| error.code()), Err(&*case.code), "{}", case.name);
    }
}

#[test]
fn tags_work_and_deals() {
    for case in cases::<DomainCase>("domains") {
        let mut tag = case.text.clone().into_bytes();
        tag.resize(16, 0);
        assert_eq!(Hex(tag), case.tag, "{}", case.name);
    }
    for case in cases::<WorkCase>("work") {
        assert_eq!(leading_zero_bits(&case.id), case.leading_zero_bits, "{}", case.id);
    }
    for case in cases::<DealCase>("deal") {
        assert_eq!(Hex(borsh::to_vec(&(case.taker, case.maker)).unwrap()), case.hashed);
        assert_eq!(DealId::new(*Domain::Deal.hash(&case.hashed.0).as_bytes()), case.id);
    }
}

#[test]
fn statements() {
    for case in cases::<StatementCase>("login") {
        let nonce = case.nonce.expect("a login answers a challenge");
        let login = Login { network: case.network, node: case.by, key: case.key, nonce };
        assert_eq!(Hex(login.statement()), case.statement);
        assert_eq!(login.sign(&keypair(&case.secret_seed)), case.signature);
        assert_eq!(login.check(&case.signature), Ok(()));
    }
    for case in cases::<StatementCase>("possession") {
        assert_eq!(Hex(possession_statement(case.network, &case.by, &case.key)), case.statement);
        let signature = keypair(&case.secret_seed).sign(Domain::Possession, &case.statement.0);
        assert_eq!(signature, case.signature);
    }
}

#[test]
fn commands_and_records() {
    for case in cases::<GenesisCase>("genesis") {
        let genesis = Genesis::new(case.network, case.node, case.operator, case.issuance_cap);
        assert_eq!((genesis.issuance, genesis.id()), (case.issuance, case.id));
        assert_eq!(Hex(Command::Genesis(genesis).encode()), case.command);
    }
    for case in cases::<CommandCase>("command") {
        let read = Decoded::from_bytes(&case.bytes.0).expect("a command");
        let blocks: Vec<_> = case.blocks.iter().map(|(payload, by)| signed(payload, *by)).collect();
        let found = match read.command() {
            Command::Block(block) => vec![block.clone()],
            Command::Fork(fork) => vec![fork.first.clone(), fork.second.clone()],
            _ => Vec::new(),
        };
        assert_eq!(found, blocks, "{}", case.name);
        assert_eq!(case.bytes.0.first(), Some(&case.number), "{}", case.name);
        assert_eq!(Domain::Command.hash(&case.bytes.0), case.hash, "{}", case.name);
    }
    let mut end = (0, bandex_types::Timestamp::ZERO, Hash::ZERO);
    for case in cases::<RecordCase>("record") {
        let record: Record = borsh::from_slice(&case.bytes.0).expect("a record");
        assert_eq!(record.follows(end.0, end.1, end.2), Ok(()), "{}", case.seq);
        assert_eq!((record.seq, record.time, record.rules), (case.seq, case.time, case.rules));
        assert_eq!(Hex(record.command.clone()), case.command);
        assert_eq!(outcome_digest(&case.outcome.0), case.outcome_digest);
        assert_eq!(record.leaf().command_hash, case.command_hash);
        assert_eq!(Hex(borsh::to_vec(&record.leaf()).unwrap()), case.leaf);
        assert_eq!((record.leaf().hash(), record.hash()), (case.leaf_hash, case.record_hash));
        end = (record.seq, record.time, record.hash());
    }
}

#[test]
fn trees() {
    let sizes: Vec<usize> = cases::<MerkleCase>("merkle")
        .into_iter()
        .map(|case| {
            let size = case.leaf_hashes.len();
            assert_eq!(root(&case.leaf_hashes), case.root);
            assert_eq!(case.paths.len(), size);
            for (index, (leaf, path)) in case.leaf_hashes.iter().zip(&case.paths).enumerate() {
                assert_eq!(inclusion_proof(&case.leaf_hashes, index).as_ref(), Ok(path));
                assert_eq!(root_from_proof(*leaf, index as u64, size as u64, path), Ok(case.root));
            }
            size
        })
        .collect();
    assert_eq!(sizes, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn receipts_and_forks() {
    for case in cases::<ReceiptCase>("receipt") {
        let receipt: Receipt = borsh::from_slice(&case.bytes.0).expect("a receipt");
        let parts = Receipt {
            batch: signed(&case.batch_payload, case.batch_signature),
            leaf: case.leaf,
            path: case.path,
            outcome: case.outcome.0,
        };
        assert_eq!(receipt, parts, "{}", case.name);
        let block = signed(&case.block_payload, case.block_signature);
        let answer = receipt.check_for(&block, &case.node, case.network).err();
        assert_eq!(answer.map(|error| error.code()), case.code.as_deref(), "{}", case.name);
    }
    for case in cases::<ForkCase>("fork") {
        let (first, second) = (signed(&case.first.0, case.first.1), signed(&case.second.0, case.second.1));
        assert_eq!(ForkProof { first, second }.check(case.network), Ok((case.key, case.seq)));
    }
}
