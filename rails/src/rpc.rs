//! JSON-RPC over HTTP as Bitcoin Core speaks it.

use crate::options::{Auth, NodeOptions};
use bandex_spv::Network;
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The longest answer that is read, in bytes: a block of 4 MB takes twice as many as hex.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// How long connecting may take, if a call may take longer.
const CONNECT: Duration = Duration::from_secs(5);
/// Bitcoin Core's code for "still starting": `RPC_IN_WARMUP`.
const IN_WARMUP: i64 = -28;
/// How much of a text that is no JSON an error shows, in characters.
const SHOWN: usize = 200;

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// No connection, no answer in time, or an answer cut off.
    #[error("the Bitcoin node cannot be reached: {0}")]
    Unreachable(String),
    /// The node does not know this user, or there is nothing to show it.
    #[error("the Bitcoin node refuses the cookie or password: {0}")]
    Unauthorized(String),
    /// The node is starting; it says what it does.
    #[error("the Bitcoin node is starting: {0}")]
    WarmingUp(String),
    /// The node answers with an error of its own.
    #[error("the Bitcoin node answers error {code}: {message}")]
    Rpc {
        /// Bitcoin Core's code (rpc/protocol.h).
        code: i64,
        /// Its words.
        message: String,
    },
    /// What came is not what the call gives.
    #[error("the Bitcoin node's answer to {method} is malformed: {what}")]
    Malformed {
        /// The method called.
        method: String,
        /// What is wrong with it.
        what: String,
    },
}

impl RpcError {
    /// Bitcoin Core's error code, if this is such an answer.
    pub const fn code(&self) -> Option<i64> {
        match self {
            Self::Rpc { code, .. } => Some(*code),
            Self::WarmingUp(_) => Some(IN_WARMUP),
            _ => None,
        }
    }
}

/// Asks one node. Calls may run side by side.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    options: NodeOptions,
    /// User and password as last read.
    secret: Mutex<Option<(String, String)>>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    message: String,
}

/// What came back: a result's JSON, or the wish for a fresh cookie.
enum Came {
    Result(String),
    Unauthorized,
}

impl Client {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// The HTTP client cannot be set up.
    pub fn new(options: NodeOptions) -> Result<Self, RpcError> {
        let http = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(options.timeout.min(CONNECT))
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| RpcError::Unreachable(told(&error)))?;
        Ok(Self { http, options, secret: Mutex::new(None) })
    }

    /// The network that the node has to be on.
    pub const fn network(&self) -> Network {
        self.options.network
    }

    /// Where the node is.
    pub fn url(&self) -> &str {
        &self.options.url
    }

    /// Calls any method.
    ///
    /// # Errors
    /// The node cannot be reached, does not let us in, answers an error, or answers something that is no `T`.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, RpcError> {
        let text = self.call_raw(method, params).await?;
        serde_json::from_str(&text)
            .map_err(|error| RpcError::Malformed { method: method.to_owned(), what: error.to_string() })
    }

    /// Calls any method and gives the result's JSON as it came.
    pub(crate) async fn call_raw(&self, method: &str, params: Value) -> Result<String, RpcError> {
        if let Came::Result(text) = self.send(method, &params).await? {
            return Ok(text);
        }
        // The cookie changes with each start of the node, so the one known may be of an earlier one.
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match self.send(method, &params).await? {
            Came::Result(text) => Ok(text),
            Came::Unauthorized => Err(RpcError::Unauthorized("answer 401".to_owned())),
        }
    }

    async fn send(&self, method: &str, params: &Value) -> Result<Came, RpcError> {
        let (user, password) = self.secret()?;
        let body = json!({ "jsonrpc": "1.0", "id": "bandex", "method": method, "params": params });
        let request = self.http.post(&self.options.url).basic_auth(user, Some(password)).json(&body);
        let response = request.send().await.map_err(|error| RpcError::Unreachable(told(&error)))?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(Came::Unauthorized);
        }
        let bytes = read(method, response).await?;
        let text = String::from_utf8_lossy(&bytes);
        let malformed = |what: String| RpcError::Malformed { method: method.to_owned(), what };
        let answer: Answer<'_> = match serde_json::from_str(&text) {
            Ok(answer) => answer,
            // Too many calls at once: the node answers that in plain words.
            Err(_) if !status.is_success() => {
                let words: String = text.chars().take(SHOWN).collect();
                return Err(RpcError::Unreachable(format!("status {status}: {words}")));
            }
            Err(error) => return Err(malformed(error.to_string())),
        };
        match answer.error {
            Some(Fault { code: IN_WARMUP, message }) => Err(RpcError::WarmingUp(message)),
            Some(Fault { code, message }) => Err(RpcError::Rpc { code, message }),
            None if status.is_success() => {
                Ok(Came::Result(answer.result.map_or("null", RawValue::get).to_owned()))
            }
            None => Err(malformed(format!("status {status} without an error"))),
        }
    }

    fn secret(&self) -> Result<(String, String), RpcError> {
        let mut known = self.secret.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.as_ref() {
            return Ok(secret.clone());
        }
        let secret = read_secret(&self.options.auth)?;
        *known = Some(secret.clone());
        Ok(secret)
    }
}

