//! `logs` on a cluster. The nodes of the real control plane are simulated: their containers say one line each and never end,
//! so that most of it is shown against the sandbox.

use bowline_control_plane::User;
use rustix::process::Signal;
use serde_json::json;

use crate::program::{DB, WEB};
use crate::world::{Backend, World, begin};

const PAIR: &str = "\
replicas: 2
initContainers:
  - {name: prepare, image: 'busybox:1'}
containers:
  - {name: web, image: 'nginx:1.27'}
  - {name: helper, image: 'busybox:1'}
";

pub(crate) fn every_pod_is_heard_through_the_server(world: &World) {
    deploy(world, "web", &WEB.replace("replicas: 1", "replicas: 2"));
    let read = |args: &[&str]| {
        let args = [&["logs", "web"], args].concat();
        world.bowline(&args).end().code(0).stdout
    };
    let all = read(&["--timestamps"]);
    let mut pods = world.names("v1", "Pod", "web");
    pods.sort();
    let heard: Vec<_> = sources(&all).into_iter().map(|(pod, _)| pod).collect();
    assert_eq!(heard, pods, "{all}");
    for line in all.lines() {
        let stamp = line.split(' ').nth(1).unwrap();
        assert!(stamp.parse::<jiff::Timestamp>().is_ok(), "{line}");
    }
    assert_eq!(read(&["--tail", "1"]).lines().count(), 2);
    let of_one: Vec<_> = sources(&read(&["--pod", &pods[1]])).into_iter().collect();
    assert_eq!(of_one, [(pods[1].clone(), "nginx".to_owned())]);
    let none = world
        .bowline(&["logs", "web", "--pod", "web-x"])
        .end()
        .code(1);
    assert!(none.stderr.contains("web-x"), "{}", none.stderr);
    assert_eq!(read(&["--tail", "0"]), "");
    let mut follow = world.bowline(&["logs", "web", "-f"]).follow();
    for pod in &pods {
        let mut again = world.bowline(&["logs", "web", "-f"]).follow();
        again.line_with(pod);
        again.signal(Signal::TERM);
        assert_eq!(again.end(), (Some(143), String::new()));
    }
    follow.line_with("nginx");
    follow.signal(Signal::INT);
    assert_eq!(follow.end(), (Some(130), String::new()));
}

fn sandbox() -> World {
    begin(Backend::Sandbox).unwrap()
}

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

/// The pods and containers that lines are from.
fn sources(lines: &str) -> std::collections::BTreeSet<(String, String)> {
    let sources = lines.lines().filter_map(|line| {
        let (source, _) = line.split_once(' ')?;
        let (pod, container) = source.split_once('/')?;
        Some((pod.to_owned(), container.to_owned()))
    });
    sources.collect()
}

