//! Commands that deploy: a definition, an earlier revision, what was left half done, what was taken down.

use clap::{Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::definitions::Source;
use super::formats::Report;
use super::values::revision;
use super::waiting::{Waiting, in_turn, in_turn_within};
use crate::catalogue::trash::which::Which;
use crate::cli::candidates;
use crate::definition::id::InstanceId;
use crate::engine::remedy::Remedies;

/// `bowline deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    #[command(flatten)]
    pub source: Source,
    /// Show the plan and stop: `client` without asking the cluster, `server` with its verdict
    #[arg(long, value_enum, value_name = "WHERE", num_args = 0..=1, require_equals = true, default_missing_value = "server")]
    pub dry_run: Option<DryRun>,
    #[command(flatten)]
    pub applying: Applying,
}

/// Where a dry run is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Print the objects without asking the cluster
    Client,
    /// Show the plan with the server's verdict
    Server,
}

/// How a plan becomes an apply: the flags of every command that deploys.
#[derive(Debug, Args)]
pub struct Applying {
    /// Why: kept with the revision
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
    /// Take over the fields that the plan shows as owned by others
    #[arg(long)]
    pub force_conflicts: bool,
    /// Leave the fields that others own to them, and apply the rest
    #[arg(long, conflicts_with = "force_conflicts")]
    pub yield_conflicts: bool,
    /// Delete what can never be changed in place and make it anew; its pods are replaced, claims and their data stay
    #[arg(long)]
    pub recreate: bool,
    /// Grow claims and their templates together to the sizes of the definition; pods go on running
    #[arg(long)]
    pub grow_volumes: bool,
    /// Bind volumes again that `delete --volumes retain` left of this ID
    #[arg(long)]
    pub bind_retained: bool,
    /// Ask for every secret that only a person knows; empty keeps what the cluster has [default: where it has none]
    #[arg(long)]
    pub ask_secrets: bool,
    /// Apply this ID without asking, also where it is protected, of another definition, or the server is not verified
    #[arg(long, value_name = "ID")]
    pub confirm: Option<InstanceId>,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the plan and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}

impl Applying {
    /// Returns what was agreed to beyond a plain deploy.
    pub fn remedies(&self) -> Remedies {
        Remedies {
            recreate: self.recreate,
            grow_volumes: self.grow_volumes,
            bind_retained: self.bind_retained,
            ..Remedies::default()
        }
    }
}

/// `bowline rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Instance
    #[arg(add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Revision to go back to [default: the last that was finished before what is there now]
    #[arg(long, value_name = "N", value_parser = revision())]
    pub to: Option<u32>,
    /// Take the values of secrets that their variables and files hold now [default: those in the cluster stay]
    #[arg(long)]
    pub rotate_secrets: bool,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub applying: Applying,
}

/// `bowline resume`.
#[derive(Debug, Args)]
pub struct Resume {
    /// Instance on which an operation was begun; a deploy goes on with the text that its revision keeps
    #[arg(add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Show what is left to be done and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Where a teardown goes on: keep no copy on this machine, so that `restore` cannot put it back
    #[arg(long)]
    pub no_trash: bool,
    #[command(flatten)]
    pub applying: Applying,
}

/// `bowline restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Instance that was taken down [default: list what there is]
    #[arg(add = ArgValueCandidates::new(candidates::taken_down))]
    pub id: Option<InstanceId>,
    /// Which time it was taken down: its number in the list, 1 for the newest, or when that was [default: the newest]
    #[arg(
        long,
        value_name = "N|TIME",
        requires = "id",
        add = ArgValueCandidates::new(candidates::times_taken_down)
    )]
    pub at: Option<Which>,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub applying: Applying,
}

/// `bowline adopt`.
#[derive(Debug, Args)]
#[command(mut_arg("wait", in_turn), mut_arg("timeout", in_turn_within))]
pub struct Adopt {
    #[command(flatten)]
    pub source: Source,
    /// Show what would change hands and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the plan and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Confirm by repeating the ID, which objects of another owner need
    #[arg(long, value_name = "ID")]
    pub confirm: Option<InstanceId>,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}
