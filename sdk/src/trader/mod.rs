//! One key at work: signs, stores, sends, and sends again until answered.

mod fate;
mod line;
mod open;
#[cfg(test)]
mod tests;

pub use fate::LaneError;

use crate::lane::OwnOrder;
use crate::{
    Allowance, Client, Markets, OwnBlock, PreparedError, RestError, SignError, Signer, StoreError,
    SubmitError, Version, clock,
};
use bandex_api::{BlockReply, OperationReply, Prepare, Prepared};
use bandex_tradechain::body::{
    Acknowledge, Bandwidth, Bond, Certify, Cure, Decertify, Fee, Guard, Heal, Operation, Orders, Pay, Place,
    Prefer, Protection, Quotes, Receive, Resolve, Revoke, Transfer, Unbond, WriteOff,
};
use bandex_tradechain::{Body, Head, Keypair};
use bandex_types::{
    AccountId, Amount, BlockId, DealId, MarketId, OrderRef, Price, PublicKey, Quantity, Side, Timestamp,
};
use line::Line;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How often the work of a claim is done again because the lane went on meanwhile.
const CLAIM_TRIES: u32 = 5;

/// Why a trader's block did not do what it was meant to.
#[derive(Debug, thiserror::Error)]
pub enum TraderError {
    /// Nothing was signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A prepared block was not signed.
    #[error(transparent)]
    Prepared(#[from] PreparedError),
    /// The block could not be stored, so it was not sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The exchange answered the block so.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Nothing can be signed in this lane any more.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// The one operation of the block was refused.
    #[error("{}", .0.detail.as_deref().unwrap_or("the operation was refused"))]
    Operation(Box<OperationReply>),
    /// The exchange could not be asked.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The exchange does not know the key.
    #[error("the exchange does not know key {0}: register it, or have it granted")]
    UnknownKey(PublicKey),
    /// The task that searches the proof of work was lost.
    #[error("the search for a proof of work was given up")]
    GivenUp,
}

impl TraderError {
    /// The stable code of the exchange, if it was the exchange that refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Submit(error) => error.code(),
            Self::Operation(reply) => reply.code.as_deref(),
            Self::Lane(LaneError::Stuck { code, .. }) => Some(code),
            Self::Rest(error) => error.code(),
            _ => None,
        }
    }
}

/// One key's lane on a connection that others may share. Clones are the same trader.
///
/// Every block is stored before it is sent. What the exchange did not sequence is sent again byte for byte, in order,
/// until it is answered or the lane is found broken; callers see only the final answer. Once the last clone is gone and
/// nobody waits for a [`Submitted`], the lane's store is closed, and what is pending waits for the next [`Trader::open`].
///
/// Methods that reply wait for it; to pipeline, take [`Trader::submit`] and ask for the reply later:
///
/// ```no_run
/// # async fn example(trader: bandex_sdk::Trader, place: bandex_sdk::tradechain::body::Place) -> Result<(), bandex_sdk::TraderError> {
/// use bandex_sdk::tradechain::body::{Operation, Orders};
/// let operations = vec![Operation::Place(Box::new(place))];
/// let placed = trader.submit(Orders { operations }).await?;
/// // The order's name is known before any answer, so it can be cancelled at once.
/// let cancel = Orders { operations: vec![Operation::Cancel { order: placed.order(0) }] };
/// let cancelled = trader.submit(cancel).await?;
/// println!("{:?} {:?}", placed.reply().await?, cancelled.reply().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Trader {
    line: Arc<Line>,
    account: AccountId,
}

/// A block under way.
#[derive(Debug)]
#[must_use = "the block is under way; ask for its reply"]
pub struct Submitted {
    /// The block's id.
    pub id: BlockId,
    /// Whose lane.
    pub key: PublicKey,
    /// Its place there.
    pub seq: u64,
    reply: oneshot::Receiver<Result<BlockReply, TraderError>>,
    /// Keeps the lane at work until the answer is here, whatever becomes of the trader.
    line: Arc<Line>,
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its reference.
    pub order: OrderRef,
    /// Where it stands, and how much traded on arrival.
    pub outcome: OperationReply,
    /// The whole answer, with its receipt.
    pub reply: BlockReply,
}

/// Quotes that rest in place of those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// Their references, in the order in which they were given.
    pub orders: Vec<OrderRef>,
    /// The whole answer, with its receipt.
    pub reply: BlockReply,
}

impl Submitted {
    /// The reference of the order with the number `op`: of operation `op`, or further on if there were quotes before,
    /// as [`Orders::numbered`] says.
    pub const fn order(&self, op: u8) -> OrderRef {
        OrderRef { key: self.key, seq: self.seq, op }
    }

