//! Requests: reads that may be repeated within their deadline, writes that are sent once.

use std::time::Duration;

use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

use super::{Cluster, reply};
use crate::audit::Sent;
use crate::failure::{Failure, FailureKind};

/// Objects of a list's page.
const PAGE: usize = 500;
/// How often a list is begun again because its snapshot expired between two pages; then it is read without pages.
const MAX_EXPIRED: usize = 2;
/// Largest answer that is read whole, in bytes: a page of the largest objects a server stores.
const MAX_ANSWER: usize = 512 * 1024 * 1024;
/// How often a read is tried within its deadline.
const MAX_TRIES: u32 = 3;
/// How long is looked at least what became of something, however long nothing was answered.
const LEAST_LOOK: Duration = Duration::from_secs(2);
/// Between tries while an outage is ridden out.
const RIDE_PAUSE: Duration = Duration::from_secs(1);
/// So long nothing at all is answered before that is told: longer than from one beat of an operation to the next.
const TOLD_AFTER: Duration = Duration::from_secs(4);
/// Wait before the second try; doubled for the third.
const RETRY_AFTER: Duration = Duration::from_millis(200);
pub(super) const JSON: &str = "application/json";

/// A request, before it is sent.
pub(super) struct Ask<'a> {
    /// What is being done to what, for failures: `list pods of team-a`.
    pub doing: &'a str,
    pub method: Method,
    pub path_and_query: String,
    pub accept: &'static str,
    pub body: Option<(&'static str, Vec<u8>)>,
}

/// An answer with its body read whole.
#[derive(Clone)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub warnings: Vec<String>,
    pub body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// Tells whether a request asks for the verdict alone: nothing else makes a server keep nothing.
fn is_rehearsal(path_and_query: &str) -> bool {
    let query = path_and_query.split_once('?').map_or("", |it| it.1);
    query.split('&').any(|pair| pair == "dryRun=All")
}

