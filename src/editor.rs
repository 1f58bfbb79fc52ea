//! The text editor as a value: text, cursor, edits and their inverses, history, search, problems, and what is on screen.
//!
//! [`Editor::apply`] takes a [`Command`] and the time and changes the value; nothing here does I/O, reads a clock or
//! draws. The text lives in a rope, whose clone costs nothing, so that a checker or a draft writer gets a
//! [`Editor::snapshot`] without holding up the keyboard. The bytes of a file stay as they are (line ends, byte order
//! mark, missing final line end): only edited lines change. The cursor never stands inside a grapheme.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use ropey::Rope;

use crate::definition::diagnostic::{Diagnostic, Position};

mod blanks;
mod change_text;
mod command;
mod edit;
mod habits;
pub mod highlight;
mod history;
mod indent;
mod keys;
pub mod layout;
pub mod merge;
mod motion;
mod move_cursor;
mod outcome;
mod problems;
mod replace;
mod search;
mod selection;
mod structure;
mod viewport;

pub use command::{Command, Motion};
pub use keys::{COMMANDS, CommandSpec};
pub use outcome::{Notice, Outcome};
pub use problems::Problem;
pub use search::{Found, Search, is_exact};
pub use selection::Selection;
pub use viewport::Viewport;

use blanks::Blanks;
use edit::{Change, Edit};
use habits::Habits;
use highlight::{LineState, States};
use history::{EditKind, History};
use outcome::notice;
use problems::Problems;

/// A definition is never larger, and neither is what is pasted into one.
pub const MAX_BYTES: usize = 4 << 20;

/// The number of a state of the text: it grows with every change, undo and redo included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A text that is being edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Editor {
    rope: Rope,
    selection: Selection,
    /// The cell that moves up and down try to keep to.
    goal: Option<usize>,
    revision: Revision,
    history: History,
    /// The state of the history that is on disk.
    saved: u64,
    /// The state that is being written to disk, and its revision.
    saving: Option<(Revision, u64)>,
    clipboard: Clipboard,
    search: Option<Search>,
    problems: Problems,
    /// The revision that the problems were found in.
    checked: Option<Revision>,
    states: States,
    viewport: Viewport,
    /// The cell from which the lines of a text that is only read are shown; none where the cursor decides.
    looks_from: Option<usize>,
    habits: Habits,
    /// What is still to be filled in of an item of a list that was written.
    blanks: Option<Blanks>,
}

/// What was last cut or copied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Clipboard {
    text: String,
    /// Whether it was taken as a whole line, and goes back as one.
    is_line: bool,
}

impl Editor {
    /// Returns an editor of a text, saved as it is, with the cursor at its start.
    ///
    /// A recovered draft is opened as the saved text and a [`Command::ReplaceAll`]: then undo leads back to what is saved.
    pub fn from_text(text: &str) -> Self {
        let rope = Rope::from_str(text);
        let habits = Habits::of(&rope);
        Self {
            selection: Selection::at(usize::from(habits.has_byte_order_mark)),
            rope,
            goal: None,
            revision: Revision::default(),
            history: History::default(),
            saved: 0,
            saving: None,
            clipboard: Clipboard::default(),
            search: None,
            problems: Problems::default(),
            checked: None,
            states: States::default(),
            viewport: Viewport::default(),
            looks_from: None,
            habits,
            blanks: None,
        }
    }

    /// Carries out a command. `now` is the time since any fixed moment: it only tells typing in one go from typing again.
    pub fn apply(&mut self, command: Command, now: Duration) -> Outcome {
        let before = self.revision;
        let mut outcome = self.carry_out(command, now);
        outcome.changed = self.revision != before;
        self.blanks
            .take_if(|it| it.is_left(&self.rope, self.selection.head));
        self.ensure_visible(self.viewport.height, self.viewport.width);
        outcome
    }

