//! `cargo xtask layers`: the architecture as a check, not a promise.
//!
//! Each check is a function of plain data to findings; only this file reads the disk and asks cargo. A finding says
//! where, what, and what to do instead.

mod arrows;
mod lexer;
mod runtime;
mod shape;
mod source;
mod workspace;

use crate::step::{root, step};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// A source file of the workspace.
struct SourceFile {
    /// Its path from the workspace's folder, with `/` between folders.
    path: String,
    text: String,
}

/// Runs every check and prints all findings, not only the first.
///
/// # Errors
/// A check found something, cargo cannot describe the workspace, or a file cannot be read.
pub fn run() -> Result<()> {
    step("layers", || {
        let root = root()?;
        let workspace = workspace::read(root)?;
        let files = rust_files(root)?;
        let mut findings = arrows::check(&workspace.crates);
        findings.extend(runtime::check(&workspace));
        findings.extend(source::check(&files));
        findings.extend(shape::check_files(&files));
        findings.extend(shape::check_places(root));
        for finding in &findings {
            eprintln!("layers: {finding}");
        }
        if !findings.is_empty() {
            bail!("{} findings; the tables are in xtask/src/layers/", findings.len());
        }
        println!("layers: {} crates and {} source files hold", workspace.crates.len(), files.len());
        Ok(())
    })
}

/// All `.rs` files under `root` in the order of their paths, without build products and hidden folders.
fn rust_files(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let left_out = name.starts_with('.') || name == "target" || (folder == root && name == "tmp");
            if left_out {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() && name.ends_with(".rs") {
                let text =
                    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let inner = path.strip_prefix(root)?.components();
                let words: Vec<_> = inner.map(|part| part.as_os_str().to_string_lossy()).collect();
                files.push(SourceFile { path: words.join("/"), text });
            }
        }
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_finds_this_file_by_its_short_path() {
        let files = rust_files(root().expect("xtask has a parent")).expect("the workspace is readable");
        let found = files.iter().find(|file| file.path == "xtask/src/layers/mod.rs").expect("this file");
        assert_eq!(found.text, include_str!("mod.rs"));
        assert!(files.iter().all(|file| !file.path.starts_with("target/")));
    }
}
