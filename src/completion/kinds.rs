//! Which schema a document has: that of the service definition, or that of its kind.

use std::collections::BTreeSet;

use ropey::Rope;

use super::place::{Place, split_key};
use super::{Item, Known, lines};
use crate::schema::{self, Schema, Step};

/// Most lines in which a document says what it is.
const MAX_LINES: usize = 20_000;

/// Most groups and versions of one text whose schemas are asked for.
const MAX_VERSIONS: usize = 50;

/// What a document says that it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DocumentKind {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
}

/// Reads what the document that begins on a line says of itself.
pub(super) fn of_document(rope: &Rope, first: usize) -> DocumentKind {
    let mut found = DocumentKind::default();
    for text in lines::from(rope, first).take(MAX_LINES) {
        // Only keys of the top say it.
        if !text.starts_with(['a', 'k', '-', '.']) {
            continue;
        }
        if text.starts_with("---") || text.starts_with("...") {
            break;
        }
        let value = |value: &str| Some(value.trim().trim_matches(['"', '\'']).to_owned());
        match split_key(text.trim_end()) {
            Some(("apiVersion", version)) => found.api_version = value(version),
            Some(("kind", kind)) => found.kind = value(kind),
            _ => {}
        }
        if found.api_version.is_some() && found.kind.is_some() {
            break;
        }
    }
    found
}

/// Returns the groups and versions that the documents of a text name, each once.
pub fn api_versions(rope: &Rope) -> BTreeSet<String> {
    let lines = lines::from(rope, 0).take(MAX_LINES);
    let named = lines.filter(|line| line.starts_with('a')).map(|line| {
        let (key, version) = split_key(line.trim_end())?;
        let version = version.trim_matches(['"', '\'']);
        (key == "apiVersion" && !version.is_empty()).then(|| version.to_owned())
    });
    named.flatten().take(MAX_VERSIONS).collect()
}

/// Returns the schema of a document; none of a kind that nothing is known of.
pub(super) fn schema<'k>(kind: &DocumentKind, known: &'k Known) -> Option<Schema<'k>> {
    match (&kind.api_version, &kind.kind) {
        (None, None) => Some(schema::service_definition()),
        (Some(version), Some(kind)) => known.schemas().kind(version, kind),
        (Some(_), None) | (None, Some(_)) => None,
    }
}

/// Returns the key of the top that says what a document is, if a value belongs there.
pub(super) fn identity(place: &Place) -> Option<&'static str> {
    match place.path.0.as_slice() {
        [Step::Key(key)] if key == "apiVersion" => Some("apiVersion"),
        [Step::Key(key)] if key == "kind" => Some("kind"),
        _ => None,
    }
}

/// Returns the versions or the kinds that go with what the document says already.
pub(super) fn values(key: &str, of: &DocumentKind, known: &Known) -> Vec<Item> {
    let kinds = known.schemas().kinds();
    let says = |said: &Option<String>, name: &str| {
        said.as_deref()
            .is_none_or(|said| said.is_empty() || said == name)
    };
    let is_known = |said: &Option<String>| {
        let mut names = kinds.iter().flat_map(|it| [&it.kind, &it.api_version]);
        said.as_ref()
            .is_some_and(|said| names.any(|name| name == said))
    };
    let names: BTreeSet<&str> = match key {
        "kind" => {
            let version = of
                .api_version
                .clone()
                .filter(|it| is_known(&Some(it.clone())));
            let fit = kinds.iter().filter(|it| says(&version, &it.api_version));
            fit.map(|it| it.kind.as_str()).collect()
        }
        _ => {
            let kind = of.kind.clone().filter(|it| is_known(&Some(it.clone())));
            let fit = kinds.iter().filter(|it| says(&kind, &it.kind));
            fit.map(|it| it.api_version.as_str()).collect()
        }
    };
    let item = |name: &str| Item {
        label: name.to_owned(),
        insert: name.to_owned(),
        ..Item::default()
    };
    names.into_iter().map(item).collect()
}