    /// The exchange's final answer. Operations in it may have been refused one by one.
    ///
    /// # Errors
    /// The block was refused as a whole, or the lane is broken.
    pub async fn reply(self) -> Result<BlockReply, TraderError> {
        let answer = self.reply.await.unwrap_or(Err(TraderError::Lane(LaneError::Closed)));
        drop(self.line);
        answer
    }
}

impl Trader {
    /// The account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The key.
    pub fn key(&self) -> PublicKey {
        self.line.key()
    }

    /// The connection.
    pub fn client(&self) -> &Client {
        self.line.client()
    }

    /// How many blocks wait for their answer.
    pub fn pending(&self) -> usize {
        self.line.lane().state.pending.len()
    }

    /// The end of the lane, everything signed included.
    pub fn head(&self) -> Head {
        self.line.lane().signer.head()
    }

    /// An order of this lane as it was signed.
    pub fn own_order(&self, order: &OrderRef) -> Option<OwnOrder> {
        self.line.lane().state.own.order(order)
    }

    /// The amendments this lane signed to an order, whoever placed it.
    pub fn own_amendments(&self, order: &OrderRef) -> Vec<Version> {
        self.line.lane().state.own.amendments(order).to_vec()
    }

    /// The last payment that this lane signed in a deal.
    pub fn own_pay(&self, deal: &DealId) -> Option<Pay> {
        self.line.lane().state.own.last_pay(deal).cloned()
    }

    /// Signs with the lane's key and sends, once there is room: no more than [`crate::Options::window`] blocks of a lane
    /// are unanswered, and no more of all lanes on the connection. Blocks go out in the order in which this is first
    /// awaited.
    ///
    /// # Errors
    /// The block is not signed, not stored, or the lane is broken.
    pub async fn submit(&self, body: impl Into<Body>) -> Result<Submitted, TraderError> {
        let body = body.into();
        self.send(|signer, now| signer.sign(now, None, body)).await
    }

    /// As [`Trader::submit`], for a block that has no effect when it is sequenced after `expiry`.
    ///
    /// # Errors
    /// As there.
    pub async fn submit_until(
        &self,
        expiry: Timestamp,
        body: impl Into<Body>,
    ) -> Result<Submitted, TraderError> {
        let body = body.into();
        self.send(|signer, now| signer.sign(now, Some(expiry), body)).await
    }

    async fn send(
        &self,
        sign: impl FnOnce(&mut Signer, Timestamp) -> Result<OwnBlock, SignError>,
    ) -> Result<Submitted, TraderError> {
        let room = self.line.room().await?;
        let (block, reply) = self.line.start(room, |signer| sign(signer, clock::now()))?;
        let line = Arc::clone(&self.line);
        Ok(Submitted { id: block.id, key: block.key, seq: block.seq, reply, line })
    }

    async fn one(&self, operation: Operation) -> Result<Placed, TraderError> {
        let submitted = self.submit(Orders { operations: vec![operation] }).await?;
        let order = submitted.order(0);
        let reply = submitted.reply().await?;
        match reply.operations.first().cloned() {
            Some(outcome) if outcome.ok => Ok(Placed { order, outcome, reply }),
            Some(refused) => Err(TraderError::Operation(Box::new(refused))),
            None => Err(LaneError::Closed.into()),
        }
    }

    /// Places an order.
    ///
    /// # Errors
    /// The order or its block was refused, or the lane is broken.
    pub async fn place(&self, place: Place) -> Result<Placed, TraderError> {
        self.one(Operation::Place(Box::new(place))).await
    }

    /// Cancels an order of the account.
    ///
    /// # Errors
    /// As [`Trader::place`].
    pub async fn cancel(&self, order: OrderRef) -> Result<BlockReply, TraderError> {
        self.one(Operation::Cancel { order }).await.map(|done| done.reply)
    }

    /// Cancels the open order that this key placed with a client id.
    ///
    /// # Errors
    /// As [`Trader::place`].
    pub async fn cancel_client(
        &self,
        market: MarketId,
        client_id: impl Into<String>,
    ) -> Result<BlockReply, TraderError> {
        let client_id = client_id.into();
        self.one(Operation::CancelClient { market, client_id }).await.map(|done| done.reply)
    }

    /// Changes price and total quantity (fills included) of an order.
    ///
    /// # Errors
    /// As [`Trader::place`].
    pub async fn amend(
        &self,
        order: OrderRef,
        price: Price,
        quantity: Quantity,
    ) -> Result<BlockReply, TraderError> {
        self.one(Operation::Amend { order, price, quantity }).await.map(|done| done.reply)
    }

    /// Cancels every open order of the account, sleeping ones and quotes included, that market and side do not leave
    /// out.
    ///
    /// # Errors
    /// The block was refused, or the lane is broken.
    pub async fn cancel_all(
        &self,
        market: Option<MarketId>,
        side: Option<Side>,
    ) -> Result<BlockReply, TraderError> {
        self.one(Operation::CancelAll { market, side }).await.map(|done| done.reply)
    }

