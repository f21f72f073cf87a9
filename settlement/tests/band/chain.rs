//! Deals whose quote is paid on a chain: any sequence of payments, confirmations, reorganisations, deadlines and ends
//! keeps both bounds, and who keeps to the rules comes to the end.

use crate::by_hand::{ACKNOWLEDGE_US, PAY_US};
use bandex_settlement::{ChainTerms, Counted, Deal, Expired, Move, OpenError, Party, Refusal, State, Terms};
use bandex_types::{Amount, Rail, Timestamp};
use proptest::prelude::*;

const PARTIES: [Party; 2] = [Party::Seller, Party::Buyer];
/// Confirmations that make a payment paid, and final.
const DEPTHS: [u16; 2] = [2, 6];

/// Everything of a deal that its course depends on.
#[derive(Debug, Clone, Copy)]
struct Shape {
    base: u64,
    total: u64,
    seller_cap: u64,
    buyer_cap: u64,
    least: u64,
}

impl Shape {
    fn terms(self) -> Terms {
        Terms {
            base_total: Amount::new(self.base),
            quote_total: Amount::new(self.total),
            seller_cap: Amount::new(self.seller_cap),
            buyer_cap: Amount::new(self.buyer_cap),
            base_rail: Rail::Token,
            quote_rail: Rail::Bitcoin,
            pay_us: PAY_US,
            acknowledge_us: ACKNOWLEDGE_US,
        }
    }

    fn chain(self) -> ChainTerms {
        let [confirmations, final_confirmations] = DEPTHS;
        ChainTerms { least: Amount::new(self.least), confirmations, final_confirmations }
    }

    fn open(self) -> Result<Deal, OpenError> {
        Deal::open_on_chain(self.terms(), self.chain(), Timestamp::ZERO)
    }
}

/// Deals that can be opened, those at the edge of what is allowed among them.
fn shape() -> impl Strategy<Value = Shape> {
    let least = prop_oneof![1 => Just(0u64), 1 => Just(1), 6 => 2u64..200];
    let cap = |least: u64| {
        let twice = (2 * least).max(2);
        prop_oneof![2 => Just(twice), 1 => Just(twice + 1), 4 => twice..twice + 300, 2 => Just(u64::MAX)]
    };
    let sized = least.prop_flat_map(move |least| (Just(least), least.max(1)..2_000, cap(least)));
    let seller = prop_oneof![2 => Just(0u64), 4 => 1u64..300, 1 => Just(u64::MAX)];
    (1u64..5_000, sized, seller).prop_map(|(base, (least, total, buyer_cap), seller_cap)| Shape {
        base,
        total,
        seller_cap: seller_cap.min(total),
        buyer_cap: buyer_cap.min(total),
        least,
    })
}

#[derive(Debug, Clone, Copy)]
enum Action {
    Name,
    /// Exactly what is due comes into a block.
    PayDue,
    /// So much more comes into a block, asked for or not.
    Include(u64),
    /// So much of what is in blocks is confirmed often enough, in percent; and so much of that is final.
    Confirm {
        paid: u64,
        buried: u64,
    },
    /// Of what is not final so much stays in the chain, in percent.
    Reorganise {
        kept: u64,
    },
    /// All that is not final leaves the chain, and is not back in time.
    Lapse,
    Pass {
        micros: u64,
        expire: bool,
    },
    Cover(u64),
    Cure(Party),
    WriteOff(Party),
    Resolve,
}

fn action() -> impl Strategy<Value = Action> {
    let party = || prop_oneof![Just(Party::Seller), Just(Party::Buyer)];
    prop_oneof![
        2 => Just(Action::Name),
        8 => Just(Action::PayDue),
        5 => prop_oneof![9 => 1u64..120, 2 => Just(2_000), 1 => Just(u64::MAX / 4)].prop_map(Action::Include),
        14 => (0u64..=100, 0u64..=100).prop_map(|(paid, buried)| Action::Confirm { paid, buried }),
        4 => Just(Action::Confirm { paid: 100, buried: 100 }),
        4 => (0u64..=100).prop_map(|kept| Action::Reorganise { kept }),
        1 => Just(Action::Lapse),
        6 => (0u64..40, any::<bool>()).prop_map(|(micros, expire)| Action::Pass { micros, expire }),
        1 => prop_oneof![Just(ACKNOWLEDGE_US), Just(PAY_US), Just(PAY_US - 1)]
            .prop_map(|micros| Action::Pass { micros, expire: true }),
        1 => (0u64..200).prop_map(Action::Cover),
        1 => party().prop_map(Action::Cure),
        1 => party().prop_map(Action::WriteOff),
        1 => Just(Action::Resolve),
    ]
}

