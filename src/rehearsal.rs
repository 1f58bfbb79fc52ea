//! Rehearsals: bowline against the cluster inside this process, with example services already running.
//!
//! The one place where the program meets the sandbox: everything above gets a [`Cluster`] and does not know.

use crate::catalogue::Catalogue;
use crate::cluster::Cluster;
use crate::config::Settings;
use crate::definition::id::Namespace;
use crate::failure::{Failure, FailureKind};

/// What a rehearsal is set up with.
#[derive(Debug, Clone)]
pub struct RehearsalOptions {
    /// The settings.
    pub settings: Settings,
    /// The catalogue of rehearsals, which gets the example definitions if it has none.
    pub catalogue: Catalogue,
    /// The namespace to work in; the examples' own if unset.
    pub namespace: Option<Namespace>,
    /// Who works: user, host and process.
    pub holder: String,
}

/// A running rehearsal; its cluster ends with it.
#[derive(Debug)]
pub struct Rehearsal {
    cluster: Cluster,
}

/// Starts a cluster inside this process with the example services running in it.
///
/// # Errors
/// The examples cannot be written or deployed.
pub async fn start(options: &RehearsalOptions) -> Result<Rehearsal, Failure> {
    let summary = format!(
        "this build has no sandbox: leave --sandbox out, or point --kubeconfig at a cluster (catalogue {})",
        options.catalogue.dir().display()
    );
    Err(Failure::new(FailureKind::Refused, summary))
}

impl Rehearsal {
    /// Returns the connection to its cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }
}
