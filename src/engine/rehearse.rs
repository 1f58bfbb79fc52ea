//! What applying an object would do: the server's own verdict by a dry run, or for those who may not write a difference that
//! is computed here.

use serde_json::{Map, Value, json};

use super::adjust::owned::{REPLICAS, applied_fields};
use super::coowned::{self, minus};
use super::difference::{difference, laid_over, normalized};
use super::fields;
use super::frozen;
use super::metadata::Metadata;
use super::plan::{Change, FieldConflict, PlannedObject};
use super::preflight::refused;
use super::replicas::given_up;
use super::revision;
use crate::cluster::{ApplyOptions, Cluster};
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::names;
use crate::service::advice;
use crate::service::drift::FieldPath;
use crate::service::summary::InstanceKey;

/// Reason of a cause that names a field of another manager.
const FIELD_CONFLICT: &str = "FieldManagerConflict";
/// Note on a workload whose template changes.
pub(super) const RESTARTS: &str = "its pods are replaced";
/// Note on an object whose fields have the wanted values already, though nobody else owns them.
const OWNED_AGAIN: &str = "nothing of it changes; its fields become bowline's";
/// Note on an object of which only the ownership of fields that left the definition goes.
const OWNED_LESS: &str =
    "nothing of it changes; fields that left the definition are bowline's no more";
/// Most fields that a warning names.
const NAMED: usize = 3;

/// What a rehearsal found.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub planned: PlannedObject,
    pub warnings: Vec<String>,
    pub conflicts: Vec<FieldConflict>,
    /// Fields that others own and that are left to them.
    pub yielded: Vec<FieldConflict>,
    pub refusals: Vec<Failure>,
    /// The refusal of a change of fields that can never be changed: nothing is decided about it here.
    pub frozen: Option<Failure>,
    /// Whether the live object was another one for the rehearsal than for the look before.
    is_outrun: bool,
}

/// How often an object is looked at that others change between the look and the rehearsal.
const LOOKS: usize = 3;

/// As whom, and how, an object is rehearsed.
#[derive(Debug)]
pub(super) struct Actor<'a> {
    pub instance: &'a InstanceKey,
    /// The name of its definition.
    pub definition: &'a InstanceId,
    pub may_write: bool,
    /// Whether fields that others own are left to them.
    pub yields: bool,
}

impl Actor<'_> {
    pub fn manager(&self) -> String {
        naming::field_manager(&self.instance.id)
    }

    fn options(&self) -> ApplyOptions {
        ApplyOptions {
            field_manager: self.manager(),
            dry_run: true,
            force: false,
        }
    }
}

/// Rehearses an object. `seen` is the live one's metadata as it was listed, `listed` the whole of it where that was listed too.
///
/// What others change between the look and the rehearsal would be taken for a part of the plan, so both are done again then.
///
/// # Errors
/// The cluster cannot be reached, or the live object cannot be read.
pub(super) async fn rehearse(
    cluster: &Cluster,
    actor: &Actor<'_>,
    wanted: &Object,
    seen: Option<&Object>,
    listed: Option<&Object>,
) -> Result<Rehearsal, Failure> {
    let mut rehearsal = rehearse_once(cluster, actor, wanted, seen, listed).await?;
    for _ in 1..LOOKS {
        if !rehearsal.is_outrun {
            break;
        }
        rehearsal = rehearse_once(cluster, actor, wanted, seen, None).await?;
    }
    Ok(rehearsal)
}

async fn rehearse_once(
    cluster: &Cluster,
    actor: &Actor<'_>,
    wanted: &Object,
    seen: Option<&Object>,
    listed: Option<&Object>,
) -> Result<Rehearsal, Failure> {
    let going = seen.is_some_and(|seen| Metadata::of(seen).is_being_deleted());
    let live = match seen.filter(|_| !going) {
        Some(seen) => match listed.filter(|listed| listed.uid() == seen.uid()) {
            Some(listed) => Some(listed.clone()),
            None => cluster.get(&seen.key).await?,
        },
        None => None,
    };
    let rehearsal = Rehearsal::new(wanted, live.as_ref());
    if going {
        return Ok(rehearsal.noted("the old one is being deleted; it is waited for"));
    }
    match (live, actor.may_write) {
        (live, true) if actor.yields => {
            rehearsal
                .ask_yielding(cluster, wanted, live.as_ref(), actor)
                .await
        }
        (live, true) => rehearsal.ask(cluster, wanted, live.as_ref(), actor).await,
        (Some(live), false) => {
            let after = laid_over(&live.json, &wanted.json);
            Ok(rehearsal.updated(&live, &after))
        }
        (None, false) => Ok(rehearsal),
    }
}

