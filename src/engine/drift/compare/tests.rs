use serde_json::json;

use super::*;

fn entry(manager: &str, operation: &str, subresource: &str, fields: Value) -> Value {
    json!({"manager": manager, "operation": operation, "subresource": subresource, "time": "2026-01-01T00:00:00Z",
           "fieldsV1": fields})
}

fn object(kind: &str, entries: Value, rest: Value) -> Object {
    let api_version = match kind {
        "Deployment" => "apps/v1",
        _ => "v1",
    };
    let mut json = json!({"apiVersion": api_version, "kind": kind,
        "metadata": {"name": "web", "namespace": "team-a", "uid": "u", "managedFields": entries}});
    for (key, value) in rest.as_object().unwrap() {
        if key == "metadata" {
            for (key, value) in value.as_object().unwrap() {
                json["metadata"][key] = value.clone();
            }
        } else {
            json[key] = value.clone();
        }
    }
    Object::from_json(json).unwrap()
}

/// Shows changes as lines: `path: wanted → live by manager`.
fn shown(changes: &[FieldChange]) -> Vec<String> {
    let text = |value: &Option<Value>| value.as_ref().map_or("—".to_owned(), Value::to_string);
    let line = |change: &FieldChange| {
        let managers: Vec<_> = change.managers.iter().map(Setter::to_string).collect();
        let (wanted, live) = (text(&change.wanted), text(&change.live));
        format!(
            "{}: {wanted} → {live} by {}",
            change.path,
            managers.join(", ")
        )
    };
    changes.iter().map(line).collect()
}

fn check(kind: &str, wanted: Value, live: Value, entries: Value, expected: &[&str]) {
    let wanted = object(kind, json!([]), wanted);
    let live = object(kind, entries, live);
    let changes = compare(Some(&wanted), &live, &"web".parse().unwrap());
    assert_eq!(shown(&changes), expected);
}

const WEB: &str = "k:{\"name\":\"web\"}";

fn containers(items: Value) -> Value {
    json!({"spec": {"template": {"spec": {"containers": items}}}})
}

fn of_containers(members: Value) -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": members}}}})
}

#[test]
fn a_value_of_others_is_named_with_who_set_it() {
    let ours = of_containers(json!({WEB: {".": {}, "f:name": {}}}));
    let theirs = of_containers(json!({WEB: {"f:image": {}}}));
    check(
        "Deployment",
        containers(json!([{"name": "web", "image": "nginx:1"}])),
        containers(json!([{"name": "web", "image": "nginx:2", "imagePullPolicy": "Always"}])),
        json!([
            entry("bowline/web", "Apply", "", ours),
            entry("kubectl-edit", "Update", "", theirs)
        ]),
        &[
            ".spec.template.spec.containers[name=\"web\"].image: \"nginx:1\" → \"nginx:2\" by kubectl-edit",
        ],
    );
}

#[test]
fn what_is_owned_is_as_applied_however_the_server_writes_it() {
    let ours = of_containers(
        json!({WEB: {".": {}, "f:name": {}, "f:resources": {"f:limits": {"f:cpu": {}}}}}),
    );
    let wanted = containers(json!([{"name": "web", "resources": {"limits": {"cpu": "1000m"}}}]));
    let live =
        |cpu: &str| containers(json!([{"name": "web", "resources": {"limits": {"cpu": cpu}}}]));
    check(
        "Deployment",
        wanted.clone(),
        live("1"),
        json!([entry("bowline/web", "Apply", "", ours)]),
        &[],
    );
    // Others may write the same in another form.
    let ours = of_containers(json!({WEB: {".": {}, "f:name": {}}}));
    let theirs = of_containers(json!({WEB: {"f:resources": {"f:limits": {"f:cpu": {}}}}}));
    let entries = json!([
        entry("bowline/web", "Apply", "", ours),
        entry("vpa", "Apply", "", theirs)
    ]);
    check(
        "Deployment",
        wanted.clone(),
        live("1"),
        entries.clone(),
        &[],
    );
    let expected = ".spec.template.spec.containers[name=\"web\"].resources.limits.cpu: \"1000m\" → \"2\" by vpa";
    check("Deployment", wanted, live("2"), entries, &[expected]);
}

