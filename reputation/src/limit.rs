//! How much others may let an account owe: what it has put down, and what it has earned.

use crate::Score;
use bandex_types::Amount;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A whole, in the parts per million that factors are given in.
const WHOLE_PPM: u32 = 1_000_000;
/// A whole in parts per million of parts per billion.
const WHOLE_PPM_PPB: u128 = 1_000_000_000_000_000;

/// What the operator has settled for everybody. Amounts are in the unit of account, millisatoshi.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
pub struct LimitTerms {
    /// The most that an account can earn (`G_max`), dust not counted.
    pub largest: Amount,
    /// The loss the node's seeds are ready to bear in all (`B`).
    pub loss_budget: Amount,
    /// How much of the budget a score of one is worth (`κ`), in parts per million; may be above a whole.
    pub kappa_ppm: u32,
    /// How much of a bond counts (`φ_b`), in parts per million; more than a whole counts as a whole.
    pub bond_ppm: u32,
    /// How much of the fees counts (`φ_f`), in parts per million; more than a whole counts as a whole.
    pub fee_ppm: u32,
    /// What an admitted account may owe without anything else. It must cost more to be admitted.
    pub dust: Amount,
}

/// What one account has put down and earned.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct Stake {
    /// The value of the tokens posted as a bond, in millisatoshi.
    pub bond: Amount,
    /// The value of the fees it has paid, decayed, in millisatoshi.
    pub fees: Amount,
    /// Its score.
    pub score: Score,
    /// Whether it was admitted, by work, by a fee or by a registrar.
    pub admitted: bool,
}

/// A limit and what it is made of, in millisatoshi.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
pub struct LimitParts {
    /// What the bond counts for: `φ_b·bond`.
    pub bond: Amount,
    /// What the score is worth: `κ·B·s`. Only as much of it counts as the fees cover.
    pub reputation: Amount,
    /// What the fees cover: `φ_f·fees`.
    pub fees: Amount,
    /// `min(G_max, bond + min(reputation, fees))`.
    pub earned: Amount,
    /// The dust, if the account was admitted.
    pub dust: Amount,
    /// The limit: `earned + dust`.
    pub total: Amount,
}

/// What keeps a limit from being higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Binding {
    /// A larger bond would raise it.
    Bond,
    /// More fees would raise it; beside [`Binding::Score`], both at once.
    Fees,
    /// A higher score would raise it; beside [`Binding::Fees`], both at once.
    Score,
    /// To be admitted would raise it.
    Admission,
    /// Nothing it does would: what can be earned has reached its largest.
    Largest,
}

/// The limit of an account: `min(G_max, φ_b·bond + min(κ·B·s, φ_f·fees)) + dust`.
///
/// Every part is rounded down and stops at the largest amount. Since trading with oneself costs fees, and no factor is
/// above one, all accounts of one person together never gain more than that person paid, plus dust for each admission.
pub fn limit(terms: &LimitTerms, stake: &Stake) -> LimitParts {
    let bond = part(stake.bond, terms.bond_ppm);
    let fees = part(stake.fees, terms.fee_ppm);
    let budget = u128::from(terms.loss_budget.get()).saturating_mul(u128::from(terms.kappa_ppm));
    let reputation = amount(budget.saturating_mul(u128::from(stake.score.ppb())) / WHOLE_PPM_PPB);
    let earned = sum(bond, reputation.min(fees)).min(terms.largest);
    let dust = if stake.admitted { terms.dust } else { Amount::ZERO };
    LimitParts { bond, reputation, fees, earned, dust, total: sum(earned, dust) }
}

/// What would raise the limit of an account, in the order in which it is easiest to do something about it.
pub fn binding(terms: &LimitTerms, stake: &Stake) -> Vec<Binding> {
    let parts = limit(terms, stake);
    let is_largest = parts.earned >= terms.largest;
    let can_pay = terms.fee_ppm > 0;
    let can_score = terms.kappa_ppm > 0 && !terms.loss_budget.is_zero() && stake.score < Score::MAX;
    // The lesser of the two counts; where they are level, one alone raises nothing.
    let (fees, score) = match parts.fees.cmp(&parts.reputation) {
        Ordering::Less => (can_pay, false),
        Ordering::Greater => (false, can_score),
        Ordering::Equal => (can_pay && can_score, can_pay && can_score),
    };
    let all = [
        (!is_largest && terms.bond_ppm > 0, Binding::Bond),
        (!is_largest && fees, Binding::Fees),
        (!is_largest && score, Binding::Score),
        (!stake.admitted && !terms.dust.is_zero(), Binding::Admission),
        (is_largest, Binding::Largest),
    ];
    all.into_iter().filter_map(|(binds, what)| binds.then_some(what)).collect()
}

