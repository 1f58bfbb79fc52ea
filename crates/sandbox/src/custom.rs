//! CustomResourceDefinitions: a stored definition is served at once, a deleted one takes its objects along.

use std::sync::Arc;

use serde_json::Value;

use crate::resources::{Registry, Resource};
use crate::schema::Schema;

fn is_definition(resource: &Resource) -> bool {
    resource.kind == "CustomResourceDefinition" && resource.group == "apiextensions.k8s.io"
}

/// Serves the kind that a stored definition declares, in each of its served versions.
pub(crate) fn serve(registry: &mut Registry, resource: &Resource, definition: &Value) {
    if !is_definition(resource) {
        return;
    }
    let spec = &definition["spec"];
    let versions = spec["versions"].as_array().into_iter().flatten();
    let mut served: Vec<&Value> = versions.filter(|v| v["served"] == true).collect();
    // The stored one stands for the kind wherever the version is of no importance.
    served.sort_by_key(|version| version["storage"] != true);
    if served.is_empty() {
        registry.remove(&text(&spec["group"]), &text(&spec["names"]["plural"]));
    }
    let served = served.into_iter().map(|version| declared(spec, version));
    registry.insert_versions(served.collect());
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn declared(spec: &Value, version: &Value) -> Resource {
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(text).collect();
    let names = &spec["names"];
    let (group, kind) = (text(&spec["group"]), text(&names["kind"]));
    let api_version = format!("{group}/{}", text(&version["name"]));
    let subresources = version["subresources"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone());
    Resource {
        version: text(&version["name"]),
        plural: text(&names["plural"]),
        singular: names["singular"]
            .as_str()
            .map_or_else(|| kind.to_lowercase(), str::to_owned),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        subresources: subresources.collect(),
        custom: true,
        schema: Some(Schema::custom(
            &api_version,
            &kind,
            &version["schema"]["openAPIV3Schema"],
        )),
        group,
        kind,
    }
}

/// Stops serving what a deleted definition declared; returns that kind.
pub(crate) fn withdraw(
    registry: &mut Registry,
    resource: &Resource,
    definition: &Value,
) -> Option<Arc<Resource>> {
    if !is_definition(resource) {
        return None;
    }
    let group = definition["spec"]["group"].as_str()?;
    let plural = definition["spec"]["names"]["plural"].as_str()?;
    registry.remove(group, plural)
}
