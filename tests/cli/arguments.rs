//! Arguments that cannot be: each names what is allowed, ends with the code of wrong usage, and changes nothing.

use crate::program::{Home, WEB};

fn check(args: &[&str], parts: &[&str]) {
    let home = Home::new();
    home.save("web", WEB);
    let before = home.files();
    home.bowline(args)
        .end()
        .code(2)
        .stdout("")
        .stderr_has(parts);
    assert_eq!(home.files(), before, "{args:?}");
}

#[test]
fn names_that_are_not_legal_say_what_is() {
    check(
        &["new", "My-Service"],
        &["My-Service", "lower-case letters"],
    );
    check(&["status", "a_b"], &["a_b", "at most 50 characters"]);
    check(
        &["ls", "-n", "Team A"],
        &["--namespace", "at most 63 characters"],
    );
    check(
        &["deploy", "web", "--id", "9lives"],
        &["--id", "starting with a letter"],
    );
    check(&["edit", "../../etc/passwd"], &["lower-case letters"]);
    check(&["scale", "Web", "1"], &["lower-case letters"]);
}

#[test]
fn a_file_in_the_place_of_a_name_is_told_its_flag() {
    for command in ["deploy", "diff", "validate", "render"] {
        check(&[command, "./web.yaml"], &["-f ./web.yaml"]);
        check(&[command, "web.yml"], &["-f web.yml"]);
        check(&[command, "-"], &["-f -"]);
        check(&[command, "Web"], &["lower-case letters"]);
    }
}

#[test]
fn a_scale_names_instances_and_then_one_number() {
    check(&["scale", "web"], &["stands last", "bowline scale web 3"]);
    check(&["scale", "3"], &["no instance is named"]);
    check(&["scale", "web", "1001"], &["0 to 1000"]);
    check(&["scale", "web", "-1"], &["'-1'", "0 to 1000"]);
    check(&["scale", "web", "1.5"], &["'1.5'", "0 to 1000"]);
    check(&["scale", "web", "many"], &["stands last"]);
}

#[test]
fn a_prune_says_of_what() {
    check(&["prune", "-y"], &["--expired"]);
    check(&["prune", "--expired", "--wait"], &["--yes"]);
}

#[test]
fn a_selector_that_chooses_everything_or_beside_ids_is_refused() {
    for command in ["ls", "status", "delete", "restart"] {
        check(&[command, "-l", ""], &["empty selector", "everything"]);
        check(&[command, "-l", "a ~ b"], &["k in (a,b)"]);
    }
    for command in ["status", "delete", "restart"] {
        check(
            &[command, "web", "-l", "tier=web"],
            &["cannot be used with", "--selector"],
        );
        check(&[command], &["ID"]);
    }
    check(&["scale", "-l", "", "3"], &["empty selector"]);
    check(
        &["scale", "web", "-l", "tier=web", "3"],
        &["cannot be given together"],
    );
}

#[test]
fn values_that_cannot_be_read_say_how_they_are_written() {
    check(
        &["deploy", "web", "--timeout", "soon"],
        &["--timeout", "90s, 5m or 1h30m"],
    );
    check(&["deploy", "web", "--set", "size"], &["--set", "KEY=VALUE"]);
    check(&["snapshot", "--size", "9"], &["--size", "120x40"]);
    check(
        &["snapshot", "--sandbox", "--size", "20x4"],
        &["--size", "20x4", "40x10"],
    );
    check(
        &["delete", "web", "--volumes", "burn"],
        &["--volumes", "keep, delete"],
    );
    check(&["ls", "-o", "xml"], &["table, wide, json, yaml, name"]);
    check(&["deploy", "web", "--dry-run=maybe"], &["client, server"]);
    check(
        &["history", "web", "--revision", "0"],
        &["--revision", "1.."],
    );
    check(
        &["restore", "web", "--at", "newest"],
        &["--at", "1 for the newest"],
    );
    check(&["completion", "sh"], &["bash"]);
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    check(&["delete"], &["<ID>"]);
    check(&["deploy"], &["NAME"]);
    check(
        &["deploy", "web", "-f", "web.yaml"],
        &["--filename", "cannot be used"],
    );
    check(&["ls", "--as-group", "ops"], &["--as <USER>"]);
    check(
        &["--sandbox", "ls", "--kubeconfig", "k"],
        &["leave --kubeconfig out"],
    );
    check(&["history"], &["<ID>"]);
    check(&["diff", "web", "--to", "2"], &["--revision <N>"]);
    check(
        &["diff", "web", "--revision", "1", "--set", "size=1"],
        &["--set", "cannot be used"],
    );
    check(&["--frobnicate"], &["--frobnicate"]);
    check(&["frobnicate"], &["frobnicate"]);
}

