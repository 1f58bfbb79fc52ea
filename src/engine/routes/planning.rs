//! The plan of an instance's routes: what the revision makes, beside what is there.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use super::backing::{Backing, added, backing, has_all};
use super::{GROUP, PlannedRoute, RoutePlan, Surroundings};
use crate::cluster::{Access, Cluster, Selector};
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::engine::adjust::is_idle;
use crate::engine::difference::difference;
use crate::engine::drift;
use crate::engine::metadata::Metadata;
use crate::engine::operation;
use crate::engine::ownership::{self, COPIED, Owner};
use crate::engine::plan::{Change, PlannedObject};
use crate::engine::preflight::{self, access_to, refused};
use crate::engine::record::{self, Record};
use crate::engine::rehearse::{Actor, rehearse};
use crate::failure::Failure;
use crate::service::advice;
use crate::service::protection::Caution;
use crate::service::summary::InstanceKey;

/// How many instances are looked at at once.
const AT_ONCE: usize = 4;

/// The Ingresses of all instances, and the Services of everybody, as listed once.
pub(super) struct Seen {
    ingresses: Vec<Object>,
    services: Vec<Object>,
}

impl Seen {
    /// Lists what is there in the namespaces of instances: one list of each kind.
    pub async fn read<'a>(
        cluster: &Cluster,
        instances: impl IntoIterator<Item = &'a InstanceKey>,
    ) -> Result<Self, Failure> {
        let namespaces = instances.into_iter().map(|it| &it.namespace);
        let namespaces: BTreeSet<_> = namespaces.collect();
        let (mut ingresses, mut services) = (Vec::new(), Vec::new());
        let (of_ingress, of_service) = (ingress_kind(), GroupKind::new("", "Service"));
        let (managed, everything) = (Selector::managed(), Selector::everything());
        for namespace in namespaces {
            let (some, others) = futures::try_join!(
                cluster.list(&of_ingress, Some(namespace), &managed),
                // An Ingress may well route to what somebody else made.
                cluster.list(&of_service, Some(namespace), &everything),
            )?;
            ingresses.extend(some);
            services.extend(others);
        }
        Ok(Self {
            ingresses,
            services,
        })
    }

    /// Returns the Ingresses that bear the labels of an instance.
    fn of(&self, instance: &InstanceKey) -> Vec<&Object> {
        let is_its = |object: &&Object| {
            let label = Metadata::of(object).label(naming::LABEL_INSTANCE);
            label == Some(instance.id.as_str()) && is_here(&object.key, instance)
        };
        self.ingresses.iter().filter(is_its).collect()
    }

    /// Tells what of an Ingress leads somewhere.
    pub fn backing(&self, ingress: &Object) -> Backing {
        let services = self.services.iter();
        let there = services.filter(|it| it.key.namespace == ingress.key.namespace);
        backing(ingress, &there.collect::<Vec<_>>())
    }

    /// Returns the routes that somebody added to an Ingress, and that lead somewhere.
    fn added(&self, live: &Object, wanted: &Object) -> Vec<String> {
        let services = self.services.iter();
        let there = services.filter(|it| it.key.namespace == live.key.namespace);
        added(live, wanted, &there.collect::<Vec<_>>())
    }
}

pub(super) fn ingress_kind() -> GroupKind {
    GroupKind::new(GROUP, "Ingress")
}

fn is_here(key: &ObjectKey, instance: &InstanceKey) -> bool {
    key.namespace.as_deref() == Some(instance.namespace.as_str())
}

