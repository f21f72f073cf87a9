//! Tables of whole deals, rail by rail and corner by corner, and the refusals of each step.

mod ends;

use super::*;
use crate::{Expired, Paid, Refusal};
use Party::{Buyer, Seller};
use Rail::{Attested, Token};
use bandex_types::BlockId;

const PAY_US: u64 = 100;
const ACKNOWLEDGE_US: u64 = 50;
const START: Timestamp = Timestamp::from_micros(1_000);

fn amount(units: u64) -> Amount {
    Amount::new(units)
}

fn at(micros: u64) -> Timestamp {
    START.plus(micros)
}

fn id(number: u8) -> BlockId {
    BlockId::new([number; 32])
}

/// `base` for `quote`, `caps` of the seller and the buyer, both legs outside the exchange.
fn terms(base: u64, quote: u64, caps: [u64; 2]) -> Terms {
    let [seller_cap, buyer_cap] = caps.map(amount);
    Terms {
        base_total: amount(base),
        quote_total: amount(quote),
        seller_cap,
        buyer_cap,
        base_rail: Attested,
        quote_rail: Attested,
        pay_us: PAY_US,
        acknowledge_us: ACKNOWLEDGE_US,
    }
}

fn on(base_rail: Rail, quote_rail: Rail, terms: Terms) -> Terms {
    Terms { base_rail, quote_rail, ..terms }
}

fn open(terms: Terms) -> Deal {
    Deal::open(terms, START).expect("can be opened").0
}

/// Pays what is due in time and as it should be.
fn pay_due(deal: &mut Deal, now: Timestamp) -> Paid {
    let due = deal.due().expect("something is due");
    deal.pay(due.party, due.tranche, due.cumulative, id(1), now).expect("the payment due")
}

fn acknowledge(deal: &mut Deal, now: Timestamp) -> Vec<Move> {
    let open = *deal.in_flight().expect("something is in flight");
    deal.acknowledge(open.party.other(), open.proposal, now).expect("the right acknowledgement")
}

/// A deal walked to its end by two honest parties: each final move as (party, units, value), and how many payments
/// the parties had to send themselves.
fn settle(terms: Terms) -> (Vec<(Party, u64, u64)>, usize) {
    let (mut deal, mut moves) = Deal::open(terms, START).expect("can be opened");
    let mut payments = 0;
    while deal.state() == State::Open {
        payments += 1;
        assert!(payments <= 10, "the walk does not end");
        moves.extend(match pay_due(&mut deal, START) {
            Paid::Delivered(moves) => moves,
            Paid::InFlight => acknowledge(&mut deal, START),
        });
        assert!(deal.is_consistent());
    }
    assert_eq!(deal.state(), State::Settled);
    let numbers: Vec<u32> = moves.iter().map(|one| one.tranche).collect();
    assert_eq!(numbers, (1..deal.tranche()).collect::<Vec<_>>());
    (moves.iter().map(|one| (one.party, one.units.get(), one.value.get())).collect(), payments)
}

