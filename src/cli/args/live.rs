//! Commands that speak with what runs: logs, events, shells, ports.

use std::net::IpAddr;
use std::time::Duration;

use clap::{ArgAction, Args, value_parser};
use clap_complete::ArgValueCandidates;
use jiff::Timestamp;
use regex::Regex;

use super::formats::Report;
use super::values::{address, duration, moment, regex};
use crate::cli::candidates;
use crate::cluster::PortSpec;
use crate::definition::id::InstanceId;

/// `bowline logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The instance: all its pods in one stream, in the order of time
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Only this container; may be given several times [default: all, and init containers that work or failed]
    #[arg(short, long = "container", value_name = "NAME")]
    pub containers: Vec<String>,
    /// Only this pod of the instance [default: all]
    #[arg(long, value_name = "POD")]
    pub pod: Option<String>,
    /// Go on with what comes until interrupted; pods that come later are joined
    #[arg(short, long, conflicts_with = "previous")]
    pub follow: bool,
    /// The run before the present one, of containers that were restarted
    #[arg(short, long)]
    pub previous: bool,
    /// Only what is newer, such as 90s, 10m or 1h30m
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub since: Option<Duration>,
    /// Only what was written since then, such as 2026-01-01T12:00:00Z
    #[arg(long, value_parser = moment, conflicts_with = "since", value_name = "TIME")]
    pub since_time: Option<Timestamp>,
    /// Only so many of the latest lines of each container; -1 is all [default: all]
    #[arg(long, value_parser = value_parser!(i64).range(-1..), allow_negative_numbers = true, value_name = "N")]
    pub tail: Option<i64>,
    /// Only lines that match; (?i) before it ignores case
    #[arg(long, value_parser = regex, allow_hyphen_values = true, value_name = "REGEX")]
    pub grep: Option<Regex>,
    /// Print when each line was written
    #[arg(long)]
    pub timestamps: bool,
    /// Print pod/container before each line
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL")]
    pub prefix: bool,
    /// Read at most so many containers at once
    #[arg(long, default_value_t = 50, value_parser = value_parser!(u16).range(1..), value_name = "N")]
    pub max_log_requests: u16,
    /// Output format; JSON is an object a line, with the text as it was written
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// `bowline events`.
#[derive(Debug, Args)]
pub struct Events {
    /// The instance
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// After the events, print those that come until interrupted
    #[arg(short, long)]
    pub watch: bool,
    /// Output format; with --watch, JSON is an object a line
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// `bowline exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// The instance
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Container [default: the one that the pod names by annotation, else the first]
    #[arg(short, long, value_name = "NAME")]
    pub container: Option<String>,
    /// Pod of the instance [default: one that is ready]
    #[arg(long, value_name = "POD")]
    pub pod: Option<String>,
    /// Pass standard input to the command
    #[arg(short = 'i', long)]
    pub stdin: bool,
    /// Give the command the terminal
    #[arg(short = 't', long)]
    pub tty: bool,
    /// The command and its arguments [default: a shell with the terminal]
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `bowline port-forward`.
#[derive(Debug, Args)]
pub struct PortForward {
    /// The instance
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Ports: the Service's or a container's, by number or name; :REMOTE takes a free local one
    #[arg(required = true, value_name = "[LOCAL:]REMOTE")]
    pub ports: Vec<PortSpec>,
    /// Addresses of this machine to listen on, separated by commas; 0.0.0.0 is all
    #[arg(
        long = "address",
        value_name = "ADDRESS",
        value_delimiter = ',',
        default_value = "localhost",
        value_parser = address
    )]
    pub addresses: Vec<Option<IpAddr>>,
    /// Only this pod of the instance [default: whichever is ready]
    #[arg(long, value_name = "POD")]
    pub pod: Option<String>,
}
