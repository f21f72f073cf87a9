//! The node's and the operator's keys, and the admin token: files that only their owner may read.

use bandex_tradechain::Keypair;
use bandex_types::PublicKey;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Who a server is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Signs batches.
    pub node: Keypair,
    /// Signs configure blocks.
    pub operator: Keypair,
    /// What the admin listener asks for.
    pub admin_token: String,
}

/// A key file is missing, unreadable or damaged.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{} must hold 64 hex digits; restore it from a backup", .0.display())]
    Damaged(PathBuf),
    /// The journal belongs to another key.
    #[error(
        "the journal in {} was begun with the {role} key {journal}, but {role}.key there is of {here}; restore the right \
         key file",
        folder.display()
    )]
    OtherKey {
        /// Which of the two.
        role: &'static str,
        /// The data folder.
        folder: PathBuf,
        /// The key of the journal's genesis.
        journal: PublicKey,
        /// The key of the file.
        here: PublicKey,
    },
}

impl Identity {
    /// Reads the key files of a folder, making those that are missing.
    ///
    /// # Errors
    /// A file cannot be read or written, or holds no key.
    pub fn load_or_create(folder: &Path) -> Result<Self, IdentityError> {
        fs::create_dir_all(folder)
            .map_err(|source| IdentityError::File { path: folder.to_owned(), source })?;
        let node = Keypair::from_seed(&seed(&folder.join("node.key"))?);
        let operator = Keypair::from_seed(&seed(&folder.join("operator.key"))?);
        let admin_token = hex::encode(seed(&folder.join("admin.token"))?);
        Ok(Self { node, operator, admin_token })
    }

    /// Refuses a key file that is not the journal's.
    pub(crate) fn check(
        role: &'static str,
        folder: &Path,
        journal: PublicKey,
        here: PublicKey,
    ) -> Result<(), IdentityError> {
        if journal == here {
            return Ok(());
        }
        Err(IdentityError::OtherKey { role, folder: folder.to_owned(), journal, here })
    }
}

fn seed(path: &Path) -> Result<[u8; 32], IdentityError> {
    let file_error = |source| IdentityError::File { path: path.to_owned(), source };
    match fs::read_to_string(path) {
        Ok(text) => {
            let mut seed = [0; 32];
            hex::decode_to_slice(text.trim(), &mut seed)
                .map_err(|_| IdentityError::Damaged(path.to_owned()))?;
            Ok(seed)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let seed = random_bytes();
            write_secret(path, &seed).map_err(file_error)?;
            Ok(seed)
        }
        Err(error) => Err(file_error(error)),
    }
}

/// Writes a new file of 64 hex digits that only its owner may read. It appears whole and on disk, or not at all: a process
/// killed half-way leaves no damaged key behind, at worst a `.tmp` file that nobody reads.
///
/// # Errors
/// There is such a file already (it is never overwritten), or it cannot be written.
pub fn write_secret(path: &Path, secret: &[u8; 32]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", hex::encode(secret))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

/// Thirty-two bytes of the system's randomness.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_key_file_is_never_seen_half_written() {
        let folder = tempfile::tempdir().expect("a folder to write in");
        let path = folder.path().join("node.key");
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(text) = fs::read_to_string(&path) {
                        assert_eq!(text.trim().len(), 64, "a reader saw {text:?}");
                    }
                }
            });
            for _ in 0..200 {
                Identity::load_or_create(folder.path()).expect("the keys are made");
                fs::remove_file(&path).expect("the key was made");
            }
            over.store(true, Ordering::Relaxed);
            reader.join().expect("no reader saw half a key");
        });
    }

    #[test]
    fn a_secret_is_its_owners_and_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder to write in");
        let path = folder.path().join("secret");
        write_secret(&path, &[1; 32]).expect("it is new");
        let error = write_secret(&path, &[2; 32]).expect_err("it is there");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).expect("it is there").trim(), hex::encode([1; 32]));
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
