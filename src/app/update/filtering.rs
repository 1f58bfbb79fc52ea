//! The filter of the rows in front: typed, taken off. The list of services has one of its own, which knows labels too.

use crossterm::event::{KeyCode, KeyEvent};

use super::moving;
use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;

/// Begins to filter the rows in front; what they are filtered by is there to be changed.
pub(super) fn ask(model: &mut Model) {
    let present = model.table_mut().map(|table| table.filter().to_owned());
    model.row_filter = present.map(|text| Input::with_text(&text));
}

/// Takes a key while it is typed.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(input) = &mut model.row_filter else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => {
            model.row_filter = None;
            set(model, "");
        }
        KeyCode::Enter => model.row_filter = None,
        KeyCode::Up => return moving::move_by(model, -1),
        KeyCode::Down => return moving::move_by(model, 1),
        _ if input.on_key(key) => {
            let text = input.text().to_owned();
            set(model, &text);
        }
        _ => {}
    }
    Vec::new()
}

/// Takes what is pasted while it is typed.
pub(super) fn paste(model: &mut Model, text: &str) -> Result<(), String> {
    if let Some(input) = &mut model.row_filter {
        input.paste(text)?;
        let text = input.text().to_owned();
        set(model, &text);
    }
    Ok(())
}

/// Shows all rows in front again; tells whether some were not shown for a filter.
pub(super) fn take_off(model: &mut Model) -> bool {
    let is_filtered = (model.table_mut()).is_some_and(|table| !table.filter().is_empty());
    if is_filtered {
        set(model, "");
    }
    is_filtered
}

fn set(model: &mut Model, text: &str) {
    if let Some(table) = model.table_mut() {
        table.set_filter(text);
    }
}
