//! Settings: plain values read from `config.toml`, from the environment (`BOWLINE_*`) and from flags, each stronger than the
//! one before.
//!
//! This module reads the file; environment and flags are the command line's, which lays them over the [`Settings`] it gets.
//! Every key stands in `config.example.toml` with its default, and a test holds the two together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::definition::id::Namespace;
use crate::definition::policy::Policy;
use crate::failure::{Failure, FailureKind};

/// Everything that can be set in `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Directory of definitions; the XDG data directory when unset.
    pub catalogue: Option<PathBuf>,
    /// Kubeconfig context to start with; the kubeconfig's current one when unset.
    pub context: Option<String>,
    /// Namespace to start with; the context's when unset.
    pub namespace: Option<Namespace>,
    /// What a definition's `gpu: NAME` stands for: resource names by short name.
    pub gpus: BTreeMap<String, String>,
    /// Routes.
    pub ingress: Ingress,
    /// Commands that kubeconfigs run to log in.
    pub login: Login,
    /// What manifests may touch beside their own namespace.
    pub policy: Policy,
    /// How long operations wait.
    pub wait: Wait,
    /// The dashboard's looks.
    pub ui: Ui,
}

/// `[ingress]`: what exposed services have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingress {
    /// Host of services that give no `exposed_hostname`; they then live under `/<id>`.
    pub host: Option<String>,
}

/// `[login]`: which credential plugins a kubeconfig may run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// What happens to those that are not in the list.
    pub plugins: Plugins,
    /// Commands that are run without asking, as the kubeconfig writes them or by their path.
    pub allowed: Vec<String>,
}

/// What happens to a credential plugin that is not in the list of those that are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plugins {
    /// The person is asked once.
    #[default]
    Ask,
    /// It is run.
    All,
    /// It is not run.
    Listed,
}

/// `[wait]`: deadlines of waiting, in seconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Wait {
    /// Until an instance is ready after an apply.
    pub ready_seconds: u64,
    /// Until every object of an instance is gone after a teardown.
    pub gone_seconds: u64,
}

impl Default for Wait {
    fn default() -> Self {
        Self {
            ready_seconds: 300,
            gone_seconds: 120,
        }
    }
}

impl Wait {
    /// Returns how long to wait until an instance is ready.
    pub fn ready(&self) -> Duration {
        Duration::from_secs(self.ready_seconds)
    }

    /// Returns how long to wait until an instance is gone.
    pub fn gone(&self) -> Duration {
        Duration::from_secs(self.gone_seconds)
    }
}

/// `[ui]`: the dashboard's looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// How many colours to use.
    pub color: Color,
    /// Which characters symbols and borders are drawn with.
    pub symbols: Symbols,
}

/// How many colours the dashboard uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// What the terminal says it can; none under `NO_COLOR`.
    #[default]
    Auto,
    /// The full palette.
    Full,
    /// The terminal's own 16 colours.
    Basic,
    /// None.
    None,
}

/// Which characters the dashboard draws with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symbols {
    /// Unicode where the locale is UTF-8, ASCII elsewhere.
    #[default]
    Auto,
    /// Unicode.
    Unicode,
    /// ASCII.
    Ascii,
}

impl Settings {
    /// Reads the settings of a file; a file that does not exist gives the defaults unless it `must_exist`.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or has a key or value that is not allowed: the text names file, line, and
    /// what is allowed.
    pub fn load(path: &Path, must_exist: bool) -> Result<Self, Failure> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
                Ok(Self::default())
            }
            Err(error) => Err(Failure::new(
                FailureKind::Disk,
                format!("cannot read the config {}: {error}", path.display()),
            )),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            Failure::new(
                FailureKind::Invalid,
                format!("{}:{line}: {}", path.display(), error.message()),
            )
        })
    }
}

/// Where bowline keeps its files, by the XDG base directory specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config_file: PathBuf,
    /// The default catalogue.
    pub catalogue: PathBuf,
    /// The catalogue of rehearsals in the sandbox.
    pub sandbox_catalogue: PathBuf,
    /// Drafts, log and what else survives a session on this machine.
    pub state: PathBuf,
}

