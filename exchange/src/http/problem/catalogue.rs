//! Every code that an error can have, with what it means and what to do about it. `docs/errors.md` is made of it.
//!
//! A problem is made of an entry here, so none can have a code that is not in the list. What is wrong with a block's
//! bytes and what the engine refuses is listed where it is judged, in TradeChain and engine.

use bandex_engine::Refusal;
use bandex_tradechain::{DecodeError, VerifyError};

/// A kind of problem.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The HTTP status.
    pub status: u16,
    /// The stable code that programs test for.
    pub code: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// What it means.
    cause: &'static str,
    /// What to do about it.
    cure: &'static str,
}

macro_rules! problems {
    ($($name:ident = $status:literal, $code:literal, $title:literal, $cause:literal, $cure:literal;)+) => {
        $(pub(crate) static $name: Entry =
            Entry { status: $status, code: $code, title: $title, cause: $cause, cure: $cure };)+

        /// All of them, by status.
        static ALL: &[&Entry] = &[$(&$name,)+];
    };
}

problems! {
    BAD_REQUEST = 400, "bad_request", "bad request",
        "a body, parameter or message cannot be read, or has no such value",
        "mend it; `detail` names it";
    BAD_CURSOR = 400, "bad_cursor", "bad cursor",
        "a cursor that this list did not give: it is broken, or another list's, market's or interval's",
        "send `next_cursor` of the page before as it was given, or leave it out to begin with the first page";
    NOT_LOGGED_IN = 401, "not_logged_in", "not logged in",
        "the page belongs to an account, and the request has neither the token of a login that serves nor a signature",
        "log in (a token ends after 24 hours, and with its key), or sign the request";
    LOGIN_FAILED = 401, "login_failed", "login failed",
        "the challenge is over, used or another address's or connection's, the signature is wrong, or the key is not active here",
        "ask for a new challenge; compare node key and network";
    BAD_HTTP_SIGNATURE = 401, "bad_http_signature", "bad signature of the request",
        "the request's signature (RFC 9421) cannot be read, does not cover enough, does not match, or its nonce has served",
        "sign @method, @authority, @path and @query (and content-digest if there is a body) as they are sent, with a new nonce; `detail` names what is wrong";
    CLOCK_SKEW = 401, "clock_skew", "clocks differ",
        "the request was signed more than 30 s before or after the node's clock; `details` `{time_us}`",
        "set the clock, or correct for the difference to `GET /v1/time`, and sign again";
    NOT_THE_OPERATOR = 401, "not_the_operator", "not the operator",
        "the admin listener wants the token of the file `admin.token`",
        "send it as `Authorization: Bearer TOKEN`";
    NOT_YOURS = 403, "not_yours", "not yours",
        "the order or deal is of other accounts",
        "log in with a key of its account";
    BAD_ORIGIN = 403, "bad_origin", "bad origin",
        "a web page of another origin wants to open a WebSocket",
        "have the operator list the origin (`--cors-origin`)";
    NOT_FOUND = 404, "not_found", "not found",
        "no such page, market, block, order, deal or account",
        "compare the name with what the lists say; `/docs/` has the pages";
    UNKNOWN_KEY = 404, "unknown_key", "unknown key",
        "no account here has this key",
        "register it, or have it granted";
    METHOD_NOT_ALLOWED = 405, "method_not_allowed", "method not allowed",
        "the page has other methods",
        "the header `Allow` names them";
    BODY_TOO_SLOW = 408, "body_too_slow", "body too slow",
        "the body of the request took too long to come",
        "the same again, in one go";
    GAP = 409, "gap", "gap in the lane",
        "something before this block is missing; `details` `{head_seq, head_id}`",
        "send what follows the head first, then the same bytes again";
    FORK = 409, "fork", "fork",
        "record `details.seq` holds another block for this place in the lane; both are kept as proof, and the key is frozen",
        "never sign two blocks for one seq; the root key heals and grants another key";
    NO_EPOCH = 409, "no_epoch", "no epoch has ended",
        "no epoch of the trust graph has ended, so nobody has a score",
        "`detail` says how long an epoch lasts, or that there are none";
    NOT_SCORED = 409, "not_scored", "not scored yet",
        "an epoch has just ended and its scores are being worked out",
        "ask again after `retry_after_ms`";
    BEYOND_HEAD = 409, "beyond_head", "beyond the journal's end",
        "a channel cannot be resumed from a record that this journal does not have; `details` `{head_seq}`",
        "subscribe without `resume_from`";
    BODY_TOO_LARGE = 413, "body_too_large", "body too large",
        "the body of a request is larger than is taken (a WebSocket closes with 1009 instead)",
        "send fewer operations at a time";
    RATE_LIMITED = 429, "rate_limited", "rate limited",
        "too much was asked in too short a time; `details` `{policy}`",
        "the same again after `retry_after_ms`; `GET /v1/rate-limits` says what is left";
    TOO_MANY_CONNECTIONS = 429, "too_many_connections", "too many connections",
        "there are as many WebSockets, from this address or in all, as may be",
        "close one, or come later";
    TOO_MANY_SUBSCRIPTIONS = 429, "too_many_subscriptions", "too many subscriptions",
        "a connection follows as many channels as it may",
        "unsubscribe from one, or open another connection";
    STORE_UNREADABLE = 500, "store_unreadable", "store unreadable",
        "the node cannot read its own store",
        "the operator must look; ask for a block that was sent by its id";
    INTERNAL = 500, "internal", "internal error",
        "the server has a fault",
        "the operator finds it in the log; ask for a block that was sent by its id";
    OVERLOADED = 503, "overloaded", "overloaded",
        "too many requests or connections, or a full queue",
        "the same again after `retry_after_ms`";
    BEHIND = 503, "behind", "behind",
        "the tables behind the answer have not caught up with the journal",
        "ask again";
    STOPPING = 503, "stopping", "stopping",
        "the server is stopping",
        "connect again in a moment";
    TIMED_OUT = 503, "timed_out", "timed out",
        "the request took too long",
        "the same bytes again";
    UNKNOWN_OUTCOME = 503, "unknown_outcome", "outcome unknown",
        "it is not known whether the block was recorded",
        "the same bytes again";
}

