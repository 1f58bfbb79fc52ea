//! Taking back what was done last: a teardown by planning its return, a pull by writing the text of before.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::undo::{Undo, Writing};

/// Takes back what was done last.
pub(super) fn undo(model: &mut Model) -> Vec<Effect> {
    match model.undo.pop() {
        None => Vec::new(),
        Some(Undo::Teardown { instance, .. }) => {
            model.tell(format!("Looking for {} in the trash …", instance.id));
            model.returning = Some(instance);
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
