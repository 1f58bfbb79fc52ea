//! Merge conflicts that nobody resolved: the marks that git and its kind, and merging by hand here, leave in a text.
//!
//! In a YAML text such marks are many faults at once, and none of them says what happened. So they are found by their lines,
//! before anything is parsed, and what stands between is blanked but for the first side.

use std::ops::Range;

use super::syntax::SyntaxFault;
use crate::definition::diagnostic::{Position, Span};

/// What a line that begins so, in its first column, is in a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Mine,
    Before,
    Between,
    Theirs,
}

/// A text with conflicts, made one without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflicts {
    /// The text with the first side of each, of the same length in bytes.
    pub text: String,
    /// Each of them, at the first of its marks.
    pub faults: Vec<SyntaxFault>,
}

impl Mark {
    fn read(line: &str) -> Option<Self> {
        let (mark, is_whole) = match line.as_bytes().first()? {
            b'<' => ("<<<<<<<", false),
            b'|' => ("|||||||", false),
            b'=' => ("=======", true),
            b'>' => (">>>>>>>", false),
            _ => return None,
        };
        let rest = line.strip_prefix(mark)?.trim_end_matches(['\r', '\n']);
        (rest.is_empty() || !is_whole && rest.starts_with(' ')).then_some(match mark {
            "<<<<<<<" => Self::Mine,
            "|||||||" => Self::Before,
            "=======" => Self::Between,
            _ => Self::Theirs,
        })
    }
}

/// Finds the conflicts of a text; none where there is no mark of any.
pub fn conflicts(text: &str) -> Option<Conflicts> {
    let mut blanked: Vec<Range<usize>> = Vec::new();
    let mut faults: Vec<SyntaxFault> = Vec::new();
    // The mark that was met last of a conflict that is not over.
    let mut open: Option<Mark> = None;
    let mut byte = 0;
    for (line_number, line) in (1..).zip(text.split_inclusive('\n')) {
        let range = byte..byte + line.trim_end_matches(['\r', '\n']).len();
        byte += line.len();
        let Some(mark) = Mark::read(line) else {
            if matches!(open, Some(Mark::Before | Mark::Between)) {
                blanked.push(range);
            }
            continue;
        };
        let goes_on = open.is_some() && mark != Mark::Mine;
        if !goes_on {
            faults.push(fault(line_number, &text[range.clone()], range.clone()));
        }
        blanked.push(range);
        open = (mark != Mark::Theirs && (goes_on || mark == Mark::Mine)).then_some(mark);
    }
    if faults.is_empty() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for range in blanked {
        bytes[range].fill(b' ');
    }
    let text = String::from_utf8(bytes).expect("whole lines became spaces");
    Some(Conflicts { text, faults })
}

fn fault(line_number: usize, line: &str, bytes: Range<usize>) -> SyntaxFault {
    let at = |column| Position {
        line: line_number,
        column,
    };
    SyntaxFault {
        span: Span {
            start: at(1),
            end: at(line.chars().count() + 1),
            bytes,
        },
        message: "a merge conflict is unresolved here; keep the lines that are meant, and remove the marks `<<<<<<<`, `=======` \
                  and `>>>>>>>` with all others between them"
            .to_owned(),
        fix: None,
        is_limit: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_end_where_their_characters_do() {
        let found = conflicts("<<<<<<< größe\r\n=======\n>>>>>>> x\n").unwrap();
        assert_eq!(found.faults[0].span.end.column, 14);
        assert_eq!(found.faults[0].span.bytes, 0..15);
    }

    #[test]
    fn first_side_is_left_in_its_place() {
        let check = |text: &str, expected: Option<(&str, &[usize])>| {
            let found = conflicts(text);
            let shown = found.as_ref().map(|found| {
                let lines: Vec<usize> = found.faults.iter().map(|it| it.span.start.line).collect();
                assert_eq!(found.text.len(), text.len());
                let left: Vec<&str> = found.text.lines().map(str::trim_end).collect();
                (left.join("|"), lines)
            });
            let expected = expected.map(|(text, lines)| (text.to_owned(), lines.to_vec()));
            assert_eq!(shown, expected, "{text:?}");
        };
        check("a: 1\n", None);
        // What is indented, longer or goes on with something else is the text's own.
        check("a: |\n  <<<<<<< mine\n  =======\n", None);
        check("========\n<<<<<<<x\n# =======\n======= x\n", None);
        check(
            "a: 1\n<<<<<<< mine\nb: é\n||||||| before\nb: 0\n=======\nb: 2\n>>>>>>> theirs\nc: 3\n",
            Some(("a: 1||b: é||||||c: 3", &[2])),
        );
        check(
            "<<<<<<< HEAD\r\nb: 1\r\n=======\r\nb: 2\r\n>>>>>>> x\r\n<<<<<<<\r\n=======\r\nb: 2\r\n>>>>>>>\r\n",
            Some(("|b: 1|||||||", &[1, 6])),
        );
        // Of one that was half removed each mark that is left is told of.
        check(
            "a: 1\n=======\nb: 2\n>>>>>>> x\nc: 3\n",
            Some(("a: 1||b: 2||c: 3", &[2, 4])),
        );
        check(
            "<<<<<<< mine\na: 1\n<<<<<<< mine\nb: 1\n",
            Some(("|a: 1||b: 1", &[1, 3])),
        );
    }
}
