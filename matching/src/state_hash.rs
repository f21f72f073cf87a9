//! The fingerprint of a book, the same for every implementation of one.

use crate::{OrderId, Resting};

/// Bids and asks, each in priority order; `number` names an order the same way for every book.
pub(crate) fn state_hash(
    bids: impl Iterator<Item = Resting>,
    asks: impl Iterator<Item = Resting>,
    number: impl Fn(OrderId) -> u64,
) -> u64 {
    // The numbers 1 and 2 stand before the sides, so that an order cannot change sides unseen.
    let order = |hash, order: Resting| absorb_order(hash, &order, number(order.id));
    asks.fold(absorb(bids.fold(absorb(0, 1), &order), 2), &order)
}

fn absorb_order(hash: u64, order: &Resting, number: u64) -> u64 {
    let words = [
        number,
        u64::from(order.owner.get()),
        order.price.get(),
        order.left.get(),
        order.display.get(),
        order.shown.get(),
    ];
    words.into_iter().fold(hash, absorb)
}

/// One step of SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014), started
/// from the hash so far and the next word. Wrapping is meant: this is mixing, not money.
fn absorb(hash: u64, word: u64) -> u64 {
    let mut z = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Owner;
    use bandex_types::{Price, Quantity, Side};
    use std::collections::BTreeSet;

    #[test]
    fn every_field_the_order_and_the_side_count() {
        let order = |id, owner, price, left| Resting {
            id: OrderId::new(id, 0),
            owner: Owner::new(owner),
            side: Side::Buy,
            price: Price::new(price),
            left: Quantity::new(left),
            display: Quantity::new(2),
            shown: Quantity::new(1),
        };
        let (a, b) = (order(1, 2, 3, 4), order(5, 6, 7, 8));
        let books = [
            (vec![], vec![]),
            (vec![a, b], vec![]),
            (vec![b, a], vec![]),
            (vec![a], vec![b]),
            (vec![], vec![a, b]),
            (vec![order(9, 2, 3, 4), b], vec![]),
            (vec![order(1, 9, 3, 4), b], vec![]),
            (vec![order(1, 2, 9, 4), b], vec![]),
            (vec![order(1, 2, 3, 9), b], vec![]),
            (vec![Resting { display: Quantity::new(9), ..a }, b], vec![]),
            (vec![Resting { shown: Quantity::new(9), ..a }, b], vec![]),
        ];
        let number = |id: OrderId| u64::from(id.slot());
        let hashes: BTreeSet<u64> = books
            .iter()
            .map(|(bids, asks)| state_hash(bids.iter().copied(), asks.iter().copied(), number))
            .collect();
        assert_eq!(hashes.len(), books.len());
    }
}
