//! The one place that maps errors to HTTP (RFC 9457).

mod catalogue;

pub(crate) use catalogue::document;

use crate::recover::RecoverError;
use crate::rehearsal::NotTried;
use crate::shared::{Behind, Busy};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bandex_api::Problem;
use bandex_engine::Refusal;
use bandex_journal::ReadError;
use bandex_tradechain::{Head, VerifyError};
use bandex_types::BlockId;
use catalogue::{Entry, INVALID_STATUS, REFUSED_STATUS};
use serde_json::json;

/// The media type of RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub Box<Problem>);

impl Fault {
    fn of(entry: &Entry, detail: impl Into<String>) -> Self {
        Self::new(entry.status, entry.code, entry.title, detail)
    }

    /// Of a code that is listed where it is judged.
    fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: format!("urn:bandex:problem:{code}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            outcome: None,
            retryable: false,
            retry_after_ms: None,
            block_id: None,
            op_index: None,
            details: None,
        }))
    }

    fn about_block(mut self, id: Option<BlockId>, outcome: &str) -> Self {
        self.0.block_id = id.map(|id| id.to_string());
        self.0.outcome = Some(outcome.to_owned());
        self
    }

    /// Of a block that was turned away as it was sent: one that may have been recorded when it was sent before is not
    /// rejected, and its seq is not free.
    pub fn of_sent(mut self, id: BlockId, may_be_recorded: bool) -> Self {
        let is_rejected = self.0.outcome.as_deref() == Some("rejected");
        if is_rejected && self.0.retryable && may_be_recorded {
            self.0.outcome = Some("unknown".to_owned());
        }
        self.0.block_id.get_or_insert_with(|| id.to_string());
        self
    }

    /// Names the operation that is at fault.
    pub fn of_operation(mut self, op_index: usize) -> Self {
        self.0.op_index = u32::try_from(op_index).ok();
        self
    }

    fn retry(mut self, after_ms: u64) -> Self {
        self.0.retryable = true;
        self.0.retry_after_ms = Some(after_ms);
        self
    }

    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::of(&catalogue::BAD_REQUEST, detail)
    }

    pub fn bad_cursor() -> Self {
        let detail = "cursor: send the next_cursor of the page before as it was given, to the same list with the same \
                      market and interval; or leave it out to begin with the first page";
        Self::of(&catalogue::BAD_CURSOR, detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::of(&catalogue::NOT_FOUND, detail)
    }

    pub fn unknown_key() -> Self {
        let detail = "no account here has this key; register it or have it granted";
        Self::of(&catalogue::UNKNOWN_KEY, detail)
    }

    pub fn not_logged_in() -> Self {
        let detail = "log in with /v1/login and send its token as `Authorization: Bearer TOKEN`, or sign the request as \
                      RFC 9421 has it, with a key of an account";
        Self::of(&catalogue::NOT_LOGGED_IN, detail)
    }

    pub fn bad_http_signature(detail: impl Into<String>) -> Self {
        Self::of(&catalogue::BAD_HTTP_SIGNATURE, detail)
    }

    /// The time of a signature is too far from the node's clock.
    pub fn clock_skew(now_us: u64) -> Self {
        let detail = "the request was signed more than 30 s before or after the node's clock; compare yours with \
                      GET /v1/time and sign again";
        let mut fault = Self::of(&catalogue::CLOCK_SKEW, detail);
        fault.0.details = Some(json!({ "time_us": now_us }));
        fault
    }

    pub fn not_the_operator() -> Self {
        let detail = "send the token of the file admin.token in the server's data folder as `Authorization: Bearer TOKEN`";
        Self::of(&catalogue::NOT_THE_OPERATOR, detail)
    }

    pub fn not_yours() -> Self {
        let detail = "this belongs to another account; log in with one of its keys";
        Self::of(&catalogue::NOT_YOURS, detail)
    }

    pub fn login_failed(detail: impl Into<String>) -> Self {
        Self::of(&catalogue::LOGIN_FAILED, detail)
    }

    pub fn overloaded() -> Self {
        let detail = "too many requests wait; send the same again in a moment";
        let fault = Self::of(&catalogue::OVERLOADED, detail);
        fault.about_block(None, "rejected").retry(1_000)
    }

    /// A bucket of the rate limits holds too little.
    pub fn rate_limited(policy: &str, retry_after_ms: u64) -> Self {
        let detail = format!(
            "too much at once for the rate limit {policy:?}; ask again in {retry_after_ms} ms, and see /v1/rate-limits"
        );
        let mut fault = Self::of(&catalogue::RATE_LIMITED, detail);
        fault.0.details = Some(json!({ "policy": policy }));
        fault.about_block(None, "rejected").retry(retry_after_ms)
    }

    /// A WebSocket is one too many.
    pub fn too_many_connections(of_address: bool) -> Self {
        let whose = if of_address { "from this address" } else { "on this server" };
        let detail = format!("there are as many WebSockets {whose} as may be; close one, or come later");
        Self::of(&catalogue::TOO_MANY_CONNECTIONS, detail).retry(5_000)
    }

    /// A web page that may not open a WebSocket here.
    pub fn bad_origin() -> Self {
        let detail = "pages of this origin may not open a WebSocket; the operator lists those that may (--cors-origin)";
        Self::of(&catalogue::BAD_ORIGIN, detail)
    }

    /// No epoch of the trust graph has ended, so that nobody has a score.
    pub fn no_epoch(epoch_us: u64) -> Self {
        let detail = match epoch_us {
            0 => "this exchange keeps no epochs of trust, so nobody has a score; /v1/limits/{account} says what limits \
                  follow here"
                .to_owned(),
            _ => format!("no epoch of the trust graph has ended yet; one ends every {epoch_us} us: ask again then"),
        };
        Self::of(&catalogue::NO_EPOCH, detail)
    }

    /// The scores of an epoch are due and not there yet.
    pub fn not_scored(epoch: u64) -> Self {
        let detail = format!("the scores of epoch {epoch} are being worked out; ask again in a moment");
        Self::of(&catalogue::NOT_SCORED, detail).retry(1_000)
    }

    /// A place to resume from that this journal does not have.
    pub fn beyond_head(resume_from: u64, head: u64) -> Self {
        let detail = format!(
            "the journal ends at record {head}, before {resume_from}: it lost its end, or is another exchange's; \
             subscribe without resume_from"
        );
        let mut fault = Self::of(&catalogue::BEYOND_HEAD, detail);
        fault.0.details = Some(json!({ "head_seq": head }));
        fault
    }

    pub fn too_many_subscriptions(most: usize) -> Self {
        let detail =
            format!("a connection follows at most {most} topics; end one, or open another connection");
        Self::of(&catalogue::TOO_MANY_SUBSCRIPTIONS, detail)
    }

    /// The body of a request did not come in time.
    pub fn body_too_slow() -> Self {
        let detail = "the body took too long to come; send the same again in one go";
        Self::of(&catalogue::BODY_TOO_SLOW, detail).about_block(None, "rejected").retry(1_000)
    }

    pub fn timed_out() -> Self {
        let detail = "the request took too long; a block may have been sequenced: send the same bytes again";
        let fault = Self::of(&catalogue::TIMED_OUT, detail);
        fault.about_block(None, "unknown").retry(1_000)
    }

    pub fn unknown_outcome(id: Option<BlockId>) -> Self {
        let detail = "it is not known whether the block was recorded; send the same bytes again";
        let fault = Self::of(&catalogue::UNKNOWN_OUTCOME, detail);
        fault.about_block(id, "unknown").retry(1_000)
    }

    pub fn busy(busy: Busy) -> Self {
        match busy {
            Busy::Full => Self::overloaded(),
            Busy::Stopping => {
                let detail = "the server is stopping; connect again in a moment";
                let fault = Self::of(&catalogue::STOPPING, detail);
                fault.about_block(None, "rejected").retry(1_000)
            }
        }
    }

    /// A block that was refused before it was sequenced.
    pub fn unverified(error: &VerifyError) -> Self {
        Self::new(INVALID_STATUS, error.code(), "not a valid block", error.to_string())
            .about_block(None, "rejected")
    }

    pub fn gap(id: BlockId, head: Head) -> Self {
        let detail =
            format!("the lane ends at seq {} with block {}; send what follows it first", head.seq, head.id);
        let mut fault = Self::of(&catalogue::GAP, detail);
        fault.0.details = Some(json!({ "head_seq": head.seq, "head_id": head.id }));
        fault.about_block(Some(id), "rejected")
    }

    pub fn fork(id: BlockId, record: u64) -> Self {
        let detail = format!(
            "record {record} holds another block for this place in the lane; both together prove a fork"
        );
        let mut fault = Self::of(&catalogue::FORK, detail);
        fault.0.details = Some(json!({ "seq": record }));
        fault.about_block(Some(id), "rejected")
    }

    /// A refusal; `sequenced` is the record that holds it, if it has one.
    pub fn refused(id: BlockId, refusal: &Refusal, sequenced: Option<u64>) -> Self {
        let mut fault = Self::new(REFUSED_STATUS, refusal.code(), "refused", refusal.to_string());
        let mut details = serde_json::to_value(refusal).unwrap_or_default();
        if let (Some(seq), Some(details)) = (sequenced, details.as_object_mut()) {
            details.insert("seq".to_owned(), json!(seq));
        }
        fault.0.details = Some(details);
        fault.about_block(Some(id), if sequenced.is_some() { "accepted" } else { "rejected" })
    }

    pub fn unreadable(error: &ReadError) -> Self {
        tracing::error!(%error, "a read failed");
        let detail = "the node cannot read its own store; the operator must look into it";
        // A block that was sent before may be on record, and what is read here was about it.
        Self::of(&catalogue::STORE_UNREADABLE, detail).about_block(None, "unknown").retry(5_000)
    }
}

