//! The flags of every command: which cluster, which namespace, which catalogue.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use clap_complete::ArgValueCandidates;

use crate::cli::{UsageError, candidates};
use crate::config::Paths;
use crate::definition::id::Namespace;

/// The variables that name a server, and hold a token. NB: there is no flag for a token, since others can see the arguments
/// of a program.
pub const SERVER: &str = "BOWLINE_SERVER";
pub const TOKEN: &str = "BOWLINE_TOKEN";

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
    /// URL of an API server to work with in the place of a kubeconfig; BOWLINE_TOKEN may hold a token. How the environment
    /// logs in to BOWLINE_SERVER, or to the server of the settings, counts for no other one
    #[arg(
        long,
        global = true,
        env = SERVER,
        hide_env_values = true,
        value_name = "URL"
    )]
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
    /// Write nothing to any cluster, whatever is asked for; the settings can say so for single contexts
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Work against a cluster inside this process, with example services: nothing outside is touched
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// Which files to log in with are the environment's, and nobody's wish for this command.
    #[arg(skip)]
    pub login_of_environment: Vec<&'static str>,
    /// Whether the server was named for this command, and not by the environment.
    #[arg(skip)]
    pub is_server_by_hand: bool,
}

impl Global {
    /// Lets what was given by hand win over what the environment says of another cluster.
    ///
    /// # Errors
    /// Two clusters are named alike strongly.
    pub fn weigh(&mut self, matches: &ArgMatches) -> Result<(), UsageError> {
        let is_from = |id: &str, source| matches.value_source(id) == Some(source);
        let by_hand = |id: &&str| is_from(id, ValueSource::CommandLine);
        let of_environment = |id: &str| is_from(id, ValueSource::EnvVariable);
        let kubeconfig = ["context", "kubeconfig"].into_iter().find(by_hand);
        let is_elsewhere = self.sandbox || kubeconfig.is_some();
        match (by_hand(&"server"), kubeconfig) {
            (true, Some(flag)) => {
                return Err(UsageError(format!(
                    "--server takes the place of a kubeconfig: leave it or --{flag} out"
                )));
            }
            (true, None) if of_environment("context") => self.context = None,
            (false, _) if of_environment("server") && is_elsewhere => self.server = None,
            (false, None) if of_environment("server") && of_environment("context") => {
                return Err(UsageError(
                    "BOWLINE_SERVER takes the place of a kubeconfig, and BOWLINE_CONTEXT names a context of one: \
                     leave one of them out, or give --server or --context"
                        .to_owned(),
                ));
            }
            _ => {}
        }
        self.is_server_by_hand = by_hand(&"server");
        // How to log in to a server that nobody wants says nothing, and is not shown to the one that is wanted.
        for (id, file) in [
            ("certificate_authority", &mut self.certificate_authority),
            ("client_certificate", &mut self.client_certificate),
            ("client_key", &mut self.client_key),
            ("token_file", &mut self.token_file),
        ] {
            if !of_environment(id) {
                continue;
            }
            self.login_of_environment.push(id);
            if is_elsewhere {
                *file = None;
            }
        }
        Ok(())
    }

    /// Returns the settings file: the one that is named, else that of the user.
    pub fn config_file<'a>(&'a self, paths: &'a Paths) -> &'a Path {
        self.config.as_deref().unwrap_or(&paths.config_file)
    }
}
