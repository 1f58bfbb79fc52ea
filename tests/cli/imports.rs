//! `import` and `ls --sets`: what other tools deployed becomes an instance.

use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::program::Home;
use crate::world::{AwaitIn, World};

pub(crate) fn create(world: &World, object: Value) {
    let (api_version, kind) = (object["apiVersion"].clone(), object["kind"].clone());
    let api = world.api(api_version.as_str().unwrap(), kind.as_str().unwrap());
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object)
        .await_in(world)
        .unwrap();
}

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"LEVEL": "info"}})
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80}], "selector": {"app": name}}})
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "replicas": 1, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]}}}})
}

/// An object as Helm leaves it.
fn of_release(world: &World, release: &str, mut object: Value) -> Value {
    object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
    object["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!(release);
    object["metadata"]["annotations"]["meta.helm.sh/release-namespace"] = json!(world.namespace);
    object
}

pub(crate) fn a_helm_release_becomes_an_instance(world: &World) {
    for object in [config_map("settings"), service("shop"), deployment("shop")] {
        create(world, of_release(world, "shop", object));
    }
    create(world, of_release(world, "other", config_map("others")));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"k": "hunter2"}});
    create(world, of_release(world, "shop", secret));
    let role = format!("{}-shop", world.namespace);
    let rule = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role},
        "rules": []});
    let rule: DynamicObject = serde_json::from_value(of_release(world, "shop", rule)).unwrap();
    let roles = world.cluster_api("rbac.authorization.k8s.io/v1", "ClusterRole");
    roles
        .create(&PostParams::default(), &rule)
        .await_in(world)
        .unwrap();
    let mut hook = config_map("hook");
    hook["metadata"]["annotations"]["helm.sh/hook"] = json!("pre-install");
    create(world, of_release(world, "shop", hook));

    let import = |more: &[&str]| {
        let args = [&["import", "shop", "--helm", "shop"], more].concat();
        world.bowline(&args).end()
    };
    let refused = import(&[]).code(5).stdout("");
    refused.stderr_has(&["values of Secrets never stand in a definition, and there are some: token; `--secrets skip`"]);
    let before = world.home.files();
    let shown = import(&["--secrets", "skip", "--dry-run"]).code(0);
    let shown = shown.stdout_has(&[
        "# Taken from the Helm release shop",
        "kind: ConfigMap\n",
        "kind: Deployment\n",
    ]);
    let shown = shown.stderr_has(&[
        "take ConfigMap/settings",
        "take Service/shop",
        "leave Secret/token: values of Secrets are never taken",
        "leave ConfigMap/hook: it is a hook of Helm",
        &format!("leave ClusterRole/{role}: it is in no namespace, and `allow_cluster_scoped` is not set"),
        "the first deploy labels the pods of Deployment/shop as the instance's, which replaces them once",
    ]);
    for part in [
        "hunter2",
        "clusterIP",
        "uid",
        "resourceVersion",
        "status",
        "Helm\"",
        "others",
    ] {
        assert!(!shown.stdout.contains(part), "{part}:\n{}", shown.stdout);
    }
    assert_eq!(world.home.files(), before);

    let path = world.home.catalogue().join("shop.yaml");
    let written = import(&["--secrets", "skip"]).code(0);
    written.stdout(&format!("{}\n", path.display()));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), shown.stdout);
    import(&["--secrets", "skip"])
        .code(5)
        .stderr_has(&["exists already"]);
    import(&["--secrets", "skip", "--force"]).code(0);
    world
        .bowline(&["validate", "shop"])
        .end()
        .code(0)
        .stdout("");

    // It is Helm's until it is adopted.
    let refused = world.bowline(&["deploy", "shop", "-y"]).end().code(5);
    refused.stderr_has(&["Helm release shop"]);
    // What a deploy would change of it is shown before, too.
    let edited = shown.stdout.replace("LEVEL: info", "LEVEL: debug");
    world.home.save("shop", &edited);
    let diff = world.bowline(&["diff", "shop"]).end().code(1);
    let diff = diff.stdout_has(&["ConfigMap/settings", "-   LEVEL: info", "+   LEVEL: debug"]);
    diff.stderr_has(&[
        "warning: ConfigMap/settings exists already, and it belongs to Helm release shop",
    ]);
    world.home.save("shop", &shown.stdout);
    world
        .bowline(&["adopt", "shop", "--confirm", "shop"])
        .end()
        .code(0);
    let uid = |kind: &str| {
        let api = world.api(if kind == "Service" { "v1" } else { "apps/v1" }, kind);
        let live = api.get("shop").await_in(world).unwrap();
        (live.metadata.uid, live.data["spec"]["clusterIP"].clone())
    };
    let uids = [uid("Service"), uid("Deployment")];
    world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    assert_eq!([uid("Service"), uid("Deployment")], uids);
    world.bowline(&["diff", "shop"]).end().code(0);
    let wide = world
        .bowline(&["status", "shop", "-o", "wide"])
        .end()
        .code(0);
    wide.stdout_has(&["CONFIGMAP", "DEPLOYMENT   READY", "SERVICE", "CLUSTER-IP"]);
    world.bowline(&["delete", "shop", "-y"]).end().code(0);
    assert_eq!(world.all_names("shop"), [""; 0]);
    let token = world.api("v1", "Secret").get("token").await_in(world);
    assert!(token.is_ok());
    let params = kube::api::DeleteParams::default();
    roles.delete(&role, &params).await_in(world).unwrap();
}

