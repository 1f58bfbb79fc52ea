//! Manifests on the command line: the same commands as for service definitions, and the lines of their faults.

use serde_json::json;

use crate::program::Home;
use crate::world::World;

const SHOP: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {script: 'echo $HOME'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: frontend}
spec:
  replicas: 1
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: web, image: 'nginx:1.27'}]}
";

pub(crate) fn manifests_are_deployed_changed_and_taken_down(world: &World) {
    world.home.save("shop", SHOP);
    let ended = world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    ended.stderr_has(&["ConfigMap/settings", "Deployment/frontend"]);
    world.bowline(&["diff", "shop"]).end().code(0);
    let told = world
        .bowline(&["status", "shop", "-o", "json"])
        .end()
        .code(0);
    let told = told.json();
    assert_eq!(told["state"], "Ready");
    assert_eq!(told["replicas"], 1);
    world
        .home
        .save("shop", &SHOP.replace("echo $HOME", "echo $PWD"));
    let ended = world.bowline(&["diff", "shop"]).end().code(1);
    ended.stdout_has(&["echo $PWD"]);
    world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    world.bowline(&["delete", "shop", "-y"]).end().code(0);
    assert_eq!(world.all_names("shop"), Vec::<String>::new());
    // What was taken down is put back from its text.
    world.bowline(&["restore", "shop", "-y"]).end().code(0);
    assert!(
        world
            .all_names("shop")
            .contains(&"Deployment/frontend".to_owned())
    );
    world.bowline(&["delete", "shop", "-y"]).end().code(0);
}

pub(crate) fn every_fault_of_manifests_is_told_with_its_line(world: &World) {
    let faulty = SHOP.replace("replicas: 1", "replica: 1");
    world.home.save("shop", &faulty);
    let ended = world.bowline(&["validate", "shop"]).end().code(1);
    ended.stdout_has(&[":11:3: error: `replica` is not a key here; did you mean `replicas`?"]);
    world.home.save("shop", SHOP);
    let ended = world
        .bowline(&["deploy", "shop", "--set", "a=b", "-y"])
        .end();
    ended.code(1).stderr_has(&["manifests have no parameters"]);
    let role = "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: r}, rules: []}\n";
    world.home.save("shop", role);
    let ended = world.bowline(&["deploy", "shop", "-y"]).end();
    ended
        .code(1)
        .stderr_has(&["ClusterRole/r is in no namespace", "allow_cluster_scoped"]);
    assert_eq!(world.all_names("shop"), Vec::<String>::new());
}

pub(crate) fn manifests_are_rendered_without_a_cluster(world: &World) {
    world.home.save("shop", SHOP);
    let told = world
        .bowline(&["render", "shop", "-o", "json"])
        .end()
        .code(0)
        .json();
    let config = &told["items"][0];
    assert_eq!(config["data"], json!({"script": "echo $HOME"}));
    assert_eq!(config["metadata"]["namespace"], world.namespace.as_str());
    assert_eq!(
        config["metadata"]["labels"]["app.kubernetes.io/instance"],
        "shop"
    );
}

/// Which namespace is worked in is known only once the settings of the cluster are.
#[test]
fn an_object_of_another_namespace_is_refused_with_its_file_and_line() {
    let home = Home::new();
    let far = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: far, namespace: far-away}\n";
    let file = home.write("shop.yaml", format!("{SHOP}{far}"));
    let (file, line) = (file.to_str().unwrap(), SHOP.lines().count() + 2);
    let refusal = format!("refused: {file}:{line}: ConfigMap/far is for namespace far-away");
    for (args, code) in [(&["deploy", "-y"][..], 1), (&["diff"], 2)] {
        let args = [&["--sandbox"], args, &["-f", file]].concat();
        let refused = home.bowline(&args).end().code(code);
        refused.stderr_has(&[&refusal, "allow_namespaces"]);
    }
}

pub(crate) fn a_kind_that_the_cluster_does_not_serve_is_a_fault(world: &World) {
    let gizmo = "apiVersion: gone.example.com/v1\nkind: Gizmo\nmetadata: {name: one}\n";
    world.home.save("shop", &format!("{SHOP}---\n{gizmo}"));
    let offline = world.bowline(&["validate", "shop"]).end().code(0);
    offline.stdout_has(&["warning: no schema of Gizmo"]);
    let online = world
        .bowline(&["validate", "shop", "--online"])
        .end()
        .code(1);
    assert!(!online.stdout.contains("no schema"), "{}", online.stdout);
    online.stdout_has(&["error: the cluster serves no gone.example.com/v1 Gizmo"]);
    let kind = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gizmos.gone.example.com}\n\
        spec: {group: gone.example.com, scope: Namespaced, names: {plural: gizmos, singular: gizmo, kind: Gizmo},\n  \
        versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n";
    world.home.save("shop", &format!("{kind}---\n{gizmo}"));
    let settings = "[policy]\nallow_cluster_scoped = true\n";
    world.home.write("config/bowline/config.toml", settings);
    let online = ["validate", "shop", "--online"];
    world.bowline(&online).end().code(0);
}

pub(crate) fn custom_objects_are_checked_on_the_cluster_before_anything_is_done(world: &World) {
    let group = format!("{}.example.com", world.namespace);
    world.define_kind(&json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("gauges.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "gauges", "singular": "gauge", "kind": "Gauge", "listKind": "GaugeList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "properties": {"spec": {"type": "object", "properties": {"level": {"type": "integer"}}}},
            }}}],
        },
    }));
    let gauge = |spec: &str| {
        let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n---\n";
        format!(
            "{config}apiVersion: {group}/v1\nkind: Gauge\nmetadata: {{name: one}}\nspec:\n{spec}"
        )
    };
    world
        .home
        .save("shop", &gauge("  level: high\n  levle: 1\n"));
    let faults = [
        "shop.yaml:9:10: error: `level` must be a whole number, not text",
        "shop.yaml:10:3: error: `levle` is not a key here; did you mean `level`?",
    ];
    // A server publishes the schema of a new kind a moment after it serves the kind.
    let mut tries = (0..200).map(|_| world.bowline(&["validate", "shop", "--online"]).end());
    let published = tries.find(|ended| !ended.stdout.contains("no schema of Gauge"));
    published.unwrap().code(1).stdout_has(&faults);
    world
        .bowline(&["validate", "shop"])
        .end()
        .code(0)
        .stdout_has(&["warning: no schema of Gauge"]);
    let refused = world.bowline(&["deploy", "shop", "-y"]).end().code(1);
    refused.stderr_has(&[faults[0], faults[1], "has faults; nothing was done"]);
    let refused = world.bowline(&["diff", "shop"]).end();
    refused.code(2).stderr_has(&faults);
    assert_eq!(world.all_names("shop"), Vec::<String>::new());
    world.home.save("shop", &gauge("  level: 1\n"));
    let ended = world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    assert!(!ended.stderr.contains("no schema"), "{}", ended.stderr);
    world.bowline(&["delete", "shop", "-y"]).end().code(0);
    world.undefine_kind(&format!("gauges.{group}"));
}
