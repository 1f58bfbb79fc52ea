//! `scale` and `restart` on a cluster.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::program::{DB, WEB};
use crate::world::{AwaitIn, World};

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

fn state(world: &World, id: &str) -> Value {
    let status = world.bowline(&["status", id, "-o", "json"]).end().code(0);
    let status = status.json();
    json!([status["state"], status["replicas"]])
}

pub(crate) fn an_instance_is_scaled_stopped_and_started(world: &World) {
    deploy(world, "web", &WEB.replace("replicas: 1\n", ""));
    let ended = world.bowline(&["scale", "web", "2"]).end().code(0);
    ended
        .stdout("")
        .stderr_has(&["Deployment/web: 1 → 2 replicas", "✔ ready"]);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
    let told = world
        .bowline(&["scale", "web", "0", "-o", "json"])
        .end()
        .code(0)
        .json();
    assert_eq!(
        json!([
            told[0]["wantedReplicas"],
            told[0]["objects"][0]["replicas"],
            told[0]["outcome"]["complete"]
        ]),
        json!([0, 2, true])
    );
    assert_eq!(state(world, "web"), json!(["Stopped", 0]));
    let list = world.bowline(&["ls"]).end().code(0);
    list.stdout_has(&["Stopped"]);
    let same = world.bowline(&["scale", "web", "0"]).end().code(0);
    same.stderr_has(&["has 0 replicas already"]);
    let shown = world
        .bowline(&["scale", "web", "1", "--dry-run"])
        .end()
        .code(0);
    shown.stdout_has(&["Deployment/web: 0 → 1 replica"]);
    assert_eq!(state(world, "web"), json!(["Stopped", 0]));
}

pub(crate) fn several_are_restarted_in_one_go(world: &World) {
    deploy(world, "web", WEB);
    deploy(world, "db", DB);
    let before = [
        world.names("v1", "Pod", "web"),
        world.names("apps/v1", "ReplicaSet", "web"),
    ];
    let ended = world
        .bowline(&["restart", "web", "db", "web"])
        .end()
        .code(0);
    ended.stdout("").stderr_has(&[
        "Deployment/web: restart of 1 replica",
        "web: ✔ Deployment/web applied: its pods are replaced",
        "db: ✔ StatefulSet/db applied: its pods are replaced",
        "web: ✔ ready",
        "db: ✔ ready",
    ]);
    let sets = world.names("apps/v1", "ReplicaSet", "web");
    assert_eq!(sets.len(), before[1].len() + 1);
    world.bowline(&["diff", "web"]).end().code(0);
}

pub(crate) fn what_is_protected_or_missing_is_not_adjusted(world: &World) {
    deploy(world, "web", &format!("protected: true\n{WEB}"));
    let refused = world.bowline(&["scale", "web", "2", "-y"]).end().code(5);
    refused.stderr_has(&["web is protected", "--confirm web"]);
    assert_eq!(state(world, "web"), json!(["Ready", 1]));
    let refused = world.bowline(&["restart", "web"]).end().code(5);
    refused.stderr_has(&["web is protected"]);
    world
        .bowline(&["scale", "web", "2", "--confirm", "web"])
        .end()
        .code(0);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
    let missing = world.bowline(&["restart", "shop"]).end().code(1);
    missing.stderr_has(&["there is no instance shop", &world.namespace]);
    // Where one is missing, the others are changed only if somebody says so.
    world
        .bowline(&["scale", "web", "shop", "1", "--confirm", "web"])
        .end()
        .code(1);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
}

pub(crate) fn what_is_refused_is_left_and_keeps_no_other_from_being_adjusted(world: &World) {
    deploy(world, "web", WEB);
    deploy(world, "safe", &format!("protected: true\n{WEB}"));
    // Without a word nothing is done, and it is said how to go on.
    let refused = world.bowline(&["scale", "web", "safe", "shop", "2"]).end();
    refused.code(5).stderr_has(&[
        "there is no instance shop",
        "refused: safe: safe is protected: repeat its ID with --confirm safe",
        "nothing was changed: --yes goes on with web alone",
    ]);
    assert_eq!(state(world, "web"), json!(["Ready", 1]));
    let scale = ["scale", "web", "safe", "shop", "2", "-y", "-o", "json"];
    let partly = world.bowline(&scale).end().code(3);
    let partly = partly.stderr_has(&["1 of 3 done; left as they were: safe, shop"]);
    let told = partly.json();
    let outcome = |n: usize| &told[n]["outcome"]["complete"];
    assert_eq!((&told[0]["id"], outcome(0)), (&json!("web"), &json!(true)));
    assert_eq!((&told[1]["id"], outcome(1)), (&json!("safe"), &Value::Null));
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
    assert_eq!(state(world, "safe"), json!(["Ready", 1]));
    let both = ["restart", "web", "safe", "--confirm", "safe"];
    world.bowline(&both).end().code(0);
}

