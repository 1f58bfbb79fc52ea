//! What an object is without all that servers, controllers and deploying tools put in. Pure.
//!
//! Left out is only what the server puts in again as it is: an apply of the rest changes nothing.

use serde_json::{Map, Value, json};

use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::Object;

/// Metadata that is kept; the rest is the server's.
const METADATA: [&str; 4] = ["name", "namespace", "labels", "annotations"];
/// Beginnings of annotations and labels that tools and controllers set.
const FOREIGN: [&str; 13] = [
    "argocd.argoproj.io/",
    "bowline.dev/",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "fleet.cattle.io/",
    "helm.sh/chart",
    "helm.toolkit.fluxcd.io/",
    "kapp.k14s.io/",
    naming::LAST_APPLIED,
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "pv.kubernetes.io/",
    "applyset.kubernetes.io/",
];
/// Tells of a claim that its volume was not chosen by whoever wrote it.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// Labels by which a server has a Job find its own pods: of another one they would name the pods of this one.
const JOB_MARKS: [&str; 4] = [
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
];
const VOLUME_MARKS: [&str; 2] = ["volume.kubernetes.io/", "volume.beta.kubernetes.io/"];

/// Returns an object as somebody would write it in a definition for this namespace.
pub(super) fn stripped(object: Object, home: &Namespace, keeps_node_ports: bool) -> Option<Object> {
    let mut json = object.json;
    let api_version = json["apiVersion"].take();
    let kind = json["kind"].take();
    let mut metadata = json["metadata"].take();
    let is_chosen = metadata["annotations"][BOUND_BY_CONTROLLER].is_null();
    // Whoever selects the pods of a Job by hand chose the labels too.
    let is_job = object.key.group == "batch" && object.key.kind == "Job";
    if is_job && json["spec"]["manualSelector"] != true {
        drop_labels(&mut metadata, &JOB_MARKS);
        if let Some(spec) = json.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("selector");
            if let Some(pods) = spec
                .get_mut("template")
                .and_then(|it| it.get_mut("metadata"))
            {
                drop_labels(pods, &JOB_MARKS);
            }
        }
    }
    strip_metadata(&mut metadata, home);
    let map = json.as_object_mut()?;
    for key in ["apiVersion", "kind", "metadata", "status"] {
        map.remove(key);
    }
    strip_kind(&object.key.kind, map);
    let keeps = (keeps_node_ports, is_chosen);
    strip_assigned(&object.key.kind, map, keeps);
    // What says what it is stands first, as people write it.
    let mut out = Map::new();
    out.insert("apiVersion".to_owned(), api_version);
    out.insert("kind".to_owned(), kind);
    out.insert("metadata".to_owned(), metadata);
    out.extend(std::mem::take(map));
    Object::from_json(Value::Object(out))
}

fn strip_metadata(metadata: &mut Value, home: &Namespace) {
    let Some(map) = metadata.as_object_mut() else {
        return;
    };
    map.retain(|key, _| METADATA.contains(&key.as_str()));
    if map.get("namespace").and_then(Value::as_str) == Some(home.as_str()) {
        map.remove("namespace");
    }
    for key in ["labels", "annotations"] {
        let Some(marks) = map.get_mut(key).and_then(Value::as_object_mut) else {
            continue;
        };
        let is_foreign = |mark: &str| {
            FOREIGN
                .iter()
                .chain(&VOLUME_MARKS)
                .any(|start| mark.starts_with(start))
                || naming::OWNER_MARKS.iter().any(|(owner, _)| *owner == mark)
        };
        marks.retain(|mark, _| !is_foreign(mark) && mark != naming::LABEL_MANAGED_BY);
        if marks.is_empty() {
            map.remove(key);
        }
    }
}

fn drop_labels(metadata: &mut Value, marks: &[&str]) {
    let Some(map) = metadata.as_object_mut() else {
        return;
    };
    let Some(labels) = map.get_mut("labels").and_then(Value::as_object_mut) else {
        return;
    };
    labels.retain(|label, _| !marks.contains(&label.as_str()));
    if labels.is_empty() {
        map.remove("labels");
    }
}

/// Returns the body of an object without what the server puts in by itself: what is not there any more says nothing.
pub(in crate::engine) fn without_defaults(object: &Object) -> Value {
    let mut json = object.json.clone();
    if let Some(map) = json.as_object_mut() {
        strip_kind(&object.key.kind, map);
    }
    json
}

