//! `cargo xtask python`, and Python for other tasks: an environment of its own in target/python for each of them, with
//! pinned packages.

use crate::{binary, step, suite};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Debian's packages of the interpreter and of what makes environments.
const PACKAGES: [&str; 2] = ["python3", "python3-venv"];
/// The environment of the package's own tests.
const ENVIRONMENT: &str = "venv";
/// What an environment was made of stands in it under this name, so that it is made anew only when that changes.
const STAMP: &str = "made-of.txt";

/// The Python package.
const PACKAGE: &str = "sdk/python";

/// Installs the Python package as a user does, checks its types and those of its examples, and runs its tests against a
/// real exchange.
///
/// # Errors
/// Something is missing or does not build, or a test failed.
pub fn run() -> Result<()> {
    step::step("python", || {
        let package = step::root()?.join(PACKAGE);
        let exchange = binary::build()?;
        let programs = ready()?;
        step::run(Command::new(programs.join("mypy")).current_dir(&package))?;
        hold_stubs(&programs)?;
        let mut tests = Command::new(programs.join("pytest"));
        tests.args(["--quiet", "-p", "no:cacheprovider"]).current_dir(&package);
        step::run(tests.env(binary::VARIABLE, &exchange))
    })
}

/// Holds the types of what is built in Rust to what was built: no type checker sees into it, so they are written by hand.
fn hold_stubs(programs: &Path) -> Result<()> {
    let mut stubtest = Command::new(programs.join("stubtest"));
    // Where types are marked so, which only very new Python versions tell apart, says nothing to whoever uses them.
    stubtest.args(["bandex._core", "--concise", "--ignore-disjoint-bases"]);
    // Outside of the sources, so that the installed package is what is looked at.
    step::run(stubtest.current_dir(programs))
}

/// Installs the Python package into the environment with these programs, as a user does.
///
/// # Errors
/// It does not build.
pub fn install(programs: &Path) -> Result<()> {
    let mut pip = Command::new(programs.join("pip"));
    // The profile of all other tests, so that what they have built need not be built again.
    pip.env("MATURIN_PEP517_ARGS", "--profile dev");
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).arg(step::root()?.join(PACKAGE));
    step::run(&mut pip)
}

/// The environment of the package's own tests, with the package in it; gives the folder with its programs.
///
/// # Errors
/// Something is missing or does not build.
pub fn ready() -> Result<PathBuf> {
    let programs = environment(ENVIRONMENT, &step::root()?.join(PACKAGE).join("requirements-test.txt"))?;
    install(&programs)?;
    Ok(programs)
}

/// The interpreter of that environment if the package was installed there before.
///
/// # Errors
/// The workspace cannot be found.
pub fn installed() -> Result<Option<PathBuf>> {
    let python = step::root()?.join("target/python").join(ENVIRONMENT).join("bin/python");
    let imports = || suite::accepts(Command::new(&python).args(["-c", "import bandex"]), "").unwrap_or(false);
    Ok((python.exists() && imports()).then_some(python))
}

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
