//! `events` on a cluster, printed once and streamed.

use bowline_control_plane::User;
use rustix::process::Signal;

use crate::program::WEB;
use crate::world::World;

pub(crate) fn events_are_those_of_the_instance_and_the_newest_are_last(world: &World) {
    for name in ["web", "web-api"] {
        world.home.save(name, WEB);
        world.bowline(&["deploy", name, "-y"]).end().code(0);
    }
    let table = world.bowline(&["events", "web"]).end().code(0);
    let table = table.stdout_has(&[
        "LAST SEEN",
        "Normal",
        "ScalingReplicaSet",
        "Deployment/web ",
    ]);
    assert!(!table.stdout.contains("web-api"), "{}", table.stdout);
    let events = world
        .bowline(&["events", "web-api", "-o", "json"])
        .end()
        .code(0)
        .json();
    let events = events.as_array().unwrap();
    let times: Vec<_> = events
        .iter()
        .map(|event| {
            event["lastSeen"]
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap()
        })
        .collect();
    assert!(times.len() > 1 && times.is_sorted(), "{times:?}");
    for event in events {
        assert_eq!(event["id"], "web-api");
        assert!(
            event["object"]["name"]
                .as_str()
                .unwrap()
                .starts_with("web-api"),
            "{event}"
        );
        assert!(event["count"].as_u64() >= Some(1), "{event}");
    }

    let ended = world
        .bowline(&["events", "nothing"])
        .end()
        .code(1)
        .stdout("");
    ended.stderr_has(&["no instance nothing in namespace"]);
    let ended = world
        .bowline_as(User::Nobody, &["events", "web"])
        .end()
        .code(5)
        .stdout("");
    ended.stderr_has(&["forbidden"]);
    // What was taken down can still be read about.
    world.bowline(&["delete", "web", "-y"]).end().code(0);
    world
        .bowline(&["events", "web"])
        .end()
        .code(0)
        .stdout_has(&["Deployment/web "]);
}

pub(crate) fn events_come_as_they_happen(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let mut table = world.bowline(&["events", "web", "-w"]).follow();
    table.line_with("ScalingReplicaSet");
    let mut lines = world
        .bowline(&["events", "web", "-w", "-o", "json"])
        .follow();
    lines.line_with("ScalingReplicaSet");
    world
        .home
        .save("web", &WEB.replace("replicas: 1", "replicas: 3"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    table.line_with("to 3");
    let line = lines.line_with("to 3");
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["kind"]),
        (&"Normal".into(), &"Deployment".into())
    );
    for (stream, signal, code) in [(table, Signal::INT, 130), (lines, Signal::TERM, 143)] {
        stream.signal(signal);
        assert_eq!(stream.end(), (Some(code), String::new()));
    }
}

const FRONT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: front}
spec:
  replicas: 1
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec: {containers: [{name: main, image: 'nginx:1.27'}]}
";

pub(crate) fn events_of_manifests_are_those_of_their_own_names(world: &World) {
    world.home.save("shop", FRONT);
    world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    let table = world.bowline(&["events", "shop"]).end().code(0);
    table.stdout_has(&["ScalingReplicaSet", "Deployment/front", "Pod/front-"]);
    let mut table = world.bowline(&["events", "shop", "-w"]).follow();
    table.line_with("Deployment/front");
    world
        .home
        .save("shop", &FRONT.replace("replicas: 1", "replicas: 3"));
    world.bowline(&["deploy", "shop", "-y"]).end().code(0);
    table.line_with("to 3");
    table.signal(Signal::INT);
    assert_eq!(table.end(), (Some(130), String::new()));
}
