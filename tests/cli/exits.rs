//! Exit codes and words of what cannot be done: the same ones from every command.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::operations::{note, noted_by_ann};
use crate::program::{DB, WEB};
use crate::world::{AwaitIn, World};

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

pub(crate) fn an_instance_that_is_not_there_is_told_in_the_same_words(world: &World) {
    deploy(world, "web", WEB);
    let sentence = format!(
        "error: there is no instance wbe in namespace {}",
        world.namespace
    );
    let commands: [&[&str]; 12] = [
        &["status", "wbe"],
        &["logs", "wbe"],
        &["events", "wbe"],
        &["exec", "wbe", "--", "true"],
        &["port-forward", "wbe", ":80"],
        &["scale", "wbe", "2"],
        &["restart", "wbe"],
        &["delete", "wbe", "-y"],
        &["delete", "wbe", "--kept", "-y"],
        &["history", "wbe"],
        &["rollback", "wbe", "-y"],
        &["rollback", "wbe", "--to", "2", "-y"],
    ];
    for command in commands {
        let ended = world.bowline(command).end().code(1).stdout("");
        ended.stderr_has(&[&sentence]);
    }
    // Nothing is asked before it is told, and nothing is pulled.
    let ended = world.bowline(&["pull", "wbe"]).end().code(1).stdout("");
    ended.stderr_has(&[&sentence]);
    for command in [
        &["status", "wbe"][..],
        &["logs", "wbe"],
        &["restart", "wbe"],
        &["delete", "wbe", "-y"],
        &["history", "wbe"],
        &["history", "wbe", "--revision", "1"],
        &["rollback", "wbe", "-y"],
        &["pull", "wbe"],
        &["update-ingress", "wbe", "-y"],
        &["diff", "wbe", "--revision", "1"],
    ] {
        let ended = world.bowline(command).end();
        ended.stderr_has(&[&sentence, "did you mean web?"]);
    }
    // As data, too.
    for command in [
        &["scale", "wbe", "2"][..],
        &["restart", "wbe"],
        &["delete", "wbe", "-y"],
        &["update-ingress", "wbe", "-y"],
    ] {
        let ended = world.bowline(&[command, &["-o", "json"]].concat()).end();
        let told = ended.code(1).json();
        let refusal = told[0]["refusals"][0].to_string();
        assert!(refusal.contains("did you mean web?"), "{command:?}: {told}");
    }
    // Only what can be resumed is meant.
    let ended = world.bowline(&["resume", "wbe", "-y"]).end();
    assert!(!ended.stderr.contains("did you mean"), "{}", ended.stderr);
    note(&world.api("v1", "ConfigMap"), Some(noted_by_ann(0))).await_in(world);
    let ended = world.bowline(&["resume", "wbe", "-y"]).end();
    ended.stderr_has(&["did you mean web?"]);
}

pub(crate) fn a_mistake_among_several_is_told_and_the_rest_is_taken_down(world: &World) {
    deploy(world, "web", WEB);
    deploy(world, "db", DB);
    let shown = world
        .bowline(&["delete", "web", "shop", "--dry-run"])
        .end()
        .code(1);
    shown.stdout_has(&["Deployment/web"]);
    let partly = world
        .bowline(&["delete", "web", "shop", "-y"])
        .end()
        .code(3);
    partly.stderr_has(&[
        "error: there is no instance shop in namespace",
        "Deployment/web gone",
        "1 of 2 done; left as they were: shop",
    ]);
    assert_eq!(world.all_names("web"), [""; 0]);
    // As data it is beside the others.
    let told = world
        .bowline(&["delete", "wbe", "web", "-y", "-o", "json"])
        .end()
        .code(1)
        .json();
    let found = |idx: usize| json!([told[idx]["id"], told[idx]["refusals"][0]["kind"]]);
    assert_eq!(
        [found(0), found(1)],
        [json!(["web", null]), json!(["wbe", "NotFound"])]
    );
    // What was taken down before is no mistake.
    std::fs::remove_file(world.home.catalogue().join("web.yaml")).unwrap();
    let again = world.bowline(&["delete", "web", "-y"]).end().code(0);
    again.stderr_has(&["nothing of web is in namespace"]);
    let none = world
        .bowline(&["delete", "shop", "cart", "-y"])
        .end()
        .code(1);
    none.stderr_has(&["no instance shop", "no instance cart"]);
    // Naming each is an answer, too.
    deploy(world, "web", WEB);
    let confirmed = [
        "delete",
        "web",
        "nope",
        "--confirm",
        "web",
        "--confirm",
        "nope",
    ];
    let partly = world.bowline(&confirmed).end().code(3);
    partly.stderr_has(&["no instance nope", "left as they were: nope"]);
    assert_eq!(world.all_names("web"), [""; 0]);
    let wanted = ["delete", "shop", "db", "-y", "--ignore-not-found"];
    world.bowline(&wanted).end().code(0);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
}

