//! The names of deals: whoever knows the orders, or the two deals that one replaces, knows its name.

use crate::Domain;
use bandex_types::{DealId, OrderRef};

fn named(bytes: &[u8]) -> DealId {
    DealId::new(*Domain::Deal.hash(bytes).as_bytes())
}

/// The id of the deal between two orders.
pub fn deal_id(taker: &OrderRef, maker: &OrderRef) -> DealId {
    let mut bytes = [0; 2 * OrderRef::LEN];
    let (first, second) = bytes.split_at_mut(OrderRef::LEN);
    first.copy_from_slice(&taker.to_bytes());
    second.copy_from_slice(&maker.to_bytes());
    named(&bytes)
}

/// The id of the deal in the place of two.
pub fn netted_id(older: &DealId, newer: &DealId) -> DealId {
    named(&[older.as_bytes().as_slice(), newer.as_bytes().as_slice()].concat())
}
