//! Plans are seen to their last line, however small the terminal: whoever agrees agrees to what was shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::views::last_op;
use super::{SMALL, Theme, draw, draw_buffer, services};
use crate::app::stage::{self, Stage};
use crate::app::{MIN_SIZE, Msg};
use crate::engine::plan::{FieldConflict, VolumeChoice};
use crate::failure::{Failure, FailureKind};

/// Draws at a size, and lets scrolling know of it as the loop does.
pub(super) fn look(stage: &mut Stage, size: (u16, u16)) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let area = buf.area;
    let (geometry, _) = draw_buffer(&mut buf, area, &stage.model, &Theme::default());
    stage.model.set_geometry(geometry);
    draw(&stage.model, size)
}

/// Presses a key again and again; returns all that was seen.
fn look_through(stage: &mut Stage, size: (u16, u16), key: &str) -> String {
    let mut seen = String::new();
    for _ in 0..60 {
        seen.push_str(&look(stage, size));
        stage.press(key);
    }
    seen
}

#[test]
fn all_that_is_agreed_to_by_a_deploy_can_be_seen() {
    for size in [SMALL, MIN_SIZE] {
        let mut stage = services();
        stage.press("G a");
        let mut plan = stage::deploy_plan("web");
        let conflict = |n: usize| FieldConflict {
            key: stage::object("Deployment", "web"),
            field: format!("spec.f{n}"),
            message: "conflict with \"kubectl-edit\"".to_owned(),
            seen: None,
        };
        plan.conflicts = (0..10).map(conflict).collect();
        let (op, result) = (last_op(&stage), Ok(Box::new(plan.into())));
        stage.send(Msg::DeployPlanned { op, result });
        if let Some(crate::app::Screen::Review(pane)) = stage.model.screens.last_mut() {
            let value = |n: usize| (format!("size{n}"), "large".to_owned());
            pane.source.parameters = (0..9).map(value).collect();
        }
        let first = look(&mut stage, size);
        assert!(first.contains("spec.f0"), "{first}");
        assert!(first.contains("more: pgdn"), "{first}");
        let seen = look_through(&mut stage, size, "pgdn");
        for n in 0..10 {
            assert!(seen.contains(&format!("spec.f{n}:")), "{n} of {size:?}");
        }
        assert!(seen.contains("with size8=large"), "{size:?}");
        // The difference comes after them, and both go back the same way.
        if size == SMALL {
            assert!(seen.contains("image: nginx:1.27"));
        }
        look_through(&mut stage, size, "pgup");
        assert_eq!(look(&mut stage, size), first);
    }
}

#[test]
fn why_there_is_no_plan_can_be_read_to_its_end() {
    let mut stage = services();
    stage.press("G a");
    let mut failure = Failure::new(FailureKind::Invalid, "web has 40 errors: edit it");
    failure.detail = (1..=40).map(|n| format!("{n}:1  fault{n}\n")).collect();
    let (op, result) = (last_op(&stage), Err(failure));
    stage.send(Msg::DeployPlanned { op, result });
    assert!(look(&mut stage, MIN_SIZE).contains("more: j"));
    let seen = look_through(&mut stage, MIN_SIZE, "j");
    assert!(seen.contains("fault40"), "{seen}");
}

#[test]
fn last_row_of_a_fate_table_is_reached() {
    let mut stage = services();
    stage.press("x");
    let mut plan = stage::teardown_plan("billing", VolumeChoice::Delete);
    let claim = plan.rows[2].clone();
    for n in 1..=9 {
        let mut row = claim.clone();
        row.key.name = format!("data-of-a-long-name-billing-{n}");
        plan.rows.push(row);
    }
    let (op, key) = (last_op(&stage), plan.instance.clone());
    let result = Ok(Box::new(plan));
    stage.send(Msg::TeardownPlanned { op, key, result });
    assert!(look(&mut stage, MIN_SIZE).contains("more: j"));
    stage.press("G");
    let end = look(&mut stage, MIN_SIZE);
    assert!(!end.contains("more: j"), "{end}");
    stage.press("k");
    let above = look(&mut stage, MIN_SIZE);
    assert!(above.contains(" 1 more: j"), "{above}");
}
