//! The one place that maps errors to HTTP (RFC 9457).

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
use serde_json::json;

/// The media type of RFC 9457.
const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub Box<Problem>);

impl Fault {
    fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: format!("urn:bandex:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
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
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "bad request", detail)
    }

    pub fn bad_cursor() -> Self {
        let detail = "cursor: send the next_cursor of the page before as it was given, to the same list with the same \
                      market and interval; or leave it out to begin with the first page";
        Self::new(StatusCode::BAD_REQUEST, "bad_cursor", "bad cursor", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found", detail)
    }

    pub fn unknown_key() -> Self {
        let detail = "no account here has this key; register it or have it granted";
        Self::new(StatusCode::NOT_FOUND, "unknown_key", "unknown key", detail)
    }

    pub fn not_logged_in() -> Self {
        let detail = "log in with /v1/login and send its token as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "not_logged_in", "not logged in", detail)
    }

    pub fn not_the_operator() -> Self {
        let detail = "send the token of the file admin.token in the server's data folder as `Authorization: Bearer TOKEN`";
        Self::new(StatusCode::UNAUTHORIZED, "not_the_operator", "not the operator", detail)
    }

    pub fn not_yours() -> Self {
        let detail = "this belongs to another account; log in with one of its keys";
        Self::new(StatusCode::FORBIDDEN, "not_yours", "not yours", detail)
    }

    pub fn login_failed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "login_failed", "login failed", detail)
    }

    pub fn overloaded() -> Self {
        let detail = "too many requests wait; send the same again in a moment";
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "overloaded", detail);
        fault.about_block(None, "rejected").retry(1_000)
    }

    /// A bucket of the rate limits holds too little.
    pub fn rate_limited(policy: &str, retry_after_ms: u64) -> Self {
        let detail = format!(
            "too much at once for the rate limit {policy:?}; ask again in {retry_after_ms} ms, and see /v1/rate-limits"
        );
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut fault = Self::new(status, "rate_limited", "rate limited", detail);
        fault.0.details = Some(json!({ "policy": policy }));
        fault.about_block(None, "rejected").retry(retry_after_ms)
    }

    /// A WebSocket is one too many.
    pub fn too_many_connections(of_address: bool) -> Self {
        let whose = if of_address { "from this address" } else { "on this server" };
        let detail = format!("there are as many WebSockets {whose} as may be; close one, or come later");
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "too_many_connections", "too many connections", detail).retry(5_000)
    }

    /// A web page that may not open a WebSocket here.
    pub fn bad_origin() -> Self {
        let detail = "pages of this origin may not open a WebSocket; the operator lists those that may (--cors-origin)";
        Self::new(StatusCode::FORBIDDEN, "bad_origin", "bad origin", detail)
    }

    /// No epoch of the trust graph has ended, so that nobody has a score.
    pub fn no_epoch(epoch_us: u64) -> Self {
        let detail = match epoch_us {
            0 => "this exchange keeps no epochs of trust, so nobody has a score; /v1/limits/{account} says what limits \
                  follow here"
                .to_owned(),
            _ => format!("no epoch of the trust graph has ended yet; one ends every {epoch_us} us: ask again then"),
        };
        Self::new(StatusCode::CONFLICT, "no_epoch", "no epoch has ended", detail)
    }

    /// The scores of an epoch are due and not there yet.
    pub fn not_scored(epoch: u64) -> Self {
        let detail = format!("the scores of epoch {epoch} are being worked out; ask again in a moment");
        Self::new(StatusCode::CONFLICT, "not_scored", "not scored yet", detail).retry(1_000)
    }

    /// A place to resume from that this journal does not have.
    pub fn beyond_head(resume_from: u64, head: u64) -> Self {
        let detail = format!(
            "the journal ends at record {head}, before {resume_from}: it lost its end, or is another exchange's; \
             subscribe without resume_from"
        );
        let mut fault = Self::new(StatusCode::CONFLICT, "beyond_head", "beyond the journal's end", detail);
        fault.0.details = Some(json!({ "head_seq": head }));
        fault
    }

    pub fn too_many_subscriptions(most: usize) -> Self {
        let detail =
            format!("a connection follows at most {most} topics; end one, or open another connection");
        Self::new(StatusCode::CONFLICT, "too_many_subscriptions", "too many subscriptions", detail)
    }

    pub fn timed_out() -> Self {
        let detail = "the request took too long; a block may have been sequenced: send the same bytes again";
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "timed_out", "timed out", detail);
        fault.about_block(None, "unknown").retry(1_000)
    }

    pub fn unknown_outcome(id: Option<BlockId>) -> Self {
        let detail = "it is not known whether the block was recorded; send the same bytes again";
        let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unknown_outcome", "outcome unknown", detail);
        fault.about_block(id, "unknown").retry(1_000)
    }

    pub fn busy(busy: Busy) -> Self {
        match busy {
            Busy::Full => Self::overloaded(),
            Busy::Stopping => {
                let detail = "the server is stopping; connect again in a moment";
                let fault = Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "stopping", detail);
                fault.about_block(None, "rejected").retry(1_000)
            }
        }
    }

    /// A block that was refused before it was sequenced.
    pub fn unverified(error: &VerifyError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.code(), "not a valid block", error.to_string())
            .about_block(None, "rejected")
    }

    pub fn gap(id: BlockId, head: Head) -> Self {
        let detail =
            format!("the lane ends at seq {} with block {}; send what follows it first", head.seq, head.id);
        let mut fault = Self::new(StatusCode::CONFLICT, "gap", "gap in the lane", detail);
        fault.0.details = Some(json!({ "head_seq": head.seq, "head_id": head.id }));
        fault.about_block(Some(id), "rejected")
    }

    pub fn fork(id: BlockId, record: u64) -> Self {
        let detail = format!(
            "record {record} holds another block for this place in the lane; both together prove a fork"
        );
        let mut fault = Self::new(StatusCode::CONFLICT, "fork", "fork", detail);
        fault.0.details = Some(json!({ "seq": record }));
        fault.about_block(Some(id), "rejected")
    }

    /// A refusal; `sequenced` is the record that holds it, if it has one.
    pub fn refused(id: BlockId, refusal: &Refusal, sequenced: Option<u64>) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let mut fault = Self::new(status, refusal.code(), "refused", refusal.to_string());
        let mut details = serde_json::to_value(refusal).unwrap_or_default();
        if let (Some(seq), Some(details)) = (sequenced, details.as_object_mut()) {
            details.insert("seq".to_owned(), json!(seq));
        }
        fault.0.details = Some(details);
        fault.about_block(Some(id), if sequenced.is_some() { "refused" } else { "rejected" })
    }

    pub fn unreadable(error: &ReadError) -> Self {
        tracing::error!(%error, "a read failed");
        let detail = "the node cannot read its own store; the operator must look into it";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "store_unreadable", "store unreadable", detail).retry(5_000)
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
    let (code, title) = match status {
        StatusCode::NOT_FOUND => ("not_found", "not found"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "method not allowed"),
        StatusCode::PAYLOAD_TOO_LARGE => ("body_too_large", "body too large"),
        _ if status.is_server_error() => ("internal", "internal error"),
        _ => ("bad_request", "bad request"),
    };
    let detail = match String::from_utf8_lossy(&text).into_owned() {
        text if text.is_empty() => title.to_owned(),
        text => text,
    };
    let (said, body) = Fault::new(status, code, title, detail).into_response().into_parts();
    // Headers such as Allow stay; length and type are those of the document.
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(said.headers);
    Response::from_parts(parts, body)
}

impl From<Behind> for Fault {
    fn from(_: Behind) -> Self {
        let detail =
            "the tables behind this answer have not caught up with the journal; ask again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "behind", "behind", detail)
            .about_block(None, "unknown")
            .retry(1_000)
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
