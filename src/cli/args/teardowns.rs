//! Commands that take down.

use clap::{Args, ValueEnum};

use super::choice::Chosen;
use super::formats::Report;
use super::waiting::Waiting;
use crate::definition::id::InstanceId;
use crate::engine::plan::TeardownScope;

/// `bowline delete`.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    pub chosen: Chosen,
    /// What to do with the claims and their data [default: keep; with --kept and --retained: delete]
    #[arg(long, value_enum)]
    pub volumes: Option<Volumes>,
    /// Release only claims that are kept: those that nothing uses and nothing that runs would use
    #[arg(long, conflicts_with = "selector")]
    pub kept: bool,
    /// Release only volumes that an earlier teardown retained: with their data, or without it (--volumes retain)
    #[arg(long, conflicts_with_all = ["selector", "kept"])]
    pub retained: bool,
    /// With --retained: release this volume and no other; may be given several times
    #[arg(long = "volume", value_name = "NAME", requires = "retained")]
    pub named: Vec<String>,
    /// Confirm the teardown of a protected instance by repeating its ID; may be given several times
    #[arg(long, value_name = "ID")]
    pub confirm: Vec<InstanceId>,
    /// Show the fate of every object and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Keep no copy on this machine, so that `restore` cannot put it back
    #[arg(long)]
    pub no_trash: bool,
    /// Count an instance that is not there as done
    #[arg(long)]
    pub ignore_not_found: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the fate of every object and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}

impl Delete {
    /// Returns what is taken down.
    pub fn scope(&self) -> TeardownScope {
        match (self.kept, self.retained) {
            (true, _) => TeardownScope::KeptClaims,
            (false, true) => TeardownScope::RetainedVolumes,
            (false, false) => TeardownScope::Instance,
        }
    }
}

/// `bowline prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// What has outlived the `expires` of its definition, counted from the first apply; what wants its ID typed is skipped, and named
    #[arg(long, required = true)]
    pub expired: bool,
    /// Instances of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// What to do with the claims and their data
    #[arg(long, value_enum, default_value_t)]
    pub volumes: Volumes,
    /// Show the fate of every object and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Keep no copies on this machine, so that `restore` cannot put them back
    #[arg(long)]
    pub no_trash: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the fate of every object and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}

/// What a teardown does with claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Volumes {
    /// Keep claims and data
    #[default]
    Keep,
    /// Delete claims; the data goes where the volume's reclaim policy says
    Delete,
    /// Set the volumes to Retain, then delete the claims; a new deploy of the ID may bind them again
    Retain,
}
