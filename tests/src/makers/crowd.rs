//! The crowd that makers trade with: recorded orders of many accounts, and takers that cross the book.

use crate::crash::Random;
use bandex_flow::{Action, Commands, trader_for};
use bandex_sdk::tradechain::Keypair;
use bandex_sdk::tradechain::body::{Operation, Orders, Place};
use bandex_sdk::types::{AccountId, MarketId, OrderRef, Price, Quantity, Side, TimeInForce};
use bandex_sdk::{Client, Markets, MemoryLane, Options, Rest, Submitted, Trader};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Its accounts: half of them buys, half sells.
const TRADERS: u32 = 6;
/// Every so many recorded commands somebody crosses the book.
const CROSS_EVERY: u64 = 4;
/// How far beyond the last recorded price he goes, in parts per million.
const CROSS_PPM: u64 = 2_000;
/// The most that he takes, in lots.
const CROSS_LOTS: u64 = 3_000_000;

/// Recorded orders farther than this from the first one are left out, in parts per million: a page of the book shows a
/// thousand levels a side, and makers are compared with all of them.
const FAR_PPM: u64 = 3_000;

/// What the crowd has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Recorded commands that were sent.
    pub recorded: u64,
    /// Orders that crossed the book.
    pub crossing: u64,
    /// Blocks that were answered with success.
    pub accepted: u64,
    /// Blocks or operations that were refused.
    pub refused: u64,
}

/// Accounts that trade by a record.
pub struct Crowd {
    market: MarketId,
    traders: Vec<Trader>,
    commands: Commands,
    resting: BTreeMap<u64, (usize, OrderRef)>,
    first: Option<Price>,
    price: Option<Price>,
    random: Random,
    answers: JoinSet<bool>,
    done: Done,
}

impl Crowd {
    /// Registers the accounts, each on a connection of its own, and opens the record.
    ///
    /// # Panics
    /// The exchange refuses, or the record cannot be read.
    pub async fn new(rest: &Rest, markets: &Markets, record: &Path, random: Random) -> Self {
        let market = markets.iter().next().expect("a market is listed").id;
        let mut traders = Vec::new();
        for number in 0..u8::try_from(TRADERS).unwrap() {
            let client = Client::connect(&rest.socket_url(), Options::default()).await.unwrap();
            let keypair = Keypair::from_seed(&[200 - number; 32]);
            let lane = MemoryLane;
            traders.push(Trader::register(&client, rest, markets, keypair, lane).await.unwrap());
        }
        let commands = bandex_flow::commands(record).unwrap();
        let (resting, answers) = (BTreeMap::new(), JoinSet::new());
        let (first, price, done) = (None, None, Done::default());
        Self { market, traders, commands, resting, first, price, random, answers, done }
    }

    /// Whose accounts they are.
    pub fn accounts(&self) -> Vec<AccountId> {
        self.traders.iter().map(Trader::account).collect()
    }

    /// Trades at so many commands a second until told to stop; then waits for every answer.
    ///
    /// # Panics
    /// A lane breaks, or the record ends.
    pub async fn run(mut self, rate: u64, mut stop: watch::Receiver<bool>) -> Done {
        let mut tick = interval(Duration::from_micros(1_000_000 / rate.max(1)));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !*stop.borrow() {
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                _ = tick.tick() => self.step().await,
            }
            while let Some(answer) = self.answers.try_join_next() {
                self.count(answer.unwrap());
            }
        }
        while let Some(answer) = self.answers.join_next().await {
            self.count(answer.unwrap());
        }
        self.done
    }

    const fn count(&mut self, accepted: bool) {
        if accepted {
            self.done.accepted += 1;
        } else {
            self.done.refused += 1;
        }
    }

    async fn step(&mut self) {
        let command = self.commands.next().expect("the record is long enough").unwrap();
        self.done.recorded += 1;
        match command.action {
            Action::Place { id, side, price, quantity, .. } if self.is_near(price) => {
                self.price = Some(price);
                let who = usize::try_from(trader_for(id, side, TRADERS)).unwrap();
                let place = Place::limit(self.market, side, price, quantity);
                let order = self.send(who, Operation::Place(Box::new(place))).await;
                self.resting.insert(id, (who, order));
            }
            Action::Place { .. } => {}
            Action::Cancel { id } => {
                if let Some((who, order)) = self.resting.remove(&id) {
                    self.send(who, Operation::Cancel { order }).await;
                }
            }
        }
        if self.done.recorded.is_multiple_of(CROSS_EVERY) {
            self.cross().await;
        }
    }

    fn is_near(&mut self, price: Price) -> bool {
        let first = self.first.get_or_insert(price).get();
        first.abs_diff(price.get()) <= first * FAR_PPM / 1_000_000
    }

    /// Somebody takes the best there is.
    async fn cross(&mut self) {
        let Some(price) = self.price else { return };
        let half = usize::try_from(TRADERS / 2).unwrap();
        let beyond = price.get() * CROSS_PPM / 1_000_000;
        let (side, first, limit) = match self.random.percent(50) {
            true => (Side::Buy, 0, price.get() + beyond),
            false => (Side::Sell, half, price.get().saturating_sub(beyond)),
        };
        let who = first + usize::try_from(self.random.below(u64::try_from(half).unwrap())).unwrap();
        let lots = Quantity::new(1 + self.random.below(CROSS_LOTS));
        let limit = Place::limit(self.market, side, Price::new(limit), lots);
        let place = Place { time_in_force: TimeInForce::Ioc, ..limit };
        self.done.crossing += 1;
        self.send(who, Operation::Place(Box::new(place))).await;
    }

    async fn send(&mut self, who: usize, operation: Operation) -> OrderRef {
        let submitted: Submitted =
            self.traders[who].submit(Orders { operations: vec![operation] }).await.unwrap();
        let order = submitted.order(0);
        self.answers.spawn(async move {
            submitted.reply().await.is_ok_and(|reply| reply.operations.iter().all(|operation| operation.ok))
        });
        order
    }
}
