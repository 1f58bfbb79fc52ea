//! The mouse and the first hints.

use std::sync::Arc;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::effect::Effect;
use crate::app::hints::{HINTS, Hints};
use crate::app::hits::Hits;
use crate::app::keymap::Keymap;
use crate::app::msg::{ImportedDefinition, Msg, OpId};
use crate::app::panes::detail::Tab;
use crate::app::place::Place;
use crate::app::popup::Popup;
use crate::app::screen::{Focus, Screen};
use crate::app::stage::{self, Stage, writes};
use crate::app::update::tests::merging;
use crate::engine::adjust::Adjustment;
use crate::engine::import::Import;
use crate::service::forward::OfferedPort;
use crate::ui::{Theme, draw_with_hits, picture};

const SIZE: (u16, u16) = (100, 30);

/// Draws as the loop does, and returns the lines of the picture.
fn draw(stage: &mut Stage) -> Vec<String> {
    stage.model.size = SIZE;
    stage.model.settle();
    let mut buf = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    let (area, mut hits) = (buf.area, Hits::default());
    let (geometry, _) =
        draw_with_hits(&mut buf, area, (&stage.model, &Theme::default()), &mut hits);
    stage.model.set_geometry(geometry);
    stage.model.hits = hits;
    picture::to_text(&buf).lines().map(str::to_owned).collect()
}

fn mouse(stage: &mut Stage, kind: MouseEventKind, (column, row): (usize, usize)) {
    let (column, row) = (column as u16, row as u16);
    let modifiers = KeyModifiers::NONE;
    stage.send(Msg::Mouse(MouseEvent {
        kind,
        column,
        row,
        modifiers,
    }));
    stage.model.settle();
}

/// Returns where a text of the picture is.
fn cell_of(stage: &mut Stage, text: &str) -> (usize, usize) {
    let lines = draw(stage);
    let row = lines.iter().rposition(|line| line.contains(text)).unwrap();
    let before = lines[row].split(text).next().unwrap();
    (crate::text::cells(before), row)
}

/// Clicks on a text of the picture.
fn click(stage: &mut Stage, text: &str) {
    let at = cell_of(stage, text);
    mouse(stage, MouseEventKind::Down(MouseButton::Left), at);
}

fn selected(stage: &Stage) -> &str {
    stage.model.services.table.selected().unwrap().id().as_str()
}

#[test]
fn click_selects_a_row_a_tab_and_a_key() {
    let mut stage = Stage::with_services();
    stage.rest();
    click(&mut stage, "orders-db ");
    assert_eq!(selected(&stage), "orders-db");
    click(&mut stage, "2 Volumes");
    assert_eq!(stage.model.detail_pane.tab, Tab::Volumes);
    stage.rest();
    click(&mut stage, "data-orders-db-0");
    assert_eq!(stage.model.focus, Focus::Detail);
    click(&mut stage, "web ");
    assert_eq!(
        (selected(&stage), stage.model.focus),
        ("web", Focus::Services)
    );
    click(&mut stage, "? help");
    assert!(matches!(stage.model.popup, Some(Popup::Help { .. })));
}

#[test]
fn second_click_on_a_row_opens_it() {
    let mut stage = Stage::with_services();
    stage.rest();
    let row = cell_of(&mut stage, "orders-db ");
    let click_row = |stage: &mut Stage| {
        draw(stage);
        mouse(stage, MouseEventKind::Down(MouseButton::Left), row);
    };
    click_row(&mut stage);
    assert_eq!(selected(&stage), "orders-db");
    // What only gives the focus opens nothing.
    click(&mut stage, "2 Volumes");
    stage.rest();
    click(&mut stage, "data-orders-db-0");
    click_row(&mut stage);
    assert_eq!(stage.model.focus, Focus::Services);
    assert!(stage.model.screens.is_empty());
    click_row(&mut stage);
    assert!(matches!(stage.model.screens[..], [Screen::Detail]));
}

