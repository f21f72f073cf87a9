//! A PostgreSQL server beside the tests: one that is given, or a throw-away one that is started and ended.

use crate::step::step;
use crate::{step, suite};
use anyhow::{Context, Result, bail};
use bandex_cluster::{Cluster, VARIABLE, binaries};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Debian's package of the server, of the version that goes with the release.
const PACKAGE: &str = "postgresql";
/// What that package needs first, and where it is told not to set up a server for the whole machine.
const COMMON_PACKAGE: &str = "postgresql-common";
const COMMON_SETTINGS: &str = "/etc/postgresql-common/createcluster.conf";

/// Does `work` beside a server; it gets the variable that tells the tests its address, and the address.
///
/// # Errors
/// There is no server and none can be installed or started, or the error of `work`.
pub fn beside(work: impl FnOnce(&str, &str) -> Result<()>) -> Result<()> {
    if let Some(url) = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) {
        eprintln!("==> the tests use the PostgreSQL server that {VARIABLE} names");
        return work(VARIABLE, &url);
    }
    if binaries().is_err() {
        install_server()?;
    }
    let cluster = step("start a throw-away PostgreSQL server", || {
        let cluster = Cluster::start()?;
        eprintln!("    {} on 127.0.0.1:{}", binaries()?.display(), cluster.port());
        Ok(cluster)
    })?;
    let done = work(VARIABLE, &cluster.url("postgres"));
    let ended = step("end the PostgreSQL server and remove its data", || {
        drop(cluster);
        Ok(())
    });
    done.and(ended)
}

fn install_server() -> Result<()> {
    if !suite::may_install() {
        bail!("PostgreSQL's server is missing; {}", suite::advice(&[PACKAGE]));
    }
    eprintln!("==> PostgreSQL's server was not found; installing {PACKAGE}");
    step::run(Command::new("apt-get").arg("update"))?;
    suite::install(&[COMMON_PACKAGE])?;
    without_main_cluster(Path::new(COMMON_SETTINGS), || suite::install(&[PACKAGE]))?;
    let found = binaries().context("PostgreSQL is installed and yet not found")?;
    eprintln!("==> PostgreSQL is in {}", found.display());
    Ok(())
}

/// Does `work` while the settings say that no server is to be set up and started for the whole machine.
fn without_main_cluster(settings: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let shown = settings.display();
    let before = fs::read_to_string(settings).with_context(|| format!("cannot read {shown}"))?;
    // The last line on a matter counts.
    let changed = format!("{before}\ncreate_main_cluster = false\n");
    fs::write(settings, changed).with_context(|| format!("cannot write {shown}"))?;
    let done = work();
    let restored = fs::write(settings, before).with_context(|| format!("cannot write {shown}"));
    done.and(restored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_changed_only_meanwhile() {
        let path = std::env::temp_dir().join(format!("bandex-createcluster-{}", std::process::id()));
        let before = "#create_main_cluster = true\nssl = on\n";
        for fails in [false, true] {
            fs::write(&path, before).expect("the temporary folder can be written");
            let done = without_main_cluster(&path, || {
                let text = fs::read_to_string(&path)?;
                assert!(
                    text.starts_with(before) && text.ends_with("\ncreate_main_cluster = false\n"),
                    "{text}"
                );
                if fails { bail!("no network") } else { Ok(()) }
            });
            assert_eq!(done.is_err(), fails);
            assert_eq!(fs::read_to_string(&path).expect("it is still there"), before);
        }
        fs::remove_file(&path).expect("it is ours");
    }
}
