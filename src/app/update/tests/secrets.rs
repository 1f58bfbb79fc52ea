//! Secrets that only a person knows: asked for in a masked field, and nowhere else.

use crate::app::effect::Effect;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::review::Held;
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::engine::plan::DeployPlan;
use crate::failure::{Failure, FailureKind};
use crate::secret::{SecretQuestion, SecretValue};

/// A plan that can be answered questions, all of whose answers are nowhere.
fn asked(keys: &str, questions: &[&str]) -> Stage {
    planned(keys, questions, questions)
}

/// A plan that can be answered questions, some of whose answers are nowhere.
fn planned(keys: &str, questions: &[&str], unanswered: &[&str]) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G");
    stage.press(keys);
    stage.take_effects();
    let all = |texts: &[&str]| -> Vec<SecretQuestion> {
        texts.iter().copied().map(stage::secret_question).collect()
    };
    stage.send(Msg::SecretsWanted {
        op: OpId(1),
        questions: all(questions),
    });
    let refusal = |question: &&str| {
        let summary = format!("there is no value for the secret that {question:?} asks for");
        Failure::new(FailureKind::Usage, summary)
    };
    let plan = DeployPlan {
        unanswered: all(unanswered),
        kept_answers: all(questions)
            .into_iter()
            .filter(|it| !all(unanswered).contains(it))
            .collect(),
        refusals: unanswered.iter().map(refusal).collect(),
        ..stage::deploy_plan("web")
    };
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned {
        op: OpId(1),
        result,
    });
    stage
}

#[test]
fn what_the_cluster_has_is_kept_unless_another_is_given_on_demand() {
    let mut stage = planned("a", &["Salt", "Token"], &["Token"]);
    // Only the one that is nowhere is asked for.
    assert_eq!(question(&stage), Some("Token"));
    stage.press("esc s");
    let kept = |stage: &Stage| match &stage.model.popup {
        Some(Popup::Secret(prompt)) => Some((prompt.question.text.clone(), prompt.held)),
        _ => None,
    };
    assert_eq!(kept(&stage), Some(("Salt".to_owned(), Held::Kept)));
    stage.press("enter");
    assert_eq!(kept(&stage), Some(("Token".to_owned(), Held::Nowhere)));
    stage.type_text("hunter2");
    stage.press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let answers: Vec<_> = source.answers.iter().collect();
    assert_eq!(
        answers,
        [(
            &stage::secret_question("Token"),
            &SecretValue::new("hunter2")
        )]
    );
}

#[test]
fn nobody_is_asked_for_what_the_cluster_has() {
    let mut stage = planned("a", &["Token"], &[]);
    assert_eq!(question(&stage), None);
    // Whoever thinks better of giving another goes on without.
    stage.press("s");
    assert_eq!(question(&stage), Some("Token"));
    stage.press("esc enter");
    assert_eq!(stage.menu().title, "Apply web?");
    stage.press("enter");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::RunDeploy { .. }]
    ));
    let mut none = planned("a", &[], &[]);
    none.press("s");
    let why = "Not possible: it asks for no secret.";
    assert_eq!(none.told(), Some(why));
}

fn question(stage: &Stage) -> Option<&str> {
    match &stage.model.popup {
        Some(Popup::Secret(prompt)) => Some(&prompt.question.text),
        _ => None,
    }
}

