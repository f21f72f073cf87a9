//! Operations on orders from decimals: the border between what people write and what is signed.

use super::problem::Fault;
use crate::shared::Shared;
use crate::view::MarketInfo;
use bandex_api as api;
use bandex_api::ScaleError;
use bandex_tradechain::body::{MAX_OPERATIONS, Operation, Place, Trigger};
use bandex_types::{OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Display;
use std::sync::Arc;

/// What one operation is read with.
pub(super) struct Operations<'a> {
    pub shared: &'a Shared,
}

fn wrong(field: &str, what: impl Display) -> Fault {
    Fault::bad_request(format!("{field}: {what}"))
}

/// One of the words that a field may hold.
fn word<T: DeserializeOwned>(field: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_value(Value::from(text)).map_err(|error| wrong(field, error))
}

fn word_or<T: DeserializeOwned>(field: &str, text: Option<&String>, absent: T) -> Result<T, Fault> {
    text.map_or(Ok(absent), |text| word(field, text))
}

/// A decimal that may be absent.
fn decimal<T>(
    field: &str,
    text: Option<&String>,
    read: impl Fn(&str) -> Result<T, ScaleError>,
) -> Result<Option<T>, Fault> {
    text.map(|text| read(text).map_err(|error| wrong(field, error))).transpose()
}

fn reference(text: &str) -> Result<OrderRef, Fault> {
    text.parse().map_err(|error| wrong("order", error))
}

impl Operations<'_> {
    /// Reads all operations of a block.
    ///
    /// # Errors
    /// The first that cannot be read, by its index.
    pub async fn read(self, given: &[Value]) -> Result<Vec<Operation>, Fault> {
        if given.is_empty() || given.len() > MAX_OPERATIONS {
            return Err(Fault::bad_request(format!("orders: a block has 1 to {MAX_OPERATIONS} operations")));
        }
        let mut operations = Vec::with_capacity(given.len());
        for (op_index, given) in given.iter().enumerate() {
            let operation = self.operation(given).await;
            operations.push(operation.map_err(|fault| fault.of_operation(op_index))?);
        }
        Ok(operations)
    }

    async fn operation(&self, given: &Value) -> Result<Operation, Fault> {
        let given = serde_json::from_value(given.clone()).map_err(|error| wrong("orders", error))?;
        match given {
            api::PrepareOperation::Place(given) => Ok(Operation::Place(Box::new(self.place(&given)?))),
            api::PrepareOperation::Cancel { order, client_id, market } => match (order, client_id, market) {
                (Some(order), None, None) => Ok(Operation::Cancel { order: reference(&order)? }),
                (None, Some(client_id), Some(market)) => {
                    let market = self.market(&market)?.listing.id;
                    Ok(Operation::CancelClient { market, client_id })
                }
                _ => Err(Fault::bad_request("cancel: give `order`, or `client_id` and its `market`")),
            },
            api::PrepareOperation::CancelAll { market, side } => {
                let market = market.map(|market| self.market(&market)).transpose()?;
                let side = side.map(|side| word("side", &side)).transpose()?;
                Ok(Operation::CancelAll { market: market.map(|market| market.listing.id), side })
            }
            api::PrepareOperation::Amend { order, market, price, quantity } => {
                let market = market.map(|market| self.market(&market)).transpose()?;
                self.amend(reference(&order)?, market.as_deref(), price.as_ref(), quantity.as_ref()).await
            }
        }
    }

    fn market(&self, symbol: &str) -> Result<Arc<MarketInfo>, Fault> {
        self.shared.market(symbol).ok_or_else(|| wrong("market", format!("there is no market {symbol}")))
    }

    fn place(&self, given: &api::PreparePlace) -> Result<Place, Fault> {
        let info = self.market(&given.market)?;
        let (scale, quote) = (info.scale, info.quote_scale);
        let lots = |field, text| decimal(field, text, |text| scale.parse_quantity(text));
        let ticks = |field, text| decimal(field, text, |text| scale.parse_price(text));
        let units = |field, text| decimal(field, text, |text| quote.parse(text));
        let side: Side = word("side", &given.side)?;
        let order_type = word_or("order_type", given.order_type.as_ref(), OrderType::Limit)?;
        let price = match ticks("price", given.price.as_ref())? {
            Some(price) => price,
            // Whoever sells at any price names none.
            None if order_type == OrderType::Market && side == Side::Sell => Price::ZERO,
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
        let trigger = given.trigger.as_ref().map(|trigger| -> Result<Trigger, Fault> {
            let price = scale.parse_price(&trigger.price).map_err(|error| wrong("trigger", error))?;
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
            ..Place::limit(info.listing.id, side, price, quantity.unwrap_or(Quantity::ZERO))
        })
    }

    /// What is not given stays as it is now: an amendment always names both.
    async fn amend(
        &self,
        order: OrderRef,
        market: Option<&MarketInfo>,
        price: Option<&String>,
        quantity: Option<&String>,
    ) -> Result<Operation, Fault> {
        if price.is_none() && quantity.is_none() {
            return Err(Fault::bad_request("amend: give `price`, `quantity` or both"));
        }
        let missing = || Fault::not_found(format!("there is no order {order}"));
        self.shared.caught_up().await?;
        let row = self.shared.projections.order(order).await?.ok_or_else(missing)?;
        let info = self.shared.market_info(row.state.market).ok_or_else(missing)?;
        if market.is_some_and(|market| market.listing.id != row.state.market) {
            return Err(wrong("market", format!("order {order} is one of {}", info.symbol)));
        }
        let price = decimal("price", price, |text| info.scale.parse_price(text))?;
        let quantity = decimal("quantity", quantity, |text| info.scale.parse_quantity(text))?;
        Ok(Operation::Amend {
            order,
            price: price.unwrap_or(row.state.price),
            quantity: quantity.unwrap_or(row.state.quantity),
        })
    }
}
