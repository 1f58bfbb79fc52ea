//! The mouse and the first hints.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::action::Place;
use crate::app::effect::Effect;
use crate::app::hits::Hits;
use crate::app::model::Focus;
use crate::app::msg::Msg;
use crate::app::panes::detail::Tab;
use crate::app::popup::Popup;
use crate::app::stage::Stage;
use crate::app::{HINTS, Hints};
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

/// Clicks on a text of the picture.
fn click(stage: &mut Stage, text: &str) {
    let lines = draw(stage);
    let row = lines.iter().rposition(|line| line.contains(text)).unwrap();
    let before = lines[row].split(text).next().unwrap();
    let column = crate::text::cells(before);
    mouse(
        stage,
        MouseEventKind::Down(MouseButton::Left),
        (column, row),
    );
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
fn no_click_anywhere_writes_to_the_cluster() {
    for row in 0..usize::from(SIZE.1) {
        for column in (0..usize::from(SIZE.0)).step_by(7) {
            let mut stage = Stage::with_services();
            draw(&mut stage);
            for _ in 0..2 {
                let kind = MouseEventKind::Down(MouseButton::Left);
                mouse(&mut stage, kind, (column, row));
            }
            let writes = stage.take_effects().into_iter().any(|effect| {
                matches!(
                    effect,
                    Effect::RunDeploy { .. }
                        | Effect::RunTeardown { .. }
                        | Effect::RunAdjustment { .. }
                        | Effect::RunAdopt { .. }
                )
            });
            assert!(!writes, "{column},{row}");
        }
    }
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
    let all = HINTS.map(|(_, name, _)| name.to_owned());
    stage.model.hints = Hints::seen(all);
    stage.press("x");
    assert!(!says(&mut stage));
}

#[test]
fn hints_fit_the_smallest_usual_terminal() {
    for (_, name, sentence) in HINTS {
        assert!(sentence.len() <= 78, "{name}: {}", sentence.len());
    }
}
