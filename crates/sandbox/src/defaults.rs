//! The values that fields have when they are left out, as the real server fills them in on every write.

use serde_json::{Value, json};

use crate::resources::Resource;

/// Fills in what is left out.
pub(crate) fn apply(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => {
            pod_spec(&mut object["spec"]);
            put(&mut object["spec"], "enableServiceLinks", true);
            requests(&mut object["spec"]);
        }
        ("", "Service") => service(&mut object["spec"]),
        ("", "PersistentVolumeClaim") => put(&mut object["spec"], "volumeMode", "Filesystem"),
        ("", "PersistentVolume") => {
            put(&mut object["spec"], "volumeMode", "Filesystem");
            put(
                &mut object["spec"],
                "persistentVolumeReclaimPolicy",
                "Retain",
            );
        }
        ("", "Secret") => secret(object),
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            put(
                object_at(&mut object["metadata"], "labels"),
                "kubernetes.io/metadata.name",
                name,
            );
        }
        ("", "Event") => put(object, "type", "Normal"),
        ("apps", "Deployment") => deployment(&mut object["spec"]),
        ("apps", "StatefulSet") => stateful_set(&mut object["spec"]),
        ("apps", "ReplicaSet") => {
            put(&mut object["spec"], "replicas", 1);
            pod_spec(&mut object["spec"]["template"]["spec"]);
        }
        ("apps", "DaemonSet") => daemon_set(&mut object["spec"]),
        ("batch", "Job") => job(object),
        ("batch", "CronJob") => cron_job(&mut object["spec"]),
        ("storage.k8s.io", "StorageClass") => {
            put(object, "reclaimPolicy", "Delete");
            put(object, "volumeBindingMode", "Immediate");
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            put(object, "preemptionPolicy", "PreemptLowerPriority");
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => {}
    }
}

/// Gives a new object the status it begins with, in place of whatever a client says.
pub(crate) fn status_at_creation(resource: &Resource, object: &mut Value) {
    if !resource.has_subresource("status") || resource.kind == "Node" {
        return;
    }
    let status = match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => Some(json!({"phase": "Pending", "qosClass": qos_class(&object["spec"])})),
        ("", "PersistentVolumeClaim" | "PersistentVolume") => Some(json!({"phase": "Pending"})),
        ("", "Namespace") => Some(json!({"phase": "Active"})),
        ("", "Service") | ("networking.k8s.io", "Ingress") => Some(json!({"loadBalancer": {}})),
        ("apps", "StatefulSet" | "ReplicaSet") => Some(json!({"replicas": 0})),
        ("apps", "Deployment") | ("batch", "Job" | "CronJob") => Some(json!({})),
        ("apps", "DaemonSet") => Some(
            json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0,
            "numberMisscheduled": 0, "numberReady": 0}),
        ),
        ("apiextensions.k8s.io", _) => Some(established(object)),
        _ => None,
    };
    match (status, object.as_object_mut()) {
        (Some(status), Some(map)) => drop(map.insert("status".into(), status)),
        (None, Some(map)) => drop(map.remove("status")),
        _ => {}
    }
}

/// Puts a value where there is none.
fn put(map: &mut Value, key: &str, value: impl Into<Value>) {
    if map.get(key).is_none_or(Value::is_null) && (map.is_object() || map.is_null()) {
        map[key] = value.into();
    }
}

fn object_at<'a>(map: &'a mut Value, key: &str) -> &'a mut Value {
    put(map, key, json!({}));
    &mut map[key]
}

/// Returns the items of a list; a list that is left out is not put there by looking for it.
fn each<'a>(map: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    map.get_mut(list)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn deployment(spec: &mut Value) {
    put(spec, "replicas", 1);
    put(spec, "revisionHistoryLimit", 10);
    put(spec, "progressDeadlineSeconds", 600);
    let strategy = object_at(spec, "strategy");
    put(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = object_at(strategy, "rollingUpdate");
        put(rolling, "maxSurge", "25%");
        put(rolling, "maxUnavailable", "25%");
    }
    pod_spec(&mut spec["template"]["spec"]);
}

fn stateful_set(spec: &mut Value) {
    put(spec, "replicas", 1);
    put(spec, "revisionHistoryLimit", 10);
    put(spec, "podManagementPolicy", "OrderedReady");
    let strategy = object_at(spec, "updateStrategy");
    put(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        put(object_at(strategy, "rollingUpdate"), "partition", 0);
    }
    let retention = object_at(spec, "persistentVolumeClaimRetentionPolicy");
    put(retention, "whenDeleted", "Retain");
    put(retention, "whenScaled", "Retain");
    for claim in each(spec, "volumeClaimTemplates") {
        put(claim, "apiVersion", "v1");
        put(claim, "kind", "PersistentVolumeClaim");
        put(object_at(claim, "spec"), "volumeMode", "Filesystem");
        put(object_at(claim, "status"), "phase", "Pending");
    }
    pod_spec(&mut spec["template"]["spec"]);
}

