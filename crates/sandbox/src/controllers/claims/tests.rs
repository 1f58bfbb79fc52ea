use super::*;

fn claim(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "n", "name": "c", "uid": "claim", "finalizers": [PROTECTION]}, "spec": spec})
}

fn volume(name: &str, size: &str, claim_ref: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "uid": name},
        "spec": {"storageClassName": "slow", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size},
            "claimRef": claim_ref},
        "status": {"phase": "Available"}})
}

fn wanting(size: &str) -> Value {
    claim(
        json!({"storageClassName": "slow", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}),
    )
}

fn check_match(size: &str, volumes: &[Value], expected: Option<&str>) {
    let view = View::from_objects(volumes.to_vec());
    assert_eq!(best_match(&view, &wanting(size), false).map(name), expected);
}

#[test]
fn the_smallest_volume_that_is_large_enough_is_taken_unless_one_is_reserved() {
    let free = |name, size| volume(name, size, Value::Null);
    let reserved = |uid: &str| {
        volume(
            "mine",
            "9Gi",
            json!({"namespace": "n", "name": "c", "uid": uid}),
        )
    };
    check_match(
        "2Gi",
        &[free("big", "5Gi"), free("fit", "2Gi"), free("small", "1Gi")],
        Some("fit"),
    );
    check_match("2Gi", &[free("small", "1Gi")], None);
    check_match("1Gi", &[free("fit", "1Gi"), reserved("")], Some("mine"));
    check_match("1Gi", &[reserved("claim")], Some("mine"));
    check_match("1Gi", &[reserved("another")], None);
    let mut many = free("many", "1Gi");
    many["spec"]["accessModes"] = json!(["ReadWriteMany"]);
    check_match("1Gi", &[many], None);
}

fn check_events(objects: Vec<Value>, expected: &[(&str, &str)]) {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let view = View::from_objects(objects);
    let decision = Claims::default().reconcile(&view, &Key::new("n", "c"), now);
    let notes: Vec<(&str, &str)> = decision
        .writes
        .iter()
        .filter_map(|write| match write {
            Write::Event(note) => Some((note.reason, note.message.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(notes, expected);
}

#[test]
fn an_unbound_claim_says_why() {
    let missing = "storageclass.storage.k8s.io \"slow\" not found";
    check_events(vec![wanting("1Gi")], &[("ProvisioningFailed", missing)]);
    let none = "no persistent volumes available for this claim and no storage class is set";
    check_events(
        vec![claim(json!({"storageClassName": ""}))],
        &[("FailedBinding", none)],
    );
    check_events(vec![claim(json!({}))], &[("FailedBinding", none)]);
    let named = claim(json!({"volumeName": "taken"}));
    let taken = volume(
        "taken",
        "1Gi",
        json!({"namespace": "n", "name": "other", "uid": "other"}),
    );
    check_events(
        vec![named, taken],
        &[(
            "FailedBinding",
            "volume \"taken\" already bound to a different claim.",
        )],
    );
}

#[test]
fn a_claim_without_a_class_gets_the_default_one() {
    let class = json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {IS_DEFAULT_CLASS: "true"}}});
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let look = |claim: Value| {
        Claims::default()
            .reconcile(
                &View::from_objects([class.clone(), claim]),
                &Key::new("n", "c"),
                now,
            )
            .writes
    };
    assert_eq!(
        look(claim(json!({}))),
        vec![Write::Update(claim(
            json!({"storageClassName": "standard"})
        ))]
    );
    assert!(
        !look(claim(json!({"storageClassName": ""})))
            .iter()
            .any(|write| matches!(write, Write::Update(_)))
    );
}

#[test]
fn a_bound_claim_whose_volume_went_is_lost() {
    let mut lost = claim(json!({"volumeName": "gone"}));
    lost["metadata"]["annotations"] = json!({BIND_COMPLETED: "yes"});
    lost["status"] = json!({"phase": "Bound"});
    let message = "Bound claim has lost its PersistentVolume. Any data on the volume is lost!";
    check_events(vec![lost], &[("ClaimLost", message)]);
}
