//! Every message of a session over all channels is what the AsyncAPI document says.

use super::Bustle;
use crate::story::PRICE;
use bandex_api::Channel;
use bandex_tests::{Server, Setup, Socket};
use bandex_types::Side;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Lets no object hold what its schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            // Parts of a whole are closed as a whole.
            if let Some(parts) = members.get_mut("allOf").and_then(Value::as_array_mut) {
                for part in parts.iter_mut().filter_map(Value::as_object_mut) {
                    part.remove("additionalProperties");
                }
                let is_inline = |part: &Value| part.get("$ref").is_none();
                if parts.iter().all(is_inline) {
                    members.insert("unevaluatedProperties".to_owned(), json!(false));
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is whole elsewhere and a part here must stay open.
fn open_parts(document: &mut Value) {
    let Some(reply) = document.pointer_mut("/components/schemas/BlockReply").and_then(Value::as_object_mut)
    else {
        return;
    };
    reply.remove("additionalProperties");
}

struct Judge {
    schemas: BTreeMap<String, jsonschema::Validator>,
    seen: BTreeSet<String>,
}

impl Judge {
    fn new() -> Self {
        let mut document = bandex_exchange::asyncapi();
        let components = document.pointer_mut("/components").unwrap();
        close(components);
        open_parts(&mut document);
        let names: Vec<String> =
            document["components"]["messages"].as_object().unwrap().keys().cloned().collect();
        let mut schemas = BTreeMap::new();
        for name in names {
            let schema = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$ref": format!("#/components/messages/{name}/payload"),
                "components": document["components"],
            });
            schemas.insert(name, jsonschema::validator_for(&schema).unwrap());
        }
        Self { schemas, seen: BTreeSet::new() }
    }

    fn check(&mut self, name: &str, message: &Value) {
        let schema = self.schemas.get(name).unwrap_or_else(|| panic!("{name} is not described: {message}"));
        let errors: Vec<String> = schema
            .iter_errors(message)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}\n{message:#}");
        self.seen.insert(name.to_owned());
    }

    /// Holds all that was said on a connection to the document.
    fn session(&mut self, recorded: &[Value]) {
        let mut asked = Map::new();
        for message in recorded {
            let text = |member: &str| message[member].as_str().unwrap_or_default().to_owned();
            if message.get("method").is_some() {
                let method = text("method");
                self.check(&method, message);
                asked.insert(message["req_id"].to_string(), json!(method));
            } else if let Some(ok) = message.get("ok") {
                let method = asked[&message["req_id"].to_string()].as_str().unwrap().to_owned();
                let name =
                    if *ok == json!(true) { format!("{method}.reply") } else { "failed.reply".to_owned() };
                self.check(&name, message);
            } else if message.get("kind").is_some() {
                self.check(&format!("{}.{}", text("channel"), text("kind")), message);
            } else {
                self.check(&text("channel"), message);
            }
        }
    }
}

async fn subscribe(socket: &mut Socket, topic: Value) {
    let reply = socket.ask("subscribe", topic.clone()).await;
    assert!(reply.ok, "{topic}: {reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_as_the_document_says() {
    let server = Server::start(Setup::default()).await;
    let mut bustle = Bustle::new(&server, 41).await;
    let mut lane = server.register(9).await;
    let mut socket = server.socket().await;
    socket.recorded = Some(vec![serde_json::to_value(&socket.hello).unwrap()]);
    let trader = bustle.traders[0].lane.clone();
    socket.login(&server, &trader).await;
    assert!(socket.ask("ping", json!({})).await.ok);
    for channel in Channel::ALL {
        let mut topic = json!({ "channel": channel });
        if channel.is_of_a_market() {
            topic["market"] = json!("BWT-BTC");
        }
        subscribe(&mut socket, topic.clone()).await;
        match channel {
            Channel::Book => {
                for depth in [json!(10), json!("full")] {
                    topic["depth"] = depth;
                    subscribe(&mut socket, topic.clone()).await;
                }
            }
            Channel::Candles => {
                topic["interval"] = json!("1h");
                subscribe(&mut socket, topic.clone()).await;
            }
            _ => {}
        }
    }
    assert!(!socket.ask("subscribe", json!({ "channel": "ticker" })).await.ok);
    assert!(!socket.ask("login", socket.signed_login(&server, &trader)).await.ok);
    let (signed, _) = lane.limit(Side::Buy, PRICE, 1);
    let block = json!({ "payload": hex::encode(&signed.payload), "signature": signed.signature });
    assert!(socket.ask("validate", block).await.ok);
    socket.submit(&signed).await;
    let wrong = lane.transfer(lane.account(), 1);
    assert!(!socket.ask("submit", json!({ "payload": "zz", "signature": wrong.signature })).await.ok);
    bustle.run(20).await;
    bustle.trade().await;
    server.set_limit(trader.account(), 5_000_000_000_000).await;
    server.configure(json!([{ "change": "set_market_state", "market": 1, "state": "auction" }])).await;
    bustle.run(2).await;
    server.configure(json!([{ "change": "set_market_state", "market": 1, "state": "trading" }])).await;
    let protect = bandex_tradechain::body::Operation::Protect {
        market: bandex_tests::MARKET,
        protection: Some(bandex_tradechain::body::Protection {
            quantity: bandex_types::Quantity::new(5),
            window_us: 1_000_000,
        }),
    };
    let signed = bustle.traders[0].lane.orders(vec![protect]);
    socket.submit(&signed).await;
    // Until each channel has told something new; signs of life come by themselves.
    let mut silent: BTreeSet<Channel> = Channel::ALL.into_iter().collect();
    let recorded = socket.recorded.clone().unwrap();
    for push in recorded.iter().filter(|message| message["kind"] == "update") {
        silent.remove(&serde_json::from_value(push["channel"].clone()).unwrap());
    }
    while !silent.is_empty() {
        let Ok(push) = tokio::time::timeout(bandex_tests::PATIENCE, socket.push()).await else {
            panic!("no news of {silent:?}");
        };
        if push.kind == bandex_api::PushKind::Update {
            silent.remove(&push.channel);
        }
    }
    assert!(socket.ask("unsubscribe", json!({ "channel": "status" })).await.ok);
    let folder = server.stop().await;
    while socket.push_or_end().await.is_some() {}
    let mut judge = Judge::new();
    judge.session(&socket.recorded.take().unwrap());
    let unseen: Vec<&String> = judge.schemas.keys().filter(|name| !judge.seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "never said: {unseen:?}");
    drop(folder);
}
