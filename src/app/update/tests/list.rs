//! The services list and the detail below it: moving, marking, filtering, sorting, tabs.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::msg::{CatalogueListing, Epoch, Msg, OpId};
use crate::app::panes::detail::Tab;
use crate::app::panes::services::{Labelled, RowKey};
use crate::app::screen::{Focus, Screen};
use crate::app::stage::{self, Stage, key};
use crate::app::table::Value;
use crate::app::update::begin;
use crate::failure::{Failure, FailureKind};
use crate::service::address::{HostPath, Means, Route};
use crate::service::summary::WorkloadKind;
use crate::service::watch::{Delta, ItemKey, LinkState, RouteKind, Topic, WatchEvent};

fn ids(stage: &Stage) -> Vec<&str> {
    let rows = stage.model.services.table.rows();
    rows.map(|row| row.key.id().as_str()).collect()
}

fn selected(stage: &Stage) -> Option<&str> {
    let key = stage.model.services.table.selected();
    key.map(|key| key.id().as_str())
}

/// Presses keys on the list of billing, ml-resnet, notebook, orders-db and web.
fn check(keys: &str, expected: &str) {
    let mut stage = Stage::with_services();
    stage.press(keys);
    assert_eq!(selected(&stage), Some(expected), "{keys}");
}

#[test]
fn keys_move_the_selection_and_stop_at_the_ends() {
    check("j", "ml-resnet");
    check("down down", "notebook");
    check("j j k", "ml-resnet");
    check("k", "billing");
    check("G", "web");
    check("G j", "web");
    check("G g", "billing");
    check("^d", "ml-resnet");
    check("G ^u", "orders-db");
}

#[test]
fn keys_of_pages_move_by_what_is_in_sight_and_a_row_stays() {
    let check = |keys: &str, expected: &str| {
        let mut stage = Stage::with_services();
        stage.model.geometry.list_height = 4;
        stage.press(keys);
        assert_eq!(selected(&stage), Some(expected), "{keys}");
    };
    check("^f", "orders-db");
    check("pgdn", "orders-db");
    check("G ^b", "ml-resnet");
    check("G pgup", "ml-resnet");
    check("^d", "notebook");
    check("G ^u", "notebook");
}

/// The list stays where it is, whichever tab is below it.
#[test]
fn lower_part_is_scrolled_while_keys_go_to_the_list() {
    let mut stage = Stage::with_services();
    stage.press("G 6");
    let text: String = (1..=60).map(|n| format!("# line {n}\n")).collect();
    stage.send(Msg::DefinitionShown {
        name: "web".parse().unwrap(),
        result: Ok(text),
    });
    let top = |stage: &Stage| {
        let shown = stage.model.detail_pane.definition.as_ref().unwrap();
        let text = shown.text.as_ref().unwrap().as_ref().unwrap();
        text.viewport().top
    };
    stage.press("J J");
    let below = top(&stage);
    assert_eq!((selected(&stage), below > 1), (Some("web"), true));
    stage.press("K K");
    assert_eq!((selected(&stage), top(&stage)), (Some("web"), 0));
    // A step is seen at once.
    stage.press("tab j");
    assert_eq!(top(&stage), 1);
    stage.press("tab");
    assert_eq!(stage.model.focus, Focus::Services);
}

#[test]
fn definition_for_another_namespace_is_told_apart_from_what_is_not_deployed() {
    let mut stage = Stage::with_services();
    let cell = |stage: &Stage, id: &str| {
        let mut rows = stage.model.services.table.rows();
        let row = rows.find(|row| row.key.id().as_str() == id).unwrap();
        row.cells.last().cloned().unwrap()
    };
    assert_eq!(cell(&stage, "notebook"), Value::Missing);
    assert_eq!(cell(&stage, "web"), Value::Missing);
    let mut listing = CatalogueListing::default();
    listing.entries.clone_from(&stage.model.catalogue.entries);
    for entry in &mut listing.entries {
        let namespace = match entry.name.as_str() {
            "notebook" => "lab",
            _ => "team-a",
        };
        entry.namespace = Some(namespace.parse().unwrap());
    }
    stage.send(Msg::CatalogueListed(Ok(listing)));
    stage.model.settle();
    assert_eq!(cell(&stage, "notebook"), Value::Text("lab".to_owned()));
    assert_eq!(cell(&stage, "web"), Value::Text("team-a".to_owned()));
}

