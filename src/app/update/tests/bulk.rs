//! Several deploys at once.

use crate::app::effect::{DefinitionOrigin, DeploySource, Effect, Origin};
use crate::app::msg::{Msg, OpId};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::engine::plan::DeployPlan;
use crate::failure::{Failure, FailureKind};

fn source(id: &str) -> DeploySource {
    DeploySource::of(Origin::Definition(DefinitionOrigin {
        name: id.parse().unwrap(),
        id: id.parse().unwrap(),
        namespace: Some("team-a".parse().unwrap()),
        text: None,
    }))
}

fn plan(op: u64, id: &str) -> Effect {
    Effect::PlanDeploy {
        op: OpId(op),
        source: source(id),
    }
}

/// Shows the plans of billing, notebook and orders-db, which are asked for; ml-resnet is not in the catalogue.
fn marked() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("space space space space a");
    let asked = [
        plan(1, "billing"),
        plan(2, "orders-db"),
        plan(3, "notebook"),
    ];
    assert_eq!(stage.take_effects(), asked);
    stage
}

fn planned(stage: &mut Stage, op: u64, id: &str) {
    let result = Ok(Box::new(stage::deploy_plan(id).into()));
    let op = OpId(op);
    stage.send(Msg::DeployPlanned { op, result });
}

#[test]
fn all_that_is_marked_is_planned_and_applied_after_one_question_but_what_is_refused() {
    let mut stage = marked();
    planned(&mut stage, 1, "billing");
    stage.press("a");
    let why = "Not possible: the plans are not there yet.";
    assert_eq!(stage.told(), Some(why));
    let mut refused = stage::deploy_plan("orders-db");
    refused.refusals = vec![Failure::new(FailureKind::Refused, "no such namespace")];
    stage.send(Msg::DeployPlanned {
        op: OpId(2),
        result: Ok(Box::new(refused.into())),
    });
    let failure = Failure::new(FailureKind::Invalid, "notebook has 1 error");
    stage.send(Msg::DeployPlanned {
        op: OpId(3),
        result: Err(failure),
    });
    let Some(Screen::Bulk(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    let left: Vec<_> = pane.items.iter().map(|item| item.why_left()).collect();
    let expected = [
        None,
        Some("refused: no such namespace".to_owned()),
        Some("notebook has 1 error".to_owned()),
    ];
    assert_eq!(left, expected);
    stage.press("a");
    let menu = stage.menu();
    assert_eq!(menu.title, "Apply billing?");
    assert_eq!(menu.text, ["2 are left, for the reasons that are shown."]);
    stage.press("y");
    let run = Effect::RunDeploy {
        op: OpId(4),
        source: source("billing"),
        plan: Box::new(stage::deploy_plan("billing").into()),
        force_conflicts: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a deploy billing")
    );
    assert!(matches!(stage.model.screens[..], [Screen::Progress(_)]));
}

/// What is called alike is told apart by its namespace.
#[test]
fn those_of_several_namespaces_are_named_with_their_own() {
    let mut stage = marked();
    planned(&mut stage, 1, "billing");
    planned(&mut stage, 3, "notebook");
    let mut elsewhere = stage::deploy_plan("billing");
    elsewhere.instance.namespace = "team-b".parse().unwrap();
    let Some(Screen::Bulk(pane)) = stage.model.screens.last_mut() else {
        panic!("no bulk plan");
    };
    assert_eq!(pane.names(), ["billing", "orders-db", "notebook"]);
    pane.items[1].source = source("billing");
    pane.items[1].plan = Some(Ok(Box::new(elsewhere.into())));
    let names = ["team-a/billing", "team-b/billing", "team-a/notebook"];
    assert_eq!(pane.names(), names);
    stage.press("a");
    assert_eq!(stage.menu().title, format!("Apply {}?", names.join(", ")));
}

#[test]
fn one_that_asks_for_a_secret_is_left_and_one_is_looked_at_whole() {
    let mut stage = marked();
    let lacking = DeployPlan {
        unanswered: vec![stage::secret_question("Token")],
        ..stage::deploy_plan("billing")
    };
    let result = Ok(Box::new(lacking.into()));
    let op = OpId(1);
    stage.send(Msg::DeployPlanned { op, result });
    let Some(Screen::Bulk(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    let why = "it asks for a secret: apply it alone";
    assert_eq!(pane.items[0].why_left().as_deref(), Some(why));
    stage.press("j D");
    assert_eq!(stage.take_effects(), [plan(4, "orders-db")]);
    stage.press("esc r");
    let anew = [
        plan(5, "billing"),
        plan(6, "orders-db"),
        plan(7, "notebook"),
    ];
    assert_eq!(stage.take_effects(), anew);
    // An answer to what was asked before is stale.
    planned(&mut stage, 1, "billing");
    let Some(Screen::Bulk(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    assert!(pane.items.iter().all(|item| item.plan.is_none()));
}

#[test]
fn definition_is_deployed_under_another_id() {
    let mut stage = Stage::with_services();
    stage.press("G i enter");
    let mut other = source("web");
    if let Origin::Definition(origin) = &mut other.origin {
        origin.id = "web-2".parse().unwrap();
    }
    let op = OpId(1);
    assert_eq!(
        stage.take_effects(),
        [Effect::PlanDeploy { op, source: other }]
    );
    stage.press("esc i").type_text("_").press("enter");
    assert_eq!(stage.take_effects(), []);
}
