//! The editor: checks, drafts, saves, leaving.

use std::time::Duration;

use ropey::Rope;

use crate::app::effect::{DefinitionOrigin, DeploySource, Effect, Origin, ReviewedPlan};
use crate::app::msg::{Epoch, Msg, OpId, OpenedDefinition, SaveAnswer};
use crate::app::popup::{Choice, Popup};
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::cluster;
use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::definition::check::check;
use crate::definition::id::{InstanceId, Namespace};
use crate::editor::Revision;
use crate::engine::progress::{Outcome, Step};
use crate::failure::{Cause, Failure, FailureKind};
use crate::service::summary::InstanceKey;

const TEXT: &str = "containers:\n  - name: main\n    image: nginx:1.27\n";
const EDITOR: OpId = OpId(1);

fn billing() -> InstanceId {
    "billing".parse().unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

/// The file that edits began from.
fn base(text: &str) -> Base {
    Base {
        digest: digest(text),
        text: Some(Rope::from_str(text)),
    }
}

fn opened(text: &str, draft: Option<&str>) -> OpenedDefinition {
    OpenedDefinition {
        text: text.to_owned(),
        digest: digest(text),
        draft: draft.map(|draft| (draft.to_owned(), base(TEXT))),
    }
}

/// The definition of billing is open, and its first check is asked for.
fn open() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("e");
    let name = billing();
    assert_eq!(
        stage.take_effects(),
        [Effect::OpenDefinition {
            editor: EDITOR,
            name
        }]
    );
    let result = Ok(opened(TEXT, None));
    stage.send(Msg::DefinitionOpened {
        editor: EDITOR,
        result,
    });
    stage
}

fn revision(stage: &Stage) -> Revision {
    stage.model.editor().unwrap().editor().unwrap().revision()
}

fn text(stage: &Stage) -> String {
    stage.model.editor().unwrap().editor().unwrap().text()
}

fn check_of(stage: &Stage, text: &str) -> Effect {
    Effect::CheckDefinition {
        editor: EDITOR,
        id: billing(),
        namespace: Some("team-a".parse().unwrap()),
        schemas: Default::default(),
        revision: revision(stage),
        text: Rope::from_str(text),
    }
}

/// What the editor completes from is asked for: names of the namespace, and the schemas of groups and versions.
fn learn(api_versions: &[&str]) -> Effect {
    Effect::Learn {
        epoch: Epoch(1),
        namespace: Some("team-a".parse().unwrap()),
        api_versions: api_versions.iter().map(|it| (*it).to_owned()).collect(),
    }
}

fn checked(stage: &mut Stage, revision: Revision, text: &str) {
    let diagnostics = check(text, &Default::default()).diagnostics;
    stage.send(Msg::Checked {
        editor: EDITOR,
        revision,
        diagnostics,
    });
}

fn draft_of(stage: &Stage, text: &str) -> Effect {
    Effect::KeepDraft {
        editor: EDITOR,
        name: billing(),
        revision: revision(stage),
        text: Rope::from_str(text),
        base: base(TEXT),
    }
}

fn save_of(stage: &Stage, text: &str) -> Effect {
    Effect::SaveDefinition {
        editor: EDITOR,
        name: billing(),
        revision: revision(stage),
        text: Rope::from_str(text),
        base: digest(TEXT),
    }
}

fn saved(stage: &mut Stage, revision: Revision, answer: SaveAnswer) {
    stage.send(Msg::Saved {
        editor: EDITOR,
        revision,
        answer,
    });
}

fn choices(stage: &Stage) -> Vec<Choice> {
    match &stage.model.popup {
        Some(Popup::Menu(menu)) => menu.items.iter().map(|item| item.choice.clone()).collect(),
        other => panic!("no menu: {other:?}"),
    }
}

#[test]
fn text_is_checked_at_once_and_after_a_pause_in_typing() {
    let mut stage = open();
    let first = revision(&stage);
    assert_eq!(stage.take_effects(), [check_of(&stage, TEXT)]);
    stage.type_text("a");
    stage.wait(Duration::from_millis(60));
    // One check at a time: the next waits for the answer to the first.
    assert_eq!(stage.take_effects(), []);
    checked(&mut stage, first, TEXT);
    // With the first check, what the editor completes from is asked for.
    assert_eq!(stage.take_effects(), [learn(&[])]);
    stage.type_text("b");
    stage.wait(Duration::from_millis(40));
    assert_eq!(stage.take_effects(), []);
    stage.wait(Duration::from_millis(20));
    assert_eq!(
        stage.take_effects(),
        [check_of(&stage, &format!("ab{TEXT}"))]
    );
}

