//! The objects of the selected instance: a tree of who owns what, each as the server prints it, with what was reported last.
//!
//! What is printed is asked for while the tab is in front: when it comes there, and after something was reported of the objects.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app::msg::OpId;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::definition::object::GroupKind;
use crate::service::detail::Detail;
use crate::service::printed::PrintedObject;
use crate::service::summary::{Claim, Deletion, Event, InstanceKey, ObjectRow, Pod};
use crate::service::tree::{Leaf, Node, REVISIONS, elsewhere_of, tree};

/// Between two questions about one instance.
const PAUSE: Duration = Duration::from_secs(3);
/// Before what is below an owner.
const INDENT: &str = "  ";

const OBJECTS: &[Column] = &[
    Column::text("KIND", 0, 34),
    Column::text("NAME", 0, 63),
    Column::text("STATUS", 1, 30),
    Column::text("LAST EVENT", 2, 24),
    Column::text("AGE", 0, 8),
    Column::text("NAMESPACE", 0, 30).optional(),
    Column::text("PRINTED", 3, 200),
];

/// The objects of an instance.
#[derive(Debug, Clone)]
pub struct ObjectsPane {
    /// Their rows.
    pub table: Table<String>,
    /// What could not be asked for, as sentences.
    pub remarks: Vec<String>,
    /// What is folded that is not by itself, and unfolded that is.
    turned: BTreeSet<String>,
    printed: Vec<PrintedObject>,
    of: Option<InstanceKey>,
    asked: OpId,
    is_reading: bool,
    /// Whether something was reported since it was asked for.
    is_old: bool,
    /// When it may be asked for again.
    next: Duration,
}

impl Default for ObjectsPane {
    fn default() -> Self {
        Self {
            table: Table::new(OBJECTS, Sort::default()),
            remarks: Vec::new(),
            turned: BTreeSet::new(),
            printed: Vec::new(),
            of: None,
            asked: OpId::default(),
            is_reading: false,
            is_old: true,
            next: Duration::ZERO,
        }
    }
}

impl ObjectsPane {
    /// Tells whether something is below the selected row.
    pub fn is_foldable(&self) -> bool {
        let row = self.table.selected_row();
        row.is_some_and(|row| {
            matches!(&row.cells[0], Value::Number(_, text) if text.trim_start().starts_with(['-', '+']))
        })
    }

    /// Folds what is below the selected row, or unfolds it.
    pub(in crate::app) fn fold(&mut self) {
        if let Some(key) = self.table.selected().cloned()
            && !self.turned.remove(&key)
        {
            self.turned.insert(key);
        }
    }

    /// Takes another instance.
    pub(in crate::app) fn show(&mut self, of: Option<&InstanceKey>) {
        if self.of.as_ref() != of {
            *self = Self {
                of: of.cloned(),
                ..Self::default()
            };
        }
    }

    /// Takes that something was reported of the instance.
    pub(in crate::app) fn outdate(&mut self) {
        self.is_old = true;
    }

    /// Returns when it is to be asked for, where that is so.
    pub(in crate::app) fn due(&self) -> Option<Duration> {
        (self.is_old && !self.is_reading).then_some(self.next)
    }

    /// Awaits the answer to a question.
    pub(in crate::app) fn ask(&mut self, op: OpId, now: Duration) {
        (self.asked, self.is_reading, self.is_old) = (op, true, false);
        self.next = now + PAUSE;
    }

    /// Takes an answer; tells whether it was awaited.
    pub(in crate::app) fn on_printed(
        &mut self,
        op: OpId,
        (printed, remarks): (Vec<PrintedObject>, Vec<String>),
    ) -> bool {
        let is_awaited = op == self.asked && self.is_reading;
        if is_awaited {
            (self.printed, self.remarks) = (printed, remarks);
            self.is_reading = false;
        }
        is_awaited
    }

    /// Returns the kinds that are asked for beside those that the record names.
    pub(in crate::app) fn kinds(detail: &Detail) -> BTreeSet<GroupKind> {
        let objects = detail.objects().iter();
        objects.map(|row| GroupKind::of(&row.key)).collect()
    }

    pub(in crate::app) fn rebuild(&mut self, detail: Option<&Detail>) {
        let Some(detail) = detail else {
            self.table.set_rows(Vec::new());
            return;
        };
        let is_folded = |key: &str| (key == REVISIONS) != self.turned.contains(key);
        let known = Known::of(detail, &self.printed);
        let nodes = tree(detail, &self.printed, is_folded);
        let rows = nodes.iter().enumerate();
        let rows = rows.map(|(at, node)| known.row(at, node, is_folded(&node.key)));
        self.table.set_rows(rows.collect());
    }
}

/// What is known of objects beside their metadata.
struct Known<'a> {
    detail: &'a Detail,
    /// By namespace, kind and name.
    printed: BTreeMap<(&'a str, &'a str, &'a str), &'a PrintedObject>,
    pods: BTreeMap<&'a str, &'a Pod>,
    claims: BTreeMap<&'a str, &'a Claim>,
    /// The newest event of each object, by kind and name.
    events: BTreeMap<(&'a str, &'a str), &'a Event>,
}

