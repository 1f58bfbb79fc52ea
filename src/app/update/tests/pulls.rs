//! What others changed comes into the definition, and goes out of it again; what was taken down is put back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::effect::{DeploySource, Effect, Origin, ReviewedPlan};
use crate::app::msg::{Msg, OpId, SaveAnswer};
use crate::app::operation::OperationKind;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::operations::{begin, show_progress};
use crate::catalogue::Digest;
use crate::catalogue::trash::TrashItem;
use crate::engine::progress::{Outcome, Step};
use crate::failure::{Failure, FailureKind};

/// Shows the pull of the selected instance, web.
fn showing() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G Y");
    let (op, key) = (OpId(1), stage::key("web"));
    assert_eq!(stage.take_effects(), [Effect::PlanPull { op, key }]);
    let result = Ok(Box::new(stage::planned_pull("web")));
    stage.send(Msg::PullPlanned { op, result });
    stage
}

fn write(op: u64, text: &str, base: &Digest) -> Effect {
    Effect::WriteDefinition {
        op: OpId(op),
        name: "web".parse().unwrap(),
        text: text.to_owned(),
        base: base.clone(),
    }
}

fn written(stage: &mut Stage, op: u64, answer: SaveAnswer) {
    stage.send(Msg::DefinitionWritten {
        op: OpId(op),
        name: "web".parse().unwrap(),
        answer,
    });
}

