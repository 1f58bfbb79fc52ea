//! What an instance has in a namespace in which another instance of the same ID has something, too: in its own, where that is
//! the guest, and in those beside its own.
//!
//! What controllers make bears the ID and nothing that says which instance of that ID it is of. Its owners do: sooner or later
//! one of them is a member of a set. A claim has no owner; the `StatefulSet` that makes claims of its name tells. What nobody
//! tells anything of is the instance's in its own namespace, and where nobody else has anything. Asks the server nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Detail, change};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::definition::object::CLAIM;
use crate::service::connection::Link;
use crate::service::summary::{InstanceKey, ObjectRow};
use crate::service::watch::{Delta, Keyed, Topic, WatchEvent};

/// Most owners that are asked one after the other: there are three at most, and hostile ones may form a ring.
const MAX_OWNERS: usize = 8;

const STATEFUL_SET: &str = "StatefulSet";

impl Detail {
    /// Takes in what is reported of a namespace in which another instance may have things of the same ID.
    pub(super) fn take_in_shared(
        &mut self,
        namespace: &Namespace,
        event: WatchEvent,
        now: Timestamp,
    ) {
        let of_id = InstanceKey {
            namespace: namespace.clone(),
            id: self.key.id.clone(),
        };
        let there = self.shared.entry(namespace.clone());
        let there = there.or_insert_with(|| Detail::new(of_id));
        match event {
            WatchEvent::Link { topic, state } => {
                let link = Link::new(state, now);
                there.links.insert(topic.clone(), link.clone());
                let topic = Topic::In(namespace.clone(), Box::new(topic));
                self.links.insert(topic, link);
            }
            event => there.take_in(namespace, event, now),
        }
        self.show(namespace);
    }

    /// Tells whether an object in the instance's own namespace is of another instance of the same ID.
    pub(super) fn has_guests(&self) -> bool {
        let mut sets = self
            .objects
            .iter()
            .filter_map(|row| row.set.as_ref())
            .peekable();
        if sets.peek().is_none() {
            return false;
        }
        let own = naming::instance_applyset_id(&self.key.id, &self.key.namespace);
        sets.any(|set| *set != own)
    }

    /// From now on tells apart what is in the instance's own namespace.
    pub(super) fn part_from_guests(&mut self) {
        let own = self.key.namespace.clone();
        let mut all = Detail::new(self.key.clone());
        all.workloads = drawn(&mut self.workloads, &own);
        all.claims = drawn(&mut self.claims, &own);
        all.pods = drawn(&mut self.pods, &own);
        all.events = drawn(&mut self.events, &own);
        all.objects = drawn(&mut self.objects, &own);
        all.services = drawn(&mut self.services, &own);
        all.ingresses = drawn(&mut self.ingresses, &own);
        self.shared.insert(own.clone(), all);
        self.show(&own);
    }

    /// Puts what the instance has in a namespace in the place of what was shown of it.
    fn show(&mut self, namespace: &Namespace) {
        let Some(there) = self.shared.get(namespace) else {
            return;
        };
        let of = Belongings::of(there, &self.key);
        replace(&mut self.workloads, namespace, &there.workloads, |it| {
            of.has(it.kind.as_str(), &it.name)
        });
        replace(&mut self.claims, namespace, &there.claims, |it| {
            of.has(CLAIM, &it.name)
        });
        replace(&mut self.pods, namespace, &there.pods, |it| {
            of.has("Pod", &it.name)
        });
        replace(&mut self.events, namespace, &there.events, |it| {
            of.has(&it.object_kind, &it.object_name)
        });
        replace(&mut self.objects, namespace, &there.objects, |it| {
            of.has(&it.key.kind, &it.key.name)
        });
        replace(&mut self.services, namespace, &there.services, |it| {
            of.has("Service", &it.name)
        });
        replace(&mut self.ingresses, namespace, &there.ingresses, |it| {
            of.has("Ingress", &it.name)
        });
        self.sort();
    }
}

/// Takes out of a list what is in a namespace.
fn drawn<T: Keyed>(items: &mut Vec<T>, namespace: &Namespace) -> Vec<T> {
    items
        .extract_if(.., |item| item.namespace() == namespace)
        .collect()
}

