//! A throw-away PostgreSQL server for tests: found, started on loopback, and ended with whoever started it.
//!
//! A [`Cluster`] is a real server with a data folder of its own. Nobody has to remember to end it: small shells beside
//! it ([`watch`]) notice when its owner is gone, even by a kill that runs no code, and then end it and remove the folder.
//! The standard library is enough for all of it, so that `xtask` builds in seconds.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod find;
mod shared;
mod watch;

pub use find::binaries;
pub use shared::{VARIABLE, database_url, shared};

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use watch::{Keeper, Server, Signal};

/// How long the server may take to accept connections, and to end.
const WAIT: Duration = Duration::from_secs(60);
/// How often is looked whether it does.
const POLL: Duration = Duration::from_millis(10);
/// How often another free port is tried when somebody else took the first meanwhile.
const PORTS_TRIED: u32 = 5;
/// How much of the log's end an error shows, in bytes.
const LOG_SHOWN_BYTES: usize = 4096;

/// Why a server could not be had.
#[derive(Debug)]
pub struct ClusterError(String);

impl ClusterError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn io(what: &str, error: &std::io::Error) -> Self {
        Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}

/// How the server is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether a commit is on disk when it is answered. Turn it off only where nothing about durability is shown.
    pub fsync: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { fsync: true }
    }
}

/// A PostgreSQL server of one's own. Dropping it ends it and removes all it stored.
#[derive(Debug)]
pub struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    port: u16,
    password: String,
    /// None while it is stopped.
    server: Option<Server>,
    /// Last, so that the folder goes after the server.
    _keeper: Keeper,
}

/// Who the server runs as when we are root, as which PostgreSQL refuses to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

impl Cluster {
    /// Makes a data folder and starts a server on it that syncs each commit to disk.
    ///
    /// # Errors
    /// As [`Cluster::start_with`].
    pub fn start() -> Result<Self, ClusterError> {
        Self::start_with(Settings::default())
    }

    /// Makes a data folder and starts a server on it; it accepts connections on 127.0.0.1 when this returns.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start within a minute; the end of its log is shown.
    pub fn start_with(settings: Settings) -> Result<Self, ClusterError> {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same with the data below another folder than the system's temporary one, which the server's user must be
    /// able to enter.
    ///
    /// # Errors
    /// As [`Cluster::start_with`].
    pub fn start_in(base: &Path, settings: Settings) -> Result<Self, ClusterError> {
        let binaries = find::binaries()?;
        let user = find::unprivileged_user()?;
        let folder = make_folder(base, user)?;
        let keeper = Keeper::of(&folder, user).map_err(|error| ClusterError::io("a shell", &error))?;
        let password = random_text()?;
        let mut cluster = Self { binaries, folder, user, port: 0, password, server: None, _keeper: keeper };
        cluster.make_data(settings)?;
        for tried in 1..=PORTS_TRIED {
            cluster.port = free_port()?;
            match cluster.start_again() {
                Err(error) if tried < PORTS_TRIED && error.0.contains("could not bind") => {}
                other => return other.map(|()| cluster),
            }
        }
        Err(ClusterError::new("no port of 127.0.0.1 stays free long enough"))
    }

    /// The address of one of its databases, with the password of its superuser. `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://postgres:{password}@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// The port on 127.0.0.1; the same for as long as it lives.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server in order: connections are cut, transactions rolled back, and all is on disk.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub fn stop(&mut self) -> Result<(), ClusterError> {
        self.end(Signal::Fast)
    }

    /// Stops the server at once, as a power cut would: the next start has to recover from its log.
    ///
    /// # Errors
    /// It does not end within a minute.
    pub fn crash(&mut self) -> Result<(), ClusterError> {
        self.end(Signal::Immediate)
    }

