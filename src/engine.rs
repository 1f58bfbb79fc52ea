//! The engine: every operation, from deploy to teardown, as a plan that can be shown and the running of it, reported step by
//! step.
//!
//! The dashboard and the command line call the same functions. Plans are plain values; running one never does more than the
//! plan says, never sends a write twice without looking, and never deletes what was not listed with its uid.

pub mod adjust;
pub mod adopt;
mod again;
mod agreed;
mod along;
mod apply;
mod batch;
mod binding;
mod blame;
pub mod claims;
mod classes;
mod contested;
mod coowned;
pub mod deploy;
mod difference;
pub mod drift;
pub mod expiry;
mod fate;
mod fields;
mod free_id;
mod frozen;
mod gone;
mod growth;
pub mod history;
pub mod import;
mod journal;
mod kinds;
mod lasting;
mod live;
mod metadata;
mod one_by_one;
pub mod online;
pub mod operation;
mod ownership;
pub mod plan;
mod policy;
mod preflight;
pub mod preview;
pub mod printed;
pub mod protection;
mod prune;
pub mod pull;
mod record;
mod rehearse;
pub mod remedy;
mod rendering;
mod replicas;
pub mod restore;
pub mod resume;
pub mod retained;
mod retention;
mod revision;
pub mod rights;
pub mod rollback;
pub mod routes;
mod secrets;
pub mod selection;
pub mod sets;
pub mod teardown;
pub mod turn;
mod volumes;
pub mod wait;
pub mod whereabouts;
