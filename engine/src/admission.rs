//! Who may trade with whom: both sides' caps are drawn on the other's free limit and reserved before they trade.

use crate::accounts::{AccountIndex, Accounts};
use crate::deal_table::Deals;
use crate::market::{Legs, at_slot};
use crate::open::{OpenOrder, OpenOrders, OrderIndex};
use crate::protection::Guards;
use bandex_matching::{Admission, Clearing, Cross, Crossing, NewOrder, OrderId, Pair, Verdict};
use bandex_settlement::{ChainTerms, Terms, caps_allow, draw_cap};
use bandex_tradechain::body::Parameters;
use bandex_types::{Amount, MarketId, Price, Quantity, Side};
use std::collections::BTreeMap;

/// Scores are kept in parts per billion and asked for in parts per million.
const PPB_IN_PPM: u64 = 1_000;

/// Why an order is kept from a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bar {
    /// The limit of its account is used up.
    Exhausted { limit: Amount, free: Amount },
    /// It is a quote, and its account's protection has been tripped.
    Protected,
    /// The pair is below the smallest tranche, and it came later.
    TooSmall,
    /// What is left of it, or its account's limit, is too small for a payment on the chain.
    BelowTranche { least: Amount, cap: Amount },
}

/// Two orders that are to trade, and the terms of their deal: first with this fill and all before it between the two,
/// then, once the step's fills are all known, with all of them.
#[derive(Debug, Clone)]
pub(crate) struct Drawn {
    sell: OrderIndex,
    buy: OrderIndex,
    /// Lots of the deal in all.
    quantity: Quantity,
    pub terms: Terms,
    /// Whether the two have traded before in this step: then their deal is open already.
    pub again: bool,
    /// What this fill adds to what the buyer and the seller may owe, in the unit of account.
    more: [Amount; 2],
}

/// What the trades of one step have reserved so far.
#[derive(Debug, Default)]
pub(crate) struct Draws {
    /// Whose limit, and how much of it in the unit of account, by account.
    reserved: Sums,
    /// Lots of whose guarded quotes, by account.
    quoted: Sums,
    /// Each admitted pair, in order.
    pub fills: Vec<Drawn>,
    /// What the first so many fills let one account owe another: debtor, creditor, in the unit of account. Counted only
    /// as far as somebody asks, since few do.
    owed: (usize, BTreeMap<(AccountIndex, AccountIndex), u128>),
    /// The same as it stands outside the trial that runs.
    before_trial: BeforeTrial,
}

/// What a trial is undone to.
#[derive(Debug, Default)]
struct BeforeTrial {
    reserved: Sums,
    quoted: Sums,
    fills: usize,
    owed: (usize, BTreeMap<(AccountIndex, AccountIndex), u128>),
}

/// What belongs to each account, by account.
type Sums = Vec<(AccountIndex, u128)>;

fn sum_of(list: &[(AccountIndex, u128)], account: AccountIndex) -> u128 {
    let at = list.binary_search_by_key(&account, |(whose, _)| *whose);
    at.ok().and_then(|at| list.get(at)).map_or(0, |(_, sum)| *sum)
}

fn add_to(list: &mut Sums, account: AccountIndex, units: u128) {
    match list.binary_search_by_key(&account, |(whose, _)| *whose) {
        Ok(at) => {
            if let Some((_, sum)) = list.get_mut(at) {
                *sum += units;
            }
        }
        Err(at) => list.insert(at, (account, units)),
    }
}

impl Draws {
    pub fn clear(&mut self) {
        self.reserved.clear();
        self.quoted.clear();
        self.fills.clear();
        self.owed.0 = 0;
        self.owed.1.clear();
    }

    /// Once the book has said all of a step: gives the first fill between two orders the terms of all of them. Their
    /// deal is opened whole, so that it makes no difference in how many parts an order shows itself.
    pub fn join(&mut self) {
        for at in (0..self.fills.len()).rev() {
            let (before, from) = self.fills.split_at_mut(at);
            if let Some(later) = from.first().filter(|fill| fill.again)
                && let Some(first) = before
                    .iter_mut()
                    .find(|fill| !fill.again && (fill.sell, fill.buy) == (later.sell, later.buy))
                && first.quantity < later.quantity
            {
                (first.quantity, first.terms) = (later.quantity, later.terms.clone());
            }
        }
    }
}

