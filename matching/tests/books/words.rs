//! The words of the exchange for what a book says.

use bandex_matching::{CancelReason, Refusal, Removal};
use std::convert::Infallible;

/// With commas; a dash for nothing.
pub fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "-".to_owned() } else { items.join(", ") }
}

/// The word by which the exchange calls a refusal.
pub fn code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::ZeroQuantity => "zero_quantity",
        Refusal::BadDisplay | Refusal::BadMinimum => "bad_terms",
        Refusal::WouldTrade => "post_only_would_trade",
        Refusal::FokUnfilled => "fok_unfilled",
        Refusal::MinimumUnfilled => "minimum_unfilled",
        Refusal::NotInAuction => "not_in_auction",
        Refusal::UnknownOrder => "unknown_order",
        Refusal::BookFull => "book_full",
    }
}

pub fn reason_of(reason: CancelReason<Infallible>) -> &'static str {
    match reason {
        CancelReason::Unfilled => "unfilled",
        CancelReason::WouldCross => "would_cross",
        CancelReason::SelfTrade => "self_trade",
        CancelReason::OutsideBand => "outside_band",
    }
}

pub fn removal(reason: Removal<Infallible>) -> &'static str {
    match reason {
        Removal::SelfTrade => "self_trade",
        Removal::WouldCross => "would_cross",
    }
}
