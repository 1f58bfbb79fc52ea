//! Syntax errors in our own words: what is wrong, where, and what to write instead.

use granit_parser::{ErrorKind, ScanError};

use super::value::MAX_DEPTH;
use crate::definition::diagnostic::{Fix, Position, Span};

/// A syntax error, or a limit that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Where it was noticed.
    pub span: Span,
    /// One sentence.
    pub message: String,
    /// A change that mends it, where one is known.
    pub fix: Option<Fix>,
    /// Whether a limit was met: then there is nothing to mend, and reading on would be what the limit forbids.
    pub is_limit: bool,
}

impl SyntaxFault {
    pub(super) fn limit(span: Span, message: String) -> Self {
        Self {
            span,
            message,
            fix: None,
            is_limit: true,
        }
    }
}

/// Converts the parser's error. Its mark may be one past the end of the text; the place is then the last character. `read` is
/// up to where the text was understood, and the place of the innermost bracket that is open there.
pub(super) fn from_scan_error(
    error: &ScanError,
    text: &str,
    (read, opening): (usize, Option<Span>),
) -> SyntaxFault {
    let marker = error.marker();
    let byte = floor_char_boundary(text, marker.byte_offset().unwrap_or(text.len()));
    let position = Position {
        line: marker.line().max(1),
        column: marker.col() + 1,
    };
    let is_limit = matches!(error.kind(), ErrorKind::RecursionLimitExceeded);
    let mut fault = SyntaxFault {
        span: span_to_line_end(text, byte, position),
        message: sentence(error.kind()),
        fix: None,
        is_limit,
    };
    if is_open_quote(error.kind()) {
        point_to_opening_quote(text, byte, &mut fault);
    } else if !is_limit {
        tab_fault(text, byte, &mut fault);
    }
    if let Some(opening) = opening.filter(|_| !is_limit && fault.fix.is_none()) {
        if let Some(comma) = comma_too_many(text, read, &opening) {
            "a comma too many; remove it".clone_into(&mut fault.message);
            let line_start = text[..comma].rfind('\n').map_or(0, |i| i + 1);
            let place = |column: usize| Position {
                line: text[..comma].matches('\n').count() + 1,
                column,
            };
            let column = text[line_start..comma].chars().count() + 1;
            fault.span = Span {
                start: place(column),
                end: place(column + 1),
                bytes: comma..comma + 1,
            };
            fault.fix = Some(Fix {
                title: "remove this comma?".to_owned(),
                bytes: comma..comma + 1,
                replacement: String::new(),
            });
        } else if is_open(text, byte, &opening)
            && (is_no_end(error.kind())
                || !is_below(text, byte, &opening) && !is_closed_below(text, byte, &opening))
        {
            fault.message = no_end(text, &opening);
            fault.span = opening;
        }
    } else if matches!(error.kind(), ErrorKind::MappingValueNotAllowed)
        && let Some(span) = key_without_colon(text, byte)
    {
        fault.message = sentence(&ErrorKind::SimpleKeyExpected);
        fault.span = span;
    }
    fault
}

/// Returns the line above a colon's that a parser reads as the first part of the same key: one that lacks its colon yet. `byte`
/// is the colon's.
fn key_without_colon(text: &str, byte: usize) -> Option<Span> {
    let mut above = lines_above(text, byte);
    let (_, key) = above.next().filter(|(_, line)| !line.contains(": "))?;
    let column = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let is_told = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut above = above.filter(|(_, line)| is_told(line));
    let (start, word) = above.next()?;
    let is_bare = !word.contains(':') && column(word) == column(key);
    // A text that goes on below its key is no key.
    let parent = above.find(|(_, line)| column(line) < column(word));
    if !is_bare || parent.is_some_and(|(_, line)| !line.trim_end().ends_with(':')) {
        return None;
    }
    let start = start + column(word);
    let line = text[..start].matches('\n').count() + 1;
    let column = column(word) + 1;
    Some(span_to_line_end(text, start, Position { line, column }))
}

/// Returns the line of a byte up to it, then those above it, each with where it begins.
fn lines_above(text: &str, byte: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut end = Some(byte);
    std::iter::from_fn(move || {
        let to = end?;
        let start = text[..to].rfind('\n').map_or(0, |i| i + 1);
        end = start.checked_sub(1);
        Some((start, &text[start..to]))
    })
}

/// Returns a comma behind an opening bracket, or the second of two with nothing between them from where the text was understood.
fn comma_too_many(text: &str, read: usize, opening: &Span) -> Option<usize> {
    let space = [' ', '\t', '\r', '\n'];
    let inside = text.get(opening.bytes.start + 1..)?;
    let first = inside.trim_start_matches(space);
    if first.starts_with(',') {
        return Some(text.len() - first.len());
    }
    let rest = text.get(read..)?.trim_start_matches([']', '}']);
    let after_first = rest.trim_start_matches(space).strip_prefix(',')?;
    let second = after_first.trim_start_matches(space);
    second.starts_with(',').then(|| text.len() - second.len())
}

