//! Where the server meets the world: connections, pages of strangers, floods, TLS, what the operator sees of it.

mod connections;
mod floods;
mod operator;
mod origins;
mod payers;
mod tls;

use bandex_exchange::EdgeOptions;
use bandex_tests::{Server, Setup, soon};
use reqwest::{Method, RequestBuilder, Response};

/// A server that meets the world so.
async fn server(change: impl FnOnce(&mut EdgeOptions)) -> Server {
    let mut setup = Setup::default();
    change(&mut setup.edge);
    Server::start(setup).await
}

/// A request to the traders' listener.
fn request(server: &Server, method: Method, path: &str) -> RequestBuilder {
    reqwest::Client::new().request(method, format!("http://{}{path}", server.exchange().address()))
}

async fn answer(request: RequestBuilder) -> Response {
    soon("an answer", request.send()).await.unwrap()
}

/// A header of an answer, if it has it.
fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

/// The stable code of a problem document.
async fn code(response: Response) -> String {
    let problem: bandex_api::Problem = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    problem.code
}
