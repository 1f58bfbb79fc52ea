//! What `update` decides, told as keys and messages; effects are compared whole.

mod connection;
mod deploy;
mod editing;
mod help;
mod list;
mod teardown;
