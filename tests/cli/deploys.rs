//! `deploy` and `diff` on a cluster.

use base64::prelude::{BASE64_STANDARD, Engine};
use bowline_control_plane::User;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams, PostParams};
use rustix::process::Signal;
use serde_json::json;

use crate::program::WEB;
use crate::world::{AwaitIn, World};

pub(crate) fn a_definition_is_deployed_changed_and_found_unchanged(world: &World) {
    world.home.save("web", WEB);
    let diff = world.bowline(&["diff", "web"]).end().code(1);
    diff.stdout_has(&[
        "+ create Service/web",
        "+ create Deployment/web",
        "image: nginx:1.27",
    ]);

    let ended = world.bowline(&["deploy", "web", "-y", "-m", "first"]).end();
    let ended = ended.code(0).stdout("");
    ended.stderr_has(&["2 to create", "Deployment/web applied", "ready"]);
    world.bowline(&["diff", "web"]).end().code(0).stdout("");
    let again = world.bowline(&["deploy", "web", "-y"]).end().code(0);
    again.stderr_has(&["0 to create, 0 to update, 0 to delete, 2 unchanged"]);
    world.home.save("web", &format!("# a remark\n{WEB}"));
    let diff = world.bowline(&["diff", "web"]).end().code(1);
    diff.stderr_has(&["no object differs: a deploy keeps the text alone, as revision 2"]);

    world.home.save("web", &WEB.replace("1.27", "1.28"));
    let diff = world.bowline(&["diff", "web"]).end().code(1);
    diff.stdout_has(&[
        "~ update Deployment/web",
        "-       - image: nginx:1.27",
        "+       - image: nginx:1.28",
    ]);
    let ended = world.bowline(&["apply", "web", "-y", "-o", "json"]).end();
    let told = ended.code(0).json();
    assert_eq!(told["revision"], 2);
    assert_eq!(told["outcome"]["complete"], true);
    let live = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world)
        .unwrap();
    assert_eq!(
        live.data["spec"]["template"]["spec"]["containers"][0]["image"],
        "nginx:1.28"
    );
}

pub(crate) fn a_read_only_context_keeps_nobody_from_looking(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let newer = WEB.replace("1.27", "1.28");
    world.home.save("web", &newer);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    world.home.save("web", &newer.replace("1.28", "1.29"));
    let looks: [(&[&str], i32); 7] = [
        (&["diff", "web"], 1),
        (&["deploy", "web", "--dry-run"], 0),
        (&["adopt", "web", "--dry-run"], 0),
        (&["rollback", "web", "--dry-run"], 0),
        (&["scale", "web", "3", "--dry-run"], 0),
        (&["restart", "web", "--dry-run"], 0),
        (&["delete", "web", "--dry-run"], 0),
    ];
    for (args, code) in looks {
        let args = [args, &["--read-only"]].concat();
        world.bowline(&args).end().code(code);
    }
    let writes: [&[&str]; 3] = [
        &["deploy", "web", "-y"],
        &["rollback", "web", "-y"],
        &["delete", "web", "-y"],
    ];
    for args in writes {
        let args = [args, &["--read-only"]].concat();
        let refused = world.bowline(&args).end().code(5);
        refused.stderr_has(&["is read-only: --read-only or [contexts] of the settings says so"]);
    }
}

pub(crate) fn a_dry_run_changes_nothing(world: &World) {
    world.home.save("web", WEB);
    let ended = world.bowline(&["deploy", "web", "--dry-run"]).end().code(0);
    ended.stdout_has(&["+ create Deployment/web", "image: nginx:1.27"]);
    let ended = world
        .bowline(&["deploy", "web", "--dry-run=server", "-o", "json"])
        .end();
    let plan = ended.code(0).json();
    let changes: Vec<_> = plan["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["change"])
        .collect();
    assert_eq!(changes, ["create", "create"]);
    assert_eq!(world.all_names("web"), [""; 0]);
}

pub(crate) fn an_image_that_is_not_there_times_out_and_says_why(world: &World) {
    world.home.save("web", &WEB.replace("1.27", "1.27-missing"));
    let ended = world
        .bowline(&["deploy", "web", "-y", "--timeout", "4s"])
        .end();
    ended
        .code(4)
        .stderr_has(&["Deployment/web applied", "not finished", "ImagePull"]);
    let status = world
        .bowline(&["status", "web", "-o", "json"])
        .end()
        .code(0)
        .json();
    assert_eq!(status["state"], "Failing");
    assert!(
        status["reason"].as_str().unwrap().contains("Pull"),
        "{status}"
    );
    // Whoever does not want to wait is not told of it.
    world
        .bowline(&["deploy", "web", "-y", "--wait=false"])
        .end()
        .code(0);
}

pub(crate) fn a_field_of_another_is_refused_until_it_is_taken(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let other = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 2},
    });
    let params = PatchParams::apply("somebody").force();
    let api = world.api("apps/v1", "Deployment");
    api.patch("web", &params, &Patch::Apply(&other))
        .await_in(world)
        .unwrap();

    let refused = world.bowline(&["deploy", "web", "-y"]).end().code(5);
    refused.stderr_has(&[
        "conflict: Deployment/web",
        "replicas",
        "somebody",
        "--force-conflicts",
    ]);
    assert_eq!(replicas(world), 2);
    world
        .bowline(&["deploy", "web", "-y", "--force-conflicts"])
        .end()
        .code(0)
        .stderr_has(&["taken over from its owner: Deployment/web .spec.replicas"]);
    assert_eq!(replicas(world), 1);
}

