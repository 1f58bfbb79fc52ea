//! A terminal that is too small for a picture: nobody goes on with what is not in sight.

use crossterm::event::{KeyModifiers, MouseEvent, MouseEventKind};

use crate::app::effect::Effect;
use crate::app::msg::Msg;
use crate::app::stage::Stage;
use crate::app::update::tests::begin_restart;

const TOO_SMALL: [(u16, u16); 2] = [(39, 24), (80, 9)];

fn resize(stage: &mut Stage, (columns, rows): (u16, u16)) {
    stage.send(Msg::Resized { columns, rows });
}

#[test]
fn keys_do_nothing_in_a_terminal_too_small_for_a_picture() {
    for size in TOO_SMALL {
        let mut stage = Stage::with_services();
        stage.press("m j").take_effects();
        let selected = stage.menu().selected;
        resize(&mut stage, size);
        stage.press("j enter esc");
        assert_eq!(stage.take_effects(), [], "{size:?}");
        assert_eq!(stage.menu().selected, selected);
        resize(&mut stage, (40, 10));
        stage.press("j");
        assert_eq!(stage.menu().selected, selected + 1);
    }
}

#[test]
fn paste_does_nothing_in_a_terminal_too_small_for_a_picture() {
    for size in TOO_SMALL {
        let mut stage = Stage::with_services();
        stage.press("/");
        let before = stage.model.services.table.selected().cloned();
        resize(&mut stage, size);
        stage.send(Msg::Paste("orders".to_owned()));
        let filter = stage.model.services.filter.as_ref();
        assert_eq!(filter.map(|filter| filter.text()), Some(""), "{size:?}");
        assert_eq!(stage.model.services.table.selected(), before.as_ref());
    }
}

#[test]
fn wheel_scrolls_nothing_in_a_terminal_too_small_for_a_picture() {
    let mut stage = Stage::with_services();
    let before = stage.model.services.table.selected().cloned();
    resize(&mut stage, TOO_SMALL[1]);
    stage.send(Msg::Mouse(MouseEvent {
        kind: MouseEventKind::ScrollDown,
        column: 1,
        row: 1,
        modifiers: KeyModifiers::NONE,
    }));
    assert_eq!(stage.model.services.table.selected(), before.as_ref());
}

#[test]
fn a_terminal_too_small_for_a_picture_is_left_as_any_other() {
    for keys in ["q", "^c"] {
        let mut stage = Stage::with_services();
        stage.press("m").take_effects();
        resize(&mut stage, TOO_SMALL[0]);
        stage.press(keys);
        assert_eq!(stage.take_effects(), [Effect::Quit], "{keys}");
    }
}

#[test]
fn what_has_to_be_asked_before_leaving_is_not_asked_unseen() {
    let mut stage = Stage::with_services();
    stage.press("j j j");
    begin_restart(&mut stage);
    resize(&mut stage, TOO_SMALL[0]);
    stage.take_effects();
    stage.press("q ^c");
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.model.asked_before_quit(), Some("operation runs"));
    resize(&mut stage, (40, 10));
    stage.press("q");
    assert_eq!(stage.menu().title, "An operation runs");
}
