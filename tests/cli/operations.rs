//! The program killed by SIGKILL half way, and the next client that sees it and finishes it; two at one instance.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use crate::program::WEB;
use crate::proxy::{Proxy, Trick};
use crate::world::{AwaitIn, World};

/// What leaves is a config, which is pruned.
const BEFORE: &str = "\
workload: Deployment
containers:
  - name: nginx
    image: nginx:1.27
    env: [{name: LEVEL, fromConfig: LEVEL}]
config: {LEVEL: info}
replicas: 1
";

const AFTER: &str = "\
workload: Deployment
containers:
  - name: nginx
    image: nginx:1.28
replicas: 1
";

/// Where a run of so many writes is killed: at each of them once, before it leaves or after it was done.
pub(crate) fn tricks(n_writes: usize) -> impl Iterator<Item = (String, Trick)> {
    (0..n_writes).map(|number| {
        let trick = match number % 2 {
            0 => Trick::After(number),
            _ => Trick::Before(number),
        };
        (format!("k{number:02}x"), trick)
    })
}

/// Deploys what goes before, and saves what comes after it.
fn prepare(world: &World, id: &str) {
    world.home.save(id, BEFORE);
    let deploy = ["deploy", id, "-y", "--wait=false"];
    world.bowline(&deploy).end().code(0);
    world.home.save(id, AFTER);
}

/// Returns the operation that anybody sees on an instance.
pub(crate) fn noted(world: &World, id: &str) -> Value {
    let status = world.bowline(&["status", id, "-o", "json"]).end();
    match status.stdout.is_empty() {
        true => Value::Null,
        false => status.json()["operation"].clone(),
    }
}

pub(crate) fn a_deploy_survives_being_killed(world: &World) {
    prepare(world, "whole");
    let proxy = Proxy::to(world, Trick::None);
    let deploy = ["deploy", "whole", "-y", "--wait=false"];
    proxy.run(world, &deploy).code(0);
    let expected = world.all_names("whole").len();
    let mut n_resumed = 0;
    for (id, trick) in tricks(proxy.n_writes()) {
        let id = id.as_str();
        prepare(world, id);
        let deploy = ["deploy", id, "-y", "--wait=false"];
        Proxy::to(world, trick).kill(world, &deploy);
        let left = noted(world, id);
        if !left.is_null() {
            assert_eq!(left["kind"], "deploy", "{trick:?}");
            assert!(left["holder"].as_str().unwrap().starts_with("tester@"));
            assert_eq!(left["revision"], 2);
            if trick == Trick::Before(3) {
                is_seen(world, id);
            }
            // Another client without the file, and without any.
            let resume = [
                "resume",
                id,
                "-y",
                "--take-over",
                "--wait=false",
                "--catalogue",
                "none",
            ];
            world.bowline(&resume).end().code(0);
            n_resumed += 1;
        }
        world.bowline(&deploy).end().code(0);
        assert_eq!(noted(world, id), Value::Null, "{trick:?}");
        world.bowline(&["diff", id]).end().code(0);
        let history = world
            .bowline(&["history", id, "-o", "json"])
            .end()
            .code(0)
            .json();
        let n_revisions = history["revisions"].as_array().unwrap().len();
        assert_eq!(
            (&history["current"], n_revisions),
            (&json!(2), 2),
            "{trick:?}"
        );
        let config = world.api("v1", "ConfigMap");
        let pruned = config
            .get_opt(&format!("{id}-config"))
            .await_in(world)
            .unwrap();
        assert!(pruned.is_none_or(|it| it.metadata.deletion_timestamp.is_some()));
    }
    assert!(expected >= 3);
    assert!(n_resumed > 0);
}

/// What was left half done is seen in the list, the status and the dashboard.
fn is_seen(world: &World, id: &str) {
    let words = "runs a deploy of r2: step 1 of";
    world
        .bowline(&["ls"])
        .end()
        .code(0)
        .stderr_has(&[id, words]);
    let status = world.bowline(&["status", id]).end().code(0);
    status.stdout_has(&["Operation", "deploy of r2, step 1 of", "last beat"]);
    let drawn = world
        .bowline(&["snapshot", "--size", "160x40"])
        .end()
        .code(0);
    drawn.stdout_has(&[id]);
}