pub(crate) fn an_id_that_is_confirmed_is_one_that_was_named(world: &World) {
    deploy(world, "web", WEB);
    for (args, done) in [
        (&["scale", "web", "2"][..], "scaled"),
        (&["restart", "web"], "restarted"),
        (&["update-ingress", "web", "-y"], "given its routes anew"),
        (&["delete", "web", "-y"], "taken down"),
    ] {
        let args = [args, &["--confirm", "wbe"]].concat();
        let refused = world.bowline(&args).end().code(2);
        let told = format!("--confirm says wbe, and it is web that would be {done}");
        refused.stderr_has(&[&told]);
    }
    assert_eq!(state(world, "web"), json!(["Ready", 1]));
}

pub(crate) fn a_number_of_others_is_taken_left_or_refused(world: &World) {
    deploy(world, "web", WEB);
    let patch = json!({"spec": {"replicas": 3}});
    let params = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    let api = world.api("apps/v1", "Deployment");
    api.patch("web", &params, &Patch::Merge(&patch))
        .await_in(world)
        .unwrap();
    let conflict = "conflict with \"kubectl-edit\"";
    let refused = world.bowline(&["scale", "web", "2"]).end().code(5);
    let refused = refused.stderr_has(&[
        "Deployment/web: 3 → 2 replicas",
        conflict,
        "--force-conflicts takes it over, --yield-conflicts leaves it",
    ]);
    assert_eq!(refused.stderr.matches(conflict).count(), 1);
    let left = world.bowline(&["scale", "web", "2", "--yield-conflicts"]);
    left.end()
        .code(0)
        .stderr_has(&["left to its owner: Deployment/web .spec.replicas", conflict]);
    assert_eq!(state(world, "web")[1], 3);
    let taken = world.bowline(&["scale", "web", "2", "--force-conflicts"]);
    taken.end().code(0).stderr_has(&[
        "taken over from its owner: Deployment/web .spec.replicas",
        "the definition sets 1 replica of Deployment/web: the next deploy goes back to 1",
        &format!(
            "`bowline pull web -n {}` takes 2 into the definition",
            world.namespace
        ),
    ]);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
    world.bowline(&["pull", "web", "-y"]).end().code(0);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
}

pub(crate) fn one_of_several_workloads_is_named(world: &World) {
    let workload = |kind: &str, name: &str| {
        json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": {
            "serviceName": (kind == "StatefulSet").then_some(name),
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]},
            },
        }})
    };
    let without_nulls = |object: Value| object.to_string().replace("\"serviceName\":null,", "");
    let text = format!(
        "{}\n---\n{}\n",
        without_nulls(workload("Deployment", "front")),
        without_nulls(workload("StatefulSet", "back"))
    );
    deploy(world, "shop", &text);
    let refused = world.bowline(&["scale", "shop", "2"]).end().code(5);
    refused.stderr_has(&[
        "shop has several workloads",
        "Deployment/front, StatefulSet/back",
        "choose one with --workload KIND/NAME",
    ]);
    let scale = |name: &str| world.bowline(&["scale", "shop", "2", "--workload", name]);
    scale("front").end().code(2).stderr_has(&["KIND/NAME"]);
    scale("deploy/back")
        .end()
        .code(1)
        .stderr_has(&["no Deployment/back"]);
    scale("sts/back")
        .end()
        .code(0)
        .stderr_has(&["StatefulSet/back: 1 → 2 replicas"]);
    let ended = world
        .bowline(&["restart", "shop", "--workload", "deployment/front"])
        .end()
        .code(0);
    assert!(!ended.stderr.contains("StatefulSet"), "{}", ended.stderr);
}
