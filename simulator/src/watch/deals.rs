//! Deals: reckoned from their tranches alone, without the settlement crate's own arithmetic.

use super::{Market, Orders, Seen};
use crate::broken::{Broken, Invariant, hold};
use bandex_engine::{AccountState, DealState, DefaultNotice, Engine, Event, Netted, Trade, Tranche};
use bandex_settlement::{Party, State, Terms};
use bandex_tradechain::Body;
use bandex_types::{
    AccountId, Amount, BlockId, DealId, MarketId, Price, Quantity, Rail, Rounding, Timestamp, quote_amount,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of all deals.
#[derive(Debug, Default)]
pub(crate) struct Deals {
    all: BTreeMap<DealId, Reckoned>,
    /// The `pay` blocks that wait or waited for an acknowledgement.
    payments: BTreeSet<BlockId>,
    pub counts: Counts,
}

/// How deals ended.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub opened: u64,
    pub settled: u64,
    pub defaulted: u64,
    pub disputed: u64,
    /// Replaced by others.
    pub netted: u64,
    /// Cured, resolved or written off.
    pub mended: u64,
    /// Trades that went into a deal together with an earlier one.
    pub grown: u64,
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

    /// What counted as sent by a party when the deal took the place of others.
    pub fn carried(&self, party: Party) -> u128 {
        self.told.deal.carried().map_or(0, |carried| carried.by(party).get().into())
    }

    /// What a party has finally sent, in units of its leg.
    pub fn units(&self, party: Party) -> u128 {
        of(&self.units, party)
    }

    pub fn is_over(&self) -> bool {
        self.told.deal.state().is_closed()
    }

    /// What an account has bought here and not paid for yet, outside the ledger.
    pub fn unsettled_by(&self, buyer: &AccountId) -> u128 {
        let open = matches!(self.told.deal.state(), State::Open | State::Disputed { .. });
        let counts = open && self.told.buyer == *buyer && self.terms().quote_rail == Rail::Attested;
        if counts { self.total().saturating_sub(self.value(Party::Buyer)) } else { 0 }
    }

    /// Units of base, or of quote, that are still to be sent.
    fn left(&self, leg: usize) -> i128 {
        let sent = self.units.get(leg).copied().unwrap_or(0);
        self.opened_over(leg).saturating_sub(i128::try_from(sent).unwrap_or(i128::MAX))
    }

    /// Units of base, or of quote, that the deal was opened over.
    fn opened_over(&self, leg: usize) -> i128 {
        let all = match leg {
            0 => u128::from(self.terms().base_total.get()),
            _ => self.total().saturating_sub(self.carried(Party::Buyer)),
        };
        i128::try_from(all).unwrap_or(i128::MAX)
    }

    /// The most that a party could come to owe from here on, whatever state the deal is in.
    fn may_owe(&self, party: Party) -> u128 {
        self.total().saturating_sub(self.value(party)).min(self.cap(party.other()))
    }

    fn total(&self) -> u128 {
        u128::from(self.terms().quote_total.get())
    }

    fn cap(&self, party: Party) -> u128 {
        u128::from(self.terms().cap_of(party).get())
    }

    /// What counts against the limit of a party.
    fn reserved(&self, party: Party) -> u128 {
        if self.terms().settles_at_once() {
            return 0;
        }
        match self.told.deal.state() {
            State::Open | State::Disputed { .. } => self.may_owe(party),
            State::Defaulted { by } if by == party => {
                self.value(party.other()).saturating_sub(self.value(party))
            }
            State::Defaulted { .. } | State::WrittenOff { .. } | State::Settled => 0,
            State::Cured { .. } | State::Resolved | State::Netted => 0,
        }
    }

    /// When what must happen next must have happened; none if nothing must.
    fn deadline(&self) -> Option<Timestamp> {
        match (self.told.deal.state(), self.told.deal.in_flight()) {
            (State::Open, Some(open)) => Some(open.since.plus(self.terms().acknowledge_us)),
            (State::Open, None) => Some(self.due_since.plus(self.terms().pay_us)),
            _ => None,
        }
    }

    /// The net stays in the band, also if what is in flight arrived; nobody sends more than agreed; base follows value,
    /// rounded down.
    fn check_band(&self) -> Result<(), String> {
        let terms = self.terms();
        let carried = PARTIES.map(|party| self.carried(party));
        let [carried_base, carried_quote] = carried;
        for party in PARTIES {
            if self.value(party) > self.total() {
                return Err(format!("the {party} sent {} of {}", self.value(party), self.total()));
            }
            let flying = self.told.deal.in_flight().filter(|open| open.party == party);
            let at_most = self.value(party).saturating_add(flying.map_or(0, |open| open.value.get().into()));
            let ahead = at_most.saturating_sub(self.value(party.other()));
            if !terms.settles_at_once() && ahead > self.cap(party) {
                return Err(format!("the {party} is ahead by {ahead}, its cap is {}", self.cap(party)));
            }
            let told = (u128::from(self.told.deal.sent(party).get()), self.told.deal.sent_units(party).get());
            if !terms.settles_at_once() && told != (self.value(party), u64_of(self.units(party))) {
                return Err(format!("the {party} sent {told:?}, its tranches say otherwise"));
            }
        }
        let (base, quote) = (u128::from(terms.base_total.get()), self.total().saturating_sub(carried_base));
        let value = self.value(Party::Seller).saturating_sub(carried_base);
        let due = value.saturating_mul(base).checked_div(quote).unwrap_or(base);
        if !terms.settles_at_once() && self.units(Party::Seller) != due {
            return Err(format!("{} units of base went for the value of {due}", self.units(Party::Seller)));
        }
        let paid = self.units(Party::Buyer).saturating_add(carried_quote);
        if !terms.settles_at_once() && paid != self.value(Party::Buyer) {
            return Err("quote is not worth what it is worth".to_owned());
        }
        Ok(())
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

    /// What the deals between two let one of them owe the other.
    pub fn owed(&self, debtor: &AccountId, creditor: &AccountId) -> u128 {
        let sides = self.all.values().filter_map(|deal| Some((deal, deal.party(debtor)?)));
        let between = sides.filter(|(deal, party)| deal.account(party.other()) == *creditor);
        between.map(|(deal, party)| deal.reserved(party)).fold(0, u128::saturating_add)
    }

    pub fn settles_at_once(&self, id: &DealId) -> bool {
        self.all.get(id).is_some_and(|deal| deal.terms().settles_at_once())
    }

    pub fn is_payment(&self, proposal: &BlockId) -> bool {
        self.payments.contains(proposal)
    }

    pub fn take(
        &mut self,
        seen: &Seen<'_>,
        honest: &BTreeSet<AccountId>,
        calm_since: Option<Timestamp>,
        orders: &Orders,
        markets: &BTreeMap<MarketId, Market>,
    ) -> Result<(), Broken> {
        if let Some((block, id)) = seen.block
            && matches!(block.body, Body::Pay(_))
        {
            self.payments.insert(id);
        }
        // The states come at the end of the events; what happened before they are compared with comes first.
        let mut tranches: BTreeMap<DealId, Vec<&Tranche>> = BTreeMap::new();
        let mut fills: BTreeMap<DealId, (Quantity, Price)> = BTreeMap::new();
        for event in seen.events {
            match event {
                Event::Trade(trade) => self.fill(seen, trade, &mut fills)?,
                Event::Tranche(tranche) => tranches.entry(tranche.deal).or_default().push(tranche),
                Event::Default(notice) => self.default(seen, notice, honest, calm_since)?,
                Event::Deal(told) => {
                    let moved = tranches.remove(&told.id).unwrap_or_default();
                    self.deal(seen, told, &moved, orders, markets, fills.remove(&told.id))?;
                }
                _ => {}
            }
        }
        hold(fills.is_empty(), Invariant::Band, || format!("record {}: trades in no deal", seen.seq))?;
        for event in seen.events {
            if let Event::Netted(netted) = event {
                self.netted(netted).map_err(|what| {
                    Broken::new(Invariant::Band, format!("record {}: {netted:?}: {what}", seen.seq))
                })?;
            }
        }
        for deal in self.all.values() {
            let late = deal.deadline().is_some_and(|deadline| deadline <= seen.time);
            hold(!late, Invariant::Deadline, || {
                format!("record {} at {}: deal {} is overdue", seen.seq, seen.time, deal.told.id)
            })?;
        }
        Ok(())
    }

    /// Two deals of the same two on one market, one each way, have become one over what was left between them, and more
    /// of nobody's limit is held.
    fn netted(&self, netted: &Netted) -> Result<(), String> {
        let deal = |id: &DealId| self.all.get(id).ok_or_else(|| format!("there is no deal {id}"));
        let [older, newer] = &netted.replaced;
        let (older, newer) = (deal(older)?, deal(newer)?);
        let over = |deal: &Reckoned| deal.told.deal.state() == State::Netted;
        let (one, other) = (&older.told, &newer.told);
        let pair = (one.market, one.seller, one.buyer) == (other.market, other.buyer, other.seller);
        if !pair || !over(older) || !over(newer) {
            return Err("the two cannot be netted".to_owned());
        }
        // What the older deal's seller still had to send and to get, on balance.
        let balance = [0, 1].map(|at| older.left(at) - newer.left(at));
        let Some(id) = &netted.deal else {
            return if balance == [0, 0] { Ok(()) } else { Err(format!("{balance:?} is lost")) };
        };
        let new = deal(id)?;
        let along = (new.told.seller, new.told.buyer) == (one.seller, one.buyer);
        let against = (new.told.seller, new.told.buyer) == (one.buyer, one.seller);
        let left = [0, 1].map(|at| if along { new.opened_over(at) } else { -new.opened_over(at) });
        if !(along || against) || left != balance || new.told.replaces != Some(netted.replaced) {
            return Err(format!("{balance:?} is left, the new deal is over {left:?}"));
        }
        for account in [one.seller, one.buyer] {
            let held = |deal: &Reckoned| deal.party(&account).map_or(0, |party| deal.may_owe(party));
            let (now, then) = (held(new), held(older).saturating_add(held(newer)));
            if now > then {
                return Err(format!("{account} is held to {now}, before it was {then}"));
            }
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
        orders: &Orders,
        markets: &BTreeMap<MarketId, Market>,
        traded: Option<(Quantity, Price)>,
    ) -> Result<(), Broken> {
        let is_new = !self.all.contains_key(&told.id);
        let deal = self.all.entry(told.id).or_insert_with(|| {
            let carried = told.deal.carried().unwrap_or_default();
            let values = PARTIES.map(|party| carried.by(party).get().into());
            Reckoned { told: told.clone(), values, units: [0; 2], due_since: seen.time }
        });
        let before = (deal.told.deal.state(), deal.deadline(), deal.told.deal.state().is_over() && !is_new);
        for tranche in moved {
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
            && (deal.told.seller, deal.told.buyer) == (told.seller, told.buyer);
        deal.told = told.clone();
        let broken = |what: String| {
            Broken::new(Invariant::Band, format!("record {}: deal {}: {what}", seen.seq, told.id))
        };
        if !same || before.2 {
            return Err(broken("it changed after it was agreed or ended".to_owned()));
        }
        deal.check_band().map_err(broken)?;
        if is_new {
            self.counts.opened = self.counts.opened.saturating_add(1);
            // What took the place of two is held against them.
            if told.replaces.is_none() {
                check_caps(told, orders, markets).map_err(broken)?;
                check_totals(told, traded, markets).map_err(broken)?;
            }
        }
        let now = told.deal.state();
        if (is_new || before.0 != now) && now != State::Open {
            let count = match now {
                State::Settled => &mut self.counts.settled,
                State::Defaulted { .. } => &mut self.counts.defaulted,
                State::Disputed { .. } => &mut self.counts.disputed,
                State::Netted => &mut self.counts.netted,
                _ => &mut self.counts.mended,
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
        &self,
        seen: &Seen<'_>,
        notice: &DefaultNotice,
        honest: &BTreeSet<AccountId>,
        calm_since: Option<Timestamp>,
    ) -> Result<(), Broken> {
        let Some(deal) = self.all.get(&notice.deal) else {
            return Err(Broken::new(Invariant::Band, format!("record {}: default of no deal", seen.seq)));
        };
        let victim = deal.party(&notice.victim).unwrap_or(Party::Seller);
        let lost = deal.value(victim).saturating_sub(deal.value(victim.other()));
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
                *sum = sum.saturating_add(deal.reserved(party));
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
fn check_caps(told: &DealState, orders: &Orders, markets: &BTreeMap<MarketId, Market>) -> Result<(), String> {
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
        let beyond = orders.own_cap(order).is_some_and(|cap| terms.cap_of(party) > cap);
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
