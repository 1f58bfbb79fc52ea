//! Fields that can never be changed: which refusals mean that, and what could be done instead. Pure.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::remedy::{HeldLabels, Offer, Remedy};
use crate::definition::check::same_quantity;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{CLAIM, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::service::quantity;

const STATEFUL_SET: &str = "StatefulSet";
const STORAGE: &str = "/spec/resources/requests/storage";
/// Words of the refusals of servers that a field can never be changed.
const WORDS: [&str; 6] = [
    "field is immutable",
    "updates to statefulset spec for fields",
    "spec is immutable after creation",
    "may not change once set",
    "cannot change roleRef",
    "updates to parameters are forbidden",
];
/// Words of the refusal of a claim that should become smaller.
const SHRINK: [&str; 2] = [
    "field can not be less than",
    "can not be less than status.capacity",
];
/// Words of the refusal of a claim whose class does not let it grow: it looks like a missing permission.
const NO_GROWTH: &str = "only dynamically provisioned pvc can be resized";

/// Tells whether a refusal is about a field that can never be changed.
pub(super) fn is_frozen(failure: &Failure) -> bool {
    failure.kind == FailureKind::Invalid && says(failure, &WORDS)
}

/// Tells whether a refusal is about a claim that would become smaller.
pub(super) fn is_shrinking(failure: &Failure) -> bool {
    failure.kind == FailureKind::Invalid && says(failure, &SHRINK)
}

/// Tells whether a refusal is about a claim whose class does not let it grow.
pub(super) fn is_growth_refused(failure: &Failure) -> bool {
    says(failure, &[NO_GROWTH])
}

fn says(failure: &Failure, words: &[&str]) -> bool {
    let told = |text: &str| words.iter().any(|words| text.contains(words));
    told(&failure.summary) || failure.causes.iter().any(|cause| told(&cause.message))
}

/// How the size of a volume differs from what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resize {
    /// Name of the claim template; none for a claim itself.
    pub template: Option<String>,
    pub from: String,
    pub to: String,
}

impl Resize {
    /// Tells whether it asks for more.
    pub fn is_growth(&self) -> bool {
        quantity::compare(&self.to, &self.from) == Some(Ordering::Greater)
    }

    fn what(&self) -> String {
        match &self.template {
            Some(name) => format!("volume {name}"),
            None => "it".to_owned(),
        }
    }
}

/// Returns the sizes that differ between what is there and what is wanted, of a claim or of templates that are in both.
pub(super) fn resizes(live: &Object, wanted: &Object) -> Vec<Resize> {
    let (live, wanted) = (sizes(live), sizes(wanted));
    let both = wanted.into_iter().filter_map(|(template, to)| {
        let from = live.get(&template)?.clone();
        Some(Resize { template, from, to })
    });
    let is_same = |it: &Resize| {
        it.from == it.to || quantity::compare(&it.from, &it.to) == Some(Ordering::Equal)
    };
    both.filter(|it| !is_same(it)).collect()
}