    /// Replaces all quotes of the account on a market, or changes nothing. [`crate::MarketInfo::quotes`] makes them.
    ///
    /// # Errors
    /// As [`Trader::place`].
    pub async fn quote(&self, quotes: Quotes) -> Result<Quoted, TraderError> {
        let count = quotes.quotes.len();
        let Placed { order, reply, .. } = self.one(Operation::Quote(quotes)).await?;
        let orders = (order.op..=u8::MAX).take(count).map(|op| OrderRef { op, ..order }).collect();
        Ok(Quoted { orders, reply })
    }

    /// Sets or ends the protection of the account's quotes on a market. Setting it again lets quotes in that were
    /// pulled.
    ///
    /// # Errors
    /// As [`Trader::place`].
    pub async fn protect(
        &self,
        market: MarketId,
        protection: Option<Protection>,
    ) -> Result<BlockReply, TraderError> {
        self.one(Operation::Protect { market, protection }).await.map(|done| done.reply)
    }

    /// One to a hundred operations in one block, each answered by itself.
    ///
    /// # Errors
    /// The block was refused as a whole, or the lane is broken.
    pub async fn orders(&self, operations: Vec<Operation>) -> Result<BlockReply, TraderError> {
        self.submit(Orders { operations }).await?.reply().await
    }

    /// Pays a tranche of a deal.
    ///
    /// # Errors
    /// The payment was refused, or the lane is broken.
    pub async fn pay(&self, pay: Pay) -> Result<BlockReply, TraderError> {
        self.submit(pay).await?.reply().await
    }

    /// Says where the account wants to be paid in a deal on the Bitcoin chain whose payee it is: an output script that was
    /// never named before. The demand begins then.
    ///
    /// # Errors
    /// The script or the block was refused, or the lane is broken.
    pub async fn receive(&self, deal: DealId, script: Vec<u8>) -> Result<BlockReply, TraderError> {
        self.submit(Receive { deal, script }).await?.reply().await
    }

    /// Says what becomes of this key's orders when its program falls silent, in place of what was said before. Every
    /// guard winds the timer up again.
    ///
    /// # Errors
    /// The guard was refused, or the lane is broken.
    pub async fn guard(&self, guard: Guard) -> Result<BlockReply, TraderError> {
        self.submit(guard).await?.reply().await
    }

    /// Has all open orders of this key cancelled `after` from now, whatever becomes of this program, unless this is
    /// called again before; with no time at all, ends that. From a second to a day. What was said of connections that
    /// end is replaced: the node does not cancel when they do; for both see [`Trader::guard`].
    ///
    /// # Errors
    /// As [`Trader::guard`]; a time out of range is not signed.
    pub async fn cancel_after(&self, after: Duration) -> Result<BlockReply, TraderError> {
        let cancel_after_us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.guard(Guard { cancel_after_us, ..Guard::OFF }).await
    }

    /// Countersigns a payment or a bandwidth record.
    ///
    /// # Errors
    /// The acknowledgement was refused, or the lane is broken.
    pub async fn acknowledge(&self, proposal: BlockId) -> Result<BlockReply, TraderError> {
        self.submit(Acknowledge { proposal }).await?.reply().await
    }

    /// Proposes a record of bandwidth, which the counterparty acknowledges by the block's id in the reply.
    ///
    /// # Errors
    /// The record was refused, or the lane is broken.
    pub async fn bandwidth(&self, bandwidth: Bandwidth) -> Result<BlockReply, TraderError> {
        self.submit(bandwidth).await?.reply().await
    }

    /// Moves tokens.
    ///
    /// # Errors
    /// The transfer was refused, or the lane is broken.
    pub async fn transfer(&self, transfer: Transfer) -> Result<BlockReply, TraderError> {
        self.submit(transfer).await?.reply().await
    }

    /// Puts free tokens at stake: they raise the limit, and go to the victim if the account defaults.
    ///
    /// # Errors
    /// The bond was refused, or the lane is broken; so with all below.
    pub async fn bond(&self, amount: Amount) -> Result<BlockReply, TraderError> {
        self.submit(Bond { amount }).await?.reply().await
    }

    /// Asks for bonded tokens back. They count no more at once, and return when every deal is over that is open now.
    ///
    /// # Errors
    /// As above.
    pub async fn unbond(&self, amount: Amount) -> Result<BlockReply, TraderError> {
        self.submit(Unbond { amount }).await?.reply().await
    }

    /// Pays tokens to the exchange: for admission, or to let the limit grow.
    ///
    /// # Errors
    /// As above.
    pub async fn fee(&self, amount: Amount) -> Result<BlockReply, TraderError> {
        self.submit(Fee { amount }).await?.reply().await
    }