#[test]
fn answer_to_a_check_of_an_earlier_text_is_dropped() {
    let mut stage = open();
    let first = revision(&stage);
    stage.take_effects();
    stage.type_text("x");
    checked(&mut stage, first, "nonsense: [");
    stage.take_effects();
    assert_eq!(stage.model.editor().unwrap().counts(), (0, 0));
    // And of an editor that is not open any more.
    stage.send(Msg::Checked {
        editor: OpId(99),
        revision: first,
        diagnostics: Vec::new(),
    });
    stage.wait(Duration::from_millis(60));
    assert_eq!(
        stage.take_effects(),
        [check_of(&stage, &format!("x{TEXT}"))]
    );
}

#[test]
fn unsaved_typing_is_kept_every_two_seconds() {
    let mut stage = open();
    let first = revision(&stage);
    checked(&mut stage, first, TEXT);
    stage.take_effects();
    let drafts = |stage: &mut Stage| -> Vec<Effect> {
        let effects = stage.take_effects();
        let is_draft = |effect: &Effect| matches!(effect, Effect::KeepDraft { .. });
        effects.into_iter().filter(is_draft).collect()
    };
    stage.type_text("a");
    stage.wait(Duration::from_millis(1900));
    assert_eq!(drafts(&mut stage), []);
    // Typing on does not put it off.
    stage.type_text("b");
    stage.wait(Duration::from_millis(100));
    assert_eq!(drafts(&mut stage), [draft_of(&stage, &format!("ab{TEXT}"))]);
    stage.wait(Duration::from_secs(60));
    assert_eq!(drafts(&mut stage), []);
    stage.type_text("c");
    stage.wait(Duration::from_secs(2));
    assert_eq!(
        drafts(&mut stage),
        [draft_of(&stage, &format!("abc{TEXT}"))]
    );
}

#[test]
fn draft_that_could_not_be_kept_is_told_and_tried_again() {
    let mut stage = open();
    stage.type_text("a");
    stage.wait(Duration::from_secs(2));
    stage.take_effects();
    let failure = Failure::new(FailureKind::Disk, "no space left on device");
    let revision = revision(&stage);
    stage.send(Msg::DraftKept {
        editor: EDITOR,
        revision,
        base: digest(TEXT),
        result: Err(failure),
    });
    assert_eq!(
        stage.told(),
        Some("Unsaved edits are not kept: no space left on device")
    );
    stage.wait(Duration::from_secs(10));
    let draft = draft_of(&stage, &format!("a{TEXT}"));
    assert!(stage.take_effects().contains(&draft));
}

#[test]
fn unsaved_edits_of_an_earlier_session_are_offered() {
    let edited = format!("# mine\n{TEXT}");
    let offered = || {
        let mut stage = Stage::with_services();
        stage.press("e");
        let result = Ok(opened(TEXT, Some(&edited)));
        stage.send(Msg::DefinitionOpened {
            editor: EDITOR,
            result,
        });
        stage.take_effects();
        assert_eq!(
            choices(&stage),
            [
                Choice::RecoverDraft(EDITOR),
                Choice::LeaveEditor,
                Choice::DiscardDraft(EDITOR)
            ]
        );
        stage
    };
    let mut stage = offered();
    stage.press("enter");
    assert_eq!(text(&stage), edited);
    assert!(stage.model.editor().unwrap().unsaved().is_some());
    stage.press("^u");
    assert_eq!(text(&stage), TEXT);
    // Typing beside them would be kept in their place: undecided they are left alone.
    for keys in ["j enter", "esc"] {
        let mut stage = offered();
        stage.press(keys);
        assert!(stage.model.screens.is_empty(), "{keys}");
        assert_eq!(stage.take_effects(), []);
    }
    let mut stage = offered();
    stage.press("j j enter");
    assert_eq!(text(&stage), TEXT);
    assert_eq!(
        stage.take_effects(),
        [Effect::DiscardDraft { name: billing() }]
    );
}

