//! The objects of an instance as a tree of who owns what: the record, what was applied with it, what controllers made of that,
//! and the volumes behind claims. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::detail::Detail;
use super::printed::PrintedObject;
use super::summary::{Claim, ObjectRow};
use crate::definition::naming;
use crate::definition::object::ObjectKey;

/// What stands at a place of the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Leaf<'a> {
    /// An object that bears the instance's labels.
    Object(&'a ObjectRow),
    /// The volume of a claim.
    Volume(&'a Claim),
    /// The revisions that are kept, so many.
    Revisions(usize),
    /// An object of the set in another namespace, or in none.
    Elsewhere(&'a PrintedObject),
}

/// A place of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// What identifies it.
    pub key: String,
    /// How many owners are above it.
    pub depth: usize,
    /// Whether something is below it.
    pub has_children: bool,
    /// What stands there.
    pub leaf: Leaf<'a>,
}

/// Returns what identifies an object in the tree of an instance.
pub fn key_of(detail: &Detail, row: &ObjectRow) -> String {
    let ObjectKey {
        group, kind, name, ..
    } = &row.key;
    match elsewhere_of(detail, row) {
        None => format!("{group}/{kind}/{name}"),
        Some(namespace) => format!("{group}/{kind}/{namespace}/{name}"),
    }
}

/// Returns the namespace of an object where it is another one than the instance's.
pub fn elsewhere_of<'r>(detail: &Detail, row: &'r ObjectRow) -> Option<&'r str> {
    let own = detail.key().namespace.as_str();
    row.key.namespace.as_deref().filter(|it| *it != own)
}

/// What identifies the place that holds the revisions.
pub const REVISIONS: &str = "revisions";

/// Returns the tree in the order in which it is shown, without what is below the places that are folded.
pub fn tree<'a>(
    detail: &'a Detail,
    printed: &'a [PrintedObject],
    is_folded: impl Fn(&str) -> bool,
) -> Vec<Node<'a>> {
    let family = Family::of(detail);
    let mut nodes = Vec::new();
    let mut growing = Growing {
        detail,
        family: &family,
        is_folded: &is_folded,
        nodes: &mut nodes,
        seen: BTreeSet::new(),
    };
    let depth = match family.record {
        None => 0,
        Some(record) => {
            let has_children = detail.objects().len() > 1;
            growing.push(
                key_of(detail, record),
                0,
                has_children,
                Leaf::Object(record),
            );
            if is_folded(&key_of(detail, record)) {
                return nodes;
            }
            1
        }
    };
    for row in &family.roots {
        growing.grow(row, depth);
    }
    let elsewhere = printed.iter().filter(|it| is_elsewhere(it, detail));
    for object in elsewhere {
        let PrintedObject {
            kind,
            namespace,
            name,
            ..
        } = object;
        let place = namespace.as_deref().unwrap_or_default();
        let key = format!("{}/{}/{place}/{name}", kind.group, kind.kind);
        growing.push(key, depth, false, Leaf::Elsewhere(object));
    }
    if !family.revisions.is_empty() {
        let n = family.revisions.len();
        growing.push(REVISIONS.to_owned(), depth, true, Leaf::Revisions(n));
        if !is_folded(REVISIONS) {
            for row in &family.revisions {
                growing.push(key_of(detail, row), depth + 1, false, Leaf::Object(row));
            }
        }
    }
    nodes
}

/// What is watched stands in the tree by itself; what is in no namespace is not.
fn is_elsewhere(printed: &PrintedObject, detail: &Detail) -> bool {
    let is_it = |row: &ObjectRow| {
        row.key.kind == printed.kind.kind
            && row.key.name == printed.name
            && row.key.namespace == printed.namespace
    };
    let is_here = printed.namespace.as_deref() == Some(detail.key().namespace.as_str());
    !is_here && !detail.objects().iter().any(is_it)
}

/// Who belongs to whom.
struct Family<'a> {
    record: Option<&'a ObjectRow>,
    revisions: Vec<&'a ObjectRow>,
    /// What nobody owns that is there.
    roots: Vec<&'a ObjectRow>,
    /// What is owned, by namespace and `Kind/name` of the owner.
    owned: BTreeMap<(&'a str, &'a str), Vec<&'a ObjectRow>>,
    claims: BTreeMap<&'a str, &'a Claim>,
}

