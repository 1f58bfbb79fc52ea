//! Changes of a picture as the bytes that put them on a terminal: as few as it takes.
//!
//! [`CrosstermBackend`](ratatui::backend::CrosstermBackend) moves the cursor over every gap, names colours by their longest
//! names and takes all styles back after each frame, which is half of the bytes of a small change. Here the pen and the
//! cursor are remembered from frame to frame, a gap is written over where that is shorter, blanks are erased at once, and
//! what cannot be seen, the colour of a blank, is not set.
//!
//! Nothing is used that xterm, the Linux console, screen or tmux do not know: of ECMA-48, CUP, CHA, ECH, ED and SGR.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Position;
use ratatui::style::{Color, Modifier};

use crate::text;

/// Fewer blanks than this are written, more are erased.
const ERASED_FROM: usize = 6;

/// How a cell looks beside its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pen {
    fg: Color,
    bg: Color,
    underline: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Self = Self {
        fg: Color::Reset,
        bg: Color::Reset,
        underline: Color::Reset,
        modifier: Modifier::empty(),
    };

    fn of(cell: &Cell) -> Self {
        Self {
            fg: cell.fg,
            bg: cell.bg,
            underline: cell.underline_color,
            modifier: cell.modifier,
        }
    }

    /// Tells whether a blank looks the same with both.
    fn blanks_like(self, other: Self) -> bool {
        const ON_BLANKS: Modifier = Modifier::UNDERLINED
            .union(Modifier::REVERSED)
            .union(Modifier::CROSSED_OUT);
        self == other
            || self.bg == other.bg && !(self.modifier | other.modifier).intersects(ON_BLANKS)
    }

    /// Tells whether a cell needs no other pen.
    fn draws(self, cell: &Cell) -> bool {
        let wanted = Self::of(cell);
        self == wanted || cell.symbol() == " " && self.blanks_like(wanted)
    }
}

/// What is known of a terminal that changes are written to.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    /// None if it may be any.
    pen: Option<Pen>,
    /// Where the cursor is; none if it may be anywhere.
    at: Option<Position>,
    /// Whether the last symbol was one that is as wide on every terminal.
    is_aligned: bool,
}

impl Encoder {
    /// Forgets what is known: somebody else has written.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Blanks the terminal.
    pub fn clear(&mut self, bytes: &mut Vec<u8>) {
        self.take(Pen::PLAIN, bytes);
        put(bytes, "\x1b[2J");
    }

    /// Moves the cursor, unless it is there.
    pub fn go(&mut self, to: Position, bytes: &mut Vec<u8>) {
        if self.at != Some(to) {
            match self.at {
                Some(at) if at.y == to.y => put(bytes, &format!("\x1b[{}G", to.x + 1)),
                _ => put(bytes, &format!("\x1b[{};{}H", to.y + 1, to.x + 1)),
            }
        }
        self.at = Some(to);
        self.is_aligned = true;
    }

    /// Writes what of a picture is not on the terminal yet.
    pub fn change(&mut self, shown: &Buffer, next: &Buffer, bytes: &mut Vec<u8>) {
        let changes = changes(shown, next);
        let mut rest = changes.as_slice();
        while let [(x, y, cell), ..] = *rest {
            self.reach(Position { x, y }, next, bytes);
            let n_blanks = n_erasable(rest);
            if n_blanks >= ERASED_FROM {
                if !self.pen.is_some_and(|pen| pen.blanks_like(Pen::PLAIN)) {
                    self.take(Pen::PLAIN, bytes);
                }
                put(bytes, &format!("\x1b[{n_blanks}X"));
                rest = &rest[n_blanks..];
            } else {
                self.draw(cell, next.area.right(), bytes);
                rest = &rest[1..];
            }
        }
    }

    /// Moves the cursor to a cell; over a short gap by writing once more what is there.
    fn reach(&mut self, to: Position, next: &Buffer, bytes: &mut Vec<u8>) {
        if let Some(at) = self.at
            && self.is_aligned
            && at.y == to.y
            && at.x < to.x
            && to.x - at.x <= move_len(to.x)
        {
            let gap = (at.x..to.x).map(|x| &next[(x, to.y)]);
            let is_drawn = |cell: &Cell| {
                cell.symbol().is_ascii() && self.pen.is_some_and(|pen| pen.draws(cell))
            };
            if gap.clone().all(is_drawn) {
                gap.for_each(|cell| put(bytes, cell.symbol()));
                self.at = Some(to);
                return;
            }
        }
        self.go(to, bytes);
    }

