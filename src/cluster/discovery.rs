//! Discovery: which kinds a server has beyond those that every server has.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::kinds::{self, Resource};
use super::{Cluster, MAX_IN_FLIGHT, reply};
use crate::definition::nearest;
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};

/// One request a root where the server can, the list of groups otherwise.
const ACCEPT: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
const DOING: &str = "discover the kinds of the server";
/// A kind that is not known may be a new one; the server is asked again after this long.
const MAX_AGE: Duration = Duration::from_secs(5);
/// Most kinds that are named as near ones.
const MAX_NAMED: usize = 5;

/// What was discovered, and when.
#[derive(Debug, Default)]
pub(super) struct Discovered(Mutex<Option<(Instant, Arc<Served>)>>);

/// The kinds that a server has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Each kind once per group, at the version that the server prefers.
    preferred: Vec<Resource>,
    /// Kinds at the other versions that are served, too.
    others: Vec<Resource>,
    /// Groups that are registered, and do not answer.
    silent: Vec<String>,
    /// Whether only preferred versions were asked for.
    is_partial: bool,
}

impl Served {
    /// Returns a kind at a version, if it is served.
    pub fn find(&self, kind: &GroupKind, version: &str) -> Option<&Resource> {
        let is_it = |resource: &&Resource| {
            resource.group == kind.group
                && resource.kind == kind.kind
                && (self.is_partial || resource.version == version)
        };
        self.preferred.iter().chain(&self.others).find(is_it)
    }

    /// Returns why a kind is not among these: it is not served, or its group does not answer, which says nothing of its objects.
    fn missing(&self, kind: &GroupKind) -> Failure {
        let GroupKind { group, kind } = kind;
        if self.silent.contains(group) {
            return silent(group);
        }
        let summary = format!("the server has no kind {kind} in {}", shown(group));
        Failure::new(FailureKind::NotFound, summary)
    }

    /// Says why a kind is not among these, and what may have been meant.
    pub fn explain(&self, kind: &GroupKind, version: &str) -> String {
        let GroupKind { group, kind } = kind;
        let wanted = match group.as_str() {
            "" => format!("{version} {kind}"),
            group => format!("{group}/{version} {kind}"),
        };
        if self.silent.contains(group) {
            return format!(
                "the cluster does not know {wanted} now: the API of {group} does not answer"
            );
        }
        let all = || self.preferred.iter().chain(&self.others);
        let named = |is_it: &dyn Fn(&Resource) -> bool| {
            let mut names: Vec<String> = all()
                .filter(|resource| is_it(resource))
                .map(|resource| format!("{} {}", resource.api_version(), resource.kind))
                .collect();
            names.sort();
            names.dedup();
            names.truncate(MAX_NAMED);
            names
        };
        let same = |resource: &Resource| resource.kind.eq_ignore_ascii_case(kind);
        let mut near = named(&same);
        if near.is_empty() {
            let kinds = all().map(|resource| resource.kind.as_ref());
            if let Some(nearest) = nearest(kind, kinds) {
                near = named(&|resource: &Resource| resource.kind == nearest);
            }
        }
        match near.is_empty() {
            true => format!(
                "the cluster serves no {wanted}: define it in the same text, or install what brings it"
            ),
            false => format!(
                "the cluster serves no {wanted}; it serves {}",
                near.join(", ")
            ),
        }
    }
}

/// Answer of a root: all groups with their kinds, or only the names of the groups.
#[derive(Deserialize)]
struct Root {
    kind: String,
    #[serde(default)]
    items: Vec<Group>,
    #[serde(default)]
    groups: Vec<GroupName>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupMeta,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupMeta {
    name: String,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    /// `Stale` where the API behind it does not answer.
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<Discovery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    resource: String,
    response_kind: Option<ResponseKind>,
    scope: String,
    #[serde(default)]
    short_names: Vec<String>,
}

#[derive(Deserialize)]
struct ResponseKind {
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupName {
    name: String,
    preferred_version: PreferredVersion,
}

#[derive(Deserialize)]
struct PreferredVersion {
    version: String,
}

/// Answer of a group in the old form.
#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<OldResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldResource {
    name: String,
    kind: String,
    namespaced: bool,
    #[serde(default)]
    short_names: Vec<String>,
}

impl Cluster {
    /// Returns the kinds that the server has, each once per group, at the version that it prefers. Groups that do not
    /// answer are left out.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn resources(&self) -> Result<Vec<Resource>, Failure> {
        Ok(self.discover_all().await?.preferred.clone())
    }

    /// Returns the kind that has a plural name in a group, as definitions of kinds are named; none where it is not served.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline, or that group has not.
    pub async fn defined(&self, plural: &str, group: &str) -> Result<Option<GroupKind>, Failure> {
        let served = self.discover_all().await?;
        let mut known = served.preferred.iter();
        match known.find(|it| it.group == group && it.plural == plural) {
            Some(resource) => Ok(Some(GroupKind::new(group, &resource.kind))),
            None if served.silent.iter().any(|it| it == group) => Err(silent(group)),
            None => Ok(None),
        }
    }

