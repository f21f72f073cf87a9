//! Trust, for everybody: how limits follow, why one is what it is, scores, signed standing. All of it is on the open
//! chain; this only looks it up.

use super::problem::Fault;
use super::reply::named;
use crate::shared::{Busy, Shared};
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_tradechain::StandingStatement;
use bandex_types::{AccountId, Amount};
use std::sync::Arc;
use tokio::sync::Semaphore;

fn unknown_account() -> Fault {
    Fault::not_found("there is no such account here; GET /v1/lanes/{key} says whose a key is")
}

/// How limits follow from what accounts have at stake, paid and honoured; who the seeds and registrars are; the epoch.
#[utoipa::path(
    get,
    path = "/v1/trust",
    tag = "trust",
    responses((status = 200, description = "What trust is made of", body = api::Trust)),
)]
pub(crate) async fn trust(State(shared): State<Arc<Shared>>) -> Json<api::Trust> {
    Json(wire::trust(&shared.view()))
}

/// How much others may let an account owe, why, and what would raise it.
#[utoipa::path(
    get,
    path = "/v1/limits/{account}",
    tag = "trust",
    params(("account" = String, Path, description = "The account's id, hex", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The limit", body = api::Limits),
        (status = 404, description = "No such account", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn limits(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
) -> Result<Json<api::Limits>, Fault> {
    let id: AccountId = named("account", &account)?;
    let seq = shared.caught_up().await?;
    let (account, trust) = shared.projections.limits(id).await?.ok_or_else(unknown_account)?;
    // An account that nothing was ever told of has nothing at stake.
    let trust = trust.unwrap_or_else(|| wire::no_stake(&account));
    let view = shared.view();
    let raise = bandex_engine::raise(view.trust.rulings(&view.parameters), &trust, &account);
    Ok(Json(wire::limits(&view, seq, &account, &trust, raise)))
}

/// Whether an account is served by seeders and relays, under the node's signature.
///
/// An account is served if its balance has reached the threshold and it is not frozen. Whoever is shown the answer
/// checks the signature against the node's key and needs no connection for that.
#[utoipa::path(
    get,
    path = "/v1/standing/{account}",
    tag = "trust",
    params(("account" = String, Path, description = "The account's id, hex", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The statement", body = api::Standing),
        (status = 404, description = "No such account", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn standing(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
) -> Result<Json<api::Standing>, Fault> {
    let account: AccountId = named("account", &account)?;
    let said = statement(&shared, account).ok_or_else(unknown_account)?;
    let signature = said.sign(&shared.node_key);
    Ok(Json(wire::standing(&said, &shared.node, &signature)))
}

/// How an account stands after the last published record.
fn statement(shared: &Shared, account: AccountId) -> Option<StandingStatement> {
    let view = shared.view();
    let person = view.trust.person(&account)?;
    let threshold = view.trust.terms.standing_threshold;
    let missing = i128::from(threshold).saturating_sub(person.balance);
    let served = missing <= 0 && !person.frozen;
    // Tokens do not thaw anybody.
    let helps = !person.frozen && !served;
    let cure = if helps { u64::try_from(missing).unwrap_or(u64::MAX) } else { 0 };
    Some(StandingStatement {
        network: shared.network,
        account,
        seq: view.seq,
        time: view.time,
        balance: person.balance,
        threshold,
        served,
        cure: Amount::new(cure),
    })
}

/// An account's score: the share of the trust graph's walks that come to it, at the end of the last epoch.
///
/// Walks begin at the seeds, or at `from`. The first is the score that limits follow; the second is the same question
/// from one account's own circle, worked out for the answer.
#[utoipa::path(
    get,
    path = "/v1/reputation/{account}",
    tag = "trust",
    params(("account" = String, Path, description = "The account's id, hex", pattern = "^[0-9a-f]{64}$"), api::ReputationQuery),
    responses(
        (status = 200, description = "The score", body = api::Reputation),
        (status = 404, description = "No such account", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "No epoch has ended yet, or its scores are still being worked out",
         body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reputation(
    State(shared): State<Arc<Shared>>,
    Path(account): Path<String>,
    Query(query): Query<api::ReputationQuery>,
) -> Result<Json<api::Reputation>, Fault> {
    let account: AccountId = named("account", &account)?;
    let from: Option<AccountId> = query.from.as_deref().map(|text| named("from", text)).transpose()?;
    let (person, observer, end) = {
        let view = shared.view();
        let person = view.trust.person(&account).ok_or_else(unknown_account)?;
        let observer = from.map(|from| view.trust.person(&from).ok_or_else(unknown_account)).transpose()?;
        let end = view.trust.epoch.ok_or_else(|| Fault::no_epoch(view.trust.terms.epoch_us))?;
        (person, observer, end)
    };
    let told = |score_ppb, epoch, checkpoint: bandex_types::Hash| {
        Json(api::Reputation {
            account: account.to_string(),
            from: from.map(|from| from.to_string()),
            score: wire::score(score_ppb),
            epoch,
            checkpoint: checkpoint.to_string(),
        })
    };
    let Some(observer) = observer else {
        if !end.scored {
            return Err(Fault::not_scored(end.epoch));
        }
        return Ok(told(person.score_ppb, end.epoch, end.checkpoint));
    };
    // The graph of the last epoch comes with its end; before that only a moment passes.
    let last = shared.epochs.borrow().clone().ok_or_else(|| Fault::not_scored(end.epoch))?;
    let checkpoint = last.checkpoint;
    let (epoch, key) = (checkpoint.epoch, checkpoint.key);
    let worked_out = beside(&shared.looking, move || {
        let scores = checkpoint.personal(observer.position);
        let own = scores.into_iter().find(|(position, _)| *position == person.position);
        own.map_or(0, |(_, score)| score.ppb())
    });
    Ok(told(worked_out.await?, epoch, key))
}

/// Does costly work beside the event loop, if there is a permit. The work keeps it until it ends, also when whoever
/// asked is not there any more: that stops nothing.
async fn beside<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    let permit = Arc::clone(permits).try_acquire_owned().map_err(|_| Fault::overloaded())?;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    done.await.map_err(|_| Fault::busy(Busy::Stopping))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[tokio::test]
    async fn work_keeps_its_permit_when_nobody_waits_for_it() {
        let permits = Arc::new(Semaphore::new(1));
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (end, may_end) = mpsc::channel::<()>();
        let asking = {
            let permits = Arc::clone(&permits);
            let work = move || {
                begun.send(()).unwrap();
                may_end.recv().unwrap();
            };
            tokio::spawn(async move { beside(&permits, work).await })
        };
        has_begun.await.unwrap();
        asking.abort();
        assert!(asking.await.is_err());
        assert_eq!(beside(&permits, || 7).await, Err(Fault::overloaded()));
        end.send(()).unwrap();
        let freed = tokio::time::timeout(Duration::from_secs(20), permits.acquire()).await;
        drop(freed.unwrap().unwrap());
        assert_eq!(beside(&permits, || 7).await, Ok(7));
    }
}