#[test]
fn item_of_a_menu_is_selected_first_and_chosen_by_a_second_click() {
    let mut stage = Stage::with_services();
    stage.press("m");
    click(&mut stage, "Plan a restart");
    let item = |stage: &Stage| match &stage.model.popup {
        Some(Popup::Menu(menu)) => menu.selected().map(|item| item.label.clone()),
        _ => None,
    };
    let expected = "Plan a restart: new pods for the old ones";
    assert_eq!(item(&stage).as_deref(), Some(expected));
    stage.take_effects();
    // Beside the menu nothing happens: what is behind it takes no click.
    mouse(&mut stage, MouseEventKind::Down(MouseButton::Left), (2, 2));
    assert_eq!(item(&stage).as_deref(), Some(expected));
    click(&mut stage, "Plan a restart");
    let effects = stage.take_effects();
    assert!(stage.model.popup.is_none());
    assert!(
        matches!(effects[..], [Effect::PlanAdjustment { .. }]),
        "{effects:?}"
    );
}

#[test]
fn wheel_moves_what_it_is_over() {
    let mut stage = Stage::with_services();
    stage.press("g");
    let first = selected(&stage).to_owned();
    draw(&mut stage);
    mouse(&mut stage, MouseEventKind::ScrollDown, (5, 4));
    assert_ne!(selected(&stage), first);
    draw(&mut stage);
    mouse(&mut stage, MouseEventKind::ScrollUp, (5, 4));
    assert_eq!(selected(&stage), first);
    draw(&mut stage);
    mouse(&mut stage, MouseEventKind::ScrollDown, (5, 25));
    assert_eq!(stage.model.focus, Focus::Detail);
}

#[test]
fn click_is_judged_by_the_picture_that_was_seen() {
    let left = MouseEventKind::Down(MouseButton::Left);
    // The first click moved the selection, from which the rows of the picture are counted.
    let mut stage = Stage::with_services();
    let at = cell_of(&mut stage, "orders-db ");
    mouse(&mut stage, left, at);
    mouse(&mut stage, left, at);
    assert_eq!(selected(&stage), "orders-db");
    // So does a key.
    let at = cell_of(&mut stage, "web ");
    stage.press("k");
    let before = selected(&stage).to_owned();
    mouse(&mut stage, left, at);
    assert_eq!(selected(&stage), before);
    // The items became others after the menu was seen.
    let mut stage = Stage::with_services();
    stage.press("G f");
    stage.take_effects();
    let at = cell_of(&mut stage, "another port");
    let result = Ok(vec![OfferedPort {
        port: 80,
        name: None,
        container: None,
        local: 8080,
    }]);
    let op = OpId(stage.model.last_op());
    stage.send(Msg::PortsListed { op, result });
    mouse(&mut stage, left, at);
    assert!(matches!(&stage.model.popup, Some(Popup::Menu(menu)) if menu.items.len() == 2));
    // A question came after the picture was seen: what was behind it is not in front any more.
    let mut stage = reviewing();
    let at = cell_of(&mut stage, "? help");
    let text = "a: 1\n".to_owned();
    let found = ImportedDefinition {
        found: Import {
            objects: Vec::new(),
            left: Vec::new(),
            secrets: Vec::new(),
            warnings: Vec::new(),
        },
        text,
        n_errors: 0,
    };
    let (op, name) = (OpId(7), "shop".parse().unwrap());
    stage.model.importing = Some(op);
    let result = Ok(Arc::new(found));
    stage.send(Msg::Imported { op, name, result });
    assert!(stage.model.popup.is_some());
    stage.model.popup = None;
    mouse(&mut stage, left, at);
    assert!(stage.model.popup.is_none());
}

#[test]
fn click_means_the_row_that_was_drawn_there_wherever_it_is_by_then() {
    let left = MouseEventKind::Down(MouseButton::Left);
    let mut stage = Stage::with_services();
    let at = cell_of(&mut stage, "orders-db ");
    // Two more come above it before the next picture.
    stage.catalogue(&["aaa", "aab", "billing", "notebook", "orders-db", "web"]);
    stage.model.settle();
    mouse(&mut stage, left, at);
    assert_eq!(selected(&stage), "orders-db");
    // What went is not another one.
    let at = cell_of(&mut stage, "aab ");
    stage.catalogue(&["aaa", "billing", "notebook", "orders-db", "web"]);
    mouse(&mut stage, left, at);
    assert_eq!(selected(&stage), "orders-db");
}

