//! The engine: deploy and teardown, each a plan that can be shown and the running of it, reported step by step.
//!
//! The dashboard and the command line call the same functions. Plans are plain values; running one never does more than the
//! plan says, never sends a write twice without looking, and never deletes what was not listed with its uid.

pub mod deploy;
pub mod plan;
pub mod teardown;
pub mod wait;
