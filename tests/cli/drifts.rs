//! What others change in the cluster, as a person meets it: seen, named, pulled back or set back.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::program::DB;
use crate::world::{AwaitIn, World};

const TEXT: &str = "\
# our shop
containers:
  - name: nginx   # the front
    image: 'nginx:1.27'   # kept as it is
    ports: [{name: http, port: 80}]
    env:
      - {name: MODE, value: plain}
config: {LEVEL: info} # read at start
replicas: 1
# the end
";

/// Changes an object as `kubectl edit` does.
fn edit(world: &World, kind: &str, name: &str, patch: &Value) {
    let api_version = if kind == "Deployment" {
        "apps/v1"
    } else {
        "v1"
    };
    let params = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    let api = world.api(api_version, kind);
    api.patch(name, &params, &Patch::Strategic(patch))
        .await_in(world)
        .unwrap();
}

fn of_container(fields: Value) -> Value {
    let mut container = json!({"name": "nginx"});
    container
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({"spec": {"template": {"spec": {"containers": [container]}}}})
}

pub(crate) fn what_others_changed_stays_told_while_it_is_followed(world: &World) {
    world.home.save("web", TEXT);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    edit(
        world,
        "ConfigMap",
        "web-config",
        &json!({"data": {"LEVEL": "debug"}}),
    );
    let mut documents = world
        .bowline(&["status", "web", "-w", "-o", "json"])
        .follow();
    let changed = "\"drift\":\"changed\"";
    let first = documents.line_with("\"protected\":false");
    assert!(
        first.contains(changed) && first.contains("LEVEL"),
        "{first}"
    );
    let annotated = |value: Value| json!({"metadata": {"annotations": value}});
    let protected = annotated(json!({"bowline.dev/protected": "true"}));
    edit(world, "ConfigMap", "bowline-web", &protected);
    let next = documents.line_with("\"protected\":true");
    assert!(next.contains(changed) && next.contains("LEVEL"), "{next}");
    edit(
        world,
        "ConfigMap",
        "web-config",
        &json!({"data": {"LEVEL": "trace"}}),
    );
    documents.line_with("trace");
    // What a deploy writes is no change by others, and what it put right is none any more.
    world
        .home
        .save("web", &TEXT.replace("nginx:1.27", "nginx:1.28"));
    let deploy = ["deploy", "web", "-y", "--force-conflicts"];
    world.bowline(&deploy).end().code(0);
    loop {
        let next: Value = serde_json::from_str(&documents.line_with("web")).unwrap();
        let ended = next["revision"] == 2 && next["operation"].is_null();
        if ended || !next["operation"].is_null() {
            assert!(!next["drift"].to_string().contains("changed"), "{next}");
        }
        if ended {
            assert_eq!(next["changes"], json!([]), "{next}");
            break;
        }
    }
}

fn drift(world: &World) -> Value {
    let list = world.bowline(&["ls", "-o", "json"]).end().code(0);
    list.json()[0]["drift"].clone()
}

fn image(world: &World) -> String {
    let web = world
        .api("apps/v1", "Deployment")
        .get("web")
        .await_in(world)
        .unwrap();
    let image = &web.data["spec"]["template"]["spec"]["containers"][0]["image"];
    image.as_str().unwrap().to_owned()
}

pub(crate) fn what_others_changed_is_named_pulled_back_and_set_back(world: &World) {
    let file = world.home.save("web", TEXT);
    let text = || std::fs::read_to_string(&file).unwrap();
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    assert_eq!(drift(world), "in-sync");
    let env = json!([{"name": "MODE", "value": "debug: yes"}, {"name": "EXTRA", "value": "1"}]);
    edit(
        world,
        "Deployment",
        "web",
        &of_container(json!({"image": "nginx:1.28", "env": env})),
    );
    edit(
        world,
        "ConfigMap",
        "web-config",
        &json!({"data": {"LEVEL": "debug"}}),
    );
    assert_eq!(drift(world), "changed");
    let list = world.bowline(&["ls"]).end().code(0);
    list.stdout_has(&["changed"]);
    let named = [
        ".containers[name=\"nginx\"].image",
        "nginx:1.27",
        "nginx:1.28",
        "kubectl-edit",
    ];
    let status = world.bowline(&["status", "web"]).end().code(0);
    status.stdout_has(&[&named[..], &["web (changed)"]].concat());
    let status = world
        .bowline(&["status", "web", "-o", "json"])
        .end()
        .code(0);
    let status = status.json();
    assert_eq!(status["drift"], "changed");
    let changes = status["changes"].as_array().unwrap();
    let objects: Vec<_> = changes
        .iter()
        .map(|it| it["object"].as_str().unwrap())
        .collect();
    assert_eq!(objects, ["ConfigMap/web-config", "Deployment/web"]);
    assert_eq!(
        changes[0]["fields"][0]["managers"][0]["manager"],
        "kubectl-edit"
    );
    world
        .bowline(&["diff", "web"])
        .end()
        .code(1)
        .stdout_has(&named);

    let shown = world.bowline(&["pull", "web", "--dry-run"]).end().code(0);
    shown.stdout_has(&[
        "-     image: 'nginx:1.27'   # kept",
        "+     image: 'nginx:1.28'   # kept",
    ]);
    world
        .bowline(&["pull", "web"])
        .end()
        .code(2)
        .stderr_has(&["--yes"]);
    assert_eq!(text(), TEXT);
    world
        .bowline(&["pull", "web", "-y"])
        .end()
        .code(0)
        .stderr_has(&["bowline deploy web"]);
    let pulled = TEXT
        .replace("1.27", "1.28")
        .replace(
            "value: plain}\n",
            "value: \"debug: yes\"}\n      - {name: EXTRA, value: \"1\"}\n",
        )
        .replace("LEVEL: info", "LEVEL: debug");
    assert_eq!(text(), pulled);
    assert_eq!(drift(world), "edited+changed");
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    assert_eq!(
        (drift(world), image(world)),
        (json!("in-sync"), "nginx:1.28".to_owned())
    );
    world.bowline(&["diff", "web"]).end().code(0).stdout("");
    let again = world.bowline(&["pull", "web", "-y"]).end().code(0);
    again.stderr_has(&["says already what is in the cluster"]);

    edit(
        world,
        "Deployment",
        "web",
        &of_container(json!({"image": "nginx:1.29"})),
    );
    let forced = ["deploy", "web", "-y", "--force-conflicts"];
    world.bowline(&forced).end().code(0);
    assert_eq!(
        (drift(world), image(world)),
        (json!("in-sync"), "nginx:1.28".to_owned())
    );
}

