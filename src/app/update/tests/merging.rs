//! What was changed by others while it was edited: on disk and in the cluster, and by the editor of the user's own choice.

use std::time::Duration;

use ropey::Rope;

use crate::app::effect::Effect;
use crate::app::msg::{LiveTexts, Msg, OpId, OpenedDefinition, Returned, SaveAnswer};
use crate::app::panes::merge::{MergePane, MergeWith};
use crate::app::popup::Popup;
use crate::app::screen::Screen;
use crate::app::stage::{self, Stage};
use crate::app::update::tests::told;
use crate::catalogue::Digest;
use crate::catalogue::drafts::Base;
use crate::definition::id::InstanceId;
use crate::failure::{Failure, FailureKind};

pub(super) const TEXT: &str =
    "containers:\n  - name: main\n    image: billing:1\nreplicas: 1\nlabels: {}\n";
const EDITOR: OpId = OpId(1);

fn billing() -> InstanceId {
    "billing".parse().unwrap()
}

fn opened(text: &str) -> OpenedDefinition {
    OpenedDefinition {
        text: text.to_owned(),
        digest: Digest::of(text.as_bytes()),
        draft: None,
    }
}

fn read(stage: &mut Stage, result: Result<OpenedDefinition, Failure>) {
    let editor = EDITOR;
    stage.send(Msg::DefinitionOpened { editor, result });
}

/// The definition of billing is open and its last line changed.
fn edited() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("e");
    read(&mut stage, Ok(opened(TEXT)));
    for _ in 0..4 {
        stage.press("down");
    }
    stage.press("end").type_text(" # mine");
    stage.take_effects();
    stage
}

const MINE: &str =
    "containers:\n  - name: main\n    image: billing:1\nreplicas: 1\nlabels: {} # mine\n";

fn text(stage: &Stage) -> String {
    stage.model.editor().unwrap().editor().unwrap().text()
}

pub(super) fn pane(stage: &Stage) -> &MergePane {
    match stage.model.screens.last() {
        Some(Screen::Merge(pane)) => pane,
        other => panic!("no merge: {other:?}"),
    }
}

/// A save is refused since the file says something else by now, and both are to be merged.
pub(super) fn merging_with(theirs: &str) -> Stage {
    let mut stage = edited();
    stage.press("^s");
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    stage.send(Msg::Saved {
        editor: EDITOR,
        revision,
        answer: SaveAnswer::Changed,
    });
    stage.take_effects();
    stage.press("enter");
    let name = billing();
    let editor = EDITOR;
    assert_eq!(
        stage.take_effects(),
        [Effect::OpenDefinition { editor, name }]
    );
    read(&mut stage, Ok(opened(theirs)));
    stage
}

/// The base of the next save: what it would refuse to write over.
fn base_of_save(stage: &mut Stage) -> Option<Digest> {
    stage.press("^s");
    stage
        .take_effects()
        .into_iter()
        .find_map(|effect| match effect {
            Effect::SaveDefinition { base, .. } => Some(base),
            _ => None,
        })
}

#[test]
fn lines_that_only_one_side_changed_are_merged_and_nothing_is_saved_by_that() {
    let theirs = TEXT.replace("billing:1", "billing:2");
    let mut stage = merging_with(&theirs);
    assert_eq!(pane(&stage).merge.n_undecided(), 0);
    stage.press("enter");
    let merged = MINE.replace("billing:1", "billing:2");
    assert_eq!((text(&stage), stage.model.screens.len()), (merged, 1));
    assert_eq!(stage.take_effects(), []);
    // One step of undo, and then too the file is another than what is seen.
    stage.press("^u");
    assert_eq!(text(&stage), MINE);
    assert!(stage.model.editor().unwrap().unsaved().is_some());
    stage.press("^y");
    // The next save begins from what was merged.
    assert_eq!(
        base_of_save(&mut stage),
        Some(Digest::of(theirs.as_bytes()))
    );
}

