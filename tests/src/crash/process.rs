//! The server as a process of its own, to be killed without warning.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Runs its arguments, and sends them the signal whose name it reads, or KILL when the pipe closes: the operating system
/// closes it when whoever started the server is gone, however that came. It ends as the server did.
const GUARD: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r signal || signal=KILL; kill -s "$signal" "$server"; } <&3 2>/dev/null &
reader=$!
exec 3<&-
wait "$server"
status=$?
kill "$reader" 2>/dev/null
exit "$status"
"#;
/// How a shell ends whose child was ended by SIGKILL.
const KILLED: i32 = 128 + 9;
/// How often is looked whether a process has ended.
const POLL: Duration = Duration::from_millis(1);

/// A running server under the shell that guards it. Dropping it kills the server.
#[derive(Debug)]
pub struct ServerProcess {
    guard: Child,
    pipe: Option<ChildStdin>,
}

impl ServerProcess {
    /// Runs `program` with `args`, a bare environment with `variables`, and what it says at the end of the file `log`.
    ///
    /// # Panics
    /// The shell does not start.
    pub fn start(program: &Path, args: &[String], variables: &[(&str, &str)], log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(program).args(args);
        // A group of its own keeps a terminal's interrupt away: the guard alone ends the server.
        command.env_clear().env("PATH", path).envs(variables.iter().copied()).process_group(0);
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut guard = command.spawn().unwrap();
        let pipe = guard.stdin.take();
        Self { guard, pipe }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().unwrap()
    }

    /// Kills it with SIGKILL and waits for its end.
    ///
    /// # Panics
    /// It had ended by itself.
    pub async fn kill(self) {
        let status = self.end("KILL").await;
        assert_eq!(status.code(), Some(KILLED), "the server had ended by itself: {status}");
    }

    /// Asks it to end in order.
    ///
    /// # Panics
    /// It fails.
    pub async fn stop(self) {
        let status = self.end("TERM").await;
        assert!(status.success(), "the server ended badly: {status}");
    }

    async fn end(mut self, signal: &str) -> ExitStatus {
        if let Some(mut pipe) = self.pipe.take() {
            // A guard whose server has ended reads no more.
            let _ = writeln!(pipe, "{signal}");
        }
        self.wait().await
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// It does not within half a minute.
    pub async fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            tokio::time::sleep(POLL).await;
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.pipe.take().is_some() {
            let _ = self.guard.wait();
        }
    }
}
