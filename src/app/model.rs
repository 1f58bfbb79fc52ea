//! The state of the dashboard, whole: what was reported, what is open, and where the user is in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::definition::id::{InstanceId, Namespace};
use crate::service::detail::Detail;
use crate::service::fleet::{Connection, Fleet};
use crate::service::rights::PodRights;
use crate::service::summary::{Claim, InstanceKey};

use super::catalogue::CatalogueState;
use super::effect::ShellPlace;
use super::hints::Hints;
use super::hits::Hits;
use super::keymap::Keymap;
use super::knowledge::Knowledge;
use super::log::LogEntry;
use super::msg::{ImportedDefinition, OpId};
use super::operation::Operation;
use super::panes::claims::ClaimsPane;
use super::panes::detail::DetailPane;
use super::panes::editor::EditorPane;
use super::panes::forwards::ForwardsPane;
use super::panes::nodes::NodesPane;
use super::panes::operations::OperationsPane;
use super::panes::services::{RowKey, ServicesPane};
use super::place::Place;
use super::popup::Popup;
use super::screen::{Focus, Geometry, MIN_SIZE, Screen};
use super::search::TextSearch;
use super::session::{Session, SessionLink};
use super::status::Status;
use super::table::RowFilter;
use super::undo::{UndoStack, Writing};
use super::waits::Waits;

/// A shell in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shell {
    /// Its number.
    pub op: OpId,
    /// Of which instance.
    pub key: InstanceKey,
    /// Where it runs, once it does.
    pub place: Option<ShellPlace>,
}

/// What went to the terminal since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes.
    pub total: u64,
    /// Frames.
    pub n_frames: u64,
    /// Seconds since the start.
    pub seconds: u64,
    /// Bytes a second over the last minute.
    pub recent: u64,
    /// Bytes of the busiest second.
    pub peak: u64,
    /// Bytes a second that are allowed, where that is bounded.
    pub budget: Option<u32>,
}

/// The state of the dashboard.
#[derive(Debug, Clone)]
pub struct Model {
    /// The time of day.
    pub now: Timestamp,
    /// The time since the start, which never jumps.
    pub clock: Duration,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Which cluster is worked with.
    pub session: Session,
    /// All instances.
    pub fleet: Fleet,
    /// The instance that is watched in full, which may not be the selected one yet.
    pub detail: Option<Detail>,
    /// The catalogue.
    pub catalogue: CatalogueState,
    /// The services list.
    pub services: ServicesPane,
    /// The detail below it.
    pub detail_pane: DetailPane,
    /// All claims.
    pub claims: ClaimsPane,
    /// The ports that are forwarded.
    pub forwards: ForwardsPane,
    /// The nodes.
    pub nodes: NodesPane,
    /// The operations under way.
    pub operations_pane: OperationsPane,
    /// Which of both takes the keys.
    pub focus: Focus,
    /// What stands in front of both, the foremost last.
    pub screens: Vec<Screen>,
    /// What stands over all.
    pub popup: Option<Popup>,
    /// The sentence below.
    pub status: Option<Status>,
    /// Operations that were started here.
    pub operations: BTreeMap<OpId, Operation>,
    /// What is asked and not answered yet.
    pub waits: Waits,
    /// What was done.
    pub log: Vec<LogEntry>,
    /// What can be taken back.
    pub undo: UndoStack,
    /// Which key does what.
    pub keymap: Keymap,
    /// What the editor completes from.
    pub knowledge: Knowledge,
    /// Whether the editor lists what could be written without being asked.
    pub completes_unasked: bool,
    /// What this user may do with pods, by namespace; none where it is not known.
    pub rights: BTreeMap<Namespace, Option<PodRights>>,
    /// The shell that is being opened, or has the terminal.
    pub shell: Option<Shell>,
    /// What drawing told last.
    pub geometry: Geometry,
    /// What is looked for in the text in front.
    pub search: TextSearch,
    /// The filter of the rows in front while it is typed.
    pub row_filter: Option<RowFilter>,
    /// What is where on the screen, as it was drawn last.
    pub hits: Hits,
    /// First steps.
    pub hints: Hints,
    /// What went to the terminal.
    pub traffic: Traffic,
    /// Whether rows must be made anew before they are drawn or moved in.
    pub(super) is_stale: bool,
    /// Which row the detail below was made for.
    detail_of: Option<RowKey>,
    /// What the selection rests on, and when that is watched unless the selection moves on before.
    pub(super) resting: Option<(Option<InstanceKey>, Duration)>,
    /// The last number that was given to something asked for.
    pub(super) last_op: u64,
    /// The text that is on its way into a definition that nobody edits.
    pub(super) writing: Option<Writing>,
    /// The import that is awaited.
    pub(super) importing: Option<OpId>,
    /// What an import found while something else was in front, with the name of the definition: it was not looked at yet.
    pub(super) imported: Option<(InstanceId, Arc<ImportedDefinition>)>,
    /// What is looked for in the trash, to be put back.
    pub(super) returning: Vec<InstanceKey>,
}

