//! What an answer means for a lane: go on, send again, or stop.

use crate::SubmitError;
use crate::lane::{Comparison, LaneState};
use bandex_api::{BlockReply, Problem};
use bandex_tradechain::Head;
use std::time::Duration;

/// Why nothing can be signed in a lane any more without risking a fork.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LaneError {
    /// The exchange holds blocks that the store does not.
    #[error(
        "the exchange has blocks of this key that are not in the store: another process uses the key, or the store \
         is an old copy; if neither runs any more, begin with an empty store"
    )]
    Ahead,
    /// The exchange holds another block in the place of one of ours.
    #[error("the exchange has another block in the place of one of ours: the key has forked")]
    Forked,
    /// The exchange lacks blocks that it confirmed.
    #[error("the exchange has forgotten blocks that it confirmed; their receipts prove it")]
    Forgot,
    /// A block is turned away each time, and all behind it with it.
    #[error("block {seq} is turned away ({code}): {detail}")]
    Stuck {
        /// Its seq.
        seq: u64,
        /// The exchange's code.
        code: String,
        /// The exchange's words.
        detail: String,
    },
    /// The connection was given up; what is pending is sent when the lane is opened again.
    #[error("the connection was closed")]
    Closed,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// The block has its place; the lane goes on behind it.
    Answered,
    /// The block, and whatever is pending, must be sent again.
    Again(Option<Duration>),
    /// The lane must not go on.
    Broken(LaneError),
}

/// Judges the answer to block `seq`. It is `fresh` if nothing can have been confirmed since it was given.
pub(super) fn judge(
    state: &LaneState,
    seq: u64,
    answer: &Result<BlockReply, SubmitError>,
    fresh: bool,
) -> Fate {
    match answer {
        // An answer that cannot be trusted is the asker's to deal with; sending again would not mend it.
        Ok(_) | Err(SubmitError::Refused(_) | SubmitError::Answer(_)) => Fate::Answered,
        Err(SubmitError::Unknown(problem)) => again(problem),
        Err(SubmitError::Rejected(problem)) => match problem.code.as_str() {
            "gap" => gap(state, seq, problem, fresh),
            "fork" => Fate::Broken(LaneError::Forked),
            _ if problem.retryable => again(problem),
            _ => Fate::Broken(stuck(seq, problem)),
        },
        Err(SubmitError::Closed) => Fate::Broken(LaneError::Closed),
    }
}

fn again(problem: &Problem) -> Fate {
    Fate::Again(problem.retry_after_ms.map(Duration::from_millis))
}

fn stuck(seq: u64, problem: &Problem) -> LaneError {
    LaneError::Stuck { seq, code: problem.code.clone(), detail: problem.detail.clone() }
}

/// After a gap the lane's head at the exchange says whether sending the missing blocks again will close it.
fn gap(state: &LaneState, seq: u64, problem: &Problem, fresh: bool) -> Fate {
    let Some(head) = head_of(problem) else { return Fate::Broken(stuck(seq, problem)) };
    match state.compare(head) {
        Comparison::Fits => again(problem),
        // A gap that is read late names a head from before the blocks that were sent again meanwhile.
        Comparison::Forgot if !fresh => again(problem),
        Comparison::Forgot => Fate::Broken(LaneError::Forgot),
        Comparison::Ahead => Fate::Broken(LaneError::Ahead),
        Comparison::Differs => Fate::Broken(LaneError::Forked),
    }
}

fn head_of(problem: &Problem) -> Option<Head> {
    let details = problem.details.as_ref()?;
    let seq = details.get("head_seq")?.as_u64()?;
    let id = details.get("head_id")?.as_str()?.parse().ok()?;
    Some(Head { seq, id })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use crate::testing::{NETWORK, NOW, ORIGIN, keypair, place, problem};
    use bandex_tradechain::Block;
    use bandex_types::BlockId;
    use serde_json::json;

    #[test]
    fn every_answer_has_its_fate() {
        let mut signer = Signer::new(keypair(1), NETWORK, ORIGIN);
        let mut state = LaneState::new(signer.key(), ORIGIN);
        let mut ids = vec![ORIGIN.id];
        for lots in 1..4 {
            let own = signer.orders(NOW, vec![place(lots)]).unwrap();
            ids.push(own.id);
            let block = Block::decode(&own.signed.payload).unwrap();
            state.push(own, &block);
        }
        state.confirm(1);
        let check = |code, outcome, retryable, details, expected| {
            let problem = Problem { details, retryable, ..problem(code, outcome) };
            let error = SubmitError::from_problem(Box::new(problem));
            assert_eq!(judge(&state, 3, &Err(error), true), expected, "{code}");
        };
        let stuck = |code: &str| {
            let detail = "in words".to_owned();
            Fate::Broken(LaneError::Stuck { seq: 3, code: code.to_owned(), detail })
        };
        check("zero_quantity", "accepted", false, None, Fate::Answered);
        check("unknown_outcome", "unknown", true, None, Fate::Again(None));
        check("overloaded", "rejected", true, None, Fate::Again(None));
        check("unknown_key", "rejected", false, None, stuck("unknown_key"));
        check("fork", "rejected", false, None, Fate::Broken(LaneError::Forked));
        check("gap", "rejected", false, None, stuck("gap"));
        let gap = |seq: usize, id: BlockId, expected| {
            let details = json!({"head_seq": seq, "head_id": id.to_string()});
            check("gap", "rejected", false, Some(details), expected);
        };
        gap(1, ids[1], Fate::Again(None));
        gap(2, ids[2], Fate::Again(None));
        gap(0, ids[0], Fate::Broken(LaneError::Forgot));
        gap(2, ids[1], Fate::Broken(LaneError::Forked));
        gap(4, ids[1], Fate::Broken(LaneError::Ahead));
        let closed = judge(&state, 3, &Err(SubmitError::Closed), true);
        assert_eq!(closed, Fate::Broken(LaneError::Closed));
        let details = Some(json!({"head_seq": 0, "head_id": ids[0].to_string()}));
        let late = SubmitError::from_problem(Box::new(Problem { details, ..problem("gap", "rejected") }));
        assert_eq!(judge(&state, 3, &Err(late), false), Fate::Again(None), "read after what followed it");
    }
}
