//! Rows into tables, many at a time.

use super::candles::{Candle, CandleInterval};
use super::extras::DealExtras;
use super::gather::{Folded, Gathered};
use super::parse::{self, state};
use super::tables;
use crate::sql::{Statement, Transaction, Value, is_passing, signed};
use bandex_engine::{DealState, OrderStatus, ProposalStatus};
use bandex_types::{DealId, MarketId};
use borsh::BorshSerialize;
use std::collections::BTreeMap;

/// The deals that are asked for in one question: SQLite nests conditions a thousand deep at most.
pub(super) const DEALS_AT_ONCE: usize = 100;

/// Why rows were not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// The store's own reasons.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// What is there does not go together with what comes; in words.
    #[error("{0}")]
    Contradicted(String),
}

impl WriteError {
    /// Whether the same may succeed on a new connection.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Sql(error) if is_passing(error))
    }
}

impl From<String> for WriteError {
    fn from(what: String) -> Self {
        Self::Contradicted(what)
    }
}

type Written = Result<(), WriteError>;

/// A state's canonical bytes.
pub(super) fn bytes<'a, T: BorshSerialize>(state: &T) -> Value<'a> {
    let mut bytes = Vec::with_capacity(256);
    let written = state.serialize(&mut bytes);
    debug_assert!(written.is_ok(), "a state is far below the u32::MAX entries that a Vec can take");
    Value::from(bytes)
}

/// Writes all rows.
pub(super) async fn all(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    records(transaction, gathered).await?;
    holders(transaction, gathered).await?;
    orders(transaction, gathered).await?;
    auctions(transaction, gathered).await?;
    protections(transaction, gathered).await?;
    trades(transaction, gathered).await?;
    candles(transaction, gathered).await?;
    deals(transaction, gathered).await?;
    proposals(transaction, gathered).await?;
    breaches(transaction, gathered).await
}

/// Moves the checkpoint, if it still is where this writer thinks it is.
pub(super) async fn checkpoint(transaction: &mut Transaction<'_>, from: u64, to: u64) -> Written {
    let mut moving = Statement::new("UPDATE progress SET checkpoint = ");
    moving.bind(signed(to)?).push(" WHERE id = 1 AND checkpoint = ").bind(signed(from)?);
    if transaction.execute(moving).await? == 1 {
        Ok(())
    } else {
        Err(WriteError::Contradicted("another writer has moved the checkpoint".to_owned()))
    }
}

async fn records(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let outcomes =
        gathered.outcomes.iter().map(|(at, outcome)| [at.seq.into(), at.time.into(), Value::from(*outcome)]);
    transaction.insert(&tables::OUTCOMES, outcomes.collect()).await?;
    let blocks = gathered.blocks.iter().map(|seen| {
        [
            seen.record_seq.into(),
            seen.block.id.as_bytes().into(),
            seen.block.author.as_bytes().into(),
            seen.lane_seq.into(),
        ]
    });
    transaction.insert(&tables::BLOCKS, blocks.collect()).await?;
    let touched =
        gathered.account_records.iter().map(|(account, seq)| [account.as_bytes().into(), (*seq).into()]);
    Ok(transaction.insert(&tables::ACCOUNT_RECORDS, touched.collect()).await?)
}

/// Accounts, what they have at stake, their keys, their balances.
async fn holders(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let accounts = gathered
        .accounts
        .iter()
        .map(|(account, seen)| [account.as_bytes().into(), seen.last.seq.into(), bytes(seen.state)]);
    transaction.insert(&tables::ACCOUNTS, accounts.collect()).await?;
    let trust = gathered
        .trust
        .iter()
        .map(|(account, seen)| [account.as_bytes().into(), seen.last.seq.into(), bytes(seen.state)]);
    transaction.insert(&tables::TRUST, trust.collect()).await?;
    let keys = gathered.keys.iter().map(|(key, seen)| {
        let account = seen.state.account.as_bytes();
        let (named, updated) = (seen.first.seq, seen.last.seq);
        [key.as_bytes().into(), account.into(), named.into(), updated.into(), bytes(seen.state)]
    });
    transaction.insert(&tables::KEYS, keys.collect()).await?;
    let balances = gathered.balances.iter().map(|((account, asset), seen)| {
        let asset = i64::from(asset.get());
        [account.as_bytes().into(), asset.into(), seen.last.seq.into(), bytes(seen.state)]
    });
    Ok(transaction.insert(&tables::BALANCES, balances.collect()).await?)
}

