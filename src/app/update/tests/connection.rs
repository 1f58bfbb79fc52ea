//! The connection: made, lost, refused, changed.

use std::time::Duration;

use crate::app::action::{Action, SPECS};
use crate::app::effect::Effect;
use crate::app::msg::{ContextEntry, Epoch, Msg};
use crate::app::place::Place;
use crate::app::popup::Popup;
use crate::app::session::SessionLink;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::failure::{Failure, FailureKind};
use crate::service::fleet::Connection;
use crate::service::health::State;
use crate::service::summary::WorkloadKind;
use crate::service::watch::{LinkState, Scope, Topic, WatchEvent};

fn connect(epoch: u64, context: Option<&str>) -> Effect {
    Effect::Connect {
        epoch: Epoch(epoch),
        context: context.map(str::to_owned),
        after: Duration::ZERO,
    }
}

fn ask_rights(epoch: u64, namespace: &str) -> Effect {
    Effect::AskWriteRights {
        epoch: Epoch(epoch),
        namespace: namespace.parse().unwrap(),
    }
}

fn refused() -> Failure {
    Failure::new(FailureKind::Unreachable, "connection refused")
}

#[test]
fn begins_by_connecting_and_listing_the_catalogue() {
    let mut stage = Stage::empty();
    assert_eq!(
        stage.take_effects(),
        [connect(1, None), Effect::ListCatalogue]
    );
    stage.connected();
    let scope = Scope::Namespace("team-a".parse().unwrap());
    assert_eq!(
        stage.take_effects(),
        [
            Effect::WatchOverview {
                epoch: Epoch(1),
                scope
            },
            ask_rights(1, "team-a"),
        ]
    );
}

#[test]
fn failed_connection_is_tried_again_later_and_later() {
    let mut stage = Stage::empty();
    stage.take_effects();
    for (epoch, wait) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        stage.send(Msg::ConnectFailed {
            epoch: Epoch(epoch),
            failure: refused(),
        });
        stage.wait(Duration::from_millis(wait * 1000 - 100));
        assert_eq!(stage.take_effects(), [], "attempt {epoch}");
        stage.wait(Duration::from_millis(100));
        assert_eq!(stage.take_effects(), [connect(epoch + 1, None)]);
    }
}

#[test]
fn lost_connection_is_tried_at_once_when_somebody_asks_for_it() {
    let mut stage = Stage::empty();
    stage.take_effects();
    stage.send(Msg::ConnectFailed {
        epoch: Epoch(1),
        failure: refused(),
    });
    stage.press("^l");
    assert!(stage.take_effects().contains(&connect(2, None)));
    // It is under way.
    stage.press("^l");
    assert!(!stage.take_effects().contains(&connect(3, None)));
    stage.connected();
    stage.press("^l");
    assert!(stage.take_effects().contains(&Effect::TryWatches));
}

#[test]
fn answers_of_an_earlier_connection_are_dropped() {
    let mut stage = Stage::with_services();
    let link = stage.model.session.link.clone();
    let n_rows = stage.model.services.table.rows().len();
    stage.send(Msg::ConnectFailed {
        epoch: Epoch(0),
        failure: refused(),
    });
    stage.send(Msg::Connected {
        epoch: Epoch(0),
        context: "other".to_owned(),
        cluster: "other".to_owned(),
        namespace: "other".parse().unwrap(),
        has_context: true,
        is_insecure: true,
        guard: Default::default(),
    });
    for event in stage::overview_of_nothing() {
        stage.send(Msg::Overview {
            epoch: Epoch(0),
            event,
        });
    }
    stage.send(Msg::NamespacesListed {
        epoch: Epoch(0),
        result: Err(refused()),
    });
    stage.model.settle();
    assert_eq!(stage.take_effects(), []);
    assert_eq!(stage.model.session.link, link);
    assert_eq!(stage.model.session.context, "kind-dev");
    assert_eq!(stage.model.services.table.rows().len(), n_rows);
    assert_eq!(stage.model.status, None);
}

#[test]
fn lost_connection_keeps_the_rows_and_knows_the_age_of_the_data() {
    let mut stage = Stage::with_services();
    let n_rows = stage.model.services.table.rows().len();
    let state = LinkState::Retrying {
        failure: refused(),
        next_attempt_in: Duration::from_secs(4),
        data_age: Some(Duration::from_secs(12)),
    };
    let lost = WatchEvent::Link {
        topic: Topic::Records,
        state,
    };
    stage.overview(vec![lost]);
    stage.model.settle();
    assert!(!stage.model.is_live());
    assert_eq!(stage.model.services.table.rows().len(), n_rows);
    assert_eq!(
        stage.model.fleet.connection(),
        Connection::Retrying {
            failure: refused(),
            next_attempt: stage::now() + Duration::from_secs(4),
            data_from: Some(stage::now() - Duration::from_secs(12)),
        }
    );
    // Once nobody can tell any more how things are, no row says that it is well.
    stage.wait(Duration::from_secs(3600));
    stage.model.settle();
    let web = stage.model.fleet.get(&stage::key("web")).unwrap();
    assert_eq!(web.state(), State::Unknown);
    // The next report makes everything as it was.
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Records,
        state: LinkState::Live,
    }]);
    assert!(stage.model.is_live());
}

