//! What a request asks for: path, query and body taken apart, before anything is looked up or changed.

use std::sync::Arc;

use serde_json::Value;

use crate::resources::{Registry, Resource};
use crate::status::Status;

/// The query part of a URL; the last of equal keys wins where one is wanted.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Parses `a=b&c=d` with percent and plus escapes.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (unescape(key, true), unescape(value, true))
                })
                .collect(),
        )
    }

    /// Returns a value that is there and not empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.last(key).filter(|value| !value.is_empty())
    }

    /// Returns all values of a key, in their order.
    pub fn all(&self, key: &str) -> Vec<&str> {
        let of_key = self.0.iter().filter(|(name, _)| name == key);
        of_key.map(|(_, value)| value.as_str()).collect()
    }

    fn last(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().rfind(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns whether a flag is set: `true`, `1`, or there without a value.
    pub fn flag(&self, key: &str) -> bool {
        self.last(key)
            .is_some_and(|value| matches!(value, "" | "1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    /// Returns a number, or 400.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Status> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Status::bad_request(format!(
                    "invalid value for {key}: \"{text}\" is not a number"
                ))
            })
        };
        self.get(key).map(parse).transpose()
    }
}

/// Undoes percent escapes; bytes that make no UTF-8 are replaced.
pub fn unescape(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 2;
            }
            None if bytes[at] == b'+' && plus_is_space => out.push(b' '),
            None => out.push(bytes[at]),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The object or collection that a path names.
#[derive(Debug, Clone)]
pub struct Target {
    /// The kind.
    pub resource: Arc<Resource>,
    /// The namespace; `None` for cluster-scoped kinds and lists over all namespaces.
    pub namespace: Option<String>,
    /// The object; `None` for the collection.
    pub name: Option<String>,
    /// `status`, `scale`, `log`, …
    pub subresource: Option<String>,
}

impl Target {
    /// Returns `pods` or `pods/log`, as rules name it.
    pub fn rule_name(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
            None => self.resource.plural.clone(),
        }
    }
}

/// Returns what `segments` (after `/api/v1` or `/apis/group/version`) name, if that kind is served.
pub fn target(
    registry: &Registry,
    group: &str,
    version: &str,
    segments: &[String],
) -> Option<Target> {
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let find = |plural: &str| registry.by_path(group, version, plural).cloned();
    let target =
        |resource, namespace: Option<&str>, name: Option<&str>, sub: Option<&str>| Target {
            resource,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            subresource: sub.map(str::to_owned),
        };
    // `/namespaces/x/status` is the namespace's own subresource, `/namespaces/x/pods` a collection in it.
    if let ["namespaces", namespace, plural, rest @ ..] = words.as_slice()
        && let Some(resource) = find(plural).filter(|r| r.namespaced)
    {
        return match rest {
            [] => Some(target(resource, Some(namespace), None, None)),
            [name] => Some(target(resource, Some(namespace), Some(name), None)),
            [name, sub] => Some(target(resource, Some(namespace), Some(name), Some(sub))),
            _ => None,
        };
    }
    match words.as_slice() {
        [plural] => Some(target(find(plural)?, None, None, None)),
        [plural, name] => Some(target(
            find(plural).filter(|r| !r.namespaced)?,
            None,
            Some(name),
            None,
        )),
        [plural, name, sub] => Some(target(
            find(plural).filter(|r| !r.namespaced)?,
            None,
            Some(name),
            Some(sub),
        )),
        _ => None,
    }
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A plain object, JSON or YAML.
    Object,
    /// RFC 7386.
    MergePatch,
    /// RFC 6902.
    JsonPatch,
    /// Merge with lists by key.
    StrategicMergePatch,
    /// Server-side apply.
    ApplyPatch,
}

impl Media {
    /// Returns the kind of body for a `Content-Type`, or 415.
    pub fn parse(content_type: &str) -> Result<Self, Status> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence {
            "" | "application/json" | "application/yaml" => Ok(Media::Object),
            "application/merge-patch+json" => Ok(Media::MergePatch),
            "application/json-patch+json" => Ok(Media::JsonPatch),
            "application/strategic-merge-patch+json" => Ok(Media::StrategicMergePatch),
            "application/apply-patch+yaml" => Ok(Media::ApplyPatch),
            other => Err(Status::new(
                415,
                "UnsupportedMediaType",
                format!(
                    "the body of the request was in an unknown format ({other}) - accepted media types include: \
                     application/json, application/yaml"
                ),
            )),
        }
    }
}

/// Parses a body. JSON is YAML, but JSON is tried first: it is what clients send and it parses faster.
pub fn parse_body(bytes: &[u8]) -> Result<Value, Status> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| Status::bad_request(format!("body is not UTF-8: {e}")))?;
    let mut options = serde_yaml::Options::default();
    options.legacy_octal_numbers = true;
    let mut value: Value = serde_yaml::from_str_with_options(text, options)
        .map_err(|e| Status::bad_request(format!("error decoding body: {e}")))?;
    whole_numbers(&mut value);
    Ok(value)
}

/// Refuses what is no object.
pub fn check_object(body: &Value) -> Result<(), Status> {
    match body {
        Value::Object(_) => Ok(()),
        _ => Err(Status::bad_request(
            "the body of the request is not an object",
        )),
    }
}

/// Turns `1.0` into `1`, as the YAML reader of the real server does.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number
                .as_f64()
                .filter(|f| number.is_f64() && f.fract() == 0.0 && f.abs() < 9e15)
            {
                *number = (float as i64).into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_unescaped() {
        let query = Query::parse("labelSelector=a%3Db%2Cc+in+%28d%29&watch=1&limit=x&pretty");
        assert_eq!(query.get("labelSelector"), Some("a=b,c in (d)"));
        assert!(query.flag("watch") && query.flag("pretty") && !query.flag("force"));
        assert!(query.number("limit").is_err());
        let query = Query::parse("command=sh&command=-c&tty=1&command=a%20b+c");
        assert_eq!(query.all("command"), ["sh", "-c", "a b c"]);
        assert_eq!(query.get("command"), Some("a b c"));
    }

    #[test]
    fn paths_name_objects_collections_and_subresources() {
        let registry = Registry::default();
        let check = |path: &str, expected: &str| {
            let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
            let got = target(&registry, "", "v1", &segments).map(|t| {
                let part = |o: Option<String>| o.unwrap_or_else(|| "-".into());
                let rule = t.rule_name();
                format!("{rule} {} {}", part(t.namespace), part(t.name))
            });
            assert_eq!(got.unwrap_or_else(|| "none".into()), expected, "{path}");
        };
        check("pods", "pods - -");
        check("namespaces/a/pods", "pods a -");
        check("namespaces/a/pods/p/log", "pods/log a p");
        check("namespaces/a", "namespaces - a");
        check("namespaces/a/status", "namespaces/status - a");
        check("nodes/n", "nodes - n");
        check("pods/p", "none");
        check("namespaces/a/nodes", "namespaces/nodes - a");
        check("gizmos", "none");
    }

    #[test]
    fn yaml_bodies_read_as_kubectl_reads_them() {
        let body = parse_body(b"mode: 0644\ncount: 1.0\nword: yes\n").unwrap();
        assert_eq!(
            body,
            serde_json::json!({"mode": 420, "count": 1, "word": true})
        );
    }
}
