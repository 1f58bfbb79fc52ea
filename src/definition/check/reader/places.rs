//! Where a value stands, how a sentence names it, and reports of what is wrong with it.

use super::words::shortened;
use super::{PathId, Reader, Segment, Value};
use crate::definition::check::fault::Spot;
use crate::definition::diagnostic::{Fix, Position, Severity, Span};
use crate::definition::yaml::{Kind, Style, resolve};

impl<'t> Reader<'t> {
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
    pub(super) fn path(&self, id: PathId) -> String {
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

    /// Returns the place of a part of a value, or of the whole if it is not to be found there.
    pub(super) fn spot_within(&self, value: Value, part: &str) -> Spot {
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
        // In the place of a parameter nothing is put: it would be lost.
        let is_put_together = !self.scope.is_verbatim
            && self
                .tree
                .scalar(value.node)
                .is_some_and(|text| text.contains("${"));
        let node = self.tree.node(value.written);
        let fix = (!is_put_together).then(|| Fix {
            title: format!("did you mean `{replacement}`?"),
            bytes: node.span.bytes.clone(),
            replacement,
        });
        let spot = self.spot(value);
        self.faults.add(severity, spot, message, fix);
    }

    /// Reports that a map lacks a key, unless one is reported that is misspelt for it.
    pub(crate) fn missing(&mut self, map: Value, what: &str, key: &str, allowed: &str) {
        let is_misspelt = self.misspelt.contains(&(map.node, key));
        if !self.is_partial && !self.is_exhausted && !is_misspelt {
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
}
