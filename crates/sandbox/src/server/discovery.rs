//! Which kinds are served, in the old form (one document a group) and the aggregated one.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Value, json};

use crate::resources::{REVIEWS, Resource, methods_of};
use crate::status::Status;

use super::{Answer, Ask, Server, json, whole};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
/// The version that the sandbox speaks.
const MINOR: &str = "36";

pub(super) fn version() -> Value {
    json!({"major": "1", "minor": MINOR, "gitVersion": format!("v1.{MINOR}.3+sandbox"), "platform": "linux/amd64"})
}

pub(super) fn core(server: &Server, ask: &Ask) -> Answer {
    if wants_aggregated(ask) {
        return aggregated(server, |group| group.is_empty());
    }
    json(
        StatusCode::OK,
        &json!({"kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]}),
    )
}

pub(super) fn groups(server: &Server, ask: &Ask) -> Answer {
    if wants_aggregated(ask) {
        return aggregated(server, |group| !group.is_empty());
    }
    let groups: Vec<Value> = versions(server)
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_value(group, versions))
        .collect();
    json(
        StatusCode::OK,
        &json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}),
    )
}

pub(super) fn group(server: &Server, group: &str) -> Result<Answer, Status> {
    let groups = versions(server);
    let versions = groups.get(group).ok_or_else(Status::no_such_path)?;
    let mut value = group_value(group, versions);
    value["kind"] = json!("APIGroup");
    value["apiVersion"] = json!("v1");
    Ok(json(StatusCode::OK, &value))
}

pub(super) fn group_version(server: &Server, group: &str, version: &str) -> Result<Answer, Status> {
    let groups = by_group(server);
    let kinds = groups
        .get(&(group.to_owned(), version.to_owned()))
        .ok_or_else(Status::no_such_path)?;
    let mut resources = Vec::new();
    for kind in kinds {
        let mut entry = json!({"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": verbs(kind)});
        for (key, list) in [
            ("shortNames", &kind.short_names),
            ("categories", &kind.categories),
        ] {
            if !list.is_empty() {
                entry[key] = json!(list);
            }
        }
        resources.push(entry);
        for subresource in &kind.subresources {
            resources.push(json!({"name": format!("{}/{subresource}", kind.plural), "singularName": "",
                "namespaced": kind.namespaced, "kind": subresource_kind(kind, subresource), "verbs": sub_verbs(subresource)}));
        }
    }
    let group_version = if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    };
    let list = json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources});
    Ok(json(StatusCode::OK, &list))
}

fn wants_aggregated(ask: &Ask) -> bool {
    ask.accept().split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some("application/json")
            && part.contains("as=APIGroupDiscoveryList")
            && part.contains("v=v2")
            && !part.contains("v=v2beta1")
    })
}

fn aggregated(server: &Server, wanted: impl Fn(&str) -> bool) -> Answer {
    let groups = by_group(server);
    let items: Vec<Value> = versions(server)
        .iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let of_version = |version: &String| {
                let kinds = groups.get(&(group.clone(), version.clone()));
                let kinds = kinds.into_iter().flatten();
                let resources: Vec<Value> = kinds.map(|kind| discovered(kind)).collect();
                json!({"version": version, "freshness": "Current", "resources": resources})
            };
            let versions: Vec<Value> = versions.iter().map(of_version).collect();
            let metadata = if group.is_empty() {
                json!({"creationTimestamp": null})
            } else {
                json!({"name": group, "creationTimestamp": null})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    whole(StatusCode::OK, AGGREGATED, list.to_string().into())
}

fn discovered(kind: &Resource) -> Value {
    let response = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let mut entry = json!({"resource": kind.plural, "responseKind": response, "singularResource": kind.singular,
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" }, "verbs": verbs(kind)});
    for (key, list) in [
        ("shortNames", &kind.short_names),
        ("categories", &kind.categories),
    ] {
        if !list.is_empty() {
            entry[key] = json!(list);
        }
    }
    let subresources: Vec<Value> = kind
        .subresources
        .iter()
        .map(|name| {
            json!({"subresource": name, "verbs": sub_verbs(name),
                "responseKind": {"group": kind.group, "version": kind.version, "kind": subresource_kind(kind, name)}})
        })
        .collect();
    if !subresources.is_empty() {
        entry["subresources"] = json!(subresources);
    }
    entry
}

fn subresource_kind(kind: &Resource, subresource: &str) -> String {
    match subresource {
        "scale" => "Scale".to_owned(),
        "exec" => "PodExecOptions".to_owned(),
        "portforward" => "PodPortForwardOptions".to_owned(),
        _ => kind.kind.clone(),
    }
}

fn sub_verbs(subresource: &str) -> Vec<&'static str> {
    let verb = |method: &&'static str| match *method {
        "GET" => "get",
        "POST" => "create",
        "PATCH" => "patch",
        _ => "update",
    };
    methods_of(subresource).iter().map(verb).collect()
}

fn verbs(kind: &Resource) -> &'static [&'static str] {
    if REVIEWS.iter().any(|(group, ..)| *group == kind.group) {
        return &["create"];
    }
    &[
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ]
}

fn group_value(group: &str, versions: &[String]) -> Value {
    let of_version = |version: &String| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(of_version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions[0]})
}

/// Returns the versions of each group, the preferred one first: stable ones before beta and alpha ones, the highest first.
fn versions(server: &Server) -> BTreeMap<String, Vec<String>> {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (group, version) in by_group(server).into_keys() {
        groups.entry(group).or_default().push(version);
    }
    for versions in groups.values_mut() {
        versions.sort_by_key(|version| (Reverse(rank(version)), version.clone()));
    }
    groups
}

/// Returns how stable a version is, its number, and the number behind `alpha` or `beta`; nothing of one that is otherwise named.
fn rank(version: &str) -> Option<(u8, u32, u32)> {
    let number = version.strip_prefix('v')?;
    for (word, stability) in [("alpha", 0), ("beta", 1)] {
        if let Some((major, minor)) = number.split_once(word) {
            return Some((stability, major.parse().ok()?, minor.parse().ok()?));
        }
    }
    Some((2, number.parse().ok()?, 0))
}

/// Returns the served kinds by group and version, the reviews among them.
pub(super) fn by_group(server: &Server) -> BTreeMap<(String, String), Vec<Arc<Resource>>> {
    let mut groups: BTreeMap<(String, String), Vec<Arc<Resource>>> = BTreeMap::new();
    for kind in server.store.lock().registry.versions() {
        groups
            .entry((kind.group.clone(), kind.version.clone()))
            .or_default()
            .push(kind.clone());
    }
    for (group, plural, kind) in REVIEWS {
        let review = Resource {
            group: (*group).into(),
            version: "v1".into(),
            kind: (*kind).into(),
            plural: (*plural).into(),
            singular: kind.to_lowercase(),
            short_names: Vec::new(),
            categories: Vec::new(),
            namespaced: false,
            subresources: Vec::new(),
            custom: false,
            schema: None,
        };
        groups
            .entry((review.group.clone(), review.version.clone()))
            .or_default()
            .push(Arc::new(review));
    }
    groups
}
