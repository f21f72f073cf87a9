//! The server as a process of its own, and what can be seen of it from outside.

use anyhow::{Context, Result, bail, ensure};
use bandex_exchange::{Config, EdgeOptions, Exchange};
use bandex_flow as flow;
use bandex_sdk::tradechain::body::{Change, Parameters};
use bandex_sdk::types::Amount;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// So long that no deadline passes: a thousand years.
const NEVER_US: u64 = 1_000 * 365 * 24 * 3_600 * 1_000_000;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What the server says when it is ready.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    address: SocketAddr,
    admin_address: SocketAddr,
    metrics_address: SocketAddr,
    admin_token: String,
}

/// Lets this process have as many descriptors as the system allows it.
pub fn raise_descriptors() -> Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).context("the limit of descriptors")
}

/// Runs an exchange in `folder` until the standard input ends.
pub async fn serve(folder: PathBuf) -> Result<()> {
    let assets = flow::assets().into_iter().map(Change::ListAsset);
    let rest = [
        Change::ListMarket(flow::market_listing(NEVER_US, NEVER_US)),
        Change::SetParameters(Parameters {
            share_ppm: 1_000_000,
            bid_multiple: u32::MAX,
            ..Parameters::default()
        }),
    ];
    let metrics_listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let config = Config {
        issuance_cap: Amount::MAX,
        first_changes: assets.chain(rest).collect(),
        edge: EdgeOptions { metrics_listen, ..EdgeOptions::default() },
        ..Config::new(folder)
    };
    let exchange = Exchange::start(config).await?;
    let ready = Ready {
        address: exchange.address(),
        admin_address: exchange.admin_address(),
        metrics_address: exchange.metrics_address().context("metrics are served")?,
        admin_token: exchange.admin_token().to_owned(),
    };
    println!("{}", serde_json::to_string(&ready)?);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    exchange.stop().await;
    Ok(())
}

/// Samples by name and labels: numbers, and sums of seconds as numbers of microseconds.
#[derive(Debug, Clone, Default)]
pub struct Metrics(BTreeMap<String, u64>);

impl Metrics {
    /// A whole number, 0 if it is not there.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// All samples of a name, by label.
    pub fn by_label(&self, name: &str) -> BTreeMap<String, u64> {
        let labelled = self.0.iter().filter_map(|(sample, value)| {
            let label = sample.strip_prefix(name)?.strip_prefix('{')?.split('"').nth(1)?;
            Some((label.to_owned(), *value))
        });
        labelled.collect()
    }
}

/// The server, from outside.
pub struct ServerProcess {
    child: Child,
    ready: Ready,
    http: reqwest::Client,
    _folder: TempDir,
}

impl ServerProcess {
    /// Starts it and waits until it serves.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server cannot be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let line = lines.next_line().await?.context("the server ended")?;
        let ready = serde_json::from_str(&line).with_context(|| format!("the server said {line:?}"))?;
        Ok(Self { child, ready, http: reqwest::Client::new(), _folder: folder })
    }

    /// Where traders connect.
    pub const fn address(&self) -> SocketAddr {
        self.ready.address
    }

    /// The same for HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.ready.address)
    }

    /// Decides as the operator.
    pub async fn configure(&self, changes: &[Change]) -> Result<()> {
        let url = format!("http://{}/admin/v1/configure", self.ready.admin_address);
        let body = json!({ "changes": changes });
        let answer = self.http.post(url).bearer_auth(&self.ready.admin_token).json(&body).send().await?;
        let reply: Value = answer.error_for_status()?.json().await?;
        let operations = reply["operations"].as_array().context("operations")?;
        ensure!(operations.iter().all(|operation| operation["ok"] == json!(true)), "refused: {reply}");
        Ok(())
    }

    /// What it counts about itself.
    pub async fn metrics(&self) -> Result<Metrics> {
        let url = format!("http://{}/metrics", self.ready.metrics_address);
        let text = self.http.get(url).send().await?.error_for_status()?.text().await?;
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let number = value.parse().ok().or_else(|| micros(value))?;
            Some((name.to_owned(), number))
        });
        Ok(Metrics(samples.collect()))
    }

    /// Waits until the metrics are so.
    pub async fn until(
        &self,
        what: &str,
        patience: Duration,
        holds: impl Fn(&Metrics) -> bool,
    ) -> Result<()> {
        let begun = Instant::now();
        while !holds(&self.metrics().await?) {
            if begun.elapsed() > patience {
                bail!("waited too long until {what}");
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// What it holds in memory, in bytes.
    pub fn memory(&self) -> Result<u64> {
        memory_of(self.child.id().context("the server ended")?)
    }

    /// Looks at its memory from now on.
    pub fn watch_memory(&self) -> MemoryWatch {
        let (stop, mut stopped) = oneshot::channel();
        let process = self.child.id();
        let watching = tokio::spawn(async move {
            let mut most = 0;
            loop {
                most = most.max(memory_of(process.context("the server ended")?)?);
                if tokio::time::timeout(LOOK, &mut stopped).await.is_ok() {
                    return Ok(most);
                }
            }
        });
        MemoryWatch { stop, watching }
    }

    /// Stops it in order.
    pub async fn stop(&mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let ended = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
        ensure!(ended.context("the server does not end")??.success(), "the server ended badly");
        Ok(())
    }
}

/// Looks at a process's memory until it is told to stop.
pub struct MemoryWatch {
    stop: oneshot::Sender<()>,
    watching: JoinHandle<Result<u64>>,
}

impl MemoryWatch {
    /// The most that was seen, in bytes.
    pub async fn stop(self) -> Result<u64> {
        let _ = self.stop.send(());
        self.watching.await?
    }
}

/// Seconds with a point, as whole microseconds.
fn micros(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.')?;
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    Some(whole.parse::<u64>().ok()? * 1_000_000 + fraction.parse::<u64>().ok()?)
}

/// The resident memory of a process, in bytes (proc_pid_status(5)).
fn memory_of(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1_024)
}
