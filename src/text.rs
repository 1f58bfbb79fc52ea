//! The one sanitiser: what every text from a cluster, a file or a plugin passes before it reaches a terminal.
//!
//! Escape sequences, control characters, bidirectional overrides and invisible characters become one visible mark each,
//! so that a name can neither drive the terminal nor pretend to be another name. The same module knows how many cells a
//! text takes on the screen. It must never be bypassed: ratatui drops control characters but lets the rest through.

mod stream;

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use stream::StreamCleaner;

/// Stands for a whole escape sequence.
const ESCAPE_MARK: char = '\u{241b}';
/// Stands for an invisible or misleading character that has no picture of its own.
const HIDDEN_MARK: char = '\u{fffd}';
/// Stands for what was cut off.
const ELLIPSIS: char = '…';
/// More marks than this on one cell are an attack on the terminal's memory, not a language.
const MAX_COMBINING: usize = 8;
/// Where tabs go in text of several lines, as in a terminal.
const TAB_STOP: usize = 8;

/// Returns `text` as one line that is safe on a terminal: line ends and tabs become a space each.
pub fn clean(text: &str) -> Cow<'_, str> {
    clean_with(text, Lines::Joined)
}

/// Returns `text` safe on a terminal with its lines kept: line ends become `\n`, tabs go to the next stop of 8.
pub fn clean_multiline(text: &str) -> Cow<'_, str> {
    clean_with(text, Lines::Kept)
}

/// Returns the visible mark for a character that must not reach a terminal by itself, or `None` for a harmless one.
///
/// Joiners and variation selectors are harmless only between certain neighbours, so here they count as hidden; a tab and
/// a line end have pictures too.
pub fn mark_for(c: char) -> Option<char> {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}' => Some(HIDDEN_MARK),
        _ if is_invisible(c) || is_joiner(c) || is_variation_selector(c) => Some(HIDDEN_MARK),
        _ => None,
    }
}

/// Returns how many cells a cleaned text of one line takes on the screen.
pub fn cells(text: &str) -> usize {
    if is_plain(text) {
        return text.len();
    }
    // By grapheme, since that is how a buffer is filled; the width of the whole can differ where letters join.
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Returns a cleaned text cut to at most `width` cells, with `…` in the last one where something is missing.
pub fn truncate_cells(text: &str, width: usize) -> Cow<'_, str> {
    // A cell needs at least a byte, so short texts need no counting.
    if text.len() <= width || cells(text) <= width {
        return Cow::Borrowed(text);
    }
    let Some(room) = width.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    let mut used = 0;
    let mut end = 0;
    for (start, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > room {
            break;
        }
        end = start + grapheme.len();
    }
    let mut cut = String::with_capacity(end + ELLIPSIS.len_utf8());
    cut.push_str(&text[..end]);
    cut.push(ELLIPSIS);
    Cow::Owned(cut)
}

/// Splits a cleaned text behind the first `width` cells of it, or behind its first sign where that is wider.
pub fn split_cells(text: &str, width: usize) -> (&str, &str) {
    let (mut used, mut end) = (0, 0);
    for (start, grapheme) in text.grapheme_indices(true) {
        used += grapheme.width();
        if used > width && start > 0 {
            break;
        }
        end = start + grapheme.len();
    }
    text.split_at(end)
}

#[derive(Clone, Copy, PartialEq)]
enum Lines {
    Joined,
    Kept,
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(is_plain_byte)
}

fn is_plain_byte(b: u8) -> bool {
    matches!(b, b' '..=b'~')
}

fn clean_with(text: &str, lines: Lines) -> Cow<'_, str> {
    let is_safe = |b: u8| is_plain_byte(b) || (b == b'\n' && lines == Lines::Kept);
    if text.bytes().all(is_safe) {
        return Cow::Borrowed(text);
    }
    let mut cleaner = Cleaner::new(text.len(), lines);
    let mut rest = cleaner.plain(text);
    while let Some(c) = rest.chars().next() {
        rest = cleaner.step(c, &rest[c.len_utf8()..]);
        rest = cleaner.plain(rest);
    }
    if cleaner.out == text {
        return Cow::Borrowed(text);
    }
    Cow::Owned(cleaner.out)
}

