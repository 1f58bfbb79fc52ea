//! `delete` on a cluster.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use rustix::process::Signal;

use crate::operations::noted;
use crate::program::{DB, WEB};
use crate::proxy::{Proxy, Trick};
use crate::world::{AwaitIn, World};

fn deploy(world: &World, name: &str, text: &str) {
    world.home.save(name, text);
    world.bowline(&["deploy", name, "-y"]).end().code(0);
}

pub(crate) fn claims_are_kept_and_found_again(world: &World) {
    deploy(world, "db", DB);
    let ended = world
        .bowline(&["delete", "db", "-y"])
        .end()
        .code(0)
        .stdout("");
    ended.stderr_has(&[
        "PersistentVolumeClaim/data-db-0",
        "kept",
        "StatefulSet/db gone",
    ]);
    assert_eq!(world.all_names("db"), ["PersistentVolumeClaim/data-db-0"]);
    let list = world.bowline(&["ls", "-o", "json"]).end().code(0).json();
    assert_eq!(list[0]["state"], "Saved");
    assert_eq!(list[0]["volumes"][0]["name"], "data-db-0");
    world
        .bowline(&["status", "db"])
        .end()
        .code(1)
        .stderr_has(&["data-db-0"]);
    // The second run finds nothing left to do, and that is no failure.
    world.bowline(&["delete", "db", "-y"]).end().code(0);
    let again = world.bowline(&["deploy", "db", "-y"]).end().code(0);
    again.stderr_has(&["data-db-0 is there already"]);
}

pub(crate) fn claims_are_deleted_with_their_data_when_asked(world: &World) {
    deploy(world, "db", DB);
    deploy(world, "web", WEB);
    let run = world.bowline(&[
        "delete",
        "db",
        "web",
        "-y",
        "--volumes",
        "delete",
        "-o",
        "json",
    ]);
    let told = run.end().code(0).json();
    let complete: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"]["complete"])
        .collect();
    assert_eq!(complete, [true, true]);
    assert_eq!(fate(&told[0], "data-db-0"), json!(["deleted", "destroyed"]));
    assert_eq!(world.all_names("db"), [""; 0]);
    assert_eq!(world.all_names("web"), [""; 0]);
}

/// The fate of a claim and of its data.
fn fate(teardown: &Value, claim: &str) -> Value {
    let mut objects = teardown["objects"].as_array().unwrap().iter();
    let row = objects.find(|object| object["name"] == claim).unwrap();
    json!([row["fate"], row["claim"]["data"]])
}

pub(crate) fn a_fate_table_changes_nothing(world: &World) {
    deploy(world, "db", DB);
    let before = world.all_names("db");
    let ended = world.bowline(&["delete", "db", "--dry-run"]).end().code(0);
    ended.stdout_has(&[
        "OBJECT",
        "FATE",
        "DATA",
        "StatefulSet/db",
        "kept",
        "ConfigMap/bowline-db",
    ]);
    let ended = world.bowline(&[
        "delete",
        "db",
        "--dry-run",
        "--volumes",
        "delete",
        "-o",
        "json",
    ]);
    let told = ended.end().code(0).json();
    assert_eq!(fate(&told[0], "data-db-0"), json!(["deleted", "destroyed"]));
    assert_eq!(told[0]["outcome"], Value::Null);
    assert_eq!(world.all_names("db"), before);
}

