//! The detail of the selected row: pods, volumes, events, logs, objects, definition, history.

use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::definition::id::InstanceId;
use crate::editor::Editor;
use crate::failure::Failure;
use crate::service::detail::Detail;
use crate::service::health;
use crate::service::pod_choice;
use crate::service::quantity;
use crate::service::summary::{Claim, Event, InstanceKey, Pod};
use crate::service::usage::{self, ClaimUsage};
use crate::text;

use super::changes::ChangesPane;
use super::history::HistoryPane;
use super::logs::{LogsPane, SIDE_STEP};
use super::objects::ObjectsPane;
use super::usage::{Sample, UsagePane};

/// A tab; the numbers are those of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// Pods.
    Pods,
    /// Claims.
    Volumes,
    /// Events.
    Events,
    /// What its containers say.
    Logs,
    /// All objects.
    Objects,
    /// The definition's text.
    Definition,
    /// Its revisions.
    History,
}

impl Tab {
    /// All tabs in their order.
    pub const ALL: [Self; 7] = [
        Self::Pods,
        Self::Volumes,
        Self::Events,
        Self::Logs,
        Self::Objects,
        Self::Definition,
        Self::History,
    ];

    /// Returns the key and the title.
    pub fn title(self) -> (char, &'static str) {
        match self {
            Self::Pods => ('1', "Pods"),
            Self::Volumes => ('2', "Volumes"),
            Self::Events => ('3', "Events"),
            Self::Logs => ('4', "Logs"),
            Self::Objects => ('5', "Objects"),
            Self::Definition => ('6', "Definition"),
            Self::History => ('7', "History"),
        }
    }
}

const PODS: &[Column] = &[
    Column::text("POD", 0, 63),
    Column::text("PHASE", 0, 12),
    Column::number("READY", 0),
    Column::text("REASON", 1, 28),
    Column::number("RESTARTS", 2),
    Column::number("CPU", 2).optional(),
    Column::number("MEM", 2).optional(),
    Column::text("NODE", 3, 30),
    Column::text("AGE", 0, 8),
    Column::text("MESSAGE", 4, 120),
];

const VOLUMES: &[Column] = &[
    Column::text("CLAIM", 0, 63),
    Column::text("STATUS", 0, 12),
    Column::number("CAPACITY", 0),
    Column::number("USED", 1).optional(),
    Column::text("ACCESS", 2, 12),
    Column::text("STORAGECLASS", 3, 24),
    Column::text("VOLUME", 4, 48),
    Column::text("AGE", 0, 8),
    Column::text("REASON", 1, 120).optional(),
];

const EVENTS: &[Column] = &[
    Column::text("LAST SEEN", 0, 10),
    Column::text("TYPE", 2, 8),
    Column::text("REASON", 0, 24),
    Column::text("OBJECT", 1, 50),
    Column::number("COUNT", 3),
    Column::text("MESSAGE", 0, 400),
];

/// The definition that the last tab shows.
#[derive(Debug, Clone)]
pub struct ShownDefinition {
    /// Its name.
    pub name: InstanceId,
    /// Its text, to be looked at; or why it cannot be read; none while it is awaited.
    pub text: Option<Result<Editor, Failure>>,
}

/// An object that events concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concerned {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// The detail below the list, or alone.
#[derive(Debug, Clone)]
pub struct DetailPane {
    /// Which tab is in front.
    pub tab: Tab,
    /// Rows of the pods' tab.
    pub pods: Table<String>,
    /// Rows of the volumes' tab.
    pub volumes: Table<String>,
    /// Rows of the events' tab.
    pub events: Table<String>,
    /// The object whose events alone are shown.
    pub events_of: Option<Concerned>,
    /// What the objects' tab shows.
    pub objects: ObjectsPane,
    /// What the definition's tab shows.
    pub definition: Option<ShownDefinition>,
    /// What others changed, for the title and the objects' tab.
    pub changes: ChangesPane,
    /// What the history's tab shows.
    pub history: HistoryPane,
    /// What the logs' tab shows.
    pub logs: LogsPane,
    /// What is used, for the pods' and the volumes' tab.
    pub usage: UsagePane,
    /// Which instance the rows are of.
    of: Option<InstanceKey>,
}

impl Default for DetailPane {
    fn default() -> Self {
        Self {
            tab: Tab::Pods,
            pods: Table::new(PODS, Sort::default()),
            volumes: Table::new(VOLUMES, Sort::default()),
            events: Table::new(EVENTS, Sort::default()),
            events_of: None,
            objects: ObjectsPane::default(),
            definition: None,
            changes: ChangesPane::default(),
            history: HistoryPane::default(),
            logs: LogsPane::default(),
            usage: UsagePane::default(),
            of: None,
        }
    }
}

