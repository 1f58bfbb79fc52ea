//! The filter of rows that are not the services'.

use crate::app::msg::Msg;
use crate::app::place::Place;
use crate::app::stage::{self, Stage};
use crate::service::watch::{Delta, WatchEvent};

fn at_claims() -> Stage {
    let mut stage = Stage::with_services();
    let claims = ["orders-db", "gone"].map(|id| stage::claim(id, "2Gi"));
    stage.overview(vec![WatchEvent::Claims(vec![Delta::Reset(claims.into())])]);
    stage.press("C");
    stage.model.settle();
    stage
}

fn ids(stage: &Stage) -> Vec<String> {
    let rows = stage.model.claims.table.rows();
    rows.map(|row| row.key.0.id.to_string()).collect()
}

#[test]
fn rows_are_filtered_as_one_types_and_esc_shows_all_again() {
    let mut stage = at_claims();
    stage.press("/ o r d");
    assert_eq!(ids(&stage), ["orders-db"]);
    // What is typed is no key of the list.
    assert_eq!(stage.model.place(), Place::Claims);
    stage.press("enter");
    assert!(stage.model.row_filter.is_none());
    assert_eq!(ids(&stage), ["orders-db"]);
    stage.press("/ x x");
    assert_eq!(ids(&stage), [""; 0]);
    stage.press("esc");
    assert_eq!(ids(&stage), ["gone", "orders-db"]);
    stage.press("/ g o n e enter esc");
    assert_eq!(ids(&stage), ["gone", "orders-db"]);
    assert_eq!(stage.model.place(), Place::Claims);
    stage.press("esc");
    assert_eq!(stage.model.place(), Place::Services);
}

#[test]
fn a_paste_is_typed_and_what_was_typed_is_there_to_be_changed() {
    let mut stage = at_claims();
    stage.press("/").send(Msg::Paste("gon".to_owned()));
    assert_eq!(ids(&stage), ["gone"]);
    stage.press("enter / backspace backspace backspace");
    assert_eq!(ids(&stage), ["gone", "orders-db"]);
}

#[test]
fn every_list_is_filtered_by_the_same_key() {
    for keys in [
        "C", "F", "W", "P", "tab 1", "tab 2", "tab 3", "tab 5", "tab 7",
    ] {
        let mut stage = Stage::with_services();
        stage.press(keys).press("/");
        assert!(stage.model.row_filter.is_some(), "{keys}");
    }
    let mut stage = Stage::with_services();
    stage.press("tab 6 /");
    assert!(stage.model.row_filter.is_none());
}

#[test]
fn a_filter_goes_with_the_instance_whose_rows_it_is_of() {
    let mut stage = Stage::with_services();
    stage.press("G tab 1 / z z z enter");
    assert_eq!(stage.model.detail_pane.pods.filter(), "zzz");
    stage.press("esc esc k").rest();
    stage.model.settle();
    assert_eq!(stage.model.detail_pane.pods.filter(), "");
}

#[test]
fn nothing_is_done_to_a_pod_that_is_filtered_away() {
    let mut stage = Stage::with_services();
    stage.press("G").rest();
    stage.press("tab 1");
    assert!(stage.model.detail_pane.pods.n_all() > 0);
    stage.press("/ z z z enter");
    stage.take_effects();
    for key in ["s", "f", "L"] {
        stage.press(key);
        assert_eq!(
            stage.told(),
            Some("Not possible: no pod passes the filter."),
            "{key}"
        );
    }
    assert!(stage.model.popup.is_none());
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn the_row_that_was_found_stays_selected_and_esc_gives_back_the_one_before() {
    let selected = |stage: &Stage| {
        let key = stage.model.claims.table.selected();
        key.map(|key| key.0.id.to_string()).unwrap_or_default()
    };
    let mut stage = at_claims();
    stage.press("/ o r d enter esc");
    assert_eq!(selected(&stage), "orders-db");
    stage.press("k");
    assert_eq!(selected(&stage), "gone");
    stage.press("/ o r d");
    assert_eq!(selected(&stage), "orders-db");
    stage.press("esc");
    assert_eq!(selected(&stage), "gone");
}

#[test]
fn what_is_selected_by_nobody_is_not_said_to_be_in_use() {
    let mut stage = at_claims();
    stage.press("/ z z z enter x");
    assert_eq!(stage.told(), Some("Not possible: no claim is selected."));
}
