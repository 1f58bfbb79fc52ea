//! `bowline doctor`: one report on whether all that bowline needs is there, fit to be shown to others.
//!
//! It must never hold a secret: no token, key or password, and no URL with a user in it. What cannot be known is said with
//! the reason, so that a report is had without a cluster too.

mod page;
mod surroundings;

use std::time::Duration;

use serde::Serialize;

use super::args::{Doctor, Global, Report};
use super::session::Session;
use super::target::Target;
use super::{Exit, operate, output};
use crate::cluster::connect::{self, Description};
use crate::cluster::{Access, Cluster};
use crate::config::{Paths, Settings};
use crate::definition::object::GroupKind;
use crate::failure::FailureKind;
use crate::text;
use surroundings::{Link, Place, Terminal};

/// How long the server may take for an answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// What is done to each kind.
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];
/// What can be seen of a cluster without these is nothing.
const NEEDED: [&str; 2] = ["list", "watch"];
/// What a name can be allowed for: a list has none, and what is made has none yet.
const BY_NAME: [&str; 3] = ["get", "patch", "delete"];
/// What is done to kinds that are only looked at.
const LOOKS: [&str; 3] = ["get", "list", "watch"];
/// The kinds that a deploy and a teardown write.
const WRITTEN: [(&str, &str); 7] = [
    ("", "ConfigMap"),
    ("", "Secret"),
    ("", "Service"),
    ("", "PersistentVolumeClaim"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("networking.k8s.io", "Ingress"),
];
/// Parts of objects, and what is done to them: logs, shells, forwarded ports, the number of replicas.
const PARTS: [(&str, &str, &str, &[&str]); 5] = [
    ("", "Pod", "log", &["get"]),
    // NB: a WebSocket begins with a GET; newer servers want `create` for it as well.
    ("", "Pod", "exec", &["get", "create"]),
    ("", "Pod", "portforward", &["get", "create"]),
    ("apps", "Deployment", "scale", &["patch"]),
    ("apps", "StatefulSet", "scale", &["patch"]),
];
/// The kinds that everything shown is made of.
const ESSENTIAL: [&str; 4] = ["ConfigMap", "Deployment", "StatefulSet", "Pod"];

/// Everything that is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    version: &'static str,
    platform: String,
    kubeconfigs: Vec<Kubeconfig>,
    connection: Option<Description>,
    namespace: Option<String>,
    server_version: Option<String>,
    latency_ms: Option<u64>,
    /// As whom the server knows this user, where it says so.
    known_as: Option<String>,
    /// None where it cannot be known.
    permissions: Option<Vec<Permission>>,
    terminal: Terminal,
    link: Link,
    paths: Vec<Place>,
    /// What cannot be known, and why.
    unknown: Vec<String>,
    /// What is broken that is needed.
    problems: Vec<String>,
}

/// A kubeconfig that counts.
#[derive(Debug, Serialize)]
struct Kubeconfig {
    path: String,
    state: &'static str,
}

/// What this user may do to a kind.
#[derive(Debug, Serialize)]
struct Permission {
    group: &'static str,
    kind: &'static str,
    /// The part of its objects that is meant, where it is not the objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    subresource: Option<&'static str>,
    /// Verbs that are needed and allowed.
    allowed: Vec<&'static str>,
    /// Verbs that are needed, and allowed for objects of certain names alone.
    named: Vec<&'static str>,
    /// Verbs that are needed and not allowed.
    denied: Vec<&'static str>,
}

/// For which objects something is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    All,
    Named,
    None,
}

impl Allowed {
    fn of(access: &Access, (to_all, to_some): (bool, bool)) -> Self {
        let has_name = access.subresource.is_some() || BY_NAME.contains(&access.verb);
        match (to_all, to_some && has_name) {
            (true, _) => Self::All,
            (false, true) => Self::Named,
            (false, false) => Self::None,
        }
    }
}

