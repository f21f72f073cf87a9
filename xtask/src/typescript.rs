//! `cargo xtask typescript`: the types and the signer in sdk/typescript, held to openapi.json, to the golden vectors
//! and to a running exchange.

use crate::{binary, step, suite};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The package's folder.
const FOLDER: &str = "sdk/typescript";
/// Debian's packages of Node and of its package manager.
const PACKAGES: [&str; 2] = ["nodejs", "npm"];
/// The least version of Node, whose test runner takes a folder.
const LEAST_MAJOR: u32 = 20;

/// Installs what the package's lock file pins, then checks, compiles and tests it.
///
/// # Errors
/// Node is missing and could not be installed, the generated types are not what openapi.json says, the code does not
/// compile, or a test fails.
pub fn run() -> Result<()> {
    step::step("typescript", || {
        prepare()?;
        step::run(npm(&["ci", "--no-audit", "--no-fund"])?.env("npm_config_loglevel", "error"))?;
        step::run(&mut npm(&["run", "generate:check"])?)
            .context("`npm run generate` in sdk/typescript mends this")?;
        step::run(&mut npm(&["run", "build"])?)?;
        step::run(npm(&["test"])?.env(binary::VARIABLE, binary::build()?))
    })
}

/// npm in the package's folder.
fn npm(args: &[&str]) -> Result<Command> {
    let folder: PathBuf = step::root()?.join(FOLDER);
    let mut command = Command::new("npm");
    command.args(args).current_dir(folder);
    Ok(command)
}

/// Makes sure that Node and npm are there.
fn prepare() -> Result<()> {
    if is_new_enough(&version("node")) && !version("npm").is_empty() {
        return Ok(());
    }
    if !suite::may_install() {
        bail!("sdk/typescript needs Node {LEAST_MAJOR} or newer and npm; {}", suite::advice(&PACKAGES));
    }
    eprintln!("==> installing {} for sdk/typescript", PACKAGES.join(" and "));
    step::run(Command::new("apt-get").arg("update"))?;
    suite::install(&PACKAGES)?;
    let found = version("node");
    if !is_new_enough(&found) {
        bail!(
            "sdk/typescript needs Node {LEAST_MAJOR} or newer; Debian's package is `{found}`, so install another"
        );
    }
    Ok(())
}

/// What a program says of its version; empty if it is not there.
fn version(program: &str) -> String {
    let asked = Command::new(program).arg("--version").output();
    asked.ok().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

/// Whether that is what Node says of its version, and recent enough.
fn is_new_enough(version: &str) -> bool {
    let major = version.strip_prefix('v').and_then(|rest| rest.split('.').next());
    major.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= LEAST_MAJOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_does_not_do() {
        let check = |version: &str, enough: bool| assert_eq!(is_new_enough(version), enough, "{version}");
        check("v20.20.2", true);
        check("v24.0.0", true);
        check("v18.19.1", false);
        check("20.0.0", false);
        check("", false);
        assert_eq!(version("no-such-program"), "");
    }
}
