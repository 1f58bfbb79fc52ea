//! No plan is carried out on another cluster than the one that it was shown of.

use std::time::Duration;

use crate::app::action::{Action, SPECS};
use crate::app::availability::availability;
use crate::app::effect::Effect;
use crate::app::msg::{Epoch, Msg, OpId};
use crate::app::popup::Popup;
use crate::app::stage::{self, Stage};
use crate::failure::{Failure, FailureKind};
use crate::guard::Guard;
use crate::service::rights::Rights;

const WHY: &str = "Not possible: it was planned on an earlier connection: plan anew.";

/// Shows the plan of a deploy of web.
fn reviewing() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    let op = OpId(1);
    stage.send(Msg::DeployPlanned { op, result });
    stage.take_effects();
    stage
}

/// The connection is lost and made again, whoever answers now.
fn reconnect(stage: &mut Stage) {
    stage.send(Msg::ConnectFailed {
        epoch: stage.epoch(),
        failure: Failure::new(FailureKind::Unreachable, "the token is too old"),
    });
    stage.wait(Duration::from_secs(31));
    stage.connected();
    stage.take_effects();
}

#[test]
fn plan_of_an_earlier_connection_is_not_carried_out_until_it_is_made_anew() {
    let mut stage = reviewing();
    reconnect(&mut stage);
    stage.press("enter");
    assert_eq!(stage.told(), Some(WHY));
    assert!(stage.model.popup.is_none());
    stage.press("r");
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    let op = OpId(2);
    stage.send(Msg::DeployPlanned { op, result });
    stage.take_effects();
    stage.press("enter y");
    let effects = stage.take_effects();
    assert!(
        matches!(effects[..], [Effect::RunDeploy { .. }]),
        "{effects:?}"
    );
}

#[test]
fn question_that_stood_while_the_connection_changed_starts_nothing() {
    let mut stage = reviewing();
    stage.press("enter");
    assert!(matches!(stage.model.popup, Some(Popup::Menu(_))));
    reconnect(&mut stage);
    stage.press("y");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(stage.told(), Some(WHY));
}

#[test]
fn cluster_that_is_another_under_the_same_name_is_told() {
    let mut stage = Stage::with_services();
    let identified = |stage: &mut Stage, epoch, uid: &str| {
        stage.send(Msg::ClusterIdentified {
            epoch,
            uid: Some(uid.to_owned()),
        });
    };
    let first = stage.epoch();
    identified(&mut stage, first, "5f0c");
    assert_eq!(stage.told(), None);
    reconnect(&mut stage);
    // What the connection of before still says is stale.
    identified(&mut stage, first, "aaaa");
    assert_eq!(stage.told(), None);
    let second = stage.epoch();
    identified(&mut stage, second, "77e1");
    let told = "kind-dev is another cluster than it was before.";
    assert_eq!(stage.told(), Some(told));
    assert_eq!(stage.model.session.uid.as_deref(), Some("77e1"));
    identified(&mut stage, Epoch(99), "later");
    assert_eq!(stage.model.session.uid.as_deref(), Some("77e1"));
}

#[test]
fn nothing_that_writes_can_be_done_where_nothing_may_be_written() {
    let mut stage = Stage::with_services();
    stage.press("G");
    stage.model.session.guard.is_read_only = true;
    let why = "read-only: --read-only or [contexts] of the settings says so";
    for spec in SPECS.iter().filter(|spec| spec.action.writes()) {
        assert_eq!(
            availability(spec.action, &stage.model),
            Err(why.into()),
            "{}",
            spec.id
        );
    }
    // Nobody knows what is written in a shell.
    assert_eq!(availability(Action::Shell, &stage.model), Err(why.into()));
    // What only looks is left, and what is shown is not carried out.
    assert_eq!(availability(Action::Difference, &stage.model), Ok(()));
    stage.press("D");
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    let op = OpId(1);
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter");
    let told = format!("Not possible: {why}.");
    assert_eq!(stage.told(), Some(told.as_str()));
}

#[test]
fn pull_is_no_write_to_the_cluster() {
    let mut stage = Stage::with_services();
    stage.model.session.guard.is_read_only = true;
    stage.press("G Y");
    let result = Ok(Box::new(stage::planned_pull("web")));
    let op = OpId(1);
    stage.send(Msg::PullPlanned { op, result });
    stage.take_effects();
    stage.press("enter y");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::WriteDefinition { .. }]
    ));
}

#[test]
fn ids_are_typed_where_the_context_is_protected() {
    let mut stage = reviewing();
    stage.model.session.guard = Guard {
        is_read_only: false,
        is_protected: true,
    };
    stage.press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert!(
        prompt
            .text
            .contains(&"The settings protect this context.".to_owned())
    );
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.type_text("web").press("enter");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::RunDeploy { .. }]
    ));
}

#[test]
fn what_the_user_may_not_do_is_said_beforehand() {
    let mut stage = Stage::with_services();
    stage.press("G");
    let mut told = |rights: Rights, action| {
        let epoch = stage.epoch();
        stage.send(Msg::WriteRightsTold { epoch, rights });
        availability(action, &stage.model).err()
    };
    let all = Rights::default();
    let (no_delete, no_routes, none) = (
        Rights {
            may_take_down: false,
            ..all
        },
        Rights {
            may_route: false,
            ..all
        },
        Rights {
            may_operate: false,
            ..all
        },
    );
    assert_eq!(told(all, Action::Teardown), None);
    assert!(told(no_delete, Action::Teardown).is_some());
    assert_eq!(told(no_delete, Action::Apply), None);
    assert!(told(no_routes, Action::UpdateRoutes).is_some());
    assert_eq!(told(no_routes, Action::Restart), None);
    let why = "you may not change ConfigMaps here, where operations are noted";
    assert_eq!(told(none, Action::Apply), Some(why.into()));
    assert_eq!(told(none, Action::Difference), None);
    // What was told of another namespace is stale.
    stage.send(Msg::WriteRightsTold {
        epoch: Epoch(0),
        rights: all,
    });
    assert_eq!(availability(Action::Apply, &stage.model), Err(why.into()));
}
