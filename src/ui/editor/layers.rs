//! The styles of one line, merged: syntax below faults below matches below the selection.

use std::ops::Range;

use ratatui::style::Style;

use super::EditorStyles;
use crate::editor::Editor;
use crate::editor::highlight::Token;

/// More faults of one line are not told apart.
const MAX_FAULTS_PER_LINE: usize = 64;

/// The styles of one line: ranges of bytes in ascending order, asked from left to right.
pub(super) struct Layers {
    tokens: Ranges,
    faults: Vec<(Range<usize>, Style)>,
    matches: Ranges,
    selection: Ranges,
    end: Style,
}

impl Layers {
    pub(super) fn of_line(
        editor: &Editor,
        line_idx: usize,
        text: &str,
        tokens: Vec<(Range<usize>, Token)>,
        styles: &EditorStyles,
    ) -> Self {
        let line = editor.line_bytes(line_idx);
        let faults = faults_of(editor, &line, styles);
        let selection = selection_of(editor, &line);
        let matches = editor
            .search()
            .map(|search| search.matches_in(text).collect::<Vec<_>>())
            .unwrap_or_default();
        let mut end = styles.text;
        for (_, style) in faults.iter().filter(|(range, _)| range.end > text.len()) {
            end = end.patch(*style);
        }
        if selection
            .as_ref()
            .is_some_and(|range| range.end > text.len())
        {
            end = end.patch(styles.selection);
        }
        Self {
            tokens: Ranges::new(
                tokens
                    .into_iter()
                    .map(|(range, token)| (range, styles.token(token))),
            ),
            faults,
            matches: Ranges::new(
                matches
                    .into_iter()
                    .map(|range| (range, styles.search_match)),
            ),
            selection: Ranges::new(selection.map(|range| (range, styles.selection))),
            end,
        }
    }

    pub(super) fn style_at(&mut self, byte: usize) -> Style {
        let mut style = self.tokens.at(byte).unwrap_or_default();
        for (_, fault) in self
            .faults
            .iter()
            .filter(|(range, _)| range.contains(&byte))
        {
            style = style.patch(*fault);
        }
        // The match at the cursor is selected, and must look different from the others.
        let matched = self.matches.at(byte);
        style.patch(self.selection.at(byte).or(matched).unwrap_or_default())
    }

    pub(super) fn style_at_end(&self) -> Style {
        self.end
    }
}

/// Returns the faults of a line as bytes of it, errors last so that they win. An empty range marks one character.
fn faults_of(
    editor: &Editor,
    line: &Range<usize>,
    styles: &EditorStyles,
) -> Vec<(Range<usize>, Style)> {
    let mut faults: Vec<_> = editor
        .problems()
        .iter()
        .filter(|problem| {
            problem.bytes.start <= line.end
                && problem.bytes.end.max(problem.bytes.start + 1) > line.start
        })
        .take(MAX_FAULTS_PER_LINE)
        .map(|problem| {
            let start = problem.bytes.start.max(line.start) - line.start;
            // A fault that goes on in the next line does not mark the line's end.
            let end = if problem.bytes.end > line.end {
                line.len()
            } else {
                problem.bytes.end.max(line.start) - line.start
            };
            (start..end.max(start + 1), problem.diagnostic.severity)
        })
        .collect();
    faults.sort_by_key(|(_, severity)| std::cmp::Reverse(*severity));
    faults
        .into_iter()
        .map(|(range, severity)| (range, styles.fault(severity)))
        .collect()
}

/// Returns what is selected of a line, as bytes of it; its end counts as one more.
fn selection_of(editor: &Editor, line: &Range<usize>) -> Option<Range<usize>> {
    let selection = editor.selection();
    if selection.is_empty() {
        return None;
    }
    let Range { start, end } = selection.range();
    let (start, end) = (
        editor.rope().char_to_byte(start),
        editor.rope().char_to_byte(end),
    );
    let goes_on = usize::from(end > line.end);
    (start <= line.end && end > line.start || line.contains(&start))
        .then(|| start.max(line.start) - line.start..end.min(line.end) - line.start + goes_on)
}

/// Ranges with a style each that do not overlap, in ascending order.
struct Ranges {
    rest: std::iter::Peekable<std::vec::IntoIter<(Range<usize>, Style)>>,
}

impl Ranges {
    fn new(ranges: impl IntoIterator<Item = (Range<usize>, Style)>) -> Self {
        Self {
            rest: ranges
                .into_iter()
                .collect::<Vec<_>>()
                .into_iter()
                .peekable(),
        }
    }

    /// Returns the style at a byte; bytes must be asked in ascending order.
    fn at(&mut self, byte: usize) -> Option<Style> {
        while self.rest.next_if(|(range, _)| range.end <= byte).is_some() {}
        self.rest
            .peek()
            .filter(|(range, _)| range.start <= byte)
            .map(|(_, style)| *style)
    }
}