fn replicas(world: &World) -> u64 {
    let live = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world);
    live.unwrap().data["spec"]["replicas"].as_u64().unwrap()
}

pub(crate) fn a_viewer_may_compare_and_not_deploy(world: &World) {
    world.home.save("web", WEB);
    let deploy = ["deploy", "web", "-y"];
    world.bowline(&deploy).end().code(0);
    world.home.save("web", &WEB.replace("1.27", "1.28"));
    let diff = world
        .bowline_as(User::Viewer, &["diff", "web"])
        .end()
        .code(1);
    diff.stdout_has(&["+       - image: nginx:1.28"])
        .stderr_has(&["computed here"]);
    let refused = world.bowline_as(User::Viewer, &deploy).end().code(5);
    refused.stderr_has(&["refused", "patch", "Deployment", &world.namespace]);
    let refused = world.bowline_as(User::Nobody, &deploy).end().code(5);
    // All of it at once, though not even what is there may be read.
    refused.stderr_has(&[
        "this user may not do all",
        "create ConfigMap",
        "get",
        "patch",
    ]);
    let live = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world)
        .unwrap();
    assert_eq!(live.metadata.generation, Some(1), "{}", live.name_any());
}

pub(crate) fn a_namespace_that_is_not_there_is_refused(world: &World) {
    world.home.save("web", WEB);
    let run = world.bowline(&["deploy", "web", "-y", "-n", "nowhere"]);
    run.end()
        .code(1)
        .stderr_has(&["namespace nowhere does not exist"]);
}

pub(crate) fn an_interrupted_wait_ends_as_a_signal_does(world: &World) {
    world.home.save("web", &WEB.replace("1.27", "1.27-missing"));
    let mut running = world.bowline(&["deploy", "web", "-y"]).follow();
    running.prose_with("ImagePull");
    running.signal(Signal::INT);
    let (code, stderr) = running.end();
    assert_eq!(code, Some(130), "{stderr}");
    let told = "everything is written, only the wait was interrupted";
    assert!(stderr.contains(told), "{stderr}");
    assert!(!stderr.contains("half way"), "{stderr}");
}

/// The administrator's kubeconfig without the authority that signed the server's certificate.
fn unverified(world: &World) -> std::path::PathBuf {
    let text = std::fs::read_to_string(world.kubeconfig(User::Admin)).unwrap();
    let mut config: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let cluster = config["clusters"][0]["cluster"].as_object_mut().unwrap();
    cluster.remove("certificate-authority");
    cluster.remove("certificate-authority-data");
    cluster.insert("insecure-skip-tls-verify".to_owned(), true.into());
    world
        .home
        .write("unverified.kubeconfig", config.to_string())
}

pub(crate) fn a_server_that_is_not_verified_wants_the_id(world: &World) {
    world.home.save("web", WEB);
    let file = unverified(world);
    let run = |args: &[&str]| world.bowline(args).env("KUBECONFIG", &file).end();
    let refused = run(&["deploy", "web", "-y"]).code(5).stdout("");
    refused.stderr_has(&["certificate is not verified", "--confirm web"]);
    let other = run(&["deploy", "web", "--confirm", "db"])
        .code(2)
        .stdout("");
    other.stderr_has(&["--confirm says db", "web"]);
    assert_eq!(world.all_names("web"), [""; 0]);
    run(&["deploy", "web", "--confirm", "web"]).code(0);
    assert!(!world.all_names("web").is_empty());
    // So does all that changes what is there.
    for args in [
        &["restart", "web"][..],
        &["scale", "web", "2"],
        &["delete", "web"],
    ] {
        let refused = run(&[args, &["-y"]].concat()).code(5);
        refused.stderr_has(&["certificate is not verified", "--confirm web"]);
    }
    run(&["scale", "web", "0", "--confirm", "web"]).code(0);
    run(&["delete", "web", "--confirm", "web"]).code(0);
}

