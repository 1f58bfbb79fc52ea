//! The operation that runs on an instance: claimed, stepped, beaten and cleared in the record, only by JSON merge patch with
//! a resourceVersion, so that of two only one can hold it.
//!
//! Nobody waits for a person: an operation whose heartbeat stands still is taken over. Its age is judged by seeing no change
//! on our own clock, never by the time that it names.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::gone;
use super::journal::Journal;
use super::looks::Looks;
use super::progress::{Outcome, Step};
use super::record::{self, Change, Extent, Record};
use crate::cluster::Cluster;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
pub use crate::service::operation::ABANDONED_AFTER;
use crate::service::operation::{Aim, Operation};
use crate::service::summary::InstanceKey;
use crate::text;

/// How often the holder of an operation shows that it lives.
const BEAT: Duration = Duration::from_secs(3);
/// For how long a claim that the server took is sure to hold: a holder that beats knows no longer one, and nobody takes it
/// over unasked before several of them.
const SURE_FOR: Duration = Duration::from_secs(4);
/// How often one looks whether a foreign operation goes on.
const LOOK: Duration = Duration::from_secs(1);
/// How long a record that is being deleted is waited for.
const DELETION_DEADLINE: Duration = Duration::from_secs(30);
/// How long is waited at the end of what failed for a server that does not answer.
const GRACE: Duration = Duration::from_secs(5);
/// What a holder does with an operation.
const RUNS: &str = "runs";
/// What stands between an instance and who works on it, in the refusal to begin.
const BUSY: &str = " is busy: ";
/// What the refusal to begin begins with where the time was up before it was known whether somebody else goes on.
const TIMED_OUT: &str = "timed out: ";
/// What is wrong with a plan of what is otherwise by now.
const PLAN_AGAIN: &str = " after it was planned: plan again";
/// What a failure begins with by which the operation is lost.
const LOST: &str = "the operation on ";
/// Why a step is not tried after a failure to reach the server.
pub(super) const UNREACHABLE: &str = "the server could not be reached";
/// Why no step is tried of an operation that could not be claimed.
pub const NOT_BEGUN: &str = "the operation was not begun";
/// Why a step is not tried that comes after the operation was lost.
pub(super) const NOT_HELD: &str = "the operation is not held any more";
/// Why a step is not tried after somebody asked to stop.
pub(super) const STOPPED: &str = "stopped before it, as was asked";
/// How often a change of the record is tried, looking in between.
const MAX_TRIES: usize = 3;

/// What to do where the operation of somebody else is noted in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meeting {
    /// Look whether it goes on: then nothing is begun. One that stands still is taken over.
    #[default]
    Judge,
    /// As `Judge`, but for no longer than that: then nothing is begun.
    JudgeWithin(Duration),
    /// Take it over at once: whoever asks says that its holder is gone. One that lives stops before its next step.
    TakeOver,
}

/// What is to be claimed.
#[derive(Debug, Clone)]
pub(super) struct Intent<'a> {
    /// `deploy` or `teardown`.
    pub kind: &'static str,
    pub instance: &'a InstanceKey,
    pub holder: &'a str,
    /// What whoever goes on with it needs to know.
    pub aim: Aim,
    /// How many steps it has at most.
    pub n_steps: usize,
    pub meeting: Meeting,
    /// What the record must be still.
    pub shown: Shown<'a>,
}

/// What was shown of a record when something was planned: what others did to it since is not written over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown<'a> {
    /// It does not matter.
    Anything,
    /// That this operation is noted, whose place is taken, and that of no other.
    Operation(&'a Operation),
    /// That it says this, as [`Record::seen`] tells it.
    Record(&'a str),
    /// That there is none.
    Nothing,
}

impl Shown<'_> {
    /// Makes sure that a record is as it was shown, whoever beats in it. Who is at it by now is told.
    fn check(self, record: &Record, intent: &Intent<'_>, now: Timestamp) -> Result<(), Failure> {
        let is_as_shown = match self {
            Self::Anything | Self::Operation(_) => true,
            Self::Record(seen) => record.seen() == seen,
            Self::Nothing => false,
        };
        match record.operation() {
            _ if is_as_shown => Ok(()),
            Some(foreign) if intent.meeting != Meeting::TakeOver => {
                Err(busy(intent.instance, foreign, now))
            }
            noted => Err(changed(intent.instance, noted.map(|it| describe(it, now)))),
        }
    }
}

/// What a deploy or an adoption puts into the record with its claim.
#[derive(Debug, Clone)]
pub(super) struct Opening<'a> {
    pub definition: &'a str,
    pub extent: Extent,
    /// Uid of the record that was seen when the operation was planned; none where none was there.
    pub seen: Option<&'a str>,
    /// The set begins with objects that are there, which a record that is there already does not say.
    pub is_adopted: bool,
}

/// An operation that is held.
pub(super) struct Lease<'a> {
    cluster: &'a Cluster,
    key: ObjectKey,
    manager: String,
    record_uid: String,
    /// What the claim replaced, as [`Record::seen`] tells it; none if it created the record.
    replaced: Option<String>,
    state: Mutex<State>,
}

struct State {
    resource_version: String,
    operation: Operation,
    /// When the last change was sent that the server took.
    sure_since: Moment,
    /// The annotation as it stands on the server.
    written: String,
    lost: Option<Failure>,
    is_over: bool,
}