#[test]
fn draft_that_is_not_decided_on_is_never_written_over() {
    let mut stage = open();
    let draft = Some(("# earlier".to_owned(), base(TEXT)));
    stage.model.editor_mut().unwrap().draft = draft;
    stage.type_text("#");
    stage.take_effects();
    stage.wait(Duration::from_secs(3));
    let effects = stage.take_effects();
    let is_draft = |effect: &Effect| matches!(effect, Effect::KeepDraft { .. });
    assert!(!effects.iter().any(is_draft), "{effects:?}");
}

#[test]
fn draft_is_asked_about_once_nothing_else_is_in_front() {
    for close in ["esc", "enter"] {
        let mut stage = Stage::with_services();
        stage.press("e");
        stage
            .model
            .tell_faults(vec!["polls: is no number".to_owned()]);
        stage.send(Msg::DefinitionOpened {
            editor: EDITOR,
            result: Ok(opened(TEXT, Some("# earlier"))),
        });
        assert_eq!(stage.menu().title, "Faults of the settings");
        stage.press(close);
        assert_eq!(stage.menu().title, "Unsaved edits");
        stage.press("enter");
        assert_eq!(text(&stage), "# earlier");
    }
}

#[test]
fn draft_of_edits_that_were_all_undone_goes_when_the_editor_is_left() {
    let mut stage = open();
    stage.type_text("#");
    stage.wait(Duration::from_secs(3));
    assert!(
        stage
            .take_effects()
            .contains(&draft_of(&stage, &format!("#{TEXT}")))
    );
    stage.press("^u");
    stage.take_effects();
    stage.press("esc");
    let discard = Effect::DiscardDraft { name: billing() };
    assert!(stage.take_effects().contains(&discard));
    assert!(stage.model.editor().is_none());
    // Nor does it outlive the program.
    let mut stage = open();
    stage.type_text("#");
    stage.wait(Duration::from_secs(3));
    stage.press("^u");
    stage.press("^r");
    stage.take_effects();
    stage.press("q");
    assert_eq!(stage.take_effects(), [discard.clone(), Effect::Quit]);
    // Where nothing was kept nothing is removed: it may be what an earlier session left.
    let mut stage = open();
    stage.take_effects();
    stage.press("esc");
    assert!(!stage.take_effects().contains(&discard));
}

#[test]
fn drafts_are_told_at_the_start() {
    let mut stage = Stage::empty();
    stage.send(Msg::CatalogueListed(Ok(
        crate::app::msg::CatalogueListing {
            drafts: vec![billing()],
            ..Default::default()
        },
    )));
    let sentence = "Unsaved edits of an earlier session: billing. Edit it to go on with them.";
    assert_eq!(stage.told(), Some(sentence));
}

#[test]
fn errors_of_what_was_saved_are_those_of_that_text_and_are_told_late_too() {
    let mut stage = open();
    let broken = format!("zzz\n{TEXT}");
    stage.type_text("zzz").press("enter");
    let at = revision(&stage);
    stage.press("^s");
    saved(&mut stage, at, SaveAnswer::Saved(digest(&broken)));
    assert_eq!(stage.told(), Some("Saved billing."));
    checked(&mut stage, at, &broken);
    assert_eq!(stage.told(), Some("Saved billing, with 1 error."));
    // What is taken out again before it is saved is no error of what is saved.
    stage.press("backspace backspace backspace backspace");
    assert_eq!(text(&stage), TEXT);
    let at = revision(&stage);
    stage.press("^s");
    saved(&mut stage, at, SaveAnswer::Saved(digest(TEXT)));
    assert_eq!(stage.told(), Some("Saved billing."));
    checked(&mut stage, at, TEXT);
    assert_eq!(stage.told(), Some("Saved billing."));
}

#[test]
fn what_is_left_before_it_was_checked_is_not_called_whole() {
    let mut stage = open();
    let broken = format!("zzz\n{TEXT}");
    stage.type_text("zzz").press("enter");
    let at = revision(&stage);
    stage.press("esc enter");
    saved(&mut stage, at, SaveAnswer::Saved(digest(&broken)));
    assert_eq!(stage.told(), Some("Saved billing, not checked yet."));
}

#[test]
fn late_errors_of_what_was_saved_hide_no_trouble() {
    let mut stage = open();
    let broken = format!("zzz\n{TEXT}");
    stage.type_text("zzz").press("enter");
    let at = revision(&stage);
    stage.press("^s");
    saved(&mut stage, at, SaveAnswer::Saved(digest(&broken)));
    let trouble = "Deploy of web: 1 failed.";
    stage.model.complain(trouble);
    checked(&mut stage, at, &broken);
    assert_eq!(stage.told(), Some(trouble));
}

