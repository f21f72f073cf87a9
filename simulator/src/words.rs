//! Stories as people read them: the world in a line, then action by action.

use crate::setup::{Kind, OnChain, Rules, Setup};
use crate::story::{Act, Action, Decision, DiskFault, Lives, Op, Special, Story, Wakes};
use bandex_tradechain::body::{Fees, TrustTerms};
use bandex_types::Side;
use std::fmt;

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.setup)?;
        for (number, action) in self.actions.iter().enumerate() {
            write!(f, "{number:>4}  ")?;
            action.tell(&self.setup, f)?;
            writeln!(f)?;
        }
        let end = "  then  everything calms down: nothing is lost, and time passes only when all is done";
        f.write_str(end)
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clients: Vec<String> =
            self.clients.iter().enumerate().map(|(index, kind)| format!("{index} {kind}")).collect();
        let network = match (self.loss_percent, self.doubling_percent, self.reordering) {
            (0, 0, false) => "a network that only waits".to_owned(),
            (loss, doubling, reordering) => {
                let order = if reordering { ", out of order" } else { "" };
                format!("a network that loses {loss} % and doubles {doubling} %{order}")
            }
        };
        write!(
            f,
            "clients {}; {} markets, lots of {}, ticks of 1/{}, {} s to pay, {} s to acknowledge, dust {}, share {} ppm; \
             {}; {network}; batches of {}, a queue of {}",
            clients.join(", "),
            self.markets,
            self.lot_units,
            self.tick_den,
            self.pay_us.div_euclid(1_000_000),
            self.acknowledge_us.div_euclid(1_000_000),
            self.dust,
            self.share_ppm,
            self.rules,
            self.batch_max,
            self.queue_max
        )?;
        self.chain.iter().try_for_each(|chain| {
            let OnChain { confirmations, final_confirmations, fee_share_ppm, pay_us, name_us } = chain;
            write!(
                f,
                "; a chain: {confirmations} confirmations, {final_confirmations} final, fees of at most {fee_share_ppm} ppm, \
                 {} s to pay, {} s to name a script",
                pay_us.div_euclid(1_000_000),
                name_us.div_euclid(1_000_000)
            )
        })?;
        self.trust.iter().try_for_each(|trust| {
            let Fees { maker_ppm, taker_ppm } = trust.fees;
            write!(
                f,
                "; trust: {}; {} seeds; fees of {maker_ppm} and {taker_ppm} ppm",
                Told(&trust.terms),
                trust.seeds
            )?;
            trust.rate.iter().try_for_each(|(num, den)| write!(f, "; a token is worth {num}/{den}"))
        })
    }
}

/// The terms of trust as people read them.
struct Told<'a>(&'a TrustTerms);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TrustTerms {
            epoch_us, keep_ppm, largest_limit, loss_budget, score_ppm, bond_ppm, fee_ppm, ..
        } = self.0;
        write!(
            f,
            "epochs of {epoch_us} µs that keep {keep_ppm} ppm, at most {largest_limit}, a budget of {loss_budget}, scores \
             count {score_ppm} ppm, bonds {bond_ppm}, fees {fee_ppm}, admission by {:?}, a first grant of {}",
            self.0.admission, self.0.first_grant
        )
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { band_ppm, halt_us, auction_us, most_orders } = self;
        write!(
            f,
            "bands of {band_ppm} ppm, halts of {halt_us} µs, auctions of {auction_us} µs, most orders {most_orders}"
        )
    }
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.market { ", at market" } else { "" })?;
        self.quote_quantity.iter().try_for_each(|amount| write!(f, ", for {amount} of quote"))?;
        f.write_str(if self.slide { ", sliding" } else { "" })?;
        self.display.iter().try_for_each(|lots| write!(f, ", showing {lots}"))?;
        self.minimum.iter().try_for_each(|lots| write!(f, ", at least {lots}"))?;
        self.lasts_us.iter().try_for_each(|us| write!(f, ", for {us} µs"))?;
        self.trigger.iter().try_for_each(|(wakes, price)| {
            let wakes = if *wakes == Wakes::StopLoss { "stop loss" } else { "take profit" };
            write!(f, ", {wakes} at {price}")
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Maker => "maker",
            Self::Taker => "taker",
            Self::Bot => "bot",
            Self::Forker => "forker",
            Self::GapMaker => "gap maker",
            Self::NonPayer => "non-payer",
            Self::NonAcknowledger => "non-acknowledger",
            Self::WrongPayer => "wrong payer",
            Self::Liar => "liar",
            Self::Registrar => "registrar",
            Self::Crosser => "crosser",
            Self::Splitter => "splitter",
            Self::CycleFeeder => "feeder in a cycle",
            Self::SerialFeeder => "feeder in series",
            Self::ParallelFeeder => "feeder in parallel",
            Self::Colluder => "colluder",
            Self::Whitewasher => "whitewasher",
            Self::BustOut => "bust-out",
            Self::WashTrader => "wash trader",
            Self::FalseClaimant => "false claimant",
            Self::BondRunner => "bond runner",
            Self::Griefer => "griefer",
            Self::Netter => "netter",
            Self::Nameless => "nameless payee",
            Self::Underpayer => "underpayer",
            Self::DoubleSpender => "double spender",
            Self::LatePayer => "late payer",
            Self::Reuser => "reuser of a script",
            Self::DoublePayer => "double payer",
        })
    }
}

