//! A small file system of a test's own, to be filled and to be made read-only. It needs root.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Waits for the pipe to close, however that comes, then unmounts.
const KEEPER: &str = r#"
read -r nothing
umount "$1" || umount -l "$1"
"#;

/// A mounted tmpfs; it goes with whoever made it, also when that is killed.
pub struct Tmpfs {
    /// None once it is to go.
    keeper: Option<Child>,
    folder: TempDir,
}

impl Tmpfs {
    /// Mounts one. None if we may not: then a part of a test is left out, and it says so here.
    pub fn mount(size: &str, left_out: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("bandex-tmpfs-").tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=1777"), "tmpfs"]).arg(folder.path());
        if !mount.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            eprintln!("LEFT OUT: {left_out}; mounting a tmpfs needs root");
            return None;
        }
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(folder.path()).stdin(Stdio::piped());
        Some(Self { keeper: Some(keeper.spawn().unwrap()), folder })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Lets nothing be written, or again.
    pub fn read_only(&self, read_only: bool) {
        let how = if read_only { "remount,ro" } else { "remount,rw" };
        let status = Command::new("mount").args(["-o", how]).arg(self.path()).status().unwrap();
        assert!(status.success(), "{how}: {status}");
    }

    /// Fills what is left of it.
    pub fn fill(&self) -> Ballast {
        let path = self.path().join("ballast");
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        write_until_full(&mut file);
        Ballast(path)
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            // `wait` closes the pipe first.
            let _ = keeper.wait();
        }
    }
}

/// What fills a file system.
pub struct Ballast(PathBuf);

impl Ballast {
    /// Fills what has become free meanwhile.
    pub fn again(&self) {
        write_until_full(&mut OpenOptions::new().append(true).open(&self.0).unwrap());
    }

    /// Makes room.
    pub fn remove(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

fn write_until_full(file: &mut File) {
    for size in [1 << 20, 1 << 12] {
        let chunk = vec![0; size];
        loop {
            match file.write_all(&chunk) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
