//! `bandex order place`.

use super::{SideName, explain, only, try_out};
use crate::account::{Account, market};
use crate::output;
use crate::span::When;
use anyhow::{Result, bail};
use bandex_sdk::types::{PostOnly, SelfTrade, Side};
use bandex_sdk::{MarketInfo, OrderBuilder};
use bandex_tradechain::body::{Operation, Place};
use clap::{Args, ValueEnum};
use std::process::ExitCode;

/// An order.
#[derive(Debug, Args)]
pub struct Options {
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    order: Order,
    /// Only try it: say what would happen now, and record nothing, here or at the exchange.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is ordered.
#[derive(Debug, Args)]
struct Order {
    /// The market.
    #[arg(long, value_name = "BASE-QUOTE", default_value = "BWT-BTC")]
    market: String,
    /// Buy or sell.
    #[arg(long, value_enum)]
    side: SideName,
    /// Limit: at the price or better. Market: now, down to the price as protection.
    #[arg(long = "type", value_enum, default_value_t = Kind::Limit)]
    kind: Kind,
    /// The limit, in quote a base; of a market order the worst price it may trade at.
    #[arg(long)]
    price: String,
    /// How much base.
    #[arg(long, required_unless_present = "quote_quantity", conflicts_with = "quote_quantity")]
    quantity: Option<String>,
    /// A market order's size in quote: trade as much as this pays for.
    #[arg(long, value_name = "AMOUNT")]
    quote_quantity: Option<String>,
    /// How long it lives; gtc of a limit order, ioc of a market order if not said.
    #[arg(long, value_enum)]
    time_in_force: Option<Tif>,
    /// When a gtd order is cancelled: a span from now such as 2h, or microseconds since 1970.
    #[arg(long, value_name = "WHEN")]
    expires: Option<When>,
    /// Never trade on arrival: refuse the order if it would, or slide it to the next tick that does not.
    #[arg(long, value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "refuse")]
    post_only: Option<PostOnlyName>,
    /// How much of it the book shows at a time.
    #[arg(long, value_name = "QUANTITY")]
    display: Option<String>,
    /// The least that must trade on arrival, else it is refused.
    #[arg(long, value_name = "QUANTITY")]
    minimum: Option<String>,
    /// Sleep until the last trade reaches this price, against you: a buy wakes at or above it, a sell at or below.
    #[arg(long, value_name = "PRICE", conflicts_with = "take_profit")]
    stop_loss: Option<String>,
    /// Sleep until the last trade reaches this price, for you: a buy wakes at or below it, a sell at or above.
    #[arg(long, value_name = "PRICE")]
    take_profit: Option<String>,
    /// What to do on meeting an order of your own account.
    #[arg(long, value_enum, default_value_t = SelfTradeName::CancelOldest)]
    self_trade: SelfTradeName,
    /// Your own name for it, at most 64 bytes.
    #[arg(long, value_name = "TEXT")]
    client_id: Option<String>,
    /// The most that any one counterparty may owe you, in quote.
    #[arg(long, value_name = "AMOUNT")]
    own_cap: Option<String>,
}

/// How it is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Limit,
    Market,
}

/// How long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Tif {
    /// Till cancelled.
    Gtc,
    /// Till cancelled, or till the date of --expires.
    Gtd,
    /// What trades at once; the rest is cancelled.
    Ioc,
    /// All at once or nothing.
    Fok,
}

/// What if it would trade.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum PostOnlyName {
    /// Refuse it.
    Refuse,
    /// Move it to the next tick that does not trade.
    Slide,
}

/// Which of two own orders goes.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SelfTradeName {
    /// The one that rests.
    CancelOldest,
    /// The one that arrives.
    CancelNewest,
    /// Both.
    CancelBoth,
    /// Both shrink by the smaller quantity.
    Decrement,
}