impl Model {
    /// Returns the state at the start: nothing is known yet.
    pub fn new(now: Timestamp, is_sandbox: bool, wanted_context: Option<String>) -> Self {
        Self {
            now,
            clock: Duration::ZERO,
            size: (80, 24),
            session: Session::new(is_sandbox, wanted_context),
            fleet: Fleet::new(),
            detail: None,
            catalogue: CatalogueState::default(),
            services: ServicesPane::default(),
            detail_pane: DetailPane::default(),
            claims: ClaimsPane::default(),
            forwards: ForwardsPane::default(),
            nodes: NodesPane::default(),
            operations_pane: OperationsPane::default(),
            focus: Focus::Services,
            screens: Vec::new(),
            popup: None,
            status: None,
            operations: BTreeMap::new(),
            waits: Waits::default(),
            log: Vec::new(),
            undo: UndoStack::default(),
            keymap: Keymap::default(),
            knowledge: Knowledge::default(),
            completes_unasked: true,
            rights: BTreeMap::new(),
            shell: None,
            geometry: Geometry::default(),
            search: TextSearch::default(),
            row_filter: None,
            hits: Hits::default(),
            hints: Hints::default(),
            traffic: Traffic::default(),
            is_stale: true,
            detail_of: None,
            resting: None,
            last_op: 0,
            writing: None,
            importing: None,
            imported: None,
            returning: Vec::new(),
        }
    }

    /// Tells whether what is shown of the cluster is as it is there now.
    pub fn is_live(&self) -> bool {
        self.session.link == SessionLink::Connected
            && !matches!(self.fleet.connection(), Connection::Retrying { .. })
    }

    /// Returns the open editor, wherever it stands.
    pub fn editor(&self) -> Option<&EditorPane> {
        self.screens.iter().rev().find_map(|screen| match screen {
            Screen::Editor(pane) => Some(pane.as_ref()),
            _ => None,
        })
    }

    pub(super) fn editor_mut(&mut self) -> Option<&mut EditorPane> {
        self.screens
            .iter_mut()
            .rev()
            .find_map(|screen| match screen {
                Screen::Editor(pane) => Some(pane.as_mut()),
                _ => None,
            })
    }

    /// Returns how many operations run.
    pub fn n_running(&self) -> usize {
        self.operations
            .values()
            .filter(|op| op.is_running())
            .count()
    }

    /// Returns how many operations have something to write still.
    pub fn n_writing(&self) -> usize {
        let operations = self.operations.values();
        operations.filter(|op| op.is_writing()).count()
    }

    /// Returns the last number that was given to something asked for.
    #[cfg(test)]
    pub(crate) fn last_op(&self) -> u64 {
        self.last_op
    }

    pub(super) fn next_op(&mut self) -> OpId {
        self.last_op += 1;
        OpId(self.last_op)
    }

