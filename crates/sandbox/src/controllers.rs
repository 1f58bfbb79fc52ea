//! The controllers of the in-process cluster: what a control plane's managers, scheduler and kubelets do.
//!
//! Each controller decides by a function of the objects ([`view::View`]) and the time, and answers with writes as values
//! ([`write::Write`]); a few remember what no object says, such as when a container's pull began. [`routes`] knows which
//! change concerns whom, [`driver`] keeps the view in step with the store, looks at what is due and carries out what was
//! decided, until nothing is left to do at the time. Nothing polls.
//!
//! Conditions, counts, names and the texts of events are those of a real control plane, as clients read them; where the two
//! differ, this one is wrong. A controller never calls another: it sees what the other wrote.

pub mod chatter;
pub mod driver;
pub mod seeds;

mod claims;
mod cron_job;
mod daemon_set;
mod deployment;
mod engine;
mod events;
mod job;
mod kind;
mod kubelet;
mod namespaces;
mod object;
mod ownership;
mod pods;
mod replica_set;
mod revisions;
mod routes;
mod scheduler;
mod services;
mod stateful_set;
mod view;
mod volumes;
mod write;

pub(crate) use cron_job::schedule::Schedule;
pub(crate) use pods::fnv1a_32;

#[cfg(test)]
mod stage;
#[cfg(test)]
mod stories;
