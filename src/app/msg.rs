//! What happened: everything that can reach `update`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;

use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::catalogue::trash::TrashItem;
use crate::definition::diagnostic::Diagnostic;
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::Revision;
use crate::engine::adjust::AdjustPlan;
use crate::engine::adopt::AdoptPlan;
use crate::engine::history::{Comparison, History};
use crate::engine::import::Import;
use crate::engine::plan::TeardownPlan;
use crate::engine::preview::Preview;
use crate::engine::progress::{Outcome, Progress};
use crate::engine::pull::PullPlan;
use crate::engine::resume::ResumePlan;
use crate::engine::routes::RoutePlan;
use crate::failure::Failure;
use crate::guard::Guard;
use crate::secret::SecretQuestion;
use crate::service::capacity::NodeCapacity;
use crate::service::drift::Changes;
use crate::service::forward::{ForwardEvent, Forwarded, OfferedPort, Traffic};
use crate::service::log::LogEvent;
use crate::service::printed::PrintedObject;
use crate::service::protection::Protection;
use crate::service::rights::{PodRights, Rights};
use crate::service::summary::InstanceKey;
use crate::service::usage::{ClaimUsage, PodUsage};
use crate::service::watch::WatchEvent;

use super::catalogue::CatalogueEntry;
use super::effect::{ReviewedPlan, ShellPlace};
use super::knowledge::Learnt;

/// The number of a connection: what an earlier one still reports is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// The number of something that was asked for: an open editor, a plan, an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OpId(pub u64);

/// What the catalogue's directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogueListing {
    /// Where the catalogue is.
    pub dir: Option<PathBuf>,
    /// The definitions, sorted by name.
    pub entries: Vec<CatalogueEntry>,
    /// Files that look like definitions and are refused, each with the reason.
    pub refused: Vec<(String, String)>,
    /// Definitions with unsaved edits from an earlier session.
    pub drafts: Vec<InstanceId>,
}

/// A text that another editor left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The text.
    pub text: String,
    /// The file that holds it until it is taken.
    pub path: PathBuf,
}

/// A definition as it was read to be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedDefinition {
    /// The text on disk.
    pub text: String,
    /// The digest of that text.
    pub digest: Digest,
    /// Unsaved edits of an earlier session that differ from it: the text and what they began from.
    pub draft: Option<(String, Base)>,
}

/// What an instance was deployed from, and the same with what others changed since in its live objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveTexts {
    /// As it was applied last.
    pub applied: String,
    /// As the live objects are now.
    pub live: String,
    /// What a definition cannot say of them: sentences.
    pub left: Vec<String>,
}

/// How saving a definition went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveAnswer {
    /// It is on disk.
    Saved(Digest),
    /// Somebody else changed the file meanwhile: nothing was written.
    Changed,
    /// It could not be written.
    Failed(Failure),
}

/// What a pull would write, and what it was read from.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedPull {
    /// What would be written.
    pub plan: PullPlan,
    /// The text of the definition so far.
    pub former: String,
    /// The digest of that text.
    pub base: Digest,
}

/// A definition made of objects that run, not written yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedDefinition {
    /// What was taken, and what was left.
    pub found: Import,
    /// The definition's text.
    pub text: String,
    /// How many faults of the text forbid to deploy it.
    pub n_errors: usize,
}

