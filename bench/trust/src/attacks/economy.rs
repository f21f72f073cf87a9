//! What an attack costs and what it can carry off, under the limits that docs/trust.md recommends.

use bandex_reputation::{LimitTerms, Score, Stake, limit};
use bandex_types::Amount;
use serde_json::{Value, json};

/// The recommended terms, called "cautious" in docs/trust.md.
pub const CAUTIOUS: LimitTerms = LimitTerms {
    // A tenth of a bitcoin.
    largest: Amount::new(10_000_000_000),
    // One bitcoin.
    loss_budget: Amount::new(100_000_000_000),
    kappa_ppm: 1_000_000,
    bond_ppm: 800_000,
    fee_ppm: 800_000,
    // 10,000 satoshi.
    dust: Amount::new(10_000_000),
};
/// What it costs to be admitted, by fee or by work, in millisatoshi: twice the dust.
pub const ADMISSION: u64 = 20_000_000;
/// What both sides of a trade pay together, in parts per million of its value.
pub const FEE_PPM: u64 = 2_000;

/// The terms and prices, for the report.
pub fn describe() -> Value {
    json!({
        "name": "cautious", "terms": CAUTIOUS, "admission_msat": ADMISSION, "fee_ppm_of_a_trade": FEE_PPM,
    })
}

/// What came of one attack in money, in millisatoshi.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Takings {
    /// What the Sybils' limits come to if nothing was paid for them.
    pub unpaid: u64,
    /// What attackers and Sybils can carry off if each Sybil pays exactly the fees its score makes worth paying.
    pub loot: u64,
    /// What that cost: the fees of all, and the admission of each Sybil.
    pub cost: u64,
    /// How much the limits of all rose above what the attackers had alone.
    pub extra_limit: u64,
    /// What was newly paid for it.
    pub extra_cost: u64,
}

impl Takings {
    /// Loot by cost; 0 if nothing was gained.
    pub fn profit_by_cost(&self) -> f64 {
        ratio(self.loot, self.cost)
    }

    /// What splitting gained by what it cost.
    pub fn splitting(&self) -> f64 {
        ratio(self.extra_limit, self.extra_cost)
    }
}

fn ratio(gain: u64, cost: u64) -> f64 {
    if gain == 0 { 0.0 } else { gain as f64 / cost as f64 }
}

/// An attacker as it stood before, and what its score has become.
#[derive(Debug, Clone, Copy)]
pub struct Attacker {
    /// The fees it has paid in honest trade, in millisatoshi.
    pub fees: u64,
    /// Its score before the attack.
    pub before: f64,
    /// Its score now.
    pub now: f64,
}

/// Reckons an attack: attackers with honest pasts, and Sybils of which only scores are known.
pub fn reckon(attackers: &[Attacker], sybils: &[f64]) -> Takings {
    let mut takings = Takings::default();
    let mut alone = 0;
    for one in attackers {
        let stake = |score| Stake {
            bond: Amount::ZERO,
            fees: Amount::new(one.fees),
            score: as_score(score),
            admitted: true,
        };
        alone += limit(&CAUTIOUS, &stake(one.before)).total.get();
        takings.loot += limit(&CAUTIOUS, &stake(one.now)).total.get();
        takings.cost += one.fees + ADMISSION;
    }
    for score in sybils {
        let score = as_score(*score);
        let nothing = Stake { score, ..Stake::default() };
        takings.unpaid += limit(&CAUTIOUS, &nothing).total.get();
        // What the score is worth, and the least fees that unlock it.
        let worth = limit(&CAUTIOUS, &nothing).reputation.min(CAUTIOUS.largest).get();
        let fees = (u128::from(worth) * 1_000_000).div_ceil(u128::from(CAUTIOUS.fee_ppm));
        let fees = u64::try_from(fees).expect("a limit and a quarter fits 64 bits");
        let paid = Stake { fees: Amount::new(fees), score, admitted: true, bond: Amount::ZERO };
        takings.loot += limit(&CAUTIOUS, &paid).total.get();
        takings.cost += fees + ADMISSION;
        takings.extra_cost += fees + ADMISSION;
    }
    takings.extra_limit = takings.loot.saturating_sub(alone);
    takings
}

fn as_score(share: f64) -> Score {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is from 0 to 1")]
    Score::from_ppb((share * 1e9).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attack_is_reckoned_in_full() {
        // A score of a thousandth is worth 100,000,000; fees of 50,000,000 unlock 40,000,000 of it.
        let attacker = Attacker { fees: 50_000_000, before: 0.001, now: 0.001 };
        let found = reckon(&[attacker], &[0.000_1, 0.0]);
        let expected = Takings {
            unpaid: 0,
            // 40 and dust, 10 and dust, dust.
            loot: 50_000_000 + 20_000_000 + 10_000_000,
            // 50 and admission, 12.5 and admission, admission.
            cost: 70_000_000 + 32_500_000 + 20_000_000,
            extra_limit: 30_000_000,
            extra_cost: 52_500_000,
        };
        assert_eq!(found, expected);
        assert_eq!(Takings::default().profit_by_cost(), 0.0);
        assert!(found.profit_by_cost() < 1.0 && found.splitting() < 1.0);
    }
}
