//! The lines of a rope, walked upwards or downwards by its chunks, so that a line costs no look-up in the tree.
//!
//! A line comes without its break. Only one that lies in several chunks is copied.

use std::borrow::Cow;

use ropey::Rope;
use ropey::iter::Chunks;

/// Returns the lines above a line, the nearest first.
pub(super) fn above(rope: &Rope, line: usize) -> Above<'_> {
    let byte = rope.line_to_byte(line);
    let (chunks, ..) = rope.byte_slice(..byte).chunks_at_byte(byte);
    Above {
        chunks: chunks.reversed(),
        rest: "",
    }
}

/// Returns the lines from a line on.
pub(super) fn from(rope: &Rope, line: usize) -> From<'_> {
    let n_lines = rope.len_lines();
    let byte = rope.line_to_byte(line.min(n_lines));
    let mut chunks = rope.byte_slice(byte..).chunks();
    From {
        // The last line may be empty, where no chunk is.
        rest: (line < n_lines).then(|| chunks.next().unwrap_or_default()),
        chunks,
    }
}

/// Lines upwards.
pub(super) struct Above<'r> {
    /// The chunks before the present one, the nearest first.
    chunks: Chunks<'r>,
    /// What is left of the present chunk: it ends behind the break of the next line.
    rest: &'r str,
}

impl<'r> Iterator for Above<'r> {
    type Item = Cow<'r, str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            self.rest = self.chunks.next()?;
        }
        let line = self.rest.strip_suffix('\n').unwrap_or(self.rest);
        if let Some(end) = line.rfind('\n') {
            self.rest = &line[..=end];
            return Some(Cow::Borrowed(&line[end + 1..]));
        }
        self.rest = "";
        let mut parts = vec![line];
        for chunk in self.chunks.by_ref() {
            let begins = chunk.rfind('\n').map_or(0, |end| end + 1);
            parts.push(&chunk[begins..]);
            self.rest = &chunk[..begins];
            if begins > 0 {
                break;
            }
        }
        parts.reverse();
        Some(whole(&parts))
    }
}

/// Lines downwards.
pub(super) struct From<'r> {
    /// The chunks behind the present one.
    chunks: Chunks<'r>,
    /// What is left of the present chunk: the next line begins there, be it empty; none behind the last.
    rest: Option<&'r str>,
}

impl<'r> Iterator for From<'r> {
    type Item = Cow<'r, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest?;
        if let Some((line, below)) = rest.split_once('\n') {
            self.rest = Some(below);
            return Some(Cow::Borrowed(line));
        }
        self.rest = None;
        let mut parts = vec![rest];
        for chunk in self.chunks.by_ref() {
            let Some((line, below)) = chunk.split_once('\n') else {
                parts.push(chunk);
                continue;
            };
            parts.push(line);
            self.rest = Some(below);
            break;
        }
        Some(whole(&parts))
    }
}

/// Joins the parts of a line; one that has all of it is not copied.
fn whole<'r>(parts: &[&'r str]) -> Cow<'r, str> {
    let mut said = parts.iter().filter(|part| !part.is_empty());
    match (said.next(), said.next()) {
        (None, _) => Cow::Borrowed(""),
        (Some(only), None) => Cow::Borrowed(only),
        _ => Cow::Owned(parts.concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that both walks give the lines that the text has, from each of its lines.
    fn check(text: &str) {
        let rope = Rope::from_str(text);
        let lines: Vec<&str> = text.split('\n').collect();
        assert_eq!(from(&rope, lines.len()).next(), None);
        for at in 0..lines.len() {
            let upwards: Vec<_> = above(&rope, at).collect();
            let expected: Vec<_> = lines[..at].iter().rev().copied().collect();
            assert_eq!(upwards, expected, "above line {at} of {} bytes", text.len());
            let downwards: Vec<_> = from(&rope, at).collect();
            assert_eq!(
                downwards,
                lines[at..],
                "from line {at} of {} bytes",
                text.len()
            );
        }
    }

    #[test]
    fn lines_are_those_of_the_text() {
        check("");
        check("\n");
        check("a");
        check("a\n");
        check("\n\na\r\n\nb");
    }

    #[test]
    fn lines_over_several_chunks_are_whole() {
        // A chunk has about a kilobyte.
        let of = |n: usize| {
            (0..60)
                .map(|at| format!("{}é{at}\n", "x".repeat(n)))
                .collect::<String>()
        };
        for n in [1, 15, 100, 900, 5_000] {
            check(&of(n));
        }
        check(&format!("{}\n\n{}", "é".repeat(3_000), "\n".repeat(3_000)));
    }
}
