//! As much of HTTP as one request to one node takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

pub fn request(address: &str, method: &str, credentials: Option<&str>, body: &str) -> Reply {
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
    let authorization = credentials
        .map(|one| format!("Authorization: Basic {}\r\n", STANDARD.encode(one)))
        .unwrap_or_default();
    let head = format!(
        "{method} / HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("send");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("an answer");
    let (headers, body) = reply.split_once("\r\n\r\n").expect("headers");
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Reply { status, headers: headers.to_lowercase(), body: body.to_owned() }
}
