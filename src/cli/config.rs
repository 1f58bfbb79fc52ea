//! `bowline config`: the settings that hold, where files are, and an example with every key.

use std::path::PathBuf;

use super::args::{Config, Global};
use super::session::Session;
use super::{Exit, output};
use crate::config::{Paths, Settings};
use crate::log;
use crate::text;

const EXAMPLE: &str = include_str!("../../config.example.toml");

pub fn run(args: &Config, global: &Global) -> anyhow::Result<Exit> {
    match args {
        Config::Example => output::print(EXAMPLE)?,
        Config::Paths => output::print(&paths(&Paths::of_user()?, global))?,
        Config::View => output::print(&view(&Session::open(global.clone())?)?)?,
    }
    Ok(Exit::Ok)
}

/// Returns the settings as the file would say them if it said all.
fn view(session: &Session) -> anyhow::Result<String> {
    let settings = Settings {
        catalogue: Some(session.catalogue.dir().to_owned()),
        context: session.wanted_context(),
        namespace: session.wanted_namespace().cloned(),
        ..session.settings.clone()
    };
    let file = file(&session.paths, &session.global);
    let note = if file.exists() { "" } else { " (not there)" };
    Ok(format!(
        "# {}{note}\n{}",
        text::clean(&file.display().to_string()),
        toml::to_string(&settings)?
    ))
}

fn file(paths: &Paths, global: &Global) -> PathBuf {
    let named = global.config.as_ref();
    named.unwrap_or(&paths.config_file).clone()
}

fn paths(paths: &Paths, global: &Global) -> String {
    let config = file(paths, global);
    // Where files are is asked just when the settings are broken.
    let of_settings = Settings::load(&config, false).unwrap_or_default().catalogue;
    let catalogue = global.catalogue.clone().or(of_settings);
    let lines = [
        ("config", config),
        ("catalogue", catalogue.unwrap_or(paths.catalogue.clone())),
        ("sandbox", paths.sandbox_catalogue.clone()),
        ("state", paths.state.clone()),
        ("log", log::directory(&paths.state)),
    ];
    lines
        .iter()
        .map(|(name, path)| format!("{name:<12}{}\n", path.display()))
        .collect()
}
