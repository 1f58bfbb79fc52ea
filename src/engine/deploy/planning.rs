//! The plan of a deploy: render, look at what is there, ask what is allowed, rehearse each object.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use super::DeployRequest;
use crate::cluster::{Access, Cluster};
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::render::Rendered;
use crate::engine::difference::difference;
use crate::engine::free_id::free_id;
use crate::engine::metadata::core_key;
use crate::engine::operation;
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::preflight::{self, Survey, access};
use crate::engine::prune::{Leaving, leaving};
use crate::engine::record::{self, Facts, Record};
use crate::engine::rehearse::{Actor, Rehearsal, rehearse};
use crate::engine::remedy::StoragePlan;
use crate::engine::rendering::rendered;
use crate::engine::revision::{self, Identity, Snapshot};
use crate::engine::secrets;
use crate::failure::{Failure, FailureKind};

/// Objects that are rehearsed at once.
const AT_ONCE: usize = 4;
/// Most revisions that are looked for behind the current one, where they may not be listed.
const MAX_PROBES: u32 = 50;
const LEFT: &str = "it left the definition";
const LEFT_CLAIM: &str = "it left the definition; claims are kept, never pruned";

/// Plans a deploy: what it would do to each object, and why it could not.
///
/// # Errors
/// The cluster cannot be reached, or does not let the objects be read.
pub async fn plan_deploy(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<DeployPlan, Failure> {
    let mut plan = DeployPlan {
        instance: request.instance(),
        revision: 1,
        objects: Vec::new(),
        warnings: Vec::new(),
        conflicts: Vec::new(),
        yielded: Vec::new(),
        refusals: Vec::new(),
        offers: Vec::new(),
        storage: StoragePlan::default(),
        is_record_exact: false,
        unlisted: BTreeSet::new(),
        secret_revision: None,
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
    let record = match record::read(cluster, &plan.instance).await {
        Ok(record) => record,
        Err(failure) if failure.kind == FailureKind::Refused => {
            plan.refusals.push(failure);
            return Ok(plan);
        }
        Err(failure) => return Err(failure),
    };
    let composed = secrets::compose(cluster, request).await?;
    plan.secret_revision = composed.revision();
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
    };
    planner.fill(&mut plan).await?;
    plan.refusals.extend(composed.refusals);
    Ok(plan)
}

struct Planner<'a> {
    cluster: &'a Cluster,
    request: &'a DeployRequest,
    rendered: &'a Rendered,
    identity: &'a Identity,
    record: Option<&'a Record>,
}