#[test]
fn items_that_were_removed_or_added_are_named_by_their_keys() {
    let (a, b) = ("k:{\"name\":\"A\"}", "k:{\"name\":\"B\"}");
    let env = |items: Value| containers(json!([{"name": "web", "env": items}]));
    let of_env = |members: Value| of_containers(json!({WEB: {"f:env": members}}));
    let ours = of_env(json!({a: {".": {}, "f:name": {}, "f:value": {}}}));
    let theirs = of_env(json!({b: {".": {}, "f:name": {}, "f:value": {}}}));
    let path = ".spec.template.spec.containers[name=\"web\"].env";
    check(
        "Deployment",
        env(json!([{"name": "A", "value": "1"}, {"name": "GONE", "value": "2"}])),
        env(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "3"}])),
        json!([
            entry("bowline/web", "Apply", "", ours),
            entry("kubectl", "Update", "", theirs)
        ]),
        &[
            &format!("{path}[name=\"GONE\"]: {{\"name\":\"GONE\",\"value\":\"2\"}} → — by "),
            &format!("{path}[name=\"B\"]: — → {{\"name\":\"B\",\"value\":\"3\"}} by kubectl"),
        ],
    );
}

#[test]
fn ports_are_found_by_keys_that_the_server_completed() {
    let http = "k:{\"port\":80,\"protocol\":\"TCP\"}";
    let ours = json!({"f:spec": {"f:ports": {http: {".": {}, "f:port": {}}}}});
    let theirs = json!({"f:spec": {"f:ports": {http: {"f:targetPort": {}}}, "f:type": {}}});
    check(
        "Service",
        json!({"spec": {"type": "ClusterIP", "ports": [{"port": 80, "targetPort": 80}]}}),
        json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}),
        json!([
            entry("bowline/web", "Apply", "", ours),
            entry("kubectl-edit", "Update", "", theirs)
        ]),
        &[
            ".spec.ports[port=80,protocol=\"TCP\"].targetPort: 80 → 8080 by kubectl-edit",
            ".spec.type: \"ClusterIP\" → \"NodePort\" by kubectl-edit",
        ],
    );
}

#[test]
fn what_is_replaced_as_a_whole_is_compared_as_a_whole() {
    let args = |args: &[&str]| containers(json!([{"name": "web", "args": args}]));
    let ours = of_containers(json!({WEB: {".": {}, "f:name": {}}}));
    let theirs = of_containers(json!({WEB: {"f:args": {}}}));
    check(
        "Deployment",
        args(&["-a", "-b"]),
        args(&["-a", "-c"]),
        json!([
            entry("bowline/web", "Apply", "", ours),
            entry("me", "Update", "", theirs)
        ]),
        &[
            ".spec.template.spec.containers[name=\"web\"].args: [\"-a\",\"-b\"] → [\"-a\",\"-c\"] by me",
        ],
    );
}

#[test]
fn a_number_is_a_change_where_it_was_applied_whoever_set_it() {
    let number = |number: Option<u32>| match number {
        Some(number) => json!({"spec": {"replicas": number}}),
        None => json!({"spec": {}}),
    };
    let set = json!({"f:spec": {"f:replicas": {}}});
    let ours = json!([entry("bowline/web", "Apply", "", set.clone())]);
    check(
        "Deployment",
        number(Some(2)),
        number(Some(3)),
        ours,
        &[".spec.replicas: 2 → 3 by bowline/web (scale)"],
    );
    let scaled = json!([entry("bowline-scale/web", "Update", "scale", set.clone())]);
    check(
        "Deployment",
        number(Some(2)),
        number(Some(3)),
        scaled,
        &[".spec.replicas: 2 → 3 by bowline-scale/web (scale)"],
    );
    let theirs = json!([entry("kubectl", "Update", "scale", set)]);
    let expected = ".spec.replicas: 2 → 3 by kubectl (scale)";
    check(
        "Deployment",
        number(Some(2)),
        number(Some(3)),
        theirs.clone(),
        &[expected],
    );
    check(
        "Deployment",
        number(Some(3)),
        number(Some(3)),
        theirs.clone(),
        &[],
    );
    check("Deployment", number(None), number(Some(3)), theirs, &[]);
}

