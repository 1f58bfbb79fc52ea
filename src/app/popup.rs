//! What stands over a screen and takes all keys: menus (the palette too), prompts, help.

use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::catalogue::trash::TrashItem;
use crate::definition::id::InstanceId;
use crate::engine::adjust::WorkloadChoice;
use crate::engine::import::Origin;
use crate::engine::plan::VolumeChoice;
use crate::engine::remedy::Remedy;
use crate::engine::resume::ClearPlan;
use crate::secret::SecretValue;
use crate::service::forward::OfferedPort;
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::action::Action;
use super::effect::ShellPlace;
use super::filter::FuzzyMatcher;
use super::input::Input;
use super::keymap::Key;
use super::msg::{ImportedDefinition, OpId};
use super::panes::logs::Whose;
use super::secret_input::SecretInput;

/// Rows that a page key moves by in menus and help.
const PAGE: usize = 10;

/// How the objects of an import are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportBy {
    /// By their labels.
    Labels,
    /// As a Helm release.
    Helm,
    /// As a set of another tool.
    Set,
}

/// What a forward leads to: questions about it carry it, as another row may be selected by the time they are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardTarget {
    /// The instance.
    pub key: InstanceKey,
    /// Only this pod of it.
    pub pod: Option<String>,
}

/// What choosing a menu's item does.
#[derive(Debug, Clone, PartialEq)]
pub enum Choice {
    /// Performs an action.
    Action(Action),
    /// Works in these namespaces.
    Scope(Scope),
    /// Asks for the name of a namespace that is not listed.
    OtherNamespace,
    /// Connects to a context.
    Context(String),
    /// Asks for the name of a new definition from a template.
    Template(&'static str),
    /// Starts the deploy that is reviewed.
    RunDeploy,
    /// Starts the deploy that is reviewed and takes the conflicts that are shown.
    RunDeployForced,
    /// Plans the deploy that is reviewed again, with the conflicts that are shown left to their owners.
    Yield,
    /// Plans the deploy that is reviewed again, with this agreed to.
    Agree(Remedy),
    /// Starts the teardown that is shown.
    RunTeardown,
    /// Plans the teardown that is shown with this for the claims.
    Volumes(VolumeChoice),
    /// Starts the scale or the restart that is shown.
    RunAdjustments,
    /// Starts the scale that is shown and takes the conflicts that are shown.
    RunAdjustmentsForced,
    /// Leaves out of the scale that is shown what others own.
    YieldAdjustments,
    /// Plans the scale that is shown again, of this workload of an instance.
    Workload(InstanceKey, WorkloadChoice),
    /// Starts the deploys that are shown together.
    RunBulk,
    /// Asks what is to be asked before the routes that are shown are made; whether conflicts are taken.
    ConfirmRoutes(bool),
    /// Makes the routes that are shown; whether conflicts are taken.
    RunRoutes(bool),
    /// Takes the note of what is over away: the number that asked for it, and whether it is taken over at once.
    RunClear(OpId, Box<ClearPlan>, bool),
    /// Writes what is pulled into the definition.
    RunPull,
    /// Asks for the name of what is imported.
    ImportBy(ImportBy),
    /// Writes what was found into a definition of this name.
    TakeImported(InstanceId, Arc<ImportedDefinition>),
    /// Plans putting back what was taken down.
    Restore(Arc<TrashItem>),
    /// Saves what is edited, then leaves.
    SaveAndLeave,
    /// Leaves, and leaves what is on disk as it is.
    LeaveEditor,
    /// Leaves and gives up what was typed.
    DiscardAndLeave,
    /// Goes on with the unsaved edits of an earlier session.
    RecoverDraft(OpId),
    /// Removes the unsaved edits of an earlier session.
    DiscardDraft(OpId),
    /// Takes the file as somebody else left it; what was typed can be had back with undo.
    TakeTheirs(OpId),
    /// Merges the file as somebody else left it with what was typed.
    MergeTheirs(OpId),
    /// Asks for the name of a definition to keep what was typed in.
    SaveAsNew(OpId),
    /// Reads a log from this long ago on; none reads its newest lines.
    LogSince(Option<Duration>),
    /// Shows the lines of these in a log.
    LogsOf(Whose),
    /// Forwards this port of the instance or its pod; none asks for one.
    ForwardPort(ForwardTarget, Option<OfferedPort>),
    /// Opens a shell there.
    Shell(ShellPlace),
    /// Asks these operations to stop before their next step.
    StopOperations(Vec<OpId>),
    /// Leaves the progress of what runs, which goes on.
    LeaveRunning,
    /// Ends the program though something runs.
    QuitAnyway,
    /// Only closes the menu.
    Cancel,
}

impl Choice {
    /// Tells whether it carries out the plan in front.
    pub fn carries_out(&self) -> bool {
        matches!(
            self,
            Self::RunDeploy
                | Self::RunDeployForced
                | Self::RunTeardown
                | Self::RunAdjustments
                | Self::RunAdjustmentsForced
                | Self::RunBulk
                | Self::ConfirmRoutes(_)
                | Self::RunRoutes(_)
                | Self::RunPull
        )
    }
}

/// A line of a menu.
#[derive(Debug, Clone, PartialEq)]
pub struct MenuItem {
    /// What is chosen.
    pub label: String,
    /// What is said beside it.
    pub detail: String,
    /// What it is called otherwise: typing that finds it too.
    pub name: &'static str,
    /// Why it cannot be chosen now.
    pub why_not: Option<String>,
    /// The key that chooses it at once.
    pub key: Option<Key>,
    /// What choosing it does.
    pub choice: Choice,
}

impl MenuItem {
    /// Returns an item that can be chosen.
    pub fn new(label: impl Into<String>, detail: impl Into<String>, choice: Choice) -> Self {
        Self {
            label: label.into(),
            detail: detail.into(),
            name: "",
            why_not: None,
            key: None,
            choice,
        }
    }

