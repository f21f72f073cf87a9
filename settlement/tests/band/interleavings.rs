//! Any interleaving of payments (right, wrong, doubled), acknowledgements and passing time: each outcome is the one a
//! plain cursor on the walk made by hand predicts, and what must always hold of a deal holds after every action.

use crate::by_hand::{ACKNOWLEDGE_US, PAY_US, Sent, Small};
use crate::walks::small;
use bandex_settlement::{Deal, EndError, Expired, Move, Paid, Party, Refusal, State};
use bandex_types::{Amount, BlockId, Rail, Timestamp};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Action {
    /// A payment, off the due one by so much.
    Pay { wrong_party: bool, tranche_off: i64, amount_off: i64 },
    /// An acknowledgement.
    Acknowledge { wrong_party: bool, wrong_proposal: bool },
    /// Time passes, and the deadlines in it take effect or are left standing for the moment.
    Pass { micros: u64, expire: bool },
    /// A bond pays the victim so much.
    Cover { value: u64 },
    /// A side makes its default good.
    Cure { by: Party },
    /// A side gives up.
    WriteOff { by: Party },
    /// Both agree on an end.
    Resolve,
    /// Another deal takes its place.
    Replace,
}

fn action() -> impl Strategy<Value = Action> {
    let right = Action::Pay { wrong_party: false, tranche_off: 0, amount_off: 0 };
    let acknowledged = Action::Acknowledge { wrong_party: false, wrong_proposal: false };
    prop_oneof![
        12 => Just(right),
        12 => Just(acknowledged),
        3 => (any::<bool>(), -1i64..=1, -2i64..=2).prop_map(|(wrong_party, tranche_off, amount_off)| Action::Pay {
            wrong_party,
            tranche_off,
            amount_off
        }),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(wrong_party, wrong_proposal)| Action::Acknowledge { wrong_party, wrong_proposal }),
        4 => (0u64..40, any::<bool>()).prop_map(|(micros, expire)| Action::Pass { micros, expire }),
        1 => (prop_oneof![Just(ACKNOWLEDGE_US), Just(PAY_US), Just(PAY_US - 1)], any::<bool>())
            .prop_map(|(micros, expire)| Action::Pass { micros, expire }),
        1 => ended(),
    ]
}

fn ended() -> impl Strategy<Value = Action> {
    let party = || prop_oneof![Just(Party::Seller), Just(Party::Buyer)];
    prop_oneof![
        3 => (0u64..60).prop_map(|value| Action::Cover { value }),
        3 => party().prop_map(|by| Action::Cure { by }),
        3 => party().prop_map(|by| Action::WriteOff { by }),
        2 => Just(Action::Resolve),
        1 => Just(Action::Replace),
    ]
}

/// A deal as a cursor on the walk made by hand.
struct Cursor {
    deal: Small,
    walk: Vec<Sent>,
    /// How many moves of the walk are final.
    done: usize,
    flying: Option<BlockId>,
    since: u64,
    state: State,
    /// What a bond paid.
    covered: u64,
}

impl Cursor {
    fn new(deal: Small) -> Self {
        Self { deal, walk: deal.walk(), done: 0, flying: None, since: 0, state: State::Open, covered: 0 }
    }

    /// Units and value that `party` sent within the first `moves` of the walk.
    fn sent(&self, party: Party, moves: usize) -> (u64, u64) {
        let own = self.walk.iter().take(moves).filter(|(mover, ..)| *mover == party);
        own.fold((0, 0), |(units, value), (_, more, worth)| (units + more, value + worth))
    }

    fn number(&self) -> u32 {
        u32::try_from(self.done + 1).expect("a short walk")
    }

    fn advance(&mut self, now: u64) -> Move {
        let (party, units, value) = self.walk[self.done];
        let owed = self.sent(party.other(), self.done).1.saturating_sub(self.sent(party, self.done).1);
        let honoured = Amount::new(owed.min(value));
        let made = Move {
            party,
            tranche: self.number(),
            units: Amount::new(units),
            value: Amount::new(value),
            honoured,
        };
        (self.done, self.flying, self.since) = (self.done + 1, None, now);
        self.state = if self.done == self.walk.len() { State::Settled } else { State::Open };
        made
    }

