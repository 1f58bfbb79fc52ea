//! A lexer of single YAML lines, for colours only.
//!
//! It is right about what people write and never fails on what they are still writing. What a line means can depend on
//! the lines above (block scalars, quoted text over several lines): that is one small state, remembered for every so
//! many lines, so that a screen deep in a long text costs no more than one at its start.

use std::ops::Range;

mod states;

pub(super) use states::States;

/// Lines longer than this are data, and stay plain.
const MAX_LINE: usize = 16 << 10;

/// What a part of a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// A key of a mapping.
    Key,
    /// Quoted text.
    Quoted,
    /// Text without quotes.
    Plain,
    /// A number, as kubectl reads it.
    Number,
    /// A boolean or null, as kubectl reads it: `yes` and `off` too.
    Constant,
    /// A comment.
    Comment,
    /// An anchor or an alias.
    Anchor,
    /// A tag.
    Tag,
    /// Dashes, colons, brackets, marks of block scalars.
    Punctuation,
    /// Text of a block scalar.
    Block,
    /// The start or end of a document, or a directive.
    Document,
}

/// What the end of a line leaves open. The line below goes on with it if it is indented at least so deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineState {
    /// Nothing.
    #[default]
    Open,
    /// A block scalar.
    Block {
        /// The indentation that text of it has at least.
        indent: usize,
    },
    /// Quoted text.
    Quoted {
        /// The quote that ends it.
        quote: char,
        /// The indentation that text of it has at least.
        indent: usize,
    },
}

/// Returns the tokens of a line (without its end) from left to right, and what it leaves open.
pub fn tokens(line: &str, state: LineState) -> (Vec<(Range<usize>, Token)>, LineState) {
    let mut tokens = Vec::new();
    let state = scan(line, state, |range, token| {
        if !range.is_empty() {
            tokens.push((range, token));
        }
    });
    (tokens, state)
}

fn scan(line: &str, state: LineState, emit: impl FnMut(Range<usize>, Token)) -> LineState {
    let indent = line.bytes().take_while(|&b| b == b' ').count();
    if indent == line.len() || line.len() > MAX_LINE {
        return state;
    }
    let mut scanner = Scanner {
        line,
        at: indent,
        indent: 0,
        n_brackets: 0,
        emit,
    };
    match state {
        LineState::Block { indent: wanted } if indent >= wanted => {
            scanner.take(line.len(), Token::Block);
            state
        }
        LineState::Quoted {
            quote,
            indent: wanted,
        } if indent >= wanted => match scanner.quoted(quote, indent) {
            Some(end) => {
                scanner.take(end, Token::Quoted);
                scanner.run()
            }
            None => {
                scanner.take(line.len(), Token::Quoted);
                state
            }
        },
        _ => scanner.whole_line(),
    }
}

/// A walk over one line. All places are bytes; indentation is spaces, so there bytes are columns.
struct Scanner<'a, F> {
    line: &'a str,
    at: usize,
    /// The indentation that a scalar here must have when it goes on below.
    indent: usize,
    n_brackets: usize,
    emit: F,
}