#[test]
fn save_writes_the_text_and_its_draft_goes() {
    let mut stage = open();
    stage.type_text("#");
    stage.take_effects();
    stage.press("^s");
    let edited = format!("#{TEXT}");
    assert_eq!(stage.take_effects(), [save_of(&stage, &edited)]);
    let at = revision(&stage);
    saved(&mut stage, at, SaveAnswer::Saved(digest(&edited)));
    let discard = Effect::DiscardDraft { name: billing() };
    assert_eq!(stage.take_effects(), [Effect::ListCatalogue, discard]);
    assert!(stage.model.editor().unwrap().unsaved().is_none());
    stage.press("^s");
    assert_eq!(stage.told(), Some("Nothing to save."));
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn what_is_typed_while_a_save_runs_stays_unsaved() {
    let mut stage = open();
    stage.type_text("#").press("^s");
    let at = revision(&stage);
    stage.type_text("!");
    stage.take_effects();
    saved(
        &mut stage,
        at,
        SaveAnswer::Saved(digest(&format!("#{TEXT}"))),
    );
    assert_eq!(stage.take_effects(), [Effect::ListCatalogue]);
    assert!(stage.model.editor().unwrap().unsaved().is_some());
}

/// Both would begin from the same file: the second would take the first for somebody else.
#[test]
fn second_save_waits_for_the_first_and_begins_from_its_file() {
    let mut stage = open();
    stage.type_text("#").press("^s");
    let (first, once) = (revision(&stage), format!("#{TEXT}"));
    assert!(stage.take_effects().contains(&save_of(&stage, &once)));
    stage.type_text("!").press("^s ^s");
    assert_eq!(stage.take_effects(), []);
    saved(&mut stage, first, SaveAnswer::Saved(digest(&once)));
    let twice = format!("#!{TEXT}");
    let expected = Effect::SaveDefinition {
        editor: EDITOR,
        name: billing(),
        revision: revision(&stage),
        text: Rope::from_str(&twice),
        base: digest(&once),
    };
    assert_eq!(stage.take_effects(), [Effect::ListCatalogue, expected]);
    let second = revision(&stage);
    saved(&mut stage, second, SaveAnswer::Saved(digest(&twice)));
    assert!(stage.model.editor().unwrap().unsaved().is_none());
    let effects = stage.take_effects();
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::SaveDefinition { .. }))
    );
}

#[test]
fn file_that_somebody_else_changed_is_never_overwritten() {
    let changed = || {
        let mut stage = open();
        stage.type_text("#").press("^s");
        stage.take_effects();
        let at = revision(&stage);
        saved(&mut stage, at, SaveAnswer::Changed);
        assert_eq!(
            stage.take_effects(),
            [draft_of(&stage, &format!("#{TEXT}")), Effect::ListCatalogue]
        );
        assert_eq!(
            choices(&stage),
            [
                Choice::MergeTheirs(EDITOR),
                Choice::Cancel,
                Choice::SaveAsNew(EDITOR),
                Choice::TakeTheirs(EDITOR)
            ]
        );
        stage
    };
    let mut stage = changed();
    stage.press("j j enter").type_text("mine").press("enter");
    let name: InstanceId = "mine".parse().unwrap();
    assert_eq!(
        stage.take_effects(),
        [Effect::CreateDefinition {
            name,
            text: format!("#{TEXT}")
        },]
    );
    let mut stage = changed();
    stage.press("j j j enter");
    assert_eq!(
        stage.take_effects(),
        [Effect::OpenDefinition {
            editor: EDITOR,
            name: billing()
        }]
    );
    let result = Ok(opened("# theirs\n", None));
    stage.send(Msg::DefinitionOpened {
        editor: EDITOR,
        result,
    });
    assert_eq!(text(&stage), "# theirs\n");
    stage.press("^u");
    assert_eq!(text(&stage), format!("#{TEXT}"));
}

/// What was typed onto a changed file is asked to be kept as `mine`.
fn saving_as_mine() -> Stage {
    let mut stage = open();
    stage.type_text("#").press("^s");
    let at = revision(&stage);
    saved(&mut stage, at, SaveAnswer::Changed);
    stage.press("j j enter").type_text("mine").press("enter");
    stage.take_effects();
    stage
}

