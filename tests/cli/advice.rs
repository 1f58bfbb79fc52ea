//! What a person is told before a deed and instead of one: whether it says all that matters, and whether its advice works.

use bowline_control_plane::User;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::program::{DB, WEB};
use crate::world::{AwaitIn, World};

const GREETING: &str = "\
containers:
  - name: nginx
    image: nginx:1.27
    env: [{name: GREETING, value: '${greeting}'}, {name: COLOUR, value: '${colour}'}]
parameters: {greeting: moin, colour: red}
";

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    let args = ["deploy", name, "-y", "--wait=false"];
    world.bowline(&args).end().code(0);
}

/// Deploys the definition `shop` as `shop-2` too.
fn second(world: &World) {
    deploy(world, "shop", WEB);
    let args = ["deploy", "shop", "--id", "shop-2", "-y", "--wait=false"];
    world.bowline(&args).end().code(0);
}

pub(crate) fn a_route_that_another_instance_has_is_told_before_it_is_made(world: &World) {
    let host = format!("{}.example.com", world.namespace);
    let text = format!("{WEB}exposed_service: nginx\nexposed_port: 80\nexposed_hostname: {host}\n");
    deploy(world, "shop", &text);
    let own = world.bowline(&["diff", "shop"]).end().code(0);
    assert!(!own.stderr.contains(&host), "{}", own.stderr);
    let words = format!(
        "warning: {host}/ of Ingress/shop-2 is served by Ingress/shop of instance shop already"
    );
    for command in ["deploy", "diff"] {
        let args = [command, "shop", "--id", "shop-2"];
        let plan = world.bowline(&args).end();
        plan.stderr_has(&[&words]);
    }
    // Who may not list Ingresses everywhere still sees those of the namespace.
    let args = ["diff", "shop", "--id", "shop-2"];
    let plan = world.bowline_as(User::Viewer, &args).end();
    plan.stderr_has(&[&words]);
}

pub(crate) fn parameters_that_go_back_to_their_defaults_are_told(world: &World) {
    world.home.save("shop", GREETING);
    let set = [
        "deploy",
        "shop",
        "-y",
        "--wait=false",
        "--set",
        "greeting=v6",
    ];
    world.bowline(&set).end().code(0);
    let words = "warning: r1 had greeting=v6; without --set greeting it is moin";
    for command in ["deploy", "diff"] {
        let plan = world.bowline(&[command, "shop"]).end();
        let told = plan.stderr.matches("r1 had").count();
        assert_eq!(told, 1, "{}", plan.stderr);
        plan.stderr_has(&[words]);
    }
    // What is set is no slip, whatever it is set to.
    for value in ["greeting=v6", "greeting=v7"] {
        let plan = world.bowline(&["diff", "shop", "--set", value]).end();
        assert!(!plan.stderr.contains("had"), "{}", plan.stderr);
    }
    world
        .bowline(&["deploy", "shop", "-y", "--wait=false"])
        .end()
        .code(0);
    let rollback = world
        .bowline(&["rollback", "shop", "--to", "1", "--dry-run"])
        .end();
    assert!(!rollback.stderr.contains("had"), "{}", rollback.stderr);
    let plan = world.bowline(&["diff", "shop"]).end().code(0);
    assert!(!plan.stderr.contains("had"), "{}", plan.stderr);
}

pub(crate) fn an_id_where_a_definition_is_meant_is_told_with_the_way(world: &World) {
    second(world);
    for command in ["deploy", "diff", "adopt"] {
        let ended = world.bowline(&[command, "shop-2"]).end();
        let place = &world.namespace;
        let way = format!(
            "shop-2 is an instance of shop: `bowline {command} shop --id shop-2 -n {place}`"
        );
        ended.stdout("").stderr_has(&["no definition shop-2", &way]);
    }
    // What is copied goes to the same cluster.
    let file = world.kubeconfig(User::Admin).display().to_string();
    let args = ["diff", "shop-2", "--kubeconfig", &file];
    let ended = world.bowline(&args).end();
    ended.stderr_has(&[&format!(
        "`bowline --kubeconfig {file} diff shop --id shop-2"
    )]);
    let ended = world.bowline(&["deploy", "nothing"]).end().code(1);
    assert!(!ended.stderr.contains("instance"), "{}", ended.stderr);
    let ended = world.bowline(&["render", "shop-2"]).end().code(1);
    ended.stderr_has(&["`bowline render DEFINITION --id shop-2`"]);
    let ended = world.bowline(&["validate", "shop-2"]).end().code(1);
    ended.stderr_has(&["`bowline status shop-2` tells of which"]);
}

