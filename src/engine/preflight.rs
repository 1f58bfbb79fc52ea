//! What is looked at before a deploy: the place, what bears the names that would be used, and what this user may do.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt, stream};

use super::binding;
use super::deploy::DeployRequest;
use super::metadata::{Metadata, cluster_key, core_key};
use super::ownership::{self, Owner};
use super::protection;
use crate::cluster::{Access, Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::protection::Caution;

/// Requests that are sent at once.
const AT_ONCE: usize = 4;

/// The metadata of all objects of some kinds in a namespace.
#[derive(Debug, Default)]
pub(super) struct Survey {
    objects: Vec<Object>,
    /// Where the objects of a name are: a namespace may hold ten thousand, of which each name of a plan is looked up.
    by_name: HashMap<String, Vec<usize>>,
    /// Kinds that could not be listed, with why.
    pub unlisted: Vec<(GroupKind, Failure)>,
    /// Objects that could not even be read one by one: nobody can say whether they are there.
    pub unseen: Vec<ObjectKey>,
}

impl Survey {
    /// Returns the object of a kind, namespace and name.
    pub fn find(&self, key: &ObjectKey) -> Option<&Object> {
        let is_it = |object: &&Object| {
            let found = &object.key;
            (&found.group, &found.kind, &found.namespace) == (&key.group, &key.kind, &key.namespace)
        };
        let places = self.by_name.get(&key.name)?.iter();
        places.map(|at| &self.objects[*at]).find(is_it)
    }

    /// Takes an object in. What is in no namespace is in the lists of all, and is taken in once.
    pub fn add(&mut self, object: Object) {
        if object.key.namespace.is_none() && self.find(&object.key).is_some() {
            return;
        }
        let places = self.by_name.entry(object.key.name.clone()).or_default();
        places.push(self.objects.len());
        self.objects.push(object);
    }

    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Object> {
        self.objects
            .iter()
            .filter(move |object| object.key.kind == kind)
    }
}

/// Looks at everything of some kinds in some namespaces: one list each, single reads of `names` only where listing is forbidden.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn survey(
    cluster: &Cluster,
    places: Vec<(GroupKind, Namespace)>,
    names: &[ObjectKey],
) -> Result<Survey, Failure> {
    let lists = stream::iter(places)
        .map(|(kind, namespace)| async move {
            let everything = Selector::everything();
            let listed = cluster
                .list_metadata(&kind, Some(&namespace), &everything)
                .await;
            (kind, listed, namespace)
        })
        .buffered(AT_ONCE);
    let lists: Vec<(GroupKind, Result<Vec<Object>, Failure>, Namespace)> = lists.collect().await;
    let mut survey = Survey::default();
    for (kind, listed, namespace) in lists {
        match listed {
            Ok(objects) => objects.into_iter().for_each(|object| survey.add(object)),
            Err(failure) if failure.kind == FailureKind::Forbidden => {
                let is_there = |key: &&ObjectKey| {
                    let of = key.namespace.as_deref();
                    GroupKind::of(key) == kind && of.is_none_or(|of| of == namespace.as_str())
                };
                for key in names.iter().filter(is_there) {
                    match cluster.get(key).await {
                        Ok(found) => found.into_iter().for_each(|object| survey.add(object)),
                        Err(failure) if failure.kind == FailureKind::Forbidden => {
                            survey.unseen.push(key.clone());
                        }
                        Err(failure) => return Err(failure),
                    }
                }
                survey.unlisted.push((kind, failure));
            }
            // The kind is not served any more: nothing of it can be there.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(survey)
}

/// Returns why the place is not the right one: no such namespace, one that goes, or another cluster.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn place(
    cluster: &Cluster,
    request: &DeployRequest,
) -> Result<Vec<Failure>, Failure> {
    let mut refusals: Vec<Failure> = cluster.bars_running().into_iter().collect();
    let name = request.namespace.as_str();
    match cluster.get(&cluster_key("Namespace", name)).await {
        Ok(None) => refusals.push(Failure::new(
            FailureKind::NotFound,
            format!("namespace {name} does not exist"),
        )),
        Ok(Some(object)) if Metadata::of(&object).is_being_deleted() => refusals.push(refused(
            format!("namespace {name} is being deleted: nothing can be made in it"),
        )),
        Ok(Some(_)) => {}
        // Who may not read namespaces may still work in one; if it is missing, the first request says so.
        Err(failure) if failure.kind == FailureKind::Forbidden => {}
        Err(failure) => return Err(failure),
    }
    if let Some(wanted) = request.definition.cluster() {
        refusals.extend(other_cluster(cluster, wanted).await?);
    }
    Ok(refusals)
}

/// A definition that names its cluster goes nowhere else, nor where nobody can say which cluster it is.
async fn other_cluster(cluster: &Cluster, wanted: &str) -> Result<Option<Failure>, Failure> {
    let is_for = format!("the definition is for the cluster {wanted}");
    let refusal = match cluster.get(&cluster_key("Namespace", "kube-system")).await {
        Ok(Some(object)) if Metadata::of(&object).uid() == wanted => None,
        Ok(Some(object)) => {
            let uid = Metadata::of(&object).uid().to_owned();
            Some(format!("{is_for}, and this one is {uid}"))
        }
        Ok(None) => Some(format!(
            "{is_for}, and this one has no namespace kube-system to tell by"
        )),
        Err(failure) if failure.kind == FailureKind::Forbidden => Some(format!(
            "{is_for}, and this user may not read namespace kube-system to see which one this is"
        )),
        Err(failure) => return Err(failure),
    };
    Ok(refusal.map(refused))
}

/// Tells whether everything in a namespace is protected: whoever runs it says so by an annotation, or the person who works by
/// the settings of the context.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn is_protected(cluster: &Cluster, namespace: &str) -> Result<bool, Failure> {
    if cluster.guard().is_protected {
        return Ok(true);
    }
    protection::of_namespace(cluster, &cluster_key("Namespace", namespace)).await
}

