//! The fate table: what a teardown does to each object that bears an instance's labels. Pure.
//!
//! A label alone deletes nothing: members were written by the instance, claims bear the names that its `StatefulSet` gives
//! them, dependents go with their owner. Everything else is left, and says why.

use std::collections::{BTreeMap, BTreeSet};

use super::frozen;
use super::lasting;
use super::metadata::Metadata;
use super::ownership::{self, COPIED, Owner};
use super::plan::{ClaimFate, DataFate, Fate, FateRow, VolumeChoice};
use super::policy::out_of_policy;
use super::prune::removal_rank;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object};
use crate::definition::policy::Policy;
use crate::text;

const RECORD_IN_IT: &str = "the record of the instance is in it";
/// Why a namespace stays that else would take claims along.
pub(super) const CLAIMS_IN_IT: &str = "claims that are kept are in it";
/// The manager of claims that are made from a template.
const CONTROLLER: &str = "kube-controller-manager";

/// What is torn down, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub id: &'a InstanceId,
    /// The namespace of the instance.
    pub namespace: &'a Namespace,
    pub policy: &'a Policy,
    /// The ID of the instance's `ApplySet`.
    pub set: &'a str,
    pub volumes: VolumeChoice,
    /// Uid of the record, if there is one.
    pub record_uid: Option<&'a str>,
}

/// What is known of a volume: its reclaim policy, or that it may not be read.
pub(super) type Policies = BTreeMap<String, Option<String>>;

/// Returns the row of each object, in the order of deletion. Claims are given in full, the rest by their metadata.
pub(super) fn rows(scene: &Scene<'_>, found: &[Object], policies: &Policies) -> Vec<FateRow> {
    let judge = Judge {
        scene,
        by_uid: found
            .iter()
            .map(|object| (Metadata::of(object).uid(), object))
            .collect(),
    };
    let mut objects: Vec<&Object> = found.iter().collect();
    objects.sort_by_key(|object| (judge.rank(object), &object.key));
    let mut rows: Vec<FateRow> = objects
        .into_iter()
        .map(|object| {
            let fate = judge.fate(object, &mut BTreeSet::new());
            FateRow {
                key: object.key.clone(),
                uid: Metadata::of(object).uid().to_owned(),
                claim: claim_fate(scene.volumes, object, &fate, policies),
                leaves_claims: leaves_claims(scene, object, &fate),
                fate,
            }
        })
        .collect();
    keep_homes(&mut rows);
    rows
}

/// Tells whether an object goes while claims that it made stay. Those without the labels of the instance stay whatever was chosen.
fn leaves_claims(scene: &Scene<'_>, object: &Object, fate: &Fate) -> bool {
    let makes_claims = || match scene.volumes {
        VolumeChoice::Keep => lasting::has_templates(object),
        VolumeChoice::Delete | VolumeChoice::Retain => frozen::makes_unlabelled(object, scene.id),
    };
    matches!(fate, Fate::Deleted | Fate::GarbageCollected(_)) && makes_claims()
}

/// A namespace takes everything in it along: it stays where claims in it are kept.
fn keep_homes(rows: &mut [FateRow]) {
    let homes: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.claim.is_some() && !row.goes())
        .filter_map(|row| row.key.namespace.clone())
        .collect();
    for row in rows.iter_mut() {
        let is_home = GroupKind::of(&row.key) == GroupKind::new("", "Namespace")
            && homes.contains(&row.key.name);
        if is_home && row.fate == Fate::Deleted {
            row.fate = Fate::Left(CLAIMS_IN_IT.to_owned());
        }
    }
}

struct Judge<'a> {
    scene: &'a Scene<'a>,
    by_uid: BTreeMap<&'a str, &'a Object>,
}

