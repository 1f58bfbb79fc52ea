//! The command line's grammar: commands, flags and their help, named as kubectl names its own.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use clap::{ArgAction, ArgGroup, Args, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::ArgValueCandidates;
use regex::{Regex, RegexBuilder};

use super::candidates;
use crate::cluster::{LabelSelector, PortSpec};
use crate::definition::id::{InstanceId, Namespace};
use crate::engine::adjust::MAX_REPLICAS;
use crate::engine::operation::Meeting;
use crate::engine::remedy::Remedies;
use crate::engine::sets::ParentName;
use crate::ui::MIN_SIZE;

/// What the exit codes mean; part of the contract with scripts.
const EXIT_CODES: &str = "\
Exit codes:
  0      done; also where a selector chooses nothing
  1      failed; `validate` found errors, `diff` found differences
  2      called wrongly, or it would have to ask and there is no terminal
  3      partly done: the same command finishes it
  4      timed out, or accepted and not yet gone
  5      refused: ownership, protection, permissions
  128+n  ended by signal n";

/// Largest compiled regular expression, in bytes.
const MAX_REGEX: usize = 1024 * 1024;

/// Services on Kubernetes by the keyboard: a dashboard and a command line over one engine.
///
/// Without a command it opens the dashboard.
#[derive(Debug, Parser)]
#[command(name = "bowline", version, max_term_width = 110, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags of every command: which cluster, which namespace, which catalogue.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Namespace to work in [default: the context's]
    #[arg(
        short,
        long,
        global = true,
        env = "BOWLINE_NAMESPACE",
        hide_env_values = true
    )]
    pub namespace: Option<Namespace>,
    /// Context of the kubeconfig [default: its current one]
    #[arg(long, global = true, env = "BOWLINE_CONTEXT", hide_env_values = true, add = ArgValueCandidates::new(candidates::contexts))]
    pub context: Option<String>,
    /// Kubeconfig file [default: as kubectl: $KUBECONFIG, else ~/.kube/config, else in-cluster]
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// URL of an API server to work with in the place of a kubeconfig; BOWLINE_TOKEN may hold a token
    #[arg(long, global = true, env = "BOWLINE_SERVER", hide_env_values = true, value_name = "URL", conflicts_with_all = ["kubeconfig", "context"])]
    pub server: Option<String>,
    /// Its certificate authority [default: those that the system trusts]
    #[arg(
        long,
        global = true,
        env = "BOWLINE_CERTIFICATE_AUTHORITY",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub certificate_authority: Option<PathBuf>,
    /// Client certificate to log in with
    #[arg(
        long,
        global = true,
        env = "BOWLINE_CLIENT_CERTIFICATE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub client_certificate: Option<PathBuf>,
    /// Key of the client certificate
    #[arg(
        long,
        global = true,
        env = "BOWLINE_CLIENT_KEY",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub client_key: Option<PathBuf>,
    /// File of a token to log in with, read again when it changes
    #[arg(
        long,
        global = true,
        env = "BOWLINE_TOKEN_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// User to impersonate
    #[arg(long = "as", global = true, value_name = "USER")]
    pub as_user: Option<String>,
    /// Group to impersonate; may be given several times
    #[arg(
        long = "as-group",
        global = true,
        value_name = "GROUP",
        requires = "as_user"
    )]
    pub as_groups: Vec<String>,
    /// Directory of definitions [default: bowline/catalogue in the XDG data directory]
    #[arg(
        long,
        global = true,
        env = "BOWLINE_CATALOGUE",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub catalogue: Option<PathBuf>,
    /// Settings file [default: bowline/config.toml in the XDG config directory]
    #[arg(
        long,
        global = true,
        env = "BOWLINE_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub config: Option<PathBuf>,
    /// Work against a cluster inside this process, with example services: nothing outside is touched
    #[arg(long, global = true)]
    pub sandbox: bool,
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
    /// Choose instances of the namespace by labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
}

/// `bowline ls`.
#[derive(Debug, Args)]
pub struct Ls {
    /// List only instances with these labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k'; a comma means and
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

/// `bowline logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The instance: all its pods in one stream, in the order of time
    #[arg(value_name = "ID", add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Only this container; may be given several times [default: all, and init containers that work or failed]
    #[arg(short, long = "container", value_name = "NAME")]
    pub containers: Vec<String>,
    /// Go on with what comes until interrupted; pods that come later are joined
    #[arg(short, long, conflicts_with = "previous")]
    pub follow: bool,
    /// The run before the present one, of containers that were restarted
    #[arg(short, long)]
    pub previous: bool,
    /// Only what is newer, such as 90s, 10m or 1h30m
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub since: Option<Duration>,
    /// Only so many of the latest lines of each container; -1 is all [default: all]
    #[arg(long, value_parser = value_parser!(i64).range(-1..), allow_negative_numbers = true, value_name = "N")]
    pub tail: Option<i64>,
    /// Only lines that match; (?i) before it ignores case
    #[arg(long, value_parser = regex, value_name = "REGEX")]
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

/// `bowline doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
}

