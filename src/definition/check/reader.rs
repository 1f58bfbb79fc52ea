//! Reading nodes as the types that a key wants, reporting what does not fit.
//!
//! A reader never fails: it reports and returns nothing, and whoever asked goes on. Aliases and merge keys are followed under
//! a budget, so that hostile text costs a bounded amount of time and memory.

mod maps;
mod places;
mod scalars;
mod words;

use std::borrow::Cow;
use std::collections::HashSet;

use super::fault::{Faults, Spot};
use super::substitute::Scope;
use crate::definition::diagnostic::{Fix, Severity, Span};
use crate::definition::yaml::{Kind, NodeId, Resolved, Style, Tree, resolve};

pub(crate) use words::shortened;

/// Most nodes that are read, each reading of an aliased node counted anew.
const MAX_VISITS: usize = 200_000;
/// Most bytes of text that are taken out of the tree, repeated and substituted text counted anew.
const MAX_TAKEN_BYTES: usize = 16 << 20;
/// Deepest chain of merge keys.
const MAX_MERGE_DEPTH: usize = 16;

/// The keys that a map may have: each group is one key, its own name first, then its aliases.
pub(crate) type Keys = &'static [&'static [&'static str]];

/// The number of a path in its [`Reader`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct PathId(usize);

#[derive(Debug, Clone)]
enum Segment<'t> {
    Top,
    Key(Cow<'t, str>),
    Index(usize),
}

/// A node as the value of something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    /// The node, aliases followed.
    node: NodeId,
    /// The node as it stands in the text: the alias itself.
    written: NodeId,
    /// The key whose value it is; none in a list.
    key: Option<NodeId>,
    path: PathId,
}

/// The values of a map by key.
pub(crate) struct Fields {
    keys: Keys,
    found: Vec<Option<Value>>,
    /// The map itself.
    pub(crate) at: Value,
}

impl Fields {
    /// Returns the value of a key, whichever of its aliases was written.
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        let group = self.keys.iter().position(|group| group[0] == name)?;
        self.found[group]
    }
}

/// A scalar, substitutions made.
#[derive(Debug)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) resolved: Resolved,
    pub(crate) style: Style,
    /// Whether something was substituted: then the type is that of what was put in.
    pub(crate) is_substituted: bool,
}

/// Reads one tree.
pub(crate) struct Reader<'t> {
    tree: &'t Tree<'t>,
    text: &'t str,
    pub(crate) faults: Faults,
    pub(crate) scope: Scope,
    /// Whether a part of the text is missing here, behind a syntax error: then nothing is said of what seems absent.
    pub(crate) is_partial: bool,
    /// Names that stood in `${…}`, known or not.
    pub(crate) referenced: Vec<&'t str>,
    /// Keys that a map most likely has under another name, which is reported: it does not lack them.
    misspelt: HashSet<(NodeId, &'static str)>,
    paths: Vec<(usize, Segment<'t>)>,
    n_visits: usize,
    n_taken_bytes: usize,
    is_exhausted: bool,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str, tree: &'t Tree<'t>, is_partial: bool) -> Self {
        Self {
            tree,
            text,
            faults: Faults::default(),
            scope: Scope::default(),
            is_partial,
            referenced: Vec::new(),
            misspelt: HashSet::new(),
            paths: vec![(0, Segment::Top)],
            n_visits: 0,
            n_taken_bytes: 0,
            is_exhausted: false,
        }
    }

    /// Returns the top node of a document as a value.
    pub(crate) fn top(&mut self, root: NodeId) -> Option<Value> {
        self.value(root, None, PathId(0))
    }

    /// Makes a value of a node: follows its alias, refuses its tag, counts it.
    fn value(&mut self, written: NodeId, key: Option<NodeId>, path: PathId) -> Option<Value> {
        let mut value = Value {
            node: written,
            written,
            key,
            path,
        };
        if self.is_exhausted {
            return None;
        }
        self.n_visits += 1;
        if self.n_visits > MAX_VISITS {
            self.exhaust(value);
            return None;
        }
        // A broken alias is still a value, so that nothing is said to be missing; what it should be is not asked again.
        let Some(node) = self.tree.resolve(written) else {
            let message =
                "no anchor of this name was set before; put the value in quotes if it is text";
            self.error(value, message.to_owned());
            return Some(value);
        };
        value.node = node;
        if let Some(tag) = self.tree.node(written).tag.clone() {
            self.refuse_tag(value, tag);
        }
        Some(value)
    }

    fn exhaust(&mut self, value: Value) {
        self.is_exhausted = true;
        self.error(
            value,
            "aliases and parameters make this text too large; write the values out, or use fewer"
                .to_owned(),
        );
    }

    fn refuse_tag(&mut self, value: Value, tag: Span) {
        let spot = Spot {
            span: tag.clone(),
            path: self.path(value.path),
        };
        let message =
            "tags such as `!!str` are not used here; put text in quotes instead".to_owned();
        let fix = Fix {
            title: "remove the tag?".to_owned(),
            bytes: tag.bytes,
            replacement: String::new(),
        };
        self.faults.add(Severity::Error, spot, message, Some(fix));
    }

    fn child_path(&mut self, parent: PathId, segment: Segment<'t>) -> PathId {
        self.paths.push((parent.0, segment));
        PathId(self.paths.len() - 1)
    }

    fn is_null_node(&self, node: NodeId) -> bool {
        match &self.tree.node(node).kind {
            Kind::Scalar { text, style } => {
                *style == Style::Plain && resolve(text) == Resolved::Null
            }
            _ => false,
        }
    }

    pub(crate) fn is_null(&self, value: Value) -> bool {
        self.is_null_node(value.node)
    }

    pub(crate) fn is_mapping(&self, value: Value) -> bool {
        matches!(self.tree.node(value.node).kind, Kind::Mapping(_))
    }

    pub(crate) fn is_scalar(&self, value: Value) -> bool {
        matches!(self.tree.node(value.node).kind, Kind::Scalar { .. })
    }

    pub(super) fn is_sequence(&self, value: Value) -> bool {
        matches!(self.tree.node(value.node).kind, Kind::Sequence(_))
    }

    /// Reads a list. An empty value of a key is an empty list.
    pub(crate) fn items(&mut self, value: Value, wanted: &str) -> Option<Vec<Value>> {
        let tree = self.tree;
        let Kind::Sequence(items) = &tree.node(value.node).kind else {
            if self.is_null(value) && value.key.is_some() {
                return Some(Vec::new());
            }
            self.wrong_type(value, wanted);
            return None;
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = self.child_path(value.path, Segment::Index(index));
            match self.value(*item, None, path) {
                Some(item) => values.push(item),
                None if self.is_exhausted => break,
                None => {}
            }
        }
        Some(values)
    }
}