fn daemon_set(spec: &mut Value) {
    put(spec, "revisionHistoryLimit", 10);
    let strategy = object_at(spec, "updateStrategy");
    put(strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let rolling = object_at(strategy, "rollingUpdate");
        put(rolling, "maxSurge", 0);
        put(rolling, "maxUnavailable", 1);
    }
    pod_spec(&mut spec["template"]["spec"]);
}

/// A Job of which only the number at a time is said ends when one pod succeeds.
fn job(job: &mut Value) {
    let labels = job["spec"]["template"]["metadata"]["labels"].clone();
    let has_labels = count_of(&job["metadata"]["labels"]) > 0;
    if count_of(&labels) > 0 && !has_labels {
        job["metadata"]["labels"] = labels;
    }
    let spec = &mut job["spec"];
    if spec["parallelism"].is_null() {
        put(spec, "completions", 1);
    }
    put(spec, "parallelism", 1);
    put(spec, "backoffLimit", 6);
    put(spec, "completionMode", "NonIndexed");
    put(spec, "suspend", false);
    put(spec, "manualSelector", false);
    let replacement = match spec["podFailurePolicy"].is_null() {
        true => "TerminatingOrFailed",
        false => "Failed",
    };
    put(spec, "podReplacementPolicy", replacement);
    pod_spec(&mut spec["template"]["spec"]);
}

fn count_of(map: &Value) -> usize {
    map.as_object().map_or(0, serde_json::Map::len)
}

fn cron_job(spec: &mut Value) {
    put(spec, "concurrencyPolicy", "Allow");
    put(spec, "suspend", false);
    put(spec, "successfulJobsHistoryLimit", 3);
    put(spec, "failedJobsHistoryLimit", 1);
    pod_spec(&mut spec["jobTemplate"]["spec"]["template"]["spec"]);
}

fn service(spec: &mut Value) {
    put(spec, "type", "ClusterIP");
    put(spec, "sessionAffinity", "None");
    if spec["sessionAffinity"] == "ClientIP" {
        put(
            object_at(object_at(spec, "sessionAffinityConfig"), "clientIP"),
            "timeoutSeconds",
            10800,
        );
    }
    if spec["type"] != "ExternalName" {
        put(spec, "internalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "NodePort" || spec["type"] == "LoadBalancer" {
        put(spec, "externalTrafficPolicy", "Cluster");
    }
    if spec["type"] == "LoadBalancer" {
        put(spec, "allocateLoadBalancerNodePorts", true);
    }
    for port in each(spec, "ports") {
        put(port, "protocol", "TCP");
        let number = port["port"].clone();
        put(port, "targetPort", number);
    }
}

fn secret(secret: &mut Value) {
    use base64::Engine;
    put(secret, "type", "Opaque");
    let texts = secret
        .as_object_mut()
        .and_then(|map| map.remove("stringData"));
    for (key, text) in texts
        .as_ref()
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
        object_at(secret, "data")[key] = json!(encoded);
    }
}

fn definition(object: &mut Value) {
    let names = object_at(&mut object["spec"], "names");
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    put(names, "singular", kind.to_lowercase());
    put(names, "listKind", format!("{kind}List"));
    put(
        object_at(&mut object["spec"], "conversion"),
        "strategy",
        "None",
    );
}

fn established(object: &Value) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": object["metadata"]["creationTimestamp"]})
    };
    json!({
        "acceptedNames": object["spec"]["names"],
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "storedVersions": object["spec"]["versions"].as_array().into_iter().flatten()
            .filter(|version| version["storage"] == true).map(|version| version["name"].clone()).collect::<Vec<_>>(),
    })
}

fn pod_spec(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    put(spec, "restartPolicy", "Always");
    put(spec, "terminationGracePeriodSeconds", 30);
    put(spec, "dnsPolicy", "ClusterFirst");
    put(spec, "securityContext", json!({}));
    put(spec, "schedulerName", "default-scheduler");
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        put(spec, "serviceAccount", account);
    }
    for list in ["containers", "initContainers"] {
        for each_container in each(spec, list) {
            container(each_container);
        }
    }
    for each_volume in each(spec, "volumes") {
        volume(each_volume);
    }
}

