//! What a client has to say: orders that trade, cancels, settlement, transfers, and things that are refused.

use super::node::NETWORK;
use super::random::Random;
use super::world::World;
use crate::{RawLane, place};
use bandex_tradechain::body::{Operation, Transfer};
use bandex_tradechain::{Domain, Keypair, SignedBlock};
use bandex_types::{AccountId, Amount, AssetId, OrderRef, PublicKey, Side};

/// Around what the market trades, in ticks.
const PRICE: u64 = 7_831_800;
/// How far from it, in ticks either way.
const SPREAD: u64 = 4;
/// The largest order in lots: one BWT.
const LOTS_MAX: u64 = 1_000_000;
/// How many orders of a key are remembered, to be cancelled.
const ORDERS: usize = 32;

/// The keys of a client, each of an account of its own.
#[derive(Debug)]
pub struct Traffic {
    actors: Vec<Actor>,
    home: PublicKey,
}

#[derive(Debug)]
struct Actor {
    lane: RawLane,
    orders: Vec<OrderRef>,
}

impl Traffic {
    /// New keys, from these seeds, for accounts at the node `home`.
    pub fn new(seeds: &[u8], home: PublicKey) -> Self {
        let actor = |seed: &u8| {
            let lane = RawLane::root(Keypair::from_seed(&[*seed; 32]), NETWORK);
            Actor { lane, orders: Vec::new() }
        };
        Self { actors: seeds.iter().map(actor).collect(), home }
    }

    /// The blocks that register the accounts.
    pub fn first_words(&mut self) -> Vec<SignedBlock> {
        self.actors.iter_mut().map(|actor| actor.lane.register(self.home)).collect()
    }

    /// The accounts.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.actors.iter().map(|actor| actor.lane.account()).collect()
    }

    /// A block with a signature over something else.
    pub fn forged(&self) -> SignedBlock {
        let lane = &self.actors[0].lane;
        let transfer = Transfer {
            to: lane.account(),
            asset: AssetId::BWT,
            amount: Amount::new(1),
            note: "forged".to_owned(),
        };
        let payload = lane.block(transfer).sign(lane.keypair()).payload;
        let signature = lane.keypair().sign(Domain::Login, &payload);
        SignedBlock { payload, signature }
    }

    /// The next block of one of the keys.
    pub fn next(&mut self, random: &mut Random, world: &mut World) -> SignedBlock {
        let roll = random.below(100);
        if roll < 45
            && let Some((account, body)) = world.settle(&self.accounts())
        {
            let actor = self.actors.iter_mut().find(|actor| actor.lane.account() == account).unwrap();
            return actor.lane.sign(body);
        }
        let at = usize::try_from(random.below(self.actors.len() as u64)).unwrap();
        let actor = &mut self.actors[at];
        match roll {
            0..75 => actor.order(random),
            75..85 => actor.cancel(random),
            85..95 => actor.transfer(random, world, 1_000_000),
            // More than there is: refused, and yet the place in the lane is used.
            _ => actor.transfer(random, world, 1 << 60),
        }
    }
}

impl Actor {
    fn order(&mut self, random: &mut Random) -> SignedBlock {
        let count = 1 + random.below(3);
        let operations = (0..count).map(|_| {
            let side = if random.percent(50) { Side::Buy } else { Side::Sell };
            let price = PRICE - SPREAD + random.below(2 * SPREAD + 1);
            place(crate::MARKET, side, price, 1_000 + random.below(LOTS_MAX))
        });
        let signed = self.lane.orders(operations.collect());
        for op in 0..u8::try_from(count).unwrap() {
            self.orders.push(self.lane.last_order(op));
        }
        self.orders.drain(..self.orders.len().saturating_sub(ORDERS));
        signed
    }

    fn cancel(&mut self, random: &mut Random) -> SignedBlock {
        match random.one_of(&self.orders) {
            Some(order) => self.lane.orders(vec![Operation::Cancel { order: *order }]),
            None => self.order(random),
        }
    }

    fn transfer(&mut self, random: &mut Random, world: &World, bytes: u64) -> SignedBlock {
        let own = self.lane.account();
        let others: Vec<AccountId> = world.accounts.iter().copied().filter(|other| *other != own).collect();
        match random.one_of(&others) {
            Some(to) => self.lane.transfer(*to, bytes),
            None => self.order(random),
        }
    }
}
