//! The tranches of a deal: what was moved in it, with who signed for it.

use super::deals::own_deal;
use super::pages::{Kind, Page};
use super::problem::Fault;
use super::reply::LoggedIn;
use crate::shared::Shared;
use crate::view::MarketInfo;
use crate::wire;
use axum::Json;
use axum::extract::{Path, Query, State};
use bandex_api as api;
use bandex_engine::{DealState, Event, Outcome, ProposalStatus, Tranche};
use bandex_journal::{Cursor, DealOutcomeRow};
use bandex_settlement::Party;
use bandex_types::{AccountId, Amount, BlockId, Rail};
use borsh::BorshDeserialize;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How many records are looked through at a time.
const RECORDS_AT_ONCE: usize = 256;

/// The tranches of a deal, oldest first.
///
/// What was moved and is final. A payment that waits for its acknowledgement is the deal's `in_flight`.
#[utoipa::path(
    get,
    path = "/v1/deals/{id}/tranches",
    tag = "deals",
    params(
        ("id" = String, Path, description = "The deal's id, hex", pattern = "^[0-9a-f]{64}$"),
        api::PageQuery,
    ),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "The tranches", body = api::TranchePage),
        (status = 403, description = "Another account's", body = api::Problem,
         content_type = "application/problem+json"),
        (status = 404, description = "No such deal", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn tranches(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(id): Path<String>,
    Query(query): Query<api::PageQuery>,
) -> Result<Json<api::TranchePage>, Fault> {
    let row = own_deal(&shared, who, &id).await?;
    let page = Page::new(Kind::Tranches, row.state.id, query.limit)?;
    let begun: Place = page.place(query.cursor.as_deref())?.unwrap_or_default();
    let info = shared.market_info(row.state.market);
    let info = info.ok_or_else(|| Fault::not_found("the deal's market is not listed"))?;
    let seq = *shared.checkpoint.borrow();
    let mut walk = Walk { info: &info, state: &row.state, place: begun, found: Vec::new() };
    // The record of the last place may hold more behind it.
    let mut after = begun.at.seq.saturating_sub(1);
    while walk.found.len() < page.rows() {
        let rows = shared.projections.deal_outcomes(row.state.id, after, RECORDS_AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        after = last.record.seq;
        rows.iter().for_each(|row| walk.take(row));
    }
    walk.found.truncate(page.rows());
    let next_cursor = page.end(&mut walk.found, |(_, place)| *place);
    let tranches = walk.found.into_iter().map(|(tranche, _)| tranche).collect();
    Ok(Json(api::TranchePage { deal: row.state.id.to_string(), seq, tranches, next_cursor }))
}

/// A tranche's place, with what each side had sent by then: the next one adds to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    at: Cursor,
    seller: Amount,
    buyer: Amount,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at, self.seller, self.buyer)
    }
}

/// A text is no such place.
#[derive(Debug)]
struct NoPlace;

impl FromStr for Place {
    type Err = NoPlace;
    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let mut parts = text.split(' ');
        let mut part = || parts.next().ok_or(NoPlace);
        let at = part()?.parse().map_err(|_| NoPlace)?;
        let seller = part()?.parse().map_err(|_| NoPlace)?;
        let buyer = part()?.parse().map_err(|_| NoPlace)?;
        if parts.next().is_some() { Err(NoPlace) } else { Ok(Self { at, seller, buyer }) }
    }
}

/// The way along the records that touched a deal.
struct Walk<'a> {
    info: &'a MarketInfo,
    state: &'a DealState,
    place: Place,
    found: Vec<(api::Tranche, Place)>,
}

impl Walk<'_> {
    fn take(&mut self, row: &DealOutcomeRow) {
        let Ok(outcome) = Outcome::try_from_slice(&row.record.outcome) else { return };
        let paid = outcome.events.iter().find_map(|event| self.acknowledged(event));
        let mut fees = Amount::ZERO;
        for (event, index) in outcome.events.iter().zip(0..) {
            match event {
                // Told just before the movement that they were taken out of.
                Event::DealFees { deal, maker, taker } if *deal == self.state.id => {
                    fees = maker.checked_add(*taker).unwrap_or(Amount::MAX);
                }
                Event::Tranche(tranche) if tranche.deal == self.state.id => {
                    let taken = std::mem::take(&mut fees);
                    let at = Cursor { seq: row.record.seq, index };
                    // What the pages before held is left out.
                    if at > self.place.at {
                        self.add(at, tranche, taken, paid, row);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(
        &mut self,
        at: Cursor,
        tranche: &Tranche,
        fees: Amount,
        paid: Option<(BlockId, AccountId)>,
        row: &DealOutcomeRow,
    ) {
        let (party, units) = (tranche.party, tranche.units);
        let before = match party {
            Party::Seller => &mut self.place.seller,
            Party::Buyer => &mut self.place.buyer,
        };
        let sent = before.checked_add(units).unwrap_or(Amount::MAX);
        *before = sent;
        self.place.at = at;
        let moved = self.state.deal.terms().rail_of(party) == Rail::Token;
        let own = paid.filter(|(_, from)| *from == self.account(party));
        let told = api::Tranche {
            number: tranche.tranche,
            party: wire::party(party).to_owned(),
            cumulative: self.amount(party, sent),
            amount: self.amount(party, units),
            delivered: moved.then(|| self.amount(party, units.saturating_sub(fees))),
            proposal: own.map(|(proposal, _)| proposal.to_string()),
            acknowledged_by: own.and(row.block).map(|block| block.to_string()),
            seq: row.record.seq,
            time_us: row.record.time.as_micros(),
        };
        self.found.push((told, self.place));
    }

    /// The payment that an event says was acknowledged, and who paid.
    fn acknowledged(&self, event: &Event) -> Option<(BlockId, AccountId)> {
        match event {
            Event::Proposal(state)
                if state.deal == Some(self.state.id) && state.status == ProposalStatus::Acknowledged =>
            {
                Some((state.proposal, state.from))
            }
            _ => None,
        }
    }

    const fn account(&self, party: Party) -> AccountId {
        match party {
            Party::Seller => self.state.seller,
            Party::Buyer => self.state.buyer,
        }
    }

    fn amount(&self, party: Party, units: Amount) -> String {
        match party {
            Party::Seller => self.info.base_scale.amount(units),
            Party::Buyer => self.info.quote_scale.amount(units),
        }
    }
}