    /// Returns the item that only closes the menu, as `n` does too.
    pub fn cancel() -> Self {
        Self::new("Cancel", "", Choice::Cancel).on('n')
    }

    /// Returns the item, chosen at once by a character too.
    pub fn on(self, c: char) -> Self {
        Self {
            key: Some(Key::char(c)),
            ..self
        }
    }
}

/// A list to choose from, with the sentences that the choice is about.
#[derive(Debug, Clone)]
pub struct Menu {
    /// Its title.
    pub title: String,
    /// What is to be known before choosing.
    pub text: Vec<String>,
    /// All items.
    pub items: Vec<MenuItem>,
    /// What was typed to narrow the list; none where it cannot be narrowed.
    pub query: Option<Input>,
    /// Indices of the items that match, the best first.
    pub shown: Vec<usize>,
    /// Which of those is selected.
    pub selected: usize,
}

impl Menu {
    /// Returns a short menu.
    pub fn new(title: impl Into<String>, text: Vec<String>, items: Vec<MenuItem>) -> Self {
        let shown = (0..items.len()).collect();
        Self {
            title: title.into(),
            text,
            items,
            query: None,
            shown,
            selected: 0,
        }
    }

    /// Returns a question that `enter` or `y` answers with the deed.
    pub fn confirm(title: impl Into<String>, text: Vec<String>, deed: MenuItem) -> Self {
        Self::new(title, text, vec![deed.on('y'), MenuItem::cancel()])
    }

    /// Returns a question that `y` answers with the deed, and `enter` with nothing.
    pub fn confirm_grave(title: impl Into<String>, text: Vec<String>, deed: MenuItem) -> Self {
        Self::new(title, text, vec![MenuItem::cancel(), deed.on('y')])
    }

    /// Returns a menu that is narrowed by typing.
    pub fn searchable(title: impl Into<String>, items: Vec<MenuItem>) -> Self {
        Self {
            query: Some(Input::default()),
            ..Self::new(title, Vec::new(), items)
        }
    }

    /// Tells whether `y` and `n` answer it.
    pub fn is_confirmation(&self) -> bool {
        let has = |c| self.items.iter().any(|item| item.key == Some(Key::char(c)));
        self.query.is_none() && self.items.len() == 2 && has('y') && has('n')
    }

    /// Returns the selected item.
    pub fn selected(&self) -> Option<&MenuItem> {
        self.items.get(*self.shown.get(self.selected)?)
    }

    /// Takes another list, as one that was awaited; what was typed stays.
    pub fn set_items(&mut self, items: Vec<MenuItem>) {
        self.items = items;
        self.narrow();
    }

    fn narrow(&mut self) {
        let query = self.query.as_ref().map_or("", Input::text);
        let texts: Vec<String> = self
            .items
            .iter()
            .map(|item| format!("{} {} {}", item.name, item.label, item.detail))
            .collect();
        self.shown = FuzzyMatcher::default().rank(query, texts.iter().map(String::as_str));
        self.selected = 0;
    }

