//! An in-process Kubernetes API server for rehearsals and tests. It knows nothing of bowline.
//!
//! # Map
//!
//! - [`sandbox`]: the handle; options in, clients and the store out. [`serve`]: on a port. [`keep`]: its state in a file.
//! - `server`: requests and answers: paths, verbs, lists, watches, tables, discovery, permissions.
//! - [`store`]: the objects and the one lock; what controllers read, write and wake on.
//! - `write`: the way of every write, over `decode`, `defaults`, `admit`, `validate` and [`apply`]; `delete` and `patch` beside it.
//! - [`controllers`] and `garbage`: what a control plane's managers, scheduler and kubelets do; `machinery` runs them.
//! - [`resources`] and [`schema`]: which kinds are served, and their structure; `custom`: those that clients declare.
//! - [`status`]: refusals as the API speaks them. [`rbac`]: who may do what. [`clock`]: time.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod admit;
pub mod apply;
pub mod clock;
pub mod controllers;
mod custom;
mod decode;
mod defaults;
mod delete;
mod garbage;
pub mod keep;
mod logs;
mod machinery;
mod patch;
mod quantity;
mod random;
pub mod rbac;
mod request;
pub mod resources;
pub mod sandbox;
pub mod schema;
mod selector;
pub mod serve;
mod server;
mod shell;
pub mod status;
pub mod store;
mod time;
mod upgrade;
mod validate;
mod write;

pub use clock::{Clock, ManualClock, ShiftedClock};
pub use rbac::{Rule, User};
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use serve::{ServeError, Served};
pub use status::Status;
pub use store::{Change, ChangeKind, Propagation, Store};