#[test]
fn keys_without_a_meaning_do_nothing() {
    let mut stage = Stage::with_services();
    stage.press("X Z 4 7 9 ^g");
    assert_eq!(stage.take_effects(), []);
    assert_eq!(selected(&stage), Some("billing"));
    assert!(stage.model.screens.is_empty() && stage.model.popup.is_none());
}

#[test]
fn first_row_is_selected_until_all_rows_are_there() {
    let mut stage = Stage::empty();
    stage.connected();
    let late = stage::overview();
    let (first, rest) = late.split_at(1);
    let Some(WatchEvent::Records(records)) = first.first() else {
        panic!("the records come first");
    };
    let [Delta::Reset(records)] = &records[..] else {
        panic!("the records come as one list");
    };
    let web = records
        .iter()
        .find(|record| record.definition.as_str() == "web");
    let web = web.cloned().unwrap();
    stage.overview(vec![WatchEvent::Records(vec![Delta::Reset(vec![web])])]);
    stage.model.settle();
    assert_eq!(selected(&stage), Some("web"));
    stage.overview(first.to_vec());
    stage.overview(rest.to_vec());
    stage.model.settle();
    assert_eq!(selected(&stage), Some("billing"));
    // From here on the row is kept, though another one comes before it.
    let first = stage::workload("aaa", (1, 1), "a:1", stage::now());
    stage.overview(vec![WatchEvent::Workloads(
        first.kind,
        vec![Delta::Applied(first)],
    )]);
    stage.model.settle();
    assert_eq!((ids(&stage)[0], selected(&stage)), ("aaa", Some("billing")));
}

/// The catalogue is read sooner than the cluster answers.
#[test]
fn first_row_is_selected_though_definitions_came_first() {
    let mut stage = Stage::empty();
    stage.catalogue(&["web"]);
    stage.follow();
    assert_eq!(selected(&stage), Some("web"));
    stage.connected();
    for event in stage::overview() {
        stage.overview(vec![event]);
        stage.follow();
    }
    assert_eq!(selected(&stage), Some("billing"));
}

#[test]
fn selection_keeps_to_its_row_while_rows_come_and_go() {
    let mut stage = Stage::with_services();
    stage.press("G");
    let first = stage::workload("aaa", (1, 1), "a:1", stage::now());
    stage.overview(vec![WatchEvent::Workloads(
        first.kind,
        vec![Delta::Applied(first)],
    )]);
    stage.model.settle();
    assert_eq!(selected(&stage), Some("web"));
}

#[test]
fn selection_goes_with_what_is_deployed() {
    let mut stage = Stage::with_services();
    stage.press("j j");
    let notebook: RowKey = RowKey::Saved("notebook".parse().unwrap());
    assert_eq!(stage.model.services.table.selected(), Some(&notebook));
    // In an order where the row moves, its place cannot be what keeps the selection.
    stage.press("o O");
    let deployed = stage::workload("notebook", (0, 1), "jupyter:latest", stage::now());
    stage.overview(vec![WatchEvent::Workloads(
        deployed.kind,
        vec![Delta::Applied(deployed)],
    )]);
    stage.model.settle();
    let deployed = RowKey::Instance(stage::key("notebook"));
    assert_eq!(stage.model.services.table.selected(), Some(&deployed));
}

