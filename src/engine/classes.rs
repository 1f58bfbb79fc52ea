//! Classes that a deploy's objects name and that are somebody else's to provide: storage, ingress, priority, runtime.
//!
//! The server takes most objects whose class is not there, and what they are for fails later and elsewhere: claims stay
//! Pending, pods are refused to their controller, nothing serves the route. So a plan says it beforehand.
//!
//! One list for each kind, and only of kinds that are needed. Who may not list one hears nothing of it: a remark that might be
//! wrong is worse than none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::binding::ClaimToCome;
use super::metadata::Metadata;
use crate::cluster::{Cluster, Selector};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::names;
use crate::text;

/// Marks the class of claims that name none.
const IS_DEFAULT_CLASS: &str = "storageclass.kubernetes.io/is-default-class";
/// Most classes that are named in place of the one that is not there.
const NAMED: usize = 5;

/// A sort of class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Storage,
    Ingress,
    Priority,
    Runtime,
}

impl Sort {
    fn kind(self) -> GroupKind {
        match self {
            Self::Storage => GroupKind::new("storage.k8s.io", "StorageClass"),
            Self::Ingress => GroupKind::new("networking.k8s.io", "IngressClass"),
            Self::Priority => GroupKind::new("scheduling.k8s.io", "PriorityClass"),
            Self::Runtime => GroupKind::new("node.k8s.io", "RuntimeClass"),
        }
    }

    /// Says what comes of it that the class is not there.
    fn consequence(self, of: &ObjectKey) -> &'static str {
        match self {
            Self::Storage => "its claims stay Pending unless free volumes of that class fit",
            Self::Ingress => "nothing serves it unless a controller goes by the name alone",
            Self::Priority | Self::Runtime if of.kind == "Pod" => "the server refuses it",
            Self::Priority | Self::Runtime => "the server refuses its pods",
        }
    }
}

/// A class that an object names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted<'a> {
    of: &'a ObjectKey,
    sort: Sort,
    /// None where a claim leaves it to the cluster.
    name: Option<&'a str>,
}

/// The classes that the cluster has, of those sorts that matter to some objects.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// Sorts that may not be listed, or that are not served, are not there.
    listed: BTreeMap<Sort, Vec<Object>>,
}

impl Classes {
    /// Lists the classes that matter to objects, and to the claims that they would make.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub async fn read(
        cluster: &Cluster,
        objects: &[Object],
        claims: &[ClaimToCome],
    ) -> Result<Self, Failure> {
        let sorts: BTreeSet<Sort> = wanted(objects, claims).map(|it| it.sort).collect();
        let mut classes = Self::default();
        for sort in sorts {
            let everything = Selector::everything();
            match cluster.list_metadata(&sort.kind(), None, &everything).await {
                Ok(listed) => drop(classes.listed.insert(sort, listed)),
                Err(failure)
                    if matches!(failure.kind, FailureKind::Forbidden | FailureKind::NotFound) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(classes)
    }

    /// Returns the class of claims that name none; none where there is none, or where it cannot be known.
    pub fn default_storage(&self) -> Option<&str> {
        let classes = self.listed.get(&Sort::Storage)?;
        let default = classes.iter().find(|class| is_default_storage(class))?;
        Some(&default.key.name)
    }

    /// Says of each object which class it names that is neither there nor among the objects, and which there are.
    pub fn missing(&self, objects: &[Object], claims: &[ClaimToCome]) -> Vec<String> {
        let wanted: BTreeSet<Wanted<'_>> = wanted(objects, claims).collect();
        let remarks = wanted
            .iter()
            .filter_map(|wanted| self.remark(wanted, objects));
        remarks.collect()
    }

    fn remark(&self, wanted: &Wanted<'_>, objects: &[Object]) -> Option<String> {
        let Wanted { of, sort, name } = *wanted;
        let listed = self.listed.get(&sort)?;
        let kind = sort.kind();
        let coming = objects
            .iter()
            .filter(|object| GroupKind::of(&object.key) == kind);
        let known = listed.iter().chain(coming);
        let there = these(known.clone().map(|class| class.key.name.as_str()).collect());
        let kind = &kind.kind;
        match name {
            Some(name) => {
                let is_there = known.clone().any(|class| class.key.name == name);
                let (name, consequence) = (text::clean(name), sort.consequence(of));
                (!is_there).then(|| {
                    format!(
                        "{of} names {kind} {name}, which the cluster does not have ({there}): {consequence}"
                    )
                })
            }
            None => {
                let has_default = known.clone().any(is_default_storage);
                (!has_default).then(|| {
                    format!(
                        "{of} names no {kind}, and the cluster has no default one ({there}): its claims stay Pending unless \
                         free volumes without a class fit"
                    )
                })
            }
        }
    }
}

/// Tells whether a storage class is that of claims that name none.
pub(super) fn is_default_storage(class: &Object) -> bool {
    Metadata::of(class).annotation(IS_DEFAULT_CLASS) == Some("true")
}

/// Names what there is, with a bound.
fn these(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    let all: Vec<_> = names.into_iter().map(text::clean).collect();
    let shown = names::first(&all, NAMED);
    match all.len() {
        0 => "there is none".to_owned(),
        1 => format!("there is {shown}"),
        _ => format!("there are {shown}"),
    }
}

/// Returns the classes that objects, and the claims that they would make, name or leave to the cluster.
fn wanted<'a>(
    objects: &'a [Object],
    claims: &'a [ClaimToCome],
) -> impl Iterator<Item = Wanted<'a>> {
    let of_claims = claims
        .iter()
        .filter_map(|claim| wanted_by_claim(&claim.of, &claim.spec));
    objects.iter().flat_map(wanted_by).chain(of_claims)
}