/// Draws caps on the free limits of accounts, for the pairs of one step: of an arriving order, or of an auction's end.
pub(crate) struct Limits<'a> {
    pub accounts: &'a Accounts,
    pub orders: &'a OpenOrders,
    pub deals: &'a Deals,
    pub parameters: &'a Parameters,
    /// Whether the rules know what accounts prefer, and count an own cap over all deals with one counterparty.
    pub by_counterparty: bool,
    pub guards: &'a Guards,
    pub slots: &'a [Option<OrderIndex>],
    pub market: MarketId,
    pub legs: Legs,
    pub draws: &'a mut Draws,
}

/// Judges the pairs of an arriving order.
pub(crate) struct Arrival<'a> {
    pub limits: Limits<'a>,
    pub taker: OrderIndex,
}

/// Judges the pairs of an auction's end.
pub(crate) struct Auction<'a> {
    pub limits: Limits<'a>,
}

/// How two orders stand to each other.
enum Judged {
    Admitted,
    SellerBarred(Bar),
    BuyerBarred(Bar),
    /// Nothing can be agreed on that is worth its handling, or one does not deal with whom so few vouch for.
    TooSmall,
}

impl Limits<'_> {
    fn order(&self, id: OrderId) -> OrderIndex {
        at_slot(self.slots, id)
    }

    /// What is left of an account's limit, after what this step's own trades reserve; what it has lent to the deal in
    /// question already counts as left.
    fn free(&self, account: AccountIndex, already: Amount) -> Amount {
        let free = u128::from(self.accounts.get(account).free_limit().get());
        let free = free.saturating_sub(sum_of(&self.draws.reserved, account));
        saturated(free + u128::from(self.legs.worth(already).get()))
    }

    /// Whether nothing at all can be drawn on an account, which may have lent `already` to the deal in question.
    fn exhausted(&self, account: AccountIndex, already: Amount) -> Option<Bar> {
        let free = self.free(account, already);
        let drawn = draw_cap(Amount::MAX, None, self.legs.units(free), self.parameters.share_ppm);
        let limit = || self.accounts.get(account).limit();
        drawn.is_zero().then(|| Bar::Exhausted { limit: limit(), free })
    }

    /// Whether the protection of an order's account has been tripped, if it is a quote.
    fn protected(&self, order: &OpenOrder) -> Option<Bar> {
        if !order.quote {
            return None;
        }
        let guard = self.guards.get(order.account, self.market)?;
        let filled = sum_of(&self.draws.quoted, order.account);
        guard.is_tripped_by(filled).then_some(Bar::Protected)
    }

    /// How much `own` lets the account of `other` owe in quote units, of which `already` stands.
    fn draw(&mut self, own: &OpenOrder, other: &OpenOrder, value: Amount, already: Amount) -> Amount {
        let own_cap = self.own_cap(own, other, already);
        let free = self.legs.units(self.free(other.account, already));
        draw_cap(value, own_cap, free, self.parameters.share_ppm).max(already)
    }

    /// How much `own` itself would let the account of `other` owe in this deal, in quote units: the lesser of what the
    /// order and its account say, less what all other deals between the two reserve.
    fn own_cap(&mut self, own: &OpenOrder, other: &OpenOrder, already: Amount) -> Option<Amount> {
        if !self.by_counterparty {
            return own.own_cap;
        }
        let preferred = self.accounts.get(own.account).stake.preference.largest_exposure;
        let cap = match (own.own_cap, preferred) {
            (Some(own), Some(preferred)) => own.min(preferred),
            (own, preferred) => own.or(preferred)?,
        };
        let here = self.owed_here(other.account, own.account) - u128::from(self.legs.worth(already).get());
        let owed = self.deals.owed(other.account, own.account) + here;
        Some(self.legs.units(saturated(u128::from(cap.get()).saturating_sub(owed))))
    }

    /// What the fills of this step let one account owe another, in the unit of account.
    fn owed_here(&mut self, debtor: AccountIndex, creditor: AccountIndex) -> u128 {
        let Draws { fills, owed: (counted, owed), .. } = &mut *self.draws;
        for fill in fills.iter().skip(*counted) {
            let [sell, buy] = [fill.sell, fill.buy].map(|order| self.orders.get(order).account);
            let [buyers, sellers] = fill.more;
            for (pair, more) in [((buy, sell), buyers), ((sell, buy), sellers)] {
                *owed.entry(pair).or_default() += u128::from(more.get());
            }
        }
        *counted = fills.len();
        owed.get(&(debtor, creditor)).copied().unwrap_or(0)
    }

    /// Whether the account of `other` is vouched for as much as `own` and its account ask for.
    fn is_wanted(&self, own: &OpenOrder, other: &OpenOrder) -> bool {
        if !self.by_counterparty {
            return true;
        }
        let preferred = self.accounts.get(own.account).stake.preference.least_score;
        let Some(least) = own.least_score().max(preferred) else { return true };
        let score = self.accounts.get(other.account).stake.score_ppb;
        u64::from(score) >= u64::from(least) * PPB_IN_PPM
    }

    /// Judges a pair, the account on side `first` before the other; if it is admitted both caps are reserved and the
    /// fill is noted.
    fn judge(
        &mut self,
        (sell, buy): (OrderIndex, OrderIndex),
        price: Price,
        quantity: Quantity,
        first: Side,
    ) -> Judged {
        let orders = self.orders;
        let (seller, buyer) = (orders.get(sell), orders.get(buy));
        if !self.is_wanted(seller, buyer) || !self.is_wanted(buyer, seller) {
            return Judged::TooSmall;
        }
        // Only an order that shows a part at a time meets the same one twice.
        let in_parts = seller.is_iceberg() || buyer.is_iceberg();
        let same = |fill: &&Drawn| (fill.sell, fill.buy) == (sell, buy);
        let before = if in_parts { self.draws.fills.iter().rev().find(same) } else { None };
        let caps = before.map(|fill| (fill.terms.seller_cap, fill.terms.buyer_cap)).unwrap_or_default();
        let (again, then) = (before.is_some(), before.map_or(Quantity::ZERO, |fill| fill.quantity));
        let Some(quantity) = then.checked_add(quantity) else { return Judged::TooSmall };
        let legs = self.legs;
        let amounts = (legs.base_units(quantity), legs.quote_units(quantity, price));
        let (Some(base_total), Some(quote_total)) = amounts else { return Judged::TooSmall };
        let terms = Terms {
            base_total,
            quote_total,
            seller_cap: self.draw(seller, buyer, quote_total, caps.0),
            buyer_cap: self.draw(buyer, seller, quote_total, caps.1),
            base_rail: legs.base_rail,
            quote_rail: legs.quote_rail,
            pay_us: legs.pay_us,
            acknowledge_us: legs.acknowledge_us,
        };
        let at_once = terms.settles_at_once();
        // A cap is drawn on the limit of the side that may owe.
        let owed = [(buyer.account, terms.seller_cap, caps.0), (seller.account, terms.buyer_cap, caps.1)];
        if !at_once {
            let seller_barred = || self.exhausted(seller.account, caps.1).map(Judged::SellerBarred);
            let buyer_barred = || self.exhausted(buyer.account, caps.0).map(Judged::BuyerBarred);
            let barred = match first {
                Side::Sell => seller_barred().or_else(buyer_barred),
                Side::Buy => buyer_barred().or_else(seller_barred),
            };
            if let Some(barred) = barred {
                return barred;
            }
            let payable = match legs.chain.filter(|_| terms.is_on_chain()) {
                Some(chain) => self.judge_payment(chain, &terms, (sell, buy), quantity, first),
                None => caps_allow(terms.seller_cap, terms.buyer_cap, quote_total, legs.least_tranche)
                    .then_some(())
                    .ok_or(Judged::TooSmall),
            };
            if let Err(judged) = payable {
                return judged;
            }
        }
        if terms.check().is_err() {
            return Judged::TooSmall;
        }
        // From here they trade.
        let mut reserved = [Amount::ZERO; 2];
        if !at_once {
            for ((account, cap, already), more) in owed.into_iter().zip(&mut reserved) {
                *more = legs.worth(cap).saturating_sub(legs.worth(already));
                add_to(&mut self.draws.reserved, account, u128::from(more.get()));
            }
        }
        let more = u128::from(quantity.saturating_sub(then).get());
        for order in [seller, buyer] {
            if order.quote && self.guards.get(order.account, self.market).is_some() {
                add_to(&mut self.draws.quoted, order.account, more);
            }
        }
        self.draws.fills.push(Drawn { sell, buy, quantity, terms, again, more: reserved });
        Judged::Admitted
    }
}