/// The longest complaint of the framework that is passed on.
const COMPLAINT_BYTES_MAX: usize = 4_096;

/// Puts what the framework refuses by itself (methods, queries, sizes) into a problem document too, so that every
/// error has a stable code.
pub(crate) async fn in_our_words(response: Response) -> Response {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM_JSON);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, COMPLAINT_BYTES_MAX).await.unwrap_or_default();
    let entry = match status {
        StatusCode::NOT_FOUND => &catalogue::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => &catalogue::METHOD_NOT_ALLOWED,
        StatusCode::PAYLOAD_TOO_LARGE => &catalogue::BODY_TOO_LARGE,
        _ if status.is_server_error() => &catalogue::INTERNAL,
        _ => &catalogue::BAD_REQUEST,
    };
    let detail = match String::from_utf8_lossy(&text).into_owned() {
        text if text.is_empty() => entry.title.to_owned(),
        text => text,
    };
    let fault = Fault::new(status.as_u16(), entry.code, entry.title, detail);
    // How far a block came before the server failed is not known.
    let fault = if status.is_server_error() { fault.about_block(None, "unknown") } else { fault };
    let (said, body) = fault.into_response().into_parts();
    // Headers such as Allow stay; length and type are those of the document.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(said.headers);
    Response::from_parts(parts, body)
}

