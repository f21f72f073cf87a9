//! What the tests of several rooms share: fixed keys, blocks and receipts.

use bandex_tradechain::body::{Batch, Operation, Orders, Place};
use bandex_tradechain::{Block, Command, Head, Keypair, Receipt, Record, SignedBlock, outcome_digest};
use bandex_types::{BlockId, Hash, MarketId, Price, Quantity, Side, Timestamp};

pub const NETWORK: u32 = 7;
pub const NOW: Timestamp = Timestamp::from_micros(1_777_689_383_201_000);
pub const ORIGIN: Head = Head { seq: 0, id: BlockId::new([3; 32]) };

pub fn keypair(number: u8) -> Keypair {
    Keypair::from_seed(&[number; 32])
}

pub fn place(lots: u64) -> Operation {
    let order = Place::limit(MarketId::new(1), Side::Buy, Price::new(10), Quantity::new(lots));
    Operation::Place(Box::new(order))
}

/// A block of one order by key 1, which differs with its seq.
pub fn order_block(seq: u64) -> SignedBlock {
    let author = keypair(1);
    let body = Orders { operations: vec![place(seq)] }.into();
    let (author_key, previous) = (author.public(), ORIGIN.id);
    Block { network: NETWORK, author: author_key, seq, previous, time: NOW, expiry: None, body }.sign(&author)
}

/// A receipt for `signed` as record `seq`, alone in its batch.
pub fn proven(node: &Keypair, signed: &SignedBlock, seq: u64) -> Receipt {
    let outcome = b"outcome".to_vec();
    let record = Record {
        seq,
        time: NOW,
        rules: 1,
        command: Command::Block(signed.clone()).encode(),
        outcome_digest: outcome_digest(&outcome),
        previous: Hash::ZERO,
    };
    let leaf = record.leaf();
    let batch = Batch { first_seq: seq, count: 1, root: leaf.hash(), last_record_hash: record.hash() };
    let block = Block {
        network: NETWORK,
        author: node.public(),
        seq: 1,
        previous: ORIGIN.id,
        time: NOW,
        expiry: None,
        body: batch.into(),
    };
    Receipt { batch: block.sign(node), leaf, path: Vec::new(), outcome }
}

/// BWT-BTC as the demo lists it: 1 lot = 1 kB, 1 tick = 1/200 msat a BWT.
pub fn wire_markets() -> bandex_api::Markets {
    let asset = |id, symbol: &str, decimals, rail: &str| bandex_api::Asset {
        id,
        symbol: symbol.to_owned(),
        decimals,
        rail: rail.to_owned(),
    };
    bandex_api::Markets {
        node: bandex_api::Node {
            network: NETWORK,
            key: keypair(9).public().to_string(),
            genesis: ORIGIN.id.to_string(),
            rules: 1,
            seq: 1,
            time_us: NOW.as_micros(),
        },
        parameters: bandex_api::Parameters {
            dust: "0.0000001".to_owned(),
            share_ppm: 250_000,
            bid_multiple: 1_000,
            register_work_bits: 8,
            proposal_us: 1,
        },
        trust: bandex_api::TrustTerms::default(),
        rates: Vec::new(),
        rate_limits: Vec::new(),
        assets: vec![asset(0, "BWT", 9, "token"), asset(1, "BTC", 11, "attested")],
        markets: vec![bandex_api::Market {
            id: 1,
            symbol: "BWT-BTC".to_owned(),
            base: "BWT".to_owned(),
            quote: "BTC".to_owned(),
            state: "trading".to_owned(),
            tick: "0.00000000000005".to_owned(),
            lot: "0.000001".to_owned(),
            lot_units: 1_000,
            tick_num: 1,
            tick_den: 200_000_000,
            least_tranche: "0.00000001".to_owned(),
            pay_us: 60_000_000,
            acknowledge_us: 60_000_000,
            limits: bandex_api::MarketLimits::default(),
            rules: bandex_api::MarketRules::default(),
            fees: bandex_api::Fees::default(),
            payments: None,
            last_price: None,
            ends_us: None,
            indicative: None,
        }],
    }
}

pub fn problem(code: &str, outcome: &str) -> bandex_api::Problem {
    bandex_api::Problem {
        kind: format!("/docs/errors#{code}"),
        title: code.to_owned(),
        status: 409,
        detail: "in words".to_owned(),
        code: code.to_owned(),
        outcome: Some(outcome.to_owned()),
        retryable: false,
        retry_after_ms: None,
        block_id: None,
        op_index: None,
        details: None,
    }
}
