//! The channels of the WebSocket: books of every depth and by orders, what is whole each time, what belongs to an
//! account, how connections end.

mod account;
mod document;
mod ends;
mod followed;
mod states;

use crate::story::{BWT, Dice, PRICE};
use bandex_api::{BlockReply, Scale};
use bandex_tests::{MARKET, RawLane, Server, Socket};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::{Operation, Place};
use bandex_types::{OrderRef, Price, Quantity, SelfTrade, Side};

/// A trader who does anything that moves orders in their queues.
pub(super) struct Wild {
    pub lane: RawLane,
    placed: Vec<OrderRef>,
}

impl Wild {
    async fn new(server: &Server, seed: u8) -> Self {
        let lane = server.register_with(seed, 1_000 * BWT).await;
        server.set_limit(lane.account(), 1_000_000_000_000).await;
        Self { lane, placed: Vec::new() }
    }

    fn some_order(&self, dice: &mut Dice) -> OrderRef {
        // The last ones are open more often.
        let back = dice.roll(self.placed.len().min(20) as u64);
        self.placed[self.placed.len() - 1 - usize::try_from(back).unwrap()]
    }

    fn operation(&self, dice: &mut Dice) -> Operation {
        let lots = |dice: &mut Dice| Quantity::new(1_000 * (1 + dice.roll(9)));
        let price = |dice: &mut Dice| Price::new(PRICE - 20 + dice.roll(41));
        if !self.placed.is_empty() {
            let order = self.some_order(dice);
            match dice.roll(6) {
                0 => return Operation::Cancel { order },
                1 => return Operation::Amend { order, price: price(dice), quantity: lots(dice) },
                _ => {}
            }
        }
        let buys = dice.roll(2) == 0;
        let side = if buys { Side::Buy } else { Side::Sell };
        // Sides overlap a little, so that some trade and most rest.
        let shift = if buys { 0 } else { 17 };
        let at = Price::new(PRICE - 20 + shift + dice.roll(24));
        let mut place = Place::limit(MARKET, side, at, lots(dice));
        if dice.roll(3) == 0 {
            place.display = Some(Quantity::new(1_000));
        }
        place.self_trade = match dice.roll(4) {
            0 => SelfTrade::CancelOldest,
            1 => SelfTrade::CancelNewest,
            2 => SelfTrade::CancelBoth,
            _ => SelfTrade::Decrement,
        };
        Operation::Place(Box::new(place))
    }

    fn block(&mut self, dice: &mut Dice) -> SignedBlock {
        let operations: Vec<Operation> = (0..1 + dice.roll(5)).map(|_| self.operation(dice)).collect();
        let signed = self.lane.orders(operations.clone());
        for (operation, op) in operations.iter().zip(0..) {
            if matches!(operation, Operation::Place(_)) {
                self.placed.push(self.lane.last_order(op));
            }
        }
        signed
    }
}

/// Two of them on one connection.
pub(super) struct Bustle {
    dice: Dice,
    pub traders: [Wild; 2],
    socket: Socket,
}

impl Bustle {
    pub async fn new(server: &Server, seed: u64) -> Self {
        let traders = [Wild::new(server, 1).await, Wild::new(server, 2).await];
        Self { dice: Dice(seed), traders, socket: server.socket().await }
    }

    /// Goes on at a server that was started again.
    pub async fn move_to(&mut self, server: &Server) {
        self.socket = server.socket().await;
    }

    /// Sends so many blocks of each without waiting in between; gives the record of the last.
    pub async fn run(&mut self, blocks: usize) -> u64 {
        for _ in 0..blocks {
            for trader in &mut self.traders {
                let signed = trader.block(&mut self.dice);
                self.socket.send_block(&signed).await;
            }
        }
        let mut last = 0;
        for _ in 0..2 * blocks {
            let reply = self.socket.reply().await;
            assert!(reply.ok, "{reply:?}");
            last = serde_json::from_value::<BlockReply>(reply.result.unwrap()).unwrap().seq;
        }
        last
    }

    /// An order far from all others, which changes the whole book for certain; gives its record.
    pub async fn mark(&mut self) -> u64 {
        let (signed, _) = self.traders[0].lane.limit(Side::Buy, 1, 1);
        let reply = self.socket.submit(&signed).await;
        assert!(reply.operations[0].ok, "{reply:?}");
        reply.seq
    }

    /// An order that loses its place to another of the same price, for certain.
    pub async fn lose_a_place(&mut self) {
        let lane = &mut self.traders[0].lane;
        let price = Price::new(2);
        let (first, order) = lane.limit(Side::Buy, price.get(), 1);
        let (second, _) = lane.limit(Side::Buy, price.get(), 1);
        let more = Operation::Amend { order, price, quantity: Quantity::new(2) };
        let third = lane.orders(vec![more]);
        for signed in [first, second, third] {
            let reply = self.socket.submit(&signed).await;
            assert!(reply.operations[0].ok, "{reply:?}");
        }
    }

    /// A trade, for certain; gives its record.
    pub async fn trade(&mut self) -> u64 {
        let [seller, buyer] = &mut self.traders;
        // Everything before is cleared away, so that these two meet.
        for lane in [&mut seller.lane, &mut buyer.lane] {
            let signed = lane.orders(vec![Operation::CancelAll { market: None, side: None }]);
            self.socket.submit(&signed).await;
        }
        let (ask, _) = seller.lane.limit(Side::Sell, PRICE, 1_000);
        self.socket.submit(&ask).await;
        let (bid, _) = buyer.lane.limit(Side::Buy, PRICE, 1_000);
        let reply = self.socket.submit(&bid).await;
        assert_eq!(reply.operations[0].status.as_deref(), Some("filled"), "{reply:?}");
        reply.seq
    }
}

pub(super) fn scale() -> Scale {
    Scale::new(9, 11, 1_000, 1, 200_000_000).unwrap()
}