/// What an onlooker counts: the three sums, and what was moved.
#[derive(Debug, Default)]
struct Onlooker {
    counted: [u64; 3],
    units: [u64; 2],
    reserved: [Option<u64>; 2],
    demand: u64,
    number: u32,
    delivered: u64,
    buried: u64,
}

fn part(of: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(percent) / 100).expect("a part of it")
}

impl Onlooker {
    fn counted(&self) -> Counted {
        let [included, paid, buried] = self.counted.map(Amount::new);
        Counted { included, paid, buried }
    }

    fn include(&mut self, more: u64) {
        self.counted[0] = self.counted[0].saturating_add(more);
    }

    fn confirm(&mut self, paid: u64, buried: u64) {
        let [all, was_paid, was_buried] = self.counted;
        let paid = was_paid.max(was_buried + part(all - was_buried, paid));
        self.counted = [all, paid, was_buried + part(paid - was_buried, buried)];
    }

    fn reorganise(&mut self, kept: u64) {
        let [all, paid, buried] = self.counted;
        let all = buried + part(all - buried, kept);
        self.counted = [all, paid.min(all), buried];
    }

    fn take(&mut self, moves: &[Move]) {
        for one in moves {
            self.units[one.party as usize] += one.units.get();
        }
    }

    /// What must hold of a deal at any moment; `was_open` tells whether it was open before the last action.
    fn check(&mut self, shape: Shape, deal: &Deal, was_open: bool) -> Result<(), TestCaseError> {
        prop_assert!(deal.is_consistent(), "{deal:?}");
        let bytes = borsh::to_vec(deal).expect("a deal has bytes");
        prop_assert_eq!(&borsh::from_slice::<Deal>(&bytes).expect("its own bytes"), deal);
        let chain = *deal.chain().expect("it is paid on the chain");
        let [delivered, buried] = PARTIES.map(|party| deal.sent(party).get());
        let demand = chain.demand.get();
        let open = deal.state() == State::Open;
        // The two bounds that everything is about.
        prop_assert!(
            delivered - delivered.min(buried) <= shape.seller_cap,
            "the seller risks more: {deal:?}"
        );
        prop_assert!(!open || demand.saturating_sub(delivered) <= shape.buyer_cap, "the buyer risks more");
        // Nothing is delivered but for what was counted, nothing counts as final but that.
        let total = shape.total;
        prop_assert!(delivered <= total && demand <= total);
        prop_assert!(delivered >= self.delivered && buried >= self.buried, "what is done stays done");
        prop_assert!(delivered == self.delivered || delivered <= self.counted[1], "before it was paid");
        prop_assert!(buried == self.buried || buried == self.counted[2].min(total));
        if open || deal.state() == State::Settled {
            let ahead = self.counted[2].saturating_add(shape.seller_cap);
            let expected = self.counted[1].min(ahead).min(total).max(self.delivered);
            prop_assert_eq!(delivered, expected, "all that the rules let go");
        }
        self.check_demand(shape, demand, chain.number, was_open)?;
        let ended = delivered == total && buried == total;
        prop_assert!(!open || !ended, "nothing is left to wait for: {deal:?}");
        prop_assert!(deal.state() != State::Settled || ended);
        prop_assert_eq!(PARTIES.map(|party| deal.sent_units(party).get()), self.units);
        if deal.state() == State::Settled {
            prop_assert_eq!(self.units[0], shape.base);
        }
        (self.delivered, self.buried) = (delivered, buried);
        self.check_risk(shape, deal)
    }

