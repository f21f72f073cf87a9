//! Who may trade with whom: both sides' caps are drawn on the other's free limit and reserved before they trade.

use crate::accounts::{AccountIndex, Accounts};
use crate::market::{Market, OpenOrder, OpenOrders};
use bandex_matching::{Admission, NewOrder, Owner, Pair, Verdict};
use bandex_settlement::{Terms, caps_allow, draw_cap};
use bandex_tradechain::body::Parameters;
use bandex_types::{Amount, Rail, Side};
use std::collections::BTreeMap;

/// The limit of an account is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exhausted {
    pub limit: Amount,
    pub free: Amount,
}

/// Judges the pairs of one arriving order.
pub(crate) struct Limits<'a> {
    pub accounts: &'a Accounts,
    pub orders: &'a OpenOrders,
    pub parameters: &'a Parameters,
    pub market: &'a MarketTerms,
    pub taker: &'a OpenOrder,
    /// Reserved so far for this order's trades: whose limit, and how much of it.
    reserved: BTreeMap<AccountIndex, u128>,
    /// The same as it stands outside the trial that runs.
    before_trial: BTreeMap<AccountIndex, u128>,
    /// The terms of each admitted pair, in order.
    pub terms: Vec<Terms>,
    terms_before_trial: usize,
}

/// What a market adds to terms: the part of [`Market`] that may be read while its book is matching.
pub(crate) struct MarketTerms {
    base_rail: Rail,
    quote_rail: Rail,
    listing: bandex_tradechain::body::MarketListing,
}

impl MarketTerms {
    pub fn of(market: &Market) -> Self {
        Self { base_rail: market.base_rail, quote_rail: market.quote_rail, listing: market.listing.clone() }
    }
}

impl<'a> Limits<'a> {
    pub fn new(
        accounts: &'a Accounts,
        orders: &'a OpenOrders,
        parameters: &'a Parameters,
        market: &'a MarketTerms,
        taker: &'a OpenOrder,
    ) -> Self {
        Self {
            accounts,
            orders,
            parameters,
            market,
            taker,
            reserved: BTreeMap::new(),
            before_trial: BTreeMap::new(),
            terms: Vec::new(),
            terms_before_trial: 0,
        }
    }

    /// What is left of an account's limit, after what this order's own trades reserve.
    fn free(&self, account: AccountIndex) -> Amount {
        let drawn = self.reserved.get(&account).copied().unwrap_or(0);
        let free =
            u128::from(self.accounts.get(account).free_limit(self.parameters).get()).saturating_sub(drawn);
        Amount::new(u64::try_from(free).unwrap_or(u64::MAX))
    }

    /// Whether nothing at all can be drawn on an account.
    fn exhausted(&self, account: AccountIndex) -> Option<Exhausted> {
        let free = self.free(account);
        let drawn = draw_cap(Amount::MAX, None, free, self.parameters.share_ppm);
        drawn.is_zero().then(|| Exhausted { limit: self.accounts.get(account).limit(self.parameters), free })
    }

    /// Whether trades on this market expose anyone: not if the ledger holds both legs.
    fn exposes(&self) -> bool {
        !(self.market.base_rail == Rail::Token && self.market.quote_rail == Rail::Token)
    }

    fn draw(&self, pair: &Pair, maker: &OpenOrder, base_total: Amount, quote_total: Amount) -> Terms {
        let (sell, buy) = match pair.taker_side {
            Side::Sell => (self.taker, maker),
            Side::Buy => (maker, self.taker),
        };
        let draw = |own: &OpenOrder, other: &OpenOrder| {
            draw_cap(quote_total, own.own_cap, self.free(other.account), self.parameters.share_ppm)
        };
        Terms {
            base_total,
            quote_total,
            seller_cap: draw(sell, buy),
            buyer_cap: draw(buy, sell),
            base_rail: self.market.base_rail,
            quote_rail: self.market.quote_rail,
            pay_us: self.market.listing.pay_us,
            acknowledge_us: self.market.listing.acknowledge_us,
        }
    }
}

impl Admission for Limits<'_> {
    type Reason = Exhausted;

    fn taker(&mut self, _: &NewOrder) -> Result<(), Exhausted> {
        match self.exhausted(self.taker.account).filter(|_| self.exposes()) {
            Some(exhausted) => Err(exhausted),
            None => Ok(()),
        }
    }

    fn pair(&mut self, pair: &Pair) -> Verdict<Exhausted> {
        let maker_account = AccountIndex::new(pair.maker_owner.get());
        let Some(maker) = self.orders.get(pair.maker) else { return Verdict::Skip };
        let listing = &self.market.listing;
        let base = pair.quantity.get().checked_mul(listing.lot_units).map(Amount::new);
        let quote = quote_units(pair, self.market);
        let (Some(base_total), Some(quote_total)) = (base, quote) else { return Verdict::Skip };
        let terms = self.draw(pair, maker, base_total, quote_total);
        if !terms.settles_at_once() {
            if let Some(exhausted) = self.exhausted(self.taker.account) {
                return Verdict::RefuseTaker(exhausted);
            }
            if let Some(exhausted) = self.exhausted(maker_account) {
                return Verdict::RemoveMaker(exhausted);
            }
            if !caps_allow(terms.seller_cap, terms.buyer_cap, quote_total, listing.least_tranche) {
                return Verdict::Skip;
            }
        }
        if terms.check().is_err() {
            return Verdict::Skip;
        }
        // From here they trade. A cap is drawn on the limit of the side that may owe.
        let (seller, buyer) = match pair.taker_side {
            Side::Sell => (self.taker.account, maker_account),
            Side::Buy => (maker_account, self.taker.account),
        };
        if !terms.settles_at_once() {
            for (account, cap) in [(buyer, terms.seller_cap), (seller, terms.buyer_cap)] {
                *self.reserved.entry(account).or_default() += u128::from(cap.get());
            }
        }
        self.terms.push(terms);
        Verdict::Admit
    }

    fn trial_begins(&mut self) {
        self.before_trial = self.reserved.clone();
        self.terms_before_trial = self.terms.len();
    }

    fn trial_ends(&mut self) {
        self.reserved = std::mem::take(&mut self.before_trial);
        self.terms.truncate(self.terms_before_trial);
    }
}

fn quote_units(pair: &Pair, market: &MarketTerms) -> Option<Amount> {
    crate::market::quote_units(market.quote_rail, &market.listing, pair.quantity, pair.price)
}

/// The account behind an owner of the book.
pub(crate) fn owner_of(account: AccountIndex) -> Owner {
    Owner::new(account.get())
}
