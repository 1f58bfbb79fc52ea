//! Handshakes that fail, each told in its own words, and none of them gone past.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

/// Who signs certificates.
struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&key).unwrap();
        Self {
            pem: cert.pem(),
            der: cert.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Signs a certificate for a name, which ends with a year.
    fn sign(&self, name: &str, until: i32) -> Signed {
        let (params, key) = (params(name, until), KeyPair::generate().unwrap());
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Signed {
            pem: cert.pem(),
            chain: vec![cert.der().clone()],
            key,
        }
    }
}

fn params(name: &str, until: i32) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

/// A certificate with its key.
struct Signed {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

fn signed_by_itself(name: &str) -> Signed {
    let key = KeyPair::generate().unwrap();
    let cert = params(name, 2999).self_signed(&key).unwrap();
    Signed {
        pem: cert.pem(),
        chain: vec![cert.der().clone()],
        key,
    }
}

/// A server that shows a certificate, and takes client certificates of `clients` only, where that is given. Whoever comes
/// through is answered 500.
async fn server_with(shown: Signed, clients: Option<&Authority>) -> String {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.der.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::try_from(shown.key.serialize_der()).unwrap();
    let config = builder.with_single_cert(shown.chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let _ = stream.read(&mut [0; 16 * 1024]).await;
                let answer = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    format!("https://{address}")
}

/// A server that answers the first bytes of a handshake with these.
async fn server_that_says(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
        }
    });
    format!("https://{address}")
}

/// Checks how it ends for whoever knows an authority, and shows a certificate where one is given.
async fn check(server: &str, known: &Authority, client: Option<&Signed>, expected: &str) {
    let authority = STANDARD.encode(&known.pem);
    let cluster = format!("'{server}', certificate-authority-data: {authority}");
    let mut text = CONFIG.replace("'https://10.0.0.1:6443'", &cluster);
    if let Some(client) = client {
        let (cert, key) = (&client.pem, client.key.serialize_pem());
        let (cert, key) = (STANDARD.encode(cert), STANDARD.encode(key));
        let user = format!("{{client-certificate-data: {cert}, client-key-data: {key}}}");
        text = text.replace("{token: hunter2}", &user);
    }
    let files = Files::new();
    let options = ConnectOptions {
        kubeconfig: Some(files.write("config", &text)),
        ..ConnectOptions::default()
    };
    let cluster = connect(&options).await.unwrap();
    let failure = cluster.get(&web()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
    assert!(failure.summary.contains(expected), "{failure}");
}

#[tokio::test]
async fn certificates_that_cannot_be_trusted_are_told_apart_and_end_there() {
    let (known, other) = (Authority::new("kubernetes"), Authority::new("other"));
    // Most clusters call theirs alike.
    let twin = Authority::new("kubernetes");
    let good = server_with(known.sign("127.0.0.1", 2999), None).await;
    check(&good, &known, None, "the server answered 500").await;
    check(&good, &other, None, "an authority that is not known here").await;
    check(&good, &twin, None, "another authority of the same name").await;
    let own = server_with(signed_by_itself("127.0.0.1"), None).await;
    check(&own, &known, None, "is signed by itself").await;
    let expired = server_with(known.sign("127.0.0.1", 2021), None).await;
    check(
        &expired,
        &known,
        None,
        "the server's certificate has expired",
    )
    .await;
    let elsewhere = server_with(known.sign("db.example.com", 2999), None).await;
    let names = "the server's certificate is not for \"127.0.0.1\", it is only valid for";
    check(&elsewhere, &known, None, names).await;
}

#[tokio::test]
async fn client_certificates_that_are_refused_are_told_apart() {
    let (known, other) = (Authority::new("kubernetes"), Authority::new("other"));
    let twin = Authority::new("kubernetes");
    let server = server_with(known.sign("127.0.0.1", 2999), Some(&known)).await;
    let good = known.sign("ann", 2999);
    check(&server, &known, Some(&good), "the server answered 500").await;
    let expired = known.sign("ann", 2021);
    let why = "the server says that the client certificate has expired";
    check(&server, &known, Some(&expired), why).await;
    let stranger = other.sign("ann", 2999);
    let why = "the server does not know the authority of the client certificate";
    check(&server, &known, Some(&stranger), why).await;
    let stranger = twin.sign("ann", 2999);
    let why = "the server does not take the client certificate";
    check(&server, &known, Some(&stranger), why).await;
    let why = "the server wants a client certificate, and the kubeconfig has none";
    check(&server, &known, None, why).await;
}

#[tokio::test]
async fn servers_that_speak_no_tls_or_an_old_one_are_told_apart() {
    let known = Authority::new("kubernetes");
    // An alert of TLS 1.0: protocol version.
    let old = server_that_says(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]).await;
    check(
        &old,
        &known,
        None,
        "no version of TLS that is safe: 1.2 or later",
    )
    .await;
    let http = server_that_says(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    check(&http, &known, None, "the server does not speak TLS there").await;
}