/// What this one object got of its server, though people may choose it as well: another one gets its own. Node ports and the
/// volume of a claim may be kept.
fn strip_assigned(
    kind: &str,
    map: &mut Map<String, Value>,
    (keeps_node_ports, keeps_volume): (bool, bool),
) {
    if kind == "ServiceAccount" {
        map.remove("secrets");
    }
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    match kind {
        "Service" => {
            spec.remove("ipFamilies");
            for port in items(spec, "ports").filter(|_| !keeps_node_ports) {
                port.remove("nodePort");
            }
        }
        // A claim that is bound stays so; one that is made for a certain volume is to get that one again.
        "PersistentVolumeClaim" if !keeps_volume => {
            spec.remove("volumeName");
        }
        "Pod" => {
            spec.remove("nodeName");
            spec.remove("preemptionPolicy");
        }
        _ => {}
    }
}

fn strip_kind(kind: &str, map: &mut Map<String, Value>) {
    let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    match kind {
        "Service" => strip_service(spec),
        "PersistentVolumeClaim" => strip_claim(spec),
        "Deployment" => {
            drop_equal(spec, "progressDeadlineSeconds", &json!(600));
            drop_equal(spec, "revisionHistoryLimit", &json!(10));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}});
            drop_equal(spec, "strategy", &rolling);
        }
        "StatefulSet" => {
            drop_equal(spec, "podManagementPolicy", &json!("OrderedReady"));
            drop_equal(spec, "revisionHistoryLimit", &json!(10));
            let rolling = json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}});
            drop_equal(spec, "updateStrategy", &rolling);
            let kept = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
            drop_equal(spec, "persistentVolumeClaimRetentionPolicy", &kept);
            for claim in items(spec, "volumeClaimTemplates") {
                for key in ["status", "apiVersion", "kind"] {
                    claim.remove(key);
                }
                strip_created(claim);
                if let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) {
                    strip_claim(spec);
                }
            }
        }
        "DaemonSet" => drop_equal(spec, "revisionHistoryLimit", &json!(10)),
        "Job" => strip_job(spec),
        "Pod" => strip_pod(spec),
        _ => {}
    }
    strip_templates(spec);
}

/// Pod templates, those within templates of jobs too.
fn strip_templates(spec: &mut Map<String, Value>) {
    if let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) {
        strip_created(template);
        if let Some(pod) = template.get_mut("spec").and_then(Value::as_object_mut)
            && pod.contains_key("containers")
        {
            strip_pod(pod);
        }
    }
    if let Some(job) = spec.get_mut("jobTemplate").and_then(Value::as_object_mut) {
        strip_created(job);
        if let Some(spec) = job.get_mut("spec").and_then(Value::as_object_mut) {
            strip_templates(spec);
        }
    }
}

/// Servers write `creationTimestamp: null` into every template.
fn strip_created(template: &mut Map<String, Value>) {
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("creationTimestamp");
    }
}

fn strip_service(spec: &mut Map<String, Value>) {
    let is_headless = spec.get("clusterIP") == Some(&json!("None"));
    if !is_headless {
        spec.remove("clusterIP");
    }
    // NB: whoever makes a Service owns the addresses and ports that its server chose, as if they had.
    for key in ["clusterIPs", "healthCheckNodePort"] {
        spec.remove(key);
    }
    drop_equal(spec, "ipFamilies", &json!(["IPv4"]));
    drop_equal(spec, "ipFamilyPolicy", &json!("SingleStack"));
    drop_equal(spec, "internalTrafficPolicy", &json!("Cluster"));
    drop_equal(spec, "externalTrafficPolicy", &json!("Cluster"));
    drop_equal(spec, "sessionAffinity", &json!("None"));
    drop_equal(spec, "allocateLoadBalancerNodePorts", &json!(true));
    for port in items(spec, "ports") {
        drop_equal(port, "protocol", &json!("TCP"));
        if port.get("targetPort") == port.get("port") {
            port.remove("targetPort");
        }
    }
}

fn strip_job(spec: &mut Map<String, Value>) {
    drop_equal(spec, "backoffLimit", &json!(6));
    drop_equal(spec, "completionMode", &json!("NonIndexed"));
    drop_equal(spec, "manualSelector", &json!(false));
    drop_equal(spec, "podReplacementPolicy", &json!("TerminatingOrFailed"));
    drop_equal(spec, "suspend", &json!(false));
    // Without both of them it runs once; with one of them the other means something else.
    let once = Some(&json!(1));
    if (spec.get("completions"), spec.get("parallelism")) == (once, once) {
        spec.remove("completions");
        spec.remove("parallelism");
    }
}

fn strip_claim(spec: &mut Map<String, Value>) {
    drop_equal(spec, "volumeMode", &json!("Filesystem"));
}