    fn draw(&mut self, cell: &Cell, right: u16, bytes: &mut Vec<u8>) {
        if !self.pen.is_some_and(|pen| pen.draws(cell)) {
            self.take(Pen::of(cell), bytes);
        }
        let (symbol, width) = (cell.symbol(), width(cell));
        // Terminals differ in how wide they show clusters, and in where the cursor is behind the last column.
        let is_simple = symbol.chars().nth(1).is_none();
        if !is_simple && width > 1 {
            put(bytes, &format!("\x1b[{width}X"));
        }
        put(bytes, symbol);
        self.is_aligned &= symbol.is_ascii();
        self.at = self
            .at
            .map(|at| Position {
                x: at.x + width,
                ..at
            })
            .filter(|at| is_simple && at.x < right);
    }

    fn take(&mut self, pen: Pen, bytes: &mut Vec<u8>) {
        let mut anew = vec!["0".to_owned()];
        anew.extend(parameters(Pen::PLAIN, pen));
        let mut shortest = if pen == Pen::PLAIN {
            String::new()
        } else {
            anew.join(";")
        };
        if let Some(from) = self.pen {
            let changed = parameters(from, pen).join(";");
            // Without parameters it would take everything back.
            if !changed.is_empty() && changed.len() <= shortest.len() {
                shortest = changed;
            }
        }
        put(bytes, &format!("\x1b[{shortest}m"));
        self.pen = Some(pen);
    }
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
}

/// Returns how many columns a cell takes.
fn width(cell: &Cell) -> u16 {
    match cell.symbol() {
        symbol if symbol.len() == 1 => 1,
        symbol => u16::try_from(text::cells(symbol)).unwrap_or(1).max(1),
    }
}

/// Returns the cells that are to be drawn, by row and column. What a wide symbol hides is not drawn, and what one hid is
/// drawn in any case: of a wide symbol that is written over terminals leave different things.
fn changes<'a>(shown: &Buffer, next: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let mut changes = Vec::new();
    for y in next.area.top()..next.area.bottom() {
        let (mut x, mut free_from) = (next.area.left(), next.area.left());
        // The columns are walked by the symbols of the picture to come; `free_from` is where the next shown one begins.
        while x < next.area.right() {
            let cell = &next[(x, y)];
            while free_from < x {
                free_from += width(&shown[(free_from, y)]);
            }
            if free_from > x || shown[(x, y)] != *cell {
                changes.push((x, y, cell));
            }
            x += width(cell);
        }
    }
    changes
}

/// Returns the bytes that moving to a column of the same line takes.
fn move_len(x: u16) -> u16 {
    let digits = (x + 1).checked_ilog10().unwrap_or(0) as u16 + 1;
    "\x1b[G".len() as u16 + digits
}

/// Returns how many cells at the beginning of the changes lie side by side and become plain blanks.
fn n_erasable(changes: &[(u16, u16, &Cell)]) -> usize {
    let Some((x, y, _)) = changes.first() else {
        return 0;
    };
    changes
        .iter()
        .zip(*x..)
        .take_while(|((at, line, cell), x)| {
            (at, line) == (x, y) && cell.symbol() == " " && Pen::of(cell).blanks_like(Pen::PLAIN)
        })
        .count()
}

/// Returns the parameters of SGR that turn a pen into another.
fn parameters(from: Pen, to: Pen) -> Vec<String> {
    let mut parameters = Vec::new();
    let mut kept = from.modifier;
    for (code, removed) in REMOVALS {
        if kept.intersects(removed.difference(to.modifier)) {
            parameters.push(code.to_string());
            kept.remove(removed);
        }
    }
    for (code, added) in ADDITIONS {
        if to.modifier.difference(kept).contains(added) {
            parameters.push(code.to_string());
        }
    }
    for (base, from, to) in [
        (30, from.fg, to.fg),
        (40, from.bg, to.bg),
        (50, from.underline, to.underline),
    ] {
        if from != to {
            parameters.push(color(base, to));
        }
    }
    parameters
}

