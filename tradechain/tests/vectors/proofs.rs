//! What surrounds the blocks of the vectors: tags, statements, commands, records, trees, receipts.

use crate::blocks::*;
use crate::files::*;
use bandex_tradechain::body::{Batch, leading_zero_bits, possession_statement};
use bandex_tradechain::{
    Block, Command, Disconnected, Domain, ForkProof, Headers, Leaf, Login, Payment, Receipt, Record, Scores,
    SignedBlock, inclusion_proofs, outcome_digest,
};
use bandex_types::*;

pub fn domains() -> Vec<DomainCase> {
    use Domain::*;
    let all = [
        ("block", Block),
        ("batch", Batch),
        ("receipt", Receipt),
        ("login", Login),
        ("possession", Possession),
        ("command", Command),
        ("record", Record),
        ("deal", Deal),
        ("issuance", Issuance),
        ("standing", Standing),
    ];
    let case = |(name, domain): (&str, Domain)| DomainCase {
        name: name.to_owned(),
        text: String::from_utf8_lossy(domain.tag()).trim_end_matches('\0').to_owned(),
        tag: Hex(domain.tag().to_vec()),
        hash_of_nothing: domain.hash(&[]),
    };
    all.map(case).into()
}

pub fn work() -> Vec<WorkCase> {
    let bytes = |start: &[u8]| {
        let mut bytes = [0xff; 32];
        bytes[..start.len()].copy_from_slice(start);
        BlockId::new(bytes)
    };
    let ids = [bytes(&[]), bytes(&[0x7f]), bytes(&[0x01]), bytes(&[0, 0x1f]), bytes(&[0, 0, 0x80])];
    let ids = [ids.as_slice(), &[register().id(), BlockId::ZERO]].concat();
    ids.into_iter().map(|id| WorkCase { id, leading_zero_bits: leading_zero_bits(&id) }).collect()
}

pub fn deals() -> Vec<DealCase> {
    let (taker, maker) = deal_orders();
    let hashed = borsh::to_vec(&(taker, maker)).expect("fixed size");
    vec![DealCase { taker, maker, hashed: Hex(hashed), id: deal_id() }]
}

pub fn logins() -> Vec<StatementCase> {
    let nonce = Hash::new([0x4e; 32]);
    let login = Login { network: NETWORK, node: key(NODE), key: key(SESSION), nonce };
    vec![StatementCase {
        network: NETWORK,
        by: key(NODE),
        key: key(SESSION),
        nonce: Some(nonce),
        statement: Hex(login.statement()),
        secret_seed: Hash::new([SESSION; 32]),
        signature: login.sign(&pair(SESSION)),
    }]
}

pub fn possessions() -> Vec<StatementCase> {
    let case = |new: u8| StatementCase {
        network: NETWORK,
        by: key(ROOT),
        key: key(new),
        nonce: None,
        statement: Hex(possession_statement(NETWORK, &key(ROOT), &key(new))),
        secret_seed: Hash::new([new; 32]),
        signature: possession(ROOT, new),
    };
    vec![case(SESSION), case(NEW_ROOT)]
}

pub fn genesis_cases() -> Vec<GenesisCase> {
    let genesis = genesis();
    let command = Hex(Command::Genesis(genesis.clone()).encode());
    let id = genesis.id();
    let (network, node, operator, issuance) =
        (genesis.network, genesis.node, genesis.operator, genesis.issuance);
    vec![GenesisCase { network, node, operator, issuance, issuance_cap: genesis.issuance_cap, command, id }]
}

fn fork_blocks() -> (SignedBlock, SignedBlock) {
    let later = Block { time: TIME.plus(1), ..first_order() };
    (first_order().sign(&pair(SESSION)), later.sign(&pair(SESSION)))
}

pub fn commands() -> Vec<CommandCase> {
    let (first, second) = fork_blocks();
    let parts = |signed: &SignedBlock| (Hex(signed.payload.clone()), signed.signature);
    let scores =
        Scores { epoch: 258, checkpoint: Hash::new([0xb4; 32]), scores: vec![(1, 250_000_000), (258, 7)] };
    let headers = Headers { headers: vec![[7; 80], [8; 80]], fee_rate: Some(258) };
    let payment = Payment { proof: vec![9; 85], transaction: vec![10; 60] };
    let disconnected = Disconnected { key: pair(SESSION).public(), since: TIME };
    let all = [
        ("genesis", 0, vec![], Command::Genesis(genesis())),
        ("block", 1, vec![parts(&first)], Command::Block(first.clone())),
        ("fork", 2, vec![parts(&first), parts(&second)], Command::Fork(ForkProof { first, second })),
        ("tick", 3, vec![], Command::Tick),
        ("upgrade_to_rules_258", 4, vec![], Command::Upgrade { rules: 258 }),
        ("scores", 5, vec![], Command::Scores(scores)),
        ("headers", 6, vec![], Command::Headers(headers)),
        ("payment", 7, vec![], Command::Payment(payment)),
        ("disconnected", 8, vec![], Command::Disconnected(disconnected)),
    ];
    all.map(|(name, number, blocks, command)| {
        let bytes = command.encode();
        let hash = Domain::Command.hash(&bytes);
        CommandCase { name: name.to_owned(), number, blocks, bytes: Hex(bytes), hash }
    })
    .into()
}

pub fn forks() -> Vec<ForkCase> {
    let (first, second) = fork_blocks();
    let parts = |signed: SignedBlock| (Hex(signed.payload), signed.signature);
    vec![ForkCase { network: NETWORK, key: key(SESSION), seq: 1, first: parts(first), second: parts(second) }]
}

