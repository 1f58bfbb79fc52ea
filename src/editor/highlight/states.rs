//! What the lines above leave open, remembered for every so many lines: the colours of a screen start from there.

use std::borrow::Cow;
use std::ops::Range;

use ropey::Rope;

use super::{LineState, scan};

/// A state is remembered for every so many lines.
const STRIDE: usize = 64;

/// The states at the starts of lines, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::editor) struct States {
    /// The state before the line `i * STRIDE`.
    known: Vec<LineState>,
}

impl Default for States {
    fn default() -> Self {
        Self {
            known: vec![LineState::Open],
        }
    }
}

impl States {
    /// Forgets what a change of a line makes doubtful.
    pub(in crate::editor) fn forget_after(&mut self, line: usize) {
        self.known.truncate(line / STRIDE + 1);
    }

    /// Learns the states up to a line.
    pub(in crate::editor) fn learn(&mut self, rope: &Rope, line: usize) {
        let wanted = line / STRIDE + 1;
        while self.known.len() < wanted {
            let first = (self.known.len() - 1) * STRIDE;
            let state = run(
                rope,
                first..first + STRIDE,
                self.known[self.known.len() - 1],
            );
            self.known.push(state);
        }
    }

    /// Returns the state before a line.
    pub(in crate::editor) fn before(&self, rope: &Rope, line: usize) -> LineState {
        let idx = (line / STRIDE).min(self.known.len() - 1);
        run(rope, idx * STRIDE..line, self.known[idx])
    }
}

fn run(rope: &Rope, lines: Range<usize>, state: LineState) -> LineState {
    let n_lines = rope.len_lines();
    rope.lines_at(lines.start.min(n_lines))
        .take(lines.len())
        .fold(state, |state, line| {
            let text: Cow<'_, str> = line.into();
            scan(text.trim_end_matches(['\n', '\r']), state, |_, _| {})
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_the_same_however_they_are_learnt() {
        let text: String = (0..300)
            .map(|n| {
                if n % 70 == 3 {
                    "k: |\n"
                } else {
                    "  text: 'x\n"
                }
            })
            .collect();
        let rope = Rope::from_str(&text);
        let mut states = States::default();
        let cold: Vec<_> = (0..300).map(|line| states.before(&rope, line)).collect();
        states.learn(&rope, 299);
        assert_eq!(
            (0..300)
                .map(|line| states.before(&rope, line))
                .collect::<Vec<_>>(),
            cold
        );
        assert_eq!(cold[4], LineState::Block { indent: 1 });
        assert_eq!(cold[200], LineState::Block { indent: 1 });
    }
}
