//! The real program on a real terminal: what a person sees, what every way out leaves behind.
//!
//! A pseudo-terminal is read by a thread into a screen. Tests press keys and wait until the screen shows what is claimed. The
//! kubeconfig names a port where nobody listens, unless a test says otherwise. What is survived of the terminal, the process and
//! the disk: docs/reliability.md.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod connection;
mod disk;
mod driver;
mod editing;
mod ends;
mod input;
mod live;
mod other_editor;
mod output;
mod panics;
mod pictures;
mod stops;
mod stories;
mod stuck;
