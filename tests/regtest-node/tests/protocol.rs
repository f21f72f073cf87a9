//! JSON-RPC over HTTP as Core speaks it.

mod support;

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use support::{Daemon, Key, http, is_bitcoind};

fn body(reply: &http::Reply) -> Value {
    serde_json::from_str(&reply.body).expect("a JSON body")
}

#[test]
fn only_who_has_the_cookie_may_call() {
    let daemon = Daemon::start();
    let call = r#"{"method":"getblockcount"}"#;
    for credentials in [None, Some("__cookie__:wrong"), Some("somebody:else"), Some("")] {
        let reply = http::request(&daemon.address, "POST", credentials, call);
        assert_eq!((reply.status, reply.body.as_str()), (401, ""), "{credentials:?}");
        assert!(reply.headers.contains("www-authenticate: basic realm=\"jsonrpc\""), "{}", reply.headers);
    }
    assert_eq!(daemon.post(call).status, 200);
    let mode = std::fs::metadata(&daemon.cookie).expect("a cookie").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(daemon.credentials.starts_with("__cookie__:"));
    let reply = http::request(&daemon.address, "GET", Some(&daemon.credentials), "");
    assert_eq!((reply.status, reply.body.as_str()), (405, "JSONRPC server handles only POST requests"));
}

