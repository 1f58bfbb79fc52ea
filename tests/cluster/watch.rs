//! Watches, pages and tables.

use http::Method;
use serde_json::{Value, json};

use crate::backend::WATCH_HISTORY;
use crate::cluster::{Cluster, Watch, ask, name_of};
use crate::objects::{config_map, deployment, labelled};

pub(crate) async fn a_watch_from_too_long_ago_ends_with_an_expired_event(cluster: Cluster) {
    cluster
        .create(&config_map("settings", json!({})))
        .await
        .unwrap();
    for n_changes in 0..=WATCH_HISTORY {
        cluster
            .merge(
                "ConfigMap",
                "settings",
                &json!({"data": {"n": n_changes.to_string()}}),
            )
            .await
            .unwrap();
    }
    let mut watch = cluster.watch("ConfigMap", "resourceVersion=1").await;
    let event = watch.next().await.unwrap();
    let status = &event["object"];
    assert_eq!(
        (
            &event["type"],
            &status["kind"],
            &status["code"],
            &status["reason"]
        ),
        (
            &json!("ERROR"),
            &json!("Status"),
            &json!(410),
            &json!("Expired")
        )
    );
    assert!(watch.next().await.is_none(), "nothing follows it");
}

/// Returns the types and names of the events up to and with the bookmark that ends the list.
async fn initial_events(watch: &mut Watch) -> (Vec<(String, String)>, Value) {
    let mut events = Vec::new();
    loop {
        let event = watch.next().await.unwrap();
        let object = &event["object"];
        if event["type"] == "BOOKMARK" {
            return (events, event);
        }
        events.push((
            event["type"].as_str().unwrap().to_owned(),
            name_of(object).to_owned(),
        ));
    }
}

pub(crate) async fn a_streaming_list_ends_with_a_bookmark(cluster: Cluster) {
    for name in ["one", "two"] {
        cluster
            .create(&labelled(name, "tier", "web"))
            .await
            .unwrap();
    }
    let query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&labelSelector=tier%3Dweb";
    let mut watch = cluster.watch("ConfigMap", query).await;
    let (mut events, bookmark) = initial_events(&mut watch).await;
    events.sort();
    let added = |name: &str| ("ADDED".to_owned(), name.to_owned());
    assert_eq!(events, [added("one"), added("two")]);
    let annotations = &bookmark["object"]["metadata"]["annotations"];
    assert_eq!(annotations, &json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");

    cluster
        .create(&labelled("three", "tier", "web"))
        .await
        .unwrap();
    let event = watch.next_change().await;
    assert_eq!(
        (&event["type"], name_of(&event["object"])),
        (&json!("ADDED"), "three")
    );
}

pub(crate) async fn a_watch_continues_where_a_list_ended(cluster: Cluster) {
    cluster
        .create(&labelled("before", "tier", "web"))
        .await
        .unwrap();
    let list = ask(
        &cluster.admin,
        Method::GET,
        &cluster.path("ConfigMap"),
        None,
    )
    .await
    .unwrap();
    cluster
        .create(&labelled("after", "tier", "web"))
        .await
        .unwrap();
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let query = format!("labelSelector=tier%3Dweb&resourceVersion={version}");
    let mut watch = cluster.watch("ConfigMap", &query).await;
    let event = watch.next().await.unwrap();
    assert_eq!(
        (&event["type"], name_of(&event["object"])),
        (&json!("ADDED"), "after")
    );
}

pub(crate) async fn an_object_that_leaves_the_selector_is_deleted_to_the_watcher(cluster: Cluster) {
    let created = cluster
        .create(&labelled("settings", "tier", "web"))
        .await
        .unwrap();
    let version = created["metadata"]["resourceVersion"].as_str().unwrap();
    let query = format!("labelSelector=tier%3Dweb&resourceVersion={version}");
    let mut watch = cluster.watch("ConfigMap", &query).await;
    let relabel = |tier: &str| json!({"metadata": {"labels": {"tier": tier}}});
    cluster
        .merge("ConfigMap", "settings", &relabel("db"))
        .await
        .unwrap();
    let back = cluster
        .merge("ConfigMap", "settings", &relabel("web"))
        .await
        .unwrap();
    let deleted = watch.next().await.unwrap();
    assert_eq!(
        (&deleted["type"], name_of(&deleted["object"])),
        (&json!("DELETED"), "settings")
    );
    let added = watch.next().await.unwrap();
    assert_eq!((&added["type"], &added["object"]), (&json!("ADDED"), &back));
}

pub(crate) async fn a_list_comes_in_pages(cluster: Cluster) {
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        cluster
            .create(&labelled(name, "tier", "web"))
            .await
            .unwrap();
    }
    let mut seen = Vec::new();
    let mut n_pages = 0;
    let mut token = String::new();
    loop {
        let path = format!(
            "{}?labelSelector=tier%3Dweb&limit=2&continue={token}",
            cluster.path("ConfigMap")
        );
        let page = ask(&cluster.admin, Method::GET, &path, None).await.unwrap();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| name_of(item).to_owned()),
        );
        n_pages += 1;
        match page["metadata"]["continue"].as_str() {
            Some(next) if !next.is_empty() => token = next.to_owned(),
            _ => break,
        }
    }
    assert_eq!((seen, n_pages), (names.map(str::to_owned).to_vec(), 3));
}

