//! What the lines of an example mean.

use bandex_types::{PostOnly, SelfTrade, Side, TimeInForce};
use std::str::FromStr;

/// A line without an arrow.
#[derive(Debug, Clone)]
pub struct Command {
    /// As it is written.
    pub text: String,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Place(Ticket),
    /// `cancel bob`
    Cancel(String),
    /// `amend bob to 5 at 10`: all lots of the order, those it traded included.
    Amend {
        name: String,
        quantity: u64,
        price: u64,
    },
    /// `band 9 to 11`, `no band`
    Band(Option<(u64, u64)>),
    /// `auction begins`
    AuctionBegins,
    /// `auction ends`
    AuctionEnds,
    /// A line that only an exchange understands, not a book.
    Other,
}

/// An order as it is written: `bob buys 5 at 10, post-only`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// `bob`, or `bob#2` if he has several; `bob/bot` if another key of his signs it.
    pub name: String,
    pub side: Side,
    /// `buys 5`; 0 if it is by quote quantity.
    pub quantity: u64,
    /// `buys for 50`: the most it pays, or takes, in lots times ticks.
    pub quote: Option<u64>,
    /// `at 10`; of a market order, `up to 12` or `down to 8`.
    pub price: u64,
    /// `at market`
    pub market: bool,
    /// `ioc`, `fok`
    pub time_in_force: TimeInForce,
    /// `until 60s`, counted from the example's beginning.
    pub until: Option<u64>,
    /// `post-only`, `post-only slide`
    pub post_only: PostOnly,
    /// `showing 2`
    pub display: u64,
    /// `at least 3`
    pub minimum: u64,
    /// `self-trade cancel_newest`
    pub self_trade: SelfTrade,
    /// `when it trades at 11 or above`
    pub trigger: Option<Trigger>,
    /// `called x17`: the trader's own name for it.
    pub client_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trigger {
    pub price: u64,
    /// Whether it waits for the price to rise.
    pub above: bool,
}

impl Ticket {
    /// Whose the order is: `bob` of `bob#2` and of `bob/bot`.
    pub fn owner(&self) -> &str {
        owner(&self.name)
    }
}

/// Whose the order of this name is.
pub fn owner(name: &str) -> &str {
    name.split(['#', '/']).next().unwrap_or(name)
}

impl FromStr for Command {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let action = match words.as_slice() {
            [_, "buys" | "sells", ..] => Action::Place(ticket(text)?),
            ["cancel", name] => Action::Cancel((*name).to_owned()),
            ["amend", name, "to", quantity, "at", price] => {
                Action::Amend { name: (*name).to_owned(), quantity: number(quantity)?, price: number(price)? }
            }
            ["band", low, "to", high] => Action::Band(Some((number(low)?, number(high)?))),
            ["no", "band"] => Action::Band(None),
            ["auction", "begins"] => Action::AuctionBegins,
            ["auction", "ends"] => Action::AuctionEnds,
            _ => Action::Other,
        };
        Ok(Self { text: text.to_owned(), action })
    }
}

/// A number, perhaps with commas between thousands.
pub fn number(word: &str) -> Result<u64, String> {
    word.replace(',', "").parse().map_err(|_| format!("`{word}` is no number"))
}

fn ticket(text: &str) -> Result<Ticket, String> {
    let mut parts = text.split(", ");
    let head: Vec<&str> = parts.next().unwrap_or_default().split(' ').collect();
    let (name, side, rest) = match head.as_slice() {
        [name, "buys", rest @ ..] => (*name, Side::Buy, rest),
        [name, "sells", rest @ ..] => (*name, Side::Sell, rest),
        _ => return Err("somebody buys or sells".to_owned()),
    };
    let (quantity, quote, price) = match rest {
        ["for", quote, "at", "market"] => (0, Some(number(quote)?), None),
        [quantity, "at", "market"] => (number(quantity)?, None, None),
        [quantity, "at", price] => (number(quantity)?, None, Some(number(price)?)),
        _ => return Err(format!("how much at which price? `{}`", rest.join(" "))),
    };
    let market = price.is_none();
    let mut ticket = Ticket {
        name: name.to_owned(),
        side,
        quantity,
        quote,
        price: price.unwrap_or(0),
        market,
        time_in_force: if market { TimeInForce::Ioc } else { TimeInForce::Gtc },
        until: None,
        post_only: PostOnly::Off,
        display: 0,
        minimum: 0,
        self_trade: SelfTrade::CancelOldest,
        trigger: None,
        client_id: None,
    };
    let mut protected = false;
    for part in parts {
        protected |= option(&mut ticket, part)?;
    }
    if protected != market {
        return Err("a market order says how far it may go, and no other order does".to_owned());
    }
    Ok(ticket)
}

/// Adds what stands behind one comma; says whether it is how far a market order may go.
fn option(ticket: &mut Ticket, text: &str) -> Result<bool, String> {
    let words: Vec<&str> = text.split(' ').collect();
    match (words.as_slice(), ticket.side) {
        (["up", "to", price], Side::Buy) | (["down", "to", price], Side::Sell) => {
            ticket.price = number(price)?;
            return Ok(true);
        }
        (["ioc"], _) => ticket.time_in_force = TimeInForce::Ioc,
        (["fok"], _) => ticket.time_in_force = TimeInForce::Fok,
        (["until", time], _) => {
            ticket.time_in_force = TimeInForce::Gtd;
            ticket.until = Some(number(time.trim_end_matches('s'))?);
        }
        (["post-only"], _) => ticket.post_only = PostOnly::Refuse,
        (["post-only", "slide"], _) => ticket.post_only = PostOnly::Slide,
        (["showing", lots], _) => ticket.display = number(lots)?,
        (["at", "least", lots], _) => ticket.minimum = number(lots)?,
        (["called", name], _) => ticket.client_id = Some((*name).to_owned()),
        (["self-trade", mode], _) => ticket.self_trade = self_trade(mode)?,
        (["when", "it", "trades", "at", price, "or", way @ ("above" | "below")], _) => {
            ticket.trigger = Some(Trigger { price: number(price)?, above: *way == "above" });
        }
        _ => return Err(format!("what is `{text}`?")),
    }
    Ok(false)
}

fn self_trade(mode: &str) -> Result<SelfTrade, String> {
    match mode {
        "cancel_oldest" => Ok(SelfTrade::CancelOldest),
        "cancel_newest" => Ok(SelfTrade::CancelNewest),
        "cancel_both" => Ok(SelfTrade::CancelBoth),
        "decrement" => Ok(SelfTrade::Decrement),
        _ => Err(format!("`{mode}` is no self-trade mode")),
    }
}