#[test]
fn server_that_refuses_a_kind_is_told_and_the_rest_stays() {
    let mut stage = Stage::with_services();
    let failure = Failure::new(FailureKind::Forbidden, "claims is forbidden");
    let state = LinkState::Forbidden(failure.clone());
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Claims,
        state,
    }]);
    stage.model.settle();
    let forbidden: Vec<_> = stage.model.fleet.forbidden().collect();
    assert_eq!(forbidden, [(&Topic::Claims, &failure)]);
    assert!(stage.model.is_live());
    assert_eq!(stage.model.services.table.rows().len(), 5);
}

/// Nothing is called not deployed by somebody who cannot know.
#[test]
fn definition_is_saved_only_where_it_is_known_what_runs() {
    let state = |stage: &mut Stage| {
        stage.model.settle();
        let mut rows = stage.model.services.table.rows();
        let row = rows.find(|row| row.key.id().as_str() == "notebook");
        row.map(|row| row.cells[1].clone())
    };
    let mut stage = Stage::empty();
    stage.catalogue(&["notebook"]);
    assert_eq!(state(&mut stage), Some(Value::Missing));
    stage.connected();
    assert_eq!(state(&mut stage), Some(Value::Missing));
    stage.overview(stage::overview());
    assert_eq!(state(&mut stage), Some(Value::State(State::Saved)));
    let failure = Failure::new(FailureKind::Forbidden, "deployments is forbidden");
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Workloads(WorkloadKind::Deployment),
        state: LinkState::Forbidden(failure),
    }]);
    assert_eq!(state(&mut stage), Some(Value::State(State::Unknown)));
}

#[test]
fn nothing_is_called_not_deployed_where_nobody_can_know() {
    let told = |stage: &mut Stage| {
        stage.model.settle();
        stage.press("g l");
        stage.told().unwrap_or_default().to_owned()
    };
    let mut stage = Stage::empty();
    stage.catalogue(&["notebook"]);
    stage.connected();
    let why = "Not possible: it is not known yet what is deployed here.";
    assert_eq!(told(&mut stage), why);
    let failure = Failure::new(FailureKind::Forbidden, "configmaps is forbidden");
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Records,
        state: LinkState::Forbidden(failure),
    }]);
    let why = "Not possible: you may not see what is deployed here.";
    assert_eq!(told(&mut stage), why);
}

#[test]
fn other_context_shows_nothing_of_the_one_before() {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.press("space");
    stage.take_effects();
    stage.press("c");
    assert_eq!(stage.take_effects(), [Effect::ListContexts]);
    let entry = |name: &str| ContextEntry {
        name: name.to_owned(),
        cluster: name.to_owned(),
        namespace: None,
    };
    stage.send(Msg::ContextsListed(Ok(vec![
        entry("kind-dev"),
        entry("prod"),
    ])));
    stage.type_text("prod").press("enter");
    assert_eq!(stage.take_effects(), [connect(2, Some("prod"))]);
    let model = &stage.model;
    assert_eq!(model.session.link, SessionLink::Connecting);
    assert_eq!(
        (model.fleet.instances().count(), model.detail.is_none()),
        (0, true)
    );
    assert!(model.services.table.marks().is_empty());
    // Definitions are of no cluster; what runs under its name is not known yet.
    let ids: Vec<_> = model
        .services
        .table
        .rows()
        .map(|row| row.key.id().as_str())
        .collect();
    assert_eq!(ids, ["billing", "notebook", "orders-db", "web"]);
}

#[test]
fn other_namespace_is_watched_in_place_of_the_one_before() {
    let mut stage = Stage::with_services();
    stage.press("N");
    assert_eq!(
        stage.take_effects(),
        [Effect::ListNamespaces { epoch: Epoch(1) }]
    );
    let namespaces = vec!["team-a".parse().unwrap(), "team-b".parse().unwrap()];
    stage.send(Msg::NamespacesListed {
        epoch: Epoch(1),
        result: Ok(namespaces),
    });
    stage.type_text("team-b").press("enter");
    let scope = Scope::Namespace("team-b".parse().unwrap());
    assert_eq!(
        stage.take_effects(),
        [
            Effect::WatchInstance {
                epoch: Epoch(2),
                key: None
            },
            Effect::WatchOverview {
                epoch: Epoch(2),
                scope
            },
            ask_rights(2, "team-b"),
        ]
    );
    // What the watches of the first one still report is of an earlier epoch.
    assert_eq!(stage.model.fleet.instances().count(), 0);
}

