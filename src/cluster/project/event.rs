//! Events as [`Event`]s.

use jiff::Timestamp;
use serde::Deserialize;

use super::{Meta, Project, clean, count, or_default};
use crate::cluster::kinds::Resource;
use crate::service::summary::Event;

/// An event of the core group, which both the old and the new reporters write.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct EventObject {
    metadata: Meta,
    involved_object: Involved,
    r#type: String,
    reason: String,
    message: String,
    count: i64,
    last_timestamp: Option<Timestamp>,
    event_time: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    series: Series,
    #[serde(deserialize_with = "or_default")]
    source: Source,
    reporting_component: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Involved {
    kind: String,
    name: String,
    uid: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Series {
    count: i64,
    last_observed_time: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    component: String,
}

impl Project for EventObject {
    type Item = Event;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn into_item(self, _: &Resource) -> Option<Event> {
        let last_seen = self
            .series
            .last_observed_time
            .or(self.last_timestamp)
            .or(self.event_time);
        let created = self.metadata.created();
        let source = if self.source.component.is_empty() {
            self.reporting_component
        } else {
            self.source.component
        };
        Some(Event {
            namespace: self.metadata.namespace.parse().ok()?,
            name: self.metadata.name,
            object_kind: clean(self.involved_object.kind),
            object_name: clean(self.involved_object.name),
            object_uid: clean(self.involved_object.uid),
            is_warning: self.r#type == "Warning",
            reason: clean(self.reason),
            message: clean(self.message),
            count: count(self.count.max(self.series.count).max(1)),
            last_seen: last_seen.unwrap_or(created),
            source: clean(source),
        })
    }
}
