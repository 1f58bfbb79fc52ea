//! What a real server refuses although the body fits its schema: names, labels, sizes, and fields that can never change.
//!
//! Every fault of an object is told at once, each with its field. It goes as far as clients were seen to run into, not
//! further: where this says nothing, a real server may still refuse.

use serde_json::{Map, Value};

use crate::resources::Resource;
use crate::schema::{Type, Typed};
use crate::status::{Cause, Status};

mod change;
mod kinds;
mod pods;

/// The most bytes that the annotations of an object may have together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// The faults found so far in one object.
#[derive(Debug, Default)]
struct Faults(Vec<Cause>);

impl Faults {
    fn invalid(&mut self, field: impl Into<String>, value: &Value, why: &str) {
        self.add(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {why}"),
        );
    }

    fn required(&mut self, field: impl Into<String>, why: &str) {
        let colon = if why.is_empty() { "" } else { ": " };
        self.add(
            "FieldValueRequired",
            field,
            format!("Required value{colon}{why}"),
        );
    }

    fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add("FieldValueForbidden", field, format!("Forbidden: {why}"));
    }

    fn unsupported(&mut self, field: impl Into<String>, value: &Value, supported: &str) {
        self.add(
            "FieldValueNotSupported",
            field,
            format!("Unsupported value: {value}: supported values: {supported}"),
        );
    }

    fn too_long(&mut self, field: impl Into<String>, most: usize) {
        self.add(
            "FieldValueTooLong",
            field,
            format!("Too long: may not be more than {most} bytes"),
        );
    }

    fn add(&mut self, reason: &'static str, field: impl Into<String>, message: String) {
        self.0.push(Cause {
            reason,
            message,
            field: field.into(),
        });
    }

    fn into_result(self, resource: &Resource, object: &Value) -> Result<(), Status> {
        if self.0.is_empty() {
            return Ok(());
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        Err(Status::invalid(
            &resource.group,
            &resource.kind,
            name,
            &self.0,
        ))
    }
}

/// Checks a new object.
pub(crate) fn create(resource: &Resource, object: &Value) -> Result<(), Status> {
    let mut faults = Faults::default();
    name(resource, object, &mut faults);
    both(resource, object, &mut faults);
    faults.into_result(resource, object)
}

/// Checks a changed object against the one that it replaces.
pub(crate) fn update(
    resource: &Resource,
    live: &Value,
    object: &Value,
    subresource: &str,
) -> Result<(), Status> {
    let mut faults = Faults::default();
    if subresource != "status" {
        change::check(resource, live, object, &mut faults);
        both(resource, object, &mut faults);
    }
    faults.into_result(resource, object)
}

fn both(resource: &Resource, object: &Value, faults: &mut Faults) {
    metadata(object, faults);
    if resource.custom {
        if let Some(of) = resource.typed() {
            required_fields(of, object, "", faults);
        }
    } else {
        kinds::check(resource, object, faults);
    }
}

fn metadata(object: &Value, faults: &mut Faults) {
    labels(&object["metadata"]["labels"], "metadata.labels", faults);
    let annotations = object["metadata"]["annotations"].as_object();
    let n_bytes: usize = annotations
        .into_iter()
        .flatten()
        .map(|(key, value)| key.len() + value.as_str().unwrap_or_default().len())
        .sum();
    if n_bytes > ANNOTATIONS_LIMIT {
        faults.too_long("metadata.annotations", ANNOTATIONS_LIMIT);
    }
    for (at, finalizer) in object["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let text = finalizer.as_str().unwrap_or_default();
        if !text.contains('/') && !matches!(text, "foregroundDeletion" | "orphan") {
            faults.invalid(
                format!("metadata.finalizers[{at}]"),
                finalizer,
                "name is neither a standard finalizer name nor is it fully qualified",
            );
        }
    }
}

fn labels(labels: &Value, field: &str, faults: &mut Faults) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        if !is_qualified_name(key) {
            let why = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                       alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                       '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
            faults.invalid(field, &Value::from(key.as_str()), why);
        }
        if !is_label_value(value.as_str().unwrap_or_default()) {
            let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
                       start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
                       for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            faults.invalid(field, value, why);
        }
    }
}

