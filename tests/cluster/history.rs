//! What is kept of an instance's past, and going back to it.

use bowline::engine::history::{Revision, compare, history, kept_revision};
use bowline::engine::plan::DiffSide;
use bowline::failure::FailureKind;
use serde_json::json;

use crate::cluster::Cluster;
use crate::engine::stage::{Stage, WEB};
use crate::objects::config_map;

/// Returns a definition that could be a stranger's: nothing of it may get lost or be tidied up.
fn commented(text: &str) -> String {
    format!("# why it is so, ünïcode and all\r\n{text}\n\n# end")
}

pub(crate) async fn revisions_tell_who_when_and_why_and_keep_the_text_to_the_byte(
    cluster: Cluster,
) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    let first = commented(WEB);
    assert!(stage.deploy("web", &first).await.is_complete());
    assert!(stage.deploy("web", WEB).await.is_complete());
    let history = history(engine, &web).await.unwrap();
    assert_eq!(
        (history.current, history.previous(), &history.instance),
        (Some(2), Some(1), &web)
    );
    let [old, new] = history.revisions.as_slice() else {
        panic!("{history:?}")
    };
    assert!(old.applied_at.unwrap() <= new.applied_at.unwrap());
    let expected = Revision {
        number: 1,
        definition: Some("web".parse().unwrap()),
        applied_at: old.applied_at,
        applied_by: Some("tester@here 1".to_owned()),
        cause: Some("because".to_owned()),
        parameters: Default::default(),
        damage: None,
    };
    assert_eq!(old, &expected);

    let kept = kept_revision(engine, &web, 1).await.unwrap();
    assert_eq!((kept.text, kept.revision), (first, expected));
    let missing = kept_revision(engine, &web, 3).await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
    // Whoever may look sees the same.
    let viewer = stage.viewer();
    let seen = kept_revision(viewer.engine(), &web, 2).await.unwrap();
    assert_eq!(seen.text, WEB);
}

pub(crate) async fn two_revisions_are_compared_line_by_line(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    for image in ["nginx:1.27", "nginx:1.28", "nginx:1.29"] {
        let text = WEB.replace("nginx:1.27", image);
        assert!(stage.deploy("web", &text).await.is_complete());
    }
    let web = &web;
    let changed = |from, to| async move {
        let comparison = compare(engine, web, from, to).await.unwrap();
        let lines = comparison.text.iter();
        let changed = lines.filter(|line| matches!(line.side, DiffSide::Old | DiffSide::New));
        let changed: Vec<String> = changed.map(|line| line.text.trim().to_owned()).collect();
        (comparison.to, changed)
    };
    let image = |tag| format!("image: nginx:{tag}");
    assert_eq!(
        changed(1, None).await,
        (3, vec![image("1.27"), image("1.29")])
    );
    assert_eq!(
        changed(2, Some(1)).await,
        (1, vec![image("1.28"), image("1.27")])
    );
    assert!(compare(engine, web, 3, None).await.unwrap().is_empty());
    let missing = compare(engine, web, 1, Some(9)).await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
}

pub(crate) async fn a_damaged_revision_is_named_and_hides_no_other(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let (engine, web) = (stage.engine(), stage.key("web"));
    assert!(stage.deploy("web", WEB).await.is_complete());
    let mut forged = config_map("bowline-web.r2", json!({"parameters.json": "{}"}));
    forged["metadata"]["labels"] = json!({
        "app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web",
    });
    forged["binaryData"] = json!({"definition.yaml.gz": "aGVsbG8="});
    cluster.create(&forged).await.unwrap();
    let history = history(engine, &web).await.unwrap();
    let damages: Vec<_> = history
        .revisions
        .iter()
        .map(|revision| (revision.number, revision.damage.is_some()))
        .collect();
    assert_eq!(damages, [(1, false), (2, true)]);
    let failure = kept_revision(engine, &web, 2).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid);
    let named = "is damaged: its definition.yaml.gz cannot be unpacked";
    assert!(failure.summary.contains(named), "{failure}");

    // What only has the name is nobody's revision.
    let stranger = config_map("bowline-web.r3", json!({}));
    cluster.create(&stranger).await.unwrap();
    let failure = kept_revision(engine, &web, 3).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Refused);
}

pub(crate) async fn what_was_never_deployed_has_no_history(cluster: Cluster) {
    let stage = Stage::new(&cluster);
    let failure = history(stage.engine(), &stage.key("web"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound);
    let nobody = stage.nobody();
    let failure = history(nobody.engine(), &stage.key("web"))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Forbidden);
}
