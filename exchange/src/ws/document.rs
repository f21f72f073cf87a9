//! The description of the WebSocket, AsyncAPI 3.0, made from the types that are sent.

use bandex_api as api;
use bandex_api::Channel;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

/// All types that a message may hold.
#[derive(OpenApi)]
#[openapi(components(schemas(
    api::Hello,
    api::Notice,
    api::SignedBlock,
    api::Login,
    api::Challenge,
    api::Subscribe,
    api::Subscribed,
    api::BlockReply,
    api::Validated,
    api::Problem,
    api::Book,
    api::BookOrders,
    api::BookOrdersUpdate,
    api::Bbo,
    api::Trade,
    api::Ticker,
    api::Candle,
    api::Market,
    api::Status,
    api::Heartbeat,
    api::Auction,
    api::Order,
    api::Fill,
    api::Deal,
    api::Protection,
    api::Balance,
    api::Limits,
    api::LaneNews,
)))]
struct Words;

fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list_of(name: &str) -> Value {
    json!({ "type": "array", "items": of(name) })
}

/// What a channel is about, and the data of its snapshot and of its updates.
fn told(channel: Channel) -> (&'static str, Value, Value) {
    let whole = |summary, name| (summary, of(name), of(name));
    let list = |summary, name| (summary, list_of(name), list_of(name));
    match channel {
        Channel::Book => whole("The levels of a market; updates hold those that changed", "Book"),
        Channel::BookOrders => {
            ("The orders that rest on a market, in queue order", of("BookOrders"), of("BookOrdersUpdate"))
        }
        Channel::Bbo => whole("The best prices of a market", "Bbo"),
        Channel::Trades => list("The trades of a market, oldest first; the last hundred at first", "Trade"),
        Channel::Ticker => whole("A market in short, with the last 24 hours", "Ticker"),
        Channel::Candles => list("The candles of a market; updates hold those that changed", "Candle"),
        Channel::Markets => list("The markets; updates hold those that changed", "Market"),
        Channel::Status => whole("How the node and its markets stand", "Status"),
        Channel::Heartbeat => whole("A sign of life once a second", "Heartbeat"),
        Channel::Auction => whole("The state of a market and what its auction would give", "Auction"),
        Channel::Orders => list("The account's orders as they change", "Order"),
        Channel::Fills => list("The account's fills, with receipts", "Fill"),
        Channel::Deals => list("The account's deals as they change", "Deal"),
        Channel::Protections => list("The protections of the account's quotes", "Protection"),
        Channel::Balances => list("The account's balances as they change", "Balance"),
        Channel::Limits => whole("The account's limit, and what it is made of", "Limits"),
        Channel::Lane => list("The blocks of the account's keys, and changes of these keys", "LaneNews"),
    }
}

/// An object with these members and no others; those behind the first `required` may be absent.
fn object(members: &[(&str, Value)], required: usize) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = members.iter().take(required).map(|(name, _)| *name).collect();
    json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false
    })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn push(channel: Channel, kind: &str, data: &Value) -> Value {
    let mut members = vec![
        ("channel", json!({ "const": channel.name() })),
        ("kind", json!({ "const": kind })),
        ("prev_seq", number()),
        ("seq", number()),
        ("data", data.clone()),
    ];
    if channel.is_of_a_market() {
        members.insert(0, ("market", json!({ "type": "string", "description": "BASE-QUOTE" })));
    }
    let required = members.len();
    match channel {
        Channel::Book => members.push(("depth", of("Depth"))),
        Channel::Candles => members.push(("interval", json!({ "type": "string" }))),
        _ => {}
    }
    object(&members, required)
}

/// The methods: what each is for, its parameters, and what it gives.
fn methods() -> [(&'static str, &'static str, Value, Value); 7] {
    let none = || object(&[], 0);
    let text = |description: &str| json!({ "type": "string", "description": description });
    let submit = [
        ("payload", text("The block's canonical bytes, hex")),
        ("signature", text("Its author's signature, hex")),
        ("receipt", json!({ "type": "boolean", "description": "false: the reply carries no receipt" })),
    ];
    let account = object(&[("account", text("Whose the key is"))], 1);
    [
        (
            "submit",
            "Have a block sequenced; replies come in the order of submissions",
            object(&submit, 2),
            of("BlockReply"),
        ),
        (
            "validate",
            "Ask what would come of a block now, without sequencing it",
            of("SignedBlock"),
            of("Validated"),
        ),
        ("challenge", "Ask for a fresh nonce to log in with", none(), of("Challenge")),
        ("login", "Log in, for private channels", of("Login"), account),
        ("subscribe", "Follow a channel", of("Subscribe"), of("Subscribed")),
        ("unsubscribe", "Follow it no more", of("Subscribe"), none()),
        ("ping", "Ask for a sign of life", none(), none()),
    ]
}