/// A context of the kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEntry {
    /// Its name.
    pub name: String,
    /// The cluster it names.
    pub cluster: String,
    /// Its namespace, where it names one.
    pub namespace: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    // Time and terminal.
    /// The time, given before every batch of other messages and when a deadline is over.
    Tick {
        /// The time of day.
        now: Timestamp,
        /// The time since the start, which never jumps.
        clock: Duration,
    },
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Paste(String),
    /// The mouse was pressed, or its wheel turned.
    Mouse(MouseEvent),
    /// The terminal has another size.
    Resized {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// The program was suspended and goes on.
    Resumed,
    /// Something asked for in the background broke down; the sentence says what.
    TaskFailed(String),

    // The cluster.
    /// A connection is made; its watches report from now on.
    Connected {
        /// Which connection.
        epoch: Epoch,
        /// Name of the context.
        context: String,
        /// Name of the cluster.
        cluster: String,
        /// The namespace to begin in.
        namespace: Namespace,
        /// Whether commands name it by that context.
        has_context: bool,
        /// Whether the server's certificate is not verified.
        is_insecure: bool,
        /// What holds there beyond what the server allows.
        guard: Guard,
    },
    /// It is known which cluster it is that one is connected to.
    ClusterIdentified {
        /// Which connection.
        epoch: Epoch,
        /// The uid of its namespace `kube-system`; none where nobody may read it.
        uid: Option<String>,
    },
    /// A connection could not even be tried: credentials or the kubeconfig are at fault.
    ConnectFailed {
        /// Which connection.
        epoch: Epoch,
        /// Why.
        failure: Failure,
    },
    /// The watches of all instances report.
    Overview {
        /// Which connection.
        epoch: Epoch,
        /// What they report.
        event: WatchEvent,
    },
    /// The watches of one instance report.
    InstanceEvent {
        /// Which connection.
        epoch: Epoch,
        /// Which instance.
        key: InstanceKey,
        /// What they report.
        event: WatchEvent,
    },
    /// The namespaces were listed, or may not be.
    NamespacesListed {
        /// Which connection.
        epoch: Epoch,
        /// The namespaces.
        result: Result<Vec<Namespace>, Failure>,
    },
    /// What the editor completes from was read, as far as it may be.
    Learnt {
        /// Which connection.
        epoch: Epoch,
        /// What there is.
        learnt: Learnt,
    },
    /// It is known what this user may do in the namespace that is shown.
    WriteRightsTold {
        /// Which connection.
        epoch: Epoch,
        /// What.
        rights: Rights,
    },
    /// It is known where all that is shown is protected.
    ProtectionTold {
        /// Which connection.
        epoch: Epoch,
        /// Where.
        protection: Protection,
    },
    /// It is known which instances have labels.
    LabelsSelected {
        /// Who asked.
        op: OpId,
        /// Which.
        result: Result<BTreeSet<InstanceKey>, Failure>,
    },
    /// The kubeconfig's contexts were listed.
    ContextsListed(Result<Vec<ContextEntry>, Failure>),

    // The catalogue and the editor.
    /// The catalogue was listed.
    CatalogueListed(Result<CatalogueListing, Failure>),
    /// A definition was read for the Definition tab.
    DefinitionShown {
        /// Which definition.
        name: InstanceId,
        /// Its text.
        result: Result<String, Failure>,
    },
    /// A definition was read to be edited.
    DefinitionOpened {
        /// The editor that asked.
        editor: OpId,
        /// What was read.
        result: Result<OpenedDefinition, Failure>,
    },
    /// A definition was added to the catalogue.
    DefinitionCreated {
        /// Its name.
        name: InstanceId,
        /// Whether that worked.
        result: Result<(), Failure>,
    },
    /// A text was checked.
    Checked {
        /// The editor that asked.
        editor: OpId,
        /// Which state of its text.
        revision: Revision,
        /// All faults.
        diagnostics: Vec<Diagnostic>,
    },
    /// What applying an edited text would change was found.
    Previewed {
        /// The editor that asked.
        editor: OpId,
        /// Which state of its text.
        revision: Revision,
        /// What it would change.
        result: Result<Box<Preview>, Failure>,
    },
    /// A save ended.
    Saved {
        /// The editor that asked.
        editor: OpId,
        /// Which state of its text.
        revision: Revision,
        /// How it went.
        answer: SaveAnswer,
    },
    /// A draft was kept, or could not be.
    DraftKept {
        /// The editor that asked.
        editor: OpId,
        /// Which state of its text.
        revision: Revision,
        /// The digest of the file that the edits began from.
        base: Digest,
        /// Whether that worked; then also whether the file is another by now than the one that the edits began from.
        result: Result<bool, Failure>,
    },
    /// An editor of the user's own choice is done with a text, or could not be run.
    EditedElsewhere {
        /// The editor whose text it was.
        editor: OpId,
        /// What it left; none if it left the text as it was.
        result: Result<Option<Returned>, Failure>,
    },
    /// What others changed in the live objects of an instance was brought into the text that was applied last.
    LiveRead {
        /// The editor that asked.
        editor: OpId,
        /// The texts before and after.
        result: Result<LiveTexts, Failure>,
    },

    /// What others changed was put into the text of a definition, which is not written yet.
    PullPlanned {
        /// Who asked.
        op: OpId,
        /// What would be written.
        result: Result<Box<PlannedPull>, Failure>,
    },
    /// A definition that nobody edits was written, or not.
    DefinitionWritten {
        /// Who asked.
        op: OpId,
        /// Which definition.
        name: InstanceId,
        /// How it went.
        answer: SaveAnswer,
    },
    /// A running set of objects was made a definition.
    Imported {
        /// Who asked.
        op: OpId,
        /// The definition's name.
        name: InstanceId,
        /// What was found.
        result: Result<Arc<ImportedDefinition>, Failure>,
    },
    /// Somebody else added, changed or removed definitions.
    CatalogueChanged,

    // Operations.
    /// A deploy was planned.
    DeployPlanned {
        /// The review that asked.
        op: OpId,
        /// The plan.
        result: Result<Box<ReviewedPlan>, Failure>,
    },
    /// Secrets of what is planned are known to a person only, and were not asked for yet.
    SecretsWanted {
        /// The review that asked.
        op: OpId,
        /// What a person is to be asked.
        questions: Vec<SecretQuestion>,
    },
    /// A teardown was planned.
    TeardownPlanned {
        /// The fate table that asked.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// The plan.
        result: Result<Box<TeardownPlan>, Failure>,
    },
    /// A scale or a restart was planned.
    AdjustmentPlanned {
        /// Who asked.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// The plan.
        result: Result<Box<AdjustPlan>, Failure>,
    },
    /// An adoption was planned.
    AdoptPlanned {
        /// Who asked.
        op: OpId,
        /// The plan.
        result: Result<Box<AdoptPlan>, Failure>,
    },
    /// Routes were planned.
    RoutesPlanned {
        /// Who asked.
        op: OpId,
        /// The plans, one an instance.
        result: Result<Vec<RoutePlan>, Failure>,
    },
    /// What finishes a noted operation was planned, or that nothing is left of it.
    RestPlanned {
        /// Who asked.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// The plan.
        result: Result<Box<ResumePlan>, Failure>,
    },
    /// A running operation reports.
    Progressed {
        /// Which operation.
        op: OpId,
        /// What it reports.
        progress: Progress,
    },
    /// An operation ended.
    Finished {
        /// Which operation.
        op: OpId,
        /// How.
        outcome: Outcome,
    },

    // History and trash.
    /// The revisions of an instance were listed.
    HistoryRead {
        /// Who asked.
        op: OpId,
        /// The revisions.
        result: Result<History, Failure>,
    },
    /// The live objects of an instance were compared with what was applied.
    ChangesRead {
        /// Who asked.
        op: OpId,
        /// What others changed.
        result: Result<Changes, Failure>,
    },
    /// Objects were printed by the server.
    ObjectsPrinted {
        /// Who asked.
        op: OpId,
        /// The objects.
        objects: Vec<PrintedObject>,
        /// What could not be asked for, as sentences.
        remarks: Vec<String>,
    },
    /// Two revisions were compared.
    RevisionsCompared {
        /// Who asked.
        op: OpId,
        /// What differs.
        result: Result<Comparison, Failure>,
    },
    /// What was taken down from this cluster was listed, the newest first and each instance once.
    TrashListed {
        /// Which connection.
        epoch: Epoch,
        /// What there is.
        items: Vec<Arc<TrashItem>>,
    },

    /// What this user may do with the pods of a namespace was told.
    RightsTold {
        /// Which connection.
        epoch: Epoch,
        /// The namespace.
        namespace: Namespace,
        /// The rights.
        result: Result<PodRights, Failure>,
    },
    /// What the nodes have was read.
    NodesRead {
        /// Who asked.
        op: OpId,
        /// The nodes.
        result: Result<Vec<NodeCapacity>, Failure>,
    },
    /// What pods use was looked at.
    PodUsageRead {
        /// Who looks.
        op: OpId,
        /// What they use.
        result: Result<Vec<PodUsage>, Failure>,
    },
    /// What is used of claims was looked at.
    ClaimUsageRead {
        /// Who looks.
        op: OpId,
        /// What is used.
        result: Result<Vec<ClaimUsage>, Failure>,
    },

    // Forwards.
    /// The ports of an instance that could be forwarded were listed.
    PortsListed {
        /// Who asked.
        op: OpId,
        /// The ports.
        result: Result<Vec<OfferedPort>, Failure>,
    },
    /// A forward listens, or cannot.
    ForwardBegan {
        /// The forward.
        op: OpId,
        /// Its listeners.
        result: Result<Vec<Forwarded>, Failure>,
    },
    /// A forward reports.
    Forwarding {
        /// The forward.
        op: OpId,
        /// What happened, if something did.
        event: Option<ForwardEvent>,
        /// What went through so far.
        traffic: Traffic,
    },

    // Shells.
    /// A shell was opened, or could not be.
    ShellOpened {
        /// Who asked.
        op: OpId,
        /// Where it runs.
        result: Result<ShellPlace, Failure>,
    },
    /// A shell ended, or its connection did.
    ShellEnded {
        /// Who asked for it.
        op: OpId,
        /// Whether anything was typed into it.
        is_used: bool,
        /// Its exit code.
        result: Result<i32, Failure>,
    },

    // Logs.
    /// Logs that are read report.
    Logged {
        /// Who reads.
        op: OpId,
        /// What reading brought, in order.
        events: Vec<LogEvent>,
        /// Whether nothing more comes.
        is_over: bool,
    },
    /// Lines of a log were written to a file.
    LogSaved {
        /// The file.
        path: PathBuf,
        /// Whether that worked.
        result: Result<(), Failure>,
    },
}
