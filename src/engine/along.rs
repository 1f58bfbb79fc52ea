//! What goes along with an object that is deleted, where that is more than its own: all objects of a kind with its definition,
//! all that is in a namespace with that. Only read here.

use std::collections::BTreeSet;

use super::metadata::Metadata;
use super::protection;
use crate::cluster::{Cluster, Selector};
use crate::definition::manifest::is_definition_of_kind;
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::failure::{Failure, FailureKind};
use crate::names;

/// Most objects that are named.
const NAMED: usize = 5;

/// What goes along with objects that are deleted.
#[derive(Debug, Default)]
pub(super) struct Along {
    /// A sentence for each object that takes others along.
    pub warnings: Vec<String>,
    /// How many objects of nobody's or somebody else's are known to go.
    pub n_strangers: usize,
    /// Whether there may be more of them, which this user may not list.
    pub hides: bool,
    /// The namespaces among the objects that say that they are protected, or in which a protected instance of others is.
    pub protected: BTreeSet<String>,
}

impl Along {
    /// Finds what goes along with objects; what is among `own`, by uid, is not told of. One list for each kind.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub async fn find(
        cluster: &Cluster,
        deleted: impl Iterator<Item = &ObjectKey>,
        own: &BTreeSet<&str>,
    ) -> Result<Self, Failure> {
        let mut along = Self::default();
        for key in deleted {
            if is_definition_of_kind(&GroupKind::of(key)) {
                along.add_kind(cluster, key, own).await?;
            } else if GroupKind::of(key) == GroupKind::new("", "Namespace") {
                along.add_namespace(cluster, key, own).await?;
            }
        }
        Ok(along)
    }

    async fn add_kind(
        &mut self,
        cluster: &Cluster,
        definition: &ObjectKey,
        own: &BTreeSet<&str>,
    ) -> Result<(), Failure> {
        let general = format!(
            "{definition} goes with every object of its kind in the whole cluster, whoever made it"
        );
        let sentence = match of_kind(cluster, definition).await? {
            None => {
                self.hides = true;
                format!("{general}: this user may not list them")
            }
            Some(objects) => {
                let is_own = |object: &Object| own.contains(Metadata::of(object).uid());
                let mut others: Vec<&Object> = objects.iter().filter(|it| !is_own(it)).collect();
                others.sort_by(|a, b| place(a).cmp(&place(b)));
                self.n_strangers += others.len();
                let others: Vec<String> = others.into_iter().map(named).collect();
                format!("{general}: {}", told(&others))
            }
        };
        self.warnings.push(sentence);
        Ok(())
    }

    /// Of all that is in a namespace, other instances are told and claims, with which data goes: the rest comes and goes with them.
    async fn add_namespace(
        &mut self,
        cluster: &Cluster,
        key: &ObjectKey,
        own: &BTreeSet<&str>,
    ) -> Result<(), Failure> {
        let general = format!("{key} goes with everything that is in it, whoever made it");
        let Some(found) = in_namespace(cluster, &key.name).await? else {
            self.hides = true;
            let sentence =
                format!("{general}: this user may not list the instances and claims in it");
            self.warnings.push(sentence);
            return Ok(());
        };
        let others: Vec<&Object> = (found.iter())
            .filter(|object| !own.contains(Metadata::of(object).uid()))
            .collect();
        if others.iter().any(|it| protection::says_so(it))
            || protection::of_namespace(cluster, key).await?
        {
            self.protected.insert(key.name.clone());
        }
        self.n_strangers += others.len();
        let others: Vec<String> = others.into_iter().map(inhabitant).collect();
        self.warnings.push(match others.as_slice() {
            [] => general,
            others => format!("{general}: {}", told(others)),
        });
        Ok(())
    }
}

/// Lists the objects of the kind that a definition defines; none where this user may not.
async fn of_kind(
    cluster: &Cluster,
    definition: &ObjectKey,
) -> Result<Option<Vec<Object>>, Failure> {
    let Some((plural, group)) = definition.name.split_once('.') else {
        return Ok(Some(Vec::new()));
    };
    // Of a kind that is not served there is nothing.
    let Some(kind) = cluster.defined(plural, group).await? else {
        return Ok(Some(Vec::new()));
    };
    let all = Selector::everything();
    match cluster.list_metadata(&kind, None, &all).await {
        Ok(objects) => Ok(Some(objects)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(Some(Vec::new())),
        Err(failure) if failure.kind == FailureKind::Forbidden => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Lists the records of instances and the claims that are in a namespace; none where this user may not.
async fn in_namespace(cluster: &Cluster, name: &str) -> Result<Option<Vec<Object>>, Failure> {
    // What is no name of a namespace is none that has anything in it.
    let Ok(namespace) = name.parse() else {
        return Ok(Some(Vec::new()));
    };
    let mut found = Vec::new();
    for (kind, selector) in [
        ("ConfigMap", Selector::records()),
        (CLAIM, Selector::everything()),
    ] {
        let kind = GroupKind::new("", kind);
        let listed = cluster.list_metadata(&kind, Some(&namespace), &selector);
        match listed.await {
            Ok(objects) => found.extend(objects),
            Err(failure) if failure.kind == FailureKind::Forbidden => return Ok(None),
            Err(failure) => return Err(failure),
        }
    }
    Ok(Some(found))
}

/// Returns what an object in a namespace is called there.
fn inhabitant(object: &Object) -> String {
    let label = Metadata::of(object).label(naming::LABEL_INSTANCE);
    match label.filter(|_| object.key.kind != CLAIM) {
        Some(id) => format!("instance {id}"),
        None => format!("claim {}", object.key.name),
    }
}

fn place(object: &Object) -> (Option<&str>, &str) {
    (object.key.namespace.as_deref(), &object.key.name)
}

fn named(object: &Object) -> String {
    match place(object) {
        (Some(namespace), name) => format!("{namespace}/{name}"),
        (None, name) => name.to_owned(),
    }
}

/// Says how many objects of others go, and names the first.
fn told(others: &[String]) -> String {
    let names = names::first(others, NAMED);
    match others.len() {
        0 => "there is none now but its own".to_owned(),
        1 => format!("1 that is not of this instance is there now, {names}"),
        n => format!("{n} that are not of this instance are there now, {names}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(names: &[(Option<&str>, &str)], expected: &str) {
        let object = |(namespace, name): &(Option<&str>, &str)| {
            let metadata = json!({"name": name, "namespace": namespace});
            let json = json!({"apiVersion": "a.b/v1", "kind": "Widget", "metadata": metadata});
            Object::from_json(json).unwrap()
        };
        let objects: Vec<Object> = names.iter().map(object).collect();
        assert_eq!(
            told(&objects.iter().map(named).collect::<Vec<_>>()),
            expected
        );
    }

    #[test]
    fn what_goes_along_is_counted_and_the_first_are_named() {
        check(&[], "there is none now but its own");
        check(
            &[(Some("team-b"), "w")],
            "1 that is not of this instance is there now, team-b/w",
        );
        let many = ["a", "b", "c", "d", "e", "f", "g"].map(|name| (None, name));
        check(
            &many,
            "7 that are not of this instance are there now, a, b, c, d, e and 2 more",
        );
    }
}
