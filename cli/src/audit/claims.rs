//! What an auditor holds beside the journal: a head that must be in it, receipts, the key the node should have.

use super::verdict::{Check, Conviction};
use anyhow::{Context, Result, anyhow, bail};
use bandex_api as api;
use bandex_tradechain::{Body, Leaf, Receipt, SignedBlock, verify_batch};
use bandex_types::{Hash, PublicKey, Timestamp};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What is known from elsewhere. Nothing of it is needed; each part rules out one more lie.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The node's key.
    pub node: Option<PublicKey>,
    /// A record that the journal must hold.
    pub head: Option<HeadClaim>,
    /// What the node signed for somebody.
    pub receipts: Vec<NamedReceipt>,
}

/// A record that the journal must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadClaim {
    /// Its seq, if it is known.
    pub seq: Option<u64>,
    /// Its hash.
    pub hash: Hash,
    /// The batch block that says so, if it was taken from one.
    pub batch: Option<SignedBlock>,
}

/// A receipt and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedReceipt {
    /// The file.
    pub name: String,
    /// What it holds.
    pub receipt: Receipt,
}

impl HeadClaim {
    /// Reads `--head`: a hash, JSON, or a file that holds either.
    ///
    /// JSON is `{"seq", "hash"}`, a report of an earlier audit, a batch block `{"payload", "signature"}`, or a receipt
    /// with one.
    ///
    /// # Errors
    /// It is none of these.
    pub fn read(text: &str) -> Result<Self> {
        if let Ok(hash) = text.trim().parse() {
            return Ok(Self { seq: None, hash, batch: None });
        }
        if text.trim_start().starts_with('{') {
            return Self::from_json(&serde_json::from_str(text)?);
        }
        let inside =
            fs::read_to_string(text).with_context(|| format!("--head {text}: no hash and no file"))?;
        if let Ok(hash) = inside.trim().parse() {
            return Ok(Self { seq: None, hash, batch: None });
        }
        let value = serde_json::from_str(&inside).with_context(|| format!("--head {text}"))?;
        Self::from_json(&value).with_context(|| format!("--head {text}"))
    }

    fn from_json(value: &Value) -> Result<Self> {
        if let Some(inner) = ["head", "receipt", "batch"].iter().find_map(|name| value.get(name)) {
            return Self::from_json(inner);
        }
        if value.get("payload").is_some() {
            return Self::from_batch(signed(&serde_json::from_value(value.clone())?)?);
        }
        let hash = value.get("hash").and_then(Value::as_str).context("there is no hash in it")?;
        let seq = value.get("seq").and_then(Value::as_u64);
        Ok(Self { seq, hash: hash.parse()?, batch: None })
    }

    fn from_batch(signed: SignedBlock) -> Result<Self> {
        let Body::Batch(batch) = bandex_tradechain::Block::decode(&signed.payload)?.body else {
            bail!("the block is no batch block");
        };
        batch.check().map_err(|rule| anyhow!(rule))?;
        let last = batch.first_seq.saturating_add(u64::from(batch.count)).saturating_sub(1);
        Ok(Self { seq: Some(last), hash: batch.last_record_hash, batch: Some(signed) })
    }

    /// Whether the node stands behind it, as far as that can be told.
    ///
    /// # Errors
    /// It was taken from a batch block that another key signed: it says nothing about this journal.
    pub fn check(&self, node: &PublicKey, network: u32) -> Result<()> {
        let Some(batch) = &self.batch else { return Ok(()) };
        verify_batch(batch, node, network).map(drop).context("--head: the batch block is not this node's")
    }

    /// The conviction of a journal that ends at record `last` and does not hold it.
    pub fn missing(&self, last: u64) -> Box<Conviction> {
        let hash = self.hash;
        let (record, why) = match self.seq {
            Some(seq) if seq <= last => {
                (seq, format!("the journal holds another record {seq} than the one with hash {hash}"))
            }
            Some(seq) => {
                (last.saturating_add(1), format!("the record is missing: the journal once went up to {seq}"))
            }
            None => {
                let why = format!("no record up to {last} has the hash {hash}: the tail was cut, or changed");
                (last.saturating_add(1), why)
            }
        };
        let signed: Vec<&SignedBlock> = self.batch.iter().collect();
        Conviction::new(record, Check::Head, why).expecting(&hash).contradicted_by(&signed)
    }
}

/// Reads every `*.json` of a folder, in the order of their names: a receipt, or a reply that holds one.
///
/// # Errors
/// The folder or a file cannot be read, or a file holds no receipt.
pub fn receipts(folder: &Path) -> Result<Vec<NamedReceipt>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let receipt = read(&path).with_context(|| format!("{}", path.display()))?;
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            found.push(NamedReceipt { name, receipt });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn read(path: &Path) -> Result<Receipt> {
    let value: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let inner = value.get("receipt").filter(|inner| !inner.is_null()).unwrap_or(&value);
    receipt(&serde_json::from_value(inner.clone()).context("it holds no receipt")?)
}

/// The receipt behind its JSON form.
///
/// # Errors
/// A field is no hex of its size.
pub fn receipt(wire: &api::Receipt) -> Result<Receipt> {
    let path = wire.path.iter().map(|hash| hash.parse()).collect::<Result<Vec<Hash>, _>>()?;
    let leaf = Leaf {
        seq: wire.leaf.seq,
        time: Timestamp::from_micros(wire.leaf.time_us),
        rules: wire.leaf.rules,
        command_hash: wire.leaf.command_hash.parse()?,
        outcome_digest: wire.leaf.outcome_digest.parse()?,
    };
    Ok(Receipt { batch: signed(&wire.batch)?, leaf, path, outcome: hex::decode(&wire.outcome)? })
}

fn signed(wire: &api::SignedBlock) -> Result<SignedBlock> {
    Ok(SignedBlock { payload: hex::decode(&wire.payload)?, signature: wire.signature.parse()? })
}
