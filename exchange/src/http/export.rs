//! Everything of the account that logged in, as CSV (RFC 4180): one pass over its records, told as it goes.

use super::problem::Fault;
use super::reply::LoggedIn;
use crate::shared::Shared;
use crate::wire;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bandex_api as api;
use bandex_engine::{BalanceState, CommandResult, DealState, Event, Outcome, Trade, Tranche};
use bandex_journal::{OutcomeRow, ReadError};
use bandex_settlement::Party;
use bandex_types::{AccountId, AssetId, DealId};
use borsh::BorshDeserialize;
use csv::{Terminator, Writer, WriterBuilder};
use futures_util::stream;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many records are read at a time.
const RECORDS_AT_ONCE: usize = 256;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Orders,
    Fills,
    Deals,
    Tranches,
    Balances,
    Blocks,
}

impl What {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "orders" => Self::Orders,
            "fills" => Self::Fills,
            "deals" => Self::Deals,
            "tranches" => Self::Tranches,
            "balances" => Self::Balances,
            "blocks" => Self::Blocks,
            _ => return None,
        })
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Orders => &[
                "seq",
                "time_us",
                "order",
                "market",
                "side",
                "price",
                "quantity",
                "filled",
                "status",
                "reason",
                "client_id",
            ],
            Self::Fills => {
                &["seq", "time_us", "market", "number", "order", "role", "side", "price", "quantity", "deal"]
            }
            Self::Deals => &[
                "seq",
                "time_us",
                "deal",
                "market",
                "taker",
                "maker",
                "seller",
                "buyer",
                "base_total",
                "quote_total",
                "base_sent",
                "quote_sent",
                "state",
                "by",
            ],
            Self::Tranches => &["seq", "time_us", "deal", "number", "party", "account", "asset", "amount"],
            Self::Balances => &["seq", "time_us", "asset", "change", "balance", "locked"],
            Self::Blocks => &["seq", "time_us", "block_id", "key", "lane_seq", "result", "code"],
        }
    }
}

