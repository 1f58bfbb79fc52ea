//! Kubeconfigs as kubectl reads them: a list of files, the first to name something wins, paths relative to their file.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use http::Uri;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig};

use super::ConnectOptions;
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// Largest kubeconfig that is read.
const MAX_LEN: u64 = 4 * 1024 * 1024;

/// A context, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextSummary {
    /// Its name.
    pub name: String,
    /// Name of its cluster.
    pub cluster: String,
    /// URL of its server; empty where the cluster is not defined.
    pub server: String,
    /// Name of its user.
    pub user: String,
    /// Its namespace, where it names one.
    pub namespace: Option<String>,
    /// Whether it is the current one.
    pub is_current: bool,
}

/// A file and what it says.
#[derive(Debug)]
struct Source {
    path: PathBuf,
    config: Kubeconfig,
    /// Whether it belongs to this user or to root.
    is_trusted: bool,
}

/// What values were given by, where that is no key of a kubeconfig.
pub(super) type Labels = BTreeMap<&'static str, String>;

/// The kubeconfigs that count, in their order.
#[derive(Debug)]
pub(super) struct Kubeconfigs(Vec<Source>, Labels);

/// A context with all that it names.
#[derive(Debug)]
pub(super) struct Chosen {
    pub context: String,
    pub namespace: Option<Namespace>,
    pub cluster_name: String,
    pub cluster: Cluster,
    pub cluster_file: PathBuf,
    pub server: Uri,
    pub is_insecure: bool,
    pub user_name: String,
    pub user: AuthInfo,
    pub user_file: PathBuf,
    /// Whether the user's entry stands in a file of this user or of root.
    pub is_user_trusted: bool,
    pub labels: Labels,
}

impl Chosen {
    /// Returns where a key of the cluster's entry stands.
    pub fn cluster_key(&self, key: &str) -> String {
        cluster_key(&self.labels, &self.cluster_file, &self.cluster_name, key)
    }
}

fn cluster_key(labels: &Labels, file: &Path, name: &str, key: &str) -> String {
    let label = labels.get(key).cloned();
    label.unwrap_or_else(|| format!("{}: clusters[{name}].cluster.{key}", file.display()))
}

impl Kubeconfigs {
    /// Reads the one that is named, else those of `$KUBECONFIG`, else `~/.kube/config`. None if there is no file and this
    /// runs in a pod.
    pub fn load(named: Option<&Path>) -> Result<Option<Self>, Failure> {
        let in_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        let paths = paths(named);
        let found = Self::read(&paths, named.is_some())?;
        match found.0.is_empty() {
            false => Ok(Some(found)),
            true if in_pod => Ok(None),
            true => Err(missing(&paths)),
        }
    }

    /// Reads files; those that do not exist are passed over, unless they must.
    pub fn read(paths: &[PathBuf], must_exist: bool) -> Result<Self, Failure> {
        let mut sources = Vec::new();
        for path in paths {
            sources.extend(read(path, must_exist)?);
        }
        Ok(Self(sources, Labels::new()))
    }

    /// Takes one that was never a file.
    pub fn made(config: Kubeconfig, labels: Labels) -> Self {
        let source = Source {
            path: PathBuf::new(),
            config,
            is_trusted: true,
        };
        Self(vec![source], labels)
    }

    /// Returns what is connected by: the cluster that is named without a kubeconfig, else kubeconfigs.
    pub fn of(options: &ConnectOptions) -> Result<Option<Self>, Failure> {
        match &options.direct {
            Some(direct) => direct.kubeconfigs().map(Some),
            None => Self::load(options.kubeconfig.as_deref()),
        }
    }

    /// Returns the contexts, the first of each name.
    pub fn summaries(&self) -> Vec<ContextSummary> {
        let current = self.current_context().map(|(name, _)| name);
        let mut summaries: Vec<ContextSummary> = Vec::new();
        for named in self.0.iter().flat_map(|source| &source.config.contexts) {
            let name = text::clean(&named.name).into_owned();
            if summaries.iter().any(|known| known.name == name) {
                continue;
            }
            let context = named.context.clone().unwrap_or_default();
            let cluster = self.cluster(&context.cluster);
            let server = cluster.and_then(|(cluster, _)| cluster.server.as_deref());
            summaries.push(ContextSummary {
                is_current: current == Some(named.name.as_str()),
                name,
                cluster: text::clean(&context.cluster).into_owned(),
                server: harmless_url(server.unwrap_or_default()),
                user: text::clean(context.user.as_deref().unwrap_or_default()).into_owned(),
                namespace: context.namespace.map(|ns| text::clean(&ns).into_owned()),
            });
        }
        summaries
    }