#[test]
fn the_usage_that_is_told_is_that_of_the_command() {
    let home = Home::new();
    let run = home.bowline(&["ls", "-o", "xml"]);
    let run = run.env("BOWLINE_CATALOGUE", home.catalogue());
    let ended = run.env("BOWLINE_NAMESPACE", "team-a").end().code(2);
    assert!(!ended.stderr.contains("--catalogue"), "{}", ended.stderr);
    let wrong = home.bowline(&["delete"]);
    let wrong = wrong
        .env("BOWLINE_CATALOGUE", home.catalogue())
        .end()
        .code(2);
    assert!(!wrong.stderr.contains("--catalogue"), "{}", wrong.stderr);
    wrong.stderr_has(&["Usage: bowline delete [OPTIONS]"]);
}

#[test]
fn a_context_that_is_not_there_names_those_that_are() {
    let home = Home::new();
    home.save("web", WEB);
    let kubeconfig = home.write(
        "kubeconfig",
        "contexts: [{name: dev, context: {cluster: c}}]\n",
    );
    for args in [
        &["ls"][..],
        &["diff", "web"],
        &["exec", "web", "--", "true"],
    ] {
        let run = home.bowline(&[&["--context", "nope"], args].concat());
        let ended = run.env("KUBECONFIG", &kubeconfig).end().code(2).stdout("");
        ended.stderr_has(&["--context \"nope\" is no context; there are: dev"]);
    }
}

#[test]
fn a_template_that_is_not_there_names_those_that_are() {
    check(
        &["new", "shop", "--template", "blog"],
        &["blog", "web", "database", "notebook", "worker"],
    );
}

#[test]
fn without_a_terminal_what_would_ask_names_the_flag() {
    check(&["delete", "web", "--wait"], &["no terminal", "--yes"]);
    check(&["prune", "--expired", "--wait"], &["no terminal", "--yes"]);
    check(&["rollback", "web"], &["no terminal", "--yes"]);
    check(&["restore", "web"], &["no terminal", "--yes"]);
}

#[test]
fn without_a_terminal_the_dashboard_names_what_works_there() {
    let kubeconfig = "current-context: \"\"\n";
    let home = Home::new();
    home.save("web", WEB);
    let kubeconfig = home.write("kubeconfig", kubeconfig);
    for args in [&[][..], &["edit", "web"]] {
        let run = home.bowline(args).env("KUBECONFIG", &kubeconfig);
        let ended = run.end().code(2).stdout("");
        ended.stderr_has(&["terminal", "bowline snapshot", "bowline ls"]);
    }
}

#[test]
fn a_definition_for_another_namespace_than_asked_is_refused() {
    let home = Home::new();
    home.save("web", &format!("namespace: team-a\n{WEB}"));
    let run = home.bowline(&["deploy", "web", "-n", "team-b", "-y"]);
    let ended = run.end().code(2).stdout("");
    ended.stderr_has(&["web.yaml", "team-a", "team-b"]);
}

#[test]
fn a_flag_wins_over_what_the_environment_says_of_another_cluster() {
    let home = Home::new();
    let check = |args: &[&str], variables: &[(&str, &str)], code: i32, told: &[&str]| {
        let run = home.bowline(args);
        let run = variables
            .iter()
            .fold(run, |run, (name, value)| run.env(name, value));
        run.end().code(code).stderr_has(told);
    };
    let server = ("BOWLINE_SERVER", "https://127.0.0.1:1");
    let context = ("BOWLINE_CONTEXT", "dev");
    let token = ("BOWLINE_TOKEN_FILE", "/nowhere/token");
    check(&["--sandbox", "ls"], &[server, context, token], 0, &[]);
    check(&["schema"], &[token], 0, &[]);
    let lost = ["ls", "--context", "lost"];
    check(&lost, &[server, token], 1, &["no kubeconfig"]);
    let by_hand = ["ls", "--server", "https://127.0.0.1:1"];
    check(&by_hand, &[context], 1, &["https://127.0.0.1:1"]);
    let told = ["BOWLINE_SERVER takes", "BOWLINE_CONTEXT names"];
    check(&["ls"], &[server, context], 2, &told);
    let both = [&lost[..], &by_hand[1..]].concat();
    check(&both, &[], 2, &["leave it or --context out"]);
}