fn reviewing() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    let op = OpId(stage.model.last_op());
    stage.send(Msg::DeployPlanned { op, result });
    stage
}

fn scaling() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G +");
    let plan = stage::adjust_plan("web", 3, Adjustment::Scale(4));
    let (op, key) = (OpId(stage.model.last_op()), stage::key("web"));
    let result = Ok(Box::new(plan));
    stage.send(Msg::AdjustmentPlanned { op, key, result });
    stage
}

fn routing() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("G I");
    let op = OpId(stage.model.last_op());
    let result = Ok(vec![stage::route_plan("web")]);
    stage.send(Msg::RoutesPlanned { op, result });
    stage
}

fn applying_several() -> Stage {
    let mut stage = Stage::with_services();
    stage.press("space space space space a");
    for (op, id) in [(1, "billing"), (2, "orders-db"), (3, "notebook")] {
        let result = Ok(Box::new(stage::deploy_plan(id).into()));
        let op = OpId(op);
        stage.send(Msg::DeployPlanned { op, result });
    }
    stage
}

/// Tells whether a question is in front whose answer writes something.
fn asks_to_write(stage: &Stage) -> bool {
    let popup = stage.model.popup.as_ref();
    popup.is_some_and(|popup| popup.question().is_some() && !popup.takes_typing_ahead())
}

#[test]
fn no_click_anywhere_writes_to_the_cluster() {
    let check = |start: fn() -> Stage, has_plan: bool| {
        let mut stage = start();
        draw(&mut stage);
        let hits = std::mem::take(&mut stage.model.hits);
        let (mut tried, mut has_asked) = (Vec::new(), false);
        for (column, row) in (0..SIZE.1).flat_map(|row| (0..SIZE.0).map(move |it| (it, row))) {
            // A part does the same wherever it is clicked on.
            let found = hits.find((column, row), Some);
            if tried.contains(&found) {
                continue;
            }
            tried.push(found);
            let mut stage = start();
            stage.take_effects();
            for _ in 0..2 {
                draw(&mut stage);
                let kind = MouseEventKind::Down(MouseButton::Left);
                mouse(&mut stage, kind, (column.into(), row.into()));
                has_asked |= asks_to_write(&stage);
            }
            let effects = stage.take_effects();
            assert!(!effects.iter().any(writes), "{column},{row}: {effects:?}");
        }
        assert!(tried.len() > 4, "{tried:?}");
        // The key that asks is among what was clicked on.
        assert_eq!(has_asked, has_plan, "{tried:?}");
    };
    check(Stage::with_services, false);
    check(reviewing, true);
    check(scaling, true);
    check(routing, true);
    check(applying_several, true);
}

#[test]
fn hint_stays_for_a_few_keys_and_is_never_shown_again() {
    let mut stage = Stage::with_services();
    let says = |stage: &mut Stage| draw(stage).last().unwrap().contains("First steps");
    // Who wants none gets none.
    assert!(!says(&mut stage));
    stage.model.hints = Hints::seen([]);
    assert!(says(&mut stage));
    stage.press("j k");
    assert!(says(&mut stage));
    stage.take_effects();
    stage.press("j");
    assert!(!says(&mut stage));
    let effects = stage.take_effects();
    assert!(
        effects.contains(&Effect::RememberHint("services")),
        "{effects:?}"
    );
    // Each place has its own.
    stage.press("x");
    assert_eq!(stage.model.place(), Place::Teardown);
    assert!(says(&mut stage));
    stage.press("esc");
    assert!(!says(&mut stage));
    let all = HINTS.map(|(_, name, ..)| name.to_owned());
    stage.model.hints = Hints::seen(all);
    stage.press("x");
    assert!(!says(&mut stage));
}