fn created_mine(stage: &mut Stage, result: Result<(), Failure>) {
    let name = "mine".parse().unwrap();
    stage.send(Msg::DefinitionCreated { name, result });
}

#[test]
fn text_kept_under_another_name_is_left_once_it_is_on_disk() {
    let mut stage = saving_as_mine();
    assert_eq!(text(&stage), format!("#{TEXT}"));
    created_mine(&mut stage, Ok(()));
    let name: InstanceId = "mine".parse().unwrap();
    let effects = stage.take_effects();
    assert_eq!(
        effects[..2],
        [
            Effect::DiscardDraft { name: billing() },
            Effect::ListCatalogue
        ]
    );
    assert!(
        matches!(&effects[2..], [Effect::OpenDefinition { name: of, .. }] if *of == name),
        "{effects:?}"
    );
    assert_eq!(stage.model.screens.len(), 1);
}

#[test]
fn text_that_cannot_be_kept_under_another_name_stays_in_the_editor() {
    let mut stage = saving_as_mine();
    let failure = Failure::new(FailureKind::Disk, "no space left on device");
    created_mine(&mut stage, Err(failure));
    assert_eq!(stage.told(), Some("no space left on device"));
    assert_eq!(
        (text(&stage), stage.take_effects()),
        (format!("#{TEXT}"), vec![])
    );
}

#[test]
fn what_is_typed_while_a_copy_is_written_keeps_the_editor_open() {
    let mut stage = saving_as_mine();
    stage.type_text("!");
    created_mine(&mut stage, Ok(()));
    assert_eq!(
        (text(&stage), stage.take_effects()),
        (format!("#!{TEXT}"), vec![Effect::ListCatalogue])
    );
}

#[test]
fn save_that_fails_is_told_and_loses_nothing() {
    let mut stage = open();
    stage.type_text("#").press("^s");
    let at = revision(&stage);
    let failure = Failure::new(
        FailureKind::Disk,
        "saving billing.yaml: no space left on device",
    );
    saved(&mut stage, at, SaveAnswer::Failed(failure));
    assert_eq!(
        stage.told(),
        Some("saving billing.yaml: no space left on device")
    );
    assert_eq!(text(&stage), format!("#{TEXT}"));
    assert!(stage.model.editor().unwrap().unsaved().is_some());
}

#[test]
fn leaving_asks_where_something_is_not_saved() {
    let mut stage = open();
    stage.press("esc");
    assert!(stage.model.screens.is_empty());
    let leaving = || {
        let mut stage = open();
        stage.type_text("#").press("esc");
        stage.take_effects();
        let expected = [
            Choice::SaveAndLeave,
            Choice::Cancel,
            Choice::DiscardAndLeave,
        ];
        assert_eq!(choices(&stage), expected);
        stage
    };
    let mut stage = leaving();
    stage.press("enter");
    assert_eq!(stage.take_effects(), [save_of(&stage, &format!("#{TEXT}"))]);
    // Only once it is on disk.
    assert!(matches!(stage.model.screens[..], [Screen::Editor(_)]));
    let at = revision(&stage);
    saved(&mut stage, at, SaveAnswer::Saved(digest("")));
    assert!(stage.model.screens.is_empty());
    // What was typed after the save was asked for is not on disk.
    let mut stage = leaving();
    stage.press("enter");
    let at = revision(&stage);
    stage.type_text("!");
    saved(&mut stage, at, SaveAnswer::Saved(digest("")));
    assert_eq!(text(&stage), format!("#!{TEXT}"));
    let mut stage = leaving();
    stage.press("j j enter");
    assert_eq!(
        stage.take_effects(),
        [Effect::DiscardDraft { name: billing() }]
    );
    assert!(stage.model.screens.is_empty());
}

#[test]
fn review_saves_first_and_plans_what_was_saved() {
    let mut stage = open();
    let first = revision(&stage);
    checked(&mut stage, first, TEXT);
    stage.type_text("#");
    stage.take_effects();
    stage.press("^r");
    let edited = format!("#{TEXT}");
    assert_eq!(stage.take_effects(), [save_of(&stage, &edited)]);
    let at = revision(&stage);
    saved(&mut stage, at, SaveAnswer::Saved(digest(&edited)));
    let source = DeploySource::of(Origin::Definition(DefinitionOrigin {
        name: billing(),
        id: billing(),
        namespace: Some("team-a".parse().unwrap()),
        text: Some(Rope::from_str(&edited)),
    }));
    assert_eq!(
        stage.take_effects(),
        [
            Effect::ListCatalogue,
            Effect::DiscardDraft { name: billing() },
            Effect::PlanDeploy {
                op: OpId(2),
                source
            },
        ]
    );
}

