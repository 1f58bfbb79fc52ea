//! Indentation as YAML wants it: spaces only, deeper after a key or a dash.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use ropey::Rope;

use super::edit::{Change, Edit};
use super::habits::BYTE_ORDER_MARK;
use super::motion::line_without_end;

/// Spaces of one level where the text does not show another habit.
const DEFAULT_UNIT: usize = 2;
/// Only so many lines are looked at for the habit.
const MAX_LOOKED_AT: usize = 1000;

/// Returns how many spaces one level has in this text.
pub(super) fn unit_of(rope: &Rope) -> usize {
    // The column of the key that the line before opens, and how far the text of a block goes in at least.
    let (mut opened, mut block): (Option<usize>, Option<usize>) = (None, None);
    for line in rope.lines().take(MAX_LOOKED_AT) {
        let line = line_without_end(line).to_string();
        let n_spaces = spaces_of(&line);
        let (dashes, content) = split_dashes(&line);
        let content = without_comment(content).trim_end();
        let is_text = block.is_some_and(|least| n_spaces > least);
        if content.is_empty() || content.starts_with('\t') || is_text {
            continue;
        }
        let deeper = opened.and_then(|column| n_spaces.checked_sub(column));
        if let Some(unit) = deeper.filter(|unit| (2..=8).contains(unit)) {
            return unit;
        }
        let column = dashes.chars().count();
        opened = content.ends_with(':').then_some(column);
        block = (!content.ends_with(':') && opens_text(content)).then_some(n_spaces);
    }
    DEFAULT_UNIT
}

/// Returns the spaces that a line after `head` (a line up to the cursor) starts with.
pub(super) fn after(head: &str, unit: usize) -> usize {
    let (dashes, content) = split_dashes(head);
    let column = dashes.chars().count();
    let content = without_comment(content).trim_end();
    // After a dash alone, or a dash and a block scalar's mark, the text stands under the place of the value.
    if content.is_empty() || content.starts_with(['|', '>']) {
        return column;
    }
    if opens_block(content) {
        return column + unit;
    }
    // After `- key: value` the next key stands under `key`; after `- value` the next dash under the dash, since a deeper
    // line would silently go on with the value.
    if has_value(content) {
        column
    } else {
        head.chars().take_while(|&c| c == ' ').count()
    }
}

/// Splits a line after its indentation and its `- ` marks.
pub(super) fn split_dashes(line: &str) -> (&str, &str) {
    let mut content = line.trim_start_matches(' ');
    while let Some(rest) = content.strip_prefix("- ") {
        content = rest.trim_start_matches(' ');
    }
    line.split_at(line.len() - content.len())
}

pub(super) fn without_comment(content: &str) -> &str {
    if content.starts_with('#') {
        return "";
    }
    content.find(" #").map_or(content, |at| &content[..at])
}

/// Tells whether what follows belongs deeper: after a key, a block scalar's mark or an open bracket.
pub(super) fn opens_block(content: &str) -> bool {
    content.ends_with([':', '{', '[']) || opens_text(content)
}

/// Tells whether text of many lines follows, after a block scalar's mark.
fn opens_text(content: &str) -> bool {
    let mark = content.trim_end_matches(|c: char| matches!(c, '+' | '-') || c.is_ascii_digit());
    mark.ends_with(" |") || mark.ends_with(" >") || mark == "|" || mark == ">"
}

/// Tells whether the value of a key stands on the line of the key.
fn has_value(content: &str) -> bool {
    content.contains(": ")
}

/// Returns the column of the stop before `column`: a level of the text, or one of `columns`, in which something above goes on.
pub(super) fn stop_before(column: usize, unit: usize, columns: &[usize]) -> usize {
    let level = column.saturating_sub(1) / unit * unit;
    let before = columns.iter().copied().filter(|it| *it < column);
    before.max().map_or(level, |it| it.max(level))
}

/// Returns the column of the stop behind `column`.
pub(super) fn stop_after(column: usize, unit: usize, columns: &[usize]) -> usize {
    let level = column - column % unit + unit;
    let behind = columns.iter().copied().filter(|it| *it > column);
    behind.min().map_or(level, |it| it.min(level))
}