/// What nothing is known of is looked for elsewhere too, which waits for no plan of those that come after it.
pub(crate) fn many_that_are_not_there_are_told_at_once(world: &World) {
    let ids: Vec<String> = (1..=9).map(|n| format!("gone-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let delete = [&["delete", "-y", "--ignore-not-found"], &ids[..]].concat();
    let ended = world.bowline(&delete).end().code(0);
    let ended = ended.stderr_has(&["no instance gone-1", "no instance gone-9"]);
    assert!(!ended.stderr.contains("no answer"), "{}", ended.stderr);
}

pub(crate) fn what_is_adjusted_goes_on_past_what_is_not_there_where_that_is_wanted(world: &World) {
    deploy(world, "web", WEB);
    let refused = world.bowline(&["restart", "shop", "web"]).end().code(1);
    refused.stderr_has(&["no instance shop", "nothing was changed"]);
    let scale = ["scale", "shop", "web", "2", "--ignore-not-found"];
    let ended = world.bowline(&scale).end().code(0);
    ended.stderr_has(&["no instance shop", "1 → 2 replicas", "ready"]);
    let none = ["restart", "shop", "--ignore-not-found"];
    world.bowline(&none).end().code(0);
    let routes = ["update-ingress", "shop", "-y", "--ignore-not-found"];
    world.bowline(&routes).end().code(0);
}

pub(crate) fn an_id_that_is_confirmed_is_the_one_that_is_meant(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let config = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-config"}});
    let config: kube::api::DynamicObject = serde_json::from_value(config).unwrap();
    let created = world.api("v1", "ConfigMap");
    created
        .create(&kube::api::PostParams::default(), &config)
        .await_in(world)
        .unwrap();
    world
        .home
        .save("web", &format!("{WEB}config: {{LEVEL: info}}\n"));
    let wrong = world
        .bowline(&["adopt", "web", "--confirm", "wbe"])
        .end()
        .code(2);
    wrong.stderr_has(&["--confirm says wbe, and it is web that would be adopted"]);
    world
        .bowline(&["adopt", "web", "--confirm", "web"])
        .end()
        .code(0);
}

pub(crate) fn a_secret_that_nobody_can_be_asked_for_is_wrong_usage(world: &World) {
    let asks = "secrets: {token: {prompt: Token}}\n";
    world.home.save("web", &format!("{WEB}{asks}"));
    let ended = world.bowline(&["deploy", "web", "-y"]).end().code(2);
    ended.stderr_has(&[
        "no value for the secret token",
        "asked for on a terminal (\"Token\")",
    ]);
    let all = ["deploy", "web", "-y", "--ask-secrets"];
    let ended = world.bowline(&all).end().code(2);
    ended.stderr_has(&["--ask-secrets asks on a terminal"]);
    assert_eq!(world.all_names("web"), [""; 0]);
    // A right that is missing is the graver reason.
    let missing = "  other: {env: NOT_SET}\n";
    let both = format!("{WEB}secrets:\n  token: {{prompt: Token}}\n{missing}");
    world.home.save("web", &both);
    world.bowline(&["deploy", "web", "-y"]).end().code(5);
}

pub(crate) fn a_revision_that_is_not_kept_fails_and_is_no_difference(world: &World) {
    deploy(world, "web", WEB);
    let words = "revision 7";
    let history = ["history", "web", "--revision", "7"];
    world.bowline(&history).end().code(1).stderr_has(&[words]);
    let rollback = ["rollback", "web", "--to", "7", "-y"];
    world.bowline(&rollback).end().code(1).stderr_has(&[words]);
    let diff = ["diff", "web", "--revision", "7"];
    world.bowline(&diff).end().code(2).stderr_has(&[words]);
}

pub(crate) fn names_are_those_of_the_list(world: &World) {
    deploy(world, "web", WEB);
    world.home.save("notebook", WEB);
    let names = world.bowline(&["ls", "-o", "name"]).end().code(0);
    assert_eq!(names.stdout, "notebook\nweb\n");
}

pub(crate) fn a_definition_that_is_not_in_the_catalogue_is_not_shown_as_if_it_were(world: &World) {
    deploy(world, "web", WEB);
    let status = || world.bowline(&["status", "web"]).end().code(0).stdout;
    assert!(
        status().contains("Definition  web (in sync)\n"),
        "{}",
        status()
    );
    std::fs::remove_file(world.home.catalogue().join("web.yaml")).unwrap();
    assert!(
        status().contains("Definition  web (not in the catalogue)"),
        "{}",
        status()
    );
}

/// Returns the refusals of a document, or of the plans in it.
fn refusals(told: &Value) -> Vec<&Value> {
    let plans = told
        .as_array()
        .map_or(std::slice::from_ref(told), Vec::as_slice);
    let refusals = plans.iter().filter_map(|plan| plan["refusals"].as_array());
    refusals.flatten().collect()
}

/// Returns the commands whose help offers JSON.
fn commands_with_json(world: &World) -> BTreeSet<String> {
    let help = world.bowline(&["--help"]).end().code(0).stdout;
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    // Lines that go on are further in.
    let names = commands.lines().filter(|line| !line.starts_with("   "));
    let names = names.map(|line| line.split_whitespace().next().unwrap());
    let has_json = |name: &&str| {
        let help = world.bowline(&[name, "--help"]).end();
        let (_, output) = help.stdout.split_once("--output ").unwrap_or_default();
        let (values, _) = output.split_once("\n\n").unwrap_or_default();
        values.contains("json") || output.contains("- json")
    };
    names.filter(has_json).map(str::to_owned).collect()
}

pub(crate) fn every_command_that_prints_json_tells_its_refusal_in_json(world: &World) {
    world.home.save("kept", WEB);
    let mut commands = commands_with_json(world);
    // Whatever keeps it from looking is what it finds.
    assert!(
        commands.remove("doctor") && commands.len() >= 20,
        "{commands:?}"
    );
    for (args, code) in [
        (&["ls", "--context", "nowhere"][..], 2),
        (&["ls", "--sets", "--context", "nowhere"], 2),
        (&["ls", "--claims", "--context", "nowhere"], 2),
        (&["status", "shop"], 1),
        (&["logs", "shop"], 1),
        (&["events", "shop"], 1),
        (&["validate", "shop"], 1),
        (&["render", "shop"], 1),
        (&["diff", "shop"], 2),
        (&["diff", "shop", "--revision", "1"], 2),
        (&["deploy", "shop", "-y"], 1),
        (&["deploy", "kept"], 2),
        (&["import", "shop", "--helm", "shop"], 1),
        (&["adopt", "shop", "-y"], 1),
        (&["delete", "shop", "-y"], 1),
        (&["delete", "shop"], 1),
        (&["restore", "shop", "-y"], 1),
        (&["resume", "shop", "-y"], 1),
        (&["history", "shop"], 1),
        (&["history", "shop", "--revision", "1"], 1),
        (&["rollback", "shop", "-y"], 1),
        (&["pull", "shop", "-y"], 1),
        (&["prune", "--expired", "--wait"], 2),
        (&["scale", "shop", "2", "-y"], 1),
        (&["restart", "shop", "-y"], 1),
        (&["update-ingress", "shop", "-y"], 1),
        (&["update-ingress", "shop"], 1),
        (&["update-ingress", "shop", "--wait"], 2),
    ] {
        let ended = world.bowline(&[args, &["-o", "json"]].concat()).end();
        let ended = ended.code(code);
        let told = ended.json();
        assert!(!refusals(&told).is_empty(), "{args:?}: {told}");
        let plain = world.bowline(args).end();
        plain.code(code);
        commands.remove(args[0]);
    }
    assert_eq!(commands, BTreeSet::new(), "these have no row");
}
