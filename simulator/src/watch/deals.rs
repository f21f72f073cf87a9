//! Deals: reckoned from their tranches alone, without the settlement crate's own arithmetic.

mod exposure;
mod paying;
mod reckoned;

use super::coins::Coins;
use super::worth::{lesser, worth_down, worth_up};
use super::{Market, Orders, Seen, Trust};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{AccountState, DealState, DefaultNotice, Engine, Event, Netted, Trade, Tranche};
use bandex_settlement::{Party, State, Terms};
use bandex_tradechain::Body;
use bandex_types::{
    AccountId, Amount, BlockId, DealId, MarketId, Price, Quantity, Rail, Ratio, Rounding, Timestamp,
    quote_amount,
};
use paying::Paying;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of all deals.
#[derive(Debug, Default)]
pub(crate) struct Deals {
    all: BTreeMap<DealId, Reckoned>,
    /// The `pay` blocks that wait or waited for an acknowledgement, each with its deal.
    payments: BTreeMap<BlockId, DealId>,
    /// Who was exposed, who honoured it, how much, in the unit of account: since somebody took it from here.
    pub honoured: Vec<(AccountId, AccountId, u128)>,
    /// Tokens that made defaults good in this record: from whom, to whom.
    pub made_good: Vec<(AccountId, AccountId, Amount)>,
    /// What a unit of quote was worth when each deal was opened.
    opened_at: BTreeMap<DealId, Option<Ratio>>,
    pub counts: Counts,
}

/// What deals are held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside<'a> {
    pub orders: &'a Orders,
    pub markets: &'a BTreeMap<MarketId, Market>,
    pub trust: &'a Trust,
    pub coins: &'a Coins,
}

/// How deals ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub opened: u64,
    pub settled: u64,
    pub defaulted: u64,
    pub disputed: u64,
    pub cured: u64,
    pub written_off: u64,
    pub resolved: u64,
    /// Trades that went into a deal together with an earlier one.
    pub grown: u64,
    /// On the chain: opened, settled, and lost something by a default.
    pub on_chain: [u64; 3],
}

/// One deal, reckoned from its tranches.
#[derive(Debug)]
pub(crate) struct Reckoned {
    pub told: DealState,
    /// In quote value, by [`index`].
    values: [u128; 2],
    /// In units of the sender's leg.
    units: [u128; 2],
    /// When the present move became due.
    due_since: Timestamp,
    /// What a unit of quote was worth when it was opened.
    pub rate: Option<Ratio>,
    /// Who did not pay in time, whatever came of it.
    pub defaulted: Option<Party>,
    /// What the seller and the buyer owed when it was written off, in the unit of account.
    burdens: [u128; 2],
    /// If it is paid on a chain.
    paying: Option<Paying>,
}

const fn index(party: Party) -> usize {
    match party {
        Party::Seller => 0,
        Party::Buyer => 1,
    }
}

fn of(pair: &[u128; 2], party: Party) -> u128 {
    pair.get(index(party)).copied().unwrap_or(0)
}

const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];

impl Reckoned {
    pub fn terms(&self) -> &Terms {
        self.told.deal.terms()
    }

    pub fn account(&self, party: Party) -> AccountId {
        match party {
            Party::Seller => self.told.seller,
            Party::Buyer => self.told.buyer,
        }
    }

    pub fn party(&self, account: &AccountId) -> Option<Party> {
        PARTIES.into_iter().find(|party| self.account(*party) == *account)
    }

    /// What a party has finally sent, in quote value.
    pub fn value(&self, party: Party) -> u128 {
        of(&self.values, party)
    }

    /// Whose tokens it delivers: the base's if it is one, else the quote's.
    pub fn token_payer(&self) -> Option<Party> {
        PARTIES.into_iter().find(|party| self.terms().rail_of(*party) == Rail::Token)
    }

    /// What counted as sent by a party from the start, in quote value.
    pub fn carried(&self, party: Party) -> u128 {
        self.told.deal.carried().map_or(0, |carried| u128::from(carried.by(party).get()))
    }

    /// What a party has finally sent, in units of its leg.
    pub fn units(&self, party: Party) -> u128 {
        of(&self.units, party)
    }