/// What takes modifiers away: some only together.
const REMOVALS: [(u8, Modifier); 7] = [
    (22, Modifier::BOLD.union(Modifier::DIM)),
    (23, Modifier::ITALIC),
    (24, Modifier::UNDERLINED),
    (25, Modifier::SLOW_BLINK.union(Modifier::RAPID_BLINK)),
    (27, Modifier::REVERSED),
    (28, Modifier::HIDDEN),
    (29, Modifier::CROSSED_OUT),
];

const ADDITIONS: [(u8, Modifier); 9] = [
    (1, Modifier::BOLD),
    (2, Modifier::DIM),
    (3, Modifier::ITALIC),
    (4, Modifier::UNDERLINED),
    (5, Modifier::SLOW_BLINK),
    (6, Modifier::RAPID_BLINK),
    (7, Modifier::REVERSED),
    (8, Modifier::HIDDEN),
    (9, Modifier::CROSSED_OUT),
];

/// Returns the parameters for a colour, of which those for text begin at 30, for its ground at 40, for its underline at 50.
fn color(base: u8, color: Color) -> String {
    // An underline's has no short names.
    let named = |n: u8| match (base, n) {
        (50, n) => format!("58;5;{n}"),
        (base, n @ 0..8) => (base + n).to_string(),
        (base, n) => (base + 60 + n - 8).to_string(),
    };
    match color {
        Color::Reset => (base + 9).to_string(),
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
        Color::Indexed(n) => format!("{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const AREA: Rect = Rect::new(0, 0, 24, 4);

    /// A terminal and what is written to it.
    struct Terminal {
        parser: vt100::Parser,
        encoder: Encoder,
        shown: Buffer,
    }

    impl Terminal {
        fn new() -> Self {
            let [height, width] = [AREA.height, AREA.width].map(|n| n.try_into().unwrap());
            let mut terminal = Self {
                parser: vt100::Parser::new(height, width, 0),
                encoder: Encoder::default(),
                shown: Buffer::empty(AREA),
            };
            // What another left there.
            terminal.parser.process(b"\x1b[7;31mleft over");
            let mut bytes = Vec::new();
            terminal.encoder.clear(&mut bytes);
            terminal.parser.process(&bytes);
            terminal
        }

        fn change(&mut self, next: Buffer) -> String {
            let mut bytes = Vec::new();
            self.encoder.change(&self.shown, &next, &mut bytes);
            self.parser.process(&bytes);
            self.shown = next;
            String::from_utf8(bytes).unwrap()
        }

        /// Asserts that the terminal shows what it should.
        fn check(&self) {
            for Position { x, y } in AREA.positions() {
                let (cell, shown) = (
                    &self.shown[(x, y)],
                    self.parser.screen().cell(y, x).unwrap(),
                );
                if shown.is_wide_continuation() {
                    continue;
                }
                let symbol = if shown.has_contents() {
                    shown.contents()
                } else {
                    " "
                };
                assert_eq!(symbol, cell.symbol(), "at {x},{y}");
                let drawn = Pen {
                    fg: from_vt100(shown.fgcolor()),
                    bg: from_vt100(shown.bgcolor()),
                    underline: Color::Reset,
                    modifier: [
                        (shown.bold(), Modifier::BOLD),
                        (shown.dim(), Modifier::DIM),
                        (shown.italic(), Modifier::ITALIC),
                        (shown.underline(), Modifier::UNDERLINED),
                        (shown.inverse(), Modifier::REVERSED),
                    ]
                    .into_iter()
                    .filter(|(is_set, _)| *is_set)
                    .map(|(_, modifier)| modifier)
                    .collect(),
                };
                let wanted = Pen::of(cell);
                assert!(
                    drawn == wanted || symbol == " " && drawn.blanks_like(wanted),
                    "{drawn:?} for {wanted:?} of {symbol:?} at {x},{y}"
                );
            }
        }
    }

    fn from_vt100(color: vt100::Color) -> Color {
        match color {
            vt100::Color::Default => Color::Reset,
            vt100::Color::Idx(n) => crate::ui::theme::NAMED
                .get(usize::from(n))
                .copied()
                .unwrap_or(Color::Indexed(n)),
            vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
        }
    }

    fn with(texts: &[(u16, u16, &str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(AREA);
        for (x, y, text, style) in texts {
            // What was there before leaves nothing: bold and dim together are the same to some terminals.
            buffer.set_string(*x, *y, text, Style::reset().patch(*style));
        }
        buffer
    }

    fn check(before: &[(u16, u16, &str, Style)], after: &[(u16, u16, &str, Style)], bytes: &str) {
        let mut terminal = Terminal::new();
        terminal.change(with(before));
        terminal.encoder.at = None;
        assert_eq!(terminal.change(with(after)), bytes);
    }

    const PLAIN: Style = Style::new();
    const RED: Style = Style::new().fg(Color::Red);
    const BOLD_RED: Style = RED.add_modifier(Modifier::BOLD);

    #[test]
    fn changes_take_few_bytes() {
        check(&[], &[], "");
        check(
            &[(0, 0, "3/3", PLAIN)],
            &[(0, 0, "2/3", PLAIN)],
            "\x1b[1;1H2",
        );
        // A short gap is written once more, a long one moved over.
        check(
            &[(0, 0, "3/3", PLAIN)],
            &[(0, 0, "2/4", PLAIN)],
            "\x1b[1;1H2/4",
        );
        check(
            &[(2, 1, "a              b", PLAIN)],
            &[(2, 1, "x              y", PLAIN)],
            "\x1b[2;3Hx\x1b[18Gy",
        );
        // Nor is one written over behind a sign that may be wider on some terminals.
        check(
            &[(0, 0, "✖ 3", PLAIN)],
            &[(0, 0, "● 4", PLAIN)],
            "\x1b[1;1H●\x1b[3G4",
        );
    }

    #[test]
    fn cursor_is_placed_anew_behind_what_terminals_show_in_different_widths() {
        check(
            &[],
            &[(0, 0, "👩\u{200d}💻x", PLAIN)],
            "\x1b[1;1H\x1b[2X👩\u{200d}💻\x1b[1;3Hx",
        );
    }

    #[test]
    fn pen_is_kept_and_changed_in_the_shorter_way() {
        check(&[(0, 0, "a", RED)], &[(0, 0, "b", RED)], "\x1b[1;1Hb");
        check(
            &[(0, 0, "a", BOLD_RED)],
            &[(0, 0, "b", RED)],
            "\x1b[1;1H\x1b[22mb",
        );
        check(
            &[(0, 0, "a", BOLD_RED)],
            &[(0, 0, "b", PLAIN)],
            "\x1b[1;1H\x1b[mb",
        );
        check(
            &[(0, 0, "a", RED.add_modifier(Modifier::DIM))],
            &[(0, 0, "b", BOLD_RED)],
            "\x1b[1;1H\x1b[22;1mb",
        );
        // What is between is blank, and has no colour that could be seen.
        check(
            &[],
            &[(0, 0, "a", RED), (1, 0, " ", PLAIN), (2, 0, "b", RED)],
            "\x1b[1;1H\x1b[31ma b",
        );
    }

    #[test]
    fn many_blanks_are_erased() {
        check(&[(0, 0, "ImagePullBackOff", RED)], &[], "\x1b[1;1H\x1b[16X");
        check(
            &[(0, 0, "ImagePullBackOff", RED)],
            &[(14, 0, "on", RED)],
            "\x1b[1;1H\x1b[14X\x1b[15Gon",
        );
    }

    fn any_style() -> impl Strategy<Value = Style> {
        let color = || {
            proptest::sample::select(vec![
                Color::Reset,
                Color::Red,
                Color::LightBlue,
                Color::Indexed(77),
                Color::Rgb(1, 2, 3),
            ])
        };
        let modifier = proptest::sample::select(vec![
            Modifier::empty(),
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::DIM,
            Modifier::UNDERLINED,
            Modifier::REVERSED.union(Modifier::ITALIC),
        ]);
        (color(), color(), modifier)
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
    }

    fn any_picture() -> impl Strategy<Value = Buffer> {
        let text = proptest::sample::select(vec![
            "a",
            "3/3",
            "● Ready",
            "───────",
            "日本",
            "e\u{301}",
            "        ",
            "x        y",
            " ",
        ]);
        let piece = (0..AREA.width, 0..AREA.height, text, any_style());
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| with(&pieces))
    }

    proptest! {
        #[test]
        fn terminal_shows_every_picture_after_any_other(
            pictures in proptest::collection::vec(any_picture(), 1..5),
        ) {
            let mut terminal = Terminal::new();
            for picture in pictures {
                terminal.change(picture);
                terminal.check();
            }
        }
    }
}
