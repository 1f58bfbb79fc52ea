//! The commands that change the text: each works out one edit and where the cursor goes.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use super::blanks::Blanks;
use super::edit::Change;
use super::habits::BYTE_ORDER_MARK;
use super::highlight::LineState;
use super::history::EditKind;
use super::outcome::notice;
use super::selection::Selection;
use super::{Clipboard, Editor, Notice, Outcome, indent, layout, motion, structure};

impl Editor {
    pub(super) fn insert(&mut self, text: &str, now: Duration) -> Outcome {
        let text = self.with_own_line_ends(text);
        if text == "-"
            && let Some(outcome) = self.insert_dash(now)
        {
            return outcome;
        }
        let start = self.selection.range().start;
        let follows_word = start > self.first() && !self.rope.char(start - 1).is_whitespace();
        let starts_word =
            !self.selection.is_empty() || (!follows_word && !text.starts_with(char::is_whitespace));
        self.replace_selection(&text, EditKind::Typing { starts_word }, now)
    }

    /// Inserts the dash of a list's item in the column of that list, where the cursor stands deeper, as it does on the line
    /// after an item; none where the dash belongs at the cursor.
    fn insert_dash(&mut self, now: Duration) -> Option<Outcome> {
        let head = self.selection.head;
        let line = self.rope.char_to_line(head);
        let start = self.line_start(line);
        let is_blank = self.line(line).trim().is_empty() && self.selection.is_empty();
        if !is_blank || !matches!(self.line_state(line), LineState::Open) {
            return None;
        }
        let column = structure::dash_column(self.above(line), head - start, self.habits.indent)?;
        let text = format!("{}-", " ".repeat(column));
        let cursor = Selection::at(start + text.len());
        let change = Change::replace(&self.rope, start, head, text);
        Some(self.commit(change, Some(cursor), EditKind::Whole, now))
    }

