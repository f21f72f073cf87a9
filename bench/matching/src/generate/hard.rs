//! Kinds that are unkind to a book: many symbols, falls, distances and levels of one order each. Whole numbers only.

use super::flow::Flow;
use crate::workload::Action;
use bandex_types::Side;

/// How many symbols the kind of that name has.
pub const SYMBOLS: u32 = 500;
/// So far apart prices get.
const FAR: u64 = 1 << 40;
/// So far apart the prices of single orders lie.
const SCATTER: u64 = 1 << 31;

/// One market: where its price is and how its orders lie around it.
#[derive(Debug, Clone, Copy)]
struct Market {
    symbol: u16,
    middle: u64,
    spread: u64,
}

impl Market {
    /// A price on its side of the middle, near it more often than far away.
    fn draw(&self, flow: &mut Flow, side: Side) -> u64 {
        let (first, second) = (flow.random.below(self.spread), flow.random.below(self.spread));
        let distance = 1 + u64::try_from(u128::from(first) * u128::from(second) / u128::from(self.spread))
            .expect("it is below the spread");
        beyond(self.middle, side.opposite(), distance)
    }

    /// The middle walks a tick now and then.
    fn walk(&mut self, flow: &mut Flow) {
        if flow.random.below(50) == 0 {
            self.middle = beyond(self.middle, any_side(flow), 1);
        }
    }

    /// One ordinary command: mostly adds and cancels, so that about as many orders rest as shall.
    fn step(&mut self, flow: &mut Flow) {
        self.walk(flow);
        let side = any_side(flow);
        if flow.is_warming() || flow.books.resting().is_empty() {
            self.add(flow, side);
            return;
        }
        let adds = 450 + bias_per_mille(flow);
        match flow.random.below(1_000) {
            draw if draw < adds => self.add(flow, side),
            ..900 => cancel(flow),
            900..950 => self.sweep(flow, side),
            950..980 => self.change(flow),
            _ => reduce(flow),
        }
    }

    fn add(&self, flow: &mut Flow, side: Side) {
        let quantity = 1 + flow.random.below_u32(100);
        let mut price = self.draw(flow, side);
        if let Some(best) = flow.books.best(self.symbol, side.opposite())
            && !flow.is_warming()
            && flow.random.below(20) == 0
        {
            price = beyond(best, side, flow.random.below(5));
        }
        flow.send(Action::Add, self.symbol, side, price, quantity);
    }

    fn sweep(&self, flow: &mut Flow, side: Side) {
        let quantity = 1 + flow.random.below_u32(400);
        let best = flow.books.best(self.symbol, side.opposite()).unwrap_or(self.middle);
        let reach = flow.random.below(1 + self.spread / 8);
        flow.send(Action::Ioc, self.symbol, side, beyond(best, side, reach), quantity);
    }

    /// Moves an order, in its own market whichever that is; this one's middle serves for those of this market.
    fn change(&self, flow: &mut Flow) {
        let order = flow.any_resting();
        let known = flow.books.order(order);
        let quantity = 1 + flow.random.below_u32(100);
        let price =
            if known.symbol == self.symbol { self.draw(flow, known.side) } else { nudge(flow, known.price) };
        flow.change(Action::Move, order, price, quantity);
    }
}

/// Many markets around prices of their own. The lower the number, the busier.
pub fn symbols(flow: &mut Flow) {
    let symbols = u16::try_from(SYMBOLS).expect("there are not so many");
    let mut markets: Vec<Market> = (0..symbols)
        .map(|symbol| {
            let (middle, spread) = (1_000 + flow.random.below(1_000_000), 20 + flow.random.below(300));
            Market { symbol, middle, spread }
        })
        .collect();
    while !flow.is_done() {
        let busiest = 1 + flow.random.place(markets.len());
        let symbol = flow.random.place(busiest);
        markets[symbol].step(flow);
    }
}

