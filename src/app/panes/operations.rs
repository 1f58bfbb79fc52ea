//! The operations under way in the scope, whoever began them, and those that were started here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::msg::OpId;
use crate::app::operation::Operation;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::service::age;
use crate::service::fleet::Fleet;
use crate::service::operation::{ABANDONED_AFTER, Operation as Noted};
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

const COLUMNS: &[Column] = &[
    Column::text("ID", 0, 40),
    Column::text("OPERATION", 1, 24),
    Column::text("STATE", 0, 14),
    // Who is at it, and was last heard of when, is looked for before how far it came: that takes what room is left.
    Column::text("STEP", 0, 20),
    Column::text("BY", 2, 24),
    Column::text("SINCE", 4, 8),
    Column::text("BEAT", 3, 8),
    Column::text("NAMESPACE", 0, 30).optional(),
    Column::text("CONTEXT", 0, 40).optional(),
];

/// What identifies a row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OperationKey {
    /// One that was started here.
    Own(OpId),
    /// One of somebody else, as the record of its instance tells it.
    Noted(InstanceKey),
}

/// Of those that were started here the last one comes first.
impl Ord for OperationKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Own(one), Self::Own(other)) => other.cmp(one),
            (Self::Noted(one), Self::Noted(other)) => one.cmp(other),
            (Self::Own(_), Self::Noted(_)) => Ordering::Less,
            (Self::Noted(_), Self::Own(_)) => Ordering::Greater,
        }
    }
}

impl PartialOrd for OperationKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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
    /// What was noted of each instance last, and when that was seen to change by the clock that never jumps: the only age to
    /// judge by.
    heard: BTreeMap<InstanceKey, (Noted, Duration)>,
    /// Whether beats would be heard: where no news come, silence means nothing.
    hears: bool,
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
            hears: false,
        }
    }
}

impl OperationsPane {
    /// Takes note of what the records tell, so that standing still is seen.
    pub(in crate::app) fn hear(&mut self, fleet: &Fleet, clock: Duration) {
        let goes_on = std::mem::replace(&mut self.hears, fleet.hears()) && self.hears;
        let noted = fleet.instances().filter_map(|instance| {
            let (key, noted) = (instance.key(), instance.operation()?);
            let same = self
                .heard
                .remove(key)
                .filter(|(it, _)| goes_on && it == noted);
            let heard = same.unwrap_or_else(|| (noted.clone(), clock));
            Some((key.clone(), heard))
        });
        self.heard = noted.collect();
    }

    /// Returns what an instance's record notes, where that was seen to stand still.
    pub(in crate::app) fn still(&self, key: &InstanceKey, clock: Duration) -> Option<&Noted> {
        let (noted, since) = self.heard.get(key)?;
        self.is_still(noted, *since, clock).then_some(noted)
    }

    fn is_still(&self, noted: &Noted, since: Duration, clock: Duration) -> bool {
        noted.rests || (self.hears && clock >= since + ABANDONED_AFTER)
    }

    /// Returns when the next of them is seen to stand still.
    pub(in crate::app) fn next_still(&self, clock: Duration) -> Option<Duration> {
        let ends = self
            .heard
            .values()
            .map(|(_, since)| *since + ABANDONED_AFTER);
        ends.filter(|at| self.hears && *at > clock).min()
    }

    /// Makes the rows anew.
    pub(in crate::app) fn rebuild(
        &mut self,
        own: &BTreeMap<OpId, Operation>,
        (context, scope): (&str, Option<&Scope>),
        clock: Duration,
    ) {
        let shown = scope.and_then(Scope::namespace);
        let is_elsewhere =
            |it: &Operation| it.context != context || Some(&it.instance.namespace) != shown;
        // Where all rows are of the place that is shown, the header tells it.
        let place = Whereabouts {
            context,
            shows_namespace: matches!(scope, Some(Scope::All)) || own.values().any(is_elsewhere),
            shows_context: own.values().any(|it| it.context != context),
        };
        let mut met: BTreeSet<OpId> = BTreeSet::new();
        let mut rows: Vec<_> = Vec::new();
        for (instance, (noted, since)) in &self.heard {
            let running = own.iter().rev();
            let is_it = |it: &Operation| it.is_of(context, instance);
            let mut running = running.filter(|(_, it)| is_it(it) && it.is_running());
            let (key, standing) = match running.next() {
                Some((op, _)) => {
                    met.insert(*op);
                    (OperationKey::Own(*op), Standing::RunsHere)
                }
                None => {
                    let key = OperationKey::Noted(instance.clone());
                    let standing = match self.is_still(noted, *since, clock) {
                        true => Standing::StandsStill,
                        false => Standing::Runs,
                    };
                    (key, standing)
                }
            };
            rows.push(row_of_noted((key, standing), instance, noted, place));
        }
        let others = own.iter().filter(|(op, _)| !met.contains(op));
        rows.extend(others.map(|(op, operation)| row_of_own(*op, operation, place)));
        self.table.set_rows(rows);
    }

    /// Returns the instance of the selected row, where it is one of the context that is worked in.
    pub fn selected_instance<'p>(
        &'p self,
        own: &'p BTreeMap<OpId, Operation>,
        context: &str,
    ) -> Option<&'p InstanceKey> {
        match self.table.selected()? {
            OperationKey::Own(op) => own
                .get(op)
                .filter(|operation| operation.context == context)
                .map(|operation| &operation.instance),
            OperationKey::Noted(key) => Some(key),
        }
    }
}

/// What is shown of where operations are.
#[derive(Debug, Clone, Copy)]
struct Whereabouts<'a> {
    /// The context that is worked in.
    context: &'a str,
    shows_namespace: bool,
    shows_context: bool,
}

impl Whereabouts<'_> {
    fn namespace(self, instance: &InstanceKey) -> Value {
        let namespace = self.shows_namespace.then_some(&instance.namespace);
        Value::of(namespace.map(ToString::to_string))
    }

    fn context(self, context: &str) -> Value {
        Value::of(self.shows_context.then(|| context.to_owned()))
    }
}

fn row_of_noted(
    (key, standing): (OperationKey, Standing),
    instance: &InstanceKey,
    noted: &Noted,
    place: Whereabouts<'_>,
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
            place.namespace(instance),
            place.context(place.context),
        ],
    }
}

fn row_of_own(op: OpId, operation: &Operation, place: Whereabouts<'_>) -> Row<OperationKey> {
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
            place.namespace(instance),
            place.context(&operation.context),
        ],
    }
}