    /// Returns the lines above one, the nearest first.
    fn above(&self, line: usize) -> impl Iterator<Item = String> + '_ {
        (0..line).rev().map(|idx| self.line(idx).to_string())
    }

    /// Returns the columns in which what stands above a line goes on.
    fn columns(&self, line: usize) -> Vec<usize> {
        match self.line_state(line) {
            LineState::Open => structure::columns(self.above(line), self.habits.indent),
            LineState::Block { .. } | LineState::Quoted { .. } => Vec::new(),
        }
    }

    pub(super) fn newline(&mut self, now: Duration) -> Outcome {
        let Range { start, end } = self.selection.range();
        let line_idx = self.rope.char_to_line(start);
        let line_start = self.line_start(line_idx);
        let head = self.rope.slice(line_start..start).to_string();
        if self.selection.is_empty() && head.bytes().all(|b| b == b' ') {
            // Before its first word the whole line moves down, and leaves no stray spaces above.
            let change = Change {
                at: line_start,
                removed: String::new(),
                inserted: self.habits.line_end.into(),
            };
            return self.commit(change, None, EditKind::Whole, now);
        }
        let n_spaces = match self.line_state(line_idx) {
            LineState::Open => indent::after(&head, self.habits.indent),
            LineState::Block { .. } | LineState::Quoted { .. } => {
                head.bytes().take_while(|&b| b == b' ').count()
            }
        };
        let tail = self.rope.slice(end..);
        let end = end + motion::leading_spaces(tail, tail.len_chars());
        let inserted = format!("{}{}", self.habits.line_end, " ".repeat(n_spaces));
        let cursor = Selection::at(start + inserted.len());
        self.commit(
            Change::replace(&self.rope, start, end, inserted),
            Some(cursor),
            EditKind::Whole,
            now,
        )
    }

    pub(super) fn paste(&mut self, text: &str, now: Duration) -> Outcome {
        let text = self.with_own_line_ends(text);
        let start = self.selection.range().start;
        let line = self.rope.char_to_line(start);
        let head = self.rope.slice(self.line_start(line)..start).to_string();
        if let Some(column) = self.column_below_comment(line, &head, &text) {
            let text = indent::moved_to(column, &text);
            let (begin, end) = (self.line_start(line), self.selection.range().end);
            let text = format!("{}{text}", " ".repeat(column));
            let cursor = Selection::at(begin + text.chars().count());
            let change = Change::replace(&self.rope, begin, end, text);
            return self.commit(change, Some(cursor), EditKind::Whole, now);
        }
        let text = indent::pasted(&head, &text).into_owned();
        self.replace_selection(&text, EditKind::Whole, now)
    }

    /// Returns the column for lines that are pasted below a comment, where the cursor stands in none that the lines above the
    /// comment open: how far a comment is indented says nothing.
    fn column_below_comment(&self, line: usize, head: &str, text: &str) -> Option<usize> {
        let is_blank = head.bytes().all(|b| b == b' ');
        if !is_blank || !text.contains('\n') || !matches!(self.line_state(line), LineState::Open) {
            return None;
        }
        structure::column(self.above(line), head.len(), text, self.habits.indent)
    }

    pub(super) fn paste_clipboard(&mut self, now: Duration) -> Outcome {
        let Clipboard { text, is_line } = self.clipboard.clone();
        if !is_line || !self.selection.is_empty() {
            return self.replace_selection(&text, EditKind::Whole, now);
        }
        let at = self.line_start(self.rope.char_to_line(self.selection.head));
        self.commit(
            Change {
                at,
                removed: String::new(),
                inserted: text,
            },
            None,
            EditKind::Whole,
            now,
        )
    }

    pub(super) fn indent(&mut self, now: Duration) -> Outcome {
        let lines = self.selected_lines();
        if lines.start() < lines.end() || self.is_whole_line_selected() {
            let edit = indent::indent(&self.rope, lines, self.habits.indent);
            return self.commit(edit, None, EditKind::Whole, now);
        }
        let start = self.selection.range().start;
        let line_idx = self.rope.char_to_line(start);
        let n_chars = start - self.line_start(line_idx);
        let line = self.line(line_idx);
        let cell = layout::cell_of(&line, n_chars);
        let is_in_indentation = line.chars().take(n_chars).all(|c| c == ' ');
        let columns = match is_in_indentation {
            true => self.columns(line_idx),
            false => Vec::new(),
        };
        let n_spaces = indent::stop_after(cell, self.habits.indent, &columns) - cell;
        self.replace_selection(&" ".repeat(n_spaces), EditKind::Whole, now)
    }

    pub(super) fn outdent(&mut self, now: Duration) -> Outcome {
        let lines = self.selected_lines();
        // Several lines keep their places to each other.
        let columns = match lines.start() == lines.end() {
            true => self.columns(*lines.start()),
            false => Vec::new(),
        };
        let edit = indent::outdent(&self.rope, lines, self.habits.indent, &columns);
        self.commit(edit, None, EditKind::Whole, now)
    }

    pub(super) fn toggle_comment(&mut self, now: Duration) -> Outcome {
        let edit = indent::toggle_comment(&self.rope, self.selected_lines());
        self.commit(edit, None, EditKind::Whole, now)
    }

    pub(super) fn move_lines_up(&mut self, now: Duration) -> Outcome {
        let lines = self.selected_lines();
        match lines.start().checked_sub(1) {
            Some(above) => self.swap_lines(above..=above, lines, now),
            None => Outcome::default(),
        }
    }

    pub(super) fn move_lines_down(&mut self, now: Duration) -> Outcome {
        let lines = self.selected_lines();
        let below = lines.end() + 1;
        if below >= self.n_lines() {
            return Outcome::default();
        }
        self.swap_lines(lines, below..=below, now)
    }

    /// Exchanges two neighbouring runs of lines; the cursor goes with those it is in.
    fn swap_lines(
        &mut self,
        upper: RangeInclusive<usize>,
        lower: RangeInclusive<usize>,
        now: Duration,
    ) -> Outcome {
        let start = self.line_start(*upper.start());
        let upper_end = motion::line_end(&self.rope, *upper.end());
        let lower_start = self.line_start(*lower.start());
        let end = motion::line_end(&self.rope, *lower.end());
        if lower_start == self.rope.len_chars() {
            // The empty line after the last line end is no line to exchange with.
            return Outcome::default();
        }
        let text = |range: Range<usize>| self.rope.slice(range).to_string();
        let swapped = [
            text(lower_start..end),
            text(upper_end..lower_start),
            text(start..upper_end),
        ]
        .concat();
        let (n_up, n_down) = (lower_start - start, end - upper_end);
        // The selection is all in one of the two, and may end at the start of the line after it.
        let is_upper = self.selection.range().start < lower_start;
        let moved = |place: usize| match is_upper {
            true => place + n_down,
            false => place - n_up,
        };
        let Selection { anchor, head } = self.selection;
        let cursor = Selection {
            anchor: moved(anchor),
            head: moved(head),
        };
        self.commit(
            Change::replace(&self.rope, start, end, swapped),
            Some(cursor),
            EditKind::Whole,
            now,
        )
    }

    pub(super) fn mend(&mut self, now: Duration) -> Outcome {
        let fix = self
            .problem_here()
            .and_then(|problem| problem.diagnostic.fix.clone());
        // A change is offered in bytes of the checked text, so it holds for that text only.
        let Some(fix) =
            fix.filter(|fix| self.is_checked() && fix.bytes.end <= self.rope.len_bytes())
        else {
            return notice(Notice::NoFix);
        };
        let (start, end) = (
            self.rope.byte_to_char(fix.bytes.start),
            self.rope.byte_to_char(fix.bytes.end),
        );
        let cursor = Selection::at(start + fix.replacement.chars().count());
        self.commit(
            Change::replace(&self.rope, start, end, fix.replacement),
            Some(cursor),
            EditKind::Whole,
            now,
        )
    }

    pub(super) fn complete(
        &mut self,
        bytes: Range<usize>,
        text: &str,
        (cursor, blanks): (usize, &[usize]),
        now: Duration,
    ) -> Outcome {
        let len = self.rope.len_bytes();
        let (start, end) = (bytes.start.min(len), bytes.end.min(len));
        let n_before = |byte: usize| {
            let before = text.get(..byte).unwrap_or(text);
            self.with_own_line_ends(before).chars().count()
        };
        let n_before_cursor = n_before(cursor);
        let blanks: Vec<usize> = blanks.iter().map(|byte| n_before(*byte)).collect();
        let text = self.with_own_line_ends(text).into_owned();
        let (start, end) = (self.rope.byte_to_char(start), self.rope.byte_to_char(end));
        let cursor = Selection::at(start + n_before_cursor);
        let change = Change::replace(&self.rope, start, end.max(start), text);
        let outcome = self.commit(change, Some(cursor), EditKind::Whole, now);
        if outcome.notice.is_none() {
            let places = blanks.into_iter().map(|place| start + place);
            // An item that has none may be what one is filled in with.
            if let Some(blanks) = Blanks::new(start, places.collect()) {
                self.blanks = Some(blanks);
            }
        }
        outcome
    }

    pub(super) fn replace_all(&mut self, text: &str, now: Duration) -> Outcome {
        let text = match self.habits.has_byte_order_mark && !text.starts_with(BYTE_ORDER_MARK) {
            true => Cow::Owned(format!("{BYTE_ORDER_MARK}{text}")),
            false => Cow::Borrowed(text),
        };
        let n_same = self
            .rope
            .chars()
            .zip(text.chars())
            .take_while(|(old, new)| old == new)
            .count();
        let n_new = text.chars().count();
        let n_room = self.rope.len_chars().min(n_new) - n_same;
        let backwards = self.rope.chars_at(self.rope.len_chars()).reversed();
        let n_same_end = backwards
            .zip(text.chars().rev())
            .take(n_room)
            .take_while(|(old, new)| old == new)
            .count();
        let inserted: String = text
            .chars()
            .skip(n_same)
            .take(n_new - n_same - n_same_end)
            .collect();
        let change = Change::replace(
            &self.rope,
            n_same,
            self.rope.len_chars() - n_same_end,
            inserted,
        );
        self.commit(change, None, EditKind::Whole, now)
    }

    pub(super) fn backspace(&mut self, now: Duration) -> Outcome {
        let head = self.selection.head;
        let line_idx = self.rope.char_to_line(head);
        let line_start = self.line_start(line_idx);
        let column = head - line_start;
        let is_in_indentation =
            column > 0 && self.rope.slice(line_start..head).chars().all(|c| c == ' ');
        let start = match is_in_indentation {
            true => {
                let columns = self.columns(line_idx);
                line_start + indent::stop_before(column, self.habits.indent, &columns)
            }
            false => motion::previous_grapheme(&self.rope, head),
        };
        self.erase(start, head, now)
    }

    pub(super) fn delete(&mut self, now: Duration) -> Outcome {
        let head = self.selection.head;
        self.erase(head, motion::next_grapheme(&self.rope, head), now)
    }

    pub(super) fn delete_word_back(&mut self, now: Duration) -> Outcome {
        let head = self.selection.head;
        self.erase(motion::word_left(&self.rope, head), head, now)
    }

    pub(super) fn delete_word_forward(&mut self, now: Duration) -> Outcome {
        let head = self.selection.head;
        self.erase(head, motion::word_right(&self.rope, head), now)
    }

    /// Deletes the selection, or a range without one.
    fn erase(&mut self, start: usize, end: usize, now: Duration) -> Outcome {
        if !self.selection.is_empty() {
            return self.replace_selection("", EditKind::Whole, now);
        }
        let start = start.max(self.first()).min(end);
        let change = Change::replace(&self.rope, start, end, "");
        self.commit(change, Some(Selection::at(start)), EditKind::Erasing, now)
    }

    pub(super) fn copy(&mut self) -> Outcome {
        self.history.close();
        let text = self.rope.slice(self.clipped()).to_string();
        if text.is_empty() {
            return Outcome::default();
        }
        let is_line = self.selection.is_empty();
        let text = if is_line && !text.ends_with('\n') {
            text + self.habits.line_end
        } else {
            text
        };
        self.clipboard = Clipboard {
            text: text.clone(),
            is_line,
        };
        Outcome {
            clipboard: Some(text),
            ..Outcome::default()
        }
    }

    pub(super) fn cut(&mut self, now: Duration) -> Outcome {
        let Range { start, end } = self.clipped();
        let outcome = self.copy();
        self.commit(
            Change::replace(&self.rope, start, end, ""),
            Some(Selection::at(start)),
            EditKind::Whole,
            now,
        );
        outcome
    }

    /// Returns what copying takes: the selection, or the line of the cursor with its end.
    fn clipped(&self) -> Range<usize> {
        if !self.selection.is_empty() {
            return self.selection.range();
        }
        let line_idx = self.rope.char_to_line(self.selection.head);
        let end = if line_idx + 1 < self.n_lines() {
            self.line_start(line_idx + 1)
        } else {
            self.rope.len_chars()
        };
        self.line_start(line_idx)..end
    }

    fn replace_selection(&mut self, text: &str, kind: EditKind, now: Duration) -> Outcome {
        let Range { start, end } = self.selection.range();
        let cursor = Selection::at(start + text.chars().count());
        self.commit(
            Change::replace(&self.rope, start, end, text),
            Some(cursor),
            kind,
            now,
        )
    }

    /// Returns the lines that a command for whole lines is about.
    fn selected_lines(&self) -> RangeInclusive<usize> {
        let Range { start, end } = self.selection.range();
        let (first, last) = (self.rope.char_to_line(start), self.rope.char_to_line(end));
        // A selection up to the start of a line does not look as if that line were selected.
        let is_up_to_start = last > first && self.rope.line_to_char(last) == end;
        first..=last - usize::from(is_up_to_start)
    }

    /// Tells whether a line is selected from its first word to its end at least, or together with its line end.
    fn is_whole_line_selected(&self) -> bool {
        let Range { start, end } = self.selection.range();
        let line_idx = self.rope.char_to_line(start);
        let (line_start, line_end) = (
            self.line_start(line_idx),
            motion::line_end(&self.rope, line_idx),
        );
        let indentation = self.rope.slice(line_start..start);
        end > line_end || start < end && end == line_end && indentation.chars().all(|c| c == ' ')
    }

    /// Returns a text with the line ends of this document. Terminals send `\r` for line ends in what they paste.
    pub(super) fn with_own_line_ends<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !text.contains(['\r', '\n']) {
            return Cow::Borrowed(text);
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        Cow::Owned(if self.habits.line_end == "\n" {
            text
        } else {
            text.replace('\n', self.habits.line_end)
        })
    }
}
