//! What an instance consists of, to be compared with another one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::{Cluster, name_of};

/// Returns the state of an instance, once what was deleted is gone and its sets have the claims that controllers make for them.
pub(super) async fn settled(cluster: &Cluster, id: &str) -> String {
    loop {
        let (state, n_awaited) = state(cluster, id).await;
        if n_awaited == 0 {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns all that an instance consists of, as far as it depends on neither its ID nor the time, and how many objects are going or
/// to come.
async fn state(cluster: &Cluster, id: &str) -> (String, usize) {
    let (mut state, mut n_awaited, mut claims) = (String::new(), 0, Vec::new());
    for kind in [
        "ConfigMap",
        "Secret",
        "PersistentVolumeClaim",
        "Service",
        "Deployment",
        "StatefulSet",
        "Ingress",
    ] {
        let mut objects = cluster
            .list(kind, &format!("app.kubernetes.io/instance={id}"))
            .await;
        objects.sort_by_key(|object| name_of(object).to_owned());
        if kind == "PersistentVolumeClaim" {
            claims.extend(objects.iter().map(|claim| name_of(claim).to_owned()));
        }
        for object in &objects {
            n_awaited += usize::from(object["metadata"]["deletionTimestamp"].is_string());
            n_awaited += claims_of_set(object)
                .filter(|it| !claims.contains(it))
                .count();
            let text = told(kind, object).to_string();
            state.push_str(&text.replace(id, "ID"));
            state.push('\n');
        }
    }
    (state, n_awaited)
}

/// Returns the names of the claims that a `StatefulSet` gets; none of anything else.
fn claims_of_set(object: &Value) -> impl Iterator<Item = String> {
    let spec = &object["spec"];
    let templates = spec["volumeClaimTemplates"].as_array();
    let n_replicas = spec["replicas"].as_u64().unwrap_or(1);
    templates.into_iter().flatten().flat_map(move |template| {
        let volume = template["metadata"]["name"].as_str().unwrap();
        (0..n_replicas).map(move |ordinal| format!("{volume}-{}-{ordinal}", name_of(object)))
    })
}

fn told(kind: &str, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut annotations = metadata["annotations"].clone();
    let mut labels = metadata["labels"].clone();
    let volatile = [
        "bowline.dev/applied-at",
        "bowline.dev/applied-by",
        "bowline.dev/applied-as",
        "kubernetes.io/change-cause",
        "deployment.kubernetes.io/revision",
    ];
    for key in volatile {
        annotations.as_object_mut().map(|all| all.remove(key));
    }
    for set in [
        "applyset.kubernetes.io/part-of",
        "applyset.kubernetes.io/id",
    ] {
        if let Some(label) = labels.get_mut(set) {
            *label = json!("set");
        }
    }
    // A claim's are those of who binds it.
    if kind == "PersistentVolumeClaim" || annotations == json!({}) {
        annotations = Value::Null;
    }
    let spec = &object["spec"];
    let mut template = spec["template"].clone();
    if let Some(sum) = template.pointer_mut("/metadata/annotations/bowline.dev~1config-checksum") {
        *sum = json!("sum");
    }
    let templates = spec["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten();
    let sizes: Vec<&Value> = templates.map(|it| &it["spec"]["resources"]).collect();
    json!([
        kind,
        metadata["name"],
        labels,
        annotations,
        object["data"],
        object["binaryData"],
        template,
        spec["ports"],
        spec["resources"],
        spec["replicas"],
        spec["rules"],
        sizes,
    ])
}