/// Returns lines that are pasted behind `head` (a line up to the cursor) with the indentation that is meant there: they move
/// together, so that the first stands at the cursor. At the margin, behind other text, or of one line they stay as they are.
pub(super) fn pasted<'t>(head: &str, text: &'t str) -> Cow<'t, str> {
    let (dashes, rest) = split_dashes(head);
    let Some((first, others)) = text
        .split_once('\n')
        .filter(|_| !head.is_empty() && rest.is_empty())
    else {
        return Cow::Borrowed(text);
    };
    Cow::Owned(moved(dashes.chars().count(), first, others))
}

/// Returns lines so that the first of them stands in a column, which its place gives it, and the others move with it.
pub(super) fn moved_to(column: usize, text: &str) -> String {
    match text.split_once('\n') {
        Some((first, others)) => moved(column, first, others),
        None => text.trim_start_matches(' ').to_owned(),
    }
}

fn moved(column: usize, first: &str, others: &str) -> String {
    let outermost = others
        .lines()
        .filter(|line| !line.trim().is_empty())
        .min_by_key(|line| spaces_of(line))
        .unwrap_or("");
    let least = spaces_of(outermost);
    // What follows an item of a list stands below what is behind its dash, unless it is the next item.
    let dashes = split_dashes(first).0.len();
    let is_next_item = !split_dashes(outermost.trim_start_matches(' ')).0.is_empty();
    // A first line that was taken from its middle on says nothing of where it stood: the lines below it do, unless they are
    // deeper because it opens them.
    let base = match spaces_of(first) {
        0 if opens_block(without_comment(first).trim_end()) => 0,
        0 if !is_next_item => least.saturating_sub(dashes),
        0 => least,
        spaces => spaces,
    };
    let mut moved = first.trim_start_matches(' ').to_owned();
    for line in others.split('\n') {
        moved.push('\n');
        if line.trim().is_empty() {
            moved.push_str(line.trim_start_matches(' '));
            continue;
        }
        let spaces = (spaces_of(line) + column).saturating_sub(base);
        moved.extend(std::iter::repeat_n(' ', spaces));
        moved.push_str(line.trim_start_matches(' '));
    }
    moved
}

fn spaces_of(line: &str) -> usize {
    line.bytes().take_while(|&b| b == b' ').count()
}

/// Returns the edit that moves whole lines one stop in.
pub(super) fn indent(rope: &Rope, lines: RangeInclusive<usize>, unit: usize) -> Edit {
    each_line(rope, lines, |line, start| {
        let is_blank = line.trim_end_matches(['\r', '\n']).is_empty();
        (!is_blank).then(|| Change {
            at: start,
            removed: String::new(),
            inserted: " ".repeat(unit),
        })
    })
}

/// Returns the edit that moves whole lines one stop out, where `columns` are stops too.
pub(super) fn outdent(
    rope: &Rope,
    lines: RangeInclusive<usize>,
    unit: usize,
    columns: &[usize],
) -> Edit {
    each_line(rope, lines, |line, start| {
        let n_spaces = line.chars().take_while(|&c| c == ' ').count();
        let n_removed = n_spaces - stop_before(n_spaces, unit, columns);
        // A tab that slipped in goes too.
        let removed = if line.starts_with('\t') {
            "\t".into()
        } else {
            " ".repeat(n_removed)
        };
        Some(Change {
            at: start,
            removed,
            inserted: String::new(),
        })
    })
}

/// Returns the edit that comments lines, or uncomments them when every one that is not blank is a comment.
pub(super) fn toggle_comment(rope: &Rope, lines: RangeInclusive<usize>) -> Edit {
    let texts: Vec<String> = lines
        .clone()
        .map(|line| rope.line(line).to_string())
        .collect();
    let mut written = texts
        .iter()
        .filter(|line| !line.trim().is_empty())
        .peekable();
    let is_all_comments = written.peek().is_some()
        && written
            .clone()
            .all(|line| line.trim_start().starts_with('#'));
    let margin = written
        .map(|line| line.chars().take_while(|&c| c == ' ').count())
        .min()
        .unwrap_or(0);
    each_line(rope, lines, |line, start| {
        if line.trim().is_empty() {
            return None;
        }
        if !is_all_comments {
            return Some(Change {
                at: start + margin,
                removed: String::new(),
                inserted: "# ".into(),
            });
        }
        let at = line.chars().position(|c| c == '#')?;
        let removed = if line.contains("# ") && line.chars().nth(at + 1) == Some(' ') {
            "# "
        } else {
            "#"
        };
        Some(Change {
            at: start + at,
            removed: removed.into(),
            inserted: String::new(),
        })
    })
}

