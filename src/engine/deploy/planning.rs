//! The plan of a deploy: render, look at what is there, ask what is allowed, rehearse each object.

mod claims;
mod rehearsing;
mod replicas;
mod rights;

use std::collections::{BTreeMap, BTreeSet};

use super::DeployRequest;
use super::parameters;
use crate::cluster::{Access, Cluster};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::definition::render::Rendered;
use crate::engine::along::Along;
use crate::engine::contested;
use crate::engine::difference::difference;
use crate::engine::fate::CLAIMS_IN_IT;
use crate::engine::free_id::free_id;
use crate::engine::live::Live;
use crate::engine::metadata::{Metadata, core_key};
use crate::engine::operation;
use crate::engine::ownership::{self, Owner};
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::policy::out_of_policy;
use crate::engine::preflight::{self, Foreign, Survey, access_to};
use crate::engine::prune::{Leaving, leaving};
use crate::engine::record::{self, Extent, Facts, Record};
use crate::engine::remedy::StoragePlan;
use crate::engine::rendering::rendered;
use crate::engine::revision::{self, Identity, Snapshot};
use crate::engine::secrets;
use crate::engine::sets;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// Most revisions that are looked for behind the current one, where they may not be listed.
const MAX_PROBES: u32 = 50;
const KIND_COMES: &str = "not rehearsed: its kind comes with this definition";
/// Warning of a plan whose differences the server did not answer.
pub(in crate::engine) const COMPUTED_HERE: &str = "the difference is computed here, without the server's defaults and without what it would remove: this user may not ask for a dry run";
const LEFT: &str = "it left the definition";
const PROTECTED: &str = "it is protected, or a protected instance is in it";
const LEFT_CLAIM: &str = "it left the definition; claims are kept, never pruned";

/// Plans a deploy: what it would do to each object, and why it could not.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn plan_deploy(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    plan(cluster, request, Purpose::Deploy, &[]).await
}

/// As [`plan_deploy`], to be looked at only: where others have its objects, and an adoption would mend that, this is a warning, and
/// what a deploy after the adoption would change is in it.
///
/// # Errors
/// As [`plan_deploy`].
pub async fn plan_difference(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    plan(cluster, request, Purpose::Difference, &[]).await
}

/// As [`plan_deploy`], of what was deployed before with just these parameters: no other ones are missed.
///
/// # Errors
/// As [`plan_deploy`].
pub(in crate::engine) async fn plan_again(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    plan(cluster, request, Purpose::Again, &[]).await
}

/// As [`plan_again`], of what was taken down: its workloads have as many replicas as `former`, the live ones, had then.
///
/// # Errors
/// As [`plan_deploy`].
pub(in crate::engine) async fn plan_back(
    cluster: &Cluster,
    request: &DeployRequest,
    former: &[Object],
) -> Result<DeployPlan, Failure> {
    plan(cluster, request, Purpose::Again, former).await
}

/// As [`plan_deploy`], to be shown beside a text while it is typed.
///
/// # Errors
/// As [`plan_deploy`].
pub(in crate::engine) async fn plan_preview(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    plan(cluster, request, Purpose::Preview, &[]).await
}

/// What a plan is made for, and so what is looked for beside what would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To be agreed to.
    Deploy,
    /// To be looked at, before an adoption too.
    Difference,
    /// To be agreed to where all parameters are known.
    Again,
    /// To be looked at while it changes: what takes a list of the whole cluster is left to the plan that is agreed to.
    Preview,
}