impl Limits<'_> {
    /// Whether a pair can be paid on the chain. If not it is told whose fault that is: of the smaller order, or of the
    /// seller, whose limit lets the buyer pay too little ahead; `first` is the side that arrived.
    fn judge_payment(
        &self,
        chain: ChainTerms,
        terms: &Terms,
        (sell, buy): (OrderIndex, OrderIndex),
        quantity: Quantity,
        first: Side,
    ) -> Result<(), Judged> {
        let (total, cap) = (terms.quote_total, terms.buyer_cap);
        if chain.allow(cap, total) {
            return Ok(());
        }
        if total < chain.least {
            let resting = match first {
                Side::Sell => self.orders.get(buy),
                Side::Buy => self.orders.get(sell),
            };
            // What shows a part of itself may be large enough in all.
            if resting.is_iceberg() {
                return Err(Judged::TooSmall);
            }
            let resting_is_smaller = resting.left() <= quantity;
            let bar = Bar::BelowTranche { least: chain.least, cap: total };
            return Err(match (first, resting_is_smaller) {
                (Side::Sell, true) | (Side::Buy, false) => Judged::BuyerBarred(bar),
                (Side::Buy, true) | (Side::Sell, false) => Judged::SellerBarred(bar),
            });
        }
        let seller = self.orders.get(sell).account;
        let free = self.legs.units(self.free(seller, Amount::ZERO));
        let drawn = draw_cap(total, None, free, self.parameters.share_ppm);
        // If the limit would do, the buyer itself wants to risk no more.
        let own_choice = chain.allow(drawn, total);
        let bar = Bar::BelowTranche { least: chain.least, cap: drawn };
        Err(if own_choice { Judged::TooSmall } else { Judged::SellerBarred(bar) })
    }
}

