//! Forwards: the port is chosen, the local one offered, the list kept while everything else changes.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::forwards::{Forward, ForwardState};
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::tests::told;
use crate::failure::{Failure, FailureKind};
use crate::service::forward::OF_A_POD;
use crate::service::forward::{
    ForwardEvent, ForwardRequest, Forwarded, OfferedPort, RemotePort, Traffic,
};

fn offered(port: u16, local: u16) -> OfferedPort {
    OfferedPort {
        port,
        name: Some("http".to_owned()),
        container: None,
        local,
    }
}

/// The ports of `web` were listed.
fn asked() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    stage.take_effects();
    stage.press("f");
    let effects = stage.take_effects();
    let [Effect::ListPorts { op, key }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(*key, stage::key("web"));
    let result = Ok(vec![offered(80, 8080), offered(9090, 9090)]);
    stage.send(Msg::PortsListed { op: *op, result });
    stage
}

/// The first port of `web` is being forwarded.
fn begun() -> (Stage, OpId, ForwardRequest) {
    let mut stage = asked();
    stage.press("enter enter");
    let effects = stage.take_effects();
    let [Effect::Forward { op, request }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let (op, request) = (*op, request.clone());
    (stage, op, request)
}

fn listening(stage: &mut Stage, op: OpId) {
    let local = "127.0.0.1:8080".parse().unwrap();
    let result = Ok(vec![Forwarded { local, remote: 80 }]);
    stage.send(Msg::ForwardBegan { op, result });
}

fn report(stage: &mut Stage, op: OpId, event: ForwardEvent) {
    stage.send(Msg::Forwarding {
        op,
        event: Some(event),
        traffic: Traffic::default(),
    });
}

fn only(stage: &Stage) -> &Forward {
    let [forward] = stage.model.forwards.all() else {
        panic!("{:?}", stage.model.forwards);
    };
    forward
}

#[test]
fn port_is_chosen_and_a_free_one_offered() {
    let (mut stage, op, request) = begun();
    assert_eq!(
        (&request.instance, &request.pod),
        (&stage::key("web"), &None)
    );
    let ports: Vec<_> = request
        .ports
        .iter()
        .map(|spec| (spec.local, spec.remote.clone()))
        .collect();
    assert_eq!(ports, [(Some(8080), RemotePort::Number(80))]);
    assert_eq!(only(&stage).state, ForwardState::Starting);
    let command = stage.last_command().unwrap();
    assert!(command.ends_with("port-forward web 8080:80"), "{command}");
    listening(&mut stage, op);
    assert!(told(&stage).starts_with("http://127.0.0.1:8080 leads to web."));
    stage.press("F y");
    let url = "http://127.0.0.1:8080".to_owned();
    assert_eq!(stage.take_effects(), [Effect::Copy(url)]);
}

#[test]
fn what_is_typed_is_checked_before_anything_begins() {
    let mut stage = asked();
    stage.press("j j enter").type_text("nope:80").press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert!(prompt.error.as_ref().unwrap().contains("no local port"));
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.forwards.all().is_empty());
}

#[test]
fn selected_pod_is_reached_alone() {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    let pod = stage.model.detail_pane.pods.selected().cloned();
    stage.press("tab f enter").type_text(":http").press("enter");
    let effects = stage.take_effects();
    let Some(Effect::Forward { request, .. }) = effects.last() else {
        panic!("{effects:?}");
    };
    assert_eq!(request.pod, pod);
    let command = stage.last_command().unwrap();
    assert!(command.ends_with(&format!("--pod {} :http", pod.unwrap())));
}

#[test]
fn forward_that_failed_is_marked_in_the_command_log_and_no_other() {
    let mut stage = asked();
    stage.press("j j enter").type_text(":80").press("enter");
    let failed = only(&stage).op;
    stage.press("f enter").type_text(":81").press("enter");
    let failure = Failure::new(FailureKind::Forbidden, "may not");
    let result = Err(failure);
    stage.send(Msg::ForwardBegan { op: failed, result });
    let log = stage.model.log.iter();
    let marked: Vec<_> = log.map(|it| (it.command.as_str(), it.is_failed)).collect();
    let [.., (one, true), (other, false)] = marked[..] else {
        panic!("{marked:?}");
    };
    assert!(one.ends_with("port-forward web :80"), "{one}");
    assert!(other.ends_with("port-forward web :81"), "{other}");
}

#[test]
fn forward_goes_to_what_its_question_names_whatever_is_selected_by_then() {
    // The selection moves while the ports are listed, while one is chosen, and while the local one is typed.
    for n_answered in 0..3 {
        let mut stage = Stage::with_services();
        stage.press("G").rest();
        stage.take_effects();
        stage.press("f");
        let op = OpId(stage.model.last_op());
        for step in 0..3 {
            if step == n_answered {
                stage.model.services.table.move_by(-1);
                assert_ne!(stage.model.selected_instance(), Some(&stage::key("web")));
            }
            if step == 0 {
                let result = Ok(vec![offered(80, 8080)]);
                stage.send(Msg::PortsListed { op, result });
            } else {
                stage.press("enter");
            }
        }
        let forward = only(&stage);
        assert_eq!(forward.request.instance, stage::key("web"), "{n_answered}");
        let command = stage.last_command().unwrap();
        assert!(command.ends_with("port-forward web 8080:80"), "{command}");
    }
}

