//! Restores: what is worth keeping of an instance before it is taken down, and deploying it again from that.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::Value;

use super::again::{self, Former};
pub use super::again::{ReadSecrets, Surroundings};
use super::deploy::{DeployRequest, Report, RunOptions, Variant, plan_back, run_variant};
use super::difference::normalized;
use super::history::{self, KeptRevision};
use super::import;
use super::live::Live;
use super::plan::{DeployPlan, Fate, FateRow, TeardownPlan};
use super::preflight::refused;
use super::progress::Outcome;
use super::record::{self, Record};
use super::remedy::Remedies;
use crate::cluster::Cluster;
use crate::definition::check::{CheckContext, check};
use crate::definition::diagnostic::Severity;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{CLAIM, Object};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// Objects that are read at once.
const AT_ONCE: usize = 4;

/// What is worth keeping of an instance that is about to be taken down. It holds no Secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Remains {
    /// The instance.
    pub instance: InstanceKey,
    /// Uid of its record.
    pub record_uid: String,
    /// Number of its current revision; none of what was adopted and never deployed.
    pub revision: Option<u32>,
    /// Name of the definition in the catalogue.
    pub definition: Option<InstanceId>,
    /// The definition's text as it was applied; manifests of the objects that go, where it never was.
    pub text: String,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// The live objects that go, without what the server keeps for itself.
    pub objects: Vec<Value>,
}

/// Reads what is worth keeping of an instance whose teardown was planned; none where no whole revision is current, so that
/// there is nothing to go back to.
///
/// # Errors
/// The cluster cannot be reached, or what was adopted and never deployed cannot be kept whole: nothing else tells what it was.
pub async fn remains(cluster: &Cluster, plan: &TeardownPlan) -> Result<Option<Remains>, Failure> {
    let instance = &plan.instance;
    let record = match record::read(cluster, instance).await {
        Err(failure) if failure.kind == FailureKind::Refused => None,
        record => record?,
    };
    let Some(record) = record else {
        return Ok(None);
    };
    let Some(number) = record.revision() else {
        return match record.is_adopted() {
            true => match adopted(cluster, plan, &record).await {
                // What could be kept was kept before it began.
                Err(failure) if !failure.is_unanswered() && is_under_way(&record) => Ok(None),
                kept => kept,
            },
            false => Ok(None),
        };
    };
    let kept = match history::kept_revision(cluster, instance, number).await {
        Err(failure) if !failure.is_unanswered() => return Ok(None),
        kept => kept?,
    };
    let KeptRevision { revision, text } = kept;
    Ok(Some(Remains {
        instance: instance.clone(),
        record_uid: record.uid().to_owned(),
        revision: Some(number),
        definition: revision.definition,
        text,
        parameters: revision.parameters,
        // The definition is what brings it back; the objects tell what was there, and how many of each.
        objects: without_server_parts(&objects(cluster, plan).await?.read),
    }))
}

/// Makes a definition of the objects that go, of which none was ever deployed; none where only the record is left.
async fn adopted(
    cluster: &Cluster,
    plan: &TeardownPlan,
    record: &Record,
) -> Result<Option<Remains>, Failure> {
    let InstanceKey { namespace, id } = &plan.instance;
    if !plan.rows.iter().any(|row| is_lost(row, id)) {
        return Ok(None);
    }
    let found = objects(cluster, plan).await?;
    if let Some(unread) = found.unread {
        return Err(unread);
    }
    let found = found.read;
    if found.is_empty() {
        let summary = format!(
            "of {} only Secrets go, whose values no copy holds",
            plan.instance
        );
        return Err(refused(summary));
    }
    let objects = without_server_parts(&found);
    let sets: Vec<String> = (found.iter())
        .filter(|object| object.key.kind == "StatefulSet")
        .map(|set| set.key.name.clone())
        .collect();
    let is_made = |object: &Object| {
        let of = |set: &String| naming::claim_ordinal(&object.key.name, set).is_some();
        object.key.kind == CLAIM && sets.iter().any(of)
    };
    let own = found.into_iter().filter(|object| !is_made(object));
    let manifests = import::manifests(own.collect(), namespace, true);
    let heading = format!("What {id} in namespace {namespace} was, adopted and never deployed.");
    let text = import::text_of(&manifests, &heading);
    let context = CheckContext {
        id: Some(id.clone()),
        namespace: Some(namespace.clone()),
        policy: cluster.policy().clone(),
        ..CheckContext::default()
    };
    let checked = check(&text, &context);
    if checked.definition.is_none() {
        let mut faults = checked.diagnostics.into_iter();
        let error = faults.find(|it| it.severity == Severity::Error);
        let why = error.map_or_else(String::new, |it| format!(": {}", it.message));
        let instance = &plan.instance;
        let summary = format!("the objects of {instance} make no legal definition{why}");
        return Err(refused(summary));
    }
    Ok(Some(Remains {
        instance: plan.instance.clone(),
        record_uid: record.uid().to_owned(),
        revision: None,
        definition: Some(record.definition_of(&plan.instance)),
        text,
        parameters: BTreeMap::new(),
        objects,
    }))
}

/// Tells whether a teardown of it has begun.
fn is_under_way(record: &Record) -> bool {
    record.noted().is_some_and(|it| it.kind == "teardown")
}

fn without_server_parts(objects: &[Object]) -> Vec<Value> {
    let objects = objects.iter();
    objects.map(|object| normalized(&object.json)).collect()
}

/// Tells whether an object goes that tells of more than how bowline runs the instance.
fn is_lost(row: &FateRow, id: &InstanceId) -> bool {
    row.fate == Fate::Deleted && row.key.name != naming::record(id)
}

