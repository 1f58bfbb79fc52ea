//! An in-process Kubernetes API server for rehearsals and tests. It knows nothing of bowline.
//!
//! # Map
//!
//! - [`sandbox`]: the handle; options in, clients and the store out.
//! - [`store`]: the objects and the one lock; what controllers read, write and wake on.
//! - [`resources`]: which kinds are served. [`status`]: refusals as the API speaks them. [`clock`]: time.
//! - [`rbac`]: who may do what.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod clock;
pub mod controllers;
pub mod rbac;
pub mod resources;
pub mod sandbox;
pub mod status;
pub mod store;

pub use clock::{Clock, ManualClock, ShiftedClock};
pub use rbac::{Rule, User};
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use status::Status;
pub use store::{Change, ChangeKind, Propagation, Store};
