//! What the shell's completion offers: names of definitions, templates and contexts. Reads files only, never a cluster, and
//! says nothing on failure: a shell waits for it.

use clap_complete::CompletionCandidate;

use crate::catalogue::Catalogue;
use crate::config::{Paths, Settings};
use crate::definition::template;

/// The definitions of the catalogue that the environment and the settings name.
pub fn definitions() -> Vec<CompletionCandidate> {
    let Ok(paths) = Paths::of_user() else {
        return Vec::new();
    };
    let settings = Settings::load(&paths.config_file, false)
        .unwrap_or_default()
        .settings;
    let from_env = std::env::var_os("BOWLINE_CATALOGUE").map(Into::into);
    let dir = from_env.or(settings.catalogue).unwrap_or(paths.catalogue);
    let listing = Catalogue::at(dir).list().unwrap_or_default();
    listing
        .entries
        .into_iter()
        .map(|entry| CompletionCandidate::new(entry.name.to_string()))
        .collect()
}

/// The built-in templates.
pub fn templates() -> Vec<CompletionCandidate> {
    template::names().map(CompletionCandidate::new).collect()
}

/// The contexts of the kubeconfig.
pub fn contexts() -> Vec<CompletionCandidate> {
    let Ok(kubeconfig) = kube::config::Kubeconfig::read() else {
        return Vec::new();
    };
    kubeconfig
        .contexts
        .into_iter()
        .map(|context| CompletionCandidate::new(context.name))
        .collect()
}
