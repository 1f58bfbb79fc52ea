use bowline::cluster::*;
use bowline::definition::object::{Object, ObjectKey};
use serde_json::json;
#[tokio::main]
async fn main() {
    let opts = ConnectOptions {
        namespace: Some("team-a".parse().unwrap()),
        ..Default::default()
    };
    let c = connect(&opts).await.unwrap();
    let cm = |data: serde_json::Value| {
        Object::from_json(json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x1","namespace":"team-a","labels":{"app.kubernetes.io/managed-by":"bowline","app.kubernetes.io/instance":"x1"}},"data":data})).unwrap()
    };
    let o = |m: &str, dry: bool| ApplyOptions {
        field_manager: m.into(),
        dry_run: dry,
        force: false,
    };
    println!(
        "dry {:?}",
        c.apply(&cm(json!({"a":"1"})), &o("bowline/x1", true))
            .await
            .map(|w| w.object.uid().map(str::len))
    );
    println!("get none {:?}", c.get(&cm(json!({})).key).await);
    let w = c
        .apply(&cm(json!({"a":"1"})), &o("bowline/x1", false))
        .await
        .unwrap();
    println!(
        "conflict {:#?}",
        c.apply(&cm(json!({"a":"2"})), &o("bowline/other", false))
            .await
            .unwrap_err()
    );
    let mut bad = cm(json!({"a":"1"}));
    bad.json["dta"] = json!({});
    println!(
        "strict {:?}",
        c.apply(&bad, &o("bowline/x1", false)).await.unwrap_err()
    );
    println!(
        "create exists {:?}",
        c.create(&cm(json!({})), "m", false).await.unwrap_err().kind
    );
    let rv = w.object.json["metadata"]["resourceVersion"].clone();
    println!(
        "merge {:?}",
        c.merge_patch(
            &w.object.key,
            &json!({"metadata":{"resourceVersion":rv,"annotations":{"q":"1"}}}),
            "m",
            None
        )
        .await
        .is_ok()
    );
    println!(
        "merge stale {:?}",
        c.merge_patch(
            &w.object.key,
            &json!({"metadata":{"resourceVersion":rv,"annotations":{"q":"2"}}}),
            "m",
            None
        )
        .await
        .unwrap_err()
    );
    let p: json_patch::Patch = serde_json::from_value(json!([{"op":"test","path":"/data/a","value":"1"},{"op":"add","path":"/metadata/annotations/z","value":"1"}])).unwrap();
    println!(
        "json {:?}",
        c.json_patch(&w.object.key, &p, "m")
            .await
            .map(|w| w.object.json["metadata"]["annotations"].clone())
    );
    let p: json_patch::Patch =
        serde_json::from_value(json!([{"op":"test","path":"/data/a","value":"7"}])).unwrap();
    println!(
        "json test {:?}",
        c.json_patch(&w.object.key, &p, "m").await.unwrap_err()
    );
    println!(
        "list {:?}",
        c.list_metadata(
            &GroupKind::new("", "ConfigMap"),
            Some(&"team-a".parse().unwrap()),
            &Selector::managed()
        )
        .await
        .map(|l| l.iter().map(|o| o.key.to_string()).collect::<Vec<_>>())
    );
    println!(
        "del wrong uid {:?}",
        c.delete(&w.object.key, "nope", Propagation::Foreground)
            .await
    );
    println!(
        "del {:?}",
        c.delete(
            &w.object.key,
            w.object.uid().unwrap(),
            Propagation::Foreground
        )
        .await
    );
    println!(
        "del2 {:?}",
        c.delete(
            &w.object.key,
            w.object.uid().unwrap(),
            Propagation::Foreground
        )
        .await
    );
    println!(
        "can {:?}",
        c.can(&[
            Access {
                verb: "patch",
                kind: GroupKind::new("apps", "Deployment"),
                namespace: Some("team-a".into())
            },
            Access {
                verb: "get",
                kind: GroupKind::new("", "PersistentVolume"),
                namespace: None
            }
        ])
        .await
    );
    println!(
        "resources {:?}",
        c.resources().await.map(|r| (
            r.len(),
            r.iter()
                .find(|r| r.kind == "CustomResourceDefinition")
                .cloned()
        ))
    );
    println!(
        "crd {:?}",
        c.get(&ObjectKey {
            group: "nope.example.com".into(),
            version: "v1".into(),
            kind: "Foo".into(),
            namespace: None,
            name: "x".into()
        })
        .await
    );
    println!("missing ns {:?}", c.apply(&Object::from_json(json!({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x1","namespace":"nowhere"}})).unwrap(), &o("m", true)).await.unwrap_err());
    let t = std::time::Instant::now();
    let f = c
        .snapshot(
            &bowline::service::watch::Scope::Namespace("team-a".parse().unwrap()),
            jiff::Timestamp::now(),
        )
        .await;
    println!(
        "snapshot {:?} {:?}",
        t.elapsed(),
        f.map(|f| f
            .instances()
            .map(|i| (i.key().to_string(), i.health().clone(), i.pods().clone()))
            .collect::<Vec<_>>())
    );
    let d = c
        .snapshot_instance(&bowline::service::summary::InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "db".parse().unwrap(),
        })
        .await;
    println!(
        "detail {:?}",
        d.map(|d| d.map(|d| (
            d.pods().len(),
            d.objects().len(),
            d.events().len(),
            d.is_complete()
        )))
    );
    let d = c
        .snapshot_instance(&bowline::service::summary::InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "none".parse().unwrap(),
        })
        .await;
    println!("detail none {:?}", d.map(|d| d.is_none()));
}
