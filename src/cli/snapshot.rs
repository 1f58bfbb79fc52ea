//! `bowline snapshot`: the dashboard drawn once from a live read, as text or as a picture.

use super::args::Snapshot;
use super::session::Session;
use super::{Exit, UsageError, dashboard, operate, output};
use crate::config::{Color, Symbols};
use crate::runtime;
use crate::ui::{ColorLevel, MIN_SIZE, Theme, picture};

pub fn run(args: &Snapshot, session: &Session) -> anyhow::Result<Exit> {
    session.target.check()?;
    let (columns, rows) = args.size;
    if columns < MIN_SIZE.0 || rows < MIN_SIZE.1 {
        let sentence = format!(
            "--size {columns}x{rows} has no room for the dashboard: the smallest is {}x{}",
            MIN_SIZE.0, MIN_SIZE.1
        );
        return Err(UsageError(sentence).into());
    }
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
