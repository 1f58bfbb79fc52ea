//! The plan of a deploy: render, look at what is there, ask what is allowed, rehearse each object.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::DeployRequest;
use super::storage;
use super::unchangeable::{Resolved, Resolver};
use crate::cluster::{Access, Cluster};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::manifest::defined_kind;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::render::Rendered;
use crate::engine::binding;
use crate::engine::blame;
use crate::engine::claims;
use crate::engine::difference::difference;
use crate::engine::free_id::free_id;
use crate::engine::growth;
use crate::engine::kinds;
use crate::engine::lasting::{self, What};
use crate::engine::live::Live;
use crate::engine::metadata::core_key;
use crate::engine::operation;
use crate::engine::ownership::{self, Owner};
use crate::engine::plan::{Change, DeployPlan, PlannedObject};
use crate::engine::policy::out_of_policy;
use crate::engine::preflight::{self, Survey, access, access_to};
use crate::engine::prune::{Leaving, along_with, leaving};
use crate::engine::record::{self, Extent, Facts, Record};
use crate::engine::rehearse::{Actor, Rehearsal, rehearse};
use crate::engine::remedy::{Offer, PlannedGrowth, Remedy, StoragePlan};
use crate::engine::rendering::rendered;
use crate::engine::revision::{self, Identity, Snapshot};
use crate::engine::secrets;
use crate::engine::volumes;
use crate::failure::{Failure, FailureKind};

/// Objects that are rehearsed at once.
const AT_ONCE: usize = 4;
/// Most revisions that are looked for behind the current one, where they may not be listed.
const MAX_PROBES: u32 = 50;
const KIND_COMES: &str = "not rehearsed: its kind comes with this definition";
const KIND_CHANGES: &str = "not rehearsed: its kind changes with this definition";
const NAMESPACE_COMES: &str = "not rehearsed: its namespace comes with this definition";
/// Warning of a plan whose differences the server did not answer.
pub(in crate::engine) const COMPUTED_HERE: &str = "the difference is computed here, without the server's defaults: this user may not ask for a dry run";
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
        takes_conflicts: false,
        yielded: Vec::new(),
        refusals: Vec::new(),
        offers: Vec::new(),
        storage: StoragePlan::default(),
        is_record_exact: false,
        unlisted: BTreeSet::new(),
        unlisted_namespaces: BTreeSet::new(),
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
        unseen,
        hidden: composed.hidden,
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
    /// What this user may not even read, so that nothing can be planned.
    unseen: Vec<ObjectKey>,
    /// Secrets that this user may not read: the rest can be planned.
    hidden: Vec<ObjectKey>,
}

