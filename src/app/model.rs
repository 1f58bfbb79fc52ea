//! The state of the dashboard, whole: what was reported, what is open, and where the user is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::definition::id::{InstanceId, Namespace};
use crate::failure::Failure;
use crate::guard::Guard;
use crate::service::detail::Detail;
use crate::service::fleet::{Connection, Fleet};
use crate::service::protection::Protection;
use crate::service::rights::{PodRights, Rights};
use crate::service::summary::{Claim, InstanceKey, Record};
use crate::service::watch::Scope;

use super::action::Action;
use super::effect::ShellPlace;
use super::hints::Hints;
use super::hits::Hits;
use super::invocation::Invocation;
use super::keymap::{Key, Keymap};
use super::knowledge::Knowledge;
use super::msg::{Epoch, ImportedDefinition, OpId};
use super::operation::Operation;
use super::panes::adjust::AdjustPane;
use super::panes::adopt::AdoptPane;
use super::panes::bulk::BulkPane;
use super::panes::claims::ClaimsPane;
use super::panes::comparison::ComparisonPane;
use super::panes::detail::{DetailPane, Tab};
use super::panes::editor::EditorPane;
use super::panes::forwards::ForwardsPane;
use super::panes::merge::MergePane;
use super::panes::nodes::NodesPane;
use super::panes::operations::OperationsPane;
use super::panes::pull::PullPane;
use super::panes::review::ReviewPane;
use super::panes::routes::RoutesPane;
use super::panes::services::{RowKey, ServicesPane};
use super::panes::teardown::TeardownPane;
use super::place::Place;
use super::popup::{Choice, Menu, MenuItem, Popup};
use super::undo::{UndoStack, Writing};
use super::waits::Waits;

/// Columns and rows of the smallest picture; smaller terminals get one line that says so.
pub const MIN_SIZE: (u16, u16) = (40, 10);

/// Most commands that the log keeps.
pub(super) const MAX_LOG: usize = 500;

/// A definition of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueEntry {
    /// Its name.
    pub name: InstanceId,
    /// SHA-256 of its text, in hex.
    pub hash: String,
    /// The image of its first container, where it is readable.
    pub image: Option<String>,
    /// The namespace that it names, where it is readable and names one.
    pub namespace: Option<Namespace>,
}

impl CatalogueEntry {
    /// Returns the namespace that it names, where a scope is not that namespace alone: it may run there, out of sight.
    pub fn named_elsewhere(&self, scope: Option<&Scope>) -> Option<&Namespace> {
        let shown = scope.and_then(Scope::namespace);
        self.namespace.as_ref().filter(|named| shown != Some(named))
    }
}

/// What is known of the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CatalogueState {
    /// Where it is, once it was listed.
    pub dir: Option<PathBuf>,
    /// The definitions, sorted by name.
    pub entries: Vec<CatalogueEntry>,
    /// Files that are refused, with the reason.
    pub refused: Vec<(String, String)>,
    /// Why it could not be listed.
    pub failure: Option<Failure>,
}

impl CatalogueState {
    /// Returns what is known of a definition.
    pub fn entry(&self, name: &InstanceId) -> Option<&CatalogueEntry> {
        self.entries.iter().find(|entry| entry.name == *name)
    }
}

/// How far the connection is made; how its watches are doing is the fleet's to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionLink {
    /// Credentials are being got.
    Connecting,
    /// The watches run.
    Connected,
    /// It could not even be tried.
    Offline {
        /// Why.
        failure: Failure,
        /// When it is tried again.
        retry_at: Timestamp,
    },
}

