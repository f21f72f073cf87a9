//! TLS: the same API, read over a wire that nobody else reads.

use super::server;
use bandex_api::OrderQuery;
use bandex_sdk::{Client, ClientError, MemoryLane, Options, Rest, RestError, Trader};
use bandex_tests::{Authority, Server, soon};
use bandex_tradechain::Keypair;
use bandex_types::Side;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

/// Connects as somebody who trusts this authority.
async fn connect(authority: &Authority, server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(server.exchange().address()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    soon("TLS", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_sockets_over_tls() {
    let authority = Authority::new();
    let server = server(|edge| edge.tls = Some(authority.files())).await;
    let mut stream = connect(&authority, &server).await.unwrap();
    let request = "GET /v1/markets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("an answer", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("BWT-BTC"), "{answer}");
    let stream = connect(&authority, &server).await.unwrap();
    let opened = soon("a WebSocket", tokio_tungstenite::client_async("wss://localhost/v1/ws", stream)).await;
    let (mut socket, _) = opened.unwrap();
    let hello: Value =
        serde_json::from_str(soon("a greeting", socket.next()).await.unwrap().unwrap().to_text().unwrap())
            .unwrap();
    assert_eq!(
        (hello["channel"].as_str(), hello["node"].as_str()),
        (Some("hello"), Some(server.node().to_string().as_str()))
    );
    socket.send(Message::text(r#"{"method":"ping","req_id":7}"#)).await.unwrap();
    let reply = soon("a reply", socket.next()).await.unwrap().unwrap();
    assert!(reply.to_text().unwrap().contains("\"req_id\":7"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trader_goes_by_tls_all_the_way() {
    let authority = Authority::new();
    let server = server(|edge| edge.tls = Some(authority.files())).await;
    let base = format!("https://localhost:{}", server.exchange().address().port());
    let rest = Rest::with_tls(&base, authority.trusted()).unwrap();
    let options = Options { tls: Some(authority.trusted()), node: Some(server.node()), ..Options::default() };
    let client = Client::connect(&rest.socket_url(), options).await.unwrap();
    let markets = rest.markets().await.unwrap();
    let keypair = Keypair::from_seed(&[1; 32]);
    let trader = Trader::register(&client, &rest, &markets, keypair.clone(), MemoryLane).await.unwrap();
    server.issue(trader.account(), 1_000_000_000).await;
    let market = markets.market("BWT-BTC").unwrap();
    let placed = trader.place(market.limit(Side::Sell, "0.0000003916", "0.5").unwrap()).await.unwrap();
    let account = rest.login(&keypair, &markets).await.unwrap();
    let orders = account.orders(&OrderQuery::default()).await.unwrap();
    assert_eq!(orders.orders.len(), 1);
    assert_eq!(orders.orders[0].order, placed.order.to_string());
    // Whoever trusts other authorities speaks with nobody here.
    let stranger = Authority::new().trusted();
    let error = Rest::with_tls(&base, stranger.clone()).unwrap().markets().await.unwrap_err();
    assert!(matches!(error, RestError::Http(_)), "{error}");
    let options = Options { tls: Some(stranger), ..Options::default() };
    let error = Client::connect(&rest.socket_url(), options).await.unwrap_err();
    assert!(matches!(error, ClientError::Connect(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_no_tls_or_trusts_another_gets_nothing() {
    let authority = Authority::new();
    let server = server(|edge| edge.tls = Some(authority.files())).await;
    assert!(connect(&Authority::new(), &server).await.is_err());
    let mut plain = TcpStream::connect(server.exchange().address()).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _ = soon("the end of a connection", plain.read_to_end(&mut bytes)).await;
    assert!(!String::from_utf8_lossy(&bytes).contains("200"), "{bytes:?}");
    // It serves all others as before.
    connect(&authority, &server).await.unwrap();
}
