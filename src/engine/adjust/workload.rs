//! Workloads as people name them, `KIND/NAME`, and which kinds of them can be scaled or restarted. Pure.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::Adjustment;
use crate::definition::object::{GroupKind, Object, ObjectKey};

/// Kinds of `apps` that run pods, with the words that kubectl takes for them.
const KINDS: [(&str, [&str; 3]); 4] = [
    ("Deployment", ["deployment", "deployments", "deploy"]),
    ("StatefulSet", ["statefulset", "statefulsets", "sts"]),
    ("ReplicaSet", ["replicaset", "replicasets", "rs"]),
    ("DaemonSet", ["daemonset", "daemonsets", "ds"]),
];

/// A workload of an instance, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkloadName {
    kind: &'static str,
    name: String,
    /// The namespace, where it is said.
    namespace: Option<String>,
}

/// A text that names no workload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "write it as KIND/NAME, such as deployment/web, with NAMESPACE/ before it where two namespaces have one"
)]
pub struct WorkloadNameError;

impl WorkloadName {
    /// Returns the name of a workload; none of what is no workload. The namespace is said where it is not `own`.
    pub(super) fn of(key: &ObjectKey, own: &str) -> Option<Self> {
        let (kind, _) = KINDS.into_iter().find(|(kind, _)| is_kind(key, kind))?;
        Some(Self {
            kind,
            name: key.name.clone(),
            namespace: key.namespace.clone().filter(|it| it != own),
        })
    }

    /// Tells whether this object is meant.
    pub(super) fn means(&self, key: &ObjectKey) -> bool {
        is_kind(key, self.kind)
            && self.name == key.name
            && (self.namespace.is_none() || self.namespace == key.namespace)
    }
}

fn is_kind(key: &ObjectKey, kind: &str) -> bool {
    key.group == "apps" && key.kind == kind
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        write!(f, "{}/{}", self.kind, self.name)
    }
}

impl FromStr for WorkloadName {
    type Err = WorkloadNameError;

    fn from_str(text: &str) -> Result<Self, WorkloadNameError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts.as_slice() {
            [kind, name] => (None, kind, name),
            [namespace, kind, name] => (Some(*namespace), kind, name),
            _ => return Err(WorkloadNameError),
        };
        let word = kind.to_lowercase();
        let word = word.strip_suffix(".apps").unwrap_or(&word);
        let known = KINDS.into_iter().find(|(_, words)| words.contains(&word));
        match known {
            Some((kind, _)) if !name.is_empty() && namespace != Some("") => Ok(Self {
                kind,
                name: (*name).to_owned(),
                namespace: namespace.map(str::to_owned),
            }),
            _ => Err(WorkloadNameError),
        }
    }
}

impl Adjustment {
    /// Returns the kinds that it can change, as kubectl can.
    pub(super) fn kinds(self) -> [&'static str; 3] {
        match self {
            Self::Scale(_) => ["Deployment", "StatefulSet", "ReplicaSet"],
            Self::Restart => ["Deployment", "StatefulSet", "DaemonSet"],
        }
    }

    /// Tells whether it can change objects of a kind.
    pub(super) fn reaches(self, kind: &GroupKind) -> bool {
        kind.group == "apps" && self.kinds().contains(&kind.kind.as_str())
    }
}

/// Returns how many replicas a workload wants: of a `DaemonSet` as many as there are nodes for it.
pub(super) fn replicas(live: &Object) -> u32 {
    let wanted = match live.key.kind.as_str() {
        "DaemonSet" => Some(&live.json["status"]["desiredNumberScheduled"])
            .map(|number| number.as_u64().unwrap_or_default()),
        _ => live.json["spec"]["replicas"].as_u64(),
    };
    wanted.map_or(1, |wanted| u32::try_from(wanted).unwrap_or(u32::MAX))
}

/// Says why a restart replaces no pods by itself, where that is so.
pub(super) fn without_restart(live: &Object) -> Option<String> {
    let strategy: &Value = &live.json["spec"]["updateStrategy"]["type"];
    (*strategy == "OnDelete").then(|| {
        format!(
            "{} replaces its pods only when somebody deletes them (updateStrategy OnDelete)",
            live.key
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let name = text.parse::<WorkloadName>();
        assert_eq!(name.ok().map(|it| it.to_string()).as_deref(), expected);
    }

    #[test]
    fn workloads_are_named_as_kubectl_names_them() {
        check("deployment/web", Some("Deployment/web"));
        check("Deployment/web", Some("Deployment/web"));
        check("deploy/web", Some("Deployment/web"));
        check("deployments.apps/web", Some("Deployment/web"));
        check("sts/db", Some("StatefulSet/db"));
        check("rs/web", Some("ReplicaSet/web"));
        check("jobs/daemonset/agent", Some("jobs/DaemonSet/agent"));
        for odd in [
            "web",
            "pod/web",
            "deployment/",
            "/deployment/web",
            "a/b/c/d",
            "",
        ] {
            check(odd, None);
        }
    }

    #[test]
    fn a_name_without_a_namespace_means_what_bears_it_anywhere() {
        let key = |kind: &str, namespace: &str| ObjectKey {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: Some(namespace.to_owned()),
            name: "web".to_owned(),
        };
        let (here, there) = (key("Deployment", "team-a"), key("Deployment", "jobs"));
        let name: WorkloadName = "deployment/web".parse().unwrap();
        assert!(name.means(&here) && name.means(&there));
        assert!(!name.means(&key("StatefulSet", "team-a")));
        let name = WorkloadName::of(&there, "team-a").unwrap();
        assert_eq!(name.to_string(), "jobs/Deployment/web");
        assert!(name.means(&there) && !name.means(&here));
    }
}