/// The status of what is wrong with a block itself.
pub(super) const INVALID_STATUS: u16 = 400;
/// The status of what the engine refuses as a whole.
pub(super) const REFUSED_STATUS: u16 = 422;

const HEAD: &str = "\
# Errors

Made by `cargo xtask openapi` from the source; `bandex errors` prints it. [api.md](api.md) describes the rest.

Every error is a problem document (RFC 9457, `application/problem+json`): `type`, `title`, `status`, `detail`, and

| Field | Meaning |
|---|---|
| `code` | the stable word that programs test for; everything below goes by it |
| `outcome` | what became of a block, see below; says nothing where none was sent |
| `retryable` | whether sending the same again can help |
| `retry_after_ms` | when, also as the header `Retry-After` |
| `block_id` | the block |
| `op_index` | the operation that is at fault, from 0, where one is |
| `details` | numbers that belong to the code, such as the lane's head of a `gap` |

| outcome | Meaning | What to do |
|---|---|---|
| `rejected` | this time the block was not sequenced; its seq is free, unless `retryable` (below) | mend the cause. Send the same bytes again if `retryable` or after a `gap`; a block the node can never take blocks its lane, so check before signing |
| `accepted` | it was sequenced and refused as a whole; `details.seq` is the record | it stands in the chain and its seq is used up: go on with the next |
| `unknown` | nobody knows | send the same bytes again |

A `rejected` that is `retryable` (`rate_limited`, `overloaded`, `stopping`) says that this one attempt came to nothing, and often before the block was looked at. It frees no seq as long as an earlier attempt with the same block was never
answered: that one may be on record or on its way there. Whoever signs another block for the seq then has signed a fork, which freezes key and account. Send the same bytes again until an answer is final.
";

