//! Bandwidth served on credit and repaid: what of it counts as honoured.

use crate::accounts::AccountIndex;
use crate::apply::Engine;
use bandex_tradechain::body::{Bandwidth, Payer};
use bandex_types::Amount;

impl Engine {
    /// Counts a bandwidth record that both sides signed, the author's first. A byte given is owed for, at par, until
    /// bytes come back or tokens are paid; whoever so makes its debt smaller has honoured that much.
    pub(crate) fn count_service(&mut self, author: AccountIndex, other: AccountIndex, record: &Bandwidth) {
        if !self.serves_trust() || author == other {
            return;
        }
        let paid = i128::from(record.tokens.get());
        let given = i128::from(record.sent_bytes) - i128::from(record.received_bytes);
        // By how much more the other owes the author than before.
        let more = match record.payer {
            Payer::Author => given + paid,
            Payer::Counterparty => given - paid,
        };
        let ((low, high), more) =
            if author < other { ((author, other), more) } else { ((other, author), -more) };
        let before = self.trust.served.get(&(low, high)).copied().unwrap_or(0);
        let after = before.saturating_add(more);
        match after {
            0 => drop(self.trust.served.remove(&(low, high))),
            _ => drop(self.trust.served.insert((low, high), after)),
        }
        let honoured = |debt: i128, left: i128| {
            let repaid = debt.max(0) - left.clamp(0, debt.max(0));
            self.token_worth(Amount::new(u64::try_from(repaid).unwrap_or(u64::MAX)))
        };
        let (by_high, by_low) =
            (honoured(before, after), honoured(before.saturating_neg(), after.saturating_neg()));
        self.honour(low, high, by_high);
        self.honour(high, low, by_low);
    }
}