pub fn run(args: &Doctor, global: &Global) -> anyhow::Result<Exit> {
    let paths = Paths::of_user()?;
    let file = global.config.as_ref();
    let loaded = Settings::load(file.unwrap_or(&paths.config_file), file.is_some());
    let fault = loaded.as_ref().err().map(ToString::to_string);
    let loaded = loaded.unwrap_or_default();
    let of_parts = loaded.faults.iter().map(|(_, fault)| fault);
    let of_parts = of_parts.chain(&loaded.losses).map(ToString::to_string);
    let faults: Vec<String> = fault.into_iter().chain(of_parts).collect();
    let session = Session::of(global.clone(), paths, loaded.settings)?;
    let mut findings = Findings {
        version: env!("CARGO_PKG_VERSION"),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        kubeconfigs: Vec::new(),
        connection: None,
        namespace: None,
        server_version: None,
        latency_ms: None,
        known_as: None,
        permissions: None,
        terminal: surroundings::terminal(&session.settings.ui),
        link: surroundings::link(&session),
        paths: surroundings::places(&session),
        unknown: Vec::new(),
        problems: faults
            .iter()
            .map(|fault| text::clean(fault).into_owned())
            .collect(),
    };
    let faults = findings
        .paths
        .iter()
        .filter_map(|place| place.fault.clone());
    findings.problems.extend(faults);
    findings.look_at_kubeconfigs(&session);
    operate::block_on(async {
        findings.look_at_cluster(&session).await;
        Ok(())
    })?;
    output::print(&match args.output {
        Report::Text => page::of(&findings),
        Report::Json => output::json(&findings)?,
    })?;
    Ok(match findings.problems.is_empty() {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

impl Findings {
    fn look_at_kubeconfigs(&mut self, session: &Session) {
        let Target::Remote(options) = &session.target else {
            return;
        };
        for file in connect::kubeconfig_files(options) {
            let state = match (&file.fault, file.is_read) {
                (Some(_), _) => "not usable",
                (None, true) => "used",
                (None, false) => "not there",
            };
            let path = text::clean(&file.path.display().to_string()).into_owned();
            self.kubeconfigs.push(Kubeconfig { path, state });
        }
        // Whoever connects says what is wrong.
        self.connection = connect::describe(options).ok().flatten();
    }

    async fn look_at_cluster(&mut self, session: &Session) {
        let cluster = match session.connect().await {
            Ok(cluster) => cluster.with_deadline(DEADLINE),
            // Much of bowline works before there is a cluster.
            Err(failure) if failure.kind == FailureKind::NotFound => {
                return self.no_server(&failure.to_string());
            }
            Err(failure) => {
                self.problems
                    .push(text::clean(&failure.summary).into_owned());
                return self.no_server("there is no connection");
            }
        };
        self.namespace = Some(cluster.namespace().to_string());
        let connection = || Description::of_identity(cluster.identity());
        self.connection.get_or_insert_with(connection);
        match cluster.server_version().await {
            Ok(server) => {
                self.server_version = Some(server.version);
                let latency = server.latency.as_millis();
                self.latency_ms = Some(u64::try_from(latency).unwrap_or(u64::MAX));
            }
            // Some servers tell it to nobody, and serve all the rest.
            Err(failure) if !failure.is_unanswered() => {
                let sentence = format!("the server's version: {failure}");
                self.unknown.push(text::clean(&sentence).into_owned());
            }
            Err(failure) => {
                self.problems
                    .push(text::clean(&failure.summary).into_owned());
                return self.no_server("the server does not answer");
            }
        }
        // Whoever does not answer that does not answer the next question either, and is named there.
        self.known_as = cluster.known_as().await.ok().flatten();
        self.look_at_permissions(&cluster).await;
    }

    fn no_server(&mut self, why: &str) {
        let sentence =
            format!("the server's version, its latency and what this user may do there: {why}");
        self.unknown.push(text::clean(&sentence).into_owned());
    }

    async fn look_at_permissions(&mut self, cluster: &Cluster) {
        let namespace = cluster.namespace().to_string();
        let written = WRITTEN.map(|(group, kind)| ((group, kind, None), VERBS.to_vec()));
        // A rollback frees pods that hang.
        let pods = (("", "Pod", None), [&LOOKS[..], &["delete"]].concat());
        let others = [pods, (("", "Event", None), LOOKS.to_vec())];
        let parts =
            PARTS.map(|(group, kind, part, verbs)| ((group, kind, Some(part)), verbs.to_vec()));
        let wanted: Vec<_> = written.into_iter().chain(others).chain(parts).collect();
        let accesses: Vec<Access> = wanted
            .iter()
            .flat_map(|((group, kind, subresource), verbs)| {
                verbs.iter().map(|verb| Access {
                    verb,
                    kind: GroupKind::new(group, kind),
                    subresource: *subresource,
                    namespace: Some(namespace.clone()),
                    name: None,
                })
            })
            .collect();
        let asked =
            async { tokio::try_join!(cluster.can(&accesses), cluster.can_to_some(&accesses)) };
        let mut answers = match asked.await {
            Ok((all, some)) => {
                let pairs = accesses.iter().zip(all.into_iter().zip(some));
                pairs.map(|(access, answers)| Allowed::of(access, answers))
            }
            Err(failure) => {
                let sentence = format!("what this user may do: {failure}");
                self.problems
                    .push(text::clean(&failure.summary).into_owned());
                return self.unknown.push(text::clean(&sentence).into_owned());
            }
        };
        let mut permissions = Vec::new();
        for ((group, kind, subresource), verbs) in wanted {
            let answered: Vec<_> = verbs.iter().copied().zip(answers.by_ref()).collect();
            let verbs = |meant: Allowed| {
                let such = answered.iter().filter(|(_, allowed)| *allowed == meant);
                such.map(|(verb, _)| *verb).collect()
            };
            permissions.push(Permission {
                group,
                kind,
                subresource,
                allowed: verbs(Allowed::All),
                named: verbs(Allowed::Named),
                denied: verbs(Allowed::None),
            });
        }
        self.problems.extend(blindness(&permissions, &namespace));
        self.permissions = Some(permissions);
    }
}

/// Says what keeps everything from being shown. What may not be written is no fault: many only look.
fn blindness(permissions: &[Permission], namespace: &str) -> Option<String> {
    let of_objects = permissions.iter().filter(|it| it.subresource.is_none());
    let essential = of_objects.filter(|it| ESSENTIAL.contains(&it.kind));
    let blind: Vec<&str> = essential
        .filter(|it| it.denied.iter().any(|verb| NEEDED.contains(verb)))
        .map(|it| it.kind)
        .collect();
    (!blind.is_empty()).then(|| {
        let kinds = blind.join(", ");
        format!("this user may not list and watch {kinds} in namespace {namespace}: services cannot be shown")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_allows_only_what_can_be_asked_for_by_name() {
        let check = |verb: &'static str, subresource: Option<&'static str>, expected: Allowed| {
            let access = Access {
                verb,
                kind: GroupKind::new("", "Pod"),
                subresource,
                namespace: None,
                name: None,
            };
            assert_eq!(Allowed::of(&access, (true, true)), Allowed::All);
            assert_eq!(Allowed::of(&access, (false, true)), expected, "{verb}");
            assert_eq!(Allowed::of(&access, (false, false)), Allowed::None);
        };
        check("get", None, Allowed::Named);
        check("delete", None, Allowed::Named);
        check("create", Some("exec"), Allowed::Named);
        for verb in ["list", "watch", "create"] {
            check(verb, None, Allowed::None);
        }
    }
}
