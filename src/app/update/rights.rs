//! What this user may do with pods beside looking at them, asked once in each namespace that is looked into.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::Epoch;
use crate::definition::id::Namespace;
use crate::failure::Failure;
use crate::service::rights::PodRights;

/// Asks for the rights in the namespace of the instance that is watched, unless they were asked for.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let detail = model.selected_detail().filter(|it| it.is_complete());
    let Some(namespace) = detail.map(|detail| detail.key().namespace.clone()) else {
        return Vec::new();
    };
    if model.rights.contains_key(&namespace) {
        return Vec::new();
    }
    model.rights.insert(namespace.clone(), None);
    let epoch = model.session.epoch;
    vec![Effect::AskRights { epoch, namespace }]
}

pub(super) fn on_told(
    model: &mut Model,
    epoch: Epoch,
    namespace: Namespace,
    result: Result<PodRights, Failure>,
) -> Vec<Effect> {
    if epoch == model.session.epoch {
        // Where nobody says, the server does when it is asked for the thing itself.
        model.rights.insert(namespace, result.ok());
    }
    Vec::new()
}
