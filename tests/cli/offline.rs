//! What needs no cluster: templates, checking, rendering, completion.

use serde_json::json;

use crate::program::{Home, WEB};

#[test]
fn the_version_is_the_packages() {
    let version = format!("bowline {}\n", env!("CARGO_PKG_VERSION"));
    Home::new()
        .bowline(&["--version"])
        .end()
        .code(0)
        .stdout(&version);
}

#[test]
fn help_tells_commands_flags_and_exit_codes() {
    let ended = Home::new().bowline(&["--help"]).env("COLUMNS", "100").end();
    insta::assert_snapshot!(ended.code(0).stdout);
}

/// The examples are a catalogue and a cluster of their own.
#[test]
fn a_rehearsal_touches_nothing_of_what_is_real() {
    let home = Home::new();
    let mine = home.save("shop", WEB);
    let kubeconfig = home.write("kubeconfig", "malformed: [");
    let run = |args: &[&str]| {
        let run = home.bowline(&[&["--sandbox"], args].concat());
        run.env("KUBECONFIG", &kubeconfig).end().code(0)
    };
    let list = run(&["ls", "-o", "json"]).json();
    let states: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["id"], it["state"]).replace('"', ""))
        .collect();
    let expected = [
        "billing Failing",
        "ml-resnet Ready",
        "notebook Saved",
        "orders-db Ready",
        "web Ready",
    ];
    assert_eq!(states, expected);
    run(&["deploy", "notebook", "-y"]);
    run(&["delete", "orders-db", "-y", "--volumes", "delete"]);
    run(&["snapshot"]).stdout_has(&["sandbox", "billing", "ImagePullBackOff"]);
    let catalogue: Vec<_> = std::fs::read_dir(home.catalogue())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(catalogue, [mine]);
}

#[test]
fn a_new_definition_is_a_valid_one_and_is_never_overwritten() {
    let home = Home::new();
    for template in ["web", "database", "notebook", "worker"] {
        let path = home.catalogue().join(format!("my-{template}.yaml"));
        let name = format!("my-{template}");
        let run = home.bowline(&["new", &name, "--template", template]);
        run.end().code(0).stdout(&format!("{}\n", path.display()));
    }
    home.bowline(&["validate"]).end().code(0).stdout("");
    let before = home.files();
    let ended = home.bowline(&["new", "my-web"]).end().code(1).stdout("");
    ended.stderr_has(&["already has a definition my-web"]);
    assert_eq!(home.files(), before);
}

#[test]
fn faults_are_lines_that_editors_jump_to() {
    let home = Home::new();
    let text = "containers:\n  - name: nginx\n    image: nginx\n    imagee: x\n    ports: [{port: \"80\"}]\n";
    let path = home.save("web", text);
    let path = path.display();
    let ended = home.bowline(&["validate", "web"]).end().code(1);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stdout);
    assert!(
        lines[0].starts_with(&format!("{path}:4:5: error: ")),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].starts_with(&format!("{path}:5:20: error: ")),
        "{}",
        lines[1]
    );
    ended.stderr_has(&["1 definition, 2 errors, 0 warnings"]);
    let faults = home
        .bowline(&["validate", "web", "-o", "json"])
        .end()
        .code(1)
        .json();
    let places: Vec<_> = faults
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| &fault["line"])
        .collect();
    assert_eq!(places, [&json!(4), &json!(5)]);
    // What has faults goes nowhere.
    for args in [&["render", "web"][..], &["deploy", "web", "-y"]] {
        let ended = home.bowline(args).end().code(1).stdout("");
        ended.stderr_has(&["web.yaml:4:5: error: ", "nothing was done"]);
    }
    home.bowline(&["diff", "web"]).end().code(2).stdout("");
}

#[test]
fn a_definition_is_read_from_a_file_or_from_standard_input() {
    let home = Home::new();
    let file = home.write("shop.yaml", WEB);
    let file = file.to_str().unwrap();
    let names = "Service/shop\nDeployment/shop\n";
    let run = home.bowline(&["render", "-f", file, "-o", "name"]);
    run.end().code(0).stdout(names);
    let run = home.bowline(&["render", "-f", "-", "--id", "shop", "-o", "name"]);
    run.input(WEB).end().code(0).stdout(names);
    let run = home.bowline(&["render", "-f", "-", "-o", "name"]);
    run.input(WEB)
        .end()
        .code(2)
        .stdout("")
        .stderr_has(&["<stdin>", "--id"]);
    let run = home.bowline(&["validate", "-f", "/nonexistent.yaml"]);
    run.end()
        .code(1)
        .stderr_has(&["/nonexistent.yaml", "No such file"]);
}

#[test]
fn rendering_gives_the_same_bytes_and_as_json_the_same_objects() {
    let home = Home::new();
    home.save("web", WEB);
    let run = |args: &[&str]| home.bowline(args).end().code(0);
    let yaml = run(&["render", "web", "-n", "team-a"]);
    let again = run(&["deploy", "web", "-n", "team-a", "--dry-run=client"]);
    assert_eq!(yaml.stdout, again.stdout);
    yaml.stdout_has(&["namespace: team-a", "image: nginx:1.27"]);
    let list = run(&["render", "web", "-n", "team-a", "-o", "json"]).json();
    assert_eq!(list["kind"], "List");
    let kinds: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["kind"])
        .collect();
    assert_eq!(kinds, ["Service", "Deployment"]);
}

