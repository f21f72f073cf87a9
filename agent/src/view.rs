//! A deal as the exchange tells it, in numbers instead of texts. Nothing is believed yet.

use bandex_sdk::api::{Deal, DealChain, Due, InFlight, Payee, ScaleError};
use bandex_sdk::types::{AccountId, Amount, BlockId, DealId, OrderRef, Rail, Rounding, Side, Timestamp};
use bandex_sdk::{AssetInfo, MarketInfo, Markets, WireError, parse};
use bandex_settlement::{Party, Sent, State, Terms};
use std::sync::Arc;

/// Why a deal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// A field is not what it should be.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The market is not listed, or was not when the listing was fetched.
    #[error("market {0:?} is not known")]
    UnknownMarket(String),
}

/// A deal in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealView {
    /// Its id.
    pub id: DealId,
    /// The market.
    pub market: Arc<MarketInfo>,
    /// The order that arrived.
    pub taker: OrderRef,
    /// The order that rested.
    pub maker: OrderRef,
    /// What the order that arrived does.
    pub taker_side: Side,
    /// Who sends base.
    pub seller: AccountId,
    /// Who sends quote.
    pub buyer: AccountId,
    /// Totals, caps, rails and deadlines.
    pub terms: Terms,
    /// What each side has sent, in quote value, with what was carried over.
    pub sent: Sent,
    /// What counted as sent from the start, in quote value: only of a deal that took the place of two.
    pub carried: Sent,
    /// The two deals whose place it took, the older first.
    pub replaces: Option<[DealId; 2]>,
    /// What the seller has sent, in smallest base units.
    pub base_sent: Amount,
    /// Where it stands.
    pub state: State,
    /// What the victim of a default lost, in quote.
    pub loss: Amount,
    /// The payment that is due.
    pub due: Option<DueView>,
    /// The payment that waits for its acknowledgement.
    pub in_flight: Option<InFlightView>,
    /// How far its payments on the chain have come, if it is paid there.
    pub chain: Option<ChainView>,
    /// The record that last changed it.
    pub seq: u64,
}

/// Payments of a deal on the Bitcoin chain, as the exchange tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainView {
    /// What the buyer is asked to have paid in all.
    pub demand: Amount,
    /// The number of that demand, from 1; 0 before the payee has named its script.
    pub number: u32,
    /// What is in a block of the chain.
    pub included: Amount,
    /// What is confirmed often enough to count as paid.
    pub paid: Amount,
    /// What is final.
    pub buried: Amount,
    /// Where the payee wants to be paid.
    pub payee: Option<PayeeView>,
}

/// Where a payee wants to be paid, as the exchange tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayeeView {
    /// The output script.
    pub script: Vec<u8>,
    /// The block in which the payee says so.
    pub block: BlockId,
}

/// A payment that the exchange says is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueView {
    /// By whom.
    pub party: Party,
    /// The account behind it.
    pub account: AccountId,
    /// The tranche.
    pub tranche: u32,
    /// The cumulative amount for reading, in smallest units of the payer's leg.
    pub cumulative: Amount,
    /// The cumulative amount for the block; must be the same.
    pub cumulative_units: Amount,
    /// This tranche alone.
    pub amount: Amount,
    /// Until when.
    pub deadline: Timestamp,
}

/// A payment that the exchange says is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightView {
    /// The block to acknowledge.
    pub proposal: BlockId,
    /// Who paid.
    pub party: Party,
    /// The tranche.
    pub tranche: u32,
    /// The cumulative amount, in smallest units of the payer's leg.
    pub cumulative: Amount,
    /// This tranche alone.
    pub amount: Amount,
}

fn word<T: Copy>(field: &'static str, text: &str, words: &[(&str, T)]) -> Result<T, WireError> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| WireError { field, why: format!("{text:?}") })
}

fn scaled<T>(field: &'static str, result: Result<T, ScaleError>) -> Result<T, WireError> {
    result.map_err(|error| WireError { field, why: error.to_string() })
}

fn party(field: &'static str, text: &str) -> Result<Party, WireError> {
    word(field, text, &[("seller", Party::Seller), ("buyer", Party::Buyer)])
}

fn rail(field: &'static str, text: &str) -> Result<Rail, WireError> {
    word(field, text, &[("token", Rail::Token), ("attested", Rail::Attested), ("bitcoin", Rail::Bitcoin)])
}

fn state(deal: &Deal) -> Result<State, WireError> {
    let by = || party("by", deal.by.as_deref().unwrap_or_default());
    match deal.state.as_str() {
        "open" => Ok(State::Open),
        "settled" => Ok(State::Settled),
        "disputed" => Ok(State::Disputed { by: by()? }),
        "defaulted" => Ok(State::Defaulted { by: by()? }),
        "cured" => Ok(State::Cured { by: by()? }),
        "written_off" => Ok(State::WrittenOff { by: by()? }),
        "resolved" => Ok(State::Resolved),
        "netted" => Ok(State::Netted),
        other => Err(WireError { field: "state", why: format!("{other:?}") }),
    }
}

fn replaces(deal: &Deal) -> Result<Option<[DealId; 2]>, WireError> {
    match deal.replaces.as_slice() {
        [] => Ok(None),
        [older, newer] => Ok(Some([parse("replaces", older)?, parse("replaces", newer)?])),
        other => Err(WireError { field: "replaces", why: format!("{} deals", other.len()) }),
    }
}

