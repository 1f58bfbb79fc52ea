//! What is used, looked at while its tab is in front and no longer.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::panes::detail::Tab;
use crate::app::panes::usage::UsageOf;
use crate::app::screen::Screen;
use crate::failure::Failure;
use crate::service::usage::{ClaimUsage, PodUsage};

/// Looks at what the instance that is watched uses while it is in front.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    if model.resting.is_some() {
        // The selection passes by, and may come back.
        return Vec::new();
    }
    let of = wanted(model);
    if model.detail_pane.usage.of == of {
        return Vec::new();
    }
    let op = model.next_op();
    model.detail_pane.usage.begin(op, of.clone());
    vec![Effect::WatchUsage { op, of }]
}

fn wanted(model: &Model) -> Option<UsageOf> {
    if !matches!(model.screens.last(), None | Some(Screen::Detail)) {
        return None;
    }
    let detail = model.selected_detail().filter(|it| it.is_complete())?;
    let key = detail.key().clone();
    match model.detail_pane.tab {
        Tab::Pods if !detail.pods().is_empty() => Some(UsageOf::Pods(key)),
        Tab::Volumes if !detail.claims().is_empty() => {
            let nodes = detail.pods().iter().filter_map(|pod| pod.node.clone());
            let mut nodes: Vec<_> = nodes.collect();
            nodes.sort();
            nodes.dedup();
            (!nodes.is_empty()).then_some(UsageOf::Claims(key, nodes))
        }
        _ => None,
    }
}

pub(super) fn on_pods(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<PodUsage>, Failure>,
) -> Vec<Effect> {
    if model.detail_pane.usage.op == op {
        model.detail_pane.usage.on_pods(result);
        model.is_stale = true;
    }
    Vec::new()
}

pub(super) fn on_claims(
    model: &mut Model,
    op: OpId,
    result: Result<Vec<ClaimUsage>, Failure>,
) -> Vec<Effect> {
    if model.detail_pane.usage.op == op {
        model.detail_pane.usage.on_claims(result);
        model.is_stale = true;
    }
    Vec::new()
}
