//! The client's transport: renews the login when it expires or is refused, once for all calls, and repeats reads only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use tokio::time::Instant;
use tower::BoxError;

use super::exec::{Credential, LoginError, Plugin};
use super::with_credential;
use crate::cluster::unreachable::{self, ThroughProxy};
use crate::failure::{Failure, FailureKind};

/// A credential is renewed this long before it is over.
const EARLY: SignedDuration = SignedDuration::from_secs(10);
/// A login that is refused this soon after it was made is not the matter of another login, unless it is over already.
const LOGIN_INTERVAL: Duration = Duration::from_secs(10);

/// The path of reviews of what a user may do: they are posted, and change nothing.
const REVIEWS: &str = ".k8s.io/v1/selfsubject";
/// Longest time until a login that failed is tried again by itself: a plugin may open a window each time.
const LONGEST_LOGIN_INTERVAL: Duration = Duration::from_secs(300);

/// Reads a configuration anew, for files change while a session goes on; none where that is no use.
pub(super) type Reload =
    Box<dyn Fn(&kube::Config) -> Result<Option<kube::Config>, Failure> + Send + Sync>;

/// What all calls share.
struct Shared {
    plugin: Option<Plugin>,
    reload: Option<Reload>,
    session: Mutex<Session>,
    /// Held while logging in, so that many calls make one login. Holds how the last one failed, if it did.
    login: tokio::sync::Mutex<Option<FailedLogin>>,
}

/// How the last login failed.
struct FailedLogin {
    at: Instant,
    failure: Failure,
    /// How many failed in a row.
    n_failed: u32,
}

impl FailedLogin {
    /// Tells whether it is too soon to try again. Who asks for a change is there to log in; what only looks on may do so
    /// all night.
    fn holds(&self, wants_change: bool) -> bool {
        let doubled = LOGIN_INTERVAL.saturating_mul(1 << (self.n_failed - 1).min(10));
        let interval = match wants_change {
            true => LOGIN_INTERVAL,
            false => doubled.min(LONGEST_LOGIN_INTERVAL),
        };
        self.at.elapsed() < interval
    }
}

/// A client with the login that it speaks by.
#[derive(Clone)]
struct Session {
    client: kube::Client,
    /// What the client was made of, but for a plugin's credential.
    config: Arc<kube::Config>,
    credential: Option<Credential>,
    /// Whether the credential's end is believed. One that was over when it was given tells of a clock that is wrong: there
    /// only a refusal of the server counts, or every call would make a login.
    has_end: bool,
    since: Instant,
    number: u64,
}

/// Opens a client whose login renews itself.
pub(super) async fn open(
    config: kube::Config,
    plugin: Option<Plugin>,
    reload: Option<Reload>,
    may_ask: bool,
) -> Result<kube::Client, Failure> {
    let renews = plugin.is_some() || reload.is_some();
    if !renews {
        return client(config);
    }
    let credential = match &plugin {
        Some(plugin) => Some(plugin.run(may_ask).await?),
        None => None,
    };
    let namespace = config.default_namespace.clone();
    let session = session(Arc::new(config), credential, 0)?;
    let shared = Arc::new(Shared {
        plugin,
        reload,
        session: Mutex::new(session),
        login: tokio::sync::Mutex::new(None),
    });
    let service = tower::service_fn(move |request| {
        let shared = shared.clone();
        async move { shared.send(request).await }
    });
    Ok(kube::Client::new(service, namespace))
}

/// Makes a client of a configuration.
pub(super) fn client(config: kube::Config) -> Result<kube::Client, Failure> {
    let namespace = config.default_namespace.clone();
    let proxy = config.proxy_url.as_ref().map(unreachable::shown);
    let client = kube::Client::try_from(config).map_err(|error| {
        let mut innermost: &dyn std::error::Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let reason = crate::text::clean(&innermost.to_string()).into_owned();
        let summary = format!("cannot use the credentials that were given: {reason}");
        Failure::new(FailureKind::Invalid, summary)
    })?;
    Ok(match proxy {
        Some(proxy) => through(client, proxy, namespace),
        None => client,
    })
}

/// Returns a client whose failures name the proxy: what does not answer may be that, or the server behind it.
fn through(client: kube::Client, proxy: String, namespace: String) -> kube::Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, proxy) = (client.clone(), proxy.clone());
        async move {
            let answer = client.send(request).await;
            answer.map_err(|error| ThroughProxy {
                proxy,
                source: error.into(),
            })
        }
    });
    kube::Client::new(service, namespace)
}

