//! Disks that are full, and folders that cannot be written.

use crate::tmpfs::Tmpfs;
use crate::{acknowledged, all_is_well, program, rig_at, trouble};
use bandex_cluster::{Cluster, Settings};
use bandex_tests::crash::{Mode, Node, Place, Random, Store};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_a_folder_is_full() {
    let Some(tmpfs) = Tmpfs::mount("64m", "a full disk under SQLite") else { return };
    let mut rig = rig_at(Place::in_folder(tmpfs.path().to_owned()), 21).await;
    let mut driving = rig.drive(Mode::Load);
    for _ in 0..2 {
        acknowledged(&rig, &mut driving, 200).await;
        let ballast = tmpfs.fill();
        trouble(&rig, &mut driving).await;
        // The server tries to come back, and finds no room.
        ballast.again();
        trouble(&rig, &mut driving).await;
        ballast.remove();
    }
    acknowledged(&rig, &mut driving, 200).await;
    assert!(rig.tally().unknown > 0, "nobody was told that the outcome is unknown: {:?}", rig.tally());
    all_is_well(&mut rig, driving).await;
    rig.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_a_database_is_full() {
    let Some(tmpfs) = Tmpfs::mount("160m", "a full disk under PostgreSQL") else { return };
    let base = tmpfs.path().to_owned();
    let start = move || Cluster::start_in(&base, Settings::default());
    let mut cluster = tokio::task::spawn_blocking(start).await.unwrap().unwrap();
    let mut rig = rig_at(Place::new(&Store::Postgres(cluster.url("postgres"))).await, 22).await;
    let mut driving = rig.drive(Mode::Load);
    acknowledged(&rig, &mut driving, 200).await;
    let ballast = tmpfs.fill();
    trouble(&rig, &mut driving).await;
    ballast.again();
    trouble(&rig, &mut driving).await;
    ballast.remove();
    // PostgreSQL itself may have given up when its log found no room: starting it is its operator's business.
    let restart = move || {
        cluster.stop()?;
        cluster.start_again()?;
        Ok::<_, bandex_cluster::ClusterError>(cluster)
    };
    let cluster = tokio::task::spawn_blocking(restart).await.unwrap().unwrap();
    acknowledged(&rig, &mut driving, 200).await;
    all_is_well(&mut rig, driving).await;
    rig.node.stop().await;
    drop(cluster);
}

/// A server must not start, and name the folder.
async fn must_refuse(folder: &Path) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let place = Place::in_folder(folder.to_owned()).logging_to(log.path());
    let mut node = Node::new(program(), place, 200, &mut Random::new(23));
    let said = node.refused().await;
    let named = said.contains(&folder.display().to_string());
    assert!(named && (said.contains("Read-only") || said.contains("Permission denied")), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_is_refused() {
    match Tmpfs::mount("16m", "a read-only file system") {
        Some(tmpfs) => {
            tmpfs.read_only(true);
            must_refuse(tmpfs.path()).await;
            tmpfs.read_only(false);
            // One that was written before is refused in the same words, and not harmed.
            let mut rig = rig_at(Place::in_folder(tmpfs.path().to_owned()), 24).await;
            let mut driving = rig.drive(Mode::Load);
            acknowledged(&rig, &mut driving, 50).await;
            rig.leave(driving, Mode::Drain).await;
            rig.node.stop().await;
            tmpfs.read_only(true);
            must_refuse(tmpfs.path()).await;
            tmpfs.read_only(false);
            rig.node.start().await;
            rig.check_all().await;
            rig.node.stop().await;
        }
        // Permissions bind everybody else.
        None => {
            let folder = tempfile::tempdir().unwrap();
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o555)).unwrap();
            must_refuse(folder.path()).await;
            std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        }
    }
}