impl Planner<'_> {
    async fn fill(&self, plan: &mut DeployPlan) -> Result<(), Failure> {
        plan.warnings.extend(self.rendered.warnings.iter().cloned());
        if let Some(operation) = self.record.and_then(Record::operation) {
            plan.warnings.push(operation::describe(operation));
        }
        let names = self.names();
        let kinds = self.kinds_to_look_at();
        let mut survey = preflight::survey(self.cluster, self.request, &kinds, &names).await?;
        self.probe_revisions(&mut survey).await?;
        let of_set = self.record.map(Record::kinds).unwrap_or_default();
        for (kind, _) in &survey.unlisted {
            plan.warnings.push(format!(
                "this user may not list {} objects: what left the definition is not found among them",
                kind.kind
            ));
            plan.unlisted.extend(of_set.get(kind).cloned());
        }
        plan.refusals = preflight::foreign_names(self.request, &self.rendered.objects, &survey);
        if let Some(refusal) = plan.refusals.last_mut() {
            if let (Some(free), true) = (self.free_id(&survey), refusal.detail.is_empty()) {
                refusal.detail = format!("the ID {free} is free");
            }
            return Ok(());
        }
        plan.warnings.extend(self.other_definition(&survey));
        plan.warnings
            .extend(preflight::bound_again(self.request, &survey));
        let set = naming::instance_applyset_id(&self.request.id, &self.request.namespace);
        let leaving = leaving(survey.objects(), &names, &self.request.id, &set);
        let missing = preflight::forbidden(self.cluster, self.accesses(&survey, &leaving)).await?;
        let namespace = self.request.namespace.as_str();
        plan.refusals
            .extend(preflight::forbidden_refusal(&missing, namespace));
        self.rehearse_all(plan, &survey, &missing).await?;
        self.add_leaving(plan, &leaving, &missing).await?;
        let is_leaving = |leaving: &Leaving<'_>| !matches!(leaving, Leaving::NotOurs(_));
        self.number(plan, &survey, leaving.iter().any(is_leaving));
        Ok(())
    }

    /// Returns an ID that could be used instead; none where not all can be seen that may have taken it.
    fn free_id(&self, survey: &Survey) -> Option<InstanceId> {
        let sees_all = survey.unlisted.is_empty();
        let free = || free_id(&self.request.id, &self.rendered.objects, survey.objects());
        sees_all.then(free).flatten()
    }

    /// Says that the ID is in use for another definition: what it made would be replaced.
    fn other_definition(&self, survey: &Survey) -> Option<String> {
        let DeployRequest { id, name, .. } = self.request;
        let other = self.record?.definition()?;
        if other == name.as_str() {
            return None;
        }
        let mut warning =
            format!("{id} is an instance of {other} so far, and becomes one of {name}");
        if let Some(free) = self.free_id(survey) {
            warning.push_str(&format!("; the ID {free} is free"));
        }
        Some(warning)
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
            let Some(revision) = self.cluster.get(&key).await? else {
                break;
            };
            survey.add(revision);
        }
        Ok(())
    }

    fn kinds(&self) -> BTreeSet<GroupKind> {
        let objects = self.rendered.objects.iter();
        objects.map(|object| GroupKind::of(&object.key)).collect()
    }

    fn kinds_to_look_at(&self) -> BTreeSet<GroupKind> {
        let mut kinds = self.kinds();
        kinds.extend(self.record.map(Record::kinds).unwrap_or_default());
        // Revisions, and claims to come, whose names may be taken.
        kinds.insert(GroupKind::new("", "ConfigMap"));
        kinds.insert(GroupKind::new("", "PersistentVolumeClaim"));
        kinds
    }

    /// Returns all that carrying out the plan may do, whatever of it turns out to be needed.
    fn accesses(&self, survey: &Survey, leaving: &[Leaving<'_>]) -> BTreeSet<Access> {
        let config_map = GroupKind::new("", "ConfigMap");
        let mut accesses = BTreeSet::new();
        let mut want = |verb, kind: &GroupKind| {
            accesses.insert(access(verb, kind, self.request));
        };
        for verb in ["get", "create", "patch", "delete"] {
            want(verb, &config_map);
        }
        for object in &self.rendered.objects {
            let kind = GroupKind::of(&object.key);
            want("get", &kind);
            want("patch", &kind);
            if survey.find(&object.key).is_none() {
                want("create", &kind);
            }
        }
        for leaving in leaving {
            match leaving {
                Leaving::Deleted(object) => want("delete", &GroupKind::of(&object.key)),
                Leaving::Kept(object) => want("patch", &GroupKind::of(&object.key)),
                Leaving::NotOurs(_) => {}
            }
        }
        accesses
    }

    async fn rehearse_all(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
        missing: &[Access],
    ) -> Result<(), Failure> {
        let manager = naming::field_manager(&self.request.id);
        let may_write = |object: &Object| {
            let kind = GroupKind::of(&object.key);
            let needs =
                |access: &Access| matches!(access.verb, "patch" | "create") && access.kind == kind;
            !missing.iter().any(needs)
        };
        if !self.rendered.objects.iter().all(may_write) {
            plan.warnings.push(
                "the difference is computed here, without the server's defaults: this user may not ask for a dry run"
                    .to_owned(),
            );
        }
        let manager = &manager;
        let rehearsals = stream::iter(self.rendered.objects.clone())
            .map(|object| async move {
                let seen = survey.find(&object.key);
                let actor = Actor {
                    manager,
                    may_write: may_write(&object),
                    yields: self.request.yields,
                };
                rehearse(self.cluster, &actor, &object, seen).await
            })
            .buffered(AT_ONCE);
        let rehearsals: Vec<Result<Rehearsal, Failure>> = rehearsals.collect().await;
        for rehearsal in rehearsals {
            let rehearsal = rehearsal?;
            plan.objects.push(rehearsal.planned);
            plan.conflicts.extend(rehearsal.conflicts);
            plan.yielded.extend(rehearsal.yielded);
            plan.refusals.extend(rehearsal.refusals);
            for warning in rehearsal.warnings {
                if !plan.warnings.contains(&warning) {
                    plan.warnings.push(warning);
                }
            }
        }
        Ok(())
    }

    async fn add_leaving(
        &self,
        plan: &mut DeployPlan,
        leaving: &[Leaving<'_>],
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
            let may_read =
                !missing.contains(&access("get", &GroupKind::of(&object.key), self.request));
            let difference = match change {
                Change::Delete if may_read => {
                    let live = self.cluster.get(&object.key).await?;
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
        let is_exact = |current: u32| {
            let facts = Facts::of(self.request, current, &self.kinds() | &plan.unlisted);
            self.record.is_some_and(|record| record.is_exact(&facts))
        };
        let changes = |object: &PlannedObject| object.change != Change::Keep;
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
