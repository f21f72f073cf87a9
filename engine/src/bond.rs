//! Bonds: tokens at stake, until every deal is over that could cost them.

use crate::Refusal;
use crate::accounts::AccountIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::outcome::{Event, Slash};
use crate::trust::{units_for, worth_at};
use bandex_settlement::State;
use bandex_types::{Amount, AssetId, DealId, Rounding, share};
use borsh::{BorshDeserialize, BorshSerialize};

/// Tokens that were asked back and return when every deal is over that was open then.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(crate) struct Leaving {
    pub amount: Amount,
    /// How many deals there were of all accounts together: it waits for none that was opened later.
    before: u32,
    /// How many deals it still waits for.
    waits_for: u32,
}

impl Engine {
    /// Puts free tokens at stake.
    pub(crate) fn bond(
        &mut self,
        signer: Signer<'_>,
        amount: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        self.refuse_frozen(signer.account)?;
        self.ledger.check_free(signer.account, amount, Amount::ZERO)?;
        let stake = &self.accounts.get(signer.account).stake;
        let bond = stake.bond.checked_add(amount).ok_or(Refusal::TooLarge)?;
        // From here they are at stake.
        self.ledger.lock(signer.account, amount);
        self.accounts.get_mut(signer.account).stake.bond = bond;
        effects.balance(signer.account);
        self.stake_changed(signer.account, effects);
        Ok(())
    }

    /// Asks for tokens back: they count no more from now on, and return when no deal could cost them any more.
    pub(crate) fn unbond(
        &mut self,
        signer: Signer<'_>,
        amount: Amount,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let before = self.deals.count();
        let stake = &mut self.accounts.get_mut(signer.account).stake;
        let bonded = stake.bond;
        let left = bonded.checked_sub(amount).ok_or(Refusal::InsufficientBond { bonded })?;
        // From here they leave.
        stake.bond = left;
        if stake.open_deals == 0 {
            self.ledger.unlock(signer.account, amount);
            effects.balance(signer.account);
        } else if let Some(same) = stake.leaving.last_mut().filter(|last| last.before == before) {
            // No deal was opened since: they wait for the same ones, but for those that are over by now.
            same.amount = same.amount.checked_add(amount).expect("locked tokens fit 64 bits");
        } else if !amount.is_zero() {
            stake.leaving.push(Leaving { amount, before, waits_for: stake.open_deals });
        }
        self.stake_changed(signer.account, effects);
        Ok(())
    }

    /// A deal begins that bonds may have to pay for.
    pub(crate) fn deal_begins(&mut self, accounts: [AccountIndex; 2]) {
        if self.serves_trust() {
            for account in accounts {
                self.accounts.get_mut(account).stake.open_deals += 1;
            }
        }
    }

    /// Counts the deals that were opened before the rules knew of bonds.
    pub(crate) fn count_open_deals(&mut self) {
        let open = self.deals.iter().filter(|(_, entry)| entry.deal.state() != State::Settled);
        let parties: Vec<AccountIndex> = open.flat_map(|(_, entry)| [entry.seller, entry.buyer]).collect();
        for account in parties {
            self.accounts.get_mut(account).stake.open_deals += 1;
        }
    }

    /// A deal of the account, opened as the `opened`th of all deals, is over: bonds that waited for it may leave.
    pub(crate) fn deal_over(&mut self, account: AccountIndex, opened: u32, effects: &mut Effects) {
        if !self.serves_trust() {
            return;
        }
        let stake = &mut self.accounts.get_mut(account).stake;
        stake.open_deals = stake.open_deals.checked_sub(1).expect("a deal that is over was counted");
        let mut free = Amount::ZERO;
        stake.leaving.retain_mut(|leaving| {
            if opened < leaving.before {
                leaving.waits_for = leaving.waits_for.saturating_sub(1);
            }
            let returns = leaving.waits_for == 0;
            if returns {
                free = free.checked_add(leaving.amount).expect("locked tokens fit 64 bits");
            }
            !returns
        });
        if !free.is_zero() {
            self.ledger.unlock(account, free);
            effects.balance(account);
            effects.trust(account);
        }
    }

    /// Takes as much of a defaulter's bond as covers a loss of `loss` quote units, and pays the victim. Says how much of
    /// the loss that covers, in quote units.
    pub(crate) fn slash(
        &mut self,
        deal: DealId,
        from: AccountIndex,
        to: AccountIndex,
        quote: AssetId,
        loss: Amount,
        effects: &mut Effects,
    ) -> Amount {
        let staked = self.accounts.get(from).stake.staked();
        let (tokens, covered) = self.cover(quote, loss, staked);
        if tokens.is_zero() {
            return Amount::ZERO;
        }
        // From here they are paid: what counts for the limit first, then what was asked back last.
        let stake = &mut self.accounts.get_mut(from).stake;
        let bonded = tokens.min(stake.bond);
        stake.bond = stake.bond.saturating_sub(bonded);
        let mut rest = tokens.saturating_sub(bonded);
        for leaving in stake.leaving.iter_mut().rev() {
            let part = rest.min(leaving.amount);
            leaving.amount = leaving.amount.saturating_sub(part);
            rest = rest.saturating_sub(part);
        }
        stake.leaving.retain(|leaving| !leaving.amount.is_zero());
        self.ledger.deliver(from, to, tokens);
        effects.balance(from);
        effects.balance(to);
        self.stake_changed(from, effects);
        let [from_id, to_id] = [from, to].map(|index| self.accounts.get(index).id);
        effects.push(Event::Slash(Slash { deal, from: from_id, to: to_id, tokens, covered }));
        covered
    }

    /// How many of the staked tokens cover a loss in quote units, rounded up for the victim, and how much of it they
    /// cover. Where tokens have no rate they cover only what is owed in tokens.
    fn cover(&self, quote: AssetId, loss: Amount, staked: Amount) -> (Amount, Amount) {
        if quote == AssetId::BWT {
            let tokens = loss.min(staked);
            return (tokens, tokens);
        }
        let Some(rate) = self.rate(AssetId::BWT) else { return (Amount::ZERO, Amount::ZERO) };
        let worth = self.worth(quote, loss, Rounding::Up);
        let needed = share(worth, rate.den(), rate.num(), Rounding::Up).unwrap_or(Amount::MAX);
        if needed <= staked {
            return (needed, loss);
        }
        let worth = worth_at(Some(rate), staked, Rounding::Down);
        let covered = units_for(self.rate(quote), worth).min(loss);
        (staked, covered)
    }
}
