//! Declaring blocks invalid, and taking it back.
//!
//! The kernel's interface has no such call. So the kernel is started afresh and given every block but those declared
//! invalid and their descendants, in the order they first came: it then judges what remains, and picks the chain of
//! most work and of equal ones the first seen, as Core does after invalidateblock and reconsiderblock.

use super::{Chain, Change, Error};
use crate::kernel::Kernel;
use bitcoin::BlockHash;
use std::sync::Arc;

impl Chain {
    /// Declares a known block invalid, and with it all its descendants.
    ///
    /// # Errors
    /// The kernel or the folder fails.
    pub fn invalidate(&mut self, hash: BlockHash) -> Result<Change, Error> {
        self.declared.invalid.insert(hash);
        self.rebuild()
    }

    /// Takes back what was declared of a known block, its ancestors and its descendants.
    ///
    /// # Errors
    /// The kernel or the folder fails.
    pub fn reconsider(&mut self, hash: BlockHash) -> Result<Change, Error> {
        let mut related = self.family(hash);
        let mut at = self.records.get(&hash);
        while let Some(record) = at {
            related.insert(record.hash);
            at = self.records.get(&record.block.header.prev_blockhash);
        }
        self.declared.invalid.retain(|hash| !related.contains(hash));
        self.rebuild()
    }

    fn rebuild(&mut self) -> Result<Change, Error> {
        self.store.declare(&self.declared)?;
        self.kernel = Kernel::open(self.network, &self.store.kernel_folder()?)?;
        self.feed()?;
        self.follow()
    }

    /// Hands every block not declared invalid to a kernel that has none.
    pub(super) fn feed(&mut self) -> Result<(), Error> {
        for hash in self.order.clone() {
            let Some(record) = self.records.get(&hash) else { continue };
            if self.is_declared_invalid(hash) {
                continue;
            }
            let block = Arc::clone(&record.block);
            let processed = self.kernel.process(&block)?;
            self.note(&processed.judged);
        }
        Ok(())
    }
}
