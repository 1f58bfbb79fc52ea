//! The objects as the controllers see them: every object of the kinds they know, by kind, namespace and name.
//!
//! A view is plain data, so a test builds one from JSON; the driver keeps one in step with the store. It never
//! reaches out for anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::kind::Kind;
use super::object::{controller_of, name, namespace, text, uid};

/// Namespace (empty for cluster-scoped kinds) and name of one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The namespace, empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// Returns the key of what is called `name` in `namespace`.
    pub fn new(namespace: &str, name: &str) -> Key {
        Key {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Returns the key of `object`.
    pub fn of(object: &Value) -> Key {
        Key::new(namespace(object), name(object))
    }
}

/// A set of objects, looked up by kind and name, listed by namespace or by controller.
#[derive(Debug, Clone, Default)]
pub struct View {
    objects: HashMap<Kind, BTreeMap<Key, Arc<Value>>>,
    /// By the uid of the controller, which is empty for those that have none.
    controlled: HashMap<String, BTreeSet<(Kind, Key)>>,
}

impl View {
    /// Returns a view of `objects`, for tests; those of kinds that no controller knows are left out.
    #[cfg(test)]
    pub fn from_objects(objects: impl IntoIterator<Item = Value>) -> View {
        let mut view = View::default();
        for object in objects {
            if let Some(kind) =
                Kind::from_names(text(&object, "/apiVersion"), text(&object, "/kind"))
            {
                view.insert(kind, Arc::new(object));
            }
        }
        view
    }

    /// Puts an object in, in place of the one that had its name; returns that one.
    pub fn insert(&mut self, kind: Kind, object: Arc<Value>) -> Option<Arc<Value>> {
        let key = Key::of(&object);
        let before = self.remove(kind, &key);
        self.controlled
            .entry(controller_uid(&object).to_owned())
            .or_default()
            .insert((kind, key.clone()));
        self.objects.entry(kind).or_default().insert(key, object);
        before
    }

    /// Takes an object out; returns it.
    pub fn remove(&mut self, kind: Kind, key: &Key) -> Option<Arc<Value>> {
        let gone = self.objects.get_mut(&kind)?.remove(key)?;
        let owner = controller_uid(&gone);
        if let Some(owned) = self.controlled.get_mut(owner) {
            owned.remove(&(kind, key.clone()));
            if owned.is_empty() {
                self.controlled.remove(owner);
            }
        }
        Some(gone)
    }

    /// Returns the object with this key.
    pub fn get(&self, kind: Kind, key: &Key) -> Option<&Value> {
        self.objects.get(&kind)?.get(key).map(Arc::as_ref)
    }

    /// Returns the object called `name` in `namespace`.
    pub fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Value> {
        self.get(kind, &Key::new(namespace, name))
    }

    /// Lists the objects of a kind in a namespace, by name.
    pub fn list<'a>(&'a self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .get(&kind)
            .into_iter()
            .flat_map(move |objects| objects.range(Key::new(namespace, "")..))
            .take_while(move |(key, _)| key.namespace == namespace)
            .map(|(_, object)| object.as_ref())
    }

    /// Lists all objects of a kind, by namespace and name.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.objects
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
            .map(Arc::as_ref)
    }

    /// Lists the objects of a kind in the namespace of `owner` whose controller it is, by name.
    pub fn controlled<'a>(&'a self, kind: Kind, owner: &Value) -> impl Iterator<Item = &'a Value> {
        self.controlled_by(uid(owner), kind, namespace(owner))
    }

    /// Lists the objects of a kind in a namespace that have no controller, by name.
    pub fn orphans(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Value> {
        self.controlled_by("", kind, namespace)
    }

    fn controlled_by(
        &self,
        owner: &str,
        kind: Kind,
        namespace: &str,
    ) -> impl Iterator<Item = &Value> + use<'_> {
        let first = (kind, Key::new(namespace, ""));
        let namespace = namespace.to_owned();
        self.controlled
            .get(owner)
            .into_iter()
            .flat_map(move |owned| owned.range(first.clone()..))
            .take_while(move |(found, key)| *found == kind && key.namespace == namespace)
            .filter_map(move |(_, key)| self.get(kind, key))
    }
}

fn controller_uid(object: &Value) -> &str {
    controller_of(object).map_or("", |owner| text(owner, "/uid"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, owner: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name,
            "ownerReferences": [{"uid": owner, "controller": true}]}})
    }

    #[test]
    fn lists_keep_to_a_namespace_and_to_an_owner() {
        let mut view = View::from_objects([
            pod("a", "x", "1"),
            pod("a", "y", "2"),
            pod("b", "x", "1"),
            json!({"kind": "Other"}),
        ]);
        let owner = json!({"metadata": {"namespace": "a", "uid": "1"}});
        let names = |view: &View| {
            let owned: Vec<_> = view
                .controlled(Kind::Pod, &owner)
                .map(name)
                .map(str::to_owned)
                .collect();
            owned.join(" ")
        };
        assert_eq!(
            view.list(Kind::Pod, "a").map(name).collect::<Vec<_>>(),
            ["x", "y"]
        );
        assert_eq!(names(&view), "x");
        view.insert(Kind::Pod, Arc::new(pod("a", "x", "2")));
        assert_eq!(names(&view), "");
        view.insert(Kind::Pod, Arc::new(pod("a", "y", "1")));
        assert_eq!(names(&view), "y");
        view.remove(Kind::Pod, &Key::new("a", "y"));
        assert_eq!(names(&view), "");
        assert_eq!(view.all(Kind::Pod).count(), 2);
    }

    #[test]
    fn orphans_are_those_without_a_controller() {
        let orphan =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "o"}});
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "a", "name": "s"}});
        let mut view = View::from_objects([orphan, service, pod("a", "x", "1")]);
        let orphans = |view: &View, namespace| view.orphans(Kind::Pod, namespace).count();
        assert_eq!((orphans(&view, "a"), orphans(&view, "b")), (1, 0));
        view.insert(Kind::Pod, Arc::new(pod("a", "o", "1")));
        assert_eq!(orphans(&view, "a"), 0);
    }
}
