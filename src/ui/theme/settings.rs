//! `[theme]` of the settings: which theme, and the parts of it that the user wants otherwise.

use std::fmt;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::{Deserialize, Serialize};

use super::ColorLevel;

/// The themes that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// For a dark background.
    #[default]
    Dark,
    /// For a light background.
    Light,
    /// Nothing dimmed, colours at their brightest, the selection reversed.
    HighContrast,
    /// No colours but those that its parts are given; what matters is told by weight.
    None,
}

/// A theme, and parts that look otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)] // Each part is documented where the theme has it.
pub struct ThemeSettings {
    /// The theme that all else is laid over.
    pub base: Base,
    pub text: Option<Look>,
    pub dim: Option<Look>,
    pub title: Option<Look>,
    pub strong: Option<Look>,
    pub frame: Option<Look>,
    pub frame_focused: Option<Look>,
    pub selected: Option<Look>,
    pub selected_unfocused: Option<Look>,
    pub good: Option<Look>,
    pub partly: Option<Look>,
    pub bad: Option<Look>,
    pub key: Option<Look>,
    pub added: Option<Look>,
    pub removed: Option<Look>,
}

#[cfg(test)]
impl ThemeSettings {
    /// Tells whether every part is set.
    pub(crate) fn sets_every_part(&self) -> bool {
        let written = toml::to_string(self).unwrap_or_default();
        written.lines().count() == 15
    }
}

/// How a part looks, in words: `light-red`, `bold #ffcc00 on 236`, `reversed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Look(Style);

/// A word that says no look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no look: write colours (red, light-red, gray, 0 to 255, #rrggbb, default), `on` before that of the background, and \
     bold, dim, italic, underlined, reversed"
)]
pub struct LookError(String);

const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

impl FromStr for Look {
    type Err = LookError;

    fn from_str(text: &str) -> Result<Self, LookError> {
        let fault = || LookError(text.to_owned());
        let mut style = Style::new();
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let modifier = MODIFIERS.iter().find(|(name, _)| *name == word);
            style = match (word, modifier) {
                (_, Some((_, modifier))) => style.add_modifier(*modifier),
                ("on", None) => style.bg(words.next().and_then(colour).ok_or_else(fault)?),
                (word, None) => style.fg(colour(word).ok_or_else(fault)?),
            };
        }
        match text.trim().is_empty() {
            true => Err(fault()),
            false => Ok(Self(style)),
        }
    }
}

fn colour(word: &str) -> Option<Color> {
    match word {
        "default" => Some(Color::Reset),
        word => word.parse().ok(),
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |colour: Color| match colour {
            Color::Reset => "default".to_owned(),
            colour => colour.to_string().to_lowercase(),
        };
        let modifiers = MODIFIERS
            .iter()
            .filter(|(_, modifier)| self.0.add_modifier.contains(*modifier))
            .map(|(word, _)| (*word).to_owned());
        let background = self.0.bg.map(|colour| format!("on {}", name(colour)));
        let words: Vec<String> = modifiers
            .chain(self.0.fg.map(name))
            .chain(background)
            .collect();
        f.write_str(&words.join(" "))
    }
}

impl TryFrom<String> for Look {
    type Error = LookError;

    fn try_from(text: String) -> Result<Self, LookError> {
        text.parse()
    }
}

impl From<Look> for String {
    fn from(look: Look) -> Self {
        look.to_string()
    }
}

impl Look {
    /// Returns the style that replaces one of the theme, on a terminal of so many colours; none if it cannot show the colours.
    pub(super) fn shown(self, level: ColorLevel) -> Option<Style> {
        let needs_many =
            |colour: Option<Color>| matches!(colour, Some(Color::Indexed(16..) | Color::Rgb(..)));
        match level {
            ColorLevel::Full => Some(self.0),
            ColorLevel::Basic if needs_many(self.0.fg) || needs_many(self.0.bg) => None,
            ColorLevel::Basic => Some(self.0),
            // Words about colours say nothing here; the others hold.
            ColorLevel::None if self.0.add_modifier.is_empty() => None,
            ColorLevel::None => Some(Style {
                fg: None,
                bg: None,
                ..self.0
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_written_as_they_are_read() {
        for text in [
            "red",
            "bold lightred on 236",
            "#ffcc00",
            "reversed",
            "default",
        ] {
            let look: Look = text.parse().unwrap();
            assert_eq!(look.to_string().parse(), Ok(look), "{text}");
        }
        assert_eq!(
            "bold light-red on #303030".parse(),
            Ok(Look(
                Style::new()
                    .fg(Color::LightRed)
                    .bg(Color::Rgb(0x30, 0x30, 0x30))
                    .add_modifier(Modifier::BOLD)
            ))
        );
        for text in ["", "  ", "greenish", "on", "red on", "300"] {
            assert_eq!(text.parse::<Look>(), Err(LookError(text.to_owned())));
        }
    }

    #[test]
    fn a_terminal_is_asked_for_no_colour_that_it_has_not() {
        let check = |text: &str, level, expected| {
            assert_eq!(
                text.parse::<Look>().unwrap().shown(level),
                expected,
                "{text}"
            );
        };
        check("#ffcc00", ColorLevel::Basic, None);
        check("red", ColorLevel::Basic, Some(Style::new().fg(Color::Red)));
        check("red", ColorLevel::None, None);
        check(
            "bold red",
            ColorLevel::None,
            Some(Style::new().add_modifier(Modifier::BOLD)),
        );
    }
}
