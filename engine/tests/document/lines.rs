//! The lines of the examples that only an exchange understands, and what they do.

use crate::exchange::{Exchange, SECOND};
use crate::kit::{BWT_BTC, refusal};
use crate::script::parse::number;
use bandex_tradechain::body::{Change, MarketRules, MarketState, Operation, Protection, Quote, Quotes};
use bandex_types::{OrderRef, Price, Quantity, Side};
use std::str::FromStr;

/// One such line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// `after 10s`
    After(u64),
    /// `alice has 5 tokens`
    Has(String, u64),
    /// `alice may owe 50`
    MayOwe(String, u64),
    /// `the smallest tranche is 30`: a market of its own, so it comes first.
    Tranche(u64),
    /// `alice/bot may trade on another market only`
    Elsewhere(String),
    /// `alice is frozen`
    Frozen(String),
    /// `the operator halts the market`, `the operator lets orders only be cancelled`, `the operator lets trading begin`
    Decide(MarketState),
    /// `rules: band 10%, halt 60s, auction 30s, most orders 2`
    Rules(MarketRules),
    /// `alice cancels x17`
    CancelClient(String, String),
    /// `alice cancels all`, `alice cancels all bids`, `alice cancels all asks`
    CancelAll(String, Option<Side>),
    /// `alice quotes 5 at 9, 5 at 8 | 5 at 11`, `alice quotes, sliding, 5 at 9 | -`
    Quotes(String, bool, Vec<(Side, u64, u64)>),
    /// `alice protects her quotes: 5 within 10s`, `alice ends the protection`
    Protect(String, Option<(u64, u64)>),
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let owned = |word: &str| word.to_owned();
        match words.as_slice() {
            ["after", time] => Ok(Self::After(seconds(time)?)),
            [name, "has", tokens, "tokens"] => Ok(Self::Has(owned(name), number(tokens)?)),
            [name, "may", "owe", amount] => Ok(Self::MayOwe(owned(name), number(amount)?)),
            ["the", "smallest", "tranche", "is", units] => Ok(Self::Tranche(number(units)?)),
            [name, "may", "trade", "on", "another", "market", "only"] => Ok(Self::Elsewhere(owned(name))),
            [name, "is", "frozen"] => Ok(Self::Frozen(owned(name))),
            ["the", "operator", "halts", "the", "market"] => Ok(Self::Decide(MarketState::Halted)),
            ["the", "operator", "lets", "orders", "only", "be", "cancelled"] => {
                Ok(Self::Decide(MarketState::CancelOnly))
            }
            ["the", "operator", "lets", "trading", "begin"] => Ok(Self::Decide(MarketState::Trading)),
            ["rules:", ..] => rules(text.trim_start_matches("rules: ")).map(Self::Rules),
            [name, "cancels", "all"] => Ok(Self::CancelAll(owned(name), None)),
            [name, "cancels", "all", "bids"] => Ok(Self::CancelAll(owned(name), Some(Side::Buy))),
            [name, "cancels", "all", "asks"] => Ok(Self::CancelAll(owned(name), Some(Side::Sell))),
            [name, "cancels", client_id] => Ok(Self::CancelClient(owned(name), owned(client_id))),
            [name, "quotes,", "sliding,", ..] => {
                let quotes = text.split_once("sliding, ").map_or("", |(_, quotes)| quotes);
                Ok(Self::Quotes(owned(name), true, quotes_of(quotes)?))
            }
            [name, "quotes", ..] => {
                let quotes = text.split_once("quotes ").map_or("", |(_, quotes)| quotes);
                Ok(Self::Quotes(owned(name), false, quotes_of(quotes)?))
            }
            [name, "protects", _, "quotes:", lots, "within", time] => {
                Ok(Self::Protect(owned(name), Some((number(lots)?, seconds(time)?))))
            }
            [name, "ends", "the", "protection"] => Ok(Self::Protect(owned(name), None)),
            _ => Err(format!("what is `{text}`?")),
        }
    }
}

fn seconds(word: &str) -> Result<u64, String> {
    number(word.strip_suffix('s').ok_or_else(|| format!("`{word}` is no number of seconds"))?)
}