/// Plans the routes of instances, each by itself: what keeps one from being changed keeps no other.
///
/// # Errors
/// The cluster cannot be reached, or Ingresses or Services may not be listed.
pub async fn plan_routes(
    cluster: &Cluster,
    instances: &[InstanceKey],
    surroundings: &Surroundings,
) -> Result<Vec<RoutePlan>, Failure> {
    let seen = &match Seen::read(cluster, instances).await {
        Ok(seen) => seen,
        Err(failure) => {
            let Some(first) = instances.first() else {
                return Err(failure);
            };
            let accesses = foreseen(instances);
            return Err(preflight::unplanned(cluster, failure, accesses, &first.namespace).await);
        }
    };
    let plans = stream::iter(instances.to_vec())
        .map(|instance| async move { plan_instance(cluster, &instance, surroundings, seen).await })
        .buffered(AT_ONCE);
    let plans: Vec<_> = plans.collect().await;
    plans.into_iter().collect()
}

/// Returns what is needed of routes, before it is known which there are.
fn foreseen(instances: &[InstanceKey]) -> BTreeSet<Access> {
    let needed = |instance: &InstanceKey| {
        let (ingress, service) = (ingress_kind(), GroupKind::new("", "Service"));
        let namespace = Some(instance.namespace.to_string());
        let of_kind = |verb, kind| Access {
            verb,
            kind,
            subresource: None,
            namespace: namespace.clone(),
            name: None,
        };
        [
            of_kind("list", ingress.clone()),
            of_kind("patch", ingress),
            of_kind("list", service),
            access_to("patch", &record::key(instance)),
        ]
    };
    instances.iter().flat_map(needed).collect()
}

async fn plan_instance(
    cluster: &Cluster,
    instance: &InstanceKey,
    surroundings: &Surroundings,
    seen: &Seen,
) -> Result<RoutePlan, Failure> {
    let mut plan = RoutePlan {
        instance: instance.clone(),
        revision: None,
        is_undeployed: false,
        ingress_host: surroundings.ingress_host.clone(),
        caution: Caution::None,
        routes: Vec::new(),
        conflicts: Vec::new(),
        warnings: Vec::new(),
        refusals: Vec::new(),
    };
    match fill(cluster, &mut plan, surroundings, seen).await {
        Err(failure) if failure.is_unanswered() => Err(failure),
        Err(failure) => {
            plan.refusals.push(failure);
            Ok(plan)
        }
        Ok(()) => Ok(plan),
    }
}

async fn fill(
    cluster: &Cluster,
    plan: &mut RoutePlan,
    surroundings: &Surroundings,
    seen: &Seen,
) -> Result<(), Failure> {
    let instance = plan.instance.clone();
    let record = record::read(cluster, &instance).await?;
    let record = record.ok_or_else(|| instance.not_there())?;
    is_idle(&record, &instance, cluster.now())?;
    plan.warnings
        .extend(operation::noted(&record, cluster.now()));
    plan.revision = record.revision();
    plan.is_undeployed = plan.revision.is_none();
    plan.caution = preflight::caution(cluster, instance.namespace.as_str()).await?;
    plan.caution.protect_if(record.is_protected());
    let planner = Planner {
        cluster,
        instance: &instance,
        definition: record.definition_of(&instance),
        set: naming::instance_applyset_id(&instance.id, &instance.namespace),
        seen,
    };
    let wanted = planner.wanted(plan, &record, surroundings).await?;
    for object in &wanted {
        planner.plan_wanted(plan, object).await?;
    }
    planner.plan_rest(plan, &wanted);
    let missing = preflight::forbidden(cluster, planner.accesses(plan)).await?;
    let refusal = preflight::forbidden_refusal(&missing, instance.namespace.as_str());
    plan.refusals.extend(refusal);
    plan.refusals.extend(cluster.bars_running());
    Ok(())
}

struct Planner<'a> {
    cluster: &'a Cluster,
    instance: &'a InstanceKey,
    definition: InstanceId,
    set: String,
    seen: &'a Seen,
}

