//! What a node knows of the chain enters: headers, and what fees are like.

use super::Bitcoin;
use crate::Refusal;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::outcome::{ChainState, Event};
use crate::refusal::check_serves;
use bandex_spv::HeaderError;
use bandex_tradechain::body::BitcoinTerms;
use bandex_tradechain::{Headers, MAX_HEADERS};
use bandex_types::Hash;

impl From<HeaderError> for Refusal {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Unknown { .. } => Self::UnknownHeader,
            error => Self::BadHeader { rule: error.to_string() },
        }
    }
}

impl Engine {
    pub(crate) fn take_headers(&mut self, headers: &Headers, effects: &mut Effects) -> Result<(), Refusal> {
        check_serves(self.serves_bitcoin(), "headers")?;
        let bitcoin = self.bitcoin.as_mut().ok_or(Refusal::NoBitcoin)?;
        if headers.headers.len() > MAX_HEADERS || (headers.headers.is_empty() && headers.fee_rate.is_none()) {
            return Err(Refusal::BadHeader { rule: "1 to 2,000 headers, or a fee rate alone".to_owned() });
        }
        let extended = bitcoin.headers.extend(&headers.headers)?;
        // From here they are known.
        let fee_rate = headers.fee_rate.or(bitcoin.fee_rate);
        let fees_change = fee_rate != bitcoin.fee_rate;
        bitcoin.fee_rate = fee_rate;
        let disconnected = u32::try_from(extended.disconnected.len()).unwrap_or(u32::MAX);
        if fees_change {
            self.set_least_payments();
        }
        if fees_change || !extended.connected.is_empty() {
            self.tell_chain(disconnected, effects);
        }
        if !extended.connected.is_empty() {
            self.count_payments(effects);
        }
        Ok(())
    }

    /// Says how far the chain is known.
    pub(crate) fn tell_chain(&self, disconnected: u32, effects: &mut Effects) {
        if let Some(state) = self.chain_state(disconnected) {
            effects.push(Event::Chain(state));
        }
    }

    /// Which Bitcoin chain is followed, and its headers as far as they are known.
    pub fn bitcoin(&self) -> Option<(&BitcoinTerms, &bandex_spv::Headers)> {
        self.bitcoin.as_deref().map(|bitcoin| (&bitcoin.terms, &bitcoin.headers))
    }

    /// How far the chain is known now, and what fees are like.
    pub fn chain(&self) -> Option<ChainState> {
        self.chain_state(0)
    }

    fn chain_state(&self, disconnected: u32) -> Option<ChainState> {
        let Bitcoin { headers, fee_rate, .. } = self.bitcoin.as_deref()?;
        let (height, tip) = headers.tip();
        Some(ChainState { height, tip: Hash::new(tip), fee_rate: *fee_rate, disconnected })
    }
}
