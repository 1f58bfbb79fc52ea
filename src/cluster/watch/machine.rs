//! One watch that never ends: lists, follows, resumes, lists again, and says how it is doing.
//!
//! The states are told by what is known: without a resource version everything is listed, as a stream where the server can
//! and page by page where it cannot; with one the watch goes on from there. Whatever ends a watch becomes an [`End`], and
//! [`Watch::settle`] alone decides what that means and how long to wait.

use std::time::Duration;

use futures::FutureExt;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::backoff::{Backoff, jittered, random_fraction};
use super::decode::{Decode, Line, Undecodable};
use super::lines::{FeedError, Lines};
use super::seen::Seen;
use super::turn::{Phase, Turn};
use crate::cluster::reach::Reach;
use crate::cluster::request::{Ask, form_urlencoded, retry_after};
use crate::cluster::{Cluster, reply};
use crate::failure::{Failure, FailureKind};
use crate::service::watch::{Delta, LinkState, Topic, WatchEvent};

/// Shortest and longest time after which the server is asked to end a watch: with the grace below, a connection that
/// went silent is noticed within 30 s even where nothing changes.
const SHORTEST_WATCH: f64 = 20.0;
const WATCH_SPREAD: f64 = 4.5;
/// How long a stream that begins with a list may take in all; a slow link needs it. Its pieces must keep coming.
const LIST_DEADLINE: Duration = Duration::from_secs(290);
/// How long after that the end must have come.
const END_GRACE: Duration = Duration::from_secs(5);
/// How long the first bytes, and each next piece of a first list, may take.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
/// How long a watch waits for its turn to be opened again.
const TURN_DEADLINE: Duration = Duration::from_secs(2);
/// Least time between two starts of a watch: a server that closes each at once must not be hammered.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// How long one rests at least after an outage, whatever else is answered.
const LEAST_REST: Duration = Duration::from_secs(2);
/// A watch that brought nothing and ended before this was refused in fact.
const TOO_SHORT: Duration = Duration::from_secs(5);
/// When something forbidden is asked for again.
const FORBIDDEN_INTERVAL: Duration = Duration::from_secs(60);
/// Longest wait that a server may ask for.
const LONGEST_ASKED_WAIT: Duration = Duration::from_secs(30);
/// Objects of a page where the server cannot stream a list.
const PAGE: usize = 500;
/// How often a list may expire between two pages before it is asked for whole.
const MAX_TORN: u32 = 2;
/// So often a watch is resumed from a version after which nothing can be read.
const MAX_STUCK: u32 = 3;
/// Largest page that is read.
const MAX_PAGE: usize = 256 * 1024 * 1024;
/// Largest refusal that is read.
const MAX_REFUSAL: usize = 64 * 1024;
/// Changes that are reported at once at most, so that first rows come before the last.
const MAX_BATCH: usize = 512;

/// Where events go.
pub(super) type Sink = std::sync::Arc<dyn Fn(WatchEvent) + Send + Sync>;
/// Makes events of changes.
pub(in crate::cluster) type Emit<T> = Box<dyn Fn(Vec<Delta<T>>) -> Vec<WatchEvent> + Send>;

/// What is watched.
pub(in crate::cluster) struct Subject<D: Decode> {
    pub topic: Topic,
    /// Path of the collection.
    pub path: String,
    /// `labelSelector=…` or `fieldSelector=…`, encoded.
    pub selector: String,
    pub decode: D,
    pub emit: Emit<D::Item>,
}

/// One watch.
pub(super) struct Watch<D: Decode> {
    cluster: Cluster,
    subject: Subject<D>,
    sink: Sink,
    /// `watch deployments`, for failures.
    doing: String,
    /// Up to where everything was reported; none if a list is needed.
    resource_version: Option<String>,
    can_stream_lists: bool,
    /// Whether a whole list was reported.
    has_data: bool,
    /// Whether anything was reported.
    has_shown: bool,
    /// When what was reported was last known to be what the server has.
    last_contact: Option<Instant>,
    backoff: Backoff,
    n_expired: u32,
    /// Lists in a row that expired between two pages.
    n_torn: u32,
    /// How often in a row nothing could be read of what comes after the version that it resumes from.
    n_stuck: u32,
    n_forbidden: u32,
    seen: Seen,
    link: Option<LinkState>,
    /// Held while this watch is opened again, until it follows.
    turn: Option<OwnedSemaphorePermit>,
}