    fn pay(
        &mut self,
        by: Party,
        tranche: u32,
        cumulative: u64,
        id: BlockId,
        now: u64,
    ) -> Result<Paid, Refusal> {
        if self.state.is_closed() {
            return Err(Refusal::Closed(self.state));
        }
        let (party, expected) = (self.walk[self.done].0, self.number());
        if let Some(proposal) = self.flying {
            return Err(Refusal::InFlight { party, tranche: expected, proposal });
        }
        let deadline = self.since + PAY_US;
        let (units, _) = self.sent(party, self.done + 1);
        if now >= deadline {
            return Err(Refusal::TooLate { deadline: Timestamp::from_micros(deadline) });
        }
        if by != party {
            return Err(Refusal::NotDue { due: party });
        }
        if tranche != expected {
            return Err(Refusal::WrongTranche { expected });
        }
        if cumulative != units {
            return Err(Refusal::WrongAmount { expected: Amount::new(units) });
        }
        if self.deal.rail_of(by) == Rail::Token {
            return Ok(Paid::Delivered(vec![self.advance(now)]));
        }
        (self.flying, self.since) = (Some(id), now);
        Ok(Paid::InFlight)
    }

    fn acknowledge(&mut self, by: Party, id: BlockId, now: u64) -> Result<Vec<Move>, Refusal> {
        if self.state.is_closed() {
            return Err(Refusal::Closed(self.state));
        }
        if self.flying != Some(id) {
            return Err(Refusal::UnknownProposal);
        }
        let payee = self.walk[self.done].0.other();
        if by != payee {
            return Err(Refusal::NotPayee { payee });
        }
        let mut moves = vec![self.advance(now)];
        if self.state == State::Open && self.deal.rail_of(payee) == Rail::Token {
            moves.push(self.advance(now));
        }
        Ok(moves)
    }

    fn expire(&mut self, now: u64) -> Option<Expired> {
        if self.state != State::Open {
            return None;
        }
        let party = self.walk[self.done].0;
        if self.flying.is_some() {
            let by = party.other();
            let passed = now >= self.since + ACKNOWLEDGE_US;
            return passed.then(|| {
                self.state = State::Disputed { by };
                Expired::Disputed { by }
            });
        }
        let (received, given) = (self.sent(party.other(), self.done).1, self.sent(party, self.done).1);
        let loss = Amount::new(received.saturating_sub(given));
        (now >= self.since + PAY_US).then(|| {
            self.state = State::Defaulted { by: party };
            Expired::Defaulted { by: party, loss }
        })
    }
}

impl Cursor {
    fn loss(&self, by: Party) -> u64 {
        self.sent(by.other(), self.done).1.saturating_sub(self.sent(by, self.done).1)
    }

    fn cover(&mut self, value: u64) {
        if let State::Defaulted { by } = self.state {
            self.covered = (self.covered + value).min(self.loss(by));
        }
    }

    /// What the defaulter must send, in units of its leg: unit by unit until what it sent, with what the bond paid,
    /// is worth what it got.
    fn cure(&mut self, by: Party) -> Result<u64, EndError> {
        let state = self.state;
        match state {
            State::Defaulted { by: party } if party != by => {
                return Err(EndError::NotThisParty { state, party });
            }
            State::Defaulted { .. } => self.state = State::Cured { by },
            _ => return Err(EndError::WrongState(state)),
        }
        let (small, owed) = (self.deal, self.loss(by) - self.covered);
        if by == Party::Buyer || owed == 0 {
            return Ok(owed);
        }
        // Compares what so many units are worth with a value.
        let (base, quote) = (u128::from(small.base), u128::from(small.quote));
        let covers = |units: u64, value: u64| u128::from(units) * quote >= u128::from(value) * base;
        let within = |units: u64, value: u64| u128::from(units) * quote <= u128::from(value) * base;
        let paid = self.sent(by, self.done).1 + self.covered;
        let counted = (0..=small.base).rev().find(|units| within(*units, paid)).unwrap_or(0);
        let reached = (counted..=small.base).find(|units| covers(*units, paid + owed)).unwrap_or(small.base);
        Ok(reached - counted)
    }