/// Returns what an object names itself. Claims are apart, as only those matter that are not there yet.
fn wanted_by(object: &Object) -> Vec<Wanted<'_>> {
    let key = &object.key;
    if GroupKind::of(key) == GroupKind::new("networking.k8s.io", "Ingress") {
        let class = object.json["spec"]["ingressClassName"].as_str();
        return named(key, Sort::Ingress, class).into_iter().collect();
    }
    let Some(pod) = pod_of(object) else {
        return Vec::new();
    };
    let priority = named(key, Sort::Priority, pod["priorityClassName"].as_str());
    let runtime = named(key, Sort::Runtime, pod["runtimeClassName"].as_str());
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    // Pods make claims of their own of these, each time anew.
    let ephemeral = volumes
        .filter_map(|volume| volume.pointer("/ephemeral/volumeClaimTemplate/spec"))
        .filter_map(|spec| wanted_by_claim(key, spec));
    priority
        .into_iter()
        .chain(runtime)
        .chain(ephemeral)
        .collect()
}

/// A name that is empty is none.
fn named<'a>(of: &'a ObjectKey, sort: Sort, name: Option<&'a str>) -> Option<Wanted<'a>> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(Wanted {
        of,
        sort,
        name: Some(name),
    })
}

/// An empty name asks for a volume without a class, and one that names its volume needs no class.
fn wanted_by_claim<'a>(of: &'a ObjectKey, spec: &'a Value) -> Option<Wanted<'a>> {
    let name = spec["storageClassName"].as_str();
    let needs_none = name == Some("") || spec["volumeName"].is_string();
    (!needs_none).then_some(Wanted {
        of,
        sort: Sort::Storage,
        name,
    })
}

