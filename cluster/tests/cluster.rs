//! Real servers: started, stopped, crashed, and ended with an owner that was killed.

#![allow(clippy::unwrap_used, clippy::panic)]

use bandex_cluster::Cluster;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set for the process that only owns a cluster and waits to be killed.
const OWNER: &str = "BANDEX_CLUSTER_OWNER";

/// Waits until `done`, at most half a minute.
fn wait_until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within half a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a PostgreSQL server answers there: it says N to the request for TLS (protocol flow, "SSL Session Encryption").
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = [0, 0, 0, 8, 4, 210, 22, 47];
    let mut answer = [0];
    stream.write_all(&request).is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"N"
}

/// The folders of clusters that the process `owner` has made.
fn folders(owner: u32) -> Vec<PathBuf> {
    let prefix = format!("bandex-postgres-{owner}-");
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
    let ours =
        |path: &PathBuf| path.file_name().unwrap().to_str().is_some_and(|name| name.starts_with(&prefix));
    entries.filter(ours).collect()
}

/// The settings as the server's file has them.
fn has_setting(folder: &Path, line: &str) -> bool {
    std::fs::read_to_string(folder.join("data/postgresql.conf")).unwrap().lines().any(|found| found == line)
}

#[test]
fn a_server_is_started_stopped_crashed_and_removed() {
    let mut cluster = Cluster::start().unwrap();
    let port = cluster.port();
    let url = cluster.url("some");
    assert!(url.contains(&format!("@127.0.0.1:{port}/some")), "{url}");
    assert!(answers(port));
    let folder = folders(std::process::id()).pop().unwrap();
    assert!(has_setting(&folder, "fsync = on"));
    for crash in [false, true] {
        if crash { cluster.crash() } else { cluster.stop() }.unwrap();
        assert!(!answers(port), "crash: {crash}");
        cluster.start_again().unwrap();
        assert!(answers(port), "crash: {crash}");
    }
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
    assert!(log.contains("database system was not properly shut down"), "{log}");
    assert_eq!(cluster.url("some"), url);
    drop(cluster);
    assert!(!answers(port));
    assert!(!folder.exists());
}

#[test]
fn a_server_ends_with_an_owner_that_is_killed() {
    if std::env::var_os(OWNER).is_some() {
        let cluster = Cluster::start().unwrap();
        println!("port {}", cluster.port());
        // The killer never closes this pipe before it kills.
        std::io::stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_ends_with_an_owner_that_is_killed", "--nocapture"])
        .env(OWNER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.filter_map(|line| line.split_once("port ").map(|(_, port)| port.to_owned())).next();
    let port = told.expect("the owner tells its port").parse().unwrap();
    let owned = folders(owner.id());
    assert!(answers(port));
    assert_eq!(owned.len(), 1);
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("the server ends", || !answers(port));
    wait_until("the folder goes", || !owned[0].exists());
}
