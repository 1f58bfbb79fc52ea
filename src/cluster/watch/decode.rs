//! What a line of a watch or a page of a list says, decoded straight into summaries.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::cluster::clock::ServerClock;
use crate::cluster::kinds::Resource;
use crate::cluster::project::table::{Columns, Table};
use crate::cluster::project::{Meta, PartObject, Project};
use crate::definition::id::Namespace;
use crate::definition::naming;
use crate::service::summary::{InstanceKey, ObjectRow, PodRow};
use crate::service::watch::ItemKey;

/// What a line of a watch says.
#[derive(Debug)]
pub(in crate::cluster) enum Line<T> {
    /// An object was created or changed. `item` is none if it is not one of an instance.
    Applied {
        key: ItemKey,
        item: Option<T>,
        version: Version,
    },
    /// Several rows of a Table.
    Rows(Vec<T>, String),
    /// Objects are gone, or do not match the selector any more.
    Removed(Vec<ItemKey>, String),
    /// Nothing changed up to here.
    Bookmark {
        resource_version: String,
        ends_initial: bool,
    },
    /// The server ends the watch, with a Status.
    Error { code: u16, status: Vec<u8> },
    /// A type of event that is not known.
    Other,
}

/// Which state of which object: enough to notice that a server answers with an older one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Version {
    pub uid: String,
    pub generation: i64,
    pub resource_version: String,
}

/// A page of a list.
#[derive(Debug)]
pub(in crate::cluster) struct Page<T> {
    pub items: Vec<T>,
    pub resource_version: String,
    pub next: Option<String>,
}

/// Bytes that are no Kubernetes answer. They are not quoted anywhere: they may hold secrets.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Undecodable;

/// Decodes one kind of objects.
pub(in crate::cluster) trait Decode: Send + 'static {
    /// The summary.
    type Item: Send + 'static;

    /// What is accepted of a watch.
    const ACCEPT_WATCH: &'static str;
    /// What is accepted of a list.
    const ACCEPT_LIST: &'static str;
    /// What else stands in the query, beginning with `&`, or nothing.
    const QUERY: &'static str = "";

    /// Decodes a line of a watch.
    fn line(&mut self, line: &[u8]) -> Result<Line<Self::Item>, Undecodable>;

    /// Decodes a page of a list.
    fn page(&mut self, body: &[u8]) -> Result<Page<Self::Item>, Undecodable>;
}

/// An event, in the order in which servers write it.
#[derive(Deserialize)]
struct Event<'a, T> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    object: T,
}

/// The Status of an `ERROR` event.
#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusCode {
    code: u16,
}

/// Reads a line that is an `ERROR` event; its object is a Status, whatever the watch is about.
fn error_line<T>(line: &[u8]) -> Option<Line<T>> {
    let event: Event<'_, serde_json::Value> = serde_json::from_slice(line).ok()?;
    if event.kind != "ERROR" {
        return None;
    }
    let status = event.object.to_string().into_bytes();
    let StatusCode { code } = serde_json::from_slice(&status).unwrap_or_default();
    Some(Line::Error { code, status })
}

fn version(meta: &Meta) -> Version {
    Version {
        uid: meta.uid.clone(),
        generation: meta.generation,
        resource_version: meta.resource_version.clone(),
    }
}

/// Decodes objects in full, as far as they are projected.
pub(in crate::cluster) struct Objects<P> {
    resource: &'static Resource,
    project: PhantomData<fn() -> P>,
}

/// Decodes objects by their metadata.
pub(in crate::cluster) struct Metadata<P> {
    resource: &'static Resource,
    project: PhantomData<fn() -> P>,
}

impl<P> Objects<P> {
    pub fn of(resource: &'static Resource) -> Self {
        Self {
            resource,
            project: PhantomData,
        }
    }
}

impl<P> Metadata<P> {
    pub fn of(resource: &'static Resource) -> Self {
        Self {
            resource,
            project: PhantomData,
        }
    }
}