#[test]
fn versions_one_and_two_answer_each_in_their_form() {
    let daemon = Daemon::start();
    let check = |request: Value, status: u16, want: &str| {
        let reply = daemon.post(&request.to_string());
        assert_eq!((reply.status, reply.body.trim_end()), (status, want), "{request}");
    };
    let unknown = r#""error":{"code":-32601,"message":"Method not found"}"#;
    check(json!({"method": "getblockcount", "id": "a"}), 200, r#"{"result":0,"error":null,"id":"a"}"#);
    check(json!({"method": "getblockcount"}), 200, r#"{"result":0,"error":null}"#);
    check(
        json!({"jsonrpc": "1.0", "method": "x", "id": 1}),
        404,
        &format!(r#"{{"result":null,{unknown},"id":1}}"#),
    );
    check(
        json!({"jsonrpc": "2.0", "method": "getblockcount", "id": 1}),
        200,
        r#"{"jsonrpc":"2.0","result":0,"id":1}"#,
    );
    check(
        json!({"jsonrpc": "2.0", "method": "x", "id": 1}),
        200,
        &format!(r#"{{"jsonrpc":"2.0",{unknown},"id":1}}"#),
    );
    check(json!({"jsonrpc": "2.0", "method": "getblockcount"}), 204, "");
    let out = r#"{"result":null,"error":{"code":-8,"message":"Block height out of range"},"id":1}"#;
    check(json!({"method": "getblockhash", "params": [5], "id": 1}), 500, out);
    let missing = r#"{"result":null,"error":{"code":-32600,"message":"Missing method"},"id":1}"#;
    check(json!({"id": 1}), 400, missing);
    let version =
        r#"{"result":null,"error":{"code":-32600,"message":"JSON-RPC version not supported"},"id":1}"#;
    check(json!({"jsonrpc": "3.0", "method": "getblockcount", "id": 1}), 400, version);
}

#[test]
fn what_is_no_request_is_told_so() {
    let daemon = Daemon::start();
    let check = |text: &str, status: u16, code: i64, message: &str| {
        let reply = daemon.post(text);
        let (answer, error) = (body(&reply), json!({"code": code, "message": message}));
        assert_eq!((reply.status, &answer["error"]), (status, &error), "{text}");
        assert_eq!(answer.get("id").is_some(), !text.contains("method"), "{text}: {answer}");
    };
    check("{", 500, -32_700, "Parse error");
    check("5", 500, -32_700, "Top-level object parse error");
    check(r#"{"method":5}"#, 400, -32_600, "Method must be a string");
    check(r#"{"method":"uptime","params":5}"#, 400, -32_600, "Params must be an array or object");
}

#[test]
fn a_batch_is_answered_in_one() {
    let daemon = Daemon::start();
    let reply = daemon.post(
        &json!([
            5,
            {"method": "getblockcount", "id": 1},
            {"method": "getblockhash", "params": [9], "id": 2},
            {"jsonrpc": "2.0", "method": "getblockcount", "id": 3},
            {"jsonrpc": "2.0", "method": "getblockcount"},
        ])
        .to_string(),
    );
    assert_eq!(reply.status, 200);
    let answers = body(&reply);
    assert_eq!(answers.as_array().map(Vec::len), Some(4), "{answers}");
    let error = json!({"code": -32_600, "message": "Invalid Request object"});
    assert_eq!(answers[0], json!({"result": null, "error": error, "id": null}));
    assert_eq!(answers[1], json!({"result": 0, "error": null, "id": 1}));
    assert_eq!(answers[2]["error"]["code"], -8);
    assert_eq!(answers[3], json!({"jsonrpc": "2.0", "result": 0, "id": 3}));
    let none = json!([{"jsonrpc": "2.0", "method": "getblockcount"}]).to_string();
    assert_eq!((daemon.post(&none).status, daemon.post("[]").body.trim_end()), (204, "[]"));
}

#[test]
fn arguments_go_by_position_or_by_name() {
    let daemon = Daemon::start();
    let hash = daemon.mine(1, &Key::new(1)).remove(0);
    assert_eq!(daemon.ask("getblockhash", json!({"height": 1})), json!(hash));
    assert!(daemon.ask("getblock", json!({"blockhash": hash, "verbosity": 0})).is_string());
    assert!(daemon.ask("getblock", json!([hash, false])).is_string());
    let refusal = daemon.refusal("getblockhash", json!({"depth": 1}));
    assert_eq!(refusal, (-8, "Unknown named parameter depth".to_owned()));
    let refusal = daemon.refusal("getblockhash", json!(["1"]));
    let complaint = "JSON value of type string is not of expected type number";
    assert_eq!(
        refusal,
        (-3, format!("Wrong type passed:\n{{\n    \"Position 1 (height)\": \"{complaint}\"\n}}"))
    );
    for params in [json!([]), json!([1, 2])] {
        let (code, message) = daemon.refusal("getblockhash", params);
        assert!(code == -1 && message.starts_with("getblockhash height"), "{code} {message}");
    }
}

#[test]
fn the_node_tells_who_it_is() {
    let daemon = Daemon::start();
    let info = daemon.ask("getnetworkinfo", json!([]));
    assert!(info["version"].as_u64().is_some_and(|version| version >= 280_000), "{info}");
    assert_eq!(
        (info["relayfee"].to_string(), info["incrementalfee"].to_string()),
        ("0.00001000".into(), "0.00001000".into())
    );
    assert!(daemon.ask("help", json!([])).as_str().is_some_and(|help| help.contains("sendrawtransaction")));
    assert!(daemon.ask("uptime", json!([])).as_u64().is_some_and(|seconds| seconds < 600));
    assert_eq!(daemon.ask("getmininginfo", json!([]))["next"]["height"], 1);
    if !is_bitcoind() {
        assert_eq!(info["subversion"], concat!("/bandex-regtest-node:", env!("CARGO_PKG_VERSION"), "/"));
    }
}

#[test]
fn a_closed_standard_input_ends_the_node() {
    if is_bitcoind() {
        return; // Not an option of Core's.
    }
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_bandex-regtest-node"))
        .args(["--end-with-stdin", "--datadir"])
        .arg(folder.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the node starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("its output");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).expect("a line");
    assert!(folder.path().join(".cookie").exists());
    let ready: Value = serde_json::from_str(&line).expect("one JSON line");
    // Somebody who never finishes a request must not hold up the end.
    let mut stuck = std::net::TcpStream::connect(format!("127.0.0.1:{}", ready["port"])).expect("connect");
    std::io::Write::write_all(&mut stuck, b"POST / HTTP/1.1\r\nContent-Length: 99\r\n\r\n{").expect("send");
    drop(child.stdin.take());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let status = loop {
        match child.try_wait().expect("a child") {
            Some(status) => break status,
            None if std::time::Instant::now() > deadline => {
                child.kill().expect("kill");
                panic!("the node goes on");
            }
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    assert!(status.success());
    assert!(!folder.path().join(".cookie").exists(), "the cookie of a node that is gone");
}
