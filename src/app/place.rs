//! Where keys go, and which table they move in there.

use super::model::Model;
use super::panes::detail::Tab;
use super::screen::{Focus, Screen};
use super::table::AnyTable;

/// Where keys go: the screen in front, and on the first one the part that has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The services list.
    Services,
    /// The detail of an instance, below the list or alone.
    Detail,
    /// The logs in that detail.
    Logs,
    /// The history in that detail.
    History,
    /// The editor.
    Editor,
    /// The review of a plan.
    Review,
    /// The fate table.
    Teardown,
    /// The plan of a scale or a restart.
    Adjust,
    /// The plan of an adoption.
    Adopt,
    /// The plans of several deploys.
    Bulk,
    /// The routes of instances, computed again.
    Routes,
    /// What a pull writes into a definition.
    Pull,
    /// What differs between two revisions.
    Comparison,
    /// Two texts that became of one, being merged.
    Merge,
    /// What others changed in an instance.
    Changes,
    /// All claims.
    Claims,
    /// The ports that are forwarded.
    Forwards,
    /// The nodes.
    Nodes,
    /// The operations under way, and those that were started here.
    Operations,
    /// The progress of operations.
    Progress,
    /// The command log.
    Log,
}

impl Model {
    /// Returns where keys go.
    pub fn place(&self) -> Place {
        match self.screens.last() {
            None if self.focus == Focus::Services => Place::Services,
            None | Some(Screen::Detail) => self.place_of_detail(),
            Some(Screen::Editor(_)) => Place::Editor,
            Some(Screen::Review(_)) => Place::Review,
            Some(Screen::Teardown(_)) => Place::Teardown,
            Some(Screen::Adjust(_)) => Place::Adjust,
            Some(Screen::Adopt(_)) => Place::Adopt,
            Some(Screen::Bulk(_)) => Place::Bulk,
            Some(Screen::Routes(_)) => Place::Routes,
            Some(Screen::Pull(_)) => Place::Pull,
            Some(Screen::Comparison(_)) => Place::Comparison,
            Some(Screen::Merge(_)) => Place::Merge,
            Some(Screen::Changes { .. }) => Place::Changes,
            Some(Screen::Claims) => Place::Claims,
            Some(Screen::Forwards) => Place::Forwards,
            Some(Screen::Nodes) => Place::Nodes,
            Some(Screen::Operations) => Place::Operations,
            Some(Screen::Progress(_)) => Place::Progress,
            Some(Screen::Log { .. }) => Place::Log,
        }
    }

    /// Returns where keys go if the detail has them.
    pub(super) fn place_of_detail(&self) -> Place {
        match self.detail_pane.tab {
            Tab::Logs => Place::Logs,
            Tab::History => Place::History,
            Tab::Pods | Tab::Volumes | Tab::Events | Tab::Objects | Tab::Definition => {
                Place::Detail
            }
        }
    }

    /// Returns the table among whose rows the keys move; none where there is another thing to move in.
    pub(super) fn table_mut(&mut self) -> Option<&mut dyn AnyTable> {
        match self.place() {
            Place::Services => Some(&mut self.services.table),
            Place::Detail => self.detail_pane.table_mut().map(|table| table as _),
            Place::History => Some(&mut self.detail_pane.history.table),
            Place::Claims => Some(&mut self.claims.table),
            Place::Forwards => Some(&mut self.forwards.table),
            Place::Nodes => Some(&mut self.nodes.table),
            Place::Operations => Some(&mut self.operations_pane.table),
            Place::Logs
            | Place::Editor
            | Place::Review
            | Place::Teardown
            | Place::Adjust
            | Place::Adopt
            | Place::Bulk
            | Place::Routes
            | Place::Pull
            | Place::Comparison
            | Place::Merge
            | Place::Changes
            | Place::Progress
            | Place::Log => None,
        }
    }
}
