//! What stands beside the cursor of the editor.

use crate::app::Learnt;
use crate::app::effect::Effect;
use crate::app::msg::{Epoch, Msg, OpId, OpenedDefinition};
use crate::app::panes::editor::assist::{Assist, List};
use crate::app::popup::Popup;
use crate::app::stage::Stage;
use crate::catalogue::Digest;
use crate::completion::Named;
use crate::schema::ClusterSchemas;

/// A text is open in the editor, with the cursor at its end.
fn open(text: &str) -> Stage {
    let mut stage = Stage::with_services();
    stage.press("e");
    stage.send(Msg::DefinitionOpened {
        editor: OpId(1),
        result: Ok(OpenedDefinition {
            text: text.to_owned(),
            digest: Digest::of(text.as_bytes()),
            draft: None,
        }),
    });
    stage.press("^end");
    stage.take_effects();
    stage
}

fn text(stage: &Stage) -> String {
    stage.model.editor().unwrap().editor().unwrap().text()
}

fn list(stage: &Stage) -> Option<List> {
    match stage.model.editor().unwrap().assist.clone() {
        Some(Assist::List(list)) => Some(list),
        _ => None,
    }
}

fn labels(stage: &Stage) -> Vec<String> {
    let items = list(stage).map(|list| list.found.items);
    let labels = items.into_iter().flatten().map(|item| item.label);
    labels.take(2).collect()
}

#[test]
fn a_search_takes_the_place_of_a_list() {
    let mut stage = open("containers: []\n");
    stage.press("w o");
    assert_ne!(list(&stage), None);
    stage.press("^f w tab");
    assert_eq!(list(&stage), None);
    // Tab leads to what a match is replaced by, and writes nothing of a list.
    assert_eq!(text(&stage), "containers: []\nwo");
}

#[test]
fn a_list_opens_as_one_types_and_tab_takes_its_first() {
    let mut stage = open("containers: []\n");
    stage.press("w o");
    assert_eq!(labels(&stage)[0], "workload");
    stage.press("tab");
    assert_eq!(text(&stage), "containers: []\nworkload: ");
    // The values are the next to be chosen from.
    assert_eq!(labels(&stage), ["Deployment", "StatefulSet"]);
    stage.press("down down enter");
    assert_eq!(text(&stage), "containers: []\nworkload: StatefulSet");
    assert_eq!(list(&stage), None);
}

#[test]
fn enter_is_a_new_line_where_nothing_was_chosen() {
    let mut stage = open("");
    stage.press("w");
    assert!(list(&stage).is_some());
    stage.press("enter");
    assert_eq!(text(&stage), "w\n");
    assert_eq!(list(&stage), None);
}

#[test]
fn an_item_is_taken_back_as_one_step() {
    let mut stage = open("containers:\n  ");
    stage.press("^space enter");
    assert_eq!(text(&stage), "containers:\n  - name: \n    image: ");
    stage.press("^u");
    assert_eq!(text(&stage), "containers:\n  ");
}

#[test]
fn a_list_that_was_asked_for_is_closed_by_escape_alone() {
    let mut stage = open("");
    stage.press("^space");
    assert_eq!(list(&stage).unwrap().selected, Some(0));
    stage.press("esc");
    assert_eq!(list(&stage), None);
    // The editor is still there: one more leaves it.
    assert!(stage.model.editor().is_some());
    stage.press("^space left");
    assert_eq!(list(&stage), None);
}

#[test]
fn a_list_follows_what_is_erased_and_ends_with_what_is_written_out() {
    let mut stage = open("");
    stage.press("r e p");
    let all = labels(&stage);
    stage.press("x");
    assert_eq!(list(&stage), None);
    stage.press("backspace");
    assert_eq!(list(&stage), None, "only typing opens it by itself");
    stage.press("l");
    assert_eq!(labels(&stage), all);
    // A key that is written out still goes on to its value.
    stage.press("i c a s");
    assert_eq!(labels(&stage), ["replicas"]);
    stage.press("tab");
    assert_eq!(list(&stage), None);
    let editor = stage.model.editor().unwrap().editor().unwrap();
    assert_eq!(editor.text(), "replicas: ");
    let mut stage = open("protected: tru");
    stage.press("end e");
    assert_eq!(list(&stage), None);
}

#[test]
fn one_key_tells_of_the_field_and_then_of_the_keys() {
    let mut stage = open("containers: []\nworkload: x");
    stage.press("F1");
    match &stage.model.editor().unwrap().assist {
        Some(Assist::Field(field)) => assert_eq!(field.help.path, "workload"),
        other => panic!("{other:?}"),
    }
    stage.press("F1");
    assert!(matches!(stage.model.popup, Some(Popup::Help { .. })));
    assert_eq!(stage.model.editor().unwrap().assist, None);
}

#[test]
fn field_that_a_list_shows_is_told_of_and_the_list_comes_back() {
    let mut stage = open("");
    stage.press("r e p");
    let all = labels(&stage);
    stage.press("down F1");
    match &stage.model.editor().unwrap().assist {
        Some(Assist::Field(field)) => assert_eq!(field.help.path, all[0]),
        other => panic!("{other:?}"),
    }
    stage.press("esc");
    assert_eq!(labels(&stage), all);
    assert_eq!(list(&stage).unwrap().selected, Some(0));
    stage.press("F1 l");
    assert_eq!(labels(&stage)[0], "replicas");
}