#[test]
fn selection_never_goes_over_to_a_namesake_in_another_namespace() {
    let mut stage = Stage::with_services();
    let apply = |stage: &mut Stage, delta| {
        let kind = WorkloadKind::Deployment;
        stage.overview(vec![WatchEvent::Workloads(kind, vec![delta])]);
        stage.model.settle();
    };
    let mut namesake = stage::workload("web", (1, 1), "nginx:1.27", stage::now());
    namesake.instance.namespace = "team-b".parse().unwrap();
    let item = ItemKey {
        namespace: namesake.instance.namespace.clone(),
        name: "web".to_owned(),
    };
    let key = RowKey::Instance(namesake.instance.clone());
    apply(&mut stage, Delta::Applied(namesake));
    let after = stage::workload("zebra", (1, 1), "z:1", stage::now());
    apply(&mut stage, Delta::Applied(after));
    assert!(stage.model.services.table.select(&key));
    apply(&mut stage, Delta::Removed(item));
    // The next row, as with any other that goes.
    assert_eq!(selected(&stage), Some("zebra"));
}

#[test]
fn new_definition_is_selected_once_it_has_a_row() {
    let mut stage = Stage::with_services();
    let name: crate::definition::id::InstanceId = "mail".parse().unwrap();
    stage.send(Msg::DefinitionCreated {
        name,
        result: Ok(()),
    });
    stage.catalogue(&["billing", "mail", "web"]);
    stage.model.settle();
    assert_eq!(selected(&stage), Some("mail"));
}

#[test]
fn marks_are_set_and_taken_off() {
    let mut stage = Stage::with_services();
    let marked = |stage: &Stage| -> Vec<String> {
        let marks = stage.model.services.table.marks().iter();
        marks.map(|key| key.id().to_string()).collect()
    };
    stage.press("space space");
    assert_eq!(marked(&stage), ["billing", "ml-resnet"]);
    stage.press("k space");
    assert_eq!(marked(&stage), ["billing"]);
    stage.press("esc");
    assert_eq!(marked(&stage), Vec::<String>::new());
    stage.press("space M");
    assert_eq!(marked(&stage), Vec::<String>::new());
    stage.press("M");
    let status = stage
        .model
        .status
        .as_ref()
        .map(|status| status.text.as_str());
    assert_eq!(status, Some("Not possible: nothing is marked."));
}

#[test]
fn filter_narrows_as_it_is_typed_and_is_taken_off_with_esc() {
    let mut stage = Stage::with_services();
    stage.press("/").type_text("state:r");
    assert_eq!(ids(&stage), ["ml-resnet", "orders-db", "web"]);
    stage.type_text("ea w");
    assert_eq!(ids(&stage), ["web"]);
    // Letters that are keys elsewhere were typed; after enter they are keys again.
    stage.press("enter");
    assert!(stage.model.services.filter.is_none());
    stage.press("q");
    assert_eq!(stage.take_effects().pop(), Some(Effect::Quit));
    stage.press("esc");
    assert_eq!(ids(&stage).len(), 5);
    assert_eq!(selected(&stage), Some("web"));
}

#[test]
fn rows_are_sorted_by_the_next_column_and_back() {
    let mut stage = Stage::with_services();
    stage.press("o o");
    assert_eq!(ids(&stage)[0], "billing");
    stage.press("O");
    assert_eq!(ids(&stage)[0], "web");
    // What has no value stays last either way.
    assert_eq!(ids(&stage)[4], "notebook");
}

#[test]
fn tabs_are_chosen_by_number_and_the_definition_is_read() {
    let mut stage = Stage::with_services();
    for (key, tab) in [
        ("2", Tab::Volumes),
        ("3", Tab::Events),
        ("5", Tab::Objects),
        ("1", Tab::Pods),
    ] {
        stage.press(key);
        assert_eq!(stage.model.detail_pane.tab, tab);
    }
    assert_eq!(stage.take_effects(), []);
    let show = |name: &str| Effect::ShowDefinition {
        name: name.parse().unwrap(),
    };
    stage.press("6");
    assert_eq!(stage.take_effects(), [show("billing")]);
    // The text of ml-resnet is not in the catalogue; that of notebook is, though it is not deployed.
    stage.press("j j");
    assert_eq!(stage.take_effects(), [show("notebook")]);
}

