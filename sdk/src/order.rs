//! Orders put together from decimal texts, one field after the other, and checked before anything is signed.
//!
//! What the rules refuse whatever the market looks like is found here, in words that name the field, so that no place
//! in the lane is spent on it.

use crate::MarketInfo;
use bandex_api::ScaleError;
use bandex_tradechain::body::{Place, Quote, Quotes, Trigger, TriggerKind};
use bandex_types::{OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce, Timestamp};

/// Why an order cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A text is no decimal number, or lies between two steps.
    #[error("{field}: {error}")]
    Text {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        error: ScaleError,
    },
    /// Fields do not go together, or one is missing.
    #[error("{0}")]
    Terms(&'static str),
}

/// How many parts an order may be shown in.
const MOST_PARTS: u64 = 100;

/// An order in the making; [`MarketInfo::order`] begins one.
///
/// A text that cannot be read is remembered, and told by [`OrderBuilder::build`].
///
/// ```no_run
/// # fn example(market: &bandex_sdk::MarketInfo) -> Result<(), bandex_sdk::OrderError> {
/// use bandex_sdk::types::{PostOnly, Side};
/// // 20 BWT at most 0.0000004 BTC each, 1 BWT shown at a time, never taking.
/// let iceberg = market.order(Side::Buy).limit("0.0000004").quantity("20").display("1");
/// let iceberg = iceberg.post_only(PostOnly::Slide).build()?;
/// // For 0.00001 BTC whatever it buys now, at 0.0000005 BTC each at most.
/// let market_order = market.order(Side::Buy).market("0.0000005").quote_quantity("0.00001").build()?;
/// // Sells once the price has fallen to 0.0000003.
/// let stop = market.order(Side::Sell).market("0.00000025").quantity("5").stop_loss("0.0000003").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "an order is complete once it is built"]
pub struct OrderBuilder<'a> {
    market: &'a MarketInfo,
    place: Place,
    has_price: bool,
    has_quantity: bool,
    wrong: Option<OrderError>,
}

impl<'a> OrderBuilder<'a> {
    pub(crate) fn new(market: &'a MarketInfo, side: Side) -> Self {
        let place = Place::limit(market.id, side, Price::new(0), Quantity::new(0));
        Self { market, place, has_price: false, has_quantity: false, wrong: None }
    }

