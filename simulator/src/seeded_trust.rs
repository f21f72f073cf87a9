//! What of trust stories out of seeds have in them.

use crate::from_seed::SECOND;
use crate::random::Random;
use crate::setup::Trust;
use crate::story::{Act, Decision};
use bandex_tradechain::body::{Admission, Fees, TrustTerms};
use bandex_types::Amount;

/// What a token may be worth, in the unit of account.
const RATES: [(u64, u64); 5] = [(1, 1), (1, 1), (2, 1), (1, 3), (7, 5)];

/// How trust works in a world.
pub(crate) fn trust(random: &mut Random) -> Trust {
    Trust {
        terms: terms(random),
        rate: random.percent(90).then(|| random.pick(&RATES, (1, 1))),
        fees: fees(random),
        seeds: random.pick(&[0, 0, 1, 2], 0),
    }
}

fn terms(random: &mut Random) -> TrustTerms {
    TrustTerms {
        epoch_us: random.pick(&[0, 0, 60, 200, 600], 200) * SECOND,
        keep_ppm: random.pick(&[1_000_000, 980_000, 500_000, 0], 980_000),
        largest_limit: Amount::new(random.pick(&[500, 3_000, 20_000, 1_000_000], 20_000)),
        loss_budget: Amount::new(random.pick(&[0, 10_000, 1_000_000], 10_000)),
        score_ppm: random.pick(&[500_000, 1_000_000, 3_000_000], 1_000_000),
        bond_ppm: random.pick(&[0, 500_000, 800_000, 1_000_000], 500_000),
        fee_ppm: random.pick(&[0, 500_000, 900_000, 1_000_000], 500_000),
        admission: match random.below(10) {
            0 => Admission::Fee { amount: Amount::new(random.pick(&[1_000, 4_000, 20_000], 4_000)) },
            1 => Admission::Certificate,
            _ => Admission::Work,
        },
        first_grant: Amount::new(random.pick(&[0, 500, 5_000], 500)),
        grant_work_bits: random.pick(&[0, 1, 3, 9], 1),
        standing_threshold: random.pick(&[-500, 0, 100], 0),
    }
}

fn fees(random: &mut Random) -> Fees {
    let mut one = || random.pick(&[0, 0, 1_000, 30_000, 300_000], 0);
    Fees { maker_ppm: one(), taker_ppm: one() }
}

/// What a client does about its own trust, and others'.
pub(crate) fn act(random: &mut Random, key: u8) -> Act {
    let amount = random.between(1, 3_000);
    let (to, deal) = (random.small(0, 7), random.small(0, 5));
    match random.below(100) {
        0..30 => Act::Bond { key, amount },
        30..40 => Act::Unbond { key, amount: random.between(0, 3_000) },
        40..58 => Act::Fee { key, amount },
        58..63 => Act::Claim { key },
        63..68 => {
            Act::Certify { to, lasts_us: random.percent(40).then(|| random.pick(&[0, 10, 100], 10) * SECOND) }
        }
        68..70 => Act::Decertify { to },
        70..76 => Act::Prefer {
            largest: random.percent(50).then(|| random.pick(&[0, 100, 600, 3_000], 600)),
            least: random.percent(20).then(|| random.pick(&[0, 1, 100_000], 0)),
        },
        76..86 => Act::Resolve { key, deal, deliver: random.below(300) },
        86..94 => Act::WriteOff { key, deal },
        _ => Act::Cure { deal },
    }
}

/// What the operator decides about trust.
pub(crate) fn decision(random: &mut Random, client: u8) -> Decision {
    match random.below(20) {
        0..2 => Decision::SetTrust { terms: terms(random) },
        2..4 => Decision::SetRate {
            asset: random.pick(&[0, 0, 1, 2], 0),
            rate: random.percent(80).then(|| random.pick(&RATES, (1, 1))),
        },
        4..9 => Decision::SetSeed { client, seed: random.percent(70) },
        9..11 => Decision::SetRegistrar { client, registrar: random.percent(60) },
        11..14 => Decision::SetFees { market: random.small(0, 2), fees: fees(random) },
        // Whoever has a limit from the operator has none to earn.
        _ => Decision::SetLimit { client, limit: None },
    }
}