pub(crate) fn a_set_of_another_tool_is_listed_taken_and_adopted(world: &World) {
    let id = "applyset-0eFHV8ySqp7XoShsGvyWFQD3s96yqwHmzc4e0HR1dsY-v1";
    let mut parent = config_map("theirs");
    parent["metadata"]["labels"] = json!({"applyset.kubernetes.io/id": id});
    parent["metadata"]["annotations"] = json!({
        "applyset.kubernetes.io/tooling": "kubectl/v1.36",
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps",
    });
    create(world, parent);
    for mut object in [config_map("settings"), deployment("shop")] {
        object["metadata"]["labels"]["applyset.kubernetes.io/part-of"] = json!(id);
        create(world, object);
    }
    let list = |args: &[&str]| {
        let args = [&["ls", "--sets"], args].concat();
        world.bowline(&args).end().code(0)
    };
    let table = list(&[]);
    table.stdout_has(&[
        "PARENT",
        "TOOL",
        "MEMBERS",
        "STATE",
        "ConfigMap/theirs   kubectl/v1.36   2",
    ]);
    list(&["-A", "-o", "wide"]).stdout_has(&["NAMESPACE", "ConfigMap,Deployment.apps", id]);
    list(&["-o", "name"]).stdout("ConfigMap/theirs\n");
    let value = list(&["-o", "json"]).json();
    let members: Vec<_> = value[0]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(members, ["ConfigMap", "Deployment"]);

    let mut wanted = [config_map("settings"), deployment("shop")];
    wanted[0]["data"] = json!({"LEVEL": "debug"});
    let mut silent = wanted[1].clone();
    silent
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key != "kind" && key != "apiVersion");
    let unfolded = json!({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [silent]});
    let text = format!("{}\n---\n{unfolded}\n", wanted[0]);
    let file = world.home.write("wanted.yaml", text);
    let file = file.to_str().unwrap();
    let diff = ["diff", "--applyset", "cm/theirs", "-f", file];
    let changed = world.bowline(&diff).end().code(1);
    let changed = changed.stdout_has(&["ConfigMap/settings", "+   LEVEL: debug"]);
    assert!(!changed.stdout.contains("delete"), "{}", changed.stdout);
    let twice = world.home.write(
        "twice.yaml",
        "apiVersion: v1\nkind: ConfigMap\nkind: Secret\nmetadata: {name: a}\n",
    );
    let diff = [
        "diff",
        "--applyset",
        "cm/theirs",
        "-f",
        twice.to_str().unwrap(),
    ];
    let ended = world.bowline(&diff).end().code(2).stdout("");
    ended.stderr_has(&[
        "twice.yaml:3:1: error: ",
        "twice.yaml has faults; nothing was compared",
    ]);
    let missing = world
        .bowline(&["import", "shop", "--set", "cm/nothing"])
        .end()
        .code(1);
    missing.stderr_has(&["no ApplySet cm/nothing in namespace"]);
    world
        .bowline(&["import", "shop", "--set", "cm/theirs"])
        .end()
        .code(0);
    let refused = world.bowline(&["deploy", "shop", "-y"]).end().code(5);
    refused.stderr_has(&["the ApplySet ConfigMap theirs in namespace"]);
    world
        .bowline(&["adopt", "shop", "--confirm", "shop"])
        .end()
        .code(0);
    world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    let sets = list(&["-o", "json"]).json();
    let counts: Vec<_> = sets
        .as_array()
        .unwrap()
        .iter()
        .map(|set| {
            (
                set["parent"]["name"].as_str().unwrap(),
                set["members"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(counts, [("bowline-shop", 2), ("theirs", 0)]);
    world.bowline(&["delete", "shop", "-y"]).end().code(0);
    assert_eq!(world.names("apps/v1", "Deployment", "shop"), [""; 0]);
}

#[test]
fn an_import_names_exactly_one_origin() {
    let home = Home::new();
    home.bowline(&["import", "shop"]).end().code(2);
    home.bowline(&["import", "shop", "--helm", "a", "-l", "a=b"])
        .end()
        .code(2);
    home.bowline(&["import", "shop", "-l", ""])
        .end()
        .code(2)
        .stderr_has(&["an empty selector"]);
}
