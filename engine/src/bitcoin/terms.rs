//! The operator's decisions about the chain: which it is, and what markets ask of payments on it.

use super::Bitcoin;
use crate::Refusal;
use crate::apply::Engine;
use crate::configure::refuse;
use crate::effects::Effects;
use crate::outcome::Event;
use crate::refusal::check_serves;
use bandex_spv::Headers;
use bandex_tradechain::body::{BitcoinTerms, PaymentTerms};
use bandex_types::{MarketId, Rail};
use std::collections::{BTreeMap, BTreeSet};

/// More confirmations nobody waits for; and so deep a reorganisation has never been.
const MOST_CONFIRMATIONS: u16 = 1_000;
/// Parts in a million: a whole.
const WHOLE_PPM: u32 = 1_000_000;

impl Engine {
    pub(crate) fn set_bitcoin(&mut self, terms: &BitcoinTerms, effects: &mut Effects) -> Result<(), Refusal> {
        check_serves(self.serves_bitcoin(), "set_bitcoin")?;
        if self.bitcoin.is_some() {
            return Err(Refusal::AlreadyListed);
        }
        let headers = Headers::begin(terms.network, terms.height, terms.header)
            .map_err(|error| Refusal::BadHeader { rule: error.to_string() })?;
        // From here the chain is followed.
        self.bitcoin = Some(Box::new(Bitcoin {
            terms: terms.clone(),
            headers,
            fee_rate: None,
            scripts: BTreeMap::new(),
            payments: BTreeMap::new(),
            live: BTreeSet::new(),
        }));
        effects.push(Event::Bitcoin(terms.clone()));
        self.tell_chain(0, effects);
        Ok(())
    }

    pub(crate) fn set_payments(
        &mut self,
        market: MarketId,
        terms: PaymentTerms,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_bitcoin(), "set_payments")?;
        let Some(found) = self.markets.get_mut(&market) else { return Err(Refusal::UnknownMarket) };
        if found.quote_rail != Rail::Bitcoin {
            return refuse("the market's quote is not paid on the Bitcoin chain");
        }
        let PaymentTerms { confirmations, final_confirmations, fee_share_ppm } = terms;
        if confirmations == 0 || !(confirmations..=MOST_CONFIRMATIONS).contains(&final_confirmations) {
            return refuse(
                "confirmations is above 0, and final_confirmations at least as many and at most 1,000",
            );
        }
        if fee_share_ppm == 0 || fee_share_ppm > WHOLE_PPM {
            return refuse("fee_share_ppm is from 1 to 1,000,000");
        }
        // From here they hold.
        found.payments = terms;
        effects.push(Event::PaymentTerms { market, terms });
        self.set_least_payments();
        Ok(())
    }
}