impl<F: FnMut(Range<usize>, Token)> Scanner<'_, F> {
    fn whole_line(&mut self) -> LineState {
        if self.line.starts_with('%') {
            self.take(self.line.len(), Token::Document);
            return LineState::Open;
        }
        if (self.line.starts_with("---") || self.line.starts_with("...")) && self.is_gap(3) {
            self.take(3, Token::Document);
        }
        self.run()
    }

    fn run(&mut self) -> LineState {
        while let Some(c) = self.skip_space() {
            if let Some(state) = self.node(c) {
                return state;
            }
        }
        LineState::Open
    }

    /// Takes what starts with `c`; answers with a state when the line is done.
    fn node(&mut self, c: char) -> Option<LineState> {
        match c {
            '#' if self.at == 0 || self.line[..self.at].ends_with([' ', '\t', '\u{feff}']) => {
                self.take(self.line.len(), Token::Comment);
            }
            '-' | '?' if self.is_gap(self.at + 1) && self.n_brackets == 0 => {
                self.indent = self.at + 1;
                self.take(self.at + 1, Token::Punctuation);
            }
            ':' if self.is_gap(self.at + 1) || self.n_brackets > 0 => {
                self.take(self.at + 1, Token::Punctuation)
            }
            '[' | '{' => {
                self.n_brackets += 1;
                self.take(self.at + 1, Token::Punctuation);
            }
            ']' | '}' | ',' => {
                self.n_brackets -= usize::from(c != ',' && self.n_brackets > 0);
                self.take(self.at + 1, Token::Punctuation);
            }
            '&' | '*' => self.take(self.word_end(), Token::Anchor),
            '!' => self.take(self.word_end(), Token::Tag),
            '|' | '>' if self.n_brackets == 0 && self.is_block_header() => {
                let state = LineState::Block {
                    indent: self.indent,
                };
                self.take(self.word_end(), Token::Punctuation);
                if self.skip_space().is_some() {
                    self.take(self.line.len(), Token::Comment);
                }
                return Some(state);
            }
            '"' | '\'' => return self.quoted_node(c),
            _ => self.plain(c),
        }
        None
    }

    fn quoted_node(&mut self, quote: char) -> Option<LineState> {
        let Some(end) = self.quoted(quote, self.at + 1) else {
            self.take(self.line.len(), Token::Quoted);
            return Some(LineState::Quoted {
                quote,
                indent: self.indent,
            });
        };
        let rest = self.line[end..].trim_start();
        let is_key = rest.strip_prefix(':').is_some_and(|rest| {
            self.n_brackets > 0 || rest.is_empty() || rest.starts_with([' ', '\t'])
        });
        self.scalar(end, if is_key { Token::Key } else { Token::Quoted });
        None
    }

    /// Returns the end of quoted text that has begun before `from`.
    fn quoted(&self, quote: char, from: usize) -> Option<usize> {
        let bytes = self.line.as_bytes();
        let mut at = from;
        while let Some(&b) = bytes.get(at) {
            match b {
                b'\\' if quote == '"' => at += 2,
                b'\'' if quote == '\'' && bytes.get(at + 1) == Some(&b'\'') => at += 2,
                _ if char::from(b) == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
        None
    }

    fn plain(&mut self, first: char) {
        let bytes = self.line.as_bytes();
        let mut end = bytes.len();
        let mut is_key = false;
        // The first character belongs to it whatever it is, so that the walk always goes on.
        for at in self.at + first.len_utf8()..bytes.len() {
            match bytes[at] {
                b':' if self.is_gap(at + 1) || self.n_brackets > 0 && self.closes(at + 1) => {
                    (end, is_key) = (at, true);
                    break;
                }
                b'#' if matches!(bytes[at - 1], b' ' | b'\t') => {
                    end = at;
                    break;
                }
                b',' | b'[' | b']' | b'{' | b'}' if self.n_brackets > 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let text = self.line[self.at..end].trim_end_matches([' ', '\t']);
        let token = if is_key { Token::Key } else { meaning(text) };
        self.scalar(self.at + text.len(), token);
    }

    /// Takes a scalar; what follows a key must be deeper than the key.
    fn scalar(&mut self, end: usize, token: Token) {
        if token == Token::Key && self.n_brackets == 0 {
            self.indent = self.at + 1;
        }
        self.take(end, token);
    }

    fn take(&mut self, end: usize, token: Token) {
        (self.emit)(self.at..end, token);
        self.at = end;
    }

    fn skip_space(&mut self) -> Option<char> {
        let rest = &self.line[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\u{feff}']).len();
        self.line[self.at..].chars().next()
    }

    fn is_gap(&self, at: usize) -> bool {
        self.line
            .as_bytes()
            .get(at)
            .is_none_or(|b| matches!(b, b' ' | b'\t'))
    }

    fn closes(&self, at: usize) -> bool {
        self.line
            .as_bytes()
            .get(at)
            .is_some_and(|b| matches!(b, b',' | b'[' | b']' | b'{' | b'}'))
    }

    fn word_end(&self) -> usize {
        let ends = |c: char| {
            c == ' ' || c == '\t' || (self.n_brackets > 0 && matches!(c, ',' | ']' | '}'))
        };
        self.line[self.at..]
            .find(ends)
            .map_or(self.line.len(), |len| self.at + len)
    }

    fn is_block_header(&self) -> bool {
        let end = self.word_end();
        let is_mark = self.line[self.at + 1..end]
            .bytes()
            .all(|b| matches!(b, b'+' | b'-' | b'0'..=b'9'));
        let rest = self.line[end..].trim_start();
        is_mark && (rest.is_empty() || rest.starts_with('#'))
    }
}

/// Tells what plain text is read as.
fn meaning(text: &str) -> Token {
    match text {
        "~" => Token::Constant,
        _ if is_number(text) => Token::Number,
        _ if text.len() <= 5 && is_constant(text) => Token::Constant,
        _ => Token::Plain,
    }
}

/// YAML 1.1, as kubectl reads it, knows each of these in small letters, in capitals and with a capital first.
fn is_constant(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
        && (text.bytes().skip(1).all(|b| b.is_ascii_lowercase())
            || text.bytes().all(|b| b.is_ascii_uppercase()))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    match digits.as_bytes() {
        [b'0', b'x', rest @ ..] => !rest.is_empty() && rest.iter().all(u8::is_ascii_hexdigit),
        [b'0', b'o', rest @ ..] => {
            !rest.is_empty() && rest.iter().all(|b| matches!(b, b'0'..=b'7'))
        }
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => digits.parse::<f64>().is_ok(),
        _ => matches!(digits, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lexes a text and writes each token as `kind(text)`, one line of it a line.
    fn check(text: &str, expected: &str) {
        let mut state = LineState::Open;
        let mut out = Vec::new();
        for line in text.lines() {
            let (tokens, next) = tokens(line, state);
            state = next;
            let parts: Vec<_> = tokens
                .into_iter()
                .map(|(range, token)| match token {
                    Token::Punctuation => line[range].to_owned(),
                    token => format!("{token:?}({})", &line[range]),
                })
                .collect();
            out.push(parts.join(" "));
        }
        assert_eq!(out.join("\n"), expected);
    }

    #[test]
    fn keys_and_values_are_told_apart() {
        check(
            "name: My NGINX # the one\nreplicas: 2\nurl: http://x:80/#a\n\"quoted key\" : 'it''s'\nempty:\n<<: *base",
            "Key(name) : Plain(My NGINX) Comment(# the one)\nKey(replicas) : Number(2)\nKey(url) : Plain(http://x:80/#a)\n\
             Key(\"quoted key\") : Quoted('it''s')\nKey(empty) :\nKey(<<) : Anchor(*base)",
        );
    }

    #[test]
    fn lists_brackets_and_tags_are_marked() {
        check(
            "- - a: [1, \"b\", {c: d}]\n- &x !!str 5\n? k\n--- # doc\n%YAML 1.2",
            "- - Key(a) : [ Number(1) , Quoted(\"b\") , { Key(c) : Plain(d) } ]\n- Anchor(&x) Tag(!!str) Number(5)\n\
             ? Plain(k)\nDocument(---) Comment(# doc)\nDocument(%YAML 1.2)",
        );
    }

    #[test]
    fn scalars_mean_what_kubectl_reads() {
        for (text, expected) in [
            ("true", Token::Constant),
            ("No", Token::Constant),
            ("OFF", Token::Constant),
            ("y", Token::Constant),
            ("~", Token::Constant),
            ("tRue", Token::Plain),
            ("0644", Token::Number),
            ("0x1F", Token::Number),
            ("1e3", Token::Number),
            ("-.inf", Token::Number),
            ("-3.5", Token::Number),
            ("inf", Token::Plain),
            ("1.27-alpine", Token::Plain),
            ("10Gi", Token::Plain),
            ("-", Token::Plain),
            ("é", Token::Plain),
        ] {
            assert_eq!(meaning(text), expected, "{text:?}");
        }
    }

    #[test]
    fn block_scalars_go_on_while_they_are_indented() {
        check(
            "run: |- # why\n  echo: 1\n\n    # no comment\nnext: >2\n - x\nend: 1",
            "Key(run) : |- Comment(# why)\nBlock(echo: 1)\n\nBlock(# no comment)\nKey(next) : >2\nBlock(- x)\n\
             Key(end) : Number(1)",
        );
        check(
            "- a: |\n  b: 1",
            "- Key(a) : |\n Key(b) : Number(1)"
                .replace("\n ", "\n")
                .as_str(),
        );
        check("- |\n text\nx", "- |\nBlock(text)\nPlain(x)");
    }

    #[test]
    fn quoted_text_goes_on_over_lines_but_not_over_keys() {
        check(
            "a: \"one\n  two\" # c\nb: 1",
            "Key(a) : Quoted(\"one)\nQuoted(two\") Comment(# c)\nKey(b) : Number(1)",
        );
        check(
            "a: 'half\nb: 1",
            "Key(a) : Quoted('half)\nKey(b) : Number(1)",
        );
    }

    #[test]
    fn half_typed_lines_are_no_trouble() {
        for line in [
            "a: |x",
            "[}",
            "- -",
            "\"",
            "'",
            "&",
            "!",
            ": :",
            "\u{feff}a: 1",
            "{a:1",
            "é: ü",
            "a:\"\\",
        ] {
            tokens(line, LineState::Open);
            tokens(
                line,
                LineState::Quoted {
                    quote: '"',
                    indent: 0,
                },
            );
        }
    }
}
