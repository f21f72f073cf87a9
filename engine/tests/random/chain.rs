//! Deals on the Bitcoin chain: what may happen to them, and how it is done.

use crate::driver::{Driver, pick};
use crate::kit::acts::limit;
use crate::kit::chain::{BWT_SAT, script};
use crate::kit::*;
use crate::strategies::{ACTORS, Act, side, trading, trust};
use ::bitcoin::Transaction;
use bandex_engine::{Event, PaymentStatus};
use bandex_settlement::{Party, State};
use bandex_tradechain::body::*;
use bandex_tradechain::{Command, Headers, Payment};
use bandex_types::{Amount, AssetId, DealId, Side};
use proptest::prelude::*;

/// How a payment differs from what is due.
#[derive(Debug, Clone, Copy)]
pub enum Sum {
    Due,
    /// So much of it, in percent.
    Part(u64),
    /// So many satoshi, whatever is due.
    Satoshi(u64),
}

/// Something happens on the chain, or to deals that are paid on it.
#[derive(Debug, Clone)]
pub enum ChainAct {
    /// Two orders that mostly trade.
    Meet {
        actor: usize,
        further: usize,
        side: Side,
        price: u64,
        lots: u64,
        own_cap: Option<u64>,
    },
    /// The payee of a deal, or the other side, names a script: a fresh one, or 0 one that is taken, or 1 none.
    Receive {
        deal: usize,
        by_payee: bool,
        script: u64,
    },
    /// Somebody makes a transaction that pays these deals. It waits for a block.
    Pay {
        deals: Vec<(usize, Sum)>,
    },
    /// A block with all that waits, or nothing; its header is told at once, or with the next.
    Mine {
        full: bool,
        told: bool,
    },
    /// Blocks are replaced; what they held waits again, or is gone.
    Reorganise {
        undone: usize,
        again: bool,
    },
    /// A transaction is proven, the last one or any; or the proof is damaged.
    Prove {
        which: usize,
        damaged: bool,
    },
    Fees {
        rate: u64,
    },
    Payments {
        confirmations: u16,
        further: u16,
        fee_share_ppm: u32,
    },
    /// Headers that nobody knows the parents of.
    Stray,
}

/// What of the chain the driver knows and the engine may not.
#[derive(Default)]
pub struct Node {
    waiting: Vec<Transaction>,
    /// All there ever were, proven or not.
    made: Vec<Transaction>,
    untold: Vec<[u8; 80]>,
    scripts: u64,
}

impl Driver {
    /// A world in which limits are earned, with a market that is paid on the chain.
    pub fn on_chain() -> Self {
        let mut driver = Self::earning();
        let world = &mut driver.world;
        world.follow_chain();
        world.set_rate(AssetId::BWT, 50_000, 1);
        let terms =
            TrustTerms { largest_limit: Amount::new(100_000_000), ..world.engine.trust_terms().clone() };
        world.set_trust(TrustTerms { epoch_us: 2_000 * SECOND, ..terms });
        world.set_payments(1, 3, 200_000);
        world.set_limit("bob", Some(20_000_000));
        driver
    }

    pub fn chain(&mut self, act: &ChainAct) {
        match *act {
            ChainAct::Meet { actor, further, side, price, lots, own_cap } => {
                let own_cap = own_cap.map(Amount::new);
                for (actor, side) in [(actor, side), (actor + further, side.opposite())] {
                    let place = Place { own_cap, ..limit(BWT_SAT, side, price, lots) };
                    self.send(actor, 0, Orders { operations: vec![Operation::Place(Box::new(place))] });
                }
            }
            ChainAct::Receive { deal, by_payee, script } => self.receive(deal, by_payee, script),
            ChainAct::Pay { ref deals } => self.pay_on_chain(deals),
            ChainAct::Mine { full, told } => {
                let transactions = if full { std::mem::take(&mut self.node.waiting) } else { Vec::new() };
                let header = self.world.chain.mine(transactions);
                self.node.untold.push(header);
                if told {
                    self.tell(None);
                }
            }
            ChainAct::Reorganise { undone, again } => self.reorganise(undone, again),
            ChainAct::Prove { which, damaged } => self.prove(which, damaged),
            ChainAct::Fees { rate } => self.tell(Some(rate)),
            ChainAct::Payments { confirmations, further, fee_share_ppm } => {
                let final_confirmations = confirmations + further;
                let terms = PaymentTerms { confirmations, final_confirmations, fee_share_ppm };
                self.configure(Change::SetPayments { market: BWT_SAT, terms });
            }
            ChainAct::Stray => {
                let headers = Headers { headers: vec![[9; 80]], fee_rate: None };
                let outcome = self.world.apply(Command::Headers(headers));
                assert_eq!(code(&outcome), "unknown_header");
            }
        }
    }

