//! `bowline import`: a running set of objects becomes a definition of the catalogue. The cluster is only read.

use serde_json::json;

use super::args::{Import as Args, ImportOutput, SecretsChoice};
use super::session::Session;
use super::{Exit, operate, output, validate};
use crate::definition::check::check;
use crate::definition::diagnostic::Severity;
use crate::engine::import::{Import, ImportRequest, Origin, import, is_of_another};
use crate::failure::{Failure, FailureKind};
use crate::service::advice;
use crate::service::summary::InstanceKey;
use crate::text;

pub fn run(args: &Args, session: &Session) -> anyhow::Result<Exit> {
    let is_written = !args.dry_run && args.output == ImportOutput::Text;
    if is_written && !args.force && session.catalogue.digest(&args.name)?.is_some() {
        return Err(exists(args, session).into());
    }
    operate::on_cluster(session, async |cluster| {
        let request = ImportRequest {
            origin: origin(args),
            namespace: cluster.namespace().clone(),
            name: args.name.clone(),
            policy: session.settings.policy.clone(),
            keeps_node_ports: args.node_ports,
        };
        let found = import(&cluster, &request).await?;
        if !found.secrets.is_empty() && args.secrets != Some(SecretsChoice::Skip) {
            return Err(refuse_secrets(&found).into());
        }
        say(&found);
        let identity = cluster.identity();
        tracing::debug!(context = %identity.context, "imported");
        let text = found.text(&request.heading());
        let is_valid = say_faults(args, session, &text);
        match args.output {
            ImportOutput::Yaml => output::print(&text)?,
            ImportOutput::Json => output::print(&output::json(&value(&found))?)?,
            ImportOutput::Text if args.dry_run => output::print(&text)?,
            ImportOutput::Text => {
                if !is_valid {
                    return Ok(Exit::Failed);
                }
                write(args, session, &text)?;
                say_next(&InstanceKey {
                    namespace: request.namespace,
                    id: args.name.clone(),
                });
            }
        }
        Ok(Exit::Ok)
    })
}

fn origin(args: &Args) -> Origin {
    match (&args.selector, &args.helm, &args.set) {
        (Some(selector), _, _) => Origin::Labels(selector.clone()),
        (_, Some(release), _) => Origin::Helm(release.clone()),
        (_, _, Some(parent)) => Origin::Set(parent.clone()),
        (None, None, None) => unreachable!("the grammar asks for one of them"),
    }
}

fn exists(args: &Args, session: &Session) -> Failure {
    let path = session.catalogue.path_of(&args.name);
    let summary = format!(
        "{} exists already: choose another name, or replace it with --force",
        path.display()
    );
    Failure::new(FailureKind::Refused, summary)
}

fn refuse_secrets(found: &Import) -> Failure {
    let names: Vec<&str> = found.secrets.iter().map(|key| key.name.as_str()).collect();
    let summary = format!(
        "values of Secrets never stand in a definition, and there are some: {}; `--secrets skip` leaves them where they are, \
         outside of the instance",
        names.join(", ")
    );
    Failure::new(FailureKind::Refused, text::clean(&summary).into_owned())
}

/// Says what was taken and what was left, and why.
fn say(found: &Import) {
    for object in &found.objects {
        output::say(text::clean(&format!("take {}", object.key)));
    }
    for key in &found.secrets {
        output::say(text::clean(&format!(
            "leave {key}: values of Secrets are never taken"
        )));
    }
    for left in found.left.iter().filter(|left| !is_of_another(left)) {
        output::say(text::clean(&format!("leave {}: {}", left.0, left.1)));
    }
    for warning in &found.warnings {
        output::say(text::clean(&format!("warning: {warning}")));
    }
}

/// Says what of the text is no valid definition, and tells whether it may be written.
fn say_faults(args: &Args, session: &Session, text: &str) -> bool {
    let context = session.check_context(Some(args.name.clone()), &[]);
    let faults = check(text, &context).diagnostics;
    let file = format!("{}.yaml", args.name);
    for fault in &faults {
        output::say(validate::line(&file, fault));
    }
    let is_valid = faults.iter().all(|fault| fault.severity != Severity::Error);
    if !is_valid {
        output::say("this is no valid definition, and was not written: `--dry-run` prints it");
    }
    is_valid
}

/// Writes the definition, never over another one unless that is wanted.
fn write(args: &Args, session: &Session, text: &str) -> anyhow::Result<()> {
    let catalogue = &session.catalogue;
    match catalogue.digest(&args.name)? {
        Some(_) if !args.force => return Err(exists(args, session).into()),
        Some(base) => catalogue.save(&args.name, text, &base)?,
        None => catalogue.create(&args.name, text)?,
    };
    output::print(&format!("{}\n", catalogue.path_of(&args.name).display()))?;
    Ok(())
}

/// Says what can be done with what was written.
fn say_next(instance: &InstanceKey) {
    let (adopt, diff) = (
        advice::command("adopt", instance),
        advice::command("diff", instance),
    );
    output::say(format!(
        "{adopt} makes the objects its own, and {diff} shows what a deploy would change"
    ));
}

fn value(found: &Import) -> serde_json::Value {
    let left = found.left.iter().map(|(key, why)| {
        json!({"kind": key.kind, "name": key.name, "namespace": key.namespace, "reason": why})
    });
    json!({
        "objects": found.objects.iter().map(|object| &object.json).collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
        "secrets": found.secrets.iter().map(|key| &key.name).collect::<Vec<_>>(),
        "warnings": found.warnings,
    })
}
