//! What workloads ask of pods: is one active, ready, available; and how a template becomes one.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::kind::Kind;
use super::object::{
    condition, condition_is_true, controller_reference, is_deleting, map, meets, namespace,
    seconds, text, time,
};
use super::view::View;

/// Most pods that a controller makes in one turn: it looks again once they are there.
pub const BURST: usize = 500;

/// Returns whether a pod counts towards its workload: neither finished nor on its way out.
pub fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !is_deleting(pod)
}

/// Returns whether a pod's containers have ended for good.
pub fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Returns whether a pod's `Ready` condition is true.
pub fn is_ready(pod: &Value) -> bool {
    condition_is_true(pod, "Ready")
}

/// Whether a pod has been ready for as long as its workload asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It is not ready.
    NotReady,
    /// It is ready, and available from then on.
    From(Timestamp),
    /// It is available.
    Available,
}

/// Returns whether a pod has been ready for `min_ready_seconds`.
pub fn availability(pod: &Value, min_ready_seconds: i64, now: Timestamp) -> Availability {
    if !is_ready(pod) {
        return Availability::NotReady;
    }
    let since = condition(pod, "Ready")
        .and_then(|ready| time(ready, "/lastTransitionTime"))
        .unwrap_or(now);
    let available_at = super::object::after(since, min_ready_seconds * 1000);
    if min_ready_seconds == 0 || available_at <= now {
        Availability::Available
    } else {
        Availability::From(available_at)
    }
}

/// Returns the pod that a workload's template makes, without a name.
pub fn from_template(template: &Value, owner: &Value) -> Value {
    let mut metadata = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template
            .pointer(&format!("/metadata/{field}"))
            .filter(|value| !value.is_null())
        {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    metadata.insert("namespace".to_owned(), json!(namespace(owner)));
    metadata.insert(
        "ownerReferences".to_owned(),
        json!([controller_reference(owner)]),
    );
    json!({
        "apiVersion": Kind::Pod.api_version(),
        "kind": Kind::Pod.kind(),
        "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
        "status": {"phase": "Pending"},
    })
}

/// Returns a free pod name of `prefix` and five letters, as `generateName` gives them; the letters come from `seed`.
pub fn generated_name(view: &View, namespace: &str, prefix: &str, seed: &str) -> String {
    // The API cuts the prefix so that the name stays a label value.
    let prefix = &prefix[..prefix.floor_char_boundary(58)];
    let nth_name = |salt: u32| {
        let mut hash = fnv1a_32(format!("{seed} {salt}").as_bytes());
        let letters = std::iter::repeat_with(|| {
            let letter = NAME_ALPHABET[hash as usize % NAME_ALPHABET.len()];
            hash /= NAME_ALPHABET.len() as u32;
            char::from(letter)
        });
        prefix.chars().chain(letters.take(5)).collect::<String>()
    };
    let is_free = |name: &String| view.find(Kind::Pod, namespace, name).is_none();
    (0..)
        .map(nth_name)
        .find(is_free)
        .expect("a name space of 14 million is never full here")
}

/// Returns whether two pod templates ask for the same pods. The hash label, which a controller adds, and nulls, which
/// mean "absent", make no difference.
pub fn is_same_template(one: &Value, other: &Value) -> bool {
    normal_form(one) == normal_form(other)
}

/// Returns the hash of a template as names and labels carry it: ten letters at most, of the alphabet without vowels.
pub fn template_hash(template: &Value, collisions: i64) -> String {
    let mut text = normal_form(template).to_string();
    if collisions > 0 {
        text.push_str(&collisions.to_string());
    }
    safe_encode(&fnv1a_32(text.as_bytes()).to_string())
}

/// The label by which the pods of one ReplicaSet are told from those of another.
pub const TEMPLATE_HASH: &str = "pod-template-hash";

/// The letters of generated names: no vowels and nothing that looks like one, so that no words arise.
pub const NAME_ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

fn normal_form(template: &Value) -> Value {
    let mut template = without_nulls(template);
    if let Some(labels) = template
        .pointer_mut("/metadata/labels")
        .and_then(Value::as_object_mut)
    {
        labels.remove(TEMPLATE_HASH);
    }
    template
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(field, value)| (field.clone(), without_nulls(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        scalar => scalar.clone(),
    }
}

/// Returns `text` in the letters of generated names.
pub fn safe_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| char::from(NAME_ALPHABET[usize::from(byte) % NAME_ALPHABET.len()]))
        .collect()
}

/// Returns the 32-bit FNV-1a hash of `bytes`.
pub fn fnv1a_32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Returns whether a pod tolerates a taint.
pub fn tolerates(pod: &Value, taint: &Value) -> bool {
    super::object::items(pod, "/spec/tolerations")
        .iter()
        .any(|toleration| {
            let effect = text(toleration, "/effect");
            let key = text(toleration, "/key");
            let same_effect = effect.is_empty() || effect == text(taint, "/effect");
            let same_key = key == text(taint, "/key")
                || (key.is_empty() && text(toleration, "/operator") == "Exists");
            let same_value = text(toleration, "/operator") == "Exists"
                || text(toleration, "/value") == text(taint, "/value");
            same_effect && same_key && same_value
        })
}