    fn carry_out(&mut self, command: Command, now: Duration) -> Outcome {
        match command {
            Command::Insert(text) => self.insert(&text, now),
            Command::Newline => self.newline(now),
            Command::Paste(text) => self.paste(&text, now),
            Command::PasteClipboard => self.paste_clipboard(now),
            Command::Indent if self.go_to_blank() => Outcome::default(),
            Command::Indent => self.indent(now),
            Command::Outdent => self.outdent(now),
            Command::ToggleComment => self.toggle_comment(now),
            Command::MoveLinesUp => self.move_lines_up(now),
            Command::MoveLinesDown => self.move_lines_down(now),
            Command::Mend => self.mend(now),
            Command::Complete {
                bytes,
                text,
                cursor,
                blanks,
            } => self.complete(bytes, &text, (cursor, &blanks), now),
            Command::ReplaceAll(text) => self.replace_all(&text, now),
            Command::Backspace => self.backspace(now),
            Command::Delete => self.delete(now),
            Command::DeleteWordBack => self.delete_word_back(now),
            Command::DeleteWordForward => self.delete_word_forward(now),
            Command::Copy => self.copy(),
            Command::Cut => self.cut(now),
            Command::Move { motion, extend } => self.move_cursor(motion, extend),
            Command::SelectAll => self.select_all(),
            Command::NextProblem => self.next_problem(),
            Command::PreviousProblem => self.previous_problem(),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::SearchStart => self.start_search(),
            Command::SearchQuery(query) => self.set_query(query),
            Command::SearchExpression(is_expression) => self.set_expression(is_expression),
            Command::ReplaceMatch(text) => self.replace_match(&text, now),
            Command::ReplaceMatches(text) => self.replace_matches(&text, now),
            Command::SearchAccept => self.accept_search(),
            Command::SearchCancel => self.cancel_search(),
            Command::FindNext => self.find_next(),
            Command::FindPrevious => self.find_previous(),
        }
    }

    /// Returns the whole text, byte for byte as it is to be saved.
    pub fn text(&self) -> String {
        self.rope.to_string()
    }

    /// Returns the text as a rope.
    pub fn rope(&self) -> &Rope {
        &self.rope
    }

    /// Returns the number of the present text.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Returns the text and its number, for work beside the event loop; it costs nothing.
    pub fn snapshot(&self) -> (Rope, Revision) {
        (self.rope.clone(), self.revision)
    }

    /// Returns the text to be saved; [`Editor::mark_saved`] with its number tells that it was.
    pub fn begin_save(&mut self) -> (Rope, Revision) {
        self.history.close();
        self.saving = Some((self.revision, self.history.state()));
        self.snapshot()
    }

    /// Remembers that the text of a revision is on disk now; what was typed since counts as modified.
    pub fn mark_saved(&mut self, revision: Revision) {
        let is_present = revision == self.revision;
        if let Some((_, state)) = self.saving.take_if(|(saving, _)| *saving == revision) {
            self.saved = state;
        } else if is_present {
            self.history.close();
            self.saved = self.history.state();
        }
    }

    /// Remembers that something else is on disk than any text that undo and redo lead to.
    pub fn mark_unsaved(&mut self) {
        self.history.close();
        self.saved = u64::MAX;
    }

    /// Returns a number for the present text: undo leads before it, and redo back to it.
    pub fn state(&self) -> u64 {
        self.history.state()
    }

    /// Tells whether the present text grew out of a state, or is it: whether no undo led to before it.
    pub fn holds(&self, state: u64) -> bool {
        self.history.holds(state)
    }

    /// Tells whether the text differs from what is on disk; undoing back to that makes it the same again.
    pub fn is_modified(&self) -> bool {
        self.history.state() != self.saved
    }

    /// Returns the place of the cursor: line and column from 1, the column in characters.
    pub fn cursor(&self) -> Position {
        self.position(self.selection.head)
    }

    /// Returns the byte that the cursor stands before.
    pub fn cursor_byte(&self) -> usize {
        self.rope.char_to_byte(self.selection.head)
    }

