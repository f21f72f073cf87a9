//! The protection of an account's quotes on a market: set, ended, and carried out once it is tripped.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::outcome::{CancelReason, Event};
use bandex_tradechain::body::Protection;
use bandex_types::{Amount, MarketId};

impl Engine {
    pub(super) fn protect(
        &mut self,
        signer: Signer<'_>,
        market: MarketId,
        protection: Option<Protection>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        if !self.markets.contains_key(&market) {
            return Err(Refusal::UnknownMarket);
        }
        self.refuse_frozen(signer.account)?;
        self.check_grant(signer, market, Amount::ZERO)?;
        // From here it holds.
        self.guards.set(signer.account, market, protection);
        self.tell_protection(signer.account, market, effects);
        Ok(())
    }

    /// Pulls the quotes on a market of those whose protection was tripped by the trades there.
    pub(super) fn pull_tripped(&mut self, market: MarketId, effects: &mut Effects) {
        while let Some(account) = self.take_tripped() {
            self.tell_protection(account, market, effects);
            for index in self.quotes_of(account, market) {
                self.take_off(index, CancelReason::Protection, effects);
            }
        }
    }

    fn tell_protection(&self, account: AccountIndex, market: MarketId, effects: &mut Effects) {
        let guard = self.guards.get(account, market);
        effects.push(Event::Protection {
            account: self.accounts.get(account).id,
            market,
            protection: guard.map(|guard| guard.protection),
            tripped: guard.is_some_and(|guard| guard.tripped),
        });
    }
}
