//! Secrets: their values reach the pods, and nothing that anybody could read without being let.

use base64::prelude::{BASE64_STANDARD, Engine};
use bowline::engine::plan::{DiffSide, VolumeChoice};
use bowline::failure::FailureKind;
use bowline::secret::{SecretValue, SecretValues};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::engine::stage::{Stage, changes};

/// A service with a secret of its own and one for pulling.
const WEB: &str = "
containers:
  - name: web
    image: nginx:1.27
    env: [{name: TOKEN, fromSecret: token}]
secrets:
  token: {env: BOWLINE_TEST_TOKEN}
  salt: {prompt: Salt}
pullSecret: {registry: r.example.com, username: bot, password: {env: BOWLINE_TEST_PASSWORD}}
";
const TOKEN: &str = "canary-of-the-token";
const PASSWORD: &str = "canary-of-the-password";

fn values(token: &str) -> SecretValues {
    let own = [("token", token), ("salt", "sodium")];
    SecretValues {
        own: own
            .map(|(key, value)| (key.to_owned(), SecretValue::new(value)))
            .into(),
        password: Some(SecretValue::new(PASSWORD)),
        ..SecretValues::default()
    }
}

fn value(secret: &Value, key: &str) -> String {
    let encoded = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
}

fn revision(object: &Value, at: &str) -> String {
    let annotations = object.pointer(at).unwrap();
    let number = annotations["bowline.dev/secret-revision"].as_str();
    number.unwrap_or_default().to_owned()
}

const TEMPLATE: &str = "/spec/template/metadata/annotations";
const OWN: &str = "/metadata/annotations";

pub(crate) async fn values_reach_the_secrets_and_nothing_else(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(values(TOKEN));
    let plan = stage.plan("web", WEB).await;
    let expected = [
        "Create Secret/web-secret",
        "Create Secret/web-pull",
        "Create Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    assert!(stage.wait("web").await.is_complete());

    let secret = cluster.get("Secret", "web-secret").await.unwrap();
    assert_eq!(
        (value(&secret, "token"), value(&secret, "salt")),
        (TOKEN.to_owned(), "sodium".to_owned())
    );
    let pull = cluster.get("Secret", "web-pull").await.unwrap();
    assert_eq!(pull["type"], "kubernetes.io/dockerconfigjson");
    assert!(value(&pull, ".dockerconfigjson").contains(PASSWORD));

    let mut written = format!("{plan:?} {outcome:?}");
    for kind in ["ConfigMap", "Deployment", "ReplicaSet", "Pod", "Event"] {
        for object in cluster.list(kind, "").await {
            written.push_str(&object.to_string());
        }
    }
    for canary in [TOKEN, PASSWORD] {
        for hidden in [canary.to_owned(), BASE64_STANDARD.encode(canary)] {
            assert!(!written.contains(&hidden), "{hidden} in {written}");
        }
    }
    let outcome = stage.teardown("web", VolumeChoice::Keep).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn a_rotated_value_rolls_the_pods_and_an_absent_one_stays(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let stage = stage.with_secrets(values(TOKEN));
    stage.deploy("web", WEB).await;
    assert!(stage.plan("web", WEB).await.is_noop());
    // Nothing is given: everything stays as it is.
    let without = stage.with_secrets(SecretValues::default());
    let plan = without.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
    assert_eq!(plan.warnings, [""; 0]);
    // That a variable or a file was not there is told, for its name may be mistyped.
    let absent = stage.with_secrets(SecretValues {
        absent: [("token".to_owned(), "there is no file /a".to_owned())].into(),
        password_absent: Some("B is not set".to_owned()),
        ..SecretValues::default()
    });
    let plan = absent.plan("web", WEB).await;
    assert!(plan.is_noop(), "{plan:?}");
    let told = [
        "the secret token keeps the value that it has in the cluster: there is no file /a",
        "the password for r.example.com keeps the value that it has in the cluster: B is not set",
    ];
    assert_eq!(plan.warnings, told);

    let mut rotated = SecretValues::default();
    rotated
        .own
        .insert("token".to_owned(), SecretValue::new("another"));
    let stage = stage.with_secrets(rotated);
    let plan = stage.plan("web", WEB).await;
    let expected = [
        "Update Secret/web-secret",
        "Unchanged Secret/web-pull",
        "Update Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    let shown = |side| {
        let lines = plan.objects[0].difference.iter();
        let lines = lines.filter(move |line| line.side == side);
        lines.map(|line| line.text.trim()).collect::<Vec<_>>()
    };
    assert!(
        shown(DiffSide::Old).contains(&"token: \"*** (before)\""),
        "{plan:?}"
    );
    assert!(
        shown(DiffSide::New).contains(&"token: \"*** (after)\""),
        "{plan:?}"
    );
    let outcome = stage.run("web", WEB, &plan).await;
    assert!(outcome.is_complete(), "{outcome:?}");
    let secret = cluster.get("Secret", "web-secret").await.unwrap();
    let told = (value(&secret, "token"), value(&secret, "salt"));
    assert_eq!(told, ("another".to_owned(), "sodium".to_owned()));
    let deployment = cluster.get("Deployment", "web").await.unwrap();
    let numbers = (revision(&secret, OWN), revision(&deployment, TEMPLATE));
    assert_eq!(numbers, ("2".to_owned(), "2".to_owned()));
}

pub(crate) async fn a_value_that_is_nowhere_is_refused(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let plan = stage.plan("web", WEB).await;
    let told: Vec<_> = plan
        .refusals
        .iter()
        .map(|one| one.summary.as_str())
        .collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].contains("the secret salt: it is asked for on a terminal (\"Salt\")"),
        "{told:?}"
    );
    assert!(told[1].contains("BOWLINE_TEST_TOKEN"), "{told:?}");
    assert!(
        told[2].contains("the password for r.example.com"),
        "{told:?}"
    );
    // What would be made is counted all the same.
    let expected = [
        "Create Secret/web-secret",
        "Create Secret/web-pull",
        "Create Deployment/web",
    ];
    assert_eq!(changes(&plan), expected);
    let outcome = stage.run("web", WEB, &plan).await;
    assert_eq!(outcome.failed[0].1.kind, FailureKind::Usage);
    assert_eq!(
        cluster
            .list("ConfigMap", "app.kubernetes.io/instance=web")
            .await,
        [Value::Null; 0]
    );
}