pub(crate) fn retained_volumes_of_a_second_instance_are_bound_again_as_advised(world: &World) {
    world.home.save("db", DB);
    let args = ["deploy", "db", "--id", "alt", "-y"];
    world.bowline(&args).end().code(0);
    let args = ["delete", "alt", "--volumes", "retain", "-y"];
    world.bowline(&args).end().code(0);
    // One that bears its ID by chance is another service.
    world.home.save("alt", WEB);
    let place = &world.namespace;
    let list = world.bowline(&["ls", "--claims"]).end().code(0);
    let way = format!("`bowline deploy --bind-retained db --id alt -n {place}`");
    list.stderr_has(&[&way]);
    // Without the definition what was taken down here is put back.
    std::fs::remove_file(world.home.save("db", DB)).unwrap();
    let list = world.bowline(&["ls", "--claims"]).end().code(0);
    let way = format!("`bowline restore --bind-retained alt -n {place}`");
    list.stderr_has(&[&way]);
    let args = ["restore", "alt", "--bind-retained", "-y"];
    world.bowline(&args).end().code(0);
    let args = ["delete", "alt", "--volumes", "delete", "-y"];
    world.bowline(&args).end().code(0);
}

pub(crate) fn another_id_that_is_confirmed_is_named(world: &World) {
    deploy(world, "web", &format!("protected: true\n{WEB}"));
    let ended = world.bowline(&["delete", "web", "--confirm", "wbe"]).end();
    let ended = ended.code(2).stdout("");
    ended.stderr_has(&["--confirm says wbe, and it is web that would be taken down"]);
}

pub(crate) fn a_refusal_is_json_where_that_was_asked_for(world: &World) {
    deploy(world, "web", &format!("protected: true\n{WEB}"));
    for args in [
        &["restart", "web"][..],
        &["scale", "web", "2"],
        &["delete", "web"],
    ] {
        let args = [args, &["-y", "-o", "json"]].concat();
        let ended = world.bowline(&args).end().code(5);
        let told = ended.stderr_has(&["web is protected"]).json();
        let refusal = told[0]["refusals"][0].to_string();
        assert_eq!(told[0]["id"], "web", "{told}");
        assert!(refusal.contains("--confirm web"), "{args:?}: {told}");
    }
}

pub(crate) fn numbers_in_labels_are_compared(world: &World) {
    for (id, size) in [("small", 3), ("large", 10)] {
        deploy(world, id, &format!("{WEB}labels: {{size: '{size}'}}\n"));
    }
    let ids = |selector: &str| {
        let told = world.bowline(&["ls", "-l", selector, "-o", "json"]);
        let told = told.end().code(0).json();
        let rows = told.as_array().unwrap().clone();
        rows.iter().map(|row| row["id"].clone()).collect::<Value>()
    };
    assert_eq!(ids("size>3"), json!(["large"]));
    assert_eq!(ids("size<10"), json!(["small"]));
    let refused = world.bowline(&["ls", "-l", "size>big"]).end().code(2);
    refused.stderr_has(&["no whole number"]);
    let gone = world.bowline(&["delete", "-l", "size>1", "-y"]).end();
    let gone = gone.code(0);
    gone.stderr_has(&[
        "small: ✔ Deployment/small deleted",
        "large: ✔ Deployment/large deleted",
    ]);
}

pub(crate) fn a_message_that_no_revision_keeps_is_not_dropped_in_silence(world: &World) {
    deploy(world, "web", WEB);
    let theirs = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2}});
    let params = PatchParams::apply("somebody").force();
    let api = world.api("apps/v1", "Deployment");
    api.patch("web", &params, &Patch::Apply(&theirs))
        .await_in(world)
        .unwrap();
    let args = [
        "deploy",
        "web",
        "-y",
        "--yield-conflicts",
        "-m",
        "why",
        "--wait=false",
    ];
    let ended = world.bowline(&args).end().code(0);
    ended.stderr_has(&["left to its owner", "no revision to keep the message"]);
    let history = world.bowline(&["history", "web", "-o", "json"]).end();
    let history = history.code(0).json();
    assert_eq!(history["revisions"].as_array().unwrap().len(), 1);
}