    /// The node tells all headers that it has not told, and what fees are.
    fn tell(&mut self, fee_rate: Option<u64>) {
        let headers = std::mem::take(&mut self.node.untold);
        let outcome = self.world.headers(headers, fee_rate);
        self.note(&outcome);
    }

    /// Deals on the chain that could still be paid, or else any.
    fn chain_deals(&self, open: impl Fn(State) -> bool) -> Vec<DealId> {
        let all = || self.world.watch.deals.states.values().filter(|state| state.deal.chain().is_some());
        let of: Vec<DealId> = all().filter(|state| open(state.deal.state())).map(|state| state.id).collect();
        if of.is_empty() { all().map(|state| state.id).collect() } else { of }
    }

    fn receive(&mut self, deal: usize, by_payee: bool, salt: u64) {
        let unnamed = |id: &DealId| self.world.deal_state(*id).payee.is_none();
        let mut deals = self.chain_deals(|state| state == State::Open);
        if deals.iter().any(unnamed) {
            deals.retain(unnamed);
        }
        let Some(deal) = pick(&deals, deal) else { return };
        let state = self.world.deal_state(deal);
        let script = match salt {
            0 => script(self.node.scripts),
            1 => vec![0x51],
            _ => {
                self.node.scripts += 1;
                script(self.node.scripts)
            }
        };
        let actor = self.actor(if by_payee { state.seller } else { state.buyer });
        self.send(actor, 0, Receive { deal, script });
    }

    fn pay_on_chain(&mut self, deals: &[(usize, Sum)]) {
        let named = self.chain_deals(|state| !state.is_over());
        let output = |(at, sum): &(usize, Sum)| {
            let state = self.world.deal_state(pick(&named, *at)?);
            let due = state.deal.due().filter(|due| due.party == Party::Buyer);
            let due = due.map_or(0, |due| due.amount.get().div_ceil(1_000));
            let satoshi = match *sum {
                Sum::Due => due,
                Sum::Part(percent) => due * percent / 100,
                Sum::Satoshi(satoshi) => satoshi,
            };
            Some((state.payee?.script, satoshi))
        };
        let outputs: Vec<(Vec<u8>, u64)> = deals.iter().filter_map(output).collect();
        if outputs.iter().all(|(_, satoshi)| *satoshi == 0) {
            return;
        }
        let transaction = self.world.transaction(&outputs);
        self.node.waiting.push(transaction.clone());
        self.node.made.push(transaction);
    }

    fn reorganise(&mut self, undone: usize, again: bool) {
        let undone = undone.min(self.world.chain.height() as usize);
        // What was not told is gone before anybody heard of it.
        let untold = self.node.untold.len().min(undone);
        self.node.untold.truncate(self.node.untold.len() - untold);
        let held = self.world.chain.undo(undone);
        if again {
            self.node.waiting.extend(held);
        }
        for _ in 0..=undone {
            let header = self.world.chain.mine(Vec::new());
            self.node.untold.push(header);
        }
        self.tell(None);
    }

    fn prove(&mut self, which: usize, damaged: bool) {
        let back: Vec<Transaction> = self.node.made.iter().rev().take(6).cloned().collect();
        let Some(transaction) = pick(&back, which) else { return };
        let Some(mut payment) = self.world.chain.prove(&transaction) else { return };
        if damaged {
            let at = which % payment.proof.len();
            payment.proof[at] ^= 1;
        }
        let outcome = self.world.apply(Command::Payment(Payment { ..payment }));
        self.note(&outcome);
        for event in &outcome.events {
            if let Event::Payment(told) = event
                && told.late
            {
                *self.seen.entry("late").or_default() += 1;
            }
        }
    }
}

