//! All claims, kept ones included: which are in use, by whom, and on which volumes; and the release of those that are kept.
//!
//! A release is a teardown of kept claims alone: planned here, carried out and reported as any teardown is. What a pod mounts, or
//! a workload would take again, is never released.

use std::collections::BTreeSet;

use serde_json::Value;

use super::classes::{is_default_storage, pod_of};
use super::fate::{self, Policies, Scene};
use super::metadata::Metadata;
use super::mounted;
use super::plan::{Fate, FateRow, TeardownPlan, TeardownScope, VolumeChoice};
use super::preflight::{self, refused};
use super::record::{self, Record};
use super::teardown;
use super::volumes::{self, Volumes};
use crate::cluster::{Access, Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::claim_use::{self, ClaimState, PodMounts, WorkloadClaims};
use crate::service::health::{self, StorageClass};
pub use crate::service::retained::RetainedVolume;
use crate::service::summary::{Claim, Event, InstanceKey, WorkloadKind};
use crate::text;

/// All claims of a namespace or of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimList {
    /// The claims, sorted by namespace, ID and name.
    pub claims: Vec<ListedClaim>,
    /// Volumes that were retained and that no claim holds.
    pub retained: Vec<RetainedVolume>,
    /// What could not be read, as sentences.
    pub warnings: Vec<String>,
    /// What of all namespaces is not shown, where not all may be looked into.
    pub unseen: Option<Failure>,
}

/// A claim, with who uses it and what it lies on.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedClaim {
    /// The claim.
    pub claim: Claim,
    /// What becomes of it.
    pub state: ClaimState,
    /// Names of the pods that mount it.
    pub used_by: Vec<String>,
    /// Why it has no volume, or less than it asks for, in words; none where nothing is known.
    pub reason: Option<String>,
    /// Reclaim policy of its volume; none while unbound, or where volumes may not be read.
    pub reclaim_policy: Option<String>,
}

/// Lists all claims of a namespace, or without one of all that may be looked into, each with its state.
///
/// # Errors
/// The cluster cannot be reached, or does not let claims be listed.
pub async fn list_claims(
    cluster: &Cluster,
    namespace: Option<&Namespace>,
) -> Result<ClaimList, Failure> {
    let across = cluster.across(namespace, |cluster, namespace| async move {
        list_in(&cluster, namespace.as_ref()).await
    });
    let mut across = across.await?;
    let mut all = ClaimList {
        claims: Vec::new(),
        retained: Vec::new(),
        warnings: Vec::new(),
        unseen: across.unseen.take(),
    };
    for list in across.into_answers() {
        all.claims.extend(list.claims);
        all.retained.extend(list.retained);
        for warning in list.warnings {
            if !all.warnings.contains(&warning) {
                all.warnings.push(warning);
            }
        }
    }
    let place = |it: &ListedClaim| (it.claim.instance.clone(), it.claim.name.clone());
    all.claims.sort_by_cached_key(place);
    all.retained
        .sort_by(|a, b| (&a.instance, &a.claim).cmp(&(&b.instance, &b.claim)));
    Ok(all)
}

async fn list_in(cluster: &Cluster, namespace: Option<&Namespace>) -> Result<ClaimList, Failure> {
    let claims = cluster.claims(namespace).await?;
    let names = claims.iter().filter_map(|claim| claim.volume.clone());
    let names: BTreeSet<String> = names.collect();
    let (volumes, ours) = volumes::read_and_retained(cluster, &names).await?;
    let mut list = ClaimList {
        claims: Vec::with_capacity(claims.len()),
        retained: retained(ours.as_deref().unwrap_or_default(), namespace),
        warnings: Vec::new(),
        unseen: None,
    };
    // Who may not read volumes at all is told so below.
    if ours.is_none() && (volumes.is_some() || claims.is_empty()) {
        let warning = "this user may not list volumes: which of them were retained is not known";
        list.warnings.push(warning.to_owned());
    }
    if claims.is_empty() {
        return Ok(list);
    }
    let users = Users::read(cluster, namespace, &Selector::managed(), &mut list.warnings).await?;
    let policies = policies(volumes, &mut list.warnings);
    let reasons = Reasons::read(cluster, namespace, &claims).await?;
    let listed = claims.into_iter().map(|claim| {
        let used_by = claim_use::used_by(&claim, &users.pods);
        let policy = claim.volume.as_ref().and_then(|name| policies.get(name));
        ListedClaim {
            state: claim_use::state(&claim, &used_by, &users.workloads),
            reason: reasons.of(&claim),
            reclaim_policy: policy.cloned().flatten(),
            used_by,
            claim,
        }
    });
    list.claims.extend(listed);
    Ok(list)
}

/// What says why claims have no volume.
#[derive(Default)]
struct Reasons {
    events: Vec<Event>,
    /// None where this user may not list them.
    classes: Option<Vec<StorageClass>>,
}