impl Action {
    fn tell(&self, setup: &Setup, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = |client: &u8| {
            let at = usize::from(*client).checked_rem(setup.clients.len()).unwrap_or(0);
            // Accounts that a splitter adds later have numbers of their own; these are the ones it began with.
            let kind = setup.clients.get(at).copied().unwrap_or(Kind::Splitter);
            format!("client {client} ({kind})")
        };
        match self {
            Self::Act { client, act } => write!(f, "{} {act}", who(client)),
            Self::Decide { decision } => write!(f, "the operator {decision}"),
            Self::Deliver { count, salt } => write!(f, "the network delivers {count} (salt {salt})"),
            Self::Work { old: false } => f.write_str("the writer takes its turn"),
            Self::Work { old: true } => f.write_str("the writer that was taken over takes its turn"),
            Self::Score => f.write_str("the node has worked out the scores that are due"),
            Self::Settle { client } => write!(f, "the agent of {} looks what is due", who(client)),
            Self::Retry { client } => write!(f, "{} sends again and connects anew", who(client)),
            Self::HangUp { client } => write!(f, "the connections of {} end", who(client)),
            Self::Mine { empty, replaced } => {
                f.write_str(if *empty { "an empty block is found" } else { "a block is found" })?;
                f.write_str(if *replaced { ", with what was spent a second time" } else { "" })
            }
            Self::Reorganise { depth, later, replaced } => {
                write!(f, "the last {depth} blocks are replaced")?;
                f.write_str(if *later { ", what they held waits" } else { "" })?;
                f.write_str(if *replaced { ", with what was spent a second time" } else { "" })
            }
            Self::Fees { rate } => write!(f, "1,000 virtual bytes on the chain cost {rate} satoshi"),
            Self::Follow { behind: 0 } => f.write_str("the node asks its Bitcoin node"),
            Self::Follow { behind } => {
                write!(f, "the node asks its Bitcoin node, which is {behind} blocks behind")
            }
            Self::Pass { us } => write!(f, "{us} µs pass"),
            Self::PassToDeadline => f.write_str("time passes to the next deadline"),
            Self::Jump { skew_us } => write!(f, "the node's clock is now off by {skew_us} µs"),
            Self::CrashNode { written: true } => {
                f.write_str("the node dies; what its disk works on is written")
            }
            Self::CrashNode { written: false } => {
                f.write_str("the node dies; what its disk works on is lost")
            }
            Self::Start => f.write_str("the node starts, if it is down"),
            Self::TakeOver => f.write_str("a second node opens the store and takes over"),
            Self::CrashClient { client } => write!(f, "{} loses its memory", who(client)),
            Self::CrashAgent { client } => write!(f, "the agent of {} loses its memory", who(client)),
            Self::Disk { fault: DiskFault::Decay } => f.write_str("the last committed record is damaged"),
            Self::Disk { fault } => write!(f, "the next batch {fault}"),
        }
    }
}

