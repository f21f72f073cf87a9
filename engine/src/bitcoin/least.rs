//! How small a payment on the chain may be: fees must not eat more of it than the market's share.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::Engine;
use crate::explain::raise;
use crate::market::Legs;
use bandex_settlement::draw_cap;
use bandex_tradechain::body::PaymentTerms;
use bandex_types::{Amount, Rail, Side};

/// Virtual bytes of a payment with one input of a witness key and two outputs, rounded up: 141 by the sizes of BIP 141
/// for P2WPKH, a few more where the payee's script is longer.
const PAYMENT_VBYTES: u128 = 154;
/// The least that is worth a payment, whatever the fees: 1,000 satoshi, well above what nodes call dust.
const LEAST_PAYMENT_MSAT: u128 = 1_000_000;
/// What a transaction costs at least, in satoshi for 1,000 virtual bytes, if the node knows nothing or less: Core relays
/// none for less unless it is told to.
const LEAST_FEE_RATE: u64 = 1_000;
/// Parts in a million.
const MILLION: u128 = 1_000_000;

/// How small a payment may be, given what fees are in satoshi for 1,000 virtual bytes, in quote units.
pub fn least_payment(fee_rate: Option<u64>, terms: PaymentTerms, least_tranche: Amount) -> Amount {
    // Satoshi for 1,000 virtual bytes are millisatoshi for one.
    let fee_msat = u128::from(fee_rate.unwrap_or(0).max(LEAST_FEE_RATE)) * PAYMENT_VBYTES;
    let share = u128::from(terms.fee_share_ppm.max(1));
    let least = (fee_msat * MILLION).div_ceil(share).max(LEAST_PAYMENT_MSAT);
    Amount::new(u64::try_from(least).unwrap_or(u64::MAX)).max(least_tranche)
}

impl Engine {
    /// Works out anew how small payments may be on each market, after fees or terms have changed.
    pub(crate) fn set_least_payments(&mut self) {
        let fee_rate = self.bitcoin.as_ref().and_then(|bitcoin| bitcoin.fee_rate);
        for market in self.markets.values_mut().filter(|market| market.quote_rail == Rail::Bitcoin) {
            market.least_payment = least_payment(fee_rate, market.payments, market.listing.least_tranche);
        }
    }

    /// Refuses an order that no payment of this market is small enough for: of less than the least; or a sale by an account
    /// whose limit lets no buyer pay as much ahead.
    pub(crate) fn check_payable(
        &self,
        index: AccountIndex,
        legs: &Legs,
        side: Side,
        notional: Amount,
    ) -> Result<(), Refusal> {
        let Some(chain) = legs.chain else { return Ok(()) };
        if notional < chain.least && !notional.is_zero() {
            return Err(self.too_small_to_pay(index, Side::Buy, chain.least, notional));
        }
        if side == Side::Buy {
            return Ok(());
        }
        let free = legs.units(self.accounts.get(index).free_limit());
        let cap = draw_cap(Amount::MAX, None, free, self.parameters.share_ppm);
        if chain.allow(cap, notional.max(chain.least)) {
            return Ok(());
        }
        Err(self.too_small_to_pay(index, side, chain.least, cap))
    }

    /// Why no payment can be made for an order, and what would help: of which `cap` could be paid at a time.
    pub(crate) fn too_small_to_pay(
        &self,
        index: AccountIndex,
        side: Side,
        least: Amount,
        cap: Amount,
    ) -> Refusal {
        let help = if side == Side::Buy {
            "order more at once".to_owned()
        } else {
            let raise = raise(self.rulings(), &self.trust_state(index), &self.account_state(index));
            format!("sell more at once, or raise the limit, so that twice as much can be paid ahead: {raise}")
        };
        Refusal::BelowTranche { least, cap, help }
    }
}