impl Meeting {
    /// Returns for how long it is looked whether somebody else goes on; none where nobody looks.
    fn patience(self) -> Option<Duration> {
        match self {
            Self::Judge => Some(ABANDONED_AFTER),
            Self::JudgeWithin(within) => Some(within.min(ABANDONED_AFTER)),
            Self::TakeOver => None,
        }
    }
}

/// A moment by two clocks: the one stands still while the machine sleeps, the other one can be set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    steady: Instant,
    wall: Timestamp,
}

impl Moment {
    pub fn now() -> Self {
        Self {
            steady: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    /// Tells whether less than so much time went by, by either clock.
    pub fn is_within(self, time: Duration) -> bool {
        let wall = Timestamp::now().duration_since(self.wall).unsigned_abs();
        self.steady.elapsed() < time && wall < time
    }
}

/// What is wanted of the annotation.
enum Wanted {
    Held(Box<Operation>),
    /// It is let go of, and stays noted.
    Left(Box<Operation>),
    Cleared,
}

/// Claims the operation of an instance. Without a record it is created with what `opening` says. Without that too, or where
/// a `ConfigMap` of that name is no record, there is nothing to hold, and none is returned.
///
/// # Errors
/// Somebody else is at it, or the record cannot be read or written.
pub(super) async fn claim<'a>(
    cluster: &'a Cluster,
    intent: &Intent<'_>,
    opening: Option<&Opening<'_>>,
    journal: &mut Journal<'_>,
) -> Result<Option<Lease<'a>>, Failure> {
    let mut seen: Option<(String, Instant)> = None;
    let (mut n_races, mut looks) = (0, Looks::default());
    loop {
        if cluster.stop().is_asked() {
            return Err(Failure::new(FailureKind::Refused, STOPPED));
        }
        let record = match record::read(cluster, intent.instance).await {
            Err(failure) if failure.kind == FailureKind::Refused && opening.is_none() => None,
            record => record?,
        };
        if let Some(seen) = opening.and_then(|opening| opening.seen)
            && record.as_ref().map(Record::uid) != Some(seen)
        {
            return Err(taken_down(intent.instance));
        }
        let Some(record) = record else {
            let Some(opening) = opening else {
                return Ok(None);
            };
            match create(cluster, intent, opening).await {
                // Somebody was faster: look at what they made. NB: a quota that is just being counted says the same.
                Err(failure) if failure.kind == FailureKind::Conflict && looks.again().await => {
                    continue;
                }
                lease => return lease.map(Some),
            }
        };
        if record.is_being_deleted() {
            wait_for_deletion(cluster, &record, intent, journal).await?;
            continue;
        }
        intent.shown.check(&record, intent, cluster.now())?;
        if let Some(foreign) = record.operation()
            && !rests(foreign)
            && let Some(patience) = intent.meeting.patience()
            && !cluster.stop().takes_over(beat_of(foreign))
        {
            let since = match &seen {
                Some((text, since)) if text == foreign => *since,
                Some(_) => return Err(busy(intent.instance, foreign, cluster.now())),
                None => {
                    journal.listening(&awaited(foreign, cluster.now()));
                    Instant::now()
                }
            };
            if since.elapsed() >= patience && patience < ABANDONED_AFTER {
                return Err(timed_out(intent.instance, foreign, cluster.now()));
            }
            if since.elapsed() < ABANDONED_AFTER {
                seen = Some((foreign.to_owned(), since));
                sleep(LOOK.min(patience.saturating_sub(since.elapsed()))).await;
                continue;
            }
        }
        if let Shown::Operation(shown) = intent.shown {
            check_still(intent.instance, shown, &record, cluster.now())?;
        }
        match take(cluster, intent, opening, &record).await {
            // Somebody was faster, or beat: look at what stands there now.
            Err(failure) if failure.kind == FailureKind::Conflict && n_races < MAX_TRIES => {
                n_races += 1;
            }
            lease => return lease.map(Some),
        }
    }
}

/// Returns the refusal of what was planned of something else, with who is at it by now.
pub(super) fn changed(instance: &InstanceKey, by_whom: Option<String>) -> Failure {
    let who = by_whom.map_or_else(String::new, |who| format!("; {who}"));
    let summary = format!("{instance} was changed{PLAN_AGAIN}{who}");
    Failure::new(FailureKind::Conflict, summary)
}

fn taken_down(instance: &InstanceKey) -> Failure {
    let summary = format!("{instance} was taken down{PLAN_AGAIN}");
    Failure::new(FailureKind::Conflict, summary)
}

/// Makes sure that a record notes the operation still that was shown: only its beat may be another.
fn check_still(
    instance: &InstanceKey,
    shown: &Operation,
    record: &Record,
    now: Timestamp,
) -> Result<(), Failure> {
    let noted = record.noted();
    if noted.is_some_and(|noted| shown.is_still(&noted)) {
        return Ok(());
    }
    let summary = match record.operation() {
        None => format!("nothing is noted on {instance} any more: somebody ended it"),
        Some(other) => format!(
            "another operation is noted on {instance} by now: {}",
            describe(other, now)
        ),
    };
    Err(Failure::new(FailureKind::Conflict, summary))
}

