//! The services list: every instance of the scope, and every definition that is not deployed.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::catalogue::CatalogueEntry;
use crate::app::filter;
use crate::app::input::Input;
use crate::app::msg::OpId;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;
use crate::service::drift::Drift;
use crate::service::fleet::Fleet;
use crate::service::health::State;
use crate::service::instance::Instance;
use crate::service::summary::InstanceKey;
use crate::service::watch::{Scope, Topic};

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// An instance that runs.
    Instance(InstanceKey),
    /// A definition that is not deployed.
    Saved(InstanceId),
    /// Claims that a teardown kept, of an instance whose definition is not in this catalogue.
    Kept(InstanceKey),
}

impl RowKey {
    /// Returns the ID, or the definition's name.
    pub fn id(&self) -> &InstanceId {
        match self {
            Self::Instance(key) | Self::Kept(key) => &key.id,
            Self::Saved(name) => name,
        }
    }

    /// Returns the instance that it stands for, wherever that is; none of a definition alone.
    pub fn instance(&self) -> Option<&InstanceKey> {
        match self {
            Self::Instance(key) | Self::Kept(key) => Some(key),
            Self::Saved(_) => None,
        }
    }

    /// Tells whether both can stand for the same service: a definition for an instance of its name anywhere, but never an
    /// instance for one of another namespace.
    fn may_be(&self, other: &Self) -> bool {
        let place = |key: &'_ Self| key.instance().map(|it| it.namespace.clone());
        let (here, there) = (place(self), place(other));
        self.id() == other.id() && (here.is_none() || there.is_none() || here == there)
    }
}

/// The labels that a filter wants.
#[derive(Debug, Clone, Default)]
struct LabelFilter {
    /// In kubectl's words.
    wanted: String,
    /// What was asked for last: earlier answers are stale.
    asked: OpId,
    /// Who has them.
    labelled: Labelled,
}

/// What is known of who has the labels that a filter wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Labelled {
    /// They are being typed, and hide nothing yet.
    #[default]
    Typed,
    /// It is asked for.
    Asked,
    /// It is known.
    Known(BTreeSet<InstanceKey>),
    /// It cannot be told, and why: nobody is taken for one who has them.
    Unanswered(String),
}

/// The columns.
pub const COLUMNS: &[Column] = &[
    Column::text("ID", 0, 40),
    Column::text("STATE", 0, 14),
    Column::number("READY", 0),
    Column::number("RESTARTS", 2),
    Column::text("VOLUMES", 3, 16),
    Column::text("IMAGE", 4, 44),
    Column::text("REV", 5, 6),
    Column::text("DRIFT", 1, 14),
    Column::text("EXPIRES", 6, 8),
    Column::text("AGE", 0, 8),
    Column::text("NAMESPACE", 0, 30).optional(),
];

/// Which of them tells the namespace.
const NAMESPACE: usize = 10;

/// The services list.
#[derive(Debug, Clone)]
pub struct ServicesPane {
    /// Its rows.
    pub table: Table<RowKey>,
    /// The filter while it is typed.
    pub filter: Option<Input>,
    /// The filter that holds.
    pub filter_text: String,
    /// The labels that the filter wants, and who has them.
    labels: Option<LabelFilter>,
    /// How many rows there are without any filter.
    pub n_all: usize,
    /// What was selected before a filter was typed.
    pub(in crate::app) selected_before: Option<RowKey>,
    /// What was begun just now: it is selected as soon as it has a row.
    pub(in crate::app) sought: Option<InstanceId>,
}

impl Default for ServicesPane {
    fn default() -> Self {
        Self {
            table: Table::new(COLUMNS, Sort::default()),
            filter: None,
            filter_text: String::new(),
            labels: None,
            n_all: 0,
            selected_before: None,
            sought: None,
        }
    }
}

