//! A key and the end of its lane: builds and signs the next block.

use crate::work;
use bandex_tradechain::body::{
    Acknowledge, Bandwidth, Bond, Certify, Claim, Cure, Decertify, Fee, Grant, Guard, Heal, Operation,
    Orders, Pay, Prefer, Receive, Register, Resolve, Revoke, Rotate, Scopes, Transfer, Unbond, WriteOff,
    possession_statement,
};
use bandex_tradechain::{Block, Body, Domain, Head, Keypair, MAX_PAYLOAD_BYTES, SignedBlock};
use bandex_types::{
    AccountId, Amount, BlockId, DealId, MarketId, OrderRef, PublicKey, Timestamp, TimestampError,
};

/// A block ready to be stored and sent, with what its author wants to know of it at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnBlock {
    /// The exact bytes and signature.
    pub signed: SignedBlock,
    /// The block's id.
    pub id: BlockId,
    /// Whose lane.
    pub key: PublicKey,
    /// Its place there.
    pub seq: u64,
}

/// What a session key shall be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// What it may do.
    pub scopes: Scopes,
    /// Markets it may trade on; none named means all.
    pub markets: Vec<MarketId>,
    /// The largest notional of one order, in the market's quote unit.
    pub largest_notional: Option<Amount>,
    /// When it ends by itself.
    pub expires: Option<Timestamp>,
}

/// Why nothing was signed. The lane is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The body breaks a rule that any node would refuse it by, before sequencing: such a block would block the lane.
    #[error("{0}")]
    Body(&'static str),
    /// A time is not in microseconds, or the clock is far off.
    #[error("{0}")]
    Time(#[from] TimestampError),
    /// Too many bytes.
    #[error("the block has {0} bytes; at most {MAX_PAYLOAD_BYTES} are read")]
    TooLarge(usize),
    /// The lane is not at its beginning.
    #[error("register opens a lane, and this one has blocks already")]
    LaneBegun,
    /// No nonce has enough zero bits.
    #[error("no nonce gives {0} zero bits")]
    NoWork(u8),
    /// The lane went on while the work was done.
    #[error("the lane went on while the proof of work was searched; search it again")]
    LaneMoved,
    /// The lane has 2^64 − 1 blocks.
    #[error("the lane is full")]
    LaneFull,
}

/// A key and the end of its lane. Each signature moves the end forward.
///
/// ```
/// use bandex_sdk::{Signer, tradechain::{Head, Keypair}, types::{BlockId, Timestamp}};
/// let granted = Head { seq: 0, id: BlockId::new([3; 32]) };
/// let mut signer = Signer::new(Keypair::from_seed(&[1; 32]), 7, granted);
/// let now = Timestamp::from_micros(1_777_689_383_201_000);
/// let first = signer.acknowledge(now, BlockId::new([4; 32]))?;
/// let second = signer.acknowledge(now, BlockId::new([5; 32]))?;
/// assert_eq!((first.seq, second.seq), (1, 2));
/// assert_eq!(signer.head().id, second.id);
/// # Ok::<(), bandex_sdk::SignError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signer {
    keypair: Keypair,
    network: u32,
    head: Head,
}

impl OwnBlock {
    /// The reference of the order that operation `op` places.
    pub const fn order(&self, op: u8) -> OrderRef {
        OrderRef { key: self.key, seq: self.seq, op }
    }
}

/// The head of a lane that no block has made yet: where a `register` block goes.
pub const UNREGISTERED: Head = Head { seq: 0, id: BlockId::ZERO };

impl Signer {
    /// A signer whose next block continues `head`.
    pub const fn new(keypair: Keypair, network: u32, head: Head) -> Self {
        Self { keypair, network, head }
    }

    /// The public key.
    pub fn key(&self) -> PublicKey {
        self.keypair.public()
    }

    /// The keypair, to log in with.
    pub const fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    /// The network it signs for.
    pub const fn network(&self) -> u32 {
        self.network
    }

    /// The end of the lane, everything signed included.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Goes back to `head` after a block that was signed but neither stored nor sent.
    pub(crate) const fn rewind(&mut self, head: Head) {
        self.head = head;
    }

