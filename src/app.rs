//! What the dashboard decides: `update(&mut Model, Msg) -> Vec<Effect>`.
//!
//! Everything that happens is a [`Msg`] and enters by one queue; what should be done is an [`Effect`], a value that
//! `runtime` carries out and answers with a message; `ui` draws the [`Model`]. Nothing here does I/O, reads a clock or
//! knows a runtime, a client or a widget (the one-line inputs' text area aside, behind [`input`]). A row appears or goes
//! because a watch said so. Late answers carry the number they were asked with, and stale ones are dropped.

mod action;
mod availability;
mod catalogue;
mod effect;
pub mod filter;
mod hints;
pub mod hits;
pub mod input;
mod invocation;
mod keymap;
mod knowledge;
mod log;
mod model;
mod msg;
mod operation;
pub mod panes;
mod place;
mod popup;
mod screen;
pub mod search;
pub mod secret_input;
mod session;
#[cfg(test)]
pub(crate) mod stage;
mod status;
pub mod table;
mod targets;
mod undo;
mod update;
mod values;
mod waits;

pub use action::{Action, ActionSpec, SPECS, of_tab};
pub use availability::{availability, has_meaning, is_guarded};
pub use catalogue::CatalogueEntry;
pub use effect::{
    DefinitionOrigin, DeploySource, Effect, Origin, ReviewedPlan, SecretAnswers, ShellPlace,
};
pub use hints::{HINTS, Hints};
pub use invocation::Invocation;
pub use keymap::{Bindings, Key, Keymap, with_ways};
pub use knowledge::Learnt;
pub use log::LogEntry;
pub use model::{Model, Traffic};
pub use msg::{
    CatalogueListing, ContextEntry, Epoch, ImportedDefinition, LiveTexts, Msg, OpId,
    OpenedDefinition, PlannedPull, Returned, SaveAnswer,
};
pub use operation::{Operation, StepLine, StepState};
pub use place::Place;
pub use popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind, SecretPrompt};
pub use screen::{Focus, Geometry, MIN_SIZE, Screen};
pub use session::SessionLink;
pub use status::Status;
pub use update::{begin, follow_selection, update};
pub use waits::Question;
