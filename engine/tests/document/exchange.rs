//! Plays the lines of an example on an exchange with one market, on which a lot is one token and a lot at one tick comes to
//! one unit of the quote asset.

use crate::kit::acts::{Grants, listing};
use crate::kit::{BTC_BWT, BWT_BTC, START, World, refusal};
use crate::lines::Line;
use crate::said::Told;
use crate::script::World as Play;
use crate::script::parse::{Action, Command, Ticket, owner};
use bandex_engine::{OrderStatus, Outcome};
use bandex_tradechain::body::{
    AssetListing, Change, MarketListing, MarketState, Operation, Place, Trigger, TriggerKind,
};
use bandex_types::{
    Amount, AssetId, OrderRef, OrderType, Price, Quantity, Rail, Ratio, Side, TimeInForce, Timestamp,
};
use std::collections::BTreeSet;

/// What accounts have of which the example says nothing.
const PLENTY: u64 = 1_000_000;
pub const SECOND: u64 = 1_000_000;

pub struct Exchange {
    pub world: World,
    pub told: Told,
    accounts: BTreeSet<String>,
    keys: BTreeSet<String>,
}

type Lines = Result<Vec<String>, String>;

impl Play for Exchange {
    fn run(&mut self, command: &Command) -> Lines {
        match &command.action {
            Action::Place(ticket) => self.place(ticket),
            Action::Cancel(name) => {
                let order = self.order(name)?;
                let told = self.operation(name, Operation::Cancel { order });
                self.told.cancelled(name, &told)
            }
            Action::Amend { name, quantity, price } => {
                let order = self.order(name)?;
                let (price, quantity) = (Price::new(*price), Quantity::new(*quantity));
                let told = self.operation(name, Operation::Amend { order, price, quantity });
                self.told.amended(name, price, quantity, &told)
            }
            Action::AuctionBegins => self.decide(MarketState::Auction),
            Action::AuctionEnds => self.decide(MarketState::Trading),
            Action::Band(_) => Err("an exchange does not know this line".to_owned()),
            Action::Other => self.line(command.text.parse::<Line>()?),
        }
    }

    fn show(&self, what: &str) -> Option<String> {
        self.shown(what)
    }
}

impl Exchange {
    pub fn new() -> Self {
        Self::with_tranche(1)
    }

    pub fn with_tranche(least: u64) -> Self {
        let mut world = World::bare();
        let asset = |id, symbol: &str, rail| {
            Change::ListAsset(AssetListing { id, symbol: symbol.to_owned(), decimals: 9, rail })
        };
        let plain = listing(BWT_BTC, AssetId::BWT, AssetId::BTC);
        let tick_value = Ratio::new(1, 1).expect("one");
        let market = MarketListing { lot_units: 1, tick_value, least_tranche: Amount::new(least), ..plain };
        let changes = vec![
            asset(AssetId::BWT, "BWT", Rail::Token),
            asset(AssetId::BTC, "BTC", Rail::Attested),
            Change::ListMarket(market),
        ];
        assert_eq!(refusal(&world.configure(changes)), None);
        Self { world, told: Told::default(), accounts: BTreeSet::new(), keys: BTreeSet::new() }
    }

    /// Has somebody an account, with so many tokens if it is new.
    pub fn account(&mut self, name: &str, tokens: u64) {
        if self.accounts.insert(name.to_owned()) {
            self.keys.insert(name.to_owned());
            self.world.register(name);
            self.world.issue(name, tokens);
            self.world.set_limit(name, Some(PLENTY));
        }
    }

    /// The key that signs an order of this name: `bob` of `bob#2`, or `bob/bot`, granted all.
    pub fn key(&mut self, name: &str) -> String {
        let (key, root) = (name.split('#').next().unwrap_or(name).to_owned(), owner(name));
        self.account(root, PLENTY);
        if self.keys.insert(key.clone()) {
            assert_eq!(refusal(&self.world.grant(root, &key, Grants::default())), None);
        }
        key
    }

    /// Grants a new key everything on another market.
    pub fn grant_elsewhere(&mut self, key: &str) {
        self.account(owner(key), PLENTY);
        self.keys.insert(key.to_owned());
        let grants = Grants { markets: vec![BTC_BWT], ..Grants::default() };
        assert_eq!(refusal(&self.world.grant(owner(key), key, grants)), None);
    }

