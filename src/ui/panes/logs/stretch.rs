//! A line of a log as stretches of text in one style each: what its program coloured, what matches. Everything that leaves
//! this module is safe on a terminal, with tabs as spaces.

use ratatui::style::Style;
use regex::Regex;
use unicode_segmentation::UnicodeSegmentation;

use crate::app::panes::logs::{Ink, Line};
use crate::text;
use crate::ui::theme::Theme;

/// Where tabs go.
const TAB_STOP: usize = 8;

/// Text in one style.
pub(super) type Stretch = (String, Style);

/// Returns the text of a line, what matches marked.
pub(super) fn of_line(line: &Line, filter: Option<&Regex>, theme: &Theme) -> Vec<Stretch> {
    let text = line.text.as_str();
    let mut stretches = Vec::new();
    let mut runs = line.runs.iter().peekable();
    let found = filter.filter(|_| !line.is_notice);
    let mut found = found
        .into_iter()
        .flat_map(|filter| filter.find_iter(text))
        .filter(|found| !found.is_empty())
        .peekable();
    let base = if line.is_notice {
        theme.partly
    } else {
        theme.text
    };
    let (mut at, mut column, mut ink) = (0, 0, Ink::default());
    while at < text.len() {
        while let Some(run) = runs.next_if(|run| run.at <= at) {
            ink = run.ink;
        }
        while found.next_if(|found| found.end() <= at).is_some() {}
        let (is_found, change) = match found.peek() {
            Some(found) if found.start() <= at => (true, found.end()),
            Some(found) => (false, found.start()),
            None => (false, text.len()),
        };
        let end = runs.peek().map_or(change, |run| run.at.min(change));
        let style = match is_found {
            true => base.patch(theme.ink(ink)).patch(theme.found),
            false => base.patch(theme.ink(ink)),
        };
        stretches.push((shown(&text[at..end], &mut column), style));
        at = end;
    }
    stretches
}

/// Returns a text made harmless, its tabs gone to the next stop; `column` is where it begins, and then where it ends.
fn shown(text: &str, column: &mut usize) -> String {
    let mut shown = String::with_capacity(text.len());
    for (n, part) in text.split('\t').enumerate() {
        if n > 0 {
            let n_spaces = TAB_STOP - *column % TAB_STOP;
            shown.extend(std::iter::repeat_n(' ', n_spaces));
            *column += n_spaces;
        }
        let clean = text::clean(part);
        *column += text::cells(&clean);
        shown.push_str(&clean);
    }
    shown
}

/// Returns how many cells stretches take.
pub(super) fn cells(stretches: &[Stretch]) -> usize {
    stretches.iter().map(|(text, _)| text::cells(text)).sum()
}

/// Returns stretches without their first cells. Half a wide character is no character: a space stands for it.
pub(super) fn without_first(stretches: Vec<Stretch>, n_cells: usize) -> Vec<Stretch> {
    let mut left = n_cells;
    let mut rest = Vec::with_capacity(stretches.len());
    for (text, style) in stretches {
        let mut kept = text.len();
        let mut n_spaces = 0;
        for (at, grapheme) in text.grapheme_indices(true) {
            if left == 0 {
                kept = at;
                break;
            }
            let cells = text::cells(grapheme);
            n_spaces = cells.saturating_sub(left);
            left = left.saturating_sub(cells);
        }
        let shown = " ".repeat(n_spaces) + &text[kept..];
        if !shown.is_empty() {
            rest.push((shown, style));
        }
    }
    rest
}

/// Returns stretches as rows of so many cells; there is one at least.
pub(super) fn rows(stretches: Vec<Stretch>, width: usize) -> Vec<Vec<Stretch>> {
    let mut rows = vec![Vec::new()];
    let mut used = 0;
    for (text, style) in stretches {
        let mut row = String::new();
        for grapheme in text.graphemes(true) {
            let cells = text::cells(grapheme);
            if used + cells > width && used > 0 {
                push(&mut rows, std::mem::take(&mut row), style);
                rows.push(Vec::new());
                used = 0;
            }
            row.push_str(grapheme);
            used += cells;
        }
        push(&mut rows, row, style);
    }
    rows
}

