//! Order entry: verified blocks enter the writer's queue, and are answered, in the order they arrived.

use super::IN_FLIGHT_MAX;
use super::messages::{Asked, failed, succeeded};
use super::out::Out;
use crate::http::problem::Fault;
use crate::http::{Sent, answer_reply};
use crate::shared::Shared;
use crate::writer::{Answer, Input};
use bandex_tradechain::Verified;
use bandex_types::BlockId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a block of a pipeline waits for a place in the queue before it is shed.
const QUEUE_TIME: Duration = Duration::from_secs(5);

/// A submission, being verified.
pub(super) struct Submission {
    pub asked: Asked,
    pub with_receipt: bool,
    pub verifying: Result<JoinHandle<Result<Verified, Fault>>, Fault>,
}

/// A submission whose answer is on its way.
struct Pending {
    asked: Asked,
    with_receipt: bool,
    answer: Result<(BlockId, oneshot::Receiver<Answer>), Fault>,
}

pub(super) async fn sequence(shared: Arc<Shared>, mut submissions: mpsc::Receiver<Submission>, out: Out) {
    let (pending, answers) = mpsc::channel(IN_FLIGHT_MAX);
    let answering = tokio::spawn(answer(Arc::clone(&shared), answers, out));
    while let Some(Submission { asked, with_receipt, verifying }) = submissions.recv().await {
        let verified = match verifying {
            Ok(verifying) => verifying.await.unwrap_or_else(|_| Err(Fault::unknown_outcome(None))),
            Err(fault) => Err(fault),
        };
        let answer = match verified {
            Ok(verified) => enqueue(&shared, verified).await,
            Err(fault) => Err(fault),
        };
        if pending.send(Pending { asked, with_receipt, answer }).await.is_err() {
            break;
        }
    }
    drop(pending);
    let _ = answering.await;
}

/// Waits for a place in the queue: shedding one block of a pipeline would turn all that follow into gaps.
async fn enqueue(shared: &Shared, verified: Verified) -> Result<(BlockId, oneshot::Receiver<Answer>), Fault> {
    let sent = Sent::of(&verified);
    let (reply, answer) = oneshot::channel();
    let input = Input::Block(Box::new(verified), reply);
    match tokio::time::timeout(QUEUE_TIME, shared.queue.send(input)).await {
        Ok(Ok(())) => Ok((sent.id, answer)),
        Ok(Err(_)) => Err(sent.turned_away(shared, Fault::busy(crate::shared::Busy::Stopping))),
        Err(_) => Err(sent.turned_away(shared, Fault::overloaded())),
    }
}

async fn answer(shared: Arc<Shared>, mut pending: mpsc::Receiver<Pending>, out: Out) {
    while let Some(Pending { asked, with_receipt, answer }) = pending.recv().await {
        let reply = match answer {
            Ok((id, answer)) => {
                let answer = answer.await.unwrap_or(Answer::Unknown);
                answer_reply(&shared, id, answer, with_receipt).await
            }
            Err(fault) => Err(fault),
        };
        let message = match reply {
            Ok(reply) => succeeded(asked, &reply),
            Err(fault) => failed(asked, fault),
        };
        if out.say(message).await.is_err() {
            return;
        }
    }
}