pub(crate) fn a_protected_instance_wants_its_id(world: &World) {
    deploy(world, "web", &format!("protected: true\n{WEB}"));
    let before = world.all_names("web");
    let refused = world.bowline(&["delete", "web", "-y"]).end().code(5);
    refused.stderr_has(&["web is protected", "--confirm web"]);
    // How it ended does not hang on who reads what is told.
    let (code, _) = world
        .bowline(&["delete", "web", "-y", "-o", "json"])
        .end_unread();
    assert_eq!(code, Some(5));
    assert_eq!(world.all_names("web"), before);
    world
        .bowline(&["delete", "web", "--confirm", "web"])
        .end()
        .code(0);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn what_is_protected_is_left_and_keeps_no_other_from_being_taken_down(world: &World) {
    deploy(world, "web", WEB);
    deploy(world, "safe", &format!("protected: true\n{WEB}"));
    let partly = world.bowline(&["delete", "web", "safe", "-y"]).end();
    partly.code(3).stderr_has(&[
        "refused: safe: safe is protected: repeat its ID with --confirm safe",
        "1 of 2 done; left as they were: safe",
    ]);
    assert_eq!(world.all_names("web"), [""; 0]);
    assert!(!world.all_names("safe").is_empty());
}

pub(crate) fn everything_in_a_protected_namespace_wants_its_id(world: &World) {
    deploy(world, "web", WEB);
    let namespaces: Api<Namespace> = Api::all(world.admin.clone());
    let protect = json!({"metadata": {"annotations": {"bowline.dev/protected": "true"}}});
    namespaces
        .patch(
            &world.namespace,
            &PatchParams::default(),
            &Patch::Merge(protect),
        )
        .await_in(world)
        .unwrap();
    let status = world.bowline(&["status", "web", "-o", "json"]);
    assert_eq!(status.end().code(0).json()["protected"], true);
    let list = world.bowline(&["ls", "-o", "json"]).end().code(0).json();
    assert_eq!(list[0]["protected"], true);
    for args in [&["delete", "web", "-y"][..], &["restart", "web"]] {
        let refused = world.bowline(args).end().code(5);
        refused.stderr_has(&["web is protected", "--confirm web"]);
    }
    world
        .bowline(&["delete", "web", "--confirm", "web"])
        .end()
        .code(0);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn who_cannot_be_asked_sees_what_it_would_be_about(world: &World) {
    deploy(world, "web", WEB);
    for delete in [
        &["delete", "web"][..],
        &["delete", "-l", "app.kubernetes.io/name=web"],
    ] {
        let plain = world.bowline(delete).end().code(2).stdout("");
        plain.stderr_has(&[
            "Deployment/web",
            "no terminal to ask whether to go on",
            "--yes",
        ]);
        let told = world.bowline(&[delete, &["-o", "json"]].concat()).end();
        let told = told.code(2).json();
        assert_eq!(told[0]["id"], "web", "{told}");
        assert_eq!(told[0]["refusals"][0]["kind"], "Usage", "{told}");
    }
    let scale = world.bowline(&["scale", "-l", "app.kubernetes.io/name=web", "2"]);
    scale
        .end()
        .code(2)
        .stderr_has(&["1 → 2 replicas", "no terminal"]);
    assert!(!world.all_names("web").is_empty());
}

pub(crate) fn what_a_finalizer_holds_is_pending_and_a_second_run_ends_it(world: &World) {
    deploy(world, "web", WEB);
    let services = world.api("v1", "Service");
    let set = |finalizers: Value| {
        let patch = json!({"metadata": {"finalizers": finalizers}});
        let params = PatchParams::default();
        services
            .patch("web", &params, &Patch::Merge(patch))
            .await_in(world)
            .unwrap();
    };
    set(json!(["example.com/hold"]));
    let pending = world
        .bowline(&["delete", "web", "-y", "--timeout", "3s"])
        .end()
        .code(4);
    pending.stderr_has(&["not finished", "Service/web", "example.com/hold"]);
    let told = "left a teardown half done: step 3 of 4: stopped waiting for Service/web";
    let list = world.bowline(&["ls"]).end().code(0);
    list.stdout_has(&["Interrupted"]).stderr_has(&[told]);
    let status = world.bowline(&["status", "web"]).end();
    status.stdout_has(&["teardown, step 3 of 4: stopped waiting for Service/web (by"]);
    // What is held is not counted as done.
    deploy(world, "api", WEB);
    let both = world.bowline(&["delete", "api", "web", "-y", "--timeout", "3s"]);
    both.end().code(4).stderr_has(&[
        "teardown of web: not finished: Service/web",
        "1 of 2 done, 1 not finished yet: the same command finishes it",
    ]);
    set(json!([]));
    let again = world.bowline(&["delete", "web", "-y"]).end().code(0);
    let told = "left a teardown half done: step 1 of 2: stopped waiting for Service/web";
    let again = again.stderr_has(&[told, "record settled"]);
    assert!(!again.stderr.contains("waits until"), "{}", again.stderr);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn who_is_held_keeps_none_of_the_others_waiting(world: &World) {
    for id in ["web", "api"] {
        deploy(world, id, WEB);
    }
    let services = world.api("v1", "Service");
    let set = |finalizers: Value| {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        let params = PatchParams::default();
        let patched = services.patch("web", &params, &patch);
        patched.await_in(world).unwrap();
    };
    set(json!(["example.com/hold"]));
    let mut running = world.bowline(&["delete", "web", "api", "-y"]).follow();
    running.prose_with("api: ✔ ConfigMap/bowline-api gone");
    assert_eq!(world.all_names("api"), [""; 0]);
    running.signal(Signal::INT);
    let (code, stderr) = running.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("1 of 2 done"), "{stderr}");
    set(json!([]));
    let again = world.bowline(&["delete", "web", "-y"]);
    again.end().code(0);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn what_has_ended_is_told_though_what_hangs_is_cut_off(world: &World) {
    for id in ["web", "api"] {
        deploy(world, id, WEB);
    }
    let patch = Patch::Merge(json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    let services = world.api("v1", "Service");
    let params = PatchParams::default();
    let held = services.patch("web", &params, &patch);
    held.await_in(world).unwrap();
    let proxy = Proxy::to(world, Trick::Refuse("/services/api"));
    let mut running = proxy
        .bowline(world, &["delete", "web", "api", "-y"])
        .follow();
    running.prose_with("api: – settle the record: not tried");
    // The last word about web is never answered, so that the time is over that is left after a signal.
    proxy.play(Trick::At("/configmaps/bowline-web"));
    running.signal(Signal::INT);
    let (code, stderr) = running.end();
    assert_eq!(code, Some(130), "{stderr}");
    for told in ["stopped half way", "teardown of api: ", "1 failed"] {
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
}

pub(crate) fn an_interrupted_teardown_begins_nothing_more_and_frees_the_instance(world: &World) {
    deploy(world, "db", DB);
    let sets = world.api("apps/v1", "StatefulSet");
    let set = |finalizers: Value| {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
        let params = PatchParams::default();
        let patched = sets.patch("db", &params, &patch);
        patched.await_in(world).unwrap();
    };
    set(json!(["example.com/hold"]));
    let delete = ["delete", "db", "-y", "--volumes", "delete"];
    let mut running = world.bowline(&delete).follow();
    running.prose_with("StatefulSet/db is held by example.com/hold");
    running.signal(Signal::INT);
    let (code, stderr) = running.end();
    assert_eq!(code, Some(130), "{stderr}");
    assert!(stderr.contains("the same command finishes it"), "{stderr}");
    assert!(!stderr.contains("half way"), "{stderr}");
    // Nothing of it is awaited any more, so that the data would be lost without anybody looking on.
    let claims = world.names("v1", "PersistentVolumeClaim", "db");
    assert_eq!(claims, ["data-db-0"], "{stderr}");
    // Who comes next need not wait for whoever left it.
    assert_eq!(noted(world, "db")["rests"], json!(true), "{stderr}");
    set(json!([]));
    world.bowline(&delete).end().code(0);
    assert_eq!(world.all_names("db"), [""; 0]);
}

pub(crate) fn objects_of_others_go_along_only_where_the_id_is_repeated(world: &World) {
    let settings = |policy: &str| world.home.write("config/bowline/config.toml", policy);
    settings("[policy]\nallow_cluster_scoped = true\n");
    let group = format!("{}.example.com", world.namespace);
    let kind = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    deploy(world, "kinds", &format!("{kind}\n"));
    let api_version = format!("{group}/v1");
    let widgets = world.api(&api_version, "Widget");
    let metadata = json!({"name": "theirs"});
    let theirs = json!({"apiVersion": api_version, "kind": "Widget", "metadata": metadata});
    let theirs = serde_json::from_value(theirs).unwrap();
    let params = PostParams::default();
    let made = widgets.create(&params, &theirs);
    made.await_in(world).unwrap();
    let refused = world.bowline(&["delete", "kinds", "-y"]).end().code(5);
    let named = format!(
        "1 that is not of this instance is there now, {}/theirs",
        world.namespace
    );
    refused.stderr_has(&[
        &named,
        "refused: 1 object that is not of this instance goes along: repeat the ID with --confirm kinds",
    ]);
    widgets.get("theirs").await_in(world).unwrap();
    let delete = ["delete", "kinds", "--confirm", "kinds"];
    world.bowline(&delete).end().code(0);
    assert_eq!(world.all_names("kinds"), [""; 0]);
}

pub(crate) fn what_may_not_be_deleted_is_left_and_the_instance_with_it(world: &World) {
    let settings = |policy: &str| world.home.write("config/bowline/config.toml", policy);
    let role = format!("{}-left", world.namespace);
    let text = format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: also}}}}\n---\n\
         {{apiVersion: v1, kind: ConfigMap, metadata: {{name: own}}}}\n---\n\
         {{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {{name: {role}}}, rules: []}}\n"
    );
    settings("[policy]\nallow_cluster_scoped = true\n");
    deploy(world, "far", &text);
    settings("");
    // What fails half way is gone on with by whoever tried.
    let faulty = Proxy::to(world, Trick::Refuse("/configmaps/own"));
    faulty.run(world, &["delete", "far", "-y"]).code(3);
    let listed = world.bowline(&["ls"]).end().code(0);
    let listed = listed.stderr_has(&["goes on with it"]);
    assert!(!listed.stderr.contains("who may"), "{}", listed.stderr);
    let told = world.bowline(&["delete", "far", "-y"]).end().code(3);
    told.stderr_has(&[
        &format!("ClusterRole/{role}"),
        "ConfigMap/own gone",
        "what is left is named above",
    ]);
    let way = format!(
        "who may do the rest goes on with it by `bowline resume far -n {}`",
        world.namespace
    );
    world.bowline(&["ls"]).end().code(0).stderr_has(&[&way]);
    // What stays has its history, and is known.
    assert_eq!(
        world.all_names("far"),
        ["ConfigMap/bowline-far", "ConfigMap/bowline-far.r1"]
    );
    let history = world.bowline(&["history", "far", "-o", "json"]).end();
    assert_eq!(history.code(0).json()["current"], 1);
    let roles = world.cluster_api("rbac.authorization.k8s.io/v1", "ClusterRole");
    assert!(roles.get_opt(&role).await_in(world).unwrap().is_some());
    settings("[policy]\nallow_cluster_scoped = true\n");
    world.bowline(&["delete", "far", "-y"]).end().code(0);
    assert_eq!(world.all_names("far"), [""; 0]);
    assert_eq!(roles.get_opt(&role).await_in(world).unwrap(), None);
}
