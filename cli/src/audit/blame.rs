//! Which record is to blame, and for what, when things do not fit together.

use super::feed::JudgedRecord;
use super::verdict::{Check, Conviction};
use super::walk::Last;
use bandex_engine::{Event, Outcome, Trade};
use bandex_tradechain::body::Operation;
use bandex_tradechain::{Body, Decoded, Record};
use bandex_types::{Hash, Price, Side};

/// A record does not name the hash of the one before. Either of the two may have been altered since.
///
/// `claimed` is the hash of the record by the word of what follows it: a third witness, which tells who was altered.
pub(super) fn broken_link(last: &Last, judged: &JudgedRecord, claimed: Option<Hash>) -> Box<Conviction> {
    let record = &judged.record;
    let relinked = Record { previous: last.hash, ..record.clone() }.hash();
    let (seq, why) = if claimed == Some(relinked) {
        (
            record.seq,
            "its link to the record before was altered: what follows it names the hash it had before",
        )
    } else if claimed == Some(judged.hash) && last.seq > 0 {
        (last.seq, "the record was altered: the record after it names the hash it had before")
    } else {
        (record.seq, "it does not follow the record before: records were removed, swapped or put in")
    };
    let conviction = Conviction::new(seq, Check::Link, why);
    if seq == record.seq {
        conviction.expecting(&last.hash).finding(&record.previous)
    } else {
        conviction.expecting(&record.previous).finding(&last.hash)
    }
}

/// The rules give another outcome than the one recorded. `recorded` is that one, if a receipt shows it: the journal
/// itself keeps only its digest.
pub(super) fn other_outcome(
    judged: &JudgedRecord,
    decoded: &Decoded,
    due: &Outcome,
    claimed: Option<Hash>,
    recorded: Option<Outcome>,
) -> Box<Conviction> {
    let altered = claimed.is_some_and(|hash| hash != judged.hash);
    let lie = recorded.as_ref().and_then(|recorded| lie(decoded, due, recorded));
    let why = match (altered, lie) {
        (true, _) => "the record was altered: what follows it names the hash it had before".to_owned(),
        (false, Some(lie)) => format!("the exchange recorded what the rules do not give: {lie}"),
        (false, None) => {
            "the exchange recorded another outcome than the rules give for this command".to_owned()
        }
    };
    let conviction = Conviction::new(judged.record.seq, Check::Digest, why).expecting(due);
    match recorded {
        Some(recorded) => conviction.finding(&recorded),
        None => conviction,
    }
}

/// What is wrong with a recorded outcome, if its trades tell.
fn lie(decoded: &Decoded, due: &Outcome, recorded: &Outcome) -> Option<String> {
    let false_trade = trades(recorded).find(|trade| trades(due).all(|other| other != *trade));
    let Some(trade) = false_trade else {
        return trades(due)
            .find(|trade| trades(recorded).all(|other| other != *trade))
            .map(|trade| format!("the trade with {} was left out", trade.maker));
    };
    if let Some(limit) = limit_of(decoded, trade)
        && match trade.taker_side {
            Side::Buy => trade.price > limit,
            Side::Sell => trade.price < limit,
        }
    {
        return Some(format!(
            "a trade at {} outside the limit {limit} of the order that arrived",
            trade.price
        ));
    }
    if limit_of(decoded, trade).is_none() {
        return Some(format!("a trade of {}, which this command does not place", trade.taker));
    }
    match trades(due).find(|other| other.taker == trade.taker) {
        Some(other) if other.maker != trade.maker => {
            Some(format!("a trade with {} where {} has priority", trade.maker, other.maker))
        }
        _ => Some(format!("a trade with {} that is not due", trade.maker)),
    }
}

fn trades(outcome: &Outcome) -> impl Iterator<Item = &Trade> {
    outcome.events.iter().filter_map(|event| match event {
        Event::Trade(trade) => Some(trade),
        _ => None,
    })
}

/// The limit of a trade's taker, if this command places it.
fn limit_of(decoded: &Decoded, trade: &Trade) -> Option<Price> {
    let (block, _) = decoded.block()?;
    if (block.author, block.seq) != (trade.taker.key, trade.taker.seq) {
        return None;
    }
    let Body::Orders(orders) = &block.body else { return None };
    orders.numbered().find_map(|(number, operation)| match operation {
        Operation::Place(place) if number == trade.taker.op => Some(place.price),
        _ => None,
    })
}