#[test]
fn text_of_another_definition_that_comes_late_is_dropped() {
    let mut stage = Stage::with_services();
    stage.press("6 j j");
    let text = |name: &str| Msg::DefinitionShown {
        name: name.parse().unwrap(),
        result: Ok(format!("# {name}")),
    };
    stage.send(text("billing"));
    let shown = |stage: &Stage| {
        let shown = stage.model.detail_pane.definition.as_ref().unwrap();
        shown
            .text
            .as_ref()
            .map(|text| text.as_ref().unwrap().text())
    };
    assert_eq!(shown(&stage), None);
    stage.send(text("notebook"));
    assert_eq!(shown(&stage).as_deref(), Some("# notebook"));
}

#[test]
fn instance_is_watched_once_the_selection_rests_on_it() {
    let mut stage = Stage::with_services();
    let watch = |id: Option<&str>| Effect::WatchInstance {
        epoch: Epoch(1),
        key: id.map(stage::key),
    };
    stage.follow();
    stage.wait(Duration::from_millis(100));
    assert_eq!(stage.take_effects(), []);
    stage.wait(Duration::from_millis(50));
    assert_eq!(stage.take_effects(), [watch(Some("billing"))]);
    // Passing over rows asks for nothing.
    for _ in 0..3 {
        stage.press("j");
        stage.follow();
        stage.wait(Duration::from_millis(50));
    }
    assert_eq!(stage.take_effects(), []);
    stage.wait(Duration::from_millis(100));
    assert_eq!(stage.take_effects(), [watch(Some("orders-db"))]);
    // A definition that is not deployed has nothing to watch.
    stage.press("k");
    stage.follow();
    stage.wait(Duration::from_millis(200));
    assert_eq!(stage.take_effects(), [watch(None)]);
}

#[test]
fn going_back_in_time_leaves_the_watch_as_it_is() {
    let mut stage = Stage::with_services();
    stage.rest();
    stage.follow();
    assert_eq!(stage.model.detail_pane.pods.rows().len(), 1);
    stage.take_effects();
    stage.press("j");
    assert_eq!(stage.model.detail_pane.pods.rows().len(), 0);
    stage.press("k");
    stage.follow();
    stage.wait(Duration::from_secs(1));
    assert_eq!(stage.take_effects(), []);
    assert_eq!(stage.model.detail_pane.pods.rows().len(), 1);
}

#[test]
fn reports_about_an_instance_that_was_left_are_dropped() {
    let mut stage = Stage::with_services();
    stage.rest();
    let before = stage.model.detail.clone();
    for (epoch, key) in [(Epoch(1), "web"), (Epoch(0), "billing")] {
        let event = WatchEvent::Link {
            topic: Topic::Pods,
            state: LinkState::Connecting,
        };
        stage.send(Msg::InstanceEvent {
            epoch,
            key: stage::key(key),
            event,
        });
    }
    assert_eq!(stage.model.detail, before);
}

#[test]
fn enter_opens_the_detail_alone_and_esc_closes_it() {
    let mut stage = Stage::with_services();
    stage.press("enter");
    assert!(matches!(stage.model.screens[..], [Screen::Detail]));
    stage.press("esc");
    assert!(stage.model.screens.is_empty());
    stage.press("tab");
    assert_eq!(stage.model.focus, Focus::Detail);
    stage.press("esc");
    assert_eq!(stage.model.focus, Focus::Services);
}

#[test]
fn names_are_copied() {
    let mut stage = Stage::with_services();
    stage.press("y");
    assert_eq!(stage.take_effects(), [Effect::Copy("billing".to_owned())]);
    stage.rest();
    stage.take_effects();
    stage.press("tab y");
    assert_eq!(
        stage.take_effects(),
        [Effect::Copy("billing-6d9c9c5b8-x2x7p".to_owned())]
    );
}

