//! The wallet's secret: made once, encrypted at rest, unlocked by a passphrase.
//!
//! The secret is the entropy of 24 words (BIP 39). The key that encrypts it is made from the passphrase by Argon2id
//! (RFC 9106), the file is sealed by XChaCha20-Poly1305. Both come from the RustCrypto project, as the signatures
//! elsewhere do. The `age` format was the alternative: its scrypt stops at a cost that graphics cards bear well, and it
//! brings a hundred packages for a file of two hundred bytes.

use argon2::{Algorithm, Argon2, Params, Version};
use bandex_spv::Network;
use bip39::Mnemonic;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// The file within the wallet's folder.
pub(crate) const FILE: &str = "wallet.key";
/// The only layout there is.
const VERSION: u32 = 1;
/// 256 bits: 24 words.
const ENTROPY_LEN: usize = 32;
/// What a file may ask of the machine that opens it: 4 GiB, so that a file made by somebody else cannot ask for all.
const MEMORY_KIB_MAX: u32 = 4 << 20;
const PASSES_MAX: u32 = 100;

/// What opens a key file. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes a passphrase as it was typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Reads it from a file; line ends behind it are not part of it.
    ///
    /// # Errors
    /// The file cannot be read, is no text, or is empty.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: path.to_owned(), source };
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(KeyError::EmptyPassphrase);
        }
        Ok(Self::new(trimmed))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// What one try of a passphrase costs, for the owner and for a thief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Default for KeyCost {
    /// 64 MiB and 3 passes: the second recommendation of RFC 9106, on one core.
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

impl KeyCost {
    /// Next to nothing, for tests that open a wallet a hundred times. Never for coins of worth.
    pub fn for_tests() -> Self {
        Self { memory_kib: 8, passes: 1, lanes: 1 }
    }
}

/// A key file cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another passphrase, or somebody changed the file: the seal does not tell which.
    #[error("{} does not open with this passphrase (or was changed)", .0.display())]
    WrongPassphrase(PathBuf),
    /// The file holds something else.
    #[error("{} is no key file of a wallet: {why}; restore it from a backup", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
    /// The machine cannot do what the cost asks for.
    #[error("the passphrase cannot be worked on: {0}")]
    Cost(String),
}

/// The file's text. All but the sealed part is bound into the seal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    header: Header,
    sealed: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    network: Network,
    kdf: String,
    cost: KeyCost,
    cipher: String,
    salt: String,
    nonce: String,
}

const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20-poly1305";

