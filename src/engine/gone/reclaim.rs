//! Volumes that are to be freed: why their storage is not, and when nobody will any more.

use std::time::Duration;

use tokio::time::Instant;

use super::Held;
use crate::cluster::Cluster;
use crate::definition::object::Object;
use crate::engine::volumes::VOLUME;
use crate::failure::FailureKind;
use crate::service::summary::Event;
use crate::text;

/// How long one that had failed before is given: longer than the pause after which the control plane tries again.
const SECOND_CHANCE: Duration = Duration::from_secs(20);
/// How long what was said last is taken for what would be said now.
const ASK_AGAIN: Duration = Duration::from_secs(10);
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

/// What whoever made the storage of volumes said last of why it is not freed.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    events: Vec<Event>,
    /// When they were asked for.
    asked: Option<Instant>,
    /// Whether this user may not read them, and hears nothing.
    are_forbidden: bool,
}

impl Reasons {
    /// Says of volumes that are there still why they are not freed, `at_last` by what is told now.
    pub(super) async fn explain(&mut self, cluster: &Cluster, held: &mut [Held], at_last: bool) {
        let is_unexplained = |held: &&mut Held| held.key.kind == VOLUME && held.unfreed.is_none();
        let mut waiting: Vec<&mut Held> = held.iter_mut().filter(is_unexplained).collect();
        if waiting.is_empty() {
            return;
        }
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN);
        if (is_due || at_last) && !self.are_forbidden {
            self.ask(cluster).await;
        }
        for held in &mut waiting {
            let events = self.events.iter();
            let of_volume =
                events.filter(|event| event.is_warning && event.object_name == held.key.name);
            let last = of_volume.max_by_key(|event| event.last_seen);
            held.unfreed = last.map(|event| Unfreed::Tried(event.message.clone()));
        }
    }

    async fn ask(&mut self, cluster: &Cluster) {
        self.asked = Some(Instant::now());
        match cluster.reclaim_events().await {
            Ok(events) => self.events = events,
            Err(failure) => self.are_forbidden = failure.kind == FailureKind::Forbidden,
        }
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
            users: Vec::new(),
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