#[test]
fn hints_fit_the_smallest_usual_terminal() {
    let (hints, keymap) = (Hints::seen([]), Keymap::default());
    for (place, ..) in HINTS {
        let sentence = hints.at(place, &keymap).unwrap();
        assert!(sentence.len() <= 78, "{place:?}: {}", sentence.len());
    }
}

#[test]
fn click_on_a_tab_does_what_its_key_does() {
    let mut stage = Stage::with_services();
    stage.press("j j j").rest();
    stage.press("tab v");
    assert!(stage.model.detail_pane.events_of.is_some());
    click(&mut stage, "3 Events");
    assert_eq!(stage.model.detail_pane.events_of, None);
}

#[test]
fn click_selects_an_object_of_a_plan_one_of_several_plans_and_a_command() {
    let mut stage = reviewing();
    click(&mut stage, "Service/web");
    let Some(Screen::Review(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    let selected = &pane.plan().unwrap().objects[pane.selected];
    assert_eq!(selected.key.kind, "Service");
    let mut stage = applying_several();
    click(&mut stage, "orders-db ");
    let Some(Screen::Bulk(pane)) = stage.model.screens.last() else {
        panic!("{:?}", stage.model.screens);
    };
    assert_eq!(pane.items[pane.selected].source.id().as_str(), "orders-db");
    let mut stage = Stage::with_services();
    stage.press("G d esc g d esc @");
    click(&mut stage, "status web");
    stage.take_effects();
    stage.press("y");
    let effects = stage.take_effects();
    let [Effect::Copy(command)] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(command.ends_with("status web"), "{command}");
}

#[test]
fn click_on_the_title_of_a_column_sorts_by_it_and_another_turns_the_order_round() {
    let mut stage = Stage::with_services();
    stage.rest();
    let ids = |stage: &Stage| -> Vec<String> {
        let rows = stage.model.services.table.rows();
        rows.map(|row| row.key.id().to_string()).collect()
    };
    let (before, was) = (ids(&stage), selected(&stage).to_owned());
    click(&mut stage, "STATE");
    let sort = |stage: &Stage| {
        let table = &stage.model.services.table;
        let sort = table.sort();
        (table.columns()[sort.column].title, sort.is_descending)
    };
    assert_eq!(sort(&stage), ("STATE", false));
    click(&mut stage, "STATE");
    assert_eq!(sort(&stage), ("STATE", true));
    assert_eq!(selected(&stage), was);
    click(&mut stage, "ID  ");
    assert_eq!(ids(&stage), before);
}

#[test]
fn click_selects_what_is_to_be_chosen_of_a_merge() {
    let theirs = merging::TEXT
        .replace("billing:1", "billing:2")
        .replace("{}", "{tier: back}");
    let mut stage = merging::merging_with(&theirs);
    assert_eq!(merging::pane(&stage).selected, 1);
    click(&mut stage, "billing:2");
    assert_eq!(merging::pane(&stage).selected, 0);
    click(&mut stage, "tier: back");
    assert_eq!(merging::pane(&stage).selected, 1);
}

#[test]
fn click_on_a_tab_ends_the_filter_that_is_typed() {
    let mut stage = Stage::with_services();
    stage.press("tab 1 /").type_text("w");
    assert!(stage.model.row_filter.is_some());
    click(&mut stage, "2 Volumes");
    assert!(stage.model.row_filter.is_none());
    assert_eq!(stage.model.detail_pane.volumes.filter(), "");
}

#[test]
fn click_on_cancel_answers_a_question() {
    let mut stage = reviewing();
    stage.press("a");
    assert!(asks_to_write(&stage));
    click(&mut stage, "n cancel");
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.model.place(), Place::Review);
}

#[test]
fn click_on_the_way_out_closes_what_stands_over_the_screen() {
    for keys in ["m", "?", ":", "i"] {
        let mut stage = Stage::with_services();
        stage.press(keys);
        assert!(stage.model.popup.is_some(), "{keys}");
        click(&mut stage, "esc ");
        assert!(stage.model.popup.is_none(), "{keys}");
    }
}