async fn orders(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let orders = gathered.orders.iter().map(|((key, seq, op), seen)| {
        [
            key.as_bytes().into(),
            (*seq).into(),
            i64::from(*op).into(),
            seen.state.account.as_bytes().into(),
            i64::from(seen.state.market.get()).into(),
            matches!(seen.state.status, OrderStatus::Open | OrderStatus::Sleeping).into(),
            seen.first.seq.into(),
            seen.first.index.into(),
            seen.first.time.into(),
            seen.last.seq.into(),
            seen.last.time.into(),
            bytes(seen.state),
            gathered.terms.get(&(*key, *seq, *op)).map_or(Value::Absent, |terms| bytes(*terms)),
            seen.state.client_id.as_ref().map_or(Value::Absent, |name| Value::from(name.as_bytes())),
        ]
    });
    transaction.insert(&tables::ORDERS, orders.collect()).await?;
    let amendments = gathered.amendments.iter().map(|((key, seq, op), record)| {
        [key.as_bytes().into(), (*seq).into(), i64::from(*op).into(), (*record).into()]
    });
    Ok(transaction.insert(&tables::AMENDMENTS, amendments.collect()).await?)
}

async fn auctions(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let auctions = gathered.auctions.iter().map(|(market, at, state)| {
        [i64::from(market.get()).into(), at.seq.into(), at.index.into(), at.time.into(), bytes(state)]
    });
    Ok(transaction.insert(&tables::AUCTIONS, auctions.collect()).await?)
}

async fn protections(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let protections = gathered.protections.iter().map(|((account, market), (at, state))| {
        [
            account.as_bytes().into(),
            i64::from(market.get()).into(),
            state.protection.is_some().into(),
            at.seq.into(),
            at.time.into(),
            bytes(state),
        ]
    });
    Ok(transaction.insert(&tables::PROTECTIONS, protections.collect()).await?)
}

async fn trades(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let trades = gathered.trades.iter().map(|((market, number), seen)| {
        [
            i64::from(market.get()).into(),
            (*number).into(),
            seen.first.seq.into(),
            seen.first.index.into(),
            seen.first.time.into(),
            seen.state.taker_account.as_bytes().into(),
            seen.state.maker_account.as_bytes().into(),
            bytes(&seen.state.taker),
            bytes(&seen.state.maker),
            seen.state.deal.as_bytes().into(),
            bytes(seen.state),
        ]
    });
    Ok(transaction.insert(&tables::TRADES, trades.collect()).await?)
}

/// Folds new trades into the candles that are there: sums past 63 bits are beyond SQL, so it is done here.
async fn candles(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    for ((market, interval), folded) in &gathered.candles {
        let stored = stored_candles(transaction, *market, *interval, folded).await?;
        let rows = folded.iter().map(|(start, folded)| {
            let candle = stored.get(start).map_or(folded.candle, |stored| stored.then(folded.candle));
            [
                i64::from(market.get()).into(),
                length(*interval).into(),
                (*start).into(),
                folded.last_seq.into(),
                bytes(&candle),
            ]
        });
        transaction.insert(&tables::CANDLES, rows.collect()).await?;
    }
    Ok(())
}

/// An interval's length as its column holds it; a day's microseconds are far below 2⁶³.
pub(super) fn length(interval: CandleInterval) -> i64 {
    crate::sql::bound(interval.length_us())
}

/// The candles that are there from the first start among `folded` to the last.
async fn stored_candles(
    transaction: &mut Transaction<'_>,
    market: MarketId,
    interval: CandleInterval,
    folded: &BTreeMap<i64, Folded>,
) -> Result<BTreeMap<i64, Candle>, WriteError> {
    let (Some((first, _)), Some((last, _))) = (folded.first_key_value(), folded.last_key_value()) else {
        return Ok(BTreeMap::new());
    };
    let mut query = Statement::new("SELECT start, state FROM candles WHERE market = ");
    query.bind(i64::from(market.get())).push(" AND interval_us = ").bind(length(interval));
    query.push(" AND start >= ").bind(*first).push(" AND start <= ").bind(*last);
    let rows = transaction.rows(query).await?;
    rows.iter().map(|row| Ok((row.number("start")?, state(row)?))).collect()
}