fn container(container: &mut Value) {
    put(container, "resources", json!({}));
    put(container, "terminationMessagePath", "/dev/termination-log");
    put(container, "terminationMessagePolicy", "File");
    let image = container["image"].as_str().unwrap_or_default();
    put(
        container,
        "imagePullPolicy",
        if is_moving(image) {
            "Always"
        } else {
            "IfNotPresent"
        },
    );
    each(container, "ports").for_each(|port| put(port, "protocol", "TCP"));
    for field in
        each(container, "env").filter_map(|variable| variable.pointer_mut("/valueFrom/fieldRef"))
    {
        put(field, "apiVersion", "v1");
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(each_probe) = container.get_mut(name) {
            probe(each_probe);
        }
    }
}

/// What is limited is requested, where nothing else is said. Of pods alone: templates stay as they were written.
fn requests(spec: &mut Value) {
    for list in ["containers", "initContainers"] {
        for container in each(spec, list) {
            let limits = container["resources"]["limits"].as_object().cloned();
            let limits = limits.unwrap_or_default();
            if limits.is_empty() {
                continue;
            }
            let requests = object_at(&mut container["resources"], "requests");
            for (name, quantity) in limits {
                put(requests, &name, quantity);
            }
        }
    }
}

/// An image without a tag, or with `latest`, may be another one tomorrow.
fn is_moving(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    !last.contains('@') && last.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn probe(probe: &mut Value) {
    for (key, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        put(probe, key, value);
    }
    if let Some(http) = probe.get_mut("httpGet") {
        put(http, "path", "/");
        put(http, "scheme", "HTTP");
    }
    if let Some(grpc) = probe.get_mut("grpc") {
        put(grpc, "service", "");
    }
}

fn volume(volume: &mut Value) {
    for source in ["configMap", "secret", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(source) {
            put(source, "defaultMode", 420);
        }
    }
    if let Some(path) = volume.get_mut("hostPath") {
        put(path, "type", "");
    }
    let has_source = volume.as_object().is_some_and(|map| map.len() > 1);
    if !has_source {
        put(volume, "emptyDir", json!({}));
    }
}

fn qos_class(spec: &Value) -> &'static str {
    let containers = || {
        ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| spec[list].as_array().into_iter().flatten())
    };
    let has = |container: &Value, list: &str, name: &str| {
        container["resources"][list].get(name).is_some()
    };
    let names = ["cpu", "memory"];
    let any = containers().any(|c| {
        names
            .iter()
            .any(|n| has(c, "requests", n) || has(c, "limits", n))
    });
    let all = containers().all(|c| {
        names.iter().all(|n| {
            let (request, limit) = (&c["resources"]["requests"][n], &c["resources"]["limits"][n]);
            !limit.is_null() && (request.is_null() || request == limit)
        })
    });
    match (any, all) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Registry;

    #[test]
    fn images_that_move_are_always_pulled() {
        let check = |image: &str, expected: bool| assert_eq!(is_moving(image), expected, "{image}");
        check("nginx", true);
        check("nginx:latest", true);
        check("nginx:1", false);
        check("host:5000/nginx", true);
        check("host:5000/nginx:1", false);
        check("nginx@sha256:abc", false);
    }

    #[test]
    fn a_deployment_is_filled_in_as_a_real_server_does() {
        let registry = Registry::default();
        let mut object = json!({"spec": {"template": {"spec": {"containers": [
            {"name": "a", "image": "x:1", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1"}}},
        ]}}}});
        apply(registry.by_kind("Deployment").unwrap(), &mut object);
        let expected = json!({"spec": {
            "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"spec": {
                "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst",
                "securityContext": {}, "schedulerName": "default-scheduler",
                "containers": [{
                    "name": "a", "image": "x:1", "imagePullPolicy": "IfNotPresent",
                    "ports": [{"containerPort": 80, "protocol": "TCP"}],
                    "resources": {"limits": {"cpu": "1"}},
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                }],
            }},
        }});
        assert_eq!(object, expected);
    }

    #[test]
    fn what_is_left_out_is_not_put_there_by_looking_for_it() {
        let registry = Registry::default();
        let mut object = json!({"spec": {"clusterIP": "None"}});
        apply(registry.by_kind("Service").unwrap(), &mut object);
        assert_eq!(object["spec"].get("ports"), None);
        let mut object = json!({"spec": {"template": {"spec": {"containers": []}}}});
        apply(registry.by_kind("StatefulSet").unwrap(), &mut object);
        assert_eq!(object["spec"].get("volumeClaimTemplates"), None);
    }

    #[test]
    fn string_data_becomes_data() {
        let registry = Registry::default();
        let mut object = json!({"data": {"a": "MQ=="}, "stringData": {"b": "2"}});
        apply(registry.by_kind("Secret").unwrap(), &mut object);
        assert_eq!(
            object,
            json!({"type": "Opaque", "data": {"a": "MQ==", "b": "Mg=="}})
        );
    }
}
