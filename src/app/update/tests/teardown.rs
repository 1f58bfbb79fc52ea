//! A teardown: the fate table, its volumes, its confirmation.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::services::RowKey;
use crate::app::popup::{Choice, Popup, PromptKind};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::table::Value;
use crate::definition::object;
use crate::engine::plan::{Fate, TeardownPlan, TeardownScope, VolumeChoice};
use crate::engine::progress::{Outcome, Step};
use crate::failure::{Failure, FailureKind};
use crate::service::protection::Caution;
use crate::service::watch::{Delta, WatchEvent};

fn plan(op: u64, id: &str, volumes: VolumeChoice) -> Effect {
    Effect::PlanTeardown {
        op: OpId(op),
        key: stage::key(id),
        scope: TeardownScope::Instance,
        volumes,
        named: Default::default(),
    }
}

fn run(op: u64, plan: TeardownPlan) -> Effect {
    Effect::RunTeardown {
        op: OpId(op),
        plan: Box::new(plan),
        takes_over: false,
    }
}

fn planned(stage: &mut Stage, op: u64, plan: TeardownPlan) {
    let key = plan.instance.clone();
    stage.send(Msg::TeardownPlanned {
        op: OpId(op),
        key,
        result: Ok(Box::new(plan)),
    });
}

/// The fate of orders-db is shown.
fn showing(plan_of: TeardownPlan) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("j j j x");
    assert_eq!(
        stage.take_effects(),
        [plan(1, "orders-db", VolumeChoice::Keep)]
    );
    planned(&mut stage, 1, plan_of);
    stage
}