fn strip_pod(pod: &mut Map<String, Value>) {
    // The old name of the field, which says the same.
    if pod.get("serviceAccount") == pod.get("serviceAccountName") {
        pod.remove("serviceAccount");
    }
    drop_equal(pod, "preemptionPolicy", &json!("PreemptLowerPriority"));
    drop_equal(pod, "enableServiceLinks", &json!(true));
    drop_equal(pod, "restartPolicy", &json!("Always"));
    drop_equal(pod, "terminationGracePeriodSeconds", &json!(30));
    drop_equal(pod, "dnsPolicy", &json!("ClusterFirst"));
    drop_equal(pod, "schedulerName", &json!("default-scheduler"));
    drop_equal(pod, "securityContext", &json!({}));
    drop_equal(pod, "serviceAccountName", &json!("default"));
    for list in ["containers", "initContainers"] {
        for container in items(pod, list) {
            strip_container(container);
        }
    }
    for volume in items(pod, "volumes") {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            if let Some(source) = volume.get_mut(source).and_then(Value::as_object_mut) {
                drop_equal(source, "defaultMode", &json!(420));
            }
        }
    }
}

fn strip_container(container: &mut Map<String, Value>) {
    drop_equal(
        container,
        "terminationMessagePath",
        &json!("/dev/termination-log"),
    );
    drop_equal(container, "terminationMessagePolicy", &json!("File"));
    drop_equal(container, "resources", &json!({}));
    let image = container
        .get("image")
        .and_then(Value::as_str)
        .unwrap_or_default();
    drop_equal(
        container,
        "imagePullPolicy",
        &json!(default_pull_policy(image)),
    );
    for port in items(container, "ports") {
        drop_equal(port, "protocol", &json!("TCP"));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).and_then(Value::as_object_mut) else {
            continue;
        };
        let defaults = [
            ("timeoutSeconds", 1),
            ("periodSeconds", 10),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        ];
        for (key, default) in defaults {
            drop_equal(probe, key, &json!(default));
        }
        if let Some(http) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            drop_equal(http, "scheme", &json!("HTTP"));
        }
    }
}

/// What the server puts in where nothing is said.
fn default_pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let has_digest = name.contains('@');
    match name.split_once(':') {
        _ if has_digest => "IfNotPresent",
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

fn items<'a>(
    map: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = map.get_mut(list).and_then(Value::as_array_mut);
    let items = items.into_iter().flatten();
    items.filter_map(Value::as_object_mut)
}

