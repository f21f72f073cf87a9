//! What a node relays beyond what consensus demands: Bitcoin Core 29's standardness rules, dust and fee rates.
//!
//! The kernel checks consensus; these are policy, which its interface does not give, so they are written here after
//! Core's documented rules, with Core's words for a refusal.

use bitcoin::{Amount, Script, Transaction, TxOut, Witness};

/// The greatest weight of a standard transaction.
const STANDARD_TX_WEIGHT_MAX: u64 = 400_000;
/// The greatest size of an input's script.
const STANDARD_SCRIPT_SIG_BYTES_MAX: usize = 1_650;
/// The greatest size of a data-carrying output's script.
const DATA_CARRIER_BYTES_MAX: usize = 83;
/// The smallest size of a transaction without its witness: 64 bytes could stand for an inner node of a Merkle tree.
const STANDARD_TX_STRIPPED_BYTES_MIN: usize = 65;
/// The fee rate at which spending an output must cost less than the output, in satoshi per 1000 virtual bytes.
const DUST_RELAY_SAT_PER_KVB: u64 = 3_000;
/// The greatest signature operation cost of a standard transaction, a fifth of a block's.
pub(crate) const STANDARD_TX_SIGOPS_COST_MAX: usize = 16_000;

/// Which kind of output a script makes, as Core's `type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    PubKey,
    PubKeyHash,
    ScriptHash,
    Multisig { needed: usize, keys: usize },
    NullData,
    WitnessKeyHash,
    WitnessScriptHash,
    Taproot,
    Anchor,
    WitnessUnknown,
    NonStandard,
}

impl Kind {
    pub(crate) fn of(script: &Script) -> Self {
        if script.is_p2pkh() {
            Self::PubKeyHash
        } else if script.is_p2sh() {
            Self::ScriptHash
        } else if script.is_p2wpkh() {
            Self::WitnessKeyHash
        } else if script.is_p2wsh() {
            Self::WitnessScriptHash
        } else if script.is_p2tr() {
            Self::Taproot
        } else if script.as_bytes() == [0x51, 0x02, 0x4e, 0x73] {
            Self::Anchor
        } else if script.is_witness_program() && script.as_bytes().first() != Some(&0) {
            Self::WitnessUnknown
        } else if script.is_op_return()
            && is_push_only(Script::from_bytes(script.as_bytes().get(1..).unwrap_or(&[])))
        {
            Self::NullData
        } else if script.is_p2pk() {
            Self::PubKey
        } else {
            multisig(script).map_or(Self::NonStandard, |(needed, keys)| Self::Multisig { needed, keys })
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PubKey => "pubkey",
            Self::PubKeyHash => "pubkeyhash",
            Self::ScriptHash => "scripthash",
            Self::Multisig { .. } => "multisig",
            Self::NullData => "nulldata",
            Self::WitnessKeyHash => "witness_v0_keyhash",
            Self::WitnessScriptHash => "witness_v0_scripthash",
            Self::Taproot => "witness_v1_taproot",
            Self::Anchor => "anchor",
            Self::WitnessUnknown => "witness_unknown",
            Self::NonStandard => "nonstandard",
        }
    }
}

fn multisig(script: &Script) -> Option<(usize, usize)> {
    let bytes = script.as_bytes();
    let small = |byte: u8| (0x51..=0x60).contains(&byte).then(|| usize::from(byte - 0x50));
    let (&first, rest) = bytes.split_first()?;
    let (&last, rest) = rest.split_last()?;
    let (&count, mut keys) = rest.split_last()?;
    let (needed, keys_wanted) = (small(first)?, small(count)?);
    let mut found = 0_usize;
    while let Some((&length, tail)) = keys.split_first() {
        if length != 33 && length != 65 {
            return None;
        }
        keys = tail.get(usize::from(length)..)?;
        found += 1;
    }
    (last == 0xae && found == keys_wanted && needed <= found).then_some((needed, found))
}

