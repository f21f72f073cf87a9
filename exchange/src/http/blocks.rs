//! Blocks: submit one, look one up, follow a lane.

use super::pages::{Kind, Page};
use super::prepare;
use super::problem::Fault;
use super::reply::{json, named};
use crate::edge::{self, Client};
use crate::proof;
use crate::rehearsal::{Rehearsed, Tried};
use crate::sessions::Who;
use crate::shared::Shared;
use crate::wire;
use crate::writer::Answer;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use bandex_api as api;
use bandex_engine::{CommandResult, Outcome};
use bandex_sequencer::Subject;
use bandex_tradechain::{
    Block, Command, DecodeError, Decoded, Head, SignedBlock, Verified, VerifyError, verify,
};
use bandex_types::{BlockId, PublicKey, SignatureBytes, Timestamp};
use borsh::BorshDeserialize;
use std::sync::Arc;

/// Submit a signed block.
///
/// Orders, payments, acknowledgements and all other steps are blocks. The answer comes once the block is durable. The
/// block's id makes it idempotent: sent again, it is answered as it was then.
#[utoipa::path(
    post,
    path = "/v1/blocks",
    tag = "blocks",
    params(api::SubmitQuery),
    request_body = api::SignedBlock,
    responses(
        (status = 200, description = "Sequenced and durable", body = api::BlockReply),
        (status = 400, description = "Not a valid block; it was not sequenced", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "A gap in the lane, or a fork", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "Refused as a whole; with outcome `accepted` it consumed its seq",
         body = api::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Beyond a rate limit; `outcome` says whether it may have been sequenced when it was sent before", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 500, description = "The node's fault; the outcome is unknown", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "Overloaded, or outcome unknown: send the same bytes again", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submit(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<api::SubmitQuery>,
    Extension(client): Extension<Client>,
    who: Option<Extension<Who>>,
    body: Bytes,
) -> Result<Json<api::BlockReply>, Fault> {
    let signed = json(&body).map_err(|fault| edge::unreadable(&shared, &client, fault))?;
    let verified = let_in(&shared, &client, who.map(|Extension(who)| who), signed).await?;
    let sent = Sent::of(&verified);
    let answer = shared.enqueue(verified).map_err(|busy| sent.turned_away(&shared, Fault::busy(busy)))?;
    let answer = answer.await.unwrap_or(Answer::Unknown);
    answer_reply(&shared, sent.id, answer, query.receipt.unwrap_or(true)).await.map(Json)
}

/// A block as it was sent: what must be known of it if it is turned away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub id: BlockId,
    author: PublicKey,
    seq: u64,
}

impl Sent {
    pub fn of(verified: &Verified) -> Self {
        let block = verified.block();
        Self { id: verified.id(), author: block.author, seq: block.seq }
    }

    /// What a block says that nobody has verified.
    fn claimed(payload: &str) -> Option<Self> {
        let block = Block::decode(&hex::decode(payload).ok()?).ok()?;
        Some(Self { id: block.id(), author: block.author, seq: block.seq })
    }

    /// The fault of a block that did not get as far as the writer. The same bytes may have been sent before and been
    /// recorded: only of a place that is still free can it be said that nothing was.
    pub fn turned_away(&self, shared: &Shared, fault: Fault) -> Fault {
        let head = shared.view().head(&self.author);
        fault.of_sent(self.id, head.is_some_and(|head| self.seq <= head.seq))
    }
}

/// Verifies a block, if whoever pays for it has enough left.
///
/// # Errors
/// It is not valid, or there is too little in a bucket.
pub(crate) async fn let_in(
    shared: &Shared,
    client: &Client,
    who: Option<Who>,
    signed: api::SignedBlock,
) -> Result<Verified, Fault> {
    let payload = signed.payload.clone();
    edge::verified(shared, client, who, signed).await.map_err(|fault| match Sent::claimed(&payload) {
        Some(sent) if fault.0.retryable => sent.turned_away(shared, fault),
        _ => fault,
    })
}

