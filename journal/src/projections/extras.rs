//! What netting, bonds and fees did to a deal beyond what its own state says: folded over its events.

use bandex_engine::{Event, Netted};
use bandex_types::{Amount, DealId};
use borsh::{BorshDeserialize, BorshSerialize};

/// What netting, bonds and fees did to a deal, beyond what its own state says.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DealExtras {
    /// The deal that it was netted with.
    pub netted_with: Option<DealId>,
    /// The deal that goes on instead of the two; none if nothing was left of them.
    pub replaced_by: Option<DealId>,
    /// How many tokens of the defaulter's bond the victim was paid, in bytes.
    pub slashed: Amount,
    /// What was taken out of what was delivered as the maker's fee, in bytes.
    pub maker_fee: Amount,
    /// The same as the taker's.
    pub taker_fee: Amount,
}

fn sum(one: Amount, other: Amount) -> Amount {
    one.checked_add(other).unwrap_or(Amount::MAX)
}

impl DealExtras {
    /// What an event adds, deal by deal; nothing for most events.
    pub fn of(event: &Event) -> Vec<(DealId, Self)> {
        match event {
            Event::Netted(netted) => Self::of_netting(netted),
            Event::Slash(slash) => vec![(slash.deal, Self { slashed: slash.tokens, ..Self::default() })],
            Event::DealFees { deal, maker, taker } => {
                vec![(*deal, Self { maker_fee: *maker, taker_fee: *taker, ..Self::default() })]
            }
            _ => Vec::new(),
        }
    }

    fn of_netting(netted: &Netted) -> Vec<(DealId, Self)> {
        let [older, newer] = netted.replaced;
        let ended = |deal, with| {
            (deal, Self { netted_with: Some(with), replaced_by: netted.deal, ..Self::default() })
        };
        vec![ended(older, newer), ended(newer, older)]
    }

    /// With what came later.
    #[must_use]
    pub fn then(self, later: &Self) -> Self {
        Self {
            netted_with: later.netted_with.or(self.netted_with),
            replaced_by: later.replaced_by.or(self.replaced_by),
            slashed: sum(self.slashed, later.slashed),
            maker_fee: sum(self.maker_fee, later.maker_fee),
            taker_fee: sum(self.taker_fee, later.taker_fee),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_and_names_stay() {
        let [first, second, third] = [1, 2, 3].map(|byte| DealId::new([byte; 32]));
        let netted = |deal| {
            Event::Netted(Netted { deal, replaced: [first, second], base: Amount::ZERO, quote: Amount::ZERO })
        };
        let fees = |deal, maker, taker| Event::DealFees {
            deal,
            maker: Amount::new(maker),
            taker: Amount::new(taker),
        };
        let events = [fees(first, 1, 2), fees(first, 3, 5), netted(Some(third))];
        let folded = |deal| {
            events
                .iter()
                .flat_map(DealExtras::of)
                .filter(|(of, _)| *of == deal)
                .fold(DealExtras::default(), |sum, (_, extras)| sum.then(&extras))
        };
        let (maker_fee, taker_fee) = (Amount::new(4), Amount::new(7));
        let ended =
            DealExtras { netted_with: Some(second), replaced_by: Some(third), ..DealExtras::default() };
        assert_eq!(folded(first), DealExtras { maker_fee, taker_fee, ..ended.clone() });
        assert_eq!(folded(second), DealExtras { netted_with: Some(first), ..ended });
        assert!(events.iter().flat_map(DealExtras::of).all(|(of, _)| of != third), "its own state says it");
    }
}
