//! Turns acts into signed blocks and commands.

use crate::chain::{Node, status};
use crate::kit::acts::{Grants, limit};
use crate::kit::*;
use crate::strategies::{ACTORS, Act, Op, Special};
use bandex_engine::{CancelReason, Event, OrderStatus, Outcome, Standing};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::*;
use bandex_tradechain::{Body, Command, ForkProof, SignedBlock};
use bandex_types::{
    AccountId, Amount, AssetId, DealId, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, SelfTrade,
    Side, TimeInForce, Timestamp,
};
use std::collections::BTreeMap;

pub const MARKETS: [MarketId; 3] = [BWT_BTC, BTC_BWT, EUR_BTC];

/// An account with its keys by name: the first is the root.
struct Actor {
    keys: Vec<String>,
}

pub struct Driver {
    pub world: World,
    actors: Vec<Actor>,
    /// Counts the names of keys.
    names: usize,
    /// What happens on the chain.
    pub node: Node,
    /// What has happened how often: refusals by code, and the moments worth reaching.
    pub seen: BTreeMap<&'static str, usize>,
}

/// The element that a pick chooses.
pub fn pick<T: Clone>(from: &[T], pick: usize) -> Option<T> {
    from.get(pick.checked_rem(from.len())?).cloned()
}

impl Driver {
    pub fn new() -> Self {
        let names = ["alice", "bob", "carol", "mallory"];
        let mut world = World::new();
        for name in names {
            world.register(name);
            world.issue(name, 5_000);
        }
        let parameters =
            Parameters { dust: Amount::new(400), proposal_us: 50 * SECOND, ..Parameters::default() };
        world.configure(vec![Change::SetParameters(parameters)]);
        world.set_limit("bob", Some(1_000_000));
        let actors = names.map(|name| Actor { keys: vec![name.to_owned()] }).into();
        Self { world, actors, names: 0, node: Node::default(), seen: BTreeMap::new() }
    }

    /// A world in which limits are earned: tokens have a rate, epochs end, and some have put something down.
    pub fn earning() -> Self {
        let mut driver = Self::new();
        let world = &mut driver.world;
        world.set_rate(AssetId::BWT, 3, 1);
        world.set_trust(TrustTerms {
            epoch_us: 20 * SECOND,
            largest_limit: Amount::new(100_000),
            loss_budget: Amount::new(1_000_000),
            first_grant: Amount::new(50),
            grant_work_bits: 4,
            ..TrustTerms::default()
        });
        world.set_seed("alice", true);
        world.set_registrar("bob", true);
        for (name, units) in [("alice", 900), ("bob", 300), ("carol", 100), ("mallory", 500)] {
            world.bond(name, units);
            world.fee(name, units);
        }
        driver
    }

    pub fn note(&mut self, outcome: &Outcome) {
        let mut count = |what| *self.seen.entry(what).or_default() += 1;
        codes(outcome).into_iter().for_each(&mut count);
        for event in &outcome.events {
            match event {
                Event::Trade(_) => count("trade"),
                Event::Tranche(_) => count("tranche"),
                Event::Default(_) => count("default"),
                Event::Fork(_) => count("fork"),
                Event::Auction { price: Some(_), .. } => count("auction"),
                Event::Protection { tripped: true, .. } => count("protection"),
                Event::Slash(_) => count("slash"),
                Event::Netted(_) => count("netted"),
                Event::Payment(told) => count(status(told.status)),
                Event::DealFees { .. } => count("fees"),
                Event::Epoch { .. } => count("epoch"),
                Event::Scored { .. } => count("scored"),
                Event::Trust(state) if !state.leaving.is_zero() => count("leaving"),
                Event::Trust(state) if state.score_ppb > 0 && !state.limit.earned.is_zero() => {
                    count("trusted")
                }
                Event::Order(state) => match state.status {
                    OrderStatus::Sleeping => count("sleeping"),
                    OrderStatus::Cancelled(reason) => count(cancelled(reason)),
                    _ => {}
                },
                Event::Deal(state) if state.deal.state() == State::Settled => count("settled"),
                Event::Deal(state) if matches!(state.deal.state(), State::Disputed { .. }) => {
                    count("disputed")
                }
                Event::Deal(state) if matches!(state.deal.state(), State::WrittenOff { .. }) => {
                    count("written_off")
                }
                Event::Deal(state) if matches!(state.deal.state(), State::Cured { .. }) => count("cured"),
                Event::Deal(state) if state.deal.state() == State::Resolved => count("resolved"),
                _ => {}
            }
        }
    }

