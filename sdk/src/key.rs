//! New keys, from the system's randomness, and keys in files.

use bandex_tradechain::Keypair;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Why a key file gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// It holds something else.
    #[error("{} must hold 64 hex digits", .0.display())]
    NotAKey(PathBuf),
}

/// A new key. Whoever has its [`Keypair::seed`] has the account: keep it, and show it to nobody.
///
/// # Errors
/// The system gives no randomness.
pub fn generate_keypair() -> std::io::Result<Keypair> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Keypair::from_seed(&seed))
}

/// Reads a key file, as `bandex key new` writes it: the seed in 64 hex digits, with a line's end or without.
///
/// # Errors
/// There is none, or it holds something else.
pub fn read_keypair(path: impl AsRef<Path>) -> Result<Keypair, KeyFileError> {
    let path = path.as_ref();
    let text =
        std::fs::read_to_string(path).map_err(|error| KeyFileError::Io { path: path.to_owned(), error })?;
    let mut seed = [0; 32];
    match hex::decode_to_slice(text.trim(), &mut seed) {
        Ok(()) => Ok(Keypair::from_seed(&seed)),
        Err(_) => Err(KeyFileError::NotAKey(path.to_owned())),
    }
}

/// Where the lane of a key file is kept: in `KEY.lane` beside it.
pub fn lane_path(key: impl AsRef<Path>) -> PathBuf {
    let mut path = OsString::from(key.as_ref());
    path.push(".lane");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_holds_one_seed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        assert!(matches!(read_keypair(&path), Err(KeyFileError::Io { .. })));
        let seed = "0a".repeat(32);
        let check = |text: &str, is_key: bool| {
            std::fs::write(&path, text).unwrap();
            let read = read_keypair(&path).map(|keypair| keypair.public()).ok();
            assert_eq!(read, is_key.then(|| Keypair::from_seed(&[10; 32]).public()), "{text:?}");
        };
        check(&seed, true);
        check(&format!("{seed}\n"), true);
        check("", false);
        check(&seed[2..], false);
        check(&format!("{seed}0a"), false);
        assert_eq!(lane_path(&path), folder.path().join("a.key.lane"));
    }

    #[test]
    fn no_two_keys_are_the_same() {
        assert_ne!(generate_keypair().unwrap().public(), generate_keypair().unwrap().public());
    }
}
