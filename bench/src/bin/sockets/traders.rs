//! Those who trade: recorded order flow, dealt to accounts and signed.

use super::server::ServerProcess;
use anyhow::{Context, Result};
use bandex_flow::{self as flow, Action, Command};
use bandex_sdk::api::LaneQuery;
use bandex_sdk::tradechain::body::{Change, Operation, Orders, Place};
use bandex_sdk::types::{Amount, OrderRef, PostOnly};
use bandex_sdk::{Client, MemoryLane, Options, Rest, Trader, generate_keypair};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// When each record was sequenced, by its number, in microseconds since 1970.
pub type Sequenced = BTreeMap<u64, u64>;

/// The accounts that sign the flow.
pub struct Traders {
    traders: Vec<Trader>,
    count: u32,
    /// By whom and under which reference an order of the flow was placed.
    placed: BTreeMap<u64, (u32, OrderRef)>,
    answers: JoinSet<Result<Option<(u64, u64)>>>,
}

/// What was replayed.
#[derive(Debug, Default)]
pub struct Replayed {
    pub commands: u64,
    /// Those that were refused as a whole: their answers name no record.
    pub refused: u64,
    pub took: Duration,
    /// How far behind the recorded pace it was at worst.
    pub late: Duration,
    pub sequenced: Sequenced,
}

impl Traders {
    /// Registers accounts, each on a connection of its own, with limits that never bind.
    pub async fn register(server: &ServerProcess, rest: &Rest, count: u32) -> Result<Self> {
        let markets = rest.markets().await?;
        let (mut traders, mut changes) = (Vec::new(), Vec::new());
        let sellers = count - flow::buyers(count);
        // The last share stays with the issuance account.
        let tokens = Amount::new(u64::MAX / (u64::from(sellers) + 1));
        for number in 0..count {
            let options = Options { window: 1_024, receipts: false, ..Options::default() };
            let client = Client::connect(&rest.socket_url(), options).await?;
            let trader = Trader::register(&client, rest, &markets, generate_keypair()?, MemoryLane).await?;
            let account = rest.lane(trader.key(), &LaneQuery::default()).await?.account.parse()?;
            changes.push(Change::SetLimit { account, limit: Some(Amount::MAX) });
            if number >= flow::buyers(count) {
                changes.push(Change::Issue { to: account, amount: tokens });
            }
            traders.push(trader);
        }
        server.configure(&changes).await?;
        Ok(Self { traders, count, placed: BTreeMap::new(), answers: JoinSet::new() })
    }

    /// Carries out the commands of the first moment, which make the book that the others meet; gives how many.
    pub async fn fill_book(&mut self, commands: &mut Peekable<flow::Commands>) -> Result<u64> {
        let (mut first_ms, mut count) = (None, 0);
        while let Some(Ok(command)) = commands.peek() {
            if *first_ms.get_or_insert(command.time_ms) != command.time_ms {
                break;
            }
            let command = commands.next().context("it was there")??;
            self.carry_out(command).await?;
            count += 1;
        }
        while let Some(answer) = self.answers.join_next().await {
            answer??;
        }
        Ok(count)
    }

    /// Carries out commands at the pace at which they were recorded, or so many percent of it.
    pub async fn replay(
        &mut self,
        commands: &mut Peekable<flow::Commands>,
        span: Duration,
        speed_percent: u64,
    ) -> Result<Replayed> {
        let mut replayed = Replayed::default();
        let begun = Instant::now();
        let mut first_ms = None;
        for command in commands {
            let command = command?;
            let passed_ms = command.time_ms.saturating_sub(*first_ms.get_or_insert(command.time_ms));
            let due = Duration::from_millis(passed_ms * 100 / speed_percent.max(1));
            if due > span {
                break;
            }
            tokio::time::sleep_until(begun + due).await;
            replayed.late = replayed.late.max(begun.elapsed().saturating_sub(due));
            self.carry_out(command).await?;
            replayed.commands += 1;
            while let Some(answer) = self.answers.try_join_next() {
                replayed.note(answer??);
            }
        }
        while let Some(answer) = self.answers.join_next().await {
            replayed.note(answer??);
        }
        replayed.took = begun.elapsed();
        Ok(replayed)
    }

    async fn carry_out(&mut self, command: Command) -> Result<()> {
        let (number, operation) = match command.action {
            Action::Place { id, side, price, quantity, post_only } => {
                let post_only = if post_only { PostOnly::Refuse } else { PostOnly::Off };
                let place = Place { post_only, ..Place::limit(flow::MARKET, side, price, quantity) };
                (flow::trader_for(id, side, self.count), Operation::Place(Box::new(place)))
            }
            Action::Cancel { id } => match self.placed.remove(&id) {
                Some((number, order)) => (number, Operation::Cancel { order }),
                None => return Ok(()),
            },
        };
        let trader = self.traders.get(number as usize).context("no such trader")?;
        let submitted = trader.submit(Orders { operations: vec![operation] }).await?;
        if let Action::Place { id, .. } = command.action {
            self.placed.insert(id, (number, submitted.order(0)));
        }
        self.answers.spawn(async move {
            match submitted.reply().await {
                Ok(reply) => Ok(Some((reply.seq, reply.time_us))),
                Err(error) if error.code().is_some() => Ok(None),
                Err(error) => Err(error.into()),
            }
        });
        Ok(())
    }
}

impl Replayed {
    fn note(&mut self, answer: Option<(u64, u64)>) {
        match answer {
            Some((seq, time_us)) => {
                self.sequenced.insert(seq, time_us);
            }
            None => self.refused += 1,
        }
    }
}
