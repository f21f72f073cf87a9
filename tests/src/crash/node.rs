//! One server over all its lives: started, killed and started again on the same place and the same ports.

use super::place::{Place, log_end};
use super::process::ServerProcess;
use super::random::Random;
use bandex_api::StateDigest;
use bandex_tradechain::Keypair;
use bandex_types::PublicKey;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The network of all servers here.
pub const NETWORK: u32 = 77;
/// How long a start may take.
const START_WAIT: Duration = Duration::from_secs(60);
/// How often is asked whether it takes commands.
const POLL: Duration = Duration::from_millis(2);
/// Ports below those that the system hands out by itself: nobody else takes one while the server is down.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A server that may be running.
#[derive(Debug)]
pub struct Node {
    program: PathBuf,
    /// Where it keeps its things.
    pub place: Place,
    listen: SocketAddr,
    admin_listen: SocketAddr,
    snapshot_every: u64,
    process: Option<ServerProcess>,
    http: reqwest::Client,
}

impl Node {
    /// A server that does not run yet. `program` is called like `bandex serve`.
    pub fn new(program: PathBuf, place: Place, snapshot_every: u64, random: &mut Random) -> Self {
        let (listen, admin_listen) = (free(random), free(random));
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { program, place, listen, admin_listen, snapshot_every, process: None, http }
    }

    /// Where traders connect.
    pub fn url(&self) -> String {
        format!("http://{}", self.listen)
    }

    /// Starts the process and does not wait.
    ///
    /// # Panics
    /// It runs already.
    pub fn spawn(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let args = [
            ("--data", self.place.folder().display().to_string()),
            ("--listen", self.listen.to_string()),
            ("--admin-listen", self.admin_listen.to_string()),
            ("--network", NETWORK.to_string()),
            ("--snapshot-every", self.snapshot_every.to_string()),
        ];
        let args = args.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        let args: Vec<String> = std::iter::once("serve".to_owned()).chain(args).collect();
        // An argument would show the password to whoever lists the processes.
        let database = self.place.database().map(|url| ("BANDEX_DATABASE_URL", url));
        let variables: Vec<_> = database.into_iter().chain([("RUST_LOG", "warn")]).collect();
        self.process = Some(ServerProcess::start(&self.program, &args, &variables, self.place.log()));
    }

    /// Starts it and waits until it takes commands; gives how long that took.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start(&mut self) -> Duration {
        let begun = Instant::now();
        self.spawn();
        self.ready().await;
        begun.elapsed()
    }

    /// Waits until it takes commands.
    ///
    /// # Panics
    /// It ends by itself, or takes too long.
    pub async fn ready(&mut self) {
        let deadline = Instant::now() + START_WAIT;
        while !self.is_ready().await {
            if let Some(status) = self.process.as_mut().unwrap().ended() {
                panic!("the server ended by itself: {status}\n{}", self.log_end());
            }
            assert!(Instant::now() < deadline, "the server does not start\n{}", self.log_end());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Whether it takes commands.
    pub async fn is_ready(&self) -> bool {
        let asked = self.http.get(format!("{}/readyz", self.url())).timeout(Duration::from_secs(5)).send();
        asked.await.is_ok_and(|answer| answer.status().is_success())
    }

    /// Starts it where it must be refused; gives what it said.
    ///
    /// # Panics
    /// It starts, or ends without saying that it failed.
    pub async fn refused(&mut self) -> String {
        self.spawn();
        let status = self.process.take().unwrap().wait().await;
        assert!(!status.success(), "the server ended in order");
        self.log_end()
    }

    /// Kills it with SIGKILL.
    ///
    /// # Panics
    /// It does not run, or had ended by itself.
    pub async fn kill(&mut self) {
        if let Some(status) = self.process.as_mut().expect("it runs").ended() {
            panic!("the server ended by itself: {status}\n{}", self.log_end());
        }
        self.process.take().unwrap().kill().await;
    }

    /// Ends it in order.
    ///
    /// # Panics
    /// It does not run, or fails.
    pub async fn stop(&mut self) {
        self.process.take().expect("it runs").stop().await;
    }

    /// The end of what it said.
    pub fn log_end(&self) -> String {
        log_end(self.place.log())
    }

    /// The key that signs its batches.
    ///
    /// # Panics
    /// It was never started.
    pub fn key(&self) -> PublicKey {
        self.key_of("node.key")
    }

    /// The key that signs the operator's decisions.
    ///
    /// # Panics
    /// It was never started.
    pub fn operator(&self) -> PublicKey {
        self.key_of("operator.key")
    }

    fn key_of(&self, file: &str) -> PublicKey {
        let text = std::fs::read_to_string(self.place.folder().join(file)).unwrap();
        let mut seed = [0; 32];
        hex::decode_to_slice(text.trim(), &mut seed).unwrap();
        Keypair::from_seed(&seed).public()
    }

    fn admin(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let token = std::fs::read_to_string(self.place.folder().join("admin.token")).unwrap();
        let request = self.http.request(method, format!("http://{}/admin/v1/{path}", self.admin_listen));
        request.bearer_auth(token.trim())
    }

    /// What its state hashes to, and after which record.
    ///
    /// # Panics
    /// No answer.
    pub async fn digest(&self) -> StateDigest {
        self.admin(reqwest::Method::GET, "digest").send().await.unwrap().json().await.unwrap()
    }

    /// Carries out decisions of the operator.
    ///
    /// # Panics
    /// They are refused.
    pub async fn configure(&self, changes: &[Value]) {
        let request = self.admin(reqwest::Method::POST, "configure");
        let body = json!({ "changes": changes }).to_string();
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{text}");
    }
}

/// A port of loopback that is free now.
fn free(random: &mut Random) -> SocketAddr {
    let span = u64::from(PORTS.end - PORTS.start);
    loop {
        let port = PORTS.start + u16::try_from(random.below(span)).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
