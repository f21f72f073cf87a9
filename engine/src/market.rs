//! A market: its listing and rules, its book, and who sleeps beside it.

use crate::open::OrderIndex;
use crate::trust::{units_for, worth_at};
use bandex_matching::{Band, Book, OrderId, Triggers};
use bandex_settlement::ChainTerms;
use bandex_tradechain::body::{Fees, MarketListing, MarketRules, MarketState, PaymentTerms};
use bandex_types::{Amount, Price, Quantity, Rail, Ratio, Rounding, Side, Timestamp, quote_amount};

/// Parts in a million: what a band is given in.
const MILLION: u128 = 1_000_000;

/// One market.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub listing: MarketListing,
    pub state: MarketState,
    pub rules: MarketRules,
    pub fees: Fees,
    pub base_rail: Rail,
    pub quote_rail: Rail,
    /// What a smallest unit of the quote is worth, as the trust terms' rates have it.
    pub rate: Option<Ratio>,
    /// What it asks of payments on the chain, and how small they may be as fees are now, if its quote is paid there.
    pub payments: PaymentTerms,
    pub least_payment: Amount,
    pub book: Book,
    /// Counts trades.
    pub trades: u64,
    /// The price of the last trade.
    pub last: Option<Price>,
    /// Whether orders have gathered that no auction has matched yet: the book may be crossed.
    pub gathers: bool,
    /// When its state changes by itself.
    pub timer: Option<Timestamp>,
    pub triggers: Triggers,
    /// By the slot of the book's name for an order, the order.
    slots: Vec<Option<OrderIndex>>,
}

/// What of a market decides how much a trade comes to. Read while its book is matching.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Legs {
    pub base_rail: Rail,
    pub quote_rail: Rail,
    pub lot_units: u64,
    pub tick_value: Ratio,
    pub rate: Option<Ratio>,
    /// What is asked of payments, if the quote is paid on a chain.
    pub chain: Option<ChainTerms>,
    pub least_tranche: Amount,
    pub pay_us: u64,
    pub acknowledge_us: u64,
}

impl Legs {
    /// Lots in smallest base units.
    pub fn base_units(&self, quantity: Quantity) -> Option<Amount> {
        quantity.get().checked_mul(self.lot_units).map(Amount::new)
    }

    /// Lots at a price in smallest quote units, rounded for the payee; on the `token` rail down, so that an order's
    /// lock always covers its trades.
    pub fn quote_units(&self, quantity: Quantity, price: Price) -> Option<Amount> {
        let rounding = match self.quote_rail {
            Rail::Token => Rounding::Down,
            Rail::Attested | Rail::Bitcoin => Rounding::Up,
        };
        quote_amount(quantity, price, self.tick_value, rounding)
    }

    /// What the owner of an order would have to lock, in units of the asset it pays with.
    pub fn paying_units(&self, side: Side, quantity: Quantity, price: Price) -> Option<Amount> {
        match side {
            Side::Buy => self.quote_units(quantity, price),
            Side::Sell => self.base_units(quantity),
        }
    }

    /// The rail on which the owner of an order on `side` pays.
    pub fn paying_rail(&self, side: Side) -> Rail {
        match side {
            Side::Buy => self.quote_rail,
            Side::Sell => self.base_rail,
        }
    }

    /// Whether trades expose anyone: not if the ledger holds both legs.
    pub fn expose(&self) -> bool {
        !(self.base_rail == Rail::Token && self.quote_rail == Rail::Token)
    }

    /// What quote units are worth in the unit of account, rounded up: whoever owes them reserves as much.
    pub fn worth(&self, quote: Amount) -> Amount {
        worth_at(self.rate, quote, Rounding::Up)
    }

    /// The most quote units that are worth no more than `worth`, in the unit of account.
    pub fn units(&self, worth: Amount) -> Amount {
        units_for(self.rate, worth)
    }

    /// The most lots times ticks that an amount of quote pays for.
    pub fn budget(&self, quote: Amount) -> u128 {
        let (num, den) = (u128::from(self.tick_value.num()), u128::from(self.tick_value.den()));
        (u128::from(quote.get()) * den).checked_div(num).unwrap_or(0)
    }
}

impl Market {
    pub fn new(listing: MarketListing, base_rail: Rail, quote_rail: Rail) -> Self {
        Self {
            listing,
            state: MarketState::Trading,
            rules: MarketRules::default(),
            fees: Fees::default(),
            base_rail,
            quote_rail,
            rate: None,
            payments: PaymentTerms::default(),
            least_payment: Amount::ZERO,
            book: Book::new(),
            trades: 0,
            last: None,
            gathers: false,
            timer: None,
            triggers: Triggers::new(),
            slots: Vec::new(),
        }
    }

    pub fn legs(&self) -> Legs {
        Legs {
            base_rail: self.base_rail,
            quote_rail: self.quote_rail,
            lot_units: self.listing.lot_units,
            tick_value: self.listing.tick_value,
            rate: self.rate,
            chain: self.chain_terms(),
            least_tranche: self.listing.least_tranche,
            pay_us: self.listing.pay_us,
            acknowledge_us: self.listing.acknowledge_us,
        }
    }

    /// What is asked of payments, if the quote is paid on a chain.
    pub fn chain_terms(&self) -> Option<ChainTerms> {
        let PaymentTerms { confirmations, final_confirmations, .. } = self.payments;
        let terms = ChainTerms { least: self.least_payment, confirmations, final_confirmations };
        (self.quote_rail == Rail::Bitcoin).then_some(terms)
    }

    /// The order behind the book's name for it.
    pub fn order(&self, id: OrderId) -> OrderIndex {
        at_slot(&self.slots, id)
    }

    /// The book, and beside it what tells the orders behind its names: to be read while it matches.
    pub fn parts(&mut self) -> (&mut Book, &[Option<OrderIndex>]) {
        (&mut self.book, &self.slots)
    }

    /// Notes which order rests under a name.
    pub fn rests(&mut self, id: OrderId, order: OrderIndex) {
        let slot = id.slot() as usize;
        if slot >= self.slots.len() {
            self.slots.resize(slot + 1, None);
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(order);
        }
    }

    /// From now on no trade may happen further from the last one than the rules allow.
    pub fn set_band(&mut self) {
        let width = u128::from(self.rules.band_ppm);
        if width == 0 {
            return;
        }
        self.book.set_band(self.last.map(|last| {
            let last = u128::from(last.get());
            let far = last * width / MILLION;
            let price = |ticks: u128| Price::new(u64::try_from(ticks).unwrap_or(u64::MAX));
            Band { low: price(last.saturating_sub(far)), high: price(last + far) }
        }));
    }
}

/// The order in the slot of a name.
pub(crate) fn at_slot(slots: &[Option<OrderIndex>], id: OrderId) -> OrderIndex {
    slots.get(id.slot() as usize).copied().flatten().expect("what rests on the book is known here")
}