#[test]
fn claims_are_kept_unless_that_is_changed_and_a_menu_begins_on_cancel() {
    let keep = stage::teardown_plan("orders-db", VolumeChoice::Keep);
    let mut stage = showing(keep.clone());
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let choices: Vec<_> = menu.items.iter().map(|item| &item.choice).collect();
    assert_eq!(choices, [&Choice::Cancel, &Choice::RunTeardown]);
    assert_eq!(menu.text, ["Claims and their data are kept."]);
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.press("enter j enter");
    assert_eq!(stage.take_effects(), [run(2, keep)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a delete orders-db")
    );
    assert!(matches!(stage.model.screens[..], [Screen::Progress(_)]));
}

#[test]
fn values_that_nothing_else_keeps_are_named_before_they_go() {
    let mut plan = stage::teardown_plan("orders-db", VolumeChoice::Keep);
    let mut secret = plan.rows[0].clone();
    secret.key = object::ObjectKey {
        group: String::new(),
        kind: "Secret".to_owned(),
        ..secret.key
    };
    secret.fate = Fate::Deleted;
    plan.rows.push(secret);
    let mut stage = showing(plan);
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    let lost = "The values of 1 Secret are destroyed; no copy is kept of them.";
    assert_eq!(menu.text, ["Claims and their data are kept.", lost]);
}

#[test]
fn claims_that_go_without_any_loss_are_not_called_kept() {
    // Their volumes are retained whatever is chosen.
    let retain = stage::teardown_plan("orders-db", VolumeChoice::Retain);
    let delete = TeardownPlan {
        volumes: VolumeChoice::Delete,
        ..retain
    };
    let mut stage = showing(stage::teardown_plan("orders-db", VolumeChoice::Keep));
    stage.press("v j enter");
    stage.take_effects();
    planned(&mut stage, 2, delete);
    stage.press("enter");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(
        menu.text,
        ["Claims are deleted; their volumes and data are retained."]
    );
}

#[test]
fn losing_data_takes_the_id_typed_in_full() {
    let delete = stage::teardown_plan("orders-db", VolumeChoice::Delete);
    let mut stage = showing(stage::teardown_plan("orders-db", VolumeChoice::Keep));
    stage.press("v j enter");
    assert_eq!(
        stage.take_effects(),
        [plan(2, "orders-db", VolumeChoice::Delete)]
    );
    planned(&mut stage, 2, delete.clone());
    stage.press("x");
    let kind = match &stage.model.popup {
        Some(Popup::Prompt(prompt)) => prompt.kind.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        kind,
        PromptKind::TypedIds(vec!["orders-db".parse().unwrap()])
    );
    for wrong in ["", "orders", "y", "Orders-db"] {
        stage.press("^u").type_text(wrong).press("enter");
        assert_eq!(stage.take_effects(), [], "{wrong:?}");
        assert!(stage.model.popup.is_some(), "{wrong:?}");
    }
    // What is pasted was not typed.
    stage.press("^u");
    stage.send(Msg::Paste("orders-db".to_owned()));
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.press("^u").type_text("orders-db").press("enter");
    assert_eq!(stage.take_effects(), [run(3, delete)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a delete orders-db --volumes delete")
    );
}

#[test]
fn a_server_that_is_not_verified_takes_the_id_typed() {
    let mut stage = showing(TeardownPlan {
        caution: Caution::Unverified,
        ..stage::teardown_plan("orders-db", VolumeChoice::Keep)
    });
    stage.press("x");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("nothing is asked");
    };
    let why = "The server's certificate is not verified: it may be another server.";
    assert!(prompt.text.contains(&why.to_owned()), "{:?}", prompt.text);
}

#[test]
fn protected_instance_takes_its_id_typed_though_nothing_is_lost() {
    let protected = TeardownPlan {
        caution: Caution::Protected,
        ..stage::teardown_plan("orders-db", VolumeChoice::Keep)
    };
    let mut stage = showing(protected.clone());
    stage.press("x").type_text("orders-db").press("enter");
    assert_eq!(stage.take_effects(), [run(2, protected)]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a delete orders-db --confirm orders-db")
    );
}

#[test]
fn fate_for_the_other_choice_of_volumes_is_stale() {
    let mut stage = showing(stage::teardown_plan("orders-db", VolumeChoice::Keep));
    stage.press("v j enter");
    planned(
        &mut stage,
        1,
        stage::teardown_plan("orders-db", VolumeChoice::Keep),
    );
    stage.press("x");
    let sentence = "Not possible: the fate of every object is not known yet.";
    assert_eq!(stage.told(), Some(sentence));
    assert!(stage.model.popup.is_none());
}

#[test]
fn fate_that_is_refused_or_unknown_cannot_be_confirmed() {
    let mut stage = showing(TeardownPlan {
        refusals: vec![Failure::new(FailureKind::Forbidden, "another cluster")],
        ..stage::teardown_plan("orders-db", VolumeChoice::Keep)
    });
    stage.press("x");
    assert_eq!(
        stage.told(),
        Some("Not possible: refused: see the reasons above.")
    );
    let failure = Failure::new(FailureKind::Unreachable, "no answer");
    let key = stage::key("orders-db");
    stage.send(Msg::TeardownPlanned {
        op: OpId(1),
        key,
        result: Err(failure),
    });
    stage.press("x");
    assert_eq!(
        stage.told(),
        Some("Not possible: there is no plan: plan anew.")
    );
    stage.take_effects();
    stage.press("r");
    assert_eq!(
        stage.take_effects(),
        [plan(2, "orders-db", VolumeChoice::Keep)]
    );
}

#[test]
fn what_is_refused_is_left_and_keeps_no_other_from_being_taken_down() {
    let mut stage = Stage::with_services();
    stage.press("space space x");
    stage.take_effects();
    let keep = VolumeChoice::Keep;
    let refused = TeardownPlan {
        refusals: vec![Failure::new(FailureKind::Refused, "another one's")],
        // What is left is asked about in no way.
        caution: Caution::Protected,
        ..stage::teardown_plan("billing", keep)
    };
    let resnet = stage::teardown_plan("ml-resnet", keep);
    planned(&mut stage, 1, refused);
    planned(&mut stage, 1, resnet.clone());
    stage.press("x");
    assert_eq!(stage.menu().title, "Take down ml-resnet?");
    let left = "1 is left, for the reason that is shown.";
    assert_eq!(stage.menu().text.last().unwrap(), left);
    stage.press("y");
    assert_eq!(stage.take_effects(), [run(2, resnet)]);
}

#[test]
fn marked_instances_are_taken_down_together() {
    let mut stage = Stage::with_services();
    // The third is a definition that is not deployed: there is nothing of it to take down.
    stage.press("space space space x");
    let keep = VolumeChoice::Keep;
    assert_eq!(
        stage.take_effects(),
        [plan(1, "billing", keep), plan(1, "ml-resnet", keep)]
    );
    planned(&mut stage, 1, stage::teardown_plan("billing", keep));
    stage.press("x");
    assert!(stage.model.popup.is_none());
    planned(&mut stage, 1, stage::teardown_plan("ml-resnet", keep));
    stage.press("x j enter");
    assert_eq!(
        stage.take_effects(),
        [
            run(2, stage::teardown_plan("billing", keep)),
            run(3, stage::teardown_plan("ml-resnet", keep)),
        ]
    );
    assert!(stage.model.services.table.marks().is_empty());
}

/// Claims that a teardown kept stay in sight, with their definition or without, and can be deleted.
#[test]
fn kept_claims_are_shown_and_can_be_taken_down() {
    let mut stage = Stage::with_services();
    let claims = vec![
        stage::claim("orders-db", "2Gi"),
        stage::claim("notebook", "5Gi"),
        stage::claim("gone", "7Gi"),
    ];
    stage.overview(vec![WatchEvent::Claims(vec![Delta::Reset(claims)])]);
    stage.model.settle();
    let keys: Vec<_> = stage
        .model
        .services
        .table
        .rows()
        .map(|row| row.key.clone())
        .collect();
    assert_eq!(keys[1], RowKey::Kept(stage::key("gone")));
    assert_eq!(keys[3], RowKey::Saved("notebook".parse().unwrap()));
    for (keys, id, size) in [("j x", "gone", "7Gi"), ("j j x", "notebook", "5Gi")] {
        stage.press(keys);
        let op = stage.model.last_op;
        assert_eq!(stage.take_effects(), [plan(op, id, VolumeChoice::Keep)]);
        let cells = stage.model.detail_pane.volumes.rows().next().unwrap();
        assert_eq!(cells.cells[2], Value::Text(size.to_owned()));
        // Keeping what was kept already changes nothing.
        let mut kept = stage::teardown_plan(id, VolumeChoice::Keep);
        kept.rows.retain(|row| row.claim.is_some());
        planned(&mut stage, op, kept);
        stage.press("x");
        let sentence = "Not possible: all that is there is kept: v deletes the claims.";
        assert_eq!(stage.told(), Some(sentence));
        stage.press("v j enter");
        let op = stage.model.last_op;
        assert_eq!(stage.take_effects(), [plan(op, id, VolumeChoice::Delete)]);
        stage.press("esc");
    }
}

#[test]
fn definition_that_is_not_deployed_has_nothing_to_take_down() {
    let mut stage = Stage::with_services();
    stage.press("j j x");
    assert_eq!(
        stage.told(),
        Some("Not possible: nothing is deployed here.")
    );
    assert_eq!(stage.take_effects(), []);
    // Once it is known where the definition is, that is told too.
    stage.model.catalogue.dir = Some("/home/ann/services".into());
    stage.press("x");
    let told = stage.told().unwrap();
    assert!(
        told.contains(" Its definition, the file /home/ann/services/notebook.yaml, stays."),
        "{told}"
    );
}

/// Who cannot know what runs does not speak as if nothing did.
#[test]
fn file_of_a_definition_is_named_only_where_nothing_of_it_runs() {
    let advises = |stage: &mut Stage| {
        stage.model.catalogue.dir = Some("/home/ann/services".into());
        stage.model.settle();
        stage.press("j j x");
        assert!(super::told(stage).starts_with("Not possible: "));
        super::told(stage).contains("Its definition")
    };
    assert!(advises(&mut Stage::with_services()));
    // Not connected; connected, and nothing was told yet.
    let mut stage = Stage::empty();
    stage.catalogue(&["billing", "notebook", "web"]);
    assert!(!advises(&mut stage));
    stage.connected();
    assert!(!advises(&mut stage));
    // It names another namespace, where it may run.
    let mut stage = Stage::with_services();
    let mut entries = stage.model.catalogue.entries.iter_mut();
    let entry = entries.find(|entry| entry.name.as_str() == "notebook");
    entry.unwrap().namespace = Some("team-b".parse().unwrap());
    assert!(!advises(&mut stage));
}

#[test]
fn what_does_not_come_back_is_said_with_the_key_that_puts_the_rest_back() {
    let check = |volumes: VolumeChoice, expected: &str| {
        let plan = stage::teardown_plan("orders-db", volumes);
        let mut stage = showing(plan);
        match volumes {
            VolumeChoice::Delete => stage.press("x").type_text("orders-db").press("enter"),
            VolumeChoice::Keep | VolumeChoice::Retain => stage.press("x y"),
        };
        let op = *stage.model.operations.keys().next().unwrap();
        let outcome = Outcome {
            done: vec![Step::Delete(stage::object("Service", "orders-db"))],
            ..Outcome::default()
        };
        stage.send(Msg::Finished { op, outcome });
        assert_eq!(stage.told(), Some(expected));
    };
    check(
        VolumeChoice::Keep,
        "Teardown of orders-db: done. z puts it back.",
    );
    check(
        VolumeChoice::Delete,
        "Teardown of orders-db: done. z puts it back, with empty volumes in place of those that are destroyed.",
    );
}
