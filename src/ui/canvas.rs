//! Drawing of texts, lines and frames into a buffer, always within bounds and always cleaned.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use crate::app::hits::{Hit, Hits, Place};
use crate::text;

use super::theme::Theme;

/// More lines than this are not made of a sentence.
const MAX_LINES: usize = 500;

/// A piece of a line.
pub(super) type Piece<'a> = (&'a str, Style);

/// What is drawn on, and how it looks.
pub(super) struct Canvas<'a> {
    pub buf: &'a mut Buffer,
    pub theme: &'a Theme,
    /// Where the terminal's cursor belongs.
    pub cursor: Option<Position>,
    /// What is where, for those who point at it.
    pub hits: &'a mut Hits,
}

/// Says how many lines are below, and which key leads there.
pub fn more(n_below: usize, key: Option<&str>) -> String {
    let key = key.map_or_else(String::new, |key| format!(": {key}"));
    format!(" {n_below} more{key} ")
}

impl Canvas<'_> {
    /// Says what an area is.
    pub fn hit(&mut self, area: Rect, hit: Hit) {
        let place = Place {
            x: area.x,
            y: area.y,
            width: area.width,
            height: area.height,
        };
        self.hits.add(place, hit);
    }

    /// Draws a text on a row, cut to a width; returns the cells it took.
    pub fn text(&mut self, at: Position, width: u16, text: &str, style: Style) -> u16 {
        if !self.buf.area.contains(at) || width == 0 {
            return 0;
        }
        let width = width.min(self.buf.area.right() - at.x);
        let clean = text::clean(text);
        let shown = self.theme.symbols.in_text(&clean);
        let cut = text::truncate_cells(&shown, width.into());
        let is_cut = cut != shown;
        let end = self
            .buf
            .set_stringn(at.x, at.y, &cut, width.into(), style)
            .0;
        if is_cut && end > at.x {
            self.buf
                .set_string(end - 1, at.y, self.theme.symbols.cut, style);
        }
        end - at.x
    }

    /// Draws pieces one after another; returns the cells they took.
    pub fn line(&mut self, at: Position, width: u16, pieces: &[Piece<'_>]) -> u16 {
        let mut used = 0;
        for (text, style) in pieces {
            let at = Position {
                x: at.x + used,
                y: at.y,
            };
            used += self.text(at, width - used, text, *style);
        }
        used
    }

    /// Blanks an area.
    pub fn clear(&mut self, area: Rect) {
        for position in area.intersection(self.buf.area).positions() {
            self.buf[position].reset();
        }
    }

    /// Lays a style over an area.
    pub fn paint(&mut self, area: Rect, style: Style) {
        self.buf.set_style(area.intersection(self.buf.area), style);
    }

    /// Draws a frame with a title; returns what is inside.
    pub fn frame(&mut self, area: Rect, title: &[Piece<'_>], is_focused: bool) -> Rect {
        if area.width < 2 || area.height < 2 {
            return Rect::ZERO;
        }
        let theme = self.theme;
        let style = if is_focused {
            theme.frame_focused
        } else {
            theme.frame
        };
        let [across, down, top_left, top_right, bottom_right, bottom_left] = theme.symbols.frame;
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        for x in area.x..=right {
            self.buf.set_string(x, area.y, across, style);
            self.buf.set_string(x, bottom, across, style);
        }
        for y in area.y..=bottom {
            self.buf.set_string(area.x, y, down, style);
            self.buf.set_string(right, y, down, style);
        }
        self.buf.set_string(area.x, area.y, top_left, style);
        self.buf.set_string(right, area.y, top_right, style);
        self.buf.set_string(right, bottom, bottom_right, style);
        self.buf.set_string(area.x, bottom, bottom_left, style);
        self.title(
            Position {
                x: area.x + 1,
                y: area.y,
            },
            area.width - 2,
            title,
        );
        Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width - 2,
            height: area.height - 2,
        }
    }

    /// Draws a line across a frame's whole width, with a title in it.
    pub fn across(&mut self, area: Rect, y: u16, title: &[Piece<'_>], is_focused: bool) {
        let theme = self.theme;
        let style = if is_focused {
            theme.frame_focused
        } else {
            theme.frame
        };
        let [left, right] = theme.symbols.tees;
        for x in area.x..area.right() {
            self.buf.set_string(x, y, theme.symbols.frame[0], style);
        }
        self.buf.set_string(area.x, y, left, style);
        self.buf.set_string(area.right() - 1, y, right, style);
        self.title(
            Position { x: area.x + 1, y },
            area.width.saturating_sub(2),
            title,
        );
    }

    fn title(&mut self, at: Position, width: u16, title: &[Piece<'_>]) {
        if title.is_empty() || width < 4 {
            return;
        }
        self.text(at, 1, " ", self.theme.text);
        let used = self.line(
            Position {
                x: at.x + 1,
                y: at.y,
            },
            width - 2,
            title,
        );
        self.text(
            Position {
                x: at.x + 1 + used,
                y: at.y,
            },
            1,
            " ",
            self.theme.text,
        );
    }

    /// Says on the frame below an area how many lines have no room in it, where there are any, and which key leads there.
    pub fn n_more(&mut self, inside: Rect, n_below: usize, key: Option<&str>) {
        if n_below > 0 {
            let at = Position {
                x: inside.x + 1,
                y: inside.bottom(),
            };
            let room = inside.width.saturating_sub(2);
            self.text(at, room, &more(n_below, key), self.theme.dim);
        }
    }

    /// Draws a sentence over as many rows as it needs, at most those of the area; returns how many it took.
    pub fn wrapped(&mut self, area: Rect, sentence: &str, style: Style) -> u16 {
        let lines = wrap(&text::clean(sentence), area.width.into());
        let mut used = 0;
        for (y, (n, line)) in (area.y..area.bottom()).zip(lines.iter().enumerate()) {
            let at = Position { x: area.x, y };
            if y + 1 == area.bottom() {
                // What has no room any more is seen to be missing.
                self.text(at, area.width, &lines[n..].join(" "), style);
            } else {
                self.text(at, area.width, line, style);
            }
            used += 1;
        }
        used
    }

    /// Draws a one-line input with the terminal's cursor in it.
    pub fn input(&mut self, at: Position, width: u16, input: &crate::app::input::Input) {
        let before =
            u16::try_from(text::cells(&text::clean(input.before_cursor()))).unwrap_or(u16::MAX);
        // What does not fit goes out of sight on the left.
        let hidden = before.saturating_sub(width.saturating_sub(1));
        let shown = skip_cells(input.text(), hidden.into());
        let style = match input.is_proposed() {
            true => self.theme.selected,
            false => self.theme.text,
        };
        self.text(at, width, shown, style);
        self.cursor = Some(Position {
            x: at.x + before - hidden,
            y: at.y,
        });
    }
}

/// Returns a text as lines of at most so many cells, broken between words; a word that is longer is broken within. All
/// lines are indented as the first one is. What no screen has rows for is left out.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let sentence = text.trim_start_matches(' ');
    let indent = &text[..(text.len() - sentence.len()).min(width / 2)];
    let room = width - indent.len();
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in sentence.split(' ') {
        if !line.is_empty() && text::cells(&line) + 1 + text::cells(word) > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        // In one pass: a word can be as long as a text may be.
        let (mut head, mut rest) = text::split_cells(word, room);
        while !rest.is_empty() && lines.len() < MAX_LINES {
            lines.push(head.to_owned());
            (head, rest) = text::split_cells(rest, room);
        }
        line.push_str(head);
        if lines.len() >= MAX_LINES {
            break;
        }
    }
    lines.push(line);
    for line in &mut lines {
        line.insert_str(0, indent);
    }
    lines
}

/// Returns a text without its first cells.
fn skip_cells(line: &str, cells: usize) -> &str {
    let mut skipped = 0;
    for (at, c) in line.char_indices() {
        if skipped >= cells {
            return &line[at..];
        }
        skipped += text::cells(c.encode_utf8(&mut [0; 4]));
    }
    if cells == 0 { line } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::{ColorLevel, ThemeSettings};

    /// What is cut off may be as many bytes as the sign that says so.
    #[test]
    fn cut_is_marked_by_the_sign_of_the_theme() {
        let theme = Theme::new(&ThemeSettings::default(), ColorLevel::None, true);
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 1));
        let mut hits = Hits::default();
        let mut canvas = Canvas {
            buf: &mut buf,
            theme: &theme,
            cursor: None,
            hits: &mut hits,
        };
        canvas.text(Position::ORIGIN, 2, "DATA", Style::default());
        assert_eq!(buf[(0, 0)].symbol(), "D");
        assert_eq!(buf[(1, 0)].symbol(), "~");
    }

    #[test]
    fn sentences_are_broken_between_words() {
        let check = |text: &str, width, expected: &[&str]| assert_eq!(wrap(text, width), expected);
        check("", 5, &[""]);
        check("one two", 7, &["one two"]);
        check("one two", 6, &["one", "two"]);
        check(
            "one immeasurable two",
            5,
            &["one", "immea", "surab", "le", "two"],
        );
        check("immeasurable", 5, &["immea", "surab", "le"]);
        check("日本 語", 4, &["日本", "語"]);
        check("日本語", 5, &["日本", "語"]);
        // A cell that nothing fits in is no reason to go on for ever.
        check("日本", 1, &["日", "本"]);
        check("one", 0, &["o", "n", "e"]);
        check("  one two", 6, &["  one", "  two"]);
    }
}
