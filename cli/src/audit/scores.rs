//! Scores that a journal claims, against those that follow from its own trust graph.

use super::verdict::{Check, Conviction};
use bandex_engine::{Checkpoint, CommandResult, Engine, Outcome};
use bandex_tradechain::{Command, Decoded};
use serde_json::json;

/// The most differences that a conviction names.
const SHOWN: usize = 10;

/// What the scores of a command must follow from, before it is applied.
pub(super) fn due(engine: &Engine, decoded: &Decoded) -> Option<Checkpoint> {
    matches!(decoded.command(), Command::Scores(_)).then(|| engine.checkpoint()).flatten()
}

/// Works out the scores anew. Those that the rules refused have no effect, and may be anything.
///
/// # Errors
/// The journal holds others.
pub(super) fn check(
    seq: u64,
    decoded: &Decoded,
    outcome: &Outcome,
    due: Option<Checkpoint>,
) -> Result<(), Box<Conviction>> {
    let (Command::Scores(claimed), CommandResult::Done(_)) = (decoded.command(), &outcome.result) else {
        return Ok(());
    };
    let Some(right) = due.map(|checkpoint| checkpoint.scores()) else {
        return Err(Conviction::new(seq, Check::Scores, "no epoch has ended whose scores are due"));
    };
    if right == *claimed {
        return Ok(());
    }
    let why = format!("the scores of epoch {} do not follow from the trust graph", right.epoch);
    let only = |ours: &[(u32, u32)], theirs: &[(u32, u32)]| {
        let others = ours.iter().filter(|score| theirs.binary_search(score).is_err());
        json!(
            others
                .take(SHOWN)
                .map(|(account, ppb)| json!({ "account": account, "ppb": ppb }))
                .collect::<Vec<_>>()
        )
    };
    Err(Conviction::new(seq, Check::Scores, why)
        .expecting(&only(&right.scores, &claimed.scores))
        .finding(&only(&claimed.scores, &right.scores)))
}