/// A definition by name or by file, and what is set in it.
#[derive(Debug, Args)]
pub struct Source {
    /// Definition of the catalogue
    #[arg(
        required_unless_present = "filename",
        conflicts_with = "filename",
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

/// `bowline validate`.
#[derive(Debug, Args)]
pub struct Validate {
    /// Definitions of the catalogue [default: all of them]
    #[arg(value_name = "NAME", add = ArgValueCandidates::new(candidates::definitions))]
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

/// Where the schema of a kind comes from.
#[derive(Debug, Args)]
pub struct KindSource {
    /// Group and version, such as apps/v1 [default: the newest that is built in, else the cluster's own choice]
    #[arg(long, value_name = "GROUP/VERSION")]
    pub api_version: Option<String>,
    /// Ask the cluster also for a kind that is built in
    #[arg(long)]
    pub online: bool,
}

/// `bowline explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A kind and a field, as in deployment.spec.template; `definition` stands for the service definition
    #[arg(value_name = "KIND[.FIELD]")]
    pub field: String,
    /// Show the fields of fields too, names and types alone
    #[arg(long)]
    pub recursive: bool,
    #[command(flatten)]
    pub source: KindSource,
}

/// `bowline schema`.
#[derive(Debug, Args)]
pub struct PrintSchema {
    /// A kind, such as deployment [default: the service definition]
    #[arg(value_name = "KIND")]
    pub kind: Option<String>,
    #[command(flatten)]
    pub source: KindSource,
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

/// `bowline import`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("origin").required(true).args(["selector", "helm", "set"]))]
pub struct Import {
    /// Name of the definition
    pub name: InstanceId,
    /// Take objects with these labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k'; a comma means and
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

/// `bowline adopt`.
#[derive(Debug, Args)]
pub struct Adopt {
    #[command(flatten)]
    pub source: Source,
    /// Show what would change hands and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Confirm by repeating the ID
    #[arg(long, value_name = "ID")]
    pub confirm: Option<InstanceId>,
}

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
    /// Apply this ID without asking, also where the server's certificate is not verified
    #[arg(long, value_name = "ID")]
    pub confirm: Option<InstanceId>,
    /// Take over at once from somebody else who is at it, who stops before the next step [default: once it stands still]
    #[arg(long)]
    pub take_over: bool,
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
            hold_sizes: false,
        }
    }
}

/// `bowline rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Instance
    #[arg(add = ArgValueCandidates::new(candidates::definitions))]
    pub id: InstanceId,
    /// Revision to go back to [default: the one before the current one]
    #[arg(long, value_name = "N", value_parser = revision())]
    pub to: Option<u32>,
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
    pub id: Option<InstanceId>,
    /// Show the plan and stop
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub applying: Applying,
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

/// `bowline delete`.
#[derive(Debug, Args)]
pub struct Delete {
    #[command(flatten)]
    pub chosen: Chosen,
    /// What to do with the claims and their data [default: keep; with --kept: delete]
    #[arg(long, value_enum)]
    pub volumes: Option<Volumes>,
    /// Release only claims that are kept: those that nothing uses and nothing that runs would use
    #[arg(long, conflicts_with = "selector")]
    pub kept: bool,
    /// Confirm the teardown of a protected instance by repeating its ID; may be given several times
    #[arg(long, value_name = "ID")]
    pub confirm: Vec<InstanceId>,
    /// Show the fate of every object and stop
    #[arg(long)]
    pub dry_run: bool,
    /// Keep no copy on this machine, so that `restore` cannot put it back
    #[arg(long)]
    pub no_trash: bool,
    /// Take over at once from somebody else who is at it, who stops before the next step [default: once it stands still]
    #[arg(long)]
    pub take_over: bool,
    #[command(flatten)]
    pub waiting: Waiting,
    /// Output format; JSON has the fate of every object and how it ended
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Report,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
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

/// `bowline prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// What has outlived the `expires` of its definition, counted from the first apply; protected instances are skipped
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

/// `bowline scale`.
#[derive(Debug, Args)]
pub struct Scale {
    /// Instances, and how many replicas they shall have
    #[arg(required = true, value_name = "ID... N", value_parser = id_or_number, add = ArgValueCandidates::new(candidates::definitions))]
    pub words: Vec<IdOrNumber>,
    /// Choose instances of the namespace by labels: k=v, k!=v, 'k in (a,b)', 'k notin (a,b)', k, '!k'; a comma means and
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    #[command(flatten)]
    pub how: Adjust,
}

/// `bowline restart`.
#[derive(Debug, Args)]
pub struct Restart {
    #[command(flatten)]
    pub chosen: Chosen,
    #[command(flatten)]
    pub how: Adjust,
}

/// `bowline update-ingress`.
#[derive(Debug, Args)]
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

/// Whether and how long an operation waits.
#[derive(Debug, Clone, Args)]
pub struct Waiting {
    /// Wait for the end: ready after a deploy or a change, gone after a delete [default: true]. Where it is given, wait also
    /// until nobody else works on the instance, and plan then
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_name = "BOOL")]
    pub wait: Option<bool>,
    /// How long to wait, such as 90s or 5m [default: the settings']
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    pub timeout: Option<Duration>,
}