#[test]
fn walks_of_all_kinds() {
    let check = |name: &str, terms, expected: &[(Party, u64, u64)], payments| {
        assert_eq!(settle(terms), (expected.to_vec(), payments), "{name}");
    };
    let strangers = [
        (Seller, 100, 10),
        (Buyer, 20, 20),
        (Seller, 200, 20),
        (Buyer, 20, 20),
        (Seller, 200, 20),
        (Buyer, 10, 10),
    ];
    let ahead = [(Buyer, 10, 10), (Seller, 100, 10), (Buyer, 10, 10), (Seller, 100, 10)];
    let one_each = [(Seller, 500, 50), (Buyer, 50, 50)];
    check("two strangers, dust by dust", terms(500, 50, [10, 10]), &strangers, 6);
    check("two trusted, one move each", terms(500, 50, [50, 50]), &one_each, 2);
    check(
        "trusted beyond the deal",
        terms(500, 50, [1_000, u64::MAX - 1_000]),
        &[(Buyer, 50, 50), (Seller, 500, 50)],
        2,
    );
    check("the seller trusts, the buyer a little", terms(500, 50, [50, 10]), &one_each, 2);
    check(
        "the buyer trusts more",
        terms(500, 50, [10, 30]),
        &[(Buyer, 30, 30), (Seller, 400, 40), (Buyer, 20, 20), (Seller, 100, 10)],
        4,
    );
    check("only the buyer trusts", terms(200, 20, [0, 10]), &ahead, 4);
    check(
        "only the seller trusts",
        terms(200, 20, [15, 0]),
        &[(Seller, 150, 15), (Buyer, 15, 15), (Seller, 50, 5), (Buyer, 5, 5)],
        4,
    );
    check("a deal below dust", terms(3, 4, [10, 10]), &[(Seller, 3, 4), (Buyer, 4, 4)], 2);
    check(
        "thirds are rounded down until the end",
        terms(1_000, 3, [1, 0]),
        &[(Seller, 333, 1), (Buyer, 1, 1), (Seller, 333, 1), (Buyer, 1, 1), (Seller, 334, 1), (Buyer, 1, 1)],
        6,
    );
    check(
        "a base coarser than the quote",
        terms(1, 4, [2, 0]),
        &[(Seller, 0, 2), (Buyer, 2, 2), (Seller, 1, 2), (Buyer, 2, 2)],
        4,
    );
    // Locked tokens follow an acknowledgement, so only the first of them and the outside payments are sent.
    check("locked base, strangers", on(Token, Attested, terms(500, 50, [10, 10])), &strangers, 4);
    check("locked base, the buyer ahead", on(Token, Attested, terms(200, 20, [0, 10])), &ahead, 2);
    check(
        "locked base, the seller ahead level by level",
        on(Token, Attested, terms(200, 20, [10, 0])),
        &[(Seller, 100, 10), (Buyer, 10, 10), (Seller, 100, 10), (Buyer, 10, 10)],
        3,
    );
    check("locked quote, strangers", on(Attested, Token, terms(500, 50, [10, 10])), &strangers, 3);
    check("locked quote, the buyer ahead", on(Attested, Token, terms(200, 20, [0, 10])), &ahead, 3);
    // At once: nobody has to send anything.
    check("both locked", on(Token, Token, terms(500, 50, [0, 0])), &one_each, 0);
    check("price 0", on(Token, Attested, terms(500, 0, [0, 0])), &[(Seller, 500, 0)], 0);
    check("price 0, both locked", on(Token, Token, terms(500, 0, [0, 0])), &[(Seller, 500, 0)], 0);
    check("price 0, nothing locked", terms(500, 0, [0, 0]), &[], 0);
}

#[test]
fn what_is_due_is_exact() {
    let mut deal = open(terms(1_000, 3, [2, 1]));
    let due = |party, tranche, [cumulative, amount, value]: [u64; 3], deadline| {
        let [cumulative, amount, value] = [cumulative, amount, value].map(Amount::new);
        Some(Due { party, tranche, cumulative, amount, value, deadline })
    };
    assert_eq!(deal.due(), due(Seller, 1, [666, 666, 2], at(100)));
    pay_due(&mut deal, at(10));
    assert_eq!((deal.due(), deal.deadline()), (None, Some(at(60))));
    acknowledge(&mut deal, at(20));
    assert_eq!(deal.due(), due(Buyer, 2, [3, 3, 3], at(120)));
    pay_due(&mut deal, at(30));
    acknowledge(&mut deal, at(40));
    assert_eq!(deal.due(), due(Seller, 3, [1_000, 334, 1], at(140)));
    assert_eq!((deal.sent(Seller), deal.sent_units(Seller)), (amount(2), amount(666)));
    assert_eq!((deal.sent(Buyer), deal.sent_units(Buyer)), (amount(3), amount(3)));
    assert_eq!((deal.undelivered_base(), deal.undelivered_quote()), (amount(334), amount(0)));
    pay_due(&mut deal, at(50));
    acknowledge(&mut deal, at(60));
    assert_eq!((deal.due(), deal.deadline(), deal.state()), (None, None, State::Settled));
}

