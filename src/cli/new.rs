//! `bowline new NAME`: a definition from a template.

use super::args::New;
use super::session::Session;
use super::{Exit, UsageError, output};
use crate::definition::template;

pub fn run(args: &New, session: &Session) -> anyhow::Result<Exit> {
    let Some(text) = template::template(&args.template) else {
        let names: Vec<_> = template::names().collect();
        return Err(UsageError(format!(
            "no template {:?}: use one of {}",
            args.template,
            names.join(", ")
        ))
        .into());
    };
    session.catalogue.create(&args.name, text)?;
    output::print(&format!(
        "{}\n",
        session.catalogue.path_of(&args.name).display()
    ))?;
    Ok(Exit::Ok)
}