impl Rehearsal {
    /// Begins with what is known without asking.
    fn new(wanted: &Object, live: Option<&Object>) -> Self {
        let (change, difference) = match live {
            Some(_) => (Change::Unchanged, Vec::new()),
            None => (Change::Create, difference(None, Some(&wanted.json))),
        };
        Self {
            planned: PlannedObject {
                key: wanted.key.clone(),
                change,
                live_uid: live.and_then(Object::uid).map(str::to_owned),
                difference,
                note: None,
            },
            warnings: Vec::new(),
            conflicts: Vec::new(),
            yielded: Vec::new(),
            refusals: Vec::new(),
            frozen: None,
            is_outrun: false,
        }
    }

    /// Returns what is known of an object that nobody can ask for yet.
    pub fn unseen(wanted: &Object, why: &str) -> Self {
        Self::new(wanted, None).noted(why)
    }

    fn noted(mut self, note: &str) -> Self {
        self.planned.note = Some(note.to_owned());
        self
    }

    /// Asks without the fields that others own.
    async fn ask_yielding(
        mut self,
        cluster: &Cluster,
        wanted: &Object,
        live: Option<&Object>,
        actor: &Actor<'_>,
    ) -> Result<Self, Failure> {
        let options = actor.options();
        let mut rest = wanted.clone();
        // Of what is not there nobody owns anything.
        let uid = live.and_then(Object::uid);
        for uid in std::iter::repeat_n(uid, LOOKS).flatten() {
            let Err(failure) = cluster.apply(&with_uid(&rest, uid), &options).await else {
                break;
            };
            let conflicts = field_conflicts(&wanted.key, live, &failure);
            if conflicts.is_empty() {
                break;
            }
            rest = without(&rest, &conflicts);
            self.yielded.extend(conflicts);
        }
        self.yielded.sort_by(|a, b| a.field.cmp(&b.field));
        self.ask(cluster, &rest, live, actor).await
    }

    async fn ask(
        mut self,
        cluster: &Cluster,
        wanted: &Object,
        live: Option<&Object>,
        actor: &Actor<'_>,
    ) -> Result<Self, Failure> {
        let body = match live.and_then(Object::uid) {
            Some(uid) => with_uid(wanted, uid),
            None => wanted.clone(),
        };
        let (manager, options) = (actor.manager(), actor.options());
        let mut verdict = cluster.apply(&body, &options).await;
        if let Err(failure) = &verdict {
            self.conflicts = field_conflicts(&wanted.key, live, failure);
            let has_conflicts = !self.conflicts.is_empty();
            self.conflicts
                .retain(|conflict| !is_own_scaling(conflict, &manager));
            if has_conflicts {
                // What taking the fields would change is shown with the question whether to.
                let forced = ApplyOptions {
                    force: true,
                    ..options
                };
                verdict = cluster.apply(&body, &forced).await;
            }
        }
        match verdict {
            Ok(written) => {
                self.warnings.extend(written.warnings);
                Ok(match live {
                    Some(live) => {
                        // A dry run answers with the version that it was based on.
                        self.is_outrun = version(live) != version(&written.object);
                        let given_up = given_up(live, wanted, &manager);
                        let mut after = written.object.json;
                        if let Some(number) = given_up {
                            // A dry run cannot know that it is handed over before.
                            after["spec"]["replicas"] = json!(number);
                        }
                        self.updated(live, &after)
                            .owned(live, &after, actor, given_up)
                    }
                    None => self,
                })
            }
            Err(failure) if failure.is_unanswered() => Err(failure),
            Err(failure) => {
                if live.is_some() && is_for_remedies(&failure) {
                    self.frozen = Some(failure);
                } else {
                    self.refusals.push(refusal(failure, wanted));
                }
                Ok(match live {
                    // What is refused is shown too, as far as it can be known.
                    Some(live) => {
                        let after = laid_over(&live.json, &wanted.json);
                        self.updated(live, &after)
                    }
                    None => self,
                })
            }
        }
    }

    fn updated(mut self, live: &Object, after: &Value) -> Self {
        let live = &live.json;
        if normalized(live) == normalized(after) {
            return self;
        }
        self.planned.change = Change::Update;
        self.planned.difference = difference(Some(live), Some(after));
        let kind = live["kind"].as_str();
        let is_workload = matches!(kind, Some("Deployment" | "StatefulSet" | "DaemonSet"));
        let is_claim = live["kind"] == "PersistentVolumeClaim";
        let part_of =
            |object: &Value| object["metadata"]["labels"][naming::LABEL_PART_OF].is_string();
        if is_workload && live["spec"]["template"] != after["spec"]["template"] {
            self.planned.note = Some(RESTARTS.to_owned());
        } else if is_claim && !part_of(live) && part_of(after) {
            self.planned.note = Some("it was kept, and is used again".to_owned());
        }
        self
    }