    pub fn key(&self, actor: usize, key: usize) -> String {
        let keys = &self.actors[actor % ACTORS].keys;
        keys[key % keys.len()].clone()
    }

    pub fn account(&self, actor: usize) -> AccountId {
        self.world.account(&self.key(actor, 0))
    }

    /// Which actor an account is.
    pub fn actor(&self, account: AccountId) -> usize {
        (0..ACTORS).find(|actor| self.account(*actor) == account).expect("there are no others")
    }

    pub fn send(&mut self, actor: usize, key: usize, body: impl Into<Body>) {
        let name = self.key(actor, key);
        let outcome = self.world.send(&name, body);
        self.note(&outcome);
    }

    pub fn configure(&mut self, change: Change) {
        let outcome = self.world.configure(vec![change]);
        self.note(&outcome);
    }

    pub fn act(&mut self, act: &Act) {
        self.world.wait(SECOND);
        match *act {
            Act::Orders { actor, key, ref operations } => {
                let operations = operations.iter().map(|op| self.operation(op)).collect();
                self.send(actor, key, Orders { operations });
            }
            Act::Pay { deal, by_due, tranche, amount } => self.pay(deal, by_due, tranche, amount),
            Act::Acknowledge { proposal, by_payee, actor, key } => {
                let waiting: Vec<_> = self.world.watch.waiting.values().cloned().collect();
                let Some(state) = pick(&waiting, proposal) else { return };
                let actor = if by_payee { self.actor(state.to) } else { actor };
                self.send(actor, key, Acknowledge { proposal: state.proposal });
            }
            Act::Transfer { from, key, to, units } => {
                let (to, asset, amount) = (self.account(to), AssetId::BWT, Amount::new(units));
                self.send(from, key, Transfer { to, asset, amount, note: String::new() });
            }
            Act::Bandwidth { from, key, to, payer, units } => {
                let (counterparty, tokens) = (self.account(to), Amount::new(units));
                self.send(
                    from,
                    key,
                    Bandwidth { counterparty, sent_bytes: 1, received_bytes: 0, payer, tokens },
                );
            }
            Act::Wait { micros } => {
                let outcome = self.world.tick(micros);
                self.note(&outcome);
            }
            Act::Guard { actor, key, cancel_after_us, on_disconnect_us } => {
                self.send(actor, key, Guard { cancel_after_us, on_disconnect_us });
            }
            Act::Disconnected { actor, key, ago_us } => {
                let outcome = self.world.disconnected(&self.key(actor, key), ago_us);
                self.note(&outcome);
            }
            Act::Limit { .. }
            | Act::Credit { .. }
            | Act::Issue { .. }
            | Act::Frozen { .. }
            | Act::State { .. }
            | Act::Rules { .. }
            | Act::Parameters { .. } => self.rule(act),
            Act::Trust(ref act) => self.trust(act),
            Act::Chain(ref act) => self.chain(act),
            _ => self.keys(act),
        }
    }

    fn operation(&self, op: &Op) -> Operation {
        match *op {
            Op::Place {
                market,
                side,
                price,
                quantity,
                time_in_force,
                post_only,
                own_cap,
                client_id,
                ref special,
            } => {
                let own_cap = own_cap.map(Amount::new);
                let client_id = client_id.map(|id| format!("c{id}"));
                let plain = limit(MARKETS[market], side, price, quantity);
                let place = Place { time_in_force, post_only, own_cap, client_id, ..plain };
                Operation::Place(Box::new(self.with_special(place, special)))
            }
            Op::Amend { order, price, quantity } => {
                let alive: Vec<OrderRef> = self.world.watch.orders.alive().map(|state| state.order).collect();
                let (price, quantity) = (Price::new(price), Quantity::new(quantity));
                pick(&alive, order).map_or(unknown(), |order| Operation::Amend { order, price, quantity })
            }
            Op::CancelAll { market, side } => {
                Operation::CancelAll { market: market.map(|market| MARKETS[market]), side }
            }
            Op::Quote { market, slide, ref quotes } => {
                let quote = |(side, price, quantity): &(Side, u64, u64)| Quote {
                    side: *side,
                    price: Price::new(*price),
                    quantity: Quantity::new(*quantity),
                };
                let quotes = quotes.iter().map(quote).collect();
                Operation::Quote(Quotes { market: MARKETS[market], slide, quotes })
            }
            Op::Protect { market, protection } => {
                let protection = protection
                    .map(|(quantity, window_us)| Protection { quantity: Quantity::new(quantity), window_us });
                Operation::Protect { market: MARKETS[market], protection }
            }
            Op::Cancel { order } => {
                let open: Vec<OrderRef> = self.world.watch.orders.open().map(|state| state.order).collect();
                pick(&open, order).map_or(unknown(), |order| Operation::Cancel { order })
            }
            Op::CancelClient { market, client_id } => {
                Operation::CancelClient { market: MARKETS[market], client_id: format!("c{client_id}") }
            }
            Op::CancelUnknown => unknown(),
        }
    }

