//! Decisions of the operator. The engine knows no other settings, so replay never depends on a configuration file.

use super::bitcoin::{BitcoinTerms, PaymentTerms};
use super::trust::{Fees, TrustTerms};
use bandex_types::{AccountId, Amount, AssetId, MarketId, Rail, Ratio};
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// The most changes in one block.
pub const MAX_CHANGES: usize = 100;

/// The longest symbol that is read at all; the rules allow fewer.
const MAX_SYMBOL_BYTES: usize = 64;

/// Changes that succeed or fail one by one, in order.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct Configure {
    /// One to [`MAX_CHANGES`].
    pub changes: Vec<Change>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Change {
    /// Names an asset.
    ListAsset(AssetListing) = 0,
    /// Opens a market.
    ListMarket(MarketListing) = 1,
    /// Halts or reopens a market.
    SetMarketState {
        /// Which.
        market: MarketId,
        /// From now on.
        state: MarketState,
    } = 2,
    /// Sets how much others may let an account owe in all.
    SetLimit {
        /// Whose.
        account: AccountId,
        /// The limit G in the unit of account; none returns it to the dust of [`Parameters`].
        #[serde(deserialize_with = "present")]
        limit: Option<Amount>,
    } = 3,
    /// Sets how far below zero an account's tokens may go.
    SetCreditLine {
        /// Whose.
        account: AccountId,
        /// In bytes.
        line: Amount,
    } = 4,
    /// Sets the parameters of all accounts.
    SetParameters(Parameters) = 5,
    /// Grants tokens out of the issuance account.
    Issue {
        /// To whom.
        to: AccountId,
        /// In bytes.
        amount: Amount,
    } = 6,
    /// Freezes or thaws an account by decision.
    SetFrozen {
        /// Whose.
        account: AccountId,
        /// From now on.
        frozen: bool,
    } = 7,
    /// Sets the rules of a market's trading.
    SetMarketRules {
        /// Which.
        market: MarketId,
        /// From now on.
        rules: MarketRules,
    } = 8,
    /// Sets how limits are earned and who is admitted.
    SetTrust(TrustTerms) = 9,
    /// Sets what an asset is worth in the unit of account.
    SetRate {
        /// Which asset.
        asset: AssetId,
        /// Millisatoshi for a smallest unit; without one a unit of an outside asset counts as one millisatoshi, and
        /// tokens count for nothing.
        #[serde(deserialize_with = "present")]
        rate: Option<Ratio>,
    } = 10,
    /// Makes an account one from which the walks of the trust graph begin, or ends that.
    SetSeed {
        /// Whose.
        account: AccountId,
        /// From now on.
        seed: bool,
    } = 11,
    /// Makes an account one whose certificates admit others, or ends that and all its certificates.
    SetRegistrar {
        /// Whose.
        account: AccountId,
        /// From now on.
        registrar: bool,
    } = 12,
    /// Sets what a market's trading costs.
    SetFees {
        /// Which market.
        market: MarketId,
        /// From the next delivery on.
        fees: Fees,
    } = 13,
    /// Names the Bitcoin network and the header that its chain is followed from; once.
    SetBitcoin(BitcoinTerms) = 14,
    /// Sets what a market asks of payments on the Bitcoin chain.
    SetPayments {
        /// Which market.
        market: MarketId,
        /// For deals that are opened from now on.
        terms: PaymentTerms,
    } = 15,
}

/// An asset.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssetListing {
    /// Its number.
    pub id: AssetId,
    /// Its name: 2 to 8 capital letters or digits.
    pub symbol: String,
    /// One whole unit is ten to this power smallest units; at most 18.
    pub decimals: u8,
    /// How it is paid.
    pub rail: Rail,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketListing {
    /// Its number.
    pub id: MarketId,
    /// What is traded.
    pub base: AssetId,
    /// What it is paid with.
    pub quote: AssetId,
    /// Smallest base units a lot.
    pub lot_units: u64,
    /// Smallest quote units = lots × ticks × this.
    pub tick_value: Ratio,
    /// The smallest tranche worth its handling on the rails, in quote units.
    pub least_tranche: Amount,
    /// How long the due party has to pay a tranche, in microseconds.
    pub pay_us: u64,
    /// How long a payee has to acknowledge a payment, in microseconds.
    pub acknowledge_us: u64,
}

/// What a market does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum MarketState {
    /// Everything.
    Trading = 0,
    /// Takes orders off, takes none on.
    CancelOnly = 1,
    /// Nothing moves, cancels included.
    Halted = 2,
    /// Gathers orders without matching them; the change to trading matches them all at one price.
    Auction = 3,
}

/// How a market trades, beside its listing. Every field at 0 is a market without bands and bounds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct MarketRules {
    /// How far from the reference price a trade may be, in parts per million of it; 0: any distance. A trade beyond
    /// halts the market.
    pub band_ppm: u32,
    /// How long such a halt lasts before orders are gathered for an auction, in microseconds; 0: until the operator
    /// decides.
    pub halt_us: u64,
    /// How long an auction gathers, in microseconds; 0: until the operator decides.
    pub auction_us: u64,
    /// How many open orders an account may have on the market, sleeping ones included; 0: any number.
    pub most_orders: u32,
}

/// Parameters of all accounts.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The limit of an account that has none of its own, in the unit of account.
    pub dust: Amount,
    /// The share of a counterparty's free limit that one deal may draw, in parts per million.
    pub share_ppm: u32,
    /// Open bids and unsettled purchases of an account stay below this multiple of its limit.
    pub bid_multiple: u32,
    /// Zero bits that a register block's id must begin with.
    pub register_work_bits: u8,
    /// How long an unanswered `bandwidth` proposal stays open, in microseconds.
    pub proposal_us: u64,
}

/// In JSON the field must be there, null or not: a misspelt name must not take a limit away.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    <Option<T> as Deserialize>::deserialize(deserializer)
}

impl Configure {
    /// The rules that need no state.
    ///
    /// # Errors
    /// Too few or too many changes, or a symbol that is too long.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.changes.is_empty() || self.changes.len() > MAX_CHANGES {
            return Err("a configure block holds 1 to 100 changes");
        }
        let too_long = |change: &Change| matches!(change, Change::ListAsset(asset) if asset.symbol.len() > MAX_SYMBOL_BYTES);
        if self.changes.iter().any(too_long) {
            Err("a symbol has 2 to 8 capital letters or digits")
        } else {
            Ok(())
        }
    }
}

impl Default for Parameters {
    /// What holds from genesis until the operator says otherwise.
    fn default() -> Self {
        Self {
            dust: Amount::new(10_000),
            share_ppm: 250_000,
            bid_multiple: 1_000,
            register_work_bits: 8,
            proposal_us: 7 * 24 * 3_600 * 1_000_000,
        }
    }
}
