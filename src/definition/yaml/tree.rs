//! The tree of a text: every node with its kind and its place.
//!
//! Nodes lie in one arena and name each other by number, so that an alias costs nothing, hostile nesting cannot overflow
//! the stack, and a tree is dropped at once. Aliases are never expanded here.

use std::borrow::Cow;
use std::collections::HashMap;

use bowline_yaml_events::Events;
use granit_parser::{Event, Marker, ScalarStyle, Tag};

use super::syntax::{self, SyntaxFault};
use super::value::{MAX_DEPTH, MAX_DOCUMENTS};
use crate::definition::diagnostic::{Position, Span};

/// Most nodes of one text; a definition of 5,000 lines has about 15,000.
pub const MAX_NODES: usize = 100_000;

/// The number of a node in its [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

/// A node.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    /// What it is.
    pub kind: Kind<'t>,
    /// Where it stands, quotes and brackets included; without properties such as a tag.
    pub span: Span,
    /// Where its explicit tag (`!!str`) stands, if it has one.
    pub tag: Option<Span>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind<'t> {
    /// A scalar, escapes resolved.
    Scalar {
        /// Its text.
        text: Cow<'t, str>,
        /// How it was written.
        style: Style,
    },
    /// A list.
    Sequence(Vec<NodeId>),
    /// Keys and values in the order written, duplicates and merge keys included.
    Mapping(Vec<(NodeId, NodeId)>),
    /// A reference to another node; none if there is no such anchor.
    Alias(Option<NodeId>),
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: YAML guesses its type.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block, with `|` or `>`.
    Block,
}

/// The tree of a text, up to its first syntax error.
#[derive(Debug, Clone, Default)]
pub struct Tree<'t> {
    nodes: Vec<Node<'t>>,
    /// The top node of each document.
    pub roots: Vec<NodeId>,
    /// The first syntax error, or the first limit that was met; what came before it is in the tree.
    pub fault: Option<SyntaxFault>,
}

impl<'t> Tree<'t> {
    /// Reads a text. It reads on to the end of the text, a syntax error or a limit.
    pub fn parse(text: &'t str) -> Self {
        Builder::new(text).run(text)
    }

    /// Returns a node.
    pub fn node(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.0 as usize]
    }

    /// Follows an alias to what it stands for; none if its anchor is unknown.
    pub fn resolve(&self, id: NodeId) -> Option<NodeId> {
        match self.node(id).kind {
            // An anchor never marks an alias, so one step is enough.
            Kind::Alias(target) => target,
            _ => Some(id),
        }
    }

    /// Returns the items of a list; none of anything else. Like all that look into a node it follows an alias.
    pub fn items(&self, list: NodeId) -> &[NodeId] {
        match self.kind(list) {
            Some(Kind::Sequence(items)) => items,
            _ => &[],
        }
    }

    /// Returns keys and values of a map as they were written; none of anything else.
    pub fn entries(&self, map: NodeId) -> &[(NodeId, NodeId)] {
        match self.kind(map) {
            Some(Kind::Mapping(entries)) => entries,
            _ => &[],
        }
    }

    /// Returns the text of a scalar.
    pub fn scalar(&self, id: NodeId) -> Option<&str> {
        match self.kind(id)? {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Sequence(_) | Kind::Mapping(_) | Kind::Alias(_) => None,
        }
    }

    /// Returns the value that a map has for a key.
    pub fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let mut entries = self.entries(map).iter();
        let found = entries.find(|(own, _)| self.scalar(*own) == Some(key));
        found.map(|(_, value)| *value)
    }

    /// Returns the text of the scalar that a map has for a key.
    pub fn scalar_at(&self, map: NodeId, key: &str) -> Option<&str> {
        self.scalar(self.get(map, key)?)
    }

    fn kind(&self, id: NodeId) -> Option<&Kind<'t>> {
        self.resolve(id).map(|id| &self.node(id).kind)
    }

    /// Returns the line on which the last node starts: where a text broke off.
    pub fn last_line(&self) -> usize {
        self.nodes
            .iter()
            .map(|n| n.span.start.line)
            .max()
            .unwrap_or(1)
    }
}

