//! The editor's screen: a definition being edited, its checks, its drafts, its saves.

pub mod assist;
mod checking;
mod drafting;
pub mod preview;
mod saving;
pub mod search;
mod text;

use std::time::Duration;

use crossterm::event::KeyEvent;

use crate::app::effect::{DefinitionOrigin, Effect};
use crate::app::msg::{OpId, OpenedDefinition};
use crate::catalogue::drafts::Base;
use crate::definition::diagnostic::Diagnostic;
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::{self, Command, Editor, Motion, Revision};
use crate::engine::preview::Preview;
use crate::failure::Failure;
use crate::schema::ClusterSchemas;
use crate::service::instance::Instance;
use crate::service::summary::InstanceKey;

use assist::Assist;
use checking::Own;
use preview::PreviewPane;
use saving::Written;
use search::SearchLine;

pub use saving::AfterSave;
pub use text::OpenText;

/// What is done with a file that is read again while it is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reread {
    /// It takes the place of what was typed.
    #[default]
    Take,
    /// It is merged with what was typed.
    Merge,
}

/// How far the definition is read.
#[derive(Debug, Clone)]
pub enum EditorPhase {
    /// The file is read.
    Opening,
    /// It can be edited.
    Open(Box<OpenText>),
    /// It cannot be read.
    Failed(Failure),
}

/// The editor's screen.
#[derive(Debug, Clone)]
pub struct EditorPane {
    /// Its number, with which checks, saves and drafts are asked for.
    pub id: OpId,
    /// The definition's name.
    pub name: InstanceId,
    /// The instance that it was opened from: the text is checked, compared and applied as that one's. None leaves both the ID
    /// and the namespace to the definition and the session.
    pub instance: Option<InstanceKey>,
    /// How far it is read.
    pub phase: EditorPhase,
    /// The search while it is typed.
    pub search: Option<SearchLine>,
    /// What stands beside the cursor.
    pub assist: Option<Assist>,
    /// What applying the text would change.
    pub preview: PreviewPane,
    /// What that was last compared with in the cluster.
    ground: Ground,
    /// Unsaved edits of an earlier session that were not yet decided on.
    pub draft: Option<(String, Base)>,
    /// The revision that is being written, and what follows.
    pub saving: Option<(Revision, AfterSave)>,
    /// The definition that a copy is written to, and the revision that is written.
    pub saving_as: Option<(InstanceId, Revision)>,
    /// Whether somebody else changed the file since it was read.
    pub is_changed_on_disk: bool,
    /// What is done with the file once it is read again.
    pub(in crate::app) reread: Reread,
    /// What follows a save that waits for the one under way.
    save_again: Option<AfterSave>,
    /// The text that is being written.
    written: Option<Written>,
    /// The revision that was saved before it was checked: its errors are told once they are known.
    saved_unchecked: Option<Revision>,
    check_at: Option<Duration>,
    checking: Option<Revision>,
    /// What the last check found, without what the server says.
    own: Own,
    /// Whether what the text would change is still being found of a text that is no more.
    is_outrun: bool,
    /// Whether there was a cluster to ask when that was looked at last.
    was_connected: bool,
    draft_at: Option<Duration>,
    /// The last revision that was kept as a draft.
    drafted: Option<Revision>,
    /// Whether a draft of this text may be on disk: one that was kept since it was saved, or taken up again.
    has_draft: bool,
    /// The last revision whose deploy was planned, and what the server refuses of it.
    planned: Option<(Revision, Vec<Diagnostic>)>,
}

/// What is deployed of a definition: nothing, or its revision and how often each workload was given another content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::app) struct Ground {
    revision: Option<u32>,
    workloads: Vec<(String, i64)>,
}

impl Ground {
    /// Returns what is deployed of an instance.
    pub(in crate::app) fn of(instance: &Instance) -> Self {
        let workloads = instance.workloads().iter();
        let mut workloads: Vec<_> = workloads
            .map(|it| (it.uid.clone(), it.generation))
            .collect();
        workloads.sort_unstable();
        Self {
            revision: instance.record().and_then(|record| record.revision),
            workloads,
        }
    }
}

impl EditorPane {
    /// Returns an editor that awaits its text.
    pub fn new(id: OpId, name: InstanceId, instance: Option<InstanceKey>) -> Self {
        Self {
            id,
            name,
            instance,
            phase: EditorPhase::Opening,
            search: None,
            assist: None,
            preview: PreviewPane::default(),
            ground: Ground::default(),
            draft: None,
            saving: None,
            saving_as: None,
            is_changed_on_disk: false,
            reread: Reread::Take,
            save_again: None,
            written: None,
            saved_unchecked: None,
            check_at: None,
            checking: None,
            own: Own::default(),
            is_outrun: false,
            was_connected: false,
            draft_at: None,
            drafted: None,
            has_draft: false,
            planned: None,
        }
    }

