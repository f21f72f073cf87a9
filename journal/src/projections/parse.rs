//! From the stores' rows to ours. Errors are words that name the column.

use super::extras::DealExtras;
use super::rows::{
    AuctionRow, BlockRow, CandleRow, Cursor, DealRow, DefaultRow, ForkRow, OrderRow, OutcomeRow, PaymentRow,
    ProtectionRow, TradeRow,
};
use crate::sql::{Row, fixed, time, unsigned};
use bandex_engine::{DealState, OrderTerms, TrustState};
use bandex_types::{BlockId, DealId, MarketId, PublicKey, Timestamp};
use borsh::BorshDeserialize;

pub(super) fn number(row: &Row, column: &str) -> Result<u64, String> {
    unsigned(column, row.number(column)?)
}

pub(super) fn instant(row: &Row, column: &str) -> Result<Timestamp, String> {
    time(column, row.number(column)?)
}

fn bytes<const N: usize>(row: &Row, column: &str) -> Result<[u8; N], String> {
    fixed(column, row.bytes(column)?)
}

pub(super) fn optional<const N: usize>(row: &Row, column: &str) -> Result<Option<[u8; N]>, String> {
    row.optional_bytes(column)?.map(|stored| fixed(column, stored)).transpose()
}

/// The state in a row's canonical bytes.
pub(super) fn state<T: BorshDeserialize>(row: &Row) -> Result<T, String> {
    T::try_from_slice(row.bytes("state")?).map_err(|error| format!("a stored state: {error}"))
}

pub(super) fn cursor(row: &Row, seq: &str, index: &str) -> Result<Cursor, String> {
    let stored = number(row, index)?;
    let index = u32::try_from(stored).map_err(|_| format!("{index} is {stored}"))?;
    Ok(Cursor { seq: number(row, seq)?, index })
}

pub(super) fn block(row: &Row) -> Result<BlockRow, String> {
    Ok(BlockRow {
        record_seq: number(row, "record_seq")?,
        id: BlockId::new(bytes(row, "id")?),
        author: PublicKey::new(bytes(row, "author")?),
        lane_seq: number(row, "lane_seq")?,
    })
}

pub(super) fn order(row: &Row) -> Result<OrderRow, String> {
    Ok(OrderRow {
        state: state(row)?,
        terms: optional_terms(row)?,
        placed: cursor(row, "placed_seq", "placed_index")?,
        placed_time: instant(row, "placed_time")?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: instant(row, "updated_time")?,
    })
}

pub(super) fn optional_terms(row: &Row) -> Result<Option<OrderTerms>, String> {
    row.optional_bytes("terms")?.map(terms).transpose()
}

fn terms(stored: &[u8]) -> Result<OrderTerms, String> {
    OrderTerms::try_from_slice(stored).map_err(|error| format!("stored terms: {error}"))
}

pub(super) fn order_terms(row: &Row) -> Result<OrderTerms, String> {
    terms(row.bytes("terms")?)
}

pub(super) fn auction(row: &Row) -> Result<AuctionRow, String> {
    Ok(AuctionRow {
        state: state(row)?,
        at: cursor(row, "record_seq", "record_index")?,
        time: instant(row, "time")?,
    })
}

pub(super) fn protection(row: &Row) -> Result<ProtectionRow, String> {
    let market = number(row, "market")?;
    Ok(ProtectionRow {
        market: MarketId::new(u32::try_from(market).map_err(|_| format!("market is {market}"))?),
        state: state(row)?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: instant(row, "updated_time")?,
    })
}

pub(super) fn trade(row: &Row) -> Result<TradeRow, String> {
    Ok(TradeRow {
        trade: state(row)?,
        at: cursor(row, "record_seq", "record_index")?,
        time: instant(row, "time")?,
    })
}

pub(super) fn deal(row: &Row) -> Result<DealRow, String> {
    Ok(DealRow {
        state: state(row)?,
        opened: cursor(row, "opened_seq", "opened_index")?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: instant(row, "updated_time")?,
    })
}

pub(super) fn default(row: &Row) -> Result<DefaultRow, String> {
    let deal = DealState::try_from_slice(row.bytes("deal")?);
    Ok(DefaultRow {
        notice: state(row)?,
        deal: deal.map_err(|error| format!("a stored deal: {error}"))?,
        at: cursor(row, "record_seq", "record_index")?,
        time: instant(row, "time")?,
    })
}

pub(super) fn fork(row: &Row) -> Result<ForkRow, String> {
    Ok(ForkRow {
        notice: state(row)?,
        at: cursor(row, "record_seq", "record_index")?,
        time: instant(row, "time")?,
    })
}

pub(super) fn payment(row: &Row) -> Result<PaymentRow, String> {
    Ok(PaymentRow {
        state: state(row)?,
        first: cursor(row, "first_seq", "first_index")?,
        updated_seq: number(row, "updated_seq")?,
        updated_time: instant(row, "updated_time")?,
    })
}

pub(super) fn stake(row: &Row) -> Result<Option<TrustState>, String> {
    let read =
        |stored| TrustState::try_from_slice(stored).map_err(|error| format!("a stored stake: {error}"));
    row.optional_bytes("stake")?.map(read).transpose()
}

pub(super) fn extras(row: &Row) -> Result<(DealId, DealExtras), String> {
    Ok((DealId::new(bytes(row, "deal")?), state(row)?))
}

pub(super) fn outcome(row: &Row) -> Result<OutcomeRow, String> {
    let outcome = row.bytes("outcome")?.to_vec();
    Ok(OutcomeRow { seq: number(row, "seq")?, time: instant(row, "time")?, outcome })
}

pub(super) fn candle(row: &Row) -> Result<CandleRow, String> {
    Ok(CandleRow {
        start: instant(row, "start")?,
        candle: state(row)?,
        updated_seq: number(row, "updated_seq")?,
    })
}
