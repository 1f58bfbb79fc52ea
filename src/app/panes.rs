//! The parts of the screen, one file each: their state and what changes it.

pub mod detail;
pub mod editor;
pub mod review;
pub mod services;
pub mod teardown;
