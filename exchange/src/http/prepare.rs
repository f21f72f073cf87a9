//! Puts blocks together that a key will sign elsewhere: whoever can sign 32 lines of bytes can trade, without knowing how
//! the bytes are made. Nothing is kept: the node's word on what the bytes say can be checked by reading them again.

use super::operations::Operations;
use super::problem::Fault;
use super::reply::{json, named};
use crate::clock;
use crate::shared::Shared;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use bandex_api as api;
use bandex_tradechain::body::{Operation, Orders};
use bandex_tradechain::{Block, Body, Head, check_unsigned};
use bandex_types::{BlockId, PublicKey, Timestamp};
use serde_json::Value;
use std::sync::Arc;

/// Put a block together that a key will sign.
///
/// The answer's `preimage` is what Ed25519 signs; the signature and `payload` then go to `POST /v1/blocks`. What a block
/// says is either `body`, in the words of docs/tradechain.md, or `orders`, in decimals. Everything that can be checked
/// without the state of accounts is; a problem names the operation (`op_index`). Its place in the lane is not reserved.
#[utoipa::path(
    post,
    path = "/v1/blocks/prepare",
    tag = "blocks",
    request_body = api::Prepare,
    responses(
        (status = 200, description = "The block", body = api::Prepared),
        (status = 400, description = "No block can be made of this", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No account here has this key, or no order has this reference",
         body = api::Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn prepare(
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<Json<api::Prepared>, Fault> {
    let asked: api::Prepare = json(&body)?;
    let author: PublicKey = named("key", &asked.key)?;
    let body = match (&asked.body, &asked.orders) {
        (Some(body), None) => read_body(body)?,
        (None, Some(orders)) => {
            let operations = Operations { shared: &shared }.read(orders).await?;
            Orders { operations }.into()
        }
        _ => return Err(Fault::bad_request("give either `body` or `orders`")),
    };
    let Head { seq, id: previous } = place(&shared, &author, &asked, &body)?;
    let (network, time) = (shared.network, clock::now());
    let expiry = asked.expiry_us.map(Timestamp::from_micros);
    let block = Block { network, author, seq, previous, time, expiry, body };
    check(&block, network)?;
    prepared(&block).map(Json)
}

fn prepared(block: &Block) -> Result<api::Prepared, Fault> {
    let payload = block.encode();
    let told = serde_json::to_value(block).map_err(|error| Fault::bad_request(error.to_string()))?;
    Ok(api::Prepared {
        block_id: block.id().to_string(),
        preimage: hex::encode(block.domain().preimage(&payload)),
        payload: hex::encode(payload),
        block: told,
    })
}

/// A body in the words of docs/tradechain.md. A field that its kind does not have is refused: a misspelt one that may be
/// absent would go unnoticed otherwise.
fn read_body(given: &Value) -> Result<Body, Fault> {
    let body: Body = serde_json::from_value(given.clone())
        .map_err(|error| Fault::bad_request(format!("body: {error}")))?;
    let read = serde_json::to_value(&body).map_err(|error| Fault::bad_request(format!("body: {error}")))?;
    match unknown_field(given, &read) {
        Some(field) => {
            let kind = body.kind().name();
            Err(Fault::bad_request(format!("body: a block of kind {kind} has no field {field}")))
        }
        None => Ok(body),
    }
}

/// The first field of `given` that `read`, what was understood of it, does not have.
fn unknown_field(given: &Value, read: &Value) -> Option<String> {
    match (given, read) {
        (Value::Object(given), Value::Object(read)) => given.iter().find_map(|(name, value)| {
            let Some(read) = read.get(name) else { return Some(name.clone()) };
            unknown_field(value, read).map(|inner| format!("{name}.{inner}"))
        }),
        (Value::Array(given), Value::Array(read)) => {
            given.iter().zip(read).enumerate().find_map(|(index, (given, read))| {
                unknown_field(given, read).map(|inner| format!("{index}.{inner}"))
            })
        }
        _ => None,
    }
}

/// The place in the lane that was asked for, or the next one.
fn place(shared: &Shared, author: &PublicKey, asked: &api::Prepare, body: &Body) -> Result<Head, Fault> {
    match (asked.seq, &asked.previous) {
        (Some(seq), Some(previous)) => return Ok(Head { seq, id: named("previous", previous)? }),
        (None, None) => {}
        _ => return Err(Fault::bad_request("give `seq` and `previous` together, or neither")),
    }
    if matches!(body, Body::Register(_)) {
        return Ok(Head { seq: 1, id: BlockId::ZERO });
    }
    let head = shared.view().head(author).ok_or_else(Fault::unknown_key)?;
    let seq = head.seq.checked_add(1).ok_or_else(|| Fault::bad_request("the lane is full"))?;
    Ok(Head { seq, id: head.id })
}

/// All that can be said of the block without any state; of orders, which operation is at fault.
fn check(block: &Block, network: u32) -> Result<(), Fault> {
    check_unsigned(block, network).map_err(|error| of_operation(Fault::unverified(&error), block, network))
}

/// Names in the fault of a block of orders which of the operations is to blame, if one is.
pub(super) fn of_operation(fault: Fault, block: &Block, network: u32) -> Fault {
    let Body::Orders(orders) = &block.body else { return fault };
    let is_sound = |operation: &Operation| {
        let body = Orders { operations: vec![operation.clone()] }.into();
        check_unsigned(&Block { body, ..block.clone() }, network).is_ok()
    };
    // With an operation that nothing is wrong with, what is wrong is wrong with the rest of the block.
    if !is_sound(&Operation::CancelAll { market: None, side: None }) {
        return fault;
    }
    match orders.operations.iter().position(|operation| !is_sound(operation)) {
        Some(op_index) => fault.of_operation(op_index),
        None => fault,
    }
}
