//! Prompts: questions that are answered by typing, in sight or as a secret.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::app::effect::DefinitionOrigin;
use crate::app::input::Input;
use crate::app::msg::OpId;
use crate::app::panes::review::Held;
use crate::app::secret_input::SecretInput;
use crate::definition::id::InstanceId;
use crate::engine::import::Origin;
use crate::secret::SecretQuestion;
use crate::service::summary::InstanceKey;

use super::{Answer, ForwardTarget, ImportBy, is_plain};

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
    /// The ID that this definition is deployed under.
    DeployId(DefinitionOrigin),
    /// Why it is deployed.
    Message,
    /// Values of the definition's parameters.
    Values,
    /// The name of what is imported.
    ImportOrigin(ImportBy),
    /// The name of the definition that it becomes.
    ImportName(Origin),
    /// The number of replicas of these.
    Replicas(Vec<InstanceKey>),
    /// The ports of a forward to this.
    Forward(ForwardTarget),
    /// The file that lines of a log are written to.
    SaveLog,
}

impl PromptKind {
    /// Tells whether what is typed carries out the plan in front.
    pub fn carries_out(&self) -> bool {
        match self {
            Self::TypedIds(_)
            | Self::TypedDeploy { .. }
            | Self::TypedAdjust { .. }
            | Self::TypedAdopt(_)
            | Self::TypedBulk(_)
            | Self::TypedRoutes { .. } => true,
            Self::NewName(_)
            | Self::SaveAs(_)
            | Self::Namespace
            | Self::DeployId(_)
            | Self::Message
            | Self::Values
            | Self::ImportOrigin(_)
            | Self::ImportName(_)
            | Self::Replicas(_)
            | Self::Forward(_)
            | Self::SaveLog => false,
        }
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

    /// Takes a key.
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => Answer::Close,
            KeyCode::Char('c' | 'g') if control => Answer::Close,
            KeyCode::Enter if is_plain(key) => {
                Answer::Typed(self.kind.clone(), self.input.text().trim().to_owned())
            }
            _ => {
                if self.input.on_key(key) {
                    self.error = None;
                }
                Answer::Nothing
            }
        }
    }
}

/// A question for a secret, whose answer is not shown.
#[derive(Debug, Clone)]
pub struct SecretPrompt {
    /// The review that needs it.
    pub op: OpId,
    /// What is asked.
    pub question: SecretQuestion,
    /// What the cluster has of it.
    pub held: Held,
    /// What was typed.
    pub input: SecretInput,
}

impl SecretPrompt {
    /// Returns an empty field for the answer.
    pub fn new(op: OpId, question: SecretQuestion, held: Held) -> Self {
        Self {
            op,
            question,
            held,
            input: SecretInput::default(),
        }
    }

    /// Takes a key.
    pub(super) fn on_key(&mut self, key: KeyEvent) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => Answer::Close,
            KeyCode::Char('c' | 'g') if control => Answer::Close,
            KeyCode::Enter if is_plain(key) => Answer::Told {
                op: self.op,
                question: self.question.clone(),
                value: self.input.value(),
            },
            _ => {
                self.input.on_key(key);
                Answer::Nothing
            }
        }
    }
}
