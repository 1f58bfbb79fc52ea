//! The schemas of a cluster's kinds, custom ones included: the documents of OpenAPI v3, one for each group and version.
//!
//! The index names each document with a hash of its content, under which it is kept on disk: a document that is there is
//! never asked for again. What is kept are schemas alone, no object of anybody.

mod cache;

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Deserialize;

use super::request::JSON;
use super::{Cluster, reply};
use crate::failure::{Failure, FailureKind};
use crate::schema::Document;

pub use cache::SchemaCache;

const INDEX: &str = "/openapi/v3";

/// Which documents a server has, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenApiIndex(BTreeMap<String, String>);

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    paths: BTreeMap<String, Place>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    #[serde(default, rename = "serverRelativeURL")]
    url: String,
}

impl OpenApiIndex {
    /// Returns the groups and versions that have a document, as objects write them.
    pub fn api_versions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn of(index: Index) -> Self {
        let places = index.paths.into_iter().filter_map(|(path, place)| {
            let api_version = path
                .strip_prefix("apis/")
                .or_else(|| path.strip_prefix("api/"))?;
            // Only what is the server's own is asked for.
            let is_own = place.url.starts_with("/openapi/v3/");
            is_own.then(|| (api_version.to_owned(), place.url))
        });
        Self(places.collect())
    }
}

impl Cluster {
    /// Asks which documents the server has.
    ///
    /// # Errors
    /// The server refuses, has no OpenAPI v3, or has not answered after the deadline.
    pub async fn open_api(&self) -> Result<OpenApiIndex, Failure> {
        let doing = "list the schemas of the server";
        let answer = self.read(doing, INDEX.to_owned(), JSON).await?;
        if answer.status != StatusCode::OK {
            return Err(reply::failure(doing, answer.status, &answer.body));
        }
        let index: Index =
            serde_json::from_slice(&answer.body).map_err(|_| super::request::unreadable(doing))?;
        Ok(OpenApiIndex::of(index))
    }

    /// Returns the document of a group and version, from the disk if it is there; none if the server has none.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline. A disk that fails is no failure: it is only slower.
    pub async fn schemas(
        &self,
        index: &OpenApiIndex,
        api_version: &str,
        cache: Option<&SchemaCache>,
    ) -> Result<Option<Document>, Failure> {
        let Some(url) = index.0.get(api_version) else {
            return Ok(None);
        };
        let hash = hash_of(url);
        let kept = hash.and_then(|hash| cache?.read(hash));
        if let Some(document) = kept.and_then(|text| Document::from_open_api(&text).ok()) {
            return Ok(Some(document.whole(api_version)));
        }
        let doing = format!("read the schemas of {api_version}");
        let answer = self.read(&doing, url.clone(), JSON).await?;
        match answer.status {
            StatusCode::OK => {}
            // It went between the index and now.
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(reply::failure(&doing, status, &answer.body)),
        }
        let document = Document::from_open_api(&answer.body).map_err(|error| {
            let summary = format!("cannot {doing}: the server's answer is no such document");
            Failure {
                detail: error.to_string(),
                ..Failure::new(FailureKind::Unreachable, summary)
            }
        })?;
        if let (Some(cache), Some(hash)) = (cache, hash) {
            cache.write(hash, &answer.body);
        }
        Ok(Some(document.whole(api_version)))
    }
}

/// Returns the hash in a document's address, where it is one that can be the name of a file.
fn hash_of(url: &str) -> Option<&str> {
    const MAX: usize = 128;
    let (_, query) = url.split_once('?')?;
    let hash = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("hash="))?;
    let is_word = !hash.is_empty() && hash.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_word && hash.len() <= MAX).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_that_could_be_paths_are_none() {
        let check = |url: &str, expected: Option<&str>| assert_eq!(hash_of(url), expected, "{url}");
        check("/openapi/v3/apis/apps/v1?hash=AB12", Some("AB12"));
        check("/openapi/v3/apis/apps/v1?x=1&hash=AB12", Some("AB12"));
        check("/openapi/v3/apis/apps/v1", None);
        check("/openapi/v3/apis/apps/v1?hash=", None);
        check("/openapi/v3/apis/apps/v1?hash=../../x", None);
        check(
            &format!("/openapi/v3/api/v1?hash={}", "a".repeat(200)),
            None,
        );
    }

    #[test]
    fn an_index_leads_nowhere_else() {
        let text = r#"{"paths": {
            "api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=A"},
            "apis/apps/v1": {"serverRelativeURL": "/openapi/v3/apis/apps/v1?hash=B"},
            "apis/evil/v1": {"serverRelativeURL": "/api/v1/secrets"},
            "version": {"serverRelativeURL": "/openapi/v3/version"}
        }}"#;
        let index = OpenApiIndex::of(serde_json::from_str(text).unwrap());
        let known: Vec<_> = index.api_versions().collect();
        assert_eq!(known, ["apps/v1", "v1"]);
    }
}