    fn write_off(&mut self, by: Party) -> Result<(), EndError> {
        let state = self.state;
        match state {
            State::Defaulted { by: party } if party == by => {
                Err(EndError::NotThisParty { state, party: by.other() })
            }
            State::Disputed { .. } | State::Defaulted { .. } => {
                self.state = State::WrittenOff { by };
                Ok(())
            }
            _ => Err(EndError::WrongState(state)),
        }
    }

    fn resolve(&mut self) -> Result<(), EndError> {
        match self.state {
            State::Open | State::Settled | State::Cured { .. } | State::Resolved | State::Netted => {
                Err(EndError::WrongState(self.state))
            }
            State::Disputed { .. } | State::Defaulted { .. } | State::WrittenOff { .. } => {
                (self.state, self.flying) = (State::Resolved, None);
                Ok(())
            }
        }
    }

    fn replace(&mut self) -> Result<(), EndError> {
        if self.state != State::Open || self.flying.is_some() {
            return Err(EndError::WrongState(self.state));
        }
        self.state = State::Netted;
        Ok(())
    }
}

/// What must hold of a deal at any moment, judged from the cursor's sums.
fn always(deal: &Deal, cursor: &Cursor, reserved_before: &mut [Amount; 2]) -> Result<(), TestCaseError> {
    let small = cursor.deal;
    let value = |party, moves| i128::from(cursor.sent(party, moves).1);
    let arrived = cursor.done + usize::from(cursor.flying.is_some());
    // Net in the band, whether what is in flight arrived or not.
    for moves in [cursor.done, arrived] {
        let net = value(Party::Seller, moves) - value(Party::Buyer, moves);
        prop_assert!(net <= i128::from(small.seller_cap) && -net <= i128::from(small.buyer_cap));
    }
    for party in [Party::Seller, Party::Buyer] {
        let (units, worth) = cursor.sent(party, cursor.done);
        prop_assert_eq!((deal.sent_units(party).get(), deal.sent(party).get()), (units, worth));
        let worst = value(party.other(), arrived) - value(party, cursor.done);
        let over = matches!(cursor.state, State::Cured { .. } | State::Resolved | State::Netted);
        prop_assert_eq!(i128::from(deal.owed_by(party).get()), if over { 0 } else { worst.max(0) });
        prop_assert_eq!(deal.owing(party), deal.owed_by(party).saturating_sub(Amount::new(cursor.covered)));
        // What can still be owed is reserved, and no reservation grows.
        let reserved = deal.reserved(party);
        if !matches!(deal.state(), State::WrittenOff { .. }) {
            prop_assert!(deal.owing(party) <= reserved);
        }
        if deal.state().is_closed() && !matches!(deal.state(), State::Defaulted { .. }) {
            prop_assert_eq!(reserved, Amount::ZERO);
        }
        let before = &mut reserved_before[party as usize];
        prop_assert!(reserved <= *before);
        *before = reserved;
        let cap = if party == Party::Seller { small.seller_cap } else { small.buyer_cap };
        prop_assert!(deal.loss_of(party).get() <= cap);
        let lost_by_default = deal.state() == State::Defaulted { by: party.other() };
        prop_assert_eq!(
            deal.loss_of(party),
            if lost_by_default {
                Amount::new(deal.reserved(party.other()).get() + cursor.covered)
            } else {
                Amount::ZERO
            }
        );
    }
    prop_assert!(deal.undelivered_base().get() + deal.sent_units(Party::Seller).get() == small.base);
    prop_assert!(deal.undelivered_quote().get() + deal.sent_units(Party::Buyer).get() == small.quote);
    // The base the buyer paid for and lacks is worth less than its cap and one unit of base.
    let short = u128::from(deal.sent(Party::Buyer).get()) * u128::from(small.base);
    let worth = u128::from(deal.sent_units(Party::Seller).get()) * u128::from(small.quote);
    prop_assert!(
        short < worth + u128::from(small.buyer_cap) * u128::from(small.base) + u128::from(small.quote)
    );
    prop_assert_eq!(deal.state(), cursor.state);
    prop_assert!(deal.is_consistent());
    Ok(())
}

