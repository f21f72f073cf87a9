//! Operations on orders in decimals, in the same words as `POST /v1/blocks/prepare`.

use crate::error::{Answer, Fault};
use bandex_sdk::tradechain::body::{Operation, Place, Protection, TriggerKind};
use bandex_sdk::types::{OrderRef, OrderType, PostOnly, SelfTrade, Side, TimeInForce, Timestamp};
use bandex_sdk::{MarketInfo, Markets, OrderBuilder, OrderError};
use serde::Deserialize;
use serde_json::Value;

/// One operation.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Given {
    Place(Box<GivenPlace>),
    Cancel(GivenCancel),
    CancelAll(GivenCancelAll),
    Amend(GivenAmend),
    Quote(GivenQuote),
    Protect(GivenProtect),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPlace {
    market: String,
    side: Side,
    order_type: Option<OrderType>,
    price: Option<Decimal>,
    quantity: Option<Decimal>,
    quote_quantity: Option<Decimal>,
    time_in_force: Option<TimeInForce>,
    expires_us: Option<u64>,
    post_only: Option<GivenPostOnly>,
    self_trade: Option<SelfTrade>,
    display: Option<Decimal>,
    minimum: Option<Decimal>,
    trigger: Option<GivenTrigger>,
    own_cap: Option<Decimal>,
    least_score: Option<u32>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTrigger {
    kind: TriggerKind,
    price: Decimal,
}

/// By its name, or whether at all.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenPostOnly {
    Named(PostOnly),
    Is(bool),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCancel {
    order: Option<OrderRef>,
    market: Option<String>,
    client_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenCancelAll {
    market: Option<String>,
    side: Option<Side>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenAmend {
    market: String,
    order: OrderRef,
    price: Decimal,
    quantity: Decimal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenQuote {
    market: String,
    #[serde(default)]
    slide: bool,
    #[serde(default)]
    bids: Vec<(Decimal, Decimal)>,
    #[serde(default)]
    asks: Vec<(Decimal, Decimal)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenProtect {
    market: String,
    quantity: Option<Decimal>,
    window_us: Option<u64>,
}

/// A decimal number: a text, or an integer.
#[derive(Deserialize)]
#[serde(from = "GivenDecimal")]
struct Decimal(String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a decimal number as text")]
enum GivenDecimal {
    Text(String),
    Whole(u64),
}

impl From<GivenDecimal> for Decimal {
    fn from(given: GivenDecimal) -> Self {
        match given {
            GivenDecimal::Text(text) => Self(text),
            GivenDecimal::Whole(number) => Self(number.to_string()),
        }
    }
}

/// Reads one operation.
///
/// # Errors
/// It has not that form, names a market that is not listed, or its fields do not go together.
pub fn read(markets: &Markets, operation: Value) -> Answer<Operation> {
    let market = |symbol: &str| {
        markets.market(symbol).ok_or_else(|| Fault::invalid(format!("there is no market {symbol:?}")))
    };
    match serde_json::from_value(operation)? {
        Given::Place(given) => Ok(Operation::Place(Box::new(place(market(&given.market)?, &given)?))),
        Given::Cancel(GivenCancel { order: Some(order), client_id: None, .. }) => {
            Ok(Operation::Cancel { order })
        }
        Given::Cancel(GivenCancel { order: None, market: Some(symbol), client_id: Some(client_id) }) => {
            Ok(Operation::CancelClient { market: market(&symbol)?.id, client_id })
        }
        Given::Cancel(_) => {
            Err(Fault::invalid("cancel names an order, or a market and the client id of an order there"))
        }
        Given::CancelAll(GivenCancelAll { market: symbol, side }) => {
            let market = symbol.as_deref().map(market).transpose()?.map(|market| market.id);
            Ok(Operation::CancelAll { market, side })
        }
        Given::Amend(given) => amend(market(&given.market)?, &given),
        Given::Quote(given) => {
            let (bids, asks) = (pairs(&given.bids), pairs(&given.asks));
            Ok(Operation::Quote(market(&given.market)?.quotes(&bids, &asks, given.slide)?))
        }
        Given::Protect(given) => protect(market(&given.market)?, &given),
    }
}

/// A field of an order that is set by a text.
type SetText<'a> = fn(OrderBuilder<'a>, &str) -> OrderBuilder<'a>;

fn place<'a>(market: &'a MarketInfo, given: &GivenPlace) -> Answer<Place> {
    let mut order = market.order(given.side);
    let price = given.price.as_ref().map(|price| price.0.as_str());
    order = match (given.order_type.unwrap_or(OrderType::Limit), price) {
        (OrderType::Limit, Some(price)) => order.limit(price),
        (OrderType::Market, Some(price)) => order.market(price),
        // The worst price to sell at is 0; there is no such price to buy at.
        (OrderType::Market, None) if given.side == Side::Sell => order.market("0"),
        (_, None) => order,
    };
    order = match (given.time_in_force, given.expires_us) {
        (Some(TimeInForce::Gtc), None) => order.gtc(),
        (Some(TimeInForce::Ioc), None) => order.ioc(),
        (Some(TimeInForce::Fok), None) => order.fok(),
        (Some(TimeInForce::Gtd) | None, Some(expires)) => order.gtd(Timestamp::from_micros(expires)),
        (None, None) => order,
        (Some(_), _) => {
            return Err(OrderError::Terms(
                "a GTD order needs the date when it expires, and no other order has one",
            )
            .into());
        }
    };
    let texts: [(&Option<Decimal>, SetText<'a>); 5] = [
        (&given.quantity, |order, text| order.quantity(text)),
        (&given.quote_quantity, |order, text| order.quote_quantity(text)),
        (&given.display, |order, text| order.display(text)),
        (&given.minimum, |order, text| order.minimum(text)),
        (&given.own_cap, |order, text| order.own_cap(text)),
    ];
    for (text, set) in texts {
        if let Some(Decimal(text)) = text {
            order = set(order, text);
        }
    }
    if let Some(GivenTrigger { kind, price }) = &given.trigger {
        order = match kind {
            TriggerKind::StopLoss => order.stop_loss(&price.0),
            TriggerKind::TakeProfit => order.take_profit(&price.0),
        };
    }
    order = match given.post_only {
        Some(GivenPostOnly::Named(named)) => order.post_only(named),
        Some(GivenPostOnly::Is(true)) => order.post_only(PostOnly::Refuse),
        Some(GivenPostOnly::Is(false)) | None => order,
    };
    if let Some(mode) = given.self_trade {
        order = order.self_trade(mode);
    }
    if let Some(id) = &given.client_id {
        order = order.client_id(id.as_str());
    }
    let place = order.build()?;
    Ok(Place { least_score: given.least_score, ..place })
}

fn pairs(levels: &[(Decimal, Decimal)]) -> Vec<(&str, &str)> {
    levels.iter().map(|(price, quantity)| (price.0.as_str(), quantity.0.as_str())).collect()
}

fn amend(market: &MarketInfo, given: &GivenAmend) -> Answer<Operation> {
    // Which side it is on does not matter for its steps.
    let quote = market.quote(Side::Buy, &given.price.0, &given.quantity.0)?;
    Ok(Operation::Amend { order: given.order, price: quote.price, quantity: quote.quantity })
}

fn protect(market: &MarketInfo, given: &GivenProtect) -> Answer<Operation> {
    let protection = match (&given.quantity, given.window_us) {
        (Some(Decimal(quantity)), Some(window_us)) => {
            Some(Protection { quantity: market.scale.parse_quantity(quantity)?, window_us })
        }
        (None, None) => None,
        _ => {
            return Err(Fault::invalid(
                "a protection has a quantity and a window_us, or neither, which ends it",
            ));
        }
    };
    Ok(Operation::Protect { market: market.id, protection })
}