/// The state while a text is copied: what was written, and what stands on the current cell.
struct Cleaner {
    out: String,
    lines: Lines,
    /// The last character written, to judge joiners by.
    last: Option<char>,
    /// Zero-width characters since the last one with a width.
    n_combining: usize,
    /// Cells since the last line end, for tabs.
    column: usize,
}

impl Cleaner {
    fn new(capacity: usize, lines: Lines) -> Self {
        Self {
            out: String::with_capacity(capacity),
            lines,
            last: None,
            n_combining: 0,
            column: 0,
        }
    }

    /// Takes the ASCII that nothing is to be done about; returns what remains to be read.
    fn plain<'a>(&mut self, rest: &'a str) -> &'a str {
        let n_plain = rest.bytes().take_while(|&b| is_plain_byte(b)).count();
        let (plain, rest) = rest.split_at(n_plain);
        if let Some(last) = plain.chars().next_back() {
            self.out.push_str(plain);
            self.last = Some(last);
            self.n_combining = 0;
            self.column += n_plain;
        }
        rest
    }

    /// Takes the character `c` that is followed by `rest`; returns what remains to be read.
    fn step<'a>(&mut self, c: char, rest: &'a str) -> &'a str {
        match c {
            '\u{1b}' => {
                self.put(ESCAPE_MARK);
                &rest[escape_len(rest)..]
            }
            '\u{9b}' => {
                self.put(ESCAPE_MARK);
                &rest[csi_len(rest)..]
            }
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => {
                self.put(ESCAPE_MARK);
                &rest[string_len(rest)..]
            }
            '\r' if rest.starts_with('\n') => {
                self.line_end();
                &rest[1..]
            }
            '\n' => {
                self.line_end();
                rest
            }
            '\t' => {
                self.tab();
                rest
            }
            _ => {
                self.character(c, rest);
                rest
            }
        }
    }

    fn character(&mut self, c: char, rest: &str) {
        let harmless = match c {
            _ if is_joiner(c) => self.joins(rest),
            _ if is_variation_selector(c) => self.last.is_some_and(has_variants),
            _ => mark_for(c).is_none(),
        };
        if !harmless {
            return self.put(mark_for(c).unwrap_or(HIDDEN_MARK));
        }
        if c.width() != Some(0) {
            return self.put(c);
        }
        self.n_combining += 1;
        match self.n_combining {
            ..=MAX_COMBINING => {
                self.out.push(c);
                self.last = Some(c);
            }
            // The count goes on, so one mark stands for all that is left of the heap.
            n if n == MAX_COMBINING + 1 => self.out.push(HIDDEN_MARK),
            _ => {}
        }
    }

    /// Tells whether a joiner here ties two characters that scripts and emoji really tie together.
    fn joins(&self, rest: &str) -> bool {
        let next = rest.chars().next();
        let ties = |c: char| !c.is_ascii() && c != HIDDEN_MARK && c != ESCAPE_MARK;
        self.last.is_some_and(|c| ties(c) && !is_joiner(c))
            && next.is_some_and(|c| ties(c) && mark_for(c).is_none() && c.width() > Some(0))
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.last = Some(c);
        self.n_combining = 0;
        self.column += c.width().unwrap_or(0);
    }

    fn line_end(&mut self) {
        match self.lines {
            Lines::Joined => self.put(' '),
            Lines::Kept => {
                self.put('\n');
                self.column = 0;
            }
        }
    }

    fn tab(&mut self) {
        let n_spaces = match self.lines {
            Lines::Joined => 1,
            Lines::Kept => TAB_STOP - self.column % TAB_STOP,
        };
        (0..n_spaces).for_each(|_| self.put(' '));
    }
}

/// Returns how many bytes after an ESC belong to its sequence.
fn escape_len(rest: &str) -> usize {
    match rest.as_bytes().first() {
        Some(b'[') => 1 + csi_len(&rest[1..]),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => 1 + string_len(&rest[1..]),
        _ => {
            let n_intermediate = rest
                .bytes()
                .take_while(|b| matches!(b, b' '..=b'/'))
                .count();
            match rest.as_bytes().get(n_intermediate) {
                Some(b'0'..=b'~') => n_intermediate + 1,
                _ => 0,
            }
        }
    }
}