    /// Takes a key; returns what was chosen, or that the menu is to be closed.
    fn on_key(&mut self, key: KeyEvent) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let last = self.shown.len().saturating_sub(1);
        match key.code {
            KeyCode::Esc => return Answer::Close,
            KeyCode::Char('c' | 'g') if control => return Answer::Close,
            KeyCode::Enter => return answer_of(self.selected()),
            KeyCode::Up | KeyCode::BackTab => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('p' | 'k') if control => self.selected = self.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => self.selected = last.min(self.selected + 1),
            KeyCode::Char('n' | 'j') if control => self.selected = last.min(self.selected + 1),
            KeyCode::PageUp => self.selected = self.selected.saturating_sub(PAGE),
            KeyCode::PageDown => self.selected = last.min(self.selected + PAGE),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Char('g') if self.query.is_none() => self.selected = 0,
            KeyCode::Char('G') if self.query.is_none() => self.selected = last,
            KeyCode::Char('k') if self.query.is_none() => {
                self.selected = self.selected.saturating_sub(1)
            }
            KeyCode::Char('j') if self.query.is_none() => {
                self.selected = last.min(self.selected + 1)
            }
            KeyCode::Char('q') if self.query.is_none() => return Answer::Close,
            _ if self.query.is_none() => {
                let pressed = Key::of(key);
                let mut items = self.items.iter();
                return answer_of(items.find(|item| item.key == Some(pressed)));
            }
            _ => {
                if let Some(query) = &mut self.query
                    && query.on_key(key)
                {
                    self.narrow();
                }
            }
        }
        Answer::Nothing
    }
}

fn answer_of(item: Option<&MenuItem>) -> Answer {
    match item {
        Some(MenuItem {
            why_not: Some(why), ..
        }) => Answer::Refuse(why.clone()),
        Some(item) => Answer::Choose(item.choice.clone()),
        None => Answer::Nothing,
    }
}

/// What a prompt asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromptKind {
    /// The name of a new definition from a template.
    NewName(&'static str),
    /// The name of a definition that takes what was typed in an editor.
    SaveAs(OpId),
    /// The name of a namespace.
    Namespace,
    /// The IDs to be taken down, typed in full.
    TypedIds(Vec<InstanceId>),
    /// The ID to be applied to a server that is not verified, typed in full.
    TypedDeploy {
        /// The ID.
        id: InstanceId,
        /// Whether the conflicts that are shown are taken.
        force_conflicts: bool,
    },
    /// The IDs to be scaled or restarted, typed in full.
    TypedAdjust {
        /// The IDs.
        ids: Vec<InstanceId>,
        /// Whether the conflicts that are shown are taken.
        takes_conflicts: bool,
    },
    /// The ID that objects are adopted for, typed in full.
    TypedAdopt(InstanceId),
    /// The IDs that are applied together, typed in full.
    TypedBulk(Vec<InstanceId>),
    /// The IDs whose routes are made again, typed in full.
    TypedRoutes {
        /// The IDs.
        ids: Vec<InstanceId>,
        /// Whether the conflicts that are shown are taken.
        force_conflicts: bool,
    },
    /// The ID that a definition is deployed under.
    DeployId,
    /// Why it is deployed.
    Message,
    /// Values of the definition's parameters.
    Values,
    /// The name of what is imported.
    ImportOrigin(ImportBy),
    /// The name of the definition that it becomes.
    ImportName(Origin),
    /// The number of replicas.
    Replicas,
    /// The ports of a forward to this.
    Forward(ForwardTarget),
    /// The file that lines of a log are written to.
    SaveLog,
}

impl PromptKind {
    /// Tells whether what is typed carries out the plan in front.
    pub fn carries_out(&self) -> bool {
        matches!(
            self,
            Self::TypedIds(_)
                | Self::TypedDeploy { .. }
                | Self::TypedAdjust { .. }
                | Self::TypedAdopt(_)
                | Self::TypedBulk(_)
                | Self::TypedRoutes { .. }
        )
    }
}

/// A question that is answered by typing.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// What it asks for.
    pub kind: PromptKind,
    /// Its title.
    pub title: String,
    /// What is to be known before typing.
    pub text: Vec<String>,
    /// What was typed.
    pub input: Input,
    /// Why what was typed is not accepted.
    pub error: Option<String>,
}

impl Prompt {
    /// Returns an empty prompt.
    pub fn new(kind: PromptKind, title: impl Into<String>, text: Vec<String>) -> Self {
        Self {
            kind,
            title: title.into(),
            text,
            input: Input::default(),
            error: None,
        }
    }
}

