//! What another number of replicas would do to claims: a `StatefulSet` takes whatever claim bears the name that it makes, some
//! claims can be mounted by one node or pod only, and some go with their pods.

use std::ops::Range;

use serde_json::Value;

use crate::cluster::{Cluster, Selector};
use crate::definition::naming;
use crate::definition::object::{CLAIM, GroupKind, Object, ObjectKey};
use crate::engine::binding;
use crate::engine::metadata::core_key;
use crate::engine::ownership::{self, Owner};
use crate::engine::preflight::refused;
use crate::engine::retention;
use crate::failure::{Failure, FailureKind};
use crate::service::summary::InstanceKey;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub warnings: Vec<String>,
    pub refusals: Vec<Failure>,
    /// The claims that go with pods that are not wanted any more.
    pub lost: Vec<String>,
}

/// Looks at the claims that a workload of `to` replicas would take, share or lose.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) async fn look(
    cluster: &Cluster,
    instance: &InstanceKey,
    live: &Object,
    from: u32,
    to: u32,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    if to < from {
        found.lost = retention::scaled_away(live, from, to);
    }
    if to <= from {
        return Ok(found);
    }
    let pods = binding::ordinals(live, to);
    let ordinals = pods.start.saturating_add(from)..pods.end;
    to_come(cluster, instance, live, ordinals, &mut found).await?;
    if to > 1 {
        shared(cluster, live, to, &mut found).await?;
    }
    Ok(found)
}

async fn to_come(
    cluster: &Cluster,
    instance: &InstanceKey,
    live: &Object,
    ordinals: Range<u32>,
    found: &mut Found,
) -> Result<(), Failure> {
    let names: Vec<String> = binding::claim_names(live, ordinals).collect();
    if names.is_empty() {
        return Ok(());
    }
    let kind = GroupKind::new("", CLAIM);
    let place = live.key.namespace.as_ref().and_then(|it| it.parse().ok());
    let listed = cluster
        .list_metadata(&kind, place.as_ref(), &Selector::everything())
        .await;
    let claims = match listed {
        Ok(claims) => claims,
        Err(failure) if failure.kind == FailureKind::Forbidden => {
            let warning = "this user may not list claims: whether the names of those to come are free is not known";
            found.warnings.push(warning.to_owned());
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
    let is_there = |name: &String| claims.iter().any(|claim| claim.key.name == *name);
    let namespace = live.key.namespace.as_deref().unwrap_or_default();
    let fresh: Vec<ObjectKey> = names
        .iter()
        .filter(|name| !is_there(name))
        .map(|name| core_key(CLAIM, namespace, name))
        .collect();
    let passed_over = binding::passed_over(cluster, instance, &fresh).await?;
    found.warnings.extend(passed_over);
    for claim in claims
        .iter()
        .filter(|claim| names.contains(&claim.key.name))
    {
        let name = &claim.key.name;
        match ownership::owner(claim, &instance.id, &set) {
            Owner::Ours => found.warnings.push(format!(
                "claim {name} is there already and is used as it is"
            )),
            Owner::Other(other) => found.refusals.push(refused(format!(
                "claim {name} exists already, and it belongs to {other}"
            ))),
            Owner::Nobody => found.refusals.push(refused(format!(
                "claim {name} exists already, and it was not made by bowline"
            ))),
        }
    }
    Ok(())
}

/// Several pods on one claim that one node or pod may mount would wait for each other.
async fn shared(
    cluster: &Cluster,
    live: &Object,
    to: u32,
    found: &mut Found,
) -> Result<(), Failure> {
    let volumes = &live.json["spec"]["template"]["spec"]["volumes"];
    for name in names_of(volumes, |it| &it["persistentVolumeClaim"]["claimName"]) {
        let namespace = live.key.namespace.as_deref().unwrap_or_default();
        let key = core_key(CLAIM, namespace, name);
        let claim = match cluster.get(&key).await {
            Ok(claim) => claim,
            Err(failure) if failure.kind == FailureKind::Forbidden => continue,
            Err(failure) => return Err(failure),
        };
        let modes = claim
            .as_ref()
            .map(|claim| &claim.json["spec"]["accessModes"]);
        let modes: Vec<&str> = modes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let is_exclusive = |mode: &str| matches!(mode, "ReadWriteOnce" | "ReadWriteOncePod");
        if !modes.is_empty() && modes.iter().all(|mode| is_exclusive(mode)) {
            found.refusals.push(refused(format!(
                "{to} replicas of {} cannot share claim {name}, which is {}",
                live.key,
                modes.join(", ")
            )));
        }
    }
    Ok(())
}

fn names_of<'a>(
    list: &'a Value,
    name: impl Fn(&'a Value) -> &'a Value,
) -> impl Iterator<Item = &'a str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(move |item| name(item).as_str())
}
