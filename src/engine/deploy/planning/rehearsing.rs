//! Each object as the server would take it: rehearsed, unless nobody can, and put together in the plan.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::cluster::Access;
use crate::definition::manifest::defined_kind;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::deploy::unchangeable::{Resolved, Resolver};
use crate::engine::live::Live;
use crate::engine::plan::{Change, DeployPlan};
use crate::engine::preflight::{Survey, access_to};
use crate::engine::rehearse::{Actor, Rehearsal, rehearse};
use crate::engine::{blame, kinds, preflight, replicas};
use crate::failure::{Failure, FailureKind};

use super::{COMPUTED_HERE, KIND_COMES, Planner};

/// Objects that are rehearsed at once.
const AT_ONCE: usize = 4;

const KIND_CHANGES: &str = "not rehearsed: its kind changes with this definition";

const NAMESPACE_COMES: &str = "not rehearsed: its namespace comes with this definition";

impl Planner<'_> {
    /// Returns the objects that nobody can rehearse, each with why: their kind or their namespace comes with them.
    pub(super) async fn to_come(
        &self,
        survey: &Survey,
    ) -> Result<BTreeMap<ObjectKey, &'static str>, Failure> {
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

    pub(super) async fn rehearse_all(
        &self,
        plan: &mut DeployPlan,
        (survey, live, claims): (&Survey, &Live, &[Object]),
        missing: &[Access],
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> Result<(), Failure> {
        let may_write = |object: &Object| {
            let lacks = |verb| missing.contains(&access_to(verb, &object.key));
            !lacks("patch") && !lacks("create")
        };
        if !self.rendered.objects.iter().all(may_write) {
            plan.warnings.push(COMPUTED_HERE.to_owned());
        }
        let instance = &self.request.instance();
        let holds_sizes = self.holds_sizes();
        let takes_over = &plan.kept_replicas.clone();
        let rehearsals = stream::iter(self.rendered.objects.clone())
            .map(|object| async move {
                let kept = takes_over.iter().find(|it| it.key == object.key);
                let object = replicas::with_kept(&object, kept);
                let seen = survey.find(&object.key);
                let listed = seen.and_then(|seen| live.get(&seen.key));
                let actor = Actor {
                    instance,
                    definition: &self.request.name,
                    may_write: may_write(&object),
                    yields: self.request.yields,
                };
                let mut rehearsal = match to_come.get(&object.key) {
                    Some(why) => Rehearsal::unseen(&object, why),
                    None => rehearse(self.cluster, &actor, &object, seen, listed).await?,
                };
                if let Some(kept) = kept {
                    rehearsal.planned.note.get_or_insert(replicas::stays(kept));
                }
                let resolver = Resolver {
                    cluster: self.cluster,
                    instance,
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
            plan.kept_replicas.extend(resolved.kept);
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

    /// Compares with what others made, as a deploy would change it once it is adopted: that makes their fields the instance's, so
    /// that none of them conflicts then.
    pub(super) async fn compare_with_others(
        &self,
        plan: &mut DeployPlan,
        survey: &Survey,
        to_come: &BTreeMap<ObjectKey, &'static str>,
    ) -> Result<(), Failure> {
        let instance = &self.request.instance();
        let actor = &Actor {
            instance,
            definition: &self.request.name,
            may_write: true,
            yields: false,
        };
        let rehearsals = stream::iter(self.rendered.objects.clone())
            .map(|object| async move {
                match to_come.get(&object.key) {
                    Some(why) => Ok(Rehearsal::unseen(&object, why)),
                    None => {
                        let seen = survey.find(&object.key);
                        rehearse(self.cluster, actor, &object, seen, None).await
                    }
                }
            })
            .buffered(AT_ONCE);
        let rehearsals: Vec<Result<Rehearsal, Failure>> = rehearsals.collect().await;
        for rehearsal in rehearsals {
            let rehearsal = rehearsal?;
            let refused = rehearsal.refusals.into_iter().chain(rehearsal.frozen);
            plan.warnings.extend(refused.map(|it| it.summary));
            plan.warnings.extend(rehearsal.warnings);
            plan.objects.push(rehearsal.planned);
        }
        let leaving = self.leaving(plan, survey).await?;
        let accesses = self.accesses(survey, &leaving, to_come);
        let missing = preflight::forbidden(self.cluster, accesses).await?;
        let live = self.live(survey, &leaving).await?;
        self.add_leaving(plan, &leaving, &live, &missing).await
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
}

fn is_namespace(key: &ObjectKey) -> bool {
    GroupKind::of(key) == GroupKind::new("", "Namespace")
}
