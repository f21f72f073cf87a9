//! One hash over the whole state, to compare a replay with the live engine.

use crate::apply::Engine;
use bandex_types::{Hash, Side};
use borsh::BorshSerialize;
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// Hashes what is written to it.
struct Hasher(Sha256);

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Engine {
    /// A digest of everything the next outcomes depend on. Walks all of it: meant for checks, not for each command.
    pub fn digest(&self) -> Hash {
        let mut hasher = Hasher(Sha256::new());
        let written = self.write_state(&mut hasher);
        assert!(written.is_ok(), "a hasher takes everything");
        Hash::new(hasher.0.finalize().into())
    }

    fn write_state(&self, out: &mut Hasher) -> io::Result<()> {
        (self.seq, self.time, self.rules, &self.genesis, &self.parameters).serialize(out)?;
        (&self.accounts, &self.ledger, &self.assets, self.next_order).serialize(out)?;
        (&self.deals, &self.proposals, &self.timers).serialize(out)?;
        for market in self.markets.values() {
            (&market.listing, market.state, market.trades).serialize(out)?;
            for side in [Side::Buy, Side::Sell] {
                for resting in market.book.orders(side) {
                    (resting.id.get(), self.orders.get(resting.id)).serialize(out)?;
                }
            }
        }
        Ok(())
    }
}