    fn order(&self, name: &str) -> Result<OrderRef, String> {
        self.told.order(name).ok_or_else(|| format!("there was never an order called {name}"))
    }

    pub fn operation(&mut self, name: &str, operation: Operation) -> Outcome {
        let key = self.key(name);
        self.world.operations(&key, vec![operation])
    }

    fn place(&mut self, ticket: &Ticket) -> Lines {
        if self.told.is_open(&ticket.name) {
            return Err(format!("there is an open order called {}", ticket.name));
        }
        let key = self.key(&ticket.name);
        let (order, outcome) = self.world.place(&key, place_of(ticket));
        self.told.placed(order, ticket, &outcome)
    }

    pub fn decide(&mut self, state: MarketState) -> Lines {
        let outcome = self.world.set_state(BWT_BTC, state);
        self.told.decided(state, &outcome)
    }

    fn levels(&self, side: Side) -> String {
        let levels = self.world.engine.levels(BWT_BTC, side);
        list(levels.iter().map(|level| format!("{} at {}", level.quantity, level.price)))
    }

    fn queue(&self, side: Side, price: u64) -> String {
        let orders = self.world.engine.book_orders(BWT_BTC, side).into_iter();
        list(orders.filter(|order| order.price == Price::new(price)).map(|order| {
            let name = self.told.name(order.order);
            if order.shown == order.left {
                format!("{name} {}", order.left)
            } else {
                format!("{name} {} of {}", order.shown, order.left)
            }
        }))
    }

    fn shown(&self, what: &str) -> Option<String> {
        let view = self.world.engine.markets().next()?;
        let words: Vec<&str> = what.split(' ').collect();
        match words.as_slice() {
            ["book"] => Some(format!("{} | {}", self.levels(Side::Buy), self.levels(Side::Sell))),
            ["bids", "at", price] => Some(self.queue(Side::Buy, price.parse().ok()?)),
            ["asks", "at", price] => Some(self.queue(Side::Sell, price.parse().ok()?)),
            ["last", "trade"] => Some(view.last.map_or("none".to_owned(), |last| last.to_string())),
            ["asleep"] => Some(list(self.told.with_status(OrderStatus::Sleeping).into_iter())),
            ["indicative"] => {
                Some(self.world.engine.indicative(BWT_BTC).map_or("none".to_owned(), |found| {
                    let side = match found.surplus_side {
                        Some(Side::Buy) => " to buy",
                        Some(Side::Sell) => " to sell",
                        None => "",
                    };
                    format!("{} at {}, surplus {}{side}", found.volume, found.price, found.surplus)
                }))
            }
            ["market"] => Some(state_word(view.state).to_owned()),
            ["tokens", "of", name] => {
                let (balance, locked) = self.world.tokens(name);
                Some(format!("{} free, {locked} locked", balance - i128::from(locked)))
            }
            _ => None,
        }
    }
}

pub fn state_word(state: MarketState) -> &'static str {
    match state {
        MarketState::Trading => "trading",
        MarketState::CancelOnly => "cancel_only",
        MarketState::Halted => "halted",
        MarketState::Auction => "auction",
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "-".to_owned() } else { items.join(", ") }
}

fn some(lots: u64) -> Option<Quantity> {
    (lots > 0).then(|| Quantity::new(lots))
}

fn place_of(ticket: &Ticket) -> Place {
    let trigger = ticket.trigger.map(|trigger| {
        let stops = (ticket.side == Side::Buy) == trigger.above;
        let kind = if stops { TriggerKind::StopLoss } else { TriggerKind::TakeProfit };
        Trigger { kind, price: Price::new(trigger.price) }
    });
    let plain = Place::limit(BWT_BTC, ticket.side, Price::new(ticket.price), Quantity::new(ticket.quantity));
    Place {
        order_type: if ticket.market { OrderType::Market } else { OrderType::Limit },
        quote_quantity: ticket.quote.map(Amount::new),
        time_in_force: ticket.time_in_force,
        expires: ticket
            .until
            .filter(|_| ticket.time_in_force == TimeInForce::Gtd)
            .map(|seconds| Timestamp::from_micros(START + seconds * SECOND)),
        post_only: ticket.post_only,
        self_trade: ticket.self_trade,
        display: some(ticket.display),
        minimum: some(ticket.minimum),
        trigger,
        client_id: ticket.client_id.clone(),
        ..plain
    }
}
