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
    /// Instances were taken down by one deed.
    Teardown {
        /// The first operation of it.
        deed: OpId,
        /// In which context.
        context: String,
        /// Which instances.
        instances: Vec<InstanceKey>,
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

    /// Takes note of an instance that was taken down, with the others that the same deed took down.
    pub fn push_teardown(&mut self, of: OpId, context: String, instance: InstanceKey) {
        let is_it = |undo: &Undo| matches!(undo, Undo::Teardown { deed, .. } if *deed == of);
        let known = self.0.iter().position(is_it).map(|at| self.0.remove(at));
        let mut instances = match known {
            Some(Undo::Teardown { instances, .. }) => instances,
            Some(Undo::Pull { .. }) | None => Vec::new(),
        };
        instances.push(instance);
        // On top again: it is what was done last, and what its sentence says of the key.
        self.push(Undo::Teardown {
            deed: of,
            context,
            instances,
        });
    }

    /// Forgets the last teardown of an instance, as it is put back or cannot be.
    pub fn forget_teardown(&mut self, of: &str, instance: &InstanceKey) {
        let at = self.0.iter_mut().rposition(|undo| match undo {
            Undo::Teardown {
                context, instances, ..
            } if context == of => {
                let is_it = instances.contains(instance);
                instances.retain(|it| it != instance);
                is_it
            }
            _ => false,
        });
        if let Some(at) = at
            && matches!(&self.0[at], Undo::Teardown { instances, .. } if instances.is_empty())
        {
            self.0.remove(at);
        }
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
