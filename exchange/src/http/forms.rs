//! What the OpenAPI document says of ids and bytes wherever they stand: how they look.

use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{Object, Schema, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr};

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

/// Adds to a document that has all pages how the ids in their questions look.
pub(super) fn complete(document: &mut OpenApi) {
    let operations = document.paths.paths.values_mut().flat_map(operations);
    for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        if let RefOr::T(parameter) = parameter {
            say_form(parameter);
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn ids_look_alike_on_all_pages() {
        let document: Value = serde_json::from_str(&super::super::openapi_json().unwrap()).unwrap();
        let at = |pointer: &str| {
            let found = document.pointer(pointer).cloned();
            found.unwrap_or_else(|| panic!("{pointer} is missing"))
        };
        assert_eq!(at("/paths/~1v1~1blocks~1{id}/get/parameters/0/schema/pattern"), super::HASH);
        assert_eq!(at("/paths/~1v1~1orders~1{order}/get/parameters/0/schema/pattern"), super::ORDER);
        assert_eq!(at("/components/schemas/SignedBlock/properties/signature/pattern"), super::SIGNATURE);
    }
}
