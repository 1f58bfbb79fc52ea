//! `ApplySets` of any tool: their parents, what they contain, and how that is doing.
//!
//! A set is found by the label of its parent and its members by the label that names the set, as kubectl finds them: one list
//! for each kind of parent, and one for each kind of member. Nothing is written here.

mod comparison;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use futures::{StreamExt, stream};

use super::metadata::{Metadata, core_key};
use crate::cluster::{Cluster, Resource, Selector};
use crate::definition::id::{Namespace, is_dns_label};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::standing::{Told, standing};
use crate::service::summary::{InstanceKey, Standing};
use crate::text;

pub use comparison::{SetChange, SetDifference, compare_set};

/// The older annotation, which names kinds by their plural.
const ANNOTATION_RESOURCES: &str = "applyset.kubernetes.io/contains-group-resources";
/// Lists that are asked for at once.
const AT_ONCE: usize = 4;

/// A set of objects that some tool applied together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplySet {
    /// The object that stands for it.
    pub parent: ObjectKey,
    /// Its ID, which its members bear.
    pub id: String,
    /// The tool that keeps it, with its version.
    pub tooling: String,
    /// The kinds that it contains.
    pub kinds: BTreeSet<GroupKind>,
    /// Namespaces beside the parent's in which it has members.
    pub more_namespaces: BTreeSet<Namespace>,
    /// When the parent was made, as the server writes it.
    pub created: Option<String>,
    /// Its members, sorted.
    pub members: Vec<Member>,
}

/// An object of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What identifies it.
    pub key: ObjectKey,
    /// How it is doing; none where it has no status that would tell.
    pub standing: Option<Standing>,
}

/// The sets that were found, and what could not be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The sets, sorted by namespace, kind and name.
    pub sets: Vec<ApplySet>,
    /// Lists that failed: without them members may be missing.
    pub failures: Vec<Failure>,
    /// What of all namespaces is not shown, where not all may be looked into.
    pub unseen: Option<Failure>,
}

/// How people name a set's parent: `configmap/name`, `secret/name`, `plural.group/name` of a custom kind, or its name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParentName {
    /// The kind as it was written; none if only the name was.
    pub kind: Option<String>,
    /// The name.
    pub name: String,
}

/// A text that names no parent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write it as NAME or KIND/NAME: configmap/NAME, secret/NAME, or a custom kind")]
pub struct ParentNameError;

impl FromStr for ParentName {
    type Err = ParentNameError;

    fn from_str(text: &str) -> Result<Self, ParentNameError> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (Some(kind.to_owned()), name),
            None => (None, text),
        };
        let is_name = name.len() <= 253 && name.split('.').all(|part| is_dns_label(part, 253));
        let is_kind = kind.as_ref().is_none_or(|kind| !kind.is_empty());
        match is_name && is_kind {
            true => Ok(Self {
                kind,
                name: name.to_owned(),
            }),
            false => Err(ParentNameError),
        }
    }
}

impl fmt::Display for ParentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{kind}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl ParentName {
    fn is_of(&self, parent: &ObjectKey) -> bool {
        let is_kind = |kind: &String| {
            // `plural.group` as kubectl writes it, or a name of the kind.
            let (word, group) = match kind.split_once('.') {
                Some((word, group)) => (word, Some(group)),
                None => (kind.as_str(), None),
            };
            crate::schema::names_kind(word, &parent.kind)
                && group.is_none_or(|group| group == parent.group)
        };
        parent.name == self.name && self.kind.as_ref().is_none_or(is_kind)
    }
}

impl ApplySet {
    /// Tells whether it is an instance of bowline.
    pub fn is_ours(&self) -> bool {
        self.tooling.split('/').next() == Some(naming::MANAGED_BY)
    }