    fn check_demand(
        &mut self,
        shape: Shape,
        demand: u64,
        number: u32,
        was_open: bool,
    ) -> Result<(), TestCaseError> {
        let least = shape.least.max(1);
        prop_assert!(demand >= self.demand && (demand == self.demand) == (number == self.number));
        if demand > self.demand {
            let (steps, rest) = (u64::from(number - self.number), shape.total - demand);
            prop_assert!(was_open && demand - self.demand >= least.saturating_mul(steps), "too small a step");
            prop_assert!(rest == 0 || rest >= least, "a rest of {rest}");
        }
        prop_assert!(
            u64::from(number) <= shape.total.div_ceil(least),
            "more demands than payments are worth"
        );
        (self.demand, self.number) = (demand, number);
        Ok(())
    }

    fn check_risk(&mut self, shape: Shape, deal: &Deal) -> Result<(), TestCaseError> {
        for (party, cap) in PARTIES.into_iter().zip([shape.buyer_cap, shape.seller_cap]) {
            let reserved = deal.reserved(party).get();
            prop_assert!(reserved <= cap);
            prop_assert!(deal.loss_of(party.other()).get() <= cap);
            let before = &mut self.reserved[party as usize];
            if deal.state() == State::Open {
                prop_assert!(before.is_none_or(|before| reserved <= before), "a reservation grew: {deal:?}");
                prop_assert!(deal.owed_by(party).get() <= reserved);
                *before = Some(reserved);
            }
            if deal.state().is_over() {
                prop_assert_eq!((reserved, deal.owed_by(party)), (0, Amount::ZERO));
            }
        }
        // What stays locked after a default is a part of what was locked, and for what is still in the chain.
        let waits = deal.kept().map_or(0, |kept| kept.get());
        prop_assert!(
            waits <= self.counted[0].max(self.delivered),
            "nobody waits for what has left the chain"
        );
        prop_assert!(deal.kept_base() <= deal.undelivered_base());
        prop_assert!(deal.kept().is_some() || deal.kept_base().is_zero());
        Ok(())
    }
}

fn act(deal: &mut Deal, onlooker: &mut Onlooker, action: Action, now: &mut u64) -> Result<(), TestCaseError> {
    let before = deal.clone();
    let time = Timestamp::from_micros(*now);
    match action {
        Action::Name => {
            let named = before.chain().is_some_and(|chain| chain.named);
            let found = deal.name_payee(time);
            let expected = match before.state() {
                State::Open if named => Err(Refusal::NotDue { due: Party::Buyer }),
                State::Open => Ok(()),
                state => Err(Refusal::Closed(state)),
            };
            prop_assert_eq!(found, expected);
            prop_assert!(found.is_ok() || *deal == before);
        }
        Action::PayDue => {
            let due = before.due().filter(|due| due.party == Party::Buyer);
            onlooker.include(due.map_or(0, |due| due.amount.get()));
        }
        // Nobody knows where to pay before it is named.
        Action::Include(_) if before.chain().is_none_or(|chain| !chain.named) => {}
        Action::Include(more) => onlooker.include(more),
        Action::Confirm { paid, buried } => onlooker.confirm(paid, buried),
        Action::Reorganise { kept } => onlooker.reorganise(kept),
        Action::Lapse => {
            onlooker.reorganise(0);
            onlooker.take(&deal.observe(onlooker.counted(), time));
            let out = deal.clone();
            *now += PAY_US.max(ACKNOWLEDGE_US);
            check_expired(deal, &out, *now)?;
        }
        Action::Pass { micros, expire } => {
            *now += micros;
            if expire {
                check_expired(deal, &before, *now)?;
            }
        }
        Action::Cover(value) => deal.cover(Amount::new(value)),
        Action::Cure(by) => {
            let owed = before.cure_units(by);
            prop_assert_eq!(deal.cure(by), owed.map(drop));
        }
        Action::WriteOff(by) => {
            let waits = !before.kept_base().is_zero();
            let defaulted = before.state() == State::Defaulted { by: by.other() };
            // The engine lets nobody give up what is still on its way.
            if !waits {
                prop_assert_eq!(deal.write_off(by).is_ok(), defaulted);
            }
        }
        Action::Resolve => {
            let wrong = matches!(before.state(), State::Defaulted { .. } | State::WrittenOff { .. });
            prop_assert_eq!(deal.resolve().is_ok(), wrong);
        }
    }
    let moves = deal.observe(onlooker.counted(), Timestamp::from_micros(*now));
    onlooker.take(&moves);
    prop_assert!(deal.observe(onlooker.counted(), Timestamp::from_micros(*now)).is_empty(), "once is enough");
    let of_buyer = |deal: &Deal| deal.due().filter(|due| due.party == Party::Buyer);
    if let (Some(due), None) = (of_buyer(deal), of_buyer(&before)) {
        prop_assert_eq!(
            due.deadline.as_micros(),
            *now + PAY_US,
            "what is due anew has all the time there is"
        );
    }
    Ok(())
}

