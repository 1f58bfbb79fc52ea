//! Reading maps: keys that are known, keys that are the user's own, and what merge keys bring in.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::words::{reading, shortened};
use super::{Fields, Keys, MAX_MERGE_DEPTH, MAX_VISITS, Reader, Segment, Value};
use crate::definition::check::fault::Spot;
use crate::definition::check::suggest::nearest;
use crate::definition::check::{container, hint, top};
use crate::definition::diagnostic::{Fix, Severity};
use crate::definition::yaml::{Kind, NodeId, Resolved, Style, quoted, resolve};

impl<'t> Reader<'t> {
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
                if let Some(near) = self.unknown_key(child, &name, keys) {
                    self.misspelt.insert((value.node, near));
                }
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
        let mut entries = self.tree.entries(map.node).iter();
        let found = entries.find(|(key, _)| self.raw_text(*key) == Some(name));
        found.copied()
    }

    /// Returns the keys of a map as they were written.
    pub(crate) fn key_names(&self, map: Value) -> impl Iterator<Item = &'t str> {
        let entries = self.tree.entries(map.node).iter();
        entries.filter_map(move |(key, _)| self.raw_text(*key))
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
    pub(crate) fn quiet_pairs(&mut self, value: Value) -> Option<Vec<(String, Value)>> {
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
    pub(crate) fn misspelt_key(&mut self, child: Value, name: &str, wanted: &str) {
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
        let mut names: HashSet<_> = own
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
        self.tree.scalar(node)
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

    /// Reports a key that no group has; returns the one that was most likely meant.
    fn unknown_key(&mut self, child: Value, name: &str, keys: Keys) -> Option<&'static str> {
        if self.faults.is_full() {
            self.faults.drop_one(Severity::Error);
            return None;
        }
        let all = keys.iter().flat_map(|group| group.iter().copied());
        let is_of_container = keys == top::KEYS && container::has_key(name);
        let near = nearest(name, all).filter(|_| !is_of_container);
        let allowed: Vec<_> = keys.iter().map(|group| group[0]).collect();
        let shown = shortened(name);
        let instead = match (near, hint::instead_of(name)) {
            _ if is_of_container => {
                format!("it belongs to a container: `containers: [{{{shown}: …}}]`")
            }
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(hint)) => hint.to_owned(),
            (None, None) => format!("allowed are {}", allowed.join(", ")),
        };
        let message = format!("`{shown}` is not a key here; {instead}");
        let spot = self.key_spot(child);
        let fix = near.map(|near| Fix {
            title: format!("did you mean `{near}`?"),
            bytes: spot.span.bytes.clone(),
            replacement: near.to_owned(),
        });
        self.faults.add(Severity::Error, spot, message, fix);
        near
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
}
