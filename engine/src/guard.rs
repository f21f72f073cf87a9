//! What becomes of a key's orders when its program falls silent: the timer that a key winds up by signing, and the word of
//! the node that its last connection has ended.
//!
//! The timer is sequenced time and nothing else: it runs whether the node is up or not, and every replay sees it fire. The
//! node's word cannot be proven, so it counts only for a key that asked for it, and not before the grace that it named.

use crate::Refusal;
use crate::accounts::LaneIndex;
use crate::apply::{Engine, Signer};
use crate::effects::Effects;
use crate::outcome::{CancelReason, Event, GuardState};
use crate::refusal::check_serves;
use crate::timers::Timer;
use bandex_tradechain::Disconnected;
use bandex_tradechain::body::Guard;
use bandex_types::{PublicKey, Timestamp};
use borsh::{BorshDeserialize, BorshSerialize};

/// What a key asked for, and where its timer stands.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(crate) struct LaneGuard {
    pub guard: Guard,
    /// When it was sequenced.
    pub set: Timestamp,
    /// When the key's orders go, if its timer runs.
    pub due: Option<Timestamp>,
}

impl Engine {
    /// Whether keys may guard their orders.
    pub(crate) const fn serves_guards(&self) -> bool {
        self.rules >= 5
    }

    /// Sets what becomes of the signing key's orders, in place of what was set before, and winds up its timer.
    pub(crate) fn guard(
        &mut self,
        signer: Signer<'_>,
        guard: Guard,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        check_serves(self.serves_guards(), "guard")?;
        // From here the new policy holds.
        let set = self.time;
        let due = (guard.cancel_after_us > 0).then(|| set.plus(guard.cancel_after_us));
        let new = (guard != Guard::OFF).then_some(LaneGuard { guard, set, due });
        let lane = self.accounts.lane_at_mut(signer.lane);
        let old = std::mem::replace(&mut lane.guard, new);
        if let Some(at) = old.and_then(|old| old.due) {
            self.timers.clear(at, Timer::Guard(signer.lane));
        }
        if let Some(at) = due {
            self.timers.set(at, Timer::Guard(signer.lane));
        }
        self.tell_guard(signer.lane, effects);
        Ok(())
    }

    /// The timer of a key has run down: its orders go. The policy stays, and the next `guard` block winds it up again.
    pub(crate) fn guard_is_due(&mut self, index: LaneIndex, effects: &mut Effects) {
        if let Some(guard) = &mut self.accounts.lane_at_mut(index).guard {
            guard.due = None;
        }
        self.tell_guard(index, effects);
        self.cancel_of_key(index, CancelReason::Timer, effects);
    }

    /// Takes the node's word that the last connection of a key has ended.
    pub(crate) fn disconnected(
        &mut self,
        disconnected: &Disconnected,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let index = self.find_gone(disconnected, self.time)?;
        // From here the key's orders go.
        self.cancel_of_key(index, CancelReason::Disconnected, effects);
        Ok(())
    }

    /// Whether the node's word that a key is gone would count at `now`, if nothing came in between.
    ///
    /// # Errors
    /// The refusal that it would meet.
    pub fn check_disconnected(&self, disconnected: &Disconnected, now: Timestamp) -> Result<(), Refusal> {
        self.find_gone(disconnected, self.time.max(now)).map(drop)
    }

    fn find_gone(&self, disconnected: &Disconnected, now: Timestamp) -> Result<LaneIndex, Refusal> {
        check_serves(self.serves_guards(), "disconnected")?;
        let index = self.accounts.find_lane(&disconnected.key).ok_or(Refusal::UnknownKey)?;
        let policy = self.accounts.lane_at(index).guard;
        let due =
            policy.and_then(|policy| policy.grace_ends(disconnected.since)).ok_or(Refusal::NotGuarded)?;
        if now < due { Err(Refusal::GraceRuns { due }) } else { Ok(index) }
    }

    /// Cancels all open orders that a key placed, whatever their markets do, oldest first.
    fn cancel_of_key(&mut self, index: LaneIndex, reason: CancelReason, effects: &mut Effects) {
        let lane = self.accounts.lane_at(index);
        let (key, account) = (lane.key, lane.account);
        self.cancel_where(account, reason, effects, |order| order.order.key == key);
    }

    fn tell_guard(&self, index: LaneIndex, effects: &mut Effects) {
        effects.push(Event::Guard(self.guard_state(index)));
    }

    fn guard_state(&self, index: LaneIndex) -> GuardState {
        let lane = self.accounts.lane_at(index);
        let guard = lane.guard.map_or(Guard::OFF, |policy| policy.guard);
        GuardState {
            key: lane.key,
            account: self.accounts.get(lane.account).id,
            cancel_after_us: guard.cancel_after_us,
            on_disconnect_us: guard.on_disconnect_us,
            due: lane.guard.and_then(|policy| policy.due),
        }
    }

    /// What becomes of a key's orders when its program falls silent; `None` if the key has said nothing of it.
    pub fn guard_of(&self, key: &PublicKey) -> Option<GuardState> {
        let index = self.accounts.find_lane(key)?;
        self.accounts.lane_at(index).guard.map(|_| self.guard_state(index))
    }

    /// The same of all keys that have said something, by key.
    pub fn guards(&self) -> impl Iterator<Item = GuardState> {
        let guarded = self.accounts.lanes().filter(|(_, lane)| lane.guard.is_some());
        guarded.filter_map(|(key, _)| self.guard_of(key))
    }
}

impl LaneGuard {
    /// From when on the node may say that the key's connections have ended; `None` if it may not. A connection that ended
    /// before the policy was set counts as ended then: nobody loses orders to a moment that the policy did not see.
    fn grace_ends(&self, since: Timestamp) -> Option<Timestamp> {
        self.guard.on_disconnect_us.map(|grace_us| since.max(self.set).plus(grace_us))
    }
}
