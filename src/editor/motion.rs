//! Borders of graphemes and words in a rope.

use ropey::{Rope, RopeSlice};
use unicode_segmentation::{GraphemeCursor, GraphemeIncomplete};

/// Returns the next border of a grapheme after `at`, or the end of the text.
pub(super) fn next_grapheme(rope: &Rope, at: usize) -> usize {
    let n_chars = rope.len_chars();
    if at >= n_chars {
        return n_chars;
    }
    // Two ASCII characters only join as `\r\n`.
    let (here, next) = (rope.char(at), rope.get_char(at + 1));
    if here.is_ascii() && here != '\r' && next.is_none_or(|c| c.is_ascii()) {
        return at + 1;
    }
    border(rope, at, |cursor, chunk, start| {
        cursor.next_boundary(chunk, start)
    })
    .unwrap_or(n_chars)
}

/// Returns the border of a grapheme before `at`, or the start of the text.
pub(super) fn previous_grapheme(rope: &Rope, at: usize) -> usize {
    if at == 0 {
        return 0;
    }
    let (before, here) = (at.checked_sub(2).map(|at| rope.char(at)), rope.char(at - 1));
    if here.is_ascii() && here != '\n' && before.is_none_or(|c| c.is_ascii()) {
        return at - 1;
    }
    border(rope, at, |cursor, chunk, start| {
        cursor.prev_boundary(chunk, start)
    })
    .unwrap_or(0)
}

/// Returns `at`, or the next border of a grapheme if it is none.
pub(super) fn snap(rope: &Rope, at: usize) -> usize {
    let at = at.min(rope.len_chars());
    if is_border(rope, at) {
        at
    } else {
        next_grapheme(rope, at)
    }
}

/// Tells whether a cursor may stand at `at`.
pub(super) fn is_border(rope: &Rope, at: usize) -> bool {
    if at == 0 || at >= rope.len_chars() {
        return at <= rope.len_chars();
    }
    let (before, after) = (rope.char(at - 1), rope.char(at));
    if before.is_ascii() && after.is_ascii() {
        return !(before == '\r' && after == '\n');
    }
    let answer = border(rope, at, |cursor, chunk, start| {
        cursor
            .is_boundary(chunk, start)
            .map(|is_border| is_border.then_some(cursor.cur_cursor()))
    });
    answer.is_some()
}

/// Asks a grapheme cursor at character `at`, giving it the chunks of the rope that it wants; answers in characters.
fn border(
    rope: &Rope,
    at: usize,
    mut ask: impl FnMut(&mut GraphemeCursor, &str, usize) -> Result<Option<usize>, GraphemeIncomplete>,
) -> Option<usize> {
    let byte = rope.char_to_byte(at);
    let mut cursor = GraphemeCursor::new(byte, rope.len_bytes(), true);
    let (mut chunk, mut start, _, _) = rope.chunk_at_byte(byte);
    loop {
        match ask(&mut cursor, chunk, start) {
            Ok(answer) => return answer.map(|byte| rope.byte_to_char(byte)),
            Err(GraphemeIncomplete::NextChunk) => {
                (chunk, start, _, _) = rope.chunk_at_byte(start + chunk.len());
            }
            Err(GraphemeIncomplete::PrevChunk) => {
                (chunk, start, _, _) = rope.chunk_at_byte(start.saturating_sub(1));
            }
            Err(GraphemeIncomplete::PreContext(end)) => {
                let (context, context_start, _, _) = rope.chunk_at_byte(end - 1);
                cursor.provide_context(context, context_start);
            }
            Err(GraphemeIncomplete::InvalidOffset) => return Some(at),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Word,
    Punctuation,
}

fn class(c: char) -> Class {
    if c.is_whitespace() {
        Class::Space
    } else if c.is_alphanumeric() || c == '_' {
        Class::Word
    } else {
        Class::Punctuation
    }
}

/// Returns the start of the word that lies before `at`.
pub(super) fn word_left(rope: &Rope, at: usize) -> usize {
    let mut at = at;
    let mut chars = rope.chars_at(at).reversed().peekable();
    while chars.next_if(|&c| class(c) == Class::Space).is_some() {
        at -= 1;
    }
    let Some(kind) = chars.peek().map(|&c| class(c)) else {
        return 0;
    };
    while chars.next_if(|&c| class(c) == kind).is_some() {
        at -= 1;
    }
    snap(rope, at)
}

/// Returns the end of the word that lies after `at`.
pub(super) fn word_right(rope: &Rope, at: usize) -> usize {
    let mut at = at;
    let mut chars = rope.chars_at(at).peekable();
    while chars.next_if(|&c| class(c) == Class::Space).is_some() {
        at += 1;
    }
    let Some(kind) = chars.peek().map(|&c| class(c)) else {
        return rope.len_chars();
    };
    while chars.next_if(|&c| class(c) == kind).is_some() {
        at += 1;
    }
    snap(rope, at)
}

/// Returns the place at the end of a line, before its line end.
pub(super) fn line_end(rope: &Rope, line: usize) -> usize {
    rope.line_to_char(line) + line_without_end(rope.line(line)).len_chars()
}

/// Returns a line without its `\n` or `\r\n`.
pub(super) fn line_without_end(line: RopeSlice<'_>) -> RopeSlice<'_> {
    let mut end = line.len_chars();
    if end > 0 && line.char(end - 1) == '\n' {
        end -= 1;
        if end > 0 && line.char(end - 1) == '\r' {
            end -= 1;
        }
    }
    line.slice(..end)
}

/// Returns how many characters of a line, up to `limit`, are spaces before anything else.
pub(super) fn leading_spaces(line: RopeSlice<'_>, limit: usize) -> usize {
    line.chars().take(limit).take_while(|&c| c == ' ').count()
}