    /// What a text says; the first that cannot be read is kept for the end.
    fn read<T>(&mut self, field: &'static str, read: Result<T, ScaleError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong.get_or_insert(OrderError::Text { field, error });
                None
            }
        }
    }

    fn ticks(&mut self, field: &'static str, text: &str) -> Option<Price> {
        self.read(field, self.market.scale.parse_price(text))
    }

    fn lots(&mut self, field: &'static str, text: &str) -> Option<Quantity> {
        self.read(field, self.market.scale.parse_quantity(text))
    }

    fn price(mut self, text: &str) -> Self {
        self.has_price = true;
        self.place.price = self.ticks("price", text).unwrap_or(self.place.price);
        self
    }

    /// A limit order: trades at `price`, in quote a base, or better.
    pub fn limit(mut self, price: &str) -> Self {
        self.place.order_type = OrderType::Limit;
        self.price(price)
    }

    /// A market order: trades now at whatever price there is, down to `protection`. What does not trade is cancelled;
    /// with [`OrderBuilder::fok`] it is all or nothing.
    pub fn market(mut self, protection: &str) -> Self {
        self.place.order_type = OrderType::Market;
        if self.place.time_in_force == TimeInForce::Gtc {
            self.place.time_in_force = TimeInForce::Ioc;
        }
        self.price(protection)
    }

    /// How much base.
    pub fn quantity(mut self, quantity: &str) -> Self {
        self.has_quantity = true;
        self.place.quantity = self.lots("quantity", quantity).unwrap_or(self.place.quantity);
        self
    }

    /// A market order's size in quote, instead of base: it trades as much as this pays for.
    pub fn quote_quantity(mut self, amount: &str) -> Self {
        self.place.quote_quantity = self.read("quote quantity", self.market.quote.scale.parse(amount));
        self
    }

    /// Rests until it is cancelled: the default of limit orders.
    pub fn gtc(mut self) -> Self {
        self.place.time_in_force = TimeInForce::Gtc;
        self
    }

    /// Rests until it is cancelled or this moment has come.
    pub fn gtd(mut self, expires: Timestamp) -> Self {
        (self.place.time_in_force, self.place.expires) = (TimeInForce::Gtd, Some(expires));
        self
    }

    /// Trades what it can at once; the rest is cancelled.
    pub fn ioc(mut self) -> Self {
        self.place.time_in_force = TimeInForce::Ioc;
        self
    }

    /// Trades at once in full or not at all.
    pub fn fok(mut self) -> Self {
        self.place.time_in_force = TimeInForce::Fok;
        self
    }

    /// What to do if it would trade on arrival.
    pub fn post_only(mut self, post_only: PostOnly) -> Self {
        self.place.post_only = post_only;
        self
    }

    /// How much of it the book shows at a time.
    pub fn display(mut self, quantity: &str) -> Self {
        self.place.display = self.lots("display", quantity);
        self
    }

    /// The least that must trade on arrival.
    pub fn minimum(mut self, quantity: &str) -> Self {
        self.place.minimum = self.lots("minimum", quantity);
        self
    }

    /// Sleeps until the price has moved against its owner: up to `price` for a buy, down to it for a sell.
    pub fn stop_loss(self, price: &str) -> Self {
        self.trigger(TriggerKind::StopLoss, price)
    }

    /// Sleeps until the price has moved for its owner: down to `price` for a buy, up to it for a sell.
    pub fn take_profit(self, price: &str) -> Self {
        self.trigger(TriggerKind::TakeProfit, price)
    }

    fn trigger(mut self, kind: TriggerKind, price: &str) -> Self {
        if self.place.trigger.is_some() {
            self.wrong.get_or_insert(OrderError::Terms("an order has one trigger at most"));
        }
        self.place.trigger = self.ticks("trigger", price).map(|price| Trigger { kind, price });
        self
    }

    /// What to do if it meets an order of its own account.
    pub fn self_trade(mut self, mode: SelfTrade) -> Self {
        self.place.self_trade = mode;
        self
    }

    /// The owner's own name for it: 1 to 64 bytes.
    pub fn client_id(mut self, id: impl Into<String>) -> Self {
        self.place.client_id = Some(id.into());
        self
    }

    /// The most that any one counterparty may owe its owner, in quote.
    pub fn own_cap(mut self, amount: &str) -> Self {
        self.place.own_cap = self.read("own cap", self.market.quote.scale.parse(amount));
        self
    }

    /// The order.
    ///
    /// # Errors
    /// A text could not be read, something is missing, or fields do not go together.
    pub fn build(self) -> Result<Place, OrderError> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let place = self.place;
        let is_sized = self.has_quantity || place.quote_quantity.is_some();
        match (self.has_price, is_sized) {
            (false, _) => Err(OrderError::Terms("an order needs a limit, or a market order its protection")),
            (true, false) => Err(OrderError::Terms("an order needs a quantity")),
            (true, true) => check_terms(&place).map(|()| place).map_err(OrderError::Terms),
        }
    }
}

/// The rules about an order's terms that hold whatever the market looks like.
fn check_terms(place: &Place) -> Result<(), &'static str> {
    check_type(place)?;
    if (place.time_in_force == TimeInForce::Gtd) != place.expires.is_some() {
        return Err("a GTD order needs the date when it expires, and no other order has one");
    }
    check_rest(place)?;
    check_minimum(place)
}

fn check_type(place: &Place) -> Result<(), &'static str> {
    let is_market = place.order_type == OrderType::Market;
    let is_at_once = matches!(place.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    if is_market && !is_at_once {
        return Err("a market order is IOC or FOK");
    }
    if place.quote_quantity.is_none() {
        return if place.quantity.is_zero() { Err("the quantity must be above 0") } else { Ok(()) };
    }
    if !is_market || place.time_in_force != TimeInForce::Ioc {
        return Err("only a market order that is IOC has its size in quote");
    }
    if !place.quantity.is_zero() {
        return Err("an order has its size in base or in quote, not both");
    }
    if place.side == Side::Sell && place.price == Price::new(0) {
        return Err("to sell for an amount of quote, the protection must be above 0");
    }
    Ok(())
}