impl Cluster {
    /// Reads a list page by page. `decode` returns a page's items and the token of the next page.
    pub(super) async fn read_pages<T>(
        &self,
        doing: &str,
        path: &str,
        query: &str,
        accept: &'static str,
        mut decode: impl FnMut(&[u8]) -> Result<(Vec<T>, Option<String>), Failure>,
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut token, mut n_expired) = (Vec::new(), None::<String>, 0);
        loop {
            let mut query = query.to_owned();
            if n_expired <= MAX_EXPIRED {
                query.push_str(&format!("&limit={PAGE}"));
            }
            if let Some(token) = &token {
                query.push_str(&format!("&{}", form_urlencoded(&[("continue", token)])));
            }
            let answer = self.read(doing, format!("{path}?{query}"), accept).await?;
            if answer.status == StatusCode::GONE && token.is_some() {
                // The snapshot behind the pages expired: begin again, as one list must be one snapshot.
                (items, token) = (Vec::new(), None);
                n_expired += 1;
                continue;
            }
            if answer.status != StatusCode::OK {
                return Err(reply::failure(doing, answer.status, &answer.body));
            }
            let (page, next) = decode(&answer.body)?;
            items.extend(page);
            match next {
                Some(next) if !next.is_empty() => token = Some(next),
                _ => return Ok(items),
            }
        }
    }

    /// Posts a body that changes nothing on the server and returns the answer: reviews.
    pub(super) async fn ask_review(
        &self,
        doing: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let body = Some((JSON, body.to_string().into_bytes()));
        let ask = Ask {
            doing,
            method: Method::POST,
            path_and_query: path.to_owned(),
            accept: JSON,
            body,
        };
        let answer = self.send(ask).await?;
        if !answer.status.is_success() {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        parse(doing, &answer.body)
    }

    /// Sends a read, again while the deadline allows it and the failure may pass; not at all where it was answered in this look.
    pub(super) async fn read(
        &self,
        doing: &str,
        path_and_query: String,
        accept: &'static str,
    ) -> Result<Answer, Failure> {
        let Some(memory) = &self.memory else {
            return self.read_anew(doing, path_and_query, accept).await;
        };
        // NB: boxed, for this future is a part of nearly every other one.
        let ask = Box::pin(self.read_anew(doing, path_and_query.clone(), accept));
        memory.answer((path_and_query, accept), ask).await
    }

    async fn read_anew(
        &self,
        doing: &str,
        path_and_query: String,
        accept: &'static str,
    ) -> Result<Answer, Failure> {
        let begun = Instant::now();
        let mut deadline = self.deadline_of_read();
        let (mut wait, mut n_tries) = (RETRY_AFTER, 0);
        loop {
            let ask = Ask {
                doing,
                method: Method::GET,
                path_and_query: path_and_query.clone(),
                accept,
                body: None,
            };
            let result = self.send_until(ask, deadline).await;
            // NB: boxed, for this future is a part of nearly every other one.
            if is_silence(&result) && Box::pin(self.outage_is_ridden_out(begun)).await {
                deadline = self.deadline_of_read();
                continue;
            }
            n_tries += 1;
            let (may_pass, asked_wait) = match &result {
                Ok(answer) => (is_passing(answer.status), answer.retry_after),
                Err(failure) => (failure.kind == FailureKind::Unreachable, None),
            };
            // Whatever is beyond the deadline is as good as the deadline, and cannot overflow.
            let next = Instant::now() + asked_wait.unwrap_or(wait).min(self.deadline);
            if !may_pass || n_tries >= MAX_TRIES || next >= deadline {
                return result;
            }
            tokio::time::sleep_until(next).await;
            wait *= 2;
        }
    }

    /// Returns until when a read is answered: while nothing is answered no longer than that is ridden out.
    fn deadline_of_read(&self) -> Instant {
        let now = Instant::now();
        let deadline = now + self.deadline;
        match self.silent_until() {
            Some(until) => deadline.min(until.max(now + LEAST_LOOK)),
            None => deadline,
        }
    }

    /// Returns until when an outage is ridden out; none where there is none, or it is not.
    fn silent_until(&self) -> Option<Instant> {
        Some(self.reach.silent_since()? + self.patience.as_ref()?.outage)
    }

    /// Waits for the next try of a read in an outage; returns whether there is to be one. The pause is short: whoever does not
    /// beat again soon after the outage is taken for gone.
    async fn outage_is_ridden_out(&self, begun: Instant) -> bool {
        let now = Instant::now();
        // However often other requests are answered: what this one asks for may be away alone, and for ever.
        let patience = self.patience.as_ref();
        let last = patience.map(|patience| begun + patience.outage);
        let Some(until) = self.silent_until().min(last).filter(|until| *until > now) else {
            return false;
        };
        if self.stop.is_asked() {
            return false;
        }
        // A moment is no outage, nor is what is away alone while the beats of the operation are answered.
        let silent_for = self.reach.silent_since().map(|since| since.elapsed());
        let is_outage = silent_for.is_some_and(|it| it >= TOLD_AFTER);
        if let Some(patience) = patience.filter(|_| is_outage) {
            let at = self.now();
            patience.ride(at.checked_add(until - now).unwrap_or(at));
        }
        tokio::time::sleep_until(until.min(now + RIDE_PAUSE)).await;
        !self.stop.is_asked()
    }

    /// Sends a request once.
    pub(super) async fn send(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let deadline = Instant::now() + self.deadline;
        self.send_until(ask, deadline).await
    }

    /// Sends a write once and takes note of it. Its uid is the answer's where it is not known beforehand.
    pub(super) async fn send_write(
        &self,
        ask: Ask<'_>,
        uid: Option<&str>,
    ) -> Result<Answer, Failure> {
        if let Some(memory) = &self.memory {
            memory.forget();
        }
        let is_rehearsal = is_rehearsal(&ask.path_and_query);
        if let Some(refusal) = self.read_only().filter(|_| !is_rehearsal) {
            return Err(refusal);
        }
        let Some(audit) = self.audit.clone().filter(|_| !is_rehearsal) else {
            return self.send(ask).await;
        };
        let method = ask.method.clone();
        let path = ask.path_and_query.split('?').next();
        let path = path.unwrap_or_default().to_owned();
        let body = ask.body.as_ref().map(|(_, body)| body.clone());
        let answer = self.send(ask).await;
        let answered = answer.as_ref().ok();
        let answered_uid = answered.and_then(|answer| uid_in(&answer.body));
        audit.note(&Sent {
            context: &self.identity.context,
            server: &self.identity.server,
            user: &self.identity.user,
            method: method.as_str(),
            path: &path,
            uid: uid.or(answered_uid.as_deref()),
            body: &body.unwrap_or_default(),
            status: answered.map(|answer| answer.status.as_u16()),
        });
        answer
    }

    async fn send_until(&self, ask: Ask<'_>, deadline: Instant) -> Result<Answer, Failure> {
        let (doing, sent) = (ask.doing, Instant::now());
        let result = match tokio::time::timeout_at(deadline, self.exchange(ask)).await {
            Ok(result) => result,
            Err(_) => {
                // Who rode an outage out waited since its beginning, not since the last try.
                let ridden = self
                    .patience
                    .as_ref()
                    .and_then(|_| self.reach.silent_since());
                let since = ridden.map_or(sent, |since| since.min(sent));
                let seconds = (deadline - since).as_secs_f64().round();
                let summary =
                    format!("cannot {doing}: no answer from the server within {seconds} s");
                Err(Failure::new(FailureKind::Unreachable, summary))
            }
        };
        // Behind a gateway one API or node alone may be away for ever, which whoever looks on asks for again and again: only who
        // rides it out takes that for the server's silence.
        let is_gateways = result.is_ok() && self.patience.is_none();
        let is_answered = is_gateways || !is_silence(&result);
        self.reach.note(sent, is_answered);
        if let Some(patience) = self.patience.as_ref().filter(|_| is_answered) {
            patience.end();
        }
        result
    }

    async fn exchange(&self, ask: Ask<'_>) -> Result<Answer, Failure> {
        let _permit = self
            .in_flight
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let doing = ask.doing;
        let response = self.client.send(ask.into_request()?).await;
        let response = response.map_err(|error| reply::transport_failure(doing, &error))?;
        let (parts, body) = response.into_parts();
        self.clock.learn(&parts.headers, Timestamp::now());
        let collected = Limited::new(body, MAX_ANSWER).collect().await;
        let body = collected.map_err(|error| {
            Failure::new(
                FailureKind::Unreachable,
                format!("cannot {doing}: the answer broke off: {error}"),
            )
        })?;
        if !is_passing(parts.status) {
            self.reach.regain();
        }
        Ok(Answer {
            status: parts.status,
            warnings: reply::warnings(&parts.headers),
            body: body.to_bytes().to_vec(),
            retry_after: retry_after(&parts.headers),
        })
    }
}

