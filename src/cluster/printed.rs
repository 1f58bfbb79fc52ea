//! Objects as the server prints them: the columns of `kubectl get`, those of custom kinds included. One request a kind.

use serde::Deserialize;
use serde_json::Value;

use super::request::{form_urlencoded, parse};
use super::{Cluster, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::Failure;
use crate::text;

const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1,application/json";

/// Objects of a kind as rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The kind.
    pub kind: GroupKind,
    /// The columns.
    pub columns: Vec<PrintedColumn>,
    /// The objects.
    pub rows: Vec<PrintedRow>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedColumn {
    /// Its heading, in capitals.
    pub name: String,
    /// Whether it is shown only where there is much room.
    pub is_wide: bool,
}

/// An object as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedRow {
    /// Its namespace; none where it is in none.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The cells, one a column, free of control characters.
    pub cells: Vec<String>,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Table {
    column_definitions: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Column {
    name: String,
    priority: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Row {
    cells: Vec<Value>,
    object: Value,
}

impl Cluster {
    /// Lists the objects of a kind that a label selector finds, as the server prints them. A server that prints nothing of a
    /// kind gives their names.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn printed(
        &self,
        kind: &GroupKind,
        namespace: Option<&Namespace>,
        selector: &Selector,
    ) -> Result<Printed, Failure> {
        let resource = self.resource(kind).await?;
        let doing = format!("list {}", resource.plural);
        let path = resource.path(namespace.map(Namespace::as_str));
        let query = form_urlencoded(&[("labelSelector", selector.as_str())]);
        let mut columns: Vec<PrintedColumn> = Vec::new();
        let rows = self
            .read_pages(&doing, &path, &query, TABLE, |body| {
                let page = parse(&doing, body)?;
                let next = page["metadata"]["continue"].as_str().map(str::to_owned);
                let (named, rows) = match page["kind"].as_str() {
                    Some("Table") => of_table(page),
                    _ => of_list(&page),
                };
                // Only the first page says so.
                if columns.is_empty() {
                    columns = named;
                }
                Ok((rows, next))
            })
            .await?;
        Ok(Printed {
            kind: kind.clone(),
            columns,
            rows,
        })
    }
}

fn of_table(page: Value) -> (Vec<PrintedColumn>, Vec<PrintedRow>) {
    let table: Table = serde_json::from_value(page).unwrap_or_default();
    let columns = table.column_definitions.iter().map(|column| PrintedColumn {
        name: text::clean(&column.name).to_uppercase(),
        is_wide: column.priority > 0,
    });
    let rows = table.rows.into_iter().map(|row| PrintedRow {
        namespace: row.object["metadata"]["namespace"]
            .as_str()
            .map(str::to_owned),
        name: row.object["metadata"]["name"]
            .as_str()
            .or_else(|| row.cells.first()?.as_str())
            .unwrap_or_default()
            .to_owned(),
        cells: row.cells.iter().map(cell).collect(),
    });
    (columns.collect(), rows.collect())
}

/// An aggregated API may know no tables.
fn of_list(page: &Value) -> (Vec<PrintedColumn>, Vec<PrintedRow>) {
    let columns = vec![PrintedColumn {
        name: "NAME".to_owned(),
        is_wide: false,
    }];
    let items = page["items"].as_array().into_iter().flatten();
    let rows = items.filter_map(|item| {
        let name = item["metadata"]["name"].as_str()?;
        Some(PrintedRow {
            namespace: item["metadata"]["namespace"].as_str().map(str::to_owned),
            name: name.to_owned(),
            cells: vec![text::clean(name).into_owned()],
        })
    });
    (columns, rows.collect())
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(value) => text::clean(value).into_owned(),
        other => text::clean(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_shown_as_text_and_cleaned() {
        let page = json!({"kind": "Table", "columnDefinitions": [{"name": "Name", "priority": 0}, {"name": "Keep", "priority": 1}],
            "rows": [{"cells": ["a\u{1b}[2J", 3], "object": {"metadata": {"name": "a", "namespace": "team"}}},
                     {"cells": ["b", null]}]});
        let (columns, rows) = of_table(page);
        let named: Vec<_> = columns
            .iter()
            .map(|c| (c.name.as_str(), c.is_wide))
            .collect();
        assert_eq!(named, [("NAME", false), ("KEEP", true)]);
        assert_eq!(rows[0].cells, ["a␛", "3"]);
        assert_eq!(
            (rows[0].namespace.as_deref(), rows[1].name.as_str()),
            (Some("team"), "b")
        );
        assert_eq!(rows[1].cells, ["b", ""]);
    }

    #[test]
    fn what_is_no_table_gives_names() {
        let page = json!({"kind": "GizmoList", "items": [{"metadata": {"name": "a"}}, {}]});
        let (columns, rows) = of_list(&page);
        assert_eq!(
            (columns.len(), rows.len(), rows[0].name.as_str()),
            (1, 1, "a")
        );
    }
}