impl Planner<'_> {
    async fn fill(&self, plan: &mut DeployPlan) -> Result<(), Failure> {
        plan.warnings.extend(self.rendered.warnings.iter().cloned());
        if let Some(operation) = self.record.and_then(Record::operation) {
            plan.warnings.push(operation::describe(operation));
        }
        let names = self.names();
        let places = self.places_to_look_at();
        let mut survey = preflight::survey(self.cluster, self.request, places, &names).await?;
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
        let leaving = self.within_policy(plan, leaving);
        let accesses = self.accesses(&survey, &leaving, &to_come);
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let namespace = self.request.namespace.as_str();
        plan.refusals
            .extend(preflight::forbidden_refusal(&missing, namespace));
        let live = self.live(&survey, &leaving).await?;
        let claims = self.claims(&survey).await?;
        let listed = (&survey, &live, claims.as_slice());
        self.rehearse_all(plan, listed, &missing, &to_come).await?;
        self.look_at_claims(plan, &claims).await?;
        self.add_leaving(plan, &leaving, &live, &missing).await?;
        self.look_for_retained(plan, &survey).await?;
        self.say_kept(plan, &survey);
        self.may_carry_out(plan).await?;
        let is_leaving = |leaving: &Leaving<'_>| !matches!(leaving, Leaving::NotOurs(_));
        self.number(plan, &survey, leaving.iter().any(is_leaving));
        Ok(())
    }

    /// Says all that this user lacks, where nothing can be planned because not even what is there may be read.
    async fn blind(
        &self,
        survey: &Survey,
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> Result<Failure, Failure> {
        let unseen: Vec<&ObjectKey> = self.unseen.iter().chain(&survey.unseen).collect();
        let mut accesses = self.accesses(survey, &[], to_come);
        accesses.extend(unseen.iter().map(|key| access_to("get", key)));
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let refusal = preflight::forbidden_refusal(&missing, self.request.namespace.as_str());
        Ok(refusal.unwrap_or_else(|| {
            let names: Vec<String> = unseen.iter().map(ToString::to_string).collect();
            let summary = format!("this user may not read {}", names.join(", "));
            Failure::new(FailureKind::Forbidden, summary)
        }))
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

    /// Returns the objects that nobody can rehearse, each with why: their kind or their namespace comes with them.
    async fn to_come(&self, survey: &Survey) -> Result<BTreeMap<ObjectKey, &'static str>, Failure> {
        let mut to_come = BTreeMap::new();
        let mut kinds: BTreeMap<GroupKind, bool> = BTreeMap::new();
        let mut namespaces: BTreeSet<&str> = BTreeSet::new();
        for object in &self.rendered.objects {
            if let Some((kind, _)) = defined_kind(object) {
                kinds.insert(kind, survey.find(&object.key).is_some());
            } else if is_namespace(&object.key) && survey.find(&object.key).is_none() {
                namespaces.insert(&object.key.name);
            }
        }
        for object in &self.rendered.objects {
            let key = &object.key;
            let kind = GroupKind::of(key);
            let is_served = match kinds.get(&kind) {
                None => true,
                Some(false) => false,
                Some(true) => {
                    let wanted = BTreeSet::from([(kind.clone(), key.version.clone())]);
                    let served = self.cluster.served(&wanted).await?;
                    served.find(&kind, &key.version).is_some()
                }
            };
            if !is_served {
                to_come.insert(key.clone(), KIND_COMES);
            } else if key
                .namespace
                .as_deref()
                .is_some_and(|it| namespaces.contains(it))
            {
                to_come.insert(key.clone(), NAMESPACE_COMES);
            }
        }
        Ok(to_come)
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
                    if let Leaving::Deleted(object) = one {
                        plan.warnings.extend(along_with(&object.key));
                    }
                    allowed.push(one);
                }
                Some(why) => {
                    plan.warnings.push(format!(
                        "{} left the definition and stays: {why}",
                        object.key
                    ));
                    plan.unlisted.insert(GroupKind::of(&object.key));
                    plan.unlisted_namespaces
                        .extend(object.key.namespace.clone());
                }
            }
        }
        plan.unlisted_namespaces
            .remove(self.request.namespace.as_str());
        allowed
    }

    /// Returns all that carrying out the plan may do, whatever of it turns out to be needed.
    fn accesses(
        &self,
        survey: &Survey,
        leaving: &[Leaving<'_>],
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> BTreeSet<Access> {
        let config_map = GroupKind::new("", "ConfigMap");
        let mut accesses = BTreeSet::new();
        for verb in ["get", "create", "patch", "delete"] {
            accesses.insert(access(verb, &config_map, self.request));
        }
        let mut want = |verb, object: &Object| {
            accesses.insert(access_to(verb, &object.key));
        };
        let is_known = |object: &&Object| to_come.get(&object.key) != Some(&KIND_COMES);
        for object in self.rendered.objects.iter().filter(is_known) {
            want("get", object);
            want("patch", object);
            if survey.find(&object.key).is_none() {
                want("create", object);
            }
        }
        for key in &self.hidden {
            accesses.extend(["get", "create", "patch"].map(|verb| access_to(verb, key)));
        }
        let mut want = |verb, object: &Object| {
            accesses.insert(access_to(verb, &object.key));
        };
        for leaving in leaving {
            match leaving {
                Leaving::Deleted(object) => want("delete", object),
                Leaving::Kept(object) => want("patch", object),
                Leaving::NotOurs(_) => {}
            }
        }
        accesses
    }

    async fn rehearse_all(
        &self,
        plan: &mut DeployPlan,
        (survey, live, claims): (&Survey, &Live, &[Object]),
        missing: &[Access],
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> Result<(), Failure> {
        let manager = naming::field_manager(&self.request.id);
        let may_write = |object: &Object| {
            let lacks = |verb| missing.contains(&access_to(verb, &object.key));
            !lacks("patch") && !lacks("create")
        };
        if !self.rendered.objects.iter().all(may_write) {
            plan.warnings.push(COMPUTED_HERE.to_owned());
        }
        let manager = &manager;
        let holds_sizes = self.holds_sizes();
        let rehearsals = stream::iter(self.rendered.objects.clone())
            .map(|object| async move {
                let seen = survey.find(&object.key);
                let listed = seen.and_then(|seen| live.get(&seen.key));
                let actor = Actor {
                    manager,
                    may_write: may_write(&object),
                    yields: self.request.yields,
                };
                let rehearsal = match to_come.get(&object.key) {
                    Some(why) => Rehearsal::unseen(&object, why),
                    None => rehearse(self.cluster, &actor, &object, seen, listed).await?,
                };
                let resolver = Resolver {
                    cluster: self.cluster,
                    instance: &self.request.instance(),
                    actor: &actor,
                    remedies: self.request.remedies,
                    holds_sizes,
                    claims,
                };
                resolver.resolve(&object, seen, rehearsal).await
            })
            .buffered(AT_ONCE);
        let resolved: Vec<Result<Resolved, Failure>> = rehearsals.collect().await;
        let mut rehearsals: Vec<Rehearsal> = Vec::with_capacity(resolved.len());
        for resolved in resolved {
            let resolved = resolved?;
            plan.storage.absorb(resolved.storage);
            plan.offers.extend(resolved.offers);
            rehearsals.push(resolved.rehearsal);
        }
        self.doubt_the_old_schema(&mut rehearsals);
        for rehearsal in rehearsals {
            let refusals = rehearsal.refusals.into_iter();
            plan.refusals
                .extend(refusals.map(|refusal| self.located(refusal, &rehearsal.planned.key)));
            plan.objects.push(rehearsal.planned);
            plan.conflicts.extend(rehearsal.conflicts);
            plan.yielded.extend(rehearsal.yielded);
            for warning in rehearsal.warnings {
                if !plan.warnings.contains(&warning) {
                    plan.warnings.push(warning);
                }
            }
        }
        Ok(())
    }

    /// What is refused under the schema that a kind has now may be right under the one that comes with this definition.
    fn doubt_the_old_schema(&self, rehearsals: &mut [Rehearsal]) {
        let changing: Vec<ObjectKey> = rehearsals
            .iter()
            .filter(|rehearsal| rehearsal.planned.change == Change::Update)
            .map(|rehearsal| rehearsal.planned.key.clone())
            .collect();
        for rehearsal in rehearsals {
            let planned = &mut rehearsal.planned;
            let definition = kinds::definition_of(&planned.key, &self.rendered.objects);
            let changes = definition.is_some_and(|it| changing.contains(&it.key));
            let is_invalid = |failure: &Failure| failure.kind == FailureKind::Invalid;
            if changes && rehearsal.refusals.iter().any(is_invalid) {
                rehearsal.refusals.retain(|failure| !is_invalid(failure));
                planned.note = Some(KIND_CHANGES.to_owned());
            }
        }
    }

    /// Puts a refusal of an object down to the lines of the definition.
    fn located(&self, refusal: Failure, key: &ObjectKey) -> Failure {
        let mut objects = self.rendered.objects.iter();
        match objects.find(|object| object.key == *key) {
            Some(object) => blame::located(refusal, &self.request.text, object),
            None => refusal,
        }
    }

    /// Tells whether sizes that grew since stay: what is deployed again is what was applied, as it stands.
    fn holds_sizes(&self) -> bool {
        let is_applied = |record: &Record| {
            record.definition_hash() == Some(&revision::text_hash(&self.request.text))
        };
        self.request.remedies.hold_sizes || self.record.is_some_and(is_applied)
    }

    /// Lists the claims that are there of the templates of its sets; none where they may not be listed.
    async fn claims(&self, survey: &Survey) -> Result<Vec<Object>, Failure> {
        let objects = self.rendered.objects.iter();
        let sets: Vec<&Object> = objects.filter(|it| lasting::has_templates(it)).collect();
        let is_its = |claim: &&Object| {
            (sets.iter()).any(|set| lasting::template_of(&claim.key, set).is_some())
        };
        let found = survey.of_kind(preflight::CLAIM).filter(is_its);
        let namespaces: BTreeSet<&str> = found
            .filter_map(|claim| claim.key.namespace.as_deref())
            .collect();
        let instance = self.request.instance();
        match growth::claims(self.cluster, &instance, &namespaces).await {
            Err(failure) if failure.kind == FailureKind::Forbidden => Ok(Vec::new()),
            claims => claims,
        }
    }

    /// Says what claims that are there keep although the definition says otherwise, and lets them grow where that was agreed
    /// to and is possible.
    async fn look_at_claims(
        &self,
        plan: &mut DeployPlan,
        claims: &[Object],
    ) -> Result<(), Failure> {
        let mut sets = self.rendered.objects.clone();
        sets.retain(lasting::has_templates);
        storage::hold_sizes(&mut sets, &plan.storage);
        for set in &sets {
            let grows =
                |claim: &ObjectKey| plan.storage.growths.iter().any(|it| it.claim == *claim);
            let mut lasting = lasting::lasting(set, claims);
            lasting.retain(|it| it.what != What::Size || !grows(&it.claim));
            let growths = lasting::growths(&lasting);
            let instance = &plan.instance;
            let planned = growth::plan(self.cluster, instance, (set, claims), &growths).await?;
            let way = match &planned {
                Ok(_) => "--grow-volumes grows them too".to_owned(),
                Err(failure) => format!("{failure}; {}", failure.detail),
            };
            match planned {
                Ok(planned) if self.request.remedies.grow_volumes => {
                    plan.storage.growths.extend(planned);
                    lasting.retain(|it| it.what != What::Size);
                }
                Ok(planned) if !planned.is_empty() => self.offer_growth(plan, &planned),
                Err(failure) if self.request.remedies.grow_volumes => {
                    let is_it = |it: &Failure| it.summary == failure.summary;
                    if !plan.refusals.iter().any(is_it) {
                        plan.refusals.push(failure);
                    }
                }
                _ => {}
            }
            // What cannot run leaves nothing behind, and its refusal says why.
            if plan.refusals.is_empty() {
                plan.warnings
                    .extend(lasting::sentences(&lasting, |_| way.clone()));
            }
        }
        Ok(())
    }

    /// Offers to let claims grow that are smaller than their template, unless that is offered already.
    fn offer_growth(&self, plan: &mut DeployPlan, growths: &[PlannedGrowth]) {
        let is_offered = |offer: &Offer| offer.remedy == Remedy::GrowVolumes;
        if plan.offers.iter().any(is_offered) {
            return;
        }
        let growths: Vec<String> = growths
            .iter()
            .map(|it| format!("{} from {} to {}", it.claim.name, it.from, it.to))
            .collect();
        let grown = growths.join(", ");
        plan.offers.push(Offer {
            remedy: Remedy::GrowVolumes,
            sentence: format!("grows {grown}; pods go on running, and claims never shrink again"),
        });
    }

    /// Looks for volumes that a teardown retained, for claims that are to come.
    async fn look_for_retained(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
    ) -> Result<(), Failure> {
        let mut claims = binding::claims_to_come(&self.rendered.objects);
        claims.retain(|claim| {
            let own = self.request.namespace.as_str();
            let name = |live: &Object| {
                live.key.name == claim.name
                    && live.key.namespace.as_deref()
                        == Some(claim.namespace.as_deref().unwrap_or(own))
            };
            !survey.of_kind(preflight::CLAIM).any(name)
        });
        let is_agreed = self.request.remedies.bind_retained;
        let mut found = binding::look(self.cluster, &plan.instance, &claims, is_agreed).await?;
        let claim = GroupKind::new("", preflight::CLAIM);
        if survey.unlisted.iter().any(|(kind, _)| *kind == claim) {
            // They may be there already.
            found.storage.fresh.clear();
        }
        plan.storage.absorb(found.storage);
        plan.offers.extend(found.offers);
        plan.warnings.extend(found.warnings);
        Ok(())
    }

    /// Says which claims nothing will use any more, where a `StatefulSet` goes or is made anew.
    fn say_kept(&self, plan: &mut DeployPlan, survey: &Survey) {
        let goes = |object: &PlannedObject| {
            object.key.kind == "StatefulSet"
                && matches!(object.change, Change::Delete | Change::Recreate)
        };
        if !plan.objects.iter().any(goes) {
            return;
        }
        let id = &self.request.id;
        let set = naming::instance_applyset_id(id, &self.request.namespace);
        let users: Vec<_> = (self.rendered.objects.iter())
            .filter_map(claims::claims_of)
            .collect();
        let is_wanted = |claim: &Object| {
            let namespace = claim.key.namespace.as_ref().and_then(|it| it.parse().ok());
            namespace.is_some_and(|it| users.iter().any(|user| user.wants(&it, &claim.key.name)))
        };
        for claim in survey.of_kind(preflight::CLAIM) {
            let is_from_template = naming::claim_ordinal(&claim.key.name, id.as_str()).is_some();
            let is_ours = ownership::owner(claim, id, &set) == Owner::Ours;
            if is_from_template && is_ours && !is_wanted(claim) {
                plan.warnings.push(format!(
                    "{} is kept with its data, and nothing uses it any more: bowline delete {id} --kept releases it",
                    claim.key
                ));
            }
        }
    }

    /// Refuses what was agreed to where this user may not do it.
    async fn may_carry_out(&self, plan: &mut DeployPlan) -> Result<(), Failure> {
        let mut accesses = BTreeSet::new();
        for object in &plan.objects {
            if object.change == Change::Recreate {
                accesses.insert(access_to("delete", &object.key));
                accesses.insert(access_to("create", &object.key));
            }
        }
        for growth in &plan.storage.growths {
            accesses.insert(access_to("patch", &growth.claim));
        }
        if !plan.storage.binds.is_empty() {
            accesses.extend(volumes::accesses());
        }
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let refusal = preflight::forbidden_refusal(&missing, self.request.namespace.as_str());
        plan.refusals.extend(refusal);
        Ok(())
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
        let is_exact = |current: u32| {
            let facts = Facts::of(self.request, current, self.extent().and(&plan.unseen()));
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

fn is_namespace(key: &ObjectKey) -> bool {
    GroupKind::of(key) == GroupKind::new("", "Namespace")
}