impl From<SelfTradeName> for SelfTrade {
    fn from(name: SelfTradeName) -> Self {
        match name {
            SelfTradeName::CancelOldest => Self::CancelOldest,
            SelfTradeName::CancelNewest => Self::CancelNewest,
            SelfTradeName::CancelBoth => Self::CancelBoth,
            SelfTradeName::Decrement => Self::Decrement,
        }
    }
}

impl Order {
    fn side(&self) -> Side {
        self.side.into()
    }

    /// The order with what only some have.
    fn special<'a>(&self, mut order: OrderBuilder<'a>) -> OrderBuilder<'a> {
        if let Some(display) = &self.display {
            order = order.display(display);
        }
        if let Some(minimum) = &self.minimum {
            order = order.minimum(minimum);
        }
        if let Some(price) = &self.stop_loss {
            order = order.stop_loss(price);
        }
        if let Some(price) = &self.take_profit {
            order = order.take_profit(price);
        }
        if let Some(id) = &self.client_id {
            order = order.client_id(id);
        }
        if let Some(cap) = &self.own_cap {
            order = order.own_cap(cap);
        }
        order.self_trade(self.self_trade.into()).post_only(match self.post_only {
            None => PostOnly::Off,
            Some(PostOnlyName::Refuse) => PostOnly::Refuse,
            Some(PostOnlyName::Slide) => PostOnly::Slide,
        })
    }

    /// The order as it is signed.
    fn build(&self, info: &MarketInfo) -> Result<Place> {
        let order = info.order(self.side());
        let mut order = match self.kind {
            Kind::Limit => order.limit(&self.price),
            Kind::Market => order.market(&self.price),
        };
        if let Some(quantity) = &self.quantity {
            order = order.quantity(quantity);
        }
        if let Some(amount) = &self.quote_quantity {
            order = order.quote_quantity(amount);
        }
        order = match (self.time_in_force, self.expires) {
            (None | Some(Tif::Gtd), Some(when)) => order.gtd(when.moment()),
            (Some(Tif::Gtd), None) => bail!("a gtd order needs --expires"),
            (Some(_), Some(_)) => bail!("only a gtd order has --expires"),
            (None, None) => order,
            (Some(Tif::Gtc), None) => order.gtc(),
            (Some(Tif::Ioc), None) => order.ioc(),
            (Some(Tif::Fok), None) => order.fok(),
        };
        Ok(self.special(order).build()?)
    }
}

