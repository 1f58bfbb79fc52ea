//! Hosts and paths that an Ingress of a plan has in common with one that is there: which of the two answers, no server says.
//!
//! One list of Ingresses, of the whole cluster where this user may, else of the namespace. Nothing is refused for it: the server takes
//! both, and some controllers give each its share on purpose.

use super::deploy::DeployRequest;
use super::metadata::Metadata;
use super::ownership::{self, Owner};
use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};
use crate::failure::Failure;

const INGRESS: &str = "Ingress";
/// Names the class where `ingressClassName` does not: older than that field, and still read.
const CLASS: &str = "kubernetes.io/ingress.class";

/// Returns a sentence for each host and path of `objects` that an Ingress of others has already.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn look(
    cluster: &Cluster,
    request: &DeployRequest,
    objects: &[Object],
) -> Result<Vec<String>, Failure> {
    let wanted: Vec<&Object> = objects.iter().filter(|it| is_ingress(it)).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let there = list(cluster, request).await?;
    Ok(sentences(request, &wanted, &there))
}

fn is_ingress(object: &Object) -> bool {
    object.key.group == "networking.k8s.io" && object.key.kind == INGRESS
}

async fn list(cluster: &Cluster, request: &DeployRequest) -> Result<Vec<Object>, Failure> {
    let kind = GroupKind::new("networking.k8s.io", INGRESS);
    let everything = Selector::everything();
    for namespace in [None, Some(&request.namespace)] {
        match cluster.list(&kind, namespace, &everything).await {
            Err(failure) if failure.is_unanswered() => return Err(failure),
            Err(_) => {}
            listed => return listed,
        }
    }
    // Who may not look is not warned: that Ingresses cannot be listed is said where it keeps something from being found.
    Ok(Vec::new())
}

fn sentences(request: &DeployRequest, wanted: &[&Object], there: &[Object]) -> Vec<String> {
    let set = naming::instance_applyset_id(&request.id, &request.namespace);
    let is_others = |live: &&Object| {
        let is_wanted = |own: &&Object| {
            own.key.name == live.key.name && own.key.namespace == live.key.namespace
        };
        !wanted.iter().any(is_wanted)
            && !Metadata::of(live).is_being_deleted()
            && ownership::owner(live, &request.id, &set) != Owner::Ours
    };
    let others: Vec<&Object> = there.iter().filter(is_others).collect();
    let mut sentences = Vec::new();
    for own in wanted {
        for route in routes(own) {
            let has_it = |live: &&&Object| {
                may_share_class(own, live) && routes(live).iter().any(|it| it.meets(&route))
            };
            let others: Vec<String> = (others.iter().filter(has_it))
                .map(|live| whose(live, request))
                .collect();
            if !others.is_empty() {
                sentences.push(format!(
                    "{} of {} is served by {} already: which of them answers is left to the ingress controller",
                    route.shown(),
                    own.key,
                    others.join(" and by ")
                ));
            }
        }
    }
    sentences
}

/// Names an Ingress, with the instance that it belongs to and with its namespace where that is another one.
fn whose(live: &Object, request: &DeployRequest) -> String {
    let metadata = Metadata::of(live);
    let is_bowlines = metadata.label(naming::LABEL_MANAGED_BY) == Some(naming::MANAGED_BY);
    let instance = metadata
        .label(naming::LABEL_INSTANCE)
        .filter(|_| is_bowlines);
    let of = instance.map_or_else(String::new, |id| format!(" of instance {id}"));
    let namespace = live.key.namespace.as_deref();
    let place = namespace.filter(|it| *it != request.namespace.as_str());
    let place = place.map_or_else(String::new, |it| format!(" in namespace {it}"));
    format!("{}{of}{place}", live.key)
}

/// A host with a path.
struct Route<'a> {
    /// Empty for every host.
    host: &'a str,
    path: &'a str,
    is_exact: bool,
}

impl Route<'_> {
    /// Tells whether both want the same requests. An exact path goes before a prefix, so these two get on.
    fn meets(&self, other: &Self) -> bool {
        (self.host, self.path, self.is_exact) == (other.host, other.path, other.is_exact)
    }

    fn shown(&self) -> String {
        let host = if self.host.is_empty() { "*" } else { self.host };
        let path = if self.path.is_empty() { "/" } else { self.path };
        format!("{host}{path}")
    }
}

fn routes(ingress: &Object) -> Vec<Route<'_>> {
    let rules = ingress.json["spec"]["rules"].as_array();
    let mut routes = Vec::new();
    for rule in rules.into_iter().flatten() {
        let host = rule["host"].as_str().unwrap_or_default();
        let paths = rule["http"]["paths"].as_array();
        for path in paths.into_iter().flatten() {
            let is_exact = path["pathType"] == "Exact";
            let written = path["path"].as_str().unwrap_or_default();
            routes.push(Route {
                host,
                // Of a prefix a slash at the end means nothing.
                path: match is_exact {
                    true => written,
                    false => written.trim_end_matches('/'),
                },
                is_exact,
            });
        }
    }
    routes
}

/// Tells whether one controller may serve both: where a class is not named, the default one is meant, whichever that is.
fn may_share_class(one: &Object, other: &Object) -> bool {
    match (class(one), class(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn class(ingress: &Object) -> Option<&str> {
    let named = ingress.json["spec"]["ingressClassName"].as_str();
    named.or_else(|| Metadata::of(ingress).annotation(CLASS))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ingress(spec: Value) -> Object {
        Object::from_json(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "one", "namespace": "team-a"},
            "spec": spec,
        }))
        .unwrap()
    }

    fn rule(host: &str, path: &str, path_type: &str) -> Value {
        json!({"host": host, "http": {"paths": [{"path": path, "pathType": path_type}]}})
    }

    fn check(one: &Value, other: &Value, expected: bool) {
        let [one, other] = [one, other].map(|spec| ingress(spec.clone()));
        let meets = routes(&one)
            .iter()
            .any(|own| routes(&other).iter().any(|it| it.meets(own)));
        assert_eq!(meets && may_share_class(&one, &other), expected);
    }

    #[test]
    fn only_the_same_requests_of_one_controller_are_contested() {
        let of = |rule: Value| json!({"rules": [rule]});
        let plain = of(rule("a.example", "/x", "Prefix"));
        check(&plain, &of(rule("a.example", "/x/", "Prefix")), true);
        check(
            &plain,
            &of(rule("a.example", "/x", "ImplementationSpecific")),
            true,
        );
        check(&plain, &of(rule("a.example", "/x", "Exact")), false);
        check(&plain, &of(rule("a.example", "/y", "Prefix")), false);
        check(&plain, &of(rule("b.example", "/x", "Prefix")), false);
        let root = of(json!({"http": {"paths": [{"path": "/", "pathType": "Prefix"}]}}));
        let bare = of(json!({"http": {"paths": [{"pathType": "ImplementationSpecific"}]}}));
        check(&root, &bare, true);
        let of_class =
            |class: &str| json!({"ingressClassName": class, "rules": plain["rules"].clone()});
        check(&plain, &of_class("nginx"), true);
        check(&of_class("nginx"), &of_class("nginx"), true);
        check(&of_class("nginx"), &of_class("traefik"), false);
    }
}