struct Builder<'t> {
    tree: Tree<'t>,
    /// Open collections, each with the key that waits for its value.
    open: Vec<(NodeId, Option<NodeId>)>,
    anchors: HashMap<usize, NodeId>,
    n_documents: usize,
    text_len: usize,
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            tree: Tree::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            n_documents: 0,
            text_len: text.len(),
        }
    }

    fn run(mut self, text: &'t str) -> Tree<'t> {
        let options = granit_parser::options! {
            emit_comments: false,
            emit_unresolved_aliases: true,
            flow_nesting_limit: MAX_DEPTH / 2,
            block_nesting_limit: MAX_DEPTH / 2,
        };
        let mut read = 0;
        for next in Events::of(text, options) {
            let fault = match next {
                Ok((event, span)) => {
                    read = self.byte(&span.end).max(read);
                    self.push(event, &span).err().map(|fault| *fault)
                }
                Err(error) => {
                    let opening = self.opening_bracket(text);
                    Some(syntax::from_scan_error(&error, text, (read, opening)))
                }
            };
            if fault.is_some() {
                self.tree.fault = fault;
                break;
            }
        }
        self.close_open_nodes();
        self.tree
    }

    /// Returns where the innermost bracket stands that is open.
    fn opening_bracket(&self, text: &str) -> Option<Span> {
        let mut open = self.open.iter().rev();
        open.find_map(|(id, _)| {
            let span = &self.tree.node(*id).span;
            let is_bracket = text[span.bytes.start..].starts_with(['[', '{']);
            is_bracket.then(|| Span {
                end: Position {
                    line: span.start.line,
                    column: span.start.column + 1,
                },
                start: span.start,
                bytes: span.bytes.start..span.bytes.start + 1,
            })
        })
    }

    fn push(
        &mut self,
        event: Event<'t>,
        span: &granit_parser::Span,
    ) -> Result<(), Box<SyntaxFault>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    _ => Style::Block,
                };
                let id = self.add(Kind::Scalar { text, style }, span, anchor, tag.as_ref())?;
                self.attach(id);
            }
            Event::SequenceStart(_, anchor, tag) => {
                let id = self.add(Kind::Sequence(Vec::new()), span, anchor, tag.as_ref())?;
                self.open.push((id, None));
            }
            Event::MappingStart(_, anchor, tag) => {
                let id = self.add(Kind::Mapping(Vec::new()), span, anchor, tag.as_ref())?;
                self.open.push((id, None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => {
                let target = self.anchors.get(&anchor).copied();
                let id = self.add(Kind::Alias(target), span, 0, None)?;
                self.attach(id);
            }
            Event::UnresolvedAlias(_) => {
                let id = self.add(Kind::Alias(None), span, 0, None)?;
                self.attach(id);
            }
            _ => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        kind: Kind<'t>,
        span: &granit_parser::Span,
        anchor: usize,
        tag: Option<&Cow<'t, Tag>>,
    ) -> Result<NodeId, Box<SyntaxFault>> {
        if self.tree.nodes.len() >= MAX_NODES {
            let sentence = format!(
                "the text has more than {MAX_NODES} values, at most {MAX_NODES} are allowed"
            );
            return Err(Box::new(SyntaxFault::limit(self.span(span), sentence)));
        }
        if self.open.is_empty() && !is_nothing(&kind) {
            self.begin_document(span)?;
        }
        let id = NodeId(u32::try_from(self.tree.nodes.len()).expect("fewer nodes than MAX_NODES"));
        let tag = tag.map(|_| self.span(&span.tag_span().unwrap_or(*span)));
        let span = self.span(span);
        self.tree.nodes.push(Node { kind, span, tag });
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    /// Counts a document that holds something: what stands behind the last `---` often does not.
    fn begin_document(&mut self, span: &granit_parser::Span) -> Result<(), Box<SyntaxFault>> {
        self.n_documents += 1;
        if self.n_documents <= MAX_DOCUMENTS {
            return Ok(());
        }
        let sentence = format!(
            "the text has more than {MAX_DOCUMENTS} documents, at most {MAX_DOCUMENTS} are allowed"
        );
        Err(Box::new(SyntaxFault::limit(self.span(span), sentence)))
    }

    /// Gives a finished node to the collection that is open, or makes it the top of its document.
    fn attach(&mut self, id: NodeId) {
        let Some((parent, waiting_key)) = self.open.last_mut() else {
            self.tree.roots.push(id);
            return;
        };
        match &mut self.tree.nodes[parent.0 as usize].kind {
            Kind::Sequence(items) => items.push(id),
            Kind::Mapping(entries) => match waiting_key.take() {
                Some(key) => entries.push((key, id)),
                None => *waiting_key = Some(id),
            },
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    fn close(&mut self, end: &granit_parser::Span) {
        let Some((id, _)) = self.open.pop() else {
            return;
        };
        let end = self.span(end);
        let node = &mut self.tree.nodes[id.0 as usize];
        if end.bytes.end > node.span.bytes.start {
            node.span.end = end.end;
            node.span.bytes.end = end.bytes.end;
        }
        self.attach(id);
    }

    /// Closes what a syntax error left open, so that the nodes before it are reachable. A key that waits for its value gets
    /// an empty one.
    fn close_open_nodes(&mut self) {
        while let Some((id, waiting_key)) = self.open.pop() {
            if let Some(key) = waiting_key {
                let at = self.tree.node(key).span.clone();
                let span = Span {
                    start: at.end,
                    end: at.end,
                    bytes: at.bytes.end..at.bytes.end,
                };
                let empty = NodeId(
                    u32::try_from(self.tree.nodes.len()).expect("few more nodes than MAX_NODES"),
                );
                self.tree.nodes.push(Node {
                    kind: Kind::Scalar {
                        text: Cow::Borrowed(""),
                        style: Style::Plain,
                    },
                    span,
                    tag: None,
                });
                if let Kind::Mapping(entries) = &mut self.tree.nodes[id.0 as usize].kind {
                    entries.push((key, empty));
                }
            }
            self.attach(id);
        }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let start = self.byte(&span.start);
        Span {
            start: position(&span.start),
            end: position(&span.end),
            bytes: start..self.byte(&span.end).max(start),
        }
    }

    fn byte(&self, marker: &Marker) -> usize {
        marker
            .byte_offset()
            .unwrap_or(self.text_len)
            .min(self.text_len)
    }
}

/// The parser counts lines from 1 and columns from 0, both in characters.
fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

/// Tells whether a node is what a document without any content holds.
fn is_nothing(kind: &Kind<'_>) -> bool {
    matches!(kind, Kind::Scalar { text, style: Style::Plain } if text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows a tree as one line: `{a: [1, *], b: ~}`.
    fn show(tree: &Tree<'_>, id: NodeId) -> String {
        match &tree.node(id).kind {
            Kind::Scalar { text, .. } => text.to_string(),
            Kind::Alias(_) => "*".to_owned(),
            Kind::Sequence(items) => {
                let items: Vec<_> = items.iter().map(|i| show(tree, *i)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Mapping(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|(k, v)| format!("{}: {}", show(tree, *k), show(tree, *v)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        let tree = Tree::parse(text);
        let shown: Vec<_> = tree.roots.iter().map(|r| show(&tree, *r)).collect();
        assert_eq!(shown.join(" --- "), expected, "{text:?}");
    }

    #[test]
    fn tree_holds_what_was_written() {
        check("a: 1\nb: [x, {y: z}]\n", "{a: 1, b: [x, {y: z}]}");
        check("a: &x [1]\nb: *x\nc: *nowhere\n", "{a: [1], b: *, c: *}");
        check("a: 1\n---\nb: 2\n", "{a: 1} --- {b: 2}");
        check("", "");
    }

    #[test]
    fn what_came_before_a_syntax_error_is_kept() {
        check(
            "a: 1\nb:\n  - x: 1\n    y: [2, }",
            "{a: 1, b: [{x: 1, y: [2]}]}",
        );
        check("a: 1\nb: \"open", "{a: 1, b: }");
    }

    #[test]
    fn spans_count_lines_and_characters_and_bytes() {
        let text = "größe: 1\nvolumes:\n  - name: däta\n    size: 10Gx # why\n";
        let tree = Tree::parse(text);
        let found = (0..tree.nodes.len())
            .map(|i| tree.node(NodeId(u32::try_from(i).unwrap())))
            .find(|n| matches!(&n.kind, Kind::Scalar { text, .. } if text == "10Gx"))
            .unwrap();
        assert_eq!((found.span.start.line, found.span.start.column), (4, 11));
        assert_eq!((found.span.end.line, found.span.end.column), (4, 15));
        assert_eq!(&text[found.span.bytes.clone()], "10Gx");
    }

    #[test]
    fn limits_stop_hostile_text_early() {
        let nested = "[".repeat(100_000);
        let wide = "- a\n".repeat(MAX_NODES + 10);
        let documents = "--- a\n".repeat(MAX_DOCUMENTS + 10);
        for (text, words) in [
            (nested, "nested"),
            (wide, "values"),
            (documents, "documents"),
        ] {
            let tree = Tree::parse(&text);
            assert!(tree.nodes.len() <= MAX_NODES, "{words}");
            let message = tree.fault.unwrap().message;
            assert!(message.contains(words), "{message}");
        }
    }
}
