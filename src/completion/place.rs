//! Where in a YAML text the cursor stands: under which keys, at a key or at a value, in block or in flow style.
//!
//! Read from the lines around the cursor and never from a parsed tree, since the text is mostly broken just where it is
//! typed. Only lines that could be parents are looked at, so that a long text costs no more than a short one.

use std::borrow::Cow;
use std::ops::Range;

use ropey::Rope;

use super::{flow, lines};
use crate::schema::{Path, Step};

/// Most lines that are walked over in search of parents and neighbours.
const MAX_LINES: usize = 20_000;

/// Where the cursor stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The keys and lists around it, from the top of its document; of a value with its key.
    pub path: Path,
    /// What belongs there.
    pub slot: Slot,
    /// The bytes of the word that is being typed, what follows the cursor included.
    pub typed: Range<usize>,
    /// The bytes of that word before the cursor.
    pub before: Range<usize>,
    /// The other keys of the same map.
    pub siblings: Vec<String>,
    /// How it is written there.
    pub style: Style,
    /// The first line of its document, from 0.
    pub document: usize,
    /// Whether a value follows its colon without a space yet.
    pub needs_space: bool,
}

/// What belongs at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A key of a map, or the item of a list if the schema says so.
    Key,
    /// A value.
    Value,
}

/// How a place is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// In lines; the keys start in this column, from 0.
    Block {
        /// The column.
        column: usize,
        /// Whether the line has a dash, or the lines above show that it needs none.
        is_item: bool,
    },
    /// Between brackets.
    Flow,
}

/// A line as far as its structure goes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry<'l> {
    /// The columns of its dashes.
    dashes: Vec<usize>,
    /// The column of what follows them.
    column: usize,
    /// Its key.
    key: Option<&'l str>,
    /// What follows the key, or the whole content without one.
    value: &'l str,
}

impl Entry<'_> {
    /// Reads a line; none of a blank one, a comment or a mark between documents.
    fn read(line: &str) -> Option<Entry<'_>> {
        let line = line.trim_end_matches(['\n', '\r', ' ']);
        let mut rest = line.trim_start_matches(' ');
        let mut dashes = Vec::new();
        while let Some(after) = rest
            .strip_prefix('-')
            .filter(|after| after.is_empty() || after.starts_with(' '))
        {
            dashes.push(line.len() - rest.len());
            rest = after.trim_start_matches(' ');
        }
        if (rest.is_empty() && dashes.is_empty()) || rest.starts_with('#') {
            return None;
        }
        let column = match (rest.is_empty(), dashes.last()) {
            (true, Some(dash)) => dash + 2,
            _ => line.len() - rest.len(),
        };
        let (key, value) = split_key(rest).map_or((None, rest), |(key, value)| (Some(key), value));
        Some(Entry {
            dashes,
            column,
            key,
            value: without_comment(value),
        })
    }

    /// Returns the column in which the entry begins, its dashes included.
    fn start(&self) -> usize {
        self.dashes.first().copied().unwrap_or(self.column)
    }
}

/// Splits `key: value`; quotes are taken off the key.
pub(super) fn split_key(text: &str) -> Option<(&str, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        let (key, after) = text[1..].split_once(quote)?;
        return after
            .trim_start()
            .strip_prefix(':')
            .map(|value| (key, value.trim_start()));
    }
    if text.starts_with(['{', '[', '|', '>', '&', '*', '!']) {
        return None;
    }
    let at = text
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| text[at + 1..].is_empty() || text[at + 1..].starts_with(' '))?;
    Some((text[..at].trim_end(), text[at + 1..].trim_start()))
}

fn without_comment(value: &str) -> &str {
    if value.starts_with('#') {
        return "";
    }
    value.find(" #").map_or(value, |at| value[..at].trim_end())
}

/// Returns the place of a byte of a text; none where nothing is to be completed: in comments, block scalars, quoted texts.
pub fn place(rope: &Rope, byte: usize) -> Option<Place> {
    let line = rope.byte_to_line(byte);
    let start = rope.line_to_byte(line);
    let text = text_of(rope, line);
    let head = &text[..byte - start];
    if has_comment(head) {
        return None;
    }
    let document = document_start(rope, line);
    if let Some(found) = flow::place(rope, line, head, byte, document) {
        return found;
    }
    let after = &text[byte - start..];
    let mut above = Above::new(rope, line, document);
    let (path, slot, word, column, is_item) = in_line(head, &mut above)?;
    let siblings = above.siblings(rope, line, column);
    let needs_space = slot == Slot::Value && head.ends_with(':');
    let before = byte - word.len()..byte;
    Some(Place {
        path,
        slot,
        typed: before.start..byte + word_length(after, slot),
        before,
        siblings,
        style: Style::Block { column, is_item },
        document,
        needs_space,
    })
}

/// Returns the path, what belongs there and the word so far of a cursor behind `head`, on a line of its own style.
fn in_line<'h>(head: &'h str, above: &mut Above<'_>) -> Option<(Path, Slot, &'h str, usize, bool)> {
    let Some(entry) = Entry::read(head) else {
        // An empty line: the place of the cursor says how deep it is meant.
        let column = head.len();
        let path = above.path_to(column, false)?;
        return Some((path, Slot::Key, "", column, false));
    };
    let is_item = !entry.dashes.is_empty();
    let mut path = above.path_to(entry.start(), is_item)?;
    path.0.extend(entry.dashes.iter().map(|_| Step::Item));
    match entry.key {
        Some(key) => {
            let word = &head[head.len() - value_length(head, key)..];
            is_word(word).then(|| {
                let path = path.then(Step::Key(key.to_owned()));
                (path, Slot::Value, word, entry.column, is_item)
            })
        }
        None => {
            let word = if head.ends_with(' ') { "" } else { entry.value };
            is_word(word).then_some((path, Slot::Key, word, entry.column, is_item))
        }
    }
}

