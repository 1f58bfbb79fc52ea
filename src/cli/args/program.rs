//! Commands about the program itself, and what it runs in.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::formats::Report;
use super::values::size;

/// `bowline doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// `bowline snapshot`.
#[derive(Debug, Args)]
pub struct Snapshot {
    /// Columns and rows
    #[arg(long, default_value = "120x40", value_parser = size, value_name = "COLUMNSxROWS")]
    pub size: (u16, u16),
    /// Draw as SVG
    #[arg(long)]
    pub svg: bool,
}

/// `bowline sandbox …`.
#[derive(Debug, Subcommand)]
pub enum Sandbox {
    /// Serve the sandbox on loopback and print the kubeconfig to use, until interrupted
    Serve(Serve),
}

/// `bowline sandbox serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Keep the cluster's state in this file
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Port on 127.0.0.1 [default: a free one]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Start without the example services
    #[arg(long)]
    pub empty: bool,
}

/// `bowline config …`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the settings that hold: the file's, with environment and flags laid over them
    View,
    /// Print the paths of settings, catalogue and state
    Paths,
    /// Print an example with every key, its default and a comment
    Example,
    /// Print the dashboard's actions with their names and the keys that they have now
    Keys,
}

/// `bowline completion`.
#[derive(Debug, Args)]
pub struct Completion {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells with completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}
