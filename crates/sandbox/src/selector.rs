//! Label and field selectors: parsing and matching, in text and as objects.

use serde_json::{Map, Value};

use crate::resources::Resource;
use crate::status::Status;

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

/// A label selector in its text form: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses the text; empty selects everything.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let fail = || Status::bad_request(format!("unable to parse requirement: {text}"));
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if !part.is_empty() {
                requirements.push(parse_requirement(part).ok_or_else(fail)?);
            }
        }
        Ok(LabelSelector(requirements))
    }

    /// Returns whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether the labels of `object` satisfy it.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |key: &str| labels.get(key).and_then(Value::as_str);
        let number = |key: &str| label(key).and_then(|value| value.parse::<i64>().ok());
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                label(key).is_some_and(|v| values.iter().any(|w| w == v))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|v| values.iter().all(|w| w != v))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Missing(key) => label(key).is_none(),
            Requirement::Greater(key, bound) => number(key).is_some_and(|n| n > *bound),
            Requirement::Less(key, bound) => number(key).is_some_and(|n| n < *bound),
        })
    }
}

/// Returns whether the object form of a label selector (`matchLabels`, `matchExpressions`) selects `labels`. An absent selector
/// selects nothing, an empty one everything.
pub fn selects(selector: Option<&Value>, labels: Option<&Map<String, Value>>) -> bool {
    let Some(selector) = selector.filter(|selector| selector.is_object()) else {
        return false;
    };
    let value_of = |key: &str| {
        labels
            .and_then(|labels| labels.get(key))
            .and_then(Value::as_str)
    };
    let equal = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, wanted)| value_of(key).is_some_and(|value| Some(value) == wanted.as_str()));
    equal
        && selector["matchExpressions"]
            .as_array()
            .into_iter()
            .flatten()
            .all(|term| meets(term, value_of(term["key"].as_str().unwrap_or_default())))
}

/// Returns whether one selector requirement is met by a label's value.
pub fn meets(requirement: &Value, value: Option<&str>) -> bool {
    let among = |value: &str| {
        requirement["values"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|allowed| allowed == value)
    };
    match requirement["operator"].as_str().unwrap_or_default() {
        "In" => value.is_some_and(among),
        "NotIn" => !value.is_some_and(among),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_requirement(part: &str) -> Option<Requirement> {
    if let Some(key) = part.strip_prefix('!') {
        return label_key(key).map(Requirement::Missing);
    }
    for (operator, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(operator) {
            let (key, values) = (label_key(key)?, vec![label_value(value)?]);
            return Some(if negated {
                Requirement::NotIn(key, values)
            } else {
                Requirement::In(key, values)
            });
        }
    }
    if let Some((key, bound)) = part.split_once('>') {
        return Some(Requirement::Greater(
            label_key(key)?,
            bound.trim().parse().ok()?,
        ));
    }
    if let Some((key, bound)) = part.split_once('<') {
        return Some(Requirement::Less(
            label_key(key)?,
            bound.trim().parse().ok()?,
        ));
    }
    let Some((head, list)) = part.split_once('(') else {
        return label_key(part).map(Requirement::Exists);
    };
    let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
    let values = list
        .strip_suffix(')')?
        .split(',')
        .map(label_value)
        .collect::<Option<Vec<_>>>()?;
    match operator {
        "in" => Some(Requirement::In(label_key(key)?, values)),
        "notin" => Some(Requirement::NotIn(label_key(key)?, values)),
        _ => None,
    }
}

fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(legal)).then(|| text.to_owned())
}

fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (text.len() <= 63 && text.chars().all(legal)).then(|| text.to_owned())
}

/// A field selector: `status.phase=Running,metadata.name!=x`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<(String, String, bool)>);

impl FieldSelector {
    /// Parses the text and refuses fields that the kind does not offer.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, Status> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let split = part.split_once("!=").map(|(k, v)| (k, v, false));
            let split = split.or_else(|| part.split_once("==").map(|(k, v)| (k, v, true)));
            let Some((key, value, wanted)) =
                split.or_else(|| part.split_once('=').map(|(k, v)| (k, v, true)))
            else {
                return Err(Status::bad_request(format!(
                    "Unable to find \"{}\" that match label selector \"\", field selector \"{text}\": invalid selector: \
                     '{part}'; can't understand '{part}'",
                    resource.plural
                )));
            };
            if !is_selectable(resource, key) {
                return Err(Status::bad_request(format!(
                    "field label not supported: {key}"
                )));
            }
            terms.push((key.to_owned(), value.to_owned(), wanted));
        }
        Ok(FieldSelector(terms))
    }

    /// Returns whether it selects everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the name that is asked for, where it asks for exactly one.
    pub fn name(&self) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _, wanted)| key == "metadata.name" && *wanted)
            .map(|(_, value, _)| value.as_str())
    }

    /// Returns whether `object` satisfies it.
    pub fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|(key, value, wanted)| (field_text(object, key) == *value) == *wanted)
    }
}