    /// Returns the first members that are not well, with why.
    pub fn troubles(&self) -> impl Iterator<Item = (&ObjectKey, &str)> {
        self.members.iter().filter_map(|member| {
            let standing = member.standing.as_ref().filter(|it| !it.is_ready)?;
            Some((&member.key, standing.reason.as_str()))
        })
    }

    /// Says which object stands for it, and which tool keeps it.
    fn described(&self) -> String {
        let ObjectKey { kind, name, .. } = &self.parent;
        let place = match &self.parent.namespace {
            Some(namespace) => format!(" in namespace {namespace}"),
            None => String::new(),
        };
        let tool = match self.tooling.is_empty() {
            true => String::new(),
            false => format!(", kept by {}", self.tooling),
        };
        text::clean(&format!("{kind} {name}{place}{tool}")).into_owned()
    }

    /// Returns the selector that finds its members.
    pub fn selector(&self) -> Selector {
        Selector::of_set(&self.id)
    }

    /// Tells whether it is a namespace's: its parent is there, or belongs to the cluster and its members are there.
    fn is_in(&self, namespace: &Namespace) -> bool {
        match &self.parent.namespace {
            Some(own) => own == namespace.as_str(),
            None => self.more_namespaces.contains(namespace),
        }
    }

    /// Returns where its members of a kind are listed: in each of its namespaces, or in the cluster.
    fn places(&self, kind: &GroupKind, scoped: &BTreeSet<GroupKind>) -> Vec<Option<Namespace>> {
        match scoped.contains(kind) {
            true => vec![None],
            false => self.namespaces().into_iter().map(Some).collect(),
        }
    }

    /// Returns the namespaces that its members are in.
    pub fn namespaces(&self) -> BTreeSet<Namespace> {
        let own = self.parent.namespace.as_deref();
        let own = own.and_then(|namespace| namespace.parse().ok());
        own.into_iter()
            .chain(self.more_namespaces.iter().cloned())
            .collect()
    }

    fn of(parent: &Object, resources: &[Resource]) -> Option<Self> {
        let metadata = Metadata::of(parent);
        let id = metadata.label(naming::LABEL_APPLYSET_ID)?;
        // It goes into selectors.
        if !is_set_id(id) {
            return None;
        }
        let namespaces = metadata.annotation(naming::ANNOTATION_APPLYSET_NAMESPACES);
        let namespaces = namespaces.unwrap_or_default().split(',');
        Some(Self {
            parent: parent.key.clone(),
            id: id.to_owned(),
            tooling: metadata
                .annotation(naming::ANNOTATION_APPLYSET_TOOLING)
                .unwrap_or_default()
                .to_owned(),
            kinds: kinds_of(metadata, resources),
            more_namespaces: namespaces.filter_map(|it| it.trim().parse().ok()).collect(),
            created: parent.json["metadata"]["creationTimestamp"]
                .as_str()
                .map(str::to_owned),
            members: Vec::new(),
        })
    }
}

fn is_set_id(text: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text.len() <= 63 && text.starts_with("applyset-") && text.bytes().all(is_legal)
}

fn kinds_of(metadata: Metadata<'_>, resources: &[Resource]) -> BTreeSet<GroupKind> {
    let split = |entry: &str| {
        let entry = entry.trim();
        let (word, group) = entry.split_once('.').unwrap_or((entry, ""));
        (word.to_owned(), group.to_owned())
    };
    if let Some(kinds) = metadata.annotation(naming::ANNOTATION_APPLYSET_KINDS) {
        let kinds = kinds
            .split(',')
            .map(split)
            .filter(|(kind, _)| !kind.is_empty());
        return kinds
            .map(|(kind, group)| GroupKind { group, kind })
            .collect();
    }
    let plurals = metadata
        .annotation(ANNOTATION_RESOURCES)
        .unwrap_or_default();
    let plurals = plurals.split(',').map(split);
    plurals
        .filter_map(|(plural, group)| {
            let mut resources = resources.iter();
            resources.find(|resource| *resource.plural == plural && *resource.group == group)
        })
        .map(|resource| GroupKind::new(&resource.group, &resource.kind))
        .collect()
}