/// Whether a script holds nothing but pushes.
pub(crate) fn is_push_only(script: &Script) -> bool {
    script.is_push_only()
}

/// A refusal of the mempool, in Core's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}{}{details}", if details.is_empty() { "" } else { ", " })]
pub struct Reject {
    /// The reason, such as `insufficient fee`.
    pub reason: &'static str,
    /// What more there is to say; may be empty.
    pub details: String,
    /// Whether an output to be spent is not there, which Core answers with another code.
    pub missing_inputs: bool,
}

impl Reject {
    pub(crate) fn new(reason: &'static str) -> Self {
        Self { reason, details: String::new(), missing_inputs: false }
    }

    pub(crate) fn with(reason: &'static str, details: String) -> Self {
        Self { reason, details, missing_inputs: false }
    }
}

/// Checks that need nothing but the transaction (Core's `CheckTransaction`): a consensus rule each.
pub(crate) fn check_alone(transaction: &Transaction) -> Result<(), Reject> {
    if transaction.input.is_empty() {
        return Err(Reject::new("bad-txns-vin-empty"));
    }
    if transaction.output.is_empty() {
        return Err(Reject::new("bad-txns-vout-empty"));
    }
    if transaction.base_size() * 4 > 4_000_000 {
        return Err(Reject::new("bad-txns-oversize"));
    }
    let mut total = 0_u64;
    for output in &transaction.output {
        if output.value > Amount::MAX_MONEY {
            let negative = i64::try_from(output.value.to_sat()).is_err();
            return Err(Reject::new(if negative {
                "bad-txns-vout-negative"
            } else {
                "bad-txns-vout-toolarge"
            }));
        }
        total = total.saturating_add(output.value.to_sat());
        if total > Amount::MAX_MONEY.to_sat() {
            return Err(Reject::new("bad-txns-txouttotal-toolarge"));
        }
    }
    let mut outpoints: Vec<_> = transaction.input.iter().map(|input| input.previous_output).collect();
    outpoints.sort_unstable();
    if outpoints.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Reject::new("bad-txns-inputs-duplicate"));
    }
    if transaction.is_coinbase() {
        return Err(Reject::new("coinbase"));
    }
    if outpoints.iter().any(bitcoin::OutPoint::is_null) {
        return Err(Reject::new("bad-txns-prevout-null"));
    }
    Ok(())
}

/// Whether a transaction is of a form that nodes relay (Core's `IsStandardTx`, and the least size).
pub(crate) fn check_standard(transaction: &Transaction) -> Result<(), Reject> {
    if !(1..=3).contains(&transaction.version.0) {
        return Err(Reject::new("version"));
    }
    if transaction.weight().to_wu() > STANDARD_TX_WEIGHT_MAX {
        return Err(Reject::new("tx-size"));
    }
    for input in &transaction.input {
        if input.script_sig.len() > STANDARD_SCRIPT_SIG_BYTES_MAX {
            return Err(Reject::new("scriptsig-size"));
        }
        if !is_push_only(&input.script_sig) {
            return Err(Reject::new("scriptsig-not-pushonly"));
        }
    }
    let mut data_carriers = 0_usize;
    for output in &transaction.output {
        match Kind::of(&output.script_pubkey) {
            Kind::NonStandard => return Err(Reject::new("scriptpubkey")),
            Kind::Multisig { keys, .. } if keys > 3 => return Err(Reject::new("scriptpubkey")),
            Kind::NullData if output.script_pubkey.len() > DATA_CARRIER_BYTES_MAX => {
                return Err(Reject::new("scriptpubkey"));
            }
            Kind::NullData => data_carriers += 1,
            _ => {}
        }
    }
    if transaction.output.iter().filter(|output| is_dust(output)).count() > 1 {
        return Err(Reject::new("dust"));
    }
    if data_carriers > 1 {
        return Err(Reject::new("multi-op-return"));
    }
    if transaction.base_size() < STANDARD_TX_STRIPPED_BYTES_MIN {
        return Err(Reject::new("tx-size-small"));
    }
    Ok(())
}

