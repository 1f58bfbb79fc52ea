//! Taking a running set of objects into a definition: manifests, free of what the server and other tools put in.
//!
//! Only reads. What other objects make is left out, since whoever makes it makes it again; so are Secrets, whose values never
//! stand in a definition. Each object that was found is either taken or left with a reason.

mod strip;

pub(super) use strip::without_defaults;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures::{StreamExt, stream};

use super::metadata::Metadata;
use super::sets::{self, ParentName};
use crate::cluster::{Cluster, LabelSelector, Selector};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::definition::order::apply_rank;
use crate::definition::policy::Policy;
use crate::definition::yaml;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// Lists that are asked for at once.
const AT_ONCE: usize = 4;
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
const HELM_NAMESPACE: &str = "meta.helm.sh/release-namespace";
const HELM_HOOK: &str = "helm.sh/hook";
/// Why a Secret is left.
const SECRET: &str = "values of Secrets are never taken";
/// Kinds that controllers make without owning them, or that are no objects to keep.
const NEVER: [&str; 8] = [
    "Binding",
    "ControllerRevision",
    "Endpoints",
    "EndpointSlice",
    "Event",
    "Lease",
    "LocalSubjectAccessReview",
    "PodMetrics",
];

/// What the control plane makes in every namespace, by kind and name.
const MADE_EVERYWHERE: [(&str, &str); 2] = [
    ("ConfigMap", "kube-root-ca.crt"),
    ("ServiceAccount", "default"),
];

/// Which objects are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Those with these labels.
    Labels(LabelSelector),
    /// Those of a Helm release.
    Helm(String),
    /// Those of an `ApplySet`.
    Set(ParentName),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Labels(selector) => write!(f, "the objects with labels {selector}"),
            Self::Helm(release) => write!(f, "the Helm release {}", text::clean(release)),
            Self::Set(parent) => write!(f, "the ApplySet {parent}"),
        }
    }
}

/// What is to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRequest {
    /// Which objects.
    pub origin: Origin,
    /// Where they are.
    pub namespace: Namespace,
    /// The name of the definition that they become.
    pub name: InstanceId,
    /// What a definition may hold beside the objects of its namespace.
    pub policy: Policy,
    /// Whether the numbers of node ports are kept.
    pub keeps_node_ports: bool,
}

