//! The operations under way in the scope, whoever began them, and those that were started here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::app::msg::OpId;
use crate::app::operation::Operation;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::engine::operation::ABANDONED_AFTER;
use crate::service::age;
use crate::service::fleet::Fleet;
use crate::service::operation::Operation as Noted;
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

const COLUMNS: &[Column] = &[
    Column::text("ID", 0, 40),
    Column::text("OPERATION", 1, 24),
    Column::text("STATE", 0, 14),
    Column::text("STEP", 0, 60),
    Column::text("BY", 2, 40),
    Column::text("SINCE", 3, 8),
    Column::text("BEAT", 4, 8),
    Column::text("NAMESPACE", 0, 30).optional(),
];

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKey {
    /// One that was started here.
    Own(OpId),
    /// One of somebody else, as the record of its instance tells it.
    Noted(InstanceKey),
}

/// How an operation is doing; those that somebody may have to look after come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    StandsStill,
    Runs,
    RunsHere,
    Failed,
    NotFinished,
    Done,
}

impl Standing {
    fn of(operation: &Operation) -> Self {
        match &operation.outcome {
            None => Self::RunsHere,
            Some(outcome) if outcome.is_complete() => Self::Done,
            Some(outcome) if !outcome.failed.is_empty() => Self::Failed,
            Some(_) => Self::NotFinished,
        }
    }

    fn value(self) -> Value {
        let name = match self {
            Self::StandsStill => "stands still",
            Self::Runs => "runs",
            Self::RunsHere => "runs here",
            Self::Failed => "failed",
            Self::NotFinished => "not finished",
            Self::Done => "done",
        };
        Value::Number(self as u64, name.to_owned())
    }
}

/// The operations.
#[derive(Debug, Clone)]
pub struct OperationsPane {
    /// Their rows.
    pub table: Table<OperationKey>,
    /// What was noted of each instance last, and when that was seen to change: the only age to judge by.
    heard: BTreeMap<InstanceKey, (Noted, Timestamp)>,
}

impl Default for OperationsPane {
    fn default() -> Self {
        let by_standing = Sort {
            column: 2,
            is_descending: false,
        };
        Self {
            table: Table::new(COLUMNS, by_standing),
            heard: BTreeMap::new(),
        }
    }
}

impl OperationsPane {
    /// Takes note of what the records tell, so that standing still is seen.
    pub(in crate::app) fn hear(&mut self, fleet: &Fleet, now: Timestamp) {
        let noted = fleet.instances().filter_map(|instance| {
            let noted = instance.record()?.operation.as_ref()?;
            Some((instance.key(), noted))
        });
        let mut heard = BTreeMap::new();
        for (key, noted) in noted {
            let before = self.heard.get(key).filter(|(before, _)| before == noted);
            let since = before.map_or(now, |(_, since)| *since);
            heard.insert(key.clone(), (noted.clone(), since));
        }
        self.heard = heard;
    }

    /// Returns when the next of them is seen to stand still.
    pub(in crate::app) fn next_still(&self, now: Timestamp) -> Option<Timestamp> {
        let ends = self.heard.values();
        ends.filter_map(|(_, since)| since.checked_add(ABANDONED_AFTER).ok())
            .filter(|at| *at > now)
            .min()
    }

    /// Makes the rows anew.
    pub(in crate::app) fn rebuild(
        &mut self,
        own: &BTreeMap<OpId, Operation>,
        scope: Option<&Scope>,
        now: Timestamp,
    ) {
        let shows_namespace = matches!(scope, Some(Scope::All));
        let mut met: BTreeSet<OpId> = BTreeSet::new();
        let mut rows: Vec<_> = Vec::new();
        for (instance, (noted, since)) in &self.heard {
            let running = own.iter().rev();
            let mut running = running.filter(|(_, it)| it.instance == *instance && it.is_running());
            let (key, standing) = match running.next() {
                Some((op, _)) => {
                    met.insert(*op);
                    (OperationKey::Own(*op), Standing::RunsHere)
                }
                None => {
                    let key = OperationKey::Noted(instance.clone());
                    (key, standing_of(*since, now))
                }
            };
            rows.push(row_of_noted(
                (key, standing),
                instance,
                noted,
                shows_namespace,
            ));
        }
        let others = own.iter().filter(|(op, _)| !met.contains(op));
        rows.extend(others.map(|(op, operation)| row_of_own(*op, operation, shows_namespace)));
        self.table.set_rows(rows);
    }

    /// Returns the instance of the selected row.
    pub fn selected_instance<'p>(
        &'p self,
        own: &'p BTreeMap<OpId, Operation>,
    ) -> Option<&'p InstanceKey> {
        match self.table.selected()? {
            OperationKey::Own(op) => own.get(op).map(|operation| &operation.instance),
            OperationKey::Noted(key) => Some(key),
        }
    }
}

fn standing_of(since: Timestamp, now: Timestamp) -> Standing {
    match age::since(since, now) >= ABANDONED_AFTER {
        true => Standing::StandsStill,
        false => Standing::Runs,
    }
}

fn row_of_noted(
    (key, standing): (OperationKey, Standing),
    instance: &InstanceKey,
    noted: &Noted,
    shows_namespace: bool,
) -> Row<OperationKey> {
    Row {
        key,
        cells: vec![
            Value::Text(instance.id.to_string()),
            Value::Text(noted.what()),
            standing.value(),
            Value::Text(noted.progress()),
            Value::Text(noted.holder.clone()),
            noted.started.map_or(Value::Missing, Value::Age),
            Value::Age(noted.heartbeat),
            Value::of(shows_namespace.then(|| instance.namespace.to_string())),
        ],
    }
}

fn row_of_own(op: OpId, operation: &Operation, shows_namespace: bool) -> Row<OperationKey> {
    let instance = &operation.instance;
    let lasted = operation
        .ended
        .map(|ended| age::show(age::since(operation.started, ended)));
    let step = match (&operation.waiting, operation.failures().next(), lasted) {
        (Some(waiting), ..) => waiting.clone(),
        (None, Some(failure), _) => failure.summary.clone(),
        (None, None, Some(lasted)) => format!("took {lasted}"),
        (None, None, None) => String::new(),
    };
    Row {
        key: OperationKey::Own(op),
        cells: vec![
            Value::Text(instance.id.to_string()),
            Value::Text(operation.kind.name().to_lowercase()),
            Standing::of(operation).value(),
            Value::Text(step),
            Value::Text("here".to_owned()),
            Value::Age(operation.started),
            Value::Missing,
            Value::of(shows_namespace.then(|| instance.namespace.to_string())),
        ],
    }
}
