//! Live objects read straight into small summaries: only the fields that are shown are ever decoded or kept.
//!
//! Servers write null where Go has an empty list, so every list is read through [`or_default`]. Texts are sanitised here.

mod batch;
mod claim;
mod event;
mod meta;
mod mounts;
mod object;
mod part;
mod pod;
mod pod_status;
mod quantity;
mod record;
mod retained;
mod route;
pub(super) mod table;
mod workload;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::kinds::Resource;
use crate::text;

pub(super) use batch::BatchObject;
pub(super) use claim::ClaimObject;
pub(super) use event::EventObject;
pub(super) use meta::Meta;
pub(super) use mounts::MountsObject;
pub(super) use object::{AtHome, Both, ConfigMapObject, MetaObject, WithRow};
pub(super) use part::PartObject;
pub(super) use pod::PodObject;
pub(super) use quantity::Quantity;
pub(super) use record::{MAX_ELSEWHERE, RecordObject};
pub(super) use retained::RetainedObject;
pub(super) use route::{IngressObject, ServiceObject};
pub(super) use workload::WorkloadObject;

/// An object as far as it is decoded, which becomes a summary.
pub(super) trait Project: DeserializeOwned + Send + 'static {
    /// The summary.
    type Item: Send + 'static;

    /// Returns the object's metadata.
    fn meta(&self) -> &Meta;

    /// Returns the summary; none if the object is not one of an instance.
    fn into_item(self, resource: &Resource) -> Option<Self::Item>;
}

/// Reads null as the default.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a text without what could harm a terminal. Legal names are not changed by it.
fn cleaned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(clean)
}

/// Returns the text without what could harm a terminal, on one line; a harmless one is not copied.
pub(super) fn clean(text: String) -> String {
    match text::clean(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(clean) => clean,
    }
}

fn clean_some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(clean)
}

/// Numbers of pods and restarts are never negative in earnest.
fn count(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
