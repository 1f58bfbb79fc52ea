//! Definitions: YAML text to a checked [`ServiceDefinition`](service::ServiceDefinition) with faults and their places, and a
//! definition under an ID to Kubernetes objects.
//!
//! Pure: no I/O, no clock. The same input gives the same bytes.

pub mod check;
pub mod diagnostic;
pub mod id;
pub mod naming;
pub mod object;
pub mod render;
pub mod service;
pub mod template;
pub mod yaml;
