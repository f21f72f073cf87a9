//! What accounts are told of their trust is what was reckoned.

use super::{Parts, Stake, Trust};
use crate::broken::{Broken, Invariant, hold};
use crate::watch::{Deals, Seen};
use bandex_engine::{AccountState, Engine, Event, FreezeReason, TrustState};
use bandex_types::{AccountId, Amount};
use std::collections::BTreeMap;

impl Trust {
    /// Every account is told exactly this.
    pub(super) fn see_told(
        &mut self,
        seen: &Seen<'_>,
        deals: &Deals,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        for event in seen.events {
            let Event::Trust(told) = event else { continue };
            if self.issuance == Some(told.account) {
                continue;
            }
            self.check_told(told, deals, accounts).map_err(|broken| Broken {
                what: format!("record {}: {}", seen.seq, broken.what),
                ..broken
            })?;
            self.stakes.entry(told.account).or_default().told = Some(TrustState::clone(told));
        }
        Ok(())
    }

    pub(super) fn check_told(
        &self,
        told: &TrustState,
        deals: &Deals,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        let account = told.account;
        let Some(stake) = self.stakes.get(&account) else {
            return Err(Broken::new(Invariant::Bond, format!("{told:?} of nobody")));
        };
        let units = |amount: Amount| u128::from(amount.get());
        let bonds = ((units(told.bond), units(told.leaving)), (stake.bond, stake.leaving()));
        hold(bonds.0 == bonds.1, Invariant::Bond, || {
            format!("{account} has bonded and asked back {:?}, it was told {:?}", bonds.1, bonds.0)
        })?;
        hold(units(told.fees) == stake.fees, Invariant::Limit, || {
            format!("{account} has paid fees of {}, it was told {}", stake.fees, told.fees)
        })?;
        hold(told.score_ppb == stake.score_ppb, Invariant::Score, || {
            format!("{account} has a score of {}, it was told {}", stake.score_ppb, told.score_ppb)
        })?;
        let burden = deals.burden(&account);
        hold(units(told.burden) == burden, Invariant::Limit, || {
            format!("written-off deals of {account} hold {burden}, it was told {}", told.burden)
        })?;
        let position = self.position(&account).unwrap_or(0);
        let plain = (told.admitted, told.certificate, told.granted, told.preference)
            == (self.is_admitted(stake), stake.certificate, stake.granted, stake.preference)
            && (told.seed, told.registrar)
                == (self.seeds.contains(&position), self.registrars.contains(&account));
        hold(plain, Invariant::Admission, || format!("{told:?} where there is {stake:?}"))?;
        self.check_limit(told, stake, accounts.get(&account))
    }

    pub(super) fn check_limit(
        &self,
        told: &TrustState,
        stake: &Stake,
        account: Option<&AccountState>,
    ) -> Result<(), Broken> {
        let Parts { bond, reputation, fees, earned, dust } = self.parts(stake);
        let bad = matches!(account.and_then(|state| state.frozen), Some(reason) if reason != FreezeReason::Operator);
        let total = match stake.operator {
            _ if bad => 0,
            Some(limit) => u128::from(limit.get()),
            None => earned.saturating_add(dust),
        };
        let limit = &told.limit;
        let parts = [limit.bond, limit.reputation, limit.fees, limit.earned, limit.dust, limit.total];
        let found = parts.map(|part| u128::from(part.get()));
        let expected = [bond, reputation, fees, earned, dust, total];
        let same = found == expected && limit.operator == stake.operator;
        hold(same, Invariant::Limit, || {
            format!("the limit of {} is {limit:?}, the formula gives {expected:?}", told.account)
        })?;
        let as_account = account.map(|state| state.limit);
        hold(as_account == Some(limit.total), Invariant::Limit, || {
            format!("{} has a limit of {as_account:?} or of {}", told.account, limit.total)
        })
    }

    /// The engine has what was told, and what was told holds still.
    pub fn compare(
        &self,
        engine: &Engine,
        deals: &Deals,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        for (account, stake) in &self.stakes {
            let found = engine.trust(account);
            hold(found == stake.told, Invariant::Limit, || {
                format!("{account} was told {:?} and has {found:?}", stake.told)
            })?;
            stake.told.iter().try_for_each(|told| self.check_told(told, deals, accounts))?;
        }
        Ok(())
    }
}