#[test]
fn definition_is_copied_whole_and_told_in_a_word() {
    let mut stage = Stage::with_services();
    stage.press("6");
    let text = "# billing\ncontainers: []\n";
    stage.send(Msg::DefinitionShown {
        name: "billing".parse().unwrap(),
        result: Ok(text.to_owned()),
    });
    stage.take_effects();
    stage.press("tab y");
    assert_eq!(stage.take_effects(), [Effect::Copy(text.to_owned())]);
    assert_eq!(stage.told(), Some("Copied: 2 lines, 25 B"));
}

#[test]
fn paste_that_a_line_has_no_room_for_is_refused_and_told() {
    for keys in ["/", ":"] {
        let mut stage = Stage::with_services();
        stage.press(keys).type_text("bil");
        stage.send(Msg::Paste("x".repeat(20_000)));
        let told = "Not pasted: this line takes at most 10000 characters.";
        assert_eq!(stage.told(), Some(told), "{keys}");
        assert!(stage.model.services.filter_text.len() < 4);
    }
}

#[test]
fn what_the_terminals_clipboard_drops_is_not_said_to_be_copied() {
    let mut stage = Stage::with_services();
    stage.press("6");
    stage.send(Msg::DefinitionShown {
        name: "billing".parse().unwrap(),
        result: Ok("# a\n".repeat(17_000)),
    });
    stage.take_effects();
    stage.press("tab y");
    assert_eq!(stage.take_effects(), []);
    let told = "Not possible: the terminal's clipboard takes at most 64 KiB.";
    assert_eq!(stage.told(), Some(told));
}

#[test]
fn what_answers_a_key_goes_with_the_next_one() {
    for keys in ["y j", "M j", "Z j"] {
        let mut stage = Stage::with_services();
        stage.press(&keys[..1]);
        assert!(stage.told().is_some(), "{keys}");
        stage.press(&keys[2..]);
        assert_eq!(stage.told(), None, "{keys}");
    }
}

#[test]
fn trouble_that_came_by_itself_stays_for_a_while() {
    let mut stage = Stage::with_services();
    stage.send(Msg::TaskFailed("Something broke down.".to_owned()));
    stage.press("j");
    assert_eq!(stage.told(), Some("Something broke down."));
    stage.wait(Duration::from_secs(11));
    assert_eq!(stage.told(), None);
}

#[test]
fn a_key_without_a_meaning_says_where_the_keys_are() {
    let mut stage = Stage::with_services();
    stage.press("Z");
    assert_eq!(
        stage.told(),
        Some("Z is no key here: ? shows those that are.")
    );
}

#[test]
fn program_is_suspended_from_everywhere_and_drawn_anew_after() {
    for keys in ["^z", ": ^z", "/ ^z", "e ^z", "? ^z"] {
        let mut stage = Stage::with_services();
        stage.press(keys);
        assert_eq!(stage.take_effects().pop(), Some(Effect::Suspend), "{keys}");
    }
    let mut stage = Stage::with_services();
    stage.send(Msg::Resumed);
    assert_eq!(stage.take_effects(), [Effect::Redraw]);
}

#[test]
fn a_url_is_copied_where_the_service_has_one() {
    let mut stage = Stage::with_services();
    stage.rest();
    let copied = |stage: &mut Stage, host: &str| {
        let means = Means::Ingress {
            paths: vec![HostPath {
                host: Some(host.to_owned()),
                path: "/".to_owned(),
            }],
            tls: Vec::new(),
            balancers: Vec::new(),
        };
        let route = Route {
            instance: key("billing"),
            name: "billing".to_owned(),
            means,
        };
        stage.send(Msg::InstanceEvent {
            epoch: stage.epoch(),
            key: key("billing"),
            event: WatchEvent::Routes(RouteKind::Ingress, vec![Delta::Reset(vec![route])]),
        });
        stage.take_effects();
        stage.press("y").take_effects()
    };
    assert_eq!(
        copied(&mut stage, "billing.example.com"),
        [Effect::Copy("http://billing.example.com".to_owned())]
    );
    // What is no address yet is of no use elsewhere.
    assert_eq!(
        copied(&mut stage, "*.example.com"),
        [Effect::Copy("billing".to_owned())]
    );
    // The detail is still that of the other one.
    stage.press("j y");
    let effects = stage.take_effects();
    assert!(
        effects.contains(&Effect::Copy("ml-resnet".to_owned())),
        "{effects:?}"
    );
}