/// Returns why an ID is typed of what is changed in a namespace, as far as the place tells.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn caution(cluster: &Cluster, namespace: &str) -> Result<Caution, Failure> {
    let mut caution = Caution::of_server(cluster.identity().is_insecure);
    caution.protect_if(is_protected(cluster, namespace).await?);
    Ok(caution)
}

/// Returns the names that objects take as they are made: their own, and those of the claims of sets.
pub(super) fn names(made: &[Object]) -> Vec<ObjectKey> {
    let own = made.iter().map(|object| object.key.clone());
    own.chain(claims_of_sets(made)).collect()
}

/// Returns the claims that a `StatefulSet` would make or take for its own: it looks at nothing but their names.
pub(super) fn claims_of_sets(made: &[Object]) -> impl Iterator<Item = ObjectKey> {
    let is_set = |object: &&Object| {
        (object.key.group.as_str(), object.key.kind.as_str()) == ("apps", "StatefulSet")
    };
    made.iter().filter(is_set).flat_map(|set| {
        let pods = binding::ordinals(set, binding::n_pods(set));
        let namespace = set.key.namespace.as_deref().unwrap_or_default();
        binding::claim_names(set, pods).map(move |name| core_key(CLAIM, namespace, &name))
    })
}

/// Returns the `ApplySets` that have some of the names, where nothing but their IDs says whose they are.
pub(super) fn foreign_sets(
    request: &DeployRequest,
    names: &[ObjectKey],
    survey: &Survey,
) -> BTreeSet<String> {
    let own = naming::instance_applyset_id(&request.id, &request.namespace);
    (names.iter().filter_map(|key| survey.find(key)))
        .filter_map(|object| ownership::foreign_set(object, &request.id, &own))
        .map(str::to_owned)
        .collect()
}

/// A name that cannot be used.
pub(super) struct Foreign {
    /// Why not.
    pub refusal: Failure,
    /// Whether an adoption mends it.
    pub is_adoptable: bool,
}

/// Returns why names cannot be used: another instance or owner has them. `adoptable` are those that an adoption looks at. `sets`
/// names the parents of `ApplySets` by their IDs, as far as they are known.
pub(super) fn foreign_names(
    request: &DeployRequest,
    (names, adoptable): (&[ObjectKey], &[ObjectKey]),
    survey: &Survey,
    sets: &BTreeMap<String, String>,
) -> Vec<Foreign> {
    let set = naming::instance_applyset_id(&request.id, &request.namespace);
    (names.iter())
        .filter_map(|key| Some((key, survey.find(key)?)))
        .filter_map(|(key, object)| {
            let parent = ownership::foreign_set(object, &request.id, &set);
            let parent = parent.and_then(|id| sets.get(id));
            let whose = match ownership::owner(object, &request.id, &set) {
                Owner::Ours => return None,
                Owner::Other(other) => match parent {
                    Some(parent) => format!("it belongs to the ApplySet {parent}"),
                    None => format!("it belongs to {other}"),
                },
                Owner::Nobody => "it was not made by bowline".to_owned(),
            };
            let metadata = Metadata::of(object);
            let is_bowlines = metadata.label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY);
            // Another owner may have marked what is the instance's own.
            let is_others =
                is_bowlines && metadata.label(naming::LABEL_INSTANCE) != Some(request.id.as_str());
            let is_adoptable = !is_others && adoptable.contains(key);
            let way = if is_adoptable {
                let command = advice::command_of("adopt", &request.name, &request.instance());
                format!("; {command} takes it over")
            } else {
                String::new()
            };
            let refusal = refused(format!("{} exists already, and {whose}{way}", object.key));
            Some(Foreign {
                refusal,
                is_adoptable,
            })
        })
        .collect()
}

/// Returns remarks on claims that an earlier instance left behind and that will be bound again as they are.
pub(super) fn bound_again(
    request: &DeployRequest,
    made: &[Object],
    survey: &Survey,
) -> Vec<String> {
    let is_in_use = |claim: &&Object| {
        survey
            .of_kind("StatefulSet")
            .any(|set| naming::claim_ordinal(&claim.key.name, &set.key.name).is_some())
    };
    let is_first = |claim: &&Object| {
        let set = naming::instance_applyset_id(&request.id, &request.namespace);
        ownership::owner(claim, &request.id, &set) == Owner::Ours
    };
    claims_of_sets(made)
        .filter_map(|key| survey.find(&key))
        .filter(is_first)
        .filter(|claim| !is_in_use(claim))
        .map(|claim| {
            format!(
                "claim {} is there already and is used as it is",
                claim.key.name
            )
        })
        .collect()
}