    /// Returns the kinds that the server has, asked anew where what is known does not hold all that is wanted.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn served(
        &self,
        wanted: &BTreeSet<(GroupKind, String)>,
    ) -> Result<Arc<Served>, Failure> {
        let known = self.lock_discovered().clone();
        if let Some((at, known)) = known {
            let holds = |(kind, version): &(GroupKind, String)| known.find(kind, version).is_some();
            if at.elapsed() < MAX_AGE || wanted.iter().all(holds) {
                return Ok(known);
            }
        }
        self.discover_all().await
    }

    async fn discover_all(&self) -> Result<Arc<Served>, Failure> {
        let mut found = self.discover("/api").await?;
        let rest = self.discover("/apis").await?;
        found.preferred.extend(rest.preferred);
        found.others.extend(rest.others);
        found.silent.extend(rest.silent);
        found.is_partial |= rest.is_partial;
        found.preferred.retain(is_legal);
        found.others.retain(is_legal);
        let found = Arc::new(found);
        *self.lock_discovered() = Some((Instant::now(), Arc::clone(&found)));
        Ok(found)
    }

    /// Forgets what was discovered: kinds were defined since.
    pub fn forget_kinds(&self) {
        *self.lock_discovered() = None;
    }

    /// Returns what a URL needs to know of a kind.
    ///
    /// # Errors
    /// The server has no such kind, or cannot be asked.
    pub async fn resource(&self, kind: &GroupKind) -> Result<Resource, Failure> {
        if let Some(resource) = kinds::find(&kind.group, &kind.kind) {
            return Ok(resource.clone());
        }
        let find = |served: &Served| {
            let mut resources = served.preferred.iter();
            let found = resources.find(|r| r.group == kind.group && r.kind == kind.kind);
            found.cloned()
        };
        let known = self.lock_discovered().clone();
        if let Some((at, known)) = known {
            let found = find(&known);
            if found.is_some() || at.elapsed() < MAX_AGE {
                return found.ok_or_else(|| known.missing(kind));
            }
        }
        let served = self.discover_all().await?;
        find(&served).ok_or_else(|| served.missing(kind))
    }

    fn lock_discovered(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<Served>)>> {
        self.discovered
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn discover(&self, root: &str) -> Result<Served, Failure> {
        let answer: Root = self.read_as(root).await?;
        if answer.kind == "APIGroupDiscoveryList" {
            let mut served = Served::default();
            for group in answer.items {
                add_group(&mut served, group);
            }
            return Ok(served);
        }
        let groups: Vec<(String, String)> = match root {
            "/api" => vec![(String::new(), "v1".to_owned())],
            _ => {
                let groups = answer.groups.into_iter();
                groups
                    .map(|group| (group.name, group.preferred_version.version))
                    .collect()
            }
        };
        let lists = stream::iter(groups)
            .map(async |(group, version)| {
                let list = self.discover_group(&group, version).await;
                (group, list)
            })
            .buffered(MAX_IN_FLIGHT);
        let lists: Vec<_> = lists.collect().await;
        let mut served = Served {
            is_partial: true,
            ..Served::default()
        };
        for (group, list) in lists {
            match list {
                Ok(kinds) => served.preferred.extend(kinds),
                // A broken aggregated API takes its own group with it, no other.
                Err(failure) if failure.is_unanswered() => served.silent.push(group),
                Err(_) => {}
            }
        }
        Ok(served)
    }

    async fn discover_group(&self, group: &str, version: String) -> Result<Vec<Resource>, Failure> {
        let path = match group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        let list: ResourceList = self.read_as(&path).await?;
        let resources = list.resources.into_iter();
        let whole = resources.filter(|resource| !resource.name.contains('/'));
        Ok(whole
            .map(|resource| Resource {
                group: Cow::Owned(group.to_owned()),
                version: Cow::Owned(version.clone()),
                kind: Cow::Owned(resource.kind),
                plural: Cow::Owned(resource.name),
                short_names: resource.short_names,
                is_namespaced: resource.namespaced,
            })
            .collect())
    }

    async fn read_as<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, Failure> {
        let answer = self.read(DOING, path.to_owned(), ACCEPT).await?;
        if answer.status != StatusCode::OK {
            return Err(reply::failure(DOING, answer.status, &answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|_| super::request::unreadable(DOING))
    }
}

/// Adds the kinds of a group; versions stand in the order of preference.
fn add_group(served: &mut Served, group: Group) {
    let name = group.metadata.name;
    let first = served.preferred.len();
    for version in group.versions {
        if version.freshness == "Stale" && !served.silent.contains(&name) {
            served.silent.push(name.clone());
        }
        for found in version.resources {
            let Some(ResponseKind { kind }) = found.response_kind else {
                continue;
            };
            let is_preferred = served.preferred[first..]
                .iter()
                .all(|known| known.kind != kind);
            let resource = Resource {
                group: Cow::Owned(name.clone()),
                version: Cow::Owned(version.version.clone()),
                kind: Cow::Owned(kind),
                plural: Cow::Owned(found.resource),
                short_names: found.short_names,
                is_namespaced: found.scope == "Namespaced",
            };
            if is_preferred {
                served.preferred.push(resource);
            } else {
                served.others.push(resource);
            }
        }
    }
}

/// Names from a server reach URLs as names from anywhere else do.
fn is_legal(resource: &Resource) -> bool {
    is_url_word(&resource.plural)
        && is_url_word(&resource.version)
        && (resource.group.is_empty() || is_url_word(&resource.group))
}

/// Tells whether a word can stand in a URL's path without leaving its place.
pub(super) fn is_url_word(word: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    !word.is_empty() && !word.starts_with('.') && word.bytes().all(is_legal)
}

/// Returns how a group is named in sentences.
fn shown(group: &str) -> &str {
    match group {
        "" => "the core group",
        group => group,
    }
}

fn silent(group: &str) -> Failure {
    let summary = format!("the API of {} does not answer", shown(group));
    Failure::new(FailureKind::Unreachable, summary)
}