#[test]
fn a_restart_and_what_controllers_note_are_no_change() {
    let annotations = json!({"f:template": {"f:metadata": {"f:annotations": {
        ".": {}, "f:kubectl.kubernetes.io/restartedAt": {}, "f:note": {},
    }}}});
    let theirs = json!({"f:metadata": {"f:annotations": {"f:x": {}}}, "f:spec": annotations});
    let noted = json!({"kubectl.kubernetes.io/restartedAt": "now", "note": "y"});
    check(
        "Deployment",
        json!({"metadata": {"labels": {"a": "1"}}}),
        json!({"metadata": {"labels": {"a": "2"}, "annotations": {"x": "y"}},
               "spec": {"template": {"metadata": {"annotations": noted}}}}),
        json!([
            entry("kubectl", "Update", "", theirs),
            entry(
                "kubectl",
                "Update",
                "status",
                json!({"f:spec": {"f:template": {}}})
            )
        ]),
        &[
            ".metadata.labels.a: \"1\" → \"2\" by ",
            ".spec.template.metadata.annotations.note: — → \"y\" by kubectl",
        ],
    );
}

#[test]
fn a_value_of_a_secret_is_changed_if_others_own_it_and_is_not_looked_at() {
    let data = json!({"data": {"token": "***", "kept": "***", "gone": "***"}});
    let live = json!({"data": {"token": "***", "kept": "***"}});
    let ours = json!({"f:data": {"f:kept": {}}});
    let theirs = json!({"f:data": {"f:token": {}}});
    check(
        "Secret",
        data,
        live,
        json!([
            entry("bowline/web", "Apply", "", ours),
            entry("kubectl-edit", "Update", "", theirs)
        ]),
        &[
            ".data.gone: \"***\" → — by ",
            ".data.token: \"***\" → \"***\" by kubectl-edit",
        ],
    );
}

#[test]
fn without_what_was_applied_others_are_known_all_the_same() {
    let ours = json!({"f:spec": {"f:type": {}}});
    let theirs = json!({"f:spec": {"f:type": {}, "f:sessionAffinity": {}, "f:lost": {}}});
    let entries = json!([
        entry("bowline/web", "Apply", "", ours),
        entry("me", "Update", "", theirs)
    ]);
    let live = object(
        "Service",
        entries,
        json!({"spec": {"type": "ClusterIP", "sessionAffinity": "ClientIP"}}),
    );
    let changes = compare(None, &live, &"web".parse().unwrap());
    assert_eq!(
        shown(&changes),
        [".spec.sessionAffinity: — → \"ClientIP\" by me"]
    );
}

#[test]
fn what_the_server_would_put_in_is_nothing_that_others_added() {
    let theirs = json!({"f:spec": {"f:sessionAffinity": {}, "f:internalTrafficPolicy": {},
        "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:protocol": {}}}}});
    let live = object(
        "Service",
        json!([entry("me", "Update", "", theirs)]),
        json!({"spec": {"sessionAffinity": "None", "internalTrafficPolicy": "Local",
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}}),
    );
    let changes = compare(None, &live, &"web".parse().unwrap());
    assert_eq!(
        shown(&changes),
        [
            ".spec.internalTrafficPolicy: — → \"Local\" by me",
            ".spec.ports[port=80,protocol=\"TCP\"]: — → {\"port\":80,\"protocol\":\"TCP\",\"targetPort\":80} by me"
        ]
    );
}