fn push(rows: &mut [Vec<Stretch>], text: String, style: Style) {
    if let Some(row) = rows.last_mut().filter(|_| !text.is_empty()) {
        row.push((text, style));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::style::{Color, Modifier};

    use super::*;
    use crate::app::panes::logs::{Colour, Run};
    use crate::service::log::LogSource;
    use crate::ui::{ColorLevel, ThemeSettings};

    fn line(text: &str, runs: Vec<Run>) -> Line {
        Line {
            source: Arc::new(LogSource {
                pod: "web-0".to_owned(),
                container: "main".to_owned(),
            }),
            colour: 0,
            at: None,
            text: text.to_owned(),
            runs,
            is_notice: false,
        }
    }

    fn red(at: usize) -> Run {
        let ink = Ink {
            text: Some(Colour::Indexed(1)),
            is_bold: true,
            ..Ink::default()
        };
        Run { at, ink }
    }

    fn texts(stretches: &[Stretch]) -> Vec<&str> {
        stretches.iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn colours_and_matches_are_laid_over_each_other() {
        let theme = Theme::default();
        let plain = Run {
            at: 5,
            ink: Ink::default(),
        };
        let line = line("ERROR: no\tEND", vec![red(0), plain]);
        let filter = Regex::new("OR:|E").unwrap();
        let stretches = of_line(&line, Some(&filter), &theme);
        let expected = ["E", "RR", "OR", ":", " no       ", "E", "ND"];
        let texts_shown: Vec<_> = texts(&stretches);
        assert_eq!(texts_shown, expected);
        let is_red = |n: usize| stretches[n].1.fg == Some(Color::Red);
        let is_marked = |n: usize| stretches[n].1.bg == theme.found.bg;
        assert!(is_red(1) && !is_red(4));
        let marked: Vec<_> = (0..expected.len()).filter(|n| is_marked(*n)).collect();
        assert_eq!(marked, [0, 2, 3, 5]);
    }

    #[test]
    fn terminal_without_colours_keeps_weights() {
        let theme = Theme::new(&ThemeSettings::default(), ColorLevel::None, false);
        let stretches = of_line(&line("ERROR", vec![red(0)]), None, &theme);
        let (_, style) = &stretches[0];
        assert_eq!((style.fg, style.bg), (None, None));
        assert!(style.add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn nothing_hostile_is_left_and_tabs_are_spaces() {
        let check = |text: &str, expected: &str| {
            let stretches = of_line(&line(text, Vec::new()), None, &Theme::default());
            assert_eq!(texts(&stretches).concat(), expected);
        };
        check("a\tb\t\tc", "a       b               c");
        check("日\tx", "日      x");
        check("a\u{7}\u{202e}b", "a␇\u{fffd}b");
        check("", "");
    }

    #[test]
    fn cells_out_of_sight_are_left_out() {
        let check = |stretches: &[&str], n_cells, expected: &[&str]| {
            let all = stretches
                .iter()
                .map(|text| (text.to_string(), Style::new()));
            let rest = without_first(all.collect(), n_cells);
            assert_eq!(texts(&rest), expected, "{stretches:?} {n_cells}");
        };
        check(&["abc", "def"], 0, &["abc", "def"]);
        check(&["abc", "def"], 2, &["c", "def"]);
        check(&["abc", "def"], 4, &["ef"]);
        check(&["abc"], 9, &[]);
        check(&["日本語"], 2, &["本語"]);
        check(&["日本語"], 3, &[" 語"]);
    }

    #[test]
    fn rows_are_filled_and_wide_characters_stay_whole() {
        let check = |stretches: &[&str], width, expected: &[&str]| {
            let all = stretches
                .iter()
                .map(|text| (text.to_string(), Style::new()));
            let rows = rows(all.collect(), width);
            let rows: Vec<_> = rows.iter().map(|row| texts(row).concat()).collect();
            assert_eq!(rows, expected, "{stretches:?} {width}");
        };
        check(&["abcdef"], 4, &["abcd", "ef"]);
        check(&["ab", "cdef"], 3, &["abc", "def"]);
        check(&["abc"], 4, &["abc"]);
        check(&["日本語"], 5, &["日本", "語"]);
        check(&["日"], 1, &["日"]);
        check(&[], 4, &[""]);
    }
}