pub(crate) fn without_a_terminal_the_plan_is_shown_before_the_flag_is_named(world: &World) {
    world.home.save("web", WEB);
    let ended = world.bowline(&["deploy", "web"]).end().code(2);
    ended.stderr_has(&[
        "+ create Deployment/web",
        "no terminal",
        "answer with --yes",
    ]);
    assert_eq!(world.all_names("web"), [""; 0]);
    let ended = world.bowline(&["deploy", "web", "-o", "json"]).end();
    assert_eq!(ended.code(2).json()["objects"][0]["change"], "create");
    let nothing = world.bowline(&["resume", "web"]).end().code(1);
    nothing.stderr_has(&["nothing is under way"]);

    let services = world.api("v1", "Service");
    let theirs = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "labels": {"team": "alice"}},
        "spec": {"ports": [{"port": 81}], "sessionAffinity": "ClientIP"}});
    let params = PostParams {
        field_manager: Some("kubectl-create".to_owned()),
        ..PostParams::default()
    };
    services
        .create(&params, &serde_json::from_value(theirs).unwrap())
        .await_in(world)
        .unwrap();
    let words = [
        "adopt Service/web: fields of kubectl-create",
        "the next deploy removes from Service/web what the definition does not have: ",
        ".metadata.labels.team",
        ".spec.sessionAffinity",
    ];
    let ended = world.bowline(&["adopt", "web"]).end().code(2);
    let ended = ended.stderr_has(&words);
    let ended = ended.stderr_has(&["no terminal", "answer with --yes"]);
    let told = &ended.stderr;
    assert!(
        !told.contains("internalTrafficPolicy") && !told.contains(".spec.type"),
        "{told}"
    );
    // What belongs to nobody else needs no ID.
    world.bowline(&["adopt", "web", "-y"]).end().code(0);
    world
        .bowline(&["deploy", "web", "-y", "--wait=false"])
        .end()
        .code(0);
    let live = services.get("web").await_in(world).unwrap();
    assert_eq!(live.metadata.labels.unwrap().get("team"), None);

    let mark = json!({"metadata": {"annotations": {"meta.helm.sh/release-name": "shop"}}});
    services
        .patch("web", &PatchParams::default(), &Patch::Merge(mark))
        .await_in(world)
        .unwrap();
    let refused = world.bowline(&["adopt", "web", "-y", "-o", "json"]).end();
    let refused = refused.code(5).stderr_has(&["--confirm web"]);
    assert!(refused.json()["refusals"][0].to_string().contains("own"));
}

pub(crate) fn what_the_definition_or_the_server_says_is_nothing_that_others_added(world: &World) {
    let text = format!("{WEB}config: {{LEVEL: info}}\n");
    deploy(world, "web", &text);
    let params = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    let edit = |kind: &str, name: &str, patch: Value| {
        let api = world.api("v1", kind);
        api.patch(name, &params, &Patch::Merge(patch))
            .await_in(world)
            .unwrap();
    };
    edit(
        "Service",
        "web",
        json!({"spec": {"internalTrafficPolicy": "Local"}}),
    );
    edit(
        "Service",
        "web",
        json!({"spec": {"internalTrafficPolicy": "Cluster"}}),
    );
    edit("ConfigMap", "web-config", json!({"data": {"EXTRA": "1"}}));
    let ended = world.bowline(&["diff", "web"]).end().code(0);
    let ended = ended.stdout_has(&["added by others", ".data.EXTRA"]);
    assert!(
        !ended.stdout.contains("internalTrafficPolicy"),
        "{}",
        ended.stdout
    );
    // The definition says it now: that is a change of it, and no longer what others added.
    world.bowline(&["pull", "web", "-y"]).end().code(0);
    let ended = world.bowline(&["diff", "web"]).end();
    assert!(
        !ended.stdout.contains("added by others"),
        "{}",
        ended.stdout
    );
}
