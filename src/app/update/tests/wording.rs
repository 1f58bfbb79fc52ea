//! What is said with a deploy: why, and with which values.

use std::collections::BTreeMap;

use crate::app::effect::{DeploySource, Effect};
use crate::app::msg::{Msg, OpId};
use crate::app::popup::Popup;
use crate::app::stage::{self, Stage};
use crate::engine::plan::DeployPlan;
use crate::failure::{Failure, FailureKind};

fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// Returns what is asked to be planned last.
fn planned(stage: &mut Stage) -> (OpId, DeploySource) {
    match stage.take_effects().pop() {
        Some(Effect::PlanDeploy { op, source }) => (op, source),
        other => panic!("{other:?}"),
    }
}

fn answer(stage: &mut Stage, op: OpId) {
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
}

#[test]
fn message_goes_with_the_deploy_without_another_plan() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let (op, _) = planned(&mut stage);
    answer(&mut stage, op);
    stage.press("w").type_text("more memory").press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.press("enter enter");
    let effects = stage.take_effects();
    let [Effect::RunDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(source.message.as_deref(), Some("more memory"));
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a deploy web --message 'more memory'")
    );
}

#[test]
fn values_are_planned_anew_and_stand_in_the_command() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let (op, _) = planned(&mut stage);
    answer(&mut stage, op);
    stage.press("v").type_text("size").press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(prompt.error.as_deref(), Some("size is no KEY=VALUE"));
    stage.type_text("=large 'x=a b'").press("enter");
    let (op, source) = planned(&mut stage);
    let expected = parameters(&[("size", "large"), ("x", "a b")]);
    assert_eq!(source.parameters, expected);
    answer(&mut stage, op);
    stage.press("enter enter");
    let command = "bowline --context kind-dev -n team-a deploy web --set size=large --set 'x=a b'";
    assert_eq!(stage.last_command(), Some(command));
}

#[test]
fn parameters_are_listed_and_others_are_not_taken() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let (op, _) = planned(&mut stage);
    answer(&mut stage, op);
    stage.press("v").type_text("sise=large").press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let listed = "What is not set is as the definition says: size=small x=1";
    assert_eq!(prompt.text[1], listed);
    let why = "the definition has no parameter sise";
    assert_eq!(prompt.error.as_deref(), Some(why));
    stage.press("^u enter");
    assert_eq!(stage.take_effects(), []);
    // Where there are none nothing is asked.
    stage.press("r");
    let (op, _) = planned(&mut stage);
    let plan = DeployPlan {
        parameters: BTreeMap::new(),
        ..stage::deploy_plan("web")
    };
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("v");
    let why = "Not possible: the definition has no parameters.";
    assert_eq!(stage.told(), Some(why));
}

#[test]
fn values_follow_the_id_that_is_asked_for() {
    let mut stage = Stage::with_services();
    stage.press("G i ^u");
    stage.type_text("web-9 size=large").press("enter");
    let (_, source) = planned(&mut stage);
    assert_eq!(source.id().as_str(), "web-9");
    assert_eq!(source.parameters, parameters(&[("size", "large")]));
}

#[test]
fn why_of_a_rollback_is_planned_and_it_has_no_values() {
    let mut stage = Stage::with_services();
    stage.press("G u");
    planned(&mut stage);
    stage.press("w").type_text("it was slow").press("enter");
    let (_, source) = planned(&mut stage);
    assert_eq!(source.message.as_deref(), Some("it was slow"));
    stage.press("v");
    let why = "Not possible: what is planned is no definition of the catalogue.";
    assert_eq!(stage.told(), Some(why));
}

#[test]
fn plan_comes_back_where_there_is_none_with_the_values_that_were_tried() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let (op, before) = planned(&mut stage);
    answer(&mut stage, op);
    stage.press("v").type_text("x=1").press("enter");
    // Whoever thinks better of them before there is an answer tries others.
    planned(&mut stage);
    stage.press("v").type_text(" y=2").press("enter");
    let (op, _) = planned(&mut stage);
    let failure = Failure {
        detail: "1:1  the parameter `x` was set, but manifests have no parameters".to_owned(),
        ..Failure::new(FailureKind::Invalid, "web has 1 error: edit it")
    };
    let result = Err(failure);
    stage.send(Msg::DeployPlanned { op, result });
    let why = "Not possible: the parameter `x` was set, but manifests have no parameters.";
    assert_eq!(stage.told(), Some(why));
    stage.press("enter enter");
    let effects = stage.take_effects();
    let [Effect::RunDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*source, before);
}
