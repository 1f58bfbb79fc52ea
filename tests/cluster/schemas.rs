//! The schemas of a cluster's kinds, and objects as it prints them: custom kinds by their own definition.

use bowline::cluster::{Cluster as Engine, Identity, Selector};
use bowline::definition::object::GroupKind;
use bowline::schema::{Schemas, built_in, check_documents};
use http::Method;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ask, send, until_found};
use crate::objects::config_map;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn engine(cluster: &Cluster) -> Engine {
    let namespace = cluster.namespace.parse().unwrap();
    Engine::new(cluster.admin.clone(), Identity::default(), namespace)
}

/// A custom kind of this case alone.
struct Custom<'a> {
    cluster: &'a Cluster,
    group: String,
}

impl<'a> Custom<'a> {
    async fn define(cluster: &'a Cluster) -> Self {
        let group = format!("{}.schemas.example.com", cluster.namespace);
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("backups.{group}")},
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"plural": "backups", "singular": "backup", "kind": "Backup", "listKind": "BackupList"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "additionalPrinterColumns": [
                        {"name": "Schedule", "type": "string", "jsonPath": ".spec.schedule"},
                        {"name": "Keep", "type": "integer", "jsonPath": ".spec.keep", "priority": 1},
                    ],
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                        "type": "object", "required": ["schedule"], "properties": {
                            "schedule": {"type": "string", "pattern": "^[0-9*/ ]+$"},
                            "keep": {"type": "integer", "minimum": 1, "maximum": 30},
                        },
                    }}}},
                }],
            },
        });
        cluster.define(&definition).await;
        Self { cluster, group }
    }

    fn path(&self) -> String {
        let (group, namespace) = (&self.group, &self.cluster.namespace);
        format!("/apis/{group}/v1/namespaces/{namespace}/backups")
    }

    fn backup(&self, name: &str, spec: Value) -> Value {
        json!({"apiVersion": format!("{}/v1", self.group), "kind": "Backup",
            "metadata": {"name": name, "labels": {"app": "x"}}, "spec": spec})
    }

    async fn create(&self, backup: &Value) {
        let client = &self.cluster.admin;
        ask(client, Method::POST, &self.path(), Some(backup))
            .await
            .unwrap();
    }

    async fn undefine(self) {
        let path = format!("{DEFINITIONS}/backups.{}", self.group);
        ask(&self.cluster.admin, Method::DELETE, &path, None)
            .await
            .unwrap();
    }
}

pub(crate) async fn a_custom_kind_is_checked_by_the_clusters_schema(cluster: Cluster) {
    let custom = Custom::define(&cluster).await;
    let engine = engine(&cluster);
    let api_version = format!("{}/v1", custom.group);
    // A server publishes the schema of a new kind a moment after it serves the kind.
    let document = until_found("the schema of Backup", async || {
        let index = engine.open_api().await.unwrap();
        let document = engine.schemas(&index, &api_version, None).await.unwrap();
        document.filter(|it| it.kind(&api_version, "Backup").is_some())
    })
    .await;
    let schemas = Schemas(vec![&document, built_in()]);
    let text = format!(
        "apiVersion: {api_version}\nkind: Backup\nmetadata: {{name: a, lables: {{}}}}\nspec: {{schedule: nightly, keep: 31, kep: 1}}\n"
    );
    let faults = check_documents(&text, &schemas);
    let said: Vec<_> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        said,
        [
            "`lables` is not a key here; did you mean `labels`?",
            "`schedule` cannot be `nightly`; allowed is what matches ^[0-9*/ ]+$",
            "`keep` must be a whole number from 1 to 30, not 31",
            "`kep` is not a key here; did you mean `keep`?",
        ]
    );
    // What passes here passes there too.
    let right = custom.backup("a", json!({"schedule": "0 3 * * *", "keep": 7}));
    assert_eq!(check_documents(&right.to_string(), &schemas), []);
    custom.create(&right).await;
    custom.undefine().await;
}

pub(crate) async fn a_kind_without_a_document_has_no_schema(cluster: Cluster) {
    let engine = engine(&cluster);
    let index = engine.open_api().await.unwrap();
    assert!(index.api_versions().any(|it| it == "apps/v1"));
    let none = engine
        .schemas(&index, "nowhere.example.com/v1", None)
        .await
        .unwrap();
    assert!(none.is_none());
}

/// What is built in was taken from a server: each says the same of what people write.
pub(crate) async fn built_in_schemas_are_the_servers_own(cluster: Cluster) {
    let engine = engine(&cluster);
    let index = engine.open_api().await.unwrap();
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("v1", "Secret"),
        ("networking.k8s.io/v1", "Ingress"),
    ] {
        let document = engine
            .schemas(&index, api_version, None)
            .await
            .unwrap()
            .unwrap();
        let of_server = document.kind(api_version, kind).unwrap();
        let own = built_in().kind(api_version, kind).unwrap();
        let shape = |schema: bowline::schema::Schema<'_>| -> Vec<String> {
            let fields = schema
                .at(&"spec".parse().unwrap())
                .unwrap_or(schema)
                .properties();
            fields
                .map(|(name, field)| format!("{name} {} {:?}", field.type_name(), field.allowed()))
                .collect()
        };
        assert_eq!(shape(own), shape(of_server), "{kind}");
    }
}

