//! Several deploys or returns at once: planned together, shown a line each, asked about once, and each run by itself.

use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::panes::bulk::{BulkItem, BulkPane};
use crate::app::popup::{Choice, Menu, MenuItem, Popup, Prompt, PromptKind};
use crate::app::screen::Screen;

use super::operations::{left_sentence, places_of, show_progress};
use super::reviews;

/// Plans the deploys of all that is marked.
pub(super) fn show_marked(model: &mut Model) -> Vec<Effect> {
    let sources = reviews::sources_of_marks(model);
    show(model, sources)
}

/// Plans several together.
pub(super) fn show(model: &mut Model, sources: Vec<DeploySource>) -> Vec<Effect> {
    let mut items = Vec::with_capacity(sources.len());
    for source in sources {
        items.push(BulkItem::new(model.next_op(), source));
    }
    let pane = BulkPane::new(items);
    let effects = plan_all(&pane);
    model.screens.push(Screen::Bulk(Box::new(pane)));
    effects
}

fn plan_all(pane: &BulkPane) -> Vec<Effect> {
    let plans = pane.items.iter().map(|item| Effect::PlanDeploy {
        op: item.op,
        source: item.source.clone(),
    });
    plans.collect()
}

/// Asks for the plans in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Bulk(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let mut anew = pane.as_ref().clone();
    for item in &mut anew.items {
        *item = BulkItem::new(model.next_op(), item.source.clone());
    }
    let effects = plan_all(&anew);
    if let Some(Screen::Bulk(pane)) = model.screens.last_mut() {
        **pane = anew;
    }
    effects
}

/// Returns the item that asked with a number.
pub(super) fn item_of(model: &mut Model, op: OpId) -> Option<&mut BulkItem> {
    let mut items = model
        .screens
        .iter_mut()
        .filter_map(|screen| match screen {
            Screen::Bulk(pane) => Some(pane),
            _ => None,
        })
        .flat_map(|pane| &mut pane.items);
    items.find(|item| item.op == op)
}

/// Shows all of what the selected deploy would change.
pub(super) fn review_one(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Bulk(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let Some(source) = pane
        .items
        .get(pane.selected)
        .map(|item| item.source.clone())
    else {
        return Vec::new();
    };
    reviews::show_difference(model, source)
}

/// Asks once for all that can be carried out.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Bulk(pane)) = model.screens.last() else {
        return;
    };
    let runnable: Vec<_> = pane.runnable().map(|(_, plan)| plan.deploy()).collect();
    let ids: Vec<_> = runnable.iter().map(|it| it.instance.id.clone()).collect();
    let typed: Vec<_> = ids.iter().map(|id| id.as_str()).collect();
    let names = pane.items.iter().zip(pane.names());
    let names = names.filter(|(item, _)| item.why_left().is_none());
    let names: Vec<_> = names.map(|(_, name)| name).collect();
    let place = places_of(model, runnable.iter().map(|it| &it.instance));
    let is_return = |(item, _): (&BulkItem, _)| matches!(item.source.origin, Origin::Trash(_));
    let deed = match pane.runnable().all(is_return) {
        true => format!("Put {} back", names.join(", ")),
        false => format!("Apply {}", names.join(", ")),
    };
    let title = format!("{deed}?");
    let left = left_sentence(pane.items.len() - runnable.len());
    let mut text: Vec<String> = left.into_iter().collect();
    model.popup = Some(match model.session.asks_for_ids() {
        None => {
            let run = MenuItem::new(deed, format!("to {place}"), Choice::RunBulk);
            Popup::Menu(Menu::confirm(title, text, run))
        }
        Some(why) => {
            text.push(why.to_owned());
            text.push(format!("To {place}."));
            text.push(format!("Type {} to go on:", typed.join(" ")));
            Popup::Prompt(Prompt::new(PromptKind::TypedBulk(ids), title, text))
        }
    });
}

/// Starts all that can be carried out.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Bulk(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let wanted: Vec<_> = pane
        .runnable()
        .map(|(item, plan)| (item.source.clone(), plan.clone()))
        .collect();
    model.screens.pop();
    let (mut ops, mut effects) = (Vec::new(), Vec::new());
    for (source, plan) in wanted {
        let (op, effect) = reviews::start(model, source, plan, false);
        ops.push(op);
        effects.push(effect);
    }
    show_progress(model, ops);
    effects
}
