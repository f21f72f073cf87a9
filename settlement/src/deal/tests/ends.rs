//! Ends that went wrong or were agreed on, deals in the place of others, and what counts as honoured.

use super::*;
use crate::EndError;

/// A deal of `terms` after `paid` honest moves.
fn after(terms: Terms, paid: usize) -> Deal {
    let mut deal = open(terms);
    for _ in 0..paid {
        if pay_due(&mut deal, START) == Paid::InFlight {
            acknowledge(&mut deal, START);
        }
    }
    deal
}

#[test]
fn what_was_owed_and_came_is_honoured() {
    // Ten went ahead for nothing owed; of the 15 that follow ten were owed; and so on.
    let mut deal = open(terms(500, 50, [10, 5]));
    let mut honoured = Vec::new();
    while deal.state() == State::Open {
        pay_due(&mut deal, START);
        honoured.extend(acknowledge(&mut deal, START).iter().map(|one| (one.party, one.honoured.get())));
    }
    let expected = [
        (Seller, 0),
        (Buyer, 10),
        (Seller, 5),
        (Buyer, 10),
        (Seller, 5),
        (Buyer, 10),
        (Seller, 5),
        (Buyer, 5),
    ];
    assert_eq!(honoured, expected);
    let (_, moves) = Deal::open(on(Token, Token, terms(500, 50, [0, 0])), START).expect("can be opened");
    assert!(moves.iter().all(|one| one.honoured.is_zero()), "nobody was exposed");
}

#[test]
fn a_default_is_made_good_by_the_defaulter() {
    // After a default `cover` is paid by a bond; then so many units must still be sent.
    let check = |terms: Terms, paid, by: Party, cover: u64, [owing, units]: [u64; 2]| {
        let mut deal = after(terms, paid);
        assert_eq!(deal.cure(by), Err(EndError::WrongState(State::Open)));
        deal.cover(amount(cover));
        assert_eq!(deal.covered(), Amount::ZERO, "no bond covers what nobody defaulted on");
        deal.expire(at(100)).expect("too late");
        let loss = deal.owed_by(by);
        deal.cover(amount(cover));
        assert_eq!(
            (deal.owing(by), deal.reserved(by), deal.owed_by(by)),
            (amount(owing), amount(owing), loss)
        );
        assert_eq!(deal.covered(), loss.saturating_sub(amount(owing)));
        assert_eq!(deal.cure_units(by), Ok(amount(units)), "{deal:?}");
        let state = State::Defaulted { by };
        let refused = Err(EndError::NotThisParty { state, party: by });
        assert_eq!((deal.cure(by.other()), deal.state()), (refused, state));
        assert_eq!((deal.cure(by), deal.state()), (Ok(()), State::Cured { by }));
        assert_eq!([Seller, Buyer].map(|party| deal.reserved(party)), [Amount::ZERO; 2]);
        assert_eq!((deal.owed_by(by), deal.owing(by)), (Amount::ZERO, Amount::ZERO));
        assert!(deal.is_consistent());
        assert_eq!(deal.cure(by), Err(EndError::WrongState(State::Cured { by })));
    };
    check(terms(500, 50, [10, 5]), 0, Seller, 0, [0, 0]);
    check(terms(500, 50, [10, 5]), 1, Buyer, 0, [10, 10]);
    check(terms(500, 50, [10, 5]), 1, Buyer, 4, [6, 6]);
    check(terms(500, 50, [10, 5]), 1, Buyer, 40, [0, 0]);
    // The buyer has sent 15 and received 10 worth; of base 50 are missing.
    check(terms(500, 50, [10, 5]), 2, Seller, 0, [5, 50]);
    check(terms(500, 50, [10, 5]), 2, Seller, 2, [3, 30]);
    // 666 of 1,000 would be the share of 2 of 3: the victim gets the whole unit.
    check(terms(1_000, 3, [0, 2]), 1, Seller, 0, [2, 667]);
    check(terms(1_000, 3, [0, 2]), 1, Seller, 1, [1, 334]);
    check(terms(1, 4, [0, 2]), 1, Seller, 0, [2, 1]);
}

