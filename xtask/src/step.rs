//! Steps: each says what it does, how long it took, and whether it failed.
//!
//! These lines go to stderr, so that stdout is what the commands themselves wrote.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// The folder of the workspace.
///
/// # Errors
/// This crate does not lie in a folder of the workspace.
pub fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask must be a folder of the workspace")
}

/// Does `work` between two lines that name it; the second has the duration.
///
/// # Errors
/// The error of `work`, with the step's name.
pub fn step<T>(title: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("==> {title}");
    let started = Instant::now();
    let result = work();
    let outcome = if result.is_ok() { "done in" } else { "FAILED after" };
    eprintln!("==> {title}: {outcome} {}", seconds(started.elapsed()));
    result.with_context(|| format!("`{title}` failed"))
}

/// Runs `command` as a step named by its own words.
///
/// # Errors
/// It cannot be started, or ends with another code than 0.
pub fn run(command: &mut Command) -> Result<()> {
    step(&words(command), || {
        let status = command.status().with_context(|| format!("cannot start `{}`", words(command)))?;
        if !status.success() {
            bail!("{status}");
        }
        Ok(())
    })
}

/// `cargo` with `args`, in the workspace's folder.
///
/// # Errors
/// As [`root`].
pub fn cargo(args: &[&str]) -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root()?);
    // `cargo run` describes this package to us in the environment. Build scripts that watch those variables would
    // take them for a change and build again what an ordinary `cargo build` has built.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    Ok(command)
}

/// The program's name without its folder, and its arguments.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name.to_string_lossy()).chain(args).collect::<Vec<_>>().join(" ")
}

/// A duration to a tenth of a second.
fn seconds(duration: Duration) -> String {
    format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_cut_to_tenths() {
        let check = |millis, text: &str| assert_eq!(seconds(Duration::from_millis(millis)), text);
        check(0, "0.0 s");
        check(99, "0.0 s");
        check(1_250, "1.2 s");
        check(61_999, "61.9 s");
    }

    #[test]
    fn a_failed_command_says_which_and_how() {
        let error = run(Command::new("sh").args(["-c", "exit 3"])).expect_err("it exits with 3");
        let text = format!("{error:#}");
        assert!(text.contains("`sh -c exit 3` failed") && text.contains('3'), "{text}");
        let error = run(&mut Command::new("/no/such/program")).expect_err("there is no such program");
        assert!(format!("{error:#}").contains("cannot start `program`"), "{error:#}");
        assert!(run(Command::new("sh").args(["-c", "exit 0"])).is_ok());
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().expect("xtask has a parent").join("Cargo.toml").is_file());
    }
}
