//! The objects of an instance as the server prints them, of whatever kind: the columns of `kubectl get`, one request for each
//! kind and namespace. Those in other namespaces, and in none, are found by the label of their set alone.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use super::sets::{ApplySet, set_of_instance};
use crate::cluster::{Cluster, Printed, Selector};
use crate::definition::id::Namespace;
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};
use crate::service::printed::PrintedObject;
use crate::service::summary::InstanceKey;

/// Tables that are asked for at once.
const AT_ONCE: usize = 4;

/// What was printed, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrintedObjects {
    /// A table for each kind and namespace in which there is something.
    pub tables: Vec<Printed>,
    /// Why some are missing.
    pub failures: Vec<Failure>,
}

impl PrintedObjects {
    /// Returns each object by itself.
    pub fn objects(&self) -> Vec<PrintedObject> {
        self.tables.iter().flat_map(objects_of).collect()
    }
}

fn objects_of(table: &Printed) -> Vec<PrintedObject> {
    let is_telling = |name: &str| !matches!(name, "NAME" | "AGE");
    let columns: Vec<_> = table.columns.iter().enumerate().collect();
    let told = columns
        .into_iter()
        .filter(|(_, column)| !column.is_wide && is_telling(&column.name));
    let told: Vec<_> = told.collect();
    let object = |row: &crate::cluster::PrintedRow| PrintedObject {
        kind: table.kind.clone(),
        namespace: row.namespace.clone(),
        name: row.name.clone(),
        facts: told
            .iter()
            .filter_map(|(idx, column)| {
                let cell = row.cells.get(*idx)?;
                let is_empty = cell.is_empty() || cell == "<none>";
                (!is_empty).then(|| (column.name.clone(), cell.clone()))
            })
            .collect(),
    };
    table.rows.iter().map(object).collect()
}

/// A list to be asked for.
struct Wanted {
    kind: GroupKind,
    namespace: Option<Namespace>,
    selector: Selector,
}

/// Asks for the objects of an instance: those of the kinds that are seen, and of those that its record names.
pub async fn printed_objects(
    cluster: &Cluster,
    instance: &InstanceKey,
    seen: BTreeSet<GroupKind>,
) -> PrintedObjects {
    let mut printed = PrintedObjects::default();
    let set = match set_of_instance(cluster, instance).await {
        Ok(set) => set,
        Err(failure) => {
            printed.failures.push(failure);
            None
        }
    };
    let wanted = wanted(cluster, instance, (seen, set), &mut printed.failures).await;
    let tables = stream::iter(wanted).map(|it| async move {
        let namespace = it.namespace.as_ref();
        cluster.printed(&it.kind, namespace, &it.selector).await
    });
    for table in tables.buffered(AT_ONCE).collect::<Vec<_>>().await {
        match table {
            Ok(table) if table.rows.is_empty() => {}
            Ok(table) => printed.tables.push(table),
            // Of a kind that is not served nothing is there.
            Err(failure) if failure.kind == FailureKind::NotFound => {}
            Err(failure) => printed.failures.push(failure),
        }
    }
    printed
}

async fn wanted(
    cluster: &Cluster,
    instance: &InstanceKey,
    (seen, set): (BTreeSet<GroupKind>, Option<ApplySet>),
    failures: &mut Vec<Failure>,
) -> Vec<Wanted> {
    let of_set = set.as_ref().map(|set| set.kinds.clone());
    let of_set = of_set.unwrap_or_default();
    let mut wanted = Vec::new();
    for kind in seen.union(&of_set) {
        let is_namespaced = match cluster.resource(kind).await {
            Ok(resource) => resource.is_namespaced,
            Err(failure) => {
                if failure.kind != FailureKind::NotFound {
                    failures.push(failure);
                }
                continue;
            }
        };
        if is_namespaced {
            wanted.push(Wanted {
                kind: kind.clone(),
                namespace: Some(instance.namespace.clone()),
                selector: Selector::instance(&instance.id),
            });
        }
        let Some(set) = set.as_ref().filter(|_| of_set.contains(kind)) else {
            continue;
        };
        let elsewhere = |namespace: Option<&Namespace>| Wanted {
            kind: kind.clone(),
            namespace: namespace.cloned(),
            selector: Selector::of_set(&set.id),
        };
        match is_namespaced {
            true => wanted.extend(set.more_namespaces.iter().map(|it| elsewhere(Some(it)))),
            false => wanted.push(elsewhere(None)),
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{PrintedColumn, PrintedRow};

    #[test]
    fn facts_are_what_the_list_does_not_show_anyway() {
        let column = |name: &str, is_wide| PrintedColumn {
            name: name.to_owned(),
            is_wide,
        };
        let table = Printed {
            kind: GroupKind::new("example.com", "Gizmo"),
            columns: vec![
                column("NAME", false),
                column("SPEED", false),
                column("OWNER", false),
                column("AGE", false),
                column("SECRETS", true),
            ],
            rows: vec![PrintedRow {
                namespace: Some("team-b".to_owned()),
                name: "g1".to_owned(),
                cells: ["g1", "fast", "<none>", "4d", "x"]
                    .map(str::to_owned)
                    .into(),
            }],
        };
        let expected = PrintedObject {
            kind: GroupKind::new("example.com", "Gizmo"),
            namespace: Some("team-b".to_owned()),
            name: "g1".to_owned(),
            facts: vec![("SPEED".to_owned(), "fast".to_owned())],
        };
        assert_eq!(objects_of(&table), [expected]);
    }
}
