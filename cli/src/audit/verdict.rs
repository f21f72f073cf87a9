//! What an audit ends with: a report, or a conviction that names a record.

use crate::output;
use bandex_engine::Engine;
use bandex_settlement::State;
use bandex_spv::shown;
use bandex_tradechain::{Block, Genesis, SignedBlock};
use bandex_types::{AccountId, Amount, Hash, PublicKey};
use serde::Serialize;
use serde_json::{Value, json};

/// The end of an audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Everything holds.
    Pass(Box<Report>),
    /// Something does not.
    Fail(Conviction),
}

/// What was checked.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Records replayed.
    pub records: u64,
    /// Blocks of traders and the operator among them.
    pub blocks: u64,
    /// Batch blocks of the node.
    pub batches: u64,
    /// Signatures verified: of blocks, of both halves of fork proofs, of batch blocks.
    pub signatures: u64,
    /// Trades recomputed.
    pub trades: u64,
    /// Deals by their state at the end.
    pub deals: Deals,
    /// Movements within deals that became final.
    pub tranches: u64,
    /// The most that one side owed the other in one deal at any moment, in quote units.
    pub largest_exposure: Amount,
    /// Epochs of the trust graph.
    pub epochs: Epochs,
    /// What was checked of the Bitcoin chain; none if the exchange does not follow it.
    pub bitcoin: Option<Followed>,
    /// Fork proofs on record.
    pub forks: u64,
    /// Receipts that agree with the journal.
    pub receipts: u64,
    /// The end of the journal: give it to the next audit as `--head`, and nothing before it can be cut off or changed.
    pub head: Option<Head>,
    /// The digest of the engine's state at the end.
    pub state_digest: Option<Hash>,
    /// Record 1, the root of trust: compare the keys with those that the exchange publishes.
    pub genesis: Option<Root>,
    /// How long it took.
    pub seconds: f64,
}

/// Deals by state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Deals {
    /// A party is due or a payment is in flight.
    pub open: u64,
    /// A payment was not acknowledged in time.
    pub disputed: u64,
    /// A party did not pay in time.
    pub defaulted: u64,
    /// Both sent everything.
    pub settled: u64,
    /// A default was made good.
    pub cured: u64,
    /// What was owed was given up.
    pub written_off: u64,
    /// Both agreed on an end.
    pub resolved: u64,
    /// Another took its place.
    pub netted: u64,
}

/// Epochs of the trust graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Epochs {
    /// How many ended.
    pub ended: u64,
    /// Those whose scores were worked out anew and found right.
    pub scored: u64,
    /// Those whose scores never came before the next one ended: no rule is broken, but old scores held meanwhile.
    pub never_scored: Vec<u64>,
    /// The one whose scores are due.
    #[serde(skip)]
    due: Option<u64>,
}

impl Epochs {
    /// An epoch ended.
    pub fn end(&mut self, epoch: u64) {
        self.ended += 1;
        self.never_scored.extend(self.due.replace(epoch));
    }

    /// The scores of an epoch came.
    pub fn score(&mut self, epoch: u64) {
        self.scored += 1;
        self.due.take_if(|due| *due == epoch);
    }
}

/// The Bitcoin chain as the journal proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// Which network.
    pub network: String,
    /// The height of the first header, which the operator answers for.
    pub from_height: u32,
    /// The height of the last one: work, links and difficulty were checked up to it.
    pub to_height: u32,
    /// That block's hash, the last byte first: compare it with any node.
    pub tip: String,
    /// How many outputs were proven to pay a deal.
    pub payments: u64,
}

impl Followed {
    /// What an engine has of it.
    pub fn by(engine: &Engine) -> Option<Self> {
        let (_, headers) = engine.bitcoin()?;
        let (to_height, tip) = headers.tip();
        Some(Self {
            network: headers.network().to_string(),
            from_height: headers.begins_at(),
            to_height,
            tip: shown(&tip),
            payments: engine.proven_payments().count() as u64,
        })
    }
}

/// One record's place and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its seq.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// The root of trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Root {
    /// The network.
    pub network: u32,
    /// The key that signs batches.
    pub node: PublicKey,
    /// The key that decides.
    pub operator: PublicKey,
    /// The account that issues tokens.
    pub issuance: AccountId,
    /// How many it may issue, in bytes.
    pub issuance_cap: Amount,
}

/// What an exchange is convicted of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conviction {
    /// The record that is wrong or missing.
    pub record: u64,
    /// The check that failed.
    pub check: Check,
    /// Why, in words.
    pub why: String,
    /// What the rules give instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// Statements signed by the node that contradict each other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Value>,
}

/// The checks, each with a name that programs test for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Record 1 is the root of trust that was expected.
    Genesis,
    /// A row has the form of a record or batch.
    Row,
    /// No record is missing or out of order.
    Sequence,
    /// Each record names the hash of the one before.
    Link,
    /// Sequenced time does not run backwards.
    Time,
    /// The rules are those in force.
    Rules,
    /// A record holds a command.
    Command,
    /// A block is signed by its author and sound.
    Signature,
    /// A fork proof proves a fork.
    Fork,
    /// A block continues its lane.
    Lane,
    /// The node's batch blocks bind exactly the records.
    Batch,
    /// The outcome is the one that the rules give.
    Digest,
    /// Balances sum to zero and locks add up.
    Sums,
    /// The scores of an epoch follow from the trust graph.
    Scores,
    /// Every deal stays in its band.
    Deals,
    /// The journal holds the head that was given.
    Head,
    /// The journal holds what receipts say.
    Receipt,
}

