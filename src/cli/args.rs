//! The command line's grammar: commands, flags and their help, named as kubectl names its own. A file a group of commands.

mod adjusts;
mod choice;
mod definitions;
mod deploys;
mod fields;
mod formats;
mod global;
mod live;
mod looks;
mod program;
mod teardowns;
mod values;
mod waiting;

use clap::{Parser, Subcommand};

pub use adjusts::{Adjust, IdOrNumber, Restart, Scale, UpdateIngress};
pub use choice::Chosen;
pub use definitions::{
    Edit, Import, ImportOutput, New, Pull, Render, SecretsChoice, Source, Validate,
};
pub use deploys::{Adopt, Applying, Deploy, DryRun, Restore, Resume, Rollback};
pub use fields::{Explain, KindSource, PrintSchema};
pub use formats::{Document, Output, Report};
pub use global::{Global, SERVER, TOKEN};
pub use live::{Events, Exec, Logs, PortForward};
pub use looks::{Diff, History, Ls, Status};
pub use program::{Completion, Config, Doctor, Sandbox, Serve, Shell, Snapshot};
pub use teardowns::{Delete, Prune, Volumes};
pub use waiting::Waiting;

use super::exit::EXIT_CODES;

/// Services on Kubernetes by the keyboard: a dashboard and a command line over one engine.
///
/// Without a command it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "bowline", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    /// Bytes a second that the dashboard may send to the terminal; 0 bounds nothing [default: the settings']
    #[arg(long, value_name = "N")]
    pub max_bytes_per_second: Option<u32>,
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a definition to the catalogue from a template
    New(New),
    /// Open a definition in the dashboard's editor
    Edit(Edit),
    /// List instances, and definitions that are not deployed
    Ls(Ls),
    /// Show how instances are doing
    Status(Status),
    /// Print what the containers of an instance say
    Logs(Logs),
    /// Print what was reported about the objects of an instance
    Events(Events),
    /// Run a command in a container of an instance, or a shell; its exit code becomes bowline's
    #[command(override_usage = "bowline exec [OPTIONS] <ID> [-- <COMMAND>...]")]
    Exec(Exec),
    /// Lead ports of this machine to the pods of an instance, until interrupted
    #[command(visible_alias = "forward")]
    PortForward(PortForward),
    /// Check definitions; faults as file:line:column, exit 1 if there are errors
    Validate(Validate),
    /// Print the Kubernetes objects of a definition
    Render(Render),
    /// Tell what the fields of a kind, or of the service definition, are for
    Explain(Explain),
    /// Print the JSON Schema of the service definition, or of a kind, for editors
    #[command(name = "schema")]
    Schema(PrintSchema),
    /// Show what a deploy would change; exit 0 nothing, 1 something, more on failure
    Diff(Diff),
    /// Deploy a definition and wait until it is ready
    #[command(visible_alias = "apply")]
    Deploy(Deploy),
    /// Take a running set of objects into a definition: by labels, of a Helm release, of another tool's set
    Import(Import),
    /// Make objects that others own, or wrote into, the instance's own
    Adopt(Adopt),
    /// Take instances down by ID
    Delete(Delete),
    /// Put back what was taken down on this machine, or list it
    Restore(Restore),
    /// Finish what was left half done, whoever began it
    Resume(Resume),
    /// List the revisions of an instance, or print the definition that one of them keeps
    History(History),
    /// Deploy an earlier revision of an instance again, as a new one, and free the pods that hang
    Rollback(Rollback),
    /// Bring what others changed in the cluster back into the definition, comments and layout untouched
    Pull(Pull),
    /// Take down the instances that have expired
    Prune(Prune),
    /// Set the number of replicas of instances; 0 stops them
    #[command(
        override_usage = "bowline scale [OPTIONS] <ID>... <N>\n       bowline scale [OPTIONS] -l <SELECTOR> <N>"
    )]
    Scale(Scale),
    /// Replace the pods of instances by new ones, as a rollout does
    Restart(Restart),
    /// Compute the routes of instances again from what is there: their Ingresses under the settings of now, none that leads
    /// nowhere
    #[command(visible_alias = "update_ingress")]
    UpdateIngress(UpdateIngress),
    /// Look whether all that bowline needs is there; the report holds no secret
    Doctor(Doctor),
    /// Draw the dashboard once, as text or SVG, and exit
    Snapshot(Snapshot),
    /// Run the sandbox for other clients
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// Show settings, and where files are
    #[command(subcommand)]
    Config(Config),
    /// Print the completion script of a shell
    Completion(Completion),
}

impl Command {
    /// Tells whether JSON was asked for.
    pub fn asks_json(&self) -> bool {
        match self {
            Self::Ls(Ls { output, .. }) | Self::Status(Status { output, .. }) => {
                *output == Output::Json
            }
            Self::Render(Render { output, .. }) => *output == Document::Json,
            Self::Import(Import { output, .. }) => *output == ImportOutput::Json,
            Self::Logs(Logs { output, .. })
            | Self::Events(Events { output, .. })
            | Self::Validate(Validate { output, .. })
            | Self::Diff(Diff { output, .. })
            | Self::Deploy(Deploy {
                applying: Applying { output, .. },
                ..
            })
            | Self::Adopt(Adopt { output, .. })
            | Self::Delete(Delete { output, .. })
            | Self::Restore(Restore {
                applying: Applying { output, .. },
                ..
            })
            | Self::Resume(Resume {
                applying: Applying { output, .. },
                ..
            })
            | Self::Rollback(Rollback {
                applying: Applying { output, .. },
                ..
            })
            | Self::History(History { output, .. })
            | Self::Pull(Pull { output, .. })
            | Self::Prune(Prune { output, .. })
            | Self::Scale(Scale {
                how: Adjust { output, .. },
                ..
            })
            | Self::Restart(Restart {
                how: Adjust { output, .. },
                ..
            })
            | Self::UpdateIngress(UpdateIngress {
                how: Adjust { output, .. },
                ..
            })
            | Self::Doctor(Doctor { output, .. }) => *output == Report::Json,
            Self::New(_)
            | Self::Edit(_)
            | Self::Exec(_)
            | Self::PortForward(_)
            | Self::Explain(_)
            | Self::Schema(_)
            | Self::Snapshot(_)
            | Self::Sandbox(_)
            | Self::Config(_)
            | Self::Completion(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn grammar_is_consistent() {
        Cli::command().debug_assert();
    }
}