    /// Asks for the first grant of tokens. The proof of work takes about 2^`bits` hashes on a thread of its own; if
    /// something else is signed meanwhile, it is searched again.
    ///
    /// # Errors
    /// As above; or the lane went on during every search.
    pub async fn claim(&self, bits: u8) -> Result<BlockReply, TraderError> {
        for _ in 0..CLAIM_TRIES {
            let mut signer = self.line.lane().signer.clone();
            let before = signer.head();
            let search = tokio::task::spawn_blocking(move || signer.claim(clock::now(), bits));
            let block = search.await.map_err(|_| TraderError::GivenUp)??;
            match self.send(|signer, _| signer.adopt(before, block)).await {
                Err(TraderError::Sign(SignError::LaneMoved)) => {}
                sent => return sent?.reply().await,
            }
        }
        Err(SignError::LaneMoved.into())
    }

    /// Vouches for an account, as a registrar.
    ///
    /// # Errors
    /// As above.
    pub async fn certify(
        &self,
        account: AccountId,
        expires: Option<Timestamp>,
    ) -> Result<BlockReply, TraderError> {
        self.submit(Certify { account, expires }).await?.reply().await
    }

    /// Takes a certificate back.
    ///
    /// # Errors
    /// As above.
    pub async fn decertify(&self, account: AccountId) -> Result<BlockReply, TraderError> {
        self.submit(Decertify { account }).await?.reply().await
    }

    /// Says whom the account trades with, in place of what was said before; only the root key may.
    ///
    /// # Errors
    /// As above.
    pub async fn prefer(&self, prefer: Prefer) -> Result<BlockReply, TraderError> {
        self.submit(prefer).await?.reply().await
    }

    /// Proposes to end a deal that is in dispute, in default or written off; the counterparty acknowledges it by the
    /// block's id in the reply.
    ///
    /// # Errors
    /// As above.
    pub async fn resolve(&self, deal: DealId, deliver: Amount) -> Result<BlockReply, TraderError> {
        self.submit(Resolve { deal, deliver }).await?.reply().await
    }

    /// Gives up what the counterparty of a deal owes.
    ///
    /// # Errors
    /// As above.
    pub async fn write_off(&self, deal: DealId) -> Result<BlockReply, TraderError> {
        self.submit(WriteOff { deal }).await?.reply().await
    }

    /// Pays what is still owed after a default; where the ledger does not see the payment, the victim acknowledges it.
    ///
    /// # Errors
    /// As above.
    pub async fn cure(&self, cure: Cure) -> Result<BlockReply, TraderError> {
        self.submit(cure).await?.reply().await
    }

    /// Admits a session key; only the root key may. Its own trader is then opened with an empty store.
    ///
    /// # Errors
    /// The grant was refused, or the lane is broken.
    pub async fn grant(&self, session: &Keypair, allowance: Allowance) -> Result<BlockReply, TraderError> {
        self.send(|signer, now| signer.grant(now, session, allowance)).await?.reply().await
    }

    /// Ends a session key; only the root key may.
    ///
    /// # Errors
    /// The block was refused, or the lane is broken.
    pub async fn revoke(&self, key: PublicKey) -> Result<BlockReply, TraderError> {
        self.submit(Revoke { key }).await?.reply().await
    }

    /// Thaws the account after session key `key` forked; only the root key may.
    ///
    /// # Errors
    /// The block was refused, or the lane is broken.
    pub async fn heal(&self, key: PublicKey, keep: BlockId) -> Result<BlockReply, TraderError> {
        self.submit(Heal { key, keep }).await?.reply().await
    }

    /// Replaces the root key, after which this lane has ended; open a trader for the new key with an empty store.
    ///
    /// # Errors
    /// The block was refused, or the lane is broken.
    pub async fn rotate(&self, next: &Keypair) -> Result<BlockReply, TraderError> {
        self.send(|signer, now| signer.rotate(now, next)).await?.reply().await
    }

    /// Signs what the exchange prepared, as [`Signer::sign_prepared`] does, and stores it as the next block of this lane,
    /// but does not send it: for whoever posts it by other means. If nobody does, it goes out with the next block, or
    /// when the lane is opened again.
    ///
    /// # Errors
    /// The exchange prepared something else than was asked for, the block is not stored, or the lane is broken.
    pub fn sign_prepared(
        &self,
        asked: &Prepare,
        markets: &Markets,
        prepared: &Prepared,
    ) -> Result<OwnBlock, TraderError> {
        self.line.lane().add(|signer| signer.sign_prepared(clock::now(), asked, markets, prepared))
    }

    /// Tries again what a broken lane has pending, once the cause is mended: the key was granted, the exchange
    /// restored. Waits for the answers.
    ///
    /// # Errors
    /// The lane is broken still.
    pub async fn resume(&self) -> Result<(), TraderError> {
        self.line.resume().await
    }
}