pub(crate) async fn a_value_that_somebody_rotates_meanwhile_is_not_undone(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(values(TOKEN));
    stage.deploy("web", WEB).await;
    let stage = stage.with_secrets(SecretValues::default());
    let changed = WEB.replace("nginx:1.27", "nginx:1.28");
    let plan = stage.plan("web", &changed).await;
    let theirs = json!({"data": {"token": BASE64_STANDARD.encode("theirs")}});
    cluster
        .merge("Secret", "web-secret", &theirs)
        .await
        .unwrap();
    stage.run("web", &changed, &plan).await;
    let secret = cluster.get("Secret", "web-secret").await.unwrap();
    assert_eq!(value(&secret, "token"), "theirs");
}

pub(crate) async fn a_secret_that_leaves_the_definition_is_pruned(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(values(TOKEN));
    stage.deploy("web", WEB).await;
    let without = "containers: [{name: web, image: 'nginx:1.27'}]\n";
    let plan = stage.plan("web", without).await;
    let expected = [
        "Update Deployment/web",
        "Delete Secret/web-pull",
        "Delete Secret/web-secret",
    ];
    assert_eq!(changes(&plan), expected);
    assert!(stage.run("web", without, &plan).await.is_complete());
    // With the record gone nothing else would lead to what was left behind.
    stage.teardown("web", VolumeChoice::Keep).await;
    stage.until_nothing_is_left("web", &[]).await;
}

pub(crate) async fn who_may_not_read_secrets_is_told_and_changes_none(cluster: Cluster) {
    let stage = Stage::new(&cluster).with_secrets(values(TOKEN));
    stage.deploy("web", WEB).await;
    let viewer = stage.viewer();
    let plan = viewer.plan("web", WEB).await;
    assert!(
        plan.refusals
            .iter()
            .any(|one| one.kind == FailureKind::Forbidden),
        "{plan:?}"
    );
}
