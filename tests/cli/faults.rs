//! What goes wrong half way, what a server refuses, and what is told of it: never a secret.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

use crate::front::{Fault, Front, status};
use crate::program::{Ended, Home, WEB};
use crate::world::World;

/// A service whose workload needs a `ConfigMap`.
const SHOP: &str = "\
containers:
  - name: nginx
    image: nginx:1.27
    ports: [{name: http, port: 80}]
    env: [{name: LEVEL, fromConfig: LEVEL}]
config: {LEVEL: info}
replicas: 1
";

fn forbidden() -> Value {
    status(403, "a webhook says no", json!([]))
}

/// Asserts that a run came half way: what was done, what failed and what was not tried, each by its name.
#[track_caller]
fn half_way(ended: Ended, parts: &[&str]) {
    let ended = ended.code(3);
    ended
        .stderr_has(parts)
        .stderr_has(&["a webhook says no", "finishes it"]);
}

pub(crate) fn a_deploy_that_fails_half_way_is_finished_by_a_second_run(world: &World) {
    let front = Front::of(world);
    world.home.save("shop", SHOP);
    front.goes_wrong(&[Fault::refusal(
        "PATCH",
        "/configmaps/shop-config",
        403,
        forbidden(),
    )]);
    let ended = front.bowline(world, &["deploy", "shop", "-y"]).end();
    half_way(
        ended,
        &[
            "✔ Service/shop applied",
            "✖ apply ConfigMap/shop-config",
            "– apply Deployment/shop: not tried, it needs ConfigMap/shop-config",
            "1 failed",
        ],
    );
    let told = front
        .bowline(world, &["deploy", "shop", "-y", "-o", "json"])
        .end()
        .code(3)
        .json();
    assert_eq!(told["outcome"]["complete"], false, "{told}");
    front.goes_wrong(&[]);
    let ended = front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(0);
    ended.stderr_has(&["Deployment/shop applied", "ready"]);
    front
        .bowline(world, &["diff", "shop"])
        .end()
        .code(0)
        .stdout("");
}

pub(crate) fn a_teardown_that_fails_half_way_is_finished_by_a_second_run(world: &World) {
    let front = Front::of(world);
    world.home.save("shop", SHOP);
    front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(0);
    front.goes_wrong(&[Fault::refusal("DELETE", "/services/shop", 403, forbidden())]);
    let ended = front.bowline(world, &["delete", "shop", "-y"]).end();
    half_way(
        ended,
        &[
            "✔ Deployment/shop deleted",
            "✖ delete Service/shop",
            "– settle the record: not tried",
            "1 failed",
        ],
    );
    front.goes_wrong(&[]);
    front
        .bowline(world, &["delete", "shop", "-y"])
        .end()
        .code(0);
    assert_eq!(world.all_names("shop"), [""; 0]);
}

pub(crate) fn one_that_fails_keeps_none_of_its_kind_from_being_deleted(world: &World) {
    let front = Front::of(world);
    let documents = (0..9)
        .map(|n| format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shop-{n}}}\n"));
    world.home.save("shop", &documents.collect::<String>());
    front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(0);
    front.goes_wrong(&[Fault::refusal(
        "DELETE",
        "/configmaps/shop-0",
        403,
        forbidden(),
    )]);
    let ended = front.bowline(world, &["delete", "shop", "-y"]).end();
    half_way(
        ended,
        &[
            "✖ delete ConfigMap/shop-0",
            "✔ ConfigMap/shop-8 deleted",
            "1 failed",
        ],
    );
    front.goes_wrong(&[]);
    front
        .bowline(world, &["delete", "shop", "-y"])
        .end()
        .code(0);
    assert_eq!(world.all_names("shop"), [""; 0]);
}

pub(crate) fn a_rollback_that_fails_half_way_is_finished_by_a_second_run(world: &World) {
    let front = Front::of(world);
    for level in ["info", "debug"] {
        world.home.save(
            "shop",
            &SHOP.replace("{LEVEL: info}", &format!("{{LEVEL: {level}}}")),
        );
        front
            .bowline(world, &["deploy", "shop", "-y"])
            .end()
            .code(0);
    }
    front.goes_wrong(&[Fault::refusal(
        "PATCH",
        "/configmaps/shop-config",
        403,
        forbidden(),
    )]);
    let ended = front.bowline(world, &["rollback", "shop", "-y"]).end();
    half_way(
        ended,
        &[
            "✔ revision 3 written",
            "✖ apply ConfigMap/shop-config",
            "– apply Deployment/shop: not tried",
            "the same command with --to 1 finishes it",
        ],
    );
    front.goes_wrong(&[]);
    front
        .bowline(world, &["rollback", "shop", "--to", "1", "-y"])
        .end()
        .code(0);
    world.home.save("shop", SHOP);
    front
        .bowline(world, &["diff", "shop"])
        .end()
        .code(0)
        .stdout("");
}

