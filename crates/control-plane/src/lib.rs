//! A real Kubernetes control plane on loopback, for tests, measures and hand use. It knows nothing of bowline.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler run as plain processes, and kwok plays the nodes: no
//! container runs, but everything that the API promises is what it really is. `tests/control-plane/build` builds the
//! binaries; nothing here builds or downloads any.
//!
//! # Map
//!
//! - [`binaries`]: where the executables are, or why there are none.
//! - [`control_plane`]: starting one and handing out clients.
//! - [`mod@shared`]: one for all tests of a process.
//! - [`processes`]: the process group that ends with its owner, however the owner ends.
//! - `servers`: the command line of each server. `credentials`: its keys and tokens. `seed`: its nodes and storage.
//! - `stages`: how the nodes treat pods; images whose tags contain `missing`, `crash` and `slow` misbehave accordingly.
//!
//! Invariant: whatever happens to the process that started it, exactly its own processes and directories go.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod binaries;
mod control_plane;
mod credentials;
mod ports;
mod processes;
mod seed;
mod servers;
mod shared;
mod stages;

pub use binaries::{Binaries, NotBuilt};
pub use control_plane::{ControlPlane, StartError, User};
pub use shared::{built, shared};
