//! `bowline explain`: what the fields of a kind, or of the service definition, are called, hold and mean.

use super::args::Explain;
use super::kind::{self, DEFINITION, Found};
use super::session::Session;
use super::{Exit, UsageError, output};
use crate::definition::nearest;
use crate::failure::{Failure, FailureKind};
use crate::schema::{self, Depth, Path, Schema, Step, service_definition};
use crate::text;

pub fn run(args: &Explain, session: &Session) -> anyhow::Result<Exit> {
    let (word, rest) = args.field.split_once('.').unwrap_or((&args.field, ""));
    let (word, rest) = match word.split_once('[') {
        Some(_) => {
            return Err(UsageError("write the kind before the first field".to_owned()).into());
        }
        None => (word, rest),
    };
    let path: Path = rest
        .parse()
        .map_err(|error| UsageError(format!("{error}")))?;
    let depth = match args.recursive {
        true => Depth::Recursive,
        false => Depth::Fields,
    };
    if word == DEFINITION {
        kind::refuse_flags(&args.source)?;
        return print_definition(&path, depth);
    }
    let found = kind::find(word, &args.source, session)?;
    match at(found.schema(), &path) {
        Ok(schema) => {
            output::print(&(heading(&found) + &page(schema, &path, depth)))?;
            Ok(Exit::Ok)
        }
        // A Service and a service definition go by one name; whose fields are meant is plain.
        Err(_) if found.name.kind == "Service" && service_definition().at(&path).is_some() => {
            print_definition(&path, depth)
        }
        Err(failure) => Err(failure.into()),
    }
}

fn print_definition(path: &Path, depth: Depth) -> anyhow::Result<Exit> {
    let schema = at(service_definition(), path)?;
    let heading = "KIND:       service definition of bowline\n\n";
    output::print(&(heading.to_owned() + &page(schema, path, depth)))?;
    Ok(Exit::Ok)
}

fn heading(found: &Found) -> String {
    let api_version = &found.name.api_version;
    let kind = &found.name.kind;
    let lines = match api_version.split_once('/') {
        Some((group, version)) => {
            format!("GROUP:      {group}\nKIND:       {kind}\nVERSION:    {version}\n\n")
        }
        None => format!("KIND:       {kind}\nVERSION:    {api_version}\n\n"),
    };
    text::clean_multiline(&lines).into_owned()
}

fn page(schema: Schema<'_>, path: &Path, depth: Depth) -> String {
    let field = path.0.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Item => None,
    });
    let text = schema::explain(schema, field, depth);
    text::clean_multiline(&text).into_owned()
}

/// Returns the schema at a path.
///
/// # Errors
/// There is no such field: the one that was probably meant is named.
fn at<'d>(top: Schema<'d>, path: &Path) -> Result<Schema<'d>, Failure> {
    if let Some(schema) = top.at(path) {
        return Ok(schema);
    }
    let mut walked = Path::default();
    let mut place = top;
    for step in &path.0 {
        let next = walked.clone().then(step.clone());
        let Some(found) = top.at(&next) else {
            break;
        };
        (walked, place) = (next, found);
    }
    let missing = path.0.get(walked.0.len());
    let shown = match missing {
        Some(Step::Key(key)) => key.as_str(),
        Some(Step::Item) | None => "[]",
    };
    let inside = place.inside();
    let names = inside.properties().map(|(name, _)| name);
    let near = nearest(shown, names);
    let within = match walked.to_string() {
        walked if walked.is_empty() => "the kind".to_owned(),
        walked => walked,
    };
    let summary = match near {
        Some(near) => format!("{within} has no field {shown:?}; did you mean {near}?"),
        None => format!("{within} has no field {shown:?}"),
    };
    Err(Failure::new(FailureKind::NotFound, summary))
}
