//! Makes batches that continue one another, and batches that do not.

use bandex_journal::Batch;
use bandex_tradechain::{Block, Command, Genesis, Keypair, Record, body, root};
use bandex_types::{Amount, BlockId, Hash, PublicKey, Timestamp};

/// A node that seals batches of ticks behind its genesis.
#[derive(Clone)]
pub struct Chain {
    node: Keypair,
    genesis: Genesis,
    seq: u64,
    hash: Hash,
    lane: (u64, BlockId),
}

impl Chain {
    pub fn new() -> Self {
        let node = Keypair::from_seed(&[7; 32]);
        let genesis = Genesis::new(1, node.public(), PublicKey::new([3; 32]), Amount::new(1 << 40));
        let lane = (0, genesis.id());
        Self { node, genesis, seq: 0, hash: Hash::ZERO, lane }
    }

    /// The next batch, of `count` records.
    pub fn batch(&mut self, count: usize) -> Batch {
        let records: Vec<Record> = (0..count).map(|_| self.record()).collect();
        let block = self.seal(&records);
        Batch { records, block }
    }

    fn record(&mut self) -> Record {
        self.seq += 1;
        let command = if self.seq == 1 { Command::Genesis(self.genesis.clone()) } else { Command::Tick };
        let record = Record {
            seq: self.seq,
            time: Timestamp::EARLIEST_PLAUSIBLE.plus(self.seq / 2),
            rules: 1,
            command: command.encode(),
            outcome_digest: Hash::new([u8::try_from(self.seq % 251).unwrap(); 32]),
            previous: self.hash,
        };
        self.hash = record.hash();
        record
    }

    fn seal(&mut self, records: &[Record]) -> bandex_tradechain::SignedBlock {
        let leaves: Vec<Hash> = records.iter().map(|record| record.leaf().hash()).collect();
        let batch = body::Batch {
            first_seq: records[0].seq,
            count: u32::try_from(records.len()).unwrap(),
            root: root(&leaves),
            last_record_hash: self.hash,
        };
        let (seq, previous) = (self.lane.0 + 1, self.lane.1);
        let time = Timestamp::EARLIEST_PLAUSIBLE;
        let author = self.node.public();
        let block = Block { network: 1, author, seq, previous, time, expiry: None, body: batch.into() };
        let signed = block.sign(&self.node);
        self.lane = (seq, signed.batch_id());
        signed
    }
}