/// Genesis and the first blocks of an account, as a journal that begins. The outcomes are stand-ins: the texts
/// "outcome 1", "outcome 2", …; here only their digests matter.
fn journal() -> Vec<(Record, Vec<u8>)> {
    let blocks = [(register(), ROOT), (grant(), ROOT), (first_order(), SESSION)];
    let blocks = blocks.map(|(block, seed)| Command::Block(block.sign(&pair(seed))));
    let commands = [Command::Genesis(genesis())].into_iter().chain(blocks).chain([Command::Tick]);
    let mut previous = Hash::ZERO;
    let next = |(seq, command): (u64, Command)| {
        let outcome = format!("outcome {seq}").into_bytes();
        let record = Record {
            seq,
            time: TIME.plus(250 * seq),
            rules: 1,
            command: command.encode(),
            outcome_digest: outcome_digest(&outcome),
            previous,
        };
        previous = record.hash();
        (record, outcome)
    };
    (1..).zip(commands).map(next).collect()
}

pub fn records() -> Vec<RecordCase> {
    let case = |(record, outcome): (Record, Vec<u8>)| RecordCase {
        seq: record.seq,
        time: record.time,
        rules: record.rules,
        command: Hex(record.command.clone()),
        outcome: Hex(outcome),
        outcome_digest: record.outcome_digest,
        previous: record.previous,
        command_hash: record.leaf().command_hash,
        leaf: Hex(borsh::to_vec(&record.leaf()).expect("fixed size")),
        leaf_hash: record.leaf().hash(),
        record_hash: record.hash(),
        bytes: Hex(borsh::to_vec(&record).expect("small")),
    };
    journal().into_iter().map(case).collect()
}

pub fn trees() -> Vec<MerkleCase> {
    let leaf = |seq: u64| Leaf {
        seq,
        time: TIME,
        rules: 1,
        command_hash: Hash::new([0xc0; 32]),
        outcome_digest: Hash::new([0x0d; 32]),
    };
    let case = |size: u64| {
        let leaf_hashes: Vec<Hash> = (1..=size).map(|seq| leaf(seq).hash()).collect();
        let (root, paths) = inclusion_proofs(&leaf_hashes);
        MerkleCase { leaf_hashes, root, paths }
    };
    (1..=8).map(case).collect()
}

/// The receipts of records 2 to 5 under one batch block.
fn receipts() -> Vec<(Option<SignedBlock>, Receipt)> {
    let journal = journal().split_off(1);
    let hashes: Vec<Hash> = journal.iter().map(|(record, _)| record.leaf().hash()).collect();
    let (root, paths) = inclusion_proofs(&hashes);
    let last_record_hash = journal[journal.len() - 1].0.hash();
    let count = u32::try_from(journal.len()).expect("four");
    let batch = Batch { first_seq: 2, count, root, last_record_hash };
    let batch = block(NODE, 2, BlockId::new([0xb1; 32]), batch).sign(&pair(NODE));
    let with = |((record, outcome), path): ((Record, Vec<u8>), Vec<Hash>)| {
        let signed = match borsh::from_slice(&record.command).expect("a command") {
            Command::Block(signed) => Some(signed),
            _ => None,
        };
        (signed, Receipt { batch: batch.clone(), leaf: record.leaf(), path, outcome })
    };
    journal.into_iter().zip(paths).map(with).collect()
}

fn receipt_case(name: &str, block: &SignedBlock, receipt: &Receipt, code: Option<&str>) -> ReceiptCase {
    ReceiptCase {
        name: name.to_owned(),
        network: NETWORK,
        node: key(NODE),
        block_payload: Hex(block.payload.clone()),
        block_signature: block.signature,
        batch_payload: Hex(receipt.batch.payload.clone()),
        batch_signature: receipt.batch.signature,
        leaf: receipt.leaf,
        path: receipt.path.clone(),
        outcome: Hex(receipt.outcome.clone()),
        bytes: Hex(borsh::to_vec(receipt).expect("small")),
        code: code.map(str::to_owned),
    }
}

pub fn receipt_cases() -> Vec<ReceiptCase> {
    let all: Vec<(SignedBlock, Receipt)> =
        receipts().into_iter().filter_map(|(block, receipt)| Some((block?, receipt))).collect();
    let names = ["of_register", "of_grant", "of_orders"];
    let good =
        names.into_iter().zip(&all).map(|(name, (block, receipt))| receipt_case(name, block, receipt, None));
    let (block, receipt) = &all[2];
    let altered = |name: &str, code: &str, change: &dyn Fn(&mut Receipt)| {
        let mut receipt = receipt.clone();
        change(&mut receipt);
        receipt_case(name, block, &receipt, Some(code))
    };
    let by_other_node = ReceiptCase {
        node: key(OPERATOR),
        ..receipt_case("checked_against_another_node", block, receipt, Some("bad_batch"))
    };
    let bad = vec![
        receipt_case("of_another_block", &all[1].0, receipt, Some("other_block")),
        altered("altered_outcome", "other_outcome", &|receipt| receipt.outcome.push(b'!')),
        altered("altered_path", "not_included", &|receipt| receipt.path.reverse()),
        altered("shortened_path", "bad_path", &|receipt| receipt.path.truncate(1)),
        altered("lengthened_path", "bad_path", &|receipt| receipt.path.push(Hash::ZERO)),
        altered("altered_time", "not_included", &|receipt| receipt.leaf.time = TIME),
        altered("altered_seq", "not_included", &|receipt| receipt.leaf.seq = 3),
        altered("seq_outside", "bad_path", &|receipt| receipt.leaf.seq = 6),
        altered("altered_batch", "bad_batch", &|receipt| receipt.batch.payload[40] ^= 1),
        by_other_node,
    ];
    good.chain(bad).collect()
}
