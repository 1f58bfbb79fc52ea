//! bowline: a keyboard-driven terminal dashboard, with a scriptable command line, for the services a person runs on
//! Kubernetes.
//!
//! # Overview
//!
//! A *definition* is YAML text in the *catalogue*. Deploying it under an *ID* makes an *instance*: objects in a namespace,
//! found again by labels, described by a *record* in the cluster. Every operation is a *plan* (a value that can be shown)
//! and the running of it (reported step by step). The cluster is the only shared state.
//!
//! # Code map
//!
//! | module | what it knows |
//! |---|---|
//! | [`definition`] | YAML text to definition and diagnostics with places; definition and ID to objects. Pure |
//! | [`schema`] | schemas of kinds and of the service definition, and checking against them. Pure |
//! | [`service`] | what an instance is and how it is doing, from live summaries. Pure |
//! | [`completion`] | what could be written at a place of a text. Pure |
//! | [`catalogue`] | the directory of definitions, the drafts, what was applied, the trash: atomic files |
//! | [`cluster`] | the one seam to Kubernetes: connect, request with a deadline, watch into small summaries |
//! | [`engine`] | every operation, from deploy to teardown: each a plan and the running of it |
//! | [`failure`] | a failure as a value, with its sort and the server's causes |
//! | [`secret`] | values of secrets on their way to the cluster: read, never shown |
//! | [`config`] | plain settings from file, environment and flags |
//! | [`guard`] | what a person may do in a context beyond what the server allows. Pure |
//! | [`log`] | the log file, of what bowline says itself |
//! | [`panics`] | what is told of a panic: its place, never its message |
//! | [`audit`] | the file that takes a line for each write to a cluster |
//! | [`editor`] | text, cursor, edits and their inverses, history, search. Pure |
//! | [`text`] | the one sanitiser of text on its way to a terminal, and its width in cells. Pure |
//! | `names` | names in a sentence: the first of many. Pure |
//! | `line_diff` | which lines two texts share. Pure |
//! | [`app`] | `Model`, `Msg`, `Action`, `Effect`, `update`: what the dashboard decides. Pure |
//! | [`ui`] | the picture of a model |
//! | [`runtime`] | terminal guard, event loop, effect runner |
//! | [`rehearsal`] | the sandbox with example services, as a `Cluster` |
//! | [`cli`] | arguments, commands, output formats, exit codes |
//!
//! The in-process Kubernetes API of `--sandbox` is a crate of its own, `bowline-sandbox`, and knows nothing of bowline.
//!
//! # Invariants
//!
//! - `definition`, `service`, `editor` and `app` do no I/O and read no clock; time is passed in.
//! - `app` names no runtime, no client and no widget; `ui` never changes the model.
//! - Only `cluster` and the sandbox speak HTTP. Dashboard and command line call the same `engine`.
//! - Text that came from a cluster passes `text` before it reaches a terminal.
//!
//! # Where to add things
//!
//! A new effect is a variant in `app`, an arm in `runtime`, the message that answers it, and tests for success, failure and
//! staleness. A new command is a file in `cli`. A new pane is a variant, a state file in `app`, a view file in `ui`.
//! A new action is a variant, a row in `app::action::table`, an arm in `app::update::actions`, and when it can be performed in
//! `app::availability`.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

pub mod app;
mod audit;
pub mod catalogue;
pub mod cli;
pub mod cluster;
pub mod completion;
mod config;
pub mod definition;
pub mod editor;
pub mod engine;
pub mod failure;
mod guard;
mod line_diff;
pub mod log;
mod names;
mod panics;
mod rehearsal;
pub mod runtime;
pub mod schema;
pub mod secret;
pub mod service;
mod text;
pub mod ui;