/// A service with a value that nobody may see, and a token beside the definition.
const WITH_SECRETS: &str = "\
containers:
  - name: nginx
    image: nginx:1.27
    env: [{name: TOKEN, fromSecret: token}]
secrets:
  token: {env: SECRET_TOKEN}
  key: {file: ./secret.key}
replicas: 1
";

pub(crate) fn a_secret_reaches_the_cluster_and_no_output_or_file(world: &World) {
    world.home.save("web", WITH_SECRETS);
    let ended = world.bowline(&["deploy", "web", "-y"]).end().code(5);
    let missing = format!(
        "there is no file {}/secret.key",
        world.home.catalogue().display()
    );
    ended.stderr_has(&[
        "the environment variable SECRET_TOKEN is not set",
        &missing,
        "a relative `file` is looked for in the directory of its definition",
    ]);
    world
        .home
        .write("data/bowline/catalogue/secret.key", "canary-in-a-file");
    let run = |args: &[&str]| {
        let run = world
            .bowline(args)
            .env("SECRET_TOKEN", "canary-in-a-variable");
        run.env("BOWLINE_LOG", "trace").end()
    };
    let mut outputs = Vec::new();
    for (args, code) in [
        (&["validate", "web"][..], 0),
        (&["render", "web"], 0),
        (&["diff", "web", "-o", "json"], 1),
        (&["deploy", "web", "-y", "-o", "json"], 0),
        (&["deploy", "web", "-y"], 0),
        (&["status", "web", "-o", "json"], 0),
        (&["delete", "web", "-y"], 0),
    ] {
        if args[0] == "delete" {
            let live = world
                .api("v1", "Secret")
                .get("web-secret")
                .await_in(world)
                .unwrap();
            let token = live.data["data"]["token"].as_str().unwrap();
            assert_eq!(
                BASE64_STANDARD.decode(token).unwrap(),
                b"canary-in-a-variable"
            );
        }
        let ended = run(args).code(code);
        outputs.extend([ended.stdout, ended.stderr]);
    }
    let key = world.home.catalogue().join("secret.key");
    for (path, bytes) in world.home.files() {
        if path != key {
            outputs.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    for hidden in ["canary-in-a", &BASE64_STANDARD.encode("canary-in-a")[..12]] {
        assert!(
            outputs.iter().all(|output| !output.contains(hidden)),
            "{hidden}: {outputs:?}"
        );
    }
}

pub(crate) fn a_source_that_is_absent_keeps_the_value_and_is_named(world: &World) {
    let path = world.home.save("web", WITH_SECRETS);
    let key = world
        .home
        .write("data/bowline/catalogue/secret.key", "canary-in-a-file");
    let run = |args: &[&str], token: &str| {
        let run = world.bowline(args).env("SECRET_TOKEN", token);
        run.end()
    };
    let deploy = ["deploy", "web", "-y", "-o", "json"];
    let given = run(&deploy, "canary-in-a-variable").code(0);
    assert_eq!(given.json()["warnings"], json!([]));
    std::fs::remove_file(&key).unwrap();
    let kept = [
        format!(
            "the secret key keeps the value that it has in the cluster: there is no file {}",
            key.display()
        ),
        "the secret token keeps the value that it has in the cluster: the environment variable SECRET_TOKEN is empty"
            .to_owned(),
    ];
    let ended = run(&deploy, "").code(0);
    let ended = ended.stderr_has(&[
        &format!("warning: {}", kept[0]),
        &format!("warning: {}", kept[1]),
    ]);
    assert_eq!(ended.json()["warnings"], json!(kept));
    run(&["diff", "web"], "")
        .code(0)
        .stderr_has(&[&kept[0], &kept[1]]);

    run(&["delete", "web", "-y"], "").code(0);
    // What was deployed stands in no file any more.
    std::fs::remove_file(path).unwrap();
    let refused = run(&["restore", "web", "-y"], "canary").code(5);
    refused.stderr_has(&[
        &format!("the secret key: there is no file {}", key.display()),
        "that of a restore, rollback or resume in the catalogue's: put the file there",
    ]);
}

pub(crate) fn an_instance_of_another_definition_wants_the_id(world: &World) {
    world.home.save("web", WEB);
    world.home.save("shop", WEB);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let over = ["deploy", "shop", "--id", "web", "-y"];
    let refused = world.bowline(&over).end().code(5);
    refused.stderr_has(&[
        "web is an instance of web so far, and becomes one of shop",
        "repeat its ID with --confirm web, or choose another with --id",
    ]);
    // To look at it needs no leave.
    let looked = [&over[..], &["--dry-run", "-o", "json"]].concat();
    assert_eq!(
        world.bowline(&looked).end().code(0).json()["replaces"],
        "web"
    );
    let confirmed = [&over[..], &["--confirm", "web"]].concat();
    world.bowline(&confirmed).end().code(0);
    // From now on it is one of that definition.
    world.bowline(&over).end().code(0);
}

pub(crate) fn a_difference_before_an_adoption_is_that_of_the_deploy_after_it(world: &World) {
    let config = |name: &str, value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{A: '{value}'}}\n"
        )
    };
    let both = format!("{}---\n{}", config("tri-a", "1"), config("tri-b", "1"));
    world.home.save("tri", &both);
    world.bowline(&["deploy", "tri", "-y"]).end().code(0);
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "tri-x", "annotations": {"meta.helm.sh/release-name": "shop"}}, "data": {"A": "1"}});
    let theirs = serde_json::from_value(theirs).unwrap();
    let configs = world.api("v1", "ConfigMap");
    configs
        .create(&PostParams::default(), &theirs)
        .await_in(world)
        .unwrap();
    let text = format!("{}---\n{}", config("tri-a", "1"), config("tri-x", "2"));
    world.home.save("tri", &text);
    let difference = || {
        let ended = world.bowline(&["diff", "tri"]).end().code(1);
        ended.stdout_has(&["delete ConfigMap/tri-b"])
    };
    difference().stderr_has(&[
        "warning: ConfigMap/tri-x exists already, and it belongs to Helm release shop",
    ]);
    let revision = || {
        let ended = world.bowline(&["diff", "tri", "-o", "json"]).end();
        ended.code(1).json()["revision"].clone()
    };
    assert_eq!(revision(), 2);
    let adoption = ["adopt", "tri", "--confirm", "tri"];
    world.bowline(&adoption).end().code(0);
    difference();
    assert_eq!(revision(), 2);
}

