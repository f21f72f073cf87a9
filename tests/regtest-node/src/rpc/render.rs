//! Transactions and scripts as Core's JSON shows them.

use crate::amount;
use crate::chain::Coin;
use crate::policy::Kind;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::opcodes::all::{OP_CLTV, OP_CSV, OP_PUSHNUM_1, OP_PUSHNUM_16, OP_PUSHNUM_NEG1};
use bitcoin::script::{Instruction, read_scriptint};
use bitcoin::{Address, EcdsaSighashType, Network, Script, Transaction};
use serde_json::{Map, Value, json};

/// The fields of a JSON object.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// A transaction; with what it pays if `spent` tells what it spends, and with that too if `with_spent`.
pub(super) fn transaction(
    transaction: &Transaction,
    network: Network,
    spent: Option<&[Coin]>,
    with_spent: bool,
    with_hex: bool,
) -> Map<String, Value> {
    let inputs = transaction.input.iter().enumerate().map(|(index, input)| {
        let mut answer = Map::new();
        if transaction.is_coinbase() {
            answer.insert("coinbase".to_owned(), input.script_sig.to_hex_string().into());
        } else {
            answer.insert("txid".to_owned(), input.previous_output.txid.to_string().into());
            answer.insert("vout".to_owned(), input.previous_output.vout.into());
            let script_sig =
                json!({"asm": asm(&input.script_sig, true), "hex": input.script_sig.to_hex_string()});
            answer.insert("scriptSig".to_owned(), script_sig);
        }
        if !input.witness.is_empty() {
            let items = input.witness.iter().map(|item| Value::from(hex::encode(item)));
            answer.insert("txinwitness".to_owned(), items.collect());
        }
        if let Some(coin) = spent.and_then(|spent| spent.get(index)).filter(|_| with_spent) {
            let prevout = json!({
                "generated": coin.coinbase,
                "height": coin.height,
                "value": amount::btc_u64(coin.output.value.to_sat()),
                "scriptPubKey": script(&coin.output.script_pubkey, network),
            });
            answer.insert("prevout".to_owned(), prevout);
        }
        answer.insert("sequence".to_owned(), input.sequence.0.into());
        Value::Object(answer)
    });
    let outputs = transaction.output.iter().enumerate().map(|(n, output)| {
        let value = amount::btc_u64(output.value.to_sat());
        json!({"value": value, "n": n, "scriptPubKey": script(&output.script_pubkey, network)})
    });
    let mut answer = object(json!({
        "txid": transaction.compute_txid(),
        "hash": transaction.compute_wtxid(),
        "version": transaction.version.0,
        "size": transaction.total_size(),
        "vsize": transaction.vsize(),
        "weight": transaction.weight().to_wu(),
        "locktime": transaction.lock_time.to_consensus_u32(),
        "vin": inputs.collect::<Value>(),
        "vout": outputs.collect::<Value>(),
    }));
    if let Some(spent) = spent {
        let value_in: u64 = spent.iter().map(|coin| coin.output.value.to_sat()).sum();
        let value_out: u64 = transaction.output.iter().map(|output| output.value.to_sat()).sum();
        answer.insert("fee".to_owned(), amount::btc_u64(value_in.saturating_sub(value_out)));
    }
    if with_hex {
        answer.insert("hex".to_owned(), serialize_hex(transaction).into());
    }
    answer
}

/// A script of an output.
pub(super) fn script(script: &Script, network: Network) -> Value {
    let kind = Kind::of(script);
    let address = Address::from_script(script, network).ok().map(|address| address.to_string());
    let mut answer = object(json!({
        "asm": asm(script, false),
        "desc": with_checksum(&descriptor(script, kind, address.as_deref())),
        "hex": script.to_hex_string(),
    }));
    if let Some(address) = address {
        answer.insert("address".to_owned(), address.into());
    }
    answer.insert("type".to_owned(), kind.name().into());
    Value::Object(answer)
}

fn descriptor(script: &Script, kind: Kind, address: Option<&str>) -> String {
    let bytes = script.as_bytes();
    let key = bytes.get(1..bytes.len().saturating_sub(1)).map(hex::encode).unwrap_or_default();
    match (kind, address) {
        (Kind::PubKey, _) => format!("pk({key})"),
        (Kind::Taproot, _) => format!("rawtr({})", hex::encode(bytes.get(2..).unwrap_or(&[]))),
        (Kind::Multisig { needed, .. }, _) => {
            let keys = script.instructions().filter_map(|one| match one {
                Ok(Instruction::PushBytes(key)) => Some(hex::encode(key.as_bytes())),
                _ => None,
            });
            let keys: Vec<String> = std::iter::once(needed.to_string()).chain(keys).collect();
            format!("multi({})", keys.join(","))
        }
        (_, Some(address)) => format!("addr({address})"),
        (_, None) => format!("raw({})", script.to_hex_string()),
    }
}