/// The unlocked secret. Wiped when dropped, never shown.
pub(crate) struct Secret {
    entropy: Zeroizing<[u8; ENTROPY_LEN]>,
    /// Of the hierarchy of keys (BIP 39, without a passphrase of its own): slow to make, so made once.
    pub(crate) seed: Zeroizing<[u8; 64]>,
    /// The network the key was made for: a key of a test network must never hold real coins.
    pub(crate) network: Network,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// Makes a new secret and its file, which appears whole or not at all.
    ///
    /// # Errors
    /// There is a key file already (it is never overwritten), or it cannot be written; the passphrase is empty.
    pub(crate) fn create(
        folder: &Path,
        network: Network,
        passphrase: &Passphrase,
        cost: KeyCost,
    ) -> Result<Self, KeyError> {
        let path = folder.join(FILE);
        let failed = |source| KeyError::File { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        let mut entropy = Zeroizing::new([0; ENTROPY_LEN]);
        fill(&mut *entropy)?;
        let secret = Self::of(entropy, network)?;
        let text = secret.seal(passphrase, cost)?;
        write_new(&path, text.as_bytes()).map_err(failed)?;
        Ok(secret)
    }

    /// Opens the file.
    ///
    /// # Errors
    /// It is missing or damaged, or the passphrase is another one.
    pub(crate) fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self, KeyError> {
        let path = folder.join(FILE);
        let text =
            fs::read_to_string(&path).map_err(|source| KeyError::File { path: path.clone(), source })?;
        let damaged = |why: String| KeyError::Damaged { path: path.clone(), why };
        let file: KeyFile = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        let Header { version, cost, kdf, cipher, .. } = &file.header;
        if (*version, kdf.as_str(), cipher.as_str()) != (VERSION, KDF, CIPHER) {
            return Err(damaged(format!("version {version} with {kdf} and {cipher} is not known here")));
        }
        if cost.memory_kib > MEMORY_KIB_MAX || cost.passes > PASSES_MAX {
            return Err(damaged("it asks for more memory or time than any wallet does".to_owned()));
        }
        let sealed = hex::decode(&file.sealed).map_err(|error| damaged(error.to_string()))?;
        let key = derive(passphrase, &file.header)?;
        let associated = associated(&file.header);
        let opened = cipher_of(&key)
            .decrypt(&nonce(&file.header).map_err(damaged)?, Payload { msg: &sealed, aad: &associated })
            .map_err(|_| KeyError::WrongPassphrase(path.clone()))?;
        let opened = Zeroizing::new(opened);
        let entropy: [u8; ENTROPY_LEN] =
            opened.as_slice().try_into().map_err(|_| damaged("the secret has another length".to_owned()))?;
        Self::of(Zeroizing::new(entropy), file.header.network)
    }

    fn of(entropy: Zeroizing<[u8; ENTROPY_LEN]>, network: Network) -> Result<Self, KeyError> {
        let seed = Zeroizing::new(mnemonic(&entropy)?.to_seed_normalized(""));
        Ok(Self { entropy, seed, network })
    }

    /// The words to write down. Whoever has them has the coins.
    pub(crate) fn words(&self) -> Result<Zeroizing<String>, KeyError> {
        Ok(Zeroizing::new(mnemonic(&self.entropy)?.to_string()))
    }

    fn seal(&self, passphrase: &Passphrase, cost: KeyCost) -> Result<String, KeyError> {
        if passphrase.0.is_empty() {
            return Err(KeyError::EmptyPassphrase);
        }
        let (mut salt, mut nonce_bytes) = ([0; 16], [0; 24]);
        fill(&mut salt)?;
        fill(&mut nonce_bytes)?;
        let header = Header {
            version: VERSION,
            network: self.network,
            kdf: KDF.to_owned(),
            cost,
            cipher: CIPHER.to_owned(),
            salt: hex::encode(salt),
            nonce: hex::encode(nonce_bytes),
        };
        let key = derive(passphrase, &header)?;
        let sealed = cipher_of(&key)
            .encrypt(
                &XNonce::from(nonce_bytes),
                Payload { msg: self.entropy.as_slice(), aad: &associated(&header) },
            )
            .map_err(|error| KeyError::Cost(error.to_string()))?;
        let file = KeyFile { header, sealed: hex::encode(sealed) };
        let mut text =
            serde_json::to_string_pretty(&file).map_err(|error| KeyError::Cost(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }
}

fn mnemonic(entropy: &[u8; ENTROPY_LEN]) -> Result<Mnemonic, KeyError> {
    Mnemonic::from_entropy(entropy).map_err(|error| KeyError::Cost(error.to_string()))
}

fn fill(bytes: &mut [u8]) -> Result<(), KeyError> {
    getrandom::fill(bytes).map_err(|error| KeyError::Cost(error.to_string()))
}

fn derive(passphrase: &Passphrase, header: &Header) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let failed = |error: &dyn fmt::Display| KeyError::Cost(error.to_string());
    let salt = hex::decode(&header.salt).map_err(|error| failed(&error))?;
    let KeyCost { memory_kib, passes, lanes } = header.cost;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|error| failed(&error))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.0.as_bytes(), &salt, &mut *key)
        .map_err(|error| failed(&error))?;
    Ok(key)
}

