//! Several instances at once, chosen by a selector.

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::program::WEB;
use crate::world::{AwaitIn, World};

/// Deploys two of one tier and one of another.
fn deploy(world: &World) {
    for (id, tier) in [("web", "front"), ("api", "front"), ("db", "back")] {
        world
            .home
            .save(id, &format!("{WEB}labels: {{tier: {tier}}}\n"));
        world.bowline(&["deploy", id, "-y"]).end().code(0);
    }
}

fn ids(told: &Value) -> Vec<&str> {
    let rows = told.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap()).collect()
}

pub(crate) fn a_selector_chooses_what_is_shown_and_changed(world: &World) {
    deploy(world);
    world.home.save("saved", WEB);
    for command in ["ls", "status"] {
        let told = world
            .bowline(&[command, "-l", "tier in (front)", "-o", "json"])
            .end()
            .code(0)
            .json();
        assert_eq!(ids(&told), ["api", "web"], "{command}");
        let told = world.bowline(&[command, "-l", "tier=none", "-o", "json"]);
        let ended = told.end().code(0);
        assert_eq!(ended.json(), json!([]), "{command}");
    }
    let ended = world.bowline(&["scale", "-l", "tier=front", "2"]).end();
    ended.code(2).stderr_has(&["--yes"]);
    let ended = world
        .bowline(&["scale", "-l", "tier=front", "2", "-y"])
        .end()
        .code(0);
    ended.stderr_has(&[
        "api in",
        "web in",
        "1 → 2 replicas",
        "api: ✔ ready",
        "web: ✔ ready",
    ]);
    let told = world
        .bowline(&["restart", "-l", "tier!=front", "-y", "-o", "json"])
        .end()
        .code(0)
        .json();
    assert_eq!(ids(&told), ["db"]);
    assert_eq!(told[0]["outcome"]["complete"], true);
    let ended = world
        .bowline(&["delete", "-l", "tier=none", "-y"])
        .end()
        .code(0);
    ended.stderr_has(&["no instance in namespace", "tier=none", &world.namespace]);
    world
        .bowline(&["delete", "-l", "tier=front", "-y"])
        .end()
        .code(0);
    assert_eq!(world.all_names("web"), [""; 0]);
    assert_eq!(world.all_names("api"), [""; 0]);
    assert!(!world.all_names("db").is_empty());
}

pub(crate) fn of_several_the_one_that_is_busy_is_named(world: &World) {
    deploy(world);
    let records = world.api("v1", "ConfigMap");
    let beating = world.spawn(async move {
        for beat in 0.. {
            let noted = json!({"kind": "deploy", "step": "begins", "holder": "ann@bastion/7",
                               "heartbeat": format!("2026-01-01T00:00:00.{beat:06}Z")});
            let annotations = json!({"bowline.dev/operation": noted.to_string()});
            let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
            let params = PatchParams::default();
            // It may be overtaken, and beats again.
            let _ = records.patch("bowline-api", &params, &patch).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    // It is noted before anything else is asked for.
    loop {
        let api = world.api("v1", "ConfigMap");
        let record = api.get("bowline-api").await_in(world).unwrap();
        let annotations = record.metadata.annotations.unwrap();
        if annotations.contains_key("bowline.dev/operation") {
            break;
        }
    }
    let partly = world
        .bowline(&["restart", "-l", "tier=front", "-y"])
        .end()
        .code(3);
    partly.stderr_has(&[
        "refused: api:",
        "api is busy: ann@bastion/7 runs a deploy",
        "✔ ready",
        "1 of 2 done; left as they were: api",
    ]);
    let partly = world
        .bowline(&["delete", "-l", "tier=front", "-y"])
        .end()
        .code(3);
    partly.stderr_has(&[
        "api is busy: ann@bastion/7",
        "teardown of api: 0 done, 1 failed",
    ]);
    beating.abort();
    assert_eq!(world.all_names("web"), [""; 0]);
    assert!(!world.all_names("api").is_empty());
}
