//! Reading nodes as the types that a key wants, reporting what does not fit.
//!
//! A reader never fails: it reports and returns nothing, and whoever asked goes on. Aliases and merge keys are followed under
//! a budget, so that hostile text costs a bounded amount of time and memory.

use std::borrow::Cow;
use std::collections::HashMap;

use super::fault::{Faults, Spot};
use super::grammar::Rule;
use super::substitute::{Scope, substitute};
use super::suggest::nearest;
use crate::definition::diagnostic::{Fix, Position, Severity, Span};
use crate::definition::yaml::{
    Kind, NodeId, Resolved, Style, Tree, is_plain_safe, quoted, resolve,
};

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

    // Places.

    /// Returns where a fault of this value is shown, and its path.
    pub(crate) fn spot(&self, value: Value) -> Spot {
        Spot {
            span: self.span(value),
            path: self.path(value.path),
        }
    }

    /// Returns the place of the key, for faults of the whole entry.
    pub(crate) fn key_spot(&self, value: Value) -> Spot {
        let span = match value.key {
            Some(key) => self.tree.node(key).span.clone(),
            None => self.span(value),
        };
        Spot {
            span,
            path: self.path(value.path),
        }
    }

    fn span(&self, value: Value) -> Span {
        let node = self.tree.node(value.written);
        match (&node.kind, value.key) {
            // What is empty has no extent: show the key.
            (Kind::Scalar { .. }, Some(key)) if node.span.bytes.is_empty() => {
                self.tree.node(key).span.clone()
            }
            // A whole list or map would underline a page: show its first line.
            (Kind::Sequence(_) | Kind::Mapping(_), _) => node.span.first_line(self.text),
            _ => node.span.clone(),
        }
    }

    /// Writes a path as people do: `containers[0].ports[1].name`.
    fn path(&self, id: PathId) -> String {
        let mut segments = Vec::new();
        let mut at = id.0;
        while at != 0 {
            let (parent, segment) = &self.paths[at];
            segments.push(segment);
            at = *parent;
        }
        let mut path = String::new();
        for segment in segments.into_iter().rev() {
            match segment {
                Segment::Top => {}
                Segment::Index(index) => path.push_str(&format!("[{index}]")),
                Segment::Key(key)
                    if key
                        .chars()
                        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) =>
                {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Segment::Key(key) => path.push_str(&format!("[{key:?}]")),
            }
        }
        path
    }

    /// Returns how a sentence names a value: its last key, and its index in a list.
    pub(crate) fn name(&self, value: Value) -> String {
        let (parent, segment) = &self.paths[value.path.0];
        match segment {
            Segment::Top => "the definition".to_owned(),
            Segment::Key(key) => shortened(key),
            Segment::Index(index) => match &self.paths[*parent].1 {
                Segment::Key(key) => format!("{}[{index}]", shortened(key)),
                Segment::Top | Segment::Index(_) => format!("[{index}]"),
            },
        }
    }

    // Reporting.

    pub(crate) fn error(&mut self, value: Value, message: String) {
        let spot = self.spot(value);
        self.faults.add(Severity::Error, spot, message, None);
    }

    pub(crate) fn warn(&mut self, value: Value, message: String) {
        let spot = self.spot(value);
        self.faults.add(Severity::Warning, spot, message, None);
    }

    pub(crate) fn error_at(&mut self, spot: &Spot, message: String) {
        self.faults
            .add(Severity::Error, spot.clone(), message, None);
    }

    /// Reports a value with a text that would be right in its place.
    pub(crate) fn report_with(
        &mut self,
        severity: Severity,
        value: Value,
        message: String,
        replacement: String,
    ) {
        let node = self.tree.node(value.written);
        let fix = Fix {
            title: format!("did you mean `{replacement}`?"),
            bytes: node.span.bytes.clone(),
            replacement,
        };
        let spot = self.spot(value);
        self.faults.add(severity, spot, message, Some(fix));
    }

    /// Reports that a map lacks a key.
    pub(crate) fn missing(&mut self, map: Value, what: &str, key: &str, allowed: &str) {
        if !self.is_partial && !self.is_exhausted {
            self.error(map, format!("{what} needs `{key}`: {allowed}"));
        }
    }

    pub(crate) fn wrong_type(&mut self, value: Value, wanted: &str) {
        if matches!(self.tree.node(value.node).kind, Kind::Alias(_)) {
            return;
        }
        let message = if self.is_null(value) {
            format!("`{}` has no value; it must be {wanted}", self.name(value))
        } else {
            format!(
                "`{}` must be {wanted}, not {}",
                self.name(value),
                self.noun(value)
            )
        };
        self.error(value, message);
    }

    fn noun(&self, value: Value) -> &'static str {
        match &self.tree.node(value.node).kind {
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a map",
            Kind::Alias(_) => "an alias",
            Kind::Scalar { text, style } => match style {
                Style::Plain => resolve(text).noun(),
                Style::Quoted | Style::Block => "text",
            },
        }
    }

    // Following nodes.

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

    // Maps.

    /// Reads a map with known keys; unknown and repeated keys are reported. An empty value of a key is an empty map.
    pub(crate) fn mapping(&mut self, value: Value, keys: Keys, wanted: &str) -> Option<Fields> {
        let mut fields = Fields {
            keys,
            found: vec![None; keys.len()],
            at: value,
        };
        if self.is_null(value) && value.key.is_some() {
            return Some(fields);
        }
        if !self.is_mapping(value) {
            self.wrong_type(value, wanted);
            return None;
        }
        for (key, node) in self.entries(value) {
            let Some(name) = self.key_text(key) else {
                continue;
            };
            let path = self.child_path(value.path, Segment::Key(name.clone()));
            let Some(child) = self.value(node, Some(key), path) else {
                continue;
            };
            let Some(group) = keys.iter().position(|group| group.contains(&name.as_ref())) else {
                self.unknown_key(child, &name, keys);
                continue;
            };
            match fields.found[group] {
                Some(first) => self.repeated_key(child, first, &name),
                None => fields.found[group] = Some(child),
            }
        }
        Some(fields)
    }

    /// Tells whether a map has a key, known here or not.
    pub(crate) fn has_key(&self, map: Value, name: &str) -> bool {
        self.key_names(map).any(|key| key == name)
    }

    /// Tells whether a map has a key that was most likely meant to be `name`.
    pub(crate) fn misspells(&self, map: Value, name: &str) -> bool {
        self.key_names(map)
            .any(|key| nearest(key, [name]).is_some())
    }

    /// Tells whether a map has a key that is none of those known and that was most likely meant to be `name`.
    pub(crate) fn misspells_unknown(
        &self,
        map: Value,
        name: &str,
        is_known: impl Fn(&str) -> bool,
    ) -> bool {
        self.key_names(map)
            .any(|key| !is_known(key) && nearest(key, [name]).is_some())
    }

    /// Returns the value of a key without reporting anything of the map.
    pub(crate) fn child(&mut self, map: Value, name: &str) -> Option<Value> {
        let (key, node) = self.entry(map, name)?;
        let path = self.child_path(map.path, Segment::Key(Cow::Owned(name.to_owned())));
        self.value(node, Some(key), path)
    }

    /// Returns the text of a scalar as it is written, without reporting anything.
    pub(crate) fn written_text(&self, value: Value) -> Option<&'t str> {
        self.raw_text(value.node)
    }

    /// Returns the text and the type of the scalar that a key of a map has.
    pub(crate) fn scalar_of(&self, map: Value, name: &str) -> Option<(&'t str, Resolved)> {
        let (_, node) = self.entry(map, name)?;
        let tree = self.tree;
        match tree.resolve(node).map(|target| &tree.node(target).kind) {
            Some(Kind::Scalar { text, style }) => {
                let resolved = match style {
                    Style::Plain => resolve(text),
                    Style::Quoted | Style::Block => Resolved::Text,
                };
                Some((text.as_ref(), resolved))
            }
            _ => None,
        }
    }

    fn entry(&self, map: Value, name: &str) -> Option<(NodeId, NodeId)> {
        let Kind::Mapping(entries) = &self.tree.node(map.node).kind else {
            return None;
        };
        let mut entries = entries.iter();
        let found = entries.find(|(key, _)| self.raw_text(*key) == Some(name));
        found.copied()
    }

    /// Returns the keys of a map as they were written.
    pub(crate) fn key_names(&self, map: Value) -> impl Iterator<Item = &'t str> {
        let tree = self.tree;
        let entries = match &tree.node(map.node).kind {
            Kind::Mapping(entries) => entries.as_slice(),
            _ => &[],
        };
        entries
            .iter()
            .filter_map(|(key, _)| match &tree.node(*key).kind {
                Kind::Scalar { text, .. } => Some(text.as_ref()),
                _ => None,
            })
    }

    /// Returns how many entries a list or map has as it was written.
    pub(crate) fn count_entries(&self, value: Value) -> usize {
        match &self.tree.node(value.node).kind {
            Kind::Sequence(items) => items.len(),
            Kind::Mapping(entries) => entries.len(),
            Kind::Scalar { .. } | Kind::Alias(_) => 0,
        }
    }

    /// Reads a map whose keys are the user's own, in the order written.
    pub(crate) fn pairs(&mut self, value: Value, wanted: &str) -> Option<Vec<(String, Value)>> {
        if self.is_null(value) && value.key.is_some() {
            return Some(Vec::new());
        }
        if !self.is_mapping(value) {
            self.wrong_type(value, wanted);
            return None;
        }
        let mut first_of: HashMap<Cow<'t, str>, Value> = HashMap::new();
        let mut pairs = Vec::new();
        for (key, node) in self.entries(value) {
            let Some(name) = self.key_text(key) else {
                continue;
            };
            let path = self.child_path(value.path, Segment::Key(name.clone()));
            let Some(child) = self.value(node, Some(key), path) else {
                continue;
            };
            self.warn_of_guessed_key(child, key, &name);
            if let Some(first) = first_of.get(&name).copied() {
                self.repeated_key(child, first, &name);
                continue;
            }
            if !self.take_bytes(name.len(), child) {
                break;
            }
            first_of.insert(name.clone(), child);
            pairs.push((name.into_owned(), child));
        }
        Some(pairs)
    }

    /// Reads keys and values of a map that is read a second time: what is wrong with its keys is said elsewhere.
    pub(super) fn quiet_pairs(&mut self, value: Value) -> Option<Vec<(String, Value)>> {
        if !self.is_mapping(value) {
            self.wrong_type(value, "a map");
            return None;
        }
        let entries = self.entries(value);
        self.n_visits = self.n_visits.saturating_add(entries.len());
        if self.n_visits > MAX_VISITS && !self.is_exhausted {
            self.exhaust(value);
        }
        if self.is_exhausted {
            return None;
        }
        let pairs = entries.into_iter().filter_map(|(key, node)| {
            let name = self.raw_text(key)?;
            let path = self.child_path(value.path, Segment::Key(Cow::Borrowed(name)));
            let child = Value {
                node: self.tree.resolve(node)?,
                written: node,
                key: Some(key),
                path,
            };
            Some((name.to_owned(), child))
        });
        Some(pairs.collect())
    }

    /// Reports a key that was most likely meant to be `wanted`.
    pub(super) fn misspelt_key(&mut self, child: Value, name: &str, wanted: &str) {
        let spot = self.key_spot(child);
        let fix = Fix {
            title: format!("did you mean `{wanted}`?"),
            bytes: spot.span.bytes.clone(),
            replacement: wanted.to_owned(),
        };
        let message = format!(
            "`{}` is not a key here; did you mean `{wanted}`?",
            shortened(name)
        );
        self.faults.add(Severity::Error, spot, message, Some(fix));
    }

    /// Returns keys and values of a map; those of merge keys (`<<`) follow where the map has not got them itself.
    fn entries(&mut self, map: Value) -> Vec<(NodeId, NodeId)> {
        let Kind::Mapping(entries) = &self.tree.node(map.node).kind else {
            return Vec::new();
        };
        if !entries.iter().any(|(key, _)| self.is_merge_key(*key)) {
            return entries.clone();
        }
        let mut own: Vec<(NodeId, NodeId)> = Vec::new();
        let mut merged: Vec<(NodeId, NodeId)> = Vec::new();
        for (key, node) in entries {
            if self.is_merge_key(*key) {
                self.merge(*node, map, &mut merged, 0);
            } else {
                own.push((*key, *node));
            }
        }
        let mut names: std::collections::HashSet<_> = own
            .iter()
            .filter_map(|(key, _)| self.raw_text(*key))
            .collect();
        for (key, node) in merged {
            if self.raw_text(key).is_some_and(|name| names.insert(name)) {
                own.push((key, node));
            }
        }
        own
    }

    fn is_merge_key(&self, key: NodeId) -> bool {
        matches!(&self.tree.node(key).kind, Kind::Scalar { text, style: Style::Plain } if text == "<<")
    }

    /// Collects what a merge key brings in: a map, or a list of maps of which earlier ones win.
    fn merge(&mut self, node: NodeId, map: Value, into: &mut Vec<(NodeId, NodeId)>, depth: usize) {
        if self.is_exhausted {
            return;
        }
        self.n_visits += 1;
        if self.n_visits > MAX_VISITS || depth > MAX_MERGE_DEPTH {
            self.exhaust(map);
            return;
        }
        let tree = self.tree;
        match tree.resolve(node).map(|target| &tree.node(target).kind) {
            Some(Kind::Mapping(entries)) => {
                self.n_visits += entries.len();
                for (key, value) in entries {
                    if self.is_merge_key(*key) {
                        self.merge(*value, map, into, depth + 1);
                    } else {
                        into.push((*key, *value));
                    }
                }
            }
            Some(Kind::Sequence(items)) => {
                for item in items {
                    self.merge(*item, map, into, depth + 1);
                }
            }
            _ => self.error(
                map,
                "`<<` must refer to a map, as in `<<: *name`".to_owned(),
            ),
        }
    }

    fn raw_text(&self, node: NodeId) -> Option<&'t str> {
        let tree = self.tree;
        match tree.resolve(node).map(|target| &tree.node(target).kind) {
            Some(Kind::Scalar { text, .. }) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// Returns the text of a key; keys that are lists or maps are reported.
    pub(crate) fn key_text(&mut self, key: NodeId) -> Option<Cow<'t, str>> {
        if let Some(text) = self.raw_text(key) {
            return Some(Cow::Borrowed(text));
        }
        let spot = Spot {
            span: self.tree.node(key).span.first_line(self.text),
            path: String::new(),
        };
        self.error_at(
            &spot,
            "a key must be text, not a list or a map; put values in braces in quotes".to_owned(),
        );
        None
    }

    fn unknown_key(&mut self, child: Value, name: &str, keys: Keys) {
        if self.faults.is_full() {
            self.faults.drop_one(Severity::Error);
            return;
        }
        let all = keys.iter().flat_map(|group| group.iter().copied());
        let near = nearest(name, all);
        let allowed: Vec<_> = keys.iter().map(|group| group[0]).collect();
        let shown = shortened(name);
        let mut message = match near {
            Some(near) => format!("`{shown}` is not a key here; did you mean `{near}`?"),
            None => format!(
                "`{shown}` is not a key here; allowed are {}",
                allowed.join(", ")
            ),
        };
        if let Some(hint) = super::hint::instead_of(name).filter(|_| near.is_none()) {
            message = format!("`{shown}` is not a key here; {hint}");
        }
        let spot = self.key_spot(child);
        let fix = near.map(|near| Fix {
            title: format!("did you mean `{near}`?"),
            bytes: spot.span.bytes.clone(),
            replacement: near.to_owned(),
        });
        self.faults.add(Severity::Error, spot, message, fix);
    }

    fn repeated_key(&mut self, child: Value, first: Value, name: &str) {
        let line = self.key_spot(first).span.start.line;
        let spot = self.key_spot(child);
        let message = format!(
            "`{}` was given already on line {line}; a key may stand only once",
            shortened(name)
        );
        self.faults.add(Severity::Error, spot, message, None);
    }

    /// A key of the user's own that YAML takes for a boolean or a strange number. Here it stays as it was written, but other
    /// tools that read the same text make another key of it.
    fn warn_of_guessed_key(&mut self, child: Value, key: NodeId, name: &str) {
        let Kind::Scalar {
            style: Style::Plain,
            ..
        } = &self.tree.node(key).kind
        else {
            return;
        };
        let is_changed = match resolve(name) {
            Resolved::Text => false,
            Resolved::Int(number) => number.to_string() != name,
            Resolved::Null | Resolved::Bool(_) | Resolved::Float(_) => true,
        };
        if !is_changed {
            return;
        }
        let spot = self.key_spot(child);
        let message = format!(
            "other tools read the key `{}` as {}; put it in quotes",
            shortened(name),
            reading(name)
        );
        let fix = Fix {
            title: "put it in quotes?".to_owned(),
            bytes: spot.span.bytes.clone(),
            replacement: quoted(name),
        };
        self.faults.add(Severity::Warning, spot, message, Some(fix));
    }

    // Lists.

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

    // Scalars.

    /// Counts text that is taken out of the tree.
    fn take_bytes(&mut self, n_bytes: usize, value: Value) -> bool {
        self.n_taken_bytes = self.n_taken_bytes.saturating_add(n_bytes);
        if self.n_taken_bytes > MAX_TAKEN_BYTES && !self.is_exhausted {
            self.exhaust(value);
        }
        !self.is_exhausted
    }

    /// Reads a scalar of any type as it stands, nothing substituted.
    pub(super) fn plain_scalar(&mut self, value: Value) -> Option<(String, Resolved)> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            return None;
        };
        if self.is_exhausted || !self.take_bytes(text.len(), value) {
            return None;
        }
        let resolved = match style {
            Style::Plain => {
                self.warn_of_continuation(value);
                resolve(text)
            }
            Style::Quoted | Style::Block => Resolved::Text,
        };
        Some((text.to_string(), resolved))
    }

    /// Reads text as it stands, nothing substituted. What YAML takes for something else is reported.
    pub(super) fn plain_text(&mut self, value: Value, wanted: &str) -> Option<String> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            self.wrong_type(value, wanted);
            return None;
        };
        let resolved = match style {
            Style::Plain => resolve(text),
            Style::Quoted | Style::Block => Resolved::Text,
        };
        match resolved {
            Resolved::Text => return Some(text.to_string()),
            Resolved::Null => self.wrong_type(value, wanted),
            _ => {
                let message = self.not_text(value, text);
                self.report_with(Severity::Error, value, message, quoted(text));
            }
        }
        None
    }

    fn not_text(&self, value: Value, text: &str) -> String {
        format!(
            "`{}` must be text, but YAML reads `{}` as {}; put it in quotes",
            self.name(value),
            shortened(text),
            reading(text)
        )
    }

    /// Reads a scalar of any type, substitutions made.
    pub(crate) fn scalar(&mut self, value: Value, wanted: &str) -> Option<Scalar> {
        let tree = self.tree;
        let Kind::Scalar { text, style } = &tree.node(value.node).kind else {
            self.wrong_type(value, wanted);
            return None;
        };
        if self.is_exhausted {
            return None;
        }
        if *style == Style::Plain {
            self.warn_of_continuation(value);
        }
        let room = MAX_TAKEN_BYTES.saturating_sub(self.n_taken_bytes);
        let mut names: Vec<(&'t str, bool)> = Vec::new();
        let substituted = substitute(text, &self.scope, room, |name, is_known| {
            names.push((name, is_known))
        });
        let n_bytes = substituted.as_ref().map_or(usize::MAX, |text| text.len());
        if !self.take_bytes(n_bytes, value) {
            return None;
        }
        for (name, is_known) in names {
            if !is_known {
                self.warn_of_unknown_parameter(value, name);
            }
            self.referenced.push(name);
        }
        let substituted = substituted?;
        let is_substituted = substituted != *text;
        // What was put in counts as it stands: `port: "${port}"` is a number if the parameter is one.
        let resolved = if *style == Style::Plain || is_substituted {
            resolve(&substituted)
        } else {
            Resolved::Text
        };
        Some(Scalar {
            text: substituted.into_owned(),
            resolved,
            style: *style,
            is_substituted,
        })
    }

    /// A half-typed key that is indented deeper than the value above it is silently a part of that value.
    fn warn_of_continuation(&mut self, value: Value) {
        let span = &self.tree.node(value.node).span;
        if span.start.line != span.end.line && value.node == value.written {
            self.warn(
                value,
                format!(
                    "this text goes on over {} lines without quotes; quote it or use `|` if that is meant, else check the \
                     indentation of the next line",
                    span.end.line - span.start.line + 1
                ),
            );
        }
    }

    fn warn_of_unknown_parameter(&mut self, value: Value, name: &str) {
        if self.faults.is_full() {
            self.faults.drop_one(Severity::Warning);
            return;
        }
        let parameters = self.scope.parameters.keys().map(String::as_str);
        let known = super::substitute::RESERVED.into_iter().chain(parameters);
        let near = nearest(name, known).map(str::to_owned);
        let message = match &near {
            Some(near) => format!(
                "no parameter is named `{name}`, so `${{{name}}}` stays as it is; did you mean `${{{near}}}`?"
            ),
            None => format!(
                "no parameter is named `{name}`, so `${{{name}}}` stays as it is; define it under `parameters`"
            ),
        };
        let spot = self.spot_within(value, &format!("${{{name}}}"));
        let fix = near.map(|near| Fix {
            title: format!("did you mean `${{{near}}}`?"),
            bytes: spot.span.bytes.clone(),
            replacement: format!("${{{near}}}"),
        });
        self.faults.add(Severity::Warning, spot, message, fix);
    }

    /// Returns the place of a part of a value, or of the whole if it is not to be found there.
    fn spot_within(&self, value: Value, part: &str) -> Spot {
        let mut spot = self.spot(value);
        let start = spot.span.bytes.start;
        let source = &self.text[spot.span.bytes.clone()];
        if let Some(offset) = source.find(part) {
            let before = &source[..offset];
            let (line, column) = match before.rfind('\n') {
                Some(newline) => (
                    spot.span.start.line + before.matches('\n').count(),
                    before[newline + 1..].chars().count() + 1,
                ),
                None => (
                    spot.span.start.line,
                    spot.span.start.column + before.chars().count(),
                ),
            };
            spot.span = Span {
                start: Position { line, column },
                end: Position {
                    line,
                    column: column + part.chars().count(),
                },
                bytes: start + offset..start + offset + part.len(),
            };
        }
        spot
    }

    /// Reads text. What YAML takes for something else is reported, with quotes as the fix.
    pub(crate) fn text(&mut self, value: Value, wanted: &str) -> Option<String> {
        let scalar = self.scalar(value, wanted)?;
        if scalar.resolved == Resolved::Text || scalar.is_substituted {
            return Some(scalar.text);
        }
        if scalar.resolved == Resolved::Null {
            self.wrong_type(value, wanted);
            return None;
        }
        let message = self.not_text(value, &scalar.text);
        self.report_with(Severity::Error, value, message, quoted(&scalar.text));
        None
    }

    /// Reads text that a rule holds for.
    pub(crate) fn ruled(&mut self, value: Value, rule: &Rule) -> Option<String> {
        let text = self.text(value, rule.allowed)?;
        if (rule.holds)(&text) {
            return Some(text);
        }
        let message = self.refusal(value, &text, rule.allowed);
        self.error(value, message);
        None
    }

    /// Returns the sentence that refuses a text.
    pub(crate) fn refusal(&self, value: Value, text: &str, allowed: &str) -> String {
        format!(
            "`{}` cannot be `{}`; allowed is {allowed}",
            self.name(value),
            shortened(text)
        )
    }

    /// Reads one of a few words.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        value: Value,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let allowed: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let allowed = allowed.join(", ");
        let text = self.text(value, &format!("one of {allowed}"))?;
        if let Some((_, chosen)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*chosen);
        }
        let message = format!(
            "`{}` cannot be `{}`; allowed are {allowed}",
            self.name(value),
            shortened(&text)
        );
        match nearest(&text, words.iter().map(|(word, _)| *word)) {
            Some(near) => self.report_with(Severity::Error, value, message, near.to_owned()),
            None => self.error(value, message),
        }
        None
    }

    /// Reads a whole number within a range.
    pub(crate) fn integer(&mut self, value: Value, min: i64, max: i64) -> Option<i64> {
        let wanted = format!("a whole number from {min} to {max}");
        let scalar = self.scalar(value, &wanted)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only whole floats of small size are converted"
        )]
        let number = match scalar.resolved {
            Resolved::Int(number) => number,
            Resolved::Float(float) if float.fract() == 0.0 && float.abs() < 1e15 => float as i64,
            _ => {
                self.not_an_integer(value, &scalar, &wanted);
                return None;
            }
        };
        if !(min..=max).contains(&number) {
            self.error(
                value,
                format!("`{}` must be {wanted}, not {number}", self.name(value)),
            );
            return None;
        }
        if !scalar.is_substituted && number.to_string() != scalar.text {
            let message = format!(
                "YAML reads `{}` as the number {number}; write {number}",
                shortened(&scalar.text)
            );
            self.report_with(Severity::Warning, value, message, number.to_string());
        }
        Some(number)
    }

    pub(crate) fn not_an_integer(&mut self, value: Value, scalar: &Scalar, wanted: &str) {
        let is_quoted_number =
            scalar.style == Style::Quoted && matches!(resolve(&scalar.text), Resolved::Int(_));
        if is_quoted_number {
            let message = format!("`{}` must be {wanted}, without quotes", self.name(value));
            self.report_with(Severity::Error, value, message, scalar.text.clone());
        } else {
            self.wrong_type(value, wanted);
        }
    }

    /// Reads `true` or `false`; the other words that YAML takes for them are accepted with a warning.
    pub(crate) fn boolean(&mut self, value: Value) -> Option<bool> {
        let scalar = self.scalar(value, "true or false")?;
        let (severity, flag) = match (scalar.resolved, resolve(&scalar.text)) {
            (Resolved::Bool(flag), _) if matches!(scalar.text.as_str(), "true" | "false") => {
                return Some(flag);
            }
            (Resolved::Bool(flag), _) => (Severity::Warning, flag),
            (Resolved::Text, Resolved::Bool(flag)) => (Severity::Error, flag),
            _ => {
                self.wrong_type(value, "true or false");
                return None;
            }
        };
        let message = match severity {
            Severity::Warning => format!("YAML reads `{}` as {flag}; write {flag}", scalar.text),
            Severity::Error => format!(
                "`{}` must be true or false, without quotes",
                self.name(value)
            ),
        };
        self.report_with(severity, value, message, flag.to_string());
        (severity == Severity::Warning).then_some(flag)
    }

    /// Reads a list of texts, such as a command.
    pub(crate) fn texts(&mut self, value: Value) -> Option<Vec<String>> {
        if self.is_scalar(value) && !self.is_null(value) {
            self.text_instead_of_list(value);
            return None;
        }
        let items = self.items(value, "a list of texts, such as `[sleep, \"60\"]`")?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            texts.extend(self.text(item, "text"));
        }
        Some(texts)
    }

    fn text_instead_of_list(&mut self, value: Value) {
        let wanted = "a list of texts, such as `[sleep, \"60\"]`";
        let Some(scalar) = self.scalar(value, wanted) else {
            return;
        };
        let needs_shell = scalar
            .text
            .contains(|c: char| "\"'$`\\|&;<>()*?\n".contains(c));
        let words: Vec<&str> = if needs_shell {
            vec!["sh", "-c", &scalar.text]
        } else {
            scalar.text.split_whitespace().collect()
        };
        let words: Vec<String> = words.into_iter().map(flow_text).collect();
        let message = format!("`{}` must be {wanted}, not one text", self.name(value));
        self.report_with(
            Severity::Error,
            value,
            message,
            format!("[{}]", words.join(", ")),
        );
    }
}

/// Writes a text so that it can stand in a flow list.
fn flow_text(text: &str) -> String {
    if is_plain_safe(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// Says what YAML makes of a plain scalar.
pub(crate) fn reading(plain: &str) -> String {
    match resolve(plain) {
        Resolved::Null => "nothing".to_owned(),
        Resolved::Bool(flag) => format!("the boolean {flag}"),
        Resolved::Int(number) => format!("the number {number}"),
        Resolved::Float(number) => format!("the number {number}"),
        Resolved::Text => "text".to_owned(),
    }
}

/// Cuts hostile input short, and makes control characters visible, before it is shown in a sentence.
pub(crate) fn shortened(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut out: String = text.chars().take(SHOWN).flat_map(visible).collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push('…');
    }
    out
}

fn visible(c: char) -> Vec<char> {
    let is_invisible = c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if is_invisible {
        c.escape_default().collect()
    } else {
        vec![c]
    }
}
