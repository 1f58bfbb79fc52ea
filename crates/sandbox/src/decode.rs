//! Reads a body as the real server's typed decoder does: undeclared fields go (and are told), wrong types are refused.

use serde_json::{Map, Value};

use crate::schema::{Scalar, Type, Typed};

/// What reading a body brought to light.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Paths of fields that the kind does not declare, such as `spec.containers[0].imge`.
    pub unknown: Vec<String>,
    /// The first value of a wrong type, as the decoder complains about it.
    pub wrong: Option<String>,
}

/// Returns the object as it would be stored: without undeclared fields, nulls, empty lists and empty free maps.
pub fn decode(of: Typed<'_>, object: Value) -> (Value, Findings) {
    let mut findings = Findings::default();
    let object = walk(of, object, &mut String::new(), &mut findings);
    (object.unwrap_or(Value::Null), findings)
}

fn walk(of: Typed<'_>, value: Value, path: &mut String, findings: &mut Findings) -> Option<Value> {
    match (of.get(), value) {
        (_, Value::Null) => None,
        (Type::Any, value) => Some(value),
        (Type::Scalar(scalar), value) => {
            if let Some(wanted) = wrong(*scalar, &value) {
                let what = go_kind(&value);
                let message = format!(
                    "json: cannot unmarshal {what} into Go struct field .{path} of type {wanted}"
                );
                findings.wrong.get_or_insert(message);
            }
            Some(value)
        }
        (Type::Map { .. } | Type::Struct(_), Value::Object(map)) => {
            let is_free = matches!(of.get(), Type::Map { .. });
            let map = walk_map(of, map, path, findings);
            (!(map.is_empty() && is_free)).then_some(Value::Object(map))
        }
        (Type::List { .. }, Value::Array(items)) => {
            let length = path.len();
            let mut out = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                path.push_str(&format!("[{at}]"));
                out.extend(walk(of.item(), item, path, findings));
                path.truncate(length);
            }
            (!out.is_empty()).then_some(Value::Array(out))
        }
        (_, value) => {
            let what = go_kind(&value);
            findings.wrong.get_or_insert(format!(
                "json: cannot unmarshal {what} into Go struct field .{path}"
            ));
            Some(value)
        }
    }
}

fn walk_map(
    of: Typed<'_>,
    map: Map<String, Value>,
    path: &mut String,
    findings: &mut Findings,
) -> Map<String, Value> {
    let length = path.len();
    let mut out = Map::new();
    for (key, value) in map {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&key);
        match of.key(&key) {
            Some(below) => {
                if let Some(value) = walk(below, value, path, findings) {
                    out.insert(key, value);
                }
            }
            None => findings.unknown.push(path.clone()),
        }
        path.truncate(length);
    }
    out
}

fn wrong(scalar: Scalar, value: &Value) -> Option<&'static str> {
    match (scalar, value) {
        (Scalar::Text, Value::String(_))
        | (Scalar::Number, Value::Number(_))
        | (Scalar::Boolean, Value::Bool(_))
        | (Scalar::Either, Value::String(_) | Value::Number(_))
        | (Scalar::Bytes, Value::String(_))
        // Whether it is one is seen where it is brought into its one form.
        | (Scalar::Quantity, _) => None,
        (Scalar::Text, _) => Some("string"),
        (Scalar::Number, _) => Some("int32"),
        (Scalar::Boolean, _) => Some("bool"),
        (Scalar::Either, _) => Some("intstr.IntOrString"),
        (Scalar::Bytes, _) => Some("[]uint8"),
    }
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Schema;

    #[test]
    fn bodies_are_read_as_a_typed_decoder_reads_them() {
        let pod = Schema::built_in().kind("v1", "Pod").unwrap();
        let body = json!({
            "metadata": {"labels": {}, "creationTimestamp": null, "name": "p"},
            "spec": {"containers": [{"name": "a", "imge": "x", "args": [], "resources": {}}], "hostNetwork": "yes"},
        });
        let (object, findings) = decode(pod, body);
        let stored = json!({
            "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "a", "resources": {}}], "hostNetwork": "yes"},
        });
        assert_eq!(object, stored);
        assert_eq!(findings.unknown, ["spec.containers[0].imge"]);
        let wrong =
            "json: cannot unmarshal string into Go struct field .spec.hostNetwork of type bool";
        assert_eq!(findings.wrong.as_deref(), Some(wrong));
    }
}
