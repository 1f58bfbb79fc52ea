//! What a command works with: settings with flags laid over them, paths, the catalogue, and on demand a cluster.

use std::path::PathBuf;

use super::args::Global;
use crate::catalogue::Catalogue;
use crate::config::{Paths, Settings};
use crate::definition::check::CheckContext;
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::service::ServiceDefinition;
use crate::failure::Failure;

/// The surroundings of one command.
#[derive(Debug)]
pub struct Session {
    pub global: Global,
    pub settings: Settings,
    pub paths: Paths,
    pub catalogue: Catalogue,
}

impl Session {
    /// Reads the settings and finds the catalogue.
    ///
    /// # Errors
    /// No home directory is known, or the settings file is faulty.
    pub fn open(global: Global) -> Result<Self, Failure> {
        let paths = Paths::of_user()?;
        let settings = match &global.config {
            Some(file) => Settings::load(file, true)?,
            None => Settings::load(&paths.config_file, false)?,
        };
        let catalogue = Catalogue::at(catalogue_dir(&global, &settings, &paths));
        Ok(Self {
            global,
            settings,
            paths,
            catalogue,
        })
    }

    /// Returns what a definition is checked under when it would be deployed as `id`.
    pub fn check_context(&self, id: Option<InstanceId>, set: &[(String, String)]) -> CheckContext {
        CheckContext {
            gpus: self.settings.gpus.clone(),
            id,
            namespace: self.wanted_namespace().cloned(),
            parameters: set.iter().cloned().collect(),
        }
    }

    /// Returns the namespace that a definition is rendered for when no cluster is asked.
    pub fn offline_namespace(&self, definition: &ServiceDefinition) -> Namespace {
        let wanted = definition.namespace.as_ref().or(self.wanted_namespace());
        wanted.cloned().unwrap_or_default()
    }

    /// Returns the namespace of flags, environment or settings; none leaves it to the context.
    pub fn wanted_namespace(&self) -> Option<&Namespace> {
        self.global
            .namespace
            .as_ref()
            .or(self.settings.namespace.as_ref())
    }
}

/// A rehearsal has a catalogue of its own, so that its examples never mix with what the person really runs.
fn catalogue_dir(global: &Global, settings: &Settings, paths: &Paths) -> PathBuf {
    let default = if global.sandbox {
        &paths.sandbox_catalogue
    } else {
        &paths.catalogue
    };
    let from_settings = settings.catalogue.clone().filter(|_| !global.sandbox);
    global
        .catalogue
        .clone()
        .or(from_settings)
        .unwrap_or_else(|| default.clone())
}