#[test]
fn text_with_errors_is_not_reviewed() {
    let mut stage = open();
    stage.type_text("x");
    let at = revision(&stage);
    checked(&mut stage, at, &format!("x{TEXT}"));
    stage.take_effects();
    stage.press("^r");
    assert_eq!(
        stage.told(),
        Some("Not possible: the definition has errors: F8 goes to them.")
    );
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn paste_is_one_step_of_undo() {
    let mut stage = open();
    stage.send(Msg::Paste("a: 1\nb: 2\nc: 3\n".to_owned()));
    assert_eq!(text(&stage), format!("a: 1\nb: 2\nc: 3\n{TEXT}"));
    stage.press("^u");
    assert_eq!(text(&stage), TEXT);
}

#[test]
fn what_is_found_is_replaced_from_the_search_line() {
    let mut stage = open();
    stage.press("alt-r").type_text("nginx").press("tab");
    stage.type_text("caddy").press("enter");
    assert_eq!(text(&stage), TEXT.replace("nginx", "caddy"));
    assert_eq!(stage.told(), Some("Replaced 1 match."));
    // The line is open still; the cursor stays where it came to.
    stage.press("esc ^u");
    assert_eq!(text(&stage), TEXT);
    stage
        .press("^home ^f")
        .type_text("a[iI]n")
        .press("alt-x tab");
    stage.type_text("b").press("alt-a esc");
    assert_eq!(text(&stage), TEXT.replace("ain", "b"));
    stage.press("^u");
    assert_eq!(text(&stage), TEXT);
}

#[test]
fn search_begins_with_what_is_selected() {
    let mut stage = open();
    stage.press("^f").type_text("main").press("enter ^f");
    let pane = stage.model.editor().unwrap();
    assert_eq!(pane.search.as_ref().unwrap().query.text(), "main");
    // What is typed then takes its place.
    stage.type_text("im");
    let pane = stage.model.editor().unwrap();
    assert_eq!(pane.search.as_ref().unwrap().query.text(), "im");
}

#[test]
fn paste_outside_the_editor_performs_no_action() {
    let mut stage = Stage::with_services();
    stage.send(Msg::Paste("qx\n".to_owned()));
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.screens.is_empty());
}

#[test]
fn quitting_with_unsaved_edits_asks_first() {
    let mut stage = open();
    stage.type_text("#");
    stage.take_effects();
    stage.press("^q");
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.popup.is_some());
}

#[test]
fn definition_that_cannot_be_read_can_be_left() {
    let mut stage = Stage::with_services();
    stage.press("e");
    let failure = Failure::new(FailureKind::Disk, "reading billing.yaml: permission denied");
    stage.send(Msg::DefinitionOpened {
        editor: EDITOR,
        result: Err(failure),
    });
    stage.take_effects();
    stage.type_text("x").press("esc");
    assert!(stage.model.screens.is_empty());
    assert_eq!(stage.take_effects(), []);
}

/// Returns what a server refuses in the text.
fn refusal() -> Failure {
    let place = |path: &str| {
        let json = serde_json::json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}}});
        let field = format!("spec.template.spec.{path}");
        crate::definition::places::place_of(TEXT, &json, &field)
    };
    let cause = |path: &str| Cause {
        field: path.to_owned(),
        reason: "FieldValueInvalid".to_owned(),
        message: format!("{path} is bad"),
        place: place(path),
    };
    Failure {
        causes: vec![cause("containers[0].image"), cause("containers[0].name")],
        ..Failure::new(
            FailureKind::Invalid,
            "Deployment.apps \"billing\" is invalid",
        )
    }
}

/// Returns what is marked in the text, with the lines.
fn marks(stage: &Stage) -> Vec<(usize, String)> {
    let editor = stage.model.editor().unwrap().editor().unwrap();
    let problems = editor.problems().iter();
    let marks = problems.map(|problem| {
        (
            problem.diagnostic.span.start.line,
            problem.diagnostic.message.clone(),
        )
    });
    marks.collect()
}

