//! Deals as a reader of outcomes sees them: the net in its band, nothing paid beyond what was agreed, and no
//! reservation beyond the limit.

use super::books::{Orders, listing_of, notional, rails};
use super::trust::worth_up;
use super::watch::DealLock;
use bandex_engine::{DealState, DefaultNotice, Engine, Event, Netted, Outcome, Trade, Tranche};
use bandex_settlement::{Party, State, draw_cap};
use bandex_tradechain::{deal_id, netted_id};
use bandex_types::{AccountId, Amount, DealId, Quantity, Rail, Ratio, Rounding, Side, share};
use std::collections::{BTreeMap, BTreeSet};

const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];

/// All deals ever opened.
#[derive(Default)]
pub struct Deals {
    /// As the last event says.
    pub states: BTreeMap<DealId, DealState>,
    /// The fills of each; all of a deal come in one step, at one price.
    trades: BTreeMap<DealId, Vec<Trade>>,
    /// The number of the last tranche, and the units that seller and buyer sent, added up from the tranches.
    sent: BTreeMap<DealId, (u32, [u64; 2])>,
    defaulted: BTreeSet<DealId>,
    /// What a quote unit of each was worth when it was opened, and which was opened after which.
    rates: BTreeMap<DealId, Option<Ratio>>,
    opened: Vec<DealId>,
    before: Before,
}

/// How things stood before the command being applied.
#[derive(Default)]
pub struct Before {
    /// Everybody's limit, and what of it deals hold that were written off.
    pub limits: BTreeMap<AccountId, (Amount, Amount)>,
    pub share_ppm: u32,
}

fn index(party: Party) -> usize {
    usize::from(party == Party::Buyer)
}

fn account(state: &DealState, party: Party) -> AccountId {
    match party {
        Party::Seller => state.seller,
        Party::Buyer => state.buyer,
    }
}

impl Deals {
    pub fn begin_command(&mut self, before: Before) {
        self.before = before;
    }

    pub fn open(&mut self, trade: &Trade, rate: Option<Ratio>) {
        if self.rates.insert(trade.deal, rate).is_none() {
            self.opened.push(trade.deal);
        }
        assert_eq!(trade.deal, deal_id(&trade.taker, &trade.maker));
        assert!(!self.states.contains_key(&trade.deal), "no deal grows after its step: {trade:?}");
        self.trades.entry(trade.deal).or_default().push(trade.clone());
    }

    pub fn tranche(&mut self, tranche: &Tranche) {
        let (last, sent) = self.sent.entry(tranche.deal).or_default();
        *last += 1;
        assert_eq!(tranche.tranche, *last, "tranches are counted without gaps");
        sent[index(tranche.party)] += tranche.units.get();
    }

    pub fn netted(&mut self, netted: &Netted) {
        // What goes on counts at the lesser rate of the two, so that no reservation rises.
        let [one, other] = netted.replaced.map(|id| self.rates[&id]);
        let of = |rate: Option<Ratio>| rate.map_or((1, 1), |rate| (rate.num().into(), rate.den().into()));
        let ((num, den), (other_num, other_den)): ((u128, u128), (u128, u128)) = (of(one), of(other));
        let lesser = if num * other_den <= other_num * den { one } else { other };
        if let Some(id) = netted.deal {
            self.rates.insert(id, lesser);
        }
    }

    pub fn default(&mut self, notice: &DefaultNotice) {
        assert!(notice.loss <= notice.cap, "a default costs at most the cap: {notice:?}");
        assert!(self.defaulted.insert(notice.deal), "a deal defaults once");
    }

    pub fn change(&mut self, state: &DealState) {
        if let Some(before) = self.states.insert(state.id, state.clone()) {
            // What still comes on a chain to a deal that is over is told.
            if state.deal.chain().is_none() || before.deal.state() != state.deal.state() {
                check_step(before.deal.state(), state.deal.state());
            }
            assert_eq!((before.replaces, before.deal.carried()), (state.replaces, state.deal.carried()));
            assert_eq!(before.deal.terms(), state.deal.terms());
            for party in PARTIES {
                assert!(before.deal.sent(party) <= state.deal.sent(party));
            }
        }
    }

