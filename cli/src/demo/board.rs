//! What the demo shows: counters and texts that all parts write and the screen reads.

use bandex_flow::VenueTrade;
use bandex_sdk::LocalBook;
use bandex_sdk::types::{DealId, Price};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// How many lines the tape and the notes keep.
const LINES: usize = 64;

/// All of it.
pub(crate) struct Board {
    pub begun: Instant,
    pub phase: &'static str,
    pub commands: usize,
    pub commands_total: usize,
    pub orders: u64,
    pub cancels: u64,
    pub refused: BTreeMap<String, u64>,
    pub trades: u64,
    pub settled: BTreeSet<DealId>,
    pub deals: BTreeSet<DealId>,
    pub defaulted: BTreeSet<DealId>,
    pub payments: u64,
    pub acknowledgements: u64,
    /// Blocks that were mined on the demo's own chain.
    pub blocks: u64,
    pub tape: VecDeque<TapeLine>,
    pub notes: VecDeque<String>,
    pub book: Option<LocalBook>,
}

/// One trade of the tape.
pub(crate) struct TapeLine {
    pub taker_buys: bool,
    pub price: Price,
    pub quantity: String,
}

/// The board, shared.
pub(crate) type Shared = Arc<Mutex<Board>>;

/// An empty board for a flow of so many commands.
pub(crate) fn new(commands_total: usize) -> Shared {
    Arc::new(Mutex::new(Board {
        begun: Instant::now(),
        phase: "starting",
        commands: 0,
        commands_total,
        orders: 0,
        cancels: 0,
        refused: BTreeMap::new(),
        trades: 0,
        settled: BTreeSet::new(),
        deals: BTreeSet::new(),
        defaulted: BTreeSet::new(),
        payments: 0,
        acknowledgements: 0,
        blocks: 0,
        tape: VecDeque::new(),
        notes: VecDeque::new(),
        book: None,
    }))
}

/// Takes the board for a moment; nobody holds it across a wait.
pub(crate) fn lock(board: &Shared) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// Says something to whoever watches.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push_back(text.into());
        while self.notes.len() > LINES {
            self.notes.pop_front();
        }
    }

    /// Adds a trade to the tape.
    pub fn print_trade(&mut self, line: TapeLine) {
        self.trades += 1;
        self.tape.push_back(line);
        while self.tape.len() > LINES {
            self.tape.pop_front();
        }
    }
}

/// A price of the recorded venue, in its own currency: one tick is 0.01.
pub(crate) fn venue_price(price: Price) -> String {
    let ticks = price.get();
    format!("{}.{:02}", ticks / 100, ticks % 100)
}

/// What a price stands for here, in satoshi a gigabyte: 200,000 ticks are one.
pub(crate) fn satoshi_a_gigabyte(price: Price) -> String {
    let thousandths = price.get() / 200;
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

/// Trades in the venue's terms compare with the venue's own.
pub(crate) fn reproduced(own: &[VenueTrade], made: &[VenueTrade]) -> usize {
    crate::replay::compare(own, made).reproduced
}
