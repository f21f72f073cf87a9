//! Drives one exchange with the commands of a file.

use super::lane::{Lane, test_key};
use super::report::{Report, compare};
use super::venue::Venue;
use crate::output::Progress;
use anyhow::{Context, Result, bail};
use bandex_engine::{CommandResult, Event, OperationResult, Outcome, Refusal, Trade};
use bandex_flow::{self as flow, Action, VenueTrade};
use bandex_tradechain::SignedBlock;
use bandex_tradechain::body::{Change, Operation, Orders, Parameters, Place};
use bandex_types::{AccountId, Amount, DealId, OrderRef, PostOnly, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

/// So long that no deadline passes during any file: a thousand years.
const NEVER_US: u64 = 1_000 * 365 * 24 * 3_600 * 1_000_000;
/// What a block in flight was for.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    Register,
    Flow,
}

/// A replay under way.
pub struct Replay<'a, V> {
    venue: &'a mut V,
    /// When the last block was handed in.
    time: Timestamp,
    traders: Vec<Lane>,
    in_flight: VecDeque<Purpose>,
    /// By whom and under which reference an order of the file was placed.
    placed: BTreeMap<u64, (u32, OrderRef)>,
    /// The venue's numbers of those orders.
    numbers: BTreeMap<OrderRef, u64>,
    trades: Vec<VenueTrade>,
    deals: BTreeSet<DealId>,
    refused: BTreeMap<&'static str, u64>,
    orders: u64,
    cancels: u64,
    cancels_of_unknown: u64,
    blocks: u64,
}

/// Replays `commands` through `venue` as orders of `traders` accounts, and compares with the venue's own trades.
///
/// # Errors
/// The file cannot be read, or the exchange does not take what it should.
pub async fn replay<V: Venue>(
    through: &'static str,
    venue: &mut V,
    traders: u32,
    commands: impl Iterator<Item = Result<flow::Command>>,
    own: &[VenueTrade],
) -> Result<Report> {
    let mut commands = commands.peekable();
    let first_ms = match commands.peek() {
        Some(Ok(command)) => command.time_ms,
        _ => 0,
    };
    let mut replay = Replay::new(venue, moment(first_ms));
    replay.set_up(traders).await.context("setting up the exchange")?;
    let begun = Instant::now();
    let mut progress = Progress::new("commands", None);
    for (done, command) in commands.enumerate() {
        replay.command(&command?).await?;
        progress.at(done as u64 + 1);
    }
    replay.drain().await?;
    progress.end();
    Ok(replay.report(through, own).timed(begun.elapsed()))
}

/// Sequenced time of a row. A file that counts its milliseconds from elsewhere is moved to a plausible year, since
/// blocks of 1970 are refused.
pub fn moment(time_ms: u64) -> Timestamp {
    let micros = time_ms.saturating_mul(1_000);
    let time = Timestamp::from_micros(micros);
    let moved =
        if time < Timestamp::EARLIEST_PLAUSIBLE { Timestamp::EARLIEST_PLAUSIBLE.plus(micros) } else { time };
    moved.min(Timestamp::LATEST_PLAUSIBLE)
}

impl<'a, V: Venue> Replay<'a, V> {
    fn new(venue: &'a mut V, time: Timestamp) -> Self {
        Self {
            venue,
            time,
            traders: Vec::new(),
            in_flight: VecDeque::new(),
            placed: BTreeMap::new(),
            numbers: BTreeMap::new(),
            trades: Vec::new(),
            deals: BTreeSet::new(),
            refused: BTreeMap::new(),
            orders: 0,
            cancels: 0,
            cancels_of_unknown: 0,
            blocks: 0,
        }
    }

    /// Registers the accounts and lets the operator list the market and set limits that never bind.
    async fn set_up(&mut self, traders: u32) -> Result<()> {
        let mut changes: Vec<Change> = flow::assets().into_iter().map(Change::ListAsset).collect();
        changes.push(Change::ListMarket(flow::market_listing(NEVER_US, NEVER_US)));
        changes.push(Change::SetParameters(Parameters {
            share_ppm: 1_000_000,
            bid_multiple: u32::MAX,
            ..Parameters::default()
        }));
        let buyers = flow::buyers(traders);
        // The last share stays with the issuance account.
        let tokens = Amount::new(u64::MAX / (u64::from(traders - buyers) + 1));
        for number in 0..traders {
            let account = self.register(number).await?;
            changes.push(Change::SetLimit { account, limit: Some(Amount::MAX) });
            if number >= buyers {
                changes.push(Change::Issue { to: account, amount: tokens });
            }
        }
        // The accounts must exist before limits are set for them.
        self.drain().await?;
        self.venue.configure(self.time, changes).await
    }

