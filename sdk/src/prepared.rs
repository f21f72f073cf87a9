//! Blocks that a node laid out, compared with what was asked for before they are signed.
//!
//! A node that lays blocks out could write another order into one, or put one into a place of the lane that is taken
//! already, which would be a fork. So the bytes are laid out here a second time, from what was asked and from the lane's
//! end as its owner knows it, and only bytes that are the same get a signature.

mod orders;

use crate::wire::bytes;
use crate::{Markets, OwnBlock, SignError, Signer, WireError, parse};
use bandex_api::{Prepare, Prepared};
use bandex_tradechain::body::Orders;
use bandex_tradechain::{Block, Body, DecodeError, Domain};
use bandex_types::{BlockId, PublicKey, Timestamp};
use serde_json::Value;

/// How far the node's clock may be from this machine's in a block's time, in microseconds. The time has no effect; a
/// node that is an hour off still has it wrong in the owner's name.
const SKEW_US_MAX: u64 = 3_600_000_000;

/// Why a prepared block was not signed. The lane is as before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreparedError {
    /// No block can be laid out of what was asked, so there is nothing to compare with.
    #[error("what is asked cannot be compared: {0}")]
    Asked(String),
    /// A text of the answer cannot be read.
    #[error("the prepared block: {0}")]
    Wire(#[from] WireError),
    /// The prepared bytes are no block.
    #[error("the prepared block: {0}")]
    Decode(#[from] DecodeError),
    /// The prepared block says something else than was asked.
    #[error("the node prepared another block than was asked for: {what} is {given}, not {expected}")]
    Differs {
        /// Which part: a field of the block, or `operation N` counted from 0.
        what: String,
        /// What the node wrote, in JSON or as the text that it sent.
        given: String,
        /// What was asked for.
        expected: String,
    },
    /// The block breaks a rule.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Refuses what is not the same.
fn same<T: PartialEq>(
    what: &str,
    given: &T,
    expected: &T,
    say: impl Fn(&T) -> String,
) -> Result<(), PreparedError> {
    if given == expected {
        return Ok(());
    }
    Err(PreparedError::Differs { what: what.to_owned(), given: say(given), expected: say(expected) })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl Signer {
    /// Signs what `POST /v1/blocks/prepare` answered, if it is what was asked: it is laid out here once more from
    /// `asked`, this signer's key and network and the end of the lane it knows, and every byte must be the same. Only
    /// the time is the node's, within an hour of `now`. `markets` says what decimals mean in ticks and lots.
    ///
    /// # Errors
    /// What is asked leaves something for the node to fill in (an amendment in decimals), is for another key or another
    /// place than the next, or breaks a rule; or the node prepared something else.
    pub fn sign_prepared(
        &mut self,
        now: Timestamp,
        asked: &Prepare,
        markets: &Markets,
        prepared: &Prepared,
    ) -> Result<OwnBlock, PreparedError> {
        self.check_place(asked)?;
        let body = read_asked(asked, markets)?;
        let payload = bytes("payload", &prepared.payload)?;
        let given = Block::decode(&payload)?;
        if given.time.since(now).max(now.since(given.time)) > SKEW_US_MAX {
            same("time", &given.time, &now, json)?;
        }
        let expiry = asked.expiry_us.map(Timestamp::from_micros);
        let expected = self.next(given.time, expiry, body)?;
        compare(&given, &expected)?;
        same("payload", &payload, &expected.encode(), |payload| hex::encode(payload))?;
        compare_told(prepared, &expected)?;
        // From here the node's bytes are the ones that this signer makes itself.
        Ok(self.sign(expected.time, expiry, expected.body)?)
    }

    /// A key or a place that is named must be the one that is signed for.
    fn check_place(&self, asked: &Prepare) -> Result<(), PreparedError> {
        let wrong = |error: WireError| PreparedError::Asked(error.to_string());
        let key: PublicKey = parse("key", &asked.key).map_err(wrong)?;
        if key != self.key() {
            return Err(PreparedError::Asked(format!("key {key} is not the one that signs")));
        }
        let previous: Option<BlockId> =
            asked.previous.as_deref().map(|id| parse("previous", id)).transpose().map_err(wrong)?;
        let next = self.head().seq.checked_add(1).ok_or(SignError::LaneFull)?;
        match (asked.seq.unwrap_or(next) == next, previous.unwrap_or(self.head().id) == self.head().id) {
            (true, true) => Ok(()),
            _ => Err(PreparedError::Asked(format!(
                "the next place in the lane is {next}, after block {}",
                self.head().id
            ))),
        }
    }
}

/// What the block shall say.
fn read_asked(asked: &Prepare, markets: &Markets) -> Result<Body, PreparedError> {
    match (&asked.body, &asked.orders) {
        (Some(body), None) => read_body(body).map_err(PreparedError::Asked),
        (None, Some(given)) => {
            let operations = given.iter().enumerate().map(|(at, operation)| {
                let read = orders::read(operation, markets);
                read.map_err(|why| PreparedError::Asked(format!("operation {at}: {why}")))
            });
            Ok(Orders { operations: operations.collect::<Result<_, _>>()? }.into())
        }
        _ => Err(PreparedError::Asked("give either `body` or `orders`".to_owned())),
    }
}

/// A body in JSON; a field that its kind does not have would be left out without a word, so it is refused.
fn read_body(given: &Value) -> Result<Body, String> {
    let body: Body = serde_json::from_value(given.clone()).map_err(|error| format!("body: {error}"))?;
    let read = serde_json::to_value(&body).map_err(|error| format!("body: {error}"))?;
    match left_out(given, &read) {
        Some(field) => Err(format!("body: a block of kind {} has no field {field}", body.kind().name())),
        None => Ok(body),
    }
}

/// The path of the first member of `given` that is not in `read`.
fn left_out(given: &Value, read: &Value) -> Option<String> {
    let inner = |name: String, given, read: Option<&Value>| match read {
        None => Some(name),
        Some(read) => left_out(given, read).map(|inner| format!("{name}.{inner}")),
    };
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => {
            given.iter().find_map(|(name, value)| inner(name.clone(), value, read.get(name)))
        }
        (Value::Array(given), Value::Array(read)) => {
            given.iter().enumerate().find_map(|(at, value)| inner(at.to_string(), value, read.get(at)))
        }
        _ => None,
    }
}

/// Names the first part in which two blocks of the same time differ.
fn compare(given: &Block, expected: &Block) -> Result<(), PreparedError> {
    same("network", &given.network, &expected.network, json)?;
    same("author", &given.author, &expected.author, json)?;
    same("seq", &given.seq, &expected.seq, json)?;
    same("previous", &given.previous, &expected.previous, json)?;
    same("expiry", &given.expiry, &expected.expiry, json)?;
    if let (Body::Orders(given), Body::Orders(expected)) = (&given.body, &expected.body)
        && given.operations.len() == expected.operations.len()
    {
        for (at, (given, expected)) in given.operations.iter().zip(&expected.operations).enumerate() {
            same(&format!("operation {at}"), given, expected, json)?;
        }
    }
    same("body", &given.body, &expected.body, json)
}

/// What else the node said of the block, for whoever reads or signs that instead.
fn compare_told(prepared: &Prepared, expected: &Block) -> Result<(), PreparedError> {
    let preimage = hex::encode(Domain::Block.preimage(&expected.encode()));
    same("block_id", &prepared.block_id, &expected.id().to_string(), Clone::clone)?;
    same("preimage", &prepared.preimage, &preimage, Clone::clone)?;
    let told = serde_json::to_value(expected).unwrap_or_default();
    same("block", &prepared.block, &told, json)
}

#[cfg(test)]
mod tests;
