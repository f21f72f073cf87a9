//! From the engine's words about the Bitcoin chain to the wire's.

use crate::view::{MarketBook, MarketInfo, View};
use bandex_api as api;
use bandex_engine::{Payee, PaymentState, PaymentStatus, least_payment};
use bandex_settlement::{Deal, OnChain, Party};
use bandex_spv::shown;
use bandex_types::{Amount, MSAT_PER_SATOSHI, Timestamp};

/// What a market asks of payments, if its quote is paid on the chain.
pub(super) fn market_payments(view: &View, book: &MarketBook) -> Option<api::MarketPayments> {
    let (terms, info) = (book.payments?, &book.market);
    let least = least_payment(view.bitcoin.fee_rate(), terms, info.listing.least_tranche);
    Some(api::MarketPayments {
        confirmations: terms.confirmations,
        final_confirmations: terms.final_confirmations,
        fee_share_ppm: terms.fee_share_ppm,
        least_payment: info.quote_scale.amount(least),
    })
}

/// Where a deal's payee wants to be paid.
pub(super) fn payee(info: &MarketInfo, payee: &Payee) -> api::Payee {
    let address = info.network.and_then(|network| bandex_spv::address(network, &payee.script));
    api::Payee {
        script: hex::encode(&payee.script),
        address: address.unwrap_or_default(),
        block_id: payee.block.to_string(),
        height: payee.height,
    }
}

/// How far a deal's payments have come.
pub(super) fn chain(info: &MarketInfo, deal: &Deal, chain: &OnChain) -> api::DealChain {
    let value = |amount: Amount| info.quote_scale.amount(amount);
    let surplus = deal.surplus();
    api::DealChain {
        demand: value(chain.demand),
        demand_satoshi: chain.demand.get().div_ceil(MSAT_PER_SATOSHI),
        number: chain.number,
        included: value(chain.counted.included),
        paid: value(chain.counted.paid),
        buried: value(chain.counted.buried),
        delivered: value(deal.sent(Party::Seller)),
        surplus: (!surplus.is_zero()).then(|| value(surplus)),
        least_payment: value(chain.terms.least),
        confirmations: chain.terms.confirmations,
        final_confirmations: chain.terms.final_confirmations,
    }
}

const fn status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Included => "included",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Final => "final",
        PaymentStatus::Reversed => "reversed",
    }
}

/// A payment; `seq` and `time` are of the record that last changed it.
pub(crate) fn payment(
    info: &MarketInfo,
    state: &PaymentState,
    seq: u64,
    time: Timestamp,
) -> api::DealPayment {
    api::DealPayment {
        txid: shown(state.txid.as_bytes()),
        output: state.output,
        amount: info.quote_scale.amount(state.value),
        satoshi: state.value.get() / MSAT_PER_SATOSHI,
        block: shown(state.block.as_bytes()),
        height: (state.status != PaymentStatus::Reversed).then_some(state.height),
        status: status(state.status).to_owned(),
        late: state.late,
        seq,
        time_us: time.as_micros(),
    }
}
