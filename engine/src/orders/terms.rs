//! Which terms of an order go together, before anything else is asked about it.

use super::bad_terms;
use crate::Refusal;
use crate::refusal::not_served;
use bandex_matching::{Direction, MOST_PARTS};
use bandex_tradechain::body::{Place, Trigger, TriggerKind};
use bandex_types::{OrderType, PostOnly, Quantity, SelfTrade, Side, TimeInForce, Timestamp};

/// Which way the last trade's price must move to wake an order on `side`.
pub(crate) fn direction(side: Side, trigger: Trigger) -> Direction {
    match (side, trigger.kind) {
        (Side::Buy, TriggerKind::StopLoss) | (Side::Sell, TriggerKind::TakeProfit) => Direction::Rising,
        (Side::Buy, TriggerKind::TakeProfit) | (Side::Sell, TriggerKind::StopLoss) => Direction::Falling,
    }
}

/// Under version 1 of the rules: refuses by name what the bytes can say and those rules do not serve.
pub(super) fn check_first_rules(place: &Place) -> Result<(), Refusal> {
    match place {
        _ if place.order_type != OrderType::Limit => not_served("order_type market"),
        _ if place.quote_quantity.is_some() => not_served("quote_quantity"),
        _ if place.time_in_force == TimeInForce::Gtd || place.expires.is_some() => {
            not_served("time_in_force gtd")
        }
        _ if place.post_only == PostOnly::Slide => not_served("post_only slide"),
        _ if place.self_trade != SelfTrade::CancelOldest => not_served("self_trade other than cancel_oldest"),
        _ if place.display.is_some() => not_served("display"),
        _ if place.minimum.is_some() => not_served("minimum"),
        _ if place.trigger.is_some() => not_served("trigger"),
        _ if place.least_score.is_some() => not_served("least_score"),
        _ => Ok(()),
    }
}

/// The terms that contradict each other, at sequenced time `now`.
pub(super) fn check_terms(place: &Place, now: Timestamp) -> Result<(), Refusal> {
    let dated = place.time_in_force == TimeInForce::Gtd;
    if dated != place.expires.is_some() || place.expires.is_some_and(|expires| expires <= now) {
        return Err(Refusal::BadDate);
    }
    check_market(place)?;
    let rests = matches!(place.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
    if place.post_only != PostOnly::Off && !rests {
        return bad_terms("a post-only order rests: it is good till cancelled or till a date");
    }
    if let Some(display) = place.display {
        if !rests {
            return bad_terms("only an order that rests shows a part of itself");
        }
        check_display(display, place.quantity)?;
    }
    if let Some(minimum) = place.minimum
        && (minimum.is_zero()
            || minimum > place.quantity
            || place.post_only != PostOnly::Off
            || place.time_in_force == TimeInForce::Fok)
    {
        return bad_terms(
            "a minimum is from 1 to the quantity, and not for post-only or fill-or-kill orders",
        );
    }
    Ok(())
}

fn check_market(place: &Place) -> Result<(), Refusal> {
    let at_once = matches!(place.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
    if place.order_type == OrderType::Market {
        if !at_once {
            return bad_terms("a market order is immediate-or-cancel or fill-or-kill");
        }
    } else if place.quote_quantity.is_some() {
        return bad_terms("only a market order is sized in quote units");
    }
    let Some(budget) = place.quote_quantity else { return Ok(()) };
    if place.time_in_force != TimeInForce::Ioc || place.minimum.is_some() || !place.quantity.is_zero() {
        return bad_terms(
            "an order sized in quote units is immediate-or-cancel, has no minimum and quantity 0",
        );
    }
    if budget.is_zero() || (place.side == Side::Sell && place.price.is_zero()) {
        return bad_terms("an order sized in quote units has a size above 0, and as a sell a price above 0");
    }
    Ok(())
}

/// An order shows at most all of itself, and at least a hundredth at a time.
pub(super) fn check_display(display: Quantity, quantity: Quantity) -> Result<(), Refusal> {
    let most = u128::from(display.get()) * u128::from(MOST_PARTS);
    if display.is_zero() || display > quantity || most < u128::from(quantity.get()) {
        return bad_terms("an order shows at most its quantity, and at least a hundredth of it");
    }
    Ok(())
}

/// Whether an auction gathers such an order.
pub(super) fn waits_for_auction(place: &Place) -> bool {
    let limit = matches!(place.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd);
    let market = place.order_type == OrderType::Market
        && place.time_in_force == TimeInForce::Ioc
        && place.quote_quantity.is_none();
    (limit || market)
        && place.post_only == PostOnly::Off
        && place.minimum.is_none()
        && place.trigger.is_none()
}