/// Which cluster is worked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Number of the connection.
    pub epoch: Epoch,
    /// The context that was asked for; none is the current one.
    pub wanted_context: Option<String>,
    /// Name of the context, once known.
    pub context: String,
    /// Whether commands name the cluster by that; not where the server is named by itself, or is the one that this runs in.
    pub has_context: bool,
    /// Name of the cluster, once known.
    pub cluster: String,
    /// Which cluster it is, whatever its name: the uid of `kube-system`, once known.
    pub uid: Option<String>,
    /// What is shown of it, once known.
    pub scope: Option<Scope>,
    /// How far the connection is made.
    pub link: SessionLink,
    /// How many attempts failed in a row.
    pub n_failed: u32,
    /// Whether it is the cluster inside this process.
    pub is_sandbox: bool,
    /// Whether the server's certificate is not verified.
    pub is_insecure: bool,
    /// What holds there beyond what the server allows.
    pub guard: Guard,
    /// What this user may do in the namespace that is shown.
    pub rights: Rights,
    /// How it was begun.
    pub invocation: Invocation,
    /// The namespace that was asked for when the session began, which is told once another context has another.
    pub asked_namespace: Option<Namespace>,
    /// Where all that is shown is protected, once that is known.
    pub protection: Option<Protection>,
    /// The number that was given last before this connection: what was planned with it, or a smaller one, was planned elsewhere.
    pub(super) since: u64,
    /// The number of the connection; that of what is shown of it is another once the namespace is.
    pub(super) connection: Epoch,
}

impl Session {
    /// Returns the namespace that is worked in; none while all are shown or none is known.
    pub fn namespace(&self) -> Option<&Namespace> {
        self.scope.as_ref().and_then(Scope::namespace)
    }

    /// Returns why IDs are typed before anything is written, if that is so.
    pub fn asks_for_ids(&self) -> Option<&'static str> {
        if self.is_insecure {
            return Some("The server's certificate is not verified: it may be another server.");
        }
        self.guard
            .is_protected
            .then_some("The settings protect this context.")
    }

    /// Returns how commands begin that are about this cluster.
    pub fn program(&self) -> String {
        let context = self.has_context.then_some(self.context.as_str());
        self.invocation.program(context)
    }

    /// Tells whether something was asked of the present connection.
    pub fn has_asked(&self, op: OpId) -> bool {
        op.0 > self.since
    }
}

/// Which part of the first screen takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The services list.
    Services,
    /// The detail below.
    Detail,
}

/// What stands in front of the services list.
#[derive(Debug, Clone)]
pub enum Screen {
    /// The detail of the selected instance alone.
    Detail,
    /// The editor.
    Editor(Box<EditorPane>),
    /// The review of a plan.
    Review(Box<ReviewPane>),
    /// The fate table.
    Teardown(Box<TeardownPane>),
    /// The plan of a scale or a restart.
    Adjust(Box<AdjustPane>),
    /// The plan of an adoption.
    Adopt(Box<AdoptPane>),
    /// The plans of several deploys.
    Bulk(Box<BulkPane>),
    /// The plans of routes.
    Routes(Box<RoutesPane>),
    /// The plan of a pull.
    Pull(Box<PullPane>),
    /// What differs between two revisions.
    Comparison(Box<ComparisonPane>),
    /// The text of the editor below, merged with another that became of the same.
    Merge(Box<MergePane>),
    /// What others changed in the selected instance.
    Changes {
        /// The first line that is shown.
        scroll: usize,
    },
    /// All claims.
    Claims,
    /// The ports that are forwarded.
    Forwards,
    /// The nodes.
    Nodes,
    /// The operations under way, and those that were started here.
    Operations,
    /// The progress of these operations.
    Progress {
        /// Which, the newest last.
        ops: Vec<OpId>,
        /// Lines below the last that is shown; the newest lines are in sight unless this is scrolled.
        n_below: usize,
    },
    /// The command log.
    Log {
        /// Which entry is selected, the newest being 0.
        selected: usize,
    },
}

/// A sentence below the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The sentence.
    pub text: String,
    /// Whether it tells of trouble.
    pub is_error: bool,
    /// Whether it answers a key, and is read by the next one.
    pub is_answer: bool,
    /// Until when it is shown, by the clock that never jumps.
    pub until: Duration,
}

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