fn is_selectable(resource: &Resource, key: &str) -> bool {
    let extra: &[&str] = match resource.kind.as_str() {
        "Pod" => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        "Event" => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        "Namespace" => &["status.phase"],
        "Secret" => &["type"],
        "Service" => &["spec.clusterIP", "spec.type"],
        "Node" => &["spec.unschedulable"],
        "ReplicaSet" => &["status.replicas"],
        "Job" => &["status.successful"],
        _ => &[],
    };
    key == "metadata.name"
        || (key == "metadata.namespace" && resource.namespaced)
        || extra.contains(&key)
}

fn field_text(object: &Value, key: &str) -> String {
    // An event says who wrote it in one of two places.
    if key == "source" {
        return text_at(object, "source.component");
    }
    text_at(object, key)
}

fn text_at(object: &Value, path: &str) -> String {
    match path
        .split('.')
        .try_fold(object, |value, key| value.get(key))
    {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ if path == "spec.hostNetwork" || path == "spec.unschedulable" => "false".into(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resources::Registry;

    #[test]
    fn label_selectors_select() {
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front", "n": "5"}}});
        let check = |text: &str, expected: bool| {
            assert_eq!(
                LabelSelector::parse(text).unwrap().matches(&object),
                expected,
                "{text}"
            );
        };
        check("", true);
        check("app=web", true);
        check("app==web,tier=front", true);
        check("app!=web", false);
        check("other!=web", true);
        check("app in (db, web),tier notin (back)", true);
        check("app notin (web)", false);
        check("app,!gone", true);
        check("!app", false);
        check("n>4,n<6", true);
        check("n>5", false);
    }

    #[test]
    fn malformed_label_selectors_are_refused() {
        for text in ["a in b", "a in (b", "a b", "=x", "a=b c", "a xin (b)"] {
            assert_eq!(
                LabelSelector::parse(text).map_err(|s| s.code),
                Err(400),
                "{text}"
            );
        }
    }

    #[test]
    fn field_selectors_select_and_refuse_unknown_fields() {
        let registry = Registry::default();
        let events = registry.by_kind("Event").unwrap();
        let event = json!({"metadata": {"name": "e"}, "type": "Warning", "involvedObject": {"kind": "Pod", "name": "p"}});
        let matches = |text: &str| FieldSelector::parse(text, events).unwrap().matches(&event);
        assert!(matches(
            "involvedObject.kind=Pod,involvedObject.name==p,type!=Normal"
        ));
        assert!(!matches("metadata.name=other"));
        assert_eq!(
            FieldSelector::parse("spec.x=1", events).map_err(|s| s.message),
            Err("field label not supported: spec.x".into())
        );
    }

    fn check_selects(selector: Value, labels: Value, expected: bool) {
        assert_eq!(
            selects(Some(&selector), labels.as_object()),
            expected,
            "{selector} on {labels}"
        );
    }

    #[test]
    fn selectors_need_every_term() {
        let labels = json!({"app": "web", "tier": "front"});
        check_selects(json!({}), labels.clone(), true);
        check_selects(json!({"matchLabels": {"app": "web"}}), labels.clone(), true);
        check_selects(
            json!({"matchLabels": {"app": "web", "tier": "back"}}),
            labels.clone(),
            false,
        );
        let expression = |operator, values| json!({"matchExpressions": [{"key": "app", "operator": operator, "values": values}]});
        check_selects(expression("In", json!(["db", "web"])), labels.clone(), true);
        check_selects(expression("NotIn", json!(["db"])), labels.clone(), true);
        check_selects(expression("Exists", json!([])), labels.clone(), true);
        check_selects(expression("DoesNotExist", json!([])), labels, false);
        assert!(!selects(None, None), "an absent selector selects nothing");
    }
}
