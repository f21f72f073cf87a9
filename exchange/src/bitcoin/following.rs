//! The room itself: waits until the operator has chosen a chain, then follows the node until the server stops.

use super::known::KnownHeaders;
use super::{BitcoinNode, Known, NodeHealth, NodeState};
use crate::exchange::{Switch, stopped};
use crate::publication::Publication;
use crate::writer::{Answer, Input};
use bandex_engine::CommandResult;
use bandex_rails::{Client, Exchange, Follower, Health, Observation, SubmitError};
use bandex_sequencer::Observation as Seen;
use bandex_spv::Headers;
use bandex_tradechain::{Headers as HeadersCommand, Payment};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// What the room works with.
pub(crate) struct Following {
    pub node: BitcoinNode,
    pub known: Arc<Known>,
    pub queue: mpsc::Sender<Input>,
    /// Where it says how it stands.
    pub state: watch::Sender<NodeState>,
    pub switch: Arc<Switch>,
}

/// The writer as the follower sees it.
struct Writer {
    known: Arc<Known>,
    queue: mpsc::Sender<Input>,
    headers: KnownHeaders,
}

impl Following {
    /// Works until the server stops.
    pub async fn run(self) {
        let mut stopping = self.switch.stopping();
        tokio::select! {
            () = self.follow() => {}
            () = stopped(&mut stopping) => {}
        }
    }

    async fn follow(&self) {
        let mut chain = self.known.chain();
        let headers = match chain.wait_for(Option::is_some).await {
            Ok(set) => set.clone(),
            Err(_) => None,
        };
        let Some(headers) = headers else { return };
        let network = headers.read().unwrap_or_else(PoisonError::into_inner).network();
        let client = match Client::new(self.node.options(network)) {
            Ok(client) => client,
            Err(error) => return self.say(Health::BadChain { error: error.to_string() }),
        };
        let writer = Writer { known: Arc::clone(&self.known), queue: self.queue.clone(), headers };
        let (follower, mut health) = Follower::new(client, writer, self.node.follow);
        let tell = async {
            loop {
                let now = health.borrow_and_update().clone();
                self.say(now);
                if health.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(follower.run(), tell);
    }

    fn say(&self, health: Health) {
        self.state.send_if_modified(|state| {
            let (before, now) = (state.health.name(), NodeHealth::Followed(health));
            let changed = state.change(now);
            if before != state.health.name() {
                tracing::info!(state = state.health.name(), "{}", state.health);
            }
            changed
        });
    }
}

impl Exchange for Writer {
    fn headers<R>(&self, read: impl FnOnce(&Headers) -> R) -> R {
        read(&self.headers.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn watched(&self) -> Arc<BTreeMap<Vec<u8>, u32>> {
        self.known.scripts()
    }

    fn knows(&self, txid: &[u8; 32], block: &[u8; 32]) -> bool {
        self.known.has_payment(txid, block)
    }

    async fn submit(&self, observation: Observation) -> Result<(), SubmitError> {
        let (seen, headers) = seen(observation);
        let stopping = || SubmitError("the server stops".to_owned());
        let (reply, answer) = oneshot::channel();
        self.queue.send(Input::Observed(seen, reply)).await.map_err(|_| stopping())?;
        let Ok(Answer::Committed(publication, index)) = answer.await else { return Err(stopping()) };
        if is_taken(&publication, index) {
            self.extend(&headers);
        }
        Ok(())
    }
}

impl Writer {
    /// Takes in headers that the engine has taken.
    fn extend(&self, headers: &[[u8; 80]]) {
        let mut known = self.headers.write().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = known.extend(headers) {
            tracing::error!(%error, "the engine took headers that its copy does not take");
        }
    }
}

/// As the sequencer has it, with the headers in it.
fn seen(observation: Observation) -> (Seen, Vec<[u8; 80]>) {
    match observation {
        Observation::Headers { headers, fee_rate } => {
            (Seen::Headers(HeadersCommand { headers: headers.clone(), fee_rate }), headers)
        }
        Observation::Payment { proof, transaction } => {
            (Seen::Payment(Payment { proof, transaction }), Vec::new())
        }
    }
}

/// Whether the engine took what was sequenced at this place. A refusal is final: the same would be refused again.
fn is_taken(publication: &Publication, index: usize) -> bool {
    let Some(applied) = publication.records().get(index) else { return false };
    match &applied.outcome.result {
        CommandResult::Done(_) => true,
        CommandResult::Refused(refusal) => {
            tracing::warn!(%refusal, seq = applied.seq, "what the Bitcoin node showed was refused");
            false
        }
    }
}
