//! Commands that only look: lists, status, history, differences.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::choice::Chosen;
use super::definitions::Source;
use super::formats::{Output, Report};
use super::values::revision;
use crate::cli::candidates;
use crate::cluster::LabelSelector;
use crate::definition::id::InstanceId;
use crate::engine::sets::ParentName;

/// `bowline ls`.
#[derive(Debug, Args)]
pub struct Ls {
    /// List only instances with these labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k', 'k>3', 'k<3'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    /// Instances of all namespaces
    #[arg(short = 'A', long)]
    pub all_namespaces: bool,
    /// List ApplySets of any tool instead, with what they contain and how it is doing
    #[arg(long, conflicts_with_all = ["selector", "watch", "claims"])]
    pub sets: bool,
    /// List claims instead, kept ones included, each with who uses it and what it lies on
    #[arg(long, conflicts_with_all = ["selector", "watch"])]
    pub claims: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// After the list, print each change until interrupted
    #[arg(short, long)]
    pub watch: bool,
}

/// `bowline status`.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// After the status, print each change until interrupted
    #[arg(short, long)]
    pub watch: bool,
}

/// `bowline diff`.
#[derive(Debug, Args)]
pub struct Diff {
    #[command(flatten)]
    pub source: Source,
    /// Compare a file (-f) with what is live of this ApplySet of any tool, as in configmap/NAME
    #[arg(long, value_name = "PARENT", conflicts_with_all = ["name", "id", "set", "revision"])]
    pub applyset: Option<ParentName>,
    /// Compare what this revision of the instance keeps with the current revision instead
    #[arg(long, value_name = "N", value_parser = revision(), conflicts_with_all = ["filename", "set"])]
    pub revision: Option<u32>,
    /// Compare it with this revision
    #[arg(long, value_name = "N", value_parser = revision(), requires = "revision")]
    pub to: Option<u32>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// `bowline history`.
#[derive(Debug, Args)]
pub struct History {
    /// Instance
    #[arg(add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Print the definition as this revision keeps it
    #[arg(long, value_name = "N", value_parser = revision())]
    pub revision: Option<u32>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}