impl<'a> Family<'a> {
    fn of(detail: &'a Detail) -> Self {
        let record = naming::record(&detail.key().id);
        let revisions = format!("{record}.r");
        let objects = detail.objects().iter();
        let names: BTreeSet<(&str, String)> = objects
            .map(|row| (namespace_of(row), name_of(row)))
            .collect();
        let own = detail.key().namespace.as_str();
        let mut family = Self {
            record: None,
            revisions: Vec::new(),
            roots: Vec::new(),
            owned: BTreeMap::new(),
            claims: detail
                .claims()
                .iter()
                .map(|claim| (claim.name.as_str(), claim))
                .collect(),
        };
        for row in detail.objects() {
            let namespace = namespace_of(row);
            let is_map = row.key.kind == "ConfigMap" && namespace == own;
            if is_map && row.key.name == record {
                family.record = Some(row);
            } else if is_map && row.key.name.starts_with(&revisions) {
                family.revisions.push(row);
            } else if let Some(owner) = row.owner.as_deref()
                && names.contains(&(namespace, owner.to_owned()))
            {
                family
                    .owned
                    .entry((namespace, owner))
                    .or_default()
                    .push(row);
            } else {
                family.roots.push(row);
            }
        }
        let place = |row: &ObjectRow| (namespace_of(row) != own, rank(&row.key.kind));
        family.roots.sort_by_key(|row| (place(row), &row.key));
        // r10 comes behind r9.
        family
            .revisions
            .sort_by_key(|row| (row.key.name.len(), &row.key.name));
        family
    }
}

fn namespace_of(row: &ObjectRow) -> &str {
    row.key.namespace.as_deref().unwrap_or_default()
}

fn name_of(row: &ObjectRow) -> String {
    format!("{}/{}", row.key.kind, row.key.name)
}

/// What runs comes first, then its data, then what leads to it, then what it reads.
fn rank(kind: &str) -> usize {
    const ORDER: [&str; 7] = [
        "Deployment",
        "StatefulSet",
        "PersistentVolumeClaim",
        "Service",
        "Ingress",
        "ConfigMap",
        "Secret",
    ];
    let known = ORDER.iter().position(|it| *it == kind);
    known.unwrap_or(ORDER.len())
}

/// The tree while it is made.
struct Growing<'a, 't, F> {
    detail: &'a Detail,
    family: &'t Family<'a>,
    is_folded: &'t F,
    nodes: &'t mut Vec<Node<'a>>,
    /// What stands there already: owners that name each other make no endless tree.
    seen: BTreeSet<String>,
}

