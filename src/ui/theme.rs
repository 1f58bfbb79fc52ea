//! How the dashboard looks: styles and symbols. A colour never carries a meaning alone.

mod inks;
mod settings;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};

use crate::app::panes::logs::{Colour, Ink};
use crate::service::health::State;

use super::editor::EditorStyles;

pub use inks::Inks;
pub use settings::{Base, Look, ThemeSettings};

/// How many colours a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorLevel {
    /// The palette of 256.
    #[default]
    Full,
    /// The 16 that every terminal has.
    Basic,
    /// None.
    None,
}

/// The signs that lines, states and marks are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    /// Frame: horizontal, vertical, then the four corners from the top left clockwise.
    pub frame: [&'static str; 6],
    /// Where a line across meets the frame, left and right.
    pub tees: [&'static str; 2],
    /// Before the selected row.
    pub cursor: &'static str,
    /// Before a marked row.
    pub mark: &'static str,
    /// Between cluster and namespace.
    pub into: &'static str,
    /// Between parts of a sentence.
    pub dot: &'static str,
    /// In a cell without a value.
    pub missing: &'static str,
    /// All is well.
    pub good: &'static str,
    /// On its way.
    pub partly: &'static str,
    /// Failed.
    pub bad: &'static str,
    /// Not there.
    pub empty: &'static str,
    /// A warning.
    pub warning: &'static str,
    /// Sorted upwards and downwards.
    pub sorts: [&'static str; 2],
    /// Where lines of a difference are left out.
    pub gap: &'static str,
    /// Where something was cut off.
    pub cut: &'static str,
    /// Bars of plots, the lowest first.
    pub bars: [&'static str; 8],
}

impl Symbols {
    /// Returns a text with those of our signs in it that the terminal can show; what is the user's stays.
    pub(super) fn in_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.cut == UNICODE.cut || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let sign = |c: char| match c {
            '…' => "...",
            '▸' => self.into,
            '→' => "->",
            '·' => self.dot,
            '—' => self.missing,
            _ => "",
        };
        let mut shown = String::with_capacity(text.len());
        for c in text.chars() {
            match sign(c) {
                "" => shown.push(c),
                sign => shown.push_str(sign),
            }
        }
        Cow::Owned(shown)
    }
}

const UNICODE: Symbols = Symbols {
    frame: ["─", "│", "┌", "┐", "┘", "└"],
    tees: ["├", "┤"],
    cursor: "▸",
    mark: "*",
    into: "▸",
    dot: "·",
    missing: "—",
    good: "●",
    partly: "◐",
    bad: "✖",
    empty: "○",
    warning: "▲",
    sorts: ["↑", "↓"],
    gap: "⋮",
    cut: "…",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

const ASCII: Symbols = Symbols {
    frame: ["-", "|", "+", "+", "+", "+"],
    tees: ["+", "+"],
    cursor: ">",
    mark: "*",
    into: ">",
    dot: "-",
    missing: "-",
    good: "*",
    partly: "~",
    bad: "x",
    empty: "o",
    warning: "!",
    sorts: ["^", "v"],
    gap: ":",
    cut: "~",
    bars: ["_", ".", "-", ":", "=", "+", "*", "#"],
};

/// The colours that every terminal has, in the order of their numbers.
pub(crate) const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// How everything looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Plain text.
    pub text: Style,
    /// What matters less.
    pub dim: Style,
    /// Titles of columns and tabs.
    pub title: Style,
    /// Names of the program, the cluster, the tab in front.
    pub strong: Style,
    /// Frames.
    pub frame: Style,
    /// Frames of the part that takes the keys.
    pub frame_focused: Style,
    /// The selected row.
    pub selected: Style,
    /// The selected row of a part that does not take the keys.
    pub selected_unfocused: Style,
    /// All is well.
    pub good: Style,
    /// On its way, or worth a look.
    pub partly: Style,
    /// Trouble.
    pub bad: Style,
    /// Keys in hints.
    pub key: Style,
    /// Lines that come.
    pub added: Style,
    /// Lines that go.
    pub removed: Style,
    /// Names of pods in logs, in turn.
    pub pods: [Style; 4],
    /// Text that matches, in logs.
    pub found: Style,
    /// How many colours there are, for what programs colour themselves.
    level: ColorLevel,
    /// Names of contexts that look otherwise, by the context.
    pub contexts: BTreeMap<String, Style>,
    /// The signs.
    pub symbols: Symbols,
    /// The editor's part.
    pub editor: EditorStyles,
}

impl Theme {
    /// Returns a theme as a terminal can show it.
    pub fn new(settings: &ThemeSettings, level: ColorLevel, is_ascii: bool) -> Self {
        let inks = Inks::of(settings.base, level);
        // Without colours of its own the theme shows none of others' either: only what the settings give to a part holds.
        let own_level = match settings.base {
            Base::None => ColorLevel::None,
            Base::Dark | Base::Light | Base::HighContrast => level,
        };
        let editor = EditorStyles::new(&inks, own_level);
        let editor = if is_ascii { editor.in_ascii() } else { editor };
        let bold = |style: Style| style.add_modifier(Modifier::BOLD);
        let look = |look: Option<Look>, of_theme| {
            look.and_then(|look| look.shown(level)).unwrap_or(of_theme)
        };
        Self {
            text: look(settings.text, Style::new()),
            dim: look(settings.dim, inks.muted),
            title: look(settings.title, inks.muted),
            strong: look(settings.strong, bold(inks.accent)),
            frame: look(settings.frame, inks.frame),
            frame_focused: look(settings.frame_focused, inks.accent),
            selected: look(settings.selected, inks.selected),
            selected_unfocused: look(settings.selected_unfocused, inks.selected_unfocused),
            good: look(settings.good, inks.good),
            partly: look(settings.partly, inks.partly),
            bad: look(settings.bad, bold(inks.bad)),
            key: look(settings.key, bold(inks.accent)),
            added: look(settings.added, inks.good),
            removed: look(settings.removed, inks.bad),
            pods: [inks.accent, inks.good, inks.partly, inks.value],
            found: inks.search_match,
            level: own_level,
            contexts: BTreeMap::new(),
            symbols: if is_ascii { ASCII } else { UNICODE },
            editor,
        }
    }

    /// Returns the style of what a program coloured itself, as far as the terminal has those colours.
    pub(super) fn ink(&self, ink: Ink) -> Style {
        let mut style = Style::new();
        style.fg = ink.text.and_then(|colour| self.colour(colour));
        style.bg = ink.ground.and_then(|colour| self.colour(colour));
        for (is_so, modifier) in [
            (ink.is_bold, Modifier::BOLD),
            (ink.is_dim, Modifier::DIM),
            (ink.is_italic, Modifier::ITALIC),
            (ink.is_underlined, Modifier::UNDERLINED),
            (ink.is_reversed, Modifier::REVERSED),
        ] {
            if is_so {
                style = style.add_modifier(modifier);
            }
        }
        style
    }

    fn colour(&self, colour: Colour) -> Option<Color> {
        match (self.level, colour) {
            (ColorLevel::None, _) => None,
            (ColorLevel::Basic, Colour::Indexed(16..) | Colour::Rgb(..)) => None,
            (_, Colour::Indexed(number)) => {
                let named = NAMED.get(usize::from(number));
                Some(named.copied().unwrap_or(Color::Indexed(number)))
            }
            (_, Colour::Rgb(red, green, blue)) => Some(Color::Rgb(red, green, blue)),
        }
    }

    /// Returns the theme with the looks of contexts.
    pub fn with_contexts<'c>(
        self,
        contexts: impl Iterator<Item = (&'c String, Look)>,
        level: ColorLevel,
    ) -> Self {
        // What a terminal cannot show is told by its weight alone.
        let fallback = Style::new().add_modifier(Modifier::BOLD | Modifier::REVERSED);
        let style = |look: Look| look.shown(level).unwrap_or(fallback);
        let contexts = contexts.map(|(name, look)| (name.clone(), style(look)));
        Self {
            contexts: contexts.collect(),
            ..self
        }
    }

    /// Returns the sign and the style of a state.
    pub fn state(&self, state: State) -> (&'static str, Style) {
        let symbols = &self.symbols;
        match state {
            State::Ready => (symbols.good, self.good),
            State::Rolling => (symbols.partly, self.partly),
            State::Failing => (symbols.bad, self.bad),
            State::Interrupted => (symbols.partly, self.bad),
            State::Stopped => (symbols.empty, self.text),
            State::Terminating => (symbols.partly, self.partly),
            State::Saved => (symbols.empty, self.dim),
            State::Unknown => ("?", self.partly),
        }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::new(&ThemeSettings::default(), ColorLevel::Full, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theme_without_colours_has_those_that_its_parts_are_given() {
        let settings: ThemeSettings = toml::from_str("base = \"none\"\nbad = \"red\"").unwrap();
        let theme = Theme::new(&settings, ColorLevel::Full, false);
        let red = Style::new().fg(Color::Red);
        let none = Theme::new(&ThemeSettings::default(), ColorLevel::None, false);
        assert_eq!(theme, Theme { bad: red, ..none });
        let plain = Theme::new(&settings, ColorLevel::None, false);
        assert_eq!(plain.bad, Style::new().add_modifier(Modifier::BOLD));
    }
}