impl Reasons {
    /// Reads what is needed where a claim waits; what may not be read stays unexplained.
    async fn read(
        cluster: &Cluster,
        namespace: Option<&Namespace>,
        claims: &[Claim],
    ) -> Result<Self, Failure> {
        if claims.iter().all(|claim| claim.phase == "Bound") {
            return Ok(Self::default());
        }
        let events = match cluster.claim_events(namespace).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => Vec::new(),
            events => events?,
        };
        let kind = GroupKind::new("storage.k8s.io", "StorageClass");
        let classes = match cluster.list(&kind, None, &Selector::everything()).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => None,
            classes => Some(classes?.iter().map(class_of).collect()),
        };
        Ok(Self { events, classes })
    }

    fn of(&self, claim: &Claim) -> Option<String> {
        health::remark_on_claim(claim, &self.events, self.classes.as_deref())
    }
}

fn class_of(class: &Object) -> StorageClass {
    let clean = |pointer: &str| text::clean(volumes::text(class, pointer)).into_owned();
    StorageClass {
        name: text::clean(&class.key.name).into_owned(),
        provisioner: clean("/provisioner"),
        is_default: is_default_storage(class),
        waits_for_consumer: clean("/volumeBindingMode") == "WaitForFirstConsumer",
    }
}

/// What may use claims.
#[derive(Default)]
struct Users {
    pods: Vec<PodMounts>,
    workloads: Vec<WorkloadClaims>,
}

impl Users {
    async fn read(
        cluster: &Cluster,
        namespace: Option<&Namespace>,
        selector: &Selector,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let mut users = Self::default();
        match cluster.pod_mounts(namespace).await {
            Ok(pods) => users.pods = pods,
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                warnings.push(
                    "this user may not list pods: which of them use a claim is not known"
                        .to_owned(),
                );
            }
            Err(failure) => return Err(failure),
        }
        // What makes pods that mount claims, now or later.
        for kind in WorkloadKind::ALL {
            let kind = GroupKind::new(kind.group(), kind.as_str());
            match cluster.list(&kind, namespace, selector).await {
                Ok(found) => users.workloads.extend(found.iter().filter_map(claims_of)),
                Err(failure) if failure.kind == FailureKind::Forbidden => warnings.push(format!(
                    "this user may not list {} objects: which of them use a claim is not known",
                    kind.kind
                )),
                Err(failure) => return Err(failure),
            }
        }
        Ok(users)
    }
}

/// Returns the claims that the pods of a workload mount.
pub(super) fn claims_of(workload: &Object) -> Option<WorkloadClaims> {
    let names = |list: &Value, pointer: &str| -> Vec<String> {
        let items = list.as_array().into_iter().flatten();
        let names = items.filter_map(|item| item.pointer(pointer)?.as_str());
        names.map(str::to_owned).collect()
    };
    let spec = &workload.json["spec"];
    let mounted = &pod_of(workload)?["volumes"];
    Some(WorkloadClaims {
        namespace: workload.key.namespace.as_deref()?.parse().ok()?,
        name: workload.key.name.clone(),
        claims: names(mounted, "/persistentVolumeClaim/claimName"),
        templates: names(&spec["volumeClaimTemplates"], "/metadata/name"),
    })
}

fn policies(volumes: Option<Volumes>, warnings: &mut Vec<String>) -> Policies {
    let Some(volumes) = volumes else {
        warnings.push(
            "this user may not read volumes: their reclaim policies, and which were retained, are not known"
                .to_owned(),
        );
        return Policies::new();
    };
    let policy =
        |volume: &Object| volumes::reclaim_policy(volume).map(|it| text::clean(it).into_owned());
    let volumes = volumes.into_iter();
    volumes
        .map(|(name, volume)| (name, policy(&volume)))
        .collect()
}

/// Returns the volumes of ours that were retained and that no claim holds.
fn retained(ours: &[Object], namespace: Option<&Namespace>) -> Vec<RetainedVolume> {
    let read = ours.iter().filter_map(|it| RetainedVolume::of(&it.json));
    let is_here = |it: &RetainedVolume| {
        it.is_unclaimed() && namespace.is_none_or(|namespace| it.instance.namespace == *namespace)
    };
    read.filter(is_here).collect()
}