impl Admission for Arrival<'_> {
    type Reason = Bar;

    fn taker(&mut self, _: &NewOrder) -> Result<(), Bar> {
        let account = self.limits.orders.get(self.taker).account;
        match self.limits.exhausted(account, Amount::ZERO).filter(|_| self.limits.legs.expose()) {
            Some(bar) => Err(bar),
            None => Ok(()),
        }
    }

    fn pair(&mut self, pair: &Pair) -> Verdict<Bar> {
        let maker = self.limits.order(pair.maker);
        if let Some(bar) = self.limits.protected(self.limits.orders.get(maker)) {
            return Verdict::RemoveMaker(bar);
        }
        let (sell, buy) = match pair.taker_side {
            Side::Sell => (self.taker, maker),
            Side::Buy => (maker, self.taker),
        };
        let judged = self.limits.judge((sell, buy), pair.price, pair.quantity, pair.taker_side);
        match (judged, pair.taker_side) {
            (Judged::Admitted, _) => Verdict::Admit,
            (Judged::TooSmall, _) => Verdict::Skip,
            (Judged::SellerBarred(bar), Side::Sell) | (Judged::BuyerBarred(bar), Side::Buy) => {
                Verdict::RefuseTaker(bar)
            }
            (Judged::SellerBarred(bar) | Judged::BuyerBarred(bar), _) => Verdict::RemoveMaker(bar),
        }
    }

    fn trial_begins(&mut self) {
        let draws = &mut *self.limits.draws;
        draws.before_trial = BeforeTrial {
            reserved: draws.reserved.clone(),
            quoted: draws.quoted.clone(),
            fills: draws.fills.len(),
            owed: draws.owed.clone(),
        };
    }

    fn trial_ends(&mut self) {
        let draws = &mut *self.limits.draws;
        let BeforeTrial { reserved, quoted, fills, owed } = std::mem::take(&mut draws.before_trial);
        (draws.reserved, draws.quoted, draws.owed) = (reserved, quoted, owed);
        draws.fills.truncate(fills);
    }
}

impl Clearing for Auction<'_> {
    type Reason = Bar;

    fn cross(&mut self, cross: &Cross) -> Crossing<Bar> {
        let limits = &mut self.limits;
        let (sell, buy) = (limits.order(cross.sell), limits.order(cross.buy));
        if let Some(bar) = limits.protected(limits.orders.get(sell)) {
            return Crossing::RemoveSell(bar);
        }
        if let Some(bar) = limits.protected(limits.orders.get(buy)) {
            return Crossing::RemoveBuy(bar);
        }
        match limits.judge((sell, buy), cross.price, cross.quantity, Side::Sell) {
            Judged::Admitted => Crossing::Admit,
            Judged::SellerBarred(bar) => Crossing::RemoveSell(bar),
            Judged::BuyerBarred(bar) => Crossing::RemoveBuy(bar),
            Judged::TooSmall => match self.later(cross.buy, cross.sell) {
                Side::Buy => Crossing::RemoveBuy(Bar::TooSmall),
                Side::Sell => Crossing::RemoveSell(Bar::TooSmall),
            },
        }
    }

    fn later(&self, buy: OrderId, sell: OrderId) -> Side {
        let number = |id| self.limits.orders.get(self.limits.order(id)).number;
        if number(buy) > number(sell) { Side::Buy } else { Side::Sell }
    }
}

fn saturated(units: u128) -> Amount {
    Amount::new(u64::try_from(units).unwrap_or(u64::MAX))
}
