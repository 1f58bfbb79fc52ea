//! Drift of live objects: what of an instance is not as it was last applied, who made it so, and when.
//!
//! One list for each kind of the set. What was applied is the current revision, rendered again; what of it still is as it was
//! applied, the server itself tells by who owns the fields. So neither defaults nor values that the server writes in another
//! form are taken for a change, and settings that differ between two machines are not either. Secrets are listed by their
//! metadata: their values are not even read.

mod compare;
pub(super) mod fieldset;

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Value, json};

use super::again::{self, Former, Surroundings};
use super::deploy::DeployRequest;
use super::frozen;
use super::history;
use super::lasting;
use super::metadata::Metadata;
use super::ownership::{self, Owner};
use super::record::{self, Record};
use super::rendering::rendered;
use crate::cluster::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::definition::render::SecretContent;
use crate::definition::service::PullSecret;
use crate::failure::Failure;
use crate::secret::{SecretValue, SecretValues};
use crate::service::drift::{Changes, FieldChange, MASK, ObjectChange, Presence};
use crate::service::summary::InstanceKey;

/// Kinds that are listed at once.
const AT_ONCE: usize = 4;
const PARTLY: &str = "only what others set is shown, not what they removed";

/// Finds what others changed in the objects of an instance.
///
/// # Errors
/// There is no such instance, or it cannot be read.
pub async fn changes(
    cluster: &Cluster,
    instance: &InstanceKey,
    surroundings: &Surroundings,
) -> Result<Changes, Failure> {
    let Some(record) = record::read(cluster, instance).await? else {
        return Err(instance.not_there());
    };
    changes_since(cluster, instance, &record, surroundings).await
}

/// Finds the same of an instance that nobody works on, and the revision that it was compared with: what is written meanwhile is
/// no change by others. None where somebody is at it, or was while this looked.
///
/// # Errors
/// The same.
pub async fn changes_at_rest(
    cluster: &Cluster,
    instance: &InstanceKey,
    surroundings: &Surroundings,
) -> Result<Option<(Option<u32>, Changes)>, Failure> {
    let at_rest = async || {
        let record = record::read(cluster, instance).await?;
        let record = record.ok_or_else(|| instance.not_there())?;
        Ok::<_, Failure>(Some(record).filter(|record| record.operation().is_none()))
    };
    let Some(record) = at_rest().await? else {
        return Ok(None);
    };
    let changes = changes_since(cluster, instance, &record, surroundings).await?;
    let after = at_rest().await?;
    let is_same = after.is_some_and(|it| it.resource_version() == record.resource_version());
    Ok(is_same.then(|| (record.revision(), changes)))
}

async fn changes_since(
    cluster: &Cluster,
    instance: &InstanceKey,
    record: &Record,
    surroundings: &Surroundings,
) -> Result<Changes, Failure> {
    let mut changes = Changes::default();
    let request = match applied(cluster, instance, record, surroundings).await {
        Ok(request) => request,
        Err(failure) if failure.is_unanswered() => return Err(failure),
        Err(failure) => {
            let remark = format!("{PARTLY}: {}", failure.summary);
            changes.remarks.push(remark);
            None
        }
    };
    let live = list(cluster, instance, record, &mut changes.remarks).await?;
    let wanted = match request {
        Some(request) => match wanted(cluster, &request, &live).await? {
            Ok(objects) => Some(objects),
            Err(remark) => {
                changes.remarks.push(remark);
                None
            }
        },
        None => None,
    };
    let is_listed = |object: &Object| live.iter().any(|place| place.covers(&object.key));
    let all: Vec<&Object> = live.iter().flat_map(|place| &place.objects).collect();
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    for object in wanted.iter().flatten().filter(|object| is_listed(object)) {
        let found = all.iter().find(|live| is_same(&live.key, &object.key));
        changes
            .objects
            .extend(change_of(object, found.copied(), instance));
    }
    for object in &all {
        let is_member = Metadata::of(object).label(naming::LABEL_PART_OF) == Some(&set);
        let is_wanted = wanted
            .iter()
            .flatten()
            .any(|it| is_same(&it.key, &object.key));
        if is_member && !is_wanted {
            let fields = compare::compare(None, object, &instance.id);
            changes
                .objects
                .extend(changed(object, Presence::There, fields));
        }
    }
    add_lasting(
        &mut changes,
        wanted.as_deref().unwrap_or_default(),
        &all,
        instance,
    );
    Ok(changes)
}

/// Leaves out of what others added all that a definition says by now: a deploy of it makes that its own.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn leave_out_said(
    cluster: &Cluster,
    request: &DeployRequest,
    changes: &mut Changes,
) -> Result<(), Failure> {
    let Ok(rendered) = rendered(cluster, request, Vec::new()).await? else {
        return Ok(());
    };
    for change in &mut changes.objects {
        let mut objects = rendered.objects.iter();
        let Some(object) = objects.find(|object| is_same(&object.key, &change.key)) else {
            continue;
        };
        change
            .fields
            .retain(|field| field.wanted.is_some() || !fieldset::says(&object.json, &field.path));
    }
    let is_any =
        |change: &ObjectChange| change.presence != Presence::There || !change.fields.is_empty();
    changes.objects.retain(is_any);
    Ok(())
}