/// Begins the deploy of the edited text, which is open and nothing else.
fn begin_deploy(stage: &mut Stage) -> OpId {
    let first = revision(stage);
    checked(stage, first, TEXT);
    stage.take_effects();
    stage.press("^r");
    let effects = stage.take_effects();
    let [Effect::PlanDeploy { op, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    let plan = ReviewedPlan::Deploy(stage::deploy_plan("billing"));
    let result = Ok(Box::new(plan));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter enter");
    let effects = stage.take_effects();
    let [Effect::RunDeploy { op, .. }] = effects[..] else {
        panic!("{effects:?}");
    };
    op
}

/// What only the server knows is marked where it stands, and nothing that was typed is lost over it.
#[test]
fn refusals_of_the_server_are_marked_in_the_text() {
    let expected = [
        (
            2,
            "the server refuses it: containers[0].name is bad".to_owned(),
        ),
        (
            3,
            "the server refuses it: containers[0].image is bad".to_owned(),
        ),
    ];
    // The server may know it when it is asked for the plan, or only when it is written.
    for is_planned in [true, false] {
        let mut stage = open();
        let first = revision(&stage);
        checked(&mut stage, first, TEXT);
        stage.take_effects();
        stage.press("^r");
        let effects = stage.take_effects();
        let [Effect::PlanDeploy { op, .. }] = effects[..] else {
            panic!("{effects:?}");
        };
        let mut plan = stage::deploy_plan("billing");
        if is_planned {
            plan.refusals = vec![refusal()];
        }
        stage.send(Msg::DeployPlanned {
            op,
            result: Ok(Box::new(ReviewedPlan::Deploy(plan))),
        });
        if !is_planned {
            stage.press("enter enter");
            let effects = stage.take_effects();
            let [Effect::RunDeploy { op, .. }] = effects[..] else {
                panic!("{effects:?}");
            };
            let step = Step::Apply(stage::object("Deployment", "billing"));
            let outcome = Outcome {
                failed: vec![(step, refusal())],
                ..Outcome::default()
            };
            stage.send(Msg::Finished { op, outcome });
        }
        stage.press("esc");
        stage.wait(Duration::from_millis(100));
        let now = revision(&stage);
        checked(&mut stage, now, TEXT);
        assert_eq!(marks(&stage), expected, "planned: {is_planned}");
        assert_eq!(text(&stage), TEXT);
        // Once nothing is refused any more, as after what a plan offers was agreed to, that is told too.
        let mut agreed = Stage {
            model: stage.model.clone(),
            effects: Vec::new(),
        };
        agreed.press("^r");
        let effects = agreed.take_effects();
        let [Effect::PlanDeploy { op, .. }] = effects[..] else {
            panic!("{effects:?}");
        };
        let plan = stage::deploy_plan("billing");
        agreed.send(Msg::DeployPlanned {
            op,
            result: Ok(Box::new(ReviewedPlan::Deploy(plan))),
        });
        agreed.press("esc");
        agreed.wait(Duration::from_millis(100));
        checked(&mut agreed, now, TEXT);
        assert_eq!(marks(&agreed), [], "planned: {is_planned}");
        // What is typed then is another text, of which the server has said nothing.
        stage.type_text("# ");
        stage.wait(Duration::from_millis(100));
        let (now, typed) = (revision(&stage), text(&stage));
        checked(&mut stage, now, &typed);
        let is_said = |(_, message): &(usize, String)| message.starts_with("the server");
        assert!(!marks(&stage).iter().any(is_said), "{:?}", marks(&stage));
    }
}

/// An instance of that ID that is somewhere else is another one, whatever the server says of it.
#[test]
fn refusal_is_marked_only_in_the_text_that_was_applied() {
    let check = |moves: fn(&mut Stage), n_marks: usize| {
        let mut stage = open();
        let op = begin_deploy(&mut stage);
        stage.press("esc");
        moves(&mut stage);
        let step = Step::Apply(stage::object("Deployment", "billing"));
        let outcome = Outcome {
            failed: vec![(step, refusal())],
            ..Outcome::default()
        };
        stage.send(Msg::Finished { op, outcome });
        stage.wait(Duration::from_millis(100));
        let now = revision(&stage);
        checked(&mut stage, now, TEXT);
        assert_eq!(marks(&stage).len(), n_marks, "{:?}", marks(&stage));
    };
    check(|_| {}, 2);
    check(
        |stage| {
            cluster::connect(&mut stage.model, Some("prod".to_owned()));
            stage.connected_to("prod");
        },
        0,
    );
    check(
        |stage| {
            let entries = &mut stage.model.catalogue.entries;
            entries[0].namespace = Some("team-b".parse().unwrap());
        },
        0,
    );
}

/// The text is checked, compared and applied where its row is: the command says where that is.
#[test]
fn logged_command_says_where_a_text_is_edited_for() {
    let mut stage = Stage::with_services();
    stage.press("e");
    let command = "bowline --context kind-dev -n team-a edit billing";
    assert_eq!(stage.last_command(), Some(command));
    let mut stage = Stage::empty();
    stage.catalogue(&["billing"]);
    stage.model.settle();
    stage.press("e");
    assert_eq!(stage.last_command(), Some("bowline edit billing"));
}

/// What the effects that ask something of the edited text have in common: the ID, and the namespace.
fn places(effects: &[Effect]) -> Vec<(String, Option<String>)> {
    let place = |id: &InstanceId, namespace: &Option<Namespace>| {
        (id.to_string(), namespace.as_ref().map(ToString::to_string))
    };
    let of = |effect: &Effect| match effect {
        Effect::CheckDefinition { id, namespace, .. } => Some(place(id, namespace)),
        Effect::PreviewDeploy { origin, .. } => Some(place(&origin.id, &origin.namespace)),
        Effect::PlanDeploy { source, .. } => {
            let origin = source.definition()?;
            Some(place(&origin.id, &origin.namespace))
        }
        Effect::Learn { namespace, .. } => {
            Some(("learn".to_owned(), place(&billing(), namespace).1))
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn text_that_is_too_long_for_the_terminals_clipboard_is_copied_within_the_editor() {
    let mut stage = Stage::with_services();
    let text = "# a\n".repeat(17_000);
    stage.press("e");
    stage.send(Msg::DefinitionOpened {
        editor: EDITOR,
        result: Ok(opened(&text, None)),
    });
    stage.take_effects();
    stage.press("^a ^c");
    assert_eq!(stage.take_effects(), []);
    let told = "Kept in this editor only: the terminal's clipboard takes at most 64 KiB.";
    assert_eq!(stage.told(), Some(told));
    stage.press("^end ^v");
    let pane = stage.model.editor().unwrap();
    assert_eq!(pane.editor().unwrap().text(), text.repeat(2));
}

#[test]
fn editor_works_where_the_row_is_that_it_was_opened_from() {
    let mut stage = Stage::with_services();
    stage.send(Msg::NamespacesListed {
        epoch: stage.epoch(),
        result: Ok(Vec::new()),
    });
    stage.press("N").type_text("all n").press("enter");
    stage.overview(stage::overview());
    stage.model.settle();
    assert_eq!(stage.model.session.namespace(), None);
    stage.press("g e");
    let pane = stage.model.editor().unwrap();
    let (editor, name) = (pane.id, pane.name.clone());
    assert_eq!(name, billing());
    stage.take_effects();
    let result = Ok(opened(TEXT, None));
    stage.send(Msg::DefinitionOpened { editor, result });
    let its = |id: &InstanceId| (id.to_string(), Some("team-a".to_owned()));
    assert_eq!(places(&stage.take_effects()), [its(&billing())]);
    stage.checked();
    let learn = ("learn".to_owned(), Some("team-a".to_owned()));
    assert_eq!(places(&stage.take_effects()), [learn]);
    stage.wait(Duration::from_secs(1));
    assert_eq!(
        places(&stage.take_effects()),
        [its(&billing())],
        "difference"
    );
    stage.press("^r");
    assert_eq!(places(&stage.take_effects()), [its(&billing())], "plan");
    // A copy goes to the same place.
    stage.press("esc");
    let copy: InstanceId = "copy".parse().unwrap();
    stage.model.editor_mut().unwrap().save_as(copy.clone());
    stage.send(Msg::DefinitionCreated {
        name: copy.clone(),
        result: Ok(()),
    });
    let pane = stage.model.editor().unwrap();
    let expected = InstanceKey {
        namespace: "team-a".parse().unwrap(),
        id: copy,
    };
    assert_eq!(pane.instance, Some(expected));
    // In another context there is no such instance.
    cluster::connect(&mut stage.model, Some("prod".to_owned()));
    assert_eq!(stage.model.editor().unwrap().instance, None);
}
