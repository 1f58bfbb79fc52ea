//! The kind that a command's argument names: built in, or one of the cluster's.

use std::collections::BTreeSet;

use super::UsageError;
use super::args::KindSource;
use super::operate;
use super::session::Session;
use crate::cluster::{Cluster, Resource, SchemaCache};
use crate::definition::check::nearest;
use crate::failure::{Failure, FailureKind};
use crate::schema::{Document, KindName, Schema, built_in_with_texts, names_kind, rank};

/// The name by which the service definition is called where a kind is expected.
pub(super) const DEFINITION: &str = "definition";

/// A kind with the document that has its schema.
pub(super) struct Found {
    pub(super) name: KindName,
    document: Held,
}

enum Held {
    BuiltIn(&'static Document),
    OfCluster(Box<Document>),
}

impl Found {
    pub(super) fn schema(&self) -> Schema<'_> {
        let document = match &self.document {
            Held::BuiltIn(document) => document,
            Held::OfCluster(document) => document.as_ref(),
        };
        let KindName { api_version, kind } = &self.name;
        let schema = document.kind(api_version, kind);
        schema.expect("a kind is found with its document")
    }
}

/// Finds a kind by one of its names: among the built-in ones, else on the cluster.
pub(super) fn find(word: &str, source: &KindSource, session: &Session) -> anyhow::Result<Found> {
    let wanted = source.api_version.as_deref();
    if !source.online
        && let Some(name) = best(built_in_with_texts().kinds(), word, wanted)
    {
        return Ok(Found {
            name,
            document: Held::BuiltIn(built_in_with_texts()),
        });
    }
    let cache = SchemaCache::of(&session.paths.cache);
    operate::on_cluster(session, async |cluster| {
        let name = match wanted {
            Some(api_version) => Some(api_version.to_owned()),
            None => preferred_version(&cluster, word).await?,
        };
        let Some(api_version) = name else {
            return Err(known_nowhere(&cluster, word).await?.into());
        };
        let index = cluster.open_api().await?;
        let document = cluster.schemas(&index, &api_version, Some(&cache)).await?;
        let document = document.ok_or_else(|| unknown(word, &api_version))?;
        let by_name = kind_of_name(&cluster, word, &api_version).await?;
        let word = by_name.as_deref().unwrap_or(word);
        let name = best(document.kinds(), word, Some(&api_version));
        Ok(Found {
            name: name.ok_or_else(|| unknown(word, &api_version))?,
            document: Held::OfCluster(Box::new(document)),
        })
    })
}

/// Returns the best version of a kind among those of a document.
fn best<'k>(
    kinds: impl Iterator<Item = &'k KindName>,
    word: &str,
    api_version: Option<&str>,
) -> Option<KindName> {
    kinds
        .filter(|name| names_kind(word, &name.kind))
        .filter(|name| api_version.is_none_or(|wanted| name.api_version == wanted))
        .max_by_key(|name| rank(name))
        .cloned()
}

/// Returns the version at which the server prefers a kind of that name.
async fn preferred_version(cluster: &Cluster, word: &str) -> Result<Option<String>, Failure> {
    let resources = cluster.resources().await?;
    let named = resources
        .iter()
        .filter(|resource| names_kind(word, &resource.kind) || is_named_so(resource, word));
    let versions: BTreeSet<String> = named.map(|resource| resource.api_version()).collect();
    // The core group has the shortest name, and comes first in what people mean.
    Ok(versions
        .into_iter()
        .min_by_key(|version| version.contains('/')))
}

/// Tells whether a word is a kind's plural, or one of its short names: custom kinds make theirs as they like.
fn is_named_so(resource: &Resource, word: &str) -> bool {
    let word = word.to_lowercase();
    *resource.plural == *word || resource.short_names.contains(&word)
}

/// Returns the kind whose plural or short name a word is.
async fn kind_of_name(
    cluster: &Cluster,
    word: &str,
    api_version: &str,
) -> Result<Option<String>, Failure> {
    let resources = cluster.resources().await?;
    let mut resources = resources.iter();
    let found = resources
        .find(|resource| is_named_so(resource, word) && resource.api_version() == api_version);
    Ok(found.map(|resource| resource.kind.to_string()))
}

/// Returns why a word is no kind anywhere, with the one that may be meant.
async fn known_nowhere(cluster: &Cluster, word: &str) -> Result<Failure, Failure> {
    let resources = cluster.resources().await?;
    let served = resources.iter().map(|resource| &*resource.kind);
    let built_in = built_in_with_texts().kinds();
    let known = built_in.map(|name| name.kind.as_str()).chain(served);
    let near = nearest(word, known).map(|near| format!("; did you mean {near}?"));
    let summary = format!(
        "neither bowline nor the cluster knows a kind {word}{}",
        near.unwrap_or_default()
    );
    Ok(Failure::new(FailureKind::NotFound, summary))
}

fn unknown(word: &str, api_version: &str) -> Failure {
    let summary = format!("{api_version} has no kind {word} with a schema");
    Failure::new(FailureKind::NotFound, summary)
}

/// Refuses flags that choose a kind where the service definition is meant.
pub(super) fn refuse_flags(source: &KindSource) -> Result<(), UsageError> {
    match source.api_version.is_some() || source.online {
        true => Err(UsageError(
            "the service definition is bowline's own: leave --api-version and --online out"
                .to_owned(),
        )),
        false => Ok(()),
    }
}