fn replace<T: Keyed + Clone>(
    shown: &mut Vec<T>,
    namespace: &Namespace,
    there: &[T],
    is_ours: impl Fn(&T) -> bool,
) {
    let ours = there.iter().filter(|item| is_ours(item)).cloned().collect();
    change(shown, namespace, |_| true, vec![Delta::Reset(ours)]);
}

/// Whose an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Theirs,
    Unknown,
}

/// What is an instance's among what bears its ID in a namespace.
struct Belongings<'a> {
    rows: BTreeMap<(&'a str, &'a str), &'a ObjectRow>,
    /// The ID of the instance's set.
    set: String,
    /// Whether what nobody tells anything of is the instance's.
    has_unknown: bool,
}

impl<'a> Belongings<'a> {
    fn of(there: &'a Detail, instance: &InstanceKey) -> Self {
        let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
        let record = naming::record(&instance.id);
        let is_theirs = |row: &ObjectRow| match &row.set {
            Some(of) => *of != set,
            None => row.key.kind == "ConfigMap" && row.key.name == record,
        };
        // Elsewhere it must be known that nobody else has anything.
        let is_known = there.links.values().all(Link::has_reported);
        let is_alone = || is_known && !there.objects.iter().any(is_theirs);
        let rows = there.objects.iter();
        Self {
            has_unknown: there.key.namespace == instance.namespace || is_alone(),
            rows: rows
                .map(|row| ((row.key.kind.as_str(), row.key.name.as_str()), row))
                .collect(),
            set,
        }
    }

    fn has(&self, kind: &str, name: &str) -> bool {
        match self.whose(kind, name, MAX_OWNERS) {
            Whose::Ours => true,
            Whose::Theirs => false,
            Whose::Unknown => self.has_unknown,
        }
    }

    fn whose(&self, kind: &str, name: &str, n_owners: usize) -> Whose {
        let row = self.rows.get(&(kind, name));
        if let Some(of) = row.and_then(|row| row.set.as_deref()) {
            return match of == self.set {
                true => Whose::Ours,
                false => Whose::Theirs,
            };
        }
        let owner = row.and_then(|row| row.owner.as_deref());
        let owner = owner.and_then(|owner| owner.split_once('/'));
        let owner = owner.or_else(|| Some((STATEFUL_SET, self.maker(kind, name)?)));
        match (owner, n_owners.checked_sub(1)) {
            (Some((kind, name)), Some(n_owners)) => self.whose(kind, name, n_owners),
            _ => Whose::Unknown,
        }
    }

    /// Returns the `StatefulSet` that makes claims of such a name; the longest name tells most.
    fn maker(&self, kind: &str, claim: &str) -> Option<&'a str> {
        let sets = self.rows.keys().filter(|(it, _)| *it == STATEFUL_SET);
        let makers = sets.filter(|(_, set)| naming::claim_ordinal(claim, set).is_some());
        let (_, set) = makers.max_by_key(|(_, set)| set.len())?;
        (kind == CLAIM).then_some(*set)
    }
}

#[cfg(test)]
mod tests {
    use crate::definition::object::{GroupKind, ObjectKey};
    use crate::service::watch::LinkState;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn instance(namespace: &str) -> InstanceKey {
        InstanceKey {
            namespace: namespace.parse().unwrap(),
            id: "web".parse().unwrap(),
        }
    }

