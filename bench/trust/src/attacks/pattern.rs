//! The shapes in which attackers connect their Sybils.

use super::Group;
use bandex_reputation::Honoured;
use serde::Serialize;

/// How attackers and Sybils are tied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// The attacker trusts each Sybil and each trusts it back.
    Cycle,
    /// The attacker trusts the first, the first the second, and so on.
    Serial,
    /// The attacker trusts each Sybil.
    Parallel,
    /// Two layers: the attacker trusts a few, each of those many, and those each other: no Sybil's last step is the same.
    Layered,
    /// A ring of Sybils beside the star, back and forth, with values a thousand times larger: much trade with oneself.
    WashTrading,
    /// The attacker defaults, and its successors hope to inherit what it had.
    Whitewashing,
    /// The attacker earns trust for long, hands it to its Sybils, and all of them take what they can at once.
    BustOut,
    /// Two attackers trust the same Sybils.
    Shared,
    /// Four attackers trust the same Sybils: more than the damping looks for.
    SharedByFour,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Cycle,
        Self::Serial,
        Self::Parallel,
        Self::Layered,
        Self::WashTrading,
        Self::Whitewashing,
        Self::BustOut,
        Self::Shared,
        Self::SharedByFour,
    ];

    /// What it is called in tables and plots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::Serial => "serial",
            Self::Parallel => "parallel",
            Self::Layered => "layered",
            Self::WashTrading => "wash trading",
            Self::Whitewashing => "whitewashing",
            Self::BustOut => "bust-out",
            Self::Shared => "two attackers",
            Self::SharedByFour => "four attackers",
        }
    }

    /// How many attackers act together.
    pub const fn attackers(self) -> usize {
        match self {
            Self::Shared => 2,
            Self::SharedByFour => 4,
            _ => 1,
        }
    }

    /// Whether attacker or Sybils have defaulted by the time they are scored.
    pub const fn has_fallen(self) -> bool {
        matches!(self, Self::Whitewashing | Self::BustOut)
    }

    /// Who has defaulted by then.
    pub fn fallen(self, group: &Group) -> Vec<u32> {
        match self {
            Self::Whitewashing => group.attackers.clone(),
            Self::BustOut => group.attackers.iter().copied().chain(group.sybils.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// What attackers and Sybils claim to have honoured towards each other. `much` is far more than all that the attackers
    /// have honestly let others owe, in millisatoshi, so that nearly every walk that passes an attacker goes on to a Sybil.
    pub fn edges(self, group: &Group, much: u64) -> Vec<Honoured> {
        let sybils: Vec<u32> = group.sybils.clone().collect();
        let edge = |from: u32, to: u32, value: u64| Honoured { from, to, value };
        let star = |value: u64| {
            let pairs = group.attackers.iter().flat_map(|from| sybils.iter().map(move |to| (*from, *to)));
            pairs.map(move |(from, to)| edge(from, to, value))
        };
        let chain = |value: u64| sybils.windows(2).map(move |pair| edge(pair[0], pair[1], value));
        let back = |value: u64| sybils.iter().map(move |from| edge(*from, group.attackers[0], value));
        match self {
            Self::Parallel | Self::Whitewashing | Self::BustOut | Self::Shared | Self::SharedByFour => {
                star(much).collect()
            }
            Self::Cycle => star(much).chain(back(much)).collect(),
            Self::Serial => {
                let first = sybils.iter().take(1).map(|to| edge(group.attackers[0], *to, much));
                first.chain(chain(much)).collect()
            }
            Self::WashTrading => {
                let much = much.saturating_mul(1_000);
                let around = chain(much).flat_map(|one| [one, edge(one.to, one.from, one.value)]);
                star(much).chain(back(much)).chain(around).collect()
            }
            Self::Layered => layered(group.attackers[0], &sybils, much),
        }
    }
}

/// The attacker trusts the root of so many Sybils; each of these up to a dozen of the others, who trust each other in pairs.
fn layered(attacker: u32, sybils: &[u32], much: u64) -> Vec<Honoured> {
    const FAN: usize = 12;
    let (first, second) = sybils.split_at(sybils.len().isqrt());
    let edge = |from: u32, to: u32| Honoured { from, to, value: much };
    let mut edges: Vec<Honoured> = first.iter().map(|to| edge(attacker, *to)).collect();
    for (at, to) in second.iter().enumerate() {
        edges.extend((0..FAN.min(first.len())).map(|step| edge(first[(at + step) % first.len()], *to)));
    }
    for pair in second.windows(2) {
        edges.extend([edge(pair[0], pair[1]), edge(pair[1], pair[0])]);
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn patterns_tie_all_sybils_to_their_attackers_and_nobody_else() {
        for pattern in Pattern::ALL {
            for count in [1, 10, 50] {
                let attackers: Vec<u32> = (5..).take(pattern.attackers()).collect();
                let group = Group { attackers, sybils: 100..100 + count };
                let edges = pattern.edges(&group, 7);
                let known = |at: &u32| group.attackers.contains(at) || group.sybils.contains(at);
                assert!(
                    edges.iter().all(|one| known(&one.from) && known(&one.to) && one.from != one.to),
                    "{pattern:?}"
                );
                let mut reached: BTreeSet<u32> = group.attackers.iter().copied().collect();
                for _ in 0..count {
                    let next: Vec<u32> =
                        edges.iter().filter(|one| reached.contains(&one.from)).map(|one| one.to).collect();
                    reached.extend(next);
                }
                assert!(group.sybils.clone().all(|sybil| reached.contains(&sybil)), "{pattern:?} {count}");
            }
        }
    }
}
