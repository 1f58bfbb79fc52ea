//! The commands that move the cursor: motions, jumps to problems, search. None of them changes the text.

use std::ops::Range;

use super::command::Motion;
use super::outcome::notice;
use super::search::Search;
use super::selection::Selection;
use super::{Editor, Notice, Outcome, layout, motion};

impl Editor {
    pub(super) fn move_cursor(&mut self, motion: Motion, extend: bool) -> Outcome {
        self.history.close();
        let goal = self.goal.take();
        let head = match motion {
            // Without shift, an arrow leaves a selection at that end of it.
            Motion::Left if !extend && !self.selection.is_empty() => self.selection.range().start,
            Motion::Right if !extend && !self.selection.is_empty() => self.selection.range().end,
            Motion::Left => motion::previous_grapheme(&self.rope, self.selection.head),
            Motion::Right => motion::next_grapheme(&self.rope, self.selection.head),
            Motion::WordLeft => motion::word_left(&self.rope, self.selection.head),
            Motion::WordRight => motion::word_right(&self.rope, self.selection.head),
            Motion::Up => self.lines_away(-1, goal),
            Motion::Down => self.lines_away(1, goal),
            Motion::PageUp => self.lines_away(-self.page(), goal),
            Motion::PageDown => self.lines_away(self.page(), goal),
            Motion::HalfPageUp => self.lines_away(-self.half_page(), goal),
            Motion::HalfPageDown => self.lines_away(self.half_page(), goal),
            Motion::LineStart => self.smart_line_start(),
            Motion::LineEnd => motion::line_end(&self.rope, self.line_idx()),
            Motion::TextStart => self.first(),
            Motion::TextEnd => self.rope.len_chars(),
            Motion::Line(line) => self.line_start(line.saturating_sub(1).min(self.n_lines() - 1)),
            Motion::Byte(byte) => self.rope.byte_to_char(byte.min(self.rope.len_bytes())),
        };
        let anchor = if extend { self.selection.anchor } else { head };
        self.select(Selection { anchor, head });
        Outcome::default()
    }

    fn line_idx(&self) -> usize {
        self.rope.char_to_line(self.selection.head)
    }

    fn page(&self) -> isize {
        (self.viewport.height.max(2) - 1)
            .try_into()
            .unwrap_or(isize::MAX)
    }

    fn half_page(&self) -> isize {
        (self.viewport.height.max(2) / 2)
            .try_into()
            .unwrap_or(isize::MAX)
    }

    /// Returns the place so many lines away, in the goal cell; past the first and last line, the ends of the text.
    fn lines_away(&mut self, n_lines: isize, goal: Option<usize>) -> usize {
        let (line_idx, cell) = self.cursor_cell();
        let goal = goal.unwrap_or(cell);
        self.goal = Some(goal);
        let last = self.n_lines() - 1;
        let target = line_idx.saturating_add_signed(n_lines).min(last);
        match target {
            _ if target != line_idx => {
                self.line_start(target) + layout::column_at(&self.line(target), goal)
            }
            _ if n_lines < 0 => self.first(),
            _ => self.rope.len_chars(),
        }
    }

    fn smart_line_start(&self) -> usize {
        let line_idx = self.line_idx();
        let start = self.line_start(line_idx);
        let first_word = start
            + self
                .line(line_idx)
                .chars()
                .take_while(|&c| c == ' ')
                .count();
        if self.selection.head == first_word {
            start
        } else {
            first_word
        }
    }

    pub(super) fn select_all(&mut self) -> Outcome {
        self.history.close();
        self.select(Selection {
            anchor: self.first(),
            head: self.rope.len_chars(),
        });
        Outcome::default()
    }

    pub(super) fn next_problem(&mut self) -> Outcome {
        let byte = self
            .problems
            .after(self.cursor_byte())
            .map(|problem| problem.bytes.start);
        self.go_to_problem(byte)
    }

    pub(super) fn previous_problem(&mut self) -> Outcome {
        let byte = self
            .problems
            .before(self.cursor_byte())
            .map(|problem| problem.bytes.start);
        self.go_to_problem(byte)
    }

