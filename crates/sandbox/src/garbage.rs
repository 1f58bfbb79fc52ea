//! The garbage collector: what becomes of objects whose owners go.
//!
//! It follows every change of the store, whatever the kind. An object all of whose owners are gone is deleted; an owner that
//! is deleted in the foreground waits for those that block it; one that orphans loses its dependents' references first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::store::{Change, ChangeKind, Propagation, Store};

const MANAGER: &str = "kube-controller-manager";
const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// An object: kind with group, namespace, name.
type Place = (String, String, String);

/// The collector of one store.
#[derive(Debug)]
pub(crate) struct Collector {
    store: Store,
    changes: Receiver<Arc<Change>>,
    /// Who depends on the owner with this uid.
    dependents: HashMap<String, BTreeSet<Place>>,
    /// Who is there, by uid.
    living: HashMap<String, Place>,
}

impl Collector {
    /// Returns the collector of `store`, which has seen what is in it.
    pub(crate) fn new(store: Store) -> Collector {
        let changes = store.subscribe();
        let mut collector = Collector {
            store,
            changes,
            dependents: HashMap::new(),
            living: HashMap::new(),
        };
        collector.look_round();
        collector
    }

    /// Takes in all changes so far.
    pub(crate) fn turn(&mut self) {
        loop {
            match self.changes.try_recv() {
                Ok(change) => self.take_in(&change),
                Err(TryRecvError::Lagged(_)) => self.look_round(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn look_round(&mut self) {
        self.changes = self.store.subscribe();
        self.living.clear();
        self.dependents.clear();
        let all: Vec<Arc<Value>> = {
            let inner = self.store.lock();
            inner
                .objects
                .values()
                .flat_map(|table| table.values().cloned())
                .collect()
        };
        for object in &all {
            self.note(object);
        }
        for object in &all {
            self.look_at(object);
        }
    }

    fn take_in(&mut self, change: &Change) {
        match change.kind {
            ChangeKind::Added | ChangeKind::Modified => {
                if let Some(previous) = &change.previous {
                    self.forget_owners(previous);
                }
                self.note(&change.object);
                self.look_at(&change.object);
            }
            ChangeKind::Deleted => self.gone(&change.object),
        }
    }

    fn note(&mut self, object: &Value) {
        let place = place_of(object);
        for owner in owners(object) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(place.clone());
        }
        self.living.insert(uid(object).to_owned(), place);
    }

    fn forget_owners(&mut self, object: &Value) {
        let place = place_of(object);
        for owner in owners(object) {
            if let Some(dependents) = self.dependents.get_mut(owner) {
                dependents.remove(&place);
                if dependents.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }

    fn look_at(&mut self, object: &Value) {
        let owners = owners(object);
        if !owners.is_empty()
            && !is_going(object)
            && owners.iter().all(|owner| !self.living.contains_key(*owner))
        {
            self.delete(&place_of(object), Propagation::Background);
            return;
        }
        if is_going(object) {
            self.serve_finalizers(object);
        }
    }

    fn serve_finalizers(&mut self, object: &Value) {
        let place = place_of(object);
        if has_finalizer(object, ORPHAN) {
            for dependent in self.dependents_of(object) {
                self.orphan(&dependent, uid(object));
            }
            self.release(&place, ORPHAN);
        } else if has_finalizer(object, FOREGROUND) {
            let mut waits = false;
            for dependent in self.dependents_of(object) {
                let Some(child) = self.find(&dependent) else {
                    continue;
                };
                waits |= blocks(&child, uid(object));
                if !is_going(&child) && owners(&child).iter().all(|owner| !self.lives_on(owner)) {
                    // What hangs on this object goes the same way, before it.
                    self.delete(&dependent, Propagation::Foreground);
                }
            }
            if !waits {
                self.release(&place, FOREGROUND);
            }
        }
    }

    /// Returns whether an owner is there and not on its way out in the foreground.
    fn lives_on(&self, owner: &str) -> bool {
        let object = self.living.get(owner).and_then(|place| self.find(place));
        object.is_some_and(|object| !(is_going(&object) && has_finalizer(&object, FOREGROUND)))
    }

    fn gone(&mut self, object: &Value) {
        self.living.remove(uid(object));
        self.forget_owners(object);
        for dependent in self.dependents.remove(uid(object)).unwrap_or_default() {
            if let Some(child) = self.find(&dependent) {
                self.look_at(&child);
            }
        }
        // An owner that waits for its dependents may wait no longer.
        for owner in owners(object) {
            if let Some(owner) = self
                .living
                .get(owner)
                .and_then(|place| self.find(place))
                .filter(|owner| is_going(owner))
            {
                self.serve_finalizers(&owner);
            }
        }
    }

    fn dependents_of(&self, object: &Value) -> Vec<Place> {
        self.dependents
            .get(uid(object))
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    fn find(&self, (kind, namespace, name): &Place) -> Option<Arc<Value>> {
        self.store.get(kind, namespace, name)
    }

    fn delete(&self, (kind, namespace, name): &Place, propagation: Propagation) {
        // Whoever was faster did the same.
        let _ = self.store.delete(kind, namespace, name, propagation);
    }

    fn orphan(&self, (kind, namespace, name): &Place, owner: &str) {
        let _ = self.store.update(MANAGER, kind, namespace, name, |child| {
            retain(child, "ownerReferences", |reference| {
                reference["uid"] != owner
            });
        });
    }

    fn release(&self, (kind, namespace, name): &Place, finalizer: &str) {
        let _ = self.store.update(MANAGER, kind, namespace, name, |owner| {
            retain(owner, "finalizers", |held| held != finalizer);
        });
    }
}

fn retain(object: &mut Value, list: &str, keep: impl Fn(&Value) -> bool) {
    let kept: Vec<Value> = object["metadata"][list]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|item| keep(item))
        .cloned()
        .collect();
    object["metadata"][list] = json!(kept);
}

fn place_of(object: &Value) -> Place {
    let kind = object["kind"].as_str().unwrap_or_default();
    let group = object["apiVersion"]
        .as_str()
        .and_then(|v| v.split_once('/'))
        .map_or("", |(group, _)| group);
    let text = |key: &str| {
        object["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let kind = if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}.{group}")
    };
    (kind, text("namespace"), text("name"))
}

fn uid(object: &Value) -> &str {
    object["metadata"]["uid"].as_str().unwrap_or_default()
}

fn owners(object: &Value) -> Vec<&str> {
    let references = object["metadata"]["ownerReferences"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["uid"].as_str())
        .collect()
}

fn blocks(object: &Value, owner: &str) -> bool {
    let mut references = object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten();
    references.any(|reference| reference["uid"] == owner && reference["blockOwnerDeletion"] == true)
}

fn is_going(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| list.iter().any(|held| held == finalizer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn stage() -> (Store, Collector) {
        let store = Store::new(Clock::Real, 100);
        store
            .create(
                "t",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
            )
            .unwrap();
        let collector = Collector::new(store.clone());
        (store, collector)
    }

    fn config_map(store: &Store, name: &str, owner: Option<&Value>) -> Arc<Value> {
        let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n"}});
        if let Some(owner) = owner {
            object["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "ConfigMap",
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "blockOwnerDeletion": true}]);
        }
        store.create("t", object).unwrap()
    }

    fn names(store: &Store) -> Vec<String> {
        let names = store.list("ConfigMap", Some("n"));
        names
            .iter()
            .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn what_is_owned_goes_after_its_owner() {
        let (store, mut collector) = stage();
        let owner = config_map(&store, "owner", None);
        let child = config_map(&store, "child", Some(&owner));
        config_map(&store, "grandchild", Some(&child));
        config_map(&store, "stranger", None);
        store
            .delete("ConfigMap", "n", "owner", Propagation::Background)
            .unwrap();
        collector.turn();
        assert_eq!(names(&store), ["stranger"]);
    }

    #[test]
    fn an_owner_deleted_in_the_foreground_goes_last() {
        let (store, mut collector) = stage();
        let owner = config_map(&store, "owner", None);
        config_map(&store, "child", Some(&owner));
        store
            .update("t", "ConfigMap", "n", "child", |child| {
                child["metadata"]["finalizers"] = json!(["x/hold"])
            })
            .unwrap();
        store
            .delete("ConfigMap", "n", "owner", Propagation::Foreground)
            .unwrap();
        collector.turn();
        assert_eq!(names(&store), ["child", "owner"]);
        store
            .update("t", "ConfigMap", "n", "child", |child| {
                child["metadata"]["finalizers"] = json!([])
            })
            .unwrap();
        collector.turn();
        assert_eq!(names(&store), [] as [&str; 0]);
    }

    #[test]
    fn orphans_stay_without_a_reference() {
        let (store, mut collector) = stage();
        let owner = config_map(&store, "owner", None);
        config_map(&store, "child", Some(&owner));
        store
            .delete("ConfigMap", "n", "owner", Propagation::Orphan)
            .unwrap();
        collector.turn();
        assert_eq!(names(&store), ["child"]);
        let child = store.get("ConfigMap", "n", "child").unwrap();
        assert_eq!(child["metadata"].get("ownerReferences"), None);
    }

    #[test]
    fn an_object_whose_owner_never_was_goes() {
        let (store, mut collector) = stage();
        let ghost = json!({"metadata": {"name": "ghost", "uid": "u"}});
        config_map(&store, "child", Some(&ghost));
        collector.turn();
        assert_eq!(names(&store), [] as [&str; 0]);
    }
}
