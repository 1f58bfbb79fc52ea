//! One change as the bytes that go and the words that come in their place.

use std::ops::Range;

use serde_json::Value;

use super::words::{self, Quotes};
use super::{Deed, PathStep, Step};
use crate::definition::yaml::tree::{Kind, Node, NodeId, Style, Tree};
use crate::definition::yaml::{Resolved, resolve};

/// Bytes of the text, and what comes in their place.
pub(super) type Change = (Range<usize>, String);

/// Writes changes into one document of a text.
pub(super) struct Writer<'a> {
    text: &'a str,
    tree: &'a Tree<'a>,
    root: NodeId,
    /// Whether every new text gets quotes.
    is_quoting: bool,
}

/// A node, with the key whose value it is.
#[derive(Clone, Copy)]
struct Place {
    node: NodeId,
    key: Option<NodeId>,
}

impl<'a> Writer<'a> {
    pub fn new(text: &'a str, tree: &'a Tree<'a>, root: NodeId, is_quoting: bool) -> Self {
        Self {
            text,
            tree,
            root,
            is_quoting,
        }
    }

    /// Returns what a step changes; none where it is not known how.
    pub fn step(&self, step: &Step) -> Option<Change> {
        match &step.deed {
            Deed::Replace(value) => self.replace(self.find(&step.path)?, value),
            Deed::Insert(value) => {
                let (last, parent) = step.path.split_last()?;
                self.insert(self.find(parent)?, last, value)
            }
            Deed::Remove => {
                let (last, parent) = step.path.split_last()?;
                self.remove(self.find(parent)?, last)
            }
        }
    }

