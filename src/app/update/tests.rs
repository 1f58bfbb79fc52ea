//! What `update` decides, told as keys and messages; effects are compared whole.

mod adjust;
mod assist;
mod bulk;
mod changes;
mod claims;
mod connection;
mod deploy;
mod editing;
mod filtering;
mod forwards;
mod guard;
mod help;
mod history;
mod imports;
mod list;
mod logs;
mod merging;
mod mouse;
mod objects;
mod operations;
mod ownership;
mod preview;
mod pulls;
mod resuming;
mod routes;
mod secrets;
mod shells;
mod stopping;
mod teardown;
mod unseen;
mod usage;
mod waiting;
mod wording;

use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::stage::{self, Stage};

use super::operations::begin;

/// Returns what was told last, nothing where nothing was.
fn told(stage: &Stage) -> &str {
    stage.told().unwrap_or_default()
}

/// Begins the restart of web, without showing its progress.
fn begin_restart(stage: &mut Stage) -> OpId {
    let of = stage::key("web");
    begin(&mut stage.model, OperationKind::Restart, of, "restart web")
}