#[test]
fn pod_that_is_gone_is_not_ready_once_the_server_is_back() {
    let lost = || Failure::new(FailureKind::Unreachable, "connection refused");
    let forbidden = || Failure::new(FailureKind::Forbidden, "pods may not be watched");
    let pod = |name: &str| ForwardEvent::Pod(name.to_owned());
    let check = |events: Vec<ForwardEvent>, expected: (ForwardState, Option<&str>, u32)| {
        let (mut stage, op, _) = begun();
        listening(&mut stage, op);
        for event in events {
            report(&mut stage, op, event);
        }
        let forward = only(&stage);
        let found = (
            forward.state.clone(),
            forward.pod.as_deref(),
            forward.n_moves,
        );
        assert_eq!(found, expected);
    };
    let gone = || vec![pod("a"), ForwardEvent::NoPod, ForwardEvent::Lost(lost())];
    let back = || [gone(), vec![ForwardEvent::Back]].concat();
    check(back(), (ForwardState::Waiting, None, 0));
    let then = |name| [back(), vec![pod(name)]].concat();
    check(then("a"), (ForwardState::Ready, Some("a"), 0));
    check(then("b"), (ForwardState::Ready, Some("b"), 1));
    let allowed = vec![
        pod("a"),
        ForwardEvent::Forbidden(forbidden()),
        ForwardEvent::Back,
    ];
    check(allowed, (ForwardState::Ready, Some("a"), 0));
}

#[test]
fn late_list_of_ports_changes_no_other_menu() {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    stage.press("f");
    let first = OpId(stage.model.last_op());
    stage.press("esc f");
    let result = Ok(vec![offered(80, 8080)]);
    stage.send(Msg::PortsListed { op: first, result });
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("no menu");
    };
    assert_eq!(menu.items.len(), 1);
}

#[test]
fn forward_goes_on_in_every_view_and_context_until_it_is_stopped() {
    let (mut stage, op, _) = begun();
    listening(&mut stage, op);
    report(&mut stage, op, ForwardEvent::Pod("web-0".to_owned()));
    assert_eq!(only(&stage).state, ForwardState::Ready);
    report(&mut stage, op, ForwardEvent::NoPod);
    assert_eq!(only(&stage).state, ForwardState::Waiting);
    report(&mut stage, op, ForwardEvent::Pod("web-1".to_owned()));
    let forward = only(&stage);
    assert_eq!((&forward.state, forward.n_moves), (&ForwardState::Ready, 1));
    let lost = Failure::new(FailureKind::Unreachable, "connection refused");
    report(&mut stage, op, ForwardEvent::Lost(lost.clone()));
    assert_eq!(only(&stage).state, ForwardState::Lost(lost));
    report(&mut stage, op, ForwardEvent::Back);
    assert_eq!(only(&stage).state, ForwardState::Ready);
    let traffic = Traffic {
        n_open: 1,
        n_connections: 2,
        n_sent: 10,
        n_received: 4096,
    };
    let event = None;
    stage.send(Msg::Forwarding { op, event, traffic });
    assert_eq!(only(&stage).traffic, traffic);
    // Another namespace is looked at meanwhile.
    stage.press("N").type_text("all").press("enter");
    assert_eq!(only(&stage).op, op);
    stage.take_effects();
    stage.press("F");
    assert!(matches!(stage.model.screens.last(), Some(Screen::Forwards)));
    stage.press("x");
    assert_eq!(stage.take_effects(), [Effect::StopForward { op }]);
    assert!(stage.model.forwards.all().is_empty());
    // What it still reports is dropped.
    report(&mut stage, op, ForwardEvent::NoPod);
    assert!(stage.model.forwards.all().is_empty());
    stage.press("x");
    assert_eq!(told(&stage), "Not possible: nothing is forwarded.");
}

#[test]
fn port_that_is_taken_is_told_and_leaves_no_row() {
    let (mut stage, op, _) = begun();
    let taken = Failure::new(FailureKind::Disk, "cannot listen on 127.0.0.1:8080");
    let result = Err(taken);
    stage.send(Msg::ForwardBegan { op, result });
    let (typed, why) = asked_again(&stage);
    assert_eq!(typed, "8080:80");
    assert_eq!(why, "cannot listen on 127.0.0.1:8080");
    assert!(stage.model.forwards.all().is_empty());
}

#[test]
fn port_that_is_not_there_is_told_in_words_of_the_dashboard() {
    let (mut stage, op, _) = begun();
    let summary = format!("there is no port 18080; there are: http (80){OF_A_POD}");
    let result = Err(Failure::new(FailureKind::NotFound, summary));
    stage.send(Msg::ForwardBegan { op, result });
    let (_, why) = asked_again(&stage);
    assert!(
        why.starts_with("there is no port 18080; there are: http (80); LOCAL:REMOTE"),
        "{why}"
    );
    assert!(!why.contains("--pod"), "{why}");
    // What is in front by then is not covered by it.
    let (mut stage, op, _) = begun();
    stage.press("?");
    let result = Err(Failure::new(
        FailureKind::NotFound,
        "there is no port 18080",
    ));
    stage.send(Msg::ForwardBegan { op, result });
    assert!(matches!(stage.model.popup, Some(Popup::Help { .. })));
    assert_eq!(stage.told(), Some("there is no port 18080"));
    // Nor does it take the keys of who types meanwhile.
    let (mut stage, op, _) = begun();
    stage.press("/").type_text("we");
    let result = Err(Failure::new(
        FailureKind::NotFound,
        "there is no port 18080",
    ));
    stage.send(Msg::ForwardBegan { op, result });
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.told(), Some("there is no port 18080"));
}

/// Returns what stands in the prompt that asks for the ports once more, and why it does.
fn asked_again(stage: &Stage) -> (&str, &str) {
    match &stage.model.popup {
        Some(Popup::Prompt(prompt)) => (prompt.input.text(), prompt.error.as_deref().unwrap()),
        other => panic!("{other:?}"),
    }
}