/// A list, as far as it is decoded.
#[derive(Deserialize)]
struct List<P> {
    #[serde(default)]
    metadata: ListMeta,
    items: Option<Vec<P>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
    r#continue: Option<String>,
}

fn object_line<P: Project>(line: &[u8], resource: &Resource) -> Result<Line<P::Item>, Undecodable> {
    let Ok(event) = serde_json::from_slice::<Event<'_, P>>(line) else {
        return error_line(line).ok_or(Undecodable);
    };
    let meta = event.object.meta();
    Ok(match event.kind.as_ref() {
        "ADDED" | "MODIFIED" => match meta.key() {
            Some(key) => Line::Applied {
                key,
                version: version(meta),
                item: event.object.into_item(resource),
            },
            None => Line::Other,
        },
        "DELETED" => {
            let resource_version = meta.resource_version.clone();
            Line::Removed(meta.key().into_iter().collect(), resource_version)
        }
        "BOOKMARK" => Line::Bookmark {
            resource_version: meta.resource_version.clone(),
            ends_initial: meta.annotations.initial_events_end.as_deref() == Some("true"),
        },
        "ERROR" => return error_line(line).ok_or(Undecodable),
        _ => Line::Other,
    })
}

fn object_page<P: Project>(body: &[u8], resource: &Resource) -> Result<Page<P::Item>, Undecodable> {
    let list: List<P> = serde_json::from_slice(body).map_err(|_| Undecodable)?;
    let items = list.items.unwrap_or_default().into_iter();
    Ok(Page {
        items: items.filter_map(|item| item.into_item(resource)).collect(),
        resource_version: list.metadata.resource_version,
        next: list.metadata.r#continue.filter(|token| !token.is_empty()),
    })
}

impl<P: Project> Decode for Objects<P> {
    type Item = P::Item;
    const ACCEPT_WATCH: &'static str = "application/json";
    const ACCEPT_LIST: &'static str = "application/json";

    fn line(&mut self, line: &[u8]) -> Result<Line<P::Item>, Undecodable> {
        object_line::<P>(line, self.resource)
    }

    fn page(&mut self, body: &[u8]) -> Result<Page<P::Item>, Undecodable> {
        object_page::<P>(body, self.resource)
    }
}

impl<P: Project> Decode for Metadata<P> {
    type Item = P::Item;
    const ACCEPT_WATCH: &'static str =
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    const ACCEPT_LIST: &'static str =
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

    fn line(&mut self, line: &[u8]) -> Result<Line<P::Item>, Undecodable> {
        object_line::<P>(line, self.resource)
    }

    fn page(&mut self, body: &[u8]) -> Result<Page<P::Item>, Undecodable> {
        object_page::<P>(body, self.resource)
    }
}

/// Decodes objects of any kind that an instance is made of.
pub(in crate::cluster) struct Parts {
    resource: Resource,
    /// The instance, in the namespace that is looked at.
    instance: InstanceKey,
    /// The ID of the instance's set.
    set: String,
}

impl Parts {
    /// Decodes those of an instance that are in a namespace.
    pub fn of(resource: Resource, instance: &InstanceKey, namespace: &Namespace) -> Self {
        let set = naming::instance_applyset_id(&instance.id, &instance.namespace);
        Self {
            resource,
            instance: InstanceKey {
                namespace: namespace.clone(),
                id: instance.id.clone(),
            },
            set,
        }
    }

    /// Objects that are in no namespace are told apart by their names alone.
    fn key(&self, meta: &Meta) -> ItemKey {
        ItemKey {
            namespace: self.instance.namespace.clone(),
            name: meta.name.clone(),
        }
    }
}

impl Decode for Parts {
    type Item = ObjectRow;
    const ACCEPT_WATCH: &'static str = "application/json";
    const ACCEPT_LIST: &'static str = "application/json";

