//! Which events are an instance's. Events bear no labels: they name the object that they are about.
//!
//! What a service definition makes, and what controllers make of it, bears names that are derived from the ID. Objects of
//! manifests bear names of their own, which are known once the objects were seen: the events are listed anew then.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::machine::{Sink, Watch};
use super::{Running, open_events};
use crate::cluster::Cluster;
use crate::definition::id::InstanceId;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind};
use crate::service::pod_name;
use crate::service::summary::{Event, InstanceKey, ObjectRow, WorkloadKind};
use crate::service::watch::{Delta, LinkState, WatchEvent};

/// How long news are collected before the events are listed anew: objects of several kinds are seen at about the same time.
const SETTLES_IN: Duration = Duration::from_millis(200);

const CONFIG_MAP: &str = "ConfigMap";

/// The objects whose events are an instance's.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Concern {
    id: InstanceId,
    /// Kinds and names of objects that bear other names than those that are derived.
    named: BTreeSet<(String, String)>,
    /// Workloads, of which controllers make more.
    makers: BTreeSet<(WorkloadKind, String)>,
}

impl Concern {
    /// Returns the concern of an instance of which no object was seen yet.
    pub(in crate::cluster) fn of(id: &InstanceId) -> Self {
        let derived = |kind| (kind, naming::workload(id));
        Self {
            id: id.clone(),
            named: BTreeSet::new(),
            makers: WorkloadKind::RENDERED.map(derived).into(),
        }
    }

    /// Returns the concern of an instance of which these objects were seen.
    pub(in crate::cluster) fn with<'r>(
        id: &InstanceId,
        rows: impl IntoIterator<Item = &'r ObjectRow>,
    ) -> Self {
        let mut concern = Self::of(id);
        for row in rows {
            concern.note(row);
        }
        concern
    }

    /// Takes note of an object of the instance; tells whether that is news.
    pub(in crate::cluster) fn note(&mut self, row: &ObjectRow) -> bool {
        if !row.is_member() {
            return false;
        }
        let (kind, name) = (&row.key.kind, &row.key.name);
        let is_named =
            !self.is_about(kind, name) && self.named.insert((kind.clone(), name.clone()));
        let maker = WorkloadKind::of(&GroupKind::of(&row.key));
        let is_maker = maker.is_some_and(|kind| self.makers.insert((kind, name.clone())));
        is_named || is_maker
    }

    /// Tells whether an event is about one of the objects, or about what controllers made of one.
    pub(in crate::cluster) fn covers(&self, event: &Event) -> bool {
        self.is_about(&event.object_kind, &event.object_name)
    }

    fn is_about(&self, kind: &str, name: &str) -> bool {
        is_derived(kind, name, &self.id)
            || !self.named.is_empty() && self.named.contains(&(kind.to_owned(), name.to_owned()))
            || (self.makers.iter()).any(|(of, maker)| makes(*of, maker, kind, name))
    }
}

/// Tells whether the controller of a workload makes objects of such a kind and name.
fn makes(of: WorkloadKind, maker: &str, kind: &str, name: &str) -> bool {
    match (of, kind) {
        (_, "Pod") => pod_name::is_made_by(name, of, maker),
        (WorkloadKind::Deployment, "ReplicaSet") => pod_name::of_replica_set(name) == Some(maker),
        (WorkloadKind::CronJob, "Job") => pod_name::of_scheduled(name) == Some(maker),
        // NB: a volume `data-web` of `api` and a volume `data` of `web-api` give their claims the same names.
        (WorkloadKind::StatefulSet, CLAIM) => naming::claim_ordinal(name, maker).is_some(),
        _ => false,
    }
}

/// What is known by now, and that there is news.
struct Known {
    concern: Mutex<Concern>,
    news: Notify,
}

impl Known {
    fn lock(&self) -> MutexGuard<'_, Concern> {
        self.concern.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, deltas: &[Delta<ObjectRow>]) {
        let mut concern = self.lock();
        let mut is_news = false;
        for delta in deltas {
            let rows = match delta {
                Delta::Reset(all) => all.as_slice(),
                Delta::Applied(row) => std::slice::from_ref(row),
                Delta::Removed(_) => &[],
            };
            for row in rows {
                is_news |= concern.note(row);
            }
        }
        if is_news {
            self.news.notify_one();
        }
    }
}