    /// Signs any body. `expiry` is the sequenced time after which the block has no effect.
    ///
    /// # Errors
    /// A node would refuse the block before sequencing it.
    pub fn sign(
        &mut self,
        now: Timestamp,
        expiry: Option<Timestamp>,
        body: impl Into<Body>,
    ) -> Result<OwnBlock, SignError> {
        let body = body.into();
        now.plausible()?;
        expiry.map_or(Ok(now), Timestamp::plausible)?;
        check_body(&body)?;
        let block = self.next(now, expiry, body)?;
        self.finish(&block)
    }

    /// The block that continues the lane, not signed yet.
    pub(crate) fn next(
        &self,
        now: Timestamp,
        expiry: Option<Timestamp>,
        body: Body,
    ) -> Result<Block, SignError> {
        let seq = self.head.seq.checked_add(1).ok_or(SignError::LaneFull)?;
        let (network, author, previous) = (self.network, self.key(), self.head.id);
        Ok(Block { network, author, seq, previous, time: now, expiry, body })
    }

    fn finish(&mut self, block: &Block) -> Result<OwnBlock, SignError> {
        let signed = block.sign(&self.keypair);
        if signed.payload.len() > MAX_PAYLOAD_BYTES {
            return Err(SignError::TooLarge(signed.payload.len()));
        }
        // From here the block is signed.
        let (id, seq) = (signed.id(), block.seq);
        self.head = Head { seq, id };
        Ok(OwnBlock { signed, id, key: block.author, seq })
    }

