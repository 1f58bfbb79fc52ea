//! Printed pods (`meta/v1` Table with `includeObject=None`) as [`PodRow`]s.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use super::or_default;
use crate::service::summary::PodRow;
use crate::text;

/// A Table, or one event's part of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct Table<'a> {
    pub metadata: TableMeta,
    #[serde(deserialize_with = "or_default")]
    column_definitions: Vec<Column>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub rows: Vec<Row<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::cluster) struct TableMeta {
    pub resource_version: String,
    pub r#continue: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Column {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::cluster) struct Row<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    cells: Vec<Cell<'a>>,
    /// Only bookmarks have one.
    #[serde(deserialize_with = "or_default")]
    pub object: super::MetaObject,
}

/// A cell; what is neither text nor number is not looked at.
#[derive(Debug)]
enum Cell<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Cell<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;

        impl<'de> Visitor<'de> for CellVisitor {
            type Value = Cell<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cell")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cell::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Cell::Number(n))
            }

            fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
                Ok(Cell::Number(i64::try_from(n).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Cell::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Cell::Other)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Cell::Other)
            }
        }

        deserializer.deserialize_any(CellVisitor)
    }
}

/// Where the columns stand. Only the first event of a watch says so.
#[derive(Debug, Clone)]
pub(in crate::cluster) struct Columns {
    name: usize,
    ready: usize,
    status: usize,
    restarts: usize,
    age: usize,
    node: Option<usize>,
}

/// The order of every server so far, for watches that begin where another ended.
impl Default for Columns {
    fn default() -> Self {
        Self {
            name: 0,
            ready: 1,
            status: 2,
            restarts: 3,
            age: 4,
            node: Some(6),
        }
    }
}

impl Columns {
    /// Reads the columns if the table names them; what a table does not name stays where it was.
    pub fn learn(&mut self, table: &Table<'_>) {
        let find = |name: &str| {
            let mut columns = table.column_definitions.iter();
            columns.position(|column| column.name.eq_ignore_ascii_case(name))
        };
        if table.column_definitions.is_empty() {
            return;
        }
        self.name = find("Name").unwrap_or(self.name);
        self.ready = find("Ready").unwrap_or(self.ready);
        self.status = find("Status").unwrap_or(self.status);
        self.restarts = find("Restarts").unwrap_or(self.restarts);
        self.age = find("Age").unwrap_or(self.age);
        self.node = find("Node");
    }

    /// Returns the name in a row.
    pub fn name(&self, row: &Row<'_>) -> String {
        text::clean(text_at(row, self.name)).into_owned()
    }

    /// Returns a row as a summary, its age counted back from `now`.
    pub fn pod_row(&self, row: &Row<'_>, now: Timestamp) -> PodRow {
        let (ready, containers) = fraction(text_at(row, self.ready));
        let age = age(text_at(row, self.age)).unwrap_or_default();
        let restarts = match row.cells.get(self.restarts) {
            Some(Cell::Number(n)) => super::count(*n),
            _ => leading_number(text_at(row, self.restarts)),
        };
        // Without that column nobody can tell, and nothing is held against the pod.
        let node = self.node.map_or("?", |node| text_at(row, node));
        PodRow {
            name: self.name(row),
            ready,
            containers,
            status: text::clean(text_at(row, self.status)).into_owned(),
            restarts,
            created: now.checked_sub(age).unwrap_or(now),
            is_scheduled: !matches!(node, "" | "<none>"),
        }
    }
}

fn text_at<'a>(row: &'a Row<'_>, idx: usize) -> &'a str {
    match row.cells.get(idx) {
        Some(Cell::Text(text)) => text,
        _ => "",
    }
}

fn fraction(text: &str) -> (u32, u32) {
    let (ready, all) = text.split_once('/').unwrap_or(("", ""));
    (ready.parse().unwrap_or(0), all.parse().unwrap_or(0))
}

/// Restarts are printed as `3` or `3 (5m ago)`.
fn leading_number(text: &str) -> u32 {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

/// Reads an age as the server prints it: `47s`, `5m30s`, `3h`, `2d5h`, `1y30d`.
fn age(text: &str) -> Option<Duration> {
    let mut seconds = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let n: u64 = rest[..end].parse().ok()?;
        let unit = match rest[end..].chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'y' => 365 * 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(n.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_as_printed() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(age(text).map(|age| age.as_secs()), seconds, "{text}");
        };
        check("47s", Some(47));
        check("5m30s", Some(330));
        check("2d5h", Some(2 * 86_400 + 5 * 3600));
        check("1y30d", Some(395 * 86_400));
        check("<unknown>", None);
        check("99999999999999999999y", None);
        check("é", None);
        check("1é", None);
    }

    fn row(line: &str) -> PodRow {
        let table: Table<'_> = serde_json::from_str(line).unwrap();
        let mut columns = Columns::default();
        columns.learn(&table);
        columns.pod_row(&table.rows[0], "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn row_is_read_by_the_names_of_its_columns() {
        let line = r#"{"columnDefinitions":[{"name":"Node"},{"name":"Name"},{"name":"Restarts"},{"name":"Ready"},
            {"name":"Status"},{"name":"Age"}],
            "rows":[{"cells":["\u003cnone\u003e","web-0","3 (5m ago)","1/2","Pend\u001b[2Jing","1h"],"object":null}]}"#;
        let expected = PodRow {
            name: "web-0".to_owned(),
            ready: 1,
            containers: 2,
            status: "Pend␛ing".to_owned(),
            restarts: 3,
            created: "2025-12-31T23:00:00Z".parse().unwrap(),
            is_scheduled: false,
        };
        assert_eq!(row(line), expected);
    }

    #[test]
    fn row_without_columns_is_read_in_the_usual_order() {
        let line = r#"{"columnDefinitions":null,
            "rows":[{"cells":["web-0","1/1","Running",7,"10s","10.0.0.1","node-1",null,true,1.5],"object":null}]}"#;
        let expected = PodRow {
            name: "web-0".to_owned(),
            ready: 1,
            containers: 1,
            status: "Running".to_owned(),
            restarts: 7,
            created: "2025-12-31T23:59:50Z".parse().unwrap(),
            is_scheduled: true,
        };
        assert_eq!(row(line), expected);
    }
}
