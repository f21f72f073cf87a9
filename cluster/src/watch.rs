//! The shells that end what a cluster started, also when its owner was killed.
//!
//! Each reads from a pipe whose other end only the owner holds. The operating system closes that end when the owner
//! ends, however it ends, and the shell goes to work.

use crate::{POLL, User};
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Runs its arguments as the server, and sends it the signal whose name it reads, or QUIT when the pipe closes. It
/// ends when the server has. The server must not hold the pipe's reading end: an owner would wait for it.
pub(crate) const SERVER: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r signal || signal=QUIT; kill -s "$signal" "$server"; } <&3 &
reader=$!
exec 3<&-
wait "$server"
kill "$reader" 2>/dev/null
exit 0
"#;

/// Waits for the pipe to close and the server to end, at most ten seconds, then removes the folder; again if somebody
/// was still writing there.
const KEEPER: &str = r#"
read -r nothing
cd /
tries=0
while [ -e "$1/data/postmaster.pid" ] && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
until rm -rf -- "$1" || [ "$tries" -ge 200 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
"#;

/// How a server is told to end; see "Shutting Down the Server" in PostgreSQL's manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// In order, without waiting for clients.
    Fast,
    /// At once, leaving recovery to the next start.
    Immediate,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Fast => "INT",
            Self::Immediate => "QUIT",
        }
    }
}

/// Lets `command` run in `folder` as `user`, in a bare environment, out of reach of the terminal's interrupts.
pub(crate) fn confine(command: &mut Command, folder: &Path, user: Option<User>) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.current_dir(folder).env_clear().env("PATH", path).env("LC_ALL", "C").process_group(0);
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
}

/// A running server, or rather the shell above it.
#[derive(Debug)]
pub(crate) struct Server {
    shell: Child,
    /// None once a signal was sent.
    pipe: Option<ChildStdin>,
}

impl Server {
    /// Starts `shell`, which runs [`SERVER`]; what it and the server say goes to `log`.
    pub(crate) fn start(mut shell: Command, log: File) -> io::Result<Self> {
        shell.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let mut shell = shell.spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.shell.try_wait(), Ok(None))
    }

    /// Sends the signal and waits.
    ///
    /// # Errors
    /// It has not ended within `wait`; it will all the same when this is dropped, or is beyond help.
    pub(crate) fn end(mut self, signal: Signal, wait: Duration) -> io::Result<()> {
        if let Some(mut pipe) = self.pipe.take() {
            // A server that has ended by itself reads no more, which is as good.
            let _ = writeln!(pipe, "{}", signal.name());
        }
        self.wait(wait)
    }

    fn wait(&mut self, wait: Duration) -> io::Result<()> {
        let deadline = Instant::now() + wait;
        while self.shell.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "it does not end"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the pipe is the signal. Its end is waited for so that no process of ours is left behind unread.
        if self.pipe.take().is_some() {
            let _ = self.wait(Duration::from_secs(10));
        }
    }
}

/// Removes the cluster's folder when the owner drops it or ends.
#[derive(Debug)]
pub(crate) struct Keeper(Child);

impl Keeper {
    pub(crate) fn of(folder: &Path, user: Option<User>) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        confine(&mut shell, folder, user);
        shell.args(["-c", KEEPER, "keeper"]).arg(folder);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        shell.spawn().map(Self)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // `wait` closes the pipe first.
        let _ = self.0.wait();
    }
}
