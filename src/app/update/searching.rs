//! The search in a text that is only read: typed, gone on with, given up.

use crossterm::event::KeyEvent;

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::screen::Screen;
use crate::app::search::{TextSearch, Typed};

/// Begins to look for something in the text in front.
pub(super) fn ask(model: &mut Model) -> Vec<Effect> {
    // Whoever follows what is going on goes on with that when nothing is looked for in the end.
    let is_followed =
        matches!(model.screens.last(), Some(Screen::Progress(pane)) if pane.is_followed());
    if let Some(top) = model.text_top_mut().map(|top| *top) {
        model
            .search
            .begin(if is_followed { usize::MAX } else { top });
    }
    Vec::new()
}

/// Takes a key while it is typed.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let typed = model.search.on_key(key);
    follow(model, typed);
    Vec::new()
}

/// Takes what is pasted while it is typed.
pub(super) fn paste(model: &mut Model, text: &str) -> Result<(), String> {
    let typed = model.search.paste(text)?;
    follow(model, typed);
    Ok(())
}

fn follow(model: &mut Model, typed: Typed) {
    if let (Typed::From(from), Some(top)) = (typed, model.text_top_mut()) {
        *top = from;
    }
}

/// Goes on to another match, or back.
pub(super) fn go(model: &mut Model, steps: isize) -> Vec<Effect> {
    model.search.go(steps);
    Vec::new()
}

/// Looks for nothing any more; tells whether something was looked for.
pub(super) fn give_up(model: &mut Model) -> bool {
    let is_any = model.search.pattern.is_some();
    if is_any {
        model.search = TextSearch::default();
    }
    is_any
}
