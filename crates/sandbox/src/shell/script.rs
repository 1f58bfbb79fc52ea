//! Lines of a shell taken apart: words with quotes and variables, joined by `;`, `&&` and `||`. Nothing else is simulated.

/// When a command is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    Always,
    IfOk,
    IfFailed,
}

/// A command of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) join: Join,
    pub(super) words: Vec<Word>,
    /// Where what it says goes.
    pub(super) sink: Sink,
}

/// Where the output of a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Stdout,
    /// By `>&2`.
    Stderr,
    /// By `>/dev/null`.
    Nowhere,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// A word before its variables are put in.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Word {
    parts: Vec<Part>,
    is_quoted: bool,
}

impl Word {
    /// Returns the word with its variables put in; none where nothing is left of it.
    pub(super) fn expanded(&self, value: &impl Fn(&str) -> String) -> Option<String> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) => value(name),
        });
        let word: String = parts.collect();
        (self.is_quoted || !word.is_empty()).then_some(word)
    }

    fn push(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.to_string())),
        }
    }

    fn plain(&self) -> Option<&str> {
        match (self.parts.as_slice(), self.is_quoted) {
            ([Part::Text(text)], false) => Some(text),
            _ => None,
        }
    }
}

/// Takes a script apart.
///
/// # Errors
/// What is not simulated, or a quote without end.
pub(super) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut parser = Parser {
        rest: text.chars().collect(),
        at: 0,
        steps: Vec::new(),
        words: Vec::new(),
        word: None,
        join: Join::Always,
        sink: Sink::Stdout,
    };
    parser.run()?;
    Ok(parser.steps)
}

struct Parser {
    rest: Vec<char>,
    at: usize,
    steps: Vec<Step>,
    words: Vec<Word>,
    word: Option<Word>,
    join: Join,
    sink: Sink,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, c: char) -> bool {
        let is_there = self.peek() == Some(c);
        self.at += usize::from(is_there);
        is_there
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    fn run(&mut self) -> Result<(), String> {
        while let Some(c) = self.next() {
            match c {
                ' ' | '\t' => self.end_word(),
                ';' | '\n' => self.end_step(Join::Always),
                '&' if self.take('&') => self.end_step(Join::IfOk),
                '|' if self.take('|') => self.end_step(Join::IfFailed),
                '#' if self.word.is_none() => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '\\' => {
                    if let Some(c) = self.next() {
                        self.word().push(c);
                    }
                }
                '$' => self.variable(),
                '>' => self.redirect()?,
                '&' | '|' | '<' | '(' | ')' | '`' => return Err(unsupported()),
                c => self.word().push(c),
            }
        }
        self.end_step(Join::Always);
        Ok(())
    }

    /// NB: of the standard error only, `2>&1` and `2>/dev/null` leave the rest as it is; they are not simulated.
    fn redirect(&mut self) -> Result<(), String> {
        match self.word.as_ref().map(Word::plain) {
            // `1>&2` and `>&2` say the same.
            Some(Some("1")) => self.word = None,
            Some(Some("2")) => return Err(unsupported()),
            _ => self.end_word(),
        }
        while self.take(' ') {}
        let target: String = self.rest[self.at..]
            .iter()
            .enumerate()
            .take_while(|(idx, c)| *idx == 0 || !matches!(c, ' ' | '\t' | '\n' | ';' | '|' | '&'))
            .map(|(_, c)| c)
            .collect();
        self.at += target.chars().count();
        self.sink = match target.as_str() {
            "&2" => Sink::Stderr,
            "&1" => self.sink,
            "/dev/null" => Sink::Nowhere,
            _ => return Err(unsupported()),
        };
        Ok(())
    }

    fn single_quoted(&mut self) -> Result<(), String> {
        self.word().is_quoted = true;
        loop {
            match self.next() {
                Some('\'') => return Ok(()),
                Some(c) => self.word().push(c),
                None => return Err("unterminated quoted string".to_owned()),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), String> {
        self.word().is_quoted = true;
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('$') => self.variable(),
                Some('\\') if matches!(self.peek(), Some('"' | '\\' | '$')) => {
                    if let Some(c) = self.next() {
                        self.word().push(c);
                    }
                }
                Some(c) => self.word().push(c),
                None => return Err("unterminated quoted string".to_owned()),
            }
        }
    }

    fn variable(&mut self) {
        if self.take('?') {
            self.word().parts.push(Part::Variable("?".to_owned()));
            return;
        }
        let is_braced = self.take('{');
        let mut name = String::new();
        while let Some(c) = self
            .peek()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        {
            name.push(c);
            self.at += 1;
        }
        if is_braced {
            self.take('}');
        }
        match name.is_empty() {
            true => self.word().push('$'),
            false => self.word().parts.push(Part::Variable(name)),
        }
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_step(&mut self, next: Join) {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        let sink = std::mem::replace(&mut self.sink, Sink::Stdout);
        if !words.is_empty() {
            self.steps.push(Step {
                join: self.join,
                words,
                sink,
            });
        }
        self.join = next;
    }
}

fn unsupported() -> String {
    "pipes, files and other control operators are not simulated by the sandbox".to_owned()
}