    /// Takes in who would own its fields: what is as wanted is written all the same where it is not ours, or else the next
    /// change of the definition would meet its owner, and nobody could tell that it is in sync.
    fn owned(
        mut self,
        live: &Object,
        after: &Value,
        actor: &Actor<'_>,
        given_up: Option<u64>,
    ) -> Self {
        if let Some(number) = given_up {
            let note = format!("its {number} replicas stay, and belong to `scale` from now on");
            self.planned.change = Change::Update;
            self.planned.note.get_or_insert(note);
            return self;
        }
        let (manager, nothing) = (&actor.manager(), Map::new());
        let before = applied_fields(live, manager).unwrap_or(&nothing);
        let after = Object::from_json(after.clone());
        let after = after
            .as_ref()
            .and_then(|after| applied_fields(after, manager));
        let after = after.unwrap_or(&nothing);
        let (gained, lost) = (minus(after, before), minus(before, after));
        if before == after {
            return self;
        }
        self.warnings.extend(kept_by_others(live, actor, &lost));
        if self.planned.change == Change::Unchanged {
            self.planned.change = Change::Update;
            self.planned.note = Some(ownership_note(live, &actor.instance.id, &gained));
        }
        self
    }
}

/// Says whose fields the instance owns from then on, too: equal values belong to all who applied them.
fn ownership_note(live: &Object, id: &InstanceId, gained: &Map<String, Value>) -> String {
    if gained.is_empty() {
        return OWNED_LESS.to_owned();
    }
    let owners: Vec<String> = coowned::owners(live, id, gained).into_iter().collect();
    match owners.is_empty() {
        true => OWNED_AGAIN.to_owned(),
        false => format!(
            "nothing of it changes; what {} set in it becomes bowline's too",
            owners.join(", ")
        ),
    }
}

/// Warns of what left the definition and stays, as others own it too.
fn kept_by_others(live: &Object, actor: &Actor<'_>, lost: &Map<String, Value>) -> Option<String> {
    let id = &actor.instance.id;
    let kept = coowned::owned_by_others(live, id, lost);
    if kept.is_empty() {
        return None;
    }
    let kept: Vec<String> = kept.iter().map(FieldPath::to_string).collect();
    let owners: Vec<String> = coowned::owners(live, id, lost).into_iter().collect();
    Some(format!(
        "{} of {} left the definition and stays, as {} set it too: {} before this deploy lets it go",
        names::first(&kept, NAMED),
        live.key,
        owners.join(", "),
        advice::command_of("adopt", actor.definition, actor.instance)
    ))
}

fn version(object: &Object) -> &Value {
    &object.json["metadata"]["resourceVersion"]
}

/// Returns the object with the uid of the live one that was seen, so that it is neither brought back nor mistaken.
pub(super) fn with_uid(wanted: &Object, uid: &str) -> Object {
    let mut body = wanted.clone();
    body.json["metadata"]["uid"] = json!(uid);
    body
}

/// Returns an object without fields that are left to others.
pub(super) fn without(wanted: &Object, yielded: &[FieldConflict]) -> Object {
    let mut rest = wanted.clone();
    for conflict in yielded {
        fields::remove(&mut rest.json, &conflict.field);
    }
    rest
}

/// Returns the fields of a refusal that other managers own; none if it is about something else. `live` is what was there
/// when it was refused.
pub(super) fn field_conflicts(
    key: &ObjectKey,
    live: Option<&Object>,
    failure: &Failure,
) -> Vec<FieldConflict> {
    if failure.kind != FailureKind::Conflict {
        return Vec::new();
    }
    let causes = failure.causes.iter();
    let mut conflicts: Vec<FieldConflict> = causes
        .filter(|cause| cause.reason == FIELD_CONFLICT)
        .map(|cause| FieldConflict {
            key: key.clone(),
            field: cause.field.clone(),
            message: cause.message.clone(),
            seen: live.and_then(|live| seen(live, &cause.field)),
        })
        .collect();
    // Servers name them in another order each time.
    conflicts.sort_by(|a, b| (&a.field, &a.message).cmp(&(&b.field, &b.message)));
    conflicts
}