pub(crate) async fn objects_are_printed_with_the_columns_of_their_kind(cluster: Cluster) {
    let custom = Custom::define(&cluster).await;
    let engine = engine(&cluster);
    let spec = json!({"schedule": "0 3 * * *", "keep": 7});
    custom.create(&custom.backup("a", spec)).await;
    let mut labelled = config_map("settings", json!({"A": "1", "B": "2"}));
    labelled["metadata"]["labels"] = json!({"app": "x"});
    cluster.create(&labelled).await.unwrap();
    cluster
        .create(&config_map("other", json!({})))
        .await
        .unwrap();
    let selector = Selector::asked(&"app=x".parse().unwrap());
    let here = cluster.namespace.parse().unwrap();

    let kind = GroupKind::new("", "ConfigMap");
    let printed = engine.printed(&kind, Some(&here), &selector).await.unwrap();
    let columns: Vec<_> = printed.columns.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(columns, ["NAME", "DATA", "AGE"]);
    assert_eq!(printed.rows.len(), 1);
    assert_eq!(printed.rows[0].cells[..2], ["settings", "2"]);
    assert_eq!(printed.rows[0].namespace.as_deref(), Some(here.as_str()));

    let kind = GroupKind::new(&custom.group, "Backup");
    let printed = engine.printed(&kind, Some(&here), &selector).await.unwrap();
    let columns: Vec<_> = printed
        .columns
        .iter()
        .map(|it| (it.name.as_str(), it.is_wide))
        .collect();
    assert_eq!(
        columns,
        [("NAME", false), ("SCHEDULE", false), ("KEEP", true)]
    );
    assert_eq!(printed.rows[0].cells, ["a", "0 3 * * *", "7"]);
    custom.undefine().await;
}

/// Without a webhook the versions of a kind differ in nothing but their names.
pub(crate) async fn a_custom_kind_is_served_in_all_its_versions(cluster: Cluster) {
    let group = format!("{}.versions.example.com", cluster.namespace);
    let version = |name: &str, served: bool, storage: bool| {
        json!({"name": name, "served": served, "storage": storage,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                "type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}}}}})
    };
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gauges.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gauges", "singular": "gauge", "kind": "Gauge", "listKind": "GaugeList"},
            "versions": [version("v1", true, true), version("v1beta1", true, false), version("v1alpha1", false, false)],
        },
    });
    cluster.define(&definition).await;
    let client = &cluster.admin;
    let get = async |path: &str| ask(client, Method::GET, path, None).await;
    let found = until_found("all versions of Gauge", async || {
        let found = get(&format!("/apis/{group}")).await.ok()?;
        (found["versions"].as_array()?.len() == 2).then_some(found)
    })
    .await;
    assert_eq!(found["preferredVersion"]["version"], "v1");
    let names = ["v1", "v1beta1"];
    assert_eq!([0, 1].map(|idx| &found["versions"][idx]["version"]), names);

    let at = |version: &str| {
        let namespace = &cluster.namespace;
        format!("/apis/{group}/{version}/namespaces/{namespace}/gauges")
    };
    let gauge = |version: &str, spec: Value| json!({"apiVersion": format!("{group}/{version}"), "kind": "Gauge", "metadata": {"name": "g"}, "spec": spec});
    let applied = async |version: &str, spec: Value| {
        let path = format!("{}/g?fieldManager=bowline%2Fweb", at(version));
        let text = gauge(version, spec).to_string();
        let applied = send(
            client,
            Method::PATCH,
            &path,
            "application/apply-patch+yaml",
            text,
        )
        .await;
        applied.value().unwrap()
    };
    let made = applied("v1beta1", json!({"a": "1", "b": "2"})).await;
    assert_eq!(made["apiVersion"], format!("{group}/v1beta1"));
    for version in names {
        let wanted = format!("{group}/{version}");
        let live = get(&format!("{}/g", at(version))).await.unwrap();
        let list = get(&at(version)).await.unwrap();
        let events = format!("{}?watch=true&timeoutSeconds=1", at(version));
        let event = get(&events).await.unwrap();
        for object in [&live, &list["items"][0], &event["object"]] {
            assert_eq!(object["apiVersion"], wanted);
            assert_eq!(object["metadata"]["uid"], made["metadata"]["uid"]);
            assert_eq!(object["spec"], json!({"a": "1", "b": "2"}));
        }
    }
    // What one applied in one version it owns in all of them.
    let after = applied("v1", json!({"a": "1"})).await;
    assert_eq!(after["apiVersion"], format!("{group}/v1"));
    assert_eq!(after["spec"], json!({"a": "1"}));
    assert!(get(&at("v1alpha1")).await.is_err());

    let path = format!("{DEFINITIONS}/gauges.{group}");
    let versions = [("v1", true), ("v1beta1", false), ("v1alpha1", false)];
    let unserved = versions.map(|(name, storage)| version(name, false, storage));
    let body = json!({"spec": {"versions": unserved}}).to_string();
    let patched = send(
        client,
        Method::PATCH,
        &path,
        "application/merge-patch+json",
        body,
    )
    .await;
    patched.value().unwrap();
    until_found("no version of Gauge any more", async || {
        get(&at("v1")).await.err()
    })
    .await;
    let deleted = ask(client, Method::DELETE, &path, None).await;
    deleted.unwrap();
}
