//! Who has set which fields of a live object, from its `managedFields`, as far as the drift of an overview needs it.
//!
//! A server takes a field from its managers once somebody else gives it another value. So what a manager still owns is as it
//! applied it, and whatever changed shows in two ways that need neither the definition nor another request: a field of the
//! content that somebody else owns and we do not, or a set of owned fields that is not the one that our last apply left (a
//! field that was only removed has no owner at all). The first is seen in the object alone; for the second the record keeps a
//! digest of the set, and the number of replicas beside it, which our own `scale` may have set to another.
//!
//! Entries are read as numbers, one for each field: thousands of objects pass here, and paths as texts would cost as much as
//! all the rest of them. Nothing here knows values, so nothing of a Secret is ever in it.

use std::collections::HashSet;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::definition::id::InstanceId;
use crate::definition::naming;

/// Annotation by which `kubectl rollout restart`, and our own `restart`, replace pods.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// `metadata.managedFields` of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedFields(Vec<Entry>);

/// What one manager owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    manager: String,
    operation: String,
    subresource: String,
    #[serde(rename = "fieldsV1")]
    fields: Fields,
}

/// Fields as hashes of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Fields {
    /// Those outside of metadata and status.
    content: Vec<u64>,
    metadata: Vec<u64>,
}

impl ManagedFields {
    /// Returns a digest of the fields that a manager applied and still owns; none if it applied nothing.
    pub fn applied(&self, manager: &str) -> Option<u64> {
        let mut applied = self.applied_entries(manager).peekable();
        applied.peek()?;
        let all =
            applied.flat_map(|entry| entry.fields.content.iter().chain(&entry.fields.metadata));
        // The order in which servers write them is of no account.
        Some(all.fold(0, |sum: u64, field| sum.wrapping_add(*field)))
    }

    /// Tells whether somebody owns a field of the content that the instance's own managers do not. What belongs to the number
    /// of replicas is told by the number itself.
    pub fn has_foreign(&self, id: &InstanceId) -> bool {
        let manager = naming::field_manager(id);
        let own: HashSet<u64> = self
            .applied_entries(&manager)
            .flat_map(|entry| entry.fields.content.iter().copied())
            .collect();
        let others = self
            .0
            .iter()
            .filter(|entry| entry.subresource.is_empty() && !is_own_manager(&entry.manager, id));
        let mut fields = others.flat_map(|entry| &entry.fields.content);
        let exempt = exempt();
        fields.any(|field| !own.contains(field) && !exempt.contains(field))
    }

    fn applied_entries(&self, manager: &str) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(move |entry| {
            entry.manager == manager && entry.operation == "Apply" && entry.subresource.is_empty()
        })
    }
}

/// Tells whether a manager is one of those under which bowline writes to the objects of an instance.
pub fn is_own_manager(manager: &str, id: &InstanceId) -> bool {
    manager == naming::field_manager(id)
        || manager == naming::scale_field_manager(id)
        || manager == naming::restart_field_manager(id)
}

/// Fields that others may set without anything having changed.
fn exempt() -> [u64; 3] {
    let path = |names: &[&str]| names.iter().fold(START, |hash, name| step(hash, name));
    let restarted = format!("f:{RESTARTED_AT}");
    [
        path(&["f:spec", "f:replicas"]),
        path(&[
            "f:spec",
            "f:template",
            "f:metadata",
            "f:annotations",
            &restarted,
        ]),
        // Set on a claim by whoever binds it.
        path(&["f:spec", "f:volumeName"]),
    ]
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// Goes one name down a path: FNV-1a, whose results may stand in the cluster for years.
fn step(hash: u64, name: &str) -> u64 {
    let bytes = name.bytes().chain([0]);
    bytes.fold(hash, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl<'de> Deserialize<'de> for ManagedFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<Entry>>::deserialize(deserializer).map(|all| Self(all.unwrap_or_default()))
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self::default();
        let at = At {
            fields: &mut fields,
            hash: START,
            part: Part::Top,
        };
        at.deserialize(deserializer)?;
        Ok(fields)
    }
}

/// Which part of an object a path is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Top,
    Content,
    Metadata,
    Status,
}

