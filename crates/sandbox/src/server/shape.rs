//! The forms in which objects are answered: whole, their metadata only, or printed as a table.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::request::Query;
use crate::resources::Resource;

use super::table;

/// The form that a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The objects as they are.
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// A `Table`, and how much of the object stands in each row.
    Table(Included),
}

/// How much of an object a table's row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Included {
    /// Nothing.
    None,
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
}

impl Shape {
    /// Returns the first form in `accept` that there is.
    pub(super) fn negotiate(accept: &str, query: &Query) -> Shape {
        for part in accept.split(',') {
            let mut words = part.split(';').map(str::trim);
            if !matches!(
                words.next(),
                Some("application/json" | "*/*" | "application/*" | "")
            ) {
                continue;
            }
            match words.find_map(|word| word.strip_prefix("as=")) {
                None => return Shape::Whole,
                Some("Table") => return Shape::Table(included(query)),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Shape::Metadata;
                }
                Some(_) => {}
            }
        }
        Shape::Whole
    }

    /// Returns one object in this form.
    pub(super) fn object(self, printer: &table::Printer, object: &Value, now: Timestamp) -> Value {
        match self {
            Shape::Whole => object.clone(),
            Shape::Metadata => metadata_of(object),
            Shape::Table(included) => {
                let version = object["metadata"]["resourceVersion"].clone();
                let rows = vec![row(printer, object, included, now)];
                table_of(json!({"resourceVersion": version}), printer.columns(), rows)
            }
        }
    }

    /// Returns a list in this form; `metadata` is the list's own.
    pub(super) fn list<'a>(
        self,
        resource: &Resource,
        printer: &table::Printer,
        metadata: Value,
        objects: impl Iterator<Item = &'a Value>,
        now: Timestamp,
    ) -> Value {
        match self {
            Shape::Whole => {
                let items: Vec<Value> = objects.map(|object| item(resource, object)).collect();
                json!({"kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(),
                    "metadata": metadata, "items": items})
            }
            Shape::Metadata => {
                let items: Vec<Value> = objects.map(metadata_of).collect();
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "items": items})
            }
            Shape::Table(included) => {
                let rows = objects
                    .map(|object| row(printer, object, included, now))
                    .collect();
                table_of(metadata, printer.columns(), rows)
            }
        }
    }

    /// Returns the object of a watch event in this form; a table names its columns in the first event only.
    pub(super) fn event(
        self,
        printer: &table::Printer,
        object: &Value,
        is_first: bool,
        now: Timestamp,
    ) -> Value {
        let mut shaped = self.object(printer, object, now);
        if matches!(self, Shape::Table(_)) && !is_first {
            shaped["columnDefinitions"] = Value::Null;
        }
        shaped
    }

    /// Returns a bookmark in this form.
    pub(super) fn bookmark(
        self,
        printer: &table::Printer,
        bookmark: Value,
        is_first: bool,
    ) -> Value {
        match self {
            Shape::Whole => bookmark,
            Shape::Metadata => metadata_of(&bookmark),
            Shape::Table(_) => {
                let metadata = json!({"resourceVersion": bookmark["metadata"]["resourceVersion"]});
                let n_columns = printer.columns().as_array().map_or(0, Vec::len);
                let row = json!({"cells": vec![""; n_columns], "object": metadata_of(&bookmark)});
                let columns = if is_first {
                    printer.columns()
                } else {
                    Value::Null
                };
                table_of(metadata, columns, vec![row])
            }
        }
    }
}

fn included(query: &Query) -> Included {
    match query.get("includeObject") {
        Some("None") => Included::None,
        Some("Object") => Included::Object,
        _ => Included::Metadata,
    }
}

/// The items of a built-in kind's list do not repeat their kind.
fn item(resource: &Resource, object: &Value) -> Value {
    let mut map: Map<String, Value> = object.as_object().cloned().unwrap_or_default();
    if !resource.custom {
        map.remove("kind");
        map.remove("apiVersion");
    }
    Value::Object(map)
}

fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

fn table_of(metadata: Value, columns: Value, rows: Vec<Value>) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "columnDefinitions": columns, "rows": rows})
}

fn row(printer: &table::Printer, object: &Value, included: Included, now: Timestamp) -> Value {
    let object_of = match included {
        Included::None => Value::Null,
        Included::Metadata => metadata_of(object),
        Included::Object => object.clone(),
    };
    json!({"cells": printer.cells(object, now), "object": object_of})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_there_is_counts() {
        let check = |accept: &str, expected: Shape| {
            assert_eq!(
                Shape::negotiate(accept, &Query::default()),
                expected,
                "{accept}"
            );
        };
        check("", Shape::Whole);
        check("application/json, */*", Shape::Whole);
        check(
            "application/vnd.kubernetes.protobuf,application/json",
            Shape::Whole,
        );
        check(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Shape::Table(Included::Metadata),
        );
        check(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Shape::Metadata,
        );
        check(
            "application/json;g=x;v=v9;as=Other,application/json",
            Shape::Whole,
        );
    }
}
