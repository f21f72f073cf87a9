//! What queries ask for and what they give.

use super::candles::Candle;
use bandex_engine::{
    DealState, DefaultNotice, ForkNotice, OrderState, OrderTerms, PaymentState, ProposalState, Trade,
};
use bandex_tradechain::body::Protection;
use bandex_types::{AccountId, BlockId, MarketId, OrderRef, Price, PublicKey, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use std::str::FromStr;

/// A place in the journal: a record, and an event within its outcome. It stays the same when projections are rebuilt,
/// so it serves as the cursor of a page: the next page is what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// The record's seq.
    pub seq: u64,
    /// The event's position within the outcome, from 0.
    pub index: u32,
}

/// `SEQ-INDEX`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.seq, self.index)
    }
}

/// A text was no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is SEQ-INDEX, as the page before gave it")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (seq, index) = text.split_once('-').ok_or(CursorError)?;
        let seq = seq.parse().map_err(|_| CursorError)?;
        Ok(Self { seq, index: index.parse().map_err(|_| CursorError)? })
    }
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// Its record.
    pub seq: u64,
    /// The record's time.
    pub time: Timestamp,
    /// The bytes that the record's digest is of.
    pub outcome: Vec<u8>,
}

/// A sequenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRow {
    /// Its record.
    pub record_seq: u64,
    /// Its id.
    pub id: BlockId,
    /// The signing key.
    pub author: PublicKey,
    /// Its place in that key's lane.
    pub lane_seq: u64,
}

/// Orders that still may trade, orders that do not any more, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderStand {
    /// Those that rest or sleep.
    #[default]
    Open,
    /// Those that were filled or cancelled.
    Closed,
    /// All.
    All,
}

/// Which orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFilter {
    /// Whose.
    pub account: AccountId,
    /// Of one market only.
    pub market: Option<MarketId>,
    /// Open ones, closed ones, or both.
    pub stand: OrderStand,
    /// Only those to which their trader gave this name.
    pub client_id: Option<String>,
}

/// Which trades of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeFilter {
    /// Whose.
    pub account: AccountId,
    /// Of one market only.
    pub market: Option<MarketId>,
    /// Of one order only.
    pub order: Option<OrderRef>,
}

/// An order as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// The order.
    pub state: OrderState,
    /// What it was placed with, if it is more than a plain limit order.
    pub terms: Option<OrderTerms>,
    /// Where it first appeared.
    pub placed: Cursor,
    /// When.
    pub placed_time: Timestamp,
    /// The last record that changed it.
    pub updated_seq: u64,
    /// When.
    pub updated_time: Timestamp,
}

/// What an auction gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AuctionState {
    /// The price of all its trades, in ticks; none if there was no trade.
    pub price: Option<Price>,
    /// What was traded, in lots.
    pub volume: u64,
}

/// An auction that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuctionRow {
    /// What it gave.
    pub state: AuctionState,
    /// Where it ended.
    pub at: Cursor,
    /// When.
    pub time: Timestamp,
}

/// The protection of an account's quotes on a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ProtectionState {
    /// What is set; none once it was ended.
    pub protection: Option<Protection>,
    /// Whether quotes were pulled.
    pub tripped: bool,
}

/// A protection as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionRow {
    /// Where.
    pub market: MarketId,
    /// What it is.
    pub state: ProtectionState,
    /// The last record that changed it.
    pub updated_seq: u64,
    /// When.
    pub updated_time: Timestamp,
}

/// A candle of one interval, by its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleRow {
    /// Where its interval begins.
    pub start: Timestamp,
    /// What was traded in it.
    pub candle: Candle,
    /// The last record with a trade in it.
    pub updated_seq: u64,
}

/// A trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRow {
    /// The trade.
    pub trade: Trade,
    /// Where it happened.
    pub at: Cursor,
    /// When.
    pub time: Timestamp,
}

/// A default, with the deal as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRow {
    /// Who did not pay, who lost how much.
    pub notice: DefaultNotice,
    /// The deal.
    pub deal: DealState,
    /// Where it was found.
    pub at: Cursor,
    /// When.
    pub time: Timestamp,
}

/// A fork that was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkRow {
    /// Whose key signed which two blocks.
    pub notice: ForkNotice,
    /// The record that holds the proof.
    pub at: Cursor,
    /// When.
    pub time: Timestamp,
}

/// Which deals. No field set means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DealFilter {
    /// Those with this account on either side.
    pub account: Option<AccountId>,
    /// Those in which this account has to pay now.
    pub due_by: Option<AccountId>,
    /// Only those that have not ended.
    pub open_only: bool,
}

/// A deal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealRow {
    /// The deal.
    pub state: DealState,
    /// Where it was opened.
    pub opened: Cursor,
    /// The last record that changed it.
    pub updated_seq: u64,
    /// When.
    pub updated_time: Timestamp,
}

/// An output on the Bitcoin chain that pays a deal's script, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentRow {
    /// The payment.
    pub state: PaymentState,
    /// Where it was first told of.
    pub first: Cursor,
    /// The last record that changed it.
    pub updated_seq: u64,
    /// When.
    pub updated_time: Timestamp,
}

/// A record that touched a deal: the match, a payment, an acknowledgement, a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DealRecord {
    /// The record.
    pub record_seq: u64,
    /// Its block; none if it was a tick. A deadline that passes is found by whatever command comes next, so the block
    /// may be a stranger's.
    pub block: Option<BlockId>,
}

/// What came of a record that touched a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealOutcomeRow {
    /// The record with its outcome.
    pub record: OutcomeRow,
    /// Its block; none if it was a tick.
    pub block: Option<BlockId>,
}

/// A proposal as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// The proposal.
    pub state: ProposalState,
    /// The record of the proposing block.
    pub proposed_seq: u64,
    /// When.
    pub proposed_time: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_wrong_ones_are_refused() {
        let cursor = Cursor { seq: 12, index: 3 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "1", "-", "1-", "-1", "1-2-3", "1-4294967296"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong}");
        }
    }
}
