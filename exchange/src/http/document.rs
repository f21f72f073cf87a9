//! What the OpenAPI document says of all pages alike: how ids look, and which problems any page may answer.

use std::collections::BTreeMap;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};

/// An id, a key or a hash: 32 bytes as lower-case hex.
const HASH: &str = "^[0-9a-f]{64}$";
/// A signature: 64 bytes.
const SIGNATURE: &str = "^[0-9a-f]{128}$";
/// Whole bytes.
const BYTES: &str = "^([0-9a-f]{2})*$";
/// KEY:SEQ:OP.
const ORDER: &str = "^[0-9a-f]{64}:[0-9]{1,19}:[0-9]{1,2}$";
/// BASE-QUOTE.
const MARKET: &str = "^[A-Z0-9]{2,8}-[A-Z0-9]{2,8}$";

/// How texts among the parameters look, by their names.
const PARAMETERS: [(&str, &str); 6] =
    [("account", HASH), ("from", HASH), ("id", HASH), ("key", HASH), ("market", MARKET), ("order", ORDER)];

/// How members of requests look, by the names of schema and member.
const MEMBERS: [(&str, &str, &str); 5] = [
    ("SignedBlock", "payload", BYTES),
    ("SignedBlock", "signature", SIGNATURE),
    ("Login", "key", HASH),
    ("Login", "nonce", HASH),
    ("Login", "signature", SIGNATURE),
];

/// The pages of probes, which answer in words of their own.
const PROBES: [&str; 2] = ["/livez", "/readyz"];

/// Adds to a document that has all pages what holds for all of them.
pub(super) fn complete(document: &mut OpenApi) {
    for (path, item) in document.paths.paths.iter_mut().filter(|(path, _)| !PROBES.contains(&path.as_str())) {
        let by_id = path.contains('{');
        for operation in operations(item) {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    say_form(parameter);
                }
            }
            say_problems(operation, by_id);
        }
    }
    let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
    for (name, schema) in schemas {
        let RefOr::T(Schema::Object(schema)) = schema else { continue };
        for (_, member, pattern) in MEMBERS.iter().filter(|(of, _, _)| of == name) {
            if let Some(RefOr::T(Schema::Object(member))) = schema.properties.get_mut(*member) {
                say_pattern(member, pattern);
            }
        }
    }
}

/// What a path can be asked by.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten()
}

/// Says how a parameter looks, unless it says so itself.
fn say_form(parameter: &mut Parameter) {
    let known = PARAMETERS.iter().find(|(name, _)| *name == parameter.name);
    if let (Some((_, pattern)), Some(RefOr::T(Schema::Object(schema)))) = (known, &mut parameter.schema)
        && schema.schema_type == SchemaType::Type(Type::String)
    {
        say_pattern(schema, pattern);
    }
}

fn say_pattern(schema: &mut Object, pattern: &str) {
    schema.pattern.get_or_insert_with(|| pattern.to_owned());
}

/// Says which problems a page may answer beside those that it names itself.
fn say_problems(operation: &mut Operation, by_id: bool) {
    let reads = operation.parameters.is_some() || operation.request_body.is_some();
    let private = operation.security.is_some();
    let answers = [
        ("400", reads, "A parameter or the body cannot be read"),
        ("401", private, "Not logged in"),
        ("404", by_id, "There is no such thing"),
        ("413", operation.request_body.is_some(), "The body is too large"),
        ("429", true, "Asked too often: the same again after `retry_after_ms`"),
        ("500", true, "The node cannot answer, and its operator must look"),
        ("503", true, "Not now: the same again, after `retry_after_ms` if it is there"),
    ];
    let said: &mut BTreeMap<String, RefOr<Response>> = &mut operation.responses.responses;
    for (status, _, description) in answers.into_iter().filter(|(_, holds, _)| *holds) {
        said.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(description)));
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn pages_say_how_ids_look_and_what_they_may_answer() {
        let document: Value = serde_json::from_str(&super::super::openapi_json().unwrap()).unwrap();
        let at = |pointer: &str| {
            let found = document.pointer(pointer).cloned();
            found.unwrap_or_else(|| panic!("{pointer} is missing"))
        };
        let statuses = |path: &str, method: &str| {
            let responses = at(&format!("/paths/{}/{method}/responses", path.replace('/', "~1")));
            let statuses = responses.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            statuses.join(" ")
        };
        assert_eq!(statuses("/livez", "get"), "200");
        assert_eq!(statuses("/v1/markets", "get"), "200 429 500 503");
        assert_eq!(statuses("/v1/balances", "get"), "200 401 429 500 503");
        assert_eq!(statuses("/v1/login", "post"), "200 400 401 413 429 500 503");
        assert_eq!(statuses("/v1/blocks/{id}", "get"), "200 400 404 429 500 503");
        assert_eq!(at("/paths/~1v1~1blocks~1{id}/get/parameters/0/schema/pattern"), super::HASH);
        assert_eq!(at("/paths/~1v1~1orders~1{order}/get/parameters/0/schema/pattern"), super::ORDER);
        assert_eq!(at("/components/schemas/SignedBlock/properties/signature/pattern"), super::SIGNATURE);
    }
}