fn rules(text: &str) -> Result<MarketRules, String> {
    let mut rules = MarketRules::default();
    for part in text.split(", ") {
        let words: Vec<&str> = part.split(' ').collect();
        match words.as_slice() {
            ["band", percent] => {
                let percent = percent.strip_suffix('%').ok_or("a band is in percent")?;
                rules.band_ppm = u32::try_from(number(percent)? * 10_000).map_err(|_| "too wide")?;
            }
            ["halt", time] => rules.halt_us = seconds(time)? * SECOND,
            ["auction", time] => rules.auction_us = seconds(time)? * SECOND,
            ["most", "orders", most] => {
                rules.most_orders = u32::try_from(number(most)?).map_err(|_| "too many")?;
            }
            _ => return Err(format!("what is `{part}`?")),
        }
    }
    Ok(rules)
}

/// `5 at 9, 5 at 8 | 5 at 11`: bids, then asks; a dash for none.
fn quotes_of(text: &str) -> Result<Vec<(Side, u64, u64)>, String> {
    let (bids, asks) = text.split_once(" | ").ok_or("bids | asks")?;
    let mut quotes = Vec::new();
    for (side, text) in [(Side::Buy, bids), (Side::Sell, asks)] {
        for quote in text.split(", ").filter(|quote| *quote != "-") {
            let (lots, price) = quote.split_once(" at ").ok_or("lots at a price")?;
            quotes.push((side, number(lots)?, number(price)?));
        }
    }
    Ok(quotes)
}

impl Exchange {
    pub fn line(&mut self, line: Line) -> Result<Vec<String>, String> {
        match line {
            Line::After(seconds) => {
                let outcome = self.world.tick(seconds * SECOND);
                self.told.other("time", &outcome)
            }
            Line::Has(name, tokens) => {
                self.account(&name, tokens);
                let (balance, _) = self.world.tokens(&name);
                if balance == i128::from(tokens) { Ok(Vec::new()) } else { Err(format!("it has {balance}")) }
            }
            Line::MayOwe(name, amount) => {
                let _ = self.key(&name);
                self.world.set_limit(&name, Some(amount));
                Ok(Vec::new())
            }
            Line::Tranche(units) => {
                *self = Self::with_tranche(units);
                Ok(Vec::new())
            }
            Line::Elsewhere(name) => {
                self.grant_elsewhere(&name);
                Ok(Vec::new())
            }
            Line::Frozen(name) => {
                let _ = self.key(&name);
                let outcome = self.world.set_frozen(&name, true);
                self.told.other(&name, &outcome)
            }
            Line::Decide(state) => self.decide(state),
            Line::Rules(rules) => {
                let outcome = self.world.configure(vec![Change::SetMarketRules { market: BWT_BTC, rules }]);
                self.told.other("the operator", &outcome)
            }
            Line::CancelAll(name, side) => {
                let outcome = self.operation(&name, Operation::CancelAll { market: Some(BWT_BTC), side });
                self.told.other(&name, &outcome)
            }
            Line::CancelClient(name, client_id) => {
                let outcome = self.operation(&name, Operation::CancelClient { market: BWT_BTC, client_id });
                self.told.other(&name, &outcome)
            }
            Line::Quotes(name, slide, quotes) => self.quote(&name, slide, &quotes),
            Line::Protect(name, protection) => {
                let protection = protection.map(|(lots, seconds)| Protection {
                    quantity: Quantity::new(lots),
                    window_us: seconds * SECOND,
                });
                let outcome = self.operation(&name, Operation::Protect { market: BWT_BTC, protection });
                self.told.other(&name, &outcome)
            }
        }
    }

    /// Replaces all quotes; the first is called `alice#1`, and so on.
    fn quote(&mut self, name: &str, slide: bool, quotes: &[(Side, u64, u64)]) -> Result<Vec<String>, String> {
        let key = self.key(name);
        let head = self.world.engine.head(&crate::kit::key(&key)).ok_or("the key has a lane")?;
        let parsed: Vec<Quote> = quotes
            .iter()
            .map(|(side, lots, price)| Quote {
                side: *side,
                price: Price::new(*price),
                quantity: Quantity::new(*lots),
            })
            .collect();
        for (op, quote) in (0_u8..).zip(&parsed) {
            let order = OrderRef { key: crate::kit::key(&key), seq: head.seq + 1, op };
            self.told.expect(format!("{name}#{}", op + 1), order, false, (quote.price, quote.quantity));
        }
        let quotes = Quotes { market: BWT_BTC, slide, quotes: parsed };
        let outcome = self.world.operations(&key, vec![Operation::Quote(quotes)]);
        if refusal(&outcome).is_some() {
            self.told.forget_unplaced();
        }
        self.told.other(name, &outcome)
    }
}