/// A code with its cause and its cure.
type Judged = (&'static str, &'static str, &'static str);

fn with_cures(
    codes: &'static [(&'static str, &'static str)],
    cures: &'static [(&'static str, &'static str)],
) -> impl Iterator<Item = Judged> {
    codes.iter().zip(cures).map(|((code, cause), (_, cure))| (*code, *cause, *cure))
}

/// What can be wrong with a block itself.
fn of_blocks() -> impl Iterator<Item = Judged> {
    with_cures(DecodeError::CODES, DecodeError::CURES)
        .chain(with_cures(VerifyError::CODES, VerifyError::CURES))
}

/// What the engine refuses.
fn of_the_engine() -> impl Iterator<Item = Judged> {
    with_cures(Refusal::CODES, Refusal::CURES)
}

/// The document of all codes.
pub(crate) fn document() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Requests\n\n| Status | Code | Cause | Cure |\n|---|---|---|---|\n");
    for entry in ALL {
        text.push_str(&format!(
            "| {} | `{}` | {} | {} |\n",
            entry.status, entry.code, entry.cause, entry.cure
        ));
    }
    text.push_str("\n## Blocks that are not valid\n\n");
    text.push_str(&format!(
        "Status {INVALID_STATUS}, outcome `rejected`.\n\n| Code | Cause | Cure |\n|---|---|---|\n"
    ));
    for (code, cause, cure) in of_blocks() {
        text.push_str(&format!("| `{code}` | {cause} | {cure} |\n"));
    }
    text.push_str("\n## Refusals by the engine\n\n");
    text.push_str(&format!(
        "Of a block as a whole: status {REFUSED_STATUS}, outcome `accepted`, or `rejected` if it was refused before it was \
         sequenced. Of one operation\namong several: in the reply's `operations`, with `op_index`. `{{…}}` are numbers \
         that come in `details`.\n\n| Code | Cause | Cure |\n|---|---|---|\n"
    ));
    for (code, cause, cure) in of_the_engine() {
        text.push_str(&format!("| `{code}` | {} | {cure} |\n", in_words(cause)));
    }
    text
}

/// The text of a refusal as a document has it: one that is only a field says what is in the field.
fn in_words(cause: &str) -> String {
    let named = |field: &str| format!("`details.{field}` says it");
    match cause.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(field) if !field.contains(['{', '}']) => named(field),
        _ => cause.replace(":?}", "}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_there_once_with_a_cause_and_a_cure() {
        let mut codes = BTreeSet::new();
        for entry in ALL {
            assert!(codes.insert(entry.code), "{} twice", entry.code);
            assert!((400..=599).contains(&entry.status) && !entry.title.is_empty(), "{}", entry.code);
            assert!(!entry.cause.is_empty() && !entry.cure.is_empty(), "{}", entry.code);
        }
        assert!(ALL.is_sorted_by_key(|entry| entry.status));
        let meanings = DecodeError::CODES.iter().chain(VerifyError::CODES).chain(Refusal::CODES);
        let cures = DecodeError::CURES.iter().chain(VerifyError::CURES).chain(Refusal::CURES);
        let named = |(code, _): &(&'static str, &'static str)| *code;
        assert!(meanings.clone().map(named).eq(cures.clone().map(named)), "each meaning has its cure");
        for (code, text) in meanings.chain(cures) {
            assert!(!text.is_empty(), "{code}");
        }
        let text = document();
        let rows = text.lines().filter(|line| line.starts_with("| ")).count();
        let listed = ALL.len() + DecodeError::CODES.len() + VerifyError::CODES.len() + Refusal::CODES.len();
        // Two tables before, and the heads of three more.
        assert_eq!(rows, listed + 8 + 4 + 3);
        assert!(
            text.lines().filter(|line| line.starts_with('|')).all(|line| line.matches(" | ").count() < 4)
        );
    }
}
