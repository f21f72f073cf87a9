//! How clients break the rules, each kind in its way.

use crate::acts::transfer;
use crate::client::{Client, signed};
use crate::network::{Letter, Request};
use crate::setup::Kind;
use crate::world::{World, market_id};
use bandex_tradechain::body::{Acknowledge, Grant, Operation, Orders, Pay, Place, Register, Revoke, Scopes};
use bandex_tradechain::{Body, Verified};
use bandex_types::{AccountId, Amount, BlockId, Price, Quantity, Side};
use std::rc::Rc;

/// How many accounts a splitter may split itself into.
const SPLITS: usize = 3;

impl World<'_> {
    /// Does what its kind does; `how` chooses among the ways.
    pub fn misbehave(&mut self, index: usize, how: u64) {
        let Some(kind) = self.clients.get(index).map(|client| client.kind) else { return };
        let way = how.rotate_right(16);
        match kind {
            kind if kind.is_honest() => {}
            Kind::Forker => self.fork(index, how, way),
            Kind::GapMaker => self.leave_gap(index, way),
            Kind::Liar => self.acknowledge_itself(index, how),
            Kind::WrongPayer => self.pay_wrongly(index, how, way),
            Kind::Registrar => self.register_again(index, way),
            Kind::Crosser => self.overstep(index, how, way),
            Kind::Splitter => self.split(),
            kind if Kind::TRUST.contains(&kind) => self.scheme(index, how),
            _ => self.send_again(index, how),
        }
    }

    /// Sends a block that is in no lane file.
    fn slip(&mut self, index: usize, block: Option<Rc<Verified>>) {
        if let Some(block) = block {
            self.stats.signed = self.stats.signed.saturating_add(1);
            self.network.send(Letter::ToNode(index, Request::Submit(block)));
        }
    }

    /// A second block for a place that is taken: the same tokens to somebody else.
    fn fork(&mut self, index: usize, how: u64, way: u64) {
        let session = self.session(index, low_byte(way));
        let now = self.time();
        let to = self.to_another(index, low_byte(how)).unwrap_or(AccountId::new([7; 32]));
        let block = self.clients.get(index).and_then(|client| {
            let lane =
                client.disk.lanes.get(if way.is_multiple_of(3) { session? } else { client.disk.root })?;
            let at = usize::try_from(how.checked_rem(lane.entries.len() as u64)?).ok()?;
            let first = lane.entries.iter().rev().nth(at)?.verified.block();
            let other = transfer(to, how.wrapping_rem(1_000)).into();
            signed(&lane.keypair, first.seq, first.previous, other, None, now)
        });
        self.slip(index, block);
    }

    /// A block too far ahead, or one that points nowhere.
    fn leave_gap(&mut self, index: usize, way: u64) {
        let (now, to) = (self.time(), self.keys.node.public());
        let block = self.clients.get(index).and_then(|client| {
            let lane = client.disk.lanes.get(client.disk.root)?;
            let last = lane.entries.last()?.verified.id();
            let ahead = way.wrapping_rem(4).saturating_add(1).saturating_add(lane.entries.len() as u64);
            let previous = if way.is_multiple_of(2) { last } else { BlockId::new(*to.as_bytes()) };
            let body = transfer(AccountId::new(*to.as_bytes()), 1).into();
            signed(&lane.keypair, ahead, previous, body, None, now)
        });
        self.slip(index, block);
    }

    /// Reports a payment that is not due, in a deal of its own or of others.
    fn pay_wrongly(&mut self, index: usize, how: u64, way: u64) {
        let deals: Vec<_> = self.watch.deals.iter().map(|deal| deal.told.id).collect();
        let Some(at) = how.checked_rem(deals.len() as u64).and_then(|at| usize::try_from(at).ok()) else {
            return;
        };
        let Some(deal) = deals.get(at).copied() else { return };
        let tranche = u32::from(low_byte(way)).wrapping_rem(6);
        let cumulative = Amount::new(way.wrapping_rem(2_000));
        let pay = Pay { deal, tranche, cumulative, reference: "nowhere".to_owned() };
        let signed = self.sign_with(index, low_byte(how), Scopes::SETTLE, pay.into(), None);
        self.send(index, signed);
    }

    /// Acknowledges some payment as if it were the payee: one that it reports itself, or one between others.
    fn acknowledge_itself(&mut self, index: usize, how: u64) {
        let flying = self.watch.deals.iter().filter_map(|deal| deal.told.deal.in_flight());
        let proposals: Vec<BlockId> = flying.map(|open| open.proposal).collect();
        let at = how.checked_rem(proposals.len() as u64).and_then(|at| usize::try_from(at).ok());
        let Some(proposal) = at.and_then(|at| proposals.get(at)).copied() else { return };
        let body = Acknowledge { proposal }.into();
        let signed = self.sign_with(index, low_byte(how), Scopes::SETTLE, body, None);
        self.send(index, signed);
    }

    /// Registers with the same block, with a new key, at another node, or with another block of the same key.
    fn register_again(&mut self, index: usize, way: u64) {
        let (now, home) = (self.time(), self.keys.node.public());
        let Some(client) = self.clients.get_mut(index) else { return };
        let block = match way.wrapping_rem(4) {
            0 => client
                .disk
                .lanes
                .first()
                .and_then(|lane| lane.entries.first())
                .map(|entry| Rc::clone(&entry.verified)),
            1 => register_with(client, home, 1, now),
            2 => register_with(client, bandex_types::PublicKey::new([1; 32]), 0, now),
            _ => client.disk.lanes.first().and_then(|lane| {
                let body: Body = Register { home, nonce: way }.into();
                signed(&lane.keypair, 1, BlockId::ZERO, body, None, now)
            }),
        };
        self.slip(index, block);
    }

    /// Has a narrow key granted, or signs with some session key what it was not granted.
    fn overstep(&mut self, index: usize, how: u64, way: u64) {
        let (now, session) = (self.time(), self.session(index, low_byte(how)));
        let to = self.to_another(index, low_byte(way)).unwrap_or(AccountId::new([7; 32]));
        let Some(client) = self.clients.get_mut(index) else { return };
        let Some(lane) = session else {
            let signed = client.admit(
                |key, possession| {
                    let markets = vec![market_id(0)];
                    let (largest_notional, expires) = (Some(Amount::new(50)), Some(now.plus(60_000_000)));
                    let scopes = Scopes::ORDERS;
                    let grant = Grant { key, scopes, markets, largest_notional, expires, possession };
                    (Some(grant.clone()), grant.into())
                },
                now,
            );
            return self.send(index, signed);
        };
        let own = client.disk.lanes.get(lane).map(|lane| lane.keypair.public());
        let body: Body = match (way.wrapping_rem(3), own) {
            (0, _) => transfer(to, how.wrapping_rem(100)).into(),
            (1, Some(key)) => Revoke { key }.into(),
            _ => {
                let (price, quantity) = (Price::new(100), Quantity::new(how.wrapping_rem(40)));
                let side = if how.is_multiple_of(2) { Side::Buy } else { Side::Sell };
                let place = Place::limit(market_id(low_byte(way).wrapping_rem(3)), side, price, quantity);
                Orders { operations: vec![Operation::Place(Box::new(place))] }.into()
            }
        };
        let signed = client.sign(lane, body, None, now);
        if let Some(signed) = &signed {
            self.note_orders(index, signed);
        }
        self.send(index, signed);
    }

    /// One more account of the same cheat.
    fn split(&mut self) {
        if self.clients.len() < self.setup.clients.len().saturating_add(SPLITS) {
            let index = self.clients.len();
            self.clients.push(Client::new(index, Kind::Splitter, self.seed));
            self.register(index);
        }
    }

    /// Sends some old block again, as a replay of somebody who listened would.
    fn send_again(&mut self, index: usize, how: u64) {
        let Some(client) = self.clients.get(index) else { return };
        let blocks: Vec<_> = client.disk.lanes.iter().flat_map(|lane| &lane.entries).collect();
        let at = how.checked_rem(blocks.len() as u64).and_then(|at| usize::try_from(at).ok());
        let block = at.and_then(|at| blocks.get(at)).map(|entry| Rc::clone(&entry.verified));
        if let Some(block) = block {
            self.network.send(Letter::ToNode(index, Request::Submit(block)));
        }
    }
}

fn low_byte(number: u64) -> u8 {
    let [byte, ..] = number.to_le_bytes();
    byte
}

fn register_with(
    client: &mut Client,
    home: bandex_types::PublicKey,
    nonce: u64,
    now: bandex_types::Timestamp,
) -> Option<Rc<Verified>> {
    let keypair = client.new_key();
    signed(&keypair, 1, BlockId::ZERO, Register { home, nonce }.into(), None, now)
}