/// Creates the record with the operation in it.
async fn create<'a>(
    cluster: &'a Cluster,
    intent: &Intent<'_>,
    opening: &Opening<'_>,
) -> Result<Lease<'a>, Failure> {
    let operation = begin(intent, cluster.now());
    let (text, asked) = (to_text(&operation), Moment::now());
    let object = record::first(
        intent.instance,
        opening.definition,
        &opening.extent,
        &text,
        opening.is_adopted,
    );
    let manager = naming::field_manager(&intent.instance.id);
    match cluster.create(&object, &manager, false).await {
        Ok(written) => Ok(Lease::of(
            cluster,
            intent,
            &written.object,
            (operation, text, asked),
        )),
        Err(failure) if failure.kind == FailureKind::Unreachable => {
            // It may have arrived all the same: look before anything else.
            let record = record::read(cluster, intent.instance).await;
            match record.map_err(|_| failure.clone())? {
                Some(record) if record.operation() == Some(&text) => {
                    let object = record.into_object();
                    Ok(Lease::of(
                        cluster,
                        intent,
                        &object,
                        (operation, text, asked),
                    ))
                }
                _ => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// Puts our operation in place of none or of an abandoned one.
async fn take<'a>(
    cluster: &'a Cluster,
    intent: &Intent<'_>,
    opening: Option<&Opening<'_>>,
    record: &Record,
) -> Result<Lease<'a>, Failure> {
    let operation = begin(intent, cluster.now());
    let extent = opening.map(|opening| opening.extent.and(&record.extent()));
    let change = extent.as_ref().map(Change::widen).unwrap_or_default();
    let mut lease = Lease {
        cluster,
        key: record::key(intent.instance),
        manager: naming::field_manager(&intent.instance.id),
        record_uid: record.uid().to_owned(),
        replaced: None,
        state: Mutex::new(State {
            resource_version: record.resource_version().to_owned(),
            operation: operation.clone(),
            sure_since: Moment::now(),
            written: record.operation().unwrap_or_default().to_owned(),
            lost: None,
            is_over: false,
        }),
    };
    let replaced = lease
        .write(Wanted::Held(Box::new(operation)), change)
        .await?;
    lease.replaced = match replaced {
        Some(version) if version == record.resource_version() => Some(record.seen()),
        version => version,
    };
    Ok(lease)
}

fn begin(intent: &Intent<'_>, now: Timestamp) -> Operation {
    Operation {
        kind: intent.kind.to_owned(),
        step: "begins".to_owned(),
        holder: intent.holder.to_owned(),
        heartbeat: now,
        started: Some(now),
        number: Some(0),
        of: u32::try_from(intent.n_steps).ok(),
        rests: false,
        barred: false,
        aim: intent.aim.clone(),
    }
}

fn to_text(operation: &Operation) -> String {
    serde_json::to_string(operation).expect("texts and a time can always be written as JSON")
}

/// Says in a sentence whose operation an annotation holds.
pub(super) fn describe(annotation: &str, now: Timestamp) -> String {
    describe_as(annotation, RUNS, now)
}

fn describe_as(annotation: &str, runs: &str, now: Timestamp) -> String {
    match serde_json::from_str::<Operation>(annotation) {
        Ok(operation) => tell_as(&operation, runs, now),
        Err(_) => "another operation is noted in the record".to_owned(),
    }
}

/// Says in a sentence whose operation a record notes; none where it notes none. One look does not tell whether it goes on.
pub(super) fn noted(record: &Record, now: Timestamp) -> Option<String> {
    record
        .operation()
        .map(|noted| describe_as(noted, "has begun", now))
}

/// Tells whether the holder of an operation let go of it.
pub(super) fn rests(annotation: &str) -> bool {
    serde_json::from_str(annotation).is_ok_and(|it: Operation| it.rests)
}

fn beat_of(annotation: &str) -> Option<Timestamp> {
    let operation: Operation = serde_json::from_str(annotation).ok()?;
    Some(operation.heartbeat)
}

/// Says in a sentence whose sign of life is awaited, and until when.
fn awaited(annotation: &str, now: Timestamp) -> String {
    let until = now.checked_add(ABANDONED_AFTER).unwrap_or(now);
    let until = until.strftime("%H:%M:%SZ");
    let holder = serde_json::from_str(annotation).map(|it: Operation| it.holder);
    let holder = holder.unwrap_or_else(|_| "its holder".to_owned());
    let holder = text::clean(&holder);
    format!(
        "waits until {until} for a beat of {holder}, then takes over: {}",
        describe(annotation, now)
    )
}

/// Says in a sentence whose operation it is, how far it came and since when.
pub(super) fn tell(operation: &Operation, now: Timestamp) -> String {
    tell_as(operation, RUNS, now)
}

fn tell_as(operation: &Operation, runs: &str, now: Timestamp) -> String {
    let parts = [
        operation.holder.clone(),
        operation.what(),
        operation.progress(),
    ];
    let [holder, what, progress] = parts.map(|part| text::clean(&part).into_owned());
    let ages = operation.ages(now);
    let article = match what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    match operation.rests {
        true => format!("{holder} left {article} {what} half done: {progress} ({ages})"),
        false => format!("{holder} {runs} {article} {what}: {progress} ({ages})"),
    }
}

/// Tells whether an operation was refused before its first write.
pub fn is_not_begun(outcome: &Outcome) -> bool {
    let is_refusal =
        |failure: &Failure| matches!(failure.kind, FailureKind::Conflict | FailureKind::Refused);
    matches!(outcome.failed.as_slice(), [(Step::Claim, failure)] if is_refusal(failure))
        && outcome.done.is_empty()
}

/// Tells whether an operation was not begun because somebody else is at it.
pub fn is_busy(outcome: &Outcome) -> bool {
    not_begun_for(outcome).is_some_and(|why| why.contains(BUSY))
}

/// Tells whether an operation was not begun because somebody else changed its instance after it was planned.
pub fn is_outdated(outcome: &Outcome) -> bool {
    let is_it = |failure: &Failure| {
        // What was taken down since is not made again unasked.
        let changed = format!(" was changed{PLAN_AGAIN}");
        failure.kind == FailureKind::Conflict && failure.summary.contains(&changed)
    };
    matches!(outcome.failed.as_slice(), [(Step::Claim, failure)] if is_it(failure))
}

/// Tells whether an operation was not begun because the time was up before it was known whether somebody else goes on.
pub fn is_timed_out(outcome: &Outcome) -> bool {
    not_begun_for(outcome).is_some_and(|why| why.starts_with(TIMED_OUT))
}

/// Returns why an operation was refused before its first write, where that is so.
fn not_begun_for(outcome: &Outcome) -> Option<&str> {
    match outcome.failed.as_slice() {
        [(Step::Claim, failure)]
            if failure.kind == FailureKind::Refused && outcome.done.is_empty() =>
        {
            Some(&failure.summary)
        }
        _ => None,
    }
}

/// Tells whether an operation ended because it is not held any more: somebody else took it over, ended it, or deleted the
/// record.
pub fn is_lost(outcome: &Outcome) -> bool {
    let mut failures = outcome.failed.iter().map(|(_, failure)| failure);
    failures.any(is_loss)
}

fn is_loss(failure: &Failure) -> bool {
    failure.kind == FailureKind::Conflict && failure.summary.starts_with(LOST)
}

/// Returns why nothing more is tried after a failure; none where the next write may be.
pub(super) fn ends_all(failure: &Failure) -> Option<&'static str> {
    match failure.kind {
        FailureKind::Unreachable => Some(UNREACHABLE),
        _ => is_loss(failure).then_some(NOT_HELD),
    }
}

