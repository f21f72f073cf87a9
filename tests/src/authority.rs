//! An authority of a test's own, and a server's certificate by it.

use bandex_exchange::TlsFiles;
use bandex_sdk::Tls;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use std::path::PathBuf;
use tempfile::TempDir;

/// An authority, and a certificate for `localhost` and `127.0.0.1` by it, in files.
pub struct Authority {
    folder: TempDir,
    certificate: Certificate,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Panics
    /// A file cannot be written.
    #[allow(clippy::new_without_default)] // Each is another one.
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let own_key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap();
        let authority = Self { folder, certificate };
        let TlsFiles { certificates, key } = authority.files();
        std::fs::write(certificates, own.pem()).unwrap();
        std::fs::write(key, own_key.serialize_pem()).unwrap();
        std::fs::write(authority.own_file(), authority.certificate.pem()).unwrap();
        authority
    }

    /// What a server needs to show a certificate by this authority.
    pub fn files(&self) -> TlsFiles {
        let file = |name| self.folder.path().join(name);
        TlsFiles { certificates: file("certificate.pem"), key: file("key.pem") }
    }

    /// The authority's own certificate, PEM.
    pub fn own_file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What somebody trusts who trusts this authority alone.
    ///
    /// # Panics
    /// It does not; the certificate is good.
    pub fn trusted(&self) -> Tls {
        Tls::trusting(self.certificate.pem().as_bytes()).unwrap()
    }

    /// The authority's own certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}
