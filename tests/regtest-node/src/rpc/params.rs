//! The arguments of a call: by position or by name, and read with Core's complaints.

use super::{DESERIALIZATION, Error, INVALID_PARAMETER, MISC, Method, TYPE};
use crate::amount;
use bitcoin::hashes::sha256d;
use bitcoin::{BlockHash, Transaction, Txid};
use serde_json::Value;

/// The arguments of one call, in the order of its names.
pub(super) struct Params<'a> {
    method: &'static Method,
    values: Vec<Option<&'a Value>>,
}

impl<'a> Params<'a> {
    pub(super) fn read(method: &'static Method, arguments: &'a Value) -> Result<Self, Error> {
        let names = method.arguments;
        let mut values: Vec<Option<&Value>> = vec![None; names.len()];
        match arguments {
            Value::Array(given) => {
                if given.len() > names.len() {
                    return Err(Error::new(MISC, usage(method)));
                }
                for (value, given) in values.iter_mut().zip(given) {
                    *value = Some(given).filter(|given| !given.is_null());
                }
            }
            Value::Object(given) => {
                for (name, given) in given {
                    let at = names.iter().position(|one| bare(one) == name);
                    let value = at.and_then(|at| values.get_mut(at));
                    let unknown = || Error::new(INVALID_PARAMETER, format!("Unknown named parameter {name}"));
                    *value.ok_or_else(unknown)? = Some(given).filter(|given| !given.is_null());
                }
            }
            _ => {}
        }
        let missing =
            names.iter().zip(&values).any(|(name, value)| !name.starts_with('[') && value.is_none());
        if missing {
            return Err(Error::new(MISC, usage(method)));
        }
        Ok(Self { method, values })
    }

    pub(super) fn get(&self, index: usize) -> Option<&'a Value> {
        self.values.get(index).copied().flatten()
    }

    fn wrong_type(&self, index: usize, expected: &str) -> Error {
        let name = self.method.arguments.get(index).map_or("", |name| bare(name));
        let kind = self.get(index).map_or("null", kind);
        let complaint = format!("JSON value of type {kind} is not of expected type {expected}");
        let position = index + 1;
        Error::new(
            TYPE,
            format!("Wrong type passed:\n{{\n    \"Position {position} ({name})\": \"{complaint}\"\n}}"),
        )
    }

    pub(super) fn string(&self, index: usize) -> Result<&'a str, Error> {
        self.get(index).and_then(Value::as_str).ok_or_else(|| self.wrong_type(index, "string"))
    }

    pub(super) fn array(&self, index: usize) -> Result<&'a [Value], Error> {
        let array = self.get(index).and_then(Value::as_array);
        array.map(Vec::as_slice).ok_or_else(|| self.wrong_type(index, "array"))
    }

    pub(super) fn integer(&self, index: usize) -> Result<i64, Error> {
        match self.get(index) {
            Some(Value::Number(number)) => {
                number.as_i64().ok_or_else(|| Error::new(MISC, "JSON integer out of range"))
            }
            _ => Err(self.wrong_type(index, "number")),
        }
    }

    pub(super) fn flag(&self, index: usize, default: bool) -> Result<bool, Error> {
        match self.get(index) {
            None => Ok(default),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong_type(index, "bool")),
        }
    }

    /// A verbosity: a number, or as in older versions whether to be verbose.
    pub(super) fn verbosity(&self, index: usize, default: i64) -> Result<i64, Error> {
        match self.get(index) {
            None => Ok(default),
            Some(Value::Bool(verbose)) => Ok(i64::from(*verbose)),
            Some(_) => self.integer(index),
        }
    }

    /// An amount in bitcoin, in satoshi.
    pub(super) fn amount(&self, index: usize, default: i64) -> Result<i64, Error> {
        let read = |value| amount::from_btc(value).map_err(|error| Error::new(TYPE, error.to_string()));
        self.get(index).map_or(Ok(default), read)
    }

    pub(super) fn block_hash(&self, index: usize, name: &str) -> Result<BlockHash, Error> {
        Ok(BlockHash::from_raw_hash(hash(self.string(index)?, name)?))
    }

    pub(super) fn txid(&self, index: usize, name: &str) -> Result<Txid, Error> {
        Ok(Txid::from_raw_hash(hash(self.string(index)?, name)?))
    }
}

/// The name of an argument without the brackets of one that may be left out.
fn bare(name: &str) -> &str {
    name.trim_start_matches('[').trim_end_matches(']')
}

/// A call and its arguments in one line.
pub(super) fn usage(method: &Method) -> String {
    std::iter::once(method.name).chain(method.arguments.iter().copied()).collect::<Vec<_>>().join(" ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Reads a hash of 64 hexadecimal digits; `name` is what to call it in a complaint.
pub(super) fn hash(text: &str, name: &str) -> Result<sha256d::Hash, Error> {
    text.parse().map_err(|_| {
        let message = if text.len() == 64 {
            format!("{name} must be hexadecimal string (not '{text}')")
        } else {
            format!("{name} must be of length 64 (not {}, for '{text}')", text.len())
        };
        Error::new(INVALID_PARAMETER, message)
    })
}

/// Reads a txid out of an array of them.
pub(super) fn txid(value: &Value) -> Result<Txid, Error> {
    let text = value.as_str().ok_or_else(|| Error::new(TYPE, "JSON value is not a string as expected"))?;
    Ok(Txid::from_raw_hash(hash(text, "txid")?))
}

/// Reads a transaction; none if it is not one, or has no input.
pub(super) fn transaction(hex: &str) -> Option<Transaction> {
    let transaction: Transaction = bitcoin::consensus::encode::deserialize_hex(hex).ok()?;
    (!transaction.input.is_empty()).then_some(transaction)
}

/// Reads a transaction, with Core's complaint.
pub(super) fn sent_transaction(hex: &str) -> Result<Transaction, Error> {
    let message = "TX decode failed. Make sure the tx has at least one input.";
    transaction(hex).ok_or_else(|| Error::new(DESERIALIZATION, message))
}
