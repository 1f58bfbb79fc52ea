//! `bowline render`: the Kubernetes objects of a definition, without asking a cluster.

use anyhow::bail;
use serde_json::{Value, json};

use super::args::{Document, Render, Source};
use super::session::Session;
use super::source::{self, SourceText};
use super::{Exit, missing, output, validate};
use crate::definition::Definition;
use crate::definition::check::{Checked, check};
use crate::definition::diagnostic::Diagnostic;
use crate::definition::object::Object;
use crate::definition::render::{RenderContext, Rendered, render};
use crate::definition::yaml;

pub fn run(args: &Render, session: &Session) -> anyhow::Result<Exit> {
    let rendered = render_source(&args.source, session)?;
    print(&rendered.objects, args.output)?;
    Ok(Exit::Ok)
}

/// Renders the definition that the arguments name, as the session would deploy it.
pub(super) fn render_source(source: &Source, session: &Session) -> anyhow::Result<Rendered> {
    let text = source::read(source, session)
        .map_err(|error| missing::of_definition_here(error, "render", source, session))?;
    let (name, id) = source::identity(source, &text)?;
    let definition = checked(&text, source, session)?;
    session.check_namespace(&definition, &text.shown)?;
    let context = RenderContext {
        definition_name: name,
        parameters: source.set.iter().cloned().collect(),
        ingress_host: session.settings.ingress.host.clone(),
        gpus: session.settings.gpus.clone(),
        policy: session.settings.policy.clone(),
        ..RenderContext::new(id, session.offline_namespace(&definition))
    };
    match render(&definition, &context) {
        Ok(rendered) => {
            for warning in &rendered.warnings {
                output::say(format!("warning: {warning}"));
            }
            Ok(rendered)
        }
        Err(faults) => Err(refuse(&text.shown, &faults)),
    }
}

/// Checks a text, says its warnings, and refuses it if there are errors.
pub(super) fn checked(
    text: &SourceText,
    source: &Source,
    session: &Session,
) -> anyhow::Result<Definition> {
    let (_, id) = source::identity(source, text)?;
    let checked = check(&text.text, &session.check_context(Some(id), &source.set));
    accepted(&text.shown, checked)
}

/// Says the warnings of a text that was checked, and refuses it if there are errors.
pub(super) fn accepted(shown: &str, checked: Checked) -> anyhow::Result<Definition> {
    let Some(definition) = checked.definition else {
        return Err(refuse(shown, &checked.diagnostics));
    };
    for fault in &checked.diagnostics {
        output::say(validate::line(shown, fault));
    }
    Ok(definition)
}

/// Says every fault and returns the error that ends the command.
fn refuse(shown: &str, faults: &[Diagnostic]) -> anyhow::Error {
    for fault in faults {
        output::say(validate::line(shown, fault));
    }
    anyhow::anyhow!("{shown} has faults; nothing was done")
}

/// Prints objects in the wanted format.
pub(super) fn print(objects: &[Object], format: Document) -> anyhow::Result<()> {
    let data = match format {
        Document::Yaml => yaml::to_yaml_documents(objects.iter().map(|object| &object.json)),
        Document::Json => {
            let items: Vec<&Value> = objects.iter().map(|object| &object.json).collect();
            output::json(&json!({"apiVersion": "v1", "kind": "List", "items": items}))?
        }
        Document::Name => objects
            .iter()
            .map(|object| format!("{}\n", object.key))
            .collect(),
    };
    if data.is_empty() {
        bail!("the definition renders to no object");
    }
    output::print(&data)?;
    Ok(())
}