    /// Returns the text, once it is read.
    pub fn editor(&self) -> Option<&Editor> {
        match &self.phase {
            EditorPhase::Open(open) => Some(&open.editor),
            EditorPhase::Opening | EditorPhase::Failed(_) => None,
        }
    }

    /// Returns the text and what it began from, once it is read.
    pub(in crate::app) fn open(&self) -> Option<&OpenText> {
        match &self.phase {
            EditorPhase::Open(open) => Some(open),
            EditorPhase::Opening | EditorPhase::Failed(_) => None,
        }
    }

    /// Returns the text and what it began from, to be changed.
    pub(in crate::app) fn open_mut(&mut self) -> Option<&mut OpenText> {
        match &mut self.phase {
            EditorPhase::Open(open) => Some(open),
            EditorPhase::Opening | EditorPhase::Failed(_) => None,
        }
    }

    /// Returns the unsaved text and what it began from; none where everything is saved.
    pub fn unsaved(&self) -> Option<(&Editor, &Base)> {
        match &self.phase {
            EditorPhase::Open(open) if open.editor.is_modified() => {
                Some((&open.editor, open.base()))
            }
            EditorPhase::Open(_) | EditorPhase::Opening | EditorPhase::Failed(_) => None,
        }
    }

    /// Returns the ID that the text is deployed under.
    pub fn deployed_id(&self) -> &InstanceId {
        self.instance.as_ref().map_or(&self.name, |it| &it.id)
    }

    /// Returns the namespace that the text is deployed to unless it names one itself, given the one that is worked in.
    pub fn namespace<'p>(&'p self, session: Option<&'p Namespace>) -> Option<&'p Namespace> {
        let own = self.instance.as_ref().map(|it| &it.namespace);
        own.or(session)
    }

    /// Returns the text as it would be deployed, given the namespace that is worked in; none until it is read.
    pub fn origin(&self, session: Option<&Namespace>) -> Option<DefinitionOrigin> {
        Some(DefinitionOrigin {
            id: self.deployed_id().clone(),
            name: self.name.clone(),
            namespace: self.namespace(session).cloned(),
            text: Some(self.editor()?.snapshot().0),
        })
    }

    pub(in crate::app) fn on_opened(
        &mut self,
        result: Result<OpenedDefinition, Failure>,
        now: Duration,
    ) {
        match result {
            Ok(opened) => {
                let editor = Editor::from_text(&opened.text);
                let base = Base {
                    text: Some(editor.snapshot().0),
                    digest: opened.digest,
                };
                self.phase = EditorPhase::Open(Box::new(OpenText::new(editor, base)));
                self.draft = opened.draft;
                self.check_at = Some(now);
                self.preview.on_other_ground(now);
            }
            Err(failure) => self.phase = EditorPhase::Failed(failure),
        }
    }

    /// Puts the cursor before the first place of a text.
    pub(in crate::app) fn go_to(&mut self, text: &str, now: Duration) {
        let found = self.editor().and_then(|editor| editor.text().find(text));
        if let Some(byte) = found {
            let motion = Motion::Byte(byte);
            let extend = false;
            self.apply(Command::Move { motion, extend }, now);
        }
    }

    /// Carries out a command of the editor; returns what is to be told and what is to be copied.
    pub(in crate::app) fn apply(&mut self, command: Command, now: Duration) -> editor::Outcome {
        let Some(open) = self.open_mut() else {
            return editor::Outcome::default();
        };
        let outcome = open.editor.apply(command, now);
        if outcome.changed {
            self.touch(now);
        }
        outcome
    }

    /// Leaves what is still to be filled in of an item as it is; tells whether there was something.
    pub(in crate::app) fn end_filling(&mut self) -> bool {
        let Some(open) = self.open_mut().filter(|open| open.editor.is_filling()) else {
            return false;
        };
        open.editor.end_filling();
        true
    }

    /// Begins a search, for what is selected where that is a word; with a replacement where that is wanted.
    pub(in crate::app) fn start_search(&mut self, replaces: bool, now: Duration) {
        // What is listed beside the cursor would cover what is found, and take the keys of the search.
        self.assist = None;
        self.apply(Command::SearchStart, now);
        let query = self.editor().and_then(Editor::search);
        let query = query.map_or("", editor::Search::query);
        self.search = Some(SearchLine::new(query, replaces));
    }