/// A share of an amount, rounded down.
fn part(whole: Amount, ppm: u32) -> Amount {
    amount(u128::from(whole.get()).saturating_mul(u128::from(ppm.min(WHOLE_PPM))) / u128::from(WHOLE_PPM))
}

fn amount(value: u128) -> Amount {
    Amount::new(u64::try_from(value).unwrap_or(u64::MAX))
}

fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(Amount::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::Config;

    const TERMS: LimitTerms = LimitTerms {
        largest: Amount::new(1_000),
        loss_budget: Amount::new(10_000),
        kappa_ppm: 500_000,
        bond_ppm: 800_000,
        fee_ppm: 900_000,
        dust: Amount::new(7),
    };

    fn stake(bond: u64, fees: u64, score_ppm: u32, admitted: bool) -> Stake {
        let (bond, fees) = (Amount::new(bond), Amount::new(fees));
        Stake { bond, fees, score: Score::from_ppm(score_ppm), admitted }
    }

    #[test]
    fn a_limit_is_the_sum_of_its_parts() {
        let check = |stake: Stake, [bond, reputation, fees, earned, dust, total]: [u64; 6]| {
            let [bond, reputation, fees] = [bond, reputation, fees].map(Amount::new);
            let [earned, dust, total] = [earned, dust, total].map(Amount::new);
            assert_eq!(
                limit(&TERMS, &stake),
                LimitParts { bond, reputation, fees, earned, dust, total },
                "{stake:?}"
            );
        };
        check(stake(0, 0, 0, false), [0, 0, 0, 0, 0, 0]);
        check(stake(0, 0, 0, true), [0, 0, 0, 0, 7, 7]);
        check(stake(101, 0, 0, true), [80, 0, 0, 80, 7, 87]);
        check(stake(0, 100, 10_000, true), [0, 50, 90, 50, 7, 57]);
        check(stake(0, 100, 100_000, true), [0, 500, 90, 90, 7, 97]);
        check(stake(100, 100, 10_000, false), [80, 50, 90, 130, 0, 130]);
        check(stake(5_000, 5_000, 1_000_000, true), [4_000, 5_000, 4_500, 1_000, 7, 1_007]);
        check(stake(u64::MAX, 0, 0, true), [14_757_395_258_967_641_292, 0, 0, 1_000, 7, 1_007]);
    }

    #[test]
    fn what_binds_is_named_in_order() {
        use Binding::{Admission, Bond, Fees, Largest, Score};
        let check = |terms: LimitTerms, stake: Stake, expected: &[Binding]| {
            assert_eq!(binding(&terms, &stake), expected, "{terms:?} {stake:?}");
        };
        check(TERMS, stake(0, 0, 0, false), &[Bond, Fees, Score, Admission]);
        check(TERMS, stake(0, 10, 0, true), &[Bond, Score]);
        check(TERMS, stake(0, 10, 100_000, true), &[Bond, Fees]);
        check(TERMS, stake(0, 5_000, 1_000_000, true), &[Largest]);
        check(TERMS, stake(5_000, 0, 0, false), &[Admission, Largest]);
        check(LimitTerms { bond_ppm: 0, ..TERMS }, stake(0, 10, 0, true), &[Score]);
        check(LimitTerms { fee_ppm: 0, ..TERMS }, stake(0, 0, 0, true), &[Bond]);
        check(LimitTerms { fee_ppm: 0, ..TERMS }, stake(0, 0, 1, true), &[Bond]);
        check(LimitTerms { kappa_ppm: 0, ..TERMS }, stake(0, 10, 1, true), &[Bond]);
        check(LimitTerms { loss_budget: Amount::ZERO, ..TERMS }, stake(0, 0, 1, true), &[Bond]);
        check(LimitTerms { dust: Amount::ZERO, ..TERMS }, stake(0, 10, 0, false), &[Bond, Score]);
        check(LimitTerms { largest: Amount::MAX, ..TERMS }, stake(0, 9_000, 1_000_000, true), &[Bond]);
    }

    fn amounts() -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0_u64..2_000, 2 => any::<u64>(), 1 => Just(u64::MAX)]
    }

    fn any_terms() -> impl Strategy<Value = LimitTerms> {
        let factors = (0_u32..3_000_000, 0_u32..1_500_000, 0_u32..1_500_000);
        (amounts(), amounts(), factors, 0_u64..100).prop_map(
            |(largest, budget, (kappa_ppm, bond_ppm, fee_ppm), dust)| {
                let [largest, loss_budget, dust] = [largest, budget, dust].map(Amount::new);
                LimitTerms { largest, loss_budget, kappa_ppm, bond_ppm, fee_ppm, dust }
            },
        )
    }

    fn any_stake() -> impl Strategy<Value = Stake> {
        let score = prop_oneof![0_u32..=1_000_000_000, 0_u32..1_000, Just(1_000_000_000)];
        (amounts(), amounts(), score, any::<bool>()).prop_map(|(bond, fees, ppb, admitted)| {
            let (bond, fees) = (Amount::new(bond), Amount::new(fees));
            Stake { bond, fees, score: Score::from_ppb(ppb), admitted }
        })
    }

    /// Divides a number at two places.
    fn cut(whole: u64, (one, other): (u64, u64)) -> [u64; 3] {
        let first = one.checked_rem(whole.saturating_add(1)).unwrap_or(one);
        let second = other.checked_rem((whole - first).saturating_add(1)).unwrap_or(other);
        [first, second, whole - first - second]
    }

    proptest! {
        #![proptest_config(Config::with_cases(100_000))]

        #[test]
        fn parts_sum_and_nothing_exceeds_what_was_paid(terms in any_terms(), stake in any_stake()) {
            let parts = limit(&terms, &stake);
            let [bond, reputation, fees, earned, dust, total] =
                [parts.bond, parts.reputation, parts.fees, parts.earned, parts.dust, parts.total].map(|a| u128::from(a.get()));
            prop_assert_eq!(total, (earned + dust).min(u128::from(u64::MAX)));
            let wanted = bond + reputation.min(fees);
            prop_assert_eq!(earned, wanted.min(u128::from(terms.largest.get())));
            // φ is at most 1: nobody is trusted with more than it has paid, whatever its score.
            prop_assert!(bond <= u128::from(stake.bond.get()) && fees <= u128::from(stake.fees.get()));
            prop_assert!(earned <= u128::from(stake.bond.get()) + u128::from(stake.fees.get()));
            prop_assert_eq!(dust, if stake.admitted { u128::from(terms.dust.get()) } else { 0 });
        }

        /// Three identities share one stake as they like, and each is admitted anew.
        #[test]
        fn splitting_gains_at_most_the_dust_of_the_new(
            terms in any_terms(),
            stake in any_stake(),
            cuts in (any::<(u64, u64)>(), any::<(u64, u64)>(), any::<(u64, u64)>()),
        ) {
            let whole = limit(&terms, &stake);
            let bonds = cut(stake.bond.get(), cuts.0);
            let fees = cut(stake.fees.get(), cuts.1);
            let scores = cut(u64::from(stake.score.ppb()), cuts.2);
            let mut sum = 0;
            for ((bond, fees), score) in bonds.into_iter().zip(fees).zip(scores) {
                let (bond, fees) = (Amount::new(bond), Amount::new(fees));
                let score = Score::from_ppb(u32::try_from(score).unwrap());
                let part = limit(&terms, &Stake { bond, fees, score, admitted: true });
                sum += u128::from(part.total.get());
            }
            let dust = 3 * u128::from(terms.dust.get());
            if whole.earned < terms.largest {
                prop_assert!(sum <= u128::from(whole.earned.get()) + dust, "{sum} {whole:?}");
            }
            prop_assert!(sum <= u128::from(stake.bond.get()) + u128::from(stake.fees.get()) + dust);
        }

        /// What is named would raise the limit; what is not named would not.
        #[test]
        fn only_what_binds_raises(terms in any_terms(), stake in any_stake(), has_score in any::<bool>()) {
            // Far from where a part stops for want of bits.
            let small = |amount: Amount| Amount::new(amount.get() >> 4);
            let terms = LimitTerms { loss_budget: small(terms.loss_budget), ..terms };
            let score = if has_score { Score::MAX } else { Score::ZERO };
            let stake = Stake { bond: small(stake.bond), fees: small(stake.fees), score, ..stake };
            let before = limit(&terms, &stake).total;
            let named = binding(&terms, &stake);
            let much = |amount: Amount| Amount::new(amount.get() + (1 << 62));
            let more_bond = Stake { bond: much(stake.bond), ..stake };
            let more_fees = Stake { fees: much(stake.fees), ..stake };
            let more_score = Stake { score: Score::MAX, ..stake };
            let more_both = Stake { score: Score::MAX, ..more_fees };
            let is_admitted = Stake { admitted: true, ..stake };
            let raises = |stake: &Stake| limit(&terms, stake).total > before;
            prop_assert_eq!(raises(&more_bond), named.contains(&Binding::Bond));
            prop_assert_eq!(raises(&is_admitted), named.contains(&Binding::Admission));
            let either = named.contains(&Binding::Fees) || named.contains(&Binding::Score);
            // A budget of a few millisatoshi rounds even a whole score down to nothing.
            if limit(&terms, &more_both).reputation > Amount::ZERO {
                prop_assert_eq!(raises(&more_both), either, "{:?}", named);
            }
            prop_assert!(!raises(&more_fees) || named.contains(&Binding::Fees));
            prop_assert!(!raises(&more_score) || named.contains(&Binding::Score));
            prop_assert_eq!(named.contains(&Binding::Largest), limit(&terms, &stake).earned >= terms.largest);
        }
    }
}