#[test]
fn all_pods_and_containers_are_in_one_stream_in_the_order_of_time() {
    let world = sandbox();
    deploy(&world, "pair", PAIR);
    let logs = |args: &[&str]| {
        let args = [&["logs", "pair"], args].concat();
        world.bowline(&args).end().code(0).stdout
    };
    let all = logs(&[]);
    let mut pods = world.names("v1", "Pod", "pair");
    pods.sort();
    let expected = pods.iter().flat_map(|pod| {
        let of = |container: &str| (pod.clone(), container.to_owned());
        [of("web"), of("helper")]
    });
    assert_eq!(sources(&all), expected.collect(), "{all}");
    assert!(all.contains("web: starting (nginx:1.27)"), "{all}");

    let documents = logs(&["-o", "json"]);
    let documents: Vec<serde_json::Value> = documents
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let times: Vec<_> = documents
        .iter()
        .map(|it| it["timestamp"].as_str().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:#?}");
    let first = &documents[0];
    assert_eq!(
        json!([
            first["id"],
            first["namespace"],
            first["container"].is_string(),
            first["message"].is_string()
        ]),
        json!(["pair", world.namespace, true, true])
    );

    // One that is done matters no more, unless it is named.
    let named = logs(&["-c", "prepare", "-c", "web", "--grep", "starting"]);
    let containers: Vec<_> = sources(&named)
        .into_iter()
        .map(|(_, container)| container)
        .collect();
    assert_eq!(containers, ["prepare", "web", "prepare", "web"], "{named}");
    assert_eq!(named.lines().count(), 4);
    assert_eq!(logs(&["--tail", "1", "--grep", "."]).lines().count(), 4);
    assert_eq!(logs(&["--tail", "0"]), "");
    assert_eq!(logs(&["--grep", "^no such line$"]), "");
    let bare = logs(&[
        "--prefix=false",
        "--timestamps",
        "-c",
        "web",
        "--grep",
        "(?i)STARTING",
    ]);
    let (time, rest) = bare.lines().next().unwrap().split_once(' ').unwrap();
    assert!(
        time.starts_with("20") && time.ends_with('Z') && !rest.contains('/'),
        "{bare}"
    );

    let ended = world.bowline(&["logs", "pair", "-c", "wbe"]).end().code(1);
    ended.stderr_has(&["no container wbe; there are: helper, prepare, web"]);
    let few = world.bowline(&["logs", "pair", "--max-log-requests", "3"]);
    few.end()
        .code(2)
        .stdout("")
        .stderr_has(&["4 containers", "--max-log-requests"]);
}

#[test]
fn what_has_not_started_says_so_and_the_rest_is_read() {
    let world = sandbox();
    world.home.save("half", "containers:\n  - {name: good, image: 'nginx:1.27'}\n  - {name: bad, image: 'nginx:missing'}\n");
    world
        .bowline(&["deploy", "half", "-y", "--timeout", "4s"])
        .end()
        .code(4);
    let ended = world.bowline(&["logs", "half"]).end().code(0);
    assert_eq!(sources(&ended.stdout).len(), 1, "{}", ended.stdout);
    ended
        .stdout_has(&["/good "])
        .stderr_has(&["/bad has not started: ", "ImagePull"]);
    let ended = world.bowline(&["logs", "half", "-c", "bad"]).end().code(1);
    ended.stdout("").stderr_has(&["/bad has not started: "]);

    let ended = world.bowline(&["logs", "nothing"]).end().code(1).stdout("");
    ended.stderr_has(&["no instance nothing in namespace"]);
    deploy(&world, "none", &WEB.replace("replicas: 1", "replicas: 0"));
    let ended = world.bowline(&["logs", "none"]).end().code(1).stdout("");
    ended.stderr_has(&["none has no pods"]);
    let ended = world
        .bowline_as(User::Nobody, &["logs", "half"])
        .end()
        .code(5)
        .stdout("");
    ended.stderr_has(&["forbidden"]);
    // Who may look at pods may not read what they say.
    deploy(&world, "web", WEB);
    let ended = world
        .bowline_as(User::Viewer, &["logs", "web"])
        .end()
        .code(5)
        .stdout("");
    ended.stderr_has(&["cannot read the log of web-", "forbidden"]);
}

#[test]
fn the_run_before_is_another_one() {
    let world = sandbox();
    world
        .home
        .save("loop", "containers: [{name: main, image: 'app:crash'}]\n");
    world
        .bowline(&["deploy", "loop", "-y", "--wait=false"])
        .end();
    let mut follow = world.bowline(&["logs", "loop", "-f"]).follow();
    follow.line_with("FATAL");
    // The next run comes in the same stream.
    follow.line_with("starting");
    let previous = world.bowline(&["logs", "loop", "--previous"]).end().code(0);
    assert_eq!(
        previous.stdout.matches("starting").count(),
        1,
        "{}",
        previous.stdout
    );
    previous.stdout_has(&["FATAL"]);
    let now = world.bowline(&["logs", "loop"]).end().code(0);
    assert_eq!(now.stdout.matches("starting").count(), 1, "{}", now.stdout);
    follow.signal(Signal::TERM);
    assert_eq!(follow.end(), (Some(143), String::new()));
    deploy(&world, "db", DB);
    let ended = world
        .bowline(&["logs", "db", "--previous"])
        .end()
        .code(1)
        .stdout("");
    ended.stderr_has(&["db-0/postgres has no previous run"]);
    world.bowline(&["logs", "db", "-f", "-p"]).end().code(2);
}

#[test]
fn a_stream_joins_pods_that_come_and_ends_quietly_by_a_signal() {
    let world = sandbox();
    deploy(&world, "web", WEB);
    let mut follow = world
        .bowline(&["logs", "web", "-f", "--since", "1h"])
        .follow();
    let first = follow.line_with("starting");
    world
        .home
        .save("web", &WEB.replace("nginx:1.27", "nginx:1.28"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let second = follow.line_with("starting (nginx:1.28)");
    assert_ne!(sources(&first), sources(&second));
    follow.signal(Signal::INT);
    assert_eq!(follow.end(), (Some(130), String::new()));
}

#[test]
fn a_pod_that_is_named_is_waited_for_where_there_is_none() {
    let world = sandbox();
    deploy(&world, "web", &WEB.replace("replicas: 1", "replicas: 0"));
    let mut follow = world
        .bowline(&["logs", "web", "-f", "--pod", "web-0"])
        .follow();
    follow.prose_with("web has no pods: waiting for some");
    follow.signal(Signal::INT);
    assert_eq!(follow.end(), (Some(130), "\n".to_owned()));
}

#[test]
fn a_reader_that_is_gone_or_stuck_holds_nothing_up() {
    let mut world = sandbox();
    deploy(&world, "web", WEB);
    let ended = world.bowline(&["logs", "web", "-f"]).end_unread();
    assert_eq!(ended, (Some(0), String::new()));
    let mut follow = world.bowline(&["logs", "web", "-f"]).follow();
    follow.line_with("ready");
    world.go_away();
    follow.prose_with("connection lost, trying again: ");
    follow.signal(Signal::INT);
    assert_eq!(follow.end().0, Some(130));
}

#[test]
fn what_does_not_start_is_told_of_while_one_waits() {
    let world = sandbox();
    world
        .home
        .save("web", &WEB.replace("nginx:1.27", "nginx:missing"));
    world
        .bowline(&["deploy", "web", "-y", "--wait=false"])
        .end();
    let mut follow = world.bowline(&["logs", "web", "-f"]).follow();
    follow.prose_with("/nginx has not started: ImagePullBackOff: ");
    deploy(&world, "web", WEB);
    follow.line_with("starting (nginx:1.27)");
    follow.signal(Signal::HUP);
    assert_eq!(follow.end().0, Some(129));
}