fn session(
    config: Arc<kube::Config>,
    credential: Option<Credential>,
    number: u64,
) -> Result<Session, Failure> {
    let mut own = kube::Config::clone(&config);
    let is_over = |credential: &Credential| credential.ends_by(Timestamp::now());
    if let Some(credential) = &credential {
        own.auth_info = with_credential(own.auth_info, credential);
    }
    Ok(Session {
        client: client(own)?,
        config,
        has_end: !credential.as_ref().is_some_and(is_over),
        credential,
        since: Instant::now(),
        number,
    })
}

impl Session {
    /// Tells whether its credential is over by then, as far as its end is believed.
    fn ends_by(&self, then: Timestamp) -> bool {
        let credential = self.credential.as_ref().filter(|_| self.has_end);
        credential.is_some_and(|credential| credential.ends_by(then))
    }
}

/// Tells whether somebody asks for a change: what a user may do and who that is, is asked by whoever looks on, too.
fn wants_change(request: &Request<Body>) -> bool {
    let is_review = request.uri().path().contains(REVIEWS);
    request.method() != Method::GET && !is_review
}

impl Shared {
    async fn send(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let wants_change = wants_change(&request);
        let session = self.fresh_session(wants_change).await?;
        let (parts, body) = request.into_parts();
        let again = (parts.method == Method::GET).then(|| parts.clone());
        let response = session
            .client
            .send(Request::from_parts(parts, body))
            .await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // A write is refused to its caller: nothing was done, and whoever asked for it decides again.
        let renewed = self.renew(&session, wants_change).await;
        match (again, renewed) {
            (Some(parts), Ok(Some(renewed))) => {
                let request = Request::from_parts(parts, Body::empty());
                Ok(renewed.client.send(request).await?)
            }
            (Some(_), Err(failure)) => Err(LoginError(failure).into()),
            _ => Ok(response),
        }
    }

    fn session(&self) -> Session {
        let session = self.session.lock();
        session.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fresh_session(self: &Arc<Self>, wants_change: bool) -> Result<Session, BoxError> {
        let session = self.session();
        if !session.ends_by(Timestamp::now() + EARLY) {
            return Ok(session);
        }
        match self.renew(&session, wants_change).await {
            Ok(renewed) => Ok(renewed.unwrap_or(session)),
            // It was to be early.
            Err(_) if !session.ends_by(Timestamp::now()) => Ok(session),
            Err(failure) => Err(LoginError(failure).into()),
        }
    }

    /// Logs in again, unless that was done meanwhile or just now. None if it is no use.
    ///
    /// The login goes on by itself when the call that needed it runs out of time: a plugin may take longer than a call.
    async fn renew(
        self: &Arc<Self>,
        seen: &Session,
        wants_change: bool,
    ) -> Result<Option<Session>, Failure> {
        let (shared, number) = (self.clone(), seen.number);
        let login = tokio::spawn(async move { shared.log_in(number, wants_change).await });
        login.await.unwrap_or_else(|error| {
            let summary = format!("login failed: {}", crate::panics::of_task(&error));
            Err(Failure::new(FailureKind::Login, summary))
        })
    }

    async fn log_in(&self, seen: u64, wants_change: bool) -> Result<Option<Session>, Failure> {
        let mut last_failure = self.login.lock().await;
        let present = self.session();
        if present.number != seen {
            return Ok(Some(present));
        }
        let is_recent = present.since.elapsed() < LOGIN_INTERVAL;
        if is_recent && !present.ends_by(Timestamp::now()) {
            return Ok(None);
        }
        if let Some(failed) = &*last_failure
            && failed.holds(wants_change)
        {
            return Err(failed.failure.clone());
        }
        match self.new_session(&present).await {
            Ok(Some(renewed)) => {
                *last_failure = None;
                *self.session.lock().unwrap_or_else(PoisonError::into_inner) = renewed.clone();
                Ok(Some(renewed))
            }
            Ok(None) => Ok(None),
            Err(failure) => {
                let n_failed = last_failure.as_ref().map_or(0, |failed| failed.n_failed);
                *last_failure = Some(FailedLogin {
                    at: Instant::now(),
                    failure: failure.clone(),
                    n_failed: n_failed.saturating_add(1),
                });
                Err(failure)
            }
        }
    }

    async fn new_session(&self, present: &Session) -> Result<Option<Session>, Failure> {
        let number = present.number + 1;
        if let Some(plugin) = &self.plugin {
            let credential = plugin.run(false).await?;
            return session(present.config.clone(), Some(credential), number).map(Some);
        }
        let reload = self.reload.as_ref().map(|reload| reload(&present.config));
        match reload.transpose()?.flatten() {
            Some(config) => session(Arc::new(config), None, number).map(Some),
            None => Ok(None),
        }
    }
}
