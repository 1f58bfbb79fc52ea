//! `history`, `diff` between revisions, and `rollback`, on a cluster.

use bowline_control_plane::User;

use crate::program::WEB;
use crate::world::{AwaitIn, World};

/// A definition whose parameter decides on the image.
const SIZED: &str = "\
# which one it is: see the parameter
parameters: {tag: '1.27'}
containers:
  - name: nginx
    image: nginx:${tag}
    ports: [{name: http, port: 80}]
replicas: 1
";

pub(crate) fn a_history_is_listed_printed_and_compared(world: &World) {
    world.home.save("web", WEB);
    let deploy = |args: &[&str]| {
        let args = [&["deploy", "web", "-y", "--wait=false"], args].concat();
        world.bowline(&args).end().code(0);
    };
    deploy(&["-m", "first try"]);
    world.home.save("web", SIZED);
    deploy(&["-m", "with a parameter"]);
    deploy(&["--set", "tag=1.28"]);

    let listed = world.bowline(&["history", "web"]).end().code(0);
    let lines: Vec<Vec<&str>> = listed
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        [
            "REVISION",
            "STATE",
            "APPLIED",
            "BY",
            "AS",
            "PARAMETERS",
            "CAUSE"
        ]
    );
    assert_eq!((lines.len(), lines[1][0], lines[3][0]), (4, "1", "3"));
    assert_eq!((lines[1][1], lines[3][1]), ("—", "current"));
    assert_eq!(lines[1][6..], ["first", "try"]);
    assert_eq!(lines[3][5], "tag=1.28");
    let told = world.bowline_as(User::Viewer, &["history", "web", "-o", "json"]);
    let told = told.end().code(0).json();
    assert_eq!((&told["id"], &told["current"]), (&"web".into(), &3.into()));
    assert_eq!(told["revisions"][0]["cause"], "first try");
    assert_eq!(told["revisions"][1]["parameters"], serde_json::json!({}));
    assert_eq!(told["revisions"][2]["parameters"]["tag"], "1.28");
    let by = told["revisions"][2]["appliedBy"].as_str().unwrap();
    assert!(by.starts_with("tester@"), "{by}");
    // Who shares the machine's user is told apart by the cluster's.
    let user = told["revisions"][2]["appliedAs"].as_str().unwrap();
    assert_eq!(lines[3][4], user);

    let printed = world.bowline(&["history", "web", "--revision", "1"]).end();
    printed.code(0).stdout(WEB);
    let printed = world.bowline(&["history", "web", "--revision", "2", "-o", "json"]);
    assert_eq!(printed.end().code(0).json()["text"], SIZED);
    let missing = world.bowline(&["history", "web", "--revision", "9"]).end();
    missing.code(1).stdout("").stderr_has(&["revision 9"]);

    let diff = |args: &[&str]| world.bowline(&[&["diff", "web"], args].concat()).end();
    let ended = diff(&["--revision", "1"]).code(1);
    ended.stdout_has(&[
        "--- web r1\n+++ web r3\n",
        "-     image: nginx:1.27\n+     image: nginx:${tag}\n",
        "parameters:\n+ tag=1.28\n",
    ]);
    let ended = diff(&["--revision", "3", "--to", "2"]).code(1);
    ended.stdout("--- web r3\n+++ web r2\nparameters:\n- tag=1.28\n");
    diff(&["--revision", "3"]).code(0).stdout("");
    let told = diff(&["--revision", "2", "-o", "json"]).code(1).json();
    assert_eq!((&told["to"], &told["same"]), (&3.into(), &false.into()));
    diff(&["--revision", "9"])
        .code(2)
        .stderr_has(&["revision 9"]);
}

pub(crate) fn a_history_of_nothing_fails(world: &World) {
    let ended = world.bowline(&["history", "web"]).end().code(1).stdout("");
    ended.stderr_has(&["there is no instance web in namespace"]);
    let refused = world.bowline_as(User::Nobody, &["history", "web"]).end();
    refused.code(5).stdout("");
}

fn image(world: &World) -> String {
    let live = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world);
    let containers = &live.unwrap().data["spec"]["template"]["spec"]["containers"];
    containers[0]["image"].as_str().unwrap().to_owned()
}