impl<'a> Known<'a> {
    fn of(detail: &'a Detail, printed: &'a [PrintedObject]) -> Self {
        Self {
            detail,
            printed: printed
                .iter()
                .map(|it| {
                    let namespace = it.namespace.as_deref().unwrap_or_default();
                    ((namespace, it.kind.kind.as_str(), it.name.as_str()), it)
                })
                .collect(),
            pods: detail
                .pods()
                .iter()
                .map(|it| (it.name.as_str(), it))
                .collect(),
            claims: detail
                .claims()
                .iter()
                .map(|it| (it.name.as_str(), it))
                .collect(),
            // They are sorted, the newest last.
            events: detail
                .events()
                .iter()
                .map(|it| ((it.object_kind.as_str(), it.object_name.as_str()), it))
                .collect(),
        }
    }

    fn row(&self, at: usize, node: &Node<'_>, is_folded: bool) -> Row<String> {
        let sign = match (node.has_children, is_folded) {
            (false, _) => "",
            (true, false) => "- ",
            (true, true) => "+ ",
        };
        let (kind, mut cells) = match node.leaf {
            Leaf::Object(row) => (row.key.kind.clone(), self.cells_of(row)),
            Leaf::Volume(claim) => ("PersistentVolume".to_owned(), cells_of_volume(claim)),
            Leaf::Revisions(n) => {
                let mut cells = vec![Value::Missing; OBJECTS.len() - 1];
                cells[0] = Value::Text(format!("{n} kept"));
                ("Revisions".to_owned(), cells)
            }
            Leaf::Elsewhere(object) => (object.kind.kind.clone(), cells_of_elsewhere(object)),
        };
        let indent = INDENT.repeat(node.depth);
        cells.insert(0, Value::Number(at as u64, format!("{indent}{sign}{kind}")));
        Row {
            key: node.key.clone(),
            cells,
        }
    }

    fn cells_of(&self, row: &ObjectRow) -> Vec<Value> {
        let name = row.key.name.as_str();
        let namespace = row.key.namespace.as_deref().unwrap_or_default();
        let id = (row.key.kind.as_str(), name);
        let event = self.events.get(&id).map(|event| match event.is_warning {
            true => Value::Bad(said(event)),
            false => Value::Text(said(event)),
        });
        vec![
            Value::Text(name.to_owned()),
            self.status_of(row),
            event.unwrap_or(Value::Missing),
            Value::Age(row.created),
            Value::of(elsewhere_of(self.detail, row)),
            self.printed
                .get(&(namespace, id.0, id.1))
                .map_or(Value::Missing, |it| Value::of(line_of(it))),
        ]
    }

    fn status_of(&self, row: &ObjectRow) -> Value {
        if let Some(deletion) = &row.deletion {
            return Value::Bad(terminating(deletion));
        }
        let pod = self
            .pods
            .get(row.key.name.as_str())
            .filter(|_| row.key.kind == "Pod");
        if let Some(pod) = pod {
            return match &pod.reason {
                Some(reason) if crate::service::health::is_broken(reason) => {
                    Value::Bad(reason.clone())
                }
                Some(reason) => Value::Text(reason.clone()),
                None => Value::Text(pod.phase.clone()),
            };
        }
        let claim = self.claims.get(row.key.name.as_str());
        if let Some(claim) = claim.filter(|_| row.key.kind == "PersistentVolumeClaim") {
            return match claim.phase.as_str() {
                "Bound" => Value::Text(claim.phase.clone()),
                phase => Value::Bad(phase.to_owned()),
            };
        }
        let is_record = self
            .detail
            .record()
            .is_some_and(|it| it.name == row.key.name);
        match &row.standing {
            _ if is_record && row.key.kind == "ConfigMap" => Value::Text("record".to_owned()),
            Some(standing) if !standing.is_ready => Value::Bad(standing.reason.clone()),
            Some(_) => Value::Text("ready".to_owned()),
            // NB: controllers copy labels to what they make, such as from a Service to its EndpointSlices.
            None if row.is_member() && row.owner.is_none() => Value::Text("member".to_owned()),
            None => Value::Missing,
        }
    }
}

fn line_of(printed: &PrintedObject) -> Option<String> {
    let line = printed.line();
    (!line.is_empty()).then_some(line)
}

fn said(event: &Event) -> String {
    match event.count {
        0 | 1 => event.reason.clone(),
        n => format!("{} x{n}", event.reason),
    }
}

fn cells_of_volume(claim: &Claim) -> Vec<Value> {
    let size = claim.capacity.as_ref().unwrap_or(&claim.requested);
    vec![
        Value::of(claim.volume.clone()),
        Value::Text(size.clone()),
        Value::Missing,
        Value::Missing,
        Value::Missing,
        Value::of(
            claim
                .storage_class
                .as_ref()
                .map(|class| format!("STORAGECLASS {class}")),
        ),
    ]
}

fn cells_of_elsewhere(object: &PrintedObject) -> Vec<Value> {
    let namespace = object.namespace.as_deref().unwrap_or("(none)");
    vec![
        Value::Text(object.name.clone()),
        Value::Text("member".to_owned()),
        Value::Missing,
        Value::Missing,
        Value::Text(namespace.to_owned()),
        Value::of(line_of(object)),
    ]
}

fn terminating(deletion: &Deletion) -> String {
    if deletion.finalizers.is_empty() {
        "terminating".to_owned()
    } else {
        format!("terminating, held by {}", deletion.finalizers.join(", "))
    }
}