/// Saves, as somebody else's file is there; returns the base of that save.
fn refused_save(stage: &mut Stage) -> Option<Digest> {
    let base = base_of_save(stage);
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    let (editor, answer) = (EDITOR, SaveAnswer::Changed);
    stage.send(Msg::Saved {
        editor,
        revision,
        answer,
    });
    stage.take_effects();
    base
}

#[test]
fn text_whose_merge_was_taken_back_is_not_saved_over_the_file() {
    let (theirs, before) = (
        TEXT.replace("billing:1", "billing:2"),
        Digest::of(TEXT.as_bytes()),
    );
    let merged = MINE.replace("billing:1", "billing:2");
    let undone = || {
        let mut stage = merging_with(&theirs);
        stage.press("enter ^u");
        assert_eq!(text(&stage), MINE);
        stage
    };
    // Whatever is typed then: what the other changed is not in it, and its draft begins from the file before, too.
    for typed in ["", "!"] {
        let mut stage = undone();
        stage.type_text(typed);
        stage.wait(Duration::from_secs(3));
        let bases: Vec<_> = stage
            .take_effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::KeepDraft { base, .. } => Some(base.digest),
                _ => None,
            })
            .collect();
        assert_eq!(bases, std::slice::from_ref(&before));
        assert_eq!(refused_save(&mut stage), Some(before.clone()), "{typed}");
        assert_eq!(stage.menu().title, "billing was changed on disk");
    }
    // Both can be merged once more, and that begins from the file as it is.
    let mut stage = undone();
    refused_save(&mut stage);
    stage.press("enter");
    read(&mut stage, Ok(opened(&theirs)));
    stage.press("enter");
    assert_eq!(text(&stage), merged);
    let base = Some(Digest::of(theirs.as_bytes()));
    assert_eq!(base_of_save(&mut stage), base);
    // What was saved with the merge in it does not change that.
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    let digest = Digest::of(merged.as_bytes());
    let (editor, answer) = (EDITOR, SaveAnswer::Saved(digest.clone()));
    stage.send(Msg::Saved {
        editor,
        revision,
        answer,
    });
    stage.press("^u");
    assert_eq!(text(&stage), MINE);
    assert_eq!(refused_save(&mut stage), Some(before));
    stage.press("esc ^y");
    assert_eq!(text(&stage), merged);
    assert_eq!(base_of_save(&mut stage), Some(digest));
}

#[test]
fn list_beside_the_cursor_goes_with_the_text_that_it_was_of() {
    let theirs = TEXT.replace("billing:1", "billing:2");
    let check = |keys: &str, confirm: &[&str]| {
        let mut stage = edited();
        stage.press("enter").type_text("work");
        let has_list = |stage: &Stage| stage.model.editor().unwrap().assist.is_some();
        assert!(has_list(&stage));
        refused_save(&mut stage);
        stage.press(keys);
        read(&mut stage, Ok(opened(&theirs)));
        for key in confirm {
            stage.press(key);
        }
        assert!(text(&stage).contains("billing:2"));
        assert!(!has_list(&stage), "{confirm:?}");
    };
    check("j j j enter", &[]);
    check("enter", &["enter"]);
}

#[test]
fn text_brought_back_after_the_file_was_taken_is_not_saved_over_it() {
    let theirs = TEXT.replace("billing:1", "billing:2");
    let mut stage = edited();
    refused_save(&mut stage);
    stage.press("j j j enter");
    read(&mut stage, Ok(opened(&theirs)));
    assert_eq!(text(&stage), theirs);
    stage.press("^u");
    assert_eq!(text(&stage), MINE);
    assert_eq!(base_of_save(&mut stage), Some(Digest::of(TEXT.as_bytes())));
}

#[test]
fn quitting_from_a_merge_closes_the_editor_too() {
    let mut stage = merging_with(&TEXT.replace("billing:1", "billing:2"));
    stage.press("q j j enter");
    assert!(stage.model.screens.is_empty(), "{:?}", stage.model.screens);
    let name = billing();
    assert_eq!(stage.take_effects(), [Effect::DiscardDraft { name }]);
}