/// Returns how many bytes after a control sequence introducer belong to it, or 0 if no final byte comes.
fn csi_len(rest: &str) -> usize {
    let n_parameters = rest
        .bytes()
        .take_while(|b| matches!(b, b'0'..=b'?'))
        .count();
    let n_intermediate = rest[n_parameters..]
        .bytes()
        .take_while(|b| matches!(b, b' '..=b'/'))
        .count();
    match rest.as_bytes().get(n_parameters + n_intermediate) {
        Some(b'@'..=b'~') => n_parameters + n_intermediate + 1,
        _ => 0,
    }
}

/// Returns how many bytes after the start of a control string (OSC, DCS, APC, PM, SOS) belong to it, or 0 if it is not
/// ended: then its text is shown instead of swallowing all that follows.
///
/// Only up to the next control character is looked at, which keeps the whole walk linear.
fn string_len(rest: &str) -> usize {
    let Some((end, terminator)) = rest.char_indices().find(|(_, c)| c.is_control()) else {
        return 0;
    };
    match terminator {
        '\u{7}' | '\u{9c}' => end + terminator.len_utf8(),
        '\u{1b}' if rest[end + 1..].starts_with('\\') => end + 2,
        _ => 0,
    }
}

/// Zero width non-joiner and joiner: Persian and Indic scripts and emoji need them, spoofed names abuse them.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

fn is_variation_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}')
}

/// Tells whether a variation selector after `c` can mean anything: after symbols and scripts, and in keycaps.
fn has_variants(c: char) -> bool {
    let in_ascii = matches!(c, '0'..='9' | '#' | '*');
    in_ascii || (!c.is_ascii() && c.width() > Some(0) && c != HIDDEN_MARK && c != ESCAPE_MARK)
}

/// Characters that take no ink, change the direction of text or end a line, and so make two texts look the same.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' // Soft hyphen, grapheme joiner, Arabic letter mark.
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers.
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' // Khmer inherent vowels, Mongolian selectors.
        | '\u{200b}' | '\u{200e}' | '\u{200f}' // Zero width space, direction marks.
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' // Separators, overrides, isolates, invisible operators.
        | '\u{feff}' | '\u{fff0}'..='\u{fffb}' // Byte order mark, interlinear annotation.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' // Shorthand and musical format controls.
        | '\u{e0000}'..='\u{e0fff}' // Tags and further selectors.
    )
}