    /// What the deals of an account reserve of its limit.
    pub fn reserved(&self, whose: &AccountId) -> u128 {
        let sides = self.states.values().flat_map(|state| PARTIES.map(|party| (state, party)));
        let own = sides.filter(|(state, party)| account(state, *party) == *whose);
        own.map(|(state, party)| self.worth(state, state.deal.reserved(party))).sum()
    }

    /// What quote units of a deal count for against limits.
    fn worth(&self, state: &DealState, units: Amount) -> u128 {
        worth_up(self.rates.get(&state.id).copied().flatten(), units.get())
    }

    /// What all deals between two let one of them owe the other.
    pub fn owed(&self, debtor: &AccountId, creditor: &AccountId) -> u128 {
        let sides = self.states.values().flat_map(|state| PARTIES.map(|party| (state, party)));
        let between = sides.filter(|(state, party)| {
            account(state, *party) == *debtor && account(state, party.other()) == *creditor
        });
        between.map(|(state, party)| self.worth(state, state.deal.reserved(party))).sum()
    }

    /// How much one of its parties lets the other owe in a deal.
    pub fn cap_for(&self, deal: DealId, whose: &AccountId) -> Amount {
        let state = &self.states[&deal];
        let party = if state.seller == *whose { Party::Seller } else { Party::Buyer };
        state.deal.terms().cap_of(party)
    }

    /// The last deal that was opened between two.
    pub fn last_between(&self, one: &AccountId, other: &AccountId) -> Option<DealId> {
        let between = |id: &&DealId| {
            let state = &self.states[id];
            [(state.seller, state.buyer), (state.buyer, state.seller)].contains(&(*one, *other))
        };
        self.opened.iter().rev().find(between).copied()
    }

    /// The accounts of the orders that made and took a deal.
    pub fn maker_and_taker(&self, deal: DealId) -> [AccountId; 2] {
        let (taker_side, seller, buyer) = match self.trades.get(&deal) {
            Some(trades) => return [trades[0].maker_account, trades[0].taker_account],
            None => {
                let state = &self.states[&deal];
                (state.taker_side, state.seller, state.buyer)
            }
        };
        if taker_side == Side::Sell { [buyer, seller] } else { [seller, buyer] }
    }

    /// Whether an account defaulted in any deal.
    pub fn has_defaulted(&self, whose: &AccountId) -> bool {
        let by = |state: &DealState| match state.deal.state() {
            State::Defaulted { by } | State::Cured { by } => account(state, by) == *whose,
            State::WrittenOff { .. } | State::Resolved => [state.seller, state.buyer].contains(whose),
            _ => false,
        };
        self.defaulted.iter().any(|id| by(&self.states[id]))
    }

    /// What an account has bought and not yet paid for, outside the ledger.
    pub fn unsettled(&self, whose: &AccountId) -> u128 {
        let bought =
            self.states.values().filter(|state| state.buyer == *whose && !state.deal.state().is_closed());
        let outside = bought.filter(|state| state.deal.terms().quote_rail != Rail::Token);
        outside.map(|state| self.worth(state, state.deal.undelivered_quote())).sum()
    }

    /// What each side of each deal must lock: what it has still to deliver on the ledger, 0 once the deal has ended.
    pub fn locks(&self) -> Vec<DealLock> {
        let sides = self.states.values().flat_map(|state| PARTIES.map(|party| (state, party)));
        let lock = |(state, party): (&DealState, Party)| {
            let left = match party {
                Party::Seller => state.deal.undelivered_base(),
                Party::Buyer => state.deal.undelivered_quote(),
            };
            let locks = !state.deal.state().is_closed() && state.deal.terms().rail_of(party) == Rail::Token;
            // What arrived on the chain before a default is still delivered for.
            let kept = if party == Party::Seller { state.deal.kept_base().get() } else { 0 };
            (state.id, party, account(state, party), if locks { left.get() } else { kept })
        };
        sides.map(lock).collect()
    }

    pub fn check(&self, engine: &Engine, outcome: &Outcome, orders: &Orders) {
        for (id, state) in &self.states {
            assert_eq!(engine.deal(id).as_ref(), Some(state), "events tell every change of a deal");
            self.check_deal(engine, state, orders);
        }
        let traded = self.states.values().filter(|state| state.replaces.is_none()).count();
        assert_eq!(self.trades.len(), traded);
        for event in &outcome.events {
            match event {
                Event::Trade(trade) => self.check_new(engine, &self.states[&trade.deal]),
                Event::Netted(netted) => self.check_netted(netted),
                _ => {}
            }
        }
    }