#[test]
fn namespace_may_be_typed_where_they_may_not_be_listed() {
    let mut stage = Stage::with_services();
    stage.press("N");
    let failure = Failure::new(FailureKind::Forbidden, "namespaces is forbidden");
    stage.send(Msg::NamespacesListed {
        epoch: Epoch(1),
        result: Err(failure),
    });
    stage
        .type_text("another")
        .press("enter")
        .type_text("Team B")
        .press("enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("the question stays open: {:?}", stage.model.popup);
    };
    assert!(prompt.error.is_some());
    stage.take_effects();
    stage.press("^u").type_text("team-b").press("enter");
    assert_eq!(stage.take_effects().pop(), Some(ask_rights(2, "team-b")));
}

#[test]
fn what_needs_a_cluster_says_so_without_one() {
    let mut stage = Stage::empty();
    stage.catalogue(&["web"]);
    stage.send(Msg::ConnectFailed {
        epoch: Epoch(1),
        failure: refused(),
    });
    stage.take_effects();
    for (key, sentence) in [
        ("a", "Not possible: offline: no cluster to ask."),
        ("x", "Not possible: offline: no cluster to ask."),
        ("N", "Not possible: offline: no cluster to ask."),
    ] {
        stage.press(key);
        let told = stage
            .model
            .status
            .as_ref()
            .map(|status| status.text.as_str());
        assert_eq!(told, Some(sentence));
    }
    assert_eq!(stage.take_effects(), []);
    // Definitions are written all the same.
    stage.press("e");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::OpenDefinition { .. }]
    ));
}

/// A plan is of the cluster that it was made for: on the way from it to the question nobody goes elsewhere.
#[test]
fn context_is_not_changed_where_a_plan_or_an_operation_is_in_front() {
    for place in [Place::Review, Place::Teardown, Place::Progress] {
        let mut actions = SPECS.iter().filter(|spec| spec.places.contains(&place));
        let leaves =
            actions.find(|spec| matches!(spec.action, Action::Context | Action::Namespace));
        assert!(leaves.is_none(), "{place:?}: {leaves:?}");
    }
}

#[test]
fn another_context_says_that_it_is_not_in_the_namespace_that_was_asked_for() {
    let mut stage = Stage::empty();
    stage.model.session.asked_namespace = Some("team-a".parse().unwrap());
    stage.connected();
    assert_eq!(stage.told(), None);
    super::super::cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.send(Msg::Connected {
        epoch: stage.epoch(),
        context: "prod".to_owned(),
        cluster: "prod".to_owned(),
        namespace: "default".parse().unwrap(),
        has_context: true,
        is_insecure: false,
        guard: Default::default(),
    });
    let told = stage.told().unwrap_or_default();
    assert!(
        told.starts_with("prod ▸ default: team-a was asked for at the start"),
        "{told}"
    );
}

#[test]
fn namespaces_that_arrive_move_nothing_under_the_enter_key() {
    let namespaces = ["a", "b"].map(|name| name.parse().unwrap());
    for (keys, expected) in [("N", "all namespaces"), ("N down", "another namespace …")] {
        let mut stage = Stage::with_services();
        stage.press(keys);
        stage.send(Msg::NamespacesListed {
            epoch: Epoch(1),
            result: Ok(namespaces.to_vec()),
        });
        let menu = stage.menu();
        let labels: Vec<&str> = menu.items.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["all namespaces", "another namespace …", "a", "b"]);
        assert_eq!(menu.selected().unwrap().label, expected);
    }
}

#[test]
fn namespace_that_is_not_there_is_told_as_it_is_shown() {
    let show = |name: &str, listed: &[&str]| {
        let mut stage = Stage::with_services();
        stage.press("N");
        let epoch = stage.epoch();
        let listed = listed.iter().map(|name| name.parse().unwrap());
        let result = Ok(listed.collect());
        stage.send(Msg::NamespacesListed { epoch, result });
        stage.press("down enter").type_text(name).press("enter");
        let shown = stage.model.session.namespace().unwrap().to_string();
        assert_eq!(shown, name);
        stage.told().map(str::to_owned)
    };
    assert_eq!(show("lab", &["lab", "team-a"]), None);
    let missing = "There is no namespace lba in kind-dev. N chooses another.";
    assert_eq!(show("lba", &["lab", "team-a"]).as_deref(), Some(missing));
    // Nobody says so by an earlier list, of before it was made.
    let mut stage = Stage::with_services();
    stage.model.session.namespaces = Some(["team-a".parse().unwrap()].into());
    stage.press("N down enter").type_text("lab").press("enter");
    assert_eq!(stage.told(), None);
}
