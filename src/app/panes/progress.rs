//! The progress of operations: the newest lines are followed as long as the last one is in sight, else one stays where one is.

use crate::app::msg::OpId;

/// The progress of operations.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgressPane {
    /// Which, the newest last.
    pub ops: Vec<OpId>,
    /// The first line that is shown, as it was drawn last.
    pub top: usize,
    /// The line that the end is in sight from, as it was drawn last.
    last_top: usize,
    /// The first line of each operation, as it was drawn last.
    starts: Vec<usize>,
}

impl ProgressPane {
    /// Returns the progress of these, which is followed.
    pub fn new(ops: Vec<OpId>) -> Self {
        Self {
            ops,
            top: 0,
            last_top: 0,
            starts: Vec::new(),
        }
    }

    /// Tells whether the newest lines are followed.
    pub(in crate::app) fn is_followed(&self) -> bool {
        self.top >= self.last_top
    }

    /// Returns the line to be shown first of the lines that there are now, whose operations begin at these.
    pub fn top_of(&self, starts: &[usize]) -> usize {
        if self.is_followed() {
            return usize::MAX;
        }
        // What an operation above came to say moves no line of those in sight.
        let above = self.starts.partition_point(|start| *start <= self.top);
        let nth = above.saturating_sub(1);
        let start = |starts: &[usize]| starts.get(nth).copied().unwrap_or(0);
        self.top.saturating_sub(start(&self.starts)) + start(starts)
    }

    pub(in crate::app) fn on_drawn(&mut self, last_top: usize, starts: Vec<usize>) {
        (self.last_top, self.starts) = (last_top, starts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_sight_stay_while_operations_above_them_go_on() {
        let mut pane = ProgressPane::new(Vec::new());
        assert_eq!(pane.top_of(&[0, 10]), usize::MAX);
        pane.on_drawn(15, vec![0, 10]);
        pane.top = 12;
        assert_eq!(pane.top_of(&[0, 10]), 12);
        assert_eq!(pane.top_of(&[0, 13]), 15);
        pane.top = 4;
        assert_eq!(pane.top_of(&[0, 13]), 4);
        pane.top = 15;
        assert_eq!(pane.top_of(&[0, 13]), usize::MAX);
    }
}