    /// Of `kind/name`, and of what else stands behind it: `@namespace` whose instance's set it is of, else its owner.
    fn row(text: &str) -> ObjectRow {
        let (object, of) = text.split_once(' ').unwrap_or((text, ""));
        let (kind, name) = object.split_once('/').unwrap();
        let of_set = |namespace: &str| {
            let InstanceKey { id, namespace } = instance(namespace);
            naming::instance_applyset_id(&id, &namespace)
        };
        ObjectRow {
            instance: instance("team-b"),
            key: ObjectKey {
                group: String::new(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: Some("team-b".to_owned()),
                name: name.to_owned(),
            },
            uid: name.to_owned(),
            created: now(),
            deletion: None,
            set: of.strip_prefix('@').map(of_set),
            owner: Some(of).filter(|of| of.contains('/')).map(str::to_owned),
            has_foreign: false,
            standing: None,
        }
    }

    /// Tells the instance `web` of `team-a` of these objects in `team-b`; `expected` of them are its own.
    fn check(rows: &[&str], expected: &[&str]) {
        check_while(LinkState::Live, rows, expected);
    }

    fn check_while(state: LinkState, rows: &[&str], expected: &[&str]) {
        let mut detail = Detail::new(instance("team-a"));
        let mut tell = |event| {
            let event = WatchEvent::Elsewhere("team-b".parse().unwrap(), Box::new(event));
            detail.apply(event, now());
        };
        let topic = Topic::Records;
        tell(WatchEvent::Link { topic, state });
        for text in rows {
            let row = row(text);
            let kind = GroupKind::of(&row.key);
            tell(WatchEvent::Objects(kind, vec![Delta::Applied(row)]));
        }
        let shown: Vec<String> = detail
            .objects()
            .iter()
            .map(|row| format!("{}/{}", row.key.kind, row.key.name))
            .collect();
        assert_eq!(shown, expected, "{rows:?}");
    }

    #[test]
    fn what_controllers_made_belongs_to_whom_its_owners_do() {
        let theirs = [
            "ConfigMap/bowline-web",
            "Deployment/web @team-b",
            "ReplicaSet/web-1 Deployment/web",
            "Pod/web-1-x ReplicaSet/web-1",
        ];
        let ours = [
            "Deployment/front @team-a",
            "ReplicaSet/front-1 Deployment/front",
            "Pod/front-1-x ReplicaSet/front-1",
        ];
        let shown = ["Deployment/front", "Pod/front-1-x", "ReplicaSet/front-1"];
        check(&[&theirs[..], &ours].concat(), &shown);
        check(&[&ours[..], &theirs].concat(), &shown);
        check(&theirs, &[]);
    }

    #[test]
    fn claims_belong_to_the_stateful_set_whose_name_they_bear() {
        check(
            &[
                "StatefulSet/db @team-a",
                "StatefulSet/web-db @team-b",
                "PersistentVolumeClaim/data-db-0",
                "PersistentVolumeClaim/data-web-db-0",
                "PersistentVolumeClaim/shared @team-a",
                "PersistentVolumeClaim/kept",
            ],
            &[
                "PersistentVolumeClaim/data-db-0",
                "PersistentVolumeClaim/shared",
                "StatefulSet/db",
            ],
        );
    }

    #[test]
    fn what_nobody_tells_anything_of_is_there_where_nobody_else_is() {
        let left = [
            "Pod/front-1-x ReplicaSet/front-1",
            "PersistentVolumeClaim/kept",
        ];
        let shown = ["PersistentVolumeClaim/kept", "Pod/front-1-x"];
        check(&left, &shown);
        for other in [
            "ConfigMap/bowline-web",
            "Service/web @team-b",
            "Secret/x @team-c",
        ] {
            check(&[left[0], left[1], other], &[]);
        }
        // Who else is there may not be known yet.
        check_while(LinkState::Connecting, &left, &[]);
    }

    /// The same in the namespace of the instance itself.
    #[test]
    fn what_a_guest_has_is_not_of_the_instance_at_home() {
        let mut detail = Detail::new(instance("team-b"));
        let mut check = |text: &str, expected: &[&str]| {
            let row = row(text);
            let kind = GroupKind::of(&row.key);
            detail.apply(WatchEvent::Objects(kind, vec![Delta::Applied(row)]), now());
            let shown: Vec<&str> = detail
                .objects()
                .iter()
                .map(|it| it.key.name.as_str())
                .collect();
            assert_eq!(shown, expected, "{text}");
        };
        check("ConfigMap/bowline-web", &["bowline-web"]);
        check(
            "Pod/front-1-x ReplicaSet/front-1",
            &["bowline-web", "front-1-x"],
        );
        check(
            "ReplicaSet/front-1 Deployment/front",
            &["bowline-web", "front-1-x", "front-1"],
        );
        check("Deployment/front @team-a", &["bowline-web"]);
        check("Deployment/web @team-b", &["bowline-web", "web"]);
        check("Pod/left ReplicaSet/gone", &["bowline-web", "web", "left"]);
    }

    #[test]
    fn owners_in_a_ring_end_the_question() {
        check(&["Pod/a Pod/b", "Pod/b Pod/a", "Secret/x @team-b"], &[]);
    }
}