impl Judge<'_> {
    /// The record goes last, and its revisions just before.
    fn rank(&self, object: &Object) -> u8 {
        if self.is_record(object) {
            return u8::MAX;
        }
        if self.is_revision(object) {
            return u8::MAX - 1;
        }
        removal_rank(&object.key)
    }

    fn is_record(&self, object: &Object) -> bool {
        Some(Metadata::of(object).uid()) == self.scene.record_uid
    }

    fn is_revision(&self, object: &Object) -> bool {
        let owners = Metadata::of(object).owners();
        object.key.kind == "ConfigMap"
            && owners
                .iter()
                .any(|owner| Some(owner.uid.as_str()) == self.scene.record_uid)
    }

    /// `asked` holds the uids that the question has come through: hostile owners may form a ring.
    fn fate(&self, object: &Object, asked: &mut BTreeSet<String>) -> Fate {
        let Scene { id, set, .. } = self.scene;
        let metadata = Metadata::of(object);
        if self.is_record(object) || self.is_revision(object) {
            return Fate::Deleted;
        }
        if let Owner::Other(other) = ownership::owner(object, id, set) {
            return Fate::Left(format!("it belongs to {}", text::clean(&other)));
        }
        if object.key.kind == CLAIM {
            return self.claim(object, asked);
        }
        if let Some(fate) = self.with_owner(metadata, asked) {
            return fate;
        }
        let is_member = metadata.label(naming::LABEL_PART_OF) == Some(set);
        match (is_member, ownership::is_written_by_us(object, id, set)) {
            (true, true) => match self.stays(object) {
                Some(why) => Fate::Left(why),
                None => Fate::Deleted,
            },
            (_, false) => Fate::Left(COPIED.to_owned()),
            (false, true) => Fate::Left("it was taken out of the set".to_owned()),
        }
    }

    /// Returns why a member may not be deleted, if that is so.
    fn stays(&self, object: &Object) -> Option<String> {
        let own = self.scene.namespace;
        let is_home = GroupKind::of(&object.key) == GroupKind::new("", "Namespace")
            && object.key.name == own.as_str();
        let why = is_home.then(|| RECORD_IN_IT.to_owned());
        why.or_else(|| out_of_policy(self.scene.policy, own, &object.key))
    }

    /// Returns the `StatefulSet` that makes claims of such a name; the longest name tells most.
    fn maker(&self, claim: &Object) -> Option<&Object> {
        let is_maker = |set: &&Object| {
            set.key.kind == "StatefulSet"
                && set.key.namespace == claim.key.namespace
                && naming::claim_ordinal(&claim.key.name, &set.key.name).is_some()
        };
        let sets = self.by_uid.values().copied().filter(is_maker);
        sets.max_by_key(|set| set.key.name.len())
    }

    /// Tells whether a `StatefulSet` of the instance made a claim. One that is gone is known by what it left only.
    fn is_from_template(&self, claim: &Object, maker: Option<&Object>) -> bool {
        let ends_in_number = || {
            let (_, n) = claim.key.name.rsplit_once('-').unwrap_or_default();
            !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())
        };
        naming::claim_ordinal(&claim.key.name, self.scene.id.as_str()).is_some()
            || maker.is_some()
            || ends_in_number() && Metadata::of(claim).has_manager(CONTROLLER)
    }

    fn claim(&self, claim: &Object, asked: &mut BTreeSet<String>) -> Fate {
        let Scene {
            id, set, volumes, ..
        } = self.scene;
        if !ownership::is_written_by_us(claim, id, set) {
            // Another instance of the same ID may have a set in this namespace, and its claims bear the same labels.
            let maker = self.maker(claim);
            let is_of_others = |set_there: &&Object| {
                matches!(ownership::owner(set_there, id, set), Owner::Other(_))
            };
            if let Some(theirs) = maker.filter(is_of_others) {
                return Fate::Left(format!("it belongs to {}", theirs.key));
            }
            if !self.is_from_template(claim, maker) {
                let goes = |fate: &Fate| matches!(fate, Fate::GarbageCollected(_));
                let gone = self.with_owner(Metadata::of(claim), asked).filter(goes);
                return gone.unwrap_or_else(|| Fate::Left(COPIED.to_owned()));
            }
        }
        if let Some(why) = self.stays(claim) {
            return Fate::Left(why);
        }
        match volumes {
            VolumeChoice::Keep => Fate::Kept("volumes are kept".to_owned()),
            VolumeChoice::Delete | VolumeChoice::Retain => Fate::Deleted,
        }
    }

    /// What has owners goes with them, or stays with them.
    fn with_owner(&self, metadata: Metadata<'_>, asked: &mut BTreeSet<String>) -> Option<Fate> {
        let owner = metadata.owners().into_iter().next()?;
        let name = format!("{}/{}", owner.kind, owner.name);
        let found = self.by_uid.get(owner.uid.as_str());
        let goes = found.is_some_and(|found| {
            asked.insert(owner.uid.clone())
                && matches!(
                    self.fate(found, asked),
                    Fate::Deleted | Fate::GarbageCollected(_)
                )
        });
        let name = text::clean(&name).into_owned();
        Some(match (goes, found) {
            (true, _) => Fate::GarbageCollected(name),
            (false, Some(_)) => Fate::Left(format!("it belongs to {name}")),
            // What that belongs to, and so whether it goes, nobody looked at.
            (false, None) => Fate::Left(format!("it stays or goes with {name}")),
        })
    }
}

