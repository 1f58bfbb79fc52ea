//! Live objects, or their metadata: one list a kind where several of it are looked at, never one request for each.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};

use crate::cluster::{Cluster, Selector};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::object::{GroupKind, Object, ObjectKey};
use crate::failure::Failure;

/// From how many objects of a kind on a list is cheaper than asking for each.
const WORTH_A_LIST: usize = 3;
/// Requests that are sent at once.
const AT_ONCE: usize = 4;

/// A kind in a namespace, or of the cluster.
type Place = (GroupKind, Option<String>);

/// What was listed.
#[derive(Debug, Default)]
pub(super) struct Live {
    lists: BTreeMap<Place, BTreeMap<String, Object>>,
}

fn place(key: &ObjectKey) -> Place {
    (GroupKind::of(key), key.namespace.clone())
}

/// Returns the places with so many of these objects that a list is worth it.
pub(super) fn crowded<'k>(keys: impl IntoIterator<Item = &'k ObjectKey>) -> Vec<Place> {
    let mut counts: BTreeMap<Place, usize> = BTreeMap::new();
    for key in keys {
        *counts.entry(place(key)).or_default() += 1;
    }
    let crowded = counts.into_iter().filter(|(_, n)| *n >= WORTH_A_LIST);
    crowded.map(|(place, _)| place).collect()
}

impl Live {
    /// Lists the instance's objects where many of `keys` are. What may not be listed is asked for one by one later.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub async fn read<'k>(
        cluster: &Cluster,
        id: &InstanceId,
        keys: impl IntoIterator<Item = &'k ObjectKey>,
    ) -> Result<Self, Failure> {
        let selector = Selector::instance(id);
        Self::list(cluster, crowded(keys), &selector, true).await
    }

    /// Lists everything where many of `keys` are, whoever's it is; the metadata alone where that is enough.
    ///
    /// # Errors
    /// The cluster cannot be reached.
    pub async fn of_anybody<'k>(
        cluster: &Cluster,
        keys: impl IntoIterator<Item = &'k ObjectKey>,
        in_full: bool,
    ) -> Result<Self, Failure> {
        Self::list(cluster, crowded(keys), &Selector::everything(), in_full).await
    }

    async fn list(
        cluster: &Cluster,
        places: Vec<Place>,
        selector: &Selector,
        in_full: bool,
    ) -> Result<Self, Failure> {
        let lists = stream::iter(places)
            .map(|(kind, namespace)| async move {
                let parsed = namespace.as_deref().map(str::parse::<Namespace>);
                let listed = match parsed.transpose() {
                    Ok(within) if in_full => cluster.list(&kind, within.as_ref(), selector).await,
                    Ok(within) => {
                        let within = within.as_ref();
                        cluster.list_metadata(&kind, within, selector).await
                    }
                    // No request can be made of such a name.
                    Err(_) => Ok(Vec::new()),
                };
                ((kind, namespace), listed)
            })
            .buffered(AT_ONCE);
        let lists: Vec<(Place, Result<Vec<Object>, Failure>)> = lists.collect().await;
        let mut live = Self::default();
        for (place, listed) in lists {
            match listed {
                Ok(objects) => {
                    let named = objects.into_iter();
                    let named = named.map(|object| (object.key.name.clone(), object));
                    live.lists.insert(place, named.collect());
                }
                Err(failure) if failure.is_unanswered() => return Err(failure),
                Err(_) => {}
            }
        }
        Ok(live)
    }

    /// Tells whether all was listed that is where an object of this key would be.
    pub fn has_listed(&self, key: &ObjectKey) -> bool {
        self.lists.contains_key(&place(key))
    }

    /// Returns an object as it was listed; none if it is to be asked for, as one without the instance's labels is.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.lists.get(&place(key))?.get(&key.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::metadata::core_key;

    #[test]
    fn a_list_is_worth_it_for_several_of_a_kind_in_a_namespace() {
        let key =
            |kind: &str, namespace: &str, n: usize| core_key(kind, namespace, &format!("x{n}"));
        let of = |kind: &str, namespace: &str, n| -> Vec<ObjectKey> {
            (0..n).map(|n| key(kind, namespace, n)).collect()
        };
        let keys = [
            of("ConfigMap", "a", WORTH_A_LIST),
            of("ConfigMap", "b", WORTH_A_LIST - 1),
            of("Service", "a", 1),
        ]
        .concat();
        let expected = (GroupKind::new("", "ConfigMap"), Some("a".to_owned()));
        assert_eq!(crowded(&keys), [expected]);
    }
}