#[test]
fn list_that_is_to_be_asked_for_does_not_open_by_itself() {
    let mut stage = open("");
    stage.model.completes_unasked = false;
    stage.press("r e");
    assert_eq!(list(&stage), None);
    stage.press("^space");
    let all = labels(&stage);
    assert!(all.contains(&"replicas".to_owned()), "{all:?}");
    // Once it is open it follows the typing.
    stage.press("p");
    assert_eq!(labels(&stage)[0], "replicas");
}

#[test]
fn all_that_is_required_is_written_with_the_cursor_at_the_first_value() {
    let mut stage = open("containers:\n  - ");
    stage.press("^end ^space tab").type_text("web");
    assert_eq!(text(&stage), "containers:\n  - name: web\n    image: ");
}

#[test]
fn where_nothing_is_known_that_is_said() {
    let mut stage = open("# a comment");
    stage.press("^space");
    assert!(
        stage
            .model
            .status
            .as_ref()
            .unwrap()
            .text
            .starts_with("Nothing is known")
    );
}

#[test]
fn what_the_cluster_knows_is_asked_for_once_and_offered() {
    let text = "volumes:\n  - name: a\n    storageClass: ";
    let mut stage = open(text);
    let answer = |stage: &Stage| Msg::Checked {
        editor: OpId(1),
        revision: stage.model.editor().unwrap().editor().unwrap().revision(),
        diagnostics: Vec::new(),
    };
    let msg = answer(&stage);
    stage.send(msg.clone());
    let asked = stage.take_effects();
    assert!(
        matches!(asked.as_slice(), [Effect::Learn { .. }]),
        "{asked:?}"
    );
    stage.send(msg);
    assert_eq!(stage.take_effects(), []);
    let learnt = |epoch| Msg::Learnt {
        epoch,
        learnt: Learnt {
            namespace: Some("team-a".parse().unwrap()),
            names: [(Named::StorageClass, vec!["fast".to_owned()])].into(),
            documents: ClusterSchemas::default(),
        },
    };
    // What another cluster told is not of this one.
    stage.send(learnt(Epoch(9)));
    stage.press("^space");
    assert_eq!(labels(&stage), Vec::<String>::new());
    stage.send(learnt(Epoch(1)));
    stage.press("^space");
    assert_eq!(labels(&stage), ["fast"]);
}

#[test]
fn tab_goes_through_the_blanks_of_an_item_and_esc_ends_that() {
    let mut stage = open("containers: [{}]\n");
    stage.press("^home end left left");
    let complete = |stage: &mut Stage| {
        let item = list(stage).unwrap().found.items[0].clone();
        assert_eq!(item.label, "name, image");
        stage.press("tab");
    };
    stage
        .effects
        .extend(crate::app::update::assist::complete(&mut stage.model));
    complete(&mut stage);
    assert_eq!(text(&stage), "containers: [{name: , image: }]\n");
    stage.type_text("a").press("tab").type_text("b");
    assert_eq!(text(&stage), "containers: [{name: a, image: b}]\n");
    // The first esc ends what was begun, and does not leave.
    let mut stage = open("containers: [{}]\n");
    stage.press("^home end left left");
    stage
        .effects
        .extend(crate::app::update::assist::complete(&mut stage.model));
    complete(&mut stage);
    stage.press("esc tab");
    assert!(stage.model.popup.is_none());
    assert_ne!(text(&stage), "containers: [{name: , image: }]\n");
}

#[test]
fn values_of_a_blank_are_listed_once_it_is_come_to() {
    let mut stage = open("apiVersion: v1\nkind: Pod\nspec: {topologySpreadConstraints: [{}]}\n");
    stage.press("^home down down end left left left");
    stage
        .effects
        .extend(crate::app::update::assist::complete(&mut stage.model));
    stage.press("tab tab");
    assert_eq!(list(&stage), None);
    stage.press("tab");
    assert!(text(&stage).contains("{maxSkew: , topologyKey: , whenUnsatisfiable: }"));
    assert_eq!(labels(&stage), ["DoNotSchedule", "ScheduleAnyway"]);
}

#[test]
fn tab_takes_what_a_blank_offers_and_then_goes_on() {
    let mut stage = open(
        "containers: [{name: a, image: b, volumeMounts: [{}]}]\nvolumes: [{name: data, size: 1Gi}]\n",
    );
    stage.press("^home end left left left left ^space");
    assert_eq!(labels(&stage)[0], "name, mountPath");
    stage.press("tab");
    assert_eq!(labels(&stage), ["data"]);
    assert_eq!(list(&stage).unwrap().selected, Some(0));
    // What is erased again is no blank that was led to: enter is a new line there.
    stage.type_text("d").press("backspace");
    assert_eq!(list(&stage).and_then(|list| list.selected), None);
    stage.press("tab tab").type_text("/d");
    let expected = "volumeMounts: [{name: data, mountPath: /d}]";
    assert!(text(&stage).contains(expected), "{}", text(&stage));
}

#[test]
fn key_that_leads_from_blank_to_blank_takes_what_is_offered_whatever_key_it_is() {
    let mut stage = open(
        "containers: [{name: a, image: b, volumeMounts: [{}]}]\nvolumes: [{name: data, size: 1Gi}]\n",
    );
    stage.bind("indent = \"^]\"");
    stage.press("^home end left left left left ^space tab");
    assert_eq!(list(&stage).unwrap().selected, Some(0));
    let told = stage.told().unwrap().to_owned();
    assert!(told.contains("^] takes what is selected"), "{told}");
    stage.press("^] ^]").type_text("/d");
    let expected = "volumeMounts: [{name: data, mountPath: /d}]";
    assert!(text(&stage).contains(expected), "{}", text(&stage));
}
