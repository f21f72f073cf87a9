//! What everybody may see of the Bitcoin chain: which it is, and how far it is known.

use bandex_engine::{ChainState, Engine, Event};
use bandex_spv::Network;
use bandex_tradechain::body::BitcoinTerms;

/// The chain as committed outcomes tell of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct BitcoinView {
    /// Which it is; none until the operator has decided.
    pub terms: Option<BitcoinTerms>,
    /// How far it is known.
    pub chain: Option<ChainState>,
}

impl BitcoinView {
    /// What a replayed engine shows.
    pub fn of(engine: &Engine) -> Self {
        Self { terms: engine.bitcoin().map(|(terms, _)| terms.clone()), chain: engine.chain() }
    }

    /// The network, once one is followed.
    pub fn network(&self) -> Option<Network> {
        self.terms.as_ref().map(|terms| terms.network)
    }

    /// What a transaction costs, in satoshi for 1,000 virtual bytes.
    pub fn fee_rate(&self) -> Option<u64> {
        self.chain.and_then(|chain| chain.fee_rate)
    }

    /// Takes in an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Bitcoin(terms) => self.terms = Some(terms.clone()),
            // How much was taken out is news, and no part of how things stand.
            Event::Chain(state) => self.chain = Some(ChainState { disconnected: 0, ..*state }),
            _ => {}
        }
    }
}