impl ServicesPane {
    pub(in crate::app) fn rebuild(
        &mut self,
        fleet: &Fleet,
        catalogue: &[CatalogueEntry],
        scope: Option<&Scope>,
    ) {
        let elsewhere: BTreeMap<&InstanceId, &Namespace> = catalogue
            .iter()
            .filter_map(|entry| Some((&entry.name, entry.named_elsewhere(scope)?)))
            .collect();
        let is_out_of_sight = fleet.saved().any(|name| elsewhere.contains_key(name));
        let shows_namespace = matches!(scope, Some(Scope::All)) || is_out_of_sight;
        let mut rows: Vec<_> = fleet
            .instances()
            .map(|instance| row_of_instance(instance, shows_namespace))
            .collect();
        let mut kept: BTreeMap<&InstanceKey, u64> = BTreeMap::new();
        for claim in fleet.kept_claims() {
            *kept.entry(&claim.instance).or_default() += 1;
        }
        let n_kept = |id: &InstanceId| {
            let of_id = kept.iter().filter(|(key, _)| key.id == *id);
            of_id.map(|(_, n)| *n).reduce(|sum, n| sum + n)
        };
        let entries: BTreeMap<&InstanceId, &CatalogueEntry> =
            catalogue.iter().map(|entry| (&entry.name, entry)).collect();
        let state = match what_runs(fleet) {
            WhatRuns::Known => Value::State(State::Saved),
            WhatRuns::NotYetKnown => Value::Missing,
            WhatRuns::Forbidden => Value::State(State::Unknown),
        };
        rows.extend(fleet.saved().map(|name| {
            let entry = entries.get(name).copied();
            let image = entry.and_then(|entry| entry.image.as_deref());
            let mut row = row_of_definition(name, (image, n_kept(name)), state.clone());
            // It may run there, out of sight.
            if let Some(namespace) = elsewhere.get(name) {
                row.cells[NAMESPACE] = Value::Text(namespace.to_string());
            }
            row
        }));
        let saved: BTreeSet<&InstanceId> = fleet.saved().collect();
        let orphans = kept.iter().filter(|(key, _)| !saved.contains(&key.id));
        rows.extend(orphans.map(|(key, n)| row_of_kept(key, *n, shows_namespace)));
        self.n_all = rows.len();
        rows.retain(|row| self.has_labels(&row.key));
        self.follow_deployed(&rows);
        self.table.set_rows(rows);
        if fleet.is_complete() {
            self.table.hold();
        }
        if let Some(id) = &self.sought {
            let key = self.table.rows().find(|row| row.key.id() == id);
            if let Some(key) = key.map(|row| row.key.clone()) {
                self.table.select(&key);
                self.table.hold();
                self.sought = None;
            }
        }
    }

    /// Keeps the selection on what was deployed or taken down just now: its row bears another key since.
    fn follow_deployed(&mut self, rows: &[Row<RowKey>]) {
        let Some(selected) = self.table.selected() else {
            return;
        };
        if rows.iter().any(|row| row.key == *selected) {
            return;
        }
        let same = rows.iter().find(|row| row.key.may_be(selected));
        if let Some(key) = same.map(|row| row.key.clone()) {
            self.table.rename_selected(key);
        }
    }

    /// Takes a filter; tells whether rows may come back that labels had hidden.
    pub(in crate::app) fn set_filter(&mut self, text: &str) -> bool {
        text.clone_into(&mut self.filter_text);
        let (words, labels) = filter::without_labels(text);
        self.table.set_filter(words);
        match labels {
            None => self.labels.take().is_some(),
            Some(wanted) => {
                let filter = self.labels.get_or_insert_default();
                if filter.wanted == wanted {
                    return false;
                }
                // What was answered, or is going to be, is of other labels.
                *filter = LabelFilter {
                    wanted: wanted.to_owned(),
                    ..LabelFilter::default()
                };
                true
            }
        }
    }

    /// Returns the labels that the filter wants.
    pub(in crate::app) fn wanted_labels(&self) -> Option<&str> {
        let wanted = self.labels.as_ref()?.wanted.as_str();
        (!wanted.is_empty()).then_some(wanted)
    }

    /// Awaits the answer to who has the labels that are wanted.
    pub(in crate::app) fn ask_labels(&mut self, op: OpId) {
        if let Some(filter) = &mut self.labels {
            filter.asked = op;
            // Who was known to have them is likely to have them still.
            if !matches!(filter.labelled, Labelled::Known(_)) {
                filter.labelled = Labelled::Asked;
            }
        }
    }

    /// Tells whether it awaits the answer of a number.
    pub(in crate::app) fn asks_labels(&self, op: OpId) -> bool {
        self.labels
            .as_ref()
            .is_some_and(|filter| filter.asked == op)
    }

    /// Takes the answer that is awaited.
    pub(in crate::app) fn on_labels_selected(
        &mut self,
        result: Result<BTreeSet<InstanceKey>, Failure>,
    ) {
        let Some(filter) = &mut self.labels else {
            return;
        };
        match (result, &filter.labelled) {
            (Ok(chosen), _) => filter.labelled = Labelled::Known(chosen),
            (Err(_), Labelled::Known(_)) => {}
            (Err(failure), _) => filter.labelled = Labelled::Unanswered(failure.summary),
        }
    }

    /// Forgets who has the labels: instances of something else are shown, and it is asked for anew.
    pub(in crate::app) fn forget_labels(&mut self) {
        if let Some(filter) = &mut self.labels {
            (filter.asked, filter.labelled) = (OpId::default(), Labelled::Asked);
        }
    }

