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
use tokio::time::{Instant, sleep};

use super::gone;
use super::journal::Journal;
use super::plan::{Outcome, Step};
use super::record::{self, Change, Extent, Record};
use crate::cluster::Cluster;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::{Aim, Operation};
use crate::service::summary::InstanceKey;
use crate::text;

/// How often the holder of an operation shows that it lives.
const BEAT: Duration = Duration::from_secs(3);
/// How long an operation must stand still until it counts as abandoned: several beats, and a slow request.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(12);
/// How often one looks whether a foreign operation goes on.
const LOOK: Duration = Duration::from_secs(1);
/// How long a record that is being deleted is waited for.
const DELETION_DEADLINE: Duration = Duration::from_secs(30);
/// What stands between an instance and who works on it, in the refusal to begin.
const BUSY: &str = " is busy: ";
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
}

/// What a deploy puts into the record with its claim.
#[derive(Debug, Clone)]
pub(super) struct Opening<'a> {
    pub definition: &'a str,
    pub extent: Extent,
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
    /// The annotation as it stands on the server.
    written: String,
    lost: Option<Failure>,
    is_over: bool,
}

/// What is wanted of the annotation.
enum Wanted {
    Held(Box<Operation>),
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
    let mut n_races = 0;
    loop {
        if cluster.stop().is_asked() {
            return Err(Failure::new(FailureKind::Refused, STOPPED));
        }
        let record = match record::read(cluster, intent.instance).await {
            Err(failure) if failure.kind == FailureKind::Refused && opening.is_none() => None,
            record => record?,
        };
        let Some(record) = record else {
            let Some(opening) = opening else {
                return Ok(None);
            };
            match create(cluster, intent, opening).await? {
                Some(lease) => return Ok(Some(lease)),
                // Somebody was faster: look at what they made.
                None => continue,
            }
        };
        if record.is_being_deleted() {
            wait_for_deletion(cluster, &record, intent, journal).await?;
            continue;
        }
        if let Some(foreign) = record.operation()
            && intent.meeting == Meeting::Judge
        {
            let since = match &seen {
                Some((text, since)) if text == foreign => *since,
                Some(_) => return Err(busy(intent.instance, foreign)),
                None => {
                    journal.waiting(&format!(
                        "{}; looking whether it still goes on",
                        describe(foreign)
                    ));
                    Instant::now()
                }
            };
            if since.elapsed() < ABANDONED_AFTER {
                seen = Some((foreign.to_owned(), since));
                sleep(LOOK).await;
                continue;
            }
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

/// Creates the record with the operation in it; none if there is one by now.
async fn create<'a>(
    cluster: &'a Cluster,
    intent: &Intent<'_>,
    opening: &Opening<'_>,
) -> Result<Option<Lease<'a>>, Failure> {
    let operation = begin(intent);
    let text = to_text(&operation);
    let object = record::first(intent.instance, opening.definition, &opening.extent, &text);
    let manager = naming::field_manager(&intent.instance.id);
    match cluster.create(&object, &manager, false).await {
        Ok(written) => Ok(Some(Lease::of(
            cluster,
            intent,
            &written.object,
            operation,
            text,
        ))),
        Err(failure) if failure.kind == FailureKind::Conflict => Ok(None),
        Err(failure) if failure.kind == FailureKind::Unreachable => {
            // It may have arrived all the same: look before anything else.
            let record = record::read(cluster, intent.instance).await;
            match record.map_err(|_| failure.clone())? {
                Some(record) if record.operation() == Some(&text) => {
                    let object = record.into_object();
                    Ok(Some(Lease::of(cluster, intent, &object, operation, text)))
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
    let operation = begin(intent);
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

fn begin(intent: &Intent<'_>) -> Operation {
    let now = Timestamp::now();
    Operation {
        kind: intent.kind.to_owned(),
        step: "begins".to_owned(),
        holder: intent.holder.to_owned(),
        heartbeat: now,
        started: Some(now),
        number: Some(0),
        of: u32::try_from(intent.n_steps).ok(),
        aim: intent.aim.clone(),
    }
}

fn to_text(operation: &Operation) -> String {
    serde_json::to_string(operation).expect("texts and a time can always be written as JSON")
}

/// Says in a sentence whose operation an annotation holds.
pub(super) fn describe(annotation: &str) -> String {
    match serde_json::from_str::<Operation>(annotation) {
        Ok(operation) => tell(&operation),
        Err(_) => "another operation is noted in the record".to_owned(),
    }
}

/// Says in a sentence whose operation it is, how far it came and since when.
pub(super) fn tell(operation: &Operation) -> String {
    let parts = [
        operation.holder.clone(),
        operation.what(),
        operation.progress(),
    ];
    let [holder, what, progress] = parts.map(|part| text::clean(&part).into_owned());
    let ages = operation.ages(Timestamp::now());
    let article = match what.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    format!("{holder} runs {article} {what}: {progress} ({ages})")
}

/// Tells whether an operation was not begun because somebody else is at it.
pub fn is_busy(outcome: &Outcome) -> bool {
    match outcome.failed.as_slice() {
        [(Step::Claim, failure)] => {
            let is_about = failure.kind == FailureKind::Refused && failure.summary.contains(BUSY);
            outcome.done.is_empty() && is_about
        }
        _ => false,
    }
}

/// Tells whether nothing was begun because somebody asked to stop.
pub(super) fn is_stopped(failure: &Failure) -> bool {
    failure.kind == FailureKind::Refused && failure.summary == STOPPED
}

fn busy(instance: &InstanceKey, annotation: &str) -> Failure {
    let summary = format!("{instance}{BUSY}{}", describe(annotation));
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
        operation: Operation,
        written: String,
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
                heartbeat: Timestamp::now(),
                number: state.operation.number.map(|number| number + 1),
                ..state.operation.clone()
            }
        };
        let held = self.write(Wanted::Held(Box::new(operation)), Change::default());
        held.await.map(|_| ())
    }

    /// Ends the operation, with a last change of the record.
    ///
    /// # Errors
    /// As [`Lease::step`].
    pub async fn end(&self, change: Change) -> Result<(), Failure> {
        self.write(Wanted::Cleared, change).await.map(|_| ())
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
        let done = self.beating(work).await;
        // If this fails, the operation stands still, and whoever comes next takes it over.
        let _ = self.end(Change::default()).await;
        done
    }

    async fn beat(&self) -> std::convert::Infallible {
        loop {
            sleep(BEAT).await;
            let operation = {
                let state = self.state.lock().await;
                if state.is_over || state.lost.is_some() {
                    continue;
                }
                Operation {
                    heartbeat: Timestamp::now(),
                    ..state.operation.clone()
                }
            };
            // A loss is kept, and ends the operation at its next step.
            let _ = self
                .write(Wanted::Held(Box::new(operation)), Change::default())
                .await;
        }
    }

    /// Changes the record; returns the version that it replaced, none if the operation is over.
    async fn write(&self, wanted: Wanted, change: Change) -> Result<Option<String>, Failure> {
        let mut state = self.state.lock().await;
        if let Some(lost) = &state.lost {
            return Err(lost.clone());
        }
        if state.is_over {
            return Ok(None);
        }
        // Once an answer failed to come, the change may arrive at any time.
        let mut is_in_doubt = false;
        let text = match &wanted {
            Wanted::Held(operation) => Some(to_text(operation)),
            Wanted::Cleared => None,
        };
        for _ in 0..MAX_TRIES {
            let patch = patch(&state.resource_version, text.as_deref(), &change);
            let result = self
                .cluster
                .merge_patch(&self.key, &patch, &self.manager, None)
                .await;
            let failure = match result {
                Ok(written) => {
                    let metadata = super::metadata::Metadata::of(&written.object);
                    let version = metadata.resource_version();
                    return Ok(Some(state.settle(wanted, text, version)));
                }
                Err(failure) => failure,
            };
            is_in_doubt |= failure.kind == FailureKind::Unreachable;
            let looked = self.look(&mut state, text.as_deref(), is_in_doubt);
            match looked
                .await
                .map_err(|lost| lost.unwrap_or(failure.clone()))?
            {
                Look::Arrived(version) => {
                    return Ok(Some(state.settle(wanted, text, &version)));
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

    /// Looks what became of a change that failed: it may have arrived although no answer came, or the record may bear our
    /// operation still, changed by somebody else in another place. Anything else means that the operation is lost, which is
    /// returned as an error; none is returned as one where nobody can say.
    async fn look(
        &self,
        state: &mut State,
        wanted: Option<&str>,
        is_in_doubt: bool,
    ) -> Result<Look, Option<Failure>> {
        let record = self.cluster.get(&self.key).await.map_err(|_| None)?;
        let lost = match &record {
            None => "the record was deleted".to_owned(),
            Some(record) => {
                let metadata = super::metadata::Metadata::of(record);
                let there = metadata.annotation(naming::ANNOTATION_OPERATION);
                let version = metadata.resource_version().to_owned();
                let is_same = metadata.uid() == self.record_uid;
                if is_same && there == wanted && is_in_doubt {
                    return Ok(Look::Arrived(version));
                }
                if is_same && there.unwrap_or_default() == state.written {
                    return Ok(Look::StillOurs(version));
                }
                there.map_or_else(
                    || "somebody ended it".to_owned(),
                    |there| format!("taken over: {}", describe(there)),
                )
            }
        };
        let lost = Failure::new(
            FailureKind::Conflict,
            format!("the operation on {} is lost: {lost}", self.key),
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
    /// Takes note of a change that is done; returns the version that it replaced.
    fn settle(&mut self, wanted: Wanted, text: Option<String>, resource_version: &str) -> String {
        let replaced = std::mem::replace(&mut self.resource_version, resource_version.to_owned());
        self.written = text.unwrap_or_default();
        match wanted {
            Wanted::Held(operation) => self.operation = *operation,
            Wanted::Cleared => self.is_over = true,
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
    use crate::definition::object::GroupKind;

    #[test]
    fn a_foreign_operation_is_described_without_its_control_characters() {
        let operation = Operation {
            kind: "deploy".to_owned(),
            step: "apply Deployment/web\u{1b}[2J".to_owned(),
            holder: "ann@bastion 42".to_owned(),
            ..Operation::default()
        };
        let sentence = describe(&to_text(&operation));
        assert!(sentence.starts_with("ann@bastion 42 runs a deploy: apply Deployment/web"));
        assert!(sentence.contains("last beat"), "{sentence}");
        assert!(!sentence.contains('\u{1b}'));
        let routes = Operation {
            kind: "update-ingress".to_owned(),
            ..operation
        };
        assert!(describe(&to_text(&routes)).contains("runs an update-ingress"));
        assert_eq!(
            describe("no json"),
            "another operation is noted in the record"
        );
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
