//! Faults of a definition as data: what is wrong, where, what is allowed, and how to mend it.

use std::fmt;
use std::ops::Range;

/// How bad a fault is: errors forbid deploying, warnings do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The definition cannot be deployed.
    Error,
    /// The definition can be deployed, but probably does not say what was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A place in a text: line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters (not bytes, not cells), from 1.
    pub column: usize,
}

/// A range of a text, both in lines and columns and in bytes; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// One past the last character.
    pub end: Position,
    /// The same range in bytes of the text.
    pub bytes: Range<usize>,
}

impl Span {
    /// Returns the part of it that is on its first line, without the spaces at the end; `text` is what it is a range of.
    pub(crate) fn first_line(&self, text: &str) -> Self {
        let whole = &text[self.bytes.clone()];
        let line = whole.lines().next().unwrap_or("").trim_end();
        Self {
            start: self.start,
            end: Position {
                line: self.start.line,
                column: self.start.column + line.chars().count(),
            },
            bytes: self.bytes.start..self.bytes.start + line.len(),
        }
    }
}

/// A change of the text that mends a fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fix {
    /// What the change does, as a question: ``did you mean `volumeMounts`?``.
    pub title: String,
    /// The range to replace, in bytes.
    pub bytes: Range<usize>,
    /// What stands there afterwards.
    pub replacement: String,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The path of the node concerned: `volumes[0].size`; empty for the whole document.
    pub path: String,
    /// Where it stands.
    pub span: Span,
    /// One sentence that says what is wrong and what is allowed.
    pub message: String,
    /// A change that mends it, where one is known.
    pub fix: Option<Fix>,
}