    fn with_special(&self, plain: Place, special: &Special) -> Place {
        let expires = self.world.now().plus(special.lives_us);
        let place = Place {
            self_trade: [
                SelfTrade::CancelOldest,
                SelfTrade::CancelNewest,
                SelfTrade::CancelBoth,
                SelfTrade::Decrement,
            ][usize::from(special.self_trade)],
            display: special.display.map(Quantity::new),
            minimum: special.minimum.map(Quantity::new),
            least_score: special.least_score,
            trigger: special.trigger.map(|(stops, price)| Trigger {
                kind: if stops { TriggerKind::StopLoss } else { TriggerKind::TakeProfit },
                price: Price::new(price),
            }),
            expires: (plain.time_in_force == TimeInForce::Gtd).then_some(expires),
            ..plain
        };
        match (special.market, special.budget) {
            (false, None) => place,
            (true, None) => {
                let market = Place { order_type: OrderType::Market, expires: None, ..place };
                Place { time_in_force: TimeInForce::Ioc, post_only: PostOnly::Off, display: None, ..market }
            }
            (_, Some(budget)) => Place {
                order_type: OrderType::Market,
                quantity: Quantity::ZERO,
                quote_quantity: Some(Amount::new(budget)),
                time_in_force: TimeInForce::Ioc,
                post_only: PostOnly::Off,
                display: None,
                minimum: None,
                expires: None,
                ..place
            },
        }
    }

    fn pay(&mut self, deal: usize, by_due: bool, tranche: u32, amount: u64) {
        let open = |state: &bandex_engine::DealState| !state.deal.state().is_closed();
        let states = &self.world.watch.deals.states;
        let mut ids: Vec<DealId> =
            states.values().filter(|state| open(state)).map(|state| state.id).collect();
        if ids.is_empty() {
            ids = states.keys().copied().collect();
        }
        let Some(deal) = pick(&ids, deal) else { return };
        let state = self.world.deal_state(deal);
        let (party, due_tranche, cumulative) = state
            .deal
            .due()
            .map_or((Party::Seller, 1, 1), |due| (due.party, due.tranche, due.cumulative.get()));
        let payer = if (party == Party::Seller) == by_due { state.seller } else { state.buyer };
        let (tranche, cumulative) = (due_tranche + tranche, Amount::new(cumulative + amount));
        self.send(self.actor(payer), 0, Pay { deal, tranche, cumulative, reference: String::new() });
    }

    fn rule(&mut self, act: &Act) {
        match *act {
            Act::Limit { actor, limit } => {
                self.configure(Change::SetLimit {
                    account: self.account(actor),
                    limit: limit.map(Amount::new),
                });
            }
            Act::Credit { actor, line } => {
                self.configure(Change::SetCreditLine {
                    account: self.account(actor),
                    line: Amount::new(line),
                });
            }
            Act::Issue { actor, units } => {
                self.configure(Change::Issue { to: self.account(actor), amount: Amount::new(units) });
            }
            Act::Frozen { actor, frozen } => {
                self.configure(Change::SetFrozen { account: self.account(actor), frozen });
            }
            Act::State { market, state } => {
                self.configure(Change::SetMarketState { market: MARKETS[market], state });
            }
            Act::Rules { market, band_ppm, halt_us, auction_us, most_orders } => {
                let rules = MarketRules { band_ppm, halt_us, auction_us, most_orders };
                self.configure(Change::SetMarketRules { market: MARKETS[market], rules });
            }
            Act::Parameters { dust, share_ppm, bid_multiple } => {
                let dust = Amount::new(dust);
                let now = self.world.engine.parameters().clone();
                self.configure(Change::SetParameters(Parameters { dust, share_ppm, bid_multiple, ..now }));
            }
            _ => {}
        }
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("key {}", self.names)
    }

