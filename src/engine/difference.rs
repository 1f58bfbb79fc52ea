//! What changes in an object, line by line: without what the server keeps for itself, and with secrets masked. Pure.

use std::time::{Duration, Instant};

use serde_json::Value;
use similar::{DiffTag, group_diff_ops};

use super::plan::{DiffLine, DiffSide};
use crate::definition::naming;
use crate::definition::yaml::to_yaml;
use crate::line_diff;
use crate::text;

/// Unchanged lines that are shown around a change.
const CONTEXT: usize = 3;
/// Up to so many lines of both sides a difference is exact: however much they differ, it is found in a moment.
const EXACT_UP_TO: usize = 3000;
/// How long a difference of more lines may be looked for; after that it is coarser.
const PATIENCE: Duration = Duration::from_millis(200);
/// What the server keeps in the metadata for itself.
const SERVERS_OWN: [&str; 8] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];

/// Returns an object without what the server keeps for itself.
pub(super) fn normalized(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in SERVERS_OWN {
            metadata.remove(key);
        }
    }
    if object["kind"] == "StatefulSet" {
        strip_claim_templates(&mut object);
    }
    object
}

/// Removes what servers give the claim templates of a set, which nobody asked for and nobody can change: a status, and that
/// they are claims.
fn strip_claim_templates(set: &mut Value) {
    let templates = set.pointer_mut("/spec/volumeClaimTemplates");
    let templates = templates
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten();
    for template in templates.filter_map(Value::as_object_mut) {
        for key in ["status", "apiVersion", "kind"] {
            template.remove(key);
        }
    }
}

/// Returns the difference between two states of an object, none standing for its absence.
pub(super) fn difference(old: Option<&Value>, new: Option<&Value>) -> Vec<DiffLine> {
    let (mut old, mut new) = (old.map(normalized), new.map(normalized));
    mask(old.as_mut(), new.as_mut());
    let [old, new] = [old, new].map(|object| object.as_ref().map_or_else(String::new, to_yaml));
    lines(&old, &new)
}

/// Returns the difference between two texts, with some unchanged lines around each change.
pub(super) fn lines(old: &str, new: &str) -> Vec<DiffLine> {
    let [old, new] = [old, new].map(|text| text.split_inclusive('\n').collect::<Vec<_>>());
    let is_large = old.len() + new.len() > EXACT_UP_TO;
    let deadline = is_large.then(|| Instant::now() + PATIENCE);
    let ops = line_diff::fewest_changes(&old, &new, deadline);
    let mut lines = Vec::new();
    for (idx, group) in group_diff_ops(ops, CONTEXT).iter().enumerate() {
        let starts_late = group.first().is_some_and(|op| op.old_range().start > 0);
        if idx > 0 || starts_late {
            lines.push(line(DiffSide::Gap, ""));
        }
        for op in group {
            let (before, after) = (&old[op.old_range()], &new[op.new_range()]);
            let sides: &[(DiffSide, &[&str])] = match op.tag() {
                DiffTag::Equal => &[(DiffSide::Both, before)],
                _ => &[(DiffSide::Old, before), (DiffSide::New, after)],
            };
            for (side, texts) in sides {
                lines.extend(texts.iter().map(|text| line(*side, text)));
            }
        }
    }
    lines
}

fn line(side: DiffSide, text: &str) -> DiffLine {
    let text = text::clean(text.trim_end_matches('\n')).into_owned();
    DiffLine { side, text }
}

/// Replaces the values of Secrets, so that one sees that a value changes and never what it is.
fn mask(old: Option<&mut Value>, new: Option<&mut Value>) {
    let before = old.as_deref().cloned();
    let after = new.as_deref().cloned();
    if let Some(old) = old {
        mask_one(old, after.as_ref(), "*** (before)");
    }
    if let Some(new) = new {
        mask_one(new, before.as_ref(), "*** (after)");
    }
}

fn mask_one(object: &mut Value, other: Option<&Value>, changed: &str) {
    if object["kind"] != "Secret" {
        return;
    }
    if let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(naming::LAST_APPLIED);
    }
    for field in ["data", "stringData"] {
        let Some(values) = object.get_mut(field).and_then(Value::as_object_mut) else {
            continue;
        };
        for (key, value) in values.iter_mut() {
            let counterpart = other.and_then(|other| other.get(field)?.get(key));
            let is_changed = counterpart.is_some_and(|counterpart| counterpart != value);
            *value = Value::from(if is_changed { changed } else { "***" });
        }
    }
}

