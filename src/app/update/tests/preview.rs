//! What applying the edited text would change, while it is typed.

use std::time::Duration;

use ropey::Rope;

use crate::app::effect::{DefinitionOrigin, Effect};
use crate::app::msg::{Msg, OpId, OpenedDefinition};
use crate::app::operation::{Operation, OperationKind};
use crate::app::panes::editor::preview::PreviewOf;
use crate::app::screen::Geometry;
use crate::app::session::SessionLink;
use crate::app::stage::{self, Stage, deploy_plan, live_workload};
use crate::catalogue::Digest;
use crate::definition::diagnostic::{Diagnostic, Position, Severity, Span};
use crate::editor::{Editor, Revision};
use crate::engine::preview::{Against, Preview};
use crate::failure::{Failure, FailureKind};
use crate::service::summary::WorkloadKind;
use crate::service::watch::{Delta, WatchEvent};

const TEXT: &str = "containers:\n  - name: main\n    image: nginx:1.27\n";
const PAUSE: Duration = Duration::from_millis(500);

fn editor(stage: &Stage) -> &Editor {
    stage.model.editor().unwrap().editor().unwrap()
}

fn id(stage: &Stage) -> OpId {
    stage.model.editor().unwrap().id
}

/// The definition of billing is open and was checked.
fn open() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("e");
    let opened = OpenedDefinition {
        text: TEXT.to_owned(),
        digest: Digest::of(TEXT.as_bytes()),
        draft: None,
    };
    let (editor, result) = (id(&stage), Ok(opened));
    stage.send(Msg::DefinitionOpened { editor, result });
    stage.checked();
    stage.take_effects();
    stage
}

/// What a watch tells of the workload of billing.
fn workload_is(stage: &mut Stage, generation: i64, has_foreign: bool) {
    let workload = live_workload("billing", generation, has_foreign);
    let deltas = vec![Delta::Applied(workload)];
    stage.overview(vec![WatchEvent::Workloads(
        WorkloadKind::Deployment,
        deltas,
    )]);
}

#[test]
fn what_others_change_meanwhile_is_compared_with_and_told() {
    let mut stage = open();
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Cluster)]);
    let revision = editor(&stage).revision();
    answer(&mut stage, revision, Ok(found()));
    // What its pods do is nothing to compare with.
    workload_is(&mut stage, 1, false);
    stage.wait(10 * PAUSE);
    assert_eq!((previews(&mut stage), stage.told()), (vec![], None));
    workload_is(&mut stage, 2, true);
    let told = "billing was changed in the cluster. ^t merges that into the text.";
    assert_eq!(stage.told(), Some(told));
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Cluster)]);
    // Where a number that is left open is another, there is nothing to merge.
    stage.model.status = None;
    workload_is(&mut stage, 3, false);
    assert_eq!(stage.told(), None);
}

#[test]
fn only_what_is_done_here_goes_without_saying() {
    let check = |context: &str, is_told: bool| {
        let mut stage = open();
        let operation = Operation::new(
            OperationKind::Scale,
            (context.to_owned(), stage::key("billing")),
            stage.model.now,
        );
        stage.model.operations.insert(OpId(90), operation);
        workload_is(&mut stage, 2, true);
        assert_eq!(stage.told().is_some(), is_told, "{context}");
    };
    check("kind-dev", false);
    check("prod", true);
}

fn previews(stage: &mut Stage) -> Vec<Effect> {
    let effects = stage.take_effects().into_iter();
    let is_preview = |it: &Effect| matches!(it, Effect::PreviewDeploy { .. } | Effect::StopPreview);
    effects.filter(is_preview).collect()
}

/// What is asked of the text as it stands.
fn asked(stage: &Stage, of: PreviewOf) -> Effect {
    let name = stage.model.editor().unwrap().name.clone();
    Effect::PreviewDeploy {
        editor: id(stage),
        revision: editor(stage).revision(),
        origin: DefinitionOrigin {
            id: name.clone(),
            name,
            namespace: Some("team-a".parse().unwrap()),
            text: Some(Rope::from_str(&editor(stage).text())),
        },
        schemas: Default::default(),
        of,
    }
}

/// The words `nginx:1.27` are refused.
fn found() -> Box<Preview> {
    let at = |column| Position { line: 3, column };
    let start = TEXT.find("nginx").unwrap();
    let fault = Diagnostic {
        severity: Severity::Error,
        path: "containers[0].image".to_owned(),
        span: Span {
            start: at(12),
            end: at(22),
            bytes: start..start + "nginx:1.27".len(),
        },
        message: "the server refuses it: no".to_owned(),
        fix: None,
    };
    let plan = deploy_plan("billing");
    Box::new(Preview {
        against: Against::DryRun,
        objects: plan.objects,
        refusals: Vec::new(),
        conflicts: Vec::new(),
        offers: Vec::new(),
        warnings: Vec::new(),
        faults: vec![fault],
    })
}

fn answer(stage: &mut Stage, revision: Revision, result: Result<Box<Preview>, Failure>) {
    let editor = id(stage);
    stage.send(Msg::Previewed {
        editor,
        revision,
        result,
    });
}

