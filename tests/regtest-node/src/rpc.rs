//! The calls of Bitcoin Core's JSON-RPC that the exchange, its agent and their tests make, with the names, results and
//! error codes of Core 29.

mod blocks;
mod control;
mod mempool;
mod mining;
mod params;
mod proofs;
mod render;
mod transactions;

use crate::chain;
use crate::node::Node;
use params::Params;
use serde_json::{Map, Value, json};

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Error {
    /// Core's code.
    pub code: i32,
    /// Core's words, as far as they are known to callers.
    pub message: String,
}

/// Core's `RPC_MISC_ERROR`.
const MISC: i32 = -1;
/// Core's `RPC_TYPE_ERROR`.
const TYPE: i32 = -3;
/// Core's `RPC_INVALID_ADDRESS_OR_KEY`.
const INVALID_ADDRESS_OR_KEY: i32 = -5;
/// Core's `RPC_INVALID_PARAMETER`.
const INVALID_PARAMETER: i32 = -8;
/// Core's `RPC_DESERIALIZATION_ERROR`.
const DESERIALIZATION: i32 = -22;
/// Core's `RPC_VERIFY_ERROR` and `RPC_TRANSACTION_ERROR`.
const VERIFY: i32 = -25;
/// Core's `RPC_VERIFY_REJECTED`.
const VERIFY_REJECTED: i32 = -26;
/// Core's `RPC_VERIFY_ALREADY_IN_UTXO_SET`.
const ALREADY_IN_UTXO_SET: i32 = -27;
/// JSON-RPC's invalid request.
const INVALID_REQUEST: i32 = -32_600;
/// JSON-RPC's unknown method.
const METHOD_NOT_FOUND: i32 = -32_601;
/// Core's `RPC_INTERNAL_ERROR`.
const INTERNAL: i32 = -32_603;
/// JSON-RPC's parse error.
const PARSE: i32 = -32_700;

impl Error {
    fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn json(&self) -> Value {
        json!({"code": self.code, "message": self.message})
    }
}

impl From<chain::Error> for Error {
    fn from(error: chain::Error) -> Self {
        Self::new(INTERNAL, error.to_string())
    }
}

type Answer = Result<Value, Error>;

/// One call: its name, the names of its arguments (those that may be left out in brackets), and what it does.
struct Method {
    name: &'static str,
    arguments: &'static [&'static str],
    run: fn(&mut Node, &Params<'_>) -> Answer,
}

/// All calls; those at the end are not Core's.
const METHODS: &[Method] = &[
    Method { name: "getbestblockhash", arguments: &[], run: blocks::best_block_hash },
    Method { name: "getblock", arguments: &["blockhash", "[verbosity]"], run: blocks::block },
    Method { name: "getblockchaininfo", arguments: &[], run: blocks::blockchain_info },
    Method { name: "getblockcount", arguments: &[], run: blocks::block_count },
    Method { name: "getblockhash", arguments: &["height"], run: blocks::block_hash },
    Method { name: "getblockheader", arguments: &["blockhash", "[verbose]"], run: blocks::block_header },
    Method { name: "getchaintips", arguments: &[], run: blocks::chain_tips },
    Method { name: "getdifficulty", arguments: &[], run: blocks::difficulty },
    Method { name: "gettxout", arguments: &["txid", "n", "[include_mempool]"], run: transactions::tx_out },
    Method { name: "gettxoutproof", arguments: &["txids", "[blockhash]"], run: proofs::prove },
    Method { name: "verifytxoutproof", arguments: &["proof"], run: proofs::verify },
    Method { name: "pruneblockchain", arguments: &["height"], run: blocks::prune },
    Method { name: "invalidateblock", arguments: &["blockhash"], run: blocks::invalidate },
    Method { name: "reconsiderblock", arguments: &["blockhash"], run: blocks::reconsider },
    Method { name: "getmempoolancestors", arguments: &["txid", "[verbose]"], run: mempool::ancestors },
    Method { name: "getmempooldescendants", arguments: &["txid", "[verbose]"], run: mempool::descendants },
    Method { name: "getmempoolentry", arguments: &["txid"], run: mempool::entry },
    Method { name: "getmempoolinfo", arguments: &[], run: mempool::info },
    Method { name: "getrawmempool", arguments: &["[verbose]", "[mempool_sequence]"], run: mempool::raw },
    Method {
        name: "prioritisetransaction",
        arguments: &["txid", "[dummy]", "fee_delta"],
        run: mempool::prioritise,
    },
    Method { name: "testmempoolaccept", arguments: &["rawtxs", "[maxfeerate]"], run: mempool::test_accept },
    Method {
        name: "sendrawtransaction",
        arguments: &["hexstring", "[maxfeerate]", "[maxburnamount]"],
        run: mempool::send,
    },
    Method {
        name: "getrawtransaction",
        arguments: &["txid", "[verbosity]", "[blockhash]"],
        run: transactions::raw_transaction,
    },
    Method {
        name: "decoderawtransaction",
        arguments: &["hexstring", "[iswitness]"],
        run: transactions::decode,
    },
    Method {
        name: "estimatesmartfee",
        arguments: &["conf_target", "[estimate_mode]"],
        run: mining::estimate,
    },
    Method {
        name: "generateblock",
        arguments: &["output", "transactions", "[submit]"],
        run: mining::generate_block,
    },
    Method {
        name: "generatetoaddress",
        arguments: &["nblocks", "address", "[maxtries]"],
        run: mining::generate_to_address,
    },
    Method {
        name: "generatetodescriptor",
        arguments: &["num_blocks", "descriptor", "[maxtries]"],
        run: mining::generate_to_descriptor,
    },
    Method { name: "getmininginfo", arguments: &[], run: mining::info },
    Method { name: "submitblock", arguments: &["hexdata", "[dummy]"], run: mining::submit },
    Method { name: "getindexinfo", arguments: &["[index_name]"], run: control::index_info },
    Method { name: "getnetworkinfo", arguments: &[], run: control::network_info },
    Method { name: "help", arguments: &["[command]"], run: control::help },
    Method { name: "setmocktime", arguments: &["timestamp"], run: control::set_mock_time },
    Method { name: "stop", arguments: &[], run: control::stop },
    Method { name: "uptime", arguments: &[], run: control::uptime },
    Method { name: "setestimate", arguments: &["feerate", "[conf_target]"], run: control::set_estimate },
    Method { name: "setmempoolminfee", arguments: &["feerate"], run: control::set_mempool_min_fee },
];

fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

/// Makes one call, its arguments by position (an array) or by name (an object).
///
/// # Errors
/// The error Core would answer with.
pub fn call(node: &mut Node, name: &str, arguments: &Value) -> Result<Value, Error> {
    let method = method(name).ok_or_else(|| Error::new(METHOD_NOT_FOUND, "Method not found"))?;
    let params = Params::read(method, arguments)?;
    (method.run)(node, &params)
}

/// An answer to a request over HTTP: the status, and the body if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON of the body.
    pub body: Option<Value>,
}

/// Answers the body of a request as Core does: JSON-RPC 1 errors as an HTTP error, JSON-RPC 2 errors and batches with
/// status 200, and nothing to a JSON-RPC 2 request without an id.
pub fn answer(node: &mut Node, body: &[u8]) -> Reply {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Array(requests)) => {
            let replies: Vec<Value> =
                requests.iter().filter_map(|request| answer_one(node, request, true).body).collect();
            if replies.is_empty() && !requests.is_empty() {
                return Reply { status: 204, body: None };
            }
            Reply { status: 200, body: Some(Value::Array(replies)) }
        }
        Ok(request @ Value::Object(_)) => answer_one(node, &request, false),
        Ok(_) => failure(Error::new(PARSE, "Top-level object parse error"), Some(&Value::Null)),
        Err(_) => failure(Error::new(PARSE, "Parse error"), Some(&Value::Null)),
    }
}

fn failure(error: Error, id: Option<&Value>) -> Reply {
    let status = match error.code {
        INVALID_REQUEST => 400,
        METHOD_NOT_FOUND => 404,
        _ => 500,
    };
    Reply { status, body: Some(envelope(false, Err(error), id)) }
}

fn envelope(second: bool, outcome: Result<Value, Error>, id: Option<&Value>) -> Value {
    let mut reply = Map::new();
    if second {
        reply.insert("jsonrpc".to_owned(), "2.0".into());
    }
    match outcome {
        Ok(result) => {
            reply.insert("result".to_owned(), result);
            if !second {
                reply.insert("error".to_owned(), Value::Null);
            }
        }
        Err(error) => {
            if !second {
                reply.insert("result".to_owned(), Value::Null);
            }
            reply.insert("error".to_owned(), error.json());
        }
    }
    if let Some(id) = id {
        reply.insert("id".to_owned(), id.clone());
    }
    Value::Object(reply)
}

/// The version and the call of a request.
fn read(request: &Value) -> Result<(bool, &str, Value), Error> {
    let invalid = |message: &str| Error::new(INVALID_REQUEST, message);
    let Value::Object(request) = request else { return Err(invalid("Invalid Request object")) };
    let second = match request.get("jsonrpc") {
        None | Some(Value::Null) => false,
        Some(Value::String(version)) if version == "1.0" => false,
        Some(Value::String(version)) if version == "2.0" => true,
        Some(Value::String(_)) => return Err(invalid("JSON-RPC version not supported")),
        Some(_) => return Err(invalid("jsonrpc field must be a string")),
    };
    let name = match request.get("method") {
        None | Some(Value::Null) => return Err(invalid("Missing method")),
        Some(Value::String(name)) => name,
        Some(_) => return Err(invalid("Method must be a string")),
    };
    let arguments = match request.get("params") {
        None | Some(Value::Null) => Value::Array(Vec::new()),
        Some(arguments @ (Value::Array(_) | Value::Object(_))) => arguments.clone(),
        Some(_) => return Err(invalid("Params must be an array or object")),
    };
    Ok((second, name, arguments))
}

fn answer_one(node: &mut Node, request: &Value, batched: bool) -> Reply {
    // A request without an id gets none back; what is no request at all gets null, as in Core.
    let id = request.as_object().map_or(Some(&Value::Null), |request| request.get("id"));
    let (second, name, arguments) = match read(request) {
        Ok(read) => read,
        Err(error) if batched => return Reply { status: 200, body: Some(envelope(false, Err(error), id)) },
        Err(error) => return failure(error, id),
    };
    let outcome = call(node, name, &arguments);
    if second && id.is_none() {
        return Reply { status: 204, body: None };
    }
    match outcome {
        Err(error) if !second && !batched => failure(error, id),
        outcome => Reply { status: 200, body: Some(envelope(second, outcome, id)) },
    }
}
