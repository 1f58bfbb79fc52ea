//! `explain` and `schema`: what fields are for, without a cluster and with one.

use std::path::PathBuf;

use serde_json::json;

use crate::program::Home;
use crate::world::World;

#[test]
fn kinds_and_fields_are_explained_without_a_cluster() {
    let home = Home::new();
    let explain = |field: &str| {
        let run = home
            .bowline(&["explain", field])
            .env("KUBECONFIG", "/nonexistent");
        run.end().code(0)
    };
    let deployment = explain("deploy");
    deployment.stdout_has(&[
        "GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n",
        "DESCRIPTION:\n    Deployment enables declarative updates",
        "\n  spec  <DeploymentSpec>\n",
    ]);
    let ports = explain("pods.spec.containers[0].ports");
    ports.stdout_has(&[
        "FIELD: ports <[]ContainerPort>",
        "  containerPort  <integer> -required-\n",
    ]);
    explain("hpa").stdout_has(&["VERSION:    v2\n"]);
    let v1 = home.bowline(&["explain", "hpa", "--api-version", "autoscaling/v1"]);
    v1.end().code(0).stdout_has(&["VERSION:    v1\n"]);
    let all = home
        .bowline(&["explain", "pod.spec", "--recursive"])
        .end()
        .code(0);
    all.stdout_has(&["\n    resources  <ResourceRequirements>\n      claims  <[]ResourceClaim>\n"]);
}

#[test]
fn the_service_definition_is_explained_by_its_own_name_and_by_that_of_what_it_makes() {
    let home = Home::new();
    let by_name = home
        .bowline(&["explain", "definition.containers.ports"])
        .end()
        .code(0);
    let by_name = by_name.stdout_has(&[
        "service definition of bowline",
        "FIELD: ports <[]Port>",
        "  targetPort  <integer>\n",
    ]);
    let by_kind = home
        .bowline(&["explain", "service.containers.ports"])
        .end()
        .code(0);
    assert_eq!(by_kind.stdout, by_name.stdout);
    // The kind itself wins where it has the field.
    let kind = home
        .bowline(&["explain", "service.spec.ports"])
        .end()
        .code(0);
    kind.stdout_has(&["KIND:       Service", "FIELD: ports <[]ServicePort>"]);
    let flag = home
        .bowline(&["explain", "definition", "--online"])
        .end()
        .code(2);
    flag.stderr_has(&["leave --api-version and --online out"]);
}

#[test]
fn a_field_that_is_not_there_is_named_with_what_was_meant() {
    let home = Home::new();
    let ended = home
        .bowline(&["explain", "pod.spec.contaners.ports"])
        .end()
        .code(1);
    ended
        .stdout("")
        .stderr_has(&["spec has no field \"contaners\"; did you mean containers?"]);
    let ended = home.bowline(&["explain", "pod.spec["]).end().code(2);
    ended.stderr_has(&["is no path"]);
}

#[test]
fn schemas_are_printed_for_editors() {
    let home = Home::new();
    let own = home.bowline(&["schema"]).end().code(0).json();
    assert_eq!(own["required"], json!(["containers"]));
    assert_eq!(
        own["definitions"]["Port"]["properties"]["protocol"]["enum"],
        json!(["TCP", "UDP", "SCTP"])
    );
    let kind = home.bowline(&["schema", "deployment"]).end().code(0).json();
    assert_eq!(kind["properties"]["apiVersion"]["enum"], json!(["apps/v1"]));
}

pub(crate) fn custom_kinds_are_explained_by_their_definition(world: &World) {
    let group = format!("{}.example.com", world.namespace);
    // Others define kinds on the same server at the same time.
    let short = format!("bk{}", world.namespace.replace('-', ""));
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("backups.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "backups", "singular": "backup", "kind": "Backup", "listKind": "BackupList",
                "shortNames": [short]},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object",
                "description": "A copy of data.",
                "properties": {"spec": {"type": "object", "required": ["schedule"], "properties": {
                    "schedule": {"type": "string", "description": "When to make one."},
                    "keep": {"type": "integer", "minimum": 1, "description": "How many to keep."},
                }}},
            }}}],
        },
    });
    world.define_kind(&definition);
    let api_version = format!("{group}/v1");
    let explain = |args: &[&str]| {
        let args = [&["explain"], args].concat();
        world.bowline(&args).end()
    };
    let args = ["backups.spec", "--api-version", &api_version];
    // A server publishes the schema of a new kind a moment after it serves the kind.
    let mut tries = (0..200).map(|_| explain(&args));
    let published = tries.find(|ended| ended.stderr.is_empty()).unwrap();
    published.stdout_has(&[
        "KIND:       Backup",
        "FIELD: spec <Object>",
        "  schedule  <string> -required-\n    When to make one.\n",
        "  keep  <integer>\n  minimum: 1\n    How many to keep.\n",
    ]);
    explain(&[&format!("{short}.spec.keep")])
        .code(0)
        .stdout_has(&["KIND:       Backup", "FIELD: keep <integer>"]);
    let cached = |path: &&PathBuf| path.to_string_lossy().contains("/openapi/");
    let before = world.home.files();
    let kept: Vec<_> = before.keys().filter(cached).collect();
    assert!(!kept.is_empty());
    explain(&args).code(0);
    let after = world.home.files();
    assert_eq!(after.keys().filter(cached).collect::<Vec<_>>(), kept);
    explain(&["gizmo"])
        .code(1)
        .stderr_has(&["neither bowline nor the cluster knows a kind gizmo"]);
    explain(&["deplyoment"])
        .code(1)
        .stderr_has(&["knows a kind deplyoment; did you mean Deployment?"]);
    // What is built in can be asked of the cluster too.
    explain(&["deploy.spec.replicas", "--online"])
        .code(0)
        .stdout_has(&["FIELD: replicas <integer>"]);
    world.undefine_kind(&format!("backups.{group}"));
}
