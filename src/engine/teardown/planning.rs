//! The plan of a teardown: list everything that bears the instance's labels, and say what happens to it.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::cluster::{Access, Cluster, Selector};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::engine::along::Along;
use crate::engine::fate::{self, CLAIMS_IN_IT, Policies, Scene};
use crate::engine::frozen;
use crate::engine::made_claims;
use crate::engine::metadata::Metadata;
use crate::engine::mounted;
use crate::engine::ownership::{self, Owner};
use crate::engine::plan::{DataFate, Fate, FateRow, PlannedRetention, TeardownPlan, VolumeChoice};
use crate::engine::preflight;
use crate::engine::protection;
use crate::engine::record::{self, Extent, Record};
use crate::engine::retention;
use crate::engine::volumes::{self, Volumes};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::summary::InstanceKey;

/// Requests that are sent at once.
const AT_ONCE: usize = 4;
/// Kinds that are looked at whatever the record says: those that bowline makes, and what controllers make of them.
const KNOWN: [(&str, &str); 11] = [
    ("", "ConfigMap"),
    ("", "PersistentVolumeClaim"),
    ("", "Pod"),
    ("", "Secret"),
    ("", "Service"),
    ("apps", "ControllerRevision"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("networking.k8s.io", "Ingress"),
];
const NEVER_DEPLOYED: &str =
    "no deploy of it came to its end: no copy is kept of what is deleted, and nothing puts it back";
const ONLY_ADOPTED: &str = "it was adopted and never deployed: a copy, where one is kept, holds its objects as they are, without the values \
                            of Secrets";
const CANNOT_RETAIN: &str = "this user may not read and change volumes, so none can be retained: keep the claims instead, or delete \
                             them with their volumes";

/// Plans a teardown: the fate of every object that bears the instance's labels.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be listed.
pub async fn plan_teardown(
    cluster: &Cluster,
    instance: &InstanceKey,
    volumes: VolumeChoice,
) -> Result<TeardownPlan, Failure> {
    let mut plan = TeardownPlan::new(instance, volumes);
    let record = match record::read(cluster, instance).await {
        Ok(record) => record,
        // A ConfigMap of that name that is no record of ours is left alone; the labels say what is.
        Err(failure) if failure.kind == FailureKind::Refused => {
            plan.warnings.push(failure.summary);
            None
        }
        Err(failure) => return Err(failure),
    };
    plan.observe(record.as_ref(), cluster.now());
    if let Some(record) = record.as_ref().filter(|it| it.revision().is_none()) {
        let warning = match record.is_adopted() {
            true => ONLY_ADOPTED,
            false => NEVER_DEPLOYED,
        };
        plan.warnings.push(warning.to_owned());
    }
    let extent = record.as_ref().map(Record::extent).unwrap_or_default();
    let Found {
        objects: found,
        unlisted,
    } = find(cluster, instance, &extent).await?;
    plan.warnings.extend(unlisted.iter().map(|kind| {
        format!(
            "this user may not list {} objects: any that there are stay",
            kind.kind
        )
    }));
    let of_place = preflight::caution(cluster, instance.namespace.as_str()).await?;
    plan.caution = plan.caution.max(of_place);
    plan.caution.protect_if(found.iter().any(is_protected));
    let known = read_volumes(cluster, &found).await?;
    let policies = policies(&known, volumes, &mut plan.warnings);
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let scene = Scene {
        id: &instance.id,
        namespace: &instance.namespace,
        policy: cluster.policy(),
        set: &set,
        volumes,
        record_uid: record.as_ref().map(Record::uid),
    };
    plan.rows = fate::rows(&scene, &found, &policies);
    let is_elsewhere = is_protected_elsewhere(cluster, &plan).await?;
    plan.caution.protect_if(is_elsewhere);
    plan_retentions(&mut plan, &found, &known);
    warn_of_lasting_volumes(&mut plan, &known);
    let is_unlisted = !unlisted.is_disjoint(&extent.kinds);
    let unlisted = is_unlisted.then(|| "not everything of its set could be listed".to_owned());
    let left = left_elsewhere(&plan, &found, &set);
    plan.is_barred = is_unlisted || left.as_ref().is_some_and(|row| !is_of_claims(row));
    let left = left.map(|row| why_left(&row));
    let whys: Vec<String> = unlisted.into_iter().chain(left).collect();
    if !whys.is_empty() {
        keep_record(&mut plan, &whys.join(", and "));
    }
    warn_of_what_goes_along(cluster, &mut plan, &found).await?;
    let definition = record.as_ref().map(|it| it.definition_of(instance));
    let definition = definition.as_ref().unwrap_or(&instance.id);
    warn_of_unlabelled_claims(cluster, &mut plan, definition, &found).await?;
    Box::pin(mounted::warn_of_strangers(cluster, &mut plan)).await?;
    let missing = preflight::forbidden(cluster, accesses(&plan, &found)).await?;
    let namespace = instance.namespace.as_str();
    plan.refusals
        .extend(preflight::forbidden_refusal(&missing, namespace));
    plan.refusals.extend(cluster.bars_running());
    may_retain(cluster, &mut plan).await?;
    Ok(plan)
}

/// What bears the instance's labels.
struct Found {
    objects: Vec<Object>,
    /// Kinds that this user may not list.
    unlisted: BTreeSet<GroupKind>,
}

fn all_namespaces(instance: &InstanceKey, extent: &Extent) -> Vec<Namespace> {
    let others = extent
        .namespaces
        .iter()
        .filter_map(|name| name.parse().ok());
    std::iter::once(instance.namespace.clone())
        .chain(others)
        .collect()
}

/// Lists what bears the instance's labels: claims, and the sets that make some, in full, the rest by metadata.
async fn find(
    cluster: &Cluster,
    instance: &InstanceKey,
    extent: &Extent,
) -> Result<Found, Failure> {
    let known = KNOWN.map(|(group, kind)| GroupKind::new(group, kind));
    let mut kinds: BTreeSet<GroupKind> = known.into_iter().chain(extent.kinds.clone()).collect();
    // What stands between one and its pods.
    if kinds.contains(&GroupKind::new("batch", "CronJob")) {
        kinds.insert(GroupKind::new("batch", "Job"));
    }
    let places: Vec<(GroupKind, Namespace)> = all_namespaces(instance, extent)
        .iter()
        .flat_map(|namespace| kinds.iter().map(|kind| (kind.clone(), namespace.clone())))
        .collect();
    let selector = Selector::instance(&instance.id);
    let selector = &selector;
    let lists = stream::iter(places)
        .map(|(kind, namespace)| async move {
            let namespace = Some(&namespace);
            let listed = if kind.kind == CLAIM || kind == GroupKind::new("apps", "StatefulSet") {
                cluster.list(&kind, namespace, selector).await
            } else {
                cluster.list_metadata(&kind, namespace, selector).await
            };
            (kind, listed)
        })
        .buffered(AT_ONCE);
    let lists: Vec<(GroupKind, Result<Vec<Object>, Failure>)> = lists.collect().await;
    let mut found = Found {
        objects: Vec::new(),
        unlisted: BTreeSet::new(),
    };
    let mut first_refusal = None;
    for (kind, listed) in lists {
        match listed {
            Ok(objects) => found.objects.extend(objects),
            // NB: a kind that is not served any more has no objects either.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                found.unlisted.insert(kind);
                first_refusal.get_or_insert(failure);
            }
            Err(failure) => return Err(failure),
        }
    }
    forget_strangers(&mut found.objects, instance);
    match first_refusal {
        Some(failure) if found.objects.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

/// Leaves out what bears the ID of the instance outside of its namespace: there it may be another one's. Members say whose
/// they are, what has owners goes with them, and claims are known by the `StatefulSet` that made them or by the namespace.
fn forget_strangers(objects: &mut Vec<Object>, instance: &InstanceKey) {
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let own = Some(instance.namespace.as_str());
    let mut seen: BTreeSet<ObjectKey> = BTreeSet::new();
    // What is in no namespace is in the lists of all.
    objects.retain(|object| object.key.namespace.is_some() || seen.insert(object.key.clone()));
    let mut ours: BTreeSet<String> = BTreeSet::new();
    loop {
        let n_ours = ours.len();
        for object in objects.iter() {
            let metadata = Metadata::of(object);
            let is_here = object.key.namespace.as_deref() == own;
            let is_member = metadata.label(naming::LABEL_PART_OF) == Some(&*set);
            let is_owned = metadata
                .owners()
                .iter()
                .any(|owner| ours.contains(&owner.uid));
            let is_claim = is_claim_of(object, objects, &ours)
                || is_claim_in_member(object, objects, (instance, &set));
            if is_here || is_member || is_owned || is_claim {
                ours.insert(metadata.uid().to_owned());
            }
        }
        if ours.len() == n_ours {
            break;
        }
    }
    objects.retain(|object| ours.contains(Metadata::of(object).uid()));
}

/// Tells whether it is a claim of the instance in a namespace that is a member: one that was kept bears no set any more, and
/// the namespace would take it along.
fn is_claim_in_member(
    claim: &Object,
    objects: &[Object],
    (instance, set): (&InstanceKey, &str),
) -> bool {
    let is_home = |object: &Object| {
        object.key.kind == "Namespace"
            && Some(&object.key.name) == claim.key.namespace.as_ref()
            && Metadata::of(object).label(naming::LABEL_PART_OF) == Some(set)
    };
    claim.key.kind == CLAIM
        && ownership::owner(claim, &instance.id, set) == Owner::Ours
        && objects.iter().any(is_home)
}

fn is_claim_of(claim: &Object, objects: &[Object], ours: &BTreeSet<String>) -> bool {
    claim.key.kind == CLAIM
        && objects.iter().any(|set| {
            set.key.kind == "StatefulSet"
                && set.key.namespace == claim.key.namespace
                && ours.contains(Metadata::of(set).uid())
                && naming::claim_ordinal(&claim.key.name, &set.key.name).is_some()
        })
}

/// Lets the record stay, and its revisions, without which it would tell of an instance that nobody knows the text of: it leads
/// somebody who may list or delete everything to what is left.
fn keep_record(plan: &mut TeardownPlan, why: &str) {
    let record = naming::record(&plan.instance.id);
    let revisions = format!("{record}.r");
    for row in &mut plan.rows {
        let name = &row.key.name;
        let is_of_record = *name == record || name.starts_with(&revisions);
        if row.key.kind == "ConfigMap" && is_of_record && row.fate == Fate::Deleted {
            row.fate = Fate::Left(why.to_owned());
        }
    }
    plan.warnings.push(format!(
        "the record stays, with a note of a teardown that is not finished: {why}; the same command finishes it once that may go, \
         and a deploy makes what is gone again"
    ));
}

/// Returns a member that stays outside of the record's namespace, for which the record stays: nothing else says whose it is.
/// What may not be deleted comes before what claims keep.
fn left_elsewhere(plan: &TeardownPlan, found: &[Object], set: &str) -> Option<FateRow> {
    let own = Some(plan.instance.namespace.as_str());
    let is_member = |row: &FateRow| {
        let object = found.iter().find(|it| it.uid() == Some(row.uid.as_str()));
        object.is_some_and(|it| Metadata::of(it).label(naming::LABEL_PART_OF) == Some(set))
    };
    let is_home = |row: &FateRow| own == Some(row.key.name.as_str()) && row.key.kind == "Namespace";
    let stays = plan.rows.iter().filter(|row| {
        matches!(row.fate, Fate::Left(_))
            && row.key.namespace.as_deref() != own
            && is_member(row)
            && !is_home(row)
    });
    stays.min_by_key(|row| is_of_claims(row)).cloned()
}

/// Tells whether it stays for the claims alone that are kept in it.
fn is_of_claims(row: &FateRow) -> bool {
    matches!(&row.fate, Fate::Left(why) if why == CLAIMS_IN_IT)
}

fn why_left(row: &FateRow) -> String {
    let FateRow { key, fate, .. } = row;
    match fate {
        Fate::Left(why) if is_of_claims(row) => {
            format!("{key} is left, as {why}: `--volumes delete` takes them along")
        }
        Fate::Left(why) => {
            format!("not everything of its set may be deleted: {key} is left, as {why}")
        }
        Fate::Deleted | Fate::Kept(_) | Fate::GarbageCollected(_) => format!("{key} is left"),
    }
}

async fn warn_of_what_goes_along(
    cluster: &Cluster,
    plan: &mut TeardownPlan,
    found: &[Object],
) -> Result<(), Failure> {
    let own = found.iter().filter_map(Object::uid).collect();
    let deleted = plan.rows.iter().filter(|row| row.fate == Fate::Deleted);
    let along = Along::find(cluster, deleted.map(|row| &row.key), &own).await?;
    plan.warnings.extend(along.warnings);
    plan.n_strangers = along.n_strangers;
    plan.hides_strangers = along.hides;
    plan.caution.protect_if(!along.protected.is_empty());
    Ok(())
}

/// Says which claims stay because nothing at them tells whose they are: those that a set made which others had made, and whose
/// templates bear other labels.
async fn warn_of_unlabelled_claims(
    cluster: &Cluster,
    plan: &mut TeardownPlan,
    definition: &InstanceId,
    found: &[Object],
) -> Result<(), Failure> {
    let id = plan.instance.id.clone();
    let sets = found.iter();
    let sets = sets.filter(|set| frozen::makes_unlabelled(set, &id));
    // That not all claims are seen is said already.
    let made = made_claims::look(cluster, sets.collect()).await?;
    let known: BTreeSet<Option<&str>> = found.iter().map(Object::uid).collect();
    let mut unlabelled: BTreeMap<&ObjectKey, Vec<&str>> = BTreeMap::new();
    for (set, claim) in &made {
        if !known.contains(&claim.uid()) {
            let names = unlabelled.entry(&set.key).or_default();
            names.push(&claim.key.name);
        }
    }
    let way = advice::command_of("adopt", definition, &plan.instance);
    let sentences = unlabelled.into_iter().map(|(set, names)| {
        let names = names.join(", ");
        format!(
            "{set} made claims that do not bear the labels of this instance and stay: {names}; {way} takes them over"
        )
    });
    plan.warnings.extend(sentences);
    Ok(())
}

/// Tells whether an object of the instance says that it is protected. What controllers made says nothing: they copy the
/// annotation of what they make it for, and leave it there when that is lifted.
fn is_protected(object: &Object) -> bool {
    let metadata = Metadata::of(object);
    let mut owners = metadata.owners().into_iter();
    let is_made = owners.any(|owner| owner.is_controller);
    !is_made && metadata.annotation(naming::ANNOTATION_PROTECTED) == Some("true")
}

/// Tells whether a namespace of what is deleted outside of the instance's own is protected.
async fn is_protected_elsewhere(cluster: &Cluster, plan: &TeardownPlan) -> Result<bool, Failure> {
    let own = plan.instance.namespace.as_str();
    let deleted = plan.rows.iter().filter(|row| row.fate == Fate::Deleted);
    let places = deleted.filter_map(|row| row.key.namespace.as_deref());
    protection::is_any(cluster, places.filter(|place| *place != own).collect()).await
}

/// Reads the volumes of claims; none where this user may not.
///
/// # Errors
/// The cluster cannot be reached.
pub(in crate::engine) async fn read_volumes(
    cluster: &Cluster,
    found: &[Object],
) -> Result<Option<Volumes>, Failure> {
    let names: BTreeSet<String> = found
        .iter()
        .filter(|object| object.key.kind == CLAIM)
        .map(|claim| volumes::text(claim, "/spec/volumeName").to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    volumes::read(cluster, &names).await
}

/// Returns the reclaim policies of volumes, as far as they may be read.
pub(in crate::engine) fn policies(
    known: &Option<Volumes>,
    choice: VolumeChoice,
    warnings: &mut Vec<String>,
) -> Policies {
    let Some(known) = known else {
        if choice == VolumeChoice::Delete {
            warnings.push(
                "this user may not read volumes: nobody can say what happens to the data"
                    .to_owned(),
            );
        }
        return Policies::new();
    };
    let policy = |volume| volumes::reclaim_policy(volume).map(str::to_owned);
    let named = known.iter();
    named
        .map(|(name, volume)| (name.clone(), policy(volume)))
        .collect()
}

/// Plans which volumes are set to Retain, where that was chosen: those of the claims that are deleted.
pub(in crate::engine) fn plan_retentions(
    plan: &mut TeardownPlan,
    found: &[Object],
    known: &Option<Volumes>,
) {
    if plan.volumes != VolumeChoice::Retain {
        return;
    }
    for row in plan.rows.iter().filter(|row| row.fate == Fate::Deleted) {
        let name = row.claim.as_ref().and_then(|claim| claim.volume.as_deref());
        let claim = found.iter().find(|it| it.uid() == Some(row.uid.as_str()));
        let (Some(name), Some(claim)) = (name, claim) else {
            continue;
        };
        let Some(known) = known else {
            plan.refusals
                .push(Failure::new(FailureKind::Forbidden, CANNOT_RETAIN));
            return;
        };
        match known.get(name).filter(|volume| volumes::is_of(volume, &row.uid)) {
            Some(volume) => plan.retentions.push(PlannedRetention {
                volume: volume.key.clone(),
                uid: volume.uid().unwrap_or_default().to_owned(),
                claim: claim.key.clone(),
                claim_uid: row.uid.clone(),
            }),
            None => plan.refusals.push(preflight::refused(format!(
                "{} cannot be retained: it says that its volume is {name}, which is not there or is not bound to it",
                claim.key
            ))),
        }
    }
}

/// Says which volumes outlast their claims though data was to go: the policy of each decides that.
pub(in crate::engine) fn warn_of_lasting_volumes(plan: &mut TeardownPlan, known: &Option<Volumes>) {
    if plan.volumes != VolumeChoice::Delete {
        return;
    }
    let lasting = |row: &FateRow| {
        let claim = row.claim.as_ref()?;
        let name = claim.volume.as_deref()?;
        let stays = row.fate == Fate::Deleted && claim.data == DataFate::Retained;
        let volume = known.as_ref()?.get(name).filter(|_| stays)?;
        let release = match volumes::is_labelled(volume, &plan.instance, &row.key.name) {
            true => {
                let release = advice::command("delete --retained", &plan.instance);
                format!("; {release} frees it afterwards")
            }
            false => String::new(),
        };
        let (key, claim) = (&volume.key, &row.key.name);
        Some(format!(
            "{key} of claim {claim} stays with its data, as its reclaim policy is Retain{release}"
        ))
    };
    let warnings: Vec<String> = plan.rows.iter().filter_map(lasting).collect();
    plan.warnings.extend(warnings);
}

/// Refuses where the volumes that should be retained may not be changed.
///
/// # Errors
/// Permissions cannot be asked for.
pub(in crate::engine) async fn may_retain(
    cluster: &Cluster,
    plan: &mut TeardownPlan,
) -> Result<(), Failure> {
    if plan.retentions.is_empty() {
        return Ok(());
    }
    let missing = preflight::forbidden(cluster, BTreeSet::from(volumes::accesses())).await?;
    if !missing.is_empty() {
        plan.refusals
            .push(Failure::new(FailureKind::Forbidden, CANNOT_RETAIN));
    }
    Ok(())
}

/// Returns what carrying out the table needs.
fn accesses(plan: &TeardownPlan, found: &[Object]) -> BTreeSet<Access> {
    let (mut accesses, mut lists) = (BTreeSet::new(), BTreeSet::new());
    let mut want = |verb, row: &FateRow| {
        accesses.insert(preflight::access_to(verb, &row.key));
    };
    let is_record = |row: &FateRow| row.key.name == naming::record(&plan.instance.id);
    let claims = GroupKind::new("", CLAIM);
    for row in &plan.rows {
        let object = found
            .iter()
            .find(|object| object.uid() == Some(row.uid.as_str()));
        let is_member = object
            .is_some_and(|object| Metadata::of(object).label(naming::LABEL_PART_OF).is_some());
        match &row.fate {
            Fate::Deleted => {
                want("delete", row);
                // Waiting until it is gone, and looking where no answer came.
                want("get", row);
            }
            Fate::Kept(_) => {
                want("get", row);
                if is_member {
                    want("patch", row);
                }
            }
            Fate::GarbageCollected(_) | Fate::Left(_) => {}
        }
        if row.fate == Fate::Deleted && is_record(row) {
            want("patch", row);
        }
        if row.leaves_claims && object.is_some_and(retention::takes_claims) {
            want("get", row);
            want("patch", row);
            lists.insert(Access {
                kind: claims.clone(),
                name: None,
                ..preflight::access_to("list", &row.key)
            });
        }
    }
    accesses.append(&mut lists);
    accesses
}