    fn check_deal(&self, engine: &Engine, state: &DealState, orders: &Orders) {
        let (deal, terms) = (&state.deal, state.deal.terms());
        assert!(deal.is_consistent(), "{state:?}");
        match deal.state() {
            State::Defaulted { .. } | State::Cured { .. } => assert!(self.defaulted.contains(&state.id)),
            // Disputes and defaults may end so.
            State::WrittenOff { .. } | State::Resolved => {}
            _ => assert!(!self.defaulted.contains(&state.id), "{state:?}"),
        }
        let (_, sent) = self.sent.get(&state.id).copied().unwrap_or_default();
        for party in PARTIES {
            let total = if party == Party::Seller { terms.base_total } else { terms.quote_total };
            assert!(deal.sent_units(party) <= total, "paid never exceeds agreed: {state:?}");
            // A gift outside the ledger is settled without a move.
            let told = sent[index(party)];
            let gift = terms.quote_total.is_zero() && terms.rail_of(party) == Rail::Attested;
            assert_eq!(told, if gift { 0 } else { deal.sent_units(party).get() }, "{state:?}");
        }
        let [seller, buyer] = PARTIES.map(|party| i128::from(deal.sent(party).get()));
        let [seller_cap, buyer_cap] = PARTIES.map(|party| i128::from(terms.cap_of(party).get()));
        let net = seller - buyer;
        // What comes too late on a chain counts, and nothing is sent for it.
        let late = deal.chain().is_some() && deal.state().is_closed() && net < 0;
        assert!(late || terms.settles_at_once() || (-buyer_cap <= net && net <= seller_cap), "{state:?}");
        self.check_terms(engine, state, orders);
    }

    fn check_terms(&self, engine: &Engine, state: &DealState, orders: &Orders) {
        // What took the place of others is checked against them.
        let Some(trades) = self.trades.get(&state.id) else { return };
        let terms = state.deal.terms();
        let trade = &trades[0];
        assert!(trades.iter().all(|other| other.price == trade.price));
        let quantity = Quantity::new(trades.iter().map(|trade| trade.quantity.get()).sum());
        let listing = listing_of(engine, state.market);
        assert_eq!((terms.base_rail, terms.quote_rail), rails(engine, &listing));
        assert_eq!(terms.base_total.get(), quantity.get() * listing.lot_units);
        assert_eq!(terms.quote_total, notional(engine, &listing, trade.price, quantity));
        let (sell, buy) = match trade.taker_side {
            Side::Sell => (trade.taker, trade.maker),
            Side::Buy => (trade.maker, trade.taker),
        };
        for (party, order) in [(Party::Seller, sell), (Party::Buyer, buy)] {
            let own = orders.asked[&order].own_cap;
            assert!(
                own.is_none_or(|own| self.worth(state, terms.cap_of(party)) <= u128::from(own.get())),
                "nobody trusts more than it said: {state:?}"
            );
            assert!(terms.cap_of(party) <= terms.quote_total);
            assert_eq!(orders.states[&order].account, account(state, party));
        }
    }

    /// At the moment it is granted no reservation is beyond the limit, nor a cap beyond its share of it.
    ///
    /// A command may let time pass, trade, and then decide something: the limit of that moment is the one before or after.
    fn check_new(&self, engine: &Engine, state: &DealState) {
        let share_ppm = engine.parameters().share_ppm.max(self.before.share_ppm);
        // It was netted at once: what is in its place reserves less.
        let netted = state.deal.state() == State::Netted;
        for party in PARTIES.into_iter().filter(|_| !netted) {
            let owes = engine.account(&account(state, party)).expect("parties exist");
            let (limit, burden) = self.before.limits.get(&owes.account).copied().unwrap_or_default();
            let limit = owes.limit.max(limit);
            let now = engine.trust(&owes.account).map_or(Amount::ZERO, |trust| trust.burden);
            if !state.deal.terms().settles_at_once() {
                let used = u128::from(owes.reserved.get()) + u128::from(burden.min(now).get());
                assert!(used <= u128::from(limit.get()), "{owes:?} in {state:?}");
                let cap = state.deal.terms().cap_of(party.other());
                let limit = match self.rates[&state.id] {
                    Some(rate) => share(limit, rate.den(), rate.num(), Rounding::Down).unwrap_or(Amount::MAX),
                    None => limit,
                };
                let most = draw_cap(cap, None, limit, share_ppm);
                assert_eq!(cap, most, "a cap is at most the share of the limit");
                assert_eq!(state.deal.reserved(party), cap, "both caps are reserved");
            }
        }
    }