impl ImportRequest {
    /// Returns what stands above the definition.
    pub fn heading(&self) -> String {
        let Self {
            origin, namespace, ..
        } = self;
        format!("Taken from {origin} in namespace {namespace} by `bowline import`.")
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// The objects as manifests, in the order in which they are applied.
    pub objects: Vec<Object>,
    /// What was found and is not among them, with why.
    pub left: Vec<(ObjectKey, String)>,
    /// Secrets that were found: their values are never taken.
    pub secrets: Vec<ObjectKey>,
    /// What should be known before the definition is deployed.
    pub warnings: Vec<String>,
}

impl Import {
    /// Returns the definition: a document for each object, under a comment that says where they come from.
    pub fn text(&self, origin: &str) -> String {
        text_of(&self.objects, origin)
    }
}

/// Finds the objects and makes manifests of them.
///
/// # Errors
/// The kinds cannot be discovered, there is no such set, or nothing was found.
pub async fn import(cluster: &Cluster, request: &ImportRequest) -> Result<Import, Failure> {
    let mut import = Import {
        objects: Vec::new(),
        left: Vec::new(),
        secrets: Vec::new(),
        warnings: Vec::new(),
    };
    let place = Place::of(cluster, request, &mut import.warnings).await?;
    let found = place.list(cluster, &mut import.warnings).await?;
    let sorter = Sorter::of(request, &place, &found);
    for object in found {
        match sorter.why_left(&object) {
            Some(why) if why == SECRET => import.secrets.push(object.key),
            Some(why) => import.left.push((object.key, why)),
            None => import.objects.push(object),
        }
    }
    if import.objects.is_empty() {
        let summary = format!("nothing to take: {}", nothing(&import));
        return Err(Failure::new(FailureKind::NotFound, summary));
    }
    for object in &import.objects {
        import
            .warnings
            .extend(selector_warning(object, &request.name));
    }
    import.warnings.extend(pods_warning(&import.objects));
    let keeps_node_ports = request.keeps_node_ports;
    import.objects = manifests(import.objects, &request.namespace, keeps_node_ports);
    import.left.sort();
    Ok(import)
}

/// Returns objects as somebody would write them in a definition for this namespace, in the order in which they are applied.
pub(super) fn manifests(
    objects: Vec<Object>,
    home: &Namespace,
    keeps_node_ports: bool,
) -> Vec<Object> {
    let objects = objects.into_iter();
    let stripped = objects.filter_map(|it| strip::stripped(it, home, keeps_node_ports));
    let mut stripped: Vec<Object> = stripped.collect();
    stripped.sort_by_key(|object| (apply_rank(&object.key), object.key.clone()));
    stripped
}

/// Returns the text of manifests: a document for each, under a comment that says where they come from.
pub(super) fn text_of(manifests: &[Object], origin: &str) -> String {
    let head: String = origin.lines().map(|line| format!("# {line}\n")).collect();
    head + &yaml::to_yaml_documents(manifests.iter().map(|object| &object.json))
}

/// Warns that pods are replaced once: the labels of the instance come to their templates.
fn pods_warning(objects: &[Object]) -> Option<String> {
    let workloads = objects.iter().filter(|object| object.key.group == "apps");
    let names: Vec<String> = workloads.map(|object| object.key.to_string()).collect();
    (!names.is_empty()).then(|| {
        format!(
            "the first deploy labels the pods of {} as the instance's, which replaces them once",
            names.join(", ")
        )
    })
}

fn nothing(import: &Import) -> String {
    match import.left.first() {
        Some((key, why)) => format!("{key} was found, and {why}"),
        None if !import.secrets.is_empty() => "only Secrets were found".to_owned(),
        None => "no object was found".to_owned(),
    }
}

fn is_secret(key: &ObjectKey) -> bool {
    key.group.is_empty() && key.kind == "Secret"
}

/// Where to look: kinds, namespaces and selector.
struct Place {
    kinds: BTreeSet<GroupKind>,
    cluster_scoped: BTreeSet<GroupKind>,
    namespaces: BTreeSet<Namespace>,
    selector: Selector,
}

impl Place {
    async fn of(
        cluster: &Cluster,
        request: &ImportRequest,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let resources = cluster.resources().await?;
        let kind_of =
            |resource: &crate::cluster::Resource| GroupKind::new(&resource.group, &resource.kind);
        let cluster_scoped: BTreeSet<GroupKind> = resources
            .iter()
            .filter(|resource| !resource.is_namespaced)
            .map(kind_of)
            .collect();
        let all = resources
            .iter()
            .filter(|resource| resource.is_namespaced && !NEVER.contains(&resource.kind.as_ref()))
            .filter(|resource| resource.group != "metrics.k8s.io")
            .map(kind_of);
        let own = BTreeSet::from([request.namespace.clone()]);
        Ok(match &request.origin {
            Origin::Labels(selector) => Self {
                kinds: all.collect(),
                cluster_scoped,
                namespaces: own,
                selector: Selector::asked(selector),
            },
            // A release may hold what is in no namespace, and says itself that it is its own.
            Origin::Helm(_) => Self {
                kinds: all.chain(cluster_scoped.iter().cloned()).collect(),
                cluster_scoped,
                namespaces: own,
                selector: Selector::helm(),
            },
            Origin::Set(name) => {
                let (set, failures) = sets::find_set(cluster, &request.namespace, name).await?;
                for failure in failures {
                    match failure.kind {
                        // What defined the kind is gone, and every object of it with that.
                        FailureKind::NotFound => {
                            warnings
                                .push(format!("not all that the set names is there: {failure}"));
                        }
                        _ => return Err(failure),
                    }
                }
                Self {
                    kinds: set.kinds.clone(),
                    cluster_scoped,
                    namespaces: set.namespaces(),
                    selector: set.selector(),
                }
            }
        })
    }

    /// Lists every kind once in every namespace; Secrets by their metadata alone.
    async fn list(
        &self,
        cluster: &Cluster,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Object>, Failure> {
        let mut lists: Vec<(GroupKind, Option<Namespace>)> = Vec::new();
        for kind in &self.kinds {
            match self.cluster_scoped.contains(kind) {
                true => lists.push((kind.clone(), None)),
                false => {
                    let namespaces = self.namespaces.iter().cloned();
                    lists.extend(namespaces.map(|it| (kind.clone(), Some(it))));
                }
            }
        }
        let selector = &self.selector;
        let lists = stream::iter(lists).map(|(kind, namespace)| async move {
            let is_secret = kind.group.is_empty() && kind.kind == "Secret";
            let namespace = namespace.as_ref();
            let list = match is_secret {
                true => cluster.list_metadata(&kind, namespace, selector).await,
                false => cluster.list(&kind, namespace, selector).await,
            };
            (kind, list)
        });
        let lists: Vec<_> = lists.buffered(AT_ONCE).collect().await;
        let mut found: BTreeMap<ObjectKey, Object> = BTreeMap::new();
        let mut n_hidden = 0;
        for (kind, list) in lists {
            match list {
                Ok(objects) => found.extend(objects.into_iter().map(|it| (it.key.clone(), it))),
                Err(failure) if failure.is_unanswered() => return Err(failure),
                // What is in no namespace is hidden from most people, and few sets have any of it.
                Err(failure)
                    if failure.kind == FailureKind::Forbidden
                        && self.cluster_scoped.contains(&kind) =>
                {
                    n_hidden += 1;
                }
                Err(failure) if failure.kind == FailureKind::Forbidden => {
                    warnings.push(format!("objects may be missing: {failure}"));
                }
                // A kind that cannot be listed holds nothing that could be taken.
                Err(_) => {}
            }
        }
        if n_hidden > 0 {
            warnings.push(format!(
                "objects in no namespace may be missing: this user may not list all of them (kinds: {n_hidden})"
            ));
        }
        Ok(found.into_values().collect())
    }
}

/// Tells what is taken from what is left.
struct Sorter<'a> {
    request: &'a ImportRequest,
    place: &'a Place,
    /// Names that claims of the found `StatefulSets` begin with.
    claims: Vec<String>,
}

impl<'a> Sorter<'a> {
    fn of(request: &'a ImportRequest, place: &'a Place, found: &[Object]) -> Self {
        let mut claims = Vec::new();
        for set in found
            .iter()
            .filter(|object| object.key.kind == "StatefulSet")
        {
            let templates = set.json["spec"]["volumeClaimTemplates"].as_array();
            for template in templates.into_iter().flatten() {
                let name = template["metadata"]["name"].as_str().unwrap_or_default();
                claims.push(format!("{name}-{}-", set.key.name));
            }
        }
        Self {
            request,
            place,
            claims,
        }
    }