pub(crate) fn of_several_one_that_fails_is_named_and_a_second_run_finishes(world: &World) {
    let front = Front::of(world);
    for id in ["api", "db", "web"] {
        world
            .home
            .save(id, &format!("{WEB}labels: {{tier: front}}\n"));
        front.bowline(world, &["deploy", id, "-y"]).end().code(0);
    }
    let scale = ["scale", "-l", "tier=front", "2", "-y"];
    front.goes_wrong(&[Fault::refusal("PATCH", "/deployments/db", 403, forbidden())]);
    let ended = front.bowline(world, &scale).end();
    half_way(
        ended,
        &[
            "api: ✔ Deployment/api applied",
            "db: ✖ apply Deployment/db",
            "web: ✔ Deployment/web applied",
        ],
    );
    front.goes_wrong(&[]);
    let ended = front.bowline(world, &scale).end().code(0);
    ended.stderr_has(&["db: ✔ Deployment/db applied", "has 2 replicas already"]);
}

pub(crate) fn what_the_server_refuses_is_named_by_its_line(world: &World) {
    let front = Front::of(world);
    let file = world.home.save("shop", SHOP);
    let cause = |field: &str, message: &str| json!({"reason": "FieldValueInvalid", "field": field, "message": message});
    let causes = json!([
        cause(
            "spec.template.spec.containers[0].image",
            "Invalid value: \"nginx:1.27\""
        ),
        cause(
            "spec.template.spec.containers[0].ports[0].containerPort",
            "Invalid value: 80"
        ),
        cause("spec.selector", "Required value"),
    ]);
    let invalid = status(422, "Deployment.apps \"shop\" is invalid", causes);
    let expected = [
        format!(
            "{}:3:12: error: Invalid value: \"nginx:1.27\" [containers[0].image",
            file.display()
        ),
        format!(
            "{}:4:32: error: Invalid value: 80 [containers[0].ports[0].port",
            file.display()
        ),
        "spec.selector: Required value".to_owned(),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let refusal = Fault::refusal("PATCH", "/deployments/shop", 422, invalid.to_string());
    let refusal = || refusal.clone();
    // A server that finds it in the dry run, and one that finds it only when it is written.
    front
        .bowline(world, &["deploy", "shop", "-y", "--wait=false"])
        .end()
        .code(0);
    world
        .home
        .save("shop", &SHOP.replace("replicas: 1", "replicas: 2"));
    front.goes_wrong(&[refusal().of_rehearsals()]);
    front
        .bowline(world, &["diff", "shop"])
        .end()
        .code(2)
        .stderr_has(&expected);
    front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(1)
        .stderr_has(&expected);
    front.goes_wrong(&[refusal()]);
    front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(3)
        .stderr_has(&expected);
}

pub(crate) fn a_write_that_was_done_though_it_failed_is_not_done_twice(world: &World) {
    let front = Front::of(world);
    world.home.save("shop", SHOP);
    let timeout = || status(504, "the request timed out", json!([]));
    let late = |method, path| Fault::refusal(method, path, 504, timeout()).though_done();
    front.goes_wrong(&[
        late("PATCH", "/services/shop"),
        late("PATCH", "/deployments/shop"),
    ]);
    front
        .bowline(world, &["deploy", "shop", "-y"])
        .end()
        .code(0);
    let audited = audit(&world.home);
    for kind in ["services", "deployments"] {
        let path = format!("/{kind}/shop");
        let writes = audited
            .iter()
            .filter(|line| line["path"].as_str().unwrap().ends_with(&path));
        let results: Vec<&Value> = writes.map(|line| &line["result"]).collect();
        assert_eq!(results, [504], "{path}");
    }
    front.goes_wrong(&[
        late("DELETE", "/services/shop"),
        late("DELETE", "/deployments/shop"),
    ]);
    front
        .bowline(world, &["delete", "shop", "-y"])
        .end()
        .code(0);
    assert_eq!(world.all_names("shop"), [""; 0]);
}

/// The lines of the audit log.
fn audit(home: &Home) -> Vec<Value> {
    let file = home.path().join("state/bowline/audit.log");
    let text = std::fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

pub(crate) fn a_write_that_is_in_no_audit_log_is_told(world: &World) {
    world.home.save("web", WEB);
    std::fs::create_dir_all(world.home.path().join("state/bowline/audit.log")).unwrap();
    let ended = world.bowline(&["deploy", "web", "-y"]).end().code(0);
    let told = "warning: cannot write the audit log ";
    assert_eq!(ended.stderr.matches(told).count(), 1, "{}", ended.stderr);
    let look = world.bowline(&["ls"]).end().code(0);
    assert!(!look.stderr.contains(told), "{}", look.stderr);
}

pub(crate) fn every_write_is_in_the_audit_log_and_no_look_is(world: &World) {
    world.home.save("web", WEB);
    world.bowline(&["diff", "web"]).end().code(1);
    world.bowline(&["ls"]).end().code(0);
    assert!(!world.home.path().join("state/bowline/audit.log").exists());
    world.bowline(&["deploy", "web", "-y"]).end().code(0);
    world.bowline(&["delete", "web", "-y"]).end().code(0);
    let lines = audit(&world.home);
    let told = |method: &str, path: &str| {
        lines
            .iter()
            .any(|line| line["method"] == method && line["path"].as_str().unwrap().ends_with(path))
    };
    assert!(
        told("PATCH", "/deployments/web") && told("DELETE", "/deployments/web"),
        "{lines:?}"
    );
    for line in &lines {
        assert!(
            line["who"].as_str().unwrap().starts_with("tester@"),
            "{line}"
        );
        assert!(
            line["path"].as_str().unwrap().contains(&world.namespace),
            "{line}"
        );
        assert!(
            line["context"].is_string() && line["result"].is_u64() && line["time"].is_string(),
            "{line}"
        );
    }
    let mode = |path: &str| {
        let path = world.home.path().join(path);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        (mode("state/bowline/audit.log"), mode("state/bowline")),
        (0o600, 0o700)
    );
}

/// What nobody may read anywhere: a part of every secret that the program meets.
const CANARY: &str = "c4n4ry";

const SECRETIVE: &str = "\
containers:
  - name: nginx
    image: nginx:1.27
    env: [{name: TOKEN, fromSecret: token}]
secrets:
  token: {env: SECRET_TOKEN}
  key: {file: ./secret.key}
pullSecret: {registry: r.example.com, username: bot, password: {env: REG_PASSWORD}}
replicas: 1
";

pub(crate) fn no_secret_is_told_whatever_the_server_answers(world: &World) {
    let front = Front::of(world);
    world.home.save("web", SECRETIVE);
    let key = world.home.write(
        "data/bowline/catalogue/secret.key",
        format!("{CANARY}-in-a-file"),
    );
    let user = format!("{{token: \"{CANARY}-token\"}}");
    let mut outputs = Vec::new();
    let mut run = |faults: &[Fault], args: &[&str]| {
        front.goes_wrong(faults);
        let run = front.bowline_as(&user, world, args);
        let run = run.env("SECRET_TOKEN", format!("{CANARY}-in-a-variable"));
        let run = run.env("REG_PASSWORD", format!("{CANARY}-password"));
        let ended = run.env("BOWLINE_LOG", "trace").end();
        outputs.extend([ended.stdout.clone(), ended.stderr.clone()]);
        ended
    };
    let deploy = ["deploy", "web", "-y", "--wait=false", "-o", "json"];
    let secret =
        |status: u16, body: &str| Fault::refusal("PATCH", "/secrets/web-secret", status, body);
    let echo = format!("{{\"kind\": \"Secret\", \"data\": {{\"token\": \"{CANARY}\"}}, ");
    // An answer that echoes what was sent and cannot be read, a login that is refused, a conflict, a gateway.
    run(&[secret(200, &echo)], &deploy);
    run(&[secret(200, &echo).of_rehearsals()], &deploy);
    run(
        &[Fault::refusal("GET", "/secrets/web-secret", 200, &echo)],
        &deploy,
    );
    run(
        &[secret(
            401,
            &status(401, "Unauthorized", json!([])).to_string(),
        )],
        &deploy,
    );
    let conflict = status(
        409,
        "Apply failed with 1 conflict",
        json!([
        {"reason": "FieldManagerConflict", "field": ".data.token", "message": "conflict with \"kubectl\""}]),
    );
    run(&[secret(409, &conflict.to_string())], &deploy);
    let gateway = format!("<html>bad gateway: {CANARY}</html>");
    run(&[secret(502, &gateway)], &deploy);
    let wall = format!("blocked: token={CANARY}");
    run(&[secret(403, &wall)], &deploy);
    run(&[], &deploy).code(0);
    run(&[], &["diff", "web", "-o", "json"]).code(0);
    world
        .home
        .save("web", &SECRETIVE.replace("replicas: 1", "replicas: 2"));
    for args in [
        &["diff", "web"][..],
        &["deploy", "web", "-y", "--dry-run", "-o", "json"],
        &deploy,
        &["status", "web", "-o", "json"],
        &["history", "web", "-o", "json"],
        &["doctor"],
        &["render", "web", "-o", "json"],
        &["snapshot"],
        &["delete", "web", "-y"],
        &["restore", "web", "-y", "--wait=false"],
        &["delete", "web", "-y"],
    ] {
        run(&[], args);
    }
    // What stands in a kubeconfig, where it cannot be used.
    let proxied = format!(
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"https://10.255.255.1\", proxy-url: \"http://bot:{CANARY}@127.0.0.1:9\"}}}}]\n\
         users: [{{name: u, user: {{client-certificate-data: \"{0}\", client-key-data: \"{0}\"}}}}]\n",
        BASE64_STANDARD.encode(format!("{CANARY}-certificate-key"))
    );
    for (name, text) in [
        ("key", proxied.clone()),
        ("proxy", proxied.replace("client-", "#")),
    ] {
        let file = world.home.write(&format!("{name}.kubeconfig"), text);
        for args in [&["ls"][..], &["doctor"]] {
            let ended = world
                .bowline(args)
                .env("KUBECONFIG", &file)
                .env("BOWLINE_LOG", "trace")
                .end();
            outputs.extend([ended.stdout, ended.stderr]);
        }
    }
    for (path, bytes) in world.home.files() {
        if path != key && path.extension() != Some("kubeconfig".as_ref()) {
            outputs.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    let said = outputs.concat();
    assert!(
        said.contains("web-secret") && said.contains("unchanged"),
        "the test says nothing"
    );
    for hidden in [CANARY, &BASE64_STANDARD.encode(CANARY)[..7]] {
        let at = said.find(hidden);
        let around = at.map(|at| said[..at + 20].chars().rev().take(400).collect::<String>());
        let around: Option<String> = around.map(|text| text.chars().rev().collect());
        assert_eq!(around, None, "{hidden} was told");
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_definition_that_anybody_may_write_is_not_deployed() {
    let home = Home::new();
    let file = home.write("shared/web.yaml", WEB);
    let dir = file.parent().unwrap();
    set_mode(dir, 0o755);
    let deploy = |parts: &[&str], code: i32| {
        // No cluster is asked: there is none.
        let run = home.bowline(&["deploy", "-f", "shared/web.yaml", "-y"]);
        let run = run.env("KUBECONFIG", home.path().join("none"));
        run.end().code(code).stderr_has(parts);
    };
    set_mode(&file, 0o666);
    deploy(
        &["refused shared/web.yaml: anybody on this machine may write to it"],
        5,
    );
    set_mode(&file, 0o600);
    set_mode(dir, 0o777);
    deploy(&["anybody on this machine may replace it"], 5);
    set_mode(dir, 0o775);
    deploy(
        &["warning: shared/web.yaml: the group of its directory may replace it"],
        1,
    );
    // Looking at it is nobody's harm.
    set_mode(&file, 0o666);
    home.bowline(&["validate", "-f", "shared/web.yaml"])
        .end()
        .code(0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_crash_leaves_no_memory_behind() {
    use rustix::process::{Resource, getrlimit};
    if getrlimit(Resource::Core).maximum == Some(0) {
        // Written past the capture of test output: a skip that nobody sees is a lie.
        let said = "\nSKIPPED: a_crash_leaves_no_memory_behind: nobody may write the memory of a crash here\n";
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        return;
    }
    let world = crate::world::begin(crate::world::Backend::Sandbox).unwrap();
    world.home.save("web", WEB);
    let list = world.bowline(&["ls", "-w"]);
    let mut running = list.where_crashes_are_written().follow();
    running.line_with("Saved");
    assert_eq!(running.core_limit(), Some(0));
    running.signal(rustix::process::Signal::KILL);
    assert_eq!(running.end().0, None);
}
