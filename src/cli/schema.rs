//! `bowline schema`: the service definition, or a kind, as JSON Schema for editors.

use super::args::PrintSchema;
use super::kind::{self, DEFINITION};
use super::session::Session;
use super::{Exit, output};
use crate::schema::{json_schema, service_definition};

pub fn run(args: &PrintSchema, session: &Session) -> anyhow::Result<Exit> {
    let schema = match args.kind.as_deref() {
        None | Some(DEFINITION) => {
            kind::refuse_flags(&args.source)?;
            json_schema(service_definition(), "bowline service definition")
        }
        Some(word) => {
            let found = kind::find(word, &args.source, session)?;
            json_schema(found.schema(), &found.name.kind)
        }
    };
    output::print(&output::json(&schema)?)?;
    Ok(Exit::Ok)
}
