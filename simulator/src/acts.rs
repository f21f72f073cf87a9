//! What clients sign: acts as the story names them, made into blocks of whoever there is.

use crate::setup::{Kind, Rules};
use crate::story::{Act, Decision, Lives, Op, Special, Wakes};
use crate::world::{World, market_id};
use bandex_tradechain::body::{
    Bandwidth, Change, Grant, Guard, Heal, MarketRules, MarketState, Operation, Orders, Payer, Place,
    Protection, Quote, Quotes, Revoke, Rotate, Scopes, Transfer, Trigger, TriggerKind,
};
use bandex_tradechain::{Body, Verified};
use bandex_types::{
    AccountId, Amount, AssetId, MarketId, OrderRef, OrderType, PostOnly, Price, Quantity, Ratio, SelfTrade,
    Side, TimeInForce, Timestamp,
};
use std::rc::Rc;

/// How long an order that lives till a date lives, in microseconds.
const DATE_US: u64 = 30_000_000;

impl World<'_> {
    /// A client signs and sends something; whoever has no account registers first.
    pub fn act(&mut self, number: u8, act: &Act) {
        let index = self.client(number);
        self.register(index);
        let signed = match act {
            Act::Grant { scopes, market, largest, lasts_us } => {
                self.grant(index, *scopes, *market, *largest, *lasts_us)
            }
            Act::Revoke { key } => self.revoke(index, *key),
            Act::Rotate => self.rotate(index),
            Act::Heal { key } => self.heal(index, *key),
            Act::Orders { key, operations } => self.orders(index, *key, operations),
            Act::Guard { key, cancel_after_us, on_disconnect_us } => {
                let guard = Guard { cancel_after_us: *cancel_after_us, on_disconnect_us: *on_disconnect_us };
                self.sign_with(index, *key, Scopes::ORDERS, guard.into(), None)
            }
            Act::Transfer { key, to, amount, lasts_us } => {
                let transfer = |to| transfer(to, *amount);
                let expiry = lasts_us.map(|us| self.time().plus(us));
                self.to_another(index, *to)
                    .and_then(|to| self.sign_with(index, *key, Scopes::TOKENS, transfer(to).into(), expiry))
            }
            Act::Bandwidth { key, to, tokens, pays, on_credit } => {
                self.to_another(index, *to).and_then(|to| {
                    let payer = if *pays { Payer::Author } else { Payer::Counterparty };
                    let (sent_bytes, received_bytes) = (tokens.saturating_add(1), 0);
                    let tokens = Amount::new(if *on_credit { 0 } else { *tokens });
                    let bandwidth = Bandwidth { counterparty: to, sent_bytes, received_bytes, payer, tokens };
                    self.sign_with(index, *key, Scopes::TOKENS, bandwidth.into(), None)
                })
            }
            Act::Misbehave { how } => {
                self.misbehave(index, *how);
                None
            }
            about_trust => self.stake(index, about_trust),
        };
        self.send(index, signed);
    }

    /// The account of another client.
    pub fn to_another(&self, index: usize, to: u8) -> Option<AccountId> {
        let to = if self.client(to) == index { to.wrapping_add(1) } else { to };
        self.account(to).filter(|_| self.client(to) != index)
    }

    /// Signs with one of the keys that may.
    pub fn sign_with(
        &mut self,
        index: usize,
        key: u8,
        scope: Scopes,
        body: Body,
        expiry: Option<Timestamp>,
    ) -> Option<Rc<Verified>> {
        let now = self.time();
        let client = self.clients.get_mut(index)?;
        let lanes = client.lanes_for(scope, now);
        // A bot's own key comes first and is used most.
        let at = if client.kind == Kind::Bot { key.div_euclid(2) } else { key };
        let lane = lanes.get(usize::from(at).checked_rem(lanes.len())?).copied()?;
        client.sign(lane, body, expiry, now)
    }

    fn grant(
        &mut self,
        index: usize,
        scopes: u8,
        market: Option<u8>,
        largest: Option<u64>,
        lasts_us: Option<u64>,
    ) -> Option<Rc<Verified>> {
        let now = self.time();
        let scopes = Scopes::from_bits(scopes.checked_rem(8).filter(|bits| *bits != 0).unwrap_or(1));
        let client = self.clients.get_mut(index)?;
        client.admit(
            |key, possession| {
                let grant = Grant {
                    key,
                    scopes,
                    markets: market.map(market_id).into_iter().collect(),
                    largest_notional: largest.map(Amount::new),
                    expires: lasts_us.map(|us| now.plus(us)),
                    possession,
                };
                (Some(grant.clone()), grant.into())
            },
            now,
        )
    }

    /// A session key of the client.
    pub fn session(&self, index: usize, key: u8) -> Option<usize> {
        let lanes = self.clients.get(index)?.disk.lanes.iter().enumerate();
        let sessions: Vec<usize> =
            lanes.filter(|(_, lane)| lane.grant.is_some()).map(|(lane, _)| lane).collect();
        sessions.get(usize::from(key).checked_rem(sessions.len())?).copied()
    }

    fn revoke(&mut self, index: usize, key: u8) -> Option<Rc<Verified>> {
        let (lane, now) = (self.session(index, key)?, self.time());
        let client = self.clients.get_mut(index)?;
        let lane = client.disk.lanes.get_mut(lane).filter(|lane| !lane.ended)?;
        lane.ended = true;
        let key = lane.keypair.public();
        client.sign(client.disk.root, Revoke { key }.into(), None, now)
    }

    fn rotate(&mut self, index: usize) -> Option<Rc<Verified>> {
        let now = self.time();
        let client = self.clients.get_mut(index)?;
        let before = client.disk.root;
        let signed = client.admit(|key, possession| (None, Rotate { key, possession }.into()), now)?;
        client.disk.root = client.disk.lanes.len().saturating_sub(1);
        if let Some(lane) = client.disk.lanes.get_mut(before) {
            lane.ended = true;
        }
        Some(signed)
    }

    fn heal(&mut self, index: usize, key: u8) -> Option<Rc<Verified>> {
        let (lane, now) = (self.session(index, key)?, self.time());
        let client = self.clients.get_mut(index)?;
        let lane = client.disk.lanes.get(lane)?;
        let keep = lane.entries.last()?.verified.id();
        let key = lane.keypair.public();
        client.sign(client.disk.root, Heal { key, keep }.into(), None, now)
    }

    fn orders(&mut self, index: usize, key: u8, ops: &[Op]) -> Option<Rc<Verified>> {
        let operations: Vec<Operation> = ops.iter().map(|op| self.operation(index, op)).collect();
        let signed = self.sign_with(index, key, Scopes::ORDERS, Orders { operations }.into(), None)?;
        self.note_orders(index, &signed);
        Some(signed)
    }

    /// Remembers what was placed and amended, to cancel or amend it one day.
    pub fn note_orders(&mut self, index: usize, signed: &Verified) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let (known, block) = (&mut client.disk.orders, signed.block());
        let Body::Orders(orders) = &block.body else { return };
        for (op, operation) in orders.numbered() {
            let named = |op| OrderRef { key: block.author, seq: block.seq, op };
            match operation {
                Operation::Place(place) => known.push((named(op), place.price, place.quantity)),
                Operation::Quote(quotes) => {
                    let quotes = (op..=u8::MAX).zip(&quotes.quotes);
                    known.extend(quotes.map(|(op, quote)| (named(op), quote.price, quote.quantity)));
                }
                Operation::Amend { order, price, quantity } => {
                    for known in known.iter_mut().filter(|known| known.0 == *order) {
                        (known.1, known.2) = (*price, *quantity);
                    }
                }
                _ => {}
            }
        }
    }

    /// An order of the client, with the price and quantity last asked for. The latest first: it is the likeliest to be
    /// open.
    fn own_order(&self, index: usize, number: u8) -> (OrderRef, Price, Quantity) {
        let orders = self.clients.get(index).map_or(&[][..], |client| &client.disk.orders);
        let at = usize::from(number).checked_rem(orders.len());
        let nothing = OrderRef { key: self.keys.node.public(), seq: 1, op: 0 };
        let found = at.and_then(|at| orders.iter().rev().nth(at)).copied();
        found.unwrap_or((nothing, Price::new(1), Quantity::new(1)))
    }

    fn operation(&self, index: usize, op: &Op) -> Operation {
        match op {
            Op::Place {
                market,
                side,
                price,
                quantity,
                lives,
                post_only,
                self_trade,
                own_cap,
                least_score,
                name,
                special,
            } => {
                let place =
                    Place::limit(market_id(*market), *side, Price::new(*price), Quantity::new(*quantity));
                let time_in_force = match lives {
                    Lives::Gtc => TimeInForce::Gtc,
                    Lives::Ioc => TimeInForce::Ioc,
                    Lives::Fok => TimeInForce::Fok,
                    Lives::Gtd => TimeInForce::Gtd,
                };
                let date = || self.time().plus(special.lasts_us.unwrap_or(DATE_US));
                Operation::Place(Box::new(with_special(
                    Place {
                        time_in_force,
                        expires: (*lives == Lives::Gtd).then(date),
                        post_only: if *post_only { PostOnly::Refuse } else { PostOnly::Off },
                        self_trade: self_trade_mode(*self_trade),
                        own_cap: own_cap.map(Amount::new),
                        least_score: *least_score,
                        client_id: name.map(client_id),
                        ..place
                    },
                    special,
                )))
            }
            Op::Cancel { order } => Operation::Cancel { order: self.own_order(index, *order).0 },
            Op::CancelNamed { market, name } => {
                let market: MarketId = market_id(*market);
                Operation::CancelClient { market, client_id: client_id(*name) }
            }
            Op::Amend { order, ticks, lots } => {
                let (order, price, quantity) = self.own_order(index, *order);
                let price = Price::new(price.get().saturating_add_signed(i64::from(*ticks)));
                let quantity = Quantity::new(quantity.get().saturating_add_signed(i64::from(*lots)));
                Operation::Amend { order, price, quantity }
            }
            Op::CancelAll { market, side } => {
                Operation::CancelAll { market: market.map(market_id), side: *side }
            }
            Op::Quote { market, slide, bids, asks } => {
                let of = |side| {
                    move |(price, quantity): &(u64, u64)| Quote {
                        side,
                        price: Price::new(*price),
                        quantity: Quantity::new(*quantity),
                    }
                };
                let quotes = bids.iter().map(of(Side::Buy)).chain(asks.iter().map(of(Side::Sell))).collect();
                Operation::Quote(Quotes { market: market_id(*market), slide: *slide, quotes })
            }
            Op::Protect { market, most } => Operation::Protect {
                market: market_id(*market),
                protection: most
                    .map(|(lots, us)| Protection { quantity: Quantity::new(lots), window_us: us.max(1) }),
            },
        }
    }

    /// The operator decides; about accounts there are.
    pub fn decision(&mut self, decision: &Decision) {
        let change = match decision {
            Decision::ListMarket { market } => Some(self.listing(*market)),
            Decision::SetState { market, state } => {
                let state = match state.checked_rem(4) {
                    Some(0) => MarketState::Trading,
                    Some(1) => MarketState::CancelOnly,
                    Some(2) => MarketState::Halted,
                    _ => MarketState::Auction,
                };
                Some(Change::SetMarketState { market: market_id(*market), state })
            }
            Decision::SetRules { market, rules } => Some(rules_change(*market, rules)),
            Decision::SetLimit { client, limit } => self
                .account(*client)
                .map(|account| Change::SetLimit { account, limit: limit.map(Amount::new) }),
            Decision::SetCreditLine { client, line } => self
                .account(*client)
                .map(|account| Change::SetCreditLine { account, line: Amount::new(*line) }),
            Decision::SetFrozen { client, frozen } => {
                self.account(*client).map(|account| Change::SetFrozen { account, frozen: *frozen })
            }
            Decision::SetParameters { dust, share_ppm } => {
                Some(Change::SetParameters(self.parameters(*dust, *share_ppm)))
            }
            Decision::SetTrust { terms } => Some(Change::SetTrust(terms.clone())),
            Decision::SetRate { asset, rate } => {
                let asset = AssetId::new(u32::from(asset.checked_rem(3).unwrap_or(0)));
                // A rate with a part of 0 is none.
                Some(Change::SetRate { asset, rate: rate.and_then(|(num, den)| Ratio::new(num, den).ok()) })
            }
            Decision::SetSeed { client, seed } => {
                self.account(*client).map(|account| Change::SetSeed { account, seed: *seed })
            }
            Decision::SetRegistrar { client, registrar } => {
                let registrar = *registrar;
                self.account(*client).map(|account| Change::SetRegistrar { account, registrar })
            }
            Decision::SetFees { market, fees } => {
                Some(Change::SetFees { market: market_id(*market), fees: *fees })
            }
            Decision::Issue { client, amount } => {
                self.account(*client).map(|to| Change::Issue { to, amount: Amount::new(*amount) })
            }
        };
        if let Some(change) = change {
            self.decide(vec![change]);
        }
    }
}