/// The seller's number in canonical bytes. Settlement's own name for it is out of reach: the arrow ends at the engine.
const SELLER: u8 = 0;

/// Who has to pay now, if anybody.
fn due_by(state: &DealState) -> Value<'_> {
    let payer = state.deal.due().map(|due| {
        let account = if due.party as u8 == SELLER { &state.seller } else { &state.buyer };
        account.as_bytes()
    });
    payer.into()
}

async fn deals(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let deals = gathered.deals.iter().map(|(id, seen)| {
        [
            id.as_bytes().into(),
            seen.state.seller.as_bytes().into(),
            seen.state.buyer.as_bytes().into(),
            due_by(seen.state),
            (!seen.state.deal.state().is_closed()).into(),
            (!seen.state.deal.state().is_closed() || !seen.state.deal.kept_base().is_zero()).into(),
            seen.first.seq.into(),
            seen.first.index.into(),
            seen.last.seq.into(),
            seen.last.time.into(),
            bytes(seen.state),
        ]
    });
    transaction.insert(&tables::DEALS, deals.collect()).await?;
    deal_extras(transaction, gathered).await?;
    payments(transaction, gathered).await?;
    let touched = gathered.deal_records.iter().map(|(deal, seq)| [deal.as_bytes().into(), (*seq).into()]);
    Ok(transaction.insert(&tables::DEAL_RECORDS, touched.collect()).await?)
}

/// Adds to what is there: sums past 63 bits are beyond SQL, so it is done here.
async fn deal_extras(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let deals: Vec<DealId> = gathered.deal_extras.keys().copied().collect();
    let mut stored = BTreeMap::new();
    for some in deals.chunks(DEALS_AT_ONCE) {
        let rows = transaction.rows(super::query::extras_of(some)).await?;
        for row in &rows {
            let (deal, extras): (DealId, DealExtras) = parse::extras(row)?;
            stored.insert(deal, extras);
        }
    }
    let rows = gathered.deal_extras.iter().map(|(deal, (seq, extras))| {
        let sum = stored.remove(deal).unwrap_or_default().then(extras);
        [deal.as_bytes().into(), (*seq).into(), bytes(&sum)]
    });
    Ok(transaction.insert(&tables::DEAL_EXTRAS, rows.collect()).await?)
}

async fn payments(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let payments = gathered.payments.iter().map(|((txid, output), seen)| {
        [
            txid.as_bytes().into(),
            i64::from(*output).into(),
            seen.state.deal.as_bytes().into(),
            seen.first.seq.into(),
            seen.first.index.into(),
            seen.last.seq.into(),
            seen.last.time.into(),
            bytes(seen.state),
        ]
    });
    Ok(transaction.insert(&tables::PAYMENTS, payments.collect()).await?)
}

async fn proposals(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let proposals = gathered.proposals.iter().map(|(proposal, seen)| {
        [
            proposal.as_bytes().into(),
            seen.state.to.as_bytes().into(),
            (seen.state.status == ProposalStatus::Waiting).into(),
            seen.first.seq.into(),
            seen.first.time.into(),
            seen.last.seq.into(),
            bytes(seen.state),
        ]
    });
    Ok(transaction.insert(&tables::PROPOSALS, proposals.collect()).await?)
}

/// Defaults and forks, for everybody.
async fn breaches(transaction: &mut Transaction<'_>, gathered: &Gathered<'_>) -> Written {
    let defaults = gathered.defaults.iter().map(|(at, notice)| {
        [at.seq.into(), at.index.into(), at.time.into(), notice.deal.as_bytes().into(), bytes(*notice)]
    });
    transaction.insert(&tables::DEFAULTS, defaults.collect()).await?;
    let forks = gathered
        .forks
        .iter()
        .map(|(at, notice)| [at.seq.into(), at.index.into(), at.time.into(), bytes(*notice)]);
    Ok(transaction.insert(&tables::FORKS, forks.collect()).await?)
}
