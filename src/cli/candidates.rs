//! What the shell's completion offers: names of definitions, templates and contexts, and what was taken down. Reads files
//! only, never a cluster, and says nothing on failure: a shell waits for it.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};
use clap_complete::CompletionCandidate;

use super::args::{Cli, Global};
use super::session;
use crate::catalogue::Catalogue;
use crate::catalogue::trash::which::shown_time;
use crate::catalogue::trash::{Trash, TrashItem};
use crate::config::{Paths, Settings};
use crate::definition::template;

/// The definitions of the catalogue that the environment and the settings name.
pub fn definitions() -> Vec<CompletionCandidate> {
    let Ok(paths) = Paths::of_user() else {
        return Vec::new();
    };
    let Some(global) = global() else {
        return Vec::new();
    };
    let settings = Settings::load(global.config_file(&paths), false)
        .unwrap_or_default()
        .settings;
    let catalogue = Catalogue::at(session::catalogue_dir(&global, &settings, &paths));
    let listing = catalogue.list().unwrap_or_default();
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

/// The instances that were taken down on this machine.
pub fn taken_down() -> Vec<CompletionCandidate> {
    let mut ids: Vec<String> = trash().iter().map(|item| item.id.to_string()).collect();
    ids.sort();
    ids.dedup();
    ids.into_iter().map(CompletionCandidate::new).collect()
}

/// When the instance that the line names was taken down, the newest first; of every instance where it names none yet.
pub fn times_taken_down() -> Vec<CompletionCandidate> {
    let items = trash();
    let is_named = |item: &&TrashItem| words().any(|word| word == item.id.as_str());
    let named: Vec<&TrashItem> = items.iter().filter(is_named).collect();
    let offered = match named.is_empty() {
        true => items.iter().collect(),
        false => named,
    };
    let candidate = |(order, item): (usize, &TrashItem)| {
        let TrashItem { id, namespace, .. } = item;
        let help = format!("{id} of {namespace}, {}", item.stand());
        CompletionCandidate::new(shown_time(item).to_string())
            .help(Some(help.into()))
            .display_order(Some(order))
    };
    offered.into_iter().enumerate().map(candidate).collect()
}

fn trash() -> Vec<TrashItem> {
    let Ok(paths) = Paths::of_user() else {
        return Vec::new();
    };
    let is_rehearsal = global().is_some_and(|global| global.sandbox);
    Trash::of(&paths.state, is_rehearsal).list().items
}

/// The flags of every command in the line that is completed, over the environment; what else is wrong there does not matter.
fn global() -> Option<Global> {
    let command = Cli::command().ignore_errors(true);
    let matches = command.try_get_matches_from(words()).ok()?;
    Global::from_arg_matches(&matches).ok()
}

/// The words of the line that is completed, as the shell hands them over behind its own.
fn words() -> impl Iterator<Item = OsString> {
    let all = std::env::args_os();
    all.skip_while(|word| word != "--").skip(1)
}
