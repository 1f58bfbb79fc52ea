use serde_json::json;

use super::*;
use crate::resources::Registry;

fn resource(kind: &str) -> Arc<Resource> {
    Registry::default().by_kind(kind).unwrap().clone()
}

fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Compares what an object uses, as `name=amount` in order.
fn check_usage(kind: &str, object: Value, expected: &str) {
    let used = usage(&resource(kind), &object, now());
    let told: Vec<String> = used
        .iter()
        .map(|(name, amount)| format!("{name}={amount}"))
        .collect();
    assert_eq!(told.join(" "), expected);
}

#[test]
fn an_object_uses_its_number_and_what_it_asks_for() {
    check_usage("ConfigMap", json!({}), "configmaps=1 count/configmaps=1");
    check_usage("Deployment", json!({}), "count/deployments.apps=1");
    check_usage(
        "PersistentVolumeClaim",
        json!({"spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}}),
        "count/persistentvolumeclaims=1 fast.storageclass.storage.k8s.io/persistentvolumeclaims=1 \
         fast.storageclass.storage.k8s.io/requests.storage=1Gi persistentvolumeclaims=1 requests.storage=1Gi",
    );
    let service = |more: Value| {
        let mut spec = json!({"ports": [{"port": 80}, {"port": 81, "nodePort": 30_081}]});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "spec": spec })
    };
    let with = |ports: usize, balancers: usize| {
        format!(
            "count/services=1 services=1 services.loadbalancers={balancers} services.nodeports={ports}"
        )
    };
    check_usage("Service", service(json!({})), &with(0, 0));
    check_usage("Service", service(json!({"type": "NodePort"})), &with(2, 0));
    check_usage(
        "Service",
        service(json!({"type": "LoadBalancer"})),
        &with(2, 1),
    );
    check_usage(
        "Service",
        service(json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false})),
        &with(1, 1),
    );
}

#[test]
fn a_pod_uses_the_most_that_it_needs_at_once() {
    let container =
        |cpu: &str| json!({"resources": {"requests": {"cpu": cpu}, "limits": {"memory": "1Gi"}}});
    let sidecar = |cpu: &str| {
        let mut container = container(cpu);
        container["restartPolicy"] = json!("Always");
        container
    };
    let check = |spec: Value, cpu: &str, memory: &str| {
        let expected =
            format!("count/pods=1 cpu={cpu} limits.memory={memory} pods=1 requests.cpu={cpu}");
        check_usage("Pod", json!({ "spec": spec }), &expected);
    };
    let two = json!([container("500m"), container("1")]);
    check(json!({"containers": two}), "1500m", "2Gi");
    check(
        json!({"containers": two, "initContainers": [container("1")]}),
        "1500m",
        "2Gi",
    );
    check(
        json!({"containers": two, "initContainers": [container("3")]}),
        "3",
        "2Gi",
    );
    check(
        json!({"containers": two, "initContainers": [sidecar("1"), container("2")]}),
        "3",
        "3Gi",
    );
    check(
        json!({"containers": two, "overhead": {"cpu": "100m"}}),
        "1600m",
        "2Gi",
    );
    check(
        json!({"containers": two, "resources": {"requests": {"cpu": "4"}}}),
        "4",
        "2Gi",
    );
    let gpu = json!({"spec": {"containers": [{"resources": {"requests": {"nvidia.com/gpu": 2}}}]}});
    check_usage("Pod", gpu, "count/pods=1 pods=1 requests.nvidia.com/gpu=2");
}

#[test]
fn a_pod_that_has_ended_is_only_counted() {
    let ended = json!({"status": {"phase": "Succeeded"}, "spec": {"containers": []}});
    check_usage("Pod", ended, "count/pods=1");
    let overdue = |deleted: &str| json!({"metadata": {"deletionTimestamp": deleted, "deletionGracePeriodSeconds": 30}, "spec": {}});
    check_usage(
        "Pod",
        overdue("2025-12-31T23:59:40Z"),
        "count/pods=1 pods=1",
    );
    check_usage("Pod", overdue("2025-12-31T23:59:20Z"), "count/pods=1");
}

#[test]
fn each_kind_is_limited_by_names_of_its_own() {
    let check = |kind: &str, name: &str, expected: bool| {
        assert_eq!(concerns(&resource(kind), name), expected, "{kind} {name}");
    };
    for name in [
        "pods",
        "count/pods",
        "cpu",
        "limits.memory",
        "requests.nvidia.com/gpu",
        "hugepages-2Mi",
    ] {
        check("Pod", name, true);
        check("Service", name, false);
    }
    check("Pod", "requests.storage", false);
    check("Pod", "nvidia.com/gpu", false);
    check("PersistentVolumeClaim", "requests.storage", true);
    check(
        "PersistentVolumeClaim",
        "fast.storageclass.storage.k8s.io/requests.storage",
        true,
    );
    check("Secret", "secrets", true);
    check("Secret", "configmaps", false);
    check("Deployment", "count/deployments.apps", true);
    check("Deployment", "count/deployments", false);
}

#[test]
fn a_quota_of_scopes_is_for_what_is_in_all_of_them() {
    let pod = |spec: Value| json!({ "spec": spec });
    let check = |scopes: Value, object: &Value, expected: bool| {
        let quota = json!({ "spec": scopes });
        let is_for = scopes::is_for(&quota, &resource("Pod"), object);
        assert_eq!(is_for, expected, "{quota} {object}");
    };
    let plain = pod(json!({"containers": [{"name": "a"}]}));
    let asking = pod(
        json!({"containers": [{"resources": {"limits": {"cpu": "1"}}}],
        "activeDeadlineSeconds": 5, "priorityClassName": "high"}),
    );
    for (scope, is_plain) in [
        ("BestEffort", true),
        ("NotBestEffort", false),
        ("Terminating", false),
        ("NotTerminating", true),
        ("PriorityClass", false),
    ] {
        check(json!({"scopes": [scope]}), &plain, is_plain);
        check(json!({"scopes": [scope]}), &asking, !is_plain);
    }
    check(
        json!({"scopes": ["BestEffort", "Terminating"]}),
        &plain,
        false,
    );
    let of_class = |operator: &str| {
        json!({"scopeSelector": {"matchExpressions":
            [{"scopeName": "PriorityClass", "operator": operator, "values": ["high"]}]}})
    };
    check(of_class("In"), &asking, true);
    check(of_class("In"), &plain, false);
    check(of_class("NotIn"), &asking, false);
    check(of_class("NotIn"), &plain, true);
    let service = resource("Service");
    assert!(!scopes::is_for(
        &json!({"spec": {"scopes": ["NotTerminating"]}}),
        &service,
        &plain
    ));
    assert!(scopes::is_for(&json!({"spec": {}}), &service, &plain));
}

#[test]
fn what_containers_do_not_state_is_named_with_them() {
    let check = |spec: Value, names: &[&str], expected: Option<&str>| {
        let object = json!({ "spec": spec });
        assert_eq!(
            missing(&resource("Pod"), &object, names).as_deref(),
            expected
        );
    };
    let spec = json!({"initContainers": [{"name": "init"}], "containers": [
        {"name": "web", "resources": {"requests": {"cpu": "1"}}}, {"name": "log"}]});
    check(
        spec.clone(),
        &["limits.memory", "pods", "requests.cpu"],
        Some("limits.memory for: init,log,web; requests.cpu for: init,log"),
    );
    check(spec.clone(), &["pods", "requests.ephemeral-storage"], None);
    let mut whole = spec;
    whole["resources"] = json!({"requests": {"memory": "1Gi"}});
    check(whole, &["requests.cpu"], None);
}
