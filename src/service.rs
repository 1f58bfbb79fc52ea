//! Services as they run: what an instance is and how it is doing, computed from small summaries of live objects.
//!
//! Pure. `cluster` makes the [`summary`] values and reports them as [`watch`] events; a [`fleet`] holds all instances of a
//! scope, a [`detail`] all about one; [`health`] judges. `app` and `cli` show what is computed here.

pub mod address;
pub mod advice;
pub mod age;
pub mod capacity;
pub mod claim_growth;
pub mod claim_use;
mod connection;
pub mod detail;
pub mod drift;
pub mod fleet;
pub mod forward;
pub mod health;
pub mod images;
pub mod instance;
pub mod log;
pub mod managed;
pub mod operation;
pub mod pod_choice;
pub mod pod_name;
pub mod printed;
pub mod protection;
pub mod quantity;
pub mod retained;
pub mod rights;
pub mod standing;
pub mod status;
pub mod summary;
pub mod tree;
pub mod usage;
pub mod watch;