#[test]
fn only_the_payment_due_is_accepted() {
    let mut deal = open(terms(500, 50, [10, 5]));
    let check = |deal: &mut Deal, by, tranche, cumulative, now, refusal| {
        let before = deal.clone();
        assert_eq!(deal.pay(by, tranche, amount(cumulative), id(9), at(now)), Err(refusal));
        assert_eq!(*deal, before);
    };
    check(&mut deal, Buyer, 1, 5, 0, Refusal::NotDue { due: Seller });
    check(&mut deal, Seller, 0, 100, 0, Refusal::WrongTranche { expected: 1 });
    check(&mut deal, Seller, 2, 100, 0, Refusal::WrongTranche { expected: 1 });
    check(&mut deal, Seller, 1, 99, 0, Refusal::WrongAmount { expected: amount(100) });
    check(&mut deal, Seller, 1, 101, 0, Refusal::WrongAmount { expected: amount(100) });
    check(&mut deal, Seller, 1, 100, 100, Refusal::TooLate { deadline: at(100) });
    assert_eq!(pay_due(&mut deal, at(99)), Paid::InFlight);
    let twice = Refusal::InFlight { party: Seller, tranche: 1, proposal: id(1) };
    check(&mut deal, Seller, 1, 100, 99, twice);
    check(&mut deal, Seller, 2, 200, 99, twice);
    check(&mut deal, Buyer, 1, 15, 99, twice);
    acknowledge(&mut deal, at(99));
    check(&mut deal, Seller, 1, 100, 99, Refusal::NotDue { due: Buyer });
    assert_eq!(deal.expire(at(199)), Some(Expired::Defaulted { by: Buyer, loss: amount(10) }));
    let closed = Refusal::Closed(State::Defaulted { by: Buyer });
    check(&mut deal, Buyer, 2, 15, 199, closed);
    assert_eq!(deal.acknowledge(Buyer, id(1), at(199)), Err(closed));
    let mut settled = open(on(Token, Token, terms(1, 1, [0, 0])));
    check(&mut settled, Seller, 3, 1, 0, Refusal::Closed(State::Settled));
}

#[test]
fn only_the_payee_acknowledges_what_is_in_flight() {
    let mut deal = open(terms(500, 50, [10, 5]));
    let check = |deal: &mut Deal, by, proposal, refusal| {
        let before = deal.clone();
        assert_eq!(deal.acknowledge(by, proposal, START), Err(refusal));
        assert_eq!(*deal, before);
    };
    check(&mut deal, Buyer, id(1), Refusal::UnknownProposal);
    pay_due(&mut deal, START);
    check(&mut deal, Seller, id(1), Refusal::NotPayee { payee: Buyer });
    check(&mut deal, Buyer, id(2), Refusal::UnknownProposal);
    acknowledge(&mut deal, START);
    check(&mut deal, Buyer, id(1), Refusal::UnknownProposal);
}

#[test]
fn a_missed_payment_ends_the_deal_and_costs_at_most_the_cap() {
    // `paid` honest moves, then silence.
    let check = |terms, paid, by: Party, [loss, base_left, quote_left]: [u64; 3]| {
        let mut deal = open(terms);
        for _ in 0..paid {
            if pay_due(&mut deal, START) == Paid::InFlight {
                acknowledge(&mut deal, START);
            }
        }
        assert_eq!((deal.deadline(), deal.expire(at(99))), (Some(at(100)), None));
        assert_eq!(deal.expire(at(100)), Some(Expired::Defaulted { by, loss: amount(loss) }));
        assert_eq!((deal.state(), deal.deadline()), (State::Defaulted { by }, None));
        assert_eq!((deal.due(), deal.expire(at(1_000))), (None, None));
        assert_eq!((deal.loss_of(by), deal.loss_of(by.other())), (amount(0), amount(loss)));
        assert_eq!((deal.reserved(by), deal.reserved(by.other())), (amount(loss), amount(0)));
        assert_eq!(
            (deal.undelivered_base(), deal.undelivered_quote()),
            (amount(base_left), amount(quote_left))
        );
        assert!(deal.is_consistent());
    };
    // Who only had to go ahead costs nobody anything.
    check(terms(500, 50, [10, 5]), 0, Seller, [0, 500, 50]);
    check(terms(500, 50, [10, 20]), 0, Buyer, [0, 500, 50]);
    check(terms(500, 50, [10, 5]), 1, Buyer, [10, 400, 50]);
    check(terms(500, 50, [10, 5]), 2, Seller, [5, 400, 35]);
    check(on(Token, Attested, terms(500, 50, [10, 5])), 1, Buyer, [10, 400, 50]);
    // The locked base follows the acknowledged quote, so the buyer is due again, and owes.
    check(on(Token, Attested, terms(500, 50, [10, 5])), 2, Buyer, [10, 250, 35]);
}

