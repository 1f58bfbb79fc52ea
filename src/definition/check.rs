//! Checking: a definition's text to typed data and to every fault at once, each with its place.
//!
//! Bad input is data here, never a failure: any text at all gives an answer, within bounded time and memory. One walk over
//! the tree of the text reads everything and reports as it goes; nothing is looked up by path afterwards.

mod container;
mod cross;
mod env;
mod exposure;
pub(crate) mod fault;
pub(crate) mod grammar;
mod hint;
mod manifests;
mod metadata;
mod mount;
mod port;
mod probe;
mod quantity;
pub(crate) mod reader;
pub(crate) mod resources;
mod secret;
pub(crate) mod substitute;
pub(crate) mod suggest;
mod top;
mod volume;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::Definition;
use super::diagnostic::{Diagnostic, Position, Severity, Span};
use super::id::{InstanceId, Namespace};
use super::policy::Policy;
use super::yaml::{MAX_TEXT_BYTES, SyntaxFault, Tree, conflicts, repair};
use crate::schema::check::check_tree;
use crate::schema::{ClusterSchemas, built_in};
pub(super) use manifests::{cluster_scoped, other_namespace};
pub(crate) use quantity::{NANOS, duration as parse_duration, nanos, same_quantity};
pub(crate) use suggest::nearest;

use fault::{Faults, Spot};
use reader::{Fields, Reader, Value};

/// What a text is checked under. The default knows nothing, so that only what holds anywhere is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckContext {
    /// Short names for GPU resources, from the configuration.
    pub gpus: BTreeMap<String, String>,
    /// The ID under which the definition would be deployed; it decides the lengths of derived names.
    pub id: Option<InstanceId>,
    /// The namespace of the session, for `${namespace}`; a namespace in the definition wins.
    pub namespace: Option<Namespace>,
    /// Parameters that were set by hand (`--set`).
    pub parameters: BTreeMap<String, String>,
    /// What manifests may touch beside their own namespace.
    pub policy: Policy,
    /// What manifests are checked by.
    pub schemas: SchemaSource,
}

/// The schemas by which manifests are checked, beside those of the kinds that they bring themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SchemaSource {
    /// Those that are built in.
    #[default]
    BuiltIn,
    /// A cluster's own, and what is built in of what it did not tell.
    Cluster(ClusterSchemas),
    /// None: another check judges by them.
    None,
}

/// The outcome of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The definition, where there is no error (warnings are allowed).
    pub definition: Option<Definition>,
    /// All faults, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
    /// Groups and versions of manifests, whose schemas a cluster may tell; none for a service definition.
    pub api_versions: BTreeSet<String>,
}

impl Checked {
    /// Tells whether anything forbids deploying.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|d| d.severity == Severity::Error)
    }
}

/// What a text is read under: a context, and what rendering decides above it.
struct Scene<'a> {
    context: &'a CheckContext,
    /// The namespace whatever the definition says.
    namespace: Option<&'a Namespace>,
    /// The number of replicas whatever the definition says.
    replicas: Option<u32>,
}

/// Checks a definition.
pub fn check(text: &str, context: &CheckContext) -> Checked {
    check_scene(
        text,
        &Scene {
            context,
            namespace: None,
            replicas: None,
        },
    )
}

/// Checks a definition as it is rendered: in this namespace and with this number of replicas, whatever it says itself.
pub(super) fn check_for_render(
    text: &str,
    context: &CheckContext,
    namespace: &Namespace,
    replicas: Option<u32>,
) -> Checked {
    check_scene(
        text,
        &Scene {
            context,
            namespace: Some(namespace),
            replicas,
        },
    )
}

fn check_scene(text: &str, scene: &Scene<'_>) -> Checked {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!(
            "the text has {} bytes, at most {MAX_TEXT_BYTES} are allowed",
            text.len()
        );
        let mut faults = Faults::default();
        faults.add(Severity::Error, Spot::of_text(), message, None);
        return refused(faults);
    }
    if let Some(found) = conflicts(text) {
        // First, for it explains what there is of others, and of too many the last are left out.
        let mut faults = Faults::default();
        for fault in found.faults {
            faults.add_syntax(fault);
        }
        let (_, others) = read_whole(&found.text, true, scene);
        faults.absorb(others);
        return finish(text, None, faults);
    }
    let (definition, faults) = read_whole(text, false, scene);
    finish(text, definition, faults)
}

/// Reads a text, or what there is of it around its syntax errors.
fn read_whole(text: &str, is_partial: bool, scene: &Scene<'_>) -> (Option<Definition>, Faults) {
    let tree = Tree::parse(text);
    let Some(fault) = tree.fault.clone() else {
        return read(text, &tree, is_partial, scene);
    };
    if fault.is_limit {
        let mut faults = Faults::default();
        faults.add_syntax(fault);
        return (None, faults);
    }
    (None, behind_syntax_errors(text, &tree, fault, scene))
}