    /// Returns what has to be asked about before the program ends, in two words.
    pub fn asked_before_quit(&self) -> Option<&'static str> {
        if self.editor().is_some_and(|pane| pane.unsaved().is_some()) {
            return Some("unsaved text");
        }
        (self.n_writing() > 0).then_some("operation runs")
    }

    /// Tells whether the terminal is large enough for a picture.
    pub(super) fn is_seen(&self) -> bool {
        self.size.0 >= MIN_SIZE.0 && self.size.1 >= MIN_SIZE.1
    }

    /// Makes rows anew where what they show has changed. To be called before drawing.
    pub fn settle(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.operations_pane.hear(&self.fleet, self.clock);
            self.services.rebuild(
                &self.fleet,
                &self.catalogue.entries,
                self.session.scope.as_ref(),
            );
            if self.screens.iter().any(|it| matches!(it, Screen::Claims)) {
                self.claims
                    .rebuild(&self.fleet, self.session.scope.as_ref());
            }
            if self
                .screens
                .iter()
                .any(|it| matches!(it, Screen::Operations))
            {
                self.operations_pane.rebuild(
                    &self.operations,
                    (&self.session.context, self.session.scope.as_ref()),
                    self.clock,
                );
            }
        } else if self.detail_of.as_ref() == self.services.table.selected() {
            return;
        }
        self.detail_of = self.services.table.selected().cloned();
        let row = self.services.table.selected();
        let kept: Vec<Claim> = row
            .into_iter()
            .flat_map(|row| self.kept_claims(row))
            .cloned()
            .collect();
        let key = self.selected_instance();
        let detail = self.detail.as_ref().filter(|d| Some(d.key()) == key);
        self.detail_pane.rebuild(detail, &kept);
    }

    /// Takes what drawing told.
    pub fn set_geometry(&mut self, geometry: Geometry) {
        let last = geometry.n_lines.saturating_sub(geometry.list_height);
        match (&mut self.popup, self.screens.last_mut()) {
            (Some(Popup::Help { top }), _) => *top = (*top).min(last),
            (_, Some(Screen::Review(pane))) => {
                pane.notices = pane.notices.min(geometry.notices.1);
                pane.scroll = pane.scroll.min(geometry.n_beyond);
            }
            (_, Some(Screen::Merge(pane))) => pane.scroll = pane.scroll.min(geometry.n_beyond),
            (_, Some(Screen::Editor(pane))) => pane.preview.keep_within(geometry.difference),
            _ => {}
        }
        if let (Some(found), Some(top)) = (geometry.found, self.text_top_mut()) {
            *top = found.top;
            self.search.on_drawn(found.at);
        }
        if let (Some(found), Some(Screen::Progress(pane))) =
            (geometry.found, self.screens.last_mut())
        {
            pane.on_drawn(found.last_top, geometry.starts.clone());
        }
        if let (Some((height, width)), Some(pane)) = (geometry.editor, self.editor_mut()) {
            pane.ensure_visible(height, width);
        }
        if let Some((height, width)) = geometry.definition {
            self.detail_pane.ensure_visible(height, width);
        }
        self.geometry = geometry;
    }

    /// Tells whether keys are typed into the last line: a filter, or what is searched.
    pub(super) fn is_typing(&self) -> bool {
        let logs = &self.detail_pane.logs;
        let lines = [
            &self.services.filter,
            &self.search.input,
            &logs.filter_input,
        ];
        self.row_filter.is_some() || lines.into_iter().any(Option::is_some)
    }

    /// Returns the line that is shown first of the text in front that can be searched: of a review, the difference of what is
    /// selected. How far it goes is known once it is drawn.
    pub(super) fn text_top_mut(&mut self) -> Option<&mut usize> {
        match self.screens.last_mut()? {
            Screen::Review(pane) => Some(&mut pane.scroll),
            Screen::Teardown(pane) => Some(&mut pane.scroll),
            Screen::Adjust(pane) => Some(&mut pane.scroll),
            Screen::Adopt(pane) => Some(&mut pane.scroll),
            Screen::Routes(pane) => Some(&mut pane.scroll),
            Screen::Pull(pane) => Some(&mut pane.scroll),
            Screen::Comparison(pane) => Some(&mut pane.scroll),
            Screen::Changes { scroll } => Some(scroll),
            Screen::Progress(pane) => Some(&mut pane.top),
            Screen::Detail
            | Screen::Editor(_)
            | Screen::Bulk(_)
            | Screen::Merge(_)
            | Screen::Claims
            | Screen::Forwards
            | Screen::Nodes
            | Screen::Operations
            | Screen::Log { .. } => None,
        }
    }

    /// Returns how long nothing happens by itself; none while nothing will.
    pub fn next_wake(&self) -> Option<Duration> {
        let by_clock = [
            self.resting.as_ref().map(|(_, at)| *at),
            self.status.as_ref().map(|status| status.until),
            self.editor()
                .and_then(|pane| pane.next_deadline(self.place() == Place::Editor)),
            super::update::objects_due(self),
            self.waits.next_change(self.clock),
            self.next_still(),
        ];
        let by_day = [
            self.fleet.next_refresh(),
            self.geometry.next_age,
            self.session.next_retry(),
        ];
        let by_clock = by_clock
            .into_iter()
            .flatten()
            .map(|at| at.saturating_sub(self.clock));
        let until =
            |at: Timestamp| Duration::try_from(at.duration_since(self.now)).unwrap_or_default();
        by_clock
            .chain(by_day.into_iter().flatten().map(until))
            .min()
    }

    /// Returns when an operation in sight is seen to stand still.
    pub(super) fn next_still(&self) -> Option<Duration> {
        let is_open = matches!(self.screens.last(), Some(Screen::Operations));
        is_open.then(|| self.operations_pane.next_still(self.clock))?
    }

    /// Tells whether the key that goes back gives up a wait.
    pub fn can_give_up(&self, wait: &super::waits::Wait) -> bool {
        super::update::can_give_up(self, wait)
    }
}