/// Plans the release of the kept claims of an instance: what becomes of each claim and its data. `run_teardown` carries it out.
///
/// # Errors
/// The cluster cannot be reached, or does not let claims be listed.
pub async fn plan_release(
    cluster: &Cluster,
    instance: &InstanceKey,
    choice: VolumeChoice,
) -> Result<TeardownPlan, Failure> {
    let scope = TeardownScope::KeptClaims;
    let (mut plan, record) = begin(cluster, instance, scope, choice).await?;
    if choice == VolumeChoice::Keep {
        plan.refusals.push(refused(
            "kept claims are released by deleting them: their volumes may be deleted or retained, not kept",
        ));
        return Ok(plan);
    }
    let kind = GroupKind::new("", CLAIM);
    let selector = Selector::instance(&instance.id);
    let namespace = Some(&instance.namespace);
    let found = cluster.list(&kind, namespace, &selector).await?;
    if found.is_empty() {
        return Ok(plan);
    }
    let used = used(cluster, instance, &mut plan.warnings).await?;
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let scene = Scene {
        id: &instance.id,
        namespace: &instance.namespace,
        policy: cluster.policy(),
        set: &set,
        volumes: choice,
        record_uid: record.as_ref().map(Record::uid),
    };
    let volumes = teardown::read_volumes(cluster, &found).await?;
    let policies = teardown::policies(&volumes, choice, &mut plan.warnings);
    plan.rows = fate::rows(&scene, &found, &policies);
    for row in &mut plan.rows {
        leave_used(row, &used);
    }
    if record.is_some() {
        leave_members(&mut plan.rows, &found, &set);
    }
    Box::pin(mounted::warn_of_strangers(cluster, &mut plan)).await?;
    teardown::plan_retentions(&mut plan, &found, &volumes);
    teardown::warn_of_lasting_volumes(&mut plan, &volumes);
    let accesses = plan.rows.iter().filter(|row| row.fate == Fate::Deleted);
    let accesses = accesses.flat_map(|row| access(row, instance)).collect();
    let missing = preflight::forbidden(cluster, accesses).await?;
    let refusal = preflight::forbidden_refusal(&missing, instance.namespace.as_str());
    plan.refusals.extend(refusal);
    plan.refusals.extend(cluster.bars_running());
    teardown::may_retain(cluster, &mut plan).await?;
    Ok(plan)
}

/// Returns the plan of a release before anything of it was looked for, with the record of the instance if there is one.
pub(super) async fn begin(
    cluster: &Cluster,
    instance: &InstanceKey,
    scope: TeardownScope,
    choice: VolumeChoice,
) -> Result<(TeardownPlan, Option<Record>), Failure> {
    let mut plan = TeardownPlan {
        scope,
        ..TeardownPlan::new(instance, choice)
    };
    let record = match record::read(cluster, instance).await {
        Err(failure) if failure.kind == FailureKind::Refused => None,
        record => record?,
    };
    plan.caution = preflight::caution(cluster, instance.namespace.as_str()).await?;
    plan.observe(record.as_ref(), cluster.now());
    Ok((plan, record))
}

/// Returns why each claim of an instance that is not kept is not.
async fn used(
    cluster: &Cluster,
    instance: &InstanceKey,
    warnings: &mut Vec<String>,
) -> Result<Vec<(String, String)>, Failure> {
    let namespace = Some(&instance.namespace);
    let claims = cluster.claims(namespace).await?;
    let users = Users::read(cluster, namespace, &Selector::managed(), warnings).await?;
    let of_instance = claims.into_iter().filter(|it| it.instance == *instance);
    Ok(of_instance
        .filter_map(|claim| {
            let used_by = claim_use::used_by(&claim, &users.pods);
            let mut wanting = users.workloads.iter();
            let wanting = wanting.find(|it| it.wants(&instance.namespace, &claim.name));
            let why = match (used_by.as_slice(), wanting) {
                ([], None) => return None,
                ([], Some(workload)) => format!("{} would use it again", workload.name),
                (pods, _) => format!("pod {} uses it", pods.join(", ")),
            };
            Some((claim.uid, why))
        })
        .collect())
}

fn leave_used(row: &mut FateRow, used: &[(String, String)]) {
    if let Some((_, why)) = used.iter().find(|(uid, _)| *uid == row.uid) {
        leave(row, why);
    }
}

/// Leaves what is no kept claim, but a part of the instance that runs: keeping takes a claim out of the set.
fn leave_members(rows: &mut [FateRow], found: &[Object], set: &str) {
    let is_member = |it: &&Object| Metadata::of(it).label(naming::LABEL_PART_OF) == Some(set);
    let members: BTreeSet<&str> = found
        .iter()
        .filter(is_member)
        .filter_map(Object::uid)
        .collect();
    for row in rows
        .iter_mut()
        .filter(|row| members.contains(row.uid.as_str()))
    {
        leave(row, "it is a part of the instance");
    }
}

fn leave(row: &mut FateRow, why: &str) {
    if row.fate == Fate::Deleted {
        row.fate = Fate::Left(why.to_owned());
        if let Some(claim) = &mut row.claim {
            claim.data = super::plan::DataFate::Retained;
        }
    }
}

fn access(row: &FateRow, instance: &InstanceKey) -> [Access; 2] {
    ["delete", "get"].map(|verb| Access {
        verb,
        kind: GroupKind::of(&row.key),
        subresource: None,
        namespace: Some(instance.namespace.to_string()),
        name: Some(row.key.name.clone()),
    })
}