fn sizes(object: &Object) -> BTreeMap<Option<String>, String> {
    let size = |claim: &Value| Some(claim.pointer(STORAGE)?.as_str()?.to_owned());
    match object.key.kind.as_str() {
        CLAIM => size(&object.json)
            .map(|size| (None, size))
            .into_iter()
            .collect(),
        STATEFUL_SET => templates(&object.json)
            .filter_map(|template| {
                let name = template["metadata"]["name"].as_str()?;
                Some((Some(name.to_owned()), size(template)?))
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

fn templates(set: &Value) -> impl Iterator<Item = &Value> {
    let templates = set.pointer("/spec/volumeClaimTemplates");
    templates.and_then(Value::as_array).into_iter().flatten()
}

/// Returns an object with another size of a claim template, or of the claim that it is.
pub(super) fn with_size(object: &Object, template: Option<&str>, size: &str) -> Object {
    let mut object = object.clone();
    let place = match template {
        None => object.json.pointer_mut(STORAGE),
        Some(name) => {
            let templates = object.json.pointer_mut("/spec/volumeClaimTemplates");
            let templates = templates
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten();
            templates
                .into_iter()
                .find(|template| template["metadata"]["name"] == name)
                .and_then(|template| template.pointer_mut(STORAGE))
        }
    };
    if let Some(place) = place {
        *place = Value::from(size);
    }
    object
}

/// Labels of the instance that claim templates bear from their beginning, or never.
const TEMPLATE_LABELS: [&str; 2] = [naming::LABEL_MANAGED_BY, naming::LABEL_INSTANCE];

/// Returns the labels of claim templates that cannot become the instance's: those of a set that was made by others, which keeps
/// its templates for as long as it is there.
pub(super) fn held_labels(live: &Object, wanted: &Object) -> Vec<HeldLabels> {
    if wanted.key.kind != STATEFUL_SET {
        return Vec::new();
    }
    let name_of = |template: &Value| template["metadata"]["name"].as_str().map(str::to_owned);
    let labels_of = |template: &Value| {
        TEMPLATE_LABELS.map(|key| {
            let value = template["metadata"]["labels"][key].as_str();
            (key.to_owned(), value.map(str::to_owned))
        })
    };
    let held = templates(&wanted.json).filter_map(|template| {
        let name = name_of(template)?;
        let before = templates(&live.json).find(|it| name_of(it).as_ref() == Some(&name))?;
        let labels = labels_of(before);
        (labels != labels_of(template)).then(|| HeldLabels {
            key: wanted.key.clone(),
            template: name,
            labels: labels.into(),
        })
    });
    held.collect()
}

/// Returns a set whose claim templates keep labels that they have.
pub(super) fn with_labels(object: &Object, held: &[HeldLabels]) -> Object {
    let mut object = object.clone();
    for HeldLabels {
        template: name,
        labels,
        ..
    } in held.iter().filter(|it| it.key == object.key)
    {
        let templates = object.json.pointer_mut("/spec/volumeClaimTemplates");
        let mut templates = templates
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        let template = templates.find(|template| template["metadata"]["name"] == **name);
        let metadata = template.and_then(|template| template["metadata"].as_object_mut());
        let Some(metadata) = metadata else {
            continue;
        };
        let of = metadata.entry("labels").or_insert_with(|| json!({}));
        let Some(of) = of.as_object_mut() else {
            continue;
        };
        for (key, value) in labels {
            match value {
                Some(value) => drop(of.insert(key.clone(), json!(value))),
                None => drop(of.remove(key)),
            }
        }
        if of.is_empty() {
            metadata.remove("labels");
        }
    }
    object
}

/// Tells whether claims that a live set makes will not bear the labels of an instance.
pub(super) fn makes_unlabelled(set: &Object, id: &InstanceId) -> bool {
    let is_ours = |template: &Value| {
        let labels = &template["metadata"]["labels"];
        labels[naming::LABEL_MANAGED_BY] == naming::MANAGED_BY
            && labels[naming::LABEL_INSTANCE] == id.as_str()
    };
    set.key.kind == STATEFUL_SET && templates(&set.json).any(|template| !is_ours(template))
}

/// Says that a claim never becomes smaller.
pub(super) fn never_shrinks(key: &ObjectKey, resize: &Resize) -> Failure {
    let Resize { from, to, .. } = resize;
    let what = match &resize.template {
        Some(name) => format!("volume {name} of {key}"),
        None => key.to_string(),
    };
    Failure {
        detail: format!("write {from} or more; less takes another volume, with another name"),
        ..Failure::new(
            FailureKind::Refused,
            format!("claims never shrink: {what} has {from}, and {to} is asked for"),
        )
    }
}

/// Says that the class of a claim does not let it grow.
pub(super) fn cannot_grow(claim: &ObjectKey, class: Option<&str>, to: &str) -> Failure {
    let class = match class {
        Some(class) => format!("its class {class}"),
        None => "it was not made by a class, which".to_owned(),
    };
    Failure {
        detail: "keep the size, or move the data to a volume of a class that allows it".to_owned(),
        ..Failure::new(
            FailureKind::Refused,
            format!("{claim} cannot grow to {to}: {class} does not allow claims to grow"),
        )
    }
}

/// Says that the rest of a claim never changes.
pub(super) fn fixed_claim(key: &ObjectKey) -> Failure {
    Failure {
        detail: "give the volume another name: it then gets a new, empty claim, and this one is kept with its data".to_owned(),
        ..Failure::new(
            FailureKind::Refused,
            format!("class, access modes and volume of {key} can never be changed"),
        )
    }
}

/// Returns what is offered in place of growing templates that cannot be changed.
pub(super) fn offer_growth(key: &ObjectKey, growths: &[Resize]) -> Offer {
    let sizes: Vec<String> = growths
        .iter()
        .map(|it| format!("{} from {} to {}", it.what(), it.from, it.to))
        .collect();
    Offer {
        remedy: Remedy::GrowVolumes,
        sentence: format!(
            "grows {} with all its claims, and makes {key} anew while its pods go on running; claims never shrink again",
            sizes.join(", ")
        ),
    }
}

/// Returns what is offered in place of changing an object; none where deleting it would take more along than itself.
pub(super) fn offer_recreation(key: &ObjectKey) -> Option<Offer> {
    // What belongs to the cluster is others' too, and a claim is its data.
    key.namespace.as_ref()?;
    let what_goes = match key.kind.as_str() {
        CLAIM | "Namespace" => return None,
        STATEFUL_SET => "its pods are replaced, claims and their data stay as they are",
        "Deployment" | "DaemonSet" | "ReplicaSet" | "Job" => "its pods are replaced, claims stay",
        "Service" => "it gets another address",
        _ => "nothing of it is kept",
    };
    Some(Offer {
        remedy: Remedy::Recreate,
        sentence: format!("deletes {key} and makes it anew: {what_goes}"),
    })
}

/// Says what of a `StatefulSet` is not as it was made though it can never change: its server names nothing of it.
pub(super) fn unlike(live: &Object, wanted: &Object) -> Option<String> {
    if wanted.key.kind != STATEFUL_SET {
        return None;
    }
    let named = |object: &Object| -> BTreeMap<String, Value> {
        let named = templates(&object.json).filter_map(|template| {
            let name = template["metadata"]["name"].as_str()?;
            Some((name.to_owned(), template["spec"].clone()))
        });
        named.collect()
    };
    let (before, after) = (named(live), named(wanted));
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let mut parts: Vec<String> = gone.map(|name| format!("volume {name} is gone")).collect();
    for (name, spec) in &after {
        match before.get(name) {
            None => parts.push(format!("volume {name} is new")),
            Some(old) => parts.extend(
                template_parts(old, spec)
                    .into_iter()
                    .map(|part| format!("volume {name} has {part}")),
            ),
        }
    }
    let spec = |object: &Object, field: &str| object.json["spec"][field].clone();
    let other = ["serviceName", "podManagementPolicy", "selector"];
    let other = other.into_iter().filter(|field| {
        let wanted = spec(wanted, field);
        !wanted.is_null() && wanted != spec(live, field)
    });
    parts.extend(other.map(|field| format!("spec.{field} is another")));
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn template_parts(old: &Value, new: &Value) -> Vec<&'static str> {
    let mut parts = Vec::new();
    let mut compare = |pointer: &str, part| {
        let (old, new) = (old.pointer(pointer), new.pointer(pointer));
        let is_same_size = old
            .zip(new)
            .is_some_and(|(old, new)| same_quantity(old, new));
        if old != new && !is_same_size {
            parts.push(part);
        }
    };
    compare("/resources/requests/storage", "another size");
    compare("/storageClassName", "another class");
    compare("/accessModes", "another access mode");
    parts
}

/// Says that an object cannot be changed as it should be, and which flags do something about it. `unlike` is what is not as it
/// was made, where that is known.
pub(super) fn refusal(
    key: &ObjectKey,
    failure: Failure,
    unlike: Option<&str>,
    offers: &[Offer],
) -> Failure {
    let detail = match offers {
        [] => {
            "such a field can never be changed: give the object another name, or take it down first"
                .to_owned()
        }
        offers => {
            let lines: Vec<String> = offers.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
    };
    Failure {
        kind: FailureKind::Refused,
        summary: format!(
            "{key} cannot be changed in place: {}",
            reason(&failure, unlike)
        ),
        detail,
        ..failure
    }
}

fn reason(failure: &Failure, unlike: Option<&str>) -> String {
    let told = match failure.causes.first() {
        Some(cause) if !cause.field.is_empty() => format!("{}: {}", cause.field, cause.message),
        _ => failure.summary.clone(),
    };
    match unlike.filter(|_| is_frozen(failure)) {
        Some(unlike) => format!("{unlike} ({told})"),
        None => told,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(templates: &[(&str, &str)]) -> Object {
        let templates: Vec<Value> = templates
            .iter()
            .map(|(name, size)| {
                json!({"metadata": {"name": name}, "spec": {"resources": {"requests": {"storage": size}}}})
            })
            .collect();
        Object::from_json(json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "team-a"},
            "spec": {"volumeClaimTemplates": templates},
        }))
        .unwrap()
    }

    fn check(live: &[(&str, &str)], wanted: &[(&str, &str)], expected: &[(&str, &str, bool)]) {
        let found = resizes(&set(live), &set(wanted));
        let found: Vec<(&str, &str, bool)> = found
            .iter()
            .map(|it| {
                let name = it.template.as_deref().unwrap_or_default();
                (name, it.to.as_str(), it.is_growth())
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sizes_are_compared_by_template_and_by_bytes() {
        check(&[("a", "1Gi")], &[("a", "1024Mi")], &[]);
        check(
            &[("a", "1Gi"), ("b", "2Gi"), ("c", "1Gi")],
            &[("a", "2Gi"), ("b", "1Gi"), ("d", "9Gi")],
            &[("a", "2Gi", true), ("b", "1Gi", false)],
        );
        let lifted = with_size(&set(&[("a", "1Gi"), ("b", "1Gi")]), Some("b"), "3Gi");
        assert_eq!(lifted, set(&[("a", "1Gi"), ("b", "3Gi")]));
    }

    #[test]
    fn templates_keep_the_labels_that_they_have() {
        let labelled = |labels: [Value; 2]| {
            let mut set = set(&[("a", "1Gi"), ("b", "1Gi")]);
            for (idx, labels) in labels.into_iter().enumerate() {
                let template = &mut set.json["spec"]["volumeClaimTemplates"][idx];
                template["metadata"]["labels"] = labels;
            }
            set
        };
        let ours =
            json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "db"});
        let helm = json!({"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop", "tier": "x"});
        let with = |labels: &Value, tier: &str| {
            let mut labels = labels.clone();
            labels["tier"] = json!(tier);
            labels
        };
        let plain = set(&[("a", "1Gi"), ("b", "1Gi")]);
        let wanted = labelled([ours.clone(), ours.clone()]);
        let held = held_labels(&plain, &wanted);
        assert_eq!(with_labels(&wanted, &held), plain);
        assert_eq!(held_labels(&wanted, &wanted), []);
        // Other labels are the definition's own: what it says of them is refused where it cannot be.
        let live = labelled([helm.clone(), ours.clone()]);
        let wanted = labelled([with(&ours, "y"), ours.clone()]);
        let held = held_labels(&live, &wanted);
        assert_eq!(held.len(), 1);
        assert_eq!(
            with_labels(&wanted, &held),
            labelled([with(&helm, "y"), ours.clone()])
        );
        let id = "db".parse().unwrap();
        let unlabelled = [&plain, &live, &labelled([ours.clone(), ours])];
        assert_eq!(
            unlabelled.map(|set| makes_unlabelled(set, &id)),
            [true, true, false]
        );
    }

    #[test]
    fn what_never_changes_of_a_set_is_named() {
        let check = |live: &Object, wanted: &Object, expected: Option<&str>| {
            assert_eq!(unlike(live, wanted).as_deref(), expected);
        };
        let live = set(&[("a", "1Gi"), ("b", "1Gi")]);
        check(&live, &set(&[("a", "1024Mi"), ("b", "1Gi")]), None);
        check(
            &live,
            &set(&[("a", "2Gi"), ("c", "1Gi")]),
            Some("volume b is gone, volume a has another size, volume c is new"),
        );
        let mut other = live.clone();
        other.json["spec"]["serviceName"] = json!("db");
        let template = &mut other.json["spec"]["volumeClaimTemplates"][0]["spec"];
        template["storageClassName"] = json!("fast");
        check(
            &live,
            &other,
            Some("volume a has another class, spec.serviceName is another"),
        );
        // What the server filled in is nobody's wish.
        check(&other, &live, Some("volume a has another class"));
    }

    #[test]
    fn refusals_that_mean_never_are_told_from_others() {
        let check = |kind, summary: &str, expected: [bool; 3]| {
            let failure = Failure::new(kind, summary);
            let found = [
                is_frozen(&failure),
                is_shrinking(&failure),
                is_growth_refused(&failure),
            ];
            assert_eq!(found, expected, "{summary}");
        };
        let (invalid, forbidden) = (FailureKind::Invalid, FailureKind::Forbidden);
        check(
            invalid,
            "spec.selector: Invalid value: x: field is immutable",
            [true, false, false],
        );
        check(
            invalid,
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas'",
            [true, false, false],
        );
        check(
            invalid,
            "spec.clusterIPs[0]: Invalid value: []: may not change once set",
            [true, false, false],
        );
        check(
            invalid,
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
            [false, true, false],
        );
        check(
            forbidden,
            "persistentvolumeclaims \"d\" is forbidden: only dynamically provisioned pvc can be resized and …",
            [false, false, true],
        );
        check(
            forbidden,
            "services is forbidden: User \"x\" cannot patch",
            [false, false, false],
        );
        check(
            invalid,
            "spec.replicas: Invalid value",
            [false, false, false],
        );
    }

    #[test]
    fn what_would_take_others_or_data_along_is_never_made_anew() {
        let key = |kind: &str, namespace: Option<&str>| ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: "x".to_owned(),
        };
        let is_offered = |key: &ObjectKey| offer_recreation(key).is_some();
        assert!(is_offered(&key("Service", Some("team-a"))));
        assert!(is_offered(&key("StatefulSet", Some("team-a"))));
        assert!(!is_offered(&key(CLAIM, Some("team-a"))));
        assert!(!is_offered(&key("CustomResourceDefinition", None)));
    }
}