/// A script in words as Core writes them: short pushes as numbers, others in hexadecimal.
fn asm(script: &Script, decode_signatures: bool) -> String {
    let mut words = Vec::new();
    for instruction in script.instructions() {
        words.push(match instruction {
            Ok(Instruction::PushBytes(push)) if push.len() <= 4 => read_scriptint(push.as_bytes())
                .map_or_else(|_| hex::encode(push.as_bytes()), |one| one.to_string()),
            Ok(Instruction::PushBytes(push)) => push_word(push.as_bytes(), decode_signatures),
            Ok(Instruction::Op(OP_PUSHNUM_NEG1)) => "-1".to_owned(),
            Ok(Instruction::Op(op))
                if (OP_PUSHNUM_1.to_u8()..=OP_PUSHNUM_16.to_u8()).contains(&op.to_u8()) =>
            {
                (op.to_u8() - OP_PUSHNUM_1.to_u8() + 1).to_string()
            }
            Ok(Instruction::Op(OP_CLTV)) => "OP_CHECKLOCKTIMEVERIFY".to_owned(),
            Ok(Instruction::Op(OP_CSV)) => "OP_CHECKSEQUENCEVERIFY".to_owned(),
            Ok(Instruction::Op(op)) => op.to_string(),
            Err(_) => "[error]".to_owned(),
        });
    }
    words.join(" ")
}

/// A push, in an input's script with what a signature signs in brackets.
fn push_word(push: &[u8], decode_signatures: bool) -> String {
    let signature = bitcoin::ecdsa::Signature::from_slice(push).ok().filter(|_| decode_signatures);
    let Some((signature, rest)) = signature.zip(push.split_last().map(|(_, rest)| rest)) else {
        return hex::encode(push);
    };
    let kind = match signature.sighash_type {
        EcdsaSighashType::All => "ALL",
        EcdsaSighashType::None => "NONE",
        EcdsaSighashType::Single => "SINGLE",
        EcdsaSighashType::AllPlusAnyoneCanPay => "ALL|ANYONECANPAY",
        EcdsaSighashType::NonePlusAnyoneCanPay => "NONE|ANYONECANPAY",
        EcdsaSighashType::SinglePlusAnyoneCanPay => "SINGLE|ANYONECANPAY",
    };
    format!("{}[{kind}]", hex::encode(rest))
}

/// A descriptor with its checksum (BIP 380); unchanged if it holds a character that descriptors cannot.
pub(super) fn with_checksum(descriptor: &str) -> String {
    const INPUT: &str =
        "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#\"\\ ";
    const CHECKSUM: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let mut state = 1_u64;
    let (mut class, mut classes) = (0_u64, 0_u32);
    for character in descriptor.chars() {
        let Some(at) = INPUT.find(character).and_then(|at| u64::try_from(at).ok()) else {
            return descriptor.to_owned();
        };
        state = step(state, at & 31);
        class = class * 3 + (at >> 5);
        classes += 1;
        if classes == 3 {
            state = step(state, class);
            (class, classes) = (0, 0);
        }
    }
    if classes > 0 {
        state = step(state, class);
    }
    for _ in 0..8 {
        state = step(state, 0);
    }
    state ^= 1;
    let checksum = (0..8_u32).rev().filter_map(|place| {
        let at = usize::try_from(state >> (5 * place) & 31).ok()?;
        CHECKSUM.get(at).copied().map(char::from)
    });
    format!("{descriptor}#{}", checksum.collect::<String>())
}

fn step(state: u64, value: u64) -> u64 {
    const GENERATOR: [u64; 5] =
        [0xf5_dee5_1989, 0xa9_fdca_3312, 0x1b_ab10_e32d, 0x37_06b1_677a, 0x64_4d62_6ffd];
    let top = state >> 35;
    let mut state = (state & 0x7_ffff_ffff) << 5 ^ value;
    for (place, generator) in GENERATOR.iter().enumerate() {
        if top >> place & 1 == 1 {
            state ^= generator;
        }
    }
    state
}
