//! The pictures of the parts of the screen, one file each.

pub(super) mod detail;
pub(super) mod editor;
pub(super) mod footer;
pub(super) mod header;
pub(super) mod log;
pub(super) mod popup;
pub(super) mod progress;
pub(super) mod review;
pub(super) mod services;
pub(super) mod teardown;

use jiff::Timestamp;

use crate::app::Geometry;

/// Takes that something on the screen changes its text at a time.
fn note_change(geometry: &mut Geometry, at: Option<Timestamp>) {
    geometry.next_age = match (geometry.next_age, at) {
        (Some(known), Some(at)) => Some(known.min(at)),
        (known, at) => known.or(at),
    };
}