    /// Returns the line and column of a byte of the text.
    pub fn position_of_byte(&self, byte: usize) -> Position {
        self.position(self.rope.byte_to_char(byte.min(self.rope.len_bytes())))
    }

    fn position(&self, place: usize) -> Position {
        let line = self.rope.char_to_line(place);
        let start = if line == 0 {
            self.first()
        } else {
            self.rope.line_to_char(line)
        };
        Position {
            line: line + 1,
            column: place.saturating_sub(start) + 1,
        }
    }

    /// Returns the cursor and the other end of the selection, in characters of the text.
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// Returns what is selected, or `None` without a selection.
    pub fn selected_text(&self) -> Option<String> {
        (!self.selection.is_empty()).then(|| self.rope.slice(self.selection.range()).to_string())
    }

    /// Returns how many lines there are; a text that ends in a line end has an empty one last.
    pub fn n_lines(&self) -> usize {
        self.rope.len_lines()
    }

    /// Returns a line (from 0) without its end and without the byte order mark.
    pub fn line(&self, line: usize) -> Cow<'_, str> {
        let slice = motion::line_without_end(self.rope.line(line));
        let has_mark = line == 0 && self.habits.has_byte_order_mark;
        slice.slice(usize::from(has_mark)..).into()
    }

    /// Returns the bytes of the text that a line holds, its end and the byte order mark aside.
    pub fn line_bytes(&self, line: usize) -> Range<usize> {
        let start = self.rope.char_to_byte(self.line_start(line));
        start..self.rope.char_to_byte(motion::line_end(&self.rope, line))
    }

    /// Returns what the lines above leave open where a line (from 0) starts.
    pub fn line_state(&self, line: usize) -> LineState {
        self.states.before(&self.rope, line)
    }

    /// Returns the search whose matches are marked.
    pub fn search(&self) -> Option<&Search> {
        self.search.as_ref()
    }

    /// Takes the answer of a checker, unless it is about another text than the present one; tells whether it was taken.
    pub fn set_diagnostics(&mut self, revision: Revision, diagnostics: Vec<Diagnostic>) -> bool {
        if revision != self.revision {
            return false;
        }
        self.checked = Some(revision);
        self.problems = Problems::new(diagnostics, self.rope.len_bytes());
        true
    }

    /// Returns the problems last found, in order of their places, which follow the text until the next answer.
    pub fn problems(&self) -> &[Problem] {
        self.problems.all()
    }

    /// Tells whether the problems are those of the present text.
    pub fn is_checked(&self) -> bool {
        self.checked == Some(self.revision)
    }

    /// Returns the problem that the cursor is in, or else the worst that starts on its line.
    pub fn problem_here(&self) -> Option<&Problem> {
        let line = self.rope.char_to_line(self.selection.head);
        self.problems.at(self.cursor_byte(), self.line_bytes(line))
    }

    /// Returns how many spaces one level of the text has.
    pub fn indent_unit(&self) -> usize {
        self.habits.indent
    }

    /// Tells whether something is still to be filled in of an item of a list that was written.
    pub fn is_filling(&self) -> bool {
        self.blanks.is_some()
    }

    /// Leaves what was not filled in as it is.
    pub fn end_filling(&mut self) {
        self.blanks = None;
    }

    /// Goes to the next place that is to be filled in; tells whether there is one.
    fn go_to_blank(&mut self) -> bool {
        let head = self.selection.head;
        let is_one = self.selection.is_empty();
        let Some(next) = self
            .blanks
            .as_mut()
            .filter(|_| is_one)
            .and_then(|it| it.next(head))
        else {
            return false;
        };
        self.history.close();
        self.goal = None;
        self.select(Selection::at(next));
        true
    }

    /// Returns what is visible.
    pub fn viewport(&self) -> Viewport {
        self.viewport
    }

    /// Takes the size of the text area as it was drawn last, and scrolls so that the cursor is in it.
    pub fn ensure_visible(&mut self, height: usize, width: usize) {
        self.viewport = self.viewport_of((height, width));
        self.states.learn(&self.rope, self.viewport.top);
    }

    /// Shows the lines of a text that is only read from a cell on.
    pub fn look_from(&mut self, cell: usize) {
        self.looks_from = Some(cell);
    }

    /// Returns the viewport of a size (lines and cells) that shows the cursor; of a text that is only read, where one looks.
    pub fn viewport_of(&self, size: (usize, usize)) -> Viewport {
        let shown = self
            .viewport
            .showing(self.cursor_cell(), self.n_lines(), size);
        match self.looks_from {
            Some(left) => Viewport { left, ..shown },
            None => shown,
        }
    }

    /// Scrolls a text that is only read; the cursor, which nobody sees there, comes along.
    pub fn scroll_by(&mut self, lines: isize) {
        self.viewport = self.viewport.scrolled_by(lines, self.n_lines());
        self.move_cursor(Motion::Line(self.viewport.middle() + 1), false);
    }

    /// Returns the line (from 0) and the cell in it where the cursor is.
    pub fn cursor_cell(&self) -> (usize, usize) {
        let line = self.rope.char_to_line(self.selection.head);
        let column = self.selection.head - self.line_start(line);
        (line, layout::cell_of(&self.line(line), column))
    }

    /// Returns the first place a cursor can be at: after the byte order mark.
    fn first(&self) -> usize {
        usize::from(self.habits.has_byte_order_mark)
    }

    fn line_start(&self, line: usize) -> usize {
        self.rope.line_to_char(line).max(self.first())
    }

    /// Returns the nearest place for a cursor: in the text, on the border of a grapheme.
    fn place(&self, at: usize) -> usize {
        motion::snap(&self.rope, at.max(self.first()))
    }

    /// Makes an edit and remembers it. The cursor goes to `selection`, or moves with the text around it.
    fn commit(
        &mut self,
        edit: impl Into<Edit>,
        selection: Option<Selection>,
        kind: EditKind,
        now: Duration,
    ) -> Outcome {
        let edit = edit.into();
        if edit.changes.iter().all(Change::is_nothing) {
            return Outcome::default();
        }
        if edit.growth() > 0
            && self.rope.len_bytes().saturating_add_signed(edit.growth()) > MAX_BYTES
        {
            return Outcome {
                notice: Some(Notice::TooLarge),
                ..Outcome::default()
            };
        }
        let before = self.selection;
        let mut after = before;
        self.change(&edit, |change| {
            after = Selection {
                anchor: change.map(after.anchor),
                head: change.map(after.head),
            };
        });
        self.select(selection.unwrap_or(after));
        self.history
            .record(edit, kind, (before, self.selection), now);
        Outcome::default()
    }

    /// Changes the text and everything that is tied to places in it.
    fn change(&mut self, edit: &Edit, mut on_change: impl FnMut(&Change)) {
        for change in &edit.changes {
            let touched = change.apply(&mut self.rope);
            self.problems.follow(touched);
            self.states.forget_after(touched.line);
            if let Some(blanks) = &mut self.blanks {
                blanks.follow(change);
            }
            on_change(change);
        }
        self.revision.0 += 1;
        self.goal = None;
    }

    fn select(&mut self, selection: Selection) {
        self.selection = Selection {
            anchor: self.place(selection.anchor),
            head: self.place(selection.head),
        };
    }

    fn undo(&mut self) -> Outcome {
        let Some((edit, selection)) = self
            .history
            .undo()
            .map(|step| (step.edit.inverse(), step.before))
        else {
            return notice(Notice::NothingToUndo);
        };
        self.blanks = None;
        self.change(&edit, |_| {});
        self.select(selection);
        Outcome::default()
    }

    fn redo(&mut self) -> Outcome {
        let Some((edit, selection)) = self
            .history
            .redo()
            .map(|step| (step.edit.clone(), step.after))
        else {
            return notice(Notice::NothingToRedo);
        };
        self.change(&edit, |_| {});
        self.select(selection);
        Outcome::default()
    }
}

#[cfg(test)]
mod tests;
