//! A connection to an exchange that has too much to do, over a real socket.

use crate::client::{Client, Options};
use crate::testing::{NETWORK, keypair, problem};
use bandex_api::{Channel, Hello, Problem, Request};
use bandex_types::Hash;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::accept_async;

/// Refuses the first login and the first `refusals` subscriptions for a moment; gives all that was asked for.
async fn busy(listener: TcpListener, mut refusals: usize) -> Vec<String> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut socket = accept_async(stream).await.unwrap();
    let hello = Hello {
        channel: "hello".to_owned(),
        network: NETWORK,
        node: keypair(9).public().to_string(),
        nonce: Hash::ZERO.to_string(),
        time_us: 0,
    };
    socket.send(serde_json::to_string(&hello).unwrap().into()).await.unwrap();
    let (mut asked, mut login_refused) = (Vec::new(), false);
    while let Some(Ok(message)) = socket.next().await {
        let Ok(Request { method, req_id, .. }) = serde_json::from_str(&message.into_text().unwrap()) else {
            break;
        };
        let passes = match method.as_str() {
            "login" => std::mem::replace(&mut login_refused, true),
            "subscribe" => refusals.checked_sub(1).map(|left| refusals = left).is_none(),
            _ => true,
        };
        let result =
            json!({ "network": NETWORK, "node": keypair(9).public(), "nonce": Hash::ZERO, "expires_us": 1 });
        let busy =
            Problem { retryable: true, retry_after_ms: Some(5), ..problem("rate_limited", "rejected") };
        let error = if passes { Value::Null } else { serde_json::to_value(busy).unwrap() };
        asked.push(method);
        let reply = json!({ "req_id": req_id, "ok": passes, "result": result, "error": error });
        socket.send(reply.to_string().into()).await.unwrap();
    }
    asked
}

#[tokio::test]
async fn what_has_to_wait_is_asked_for_again_by_itself() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(busy(listener, 3));
    let client = Client::connect(&url, Options::default()).await.unwrap();
    let patience = Duration::from_secs(30);
    timeout(patience, client.login(&keypair(1))).await.unwrap().unwrap();
    let deals = timeout(patience, client.subscribe(Channel::Deals)).await.unwrap().unwrap();
    drop((client, deals));
    let asked = timeout(patience, serving).await.unwrap().unwrap();
    let expected =
        ["challenge", "login", "challenge", "login", "subscribe", "subscribe", "subscribe", "subscribe"];
    assert_eq!(asked[..expected.len()], expected);
}
