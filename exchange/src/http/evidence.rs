//! All that a third party needs to judge a deal.

use super::blocks::{WireRecord, proven_record};
use super::deals::{one_on_the_wire, own_deal};
use super::problem::Fault;
use super::reply::LoggedIn;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use bandex_api as api;
use bandex_types::{DealId, OrderRef, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that a third party needs to judge a deal.
///
/// Both signed orders, the match, payments, acknowledgements and the end, each with the node's receipt; and the blocks
/// by which the keys that signed them are those of the two accounts.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/evidence",
    tag = "deals",
    params(("id" = String, Path, description = "The deal's id, hex", pattern = "^[0-9a-f]{64}$")),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "The evidence", body = api::Evidence),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such deal", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn evidence(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(id): Path<String>,
) -> Result<Json<api::Evidence>, Fault> {
    let row = own_deal(&shared, who, &id).await?;
    let missing = || Fault::not_found("the records of this deal are not readable yet; ask again");
    let deal = one_on_the_wire(&shared, &row).await?.ok_or_else(missing)?;
    let taker_order = order_record(&shared, row.state.taker).await?.ok_or_else(missing)?;
    let maker_order = order_record(&shared, row.state.maker).await?.ok_or_else(missing)?;
    let (mut payments, mut acknowledgements, mut close) = (Vec::new(), Vec::new(), None);
    let (mut receive, mut chain_payments) = (None, Vec::new());
    let records = shared.projections.deal_records(row.state.id).await?;
    // The trade is the first that happens to a deal.
    let matched_seq = records.first().map_or(taker_order.seq, |first| first.record_seq);
    let matched = match matched_seq == taker_order.seq {
        true => None,
        false => proven_record(&shared, matched_seq).await?.map(on_the_record),
    };
    let amendments = amendments(&shared, [row.state.taker, row.state.maker], matched_seq).await?;
    for touched in records {
        let Some(record) = proven_record(&shared, touched.record_seq).await? else { continue };
        let closes = row.state.deal.state().is_closed() && touched.record_seq == row.updated_seq;
        let step = step_of(&record, row.state.id, &payments);
        let record = on_the_record(record);
        if closes {
            close = Some(record.clone());
        }
        match step {
            Some(Step::Payment) => payments.push(record),
            Some(Step::Acknowledgement) => acknowledgements.push(record),
            Some(Step::Receive) => receive = Some(record),
            Some(Step::ChainPayment) => chain_payments.push(record),
            None => {}
        }
    }
    let signers = [Some(row.state.taker.key), Some(row.state.maker.key), receive.as_ref().and_then(signer)];
    let keys = key_records(&shared, signers.into_iter().flatten()).await?;
    Ok(Json(api::Evidence {
        network: shared.network,
        node: shared.node.to_string(),
        deal,
        taker_order: on_the_record(taker_order),
        maker_order: on_the_record(maker_order),
        amendments,
        matched,
        payments,
        acknowledgements,
        receive,
        chain_payments,
        keys,
        close,
    }))
}

/// What a record is to a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Payment,
    Acknowledgement,
    /// The payee says where it wants to be paid on the chain.
    Receive,
    /// The proof of a payment there.
    ChainPayment,
}

/// Which step of the deal a record is, if it is one: anybody can name a deal in a block that is then refused, and a
/// deadline may pass with a block that is about another deal.
fn step_of(record: &WireRecord, deal: DealId, payments: &[api::ProvenRecord]) -> Option<Step> {
    if record.outcome.pointer("/result/result")?.as_str()? != "done" {
        return None;
    }
    if record.is_payment {
        return Some(Step::ChainPayment);
    }
    let body = record.block.as_ref()?.get("body")?;
    let names = |field: &str| body.get(field).and_then(|value| value.as_str());
    match body.get("kind")?.as_str()? {
        "pay" if names("deal") == Some(deal.to_string().as_str()) => Some(Step::Payment),
        "receive" if names("deal") == Some(deal.to_string().as_str()) => Some(Step::Receive),
        "acknowledge" if payments.iter().any(|paid| paid.block_id.as_deref() == names("proposal")) => {
            Some(Step::Acknowledgement)
        }
        _ => None,
    }
}

async fn order_record(shared: &Shared, order: OrderRef) -> Result<Option<WireRecord>, Fault> {
    let Some(row) = shared.projections.order(order).await? else { return Ok(None) };
    proven_record(shared, row.placed.seq).await
}

/// The records that amended these orders, up to the one of their match.
async fn amendments(
    shared: &Shared,
    orders: [OrderRef; 2],
    up_to: u64,
) -> Result<Vec<api::ProvenRecord>, Fault> {
    let mut seqs = BTreeSet::new();
    for order in orders {
        seqs.extend(shared.projections.amendments(order).await?);
    }
    let mut records = Vec::new();
    for seq in seqs.into_iter().take_while(|seq| *seq <= up_to) {
        records.extend(proven_record(shared, seq).await?.map(on_the_record));
    }
    Ok(records)
}

/// Who signed the block of a record.
fn signer(record: &api::ProvenRecord) -> Option<PublicKey> {
    record.block.as_ref()?.get("author")?.as_str()?.parse().ok()
}

/// The blocks that made these keys their accounts': each back to a register block, whose id is the account.
async fn key_records(
    shared: &Shared,
    keys: impl Iterator<Item = PublicKey>,
) -> Result<Vec<api::ProvenRecord>, Fault> {
    let mut records = BTreeMap::new();
    for mut key in keys {
        // Each step leads to an earlier record, so it ends.
        while let Some(seq) = shared.projections.key_named(key).await?
            && !records.contains_key(&seq)
            && let Some(record) = proven_record(shared, seq).await?.map(on_the_record)
        {
            let author = signer(&record);
            records.insert(seq, record);
            match author {
                Some(author) if author != key => key = author,
                _ => break,
            }
        }
    }
    Ok(records.into_values().collect())
}

fn on_the_record(record: WireRecord) -> api::ProvenRecord {
    api::ProvenRecord {
        seq: record.seq,
        time_us: record.time_us,
        command: record.command,
        block_id: record.block_id,
        block: record.block,
        outcome: record.outcome,
        receipt: record.receipt,
    }
}