pub(crate) fn a_rollback_goes_back_with_text_and_parameters(world: &World) {
    world.home.save("web", SIZED);
    let deploy = |tag: &str| {
        let run = world.bowline(&["deploy", "web", "-y", "--wait=false", "--set", tag]);
        run.end().code(0);
    };
    deploy("tag=1.27");
    // Nothing is before the first one.
    let alone = world.bowline(&["rollback", "web", "-y"]).end().code(1);
    alone.stdout("").stderr_has(&["before r1"]);
    deploy("tag=1.28");
    deploy("tag=1.29");
    // The definition of the catalogue has no part in it.
    world.home.save("web", WEB);

    let shown = world.bowline(&["rollback", "web", "--dry-run"]).end();
    shown.code(0).stdout_has(&[
        "~ update Deployment/web",
        "-       - image: nginx:1.29",
        "+       - image: nginx:1.28",
    ]);
    let told = world.bowline(&["rollback", "web", "--to", "1", "--dry-run", "-o", "json"]);
    let told = told.end().code(0).json();
    assert_eq!((&told["to"], &told["revision"]), (&1.into(), &4.into()));
    assert_eq!(told["pods"], serde_json::json!([]));
    let refused = world
        .bowline_as(User::Viewer, &["rollback", "web", "-y"])
        .end();
    refused.code(5).stderr_has(&["refused", "Deployment"]);
    assert_eq!(image(world), "nginx:1.29");

    let ended = world.bowline(&["rollback", "web", "-y"]).end().code(0);
    let ended = ended.stdout("");
    ended.stderr_has(&["Deployment/web applied", "revision 4 written", "ready"]);
    assert_eq!(image(world), "nginx:1.28");
    let to_first = [
        "rollback", "web", "--to", "1", "-y", "-m", "too new", "-o", "json",
    ];
    let told = world.bowline(&to_first).end().code(0).json();
    assert_eq!(told["outcome"]["complete"], true);
    assert_eq!(image(world), "nginx:1.27");

    let told = world.bowline(&["history", "web", "-o", "json"]).end();
    let told = told.code(0).json();
    assert_eq!(told["current"], 5);
    assert_eq!(told["revisions"][3]["cause"], "rollback to r2");
    assert_eq!(told["revisions"][4]["cause"], "too new");
    assert_eq!(told["revisions"][4]["parameters"]["tag"], "1.27");
    let again = world.bowline(&to_first[..5]).end().code(0);
    again.stderr_has(&["0 to create, 0 to update, 0 to delete"]);
}

pub(crate) fn a_rollback_of_what_is_protected_wants_the_id(world: &World) {
    let text = format!("protected: true\n{WEB}");
    world.home.save("web", &text);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    world
        .home
        .save("web", &text.replace("nginx:1.27", "nginx:1.28"));
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let refused = world.bowline(&["rollback", "web", "-y"]).end().code(5);
    refused.stderr_has(&["web is protected", "--confirm web"]);
    assert_eq!(image(world), "nginx:1.28");
    let ended = world
        .bowline(&["rollback", "web", "--confirm", "web"])
        .end();
    ended.code(0);
    assert_eq!(image(world), "nginx:1.27");
}

pub(crate) fn a_pod_that_hangs_is_shown_and_goes_with_a_rollback(world: &World) {
    let set =
        "workload: StatefulSet\ncontainers: [{name: db, image: 'postgres:16'}]\nreplicas: 1\n";
    world.home.save("db", set);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
    world.home.save("db", &set.replace("16", "16-missing"));
    let stuck = world.bowline(&["deploy", "db", "-y", "--timeout", "3s"]);
    stuck.end().code(4).stderr_has(&["not finished"]);
    let shown = world.bowline(&["rollback", "db", "--dry-run"]).end();
    shown
        .code(0)
        .stdout_has(&["- delete Pod/db-0  (it hangs on the revision that is left: "]);
    let ended = world.bowline(&["rollback", "db", "-y"]).end().code(0);
    ended.stderr_has(&["Pod/db-0 deleted", "ready"]);
}
