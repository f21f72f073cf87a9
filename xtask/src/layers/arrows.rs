//! The arrows between crates: who may use whom. This table is the architecture; change it knowingly.

use super::workspace::{Crate, Kind};

/// What a crate may use of the workspace, in itself and in its build script.
enum May {
    Use(&'static [&'static str]),
    /// It sits on top of everything.
    UseAll,
}

use May::{Use as Uses, UseAll};

/// The crates whose result must be the same on every machine and at every replay.
pub const PURE: [&str; 9] =
    ["types", "tradechain", "matching", "reputation", "settlement", "spv", "channel", "engine", "sequencer"];

/// Each crate of the workspace, also those still to come, from the bottom to the top.
const ARROWS: [(&str, May); 29] = [
    ("types", Uses(&[])),
    ("tradechain", Uses(&["types"])),
    ("matching", Uses(&["types"])),
    ("reputation", Uses(&["types"])),
    ("settlement", Uses(&["types"])),
    // Headers, proofs and scripts of Bitcoin, as far as they can be checked without a node.
    ("spv", Uses(&["types"])),
    ("channel", Uses(&["types"])),
    ("engine", Uses(&["types", "tradechain", "matching", "reputation", "settlement", "spv", "channel"])),
    ("sequencer", Uses(&["engine", "tradechain", "types"])),
    ("journal", Uses(&["engine", "tradechain", "types"])),
    ("rails", Uses(&["spv", "channel", "types"])),
    ("api", Uses(&["types"])),
    (
        "exchange",
        Uses(&[
            "api",
            "journal",
            "rails",
            "sequencer",
            "engine",
            "types",
            "tradechain",
            "matching",
            "reputation",
            "settlement",
            "spv",
            "channel",
        ]),
    ),
    // Coins of one trader: keys, journal of payments. The exchange never holds any.
    ("wallet", Uses(&["rails", "spv", "types"])),
    ("sdk", Uses(&["api", "tradechain", "types"])),
    // The core of the Python package, over all of which the SDK stands.
    ("python", Uses(&["sdk"])),
    (
        "agent",
        Uses(&["sdk", "settlement", "spv", "channel", "rails", "wallet", "api", "tradechain", "types"]),
    ),
    (
        "simulator",
        Uses(&[
            "sequencer",
            "engine",
            "settlement",
            "spv",
            "channel",
            "journal",
            "types",
            "tradechain",
            "matching",
            "reputation",
        ]),
    ),
    // The book against the naive one, for tests and fuzzers.
    ("oracle", Uses(&["matching", "types"])),
    // Recorded order flow, for the programs that replay it.
    ("flow", Uses(&["tradechain", "types"])),
    ("cli", UseAll),
    ("tests", UseAll),
    // It drives the finished server from outside, as the tests do.
    ("bench", UseAll),
    // The book alone: it must build in seconds too.
    ("bench-matching", Uses(&["matching", "types"])),
    ("bench-engine", Uses(&["bench-matching", "engine", "tradechain", "types"])),
    // Attacks on scores and limits, cheats in recorded flow. It borrows clock and generator from the other.
    (
        "bench-trust",
        Uses(&["bench-matching", "engine", "flow", "reputation", "settlement", "tradechain", "types"]),
    ),
    // A database server for tests, with the standard library only.
    ("cluster", Uses(&[])),
    // A Bitcoin node for tests and the demo, started and ended.
    ("regtest", Uses(&[])),
    // It must build in seconds, also while everything else is broken.
    ("xtask", Uses(&["cluster"])),
];

/// The crates that no pure crate may use even in its tests: they would turn the arrow round.
const NOT_IN_PURE_TESTS: [&str; 2] = ["cli", "exchange"];

/// Holds every direct use of one workspace crate by another against the table.
pub fn check(crates: &[Crate]) -> Vec<String> {
    crates.iter().flat_map(check_crate).collect()
}

fn check_crate(user: &Crate) -> Vec<String> {
    let name = &user.name;
    let Some((_, may)) = ARROWS.iter().find(|(row, _)| row == name) else {
        return vec![format!("{name}: has no row in the table of arrows; say there what it may use")];
    };
    let ours = user.uses.iter().filter(|used| used.ours && used.name != *name);
    let crossing = ours.filter_map(|used| {
        let target = used.name.as_str();
        match (used.kind, may) {
            (Kind::Dev, _) if PURE.contains(&name.as_str()) && NOT_IN_PURE_TESTS.contains(&target) => {
                Some(format!("{name}: is pure, so not even its tests may use {target}"))
            }
            (Kind::Dev, _) | (Kind::Shipped, UseAll) => None,
            (Kind::Shipped, Uses(allowed)) if allowed.contains(&target) => None,
            (Kind::Shipped, Uses([])) => {
                Some(format!("{name}: may use no crate of the workspace, but uses {target}"))
            }
            (Kind::Shipped, Uses(allowed)) => {
                Some(format!("{name}: may not use {target}, only {}", allowed.join(", ")))
            }
        }
    });
    crossing.collect()
}

#[cfg(test)]
mod tests {
    use super::super::workspace::Use;
    use super::*;

    /// Checks a crate that uses one other, and compares with what must be found, if anything.
    fn check_use(user: &str, kind: Kind, used: &str, finding: Option<&str>) {
        let uses = vec![Use { name: used.to_owned(), ours: true, kind }];
        let found = check(&[Crate { name: user.to_owned(), uses }]);
        assert_eq!(found.first().map(String::as_str), finding, "{user} uses {used}");
    }

    #[test]
    fn arrows_hold() {
        use Kind::{Dev, Shipped};
        check_use("matching", Shipped, "types", None);
        check_use("engine", Shipped, "settlement", None);
        check_use("cli", Shipped, "simulator", None);
        check_use(
            "exchange",
            Shipped,
            "sdk",
            Some(
                "exchange: may not use sdk, only api, journal, rails, sequencer, engine, types, tradechain, matching, reputation, \
             settlement, spv, channel",
            ),
        );
        check_use("matching", Shipped, "settlement", Some("matching: may not use settlement, only types"));
        check_use(
            "types",
            Shipped,
            "tradechain",
            Some("types: may use no crate of the workspace, but uses tradechain"),
        );
        check_use("xtask", Shipped, "types", Some("xtask: may not use types, only cluster"));
        check_use("matching", Dev, "settlement", None);
        check_use(
            "matching",
            Dev,
            "exchange",
            Some("matching: is pure, so not even its tests may use exchange"),
        );
        check_use("sdk", Dev, "exchange", None);
        check_use(
            "surprise",
            Shipped,
            "types",
            Some("surprise: has no row in the table of arrows; say there what it may use"),
        );
    }

    #[test]
    fn crates_of_others_are_no_arrows() {
        let uses = vec![Use { name: "exchange".to_owned(), ours: false, kind: Kind::Shipped }];
        assert!(check(&[Crate { name: "types".to_owned(), uses }]).is_empty());
    }

    #[test]
    fn the_table_has_no_cycle_and_names_only_its_own_rows() {
        for (index, (name, may)) in ARROWS.iter().enumerate() {
            let Uses(allowed) = may else { continue };
            for target in *allowed {
                let below = ARROWS.iter().position(|(row, _)| row == target).expect("a row");
                assert!(below < index, "{name} may use {target}, which stands above it");
            }
        }
    }
}