    /// Returns why an object is left; none if it is taken.
    fn why_left(&self, object: &Object) -> Option<String> {
        let metadata = Metadata::of(object);
        if let Some(owner) = metadata.owners().first() {
            return Some(format!("{}/{} makes it", owner.kind, owner.name));
        }
        if metadata.is_being_deleted() {
            return Some("it is being deleted".to_owned());
        }
        let key = &object.key;
        if key.group.is_empty() && MADE_EVERYWHERE.contains(&(&key.kind, &key.name)) {
            return Some("the cluster makes it in every namespace".to_owned());
        }
        if metadata.label(naming::LABEL_APPLYSET_ID).is_some() {
            return Some("it stands for a set".to_owned());
        }
        let manager = metadata.label(naming::LABEL_MANAGED_BY);
        if manager == Some(naming::MANAGED_BY) {
            let instance = metadata.label(naming::LABEL_INSTANCE).unwrap_or_default();
            return Some(format!("it is instance {instance}'s already"));
        }
        if let Some(why) = self.why_not_of_origin(metadata) {
            return Some(why);
        }
        let is_claim = object.key.kind == "PersistentVolumeClaim";
        if is_claim
            && self
                .claims
                .iter()
                .any(|start| is_claim_of(&object.key.name, start))
        {
            return Some("a StatefulSet makes it".to_owned());
        }
        if is_secret(&object.key) {
            return Some(SECRET.to_owned());
        }
        self.why_out_of_reach(object)
    }

    fn why_not_of_origin(&self, metadata: Metadata<'_>) -> Option<String> {
        let Origin::Helm(release) = &self.request.origin else {
            return None;
        };
        if metadata.annotation(HELM_HOOK).is_some() {
            return Some("it is a hook of Helm".to_owned());
        }
        let is_of_release = metadata.annotation(HELM_RELEASE) == Some(release)
            && metadata.annotation(HELM_NAMESPACE) == Some(self.request.namespace.as_str());
        let other = metadata.annotation(HELM_RELEASE).unwrap_or("no release");
        (!is_of_release).then(|| format!("it is of {other}"))
    }

    fn why_out_of_reach(&self, object: &Object) -> Option<String> {
        let policy = &self.request.policy;
        let kind = GroupKind::of(&object.key);
        if self.place.cluster_scoped.contains(&kind) {
            let why = "it is in no namespace, and `allow_cluster_scoped` is not set";
            return (!policy.allow_cluster_scoped).then(|| why.to_owned());
        }
        let namespace = object.key.namespace.as_deref().unwrap_or_default();
        let is_allowed = policy.allows_namespace(&self.request.namespace, namespace);
        (!is_allowed).then(|| {
            format!("it is in namespace {namespace}, which `allow_namespaces` does not name")
        })
    }
}

fn is_claim_of(name: &str, start: &str) -> bool {
    name.strip_prefix(start)
        .is_some_and(|ordinal| !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit()))
}

/// Other releases in the same namespace are no news: they were not asked for.
pub fn is_of_another(import_left: &(ObjectKey, String)) -> bool {
    import_left.1.starts_with("it is of ")
}

/// The labels of an instance replace those that a selector may stand on, and a selector can never change.
fn selector_warning(object: &Object, name: &InstanceId) -> Option<String> {
    let group = object.key.group.as_str();
    if !matches!(group, "apps" | "batch") {
        return None;
    }
    let selector = &object.json["spec"]["selector"]["matchLabels"];
    let instance = selector[naming::LABEL_INSTANCE].as_str();
    let manager = selector[naming::LABEL_MANAGED_BY].as_str();
    if let Some(manager) = manager.filter(|manager| *manager != naming::MANAGED_BY) {
        return Some(format!(
            "{} selects its pods by {}={manager}, which can never change: a deploy has to make it anew",
            object.key,
            naming::LABEL_MANAGED_BY
        ));
    }
    let instance = instance.filter(|instance| *instance != name.as_str())?;
    Some(format!(
        "{} selects its pods by {}={instance}, which can never change: adopt and deploy it with `--id {instance}`",
        object.key,
        naming::LABEL_INSTANCE
    ))
}