/// A value that is nowhere is mended by no adoption, and another ID needs none.
pub(crate) fn what_an_adoption_does_not_mend_is_told_by_a_difference(world: &World) {
    let theirs = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"ports": [{"port": 81}]}});
    let theirs = serde_json::from_value(theirs).unwrap();
    let services = world.api("v1", "Service");
    services
        .create(&PostParams::default(), &theirs)
        .await_in(world)
        .unwrap();
    world.home.save("web", WEB);
    let ended = world.bowline(&["diff", "web"]).end().code(1);
    ended.stderr_has(&["Service/web exists already", "the ID web-2 is free"]);
    let secret = format!("{WEB}secrets: {{word: {{env: BOWLINE_TEST_NOWHERE}}}}\n");
    world.home.save("web", &secret);
    let ended = world.bowline(&["diff", "web"]).end().code(5);
    ended.stderr_has(&["refused: there is no value for the secret word"]);
}

pub(crate) fn what_others_own_is_adopted_by_its_id(world: &World) {
    world.home.save("web", WEB);
    let theirs = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "annotations": {"meta.helm.sh/release-name": "shop"}},
        "spec": {"ports": [{"port": 81}]}});
    let theirs = serde_json::from_value(theirs).unwrap();
    let services = world.api("v1", "Service");
    services
        .create(&PostParams::default(), &theirs)
        .await_in(world)
        .unwrap();
    let ended = world.bowline(&["deploy", "web", "-y"]).end().code(5);
    ended.stderr_has(&[
        "Service/web exists already, and it belongs to Helm release shop",
        "bowline adopt",
    ]);

    let ended = world.bowline(&["adopt", "web"]).end().code(2);
    ended.stderr_has(&[
        "adopt Service/web: belongs to Helm release shop",
        "--confirm web",
    ]);
    let ended = world
        .bowline(&["adopt", "web", "--dry-run", "-o", "json"])
        .end()
        .code(0);
    assert_eq!(ended.json()["objects"][0]["owner"], "Helm release shop");
    let shown = world.bowline(&["adopt", "web", "--dry-run"]).end().code(0);
    shown.stdout_has(&["adopt Service/web: belongs to Helm release shop"]);
    world
        .bowline(&["adopt", "web", "--confirm", "other"])
        .end()
        .code(2);
    let ended = world
        .bowline(&["adopt", "web", "--confirm", "web"])
        .end()
        .code(0);
    ended.stderr_has(&[
        "adopt Service/web: belongs to Helm release shop",
        "Service/web adopted",
    ]);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let live = services.get("web").await_in(world).unwrap();
    assert_eq!(live.data["spec"]["ports"].as_array().unwrap().len(), 1);
    let ended = world
        .bowline(&["adopt", "web", "--confirm", "web"])
        .end()
        .code(0);
    ended.stderr_has(&["nothing to adopt for web"]);
}