    /// Returns a context, the current one if none is named, with all that it names.
    pub fn choose(&self, named: Option<&str>) -> Result<Chosen, Failure> {
        let (name, key, file) = match (named, self.current_context()) {
            (Some(name), _) => (name, "--context", None),
            (None, Some((name, file))) => (name, "current-context", Some(file)),
            (None, None) => return Err(self.no_current_context()),
        };
        let (context, context_file) = self.context(name).ok_or_else(|| {
            let place = file.map_or_else(|| self.files(), |file| file.display().to_string());
            let summary = format!(
                "{place}: {key} {name:?} is no context; there are: {}",
                self.context_names()
            );
            let kind = match named {
                Some(_) => FailureKind::Usage,
                None => FailureKind::Invalid,
            };
            Failure::new(kind, summary)
        })?;
        let at = context_file.display();
        let namespace = match context.namespace.as_deref().filter(|ns| !ns.is_empty()) {
            Some(namespace) => Some(namespace.parse().map_err(|error| {
                invalid(format!("{at}: contexts[{name}].context.namespace: {error}"))
            })?),
            None => None,
        };
        let (cluster, cluster_file) = self.cluster(&context.cluster).ok_or_else(|| {
            invalid(format!(
                "{at}: contexts[{name}].context.cluster names {:?}, which is not under clusters",
                context.cluster
            ))
        })?;
        let server_key = cluster_key(&self.1, cluster_file, &context.cluster, "server");
        let user_name = context.user.clone().unwrap_or_default();
        let (user, user_file, is_user_trusted) = match self.user(&user_name) {
            Some((user, source)) => (user.clone(), source.path.clone(), source.is_trusted),
            // As kubectl: a context without user speaks anonymously, or by what the cluster is behind.
            None if user_name.is_empty() => (AuthInfo::default(), context_file.to_owned(), true),
            None => {
                let summary = format!(
                    "{at}: contexts[{name}].context.user names {user_name:?}, which is not under users"
                );
                return Err(invalid(summary));
            }
        };
        let server = server(cluster, &user, &server_key)?;
        Ok(Chosen {
            context: name.to_owned(),
            namespace,
            cluster_name: context.cluster.clone(),
            is_insecure: cluster.insecure_skip_tls_verify.unwrap_or(false),
            cluster: in_directory_cluster(cluster.clone(), cluster_file),
            cluster_file: cluster_file.to_owned(),
            server,
            user_name,
            user: in_directory_user(user, &user_file),
            user_file,
            is_user_trusted,
            labels: self.1.clone(),
        })
    }

    /// Tells whether one of them names a current context.
    pub fn has_current_context(&self) -> bool {
        self.current_context().is_some()
    }

    fn current_context(&self) -> Option<(&str, &Path)> {
        self.0.iter().find_map(|source| {
            let name = source.config.current_context.as_deref()?;
            (!name.is_empty()).then_some((name, source.path.as_path()))
        })
    }

    fn context(&self, name: &str) -> Option<(&Context, &Path)> {
        self.0.iter().find_map(|source| {
            let named = source
                .config
                .contexts
                .iter()
                .find(|named| named.name == name)?;
            Some((named.context.as_ref()?, source.path.as_path()))
        })
    }

    fn cluster(&self, name: &str) -> Option<(&Cluster, &Path)> {
        self.0.iter().find_map(|source| {
            let named = source
                .config
                .clusters
                .iter()
                .find(|named| named.name == name)?;
            Some((named.cluster.as_ref()?, source.path.as_path()))
        })
    }

    fn user(&self, name: &str) -> Option<(&AuthInfo, &Source)> {
        self.0.iter().find_map(|source| {
            let users = &source.config.auth_infos;
            let named = users.iter().find(|named| named.name == name)?;
            Some((named.auth_info.as_ref()?, source))
        })
    }

    fn files(&self) -> String {
        let files = self
            .0
            .iter()
            .map(|source| source.path.display().to_string());
        files.collect::<Vec<_>>().join(", ")
    }

    fn context_names(&self) -> String {
        let names: Vec<_> = self
            .summaries()
            .into_iter()
            .map(|context| context.name)
            .collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    }

    fn no_current_context(&self) -> Failure {
        invalid(format!(
            "{}: current-context is not set; choose one with --context ({})",
            self.files(),
            self.context_names()
        ))
    }
}

/// Returns the files that are read, whether they are there or not.
fn paths(named: Option<&Path>) -> Vec<PathBuf> {
    let variable = env::var_os("KUBECONFIG").filter(|list| !list.is_empty());
    match (named, variable) {
        (Some(path), _) => vec![path.to_owned()],
        (None, Some(list)) => {
            let paths = env::split_paths(&list);
            paths.filter(|path| !path.as_os_str().is_empty()).collect()
        }
        (None, None) => default_path().into_iter().collect(),
    }
}

/// A file that counts as a kubeconfig, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeconfigFile {
    /// Where.
    pub path: PathBuf,
    /// Whether it was read; none of what is said is missed where a file is not there.
    pub is_read: bool,
    /// Why it cannot be used.
    pub fault: Option<String>,
}

/// Returns the files that count, each looked at by itself.
pub(super) fn files(named: Option<&Path>) -> Vec<KubeconfigFile> {
    let files = paths(named).into_iter().map(|path| {
        let (is_read, fault) = match read(&path, named.is_some()) {
            Ok(found) => (found.is_some(), None),
            Err(failure) => (false, Some(text::clean(&failure.summary).into_owned())),
        };
        KubeconfigFile {
            path,
            is_read,
            fault,
        }
    });
    files.collect()
}

