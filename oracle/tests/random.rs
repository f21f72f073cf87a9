//! The short form of the comparison: 200,000 commands from fixed seeds, and everything must have happened.

use bandex_oracle::search;

#[test]
fn the_book_does_what_the_naive_book_does() {
    let mut coverage = std::collections::BTreeMap::new();
    for seed in 1..=4 {
        match search(seed, 50_000, |_| ()) {
            Ok(seen) => {
                for (what, times) in seen {
                    *coverage.entry(what).or_insert(0) += times;
                }
            }
            Err(finding) => panic!("seed {seed}: {}\n{:#?}", finding.difference.0, finding.commands),
        }
    }
    let wanted = [
        "zero quantity",
        "bad display",
        "bad minimum",
        "would trade",
        "fok unfilled",
        "minimum unfilled",
        "not in auction",
        "fok filled",
        "filled",
        "entered",
        "resting in parts",
        "resting",
        "unfilled",
        "would cross",
        "self trade",
        "outside band",
        "not admitted",
        "refused in the middle",
        "decremented",
        "minimum filled",
        "reduce",
        "cancel",
        "cancel gone",
        "woken",
        "auction trade",
        "auction removal",
        "restore",
        "replace",
        "replace not admitted",
    ];
    for what in wanted {
        assert!(coverage.get(what).is_some_and(|times| *times >= 20), "{what} is too rare: {coverage:#?}");
    }
}
