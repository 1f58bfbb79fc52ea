//! Commands that work on definitions: write, check, render and import them, and bring changes back.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use clap_complete::ArgValueCandidates;

use super::formats::{Document, Report};
use super::values::key_value;
use crate::cli::candidates;
use crate::cluster::LabelSelector;
use crate::definition::id::InstanceId;
use crate::engine::sets::ParentName;

/// `bowline new`.
#[derive(Debug, Args)]
pub struct New {
    /// Name of the definition: lower-case letters, digits and '-', at most 50
    pub name: InstanceId,
    /// What to start from
    #[arg(short, long, default_value = "web", add = ArgValueCandidates::new(candidates::templates))]
    pub template: String,
}

/// `bowline edit`.
#[derive(Debug, Args)]
pub struct Edit {
    /// Definition of the catalogue
    #[arg(add = ArgValueCandidates::new(candidates::definitions))]
    pub name: InstanceId,
}

/// A definition by name or by file, and what is set in it.
#[derive(Debug, Args)]
pub struct Source {
    /// Definition of the catalogue
    #[arg(
        required_unless_present = "filename",
        conflicts_with = "filename",
        value_parser = name_of_definition,
        add = ArgValueCandidates::new(candidates::definitions)
    )]
    pub name: Option<InstanceId>,
    /// Read the definition from a file, or from standard input with '-'
    #[arg(short, long, value_name = "FILE")]
    pub filename: Option<PathBuf>,
    /// ID of the instance [default: the definition's name]
    #[arg(long)]
    pub id: Option<InstanceId>,
    /// Set a parameter of the definition; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
}

impl Source {
    /// Returns it as it is written behind a command: `shop --id shop-2`.
    pub fn shown(&self) -> String {
        let file = |file: &PathBuf| format!("-f {}", file.display());
        let name = self.name.as_ref().map(ToString::to_string);
        let what = self.filename.as_ref().map(file).or(name);
        let id = self.id.as_ref().map(|id| format!("--id {id}"));
        let words: Vec<String> = what.into_iter().chain(id).collect();
        words.join(" ")
    }
}

/// Reads the name of a definition. A file is given by a flag, as with kubectl, and what looks like one is told so.
fn name_of_definition(text: &str) -> Result<InstanceId, String> {
    text.parse().map_err(|error| {
        let is_file =
            text == "-" || text.contains('/') || text.ends_with(".yaml") || text.ends_with(".yml");
        match is_file {
            true => format!("a file is given by `-f {text}`"),
            false => format!("{error}"),
        }
    })
}

/// `bowline validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// Definitions of the catalogue [default: all of them]
    #[arg(
        value_name = "NAME",
        value_parser = name_of_definition,
        add = ArgValueCandidates::new(candidates::definitions)
    )]
    pub names: Vec<InstanceId>,
    /// Check a file, or standard input with '-'; may be given several times
    #[arg(short, long, value_name = "FILE")]
    pub filename: Vec<PathBuf>,
    /// Set a parameter of the definitions; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Check manifests by the schemas of the cluster, custom kinds included
    #[arg(long)]
    pub online: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// `bowline render`.
#[derive(Debug, Args)]
pub struct Render {
    #[command(flatten)]
    pub source: Source,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Document,
}

/// `bowline import`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("origin").required(true).args(["selector", "helm", "set"]))]
pub struct Import {
    /// Name of the definition
    pub name: InstanceId,
    /// Take objects with these labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k', 'k>3', 'k<3'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    /// Take the objects of this Helm release
    #[arg(long, value_name = "RELEASE")]
    pub helm: Option<String>,
    /// Take the objects of this ApplySet, as in configmap/NAME; `ls --sets` lists them
    #[arg(long, visible_alias = "applyset", value_name = "PARENT")]
    pub set: Option<ParentName>,
    /// What to do with Secrets, whose values never stand in a definition [default: refuse]
    #[arg(long, value_enum, value_name = "CHOICE")]
    pub secrets: Option<SecretsChoice>,
    /// Keep the numbers of node ports
    #[arg(long)]
    pub node_ports: bool,
    /// Replace a definition of that name
    #[arg(long)]
    pub force: bool,
    /// Print the definition and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Print the definition, or what was found, and write nothing
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ImportOutput,
}

/// What becomes of Secrets that are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SecretsChoice {
    /// Leave them where they are, outside of the instance
    Skip,
}

/// Formats of what was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ImportOutput {
    /// The path of the file that was written
    #[default]
    Text,
    /// The definition
    Yaml,
    /// The objects, and what was left with why
    Json,
}

/// `bowline pull`.
#[derive(Debug, Args)]
pub struct Pull {
    /// The instance
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Show what would be written into the definition and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Output format; JSON has what is pulled, what is not and why, and the text
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
}
