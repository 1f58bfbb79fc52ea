//! Pulls: what others changed comes into the definition, after its difference was seen, and goes out of it again with undo.

use crate::app::action::Action;
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::{OpId, PlannedPull, SaveAnswer};
use crate::app::panes::pull::PullPane;
use crate::app::popup::{Choice, Menu, MenuItem, Popup};
use crate::app::screen::Screen;
use crate::app::undo::{Undo, Writing};
use crate::definition::id::InstanceId;
use crate::failure::Failure;

/// Plans the pull of what others changed in the instance that is marked or selected.
pub(super) fn show(model: &mut Model) -> Vec<Effect> {
    let Some(key) = model.deployed_target().cloned() else {
        return Vec::new();
    };
    let op = model.next_op();
    let pane = PullPane::new(op, key.clone());
    model.screens.push(Screen::Pull(Box::new(pane)));
    vec![Effect::PlanPull { op, key }]
}

/// Asks for the plan in front once more.
pub(super) fn replan(model: &mut Model) -> Vec<Effect> {
    let op = model.next_op();
    match model.screens.last_mut() {
        Some(Screen::Pull(pane)) => {
            let key = pane.key.clone();
            **pane = PullPane::new(op, key.clone());
            vec![Effect::PlanPull { op, key }]
        }
        _ => Vec::new(),
    }
}

pub(super) fn on_planned(
    model: &mut Model,
    op: OpId,
    result: Result<Box<PlannedPull>, Failure>,
) -> Vec<Effect> {
    let pane = model.screens.iter_mut().find_map(|screen| match screen {
        Screen::Pull(pane) if pane.op == op => Some(pane),
        _ => None,
    });
    if let Some(pane) = pane {
        pane.plan = Some(result);
    }
    Vec::new()
}

/// Asks once more before the definition is written.
pub(super) fn confirm(model: &mut Model) {
    let Some(Screen::Pull(pane)) = model.screens.last() else {
        return;
    };
    let Some(planned) = pane.ready() else {
        return;
    };
    let name = &planned.plan.name;
    let deed = format!("Write this into {name}");
    let title = format!("{deed}?");
    let run = MenuItem::new(deed, "nothing in the cluster changes", Choice::RunPull);
    model.popup = Some(Popup::Menu(Menu::confirm(title, Vec::new(), run)));
}

/// Writes what is shown into the definition.
pub(super) fn run(model: &mut Model) -> Vec<Effect> {
    let Some(Screen::Pull(pane)) = model.screens.last() else {
        return Vec::new();
    };
    let (key, Some(planned)) = (pane.key.clone(), pane.ready().cloned()) else {
        return Vec::new();
    };
    model.screens.pop();
    let command = model.command_line(&key.namespace, &format!("pull {}", key.id));
    model.record(command, None);
    let op = model.next_op();
    model.writing = Some(Writing {
        op,
        former: planned.former,
        takes_back: None,
    });
    vec![Effect::WriteDefinition {
        op,
        name: planned.plan.name,
        text: planned.plan.text,
        base: planned.base,
    }]
}

pub(super) fn on_written(
    model: &mut Model,
    op: OpId,
    name: &InstanceId,
    answer: SaveAnswer,
) -> Vec<Effect> {
    let Some(writing) = model.writing.take_if(|writing| writing.op == op) else {
        return Vec::new();
    };
    // A text that somebody else changed since is not taken back later either.
    if let (Some(undo), SaveAnswer::Saved(_) | SaveAnswer::Changed) = (&writing.takes_back, &answer)
    {
        model.undo.forget(undo);
    }
    match answer {
        SaveAnswer::Saved(_) if writing.takes_back.is_some() => {
            model.tell(format!("{name} is as it was before the pull."));
        }
        SaveAnswer::Saved(since) => {
            model.undo.push(Undo::Pull {
                name: name.clone(),
                former: writing.former,
                since,
            });
            let back = model.hint(Action::Undo, "takes it back");
            model.tell(format!(
                "{name} says it now; its deploy makes it a revision.{back}"
            ));
        }
        SaveAnswer::Changed => model.complain(format!(
            "{name} was changed by somebody else meanwhile: nothing was written."
        )),
        SaveAnswer::Failed(failure) => model.complain(failure.summary),
    }
    vec![Effect::ListCatalogue]
}