fn is_no_end(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
    )
}

/// Tells whether a bracket is open at a place: the parser says that it is closed no sooner than it has looked further.
fn is_open(text: &str, byte: usize, opening: &Span) -> bool {
    let inside = text.get(opening.bytes.start..byte).unwrap_or("");
    let (open, close) = match inside.starts_with('[') {
        true => ('[', ']'),
        false => ('{', '}'),
    };
    inside.matches(open).count() > inside.matches(close).count()
}

/// Tells whether a place may belong to what a bracket opened, as far as indentation tells: what is no further right than the
/// line of the bracket is a key of its own.
fn is_below(text: &str, byte: usize, opening: &Span) -> bool {
    let line_of = |byte: usize| {
        let start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
        (start, text[start..].lines().next().unwrap_or(""))
    };
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let ((opened, outer), (noticed, inner)) = (line_of(opening.bytes.start), line_of(byte));
    let closes = inner.trim_start().starts_with([']', '}', ',']);
    opened == noticed || closes || inner.trim().is_empty() || indent(inner) > indent(outer)
}

/// Tells whether a line that follows begins with what closes a bracket: flow text need not be indented.
fn is_closed_below(text: &str, byte: usize, opening: &Span) -> bool {
    let close = match text[opening.bytes.start..].starts_with('[') {
        true => ']',
        false => '}',
    };
    let mut below = text[byte..].lines().skip(1);
    below.any(|line| line.trim_start().starts_with(close))
}

fn no_end(text: &str, opening: &Span) -> String {
    match text[opening.bytes.start..].starts_with('[') {
        true => "this list has no end; close it with `]`".to_owned(),
        false => "this map has no end; close it with `}`".to_owned(),
    }
}

fn is_open_quote(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedQuotedScalar
            | ErrorKind::InvalidQuotedScalarIndent
            | ErrorKind::DocumentIndicatorInQuotedScalar
    )
}

/// An open quote is noticed lines below: show the nearest line above on which a value starts with a quote and does not end.
fn point_to_opening_quote(text: &str, byte: usize, fault: &mut SyntaxFault) {
    let mut end = text[..byte].len();
    let mut line = fault.span.start.line;
    loop {
        let start = text[..end].rfind('\n').map_or(0, |i| i + 1);
        if let Some(offset) = unbalanced_quote(&text[start..end]) {
            let position = Position {
                line,
                column: text[start..start + offset].chars().count() + 1,
            };
            fault.span = span_to_line_end(text, start + offset, position);
            return;
        }
        if start == 0 || line == 1 {
            return;
        }
        end = start - 1;
        line -= 1;
    }
}

/// Returns where on a line a quote opens that is not closed there.
fn unbalanced_quote(line: &str) -> Option<usize> {
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    for (offset, c) in line.char_indices() {
        match open {
            Some((_, quote)) if c == quote && before != '\\' => open = None,
            None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | '{' | ',' | ':') => {
                open = Some((offset, c));
            }
            _ => {}
        }
        before = c;
    }
    open.map(|(offset, _)| offset)
}

/// A tab in the indentation is the cause of many different complaints, some about the line before: say so, and offer spaces.
fn tab_fault(text: &str, byte: usize, fault: &mut SyntaxFault) {
    let line_start = text[..byte].rfind('\n').map_or(0, |i| i + 1);
    let next_start = text[byte..].find('\n').map_or(text.len(), |i| byte + i + 1);
    let line = fault.span.start.line;
    for (line, start) in [(line, line_start), (line + 1, next_start)] {
        if let Some((span, fix)) = indented_with_tabs(text, line, start) {
            "tabs cannot indent YAML".clone_into(&mut fault.message);
            fault.span = span;
            fault.fix = Some(fix);
            return;
        }
    }
}

fn indented_with_tabs(text: &str, line: usize, start: usize) -> Option<(Span, Fix)> {
    let content = text[start..].lines().next().unwrap_or("");
    let indent = &content[..content.len() - content.trim_start_matches([' ', '\t']).len()];
    let first_tab = indent.find('\t').filter(|_| indent.len() < content.len())?;
    let end = start + indent.len();
    let span = Span {
        start: Position {
            line,
            column: first_tab + 1,
        },
        end: Position {
            line,
            column: indent.len() + 1,
        },
        bytes: start + first_tab..end,
    };
    let fix = Fix {
        title: "indent with spaces?".to_owned(),
        bytes: start..end,
        replacement: indent.replace('\t', "  "),
    };
    Some((span, fix))
}

