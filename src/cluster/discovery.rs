//! Discovery: which kinds a server has beyond those that every server has.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::kinds::{self, Resource};
use super::{Cluster, MAX_IN_FLIGHT, reply};
use crate::definition::object::GroupKind;
use crate::failure::{Failure, FailureKind};

/// One request a root where the server can, the list of groups otherwise.
const ACCEPT: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
const DOING: &str = "discover the kinds of the server";
/// A kind that is not known may be a new one; the server is asked again after this long.
const MAX_AGE: Duration = Duration::from_secs(5);

/// What was discovered, and when.
#[derive(Debug, Default)]
pub(super) struct Discovered(Mutex<Option<(Instant, Arc<Vec<Resource>>)>>);

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
    #[serde(default)]
    resources: Vec<Discovery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    resource: String,
    response_kind: Option<ResponseKind>,
    scope: String,
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
struct OldResource {
    name: String,
    kind: String,
    namespaced: bool,
}

impl Cluster {
    /// Returns the kinds that the server has, each once per group, at the version that it prefers. Groups that do not
    /// answer are left out.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn resources(&self) -> Result<Vec<Resource>, Failure> {
        let mut found = self.discover("/api").await?;
        found.extend(self.discover("/apis").await?);
        let found: Vec<Resource> = found.into_iter().filter(is_legal).collect();
        let known = Some((Instant::now(), Arc::new(found.clone())));
        *self.lock_discovered() = known;
        Ok(found)
    }

    /// Returns what a URL needs to know of a kind.
    ///
    /// # Errors
    /// The server has no such kind, or cannot be asked.
    pub(super) async fn resource(&self, kind: &GroupKind) -> Result<Resource, Failure> {
        if let Some(resource) = kinds::find(&kind.group, &kind.kind) {
            return Ok(resource.clone());
        }
        let find = |resources: &[Resource]| {
            let mut resources = resources.iter();
            let found = resources.find(|r| r.group == kind.group && r.kind == kind.kind);
            found.cloned()
        };
        let known = self.lock_discovered().clone();
        if let Some((at, known)) = known {
            let found = find(&known);
            if found.is_some() || at.elapsed() < MAX_AGE {
                return found.ok_or_else(|| not_served(kind));
            }
        }
        find(&self.resources().await?).ok_or_else(|| not_served(kind))
    }

    fn lock_discovered(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Arc<Vec<Resource>>)>> {
        self.discovered
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn discover(&self, root: &str) -> Result<Vec<Resource>, Failure> {
        let answer: Root = self.read_as(root).await?;
        if answer.kind == "APIGroupDiscoveryList" {
            return Ok(answer.items.into_iter().flat_map(of_group).collect());
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
            .map(async |(group, version)| self.discover_group(group, version).await)
            .buffered(MAX_IN_FLIGHT);
        // A broken aggregated API takes its own group with it, no other.
        let lists: Vec<_> = lists.collect().await;
        Ok(lists.into_iter().flatten().flatten().collect())
    }

    async fn discover_group(
        &self,
        group: String,
        version: String,
    ) -> Result<Vec<Resource>, Failure> {
        let path = match group.as_str() {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        let list: ResourceList = self.read_as(&path).await?;
        let resources = list.resources.into_iter();
        let whole = resources.filter(|resource| !resource.name.contains('/'));
        Ok(whole
            .map(|resource| Resource {
                group: Cow::Owned(group.clone()),
                version: Cow::Owned(version.clone()),
                kind: Cow::Owned(resource.kind),
                plural: Cow::Owned(resource.name),
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

/// Returns the kinds of a group, each at the first version that has it: versions stand in the order of preference.
fn of_group(group: Group) -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for version in group.versions {
        for found in version.resources {
            let Some(ResponseKind { kind }) = found.response_kind else {
                continue;
            };
            if resources.iter().all(|known| known.kind != kind) {
                resources.push(Resource {
                    group: Cow::Owned(group.metadata.name.clone()),
                    version: Cow::Owned(version.version.clone()),
                    kind: Cow::Owned(kind),
                    plural: Cow::Owned(found.resource),
                    is_namespaced: found.scope == "Namespaced",
                });
            }
        }
    }
    resources
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

fn not_served(kind: &GroupKind) -> Failure {
    let group = match kind.group.as_str() {
        "" => "the core group",
        group => group,
    };
    let summary = format!("the server has no kind {} in {group}", kind.kind);
    Failure::new(FailureKind::NotFound, summary)
}
