//! What becomes of orders whose key falls silent: which timers run, whom the node calls gone, and that no order outlives
//! either.

use super::Seen;
use bandex_engine::{CancelReason, Event, GuardState, OrderState};
use bandex_tradechain::body::Guard;
use bandex_tradechain::{Body, Command};
use bandex_types::{PublicKey, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What a key asked for.
#[derive(Debug, Clone, Copy)]
struct Kept {
    guard: Guard,
    set: Timestamp,
    due: Option<Timestamp>,
}

/// The guards of all keys, and whose orders this record takes.
#[derive(Debug, Default)]
pub(crate) struct Silence {
    kept: BTreeMap<PublicKey, Kept>,
    fired: BTreeSet<PublicKey>,
    gone: Option<PublicKey>,
}

impl Silence {
    /// Takes in a record, before its orders are looked at.
    pub fn take(&mut self, seen: &Seen<'_>, command: &Command) -> Result<(), String> {
        let fires =
            |(key, kept): (&PublicKey, &mut Kept)| kept.due.take_if(|due| *due <= seen.time).map(|_| *key);
        self.fired = self.kept.iter_mut().filter_map(fires).collect();
        let mut expected: BTreeSet<(PublicKey, Option<Timestamp>)> =
            self.fired.iter().map(|key| (*key, None)).collect();
        self.gone = None;
        if let Command::Disconnected(gone) = command {
            let kept = self.kept.get(&gone.key);
            let grace_us = kept.and_then(|kept| kept.guard.on_disconnect_us);
            let set = kept.map_or(Timestamp::ZERO, |kept| kept.set);
            let over = grace_us.is_some_and(|grace_us| gone.since.max(set).plus(grace_us) <= seen.time);
            if !over || !seen.is_accepted() {
                return Err(format!("{gone:?} is sequenced, its grace is over: {over}: {:?}", seen.result));
            }
            self.gone = Some(gone.key);
        }
        if let Some((block, _)) = seen.block
            && let Body::Guard(guard) = block.body
            && seen.is_accepted()
        {
            let due = (guard.cancel_after_us > 0).then(|| seen.time.plus(guard.cancel_after_us));
            self.kept.insert(block.author, Kept { guard, set: seen.time, due });
            expected.insert((block.author, due));
        }
        self.check_told(seen, &expected)
    }

    /// Each timer that ran down and each new policy is told once.
    fn check_told(
        &self,
        seen: &Seen<'_>,
        expected: &BTreeSet<(PublicKey, Option<Timestamp>)>,
    ) -> Result<(), String> {
        let told = seen.events.iter().filter_map(|event| match event {
            Event::Guard(state) => Some(*state),
            _ => None,
        });
        let told: Vec<GuardState> = told.collect();
        let keys: BTreeSet<_> = told.iter().map(|state| (state.key, state.due)).collect();
        if keys == *expected && told.len() == expected.len() {
            return Ok(());
        }
        Err(format!("guards told are {told:?}, due are {expected:?}"))
    }

    /// Whether an order may end so.
    pub fn ends(&self, order: &OrderState, reason: CancelReason) -> bool {
        match reason {
            CancelReason::Timer => self.fired.contains(&order.order.key),
            CancelReason::Disconnected => self.gone == Some(order.order.key),
            _ => false,
        }
    }

    /// Whether this record takes all orders of a key.
    pub fn takes(&self, key: &PublicKey) -> bool {
        self.fired.contains(key) || self.gone == Some(*key)
    }
}