    async fn register(&mut self, number: u32) -> Result<AccountId> {
        let key = test_key("trader", number);
        let bits = self.venue.register_work_bits();
        let (lane, account, block) = Lane::register(key, self.venue.genesis(), bits, self.time);
        self.traders.push(lane);
        self.submit(Purpose::Register, block).await?;
        Ok(account)
    }

    async fn submit(&mut self, purpose: Purpose, block: SignedBlock) -> Result<()> {
        self.blocks += 1;
        self.in_flight.push_back(purpose);
        let outcomes = self.venue.submit(self.time, block).await?;
        outcomes.into_iter().try_for_each(|outcome| self.outcome(outcome))
    }

    /// Waits until every block has its outcome.
    async fn drain(&mut self) -> Result<()> {
        let outcomes = self.venue.finish().await?;
        outcomes.into_iter().try_for_each(|outcome| self.outcome(outcome))?;
        match self.in_flight.len() {
            0 => Ok(()),
            missing => bail!("{missing} blocks have no outcome"),
        }
    }

    async fn command(&mut self, command: &flow::Command) -> Result<()> {
        self.time = self.time.max(moment(command.time_ms));
        match command.action {
            Action::Place { id, side, price, quantity, post_only } => {
                self.orders += 1;
                let trader = flow::trader_for(id, side, self.trader_count());
                let post_only = if post_only { PostOnly::Refuse } else { PostOnly::Off };
                let place = Place { post_only, ..Place::limit(flow::MARKET, side, price, quantity) };
                let lane = self.lane(trader)?;
                let order = OrderRef { key: lane.key(), seq: lane.next_seq(), op: 0 };
                // Before it is handed in: its trades may be in the very next outcome.
                self.placed.insert(id, (trader, order));
                self.numbers.insert(order, id);
                self.operation(trader, Operation::Place(Box::new(place))).await
            }
            Action::Cancel { id } => {
                self.cancels += 1;
                let Some((trader, order)) = self.placed.get(&id).copied() else {
                    self.cancels_of_unknown += 1;
                    return Ok(());
                };
                self.operation(trader, Operation::Cancel { order }).await
            }
        }
    }

    fn trader_count(&self) -> u32 {
        u32::try_from(self.traders.len()).unwrap_or(u32::MAX)
    }

    fn lane(&mut self, trader: u32) -> Result<&mut Lane> {
        self.traders.get_mut(trader as usize).context("no such trader")
    }

    async fn operation(&mut self, trader: u32, operation: Operation) -> Result<()> {
        let time = self.time;
        let block = self.lane(trader)?.sign(time, Orders { operations: vec![operation] });
        self.submit(Purpose::Flow, block).await
    }

    fn outcome(&mut self, outcome: Outcome) -> Result<()> {
        let purpose = self.in_flight.pop_front().context("an outcome without a block")?;
        let refusals: Vec<Refusal> = match outcome.result {
            CommandResult::Refused(refusal) => vec![refusal],
            CommandResult::Done(operations) => operations.into_iter().filter_map(refusal).collect(),
        };
        match purpose {
            Purpose::Register => {
                if let Some(refusal) = refusals.into_iter().next() {
                    return Err(refusal.into());
                }
            }
            Purpose::Flow => {
                for refusal in refusals {
                    *self.refused.entry(refusal.code()).or_default() += 1;
                }
            }
        }
        for event in outcome.events {
            if let Event::Trade(trade) = event {
                self.trade(&trade)?;
            }
        }
        Ok(())
    }

    fn trade(&mut self, trade: &Trade) -> Result<()> {
        let number =
            |order| self.numbers.get(order).copied().context("a trade of an order that nobody placed");
        self.trades.push(VenueTrade {
            taker: number(&trade.taker)?,
            maker: number(&trade.maker)?,
            side: trade.taker_side,
            price: trade.price,
            quantity: trade.quantity,
        });
        self.deals.insert(trade.deal);
        Ok(())
    }

    fn report(self, through: &'static str, own: &[VenueTrade]) -> Report {
        let comparison = compare(own, &self.trades);
        let traders = self.trader_count();
        let post_only_refused = self.refused.get(Refusal::WouldTrade.code()).copied().unwrap_or(0);
        Report {
            through,
            traders,
            trades: self.trades.len(),
            reproduced: comparison.reproduced,
            venue: own.len(),
            in_order: comparison.in_order,
            post_only_refused,
            orders: self.orders,
            cancels: self.cancels,
            cancels_of_unknown: self.cancels_of_unknown,
            refused: self.refused,
            deals: self.deals.len(),
            blocks: self.blocks,
            seconds: 0.0,
            commands_per_second: 0,
            differences: comparison.differences,
        }
    }
}

fn refusal(result: OperationResult) -> Option<Refusal> {
    match result {
        OperationResult::Done => None,
        OperationResult::Refused(refusal) => Some(refusal),
    }
}