/// Finds the sets of a namespace, or of all that may be looked into, with their members.
///
/// # Errors
/// The parents cannot be listed.
pub async fn list_sets(cluster: &Cluster, namespace: Option<&Namespace>) -> Result<Found, Failure> {
    let across = cluster.across(namespace, |cluster, namespace| async move {
        let (mut found, scoped) = parents(&cluster, namespace.as_ref()).await?;
        if let Some(namespace) = &namespace {
            // A parent that belongs to the cluster is listed where its set is.
            found.sets.retain(|set| set.is_in(namespace));
        }
        add_members(&cluster, &mut found, &scoped, namespace.is_none()).await;
        Ok(found)
    });
    let mut across = across.await?;
    let mut all = Found {
        unseen: across.unseen.take(),
        ..Found::default()
    };
    for found in across.into_answers() {
        all.sets.extend(found.sets);
        for failure in found.failures {
            if !all.failures.contains(&failure) {
                all.failures.push(failure);
            }
        }
    }
    sort(&mut all.sets);
    Ok(all)
}

fn sort(sets: &mut [ApplySet]) {
    sets.sort_by(|a, b| {
        let order = |set: &ApplySet| (set.parent.namespace.clone(), set.parent.clone());
        order(a).cmp(&order(b))
    });
}

/// Finds one set of a namespace, with its members.
///
/// # Errors
/// There is none of that name, several are, or the parents cannot be listed.
pub async fn find_set(
    cluster: &Cluster,
    namespace: &Namespace,
    name: &ParentName,
) -> Result<(ApplySet, Vec<Failure>), Failure> {
    let (mut found, scoped) = parents(cluster, Some(namespace)).await?;
    found.sets.retain(|set| name.is_of(&set.parent));
    match found.sets.as_slice() {
        [_] => {}
        [] => {
            let summary =
                format!("no ApplySet {name} in namespace {namespace}: `ls --sets` lists them");
            return Err(Failure::new(FailureKind::NotFound, summary));
        }
        several => {
            let names: Vec<String> = several.iter().map(|set| set.parent.to_string()).collect();
            let summary = format!("{name} may be {}: name the kind too", names.join(" or "));
            return Err(Failure::new(FailureKind::Invalid, summary));
        }
    }
    add_members(cluster, &mut found, &scoped, false).await;
    let set = found.sets.pop().expect("there is one");
    Ok((set, found.failures))
}

/// The sets of other tools, listed once for each namespace that is asked about.
pub struct ForeignSets<'a> {
    cluster: &'a Cluster,
    known: BTreeMap<Namespace, Vec<ApplySet>>,
}

impl<'a> ForeignSets<'a> {
    /// Returns those of a cluster; none is asked for yet.
    pub fn of(cluster: &'a Cluster) -> Self {
        let known = BTreeMap::new();
        Self { cluster, known }
    }

    /// Returns why a set of another tool is not taken down; none if there is no set of that name, or nobody can say.
    pub async fn refusal(&mut self, instance: &InstanceKey) -> Option<Failure> {
        let InstanceKey { namespace, id } = instance;
        if !self.known.contains_key(namespace) {
            // Where nobody can say that is so for all that follow.
            let found = parents(self.cluster, Some(namespace)).await;
            let sets = found.map_or_else(|_| Vec::new(), |(found, _)| found.sets);
            let is_foreign = |set: &ApplySet| set.is_in(namespace) && !set.is_ours();
            let foreign = sets.into_iter().filter(is_foreign).collect();
            self.known.insert(namespace.clone(), foreign);
        }
        let mut sets = self.known.get(namespace)?.iter();
        let set = sets.find(|set| set.parent.name == id.as_str())?;
        let kind = set.parent.kind.to_lowercase();
        let summary = format!(
            "the ApplySet {} is of {}: `bowline import {id} --set {kind}/{id} -n {namespace}` and {} make an instance of it first",
            set.parent,
            set.tooling,
            advice::command("adopt", instance)
        );
        Some(Failure::new(FailureKind::Refused, summary))
    }
}

