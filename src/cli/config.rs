//! `bowline config`: where settings come from, and an example with every key.

use super::args::{Config, Global};
use super::{Exit, output};
use crate::config::Paths;

const EXAMPLE: &str = include_str!("../../config.example.toml");

pub fn run(args: &Config, global: &Global) -> anyhow::Result<Exit> {
    match args {
        Config::Example => output::print(EXAMPLE)?,
        Config::Paths => output::print(&paths(&Paths::of_user()?, global))?,
    }
    Ok(Exit::Ok)
}

fn paths(paths: &Paths, global: &Global) -> String {
    let config = global.config.as_ref().unwrap_or(&paths.config_file);
    let catalogue = global.catalogue.as_ref().unwrap_or(&paths.catalogue);
    format!(
        "config      {}\ncatalogue   {}\nsandbox     {}\nstate       {}\n",
        config.display(),
        catalogue.display(),
        paths.sandbox_catalogue.display(),
        paths.state.display()
    )
}