impl Planner<'_> {
    /// Returns the Ingresses that the current revision makes under the settings of now.
    async fn wanted(
        &self,
        plan: &mut RoutePlan,
        record: &Record,
        surroundings: &Surroundings,
    ) -> Result<Vec<Object>, Failure> {
        let instance = self.instance;
        let request = drift::applied(self.cluster, instance, record, surroundings).await?;
        let Some(request) = request else {
            let why = "no deploy of it came to its end yet";
            return Err(refused(format!(
                "the routes of {instance} are not known: {why}"
            )));
        };
        // Its Secrets are of no importance to them.
        let rendered = drift::wanted(self.cluster, &request, &Vec::new()).await?;
        let rendered = rendered.map_err(refused)?;
        let ingresses = rendered.into_iter();
        let ingresses = ingresses.filter(|it| GroupKind::of(&it.key) == ingress_kind());
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            ingresses.partition(|it| is_here(&it.key, instance));
        for object in elsewhere {
            let namespace = object.key.namespace.as_deref().unwrap_or_default();
            let key = &object.key;
            plan.warnings
                .push(format!("{key} of namespace {namespace} is not looked at"));
        }
        Ok(here)
    }

    /// Plans an Ingress that the revision makes.
    async fn plan_wanted(&self, plan: &mut RoutePlan, wanted: &Object) -> Result<(), Failure> {
        let mut labelled = self.seen.of(self.instance).into_iter();
        let live = match labelled.find(|live| live.key.name == wanted.key.name) {
            Some(live) => Some(live.clone()),
            None => self.cluster.get(&wanted.key).await?,
        };
        if let Some(why) = live.as_ref().and_then(|live| self.is_others(live)) {
            plan.refusals
                .push(refused(format!("{} is not changed: {why}", wanted.key)));
            return Ok(());
        }
        match (self.seen.backing(wanted), &live) {
            (Backing::Nowhere(missing), Some(live)) => {
                let missing = missing.join(", ");
                if matches!(self.seen.backing(live), Backing::Nowhere(_)) {
                    let why = format!("it leads nowhere: {missing} is not there");
                    plan.routes.push(deletion(live, why, true));
                } else {
                    let key = &wanted.key;
                    plan.warnings.push(format!(
                        "{key} is left as it is: it leads somewhere, and as the revision makes it, it would not: {missing} is not there"
                    ));
                }
                return Ok(());
            }
            (Backing::Nowhere(missing), None) => {
                let (key, missing) = (&wanted.key, missing.join(", "));
                let command = advice::command_of("deploy", &self.definition, self.instance);
                plan.warnings.push(format!(
                    "{key} is not made, as {missing} is not there: {command} makes both again"
                ));
                return Ok(());
            }
            (Backing::Partial(missing), _) => {
                let (key, missing) = (&wanted.key, missing.join(", "));
                plan.warnings
                    .push(format!("{key} routes to {missing} too, which is not there"));
            }
            (Backing::Whole, _) => {}
        }
        let actor = Actor {
            instance: self.instance,
            definition: &self.definition,
            may_write: self.may_write(wanted, live.is_some()).await?,
            yields: false,
        };
        let seen = live.as_ref();
        let mut rehearsal = rehearse(self.cluster, &actor, wanted, seen, seen).await?;
        let mut wanted = wanted.clone();
        if let (false, Some(live)) = (rehearsal.conflicts.is_empty(), seen) {
            let added = self.seen.added(live, &wanted).join(", ");
            if !added.is_empty() && has_all(live, &wanted) {
                wanted.json["spec"]["rules"] = live.json["spec"]["rules"].clone();
                rehearsal = rehearse(self.cluster, &actor, &wanted, seen, seen).await?;
                let planned = &mut rehearsal.planned;
                if planned.difference.is_empty() {
                    // To own the route as well is no reason to write.
                    (planned.change, planned.note) = (Change::Unchanged, None);
                }
                plan.warnings.push(format!(
                    "{} keeps {added}, which somebody added: a deploy asks what becomes of it",
                    wanted.key
                ));
            } else if !added.is_empty() {
                plan.refusals.push(would_lose(&wanted.key, &added));
            }
        }
        plan.warnings.extend(rehearsal.warnings);
        plan.conflicts.extend(rehearsal.conflicts);
        plan.refusals.extend(rehearsal.refusals);
        plan.refusals.extend(rehearsal.frozen);
        plan.routes.push(PlannedRoute {
            object: rehearsal.planned,
            wanted: Some(wanted),
            is_rendered: true,
        });
        Ok(())
    }

    /// A viewer is shown the local difference.
    async fn may_write(&self, wanted: &Object, is_there: bool) -> Result<bool, Failure> {
        let verbs: &[&str] = if is_there {
            &["patch"]
        } else {
            &["patch", "create"]
        };
        let accesses = verbs.iter().map(|verb| access_to(verb, &wanted.key));
        let missing = preflight::forbidden(self.cluster, accesses.collect()).await?;
        Ok(missing.is_empty())
    }

    /// Plans what bears the labels and is not made by the revision.
    fn plan_rest(&self, plan: &mut RoutePlan, wanted: &[Object]) {
        for live in self.seen.of(self.instance) {
            let metadata = Metadata::of(live);
            let is_wanted = wanted.iter().any(|it| it.key.name == live.key.name);
            if is_wanted || metadata.is_being_deleted() {
                continue;
            }
            let is_member = metadata.label(naming::LABEL_PART_OF) == Some(&self.set);
            let is_ours = ownership::is_written_by_us(live, &self.instance.id, &self.set);
            if is_member && is_ours {
                let revision = plan.revision.unwrap_or_default();
                let why = format!("revision {revision} does not make it");
                plan.routes.push(deletion(live, why, false));
            } else {
                let key = &live.key;
                plan.warnings.push(format!("{key} is left: {COPIED}"));
            }
        }
    }

    /// Says why an object is not ours to change.
    fn is_others(&self, live: &Object) -> Option<String> {
        if Metadata::of(live).is_being_deleted() {
            return Some("it is being deleted".to_owned());
        }
        match ownership::owner(live, &self.instance.id, &self.set) {
            Owner::Ours if ownership::is_written_by_us(live, &self.instance.id, &self.set) => None,
            Owner::Ours => Some(COPIED.to_owned()),
            Owner::Other(other) => Some(format!("it belongs to {other}")),
            Owner::Nobody => Some("it was not made by bowline".to_owned()),
        }
    }

    /// Returns what carrying it out needs.
    fn accesses(&self, plan: &RoutePlan) -> BTreeSet<Access> {
        let mut accesses = BTreeSet::new();
        for route in plan.changes() {
            let key = &route.object.key;
            accesses.insert(access_to("patch", &record::key(self.instance)));
            let verbs: &[&str] = match route.object.change {
                Change::Create => &["patch", "create"],
                Change::Delete => &["get", "delete"],
                Change::Update | Change::Recreate => &["get", "patch"],
                Change::Unchanged | Change::Keep => &[],
            };
            accesses.extend(verbs.iter().map(|verb| access_to(verb, key)));
        }
        accesses
    }
}

/// Refuses to change the rules of an Ingress where somebody added a route that works. They are one field for the server, of which
/// nobody owns a part: with the route in it the field would be the instance's alone, and the next deploy would take it away unasked.
fn would_lose(key: &ObjectKey, added: &str) -> Failure {
    Failure {
        detail: "take it into the definition, or out of the Ingress".to_owned(),
        ..refused(format!(
            "{key} is not changed: somebody added {added}, which leads somewhere and would go"
        ))
    }
}

fn deletion(live: &Object, why: String, is_rendered: bool) -> PlannedRoute {
    PlannedRoute {
        object: PlannedObject {
            key: live.key.clone(),
            change: Change::Delete,
            live_uid: live.uid().map(str::to_owned),
            difference: difference(Some(&live.json), None),
            note: Some(why),
        },
        wanted: None,
        is_rendered,
    }
}
