//! TLS: the same API, read over a wire that nobody else reads.

use super::server;
use bandex_exchange::TlsFiles;
use bandex_tests::{Server, soon};
use futures_util::{SinkExt, StreamExt};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::Message;

/// An authority, and a certificate for `localhost` by it in files.
struct Authority {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        let own_key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let own = own.signed_by(&own_key, &issuer).unwrap();
        std::fs::write(folder.path().join("certificate.pem"), own.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), own_key.serialize_pem()).unwrap();
        Self { folder, certificate }
    }

    fn files(&self) -> TlsFiles {
        let file = |name| self.folder.path().join(name);
        TlsFiles { certificates: file("certificate.pem"), key: file("key.pem") }
    }

    /// Connects as somebody who trusts this authority.
    async fn connect(&self, server: &Server) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(server.exchange().address()).await?;
        let name = ServerName::try_from("localhost").unwrap();
        soon("TLS", TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_sockets_over_tls() {
    let authority = Authority::new();
    let server = server(|edge| edge.tls = Some(authority.files())).await;
    let mut stream = authority.connect(&server).await.unwrap();
    let request = "GET /v1/markets HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("an answer", stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("BWT-BTC"), "{answer}");
    let stream = authority.connect(&server).await.unwrap();
    let opened = soon("a WebSocket", tokio_tungstenite::client_async("wss://localhost/v1/ws", stream)).await;
    let (mut socket, _) = opened.unwrap();
    let hello: Value =
        serde_json::from_str(soon("a greeting", socket.next()).await.unwrap().unwrap().to_text().unwrap())
            .unwrap();
    assert_eq!(
        (hello["channel"].as_str(), hello["node"].as_str()),
        (Some("hello"), Some(server.node().to_string().as_str()))
    );
    socket.send(Message::text(r#"{"method":"ping","req_id":7}"#)).await.unwrap();
    let reply = soon("a reply", socket.next()).await.unwrap().unwrap();
    assert!(reply.to_text().unwrap().contains("\"req_id\":7"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_speaks_no_tls_or_trusts_another_gets_nothing() {
    let authority = Authority::new();
    let server = server(|edge| edge.tls = Some(authority.files())).await;
    assert!(Authority::new().connect(&server).await.is_err());
    let mut plain = TcpStream::connect(server.exchange().address()).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut bytes = Vec::new();
    let _ = soon("the end of a connection", plain.read_to_end(&mut bytes)).await;
    assert!(!String::from_utf8_lossy(&bytes).contains("200"), "{bytes:?}");
    // It serves all others as before.
    authority.connect(&server).await.unwrap();
}