#[test]
fn conflict_is_chosen_by_a_key_before_anything_is_taken() {
    let theirs = TEXT.replace("labels: {}", "labels: {} # theirs");
    for (key, expected) in [
        ("o", "labels: {} # mine\n"),
        ("t", "labels: {} # theirs\n"),
        ("b", "labels: {} # mine\nlabels: {} # theirs\n"),
    ] {
        let mut stage = merging_with(&theirs);
        stage.press("enter");
        assert_eq!(
            told(&stage),
            "Not possible: choose first: o mine, t theirs, b both, e by hand."
        );
        assert_eq!(text(&stage), MINE);
        stage.press(key).press("enter");
        assert_eq!(text(&stage), TEXT.replace("labels: {}\n", expected));
    }
    // What is as the file says is not unsaved.
    let mut stage = merging_with(&theirs);
    stage.press("t enter");
    assert!(stage.model.editor().unwrap().unsaved().is_none());
}

#[test]
fn conflict_edited_by_hand_stands_between_marks_with_the_cursor_before_it() {
    let theirs = TEXT.replace("labels: {}", "labels: {} # theirs");
    let mut stage = merging_with(&theirs);
    stage.press("e enter");
    let marked = "<<<<<<< mine\nlabels: {} # mine\n||||||| before\nlabels: {}\n=======\nlabels: {} # theirs\n>>>>>>> theirs\n";
    assert_eq!(text(&stage), TEXT.replace("labels: {}\n", marked));
    let editor = stage.model.editor().unwrap().editor().unwrap();
    assert_eq!(editor.cursor().line, 5);
    assert!(
        told(&stage).starts_with("1 to be edited by hand"),
        "{}",
        told(&stage)
    );
}

#[test]
fn merge_that_is_left_changes_nothing() {
    let theirs = TEXT.replace("billing:1", "billing:2");
    let mut stage = merging_with(&theirs);
    stage.press("esc");
    assert_eq!(
        (text(&stage).as_str(), stage.model.screens.len()),
        (MINE, 1)
    );
    // The next save is refused again.
    assert_eq!(base_of_save(&mut stage), Some(Digest::of(TEXT.as_bytes())));
}

#[test]
fn file_that_says_the_same_by_now_needs_no_merge() {
    let stage = merging_with(MINE);
    assert_eq!(stage.model.screens.len(), 1);
    assert!(stage.model.editor().unwrap().unsaved().is_none());
    let mut stage = merging_with(TEXT);
    assert_eq!(base_of_save(&mut stage), Some(Digest::of(TEXT.as_bytes())));
}

#[test]
fn file_that_somebody_removed_can_be_written_again() {
    let mut stage = edited();
    stage.press("^s");
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    let (editor, answer) = (EDITOR, SaveAnswer::Changed);
    stage.send(Msg::Saved {
        editor,
        revision,
        answer,
    });
    stage.press("enter");
    stage.catalogue(&["web"]);
    let failure = Failure::new(FailureKind::NotFound, "no definition billing");
    read(&mut stage, Err(failure));
    assert!(
        told(&stage).contains("removed the file"),
        "{}",
        told(&stage)
    );
    let (editor, answer) = (EDITOR, SaveAnswer::Changed);
    stage.press("^s");
    stage.send(Msg::Saved {
        editor,
        revision,
        answer,
    });
    stage.take_effects();
    stage.press("j j enter").type_text("billing").press("enter");
    let (name, text) = (billing(), MINE.to_owned());
    assert_eq!(
        stage.take_effects(),
        [Effect::CreateDefinition { name, text }]
    );
}