#[test]
fn pull_is_written_after_its_difference_was_seen_and_taken_back_by_a_key() {
    let (mut stage, planned) = (showing(), stage::planned_pull("web"));
    stage.press("enter");
    assert_eq!(stage.menu().title, "Write this into web?");
    stage.press("y");
    let wanted = write(2, &planned.plan.text, &planned.base);
    assert_eq!(stage.take_effects(), [wanted]);
    let command = "bowline --context kind-dev -n team-a pull web";
    assert_eq!(stage.last_command(), Some(command));
    assert!(stage.model.screens.is_empty());
    let since = Digest::of(planned.plan.text.as_bytes());
    written(&mut stage, 2, SaveAnswer::Saved(since.clone()));
    assert_eq!(stage.take_effects(), [Effect::ListCatalogue]);
    let told = "web says it now; its deploy makes it a revision. z takes it back.";
    assert_eq!(stage.told(), Some(told));
    stage.press("z");
    assert_eq!(stage.take_effects(), [write(3, &planned.former, &since)]);
    written(&mut stage, 3, SaveAnswer::Saved(planned.base));
    assert_eq!(stage.told(), Some("web is as it was before the pull."));
    // There is nothing more to take back.
    stage.take_effects();
    stage.press("z");
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn definition_that_somebody_else_changed_is_not_written_over() {
    let mut stage = showing();
    stage.press("enter y");
    stage.take_effects();
    // An answer to something else is stale.
    written(&mut stage, 1, SaveAnswer::Changed);
    assert_eq!(stage.told(), None);
    written(&mut stage, 2, SaveAnswer::Changed);
    let told = "web was changed by somebody else meanwhile: nothing was written.";
    assert_eq!(stage.told(), Some(told));
    assert!(stage.model.undo.last().is_none());
}

#[test]
fn pull_that_changes_nothing_is_not_confirmed() {
    let mut stage = Stage::with_services();
    stage.press("G Y");
    let mut planned = stage::planned_pull("web");
    planned.plan.difference.clear();
    let result = Ok(Box::new(planned));
    stage.send(Msg::PullPlanned {
        op: OpId(1),
        result,
    });
    stage.press("enter");
    let why = "Not possible: the definition would stay as it is.";
    assert_eq!(stage.told(), Some(why));
}

/// Something was taken down.
fn gone() -> Outcome {
    Outcome {
        done: vec![Step::Claim, Step::Record],
        ..Outcome::default()
    }
}

fn item(id: &str) -> Arc<TrashItem> {
    Arc::new(TrashItem {
        id: id.parse().unwrap(),
        namespace: "team-a".parse().unwrap(),
        server: String::new(),
        context: "kind-dev".to_owned(),
        taken_down: stage::now(),
        record_uid: String::new(),
        revision: Some(7),
        definition: None,
        parameters: BTreeMap::new(),
        text: String::new(),
        objects: Vec::new(),
    })
}

#[test]
fn what_was_taken_down_last_is_put_back_by_a_key() {
    let mut stage = Stage::with_services();
    let op = begin(
        &mut stage.model,
        OperationKind::Teardown,
        stage::key("web"),
        "delete web",
    );
    let outcome = gone();
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Teardown of web: done. z puts it back."));
    stage.press("z");
    let epoch = stage.epoch();
    assert_eq!(stage.take_effects(), [Effect::ListTrash { epoch }]);
    let items = vec![item("orders-db"), item("web")];
    stage.send(Msg::TrashListed { epoch, items });
    let source = DeploySource::of(Origin::Trash(item("web")));
    let op = OpId(2);
    assert_eq!(stage.take_effects(), [Effect::PlanDeploy { op, source }]);
    assert!(matches!(stage.model.screens[..], [Screen::Review(_)]));
    assert!(stage.model.popup.is_none());
}

/// What ended last is what its sentence says of the key, whatever ended while it ran.
#[test]
fn what_was_taken_down_together_is_put_back_before_what_ended_meanwhile() {
    let mut stage = Stage::with_services();
    let down = |stage: &mut Stage, id: &str| {
        let (kind, what) = (OperationKind::Teardown, format!("delete {id}"));
        begin(&mut stage.model, kind, stage::key(id), &what)
    };
    let ops = ["web", "orders-db"].map(|id| down(&mut stage, id));
    show_progress(&mut stage.model, ops.to_vec());
    let alone = down(&mut stage, "billing");
    for op in [ops[0], alone, ops[1]] {
        let outcome = gone();
        stage.send(Msg::Finished { op, outcome });
    }
    assert_eq!(stage.told(), Some("2 taken down; z puts them back."));
    stage.press("z");
    stage.take_effects();
    let epoch = stage.epoch();
    let items = vec![item("billing"), item("orders-db"), item("web")];
    stage.send(Msg::TrashListed { epoch, items });
    let effects = stage.take_effects();
    let sources: Vec<_> = effects
        .iter()
        .map(|effect| match effect {
            Effect::PlanDeploy { source, .. } => source.clone(),
            effect => panic!("{effect:?}"),
        })
        .collect();
    let of = |id: &str| DeploySource::of(Origin::Trash(item(id)));
    assert_eq!(sources, [of("web"), of("orders-db")]);
}

/// What one deed took down comes back with one key, in one plan.
#[test]
fn what_was_taken_down_together_is_put_back_together() {
    let mut stage = Stage::with_services();
    let ops = ["web", "orders-db", "billing"].map(|id| {
        let (kind, what) = (OperationKind::Teardown, format!("delete {id}"));
        begin(&mut stage.model, kind, stage::key(id), &what)
    });
    show_progress(&mut stage.model, ops.to_vec());
    for op in ops {
        let outcome = gone();
        stage.send(Msg::Finished { op, outcome });
    }
    assert_eq!(stage.told(), Some("3 taken down; z puts them back."));
    stage.press("z");
    let epoch = stage.epoch();
    assert_eq!(stage.take_effects(), [Effect::ListTrash { epoch }]);
    let items = vec![item("orders-db"), item("web")];
    stage.send(Msg::TrashListed { epoch, items });
    let why = "Nothing of billing is in the trash.";
    assert_eq!(stage.told(), Some(why));
    let plan = |op: u64, id: &str| Effect::PlanDeploy {
        op: OpId(op),
        source: DeploySource::of(Origin::Trash(item(id))),
    };
    assert_eq!(stage.take_effects(), [plan(4, "web"), plan(5, "orders-db")]);
    for (op, id) in [(4, "web"), (5, "orders-db")] {
        let plan = ReviewedPlan::Restore(stage::restore_plan(id));
        stage.send(Msg::DeployPlanned {
            op: OpId(op),
            result: Ok(Box::new(plan)),
        });
    }
    stage.press("enter");
    assert_eq!(stage.menu().title, "Put web, orders-db back?");
    stage.press("y");
    let [
        Effect::RunDeploy { op: first, .. },
        Effect::RunDeploy { op: second, .. },
    ] = stage.take_effects()[..]
    else {
        panic!("two are put back");
    };
    let failure = Failure::new(FailureKind::Forbidden, "forbidden");
    for (op, failed) in [(first, vec![]), (second, vec![(Step::Claim, failure)])] {
        let outcome = Outcome { failed, ..gone() };
        stage.send(Msg::Finished { op, outcome });
    }
    assert_eq!(stage.told(), Some("2 restores: 1 done, 1 failed."));
    stage.press("z");
    let why = "Not possible: nothing was taken down or pulled in this session.";
    assert_eq!(stage.told(), Some(why));
}

/// In another context something else of that name may be in the trash.
#[test]
fn what_was_taken_down_is_put_back_in_its_own_context_alone() {
    let mut stage = Stage::with_services();
    let (kind, key) = (OperationKind::Teardown, stage::key("web"));
    let op = begin(&mut stage.model, kind, key, "delete web");
    super::super::cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.connected_to("prod");
    stage.take_effects();
    let outcome = gone();
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Teardown of web: done."));
    stage.press("z");
    assert_eq!(stage.take_effects(), []);
    let why = "Not possible: the last teardown was in another context: go back to that one.";
    assert_eq!(stage.told(), Some(why));
    // It is not lost by that.
    super::super::cluster::connect(&mut stage.model, Some("kind-dev".to_owned()));
    stage.connected();
    stage.take_effects();
    stage.press("z");
    let epoch = stage.epoch();
    assert_eq!(stage.take_effects(), [Effect::ListTrash { epoch }]);
    // Nor is what was looked for there put back elsewhere.
    super::super::cluster::connect(&mut stage.model, Some("prod".to_owned()));
    stage.connected_to("prod");
    stage.press("U");
    stage.take_effects();
    let (epoch, items) = (stage.epoch(), vec![item("web")]);
    stage.send(Msg::TrashListed { epoch, items });
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn released_claims_are_not_offered_back() {
    let mut stage = Stage::with_services();
    let kind = OperationKind::Release;
    let op = begin(
        &mut stage.model,
        kind,
        stage::key("web"),
        "delete web --kept",
    );
    let outcome = Outcome::default();
    stage.send(Msg::Finished { op, outcome });
    assert_eq!(stage.told(), Some("Release of web: done."));
    stage.press("z");
    let why = "Not possible: nothing was taken down or pulled in this session.";
    assert_eq!(stage.told(), Some(why));
}

fn taken_down(stage: &mut Stage, id: &str, outcome: Outcome) {
    let (kind, what) = (OperationKind::Teardown, format!("delete {id}"));
    let op = begin(&mut stage.model, kind, stage::key(id), &what);
    stage.send(Msg::Finished { op, outcome });
}

/// Looks for what was taken down last; returns of which instance a plan is shown.
fn looked_at(stage: &mut Stage) -> Option<String> {
    stage.press("z");
    let (epoch, items) = (stage.epoch(), vec![item("orders-db"), item("web")]);
    stage.send(Msg::TrashListed { epoch, items });
    match stage.model.screens.last() {
        Some(Screen::Review(pane)) => Some(pane.source.id().to_string()),
        _ => None,
    }
}

#[test]
fn looking_at_what_would_be_put_back_does_not_use_it_up() {
    let mut stage = Stage::with_services();
    for id in ["orders-db", "web"] {
        taken_down(&mut stage, id, gone());
    }
    // One that took nothing down is no deed.
    taken_down(&mut stage, "billing", Outcome::default());
    for _ in 0..2 {
        assert_eq!(looked_at(&mut stage).as_deref(), Some("web"));
        stage.press("esc");
    }
    looked_at(&mut stage);
    let result = Ok(Box::new(ReviewedPlan::Restore(stage::restore_plan("web"))));
    let op = OpId(stage.model.last_op());
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter y");
    let effects = stage.take_effects();
    assert!(effects.iter().any(stage::writes_to_cluster), "{effects:?}");
    stage.press("esc esc");
    assert_eq!(looked_at(&mut stage).as_deref(), Some("orders-db"));
}

#[test]
fn what_is_not_in_the_trash_any_more_does_not_stand_before_what_is() {
    let mut stage = Stage::with_services();
    for id in ["web", "billing"] {
        taken_down(&mut stage, id, gone());
    }
    assert_eq!(looked_at(&mut stage), None);
    assert_eq!(stage.told(), Some("Nothing of billing is in the trash."));
    assert_eq!(looked_at(&mut stage).as_deref(), Some("web"));
}

/// What is called alike is told apart by its namespace.
#[test]
fn what_one_deed_took_down_in_two_namespaces_is_named_with_its_own() {
    let mut stage = Stage::with_services();
    let (kind, mut elsewhere) = (OperationKind::Teardown, stage::key("web"));
    elsewhere.namespace = "team-b".parse().unwrap();
    let both = [stage::key("web"), elsewhere];
    let ops = both.map(|key| begin(&mut stage.model, kind, key, "delete web"));
    show_progress(&mut stage.model, ops.to_vec());
    for op in ops {
        let outcome = gone();
        stage.send(Msg::Finished { op, outcome });
    }
    stage.press("z");
    let epoch = stage.epoch();
    let items = vec![item("web")];
    stage.send(Msg::TrashListed { epoch, items });
    assert_eq!(stage.told(), Some("Nothing of team-b/web is in the trash."));
}
