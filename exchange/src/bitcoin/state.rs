//! How it stands with the Bitcoin node, as `/readyz` and the API tell it.

use crate::clock;
use bandex_rails::Health;
use bandex_types::Timestamp;
use std::fmt;

/// How it stands with the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NodeHealth {
    /// The exchange has none.
    None,
    /// The operator has not decided which chain is followed.
    NotSet,
    /// It is followed.
    Followed(Health),
}

impl NodeHealth {
    /// One word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NotSet => "not_set",
            Self::Followed(health) => health.name(),
        }
    }
}

impl fmt::Display for NodeHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("the exchange has no Bitcoin node"),
            Self::NotSet => f.write_str("the operator has not decided which Bitcoin chain is followed"),
            Self::Followed(health) => health.fmt(f),
        }
    }
}

/// The same, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeState {
    pub health: NodeHealth,
    /// When its name last changed.
    pub since: Timestamp,
}

impl NodeState {
    /// What holds from now on.
    pub fn now(health: NodeHealth) -> Self {
        Self { health, since: clock::now() }
    }

    /// Takes in how it stands now. Gives whether anything changed.
    pub fn change(&mut self, health: NodeHealth) -> bool {
        if self.health == health {
            return false;
        }
        if self.health.name() != health.name() {
            self.since = clock::now();
        }
        self.health = health;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_lasts_while_its_details_change() {
        let mut state = NodeState { health: NodeHealth::NotSet, since: Timestamp::from_micros(5) };
        let behind = |blocks| NodeHealth::Followed(Health::Behind { blocks });
        assert!(!state.change(NodeHealth::NotSet));
        assert_eq!(state.since.as_micros(), 5);
        assert!(state.change(behind(2)));
        assert!(state.since.as_micros() > 5);
        state.since = Timestamp::from_micros(7);
        assert!(state.change(behind(1)), "it is news that fewer blocks are missing");
        assert_eq!((state.since.as_micros(), state.health.name()), (7, "behind"));
    }
}