/// Makes a change a line, from the last line to the first, so that the places hold.
fn each_line(
    rope: &Rope,
    lines: RangeInclusive<usize>,
    change: impl Fn(&str, usize) -> Option<Change>,
) -> Edit {
    lines
        .rev()
        .filter_map(|line| {
            let start = rope.line_to_char(line);
            let text = rope.line(line).to_string();
            // The byte order mark is no part of the first line.
            match text.strip_prefix(BYTE_ORDER_MARK) {
                Some(rest) if line == 0 => change(rest, start + 1),
                _ => change(&text, start),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_line_is_indented_as_yaml_goes_on() {
        for (head, expected) in [
            ("", 0),
            ("name: web", 0),
            ("  name: web", 2),
            ("containers:", 2),
            ("containers: # all of them", 2),
            ("  - name: web", 4),
            ("  - ports:", 6),
            ("  - echo", 2),
            ("  - ", 4),
            ("- - a: b", 4),
            ("script: |", 2),
            ("script: >-", 2),
            ("  script: |2-", 4),
            ("- |", 2),
            ("- >-", 2),
            ("- - x: |", 6),
            ("args: [", 2),
            ("range: 1-", 0),
            ("# a comment:", 0),
            ("url: http://x", 0),
        ] {
            assert_eq!(after(head, 2), expected, "{head:?}");
        }
    }

    #[test]
    fn pasted_lines_move_to_the_place_of_the_cursor() {
        let check = |head: &str, text: &str, expected: &str| {
            assert_eq!(pasted(head, text), expected, "{head:?} {text:?}");
        };
        check("    ", "name: a\nimage: b\n", "name: a\n    image: b\n");
        check("    ", "ports:\n  - a\n", "ports:\n      - a\n");
        check("  ", "      name: a\n      image: b", "name: a\n  image: b");
        check("  - ", "name: a\n        image: b", "name: a\n    image: b");
        check("  ", "    a:\n      b: 1\n", "a:\n    b: 1\n");
        check("  ", "  b: 1\na: 2", "b: 1\na: 2");
        check("  ", "a: 1\n\n  \nb: 2", "a: 1\n\n\n  b: 2");
        // The further lines of an item stay below what is behind its dash, wherever it was copied from.
        check("  ", "- name: a\n  image: b\n", "- name: a\n    image: b\n");
        check(
            "  ",
            "- name: a\n      image: b\n",
            "- name: a\n    image: b\n",
        );
        check(
            "  ",
            "- name: a\n  image: b\n- name: c\n",
            "- name: a\n    image: b\n  - name: c\n",
        );
        check("    ", "  - a\n  - b\n", "- a\n    - b\n");
        // At the margin, of one line, or behind other text: as it is.
        check("", "    a:\n      b: 1\n", "    a:\n      b: 1\n");
        check("  ", "  a", "  a");
        check("a: ", "x\n  y", "x\n  y");
        check("", "a: 1\nb: 2\n", "a: 1\nb: 2\n");
    }

    #[test]
    fn the_habit_of_the_text_is_taken_up() {
        for (text, expected) in [
            ("", 2),
            ("a:\n    b: 1\n", 4),
            ("a:\n  - b: 1\n", 2),
            ("n: x\na:\n  - b: 1\n    c: 2\nd:\n  - e: 1\n", 2),
            ("a:\n    - b: 1\n      c: 2\n", 4),
            ("a:\n- b: 1\n  c:\n    d: 1\n", 2),
            ("a:\n- b: 1\n  c:\n      d: 1\n", 4),
            ("a:\n- b\n\nc: |\n     d:\n         e\n", 2),
            ("# x\n\na:\n   b:\n      c: 1\n", 3),
        ] {
            assert_eq!(unit_of(&Rope::from_str(text)), expected, "{text:?}");
        }
    }
}
