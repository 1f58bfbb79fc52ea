//! `ls`, `status` and `snapshot` on a cluster, printed once and streamed.

use bowline_control_plane::User;
use kube::api::{Patch, PatchParams};
use rustix::process::Signal;
use serde_json::json;

use crate::program::{DB, WEB};
use crate::proxy::{Proxy, Trick};
use crate::world::{AwaitIn, Backend, World, begin};

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

/// The cells of the row that begins with `id`.
fn row<'a>(table: &'a str, id: &str) -> Vec<&'a str> {
    let rows = table.lines().map(|line| line.split_whitespace().collect());
    let mut found = rows.filter(|row: &Vec<_>| row.first() == Some(&id));
    found
        .next()
        .unwrap_or_else(|| panic!("no {id} in:\n{table}"))
}

pub(crate) fn a_list_has_what_runs_and_what_is_saved(world: &World) {
    deploy(world, "web", WEB);
    deploy(world, "db", DB);
    world.home.save("web", &format!("# changed\n{WEB}"));
    world.home.save("notebook", WEB);
    let table = world.bowline(&["ls"]).end().code(0).stdout;
    let heading = "ID STATE READY RESTARTS VOLUMES IMAGE REV DRIFT EXPIRES AGE";
    assert_eq!(row(&table, "ID").join(" "), heading);
    assert_eq!(
        row(&table, "web")[..7],
        ["web", "Ready", "1/1", "0", "—", "nginx:1.27", "r1"]
    );
    assert_eq!(row(&table, "web")[7], "edited");
    assert_eq!(
        row(&table, "db")[..7],
        ["db", "Ready", "1/1", "0", "1Gi", "1/1", "postgres:16"]
    );
    assert_eq!(row(&table, "notebook")[..2], ["notebook", "Saved"]);

    world
        .bowline(&["ls", "-o", "name"])
        .end()
        .code(0)
        .stdout("db\nnotebook\nweb\n");
    let list = world.bowline(&["ls", "-o", "json"]).end().code(0).json();
    let states: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["id"], it["state"]]))
        .collect();
    assert_eq!(
        states,
        [
            json!(["db", "Ready"]),
            json!(["notebook", "Saved"]),
            json!(["web", "Ready"])
        ]
    );
    let all = world.bowline(&["ls", "-A", "-o", "wide"]).end().code(0);
    all.stdout_has(&["NAMESPACE", &world.namespace, "DEFINITION", "REASON"]);
    let yaml = world.bowline(&["ls", "-o", "yaml"]).end().code(0);
    yaml.stdout_has(&["id: db", "state: Saved"]);
    // What goes to another namespace is none of this one.
    world
        .home
        .save("far", &format!("namespace: far-away\n{WEB}"));
    let here = world.bowline(&["ls", "-o", "name"]).end().code(0);
    here.stdout("db\nnotebook\nweb\n");
    let table = world.bowline(&["ls"]).end().code(0);
    table.stderr_has(&["saved for other namespaces", "ls -A` lists: far"]);
    let there = world.bowline(&["ls", "-n", "far-away"]).end().code(0);
    assert_eq!(row(&there.stdout, "far")[..2], ["far", "Saved"]);
    let all = world.bowline(&["ls", "-A"]).end().code(0).stdout;
    assert_eq!(row(&all, "far-away")[..3], ["far-away", "far", "Saved"]);
}

pub(crate) fn a_status_has_what_scripts_read(world: &World) {
    deploy(world, "db", DB);
    let status = world
        .bowline(&["status", "db", "-o", "json"])
        .end()
        .code(0)
        .json();
    let read = json!([
        status["replicas"],
        status["currentReplicas"],
        status["pods"][0]["phase"],
        status["pods"][0]["containers"][0]["name"],
        status["pods"][0]["containers"][0]["ready"],
        status["pods"][0]["containers"][0]["started"],
        status["volumes"][0]["name"],
        status["volumes"][0]["phase"],
        status["volumes"][0]["capacity"],
    ]);
    let expected = json!([
        1,
        1,
        "Running",
        "postgres",
        true,
        true,
        "data-db-0",
        "Bound",
        "1Gi"
    ]);
    assert_eq!(read, expected, "{status:#}");
    let page = world.bowline(&["status", "db"]).end().code(0);
    page.stdout_has(&[
        "State       Ready",
        "db-0",
        "data-db-0",
        "postgres:16",
        "r1",
    ]);
    world
        .bowline(&["status", "db", "-o", "name"])
        .end()
        .code(0)
        .stdout("db\n");
}

