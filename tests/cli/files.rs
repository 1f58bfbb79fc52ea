//! Files that cannot be used: kubeconfigs, settings, definitions. Each is named, with line and key and what is allowed; the
//! documented code ends the program, and nothing is changed.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::program::{Home, WEB};

/// Commands that need a cluster, the dashboard drawn once among them.
const ON_A_CLUSTER: [&[&str]; 6] = [
    &["ls"],
    &["status", "web"],
    &["diff", "web"],
    &["deploy", "web", "-y"],
    &["delete", "web", "-y"],
    &["snapshot"],
];

fn check_kubeconfig(text: &[u8], parts: &[&str]) {
    let home = Home::new();
    home.save("web", WEB);
    let file = home.write("kube.config", text);
    let before = home.files();
    let path = file.to_str().unwrap().to_owned();
    for args in ON_A_CLUSTER {
        let code = if args[0] == "diff" { 2 } else { 1 };
        for run in [
            home.bowline(args).env("KUBECONFIG", &path),
            home.bowline(&[args, &["--kubeconfig", &path]].concat()),
        ] {
            let ended = run.end().code(code).stdout("");
            ended.stderr_has(&[&path]).stderr_has(parts);
        }
    }
    assert_eq!(home.files(), before);
}

#[test]
fn a_kubeconfig_that_is_none_is_named_with_its_line() {
    check_kubeconfig(b"clusters: [\n", &["kube.config:1:", "malformed"]);
    check_kubeconfig(b"clusters: 3\n", &["kube.config:1:", "malformed"]);
    check_kubeconfig(b"\xff\xfe", &["UTF-8"]);
}

#[test]
fn a_context_that_cannot_be_used_names_the_key() {
    check_kubeconfig(b"current-context: dev\n", &["current-context", "\"dev\""]);
    check_kubeconfig(
        b"current-context: dev\ncontexts: [{name: dev, context: {cluster: c, user: u}}]\n",
        &["contexts[dev].context.cluster", "\"c\""],
    );
    check_kubeconfig(
        b"current-context: dev\n\
          contexts: [{name: dev, context: {cluster: c, user: u, namespace: A b}}]\n\
          clusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\n\
          users: [{name: u, user: {}}]\n",
        &["contexts[dev].context.namespace", "lower-case letters"],
    );
}

#[test]
fn a_malformed_kubeconfig_does_not_show_its_secrets() {
    let home = Home::new();
    let text = "users: [{name: u, user: {token: [s3cr3t-token]}}]\n";
    let file = home.write("kube.config", text);
    let ended = home.bowline(&["ls"]).env("KUBECONFIG", file).end().code(1);
    assert!(!ended.stderr.contains("s3cr3t"), "{}", ended.stderr);
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let home = Home::new();
    let run = home.bowline(&["ls", "--kubeconfig", "/nonexistent/config"]);
    let ended = run.end().code(1).stdout("");
    ended.stderr_has(&["/nonexistent/config", "No such file"]);
    // Without any, what can be done instead is said.
    let ended = home.bowline(&["ls"]).end().code(1).stdout("");
    ended.stderr_has(&[".kube/config", "--kubeconfig", "--sandbox"]);
}

#[test]
fn a_context_that_is_not_there_names_those_that_are() {
    let home = Home::new();
    let file = home.write(
        "kube.config",
        "contexts: [{name: dev, context: {cluster: c}}, {name: prod, context: {cluster: c}}]\n",
    );
    for args in [&["ls", "--context", "test"][..], &["--context", "test"]] {
        let run = home.bowline(args).env("KUBECONFIG", &file);
        run.end()
            .code(2)
            .stdout("")
            .stderr_has(&["test", "dev", "prod"]);
    }
}

fn check_config(text: &str, parts: &[&str]) {
    let home = Home::new();
    home.save("web", WEB);
    home.write("config/bowline/config.toml", text);
    let named = home.write("other.toml", text);
    let before = home.files();
    let named = named.to_str().unwrap();
    for args in [
        &["validate"][..],
        &["new", "shop"],
        &["deploy", "web", "-y"],
    ] {
        let ended = home.bowline(args).end().code(1).stdout("");
        ended.stderr_has(&["bowline/config.toml"]).stderr_has(parts);
    }
    let run = home.bowline(&["validate", "--config", named]);
    run.end()
        .code(1)
        .stdout("")
        .stderr_has(&[named])
        .stderr_has(parts);
    // These do not read it, so that one can see where it is and mend it.
    home.bowline(&["config", "paths"]).end().code(0);
    home.bowline(&["config", "example"]).end().code(0);
    home.bowline(&["completion", "bash"]).end().code(0);
    assert_eq!(home.files(), before);
}

#[test]
fn settings_with_faults_name_the_line_and_what_is_allowed() {
    check_config("catalogue = [\n", &[".toml:1:"]);
    check_config("\ncolour = 1\n", &[".toml:2:", "colour", "namespace", "ui"]);
    check_config("[wait]\nready_seconds = -1\n", &[".toml:2:"]);
    check_config(
        "namespace = \"Team A\"\n",
        &[".toml:1:", "lower-case letters"],
    );
}