/// The rest of the line from `byte`, at least one character where there is one.
fn span_to_line_end(text: &str, byte: usize, start: Position) -> Span {
    let rest = text[byte..].lines().next().unwrap_or("").trim_end();
    let rest = if rest.is_empty() { "" } else { rest };
    Span {
        start,
        end: Position {
            line: start.line,
            column: start.column + rest.chars().count(),
        },
        bytes: byte..byte + rest.len(),
    }
}

fn floor_char_boundary(text: &str, byte: usize) -> usize {
    let mut byte = byte.min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

fn sentence(kind: &ErrorKind) -> String {
    use ErrorKind as K;
    match kind {
        K::RecursionLimitExceeded => {
            format!("lists and maps are nested too deeply, at most {} levels of each are allowed", MAX_DEPTH / 2)
        }
        K::UnclosedQuotedScalar | K::InvalidQuotedScalarIndent | K::DocumentIndicatorInQuotedScalar => {
            "this quoted text has no end; close it with the quote that opened it".to_owned()
        }
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            "nothing may follow a quoted text but `:`, `,`, a bracket or the end of the line; quote the whole value".to_owned()
        }
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidUnicodeEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate => {
            "this escape is unknown; write `\\\\` for a backslash, or use single quotes, where nothing is escaped".to_owned()
        }
        K::UnexpectedEofFlowSequence | K::UnclosedFlowCollection { open: '[' } => {
            "this list has no end; close it with `]`".to_owned()
        }
        K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping
        | K::UnclosedFlowCollection { .. } => "this map has no end; close it with `}`".to_owned(),
        K::MismatchedFlowCollectionEnd { open, close } => {
            format!("`{close}` does not close `{open}`; close brackets in the order in which they were opened")
        }
        K::MisplacedFlowCollectionEnd => "this bracket closes nothing; remove it, or open one before".to_owned(),
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => {
            "entries in brackets are separated by commas; write `,` or close the bracket".to_owned()
        }
        K::SimpleKeyExpected | K::InvalidSimpleKey => {
            "a key is followed by a colon and a space; write `key: value`".to_owned()
        }
        K::ExpectedBlockMappingKey | K::InvalidIndentation | K::UnexpectedEofBlockMapping => {
            "this line does not fit the lines above it; keys of one map start in the same column".to_owned()
        }
        K::MappingValueNotAllowed
        | K::MappingKeyNotAllowed
        | K::InvalidColonPlacement
        | K::InvalidMappingValueWhitespace
        | K::FlowMappingValueAdjacentCollection => {
            "a second `: ` is not allowed here; quote the value, or start the key on a line of its own".to_owned()
        }
        K::ExpectedBlockSequenceEntry => {
            "this line does not fit the list above it; items start with `- ` in one column, and the keys of an item stand in \
             one column too"
                .to_owned()
        }
        K::BlockSequenceEntryNotAllowed
        | K::InvalidBlockEntryWhitespace
        | K::UnexpectedEofBlockSequence
        | K::BlockEntryInFlowCollection => {
            "a list item is not allowed here; items start with `- ` on lines of their own, in one column".to_owned()
        }
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabAtBlockScalarStart
        | K::TabInIndentation
        | K::TabInPlainScalar => "a tab is not allowed here; use spaces".to_owned(),
        K::CommentInterceptedScalar | K::CommentNotSeparated => {
            "a comment is not allowed here; put it on a line of its own, with a space before `#`".to_owned()
        }
        K::InvalidBlockScalarHeader | K::ZeroBlockScalarIndent | K::InvalidBlockScalarIndent => {
            "the text block is not well formed; write `|` or `>`, and the text indented on the lines below".to_owned()
        }
        K::UnexpectedCharacter { character } => {
            format!("a value cannot start with `{}`; put the value in quotes", character.escape_default())
        }
        K::PlainScalarStartsWithDashFlowIndicator => "a value cannot start with `-` here; put it in quotes".to_owned(),
        K::UnknownAnchor | K::MissingAnchorOrAliasName => {
            "`*` and `&` refer to anchors; put the value in quotes if it is text".to_owned()
        }
        K::ExpectedTagBang
        | K::UndeclaredTagHandle
        | K::InvalidTagTerminator
        | K::MissingTagUri
        | K::UnclosedVerbatimTag
        | K::InvalidTagEscape => "`!` starts a tag, which is not used here; put the value in quotes".to_owned(),
        K::ExpectedDocumentStart | K::InvalidDocumentEnd | K::MissingDocumentEndBeforeDirective => {
            "the document has ended before this line; indent it like the lines above, or start a new one with `---`".to_owned()
        }
        K::BomInsideDocument => "a byte order mark is not allowed inside the text; remove it".to_owned(),
        other => format!("this is not YAML: {other}"),
    }
}