impl Paths {
    /// Returns the paths of this user.
    ///
    /// # Errors
    /// No home directory is known.
    pub fn of_user() -> Result<Self, Failure> {
        let Some(dirs) = directories::ProjectDirs::from("", "", "bowline") else {
            return Err(Failure::new(
                FailureKind::Disk,
                "no home directory is known: set HOME, or XDG_CONFIG_HOME, XDG_DATA_HOME and XDG_STATE_HOME",
            ));
        };
        let data = dirs.data_dir();
        Ok(Self {
            config_file: dirs.config_dir().join("config.toml"),
            catalogue: data.join("catalogue"),
            sandbox_catalogue: data.join("sandbox"),
            // Only Linux has a state directory of its own; elsewhere it is a folder of the data.
            state: dirs
                .state_dir()
                .map_or_else(|| data.join("state"), Path::to_path_buf),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../config.example.toml");

    /// The example with the comment sign taken off every `# key = value` line.
    fn example_with_all_keys_set() -> String {
        let is_key = |line: &str| {
            line.strip_prefix("# ")
                .is_some_and(|rest| rest.contains(" = "))
        };
        EXAMPLE
            .lines()
            .map(|line| if is_key(line) { &line[2..] } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn example_parses_to_the_defaults() {
        assert_eq!(
            Settings::parse(EXAMPLE, Path::new("config.example.toml")),
            Ok(Settings::default())
        );
    }

    #[test]
    fn example_holds_every_key() {
        let settings = Settings::parse(
            &example_with_all_keys_set(),
            Path::new("config.example.toml"),
        )
        .unwrap();
        // A new key fails to compile here until the example has it.
        let Settings {
            catalogue,
            context,
            namespace,
            gpus,
            ingress: Ingress { host },
            login,
            policy,
            wait,
            ui,
        } = settings;
        assert!(catalogue.is_some() && context.is_some() && namespace.is_some() && host.is_some());
        assert!(!gpus.is_empty());
        let Login {
            plugins: _,
            allowed: _,
        } = login;
        let Policy {
            allow_cluster_scoped: _,
            allow_namespaces: _,
        } = policy;
        let Wait {
            ready_seconds: _,
            gone_seconds: _,
        } = wait;
        let Ui {
            color: _,
            symbols: _,
        } = ui;
        for key in [
            "plugins = ",
            "allowed = ",
            "allow_cluster_scoped = ",
            "allow_namespaces = ",
            "ready_seconds = ",
            "gone_seconds = ",
            "color = ",
            "symbols = ",
        ] {
            assert!(EXAMPLE.contains(key), "{key}");
        }
    }

    #[test]
    fn fault_names_file_line_and_what_is_allowed() {
        let check = |text: &str, expected: &[&str]| {
            let error = Settings::parse(text, Path::new("/etc/config.toml"))
                .unwrap_err()
                .summary;
            for part in expected {
                assert!(error.contains(part), "{part:?} is not in {error:?}");
            }
        };
        check(
            "\n[ui]\ncolour = 1\n",
            &["/etc/config.toml:3:", "colour", "color", "symbols"],
        );
        check(
            "[ui]\ncolor = \"red\"\n",
            &["/etc/config.toml:2:", "auto", "full", "basic", "none"],
        );
        check(
            "namespace = \"A/b\"\n",
            &["/etc/config.toml:1:", "lower-case letters"],
        );
        check("[wait]\nready_seconds = -1\n", &["/etc/config.toml:2:"]);
    }

    #[test]
    fn missing_file_is_the_defaults_unless_it_was_named() {
        let missing = Path::new("/nonexistent/config.toml");
        assert_eq!(Settings::load(missing, false), Ok(Settings::default()));
        let error = Settings::load(missing, true).unwrap_err();
        assert!(
            error.summary.contains("/nonexistent/config.toml"),
            "{error}"
        );
    }
}
