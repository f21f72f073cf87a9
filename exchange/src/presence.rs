//! Who is connected, and what becomes of the orders of those who asked that they go when they are not.
//!
//! A connection on which a key has logged in is that key's presence. When the last one ends, the grace of the key's guard
//! runs; when it is over, the writer is asked to sequence that the key is gone. A key whose connections ended before the
//! server began counts as gone since then. What nobody connected has said once is not said again, until the key comes
//! back or guards its orders anew. The timers of guards are none of this: they are the engine's own.

use crate::clock;
use crate::exchange::{Switch, stopped};
use crate::writer::{Answer, Input};
use bandex_engine::{Engine, Event};
use bandex_sequencer::Applied;
use bandex_tradechain::Disconnected;
use bandex_types::{PublicKey, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::sleep;

/// How long to wait before saying again what the engine did not take: its time may be a little behind this clock.
const AGAIN: Duration = Duration::from_millis(200);
/// Of how many keys the writer is told at a time, so that its queue has room for blocks.
const TOLD_AT_ONCE: usize = 256;

/// Who is connected.
pub(crate) struct Presence {
    /// When the server began.
    began: Timestamp,
    keys: Mutex<Keys>,
    /// Something may be due sooner than before.
    changed: Notify,
}

#[derive(Default)]
struct Keys {
    /// How many connections a key has; only those with one are here.
    present: BTreeMap<PublicKey, u32>,
    /// The keys that ask for it.
    guarded: BTreeMap<PublicKey, Guarded>,
}

/// A key that asks that its orders go when it is gone.
struct Guarded {
    grace_us: u64,
    /// Its grace does not begin before this: when it asked, or when its last connection ended if that was later.
    since: Timestamp,
    /// The engine was told.
    told: bool,
}

/// A connection of a key, for as long as it is held.
pub(crate) struct Present {
    presence: Arc<Presence>,
    key: PublicKey,
}

impl Presence {
    /// Nobody is connected yet.
    pub fn of(engine: &Engine) -> Arc<Self> {
        let began = clock::now();
        let asks = engine.guards().filter_map(|guard| Some((guard.key, guard.on_disconnect_us?)));
        let guarded = asks.map(|(key, grace_us)| (key, Guarded { grace_us, since: began, told: false }));
        let keys = Keys { present: BTreeMap::new(), guarded: guarded.collect() };
        Arc::new(Self { began, keys: Mutex::new(keys), changed: Notify::new() })
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection on which `key` has logged in.
    pub fn arrive(self: &Arc<Self>, key: PublicKey) -> Present {
        *self.keys().present.entry(key).or_default() += 1;
        Present { presence: Arc::clone(self), key }
    }

    fn leave(&self, key: PublicKey) {
        let mut keys = self.keys();
        if let Some(count) = keys.present.get_mut(&key) {
            *count -= 1;
            if *count > 0 {
                return;
            }
        }
        // From here the key has no connection.
        keys.present.remove(&key);
        if let Some(guarded) = keys.guarded.get_mut(&key) {
            (guarded.since, guarded.told) = (clock::now(), false);
            self.changed.notify_one();
        }
    }

    /// Takes in what was committed.
    pub fn commit(&self, applied: &[Applied]) {
        for record in applied {
            for event in &record.outcome.events {
                let Event::Guard(guard) = event else { continue };
                let mut keys = self.keys();
                match guard.on_disconnect_us {
                    // A timer that runs down is told by the same event, and changes nothing of this.
                    Some(grace_us) if guard.due.is_some() || guard.cancel_after_us == 0 => {
                        let since = record.time.max(self.began);
                        keys.guarded.insert(guard.key, Guarded { grace_us, since, told: false });
                        self.changed.notify_one();
                    }
                    Some(_) => {}
                    None => drop(keys.guarded.remove(&guard.key)),
                }
            }
        }
    }

    /// The keys that are gone and of which the engine was not told, each with when its grace ends.
    fn absent(&self) -> Vec<(Timestamp, Disconnected)> {
        let keys = self.keys();
        let absent =
            keys.guarded.iter().filter(|(key, state)| !state.told && !keys.present.contains_key(key));
        absent
            .map(|(key, state)| {
                (state.since.plus(state.grace_us), Disconnected { key: *key, since: state.since })
            })
            .collect()
    }

    /// Whether a key is still gone as it was said to be: it has not come back since, nor come and gone again.
    pub fn is_absent(&self, gone: &Disconnected) -> bool {
        let keys = self.keys();
        let is_as_then = |state: &Guarded| !state.told && state.since == gone.since;
        keys.guarded.get(&gone.key).is_some_and(is_as_then) && !keys.present.contains_key(&gone.key)
    }

    /// Notes that the engine was told, unless something has changed since.
    fn told(&self, gone: &Disconnected) {
        if let Some(state) = self.keys().guarded.get_mut(&gone.key).filter(|state| state.since == gone.since)
        {
            state.told = true;
        }
    }

    /// Tells the writer whose grace is over, until the server stops.
    pub async fn watch(self: Arc<Self>, queue: mpsc::Sender<Input>, switch: Arc<Switch>) {
        let mut stopping = switch.stopping();
        loop {
            let next = self.absent().into_iter().map(|(due, _)| due).min();
            tokio::select! {
                // Connections that end because the server does are nobody's absence.
                biased;
                () = stopped(&mut stopping) => return,
                () = until(next) => {}
                () = self.changed.notified() => continue,
            }
            match self.say_who_is_gone(&queue, &mut stopping).await {
                Some(true) => {}
                Some(false) => sleep(AGAIN).await,
                None => return,
            }
        }
    }

    /// Tells the writer of those whose grace is over, all at once: whoever waits for the commit of one could come back
    /// meanwhile. False if one of them was not taken; none if the server stops.
    async fn say_who_is_gone(
        &self,
        queue: &mpsc::Sender<Input>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Option<bool> {
        let now = clock::now();
        let due = self.absent().into_iter().filter(|(due, _)| *due <= now).map(|(_, gone)| gone);
        let mut asked = Vec::new();
        for gone in due.take(TOLD_AT_ONCE) {
            if !self.is_absent(&gone) {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                sent = queue.send(Input::Gone(gone, reply)) => sent.ok()?,
            }
            asked.push((gone, answer));
        }
        let mut are_taken = true;
        for (gone, answer) in asked {
            let answer = tokio::select! {
                biased;
                () = stopped(stopping) => return None,
                answer = answer => answer.ok()?,
            };
            match answer {
                Answer::Committed(..) => self.told(&gone),
                _ => are_taken = false,
            }
        }
        Some(are_taken)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.presence.leave(self.key);
    }
}

/// Waits for a moment; forever if there is none.
async fn until(moment: Option<Timestamp>) {
    match moment {
        Some(moment) => sleep(Duration::from_micros(moment.since(clock::now()))).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