impl DetailPane {
    /// Returns the table of an instance's parts that is in front; the other tabs have none.
    pub fn table(&self) -> Option<&Table<String>> {
        match self.tab {
            Tab::Pods => Some(&self.pods),
            Tab::Volumes => Some(&self.volumes),
            Tab::Events => Some(&self.events),
            Tab::Objects => Some(&self.objects.table),
            Tab::Logs | Tab::Definition | Tab::History => None,
        }
    }

    pub(in crate::app) fn table_mut(&mut self) -> Option<&mut Table<String>> {
        match self.tab {
            Tab::Pods => Some(&mut self.pods),
            Tab::Volumes => Some(&mut self.volumes),
            Tab::Events => Some(&mut self.events),
            Tab::Objects => Some(&mut self.objects.table),
            Tab::Logs | Tab::Definition | Tab::History => None,
        }
    }

    /// Takes what is known of the selected instance, and the claims that were kept of one that does not run.
    pub(in crate::app) fn rebuild(&mut self, detail: Option<&Detail>, kept: &[Claim]) {
        let of = detail.map(Detail::key);
        let of_kept = kept.first().map(|claim| &claim.instance);
        if self.of.as_ref() != of.or(of_kept) {
            self.of = of.or(of_kept).cloned();
            self.events_of = None;
            for table in [&mut self.pods, &mut self.volumes, &mut self.events] {
                table.release();
            }
        }
        self.objects.show(of);
        self.objects.rebuild(detail);
        let Some(detail) = detail else {
            for table in [&mut self.pods, &mut self.volumes, &mut self.events] {
                table.set_rows(Vec::new());
            }
            let kept = kept.iter().map(|claim| row_of_claim(claim, &[], None));
            self.volumes.set_rows(kept.collect());
            return;
        };
        let usage = &self.usage;
        let latest = |pod: &Pod| usage.pod(&pod.name)?.back().copied();
        let pods = detail.pods().iter();
        self.pods.set_rows(
            pods.map(|pod| row_of_pod(detail, pod, latest(pod)))
                .collect(),
        );
        let claims = detail.claims().iter();
        self.volumes.set_rows(
            claims
                .map(|it| row_of_claim(it, detail.events(), usage.claim(&it.name)))
                .collect(),
        );
        let events_of = self.events_of.as_ref();
        let is_wanted = |event: &&Event| {
            events_of.is_none_or(|of| event.object_kind == of.kind && event.object_name == of.name)
        };
        let events = detail.events().iter().filter(is_wanted);
        self.events.set_rows(events.map(row_of_event).collect());
    }

    pub(in crate::app) fn show_definition(
        &mut self,
        name: &InstanceId,
        result: Result<String, Failure>,
    ) {
        if let Some(shown) = self.definition.as_mut().filter(|shown| shown.name == *name) {
            let before = match &shown.text {
                Some(Ok(editor)) => Some(editor.viewport()),
                Some(Err(_)) | None => None,
            };
            shown.text = Some(result.map(|text| {
                let mut editor = Editor::from_text(&text);
                // The text changed on disk; whoever reads it stays where they are.
                if let Some(before) = before {
                    editor.look_from(before.left);
                    editor.ensure_visible(before.height, before.width);
                    editor.scroll_by(isize::try_from(before.top).unwrap_or(isize::MAX));
                }
                editor
            }));
        }
    }

    /// Scrolls the definition's text by so many lines.
    pub(in crate::app) fn scroll_definition(&mut self, lines: isize) {
        if let Some(Some(Ok(editor))) = self.definition.as_mut().map(|shown| &mut shown.text) {
            editor.scroll_by(lines);
        }
    }

    /// Goes a step to the right in the lines of the definition that are shown, as far as one of them goes on there; or back.
    pub(in crate::app) fn shift_definition(&mut self, is_right: bool) {
        let Some(Some(Ok(editor))) = self.definition.as_mut().map(|shown| &mut shown.text) else {
            return;
        };
        let seen = editor.viewport();
        let lines = seen.top..editor.n_lines().min(seen.top + seen.height);
        let widest = lines.map(|line| text::cells(&editor.line(line))).max();
        let most = widest.unwrap_or(0).saturating_sub(seen.width);
        editor.look_from(match is_right {
            true => (seen.left + SIDE_STEP).min(most.max(seen.left)),
            false => seen.left.saturating_sub(SIDE_STEP),
        });
        editor.ensure_visible(seen.height, seen.width);
    }

    pub(in crate::app) fn ensure_visible(&mut self, height: usize, width: usize) {
        if let Some(Some(Ok(editor))) = self.definition.as_mut().map(|shown| &mut shown.text) {
            editor.ensure_visible(height, width);
        }
    }
}

