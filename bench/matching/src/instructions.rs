//! Instructions a command, counted by valgrind's callgrind in the timed part alone.

use crate::workload::Workload;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, process};

/// What callgrind counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Timed commands.
    pub commands: u64,
    /// Instructions for them.
    pub instructions: u64,
}

impl Counted {
    /// Instructions a command, rounded down.
    pub fn a_command(self) -> u64 {
        self.instructions / self.commands.max(1)
    }
}

/// Runs this program once more, under callgrind, over a file; keeps what it found in `profile`.
///
/// # Errors
/// valgrind is not installed, or fails.
pub fn count(file: &Path, hints: bool, profile: Option<&Path>) -> Result<Counted> {
    let mut command = Command::new("valgrind");
    let output = profile.unwrap_or(Path::new("/dev/null"));
    command.args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*measured_part*"]);
    command.arg(format!("--callgrind-out-file={}", output.display()));
    command.arg(env::current_exe().context("this program has no path")?).arg("--count").arg(file);
    if !hints {
        command.arg("--no-hints");
    }
    let done = command
        .output()
        .context("cannot start valgrind; on Debian: `sudo apt-get install -y valgrind libc6-dbg`")?;
    let (said, printed) = (String::from_utf8_lossy(&done.stderr), String::from_utf8_lossy(&done.stdout));
    if !done.status.success() {
        bail!("valgrind ends with {}: {said}", done.status);
    }
    let commands = printed.trim().parse().with_context(|| format!("no number of commands: {printed}"))?;
    let instructions = collected(&said).with_context(|| format!("valgrind gives no count: {said}"))?;
    if instructions == 0 {
        bail!("valgrind did not see the timed part; was the program stripped of its symbols?");
    }
    Ok(Counted { commands, instructions })
}

/// The number in callgrind's line `==123== Collected : 456`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

/// A workload's file that goes when this goes.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Writes one to the system's folder for such files.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(workload: &Workload) -> Result<Self> {
        let file = Self { path: env::temp_dir().join(format!("bandex-workload-{}.bin", process::id())) };
        workload.write_file(&file.path).with_context(|| format!("cannot write {}", file.path.display()))?;
        Ok(file)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing is lost if it stays.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::{Kind, generate_with};

    #[test]
    fn the_count_is_in_its_line() {
        let check = |text: &str, count| assert_eq!(collected(text), count, "{text}");
        check("==7== Events    : Ir\n==7== Collected : 123456\n==7==\n", Some(123_456));
        check("==7== Collected :\n", None);
        check("nothing\n", None);
    }

    #[test]
    fn a_temporary_file_goes_with_its_owner() {
        let (workload, _) = generate_with(Kind::N1k, 10, 100, 1);
        let file = Temporary::write(&workload).expect("the folder takes files");
        let path = file.path().to_owned();
        assert_eq!(Workload::read_file(&path).expect("it is whole"), workload);
        drop(file);
        assert!(!path.exists());
    }
}