/// A question for a secret, whose answer is not shown.
#[derive(Debug, Clone)]
pub struct SecretPrompt {
    /// The review that needs it.
    pub op: OpId,
    /// What is asked, as the definition words it.
    pub question: String,
    /// What was typed.
    pub input: SecretInput,
}

impl SecretPrompt {
    /// Returns an empty field for the answer.
    pub fn new(op: OpId, question: impl Into<String>) -> Self {
        Self {
            op,
            question: question.into(),
            input: SecretInput::default(),
        }
    }
}

/// What stands over a screen.
#[derive(Debug, Clone)]
pub enum Popup {
    /// A menu.
    Menu(Menu),
    /// A prompt.
    Prompt(Prompt),
    /// A prompt for a secret.
    Secret(SecretPrompt),
    /// The keys, from this line on.
    Help {
        /// The first line that is shown.
        top: usize,
    },
}

/// What a popup makes of a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It took the key.
    Nothing,
    /// It is to be closed.
    Close,
    /// Something was chosen.
    Choose(Choice),
    /// What was chosen cannot be done, for this reason.
    Refuse(String),
    /// A text was typed.
    Typed(PromptKind, String),
    /// A secret was typed.
    Told {
        /// The review that asked.
        op: OpId,
        /// What was asked.
        question: String,
        /// The answer.
        value: SecretValue,
    },
}

impl Popup {
    /// Returns its title, how much it says and which items it shows: another outline is another picture to point at.
    pub(super) fn outline(&self) -> (String, usize, Vec<usize>) {
        match self {
            Self::Menu(menu) => (menu.title.clone(), menu.text.len(), menu.shown.clone()),
            Self::Prompt(prompt) => (prompt.title.clone(), prompt.text.len(), Vec::new()),
            Self::Secret(prompt) => (prompt.question.clone(), 0, Vec::new()),
            Self::Help { .. } => Default::default(),
        }
    }

    pub(super) fn on_key(&mut self, key: KeyEvent) -> Answer {
        match self {
            Self::Menu(menu) => menu.on_key(key),
            Self::Prompt(prompt) => on_prompt_key(prompt, key),
            Self::Secret(prompt) => on_secret_key(prompt, key),
            Self::Help { top } => on_help_key(top, key),
        }
    }

    pub(super) fn on_paste(&mut self, text: &str) {
        match self {
            Self::Menu(menu) => {
                if let Some(query) = &mut menu.query {
                    query.paste(text);
                    menu.narrow();
                }
            }
            // A confirmation is typed, never pasted.
            Self::Prompt(prompt) if prompt.kind.carries_out() => {}
            Self::Prompt(prompt) => prompt.input.paste(text),
            Self::Secret(prompt) => prompt.input.paste(text),
            Self::Help { .. } => {}
        }
    }
}

fn on_prompt_key(prompt: &mut Prompt, key: KeyEvent) -> Answer {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => Answer::Close,
        KeyCode::Char('c' | 'g') if control => Answer::Close,
        KeyCode::Enter => Answer::Typed(prompt.kind.clone(), prompt.input.text().trim().to_owned()),
        _ => {
            if prompt.input.on_key(key) {
                prompt.error = None;
            }
            Answer::Nothing
        }
    }
}

fn on_secret_key(prompt: &mut SecretPrompt, key: KeyEvent) -> Answer {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Esc => Answer::Close,
        KeyCode::Char('c' | 'g') if control => Answer::Close,
        KeyCode::Enter => Answer::Told {
            op: prompt.op,
            question: prompt.question.clone(),
            value: prompt.input.value(),
        },
        _ => {
            prompt.input.on_key(key);
            Answer::Nothing
        }
    }
}

fn on_help_key(top: &mut usize, key: KeyEvent) -> Answer {
    match key.code {
        KeyCode::Down | KeyCode::Char('j') => *top += 1,
        KeyCode::Up | KeyCode::Char('k') => *top = top.saturating_sub(1),
        KeyCode::PageDown | KeyCode::Char(' ' | 'd') => *top += PAGE,
        KeyCode::PageUp | KeyCode::Char('u') => *top = top.saturating_sub(PAGE),
        KeyCode::Home | KeyCode::Char('g') => *top = 0,
        // What is beyond the end is taken back once it is known how many lines there are.
        KeyCode::End | KeyCode::Char('G') => *top = usize::MAX / 2,
        KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'c') | KeyCode::F(1) => {
            return Answer::Close;
        }
        _ => {}
    }
    Answer::Nothing
}
