//! Health, the OpenAPI document and the documentation page, which needs no other host.

use bandex_tests::{Answer, Server, Setup};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_that_it_lives_and_is_ready() {
    let server = Server::start(Setup::default()).await;
    for (page, word) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        let answer = server.get(page).await;
        assert_eq!((answer.status, answer.body), (200, Value::String(word.to_owned())), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_is_the_one_in_the_repository() {
    let server = Server::start(Setup::default()).await;
    let served = server.get("/openapi.json").await;
    let known: Value = serde_json::from_str(&bandex_exchange::openapi_json().unwrap()).unwrap();
    assert_eq!((served.status, &served.body), (200, &known));
    let paths = known["paths"].as_object().unwrap();
    for path in ["/v1/blocks", "/v1/book/{market}", "/v1/deals/{id}/evidence", "/v1/lanes/{key}", "/readyz"] {
        assert!(paths.contains_key(path), "{path}");
    }
}

/// The values of `src`, `href` and `url` in a page.
fn references(page: &str) -> Vec<&str> {
    let after = |mark: &'static str| {
        page.match_indices(mark).filter_map(move |(at, _)| {
            let rest = page.get(at + mark.len()..)?;
            rest.split('"').next()
        })
    };
    after("src=\"")
        .chain(after("href=\""))
        .chain(after("url: \""))
        .chain(after("\"url\": \""))
        .chain(after("\"url\":\""))
        .collect()
}

fn text(answer: Answer) -> String {
    match answer {
        Answer { status: 200, body: Value::String(text), .. } => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_needs_no_other_host() {
    let server = Server::start(Setup::default()).await;
    let page = text(server.get("/docs/").await);
    let mut found = references(&page).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert!(found.iter().any(|reference| reference.ends_with(".js")), "{found:?}");
    assert!(found.iter().any(|reference| reference.ends_with(".css")), "{found:?}");
    for reference in found.clone() {
        let path = reference.trim_start_matches("./");
        let part = server.get(&format!("/docs/{path}")).await;
        assert_eq!(part.status, 200, "{reference}");
        // What the page itself loads in turn; the bundles are made to be served as they are.
        if path.contains("initializer") || path.ends_with("index.css") {
            found.extend(references(&text(part)).into_iter().map(str::to_owned));
        }
    }
    assert!(found.iter().any(|reference| reference == "/openapi.json"), "{found:?}");
    for reference in &found {
        let elsewhere = reference.contains("://") || reference.starts_with("//");
        assert!(!elsewhere, "{reference} is on another host");
    }
    // The way in.
    assert!(text(server.get("/").await).contains("swagger"), "the root leads to the documentation");
}

/// Every code has its line in the document, which is the one that the source makes.
#[test]
fn the_document_of_errors_is_the_one_in_the_repository() {
    let document = include_str!("../../../docs/errors.md");
    assert_eq!(document, bandex_exchange::errors_document(), "run `cargo xtask openapi`");
    let (_, refusals) = document.split_once("## Refusals by the engine").expect("the section is there");
    for (code, _) in bandex_engine::Refusal::CODES {
        let named = |line: &&str| line.starts_with(&format!("| `{code}` |"));
        assert_eq!(refusals.lines().filter(named).count(), 1, "{code}");
    }
}