/// Something that was done, as a command that does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it was started.
    pub at: Timestamp,
    /// The command.
    pub command: String,
    /// What it started, if it did.
    pub op: Option<OpId>,
    /// Whether that failed, where it is no operation, which tells of itself.
    pub is_failed: bool,
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

/// What drawing told: sizes that moving needs, and when the picture changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Geometry {
    /// Rows of the list in front.
    pub list_height: usize,
    /// Lines of the progress, the plan or the help in front.
    pub n_lines: usize,
    /// The first line of the log that was drawn, and how many there was room for.
    pub logs: (usize, usize),
    /// How many cells of the longest line of the log in sight are beyond the right border.
    pub log_overhang: usize,
    /// Height and width of the editor's text.
    pub editor: Option<(usize, usize)>,
    /// How many lines of the difference in front its part has no room for: it scrolls no further.
    pub n_beyond: usize,
    /// Rows of what applying the edited text would change; 0 where that is not shown.
    pub preview: usize,
    /// Height and width of the definition's text in its tab.
    pub definition: Option<(usize, usize)>,
    /// When the first of the ages on the screen changes its text.
    pub next_age: Option<Timestamp>,
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
    pub(super) returning: Option<InstanceKey>,
}

impl Model {
    /// Returns the state at the start: nothing is known yet.
    pub fn new(now: Timestamp, is_sandbox: bool, wanted_context: Option<String>) -> Self {
        Self {
            now,
            clock: Duration::ZERO,
            size: (80, 24),
            session: Session {
                epoch: Epoch::default(),
                context: wanted_context.clone().unwrap_or_default(),
                wanted_context,
                has_context: true,
                cluster: String::new(),
                uid: None,
                scope: None,
                link: SessionLink::Connecting,
                n_failed: 0,
                is_sandbox,
                is_insecure: false,
                guard: Guard::default(),
                rights: Rights::default(),
                invocation: Invocation::default(),
                asked_namespace: None,
                protection: None,
                since: 0,
                connection: Epoch::default(),
            },
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
            returning: None,
        }
    }