#[test]
fn a_withheld_acknowledgement_is_a_dispute_until_it_comes() {
    let mut deal = open(on(Token, Attested, terms(500, 50, [0, 20])));
    pay_due(&mut deal, at(30));
    let risk = |deal: &Deal| [Seller, Buyer].map(|party| (deal.reserved(party), deal.owed_by(party)));
    let before = risk(&deal);
    assert_eq!(before, [(amount(20), amount(20)), (amount(0), amount(0))]);
    assert_eq!((deal.deadline(), deal.expire(at(79))), (Some(at(80)), None));
    assert_eq!(deal.expire(at(80)), Some(Expired::Disputed { by: Seller }));
    assert_eq!(deal.state(), State::Disputed { by: Seller });
    assert_eq!((deal.expire(at(9_000)), deal.due(), deal.deadline()), (None, None, None));
    assert_eq!((risk(&deal), deal.undelivered_base()), (before, amount(500)));
    assert_eq!([deal.loss_of(Seller), deal.loss_of(Buyer)], [Amount::ZERO; 2]);
    assert!(deal.is_consistent());
    let twice = Refusal::InFlight { party: Buyer, tranche: 1, proposal: id(1) };
    assert_eq!(deal.pay(Buyer, 1, amount(20), id(2), at(9_000)), Err(twice));
    let late = acknowledge(&mut deal, at(9_000));
    assert_eq!(
        late.iter().map(|one| (one.party, one.value.get())).collect::<Vec<_>>(),
        [(Buyer, 20), (Seller, 20)]
    );
    assert_eq!((deal.state(), deal.deadline()), (State::Open, Some(at(9_100))));
}

#[test]
fn a_payment_in_flight_counts_at_its_worst_for_both() {
    let mut deal = open(terms(500, 50, [10, 5]));
    let check = |deal: &Deal, owed: [u64; 2], reserved: [u64; 2]| {
        assert_eq!([Seller, Buyer].map(|party| deal.owed_by(party).get()), owed);
        assert_eq!([Seller, Buyer].map(|party| deal.reserved(party).get()), reserved);
    };
    check(&deal, [0, 0], [5, 10]);
    pay_due(&mut deal, START);
    check(&deal, [0, 10], [5, 10]);
    acknowledge(&mut deal, START);
    check(&deal, [0, 10], [5, 10]);
    // If the 15 arrived the seller owes 5, if they did not the buyer still owes 10.
    pay_due(&mut deal, START);
    check(&deal, [5, 10], [5, 10]);
    acknowledge(&mut deal, START);
    check(&deal, [5, 0], [5, 10]);
    // Six of eight moves are left.
    for _ in 0..6 {
        pay_due(&mut deal, START);
        if deal.tranche() == 7 {
            // 40 and 45 of 50 have arrived and the last 10 are on their way: each may turn out to be owed 5.
            check(&deal, [5, 5], [5, 5]);
        }
        acknowledge(&mut deal, START);
    }
    check(&deal, [0, 0], [0, 0]);
}

