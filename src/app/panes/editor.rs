//! The editor's screen: a definition being edited, its checks, its drafts, its saves.

pub mod assist;
pub mod preview;
pub mod search;

use std::time::Duration;

use crossterm::event::KeyEvent;
use ropey::Rope;

use crate::app::effect::{DefinitionOrigin, Effect};
use crate::app::msg::{OpId, OpenedDefinition};
use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::{self, Command, Editor, Motion, Problem, Revision};
use crate::engine::preview::Preview;
use crate::failure::Failure;
use crate::schema::ClusterSchemas;
use crate::service::instance::Instance;
use crate::service::summary::InstanceKey;

use assist::Assist;
use preview::PreviewPane;
use search::SearchLine;

/// A pause in typing after which the text is checked.
const CHECK_AFTER: Duration = Duration::from_millis(50);
/// How old unsaved edits get before they are kept.
const DRAFT_AFTER: Duration = Duration::from_secs(2);

/// What follows a save.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterSave {
    /// Nothing.
    Stay,
    /// The editor is left.
    Leave,
    /// The deploy of what was saved is planned.
    Review,
}

/// A definition that was read.
#[derive(Debug, Clone)]
pub struct OpenText {
    /// The text.
    pub editor: Editor,
    /// The file that the edits began from, those of the last merge and after it.
    base: Base,
    /// The files from before each merge, with the state of the editor since which the next one is begun from.
    former: Vec<(u64, Base)>,
}

impl OpenText {
    fn new(editor: Editor, base: Base) -> Self {
        Self {
            editor,
            base,
            former: Vec::new(),
        }
    }

    /// Returns the file that the text as it stands began from. Undoing a merge leads back to the file from before it:
    /// what somebody else wrote since is not in the text then, and must not be written over.
    pub fn base(&self) -> &Base {
        let undone = self.former.get(self.n_held());
        undone.map_or(&self.base, |(_, before)| before)
    }

    /// Returns how many merges are in the text.
    fn n_held(&self) -> usize {
        let held = self.former.iter();
        held.take_while(|(state, _)| self.editor.holds(*state))
            .count()
    }

    /// Takes that the text as it stands, and what becomes of it, begins from another file.
    fn begin_from(&mut self, base: Base) {
        let before = self.base().clone();
        self.former.truncate(self.n_held());
        self.former.push((self.editor.state(), before));
        self.base = base;
    }

    /// Takes that a text with so many merges in it is the file now.
    fn on_saved(&mut self, base: Base, n_merges: usize) {
        self.former.truncate(n_merges);
        self.base = base;
    }
}

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

/// A text that is being written.
#[derive(Debug, Clone)]
struct Written {
    revision: Revision,
    text: Rope,
    /// How many merges are in it.
    n_merges: usize,
}

/// What a check found.
#[derive(Debug, Clone, Default)]
struct Own {
    revision: Option<Revision>,
    faults: Vec<Diagnostic>,
}