#[test]
fn the_catalogue_is_the_one_that_is_named() {
    let home = Home::new();
    let dir = home.path().join("elsewhere");
    let named = dir.to_str().unwrap();
    home.bowline(&["new", "web", "--catalogue", named])
        .end()
        .code(0);
    assert!(dir.join("web.yaml").is_file());
    let run = home.bowline(&["render", "web", "-o", "name"]);
    run.env("BOWLINE_CATALOGUE", named).end().code(0);
    home.write(
        "config/bowline/config.toml",
        format!("catalogue = {named:?}\n"),
    );
    home.bowline(&["render", "web", "-o", "name"]).end().code(0);
    let ended = home.bowline(&["config", "paths"]).end().code(0);
    ended.stdout_has(&[named]);
    // Wherever one stands, and written as people write it.
    let beside = home.path().join("config/bowline/mine");
    for (written, meant) in [("~/elsewhere", named), ("mine", beside.to_str().unwrap())] {
        home.write(
            "config/bowline/config.toml",
            format!("catalogue = {written:?}\n"),
        );
        let ended = home.bowline(&["config", "paths"]).end().code(0);
        ended.stdout_has(&[&format!("{meant}\n")]);
    }
}

#[test]
fn a_file_that_cannot_be_read_hides_no_fault_of_the_others() {
    let home = Home::new();
    home.save("web", "containers: [{name: web, imag: nginx}]\n");
    home.write("data/bowline/catalogue/db.yaml", b"\xff\xfe");
    let ended = home.bowline(&["validate"]).end().code(1);
    ended.stdout_has(&["web.yaml:1:"]).stderr_has(&["db.yaml"]);
    let ended = home.bowline(&["validate", "-o", "json"]).end().code(1);
    assert!(!ended.json().as_array().unwrap().is_empty());
}

#[test]
fn what_the_system_says_is_said_once() {
    let home = Home::new();
    let ended = home.bowline(&["new", "web", "--catalogue", "/proc/nowhere"]);
    let ended = ended.end().code(1);
    assert_eq!(
        ended.stderr.matches("os error").count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn a_definition_is_rendered_for_the_namespace_that_it_would_be_deployed_to() {
    let home = Home::new();
    home.save("web", WEB);
    let kubeconfig = home.write(
        "kubeconfig",
        "current-context: dev
contexts:
  - {name: dev, context: {cluster: c, user: u, namespace: of-dev}}
  - {name: prod, context: {cluster: c, user: u, namespace: of-prod}}
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
",
    );
    let check = |args: &[&str], namespace: &str| {
        let run = home.bowline(&[&["render", "web"], args].concat());
        let ended = run.env("KUBECONFIG", &kubeconfig).end().code(0);
        ended.stdout_has(&[&format!("namespace: {namespace}\n")]);
    };
    check(&[], "of-dev");
    check(&["--context", "prod"], "of-prod");
    check(&["-n", "asked"], "asked");
    home.save("web", &format!("namespace: own\n{WEB}"));
    check(&[], "own");
    let args = ["render", "web", "-n", "asked"];
    let ended = home.bowline(&args).env("KUBECONFIG", &kubeconfig).end();
    ended.code(2).stderr_has(&["says namespace own"]);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let home = Home::new();
    let run = home.bowline(&["config", "example"]);
    let (code, stderr) = run.end_unread();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
}

#[test]
fn completion_is_offered_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = Home::new().bowline(&["completion", shell]).end().code(0);
        ended.stdout_has(&["bowline", "COMPLETE"]);
    }
}

#[test]
fn completion_offers_the_definitions_that_the_line_would_work_with() {
    let home = Home::new();
    for (catalogue, name) in [("config/bowline/defs", "of-settings"), ("other", "of-flag")] {
        home.write(&format!("{catalogue}/{name}.yaml"), WEB);
    }
    home.write("config/bowline/config.toml", "catalogue = \"defs\"\n");
    let other = home.path().join("other").display().to_string();
    let offered = |words: &[&str]| {
        let line = [&["--", "bowline"], words].concat();
        let run = home.bowline(&line).env("COMPLETE", "bash");
        let run = run.env("_CLAP_COMPLETE_INDEX", (words.len()).to_string());
        run.env("_CLAP_IFS", "\n").end().code(0).stdout
    };
    assert_eq!(offered(&["deploy", "of"]), "of-settings");
    assert_eq!(offered(&["--catalogue", &other, "deploy", "of"]), "of-flag");
}

#[test]
fn a_setting_that_no_example_can_use_is_told() {
    let home = Home::new();
    let settings = "[gpus]\n\"nvidia/gpu\" = \"gpu\"\n";
    home.write("config/bowline/config.toml", settings);
    let ended = home.bowline(&["--sandbox", "ls"]).end().code(1);
    ended.stderr_has(&["the example ml-resnet cannot be deployed", "gpu"]);
}
