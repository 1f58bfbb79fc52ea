//! Which objects a quota is for: all, or those of its scopes.

use serde_json::{Value, json};

use crate::resources::Resource;

/// Returns whether a quota is for an object: it is in every scope of it.
pub(super) fn is_for(quota: &Value, resource: &Resource, object: &Value) -> bool {
    let spec = &quota["spec"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let plain = list(&spec["scopes"]).into_iter();
    let plain = plain.map(|scope| json!({"scopeName": scope, "operator": "Exists"}));
    let chosen = list(&spec["scopeSelector"]["matchExpressions"]);
    plain
        .chain(chosen)
        .all(|scope| is_in(&scope, resource, object))
}

/// Returns whether a pod ends by itself at some time.
pub(crate) fn is_bounded_in_time(pod: &Value) -> bool {
    let deadline = pod["spec"]["activeDeadlineSeconds"].as_i64();
    deadline.is_some_and(|seconds| seconds >= 0)
}

fn is_in(scope: &Value, resource: &Resource, object: &Value) -> bool {
    let spec = &object["spec"];
    let name = scope["scopeName"].as_str().unwrap_or_default();
    let is_of = |plural: &str| resource.group.is_empty() && resource.plural == plural;
    if is_of("persistentvolumeclaims") {
        return name == "VolumeAttributesClass"
            && selects(scope, spec["volumeAttributesClassName"].as_str());
    }
    if !is_of("pods") {
        return false;
    }
    match name {
        "Terminating" => is_bounded_in_time(object),
        "NotTerminating" => !is_bounded_in_time(object),
        "BestEffort" => !asks_for_anything(spec),
        "NotBestEffort" => asks_for_anything(spec),
        "PriorityClass" => selects(scope, spec["priorityClassName"].as_str()),
        "CrossNamespacePodAffinity" => crosses_namespaces(&spec["affinity"]),
        _ => false,
    }
}

fn selects(scope: &Value, class: Option<&str>) -> bool {
    let class = class.filter(|class| !class.is_empty());
    let among = || {
        let mut values = scope["values"].as_array().into_iter().flatten();
        class.is_some_and(|class| values.any(|value| value == class))
    };
    match scope["operator"].as_str() {
        Some("Exists") => class.is_some(),
        Some("DoesNotExist") => class.is_none(),
        Some("In") => among(),
        Some("NotIn") => !among(),
        _ => false,
    }
}

/// A pod whose containers ask for no processor and no memory is served as well as may be.
fn asks_for_anything(spec: &Value) -> bool {
    let lists = ["containers", "initContainers"];
    let containers = lists.into_iter().filter_map(|list| spec[list].as_array());
    let resources = containers
        .flatten()
        .map(|container| &container["resources"]);
    resources.chain([&spec["resources"]]).any(|resources| {
        ["requests", "limits"].into_iter().any(|which| {
            ["cpu", "memory"].into_iter().any(|name| {
                let amount = crate::quantity::Quantity::of(&resources[which][name]);
                amount.is_some_and(|amount| amount.milli > 0)
            })
        })
    })
}

fn crosses_namespaces(affinity: &Value) -> bool {
    let crosses = |term: &Value| {
        term["namespaceSelector"].is_object()
            || term["namespaces"]
                .as_array()
                .is_some_and(|names| !names.is_empty())
    };
    ["podAffinity", "podAntiAffinity"].into_iter().any(|sort| {
        let terms = |list: &str| affinity[sort][list].as_array().cloned().unwrap_or_default();
        let required = terms("requiredDuringSchedulingIgnoredDuringExecution");
        let preferred = terms("preferredDuringSchedulingIgnoredDuringExecution");
        required.iter().any(crosses)
            || preferred
                .iter()
                .any(|term| crosses(&term["podAffinityTerm"]))
    })
}
