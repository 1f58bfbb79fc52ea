//! What somebody left half done: its operation is planned from what stands in the cluster, and shown like one of ours.

use crate::app::availability::resumable;
use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::model::{Model, Screen};
use crate::app::panes::teardown::TeardownPane;
use crate::engine::plan::VolumeChoice;

use super::{reviews, teardowns};

/// Plans what finishes the operation of the selected instance.
pub(super) fn resume(model: &mut Model, takes_over: bool) -> Vec<Effect> {
    let Ok((instance, noted)) = resumable(model) else {
        return Vec::new();
    };
    if noted.kind == "teardown" {
        let volumes = noted.aim.volumes.as_deref().and_then(VolumeChoice::of);
        let pane = TeardownPane {
            volumes: volumes.unwrap_or_default(),
            takes_over,
            ..TeardownPane::new(model.next_op(), vec![instance])
        };
        let effects = teardowns::plan_all(&pane);
        model.screens.push(Screen::Teardown(Box::new(pane)));
        return effects;
    }
    let source = DeploySource {
        takes_over,
        ..DeploySource::of(Origin::Noted(instance))
    };
    reviews::review(model, source)
}