    fn line(&mut self, line: &[u8]) -> Result<Line<ObjectRow>, Undecodable> {
        let Ok(event) = serde_json::from_slice::<Event<'_, PartObject>>(line) else {
            return error_line(line).ok_or(Undecodable);
        };
        let meta = &event.object.metadata;
        Ok(match event.kind.as_ref() {
            "ADDED" | "MODIFIED" => Line::Applied {
                key: self.key(meta),
                version: version(meta),
                item: event
                    .object
                    .into_row(&self.resource, &self.instance, &self.set),
            },
            "DELETED" => {
                let resource_version = meta.resource_version.clone();
                Line::Removed(vec![self.key(meta)], resource_version)
            }
            "BOOKMARK" => Line::Bookmark {
                resource_version: meta.resource_version.clone(),
                ends_initial: meta.annotations.initial_events_end.as_deref() == Some("true"),
            },
            "ERROR" => return error_line(line).ok_or(Undecodable),
            _ => Line::Other,
        })
    }

    fn page(&mut self, body: &[u8]) -> Result<Page<ObjectRow>, Undecodable> {
        let list: List<PartObject> = serde_json::from_slice(body).map_err(|_| Undecodable)?;
        let items = list.items.unwrap_or_default().into_iter();
        let row = |item: PartObject| item.into_row(&self.resource, &self.instance, &self.set);
        Ok(Page {
            items: items.filter_map(row).collect(),
            resource_version: list.metadata.resource_version,
            next: list.metadata.r#continue.filter(|token| !token.is_empty()),
        })
    }
}

/// Decodes printed pods of one namespace, which rows do not name.
pub(in crate::cluster) struct PrintedPods {
    namespace: Namespace,
    /// Rows tell ages, by the server's clock.
    clock: Arc<ServerClock>,
    columns: Columns,
}

impl PrintedPods {
    pub fn new(namespace: Namespace, clock: Arc<ServerClock>) -> Self {
        Self {
            namespace,
            clock,
            columns: Columns::default(),
        }
    }
}

impl Decode for PrintedPods {
    type Item = PodRow;
    const ACCEPT_WATCH: &'static str = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const ACCEPT_LIST: &'static str = "application/json;as=Table;g=meta.k8s.io;v=v1";
    const QUERY: &'static str = "&includeObject=None";

    fn line(&mut self, line: &[u8]) -> Result<Line<PodRow>, Undecodable> {
        let Ok(event) = serde_json::from_slice::<Event<'_, Table<'_>>>(line) else {
            return error_line(line).ok_or(Undecodable);
        };
        let table = &event.object;
        self.columns.learn(table);
        let resource_version = table.metadata.resource_version.clone();
        Ok(match event.kind.as_ref() {
            "ADDED" | "MODIFIED" => {
                let now = self.clock.at(Timestamp::now());
                let rows = table.rows.iter();
                let rows = rows.map(|row| self.columns.pod_row(row, now)).collect();
                Line::Rows(rows, resource_version)
            }
            "DELETED" => {
                let keys = table.rows.iter().map(|row| ItemKey {
                    namespace: self.namespace.clone(),
                    name: self.columns.name(row),
                });
                Line::Removed(keys.collect(), resource_version)
            }
            "BOOKMARK" => {
                let ends_initial = |meta: &Meta| meta.annotations.initial_events_end.is_some();
                Line::Bookmark {
                    resource_version,
                    ends_initial: table
                        .rows
                        .iter()
                        .any(|row| ends_initial(&row.object.metadata)),
                }
            }
            "ERROR" => return error_line(line).ok_or(Undecodable),
            _ => Line::Other,
        })
    }

    fn page(&mut self, body: &[u8]) -> Result<Page<PodRow>, Undecodable> {
        let table: Table<'_> = serde_json::from_slice(body).map_err(|_| Undecodable)?;
        self.columns.learn(&table);
        let now = self.clock.at(Timestamp::now());
        let rows = table.rows.iter();
        Ok(Page {
            items: rows.map(|row| self.columns.pod_row(row, now)).collect(),
            resource_version: table.metadata.resource_version,
            next: table.metadata.r#continue.filter(|token| !token.is_empty()),
        })
    }
}