fn cipher_of(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

fn nonce(header: &Header) -> Result<XNonce, String> {
    let mut bytes = [0; 24];
    hex::decode_to_slice(&header.nonce, &mut bytes).map_err(|error| error.to_string())?;
    Ok(XNonce::from(bytes))
}

/// What the seal covers beside the secret: nobody can move it to another network or cost unseen.
fn associated(header: &Header) -> Vec<u8> {
    let KeyCost { memory_kib, passes, lanes } = header.cost;
    let Header { version, network, kdf, cipher, salt, nonce, .. } = header;
    format!("{version} {network} {kdf} {memory_kib} {passes} {lanes} {cipher} {salt} {nonce}").into_bytes()
}

/// Writes a new file that only its owner may read. It appears whole and on disk, or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use tempfile::TempDir;

    fn made() -> (TempDir, Secret) {
        let folder = tempfile::tempdir().unwrap();
        let secret =
            Secret::create(folder.path(), Network::Regtest, &Passphrase::new("right"), KeyCost::for_tests())
                .unwrap();
        (folder, secret)
    }

    #[test]
    fn a_secret_comes_back_with_its_passphrase_only() {
        let (folder, secret) = made();
        let opened = Secret::open(folder.path(), &Passphrase::new("right")).unwrap();
        assert_eq!(*opened.entropy, *secret.entropy);
        assert_eq!(opened.network, Network::Regtest);
        assert_eq!(secret.words().unwrap().split(' ').count(), 24);
        let error = Secret::open(folder.path(), &Passphrase::new("wrong")).unwrap_err();
        assert!(error.to_string().contains("does not open with this passphrase"), "{error}");
    }

    #[test]
    fn the_file_is_its_owners_shows_nothing_and_is_never_overwritten() {
        let (folder, secret) = made();
        let path = folder.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&hex::encode(*secret.entropy)));
        assert!(!format!("{secret:?} {:?}", Passphrase::new("right")).contains("right"));
        let again =
            Secret::create(folder.path(), Network::Regtest, &Passphrase::new("x"), KeyCost::for_tests());
        assert!(
            matches!(again, Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists)
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    /// Every byte of the file matters: none can be changed unseen.
    #[test]
    fn a_changed_file_does_not_open() {
        let (folder, _) = made();
        let path = folder.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        let check = |from: &str, to: &str, expected: &str| {
            let changed = text.replace(from, to);
            assert_ne!(changed, text, "{from} is there");
            fs::write(&path, changed).unwrap();
            let error = Secret::open(folder.path(), &Passphrase::new("right")).unwrap_err().to_string();
            assert!(error.contains(expected), "{from} to {to}: {error}");
        };
        check("\"regtest\"", "\"mainnet\"", "does not open");
        check("\"passes\": 1", "\"passes\": 2", "does not open");
        check("\"passes\": 1", "\"passes\": 101", "more memory or time");
        check("\"version\": 1", "\"version\": 2", "not known here");
        check("argon2id", "scrypt", "not known here");
        check("{\n  \"header\"", "{\n  \"extra\": 1,\n  \"header\"", "no key file");
        fs::write(&path, text.get(..text.len() / 2).unwrap()).unwrap();
        let error = Secret::open(folder.path(), &Passphrase::new("right")).unwrap_err();
        assert!(matches!(error, KeyError::Damaged { .. }), "{error}");
        let sealed_at = text.find("\"sealed\": \"").unwrap() + 11;
        for at in sealed_at..sealed_at + 96 {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            fs::write(&path, bytes).unwrap();
            let opened = Secret::open(folder.path(), &Passphrase::new("right"));
            assert!(matches!(opened, Err(KeyError::WrongPassphrase(_))), "digit {at}");
        }
    }

    #[test]
    fn the_default_cost_is_what_the_house_asks_for() {
        assert_eq!(KeyCost::default(), KeyCost { memory_kib: 65_536, passes: 3, lanes: 1 });
        let folder = tempfile::tempdir().unwrap();
        Secret::create(folder.path(), Network::Regtest, &Passphrase::new("p"), KeyCost::default()).unwrap();
        let text = fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert!(text.contains("\"memory_kib\": 65536") && text.contains("\"passes\": 3"), "{text}");
        Secret::open(folder.path(), &Passphrase::new("p")).unwrap();
    }

    #[test]
    fn a_passphrase_is_read_from_a_file_without_its_line_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        let check = |text: &str, expected: Option<&str>| {
            fs::write(&path, text).unwrap();
            let read = Passphrase::from_file(&path).ok();
            assert_eq!(read.as_ref().map(|read| read.0.as_str()), expected, "{text:?}");
        };
        check("two words\r\n", Some("two words"));
        check(" kept ", Some(" kept "));
        check("\n", None);
        check("", None);
        let empty =
            Secret::create(folder.path(), Network::Regtest, &Passphrase::new(""), KeyCost::for_tests());
        assert!(matches!(empty, Err(KeyError::EmptyPassphrase)));
    }
}