async fn plan(
    cluster: &Cluster,
    request: &DeployRequest,
    purpose: Purpose,
    former: &[Object],
) -> Result<DeployPlan, Failure> {
    let mut plan = DeployPlan {
        instance: request.instance(),
        record_uid: None,
        record_version: None,
        revision: 1,
        objects: Vec::new(),
        warnings: Vec::new(),
        conflicts: Vec::new(),
        takes_conflicts: false,
        yielded: Vec::new(),
        replaces: None,
        refusals: Vec::new(),
        unanswered: Vec::new(),
        kept_answers: Vec::new(),
        offers: Vec::new(),
        storage: StoragePlan::default(),
        kept_replicas: Vec::new(),
        is_record_exact: false,
        is_noted: false,
        is_adoptable: false,
        unlisted: BTreeSet::new(),
        unlisted_namespaces: BTreeSet::new(),
        secret_revision: None,
        parameters: request
            .definition
            .service()
            .map_or_else(BTreeMap::new, |service| service.parameters.clone()),
        text_hash: revision::text_hash(&request.text),
    };
    let snapshot = match Snapshot::pack(&request.text, &request.parameters) {
        Ok(snapshot) => snapshot,
        Err(failure) => {
            plan.refusals.push(failure);
            return Ok(plan);
        }
    };
    if let Err(refusals) = rendered(cluster, request, Vec::new()).await? {
        plan.refusals = refusals;
        return Ok(plan);
    }
    plan.refusals = preflight::place(cluster, request).await?;
    if !plan.refusals.is_empty() {
        return Ok(plan);
    }
    let mut unseen = Vec::new();
    let record = match record::read(cluster, &plan.instance).await {
        Ok(record) => record,
        Err(failure) if failure.kind == FailureKind::Forbidden => {
            unseen.push(record::key(&plan.instance));
            None
        }
        Err(failure) if failure.kind == FailureKind::Refused => {
            plan.refusals.push(failure);
            return Ok(plan);
        }
        Err(failure) => return Err(failure),
    };
    let lasting = record.as_ref().filter(|record| !record.is_being_deleted());
    plan.record_uid = lasting.map(|record| record.uid().to_owned());
    plan.record_version = lasting.map(Record::seen);
    let composed = secrets::compose(cluster, request).await?;
    plan.secret_revision = composed.revision();
    plan.warnings.clone_from(&composed.kept);
    plan.offers.extend(composed.offer());
    let rendered = match rendered(cluster, request, composed.secrets).await? {
        Ok(rendered) => rendered,
        Err(refusals) => {
            plan.refusals = refusals;
            return Ok(plan);
        }
    };
    let planner = Planner {
        cluster,
        request,
        rendered: &rendered,
        identity: snapshot.identity(),
        record: record.as_ref(),
        unseen,
        hidden: composed.hidden,
        purpose,
        former,
    };
    planner.fill(&mut plan).await?;
    plan.refusals.extend(composed.refusals);
    plan.unanswered = composed.unanswered;
    plan.kept_answers = composed.kept_answers;
    Ok(plan)
}

struct Planner<'a> {
    cluster: &'a Cluster,
    request: &'a DeployRequest,
    rendered: &'a Rendered,
    identity: &'a Identity,
    record: Option<&'a Record>,
    /// What this user may not even read, so that nothing can be planned.
    unseen: Vec<ObjectKey>,
    /// Secrets that this user may not read: the rest can be planned.
    hidden: Vec<ObjectKey>,
    purpose: Purpose,
    /// What was taken down, as it was live then; empty but for a restore.
    former: &'a [Object],
}