fn terms(deal: &Deal, market: &MarketInfo) -> Result<Terms, WireError> {
    let quote = |field, text: &str| scaled(field, market.quote.scale.parse(text));
    Ok(Terms {
        base_total: scaled("base_total", market.base.scale.parse(&deal.base_total))?,
        quote_total: quote("quote_total", &deal.quote_total)?,
        seller_cap: quote("seller_cap", &deal.seller_cap)?,
        buyer_cap: quote("buyer_cap", &deal.buyer_cap)?,
        base_rail: rail("base_rail", &deal.base_rail)?,
        quote_rail: rail("quote_rail", &deal.quote_rail)?,
        pay_us: market.pay_us,
        acknowledge_us: market.acknowledge_us,
    })
}

impl DueView {
    fn read(due: &Due, market: &MarketInfo) -> Result<Self, WireError> {
        let party = party("due.party", &due.party)?;
        let scale = asset_of(market, party).scale;
        Ok(Self {
            party,
            account: parse("due.account", &due.account)?,
            tranche: due.tranche,
            cumulative: scaled("due.cumulative", scale.parse(&due.cumulative))?,
            cumulative_units: parse("due.cumulative_units", &due.cumulative_units)?,
            amount: scaled("due.amount", scale.parse(&due.amount))?,
            deadline: Timestamp::from_micros(due.deadline_us),
        })
    }
}

impl InFlightView {
    fn read(in_flight: &InFlight, market: &MarketInfo) -> Result<Self, WireError> {
        let party = party("in_flight.party", &in_flight.party)?;
        let scale = asset_of(market, party).scale;
        Ok(Self {
            proposal: parse("in_flight.proposal", &in_flight.proposal)?,
            party,
            tranche: in_flight.tranche,
            cumulative: scaled("in_flight.cumulative", scale.parse(&in_flight.cumulative))?,
            amount: scaled("in_flight.amount", scale.parse(&in_flight.amount))?,
        })
    }
}

impl ChainView {
    fn read(deal: &Deal, chain: &DealChain, market: &MarketInfo) -> Result<Self, WireError> {
        let quote = |field, text: &str| scaled(field, market.quote.scale.parse(text));
        Ok(Self {
            demand: quote("chain.demand", &chain.demand)?,
            number: chain.number,
            included: quote("chain.included", &chain.included)?,
            paid: quote("chain.paid", &chain.paid)?,
            buried: quote("chain.buried", &chain.buried)?,
            payee: deal.payee.as_ref().map(PayeeView::read).transpose()?,
        })
    }
}

impl PayeeView {
    fn read(payee: &Payee) -> Result<Self, WireError> {
        let script = hex::decode(&payee.script);
        let script = script.map_err(|error| WireError { field: "payee.script", why: error.to_string() })?;
        Ok(Self { script, block: parse("payee.block_id", &payee.block_id)? })
    }
}

/// The asset that a party pays with.
pub(crate) fn asset_of(market: &MarketInfo, party: Party) -> &AssetInfo {
    match party {
        Party::Seller => &market.base,
        Party::Buyer => &market.quote,
    }
}

impl DealView {
    /// Reads a deal.
    ///
    /// # Errors
    /// A field cannot be read, or the market is not known.
    pub fn read(deal: &Deal, markets: &Markets) -> Result<Self, ViewError> {
        let market = markets.market(&deal.market);
        let market = Arc::clone(market.ok_or_else(|| ViewError::UnknownMarket(deal.market.clone()))?);
        let quote = |field, text: &str| scaled(field, market.quote.scale.parse(text));
        let carried = match &deal.carried {
            Some(carried) => Sent {
                seller: quote("carried.seller", &carried.seller)?,
                buyer: quote("carried.buyer", &carried.buyer)?,
            },
            None => Sent::default(),
        };
        let paid = quote("quote_sent", &deal.quote_sent)?;
        let sent = Sent {
            seller: quote("base_sent_value", &deal.base_sent_value)?,
            // No quote moved for what was carried over.
            buyer: paid.checked_add(carried.buyer).unwrap_or(Amount::MAX),
        };
        Ok(Self {
            id: parse("deal", &deal.deal)?,
            taker: parse("taker", &deal.taker)?,
            maker: parse("maker", &deal.maker)?,
            taker_side: word("taker_side", &deal.taker_side, &[("buy", Side::Buy), ("sell", Side::Sell)])?,
            seller: parse("seller", &deal.seller)?,
            buyer: parse("buyer", &deal.buyer)?,
            terms: terms(deal, &market)?,
            sent,
            carried,
            replaces: replaces(deal)?,
            base_sent: scaled("base_sent", market.base.scale.parse(&deal.base_sent))?,
            state: state(deal)?,
            loss: deal.loss.as_deref().map_or(Ok(Amount::ZERO), |loss| quote("loss", loss))?,
            due: deal.due.as_ref().map(|due| DueView::read(due, &market)).transpose()?,
            in_flight: deal.in_flight.as_ref().map(|paid| InFlightView::read(paid, &market)).transpose()?,
            chain: deal.chain.as_ref().map(|chain| ChainView::read(deal, chain, &market)).transpose()?,
            seq: deal.seq,
            market,
        })
    }

    /// The account behind a party.
    pub const fn account(&self, party: Party) -> AccountId {
        match party {
            Party::Seller => self.seller,
            Party::Buyer => self.buyer,
        }
    }

    /// The order behind a party.
    pub const fn order(&self, party: Party) -> OrderRef {
        match (party, self.taker_side) {
            (Party::Seller, Side::Sell) | (Party::Buyer, Side::Buy) => self.taker,
            (Party::Seller, Side::Buy) | (Party::Buyer, Side::Sell) => self.maker,
        }
    }

    /// The units of its leg that a party has sent here once it has sent `value`, in quote value.
    pub fn units(&self, party: Party, value: Amount) -> Amount {
        self.terms.units_after(party, value, self.carried.by(party), Rounding::Down)
    }

    /// The asset that a party pays with.
    pub fn asset(&self, party: Party) -> &AssetInfo {
        asset_of(&self.market, party)
    }
}
