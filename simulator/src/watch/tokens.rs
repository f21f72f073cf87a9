//! Tokens: every balance is what was moved, every lock is what an order or a deal promises.

use super::{Deals, Market, Orders, Seen, Trust};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{AccountState, BalanceState, CommandResult, Engine, Event, OrderState, Tranche};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::{Bandwidth, Change, Fees, Payer};
use bandex_tradechain::{Body, Command, Decoded};
use bandex_types::{
    AccountId, Amount, BlockId, DealId, MarketId, PublicKey, Rail, Rounding, Side, quote_amount,
};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issuance: Option<AccountId>,
    balances: BTreeMap<AccountId, i128>,
    /// As last told.
    told: BTreeMap<AccountId, BalanceState>,
    keys: BTreeMap<PublicKey, AccountId>,
    proposed: BTreeMap<BlockId, (AccountId, Bandwidth)>,
    /// What trading costs.
    fees: BTreeMap<MarketId, Fees>,
    /// What the maker's and the taker's fees of each deal come to: in millionths of a unit, and as far as they could be
    /// taken; and what was told.
    fees_due: BTreeMap<DealId, ([u128; 2], [u128; 2])>,
    fees_paid: BTreeMap<DealId, [u128; 2]>,
}

/// The resolution that a block agrees to.
fn resolved<'a>(seen: &Seen<'_>, ends: &'a BTreeMap<BlockId, Body>) -> Option<&'a Body> {
    match seen.block.map(|(block, _)| &block.body) {
        Some(Body::Acknowledge(acknowledge)) if seen.is_accepted() => ends.get(&acknowledge.proposal),
        _ => None,
    }
}

impl Tokens {
    pub fn take(
        &mut self,
        seen: &Seen<'_>,
        decoded: &Decoded,
        deals: &Deals,
        accounts: &BTreeMap<AccountId, AccountState>,
        trust: &Trust,
        ends: &BTreeMap<BlockId, Body>,
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
        for (from, to, units) in &deals.made_good {
            self.shift(*from, *to, *units);
        }
        self.take_fees(seen, deals)?;
        self.block(seen, trust);
        if let Some(Body::Resolve(resolve)) = resolved(seen, ends)
            && let Some(deal) = deals.get(&resolve.deal)
            && let Some(payer) = deal.token_payer()
        {
            self.shift(deal.account(payer), deal.account(payer.other()), resolve.deliver);
        }
        for event in seen.events {
            if let Event::Balance(balance) = event {
                self.balance(seen, balance, accounts)?;
            }
        }
        Ok(())
    }

    /// The tokens that an account can spend without credit.
    pub fn free(&self, account: &AccountId) -> i128 {
        self.told.get(account).map_or(0, |told| told.balance.saturating_sub(i128::from(told.locked.get())))
    }

    /// What a bond pays goes to the victim; fees are taken out of what a deal delivers, as the market has them then.
    fn take_fees(&mut self, seen: &Seen<'_>, deals: &Deals) -> Result<(), Broken> {
        let Some(issuance) = self.issuance else { return Ok(()) };
        for event in seen.events {
            match event {
                Event::Slash(slash) => self.shift(slash.from, slash.to, slash.tokens),
                Event::MarketFees { market, fees } => drop(self.fees.insert(*market, *fees)),
                Event::Tranche(tranche) => self.due_fees(tranche, deals),
                Event::DealFees { deal: id, maker, taker } => {
                    let Some(deal) = deals.get(id) else { continue };
                    let Some(payer) = deal.token_payer() else { continue };
                    let receiver = deal.account(payer.other());
                    let paid = self.fees_paid.entry(*id).or_default();
                    for (sum, fee) in paid.iter_mut().zip([maker, taker]) {
                        *sum = sum.saturating_add(u128::from(fee.get()));
                    }
                    self.shift(receiver, issuance, *maker);
                    self.shift(receiver, issuance, *taker);
                }
                _ => {}
            }
        }
        for (id, (_, taken)) in &self.fees_due {
            let paid = self.fees_paid.get(id).copied().unwrap_or_default();
            let resolved = deals.get(id).is_some_and(|deal| deal.told.deal.state() == State::Resolved);
            // What both agreed to deliver at a deal's end is told by no tranche.
            hold(paid == *taken || resolved, Invariant::Fees, || {
                format!("record {}: deal {id} owes fees of {taken:?} and paid {paid:?}", seen.seq)
            })?;
        }
        Ok(())
    }

    /// The base pays if it is a token, else the quote: first the maker's fee, and both no more than what is delivered.
    /// What is less than a unit, or was not there, comes with a later delivery.
    fn due_fees(&mut self, tranche: &Tranche, deals: &Deals) {
        let Some(deal) = deals.get(&tranche.deal) else { return };
        let fees = self.fees.get(&deal.told.market).copied().unwrap_or_default();
        if deal.token_payer() != Some(tranche.party) || fees == Fees::default() {
            return;
        }
        let (due, taken) = self.fees_due.entry(tranche.deal).or_default();
        let mut left = u128::from(tranche.units.get());
        let units = left;
        for ((due, taken), parts) in due.iter_mut().zip(taken).zip([fees.maker_ppm, fees.taker_ppm]) {
            *due = due.saturating_add(units.saturating_mul(u128::from(parts)));
            let more = due.div_euclid(1_000_000).saturating_sub(*taken).min(left);
            *taken = taken.saturating_add(more);
            left = left.saturating_sub(more);
        }
    }

    fn shift(&mut self, from: AccountId, to: AccountId, amount: Amount) {
        let units = i128::from(amount.get());
        let owed = self.balances.entry(from).or_default();
        *owed = owed.saturating_sub(units);
        let had = self.balances.entry(to).or_default();
        *had = had.saturating_add(units);
    }

    fn block(&mut self, seen: &Seen<'_>, trust: &Trust) {
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
            (Body::Fee(fee), Some(from), Some(issuance)) if done => self.shift(from, issuance, fee.amount),
            (Body::Claim(_), Some(to), Some(issuance)) if done => {
                self.shift(issuance, to, trust.terms.first_grant);
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
        trust: &Trust,
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
            let quote = u128::from(deal.terms().quote_total.get()).saturating_sub(deal.carried(Party::Buyer));
            let totals = [(Party::Seller, u128::from(deal.terms().base_total.get())), (Party::Buyer, quote)];
            for (party, total) in totals {
                if deal.terms().rail_of(party) == Rail::Token {
                    let sum = locked.entry(deal.account(party)).or_default();
                    *sum = sum.saturating_add(total.saturating_sub(deal.units(party)));
                }
            }
        }
        for deal in deals.iter().filter(|deal| deal.is_on_chain()) {
            let sum = locked.entry(deal.account(Party::Seller)).or_default();
            *sum = sum.saturating_add(deal.kept_units());
        }
        for (account, told) in &self.told {
            let expected = self.balances.get(account).copied().unwrap_or(0);
            let promised = locked.get(account).copied().unwrap_or(0).saturating_add(trust.staked(account));
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
