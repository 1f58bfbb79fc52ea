//! What `update` decides, told as keys and messages; effects are compared whole.

mod adjust;
mod assist;
mod changes;
mod claims;
mod connection;
mod deploy;
mod editing;
mod forwards;
mod help;
mod history;
mod list;
mod logs;
mod merging;
mod mouse;
mod ownership;
mod preview;
mod resuming;
mod secrets;
mod shells;
mod teardown;
mod usage;