/// Everything of the account as CSV, oldest first.
///
/// Each change is a line: of an order or a deal the last line is how it stands; the changes of a balance add up to it.
/// `seq` is the record. If the transfer breaks off, ask again with `from_seq`. A `client_id` that begins with `=`, `+`,
/// `-`, `@`, a tab or a carriage return has a single quote before it, so that no spreadsheet runs it.
#[utoipa::path(
    get,
    path = "/v1/export/{what}",
    tag = "account",
    params(
        ("what" = String, Path, description = "`orders`, `fills`, `deals`, `tranches`, `balances` or `blocks`",
         pattern = "^(orders|fills|deals|tranches|balances|blocks)$"),
        api::ExportQuery,
    ),
    security(("login" = []), ("signature" = [])),
    responses(
        (status = 200, description = "Lines with a header, as RFC 4180 has them", body = String,
         content_type = "text/csv"),
        (status = 404, description = "Nothing of this name is exported", body = api::Problem,
         content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    LoggedIn(who): LoggedIn,
    Path(what): Path<String>,
    Query(query): Query<api::ExportQuery>,
) -> Result<Response, Fault> {
    let names = "orders, fills, deals, tranches, balances and blocks are exported";
    let told = What::named(&what).ok_or_else(|| Fault::not_found(names))?;
    let up_to = shared.caught_up().await?;
    let from = query.from_seq.unwrap_or(0);
    if i64::try_from(from).is_err() {
        return Err(Fault::bad_request("from_seq: no record has such a number"));
    }
    // A change of a balance is told against the one before, so that one is looked for from the start.
    let after = if told == What::Balances { 0 } else { from.saturating_sub(1) };
    let walk = Walk {
        shared,
        account: who.account,
        what: told,
        from,
        after,
        up_to,
        balances: BTreeMap::new(),
        state: Stage::Begun,
    };
    let chunks = stream::try_unfold(walk, |mut walk| async move {
        let chunk = walk.next().await?;
        Ok::<_, Broken>(chunk.map(|chunk| (chunk, walk)))
    });
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(named) = HeaderValue::try_from(format!("attachment; filename=\"{what}.csv\"")) {
        headers.insert(header::CONTENT_DISPOSITION, named);
    }
    Ok(response)
}

/// The lines end here: the transfer breaks off, so that nobody takes them for all.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the store: {0}")]
    Read(#[from] ReadError),
    #[error("a line: {0}")]
    Csv(#[from] csv::Error),
    #[error("a stored outcome cannot be read")]
    Outcome,
}

/// How far the lines have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Going,
    Done,
}

/// The way along the account's records.
struct Walk {
    shared: Arc<Shared>,
    account: AccountId,
    what: What,
    from: u64,
    after: u64,
    up_to: u64,
    /// What each balance was before.
    balances: BTreeMap<AssetId, i128>,
    state: Stage,
}

type Lines = Writer<Vec<u8>>;

fn lines() -> Lines {
    WriterBuilder::new().terminator(Terminator::CRLF).flexible(false).from_writer(Vec::new())
}

impl Walk {
    /// The next lines; none after the last.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        if self.state == Stage::Done {
            return Ok(None);
        }
        let mut out = lines();
        if self.state == Stage::Begun {
            out.write_record(self.what.columns())?;
            self.state = Stage::Going;
        }
        let more = if self.what == What::Blocks {
            self.blocks(&mut out).await?
        } else {
            self.records(&mut out).await?
        };
        if !more {
            self.state = Stage::Done;
        }
        Ok(Some(out.into_inner().map_err(|error| csv::Error::from(error.into_error()))?))
    }

    async fn blocks(&mut self, out: &mut Lines) -> Result<bool, Broken> {
        let projections = &self.shared.projections;
        let rows = projections.blocks_of(self.account, self.after, self.up_to, RECORDS_AT_ONCE).await?;
        for (block, row) in &rows {
            let outcome = read(row)?;
            let (result, code) = match &outcome.result {
                CommandResult::Done(_) => ("done", ""),
                CommandResult::Refused(refusal) => ("refused", refusal.code()),
            };
            let (id, key, place) =
                (block.id.to_string(), block.author.to_string(), block.lane_seq.to_string());
            line(out, row, &[&id, &key, &place, result, code])?;
            self.after = row.seq;
        }
        Ok(!rows.is_empty())
    }

    async fn records(&mut self, out: &mut Lines) -> Result<bool, Broken> {
        let projections = &self.shared.projections;
        let rows = projections.records_of(self.account, self.after, self.up_to, RECORDS_AT_ONCE).await?;
        for row in &rows {
            let outcome = read(row)?;
            match self.what {
                What::Tranches => self.tranches(out, row, &outcome).await?,
                _ => outcome.events.iter().try_for_each(|event| self.event(out, row, event))?,
            }
            self.after = row.seq;
        }
        Ok(!rows.is_empty())
    }

    fn event(&mut self, out: &mut Lines, row: &OutcomeRow, event: &Event) -> Result<(), Broken> {
        match (self.what, event) {
            (What::Orders, Event::Order(state)) if state.account == self.account => {
                let Some(info) = self.shared.market_info(state.market) else { return Ok(()) };
                let order = wire::order(&info, state, None, row.seq, row.time);
                let (reason, name) = (order.reason.unwrap_or_default(), harmless(order.client_id));
                line(
                    out,
                    row,
                    &[
                        &order.order,
                        &order.market,
                        &order.side,
                        &order.price,
                        &order.quantity,
                        &order.filled,
                        &order.status,
                        &reason,
                        &name,
                    ],
                )
            }
            (What::Fills, Event::Trade(trade)) if self.is_side(trade) => {
                let Some(info) = self.shared.market_info(trade.market) else { return Ok(()) };
                let fill = wire::fill(&info, trade, self.account, row.seq, row.time, None);
                let number = fill.number.to_string();
                line(
                    out,
                    row,
                    &[
                        &fill.market,
                        &number,
                        &fill.order,
                        &fill.role,
                        &fill.side,
                        &fill.price,
                        &fill.quantity,
                        &fill.deal,
                    ],
                )
            }
            (What::Deals, Event::Deal(state)) if self.is_party(state) => self.deal(out, row, state),
            (What::Balances, Event::Balance(state)) if state.account == self.account => {
                self.balance(out, row, state)
            }
            _ => Ok(()),
        }
    }

    fn is_side(&self, trade: &Trade) -> bool {
        trade.taker_account == self.account || trade.maker_account == self.account
    }

    fn is_party(&self, state: &DealState) -> bool {
        state.seller == self.account || state.buyer == self.account
    }

    fn deal(&self, out: &mut Lines, row: &OutcomeRow, state: &DealState) -> Result<(), Broken> {
        let Some(info) = self.shared.market_info(state.market) else { return Ok(()) };
        let deal = wire::deal(&info, state, None, row.seq);
        let by = deal.by.unwrap_or_default();
        line(
            out,
            row,
            &[
                &deal.deal,
                &deal.market,
                &deal.taker,
                &deal.maker,
                &deal.seller,
                &deal.buyer,
                &deal.base_total,
                &deal.quote_total,
                &deal.base_sent,
                &deal.quote_sent,
                &deal.state,
                &by,
            ],
        )
    }

    fn balance(&mut self, out: &mut Lines, row: &OutcomeRow, state: &BalanceState) -> Result<(), Broken> {
        let before = self.balances.insert(state.asset, state.balance).unwrap_or_default();
        if row.seq < self.from {
            return Ok(());
        }
        let (asset, scale) = {
            let view = self.shared.view();
            (wire::named_asset(&view, state.asset), view.scale(state.asset))
        };
        let change = scale.balance(state.balance.saturating_sub(before));
        let (balance, locked) = (scale.balance(state.balance), scale.amount(state.locked));
        line(out, row, &[&asset, &change, &balance, &locked])
    }

    async fn tranches(&self, out: &mut Lines, row: &OutcomeRow, outcome: &Outcome) -> Result<(), Broken> {
        for event in &outcome.events {
            let Event::Tranche(tranche) = event else { continue };
            if let Some(state) = self.deal_of(tranche.deal, outcome).await?
                && self.is_party(&state)
            {
                self.tranche(out, row, tranche, &state)?;
            }
        }
        Ok(())
    }

    /// The deal of a tranche: told in the same record, or looked up.
    async fn deal_of(&self, id: DealId, outcome: &Outcome) -> Result<Option<DealState>, ReadError> {
        let told = outcome.events.iter().find_map(|event| match event {
            Event::Deal(state) if state.id == id => Some(DealState::clone(state)),
            _ => None,
        });
        match told {
            Some(state) => Ok(Some(state)),
            None => Ok(self.shared.projections.deal(id).await?.map(|row| row.state)),
        }
    }

    fn tranche(
        &self,
        out: &mut Lines,
        row: &OutcomeRow,
        tranche: &Tranche,
        state: &DealState,
    ) -> Result<(), Broken> {
        let Some(info) = self.shared.market_info(state.market) else { return Ok(()) };
        let (account, asset, amount) = match tranche.party {
            Party::Seller => (state.seller, &info.base.symbol, info.base_scale.amount(tranche.units)),
            Party::Buyer => (state.buyer, &info.quote.symbol, info.quote_scale.amount(tranche.units)),
        };
        let (deal, number) = (state.id.to_string(), tranche.tranche.to_string());
        line(out, row, &[&deal, &number, wire::party(tranche.party), &account.to_string(), asset, &amount])
    }
}

fn read(row: &OutcomeRow) -> Result<Outcome, Broken> {
    Outcome::try_from_slice(&row.outcome).map_err(|_| Broken::Outcome)
}

/// A text of a trader's, so written that no spreadsheet takes it for a formula: one that begins like a formula gets a
/// single quote before it (OWASP, "CSV Injection").
fn harmless(text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

/// A line: record and time, then the rest.
fn line(out: &mut Lines, row: &OutcomeRow, rest: &[&str]) -> Result<(), Broken> {
    out.write_field(row.seq.to_string())?;
    out.write_field(row.time.as_micros().to_string())?;
    for field in rest {
        out.write_field(field)?;
    }
    Ok(out.write_record(None::<&[u8]>)?)
}
