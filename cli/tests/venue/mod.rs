//! A real server and the real binary beside it, for tests by the command line.

#![allow(dead_code)] // Each test takes of it what it needs.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A server in a folder of its own, ended with the test.
pub struct Venue {
    server: Child,
    folder: TempDir,
    url: String,
    admin_url: String,
}

impl Drop for Venue {
    fn drop(&mut self) {
        // It may have ended by itself, which is no worse.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The address in a line such as `traders   http://127.0.0.1:4711  (…)`.
fn address(line: &str, name: &str) -> String {
    let mut words = line.split_whitespace();
    assert_eq!(words.next(), Some(name), "{line}");
    words.next().expect("an address").to_owned()
}

impl Venue {
    pub fn open() -> Self {
        Self::open_with("")
    }

    /// A server with further words on its command line.
    pub fn open_with(words: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Command::new(env!("CARGO_BIN_EXE_bandex"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"])
            .arg(folder.path())
            .args(words.split_whitespace())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut lines = BufReader::new(server.stderr.take().expect("it is piped")).lines();
        let mut line = || lines.next().expect("the server says where it is").expect("text");
        let (traders, operator) = (line(), line());
        let (url, admin_url) = (address(&traders, "traders"), address(&operator, "operator"));
        // What it says further on must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { server, folder, url, admin_url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    pub fn run(&self, words: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bandex"))
            .args(words.split_whitespace())
            .env("BANDEX_URL", &self.url)
            .env("BANDEX_ADMIN_URL", &self.admin_url)
            .current_dir(Path::new(&self.folder.path()))
            .output()
            .expect("the binary runs")
    }

    pub fn text(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn json(&self, words: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{words} --json"))).expect("one line of JSON")
    }

    /// What is said about a command that does not succeed.
    pub fn refused(&self, words: &str) -> String {
        let output = self.run(words);
        assert!(!output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).expect("text")
    }

    /// A trader with tokens and a limit.
    pub fn trader(&self, name: &str) -> String {
        let key = self.path(name);
        self.text(&format!("key new --key {key}"));
        let account = self.json(&format!("key register --key {key}"))["account"].clone();
        let changes = json!([
            { "change": "issue", "to": account, "amount": "100000000000" },
            { "change": "set_limit", "account": account, "limit": "1000000000000" },
        ]);
        let output = Command::new(env!("CARGO_BIN_EXE_bandex"))
            .args(["admin", "--url", &self.admin_url, "--token", &self.path("admin.token")])
            .arg(changes.to_string())
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        key
    }
}
