//! An in-process Kubernetes API server for rehearsals and tests. It knows nothing of bowline.
//!
//! # Map
//!
//! - [`sandbox`]: the handle; options in, clients and the store out. [`serve`]: on a port. [`keep`]: its state in a file.
//! - `server`: requests and answers: paths, verbs, lists, watches, tables, discovery, permissions.
//! - [`store`]: the objects and the one lock; what controllers read, write and wake on.
//! - `write`: the way of every write, over `decode`, `canonical`, `defaults`, `admit`, `validate`, [`apply`] and `quota`; `delete` and
//!   `patch` beside it.
//! - [`controllers`] and `garbage`: what a control plane's managers, scheduler and kubelets do; `machinery` runs them.
//! - [`resources`] and [`schema`]: which kinds are served, and their structure; `custom`: those that clients declare.
//! - [`status`]: refusals as the API speaks them. [`rbac`]: who may do what. [`clock`]: time.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod admit;
mod apply;
mod canonical;
mod clock;
mod controllers;
mod custom;
mod decode;
mod defaults;
mod delete;
mod garbage;
mod keep;
mod logs;
mod machinery;
mod patch;
mod quantity;
mod quota;
mod random;
mod rbac;
mod request;
mod resources;
mod sandbox;
mod schema;
mod selector;
mod serve;
mod server;
mod shell;
mod status;
mod store;
mod time;
mod upgrade;
mod validate;
mod write;

pub use clock::{Clock, ShiftedClock};
pub use rbac::{Rule, User};
pub use sandbox::{Sandbox, SandboxError, SandboxOptions};
pub use serve::{ServeError, Served};
