//! Volumes that are to be freed: why their storage is not, and when nobody will any more.

use std::time::Duration;

use tokio::time::Instant;

use super::Held;
use crate::cluster::Cluster;
use crate::definition::object::Object;
use crate::engine::volumes::VOLUME;
use crate::text;

/// How long one that had failed before is given: longer than the pause after which the control plane tries again.
const SECOND_CHANCE: Duration = Duration::from_secs(20);
/// What is said where nobody says why.
const UNSAID: &str = "whoever made its storage does not say why";

/// Why the storage of a volume is not freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfreed {
    /// It was given up.
    Failed(String),
    /// It did not work, and is tried again.
    Tried(String),
}

/// Returns why a volume was given up, where it was.
pub(super) fn failure_of(object: &Object) -> Option<Unfreed> {
    let status = &object.json["status"];
    let is_failed = object.key.kind == VOLUME && status["phase"] == "Failed";
    let message = status["message"].as_str().unwrap_or(UNSAID);
    is_failed.then(|| Unfreed::Failed(text::clean(message).into_owned()))
}

/// Says of volumes that are there still what whoever made their storage says of it. Who may not read that hears nothing.
pub(super) async fn explain(cluster: &Cluster, held: &mut [Held]) {
    let is_unexplained = |held: &&mut Held| held.key.kind == VOLUME && held.unfreed.is_none();
    let mut waiting: Vec<&mut Held> = held.iter_mut().filter(is_unexplained).collect();
    if waiting.is_empty() {
        return;
    }
    let Ok(events) = cluster.reclaim_events().await else {
        return;
    };
    for held in &mut waiting {
        let of_volume = events
            .iter()
            .filter(|event| event.is_warning && event.object_name == held.key.name);
        let last = of_volume.max_by_key(|event| event.last_seen);
        held.unfreed = last.map(|event| Unfreed::Tried(event.message.clone()));
    }
}

/// How long one waits for volumes that were given up.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Until when those have that had failed before anybody waited; none if none had, or nobody has looked yet.
    until: Option<Instant>,
    has_looked: bool,
}

impl Patience {
    /// Takes in what is there still, and tells whether nobody will free it.
    pub(super) fn is_over(&mut self, held: &[Held], now: Instant) -> bool {
        let is_given_up = |held: &Held| matches!(held.unfreed, Some(Unfreed::Failed(_)));
        if !self.has_looked {
            self.has_looked = true;
            let had_failed = held.iter().any(is_given_up);
            self.until = had_failed.then(|| now + SECOND_CHANCE);
        }
        let is_hopeless = !held.is_empty() && held.iter().all(is_given_up);
        is_hopeless && self.until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::metadata::core_key;

    fn held(unfreed: Option<Unfreed>) -> Held {
        Held {
            key: core_key(VOLUME, "", "pv"),
            finalizers: Vec::new(),
            unfreed,
        }
    }

    #[test]
    fn one_waits_for_volumes_as_long_as_somebody_may_free_them() {
        let failed = || held(Some(Unfreed::Failed("no".to_owned())));
        let tried = || held(Some(Unfreed::Tried("not yet".to_owned())));
        let begun = Instant::now();
        let check = |looks: &[(u64, Vec<Held>, bool)]| {
            let mut patience = Patience::default();
            for (second, held, expected) in looks {
                let now = begun + Duration::from_secs(*second);
                assert_eq!(patience.is_over(held, now), *expected, "{second}: {held:?}");
            }
        };
        check(&[(0, vec![held(None)], false), (1, vec![failed()], true)]);
        check(&[
            (0, vec![failed()], false),
            (19, vec![failed()], false),
            (20, vec![failed()], true),
        ]);
        check(&[
            (0, vec![failed(), held(None)], false),
            (60, vec![failed(), tried()], false),
            (90, vec![failed()], true),
        ]);
        check(&[(0, vec![tried()], false), (900, vec![tried()], false)]);
        check(&[(0, vec![], false)]);
    }
}
