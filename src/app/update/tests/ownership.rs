//! Adoption and restore: what others own, and what was taken down.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::app::effect::{DeploySource, Effect, Origin, ReviewedPlan};
use crate::app::msg::{Msg, OpId};
use crate::app::popup::{Choice, Popup};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::catalogue::trash::TrashItem;
use crate::engine::adopt::{AdoptPlan, AdoptRow};
use crate::engine::plan::DeployPlan;
use crate::engine::progress::Outcome;
use crate::failure::{Failure, FailureKind};

fn adopt_plan() -> AdoptPlan {
    AdoptPlan {
        instance: stage::key("web"),
        name: "web".parse().unwrap(),
        rows: vec![AdoptRow {
            key: stage::object("Service", "web"),
            uid: "u1".to_owned(),
            owner: Some("the Helm release shop".to_owned()),
            managers: BTreeSet::from(["helm".to_owned()]),
            shared: BTreeSet::new(),
            is_claim: false,
        }],
        warnings: Vec::new(),
        refusals: Vec::new(),
    }
}

#[test]
fn plan_that_is_refused_because_of_an_owner_leads_to_the_adoption() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    stage.take_effects();
    let mut plan = stage::deploy_plan("web");
    let refused =
        "Service/web belongs to the Helm release shop; `bowline adopt web -n team-a` takes it over";
    plan.refusals = vec![Failure::new(FailureKind::Refused, refused)];
    let planned = |plan: &DeployPlan| Msg::DeployPlanned {
        op: OpId(1),
        result: Ok(Box::new(plan.clone().into())),
    };
    // What is refused for another reason no adoption mends.
    stage.send(planned(&plan));
    stage.press("A");
    let why = "Not possible: nothing is refused because of its owner.";
    assert_eq!(stage.told(), Some(why));
    plan.is_adoptable = true;
    stage.send(planned(&plan));
    stage.press("A");
    let effects = stage.take_effects();
    let [Effect::PlanAdopt { op, source }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert_eq!(source.id().as_str(), "web");
    stage.send(Msg::AdoptPlanned {
        op: *op,
        result: Ok(Box::new(adopt_plan())),
    });
    // It takes the ID, typed and not pasted.
    stage.press("enter");
    stage.send(Msg::Paste("web".to_owned()));
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.type_text("web");
    stage.press("enter");
    let run = Effect::RunAdopt {
        op: OpId(3),
        plan: Box::new(adopt_plan()),
        takes_over: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a adopt web --confirm web")
    );
    stage.send(Msg::Finished {
        op: OpId(3),
        outcome: Outcome::default(),
    });
    assert_eq!(
        stage.told(),
        Some("Adoption of web: done. Plan its deploy anew.")
    );
    // The review is still there for that.
    stage.press("esc");
    assert!(matches!(stage.model.screens[..], [Screen::Review(_)]));
}

#[test]
fn plan_that_is_not_refused_has_nothing_to_adopt() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    stage.take_effects();
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned {
        op: OpId(1),
        result,
    });
    stage.press("A");
    let sentence = "Not possible: nothing is refused because of its owner.";
    assert_eq!(stage.told(), Some(sentence));
    assert_eq!(stage.take_effects(), []);
}

fn item() -> Arc<TrashItem> {
    Arc::new(TrashItem {
        id: "shop".parse().unwrap(),
        namespace: "team-b".parse().unwrap(),
        server: "https://10.0.0.1:6443".to_owned(),
        context: "kind-dev".to_owned(),
        taken_down: stage::now(),
        record_uid: "uid".to_owned(),
        revision: Some(4),
        definition: None,
        parameters: BTreeMap::new(),
        text: "containers: []\n".to_owned(),
        objects: Vec::new(),
    })
}

#[test]
fn what_was_taken_down_is_offered_planned_and_put_back() {
    let mut stage = Stage::with_services();
    stage.press("U");
    let epoch = stage.epoch();
    assert_eq!(stage.take_effects(), [Effect::ListTrash { epoch }]);
    let items = vec![item()];
    stage.send(Msg::TrashListed { epoch, items });
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(menu.items[0].choice, Choice::Restore(item()));
    assert_eq!(
        menu.items[0].detail,
        "team-b r4, taken down 2026-01-01T12:00:00Z"
    );
    stage.press("enter");
    let source = DeploySource::of(Origin::Trash(item()));
    let op = OpId(1);
    let plan = Effect::PlanDeploy {
        op,
        source: source.clone(),
    };
    assert_eq!(stage.take_effects(), [plan]);
    let mut planned = stage::restore_plan("shop");
    planned.deploy.instance.namespace = "team-b".parse().unwrap();
    let plan = Box::new(ReviewedPlan::Restore(planned));
    let result = Ok(plan.clone());
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter enter");
    let run = Effect::RunDeploy {
        op: OpId(2),
        source,
        plan,
        force_conflicts: false,
    };
    assert_eq!(stage.take_effects(), [run]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-b restore shop")
    );
}

#[test]
fn empty_trash_is_said_and_a_late_list_of_another_cluster_is_dropped() {
    let mut stage = Stage::with_services();
    stage.press("U");
    let epoch = stage.epoch();
    let late = crate::app::Epoch(epoch.0 - 1);
    stage.send(Msg::TrashListed {
        epoch: late,
        items: vec![item()],
    });
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("no menu");
    };
    assert!(menu.items.is_empty());
    let items = Vec::new();
    stage.send(Msg::TrashListed { epoch, items });
    assert!(stage.model.popup.is_none());
    let sentence = "Nothing of this cluster is in the trash of this machine.";
    assert_eq!(stage.told(), Some(sentence));
}