/// Applies one action to both and compares.
fn act(
    deal: &mut Deal,
    cursor: &mut Cursor,
    action: Action,
    now: &mut u64,
    id: u8,
) -> Result<(), TestCaseError> {
    let before = deal.clone();
    let next = cursor.walk.get(cursor.done).map_or(Party::Seller, |(party, ..)| *party);
    match action {
        Action::Pay { wrong_party, tranche_off, amount_off } => {
            let by = if wrong_party { next.other() } else { next };
            let tranche = cursor.number().saturating_add_signed(i32::try_from(tranche_off).expect("small"));
            let cumulative = cursor.sent(next, cursor.done + 1).0.saturating_add_signed(amount_off);
            let id = BlockId::new([id; 32]);
            let found = deal.pay(by, tranche, Amount::new(cumulative), id, Timestamp::from_micros(*now));
            prop_assert_eq!(&found, &cursor.pay(by, tranche, cumulative, id, *now));
            prop_assert!(found.is_ok() || *deal == before);
        }
        Action::Acknowledge { wrong_party, wrong_proposal } => {
            let by = if wrong_party { next } else { next.other() };
            let known = if wrong_proposal { None } else { cursor.flying };
            let id = known.unwrap_or(BlockId::new([255; 32]));
            let found = deal.acknowledge(by, id, Timestamp::from_micros(*now));
            prop_assert_eq!(&found, &cursor.acknowledge(by, id, *now));
            prop_assert!(found.is_ok() || *deal == before);
        }
        Action::Pass { micros, expire } => {
            *now += micros;
            if expire {
                let found = deal.expire(Timestamp::from_micros(*now));
                prop_assert_eq!(&found, &cursor.expire(*now));
                prop_assert!(found.is_some() || *deal == before);
                prop_assert_eq!(deal.expire(Timestamp::from_micros(*now)), None);
            }
        }
        Action::Cover { value } => {
            deal.cover(Amount::new(value));
            cursor.cover(value);
            prop_assert_eq!(deal.covered().get(), cursor.covered);
        }
        Action::Cure { by } => {
            let owed = deal.cure_units(by);
            prop_assert_eq!(owed.map(Amount::get), cursor.cure(by));
            let done = deal.cure(by);
            prop_assert_eq!(done, owed.map(drop));
            prop_assert!(done.is_ok() || *deal == before);
            // Nobody sends more than was agreed.
            let sent = before.sent_units(by).get() + owed.map_or(0, Amount::get);
            prop_assert!(sent <= before.terms().units(by, before.terms().quote_total).get());
        }
        Action::WriteOff { by } => {
            let done = deal.write_off(by);
            prop_assert_eq!(done, cursor.write_off(by));
            prop_assert!(done.is_ok() || *deal == before);
        }
        Action::Resolve => {
            let done = deal.resolve();
            prop_assert_eq!(done, cursor.resolve());
            prop_assert!(done.is_ok() || *deal == before);
        }
        Action::Replace => {
            let done = deal.replace();
            prop_assert_eq!(done, cursor.replace());
            prop_assert!(done.is_ok() || *deal == before);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_interleaving_keeps_what_must_hold(small in small(), actions in prop::collection::vec(action(), 0..120)) {
        let (mut deal, moves) = Deal::open(small.terms(), Timestamp::ZERO).expect("can be opened");
        prop_assert!(moves.is_empty());
        let mut cursor = Cursor::new(small);
        let (mut now, mut reserved) = (0, [Amount::MAX; 2]);
        for (action, id) in actions.into_iter().zip(0..) {
            always(&deal, &cursor, &mut reserved)?;
            act(&mut deal, &mut cursor, action, &mut now, id)?;
            let due = deal.due().map(|due| (due.party, due.tranche, due.deadline.as_micros()));
            let open = cursor.state == State::Open && cursor.flying.is_none();
            let expected = open.then(|| (cursor.walk[cursor.done].0, cursor.number(), cursor.since + PAY_US));
            prop_assert_eq!(due, expected);
        }
        always(&deal, &cursor, &mut reserved)?;
        if deal.state() == State::Settled {
            prop_assert_eq!(deal.sent_units(Party::Seller).get(), small.base);
            prop_assert_eq!(deal.sent_units(Party::Buyer).get(), small.quote);
        }
    }
}
