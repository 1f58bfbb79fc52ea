//! What others changed in the selected instance: compared where it is seen to be changed or somebody looks, and shown.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::screen::Screen;

/// Compares the live objects of the instance that is watched where that is due, and stops where it is another by now.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let is_looked_at = matches!(model.screens.last(), Some(Screen::Changes { .. }));
    let detail = model.selected_detail().filter(|it| it.is_complete());
    let is_wanted = detail.is_some_and(|detail| match detail.is_changed() {
        Some(is_changed) => is_changed || is_looked_at,
        // Its objects are on their way, or nobody can say what they should be.
        None => is_looked_at && detail.record().is_some_and(|it| it.operation.is_none()),
    });
    let wanted = detail.filter(|_| is_wanted);
    let key = wanted.map(|detail| detail.key().clone());
    let is_other = !model.detail_pane.changes.is_of(key.as_ref());
    let is_given_up = is_other && model.detail_pane.changes.forget();
    let due = model
        .selected_detail()
        .filter(|_| is_wanted)
        .and_then(|detail| model.detail_pane.changes.due(detail));
    match (key, due) {
        (Some(key), Some(seen)) => {
            let op = model.next_op();
            model.detail_pane.changes.ask(op, key.clone(), seen);
            let key = Some(key);
            vec![Effect::ReadChanges { op, key }]
        }
        (None, _) if is_given_up => {
            let op = model.next_op();
            vec![Effect::ReadChanges { op, key: None }]
        }
        _ => Vec::new(),
    }
}

/// Shows what others changed, looking at the objects anew.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    if let Some(key) = model.selected_instance().cloned() {
        let command = model.command_line(&key.namespace, &format!("status {}", key.id));
        model.record(command, None);
    }
    model.screens.push(Screen::Changes { scroll: 0 });
    // One that runs by itself is waited for from now on.
    if let Some(running) = model.detail_pane.changes.reading() {
        model.waits.begin(&running, model.clock);
    }
    look_anew(model)
}

/// Looks at the objects anew.
pub(super) fn look_anew(model: &mut Model) -> Vec<Effect> {
    model.detail_pane.changes.outdate();
    follow(model)
}