/// A place in a set of fields that is being read.
struct At<'a> {
    fields: &'a mut Fields,
    hash: u64,
    part: Part,
}

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a set of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut has_members = false;
        while let Some(name) = map.next_key_seed(Name(self.hash, self.part))? {
            let (Some(hash), part) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            has_members = true;
            let below = At {
                fields: &mut *self.fields,
                hash,
                part,
            };
            map.next_value_seed(below)?;
        }
        if !has_members {
            match self.part {
                Part::Content => self.fields.content.push(self.hash),
                Part::Metadata => self.fields.metadata.push(self.hash),
                Part::Top | Part::Status => {}
            }
        }
        Ok(())
    }

    // Whatever else stands there names no field; the object is to be read all the same.

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a member: what the path becomes with it, and in which part; no path for the mark that a parent is owned too.
struct Name(u64, Part);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = (Option<u64>, Part);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = (Option<u64>, Part);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let Self(hash, part) = self;
        let part = match (part, name) {
            (Part::Top, "f:metadata") => Part::Metadata,
            (Part::Top, "f:status") => Part::Status,
            (Part::Top, _) => Part::Content,
            (part, _) => part,
        };
        Ok(((name != ".").then(|| step(hash, name)), part))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id() -> InstanceId {
        "web".parse().unwrap()
    }

    fn read(entries: Value) -> ManagedFields {
        serde_json::from_str(&entries.to_string()).unwrap()
    }

    fn entry(manager: &str, operation: &str, subresource: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
               "fieldsType": "FieldsV1", "fieldsV1": fields, "subresource": subresource})
    }

    /// What our own apply owns, and what somebody beside it does.
    fn beside(manager: &str, operation: &str, subresource: &str, fields: Value) -> ManagedFields {
        let own = json!({"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {"f:image": {}, "f:env": {
            "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
        }}});
        read(json!([
            entry("bowline/web", "Apply", "", own),
            entry(manager, operation, subresource, fields),
        ]))
    }

    fn check(fields: ManagedFields, is_foreign: bool) {
        assert_eq!(fields.has_foreign(&id()), is_foreign, "{fields:?}");
    }

    #[test]
    fn what_others_own_alone_was_changed_by_them() {
        let of = |fields: Value| beside("kubectl-edit", "Update", "", json!({"f:spec": fields}));
        check(of(json!({"f:paused": {}})), true);
        check(
            of(json!({"f:env": {"k:{\"name\":\"B\"}": {".": {}, "f:name": {}}}})),
            true,
        );
        // Others may own it too: it is as we applied it.
        check(of(json!({"f:image": {}})), false);
        check(
            of(json!({"f:env": {".": {}, "k:{\"name\":\"A\"}": {"f:value": {}}}})),
            false,
        );
    }

    #[test]
    fn what_belongs_to_others_by_its_nature_is_no_change() {
        let metadata =
            json!({"f:metadata": {"f:annotations": {"f:x": {}}}, "f:status": {"f:n": {}}});
        check(beside("controller", "Update", "", metadata), false);
        let status = json!({"f:spec": {"f:x": {}}});
        check(
            beside("controller", "Update", "status", status.clone()),
            false,
        );
        check(beside("bowline/web", "Update", "", status.clone()), false);
        check(beside("bowline/api", "Apply", "", status), true);
        let annotation =
            json!({"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}});
        let restart = json!({"f:spec": {"f:template": {"f:metadata": annotation}}});
        check(beside("kubectl-rollout", "Update", "", restart), false);
        let number = json!({"f:spec": {"f:replicas": {}}});
        check(beside("kubectl", "Update", "scale", number.clone()), false);
        check(beside("kubectl-edit", "Update", "", number), false);
    }

    #[test]
    fn a_digest_tells_one_set_of_applied_fields_from_another() {
        let applied = |fields: Value| {
            read(json!([entry("bowline/web", "Apply", "", fields)])).applied("bowline/web")
        };
        let one = applied(json!({"f:spec": {"f:a": {}, "f:b": {"f:c": {}}}}));
        assert_eq!(
            one,
            applied(json!({"f:spec": {".": {}, "f:b": {"f:c": {}}, "f:a": {}}}))
        );
        assert_ne!(one, applied(json!({"f:spec": {"f:a": {}}})));
        assert_ne!(
            one,
            applied(json!({"f:spec": {"f:a": {"f:b": {}, "f:c": {}}}}))
        );
        assert_ne!(
            one,
            applied(json!({"f:metadata": {"f:a": {}, "f:b": {"f:c": {}}}}))
        );
        assert_eq!(read(json!([])).applied("bowline/web"), None);
        // It stands in records: another program must come to the same.
        assert_eq!(
            applied(json!({"f:spec": {"f:replicas": {}}})),
            Some(0x58ab_7f59_c4cc_5315)
        );
    }

    #[test]
    fn what_is_no_set_of_fields_is_not_in_the_way() {
        for odd in [
            json!(null),
            json!([{"fieldsV1": [1, {"a": 2}]}]),
            json!([{"fieldsV1": {"f:spec": "x", "f:y": 1}}]),
        ] {
            check(read(odd), false);
        }
    }
}
