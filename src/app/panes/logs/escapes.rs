//! Escape sequences in lines of logs: what a terminal would obey is left out, the text stays.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

const ESC: char = '\u{1b}';
const BELL: char = '\u{7}';

/// Returns a line without its escape sequences. One that does not end takes the rest of the line with it.
pub(super) fn without(line: &str) -> Cow<'_, str> {
    if !line.contains(ESC) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == ESC {
            skip(&mut chars);
        } else {
            text.push(c);
        }
    }
    Cow::Owned(text)
}

/// Passes over what follows an escape.
fn skip(chars: &mut Peekable<Chars<'_>>) {
    match chars.next() {
        // A control sequence ends with its final byte.
        Some('[') => {
            chars.find(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        // A string ends with a bell or another escape and a backslash.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == BELL || c == ESC && chars.next_if_eq(&'\\').is_some() {
                    return;
                }
            }
        }
        // The others are two characters, or an intermediate and one more.
        Some(' '..='/') => drop(chars.next()),
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays() {
        let check = |line: &str, expected: &str| assert_eq!(without(line), expected);
        check("plain", "plain");
        check("\u{1b}[1;31mERROR\u{1b}[0m done", "ERROR done");
        check("\u{1b}]0;title\u{7}text", "text");
        check("\u{1b}]8;;http://x\u{1b}\\link", "link");
        check("a\u{1b}(Bb\u{1b}7c", "abc");
        check("cut \u{1b}[38;5;1", "cut ");
        check("cut \u{1b}", "cut ");
    }
}
