//! How far a log was read, so that reading it again repeats nothing and leaves nothing out.
//!
//! Servers can begin at a second at best, so lines of that second come again; those that were read are told by their times
//! and, where several bear the same, by how many of them there were.

use jiff::Timestamp;

/// The time of the last line that was read, and how many lines bore it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark(Option<(Timestamp, usize)>);

impl Mark {
    /// Takes note of a line that was read.
    pub fn pass(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        self.0 = match self.0 {
            Some((last, n_same)) if last == at => Some((last, n_same + 1)),
            _ => Some((at, 1)),
        };
    }

    /// Returns the second from which the server is to begin; none if nothing was read.
    pub fn second(&self) -> Option<Timestamp> {
        let (last, _) = self.0?;
        Timestamp::from_second(last.as_second()).ok()
    }

    /// Returns what tells lines that come again.
    pub fn again(&self) -> Again {
        Again(self.0)
    }
}

/// What tells lines that were read from those that were not, while a log is read again.
#[derive(Debug)]
pub(super) struct Again(Option<(Timestamp, usize)>);

impl Again {
    /// Tells whether a line was read before. After the first that was not, none was: a clock may be set back.
    pub fn was_read(&mut self, at: Option<Timestamp>) -> bool {
        let (Some((last, n_left)), Some(at)) = (&mut self.0, at) else {
            // What bears no time is a remark of the node's, and belongs to this reading.
            return false;
        };
        if at < *last {
            return true;
        }
        if at == *last && *n_left > 0 {
            *n_left -= 1;
            return true;
        }
        self.0 = None;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanosecond: i128) -> Option<Timestamp> {
        Some(Timestamp::from_nanosecond(5_000_000_000 + nanosecond).unwrap())
    }

    #[test]
    fn what_was_read_is_told_by_time_and_number() {
        let mut mark = Mark::default();
        assert_eq!(mark.second(), None);
        assert!(!mark.again().was_read(at(0)));
        for nanosecond in [1, 2, 2] {
            mark.pass(at(nanosecond));
        }
        mark.pass(None);
        assert_eq!(mark.second(), at(0));
        let mut again = mark.again();
        let read: Vec<_> = [at(1), at(2), None, at(2), at(2), at(3), at(1)]
            .into_iter()
            .map(|at| again.was_read(at))
            .collect();
        assert_eq!(read, [true, true, false, true, false, false, false]);
    }
}
