//! A sandbox on a port: TLS with a certificate of its own, since clients show their tokens to nobody without.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rcgen::CertifiedKey;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, ServerConfig};

use crate::rbac::User;
use crate::sandbox::Sandbox;
use crate::server::unauthorized;

/// Between two attempts to take a connection, after one that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long a client may take to agree on TLS.
const AGREES_WITHIN: Duration = Duration::from_secs(10);

/// Why a sandbox could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("listening on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What was wrong.
        #[source]
        source: std::io::Error,
    },
    /// No certificate could be made.
    #[error("making a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The certificate could not be used.
    #[error("setting up TLS")]
    Tls(#[from] rustls::Error),
}

/// A sandbox that is served; dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Served {
    address: SocketAddr,
    certificate: String,
    task: AbortHandle,
}

impl Served {
    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the certificate that clients are to trust, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn serve(sandbox: Sandbox, address: SocketAddr) -> Result<Served, ServeError> {
    let fail = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    let names = vec!["localhost".to_owned(), address.ip().to_string()];
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names)?;
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let task = tokio::spawn(accept(listener, acceptor, sandbox)).abort_handle();
    Ok(Served {
        address,
        certificate: cert.pem(),
        task,
    })
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, sandbox: Sandbox) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    // Where the system has no descriptor left the next attempt would fail as fast.
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                };
                connections.spawn(attend(stream, acceptor.clone(), sandbox.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn attend(stream: TcpStream, acceptor: TlsAcceptor, sandbox: Sandbox) {
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(AGREES_WITHIN, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(e)) => {
            return tracing::debug!(error = %e, "a client of the sandbox did not agree on TLS");
        }
        Err(_) => return tracing::debug!("a client of the sandbox did not speak"),
    };
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let sandbox = sandbox.clone();
        async move {
            let answer = match user_of(&sandbox, &request) {
                Some(user) => sandbox.server().answer(user, request).await,
                None => unauthorized(),
            };
            Ok::<_, std::convert::Infallible>(answer)
        }
    });
    let http = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(e) = http.await {
        tracing::debug!(error = %e, "a connection to the sandbox broke");
    }
}

fn user_of<B>(sandbox: &Sandbox, request: &Request<B>) -> Option<Arc<User>> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    sandbox.user_with_token(value.strip_prefix("Bearer ")?.trim())
}
