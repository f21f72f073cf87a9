//! What must have examples: every operation of openapi.json, every channel and every method of the WebSocket.

use super::page::{Entry, Kind};
use crate::step;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const DOCUMENT: &str = "openapi/openapi.json";
/// Not an endpoint that answers, but the way to all channels and methods, which have entries of their own.
const SOCKET: &str = "/v1/ws";
/// The methods of the WebSocket.
const METHODS: [&str; 7] = ["submit", "validate", "challenge", "login", "subscribe", "unsubscribe", "ping"];
/// What an endpoint needs, and what a channel or a method does.
const OF_REST: [Kind; 3] = [Kind::Curl, Kind::Bandex, Kind::Python];
const OF_SOCKET: [Kind; 3] = [Kind::Frames, Kind::Bandex, Kind::Python];

/// Says of everything that has no example of some kind, and of every entry about nothing that exists.
///
/// # Errors
/// The document cannot be read, or does not name channels and methods.
pub fn missing(entries: &[Entry]) -> Result<Vec<String>> {
    let text = fs::read_to_string(step::root()?.join(DOCUMENT))
        .with_context(|| format!("cannot read {DOCUMENT}"))?;
    judge(&serde_json::from_str(&text).context("the document is no JSON")?, entries)
}

fn judge(document: &Value, entries: &[Entry]) -> Result<Vec<String>> {
    let wanted = wanted(document)?;
    let kinds_of = |title: &str| -> BTreeSet<Kind> {
        let of_title = entries.iter().filter(|entry| entry.title == title);
        of_title.flat_map(|entry| entry.examples.iter().map(|example| example.kind)).collect()
    };
    let lacking = wanted.iter().flat_map(|(title, kinds)| {
        let there = kinds_of(title);
        let lacks = kinds.iter().filter(move |kind| !there.contains(kind));
        lacks.map(move |kind| format!("{title} has no example of {kind}"))
    });
    let unknown = entries.iter().filter(|entry| !wanted.iter().any(|(title, _)| *title == entry.title));
    let unknown = unknown.map(|entry| format!("{} is in no document", entry.title));
    Ok(lacking.chain(unknown).collect())
}

/// Titles of all that must have entries, with the kinds of examples they need.
fn wanted(document: &Value) -> Result<Vec<(String, [Kind; 3])>> {
    let paths = document.pointer("/paths").and_then(Value::as_object).context("the document has no paths")?;
    let mut wanted = Vec::new();
    for (path, operations) in paths.iter().filter(|(path, _)| *path != SOCKET) {
        let methods = operations.as_object().context("a path is no object")?.keys();
        wanted.extend(methods.map(|method| (format!("{} {path}", method.to_uppercase()), OF_REST)));
    }
    let channels = names(document, "Channel").context("the document does not name the channels")?;
    ensure!(!channels.is_empty(), "the document names no channel");
    wanted.extend(channels.into_iter().map(|name| (format!("Channel {name}"), OF_SOCKET)));
    wanted.extend(METHODS.map(|name| (format!("Method {name}"), OF_SOCKET)));
    Ok(wanted)
}

/// The words of an enumeration, be they one list or each a constant of its own.
fn names(document: &Value, schema: &str) -> Option<Vec<String>> {
    let schema = document.pointer("/components/schemas")?.get(schema)?;
    let each = |value: &Value| {
        let word = value.get("const").or_else(|| value.pointer("/enum/0")).unwrap_or(value);
        word.as_str().map(str::to_owned)
    };
    let list = schema.get("enum").or_else(|| schema.get("oneOf"))?.as_array()?;
    list.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::super::page::Example;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lacks_an_example_is_named() {
        let document = json!({
            "paths": { "/v1/time": { "get": {} }, "/v1/ws": { "get": {} } },
            "components": { "schemas": { "Channel": { "enum": ["book"] } } },
        });
        let example = |kind| Example { kind, code: String::new(), line: 1 };
        let entry = |title: &str, kinds: &[Kind]| Entry {
            title: title.to_owned(),
            examples: kinds.iter().copied().map(example).collect(),
            answer: None,
        };
        let entries = [
            entry("GET /v1/time", &[Kind::Curl, Kind::Bandex, Kind::Python]),
            entry("Channel book", &[Kind::Frames, Kind::Python]),
            entry("Method pong", &OF_SOCKET),
        ];
        let methods = METHODS.iter().filter(|name| **name != "ping");
        let methods: Vec<_> = methods.map(|name| entry(&format!("Method {name}"), &OF_SOCKET)).collect();
        let entries: Vec<_> = entries.into_iter().chain(methods).collect();
        let said = judge(&document, &entries).expect("the document is whole");
        let mut expected = vec!["Channel book has no example of bandex".to_owned()];
        expected.extend(OF_SOCKET.map(|kind| format!("Method ping has no example of {kind}")));
        expected.push("Method pong is in no document".to_owned());
        assert_eq!(said, expected);
        assert!(judge(&json!({ "paths": {} }), &[]).is_err());
    }
}