impl Ask<'_> {
    /// Returns the request for the client.
    pub fn into_request(self) -> Result<http::Request<Body>, Failure> {
        let mut builder = http::Request::builder()
            .method(self.method)
            .uri(self.path_and_query)
            .header(header::ACCEPT, self.accept);
        let body = match self.body {
            Some((content_type, body)) => {
                builder = builder.header(header::CONTENT_TYPE, content_type);
                Body::from(body)
            }
            None => Body::empty(),
        };
        builder.body(body).map_err(|error| {
            let summary = format!("cannot {}: {error}", self.doing);
            Failure::new(FailureKind::Invalid, summary)
        })
    }
}

/// Returns the uid of the object in an answer.
fn uid_in(body: &[u8]) -> Option<String> {
    let object: Value = serde_json::from_slice(body).ok()?;
    Some(object["metadata"]["uid"].as_str()?.to_owned())
}

/// Tells whether the server itself said nothing: a gateway that stands before it answers in its place.
fn is_silence(result: &Result<Answer, Failure>) -> bool {
    match result {
        Ok(answer) => is_of_gateway(answer.status),
        Err(failure) => failure.kind == FailureKind::Unreachable,
    }
}

fn is_of_gateway(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

fn is_passing(status: StatusCode) -> bool {
    is_of_gateway(status)
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::INTERNAL_SERVER_ERROR
        )
}

/// Reads `Retry-After` in seconds; a date or anything else is ignored.
pub(super) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

pub(super) fn parse(doing: &str, body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|_| unreadable(doing))
}

/// The body is left out: it may hold secrets.
pub(super) fn unreadable(doing: &str) -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        format!("cannot {doing}: the server's answer is no Kubernetes object"),
    )
}

/// Returns `key=value` pairs for a query, values percent-encoded.
pub(super) fn form_urlencoded(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        text.bytes()
            .map(|b| {
                if keep(b) {
                    char::from(b).to_string()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect()
    };
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    pairs.join("&")
}
