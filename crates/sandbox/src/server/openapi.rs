//! OpenAPI v3 documents: the schemas of the served kinds, and paths as far as clients look at them (which kind takes which
//! query parameters).

use http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::resources::Resource;
use crate::schema::{asset_definitions, asset_descriptions, asset_kinds, reference_to};
use crate::status::Status;

use super::discovery::by_group;
use super::{Answer, Server, json};

pub(super) fn index(server: &Server) -> Answer {
    let groups = by_group(server);
    let paths: Map<String, Value> = groups
        .keys()
        .map(|(group, version)| {
            let path = if group.is_empty() {
                format!("api/{version}")
            } else {
                format!("apis/{group}/{version}")
            };
            let hash = Sha256::digest(format!("{path} {:?}", definitions_of(server, group)));
            let hash: String = hash
                .iter()
                .take(16)
                .map(|byte| format!("{byte:02X}"))
                .collect();
            let url = format!("/openapi/v3/{path}?hash={hash}");
            (path, json!({"serverRelativeURL": url}))
        })
        .collect();
    json(StatusCode::OK, &json!({"paths": paths}))
}

/// Returns what custom kinds of a group are made of: their document changes with it.
fn definitions_of(server: &Server, group: &str) -> Vec<Value> {
    let definitions = server.store.list("CustomResourceDefinition", None);
    let of_group = definitions
        .into_iter()
        .filter(|definition| definition["spec"]["group"] == group);
    of_group
        .map(|definition| definition["spec"].clone())
        .collect()
}

pub(super) fn document(server: &Server, group: &str, version: &str) -> Result<Answer, Status> {
    let groups = by_group(server);
    let kinds = groups
        .get(&(group.to_owned(), version.to_owned()))
        .ok_or_else(Status::no_such_path)?;
    let (names, texts) = (asset_kinds(), asset_descriptions());
    let custom = definitions_of(server, group);
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for kind in kinds {
        let gvk = json!([{"group": group, "version": version, "kind": kind.kind}]);
        let name = names[format!("{}/{}", kind.api_version(), kind.kind)]
            .as_str()
            .map(str::to_owned);
        let name = name.unwrap_or_else(|| custom_name(kind));
        if kind.custom {
            let definition = custom
                .iter()
                .find(|definition| definition["names"]["plural"] == *kind.plural);
            schemas.insert(
                name.clone(),
                definition
                    .map(|it| custom_schema(it, version))
                    .unwrap_or_default(),
            );
            add(
                &mut schemas,
                &texts,
                "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
            );
        } else {
            add(&mut schemas, &texts, &name);
        }
        if let Some(schema) = schemas.get_mut(&name) {
            schema["x-kubernetes-group-version-kind"] = gvk.clone();
        }
        paths.insert(path_of(kind), operations(&gvk[0], &name));
    }
    let document = json!({"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "sandbox"},
        "paths": paths, "components": {"schemas": schemas}});
    Ok(json(StatusCode::OK, &document))
}

fn custom_name(kind: &Resource) -> String {
    let domain: Vec<&str> = kind.group.rsplit('.').collect();
    format!("{}.{}.{}", domain.join("."), kind.version, kind.kind)
}

fn custom_schema(definition: &Value, version: &str) -> Value {
    let mut versions = definition["versions"].as_array().into_iter().flatten();
    let served = versions.find(|it| it["name"] == *version);
    let mut schema = served
        .map(|version| version["schema"]["openAPIV3Schema"].clone())
        .unwrap_or_default();
    if schema.is_object() {
        for key in ["apiVersion", "kind"] {
            schema["properties"][key] = json!({"type": "string"});
        }
        schema["properties"]["metadata"] =
            json!({"allOf": [reference_to("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")]});
    }
    schema
}

/// Adds a definition with its texts, and what it refers to.
fn add(schemas: &mut Map<String, Value>, texts: &Value, name: &str) {
    if schemas.contains_key(name) {
        return;
    }
    let mut schema = asset_definitions()[name].clone();
    if !schema.is_object() {
        return;
    }
    let text = |field: &str| {
        texts[name][field]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(|text| json!(text))
    };
    if let Some(text) = text("") {
        schema["description"] = text;
    }
    for (field, property) in schema["properties"].as_object_mut().into_iter().flatten() {
        if let (Some(text), true) = (text(field), property.is_object()) {
            property["description"] = text;
        }
    }
    let mut references = Vec::new();
    find_references(&schema, &mut references);
    schemas.insert(name.to_owned(), schema);
    for reference in references {
        add(schemas, texts, &reference);
    }
}

fn find_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.rsplit('/').next())
            {
                found.push(name.to_owned());
            }
            map.values().for_each(|value| find_references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| find_references(value, found)),
        _ => {}
    }
}

fn path_of(kind: &Resource) -> String {
    let root = if kind.group.is_empty() {
        "/api"
    } else {
        "/apis"
    };
    let version = kind.api_version();
    let namespace = if kind.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    format!("{root}/{version}{namespace}/{}/{{name}}", kind.plural)
}

/// Clients learn here which parameters a kind understands before they rely on them.
fn operations(gvk: &Value, schema: &str) -> Value {
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
        .into_iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": if name == "force" { "boolean" } else { "string" }}}))
        .collect();
    let operation = |action: &str, parameters: &[Value]| {
        json!({"parameters": parameters, "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk,
            "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference_to(schema)}}}}})
    };
    json!({"get": operation("get", &[]), "patch": operation("patch", &parameters), "put": operation("put", &parameters)})
}