/// Every hundred thousand commands the price falls by 8,000 ticks within 40 sweeps, and climbs back in 400 more among
/// ordinary commands. A fall takes every bid on its way; the asks stay behind, far above, until the way back.
pub fn crash(flow: &mut Flow) {
    const CYCLE: usize = 100_000;
    let mut market = Market { symbol: 0, middle: 100_000, spread: 400 };
    let mut height = 0;
    while !flow.is_done() {
        let moment = flow.timed() % CYCLE;
        if flow.is_warming() {
            market.step(flow);
        } else if (10_000..10_080).contains(&moment) && moment.is_multiple_of(2) {
            market.middle = beyond(market.middle, Side::Sell, 200);
            height += 200;
            let limit = beyond(market.middle, Side::Sell, 1_000);
            let quantity = 20_000 + flow.random.below_u32(40_000);
            flow.send(Action::Ioc, 0, Side::Sell, limit, quantity);
        } else if (50_000..58_000).contains(&moment) && moment.is_multiple_of(20) && height > 0 {
            market.middle = beyond(market.middle, Side::Buy, 20);
            height -= 20;
            let quantity = 2_000 + flow.random.below_u32(4_000);
            flow.send(Action::Ioc, 0, Side::Buy, market.middle, quantity);
        } else {
            market.step(flow);
        }
    }
}

/// One order in twenty rests at a distance of which only the number of bits is drawn evenly, up to 2^40 ticks. Every
/// fifty thousand commands a side is swept to its end, up to 2^39 ticks away.
pub fn far(flow: &mut Flow) {
    let mut market = Market { symbol: 0, middle: FAR, spread: 300 };
    while !flow.is_done() {
        let side = any_side(flow);
        let moment = flow.timed() % 50_000;
        if !flow.is_warming() && moment == 49_999 {
            let limit = beyond(market.middle, side, FAR / 2);
            flow.send(Action::Ioc, 0, side, limit, 10_000_000);
        } else if flow.random.below(20) == 0 {
            let bits = flow.random.below(40);
            let distance = (1 << bits) + flow.random.below(1 << bits);
            let price = beyond(market.middle, side.opposite(), distance);
            let quantity = 1 + flow.random.below_u32(100);
            flow.send(Action::Add, 0, side, price, quantity);
        } else {
            market.step(flow);
        }
    }
}

/// Prices so far apart that hardly two orders share one.
pub fn scattered(flow: &mut Flow) {
    let mut market = Market { symbol: 0, middle: 2 * SCATTER, spread: SCATTER };
    while !flow.is_done() {
        market.step(flow);
    }
}

/// How much likelier an order is added than otherwise, since fewer rest than should; never below 0.
fn bias_per_mille(flow: &Flow) -> u64 {
    let lack = flow.target.saturating_sub(flow.books.resting().len());
    (lack * 2_000 / flow.target).min(350) as u64
}

/// One in a hundred is for any order there ever was.
fn cancel(flow: &mut Flow) {
    let stale = flow.random.below(100) == 0;
    let order = if stale { 1 + flow.random.below_u32(flow.added()) } else { flow.any_resting() };
    flow.cancel(order);
}

/// Mostly by a part, sometimes by all and more.
fn reduce(flow: &mut Flow) {
    let order = flow.any_resting();
    let known = flow.books.order(order);
    let quantity = 1 + flow.random.below_u32(known.left + known.left / 4 + 1);
    flow.change(Action::Reduce, order, known.price, quantity);
}

fn nudge(flow: &mut Flow, price: u64) -> u64 {
    beyond(price, any_side(flow), 1 + flow.random.below(5))
}

fn any_side(flow: &mut Flow) -> Side {
    if flow.random.below(2) == 0 { Side::Buy } else { Side::Sell }
}

/// A price so many ticks further in the direction in which a taker of this side goes: a buyer up, a seller down to 1.
fn beyond(price: u64, side: Side, ticks: u64) -> u64 {
    match side {
        Side::Buy => price + ticks,
        Side::Sell => price.saturating_sub(ticks).max(1),
    }
}
