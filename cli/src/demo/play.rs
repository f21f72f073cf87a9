//! The replay: signed orders over one WebSocket, in file order, pipelined; book and tape beside it.

use super::board::{self, Shared, TapeLine};
use super::cast::Cast;
use super::{Flow, Stage};
use anyhow::{Context, Result, bail};
use bandex_flow::Action;
use bandex_sdk::api::{Channel, PushKind, Trade};
use bandex_sdk::tradechain::body::{Operation, Orders, Place};
use bandex_sdk::types::{DealId, OrderRef, PostOnly};
use bandex_sdk::{LocalBook, Submitted, Subscription, Topic};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How many answers may wait to be counted.
const ANSWERS: usize = 4_096;
/// How long the tape may lag behind the last answer.
const TAPE_TIME: Duration = Duration::from_secs(10);

/// How fast it went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub commands: u64,
    pub elapsed: Duration,
}

/// Follows book and tape.
pub(crate) struct Watch {
    trades: Arc<Mutex<Vec<Trade>>>,
    tasks: [JoinHandle<()>; 2],
}

/// Subscribes to book and trades.
pub(crate) async fn watch(stage: &Stage) -> Result<Watch> {
    let market = Arc::clone(stage.markets.market("BWT-BTC").context("the market is not listed")?);
    let books = stage.client.subscribe(Topic::of(Channel::Book, &market.symbol)).await?;
    let tape = stage.client.subscribe(Topic::of(Channel::Trades, &market.symbol)).await?;
    let trades = Arc::new(Mutex::new(Vec::new()));
    board::lock(&stage.board).book = Some(LocalBook::new(&market.symbol, market.scale));
    let tasks = [
        tokio::spawn(follow_book(books, Arc::clone(&stage.board))),
        tokio::spawn(follow_tape(tape, market, Arc::clone(&trades), Arc::clone(&stage.board))),
    ];
    Ok(Watch { trades, tasks })
}

async fn follow_book(mut books: Subscription, board: Shared) {
    while let Some(push) = books.next().await {
        let mut board = board::lock(&board);
        let failed = board.book.as_mut().and_then(|book| book.apply(&push).err());
        if let Some(error) = failed {
            board.note(format!("the book: {error}"));
        }
    }
}

async fn follow_tape(
    mut tape: Subscription,
    market: Arc<bandex_sdk::MarketInfo>,
    trades: Arc<Mutex<Vec<Trade>>>,
    board: Shared,
) {
    while let Some(push) = tape.next().await {
        let Ok(news) = serde_json::from_value::<Vec<Trade>>(push.data) else { continue };
        let fresh = push.kind == PushKind::Update;
        for trade in news.into_iter().filter(|_| fresh) {
            let mut board = board::lock(&board);
            if let Ok(price) = market.scale.parse_price(&trade.price) {
                let taker_buys = trade.taker_side == "buy";
                board.print_trade(TapeLine { taker_buys, price, quantity: trade.quantity.clone() });
            }
            if let Some(deal) = deal_of(&trade) {
                board.deals.insert(deal);
            }
            trades.lock().unwrap_or_else(PoisonError::into_inner).push(trade);
        }
    }
}

/// The deal of a trade: its id follows from both orders.
fn deal_of(trade: &Trade) -> Option<DealId> {
    let (taker, maker): (OrderRef, OrderRef) = (trade.taker.parse().ok()?, trade.maker.parse().ok()?);
    Some(bandex_sdk::tradechain::deal_id(&taker, &maker))
}

impl Watch {
    /// All trades that were seen.
    pub fn finish(self) -> Vec<Trade> {
        self.tasks.iter().for_each(JoinHandle::abort);
        std::mem::take(&mut *self.trades.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends every command of the file as a signed block of its trader, and waits for all answers.
pub(crate) async fn replay(stage: &Stage, cast: &Cast, flow: &Flow, speed: Option<u32>) -> Result<Pace> {
    board::lock(&stage.board).phase = "orders flow";
    let begun = Instant::now();
    let (answers, answered) = mpsc::channel(ANSWERS);
    let counting = tokio::spawn(count(answered, Arc::clone(&stage.board)));
    let market = stage.markets.market("BWT-BTC").context("the market is not listed")?;
    let mut placed: BTreeMap<u64, (u32, OrderRef)> = BTreeMap::new();
    let first_ms = flow.commands.first().map_or(0, |command| command.time_ms);
    let (mut sent, mut orders, mut cancels) = (0_u64, 0_u64, 0_u64);
    for command in &flow.commands {
        if let Some(speed) = speed {
            let at = Duration::from_millis(command.time_ms.saturating_sub(first_ms)) / speed;
            tokio::time::sleep_until((begun + at).into()).await;
        }
        let submitted = match command.action {
            Action::Place { id, side, price, quantity, post_only } => {
                let (number, member) = cast.member_for(id, side).context("no such trader")?;
                let mut place = Place::limit(market.id, side, price, quantity);
                place.post_only = if post_only { PostOnly::Refuse } else { PostOnly::Off };
                let operations = vec![Operation::Place(Box::new(place))];
                let submitted = member.trader.submit(Orders { operations }).await?;
                placed.insert(id, (number, submitted.order(0)));
                cast.placed(submitted.order(0), id);
                orders += 1;
                submitted
            }
            Action::Cancel { id } => {
                // Of an order that the file never placed there is nothing to name.
                let Some((number, order)) = placed.get(&id).copied() else { continue };
                let member = cast.members.get(number as usize).context("no such trader")?;
                cancels += 1;
                member.trader.submit(Orders { operations: vec![Operation::Cancel { order }] }).await?
            }
        };
        sent += 1;
        if answers.send(submitted).await.is_err() {
            break;
        }
        if sent.is_multiple_of(64) {
            let mut board = board::lock(&stage.board);
            (board.commands, board.orders, board.cancels) = (usize::try_from(sent)?, orders, cancels);
        }
    }
    drop(answers);
    counting.await??;
    let mut board = board::lock(&stage.board);
    (board.commands, board.orders, board.cancels) = (flow.commands.len(), orders, cancels);
    Ok(Pace { commands: sent, elapsed: begun.elapsed() })
}

/// Awaits the answers and counts refusals by their code.
async fn count(mut answered: mpsc::Receiver<Submitted>, board: Shared) -> Result<()> {
    while let Some(submitted) = answered.recv().await {
        let reply = submitted.reply().await?;
        for operation in reply.operations {
            if let Some(code) = operation.code {
                *board::lock(&board).refused.entry(code).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// Waits until every deal that was opened is settled.
pub(crate) async fn settled(stage: &Stage, within: Duration) -> Result<()> {
    board::lock(&stage.board).phase = "deals settle";
    let begun = Instant::now();
    loop {
        let (open, trades_seen) = {
            let board = board::lock(&stage.board);
            (board.deals.iter().filter(|deal| !board.settled.contains(deal)).count(), board.trades)
        };
        // The tape is asynchronous too: the exchange itself says how many trades there were.
        let page = stage
            .rest
            .trades("BWT-BTC", &bandex_sdk::api::TradeQuery { cursor: None, limit: Some(1) })
            .await?;
        let trades = page.trades.first().map_or(0, |trade| trade.number);
        if trades > trades_seen && begun.elapsed() > TAPE_TIME {
            bail!("the tape stopped at trade {trades_seen} of {trades}");
        }
        if open == 0 && trades == trades_seen {
            return Ok(());
        }
        if begun.elapsed() > within {
            bail!("{open} deals are still open after {} s", within.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
