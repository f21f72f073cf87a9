//! The node's and the operator's keys, and the admin token: files that only their owner may read.

use bandex_tradechain::Keypair;
use bandex_types::PublicKey;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

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
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(file_error)?;
            writeln!(file, "{}", hex::encode(seed)).map_err(file_error)?;
            file.sync_all().map_err(file_error)?;
            Ok(seed)
        }
        Err(error) => Err(file_error(error)),
    }
}

/// Thirty-two bytes of the system's randomness.
pub(crate) fn random_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}
