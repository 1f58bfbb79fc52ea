//! Which schema a document has: that of the service definition, or that of its kind.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ropey::Rope;

use super::flow::Quotes;
use super::place::{Place, is_mark, split_key};
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
    let mut lines = lines::from(rope, first).take(MAX_LINES);
    while let Some(text) = lines.next() {
        if text.starts_with('{') {
            // What is behind the brackets is of no document.
            found.read_brackets(text, lines.take_while(|line| !is_mark(line)));
            break;
        }
        // Only keys of the top say it.
        if !text.starts_with(['a', 'k', '-', '.']) {
            continue;
        }
        if is_mark(&text) {
            break;
        }
        found.read_entry(&text);
        if found.is_whole() {
            break;
        }
    }
    found
}

impl DocumentKind {
    fn is_whole(&self) -> bool {
        self.api_version.is_some() && self.kind.is_some()
    }

    /// Reads `key: value`.
    fn read_entry(&mut self, text: &str) {
        let value = |value: &str| Some(value.trim().trim_matches(['"', '\'']).to_owned());
        match split_key(text.trim()) {
            Some(("apiVersion", version)) => self.api_version = value(version),
            Some(("kind", kind)) => self.kind = value(kind),
            _ => {}
        }
    }

    /// Reads the entries of the brackets that a whole document stands in, which begin with the first line.
    fn read_brackets<'l>(
        &mut self,
        first: Cow<'l, str>,
        below: impl Iterator<Item = Cow<'l, str>>,
    ) {
        let (mut depth, mut quotes, mut entry) = (0usize, Quotes::default(), String::new());
        for line in std::iter::once(first).chain(below) {
            for c in line.chars().chain(['\n']) {
                let may_begin = || matches!(entry.trim_end().chars().last(), None | Some(':'));
                if quotes.take(c, may_begin) {
                    // A text further inside says nothing.
                    entry.extend((depth == 1).then_some(c));
                    continue;
                }
                match c {
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                match (c, depth) {
                    ('{', 1) => {}
                    (',', 1) | ('}', 0) => {
                        self.read_entry(&entry);
                        entry.clear();
                    }
                    (_, 1) => entry.push(c),
                    _ => {}
                }
                if depth == 0 || self.is_whole() {
                    return;
                }
            }
        }
        self.read_entry(&entry);
    }
}

/// Returns the groups and versions that the documents of a text name, each once.
pub fn api_versions(rope: &Rope) -> BTreeSet<String> {
    let lines = lines::from(rope, 0).take(MAX_LINES);
    let named = lines.enumerate().map(|(at, line)| {
        let mut found = DocumentKind::default();
        match line.chars().next() {
            Some('a') => found.read_entry(&line),
            Some('{') => found = of_document(rope, at),
            _ => {}
        }
        found.api_version.filter(|version| !version.is_empty())
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
