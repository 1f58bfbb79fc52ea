//! All claims of the scope: of what runs, and those that teardowns kept; and the volumes that teardowns retained.

use crate::app::msg::Epoch;
use crate::app::table::{Column, Row, Sort, Table, Value};
use crate::engine::plan::TeardownScope;
use crate::service::fleet::Fleet;
use crate::service::retained::RetainedVolume;
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

/// What is said of a volume that no claim holds.
const RETAINED: &str = "retained";

/// What identifies a row: the instance, and the name of the claim there, or of the volume.
pub type ClaimKey = (InstanceKey, String);

/// All claims.
#[derive(Debug, Clone)]
pub struct ClaimsPane {
    /// Their rows; those that nothing uses come first.
    pub table: Table<ClaimKey>,
    /// The connection over which retained volumes are watched.
    pub watched: Option<Epoch>,
}

impl Default for ClaimsPane {
    fn default() -> Self {
        let by_use = Sort {
            column: 2,
            is_descending: false,
        };
        Self {
            table: Table::new(COLUMNS, by_use),
            watched: None,
        }
    }
}

impl ClaimsPane {
    /// Returns the instance of the selected row and what was left of it, where a teardown left it.
    pub fn selected_left(&self) -> Option<(&InstanceKey, TeardownScope)> {
        let row = self.table.selected_row()?;
        let scope = match &row.cells[2] {
            Value::Text(of) if of == KEPT => TeardownScope::KeptClaims,
            Value::Text(of) if of == RETAINED => TeardownScope::RetainedVolumes,
            _ => return None,
        };
        Some((&row.key.0, scope))
    }

    /// Says what can be done with the selected row, where a teardown left it.
    pub fn advice(&self, fleet: &Fleet) -> Option<String> {
        let ((key, scope), row) = (self.selected_left()?, self.table.selected_row()?);
        let id = &key.id;
        Some(match scope {
            TeardownScope::Instance => return None,
            TeardownScope::KeptClaims => {
                format!("A deploy of {id} uses it again; a release deletes it.")
            }
            TeardownScope::RetainedVolumes => {
                let volume = fleet.retained().find(|it| it.volume == row.key.1)?;
                let is_claimed = |it: &Claim| it.instance == *key && it.name == volume.claim;
                match fleet.claims().any(is_claimed) {
                    true => format!(
                        "Claim {} has another volume by now; a release deletes this one.",
                        volume.claim
                    ),
                    false => format!(
                        "A deploy of {id} offers to bind it again to claim {}; a release deletes it.",
                        volume.claim
                    ),
                }
            }
        })
    }

    pub(in crate::app) fn rebuild(&mut self, fleet: &Fleet, scope: Option<&Scope>) {
        let shows_namespace = matches!(scope, Some(Scope::All));
        let row = |claim: &Claim| {
            let is_used = fleet
                .get(&claim.instance)
                .is_some_and(|instance| instance.is_deployed());
            row(claim, is_used, shows_namespace)
        };
        let retained = fleet.retained().map(|it| retained(it, shows_namespace));
        let rows = fleet.claims().map(row).chain(retained);
        self.table.set_rows(rows.collect());
    }
}

/// Returns a row for a volume, under the name of the claim that it is from.
fn retained(volume: &RetainedVolume, shows_namespace: bool) -> Row<ClaimKey> {
    let status = match (volume.is_going, volume.phase.as_str()) {
        (true, _) => Value::Bad("Terminating".to_owned()),
        (false, "Failed") => Value::Bad(volume.phase.clone()),
        (false, _) => Value::Text(volume.phase.clone()),
    };
    Row {
        key: (volume.instance.clone(), volume.volume.clone()),
        cells: vec![
            Value::Text(volume.claim.clone()),
            Value::Text(volume.instance.id.to_string()),
            Value::Text(RETAINED.to_owned()),
            status,
            Value::Text(volume.size.clone()),
            Value::Missing,
            Value::of(volume.storage_class.clone()),
            Value::Text(volume.volume.clone()),
            Value::Age(volume.created),
            Value::of(shows_namespace.then(|| volume.instance.namespace.to_string())),
        ],
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