    /// Returns the definition that the selected row stands for.
    ///
    /// # Errors
    /// There is none, with the reason.
    pub fn definition_of_selection(&self) -> Result<InstanceId, &'static str> {
        let row = self.services.table.selected();
        self.definition_of(row.ok_or("nothing is selected")?)
    }

    /// Returns the definition that a row stands for.
    ///
    /// # Errors
    /// It is not in the catalogue.
    pub fn definition_of(&self, row: &RowKey) -> Result<InstanceId, &'static str> {
        let name = match row {
            RowKey::Saved(name) => name,
            RowKey::Kept(key) => &key.id,
            RowKey::Instance(key) => self
                .fleet
                .get(key)
                .and_then(|instance| instance.record())
                .map_or(&key.id, |record| &record.definition),
        };
        if self
            .catalogue
            .entries
            .iter()
            .any(|entry| entry.name == *name)
        {
            Ok(name.clone())
        } else {
            Err("its definition is not in this catalogue")
        }
    }

    /// Returns the selected instance, if it is one that runs.
    pub fn selected_instance(&self) -> Option<&InstanceKey> {
        match self.services.table.selected()? {
            RowKey::Instance(key) => Some(key),
            RowKey::Saved(_) | RowKey::Kept(_) => None,
        }
    }

    /// Returns what is known in full of the selected instance; none until it is watched.
    pub fn selected_detail(&self) -> Option<&Detail> {
        let key = self.selected_instance()?;
        self.detail.as_ref().filter(|detail| detail.key() == key)
    }

    /// Returns the claims that teardowns kept, of what a row stands for; none of one that runs.
    pub fn kept_claims<'m>(&'m self, row: &'m RowKey) -> impl Iterator<Item = &'m Claim> {
        self.fleet.kept_claims().filter(move |claim| match row {
            RowKey::Instance(_) => false,
            RowKey::Saved(name) => claim.instance.id == *name,
            RowKey::Kept(key) => claim.instance == *key,
        })
    }

    /// Returns what a teardown would be of, of the marked rows or else the selected one: what runs, and claims kept.
    pub fn teardown_targets(&self) -> Vec<InstanceKey> {
        let of_rows = self.target_rows();
        let mut targets: BTreeSet<InstanceKey> = BTreeSet::new();
        for row in of_rows {
            match row {
                RowKey::Instance(key) if self.is_deployed(key) => {
                    targets.insert(key.clone());
                }
                row => targets.extend(self.kept_claims(row).map(|claim| claim.instance.clone())),
            }
        }
        targets.into_iter().collect()
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

    /// Returns the pod that was chosen in its tab, where the keys go there.
    pub fn chosen_pod(&self) -> Option<&String> {
        let is_chosen = self.place() == Place::Detail && self.detail_pane.tab == Tab::Pods;
        let selected = self.detail_pane.pods.selected();
        selected.filter(|_| is_chosen)
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

    /// Returns the instances that an action on several is about: the marked ones that run, or else the selected one.
    pub fn deployed_targets(&self) -> Vec<InstanceKey> {
        let keys = self.target_rows().into_iter().filter_map(|row| match row {
            RowKey::Instance(key) if self.is_deployed(key) => Some(key.clone()),
            RowKey::Instance(_) | RowKey::Saved(_) | RowKey::Kept(_) => None,
        });
        keys.collect()
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

    pub(super) fn tell(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), false);
    }

    /// Tells of trouble; it stays until its time is over, or something else is told.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), true);
    }

    /// Answers a key that cannot do anything now; the next key makes it old.
    pub(super) fn decline(&mut self, text: impl Into<String>) {
        self.set_status(text.into(), true);
        if let Some(status) = &mut self.status {
            status.is_answer = true;
        }
    }

    fn set_status(&mut self, text: String, is_error: bool) {
        let seconds = if is_error { 10 } else { 5 };
        let until = self.clock + Duration::from_secs(seconds);
        self.status = Some(Status {
            text,
            is_error,
            is_answer: !is_error,
            until,
        });
    }

    /// Returns the command that does something in a namespace of this cluster.
    pub(super) fn command_line(&self, namespace: &Namespace, what: &str) -> String {
        let program = match self.session.is_sandbox {
            true => self.catalogue_command("").trim_end().to_owned(),
            false => self.session.program(),
        };
        format!("{program} -n {namespace} {what}")
    }

    /// Returns the key that a sentence names for an action; none where the settings leave it none here.
    pub fn first_key(&self, action: Action) -> Option<Key> {
        self.keymap.keys(self.place(), action).first().copied()
    }

    /// Returns a sentence that follows and names the key of an action; nothing where it has none here.
    pub(super) fn hint(&self, action: Action, what: &str) -> String {
        let key = self.first_key(action);
        key.map_or_else(String::new, |key| format!(" {key} {what}."))
    }

    /// Returns the command that does something with the catalogue alone.
    pub(super) fn catalogue_command(&self, what: &str) -> String {
        let program = self.session.invocation.program(None);
        match self.session.is_sandbox {
            true => format!("{program} --sandbox {what}"),
            false => format!("{program} {what}"),
        }
    }

    /// Remembers something that is done, as a command.
    pub(super) fn record(&mut self, command: String, op: Option<OpId>) {
        if self.log.len() == MAX_LOG {
            self.log.remove(0);
        }
        self.log.push(LogEntry {
            at: self.now,
            command,
            op,
            is_failed: false,
        });
    }

    /// Marks what was done as failed.
    pub(super) fn record_failure(&mut self, op: OpId) {
        let mut entries = self.log.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.op == Some(op)) {
            entry.is_failed = true;
        }
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

    /// Says what of the settings does not hold, until it is read: each fault is a line, and the selected one is told whole.
    pub fn tell_faults(&mut self, faults: Vec<String>) {
        if faults.is_empty() {
            return;
        }
        let text = "Where a setting is faulty its default holds; the rest holds as it is written.";
        let items = faults
            .into_iter()
            .map(|fault| MenuItem::new(fault, "", Choice::Cancel));
        self.popup = Some(Popup::Menu(Menu::new(
            "Faults of the settings",
            vec![text.to_owned()],
            items.collect(),
        )));
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
        self.geometry = geometry;
        let last = geometry.n_lines.saturating_sub(geometry.list_height);
        match (&mut self.popup, self.screens.last_mut()) {
            (Some(Popup::Help { top }), _) => *top = (*top).min(last),
            (_, Some(Screen::Progress { n_below, .. })) => *n_below = (*n_below).min(last),
            (_, Some(Screen::Adjust(pane))) => pane.scroll = pane.scroll.min(last),
            (_, Some(Screen::Changes { scroll })) => *scroll = (*scroll).min(last),
            (_, Some(Screen::Adopt(pane))) => pane.scroll = pane.scroll.min(last),
            (_, Some(Screen::Routes(pane))) => pane.scroll = pane.scroll.min(last),
            (_, Some(Screen::Pull(pane))) => pane.scroll = pane.scroll.min(last),
            (_, Some(Screen::Review(pane))) => pane.scroll = pane.scroll.min(geometry.n_beyond),
            (_, Some(Screen::Merge(pane))) => pane.scroll = pane.scroll.min(geometry.n_beyond),
            (_, Some(Screen::Comparison(pane))) => {
                pane.scroll = pane.scroll.min(geometry.n_beyond);
            }
            _ => {}
        }
        if let (Some((height, width)), Some(pane)) = (geometry.editor, self.editor_mut()) {
            pane.ensure_visible(height, width);
        }
        if let Some((height, width)) = geometry.definition {
            self.detail_pane.ensure_visible(height, width);
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
            self.next_retry(),
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

    /// Returns the instance that an action is about: that of the operation in front, or the selected one.
    pub fn instance_in_front(&self) -> Option<&InstanceKey> {
        match self.screens.last() {
            Some(Screen::Operations) => self
                .operations_pane
                .selected_instance(&self.operations, &self.session.context),
            _ => self.selected_instance(),
        }
    }

    /// Tells whether the key that goes back gives up a wait.
    pub fn can_give_up(&self, wait: &super::waits::Wait) -> bool {
        super::update::can_give_up(self, wait)
    }

    /// Returns the rows that an action on several is about: the marked ones, or else the selected one.
    pub(super) fn target_rows(&self) -> Vec<&RowKey> {
        let marks = self.services.table.marks();
        match marks.is_empty() {
            true => self.services.table.selected().into_iter().collect(),
            false => marks.iter().collect(),
        }
    }

    /// Tells whether an instance is protected, by its record or by where it is.
    pub fn protects(&self, record: &Record) -> bool {
        let namespace = record.instance.namespace.as_str();
        let protection = self.session.protection.as_ref();
        record.is_protected || protection.is_some_and(|it| it.covers(namespace))
    }

    /// Returns the instances whose time is over, but those that are protected.
    pub fn expired(&self) -> Vec<InstanceKey> {
        let instances = self.fleet.instances();
        let records = instances.filter_map(|instance| instance.record());
        let is_over = |at: Timestamp| at <= self.now;
        records
            .filter(|record| record.expires.is_some_and(is_over) && !self.protects(record))
            .map(|record| record.instance.clone())
            .collect()
    }

    /// Returns when a connection that could not be tried is tried again.
    pub fn next_retry(&self) -> Option<Timestamp> {
        match &self.session.link {
            SessionLink::Offline { retry_at, .. } => Some(*retry_at),
            SessionLink::Connecting | SessionLink::Connected => None,
        }
    }
}

/// Tells whether a shell takes a character as it stands.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:@%+=".contains(c)
}
