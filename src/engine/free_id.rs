//! An ID that nobody uses, for when the one that was asked for is taken. Pure.

use super::metadata::Metadata;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{GroupKind, Object};

/// The highest number that is tried.
const MAX_NUMBER: u32 = 1000;

/// Returns the first of `web-2`, `web-3`, … under which everything that was rendered for `id` could be made: nothing of the
/// namespace bears its labels or one of its names.
pub(super) fn free_id(
    id: &InstanceId,
    rendered: &[Object],
    found: &[Object],
) -> Option<InstanceId> {
    let stem = stem(id.as_str());
    let candidates = (2..=MAX_NUMBER).filter_map(|number| format!("{stem}-{number}").parse().ok());
    let is_free = |candidate: &InstanceId| {
        candidate != id && !found.iter().any(|it| meets(it, candidate, id, rendered))
    };
    candidates.into_iter().find(is_free)
}

/// Returns an ID without the number that it was made different by.
fn stem(id: &str) -> &str {
    match id.rsplit_once('-') {
        Some((stem, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => id,
    }
}

fn meets(found: &Object, candidate: &InstanceId, id: &InstanceId, rendered: &[Object]) -> bool {
    let is_named = |rendered: &Object| {
        let rest = rendered.key.name.strip_prefix(id.as_str());
        GroupKind::of(&rendered.key) == GroupKind::of(&found.key)
            && rest
                .is_some_and(|rest| found.key.name.strip_prefix(candidate.as_str()) == Some(rest))
    };
    let is_claim = || {
        found.key.kind == "PersistentVolumeClaim"
            && naming::claim_ordinal(&found.key.name, candidate.as_str()).is_some()
    };
    Metadata::of(found).label(naming::LABEL_INSTANCE) == Some(candidate.as_str())
        || found.key.name == naming::record(candidate)
        || is_claim()
        || rendered.iter().any(is_named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, instance: Option<&str>) -> Object {
        let json = json!({
            "apiVersion": "v1", "kind": kind,
            "metadata": {"name": name, "labels": {"app.kubernetes.io/instance": instance}},
        });
        Object::from_json(json).unwrap()
    }

    fn check(id: &str, found: &[Object], expected: &str) {
        let rendered = ["", "-config"].map(|rest| object("Service", &format!("{id}{rest}"), None));
        let free = free_id(&id.parse().unwrap(), &rendered, found);
        assert_eq!(free.unwrap().as_str(), expected);
    }

    #[test]
    fn a_free_id_meets_no_name_and_no_label() {
        check("web", &[], "web-2");
        check("web-2", &[], "web-3");
        check("web-7", &[], "web-2");
        check("web-x", &[], "web-x-2");
        let found = [
            object("Service", "web-2", None),
            object("ConfigMap", "bowline-web-3", None),
            object("PersistentVolumeClaim", "data-web-4-0", None),
            object("Secret", "somehow", Some("web-5")),
            object("Service", "web-6-config", None),
            object("Secret", "web-7", None),
        ];
        check("web", &found, "web-7");
    }
}
