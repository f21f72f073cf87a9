//! A server with a certificate of its own, and the command line that trusts it.

mod venue;

use bandex_tests::Authority;
use std::process::{Command, Output};
use venue::Venue;

fn trusting(authority: &Authority, url: &str, words: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bandex"))
        .args(words.split_whitespace())
        .env("BANDEX_URL", url)
        .env("SSL_CERT_FILE", authority.own_file())
        .output()
        .expect("the binary runs")
}

#[test]
fn the_command_line_goes_by_tls_where_it_trusts_the_server() {
    let authority = Authority::new();
    let files = authority.files();
    let (certificates, key) = (files.certificates.display(), files.key.display());
    let venue = Venue::open_with(&format!("--tls-cert {certificates} --tls-key {key}"));
    assert!(venue.url().starts_with("https://127.0.0.1:"), "{}", venue.url());
    let trader = venue.path("trader.key");
    for words in [
        format!("key new --key {trader}"),
        format!("key register --key {trader}"),
        format!("get /v1/orders --key {trader}"),
        "watch book --count 1".to_owned(),
    ] {
        let output = trusting(&authority, venue.url(), &words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let stranger = trusting(&Authority::new(), venue.url(), "get /v1/time");
    let said = String::from_utf8_lossy(&stranger.stderr).to_lowercase();
    assert!(!stranger.status.success() && said.contains("certificate"), "{said}");
}