/// Whoever was due and let its time pass has defaulted, for what it owes then; nobody else.
fn check_expired(deal: &mut Deal, before: &Deal, now: u64) -> Result<(), TestCaseError> {
    let found = deal.expire(Timestamp::from_micros(now));
    let due = before.due().filter(|due| due.deadline.as_micros() <= now);
    prop_assert_eq!(found.is_some(), due.is_some());
    let (Some(Expired::Defaulted { by, loss }), Some(due)) = (found, due) else {
        prop_assert!(*deal == *before);
        return Ok(());
    };
    prop_assert_eq!((by, deal.state()), (due.party, State::Defaulted { by }));
    prop_assert_eq!(loss, deal.loss_of(by.other()));
    let included = before.chain().map_or(Amount::ZERO, |chain| chain.counted.included);
    let expected = before.sent(Party::Seller).saturating_sub(included);
    prop_assert_eq!(loss, if by == Party::Buyer { expected } else { Amount::ZERO });
    prop_assert_eq!(deal.due(), None);
    Ok(())
}

/// A block's worth of the honest course: `undone` blocks are taken out of the chain, and what they held comes back with
/// the next.
#[derive(Debug, Clone, Copy)]
struct Block {
    undone: u16,
    /// Sees only now what is due.
    awake: bool,
}

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let undone = prop_oneof![6 => Just(0u16), 1 => 1..DEPTHS[1]];
    let block = (undone, prop::bool::weighted(0.7)).prop_map(|(undone, awake)| Block { undone, awake });
    prop::collection::vec(block, 0..60)
}

/// A buyer that pays what is due whenever it looks, in a chain that grows.
struct Honest {
    deal: Deal,
    /// Each payment and how deep it lies.
    payments: Vec<(u64, u16)>,
    units: u64,
    now: u64,
}

