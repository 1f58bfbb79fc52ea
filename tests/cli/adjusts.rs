//! `scale` and `restart` on a cluster.

use serde_json::{Value, json};

use crate::program::{DB, WEB};
use crate::world::World;

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
    shown.stdout_has(&["Deployment/web: 0 → 1 replicas"]);
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
        "Deployment/web: restart of 1 replicas",
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
    // One that is missing keeps all from being changed.
    world
        .bowline(&["scale", "web", "shop", "1", "--confirm", "web"])
        .end()
        .code(1);
    assert_eq!(state(world, "web"), json!(["Ready", 2]));
}