/// Returns what the current revision was deployed from; none before the first deploy came to its end.
pub(super) async fn applied(
    cluster: &Cluster,
    instance: &InstanceKey,
    record: &Record,
    surroundings: &Surroundings,
) -> Result<Option<DeployRequest>, Failure> {
    let Some(number) = record.revision() else {
        return Ok(None);
    };
    let kept = history::kept_revision(cluster, instance, number).await?;
    let former = Former {
        what: format!("revision {number} of {instance}"),
        instance: instance.clone(),
        name: kept.revision.definition,
        text: kept.text,
        parameters: kept.revision.parameters,
    };
    let without_values = |_: &_| Ok(SecretValues::default());
    let policy = cluster.policy();
    again::request(former, surroundings, policy, String::new(), &without_values).map(Some)
}

/// The objects of the kinds that could be listed, place by place.
pub(super) type Listed = Vec<Place>;

/// The objects of a kind in a namespace; those that are in none are in the first list of their kind.
pub(super) struct Place {
    kind: GroupKind,
    namespace: Namespace,
    objects: Vec<Object>,
}

impl Place {
    /// Tells whether an object would be among its own, if it were there.
    fn covers(&self, key: &ObjectKey) -> bool {
        let is_here = |namespace: &String| *namespace == self.namespace.as_str();
        self.kind == GroupKind::of(key) && key.namespace.as_ref().is_none_or(is_here)
    }
}

/// Lists the kinds of the set, in each of its namespaces; those that may not be listed are remarked and left out.
async fn list(
    cluster: &Cluster,
    instance: &InstanceKey,
    record: &Record,
    remarks: &mut Vec<String>,
) -> Result<Listed, Failure> {
    let extent = record.extent();
    let selector = Selector::instance(&instance.id);
    let others = extent.namespaces.iter().filter_map(|it| it.parse().ok());
    let namespaces: Vec<Namespace> = std::iter::once(instance.namespace.clone())
        .chain(others)
        .collect();
    let mut places: Vec<(GroupKind, Namespace)> = Vec::new();
    let mut kinds = extent.kinds.clone();
    if kinds.contains(&GroupKind::new("apps", "StatefulSet")) {
        // Its templates make claims, which are no members of the set.
        kinds.insert(GroupKind::new("", CLAIM));
    }
    for kind in &kinds {
        for namespace in &namespaces {
            places.push((kind.clone(), namespace.clone()));
        }
    }
    let lists = stream::iter(places).map(|(kind, namespace)| {
        let selector = &selector;
        async move {
            let listed = if is_secret(&kind) {
                let listed = cluster.list_metadata(&kind, Some(&namespace), selector);
                let listed = listed.await;
                listed.map(|objects| objects.into_iter().map(with_masked_keys).collect())
            } else {
                cluster.list(&kind, Some(&namespace), selector).await
            };
            (kind, namespace, listed)
        }
    });
    let lists: Vec<_> = lists.buffered(AT_ONCE).collect().await;
    let mut all: Listed = Vec::new();
    for (kind, namespace, listed) in lists {
        let is_own = namespace == instance.namespace;
        match listed {
            Ok(mut objects) => {
                // What is in no namespace is in every list.
                objects.retain(|object| is_own || object.key.namespace.is_some());
                all.push(Place {
                    kind,
                    namespace,
                    objects,
                });
            }
            Err(failure) if failure.is_unanswered() => return Err(failure),
            Err(failure) => {
                let place = match is_own {
                    true => String::new(),
                    false => format!(" in namespace {namespace}"),
                };
                let kind = kind.kind;
                remarks.push(format!("{kind} objects{place} are not compared: {failure}"));
            }
        }
    }
    Ok(all)
}

/// Adds what claims keep although the template that they were made from says otherwise: nobody changed them, and it lasts.
fn add_lasting(changes: &mut Changes, wanted: &[Object], live: &[&Object], instance: &InstanceKey) {
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let is_ours = |claim: &&Object| {
        claim.key.kind == CLAIM && ownership::owner(claim, &instance.id, &set) == Owner::Ours
    };
    let claims: Vec<Object> = live.iter().copied().filter(is_ours).cloned().collect();
    for set in wanted.iter().filter(|it| lasting::has_templates(it)) {
        let found = lasting::lasting(set, &claims);
        for lasting in &found {
            let mut objects = changes.objects.iter_mut();
            match objects.find(|object| is_same(&object.key, &lasting.claim)) {
                Some(object) => object.fields.push(lasting.change()),
                None => changes.objects.push(ObjectChange {
                    key: lasting.claim.clone(),
                    presence: Presence::There,
                    fields: vec![lasting.change()],
                }),
            }
        }
        let way = |_: &_| "a deploy says what can be done".to_owned();
        changes.remarks.extend(lasting::sentences(&found, way));
    }
}

