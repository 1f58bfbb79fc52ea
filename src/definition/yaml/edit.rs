//! Editing a text at the place of a value: everything else stays as it was written, byte for byte.
//!
//! Comments, layout, quoting and the order of keys are the user's. A scalar is replaced in its own style, what is new is
//! written as its neighbours are, and what goes takes its own lines along. After each step the text is read again: an edit is
//! done only if exactly the wanted value has become of it. So what stands for several places (anchors, merge keys) or is
//! written in a way that is not known here is refused, never damaged.

mod steps;
mod words;
mod write;

use serde_json::{Map, Value};

use super::tree::{Kind, Tree};
use super::value::{ReadError, documents};
use super::{Resolved, resolve};
use write::Writer;

/// A step of a path: a key of a map, or the index of an item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathStep {
    /// A key.
    Key(String),
    /// An index.
    Index(usize),
}

/// A change of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where; what is missing on the way is made. An index one behind the last item appends one.
    pub path: Vec<PathStep>,
    /// What is to be there; none removes it.
    pub value: Option<Value>,
}

/// Why a text cannot be edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no such place.
    #[error("editing YAML: there is no {0}")]
    Nowhere(String),
    /// It cannot be changed there without something else.
    #[error(
        "editing YAML: {0} is written in a way that cannot be changed alone, such as by an anchor or a merge key"
    )]
    Entangled(String),
}

/// Makes changes, one after the other, in a document of a text; documents are counted without empty ones.
///
/// # Errors
/// The text cannot be read, or one of the changes cannot be made; then none is.
pub fn edit(text: &str, document: usize, edits: &[Edit]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for edit in edits {
        let values = documents(&text)?;
        let nowhere = || EditError::Nowhere(shown(&edit.path));
        let before = values.get(document).ok_or_else(nowhere)?;
        for step in steps::of(before, edit).ok_or_else(nowhere)? {
            text = made(&text, document, &step)?;
        }
    }
    Ok(text)
}

/// Writes a path as people do: `containers[0].image`.
pub fn shown(path: &[PathStep]) -> String {
    let mut out = String::new();
    for step in path {
        match step {
            PathStep::Index(idx) => out.push_str(&format!("[{idx}]")),
            PathStep::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
        }
    }
    out
}

/// A change that touches one place of the text.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    path: Vec<PathStep>,
    deed: Deed,
}

#[derive(Debug, Clone, PartialEq)]
enum Deed {
    /// Puts a value in the place of another.
    Replace(Value),
    /// Adds a key, or an item before the one of that index.
    Insert(Value),
    /// Takes a key with its value, or an item, away.
    Remove,
}

/// Makes a step and proves it; words that YAML takes for something else in one place or another get quotes then.
fn made(text: &str, document: usize, step: &Step) -> Result<String, EditError> {
    let mut wanted = documents(text)?;
    let entangled = || EditError::Entangled(shown(&step.path));
    let value = wanted.get_mut(document).ok_or_else(entangled)?;
    steps::carry_out(value, &step.path, &step.deed).ok_or_else(entangled)?;
    let tree = Tree::parse(text);
    let root = root(&tree, document).ok_or_else(entangled)?;
    for is_quoting in [false, true] {
        let writer = Writer::new(text, &tree, root, is_quoting);
        let Some((range, words)) = writer.step(step) else {
            continue;
        };
        let new = format!("{}{words}{}", &text[..range.start], &text[range.end..]);
        if documents(&new).is_ok_and(|values| values == wanted) {
            return Ok(new);
        }
    }
    Err(entangled())
}

/// Returns the top node of a document that is not empty.
fn root(tree: &Tree<'_>, document: usize) -> Option<super::tree::NodeId> {
    let is_empty = |id: &super::tree::NodeId| match &tree.node(*id).kind {
        Kind::Scalar { text, style } => {
            *style == super::tree::Style::Plain && resolve(text) == Resolved::Null
        }
        _ => false,
    };
    tree.roots
        .iter()
        .copied()
        .filter(|id| !is_empty(id))
        .nth(document)
}

/// Returns a map of one key, or a list of one item.
fn wrapped(step: &PathStep, value: Value) -> Value {
    match step {
        PathStep::Key(key) => Value::Object(Map::from_iter([(key.clone(), value)])),
        PathStep::Index(_) => Value::Array(vec![value]),
    }
}

#[cfg(test)]
mod tests;