impl From<Behind> for Fault {
    fn from(_: Behind) -> Self {
        let detail =
            "the tables behind this answer have not caught up with the journal; ask again in a moment";
        Self::of(&catalogue::BEHIND, detail).about_block(None, "unknown").retry(1_000)
    }
}

impl From<NotTried> for Fault {
    fn from(not_tried: NotTried) -> Self {
        match not_tried {
            NotTried::Busy => Self::overloaded(),
            NotTried::Recover(RecoverError::Read(error)) => Self::unreadable(&error),
            NotTried::Recover(error @ RecoverError::Replay(_)) => {
                tracing::error!(%error, "the journal cannot be followed");
                Self::overloaded()
            }
        }
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::unreadable(&error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry = self.0.retry_after_ms.map(|ms| ms.div_ceil(1_000));
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let kind = HeaderValue::from_static(PROBLEM_JSON);
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if let Some(seconds) = retry {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_tried_again_becomes_unknown() {
        let id = BlockId::new([7; 32]);
        let check = |fault: Fault, may_be_recorded, outcome: &str| {
            let told = fault.of_sent(id, may_be_recorded).0;
            assert_eq!(
                (told.outcome.as_deref(), told.block_id),
                (Some(outcome), Some(id.to_string())),
                "{}",
                told.code
            );
        };
        for busy in [Busy::Full, Busy::Stopping] {
            check(Fault::busy(busy), true, "unknown");
            check(Fault::busy(busy), false, "rejected");
        }
        check(Fault::rate_limited("account", 5), true, "unknown");
        check(Fault::unknown_outcome(None), false, "unknown");
        // Final answers stay what they are.
        check(Fault::gap(id, Head { seq: 1, id }), true, "rejected");
    }

    #[tokio::test]
    async fn the_nodes_own_faults_leave_the_outcome_open() {
        let unreadable = Fault::unreadable(&ReadError::Store("gone".to_owned()));
        let internal = in_our_words(StatusCode::INTERNAL_SERVER_ERROR.into_response()).await;
        for (response, code) in [(unreadable.into_response(), "store_unreadable"), (internal, "internal")] {
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            let body = axum::body::to_bytes(response.into_body(), COMPLAINT_BYTES_MAX).await.unwrap();
            let problem: Problem = serde_json::from_slice(&body).unwrap();
            assert_eq!((problem.code.as_str(), problem.outcome.as_deref()), (code, Some("unknown")));
        }
        // A request that cannot be read is none of these.
        let missing = in_our_words(StatusCode::NOT_FOUND.into_response()).await;
        let body = axum::body::to_bytes(missing.into_body(), COMPLAINT_BYTES_MAX).await.unwrap();
        assert_eq!(serde_json::from_slice::<Problem>(&body).unwrap().outcome, None);
    }
}
