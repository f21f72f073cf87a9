//! An exchange that lies to one trader: what it tells of deals and of evidence is changed on the way.

use super::Venue;
use bandex_agent::{Answer, DealSource, EvidenceSource, News, SourceError};
use bandex_api::{Deal, Evidence, ProvenRecord};
use bandex_sdk::{AccountRest, RestError, receipt_to_wire};
use bandex_tradechain::body::Batch;
use bandex_tradechain::{Block, Command, Domain, Keypair, Leaf, Receipt, SignedBlock, root};
use bandex_types::{BlockId, DealId, Hash};

/// Changes every deal that is told, or keeps it back.
pub struct Liar<S, F> {
    inner: S,
    lie: F,
}

impl<S, F> Liar<S, F> {
    /// Lies about what `inner` tells: `lie` gives whether a deal is told at all.
    pub const fn new(inner: S, lie: F) -> Self {
        Self { inner, lie }
    }
}

impl<S: DealSource, F: Fn(&mut Deal) -> bool + Send> DealSource for Liar<S, F> {
    async fn next(&mut self) -> Result<News, SourceError> {
        let mut news = self.inner.next().await?;
        news.deals.retain_mut(&self.lie);
        Ok(news)
    }
}

/// Changes all evidence.
pub struct LyingEvidence<F> {
    inner: AccountRest,
    lie: F,
}

impl<F> LyingEvidence<F> {
    /// Lies about what `inner` gives.
    pub const fn new(inner: AccountRest, lie: F) -> Self {
        Self { inner, lie }
    }
}

impl<F: Fn(&mut Evidence) + Send + Sync + 'static> EvidenceSource for LyingEvidence<F> {
    fn evidence(&self, deal: DealId) -> Answer<'_, Result<Evidence, RestError>> {
        Box::pin(async move {
            let mut evidence = self.inner.evidence(deal).await?;
            (self.lie)(&mut evidence);
            Ok(evidence)
        })
    }
}

/// An exchange that would sign anything with its own key, and has keys of its own besides.
pub struct Forger {
    node: Keypair,
    network: u32,
}

impl Forger {
    /// With the keys of this exchange.
    pub fn of(venue: &Venue) -> Self {
        Self { node: venue.identity().node, network: venue.network() }
    }

    /// With a key that is no exchange's.
    pub const fn alone(node: Keypair, network: u32) -> Self {
        Self { node, network }
    }

    /// Proves, in a batch that is in no journal, that it has taken in a block that somebody signed.
    ///
    /// # Panics
    /// It does not; what it signs is its own affair.
    pub fn prove(&self, like: &ProvenRecord, block: Block, by: &Keypair) -> (ProvenRecord, BlockId) {
        let id = block.id();
        self.prove_signed(like, block.sign(by), id)
    }

    /// The same of a block as it is.
    ///
    /// # Panics
    /// As [`Forger::prove`].
    pub fn prove_signed(
        &self,
        like: &ProvenRecord,
        signed: SignedBlock,
        id: BlockId,
    ) -> (ProvenRecord, BlockId) {
        let command = Command::Block(signed).encode();
        let outcome = hex::decode(&like.receipt.outcome).unwrap();
        let real = bandex_sdk::receipt_from_wire(&like.receipt).unwrap();
        let leaf = Leaf { command_hash: Domain::Command.hash(&command), ..real.leaf };
        let batch =
            Batch { first_seq: leaf.seq, count: 1, root: root(&[leaf.hash()]), last_record_hash: Hash::ZERO };
        let real_block = Block::decode(&real.batch.payload).unwrap();
        let author = self.node.public();
        let batch = Block { author, body: batch.into(), ..real_block };
        let receipt = Receipt { batch: batch.sign(&self.node), leaf, path: Vec::new(), outcome };
        receipt.check(&self.node.public(), self.network).expect("it is the node's word");
        let record = ProvenRecord {
            command: hex::encode(command),
            block_id: Some(id.to_string()),
            receipt: receipt_to_wire(&receipt),
            ..like.clone()
        };
        (record, id)
    }
}
