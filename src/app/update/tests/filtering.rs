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
