//! The journal checked by somebody who trusts nobody: signatures, links, batches, every outcome computed anew.

use bandex_engine::{Engine, Event};
use bandex_journal::{JournalReader, SqliteJournal};
use bandex_settlement::Party;
use bandex_tradechain::{Body, Command, Decoded, Leaf, root, verify, verify_batch};
use bandex_types::{Hash, PublicKey};
use std::path::Path;

/// More records than any of these tests makes.
const RECORDS_MAX: usize = 1_000_000;

/// What an audit found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audited {
    /// Records.
    pub records: usize,
    /// Of them, proofs of payments on the chain.
    pub payments: usize,
    /// Times that blocks left the chain again.
    pub reorganisations: usize,
}

/// Audits the journal of a folder.
///
/// # Panics
/// Something does not hold.
pub async fn audit(folder: &Path, node: &PublicKey) -> Audited {
    let reader = SqliteJournal::open_read_only(folder).await.unwrap();
    let records = reader.records(1, RECORDS_MAX).await.unwrap();
    let network = network_of(&records[0].command);
    let mut engine = Engine::new();
    let (mut previous, mut payments, mut reorganisations) = (Hash::ZERO, 0, 0);
    for (record, seq) in records.iter().zip(1..) {
        assert_eq!((record.seq, record.previous), (seq, previous), "record {seq} is linked");
        let decoded = match Decoded::from_bytes(&record.command).unwrap().command() {
            Command::Block(signed) => Decoded::from(verify(signed.clone(), network).unwrap()),
            other => Decoded::new(other.clone()).unwrap(),
        };
        payments += usize::from(matches!(decoded.command(), Command::Payment(_)));
        let outcome = engine.apply(record.time, &decoded);
        assert_eq!(outcome.digest(), record.outcome_digest, "record {seq} came to what it says");
        for event in &outcome.events {
            match event {
                Event::Chain(state) => reorganisations += usize::from(state.disconnected > 0),
                Event::Deal(state) => {
                    let terms = state.deal.terms();
                    let [seller, buyer] = [Party::Seller, Party::Buyer].map(|party| state.deal.sent(party));
                    assert!(seller.saturating_sub(buyer) <= terms.seller_cap, "{state:?}");
                    let Some(chain) = state.deal.chain().filter(|_| !state.deal.state().is_closed()) else {
                        continue;
                    };
                    assert!(chain.demand.saturating_sub(seller) <= terms.buyer_cap, "{state:?}");
                }
                _ => {}
            }
        }
        previous = record.hash();
    }
    assert_eq!(engine.ledger().sum(), 0);
    assert!(engine.locks_add_up());
    let leaves: Vec<Leaf> = records.iter().map(bandex_tradechain::Record::leaf).collect();
    let mut bound = 0;
    for batch in reader.batches(1, RECORDS_MAX).await.unwrap() {
        let block = verify_batch(&batch.block, node, network).unwrap();
        let Body::Batch(body) = block.body else { panic!("no batch: {block:?}") };
        assert_eq!(batch.first_seq, bound as u64 + 1, "batches follow each other");
        let hashes: Vec<Hash> = leaves[bound..bound + batch.count as usize].iter().map(Leaf::hash).collect();
        assert_eq!((body.first_seq, body.root), (batch.first_seq, root(&hashes)));
        bound += batch.count as usize;
    }
    assert_eq!(bound, records.len(), "every record is signed for");
    Audited { records: records.len(), payments, reorganisations }
}

fn network_of(first: &[u8]) -> u32 {
    match Decoded::from_bytes(first).unwrap().command() {
        Command::Genesis(genesis) => genesis.network,
        other => panic!("a journal begins with its genesis, not {other:?}"),
    }
}