    /// One to a hundred operations on orders.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn orders(&mut self, now: Timestamp, operations: Vec<Operation>) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Orders { operations })
    }

    /// Pays a tranche of a deal.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn pay(&mut self, now: Timestamp, pay: Pay) -> Result<OwnBlock, SignError> {
        self.sign(now, None, pay)
    }

    /// Says where to be paid in a deal on the Bitcoin chain.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn receive(&mut self, now: Timestamp, deal: DealId, script: Vec<u8>) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Receive { deal, script })
    }

    /// Says what becomes of the key's orders when its program falls silent, in place of what was said before.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn guard(&mut self, now: Timestamp, guard: Guard) -> Result<OwnBlock, SignError> {
        self.sign(now, None, guard)
    }

    /// Countersigns a `pay` or `bandwidth` block.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn acknowledge(&mut self, now: Timestamp, proposal: BlockId) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Acknowledge { proposal })
    }

    /// Proposes a record of bandwidth.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn bandwidth(&mut self, now: Timestamp, bandwidth: Bandwidth) -> Result<OwnBlock, SignError> {
        self.sign(now, None, bandwidth)
    }

    /// Moves tokens.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn transfer(&mut self, now: Timestamp, transfer: Transfer) -> Result<OwnBlock, SignError> {
        self.sign(now, None, transfer)
    }

    /// Puts tokens at stake.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn bond(&mut self, now: Timestamp, amount: Amount) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Bond { amount })
    }

    /// Asks for bonded tokens back.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn unbond(&mut self, now: Timestamp, amount: Amount) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Unbond { amount })
    }

    /// Pays tokens to the exchange, for admission or to let the limit grow.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn fee(&mut self, now: Timestamp, amount: Amount) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Fee { amount })
    }

    /// Asks for the first grant of tokens: searches a nonce whose block id begins with `bits` zero bits, which takes
    /// about 2^`bits` hashes.
    ///
    /// # Errors
    /// See [`Signer::sign`]; or no nonce does it.
    pub fn claim(&mut self, now: Timestamp, bits: u8) -> Result<OwnBlock, SignError> {
        now.plausible()?;
        let block = self.next(now, None, Claim { nonce: 0 }.into())?;
        let block = work::search(block, bits).ok_or(SignError::NoWork(bits))?;
        self.finish(&block)
    }

    /// Takes over a block that a copy of this signer made where this one stands: the next one.
    ///
    /// # Errors
    /// This signer has gone on since.
    pub(crate) fn adopt(&mut self, before: Head, block: OwnBlock) -> Result<OwnBlock, SignError> {
        if self.head != before {
            return Err(SignError::LaneMoved);
        }
        self.head = Head { seq: block.seq, id: block.id };
        Ok(block)
    }

    /// Vouches for an account, as a registrar.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn certify(
        &mut self,
        now: Timestamp,
        account: AccountId,
        expires: Option<Timestamp>,
    ) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Certify { account, expires })
    }

    /// Takes a certificate back.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn decertify(&mut self, now: Timestamp, account: AccountId) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Decertify { account })
    }

    /// Says whom the account trades with; only the root key may.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn prefer(&mut self, now: Timestamp, prefer: Prefer) -> Result<OwnBlock, SignError> {
        self.sign(now, None, prefer)
    }

    /// Proposes to end a deal that went wrong.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn resolve(&mut self, now: Timestamp, resolve: Resolve) -> Result<OwnBlock, SignError> {
        self.sign(now, None, resolve)
    }

    /// Gives up what the counterparty of a deal owes.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn write_off(&mut self, now: Timestamp, deal: DealId) -> Result<OwnBlock, SignError> {
        self.sign(now, None, WriteOff { deal })
    }

    /// Pays what is still owed after a default.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn cure(&mut self, now: Timestamp, cure: Cure) -> Result<OwnBlock, SignError> {
        self.sign(now, None, cure)
    }

    /// Admits a session key; its lane begins with this block: `Head { seq: 0, id: block.id }`.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn grant(
        &mut self,
        now: Timestamp,
        session: &Keypair,
        allowance: Allowance,
    ) -> Result<OwnBlock, SignError> {
        let Allowance { scopes, markets, largest_notional, expires } = allowance;
        let possession = self.possession(session);
        let key = session.public();
        self.sign(now, None, Grant { key, scopes, markets, largest_notional, expires, possession })
    }

    /// Ends a session key.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn revoke(&mut self, now: Timestamp, key: PublicKey) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Revoke { key })
    }

    /// Thaws the account after session key `key` forked; `keep` is the block the owner stands by.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn heal(&mut self, now: Timestamp, key: PublicKey, keep: BlockId) -> Result<OwnBlock, SignError> {
        self.sign(now, None, Heal { key, keep })
    }

    /// Replaces the root key by `next`, whose lane begins with this block.
    ///
    /// # Errors
    /// See [`Signer::sign`].
    pub fn rotate(&mut self, now: Timestamp, next: &Keypair) -> Result<OwnBlock, SignError> {
        let possession = self.possession(next);
        self.sign(now, None, Rotate { key: next.public(), possession })
    }

    /// Makes an account at node `home`: searches a nonce whose block id begins with `bits` zero bits, which takes
    /// about 2^`bits` hashes.
    ///
    /// # Errors
    /// The lane has begun already, or no nonce does it.
    pub fn register(&mut self, now: Timestamp, home: PublicKey, bits: u8) -> Result<OwnBlock, SignError> {
        if self.head != UNREGISTERED {
            return Err(SignError::LaneBegun);
        }
        now.plausible()?;
        let (network, author) = (self.network, self.key());
        let body = Register { home, nonce: 0 }.into();
        let block = Block { network, author, seq: 1, previous: BlockId::ZERO, time: now, expiry: None, body };
        let block = work::search(block, bits).ok_or(SignError::NoWork(bits))?;
        self.finish(&block)
    }

    fn possession(&self, new: &Keypair) -> bandex_types::SignatureBytes {
        let statement = possession_statement(self.network, &self.key(), &new.public());
        new.sign(Domain::Possession, &statement)
    }
}