/// Tells whether nothing was begun because somebody asked to stop.
pub(super) fn is_stopped(failure: &Failure) -> bool {
    failure.kind == FailureKind::Refused && failure.summary == STOPPED
}

fn timed_out(instance: &InstanceKey, annotation: &str, now: Timestamp) -> Failure {
    let silence = ABANDONED_AFTER.as_secs();
    let summary = format!(
        "{TIMED_OUT}{}; it is taken over after {silence} seconds without a beat",
        busy(instance, annotation, now).summary
    );
    Failure::new(FailureKind::Refused, summary)
}

fn busy(instance: &InstanceKey, annotation: &str, now: Timestamp) -> Failure {
    let summary = format!("{instance}{BUSY}{}", describe(annotation, now));
    Failure::new(FailureKind::Refused, summary)
}

async fn wait_for_deletion(
    cluster: &Cluster,
    record: &Record,
    intent: &Intent<'_>,
    journal: &mut Journal<'_>,
) -> Result<(), Failure> {
    let target = (record::key(intent.instance), record.uid().to_owned());
    let deadline = Instant::now() + DELETION_DEADLINE;
    let held = gone::wait(
        cluster,
        &[target],
        None,
        (deadline, cluster.stop()),
        journal,
    )
    .await?;
    match held.into_iter().next() {
        None => Ok(()),
        Some(_) if cluster.stop().is_asked() => Ok(()),
        Some(held) => {
            let summary = format!("{} is still being deleted: {held}", intent.instance);
            Err(Failure::new(FailureKind::Conflict, summary))
        }
    }
}

impl<'a> Lease<'a> {
    fn of(
        cluster: &'a Cluster,
        intent: &Intent<'_>,
        record: &Object,
        (operation, written, sure_since): (Operation, String, Moment),
    ) -> Self {
        let metadata = super::metadata::Metadata::of(record);
        Self {
            cluster,
            key: record::key(intent.instance),
            manager: naming::field_manager(&intent.instance.id),
            record_uid: metadata.uid().to_owned(),
            replaced: None,
            state: Mutex::new(State {
                resource_version: metadata.resource_version().to_owned(),
                operation,
                sure_since,
                written,
                lost: None,
                is_over: false,
            }),
        }
    }

