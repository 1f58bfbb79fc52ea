//! How the growth of a claim stands: what it asks for is there only once its volume and the file system on it are larger. Pure.

use std::cmp::Ordering;

use super::quantity;
use super::summary::{Claim, Growth};

/// A claim that has less than it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Growing {
    /// Somebody is at it: a sentence says how far.
    UnderWay(String),
    /// Nobody told that they are: a sentence says so.
    Unattended(String),
}

impl Growing {
    /// Returns how it stands, as a sentence.
    pub fn sentence(&self) -> &str {
        match self {
            Self::UnderWay(sentence) | Self::Unattended(sentence) => sentence,
        }
    }
}

/// Returns how the growth of a claim stands; none where it has what it asks for, or has no volume yet.
pub fn growing(claim: &Claim) -> Option<Growing> {
    let Claim {
        name,
        requested,
        capacity,
        ..
    } = claim;
    let capacity = capacity.as_deref()?;
    let is_small = quantity::compare(capacity, requested) == Some(Ordering::Less);
    if !is_small || claim.deletion.is_some() {
        return None;
    }
    let of = format!("claim {name} has {capacity} of the {requested} that it asks for");
    Some(match &claim.growth {
        Some(Growth::Volume) => Growing::UnderWay(format!("{of}: its volume is being grown")),
        Some(Growth::FileSystem) => Growing::UnderWay(format!(
            "{of}: its file system grows once a pod mounts it; a restart makes one do so"
        )),
        Some(Growth::Failed(why)) => Growing::UnderWay(format!(
            "{of}: growing it failed, and is tried again: {why}"
        )),
        None => Growing::Unattended(format!("{of}, and nobody tells that they grow it")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::summary::InstanceKey;

    fn check(capacity: Option<&str>, growth: Option<Growth>, expected: Option<Growing>) {
        let claim = Claim {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "db".parse().unwrap(),
            },
            name: "data-db-0".to_owned(),
            uid: "c1".to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            deletion: None,
            phase: "Bound".to_owned(),
            requested: "2Gi".to_owned(),
            capacity: capacity.map(str::to_owned),
            storage_class: None,
            volume: None,
            access_modes: Vec::new(),
            growth,
            is_member: false,
        };
        assert_eq!(growing(&claim), expected);
    }

    #[test]
    fn growth_is_told_until_it_has_what_it_asks_for() {
        let of = "claim data-db-0 has 1Gi of the 2Gi that it asks for";
        let under_way = |rest: &str| Some(Growing::UnderWay(format!("{of}: {rest}")));
        check(Some("2Gi"), Some(Growth::Volume), None);
        check(Some("3Gi"), None, None);
        check(None, None, None);
        check(
            Some("1Gi"),
            Some(Growth::Volume),
            under_way("its volume is being grown"),
        );
        check(
            Some("1Gi"),
            Some(Growth::FileSystem),
            under_way("its file system grows once a pod mounts it; a restart makes one do so"),
        );
        check(
            Some("1Gi"),
            Some(Growth::Failed("no space".to_owned())),
            under_way("growing it failed, and is tried again: no space"),
        );
        let nobody = format!("{of}, and nobody tells that they grow it");
        check(Some("1Gi"), None, Some(Growing::Unattended(nobody)));
    }
}
