//! Memory that the operations of a block will need, asked for before the first of them is carried out: the orders they
//! name lie anywhere. Nothing here has an effect that an outcome could show.

use crate::apply::{Engine, Signer};
use crate::open::{OrderIndex, Spot};
use bandex_tradechain::body::Operation;

/// Fewer operations are carried out before the memory could come.
const WORTH_ASKING: usize = 4;

impl Engine {
    /// Asks for the open orders that operations name, and for their places on the books.
    pub(crate) fn ask_ahead(&mut self, signer: Signer<'_>, operations: &[Operation]) {
        if operations.len() < WORTH_ASKING {
            return;
        }
        let mut named = std::mem::take(&mut self.scratch.named);
        for operation in operations {
            let (Operation::Cancel { order } | Operation::Amend { order, .. }) = operation else { continue };
            if let Some(index) = self.orders.find(signer.lane, order) {
                self.orders.prefetch(index);
                named.push(index);
            }
        }
        // Each step reads what the one before has asked for.
        named.iter().for_each(|index| self.ask_for_place(*index, false));
        named.iter().for_each(|index| self.ask_for_place(*index, true));
        named.clear();
        self.scratch.named = named;
    }

    fn ask_for_place(&self, index: OrderIndex, neighbours: bool) {
        let order = self.orders.get(index);
        if let (Spot::Book(id), Some(market)) = (order.spot, self.markets.get(&order.market)) {
            match neighbours {
                false => market.book.prefetch_order(id),
                true => market.book.prefetch_links(id),
            }
        }
    }
}