    /// Takes a key of the search line; returns what is to be told.
    pub(in crate::app) fn on_search_key(
        &mut self,
        key: KeyEvent,
        now: Duration,
    ) -> editor::Outcome {
        let Some(command) = self.search.as_mut().and_then(|line| line.on_key(key)) else {
            return editor::Outcome::default();
        };
        if matches!(command, Command::SearchCancel | Command::SearchAccept) {
            self.search = None;
        }
        let is_typed = matches!(command, Command::SearchQuery(_));
        let outcome = self.apply(command, now);
        match is_typed {
            // The line itself shows how many there are, with every key.
            true => editor::Outcome::default(),
            false => outcome,
        }
    }

    /// Takes that the text is another one: it is to be checked and kept, and what was listed beside the cursor is of the one
    /// before.
    fn touch(&mut self, now: Duration) {
        self.assist = None;
        self.check_at = Some(now + checking::AFTER);
        self.draft_at.get_or_insert(now + drafting::AFTER);
        let n_bytes = self.editor().map_or(0, |editor| editor.rope().len_bytes());
        self.preview.on_len(n_bytes);
        self.is_outrun |= self.preview.on_typed(now);
    }

    /// Tells whether what is being found of the text is of one that is no more; told once.
    pub(in crate::app) fn take_outrun(&mut self) -> bool {
        std::mem::take(&mut self.is_outrun)
    }

    /// Takes that another cluster is worked with: the instance that the text was opened from is none of that one's.
    pub(in crate::app) fn forget_instance(&mut self, now: Duration) {
        if self.instance.take().is_some() {
            self.check_again(now);
        }
    }

    /// Returns what is due: a check, a draft.
    pub(in crate::app) fn on_tick(
        &mut self,
        now: Duration,
        namespace: Option<&Namespace>,
        schemas: &ClusterSchemas,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.check_at.is_some_and(|at| at <= now)
            && self.checking.is_none()
            && let Some(editor) = self.editor()
        {
            let (text, revision) = editor.snapshot();
            effects.push(Effect::CheckDefinition {
                editor: self.id,
                id: self.deployed_id().clone(),
                namespace: self.namespace(namespace).cloned(),
                schemas: schemas.clone(),
                revision,
                text,
            });
            (self.check_at, self.checking) = (None, Some(revision));
        }
        if self.draft_at.is_some_and(|at| at <= now) {
            self.draft_at = None;
            effects.extend(self.keep_draft());
        }
        effects
    }

    /// Takes what applying the text would change; it is marked where it is about a line.
    pub(in crate::app) fn on_previewed(
        &mut self,
        revision: Revision,
        result: Result<Box<Preview>, Failure>,
        now: Duration,
    ) {
        if !self.preview.on_answer(revision, result, now) {
            return;
        }
        if let Some(editor) = self.editor() {
            let line = editor.line(editor.cursor().line - 1).into_owned();
            self.preview.follow(&line);
        }
        if self.is_checked() {
            self.mark_faults();
        }
    }

    /// Takes what is deployed now; tells whether something was before, and is another by now.
    pub(in crate::app) fn stand_on(&mut self, ground: Ground, now: Duration) -> bool {
        if self.ground == ground {
            return false;
        }
        self.preview.on_other_ground(now);
        std::mem::replace(&mut self.ground, ground) != Ground::default()
    }

    /// Asks what applying the text would change, if that is due and it has no errors.
    pub(in crate::app) fn ask_preview(
        &mut self,
        is_connected: bool,
        (namespace, schemas): (Option<&Namespace>, &ClusterSchemas),
        now: Duration,
    ) -> Option<Effect> {
        if is_connected != self.was_connected {
            self.was_connected = is_connected;
            self.preview.on_other_ground(now);
        }
        if !self.can_preview() {
            return None;
        }
        let revision = self.editor()?.revision();
        let origin = self.origin(namespace)?;
        let of = self.preview.ask(revision, is_connected, now)?;
        Some(Effect::PreviewDeploy {
            editor: self.id,
            revision,
            origin,
            schemas: schemas.clone(),
            of,
        })
    }

    fn can_preview(&self) -> bool {
        self.is_checked() && !self.own.has_errors() && self.draft.is_none()
    }

    pub(in crate::app) fn ensure_visible(&mut self, height: usize, width: usize) {
        if let Some(open) = self.open_mut() {
            open.editor.ensure_visible(height, width);
        }
    }

    /// Returns when something of it is due.
    pub fn next_deadline(&self, is_in_front: bool) -> Option<Duration> {
        let check_at = self.check_at.filter(|_| self.checking.is_none());
        let can_preview = is_in_front && self.can_preview();
        let preview_at = self.preview.due().filter(|_| can_preview);
        [check_at, self.draft_at, preview_at]
            .into_iter()
            .flatten()
            .min()
    }
}