pub(crate) async fn the_pages_of_a_list_are_of_one_moment(cluster: Cluster) {
    for name in ["a", "c", "e"] {
        cluster
            .create(&labelled(name, "tier", "web"))
            .await
            .unwrap();
    }
    let page = async |token: &str| {
        let path = format!(
            "{}?labelSelector=tier%3Dweb&limit=1&continue={token}",
            cluster.path("ConfigMap")
        );
        let page = ask(&cluster.admin, Method::GET, &path, None).await.unwrap();
        let token = page["metadata"]["continue"].as_str().unwrap_or_default();
        (name_of(&page["items"][0]).to_owned(), token.to_owned())
    };
    let (first, token) = page("").await;
    cluster.create(&labelled("b", "tier", "web")).await.unwrap();
    cluster.delete("ConfigMap", "c", json!({})).await.unwrap();
    let relabelled = json!({"metadata": {"labels": {"tier": "db"}}});
    cluster.merge("ConfigMap", "e", &relabelled).await.unwrap();
    let (second, token) = page(&token).await;
    let (third, _) = page(&token).await;
    assert_eq!([first, second, third], ["a", "c", "e"]);
}

const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

fn column_names(table: &Value) -> Vec<&str> {
    let columns = table["columnDefinitions"].as_array();
    columns
        .into_iter()
        .flatten()
        .map(|column| column["name"].as_str().unwrap())
        .collect()
}

/// The columns of pods, as `kubectl get pods -o wide` shows them.
const POD_COLUMNS: [&str; 9] = [
    "Name",
    "Ready",
    "Status",
    "Restarts",
    "Age",
    "IP",
    "Node",
    "Nominated Node",
    "Readiness Gates",
];

async fn ready_deployment(cluster: &Cluster) {
    cluster
        .create(&deployment("web", "nginx:1", 1))
        .await
        .unwrap();
    cluster
        .until("Deployment", "web", |web| {
            web["status"]["readyReplicas"] == 1
        })
        .await;
}

pub(crate) async fn a_table_without_objects_has_the_columns_of_a_list(cluster: Cluster) {
    ready_deployment(&cluster).await;
    let request = http::Request::get(format!("{}?includeObject=None", cluster.path("Pod")))
        .header("accept", TABLE)
        .body(Vec::new())
        .unwrap();
    let table: Value = cluster.admin.request(request).await.unwrap();
    assert_eq!(table["kind"], "Table");
    assert_eq!(column_names(&table), POD_COLUMNS);
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        &rows[0]["cells"].as_array().unwrap()[1..4],
        [json!("1/1"), json!("Running"), json!("0")]
    );
    assert_eq!(rows[0]["object"], Value::Null);
}

pub(crate) async fn a_table_watch_has_columns_in_its_first_event_only(cluster: Cluster) {
    ready_deployment(&cluster).await;
    let query = "includeObject=None&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true\
                 &labelSelector=app%3Dweb";
    let mut watch = cluster.watch_as("Pod", query, TABLE).await;
    let first = watch.next().await.unwrap();
    assert_eq!(
        (&first["type"], &first["object"]["kind"]),
        (&json!("ADDED"), &json!("Table"))
    );
    assert_eq!(column_names(&first["object"]), POD_COLUMNS);
    assert_eq!(first["object"]["rows"][0]["cells"][2], "Running");
    assert_eq!(first["object"]["rows"][0]["object"], Value::Null);
    assert!(first["object"]["metadata"]["resourceVersion"].is_string());
    let pod = first["object"]["rows"][0]["cells"][0]
        .as_str()
        .unwrap()
        .to_owned();

    let bookmark = watch.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    let row = &bookmark["object"]["rows"][0]["object"]["metadata"]["annotations"];
    assert_eq!(
        row,
        &json!({"k8s.io/initial-events-end": "true"}),
        "{bookmark}"
    );

    cluster
        .delete("Pod", &pod, json!({"gracePeriodSeconds": 0}))
        .await
        .unwrap();
    let deleted = loop {
        let event = watch.next().await.unwrap();
        assert_eq!(column_names(&event["object"]), [] as [&str; 0]);
        if event["type"] == "DELETED" {
            break event;
        }
    };
    assert_eq!(deleted["object"]["rows"][0]["cells"][0], json!(pod));
}