pub(crate) fn what_others_added_is_no_difference_and_goes_once_it_is_adopted(world: &World) {
    world.home.save("web", TEXT);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    edit(
        world,
        "ConfigMap",
        "web-config",
        &json!({"data": {"EXTRA": "1"}}),
    );
    let ended = world.bowline(&["diff", "web"]).end().code(0);
    ended
        .stdout_has(&[
            "added by others, and left by a deploy:",
            ".data.EXTRA",
            "kubectl-edit",
        ])
        .stderr_has(&[&format!(
            "`bowline adopt web -n {}` takes over",
            world.namespace
        )]);
    let adopted = world.bowline(&["adopt", "web", "--confirm", "web"]).end();
    adopted.code(0);
    let ended = world.bowline(&["diff", "web"]).end().code(1);
    ended.stdout_has(&["-   EXTRA: \"1\""]);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    world.bowline(&["diff", "web"]).end().code(0).stdout("");
}

pub(crate) fn what_a_definition_cannot_say_is_left_with_a_reason(world: &World) {
    let text =
        "containers:\n  - {name: nginx, image: \"nginx:${tag}\"}\nparameters: {tag: \"1.27\"}\n";
    let file = world.home.save("web", text);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let more = json!({"spec": {"minReadySeconds": 3}});
    edit(world, "Deployment", "web", &more);
    edit(
        world,
        "Deployment",
        "web",
        &of_container(json!({"image": "nginx:1.28"})),
    );
    let ended = world.bowline(&["pull", "web", "-y"]).end().code(5);
    ended.stdout("").stderr_has(&[
        "not pulled: Deployment/web .spec.minReadySeconds: a service definition has no key for it",
        ".image: the definition makes it of `nginx:${tag}`",
    ]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    // What can be said is pulled all the same.
    let number = of_container(json!({"resources": {"limits": {"memory": "64Mi"}}}));
    edit(world, "Deployment", "web", &number);
    let ended = world.bowline(&["pull", "web", "-y"]).end().code(3);
    ended.stderr_has(&["not pulled"]);
    let pulled = text.replace(
        "${tag}\"}",
        "${tag}\", resources: {limits: {memory: 64Mi}}}",
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), pulled);
}

pub(crate) fn manifests_are_pulled_where_they_say_it(world: &World) {
    let text = "\
# two of them
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  LEVEL: info   # or debug
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: nginx
          image: nginx:1.27 # the front
";
    let file = world.home.save("web", text);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    edit(
        world,
        "Deployment",
        "web",
        &of_container(json!({"image": "nginx:1.28"})),
    );
    edit(
        world,
        "ConfigMap",
        "settings",
        &json!({"data": {"LEVEL": "debug", "MORE": "yes"}}),
    );
    assert_eq!(drift(world), "changed");
    world.bowline(&["pull", "web", "-y"]).end().code(0);
    let pulled = text.replace("1.27 #", "1.28 #").replace(
        "info   # or debug\n",
        "debug   # or debug\n  MORE: \"yes\"\n",
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), pulled);
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    assert_eq!(drift(world), "in-sync");
}

pub(crate) fn a_number_that_is_left_open_is_no_change_and_said_to_stay(world: &World) {
    let open = DB.replace("replicas: 1\n", "");
    world.home.save("db", &open);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
    world.bowline(&["scale", "db", "2"]).end().code(0);
    let pulled = world.bowline(&["pull", "db", "-y"]).end().code(0);
    pulled.stderr_has(&[
        "db says already what is in the cluster; how many replicas there are it leaves open",
    ]);
    let text = std::fs::read_to_string(world.home.catalogue().join("db.yaml")).unwrap();
    assert_eq!(text, open);
    world.bowline(&["deploy", "db", "-y"]).end().code(0);
    let status = world.bowline(&["status", "db"]).end().code(0);
    status.stdout_has(&["2/2"]);
}
