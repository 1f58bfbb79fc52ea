//! ResourceQuotas: what a namespace may hold, what of it is used, and the refusal of what would be more.
//!
//! Admission charges a quota's `status.used` with each write that needs more, under the store's lock, so that two writes
//! never share what is left for one. What becomes free is counted again by a controller ([`recount`]), as is all of a new
//! quota: until then it limits nothing. [`mod@usage`] knows what an object needs, [`scopes`] which objects a quota is for.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::quantity::Quantity;
use crate::resources::Resource;
use crate::status::Status;
use crate::store::{Inner, Store};
use crate::write::{WriteOptions, Writer};

use usage::{missing, usage};

mod scopes;
#[cfg(test)]
mod tests;
mod usage;

pub(crate) use scopes::is_bounded_in_time;
pub(crate) use usage::concerns;

/// Quantities by the names that quotas have for them.
pub(crate) type Amounts = BTreeMap<String, Quantity>;

/// A write that is about to be stored.
pub(crate) struct Charge<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) namespace: &'a str,
    /// The object as it is, unless it is new.
    pub(crate) live: Option<&'a Value>,
    pub(crate) object: &'a Value,
    pub(crate) options: &'a WriteOptions,
    pub(crate) now: Timestamp,
}

/// Returns the quotas that a write concerns, with what is used of each after it.
///
/// # Errors
/// A quota has no room for it.
pub(crate) fn admit(
    inner: &Inner,
    write: &Charge<'_>,
) -> Result<Vec<(Arc<Value>, Amounts)>, Status> {
    if write.namespace.is_empty() || !write.is_looked_at() {
        return Ok(Vec::new());
    }
    let mut charges = Vec::new();
    for quota in quotas(inner, write.namespace) {
        if let Some(used) = write.against(&quota)? {
            charges.push((quota, used));
        }
    }
    Ok(charges)
}

/// Writes down what is used after a write that was admitted; a dry-run uses nothing.
pub(crate) fn charge(
    inner: &mut Inner,
    charges: Vec<(Arc<Value>, Amounts)>,
    options: &WriteOptions,
    now: Timestamp,
) -> Result<(), Status> {
    if options.dry_run {
        return Ok(());
    }
    for (quota, used) in charges {
        let hard = quota["status"]["hard"].clone();
        set_status(inner, &quota, hard, &used, "kube-apiserver", now)?;
    }
    Ok(())
}

impl Charge<'_> {
    /// Returns whether a write of this sort can need more of anything.
    fn is_looked_at(&self) -> bool {
        let Some(live) = self.live else {
            return !is_ignored(self.resource);
        };
        if !self.resource.group.is_empty() {
            return false;
        }
        let is_whole = self.options.subresource.is_empty();
        match self.resource.kind.as_str() {
            "Service" => is_whole,
            "PersistentVolumeClaim" => is_whole || is_reallocated(live, self.object),
            "Pod" => is_whole && is_bounded_in_time(live) != is_bounded_in_time(self.object),
            _ => false,
        }
    }

    /// Returns what is used of a quota after this write, if that is another amount.
    fn against(&self, quota: &Value) -> Result<Option<Amounts>, Status> {
        let hard = amounts(&quota["status"]["hard"]);
        let limited: Vec<&str> = hard
            .keys()
            .map(String::as_str)
            .filter(|name| concerns(self.resource, name))
            .collect();
        if limited.is_empty() || !scopes::is_for(quota, self.resource, self.object) {
            return Ok(None);
        }
        let name = quota["metadata"]["name"].as_str().unwrap_or_default();
        if let Some(missing) = missing(self.resource, self.object, &limited) {
            return Err(self.refused(&format!("failed quota: {name}: must specify {missing}")));
        }
        let used = amounts(&quota["status"]["used"]);
        if limited.iter().any(|limit| !used.contains_key(*limit)) {
            return Err(self.refused(&format!(
                "status unknown for quota: {name}, resources: {}",
                limited.join(",")
            )));
        }
        let wanted = self.wanted(quota, &hard);
        if wanted.is_empty() {
            return Ok(None);
        }
        let mut after = used.clone();
        for (name, amount) in &wanted {
            let before = after.get(name).copied().unwrap_or_default();
            after.insert(name.clone(), before.plus(*amount));
        }
        let exceeds = |name: &&String| after[*name].milli > hard[*name].milli;
        let exceeded: Vec<&String> = wanted.keys().filter(exceeds).collect();
        if !exceeded.is_empty() && self.options.subresource != "status" {
            return Err(self.refused(&format!(
                "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
                printed(&wanted, &exceeded),
                printed(&used, &exceeded),
                printed(&hard, &exceeded),
            )));
        }
        Ok(Some(after))
    }

    /// Returns what this write needs of a quota beyond what the object has of it already.
    fn wanted(&self, quota: &Value, hard: &Amounts) -> Amounts {
        let had = self
            .live
            .filter(|live| scopes::is_for(quota, self.resource, live));
        let had = had.map(|live| usage(self.resource, live, self.now));
        let more = |(name, amount): (String, Quantity)| {
            let before = had.as_ref().and_then(|had| had.get(&name));
            let amount = before.map_or(amount, |before| amount.more_than(*before));
            (name, amount)
        };
        usage(self.resource, self.object, self.now)
            .into_iter()
            .map(more)
            .filter(|(name, amount)| amount.milli != 0 && hard.contains_key(name))
            .collect()
    }

    fn refused(&self, why: &str) -> Status {
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        Status::forbidden(&self.resource.group, &self.resource.plural, name, why)
    }
}

