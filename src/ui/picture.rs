//! A drawn buffer as text or as an SVG picture: what `snapshot` prints and the README shows.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use crate::app::Model;

use super::{Theme, draw_buffer};

/// Size of a cell of the picture, in pixels.
const CELL: (u16, u16) = (9, 19);
const FOREGROUND: &str = "#d8dee9";
const BACKGROUND: &str = "#16181d";

/// Draws a model at a size, without a terminal.
pub fn draw_alone(model: &Model, (columns, rows): (u16, u16), theme: &Theme) -> Buffer {
    let area = Rect::new(0, 0, columns, rows);
    let mut buf = Buffer::empty(area);
    draw_buffer(&mut buf, area, model, theme);
    buf
}

/// Returns the texts of a buffer, a line a row, without spaces at the ends.
pub fn to_text(buf: &Buffer) -> String {
    let mut text = String::new();
    for row in buf.area.rows() {
        let line: String = visible(buf, row).map(|(_, cell)| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Returns the cells of a row, those that a wide one covers left out.
fn visible(buf: &Buffer, row: Rect) -> impl Iterator<Item = (u16, &Cell)> {
    let mut next = row.x;
    (row.x..row.right()).filter_map(move |x| {
        if x < next {
            return None;
        }
        let cell = &buf[(x, row.y)];
        let width = crate::text::cells(cell.symbol()).max(1);
        next = x.saturating_add(u16::try_from(width).unwrap_or(1));
        Some((x, cell))
    })
}

/// Returns a buffer as an SVG picture.
pub fn to_svg(buf: &Buffer) -> String {
    let (width, height) = (
        u32::from(buf.area.width) * u32::from(CELL.0),
        u32::from(buf.area.height) * u32::from(CELL.1),
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for row in buf.area.rows() {
        draw_row(&mut svg, buf, row);
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Cells of one style that stand side by side.
struct Run {
    x: u16,
    n_cells: u16,
    text: String,
}

fn draw_row(svg: &mut String, buf: &Buffer, row: Rect) {
    let mut run: Option<(Run, &Cell)> = None;
    for (x, cell) in visible(buf, row) {
        let width = u16::try_from(crate::text::cells(cell.symbol()).max(1)).unwrap_or(1);
        match &mut run {
            Some((run, first)) if same_look(first, cell) => {
                run.n_cells += width;
                run.text.push_str(cell.symbol());
            }
            _ => {
                if let Some((run, first)) = run.take() {
                    draw_run(svg, row.y, &run, first);
                }
                run = Some((
                    Run {
                        x,
                        n_cells: width,
                        text: cell.symbol().to_owned(),
                    },
                    cell,
                ));
            }
        }
    }
    if let Some((run, first)) = run {
        draw_run(svg, row.y, &run, first);
    }
}

fn same_look(a: &Cell, b: &Cell) -> bool {
    (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)
}

fn draw_run(svg: &mut String, y: u16, run: &Run, cell: &Cell) {
    let is_reversed = cell.modifier.contains(Modifier::REVERSED);
    let (mut fg, mut bg) = (colour(cell.fg, FOREGROUND), colour(cell.bg, BACKGROUND));
    if is_reversed {
        std::mem::swap(&mut fg, &mut bg);
    }
    let (left, top) = (
        u32::from(run.x) * u32::from(CELL.0),
        u32::from(y) * u32::from(CELL.1),
    );
    let width = u32::from(run.n_cells) * u32::from(CELL.0);
    if bg != BACKGROUND {
        svg.push_str(&format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{}\" fill=\"{bg}\"/>\n",
            CELL.1
        ));
    }
    if run.text.trim().is_empty() {
        return;
    }
    let weight = if cell.modifier.contains(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let line = if cell.modifier.contains(Modifier::UNDERLINED) {
        " text-decoration=\"underline\""
    } else {
        ""
    };
    let opacity = if cell.modifier.contains(Modifier::DIM) {
        " opacity=\"0.6\""
    } else {
        ""
    };
    let text = run
        .text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    svg.push_str(&format!(
        "<text x=\"{left}\" y=\"{}\" textLength=\"{width}\" fill=\"{fg}\"{weight}{line}{opacity}>{text}</text>\n",
        top + 14
    ));
}

fn colour(colour: Color, default: &str) -> String {
    let named = match colour {
        Color::Reset => default,
        Color::Black => "#16181d",
        Color::Red | Color::LightRed => "#ff8787",
        Color::Green | Color::LightGreen => "#87d787",
        Color::Yellow | Color::LightYellow => "#ffd75f",
        Color::Blue | Color::LightBlue => "#3b6ea5",
        Color::Magenta | Color::LightMagenta => "#d787d7",
        Color::Cyan | Color::LightCyan => "#5fd7d7",
        Color::Gray => "#b0b8c4",
        Color::DarkGray => "#7a828e",
        Color::White => "#ffffff",
        Color::Rgb(r, g, b) => return format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Indexed(n) => return indexed(n),
    };
    named.to_owned()
}

/// Returns a colour of the palette of 256: the cube of six steps a channel, then the greys.
fn indexed(n: u8) -> String {
    let step = |level: u8| if level == 0 { 0 } else { 55 + 40 * level };
    let (r, g, b) = match n {
        0..16 => (128, 128, 128),
        16..232 => {
            let n = n - 16;
            (step(n / 36), step(n / 6 % 6), step(n % 6))
        }
        232.. => {
            let level = 8 + 10 * (n - 232);
            (level, level, level)
        }
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}
