//! Which instances a command is about.

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::cli::candidates;
use crate::cluster::LabelSelector;
use crate::definition::id::InstanceId;

/// Instances by ID, or by their labels.
#[derive(Debug, Args)]
pub struct Chosen {
    /// Instances
    #[arg(
        value_name = "ID",
        required_unless_present = "selector",
        conflicts_with = "selector",
        add = ArgValueCandidates::new(candidates::definitions)
    )]
    pub ids: Vec<InstanceId>,
    /// Choose instances of the namespace by labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k', 'k>3', 'k<3'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
}
