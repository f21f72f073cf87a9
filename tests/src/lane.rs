//! A key that signs anything: blocks of any lane position, any network, any content, well-formed or not.

use bandex_tradechain::body::{
    Acknowledge, Bandwidth, Claim, Grant, Heal, Operation, Orders, Pay, Place, Register, Revoke, Rotate,
    Scopes, Transfer, leading_zero_bits, possession_statement,
};
use bandex_tradechain::{Block, Body, Domain, Head, Keypair, SignedBlock};
use bandex_types::{
    AccountId, Amount, AssetId, BlockId, DealId, MarketId, OrderRef, Price, PublicKey, Quantity, Side,
    Timestamp,
};
use std::time::{SystemTime, UNIX_EPOCH};

/// Zero bits that a `register` block's id must begin with, as the exchange asks for by itself.
const WORK_BITS: u32 = 8;

/// The clock of the tests.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap())
}

/// A key and where its lane stands. Signing a block with [`RawLane::sign`] moves the lane on; the other ways do not.
#[derive(Debug, Clone)]
pub struct RawLane {
    keypair: Keypair,
    account: AccountId,
    network: u32,
    head: Head,
}

impl RawLane {
    /// A root key that has not registered yet.
    pub const fn root(keypair: Keypair, network: u32) -> Self {
        Self { keypair, account: AccountId::new([0; 32]), network, head: Head { seq: 0, id: BlockId::ZERO } }
    }

    /// The keypair.
    pub const fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// The public key.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }

    /// The account, once it is registered.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The end of the lane as far as this side knows.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Goes to another place in the lane, for instance back to sign a second block there.
    pub const fn rewind(&mut self, head: Head) {
        self.head = head;
    }

    /// The next block of the lane, not signed yet. The lane stays where it is.
    pub fn block(&self, body: impl Into<Body>) -> Block {
        Block {
            network: self.network,
            author: self.key(),
            seq: self.head.seq + 1,
            previous: self.head.id,
            time: now(),
            expiry: None,
            body: body.into(),
        }
    }

    /// Signs the next block; the lane moves on.
    pub fn sign(&mut self, body: impl Into<Body>) -> SignedBlock {
        let signed = self.block(body).sign(&self.keypair);
        self.head = Head { seq: self.head.seq + 1, id: signed.id() };
        signed
    }

    /// Signs any bytes as if they were a block.
    pub fn sign_bytes(&self, payload: Vec<u8>) -> SignedBlock {
        let signature = self.keypair.sign(Domain::Block, &payload);
        SignedBlock { payload, signature }
    }

    /// The `register` block, its work done.
    pub fn register(&mut self, home: PublicKey) -> SignedBlock {
        let with = |nonce| self.block(Register { home, nonce });
        let block = (0..).map(with).find(|block| leading_zero_bits(&block.id()) >= WORK_BITS).unwrap();
        let signed = block.sign(&self.keypair);
        self.head = Head { seq: 1, id: signed.id() };
        self.account = signed.id().into();
        signed
    }

    /// Admits a session key with everything allowed that the `grant` says. Gives the block, and the key's lane.
    pub fn grant(&mut self, seed: u8, change: impl FnOnce(&mut Grant)) -> (SignedBlock, Self) {
        let keypair = Keypair::from_seed(&[seed; 32]);
        let key = keypair.public();
        let possession =
            keypair.sign(Domain::Possession, &possession_statement(self.network, &self.key(), &key));
        let mut grant = Grant {
            key,
            scopes: Scopes::ALL,
            markets: Vec::new(),
            largest_notional: None,
            expires: None,
            possession,
        };
        change(&mut grant);
        let signed = self.sign(grant);
        let head = Head { seq: 0, id: signed.id() };
        let session = Self { keypair, account: self.account, network: self.network, head };
        (signed, session)
    }

    /// Hands over to another root key. Gives the block, and the lane of that key.
    pub fn rotate(&mut self, seed: u8) -> (SignedBlock, Self) {
        let keypair = Keypair::from_seed(&[seed; 32]);
        let key = keypair.public();
        let possession =
            keypair.sign(Domain::Possession, &possession_statement(self.network, &self.key(), &key));
        let signed = self.sign(Rotate { key, possession });
        let head = Head { seq: 0, id: signed.id() };
        let next = Self { keypair, account: self.account, network: self.network, head };
        (signed, next)
    }

    /// Ends a session key.
    pub fn revoke(&mut self, key: PublicKey) -> SignedBlock {
        self.sign(Revoke { key })
    }

    /// Thaws the account after a fork.
    pub fn heal(&mut self, key: PublicKey, keep: BlockId) -> SignedBlock {
        self.sign(Heal { key, keep })
    }

    /// Asks for the first grant with at least so many zero bits of work.
    pub fn claim(&mut self, bits: u32) -> SignedBlock {
        let with = |nonce| self.block(Claim { nonce });
        let block = (0..).map(with).find(|block| leading_zero_bits(&block.id()) >= bits).unwrap();
        let signed = block.sign(&self.keypair);
        self.head = Head { seq: self.head.seq + 1, id: signed.id() };
        signed
    }

    /// A block of operations.
    pub fn orders(&mut self, operations: Vec<Operation>) -> SignedBlock {
        self.sign(Orders { operations })
    }

    /// A block of one limit order; gives its reference too.
    pub fn limit(&mut self, side: Side, price: u64, lots: u64) -> (SignedBlock, OrderRef) {
        let signed = self.orders(vec![place(crate::MARKET, side, price, lots)]);
        (signed, self.last_order(0))
    }

    /// A block that cancels one order.
    pub fn cancel(&mut self, order: OrderRef) -> SignedBlock {
        self.orders(vec![Operation::Cancel { order }])
    }

    /// The order that operation `op` of the last block placed.
    pub fn last_order(&self, op: u8) -> OrderRef {
        OrderRef { key: self.key(), seq: self.head.seq, op }
    }

    /// Pays a tranche.
    pub fn pay(&mut self, deal: DealId, tranche: u32, cumulative: u64) -> SignedBlock {
        let cumulative = Amount::new(cumulative);
        self.sign(Pay { deal, tranche, cumulative, reference: String::new() })
    }

    /// Countersigns a proposal.
    pub fn acknowledge(&mut self, proposal: BlockId) -> SignedBlock {
        self.sign(Acknowledge { proposal })
    }

    /// Proposes a record of bandwidth.
    pub fn bandwidth(&mut self, bandwidth: Bandwidth) -> SignedBlock {
        self.sign(bandwidth)
    }

    /// Moves tokens.
    pub fn transfer(&mut self, to: AccountId, bytes: u64) -> SignedBlock {
        let (asset, amount) = (AssetId::BWT, Amount::new(bytes));
        self.sign(Transfer { to, asset, amount, note: String::new() })
    }
}

/// An operation that places a limit order.
pub fn place(market: MarketId, side: Side, price: u64, lots: u64) -> Operation {
    Operation::Place(Box::new(Place::limit(market, side, Price::new(price), Quantity::new(lots))))
}