#[test]
fn fills_grow_a_deal_until_something_moves() {
    let mut deal = open(terms(500, 50, [10, 5]));
    let caps = |terms: Terms, buyer_cap| Terms { buyer_cap: amount(buyer_cap), ..terms };
    let grown = |deal: &Deal| deal.terms().grown_by(amount(100), amount(10)).expect("fits");
    let wider = caps(grown(&deal), 60);
    assert_eq!(deal.add_fill(wider.clone(), at(7)), Ok(vec![]));
    assert_eq!((deal.terms(), deal.state()), (&wider, State::Open));
    let due = deal.due().expect("the buyer is due");
    assert_eq!((due.party, due.cumulative, due.deadline), (Buyer, amount(60), at(107)));

    let check = |deal: &mut Deal, terms, refusal| {
        let before = deal.clone();
        assert_eq!(deal.add_fill(terms, START), Err(refusal));
        assert_eq!(*deal, before);
    };
    let shrunk = FillError::Shrunk { base_total: amount(600), quote_total: amount(60) };
    check(&mut deal, terms(599, 60, [10, 5]), shrunk);
    check(&mut deal, terms(600, 59, [10, 5]), shrunk);
    let more = grown(&deal);
    check(&mut deal, on(Token, Attested, more.clone()), FillError::RailChanged);
    check(&mut deal, on(Attested, Token, more.clone()), FillError::RailChanged);
    check(&mut deal, terms(600, 60, [0, 0]), FillError::Open(OpenError::NoCap));
    pay_due(&mut deal, at(8));
    check(&mut deal, more.clone(), FillError::Moved { tranche: 1 });
    acknowledge(&mut deal, at(9));
    check(&mut deal, more.clone(), FillError::Moved { tranche: 1 });
    pay_due(&mut deal, at(9));
    acknowledge(&mut deal, at(9));
    check(&mut deal, more, FillError::Closed(State::Settled));

    let mut late = open(terms(500, 50, [10, 5]));
    late.expire(at(100));
    let more = grown(&late);
    check(&mut late, more, FillError::Closed(State::Defaulted { by: Seller }));
}

#[test]
fn fills_of_a_deal_that_settles_at_once_are_delivered_as_they_come() {
    let check = |rails: [Rail; 2], first: [u64; 2], more: [u64; 2], expected: &[(Party, u32, u64, u64)]| {
        let mut deal = open(on(rails[0], rails[1], terms(first[0], first[1], [0, 0])));
        let grown = deal.terms().grown_by(amount(more[0]), amount(more[1])).expect("fits");
        let moves = deal.add_fill(grown, START).expect("grows");
        let found: Vec<_> =
            moves.iter().map(|one| (one.party, one.tranche, one.units.get(), one.value.get())).collect();
        assert_eq!(found, expected);
        assert_eq!((deal.state(), deal.is_consistent()), (State::Settled, true));
        assert_eq!(deal.sent_units(Seller), amount(first[0] + more[0]));
        assert_eq!(deal.sent_units(Buyer), amount(first[1] + more[1]));
        assert_eq!((deal.undelivered_base(), deal.undelivered_quote()), (amount(0), amount(0)));
    };
    check([Token, Token], [500, 50], [20, 2], &[(Seller, 3, 20, 2), (Buyer, 4, 2, 2)]);
    // Rounded over the whole deal, a fill may add no quote.
    check([Token, Token], [500, 50], [20, 0], &[(Seller, 3, 20, 0)]);
    check([Token, Attested], [500, 0], [20, 0], &[(Seller, 2, 20, 0)]);

    // A gift does not become a sale: what was given was not owed for.
    let mut gift = open(on(Token, Attested, terms(500, 0, [10, 5])));
    let sale = on(Token, Attested, terms(600, 10, [10, 5]));
    assert_eq!(gift.add_fill(sale, START), Err(FillError::Closed(State::Settled)));
}

#[test]
fn what_must_never_be_is_noticed() {
    let check = |name: &str, spoil: fn(&mut Deal)| {
        let mut deal = open(terms(500, 50, [10, 5]));
        pay_due(&mut deal, START);
        assert!(deal.is_consistent(), "{name}");
        spoil(&mut deal);
        assert!(!deal.is_consistent(), "{name}");
    };
    let sent = |seller, buyer| Sent { seller: amount(seller), buyer: amount(buyer) };
    assert!(Deal { sent: sent(11, 1), ..open(terms(500, 50, [10, 5])) }.is_consistent());
    check("the buyer owes too much", |deal| deal.sent.seller = amount(11));
    check("the seller owes too much", |deal| deal.sent.buyer = amount(6));
    check("too much was sent", |deal| {
        deal.sent = Sent { seller: amount(51), buyer: amount(51) };
        deal.state = State::Settled;
        deal.in_flight = None;
    });
    check("too early", |deal| {
        deal.state = State::Settled;
        deal.in_flight = None;
    });
    check("too late", |deal| deal.sent = Sent { seller: amount(50), buyer: amount(50) });
    check("a default in flight", |deal| deal.state = State::Defaulted { by: Seller });
    check("the wrong one disputes", |deal| deal.state = State::Disputed { by: Seller });
    check("more was carried over than sent", |deal| {
        deal.carried = Some(Sent { seller: amount(1), buyer: Amount::ZERO });
    });
    check("covered without a default", |deal| deal.covered = amount(1));
    check("a cure in flight", |deal| deal.state = State::Cured { by: Seller });
    check("netted in flight", |deal| deal.state = State::Netted);
    check("a dispute about nothing", |deal| {
        deal.state = State::Disputed { by: Buyer };
        deal.in_flight = None;
    });
}

