//! What choosing a menu's item does, as a value.

use std::sync::Arc;
use std::time::Duration;

use crate::app::action::Action;
use crate::app::effect::ShellPlace;
use crate::app::msg::{ImportedDefinition, OpId};
use crate::app::panes::logs::Whose;
use crate::catalogue::trash::TrashItem;
use crate::definition::id::InstanceId;
use crate::engine::adjust::WorkloadChoice;
use crate::engine::plan::VolumeChoice;
use crate::engine::remedy::Remedy;
use crate::engine::resume::ClearPlan;
use crate::service::forward::OfferedPort;
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

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
    /// Asks these operations not to wait for who holds their instances.
    TakeOver(Vec<OpId>),
    /// Leaves the progress of what runs, which goes on.
    LeaveRunning,
    /// Ends the program though something runs.
    QuitAnyway,
    /// Only closes the menu.
    Cancel,
}

/// What choosing comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// It leads on: to a list, a plan, another question, or back.
    LeadsOn,
    /// Something is written, asked of what runs, or given up.
    Acts,
    /// The plan in front is carried out.
    CarriesOut,
}

impl Choice {
    /// Returns what choosing comes to.
    pub fn consequence(&self) -> Consequence {
        match self {
            Self::RunDeploy
            | Self::RunDeployForced
            | Self::RunTeardown
            | Self::RunAdjustments
            | Self::RunAdjustmentsForced
            | Self::RunBulk
            | Self::ConfirmRoutes(_)
            | Self::RunRoutes(_)
            | Self::RunPull => Consequence::CarriesOut,
            Self::RunClear(..)
            | Self::TakeImported(..)
            | Self::SaveAndLeave
            | Self::DiscardAndLeave
            | Self::RecoverDraft(_)
            | Self::DiscardDraft(_)
            | Self::TakeTheirs(_)
            | Self::StopOperations(_)
            | Self::TakeOver(_)
            | Self::QuitAnyway => Consequence::Acts,
            // An action asks by itself where there is something to ask.
            Self::Action(_)
            | Self::Scope(_)
            | Self::OtherNamespace
            | Self::Context(_)
            | Self::Template(_)
            | Self::Yield
            | Self::Agree(_)
            | Self::Volumes(_)
            | Self::YieldAdjustments
            | Self::Workload(..)
            | Self::ImportBy(_)
            | Self::Restore(_)
            | Self::LeaveEditor
            | Self::MergeTheirs(_)
            | Self::SaveAsNew(_)
            | Self::LogSince(_)
            | Self::LogsOf(_)
            | Self::ForwardPort(..)
            | Self::Shell(_)
            | Self::LeaveRunning
            | Self::Cancel => Consequence::LeadsOn,
        }
    }
}