/// Returns how many bytes of a line that ends at the cursor belong to the value of its key.
fn value_length(head: &str, key: &str) -> usize {
    let behind = head.find(key).map_or(0, |at| at + key.len());
    let value = head[behind..].trim_start_matches(['"', '\'']);
    let value = value.trim_start_matches(' ').strip_prefix(':');
    value.unwrap_or_default().trim_start_matches(' ').len()
}

/// Tells whether a text can be the beginning of a key or a plain value.
pub(super) fn is_word(text: &str) -> bool {
    !text.starts_with(['"', '\'', '|', '>', '&', '*', '!', '{', '[', '#']) && !text.contains(' ')
}

/// Returns how many bytes behind the cursor belong to the word at it.
pub(super) fn word_length(after: &str, slot: Slot) -> usize {
    let is_part = |c: char| match slot {
        Slot::Key => c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'),
        Slot::Value => !c.is_whitespace() && !matches!(c, ',' | ']' | '}' | '#'),
    };
    after.find(|c| !is_part(c)).unwrap_or(after.len())
}

fn has_comment(head: &str) -> bool {
    let head = head.trim_start();
    let is_quoted = |at: usize| head[..at].matches(['"', '\'']).count() % 2 == 1;
    head.starts_with('#') || head.match_indices(" #").any(|(at, _)| !is_quoted(at))
}

pub(super) fn text_of(rope: &Rope, line: usize) -> Cow<'_, str> {
    rope.line(line).into()
}

pub(super) fn is_mark(line: &str) -> bool {
    // The first character tells of most lines that they are none.
    line.starts_with(['-', '.']) && (line.starts_with("---") || line.starts_with("..."))
}

/// Returns the first line of the document that a line is in.
fn document_start(rope: &Rope, line: usize) -> usize {
    let mut above = lines::above(rope, line).take(MAX_LINES);
    let n_above = above.position(|line| is_mark(&line));
    line - n_above.unwrap_or(MAX_LINES.min(line))
}

/// Tells of a line, at a glance, that it neither is beside what begins in a column nor holds it: most lines of a long text.
fn is_inside(line: &str, column: usize, is_item: bool) -> bool {
    let rest = line.trim_start_matches(' ');
    let indent = line.len() - rest.len();
    let is_other_item = || is_item && (rest.starts_with("- ") || rest == "-");
    indent > column || indent == column && is_other_item()
}

/// The lines above the cursor, walked upwards once.
pub(super) struct Above<'r> {
    lines: std::iter::Take<lines::Above<'r>>,
    /// Keys met in the column of the cursor's map before its parent.
    keys: Vec<String>,
}

impl<'r> Above<'r> {
    pub(super) fn new(rope: &'r Rope, line: usize, document: usize) -> Self {
        Self {
            lines: lines::above(rope, line).take(line.saturating_sub(document)),
            keys: Vec::new(),
        }
    }

    /// Returns the path to the map or list whose entries begin in a column; none inside of a scalar of several lines.
    pub(super) fn path_to(&mut self, column: usize, is_item: bool) -> Option<Path> {
        let mut steps = Vec::new();
        let (mut column, mut is_item, mut is_first) = (column, is_item, true);
        while let Some(line) = self.lines.next() {
            if is_inside(&line, column, is_item) {
                continue;
            }
            let Some(entry) = Entry::read(&line) else {
                continue;
            };
            // What follows dashes stands in the same map as the lines below it.
            if !entry.dashes.is_empty() && entry.column == column && entry.start() < column {
                self.remember(&entry, is_first && !is_item);
                steps.extend(entry.dashes.iter().rev().map(|_| Step::Item));
                (column, is_item, is_first) = (entry.start(), true, false);
                continue;
            }
            let is_parent = entry.column < column
                || is_item && entry.dashes.is_empty() && entry.column == column;
            if !is_parent {
                if entry.start() == column && !is_item {
                    self.remember(&entry, is_first);
                }
                continue;
            }
            if !matches!(entry.value, "") {
                // A value that goes on below is a text, or no parent of anything.
                return None;
            }
            let Some(key) = entry.key else {
                // A dash alone.
                steps.extend(entry.dashes.iter().rev().map(|_| Step::Item));
                (column, is_item, is_first) = (entry.start(), true, false);
                continue;
            };
            steps.push(Step::Key(key.to_owned()));
            steps.extend(entry.dashes.iter().rev().map(|_| Step::Item));
            (column, is_item, is_first) = (entry.start(), !entry.dashes.is_empty(), false);
        }
        steps.reverse();
        Some(Path(steps))
    }

    fn remember(&mut self, entry: &Entry<'_>, is_sibling: bool) {
        self.keys
            .extend(entry.key.filter(|_| is_sibling).map(str::to_owned));
    }

    /// Returns the other keys of the map whose keys start in a column: those above, and those below the line.
    fn siblings(self, rope: &Rope, line: usize, column: usize) -> Vec<String> {
        let mut keys = self.keys;
        for text in lines::from(rope, line).skip(1).take(MAX_LINES) {
            if is_inside(&text, column, false) {
                continue;
            }
            if is_mark(&text) {
                break;
            }
            match Entry::read(&text) {
                None => {}
                Some(entry) if entry.start() < column => break,
                Some(entry) if entry.start() == column && entry.dashes.is_empty() => {
                    keys.extend(entry.key.map(str::to_owned));
                }
                Some(entry) if entry.start() == column => break,
                Some(_) => {}
            }
        }
        keys
    }
}

#[cfg(test)]
mod tests;