/// The objects that go.
struct Going {
    /// Those that were read.
    read: Vec<Object>,
    /// Why one that is there was not; none where all were.
    unread: Option<Failure>,
}

/// Reads the objects that go, as far as this user may read them. Secrets are left out.
async fn objects(cluster: &Cluster, plan: &TeardownPlan) -> Result<Going, Failure> {
    let is_kept = |row: &&FateRow| is_lost(row, &plan.instance.id) && row.key.kind != "Secret";
    let keys: Vec<_> = plan
        .rows
        .iter()
        .filter(is_kept)
        .map(|row| row.key.clone())
        .collect();
    let live = &Live::read(cluster, &plan.instance.id, &keys).await?;
    let read = stream::iter(keys.clone())
        .map(|key| async move {
            match live.get(&key) {
                Some(listed) => Ok(Some(listed.clone())),
                None => cluster.get(&key).await,
            }
        })
        .buffered(AT_ONCE);
    let read: Vec<_> = read.collect().await;
    let mut going = Going {
        read: Vec::new(),
        unread: None,
    };
    for object in read {
        match object {
            Ok(object) => going.read.extend(object),
            Err(failure) if failure.is_unanswered() => return Err(failure),
            // A kind that is not served any more has no objects.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => {
                going.unread.get_or_insert(failure);
            }
        }
    }
    Ok(going)
}

/// What is to be restored, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRequest {
    /// The instance.
    pub instance: InstanceKey,
    /// Number of the revision that was current when it was taken down; none of what was never deployed.
    pub revision: Option<u32>,
    /// Name of the definition in the catalogue.
    pub definition: Option<InstanceId>,
    /// The definition's text.
    pub text: String,
    /// Parameters that were set by hand.
    pub parameters: BTreeMap<String, String>,
    /// The live objects that went: what they had of replicas comes back, where the definition leaves that open.
    pub objects: Vec<Value>,
    /// Who restores, and under which settings.
    pub surroundings: Surroundings,
}

/// What a restore would do, as shown for review.
#[derive(Debug, Clone, PartialEq)]
pub struct RestorePlan {
    /// What is deployed again.
    pub request: DeployRequest,
    /// What deploying it would do.
    pub deploy: DeployPlan,
}

/// Plans a restore. Where another definition is deployed by now it is refused.
///
/// # Errors
/// What was kept is no legal definition any more, or the cluster cannot be reached.
pub async fn plan_restore(
    cluster: &Cluster,
    wish: &RestoreRequest,
    read_secrets: ReadSecrets<'_>,
) -> Result<RestorePlan, Failure> {
    let former = Former {
        what: format!("what was kept of {}", wish.instance),
        instance: wish.instance.clone(),
        name: wish.definition.clone(),
        text: wish.text.clone(),
        parameters: wish.parameters.clone(),
    };
    let cause = match wish.revision {
        Some(revision) => format!("restore of r{revision}"),
        None => "restore of what was adopted".to_owned(),
    };
    // Put back means with its data: a volume that the teardown retained is no new and empty one.
    let surroundings = Surroundings {
        remedies: Remedies {
            bind_retained: true,
            pass_over: true,
            ..wish.surroundings.remedies
        },
        ..wish.surroundings.clone()
    };
    let request = again::request(former, &surroundings, cluster.policy(), cause, read_secrets)?;
    let former = wish.objects.iter().cloned();
    let former: Vec<Object> = former.filter_map(Object::from_json).collect();
    let mut deploy = plan_back(cluster, &request, &former).await?;
    deploy.warnings.extend(emptied(&deploy.storage.fresh));
    if deploy.refusals.is_empty() {
        deploy.refusals.extend(other_deployed(cluster, wish).await?);
    }
    Ok(RestorePlan { request, deploy })
}

/// Says which claims do not come back with what they held.
fn emptied(fresh: &[String]) -> Option<String> {
    let names = fresh.join(", ");
    match fresh {
        [] => None,
        [_] => Some(format!(
            "claim {names} is made anew with an empty volume: the data it held does not come back"
        )),
        _ => Some(format!(
            "claims {names} are made anew with empty volumes: the data they held does not come back"
        )),
    }
}

/// Returns the refusal to write over something that was deployed since. A teardown or a restore that was interrupted left
/// the same definition, and is finished.
async fn other_deployed(
    cluster: &Cluster,
    wish: &RestoreRequest,
) -> Result<Option<Failure>, Failure> {
    let record = record::read(cluster, &wish.instance).await?;
    let Some(number) = record.as_ref().and_then(Record::revision) else {
        return Ok(None);
    };
    let is_same = match history::kept_revision(cluster, &wish.instance, number).await {
        Ok(kept) => kept.text == wish.text && kept.revision.parameters == wish.parameters,
        Err(failure) if failure.is_unanswered() => return Err(failure),
        Err(_) => false,
    };
    let summary = format!(
        "{} is deployed with another definition by now, r{number}: take it down or roll it back instead",
        wish.instance
    );
    Ok((!is_same).then(|| refused(summary)))
}

/// Carries out a restore that was shown. It goes on past failures with what does not depend on them; a second run finishes
/// what was left.
pub async fn run_restore(
    cluster: &Cluster,
    plan: &RestorePlan,
    options: RunOptions,
    report: Report<'_>,
) -> Outcome {
    let (request, plan) = (&plan.request, &plan.deploy);
    run_variant(
        cluster,
        request,
        plan,
        options,
        Variant::of("restore"),
        report,
    )
    .await
}
