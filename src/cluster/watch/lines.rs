//! Lines of a stream that comes in pieces, with a bound on their length.

/// Longest line: ten times the largest object that a server stores.
const MAX_LINE: usize = 16 * 1024 * 1024;
/// A buffer that grew over this for one line is given back after it.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Why feeding ended early.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FeedError<E> {
    /// A line is longer than any object can be.
    TooLong,
    /// What was called for a line said so.
    Line(E),
}

/// The part of a line whose end has not come yet.
#[derive(Debug)]
pub(super) struct Lines {
    part: Vec<u8>,
    max_line: usize,
}

impl Lines {
    pub fn new() -> Self {
        Self {
            part: Vec::new(),
            max_line: MAX_LINE,
        }
    }

    /// Calls `on_line` for each line that a piece completes; a line within one piece is not copied.
    pub fn feed<E>(
        &mut self,
        mut piece: &[u8],
        mut on_line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), FeedError<E>> {
        while let Some(end) = memchr(piece) {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            if self.part.is_empty() {
                self.check_length(line.len())?;
                call(line, &mut on_line)?;
            } else {
                self.check_length(self.part.len() + line.len())?;
                self.part.extend_from_slice(line);
                let whole = std::mem::take(&mut self.part);
                call(&whole, &mut on_line)?;
                if whole.capacity() <= KEPT_CAPACITY {
                    self.part = whole;
                    self.part.clear();
                }
            }
            piece = rest;
        }
        self.check_length(self.part.len() + piece.len())?;
        self.part.extend_from_slice(piece);
        Ok(())
    }

    fn check_length<E>(&self, len: usize) -> Result<(), FeedError<E>> {
        if len > self.max_line {
            return Err(FeedError::TooLong);
        }
        Ok(())
    }
}

fn memchr(piece: &[u8]) -> Option<usize> {
    piece.iter().position(|b| *b == b'\n')
}

fn call<E>(
    line: &[u8],
    on_line: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), FeedError<E>> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(());
    }
    on_line(line).map_err(FeedError::Line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fed(pieces: &[&[u8]], max_line: usize) -> Result<Vec<Vec<u8>>, FeedError<()>> {
        let mut lines = Lines {
            part: Vec::new(),
            max_line,
        };
        let mut whole = Vec::new();
        for piece in pieces {
            lines.feed(piece, |line| {
                whole.push(line.to_vec());
                Ok(())
            })?;
        }
        Ok(whole)
    }

    #[test]
    fn line_without_end_is_bounded() {
        assert_eq!(fed(&[b"12345\n"], 5), Ok(vec![b"12345".to_vec()]));
        assert_eq!(fed(&[b"123456\n"], 5), Err(FeedError::TooLong));
        assert_eq!(fed(&[b"123", b"456"], 5), Err(FeedError::TooLong));
        assert_eq!(fed(&[b"123", b"456\n"], 5), Err(FeedError::TooLong));
    }

    #[test]
    fn part_without_end_is_no_line() {
        assert_eq!(fed(&[b"a\nb"], 5), Ok(vec![b"a".to_vec()]));
        assert_eq!(fed(&[b"\r\n\n a \r\n"], 9), Ok(vec![b"a".to_vec()]));
    }

    #[test]
    fn large_buffer_is_given_back() {
        let mut lines = Lines::new();
        let long = vec![b'x'; KEPT_CAPACITY * 2];
        lines.feed::<()>(&long, |_| Ok(())).unwrap();
        lines.feed::<()>(b"\n", |_| Ok(())).unwrap();
        assert!(lines.part.capacity() <= KEPT_CAPACITY);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces(
            text in proptest::collection::vec(proptest::sample::select(b"ab\n".to_vec()), 0..60),
            cuts in proptest::collection::vec(0..60usize, 0..8),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            cuts.insert(0, 0);
            cuts.push(text.len());
            let pieces: Vec<_> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            prop_assert_eq!(fed(&pieces, 100), fed(&[&text], 100));
        }
    }
}
