//! What a search found in a text that is drawn: its matches in the lines, and which of them one is at.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use regex::Regex;

use crate::app::search::Found;
use crate::text;
use crate::ui::canvas::Canvas;

use super::Line;

/// Returns the lines with what matches in a style, and which of them match.
pub(super) fn marked(lines: &[Line], pattern: &Regex, style: Style) -> (Vec<Line>, Vec<usize>) {
    let mut matching = Vec::new();
    let marked = lines.iter().enumerate().map(|(nth, line)| {
        let marked = marked_line(line, pattern, style);
        if marked.is_some() {
            matching.push(nth);
        }
        marked.unwrap_or_else(|| line.clone())
    });
    let marked = marked.collect();
    (marked, matching)
}

/// Returns a line with what matches in a style; none where nothing does.
fn marked_line(line: &Line, pattern: &Regex, style: Style) -> Option<Line> {
    let clean = |(piece, style): &(String, Style)| (text::clean(piece).into_owned(), *style);
    let line: Line = line.iter().map(clean).collect();
    let whole: String = line.iter().map(|(piece, _)| piece.as_str()).collect();
    let found = pattern.find_iter(&whole).map(|found| found.range());
    let found: Vec<_> = found.filter(|range| !range.is_empty()).collect();
    if found.is_empty() {
        return None;
    }
    let (mut marked, mut start) = (Line::new(), 0);
    for (piece, own) in line {
        let end = start + piece.len();
        let borders = found.iter().flat_map(|range| [range.start, range.end]);
        let within = borders.filter(|border| (start + 1..end).contains(border));
        let mut at = start;
        for border in within.chain([end]) {
            let is_found = found.iter().any(|range| range.contains(&at));
            let style = if is_found { own.patch(style) } else { own };
            marked.push((whole[at..border].to_owned(), style));
            at = border;
        }
        start = end;
    }
    Some(marked)
}

/// Says on the frame below a text what is looked for and which match one is at, and marks the line of that.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    inside: Rect,
    pattern: &Regex,
    (matching, found): (&[usize], Found),
) {
    let theme = canvas.theme;
    let nth = found.at.and_then(|at| matching.binary_search(&at).ok());
    let (sums, style) = match (matching.len(), nth) {
        (0, _) => ("no match".to_owned(), theme.bad),
        (n, Some(nth)) => (format!("{} of {n}", nth + 1), theme.text),
        (1, None) => ("1 match".to_owned(), theme.text),
        (n, None) => (format!("{n} matches"), theme.text),
    };
    let told = format!(" /{}/ {sums} ", text::clean(pattern.as_str()));
    let room = inside.width / 2;
    let width = u16::try_from(text::cells(&told)).map_or(room, |width| width.min(room));
    let at = Position {
        x: inside.right().saturating_sub(width),
        y: inside.bottom(),
    };
    canvas.text(at, width, &told, style);
    let row = found.at.and_then(|at| at.checked_sub(found.top));
    let row = row.and_then(|row| u16::try_from(row).ok());
    if let Some(row) = row.filter(|row| *row < inside.height) {
        let y = inside.y + row;
        let height = 1;
        canvas.paint(
            Rect {
                y,
                height,
                ..inside
            },
            theme.selected,
        );
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;

    #[test]
    fn matches_are_marked_across_the_pieces_of_a_line() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let found = Style::new().add_modifier(Modifier::REVERSED);
        let plain = Style::new();
        let lines = [
            vec![
                ("apply Depl".to_owned(), plain),
                ("oyment/web".to_owned(), bold),
            ],
            vec![("Service".to_owned(), plain)],
        ];
        let (marked, matching) = marked(&lines, &Regex::new("Deployment").unwrap(), found);
        let expected = [
            ("apply ", plain),
            ("Depl", plain.patch(found)),
            ("oyment", bold.patch(found)),
            ("/web", bold),
        ];
        let expected: Line = expected
            .map(|(text, style)| (text.to_owned(), style))
            .into();
        assert_eq!((&marked[0], &marked[1]), (&expected, &lines[1]));
        assert_eq!(matching, [0]);
        // What matches everywhere with nothing is found nowhere.
        let (_, everywhere) = super::marked(&lines, &Regex::new("x*").unwrap(), found);
        assert!(everywhere.is_empty());
    }
}