fn claim_fate(
    choice: VolumeChoice,
    object: &Object,
    fate: &Fate,
    policies: &Policies,
) -> Option<ClaimFate> {
    if object.key.kind != CLAIM {
        return None;
    }
    let text = |pointer: &str| {
        object
            .json
            .pointer(pointer)
            .and_then(|value| value.as_str())
    };
    let size = text("/status/capacity/storage").or(text("/spec/resources/requests/storage"));
    let volume = text("/spec/volumeName").filter(|name| !name.is_empty());
    let policy = volume.and_then(|name| policies.get(name).cloned().flatten());
    let data = match (fate, volume, policy.as_deref()) {
        (Fate::Kept(_) | Fate::Left(_), ..) => DataFate::Retained,
        (_, _, Some("Retain")) => DataFate::Retained,
        // Set to Retain before the claim goes, or nothing goes.
        (Fate::Deleted, Some(_), _) if choice == VolumeChoice::Retain => DataFate::Retained,
        (_, Some(_), None) => DataFate::Unknown,
        (_, Some(_), Some(_)) => DataFate::Destroyed,
        (_, None, _) => DataFate::Nothing,
    };
    Some(ClaimFate {
        size: size.unwrap_or_default().to_owned(),
        volume: volume.map(str::to_owned),
        retained_from: None,
        reclaim_policy: policy,
        data,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SET: &str = "applyset-ours-v1";

    struct Builder(Value);

    fn object(api_version: &str, kind: &str, name: &str) -> Builder {
        Builder(json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {
                "name": name, "namespace": "team-a", "uid": format!("uid-{kind}-{name}"),
                "labels": {"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"},
            },
        }))
    }

    impl Builder {
        fn member(mut self) -> Self {
            self.0["metadata"]["labels"][naming::LABEL_PART_OF] = json!(SET);
            self.by("bowline/web")
        }

        fn by(mut self, manager: &str) -> Self {
            self.0["metadata"]["managedFields"] = json!([{"manager": manager}]);
            self
        }

        fn owned_by(mut self, kind: &str, name: &str) -> Self {
            self.0["metadata"]["ownerReferences"] =
                json!([{"kind": kind, "name": name, "uid": format!("uid-{kind}-{name}")}]);
            self
        }

        fn bound_to(mut self, volume: &str) -> Self {
            self.0["spec"] =
                json!({"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}});
            self.0["status"] = json!({"capacity": {"storage": "2Gi"}});
            self
        }

        fn in_namespace(mut self, namespace: Option<&str>) -> Self {
            self.0["metadata"]["namespace"] = json!(namespace);
            self
        }

        fn done(self) -> Object {
            Object::from_json(self.0).unwrap()
        }
    }

    fn check(volumes: VolumeChoice, found: &[Object], expected: &[(&str, &str)]) {
        let id = "web".parse().unwrap();
        let scene = Scene {
            id: &id,
            namespace: &"team-a".parse().unwrap(),
            policy: &Policy::default(),
            set: SET,
            volumes,
            record_uid: Some("uid-ConfigMap-bowline-web"),
        };
        let policies = Policies::from([
            ("pv-1".to_owned(), Some("Delete".to_owned())),
            ("pv-2".to_owned(), Some("Retain".to_owned())),
            ("pv-3".to_owned(), None),
        ]);
        let rows = rows(&scene, found, &policies);
        let shown: Vec<(String, String)> = rows
            .iter()
            .map(|row| {
                let fate = match &row.fate {
                    Fate::Deleted => "deleted".to_owned(),
                    Fate::Kept(why) => format!("kept: {why}"),
                    Fate::GarbageCollected(owner) => format!("with {owner}"),
                    Fate::Left(why) => format!("left: {why}"),
                };
                let claim = row.claim.as_ref();
                let data = claim.map_or_else(String::new, |claim| {
                    format!(" {} {:?}", claim.size, claim.data)
                });
                (row.key.to_string(), format!("{fate}{data}"))
            })
            .collect();
        let shown: Vec<(&str, &str)> = shown
            .iter()
            .map(|(key, fate)| (key.as_str(), fate.as_str()))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn members_go_in_order_dependents_with_them_and_the_record_last() {
        let found = [
            object("v1", "ConfigMap", "bowline-web").done(),
            object("v1", "ConfigMap", "bowline-web.r1")
                .owned_by("ConfigMap", "bowline-web")
                .done(),
            object("v1", "ConfigMap", "web-config").member().done(),
            object("discovery.k8s.io/v1", "EndpointSlice", "web-x")
                .owned_by("Service", "web")
                .done(),
            object("v1", "Pod", "web-1-a")
                .owned_by("ReplicaSet", "web-1")
                .done(),
            object("apps/v1", "ReplicaSet", "web-1")
                .owned_by("Deployment", "web")
                .done(),
            object("v1", "Service", "web").member().done(),
            object("apps/v1", "Deployment", "web").member().done(),
        ];
        check(
            VolumeChoice::Keep,
            &found,
            &[
                ("Deployment/web", "deleted"),
                ("ReplicaSet/web-1", "with Deployment/web"),
                ("Pod/web-1-a", "with ReplicaSet/web-1"),
                ("Service/web", "deleted"),
                ("EndpointSlice/web-x", "with Service/web"),
                ("ConfigMap/web-config", "deleted"),
                ("ConfigMap/bowline-web.r1", "deleted"),
                ("ConfigMap/bowline-web", "deleted"),
            ],
        );
    }

    #[test]
    fn what_only_bears_the_labels_is_left() {
        let mut theirs = object("v1", "Secret", "theirs").member();
        theirs.0["metadata"]["labels"][naming::LABEL_PART_OF] = json!("applyset-theirs-v1");
        let found = [
            object("v1", "ConfigMap", "copied")
                .member()
                .by("kubectl")
                .done(),
            object("v1", "Service", "out").by("bowline/web").done(),
            object("v1", "Pod", "by-hand").by("kubectl").done(),
            object("v1", "Pod", "of-a-job")
                .owned_by("Job", "backup")
                .done(),
            theirs.done(),
            object("v1", "PersistentVolumeClaim", "somebodys")
                .by("kubectl")
                .done(),
        ];
        check(
            VolumeChoice::Delete,
            &found,
            &[
                (
                    "Pod/by-hand",
                    "left: it bears the labels, but bowline did not write it",
                ),
                ("Pod/of-a-job", "left: it stays or goes with Job/backup"),
                (
                    "PersistentVolumeClaim/somebodys",
                    "left: it bears the labels, but bowline did not write it  Retained",
                ),
                ("Service/out", "left: it was taken out of the set"),
                (
                    "ConfigMap/copied",
                    "left: it bears the labels, but bowline did not write it",
                ),
                (
                    "Secret/theirs",
                    "left: it belongs to the ApplySet applyset-theirs-v1",
                ),
            ],
        );
    }

    /// What made them can be told to let go of them only where it is a set: an operator's claims go with what it made them for.
    #[test]
    fn claims_go_with_an_owner_that_is_no_set() {
        let claim = object("v1", CLAIM, "pg-wal").by("operator");
        let found = [
            object("example.dev/v1", "Postgres", "pg").member().done(),
            claim.owned_by("Postgres", "pg").bound_to("pv-1").done(),
        ];
        let goes = "with Postgres/pg 2Gi Destroyed";
        for volumes in VolumeChoice::ALL {
            let expected = [
                ("Postgres/pg", "deleted"),
                ("PersistentVolumeClaim/pg-wal", goes),
            ];
            check(volumes, &found, &expected);
        }
    }

    #[test]
    fn sets_leave_the_claims_that_stay() {
        let set = |labels: Value| {
            let mut set = object("apps/v1", "StatefulSet", "db").member();
            set.0["spec"]["volumeClaimTemplates"] =
                json!([{"metadata": {"name": "data", "labels": labels}}]);
            set.done()
        };
        let labels =
            json!({"app.kubernetes.io/managed-by": "bowline", "app.kubernetes.io/instance": "web"});
        let leaves = |volumes, set: &Object, fate: Fate| {
            let scene = Scene {
                id: &"web".parse().unwrap(),
                namespace: &"team-a".parse().unwrap(),
                policy: &Policy::default(),
                set: SET,
                volumes,
                record_uid: None,
            };
            leaves_claims(&scene, set, &fate)
        };
        let along = Fate::GarbageCollected("Postgres/pg".to_owned());
        for fate in [Fate::Deleted, along] {
            assert!(leaves(
                VolumeChoice::Keep,
                &set(labels.clone()),
                fate.clone()
            ));
            assert!(!leaves(
                VolumeChoice::Delete,
                &set(labels.clone()),
                fate.clone()
            ));
            assert!(leaves(VolumeChoice::Retain, &set(json!({})), fate));
        }
        let stays = Fate::Left("it belongs to somebody".to_owned());
        assert!(!leaves(VolumeChoice::Keep, &set(json!({})), stays));
    }

    #[test]
    fn claims_are_kept_or_go_with_what_their_volumes_say() {
        let claim = |name: &str, volume: &str| {
            let claim = object("v1", "PersistentVolumeClaim", name).by("kube-controller-manager");
            match volume {
                "" => claim.done(),
                volume => claim.bound_to(volume).done(),
            }
        };
        let found = [
            claim("data-web-0", "pv-1"),
            claim("data-web-1", "pv-2"),
            claim("data-web-2", "pv-3"),
            claim("data-web-3", ""),
            object("v1", "PersistentVolumeClaim", "web-data-shared")
                .member()
                .bound_to("pv-1")
                .done(),
        ];
        let names = ["0", "1", "2", "3"].map(|n| format!("PersistentVolumeClaim/data-web-{n}"));
        let shared = "PersistentVolumeClaim/web-data-shared";
        check(
            VolumeChoice::Keep,
            &found,
            &[
                (&names[0], "kept: volumes are kept 2Gi Retained"),
                (&names[1], "kept: volumes are kept 2Gi Retained"),
                (&names[2], "kept: volumes are kept 2Gi Retained"),
                (&names[3], "kept: volumes are kept  Retained"),
                (shared, "kept: volumes are kept 2Gi Retained"),
            ],
        );
        check(
            VolumeChoice::Delete,
            &found,
            &[
                (&names[0], "deleted 2Gi Destroyed"),
                (&names[1], "deleted 2Gi Retained"),
                (&names[2], "deleted 2Gi Unknown"),
                (&names[3], "deleted  Nothing"),
                (shared, "deleted 2Gi Destroyed"),
            ],
        );
        check(
            VolumeChoice::Retain,
            &found,
            &[
                (&names[0], "deleted 2Gi Retained"),
                (&names[1], "deleted 2Gi Retained"),
                (&names[2], "deleted 2Gi Retained"),
                (&names[3], "deleted  Nothing"),
                (shared, "deleted 2Gi Retained"),
            ],
        );
    }

    #[test]
    fn claims_of_another_instance_of_the_same_id_are_left() {
        let claim = |name: &str| {
            let claim = object("v1", "PersistentVolumeClaim", name);
            claim.by("kube-controller-manager").done()
        };
        let mut theirs = object("apps/v1", "StatefulSet", "far-db").member();
        theirs.0["metadata"]["labels"][naming::LABEL_PART_OF] = json!("applyset-theirs-v1");
        let found = [
            claim("data-db-0"),
            // By its name it could be the set's called db, too.
            claim("data-far-db-0"),
            object("apps/v1", "StatefulSet", "db").member().done(),
            theirs.done(),
        ];
        check(
            VolumeChoice::Delete,
            &found,
            &[
                ("StatefulSet/db", "deleted"),
                (
                    "StatefulSet/far-db",
                    "left: it belongs to the ApplySet applyset-theirs-v1",
                ),
                ("PersistentVolumeClaim/data-db-0", "deleted  Nothing"),
                (
                    "PersistentVolumeClaim/data-far-db-0",
                    "left: it belongs to StatefulSet/far-db  Retained",
                ),
            ],
        );
    }

    #[test]
    fn a_namespace_that_holds_the_record_or_kept_claims_stays() {
        let (id, namespace) = ("web".parse().unwrap(), "team-a".parse().unwrap());
        let policy = Policy {
            allow_cluster_scoped: true,
            allow_namespaces: ["data", "jobs"].map(|it| it.parse().unwrap()).into(),
        };
        let home = |name: &str| object("v1", "Namespace", name).member().in_namespace(None);
        let claim = object("v1", CLAIM, "web-data-x").member();
        let claim = claim.in_namespace(Some("data")).done();
        let found = [
            home("team-a").done(),
            home("data").done(),
            home("jobs").done(),
            claim,
        ];
        let check = |volumes: VolumeChoice, expected: [Fate; 3]| {
            let scene = Scene {
                id: &id,
                namespace: &namespace,
                policy: &policy,
                set: SET,
                volumes,
                record_uid: None,
            };
            let rows = rows(&scene, &found, &Policies::new());
            let fates = ["data", "jobs", "team-a"].map(|name| {
                let row = rows.iter().find(|row| row.key.name == name);
                row.unwrap().fate.clone()
            });
            assert_eq!(fates, expected, "{volumes:?}");
        };
        let left = |why: &str| Fate::Left(why.to_owned());
        let own = left(RECORD_IN_IT);
        let kept = [left(CLAIMS_IN_IT), Fate::Deleted, own.clone()];
        check(VolumeChoice::Keep, kept);
        let gone = [Fate::Deleted, Fate::Deleted, own];
        check(VolumeChoice::Delete, gone);
    }

    #[test]
    fn owners_in_a_ring_delete_nothing() {
        let found = [
            object("v1", "Pod", "a").owned_by("Pod", "b").done(),
            object("v1", "Pod", "b").owned_by("Pod", "a").done(),
        ];
        check(
            VolumeChoice::Keep,
            &found,
            &[
                ("Pod/a", "left: it belongs to Pod/b"),
                ("Pod/b", "left: it belongs to Pod/a"),
            ],
        );
    }
}
