//! The deals an agent follows and what it may do in them: no clock, no connection, no waiting.

use crate::coins::ChainPayment;
use crate::judge::Next;
use crate::view::PayeeView;
use crate::{
    DealView, Declined, Disagreement, Event, Followed, Incoming, News, OwnOrders, Payment, Policy, Replaced,
    Stake, Taken, Task, judge,
};
use bandex_sdk::Markets;
use bandex_sdk::api::Deal;
use bandex_sdk::tradechain::body::Pay;
use bandex_sdk::types::{AccountId, Amount, DealId, OrderRef, Rail, Timestamp};
use bandex_settlement::Party;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something to do in a deal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    Pay {
        payment: Payment,
        /// Money must move outside the exchange before the payment is signed.
        outside: bool,
        /// The reference, if that was done before.
        paid_as: Option<String>,
    },
    Acknowledge(Incoming),
    /// Say where to be paid on the chain.
    Name(DealId),
    /// Pay on the chain, to what the payee is proven to have named.
    PayOnChain {
        view: Box<DealView>,
        payee: PayeeView,
        payment: ChainPayment,
        /// This payment alone, in quote units.
        amount: Amount,
    },
}

#[derive(Debug)]
struct Tracked {
    deal: Deal,
    followed: Option<Followed>,
    /// Something is being done.
    busy: bool,
    /// What the exchange said before this record is out of date: it does not know of the own last step.
    acted_seq: u64,
    /// The state at this record has been dealt with.
    considered: Option<u64>,
    /// The demand on the chain that the wallet has taken on: from there it sees to it by itself.
    taken_on: Option<u32>,
}

pub(crate) struct Desk {
    account: AccountId,
    markets: Arc<Markets>,
    orders: Box<dyn OwnOrders>,
    policy: Policy,
    deals: BTreeMap<DealId, Tracked>,
    closed: BTreeSet<DealId>,
    /// Netted deals whose replacement was not judged yet, as they stood.
    netted: BTreeMap<DealId, Replaced>,
    /// Deals that wait until a step in one that they replace is over, by that one.
    waiting: BTreeMap<DealId, DealId>,
    /// What each deal took of each own order.
    taken: BTreeMap<OrderRef, BTreeMap<DealId, Taken>>,
}