    fn node(&self, id: NodeId) -> &Node<'a> {
        self.tree.node(id)
    }

    /// Finds a place; what an alias stands for is somewhere else.
    fn find(&self, path: &[PathStep]) -> Option<Place> {
        let top = Place {
            node: self.root,
            key: None,
        };
        path.iter().try_fold(top, |place, step| {
            match (&self.node(place.node).kind, step) {
                (Kind::Mapping(entries), PathStep::Key(wanted)) => {
                    let (key, node) = entries.iter().find(|(key, _)| self.is_key(*key, wanted))?;
                    Some(Place {
                        node: *node,
                        key: Some(*key),
                    })
                }
                (Kind::Sequence(items), PathStep::Index(idx)) => Some(Place {
                    node: *items.get(*idx)?,
                    key: None,
                }),
                _ => None,
            }
        })
    }

    fn is_key(&self, key: NodeId, wanted: &str) -> bool {
        matches!(&self.node(key).kind, Kind::Scalar { text, .. } if text == wanted)
    }

    // Replacing.

    fn replace(&self, place: Place, value: &Value) -> Option<Change> {
        let node = self.node(place.node);
        let span = node.span.bytes.clone();
        match &node.kind {
            Kind::Scalar {
                style: Style::Block,
                ..
            } => self.replace_block(place, value),
            Kind::Scalar { text, style } => {
                let is_nothing =
                    *style == Style::Plain && resolve(text) == Resolved::Null && span.is_empty();
                if is_nothing {
                    return self.fill(place, value);
                }
                Some((span.clone(), self.in_place_of(&self.text[span], value)))
            }
            Kind::Sequence(_) | Kind::Mapping(_) if self.is_flow(place.node) => {
                Some((span, words::flow(value, self.is_quoting)))
            }
            Kind::Sequence(_) | Kind::Mapping(_) => {
                // The lines go, and the value stands behind its key or dash.
                let words = words::flow(value, self.is_quoting);
                let end = self.content_end(place.node);
                match place.key {
                    Some(_) => Some((self.behind_key(place)?..end, format!(" {words}"))),
                    None => Some((span.start..end, words)),
                }
            }
            Kind::Alias(_) => None,
        }
    }

    /// Writes a value in the quotes of what stood there.
    fn in_place_of(&self, old: &str, value: &Value) -> String {
        if value.is_object() || value.is_array() {
            return words::flow(value, self.is_quoting);
        }
        let quotes = match old.as_bytes().first() {
            Some(b'\'') if !self.is_quoting => Quotes::Single,
            Some(b'"') => Quotes::Double,
            _ if self.is_quoting => Quotes::Double,
            _ => Quotes::Plain,
        };
        words::scalar(value, quotes)
    }

    /// Puts a value where a key or a dash had none.
    fn fill(&self, place: Place, value: &Value) -> Option<Change> {
        let at = match place.key {
            Some(_) => self.behind_key(place)?,
            None => self.node(place.node).span.bytes.start,
        };
        if !words::is_long(value) || self.is_in_flow(at) {
            return Some((at..at, format!(" {}", words::flow(value, self.is_quoting))));
        }
        let key = self.node(place.key?);
        let indent = key.span.start.column - 1 + self.indent_step();
        let at = self.line_end(at);
        Some(self.lines(
            at,
            indent,
            &words::block(value, self.indent_step(), self.is_quoting),
        ))
    }

    /// Replaces the lines of a block scalar: as such a block where its header allows it, else in quotes.
    fn replace_block(&self, place: Place, value: &Value) -> Option<Change> {
        let span = self.node(place.node).span.bytes.clone();
        let start = self.block_header(place)?;
        let header = self.text[start..span.start].lines().next()?;
        let content_end = self.after(place.node);
        let newline = self.newline();
        if let (Value::String(text), false) = (value, self.is_quoting) {
            let body = match header.split_whitespace().next()? {
                "|" => text.strip_suffix('\n').filter(|body| !body.ends_with('\n')),
                "|-" => Some(text.as_str()).filter(|body| !body.ends_with('\n')),
                _ => None,
            };
            let is_legal = |body: &&str| {
                !body.is_empty()
                    && !body.starts_with([' ', '\n', '\t'])
                    && !body.chars().any(|c| c.is_control() && c != '\n')
            };
            if let Some(body) = body.filter(is_legal) {
                let indent = self.node(place.node).span.start.column - 1;
                let from = self.text[..span.start].rfind('\n')? + 1;
                let lines: Vec<String> = body.split('\n').map(str::to_owned).collect();
                let (_, words) = self.lines(from, indent, &lines);
                let ends = self.text[..content_end].ends_with('\n');
                let words = if ends {
                    words
                } else {
                    words.trim_end_matches(['\r', '\n']).to_owned()
                };
                return Some((from..content_end, words));
            }
        }
        let ends = self.text[..content_end].ends_with('\n');
        let end = if ends { newline } else { "" };
        Some((
            start..content_end,
            format!("{}{end}", words::flow(value, self.is_quoting)),
        ))
    }

    /// Returns where the `|` or `>` of a block scalar stands.
    fn block_header(&self, place: Place) -> Option<usize> {
        let content = self.node(place.node).span.bytes.start;
        let start = match place.key {
            Some(_) => self.behind_key(place)?,
            None => {
                // Behind a dash on the line before.
                let line = self.line_start(self.line_start(content).checked_sub(1)?);
                let dash = self.text[line..content].find("- ")?;
                line + dash + 1
            }
        };
        let between = &self.text[start..content];
        let at = between.find(|c: char| !c.is_whitespace())?;
        between[at..].starts_with(['|', '>']).then_some(start + at)
    }

    // Inserting.

    fn insert(&self, parent: Place, last: &PathStep, value: &Value) -> Option<Change> {
        let node = self.node(parent.node);
        match (&node.kind, last) {
            (Kind::Mapping(entries), PathStep::Key(key)) => {
                if self.is_flow(parent.node) {
                    let words = words::entry(key, &words::flow(value, self.is_quoting));
                    return self.insert_in_flow(
                        parent.node,
                        entries.last().map(|(_, value)| *value),
                        words,
                    );
                }
                let (first, _) = entries.first()?;
                let indent = self.node(*first).span.start.column - 1;
                let map = super::wrapped(last, value.clone());
                let lines = words::block(&map, self.indent_step(), self.is_quoting);
                Some(self.lines(self.after(parent.node), indent, &lines))
            }
            (Kind::Sequence(items), PathStep::Index(idx)) => {
                if !self.is_flow(parent.node) {
                    return self.insert_line(items, *idx, value);
                }
                let words = words::flow(value, self.is_quoting);
                match items.get(*idx) {
                    Some(next) => {
                        let at = self.node(*next).span.bytes.start;
                        Some((at..at, format!("{words}, ")))
                    }
                    None => self.insert_in_flow(parent.node, items.last().copied(), words),
                }
            }
            _ => None,
        }
    }

    fn insert_in_flow(
        &self,
        collection: NodeId,
        last: Option<NodeId>,
        words: String,
    ) -> Option<Change> {
        match last {
            Some(last) => {
                let at = self.node(last).span.bytes.end;
                Some((at..at, format!(", {words}")))
            }
            None => {
                let at = self.node(collection).span.bytes.start + 1;
                Some((at..at, words))
            }
        }
    }

    fn insert_line(&self, items: &[NodeId], idx: usize, value: &Value) -> Option<Change> {
        let like = *items.get(idx).or(items.last())?;
        let dash = self.dash(like)?;
        let indent = dash - self.line_start(dash);
        // Written as its like is: over lines, or on one.
        let is_over_lines = matches!(self.node(like).kind, Kind::Mapping(_)) && !self.is_flow(like);
        let lines = match value {
            Value::Object(map) if !map.is_empty() && is_over_lines => {
                let width = self.node(like).span.bytes.start - dash;
                let mut lines = words::block(value, self.indent_step(), self.is_quoting);
                for (n, line) in lines.iter_mut().enumerate() {
                    let lead = if n == 0 { "-" } else { "" };
                    *line = format!("{lead:width$}{line}");
                }
                lines
            }
            value => vec![format!("- {}", words::flow(value, self.is_quoting))],
        };
        let at = match idx.checked_sub(1) {
            Some(before) => self.after(*items.get(before)?),
            None if self.is_first_on_line(dash) => self.line_start(dash),
            None => return None,
        };
        Some(self.lines(at, indent, &lines))
    }

    // Removing.

    fn remove(&self, parent: Place, last: &PathStep) -> Option<Change> {
        match (&self.node(parent.node).kind, last) {
            (Kind::Mapping(entries), PathStep::Key(key)) => {
                let idx = entries.iter().position(|(it, _)| self.is_key(*it, key))?;
                if entries.len() == 1 {
                    return self.empty(parent, "{}");
                }
                let spans: Vec<Range<usize>> = entries
                    .iter()
                    .map(|(key, value)| {
                        let start = self.node(*key).span.bytes.start;
                        start..self.content_end(*value).max(self.node(*key).span.bytes.end)
                    })
                    .collect();
                if self.is_flow(parent.node) {
                    return Some((without(&spans, idx), String::new()));
                }
                let start = spans[idx].start;
                let (_, value) = entries[idx];
                if self.is_first_on_line(start) {
                    return Some((self.line_start(start)..self.after(value), String::new()));
                }
                // It stands behind a dash: the next one takes its place.
                Some((start..spans.get(idx + 1)?.start, String::new()))
            }
            (Kind::Sequence(items), PathStep::Index(idx)) => {
                if items.len() == 1 {
                    return self.empty(parent, "[]");
                }
                if self.is_flow(parent.node) {
                    let spans: Vec<_> = items
                        .iter()
                        .map(|item| self.node(*item).span.bytes.clone())
                        .collect();
                    return Some((without(&spans, *idx), String::new()));
                }
                let item = *items.get(*idx)?;
                let dash = self.dash(item)?;
                if self.is_first_on_line(dash) {
                    return Some((self.line_start(dash)..self.after(item), String::new()));
                }
                // It stands behind another dash: the next one takes its place.
                Some((dash..self.dash(*items.get(*idx + 1)?)?, String::new()))
            }
            _ => None,
        }
    }

    /// Leaves nothing in a map or list.
    fn empty(&self, place: Place, words: &str) -> Option<Change> {
        let span = self.node(place.node).span.bytes.clone();
        if self.is_flow(place.node) {
            return Some((span, words.to_owned()));
        }
        let end = self.content_end(place.node);
        match place.key {
            Some(_) => Some((self.behind_key(place)?..end, format!(" {words}"))),
            None if place.node == self.root => None,
            None => Some((span.start..end, words.to_owned())),
        }
    }

    // Places in the text.

    fn is_flow(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let is_collection = matches!(node.kind, Kind::Mapping(_) | Kind::Sequence(_));
        let start = node.span.bytes.start;
        let starts_so = |c| self.text[start..].starts_with(c);
        let is_first =
            |child: Option<NodeId>| child.is_some_and(|it| self.node(it).span.bytes.start == start);
        // A block whose first child is written so begins with the same character.
        match &node.kind {
            Kind::Mapping(entries) if is_first(entries.first().map(|(key, _)| *key)) => false,
            Kind::Sequence(items) if is_first(items.first().copied()) => false,
            _ => is_collection && (starts_so('{') || starts_so('[')),
        }
    }

    /// Tells whether a place lies between brackets.
    fn is_in_flow(&self, at: usize) -> bool {
        let mut open = vec![self.root];
        while let Some(id) = open.pop() {
            let span = &self.node(id).span.bytes;
            if self.is_flow(id) && span.contains(&at) {
                return true;
            }
            match &self.node(id).kind {
                Kind::Mapping(entries) => open.extend(entries.iter().map(|(_, value)| *value)),
                Kind::Sequence(items) => open.extend(items),
                Kind::Scalar { .. } | Kind::Alias(_) => {}
            }
        }
        false
    }

    /// Returns where the colon behind a key ends.
    fn behind_key(&self, place: Place) -> Option<usize> {
        let end = self.node(place.key?).span.bytes.end;
        let colon = self.text[end..].find(':')?;
        self.text[end..end + colon]
            .trim()
            .is_empty()
            .then_some(end + colon + 1)
    }

    /// Returns where the dash of an item stands.
    fn dash(&self, item: NodeId) -> Option<usize> {
        let before = &self.text[..self.node(item).span.bytes.start];
        let line = &before[self.line_start(before.len())..];
        let dash = line.trim_end();
        dash.ends_with('-')
            .then(|| before.len() - line.len() + dash.len() - 1)
    }

    /// Returns where a node's own words end: brackets and quotes included, comments and blank lines behind it not.
    fn content_end(&self, id: NodeId) -> usize {
        let node = self.node(id);
        match &node.kind {
            Kind::Mapping(entries) if !self.is_flow(id) => {
                let last = entries.last();
                last.map_or(node.span.bytes.start, |(key, value)| {
                    // An empty value may stand anywhere behind the colon.
                    let behind = self.node(*key).span.bytes.end + 1;
                    self.content_end(*value).max(behind)
                })
            }
            Kind::Sequence(items) if !self.is_flow(id) => {
                let last = items.last();
                last.map_or(node.span.bytes.start, |item| self.content_end(*item))
            }
            Kind::Scalar {
                style: Style::Block,
                ..
            } => {
                let block = &self.text[..node.span.bytes.end];
                block
                    .trim_end_matches([' ', '\n', '\r'])
                    .len()
                    .max(node.span.bytes.start)
            }
            _ => node.span.bytes.end,
        }
    }

    /// Returns where the line begins that comes after a node.
    fn after(&self, id: NodeId) -> usize {
        let node = self.node(id);
        match &node.kind {
            Kind::Scalar {
                style: Style::Block,
                ..
            } => {
                // Blank lines may belong to it.
                let block = &self.text[..node.span.bytes.end];
                let words = block.trim_end_matches(' ');
                if words.ends_with('\n') {
                    words.len()
                } else {
                    self.line_end(words.len())
                }
            }
            Kind::Mapping(entries) if !self.is_flow(id) => {
                let last = entries.last();
                last.map_or_else(
                    || self.line_end(node.span.bytes.start),
                    |(key, value)| {
                        self.after(*value)
                            .max(self.line_end(self.node(*key).span.bytes.end))
                    },
                )
            }
            Kind::Sequence(items) if !self.is_flow(id) => {
                let last = items.last();
                last.map_or_else(
                    || self.line_end(node.span.bytes.start),
                    |item| self.after(*item),
                )
            }
            _ => self.line_end(node.span.bytes.end),
        }
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// Returns where the next line begins.
    fn line_end(&self, at: usize) -> usize {
        let newline = self.text[at..].find('\n');
        newline.map_or(self.text.len(), |newline| at + newline + 1)
    }

    fn is_first_on_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].trim().is_empty()
    }

    /// Returns whole lines at the beginning of a line, or behind a last one that has no end.
    fn lines(&self, at: usize, indent: usize, lines: &[String]) -> Change {
        let newline = self.newline();
        let indented = |line: &String| match line.as_str() {
            "" => String::new(),
            line => format!("{:indent$}{line}", ""),
        };
        let lines: Vec<String> = lines.iter().map(indented).collect();
        let words = lines.join(newline);
        let is_behind_an_end = at == 0 || self.text[..at].ends_with('\n');
        let words = if is_behind_an_end {
            format!("{words}{newline}")
        } else {
            format!("{newline}{words}")
        };
        (at..at, words)
    }

    fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// Returns by how much the text indents what is deeper: as its first map in a map is, else by two.
    fn indent_step(&self) -> usize {
        let mut open = vec![(self.root, 1)];
        while let Some((id, column)) = open.pop() {
            if let Kind::Mapping(entries) = &self.node(id).kind
                && !self.is_flow(id)
            {
                let own = entries
                    .first()
                    .map_or(column, |(key, _)| self.node(*key).span.start.column);
                if own > column {
                    return own - column;
                }
                let maps = entries
                    .iter()
                    .rev()
                    .filter(|(_, it)| matches!(self.node(*it).kind, Kind::Mapping(_)));
                open.extend(maps.map(|(_, value)| (*value, own)));
            }
        }
        2
    }
}

/// Returns the bytes of one of several entries between brackets, with the comma that parts it from another.
fn without(spans: &[Range<usize>], idx: usize) -> Range<usize> {
    match spans.get(idx + 1) {
        Some(next) => spans[idx].start..next.start,
        None => spans[idx - 1].end..spans[idx].end,
    }
}