/// Verifies beside the event loop: a signature costs CPU time that other connections must not wait for.
pub(crate) async fn verify_in_parallel(shared: &Shared, signed: api::SignedBlock) -> Result<Verified, Fault> {
    // More at a time would only keep the writer from its turn.
    let _permit = shared.verifying.acquire().await.map_err(|_| Fault::unknown_outcome(None))?;
    let network = shared.network;
    let judged = tokio::task::spawn_blocking(move || judge(&signed, network)).await;
    judged.unwrap_or_else(|_| Err(Fault::unknown_outcome(None)))
}

fn judge(signed: &api::SignedBlock, network: u32) -> Result<Verified, Fault> {
    let malformed =
        |what: &str| Fault::unverified(&VerifyError::Decode(DecodeError::Malformed(what.to_owned())));
    let payload = hex::decode(&signed.payload).map_err(|_| malformed("the payload is not hex"))?;
    let signature: SignatureBytes =
        signed.signature.parse().map_err(|_| malformed("the signature is not 128 hex digits"))?;
    let signed = SignedBlock { payload, signature };
    verify(signed.clone(), network).map_err(|error| match error {
        // The signature was good and the bytes are a block.
        VerifyError::Body(_) | VerifyError::Expiry(_) => at_fault(&signed, &error, network),
        _ => Fault::unverified(&error),
    })
}

/// The fault of a block whose content is at fault, with the operation that is.
fn at_fault(signed: &SignedBlock, error: &VerifyError, network: u32) -> Fault {
    let fault = Fault::unverified(error);
    match Block::decode(&signed.payload) {
        Ok(block) => prepare::of_operation(fault, &block, network),
        Err(_) => fault,
    }
}

/// Puts the writer's answer into the wire's words.
pub(crate) async fn answer_reply(
    shared: &Shared,
    id: BlockId,
    answer: Answer,
    with_receipt: bool,
) -> Result<api::BlockReply, Fault> {
    match answer {
        Answer::Committed(publication, index) => {
            let applied = publication.records().get(index).ok_or_else(|| Fault::unknown_outcome(Some(id)))?;
            let receipt = with_receipt.then(|| publication.receipt(index)).flatten();
            let receipt = receipt.as_ref().map(wire::receipt);
            shared.published_up_to(applied.seq).await;
            let sequenced = Sequenced {
                seq: applied.seq,
                time: applied.time,
                subjects: &applied.operations,
                outcome: &applied.outcome,
            };
            block_reply(shared, id, sequenced, receipt)
        }
        Answer::Duplicate { record } => as_then(shared, id, record, with_receipt).await,
        Answer::Fork { record } => Err(Fault::fork(id, record)),
        Answer::Gap(head) => Err(Fault::gap(id, head)),
        Answer::Refused(refusal) => Err(Fault::refused(id, &refusal, None)),
        Answer::Unknown => Err(Fault::unknown_outcome(Some(id))),
    }
}

/// The answer to a block that was sequenced before.
async fn as_then(
    shared: &Shared,
    id: BlockId,
    record: u64,
    with_receipt: bool,
) -> Result<api::BlockReply, Fault> {
    shared.caught_up_to(record).await?;
    let unknown = || Fault::unknown_outcome(Some(id));
    let proven = proof::prove(shared, record).await?.ok_or_else(unknown)?;
    let outcome = Outcome::try_from_slice(&proven.receipt.outcome).map_err(|_| unknown())?;
    let decoded = Decoded::from_bytes(&proven.record.command).map_err(|_| unknown())?;
    let subjects = decoded.block().map_or_else(Vec::new, |(block, _)| Subject::all(block));
    let receipt = with_receipt.then(|| wire::receipt(&proven.receipt));
    let time = proven.record.time;
    let sequenced = Sequenced { seq: record, time, subjects: &subjects, outcome: &outcome };
    block_reply(shared, id, sequenced, receipt)
}

