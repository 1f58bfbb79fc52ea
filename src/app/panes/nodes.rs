//! The nodes: what they have to give, and what is asked for on them.

use jiff::Timestamp;

use crate::app::msg::OpId;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::failure::Failure;
use crate::service::capacity::NodeCapacity;
use crate::service::quantity;
use crate::service::usage;

const COLUMNS: &[Column] = &[
    Column::text("NODE", 0, 40),
    Column::text("STATUS", 1, 28),
    Column::text("GPUS", 0, 60),
    Column::text("CPU", 0, 24),
    Column::text("MEMORY", 0, 24),
    Column::text("PODS", 2, 12),
];

/// The nodes.
#[derive(Debug, Clone)]
pub struct NodesPane {
    /// The question: answers to earlier ones are stale.
    pub op: OpId,
    /// Whether an answer is awaited.
    pub is_asked: bool,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// Whether what is asked for may not be seen.
    pub is_partial: bool,
    /// When they were read.
    pub read_at: Option<Timestamp>,
    /// Their rows.
    pub table: Table<String>,
}

impl Default for NodesPane {
    fn default() -> Self {
        Self {
            op: OpId::default(),
            is_asked: false,
            failure: None,
            is_partial: false,
            read_at: None,
            table: Table::new(COLUMNS, Sort::default()),
        }
    }
}

impl NodesPane {
    pub(in crate::app) fn ask(&mut self, op: OpId) {
        (self.op, self.is_asked) = (op, true);
    }

    pub(in crate::app) fn on_read(
        &mut self,
        result: Result<Vec<NodeCapacity>, Failure>,
        now: Timestamp,
    ) {
        self.is_asked = false;
        match result {
            Ok(nodes) => {
                self.read_at = Some(now);
                self.failure = None;
                self.is_partial = nodes.iter().any(|node| node.requested.is_none());
                self.table.set_rows(nodes.iter().map(row).collect());
            }
            Err(failure) => self.failure = Some(failure),
        }
    }
}

fn row(capacity: &NodeCapacity) -> Row<String> {
    let node = &capacity.node;
    let status = match (node.is_ready, node.is_cordoned) {
        (true, false) => Value::Text("Ready".to_owned()),
        (true, true) => Value::Bad("Ready,SchedulingDisabled".to_owned()),
        (false, false) => Value::Bad("NotReady".to_owned()),
        (false, true) => Value::Bad("NotReady,SchedulingDisabled".to_owned()),
    };
    let asked = capacity.requested.as_ref().map(|(_, asked)| asked);
    let cores = |nanocores: u64| quantity::show_cores(nanocores);
    let bytes = |bytes: u64| quantity::show_bytes(bytes.into());
    let amounts = asked.map(|asked| asked.amounts);
    let devices = node.devices.iter().map(|(name, there)| {
        let asked = asked.map(|asked| asked.devices.get(name).copied().unwrap_or(0));
        let asked = asked.map_or_else(|| "?".to_owned(), |asked| asked.to_string());
        format!("{asked}/{there} {name}")
    });
    let devices: Vec<String> = devices.collect();
    let pods = capacity.requested.as_ref().map(|(n_pods, _)| *n_pods);
    let pods = pods.map_or_else(|| "?".to_owned(), |n_pods| n_pods.to_string());
    Row {
        key: node.name.clone(),
        cells: vec![
            Value::Text(node.name.clone()),
            status,
            Value::of((!devices.is_empty()).then(|| devices.join(", "))),
            of(
                amounts.map(|it| it.cpu.unwrap_or(0)),
                node.allocatable.cpu,
                cores,
            ),
            of(
                amounts.map(|it| it.memory.unwrap_or(0)),
                node.allocatable.memory,
                bytes,
            ),
            Value::Text(format!("{pods}/{}", node.max_pods)),
        ],
    }
}

/// Returns how much of what there is was asked for, ordered by that.
fn of(asked: Option<u64>, there: Option<u64>, show: impl Fn(u64) -> String) -> Value {
    let Some(there) = there else {
        return Value::Missing;
    };
    let Some(asked) = asked else {
        return Value::Number(0, format!("?/{}", show(there)));
    };
    let share = usage::percent(asked, there).unwrap_or(0);
    Value::Number(share, format!("{}/{} {share}%", show(asked), show(there)))
}