pub(crate) fn a_status_of_nothing_fails(world: &World) {
    deploy(world, "web", WEB);
    world.home.save("shop", WEB);
    let ended = world
        .bowline(&["status", "shop", "-o", "json"])
        .end()
        .code(1);
    assert_eq!(ended.json()["refusals"][0]["kind"], "NotFound");
    ended.stderr_has(&["no instance shop", &world.namespace, "bowline deploy shop"]);
    // What is there is printed all the same.
    let list = world
        .bowline(&["status", "shop", "web", "-o", "json"])
        .end()
        .code(1)
        .json();
    assert_eq!(
        (&list[0]["id"], list.as_array().unwrap().len()),
        (&json!("web"), 1)
    );
}

pub(crate) fn a_list_streams_changes_until_it_is_interrupted(world: &World) {
    world.home.save("web", WEB);
    let mut table = world.bowline(&["ls", "-w"]).follow();
    table.line_with("web");
    let mut lines = world.bowline(&["ls", "-w", "-o", "json"]).follow();
    lines.line_with("\"state\":\"Saved\"");
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let row = table.line_with("Ready");
    assert_eq!(
        row.split_whitespace().take(3).collect::<Vec<_>>(),
        ["web", "Ready", "1/1"]
    );
    let line = lines.line_with("\"state\":\"Ready\"");
    let status: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(status["readyReplicas"], 1);
    std::fs::remove_file(world.home.catalogue().join("web.yaml")).unwrap();
    world.bowline(&["delete", "web", "-y"]).end().code(0);
    table.line_with("Terminating");
    table.line_with("Saved");
    for (stream, signal, code) in [(table, Signal::INT, 130), (lines, Signal::TERM, 143)] {
        stream.signal(signal);
        assert_eq!(stream.end(), (Some(code), String::new()));
    }
}

pub(crate) fn a_status_streams_changes_until_it_is_interrupted(world: &World) {
    deploy(world, "web", WEB);
    let mut lines = world.bowline(&["status", "web", "-w"]).follow();
    lines.line_with("Running");
    let mut documents = world
        .bowline(&["status", "web", "-w", "-o", "json"])
        .follow();
    documents.line_with("\"state\":\"Ready\"");
    world.bowline(&["delete", "web", "-y"]).end().code(0);
    lines.line_with("web  Terminating");
    lines.line_with("web  gone");
    documents.line_with("\"state\":\"Gone\"");
    lines.signal(Signal::INT);
    assert_eq!(lines.end(), (Some(130), String::new()));
    documents.signal(Signal::HUP);
    assert_eq!(documents.end(), (Some(129), String::new()));
}

pub(crate) fn protection_that_comes_and_goes_is_followed(world: &World) {
    deploy(world, "web", WEB);
    let follow = |args: &[&str]| world.bowline(args).follow();
    let mut lines = follow(&["status", "web", "-w"]);
    lines.line_with("Running");
    let mut documents = [
        follow(&["status", "web", "-w", "-o", "json"]),
        follow(&["ls", "-w", "-o", "json"]),
    ];
    for stream in &mut documents {
        stream.line_with("\"protected\":false");
    }
    let records = world.api("v1", "ConfigMap");
    for says in [true, false] {
        let annotations = json!({"bowline.dev/protected": says.then_some("true")});
        let said = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        let params = PatchParams::default();
        let written = records.patch("bowline-web", &params, &said);
        written.await_in(world).unwrap();
        lines.line_with(if says {
            "web protected  yes"
        } else {
            "web protected  no"
        });
        for stream in &mut documents {
            stream.line_with(&format!("\"protected\":{says}"));
        }
    }
}