/// Returns a URL without what may be secret in it: user and password, query. It need not be a legal one.
pub(super) fn harmless_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // A password may hold any sign, so all up to the last one may be part of it.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let rest = text::clean(rest);
    match scheme {
        "" => rest.into_owned(),
        scheme => format!("{}://{rest}", text::clean(scheme)),
    }
}

fn default_path() -> Option<PathBuf> {
    Some(PathBuf::from(env::var_os("HOME")?).join(".kube/config"))
}

pub(super) fn invalid(summary: String) -> Failure {
    Failure::new(FailureKind::Invalid, summary)
}

fn missing(paths: &[PathBuf]) -> Failure {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let what = match paths.is_empty() {
        true => "there is no kubeconfig, and no HOME to look for one".to_owned(),
        false => format!("there is no kubeconfig at {}", paths.join(", ")),
    };
    let summary = format!("{what}: name one with --kubeconfig or KUBECONFIG, or try --sandbox");
    Failure::new(FailureKind::NotFound, summary)
}

/// Reads a file; none if it does not exist and need not.
fn read(path: &Path, must_exist: bool) -> Result<Option<Source>, Failure> {
    let disk = |error: std::io::Error| {
        let summary = format!("cannot read the kubeconfig {}: {error}", path.display());
        Failure::new(FailureKind::Disk, summary)
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => {
            return Ok(None);
        }
        Err(error) => return Err(disk(error)),
    };
    if !metadata.is_file() {
        let summary = format!(
            "cannot read the kubeconfig {}: it is no regular file",
            path.display()
        );
        return Err(Failure::new(FailureKind::Disk, summary));
    }
    if metadata.len() > MAX_LEN {
        return Err(invalid(format!(
            "the kubeconfig {} is larger than 4 MiB",
            path.display()
        )));
    }
    if metadata.permissions().mode() & 0o002 != 0 {
        let summary = format!(
            "the kubeconfig {0} can be written by everybody, so anybody could have put commands into it: chmod o-w {0}",
            path.display()
        );
        return Err(Failure::new(FailureKind::Refused, summary));
    }
    let config = parse(&fs::read_to_string(path).map_err(disk)?, path)?;
    let owner = metadata.uid();
    Ok(Some(Source {
        path: path.to_owned(),
        config,
        is_trusted: owner == 0 || owner == rustix::process::geteuid().as_raw(),
    }))
}

fn parse(text: &str, path: &Path) -> Result<Kubeconfig, Failure> {
    if text.trim().is_empty() {
        return Ok(Kubeconfig::default());
    }
    serde_yaml::from_str::<Option<Kubeconfig>>(text)
        .map(Option::unwrap_or_default)
        .map_err(|error| {
            let location = error.location();
            let place =
                location.map_or_else(String::new, |at| format!("{}:{}:", at.line(), at.column()));
            // The parser's message quotes values, which may be secrets: only what it expected is told.
            let message = error.to_string();
            let expected = message
                .lines()
                .next()
                .and_then(|line| line.rsplit_once("expected "));
            let expected = expected.map_or_else(String::new, |(_, what)| {
                format!(": expected {}", text::clean(what))
            });
            invalid(format!(
                "{}:{place} malformed kubeconfig{expected}",
                path.display()
            ))
        })
}

fn server(cluster: &Cluster, user: &AuthInfo, at: &str) -> Result<Uri, Failure> {
    let server = cluster
        .server
        .as_deref()
        .filter(|server| !server.is_empty());
    let server = server.ok_or_else(|| invalid(format!("{at} is not set")))?;
    // As kubectl: without scheme it is https where something is said of TLS, else http, which credentials then forbid.
    let is_said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let is_encrypted = is_said(&cluster.certificate_authority)
        || is_said(&cluster.certificate_authority_data)
        || cluster.insecure_skip_tls_verify == Some(true)
        || is_said(&user.client_certificate)
        || is_said(&user.client_certificate_data);
    let with_scheme = match (server.contains("://"), is_encrypted) {
        (true, _) => server.to_owned(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    let uri: Option<Uri> = with_scheme.parse().ok();
    let uri = uri.filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    uri.ok_or_else(|| {
        invalid(format!(
            "{at} is no URL of a server: {:?}",
            harmless_url(server)
        ))
    })
}

fn in_directory(path: &mut Option<String>, file: &Path) {
    let Some(relative) = path.as_deref().filter(|path| !path.is_empty()) else {
        *path = None;
        return;
    };
    let directory = file.parent().unwrap_or(Path::new(""));
    *path = Some(directory.join(relative).to_string_lossy().into_owned());
}

fn in_directory_cluster(mut cluster: Cluster, file: &Path) -> Cluster {
    in_directory(&mut cluster.certificate_authority, file);
    cluster
}

fn in_directory_user(mut user: AuthInfo, file: &Path) -> AuthInfo {
    in_directory(&mut user.client_certificate, file);
    in_directory(&mut user.client_key, file);
    in_directory(&mut user.token_file, file);
    user
}
