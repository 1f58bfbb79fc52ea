//! All claims of the scope: of what runs, and those that teardowns kept.

use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::service::fleet::Fleet;
use crate::service::summary::{Claim, InstanceKey};
use crate::service::watch::Scope;

const COLUMNS: &[Column] = &[
    Column::text("CLAIM", 0, 63),
    Column::text("INSTANCE", 0, 40),
    Column::text("USE", 0, 8),
    Column::text("STATUS", 1, 12),
    Column::number("CAPACITY", 0),
    Column::text("ACCESS", 4, 12),
    Column::text("STORAGECLASS", 3, 24),
    Column::text("VOLUME", 5, 48),
    Column::text("AGE", 2, 8),
    Column::text("NAMESPACE", 0, 30).optional(),
];

/// What is said of a claim that nothing uses.
const KEPT: &str = "kept";

/// What identifies a claim: its instance, and its name there.
pub type ClaimKey = (InstanceKey, String);

/// All claims.
#[derive(Debug, Clone)]
pub struct ClaimsPane {
    /// Their rows; those that nothing uses come first.
    pub table: Table<ClaimKey>,
}

impl Default for ClaimsPane {
    fn default() -> Self {
        let by_use = Sort {
            column: 2,
            is_descending: false,
        };
        Self {
            table: Table::new(COLUMNS, by_use),
        }
    }
}

impl ClaimsPane {
    /// Returns the instance of the selected claim, where that is one that a teardown kept.
    pub fn selected_kept(&self) -> Option<&InstanceKey> {
        let row = self.table.selected_row()?;
        let is_kept = matches!(&row.cells[2], Value::Text(of) if of == KEPT);
        is_kept.then_some(&row.key.0)
    }

    pub(in crate::app) fn rebuild(&mut self, fleet: &Fleet, scope: Option<&Scope>) {
        let shows_namespace = matches!(scope, Some(Scope::All));
        let row = |claim: &Claim| {
            let is_used = fleet
                .get(&claim.instance)
                .is_some_and(|instance| instance.is_deployed());
            row(claim, is_used, shows_namespace)
        };
        self.table.set_rows(fleet.claims().map(row).collect());
    }
}

fn row(claim: &Claim, is_used: bool, shows_namespace: bool) -> Row<ClaimKey> {
    let status = match (&claim.deletion, claim.phase.as_str()) {
        (Some(_), _) => Value::Bad("Terminating".to_owned()),
        (None, "Bound") => Value::Text(claim.phase.clone()),
        (None, _) => Value::Bad(claim.phase.clone()),
    };
    let size = claim.capacity.as_ref().unwrap_or(&claim.requested);
    let use_of = if is_used { "used" } else { KEPT };
    Row {
        key: (claim.instance.clone(), claim.name.clone()),
        cells: vec![
            Value::Text(claim.name.clone()),
            Value::Text(claim.instance.id.to_string()),
            Value::Text(use_of.to_owned()),
            status,
            Value::Text(size.clone()),
            Value::Text(claim.access_modes.join(",")),
            Value::of(claim.storage_class.clone()),
            Value::of(claim.volume.clone()),
            Value::Age(claim.created),
            Value::of(shows_namespace.then(|| claim.instance.namespace.to_string())),
        ],
    }
}
