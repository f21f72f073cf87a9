//! The OpenAPI document: what is said of every page at once.

use bandex_api::Problem;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "bandex",
        description = "A decentralized exchange for bandwidth tokens. Blocks are signed as docs/tradechain.md says; \
                       amounts, prices and quantities are decimal strings; ids, keys and bytes are lower-case hex; \
                       times are integer microseconds since 1970 UTC. The WebSocket at /v1/ws is described in asyncapi.yaml.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(
        bandex_api::Hello, bandex_api::Request, bandex_api::Reply, bandex_api::Push, bandex_api::Subscribe,
        bandex_api::Fill, bandex_api::Auction,
    )),
    modifiers(&Reading),
)]
struct Document;

/// Names the ways in which private reads are authorised.
struct Reading;

impl utoipa::Modify for Reading {
    fn modify(&self, document: &mut OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
        let components = document.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
        let token = token.description(Some("The token of POST /v1/login.")).build();
        components.add_security_scheme("login", SecurityScheme::Http(token));
        let described = "A signature under the request itself, by RFC 9421 with Ed25519: over @method, @authority, \
                         @path, @query (and content-digest if there is a body), with created, keyid and a nonce that \
                         serves once; docs/api.md says more. With the header Signature.";
        let header = ApiKeyValue::with_description("Signature-Input", described);
        components.add_security_scheme("signature", SecurityScheme::ApiKey(ApiKey::Header(header)));
    }
}

/// The document before its pages.
pub(super) fn begun() -> OpenApi {
    Document::openapi()
}

/// Adds to every page how ids look and which answers any page may give.
pub(super) fn complete(document: &mut OpenApi) {
    super::forms::complete(document);
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
        operations.into_iter().flatten().for_each(add_answers);
    }
}

fn add_answers(operation: &mut Operation) {
    let reads = operation.parameters.as_ref().is_some_and(|parameters| !parameters.is_empty());
    let takes_body = operation.request_body.is_some();
    let is_private = operation.security.as_ref().is_some_and(|security| !security.is_empty());
    let answers = [
        (reads || takes_body, "400", "Something of the request cannot be read, or has no such value"),
        (is_private, "401", "Not logged in, or the request's signature does not serve"),
        (takes_body, "413", "The body is too large"),
        (true, "429", "More than the rate limits allow: again after `retry_after_ms`"),
        (true, "500", "The server has a fault, or cannot read its store"),
        (true, "503", "Overloaded, behind or stopping: again in a moment"),
    ];
    for (_, status, description) in answers.into_iter().filter(|(given, ..)| *given) {
        let missing = !operation.responses.responses.contains_key(status);
        if missing {
            let schema = Ref::from_schema_name(Problem::name());
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let response =
                ResponseBuilder::new().description(description).content("application/problem+json", content);
            operation.responses.responses.insert(status.to_owned(), RefOr::T(response.build()));
        }
    }
}
