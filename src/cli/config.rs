//! `bowline config`: the settings that hold, where files are, and an example with every key.

use std::collections::BTreeSet;

use super::args::{Config, Global};
use super::session::{self, Session};
use super::{Exit, output};
use crate::app::{Key, Keymap, SPECS};
use crate::config::{Paths, Settings};
use crate::log;
use crate::text;

const EXAMPLE: &str = include_str!("../../config.example.toml");

pub fn run(args: &Config, global: &Global) -> anyhow::Result<Exit> {
    match args {
        Config::Example => output::print(EXAMPLE)?,
        Config::Keys => output::print(&keys(&open(global)?))?,
        Config::Paths => output::print(&paths(&Paths::of_user()?, global))?,
        Config::View => output::print(&view(&open(global)?)?)?,
    }
    Ok(Exit::Ok)
}

/// Opens a session whose settings may have faults, and says them.
fn open(global: &Global) -> anyhow::Result<Session> {
    let session = Session::open_with_faults(global.clone())?;
    for fault in &session.faults {
        output::say(text::clean(&format!("warning: {fault}: the default holds")));
    }
    for loss in &session.losses {
        output::say(text::clean(&format!("warning: {loss}")));
    }
    Ok(session)
}

/// Returns the settings as the file would say them if it said all.
fn view(session: &Session) -> anyhow::Result<String> {
    let settings = Settings {
        catalogue: Some(session.catalogue.dir().to_owned()),
        context: session.wanted_context(),
        namespace: session.wanted_namespace().cloned(),
        ..session.settings.clone()
    };
    let file = session.global.config_file(&session.paths);
    let note = if file.exists() { "" } else { " (not there)" };
    Ok(format!(
        "# {}{note}\n{}",
        text::clean(&file.display().to_string()),
        toml::to_string(&settings)?
    ))
}

/// Returns a line for each action: its name as `[keys]` writes it, its keys, and what it does.
fn keys(session: &Session) -> String {
    let keymap = Keymap::new(&session.settings.keys);
    let rows = SPECS.iter().map(|spec| {
        let keys = spec
            .places
            .iter()
            .flat_map(|&place| keymap.keys(place, spec.action));
        let keys: BTreeSet<String> = keys.map(Key::to_string).collect();
        let keys = keys.into_iter().collect::<Vec<_>>().join(" ");
        vec![spec.id.to_owned(), keys, spec.sentence.to_owned()]
    });
    let of_editor = keymap.commands().map(|(spec, keys)| {
        let keys: Vec<String> = keys.iter().map(Key::to_string).collect();
        let what = format!("{} (editor)", spec.sentence);
        vec![spec.id.to_owned(), keys.join(" "), what]
    });
    let rows = rows.chain(of_editor);
    output::table(
        &["ACTION", "KEYS", "WHAT IT DOES"],
        &rows.collect::<Vec<_>>(),
    )
}

fn paths(paths: &Paths, global: &Global) -> String {
    let config = global.config_file(paths).to_owned();
    // Where files are is asked just when the settings are broken.
    let settings = Settings::load(&config, false).map(|loaded| loaded.settings);
    if let (None, Err(fault)) = (&global.catalogue, &settings) {
        let sentence = format!("warning: where the catalogue is cannot be read: {fault}");
        output::say(text::clean(&sentence));
    }
    let catalogue = session::catalogue_dir(global, &settings.unwrap_or_default(), paths);
    let lines = [
        ("config", config),
        ("catalogue", catalogue),
        ("sandbox", paths.sandbox_catalogue.clone()),
        ("state", paths.state.clone()),
        ("log", log::directory(&paths.state)),
        ("cache", paths.cache.clone()),
    ];
    lines
        .iter()
        .map(|(name, path)| format!("{name:<12}{}\n", path.display()))
        .collect()
}
