//! The parts of the screen, one file each: their state and what changes it.

pub mod adjust;
pub mod adopt;
pub mod bulk;
pub mod changes;
pub mod claims;
pub mod comparison;
pub mod detail;
pub mod editor;
pub mod forwards;
pub mod history;
pub mod logs;
pub mod merge;
pub mod nodes;
pub mod objects;
pub mod operations;
pub mod planned;
pub mod progress;
pub mod pull;
pub mod resumed;
pub mod review;
pub mod routes;
pub mod services;
pub mod teardown;
pub mod usage;
