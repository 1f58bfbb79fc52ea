//! Mending a text with a syntax error by changes that keep its length, so that the faults behind the error show too.
//!
//! A mended text serves diagnostics, outline and completion alone; it is never rendered or applied. Lengths in bytes do not
//! change, so every place found in the mended text is a place in the text itself.

use super::syntax::SyntaxFault;
use super::tree::Tree;

/// Most syntax errors that are mended in one text.
const MAX_FAULTS: usize = 3;
/// Most bytes that are parsed while mending: the bound on its time, for there is no clock here.
const MAX_WORK: usize = 2 << 20;

/// A mended text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The text, of the same length in bytes as the one that was mended.
    pub text: String,
    /// The syntax errors found on the way, the first one included.
    pub faults: Vec<SyntaxFault>,
    /// The lines that were changed, from 1.
    pub lines: Vec<usize>,
    /// Whether the mended text is free of syntax errors.
    pub is_whole: bool,
}

/// Mends a text whose tree has a fault.
pub fn repair(text: &str, tree: &Tree<'_>) -> Option<Repaired> {
    let first = tree.fault.clone().filter(|fault| !fault.is_limit)?;
    let mut repaired = Repaired {
        text: text.to_owned(),
        faults: vec![first.clone()],
        lines: Vec::new(),
        is_whole: false,
    };
    let mut work = 0;
    let mut suspects = suspect_lines(&first, tree);
    let mut fault_line = first.span.start.line;
    while let Some(best) = best_candidate(&repaired.text, &suspects, fault_line, &mut work) {
        repaired.text = best.text;
        repaired.lines.push(best.line);
        let Some(next) = best.next else {
            repaired.is_whole = true;
            break;
        };
        if repaired.faults.len() == MAX_FAULTS {
            break;
        }
        suspects = best.suspects;
        fault_line = next.span.start.line;
        repaired.faults.push(next);
    }
    (!repaired.lines.is_empty()).then_some(repaired)
}

struct Candidate {
    text: String,
    line: usize,
    next: Option<SyntaxFault>,
    suspects: Vec<usize>,
}

/// Tries every change on every suspect line and keeps the one whose next fault is farthest down.
fn best_candidate(
    text: &str,
    suspects: &[usize],
    fault_line: usize,
    work: &mut usize,
) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    for &line in suspects {
        for change in [tabs_to_spaces, blank_value, blank_item, blank_line] {
            let Some(text) = with_line(text, line, change) else {
                continue;
            };
            *work += text.len();
            if *work > MAX_WORK {
                return best;
            }
            let tree = Tree::parse(&text);
            let next = tree.fault.clone();
            if next.as_ref().is_some_and(|fault| fault.is_limit) {
                continue;
            }
            let reached =
                |fault: Option<&SyntaxFault>| fault.map_or(usize::MAX, |f| f.span.start.line);
            let is_farther = match &best {
                Some(best) => reached(next.as_ref()) > reached(best.next.as_ref()),
                None => reached(next.as_ref()) > fault_line,
            };
            if is_farther {
                let suspects = next
                    .as_ref()
                    .map(|f| suspect_lines(f, &tree))
                    .unwrap_or_default();
                let is_last = next.is_none();
                drop(tree);
                best = Some(Candidate {
                    text,
                    line,
                    next,
                    suspects,
                });
                if is_last {
                    return best;
                }
            }
        }
    }
    best
}

/// The lines on which the cause may stand: that of the fault, that of the last node before it, and the lines around.
fn suspect_lines(fault: &SyntaxFault, tree: &Tree<'_>) -> Vec<usize> {
    let line = fault.span.start.line;
    let mut lines = vec![line];
    for other in [tree.last_line(), line.saturating_sub(1), line + 1] {
        if other > 0 && !lines.contains(&other) {
            lines.push(other);
        }
    }
    lines
}

/// Applies a change to one line; none if it changes nothing. The change keeps the length in bytes.
fn with_line(text: &str, line: usize, change: fn(&str) -> String) -> Option<String> {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    let old = text[start..].split('\n').next()?;
    let new = change(old);
    debug_assert_eq!(old.len(), new.len(), "a repair keeps the length");
    (new != old).then(|| format!("{}{new}{}", &text[..start], &text[start + old.len()..]))
}

fn tabs_to_spaces(line: &str) -> String {
    line.replace('\t', " ")
}

/// `key: anything` becomes `key:`, the rest blank.
fn blank_value(line: &str) -> String {
    match line.find(": ") {
        Some(colon) => blank_from(line, colon + 1),
        None => line.to_owned(),
    }
}

/// `- anything` becomes `-`, the rest blank.
fn blank_item(line: &str) -> String {
    match line.find("- ") {
        Some(dash) if line[..dash].trim().is_empty() => blank_from(line, dash + 1),
        _ => line.to_owned(),
    }
}

fn blank_line(line: &str) -> String {
    " ".repeat(line.len())
}

fn blank_from(line: &str, byte: usize) -> String {
    format!("{}{}", &line[..byte], " ".repeat(line.len() - byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half-typed texts, each with a line that must still be there as it was after mending.
    #[test]
    fn half_typed_text_is_mended_around_the_cursor() {
        let cases = [
            "a: 1\nb: \"open\nc: 3\n",
            "a: 1\nb: [x, y\nc: 3\n",
            "a: 1\nb: {x: y\nc: 3\n",
            "a: 1\nb\nc: 3\n",
            "a: 1\n\tb: 2\nc: 3\n",
            "a: 1\nb: x: y\nc: 3\n",
            "a: 1\nb: @x\nc: 3\n",
            "a: 1\nb: *\nc: 3\n",
            "a: 1\nb: %x\nc: 3\n",
            "a: 1\nb: 'it''s' more\nc: 3\n",
            "a: 1\nb: ]\nc: 3\n",
            "a: 1\n  b: 2\nc: 3\n",
            "a:\n  - x\n - y\nc: 3\n",
            "a: 1\nb: \"\\q\"\nc: 3\n",
            "a: 1\nb: - x\nc: 3\n",
        ];
        for text in cases {
            let tree = Tree::parse(text);
            assert!(tree.fault.is_some(), "{text:?} has no fault");
            let repaired = repair(text, &tree).unwrap_or_else(|| panic!("{text:?} was not mended"));
            assert!(repaired.is_whole, "{text:?}: {repaired:?}");
            assert_eq!(repaired.text.len(), text.len());
            assert!(
                repaired.text.ends_with("c: 3\n"),
                "{text:?}: {:?}",
                repaired.text
            );
        }
    }

    #[test]
    fn each_syntax_error_is_reported() {
        let text = "a: \"\\q\"\nb: 2\nc: @x\nd: 4\n";
        let repaired = repair(text, &Tree::parse(text)).unwrap();
        let lines: Vec<_> = repaired.faults.iter().map(|f| f.span.start.line).collect();
        assert_eq!((lines, repaired.is_whole), (vec![1, 3], true));
    }

    #[test]
    fn a_limit_is_not_mended() {
        let text = "[".repeat(1000);
        assert_eq!(repair(&text, &Tree::parse(&text)), None);
    }
}