impl Own {
    fn has_errors(&self) -> bool {
        let is_error = |fault: &Diagnostic| fault.severity == Severity::Error;
        self.faults.iter().any(is_error)
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

    /// Returns how many errors and warnings are known.
    pub fn counts(&self) -> (usize, usize) {
        let problems = self.editor().map_or(&[][..], Editor::problems);
        let n_errors = problems
            .iter()
            .filter(|problem| problem.diagnostic.severity == Severity::Error)
            .count();
        (n_errors, problems.len() - n_errors)
    }

    /// Tells whether the text as it stands was checked and has errors, whatever a server says of it.
    pub fn has_own_errors(&self) -> bool {
        self.is_checked() && self.own.has_errors()
    }

    fn is_checked(&self) -> bool {
        self.editor()
            .is_some_and(|editor| self.own.revision == Some(editor.revision()))
    }

    /// Tells whether faults are being looked for.
    pub fn is_checking(&self) -> bool {
        self.check_at.is_some() || self.checking.is_some()
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

    /// Takes the unsaved edits of an earlier session up again.
    pub(in crate::app) fn recover_draft(&mut self, now: Duration) {
        let Some((text, base)) = self.draft.take() else {
            return;
        };
        self.has_draft = true;
        if let Some(open) = self.open_mut() {
            open.editor.apply(Command::ReplaceAll(text), now);
            // The file may be another than the one the edits began from: saving notices that.
            let is_changed = open.base().digest != base.digest;
            open.base = base;
            self.is_changed_on_disk = is_changed;
            self.touch(now);
        }
    }

    /// Takes a text that was merged, as one step; of the file it now began from, where it was merged with that. Tells
    /// whether there was room for it.
    pub(in crate::app) fn merge(
        &mut self,
        text: String,
        base: Option<Base>,
        now: Duration,
    ) -> bool {
        let Some(open) = self.open_mut() else {
            return false;
        };
        let is_theirs =
            base.as_ref().and_then(|base| base.text.as_ref()) == Some(&text.as_str().into());
        let outcome = open.editor.apply(Command::ReplaceAll(text), now);
        if outcome.notice.is_some() {
            return false;
        }
        if let Some(base) = base {
            open.begin_from(base);
            if is_theirs {
                let revision = open.editor.revision();
                open.editor.mark_saved(revision);
            } else {
                open.editor.mark_unsaved();
            }
            self.is_changed_on_disk = false;
        }
        self.drafted = None;
        self.touch(now);
        true
    }

    /// Takes a text from another editor as one step; tells whether there was room for it.
    pub(in crate::app) fn replace(&mut self, text: String, now: Duration) -> bool {
        self.merge(text, None, now)
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

    /// Takes the file as it is now; what was typed comes back with undo.
    pub(in crate::app) fn take_theirs(&mut self, opened: OpenedDefinition, now: Duration) {
        if let Some(open) = self.open_mut() {
            let base = Base {
                text: Some(opened.text.as_str().into()),
                digest: opened.digest,
            };
            open.editor.apply(Command::ReplaceAll(opened.text), now);
            open.begin_from(base);
            let revision = open.editor.revision();
            open.editor.mark_saved(revision);
            self.is_changed_on_disk = false;
            self.touch(now);
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

    fn touch(&mut self, now: Duration) {
        self.check_at = Some(now + CHECK_AFTER);
        self.draft_at.get_or_insert(now + DRAFT_AFTER);
        let n_bytes = self.editor().map_or(0, |editor| editor.rope().len_bytes());
        self.preview.on_len(n_bytes);
        self.is_outrun |= self.preview.on_typed(now);
    }

    /// Tells whether what is being found of the text is of one that is no more; told once.
    pub(in crate::app) fn take_outrun(&mut self) -> bool {
        std::mem::take(&mut self.is_outrun)
    }

    /// Has the text checked again, by more than it was.
    pub(in crate::app) fn check_again(&mut self, now: Duration) {
        self.check_at = Some(now);
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

    /// Returns the effect that keeps what is not saved, unless it is kept already.
    pub(in crate::app) fn keep_draft(&mut self) -> Option<Effect> {
        // It would take the place of the one that was not decided on yet.
        if self.draft.is_some() {
            return None;
        }
        let (editor, base) = self.unsaved()?;
        let (text, revision) = editor.snapshot();
        let base = base.clone();
        if self.drafted == Some(revision) {
            return None;
        }
        (self.drafted, self.has_draft) = (Some(revision), true);
        Some(Effect::KeepDraft {
            editor: self.id,
            name: self.name.clone(),
            revision,
            text,
            base,
        })
    }

    /// Returns the effect that removes what was kept of edits that were all undone: nobody misses them.
    pub(in crate::app) fn drop_draft(&mut self) -> Option<Effect> {
        let is_stale = self.has_draft && self.unsaved().is_none();
        self.has_draft &= !is_stale;
        is_stale.then(|| Effect::DiscardDraft {
            name: self.name.clone(),
        })
    }

    /// Lets the draft be written again, as it could not be.
    pub(in crate::app) fn on_draft_failed(&mut self, now: Duration) {
        self.drafted = None;
        self.draft_at = Some(now + 5 * DRAFT_AFTER);
    }

    /// Takes the answer of a check; a text that changed meanwhile is checked again.
    pub(in crate::app) fn on_checked(
        &mut self,
        revision: Revision,
        diagnostics: Vec<Diagnostic>,
        now: Duration,
    ) {
        if self.checking == Some(revision) {
            self.checking = None;
        }
        if self.editor().map(Editor::revision) == Some(revision) {
            self.own = Own {
                revision: Some(revision),
                faults: diagnostics,
            };
            self.mark_faults();
        } else if self.check_at.is_none() && self.checking.is_none() {
            self.check_at = Some(now);
        }
    }

    /// Marks what the check found and what the server says, in the text as it stands.
    fn mark_faults(&mut self) {
        let Some(revision) = self.own.revision else {
            return;
        };
        // What the server refused of another text is not true of this one.
        self.planned.take_if(|(planned, _)| *planned != revision);
        let mut faults = self.own.faults.clone();
        for fault in self.server_faults(revision) {
            let is_told = |known: &Diagnostic| {
                known.span.bytes == fault.span.bytes && known.message.starts_with(&fault.message)
            };
            if !faults.iter().any(is_told) {
                faults.push(fault);
            }
        }
        if let Some(open) = self.open_mut() {
            open.editor.set_diagnostics(revision, faults);
        }
    }

    /// Returns what the server says of the text; of one that it outran as far as the lines concerned are the same.
    fn server_faults(&self, revision: Revision) -> Vec<Diagnostic> {
        let mut faults: Vec<Diagnostic> = Vec::new();
        let refused = self.planned.iter().flat_map(|(_, refused)| refused);
        let found = self.preview.found.as_ref();
        let Some((of, Ok(preview))) = found.map(|found| (found.revision, &found.result)) else {
            return refused.cloned().collect();
        };
        if of == revision {
            faults.extend(preview.faults.iter().cloned());
        } else if !self.own.has_errors() {
            // They stay where they were seen until the next answer, so that the list below does not jump with every key.
            let problems = self.editor().map_or(&[][..], Editor::problems).iter();
            let still = problems.filter(|problem| {
                preview
                    .faults
                    .iter()
                    .any(|fault| is_same(fault, &problem.diagnostic))
            });
            faults.extend(still.filter_map(moved));
        }
        faults.extend(refused.cloned());
        faults
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

    /// Remembers which text is planned.
    pub(in crate::app) fn on_planning(&mut self) {
        self.planned = self.editor().map(|editor| (editor.revision(), Vec::new()));
    }

    /// Takes what the server refuses of the text that was planned, or that it refuses nothing any more; it is marked where it
    /// stands, unless that changed since.
    pub(in crate::app) fn on_refused(&mut self, refusals: &[Failure], now: Duration) {
        let revision = self.editor().map(Editor::revision);
        let Some((planned, refused)) = &mut self.planned else {
            return;
        };
        let faults: Vec<Diagnostic> = refusals.iter().flat_map(Failure::faults).collect();
        if Some(*planned) == revision && *refused != faults {
            *refused = faults;
            self.check_again(now);
        }
    }

    /// Returns the effect that saves, and remembers what follows. While a save is under way the next one waits for it: both
    /// would begin from the same file, and the second would find it changed by the first.
    pub(in crate::app) fn save(&mut self, after: AfterSave) -> Option<Effect> {
        if self.saving.is_some() {
            self.save_again = Some(after);
            return None;
        }
        let (id, name) = (self.id, self.name.clone());
        let open = self.open_mut()?;
        let (text, revision) = open.editor.begin_save();
        let base = open.base().digest.clone();
        let n_merges = open.n_held();
        self.written = Some(Written {
            revision,
            text: text.clone(),
            n_merges,
        });
        self.saving = Some((revision, after));
        Some(Effect::SaveDefinition {
            editor: id,
            name,
            revision,
            text,
            base,
        })
    }

    /// Remembers that a copy is written under another name; returns its text.
    pub(in crate::app) fn save_as(&mut self, name: InstanceId) -> Option<String> {
        let editor = self.editor()?;
        let (text, revision) = (editor.text(), editor.revision());
        self.saving_as = Some((name, revision));
        Some(text)
    }

    /// Takes the answer about a new definition; tells whether it is the copy of the whole text that stands here.
    pub(in crate::app) fn on_created(&mut self, name: &InstanceId) -> bool {
        let copied = self.saving_as.take_if(|(copy, _)| copy == name);
        let revision = self.editor().map(Editor::revision);
        copied.is_some_and(|(_, copied)| Some(copied) == revision)
    }

    /// Takes that a save did not come about.
    pub(in crate::app) fn on_not_saved(&mut self) {
        (self.saving, self.save_again) = (None, None);
    }

    /// Returns the effect that saves once more, where that was asked for while a save was under way.
    pub(in crate::app) fn save_again(&mut self) -> Option<Effect> {
        let after = self.save_again.take()?;
        self.save(after)
    }

    /// Takes that a save is on disk; returns what follows.
    pub(in crate::app) fn on_saved(
        &mut self,
        revision: Revision,
        digest: Digest,
        now: Duration,
    ) -> AfterSave {
        let after = match self.saving.take_if(|(saving, _)| *saving == revision) {
            Some((_, after)) => after,
            None => AfterSave::Stay,
        };
        self.is_changed_on_disk = false;
        let written = self.written.take_if(|it| it.revision == revision);
        if let Some(open) = self.open_mut() {
            open.editor.mark_saved(revision);
            let n_merges = written.as_ref().map_or(0, |it| it.n_merges);
            let text = written.map(|it| it.text);
            open.on_saved(Base { digest, text }, n_merges);
        }
        // Where nothing was typed since, what was kept goes with the save.
        self.has_draft &= self.unsaved().is_some();
        self.preview.on_other_ground(now);
        after
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

/// Tells whether two faults are one, wherever they stand.
fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    (&one.path, &one.message) == (&other.path, &other.message)
}

/// Returns a fault where it stands now; none where its own words were changed.
fn moved(problem: &Problem) -> Option<Diagnostic> {
    let mut fault = problem.diagnostic.clone();
    let is_whole = fault.span.bytes.len() == problem.bytes.len();
    fault.span.bytes = problem.bytes.clone();
    is_whole.then_some(fault)
}
