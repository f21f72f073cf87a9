//! Connections: slow ones are cut, too many are turned away, and nobody else feels it.

use super::{answer, code, header, request, server};
use bandex_exchange::{EdgeOptions, Exchange};
use bandex_tests::{Server, Setup, soon, until};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// A connection from one of the loopback addresses.
async fn connect_from(last: u8, exchange: &Exchange) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    soon("a connection", socket.connect(exchange.address())).await.unwrap()
}

/// All that comes until the other side ends the connection, be it by a reset.
async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = soon("the end of a connection", stream.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Asks over an open connection, and leaves it open; false if it was closed instead.
async fn is_served(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.is_err() {
        return false;
    }
    let mut bytes = [0; 1_024];
    matches!(soon("an answer", stream.read(&mut bytes)).await, Ok(read) if read > 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_end_is_cut() {
    let header_time = Duration::from_millis(300);
    let server = server(|edge| edge.header_time = header_time).await;
    for begun in ["", "GET", "GET /livez HTTP/1.1\r\nhost: a\r\nx-slow:"] {
        let at = Instant::now();
        let mut stream = connect_from(1, server.exchange()).await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        // Others are served meanwhile.
        assert_eq!(answer(request(&server, Method::GET, "/livez")).await.status(), 200);
        let rest = rest_of(&mut stream).await;
        assert!(!rest.contains("200 OK"), "{begun:?}: {rest}");
        assert!(at.elapsed() >= header_time, "{begun:?} was cut early");
    }
    // A head that dribbles in gets no more time than one that stops.
    let mut stream = connect_from(1, server.exchange()).await;
    let at = Instant::now();
    let _ = stream.write_all(b"GET /livez HTTP/1.1\r\n").await;
    while at.elapsed() < header_time * 20 && stream.write_all(b"a: b\r\n").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(at.elapsed() < header_time * 20, "it was never cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_long_are_refused() {
    let server = server(|_| ()).await;
    let mut stream = connect_from(1, server.exchange()).await;
    let long = format!("GET /livez HTTP/1.1\r\nhost: a\r\nx-long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let _ = stream.write_all(long.as_bytes()).await;
    let rest = rest_of(&mut stream).await;
    assert!(rest.starts_with("HTTP/1.1 431"), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_capped_in_all_and_by_address() {
    let server = server(|edge| (edge.connections_max, edge.connections_per_address_max) = (4, 2)).await;
    let mut ones = Vec::new();
    for _ in 0..2 {
        let mut stream = connect_from(1, server.exchange()).await;
        assert!(is_served(&mut stream).await);
        ones.push(stream);
    }
    assert!(!is_served(&mut connect_from(1, server.exchange()).await).await, "a third from one address");
    let mut others = Vec::new();
    for last in [2, 3] {
        let mut stream = connect_from(last, server.exchange()).await;
        assert!(is_served(&mut stream).await, "another address has places of its own");
        others.push(stream);
    }
    assert!(!is_served(&mut connect_from(4, server.exchange()).await).await, "a fifth in all");
    // Those that are in are served all the same, and whoever leaves makes room.
    assert!(is_served(&mut ones[0]).await);
    drop(others);
    until("there is room again", async || {
        is_served(&mut connect_from(4, server.exchange()).await).await.then_some(())
    })
    .await;
    assert!(!is_served(&mut connect_from(1, server.exchange()).await).await, "not for that address");
}

/// A connection that begins a request and never sends its body.
async fn stalled(exchange: &Exchange, last: u8) -> TcpStream {
    let mut stream = connect_from(last, exchange).await;
    let head = "POST /v1/blocks HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_do_not_come_keep_nobody_from_being_served() {
    let server = server(|edge| {
        edge.requests_max = 2;
        edge.metrics_listen = Some("127.0.0.1:0".parse().unwrap());
    })
    .await;
    let metrics = format!("http://{}/metrics", server.exchange().metrics_address().unwrap());
    let mut stalling = Vec::new();
    for last in 1..=6 {
        stalling.push(stalled(server.exchange(), last).await);
    }
    until("all are open", async || {
        let page = answer(reqwest::Client::new().get(&metrics)).await.text().await.unwrap();
        page.contains("\nbandex_connections 6\n").then_some(())
    })
    .await;
    for page in ["/livez", "/readyz", "/v1/markets", "/v1/rate-limits"] {
        assert_eq!(answer(request(&server, Method::GET, page)).await.status(), 200, "{page}");
    }
    drop(server.socket().await);
    assert_eq!(answer(request(&server, Method::POST, "/v1/blocks").body("{}")).await.status(), 400);
    drop(stalling);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_cut() {
    let header_time = Duration::from_millis(300);
    let server = server(|edge| edge.header_time = header_time).await;
    let at = Instant::now();
    let mut stream = stalled(server.exchange(), 1).await;
    let rest = rest_of(&mut stream).await;
    assert!(rest.starts_with("HTTP/1.1 408") && rest.contains("\"code\":\"body_too_slow\""), "{rest}");
    assert!(at.elapsed() >= header_time, "it was cut early");
    // One that dribbles in gets no more time.
    let mut stream = stalled(server.exchange(), 1).await;
    let at = Instant::now();
    while at.elapsed() < header_time * 20 && stream.write_all(b" ").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert!(at.elapsed() < header_time * 20, "it was never cut");
}

/// Tries to open a WebSocket through a proxy that says for whom; gives the status of a refusal.
async fn socket_for(
    server: &Server,
    client: &str,
) -> Result<impl StreamExt<Item = Result<Message, Error>> + SinkExt<Message> + Unpin + use<>, u16> {
    let mut request = server.socket_url().into_client_request().unwrap();
    request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
    match soon("a WebSocket", tokio_tungstenite::connect_async(request)).await {
        Ok((mut socket, _)) => {
            soon("a greeting", socket.next()).await.unwrap().unwrap();
            Ok(socket)
        }
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_behind_a_trusted_proxy_are_capped_by_client() {
    let server = server(|edge| {
        edge.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        (edge.connections_per_address_max, edge.sockets_per_address_max) = (1, 1);
    })
    .await;
    let first = socket_for(&server, "203.0.113.1").await.ok().unwrap();
    let _other = socket_for(&server, "203.0.113.2").await.ok().unwrap();
    // Who claims to be somebody else on the way to the proxy is known by what the proxy adds.
    assert_eq!(socket_for(&server, "203.0.113.9, 203.0.113.1").await.err(), Some(429));
    let refused = answer(
        request(&server, Method::GET, "/v1/ws")
            .header("x-forwarded-for", "203.0.113.1")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    );
    let refused = refused.await;
    assert_eq!(header(&refused, "retry-after").as_deref(), Some("5"));
    assert_eq!(code(refused).await, "too_many_connections");
    drop(first);
    drop(until("the place is free again", async || socket_for(&server, "203.0.113.1").await.ok()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_no_socket_keeps_no_place() {
    let server = server(|edge| edge.sockets_per_address_max = 2).await;
    let mut stream = connect_from(1, server.exchange()).await;
    for _ in 0..5 {
        stream.write_all(b"GET /v1/ws HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut bytes = [0; 4_096];
        let read = soon("an answer", stream.read(&mut bytes)).await.unwrap();
        let answered = String::from_utf8_lossy(&bytes[..read]).into_owned();
        assert!(answered.starts_with("HTTP/1.1 400"), "{answered}");
    }
    // The connection is still there.
    let one = server.socket().await;
    let other = server.socket().await;
    let third = soon("a WebSocket", tokio_tungstenite::connect_async(server.socket_url())).await;
    assert!(matches!(third, Err(Error::Http(response)) if response.status() == 429));
    drop((stream, one, other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_nothing_is_cut() {
    let write_time = Duration::from_millis(300);
    let edge = EdgeOptions { connections_per_address_max: 1, ..EdgeOptions::default() };
    let server = Server::start(Setup { write_time, edge, ..Setup::default() }).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 5), 0))).unwrap();
    let mut lazy = soon("a connection", socket.connect(server.exchange().address())).await.unwrap();
    // More pages than lie on the way, none of them read.
    for _ in 0..200 {
        let asked = lazy.write_all(b"GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n");
        if !matches!(tokio::time::timeout(write_time, asked).await, Ok(Ok(()))) {
            break;
        }
    }
    until("the place is free again", async || {
        is_served(&mut connect_from(5, server.exchange()).await).await.then_some(())
    })
    .await;
    drop(lazy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_bounded_on_each_listener() {
    let server = Server::start(Setup::default()).await;
    let body = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let post = async |bytes| server.ask(Method::POST, "/v1/blocks", None, Some(body(bytes))).await;
    post(64 * 1024).await.must_be(400, "bad_request");
    post(64 * 1024 + 1).await.must_be(413, "body_too_large");
    let configure = async |bytes: usize| {
        let filler = "x".repeat(bytes);
        server.configure_as(Some(server.admin_token()), &serde_json::json!({ "filler": filler })).await
    };
    configure(100 * 1024).await.must_be(400, "bad_request");
    configure(160 * 1024).await.must_be(413, "body_too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_closes_connections_that_do_nothing_and_waits_for_no_one_forever() {
    let server = server(|_| ()).await;
    let mut idle = connect_from(1, server.exchange()).await;
    assert!(is_served(&mut idle).await);
    // A request whose body never comes.
    let mut half = connect_from(1, server.exchange()).await;
    let head = "POST /v1/blocks HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{";
    half.write_all(head.as_bytes()).await.unwrap();
    let folder = soon("the end", server.stop()).await;
    assert_eq!(rest_of(&mut idle).await, "");
    assert!(!rest_of(&mut half).await.contains("200 OK"));
    drop(folder);
}
