//! Which version a server is of, and how long it takes to answer.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;

use super::request::{JSON, unreadable};
use super::{Cluster, reply};
use crate::failure::Failure;
use crate::text;

const DOING: &str = "ask for the server's version";

/// What a server says of itself, and how quickly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// Such as `v1.34.1`.
    pub version: String,
    /// How long the second of two answers took: the first opened the connection.
    pub latency: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    git_version: String,
}

impl Cluster {
    /// Asks for the server's version.
    ///
    /// # Errors
    /// The server refuses, or has not answered after the deadline.
    pub async fn server_version(&self) -> Result<ServerVersion, Failure> {
        self.version().await?;
        let asked = Instant::now();
        let version = self.version().await?;
        Ok(ServerVersion {
            version: text::clean(&version.git_version).into_owned(),
            latency: asked.elapsed(),
        })
    }

    async fn version(&self) -> Result<Version, Failure> {
        let answer = self.read(DOING, "/version".to_owned(), JSON).await?;
        if answer.status != StatusCode::OK {
            return Err(reply::failure(DOING, answer.status, &answer.body));
        }
        serde_json::from_slice(&answer.body).map_err(|_| unreadable(DOING))
    }
}