/// Returns a sink that takes note of the objects of an instance before it passes on what is reported, and the watch of the
/// events about them, which asks for nothing before `after`.
pub(super) fn watched(
    cluster: &Cluster,
    instance: &InstanceKey,
    after: Duration,
    sink: Sink,
) -> (Sink, Running) {
    let known = Arc::new(Known {
        concern: Mutex::new(Concern::of(&instance.id)),
        news: Notify::new(),
    });
    let (noted, passed) = (known.clone(), sink.clone());
    let tapped: Sink = Arc::new(move |event| {
        if let WatchEvent::Objects(_, deltas) = &event {
            noted.note(deltas);
        }
        passed(event);
    });
    let (cluster, instance) = (cluster.clone(), instance.clone());
    let begin = {
        let known = known.clone();
        move |sink| {
            let concern = known.lock().clone();
            let events = open_events(&instance, move |event| concern.covers(event));
            Watch::new(cluster.clone(), events, sink)
        }
    };
    // NB: made here, as a watch says at once that it is about to begin.
    let mut watch = begin(sink.clone());
    // What was told of the events holds until they are listed anew.
    let sink: Sink = Arc::new(move |event| {
        let state = match &event {
            WatchEvent::Link { state, .. } => Some(state),
            _ => None,
        };
        if state != Some(&LinkState::Connecting) {
            sink(event);
        }
    });
    let running = async move {
        sleep(after).await;
        loop {
            // What was seen since the watch was made is no reason to ask twice.
            if known.news.notified().now_or_never().is_some() {
                watch = begin(sink.clone());
            }
            tokio::select! {
                () = watch.run() => return,
                () = known.news.notified() => sleep(SETTLES_IN).await,
            }
            watch = begin(sink.clone());
        }
    };
    (tapped, Box::pin(running))
}

/// Tells whether an object bears a name that is derived from an ID.
fn is_derived(kind: &str, name: &str, id: &InstanceId) -> bool {
    match kind {
        CLAIM => is_longer(name, &naming::shared_claim(id, "")),
        CONFIG_MAP => is_config_map_of(name, id),
        // Controllers make these, under names with a suffix.
        "Pod" | "ReplicaSet" => false,
        _ => [
            naming::workload(id),
            naming::headless(id),
            naming::secret(id),
            naming::pull_secret(id),
        ]
        .iter()
        .any(|derived| derived == name),
    }
}

/// Tells whether a `ConfigMap` bears a name of an instance's: its values, a volume's files, its record or a revision.
fn is_config_map_of(name: &str, id: &InstanceId) -> bool {
    let record = naming::record(id);
    let is_revision = |rest: &str| rest.starts_with(".r");
    name == naming::config(id)
        || is_longer(name, &naming::files(id, ""))
        || name
            .strip_prefix(&record)
            .is_some_and(|rest| rest.is_empty() || is_revision(rest))
}

