//! `bandex order list`.

use crate::account::Account;
use crate::output;
use crate::span::Span;
use anyhow::Result;
use bandex_sdk::api::{Order, OrderQuery, OrderTerms};
use clap::Args;
use std::process::ExitCode;

/// Which orders.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    /// Only this market.
    #[arg(long, value_name = "BASE-QUOTE")]
    market: Option<String>,
    /// Closed ones too.
    #[arg(long)]
    closed: bool,
    /// How many.
    #[arg(long, default_value_t = 100)]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `bandex order list`.
///
/// # Errors
/// The exchange cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let reads = session.rest.login(&session.keypair, &session.markets).await?;
    let Options { market, closed, limit, .. } = options;
    let state = closed.then(|| "all".to_owned());
    let query = OrderQuery { market, state, limit: Some(limit), ..OrderQuery::default() };
    let page = reads.orders(&query).await?;
    let protections = reads.protections().await?;
    if options.json {
        output::json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    say!(
        "{:<9} {:<4} {:>16} {:>14} {:>14}  {:<9} order",
        "market",
        "side",
        "price",
        "quantity",
        "filled",
        "status"
    );
    page.orders.iter().for_each(print_order);
    for set in protections.protections {
        let state = if set.tripped { "tripped: quotes are refused until it is set again" } else { "set" };
        let (quantity, window) = (set.quantity.unwrap_or_default(), Span(set.window_us.unwrap_or_default()));
        say!("{:<9} protection of quotes, {quantity} in {window}: {state}", set.market);
    }
    Ok(ExitCode::SUCCESS)
}

fn print_order(order: &Order) {
    say!(
        "{:<9} {:<4} {:>16} {:>14} {:>14}  {:<9} {}",
        order.market,
        order.side,
        order.price,
        order.quantity,
        order.filled,
        order.status,
        order.order
    );
    let why = order.reason.as_ref().map(|reason| reason.replace('_', " "));
    let words: Vec<String> =
        why.into_iter().chain(order.terms.as_ref().map(special)).filter(|word| !word.is_empty()).collect();
    if !words.is_empty() {
        say!("{:>9} {}", "", words.join("; "));
    }
}

/// What is special about an order, in words.
fn special(terms: &OrderTerms) -> String {
    let trigger =
        terms.trigger.as_ref().map(|trigger| format!("{} {}", trigger.kind.replace('_', " "), trigger.price));
    let show = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let unless = |usual: &str, word: String| (!word.ends_with(usual)).then_some(word);
    [
        terms.quote.then(|| "quote".to_owned()),
        unless("limit", terms.order_type.clone()),
        show("for", &terms.quote_quantity),
        trigger,
        unless("gtc", terms.time_in_force.clone()),
        terms.expires_us.map(|at| format!("until {at}")),
        // Quotes only ever rest.
        unless("off", format!("post-only {}", terms.post_only)).filter(|_| !terms.quote),
        show("shows", &terms.display),
        show("at least", &terms.minimum),
        unless("cancel oldest", terms.self_trade.replace('_', " ")),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>()
    .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_sdk::api::Trigger;

    #[test]
    fn only_what_is_special_is_said() {
        let plain = OrderTerms {
            order_type: "limit".to_owned(),
            time_in_force: "gtc".to_owned(),
            expires_us: None,
            post_only: "off".to_owned(),
            self_trade: "cancel_oldest".to_owned(),
            display: None,
            minimum: None,
            trigger: None,
            quote_quantity: None,
            quote: false,
        };
        assert_eq!(special(&plain), "");
        let quote = OrderTerms { quote: true, post_only: "refuse".to_owned(), ..plain.clone() };
        assert_eq!(special(&quote), "quote");
        let iceberg = OrderTerms {
            display: Some("0.5".to_owned()),
            time_in_force: "gtd".to_owned(),
            expires_us: Some(17),
            post_only: "slide".to_owned(),
            ..plain.clone()
        };
        assert_eq!(special(&iceberg), "gtd, until 17, post-only slide, shows 0.5");
        let stop = OrderTerms {
            order_type: "market".to_owned(),
            time_in_force: "ioc".to_owned(),
            quote_quantity: Some("2".to_owned()),
            minimum: Some("1".to_owned()),
            self_trade: "cancel_both".to_owned(),
            trigger: Some(Trigger { kind: "stop_loss".to_owned(), price: "3".to_owned() }),
            ..plain
        };
        assert_eq!(special(&stop), "market, for 2, stop loss 3, ioc, at least 1, cancel both");
    }
}
