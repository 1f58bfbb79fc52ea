//! The history of the selected instance: its revisions, as a tab of the detail.

use crate::app::msg::OpId;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::engine::history::{History, Revision, RevisionState};
use crate::failure::Failure;
use crate::service::summary::InstanceKey;

const COLUMNS: &[Column] = &[
    Column::number("REV", 0),
    Column::text("STATE", 0, 10),
    Column::text("AGE", 0, 8),
    Column::text("BY", 1, 40),
    Column::text("AS", 4, 40).optional(),
    Column::text("PARAMETERS", 3, 40).optional(),
    Column::text("WHY", 2, 120),
];

/// What the history is of: when any of it changes there is another history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryOf {
    /// The instance.
    pub key: InstanceKey,
    /// Its current revision.
    pub revision: Option<u32>,
    /// Whether an operation is under way, which may have written another revision.
    pub is_busy: bool,
}

/// The revisions of an instance.
#[derive(Debug, Clone)]
pub struct HistoryPane {
    /// What was asked for last: earlier answers are stale.
    pub op: OpId,
    /// What was asked for.
    pub of: Option<HistoryOf>,
    /// The revisions, or why they cannot be read; none of both while the cluster is asked.
    pub result: Option<Result<History, Failure>>,
    /// Their rows.
    pub table: Table<u32>,
}

impl Default for HistoryPane {
    fn default() -> Self {
        let newest_first = Sort {
            column: 0,
            is_descending: true,
        };
        Self {
            op: OpId::default(),
            of: None,
            result: None,
            table: Table::new(COLUMNS, newest_first),
        }
    }
}

impl HistoryPane {
    /// Awaits the history of another instance, or another one of the same.
    pub(in crate::app) fn ask(&mut self, op: OpId, of: HistoryOf) {
        let is_other = self.of.as_ref().is_none_or(|known| known.key != of.key);
        if is_other {
            self.result = None;
            self.table.set_rows(Vec::new());
            self.table.clear_marks();
            self.table.release();
        }
        (self.op, self.of) = (op, Some(of));
    }

    /// Forgets what it is of.
    pub(in crate::app) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Sees to it that a history which could not be read is asked for once more.
    pub(in crate::app) fn read_anew(&mut self) {
        if matches!(self.result, Some(Err(_))) {
            self.of = None;
        }
    }

    pub(in crate::app) fn on_read(&mut self, op: OpId, result: Result<History, Failure>) {
        if op != self.op {
            return;
        }
        let rows = result.as_ref().map(|history| {
            let rows = history.revisions.iter();
            rows.map(|revision| row(revision, history)).collect()
        });
        self.table.set_rows(rows.unwrap_or_default());
        self.result = Some(result);
    }

    /// Returns the history, once it is there.
    pub fn history(&self) -> Option<&History> {
        self.result.as_ref()?.as_ref().ok()
    }

    /// Returns which revisions are to be compared: the two that are marked; else the selected one with the one before it, or
    /// with the current one.
    ///
    /// # Errors
    /// There are no two, with the reason.
    pub fn compared(&self, with_current: bool) -> Result<(u32, u32), &'static str> {
        let marks: Vec<u32> = self.table.marks().iter().copied().collect();
        match marks[..] {
            [] => {}
            [from, to] => return Ok((from, to)),
            _ => return Err("mark two revisions, or none"),
        }
        let history = self.history().ok_or("its history is not there yet")?;
        let selected = *self.table.selected().ok_or("no revision is selected")?;
        if with_current && let Some(current) = history.current.filter(|it| *it != selected) {
            return Ok((selected.min(current), selected.max(current)));
        }
        let before = history.revisions.iter().map(|revision| revision.number);
        let before = before.filter(|number| *number < selected).max();
        let before = before.ok_or("no revision from before it is kept")?;
        Ok((before, selected))
    }

    /// Returns the revision that a rollback would go to.
    ///
    /// # Errors
    /// There is none, with the reason.
    pub fn target(&self) -> Result<u32, &'static str> {
        let history = self.history().ok_or("its history is not there yet")?;
        let selected = *self.table.selected().ok_or("no revision is selected")?;
        if history.current == Some(selected) {
            return Err("it is the current revision: select an earlier one");
        }
        let mut revisions = history.revisions.iter();
        match revisions.find(|revision| revision.number == selected) {
            Some(revision) if revision.damage.is_some() => Err("that revision is damaged"),
            _ => Ok(selected),
        }
    }
}

fn row(revision: &Revision, history: &History) -> Row<u32> {
    let number = revision.number;
    let state = match history.state(revision) {
        RevisionState::Damaged => Value::Bad("damaged".to_owned()),
        RevisionState::Current => Value::Text("current".to_owned()),
        RevisionState::Unfinished => Value::Bad("unfinished".to_owned()),
        RevisionState::Replaced => Value::Missing,
    };
    let parameters: Vec<String> = revision
        .parameters
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let why = match &revision.damage {
        Some(damage) => Value::Bad(damage.clone()),
        None => Value::of(revision.cause.clone()),
    };
    Row {
        key: number,
        cells: vec![
            Value::Number(number.into(), format!("r{number}")),
            state,
            revision.applied_at.map_or(Value::Missing, Value::Age),
            Value::of(revision.applied_by.clone()),
            Value::of(revision.applied_as.clone()),
            Value::of((!parameters.is_empty()).then(|| parameters.join(","))),
            why,
        ],
    }
}
