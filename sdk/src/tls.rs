//! Whom a client believes that it is the exchange it asked for, where it asks over TLS.

use std::sync::Arc;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The machine has no certificates of authorities, or none that can be used.
    #[error(
        "this machine trusts no authority ({0}): install the package ca-certificates, or name a PEM file of the \
         authorities to trust in SSL_CERT_FILE"
    )]
    NoAuthorities(rustls::Error),
    /// What was given is no certificate of an authority.
    #[error("not PEM certificates of authorities: {0}")]
    NoCertificate(String),
    /// The cryptography does not do what TLS asks for.
    #[error(transparent)]
    Unfit(#[from] rustls::Error),
}

/// Which authorities a client trusts. Clones share them.
///
/// [`crate::Rest`] and [`crate::Client`] ask for [`Tls::system`] by themselves when a URL begins with `https` or `wss`.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts whom the machine trusts; on Linux these are the system's certificates or, where they are set, those in
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` only.
    ///
    /// # Errors
    /// [`TlsError::NoAuthorities`].
    pub fn system() -> Result<Self, TlsError> {
        use rustls_platform_verifier::BuilderVerifierExt;
        let trusting = builder()?.with_platform_verifier().map_err(TlsError::NoAuthorities)?;
        Ok(Self(Arc::new(trusting.with_no_client_auth())))
    }

    /// Trusts the authorities in a PEM text, and nobody else.
    ///
    /// # Errors
    /// [`TlsError::NoCertificate`].
    pub fn trusting(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| TlsError::NoCertificate(error.to_string()))?;
            roots.add(certificate).map_err(|error| TlsError::NoCertificate(error.to_string()))?;
        }
        if roots.is_empty() {
            return Err(TlsError::NoCertificate("there is none".to_owned()));
        }
        Ok(Self(Arc::new(builder()?.with_root_certificates(roots).with_no_client_auth())))
    }

    /// What the libraries underneath take.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0)
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_of_authorities_can_be_trusted() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = Tls::trusting(pem.as_bytes()).map(|_| ()).unwrap_err();
            assert!(matches!(error, TlsError::NoCertificate(_)), "{pem:?}: {error}");
        }
    }
}
