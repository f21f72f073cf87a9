//! What the blocks of a lane ordered and paid: the trader's own side of the story, to hold against the exchange's.

use bandex_tradechain::body::{Operation, Pay, Place, Quote};
use bandex_tradechain::{Block, Body};
use bandex_types::{Amount, DealId, MarketId, OrderRef, Price, Quantity, Side};
use std::collections::BTreeMap;

/// Limit and size of an order, as placed or as amended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// The limit.
    pub price: Price,
    /// The total quantity, fills included; 0 if the size is in quote.
    pub quantity: Quantity,
    /// The size in quote, of a market order that has it so.
    pub quote_quantity: Option<Amount>,
}

/// An order as its owner signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOrder {
    /// The market.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// As placed, then every amendment that was signed; which of them the exchange has taken is not known here.
    pub versions: Vec<Version>,
    /// The most that any one counterparty may owe its owner, in the unit of account.
    pub own_cap: Option<Amount>,
}

/// Orders, amendments and payments of a lane. A few dozen bytes an order, kept as long as the process lives.
#[derive(Debug, Default)]
pub(crate) struct OwnRecord {
    placed: BTreeMap<OrderRef, OwnOrder>,
    /// Apart from the orders, since a key may amend what another key of the account placed.
    amended: BTreeMap<OrderRef, Vec<Version>>,
    /// The last payment of each deal; tranches are paid in order.
    paid: BTreeMap<DealId, Pay>,
}

impl OwnOrder {
    fn new(place: &Place) -> Self {
        let Place { market, side, price, quantity, quote_quantity, own_cap, .. } = *place;
        Self { market, side, versions: vec![Version { price, quantity, quote_quantity }], own_cap }
    }

    fn quoted(market: MarketId, quote: &Quote) -> Self {
        let Quote { side, price, quantity } = *quote;
        let version = Version { price, quantity, quote_quantity: None };
        Self { market, side, versions: vec![version], own_cap: None }
    }
}

impl OwnRecord {
    /// Takes in what a block says.
    pub fn note(&mut self, block: &Block) {
        match &block.body {
            Body::Orders(orders) => {
                for (op, operation) in orders.numbered() {
                    self.note_operation(operation, OrderRef { key: block.author, seq: block.seq, op });
                }
            }
            Body::Pay(pay) => {
                self.paid.insert(pay.deal, pay.clone());
            }
            _ => {}
        }
    }

    fn note_operation(&mut self, operation: &Operation, name: OrderRef) {
        match operation {
            Operation::Place(place) => {
                self.placed.insert(name, OwnOrder::new(place));
            }
            Operation::Amend { order, price, quantity } => {
                let version = Version { price: *price, quantity: *quantity, quote_quantity: None };
                self.amended.entry(*order).or_default().push(version);
            }
            Operation::Quote(quotes) => {
                for (quote, op) in quotes.quotes.iter().zip(name.op..=u8::MAX) {
                    self.placed.insert(OrderRef { op, ..name }, OwnOrder::quoted(quotes.market, quote));
                }
            }
            _ => {}
        }
    }

    /// An order that this lane placed, with the amendments of this lane.
    pub fn order(&self, order: &OrderRef) -> Option<OwnOrder> {
        let mut found = self.placed.get(order)?.clone();
        found.versions.extend(self.amendments(order));
        Some(found)
    }

    /// The amendments that this lane signed, whoever placed the order.
    pub fn amendments(&self, order: &OrderRef) -> &[Version] {
        self.amended.get(order).map_or(&[], Vec::as_slice)
    }

    /// The last payment that this lane signed in a deal.
    pub fn last_pay(&self, deal: &DealId) -> Option<&Pay> {
        self.paid.get(deal)
    }

    /// Forgets the orders of the operations of a block that the exchange refused, by their places from 0.
    pub fn forget(&mut self, block: &Block, refused: &[usize]) {
        let Body::Orders(orders) = &block.body else { return };
        let named = orders.numbered().zip(0..).filter(|(_, place)| refused.contains(place));
        for ((first, operation), _) in named {
            let count = match operation {
                Operation::Place(_) => 1,
                Operation::Quote(quotes) => quotes.quotes.len(),
                _ => 0,
            };
            for op in (first..=u8::MAX).take(count) {
                self.placed.remove(&OrderRef { key: block.author, seq: block.seq, op });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place};
    use bandex_tradechain::body::Quotes;

    #[test]
    fn orders_amendments_and_payments_are_found_again() {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        let mut record = OwnRecord::default();
        let foreign = OrderRef { key: keypair(2).public(), seq: 1, op: 0 };
        let own = OrderRef { key: keypair(1).public(), seq: 1, op: 1 };
        let amend = |order| Operation::Amend { order, price: Price::new(11), quantity: Quantity::new(5) };
        let pay = |tranche| Pay {
            deal: DealId::new([4; 32]),
            tranche,
            cumulative: Amount::new(u64::from(tranche)),
            reference: String::new(),
        };
        let made = [
            signer.orders(NOW, vec![place(2), place(3)]),
            signer.orders(NOW, vec![amend(own), amend(foreign)]),
            signer.pay(NOW, pay(1)),
            signer.pay(NOW, pay(3)),
        ];
        for block in made {
            record.note(&Block::decode(&block.unwrap().signed.payload).unwrap());
        }
        let version = |price, lots| Version {
            price: Price::new(price),
            quantity: Quantity::new(lots),
            quote_quantity: None,
        };
        let found = record.order(&own).unwrap();
        assert_eq!((found.market, found.side), (MarketId::new(1), Side::Buy));
        assert_eq!(found.versions, [version(10, 3), version(11, 5)]);
        assert_eq!(record.order(&foreign), None);
        assert_eq!(record.amendments(&foreign), [version(11, 5)]);
        assert_eq!(record.last_pay(&DealId::new([4; 32])), Some(&pay(3)));
        assert_eq!(record.last_pay(&DealId::new([5; 32])), None);
    }

    #[test]
    fn quotes_are_known_by_their_numbers_until_they_are_refused() {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        let quote = |side, price| Quote { side, price: Price::new(price), quantity: Quantity::new(7) };
        let quotes = Quotes {
            market: MarketId::new(3),
            slide: false,
            quotes: vec![quote(Side::Buy, 4), quote(Side::Sell, 5)],
        };
        let operations = vec![place(2), Operation::Quote(quotes), place(3)];
        let signed = signer.orders(NOW, operations).unwrap().signed;
        let block = Block::decode(&signed.payload).unwrap();
        let check = |refused: &[usize], expected: [Option<(u32, Side, u64)>; 5]| {
            let mut record = OwnRecord::default();
            record.note(&block);
            record.forget(&block, refused);
            let found = [0, 1, 2, 3, 4].map(|op| {
                let order = record.order(&OrderRef { key: keypair(1).public(), seq: 1, op })?;
                Some((order.market.get(), order.side, order.versions[0].price.get()))
            });
            assert_eq!(found, expected, "{refused:?}");
        };
        let (place, bid, ask) = (Some((1, Side::Buy, 10)), Some((3, Side::Buy, 4)), Some((3, Side::Sell, 5)));
        check(&[], [place, bid, ask, place, None]);
        check(&[0], [None, bid, ask, place, None]);
        check(&[1], [place, None, None, place, None]);
        check(&[2], [place, bid, ask, None, None]);
        check(&[0, 2], [None, bid, ask, None, None]);
    }
}