impl Planner<'_> {
    async fn fill(&self, plan: &mut DeployPlan) -> Result<(), Failure> {
        plan.warnings.extend(self.rendered.warnings.iter().cloned());
        let noted = |record| operation::noted(record, self.cluster.now());
        plan.warnings.extend(self.record.and_then(noted));
        let places = self.places_to_look_at();
        let names = preflight::names(&self.made(&self.numbers()));
        let mut survey = preflight::survey(self.cluster, places, &names).await?;
        self.probe_revisions(&mut survey).await?;
        let to_come = self.to_come(&survey).await?;
        if !self.unseen.is_empty() || !survey.unseen.is_empty() {
            plan.refusals.push(self.blind(&survey, &to_come).await?);
            return Ok(());
        }
        let before = self.record.map(Record::extent).unwrap_or_default();
        let of_set = before.kinds;
        for (kind, _) in &survey.unlisted {
            plan.warnings.push(format!(
                "this user may not list {} objects: what left the definition is not found among them",
                kind.kind
            ));
            plan.unlisted.extend(of_set.get(kind).cloned());
        }
        if !plan.unlisted.is_empty() {
            plan.unlisted_namespaces = before.namespaces;
        }
        plan.kept_replicas = self.kept_replicas(&survey).await?;
        let made = self.made(&plan.kept_replicas);
        let foreign = self.foreign_names(&made, &survey).await;
        plan.is_adoptable = foreign.iter().any(|it| it.is_adoptable);
        let is_all_adoptable = foreign.iter().all(|it| it.is_adoptable);
        plan.refusals = foreign.into_iter().map(|it| it.refusal).collect();
        if let Some(refusal) = plan.refusals.last_mut() {
            if let (Some(free), true) = (self.free_id(&survey), refusal.detail.is_empty()) {
                refusal.detail = format!("the ID {free} is free");
            }
            if self.purpose == Purpose::Difference && is_all_adoptable {
                let refusals = std::mem::take(&mut plan.refusals);
                plan.warnings.extend(refusals.into_iter().map(in_one_line));
                Box::pin(self.compare_with_others(plan, &survey, &to_come)).await?;
                self.number(plan, &survey, false);
                // The adoption comes first, whatever a deploy writes after it.
                plan.is_record_exact = false;
            }
            return Ok(());
        }
        plan.replaces = self.other_definition().map(str::to_owned);
        plan.warnings.extend(self.replacement(&survey));
        plan.warnings
            .extend(self.dropped_parameters(&survey).await?);
        if self.purpose != Purpose::Preview {
            let objects = &self.rendered.objects;
            let contested = contested::look(self.cluster, self.request, objects).await?;
            plan.warnings.extend(contested);
        }
        plan.warnings
            .extend(preflight::bound_again(self.request, &made, &survey));
        let leaving = self.leaving(plan, &survey).await?;
        let accesses = self.accesses(&survey, &leaving, &to_come);
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let namespace = self.request.namespace.as_str();
        plan.refusals
            .extend(preflight::forbidden_refusal(&missing, namespace));
        let live = self.live(&survey, &leaving).await?;
        let claims = self.claims(plan, &survey).await?;
        let listed = (&survey, &live, claims.as_slice());
        self.rehearse_all(plan, listed, &missing, &to_come).await?;
        self.look_at_claims(plan, &claims).await?;
        self.say_scaled_away(plan, &survey, &live).await?;
        self.add_leaving(plan, &leaving, &live, &missing).await?;
        self.look_for_volumes_and_classes(plan, &survey).await?;
        self.say_kept(plan, &survey);
        self.may_carry_out(plan).await?;
        let is_leaving = |leaving: &Leaving<'_>| !matches!(leaving, Leaving::NotOurs(_));
        self.number(plan, &survey, leaving.iter().any(is_leaving));
        Ok(())
    }

    /// Returns what left the definition, and says what of that stays.
    async fn leaving<'a>(
        &self,
        plan: &mut DeployPlan,
        survey: &'a Survey,
    ) -> Result<Vec<Leaving<'a>>, Failure> {
        let InstanceKey { namespace, id } = &plan.instance;
        let set = naming::instance_applyset_id(id, namespace);
        let leaving = leaving(survey.objects(), &self.names(), id, &set);
        let leaving = self.but_homes(plan, survey, leaving);
        let leaving = self.within_policy(plan, leaving);
        self.but_protected(plan, survey, leaving).await
    }

    /// Returns why names cannot be used. A set of another tool is named by its parent, which is looked for only then.
    async fn foreign_names(&self, made: &[Object], survey: &Survey) -> Vec<Foreign> {
        let taken = preflight::names(made);
        let adoptable = preflight::names(&self.rendered.objects);
        let sets = preflight::foreign_sets(self.request, &taken, survey);
        let sets = match sets.is_empty() {
            true => BTreeMap::new(),
            false => sets::names(self.cluster, &self.request.namespace, &sets).await,
        };
        preflight::foreign_names(self.request, (&taken, &adoptable), survey, &sets)
    }

    /// Reads what is there in full, where it is much.
    async fn live(&self, survey: &Survey, leaving: &[Leaving<'_>]) -> Result<Live, Failure> {
        let objects = self.rendered.objects.iter();
        let found = objects.filter_map(|object| survey.find(&object.key));
        let deleted = leaving.iter().filter_map(|leaving| match leaving {
            Leaving::Deleted(object) => Some(*object),
            Leaving::Kept(_) | Leaving::NotOurs(_) => None,
        });
        let keys = found.chain(deleted).map(|object| &object.key);
        Live::read(self.cluster, &self.request.id, keys).await
    }

    /// Returns an ID that could be used instead; none where not all can be seen that may have taken it.
    fn free_id(&self, survey: &Survey) -> Option<InstanceId> {
        // The names of manifests are their own, whatever the ID.
        self.request.definition.service()?;
        let sees_all = survey.unlisted.is_empty();
        let free = || free_id(&self.request.id, &self.rendered.objects, survey.objects());
        sees_all.then(free).flatten()
    }

    /// Returns the other definition that the ID is in use for.
    fn other_definition(&self) -> Option<&str> {
        let other = self.record?.definition()?;
        (other != self.request.name.as_str()).then_some(other)
    }

    /// Says that what another definition made would be replaced.
    fn replacement(&self, survey: &Survey) -> Option<String> {
        let DeployRequest { id, name, .. } = self.request;
        let other = self.other_definition()?;
        let mut warning =
            format!("{id} is an instance of {other} so far, and becomes one of {name}");
        if let Some(free) = self.free_id(survey) {
            warning.push_str(&format!("; the ID {free} is free"));
        }
        Some(warning)
    }

    /// Says which parameters of the current revision nobody set. It is read only where it has other ones than these.
    async fn dropped_parameters(&self, survey: &Survey) -> Result<Vec<String>, Failure> {
        let Some(record) = self.record.filter(|_| self.purpose != Purpose::Again) else {
            return Ok(Vec::new());
        };
        let known = revision::among(survey.of_kind("ConfigMap"), &self.request.instance());
        let current = known
            .iter()
            .find(|known| Some(known.number) == record.revision());
        let identity = current.and_then(|known| known.identity.as_ref());
        if identity.is_some_and(|it| !it.has_other_parameters_than(self.identity)) {
            return Ok(Vec::new());
        }
        parameters::dropped(self.cluster, self.request, record).await
    }

    fn names(&self) -> Vec<ObjectKey> {
        let objects = self.rendered.objects.iter();
        objects.map(|object| object.key.clone()).collect()
    }

    /// Looks for revisions one by one where they may not be listed: an interrupted deploy leaves some behind the current one.
    async fn probe_revisions(&self, survey: &mut Survey) -> Result<(), Failure> {
        let config_map = GroupKind::new("", "ConfigMap");
        if !survey.unlisted.iter().any(|(kind, _)| *kind == config_map) {
            return Ok(());
        }
        let current = self.record.and_then(Record::revision).unwrap_or(0);
        for number in (current..current.saturating_add(MAX_PROBES)).skip(1) {
            let name = naming::revision(&self.request.id, number.into());
            let key = core_key("ConfigMap", self.request.namespace.as_str(), &name);
            match self.cluster.get(&key).await {
                Ok(Some(revision)) => survey.add(revision),
                Ok(None) => break,
                Err(failure) if failure.kind == FailureKind::Forbidden => {
                    survey.unseen.push(key);
                    break;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    fn extent(&self) -> Extent {
        Extent::of(&self.rendered.objects, &self.request.namespace)
    }

    fn places_to_look_at(&self) -> Vec<(GroupKind, Namespace)> {
        let before = self.record.map(Record::extent).unwrap_or_default();
        let Extent {
            mut kinds,
            namespaces,
        } = self.extent().and(&before);
        // Revisions, and claims to come, whose names may be taken.
        kinds.insert(GroupKind::new("", "ConfigMap"));
        kinds.insert(GroupKind::new("", "PersistentVolumeClaim"));
        let others = namespaces.iter().filter_map(|name| name.parse().ok());
        std::iter::once(self.request.namespace.clone())
            .chain(others)
            .flat_map(|namespace| {
                let places = kinds
                    .iter()
                    .map(move |kind| (kind.clone(), namespace.clone()));
                places.collect::<Vec<_>>()
            })
            .collect()
    }

    /// Leaves out what left the definition and may not be touched under the configuration; the set goes on naming it.
    fn within_policy<'a>(
        &self,
        plan: &mut DeployPlan,
        leaving: Vec<Leaving<'a>>,
    ) -> Vec<Leaving<'a>> {
        let mut allowed = Vec::with_capacity(leaving.len());
        for one in leaving {
            let (Leaving::Deleted(object) | Leaving::Kept(object) | Leaving::NotOurs(object)) = one;
            match out_of_policy(self.cluster.policy(), &self.request.namespace, &object.key) {
                None => {
                    allowed.push(one);
                }
                Some(why) => stays(plan, &object.key, &why),
            }
        }
        plan.unlisted_namespaces
            .remove(self.request.namespace.as_str());
        allowed
    }

    /// Leaves out the namespaces that left the definition while claims of the instance stay in them.
    fn but_homes<'a>(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
        leaving: Vec<Leaving<'a>>,
    ) -> Vec<Leaving<'a>> {
        let set = naming::instance_applyset_id(&self.request.id, &self.request.namespace);
        let is_ours =
            |claim: &&Object| ownership::owner(claim, &self.request.id, &set) == Owner::Ours;
        let claims = survey.of_kind(CLAIM).filter(is_ours);
        let homes: BTreeSet<&str> = claims
            .filter_map(|claim| claim.key.namespace.as_deref())
            .collect();
        but_namespaces(plan, leaving, |name| homes.contains(name), CLAIMS_IN_IT)
    }

    /// Says what else goes with what left the definition. Nobody is asked here for what is protected: such a namespace stays.
    async fn but_protected<'a>(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
        leaving: Vec<Leaving<'a>>,
    ) -> Result<Vec<Leaving<'a>>, Failure> {
        let set = naming::instance_applyset_id(&self.request.id, &self.request.namespace);
        let is_member =
            |it: &&Object| Metadata::of(it).label(naming::LABEL_PART_OF) == Some(set.as_str());
        let members = survey.objects().iter().filter(is_member);
        let own = members.filter_map(Object::uid).collect();
        let deleted = leaving.iter().filter_map(|leaving| match leaving {
            Leaving::Deleted(object) => Some(&object.key),
            Leaving::Kept(_) | Leaving::NotOurs(_) => None,
        });
        let along = Along::find(self.cluster, deleted, &own).await?;
        plan.warnings.extend(along.warnings);
        let is_protected = |name: &str| along.protected.contains(name);
        Ok(but_namespaces(plan, leaving, is_protected, PROTECTED))
    }

    async fn add_leaving(
        &self,
        plan: &mut DeployPlan,
        leaving: &[Leaving<'_>],
        live: &Live,
        missing: &[Access],
    ) -> Result<(), Failure> {
        for leaving in leaving {
            let (object, change, note) = match leaving {
                Leaving::Deleted(object) => (object, Change::Delete, LEFT),
                Leaving::Kept(object) => (object, Change::Keep, LEFT_CLAIM),
                Leaving::NotOurs(object) => {
                    plan.warnings.push(format!(
                        "{} bears the labels of this instance, but bowline did not write it: it is left alone",
                        object.key
                    ));
                    continue;
                }
            };
            let may_read = !missing.contains(&access_to("get", &object.key));
            let difference = match change {
                Change::Delete if may_read => {
                    let live = match live.get(&object.key) {
                        Some(listed) => Some(listed.clone()),
                        None => self.cluster.get(&object.key).await?,
                    };
                    difference(live.as_ref().map(|live| &live.json), None)
                }
                _ => Vec::new(),
            };
            plan.objects.push(PlannedObject {
                key: object.key.clone(),
                change,
                live_uid: object.uid().map(str::to_owned),
                difference,
                note: Some(note.to_owned()),
            });
        }
        Ok(())
    }

    /// Sets the revision: the current one only if nothing at all would be written.
    fn number(&self, plan: &mut DeployPlan, survey: &Survey, is_anything_leaving: bool) {
        let known = revision::among(survey.of_kind("ConfigMap"), &plan.instance);
        let current = self.record.and_then(Record::revision);
        plan.is_noted = self.record.is_some_and(|it| it.operation().is_some());
        let last = known.last().map(|last| last.number);
        let is_exact = |current: u32| {
            let facts = Facts::of(self.request, current, self.extent().and(&plan.unseen()));
            // What is there is of the deploy that is noted, as far as that came.
            let is_left_behind = plan.is_noted && last.is_some_and(|last| last > current);
            self.record.is_some_and(|record| record.is_exact(&facts)) && !is_left_behind
        };
        let changes = |object: &PlannedObject| object.change != Change::Unchanged;
        let is_unchanged = current.is_some_and(is_exact)
            && !is_anything_leaving
            && !plan.objects.iter().any(changes);
        plan.is_record_exact = is_unchanged;
        plan.revision = match current.filter(|_| is_unchanged) {
            Some(current) => current,
            None => revision::next_number(&known, current, self.identity),
        };
    }
}

fn in_one_line(refusal: Failure) -> String {
    let Failure {
        summary, detail, ..
    } = refusal;
    match detail.as_str() {
        "" => summary,
        detail => format!("{summary}; {detail}"),
    }
}

/// Leaves out some of the namespaces that left the definition, and says why they stay.
fn but_namespaces<'a>(
    plan: &mut DeployPlan,
    mut leaving: Vec<Leaving<'a>>,
    is_one: impl Fn(&str) -> bool,
    why: &str,
) -> Vec<Leaving<'a>> {
    leaving.retain(|one| {
        let namespace = one.namespace().filter(|it| is_one(&it.name));
        if let Some(namespace) = namespace {
            stays(plan, namespace, why);
        }
        namespace.is_none()
    });
    leaving
}

/// Says that something left the definition and stays; the set goes on naming it.
fn stays(plan: &mut DeployPlan, key: &ObjectKey, why: &str) {
    let sentence = format!("{key} left the definition and stays: {why}");
    plan.warnings.push(sentence);
    plan.unlisted.insert(GroupKind::of(key));
    plan.unlisted_namespaces.extend(key.namespace.clone());
}
