//! Routes computed again: planned at once for all that is marked, shown, confirmed, run.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::popup::{Choice, Popup};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::engine::plan::FieldConflict;
use crate::engine::routes::RoutePlan;
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;

/// Shows plans of the selected instance, web.
fn showing(plans: Vec<RoutePlan>) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G I");
    let (op, keys) = (OpId(1), vec![stage::key("web")]);
    assert_eq!(stage.take_effects(), [Effect::PlanRoutes { op, keys }]);
    let result = Ok(plans);
    stage.send(Msg::RoutesPlanned { op, result });
    stage
}

fn run(op: u64, plan: RoutePlan, force_conflicts: bool) -> Effect {
    Effect::RunRoutes {
        op: OpId(op),
        plan: Box::new(plan),
        force_conflicts,
        takes_over: false,
    }
}

#[test]
fn routes_of_all_that_is_marked_are_planned_once_and_what_is_refused_keeps_no_other() {
    let mut stage = Stage::with_services();
    stage.press("space space I");
    let keys = vec![stage::key("billing"), stage::key("ml-resnet")];
    let op = OpId(1);
    assert_eq!(stage.take_effects(), [Effect::PlanRoutes { op, keys }]);
    stage.press("enter");
    assert_eq!(
        stage.told(),
        Some("Not possible: the plan is not there yet.")
    );
    let mut refused = stage::route_plan("billing");
    refused.refusals = vec![Failure::new(
        FailureKind::Refused,
        "no deploy of it came to its end yet",
    )];
    let plan = stage::route_plan("ml-resnet");
    let result = Ok(vec![refused, plan.clone()]);
    stage.send(Msg::RoutesPlanned { op, result });
    stage.press("enter");
    assert_eq!(stage.menu().title, "Change the routes of ml-resnet?");
    stage.press("y");
    assert_eq!(stage.take_effects(), [run(2, plan, false)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a update-ingress ml-resnet")
    );
    assert!(matches!(stage.model.screens[..], [Screen::Progress(_)]));
    assert!(stage.model.services.table.marks().is_empty());
}

#[test]
fn fields_of_others_are_taken_only_where_that_is_chosen() {
    let mut plan = stage::route_plan("web");
    plan.conflicts = vec![FieldConflict {
        key: stage::object("Ingress", "web"),
        field: "spec.rules".to_owned(),
        message: "conflict with kubectl-edit".to_owned(),
        seen: None,
    }];
    let mut stage = showing(vec![plan.clone()]);
    stage.press("enter");
    let menu = stage.menu();
    let choices: Vec<_> = menu.items.iter().map(|item| &item.choice).collect();
    // Nothing of it could be changed without them.
    assert_eq!(choices, [&Choice::Cancel, &Choice::ConfirmRoutes(true)]);
    // Whose cluster it is stands in every question.
    assert_eq!(menu.items[1].detail, "in kind-dev ▸ team-a, as shown");
    stage.press("j enter");
    assert_eq!(stage.take_effects(), [run(2, plan, true)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a update-ingress web --force-conflicts")
    );
}

#[test]
fn id_of_what_is_protected_is_typed() {
    let mut plan = stage::route_plan("web");
    plan.caution = Caution::Protected;
    let mut stage = showing(vec![plan.clone()]);
    stage.press("enter");
    assert!(matches!(stage.model.popup, Some(Popup::Prompt(_))));
    stage.send(Msg::Paste("web".to_owned()));
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.type_text("web").press("enter");
    assert_eq!(stage.take_effects(), [run(2, plan, false)]);
}

#[test]
fn routes_that_are_as_they_should_be_are_not_changed() {
    let mut plan = stage::route_plan("web");
    plan.routes.clear();
    let mut stage = showing(vec![plan]);
    stage.press("enter");
    assert_eq!(stage.told(), Some("Not possible: nothing would change."));
    stage.press("r");
    let (op, keys) = (OpId(2), vec![stage::key("web")]);
    assert_eq!(stage.take_effects(), [Effect::PlanRoutes { op, keys }]);
}
