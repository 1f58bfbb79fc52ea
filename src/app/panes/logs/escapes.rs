//! Escape sequences in lines of logs: colours and weights become values that the picture is drawn with, whatever else a
//! terminal would obey is left out, the text stays.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

const ESC: char = '\u{1b}';
const BELL: char = '\u{7}';

/// A colour that a program asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One of the terminal's palette; the first 16 are everywhere.
    Indexed(u8),
    /// By its parts.
    Rgb(u8, u8, u8),
}

/// How a stretch of a line is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    /// The text's colour.
    pub text: Option<Colour>,
    /// The colour behind it.
    pub ground: Option<Colour>,
    /// Whether it is bold.
    pub is_bold: bool,
    /// Whether it is dim.
    pub is_dim: bool,
    /// Whether it is italic.
    pub is_italic: bool,
    /// Whether it is underlined.
    pub is_underlined: bool,
    /// Whether text and ground are exchanged.
    pub is_reversed: bool,
}

/// From this byte of a text on it looks so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The byte.
    pub at: usize,
    /// The look.
    pub ink: Ink,
}

/// Returns a line of a log as it is seen: without its escape sequences.
pub fn seen(line: &str) -> Cow<'_, str> {
    read(line).0
}

/// Returns a line without its escape sequences, and how it looks. A sequence that does not end takes the rest of the line
/// with it; the next line begins plain, since others may speak in between.
pub(super) fn read(line: &str) -> (Cow<'_, str>, Vec<Run>) {
    if !line.contains(ESC) {
        return (Cow::Borrowed(line), Vec::new());
    }
    let mut text = String::with_capacity(line.len());
    let (mut runs, mut ink) = (Vec::<Run>::new(), Ink::default());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != ESC {
            text.push(c);
            continue;
        }
        let Some(look) = sequence(&mut chars) else {
            continue;
        };
        let before = ink;
        ink.change(&look);
        if ink == before {
            continue;
        }
        let at = text.len();
        match runs.last_mut().filter(|last| last.at == at) {
            Some(last) => last.ink = ink,
            None => runs.push(Run { at, ink }),
        }
    }
    // What nothing is written in says nothing.
    while runs.last().is_some_and(|run| run.at == text.len()) {
        runs.pop();
    }
    (Cow::Owned(text), runs)
}

/// Passes over what follows an escape; returns its numbers where it is about looks.
fn sequence(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    match chars.next() {
        // A control sequence ends with its final byte.
        Some('[') => {
            let mut numbers = String::new();
            for c in chars.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    return (c == 'm').then_some(numbers);
                }
                numbers.push(c);
            }
            None
        }
        // A string ends with a bell or another escape and a backslash.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == BELL || c == ESC && chars.next_if_eq(&'\\').is_some() {
                    return None;
                }
            }
            None
        }
        // The others are two characters, or an intermediate and one more.
        Some(' '..='/') => {
            chars.next();
            None
        }
        Some(_) | None => None,
    }
}

impl Ink {
    /// Takes the numbers of a sequence. Those that hide the text or make it blink count for nothing.
    fn change(&mut self, numbers: &str) {
        let mut numbers = numbers
            .split([';', ':'])
            .map(|number| match number {
                "" => Some(0),
                number => number.parse::<u16>().ok(),
            })
            .peekable();
        while let Some(number) = numbers.next() {
            match number {
                Some(0) => *self = Self::default(),
                Some(1) => self.is_bold = true,
                Some(2) => self.is_dim = true,
                Some(3) => self.is_italic = true,
                Some(4) => self.is_underlined = true,
                Some(7) => self.is_reversed = true,
                Some(22) => (self.is_bold, self.is_dim) = (false, false),
                Some(23) => self.is_italic = false,
                Some(24) => self.is_underlined = false,
                Some(27) => self.is_reversed = false,
                Some(n @ 30..=37) => self.text = basic(n - 30),
                Some(38) => self.text = long_colour(&mut numbers).or(self.text),
                Some(39) => self.text = None,
                Some(n @ 40..=47) => self.ground = basic(n - 40),
                Some(48) => self.ground = long_colour(&mut numbers).or(self.ground),
                Some(49) => self.ground = None,
                Some(n @ 90..=97) => self.text = basic(n - 82),
                Some(n @ 100..=107) => self.ground = basic(n - 92),
                Some(_) | None => {}
            }
        }
    }
}

fn basic(number: u16) -> Option<Colour> {
    u8::try_from(number).ok().map(Colour::Indexed)
}

/// Reads `5;N` or `2;R;G;B`.
fn long_colour(numbers: &mut impl Iterator<Item = Option<u16>>) -> Option<Colour> {
    let manner = numbers.next()??;
    let mut next = || u8::try_from(numbers.next()??).ok();
    match manner {
        5 => next().map(Colour::Indexed),
        2 => {
            let (red, green, blue) = (next(), next(), next());
            Some(Colour::Rgb(red?, green?, blue?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_stays() {
        let check = |line: &str, expected: &str| assert_eq!(read(line).0, expected);
        check("plain", "plain");
        check("\u{1b}[1;31mERROR\u{1b}[0m done", "ERROR done");
        check("\u{1b}]0;title\u{7}text", "text");
        check("\u{1b}]8;;http://x\u{1b}\\link", "link");
        check("a\u{1b}(Bb\u{1b}7c", "abc");
        check("cut \u{1b}[38;5;1", "cut ");
        check("cut \u{1b}", "cut ");
        check("\u{1b}[2J\u{1b}[Hhome", "home");
    }

    #[test]
    fn looks_are_read_and_nothing_else_is_obeyed() {
        let check = |line: &str, expected: &[(usize, Ink)]| {
            let runs: Vec<_> = read(line).1.iter().map(|run| (run.at, run.ink)).collect();
            assert_eq!(runs, expected, "{line:?}");
        };
        let plain = Ink::default();
        let red = Ink {
            text: Some(Colour::Indexed(1)),
            ..plain
        };
        check("plain", &[]);
        check("\u{1b}[31mERROR\u{1b}[m done", &[(0, red), (5, plain)]);
        check("\u{1b}[31mERROR\u{1b}[0m", &[(0, red)]);
        let bold_red = Ink {
            is_bold: true,
            ..red
        };
        check("a \u{1b}[1m\u{1b}[31mb", &[(2, bold_red)]);
        check("\u{1b}[1;31mb\u{1b}[22mc", &[(0, bold_red), (1, red)]);
        let of = |text, ground| Ink {
            text,
            ground,
            ..plain
        };
        let indexed = |n| Some(Colour::Indexed(n));
        check("\u{1b}[38;5;208ma", &[(0, of(indexed(208), None))]);
        check("\u{1b}[92;103ma", &[(0, of(indexed(10), indexed(11)))]);
        let pink = Some(Colour::Rgb(255, 0, 128));
        check("\u{1b}[48;2;255;0;128ma", &[(0, of(None, pink))]);
        // Hidden and blinking text, numbers that are none, colours that are none.
        check("\u{1b}[8;5ma\u{1b}[99999mb\u{1b}[38;5mc", &[]);
        check("\u{1b}[31J\u{1b}[31a", &[]);
    }
}