impl<'a, F: Fn(&str) -> bool> Growing<'a, '_, F> {
    fn push(&mut self, key: String, depth: usize, has_children: bool, leaf: Leaf<'a>) {
        self.nodes.push(Node {
            key,
            depth,
            has_children,
            leaf,
        });
    }

    fn grow(&mut self, row: &'a ObjectRow, depth: usize) {
        let key = key_of(self.detail, row);
        if !self.seen.insert(key.clone()) {
            return;
        }
        let family = self.family;
        let name = name_of(row);
        let children = family
            .owned
            .get(&(namespace_of(row), name.as_str()))
            .map_or(&[][..], Vec::as_slice);
        let claim = family.claims.get(row.key.name.as_str()).copied();
        let claim =
            claim.filter(|it| row.key.kind == "PersistentVolumeClaim" && it.volume.is_some());
        let has_children = !children.is_empty() || claim.is_some();
        let is_folded = (self.is_folded)(&key);
        self.push(key, depth, has_children, Leaf::Object(row));
        if is_folded {
            return;
        }
        if let Some(claim) = claim {
            let volume = claim.volume.as_deref().unwrap_or_default();
            let key = format!("/PersistentVolume/{volume}");
            self.push(key, depth + 1, false, Leaf::Volume(claim));
        }
        for child in children {
            self.grow(child, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::object::GroupKind;
    use crate::service::summary::InstanceKey;
    use crate::service::watch::{Delta, WatchEvent};

    fn now() -> jiff::Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }

    fn instance() -> InstanceKey {
        InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: "db".parse().unwrap(),
        }
    }

    fn set() -> String {
        let InstanceKey { id, namespace } = instance();
        naming::instance_applyset_id(&id, &namespace)
    }

    fn row(kind: &str, name: &str, owner: Option<&str>) -> ObjectRow {
        ObjectRow {
            instance: instance(),
            key: ObjectKey {
                group: String::new(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                namespace: Some("team-a".to_owned()),
                name: name.to_owned(),
            },
            uid: name.to_owned(),
            created: now(),
            deletion: None,
            set: owner.is_none().then(set),
            owner: owner.map(str::to_owned),
            has_foreign: false,
            standing: None,
        }
    }

    fn detail(rows: Vec<ObjectRow>) -> Detail {
        let mut detail = Detail::new(instance());
        let mut by_kind: BTreeMap<String, Vec<ObjectRow>> = BTreeMap::new();
        for row in rows {
            by_kind.entry(row.key.kind.clone()).or_default().push(row);
        }
        for (kind, rows) in by_kind {
            let kind = GroupKind::new("", &kind);
            detail.apply(WatchEvent::Objects(kind, vec![Delta::Reset(rows)]), now());
        }
        let claim = Claim {
            instance: instance(),
            name: "data-db-0".to_owned(),
            uid: String::new(),
            created: now(),
            deletion: None,
            phase: "Bound".to_owned(),
            requested: "1Gi".to_owned(),
            capacity: None,
            storage_class: None,
            volume: Some("pvc-1".to_owned()),
            access_modes: Vec::new(),
            growth: None,
            is_member: false,
        };
        detail.apply(WatchEvent::Claims(vec![Delta::Reset(vec![claim])]), now());
        detail
    }

    fn check(detail: &Detail, folded: &[&str], expected: &[&str]) {
        let printed = [
            printed("Gizmo", Some("team-b"), "g"),
            printed("Gizmo", Some("team-a"), "seen-anyway"),
            printed("ClusterRole", None, "db-reader"),
        ];
        let nodes = tree(detail, &printed, |key| folded.contains(&key));
        let shown: Vec<String> = nodes.iter().map(show).collect();
        assert_eq!(shown, expected);
    }

    fn printed(kind: &str, namespace: Option<&str>, name: &str) -> PrintedObject {
        PrintedObject {
            kind: GroupKind::new("", kind),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
            facts: Vec::new(),
        }
    }

    fn show(node: &Node<'_>) -> String {
        let what = match node.leaf {
            Leaf::Object(row) => name_of(row),
            Leaf::Volume(claim) => format!("volume of {}", claim.name),
            Leaf::Revisions(n) => format!("{n} revisions"),
            Leaf::Elsewhere(object) => format!("{} elsewhere", object.name),
        };
        let sign = if node.has_children { "+" } else { "" };
        format!("{}{what}{sign}", " ".repeat(node.depth))
    }

    #[test]
    fn everything_stands_below_what_owns_it() {
        let detail = detail(vec![
            row("ConfigMap", "bowline-db", None),
            row("ConfigMap", "bowline-db.r10", None),
            row("ConfigMap", "bowline-db.r9", None),
            row("ConfigMap", "db-config", None),
            row("Pod", "db-0", Some("StatefulSet/db")),
            row("Pod", "stray", Some("ReplicaSet/gone")),
            row("PersistentVolumeClaim", "data-db-0", None),
            row("Service", "db", None),
            row("EndpointSlice", "db-x", Some("Service/db")),
            row("StatefulSet", "db", None),
        ]);
        check(
            &detail,
            &["revisions"],
            &[
                "ConfigMap/bowline-db+",
                " StatefulSet/db+",
                "  Pod/db-0",
                " PersistentVolumeClaim/data-db-0+",
                "  volume of data-db-0",
                " Service/db+",
                "  EndpointSlice/db-x",
                " ConfigMap/db-config",
                " Pod/stray",
                " g elsewhere",
                " db-reader elsewhere",
                " 2 revisions+",
            ],
        );
        check(
            &detail,
            &["/ConfigMap/bowline-db"],
            &["ConfigMap/bowline-db+"],
        );
        let folded = [
            "/StatefulSet/db",
            "/PersistentVolumeClaim/data-db-0",
            "/Service/db",
        ];
        check(
            &detail,
            &folded,
            &[
                "ConfigMap/bowline-db+",
                " StatefulSet/db+",
                " PersistentVolumeClaim/data-db-0+",
                " Service/db+",
                " ConfigMap/db-config",
                " Pod/stray",
                " g elsewhere",
                " db-reader elsewhere",
                " 2 revisions+",
                "  ConfigMap/bowline-db.r9",
                "  ConfigMap/bowline-db.r10",
            ],
        );
    }

    #[test]
    fn what_is_watched_elsewhere_stands_once_and_below_its_own_owner() {
        let mut gizmo = row("Gizmo", "g", None);
        let mut part = row("Part", "p", Some("Gizmo/g"));
        for row in [&mut gizmo, &mut part] {
            row.key.namespace = Some("team-b".to_owned());
            row.instance.namespace = "team-b".parse().unwrap();
        }
        let mut detail = detail(vec![
            row("ConfigMap", "bowline-db", None),
            row("Gizmo", "g", None),
        ]);
        for row in [gizmo, part] {
            let namespace = row.instance.namespace.clone();
            let kind = GroupKind::of(&row.key);
            let event = WatchEvent::Objects(kind, vec![Delta::Reset(vec![row])]);
            detail.apply(WatchEvent::Elsewhere(namespace, Box::new(event)), now());
        }
        let expected = [
            "ConfigMap/bowline-db+",
            " Gizmo/g",
            " Gizmo/g+",
            "  Part/p",
            " db-reader elsewhere",
        ];
        check(&detail, &[], &expected);
        let keys = tree(&detail, &[], |_| false)
            .into_iter()
            .map(|node| node.key);
        let keys: Vec<String> = keys.collect();
        assert_eq!(keys[1..3], ["/Gizmo/g", "/Gizmo/team-b/g"]);
    }

    #[test]
    fn owners_that_name_each_other_make_no_endless_tree() {
        let detail = detail(vec![
            row("A", "a", Some("B/b")),
            row("B", "b", Some("A/a")),
            row("C", "c", Some("C/c")),
        ]);
        // Nobody is above them, so they are not reached: nothing hangs.
        check(&detail, &[], &["g elsewhere", "db-reader elsewhere"]);
    }
}
