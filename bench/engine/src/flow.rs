//! A file's commands as blocks of traders.
//!
//! Half of the accounts only buy and half only sell, so that nobody meets himself. Commands are taken in stretches; in
//! each, those of one account come together and make blocks of up to a hundred operations. That changes the order of
//! the commands, so the yardstick is given the new order, and its trades are what the engine must make.

use anyhow::{Context, Result, ensure};
use bandex_bench_matching::plain::Plain;
use bandex_bench_matching::workload::{Action, Command, Workload};
use bandex_bench_matching::{Engine as _, Tally};
use bandex_tradechain::body::{MAX_OPERATIONS, Operation, Orders, Place};
use bandex_types::{MarketId, OrderRef, Price, PublicKey, Quantity, Side, TimeInForce};
use std::collections::BTreeMap;

/// One block to come: whose lane, what, and how many commands of the file it stands for.
pub struct Sheet {
    /// The lane, counted from 0: buyers first.
    pub lane: usize,
    /// At most a hundred operations.
    pub orders: Orders,
    /// Commands of the file.
    pub commands: usize,
}

/// What an order of the file is on the engine.
#[derive(Clone, Copy)]
struct Known {
    order: OrderRef,
    /// All that was ever ordered under it and is not cancelled.
    total: u64,
}

/// Turns commands into blocks.
pub struct Flow {
    keys: Vec<PublicKey>,
    /// The next block's seq of each lane.
    seqs: Vec<u64>,
    known: BTreeMap<u32, Known>,
    plain: Plain,
}

impl Flow {
    /// For lanes with these keys, whose next blocks have these seqs; buyers first.
    pub fn new(workload: &Workload, keys: Vec<PublicKey>, seqs: Vec<u64>) -> Self {
        Self { keys, seqs, known: BTreeMap::new(), plain: Plain::with_symbols(workload.symbols) }
    }

    /// What the commands so far come to.
    pub fn tally(&self) -> Tally {
        self.plain.tally()
    }

    /// The lane of a command.
    fn lane(&self, command: &Command, side: Side) -> usize {
        let half = self.keys.len() / 2;
        let within = command.order as usize % half;
        if side == Side::Buy { within } else { half + within }
    }

    /// Makes blocks of a stretch of commands.
    pub fn sheets(&mut self, commands: &[Command]) -> Result<Vec<Sheet>> {
        // An order's side is that of the command that added it.
        let mut lanes: BTreeMap<usize, Vec<Command>> = BTreeMap::new();
        let mut sides: BTreeMap<u32, Side> = BTreeMap::new();
        for command in commands {
            let side = match command.action {
                Action::Add | Action::Ioc => command.side,
                _ => sides.get(&command.order).copied().unwrap_or(self.plain.order(command.order).side),
            };
            sides.insert(command.order, side);
            lanes.entry(self.lane(command, side)).or_default().push(Command { side, ..*command });
        }
        let mut sheets = Vec::new();
        for (lane, commands) in lanes {
            for some in commands.chunks(MAX_OPERATIONS / 2) {
                let mut operations = Vec::new();
                for command in some {
                    self.command(lane, command, &mut operations)?;
                }
                ensure!(operations.len() <= MAX_OPERATIONS, "a block became too long");
                *self.seqs.get_mut(lane).context("a lane")? += 1;
                sheets.push(Sheet { lane, orders: Orders { operations }, commands: some.len() });
            }
        }
        Ok(sheets)
    }

    fn command(&mut self, lane: usize, command: &Command, operations: &mut Vec<Operation>) -> Result<()> {
        let before = self.plain.order(command.order);
        self.plain.apply(command);
        let op = u8::try_from(operations.len())?;
        let name = |op| -> Result<OrderRef> {
            let (key, seq) = (self.keys.get(lane).context("a key")?, self.seqs.get(lane).context("a lane")?);
            Ok(OrderRef { key: *key, seq: *seq, op })
        };
        let quantity = u64::from(command.quantity);
        let unknown = Known { order: OrderRef { seq: u64::MAX, ..name(0)? }, total: 0 };
        let known = self.known.get(&command.order).copied().unwrap_or(unknown);
        let placed = match command.action {
            Action::Add | Action::Ioc => {
                operations.push(place(command));
                Some(Known { order: name(op)?, total: quantity })
            }
            Action::Cancel => {
                operations.push(Operation::Cancel { order: known.order });
                None
            }
            // In the file a move always goes to the end of the queue; an amendment that only shrinks does not.
            Action::Move
                if before.left > 0 && before.price == command.price && quantity <= u64::from(before.left) =>
            {
                operations.push(Operation::Cancel { order: known.order });
                operations.push(place(command));
                Some(Known { order: name(op + 1)?, total: quantity })
            }
            Action::Move | Action::Reduce => {
                let total = match command.action {
                    Action::Move => known.total.saturating_sub(u64::from(before.left)) + quantity,
                    _ => known.total.saturating_sub(quantity),
                };
                let price = if command.action == Action::Move { command.price } else { before.price };
                let (price, quantity) = (Price::new(price), Quantity::new(total));
                operations.push(Operation::Amend { order: known.order, price, quantity });
                (before.left > 0).then_some(Known { total, ..known })
            }
        };
        if let Some(known) = placed {
            self.known.insert(command.order, known);
        }
        if self.plain.order(command.order).left == 0 {
            self.known.remove(&command.order);
        }
        Ok(())
    }
}

fn place(command: &Command) -> Operation {
    let market = MarketId::new(u32::from(command.symbol) + 1);
    let (price, lots) = (Price::new(command.price), Quantity::new(u64::from(command.quantity)));
    let mut place = Place::limit(market, command.side, price, lots);
    if command.action == Action::Ioc {
        place.time_in_force = TimeInForce::Ioc;
    }
    Operation::Place(Box::new(place))
}
