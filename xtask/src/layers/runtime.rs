//! Who may reach the async runtime, the database and the web server, directly or through any other package.

use super::workspace::{Kind, Workspace};
use std::collections::{BTreeMap, VecDeque};

/// What is meant: whoever holds one of these does IO and has a clock.
const RUNTIME: [&str; 3] = ["tokio", "sqlx", "axum"];

/// The crates that may reach it. The benchmark drives the server from outside and is one of them like the tests.
const MAY_REACH: [&str; 10] =
    ["exchange", "journal", "rails", "wallet", "sdk", "python", "agent", "cli", "tests", "bench"];

/// Follows every other crate's shipped dependencies down the resolved graph.
///
/// A crate that may reach the runtime answers for itself, so the walk ends there: the simulator uses the journal's
/// port and its memory store. Whether the arrow to such a crate is allowed is another table's matter.
pub fn check(workspace: &Workspace) -> Vec<String> {
    let others = workspace.crates.iter().filter(|one| !may_reach(&one.name));
    let mut findings = Vec::new();
    for one in others {
        let named = one.uses.iter().filter(|used| used.kind == Kind::Shipped).map(|used| used.name.as_str());
        let direct: Vec<&str> = named.filter(|name| RUNTIME.contains(name)).collect();
        findings.extend(direct.iter().map(|name| format!("{}: may not depend on {name}", one.name)));
        let Some(path) = workspace.ids.get(&one.name).and_then(|id| path_to_runtime(workspace, id)) else {
            continue;
        };
        if direct.is_empty() {
            findings.push(format!("{}: reaches the runtime: {}", one.name, path.join(" → ")));
        }
    }
    findings
}

fn may_reach(name: &str) -> bool {
    MAY_REACH.contains(&name)
}

/// The names on a shortest way from the package `start` to one of the runtime, if there is any.
fn path_to_runtime(workspace: &Workspace, start: &str) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&str, Option<&str>> = BTreeMap::from([(start, None)]);
    let mut waiting = VecDeque::from([start]);
    while let Some(id) = waiting.pop_front() {
        let Some(node) = workspace.graph.get(id) else { continue };
        if RUNTIME.contains(&node.name.as_str()) {
            return Some(way_back(workspace, &came_from, id));
        }
        let is_ours = workspace.ids.get(&node.name).is_some_and(|own| own == id);
        if is_ours && may_reach(&node.name) {
            continue;
        }
        for next in node.uses.iter().map(String::as_str) {
            came_from.entry(next).or_insert_with(|| {
                waiting.push_back(next);
                Some(id)
            });
        }
    }
    None
}

fn way_back(workspace: &Workspace, came_from: &BTreeMap<&str, Option<&str>>, end: &str) -> Vec<String> {
    let steps = std::iter::successors(Some(end), |id| came_from.get(id).copied().flatten());
    let mut names: Vec<String> =
        steps.filter_map(|id| workspace.graph.get(id)).map(|node| node.name.clone()).collect();
    names.reverse();
    names
}

#[cfg(test)]
mod tests {
    use super::super::workspace::{Crate, Node, Use};
    use super::*;

    /// A workspace from lines like `engine: borsh matching`; `*` marks its own crates. Ids are the names.
    fn workspace(lines: &str) -> Workspace {
        let mut workspace = Workspace::default();
        for line in lines.split("; ") {
            let (name, uses) = line.split_once(':').expect("a name and its uses");
            let own = name.strip_prefix('*');
            let name = own.unwrap_or(name).to_owned();
            let uses: Vec<String> = uses.split_whitespace().map(str::to_owned).collect();
            if own.is_some() {
                let uses =
                    uses.iter().map(|used| Use { name: used.clone(), ours: false, kind: Kind::Shipped });
                workspace.crates.push(Crate { name: name.clone(), uses: uses.collect() });
                workspace.ids.insert(name.clone(), name.clone());
            }
            workspace.graph.insert(name.clone(), Node { name, uses });
        }
        workspace
    }

    #[test]
    fn the_runtime_is_found_however_deep() {
        let check =
            |lines: &str, found: &[&str]| assert_eq!(super::check(&workspace(lines)), found, "{lines}");
        check("*engine: borsh; borsh: bytes; bytes:; *exchange: tokio; tokio: bytes", &[]);
        check("*engine: tokio; tokio:", &["engine: may not depend on tokio"]);
        check("*xtask: sqlx; sqlx: tokio; tokio:", &["xtask: may not depend on sqlx"]);
        check(
            "*engine: *matching; *matching:; *api: helper; helper: deep; deep: axum; axum: tokio; tokio:",
            &["api: reaches the runtime: api → helper → deep → axum"],
        );
        check(
            "*matching: a; a: b; b: a tokio; tokio:",
            &["matching: reaches the runtime: matching → a → b → tokio"],
        );
        check("*simulator: journal; *journal: tokio; tokio:", &[]);
        check("*simulator: tokio; tokio:", &["simulator: may not depend on tokio"]);
        // Another's package that has the name of one of ours is not ours.
        check("*engine: sdk; sdk: tokio; tokio:", &["engine: reaches the runtime: engine → sdk → tokio"]);
    }

    #[test]
    fn tests_may_use_what_the_crate_may_not() {
        let mut workspace = workspace("*simulator:; tokio:");
        let uses = vec![Use { name: "tokio".to_owned(), ours: false, kind: Kind::Dev }];
        workspace.crates = vec![Crate { name: "simulator".to_owned(), uses }];
        assert!(super::check(&workspace).is_empty());
    }
}