/// Reports syntax errors and, from the text mended around them, what else is wrong.
fn behind_syntax_errors(
    text: &str,
    tree: &Tree<'_>,
    fault: SyntaxFault,
    scene: &Scene<'_>,
) -> Faults {
    let Some(repaired) = repair(text, tree) else {
        let (_, mut faults) = read(text, tree, true, scene);
        faults.add_syntax(fault);
        return faults;
    };
    let mended = Tree::parse(&repaired.text);
    let (_, mut faults) = read(&repaired.text, &mended, true, scene);
    // What is said of a line that was changed is said of the change.
    faults.retain(|d| {
        !(d.span.start.line..=d.span.end.line).any(|line| repaired.lines.contains(&line))
    });
    for fault in repaired.faults {
        faults.add_syntax(fault);
    }
    faults
}

/// Reads the tree of a text; the definition is whole only if no error was reported.
fn read(
    text: &str,
    tree: &Tree<'_>,
    is_partial: bool,
    scene: &Scene<'_>,
) -> (Option<Definition>, Faults) {
    let mut reader = Reader::new(text, tree, is_partial);
    let Some(tops) = tops(&mut reader, tree) else {
        return (None, reader.faults);
    };
    let definition = if manifests::are_meant(&reader, &tops) {
        let set = manifests::read(&mut reader, &tops, scene);
        let brought = manifests::schemas_of(set.as_ref());
        let none = ClusterSchemas::default();
        let of_cluster = match &scene.context.schemas {
            SchemaSource::BuiltIn => Some(&none),
            SchemaSource::Cluster(schemas) => Some(schemas),
            SchemaSource::None => None,
        };
        if let Some(of_cluster) = of_cluster {
            let schemas = of_cluster.before(built_in(), brought.as_ref());
            let faults = check_tree(text, tree, is_partial, &schemas);
            reader.faults.absorb(faults);
        }
        set.map(Definition::Manifests)
    } else {
        let tops: Vec<Value> = tops.into_iter().map(|(_, top)| top).collect();
        top_fields(&mut reader, &tops).map(|fields| {
            let definition = top::definition(&mut reader, &fields, scene);
            top::unknown_set_parameters(&mut reader, &fields, scene);
            Definition::Service(Box::new(definition))
        })
    };
    (definition, reader.faults)
}

/// Returns the documents that hold anything, each with its number from 1.
fn tops(reader: &mut Reader<'_>, tree: &Tree<'_>) -> Option<Vec<(usize, Value)>> {
    let mut tops = Vec::new();
    for (document, root) in (1..).zip(&tree.roots) {
        let top = reader.top(*root)?;
        if !reader.is_null(top) {
            tops.push((document, top));
        }
    }
    Some(tops)
}

/// Finds the one document that is a service definition, and its keys.
fn top_fields(reader: &mut Reader<'_>, tops: &[Value]) -> Option<Fields> {
    let Some(top) = tops.first().copied() else {
        if !reader.is_partial {
            let message = "the definition is empty; it needs at least `containers`, such as `- {name: web, image: nginx}`";
            reader.error_at(&Spot::of_text(), message.to_owned());
        }
        return None;
    };
    if let Some(second) = tops.get(1) {
        let message = "a service definition is one document; remove the `---` before this one, or the document".to_owned();
        reader.error(*second, message);
    }
    if !reader.is_mapping(top) {
        if !reader.is_partial {
            let message = "a definition must be a map of keys, at least `containers`, such as `- {name: web, image: nginx}`";
            reader.error(top, message.to_owned());
        }
        return None;
    }
    let fields = reader.mapping(top, top::KEYS, "a map")?;
    if fields.get("containers").is_none() {
        reader.missing(
            top,
            "a service definition",
            "containers",
            "a list such as `- {name: web, image: nginx}`",
        );
    }
    Some(fields)
}

/// Adds what concerns the characters of the text, sorts, and gives the definition only if nothing forbids it.
fn finish(text: &str, definition: Option<Definition>, mut faults: Faults) -> Checked {
    refuse_control_characters(text, &mut faults);
    let mut checked = refused(faults);
    if let Some(Definition::Manifests(set)) = &definition {
        checked.api_versions = set.api_versions();
    }
    if !checked.has_errors() {
        checked.definition = definition.map(|definition| definition.with_source(text));
    }
    checked
}

fn refused(faults: Faults) -> Checked {
    Checked {
        definition: None,
        diagnostics: faults.into_sorted(),
        api_versions: BTreeSet::new(),
    }
}

/// YAML allows no control characters but tab and line breaks; the parser lets some pass.
fn refuse_control_characters(text: &str, faults: &mut Faults) {
    let is_illegal = |c: char| {
        (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    let Some((byte, c)) = text.char_indices().find(|(_, c)| is_illegal(*c)) else {
        return;
    };
    let before = &text[..byte];
    let start = Position {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
    };
    let spot = Spot {
        span: Span {
            start,
            end: Position {
                line: start.line,
                column: start.column + 1,
            },
            bytes: byte..byte + c.len_utf8(),
        },
        path: String::new(),
    };
    let message = format!(
        "the control character {} is not allowed in YAML; write it as an escape in double quotes",
        c.escape_unicode()
    );
    faults.add(Severity::Error, spot, message, None);
}
