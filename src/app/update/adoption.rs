//! Adoption: what others own and a definition would make changes hands, after its ID was typed.

use crate::app::effect::{Effect, Origin};
use crate::app::model::Model;
use crate::app::msg::OpId;
use crate::app::operation::OperationKind;
use crate::app::panes::adopt::AdoptPane;
use crate::app::panes::resumed::Resumed;
use crate::app::popup::{Popup, Prompt, PromptKind};
use crate::app::screen::Screen;
use crate::app::values;
use crate::engine::adopt::AdoptPlan;
use crate::failure::Failure;
use crate::service::advice;

use super::operations::{begin, place_of, push_progress};
use super::{resuming, reviews};

/// Plans the adoption for the definition under review, or for that of the selected row.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    let source = match model.screens.last() {
        Some(Screen::Review(pane)) => pane.source.clone(),
        _ => match reviews::source_of_target(model) {
            Ok(source) => source,
            Err(_) => return Vec::new(),
        },
    };
    let op = model.next_op();
    let pane = AdoptPane::new(op, source.clone());
    model.screens.push(Screen::Adopt(Box::new(pane)));
    vec![Effect::PlanAdopt { op, source }]
}

/// Asks for the plan in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Adopt(pane)) => {
            let source = pane.source.clone();
            **pane = AdoptPane::new(op, source.clone());
            match &source.origin {
                Origin::Noted(instance) => vec![resuming::plan(op, instance)],
                _ => vec![Effect::PlanAdopt { op, source }],
            }
        }
        _ => Vec::new(),
    }
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    result: Result<Box<AdoptPlan>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Adopt(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.plan = Some(result);
    }
    Vec::new()
}

/// Asks for the ID: the owners may make anew, or fight over, what is taken from them.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Adopt(pane)) = model.screens.last() else {
        return;
    };
    let Some(plan) = pane.ready() else {
        return;
    };
    let id = plan.instance.id.clone();
    let n = plan.rows.len();
    let objects = if n == 1 { "object" } else { "objects" };
    let text = vec![
        format!("{n} {objects} in {}.", place_of(model, &plan.instance)),
        "The owners named above may make them anew or fight over them.".to_owned(),
        format!("Type {id} to adopt:"),
    ];
    let title = format!("Adopt for {id}?");
    let prompt = Prompt::new(PromptKind::TypedAdopt(id), title, text);
    model.popup = Some(Popup::Prompt(prompt));
}

/// Starts the adoption that is shown.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Adopt(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let (source, Some(plan)) = (pane.source.clone(), pane.ready().cloned()) else {
        return Vec::new();
    };
    model.screens.pop();
    let id = &plan.instance.id;
    let name = source
        .definition()
        .map_or(id, |definition| &definition.name);
    let said = match source.parameters.is_empty() {
        true => String::new(),
        false => format!(" {}", values::write(&source.parameters, "--set ")),
    };
    let resumed = Resumed {
        takes_over: source.takes_over,
        ..Resumed::default()
    };
    let what = match source.origin {
        Origin::Noted(_) => resumed.command(id.as_str(), false),
        _ => format!("adopt {}{said} --confirm {id}", advice::named(name, id)),
    };
    let op = begin(model, OperationKind::Adoption, plan.instance.clone(), &what);
    push_progress(model, vec![op]);
    vec![Effect::RunAdopt {
        op,
        plan: Box::new(plan),
        takes_over: source.takes_over,
    }]
}