/// Returns the value of a node's label.
fn label_of<'a>(node: &'a Value, key: &str) -> Option<&'a str> {
    map(node, "/metadata/labels")?.get(key)?.as_str()
}

/// Returns whether a node meets one of the terms of a node selector; without any, each does.
pub fn meets_terms(terms: Option<&Value>, node: &Value) -> bool {
    terms.and_then(Value::as_array).is_none_or(|terms| {
        terms.iter().any(|term| {
            let labels_met = super::object::items(term, "/matchExpressions");
            let fields_met = super::object::items(term, "/matchFields");
            labels_met
                .iter()
                .all(|requirement| meets(requirement, label_of(node, text(requirement, "/key"))))
                && fields_met
                    .iter()
                    .all(|requirement| meets(requirement, Some(super::object::name(node))))
        })
    })
}

/// Returns whether a node's labels meet a pod's `nodeSelector` and required node affinity.
pub fn wants_node(pod: &Value, node: &Value) -> bool {
    let selected = map(pod, "/spec/nodeSelector")
        .into_iter()
        .flatten()
        .all(|(key, wanted)| {
            label_of(node, key).is_some_and(|value| Some(value) == wanted.as_str())
        });
    let terms = pod.pointer(
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    );
    selected && meets_terms(terms, node)
}

/// Returns a pod's conditions with the given one set, its transition time moved only if its status changed.
pub fn with_condition(
    conditions: &[Value],
    kind: &str,
    status: bool,
    extra: Value,
    now: Timestamp,
) -> Vec<Value> {
    let word = if status { "True" } else { "False" };
    let before = conditions
        .iter()
        .find(|condition| text(condition, "/type") == kind);
    let transition = before
        .filter(|before| text(before, "/status") == word)
        .map_or_else(
            || seconds(now),
            |before| text(before, "/lastTransitionTime").to_owned(),
        );
    let mut set = json!({"lastProbeTime": null, "lastTransitionTime": transition, "status": word, "type": kind});
    for (field, value) in extra.as_object().into_iter().flatten() {
        set[field.as_str()] = value.clone();
    }
    let mut conditions = conditions.to_vec();
    match conditions
        .iter_mut()
        .find(|condition| text(condition, "/type") == kind)
    {
        Some(slot) => *slot = set,
        None => conditions.push(set),
    }
    conditions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_keeps_its_hash_whatever_label_the_controller_added() {
        let plain = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}});
        let labelled = json!({"metadata": {"creationTimestamp": null, "labels": {"app": "web", "pod-template-hash": "x"}},
            "spec": {"containers": []}});
        let other = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{}]}});
        assert_eq!(template_hash(&plain, 0), template_hash(&labelled, 0));
        assert!(is_same_template(&plain, &labelled) && !is_same_template(&plain, &other));
        assert_ne!(template_hash(&plain, 0), template_hash(&other, 0));
        assert_ne!(template_hash(&plain, 0), template_hash(&plain, 1));
        assert!(
            template_hash(&plain, 0)
                .bytes()
                .all(|letter| NAME_ALPHABET.contains(&letter))
        );
    }

    #[test]
    fn fnv_is_the_published_one() {
        assert_eq!(fnv1a_32(b""), 0x811c_9dc5);
        assert_eq!(fnv1a_32(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn a_pod_is_available_once_it_was_ready_long_enough() {
        let now: Timestamp = "2026-01-01T00:00:20Z".parse().unwrap();
        let ready = |status| {
            json!({"status": {"conditions": [
            {"type": "Ready", "status": status, "lastTransitionTime": "2026-01-01T00:00:15Z"}]}})
        };
        let later: Timestamp = "2026-01-01T00:00:25Z".parse().unwrap();
        assert_eq!(
            availability(&ready("False"), 0, now),
            Availability::NotReady
        );
        assert_eq!(
            availability(&ready("True"), 0, now),
            Availability::Available
        );
        assert_eq!(
            availability(&ready("True"), 10, now),
            Availability::From(later)
        );
        assert_eq!(
            availability(&ready("True"), 10, later),
            Availability::Available
        );
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stays() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-01-01T00:00:09Z".parse().unwrap();
        let first = with_condition(&[], "Ready", false, json!({"reason": "A"}), start);
        let second = with_condition(&first, "Ready", false, json!({"reason": "B"}), later);
        let third = with_condition(&second, "Ready", true, json!({}), later);
        assert_eq!(
            second,
            vec![
                json!({"lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:00Z",
            "status": "False", "type": "Ready", "reason": "B"})
            ]
        );
        assert_eq!(
            third,
            vec![
                json!({"lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:09Z",
            "status": "True", "type": "Ready"})
            ]
        );
    }
}
