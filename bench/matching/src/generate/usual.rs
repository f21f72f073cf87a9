//! The kinds that are known elsewhere: one market, prices normally distributed around a middle that walks by itself.
//!
//! The process is that of the program whose results they are compared with, draw by draw, so the order of the draws and
//! each rounding matter.

use super::flow::Flow;
use crate::workload::Action;
use bandex_types::Side;

/// What the kinds differ in, beside how many orders rest.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Ticks between the middle and an order, as a deviation.
    pub spread: f64,
    /// Whether the middle travels with a speed that lasts.
    pub swings: bool,
    /// Whether orders are reduced instead of moved.
    pub reduces: bool,
}

const MIDDLE: f64 = 32_768.0;

/// The price in the middle, and how it moves.
struct Middle {
    price: f64,
    speed: f64,
}

pub fn fill(flow: &mut Flow, shape: Shape) {
    flow.workload.tick_limit = 1 << 16;
    let mut middle = Middle { price: MIDDLE, speed: 0.0 };
    while !flow.is_done() {
        middle.step(flow, shape);
        let side = if flow.random.bits() & 1 == 0 { Side::Buy } else { Side::Sell };
        let lack = bias(flow);
        let draw = if flow.is_warming() { 0.0 } else { flow.random.unit() };
        if draw < 0.45 + lack || flow.books.resting().is_empty() {
            add(flow, shape, &middle, side);
        } else if draw < 0.90 {
            cancel(flow);
        } else if draw < 0.96 {
            sweep(flow, &middle, side);
        } else if shape.reduces {
            reduce(flow);
        } else {
            change(flow, shape, &middle);
        }
    }
}

impl Middle {
    fn step(&mut self, flow: &mut Flow, shape: Shape) {
        if shape.swings && !flow.is_warming() {
            self.speed = self.speed * 0.99999 + flow.random.normal() * 0.00009;
            self.price += self.speed;
            if self.price < 4_000.0 {
                self.price = 8_000.0 - self.price;
                self.speed = self.speed.abs();
            }
            if self.price > 61_000.0 {
                self.price = 122_000.0 - self.price;
                self.speed = -self.speed.abs();
            }
        } else if flow.random.below(50) == 0 {
            let pull = (self.price - MIDDLE) / 4_000.0;
            self.price += if flow.random.unit() < 0.5 - pull * 0.5 { 1.0 } else { -1.0 };
        }
    }

    /// A price on its side of the middle.
    fn draw(&self, flow: &mut Flow, shape: Shape, side: Side) -> u64 {
        let distance = 1.0 + (flow.random.normal().abs() * shape.spread).floor();
        ticks(self.price + away(side) * distance)
    }
}

/// How much likelier an order is added than otherwise, since fewer rest than should; below 0 when more do.
#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 orders rest")]
fn bias(flow: &Flow) -> f64 {
    let (target, resting) = (flow.target as f64, flow.books.resting().len() as f64);
    ((target - resting) / target * 2.0).clamp(-0.35, 0.35)
}

fn add(flow: &mut Flow, shape: Shape, middle: &Middle, side: Side) {
    let quantity = 1 + flow.random.below_u32(100);
    let mut price = middle.draw(flow, shape, side);
    // One in 25 goes for the other side's best price, or up to three ticks through it.
    let is_taker = !flow.is_warming() && flow.random.below(25) == 0;
    if let Some(best) = flow.books.best(0, side.opposite()).filter(|_| is_taker) {
        price = through(best, side, flow.random.below_u32(4));
    }
    flow.send(Action::Add, 0, side, price, quantity);
}

/// One in a hundred is for any order there ever was.
fn cancel(flow: &mut Flow) {
    let order = if flow.random.below(100) == 0 {
        let added = flow.added();
        1 + flow.random.below_u32(added)
    } else {
        flow.any_resting()
    };
    flow.cancel(order);
}

/// One in ten stays a tick short of the other side's best price; the others go up to ten ticks through it.
fn sweep(flow: &mut Flow, middle: &Middle, side: Side) {
    let quantity = 1 + flow.random.below_u32(300);
    let best = flow.books.best(0, side.opposite()).unwrap_or_else(|| ticks(middle.price.floor()));
    let price = if flow.random.below(10) == 0 {
        clamp(best.saturating_add_signed(if side == Side::Buy { -1 } else { 1 }))
    } else {
        through(best, side, flow.random.below_u32(11))
    };
    flow.send(Action::Ioc, 0, side, price, quantity);
}

fn reduce(flow: &mut Flow) {
    let order = flow.any_resting();
    let known = flow.books.order(order);
    let quantity = 1 + flow.random.below_u32(known.left);
    flow.change(Action::Reduce, order, known.price, quantity);
}

fn change(flow: &mut Flow, shape: Shape, middle: &Middle) {
    let order = flow.any_resting();
    let quantity = 1 + flow.random.below_u32(100);
    let price = middle.draw(flow, shape, flow.books.order(order).side);
    flow.change(Action::Move, order, price, quantity);
}

const fn away(side: Side) -> f64 {
    match side {
        Side::Buy => -1.0,
        Side::Sell => 1.0,
    }
}

/// A price so many ticks on the far side of the other side's best.
fn through(best: u64, side: Side, ticks: u32) -> u64 {
    clamp(match side {
        Side::Buy => best.saturating_add(u64::from(ticks)),
        Side::Sell => best.saturating_sub(u64::from(ticks)),
    })
}

fn clamp(price: u64) -> u64 {
    price.clamp(1, 65_000)
}

/// The nearest price there is.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1 to 65,000 by then")]
fn ticks(price: f64) -> u64 {
    price.round().clamp(1.0, 65_000.0) as u64
}