impl Deals {
    /// Counts one more deal.
    pub fn count(&mut self, state: State) {
        let counter = match state {
            State::Open => &mut self.open,
            State::Disputed { .. } => &mut self.disputed,
            State::Defaulted { .. } => &mut self.defaulted,
            State::Settled => &mut self.settled,
            State::Cured { .. } => &mut self.cured,
            State::WrittenOff { .. } => &mut self.written_off,
            State::Resolved => &mut self.resolved,
            State::Netted => &mut self.netted,
        };
        *counter += 1;
    }
}

impl From<&Genesis> for Root {
    fn from(genesis: &Genesis) -> Self {
        let Genesis { network, node, operator, issuance, issuance_cap } = genesis.clone();
        Self { network, node, operator, issuance, issuance_cap }
    }
}

impl Conviction {
    /// A conviction in words. It travels as an error, hence the box.
    pub fn new(record: u64, check: Check, why: impl Into<String>) -> Box<Self> {
        Box::new(Self { record, check, why: why.into(), expected: None, found: None, statements: Vec::new() })
    }

    /// Adds what the rules give instead.
    #[must_use]
    pub fn expecting(mut self: Box<Self>, expected: &impl Serialize) -> Box<Self> {
        self.expected = serde_json::to_value(expected).ok();
        self
    }

    /// Adds what was found.
    #[must_use]
    pub fn finding(mut self: Box<Self>, found: &impl Serialize) -> Box<Self> {
        self.found = serde_json::to_value(found).ok();
        self
    }

    /// Adds the signed statements that contradict each other.
    #[must_use]
    pub fn contradicted_by(mut self: Box<Self>, statements: &[&SignedBlock]) -> Box<Self> {
        self.statements = statements.iter().map(|signed| statement(signed)).collect();
        self
    }
}

/// A signed block with what it says.
fn statement(signed: &SignedBlock) -> Value {
    json!({
        "payload": hex::encode(&signed.payload),
        "signature": signed.signature,
        "block": Block::decode(&signed.payload).ok(),
    })
}

impl Verdict {
    /// Prints it for people.
    pub fn print(&self) {
        match self {
            Self::Pass(report) => report.print(),
            Self::Fail(conviction) => conviction.print(),
        }
    }
}

impl Report {
    fn print(&self) {
        let count = |number: u64| output::grouped(number);
        let deals = &self.deals;
        say!("pass: every signature, link, outcome, sum and deal is as it must be");
        let mut rows = Vec::new();
        if let Some(root) = &self.genesis {
            rows.extend([
                ("Network", root.network.to_string()),
                ("Node key", root.node.to_string()),
                ("Operator key", root.operator.to_string()),
                ("Issuance cap", format!("{} bytes", count(root.issuance_cap.get()))),
            ]);
        }
        rows.extend([
            ("Records", count(self.records)),
            ("Blocks", count(self.blocks)),
            ("Batches", count(self.batches)),
            ("Signatures", count(self.signatures)),
            ("Trades", count(self.trades)),
            (
                "Deals",
                format!(
                    "{} open, {} settled, {} disputed, {} defaulted, {} cured, {} written off, {} resolved, {} netted",
                    count(deals.open),
                    count(deals.settled),
                    count(deals.disputed),
                    count(deals.defaulted),
                    count(deals.cured),
                    count(deals.written_off),
                    count(deals.resolved),
                    count(deals.netted)
                ),
            ),
            ("Epochs", format!("{} ended, {} scored", count(self.epochs.ended), count(self.epochs.scored))),
            ("Forks", count(self.forks)),
            ("Receipts", count(self.receipts)),
        ]);
        rows.push(("Bitcoin", self.bitcoin.as_ref().map_or_else(|| "not followed".to_owned(), bitcoin)));
        if !self.epochs.never_scored.is_empty() {
            let epochs: Vec<String> = self.epochs.never_scored.iter().map(ToString::to_string).collect();
            rows.push(("Never scored", format!("epochs {}", epochs.join(", "))));
        }
        if let Some(head) = &self.head {
            rows.push(("Head", format!("record {}, {}", count(head.seq), head.hash)));
        }
        if let Some(digest) = &self.state_digest {
            rows.push(("State digest", digest.to_string()));
        }
        rows.push(("Time", format!("{:.1} s", self.seconds)));
        output::table(rows);
    }
}

fn bitcoin(followed: &Followed) -> String {
    let Followed { network, from_height, to_height, tip, payments } = followed;
    let payments = output::grouped(*payments);
    format!(
        "{network}, headers checked from height {from_height} to {to_height}, {tip}; {payments} payments proven"
    )
}

impl Conviction {
    fn print(&self) {
        say!("fail: record {}: {}", self.record, self.why);
        let shown = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default();
        if let Some(expected) = &self.expected {
            say!("expected: {}", shown(expected));
        }
        if let Some(found) = &self.found {
            say!("found: {}", shown(found));
        }
        for statement in &self.statements {
            say!("signed by the node: {}", shown(statement));
        }
    }
}
