//! The filter of the rows in front: typed, taken off. The list of services has one of its own, which knows labels too.

use crossterm::event::{KeyCode, KeyEvent};

use super::moving;
use crate::app::effect::Effect;
use crate::app::input::Input;
use crate::app::model::Model;
use crate::app::table::RowFilter;

/// Begins to filter the rows in front; what they are filtered by is there to be changed.
pub(super) fn ask(model: &mut Model) {
    model.row_filter = model.table_mut().map(|table| RowFilter {
        input: Input::with_text(table.filter()),
        before: table.selected_mark(),
    });
}

/// Takes a key while it is typed.
pub(super) fn on_key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(RowFilter { input, .. }) = &mut model.row_filter else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => {
            let before = model.row_filter.take().and_then(|it| it.before);
            set(model, "");
            // Typing it led the selection about.
            if let (Some(table), Some(before)) = (model.table_mut(), before) {
                table.select_marked(before);
            }
        }
        KeyCode::Enter => {
            model.row_filter = None;
            // Whoever looked for a row means it, whatever comes before it from now on.
            if let Some(table) = model.table_mut() {
                table.move_by(0);
            }
        }
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
    if let Some(RowFilter { input, .. }) = &mut model.row_filter {
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

/// Empties the line where rows of something else came: what is typed there is no filter of theirs.
pub(super) fn follow(model: &mut Model) {
    let held = model.table_mut().map(|table| table.filter().to_owned());
    if let Some(filter) = &mut model.row_filter
        && held.as_deref() != Some(filter.input.text())
    {
        *filter = RowFilter::default();
    }
}

fn set(model: &mut Model, text: &str) {
    if let Some(table) = model.table_mut() {
        table.set_filter(text);
    }
}
