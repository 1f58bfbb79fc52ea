//! Adoption: objects of another owner, or that others wrote into, become the instance's own.
//!
//! What bowline applies must be what is there, so the fields of client-side tools are put under the instance's manager: only
//! then does a later apply remove those that the definition does not have. The owners' marks go, the instance's labels come,
//! and everything else stays as it is until the next deploy.
//!
//! The record holds the operation, and is made where there is none yet: the objects say that they are part of its set, and
//! whoever looks for them finds their kinds there.

mod handing;
mod running;
mod there;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::adjust::is_idle_but_for;
use super::deploy::DeployRequest;
use super::operation::{self, Meeting};
use super::preflight::{self, access_to, refused};
use super::record;
use super::rendering::rendered;
use super::revision;
use super::routes;
use super::sets;
use crate::cluster::{Access, Cluster};
use crate::definition::id::InstanceId;
use crate::definition::object::{Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::operation::Handed;
use crate::service::summary::InstanceKey;
use handing::Claimant;
pub use running::run_adopt;

/// What the record's operation is called.
pub const OPERATION: &str = "adoption";
/// How much of a digest is noted: enough to tell one state of an object from another.
const DIGITS: usize = 16;

/// What an adoption would change, as shown for confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptPlan {
    /// The instance that the objects would belong to.
    pub instance: InstanceKey,
    /// The definition that makes them.
    pub name: InstanceId,
    /// The objects that change hands, in the order of the definition; empty where everything is the instance's already.
    pub rows: Vec<AdoptRow>,
    /// What the person should know: what the next deploy does to pods.
    pub warnings: Vec<String>,
    /// Reasons why it cannot run at all; empty when it can.
    pub refusals: Vec<Failure>,
}

/// An object that changes hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptRow {
    /// The object.
    pub key: ObjectKey,
    /// Its uid: one that was made again is another.
    pub uid: String,
    /// Whose it is, named as the end of a sentence; none where it is nobody's or the instance's own already.
    pub owner: Option<String>,
    /// The managers whose fields become the instance's.
    pub managers: BTreeSet<String>,
    /// The managers that own fields which the instance owns too: these become its alone.
    pub shared: BTreeSet<String>,
    /// Whether it is a claim that a `StatefulSet` takes by its name, and that bowline never applies.
    pub is_claim: bool,
}

/// How an adoption is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptOptions {
    /// Who does it: user, host and process.
    pub holder: String,
    /// What to do where another operation is noted.
    pub meeting: Meeting,
}

impl AdoptRow {
    /// Says whose it is: `belongs to the Helm release shop; fields of helm; fields shared with argocd`.
    pub fn belonging(&self) -> String {
        let owner = self
            .owner
            .as_ref()
            .map(|owner| format!("belongs to {owner}"));
        let named = |what: &str, managers: &BTreeSet<String>| {
            let managers: Vec<&str> = managers.iter().map(String::as_str).collect();
            (!managers.is_empty()).then(|| format!("{what} {}", managers.join(", ")))
        };
        let fields = named("fields of", &self.managers);
        let shared = named("fields shared with", &self.shared);
        let parts: Vec<String> = owner.into_iter().chain(fields).chain(shared).collect();
        if parts.is_empty() {
            "belongs to nobody".to_owned()
        } else {
            parts.join("; ")
        }
    }
    /// Returns what is noted of it: whoever goes on hands over just this.
    fn noted(&self) -> Handed {
        Handed {
            key: self.key.clone(),
            shown: self.digest(),
            is_claim: self.is_claim,
        }
    }

    /// Returns a digest of what was shown.
    fn digest(&self) -> String {
        let namespace = self.key.namespace.as_deref().unwrap_or_default();
        let (key, uid, belonging) = (&self.key, &self.uid, self.belonging());
        let mut digest = revision::text_hash(&format!("{namespace}\n{key}\n{uid}\n{belonging}"));
        digest.truncate(DIGITS);
        digest
    }
}

