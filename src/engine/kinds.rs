//! Kinds that come with a definition: waiting until the server takes objects of them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::journal::Journal;
use crate::cluster::Cluster;
use crate::definition::manifest::defined_kind;
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};

/// How long a new kind may take until it is served.
const DEADLINE: Duration = Duration::from_secs(60);
/// First pause between two looks; it grows to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Returns the object that defines the kind of `key`, if it is among these.
pub(super) fn definition_of<'a>(key: &ObjectKey, objects: &'a [Object]) -> Option<&'a Object> {
    let kind = GroupKind::of(key);
    let defines = |object: &&Object| defined_kind(object).is_some_and(|(it, _)| it == kind);
    objects.iter().find(defines)
}

/// Waits until the kind that `definition` defines is served at the version of `key`.
///
/// # Errors
/// Its names are taken, it is not served in time, or the cluster cannot be reached.
pub(super) async fn wait_until_served(
    cluster: &Cluster,
    definition: &ObjectKey,
    key: &ObjectKey,
    journal: &mut Journal<'_>,
) -> Result<(), Failure> {
    let wanted = BTreeSet::from([(GroupKind::of(key), key.version.clone())]);
    let deadline = Instant::now() + DEADLINE;
    let mut pause = FIRST_PAUSE;
    loop {
        let live = cluster.get(definition).await?;
        let standing = live.as_ref().map_or(Standing::Awaited, standing);
        if let Standing::Refused(why) = standing {
            let summary = format!("{definition} is not accepted: {why}");
            return Err(Failure::new(FailureKind::Invalid, summary));
        }
        if matches!(standing, Standing::Established) {
            cluster.forget_kinds();
            let served = cluster.served(&wanted).await?;
            if served.find(&GroupKind::of(key), &key.version).is_some() {
                return Ok(());
            }
        }
        if Instant::now() >= deadline {
            let summary = format!(
                "{} objects are not served yet, although {definition} is there",
                key.kind
            );
            return Err(Failure::new(FailureKind::NotFound, summary));
        }
        journal.waiting(&format!("{definition} is served"));
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

enum Standing {
    Awaited,
    Established,
    Refused(String),
}

fn standing(definition: &Object) -> Standing {
    let conditions = definition.json["status"]["conditions"].as_array();
    let find = |kind: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.find(|condition| condition["type"] == kind)
    };
    let text = |condition: &Value| condition["message"].as_str().unwrap_or_default().to_owned();
    match (find("NamesAccepted"), find("Established")) {
        (_, Some(established)) if established["status"] == "True" => Standing::Established,
        (Some(names), _) if names["status"] == "False" => Standing::Refused(text(names)),
        _ => Standing::Awaited,
    }
}