/// Until when a watch rests.
#[derive(Debug)]
pub(super) struct Rest {
    pub until: Instant,
    /// Whether it rests because of an outage: it is over as soon as anything is answered.
    pub is_outage: bool,
}

impl From<Instant> for Rest {
    fn from(until: Instant) -> Self {
        Self {
            until,
            is_outage: false,
        }
    }
}

impl Rest {
    pub async fn over(self, reach: &Reach) {
        if !self.is_outage {
            return sleep_until(self.until).await;
        }
        let back = reach.back();
        let sooner = async {
            // A server that answers others may go on refusing this: it is not asked all the time.
            sleep(jittered(LEAST_REST)).await;
            back.await;
        };
        tokio::select! {
            () = sleep_until(self.until) => {}
            () = sooner => {}
        }
    }
}

/// Why a watch ended.
#[derive(Debug)]
enum End {
    /// The server ended it, as it was asked to.
    Ended { brought_something: bool },
    /// What it was resumed from is not known any more.
    Expired,
    /// The server cannot stream a list.
    NoStreaming,
    /// This user may not.
    Forbidden(Failure),
    /// It broke. With `relist` what was reported so far cannot be built on.
    Failed {
        failure: Failure,
        relist: bool,
        asked_wait: Option<Duration>,
    },
}

impl End {
    fn failed(failure: Failure) -> Self {
        Self::Failed {
            failure,
            relist: false,
            asked_wait: None,
        }
    }
}

impl<D: Decode> Watch<D> {
    /// Returns a watch and says that it awaits its first answer: whoever starts several knows at once what is to come.
    pub fn new(cluster: Cluster, subject: Subject<D>, sink: Sink) -> Self {
        let mut watch = Self {
            doing: format!("watch {}", subject.topic),
            cluster,
            subject,
            sink,
            resource_version: None,
            can_stream_lists: true,
            has_data: false,
            has_shown: false,
            last_contact: None,
            backoff: Backoff::default(),
            n_expired: 0,
            n_torn: 0,
            n_stuck: 0,
            n_forbidden: 0,
            seen: Seen::default(),
            link: None,
            turn: None,
        };
        watch.report(LinkState::Connecting);
        watch
    }

    /// Watches until it is dropped.
    pub async fn run(mut self) {
        loop {
            let started = Instant::now();
            self.take_turn().await;
            let end = self.once().await;
            self.turn = None;
            let rest = self.settle(end, started);
            rest.over(&self.cluster.reach).await;
        }
    }

    /// Waits for a turn among the watches of this session, which all open again at the same moment when a machine wakes up
    /// or a server comes back. What was never shown does not wait, and none waits for long: a server that does not answer
    /// must not keep the others from noticing.
    async fn take_turn(&mut self) {
        if self.has_shown {
            let turn = self.cluster.reopening.clone().acquire_owned();
            self.turn = timeout(TURN_DEADLINE, turn).await.ok().and_then(Result::ok);
        }
    }

    async fn once(&mut self) -> End {
        if self.resource_version.is_none()
            && !self.can_stream_lists
            && let Err(end) = self.list_pages().await
        {
            return end;
        }
        match self.open().await {
            Ok(body) => self.follow(body).await,
            Err(end) => end,
        }
    }

    /// Decides what an end means, and returns when to go on.
    fn settle(&mut self, end: End, started: Instant) -> Rest {
        let lasted = started.elapsed();
        match end {
            End::Ended { brought_something } if brought_something || lasted >= TOO_SHORT => {
                self.backoff.reset();
                (started + MIN_INTERVAL).into()
            }
            End::Ended { .. } => {
                let wait = self.backoff.after_failure(lasted).max(MIN_INTERVAL);
                // The first may be a server that shuts down in good order; then another one is there at once.
                if self.backoff.n_failures() > 1 {
                    let summary = format!("cannot {}: the server ends it at once", self.doing);
                    self.retrying(Failure::new(FailureKind::Unreachable, summary), wait);
                }
                (Instant::now() + wait).into()
            }
            End::Expired => {
                self.resource_version = None;
                self.n_expired += 1;
                // Once is normal after a pause. More often, streaming itself may be what fails.
                self.can_stream_lists &= self.n_expired < 3;
                if self.n_expired == 1 {
                    return Instant::now().into();
                }
                let wait = self.backoff.after_failure(lasted);
                let summary = format!(
                    "cannot {}: the server says again and again that what it gave has expired",
                    self.doing
                );
                self.retrying(Failure::new(FailureKind::Unreachable, summary), wait);
                (Instant::now() + wait).into()
            }
            End::NoStreaming => {
                self.can_stream_lists = false;
                Instant::now().into()
            }
            End::Forbidden(failure) => {
                self.resource_version = None;
                self.n_forbidden += 1;
                self.report(LinkState::Forbidden(failure));
                if self.n_forbidden > 1 && std::mem::take(&mut self.has_data) {
                    self.emit(vec![Delta::Reset(Vec::new())]);
                }
                (Instant::now() + FORBIDDEN_INTERVAL + jittered(FORBIDDEN_INTERVAL / 4)).into()
            }
            End::Failed {
                failure,
                relist,
                asked_wait,
            } => {
                if relist {
                    self.resource_version = None;
                }
                let asked = asked_wait.unwrap_or_default().min(LONGEST_ASKED_WAIT);
                let wait = self.backoff.after_failure(lasted).max(asked);
                let is_outage = failure.kind == FailureKind::Unreachable && asked_wait.is_none();
                if is_outage {
                    self.cluster.reach.lose();
                }
                self.retrying(failure, wait);
                Rest {
                    until: Instant::now() + wait,
                    is_outage,
                }
            }
        }
    }

