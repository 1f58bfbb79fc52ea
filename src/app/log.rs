//! The command log: what was done, as commands that do the same.

use jiff::Timestamp;

use crate::definition::id::Namespace;
use crate::service::summary::InstanceKey;

use super::model::Model;
use super::msg::OpId;

/// Most commands that the log keeps.
pub(super) const MAX_LOG: usize = 500;

/// Something that was done, as a command that does the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it was started.
    pub at: Timestamp,
    /// The command.
    pub command: String,
    /// What it started, if it did.
    pub op: Option<OpId>,
    /// Whether that failed, where it is no operation, which tells of itself.
    pub is_failed: bool,
    /// The instance whose log it shows, if it does.
    pub log_of: Option<InstanceKey>,
}

impl Model {
    /// Returns the command that does something in a namespace of this cluster.
    pub(super) fn command_line(&self, namespace: &Namespace, what: &str) -> String {
        format!("{} -n {namespace} {what}", self.program())
    }

    /// Returns how commands begin that are about this cluster.
    fn program(&self) -> String {
        match self.session.is_sandbox {
            true => self.catalogue_program(),
            false => self.session.program(),
        }
    }

    /// Returns how commands begin that are about the catalogue alone.
    fn catalogue_program(&self) -> String {
        let program = self.session.invocation.program(None);
        match self.session.is_sandbox {
            true => format!("{program} --sandbox"),
            false => program,
        }
    }

    /// Returns the command that does something with a definition: in the namespace of the instance that is meant, or else in
    /// the one that is worked in.
    pub(super) fn command_of(&self, of_instance: Option<&Namespace>, what: &str) -> String {
        match of_instance.or(self.session.namespace()) {
            Some(namespace) => self.command_line(namespace, what),
            None => format!("{} {what}", self.program()),
        }
    }

    /// Returns the command that does something with the catalogue alone.
    pub(super) fn catalogue_command(&self, what: &str) -> String {
        format!("{} {what}", self.catalogue_program())
    }

    /// Remembers something that is done, as a command.
    pub(super) fn record(&mut self, command: String, op: Option<OpId>) {
        self.push(LogEntry {
            at: self.now,
            command,
            op,
            is_failed: false,
            log_of: None,
        });
    }

    /// Remembers what is shown of the log of an instance, as a command: in place of what was shown of it just before.
    pub(super) fn record_view(&mut self, of: &InstanceKey, command: String) {
        self.log.pop_if(|last| last.log_of.as_ref() == Some(of));
        self.push(LogEntry {
            at: self.now,
            command,
            op: None,
            is_failed: false,
            log_of: Some(of.clone()),
        });
    }

    fn push(&mut self, entry: LogEntry) {
        if self.log.len() == MAX_LOG {
            self.log.remove(0);
        }
        self.log.push(entry);
    }

    /// Marks what was done as failed.
    pub(super) fn record_failure(&mut self, op: OpId) {
        let mut entries = self.log.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.op == Some(op)) {
            entry.is_failed = true;
        }
    }
}

/// Tells whether a shell takes a character as it stands.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:@%+=".contains(c)
}