/// What an operation wants to do to a kind in the namespace of the instance.
pub(super) fn access(verb: &'static str, kind: &GroupKind, request: &DeployRequest) -> Access {
    Access {
        verb,
        kind: kind.clone(),
        subresource: None,
        namespace: Some(request.namespace.to_string()),
        name: None,
    }
}

/// What an operation wants to do to an object.
pub(super) fn access_to(verb: &'static str, key: &ObjectKey) -> Access {
    Access {
        verb,
        kind: GroupKind::of(key),
        subresource: None,
        namespace: key.namespace.clone(),
        name: Some(key.name.clone()),
    }
}

/// Returns what of all this the user may not do.
///
/// # Errors
/// Permissions cannot be asked for.
pub(super) async fn forbidden(
    cluster: &Cluster,
    accesses: BTreeSet<Access>,
) -> Result<Vec<Access>, Failure> {
    let accesses: Vec<Access> = accesses.into_iter().collect();
    let allowed = cluster.can(&accesses).await?;
    let pairs = accesses.into_iter().zip(allowed);
    Ok(pairs
        .filter_map(|(access, is_allowed)| (!is_allowed).then_some(access))
        .collect())
}

/// Says in one refusal what the user may not do.
pub(super) fn forbidden_refusal(missing: &[Access], namespace: &str) -> Option<Failure> {
    if missing.is_empty() {
        return None;
    }
    let mut places: Vec<Option<&str>> = vec![Some(namespace)];
    for access in missing {
        let place = access.namespace.as_deref();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let parts = places.into_iter().filter_map(|place| {
        let there: Vec<&Access> = missing
            .iter()
            .filter(|access| access.namespace.as_deref() == place)
            .collect();
        let named = place.map_or("the whole cluster".to_owned(), |it| {
            format!("namespace {it}")
        });
        (!there.is_empty()).then(|| format!("in {named}: {}", by_verb(&there)))
    });
    let parts: Vec<String> = parts.collect();
    let summary = format!(
        "this user may not do all that is needed {}",
        parts.join("; and ")
    );
    Some(Failure::new(FailureKind::Forbidden, summary))
}

/// Returns why something cannot be planned: what may not be read keeps one from it, and is named together with all that will be
/// missing besides.
pub(super) async fn unplanned(
    cluster: &Cluster,
    failure: Failure,
    accesses: BTreeSet<Access>,
    namespace: &Namespace,
) -> Failure {
    if failure.kind != FailureKind::Forbidden {
        return failure;
    }
    // Neither does it help anybody that this may not be asked either.
    let missing = forbidden(cluster, accesses).await.unwrap_or_default();
    // The server may refuse what its rules allow, as a proxy before it does: that is told in any case.
    match forbidden_refusal(&missing, namespace.as_str()) {
        Some(refusal) => Failure {
            detail: failure.summary,
            ..refusal
        },
        None => failure,
    }
}

fn by_verb(missing: &[&Access]) -> String {
    let mut parts: Vec<(&str, Vec<String>)> = Vec::new();
    for access in missing {
        match parts.iter_mut().find(|(verb, _)| *verb == access.verb) {
            // Of several objects of a kind the kind is named once.
            Some((_, kinds)) if kinds.contains(&access.what()) => {}
            Some((_, kinds)) => kinds.push(access.what()),
            None => parts.push((access.verb, vec![access.what()])),
        }
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|(verb, kinds)| format!("{verb} {}", kinds.join(", ")))
        .collect();
    parts.join("; ")
}

pub(super) fn refused(summary: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Refused, summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_done_is_said_by_verb() {
        let access = |verb, kind: &str| Access {
            verb,
            kind: GroupKind::new("", kind),
            subresource: None,
            namespace: Some("team-a".to_owned()),
            name: None,
        };
        let named = |name: &str| Access {
            name: Some(name.to_owned()),
            ..access("patch", "Service")
        };
        let missing = [
            access("create", "Service"),
            access("patch", "ConfigMap"),
            named("web"),
            named("api"),
        ];
        let refusal = forbidden_refusal(&missing, "team-a").unwrap();
        assert_eq!(
            refusal.summary,
            "this user may not do all that is needed in namespace team-a: create Service; patch ConfigMap, Service"
        );
        assert_eq!(forbidden_refusal(&[], "team-a"), None);
        let elsewhere = |namespace: Option<&str>| Access {
            namespace: namespace.map(str::to_owned),
            ..access("create", "Role")
        };
        let missing = [elsewhere(None), elsewhere(Some("jobs"))];
        assert_eq!(
            forbidden_refusal(&missing, "team-a").unwrap().summary,
            "this user may not do all that is needed in the whole cluster: create Role; and in namespace jobs: create Role"
        );
    }
}