pub(crate) fn a_snapshot_draws_what_is_there(world: &World) {
    deploy(world, "web", WEB);
    let drawn = world
        .bowline(&["snapshot", "--size", "100x30"])
        .end()
        .code(0)
        .stdout;
    assert_eq!(drawn.lines().count(), 30, "{drawn}");
    assert!(
        drawn.lines().all(|line| line.chars().count() <= 100),
        "{drawn}"
    );
    assert_eq!(
        row(&drawn.replace(['│', '▸'], " "), "web")[1..4],
        ["●", "Ready", "1/1"]
    );
    assert!(!drawn.contains('\u{1b}'));
    let svg = world
        .bowline(&["snapshot", "--svg", "--size", "80x24"])
        .end()
        .code(0)
        .stdout;
    assert!(
        svg.starts_with("<svg ") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    assert!(svg.contains("Ready"), "{svg}");
}

pub(crate) fn a_stranger_is_told_what_is_forbidden(world: &World) {
    world.home.save("web", WEB);
    for args in [&["ls"][..], &["status", "web"], &["delete", "web", "-y"]] {
        let ended = world
            .bowline_as(User::Nobody, args)
            .end()
            .code(5)
            .stdout("");
        ended.stderr_has(&["forbidden", "nobody"]);
    }
    let diff = world.bowline_as(User::Nobody, &["diff", "web"]).end();
    diff.code(5)
        .stdout("")
        .stderr_has(&["this user may not do all"]);
    let ended = world
        .bowline_as(User::Nobody, &["ls", "-A"])
        .end()
        .code(5)
        .stdout("");
    let sentence = format!(
        "this user may list services neither in all namespaces nor in {}: choose one with -n",
        world.namespace
    );
    ended.stderr_has(&[&sentence, "forbidden", "nobody"]);
}

pub(crate) fn who_may_not_list_everywhere_is_shown_what_is_known_and_told_so(world: &World) {
    deploy(world, "web", &format!("{WEB}expires: 1s\n"));
    deploy(world, "db", DB);
    let proxy = Proxy::to(world, Trick::Narrow);
    let sentence = format!(
        "warning: other namespaces are not shown: no permission to list in all namespaces, so that no others are shown than {}",
        world.namespace
    );
    let check = |args: &[&str], words: &[&str]| {
        let ended = proxy.run(world, args).code(0).stderr_has(&[&sentence]);
        assert_eq!(ended.stderr.matches("other namespaces").count(), 1);
        ended.stdout_has(words);
    };
    check(&["ls", "-A"], &["web", "db"]);
    check(&["ls", "-A", "-l", "app.kubernetes.io/name=db"], &["db"]);
    check(&["ls", "-A", "-o", "wide"], &["web", "db"]);
    check(&["ls", "--claims", "-A"], &["data-db-0", "InUse"]);
    check(&["ls", "--sets", "-A"], &["bowline-db", "Ready"]);
    let pruned = (0..200).find_map(|_| {
        let prune = ["prune", "--expired", "-A", "--dry-run"];
        let pruned = proxy.run(world, &prune).code(0);
        pruned.stdout.contains("Deployment/web").then_some(pruned)
    });
    pruned.expect("a second to pass").stderr_has(&[&sentence]);
}

#[test]
fn a_stream_outlives_the_connection_and_says_that_it_is_lost() {
    let mut world = begin(Backend::Sandbox).unwrap();
    deploy(&world, "web", WEB);
    let streams = [&["ls", "-w"][..], &["status", "web", "-w"]].map(|args| {
        let mut stream = world.bowline(args).follow();
        stream.line_with("nginx:1.27");
        stream
    });
    world.go_away();
    for mut stream in streams {
        stream.prose_with("connection lost, trying again: ");
        stream.signal(Signal::TERM);
        let (code, stderr) = stream.end();
        assert_eq!(code, Some(143), "{stderr}");
    }
    let ended = world.bowline(&["ls"]).end().code(1).stdout("");
    ended.stderr_has(&[
        "cannot list",
        "server https://127.0.0.1:",
        "context sandbox",
    ]);
}
