//! `doctor`: what it finds with and without a cluster, and that no secret is in it.

use bowline_control_plane::User;
use serde_json::{Value, json};

use crate::program::Home;
use crate::world::World;

/// The verbs of a kind that are allowed or denied.
fn verbs<'a>(report: &'a Value, kind: &str, which: &str) -> &'a Value {
    let permissions = report["permissions"].as_array().unwrap();
    let found = permissions
        .iter()
        .find(|permission| permission["kind"] == kind);
    &found.unwrap()[which]
}

pub(crate) fn a_report_tells_the_server_and_what_this_user_may_do(world: &World) {
    let ended = world.bowline(&["doctor", "-o", "json"]).end().code(0);
    let report = ended.json();
    let all = json!(["get", "list", "watch", "create", "patch", "delete"]);
    assert_eq!(verbs(&report, "Secret", "allowed"), &all);
    assert_eq!(
        verbs(&report, "Pod", "allowed"),
        &json!(["get", "list", "watch", "delete"])
    );
    assert_eq!(report["namespace"], json!(world.namespace));
    assert!(
        report["serverVersion"].as_str().unwrap().starts_with("v1."),
        "{report:#}"
    );
    assert!(report["latencyMs"].is_u64());
    assert_eq!(report["kubeconfigs"][0]["state"], "used");
    assert_eq!(report["connection"]["isVerified"], true);
    assert_eq!(report["problems"], json!([]));

    let page = world.bowline_as(User::Viewer, &["doctor"]).end().code(0);
    let cells = |kind: &str| -> Vec<String> {
        let rows = page.stdout.lines().map(str::split_whitespace);
        let mut rows = rows.map(|cells| cells.map(str::to_owned).collect::<Vec<_>>());
        rows.find(|cells| cells.first().is_some_and(|cell| cell == kind))
            .unwrap()
    };
    assert_eq!(
        cells("Deployment"),
        ["Deployment", "yes", "yes", "yes", "no", "no", "no"]
    );
    // Parts of objects are asked for by themselves: the right to pods is none to run commands in them.
    assert_eq!(
        cells("Pod/exec"),
        ["Pod/exec", "no", "—", "—", "no", "—", "—"]
    );
    assert_eq!(
        cells("StatefulSet/scale"),
        ["StatefulSet/scale", "—", "—", "—", "—", "no", "—"]
    );
    page.stdout_has(&[
        "Nothing that is needed is broken.",
        "TERM         xterm-256color",
        "not there yet, can be made",
    ]);

    let ended = world.bowline_as(User::Nobody, &["doctor"]).end().code(1);
    ended.stdout_has(&[
        "Problems",
        "may not list and watch ConfigMap",
        "services cannot be shown",
    ]);
}

#[test]
fn without_a_cluster_the_rest_is_told() {
    let home = Home::new();
    let report = home.bowline(&["doctor", "-o", "json"]).end().code(0).json();
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&report["permissions"], &report["serverVersion"]),
        (&Value::Null, &Value::Null)
    );
    let unknown = report["unknown"][0].as_str().unwrap();
    assert!(
        unknown.contains("what this user may do there: there is no kubeconfig"),
        "{unknown}"
    );
    let names: Vec<_> = report["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| &place["name"])
        .collect();
    assert_eq!(names, ["config", "catalogue", "state", "log"]);
    // Looking makes nothing.
    assert!(home.files().is_empty() && !home.catalogue().exists());
    let sandbox = home.bowline(&["--sandbox", "doctor"]).end().code(0);
    sandbox.stdout_has(&["Permissions in namespace", "Version"]);
}

#[test]
fn what_is_broken_is_named_and_the_rest_is_told() {
    let check = |prepare: &dyn Fn(&Home) -> Vec<(&'static str, String)>, problem: &str| {
        let home = Home::new();
        let mut run = home.bowline(&["doctor"]);
        for (name, value) in prepare(&home) {
            run = run.env(name, value);
        }
        let ended = run.end().code(1);
        ended.stdout_has(&["Terminal", "Paths", "Problems", problem]);
    };
    check(
        &|home| {
            home.write("config/bowline/config.toml", "\ncolour = 1\n");
            Vec::new()
        },
        "config.toml:2: ",
    );
    check(
        &|_| vec![("XDG_STATE_HOME", "/dev/null/no".to_owned())],
        "state /dev/null/no/bowline cannot be made",
    );
    check(
        &|home| {
            let file = home.write("kubeconfig", "contexts: [");
            vec![("KUBECONFIG", file.display().to_string())]
        },
        "malformed kubeconfig",
    );
}

/// Every place of a kubeconfig that can hold a secret has one.
const CANARIES: &str = r#"
current-context: dev
contexts: [{name: dev, context: {cluster: c, user: u}}, {name: bad, context: {cluster: bad, user: u}}, {name: plug, context: {cluster: c, user: plug}}]
clusters:
  - name: c
    cluster: {server: "https://me:CANARY-1@127.0.0.1:1/p?token=CANARY-2", proxy-url: "http://me:CANARY-3@127.0.0.1:1"}
  - {name: bad, cluster: {server: "https://me:CANARY-4 x@ho st"}}
users:
  - name: u
    user: {token: CANARY-5, username: me, password: CANARY-6, client-key-data: Q0FOQVJZ, client-certificate-data: CANARY-7, auth-provider: {name: gcp, config: {access-token: CANARY-8}}}
  - name: plug
    user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: my-login, args: [--password=CANARY-9], env: [{name: A, value: CANARY-10}], interactiveMode: Never}}
"#;

#[test]
fn no_secret_is_in_a_report() {
    let home = Home::new();
    let whole = home.write("kubeconfig", CANARIES);
    let torn = home.write(
        "torn",
        CANARIES.replace("username: me", "username: [CANARY-11"),
    );
    for (file, args) in [
        (&whole, &["doctor"][..]),
        (&whole, &["doctor", "-o", "json"]),
        (&whole, &["doctor", "--context", "bad"]),
        (&whole, &["doctor", "--context", "plug", "-o", "json"]),
        (&whole, &["doctor", "--context", "none"]),
        (&whole, &["ls"]),
        (&torn, &["doctor"]),
    ] {
        let run = home.bowline(args).env("KUBECONFIG", file);
        let run = run.env("HTTPS_PROXY", "http://me:CANARY-12@127.0.0.1:1");
        let ended = run.env("TOKEN", "CANARY-13").end().code(1);
        let all = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            !all.contains("CANARY") && !all.contains("Q0FOQVJZ"),
            "{args:?}\n{all}"
        );
    }
    let run = home
        .bowline(&["doctor"])
        .env("KUBECONFIG", &whole)
        .end()
        .code(1);
    run.stdout_has(&[
        "https://127.0.0.1:1/p",
        "http://127.0.0.1:1",
        "client certificate, token, user name",
    ]);
    let acting = home.bowline(&["doctor", "--as", "half", "-o", "json"]);
    let acting = acting.env("KUBECONFIG", &whole).end().code(1).json();
    assert_eq!(acting["connection"]["user"], "u");
    assert_eq!(acting["connection"]["actsAs"], "half");
    let direct = home.bowline(&["doctor", "--server", "https://127.0.0.1:1"]);
    let direct = direct.env("BOWLINE_TOKEN", "CANARY-1").end().code(1);
    assert!(!direct.stdout.contains("  User "), "{}", direct.stdout);
}
