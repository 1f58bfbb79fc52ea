//! One pod of a StatefulSet: its ordinal, its identity, its volumes.

use serde_json::{Value, json};

use crate::controllers::object::{items, label, name, text};
use crate::controllers::pods::from_template;
use crate::controllers::write::Write;

use super::{REVISION_HASH, claims};

/// The label with a pod's own name, for Services of one pod.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The label with a pod's ordinal.
const POD_INDEX: &str = "apps.kubernetes.io/pod-index";

/// Returns the ordinal in the name of `pod`, if the name is one of the set's.
pub fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    let digits = name(pod).strip_prefix(name(set))?.strip_prefix('-')?;
    digits
        .parse::<u32>()
        .ok()
        .map(i64::from)
        .filter(|ordinal| ordinal.to_string() == digits)
}

/// Returns the pod of an ordinal, made of a revision's template.
pub fn build(set: &Value, template: &Value, revision: &str, ordinal: i64) -> Value {
    let mut pod = from_template(template, set);
    let pod_name = format!("{}-{ordinal}", name(set));
    pod["metadata"]["generateName"] = json!(format!("{}-", name(set)));
    pod["metadata"]["labels"][POD_NAME] = json!(pod_name);
    pod["metadata"]["labels"][POD_INDEX] = json!(ordinal.to_string());
    pod["metadata"]["labels"][REVISION_HASH] = json!(revision);
    pod["spec"]["hostname"] = json!(pod_name);
    let service = text(set, "/spec/serviceName");
    if !service.is_empty() {
        pod["spec"]["subdomain"] = json!(service);
    }
    pod["metadata"]["name"] = json!(pod_name);
    let templates = items(set, "/spec/volumeClaimTemplates");
    if !templates.is_empty() {
        let mut volumes: Vec<Value> = templates
            .iter()
            .map(|template| {
                let claim_name = claims::claim_name(set, template, ordinal);
                json!({"name": name(template), "persistentVolumeClaim": {"claimName": claim_name}})
            })
            .collect();
        let is_own = |volume: &&Value| {
            !templates
                .iter()
                .any(|template| name(template) == text(volume, "/name"))
        };
        volumes.extend(items(&pod, "/spec/volumes").iter().filter(is_own).cloned());
        pod["spec"]["volumes"] = Value::Array(volumes);
    }
    pod
}

/// Returns the write that gives a pod back the label of its name.
pub fn fix_identity(set: &Value, pod: &Value) -> Option<Write> {
    let is_kept = label(pod, POD_NAME) == Some(name(pod));
    (!is_kept).then(|| {
        Write::update(pod, |pod| {
            let pod_name = pod["metadata"]["name"].clone();
            let ordinal = ordinal(set, pod).unwrap_or_default();
            pod["metadata"]["labels"][POD_NAME] = pod_name;
            pod["metadata"]["labels"][POD_INDEX] = json!(ordinal.to_string());
        })
    })
}