/// Returns the digest of a field's value, which tells it from another one without being it.
pub(super) fn seen(live: &Object, field: &str) -> Option<String> {
    let value = fields::value(&live.json, field)?;
    Some(revision::text_hash(&value.to_string()))
}

/// Tells whether a conflict is with the number that our own `scale` set while the definition left it open: one that sets it
/// now takes it back, as the plan shows, and nobody else is asked.
pub(super) fn is_own_scaling(conflict: &FieldConflict, manager: &str) -> bool {
    let id = manager
        .strip_prefix("bowline/")
        .and_then(|id| id.parse().ok());
    let scaler = id.map(|id| naming::scale_field_manager(&id));
    conflict.field == REPLICAS
        && scaler.is_some_and(|scaler| {
            let words = format!("conflict with \"{scaler}\"");
            conflict.message.starts_with(&words)
        })
}

fn is_for_remedies(failure: &Failure) -> bool {
    frozen::is_frozen(failure)
        || frozen::is_shrinking(failure)
        || frozen::is_growth_refused(failure)
}

fn refusal(failure: Failure, wanted: &Object) -> Failure {
    if failure.kind == FailureKind::Conflict {
        return refused(format!(
            "{} was changed while it was looked at: plan again",
            wanted.key
        ));
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Cause;

    fn object(json: Value) -> Object {
        Object::from_json(json).unwrap()
    }

    fn deployment(image: &str, replicas: u32) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "u"},
               "spec": {"replicas": replicas, "template": {"image": image}}})
    }

    fn check(before: Value, after: Value, change: Change, note: Option<&str>) {
        let live = object(before.clone());
        let planned = Rehearsal::new(&live, Some(&live))
            .updated(&live, &after)
            .planned;
        assert_eq!((planned.change, planned.note.as_deref()), (change, note));
        assert_eq!(planned.live_uid.as_deref(), Some("u"));
    }

    #[test]
    fn a_change_of_the_template_replaces_the_pods_and_one_of_the_number_does_not() {
        let web = deployment("web:1", 1);
        check(
            web.clone(),
            deployment("web:2", 1),
            Change::Update,
            Some(RESTARTS),
        );
        check(web.clone(), deployment("web:1", 2), Change::Update, None);
        let daemons = |image| {
            let mut daemons = deployment(image, 1);
            daemons["kind"] = json!("DaemonSet");
            daemons
        };
        let replaced = Some(RESTARTS);
        check(daemons("a:1"), daemons("a:2"), Change::Update, replaced);
        check(web.clone(), web, Change::Unchanged, None);
    }

    #[test]
    fn only_field_conflicts_can_be_taken() {
        let mut failure = Failure::new(FailureKind::Conflict, "conflict");
        let key = object(deployment("web:1", 1)).key;
        assert!(field_conflicts(&key, None, &failure).is_empty());
        failure.causes.push(Cause {
            field: ".spec.replicas".to_owned(),
            reason: FIELD_CONFLICT.to_owned(),
            message: "conflict with \"hpa\"".to_owned(),
            place: None,
        });
        let expected = |seen| FieldConflict {
            key: key.clone(),
            field: ".spec.replicas".to_owned(),
            message: "conflict with \"hpa\"".to_owned(),
            seen,
        };
        failure.causes.push(Cause {
            reason: "AlreadyExists".to_owned(),
            ..failure.causes[0].clone()
        });
        assert_eq!(field_conflicts(&key, None, &failure), [expected(None)]);
        let met = |n| field_conflicts(&key, Some(&object(deployment("web:1", n))), &failure);
        assert_eq!(met(1), met(1));
        assert_ne!(met(1), met(2));
        let refusal = Failure {
            kind: FailureKind::Invalid,
            ..failure
        };
        assert!(field_conflicts(&key, None, &refusal).is_empty());
    }

    #[test]
    fn conflicts_are_told_in_the_same_order_whatever_the_servers_is() {
        let key = object(deployment("web:1", 1)).key;
        let cause = |field: &str| Cause {
            field: field.to_owned(),
            reason: FIELD_CONFLICT.to_owned(),
            message: "conflict with \"hpa\"".to_owned(),
            place: None,
        };
        for order in [[".b", ".a", ".c"], [".c", ".b", ".a"]] {
            let failure = Failure {
                causes: order.map(cause).into(),
                ..Failure::new(FailureKind::Conflict, "conflict")
            };
            let told = field_conflicts(&key, None, &failure);
            let fields: Vec<&str> = told.iter().map(|it| it.field.as_str()).collect();
            assert_eq!(fields, [".a", ".b", ".c"]);
        }
    }
}
