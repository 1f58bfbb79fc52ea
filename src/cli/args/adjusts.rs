//! Commands that adjust what runs: replicas, pods, routes.

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::choice::Chosen;
use super::formats::Report;
use super::waiting::{Waiting, in_turn, in_turn_within};
use crate::cli::candidates;
use crate::cluster::LabelSelector;
use crate::definition::id::InstanceId;
use crate::engine::adjust::{MAX_REPLICAS, WorkloadName};

/// `bowline scale`.
#[derive(Debug, Args)]
pub struct Scale {
    /// Instances, and how many replicas they shall have
    // A number below zero is told what is wrong with it, and is no unknown flag.
    #[arg(required = true, value_name = "ID... N", allow_negative_numbers = true, value_parser = id_or_number, add = ArgValueCandidates::new(candidates::definitions))]
    pub words: Vec<IdOrNumber>,
    /// Choose instances of the namespace by labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k', 'k>3', 'k<3'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    /// Scale this workload, where an instance has several, as in deployment/web
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Option<WorkloadName>,
    /// Take over the number of replicas where the plan shows it as owned by others
    #[arg(long)]
    pub force_conflicts: bool,
    /// Leave workloads whose number of replicas others own as they are, and scale the rest
    #[arg(long, conflicts_with = "force_conflicts")]
    pub yield_conflicts: bool,
    #[command(flatten)]
    pub how: Adjust,
}

/// `bowline restart`.
#[derive(Debug, Args)]
pub struct Restart {
    #[command(flatten)]
    pub chosen: Chosen,
    /// Restart this workload alone, as in deployment/web
    #[arg(long, value_name = "KIND/NAME")]
    pub workload: Option<WorkloadName>,
    #[command(flatten)]
    pub how: Adjust,
}

/// `bowline update-ingress`.
#[derive(Debug, Args)]
#[command(mut_arg("wait", in_turn), mut_arg("timeout", in_turn_within))]
pub struct UpdateIngress {
    /// Instances [default: all of the namespace]
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub ids: Vec<InstanceId>,
    /// Take the fields that others own, as the plan shows them
    #[arg(long)]
    pub force_conflicts: bool,
    #[command(flatten)]
    pub how: Adjust,
}

/// How what runs is adjusted.
#[derive(Debug, Args)]
pub struct Adjust {
    /// Confirm the change of a protected instance by repeating its ID; may be given several times
    #[arg(long, value_name = "ID")]
    pub confirm: Vec<InstanceId>,
    /// Show what would be changed and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Go on with the others where an instance is not there
    #[arg(long)]
    pub ignore_not_found: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the plan of every instance and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}

/// A word that is an ID or a number: no ID begins with a digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdOrNumber {
    Id(InstanceId),
    Number(u32),
}

pub(super) fn id_or_number(text: &str) -> Result<IdOrNumber, String> {
    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        let number = text.parse().ok();
        let number = number.filter(|number| *number <= MAX_REPLICAS);
        return number
            .map(IdOrNumber::Number)
            .ok_or_else(|| format!("a number of replicas is 0 to {MAX_REPLICAS}"));
    }
    let id = text.parse::<InstanceId>();
    id.map(IdOrNumber::Id).map_err(|error| error.to_string())
}