/// Counts anew what is used of a quota, and takes over what it limits. One that is gone needs no counting.
pub(crate) fn recount(store: &Store, manager: &str, namespace: &str, name: &str) {
    let now = store.now();
    let mut inner = store.lock();
    let found = quotas(&inner, namespace)
        .into_iter()
        .find(|quota| quota["metadata"]["name"] == name);
    let Some(quota) = found else { return };
    let hard = amounts(&quota["spec"]["hard"]);
    let before = amounts(&quota["status"]["used"]);
    // What nothing can be counted of stays as it is.
    let mut used: Amounts = before
        .into_iter()
        .filter(|(name, _)| hard.contains_key(name))
        .collect();
    used.extend(counted(&inner, &quota, namespace, &hard, now));
    let hard = values(&hard);
    // It may be on its way out, which is the one refusal there is.
    let _ = set_status(&mut inner, &quota, hard, &used, manager, now);
}

/// Returns what everything in a namespace uses together, by the names that a quota limits.
fn counted(
    inner: &Inner,
    quota: &Value,
    namespace: &str,
    hard: &Amounts,
    now: Timestamp,
) -> Amounts {
    let mut used = Amounts::new();
    for resource in inner.registry.iter().filter(|resource| resource.namespaced) {
        if is_ignored(resource) {
            continue;
        }
        let names: Vec<&String> = hard
            .keys()
            .filter(|name| concerns(resource, name))
            .collect();
        if names.is_empty() {
            continue;
        }
        for name in &names {
            used.entry((*name).clone()).or_default();
        }
        for object in within(inner, resource, namespace) {
            if !scopes::is_for(quota, resource, object) {
                continue;
            }
            for (name, amount) in usage(resource, object, now) {
                if let Some(sum) = used.get_mut(&name) {
                    *sum = sum.plus(amount);
                }
            }
        }
    }
    used
}

fn set_status(
    inner: &mut Inner,
    quota: &Value,
    hard: Value,
    used: &Amounts,
    manager: &str,
    now: Timestamp,
) -> Result<(), Status> {
    let text = |key: &str| quota["metadata"][key].as_str().unwrap_or_default();
    let resource = inner.registry.by_kind("ResourceQuota").cloned();
    let writer = Writer {
        resource: resource.ok_or_else(Status::no_such_path)?,
        inner,
        namespace: text("namespace").to_owned(),
        now,
        options: WriteOptions::status_of(manager),
        warnings: Vec::new(),
    };
    let status = json!({"hard": hard, "used": values(used)});
    let written = writer.update(text("name"), |live| {
        let mut quota = live.clone();
        quota["status"] = status;
        Ok(quota)
    });
    written.map(drop)
}

fn quotas(inner: &Inner, namespace: &str) -> Vec<Arc<Value>> {
    let Some(resource) = inner.registry.by_kind("ResourceQuota") else {
        return Vec::new();
    };
    within(inner, resource, namespace).cloned().collect()
}

fn within<'a>(
    inner: &'a Inner,
    resource: &Resource,
    namespace: &'a str,
) -> impl Iterator<Item = &'a Arc<Value>> {
    let from = (namespace.to_owned(), String::new());
    let table = inner.table(resource).into_iter();
    table
        .flat_map(move |table| table.range(from.clone()..))
        .take_while(move |((within, _), _)| within == namespace)
        .map(|(_, object)| object)
}

/// Events come and go by themselves and are never counted.
fn is_ignored(resource: &Resource) -> bool {
    resource.kind == "Event" && matches!(resource.group.as_str(), "" | "events.k8s.io")
}

/// Returns whether more or less is set aside for a claim that grows.
pub(crate) fn is_reallocated(before: &Value, after: &Value) -> bool {
    before["status"]["allocatedResources"] != after["status"]["allocatedResources"]
}

fn amounts(map: &Value) -> Amounts {
    let entries = map.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), Quantity::of(value)?)))
        .collect()
}

fn values(amounts: &Amounts) -> Value {
    let entries = amounts.iter();
    let entries = entries.map(|(name, amount)| (name.clone(), json!(amount.to_string())));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn printed(amounts: &Amounts, names: &[&String]) -> String {
    let print = |name: &&String| {
        let amount = amounts.get(*name).copied().unwrap_or_default();
        format!("{name}={amount}")
    };
    names.iter().map(print).collect::<Vec<_>>().join(",")
}
