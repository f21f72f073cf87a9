//! What cargo knows of the workspace, cut down to what the checks ask: crates, their direct uses, the resolved graph.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::BTreeMap;
use std::path::Path;

/// In which builds a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In the crate itself, or in its build script.
    Shipped,
    /// In tests, examples and benchmarks only.
    Dev,
}

/// One line of a crate's manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The short name of a crate of the workspace, or the package's name of any other.
    pub name: String,
    /// Whether it is a crate of this workspace.
    pub ours: bool,
    /// In which builds.
    pub kind: Kind,
}

/// A crate of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crate {
    /// Its short name: the package's without `bandex-`.
    pub name: String,
    /// What its manifest names.
    pub uses: Vec<Use>,
}

/// A package of the resolved graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// As [`Use::name`].
    pub name: String,
    /// The ids of the packages it is built with, dev-dependencies left out.
    pub uses: Vec<String>,
}

/// The workspace as cargo resolves it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Workspace {
    /// Its own crates.
    pub crates: Vec<Crate>,
    /// Every package by its id, its own crates and all others.
    pub graph: BTreeMap<String, Node>,
    /// The ids of its own crates by short name.
    pub ids: BTreeMap<String, String>,
}

/// Asks cargo, in the locked versions and for the platform this runs on.
///
/// # Errors
/// Cargo.lock is not up to date, or cargo fails otherwise.
pub fn read(root: &Path) -> Result<Workspace> {
    let options = ["--locked", "--filter-platform", "host-tuple"];
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(options.map(str::to_owned))
        .exec()
        .context("cargo metadata --locked")?;
    reduce(&metadata)
}

fn short(name: &str) -> String {
    name.strip_prefix("bandex-").unwrap_or(name).to_owned()
}

fn reduce(metadata: &Metadata) -> Result<Workspace> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata gave no resolved graph")?;
    let ours = |id: &PackageId| metadata.workspace_members.contains(id);
    let name_of = |id: &PackageId| {
        let name = metadata[id].name.to_string();
        if ours(id) { short(&name) } else { name }
    };
    let our_names: Vec<String> =
        metadata.workspace_members.iter().map(|id| metadata[id].name.to_string()).collect();
    let mut workspace = Workspace::default();
    for package in metadata.workspace_packages() {
        let uses = package.dependencies.iter().map(|dependency| {
            let ours = dependency.path.is_some() && our_names.contains(&dependency.name);
            let name = if ours { short(&dependency.name) } else { dependency.name.clone() };
            let kind = if dependency.kind == DependencyKind::Development { Kind::Dev } else { Kind::Shipped };
            Use { name, ours, kind }
        });
        let name = short(&package.name);
        workspace.ids.insert(name.clone(), package.id.repr.clone());
        workspace.crates.push(Crate { name, uses: uses.collect() });
    }
    for node in &resolve.nodes {
        let shipped = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development)
        });
        let uses = shipped.map(|dependency| dependency.pkg.repr.clone()).collect();
        workspace.graph.insert(node.id.repr.clone(), Node { name: name_of(&node.id), uses });
    }
    Ok(workspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_drop_the_common_prefix() {
        let check = |given: &str, expected: &str| assert_eq!(short(given), expected);
        check("bandex-engine", "engine");
        check("xtask", "xtask");
    }
}