/// Runs `bandex order place`.
///
/// # Errors
/// The order makes no sense, or the exchange refuses it or cannot be reached.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = options.account.session(false).await?;
    let info = market(&session.markets, &options.order.market)?;
    let place = options.order.build(&info)?;
    if options.dry_run {
        return try_out(&session, only(Operation::Place(Box::new(place))), options.json).await;
    }
    let limit = info.scale.price(place.price);
    let placed = session.trader.place(place).await.map_err(explain)?;
    if options.json {
        output::json(&placed.reply)?;
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{}  filled {} in record {}\norder {}",
        placed.outcome.status.unwrap_or_default(),
        placed.outcome.filled.unwrap_or_default(),
        placed.reply.seq,
        placed.order
    );
    if let Some(price) = placed.outcome.price.filter(|price| *price != limit) {
        println!("slid to {price}");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bandex_sdk::types::{OrderType, Price, Quantity, TimeInForce, Timestamp};
    use bandex_sdk::{Markets, now};
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        order: Order,
    }

    fn build(words: &str) -> Result<Place> {
        let line = Line::try_parse_from(std::iter::once("place").chain(words.split_whitespace()))?;
        let asset = |id, symbol, decimals, rail| serde_json::json!({ "id": id, "symbol": symbol, "decimals": decimals, "rail": rail });
        let key = "00".repeat(32);
        let wire = serde_json::json!({
            "node": { "network": 1, "key": key, "genesis": key, "rules": 2, "seq": 1, "time_us": 1 },
            "parameters": { "dust": "1", "share_ppm": 1, "bid_multiple": 1, "register_work_bits": 1, "proposal_us": 1 },
            "assets": [asset(0, "BWT", 3, "token"), asset(1, "BTC", 3, "attested")],
            "markets": [{
                "id": 1, "symbol": "BWT-BTC", "base": "BWT", "quote": "BTC", "state": "trading", "tick": "0.1",
                "lot": "0.01", "lot_units": 10, "tick_num": 1, "tick_den": 1, "least_tranche": "0.001", "pay_us": 1,
                "acknowledge_us": 1,
            }],
        });
        let markets = Markets::from_wire(&serde_json::from_value(wire)?)?;
        line.order.build(markets.market("BWT-BTC").expect("it is listed"))
    }

    #[test]
    fn every_option_reaches_the_order() {
        let check = |words: &str, expected: &dyn Fn(&Place) -> bool| {
            let place = build(&format!("--side buy --price 1 {words}")).unwrap();
            assert!(expected(&place), "{words}: {place:?}");
        };
        check("--quantity 2", &|place| {
            (place.price, place.quantity) == (Price::new(10), Quantity::new(200))
                && place.time_in_force == TimeInForce::Gtc
                && place.self_trade == SelfTrade::CancelOldest
                && place.post_only == PostOnly::Off
        });
        check("--quantity 2 --type market", &|place| {
            (place.order_type, place.time_in_force) == (OrderType::Market, TimeInForce::Ioc)
        });
        check("--quote-quantity 3 --type market", &|place| {
            place.quote_quantity.is_some_and(|amount| amount.get() == 3_000)
        });
        check("--quantity 2 --time-in-force fok", &|place| place.time_in_force == TimeInForce::Fok);
        check("--quantity 2 --expires 1777689383201000", &|place| {
            place.time_in_force == TimeInForce::Gtd
                && place.expires == Some(Timestamp::from_micros(1_777_689_383_201_000))
        });
        check("--quantity 2 --expires 2h --time-in-force gtd", &|place| {
            place.expires.is_some_and(|at| at > now().plus(7_000_000_000))
        });
        check("--quantity 2 --post-only", &|place| place.post_only == PostOnly::Refuse);
        check("--quantity 2 --post-only=slide", &|place| place.post_only == PostOnly::Slide);
        check("--quantity 2 --display 0.5", &|place| place.display == Some(Quantity::new(50)));
        check("--quantity 2 --minimum 0.5", &|place| place.minimum == Some(Quantity::new(50)));
        check("--quantity 2 --stop-loss 3", &|place| {
            place.trigger.is_some_and(|trigger| trigger.price == Price::new(30))
        });
        check("--quantity 2 --take-profit 0.5", &|place| {
            place.trigger.is_some_and(|trigger| trigger.price == Price::new(5))
        });
        check("--quantity 2 --self-trade decrement", &|place| place.self_trade == SelfTrade::Decrement);
        check("--quantity 2 --client-id a --own-cap 1", &|place| {
            place.client_id.as_deref() == Some("a") && place.own_cap.is_some()
        });
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let check = |words: &str, expected: &str| {
            let error = build(&format!("--side sell --price 1 {words}")).expect_err(words).to_string();
            assert!(error.contains(expected), "{words}: {error}");
        };
        check("", "--quantity");
        check("--quantity 1 --quote-quantity 1", "cannot be used with");
        check("--quantity 1 --stop-loss 1 --take-profit 2", "cannot be used with");
        check("--quantity 1 --time-in-force gtd", "needs --expires");
        check("--quantity 1 --time-in-force ioc --expires 5m", "only a gtd order");
        check("--quantity 1 --expires soon", "a span is");
        check("--quantity 0.001", "quantity: ");
        check("--quote-quantity 1", "only a market order");
        check("--quantity 1 --post-only=perhaps", "possible values");
        check("--quantity 1 --display 2", "hundredth");
    }
}