#[test]
fn copy_that_would_hold_a_slow_link_is_refused_and_says_where_the_text_is() {
    let copied = |n_lines: usize, budget: Option<u32>| {
        let mut stage = Stage::with_services();
        stage.model.traffic.budget = budget;
        stage.model.catalogue.dir = Some("/catalogue".into());
        stage.press("G 6");
        stage.send(Msg::DefinitionShown {
            name: "web".parse().unwrap(),
            result: Ok("# a line of 32 bytes, in figures\n".repeat(n_lines)),
        });
        stage.take_effects();
        stage.press("tab y");
        let effects = stage.take_effects();
        let is_copied = matches!(effects[..], [Effect::Copy(_)]);
        (is_copied, stage.told().unwrap().to_owned())
    };
    let told = "Copied: 1000 lines, 33.0 KB".to_owned();
    assert_eq!(copied(1000, None), (true, told.clone()));
    assert_eq!(copied(1000, Some(40_000)), (true, told));
    let why = "Not possible: its 33.0 KB would hold this link, of 2.0 KB/s, for 22s. \
               It is the file /catalogue/web.yaml.";
    assert_eq!(copied(1000, Some(2000)), (false, why.to_owned()));
    let why = "Not possible: the terminal's clipboard takes at most 64 KiB. \
               It is the file /catalogue/web.yaml.";
    assert_eq!(copied(2000, None), (false, why.to_owned()));
}

#[test]
fn nothing_is_copied_but_by_a_key() {
    let mut stage = Stage::empty();
    stage.connected();
    stage.catalogue(&["billing", "notebook", "orders-db", "web"]);
    stage.overview(stage::overview());
    let copies = |stage: &mut Stage| {
        let effects = stage.take_effects();
        let is_copy = |effect: &Effect| matches!(effect, Effect::Copy(_));
        effects.into_iter().filter(is_copy).count()
    };
    for keys in [
        "1", "2", "3", "5", "enter", "esc", "?", "esc", "j", "x", "esc",
    ] {
        stage.press(keys).rest();
        stage.wait(Duration::from_secs(60));
        assert_eq!(copies(&mut stage), 0, "{keys}");
    }
    stage.press("y");
    assert_eq!(copies(&mut stage), 1);
}

#[test]
fn filter_that_is_given_up_leaves_the_selection_where_it_was() {
    let mut stage = Stage::with_services();
    stage.press("G");
    let before = stage.model.services.table.selected().cloned();
    stage.press("/").type_text("bill");
    assert_ne!(stage.model.services.table.selected().cloned(), before);
    stage.press("esc");
    assert_eq!(stage.model.services.table.selected().cloned(), before);
    // One that was taken leaves it on what was found.
    stage.press("/").type_text("bill");
    stage.press("enter esc");
    assert_ne!(stage.model.services.table.selected().cloned(), before);
}

