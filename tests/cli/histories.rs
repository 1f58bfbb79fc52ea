//! `history`, and `diff` between revisions, on a cluster.

use bowline_control_plane::User;

use crate::program::WEB;
use crate::world::World;

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
        ["REVISION", "STATE", "APPLIED", "BY", "PARAMETERS", "CAUSE"]
    );
    assert_eq!((lines.len(), lines[1][0], lines[3][0]), (4, "1", "3"));
    assert_eq!((lines[1][1], lines[3][1]), ("—", "current"));
    assert_eq!(lines[1][5..], ["first", "try"]);
    assert_eq!(lines[3][4], "tag=1.28");
    let told = world.bowline_as(User::Viewer, &["history", "web", "-o", "json"]);
    let told = told.end().code(0).json();
    assert_eq!((&told["id"], &told["current"]), (&"web".into(), &3.into()));
    assert_eq!(told["revisions"][0]["cause"], "first try");
    assert_eq!(told["revisions"][1]["parameters"], serde_json::json!({}));
    assert_eq!(told["revisions"][2]["parameters"]["tag"], "1.28");
    let by = told["revisions"][2]["appliedBy"].as_str().unwrap();
    assert!(by.starts_with("tester@"), "{by}");

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
    ended.stderr_has(&["web", "is deployed"]);
    let refused = world.bowline_as(User::Nobody, &["history", "web"]).end();
    refused.code(5).stdout("");
}
