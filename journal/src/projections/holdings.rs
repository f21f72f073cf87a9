//! All that an account has and has promised, as after one record.

use super::parse;
use super::query::ProjectionReader;
use crate::port::ReadError;
use crate::sql::{Row, Statement};
use bandex_engine::{AccountState, BalanceState, DealState, KeyState, OrderState, OrderTerms, TrustState};
use bandex_types::AccountId;

/// All that an account has and has promised. Every part is as after the same record, so that they go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdings {
    /// The account.
    pub account: AccountState,
    /// Its balances, by asset.
    pub balances: Vec<BalanceState>,
    /// Its keys, those that ended included, by key.
    pub keys: Vec<KeyState>,
    /// What it has at stake, if anything was told of it.
    pub trust: Option<TrustState>,
    /// Its orders that rest or sleep, oldest first, with their terms.
    pub orders: Vec<(OrderState, Option<OrderTerms>)>,
    /// The deals for which it may have something locked, oldest first.
    pub deals: Vec<DealState>,
}

const ORDER: i64 = 1;
const DEAL: i64 = 2;
const BALANCE: i64 = 3;
const KEY: i64 = 4;
const TRUST: i64 = 5;
const ACCOUNT: i64 = 6;

/// One row of any of these.
enum Part {
    Order(Box<(OrderState, Option<OrderTerms>)>),
    Deal(Box<DealState>),
    Balance(BalanceState),
    Key(KeyState),
    Trust(Box<TrustState>),
    Account(AccountState),
}

impl ProjectionReader {
    /// All that an account has and has promised; none if there is no such account.
    ///
    /// # Errors
    /// The store does not answer or a row is damaged.
    pub async fn holdings(&self, id: AccountId) -> Result<Option<Holdings>, ReadError> {
        // One statement, so that nothing happens between its parts. The numbers of places are for their order only.
        let parts = [
            (
                ORDER,
                "state, terms, placed_seq AS at, placed_index AS part FROM orders WHERE open = 1 AND account = ",
            ),
            (DEAL, "state, NULL, opened_seq, opened_index FROM deals WHERE locks = 1 AND seller = "),
            (DEAL, "state, NULL, opened_seq, opened_index FROM deals WHERE locks = 1 AND buyer = "),
            (BALANCE, "state, NULL, asset, updated_seq FROM balances WHERE account = "),
            (KEY, "state, NULL, named_seq, updated_seq FROM keys WHERE account = "),
            (TRUST, "state, NULL, updated_seq, updated_seq FROM trust WHERE account = "),
            (ACCOUNT, "state, NULL, updated_seq, updated_seq FROM accounts WHERE account = "),
        ];
        let mut query = Statement::new("");
        for (at, (kind, part)) in parts.into_iter().enumerate() {
            let joined = if at == 0 { "" } else { " UNION ALL " };
            query
                .push(format_args!("{joined}SELECT CAST({kind} AS BIGINT) AS kind, {part}"))
                .bind(id.as_bytes());
        }
        query.push(" ORDER BY kind, at, part");
        Ok(gather(self.all(query, part).await?))
    }
}

fn part(row: &Row) -> Result<Part, String> {
    Ok(match row.number("kind")? {
        ORDER => Part::Order(Box::new((parse::state(row)?, parse::optional_terms(row)?))),
        DEAL => Part::Deal(parse::state(row)?),
        BALANCE => Part::Balance(parse::state(row)?),
        KEY => Part::Key(parse::state(row)?),
        TRUST => Part::Trust(parse::state(row)?),
        _ => Part::Account(parse::state(row)?),
    })
}

fn gather(parts: Vec<Part>) -> Option<Holdings> {
    let (mut account, mut trust) = (None, None);
    let (mut balances, mut keys, mut orders, mut deals) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Order(order) => orders.push(*order),
            Part::Deal(deal) => deals.push(*deal),
            Part::Balance(balance) => balances.push(balance),
            Part::Key(key) => keys.push(key),
            Part::Trust(state) => trust = Some(*state),
            Part::Account(state) => account = Some(state),
        }
    }
    keys.sort_by_key(|key: &KeyState| key.key);
    Some(Holdings { account: account?, balances, keys, trust, orders, deals })
}