impl Honest {
    fn block(&mut self, block: Block) {
        self.now += 1;
        let [paid_at, buried_at] = DEPTHS;
        for (_, depth) in &mut self.payments {
            // What is final stays so.
            let held = if *depth >= buried_at { *depth } else { depth.saturating_sub(block.undone) };
            *depth = held.saturating_add(1);
        }
        let sum = |least: u16| {
            let deep = self.payments.iter().filter(|(_, depth)| *depth >= least);
            Amount::new(deep.map(|(value, _)| value).sum())
        };
        let counted = Counted { included: sum(1), paid: sum(paid_at), buried: sum(buried_at) };
        for one in self.deal.observe(counted, Timestamp::from_micros(self.now)) {
            self.units += if one.party == Party::Seller { one.units.get() } else { 0 };
        }
        let due = self.deal.due().filter(|due| due.party == Party::Buyer && block.awake);
        if let Some(due) = due {
            // It will be in the next block.
            self.payments.push((due.amount.get(), 0));
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_on_the_chain_both_bounds_hold(
        shape in shape(), actions in prop::collection::vec(action(), 0..100),
    ) {
        let mut deal = shape.open().expect("can be opened");
        let (mut onlooker, mut now) = (Onlooker::default(), 0);
        onlooker.check(shape, &deal, true)?;
        for action in actions {
            let was_open = deal.state() == State::Open;
            act(&mut deal, &mut onlooker, action, &mut now)?;
            onlooker.check(shape, &deal, was_open)?;
        }
    }

    #[test]
    fn who_pays_what_is_asked_for_gets_everything(shape in shape(), blocks in blocks()) {
        let mut deal = shape.open().expect("can be opened");
        deal.name_payee(Timestamp::ZERO).expect("nobody has");
        let mut buyer = Honest { deal, payments: Vec::new(), units: 0, now: 0 };
        for block in blocks {
            buyer.block(block);
        }
        let demands = shape.total.div_ceil(shape.least.max(1));
        // From here nothing is undone: each demand is paid, confirmed and buried.
        let mut left = (demands + 1) * u64::from(DEPTHS[1] + 2);
        while buyer.deal.state() != State::Settled {
            prop_assert!(left > 0, "it never settles: {:?}", buyer.deal);
            left -= 1;
            buyer.block(Block { undone: 0, awake: true });
        }
        prop_assert_eq!(buyer.units, shape.base);
        prop_assert!(buyer.payments.len() as u64 <= demands);
        prop_assert!(buyer.payments.iter().all(|(value, _)| *value >= shape.least));
        prop_assert_eq!(buyer.payments.iter().map(|(value, _)| value).sum::<u64>(), shape.total);
    }

    #[test]
    fn who_vanishes_costs_nothing_while_the_chain_stays(shape in shape(), paid in 0usize..6) {
        let mut deal = shape.open().expect("can be opened");
        deal.name_payee(Timestamp::ZERO).expect("nobody has");
        let mut buyer = Honest { deal, payments: Vec::new(), units: 0, now: 0 };
        while buyer.payments.len() < paid && buyer.deal.state() == State::Open {
            buyer.block(Block { undone: 0, awake: true });
        }
        for _ in 0..=DEPTHS[1] {
            buyer.block(Block { undone: 0, awake: false });
        }
        let Some(due) = buyer.deal.due() else { return Ok(()) };
        let expired = buyer.deal.expire(due.deadline);
        prop_assert_eq!(expired, Some(Expired::Defaulted { by: Party::Buyer, loss: Amount::ZERO }));
        let came: u64 = buyer.payments.iter().map(|(value, _)| value).sum();
        prop_assert_eq!(buyer.deal.sent(Party::Seller).get(), came, "it has what it paid for");
        prop_assert_eq!(PARTIES.map(|party| buyer.deal.reserved(party)), [Amount::ZERO; 2]);
    }
}

#[test]
fn all_that_was_delivered_may_be_paid_for_after_a_default() {
    let shape = Shape { base: 100, total: 50, seller_cap: 50, buyer_cap: 50, least: 10 };
    let mut deal = shape.open().expect("can be opened");
    let observe = |deal: &mut Deal, [included, paid, buried]: [u64; 3], now| {
        let [included, paid, buried] = [included, paid, buried].map(Amount::new);
        deal.observe(Counted { included, paid, buried }, Timestamp::from_micros(now));
        assert!(deal.is_consistent(), "{deal:?}");
    };
    deal.name_payee(Timestamp::ZERO).expect("nobody has");
    observe(&mut deal, [50, 50, 0], 1);
    assert_eq!(deal.sent_units(Party::Seller), Amount::new(100), "on trust");
    observe(&mut deal, [0; 3], 2);
    let lost = Some(Expired::Defaulted { by: Party::Buyer, loss: Amount::new(50) });
    assert_eq!(deal.expire(Timestamp::from_micros(2 + PAY_US)), lost);
    // All confirmations come in one step.
    observe(&mut deal, [50; 3], 3 + PAY_US);
    assert_eq!((deal.state(), deal.is_made_good()), (State::Defaulted { by: Party::Buyer }, true));
    deal.cure(Party::Buyer).expect("nothing is owed");
    assert!(deal.is_consistent());
}

#[test]
fn what_cannot_be_paid_cannot_be_opened() {
    let check = |total, buyer_cap, least, expected: Result<(), OpenError>| {
        let shape = Shape { base: 1, total, seller_cap: 0, buyer_cap, least };
        assert_eq!(shape.open().map(drop), expected, "{shape:?}");
        let allowed = shape.chain().allow(Amount::new(buyer_cap), Amount::new(total));
        assert_eq!(allowed, expected.is_ok(), "what is allowed can be opened: {shape:?}");
    };
    check(10, 10, 10, Ok(()));
    check(9, 9, 10, Err(OpenError::NoCap));
    check(30, 20, 10, Ok(()));
    check(30, 19, 10, Err(OpenError::NoCap));
    check(2, 1, 0, Ok(()));
    // More payments than can be numbered.
    let numbered = u64::from(u32::MAX);
    check(10 * numbered - 1, u64::MAX, 10, Ok(()));
    check(10 * numbered, u64::MAX, 10, Err(OpenError::NoCap));
}
