//! Forks: what a proof does to the key and the account.

use crate::Refusal;
use crate::accounts::Role;
use crate::apply::Engine;
use crate::effects::Effects;
use crate::outcome::{Event, ForkNotice, FreezeReason, KeyStatus};
use bandex_tradechain::{Block, ForkProof};

impl Engine {
    /// Takes in a fork proof. The signatures are the verifier's and the audit's business; here the first block must
    /// be the one that was sequenced, and the second another one for the same place.
    pub(crate) fn fork(&mut self, proof: &ForkProof, effects: &mut Effects) -> Result<(), Refusal> {
        let read = |payload: &[u8]| Block::decode(payload).map_err(|_| Refusal::NoFork);
        let (first, second) = (read(&proof.first.payload)?, read(&proof.second.payload)?);
        let key = first.author;
        if second.author != key || second.seq != first.seq || proof.first.id() == proof.second.id() {
            return Err(Refusal::NoFork);
        }
        let lane = self.accounts.lane(&key).ok_or(Refusal::UnknownKey)?;
        if lane.block(first.seq).is_none_or(|(id, _)| id != proof.first.id()) {
            return Err(Refusal::NoFork);
        }
        // From here the proof stands.
        let (account, ended) = (lane.account, lane.has_ended(self.time));
        let reason = match lane.role {
            Role::Root => Some(FreezeReason::RootFork(key)),
            Role::Session(_) => Some(FreezeReason::SessionFork(key)),
            Role::Operator => None,
        };
        let notice =
            ForkNotice::new(self.accounts.get(account).id, key, first.seq, &proof.first, &proof.second);
        effects.push(Event::Fork(notice));
        let record = self.seq;
        if let Some(lane) = self.accounts.lane_mut(&key) {
            lane.fork.get_or_insert(record);
        }
        // One that surfaces after the key has ended is evidence only: whoever holds an old key must not be able to
        // freeze the account.
        if !ended {
            self.end_key(key, KeyStatus::Forked, effects);
            if let Some(reason) = reason {
                self.freeze(account, reason, effects);
            }
        }
        Ok(())
    }
}