#[test]
fn a_fault_in_keys_or_colours_keeps_nobody_from_work() {
    let home = Home::new();
    home.save("web", WEB);
    let text = "[keys]\nquit = \"Q\"\nsort = \"Q\"\n[theme]\nbad = \"redish\"\n";
    home.write("config/bowline/config.toml", text);
    home.bowline(&["validate"]).end().code(0);
    let ended = home.bowline(&["config", "keys"]).end().code(0);
    let parts = [
        "config.toml:3: keys.sort: Q is bound to quit",
        "config.toml:5: theme.bad: ",
        "redish",
    ];
    let ended = ended.stderr_has(&parts);
    let keys_of = |action: &str| {
        let mut words = ended.stdout.lines().map(str::split_whitespace);
        let mut line = words.find(|line| line.clone().next() == Some(action))?;
        line.nth(1)
    };
    assert_eq!((keys_of("quit"), keys_of("sort")), (Some("Q"), Some("o")));
}

#[test]
fn settings_that_are_named_must_be_there() {
    let home = Home::new();
    let run = home.bowline(&["validate", "--config", "/nonexistent.toml"]);
    run.end()
        .code(1)
        .stdout("")
        .stderr_has(&["/nonexistent.toml"]);
}

#[test]
fn the_example_of_the_settings_is_one() {
    let home = Home::new();
    let example = home.bowline(&["config", "example"]).end().code(0).stdout;
    let file = home.write("example.toml", example);
    let file = file.to_str().unwrap();
    let ended = home
        .bowline(&["config", "view", "--config", file])
        .end()
        .code(0);
    ended.stdout_has(&[file, "ready_seconds = 300"]);
}

#[test]
fn a_definition_whose_name_is_mistyped_is_told_with_the_one_that_is_meant() {
    let home = Home::new();
    home.save("web", WEB);
    for command in ["validate", "render", "deploy", "diff", "adopt", "edit"] {
        let near = home.bowline(&[command, "wbe"]).end();
        near.stderr_has(&["no definition wbe", "; did you mean web?"]);
        let far = home.bowline(&[command, "payments"]).end();
        assert!(!far.stderr.contains("mean"), "{}", far.stderr);
    }
}

#[test]
fn entries_of_the_catalogue_that_cannot_be_used_hide_nothing_else() {
    let home = Home::new();
    home.save("web", WEB);
    home.save("latin", "");
    home.write("data/bowline/catalogue/latin.yaml", b"name: \xe9\n");
    home.write("data/bowline/catalogue/Not Legal.yaml", WEB);
    home.write(
        "data/bowline/catalogue/huge.yaml",
        vec![b'#'; 4 * 1024 * 1024 + 1],
    );
    std::fs::create_dir(home.catalogue().join("dir.yaml")).unwrap();
    symlink("/etc/passwd", home.catalogue().join("link.yaml")).unwrap();
    let before = home.files();
    for (name, reason) in [
        ("latin", "UTF-8"),
        ("huge", "4194304"),
        ("dir", "regular file"),
        ("nope", "no definition nope"),
    ] {
        for command in ["validate", "render", "deploy", "diff"] {
            let args = [command, name, "-y"];
            let args = if command == "deploy" {
                &args[..]
            } else {
                &args[..2]
            };
            let code = if command == "diff" { 2 } else { 1 };
            let ended = home.bowline(args).end().code(code).stdout("");
            ended.stderr_has(&[name, reason]);
        }
    }
    let ended = home.bowline(&["validate", "web"]).end().code(0);
    ended.stderr_has(&["1 definition, 0 errors, 0 warnings"]);
    assert_eq!(home.files(), before);
}

/// A kubeconfig whose user logs in by a command that would take what is typed.
fn kubeconfig_with_plugin(home: &Home) -> std::path::PathBuf {
    let plugin = "#!/bin/sh\ntouch ran\nif read answer; then echo \"took $answer\" >&2; exit 7; fi\nexit 8\n";
    let plugin = home.write("plugin", plugin);
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o700)).unwrap();
    home.write(
        "kube.config",
        "{current-context: dev, contexts: [{name: dev, context: {cluster: c, user: u}}], \
          clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], \
          users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}}]}",
    )
}

#[test]
fn a_command_of_a_kubeconfig_is_not_run_before_somebody_agreed_to_it() {
    let home = Home::new();
    let file = kubeconfig_with_plugin(&home);
    home.bowline(&["ls"])
        .env("KUBECONFIG", &file)
        .end()
        .code(5)
        .stdout("")
        .stderr_has(&[
            "users[u].user.exec.command",
            "nobody agreed to it here yet",
            "[login]",
        ]);
    assert!(!home.path().join("ran").exists());
}

#[test]
fn a_command_that_was_allowed_does_not_take_the_input_of_another() {
    let home = Home::new();
    let file = kubeconfig_with_plugin(&home);
    home.write(
        "config/bowline/config.toml",
        "[login]\nallowed = [\"./plugin\"]\n",
    );
    let run = home.bowline(&["ls"]).env("KUBECONFIG", &file);
    let ended = run.input("yes\n").end().stdout("");
    ended.stderr_has(&["exit status: 8"]);
    assert!(home.path().join("ran").exists());
}
