//! What can be taken back, as long as the dashboard runs; the trash keeps teardowns longer.

use crate::app::msg::OpId;
use crate::catalogue::Digest;
use crate::definition::id::InstanceId;
use crate::service::summary::InstanceKey;

/// Most deeds that can be taken back, one after the other.
const MAX: usize = 20;

/// Something that was done and can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// An instance was taken down.
    Teardown {
        /// In which context.
        context: String,
        /// Which instance.
        instance: InstanceKey,
    },
    /// What others changed was written into a definition.
    Pull {
        /// Which definition.
        name: InstanceId,
        /// Its text before.
        former: String,
        /// The digest of its text since: another one is somebody else's, and not taken back.
        since: Digest,
    },
}

/// What can be taken back, the newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoStack(Vec<Undo>);

impl UndoStack {
    /// Takes note of a deed.
    pub fn push(&mut self, undo: Undo) {
        if self.0.len() == MAX {
            self.0.remove(0);
        }
        self.0.push(undo);
    }

    /// Returns what was done last.
    pub fn last(&self) -> Option<&Undo> {
        self.0.last()
    }

    /// Forgets a deed, as it was taken back or cannot be.
    pub fn forget(&mut self, undo: &Undo) {
        let at = self.0.iter().rposition(|it| it == undo);
        at.map(|at| self.0.remove(at));
    }
}

/// A text that is on its way into a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// Who asked.
    pub op: OpId,
    /// The text before.
    pub former: String,
    /// The pull that it takes back, where it does.
    pub takes_back: Option<Undo>,
}
