//! Checking whole texts: one value of a known schema, or objects that say themselves what they are.

use std::collections::BTreeSet;

use super::{nearest, shortened, walk_object};
use crate::definition::check::fault::{Faults, Spot};
use crate::definition::check::reader::{Reader, Value};
use crate::definition::check::substitute::Scope;
use crate::definition::diagnostic::{Diagnostic, Severity};
use crate::definition::lists::{ItemKind, MAX_LISTS, is_list};
use crate::definition::yaml::{MAX_TEXT_BYTES, NodeId, Tree, repair};
use crate::schema::document::{KindName, Schemas};

/// Checks the documents of a text against one schema. The text is taken as it stands: dollars mean nothing.
#[cfg(test)]
pub(super) fn check(text: &str, schema: crate::schema::Schema<'_>) -> Vec<Diagnostic> {
    check_text(text, &mut |reader, root| {
        if let Some(top) = reader.top(root)
            && !reader.is_null(top)
        {
            super::walk(reader, top, schema);
        }
    })
}

/// Checks the objects of a text, lists of them unfolded, each against the schema of its kind.
pub fn check_documents(text: &str, schemas: &Schemas<'_>) -> Vec<Diagnostic> {
    check_text(text, &mut |reader, root| {
        if let Some(top) = reader.top(root)
            && !reader.is_null(top)
        {
            object(reader, top, schemas, None, 0);
        }
    })
}

/// Checks the objects of a tree that was read, each against the schema of its kind.
pub(crate) fn check_tree(
    text: &str,
    tree: &Tree<'_>,
    is_partial: bool,
    schemas: &Schemas<'_>,
) -> Faults {
    read(text, tree, is_partial, &mut |reader, root| {
        if let Some(top) = reader.top(root)
            && !reader.is_null(top)
        {
            object(reader, top, schemas, None, 0);
        }
    })
}

/// Reads the trees of a text, of one that is half typed too.
fn check_text(text: &str, on_document: &mut dyn FnMut(&mut Reader<'_>, NodeId)) -> Vec<Diagnostic> {
    if text.len() > MAX_TEXT_BYTES {
        let mut faults = Faults::default();
        let message = format!(
            "the text has {} bytes, at most {MAX_TEXT_BYTES} are allowed",
            text.len()
        );
        faults.add(Severity::Error, Spot::of_text(), message, None);
        return faults.into_sorted();
    }
    let tree = Tree::parse(text);
    let Some(fault) = tree.fault.clone() else {
        return read(text, &tree, false, on_document).into_sorted();
    };
    let Some(repaired) = repair(text, &tree) else {
        let mut faults = match fault.is_limit {
            true => Faults::default(),
            false => read(text, &tree, true, on_document),
        };
        faults.add_syntax(fault);
        return faults.into_sorted();
    };
    let mended = Tree::parse(&repaired.text);
    let mut faults = read(&repaired.text, &mended, true, on_document);
    // What is said of a line that was changed is said of the change.
    faults.retain(|d| {
        !(d.span.start.line..=d.span.end.line).any(|line| repaired.lines.contains(&line))
    });
    for fault in repaired.faults {
        faults.add_syntax(fault);
    }
    faults.into_sorted()
}

fn read(
    text: &str,
    tree: &Tree<'_>,
    is_partial: bool,
    on_document: &mut dyn FnMut(&mut Reader<'_>, NodeId),
) -> Faults {
    let mut reader = Reader::new(text, tree, is_partial);
    reader.scope = Scope {
        is_verbatim: true,
        ..Scope::default()
    };
    for root in &tree.roots {
        on_document(&mut reader, *root);
    }
    reader.faults
}

/// Checks an object that says itself what it is.
fn object(
    reader: &mut Reader<'_>,
    value: Value,
    schemas: &Schemas<'_>,
    list: Option<&ItemKind>,
    depth: usize,
) {
    if !reader.is_mapping(value) {
        reader.wrong_type(value, "an object with `apiVersion` and `kind`");
        return;
    }
    // With those that a merge key brings in.
    let Some(pairs) = reader.quiet_pairs(value) else {
        return;
    };
    let find = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| *value)
    };
    let says_nothing = find("apiVersion").is_none() && find("kind").is_none();
    let (api_version, kind) = match list.filter(|_| says_nothing) {
        Some(of) => (Some(of.api_version.clone()), Some(of.kind.clone())),
        None => {
            let mut word = |key: &str, allowed: &str| match find(key) {
                Some(at) => reader.text(at, allowed),
                None => {
                    reader.missing(value, "an object", key, allowed);
                    None
                }
            };
            (
                word("apiVersion", "such as `apps/v1`"),
                word("kind", "such as `Deployment`"),
            )
        }
    };
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        return;
    };
    if is_list(&kind)
        && let Some(items) = find("items")
        && depth < MAX_LISTS
    {
        let of = ItemKind::of(Some(&api_version), &kind);
        let items = reader.items(items, "a list of objects");
        for item in items.unwrap_or_default() {
            object(reader, item, schemas, of.as_ref(), depth + 1);
        }
        return;
    }
    match schemas.kind(&api_version, &kind) {
        Some(schema) => walk_object(reader, value, schema),
        None => unknown_kind(reader, value, &api_version, &kind, schemas),
    }
}

/// A kind without a schema may be a custom one: it is not checked, and that is said.
fn unknown_kind(
    reader: &mut Reader<'_>,
    value: Value,
    api_version: &str,
    kind: &str,
    schemas: &Schemas<'_>,
) {
    let known = schemas.kinds();
    let versions: Vec<&str> = known
        .iter()
        .filter(|known| known.kind == kind)
        .map(|known| known.api_version.as_str())
        .collect();
    let group = |api_version: &str| {
        api_version
            .split_once('/')
            .map(|(group, _)| group.to_owned())
    };
    let is_known_group = known
        .iter()
        .any(|known| group(&known.api_version) == group(api_version));
    if !versions.is_empty() && is_known_group {
        let at = reader.child(value, "apiVersion").unwrap_or(value);
        let message = format!(
            "{} has no kind {}; did you mean `{}`?",
            shortened(api_version),
            shortened(kind),
            versions.join("` or `")
        );
        match versions.as_slice() {
            // A cluster may serve versions that are not known here: it has the last word.
            [only] => reader.report_with(Severity::Warning, at, message, (*only).to_owned()),
            _ => reader.warn(at, message),
        }
        return;
    }
    let at = reader.child(value, "kind").unwrap_or(value);
    match near_kind(kind, api_version, &known) {
        Some(near) => {
            let message = format!(
                "{} has no kind {}; did you mean `{near}`?",
                shortened(api_version),
                shortened(kind)
            );
            reader.report_with(Severity::Warning, at, message, near.to_owned());
        }
        None => {
            let message = format!(
                "no schema of {} in {} is known here, so this object is not checked",
                shortened(kind),
                shortened(api_version)
            );
            reader.warn(at, message);
        }
    }
}

fn near_kind<'k>(kind: &str, api_version: &str, known: &BTreeSet<&'k KindName>) -> Option<&'k str> {
    let of_version = known
        .iter()
        .filter(|known| known.api_version == api_version);
    nearest(kind, of_version.map(|known| known.kind.as_str()))
}
