//! The history of the selected instance: read while its tab is in front, compared.

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::panes::comparison::ComparisonPane;
use crate::app::panes::detail::Tab;
use crate::app::panes::history::HistoryOf;
use crate::app::screen::Screen;
use crate::engine::history::Comparison;
use crate::failure::Failure;

/// Asks for the history of the instance that is watched, where its tab is in front and it may be another one by now.
pub(super) fn follow(model: &mut Model) -> Vec<Effect> {
    let detail = model.selected_detail();
    let Some(key) = detail.map(|detail| detail.key().clone()) else {
        return Vec::new();
    };
    if model.detail_pane.tab != Tab::History {
        return Vec::new();
    }
    let record = model.fleet.get(&key).and_then(|instance| instance.record());
    let of = HistoryOf {
        revision: record.and_then(|record| record.revision),
        is_busy: record.is_some_and(|record| record.operation.is_some()),
        key: key.clone(),
    };
    if model.detail_pane.history.of.as_ref() == Some(&of) {
        return Vec::new();
    }
    let op = model.next_op();
    model.detail_pane.history.ask(op, of);
    vec![Effect::ReadHistory { op, key }]
}

/// Compares what is marked, or the selected revision with the one before or the current one.
pub(super) fn compare(model: &mut Model, with_current: bool) -> Vec<Effect> {
    let pane = &model.detail_pane.history;
    let key = pane.of.as_ref().map(|of| of.key.clone());
    let (Ok((from, to)), Some(key)) = (pane.compared(with_current), key) else {
        return Vec::new();
    };
    let op = model.next_op();
    let what = format!("diff {} --revision {from} --to {to}", key.id);
    model.record(model.command_line(&key.namespace, &what), None);
    let pane = ComparisonPane::new(op, key.clone(), (from, to));
    model.screens.push(Screen::Comparison(Box::new(pane)));
    vec![Effect::CompareRevisions { op, key, from, to }]
}

/// Compares what is in front once more.
pub(super) fn recompare(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    let Some(Screen::Comparison(pane)) = model.screens.last_mut() else {
        return Vec::new();
    };
    let (key, from, to) = (pane.key.clone(), pane.from, pane.to);
    **pane = ComparisonPane::new(op, key.clone(), (from, to));
    vec![Effect::CompareRevisions { op, key, from, to }]
}

pub(super) fn on_compared(
    model: &mut Model,
    op: OpId,
    result: Result<Comparison, Failure>,
) -> Vec<Effect> {
    for screen in &mut model.screens {
        if let Screen::Comparison(pane) = screen
            && pane.op == op
        {
            pane.result = Some(result);
            break;
        }
    }
    Vec::new()
}
