//! The `bandex` binary, for the tasks that talk to a running exchange from other languages.

use crate::{step, suite};
use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;

/// Tells scripts which binary to start; set beforehand, it names one that was built elsewhere.
pub const VARIABLE: &str = "BANDEX_BIN";

/// Builds the binary, unless [`VARIABLE`] names one; gives its path.
///
/// # Errors
/// It does not build, or cargo does not say where it builds to.
pub fn build() -> Result<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        eprintln!("==> the binary that {VARIABLE} names is used");
        return Ok(path.into());
    }
    suite::prepare()?;
    // Named through the workspace: with one package alone cargo would choose other features and build anew.
    step::run(&mut step::cargo(&["build", "--workspace", "--bin", "bandex"])?)?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .current_dir(step::root()?)
        .no_deps()
        .exec()
        .context("cannot ask cargo where it builds to")?;
    Ok(metadata.target_directory.join("debug/bandex").into_std_path_buf())
}