    fn go_to_problem(&mut self, byte: Option<usize>) -> Outcome {
        match byte {
            Some(byte) => self.move_cursor(Motion::Byte(byte), false),
            None => notice(Notice::NoProblem),
        }
    }

    pub(super) fn start_search(&mut self) -> Outcome {
        self.history.close();
        // What is selected within a line is most often what is meant.
        let query = self
            .selected_text()
            .filter(|text| !text.contains('\n'))
            .unwrap_or_default();
        let origin = self.selection.range().start;
        let mut search = Search::new(query, false, Some(origin));
        search.count(&self.text(), Some(self.rope.char_to_byte(origin)));
        self.search = Some(search);
        Outcome::default()
    }

    pub(super) fn set_expression(&mut self, is_expression: bool) -> Outcome {
        let query = self.search.as_ref().map(|search| search.query().to_owned());
        self.search_for(query.unwrap_or_default(), is_expression)
    }

    pub(super) fn set_query(&mut self, query: String) -> Outcome {
        let is_expression = self.search.as_ref().is_some_and(Search::is_expression);
        self.search_for(query, is_expression)
    }

    fn search_for(&mut self, query: String, is_expression: bool) -> Outcome {
        let present = self.selection.range().start;
        let origin = self
            .search
            .as_ref()
            .and_then(|search| search.origin)
            .unwrap_or(present)
            .min(self.rope.len_chars());
        let text = self.text();
        let mut search = Search::new(query, is_expression, Some(origin));
        let found = search.find_from(&text, self.rope.char_to_byte(origin));
        search.count(&text, found.as_ref().map(|range| range.start));
        let told = match (
            search.is_broken(),
            found.is_none() && !search.query().is_empty(),
        ) {
            (true, _) => Some(Notice::BrokenExpression),
            (false, true) => Some(Notice::NotFound),
            (false, false) => None,
        };
        self.search = Some(search);
        self.select(found.map_or(Selection::at(origin), |bytes| self.selection_of(bytes)));
        Outcome {
            notice: told,
            ..Outcome::default()
        }
    }

    pub(super) fn accept_search(&mut self) -> Outcome {
        match &mut self.search {
            Some(search) if !search.query().is_empty() => search.origin = None,
            _ => self.search = None,
        }
        Outcome::default()
    }

    pub(super) fn cancel_search(&mut self) -> Outcome {
        if let Some(origin) = self.search.take().and_then(|search| search.origin) {
            self.select(Selection::at(origin));
        }
        Outcome::default()
    }

    pub(super) fn find_next(&mut self) -> Outcome {
        let at = self.rope.char_to_byte(self.selection.range().end);
        self.find(|search, text| search.find_from(text, at))
    }

    pub(super) fn find_previous(&mut self) -> Outcome {
        let at = self.rope.char_to_byte(self.selection.range().start);
        self.find(|search, text| search.find_before(text, at))
    }

    fn find(&mut self, find: impl FnOnce(&Search, &str) -> Option<Range<usize>>) -> Outcome {
        self.history.close();
        // One copy of the text is far cheaper than a walk over its lines.
        let text = self.text();
        let Some(search) = &mut self.search else {
            return notice(Notice::NothingSearched);
        };
        let found = find(search, &text);
        search.count(&text, found.as_ref().map(|range| range.start));
        let Some(bytes) = found else {
            return notice(Notice::NotFound);
        };
        self.goal = None;
        self.select(self.selection_of(bytes));
        Outcome::default()
    }

    /// Returns the selection of a match: of the whole graphemes that it lies in, since no cursor stands within one.
    pub(super) fn selection_of(&self, bytes: Range<usize>) -> Selection {
        let start = self.rope.byte_to_char(bytes.start);
        let anchor = match motion::is_border(&self.rope, start) {
            true => start,
            false => motion::previous_grapheme(&self.rope, start),
        };
        Selection {
            anchor: self.place(anchor),
            head: self.place(self.rope.byte_to_char(bytes.end)),
        }
    }
}
