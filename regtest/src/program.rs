//! Where the node's program is; built if it is nowhere.

use crate::RegtestError;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable with the path of a node's program, to be used instead of the one in the source tree.
pub const PROGRAM: &str = "BANDEX_REGTEST_NODE";

/// The program's name.
const NAME: &str = "bandex-regtest-node";

/// The program that [`PROGRAM`] names, or the one built last in the source tree, or one that is built now.
pub fn find() -> Result<PathBuf, RegtestError> {
    if let Some(path) = env::var_os(PROGRAM) {
        return Ok(path.into());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/regtest-node");
    if let Some(built) = built(&workspace) {
        return Ok(built);
    }
    build(&workspace)?;
    built(&workspace)
        .ok_or_else(|| RegtestError::Build("cargo succeeded, but the program is not there".to_owned()))
}

/// The newer of the two builds.
fn built(workspace: &Path) -> Option<PathBuf> {
    let builds = ["release", "debug"].map(|profile| workspace.join("target").join(profile).join(NAME));
    let dated = builds.into_iter().filter_map(|path| {
        let modified = path.metadata().and_then(|about| about.modified()).ok()?;
        Some((modified, path))
    });
    dated.max().map(|(_, path)| path)
}

/// Several processes may come here at once: cargo lets one build, and the others wait for it.
fn build(workspace: &Path) -> Result<(), RegtestError> {
    let manifest = workspace.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(RegtestError::Build(format!(
            "there is no {}; {PROGRAM} may name a program",
            manifest.display()
        )));
    }
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg("build").arg("--manifest-path").arg(&manifest);
    command.arg("--target-dir").arg(workspace.join("target"));
    let status = command.status().map_err(|error| RegtestError::Build(error.to_string()))?;
    if status.success() {
        Ok(())
    } else {
        Err(RegtestError::Build(format!(
            "cargo ended with {status}; it needs a C++ compiler, cmake and libboost-dev"
        )))
    }
}
