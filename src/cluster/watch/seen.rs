//! The last states of each object, to notice a server that answers with an older one.

use std::collections::HashMap;

use super::decode::Version;

/// States of an object that are remembered to notice an older one.
const REMEMBERED: usize = 4;
/// Objects whose states are remembered.
const MAX_SEEN: usize = 4096;

/// The last states of each object, to notice an older one. Resource versions are compared for equality only.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<String, Versions>);

#[derive(Debug, Default)]
struct Versions {
    generation: i64,
    /// The latest last.
    resource_versions: Vec<String>,
}

impl Seen {
    /// Tells whether a state is older than one that was seen of the object.
    pub fn is_older(&self, version: &Version) -> bool {
        let Some(known) = self.0.get(&version.uid) else {
            return false;
        };
        let replaced = known.resource_versions.split_last();
        let is_replaced =
            replaced.is_some_and(|(_, older)| older.contains(&version.resource_version));
        is_replaced || version.generation < known.generation
    }

    /// Takes note of a state.
    pub fn remember(&mut self, version: Version) {
        if version.uid.is_empty() {
            return;
        }
        // Objects that went are not forgotten one by one.
        if self.0.len() >= MAX_SEEN {
            self.0.clear();
        }
        let known = self.0.entry(version.uid).or_default();
        known.generation = version.generation;
        if known.resource_versions.last() == Some(&version.resource_version) {
            return;
        }
        if known.resource_versions.len() == REMEMBERED {
            known.resource_versions.remove(0);
        }
        known.resource_versions.push(version.resource_version);
    }

    /// Forgets everything, before a list that is consistent.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
