//! Settings: plain values read from `config.toml`, from the environment (`BOWLINE_*`) and from flags, each stronger than the
//! one before.
//!
//! [`Settings::load`] reads the file; environment and flags are the command line's, which lays them over the [`Settings`] it
//! gets.
//! Every key stands in `config.example.toml` with its default, and a test holds the two together.

mod load;
mod paths;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::app::Bindings;
use crate::definition::check::grammar::HOSTNAME;
use crate::definition::id::Namespace;
use crate::definition::policy::Policy;
use crate::guard::{Guard, Guards};
use crate::ui::{Look, ThemeSettings};

pub use load::{Loaded, Part};
pub use paths::{Paths, settled};

/// Everything that can be set in `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Directory of definitions, relative to the file that names it; the XDG data directory when unset.
    pub catalogue: Option<PathBuf>,
    /// Kubeconfig context to start with; the kubeconfig's current one when unset.
    pub context: Option<String>,
    /// Namespace to start with; the context's when unset.
    pub namespace: Option<Namespace>,
    /// What a definition's `gpu: NAME` stands for: resource names by short name.
    pub gpus: BTreeMap<String, String>,
    /// The cluster, where no kubeconfig names it.
    pub cluster: ClusterSettings,
    /// What holds in contexts of the kubeconfig, by their names.
    pub contexts: BTreeMap<String, ContextSettings>,
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
    /// The editor.
    pub editor: EditorSettings,
    /// The dashboard's colours.
    pub theme: ThemeSettings,
    /// Keys of the dashboard, in place of those that actions have by default.
    pub keys: Bindings,
}

/// `[cluster]`: a cluster without a kubeconfig. Paths are relative to the file that names them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterSettings {
    /// URL of the API server; without it the section counts for nothing.
    pub server: Option<String>,
    /// File of the certificate authority; the system's when unset.
    pub certificate_authority: Option<PathBuf>,
    /// The same in base64.
    pub certificate_authority_data: Option<String>,
    /// File of the client certificate.
    pub client_certificate: Option<PathBuf>,
    /// File of its key.
    pub client_key: Option<PathBuf>,
    /// File of a token, read again when it changes.
    pub token_file: Option<PathBuf>,
    /// A token.
    pub token: Option<Token>,
}

/// A token, which is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Serialize for Token {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(hidden)")
    }
}

/// An entry of `[contexts]`: what holds where one works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextSettings {
    /// Whether nothing may be written.
    pub read_only: bool,
    /// Whether what takes something away or disturbs it needs the ID typed, and in the dashboard whatever writes.
    pub protected: bool,
    /// How its name looks in the dashboard.
    pub color: Option<Look>,
}

impl Settings {
    /// Returns what holds in which context.
    pub fn guards(&self, is_read_only: bool) -> Guards {
        let guard = |settings: &ContextSettings| Guard {
            is_read_only: settings.read_only,
            is_protected: settings.protected,
        };
        let contexts = self.contexts.iter();
        Guards {
            by_context: contexts
                .map(|(name, settings)| (name.clone(), guard(settings)))
                .collect(),
            is_read_only,
        }
    }
}

/// `[ingress]`: what exposed services have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ingress {
    /// Host of services that give no `exposed_hostname`; they then live under `/<id>`.
    #[serde(deserialize_with = "host")]
    pub host: Option<String>,
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let host = Option::<String>::deserialize(deserializer)?;
    match host.as_deref().filter(|host| !(HOSTNAME.holds)(host)) {
        Some(refused) => Err(D::Error::custom(format!(
            "{refused:?} is no host: {}",
            HOSTNAME.allowed
        ))),
        None => Ok(host),
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ui {
    /// How many colours to use.
    pub color: Color,
    /// Which characters symbols and borders are drawn with.
    pub symbols: Symbols,
    /// Whether clicks and the wheel are taken; the terminal's own selection then needs shift.
    pub mouse: bool,
    /// Bytes a second that are sent to the terminal, on the average; nothing bounds nothing.
    pub max_bytes_per_second: u32,
    /// Whether first steps are told where somebody is for the first time.
    pub hints: bool,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            color: Color::default(),
            symbols: Symbols::default(),
            mouse: false,
            max_bytes_per_second: 0,
            hints: true,
        }
    }
}

/// `[editor]`: how the editor behaves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EditorSettings {
    /// When what could be written is listed.
    pub completion: CompletionMode,
}

/// When what could be written is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CompletionMode {
    /// While one types, and when it is asked for.
    #[default]
    Auto,
    /// When it is asked for.
    Asked,
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
        assert_eq!(toml::from_str(EXAMPLE), Ok(Settings::default()));
    }

    #[test]
    fn example_holds_every_key() {
        let settings: Settings = toml::from_str(&example_with_all_keys_set()).unwrap();
        // A new key fails to compile here until the example has it.
        let Settings {
            catalogue,
            context,
            namespace,
            gpus,
            cluster,
            contexts,
            ingress: Ingress { host },
            login,
            policy,
            wait,
            ui,
            editor,
            theme,
            keys,
        } = settings;
        assert!(catalogue.is_some() && context.is_some() && namespace.is_some() && host.is_some());
        assert!(!gpus.is_empty());
        let [
            ContextSettings {
                read_only,
                protected,
                color,
            },
        ] = contexts
            .into_values()
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert!(read_only && protected && color.is_some());
        assert_ne!(keys, Bindings::default());
        assert!(theme.sets_every_part());
        let ClusterSettings {
            server,
            certificate_authority,
            certificate_authority_data,
            client_certificate,
            client_key,
            token_file,
            token,
        } = cluster;
        assert!(server.is_some() && certificate_authority.is_some() && token.is_some());
        assert!(certificate_authority_data.is_some() && token_file.is_some());
        assert!(client_certificate.is_some() && client_key.is_some());
        assert_eq!(format!("{token:?}"), "Some((hidden))");
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
            mouse: _,
            max_bytes_per_second: _,
            hints: _,
        } = ui;
        let EditorSettings { completion: _ } = editor;
        for key in [
            "plugins = ",
            "allowed = ",
            "allow_cluster_scoped = ",
            "allow_namespaces = ",
            "ready_seconds = ",
            "gone_seconds = ",
            "color = ",
            "symbols = ",
            "completion = ",
            "mouse = ",
            "max_bytes_per_second = ",
            "hints = ",
        ] {
            assert!(EXAMPLE.contains(key), "{key}");
        }
    }
}