#[test]
fn stored_bytes_and_messages() {
    let mut deal = open(terms(500, 50, [10, 5]));
    pay_due(&mut deal, START);
    let check = |deal: &Deal| {
        let bytes = borsh::to_vec(deal).expect("a deal has bytes");
        assert_eq!(&borsh::from_slice::<Deal>(&bytes).expect("its own bytes"), deal);
        bytes
    };
    let paid = check(&deal);
    deal.in_flight = None;
    let plain = check(&deal);
    let at_flags = plain.len() - 1;
    assert_eq!((plain[at_flags], paid[at_flags]), (0, 1), "a plain deal's bytes are those of an option");
    let more = |deal: &Deal, flags: u8, bytes: usize| {
        let found = check(deal);
        assert_eq!((found[at_flags], found.len()), (flags, plain.len() + bytes));
    };
    // Nothing may be carried over, too.
    deal.carried = Some(Sent::default());
    more(&deal, 2, 2 * 8);
    deal.covered = amount(7);
    more(&deal, 6, 3 * 8);
    deal.carried = None;
    more(&deal, 4, 8);
    let refused = |mut bytes: Vec<u8>, flags: u8, more: usize| {
        bytes[at_flags] = flags;
        bytes.extend(vec![0; more]);
        borsh::from_slice::<Deal>(&bytes).expect_err("not a deal's bytes");
    };
    refused(plain.clone(), 4, 8);
    refused(plain.clone(), 8, 0);
    refused(plain.clone(), 2, 0);
    refused(plain, 0, 1);
    let check = |message: String, expected: &str| assert_eq!(message, expected);
    check(Refusal::NotDue { due: Buyer }.to_string(), "it is the buyer's turn to pay");
    check(Refusal::Closed(State::Settled).to_string(), "the deal is settled");
    check(
        Refusal::Closed(State::Defaulted { by: Seller }).to_string(),
        "the deal has ended: the seller did not pay in time",
    );
    check(FillError::Open(OpenError::NoBase).to_string(), "a deal needs an amount of base above 0");
}

#[test]
fn json_forms() {
    fn check<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        value: T,
        json: &str,
    ) {
        assert_eq!(serde_json::to_string(&value).expect("has a JSON form"), json);
        assert_eq!(serde_json::from_str::<T>(json).expect("its own form"), value);
    }
    check(Seller, r#""seller""#);
    check(State::Open, r#"{"state":"open"}"#);
    check(State::Cured { by: Buyer }, r#"{"state":"cured","by":"buyer"}"#);
    check(State::WrittenOff { by: Seller }, r#"{"state":"written_off","by":"seller"}"#);
    check(State::Netted, r#"{"state":"netted"}"#);
    check(State::Disputed { by: Buyer }, r#"{"state":"disputed","by":"buyer"}"#);
    check(
        Refusal::Closed(State::Defaulted { by: Buyer }),
        r#"{"reason":"closed","state":"defaulted","by":"buyer"}"#,
    );
    check(Refusal::WrongTranche { expected: 3 }, r#"{"reason":"wrong_tranche","expected":3}"#);
    check(Refusal::WrongAmount { expected: amount(9) }, r#"{"reason":"wrong_amount","expected":"9"}"#);
    check(Refusal::UnknownProposal, r#"{"reason":"unknown_proposal"}"#);
    check(FillError::Open(OpenError::NoCap), r#"{"reason":"open","terms":"no_cap"}"#);
    check(FillError::Closed(State::Settled), r#"{"reason":"closed","state":"settled"}"#);
    check(
        Expired::Defaulted { by: Seller, loss: amount(4) },
        r#"{"kind":"defaulted","by":"seller","loss":"4"}"#,
    );
}
