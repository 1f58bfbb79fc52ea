//! What should be done: orders to `runtime`, as values that tests compare.

use std::time::Duration;

use ropey::Rope;

use crate::catalogue::Digest;
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::Revision;
use crate::engine::plan::{DeployPlan, TeardownPlan, VolumeChoice};
use crate::service::summary::InstanceKey;
use crate::service::watch::Scope;

use super::msg::{Epoch, OpId};

/// What a deploy begins from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploySource {
    /// The definition's name in the catalogue.
    pub name: InstanceId,
    /// The ID to deploy under.
    pub id: InstanceId,
    /// The namespace that is worked in; the definition's own wins.
    pub namespace: Option<Namespace>,
    /// The text as it was seen; none reads the catalogue's.
    pub text: Option<Rope>,
    /// Whether fields that others own are left to them.
    pub yields: bool,
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
    /// Watches all instances of a scope, in place of what is watched; reports until replaced.
    WatchOverview {
        /// The connection.
        epoch: Epoch,
        /// What to watch.
        scope: Scope,
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
        /// The definition's name.
        name: InstanceId,
        /// The namespace that is worked in.
        namespace: Option<Namespace>,
        /// Which state of the text.
        revision: Revision,
        /// The text.
        text: Rope,
    },
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
        /// The digest of the file that the edits began from.
        base: Digest,
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
        plan: Box<DeployPlan>,
        /// Whether the conflicts of that plan are to be taken.
        force_conflicts: bool,
    },
    /// Plans a teardown.
    PlanTeardown {
        /// Who asks.
        op: OpId,
        /// Which instance.
        key: InstanceKey,
        /// What to do with its claims.
        volumes: VolumeChoice,
    },
    /// Carries out the fate table that was shown.
    RunTeardown {
        /// The operation.
        op: OpId,
        /// The plan that was shown.
        plan: Box<TeardownPlan>,
    },

    // The terminal. These answer nothing.
    /// Puts a text on the terminal's clipboard.
    Copy(String),
    /// Draws every cell anew.
    Redraw,
    /// Gives the terminal back to the shell until continued.
    Suspend,
    /// Ends the program.
    Quit,
}