/// Returns a number of bytes in few words.
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..100_000 => format!("{}.{} KB", n / 1000, n % 1000 / 100),
        100_000..10_000_000 => format!("{} KB", n / 1000),
        _ => format!("{} MB", n / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(clean(input), expected, "{input:?}");
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in [
            "",
            "web-6d9c9c5b8-x2x1p",
            "ärger über 日本語 🎉",
            "e\u{301}",
        ] {
            assert!(
                matches!(clean(text), Cow::Borrowed(t) if t == text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn whole_escape_sequences_become_one_mark() {
        check("a\u{1b}[31mred\u{1b}[0m", "a␛red␛");
        check("\u{1b}[2J\u{1b}[1;1Hx", "␛␛x");
        check("\u{1b}]0;title\u{7}x", "␛x");
        check("\u{1b}]52;c;aGk=\u{1b}\\x", "␛x");
        check("\u{1b}]8;;http://e\u{1b}\\link\u{1b}]8;;\u{1b}\\", "␛link␛");
        check("\u{1b}Pq#0\u{1b}\\x", "␛x");
        check("\u{1b}_app\u{9c}x", "␛x");
        check("\u{1b}(Bx\u{1b}c\u{1b}7", "␛x␛␛");
        check("\u{9b}31mx\u{9d}0;t\u{7}y", "␛x␛y");
    }

    #[test]
    fn broken_escape_sequences_swallow_nothing() {
        check("\u{1b}", "␛");
        check("\u{1b}[31", "␛31");
        check("\u{1b}]0;never ended", "␛0;never ended");
        check("\u{1b}]0;a\u{1b}[31mb", "␛0;a␛b");
        check("\u{1b}\u{1b}[31mb", "␛␛b");
    }

    #[test]
    fn control_characters_are_shown() {
        check("a\rb\u{8}c\u{7}d\0e\u{7f}f\u{85}g", "a␍b␈c␇d␀e␡f\u{fffd}g");
    }

    #[test]
    fn hidden_and_turning_characters_are_shown() {
        for c in "\u{202e}\u{2066}\u{2069}\u{200b}\u{e0041}\u{feff}\u{ad}\u{2028}\u{3164}".chars() {
            check(&format!("a{c}b"), "a\u{fffd}b");
        }
        check("pay\u{200d}pal", "pay\u{fffd}pal");
        check("pay\u{fe0f}pal", "pay\u{fffd}pal");
    }

    #[test]
    fn joiners_and_selectors_stay_where_scripts_need_them() {
        for text in [
            "👩\u{200d}💻",
            "❤\u{fe0f}",
            "1\u{fe0f}\u{20e3}",
            "می\u{200c}خواهم",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn a_cell_holds_at_most_eight_combining_marks() {
        let mark = "\u{301}";
        check(
            &format!("e{}x", mark.repeat(8)),
            &format!("e{}x", mark.repeat(8)),
        );
        check(
            &format!("e{}x", mark.repeat(100_000)),
            &format!("e{}\u{fffd}x", mark.repeat(8)),
        );
    }

    #[test]
    fn line_ends_and_tabs_become_spaces_or_lines() {
        check("a\nb\r\nc\td", "a b c d");
        assert_eq!(
            clean_multiline("a\nb\r\nc\td\n\te\r"),
            "a\nb\nc       d\n        e␍"
        );
    }

    #[test]
    fn cells_are_counted_by_grapheme() {
        for (text, expected) in [
            ("", 0),
            ("abc", 3),
            ("日本", 4),
            ("e\u{301}", 1),
            ("👩\u{200d}💻", 2),
            ("…", 1),
            // Where these are joined they are one letter, and on a terminal still two.
            ("\u{644}\u{627}", 2),
        ] {
            assert_eq!(cells(text), expected, "{text:?}");
        }
    }

    #[test]
    fn cut_text_ends_in_an_ellipsis_and_fits() {
        for (text, width, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            ("abcd", 1, "…"),
            ("abcd", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
        ] {
            assert_eq!(truncate_cells(text, width), expected, "{text:?} to {width}");
        }
    }

    /// Text as an attacker writes it: more of what does harm than chance would give.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => any::<char>().prop_map(String::from),
            3 => proptest::sample::select(vec![
                "\u{1b}", "\u{1b}[", "\u{1b}]", "\u{9b}", "\u{9d}", "\u{7}", "\u{1b}\\", "\u{9c}", "\r", "\n",
                "\t", "31m",
                "\u{200d}", "\u{200c}", "\u{fe0f}", "\u{301}", "\u{202e}", "é", "👩", "日", "a", "1",
                "\u{e0041}", "\u{115f}",
            ]).prop_map(String::from),
            1 => (1..12usize).prop_map(|n| "\u{301}".repeat(n)),
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    fn is_harmful(c: char) -> bool {
        c.is_control() || is_invisible(c)
    }

    proptest! {
        #[test]
        fn clean_text_harms_no_terminal(text in hostile()) {
            let out = clean(&text);
            prop_assert!(!out.chars().any(is_harmful), "{out:?}");
            let out = clean_multiline(&text);
            prop_assert!(!out.chars().any(|c| c != '\n' && is_harmful(c)), "{out:?}");
        }

        #[test]
        fn cleaning_twice_changes_nothing(text in hostile()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once.as_ref());
            let once = clean_multiline(&text);
            prop_assert_eq!(clean_multiline(&once), once.as_ref());
        }

        #[test]
        fn cut_text_never_exceeds_its_width(text in hostile(), width in 0..20usize) {
            let text = clean(&text);
            prop_assert!(cells(&truncate_cells(&text, width)) <= width);
        }
    }
}
