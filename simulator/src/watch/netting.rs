//! Netting: what was left of two deals is left of the one in their place, nothing more and nothing less.

use super::worth::worth_up;
use super::{Reckoned, Seen, Watch};
use crate::broken::{Broken, Invariant};
use bandex_engine::{Event, Netted};
use bandex_settlement::{Party, State};
use bandex_types::AccountId;

const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];

/// What is left of a deal from one account's side: base and quote that it still has to get, less what it has to give.
fn left(deal: &Reckoned, account: &AccountId) -> [i128; 2] {
    let terms = deal.terms();
    let quote = u128::from(terms.quote_total.get()).saturating_sub(deal.carried(Party::Buyer));
    let base = u128::from(terms.base_total.get()).saturating_sub(deal.units(Party::Seller));
    let quote = quote.saturating_sub(deal.units(Party::Buyer));
    let [base, quote] = [base, quote].map(|units| i128::try_from(units).unwrap_or(i128::MAX));
    match deal.party(account) {
        Some(Party::Buyer) => [base, -quote],
        Some(Party::Seller) => [-base, quote],
        None => [0, 0],
    }
}

/// What a deal reserves against an account while it is open, or did, in the unit of account.
fn reserved(deal: &Reckoned, account: &AccountId) -> u128 {
    let Some(party) = deal.party(account) else { return 0 };
    let left = u128::from(deal.terms().quote_total.get()).saturating_sub(deal.value(party));
    let units = left.min(u128::from(deal.terms().cap_of(party.other()).get()));
    worth_up(deal.rate, units)
}

impl Watch {
    /// Holds every netting against what the deals were.
    pub(super) fn see_netting(&self, seen: &Seen<'_>) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Netted(netted) = event else { continue };
            self.check_netting(netted).map_err(|what| {
                Broken::new(Invariant::Netting, format!("record {}: {netted:?}: {what}", seen.seq))
            })?;
        }
        Ok(())
    }

    fn check_netting(&self, netted: &Netted) -> Result<(), String> {
        let [older, newer] = netted.replaced.map(|id| self.deals.get(&id));
        let (Some(older), Some(newer)) = (older, newer) else { return Err("of no deals".to_owned()) };
        let over =
            |deal: &Reckoned| deal.told.deal.state() == State::Netted && deal.told.deal.claim().is_none();
        let opposite = (older.told.market, older.told.seller, older.told.buyer)
            == (newer.told.market, newer.told.buyer, newer.told.seller);
        if !over(older) || !over(newer) || !opposite {
            return Err("they are no such deals".to_owned());
        }
        let deal = netted.deal.map(|id| self.deals.get(&id).ok_or("there is no such deal")).transpose()?;
        for account in PARTIES.map(|party| older.account(party)) {
            let [base, quote] = left(older, &account);
            let [base_too, quote_too] = left(newer, &account);
            let before = [base.saturating_add(base_too), quote.saturating_add(quote_too)];
            let after = deal.map_or([0, 0], |deal| left(deal, &account));
            if before != after {
                return Err(format!("{account} had {before:?} to come, and has {after:?}"));
            }
            let before = reserved(older, &account).saturating_add(reserved(newer, &account));
            let after = deal.map_or(0, |deal| reserved(deal, &account));
            if after > before {
                return Err(format!("{account} reserved {before}, and reserves {after}"));
            }
        }
        let Some(deal) = deal else { return Ok(()) };
        for party in PARTIES {
            let ahead = deal.carried(party).saturating_sub(deal.carried(party.other()));
            if ahead > u128::from(deal.terms().cap_of(party).get()) {
                return Err(format!("the {party} is ahead by {ahead} from the start"));
            }
        }
        if deal.told.replaces == Some(netted.replaced) {
            Ok(())
        } else {
            Err("it does not name them".to_owned())
        }
    }
}
