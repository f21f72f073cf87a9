//! What a maker believes, held against what the exchange says on its pages, field by field.

use bandex_sdk::api::{FillQuery, OrderQuery};
use bandex_sdk::{AccountRest, Rest, RestError};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The parts that are compared.
pub const PARTS: [&str; 4] = ["book", "orders", "fills", "balances"];

/// How one part of a maker's state compares.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// Which part.
    pub part: &'static str,
    /// How many items it has at the exchange.
    pub items: usize,
    /// How many single values were compared.
    pub fields: usize,
    /// The first difference, if there is one.
    pub difference: Option<String>,
}

/// How long the exchange may take until its tables are up to date after a load.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks again where the exchange says that this helps.
async fn asked<T>(mut ask: impl AsyncFnMut() -> Result<T, RestError>) -> T {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(RestError::Problem(problem)) if problem.retryable && begun.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the exchange's tables hold all that it has published. Whoever was away is told from them what it missed,
/// and on a busy machine they may be far behind.
///
/// # Panics
/// They do not in a minute and a half.
pub async fn up_to_date(reads: &AccountRest) {
    asked(async || reads.balances().await).await;
}

/// What the exchange says now, in the form that makers report.
///
/// # Panics
/// No answer.
pub async fn truth(rest: &Rest, reads: &AccountRest, market: &str) -> Value {
    let book = asked(async || rest.book(market, Some(1_000)).await).await;
    let mut orders = Vec::new();
    let mut query = OrderQuery { limit: Some(1_000), ..OrderQuery::default() };
    loop {
        let page = asked(async || reads.orders(&query).await).await;
        orders.extend(page.orders);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    orders.sort_by(|one, other| one.order.cmp(&other.order));
    let mut fills = Vec::new();
    let mut query = FillQuery { limit: Some(1_000), ..FillQuery::default() };
    loop {
        let page = asked(async || reads.fills(&query).await).await;
        fills.extend(page.fills);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    fills.sort_by_key(|fill| fill.number);
    let balances = asked(async || reads.balances().await).await;
    let mut balances = balances.balances;
    balances.sort_by(|one, other| one.asset.cmp(&other.asset));
    let mut truth = json!({
        "book": { "bids": book.bids, "asks": book.asks },
        "orders": orders, "fills": fills, "balances": balances,
    });
    // What holds a balance is on the page only; the channel does not repeat it.
    let balances = truth["balances"].as_array_mut().into_iter().flatten();
    balances.filter_map(Value::as_object_mut).for_each(|balance| drop(balance.remove("locks")));
    truth
}

/// Compares a maker's report with the truth.
pub fn compare(report: &Value, truth: &Value) -> Vec<Compared> {
    PARTS.map(|part| one_part(part, &report[part], &truth[part])).into()
}

fn one_part(part: &'static str, ours: &Value, theirs: &Value) -> Compared {
    let items = match theirs {
        Value::Array(items) => items.len(),
        sides => ["bids", "asks"].iter().filter_map(|side| sides[*side].as_array().map(Vec::len)).sum(),
    };
    let mut fields = 0;
    let difference = differ(part.to_owned(), ours, theirs, &mut fields);
    Compared { part, items, fields, difference }
}

/// The first place at which two values differ.
fn differ(place: String, ours: &Value, theirs: &Value, fields: &mut usize) -> Option<String> {
    match (ours, theirs) {
        (Value::Array(one), Value::Array(other)) => {
            let pairs = one.iter().zip(other).enumerate();
            let mut inside =
                pairs.filter_map(|(at, (one, other))| differ(format!("{place}[{at}]"), one, other, fields));
            let found = inside.next();
            let lengths = (one.len(), other.len());
            found.or_else(|| {
                (lengths.0 != lengths.1).then(|| format!("{place}: {} items, not {}", lengths.0, lengths.1))
            })
        }
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            names.into_iter().find_map(|name| {
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                differ(format!("{place}.{name}"), &of(one), &of(other), fields)
            })
        }
        (one, other) => {
            *fields += 1;
            (one != other).then(|| format!("{place}: the maker has {one}, the exchange {other}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_found_and_named() {
        let truth = json!({
            "book": { "bids": [{ "price": "2", "quantity": "1", "orders": 1 }], "asks": [] },
            "orders": [{ "order": "a", "filled": "0" }, { "order": "b", "filled": "0" }],
            "fills": [], "balances": [{ "asset": "BTC", "free": "1" }],
        });
        let check = |pointer: &str, value: Value, expected: &str| {
            let mut report = truth.clone();
            *report.pointer_mut(pointer).unwrap() = value;
            let differences: Vec<_> =
                compare(&report, &truth).into_iter().filter_map(|one| one.difference).collect();
            assert_eq!(differences, [expected], "{pointer}");
        };
        assert!(compare(&truth, &truth).iter().all(|one| one.difference.is_none()));
        let counts: Vec<_> = compare(&truth, &truth).iter().map(|one| (one.items, one.fields)).collect();
        assert_eq!(counts, [(1, 3), (2, 4), (0, 0), (1, 2)]);
        let said = "book.bids[0].quantity: the maker has \"9\", the exchange \"1\"";
        check("/book/bids/0/quantity", json!("9"), said);
        check("/orders", json!([{ "order": "a", "filled": "0" }]), "orders: 1 items, not 2");
        check("/orders/1/filled", json!("1"), "orders[1].filled: the maker has \"1\", the exchange \"0\"");
        check("/fills", json!([{}]), "fills: 1 items, not 0");
        let said = "balances[0].locked: the maker has \"1\", the exchange null";
        check("/balances/0", json!({ "asset": "BTC", "free": "1", "locked": "1" }), said);
        check(
            "/balances",
            Value::Null,
            "balances: the maker has null, the exchange [{\"asset\":\"BTC\",\"free\":\"1\"}]",
        );
    }
}
