//! Random commands and an admission that gives every answer.

use bandex_matching::{Admission, NewOrder, OrderId, Owner, Pair, Verdict};
use bandex_types::{PostOnly, Price, Quantity, SelfTrade, Side, TimeInForce};
use proptest::prelude::*;

pub const OWNERS: u32 = 5;

/// What is done to the books. Positions choose among the resting orders, modulo their number.
#[derive(Debug, Clone)]
pub enum Command {
    /// The number of `order` is replaced by a new one.
    Place {
        order: NewOrder,
    },
    /// Placed with the number of a resting order.
    PlaceAgain {
        order: NewOrder,
        position: usize,
    },
    Cancel {
        position: usize,
    },
    CancelUnknown,
    SetBudget {
        owner: u32,
        lots: u64,
    },
}

fn price() -> impl Strategy<Value = Price> {
    prop_oneof![40 => 0..8u64, 1 => Just(u64::MAX)].prop_map(Price::new)
}

fn quantity() -> impl Strategy<Value = Quantity> {
    prop_oneof![60 => 1..20u64, 1 => Just(0), 1 => Just(u64::MAX)].prop_map(Quantity::new)
}

fn order() -> impl Strategy<Value = NewOrder> {
    use TimeInForce::{Fok, Gtc, Gtd, Ioc};
    (
        0..OWNERS,
        prop_oneof![Just(Side::Buy), Just(Side::Sell)],
        price(),
        quantity(),
        prop_oneof![6 => Just(Gtc), 1 => Just(Gtd), 1 => Just(Ioc), 2 => Just(Fok)],
        prop_oneof![40 => Just(PostOnly::Off), 8 => Just(PostOnly::Refuse), 1 => Just(PostOnly::Slide)],
        prop_oneof![60 => Just(SelfTrade::CancelOldest), 1 => Just(SelfTrade::CancelNewest),
            1 => Just(SelfTrade::CancelBoth), 1 => Just(SelfTrade::Decrement)],
    )
        .prop_map(|(owner, side, price, quantity, time_in_force, post_only, self_trade)| NewOrder {
            id: OrderId::new(0),
            owner: Owner::new(owner),
            side,
            price,
            quantity,
            time_in_force,
            post_only,
            self_trade,
        })
}

fn command() -> impl Strategy<Value = Command> {
    let budget = prop_oneof![1 => Just(0), 4 => 1..30u64, 4 => 30..400u64, 1 => Just(u64::MAX)];
    prop_oneof![
        60 => order().prop_map(|order| Command::Place { order }),
        1 => (order(), any::<usize>()).prop_map(|(order, position)| Command::PlaceAgain { order, position }),
        14 => any::<usize>().prop_map(|position| Command::Cancel { position }),
        1 => Just(Command::CancelUnknown),
        12 => (0..OWNERS, budget).prop_map(|(owner, lots)| Command::SetBudget { owner, lots }),
    ]
}

pub fn commands() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), 80..120)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Short {
    TakerHasNothing,
    TakerHasTooLittle,
    MakerHasNothing,
}

/// A question of the book, with the answer it got.
#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Taker(OrderId),
    Pair(Pair, Verdict<Short>),
    TrialBegins,
    TrialEnds,
}

/// Every owner may trade so many lots. A trade reserves them of both; a trial gives them back.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgets {
    lots: Vec<u64>,
    before_trial: Option<Vec<u64>>,
    /// What was asked since this was last emptied.
    pub asked: Vec<Asked>,
}

impl Budgets {
    pub fn new() -> Self {
        Self { lots: vec![100; OWNERS as usize], before_trial: None, asked: Vec::new() }
    }

    pub fn set(&mut self, owner: u32, lots: u64) {
        *self.of(Owner::new(owner)) = lots;
    }

    pub fn lots(&self) -> &[u64] {
        &self.lots
    }

    fn of(&mut self, owner: Owner) -> &mut u64 {
        &mut self.lots[owner.get() as usize]
    }

    fn judge(&mut self, pair: &Pair) -> Verdict<Short> {
        let lots = pair.quantity.get();
        let (taker_has, maker_has) = (*self.of(pair.taker_owner), *self.of(pair.maker_owner));
        if maker_has == 0 {
            return Verdict::RemoveMaker(Short::MakerHasNothing);
        }
        if maker_has < lots {
            return Verdict::Skip;
        }
        if taker_has < lots {
            return Verdict::RefuseTaker(Short::TakerHasTooLittle);
        }
        *self.of(pair.taker_owner) -= lots;
        *self.of(pair.maker_owner) -= lots;
        Verdict::Admit
    }
}

impl Admission for Budgets {
    type Reason = Short;

    fn taker(&mut self, taker: &NewOrder) -> Result<(), Short> {
        assert!(self.asked.is_empty(), "the taker is judged once and first");
        self.asked.push(Asked::Taker(taker.id));
        if *self.of(taker.owner) == 0 { Err(Short::TakerHasNothing) } else { Ok(()) }
    }

    fn pair(&mut self, pair: &Pair) -> Verdict<Short> {
        assert_eq!(self.asked.first(), Some(&Asked::Taker(pair.taker)), "the taker is judged first");
        assert_ne!(pair.taker_owner, pair.maker_owner, "nobody trades with himself");
        assert!(!pair.quantity.is_zero());
        let verdict = self.judge(pair);
        self.asked.push(Asked::Pair(*pair, verdict.clone()));
        verdict
    }

    fn trial_begins(&mut self) {
        assert_eq!(self.before_trial, None, "trials do not nest");
        self.before_trial = Some(self.lots.clone());
        self.asked.push(Asked::TrialBegins);
    }

    fn trial_ends(&mut self) {
        self.lots = self.before_trial.take().expect("a trial has begun");
        self.asked.push(Asked::TrialEnds);
    }
}
