//! TLS: certificate and key out of files, and what is spoken with them.

use super::options::TlsFiles;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM of the kind.
    #[error("{}: {why}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// Certificate and key do not fit, or are of no use.
    #[error("certificate and key cannot be used: {0}")]
    Unfit(#[from] rustls::Error),
}

/// Reads certificate and key. Only HTTP/1.1 is offered, since WebSockets begin with it.
///
/// # Errors
/// See [`TlsError`].
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsError> {
    let unreadable = |file: &Path, why: &dyn std::fmt::Display| TlsError::File {
        file: file.to_owned(),
        why: why.to_string(),
    };
    let certificates = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&files.certificates, &error))?;
    if certificates.is_empty() {
        return Err(unreadable(&files.certificates, &"it holds no certificate"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unreadable(&files.key, &error))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn files_of_another_kind_are_refused_by_name() {
        let folder = TempDir::new().unwrap();
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let file = |name: &str, text: String| {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let certificate = file("certificate.pem", own.cert.pem());
        let key = file("key.pem", own.signing_key.serialize_pem());
        let foreign = file("foreign.pem", other.signing_key.serialize_pem());
        let empty = file("empty.pem", String::new());
        let missing = folder.path().join("missing.pem");
        let check = |certificates: &PathBuf, key: &PathBuf, complaint: Option<&str>| {
            let files = TlsFiles { certificates: certificates.clone(), key: key.clone() };
            let found = acceptor(&files).err().map(|error| error.to_string());
            match complaint {
                None => assert_eq!(found, None),
                Some(complaint) => {
                    assert!(found.as_ref().is_some_and(|found| found.contains(complaint)), "{found:?}")
                }
            }
        };
        check(&certificate, &key, None);
        check(&certificate, &foreign, Some("cannot be used"));
        check(&empty, &key, Some("it holds no certificate"));
        check(&key, &key, Some("it holds no certificate"));
        check(&missing, &key, Some("missing.pem"));
        check(&certificate, &missing, Some("missing.pem"));
        check(&certificate, &certificate, Some("certificate.pem"));
    }
}
