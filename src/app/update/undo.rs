//! Taking back what was done last: a teardown by planning its return, a pull by writing the text of before.

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::undo::{Undo, Writing};

/// Takes back what was done last.
pub(super) fn undo(model: &mut Model) -> Vec<Effect> {
    match model.undo.pop() {
        None => Vec::new(),
        Some(Undo::Teardown(key)) => {
            model.tell(format!("Looking for {} in the trash …", key.id));
            model.returning = Some(key);
            vec![Effect::ListTrash {
                epoch: model.session.epoch,
            }]
        }
        Some(Undo::Pull {
            name,
            former,
            since,
        }) => {
            let op = model.next_op();
            model.writing = Some(Writing {
                op,
                former: String::new(),
                is_undo: true,
            });
            vec![Effect::WriteDefinition {
                op,
                name,
                text: former,
                base: since,
            }]
        }
    }
}

/// Returns a sentence that names the key which takes back what was done, where there is one.
pub(super) fn hint(model: &Model, what: &str) -> String {
    let keys = model.keymap.keys(model.place(), Action::Undo);
    keys.first()
        .map_or_else(String::new, |key| format!(" {key} {what}."))
}
