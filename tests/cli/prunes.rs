//! `prune` on a cluster.

use serde_json::json;

use crate::operations::{note, noted_by_ann};
use crate::program::{DB, Ended, WEB};
use crate::world::{AwaitIn, World};

/// The second of the one that was deployed last is over soon, if it is not yet.
fn until_expired(world: &World, object: &str) -> Ended {
    let shown = (0..200).find_map(|_| {
        let prune = ["prune", "--expired", "--dry-run"];
        let shown = world.bowline(&prune).end().code(0);
        shown.stdout.contains(object).then_some(shown)
    });
    shown.expect("a second to pass")
}

pub(crate) fn what_has_expired_waits_for_its_turn(world: &World) {
    world.home.save("web", &format!("{WEB}expires: 1s\n"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    until_expired(world, "Deployment/web");
    let records = world.api("v1", "ConfigMap");
    note(&records, Some(noted_by_ann(0))).await_in(world);
    let wait = ["prune", "--expired", "-y", "--wait"];
    let timed_out = world
        .bowline(&[&wait[..], &["--timeout", "1s"]].concat())
        .end()
        .code(4);
    timed_out.stderr_has(&["timed out", "web is busy"]);
    assert!(!world.all_names("web").is_empty());
    let mut waiting = world.bowline(&wait).follow();
    waiting.prose_with("runs a rollback to r2");
    note(&records, None).await_in(world);
    let (code, stderr) = waiting.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn what_has_expired_is_taken_down_and_its_claims_are_kept(world: &World) {
    for (id, text) in [
        ("keeper", format!("{WEB}expires: 1s\nprotected: true\n")),
        ("db", format!("{DB}expires: 1s\n")),
        ("web", format!("{WEB}expires: 8h\n")),
    ] {
        world.home.save(id, &text);
        world.bowline(&["deploy", id, "-y"]).end().code(0);
    }
    let shown = until_expired(world, "StatefulSet/db");
    let shown = shown.stdout_has(&["OBJECT", "FATE", "data-db-0", "kept"]);
    assert!(!shown.stdout.contains("web"), "{}", shown.stdout);
    shown.stderr_has(&[
        "db expired",
        "keeper expired",
        "is skipped: it is protected",
    ]);
    let list = world.bowline(&["ls"]).end().code(0);
    list.stdout_has(&["expired", "7h59m"]);

    // Nobody can be asked, who sees all the same what it would be about.
    let unasked = world.bowline(&["prune", "--expired"]).end().code(2);
    unasked.stderr_has(&["teardown of db", "no terminal", "--yes"]);
    let told = world
        .bowline(&["prune", "--expired", "-y", "-o", "json"])
        .end()
        .code(0);
    let told = told.stderr_has(&["--confirm keeper"]).json();
    let of = |idx: usize| json!([told[idx]["id"], told[idx]["outcome"]["complete"]]);
    assert_eq!([of(0), of(1)], [json!(["db", true]), json!([null, null])]);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
    assert!(!world.all_names("keeper").is_empty());
    assert!(!world.all_names("web").is_empty());
    world
        .bowline(&["delete", "keeper", "--confirm", "keeper"])
        .end()
        .code(0);
    let nothing = world.bowline(&["prune", "--expired", "-y"]).end().code(0);
    nothing.stderr_has(&["no instance in namespace", "has expired"]);
}

pub(crate) fn what_somebody_works_on_keeps_nothing_else_from_being_pruned(world: &World) {
    for (id, text) in [("db", DB), ("web", WEB)] {
        world.home.save(id, &format!("{text}expires: 1s\n"));
        world.bowline(&["deploy", id, "-y"]).end().code(0);
    }
    until_expired(world, "Deployment/web");
    let records = world.api("v1", "ConfigMap");
    note(&records, Some(noted_by_ann(0))).await_in(world);
    // It is not waited for until it counts as left.
    let prune = ["prune", "--expired", "-y", "--wait", "--timeout", "1s"];
    let partly = world.bowline(&prune).end().code(3);
    partly.stderr_has(&["web is busy: ann@bastion/7", "left as they were: web"]);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
    assert!(!world.all_names("web").is_empty());
    let prune = [&prune[..], &["-o", "json"]].concat();
    let told = world.bowline(&prune).end().code(4);
    told.stderr_has(&["timed out", "web is busy"]);
    // What would be skipped in any case is waited for by nobody.
    note(&records, None).await_in(world);
    world
        .home
        .save("web", &format!("{WEB}expires: 1s\nprotected: true\n"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    note(&records, Some(noted_by_ann(1))).await_in(world);
    let skipped = world.bowline(&["prune", "--expired", "-y", "--wait"]).end();
    let skipped = skipped.code(0).stderr_has(&["is skipped: it is protected"]);
    assert!(!skipped.stderr.contains("busy"), "{}", skipped.stderr);
}