#[test]
fn deploy_asks_at_once_and_plans_anew_with_the_answers() {
    let mut stage = asked("a", &["Token", "Password"]);
    assert_eq!(question(&stage), Some("Token"));
    stage.type_text("hunter2");
    stage.press("enter");
    assert_eq!(question(&stage), Some("Password"));
    stage.send(Msg::Paste("s3cret\n".to_owned()));
    stage.press("enter");
    assert!(stage.model.popup.is_none());
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, source }] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(op.0 > 1);
    let answers: Vec<_> = source
        .answers
        .iter()
        .map(|(question, value)| (question.text.as_str(), value.clone()))
        .collect();
    let expected = [
        ("Password", SecretValue::new("s3cret")),
        ("Token", SecretValue::new("hunter2")),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn answers_are_nowhere_to_be_read() {
    let mut stage = asked("a", &["Token"]);
    stage.type_text("hunter2");
    assert!(!format!("{:?}", stage.model).contains("hunter2"));
    stage.press("enter");
    let effects = stage.take_effects();
    let shown = format!("{:?} {effects:?}", stage.model);
    assert!(!shown.contains("hunter2"), "{shown}");
    let [Effect::PlanDeploy { op, .. }] = effects[..] else {
        panic!("no plan");
    };
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter enter");
    let effects = stage.take_effects();
    assert!(matches!(effects[..], [Effect::RunDeploy { .. }]));
    assert!(!format!("{:?} {effects:?}", stage.model).contains("hunter2"));
}

/// Of one that is nowhere there is still no value; nobody is left with a plan that can be neither run nor answered.
#[test]
fn nothing_typed_leaves_the_question_open() {
    let mut stage = asked("a", &["Token", "Password"]);
    stage.press("enter");
    assert_eq!(question(&stage), Some("Password"));
    stage.press("enter");
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.take_effects(), []);
    for key in ["enter", "s"] {
        stage.press(key);
        assert_eq!(question(&stage), Some("Token"), "{key}");
        stage.press("esc");
    }
    stage.press("enter enter").type_text("hunter2");
    stage.press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let answered: Vec<_> = source.answers.keys().map(|it| it.text.as_str()).collect();
    assert_eq!(answered, ["Password"]);
}

/// Where the plan was refused before anybody looked, nothing is said to be kept.
#[test]
fn what_nobody_looked_at_is_not_known() {
    let mut stage = planned("a", &["Salt"], &[]);
    stage.press("r");
    let op = OpId(stage.model.last_op());
    let questions = vec![stage::secret_question("Salt")];
    stage.send(Msg::SecretsWanted { op, questions });
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    let Some(Screen::Review(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    assert_eq!(pane.secrets(Held::Unknown), ["Salt"]);
    assert!(pane.secrets(Held::Kept).is_empty());
}

/// What is kept stays kept, and nothing is planned anew for that.
#[test]
fn nothing_typed_keeps_what_the_cluster_has() {
    let mut stage = planned("a", &["Salt"], &[]);
    stage.press("s enter");
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.take_effects(), []);
    stage.press("s");
    assert_eq!(question(&stage), Some("Salt"));
    stage.press("esc enter enter");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::RunDeploy { .. }]
    ));
}

#[test]
fn difference_asks_no_sooner_than_it_is_confirmed() {
    let mut stage = asked("D", &["Token"]);
    assert_eq!(question(&stage), None);
    stage.press("enter");
    assert_eq!(question(&stage), Some("Token"));
    // Not now: the review stays, and asks again.
    stage.press("esc");
    assert!(matches!(stage.model.screens[..], [Screen::Review(_)]));
    stage.press("enter");
    assert_eq!(question(&stage), Some("Token"));
}

#[test]
fn questions_of_a_plan_that_is_out_of_sight_wait() {
    let mut stage = Stage::with_services();
    stage.press("G a esc");
    stage.send(Msg::SecretsWanted {
        op: OpId(1),
        questions: vec![stage::secret_question("Token")],
    });
    assert!(stage.model.popup.is_none());
}

#[test]
fn what_was_mistyped_can_be_given_again() {
    let mut stage = asked("a", &["Token"]);
    stage.type_text("huntre2");
    stage.press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("s");
    let Some(Popup::Secret(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(prompt.held, Held::Answered);
    // Nothing typed keeps it.
    stage.press("enter");
    assert_eq!(stage.take_effects(), []);
    stage.press("s").type_text("hunter2").press("enter");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { source, .. }] = &effects[..] else {
        panic!("{effects:?}");
    };
    let answers: Vec<_> = source.answers.values().collect();
    assert_eq!(answers, [&SecretValue::new("hunter2")]);
}