fn drop_equal(map: &mut Map<String, Value>, key: &str, default: &Value) {
    if map.get(key) == Some(default) {
        map.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_written(object: Object) -> Value {
        let home = "team".parse().unwrap();
        stripped(object, &home, false).unwrap().json
    }

    #[track_caller]
    fn check(json: Value, expected: Value) {
        let object = Object::from_json(json).unwrap();
        assert_eq!(as_written(object), expected);
    }

    #[test]
    fn a_service_keeps_what_was_written() {
        check(
            json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "web", "namespace": "team", "uid": "u", "resourceVersion": "1", "generation": 1,
                    "creationTimestamp": "t", "managedFields": [], "finalizers": ["x/y"],
                    "labels": {"app": "web", "app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "c"},
                    "annotations": {"meta.helm.sh/release-name": "shop"}},
                "spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ipFamilies": ["IPv4"],
                    "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster", "sessionAffinity": "None",
                    "ports": [{"port": 80, "targetPort": 80, "nodePort": 30000, "protocol": "TCP"}], "selector": {"app": "web"}},
                "status": {"loadBalancer": {}}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"app": "web"}},
                "spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"app": "web"}}}),
        );
        check(
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "other"},
                "spec": {"clusterIP": "None", "clusterIPs": ["None"]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "other"},
                "spec": {"clusterIP": "None"}}),
        );
    }

    #[test]
    fn a_workload_keeps_what_differs_from_the_defaults() {
        let template = |pod: Value| json!({"metadata": {"labels": {"app": "web"}}, "spec": pod});
        let mut live = template(json!({
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 60, "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler", "securityContext": {},
            "containers": [{"name": "web", "image": "nginx:1.27", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                "ports": [{"containerPort": 80, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "periodSeconds": 5, "timeoutSeconds": 1,
                    "successThreshold": 1, "failureThreshold": 3}}],
            "volumes": [{"name": "c", "configMap": {"name": "c", "defaultMode": 420}}]}));
        live["metadata"]["creationTimestamp"] = Value::Null;
        let kept = template(json!({"terminationGracePeriodSeconds": 60,
            "containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5}}],
            "volumes": [{"name": "c", "configMap": {"name": "c"}}]}));
        let head = |spec: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
        check(
            head(
                json!({"replicas": 2, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 3, "strategy": {"type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}, "template": live}),
            ),
            head(json!({"replicas": 2, "revisionHistoryLimit": 3, "template": kept})),
        );
    }

    #[test]
    fn what_somebody_chose_is_no_default() {
        let check = |kind: &str, body: Value, expected: Value| {
            let head = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}});
            let with = |body: &Value| {
                let mut json = head.clone();
                let fields = body.as_object().unwrap().clone();
                json.as_object_mut().unwrap().extend(fields);
                json
            };
            let object = Object::from_json(with(&body)).unwrap();
            assert_eq!(without_defaults(&object), with(&expected));
        };
        let pod = |spec: Value| json!({"spec": {"template": {"spec": spec}}});
        let chosen = json!({"containers": [], "nodeName": "node-1", "preemptionPolicy": "Never", "serviceAccountName": "web"});
        let mut live = chosen.clone();
        live["serviceAccount"] = json!("web");
        check("Deployment", pod(live), pod(chosen.clone()));
        let head =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}});
        let mut imported = head.clone();
        imported["spec"] = pod(chosen)["spec"].clone();
        let object = Object::from_json(imported.clone()).unwrap();
        assert_eq!(as_written(object), imported);
        let default = json!({"containers": [], "preemptionPolicy": "PreemptLowerPriority"});
        check("Deployment", pod(default), pod(json!({"containers": []})));

        let families = |families: Value| json!({"spec": {"ipFamilies": families}});
        check("Service", families(json!(["IPv4"])), json!({"spec": {}}));
        let six = families(json!(["IPv6"]));
        check("Service", six.clone(), six);
        let secrets = json!({"secrets": [{"name": "token"}]});
        check("ServiceAccount", secrets.clone(), secrets);
        let claim = json!({"spec": {"volumeName": "disk"}});
        check("PersistentVolumeClaim", claim.clone(), claim);
    }

    #[test]
    fn a_job_loses_the_marks_of_its_pods_unless_they_were_chosen() {
        let job = |metadata: Value, labels: Value, more: Value| {
            let pod = json!({"containers": [], "restartPolicy": "Never"});
            let mut job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
                "spec": {"template": {"metadata": {"labels": labels}, "spec": pod}}});
            let more = more.as_object().unwrap().clone();
            job["spec"].as_object_mut().unwrap().extend(more);
            job
        };
        let own = json!({"batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "load",
            "controller-uid": "u", "job-name": "load"});
        let mut borne = own.clone();
        borne["app"] = json!("x");
        let selector = json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}});
        let defaults = json!({"selector": selector, "backoffLimit": 6, "completionMode": "NonIndexed", "completions": 1,
            "manualSelector": false, "parallelism": 1, "podReplacementPolicy": "TerminatingOrFailed", "suspend": false});
        check(
            job(
                json!({"name": "load", "labels": own}),
                borne.clone(),
                defaults,
            ),
            job(json!({"name": "load"}), json!({"app": "x"}), json!({})),
        );
        let chosen = json!({"manualSelector": true, "selector": selector, "parallelism": 2});
        let by_hand = job(json!({"name": "load"}), borne, chosen);
        check(by_hand.clone(), by_hand);
        // Others have kinds of that name, with anything in them.
        let template = json!({"spec": {"minAvailable": 2}});
        for spec in [
            json!({"tasks": [{"template": template}]}),
            json!({"template": "t"}),
        ] {
            let other = json!({"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "metadata": {"name": "load"}, "spec": spec});
            check(other.clone(), other);
        }
    }

    #[test]
    fn a_volume_that_somebody_chose_stays_the_claims() {
        let claim = |spec: Value| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "docs"}, "spec": spec});
        let by_hand = claim(json!({"storageClassName": "", "volumeName": "nfs-pv"}));
        check(by_hand.clone(), by_hand.clone());
        let mut by_controller = by_hand;
        by_controller["metadata"]["annotations"] = json!({"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"});
        check(by_controller, claim(json!({"storageClassName": ""})));
    }

    #[test]
    fn an_unknown_kind_keeps_its_spec() {
        let json = json!({"apiVersion": "x.io/v1", "kind": "Gizmo", "metadata": {"name": "a"}, "spec": {"template": {"spec": 1}}});
        check(json.clone(), json);
    }

    #[test]
    fn pull_policies_are_left_out_where_the_tag_says_the_same() {
        for (image, expected) in [
            ("nginx", "Always"),
            ("r:5000/nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1", "IfNotPresent"),
            ("nginx@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(default_pull_policy(image), expected, "{image}");
        }
    }
}