/// What only an order that rests can have.
fn check_rest(place: &Place) -> Result<(), &'static str> {
    let rests = matches!(place.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
    if place.post_only != PostOnly::Off && !rests {
        return Err("a post-only order rests: it is GTC or GTD");
    }
    let Some(display) = place.display else { return Ok(()) };
    if !rests {
        return Err("an order that is shown in parts rests: it is GTC or GTD");
    }
    let parts = place.quantity.get().checked_div(display.get()).unwrap_or(u64::MAX);
    let is_whole = place.quantity.get().checked_rem(display.get()) == Some(0);
    if display > place.quantity || parts > MOST_PARTS || (parts == MOST_PARTS && !is_whole) {
        return Err("the part that is shown is between a hundredth of the quantity and all of it");
    }
    Ok(())
}

fn check_minimum(place: &Place) -> Result<(), &'static str> {
    let Some(minimum) = place.minimum else { return Ok(()) };
    if place.post_only != PostOnly::Off || place.time_in_force == TimeInForce::Fok {
        return Err("an order with a minimum is neither post-only nor FOK");
    }
    if minimum.is_zero() || (minimum > place.quantity && place.quote_quantity.is_none()) {
        return Err("the minimum is above 0 and at most the quantity");
    }
    Ok(())
}

impl MarketInfo {
    /// Begins an order on this market.
    pub fn order(&self, side: Side) -> OrderBuilder<'_> {
        OrderBuilder::new(self, side)
    }

    /// One quote from decimal texts.
    ///
    /// # Errors
    /// A text cannot be read.
    pub fn quote(&self, side: Side, price: &str, quantity: &str) -> Result<Quote, OrderError> {
        let text = |field| move |error| OrderError::Text { field, error };
        let price = self.scale.parse_price(price).map_err(text("price"))?;
        let quantity = self.scale.parse_quantity(quantity).map_err(text("quantity"))?;
        Ok(Quote { side, price, quantity })
    }

    /// All quotes of an account on this market, from decimal texts of price and quantity; with `slide` one that would
    /// trade moves to the next tick that does not.
    ///
    /// # Errors
    /// A text cannot be read.
    pub fn quotes(
        &self,
        bids: &[(&str, &str)],
        asks: &[(&str, &str)],
        slide: bool,
    ) -> Result<Quotes, OrderError> {
        let bids = bids.iter().map(|(price, quantity)| self.quote(Side::Buy, price, quantity));
        let asks = asks.iter().map(|(price, quantity)| self.quote(Side::Sell, price, quantity));
        Ok(Quotes { market: self.id, slide, quotes: bids.chain(asks).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Markets;
    use crate::testing::{NOW, wire_markets};
    use bandex_types::Amount;

    type Change = fn(OrderBuilder<'_>) -> OrderBuilder<'_>;

    fn build(change: Change) -> Result<Place, OrderError> {
        let markets = Markets::from_wire(&wire_markets()).unwrap();
        change(markets.market("BWT-BTC").unwrap().order(Side::Buy)).build()
    }

    #[test]
    fn every_field_is_read() {
        let check = |change: Change, expected: fn(&mut Place)| {
            let mut place = Place::limit(
                bandex_types::MarketId::new(1),
                Side::Buy,
                Price::new(8_000_000),
                Quantity::new(2_000_000),
            );
            expected(&mut place);
            assert_eq!(build(change), Ok(place));
        };
        check(|order| order.limit("0.0000004").quantity("2"), |_| {});
        check(
            |order| order.quantity("2").market("0.0000004"),
            |place| {
                (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Ioc);
            },
        );
        check(
            |order| order.fok().market("0.0000004").quantity("2"),
            |place| {
                (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Fok);
            },
        );
        check(
            |order| order.market("0.0000004").quote_quantity("0.00000001"),
            |place| {
                (place.order_type, place.time_in_force) = (OrderType::Market, TimeInForce::Ioc);
                (place.quantity, place.quote_quantity) = (Quantity::new(0), Some(Amount::new(1_000)));
            },
        );
        check(
            |order| order.limit("0.0000004").quantity("2").gtd(NOW).display("0.02"),
            |place| {
                (place.time_in_force, place.expires) = (TimeInForce::Gtd, Some(NOW));
                place.display = Some(Quantity::new(20_000));
            },
        );
        check(
            |order| order.limit("0.0000004").quantity("2").ioc().minimum("2"),
            |place| {
                (place.time_in_force, place.minimum) = (TimeInForce::Ioc, Some(Quantity::new(2_000_000)));
            },
        );
        check(
            |order| order.limit("0.0000004").quantity("2").post_only(PostOnly::Slide),
            |place| {
                place.post_only = PostOnly::Slide;
            },
        );
        check(
            |order| order.limit("0.0000004").quantity("2").stop_loss("0.0000005"),
            |place| {
                place.trigger = Some(Trigger { kind: TriggerKind::StopLoss, price: Price::new(10_000_000) });
            },
        );
        check(
            |order| order.limit("0.0000004").quantity("2").take_profit("0"),
            |place| {
                place.trigger = Some(Trigger { kind: TriggerKind::TakeProfit, price: Price::new(0) });
            },
        );
        check(
            |order| {
                let order = order.limit("0.0000004").quantity("2").self_trade(SelfTrade::Decrement);
                order.client_id("mine").own_cap("0.00000001").ioc().gtc()
            },
            |place| {
                place.self_trade = SelfTrade::Decrement;
                place.client_id = Some("mine".to_owned());
                place.own_cap = Some(Amount::new(1_000));
            },
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused_in_words() {
        let check = |change: Change, words: &str| {
            let error = build(change).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        };
        check(|order| order.quantity("1"), "needs a limit");
        check(|order| order.limit("1"), "needs a quantity");
        check(|order| order.limit("x").quantity("1"), "price: ");
        check(|order| order.limit("1").quantity("0.0000001"), "quantity: ");
        check(|order| order.limit("x").quantity("y"), "price: ");
        check(|order| order.limit("1").quantity("1").display("z"), "display: ");
        check(|order| order.limit("1").quantity("0"), "above 0");
        check(|order| order.market("1").quantity("1").gtc(), "IOC or FOK");
        check(|order| order.limit("1").quote_quantity("1"), "only a market order");
        check(|order| order.market("1").quote_quantity("1").fok(), "only a market order");
        check(|order| order.market("1").quote_quantity("1").quantity("1"), "not both");
        check(|order| order.limit("1").quantity("1").gtd(NOW).ioc(), "GTD");
        check(|order| order.limit("1").quantity("1").ioc().post_only(PostOnly::Slide), "post-only");
        check(|order| order.limit("1").quantity("1").fok().display("1"), "in parts");
        check(|order| order.limit("1").quantity("1").display("0"), "hundredth");
        check(|order| order.limit("1").quantity("1").display("1.000001"), "hundredth");
        check(|order| order.limit("1").quantity("1.000001").display("0.01"), "hundredth");
        check(|order| order.limit("1").quantity("1").fok().minimum("1"), "minimum");
        check(|order| order.limit("1").quantity("1").minimum("0"), "minimum");
        check(|order| order.limit("1").quantity("1").minimum("1.1"), "minimum");
        check(|order| order.limit("1").quantity("1").stop_loss("1").take_profit("2"), "one trigger");
        assert!(build(|order| order.limit("1").quantity("1").display("0.01")).is_ok());
    }

    #[test]
    fn quotes_are_read_bids_first() {
        let markets = Markets::from_wire(&wire_markets()).unwrap();
        let market = markets.market("BWT-BTC").unwrap();
        let quotes = market.quotes(&[("0.0000004", "1"), ("0.0000003", "2")], &[("0.0000005", "3")], true);
        let quotes = quotes.unwrap();
        let found: Vec<_> =
            quotes.quotes.iter().map(|quote| (quote.side, quote.price.get(), quote.quantity.get())).collect();
        let expected = [
            (Side::Buy, 8_000_000, 1_000_000),
            (Side::Buy, 6_000_000, 2_000_000),
            (Side::Sell, 10_000_000, 3_000_000),
        ];
        assert_eq!((quotes.market, quotes.slide, found.as_slice()), (market.id, true, &expected[..]));
        let wrong = market.quotes(&[("0.0000004", "x")], &[], false);
        assert!(matches!(wrong, Err(OrderError::Text { field: "quantity", .. })), "{wrong:?}");
    }
}