impl Waiting {
    /// Tells whether the end is waited for.
    pub fn waits(&self) -> bool {
        self.wait.unwrap_or(true)
    }

    /// Tells whether others are waited for before it begins.
    pub fn queues(&self) -> bool {
        self.wait == Some(true)
    }
}

/// Returns what is done where somebody else is at it.
fn meeting(takes_over: bool) -> Meeting {
    match takes_over {
        true => Meeting::TakeOver,
        false => Meeting::Judge,
    }
}

impl Applying {
    /// Returns what is done where somebody else is at it.
    pub fn meeting(&self) -> Meeting {
        meeting(self.take_over)
    }
}

impl Delete {
    /// Returns what is done where somebody else is at it.
    pub fn meeting(&self) -> Meeting {
        meeting(self.take_over)
    }
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

/// Formats of what has rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Columns
    #[default]
    Table,
    /// More columns
    Wide,
    /// JSON
    Json,
    /// YAML
    Yaml,
    /// IDs only
    Name,
}

/// Formats of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Document {
    /// YAML
    #[default]
    Yaml,
    /// JSON
    Json,
    /// Kind and name only
    Name,
}

/// Formats of faults, plans and outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Report {
    /// Lines for people and editors
    #[default]
    Text,
    /// JSON
    Json,
}

/// Where a dry run is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Print the objects without asking the cluster
    Client,
    /// Show the plan with the server's verdict
    Server,
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

/// Shells with completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// Reads the number of a revision: they count from 1.
fn revision() -> RangedI64ValueParser<u32> {
    value_parser!(u32).range(1..)
}

fn id_or_number(text: &str) -> Result<IdOrNumber, String> {
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '+') {
        let number = text.parse().ok();
        let number = number.filter(|number| *number <= MAX_REPLICAS);
        return number
            .map(IdOrNumber::Number)
            .ok_or_else(|| format!("a number of replicas is 0 to {MAX_REPLICAS}"));
    }
    let id = text.parse::<InstanceId>();
    id.map(IdOrNumber::Id).map_err(|error| error.to_string())
}

/// Reads `90s`, `5m`, `1h30m`, or plain seconds as kubectl does.
fn duration(text: &str) -> Result<Duration, String> {
    let allowed = || "write a time such as 90s, 5m or 1h30m".to_owned();
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let duration: jiff::SignedDuration = text.parse().map_err(|_| allowed())?;
    Duration::try_from(duration).map_err(|_| allowed())
}

/// Reads a regular expression, of a size that leaves its matching quick.
fn regex(text: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(text).size_limit(MAX_REGEX).build();
    regex.map_err(|error| {
        let message = error.to_string();
        // The lines before it draw the place, which no single line can show.
        let last = message.lines().last().unwrap_or_default();
        last.trim_start_matches("error: ").to_owned()
    })
}

/// Reads an IP address; none for `localhost`, which is this machine only by whatever it has.
fn address(text: &str) -> Result<Option<IpAddr>, String> {
    match text {
        "localhost" => Ok(None),
        text => match text.parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err("write localhost or an IP address".to_owned()),
        },
    }
}

/// Reads `120x40`, each side from 1 to 1000.
fn size(text: &str) -> Result<(u16, u16), String> {
    let (columns, rows) = MIN_SIZE;
    let parsed = text
        .split_once('x')
        .and_then(|(columns, rows)| Some((columns.parse().ok()?, rows.parse().ok()?)));
    match parsed {
        Some(size @ (wide, high))
            if (columns..=1000).contains(&wide) && (rows..=1000).contains(&high) =>
        {
            Ok(size)
        }
        _ => Err(format!(
            "write it as COLUMNSxROWS, such as 120x40, from {columns}x{rows} to 1000x1000"
        )),
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

    #[test]
    fn durations_are_read_as_kubectl_reads_them() {
        let check = |text: &str, seconds: Option<u64>| {
            assert_eq!(
                duration(text).ok(),
                seconds.map(Duration::from_secs),
                "{text}"
            );
        };
        check("30", Some(30));
        check("90s", Some(90));
        check("1h30m", Some(5400));
        check("-5s", None);
        check("soon", None);
    }

    #[test]
    fn regular_expressions_are_bounded_and_their_faults_are_one_line() {
        assert!(regex(r"(?i)error|\bfailed\b").is_ok());
        assert_eq!(regex("a(b").unwrap_err(), "unclosed group");
        let fault = regex(r"(\pL{1000}){1000}").unwrap_err();
        assert!(fault.contains("size limit"), "{fault}");
    }

    #[test]
    fn sizes_out_of_range_are_refused() {
        let check = |text: &str, expected: Option<(u16, u16)>| {
            assert_eq!(size(text).ok(), expected, "{text}")
        };
        check("120x40", Some((120, 40)));
        check("40x10", Some((40, 10)));
        check("39x10", None);
        check("40x9", None);
        check("120", None);
        check("120x1001", None);
    }
}
