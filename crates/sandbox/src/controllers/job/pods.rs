//! The pods of a Job as they are made.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::controllers::object::{int, items, name, namespace, uid};
use crate::controllers::pods::{from_template, generated_name};
use crate::controllers::view::View;
use crate::controllers::write::{Note, Write};

use super::tally::{INDEX, Tally, index_of};
use super::{COMPONENT, TRACKING};

/// Returns the creations of as many pods as are missing.
pub fn new_pods(
    view: &View,
    job: &Value,
    active: &[&Value],
    tally: &Tally<'_>,
    missing: usize,
    now: Timestamp,
) -> Vec<Write> {
    let indexes: Vec<Option<i64>> = match &tally.indexes {
        None => vec![None; missing],
        Some(done) => {
            let taken: BTreeSet<i64> = active.iter().filter_map(|pod| index_of(pod)).collect();
            let all = 0..int(job, "/spec/completions").unwrap_or(1);
            let free = all.filter(|index| !done.contains(index) && !taken.contains(index));
            free.take(missing).map(Some).collect()
        }
    };
    let made = indexes.into_iter().enumerate().flat_map(|(nth, index)| {
        let seed = format!("{} {now} {nth}", uid(job));
        let pod = new_pod(view, job, index, &seed);
        let message = format!("Created pod: {}", name(&pod));
        let note = Note::normal(COMPONENT, job, "SuccessfulCreate", message);
        [Write::Create(pod), Write::Event(note)]
    });
    made.collect()
}

fn new_pod(view: &View, job: &Value, index: Option<i64>, seed: &str) -> Value {
    let mut pod = from_template(&job["spec"]["template"], job);
    let mut finalizers = items(&pod, "/metadata/finalizers").to_vec();
    finalizers.push(json!(TRACKING));
    pod["metadata"]["finalizers"] = json!(finalizers);
    let prefix = match index {
        Some(index) => format!("{}-{index}-", name(job)),
        None => format!("{}-", name(job)),
    };
    let pod_name = generated_name(view, namespace(job), &prefix, seed);
    pod["metadata"]["name"] = json!(pod_name);
    pod["metadata"]["generateName"] = json!(prefix);
    if let Some(index) = index {
        number(&mut pod, index, name(job));
    }
    pod
}

/// Numbers a pod in all the places where its program may look.
fn number(pod: &mut Value, index: i64, job: &str) {
    pod["metadata"]["labels"][INDEX] = json!(index.to_string());
    pod["metadata"]["annotations"][INDEX] = json!(index.to_string());
    if pod["spec"]["hostname"].is_null() {
        pod["spec"]["hostname"] = json!(format!("{job}-{index}"));
    }
    let path = format!("metadata.labels['{INDEX}']");
    let variable = json!({
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}},
    });
    for list in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let mut env = items(container, "/env").to_vec();
            env.push(variable.clone());
            container["env"] = json!(env);
        }
    }
}