    /// Returns why the next step is not tried, where somebody asked to stop.
    pub fn stopped(&self) -> Option<&'static str> {
        self.cluster.stop().is_asked().then_some(STOPPED)
    }

    /// Returns the uid of the record.
    pub fn record_uid(&self) -> &str {
        &self.record_uid
    }

    /// Returns what the claim replaced, as [`Record::seen`] tells it; none if the claim created the record.
    pub fn replaced(&self) -> Option<&str> {
        self.replaced.as_deref()
    }

    /// Claims the operation again, for the next step.
    ///
    /// # Errors
    /// It is lost: somebody took it over, or the record is gone. Or nobody can say: then the step must not be done either.
    pub async fn step(&self, sentence: &str) -> Result<(), Failure> {
        let operation = {
            let state = self.state.lock().await;
            Operation {
                step: sentence.to_owned(),
                heartbeat: self.cluster.now(),
                number: state.operation.number.map(|number| number + 1),
                ..state.operation.clone()
            }
        };
        let held = self.write(Wanted::Held(Box::new(operation)), Change::default());
        held.await.map(|_| ())
    }

    /// Makes sure that the operation is held still, before one of several writes of a step. Who stood still meanwhile, as a
    /// process that was stopped or a machine that slept, does not know what became of it.
    ///
    /// # Errors
    /// As [`Lease::step`].
    pub async fn hold(&self) -> Result<(), Failure> {
        let mut state = self.state.lock().await;
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        if state.is_over || state.sure_since.is_within(SURE_FOR) {
            return Ok(());
        }
        let operation = state.beat(self.cluster.now());
        let held = self.change(&mut state, Wanted::Held(operation), Change::default());
        held.await.map(|_| ())
    }

    /// Ends the operation, with a last change of the record.
    ///
    /// # Errors
    /// As [`Lease::step`].
    pub async fn end(&self, change: Change) -> Result<(), Failure> {
        self.write(Wanted::Cleared, change).await.map(|_| ())
    }

    /// Ends the operation after a failure, or lets it rest where it `stays_noted`. Where this fails too it stands still, and
    /// whoever comes next takes it over; a server that does not answer is not waited for long.
    pub async fn give_up(&self, stays_noted: bool) {
        let ended = Box::pin(async {
            match stays_noted {
                true => self.rest(None).await,
                false => self.end(Change::default()).await,
            }
        });
        match self.cluster.is_silent() {
            true => drop(timeout(GRACE, ended).await),
            false => drop(ended.await),
        }
    }

    /// Lets go of the operation before its end. What is left of it stays noted: whoever looks is told, and whoever comes next
    /// goes on at once.
    ///
    /// # Errors
    /// As [`Lease::step`].
    pub async fn rest(&self, sentence: Option<String>) -> Result<(), Failure> {
        self.leave(sentence, false).await
    }

    /// As [`Lease::rest`], where this user may not do what is left.
    ///
    /// # Errors
    /// As [`Lease::step`].
    pub async fn leave_to_others(&self, why: String) -> Result<(), Failure> {
        self.leave(Some(why), true).await
    }

    async fn leave(&self, sentence: Option<String>, barred: bool) -> Result<(), Failure> {
        let operation = {
            let state = self.state.lock().await;
            let before = state.operation.clone();
            Operation {
                step: sentence.unwrap_or(before.step),
                heartbeat: self.cluster.now(),
                rests: true,
                barred,
                ..before
            }
        };
        let left = self.write(Wanted::Left(Box::new(operation)), Change::default());
        left.await.map(|_| ())
    }

    /// Notes that the record is gone, with the operation in it.
    pub async fn bury(&self) {
        self.state.lock().await.is_over = true;
    }

    /// Does the work of the operation, and shows meanwhile that it lives.
    pub async fn beating<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = work => done,
            never = self.beat() => match never {},
        }
    }

    /// Does all the work of the operation as [`Lease::beating`] does, and ends it then.
    pub async fn through<T>(&self, work: impl Future<Output = T>) -> T {
        // NB: boxed, so that the future does not hold it several times.
        let work = Box::pin(work);
        // It ends while it beats still: a beat that is under way is awaited, for the server may have taken it.
        self.beating(async {
            let done = work.await;
            // If this fails, the operation stands still, and whoever comes next takes it over.
            let _ = self.end(Change::default()).await;
            done
        })
        .await
    }

    async fn beat(&self) -> std::convert::Infallible {
        loop {
            sleep(BEAT).await;
            let mut state = self.state.lock().await;
            if state.is_over || state.lost.is_some() {
                continue;
            }
            let operation = state.beat(self.cluster.now());
            // A loss is kept, and ends the operation at its next step.
            let _ = self
                .change(&mut state, Wanted::Held(operation), Change::default())
                .await;
        }
    }

    /// Changes the record; returns the version that it replaced, none if the operation is over.
    async fn write(&self, wanted: Wanted, change: Change) -> Result<Option<String>, Failure> {
        let mut state = self.state.lock().await;
        self.change(&mut state, wanted, change).await
    }

    async fn change(
        &self,
        state: &mut State,
        wanted: Wanted,
        change: Change,
    ) -> Result<Option<String>, Failure> {
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        if state.is_over {
            return Ok(None);
        }
        // Once an answer failed to come, the change may arrive at any time.
        let mut is_in_doubt = false;
        let text = match &wanted {
            Wanted::Held(operation) | Wanted::Left(operation) => Some(to_text(operation)),
            Wanted::Cleared => None,
        };
        for _ in 0..MAX_TRIES {
            let patch = patch(&state.resource_version, text.as_deref(), &change);
            let asked = Moment::now();
            let result = self
                .cluster
                .merge_patch(&self.key, &patch, &self.manager, None)
                .await;
            let failure = match result {
                Ok(written) => {
                    let metadata = super::metadata::Metadata::of(&written.object);
                    let version = metadata.resource_version();
                    return Ok(Some(state.settle(wanted, text, version, asked)));
                }
                Err(failure) => failure,
            };
            is_in_doubt |= failure.kind == FailureKind::Unreachable;
            let wished = is_in_doubt.then_some((text.as_deref(), &change));
            let looked = self.look(state, wished);
            match looked
                .await
                .map_err(|lost| lost.unwrap_or(failure.clone()))?
            {
                Look::Arrived(version) => {
                    return Ok(Some(state.settle(wanted, text, &version, asked)));
                }
                Look::StillOurs(version) => state.resource_version = version,
            }
            if !matches!(
                failure.kind,
                FailureKind::Conflict | FailureKind::Unreachable
            ) {
                return Err(failure);
            }
        }
        let summary = format!(
            "cannot keep hold of {}: it is changed all the time",
            self.key
        );
        Err(Failure::new(FailureKind::Conflict, summary))
    }

    /// Looks what became of a change that failed: it may have arrived although no answer came, as `wished`, or the record may
    /// bear our operation still, changed by somebody else in another place. Anything else means that the operation is lost,
    /// which is returned as an error; none is returned as one where nobody can say.
    async fn look(
        &self,
        state: &mut State,
        wished: Option<(Option<&str>, &Change)>,
    ) -> Result<Look, Option<Failure>> {
        let record = self.cluster.get(&self.key).await.map_err(|_| None)?;
        let lost = match &record {
            None => "the record was deleted".to_owned(),
            Some(record) => {
                let metadata = super::metadata::Metadata::of(record);
                let there = metadata.annotation(naming::ANNOTATION_OPERATION);
                let version = metadata.resource_version().to_owned();
                let is_same = metadata.uid() == self.record_uid;
                // Who took it over may have ended it since: then it is not there as we left it.
                let has_arrived =
                    wished.is_some_and(|(text, change)| there == text && change.is_in(metadata));
                if is_same && has_arrived {
                    return Ok(Look::Arrived(version));
                }
                if is_same && there.unwrap_or_default() == state.written {
                    return Ok(Look::StillOurs(version));
                }
                there.map_or_else(
                    || "somebody ended it".to_owned(),
                    |there| format!("taken over: {}", describe(there, self.cluster.now())),
                )
            }
        };
        let lost = Failure::new(
            FailureKind::Conflict,
            format!("{LOST}{} is lost: {lost}", self.key),
        );
        state.lost = Some(lost.clone());
        Err(Some(lost))
    }
}

