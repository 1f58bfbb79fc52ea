//! What should be done: orders to `runtime`, as values that tests compare.

mod deploy;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use ropey::Rope;

use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::object::GroupKind;
use crate::editor::Revision;
use crate::engine::adjust::{AdjustPlan, Adjustment, WorkloadName};
use crate::engine::adopt::AdoptPlan;
use crate::engine::import;
use crate::engine::plan::{TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::resume::ClearPlan;
use crate::engine::routes::RoutePlan;
use crate::schema::ClusterSchemas;
use crate::service::forward::ForwardRequest;
use crate::service::log::LogQuery;
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::msg::{Epoch, OpId};
use super::panes::editor::preview::PreviewOf;
use super::panes::usage::UsageOf;
use super::waits::Question;

pub use deploy::{DefinitionOrigin, DeploySource, Origin, ReviewedPlan, SecretAnswers};

/// Where a shell runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellPlace {
    /// The instance.
    pub key: InstanceKey,
    /// The pod, with its namespace before it where that is not the instance's own.
    pub pod: String,
    /// The container.
    pub container: String,
}

/// Something to be done. Each answers with a message, unless it says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    // The cluster.
    /// Makes a connection, in place of the present one.
    Connect {
        /// The number it gets.
        epoch: Epoch,
        /// The context; none is the kubeconfig's current one.
        context: Option<String>,
        /// How long to wait before.
        after: Duration,
    },
    /// Watches all instances of a scope, in place of what is watched, and asks where they are protected; reports until replaced.
    WatchOverview {
        /// The connection.
        epoch: Epoch,
        /// What to watch.
        scope: Scope,
    },
    /// Watches the volumes that teardowns retained, in place of those that are watched; reports as the overview does.
    WatchRetained {
        /// The connection.
        epoch: Epoch,
        /// Of which instances; none stops watching.
        scope: Option<Scope>,
    },
    /// Watches one instance in full, in place of another; reports until replaced.
    WatchInstance {
        /// The connection.
        epoch: Epoch,
        /// Which instance; none stops watching.
        key: Option<InstanceKey>,
    },
    /// Lists the namespaces.
    ListNamespaces {
        /// The connection.
        epoch: Epoch,
    },
    /// Asks for what the editor completes from.
    Learn {
        /// The connection.
        epoch: Epoch,
        /// The namespace whose names are wanted; none where they are known.
        namespace: Option<Namespace>,
        /// The groups and versions whose schemas are wanted.
        api_versions: Vec<String>,
    },
    /// Asks what this user may do in a namespace.
    AskWriteRights {
        /// The connection.
        epoch: Epoch,
        /// The namespace.
        namespace: Namespace,
    },
    /// Asks which instances have labels.
    SelectLabels {
        /// Who asks.
        op: OpId,
        /// The namespace; none asks in all.
        namespace: Option<Namespace>,
        /// What is required of the labels, in kubectl's words.
        selector: String,
    },
    /// Lists the kubeconfig's contexts.
    ListContexts,

    // The catalogue and the editor.
    /// Lists the catalogue.
    ListCatalogue,
    /// Reads a definition for the Definition tab.
    ShowDefinition {
        /// Which definition.
        name: InstanceId,
    },
    /// Reads a definition and its draft.
    OpenDefinition {
        /// Who asks.
        editor: OpId,
        /// Which definition.
        name: InstanceId,
    },
    /// Adds a definition to the catalogue.
    CreateDefinition {
        /// Its name.
        name: InstanceId,
        /// Its text.
        text: String,
    },
    /// Checks a text.
    CheckDefinition {
        /// Who asks.
        editor: OpId,
        /// The ID that it would be deployed under.
        id: InstanceId,
        /// The namespace that it would be deployed to, unless it names one.
        namespace: Option<Namespace>,
        /// What the cluster told of its kinds.
        schemas: ClusterSchemas,
        /// Which state of the text.
        revision: Revision,
        /// The text.
        text: Rope,
    },
    /// Finds what applying the edited text would change, in place of what is being found.
    PreviewDeploy {
        /// Who asks.
        editor: OpId,
        /// Which state of the text.
        revision: Revision,
        /// The text, and what it would be deployed as.
        origin: DefinitionOrigin,
        /// What the cluster told of its kinds.
        schemas: ClusterSchemas,
        /// What it is compared with.
        of: PreviewOf,
    },
    /// Finds nothing any more of what the edited text would change. Answers nothing.
    StopPreview,
    /// Writes a definition, unless somebody else changed it since `base`.
    SaveDefinition {
        /// Who asks.
        editor: OpId,
        /// Which definition.
        name: InstanceId,
        /// Which state of the text.
        revision: Revision,
        /// The text.
        text: Rope,
        /// The digest of the file as it was read.
        base: Digest,
    },
    /// Keeps unsaved edits.
    KeepDraft {
        /// Who asks.
        editor: OpId,
        /// Which definition.
        name: InstanceId,
        /// Which state of the text.
        revision: Revision,
        /// The text.
        text: Rope,
        /// What the edits began from.
        base: Base,
    },
    /// Hands a text and the terminal to the editor of the user's own choice, and waits for it.
    EditElsewhere {
        /// Who asks.
        editor: OpId,
        /// Which definition.
        name: InstanceId,
        /// The text.
        text: Rope,
    },
    /// Removes the file of a text that came back from there and was taken. Answers nothing.
    DiscardHandout {
        /// The file.
        path: PathBuf,
    },
    /// Reads what others changed in the live objects of an instance as a text that can be merged.
    ReadLive {
        /// Who asks.
        editor: OpId,
        /// Which definition.
        name: InstanceId,
        /// Which instance of it.
        key: InstanceKey,
    },
    /// Writes a text into a definition that nobody edits, unless somebody else changed it since `base`.
    WriteDefinition {
        /// Who asks.
        op: OpId,
        /// Which definition.
        name: InstanceId,
        /// The text.
        text: String,
        /// The digest of the file as it was read.
        base: Digest,
    },
    /// Plans taking what others changed in an instance into its definition.
    PlanPull {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
    },
    /// Finds a running set of objects and makes a definition of it, which is not written yet.
    Import {
        /// Who asks.
        op: OpId,
        /// Which objects.
        origin: import::Origin,
        /// Where they are.
        namespace: Namespace,
        /// The name of the definition.
        name: InstanceId,
    },
    /// Removes the drafts of a definition. Answers nothing.
    DiscardDraft {
        /// Which definition.
        name: InstanceId,
    },

    // Operations.
    /// Plans a deploy.
    PlanDeploy {
        /// Who asks.
        op: OpId,
        /// What to deploy.
        source: DeploySource,
    },
    /// Carries out the plan that was shown, then waits until the instance is ready.
    RunDeploy {
        /// The operation.
        op: OpId,
        /// What to deploy.
        source: DeploySource,
        /// The plan that was shown.
        plan: Box<ReviewedPlan>,
        /// Whether the conflicts of that plan are to be taken.
        force_conflicts: bool,
    },
    /// Plans a teardown.
    PlanTeardown {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// What of it.
        scope: TeardownScope,
        /// What to do with its claims.
        volumes: VolumeChoice,
        /// The retained volumes that are meant; all of the instance without any.
        named: BTreeSet<String>,
    },
    /// Carries out the fate table that was shown.
    RunTeardown {
        /// The operation.
        op: OpId,
        /// The plan that was shown.
        plan: Box<TeardownPlan>,
        /// Whether it is taken over at once from somebody else who is at it.
        takes_over: bool,
    },

    /// Plans a scale or a restart.
    PlanAdjustment {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// What is to be changed.
        adjustment: Adjustment,
        /// The one workload that is meant, where one was chosen.
        only: Option<WorkloadName>,
    },
    /// Carries out the scale or restart that was shown, then waits until the instance is ready.
    RunAdjustment {
        /// The operation.
        op: OpId,
        /// The plan that was shown.
        plan: Box<AdjustPlan>,
        /// Whether the conflicts that it shows are taken.
        takes_conflicts: bool,
        /// Whether it is taken over at once from somebody else who is at it.
        takes_over: bool,
    },
    /// Plans the adoption of what a definition would make and others own.
    PlanAdopt {
        /// Who asks.
        op: OpId,
        /// The definition.
        source: DeploySource,
    },
    /// Carries out the adoption that was shown.
    RunAdopt {
        /// The operation.
        op: OpId,
        /// The plan that was shown.
        plan: Box<AdoptPlan>,
        /// Whether it is taken over at once from somebody else who is at it.
        takes_over: bool,
    },

    /// Plans the routes of instances.
    PlanRoutes {
        /// Who asks.
        op: OpId,
        /// Which instances.
        keys: Vec<InstanceKey>,
    },
    /// Makes the routes as they were shown.
    RunRoutes {
        /// The operation.
        op: OpId,
        /// The plan that was shown.
        plan: Box<RoutePlan>,
        /// Whether the conflicts of that plan are to be taken.
        force_conflicts: bool,
        /// Whether it is taken over at once from somebody else who is at it.
        takes_over: bool,
    },
    /// Plans what finishes a scale, a restart, an adoption or a change of routes that is noted.
    PlanRest {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
    },
    /// Takes the note of what is over away.
    RunClear {
        /// The operation.
        op: OpId,
        /// What is noted.
        plan: Box<ClearPlan>,
        /// Whether it is taken over at once from somebody else who is at it.
        takes_over: bool,
    },

    /// Asks a running operation to stop before its next step. Answers nothing: it ends, and says what was not tried.
    StopOperation {
        /// The operation.
        op: OpId,
    },
    /// Asks a running operation not to wait for who holds the instance. Answers nothing: it goes on.
    TakeOver {
        /// The operation.
        op: OpId,
        /// The beat after which the holder was seen to stand still; none where a person says that it is gone.
        silent_since: Option<Timestamp>,
    },
    /// Asks no further for what nobody waits for any more. Answers nothing. A comparison of what others changed goes on, which
    /// is wanted by itself too: `ReadChanges` stops it.
    GiveUp(Question),

    // History and trash.
    /// Lists the revisions that are kept of an instance.
    ReadHistory {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
    },
    /// Compares the live objects of an instance with what was applied, in place of what is being compared.
    ReadChanges {
        /// Who asks.
        op: OpId,
        /// Which instance; none stops comparing.
        key: Option<InstanceKey>,
    },
    /// Asks for the objects of an instance as the server prints them.
    PrintObjects {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// The kinds that it is seen to have.
        kinds: BTreeSet<GroupKind>,
    },
    /// Compares two revisions.
    CompareRevisions {
        /// Who asks.
        op: OpId,
        /// Of which instance.
        key: InstanceKey,
        /// The revision that the old lines are of.
        from: u32,
        /// The revision that the new lines are of.
        to: u32,
    },
    /// Lists what was taken down from this cluster on this machine.
    ListTrash {
        /// The connection.
        epoch: Epoch,
    },

    // Logs.
    /// Reads the logs of an instance, in place of what is read; reports until replaced.
    ReadLogs {
        /// Who reads.
        op: OpId,
        /// Which instance; none stops reading.
        key: Option<InstanceKey>,
        /// Which lines.
        query: LogQuery,
    },
    /// Writes lines of a log to a new file.
    SaveLog {
        /// The file, from the directory that the program was started in.
        path: PathBuf,
        /// The lines.
        text: String,
    },

    /// Remembers that a first hint was seen. Answers nothing.
    RememberHint(&'static str),

    /// Asks what this user may do with the pods of a namespace.
    AskRights {
        /// The connection.
        epoch: Epoch,
        /// The namespace.
        namespace: Namespace,
    },
    /// Reads what the nodes have, and what is asked for on them.
    ReadNodes {
        /// Who asks.
        op: OpId,
    },
    /// Looks at what is used, in place of what is looked at; reports until replaced.
    WatchUsage {
        /// Who looks.
        op: OpId,
        /// What at; nothing stops looking.
        of: Option<UsageOf>,
    },

    // Forwards.
    /// Lists the ports of an instance that could be forwarded.
    ListPorts {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
    },
    /// Forwards ports; reports until it is stopped.
    Forward {
        /// The forward.
        op: OpId,
        /// What.
        request: ForwardRequest,
    },
    /// Stops a forward. Answers nothing.
    StopForward {
        /// The forward.
        op: OpId,
    },

    // Shells.
    /// Begins a shell in a container of an instance, and holds it until it gets the terminal.
    OpenShell {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// Where; none takes the pod that does best, and the container that it names.
        place: Option<ShellPlace>,
    },
    /// Gives the terminal to the shell that was opened, until it ends.
    EnterShell {
        /// Who asked for it.
        op: OpId,
        /// What is told on its screen before it begins.
        banner: String,
    },
    /// Takes the terminal back from a shell, and ends it where it has not ended. Answers nothing.
    LeaveShell {
        /// Who asked for it.
        op: OpId,
    },

    // The terminal. These answer nothing.
    /// Puts a text on the terminal's clipboard.
    Copy(String),
    /// Has watches that wait for their next try after an outage try at once.
    TryWatches,
    /// Draws every cell anew.
    Redraw,
    /// Gives the terminal back to the shell until continued.
    Suspend,
    /// Ends the program.
    Quit,
}