fn is_longer(name: &str, prefix: &str) -> bool {
    name.len() > prefix.len() && name.starts_with(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &str, name: &str, expected: &[&str]) {
        let event = event(kind, name);
        let ids = ["web", "web-api", "api"];
        let is_concerned = |id: &&str| Concern::of(&id.parse().unwrap()).covers(&event);
        let concerned: Vec<_> = ids.into_iter().filter(is_concerned).collect();
        assert_eq!(concerned, expected, "{kind}/{name}");
    }

    fn event(kind: &str, name: &str) -> Event {
        Event {
            namespace: "team-a".parse().unwrap(),
            name: "e".to_owned(),
            object_kind: kind.to_owned(),
            object_name: name.to_owned(),
            object_uid: String::new(),
            is_warning: true,
            reason: "r".to_owned(),
            message: "m".to_owned(),
            count: 1,
            last_seen: jiff::Timestamp::UNIX_EPOCH,
            source: "s".to_owned(),
        }
    }

    #[test]
    fn event_concerns_the_instance_whose_object_it_is_about_and_no_other() {
        check("Deployment", "web", &["web"]);
        check("StatefulSet", "web-api", &["web-api"]);
        check("Ingress", "web-api", &["web-api"]);
        check("Service", "web-headless", &["web"]);
        check("Service", "web-api-headless", &["web-api"]);
        check("ReplicaSet", "web-6d9c9c5b8", &["web"]);
        check("ReplicaSet", "web-api-6d9c9c5b8", &["web-api"]);
        check("ReplicaSet", "web-api", &[]);
        check("Pod", "web-6d9c9c5b8-x2w4p", &["web"]);
        check("Pod", "web-api-0", &["web-api"]);
        check("Secret", "web-api-secret", &["web-api"]);
        check("ConfigMap", "bowline-web", &["web"]);
        check("ConfigMap", "bowline-web.r12", &["web"]);
        check("ConfigMap", "bowline-web-api.r12", &["web-api"]);
        check("ConfigMap", "web-files-conf", &["web"]);
        check("Job", "web-migrate", &[]);
    }

    #[test]
    fn claim_is_known_by_the_names_that_volumes_give_it() {
        check("PersistentVolumeClaim", "web-data-files", &["web"]);
        check("PersistentVolumeClaim", "web-api-data-files", &["web-api"]);
        check("PersistentVolumeClaim", "data-web-0", &["web"]);
        // A volume `data-web` of `api` would give the same name.
        check(
            "PersistentVolumeClaim",
            "data-web-api-0",
            &["web-api", "api"],
        );
        check("PersistentVolumeClaim", "web-data-", &[]);
        check("PersistentVolumeClaim", "web-0", &[]);
        check("PersistentVolumeClaim", "data-web-x", &[]);
    }

    fn row(kind: &str, name: &str, set: Option<&str>) -> ObjectRow {
        let namespace = "team-a".parse().unwrap();
        let version = match kind {
            "Job" | "CronJob" => "batch/v1",
            _ => "apps/v1",
        };
        let json = serde_json::json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "team-a"}});
        ObjectRow {
            instance: InstanceKey {
                namespace,
                id: "web".parse().unwrap(),
            },
            key: crate::definition::object::Object::from_json(json)
                .unwrap()
                .key,
            uid: "u".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            deletion: None,
            set: set.map(str::to_owned),
            owner: None,
            has_foreign: false,
            standing: None,
        }
    }

    #[test]
    fn objects_with_names_of_their_own_are_known_once_they_were_seen() {
        let mut concern = Concern::of(&"web".parse().unwrap());
        let set = Some("applyset-x-v1");
        assert!(!concern.note(&row("Deployment", "web", set)));
        assert!(!concern.note(&row("Deployment", "theirs", None)));
        for (kind, name) in [
            ("Deployment", "front"),
            ("StatefulSet", "store"),
            ("CronJob", "nightly"),
            ("DaemonSet", "agent"),
            ("Widget", "big"),
        ] {
            assert!(concern.note(&row(kind, name, set)));
            assert!(!concern.note(&row(kind, name, set)));
        }
        for (kind, name, expected) in [
            ("Deployment", "front", true),
            ("ReplicaSet", "front-6d9c9c5b8", true),
            ("Pod", "front-6d9c9c5b8-x2w4p", true),
            ("Pod", "store-0", true),
            ("PersistentVolumeClaim", "data-store-0", true),
            ("Job", "nightly-29000000", true),
            ("Pod", "nightly-29000000-x2w4p", true),
            ("Pod", "agent-x2w4p", true),
            ("Pod", "web-x2w4p", false),
            ("Widget", "big", true),
            ("Pod", "web-6d9c9c5b8-x2w4p", true),
            ("Widget", "front", false),
            ("Pod", "theirs-6d9c9c5b8-x2w4p", false),
            ("PersistentVolumeClaim", "data-front-0", false),
        ] {
            assert_eq!(
                concern.covers(&event(kind, name)),
                expected,
                "{kind}/{name}"
            );
        }
    }

    #[test]
    fn a_workload_of_another_kind_that_bears_the_id_has_its_pods() {
        let mut concern = Concern::of(&"web".parse().unwrap());
        let pod = event("Pod", "web-x2w4p");
        assert!(!concern.covers(&pod));
        assert!(concern.note(&row("Job", "web", Some("applyset-x-v1"))));
        assert!(concern.covers(&pod));
    }
}