/// The rules of bodies that need no state. A block that breaks one is never sequenced, so its lane could not go on
/// after it without a fork: it must not be signed at all.
fn check_body(body: &Body) -> Result<(), SignError> {
    match body {
        Body::Orders(orders) => {
            orders.check().map_err(SignError::Body)?;
            orders.check_times()?;
            Ok(())
        }
        Body::Grant(grant) => {
            grant.expires.map_or(Ok(()), |time| time.plausible().map(drop))?;
            grant.check().map_err(SignError::Body)
        }
        Body::Pay(pay) => pay.check().map_err(SignError::Body),
        Body::Cure(cure) => cure.check().map_err(SignError::Body),
        Body::Receive(receive) => receive.check().map_err(SignError::Body),
        Body::Guard(guard) => guard.check().map_err(SignError::Body),
        Body::Fee(fee) => fee.check().map_err(SignError::Body),
        Body::Certify(certify) => Ok(certify.expires.map_or(Ok(()), |time| time.plausible().map(drop))?),
        Body::Transfer(transfer) => transfer.check().map_err(SignError::Body),
        Body::Bandwidth(bandwidth) => bandwidth.check().map_err(SignError::Body),
        Body::Configure(configure) => configure.check().map_err(SignError::Body),
        Body::Register(_) => Err(SignError::Body("register needs its proof of work: use Signer::register")),
        Body::Claim(_) => Err(SignError::Body("claim needs its proof of work: use Signer::claim")),
        Body::Batch(_) => Err(SignError::Body("batch blocks are made by the node only")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place};
    use bandex_tradechain::body::{Payer, leading_zero_bits};
    use bandex_tradechain::{LaneAnswer, verify};
    use bandex_types::AssetId;

    fn signer() -> Signer {
        Signer::new(keypair(1), NETWORK, ORIGIN)
    }

    fn allowance(markets: &[u32]) -> Allowance {
        let markets = markets.iter().copied().map(MarketId::new).collect();
        Allowance { scopes: Scopes::ALL, markets, largest_notional: None, expires: None }
    }

    #[test]
    fn every_kind_verifies_and_continues_the_lane() {
        let mut signer = signer();
        let mut head = ORIGIN;
        let peer = AccountId::new([5; 32]);
        type Make = Box<dyn Fn(&mut Signer) -> Result<OwnBlock, SignError>>;
        let pay = Pay {
            deal: DealId::new([1; 32]),
            tranche: 1,
            cumulative: Amount::new(5),
            reference: String::new(),
        };
        let deal = pay.deal;
        let (to, asset, amount) = (peer, AssetId::BWT, Amount::new(1));
        let transfer = Transfer { to, asset, amount, note: "thanks".to_owned() };
        let (sent_bytes, received_bytes, tokens) = (1, 2, Amount::new(1));
        let bandwidth =
            Bandwidth { counterparty: peer, sent_bytes, received_bytes, payer: Payer::Author, tokens };
        let kinds: Vec<Make> = vec![
            Box::new(|signer| signer.orders(NOW, vec![place(1), place(2)])),
            Box::new(move |signer| signer.pay(NOW, pay.clone())),
            Box::new(|signer| signer.acknowledge(NOW, BlockId::new([2; 32]))),
            Box::new(move |signer| signer.receive(NOW, deal, vec![0x51])),
            Box::new(|signer| {
                signer.guard(NOW, Guard { cancel_after_us: 30_000_000, on_disconnect_us: Some(0) })
            }),
            Box::new(|signer| signer.guard(NOW, Guard::OFF)),
            Box::new(move |signer| signer.bandwidth(NOW, bandwidth.clone())),
            Box::new(move |signer| signer.transfer(NOW, transfer.clone())),
            Box::new(|signer| signer.grant(NOW, &keypair(2), allowance(&[1, 2]))),
            Box::new(|signer| signer.revoke(NOW, keypair(2).public())),
            Box::new(|signer| signer.heal(NOW, keypair(2).public(), BlockId::new([2; 32]))),
            Box::new(|signer| signer.bond(NOW, Amount::new(5))),
            Box::new(|signer| signer.unbond(NOW, Amount::new(5))),
            Box::new(|signer| signer.fee(NOW, Amount::new(5))),
            Box::new(|signer| signer.claim(NOW, 6)),
            Box::new(move |signer| signer.certify(NOW, peer, Some(NOW.plus(1)))),
            Box::new(move |signer| signer.decertify(NOW, peer)),
            Box::new(|signer| signer.prefer(NOW, Prefer { largest_exposure: None, least_score: Some(5) })),
            Box::new(move |signer| signer.resolve(NOW, Resolve { deal, deliver: Amount::ZERO })),
            Box::new(move |signer| signer.write_off(NOW, deal)),
            Box::new(move |signer| signer.cure(NOW, Cure { deal, reference: "paid".to_owned() })),
            Box::new(|signer| signer.rotate(NOW, &keypair(3))),
        ];
        for make in kinds {
            let block = make(&mut signer).unwrap();
            let verified = verify(block.signed.clone(), NETWORK).unwrap();
            let (seq, previous) = (verified.block().seq, verified.block().previous);
            assert_eq!(head.judge(seq, previous), LaneAnswer::Next, "{:?}", verified.block().body.kind());
            assert_eq!((verified.id(), seq, signer.key()), (block.id, block.seq, block.key));
            head = signer.head();
            assert_eq!(head, Head { seq, id: block.id });
        }
    }

    #[test]
    fn what_no_node_would_sequence_is_not_signed() {
        let check = |make: fn(&mut Signer) -> Result<OwnBlock, SignError>| {
            let mut signer = signer();
            let refused = make(&mut signer);
            assert!(refused.is_err(), "{refused:?}");
            assert_eq!(signer.head(), ORIGIN);
        };
        check(|signer| signer.orders(NOW, Vec::new()));
        check(|signer| signer.orders(NOW, vec![place(1); 101]));
        check(|signer| signer.orders(Timestamp::from_micros(1_777_689_383), vec![place(1)]));
        check(|signer| {
            signer.sign(NOW, Some(Timestamp::from_micros(5)), Revoke { key: keypair(2).public() })
        });
        check(|signer| signer.grant(NOW, &keypair(2), allowance(&[2, 1])));
        check(|signer| signer.sign(NOW, None, Register { home: keypair(9).public(), nonce: 0 }));
        check(|signer| signer.register(NOW, keypair(9).public(), 1));
        check(|signer| signer.sign(NOW, None, Claim { nonce: 0 }));
        check(|signer| signer.fee(NOW, Amount::ZERO));
        check(|signer| signer.receive(NOW, DealId::new([1; 32]), Vec::new()));
        check(|signer| signer.guard(NOW, Guard { cancel_after_us: 999_999, on_disconnect_us: None }));
        check(|signer| signer.guard(NOW, Guard { cancel_after_us: 0, on_disconnect_us: Some(u64::MAX) }));
        check(|signer| signer.cure(NOW, Cure { deal: DealId::new([1; 32]), reference: "long".repeat(65) }));
        check(|signer| signer.certify(NOW, AccountId::new([1; 32]), Some(Timestamp::from_micros(5))));
        check(|signer| {
            let reference = "long".repeat(65);
            signer
                .pay(NOW, Pay { deal: DealId::new([1; 32]), tranche: 1, cumulative: Amount::ZERO, reference })
        });
    }

    #[test]
    fn a_claim_proves_work_and_is_taken_over_where_the_lane_stands() {
        let (mut signer, mut searcher) = (signer(), signer());
        let before = signer.head();
        let claim = searcher.claim(NOW, 9).unwrap();
        assert!(leading_zero_bits(&claim.id) >= 9);
        assert_eq!(signer.adopt(before, claim.clone()), Ok(claim.clone()));
        assert_eq!(signer.head(), searcher.head());
        assert_eq!(signer.adopt(before, claim), Err(SignError::LaneMoved));
    }

    #[test]
    fn registering_proves_work_and_opens_the_lane() {
        let mut signer = Signer::new(keypair(1), NETWORK, UNREGISTERED);
        let block = signer.register(NOW, keypair(9).public(), 10).unwrap();
        assert!(leading_zero_bits(&block.id) >= 10);
        assert!(verify(block.signed.clone(), NETWORK).is_ok());
        assert_eq!(signer.head(), Head { seq: 1, id: block.id });
        assert_eq!(signer.orders(NOW, vec![place(1)]).unwrap().order(0).seq, 2);
    }
}