impl fmt::Display for DiskFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fail => "fails to be written",
            Self::UnknownLost => "is lost, and nobody says so",
            Self::UnknownKept => "is written, and nobody says so",
            Self::Torn => "is written in part",
            Self::Slow => "is written at the writer's next turn",
            Self::Decay => "finds the one before damaged",
        })
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant { scopes, market, largest, lasts_us } => {
                write!(f, "grants a session key scopes {scopes}")?;
                market.iter().try_for_each(|market| write!(f, ", only on market {market}"))?;
                largest.iter().try_for_each(|largest| write!(f, ", orders up to {largest}"))?;
                lasts_us.iter().try_for_each(|us| write!(f, ", for {us} µs"))
            }
            Self::Revoke { key } => write!(f, "revokes session key {key}"),
            Self::Rotate => f.write_str("rotates its root key"),
            Self::Heal { key } => write!(f, "heals session key {key}"),
            Self::Orders { key, operations } => {
                let told: Vec<String> = operations.iter().map(ToString::to_string).collect();
                write!(f, "with key {key}: {}", told.join("; "))
            }
            Self::Guard { key, cancel_after_us: 0, on_disconnect_us: None } => {
                write!(f, "with key {key} guards its orders no more")
            }
            Self::Guard { key, cancel_after_us, on_disconnect_us } => {
                write!(f, "with key {key} has its orders go {cancel_after_us} µs from now")?;
                on_disconnect_us.iter().try_for_each(|us| write!(f, ", {us} µs after it is gone"))
            }
            Self::Transfer { key, to, amount, lasts_us } => {
                write!(f, "with key {key} transfers {amount} to client {to}")?;
                lasts_us.iter().try_for_each(|us| write!(f, ", within {us} µs"))
            }
            Self::Bandwidth { key, to, tokens, on_credit: true, .. } => {
                write!(f, "with key {key} serves client {to} {tokens} bytes on credit")
            }
            Self::Bandwidth { key, to, tokens, pays, .. } => {
                let payer = if *pays { "paid by itself" } else { "paid by the other" };
                write!(f, "with key {key} proposes bandwidth with client {to} for {tokens}, {payer}")
            }
            Self::Bond { key, amount } => write!(f, "with key {key} posts a bond of {amount}"),
            Self::Unbond { key, amount } => write!(f, "with key {key} asks for {amount} of its bond back"),
            Self::Fee { key, amount } => write!(f, "with key {key} pays a fee of {amount}"),
            Self::Claim { key } => write!(f, "with key {key} claims the first grant"),
            Self::Certify { to, lasts_us } => {
                write!(f, "certifies client {to}")?;
                lasts_us.iter().try_for_each(|us| write!(f, ", for {us} µs"))
            }
            Self::Decertify { to } => write!(f, "takes back the certificate of client {to}"),
            Self::Prefer { largest, least } => {
                f.write_str("prefers")?;
                largest.iter().try_for_each(|most| write!(f, " to be owed {most} at most"))?;
                least.iter().try_for_each(|ppm| write!(f, " scores of {ppm} ppm at least"))?;
                f.write_str(if largest.is_none() && least.is_none() { " nobody" } else { "" })
            }
            Self::Resolve { key, deal, deliver } => {
                write!(
                    f,
                    "with key {key} proposes to resolve its troubled deal {deal}, delivering {deliver} or what is fair"
                )
            }
            Self::WriteOff { key, deal } => write!(f, "with key {key} writes its troubled deal {deal} off"),
            Self::Cure { deal } => write!(f, "cures its default {deal}"),
            Self::Misbehave { how } => write!(f, "breaks the rules in its way ({how})"),
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place {
                market,
                side,
                price,
                quantity,
                lives,
                post_only,
                self_trade,
                own_cap,
                least_score,
                name,
                special,
            } => {
                let side = if *side == Side::Buy { "buys" } else { "sells" };
                let lives = match lives {
                    Lives::Gtc => "",
                    Lives::Ioc => ", immediate or cancel",
                    Lives::Fok => ", fill or kill",
                    Lives::Gtd => ", till a date",
                };
                write!(f, "{side} {quantity} at {price} on market {market}{lives}")?;
                f.write_str(if *post_only { ", post-only" } else { "" })?;
                if *self_trade != 0 {
                    write!(f, ", self-trade mode {self_trade}")?;
                }
                own_cap.iter().try_for_each(|cap| write!(f, ", own cap {cap}"))?;
                least_score.iter().try_for_each(|least| write!(f, ", least score {least} ppm"))?;
                name.iter().try_for_each(|name| write!(f, ", named {name}"))?;
                write!(f, "{special}")
            }
            Self::Cancel { order } => write!(f, "cancels its order {order} from the last"),
            Self::CancelNamed { market, name } => {
                write!(f, "cancels its order named {name} on market {market}")
            }
            Self::Amend { order, ticks, lots } => {
                write!(f, "amends its order {order} from the last by {ticks:+} ticks and {lots:+} lots")
            }
            Self::CancelAll { market, side } => {
                f.write_str("cancels all")?;
                let side = side.map(|side| if side == Side::Buy { " bids" } else { " asks" });
                f.write_str(side.unwrap_or(""))?;
                market.iter().try_for_each(|market| write!(f, " on market {market}"))
            }
            Self::Quote { market, slide, bids, asks } => {
                let told = |quotes: &[(u64, u64)]| {
                    let told = quotes.iter().map(|(price, lots)| format!("{lots} at {price}"));
                    told.collect::<Vec<_>>().join(", ")
                };
                let slide = if *slide { ", sliding" } else { "" };
                write!(f, "quotes on market {market}{slide}: {} | {}", told(bids), told(asks))
            }
            Self::Protect { market, most: Some((lots, us)) } => {
                write!(f, "protects its quotes on market {market}: {lots} within {us} µs")
            }
            Self::Protect { market, most: None } => {
                write!(f, "ends the protection of its quotes on market {market}")
            }
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListMarket { market } => write!(f, "lists market {market}"),
            Self::SetState { market, state } => write!(f, "sets market {market} to state {state}"),
            Self::SetRules { market, rules } => write!(f, "has market {market} trade by {rules}"),
            Self::SetLimit { client, limit: Some(limit) } => write!(f, "limits client {client} to {limit}"),
            Self::SetLimit { client, limit: None } => write!(f, "limits client {client} to the dust"),
            Self::SetCreditLine { client, line } => {
                write!(f, "gives client {client} a credit line of {line}")
            }
            Self::SetFrozen { client, frozen: true } => write!(f, "freezes client {client}"),
            Self::SetFrozen { client, frozen: false } => write!(f, "thaws client {client}"),
            Self::SetParameters { dust, share_ppm } => {
                write!(f, "sets the dust to {dust}, shares to {share_ppm} ppm")
            }
            Self::SetTrust { terms } => write!(f, "sets trust: {}", Told(terms)),
            Self::SetRate { asset, rate: Some((num, den)) } => {
                write!(f, "rates a unit of asset {asset} at {num}/{den}")
            }
            Self::SetRate { asset, rate: None } => write!(f, "rates asset {asset} no more"),
            Self::SetSeed { client, seed: true } => write!(f, "has walks begin at client {client}"),
            Self::SetSeed { client, seed: false } => write!(f, "has no walks begin at client {client}"),
            Self::SetRegistrar { client, registrar: true } => write!(f, "makes client {client} a registrar"),
            Self::SetRegistrar { client, registrar: false } => {
                write!(f, "makes client {client} a registrar no more")
            }
            Self::SetFees { market, fees } => {
                write!(f, "sets fees of {} and {} ppm on market {market}", fees.maker_ppm, fees.taker_ppm)
            }
            Self::Issue { client, amount } => write!(f, "issues {amount} tokens to client {client}"),
        }
    }
}