/// Returns the set that an instance is, without its members; none where it has no record.
///
/// # Errors
/// The record cannot be read.
pub async fn set_of_instance(
    cluster: &Cluster,
    instance: &InstanceKey,
) -> Result<Option<ApplySet>, Failure> {
    let InstanceKey { namespace, id } = instance;
    let key = core_key("ConfigMap", namespace.as_str(), &naming::record(id));
    let record = cluster.get(&key).await?;
    Ok(record.and_then(|record| ApplySet::of(&record, &[])))
}

/// Names the parents of sets by the sets' IDs, as far as they are found: `ConfigMap shop in namespace team, kept by kubectl/v1.36`.
/// They are looked for in one namespace, and in all where one of them is in another and this user may look.
pub(super) async fn names(
    cluster: &Cluster,
    near: &Namespace,
    ids: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for namespace in [Some(near), None] {
        if ids.iter().all(|id| names.contains_key(id)) {
            break;
        }
        let Ok((found, _)) = parents(cluster, namespace).await else {
            break;
        };
        let sets = found.sets.into_iter().filter(|set| ids.contains(&set.id));
        names.extend(sets.map(|set| (set.id.clone(), set.described())));
    }
    names
}

/// Lists the parents: `ConfigMaps`, Secrets by their metadata, and the custom kinds that say they may be parents. Returns also
/// which kinds are in no namespace.
async fn parents(
    cluster: &Cluster,
    namespace: Option<&Namespace>,
) -> Result<(Found, BTreeSet<GroupKind>), Failure> {
    let resources = cluster.resources().await?;
    let mut found = Found::default();
    let mut kinds = vec![
        GroupKind::new("", "ConfigMap"),
        GroupKind::new("", "Secret"),
    ];
    kinds.extend(custom_parents(cluster, &resources).await);
    let lists = stream::iter(kinds).map(async |kind| {
        cluster
            .list_metadata(&kind, namespace, &Selector::set_parents())
            .await
    });
    let lists: Vec<_> = lists.buffered(AT_ONCE).collect().await;
    for (n, list) in lists.into_iter().enumerate() {
        match list {
            Ok(parents) => {
                let sets = parents
                    .iter()
                    .filter_map(|parent| ApplySet::of(parent, &resources));
                found.sets.extend(sets);
            }
            // Who may not list ConfigMaps sees no set of anybody.
            Err(failure) if n == 0 => return Err(failure),
            Err(failure) => found.failures.push(failure),
        }
    }
    sort(&mut found.sets);
    Ok((found, cluster_scoped(&resources)))
}

/// Returns the custom kinds whose definition says that they may be parents. Who may not read definitions has none.
async fn custom_parents(cluster: &Cluster, resources: &[Resource]) -> Vec<GroupKind> {
    let kind = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    let selector = Selector::set_parent_kinds();
    let definitions = cluster.list_metadata(&kind, None, &selector).await;
    let definitions = definitions.unwrap_or_default();
    let named = definitions.iter().filter_map(|definition| {
        let (plural, group) = definition.key.name.split_once('.')?;
        let mut resources = resources.iter();
        let found = resources.find(|it| *it.plural == *plural && *it.group == *group)?;
        Some(GroupKind::new(&found.group, &found.kind))
    });
    named.collect()
}

/// Returns the kinds whose objects are in no namespace.
fn cluster_scoped(resources: &[Resource]) -> BTreeSet<GroupKind> {
    let scoped = resources.iter().filter(|resource| !resource.is_namespaced);
    let kinds = scoped.map(|resource| GroupKind::new(&resource.group, &resource.kind));
    kinds.collect()
}

