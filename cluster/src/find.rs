//! Finds what the server needs: PostgreSQL's programs, and a user they agree to run as.

use crate::{ClusterError, User};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's packages put each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder with PostgreSQL's programs: of the `postgres` on the path, Debian's newest, or the one that `pg_config`
/// tells, in this order.
///
/// # Errors
/// PostgreSQL's server is not installed.
pub fn binaries() -> Result<PathBuf, ClusterError> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    // A link on the path leads to the folder where the programs find their libraries and one another.
    let linked = std::env::split_paths(&on_path)
        .filter_map(|folder| folder.join("postgres").canonicalize().ok()?.parent().map(Path::to_owned));
    let mut found = linked.chain(of_debian(Path::new(DEBIAN))).chain(of_pg_config());
    found.find(|folder| is_complete(folder)).ok_or_else(|| {
        ClusterError::new(format!(
            "PostgreSQL's server is not installed: no `postgres` with `initdb` on the path or in {DEBIAN}/*/bin"
        ))
    })
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file())
}

/// The program folders below `root`, the highest version first.
fn of_debian(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|left, right| right.cmp(left));
    versions.iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn of_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end()))
}

/// Whom the server must run as: nobody else, or `postgres` when we are root.
///
/// # Errors
/// We are root and there is no such user.
pub(crate) fn unprivileged_user() -> Result<Option<User>, ClusterError> {
    // The owner of our own folder there is who we are.
    let ours = fs::metadata("/proc/self").map_err(|error| ClusterError::io("/proc/self", &error))?;
    if ours.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| ClusterError::io("/etc/passwd", &error))?;
    let missing = || ClusterError::new("PostgreSQL does not run as root, and there is no user `postgres`");
    user_in(&users, "postgres").map(Some).ok_or_else(missing)
}

/// The ids of the user `name` in the text of /etc/passwd.
fn user_in(users: &str, name: &str) -> Option<User> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        Some(User { uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first() {
        let root = std::env::temp_dir().join(format!("bandex-find-{}", std::process::id()));
        for name in ["9", "15", "16", "common"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        let found = of_debian(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(found, ["16/bin", "15/bin", "9/bin"].map(|bin| root.join(bin)));
        assert!(of_debian(&root).is_empty());
    }

    #[test]
    fn users_are_told_by_their_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\nmypostgres:x:1:2::/:\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        let check = |name: &str, found| assert_eq!(user_in(users, name), found, "{name}");
        check("postgres", Some(User { uid: 101, gid: 104 }));
        check("root", Some(User { uid: 0, gid: 0 }));
        check("post", None);
        assert_eq!(user_in("postgres:x:many", "postgres"), None);
    }
}
