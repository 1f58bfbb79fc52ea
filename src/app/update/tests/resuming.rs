//! What somebody left half done, and gone on with here.

use crate::app::action::Action;
use crate::app::availability::availability;
use crate::app::effect::{DeploySource, Effect, Origin};
use crate::app::msg::OpId;
use crate::app::stage::{self, Stage};
use crate::app::update::actions::perform;
use crate::engine::plan::{TeardownScope, VolumeChoice};
use crate::service::operation::{Aim, Operation};
use crate::service::watch::{Delta, WatchEvent};

/// Notes an operation on orders-db, which is selected.
fn noted(kind: &str, aim: Aim) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("j j j");
    let instance = stage.model.fleet.get(&stage::key("orders-db"));
    let mut record = instance.unwrap().record().unwrap().clone();
    record.operation = Some(Operation {
        kind: kind.to_owned(),
        step: "begins".to_owned(),
        holder: "ann@bastion/7".to_owned(),
        aim,
        ..Operation::default()
    });
    stage.overview(vec![WatchEvent::Records(vec![Delta::Applied(record)])]);
    stage.take_effects();
    stage
}

fn why_not(stage: &Stage) -> Option<&'static str> {
    availability(Action::Resume, &stage.model).err()
}

#[test]
fn a_deploy_goes_on_with_what_its_revision_keeps() {
    let aim = Aim {
        revision: Some(3),
        ..Aim::default()
    };
    let mut stage = noted("deploy", aim);
    for (action, takes_over) in [(Action::Resume, false), (Action::TakeOver, true)] {
        let source = DeploySource {
            takes_over,
            ..DeploySource::of(Origin::Noted(stage::key("orders-db")))
        };
        let effects = perform(&mut stage.model, action);
        let [Effect::PlanDeploy { source: asked, .. }] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(*asked, source);
        stage.press("esc");
    }
}

#[test]
fn a_teardown_goes_on_with_the_choice_that_was_made() {
    let aim = Aim {
        volumes: Some("retain".to_owned()),
        ..Aim::default()
    };
    let mut stage = noted("teardown", aim);
    let effects = perform(&mut stage.model, Action::TakeOver);
    let plan = Effect::PlanTeardown {
        op: OpId(1),
        key: stage::key("orders-db"),
        scope: TeardownScope::Instance,
        volumes: VolumeChoice::Retain,
    };
    assert_eq!(effects, [plan]);
}

#[test]
fn what_cannot_be_resumed_says_why() {
    let mut stage = Stage::with_services();
    stage.press("j j j");
    assert_eq!(why_not(&stage), Some("nothing is under way here"));
    // An earlier program noted less.
    let stage = noted("deploy", Aim::default());
    let why = "it cannot be resumed from its note: begin it again";
    assert_eq!(why_not(&stage), Some(why));
}