/// The change that has a market trade by some rules.
pub(crate) fn rules_change(market: u8, rules: &Rules) -> Change {
    let Rules { band_ppm, halt_us, auction_us, most_orders } = *rules;
    let rules = MarketRules { band_ppm, halt_us, auction_us, most_orders };
    Change::SetMarketRules { market: market_id(market), rules }
}

/// An order with what few orders have.
fn with_special(place: Place, special: &Special) -> Place {
    let trigger = special.trigger.map(|(wakes, price)| {
        let kind = match wakes {
            Wakes::StopLoss => TriggerKind::StopLoss,
            Wakes::TakeProfit => TriggerKind::TakeProfit,
        };
        Trigger { kind, price: Price::new(price) }
    });
    let slides = special.slide && place.post_only == PostOnly::Refuse;
    Place {
        order_type: if special.market { OrderType::Market } else { OrderType::Limit },
        quote_quantity: special.quote_quantity.map(Amount::new),
        post_only: if slides { PostOnly::Slide } else { place.post_only },
        display: special.display.map(Quantity::new),
        minimum: special.minimum.map(Quantity::new),
        trigger,
        ..place
    }
}

fn client_id(name: u8) -> String {
    format!("order-{name}")
}

fn self_trade_mode(number: u8) -> SelfTrade {
    match number.checked_rem(4) {
        Some(1) => SelfTrade::CancelNewest,
        Some(2) => SelfTrade::CancelBoth,
        Some(3) => SelfTrade::Decrement,
        _ => SelfTrade::CancelOldest,
    }
}

pub(crate) fn transfer(to: AccountId, amount: u64) -> Transfer {
    Transfer { to, asset: AssetId::BWT, amount: Amount::new(amount.max(1)), note: String::new() }
}