    pub fn is_over(&self) -> bool {
        let state = self.told.deal.state();
        matches!(state, State::Settled | State::Cured { .. } | State::Resolved | State::Netted)
    }
}

/// Whether a deal may go from one state to another, or stay.
fn may_follow(before: State, now: State, on_chain: bool) -> bool {
    match before {
        // What still comes on a chain is told, and nothing follows from it.
        _ if on_chain && before == now => true,
        State::Open => matches!(
            now,
            State::Open | State::Disputed { .. } | State::Defaulted { .. } | State::Settled | State::Netted
        ),
        State::Disputed { .. } => {
            !matches!(now, State::Defaulted { .. } | State::Cured { .. } | State::Netted)
        }
        State::Defaulted { by } => match now {
            State::Defaulted { by: still } | State::Cured { by: still } => by == still,
            State::WrittenOff { by: victim } => by != victim,
            now => now == State::Resolved,
        },
        State::WrittenOff { .. } => now == State::Resolved || now == before,
        State::Settled | State::Cured { .. } | State::Resolved | State::Netted => false,
    }
}

fn u64_of(units: u128) -> u64 {
    u64::try_from(units).unwrap_or(u64::MAX)
}

impl Deals {
    pub fn get(&self, id: &DealId) -> Option<&Reckoned> {
        self.all.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Reckoned> {
        self.all.values()
    }

    pub fn settles_at_once(&self, id: &DealId) -> bool {
        self.all.get(id).is_some_and(|deal| deal.terms().settles_at_once())
    }

    pub fn is_payment(&self, proposal: &BlockId) -> bool {
        self.payments.contains_key(proposal)
    }

    /// Whether the deal of a payment ended by somebody's giving up, or by both sides' will.
    pub fn is_given_up(&self, proposal: &BlockId) -> bool {
        let deal = self.payments.get(proposal).and_then(|deal| self.all.get(deal));
        deal.is_some_and(|deal| matches!(deal.told.deal.state(), State::WrittenOff { .. } | State::Resolved))
    }

    /// Whether an account defaulted in some deal and has not made that good.
    pub fn owes_for_default(&self, account: &AccountId) -> bool {
        let is_by = |deal: &Reckoned| deal.defaulted.is_some_and(|by| deal.account(by) == *account);
        self.all.values().any(|deal| is_by(deal) && !deal.is_over())
    }

    /// The deals of an account that are not over.
    pub fn not_over(&self, account: &AccountId) -> BTreeSet<DealId> {
        let open = self.all.values().filter(|deal| !deal.is_over() && deal.party(account).is_some());
        open.map(|deal| deal.told.id).collect()
    }

    /// Who gets the tokens that a deal delivers, less the fees.
    pub fn receiver(&self, id: &DealId) -> Option<AccountId> {
        let deal = self.all.get(id)?;
        Some(deal.account(deal.token_payer()?.other()))
    }

    pub fn take(
        &mut self,
        seen: &Seen<'_>,
        honest: &BTreeSet<AccountId>,
        calm_since: Option<Timestamp>,
        beside: Beside<'_>,
    ) -> Result<(), Broken> {
        let Beside { orders, markets, trust, coins } = beside;
        if let Some((block, id)) = seen.block
            && let Body::Pay(pay) = &block.body
        {
            self.payments.insert(id, pay.deal);
        }
        self.made_good.clear();
        let mut rates = trust.rates.clone();
        let before = self.owed_before(seen);
        // The states come at the end of the events; what happened before they are compared with comes first.
        let mut tranches: BTreeMap<DealId, Vec<&Tranche>> = BTreeMap::new();
        let mut fills: BTreeMap<DealId, (Quantity, Price)> = BTreeMap::new();
        for event in seen.events {
            match event {
                Event::Trade(trade) => {
                    let quote = markets.get(&trade.market).map(|market| market.listing.quote);
                    let rate = quote.and_then(|quote| rates.get(&quote).copied());
                    self.opened_at.insert(trade.deal, rate);
                    self.fill(seen, trade, &mut fills)?;
                }
                // At the lesser rate of the two that it replaces no reservation rises.
                Event::Netted(Netted { deal: Some(id), replaced: [older, newer], .. }) => {
                    let rate = |id| self.opened_at.get(id).copied().flatten();
                    self.opened_at.insert(*id, lesser(rate(older), rate(newer)));
                }
                Event::Rate { asset, rate: Some(rate) } => drop(rates.insert(*asset, *rate)),
                Event::Rate { asset, rate: None } => drop(rates.remove(asset)),
                Event::Tranche(tranche) => tranches.entry(tranche.deal).or_default().push(tranche),
                Event::Default(notice) => self.default(seen, notice, honest, calm_since)?,
                Event::Deal(told) => {
                    let moved = tranches.remove(&told.id).unwrap_or_default();
                    self.deal(seen, told, &moved, beside, fills.remove(&told.id))?;
                }
                _ => {}
            }
        }
        hold(fills.is_empty(), Invariant::Band, || format!("record {}: trades in no deal", seen.seq))?;
        self.check_exposures(seen, orders, trust, &before)?;
        for deal in self.all.values() {
            let late = deal.deadline().is_some_and(|deadline| deadline <= seen.time);
            hold(!late, Invariant::Deadline, || {
                format!("record {} at {}: deal {} is overdue", seen.seq, seen.time, deal.told.id)
            })?;
            hold(deal.counts(coins.sums(&deal.told.id)), Invariant::Payments, || {
                let sums = coins.sums(&deal.told.id);
                format!("record {}: there are {sums:?} for {:?}", seen.seq, deal.told.deal)
            })?;
        }
        Ok(())
    }

    /// Two orders may trade several times in one step, at one price: that is one deal over all of it.
    fn fill(
        &mut self,
        seen: &Seen<'_>,
        trade: &Trade,
        fills: &mut BTreeMap<DealId, (Quantity, Price)>,
    ) -> Result<(), Broken> {
        let (lots, price) = fills.entry(trade.deal).or_insert((Quantity::ZERO, trade.price));
        *lots = Quantity::new(lots.get().saturating_add(trade.quantity.get()));
        self.counts.grown = self.counts.grown.saturating_add(u64::from(*lots > trade.quantity));
        let sound = *price == trade.price && !self.all.contains_key(&trade.deal);
        hold(sound, Invariant::Band, || format!("record {}: deal {} is traded twice", seen.seq, trade.deal))
    }

    fn deal(
        &mut self,
        seen: &Seen<'_>,
        told: &DealState,
        moved: &[&Tranche],
        Beside { orders, markets, coins, .. }: Beside<'_>,
        traded: Option<(Quantity, Price)>,
    ) -> Result<(), Broken> {
        let is_new = !self.all.contains_key(&told.id);
        let rate = self.opened_at.get(&told.id).copied().flatten();
        let deal = self.all.entry(told.id).or_insert_with(|| {
            let carried = told.deal.carried().unwrap_or_default();
            let values = PARTIES.map(|party| u128::from(carried.by(party).get()));
            let (units, burdens) = ([0; 2], [0; 2]);
            Reckoned {
                told: told.clone(),
                values,
                units,
                due_since: seen.time,
                rate,
                defaulted: None,
                burdens,
                paying: None,
            }
        });
        if is_new {
            deal.begin_paying(seen.time);
        }
        let (before, sent_before) = ((deal.told.deal.state(), deal.deadline()), deal.values);
        for tranche in moved {
            let owed = deal.value(tranche.party.other()).saturating_sub(deal.value(tranche.party));
            // A lock that delivers honours nothing.
            let delivers = deal.is_on_chain() && tranche.party == Party::Seller;
            let honoured = if delivers { 0 } else { owed.min(u128::from(tranche.value.get())) };
            if honoured > 0 && !told.deal.terms().settles_at_once() {
                let (debtor, creditor) = (deal.account(tranche.party), deal.account(tranche.party.other()));
                self.honoured.push((creditor, debtor, worth_down(deal.rate, honoured)));
            }
            let [value, units] = [tranche.value, tranche.units].map(|amount| u128::from(amount.get()));
            if let Some(sum) = deal.values.get_mut(index(tranche.party)) {
                *sum = sum.saturating_add(value);
            }
            if let Some(sum) = deal.units.get_mut(index(tranche.party)) {
                *sum = sum.saturating_add(units);
            }
            deal.due_since = seen.time;
        }
        let same = deal.told.deal.terms() == told.deal.terms()
            && (deal.told.deal.carried(), deal.told.replaces) == (told.deal.carried(), told.replaces)
            && (deal.told.seller, deal.told.buyer) == (told.seller, told.buyer);
        deal.told = told.clone();
        let broken = |what: String| {
            Broken::new(Invariant::Band, format!("record {}: deal {}: {what}", seen.seq, told.id))
        };
        let now = told.deal.state();
        // The clock may let it default, and the same record make that good.
        let was = match deal.defaulted.filter(|_| deal.is_on_chain() && before.0 == State::Open) {
            Some(by) => State::Defaulted { by },
            None => before.0,
        };
        if !same || !(is_new || may_follow(was, now, deal.is_on_chain())) {
            return Err(broken(format!("{now}, after it was agreed or after {}", before.0)));
        }
        match (before.0, now) {
            (State::Disputed { .. } | State::Defaulted { .. }, State::WrittenOff { .. }) => {
                deal.burdens = PARTIES.map(|party| worth_up(deal.rate, deal.owing(party)));
            }
            (State::Defaulted { .. }, State::Cured { by }) if deal.terms().rail_of(by) == Rail::Token => {
                let units = Amount::new(u64_of(deal.cure_units(by)));
                self.made_good.push((deal.account(by), deal.account(by.other()), units));
            }
            _ => {}
        }
        deal.check_band().map_err(broken)?;
        deal.follow(coins.sums(&told.id), (before.0, sent_before), seen.time).map_err(|what| {
            Broken::new(Invariant::Coins, format!("record {}: deal {}: {what}", seen.seq, told.id))
        })?;
        if is_new {
            self.counts.opened = self.counts.opened.saturating_add(1);
            let [opened, _, _] = &mut self.counts.on_chain;
            *opened = opened.saturating_add(u64::from(deal.is_on_chain()));
            deal.check_payments(coins, markets).map_err(broken)?;
            if told.replaces.is_none() {
                check_caps(told, deal.rate, orders, markets).map_err(broken)?;
                check_totals(told, traded, markets).map_err(broken)?;
            }
        }
        if before.0 != now && now == State::Settled && deal.is_on_chain() {
            let [_, settled, _] = &mut self.counts.on_chain;
            *settled = settled.saturating_add(1);
        }
        if (is_new || before.0 != now) && now != State::Open {
            let count = match now {
                State::Settled => &mut self.counts.settled,
                State::Defaulted { .. } => &mut self.counts.defaulted,
                State::Cured { .. } => &mut self.counts.cured,
                State::WrittenOff { .. } => &mut self.counts.written_off,
                State::Resolved => &mut self.counts.resolved,
                // Nettings are counted by themselves.
                State::Netted | State::Open => &mut 0,
                State::Disputed { .. } => &mut self.counts.disputed,
            };
            *count = count.saturating_add(1);
        }
        let ended_by_time = before.0 == State::Open
            && !is_new
            && matches!(now, State::Disputed { .. } | State::Defaulted { .. });
        let early = ended_by_time && before.1.is_none_or(|deadline| deadline > seen.time);
        hold(!early, Invariant::Deadline, || {
            format!("record {}: deal {} is {now} before {:?}", seen.seq, told.id, before.1)
        })
    }

    fn default(
        &mut self,
        seen: &Seen<'_>,
        notice: &DefaultNotice,
        honest: &BTreeSet<AccountId>,
        calm_since: Option<Timestamp>,
    ) -> Result<(), Broken> {
        let Some(deal) = self.all.get_mut(&notice.deal) else {
            return Err(Broken::new(Invariant::Band, format!("record {}: default of no deal", seen.seq)));
        };
        let victim = deal.party(&notice.victim).unwrap_or(Party::Seller);
        deal.defaulted = Some(victim.other());
        let lost = deal.lost_by(victim.other());
        let [_, _, short] = &mut self.counts.on_chain;
        *short = short.saturating_add(u64::from(deal.is_on_chain() && lost > 0));
        deal.keep();
        let fits = deal.party(&notice.by) == Some(victim.other())
            && u128::from(notice.loss.get()) == lost
            && u128::from(notice.cap.get()) == deal.cap(victim)
            && notice.loss <= notice.cap;
        hold(fits, Invariant::Band, || format!("record {}: {notice:?} where {lost} was lost", seen.seq))?;
        // Whatever became due by the time the calm began may be the story's doing; nothing that came later is.
        let excused = match (calm_since, deal.deadline()) {
            (Some(since), Some(deadline)) => deadline <= since,
            _ => true,
        };
        hold(excused || !honest.contains(&notice.by), Invariant::HonestDefault, || {
            format!("record {}: {} in deal {}", seen.seq, notice.by, notice.deal)
        })
    }

    pub fn compare(
        &self,
        engine: &Engine,
        accounts: &BTreeMap<AccountId, AccountState>,
    ) -> Result<(), Broken> {
        let mut reserved: BTreeMap<AccountId, u128> = BTreeMap::new();
        for deal in self.all.values() {
            hold(engine.deal(&deal.told.id).as_ref() == Some(&deal.told), Invariant::Band, || {
                format!("deal {} is not as it was told", deal.told.id)
            })?;
            for party in PARTIES {
                let sum = reserved.entry(deal.account(party)).or_default();
                *sum = sum.saturating_add(worth_up(deal.rate, deal.reserved(party)));
            }
        }
        for account in accounts.keys() {
            let expected = u64_of(reserved.get(account).copied().unwrap_or(0));
            let found = engine.account(account).map(|state| state.reserved.get());
            hold(found == Some(expected), Invariant::Limit, || {
                format!("{account} reserves {found:?}, its deals come to {expected}")
            })?;
        }
        Ok(())
    }
}

/// The terms of a new deal are those of its market, and no cap is beyond what the order's owner allowed.
fn check_caps(
    told: &DealState,
    rate: Option<Ratio>,
    orders: &Orders,
    markets: &BTreeMap<MarketId, Market>,
) -> Result<(), String> {
    let terms = told.deal.terms();
    if let Some(market) = markets.get(&told.market) {
        let rails = (market.base_rail, market.quote_rail) == (terms.base_rail, terms.quote_rail);
        let times = (market.listing.pay_us, market.listing.acknowledge_us);
        if !rails || times != (terms.pay_us, terms.acknowledge_us) {
            return Err("its terms are not its market's".to_owned());
        }
    }
    let taker = match told.taker_side {
        bandex_types::Side::Sell => Party::Seller,
        bandex_types::Side::Buy => Party::Buyer,
    };
    for (order, party) in [(&told.taker, taker), (&told.maker, taker.other())] {
        let cap = worth_up(rate, u128::from(terms.cap_of(party).get()));
        let beyond = orders.own_cap(order).is_some_and(|own| cap > u128::from(own.get()));
        if beyond && !terms.settles_at_once() {
            return Err(format!("the {party}'s cap {} is beyond its order's", terms.cap_of(party)));
        }
    }
    Ok(())
}

/// A new deal is over what was traded for it.
fn check_totals(
    told: &DealState,
    traded: Option<(Quantity, Price)>,
    markets: &BTreeMap<MarketId, Market>,
) -> Result<(), String> {
    let (lots, price) = traded.ok_or("nobody traded for it")?;
    let Some(market) = markets.get(&told.market) else { return Err("on no market".to_owned()) };
    let rounding = if market.quote_rail == Rail::Token { Rounding::Down } else { Rounding::Up };
    let base = lots.get().checked_mul(market.listing.lot_units).map(Amount::new);
    let quote = quote_amount(lots, price, market.listing.tick_value, rounding);
    let terms = told.deal.terms();
    if (base, quote) == (Some(terms.base_total), Some(terms.quote_total)) {
        return Ok(());
    }
    Err(format!("it is over {} for {}, its trades over {lots} lots", terms.base_total, terms.quote_total))
}
