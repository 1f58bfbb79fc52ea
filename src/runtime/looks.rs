//! Which looks a terminal can show, from the settings and the environment.

use std::env;
use std::io::IsTerminal;

use crate::config::{Color, Settings, Symbols, Ui};
use crate::ui::{ColorLevel, Theme};

use super::multiplexer::Multiplexer;

/// Returns the looks for this terminal.
pub fn theme(settings: &Settings) -> Theme {
    let (colors, is_ascii) = looks(&settings.ui);
    let looks = settings.contexts.iter();
    let looks = looks.filter_map(|(name, context)| Some((name, context.color?)));
    Theme::new(&settings.theme, colors, is_ascii).with_contexts(looks, colors)
}

/// Tells whether lines on standard output are coloured: on a terminal that has colours, unless the settings say otherwise.
pub fn prints_colours(ui: &Ui) -> bool {
    let var = |name: &str| env::var(name).unwrap_or_default();
    std::io::stdout().is_terminal()
        && var("TERM") != "dumb"
        && color_level(ui.color, var) != ColorLevel::None
}

/// Returns how many colours the dashboard shows on this terminal, and whether it draws in ASCII.
pub fn looks(ui: &Ui) -> (ColorLevel, bool) {
    let var = |name: &str| env::var(name).unwrap_or_default();
    (color_level(ui.color, var), is_ascii(ui.symbols, var))
}

/// Returns what stands between this program and the terminal.
pub(super) fn multiplexer() -> Multiplexer {
    Multiplexer::of(|name| env::var(name).unwrap_or_default())
}

fn color_level(setting: Color, var: impl Fn(&str) -> String) -> ColorLevel {
    match setting {
        Color::Full => ColorLevel::Full,
        Color::Basic => ColorLevel::Basic,
        Color::None => ColorLevel::None,
        Color::Auto => {
            let term = var("TERM");
            if !var("NO_COLOR").is_empty() {
                ColorLevel::None
            } else if term.contains("256color") || !var("COLORTERM").is_empty() {
                ColorLevel::Full
            } else {
                ColorLevel::Basic
            }
        }
    }
}

fn is_ascii(setting: Symbols, var: impl Fn(&str) -> String) -> bool {
    match setting {
        Symbols::Unicode => false,
        Symbols::Ascii => true,
        Symbols::Auto => {
            // The first that is set decides, as in the C library.
            let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
                .into_iter()
                .map(&var)
                .find(|value| !value.is_empty())
                .unwrap_or_default()
                .to_lowercase();
            var("TERM") == "linux" || !(locale.contains("utf-8") || locale.contains("utf8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn var<'a>(vars: &'a [(&str, &str)]) -> impl Fn(&str) -> String + 'a {
        |name| {
            let found = vars.iter().find(|(known, _)| *known == name);
            found.map_or_else(String::new, |(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn colours_follow_the_terminal_unless_they_are_set() {
        let check = |setting, vars: &[(&str, &str)], expected| {
            assert_eq!(color_level(setting, var(vars)), expected, "{vars:?}");
        };
        check(Color::Auto, &[("TERM", "xterm-256color")], ColorLevel::Full);
        check(Color::Auto, &[("TERM", "xterm")], ColorLevel::Basic);
        check(
            Color::Auto,
            &[("TERM", "xterm-256color"), ("NO_COLOR", "1")],
            ColorLevel::None,
        );
        check(
            Color::Auto,
            &[("TERM", "xterm-256color"), ("NO_COLOR", "")],
            ColorLevel::Full,
        );
        check(Color::Full, &[("NO_COLOR", "1")], ColorLevel::Full);
    }

    #[test]
    fn symbols_follow_the_locale_unless_they_are_set() {
        let check = |setting, vars: &[(&str, &str)], expected| {
            assert_eq!(is_ascii(setting, var(vars)), expected, "{vars:?}");
        };
        check(Symbols::Auto, &[("LANG", "C.UTF-8")], false);
        check(Symbols::Auto, &[("LANG", "C")], true);
        check(
            Symbols::Auto,
            &[("LANG", "en_US.utf8"), ("LC_ALL", "C")],
            true,
        );
        check(
            Symbols::Auto,
            &[("LANG", "en_US.utf8"), ("TERM", "linux")],
            true,
        );
        check(Symbols::Unicode, &[("LANG", "C")], false);
    }
}
