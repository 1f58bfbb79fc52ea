//! Definitions as arguments: by name from the catalogue, from a file, or from standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::Source;
use super::session::Session;
use super::{UsageError, output};
use crate::catalogue::{CatalogueError, MAX_BYTES, trust};
use crate::definition::id::InstanceId;
use crate::failure::{Failure, FailureKind};
use crate::text;

/// A text with the name that faults are reported under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// Path of the file, or `<stdin>`.
    pub shown: String,
    /// Name of the definition, where the source tells one.
    pub name: Option<InstanceId>,
    pub text: String,
}

/// Reads the definition that the arguments name.
pub fn read(source: &Source, session: &Session) -> anyhow::Result<SourceText> {
    match (&source.filename, &source.name) {
        (Some(file), _) => read_file(file),
        (None, Some(name)) => read_named(name, session),
        (None, None) => Err(UsageError("name a definition, or a file with -f".to_owned()).into()),
    }
}

/// Reads a definition of the catalogue.
pub fn read_named(name: &InstanceId, session: &Session) -> anyhow::Result<SourceText> {
    let text = session.catalogue.read(name)?.text;
    Ok(SourceText {
        shown: session.catalogue.path_of(name).display().to_string(),
        name: Some(name.clone()),
        text,
    })
}

/// Reads a definition from a file, or from standard input where the path is `-`.
pub fn read_file(path: &Path) -> anyhow::Result<SourceText> {
    if path.as_os_str() == "-" {
        let text = read_bounded(std::io::stdin().lock()).context("cannot read standard input")?;
        return Ok(SourceText {
            shown: "<stdin>".to_owned(),
            name: None,
            text,
        });
    }
    let shown = path.display().to_string();
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let text = read_bounded(file).with_context(|| format!("cannot read {shown}"))?;
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.parse().ok());
    Ok(SourceText { shown, name, text })
}

fn read_bounded(reader: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(
        bytes.len() as u64 <= MAX_BYTES,
        "it has more than the {MAX_BYTES} bytes that are allowed"
    );
    String::from_utf8(bytes).context("it is not UTF-8, which definitions must be")
}

/// Says who else may have written the definition that the arguments name.
///
/// # Errors
/// Anybody on this machine may write to it, or put another file in its place.
pub fn say_whose_it_is(source: &Source, session: &Session) -> anyhow::Result<()> {
    let file = match (&source.filename, &source.name) {
        (Some(file), _) if file.as_os_str() == "-" => return Ok(()),
        (Some(file), _) => file.clone(),
        (None, Some(name)) => session.catalogue.path_of(name),
        (None, None) => return Ok(()),
    };
    let refused = |error: CatalogueError| Failure::new(FailureKind::Refused, error.to_string());
    for warning in trust(&file).map_err(refused)? {
        let sentence = format!("warning: {}: {warning}", file.display());
        output::say(text::clean(&sentence));
    }
    Ok(())
}

/// Returns the directory from which a definition names files: its own, or where one stands if it has none.
pub fn beside(source: &Source, session: &Session) -> PathBuf {
    match (&source.filename, &source.name) {
        (Some(file), _) => file.parent().unwrap_or(Path::new("")).to_owned(),
        (None, Some(_)) => session.catalogue.dir().to_owned(),
        (None, None) => PathBuf::new(),
    }
}

/// Returns the name of the definition and the ID of the instance.
pub fn identity(source: &Source, text: &SourceText) -> anyhow::Result<(InstanceId, InstanceId)> {
    let name = text.name.clone().or_else(|| source.id.clone());
    let Some(name) = name else {
        let sentence = format!(
            "{} gives no legal ID by its name: give one with --id",
            text.shown
        );
        return Err(UsageError(sentence).into());
    };
    let id = source.id.clone().unwrap_or_else(|| name.clone());
    Ok((name, id))
}