/// Lists the members of all sets at once: one list for each kind and namespace.
async fn add_members(
    cluster: &Cluster,
    found: &mut Found,
    scoped: &BTreeSet<GroupKind>,
    is_everywhere: bool,
) {
    let mut wanted: BTreeSet<(GroupKind, Option<Namespace>)> = BTreeSet::new();
    for set in &found.sets {
        for kind in &set.kinds {
            let places = match is_everywhere {
                true => vec![None],
                false => set.places(kind, scoped),
            };
            wanted.extend(places.into_iter().map(|place| (kind.clone(), place)));
        }
    }
    let ids: Vec<&str> = found.sets.iter().map(|set| set.id.as_str()).collect();
    let selector = match ids.as_slice() {
        [] => return,
        [only] => Selector::of_set(only),
        _ => Selector::set_members(),
    };
    let lists = stream::iter(wanted).map(|(kind, namespace)| {
        let selector = &selector;
        async move { members_of(cluster, &kind, namespace.as_ref(), selector).await }
    });
    let lists: Vec<_> = lists.buffered(AT_ONCE).collect().await;
    let mut by_set: BTreeMap<String, BTreeMap<ObjectKey, Option<Standing>>> = BTreeMap::new();
    for list in lists {
        match list {
            Ok(objects) => {
                for object in objects {
                    let set = Metadata::of(&object).label(naming::LABEL_PART_OF);
                    let members = by_set
                        .entry(set.unwrap_or_default().to_owned())
                        .or_default();
                    members.insert(object.key.clone(), standing_of(&object));
                }
            }
            Err(failure) => found.failures.push(failure),
        }
    }
    for set in &mut found.sets {
        let members = by_set.remove(&set.id).unwrap_or_default();
        let members = members.into_iter();
        set.members = members
            .map(|(key, standing)| Member { key, standing })
            .collect();
    }
}

/// Returns how a member is doing, which is badly where it is being deleted.
fn standing_of(object: &Object) -> Option<Standing> {
    let json = &object.json;
    if json["metadata"]["deletionTimestamp"].is_string() {
        return Some(Standing::awaited("it is being deleted"));
    }
    standing(&Told {
        group: &object.key.group,
        kind: &object.key.kind,
        generation: json["metadata"]["generation"].as_i64().unwrap_or(0),
        spec: &json["spec"],
        status: &json["status"],
    })
}

/// Lists members of a kind: in full where a status tells how they are, never values of Secrets.
async fn members_of(
    cluster: &Cluster,
    kind: &GroupKind,
    namespace: Option<&Namespace>,
    selector: &Selector,
) -> Result<Vec<Object>, Failure> {
    let is_plain = kind.group.is_empty() && matches!(kind.kind.as_str(), "ConfigMap" | "Secret");
    match is_plain {
        true => cluster.list_metadata(kind, namespace, selector).await,
        false => cluster.list(kind, namespace, selector).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_named_as_people_do() {
        let parent = ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("team".to_owned()),
            name: "shop".to_owned(),
        };
        let check = |text: &str, expected: Option<bool>| {
            let name = text.parse::<ParentName>().ok();
            assert_eq!(name.map(|name| name.is_of(&parent)), expected, "{text}");
        };
        check("shop", Some(true));
        check("configmap/shop", Some(true));
        check("cm/shop", Some(true));
        check("ConfigMaps/shop", Some(true));
        check("secret/shop", Some(false));
        check("configmaps.example.com/shop", Some(false));
        check("other", Some(false));
        check("", None);
        check("/shop", None);
        check("a/b/c", None);
    }

    #[test]
    fn an_id_that_would_change_a_selector_is_none() {
        assert!(is_set_id(
            "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1"
        ));
        assert!(!is_set_id("applyset-a,b"));
        assert!(!is_set_id("other"));
    }
}
