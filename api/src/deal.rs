//! Deals on the wire.

use crate::{DealChain, DealPayment, Payee, ProvenRecord, Receipt};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A deal between two accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deal {
    /// Its id.
    pub deal: String,
    /// The market.
    pub market: String,
    /// The order that arrived.
    pub taker: String,
    /// The order that rested.
    pub maker: String,
    /// `buy` or `sell`.
    pub taker_side: String,
    /// Who sends base.
    pub seller: String,
    /// Who sends quote.
    pub buyer: String,
    /// What the seller sends in all, in base.
    pub base_total: String,
    /// What the buyer sends in all, in quote.
    pub quote_total: String,
    /// How much the seller lets the buyer owe, in quote.
    pub seller_cap: String,
    /// How much the buyer lets the seller owe, in quote.
    pub buyer_cap: String,
    /// How the base is paid: `token`, `attested` or `bitcoin`.
    pub base_rail: String,
    /// How the quote is paid.
    pub quote_rail: String,
    /// What the seller has sent, in base.
    pub base_sent: String,
    /// What the buyer has sent, in quote.
    pub quote_sent: String,
    /// The quote value of what the seller has sent.
    pub base_sent_value: String,
    /// `open`, `disputed`, `defaulted`, `settled`, `cured`, `written_off`, `resolved` or `netted`.
    pub state: String,
    /// `seller` or `buyer`: who is to blame for a dispute or default, who cured it, or who wrote the deal off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What the victim of a default lost before anything covered it, in quote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<String>,
    /// How much of the loss the defaulter's bond covered, in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<String>,
    /// How many tokens of that bond the victim was paid, in BWT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slashed: Option<String>,
    /// Fees taken so far out of what was delivered; in lists and answers, not in updates of the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fees: Option<DealFees>,
    /// Of a deal that replaces two: what counted as sent from the start. Included in `base_sent_value`, not in
    /// `quote_sent`: nothing was moved for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Carried>,
    /// The two deals that it replaces, the older first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaces: Vec<String>,
    /// The deal that it was netted with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub netted_with: Option<String>,
    /// The deal that goes on instead of it and the one that it was netted with; absent if nothing was left of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// The payment that is due now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// The payment that waits for its acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
    /// Where the payee wants to be paid on the chain, once it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payee: Option<Payee>,
    /// How far its payments have come, if its quote is paid on the Bitcoin chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<DealChain>,
    /// The payments on the chain that this record changed; in updates of the channel, not in lists and answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<DealPayment>,
    /// When it was opened.
    pub opened_us: u64,
    /// The record that last changed it.
    pub seq: u64,
}

/// The price difference between two deals that one replaces, carried over as something sent, in quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Carried {
    /// By the seller.
    pub seller: String,
    /// By the buyer.
    pub buyer: String,
}

/// Fees taken out of what a deal delivered, in BWT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DealFees {
    /// As the maker's fee. Both count as paid by whoever would have had the tokens.
    pub maker: String,
    /// As the taker's fee.
    pub taker: String,
}

/// A payment that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Due {
    /// `seller` or `buyer`.
    pub party: String,
    /// The account behind it.
    pub account: String,
    /// The tranche to name. 0: nothing is to be paid, the payee of a deal on the chain has to name its script.
    pub tranche: u32,
    /// The cumulative amount to name, in the payer's own asset.
    pub cumulative: String,
    /// The same in smallest units: the number that goes into the block.
    pub cumulative_units: String,
    /// This tranche alone, in the payer's own asset.
    pub amount: String,
    /// Until when.
    pub deadline_us: u64,
}

/// A payment that waits for its acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InFlight {
    /// The block to acknowledge.
    pub proposal: String,
    /// Who paid: `seller` or `buyer`.
    pub party: String,
    /// The tranche.
    pub tranche: u32,
    /// The cumulative amount, in the payer's own asset.
    pub cumulative: String,
    /// This tranche alone, in the payer's own asset.
    pub amount: String,
    /// Since when.
    pub since_us: u64,
}

