//! Shells: where they are opened, how they are given up, what is said of their end.

use crate::app::effect::{Effect, ShellPlace};
use crate::app::model::Shell;
use crate::app::msg::{Msg, OpId};
use crate::app::stage::{self, Stage};
use crate::app::update::tests::told;
use crate::failure::{Failure, FailureKind};
use crate::service::rights::PodRights;
use crate::service::watch::{Delta, WatchEvent};

/// The instance `web` is watched, with these running containers in its only pod.
fn watching(containers: &[&str]) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    let detail = stage.model.selected_detail().unwrap();
    let mut pod = detail.pods()[0].clone();
    let first = pod.containers[0].clone();
    pod.containers = containers
        .iter()
        .map(|name| {
            let mut container = first.clone();
            container.name = (*name).to_owned();
            container
        })
        .collect();
    let (epoch, key) = (stage.epoch(), stage::key("web"));
    let event = WatchEvent::Pods(vec![Delta::Applied(pod)]);
    stage.send(Msg::InstanceEvent { epoch, key, event });
    stage.model.settle();
    stage.take_effects();
    stage
}

fn place(container: &str) -> ShellPlace {
    ShellPlace {
        key: stage::key("web"),
        pod: "web-6d9c9c5b8-x2x7p".to_owned(),
        container: container.to_owned(),
    }
}

/// A shell in the only container is being opened.
fn opening() -> (Stage, OpId) {
    let mut stage = watching(&["main"]);
    stage.press("s");
    let effects = stage.take_effects();
    let [Effect::OpenShell { op, key, place: at }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!((key, at), (&stage::key("web"), &Some(place("main"))));
    let op = *op;
    (stage, op)
}

#[test]
fn shell_gets_the_terminal_once_it_is_open_and_gives_it_back() {
    let (mut stage, op) = opening();
    // What is typed meanwhile does nothing to what is behind.
    stage.type_text("xR");
    assert_eq!(stage.take_effects(), []);
    let result = Ok(place("main"));
    stage.send(Msg::ShellOpened { op, result });
    let effects = stage.take_effects();
    let [
        Effect::EnterShell {
            op: entered,
            banner,
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(*entered, op);
    assert!(banner.contains("container main of pod web-6d9c9c5b8-x2x7p"));
    assert!(stage.model.popup.is_none());
    let command = stage.last_command().unwrap();
    assert!(command.ends_with("exec web --pod web-6d9c9c5b8-x2x7p -c main"));
    stage.send(Msg::ShellEnded {
        op,
        is_used: true,
        result: Ok(3),
    });
    assert_eq!(stage.take_effects(), [Effect::LeaveShell { op }]);
    assert!(told(&stage).ends_with("main has ended with exit code 3."));
    assert_eq!(stage.model.shell, None);
}

#[test]
fn container_is_asked_for_where_several_run() {
    let mut stage = watching(&["main", "helper"]);
    stage.press("s j enter");
    let effects = stage.take_effects();
    assert!(
        matches!(&effects[..], [Effect::OpenShell { place: Some(at), .. }] if *at == place("helper")),
        "{effects:?}"
    );
}

#[test]
fn shell_is_opened_in_the_pod_that_was_chosen_whatever_is_selected_by_then() {
    let mut stage = watching(&["main", "helper"]);
    stage.press("s j");
    stage.model.services.table.move_by(-1);
    assert_ne!(stage.model.selected_instance(), Some(&stage::key("web")));
    stage.press("enter");
    let effects = stage.take_effects();
    assert!(
        matches!(&effects[..], [Effect::OpenShell { key, place: Some(at), .. }]
            if *key == stage::key("web") && *at == place("helper")),
        "{effects:?}"
    );
}

#[test]
fn shell_that_was_given_up_gets_nothing() {
    for key in ["esc", "enter"] {
        let (mut stage, op) = opening();
        stage.press(key);
        assert_eq!(stage.take_effects(), [Effect::LeaveShell { op }]);
        let result = Ok(place("main"));
        stage.send(Msg::ShellOpened { op, result });
        assert_eq!(stage.take_effects(), [Effect::LeaveShell { op }]);
        assert_eq!(stage.model.shell, None);
    }
}

#[test]
fn reason_for_no_shell_is_told() {
    let (mut stage, op) = opening();
    let refused = Failure::new(FailureKind::Forbidden, "this user may not create pods/exec");
    let result = Err(refused);
    stage.send(Msg::ShellOpened { op, result });
    assert_eq!(told(&stage), "this user may not create pods/exec");
    assert_eq!(
        (&stage.model.shell, stage.model.popup.is_none()),
        (&None, true)
    );

    let check = |result: Result<i32, Failure>, is_used: bool, expected: &str| {
        let (mut stage, op) = opening();
        stage.model.shell = Some(Shell {
            op,
            key: stage::key("web"),
            place: Some(place("main")),
        });
        stage.send(Msg::ShellEnded {
            op,
            is_used,
            result,
        });
        assert!(told(&stage).contains(expected), "{}", told(&stage));
    };
    check(Ok(127), false, "the image may have none");
    // The last command of a shell that was used was not found: the shell was.
    check(Ok(127), true, "main has ended with exit code 127.");
    let words =
        "cannot run a command in web/main: exec: \"sh\": executable file not found in $PATH";
    check(
        Err(Failure::new(FailureKind::NotFound, words)),
        false,
        "The image has no shell: ",
    );
}

#[test]
fn what_does_not_run_has_no_shell() {
    let mut stage = watching(&[]);
    stage.press("s");
    assert_eq!(told(&stage), "Not possible: no container of it runs.");
    // Where the pods are not known, the server is asked.
    let mut stage = Stage::with_services();
    stage.press("G s");
    let effects = stage.take_effects();
    assert!(
        matches!(effects[..], [Effect::OpenShell { place: None, .. }]),
        "{effects:?}"
    );
}

#[test]
fn what_may_not_be_done_is_asked_once_and_dimmed_with_its_reason() {
    let mut stage = watching(&["main"]);
    stage.follow();
    let asked = |stage: &mut Stage| {
        let effects = stage.take_effects().into_iter();
        effects
            .filter(|effect| matches!(effect, Effect::AskRights { .. }))
            .count()
    };
    assert_eq!(asked(&mut stage), 1);
    stage.follow();
    assert_eq!(asked(&mut stage), 0);
    let tell_rights = |stage: &mut Stage, may_exec, may_forward| {
        let epoch = stage.epoch();
        stage.send(Msg::RightsTold {
            epoch,
            namespace: stage::key("web").namespace,
            result: Ok(PodRights {
                may_exec,
                may_forward,
            }),
        });
    };
    tell_rights(&mut stage, false, false);
    stage.press("s");
    assert!(told(&stage).ends_with("you may not get and create pods/exec here."));
    stage.press("f");
    assert!(told(&stage).ends_with("you may not get and create pods/portforward here."));
    assert!(stage.take_effects().is_empty() && stage.model.popup.is_none());
    tell_rights(&mut stage, true, true);
    stage.press("s");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::OpenShell { .. }]
    ));
}
