//! How those cheat who are after trust: accounts of their own that vouch for each other, and what is stolen with them.

use crate::client::Client;
use crate::setup::Kind;
use crate::story::{Act, Lives, Op, Special};
use crate::world::{MARKETS, World, market_id};
use bandex_engine::{FreezeReason, OrderStatus};
use bandex_types::Side;

/// How many accounts a cheat may have beside its first.
const ACCOUNTS: usize = 3;
/// Lots that are enough to take all that an order shows.
const MUCH: u64 = 40;

impl World<'_> {
    /// All accounts of one cheat, its first one first; of everybody else only its own.
    pub fn ring(&self, index: usize) -> Vec<usize> {
        let Some(owner) = self.clients.get(index).map(|client| client.owner) else { return Vec::new() };
        let of_owner = self.clients.iter().filter(|client| client.owner == owner || client.index == owner);
        of_owner.map(|client| client.index).collect()
    }

    /// Goes one step on with the scheme of its kind; `how` chooses among the steps.
    pub fn scheme(&mut self, index: usize, how: u64) {
        let Some(kind) = self.clients.get(index).map(|client| client.kind) else { return };
        let ring = self.ring(index);
        let step = how.rotate_right(16);
        let some = |ring: &[usize], salt: u64| pick(ring, salt).unwrap_or(index);
        match (kind, how.wrapping_rem(6)) {
            // Whoever is to be blamed is let go, and comes back.
            (Kind::Whitewasher, _) if ring.last().is_some_and(|last| self.has_defaulted(*last)) => {
                self.add_account(index);
            }
            (Kind::Whitewasher, _) => self.take(ring.last().copied().unwrap_or(index), step, 1),
            (kind, 0) if kind.feeds() => self.add_account(index),
            (Kind::WashTrader, 0) if ring.len() < 2 => self.add_account(index),
            (Kind::CycleFeeder, 1..4) => self.feed(&ring, step, |at, count| ((at + 1) % count, at)),
            (Kind::SerialFeeder, 1..4) => self.feed(&ring, step, |at, _| (at.max(1), at.max(1) - 1)),
            (Kind::ParallelFeeder | Kind::Colluder, 1..4) => self.feed(&ring, step, |at, _| (at.max(1), 0)),
            (Kind::WashTrader, 1..4) => self.wash(&ring, step),
            (Kind::BustOut, 0..2) => self.act_as(index, &Act::Fee { key: 0, amount: step % 400 }),
            (Kind::BustOut, 2..4) => self.take_part(index, step),
            (Kind::BustOut, _) => {
                if let Some(client) = self.clients.get_mut(index) {
                    client.busted = true;
                }
                self.take(index, step, 4);
            }
            (Kind::BondRunner, 0..3) => self.act_as(index, &Act::Bond { key: 0, amount: step % 3_000 }),
            (Kind::Netter, _) => self.take_both_ways(index, step),
            _ => self.take(some(&ring, step), step, 2),
        }
    }

    fn act_as(&mut self, index: usize, act: &Act) {
        if let Ok(number) = u8::try_from(index) {
            self.act(number, act);
        }
    }

    /// One more account of the same cheat.
    fn add_account(&mut self, index: usize) {
        let Some((kind, owner)) = self.clients.get(index).map(|client| (client.kind, client.owner)) else {
            return;
        };
        if self.ring(index).len() > ACCOUNTS {
            return;
        }
        let new = self.clients.len();
        let mut client = Client::new(new, kind, self.seed);
        client.owner = owner;
        self.clients.push(client);
        self.register(new);
        if let Some(client) = self.clients.get_mut(new) {
            client.connect(&mut self.connections, &mut self.network);
        }
    }

    fn has_defaulted(&self, index: usize) -> bool {
        let account = self.clients.get(index).and_then(|client| client.disk.account);
        let frozen = account.and_then(|account| self.watch.account(&account)?.frozen);
        matches!(frozen, Some(FreezeReason::Default(_)))
    }

    /// One account serves another of the ring on credit, and is served the same back: that is honoured. The pattern says
    /// which is fed by which, by place in the ring.
    fn feed(&mut self, ring: &[usize], step: u64, pattern: impl Fn(usize, usize) -> (usize, usize)) {
        let Some(at) = usize::try_from(step).ok().and_then(|step| step.checked_rem(ring.len())) else {
            return;
        };
        let (to, from) = pattern(at, ring.len());
        let (Some(to), Some(from)) = (ring.get(to).copied(), ring.get(from).copied()) else { return };
        let tokens = step.rotate_right(8) % 5_000;
        for (one, other) in [(from, to), (to, from)] {
            let (key, pays, on_credit) = (0, false, true);
            let to = u8::try_from(other).unwrap_or(u8::MAX);
            self.act_as(one, &Act::Bandwidth { key, to, tokens, pays, on_credit });
        }
    }

    /// Two accounts of the ring trade with each other.
    fn wash(&mut self, ring: &[usize], step: u64) {
        let (Some(one), Some(other)) = (ring.first().copied(), ring.get(1).copied()) else { return };
        let price = 90_u64.saturating_add(step % 20);
        let quantity = step % 9 + 1;
        self.act_as(one, &order(0, Side::Sell, price, quantity, Lives::Gtc));
        self.act_as(other, &order(0, Side::Buy, price, quantity, Lives::Ioc));
    }

    /// What rests and is an honest account's: market and side, the best first as far as it matters.
    fn prey(&self) -> Vec<(u8, Side)> {
        let open = self.watch.orders.alive().filter(|(order, _)| {
            order.status == OrderStatus::Open && self.watch.honest.contains(&order.account)
        });
        let market = |id| (0..MARKETS).find(|market| market_id(*market) == id);
        open.filter_map(|(order, _)| Some((market(order.market)?, order.side))).collect()
    }

    /// Takes what honest accounts offer, from several of them, as much as it gets; or waits for them.
    fn take(&mut self, index: usize, step: u64, most: usize) {
        let mut prey = self.prey();
        // Both ways would be netted.
        if let Some((_, side)) = pick(&prey, step) {
            prey.retain(|(_, other)| *other == side);
        }
        for turn in 0..most {
            let salt = step.wrapping_add(turn as u64);
            let operation = match pick(&prey, salt) {
                Some((market, Side::Sell)) => order(market, Side::Buy, 115, MUCH, Lives::Ioc),
                Some((market, Side::Buy)) => order(market, Side::Sell, 85, MUCH, Lives::Ioc),
                None if salt.is_multiple_of(2) => order(0, Side::Buy, 99, MUCH, Lives::Gtc),
                None => order(0, Side::Sell, 101, MUCH, Lives::Gtc),
            };
            self.act_as(index, &operation);
        }
    }

    /// Takes a little, to be honoured.
    fn take_part(&mut self, index: usize, step: u64) {
        let operation = match pick(&self.prey(), step) {
            Some((market, Side::Sell)) => order(market, Side::Buy, 108, 2, Lives::Ioc),
            Some((market, Side::Buy)) => order(market, Side::Sell, 92, 2, Lives::Ioc),
            None => order(0, Side::Buy, 99, 2, Lives::Gtc),
        };
        self.act_as(index, &operation);
    }

    /// Buys and sells on one market, as far from the middle as anybody goes along.
    fn take_both_ways(&mut self, index: usize, step: u64) {
        let market = pick(&self.prey(), step).map_or(0, |(market, _)| market);
        let quantity = step % 20 + 1;
        let (buy, sell) = (
            order(market, Side::Buy, 120, quantity, Lives::Ioc),
            order(market, Side::Sell, 80, quantity.saturating_add(step % 3), Lives::Ioc),
        );
        let turns = if step.is_multiple_of(2) { [buy, sell] } else { [sell, buy] };
        for turn in turns {
            self.act_as(index, &turn);
        }
    }
}

fn pick<T: Copy>(of: &[T], salt: u64) -> Option<T> {
    let at = usize::try_from(salt.checked_rem(of.len() as u64)?).ok()?;
    of.get(at).copied()
}

fn order(market: u8, side: Side, price: u64, quantity: u64, lives: Lives) -> Act {
    let operation = Op::Place {
        market,
        side,
        price,
        quantity,
        lives,
        post_only: false,
        self_trade: 0,
        own_cap: None,
        least_score: None,
        name: None,
        special: Special::default(),
    };
    Act::Orders { key: 0, operations: vec![operation] }
}
