//! `bowline validate`: every fault of definitions, as lines that editors can jump to.

use std::collections::BTreeSet;

use serde::Serialize;

use super::args::{Report, Validate};
use super::session::Session;
use super::source::{self, SourceText};
use super::{Exit, UsageError, missing, operate, output};
use crate::cluster::SchemaCache;
use crate::definition::check::{CheckContext, check};
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::engine::online::check_online;
use crate::text;

/// A fault as `-o json` prints it. Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fault<'a> {
    file: &'a str,
    severity: String,
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<&'a str>,
}

pub fn run(args: &Validate, session: &Session) -> anyhow::Result<Exit> {
    let (sources, unread) = sources(args, session)?;
    for error in &unread {
        output::say(text::clean(&format!("error: {error:#}")));
    }
    let diagnostics = match args.online {
        true => online(args, &sources, session)?,
        false => {
            let offline = sources
                .iter()
                .map(|source| check(&source.text, &context_of(source, args, session)).diagnostics);
            offline.collect()
        }
    };
    let checked: Vec<_> = sources.iter().zip(diagnostics).collect();
    match args.output {
        Report::Text => print_text(&checked)?,
        Report::Json => output::print(&output::json(&faults(&checked))?)?,
    }
    let has_errors = |diagnostics: &[Diagnostic]| {
        diagnostics
            .iter()
            .any(|fault| fault.severity == Severity::Error)
    };
    let failed = !unread.is_empty()
        || checked
            .iter()
            .any(|(_, diagnostics)| has_errors(diagnostics));
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// Returns the faults of texts by the schemas of the cluster, and says once where it does not tell them.
fn online(
    args: &Validate,
    sources: &[SourceText],
    session: &Session,
) -> anyhow::Result<Vec<Vec<Diagnostic>>> {
    let cache = SchemaCache::of(&session.paths.cache);
    operate::on_cluster(session, async |cluster| {
        let mut found = Vec::with_capacity(sources.len());
        let mut remarks = BTreeSet::new();
        for source in sources {
            let context = context_of(source, args, session);
            let online = check_online(&cluster, &source.text, context, Some(&cache)).await;
            found.push(online.checked.diagnostics);
            remarks.extend(online.remark);
        }
        for remark in remarks {
            output::say(text::clean(&format!("warning: {remark}")));
        }
        Ok(found)
    })
}

fn context_of(source: &SourceText, args: &Validate, session: &Session) -> CheckContext {
    session.check_context(source.name.clone(), &args.set)
}

/// Returns the texts that are checked, and why others of the catalogue cannot be read: one of them hides no fault of the rest.
fn sources(
    args: &Validate,
    session: &Session,
) -> anyhow::Result<(Vec<SourceText>, Vec<anyhow::Error>)> {
    let mut sources = Vec::new();
    for file in &args.filename {
        sources.push(source::read_file(file)?);
    }
    for name in &args.names {
        let text = source::read_named(name, session);
        sources.push(text.map_err(|error| missing::of_name(error, name, session))?);
    }
    if !sources.is_empty() {
        return Ok((sources, Vec::new()));
    }
    let listing = session.catalogue.list()?;
    for refused in &listing.refused {
        output::say(format!(
            "warning: {} is no definition: {}",
            refused.file_name, refused.reason
        ));
    }
    if listing.entries.is_empty() {
        let dir = session.catalogue.dir().display();
        return Err(
            UsageError(format!("the catalogue {dir} is empty: name a file with -f")).into(),
        );
    }
    let mut unread = Vec::new();
    for entry in &listing.entries {
        match source::read_named(&entry.name, session) {
            Ok(source) => sources.push(source),
            Err(error) => unread.push(error),
        }
    }
    Ok((sources, unread))
}

fn print_text(checked: &[(&SourceText, Vec<Diagnostic>)]) -> anyhow::Result<()> {
    let mut lines = String::new();
    for (source, diagnostics) in checked {
        for fault in diagnostics {
            lines.push_str(&line(&source.shown, fault));
            lines.push('\n');
        }
    }
    output::print(&lines)?;
    let count = |severity| {
        checked
            .iter()
            .flat_map(|(_, faults)| faults)
            .filter(|fault| fault.severity == severity)
            .count()
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    output::say(format!(
        "{}, {}, {}",
        counted(checked.len(), "definition"),
        counted(errors, "error"),
        counted(warnings, "warning")
    ));
    Ok(())
}

/// Returns `file:line:column: severity: sentence [path]`.
pub(super) fn line(file: &str, fault: &Diagnostic) -> String {
    let start = fault.span.start;
    let path = if fault.path.is_empty() {
        String::new()
    } else {
        format!(" [{}]", fault.path)
    };
    let fix = fault
        .fix
        .as_ref()
        .filter(|fix| !fault.message.contains(fix.title.trim_end_matches('?')));
    let fix = fix.map_or_else(String::new, |fix| format!(" ({})", fix.title));
    let line = format!(
        "{file}:{}:{}: {}: {}{fix}{path}",
        start.line, start.column, fault.severity, fault.message
    );
    text::clean(&line).into_owned()
}

fn faults<'a>(checked: &'a [(&'a SourceText, Vec<Diagnostic>)]) -> Vec<Fault<'a>> {
    let of_source = |(source, diagnostics): &'a (&'a SourceText, Vec<Diagnostic>)| {
        diagnostics.iter().map(|fault| Fault {
            file: &source.shown,
            severity: fault.severity.to_string(),
            path: &fault.path,
            line: fault.span.start.line,
            column: fault.span.start.column,
            end_line: fault.span.end.line,
            end_column: fault.span.end.column,
            message: &fault.message,
            fix: fault.fix.as_ref().map(|fix| fix.title.as_str()),
        })
    };
    checked.iter().flat_map(of_source).collect()
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