/// Whether the outputs spent, and the witnesses that spend them, are of a form that nodes relay (Core's
/// `AreInputsStandard` and `IsWitnessStandard`).
pub(crate) fn check_inputs_standard(transaction: &Transaction, spent: &[TxOut]) -> Result<(), Reject> {
    for (input, output) in transaction.input.iter().zip(spent) {
        let kind = Kind::of(&output.script_pubkey);
        if matches!(kind, Kind::NonStandard | Kind::WitnessUnknown) {
            return Err(Reject::new("bad-txns-nonstandard-inputs"));
        }
        if kind == Kind::ScriptHash {
            let redeem = input.script_sig.redeem_script();
            if redeem.is_none_or(|script| script.count_sigops() > 15) {
                return Err(Reject::new("bad-txns-nonstandard-inputs"));
            }
        }
    }
    for (input, output) in transaction.input.iter().zip(spent) {
        let redeem = if output.script_pubkey.is_p2sh() { input.script_sig.redeem_script() } else { None };
        let program = redeem.unwrap_or(&output.script_pubkey);
        if !input.witness.is_empty() && !witness_is_standard(program, &input.witness, redeem.is_some()) {
            return Err(Reject::new("bad-witness-nonstandard"));
        }
    }
    Ok(())
}

fn witness_is_standard(program: &Script, witness: &Witness, nested: bool) -> bool {
    if program.as_bytes() == [0x51, 0x02, 0x4e, 0x73] || !program.is_witness_program() {
        return false;
    }
    if program.is_p2wsh() {
        let items = witness.len().saturating_sub(1);
        let script_bytes = witness.last().map_or(0, <[u8]>::len);
        return script_bytes <= 3_600
            && items <= 100
            && witness.iter().take(items).all(|item| item.len() <= 80);
    }
    if program.is_p2tr() && !nested {
        let annex = witness.len() >= 2 && witness.last().is_some_and(|last| last.first() == Some(&0x50));
        let control = witness.last().and_then(|last| last.first());
        let leaf = witness.len() >= 2 && control.is_some_and(|byte| byte & 0xfe == 0xc0);
        let items = witness.len().saturating_sub(2);
        return !annex && (!leaf || witness.iter().take(items).all(|item| item.len() <= 80));
    }
    true
}

/// Whether spending an output would cost more than a third of it at the usual rate, so that nobody would.
pub(crate) fn is_dust(output: &TxOut) -> bool {
    if crate::chain::is_unspendable(&output.script_pubkey) {
        return false;
    }
    let spending_bytes = if output.script_pubkey.is_witness_program() { 67 } else { 148 };
    let bytes = u64::try_from(output.size()).unwrap_or(u64::MAX).saturating_add(spending_bytes);
    output.value.to_sat() < fee_at(DUST_RELAY_SAT_PER_KVB, bytes)
}

/// The fee for `vbytes` at a rate, rounded up.
pub(crate) fn fee_at(sat_per_kvb: u64, vbytes: u64) -> u64 {
    sat_per_kvb.saturating_mul(vbytes).div_ceil(1_000)
}

/// The rate of a fee in satoshi per 1000 virtual bytes, rounded down.
pub(crate) fn rate_of(fee_sat: i64, vbytes: u64) -> i64 {
    let vbytes = i64::try_from(vbytes.max(1)).unwrap_or(i64::MAX);
    fee_sat.saturating_mul(1_000) / vbytes
}

/// An amount as Core writes it in messages: at least two decimals, no more zeros than that.
pub(crate) fn money(sat: i64) -> String {
    let whole = crate::amount::btc_text(sat);
    let least = whole.len().saturating_sub(6);
    let trimmed = whole.trim_end_matches('0');
    whole.get(..trimmed.len().max(least)).unwrap_or(&whole).to_owned()
}

/// A rate as Core writes it in messages.
pub(crate) fn rate_text(sat_per_kvb: i64) -> String {
    format!("{} BTC/kvB", crate::amount::btc_text(sat_per_kvb))
}
