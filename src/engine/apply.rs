//! Writing and deleting one object without ever doing it twice blindly: when no answer comes, one looks first.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::json;

use super::difference::normalized;
use super::looks::Looks;
use super::metadata::Metadata;
use super::operation::Moment;
use super::plan::{FieldConflict, unshown};
use super::rehearse::{field_conflicts, is_own_scaling, with_uid};
use crate::cluster::{ApplyOptions, Cluster, Deleted, Propagation, Written};
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};

/// A version that no object has: an apply that names it creates what is absent, and conflicts with anything that is there.
const ABSENT: &str = "1";

/// What was seen in the place of an object that is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// Nothing: it is created, and a failure if somebody was faster.
    Absent,
    /// The object of this uid: it is changed, and a failure if it is gone or was made again.
    Seen(&'a str),
}

/// Makes sure that the operation is held still: while nothing was answered somebody may have taken it over, and have written.
pub(super) type Hold<'a> = &'a (dyn Fn() -> BoxFuture<'a, Result<(), Failure>> + Sync);

/// Applies an object as `manager`. Of other managers' fields exactly those in `taken` are taken. Before each write is made
/// sure by `hold` that it may be done.
///
/// # Errors
/// The server refuses, what was seen is not there any more, the operation is lost, or nobody can say whether it was done.
pub(super) async fn apply(
    cluster: &Cluster,
    hold: Hold<'_>,
    manager: &str,
    wanted: &Object,
    (target, taken): (Target<'_>, &[FieldConflict]),
) -> Result<Written, Failure> {
    let options = ApplyOptions {
        field_manager: manager.to_owned(),
        dry_run: false,
        force: false,
    };
    let result = match target {
        Target::Absent => create(cluster, hold, wanted, &options).await,
        Target::Seen(uid) if taken.is_empty() => {
            let body = with_uid(wanted, uid);
            match send(cluster, hold, wanted, (&body, target), &options).await {
                Err(failure) if is_own_scaling_alone(&wanted.key, &failure, manager) => {
                    take(cluster, hold, wanted, (uid, taken), &options).await
                }
                result => result,
            }
        }
        Target::Seen(uid) => take(cluster, hold, wanted, (uid, taken), &options).await,
    };
    let written = result.map_err(|failure| explain(failure, wanted, target))?;
    if Metadata::of(&written.object).is_being_deleted() {
        // NB: the server accepts this, and the change vanishes with the object.
        return Err(conflict(format!("{} is being deleted", wanted.key)));
    }
    Ok(written)
}

/// Creates an object. A conflict while nothing is there is not about the object: a quota has a version too, by which creations
/// of one moment outrun each other. It is sent again then.
async fn create(
    cluster: &Cluster,
    hold: Hold<'_>,
    wanted: &Object,
    options: &ApplyOptions,
) -> Result<Written, Failure> {
    let body = with_version(wanted, ABSENT);
    let mut last = None;
    let mut looks = Looks::default();
    while looks.again().await {
        match send(cluster, hold, wanted, (&body, Target::Absent), options).await {
            Err(failure) if is_outdated(&failure) => {
                let live = cluster.get(&wanted.key).await;
                if live.map_err(|_| failure.clone())?.is_some() {
                    let summary = format!("{} was created by somebody else meanwhile", wanted.key);
                    return Err(conflict(summary));
                }
                last = Some(failure);
            }
            result => return result,
        }
    }
    Err(last.unwrap_or_else(|| never_still(&wanted.key)))
}

/// Sends a write; when no answer comes, looks before it is sent again.
async fn send(
    cluster: &Cluster,
    hold: Hold<'_>,
    wanted: &Object,
    (body, target): (&Object, Target<'_>),
    options: &ApplyOptions,
) -> Result<Written, Failure> {
    hold().await?;
    match cluster.apply(body, options).await {
        Err(failure) if failure.kind == FailureKind::Unreachable => {
            match look(cluster, wanted, target, options, &failure).await? {
                Some(written) => Ok(written),
                // It did not arrive.
                None => {
                    hold().await?;
                    cluster.apply(body, options).await
                }
            }
        }
        result => result,
    }
}

/// Applies and takes exactly the fields that were shown: a dry run must meet no other conflict, and the write names the
/// version that the dry run met. Where that changed in between, which a status does all the time, it is looked at anew.
async fn take(
    cluster: &Cluster,
    hold: Hold<'_>,
    wanted: &Object,
    (uid, taken): (&str, &[FieldConflict]),
    options: &ApplyOptions,
) -> Result<Written, Failure> {
    let force = ApplyOptions {
        force: true,
        ..options.clone()
    };
    let mut looks = Looks::default();
    while looks.again().await {
        let live = cluster.get(&wanted.key).await?;
        let live = live.filter(|live| Metadata::of(live).uid() == uid);
        let live = live.ok_or_else(|| vanished(&wanted.key))?;
        let body = with_version(
            &with_uid(wanted, uid),
            Metadata::of(&live).resource_version(),
        );
        match only_these(cluster, &body, &live, taken, options).await {
            Err(failure) if is_outdated(&failure) => continue,
            result => result?,
        }
        match send(cluster, hold, wanted, (&body, Target::Seen(uid)), &force).await {
            Err(failure) if is_outdated(&failure) => {}
            result => return result,
        }
    }
    Err(never_still(&wanted.key))
}

/// Makes sure that an apply to `live` meets none but these conflicts.
async fn only_these(
    cluster: &Cluster,
    body: &Object,
    live: &Object,
    taken: &[FieldConflict],
    options: &ApplyOptions,
) -> Result<(), Failure> {
    let dry_run = ApplyOptions {
        dry_run: true,
        ..options.clone()
    };
    let Err(failure) = cluster.apply(body, &dry_run).await else {
        return Ok(());
    };
    let met = field_conflicts(&body.key, Some(live), &failure);
    if met.is_empty() {
        return Err(failure);
    }
    let mut foreign = met
        .iter()
        .filter(|conflict| !is_own_scaling(conflict, &options.field_manager));
    match foreign.find_map(|met| unshown(met, taken)) {
        None => Ok(()),
        Some(new) => Err(new),
    }
}

fn is_own_scaling_alone(key: &ObjectKey, failure: &Failure, manager: &str) -> bool {
    let met = field_conflicts(key, None, failure);
    !met.is_empty() && met.iter().all(|conflict| is_own_scaling(conflict, manager))
}

/// Tells whether a write was refused because the object has another version by now.
pub(super) fn is_outdated(failure: &Failure) -> bool {
    failure.kind == FailureKind::Conflict
        && failure.causes.is_empty()
        && failure.summary.contains("has been modified")
}

fn never_still(key: &ObjectKey) -> Failure {
    conflict(format!("{key} is changed all the time"))
}

/// Looks what became of an apply without an answer: the object if it is as wanted, none if it did not arrive.
async fn look(
    cluster: &Cluster,
    wanted: &Object,
    target: Target<'_>,
    options: &ApplyOptions,
    failure: &Failure,
) -> Result<Option<Written>, Failure> {
    // Where nothing can be seen either, nobody can say: that is the failure.
    let unknown = |_| failure.clone();
    let dry_run = ApplyOptions {
        dry_run: true,
        ..options.clone()
    };
    let mut looks = Looks::default();
    while looks.again().await {
        let Some(live) = cluster.get(&wanted.key).await.map_err(unknown)? else {
            return match target {
                Target::Absent => Ok(None),
                Target::Seen(_) => Err(vanished(&wanted.key)),
            };
        };
        let metadata = Metadata::of(&live);
        let is_expected = match target {
            Target::Absent => metadata.has_manager(&options.field_manager),
            Target::Seen(uid) => metadata.uid() == uid,
        };
        if !is_expected {
            return Err(vanished(&wanted.key));
        }
        let body = with_version(
            &with_uid(wanted, metadata.uid()),
            metadata.resource_version(),
        );
        let verdict = match cluster.apply(&body, &dry_run).await {
            Err(failure) if is_outdated(&failure) => continue,
            Err(_) => return Err(failure.clone()),
            Ok(verdict) => verdict,
        };
        let has_arrived = metadata.has_manager(&options.field_manager)
            && normalized(&verdict.object.json) == normalized(&live.json);
        return Ok(has_arrived.then_some(Written {
            object: live,
            warnings: verdict.warnings,
        }));
    }
    Err(failure.clone())
}

fn with_version(object: &Object, version: &str) -> Object {
    let mut body = object.clone();
    body.json["metadata"]["resourceVersion"] = json!(version);
    body
}

/// Says what a refusal of what was seen means.
fn explain(failure: Failure, wanted: &Object, target: Target<'_>) -> Failure {
    let says = |words: &str| failure.summary.contains(words);
    match (failure.kind, target) {
        (FailureKind::Conflict, Target::Seen(_)) if says("uid mismatch") => vanished(&wanted.key),
        (FailureKind::Invalid, Target::Seen(_)) if says("metadata.uid") => vanished(&wanted.key),
        _ => failure,
    }
}

fn vanished(key: &ObjectKey) -> Failure {
    conflict(format!("{key} was deleted or made again meanwhile"))
}

fn conflict(summary: String) -> Failure {
    Failure::new(FailureKind::Conflict, summary)
}

/// For how long after what was not answered nobody can have taken the operation over: one that is silent for twelve seconds is
/// taken for gone, and was heard up to four before.
const OURS_FOR: Duration = Duration::from_secs(6);

/// Deletes the object of a uid; when no answer comes, looks before it is asked again. After an outage it is not: whoever took
/// the operation over may want it.
///
/// # Errors
/// The server refuses, or nobody can say whether it was done.
pub(super) async fn delete(
    cluster: &Cluster,
    key: &ObjectKey,
    uid: &str,
    propagation: Propagation,
) -> Result<Deleted, Failure> {
    let sent = Moment::now();
    let result = cluster.delete(key, uid, propagation).await;
    let Err(failure) = result else {
        return result;
    };
    let is_about_uid = failure.kind == FailureKind::Conflict;
    if !is_about_uid && failure.kind != FailureKind::Unreachable {
        return Err(failure);
    }
    let live = cluster.get(key).await.map_err(|_| failure.clone())?;
    match live.filter(|live| Metadata::of(live).uid() == uid) {
        // Gone, or another object bears the name now: what was to be deleted is not there.
        None => Ok(Deleted::Gone),
        Some(live) if Metadata::of(&live).is_being_deleted() => Ok(Deleted::Accepted),
        Some(_) if is_about_uid || !sent.is_within(OURS_FOR) => Err(failure),
        Some(_) => cluster.delete(key, uid, propagation).await,
    }
}

/// Takes an object out of its set: a claim that is kept must not be pruned by anybody later.
///
/// # Errors
/// The server refuses, or nobody can say whether it was done.
pub(super) async fn release(
    cluster: &Cluster,
    manager: &str,
    key: &ObjectKey,
    uid: &str,
) -> Result<(), Failure> {
    let patch = json!({"metadata": {"uid": uid, "labels": {naming::LABEL_PART_OF: null}}});
    let sent = Moment::now();
    let Err(failure) = cluster.merge_patch(key, &patch, manager, None).await else {
        return Ok(());
    };
    if failure.kind != FailureKind::Unreachable {
        return Err(failure);
    }
    let live = cluster.get(key).await.map_err(|_| failure.clone())?;
    match live.filter(|live| Metadata::of(live).uid() == uid) {
        None => Err(vanished(key)),
        Some(live) if Metadata::of(&live).label(naming::LABEL_PART_OF).is_none() => Ok(()),
        Some(_) if !sent.is_within(OURS_FOR) => Err(failure),
        Some(_) => cluster
            .merge_patch(key, &patch, manager, None)
            .await
            .map(|_| ()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Method;

    use super::*;
    use crate::cluster::mock::{self, Reply};

    /// Nobody takes the operation over.
    fn held<'a>() -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async { Ok(()) })
    }

    async fn created(n_conflicts: usize, is_there: bool) -> (Result<Written, Failure>, usize) {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "web", "namespace": "team-a", "uid": "u"}});
        let (n_writes, answer) = (AtomicUsize::new(0), object.clone());
        let (cluster, log) = mock::cluster(move |seen| match seen.method {
            Method::PATCH if n_writes.fetch_add(1, Ordering::Relaxed) < n_conflicts => Reply::json(
                409,
                json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409,
                    "message": "Operation cannot be fulfilled on resourcequotas \"q\": the object has been modified; \
                                please apply your changes to the latest version and try again"}),
            ),
            Method::GET if !is_there => Reply::json(
                404,
                json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
            ),
            _ => Reply::json(200, &answer),
        });
        let wanted = Object::from_json(object).unwrap();
        let absent = (Target::Absent, &[][..]);
        let written = apply(&cluster, &held, "bowline/web", &wanted, absent).await;
        let log = log.lock().unwrap();
        let writes = log.iter().filter(|seen| seen.method == Method::PATCH);
        (written, writes.count())
    }

    /// Several creations of one moment outrun each other in the count of a quota.
    #[tokio::test(start_paused = true)]
    async fn what_conflicts_with_nothing_that_is_there_is_sent_again() {
        let (written, n_writes) = created(2, false).await;
        assert!(written.is_ok(), "{written:?}");
        assert_eq!(n_writes, 3);
        let (written, _) = created(usize::MAX, false).await;
        let failure = written.unwrap_err();
        assert!(failure.summary.contains("resourcequotas"), "{failure}");
    }

    /// Whatever broke off is looked at once the server is back, and sent again only where it did not arrive.
    #[tokio::test(start_paused = true)]
    async fn an_outage_is_ridden_out_and_nothing_is_done_twice() {
        for (has_arrived, is_lost) in [(false, false), (true, false), (false, true)] {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "web", "namespace": "team-a", "uid": "u",
                    "managedFields": [{"manager": "bowline/web", "operation": "Apply"}]}});
            let begun = tokio::time::Instant::now();
            let live = object.clone();
            let (cluster, log) = mock::cluster(move |seen| {
                let is_rehearsal = seen.uri.contains("dryRun");
                match seen.method {
                    _ if begun.elapsed().as_secs() < 5 => Reply::Refused,
                    Method::GET if !has_arrived => Reply::json(
                        404,
                        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
                    ),
                    Method::PATCH if has_arrived && !is_rehearsal => {
                        Reply::status(500, "it is there already")
                    }
                    _ => Reply::json(200, &live),
                }
            });
            let cluster = cluster.riding_out(std::time::Duration::from_secs(30));
            let wanted = Object::from_json(object).unwrap();
            let hold = || -> BoxFuture<'_, Result<(), Failure>> {
                let is_over = is_lost && begun.elapsed().as_secs() >= 5;
                Box::pin(async move {
                    match is_over {
                        true => Err(conflict("the operation is lost".to_owned())),
                        false => Ok(()),
                    }
                })
            };
            let absent = (Target::Absent, &[][..]);
            let written = apply(&cluster, &hold, "bowline/web", &wanted, absent).await;
            assert_eq!(written.is_ok(), !is_lost, "{has_arrived}: {written:?}");
            let log = log.lock().unwrap();
            let is_write =
                |seen: &&mock::Seen| seen.method == Method::PATCH && !seen.uri.contains("dryRun");
            let n_writes = log.iter().filter(is_write).count();
            // Whoever took it over in the outage has written since.
            let is_sent_again = !has_arrived && !is_lost;
            assert_eq!(n_writes, if is_sent_again { 2 } else { 1 });
        }
    }

    /// Whoever took the operation over meanwhile may want what was to go.
    #[tokio::test(start_paused = true)]
    async fn after_an_outage_nothing_is_deleted_again() {
        for (outage, expected) in [(2, 2), (15, 1)] {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "web", "namespace": "team-a", "uid": "u"}});
            let begun = tokio::time::Instant::now();
            let live = object.clone();
            let (cluster, log) = mock::cluster(move |_| match begun.elapsed().as_secs() < outage {
                true => Reply::Refused,
                false => Reply::json(200, &live),
            });
            let cluster = cluster.riding_out(Duration::from_secs(30));
            let key = Object::from_json(object).unwrap().key;
            let deleted = delete(&cluster, &key, "u", Propagation::Background).await;
            assert_eq!(deleted.is_ok(), expected == 2, "{deleted:?}");
            let log = log.lock().unwrap();
            let n_deletes = log.iter().filter(|seen| seen.method == Method::DELETE);
            assert_eq!(n_deletes.count(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_else_created_is_left_alone() {
        let (written, n_writes) = created(usize::MAX, true).await;
        let told = "ConfigMap/web was created by somebody else meanwhile";
        assert_eq!((written.unwrap_err().summary.as_str(), n_writes), (told, 1));
    }
}