/// What became of a change of the record that failed.
enum Look {
    /// It is there.
    Arrived(String),
    /// It is not there, and the operation is ours still.
    StillOurs(String),
}

impl State {
    /// Returns the operation as it is with a sign of life.
    fn beat(&self, now: Timestamp) -> Box<Operation> {
        Box::new(Operation {
            heartbeat: now,
            ..self.operation.clone()
        })
    }

    /// Takes note of a change that is done; returns the version that it replaced.
    fn settle(
        &mut self,
        wanted: Wanted,
        text: Option<String>,
        resource_version: &str,
        asked: Moment,
    ) -> String {
        self.sure_since = asked;
        let replaced = std::mem::replace(&mut self.resource_version, resource_version.to_owned());
        self.written = text.unwrap_or_default();
        match wanted {
            Wanted::Held(operation) => self.operation = *operation,
            Wanted::Left(_) | Wanted::Cleared => self.is_over = true,
        }
        replaced
    }
}

fn patch(resource_version: &str, operation: Option<&str>, change: &Change) -> Value {
    let mut annotations = change.annotations.clone();
    annotations.insert(naming::ANNOTATION_OPERATION.to_owned(), json!(operation));
    let mut metadata = json!({"resourceVersion": resource_version, "annotations": annotations});
    if !change.labels.is_empty() {
        metadata["labels"] = json!(change.labels);
    }
    json!({"metadata": metadata})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::mock::{self, Reply};
    use crate::definition::object::GroupKind;

    fn operation_of(holder: &str) -> Operation {
        Operation {
            kind: "deploy".to_owned(),
            step: "begins".to_owned(),
            holder: holder.to_owned(),
            ..Operation::default()
        }
    }

    #[test]
    fn a_foreign_operation_is_described_without_its_control_characters() {
        let operation = Operation {
            kind: "deploy".to_owned(),
            step: "apply Deployment/web\u{1b}[2J".to_owned(),
            holder: "ann@bastion 42".to_owned(),
            ..Operation::default()
        };
        let sentence = describe(&to_text(&operation), Timestamp::UNIX_EPOCH);
        assert!(sentence.starts_with("ann@bastion 42 runs a deploy: apply Deployment/web"));
        assert!(sentence.contains("last beat"), "{sentence}");
        assert!(!sentence.contains('\u{1b}'));
        let resting = Operation {
            kind: "teardown".to_owned(),
            rests: true,
            ..operation_of("ann@bastion 42")
        };
        let told = describe(&to_text(&resting), Timestamp::UNIX_EPOCH);
        assert!(
            told.starts_with("ann@bastion 42 left a teardown half done: begins"),
            "{told}"
        );
        let routes = Operation {
            kind: "update-ingress".to_owned(),
            ..operation
        };
        let at = Timestamp::from_second(100).unwrap();
        assert!(describe(&to_text(&routes), at).contains("runs an update-ingress"));
        let sentence = awaited(&to_text(&operation_of("ann@bastion 42\u{1b}[2J")), at);
        let told = "waits until 00:01:52Z for a beat of ann@bastion 42";
        assert!(sentence.starts_with(told), "{sentence}");
        assert!(sentence.contains("then takes over: ann@bastion 42"));
        assert!(!sentence.contains('\u{1b}'));
        let unread = "waits until 00:01:52Z for a beat of its holder, then takes over: \
            another operation is noted in the record";
        assert_eq!(awaited("no json", at), unread);
        assert_eq!(
            describe("no json", Timestamp::UNIX_EPOCH),
            "another operation is noted in the record"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_went_by_on_either_clock_went_by() {
        let now = Moment::now();
        assert!(now.is_within(SURE_FOR));
        let slept = Moment {
            wall: now.wall - SURE_FOR,
            ..now
        };
        assert!(!slept.is_within(SURE_FOR), "the steady clock stood still");
        tokio::time::advance(SURE_FOR).await;
        assert!(!now.is_within(SURE_FOR), "the wall clock was set back");
    }

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    fn intent<'a>(instance: &'a InstanceKey, shown: Shown<'a>) -> Intent<'a> {
        Intent {
            kind: "deploy",
            instance,
            holder: "ann@bastion 7",
            aim: Aim::default(),
            n_steps: 1,
            meeting: Meeting::TakeOver,
            shown,
        }
    }

    /// Returns a record of a version that notes this.
    fn record(version: &str, noted: Option<&str>, revision: Option<&str>) -> Value {
        let first = record::first(&instance(), "web", &Extent::default(), "", false);
        let mut json = first.json;
        json["metadata"]["uid"] = json!("r");
        json["metadata"]["resourceVersion"] = json!(version);
        json["metadata"]["annotations"][naming::ANNOTATION_OPERATION] = json!(noted);
        json["metadata"]["annotations"][naming::ANNOTATION_REVISION] = json!(revision);
        json
    }

    /// Returns a lease of what [`record`] notes as version 7.
    fn held<'a>(cluster: &'a Cluster, instance: &InstanceKey) -> Lease<'a> {
        let operation = operation_of("ann@bastion 7");
        let written = to_text(&operation);
        let ours = Object::from_json(record("7", Some(&written), None)).unwrap();
        let state = (operation, written, Moment::now());
        Lease::of(cluster, &intent(instance, Shown::Anything), &ours, state)
    }

    /// Returns what a patch of the record wishes it to note; none where it takes the note away.
    fn wished(seen: &mock::Seen) -> (String, Option<String>) {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let metadata = &body["metadata"];
        let noted = metadata["annotations"][naming::ANNOTATION_OPERATION].as_str();
        let version = metadata["resourceVersion"].as_str().unwrap_or_default();
        (version.to_owned(), noted.map(str::to_owned))
    }

    #[tokio::test(start_paused = true)]
    async fn a_beat_that_is_under_way_at_the_end_leaves_no_note() {
        let live = std::sync::Mutex::new(record("7", Some("ours"), None));
        let (cluster, log) = mock::cluster(move |seen| {
            let mut live = live.lock().unwrap();
            if seen.method == http::Method::GET {
                return Reply::json(200, &*live);
            }
            let (version, noted) = wished(seen);
            if live["metadata"]["resourceVersion"] != json!(version) {
                return Reply::status(409, "the object has been modified");
            }
            let next = (version.parse::<u32>().unwrap() + 1).to_string();
            *live = record(&next, noted.as_deref(), None);
            Reply::Late(
                Duration::from_millis(1500),
                Box::new(Reply::json(200, &*live)),
            )
        });
        let instance = instance();
        let lease = held(&cluster, &instance);
        lease
            .through(sleep(BEAT + Duration::from_millis(400)))
            .await;
        let log = log.lock().unwrap();
        let patches: Vec<_> = log.iter().map(wished).collect();
        assert_eq!(patches.len(), 2, "{patches:?}");
        assert!(patches[0].1.is_some(), "{patches:?}");
        assert_eq!(patches[1], ("8".to_owned(), None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_without_an_answer_is_done_only_where_its_change_is_there() {
        let end = async |revision: &'static str| {
            let ended = record("9", None, Some(revision));
            let (cluster, _) = mock::cluster(move |seen| match seen.method {
                http::Method::GET => Reply::json(200, &ended),
                _ => Reply::Refused,
            });
            let instance = instance();
            let lease = held(&cluster, &instance);
            let mut change = Change::default();
            let key = naming::ANNOTATION_REVISION.to_owned();
            change.annotations.insert(key, json!("4"));
            lease.end(change).await
        };
        assert_eq!(end("4").await, Ok(()));
        let failure = end("5").await.unwrap_err();
        assert!(is_loss(&failure), "{failure}");
    }

    /// A server that is frozen takes connections and answers nothing.
    #[tokio::test(start_paused = true)]
    async fn what_failed_ends_soon_where_nothing_answers() {
        let (cluster, _) = mock::cluster(|_| Reply::Silence);
        let cluster = cluster.riding_out(Duration::from_secs(20));
        let instance = instance();
        let lease = held(&cluster, &instance);
        let begun = Instant::now();
        lease
            .beating(async {
                let failure = lease.step("apply Deployment/web").await.unwrap_err();
                assert_eq!(failure.kind, FailureKind::Unreachable, "{failure}");
                assert_eq!(begun.elapsed().as_secs(), 20);
                lease.give_up(false).await;
            })
            .await;
        assert_eq!(begun.elapsed().as_secs(), 25);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_back_in_time_finds_the_operation_going_on() {
        let begun = Instant::now();
        let ours = to_text(&operation_of("ann@bastion 7"));
        let live = std::sync::Mutex::new(record("7", Some(&ours), None));
        let (cluster, _) = mock::cluster(move |seen| {
            if begun.elapsed() < Duration::from_secs(12) {
                return Reply::Refused;
            }
            let mut live = live.lock().unwrap();
            if seen.method != http::Method::GET {
                let (_, noted) = wished(seen);
                *live = record("8", noted.as_deref(), None);
            }
            Reply::json(200, &*live)
        });
        let instance = instance();
        let step = async |cluster: &Cluster| held(cluster, &instance).step("apply").await;
        assert!(step(&cluster).await.is_err());
        let cluster = cluster.riding_out(Duration::from_secs(30));
        assert_eq!(step(&cluster).await, Ok(()));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_refuses_to_create_what_is_not_there_is_not_asked_for_ever() {
        let quota =
            "Operation cannot be fulfilled on resourcequotas \"x\": the object has been modified";
        let (cluster, log) = mock::cluster(move |seen| match seen.method {
            http::Method::GET => Reply::status(404, "not found"),
            _ => Reply::status(409, quota),
        });
        let (instance, mut journal) = (instance(), Journal::new(&|_| {}));
        let opening = Opening {
            definition: "web",
            extent: Extent::default(),
            seen: None,
            is_adopted: false,
        };
        let intent = intent(&instance, Shown::Anything);
        let claimed = claim(&cluster, &intent, Some(&opening), &mut journal).await;
        let failure = claimed.err().unwrap();
        assert!(failure.summary.contains("resourcequotas"), "{failure}");
        let log = log.lock().unwrap();
        let n_tries = log.iter().filter(|it| it.method == http::Method::POST);
        assert_eq!(n_tries.count(), 8);
    }

    /// Somebody began and died between the question and the answer.
    #[tokio::test]
    async fn only_the_operation_that_was_shown_is_replaced_where_one_was() {
        let shown = operation_of("ann@bastion 7");
        let beaten = Operation {
            heartbeat: Timestamp::from_second(100).unwrap(),
            ..shown.clone()
        };
        let claimed = async |there: Option<&Operation>| {
            let noted = there.map(to_text);
            let live = record("7", noted.as_deref(), None);
            let (cluster, log) = mock::cluster(move |_| Reply::json(200, &live));
            let (instance, mut journal) = (instance(), Journal::new(&|_| {}));
            let intent = intent(&instance, Shown::Operation(&shown));
            let claimed = claim(&cluster, &intent, None, &mut journal).await;
            let failure = claimed.err().map(|it| (it.kind, it.summary));
            let n_asked = log.lock().unwrap().len();
            (failure, n_asked)
        };
        assert_eq!(claimed(Some(&beaten)).await, (None, 2));
        let refused = |summary: &str| (Some((FailureKind::Conflict, summary.to_owned())), 1);
        let ended = "nothing is noted on team-a/web any more: somebody ended it";
        assert_eq!(claimed(None).await, refused(ended));
        let (failure, n_asked) = claimed(Some(&operation_of("bob@bastion 8"))).await;
        let (kind, summary) = failure.unwrap();
        assert_eq!((kind, n_asked), (FailureKind::Conflict, 1));
        let told = "another operation is noted on team-a/web by now: bob@bastion 8 runs a deploy";
        assert!(summary.starts_with(told), "{summary}");
    }

    /// As after a sleep in which somebody else took over.
    #[tokio::test]
    async fn what_is_not_sure_any_more_is_looked_at_before_a_write() {
        let bobs = to_text(&operation_of("bob@bastion 8"));
        let theirs = record("8", Some(&bobs), None);
        let (cluster, log) = mock::cluster(move |seen| match seen.method {
            http::Method::GET => Reply::json(200, &theirs),
            _ => Reply::status(409, "the object has been modified"),
        });
        let (instance, now) = (instance(), Moment::now());
        let lease = held(&cluster, &instance);
        lease.hold().await.unwrap();
        assert_eq!(log.lock().unwrap().len(), 0);

        lease.state.lock().await.sure_since.wall = now.wall - SURE_FOR;
        let failure = lease.hold().await.unwrap_err();
        assert!(is_loss(&failure), "{failure}");
        assert!(failure.summary.contains("bob@bastion 8"), "{failure}");
    }

    #[test]
    fn every_change_names_the_version_that_it_changes() {
        let change = Change::widen(&Extent {
            kinds: [GroupKind::new("apps", "Deployment")].into(),
            namespaces: ["jobs".to_owned()].into(),
        });
        assert_eq!(
            patch("7", None, &change),
            json!({"metadata": {"resourceVersion": "7", "annotations": {
                "bowline.dev/operation": null,
                "applyset.kubernetes.io/contains-group-kinds": "Deployment.apps",
                "applyset.kubernetes.io/additional-namespaces": "jobs",
            }}})
        );
    }
}