#[test]
fn what_is_given_up_stays_known_until_both_agree() {
    let check = |mut deal: Deal, by: Party, owing: [u64; 2]| {
        let state = deal.state();
        let claimed = deal.in_flight().copied();
        assert_eq!(deal.write_off(by), Ok(()), "{state}");
        assert_eq!(deal.state(), State::WrittenOff { by });
        assert_eq!([Seller, Buyer].map(|party| deal.owing(party).get()), owing);
        assert_eq!([Seller, Buyer].map(|party| deal.reserved(party)), [Amount::ZERO; 2]);
        assert_eq!((deal.in_flight(), deal.claim().copied()), (None, claimed), "the claim is kept");
        assert_eq!((deal.due(), deal.deadline(), deal.expire(at(9_999))), (None, None, None));
        assert!(deal.is_consistent());
        let closed = EndError::WrongState(State::WrittenOff { by });
        assert_eq!((deal.write_off(by), deal.cure(by.other())), (Err(closed), Err(closed)));
        let refused = Refusal::Closed(State::WrittenOff { by });
        assert_eq!(deal.acknowledge(Seller, id(1), START), Err(refused));
        assert_eq!(deal.pay(Buyer, 1, amount(1), id(1), START), Err(refused));
        assert_eq!((deal.resolve(), deal.state()), (Ok(()), State::Resolved));
        assert_eq!([Seller, Buyer].map(|party| deal.owing(party)), [Amount::ZERO; 2]);
        assert!(deal.is_consistent());
        assert_eq!(deal.resolve(), Err(EndError::WrongState(State::Resolved)));
    };
    let disputed = |paid| {
        let mut deal = after(terms(500, 50, [10, 5]), paid);
        pay_due(&mut deal, START);
        deal.expire(at(50)).expect("not acknowledged");
        deal
    };
    check(disputed(0), Seller, [0, 10]);
    check(disputed(0), Buyer, [0, 10]);
    check(disputed(1), Seller, [5, 10]);
    let defaulted = |cover| {
        let mut deal = after(terms(500, 50, [10, 5]), 1);
        deal.expire(at(100)).expect("not paid");
        deal.cover(amount(cover));
        deal
    };
    check(defaulted(0), Seller, [0, 10]);
    check(defaulted(7), Seller, [0, 3]);
    let state = State::Defaulted { by: Buyer };
    assert_eq!(defaulted(0).write_off(Buyer), Err(EndError::NotThisParty { state, party: Seller }));
    for resolved in [disputed(0), defaulted(0)] {
        let mut deal = resolved;
        assert_eq!((deal.resolve(), deal.state(), deal.claim()), (Ok(()), State::Resolved, None));
        assert!(deal.is_consistent());
    }
    let mut fine = after(terms(500, 50, [10, 5]), 1);
    let open = EndError::WrongState(State::Open);
    assert_eq!((fine.write_off(Seller), fine.resolve()), (Err(open), Err(open)));
    assert_eq!((fine.replace(), fine.state()), (Ok(()), State::Netted));
    assert_eq!((fine.owed_by(Buyer), fine.is_consistent()), (Amount::ZERO, true));
    assert_eq!(disputed(0).replace(), Err(EndError::WrongState(State::Disputed { by: Buyer })));
}

#[test]
fn a_deal_in_the_place_of_others_goes_on_from_what_is_carried() {
    let check = |terms: Terms, [seller, buyer]: [u64; 2], expected: &[(Party, u64, u64)]| {
        let carried = Sent { seller: amount(seller), buyer: amount(buyer) };
        let mut deal = Deal::open_carried(terms, carried, START).expect("can be opened");
        assert_eq!([Seller, Buyer].map(|party| deal.sent_units(party)), [Amount::ZERO; 2]);
        assert!(deal.is_consistent());
        let (mut moves, mut units) = (Vec::new(), [0, 0]);
        while let Some(due) = deal.due() {
            assert_eq!(due.cumulative.get(), units[due.party as usize] + due.amount.get());
            pay_due(&mut deal, START);
            for one in acknowledge(&mut deal, START) {
                units[one.party as usize] += one.units.get();
                moves.push((one.party, one.units.get(), one.value.get()));
            }
        }
        assert_eq!((moves.as_slice(), deal.state()), (expected, State::Settled));
        assert_eq!(units, [deal.terms().base_total.get(), deal.terms().quote_total.get() - buyer]);
    };
    // The buyer is to get 60 for 40: 20 count as paid, so the seller owes from the start.
    check(terms(600, 60, [20, 20]), [0, 20], &[(Seller, 400, 40), (Buyer, 40, 40), (Seller, 200, 20)]);
    // It is to pay 60 for what is worth 40.
    check(terms(400, 60, [20, 20]), [20, 0], &[(Buyer, 40, 40), (Seller, 400, 40), (Buyer, 20, 20)]);
    // Only quote is due.
    check(terms(0, 9, [9, 0]), [9, 0], &[(Buyer, 9, 9)]);
    let refused = |terms: Terms, seller, buyer| {
        let carried = Sent { seller: amount(seller), buyer: amount(buyer) };
        Deal::open_carried(terms, carried, START).expect_err("cannot be opened")
    };
    assert_eq!(refused(terms(500, 50, [10, 5]), 11, 0), OpenError::Carried);
    assert_eq!(refused(terms(500, 50, [10, 5]), 0, 6), OpenError::Carried);
    assert_eq!(refused(terms(500, 50, [10, 5]), 51, 50), OpenError::Carried);
    assert_eq!(refused(terms(0, 50, [10, 5]), 50, 50), OpenError::Carried);
    assert_eq!(refused(terms(0, 50, [10, 5]), 49, 49), OpenError::NoBase);
    assert_eq!(refused(terms(500, 50, [50, 5]), 50, 0), OpenError::NoBase);
    assert_eq!(refused(Terms { pay_us: 0, ..terms(500, 50, [10, 5]) }, 0, 0), OpenError::NoTime);
    let carried = Sent { seller: amount(1), buyer: Amount::ZERO };
    let mut deal = Deal::open_carried(terms(500, 50, [10, 5]), carried, START).expect("can be opened");
    assert_eq!(deal.add_fill(terms(501, 51, [10, 5]), START), Err(FillError::Carried));
}
