//! Operations on orders as `POST /v1/blocks/prepare` takes them, read in the same way as the node reads them.

use crate::{MarketInfo, Markets};
use bandex_api::{PrepareOperation, PreparePlace, ScaleError};
use bandex_tradechain::body::{Operation, Place, Trigger};
use bandex_types::{OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;

/// Why an operation cannot be laid out here, in words.
type Why = String;

fn wrong(field: &str, what: impl Display) -> Why {
    format!("{field}: {what}")
}

/// One of the words that a field may hold, or what it is without.
fn word_or<T: DeserializeOwned>(field: &str, text: Option<&String>, absent: T) -> Result<T, Why> {
    text.map_or(Ok(absent), |text| word(field, text))
}

fn word<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Why> {
    serde_json::from_value(Value::from(text)).map_err(|error| wrong(field, error))
}

/// A decimal that may be absent.
fn decimal<T>(
    field: &str,
    text: Option<&String>,
    read: impl Fn(&str) -> Result<T, ScaleError>,
) -> Result<Option<T>, Why> {
    text.map(|text| read(text).map_err(|error| wrong(field, error))).transpose()
}

fn listed<'a>(markets: &'a Markets, symbol: &str) -> Result<&'a MarketInfo, Why> {
    let market = markets.market(symbol).ok_or_else(|| wrong("market", format!("there is no {symbol}")))?;
    Ok(market)
}

fn reference(text: &str) -> Result<OrderRef, Why> {
    text.parse().map_err(|error| wrong("order", error))
}

/// One operation.
pub(super) fn read(given: &Value, markets: &Markets) -> Result<Operation, Why> {
    let given = serde_json::from_value(given.clone()).map_err(|error| error.to_string())?;
    match given {
        PrepareOperation::Place(given) => Ok(Operation::Place(Box::new(place(&given, markets)?))),
        PrepareOperation::Cancel { order: Some(order), client_id: None, market: None } => {
            Ok(Operation::Cancel { order: reference(&order)? })
        }
        PrepareOperation::Cancel { order: None, client_id: Some(client_id), market: Some(market) } => {
            Ok(Operation::CancelClient { market: listed(markets, &market)?.id, client_id })
        }
        PrepareOperation::Cancel { .. } => Err("give `order`, or `client_id` and its `market`".to_owned()),
        PrepareOperation::CancelAll { market, side } => {
            let market = market.map(|market| listed(markets, &market)).transpose()?;
            let side = side.map(|side| word("side", &side)).transpose()?;
            Ok(Operation::CancelAll { market: market.map(|market| market.id), side })
        }
        PrepareOperation::Amend {
            order,
            market: Some(market),
            price: Some(price),
            quantity: Some(quantity),
        } => {
            let info = listed(markets, &market)?;
            let price = info.scale.parse_price(&price).map_err(|error| wrong("price", error))?;
            let quantity = info.scale.parse_quantity(&quantity).map_err(|error| wrong("quantity", error))?;
            Ok(Operation::Amend { order: reference(&order)?, price, quantity })
        }
        // Only the node knows the order's market, and so what decimals would be in ticks and lots; and what stays as it
        // is.
        PrepareOperation::Amend { .. } => Err(
            "an amendment without its market, price and quantity is filled in by the node; name all three"
                .to_owned(),
        ),
    }
}

fn place(given: &PreparePlace, markets: &Markets) -> Result<Place, Why> {
    let info = listed(markets, &given.market)?;
    let lots = |field, text| decimal(field, text, |text| info.scale.parse_quantity(text));
    let ticks = |field, text| decimal(field, text, |text| info.scale.parse_price(text));
    let units = |field, text| decimal(field, text, |text| info.quote.scale.parse(text));
    let side: Side = word("side", &given.side)?;
    let order_type = word_or("order_type", given.order_type.as_ref(), OrderType::Limit)?;
    let price = match ticks("price", given.price.as_ref())? {
        Some(price) => price,
        None if (order_type, side) == (OrderType::Market, Side::Sell) => Price::ZERO,
        None => return Err(wrong("price", "an order needs its limit, or a market order its protection")),
    };
    let quantity = lots("quantity", given.quantity.as_ref())?;
    let quote_quantity = units("quote_quantity", given.quote_quantity.as_ref())?;
    if quantity.is_none() && quote_quantity.is_none() {
        return Err(wrong("quantity", "an order needs its size"));
    }
    let lives = match (given.expires_us, order_type) {
        (Some(_), _) => TimeInForce::Gtd,
        (None, OrderType::Market) => TimeInForce::Ioc,
        (None, OrderType::Limit) => TimeInForce::Gtc,
    };
    let trigger = given.trigger.as_ref().map(|trigger| -> Result<Trigger, Why> {
        let price = info.scale.parse_price(&trigger.price).map_err(|error| wrong("trigger", error))?;
        Ok(Trigger { kind: word("trigger", &trigger.kind)?, price })
    });
    Ok(Place {
        order_type,
        quote_quantity,
        time_in_force: word_or("time_in_force", given.time_in_force.as_ref(), lives)?,
        expires: given.expires_us.map(Timestamp::from_micros),
        post_only: word_or("post_only", given.post_only.as_ref(), PostOnly::Off)?,
        self_trade: word_or("self_trade", given.self_trade.as_ref(), SelfTrade::CancelOldest)?,
        display: lots("display", given.display.as_ref())?,
        minimum: lots("minimum", given.minimum.as_ref())?,
        trigger: trigger.transpose()?,
        own_cap: units("own_cap", given.own_cap.as_ref())?,
        least_score: given.least_score,
        client_id: given.client_id.clone(),
        ..Place::limit(info.id, side, price, quantity.unwrap_or(Quantity::ZERO))
    })
}
