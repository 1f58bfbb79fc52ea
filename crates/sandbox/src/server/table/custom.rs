//! Custom kinds as rows: the columns that their definition names.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{age, plain, since};
use crate::resources::Resource;
use crate::store::Store;

/// The columns of one custom kind.
#[derive(Debug, Clone)]
pub(super) struct Columns(Vec<Column>);

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: String,
    priority: i64,
    steps: Vec<Step>,
}

/// One step of a column's path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    /// The first item whose field has this value.
    Where(String, String),
}

impl Columns {
    pub(super) fn of(store: &Store, resource: &Resource) -> Columns {
        let name = format!("{}.{}", resource.plural, resource.group);
        let definition = store.get("CustomResourceDefinition", "", &name);
        let columns = definition.as_ref().and_then(|definition| {
            let versions = definition["spec"]["versions"].as_array()?;
            versions
                .iter()
                .find(|version| version["name"] == *resource.version)?["additionalPrinterColumns"]
                .as_array()
        });
        let columns = columns.into_iter().flatten().map(|column| Column {
            name: plain(&column["name"]),
            kind: plain(&column["type"]),
            priority: column["priority"].as_i64().unwrap_or(0),
            steps: steps(&plain(&column["jsonPath"])),
        });
        Columns(columns.collect())
    }

    pub(super) fn definitions(&self) -> Value {
        let entry = |name: &str, kind: &str, format: &str, priority: i64| json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority});
        let mut all = vec![entry("Name", "string", "name", 0)];
        all.extend(
            self.0
                .iter()
                .map(|column| entry(&column.name, &column.kind, "", column.priority)),
        );
        if self.0.is_empty() {
            all.push(entry("Age", "date", "", 0));
        }
        json!(all)
    }

    pub(super) fn cells(&self, object: &Value, now: Timestamp) -> Vec<Value> {
        let mut cells = vec![object["metadata"]["name"].clone()];
        for column in &self.0 {
            let value = column.steps.iter().try_fold(object, step);
            cells.push(match value {
                Some(value) if column.kind == "date" => json!(since(Some(value), now)),
                Some(value) => value.clone(),
                None => Value::Null,
            });
        }
        if self.0.is_empty() {
            cells.push(age(object, now));
        }
        cells
    }
}

fn step<'a>(value: &'a Value, step: &Step) -> Option<&'a Value> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Index(at) => value.get(at),
        Step::Where(key, wanted) => value.as_array()?.iter().find(|item| item[key] == **wanted),
    }
}

/// Reads `.spec.size` and `.status.conditions[?(@.type=="Ready")].status`; more of JSONPath is not understood.
fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[?(@.")
            && let Some((filter, after)) = after.split_once(")]")
        {
            if let Some((key, value)) = filter.split_once("==") {
                steps.push(Step::Where(
                    key.trim().to_owned(),
                    value.trim().trim_matches(['"', '\'']).to_owned(),
                ));
            }
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[')
            && let Some((index, after)) = after.split_once(']')
        {
            steps.extend(index.parse().ok().map(Step::Index));
            rest = after;
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            if end > 0 {
                steps.push(Step::Key(name[..end].to_owned()));
            }
            rest = if end == 0 && name.len() == rest.len() {
                ""
            } else {
                &name[end..]
            };
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_walked() {
        let object = json!({"spec": {"size": 3, "list": ["a", "b"]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        let check = |path: &str, expected: Value| {
            let got = steps(path)
                .iter()
                .try_fold(&object, step)
                .cloned()
                .unwrap_or_default();
            assert_eq!(got, expected, "{path}");
        };
        check(".spec.size", json!(3));
        check(".spec.list[1]", json!("b"));
        check(
            ".status.conditions[?(@.type==\"Ready\")].status",
            json!("True"),
        );
        check(".spec.none.below", Value::Null);
    }
}
