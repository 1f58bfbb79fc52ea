//! `bowline diff --applyset`: what applying a file as the content of a set would change; the set may be any tool's.

use serde_json::{Value, json};

use super::args::{Diff, Report};
use super::session::Session;
use super::source::SourceText;
use super::{Exit, UsageError, diff, operate, output, plan_json, source, validate};
use crate::definition::check::check;
use crate::definition::diagnostic::Severity;
use crate::definition::lists;
use crate::definition::object::Object;
use crate::definition::yaml;
use crate::engine::sets::{ParentName, SetChange, SetDifference, compare_set, find_set};
use crate::text;

pub fn run(args: &Diff, parent: &ParentName, session: &Session) -> anyhow::Result<Exit> {
    let Some(file) = &args.source.filename else {
        return Err(UsageError(format!(
            "name the file with -f that {parent} is compared with; `bowline diff ID` compares an instance"
        ))
        .into());
    };
    let text = source::read_file(file)?;
    let objects = objects(&text.text).map_err(|error| at_its_place(&text, session, error))?;
    let differences = operate::on_cluster(session, async |cluster| {
        let namespace = cluster.namespace().clone();
        let (set, failures) = find_set(&cluster, &namespace, parent).await?;
        for failure in &failures {
            output::say(text::clean(&format!(
                "warning: members may be missing: {failure}"
            )));
        }
        Ok(compare_set(&cluster, &set, objects).await?)
    })?;
    match args.output {
        Report::Json => {
            let values: Vec<Value> = differences.iter().map(value).collect();
            output::print(&output::json(&values)?)?;
        }
        Report::Text => output::print(&differences.iter().map(page).collect::<String>())?,
    }
    Ok(match differences.is_empty() {
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

/// Says where a text that cannot be read has its faults, as other commands do of definitions, and returns what ends this one.
fn at_its_place(text: &SourceText, session: &Session, error: anyhow::Error) -> anyhow::Error {
    let shown = &text.shown;
    let context = session.check_context(None, &[]);
    let mut faults = check(&text.text, &context).diagnostics;
    faults.retain(|fault| fault.severity == Severity::Error);
    if faults.is_empty() {
        return error.context(format!("cannot read {shown}"));
    }
    for fault in &faults {
        output::say(validate::line(shown, fault));
    }
    anyhow::anyhow!("{shown} has faults; nothing was compared")
}

/// Reads the objects of a text, lists of them unfolded.
fn objects(text: &str) -> anyhow::Result<Vec<Object>> {
    let mut objects = Vec::new();
    let mut waiting = yaml::documents(text)?;
    waiting.reverse();
    while let Some(document) = waiting.pop() {
        if let Some(items) = lists::items(&document) {
            waiting.extend(items.into_iter().rev());
            continue;
        }
        let object = Object::from_json(document);
        let fault = "each document must be an object with `apiVersion`, `kind` and `metadata.name`";
        objects.push(object.ok_or_else(|| UsageError(fault.to_owned()))?);
    }
    Ok(objects)
}

fn page(difference: &SetDifference) -> String {
    let key = &difference.key;
    let head = match difference.change {
        SetChange::Create => format!("create {key}\n"),
        SetChange::Update => format!("update {key}\n"),
        SetChange::Prune => format!("prune {key}: it is not in the file\n"),
    };
    let head = format!("{}\n", text::clean(head.trim_end()));
    let lines: String = diff::lines(&difference.lines).collect();
    head + &lines
}

fn value(difference: &SetDifference) -> Value {
    let mut value = plan_json::of_key(&difference.key);
    value["change"] = match difference.change {
        SetChange::Create => json!("create"),
        SetChange::Update => json!("update"),
        SetChange::Prune => json!("prune"),
    };
    let lines = diff::lines(&difference.lines);
    value["difference"] = lines.map(|line| line.trim_end().to_owned()).collect();
    value
}