#[test]
fn draft_of_a_file_that_was_changed_since_is_merged_with_it() {
    let mut stage = Stage::with_services();
    stage.press("e");
    let theirs = TEXT.replace("billing:1", "billing:2");
    let base = Base {
        digest: Digest::of(TEXT.as_bytes()),
        text: Some(Rope::from_str(TEXT)),
    };
    let draft = Some((MINE.to_owned(), base));
    read(
        &mut stage,
        Ok(OpenedDefinition {
            draft,
            ..opened(&theirs)
        }),
    );
    // Go on with them; then merge.
    stage.press("enter enter");
    read(&mut stage, Ok(opened(&theirs)));
    assert_eq!(pane(&stage).merge.n_undecided(), 0);
    stage.press("enter");
    assert_eq!(text(&stage), MINE.replace("billing:1", "billing:2"));
}

#[test]
fn change_of_the_file_is_told_while_one_types() {
    let mut stage = edited();
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    stage.wait(Duration::from_secs(2));
    let kept = |stage: &mut Stage, base: &str| {
        stage.send(Msg::DraftKept {
            editor: EDITOR,
            revision,
            base: Digest::of(base.as_bytes()),
            result: Ok(true),
        });
    };
    // What was kept before a save of ones own tells nothing.
    kept(&mut stage, "an earlier text");
    assert!(!stage.model.editor().unwrap().is_changed_on_disk);
    kept(&mut stage, TEXT);
    assert!(
        told(&stage).contains("^s offers to merge"),
        "{}",
        told(&stage)
    );
    assert!(stage.model.editor().unwrap().is_changed_on_disk);
    assert_eq!(text(&stage), MINE);
}

fn live(stage: &mut Stage, live: &str, left: &[&str]) {
    let texts = LiveTexts {
        applied: TEXT.to_owned(),
        live: live.to_owned(),
        left: left.iter().map(|it| (*it).to_owned()).collect(),
    };
    let (editor, result) = (EDITOR, Ok(texts));
    stage.send(Msg::LiveRead { editor, result });
}

#[test]
fn what_others_changed_in_the_cluster_is_merged_into_the_text() {
    let mut stage = edited();
    stage.press("^t");
    let (editor, name, key) = (EDITOR, billing(), stage::key("billing"));
    assert_eq!(
        stage.take_effects(),
        [Effect::ReadLive { editor, name, key }]
    );
    live(
        &mut stage,
        &TEXT.replace("replicas: 1", "replicas: 3"),
        &["Service/x: why"],
    );
    let with = MergeWith::Live(vec!["Service/x: why".to_owned()]);
    assert_eq!(pane(&stage).with, with);
    // It is not being read any more.
    assert_eq!(told(&stage), "");
    stage.press("enter");
    assert_eq!(text(&stage), MINE.replace("replicas: 1", "replicas: 3"));
    // The file is the same as before.
    assert_eq!(base_of_save(&mut stage), Some(Digest::of(TEXT.as_bytes())));
}

#[test]
fn where_the_cluster_has_nothing_new_it_is_said() {
    let mut stage = edited();
    stage.press("^t");
    live(&mut stage, TEXT, &[]);
    assert_eq!(
        told(&stage),
        "The text says already what is in the cluster."
    );
    live(&mut stage, TEXT, &["Service/x: why"]);
    assert_eq!(
        told(&stage),
        "Nothing that the text could say: Service/x: why."
    );
    // Whoever left the editor is not called back.
    stage.press("esc j j enter");
    live(&mut stage, "", &[]);
    assert!(stage.model.screens.is_empty());
}

#[test]
fn definition_that_runs_nowhere_has_nothing_live_to_merge() {
    let mut stage = Stage::with_services();
    stage.press("G k k e");
    stage.take_effects();
    let name = stage.model.editor().map(|pane| pane.name.clone()).unwrap();
    if name.as_str() != "notebook" {
        stage.press("esc");
        stage.press("/").type_text("notebook").press("enter e");
    }
    let editor = stage.model.editor().unwrap().id;
    let result = Ok(opened(TEXT));
    stage.send(Msg::DefinitionOpened { editor, result });
    stage.take_effects();
    stage.press("^t");
    assert_eq!(told(&stage), "Not possible: no instance of it runs here.");
}

