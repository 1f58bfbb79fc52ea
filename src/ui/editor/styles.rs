//! The styles of an editor, with and without colours.

use ratatui::style::{Modifier, Style};

use crate::definition::diagnostic::Severity;
use crate::editor::highlight::Token;
use crate::ui::theme::{ColorLevel, Inks};

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
    /// Returns the styles of a theme. Without colours, weights and underlines carry what colours do elsewhere.
    pub fn new(inks: &Inks, level: ColorLevel) -> Self {
        let (light, plain) = (Modifier::BOLD, Style::new());
        let underlined = |ink: Style| {
            let line = ink.add_modifier(Modifier::UNDERLINED);
            ink.fg.map_or(line, |colour| line.underline_color(colour))
        };
        let is_mono = level == ColorLevel::None;
        let unless_mono = |coloured: Style, mono: Style| if is_mono { mono } else { coloured };
        Self {
            text: plain,
            line_number: inks.muted,
            current_line_number: unless_mono(inks.partly, plain.add_modifier(light)),
            key: unless_mono(inks.accent, plain.add_modifier(light)),
            quoted: inks.good,
            number: inks.value,
            constant: inks.value,
            comment: unless_mono(inks.muted.add_modifier(Modifier::ITALIC), inks.muted),
            special: inks.partly,
            punctuation: plain,
            error: unless_mono(underlined(inks.bad), underlined(plain).add_modifier(light)),
            warning: underlined(inks.partly),
            error_mark: inks.bad.add_modifier(light),
            warning_mark: unless_mono(inks.partly.add_modifier(light), plain),
            // A selected comment must not look like a match.
            selection: inks.selection.remove_modifier(Modifier::DIM),
            search_match: inks.search_match,
            hidden: unless_mono(inks.bad, plain.add_modifier(Modifier::REVERSED)),
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