    fn end(&mut self, signal: Signal) -> Result<(), ClusterError> {
        match self.server.take().map(|server| server.end(signal, WAIT)) {
            Some(Err(error)) => Err(ClusterError::new(format!("the server: {error}{}", self.log_end()))),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Starts the stopped server on the same data and the same port; nothing if it runs.
    ///
    /// # Errors
    /// It does not start within a minute; the end of its log is shown.
    pub fn start_again(&mut self) -> Result<(), ClusterError> {
        if self.server.is_some() {
            return Ok(());
        }
        let port = self.port.to_string();
        let mut server = self.command("sh");
        server.args(["-c", watch::SERVER, "server"]);
        server.arg(self.binaries.join("postgres")).args(["-D", "data", "-p", &port]);
        let log = self.log().map_err(|error| ClusterError::io("the log", &error))?;
        let mut server =
            Server::start(server, log).map_err(|error| ClusterError::io("the server", &error))?;
        let deadline = Instant::now() + WAIT;
        while !self.is_ready() {
            if server.has_ended() || Instant::now() > deadline {
                return Err(ClusterError::new(format!("the server does not start{}", self.log_end())));
            }
            std::thread::sleep(POLL);
        }
        self.server = Some(server);
        Ok(())
    }

    /// Whether the server accepts connections: it says so in the last line of its lock file, see
    /// `src/include/utils/pidfile.h` of PostgreSQL.
    fn is_ready(&self) -> bool {
        let text = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap_or_default();
        text.lines().nth(7).is_some_and(|status| status.trim_end() == "ready")
    }

    fn make_data(&self, settings: Settings) -> Result<(), ClusterError> {
        let failed = |error: std::io::Error| ClusterError::io("the data folder", &error);
        let password_file = self.folder.join("password");
        self.write(&password_file, &self.password).map_err(failed)?;
        let mut initdb = self.command(self.binaries.join("initdb"));
        initdb.args(["-D", "data", "-U", "postgres", "--pwfile=password", "--auth=scram-sha-256"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.stdin(process::Stdio::null());
        let log = self.log().map_err(failed)?;
        initdb.stdout(log.try_clone().map_err(failed)?).stderr(log);
        let status = initdb.status().map_err(failed)?;
        if !status.success() {
            return Err(ClusterError::new(format!("initdb: {status}{}", self.log_end())));
        }
        fs::remove_file(&password_file).map_err(failed)?;
        let mut settings_file =
            OpenOptions::new().append(true).open(self.folder.join("data/postgresql.conf")).map_err(failed)?;
        settings_file.write_all(self.settings(settings).as_bytes()).map_err(failed)
    }

    fn settings(&self, settings: Settings) -> String {
        let on_or_off = if settings.fsync { "on" } else { "off" };
        let folder = self.folder.display();
        format!(
            "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nfsync = {on_or_off}\n\
             shared_buffers = 32MB\nmax_connections = 200\nlogging_collector = off\njit = off\n"
        )
    }

    /// A command as the server's user, in its folder, in a bare environment: variables like `PGPORT` must not reach it.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        watch::confine(&mut command, &self.folder, self.user);
        command
    }

    /// Writes a file that only the server's user reads.
    fn write(&self, path: &Path, text: &str) -> std::io::Result<()> {
        File::create_new(path)?.write_all(text.as_bytes())?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        give(path, self.user)
    }

    fn log(&self) -> std::io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.folder.join("log"))
    }

    /// The end of the log, to stand behind an error.
    fn log_end(&self) -> String {
        let bytes = fs::read(self.folder.join("log")).unwrap_or_default();
        let (_, end) = bytes.split_at(bytes.len().saturating_sub(LOG_SHOWN_BYTES));
        format!("; its log ends:\n{}", String::from_utf8_lossy(end))
    }
}

/// A new folder in `base`, for the server's user only.
fn make_folder(base: &Path, user: Option<User>) -> Result<PathBuf, ClusterError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = base.join(format!("bandex-postgres-{}-{number}", process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder).and_then(|()| give(&folder, user)) {
            Ok(()) => return Ok(folder),
            // One that an earlier process with our number left behind.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(ClusterError::io(&folder.display().to_string(), &error)),
        }
    }
}

fn give(path: &Path, user: Option<User>) -> std::io::Result<()> {
    user.map_or(Ok(()), |user| chown(path, Some(user.uid), Some(user.gid)))
}

/// A port that is free now; somebody may take it before the server does.
fn free_port() -> Result<u16, ClusterError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| ClusterError::io("127.0.0.1", &error))
}

/// 32 hexadecimal digits that nobody guesses.
fn random_text() -> Result<String, ClusterError> {
    let mut bytes = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| ClusterError::io("/dev/urandom", &error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