impl Desk {
    pub fn new(
        account: AccountId,
        markets: Arc<Markets>,
        orders: Box<dyn OwnOrders>,
        policy: Policy,
    ) -> Self {
        let (deals, closed, taken) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let (netted, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { account, markets, orders, policy, deals, closed, netted, waiting, taken }
    }

    /// Takes in news; gives the deals to look at.
    pub fn hear(&mut self, news: News, events: &mut Vec<Event>) -> BTreeSet<DealId> {
        let mut heard = BTreeSet::new();
        for deal in news.deals {
            match deal.deal.parse() {
                Ok(id) => {
                    heard.insert(id);
                    self.track(id, deal);
                }
                Err(error) => tracing::warn!(%error, deal = deal.deal, "a deal without a name"),
            }
        }
        if news.whole {
            let gone: Vec<_> = self.deals.keys().filter(|id| !heard.contains(id)).copied().collect();
            for deal in gone {
                self.close(deal);
                events.push(Event::Closed { deal });
            }
        }
        heard
    }

    fn track(&mut self, id: DealId, deal: Deal) {
        if self.closed.contains(&id) {
            return;
        }
        match self.deals.get_mut(&id) {
            Some(tracked) if deal.seq >= tracked.deal.seq => tracked.deal = deal,
            Some(_) => {}
            None => {
                let new = Tracked {
                    deal,
                    followed: None,
                    busy: false,
                    acted_seq: 0,
                    considered: None,
                    taken_on: None,
                };
                self.deals.insert(id, new);
            }
        }
    }

    fn close(&mut self, id: DealId) {
        self.deals.remove(&id);
        self.closed.insert(id);
    }

    /// What was done in a deal is over: in record `seq`, or without effect. Gives the deals to look at.
    pub fn done(&mut self, id: DealId, seq: Option<u64>) -> BTreeSet<DealId> {
        if let Some(tracked) = self.deals.get_mut(&id) {
            tracked.busy = false;
            tracked.acted_seq = tracked.acted_seq.max(seq.unwrap_or_default());
        }
        let waited = self.waiting.remove(&id);
        if let Some(tracked) = waited.and_then(|waited| self.deals.get_mut(&waited)) {
            tracked.considered = None;
        }
        waited.into_iter().chain([id]).collect()
    }

    /// What to do in a deal now. After something is given, the deal rests until [`Desk::done`].
    pub fn consider(
        &mut self,
        id: DealId,
        last_pay: &dyn Fn(&DealId) -> Option<Pay>,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Option<Act> {
        let tracked = self.deals.get_mut(&id)?;
        let seq = tracked.deal.seq;
        if tracked.busy || seq < tracked.acted_seq || tracked.considered == Some(seq) {
            return None;
        }
        tracked.considered = Some(seq);
        match self.task(id, last_pay) {
            Ok((view, task)) => {
                let act = self.act(&view, task, now, events);
                if let Some(tracked) = self.deals.get_mut(&id) {
                    tracked.busy = act.is_some();
                }
                act
            }
            Err(what) => {
                let deal = id.to_string();
                events.push(Event::Disagreement { deal, what });
                None
            }
        }
    }

    /// The deals that one replaces, as they stood: those that are only followed are judged first.
    fn replaced(
        &mut self,
        id: DealId,
        replaces: [DealId; 2],
        last_pay: &dyn Fn(&DealId) -> Option<Pay>,
    ) -> Result<Vec<Replaced>, Disagreement> {
        for older in replaces.iter().filter(|older| **older != id) {
            let followed = self.deals.get(older).map(|tracked| tracked.busy);
            match followed.filter(|_| !self.netted.contains_key(older)) {
                // What is under way there may be money.
                Some(true) => {
                    self.waiting.insert(*older, id);
                }
                Some(false) => {
                    if let (view, Task::Netted) = self.task(*older, last_pay)? {
                        self.netted.insert(*older, Replaced::of(&view));
                    }
                }
                None => {}
            }
        }
        Ok(replaces.iter().filter_map(|id| self.netted.get(id)).cloned().collect())
    }

    fn task(
        &mut self,
        id: DealId,
        last_pay: &dyn Fn(&DealId) -> Option<Pay>,
    ) -> Result<(DealView, Task), Disagreement> {
        let tracked = self.deals.get(&id).ok_or(Disagreement::NotOurs)?;
        let view = DealView::read(&tracked.deal, &self.markets)?;
        let unfollowed = tracked.followed.is_none();
        let replaced = match view.replaces.filter(|_| unfollowed) {
            Some(replaces) => self.replaced(id, replaces, last_pay)?,
            None => Vec::new(),
        };
        let tracked = self.deals.get_mut(&id).ok_or(Disagreement::NotOurs)?;
        let own = view.order(party_of(&view, self.account));
        let of_order = self.taken.entry(own).or_default();
        let elsewhere = of_order.iter().filter(|(other, _)| **other != id);
        let elsewhere = elsewhere.fold(Taken::default(), |sum, (_, taken)| sum.and(*taken));
        let (order, last_pay) = (self.orders.find(&own), last_pay(&id));
        let stake = Stake { order, elsewhere, last_pay, replaced };
        let (followed, task) = judge(&view, self.account, &stake, tracked.followed.as_ref())?;
        // From here the deal is in order.
        tracked.followed = Some(followed);
        match view.replaces {
            // What it is over was taken by those before it.
            Some(replaces) => self.netted.retain(|id, _| !replaces.contains(id)),
            None => {
                of_order.insert(id, Taken::by(&view));
            }
        }
        Ok((view, task))
    }

    fn act(&mut self, view: &DealView, task: Task, now: Timestamp, events: &mut Vec<Event>) -> Option<Act> {
        let deal = view.id;
        match task {
            Task::Wait => None,
            Task::Settled => {
                self.close(deal);
                events.push(Event::Settled { deal });
                None
            }
            Task::Netted => {
                self.close(deal);
                self.netted.insert(deal, Replaced::of(view));
                events.push(Event::Netted { deal });
                None
            }
            Task::Ended { state } => {
                self.close(deal);
                events.push(Event::Ended { deal, state });
                None
            }
            Task::Defaulted { by, loss } => {
                self.close(deal);
                events.push(Event::Defaulted { deal, by_us: view.account(by) == self.account, loss });
                None
            }
            Task::Name { .. } => Some(Act::Name(deal)),
            Task::PayOnChain { number, cumulative, deadline, payee } => {
                self.pay_on_chain(view, (number, cumulative), deadline, payee, now, events)
            }
            Task::Acknowledge { next, proposal } => {
                let (asset, payer) = (view.asset(next.party).clone(), view.account(next.party));
                let Next { tranche, amount, cumulative, .. } = next;
                Some(Act::Acknowledge(Incoming { deal, tranche, payer, asset, amount, cumulative, proposal }))
            }
            Task::Pay { next, deadline, paid_as } => {
                // What has been paid is only to be reported: nothing is risked by that.
                let free = paid_as.is_some();
                if let Some(why) = self.declined(view, next, deadline, now).filter(|_| !free) {
                    events.push(Event::Declined { deal, tranche: next.tranche, why });
                    return None;
                }
                let Next { party, tranche, amount, cumulative, .. } = next;
                let (asset, payee) = (view.asset(party).clone(), view.account(party.other()));
                let outside = view.terms.rail_of(party) != Rail::Token && !amount.is_zero();
                let payment = Payment { deal, tranche, payee, asset, amount, cumulative, deadline };
                Some(Act::Pay { payment, outside, paid_as })
            }
        }
    }

    /// A demand on the chain, once: what it comes to is the wallet's business from then on.
    fn pay_on_chain(
        &mut self,
        view: &DealView,
        (number, cumulative): (u32, Amount),
        deadline: Timestamp,
        payee: PayeeView,
        now: Timestamp,
        events: &mut Vec<Event>,
    ) -> Option<Act> {
        let deal = view.id;
        if self.deals.get(&deal).is_some_and(|tracked| tracked.taken_on >= Some(number)) {
            return None;
        }
        let included = view.chain.as_ref().map_or(Amount::ZERO, |chain| chain.included);
        let amount = cumulative.saturating_sub(included);
        let owed = cumulative.saturating_sub(view.sent.seller);
        if let Some(why) = self.declined_sums(amount, owed).or_else(|| self.declined_time(deadline, now)) {
            events.push(Event::Declined { deal, tranche: number, why });
            return None;
        }
        let (script, account) = (payee.script.clone(), view.account(Party::Seller));
        let payment = ChainPayment { deal, number, payee: account, script, cumulative, deadline };
        Some(Act::PayOnChain { view: Box::new(view.clone()), payee, payment, amount })
    }

    /// The wallet has taken on a demand of a deal.
    pub fn taken_on(&mut self, id: DealId, number: u32) {
        if let Some(tracked) = self.deals.get_mut(&id) {
            tracked.taken_on = tracked.taken_on.max(Some(number));
        }
    }

    fn declined_time(&self, deadline: Timestamp, now: Timestamp) -> Option<Declined> {
        let margin = u64::try_from(self.policy.margin.as_micros()).unwrap_or(u64::MAX);
        (now.plus(margin) >= deadline).then_some(Declined::TooLate(deadline))
    }

    /// Whether a payment is too large, or leaves the counterparty owing too much.
    fn declined_sums(&self, value: Amount, cap: Amount) -> Option<Declined> {
        if let Some(largest) = self.policy.largest_tranche.filter(|largest| value > *largest) {
            return Some(Declined::Tranche { value, largest });
        }
        let largest = self.policy.largest_exposure.filter(|largest| cap > *largest)?;
        Some(Declined::Exposure { cap, largest })
    }

    fn declined(&self, view: &DealView, next: Next, deadline: Timestamp, now: Timestamp) -> Option<Declined> {
        let outside = view.terms.rail_of(next.party) != Rail::Token;
        let late = self.declined_time(deadline, now).filter(|_| outside);
        late.or_else(|| self.declined_sums(next.value, owed_after(view, next)))
    }
}

/// How much the counterparty will owe once `next` is paid, in quote value.
fn owed_after(view: &DealView, next: Next) -> Amount {
    let reaches = view.sent.by(next.party).checked_add(next.value).unwrap_or(Amount::MAX);
    reaches.saturating_sub(view.sent.by(next.party.other()))
}

/// The account's side; a foreign deal counts as the buyer's until it is judged.
fn party_of(view: &DealView, account: AccountId) -> Party {
    if view.seller == account { Party::Seller } else { Party::Buyer }
}

#[cfg(test)]
mod tests;