#[test]
fn keys_that_do_nothing_say_why() {
    let check = |keys: &str, expected: &str| {
        let mut stage = Stage::with_services();
        stage.rest();
        stage.press(keys);
        assert_eq!(stage.told(), Some(expected), "{keys}");
    };
    check(
        "enter enter",
        "Not possible: it is on the whole screen already.",
    );
    for to_the_other_part in ["tab", "shift-tab", "tab tab", "tab shift-tab"] {
        let keys = format!("1 {to_the_other_part} L");
        let mut stage = Stage::with_services();
        stage.rest();
        stage.press(&keys);
        let is_above = stage.told() == Some("L is a key of the part below: tab goes there.");
        assert_eq!(is_above, to_the_other_part.contains(' '), "{keys}");
    }
    check("1 L", "L is a key of the part below: tab goes there.");
    check("tab 6 o", "Not possible: it has no columns to sort by.");
    check(
        "tab 6 /",
        "Not possible: it has no rows to filter: e opens its text, which can be searched.",
    );
}

#[test]
fn trouble_goes_when_there_is_nothing_else_to_go_back_from() {
    let mut stage = Stage::with_services();
    stage.model.complain("the log cannot be written");
    stage.press("enter esc j");
    assert_eq!(stage.told(), Some("the log cannot be written"));
    stage.press("esc");
    assert_eq!(stage.told(), None);
}

#[test]
fn filter_by_labels_asks_the_server_who_has_them() {
    let mut stage = Stage::with_services();
    let shown = |stage: &Stage| -> Vec<String> {
        let rows = stage.model.services.table.rows();
        rows.map(|row| row.key.id().to_string()).collect()
    };
    stage.press("/").type_text("b label:tier in (web,db)");
    // The words hold at once; labels once they are typed.
    assert_eq!(stage.take_effects(), []);
    assert_eq!(shown(&stage), ["billing", "notebook", "orders-db", "web"]);
    stage.press("enter");
    let select = |op| Effect::SelectLabels {
        op: OpId(op),
        namespace: Some("team-a".parse().unwrap()),
        selector: "tier in (web,db)".to_owned(),
    };
    assert_eq!(stage.take_effects(), [select(1)]);
    let mut answer = |op, ids: &[&str]| {
        let chosen = ids.iter().map(|id| stage::key(id)).collect();
        stage.send(Msg::LabelsSelected {
            op: OpId(op),
            result: Ok(chosen),
        });
        stage.model.settle();
        shown(&stage)
    };
    assert_eq!(
        answer(1, &["web", "orders-db", "ml-resnet"]),
        ["orders-db", "web"]
    );
    assert_eq!(answer(9, &["web"]), ["orders-db", "web"]);
    // All that there is counts, and not only what has the labels.
    assert_eq!(stage.model.services.n_all, 5);
    stage.press("^l");
    let effects = stage.take_effects();
    assert!(effects.contains(&select(2)), "{effects:?}");
    stage.press("esc");
    assert_eq!(shown(&stage).len(), 5);
}

#[test]
fn one_mark_is_what_every_plan_is_of() {
    for (keys, id) in [
        ("a", "billing"),
        ("D", "billing"),
        ("u", "billing"),
        ("Y", "billing"),
    ] {
        let mut stage = Stage::with_services();
        // The mark goes on to the next row.
        stage.press("space").press(keys);
        assert_eq!(selected(&stage), Some("ml-resnet"));
        let planned = match stage.model.screens.last() {
            Some(Screen::Review(pane)) => pane.source.id().to_string(),
            Some(Screen::Pull(pane)) => pane.key.id.to_string(),
            other => panic!("{keys}: {other:?}, {:?}", stage.told()),
        };
        assert_eq!(planned, id, "{keys}");
    }
    // What is in front of the selected one is about that.
    let mut stage = Stage::with_services();
    stage.press("space G d");
    stage.press("Y");
    let Some(Screen::Pull(pane)) = stage.model.screens.last() else {
        panic!("{:?}, {:?}", stage.model.screens.last(), stage.told());
    };
    assert_eq!(pane.key, key("web"));
}

