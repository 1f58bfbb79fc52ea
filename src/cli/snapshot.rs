//! `bowline snapshot`: the dashboard drawn once from a live read, as text or as a picture.

use super::args::Snapshot;
use super::session::Session;
use super::{Exit, dashboard, operate, output};
use crate::config::{Color, Symbols};
use crate::runtime;
use crate::ui::{ColorLevel, Theme, picture};

pub fn run(args: &Snapshot, session: &Session) -> anyhow::Result<Exit> {
    session.target.check()?;
    let mut start = dashboard::start(session, None, None);
    if args.svg {
        start.theme = theme_of_pictures(session);
    }
    let drawn = operate::block_on(async { Ok(runtime::snapshot(start, args.size).await?) })?;
    output::print(&if args.svg {
        picture::to_svg(&drawn)
    } else {
        picture::to_text(&drawn)
    })?;
    Ok(Exit::Ok)
}

/// A picture has colours and symbols whatever this terminal can, unless the settings say otherwise.
fn theme_of_pictures(session: &Session) -> Theme {
    let ui = &session.settings.ui;
    let level = match ui.color {
        Color::None => ColorLevel::None,
        Color::Basic => ColorLevel::Basic,
        Color::Full | Color::Auto => ColorLevel::Full,
    };
    Theme::new(&session.settings.theme, level, ui.symbols == Symbols::Ascii)
}