fn marked(stage: &Stage) -> Vec<String> {
    let editor = editor(stage);
    let text = editor.text();
    let problems = editor.problems().iter();
    problems
        .map(|problem| text[problem.bytes.clone()].to_owned())
        .collect()
}

#[test]
fn text_is_rehearsed_after_a_pause_and_never_twice_at_once() {
    let mut stage = open();
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Cluster)]);
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), []);
    // A key stops what is outrun at once, and the pause begins anew.
    stage.press("^end").type_text("#");
    assert_eq!(previews(&mut stage), [Effect::StopPreview]);
    stage.checked();
    stage.wait(PAUSE / 2);
    assert_eq!(previews(&mut stage), []);
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Cluster)]);
}

#[test]
fn text_with_errors_is_not_rehearsed_and_costs_no_wakes() {
    let mut stage = open();
    stage.type_text("x");
    stage.checked();
    stage.wait(10 * PAUSE);
    assert_eq!(previews(&mut stage), []);
    assert!(stage.model.next_wake() > Some(PAUSE));
}

#[test]
fn nothing_is_rehearsed_behind_another_screen() {
    let mut stage = open();
    stage.press("^r");
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), []);
    assert!(stage.model.next_wake().is_none_or(|wake| !wake.is_zero()));
}

#[test]
fn without_a_cluster_it_is_compared_with_what_this_machine_knows_until_there_is_one() {
    let mut stage = open();
    stage.model.session.link = SessionLink::Connecting;
    stage.wait(PAUSE);
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Local)]);
    let revision = editor(&stage).revision();
    answer(&mut stage, revision, Ok(found()));
    stage.model.session.link = SessionLink::Connected;
    stage.wait(PAUSE);
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Cluster)]);
    let unreachable = Failure::new(FailureKind::Unreachable, "no answer");
    answer(&mut stage, revision, Err(unreachable));
    stage.wait(PAUSE);
    assert_eq!(previews(&mut stage), [asked(&stage, PreviewOf::Local)]);
}

#[test]
fn what_the_server_refuses_is_marked_and_moves_neither_cursor_nor_history() {
    let mut stage = open();
    stage.press("^end").type_text("# a");
    stage.press("backspace");
    stage.checked();
    stage.wait(PAUSE);
    let before = editor(&stage).clone();
    let revision = before.revision();
    answer(&mut stage, Revision(0), Ok(found()));
    assert_eq!(marked(&stage), Vec::<String>::new());
    answer(&mut stage, revision, Ok(found()));
    let after = editor(&stage);
    assert_eq!(
        (after.cursor(), after.viewport(), after.revision()),
        (before.cursor(), before.viewport(), revision)
    );
    stage.press("^u ^u ^u ^u");
    assert_eq!(editor(&stage).text(), TEXT);
}

#[test]
fn marks_of_the_server_stay_with_their_words_until_it_is_asked_again() {
    let mut stage = open();
    stage.wait(PAUSE);
    let revision = editor(&stage).revision();
    answer(&mut stage, revision, Ok(found()));
    assert_eq!(marked(&stage), ["nginx:1.27"]);
    // The server's word does not keep anybody from planning it.
    stage.type_text("# one\n");
    stage.checked();
    assert_eq!(marked(&stage), ["nginx:1.27"]);
    // Words that are typed anew may be right now.
    stage.press("^home down down down end backspace");
    stage.checked();
    assert_eq!(marked(&stage), Vec::<String>::new());
}

#[test]
fn refusal_of_the_server_leaves_the_review_open() {
    let mut stage = open();
    stage.wait(PAUSE);
    let revision = editor(&stage).revision();
    answer(&mut stage, revision, Ok(found()));
    stage.take_effects();
    stage.press("^r");
    let effects = stage.take_effects();
    assert!(
        matches!(effects.as_slice(), [Effect::PlanDeploy { .. }]),
        "{effects:?}"
    );
}

#[test]
fn difference_is_shown_hidden_and_scrolled() {
    let mut stage = open();
    stage.wait(PAUSE);
    let revision = editor(&stage).revision();
    answer(&mut stage, revision, Ok(found()));
    let pane = |stage: &Stage| stage.model.editor().unwrap().preview.clone();
    stage.press("^d");
    assert_eq!(pane(&stage).is_wanted, Some(true));
    stage.model.geometry.difference = 4;
    let before = pane(&stage).scroll;
    stage.press("alt-pgdn");
    assert!(pane(&stage).scroll > before);
    stage.press("alt-pgup");
    assert_eq!(pane(&stage).scroll, before);
    // What is whole in sight stays there, and so does the end of what has become shorter.
    stage.press("alt-pgdn");
    let geometry = Geometry {
        difference: 60,
        ..stage.model.geometry.clone()
    };
    stage.model.set_geometry(geometry);
    assert_eq!(pane(&stage).scroll, 0);
    stage.press("alt-pgdn");
    assert_eq!(pane(&stage).scroll, 0);
    stage.press("^d");
    assert_eq!(pane(&stage).is_wanted, Some(false));
}
