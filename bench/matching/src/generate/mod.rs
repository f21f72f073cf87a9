//! Workloads made from a kind and a seed: always the same commands for the same kind, number and seed.
//!
//! `usual` makes the kinds that are known elsewhere too, with results to compare; `hard` makes what is unkind to a book.

mod flow;
mod hard;
mod random;
mod usual;

use crate::Tally;
use crate::workload::Workload;
use clap::ValueEnum;
use flow::Flow;
pub use random::Random;

/// The kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// About a thousand orders rest within some tens of ticks.
    N1k,
    /// About ten thousand.
    N10k,
    /// About a million, within thousands of ticks.
    N1m,
    /// The middle price travels over twenty thousand ticks.
    Swing,
    /// Orders are reduced in place instead of moved.
    Amend,
    /// Five hundred symbols, of which few are busy.
    Symbols,
    /// The price falls through thousands of ticks within some tens of commands and comes back, again and again.
    Crash,
    /// Some orders rest up to 2^40 ticks away, and now and then one side is swept down to them.
    Far,
    /// Nearly every order has a price of its own, within 2^32 ticks.
    Scattered,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::N1k,
        Self::N10k,
        Self::N1m,
        Self::Swing,
        Self::Amend,
        Self::Symbols,
        Self::Crash,
        Self::Far,
        Self::Scattered,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::N1k => "n1k",
            Self::N10k => "n10k",
            Self::N1m => "n1m",
            Self::Swing => "swing",
            Self::Amend => "amend",
            Self::Symbols => "symbols",
            Self::Crash => "crash",
            Self::Far => "far",
            Self::Scattered => "scattered",
        }
    }

    /// About how many orders rest.
    pub const fn resting(self) -> usize {
        match self {
            Self::N1k => 1_000,
            Self::Swing => 5_000,
            Self::N10k | Self::Amend => 10_000,
            Self::Crash | Self::Far | Self::Scattered => 20_000,
            Self::Symbols => 50_000,
            Self::N1m => 1_000_000,
        }
    }
}

/// Makes a workload of `commands` commands behind those that fill the book, and says what comes of all of them.
pub fn generate(kind: Kind, commands: usize, seed: u64) -> (Workload, Tally) {
    generate_with(kind, kind.resting(), commands, seed)
}

/// As [`generate`], with about `resting` orders on the book.
pub fn generate_with(kind: Kind, resting: usize, commands: usize, seed: u64) -> (Workload, Tally) {
    let mut flow = Flow::new(kind, resting, commands, seed);
    match kind {
        Kind::N1k => usual::fill(&mut flow, usual::Shape { spread: 20.0, swings: false, reduces: false }),
        Kind::N10k => usual::fill(&mut flow, usual::Shape { spread: 50.0, swings: false, reduces: false }),
        Kind::N1m => usual::fill(&mut flow, usual::Shape { spread: 1000.0, swings: false, reduces: false }),
        Kind::Swing => usual::fill(&mut flow, usual::Shape { spread: 200.0, swings: true, reduces: false }),
        Kind::Amend => usual::fill(&mut flow, usual::Shape { spread: 50.0, swings: false, reduces: true }),
        Kind::Symbols => hard::symbols(&mut flow),
        Kind::Crash => hard::crash(&mut flow),
        Kind::Far => hard::far(&mut flow),
        Kind::Scattered => hard::scattered(&mut flow),
    }
    flow.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_as_on_the_command_line() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_possible_value().expect("none is hidden").get_name(), kind.name());
        }
        assert_eq!(Kind::ALL.len(), Kind::value_variants().len());
    }

    /// What the first five kinds come to elsewhere, made by another program: resting, trades, quantity, hash, refusals.
    #[test]
    fn the_usual_kinds_are_the_same_as_elsewhere() {
        let check = |kind: Kind, seed: u64, resting: u64, tally: Tally| {
            let (workload, found) = generate(kind, 20_000, seed);
            assert_eq!((workload.resting, found), (resting, tally), "{kind:?} from seed {seed}");
            assert_eq!((workload.commands.len(), workload.warm), (20_000 + kind.resting(), kind.resting()));
        };
        let tally = |trades, quantity, hash, refusals| Tally { trades, quantity, hash, refusals };
        check(Kind::N1k, 42, 960, tally(4_421, 161_885, 0x459c_e7b6_b43f_3c0b, 60));
        check(Kind::N1k, 7, 944, tally(4_381, 155_235, 0x438f_9da8_dc24_d95e, 53));
        check(Kind::N10k, 42, 9_567, tally(4_844, 174_186, 0x82be_2c44_3610_5a51, 30));
        check(Kind::N10k, 7, 9_687, tally(5_289, 177_802, 0x499f_7de3_283c_416d, 25));
        check(Kind::N1m, 42, 981_756, tally(20_526, 571_345, 0x9305_dfe0_f59c_4c63, 3));
        check(Kind::Swing, 42, 4_711, tally(3_600, 128_558, 0xafd7_c3f2_399b_b332, 25));
        check(Kind::Swing, 7, 4_786, tally(3_737, 134_892, 0x36b6_8354_8efb_44d5, 50));
        check(Kind::Amend, 42, 9_591, tally(5_063, 180_270, 0x1dd1_edf0_5989_544c, 27));
        check(Kind::Amend, 7, 9_721, tally(4_905, 166_952, 0xb874_f332_24d8_61c5, 26));
    }

    #[test]
    fn a_seed_always_gives_the_same_and_another_seed_something_else() {
        for kind in Kind::ALL {
            let [first, again, other] = [1, 1, 2].map(|seed| generate_with(kind, 500, 2_000, seed));
            assert_eq!(first, again, "{kind:?}");
            assert_ne!(first.1.hash, other.1.hash, "{kind:?}");
            assert!(first.1.trades > 50, "{kind:?}: {:?}", first.1);
        }
    }
}