pub(crate) fn a_teardown_survives_being_killed(world: &World) {
    let prepare = |id: &str| {
        world.home.save(id, WEB);
        let deploy = ["deploy", id, "-y", "--wait=false"];
        world.bowline(&deploy).end().code(0);
    };
    prepare("whole");
    let proxy = Proxy::to(world, Trick::None);
    proxy.run(world, &["delete", "whole", "-y"]).code(0);
    let mut n_resumed = 0;
    for (id, trick) in tricks(proxy.n_writes()) {
        let id = id.as_str();
        prepare(id);
        Proxy::to(world, trick).kill(world, &["delete", id, "-y"]);
        let left = noted(world, id);
        if left["kind"] == "teardown" {
            assert_eq!(left["volumes"], "keep", "{trick:?}");
            let resumed = world.bowline(&["resume", id, "-y", "--take-over"]).end();
            // What was to be deleted last may be gone by now.
            if !resumed.stderr.contains("nothing is under way") {
                resumed.code(0);
                n_resumed += 1;
            }
        }
        world.bowline(&["delete", id, "-y"]).end().code(0);
        assert_eq!(world.all_names(id), [""; 0], "{trick:?}");
    }
    assert!(n_resumed > 0);
}

pub(crate) fn of_five_what_a_failure_and_a_kill_left_is_finished(world: &World) {
    let ids = ["a1", "b2", "c3", "d4", "e5"];
    for id in ids {
        world
            .home
            .save(id, &format!("{WEB}labels: {{tier: five}}\n"));
        let deploy = ["deploy", id, "-y", "--wait=false"];
        world.bowline(&deploy).end().code(0);
    }
    let delete = ["delete", "-l", "tier in (five),!spare", "-y"];
    // Killed as one of them is about to be begun. How far the others came by then is as it happens: all are at it at once.
    Proxy::to(world, Trick::At("/configmaps/bowline-c3")).kill(world, &delete);
    let left: Vec<&str> = ids
        .into_iter()
        .filter(|id| !world.all_names(id).is_empty())
        .collect();
    assert!(left.contains(&"c3"), "{left:?}");

    let faulty = Proxy::to(world, Trick::Refuse("/services/c3"));
    let json = [&delete[..], &["-o", "json"]].concat();
    let ended = faulty.run(world, &json).code(3);
    let told = ended.json();
    ended.stderr_has(&[
        "✖ delete Service/c3",
        "settle the record: not tried",
        "teardown of c3:",
        "1 failed, 1 not tried",
    ]);
    for plan in told.as_array().unwrap() {
        let outcome = &plan["outcome"];
        let steps = |key: &str| outcome[key].as_array().unwrap().len();
        let is_refused = plan["id"] == "c3";
        assert_eq!(outcome["complete"], json!(!is_refused), "{plan}");
        let n = usize::from(is_refused);
        assert_eq!((steps("failed"), steps("notTried")), (n, n), "{plan}");
    }
    world.bowline(&delete).end().code(0);
    for id in ids {
        assert_eq!(world.all_names(id), [""; 0], "{id}");
    }
}

pub(crate) fn noted_by_ann(beat: usize) -> Value {
    json!({"kind": "rollback", "step": "apply Deployment/web", "holder": "ann@bastion/7", "number": 3, "of": 6,
           "revision": 4, "backTo": 2, "started": "2026-01-01T00:00:00Z",
           "heartbeat": format!("2026-01-01T00:00:00.{beat:06}Z")})
}

pub(crate) async fn note(records: &Api<DynamicObject>, noted: Option<Value>) {
    let annotations = json!({"bowline.dev/operation": noted.map(|it| it.to_string())});
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    let _ = records
        .patch("bowline-web", &PatchParams::default(), &patch)
        .await;
}