    /// Returns what is known of who has the labels that the filter wants; none where it wants none.
    pub fn labelled(&self) -> Option<&Labelled> {
        self.wanted_labels()?;
        self.labels.as_ref().map(|filter| &filter.labelled)
    }

    /// Tells whether a row has the labels that are wanted, as far as that is known; what is not deployed has none.
    fn has_labels(&self, key: &RowKey) -> bool {
        match (self.labelled(), key) {
            (None | Some(Labelled::Typed | Labelled::Asked), _) => true,
            (Some(Labelled::Known(chosen)), RowKey::Instance(key)) => chosen.contains(key),
            (Some(Labelled::Known(_)), RowKey::Saved(_) | RowKey::Kept(_)) => false,
            (Some(Labelled::Unanswered(_)), _) => false,
        }
    }
}

fn row_of_instance(instance: &Instance, shows_namespace: bool) -> Row<RowKey> {
    let key = instance.key();
    let (ready, wanted) = (instance.ready(), instance.wanted());
    // What has no workload has no pods to be ready, nor to be restarted.
    let of_pods = |value: Value| match instance.workloads().is_empty() {
        true => Value::Missing,
        false => value,
    };
    let volumes = instance.volumes().map_or(Value::Missing, |volumes| {
        let text = format!("{} {}/{}", volumes.size, volumes.bound, volumes.total);
        let n_unbound = volumes.total.saturating_sub(volumes.bound);
        Value::Number(
            (u64::from(volumes.total) << 16) | u64::from(n_unbound),
            text,
        )
    });
    let revision = instance
        .revision()
        .map_or(Value::Missing, |n| Value::Number(n.into(), format!("r{n}")));
    let drift = match instance.drift() {
        Some(drift @ Drift::InSync) => Value::Text(drift.to_string()),
        Some(drift @ (Drift::Edited | Drift::Changed | Drift::EditedAndChanged)) => {
            Value::Bad(drift.to_string())
        }
        None => Value::Missing,
    };
    Row {
        key: RowKey::Instance(key.clone()),
        cells: vec![
            Value::Text(key.id.to_string()),
            Value::State(instance.state()),
            of_pods(Value::Number(ready.into(), format!("{ready}/{wanted}"))),
            of_pods(Value::count(instance.pods().restarts)),
            volumes,
            Value::of(instance.images()),
            revision,
            drift,
            instance.expires().map_or(Value::Missing, Value::Until),
            instance.created().map_or(Value::Missing, Value::Age),
            Value::of(shows_namespace.then(|| key.namespace.to_string())),
        ],
    }
}

fn row_of_kept(key: &InstanceKey, n: u64, shows_namespace: bool) -> Row<RowKey> {
    let mut cells = vec![Value::Missing; COLUMNS.len()];
    cells[0] = Value::Text(key.id.to_string());
    cells[1] = Value::Text("claims kept".to_owned());
    cells[4] = Value::Number(n, format!("{n} kept"));
    if shows_namespace {
        cells[NAMESPACE] = Value::Text(key.namespace.to_string());
    }
    Row {
        key: RowKey::Kept(key.clone()),
        cells,
    }
}

/// Whether it can be told what runs, and so what does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhatRuns {
    /// It can.
    Known,
    /// Not every watch has reported yet.
    NotYetKnown,
    /// This user may not see it.
    Forbidden,
}

/// Returns whether it can be told what runs: nobody may call something not deployed who cannot know.
pub fn what_runs(fleet: &Fleet) -> WhatRuns {
    let tells = |topic: &Topic| {
        matches!(
            topic,
            Topic::Elsewhere | Topic::Records | Topic::Workloads(_)
        )
    };
    if fleet.forbidden().any(|(topic, _)| tells(topic)) {
        WhatRuns::Forbidden
    } else if fleet.is_complete() {
        WhatRuns::Known
    } else {
        WhatRuns::NotYetKnown
    }
}

fn row_of_definition(
    name: &InstanceId,
    (image, n_kept): (Option<&str>, Option<u64>),
    state: Value,
) -> Row<RowKey> {
    let kept = n_kept.map_or(Value::Missing, |n| Value::Number(n, format!("{n} kept")));
    Row {
        key: RowKey::Saved(name.clone()),
        cells: vec![
            Value::Text(name.to_string()),
            state,
            Value::Missing,
            Value::Missing,
            kept,
            Value::of(image),
            Value::Missing,
            Value::Missing,
            Value::Missing,
            Value::Missing,
            Value::Missing,
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::drift::Drift;

    #[test]
    fn the_widest_drift_fits_its_column() {
        let column = COLUMNS.iter().find(|column| column.title == "DRIFT");
        let widest = Drift::EditedAndChanged.to_string().len();
        assert!(widest <= usize::from(column.unwrap().max));
    }
}