fn read_secret(auth: &Auth) -> Result<(String, String), RpcError> {
    let (Auth::Cookie(path) | Auth::Password { file: path, .. }) = auth;
    let text = fs::read_to_string(path)
        .map_err(|error| RpcError::Unauthorized(format!("cannot read {}: {error}", path.display())))?;
    let text = text.trim_end_matches(['\r', '\n']);
    match auth {
        Auth::Password { user, .. } => Ok((user.clone(), text.to_owned())),
        Auth::Cookie(_) => match text.split_once(':') {
            Some((user, password)) => Ok((user.to_owned(), password.to_owned())),
            None => Err(RpcError::Unauthorized(format!("{} is no cookie", path.display()))),
        },
    }
}

/// Reads an answer as far as is allowed.
async fn read(method: &str, mut response: Response) -> Result<Vec<u8>, RpcError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| RpcError::Unreachable(told(&error)))? {
        if bytes.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            let what = format!("more than {ANSWER_BYTES_MAX} bytes");
            return Err(RpcError::Malformed { method: method.to_owned(), what });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// An error with its causes, which the HTTP client keeps to itself otherwise.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers each call with the next of these texts, as they stand, and then with nothing any more.
    async fn answering(answers: Vec<String>, cookie: PathBuf) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).await.expect("a request");
                assert!(read > 0);
                // A caller that has read enough hangs up.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let (auth, network) = (Auth::Cookie(cookie), Network::Regtest);
        Client::new(NodeOptions { url, auth, network, timeout: Duration::from_secs(10) }).expect("a client")
    }

    fn http(status: &str, body: &str) -> String {
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let cookie = folder.path().join("cookie");
        fs::write(&cookie, "__cookie__:secret").expect("a file");
        let check = async |answers: &[String], found: &dyn Fn(&Result<u32, RpcError>) -> bool| {
            let client = answering(answers.to_vec(), cookie.clone()).await;
            let got = client.call::<u32>("getblockcount", json!([])).await;
            assert!(found(&got), "{got:?}");
        };
        let unauthorized = http("401 Unauthorized", "");
        let seven = http("200 OK", r#"{"result":7,"error":null,"id":"bandex"}"#);
        check(std::slice::from_ref(&seven), &|got| *got == Ok(7)).await;
        check(&[unauthorized.clone(), seven], &|got| *got == Ok(7)).await;
        check(&[unauthorized.clone(), unauthorized], &|got| matches!(got, Err(RpcError::Unauthorized(_))))
            .await;
        let error = |code: i32| {
            let body = format!(r#"{{"result":null,"error":{{"code":{code},"message":"why"}},"id":1}}"#);
            http("500 Internal Server Error", &body)
        };
        check(&[error(-5)], &|got| *got == Err(RpcError::Rpc { code: -5, message: "why".to_owned() })).await;
        check(&[error(-28)], &|got| *got == Err(RpcError::WarmingUp("why".to_owned()))).await;
        let busy = http("503 Service Unavailable", "Work queue depth exceeded");
        let unreachable = |got: &Result<u32, RpcError>| matches!(got, Err(RpcError::Unreachable(_)));
        check(&[busy], &unreachable).await;
        check(&["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned()], &unreachable).await;
        check(&[], &unreachable).await;
        let malformed = |got: &Result<u32, RpcError>| matches!(got, Err(RpcError::Malformed { .. }));
        check(&[http("200 OK", "<html>")], &malformed).await;
        check(&[http("200 OK", r#"{"result":"seven","error":null}"#)], &malformed).await;
        check(&[http("404 Not Found", r#"{"result":7,"error":null}"#)], &malformed).await;
        let endless = format!(r#"{{"result":"{}"}}"#, "0".repeat(ANSWER_BYTES_MAX));
        check(&[http("200 OK", &endless)], &malformed).await;
    }
}