/// Which deals of the account that logged in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DealQuery {
    /// `me` or `them`: only deals where that side must pay now.
    #[param(pattern = "^(me|them)$")]
    pub due_by: Option<String>,
    /// Only open ones, unless this is true.
    pub closed: Option<bool>,
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Some deals, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DealPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The deals.
    pub deals: Vec<Deal>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// All that a third party needs to judge a deal, each step with its proof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The network.
    pub network: u32,
    /// The node's key, which signed all the receipts.
    pub node: String,
    /// The deal as it stands.
    pub deal: Deal,
    /// The taker's signed order. Its record is the match, unless `matched` is another: the outcome there holds the trade
    /// and the deal's terms.
    pub taker_order: ProvenRecord,
    /// The maker's signed order.
    pub maker_order: ProvenRecord,
    /// What the two orders were amended to before the match, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amendments: Vec<ProvenRecord>,
    /// The record of the match where it is not the taker's own: the end of an auction, the trade that woke an order that
    /// slept, an amendment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<ProvenRecord>,
    /// The payments, in order.
    pub payments: Vec<ProvenRecord>,
    /// The acknowledgements, in order.
    pub acknowledgements: Vec<ProvenRecord>,
    /// The payee's signed `receive` block, if the deal is paid on the chain and the payee has named its script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive: Option<ProvenRecord>,
    /// The proofs of payments on the chain, in order: commands of kind `payment` with transaction and Merkle branch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain_payments: Vec<ProvenRecord>,
    /// The `register`, `grant` and `rotate` blocks by which the keys that signed orders and `receive` are those of the
    /// deal's accounts: an account is the id of its `register` block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<ProvenRecord>,
    /// The record that closed the deal, if it is closed.
    pub close: Option<ProvenRecord>,
}

/// A fill of one of the account's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fill {
    /// The market.
    pub market: String,
    /// The trade's number there.
    pub number: u64,
    /// The account's order.
    pub order: String,
    /// `taker` or `maker`.
    pub role: String,
    /// What the account does: `buy` or `sell`.
    pub side: String,
    /// The price.
    pub price: String,
    /// How much.
    pub quantity: String,
    /// The deal that settles it.
    pub deal: String,
    /// The record that made it: mostly the taker's block.
    pub seq: u64,
    /// When.
    pub time_us: u64,
    /// The fees that were taken so far out of the tokens that came to the account for it, in BWT; in lists, not in the
    /// channel, and only once there were any. Of a deal of several fills each has the share of its quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<String>,
    /// The proof of that record, which holds the trade; in the channel with the first fill of each record only, in lists
    /// never: `GET /v1/blocks/{id}` has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Which fills of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FillQuery {
    /// Only on this market (BASE-QUOTE).
    pub market: Option<String>,
    /// Only of this order of the account: KEY:SEQ:OP.
    #[param(pattern = "^[0-9a-f]{64}:[0-9]{1,19}:[0-9]{1,2}$")]
    pub order: Option<String>,
    /// Where the page before ended: its `next_cursor`, as it is.
    #[param(pattern = "^[A-Za-z0-9_-]+$", max_length = 200)]
    pub cursor: Option<String>,
    /// How many, at most 1000; 100 if absent.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
}

/// Some fills, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FillPage {
    /// The record up to which the answer is true.
    pub seq: u64,
    /// The fills.
    pub fills: Vec<Fill>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// A movement within a deal that is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tranche {
    /// Its number: a payment and what is delivered for it may have the same one.
    pub number: u32,
    /// Who sent: `seller` or `buyer`.
    pub party: String,
    /// What the party has sent in all by then, in its own asset.
    pub cumulative: String,
    /// This tranche alone.
    pub amount: String,
    /// What of it arrived after fees, if the tokens moved on the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<String>,
    /// The `pay` block, if the payment was claimed by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<String>,
    /// The `acknowledge` block that made it final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// The record that made it final.
    pub seq: u64,
    /// When.
    pub time_us: u64,
}

/// Some tranches of a deal, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranchePage {
    /// The deal.
    pub deal: String,
    /// The record up to which this is true.
    pub seq: u64,
    /// The tranches.
    pub tranches: Vec<Tranche>,
    /// Give this as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}