fn is_secret(kind: &GroupKind) -> bool {
    kind.group.is_empty() && kind.kind == "Secret"
}

/// Gives a Secret of which only the metadata was read its keys, as far as anybody owns them.
fn with_masked_keys(mut object: Object) -> Object {
    let keys = fieldset::keys_of(&object.json, "f:data");
    let data: BTreeMap<String, &str> = keys.into_iter().map(|key| (key, MASK)).collect();
    object.json["data"] = json!(data);
    object
}

/// Renders what was applied, with the Secrets as far as the live ones tell of them; the inner error is why it cannot be.
pub(super) async fn wanted(
    cluster: &Cluster,
    request: &DeployRequest,
    live: &Listed,
) -> Result<Result<Vec<Object>, String>, Failure> {
    let live: Vec<&Object> = live.iter().flat_map(|place| &place.objects).collect();
    let of_secrets = live.iter().copied();
    let of_secrets = of_secrets.filter(|live| is_secret(&GroupKind::of(&live.key)));
    let secrets = secrets(request, &of_secrets.collect::<Vec<_>>());
    let mut objects = match rendered(cluster, request, secrets).await? {
        Ok(rendered) => rendered.objects,
        Err(faults) => {
            let why = faults.first().map(|fault| fault.summary.clone());
            let why = why.unwrap_or_default();
            return Ok(Err(format!(
                "{PARTLY}: the revision cannot be rendered: {why}"
            )));
        }
    };
    for object in &mut objects {
        // Templates of claims never change: a set that others made keeps its own.
        if let Some(set) = live.iter().find(|live| is_same(&live.key, &object.key)) {
            *object = frozen::with_labels(object, &frozen::held_labels(set, object));
        }
        if is_secret(&GroupKind::of(&object.key)) {
            let values = object.json["data"].as_object_mut().into_iter().flatten();
            values.for_each(|(_, value)| *value = Value::from(MASK));
            // Only metadata is read of the live ones; and what is written as text the server keeps as data, so that nobody
            // can say who owns it.
            let known = ["apiVersion", "kind", "metadata", "data"];
            if let Some(json) = object.json.as_object_mut() {
                json.retain(|key, _| known.contains(&key.as_str()));
            }
        }
    }
    Ok(Ok(objects))
}

fn secrets(request: &DeployRequest, live: &[&Object]) -> Vec<SecretContent> {
    let content = |name: String, kind: &'static str, keys: Vec<String>| {
        let live = live.iter().find(|live| live.key.name == name);
        let revision = live.and_then(|live| {
            let number = Metadata::of(live).annotation(naming::ANNOTATION_SECRET_REVISION)?;
            number.parse().ok()
        });
        SecretContent {
            name,
            kind,
            data: keys
                .into_iter()
                .map(|key| (key, SecretValue::new("")))
                .collect(),
            revision,
            version: None,
        }
    };
    let mut all = Vec::new();
    let Some(definition) = request.definition.service() else {
        return all;
    };
    if !definition.secrets.is_empty() {
        let keys = definition.secrets.keys().cloned().collect();
        all.push(content(naming::secret(&request.id), "Opaque", keys));
    }
    if let Some(PullSecret::Credentials { .. }) = &definition.pull_secret {
        let (kind, key) = ("kubernetes.io/dockerconfigjson", ".dockerconfigjson");
        all.push(content(
            naming::pull_secret(&request.id),
            kind,
            vec![key.to_owned()],
        ));
    }
    all
}

/// Tells whether two keys name one object, at whatever version.
fn is_same(one: &ObjectKey, other: &ObjectKey) -> bool {
    GroupKind::of(one) == GroupKind::of(other)
        && one.namespace == other.namespace
        && one.name == other.name
}

/// Returns how an object that was applied is changed; none if it is not.
fn change_of(
    wanted: &Object,
    live: Option<&Object>,
    instance: &InstanceKey,
) -> Option<ObjectChange> {
    let Some(live) = live else {
        return changed(wanted, Presence::Missing, Vec::new());
    };
    let is_going = Metadata::of(live).is_being_deleted();
    let presence = if is_going {
        Presence::Terminating
    } else {
        Presence::There
    };
    let fields = compare::compare(Some(wanted), live, &instance.id);
    changed(wanted, presence, fields)
}

fn changed(object: &Object, presence: Presence, fields: Vec<FieldChange>) -> Option<ObjectChange> {
    let is_as_applied = presence == Presence::There && fields.is_empty();
    (!is_as_applied).then(|| ObjectChange {
        key: object.key.clone(),
        presence,
        fields,
    })
}
