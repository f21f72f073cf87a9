//! Web pages: which may use the API from somebody's browser.

use super::{answer, header, request, server};
use bandex_exchange::Origin;
use bandex_tests::{Server, soon};
use reqwest::Method;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const OURS: &str = "https://app.example";
const FOREIGN: &str = "https://evil.example";

/// The status with which a WebSocket is opened by a page of an origin, and why if it is not.
async fn opened_by(server: &Server, origin: Option<&str>) -> (u16, String) {
    let mut request = server.socket_url().into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match soon("a WebSocket", tokio_tungstenite::connect_async(request)).await {
        Ok(_) => (101, String::new()),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8(body).unwrap())
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_origin_opens_no_socket() {
    let listed = server(|edge| edge.origins = vec![OURS.parse().unwrap(), Origin::Any]).await;
    let unlisted = server(|_| ()).await;
    let own = format!("http://{}", listed.exchange().address());
    for (origin, expected) in
        [(None, 101), (Some(own.as_str()), 101), (Some(OURS), 101), (Some(FOREIGN), 403)]
    {
        let (status, body) = opened_by(&listed, origin).await;
        assert_eq!(status, expected, "{origin:?}: {body}");
        assert_eq!(status == 403, body.contains("\"bad_origin\""), "{body}");
    }
    assert_eq!(opened_by(&unlisted, Some(OURS)).await.0, 403);
    assert_eq!(opened_by(&unlisted, Some("null")).await.0, 403);
}

/// What a browser hears that asks for a page whether it may send such a request: the origin that may, if any.
async fn preflight(server: &Server, origin: &str, method: &str, headers: Option<&str>) -> Option<String> {
    let mut asked = request(server, Method::OPTIONS, "/v1/blocks")
        .header("origin", origin)
        .header("access-control-request-method", method);
    if let Some(headers) = headers {
        asked = asked.header("access-control-request-headers", headers);
    }
    header(&answer(asked).await, "access-control-allow-origin")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_are_told_which_pages_may_do_what() {
    let listed = server(|edge| edge.origins = vec![OURS.parse().unwrap()]).await;
    let (ours, json) = (Some(OURS.to_owned()), Some("content-type"));
    assert_eq!(preflight(&listed, OURS, "POST", json).await, ours);
    assert_eq!(preflight(&listed, OURS, "GET", Some("authorization")).await, ours);
    assert_eq!(preflight(&listed, FOREIGN, "GET", None).await, None);
    let asked = request(&listed, Method::OPTIONS, "/v1/blocks")
        .header("origin", OURS)
        .header("access-control-request-method", "POST");
    let told = answer(asked).await;
    let methods = header(&told, "access-control-allow-methods").unwrap();
    assert!(methods.contains("POST") && !methods.contains("DELETE"), "{methods}");
    let headers = header(&told, "access-control-allow-headers").unwrap();
    assert!(headers.contains("authorization") && headers.contains("signature-input"), "{headers}");
    // An answer may be read by the same pages, with what it says of the rate limits.
    let read = |server, origin: &str| {
        request(server, Method::GET, "/v1/markets").header("origin", origin.to_owned())
    };
    let told = answer(read(&listed, OURS)).await;
    assert_eq!(header(&told, "access-control-allow-origin"), ours);
    assert!(header(&told, "access-control-expose-headers").unwrap().contains("ratelimit"));
    assert_eq!(header(&answer(read(&listed, FOREIGN)).await, "access-control-allow-origin"), None);
    // Any page may read what is public if the operator says so, and nothing else.
    let open = server(|edge| edge.origins = vec![Origin::Any]).await;
    let foreign = Some(FOREIGN.to_owned());
    assert_eq!(header(&answer(read(&open, FOREIGN)).await, "access-control-allow-origin"), foreign);
    assert_eq!(preflight(&open, FOREIGN, "GET", None).await, foreign);
    assert_eq!(preflight(&open, FOREIGN, "GET", Some("authorization")).await, None);
    assert_eq!(preflight(&open, FOREIGN, "POST", json).await, None);
    let authorised = read(&open, FOREIGN).header("authorization", "Bearer 00");
    assert_eq!(header(&answer(authorised).await, "access-control-allow-origin"), None);
}