fn name(resource: &Resource, object: &Value, faults: &mut Faults) {
    let value = &object["metadata"]["name"];
    let name = value.as_str().unwrap_or_default();
    let why = match (resource.group.as_str(), resource.kind.as_str()) {
        ("rbac.authorization.k8s.io", _) => return,
        ("", "Service")
            if !is_dns_label(name) || name.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
             and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
             '[a-z]([-a-z0-9]*[a-z0-9])?')"
        }
        ("", "Namespace") if !is_dns_label(name) => {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with \
             an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        }
        _ if !is_dns_subdomain(name) => {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and \
             end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        }
        _ => return,
    };
    faults.invalid("metadata.name", value, why);
}

/// What a custom kind's schema requires.
fn required_fields(of: Typed<'_>, value: &Value, path: &str, faults: &mut Faults) {
    let join = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match (of.get(), value) {
        (Type::Struct(fields), Value::Object(map)) => {
            for key in fields.required.iter().filter(|key| !map.contains_key(*key)) {
                faults.required(join(key), "");
            }
            for (key, item) in map
                .iter()
                .filter(|(key, _)| !(path.is_empty() && *key == "metadata"))
            {
                if let Some(below) = of.key(key) {
                    required_fields(below, item, &join(key), faults);
                }
            }
        }
        (Type::Map { .. }, Value::Object(map)) => {
            for (key, item) in map {
                if let Some(below) = of.key(key) {
                    required_fields(below, item, &join(key), faults);
                }
            }
        }
        (Type::List { .. }, Value::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                required_fields(of.item(), item, &format!("{path}[{at}]"), faults);
            }
        }
        _ => {}
    }
}

fn is_label_value(text: &str) -> bool {
    let ends_well = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && (text.is_empty()
            || ends_well(text.chars().next()) && ends_well(text.chars().next_back()))
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_qualified_name(text: &str) -> bool {
    let (prefix, name) = text
        .split_once('/')
        .map_or((None, text), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_subdomain)
}

fn is_dns_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

/// NB: of a subdomain only the whole is limited in length, not its parts.
fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

fn is_dns_part(text: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends_well = |b: Option<u8>| b.is_some_and(is_alphanumeric);
    ends_well(text.bytes().next())
        && ends_well(text.bytes().next_back())
        && text.bytes().all(|b| is_alphanumeric(b) || b == b'-')
}

fn items<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn map_len(map: Option<&Map<String, Value>>, size: impl Fn(&str) -> usize) -> usize {
    map.into_iter()
        .flatten()
        .map(|(_, value)| size(value.as_str().unwrap_or_default()))
        .sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::Registry;

    fn check(kind: &str, object: Value, expected: &[&str]) {
        let registry = Registry::default();
        let got = create(registry.by_kind(kind).unwrap(), &object);
        let fields = |status: Status| {
            let causes = status.details["causes"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            causes
                .iter()
                .map(|cause| cause["field"].as_str().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            got.map_err(fields).err().unwrap_or_default(),
            expected,
            "{object}"
        );
    }

    #[test]
    fn every_fault_is_told_with_its_field() {
        check("ConfigMap", json!({"metadata": {"name": "a"}}), &[]);
        check(
            "ConfigMap",
            json!({"metadata": {"name": "A_b", "labels": {"x": "a b"}}}),
            &["metadata.name", "metadata.labels"],
        );
        check(
            "Service",
            json!({"metadata": {"name": "1a"}, "spec": {"ports": [{"port": 80}]}}),
            &["metadata.name"],
        );
        let (long, beyond) = ("a".repeat(70), format!("{}é.example.com", "a".repeat(62)));
        check("ConfigMap", json!({"metadata": {"name": long}}), &[]);
        for name in [beyond.clone(), format!("{long}_BAD!")] {
            let object = json!({"metadata": {"name": name}});
            check("ConfigMap", object, &["metadata.name"]);
        }
        check(
            "ConfigMap",
            json!({"metadata": {"name": "a", "labels": {format!("{beyond}/x"): "y"}}}),
            &["metadata.labels"],
        );
        let set = json!({"metadata": {"name": "s"}, "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {"metadata": {"labels": {"app": "b"}}, "spec": {"restartPolicy": "Always", "containers": [{"name": "c"}]}},
        }});
        check(
            "StatefulSet",
            set,
            &[
                "spec.template.metadata.labels",
                "spec.template.spec.containers[0].image",
            ],
        );
    }
}
