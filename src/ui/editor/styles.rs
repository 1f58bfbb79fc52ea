//! The styles of an editor, with and without colours.

use ratatui::style::{Color, Modifier, Style};

use crate::definition::diagnostic::Severity;
use crate::editor::highlight::Token;

/// How the parts of an editor look. Faults carry a mark and an underline besides their colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditorStyles {
    /// Text that nothing else is known of.
    pub text: Style,
    /// Line numbers.
    pub line_number: Style,
    /// The number of the line with the cursor.
    pub current_line_number: Style,
    /// Keys of mappings.
    pub key: Style,
    /// Quoted text and block scalars.
    pub quoted: Style,
    /// Numbers.
    pub number: Style,
    /// Booleans and null.
    pub constant: Style,
    /// Comments.
    pub comment: Style,
    /// Anchors, aliases, tags, directives, document marks.
    pub special: Style,
    /// Dashes, colons, brackets.
    pub punctuation: Style,
    /// The range of an error.
    pub error: Style,
    /// The range of a warning.
    pub warning: Style,
    /// The mark in the margin of an error.
    pub error_mark: Style,
    /// The mark in the margin of a warning.
    pub warning_mark: Style,
    /// What is selected.
    pub selection: Style,
    /// What matches the search.
    pub search_match: Style,
    /// Visible stand-ins of characters without a picture: tabs, controls, invisible ones.
    pub hidden: Style,
    /// Whether marks keep to ASCII.
    pub is_ascii: bool,
}

impl EditorStyles {
    /// Returns styles in the 16 colours that every terminal has.
    pub fn colour() -> Self {
        let fg = |color| Style::new().fg(color);
        let underlined = |color| {
            fg(color)
                .add_modifier(Modifier::UNDERLINED)
                .underline_color(color)
        };
        Self {
            text: Style::new(),
            line_number: fg(Color::DarkGray),
            current_line_number: fg(Color::Yellow),
            key: fg(Color::Cyan),
            quoted: fg(Color::Green),
            number: fg(Color::Magenta),
            constant: fg(Color::Magenta),
            comment: fg(Color::DarkGray).add_modifier(Modifier::ITALIC),
            special: fg(Color::Yellow),
            punctuation: Style::new(),
            error: underlined(Color::Red),
            warning: underlined(Color::Yellow),
            error_mark: fg(Color::Red).add_modifier(Modifier::BOLD),
            warning_mark: fg(Color::Yellow).add_modifier(Modifier::BOLD),
            selection: fg(Color::White).bg(Color::Blue),
            search_match: fg(Color::Black).bg(Color::Yellow),
            hidden: fg(Color::LightRed),
            is_ascii: false,
        }
    }

    /// Returns styles without any colour, as `NO_COLOR` asks.
    pub fn mono() -> Self {
        let plain = Style::new();
        let with = |modifier| plain.add_modifier(modifier);
        Self {
            text: plain,
            line_number: with(Modifier::DIM),
            current_line_number: with(Modifier::BOLD),
            key: with(Modifier::BOLD),
            quoted: plain,
            number: plain,
            constant: plain,
            comment: with(Modifier::DIM),
            special: plain,
            punctuation: plain,
            error: with(Modifier::UNDERLINED.union(Modifier::BOLD)),
            warning: with(Modifier::UNDERLINED),
            error_mark: with(Modifier::BOLD),
            warning_mark: plain,
            // A selected comment must not look like a match.
            selection: with(Modifier::REVERSED).remove_modifier(Modifier::DIM),
            search_match: with(Modifier::REVERSED.union(Modifier::DIM)),
            hidden: with(Modifier::REVERSED),
            is_ascii: false,
        }
    }

    /// Returns the same styles with marks in ASCII only.
    pub fn in_ascii(self) -> Self {
        Self {
            is_ascii: true,
            ..self
        }
    }

    pub(super) fn token(&self, token: Token) -> Style {
        match token {
            Token::Key => self.key,
            Token::Quoted | Token::Block => self.quoted,
            Token::Plain => self.text,
            Token::Number => self.number,
            Token::Constant => self.constant,
            Token::Comment => self.comment,
            Token::Anchor | Token::Tag | Token::Document => self.special,
            Token::Punctuation => self.punctuation,
        }
    }

    pub(super) fn fault(&self, severity: Severity) -> Style {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
        }
    }

    /// Returns the mark of a fault and its style: told apart by shape, not by colour alone.
    pub(super) fn fault_mark(&self, severity: Severity) -> (&'static str, Style) {
        match (severity, self.is_ascii) {
            (Severity::Error, false) => ("✖", self.error_mark),
            (Severity::Error, true) => ("x", self.error_mark),
            (Severity::Warning, false) => ("▲", self.warning_mark),
            (Severity::Warning, true) => ("!", self.warning_mark),
        }
    }

    /// Returns the mark that lines have while they are scrolled sideways.
    pub(super) fn scrolled_mark(&self) -> &'static str {
        if self.is_ascii { "<" } else { "‹" }
    }
}
