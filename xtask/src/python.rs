//! Python for tasks: an environment of its own in target/python for each of them, with pinned packages.

use crate::{step, suite};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's packages of the interpreter and of what makes environments.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];
/// What an environment was made of stands in it under this name, so that it is made anew only when that changes.
const STAMP: &str = "made-of.txt";

/// The folder with the programs of environment `name`, which holds what the file `requirements` lists.
///
/// # Errors
/// Python is missing and could not be installed, or pip fails.
pub fn environment(name: &str, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = step::root()?.join("target/python").join(name);
    let programs = folder.join("bin");
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|made_of| made_of == wanted) {
        return Ok(programs);
    }
    prepare()?;
    step::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = Command::new(programs.join("pip"));
    step::run(
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}

/// Makes sure that environments can be made.
fn prepare() -> Result<()> {
    if makes_environments() {
        return Ok(());
    }
    if !suite::may_install() {
        bail!("Python 3 and its module venv are missing; {}", suite::advice(&PACKAGES));
    }
    eprintln!("==> installing {}", PACKAGES.join(" and "));
    step::run(Command::new("apt-get").arg("update"))?;
    suite::install(&PACKAGES)
}

/// Whether the interpreter is there, and pip for new environments, which Debian keeps in another package.
fn makes_environments() -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}
