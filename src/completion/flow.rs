//! Places between brackets: `{name: web, ports: [{port: |}]}`, over one line or several.

use ropey::Rope;

use super::lines;
use super::place::{Above, Place, Slot, Style, is_word, split_key, text_of, word_length};
use crate::schema::{Path, Step};

/// Most lines that a pair of brackets is looked for over.
const MAX_LINES: usize = 500;

/// An open bracket and what was read behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    Map {
        keys: Vec<String>,
        /// The key whose value is being read.
        key: Option<String>,
    },
    List,
}

/// Returns the place of a cursor between brackets, none outside of them; inside, none where nothing is to be completed.
pub(super) fn place(
    rope: &Rope,
    line: usize,
    head: &str,
    byte: usize,
    document: usize,
) -> Option<Option<Place>> {
    let first = first_line(rope, line, document);
    let mut text: String = (first..line).map(|line| text_of(rope, line)).collect();
    text.push_str(head);
    let (at, open, word) = scan(&text)?;
    // The bracket's own line says where the whole stands.
    let begins = first + text[..at].matches('\n').count();
    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line_start..at];
    let mut above = Above::new(rope, begins, document);
    let Some(mut path) = block_path(before, &mut above) else {
        return Some(None);
    };
    let quote = word.chars().next().filter(|c| matches!(c, '"' | '\''));
    let bare = word.trim_start_matches(['"', '\'']);
    // Behind a text in quotes nothing can be written but a colon or a comma.
    if !is_word(bare) || quote.is_some_and(|quote| bare.contains(quote)) {
        return Some(None);
    }
    let (siblings, slot) = descend(open, &mut path);
    let rest = text_of(rope, line);
    let after = &rest[head.len()..];
    let range = byte - word.len()..byte;
    let mut n_after = match quote {
        None => word_length(after, slot),
        Some(quote) => word_length(after.split(quote).next().unwrap_or_default(), slot),
    };
    if quote.is_some_and(|quote| after[n_after..].starts_with(quote)) {
        n_after += 1;
    }
    Some(Some(Place {
        path,
        slot,
        typed: range.start..byte + n_after,
        before: range,
        siblings,
        style: Style::Flow,
        document,
        needs_space: false,
    }))
}

/// Returns the line that brackets around a line may begin on: less indented than those below it.
fn first_line(rope: &Rope, line: usize, document: usize) -> usize {
    let indent = |text: &str| {
        let content = text.trim_start_matches(' ');
        (!content.trim().is_empty()).then(|| text.len() - content.len())
    };
    let mut first = line;
    let mut least = indent(&text_of(rope, line)).unwrap_or(usize::MAX);
    let above = (document..line).rev().zip(lines::above(rope, line));
    for (above, text) in above.take(MAX_LINES) {
        let Some(spaces) = indent(&text) else {
            continue;
        };
        if spaces < least {
            least = spaces;
            first = above;
            // A line without brackets ends what may be between some.
            if !text.contains(['[', '{', ',', ']', '}']) {
                break;
            }
        }
        if least == 0 {
            break;
        }
    }
    first
}

/// Reads the brackets of a text that ends at the cursor: where the outermost open one is, all open ones, and the word so far with
/// the quote it began with.
fn scan(text: &str) -> Option<(usize, Vec<Open>, &str)> {
    let mut open: Vec<Open> = Vec::new();
    let (mut first, mut word, mut quotes) = (0, 0, Quotes::default());
    let mut before = '\n';
    for (at, c) in text.char_indices() {
        if quotes.take(c, || text[word..at].trim().is_empty()) {
            before = c;
            continue;
        }
        match c {
            '{' | '[' if !open.is_empty() || opens_value(&text[..at]) => {
                if open.is_empty() {
                    first = at;
                }
                open.push(match c {
                    '{' => Open::Map {
                        keys: Vec::new(),
                        key: None,
                    },
                    _ => Open::List,
                });
                word = at + 1;
            }
            '}' | ']' if !open.is_empty() => {
                open.pop();
                word = at + 1;
            }
            ',' if !open.is_empty() => {
                if let Some(Open::Map { key, .. }) = open.last_mut() {
                    *key = None;
                }
                word = at + 1;
            }
            _ => {
                // A key in quotes needs no blank behind its colon.
                let end = match c {
                    ':' if matches!(before, '"' | '\'') => at + 1,
                    ' ' | '\n' if before == ':' => at,
                    _ => word,
                };
                if let Some(Open::Map { keys, key: slot }) = open.last_mut()
                    && let Some((name, _)) = split_key(text[word..end].trim())
                {
                    keys.push(name.to_owned());
                    *slot = Some(name.to_owned());
                    word = end;
                }
            }
        }
        before = c;
    }
    (!open.is_empty()).then(|| (first, open, text[word..].trim_start()))
}

/// Texts in quotes, read character by character.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    end: Option<char>,
    is_escaped: bool,
}

impl Quotes {
    /// Takes the next character in; returns whether it is within a text in quotes, or begins or ends one. A quote begins a text
    /// only where a value may begin.
    pub(super) fn take(&mut self, c: char, may_begin: impl FnOnce() -> bool) -> bool {
        let Some(end) = self.end else {
            let begins = matches!(c, '"' | '\'') && may_begin();
            self.end = begins.then_some(c);
            return begins;
        };
        let is_escaped = std::mem::take(&mut self.is_escaped);
        if c == end && !is_escaped {
            self.end = None;
        }
        self.is_escaped = c == '\\' && end == '"' && !is_escaped;
        true
    }
}

/// Tells whether a bracket behind a text of lines begins a value, and is no part of a plain one.
fn opens_value(before: &str) -> bool {
    let line = &before[before.rfind('\n').map_or(0, |end| end + 1)..];
    let line = line.trim_start_matches(' ');
    line.is_empty() || line.ends_with(": ") || line.ends_with("- ")
}

/// Returns the path of the value that begins behind a text of its line.
fn block_path(before: &str, above: &mut Above<'_>) -> Option<Path> {
    let mut rest = before.trim_start_matches(' ');
    let start = before.len() - rest.len();
    let mut n_items = 0;
    while let Some(after) = rest.strip_prefix("- ") {
        n_items += 1;
        rest = after.trim_start_matches(' ');
    }
    let mut path = above.path_to(start, n_items > 0)?;
    path.0.extend((0..n_items).map(|_| Step::Item));
    if let Some((key, _)) = split_key(rest.trim_end()) {
        path.0.push(Step::Key(key.to_owned()));
    }
    Some(path)
}

/// Adds what the open brackets say to a path; returns the keys beside the cursor, and what belongs there.
fn descend(open: Vec<Open>, path: &mut Path) -> (Vec<String>, Slot) {
    let mut inner = (Vec::new(), Slot::Value);
    for bracket in open {
        inner = match bracket {
            Open::List => {
                path.0.push(Step::Item);
                (Vec::new(), Slot::Value)
            }
            Open::Map {
                keys,
                key: Some(key),
            } => {
                path.0.push(Step::Key(key));
                (keys, Slot::Value)
            }
            Open::Map { keys, key: None } => (keys, Slot::Key),
        };
    }
    inner
}