    /// What is left of a deal that was netted: base, quote, and what it reserved against seller and buyer, worked out
    /// from its tranches.
    fn left(&self, id: &DealId) -> ([i128; 2], [u64; 2]) {
        let state = &self.states[id];
        assert_eq!((state.deal.state(), state.deal.in_flight()), (State::Netted, None));
        let (terms, carried) = (state.deal.terms(), state.deal.carried().unwrap_or_default());
        let (_, [base, quote]) = self.sent.get(id).copied().unwrap_or_default();
        let due = terms.quote_total.get() - carried.buyer.get();
        let left = [(terms.base_total.get(), base), (due, quote)].map(|(all, sent)| i128::from(all - sent));
        let reserved = PARTIES.map(|party| {
            let left = terms.quote_total.get() - state.deal.sent(party).get();
            left.min(terms.cap_of(party.other()).get())
        });
        (left, reserved)
    }

    /// The deal in the place of two is over what was left between the parties, and holds no more of either's limit.
    fn check_netted(&self, netted: &Netted) {
        let [older, newer] = netted.replaced;
        let (old, new) = (&self.states[&older], &self.states[&newer]);
        assert_eq!((old.market, old.seller, old.buyer), (new.market, new.buyer, new.seller));
        let ((old_left, old_reserved), (new_left, new_reserved)) = (self.left(&older), self.left(&newer));
        let both = |at: usize| old_left[at].min(new_left[at]);
        assert_eq!([netted.base, netted.quote].map(|amount| i128::from(amount.get())), [both(0), both(1)]);
        let net = [0, 1].map(|at| old_left[at] - new_left[at]);
        let Some(id) = netted.deal else {
            assert_eq!(net, [0, 0]);
            return;
        };
        assert_eq!(id, netted_id(&older, &newer));
        let state = &self.states[&id];
        assert_eq!((state.replaces, state.market), (Some(netted.replaced), old.market));
        assert_eq!((state.taker, state.maker), (new.taker, new.maker));
        let along = state.seller == old.seller;
        let pair = if along { (old.seller, old.buyer) } else { (old.buyer, old.seller) };
        assert_eq!((state.seller, state.buyer), pair);
        assert_eq!(
            (state.taker_side == Side::Sell) == (state.seller == new.seller),
            new.taker_side == Side::Sell
        );
        let (terms, carried) =
            (state.deal.terms(), state.deal.carried().expect("it took the place of others"));
        let due = [terms.base_total.get(), terms.quote_total.get() - carried.buyer.get()].map(i128::from);
        assert_eq!(due, if along { net } else { net.map(|units| -units) });
        let [old_seller, old_buyer] = old_reserved;
        let [new_seller, new_buyer] = new_reserved;
        let against = [(old.seller, old_seller + new_buyer), (old.buyer, old_buyer + new_seller)];
        for (whose, most) in against {
            let party = if state.seller == whose { Party::Seller } else { Party::Buyer };
            assert!(terms.may_owe(party, carried).get() <= most, "no reservation rises: {state:?}");
        }
    }
}

/// What has ended stays so, unless it went wrong: then it may still end better.
fn check_step(before: State, now: State) {
    let fine = match before {
        State::Open | State::Disputed { .. } => true,
        State::Defaulted { by } => match now {
            State::Defaulted { by: still } | State::Cured { by: still } => by == still,
            State::WrittenOff { by: victim } => by != victim,
            _ => now == State::Resolved,
        },
        State::WrittenOff { .. } => now == State::Resolved,
        State::Settled | State::Cured { .. } | State::Resolved | State::Netted => false,
    };
    assert!(fine, "{before:?} became {now:?}");
}
