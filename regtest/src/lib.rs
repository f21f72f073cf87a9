//! A regtest Bitcoin node for tests and the demo: found or built, started on loopback, and ended with whoever started it.
//!
//! The program is `tests/regtest-node`, a workspace of its own because it takes minutes to build. A [`Node`] ends when it
//! is dropped; it also ends by itself when its owner is gone, even by a kill that runs no code, because its standard
//! input closes then. Tests run on somebody else's node instead where [`URL`] names one.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod program;

pub use program::PROGRAM;

use serde::Deserialize;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The environment variable with the address of a real bitcoind on regtest, as `http://127.0.0.1:18443`.
pub const URL: &str = "BANDEX_TEST_BITCOIND_URL";
/// The environment variable with the path of that node's cookie file.
pub const COOKIE: &str = "BANDEX_TEST_BITCOIND_COOKIE";

/// How long a node may take to be ready, and to end.
const WAIT: Duration = Duration::from_secs(60);
/// How often is looked whether it ended.
const POLL: Duration = Duration::from_millis(10);

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub enum RegtestError {
    /// The program is not there and cannot be built.
    #[error("the regtest node cannot be built: {0}")]
    Build(String),
    /// It does not start.
    #[error("the regtest node {}: {error}", program.display())]
    Start {
        /// Which program.
        program: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// It started and did not say that it is ready.
    #[error("the regtest node {} is not ready: {what}", program.display())]
    NotReady {
        /// Which program.
        program: PathBuf,
        /// What it said or did instead.
        what: String,
    },
    /// A variable of the environment is missing or wrong.
    #[error("{URL} is set, so {COOKIE} has to name that node's cookie file")]
    NoCookie,
}

/// How a node is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Its network as Bitcoin Core calls it; regtest if none is said. Others have their first block alone.
    pub network: Option<String>,
    /// Whether blocks can be pruned, and how many at the end never are.
    pub prune_keep_blocks: Option<u32>,
    /// Where it keeps its data. A folder of its own that goes with it, if none is said.
    pub folder: Option<PathBuf>,
    /// Its port; any that is free, if none is said.
    pub port: Option<u16>,
}

/// A node that can be asked.
#[derive(Debug)]
pub struct Node {
    url: String,
    cookie: PathBuf,
    /// None if it is somebody else's, or while it is stopped.
    running: Option<Running>,
    /// None if it is somebody else's.
    own: Option<Own>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// The node ends when this closes.
    input: Option<ChildStdin>,
}

#[derive(Debug)]
struct Own {
    settings: Settings,
    folder: PathBuf,
    port: u16,
    /// Removes the folder in the end.
    _temporary: Option<TempDir>,
}

/// What the program prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    port: u16,
    cookie: PathBuf,
}

impl Node {
    /// The node that [`URL`] names, or one of our own. For tests that run on either.
    ///
    /// # Errors
    /// There is no cookie for it, or as [`Node::start`].
    pub fn any() -> Result<Self, RegtestError> {
        let Ok(url) = env::var(URL) else { return Self::start(Settings::default()) };
        let cookie = env::var_os(COOKIE).ok_or(RegtestError::NoCookie)?;
        Ok(Self { url, cookie: cookie.into(), running: None, own: None })
    }

    /// Starts a node of our own and waits until it can be asked. The first time the program may have to be built, which
    /// takes minutes.
    ///
    /// # Errors
    /// It cannot be built or started, or is not ready in time.
    pub fn start(settings: Settings) -> Result<Self, RegtestError> {
        let program = program::find()?;
        let failed = |error| RegtestError::Start { program: program.clone(), error };
        let (folder, temporary) = match &settings.folder {
            Some(folder) => (folder.clone(), None),
            None => {
                let temporary = tempfile::tempdir().map_err(failed)?;
                (temporary.path().to_path_buf(), Some(temporary))
            }
        };
        let (running, ready) = launch(&program, &settings, &folder, settings.port.unwrap_or(0))?;
        let own = Own { settings, folder, port: ready.port, _temporary: temporary };
        Ok(Self { url: url(ready.port), cookie: ready.cookie, running: Some(running), own: Some(own) })
    }

    /// Where it is asked, as `http://127.0.0.1:18443`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its cookie file. What is in it changes with each start.
    pub fn cookie(&self) -> &Path {
        &self.cookie
    }

    /// Whether we started it, so that it can be stopped and started again.
    pub const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Ends it in order and waits until it is gone. Nothing happens to somebody else's node.
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.end();
        }
    }

    /// Ends it as a power cut would. Nothing happens to somebody else's node.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Starts it again on its data and its port, after [`Node::stop`] or [`Node::kill`].
    ///
    /// # Errors
    /// As [`Node::start`]. Nothing happens to a node that runs, or that is somebody else's.
    pub fn start_again(&mut self) -> Result<(), RegtestError> {
        let Some(own) = self.own.as_ref().filter(|_| self.running.is_none()) else { return Ok(()) };
        let (running, ready) = launch(&program::find()?, &own.settings, &own.folder, own.port)?;
        (self.running, self.cookie) = (Some(running), ready.cookie);
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    fn end(&mut self) {
        drop(self.input.take());
        let until = Instant::now() + WAIT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                return self.kill();
            }
            thread::sleep(POLL);
        }
    }

    fn kill(&mut self) {
        // Whoever is gone already needs no kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

fn launch(
    program: &Path,
    settings: &Settings,
    folder: &Path,
    port: u16,
) -> Result<(Running, Ready), RegtestError> {
    let mut command = Command::new(program);
    command.arg("--end-with-stdin").arg("--datadir").arg(folder).arg("--port").arg(port.to_string());
    if let Some(network) = &settings.network {
        command.arg("--network").arg(network);
    }
    if let Some(blocks) = settings.prune_keep_blocks {
        command.arg("--prune").arg("--prune-keep-blocks").arg(blocks.to_string());
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child =
        command.spawn().map_err(|error| RegtestError::Start { program: program.to_path_buf(), error })?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let running = Running { child, input };
    let not_ready = |what: String| RegtestError::NotReady { program: program.to_path_buf(), what };
    let (sender, receiver) = mpsc::channel();
    // It ends with the node, whose output closes then.
    thread::spawn(move || {
        let mut line = String::new();
        let read = output.map(|output| BufReader::new(output).read_line(&mut line));
        // Nobody listens any more if it took too long.
        let _ = sender.send((read, line));
    });
    let (_, line) = receiver.recv_timeout(WAIT).map_err(|_| not_ready(format!("silent for {WAIT:?}")))?;
    let ready =
        serde_json::from_str(&line).map_err(|error| not_ready(format!("it says {line:?}: {error}")))?;
    Ok((running, ready))
}