/// Returns the specification of the pods that an object is or makes.
pub(super) fn pod_of(object: &Object) -> Option<&Value> {
    let key = &object.key;
    let pointer = match (key.group.as_str(), key.kind.as_str()) {
        ("", "Pod") => "/spec",
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => "/spec/template/spec",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    };
    object.json.pointer(pointer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::binding::claims_to_come;
    use super::*;

    fn object(json: Value) -> Object {
        Object::from_json(json).unwrap()
    }

    fn class(sort: Sort, name: &str, is_default: bool) -> Object {
        let kind = sort.kind();
        object(
            json!({"apiVersion": format!("{}/v1", kind.group), "kind": kind.kind, "metadata": {
                "name": name, "annotations": {IS_DEFAULT_CLASS: is_default.to_string()},
            }}),
        )
    }

    const ALL: [Sort; 4] = [Sort::Storage, Sort::Ingress, Sort::Priority, Sort::Runtime];

    /// All sorts have these names; the first storage class is the default one if that is said.
    fn cluster_with(names: &[&str], has_default: bool) -> Classes {
        let of = |sort: Sort| {
            let classes = names.iter().enumerate();
            let classes = classes.map(|(n, name)| class(sort, name, has_default && n == 0));
            (sort, classes.collect())
        };
        Classes {
            listed: ALL.map(of).into(),
        }
    }

    fn check(classes: &Classes, objects: Vec<Value>, expected: &[&str]) {
        let objects: Vec<Object> = objects.into_iter().map(object).collect();
        let claims = claims_to_come(&objects);
        assert_eq!(classes.missing(&objects, &claims), expected);
    }

    fn ingress(class: Value) -> Value {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"},
            "spec": {"ingressClassName": class}})
    }

    fn claim(spec: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec})
    }

    fn running(api_version: &str, kind: &str, spec: Value) -> Value {
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "web"}, "spec": spec})
    }

    #[test]
    fn a_class_that_is_not_there_is_named_with_those_that_are() {
        let classes = cluster_with(&["b", "a"], true);
        let (a, absent) = (ingress(json!("a")), ingress(json!("x")));
        check(&classes, vec![a, ingress(Value::Null)], &[]);
        let told = "Ingress/web names IngressClass x, which the cluster does not have (there are a, b): nothing serves it \
                    unless a controller goes by the name alone";
        check(&classes, vec![absent.clone()], &[told]);
        let none = "Ingress/web names IngressClass x, which the cluster does not have (there is none): nothing serves it \
                    unless a controller goes by the name alone";
        check(&cluster_with(&[], false), vec![absent.clone()], &[none]);
        let many = "Ingress/web names IngressClass x, which the cluster does not have (there are a, b, c, d, e and 2 more): \
                    nothing serves it unless a controller goes by the name alone";
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        check(&cluster_with(&names, false), vec![absent.clone()], &[many]);
        // It comes with the definition, or nobody could look.
        let comes = class(Sort::Ingress, "x", false).json;
        check(&classes, vec![absent.clone(), comes], &[]);
        check(&Classes::default(), vec![absent], &[]);
    }

    #[test]
    fn pods_of_every_kind_need_their_classes() {
        let classes = cluster_with(&["a"], true);
        let pod = json!({"priorityClassName": "high", "runtimeClassName": "gvisor"});
        let template = json!({"template": {"spec": pod}});
        let told = |of: &str, whom: &str| {
            let about = |kind: &str, name: &str| {
                format!(
                    "{of} names {kind} {name}, which the cluster does not have (there is a): the server refuses {whom}"
                )
            };
            [
                about("PriorityClass", "high"),
                about("RuntimeClass", "gvisor"),
            ]
        };
        for (object, [priority, runtime]) in [
            (
                running("apps/v1", "Deployment", template.clone()),
                told("Deployment/web", "its pods"),
            ),
            (
                running(
                    "batch/v1",
                    "CronJob",
                    json!({"jobTemplate": {"spec": template}}),
                ),
                told("CronJob/web", "its pods"),
            ),
            (running("v1", "Pod", pod.clone()), told("Pod/web", "it")),
        ] {
            check(&classes, vec![object], &[&priority, &runtime]);
        }
        let other = running("example.com/v1", "Widget", template);
        check(&classes, vec![other], &[]);
    }

    #[test]
    fn claims_need_a_class_or_a_default_one() {
        let classes = cluster_with(&["a"], true);
        let without_default = cluster_with(&["a"], false);
        let absent = "names StorageClass x, which the cluster does not have (there is a): its claims stay Pending unless free \
                      volumes of that class fit";
        let no_default = "names no StorageClass, and the cluster has no default one (there is a): its claims stay Pending \
                          unless free volumes without a class fit";
        let of_claim = |told: &str| format!("PersistentVolumeClaim/data {told}");
        let named = claim(json!({"storageClassName": "x"}));
        check(&classes, vec![named], &[&of_claim(absent)]);
        check(&classes, vec![claim(json!({}))], &[]);
        check(
            &without_default,
            vec![claim(json!({}))],
            &[&of_claim(no_default)],
        );
        for spec in [json!({"storageClassName": ""}), json!({"volumeName": "v"})] {
            check(&without_default, vec![claim(spec)], &[]);
        }
        // However many replicas, their set is told of once.
        let template = json!({"metadata": {"name": "data"}, "spec": {"storageClassName": "x"}});
        let set = running(
            "apps/v1",
            "StatefulSet",
            json!({"replicas": 3, "volumeClaimTemplates": [template]}),
        );
        check(&classes, vec![set], &[&format!("StatefulSet/web {absent}")]);
        let ephemeral = json!({"template": {"spec": {"volumes": [
            {"name": "tmp", "ephemeral": {"volumeClaimTemplate": {"spec": {"storageClassName": "x"}}}},
        ]}}});
        let deployment = running("apps/v1", "Deployment", ephemeral);
        check(
            &classes,
            vec![deployment],
            &[&format!("Deployment/web {absent}")],
        );
    }
}
