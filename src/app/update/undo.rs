//! Taking back what was done last: a teardown by planning its return, a pull by writing the text of before.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::undo::{Undo, Writing};

/// Takes back what was done last. It counts as taken back once that is carried out, and not while it is only looked at.
pub(super) fn undo(model: &mut Model) -> Vec<Effect> {
    let Some(undo) = model.undo.last().cloned() else {
        return Vec::new();
    };
    match &undo {
        Undo::Teardown { instances, .. } => {
            let names: Vec<_> = instances.iter().map(|it| it.id.as_str()).collect();
            model.tell(format!("Looking for {} in the trash …", names.join(", ")));
            model.returning.clone_from(instances);
            vec![Effect::ListTrash {
                epoch: model.session.epoch,
            }]
        }
        Undo::Pull {
            name,
            former,
            since,
        } => {
            let writing = model.writing.as_ref();
            if writing.is_some_and(|it| it.takes_back.as_ref() == Some(&undo)) {
                return Vec::new();
            }
            let op = model.next_op();
            model.writing = Some(Writing {
                op,
                former: String::new(),
                takes_back: Some(undo.clone()),
            });
            vec![Effect::WriteDefinition {
                op,
                name: name.clone(),
                text: former.clone(),
                base: since.clone(),
            }]
        }
    }
}