/// Returns what applying an object would make of a live one, without asking the server: fields are laid over it, lists of
/// named things by name. What the server would set or convert itself is not known here.
pub(super) fn laid_over(live: &Value, wanted: &Value) -> Value {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let mut merged = live.clone();
            for (key, value) in wanted {
                let under = live.get(key).unwrap_or(&Value::Null);
                merged.insert(key.clone(), laid_over(under, value));
            }
            Value::Object(merged)
        }
        (Value::Array(live), Value::Array(wanted)) => {
            let named = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
            let under = |idx: usize, item: &Value| match named(item) {
                Some(name) => live
                    .iter()
                    .find(|live| named(live).as_ref() == Some(&name))
                    .cloned(),
                None if item.is_object() => live.get(idx).cloned(),
                None => None,
            };
            let merged = wanted
                .iter()
                .enumerate()
                .map(|(idx, item)| laid_over(&under(idx, item).unwrap_or(Value::Null), item));
            Value::Array(merged.collect())
        }
        _ => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(old: Option<Value>, new: Option<Value>, expected: &[&str]) {
        let sign = |line: &DiffLine| match line.side {
            DiffSide::Both => format!("  {}", line.text),
            DiffSide::Old => format!("- {}", line.text),
            DiffSide::New => format!("+ {}", line.text),
            DiffSide::Gap => "…".to_owned(),
        };
        let shown: Vec<_> = difference(old.as_ref(), new.as_ref())
            .iter()
            .map(sign)
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_the_server_keeps_for_itself_is_no_difference() {
        let old = json!({"kind": "Service", "metadata": {"name": "web", "resourceVersion": "1", "generation": 1}});
        let new = json!({"kind": "Service", "metadata": {"name": "web", "resourceVersion": "2", "generation": 2},
                         "status": {"loadBalancer": {}}});
        check(Some(old), Some(new), &[]);
    }

    #[test]
    fn what_a_server_gives_claim_templates_is_no_difference() {
        let set = |template: Value| json!({"kind": "StatefulSet", "spec": {"volumeClaimTemplates": [template]}});
        let wanted = json!({"metadata": {"name": "data"}, "spec": {}});
        let live = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {},
                          "status": {"phase": "Pending"}});
        check(Some(set(live)), Some(set(wanted)), &[]);
    }

    #[test]
    fn changed_lines_stand_between_unchanged_ones() {
        let map = |b: u32| json!({"a": 1, "b": b, "c": 3, "d": 4, "e": 5, "f": 6});
        check(
            Some(map(2)),
            Some(map(7)),
            &["  a: 1", "- b: 2", "+ b: 7", "  c: 3", "  d: 4", "  e: 5"],
        );
    }

    #[test]
    fn a_new_object_is_all_new() {
        check(None, Some(json!({"kind": "Service"})), &["+ kind: Service"]);
    }

    #[test]
    fn values_of_secrets_are_never_shown() {
        let secret =
            |token: &str| json!({"kind": "Secret", "data": {"same": "Zg==", "token": token}});
        let expected = [
            "  data:",
            "    same: '***'",
            "-   token: '*** (before)'",
            "+   token: '*** (after)'",
            "  kind: Secret",
        ];
        let lines = difference(Some(&secret("b2xk")), Some(&secret("bmV3")));
        let text: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
        assert!(!text.join("\n").contains("b2xk") && !text.join("\n").contains("bmV3"));
        let text: String = text.join("|").replace('"', "'");
        for line in expected {
            assert!(
                text.contains(line[2..].trim()),
                "{line} is missing in {text}"
            );
        }
    }

    #[test]
    fn values_that_are_not_encoded_are_not_shown_either() {
        let secret = |token: &str| json!({"kind": "Secret", "stringData": {"token": token}});
        check(
            Some(secret("old")),
            Some(secret("new")),
            &[
                "  kind: Secret",
                "  stringData:",
                "-   token: \"*** (before)\"",
                "+   token: \"*** (after)\"",
            ],
        );
    }

    #[test]
    fn what_kubectl_left_of_a_secret_in_an_annotation_is_not_shown() {
        let secret = |token: &str| {
            let left = format!("{{\"data\":{{\"token\":\"{token}\"}}}}");
            json!({"kind": "Secret", "metadata": {"annotations": {naming::LAST_APPLIED: left, "note": token.len().to_string()}}})
        };
        check(
            Some(secret("b2xk")),
            Some(secret("bmV3ZXI=")),
            &[
                "  kind: Secret",
                "  metadata:",
                "    annotations:",
                "-     note: \"4\"",
                "+     note: \"8\"",
            ],
        );
    }

    #[test]
    fn a_local_difference_lays_named_things_over_their_like() {
        let live = json!({"replicas": 1, "containers": [
            {"name": "proxy", "image": "proxy:1"},
            {"name": "web", "image": "web:1", "pullPolicy": "Always"},
        ]});
        let wanted = json!({"containers": [{"name": "web", "image": "web:2"}]});
        let merged = json!({"replicas": 1, "containers": [{"name": "web", "image": "web:2", "pullPolicy": "Always"}]});
        assert_eq!(laid_over(&live, &wanted), merged);
    }
}