fn request(method: &str, params: &Value) -> Value {
    let members = [("method", json!({ "const": method })), ("req_id", number()), ("params", params.clone())];
    object(&members, 2)
}

fn reply(outcome: (&str, &Value), ok: bool) -> Value {
    let members = [
        ("req_id", number()),
        ("ok", json!({ "const": ok })),
        ("time_in_us", number()),
        ("time_out_us", number()),
        (outcome.0, outcome.1.clone()),
    ];
    object(&members, members.len())
}

/// All messages by name: requests as `submit`, replies as `submit.reply`, pushes as `book.snapshot`.
fn messages() -> Map<String, Value> {
    let mut messages = Map::new();
    let mut add = |name: String, summary: &str, payload: Value| {
        let message = json!({
            "name": name, "summary": summary, "contentType": "application/json", "payload": payload
        });
        messages.insert(name, message);
    };
    add("hello".to_owned(), "The node's first message", of("Hello"));
    add("notice".to_owned(), "The node's word before it closes the connection", of("Notice"));
    add("failed.reply".to_owned(), "Why a request failed", reply(("error", &of("Problem")), false));
    for (method, summary, params, result) in methods() {
        add(method.to_owned(), summary, request(method, &params));
        add(format!("{method}.reply"), summary, reply(("result", &result), true));
    }
    for channel in Channel::ALL {
        let (summary, snapshot, update) = told(channel);
        for (kind, data) in [("snapshot", snapshot), ("update", update)] {
            add(format!("{}.{kind}", channel.name()), summary, push(channel, kind, &data));
        }
    }
    messages
}

/// What is done over the connection, as the node sees it.
fn operations() -> Map<String, Value> {
    let socket = || json!({ "$ref": "#/channels/socket" });
    let message = |name: &str| json!({ "$ref": format!("#/channels/socket/messages/{name}") });
    let mut operations = Map::new();
    for (method, summary, ..) in methods() {
        let replies = [message(&format!("{method}.reply")), message("failed.reply")];
        let operation = json!({
            "action": "receive", "channel": socket(), "summary": summary, "messages": [message(method)],
            "reply": { "channel": socket(), "messages": replies },
        });
        operations.insert(method.to_owned(), operation);
    }
    let greetings = json!({
        "action": "send", "channel": socket(), "summary": "What the node says of itself",
        "messages": [message("hello"), message("notice")],
    });
    operations.insert("greet".to_owned(), greetings);
    for channel in Channel::ALL {
        let name = channel.name();
        let of_channel = [message(&format!("{name}.snapshot")), message(&format!("{name}.update"))];
        let operation = json!({
            "action": "send", "channel": socket(), "summary": told(channel).0, "messages": of_channel,
            "tags": [{ "name": if channel.is_private() { "private" } else { "public" } }],
        });
        operations.insert(format!("tell_{name}"), operation);
    }
    operations
}

/// The AsyncAPI document of the WebSocket.
pub fn asyncapi() -> Value {
    let words = serde_json::to_value(Words::openapi()).unwrap_or_default();
    let messages = messages();
    let of_socket: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "bandex",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Order entry and channels of news over one WebSocket. Requests are answered by replies with \
                            their req_id; pushes come by themselves. In words: docs/api.md.",
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "node": { "host": "localhost:7070", "protocol": "ws", "description": "`wss` where the node speaks TLS" },
        },
        "channels": {
            "socket": {
                "address": "/v1/ws",
                "description": "Text messages of at most 65,536 bytes, each one JSON object.",
                "messages": of_socket,
            },
        },
        "operations": operations(),
        "components": {
            "schemas": words.pointer("/components/schemas").cloned().unwrap_or_default(),
            "messages": messages,
        },
    })
}

/// The same as YAML.
///
/// # Errors
/// It cannot be written so.
pub fn asyncapi_yaml() -> Result<String, serde_norway::Error> {
    let text = serde_norway::to_string(&asyncapi())?;
    Ok(format!("# Made by `cargo xtask openapi` from the server's own types.\n{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference in a document.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn the_committed_document_is_this_one() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/asyncapi.yaml");
        let committed = std::fs::read_to_string(file).unwrap();
        assert!(committed == asyncapi_yaml().unwrap(), "run `cargo xtask openapi` and commit the file");
    }

    #[test]
    fn the_document_is_whole_and_reads_back() {
        let document = asyncapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        let read: Value = serde_norway::from_str(&asyncapi_yaml().unwrap()).unwrap();
        assert_eq!(read, document);
    }
}