pub(crate) fn the_second_is_told_who_is_at_it_and_waits_for_its_turn(world: &World) {
    world.home.save("web", WEB);
    let deploy = ["deploy", "web", "-y", "--wait=false"];
    world.bowline(&deploy).end().code(0);
    world
        .home
        .save("web", &WEB.replace("nginx:1.27", "nginx:1.28"));
    let records = world.api("v1", "ConfigMap");
    note(&records, Some(noted_by_ann(0))).await_in(world);
    let beating = world.spawn({
        let records = records.clone();
        async move {
            for beat in 1.. {
                tokio::time::sleep(Duration::from_millis(300)).await;
                note(&records, Some(noted_by_ann(beat))).await;
            }
        }
    });
    let words = "ann@bastion/7 runs a rollback to r2: step 3 of 6: apply Deployment/web (since";
    let refused = world.bowline(&deploy).end().code(5);
    refused.stderr_has(&["web is busy", words, "--wait", "--take-over"]);
    let resumed = world.bowline(&["resume", "web", "-y"]).end();
    resumed.stderr_has(&["revision 2 of"]);
    let wait = ["deploy", "web", "-y", "--wait", "--timeout", "2s"];
    let timed_out = world.bowline(&wait).end().code(4);
    timed_out.stderr_has(&["timed out", "web is busy", words]);

    let mut waiting = world.bowline(&["deploy", "web", "-y", "--wait"]).follow();
    waiting.prose_with("runs a rollback to r2");
    beating.abort();
    note(&records, None).await_in(world);
    let (code, stderr) = waiting.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("Deployment/web applied"), "{stderr}");
}

pub(crate) fn who_stands_still_is_waited_for_no_longer_than_was_said(world: &World) {
    world.home.save("web", WEB);
    let deploy = ["deploy", "web", "-y", "--wait=false"];
    world.bowline(&deploy).end().code(0);
    let records = world.api("v1", "ConfigMap");
    note(&records, Some(noted_by_ann(0))).await_in(world);
    // A plan looks once, which does not tell whether she goes on.
    let planned = world.bowline(&["delete", "web", "--dry-run"]).end().code(0);
    let planned = planned.stderr_has(&["ann@bastion/7 has begun a rollback to r2"]);
    assert!(!planned.stderr.contains("runs"), "{}", planned.stderr);
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    world.home.save("web", &changed);
    for args in [&["deploy", "web", "-y"][..], &["delete", "web", "-y"]] {
        let args = [args, &["--timeout", "1s"]].concat();
        let ended = world.bowline(&args).end().code(4);
        ended.stderr_has(&[
            "timed out: ",
            "web is busy",
            "ann@bastion/7 runs a rollback",
            "of web: not begun",
        ]);
    }
    assert!(
        world
            .all_names("web")
            .contains(&"Deployment/web".to_owned())
    );
    // Whoever takes over waits for nobody. Whether it is ready within the second does not matter.
    let over = [
        "deploy",
        "web",
        "-y",
        "--wait",
        "--take-over",
        "--timeout",
        "1s",
    ];
    let over = world.bowline(&over).end();
    over.stderr_has(&["✔ Deployment/web applied"]);
}

pub(crate) fn what_nobody_is_at_is_not_resumed(world: &World) {
    let refused = world.bowline(&["resume", "web", "-y"]).end().code(1);
    refused.stderr_has(&["nothing is under way", "nothing to resume"]);
    world.home.save("web", WEB);
    let deploy = ["deploy", "web", "-y", "--wait=false"];
    world.bowline(&deploy).end().code(0);
    // A scale that was cut off leaves nothing half done.
    let records = world.api("v1", "ConfigMap");
    let noted = json!({"kind": "scale", "step": "scale Deployment/web", "holder": "ann@bastion/7", "replicas": 3,
                       "heartbeat": "2026-01-01T00:00:00Z"});
    note(&records, Some(noted.clone())).await_in(world);
    let shown = world.bowline(&["resume", "web", "--dry-run"]).end().code(0);
    shown.stdout_has(&["Deployment/web: 1 → 3 replicas"]);
    let resume = ["resume", "web", "--take-over", "--wait=false"];
    let confirming = |id| {
        world
            .bowline(&[&resume[..], &["--confirm", id]].concat())
            .end()
    };
    let other = confirming("wbe").code(2);
    other.stderr_has(&["--confirm says wbe, and it is web that would be resumed"]);
    world
        .bowline(&resume)
        .input("y\n")
        .end()
        .code(2)
        .stderr_has(&["answer with --yes"]);
    let scaled = confirming("web").code(0);
    scaled.stderr_has(&["Deployment/web: 1 → 3 replicas", "✔ "]);
    // Once it is as it was to be, only the note is left.
    note(&records, Some(noted)).await_in(world);
    let shown = world.bowline(&["resume", "web", "--dry-run"]).end().code(0);
    shown.stderr_has(&["scale to 3 by ann@bastion/7", "all of it was done already"]);
    confirming("web").code(0);
    assert_eq!(self::noted(world, "web"), Value::Null);
}