    fn retrying(&mut self, failure: Failure, wait: Duration) {
        let data_age = self
            .last_contact
            .filter(|_| self.has_data)
            .map(|at| at.elapsed());
        self.report(LinkState::Retrying {
            failure,
            next_attempt_in: wait,
            data_age,
        });
    }

    /// Reports a state, unless it is the one reported last.
    fn report(&mut self, state: LinkState) {
        if self.link.as_ref() == Some(&state) {
            return;
        }
        self.link = Some(state.clone());
        (self.sink)(WatchEvent::Link {
            topic: self.subject.topic.clone(),
            state,
        });
    }

    fn emit(&self, deltas: Vec<Delta<D::Item>>) {
        if !deltas.is_empty() {
            (self.subject.emit)(deltas)
                .into_iter()
                .for_each(&*self.sink);
        }
    }

    fn live(&mut self) {
        self.n_forbidden = 0;
        self.report(LinkState::Live);
    }

    /// Opens the watch and returns its stream.
    async fn open(&mut self) -> Result<(Body, Duration), End> {
        let lasting = Duration::from_secs_f64(SHORTEST_WATCH + WATCH_SPREAD * random_fraction());
        let (from, limit) = match &self.resource_version {
            Some(version) => (form_urlencoded(&[("resourceVersion", version)]), lasting),
            None => {
                let from = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
                self.seen.clear();
                (from.to_owned(), LIST_DEADLINE)
            }
        };
        let query = format!(
            "watch=1&allowWatchBookmarks=true&timeoutSeconds={}&{from}&{}{}",
            limit.as_secs(),
            self.subject.selector,
            D::QUERY
        );
        let response = self.send(&query, D::ACCEPT_WATCH).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refused(response).await);
        }
        self.cluster.reach.regain();
        if self.resource_version.is_some() {
            self.turn = None;
            self.last_contact = Some(Instant::now());
            self.live();
        }
        Ok((response.into_body(), lasting))
    }

    async fn send(
        &mut self,
        query: &str,
        accept: &'static str,
    ) -> Result<http::Response<Body>, End> {
        let ask = Ask {
            doing: &self.doing,
            method: http::Method::GET,
            path_and_query: format!("{}?{query}", self.subject.path),
            accept,
            body: None,
        };
        let request = ask.into_request().map_err(End::failed)?;
        match timeout(ANSWER_DEADLINE, self.cluster.client.send(request)).await {
            Ok(Ok(response)) => {
                let clock = &self.cluster.clock;
                clock.learn(response.headers(), jiff::Timestamp::now());
                Ok(response)
            }
            Ok(Err(error)) => Err(End::failed(reply::transport_failure(&self.doing, &error))),
            Err(_) => Err(self.silent(ANSWER_DEADLINE)),
        }
    }

    fn silent(&self, waited: Duration) -> End {
        let seconds = waited.as_secs();
        let summary = format!(
            "cannot {}: no answer from the server within {seconds} s",
            self.doing
        );
        End::failed(Failure::new(FailureKind::Unreachable, summary))
    }

    /// Tells what a refusal means.
    async fn refused(&mut self, response: http::Response<Body>) -> End {
        let status = response.status();
        let asked_wait = retry_after(response.headers());
        let body = Limited::new(response.into_body(), MAX_REFUSAL).collect();
        let body = match timeout(ANSWER_DEADLINE, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            _ => bytes::Bytes::new(),
        };
        self.meaning_of(status, asked_wait, &body)
    }

    fn meaning_of(&self, status: StatusCode, asked_wait: Option<Duration>, body: &[u8]) -> End {
        let failure = reply::failure(&self.doing, status, body);
        let is_initial = self.resource_version.is_none() && self.can_stream_lists;
        let refuses_streaming = match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => true,
            StatusCode::FORBIDDEN => failure.summary.contains("sendInitialEvents"),
            _ => false,
        };
        match status {
            StatusCode::GONE => End::Expired,
            _ if is_initial && refuses_streaming => End::NoStreaming,
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => End::Forbidden(failure),
            _ => End::Failed {
                failure,
                relist: false,
                asked_wait,
            },
        }
    }

    /// Lists page by page, then reports all at once, and notes from where to watch.
    async fn list_pages(&mut self) -> Result<(), End> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = format!("{}{}", self.subject.selector, D::QUERY);
            if self.n_torn < MAX_TORN {
                query.insert_str(0, &format!("limit={PAGE}&"));
            }
            if let Some(token) = &token {
                query.push_str(&format!("&{}", form_urlencoded(&[("continue", token)])));
            }
            let response = self.send(&query, D::ACCEPT_LIST).await?;
            if response.status() != StatusCode::OK {
                let is_torn = response.status() == StatusCode::GONE && token.is_some();
                self.n_torn += u32::from(is_torn);
                return Err(self.refused(response).await);
            }
            let body = Limited::new(response.into_body(), MAX_PAGE).collect();
            let body = match timeout(ANSWER_DEADLINE, body).await {
                Ok(Ok(body)) => body.to_bytes(),
                Ok(Err(error)) => return Err(self.broken(&error.to_string())),
                Err(_) => return Err(self.silent(ANSWER_DEADLINE)),
            };
            let page = self.subject.decode.page(&body);
            let page = page.map_err(|Undecodable| self.undecodable())?;
            items.extend(page.items);
            match page.next {
                Some(next) => token = Some(next),
                None => {
                    self.resource_version = Some(page.resource_version);
                    break;
                }
            }
        }
        self.n_torn = 0;
        self.n_stuck = 0;
        self.seen.clear();
        self.emit(vec![Delta::Reset(items)]);
        self.has_all();
        Ok(())
    }

    fn broken(&self, error: &str) -> End {
        let error = crate::text::clean(error);
        let summary = format!("cannot {}: the answer broke off: {error}", self.doing);
        End::failed(Failure::new(FailureKind::Unreachable, summary))
    }

    fn undecodable(&self) -> End {
        let summary = format!(
            "cannot {}: the server's answer is no Kubernetes object",
            self.doing
        );
        End::failed(Failure::new(FailureKind::Unreachable, summary))
    }

    /// Follows a stream to its end.
    async fn follow(&mut self, (mut body, lasting): (Body, Duration)) -> End {
        let mut lines = Lines::new();
        let mut turn = Turn::new(match self.resource_version {
            Some(_) => Phase::Following,
            None if self.has_shown => Phase::Staging(Vec::new()),
            None => Phase::FirstList,
        });
        let mut follows_since = Instant::now();
        loop {
            // What has come already is taken as one batch; waiting begins with an empty hand.
            let frame = match body.frame().now_or_never() {
                Some(frame) => frame,
                None => {
                    self.flush(&mut turn);
                    let waits_since = Instant::now();
                    let until = match turn.phase {
                        Phase::Following => follows_since + lasting + END_GRACE,
                        _ => waits_since + ANSWER_DEADLINE,
                    };
                    match timeout_at(until, body.frame()).await {
                        Ok(frame) => frame,
                        // A stream that began with a list was not asked to end by now.
                        Err(_) if turn.has_listed => break,
                        Err(_) => return self.silent(waits_since.elapsed()),
                    }
                }
            };
            let piece = match frame {
                None => {
                    self.heard(&turn);
                    break;
                }
                Some(Err(error)) => {
                    self.flush(&mut turn);
                    self.heard(&turn);
                    return self.broken(&error.to_string());
                }
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            self.heard(&turn);
            let had_listed = turn.has_listed;
            let fed = lines.feed(&piece, |line| self.take_line(line, &mut turn));
            if turn.has_listed && !had_listed {
                follows_since = Instant::now();
            }
            if let Err(error) = fed {
                self.flush(&mut turn);
                return match error {
                    FeedError::Line(end) => self.stuck(end),
                    FeedError::TooLong => self.too_long(),
                };
            }
        }
        self.flush(&mut turn);
        match turn.phase {
            Phase::Following => End::Ended {
                brought_something: turn.brought_something,
            },
            _ => self.broken("the list is not complete"),
        }
    }

    /// Takes note that the other side showed itself, be it by its end: up to then nothing else had changed. While a list comes,
    /// what is shown is no younger than before.
    fn heard(&mut self, turn: &Turn<D::Item>) {
        if turn.is_following() {
            self.last_contact = Some(Instant::now());
        }
    }

    /// What cannot be read after a version may never be: then another list is where to go on from.
    fn stuck(&mut self, end: End) -> End {
        let End::Failed {
            failure,
            relist,
            asked_wait,
        } = end
        else {
            return end;
        };
        self.n_stuck += 1;
        End::Failed {
            failure,
            relist: relist || self.n_stuck >= MAX_STUCK,
            asked_wait,
        }
    }

    fn too_long(&self) -> End {
        let summary = format!("cannot {}: the server sends a line without end", self.doing);
        End::Failed {
            failure: Failure::new(FailureKind::Unreachable, summary),
            relist: true,
            asked_wait: None,
        }
    }

    fn take_line(&mut self, line: &[u8], turn: &mut Turn<D::Item>) -> Result<(), End> {
        let line = self.subject.decode.line(line);
        match line.map_err(|Undecodable| self.undecodable())? {
            Line::Applied { key, item, version } => {
                let is_older = self.seen.is_older(&version);
                if is_older && turn.is_following() {
                    return Err(self.suspect());
                }
                let resource_version = version.resource_version.clone();
                self.seen.remember(version);
                match item {
                    Some(item) => turn.add(Delta::Applied(item)),
                    None => turn.add(Delta::Removed(key)),
                }
                self.advance(resource_version, turn);
            }
            Line::Rows(rows, resource_version) => {
                for row in rows {
                    turn.add(Delta::Applied(row));
                }
                self.advance(resource_version, turn);
            }
            Line::Removed(keys, resource_version) => {
                for key in keys {
                    turn.add(Delta::Removed(key));
                }
                self.advance(resource_version, turn);
            }
            Line::Bookmark {
                resource_version,
                ends_initial,
            } => {
                if ends_initial && !turn.is_following() {
                    self.complete(turn);
                }
                self.advance(resource_version, turn);
            }
            Line::Error { code, status } => {
                let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Err(self.meaning_of(code, None, &status));
            }
            Line::Other => {}
        }
        if turn.batch.len() >= MAX_BATCH {
            self.flush(turn);
        }
        Ok(())
    }

    /// Notes up to where everything was reported; during a first list nothing is complete yet.
    fn advance(&mut self, resource_version: String, turn: &mut Turn<D::Item>) {
        turn.brought_something = true;
        self.n_stuck = 0;
        if turn.is_following() && !resource_version.is_empty() {
            self.resource_version = Some(resource_version);
            // A version is proved to be good by what came after it was resumed from, not by the list that gave it.
            if !turn.has_listed {
                self.n_expired = 0;
            }
        }
    }

    /// The server answers with a state that was seen to be replaced: another replica, which lags. Only a consistent list
    /// can be believed now.
    fn suspect(&self) -> End {
        let summary = format!(
            "cannot {}: the server answers with an older state",
            self.doing
        );
        End::Failed {
            failure: Failure::new(FailureKind::Unreachable, summary),
            relist: true,
            asked_wait: None,
        }
    }

    /// A streamed list is complete. One that was staged replaces what was shown, at once.
    fn complete(&mut self, turn: &mut Turn<D::Item>) {
        self.flush(turn);
        if let Phase::Staging(staged) = std::mem::replace(&mut turn.phase, Phase::Following) {
            let mut staged = staged.into_iter().peekable();
            let mut items = Vec::new();
            while let Some(Delta::Applied(item)) =
                staged.next_if(|delta| matches!(delta, Delta::Applied(_)))
            {
                items.push(item);
            }
            self.emit(std::iter::once(Delta::Reset(items)).chain(staged).collect());
        }
        turn.has_listed = true;
        self.has_all();
    }

    /// A whole list was reported.
    fn has_all(&mut self) {
        (self.has_data, self.has_shown) = (true, true);
        self.turn = None;
        self.last_contact = Some(Instant::now());
        self.live();
    }

    fn flush(&mut self, turn: &mut Turn<D::Item>) {
        self.has_shown |= !turn.batch.is_empty();
        let batch = std::mem::take(&mut turn.batch);
        self.emit(batch);
    }
}