/// A sequenced block with what came of it.
struct Sequenced<'a> {
    seq: u64,
    time: Timestamp,
    /// What its operations are about.
    subjects: &'a [Subject],
    outcome: &'a Outcome,
}

fn block_reply(
    shared: &Shared,
    id: BlockId,
    sequenced: Sequenced<'_>,
    receipt: Option<api::Receipt>,
) -> Result<api::BlockReply, Fault> {
    let Sequenced { seq, time, subjects, outcome } = sequenced;
    if let CommandResult::Refused(refusal) = &outcome.result {
        return Err(Fault::refused(id, refusal, Some(seq)));
    }
    let operations = wire::operations(&shared.view(), subjects, outcome);
    Ok(api::BlockReply { block_id: id.to_string(), seq, time_us: time.as_micros(), operations, receipt })
}

/// Try a signed block without submitting it.
///
/// The answer is what `POST /v1/blocks` would say now, as are the problems; whatever is sequenced in between may change it.
/// Nothing is sequenced, no place in the lane is used, and two blocks for one place are no fork by being tried.
#[utoipa::path(
    post,
    path = "/v1/blocks/validate",
    tag = "blocks",
    request_body = api::SignedBlock,
    responses(
        (status = 200, description = "It would be sequenced, or was", body = api::Validated),
        (status = 400, description = "Not a valid block", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "A gap in the lane, or a fork", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "It would be refused as a whole", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 503, description = "Others are being tried: ask again in a moment", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn validate(
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<Json<api::Validated>, Fault> {
    let signed: api::SignedBlock = json(&body)?;
    let reply = try_out(&shared, signed).await?;
    Ok(Json(api::Validated { dry_run: true, reply }))
}

/// What would come of a block now.
pub(crate) async fn try_out(shared: &Shared, signed: api::SignedBlock) -> Result<api::BlockReply, Fault> {
    let verified = verify_in_parallel(shared, signed).await?;
    let (id, up_to) = (verified.id(), shared.view().seq);
    match Arc::clone(&shared.rehearsal).attempt(verified, up_to).await? {
        Rehearsed::Sequenced(tried) => {
            let Tried { seq, time, subjects, outcome } = *tried;
            block_reply(shared, id, Sequenced { seq, time, subjects: &subjects, outcome: &outcome }, None)
        }
        Rehearsed::Answered(answer) => answer_reply(shared, id, answer, false).await,
    }
}

/// Look up a block by its id, with what came of it and the proof.
#[utoipa::path(
    get,
    path = "/v1/blocks/{id}",
    tag = "blocks",
    params(("id" = String, Path, description = "The block's id, hex", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The block", body = api::StoredBlock),
        (status = 404, description = "It was never sequenced here", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn block(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Json<api::StoredBlock>, Fault> {
    let id: BlockId = named("id", &id)?;
    shared.caught_up().await?;
    let missing = || Fault::not_found("no block with this id was sequenced here; it may be sent (again)");
    let row = shared.projections.block(id).await?.ok_or_else(missing)?;
    let proven = proven_record(&shared, row.record_seq).await?.ok_or_else(missing)?;
    let (Some(signed), Some(block)) = (proven.signed, proven.block) else { return Err(missing()) };
    Ok(Json(api::StoredBlock {
        block_id: id.to_string(),
        seq: proven.seq,
        time_us: proven.time_us,
        signed,
        block,
        outcome: proven.outcome,
        receipt: proven.receipt,
    }))
}

/// A record in the wire's words.
pub(crate) struct WireRecord {
    pub seq: u64,
    pub time_us: u64,
    pub command: String,
    pub block_id: Option<String>,
    pub signed: Option<api::SignedBlock>,
    pub block: Option<serde_json::Value>,
    /// Whether it is the proof of a payment on the Bitcoin chain.
    pub is_payment: bool,
    pub outcome: serde_json::Value,
    pub receipt: api::Receipt,
}

/// Proves a record and puts it into the wire's words.
pub(crate) async fn proven_record(shared: &Shared, seq: u64) -> Result<Option<WireRecord>, Fault> {
    let Some(proven) = proof::prove(shared, seq).await? else { return Ok(None) };
    let decoded = Decoded::from_bytes(&proven.record.command).ok();
    let parts: Option<(&Block, BlockId)> =
        decoded.as_ref().and_then(|decoded| decoded.block().map(|(block, id)| (block, *id)));
    let signed = decoded.as_ref().and_then(|decoded| match decoded.command() {
        Command::Block(signed) => Some(wire::signed(signed)),
        _ => None,
    });
    let outcome = Outcome::try_from_slice(&proven.receipt.outcome).ok();
    Ok(Some(WireRecord {
        seq,
        time_us: proven.record.time.as_micros(),
        command: hex::encode(&proven.record.command),
        block_id: parts.map(|(_, id)| id.to_string()),
        signed,
        is_payment: decoded.as_ref().is_some_and(|decoded| matches!(decoded.command(), Command::Payment(_))),
        block: parts.and_then(|(block, _)| serde_json::to_value(block).ok()),
        outcome: outcome.and_then(|outcome| serde_json::to_value(outcome).ok()).unwrap_or_default(),
        receipt: wire::receipt(&proven.receipt),
    }))
}

/// Follow a lane: the chain of one signing key.
#[utoipa::path(
    get,
    path = "/v1/lanes/{key}",
    tag = "blocks",
    params(("key" = String, Path, description = "The signing key, hex", pattern = "^[0-9a-f]{64}$"), api::LaneQuery),
    responses(
        (status = 200, description = "The lane", body = api::Lane),
        (status = 404, description = "No account here has this key", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn lane(
    State(shared): State<Arc<Shared>>,
    Path(key): Path<String>,
    Query(query): Query<api::LaneQuery>,
) -> Result<Json<api::Lane>, Fault> {
    let key: PublicKey = named("key", &key)?;
    let page = Page::new(Kind::Lane, "", query.limit)?;
    let from = match (page.place(query.cursor.as_deref())?, query.from.unwrap_or(1)) {
        (Some(last), _) => u64::saturating_add(last, 1),
        (None, 0) => return Err(Fault::bad_request("from: a lane begins with seq 1")),
        (None, from) => from,
    };
    let seq = shared.caught_up().await?;
    let state = shared.projections.key(key).await?;
    let state = state.ok_or_else(Fault::unknown_key)?;
    let mut rows = shared.projections.lane(key, from, page.rows()).await?;
    let next_cursor = page.end(&mut rows, |row| row.lane_seq);
    let head = shared.view().head(&key).unwrap_or(Head { seq: 0, id: BlockId::ZERO });
    let (forked, guard) = (shared.view().fork(&key), shared.view().guard(&key).map(wire::guard));
    let fork = match forked {
        Some(record) => fork_proof(&shared, record).await?,
        None => None,
    };
    Ok(Json(api::Lane {
        seq,
        account: state.account.to_string(),
        key: key.to_string(),
        root: state.root,
        scopes: state.scopes.bits(),
        status: wire::key_status(state.status).to_owned(),
        head_seq: head.seq,
        head_id: head.id.to_string(),
        guard,
        blocks: rows.iter().map(|row| row.id.to_string()).collect(),
        next_cursor,
        fork,
    }))
}

/// The fork proof that a record holds.
async fn fork_proof(shared: &Shared, seq: u64) -> Result<Option<api::Fork>, Fault> {
    let record = shared.journal.records(seq, 1).await?.into_iter().next();
    let decoded = record.and_then(|record| Decoded::from_bytes(&record.command).ok());
    Ok(decoded.and_then(|decoded| match decoded.command() {
        Command::Fork(proof) => {
            Some(api::Fork { seq, first: wire::signed(&proof.first), second: wire::signed(&proof.second) })
        }
        _ => None,
    }))
}