/// Plans the adoption of what a definition would make and what is there already under those names.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn plan_adopt(cluster: &Cluster, request: &DeployRequest) -> Result<AdoptPlan, Failure> {
    let refusals = preflight::place(cluster, request).await?;
    let mut plan = AdoptPlan::new(request.instance(), request.name.clone(), refusals);
    let rendered = rendered(cluster, request, Vec::new()).await?;
    let Ok(rendered) = rendered else {
        plan.refusals.push(refused("the definition has faults"));
        return Ok(plan);
    };
    if !plan.refusals.is_empty() {
        return Ok(plan);
    }
    let mut claimant = Claimant::of(request, &rendered.objects);
    let wanted: BTreeMap<&ObjectKey, &Object> = (rendered.objects.iter())
        .map(|object| (&object.key, object))
        .collect();
    let keys = rendered.objects.iter().map(|object| &object.key);
    let mut keys: Vec<ObjectKey> = keys.chain(claimant.claims_to_come()).cloned().collect();
    let mut there = there::there(cluster, &keys, |key| claimant.compares(key)).await?;
    let more = there::claims_of_sets(cluster, &there).await?;
    keys.extend(more.keys().cloned());
    claimant.add_claims(more.keys().cloned());
    there.extend(more);
    for key in &keys {
        let Some(live) = there.get(key) else {
            continue;
        };
        match claimant.row(key, live) {
            Ok(row) => {
                if row.is_some() {
                    let wanted = wanted.get(key).copied();
                    plan.warnings.extend(claimant.relabels_pods(live, wanted));
                    plan.warnings.extend(claimant.keeps_templates(live, wanted));
                    plan.warnings.extend(claimant.removes(live, wanted));
                }
                plan.rows.extend(row);
            }
            Err(refusal) => plan.refusals.push(refusal),
        }
    }
    let sets: BTreeSet<String> = there
        .values()
        .filter_map(|live| claimant.foreign_set(live))
        .collect();
    if !sets.is_empty() {
        // Apart from the rows, which say whose an object is as it says so itself: that is compared before it changes hands.
        let names = sets::names(cluster, &request.namespace, &sets).await;
        let named = names
            .iter()
            .map(|(id, name)| format!("the ApplySet {id} is {name}"));
        plan.warnings.extend(named);
    }
    plan.check(cluster).await?;
    Ok(plan)
}

/// Plans what is left of an adoption that was begun: what is as it was shown then. The rest is named and left.
///
/// # Errors
/// As [`plan_adopt`].
pub(super) async fn plan_rest(
    cluster: &Cluster,
    instance: &InstanceKey,
    name: InstanceId,
    handed: &[Handed],
) -> Result<AdoptPlan, Failure> {
    let claimant = Claimant::of_rest(instance, name.clone(), handed);
    let mut plan = AdoptPlan::new(instance.clone(), name, Vec::new());
    let keys: Vec<ObjectKey> = handed.iter().map(|it| it.key.clone()).collect();
    let there = there::there(cluster, &keys, |_| false).await?;
    for Handed { key, shown, .. } in handed {
        let Some(live) = there.get(key) else {
            plan.warnings.push(format!("{key} is not there any more"));
            continue;
        };
        match claimant.row(key, live) {
            Ok(None) => {}
            Ok(Some(row)) if row.digest() == *shown => plan.rows.push(row),
            Ok(Some(_)) => plan.warnings.push(format!(
                "{key} is left as it is: it was changed after it was shown; {} shows it anew",
                advice::command_of("adopt", &plan.name, instance)
            )),
            Err(refusal) => plan.warnings.push(refusal.summary),
        }
    }
    plan.check(cluster).await?;
    Ok(plan)
}

impl AdoptPlan {
    fn new(instance: InstanceKey, name: InstanceId, refusals: Vec<Failure>) -> Self {
        Self {
            instance,
            name,
            rows: Vec::new(),
            warnings: Vec::new(),
            refusals,
        }
    }

    /// Tells whether running it would change nothing.
    pub fn is_noop(&self) -> bool {
        self.rows.is_empty()
    }

    /// Refuses what this user may not do, and what stands in the way of the operation.
    async fn check(&mut self, cluster: &Cluster) -> Result<(), Failure> {
        self.refusals.extend(cluster.bars_running());
        if self.is_noop() {
            return Ok(());
        }
        let record = match record::read(cluster, &self.instance).await {
            Ok(record) => record,
            Err(failure) if failure.kind == FailureKind::Refused => {
                self.refusals.push(failure);
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        let rows = self.rows.iter();
        let mut accesses: BTreeSet<Access> = rows.map(|row| access_to("patch", &row.key)).collect();
        let verbs = match &record {
            Some(_) => ["get", "patch"].as_slice(),
            None => &["get", "create", "patch"],
        };
        let key = record::key(&self.instance);
        accesses.extend(verbs.iter().map(|verb| access_to(verb, &key)));
        let missing = preflight::forbidden(cluster, accesses).await?;
        let namespace = self.instance.namespace.as_str();
        self.refusals
            .extend(preflight::forbidden_refusal(&missing, namespace));
        let Some(record) = record else {
            return Ok(());
        };
        let now = cluster.now();
        match may_begin(&record, &self.instance, now) {
            Err(refusal) => self.refusals.push(refusal),
            Ok(()) => self.warnings.extend(operation::noted(&record, now)),
        }
        Ok(())
    }
}

/// Refuses while a deploy or a teardown is noted. Another adoption is taken over: this one shows all that it left.
fn may_begin(
    record: &record::Record,
    instance: &InstanceKey,
    now: Timestamp,
) -> Result<(), Failure> {
    is_idle_but_for(
        record,
        (instance, now),
        &["scale", "restart", routes::OPERATION, OPERATION],
    )
}