#[test]
fn labels_that_nobody_could_match_hide_all_rows_and_say_why() {
    let mut stage = Stage::with_services();
    let answer = |stage: &mut Stage, result| {
        let op = OpId(stage.model.last_op());
        stage.send(Msg::LabelsSelected { op, result });
        stage.model.settle();
    };
    let bad = || Failure::new(FailureKind::Invalid, "that is no selector");
    stage.press("/").type_text("label:tier=web").press("enter");
    answer(&mut stage, Ok([key("web")].into()));
    assert_eq!(ids(&stage), ["web"]);
    // Who is there of other labels is not known by that.
    stage.press("/").type_text("((");
    stage.model.settle();
    assert_eq!(ids(&stage).len(), 5);
    stage.press("enter");
    answer(&mut stage, Err(bad()));
    assert_eq!(ids(&stage), Vec::<&str>::new());
    let why = Labelled::Unanswered("that is no selector".to_owned());
    assert_eq!(stage.model.services.labelled(), Some(&why));
    // It stays hidden whatever is pressed, until the filter is another one.
    stage.press("esc");
    assert_eq!(ids(&stage).len(), 5);
}

#[test]
fn who_has_labels_is_forgotten_with_the_cluster() {
    let mut stage = Stage::with_services();
    stage.press("/").type_text("label:tier=web").press("enter");
    let (op, result) = (OpId(stage.model.last_op()), Ok([key("web")].into()));
    stage.send(Msg::LabelsSelected { op, result });
    super::super::cluster::connect(&mut stage.model, Some("prod".to_owned()));
    assert_eq!(stage.model.services.labelled(), Some(&Labelled::Asked));
    // What the former cluster still answers is stale.
    let result = Ok([key("billing")].into());
    stage.send(Msg::LabelsSelected { op, result });
    assert_eq!(stage.model.services.labelled(), Some(&Labelled::Asked));
}

#[test]
fn definition_stays_where_it_was_scrolled_to_while_the_catalogue_changes() {
    let mut stage = Stage::with_services();
    let text =
        |n_lines: usize| -> String { (1..=n_lines).map(|n| format!("# line {n}\n")).collect() };
    let shown = |text: String| Msg::DefinitionShown {
        name: "web".parse().unwrap(),
        result: Ok(text),
    };
    stage.press("G 6").send(shown(text(60)));
    stage.press("J J");
    let top = |stage: &Stage| {
        let shown = stage.model.detail_pane.definition.as_ref().unwrap();
        shown
            .text
            .as_ref()
            .unwrap()
            .as_ref()
            .unwrap()
            .viewport()
            .top
    };
    let before = top(&stage);
    assert!(before > 1);
    stage.take_effects();
    stage.catalogue(&["another", "billing", "notebook", "orders-db", "web"]);
    assert_eq!((stage.take_effects(), top(&stage)), (vec![], before));
    // Its own text changed.
    let mut entries = stage.model.catalogue.entries.clone();
    entries.last_mut().unwrap().hash = "another".to_owned();
    stage.send(Msg::CatalogueListed(Ok(CatalogueListing {
        entries,
        ..CatalogueListing::default()
    })));
    let name = "web".parse().unwrap();
    assert_eq!(stage.take_effects(), [Effect::ShowDefinition { name }]);
    assert_eq!(
        top(&stage),
        before,
        "the former text is in sight until then"
    );
    stage.send(shown(text(61)));
    assert_eq!(top(&stage), before);
    let shown = stage.model.detail_pane.definition.as_ref().unwrap();
    let editor = shown.text.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(editor.text(), text(61));
}

#[test]
fn definition_that_is_edited_from_the_start_is_the_selected_one() {
    let mut model = Model::new(stage::now(), false, None);
    let effects = begin(&mut model, Some("orders-db".parse().unwrap()));
    let mut stage = Stage { model, effects };
    stage.catalogue(&["billing", "notebook", "orders-db", "web"]);
    stage.follow();
    stage.connected();
    for event in stage::overview() {
        stage.overview(vec![event]);
        stage.follow();
    }
    let instance = RowKey::Instance(key("orders-db"));
    assert_eq!(stage.model.services.table.selected(), Some(&instance));
}