/// What the driver counts of a payment.
pub fn status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Included => "included",
        PaymentStatus::Paid => "paid",
        PaymentStatus::Final => "final",
        PaymentStatus::Reversed => "reversed",
    }
}

fn meeting() -> impl Strategy<Value = ChainAct> {
    let cap = prop_oneof![6 => Just(None), 1 => (1_000_000..9_000_000u64).prop_map(Some)];
    (0..ACTORS, 1..ACTORS, side(), 60..160u64, 10..90u64, cap).prop_map(
        |(actor, further, side, price, lots, own_cap)| ChainAct::Meet {
            actor,
            further,
            side,
            price,
            lots,
            own_cap,
        },
    )
}

fn on_chain() -> impl Strategy<Value = ChainAct> {
    let sum = prop_oneof![
        8 => Just(Sum::Due), 2 => (1..200u64).prop_map(Sum::Part), 1 => (0..9_000u64).prop_map(Sum::Satoshi)
    ];
    prop_oneof![
        6 => meeting(),
        8 => (any::<usize>(), prop::bool::weighted(0.95), prop_oneof![30 => Just(2u64), 1 => 0..2u64])
            .prop_map(|(deal, by_payee, script)| ChainAct::Receive { deal, by_payee, script }),
        12 => prop::collection::vec((any::<usize>(), sum), 1..3).prop_map(|deals| ChainAct::Pay { deals }),
        16 => (prop::bool::weighted(0.8), prop::bool::weighted(0.9))
            .prop_map(|(full, told)| ChainAct::Mine { full, told }),
        2 => (prop_oneof![9 => 1..4usize, 1 => 4..9usize], prop::bool::weighted(0.7))
            .prop_map(|(undone, again)| ChainAct::Reorganise { undone, again }),
        16 => (prop_oneof![2 => Just(0usize), 1 => any::<usize>()], prop::bool::weighted(0.04))
            .prop_map(|(which, damaged)| ChainAct::Prove { which, damaged }),
        1 => prop_oneof![3 => 0..200u64, 1 => 200..5_000u64].prop_map(|rate| ChainAct::Fees { rate }),
        1 => (0..4u16, 0..4u16, prop_oneof![9 => 100_000..1_000_000u32, 1 => Just(0u32)]).prop_map(
            |(confirmations, further, fee_share_ppm)| ChainAct::Payments { confirmations, further, fee_share_ppm }
        ),
        1 => Just(ChainAct::Stray),
    ]
}

/// A story in which most happens on the chain.
pub fn chain_acts() -> impl Strategy<Value = Vec<Act>> {
    let time = prop_oneof![9 => 1..900_000_000u64, 1 => 7_000_000_000..7_300_000_000u64];
    let one = |act: Act| vec![act];
    let some = prop_oneof![
        60 => on_chain().prop_map(Act::Chain).prop_map(one),
        4 => time.prop_map(|micros| vec![Act::Wait { micros }]),
        2 => trading().prop_map(one),
        6 => trust().prop_map(one),
        2 => any::<usize>().prop_map(double_spend),
    ];
    prop::collection::vec(some, 60..120).prop_map(|acts| acts.concat())
}

/// A payment is delivered for, leaves the chain and does not come back, and time passes.
fn double_spend(deal: usize) -> Vec<Act> {
    let mine = || ChainAct::Mine { full: true, told: true };
    let acts = [
        ChainAct::Receive { deal, by_payee: true, script: 2 },
        ChainAct::Pay { deals: vec![(deal, Sum::Due)] },
        mine(),
        ChainAct::Prove { which: 0, damaged: false },
        mine(),
        ChainAct::Reorganise { undone: 2, again: false },
    ];
    let wait = Act::Wait { micros: 7_200 * SECOND };
    acts.into_iter().map(Act::Chain).chain([wait]).collect()
}
