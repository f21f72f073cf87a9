//! A maker as a program of its own.

use bandex_sdk::tradechain::Keypair;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often is looked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// The file whose appearance ends all makers of a folder.
const END: &str = "end";

/// A maker that runs. It is killed with this value.
#[derive(Debug)]
pub struct Program {
    child: Child,
    name: String,
    json: PathBuf,
    log: PathBuf,
}

/// Tells all makers of a folder that it is over.
///
/// # Panics
/// The folder cannot be written to.
pub fn end(folder: &Path) {
    fs::write(folder.join(END), "").unwrap();
}

impl Program {
    /// Starts a maker with a key. What it says goes to a file.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(folder: &Path, name: &str, keypair: &Keypair, url: &str, command: &[String]) -> Self {
        let key = folder.join(format!("{name}.key"));
        fs::write(&key, hex::encode(keypair.seed())).unwrap();
        let (json, log) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.log")));
        let (program, words) = command.split_first().expect("a command has a program");
        let mut command = Command::new(program);
        command.args(words).arg("--url").arg(url).arg("--key").arg(&key).arg("--json").arg(&json);
        command.arg("--until-file").arg(folder.join(END));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        Self { child, name: name.to_owned(), json, log }
    }

    fn said(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Checks that it has not ended.
    ///
    /// # Panics
    /// It has.
    pub fn must_run(&mut self) {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("the {} maker ended by itself: {status}\n{}", self.name, self.said());
        }
    }

    /// Waits for its end, and gives what it reports.
    ///
    /// # Panics
    /// It takes longer than `patience`, fails, or reports nothing.
    pub async fn report(mut self, patience: Duration) -> Value {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < patience, "the {} maker does not end\n{}", self.name, self.said());
            tokio::time::sleep(POLL).await;
        };
        assert!(status.success(), "the {} maker failed: {status}\n{}", self.name, self.said());
        serde_json::from_str(&fs::read_to_string(&self.json).unwrap()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has mostly ended by itself; there is nobody left to tell anyway.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
