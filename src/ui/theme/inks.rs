//! The colours of each theme, by how many the terminal has. Everything drawn takes its colours from here.

use ratatui::style::{Color, Modifier, Style};

use super::{Base, ColorLevel};

/// The colours of a theme on a terminal; without colours only weights remain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inks {
    /// What matters less.
    pub muted: Style,
    /// Lines of frames.
    pub frame: Style,
    /// What has the focus, names, keys.
    pub accent: Style,
    /// All is well.
    pub good: Style,
    /// On its way.
    pub partly: Style,
    /// Trouble.
    pub bad: Style,
    /// The selected row.
    pub selected: Style,
    /// The selected row of a part that does not take the keys.
    pub selected_unfocused: Style,
    /// Numbers and constants of YAML.
    pub value: Style,
    /// Selected text.
    pub selection: Style,
    /// Text that matches.
    pub search_match: Style,
}

const BOLD: Modifier = Modifier::BOLD;
const REVERSED: Modifier = Modifier::REVERSED;

impl Inks {
    /// Returns the colours of a theme.
    pub fn of(base: Base, level: ColorLevel) -> Self {
        match (base, level) {
            (_, ColorLevel::None) | (Base::None, _) => Self::none(),
            (Base::Dark, ColorLevel::Full) => Self::dark(),
            (Base::Dark, ColorLevel::Basic) => Self::basic(Color::Cyan, Color::DarkGray),
            (Base::Light, ColorLevel::Full) => Self::light(),
            (Base::Light, ColorLevel::Basic) => Self::basic(Color::Blue, Color::DarkGray),
            (Base::HighContrast, ColorLevel::Full | ColorLevel::Basic) => Self::high_contrast(),
        }
    }

    fn none() -> Self {
        let plain = Style::new();
        Self {
            muted: plain.add_modifier(Modifier::DIM),
            frame: plain,
            accent: plain,
            good: plain,
            partly: plain,
            bad: plain,
            selected: plain.add_modifier(REVERSED),
            selected_unfocused: plain.add_modifier(BOLD),
            value: plain,
            selection: plain.add_modifier(REVERSED),
            search_match: plain.add_modifier(REVERSED.union(Modifier::DIM)),
        }
    }

    fn basic(accent: Color, muted: Color) -> Self {
        Self {
            muted: ink(muted),
            frame: ink(muted),
            accent: ink(accent),
            good: ink(Color::Green),
            partly: ink(Color::Yellow),
            bad: ink(Color::Red),
            selected: Style::new().add_modifier(REVERSED),
            selected_unfocused: Style::new().add_modifier(BOLD),
            value: ink(Color::Magenta),
            selection: ink(Color::White).bg(Color::Blue),
            search_match: ink(Color::Black).bg(Color::Yellow),
        }
    }

    fn dark() -> Self {
        Self {
            muted: ink(Color::Indexed(245)),
            frame: ink(Color::Indexed(240)),
            accent: ink(Color::Indexed(75)),
            good: ink(Color::Indexed(114)),
            partly: ink(Color::Indexed(221)),
            bad: ink(Color::Indexed(210)),
            selected: Style::new().bg(Color::Indexed(238)).add_modifier(BOLD),
            selected_unfocused: Style::new().bg(Color::Indexed(236)),
            ..Self::basic(Color::Cyan, Color::DarkGray)
        }
    }

    fn light() -> Self {
        Self {
            muted: ink(Color::Indexed(242)),
            frame: ink(Color::Indexed(248)),
            accent: ink(Color::Indexed(25)),
            good: ink(Color::Indexed(28)),
            partly: ink(Color::Indexed(130)),
            bad: ink(Color::Indexed(160)),
            selected: Style::new().bg(Color::Indexed(252)).add_modifier(BOLD),
            selected_unfocused: Style::new().bg(Color::Indexed(254)),
            value: ink(Color::Indexed(90)),
            selection: Style::new().bg(Color::Indexed(153)),
            search_match: Style::new().bg(Color::Indexed(222)),
        }
    }

    fn high_contrast() -> Self {
        let reversed = Style::new().add_modifier(REVERSED.union(BOLD));
        Self {
            muted: Style::new(),
            frame: Style::new(),
            accent: ink(Color::LightCyan),
            good: ink(Color::LightGreen),
            partly: ink(Color::LightYellow),
            bad: ink(Color::LightRed),
            selected: reversed,
            selected_unfocused: Style::new().add_modifier(Modifier::UNDERLINED.union(BOLD)),
            value: ink(Color::LightMagenta),
            selection: reversed,
            search_match: ink(Color::Black).bg(Color::LightYellow),
        }
    }
}

fn ink(colour: Color) -> Style {
    Style::new().fg(colour)
}
