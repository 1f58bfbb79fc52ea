//! The lines that are kept: so many and so many bytes at most, each with a number that it keeps.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use crate::service::log::LogSource;

use super::escapes::Run;

/// Most lines that are kept.
pub const MAX_LINES: usize = 20_000;
/// Most bytes that their texts may take.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// Longest text of a line; the rest is cut off.
const MAX_LINE: usize = 16 * 1024;

/// A line of a log, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who said it.
    pub source: Arc<LogSource>,
    /// Which of the pods that is, counted from the first that was heard.
    pub colour: usize,
    /// When.
    pub at: Option<Timestamp>,
    /// The text, without escape sequences.
    pub text: String,
    /// How it looks, where it does not look plain.
    pub runs: Vec<Run>,
    /// Whether it is said about the log, not in it.
    pub is_notice: bool,
}

impl Line {
    /// Returns how many bytes it takes beside what every line takes.
    fn size(&self) -> usize {
        self.text.len() + self.runs.len() * size_of::<Run>()
    }
}

/// The lines that are kept.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    lines: VecDeque<Line>,
    /// How many went, which is the number of the first that is kept.
    n_dropped: u64,
    n_bytes: usize,
}

impl Ring {
    /// Keeps a line, in place of the oldest where there is no room; returns its number.
    pub(super) fn push(&mut self, mut line: Line) -> u64 {
        let end = line.text.floor_char_boundary(MAX_LINE);
        line.text.truncate(end);
        line.runs.retain(|run| run.at < end);
        // What was cut off, or read ahead, would be held as long as the line.
        line.text.shrink_to_fit();
        line.runs.shrink_to_fit();
        self.n_bytes += line.size();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.n_bytes > MAX_BYTES {
            if let Some(oldest) = self.lines.pop_front() {
                self.n_bytes -= oldest.size();
                self.n_dropped += 1;
            }
        }
        self.n_dropped + self.lines.len() as u64 - 1
    }

    /// Returns the number of the first line that is kept.
    pub fn first(&self) -> u64 {
        self.n_dropped
    }

    /// Returns how many lines went.
    pub fn n_dropped(&self) -> u64 {
        self.n_dropped
    }

    /// Returns how many lines are kept.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether none are.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns a line by its number, while it is kept.
    pub fn get(&self, number: u64) -> Option<&Line> {
        let idx = usize::try_from(number.checked_sub(self.n_dropped)?).ok()?;
        self.lines.get(idx)
    }

    pub(super) fn numbered(&self) -> impl Iterator<Item = (u64, &Line)> {
        (self.n_dropped..).zip(&self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: String) -> Line {
        Line {
            source: Arc::new(LogSource {
                pod: "web-0".to_owned(),
                container: "main".to_owned(),
            }),
            colour: 0,
            at: None,
            text,
            runs: Vec::new(),
            is_notice: false,
        }
    }

    #[test]
    fn the_oldest_go_and_the_others_keep_their_numbers() {
        let mut ring = Ring::default();
        for n in 0..MAX_LINES as u64 + 5 {
            assert_eq!(ring.push(line(n.to_string())), n);
        }
        assert_eq!((ring.len(), ring.n_dropped()), (MAX_LINES, 5));
        assert_eq!(ring.get(4), None);
        assert_eq!(ring.get(5).map(|line| line.text.as_str()), Some("5"));
    }

    #[test]
    fn looks_of_lines_count_as_their_texts_do() {
        let mut ring = Ring::default();
        let runs: Vec<Run> = (0..MAX_LINE)
            .map(|at| Run {
                at,
                ink: super::super::Ink::default(),
            })
            .collect();
        for _ in 0..100 {
            ring.push(Line {
                runs: runs.clone(),
                ..line("x".repeat(MAX_LINE))
            });
        }
        let kept: usize = ring.lines.iter().map(Line::size).sum();
        assert!(kept <= MAX_BYTES && ring.n_dropped() > 0, "{kept}");
    }

    #[test]
    fn long_lines_are_cut_and_many_of_them_take_no_more_than_there_is() {
        let mut ring = Ring::default();
        for _ in 0..2000 {
            ring.push(line("ä".repeat(MAX_LINE)));
        }
        let kept: usize = ring.lines.iter().map(|line| line.text.capacity()).sum();
        assert!(kept <= MAX_BYTES && kept > MAX_BYTES - MAX_LINE, "{kept}");
        assert_eq!(ring.len() as u64 + ring.n_dropped(), 2000);
    }
}
