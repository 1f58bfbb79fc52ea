//! Lists: selected, in pages.

use std::ops::Bound;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde_json::{Value, json};

use crate::request::{Query, Target};
use crate::selector::{FieldSelector, LabelSelector};
use crate::status::Status;

use super::table::Printer;
use super::{Answer, Ask, Server, json};

/// Which objects of a kind are asked for.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    namespace: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    pub(super) fn of(query: &Query, target: &Target) -> Result<Selection, Status> {
        Ok(Selection {
            namespace: target.namespace.clone(),
            labels: LabelSelector::parse(query.get("labelSelector").unwrap_or_default())?,
            fields: FieldSelector::parse(
                query.get("fieldSelector").unwrap_or_default(),
                &target.resource,
            )?,
        })
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        let here = self
            .namespace
            .as_ref()
            .is_none_or(|namespace| object["metadata"]["namespace"] == **namespace);
        here && self.labels.matches(object) && self.fields.matches(object)
    }

    fn is_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Returns the name that is asked for, where it is exactly one: rules may allow only that.
    pub(super) fn name(&self) -> Option<&str> {
        self.fields.name()
    }
}

pub(super) fn answer(server: &Server, ask: &Ask, target: &Target) -> Result<Answer, Status> {
    ask.must("list", target)?;
    let selection = Selection::of(&ask.query, target)?;
    let limit = ask.query.number("limit")?.unwrap_or(0);
    check_version(&ask.query)?;
    let (revision, objects) = {
        let inner = server.store.lock();
        let start = start(&ask.query)?;
        let revision = start
            .as_ref()
            .map_or(inner.revision, |start| start.revision);
        if revision < inner.forgotten {
            return Err(Status::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new list \
                 without the continue parameter.",
            ));
        }
        // All pages are of one moment.
        let then = (revision < inner.revision).then(|| inner.table_at(&target.resource, revision));
        let table = then.as_ref().or_else(|| inner.table(&target.resource));
        let from = start
            .as_ref()
            .map_or(Bound::Unbounded, |start| Bound::Excluded(&start.after));
        let objects: Vec<Arc<Value>> = table
            .into_iter()
            .flat_map(|table| table.range::<(String, String), _>((from, Bound::Unbounded)))
            .map(|(_, object)| object)
            .filter(|object| selection.matches(object))
            .cloned()
            .collect();
        (revision, objects)
    };
    let n_shown = if limit == 0 {
        objects.len()
    } else {
        objects
            .len()
            .min(usize::try_from(limit).unwrap_or(usize::MAX))
    };
    let (page, rest) = objects.split_at(n_shown);
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if let (Some(last), false) = (page.last(), rest.is_empty()) {
        metadata["continue"] = json!(token(revision, last));
        if selection.is_all() {
            metadata["remainingItemCount"] = json!(rest.len());
        }
    }
    let printer = Printer::of(&server.store, &target.resource);
    let objects = page.iter().map(|object| target.resource.in_version(object));
    let objects: Vec<_> = objects.collect();
    let objects = objects.iter().map(AsRef::as_ref);
    Ok(json(
        StatusCode::OK,
        &ask.shape().list(
            &target.resource,
            &printer,
            metadata,
            objects,
            server.store.now(),
        ),
    ))
}

/// A list is as of now, which is no older than any version; only what is none is refused.
fn check_version(query: &Query) -> Result<(), Status> {
    let version = query.get("resourceVersion").unwrap_or_default();
    if version.is_empty() || version.parse::<u64>().is_ok() {
        return Ok(());
    }
    Err(Status::bad_request(format!(
        "invalid resource version: resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \"{version}\": \
         invalid syntax"
    )))
}

/// Where a page begins.
struct Start {
    revision: u64,
    after: (String, String),
}

fn token(revision: u64, last: &Value) -> String {
    let metadata = &last["metadata"];
    let text = json!([
        revision,
        metadata["namespace"].as_str().unwrap_or_default(),
        metadata["name"]
    ])
    .to_string();
    URL_SAFE_NO_PAD.encode(text)
}

fn start(query: &Query) -> Result<Option<Start>, Status> {
    let Some(token) = query.get("continue").filter(|token| !token.is_empty()) else {
        return Ok(None);
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let parsed: Option<(u64, String, String)> =
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (revision, namespace, name) =
        parsed.ok_or_else(|| Status::bad_request(format!("continue key is not valid: {token}")))?;
    Ok(Some(Start {
        revision,
        after: (namespace, name),
    }))
}
