//! What others changed in the selected instance: what is known of it, and whether it has to be looked at again.
//!
//! The live objects are compared when the instance is seen to be changed, when one of its objects changes after that, and when
//! somebody asks: never because time goes by. One comparison runs at a time; what happens meanwhile leads to one more.

use crate::app::effect::Effect;
use crate::app::msg::OpId;
use crate::definition::object::GroupKind;
use crate::failure::Failure;
use crate::service::detail::Detail;
use crate::service::drift::{Changes, Presence};
use crate::service::summary::{InstanceKey, ObjectRow, WorkloadKind};
use crate::service::watch::{Delta, WatchEvent};

/// What watches tell of the objects of an instance: where any of it is another, others may have changed something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct Seen {
    revision: Option<u32>,
    /// Of each workload what a change of its content changes, and no report of its pods does.
    workloads: Vec<(String, i64, u32, Option<u64>, bool)>,
    /// How many changes of other objects were reported.
    n_reports: u64,
}

/// What others changed in an instance.
#[derive(Debug, Clone, Default)]
pub struct ChangesPane {
    /// What was asked for last: earlier answers are stale.
    op: OpId,
    /// Which instance it is about.
    of: Option<InstanceKey>,
    is_reading: bool,
    /// What was seen when it was last asked for.
    asked: Option<Seen>,
    n_reports: u64,
    /// What others changed, or why that cannot be told; none of both before the first answer.
    result: Option<Result<Changes, Failure>>,
}

impl ChangesPane {
    /// Returns the number that was asked with last.
    pub(in crate::app) fn op(&self) -> OpId {
        self.op
    }

    /// Returns what was found last, or why nothing was.
    pub fn result(&self) -> Option<Result<&Changes, &Failure>> {
        self.result.as_ref().map(Result::as_ref)
    }

    /// Returns what others changed, once it is known and where it is anything.
    pub fn found(&self) -> Option<&Changes> {
        let found = self.result.as_ref()?.as_ref().ok()?;
        (!found.is_empty()).then_some(found)
    }

    /// Returns how much others changed, in words.
    pub fn extent(&self) -> Option<String> {
        self.found().map(extent)
    }

    /// Forgets everything; tells whether a comparison runs that nobody waits for any more.
    pub(in crate::app) fn forget(&mut self) -> bool {
        std::mem::take(self).is_reading
    }

    /// Tells whether it is about an instance.
    pub(in crate::app) fn is_of(&self, key: Option<&InstanceKey>) -> bool {
        self.of.as_ref() == key
    }

    /// Returns what is seen of an instance where that is newer than what is known, and nobody looks yet.
    pub(in crate::app) fn due(&self, detail: &Detail) -> Option<Seen> {
        let seen = self.see(detail);
        (!self.is_reading && self.asked.as_ref() != Some(&seen)).then_some(seen)
    }

    /// Awaits the answer to a question about an instance of which this is seen.
    pub(in crate::app) fn ask(&mut self, op: OpId, of: InstanceKey, seen: Seen) {
        (self.of, self.asked) = (Some(of), Some(seen));
        (self.op, self.is_reading) = (op, true);
    }

    /// Returns the comparison that runs; none where none does.
    pub(in crate::app) fn reading(&self) -> Option<Effect> {
        let (op, key) = (self.op, self.of.clone());
        self.is_reading.then_some(Effect::ReadChanges { op, key })
    }

    /// Lets what is known count as old.
    pub(in crate::app) fn outdate(&mut self) {
        self.asked = None;
    }

    pub(in crate::app) fn on_read(&mut self, op: OpId, result: Result<Changes, Failure>) {
        if op == self.op && self.is_reading {
            self.is_reading = false;
            self.result = Some(result);
        }
    }

    /// Takes what a watch reports, before the detail does.
    pub(in crate::app) fn on_event(&mut self, detail: &Detail, event: &WatchEvent) {
        if let WatchEvent::Objects(kind, deltas) = event
            && !is_workload(kind)
            && deltas.iter().any(|delta| tells_of_set(detail, kind, delta))
        {
            self.n_reports += 1;
        }
    }

    fn see(&self, detail: &Detail) -> Seen {
        let workloads = detail.workloads().iter().map(|workload| {
            let name = format!("{}/{}", workload.kind, workload.uid);
            let (owned, has_foreign) = (workload.owned, workload.has_foreign);
            (
                name,
                workload.generation,
                workload.wanted,
                owned,
                has_foreign,
            )
        });
        Seen {
            revision: detail.record().and_then(|record| record.revision),
            workloads: workloads.collect(),
            n_reports: self.n_reports,
        }
    }
}

/// Their own watches tell of them more exactly: each new pod changes their status.
fn is_workload(kind: &GroupKind) -> bool {
    let is_named = |it: WorkloadKind| kind.kind == it.as_str();
    kind.group == "apps" && WorkloadKind::RENDERED.into_iter().any(is_named)
}

/// Tells whether a report is about an object that bowline made; controllers make and change others all the time.
fn tells_of_set(detail: &Detail, kind: &GroupKind, delta: &Delta<ObjectRow>) -> bool {
    let is_of_set = |row: &ObjectRow| row.is_member() && row.owner.is_none();
    match delta {
        Delta::Reset(_) => true,
        Delta::Applied(row) => is_of_set(row),
        Delta::Removed(gone) => detail.objects().iter().any(|row| {
            GroupKind::of(&row.key) == *kind && row.key.name == gone.name && is_of_set(row)
        }),
    }
}

fn extent(changes: &Changes) -> String {
    let n_fields: usize = changes.objects.iter().map(|it| it.fields.len()).sum();
    let is_gone = |presence| presence != Presence::There;
    let n_gone = changes
        .objects
        .iter()
        .filter(|object| is_gone(object.presence))
        .count();
    let count = |number: usize, one: &str, more: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {more}")),
    };
    let parts = [
        count(n_fields, "field", "fields"),
        count(n_gone, "object deleted", "objects deleted"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}