#[test]
fn text_goes_to_another_editor_and_comes_back_as_one_step() {
    let mut stage = edited();
    stage.press("^e");
    let base = Base {
        digest: Digest::of(TEXT.as_bytes()),
        text: Some(Rope::from_str(TEXT)),
    };
    let revision = stage.model.editor().unwrap().editor().unwrap().revision();
    let draft = Effect::KeepDraft {
        editor: EDITOR,
        name: billing(),
        revision,
        text: Rope::from_str(MINE),
        base,
    };
    let handed = Effect::EditElsewhere {
        editor: EDITOR,
        name: billing(),
        text: Rope::from_str(MINE),
    };
    // What was typed is safe before anybody else has the terminal.
    assert_eq!(stage.take_effects(), [draft, handed]);
    let back = |stage: &mut Stage, result| {
        let editor = EDITOR;
        stage.send(Msg::EditedElsewhere { editor, result });
    };
    back(&mut stage, Ok(Some(returned())));
    assert_eq!(text(&stage), "a: 1\n");
    // Its file is not needed any more.
    let path = returned().path;
    assert_eq!(stage.take_effects(), [Effect::DiscardHandout { path }]);
    stage.press("^u");
    assert_eq!(text(&stage), MINE);
    back(&mut stage, Ok(None));
    assert!(told(&stage).contains("as it was"), "{}", told(&stage));
    let failure = Failure::new(FailureKind::Disk, "the editor vi ended with exit code 1");
    back(&mut stage, Err(failure));
    assert_eq!(text(&stage), MINE);
    assert_eq!(told(&stage), "the editor vi ended with exit code 1");
}

fn returned() -> Returned {
    Returned {
        text: "a: 1\n".to_owned(),
        path: "/state/handed-out-1/billing.yaml".into(),
    }
}

/// Returns what the box that is open says after its first sentence; no line of it may be too long for one.
fn boxed(stage: &Stage) -> String {
    match &stage.model.popup {
        Some(Popup::Menu(menu)) => {
            let lines = &menu.text[1..];
            assert!(lines.iter().all(|line| line.len() <= 70), "{lines:?}");
            lines.concat()
        }
        other => panic!("no box: {other:?}"),
    }
}

#[test]
fn what_another_editor_left_and_nobody_takes_is_kept_and_it_is_told_where() {
    let editor = EDITOR;
    // The editor was left meanwhile.
    let mut stage = Stage::with_services();
    let result = Ok(Some(returned()));
    stage.send(Msg::EditedElsewhere { editor, result });
    assert_eq!(stage.take_effects(), []);
    let said = boxed(&stage);
    assert!(said.ends_with("/state/handed-out-1/billing.yaml"), "{said}");
    // It is too large.
    let mut stage = edited();
    let large = Returned {
        text: "#".repeat(5 << 20),
        ..returned()
    };
    let result = Ok(Some(large));
    stage.send(Msg::EditedElsewhere { editor, result });
    assert_eq!(stage.take_effects(), []);
    assert_eq!(text(&stage), MINE);
    let said = boxed(&stage);
    assert!(said.ends_with("/state/handed-out-1/billing.yaml"), "{said}");
    // The other editor failed, and left something.
    let mut stage = edited();
    let failure = Failure {
        detail: "What it left is kept: /state/handed-out-1".to_owned(),
        ..Failure::new(FailureKind::Disk, "the editor vi ended with signal 9")
    };
    let result = Err(failure);
    stage.send(Msg::EditedElsewhere { editor, result });
    assert_eq!(boxed(&stage), "What it left is kept: /state/handed-out-1");
    assert_eq!(told(&stage), "the editor vi ended with signal 9");
    stage.press("enter");
    assert_eq!(text(&stage), MINE);
}

#[test]
fn text_that_is_being_saved_goes_to_no_other_editor() {
    let mut stage = edited();
    stage.press("^s");
    stage.take_effects();
    stage.press("^e");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(told(&stage), "Not possible: it is being saved.");
}
