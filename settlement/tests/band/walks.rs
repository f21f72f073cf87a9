//! Honest walks: they agree with the walk made by hand, end, are short, and sum up exactly.

use crate::by_hand::Small;
use bandex_settlement::{Deal, Move, Paid, Party, Sent, State, Terms, next_step};
use bandex_types::{Amount, BlockId, Rail, Timestamp};
use proptest::prelude::*;

pub fn rails() -> impl Strategy<Value = (Rail, Rail)> {
    prop_oneof![
        2 => Just((Rail::Attested, Rail::Attested)),
        2 => Just((Rail::Token, Rail::Attested)),
        1 => Just((Rail::Attested, Rail::Token)),
    ]
}

/// Deals small enough to be walked unit by unit, with base finer and coarser than quote.
pub fn small() -> impl Strategy<Value = Small> {
    let cap = || prop_oneof![1 => Just(0u64), 4 => 1u64..40, 1 => 40u64..400];
    (1u64..2_000, 1u64..300, cap(), cap(), rails())
        .prop_map(|(base, quote, seller_cap, buyer_cap, (base_rail, quote_rail))| Small {
            base,
            quote,
            seller_cap,
            buyer_cap,
            base_rail,
            quote_rail,
        })
        .prop_filter("one cap is above 0", |small| small.seller_cap + small.buyer_cap > 0)
}

/// Deals of any size whose caps lead to at most about a hundred moves.
fn large() -> impl Strategy<Value = Terms> {
    (1u64.., 1u64.., 1u64..50, 0u64..=100).prop_map(|(base, quote, pieces, percent)| {
        let both = (quote / pieces).max(1);
        let seller_cap = u64::try_from(u128::from(both) * u128::from(percent) / 100).expect("a part of it");
        Terms {
            base_total: Amount::new(base),
            quote_total: Amount::new(quote),
            seller_cap: Amount::new(seller_cap),
            buyer_cap: Amount::new(both - seller_cap),
            base_rail: Rail::Attested,
            quote_rail: Rail::Attested,
            pay_us: 1,
            acknowledge_us: 1,
        }
    })
}

fn settle(terms: Terms) -> Vec<Move> {
    let now = Timestamp::ZERO;
    let id = BlockId::new([1; 32]);
    let (mut deal, mut moves) = Deal::open(terms, now).expect("can be opened");
    while let Some(due) = deal.due() {
        let paid = deal.pay(due.party, due.tranche, due.cumulative, id, now).expect("the payment due");
        moves.extend(match paid {
            Paid::Delivered(moves) => moves,
            Paid::InFlight => deal.acknowledge(due.party.other(), id, now).expect("its acknowledgement"),
        });
        assert!(deal.is_consistent());
        // A walk that does not end must fail, not hang.
        assert!((moves.len() as u128) <= deal.terms().most_moves(), "too many moves");
    }
    assert_eq!(deal.state(), State::Settled);
    moves
}

proptest! {
    #[test]
    fn walks_agree_with_those_made_by_hand(small in small()) {
        let moves = settle(small.terms());
        let found: Vec<_> =
            moves.iter().map(|one| (one.party, one.units.get(), one.value.get())).collect();
        prop_assert_eq!(found, small.walk());
        prop_assert!(moves.iter().zip(1..).all(|(one, number)| one.tranche == number));
    }

    #[test]
    fn walks_of_any_size_are_short_and_exact(terms in large()) {
        let moves = settle(terms.clone());
        let total = |party, part: fn(&Move) -> Amount| -> u128 {
            moves.iter().filter(|one| one.party == party).map(|one| u128::from(part(one).get())).sum()
        };
        let (base, quote) = (u128::from(terms.base_total.get()), u128::from(terms.quote_total.get()));
        prop_assert_eq!(total(Party::Seller, |one| one.units), base);
        prop_assert_eq!(total(Party::Seller, |one| one.value), quote);
        prop_assert_eq!(total(Party::Buyer, |one| one.units), quote);
        let both = u128::from(terms.seller_cap.get()) + u128::from(terms.buyer_cap.get());
        let bound = 2 * quote.div_ceil(both) + 1;
        prop_assert!(moves.len() as u128 <= bound, "{} > {}", moves.len(), bound);
        prop_assert_eq!(terms.most_moves(), bound);
        prop_assert!(moves.iter().all(|one| !one.value.is_zero()));
    }

    /// The step is a function of what was sent alone: from any point inside the band it goes forward and stays inside.
    #[test]
    fn every_step_goes_forward_inside_the_band(
        terms in large(), debtor in prop_oneof![Just(Party::Seller), Just(Party::Buyer)],
        sent in any::<u64>(), owed in any::<u64>(),
    ) {
        let total = terms.quote_total.get();
        let up_to = |number: u64, most: u64| most.checked_add(1).map_or(number, |count| number % count);
        let behind = up_to(sent, total);
        let ahead = behind.saturating_add(up_to(owed, terms.cap_of(debtor.other()).get())).min(total);
        let sent = Sent::default().with(debtor, Amount::new(behind)).with(debtor.other(), Amount::new(ahead));
        let Some(step) = next_step(&terms, sent) else {
            prop_assert_eq!((behind, ahead), (total, total));
            return Ok(());
        };
        prop_assert!(behind == ahead || step.party == debtor);
        prop_assert!(step.reaches > sent.by(step.party) && step.reaches <= terms.quote_total);
        let after = sent.with(step.party, step.reaches);
        let net = i128::from(after.seller.get()) - i128::from(after.buyer.get());
        prop_assert!(net <= i128::from(terms.seller_cap.get()));
        prop_assert!(-net <= i128::from(terms.buyer_cap.get()));
    }
}