    fn keys(&mut self, act: &Act) {
        match *act {
            Act::Grant { actor, scopes, largest, lives_us } => {
                let name = self.new_name();
                let grants = Grants {
                    scopes: Scopes::from_bits(scopes),
                    markets: Vec::new(),
                    largest_notional: largest.map(Amount::new),
                    expires: lives_us.map(|micros| self.world.now().plus(micros)),
                };
                let outcome = self.world.grant(&self.key(actor, 0), &name, grants);
                self.note(&outcome);
                if code(&outcome) == "done" {
                    self.actors[actor].keys.push(name);
                }
            }
            Act::Rotate { actor } => {
                let name = self.new_name();
                let outcome = self.world.rotate(&self.key(actor, 0), &name);
                self.note(&outcome);
                if code(&outcome) == "done" {
                    // The old root stays among the keys: it still tries things.
                    self.actors[actor].keys.insert(0, name);
                }
            }
            Act::Revoke { actor, key: of } => self.send(actor, 0, Revoke { key: key(&self.key(actor, of)) }),
            Act::Heal { actor, key: of } => {
                let outcome = self.world.heal(&self.key(actor, 0), &self.key(actor, of));
                self.note(&outcome);
            }
            _ => self.hostile(act),
        }
    }

    fn hostile(&mut self, act: &Act) {
        match *act {
            Act::Fork { actor, key, block } => {
                let name = self.key(actor, key);
                let Some(first) = pick(self.world.sent(&name), block) else { return };
                let proof = self.world.fork_proof(&name, &first);
                let outcome = self.world.apply(Command::Fork(proof));
                self.note(&outcome);
            }
            Act::NoFork { actor, key } => {
                let name = self.key(actor, key);
                let signed = self.world.sign(&name, Orders { operations: vec![unknown()] });
                let proof =
                    ForkProof { first: signed.clone(), second: self.world.fork_proof(&name, &signed).second };
                let outcome = self.world.apply(Command::Fork(proof));
                assert_eq!(code(&outcome), "no_fork", "neither was sequenced");
            }
            Act::Gap { actor, key } => {
                let name = self.key(actor, key);
                let mut block = self.world.next_block(&name, Orders { operations: vec![unknown()] });
                block.seq += 1;
                self.force(block.sign(&pair(&name)), "not_next");
            }
            Act::Again { actor, key, block } => {
                let name = self.key(actor, key);
                let Some(signed) = pick(self.world.sent(&name), block) else { return };
                assert!(matches!(self.world.standing(&signed), Standing::Duplicate { .. }));
                let outcome = self.world.force(signed);
                assert!(["not_next", "key_taken"].contains(&code(&outcome)), "{outcome:?}");
            }
            Act::Late { actor, key } => {
                let name = self.key(actor, key);
                let mut block = self.world.next_block(&name, Orders { operations: vec![unknown()] });
                block.expiry = Some(Timestamp::from_micros(START));
                let outcome = self.world.apply_block(block.sign(&pair(&name)));
                assert_eq!(code(&outcome), "expired");
            }
            Act::Stranger => {
                let signed = self.world.sign("stranger", Orders { operations: vec![unknown()] });
                self.force(signed, "unknown_key");
            }
            _ => {}
        }
    }

    fn force(&mut self, signed: SignedBlock, expected: &str) {
        let outcome = self.world.force(signed);
        assert_eq!(code(&outcome), expected);
    }
}

fn cancelled(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Expired => "expired",
        CancelReason::OutsideBand => "outside_band",
        CancelReason::Protection => "pulled",
        CancelReason::AuctionUnfilled => "auction_unfilled",
        CancelReason::Replaced => "replaced",
        CancelReason::WouldTrade => "woke_in_vain",
        CancelReason::NotAdmitted => "let_out",
        CancelReason::Timer => "timer",
        CancelReason::Disconnected => "disconnected",
        _ => "cancelled",
    }
}

fn unknown() -> Operation {
    Operation::Cancel { order: OrderRef { key: key("stranger"), seq: 1, op: 0 } }
}