fn row_of_pod(detail: &Detail, pod: &Pod, usage: Option<Sample>) -> Row<String> {
    let label = pod_choice::label(pod, &detail.key().namespace);
    let own: Vec<_> = pod
        .containers
        .iter()
        .filter(|container| !container.init)
        .collect();
    let ready = own.iter().filter(|container| container.ready).count();
    let restarts = pod
        .containers
        .iter()
        .map(|container| container.restarts)
        .sum();
    let phase = match &pod.deletion {
        Some(_) => Value::Bad("Terminating".to_owned()),
        None => Value::Text(pod.phase.clone()),
    };
    let reason = match &pod.reason {
        Some(reason) if health::is_broken(reason) => Value::Bad(reason.clone()),
        reason => Value::of(reason.clone()),
    };
    Row {
        key: label.clone(),
        cells: vec![
            Value::Text(label),
            phase,
            Value::Number(ready as u64, format!("{ready}/{}", own.len())),
            reason,
            Value::count(restarts),
            usage.map_or(Value::Missing, |it| {
                Value::Number(it.cpu, quantity::show_nanocores(it.cpu))
            }),
            usage.map_or(Value::Missing, |it| size(it.memory)),
            Value::of(pod.node.clone()),
            Value::Age(pod.created),
            Value::of(pod.message.clone()),
        ],
    }
}

fn size(bytes: u64) -> Value {
    Value::Number(bytes, quantity::show_bytes(bytes.into()))
}

fn row_of_claim(claim: &Claim, events: &[Event], usage: Option<&ClaimUsage>) -> Row<String> {
    let status = match (&claim.deletion, claim.phase.as_str()) {
        (Some(_), _) => Value::Bad("Terminating".to_owned()),
        (None, "Bound") => Value::Text(claim.phase.clone()),
        (None, _) => Value::Bad(claim.phase.clone()),
    };
    Row {
        key: claim.name.clone(),
        cells: vec![
            Value::Text(claim.name.clone()),
            status,
            Value::Text(
                claim
                    .capacity
                    .clone()
                    .unwrap_or_else(|| claim.requested.clone()),
            ),
            usage.map_or(Value::Missing, |it| {
                let used = quantity::show_bytes(it.used.into());
                let share = usage::percent(it.used, it.capacity);
                let share = share.map_or_else(String::new, |share| format!(" {share}%"));
                Value::Number(it.used, format!("{used}{share}"))
            }),
            Value::Text(claim.access_modes.join(",")),
            Value::of(claim.storage_class.clone()),
            Value::of(claim.volume.clone()),
            Value::Age(claim.created),
            Value::of(health::remark_on_claim(claim, events, None)),
        ],
    }
}

fn row_of_event(event: &Event) -> Row<String> {
    let sort = if event.is_warning {
        Value::Bad("Warning".to_owned())
    } else {
        Value::Text("Normal".to_owned())
    };
    Row {
        key: event.name.clone(),
        cells: vec![
            Value::Age(event.last_seen),
            sort,
            Value::Text(event.reason.clone()),
            Value::Text(format!("{}/{}", event.object_kind, event.object_name)),
            Value::count(event.count),
            Value::Text(event.message.clone()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::stage;
    use crate::service::watch::{Delta, WatchEvent};

    #[test]
    fn a_claim_without_a_volume_says_why() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let key = stage::key("orders-db");
        let claim = Claim {
            instance: key.clone(),
            name: "data-orders-db-0".to_owned(),
            uid: "c".to_owned(),
            created: now,
            deletion: None,
            phase: "Pending".to_owned(),
            requested: "1Gi".to_owned(),
            capacity: None,
            storage_class: Some("fast".to_owned()),
            volume: None,
            access_modes: vec!["RWO"],
            growth: None,
            is_member: false,
        };
        let event = Event {
            namespace: key.namespace.clone(),
            name: "e".to_owned(),
            object_kind: "PersistentVolumeClaim".to_owned(),
            object_name: claim.name.clone(),
            object_uid: claim.uid.clone(),
            is_warning: true,
            reason: "ProvisioningFailed".to_owned(),
            message: "storageclass.storage.k8s.io \"fast\" not found".to_owned(),
            count: 1,
            last_seen: now,
            source: "test".to_owned(),
        };
        let mut detail = Detail::new(key);
        detail.apply(WatchEvent::Claims(vec![Delta::Applied(claim)]), now);
        let mut pane = DetailPane::default();
        let mut reason = |detail: &Detail| {
            pane.rebuild(Some(detail), &[]);
            let row = pane.volumes.rows().next().unwrap();
            row.cells.last().cloned()
        };
        assert_eq!(reason(&detail), Some(Value::Missing));
        detail.apply(WatchEvent::Events(vec![Delta::Applied(event)]), now);
        let told = Value::Text("there is no class fast".to_owned());
        assert_eq!(reason(&detail), Some(told));
    }
}
