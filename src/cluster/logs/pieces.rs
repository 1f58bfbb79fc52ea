//! Lines of a log as it comes in pieces, each with the time that the node put before it, and none longer than a bound.

use jiff::Timestamp;

/// Longest line that is kept whole; a longer one becomes several.
const MAX_LINE: usize = 256 * 1024;
/// Longest that a node's time can be, with the space after it.
const MAX_STAMP: usize = 40;

/// A line with its time, none where no time is before it.
pub(super) type Stamped = (Option<Timestamp>, String);

/// The part of a line whose end has not come yet.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    part: Vec<u8>,
    /// The time of the line that goes on, once a part of it was given out.
    goes_on: Option<Option<Timestamp>>,
}

impl Pieces {
    /// Takes in a piece and returns the lines that it completes.
    pub fn feed(&mut self, mut piece: &[u8]) -> Vec<Stamped> {
        let mut lines = Vec::new();
        while let Some(end) = piece.iter().position(|b| *b == b'\n') {
            self.take(&piece[..end], &mut lines);
            lines.extend(self.end_line());
            piece = &piece[end + 1..];
        }
        self.take(piece, &mut lines);
        lines
    }

    /// Returns what is left when nothing more comes.
    pub fn end(&mut self) -> Option<Stamped> {
        if self.part.is_empty() {
            self.goes_on = None;
            return None;
        }
        self.end_line()
    }

    fn take(&mut self, mut bytes: &[u8], lines: &mut Vec<Stamped>) {
        // The same line is cut at the same places whenever it is read again.
        while self.part.len() + bytes.len() > MAX_LINE + MAX_STAMP {
            let (now, later) = bytes.split_at(MAX_LINE + MAX_STAMP - self.part.len());
            self.part.extend_from_slice(now);
            bytes = later;
            let (at, text) = self.line();
            self.goes_on = Some(at);
            lines.push((at, text));
        }
        self.part.extend_from_slice(bytes);
    }

    fn end_line(&mut self) -> Option<Stamped> {
        let has_part = !self.part.is_empty();
        if self.part.last() == Some(&b'\r') {
            self.part.pop();
        }
        let line = self.line();
        let went_on = self.goes_on.take().is_some();
        (has_part || !went_on).then_some(line)
    }

    fn line(&mut self) -> Stamped {
        let bytes = std::mem::take(&mut self.part);
        let stamp = match self.goes_on {
            Some(at) => Some((at, 0)),
            None => stamp(&bytes).map(|(at, len)| (Some(at), len)),
        };
        let (at, len) = stamp.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[len..]).into_owned();
        (at, text)
    }
}

/// Reads the time before a line, and how long it is with the space after it.
fn stamp(line: &[u8]) -> Option<(Timestamp, usize)> {
    let head = &line[..line.len().min(MAX_STAMP)];
    let end = head.iter().position(|b| *b == b' ').unwrap_or(head.len());
    let at = std::str::from_utf8(&head[..end]).ok()?.parse().ok()?;
    Some((at, (end + 1).min(line.len())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut all = Pieces::default();
        let mut lines: Vec<_> = pieces.iter().flat_map(|piece| all.feed(piece)).collect();
        lines.extend(all.end());
        let shown = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        lines
            .into_iter()
            .map(|(at, text)| (shown(at), text))
            .collect()
    }

    fn check(text: &[u8], expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(at, text)| ((*at).to_owned(), (*text).to_owned()))
            .collect();
        assert_eq!(fed(&[text]), expected);
    }

    #[test]
    fn times_are_taken_off_and_texts_are_left_as_they_are() {
        check(
            b"2026-01-02T03:04:05.000000006Z  a\tb \r\n\n2026-01-02T05:04:05+02:00 c\nno time\n",
            &[
                ("2026-01-02T03:04:05.000000006Z", " a\tb "),
                ("", ""),
                ("2026-01-02T03:04:05Z", "c"),
                ("", "no time"),
            ],
        );
        check(
            b"2026-01-02T03:04:05Z\n2026-01-02T03:04:05Z \n2026-01-02T03:04:05Z last",
            &[
                ("2026-01-02T03:04:05Z", ""),
                ("2026-01-02T03:04:05Z", ""),
                ("2026-01-02T03:04:05Z", "last"),
            ],
        );
        check(b"\xff\xfe\n", &[("", "\u{fffd}\u{fffd}")]);
    }

    #[test]
    fn a_line_without_end_is_given_out_in_parts_and_loses_nothing() {
        let long = "x".repeat(3 * MAX_LINE);
        let text = format!("2026-01-02T03:04:05Z {long}\nnext\n");
        let lines = fed(&[text.as_bytes()]);
        let (parts, next) = lines.split_at(lines.len() - 1);
        assert!(
            parts.len() > 2
                && parts
                    .iter()
                    .all(|(_, text)| text.len() <= MAX_LINE + MAX_STAMP)
        );
        assert!(parts.iter().all(|(at, _)| at == "2026-01-02T03:04:05Z"));
        let whole: String = parts.iter().map(|(_, text)| text.as_str()).collect();
        assert!(whole == long);
        assert_eq!(next, [(String::new(), "next".to_owned())]);
    }

    #[test]
    fn a_line_as_long_as_the_bound_is_followed_by_no_empty_one() {
        let line = "x".repeat(MAX_LINE + MAX_STAMP + 1);
        let n_lines = |text: String| fed(&[text.as_bytes()]).len();
        assert_eq!(n_lines(format!("{line}\n")), 2);
        assert_eq!(n_lines(format!("{}\n", &line[1..])), 1);
        assert_eq!(n_lines(format!("{line}\n\n")), 3);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces(
            text in proptest::collection::vec(proptest::sample::select(b"ab \n\r".to_vec()), 0..60),
            cuts in proptest::collection::vec(0..60usize, 0..8),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.insert(0, 0);
            cuts.push(text.len());
            let pieces: Vec<_> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(fed(&pieces), fed(&[&text]));
        }
    }
}
