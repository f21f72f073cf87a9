//! Tokens: every balance is what was moved, every lock is what an order or a deal promises.

use super::{Deals, Market, Orders, Seen};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{AccountState, BalanceState, CommandResult, Engine, Event, OrderState};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{Bandwidth, Change, Payer};
use bandex_tradechain::{Body, Command, Decoded};
use bandex_types::{AccountId, Amount, BlockId, MarketId, PublicKey, Rail, Rounding, Side, quote_amount};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issuance: Option<AccountId>,
    balances: BTreeMap<AccountId, i128>,
    /// As last told.
    told: BTreeMap<AccountId, BalanceState>,
    keys: BTreeMap<PublicKey, AccountId>,
    proposed: BTreeMap<BlockId, (AccountId, Bandwidth)>,
}

impl Tokens {
    pub fn take(
        &mut self,
        seen: &Seen<'_>,
        decoded: &Decoded,
        deals: &Deals,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        if let Command::Genesis(genesis) = decoded.command() {
            self.issuance = Some(genesis.issuance);
        }
        for event in seen.events {
            if let Event::Key(key) = event {
                self.keys.insert(key.key, key.account);
            }
            if let Event::Tranche(tranche) = event
                && let Some(deal) = deals.get(&tranche.deal)
                && deal.terms().rail_of(tranche.party) == Rail::Token
            {
                self.shift(deal.account(tranche.party), deal.account(tranche.party.other()), tranche.units);
            }
        }
        self.block(seen);
        for event in seen.events {
            if let Event::Balance(balance) = event {
                self.balance(seen, balance, accounts)?;
            }
        }
        Ok(())
    }

    fn shift(&mut self, from: AccountId, to: AccountId, amount: Amount) {
        let units = i128::from(amount.get());
        let owed = self.balances.entry(from).or_default();
        *owed = owed.saturating_sub(units);
        let had = self.balances.entry(to).or_default();
        *had = had.saturating_add(units);
    }

    fn block(&mut self, seen: &Seen<'_>) {
        let Some((block, id)) = seen.block else { return };
        let account = self.keys.get(&block.author).copied();
        let done = matches!(seen.result, CommandResult::Done(_));
        match (&block.body, account, self.issuance) {
            (Body::Configure(configure), _, Some(issuance)) => {
                for (index, change) in configure.changes.iter().enumerate() {
                    if let Change::Issue { to, amount } = change
                        && seen.is_done(index)
                    {
                        self.shift(issuance, *to, *amount);
                    }
                }
            }
            (Body::Transfer(transfer), Some(from), _) if done => {
                self.shift(from, transfer.to, transfer.amount);
            }
            (Body::Bandwidth(bandwidth), Some(from), _) if done => {
                self.proposed.insert(id, (from, bandwidth.clone()));
            }
            (Body::Acknowledge(acknowledge), Some(_), _) if done => {
                if let Some((from, bandwidth)) = self.proposed.remove(&acknowledge.proposal) {
                    let (payer, payee) = match bandwidth.payer {
                        Payer::Author => (from, bandwidth.counterparty),
                        Payer::Counterparty => (bandwidth.counterparty, from),
                    };
                    self.shift(payer, payee, bandwidth.tokens);
                }
            }
            _ => {}
        }
    }

    /// Free tokens may be below the credit line only because the line was lowered, never because of a debit.
    fn balance(
        &mut self,
        seen: &Seen<'_>,
        balance: &BalanceState,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        let line = accounts.get(&balance.account).map_or(0, |account| account.credit_line.get());
        let free = |state: &BalanceState| state.balance.saturating_sub(i128::from(state.locked.get()));
        let before = self.told.insert(balance.account, balance.clone());
        let (now, then) = (free(balance), before.as_ref().map_or(0, free));
        hold(now >= then || now >= -i128::from(line), Invariant::CreditLine, || {
            format!("record {}: {} is at {now} free with a line of {line}", seen.seq, balance.account)
        })
    }

    pub fn compare(
        &self,
        engine: &Engine,
        orders: &Orders,
        deals: &Deals,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), Broken> {
        let sum = engine.ledger().sum();
        hold(sum == 0, Invariant::TokenSum, || format!("balances sum to {sum}"))?;
        hold(engine.locks_add_up(), Invariant::Locks, || "locks do not add up".to_owned())?;
        let mut locked: BTreeMap<AccountId, u128> = BTreeMap::new();
        for (order, budget) in orders.alive() {
            let units = markets.get(&order.market).map_or(0, |market| promised(order, budget, market));
            let sum = locked.entry(order.account).or_default();
            *sum = sum.saturating_add(units);
        }
        for deal in deals.iter().filter(|deal| {
            !deal.terms().settles_at_once()
                && matches!(deal.told.deal.state(), State::Open | State::Disputed { .. })
        }) {
            let (base, quote) = (deal.terms().base_total.get(), deal.terms().quote_total.get());
            let quote = u128::from(quote).saturating_sub(deal.carried(Party::Buyer));
            for (party, total) in [(Party::Seller, u128::from(base)), (Party::Buyer, quote)] {
                if deal.terms().rail_of(party) == Rail::Token {
                    let sum = locked.entry(deal.account(party)).or_default();
                    *sum = sum.saturating_add(total.saturating_sub(deal.units(party)));
                }
            }
        }
        for (account, told) in &self.told {
            let expected = self.balances.get(account).copied().unwrap_or(0);
            let promised = locked.get(account).copied().unwrap_or(0);
            let Some(found) = engine.balance(account) else { continue };
            hold(found.balance == expected, Invariant::TokenSum, || {
                format!("{account} has {}, what was moved comes to {expected}", found.balance)
            })?;
            hold(u128::from(found.locked.get()) == promised, Invariant::Locks, || {
                format!("{account} has {} locked, it promised {promised}", found.locked)
            })?;
            hold(found == *told, Invariant::TokenSum, || {
                format!("{account} was told {told:?} and has {found:?}")
            })?;
        }
        Ok(())
    }
}

/// What an order that rests or sleeps has locked, in units. One that is sized in quote units locks what its amount pays
/// for at its price.
fn promised(order: &OrderState, budget: Option<Amount>, market: &Market) -> u128 {
    let left = u128::from(order.quantity.saturating_sub(order.filled).get());
    let tick = market.listing.tick_value;
    let lots = budget.map_or(left, |budget| {
        let value = u128::from(budget.get()).saturating_mul(u128::from(tick.den()));
        let ticks = value.checked_div(u128::from(tick.num())).unwrap_or(0);
        ticks.checked_div(u128::from(order.price.get())).unwrap_or(0)
    });
    match (order.side, market.base_rail, market.quote_rail, budget) {
        (Side::Sell, Rail::Token, _, _) => lots.saturating_mul(u128::from(market.listing.lot_units)),
        (Side::Buy, _, Rail::Token, Some(budget)) => u128::from(budget.get()),
        (Side::Buy, _, Rail::Token, None) => {
            let left = order.quantity.saturating_sub(order.filled);
            quote_amount(left, order.price, tick, Rounding::Down).map_or(0, |amount| u128::from(amount.get()))
        }
        _ => 0,
    }
}
